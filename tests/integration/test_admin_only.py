"""gatepost ... --only DOMAIN: a reseller at the panel, and whatever he may try
to touch what is not his. And the panel's own ways in: sudo and ssh."""

import os
import pathlib
import pwd
import shutil
import subprocess
import tempfile

import pytest

from gplab import common
from gplab.admin import Folder, mounts_are_private

RULES = """\
net:office       192.0.2.0/24
profile:sales    imap=off
*                all=tls
.example.com     sieve=off
example.com      pop3=off
bob@example.com  imap=off
sub.example.com  imap=off
al@sub.example.com imap=off
other.example    imap=off
eve@other.example imap=off
examplexcom      imap=off
münchen.example  imap=off
me@              imap=off
@                imap=tls
"""

as_root = pytest.mark.skipif(os.geteuid() != 0, reason="needs root")


@pytest.fixture
def folder(tmp_path):
    made = Folder(tmp_path, RULES)
    made.compile()
    return made


# Inside

@pytest.mark.parametrize("only, words", [
    ("example.com", ["example.com", "imap=off"]),
    ("example.com", ["bob@example.com", "imap=tls"]),
    ("EXAMPLE.com.", ["BOB@Example.COM.", "imap=tls"]),
    ("example.com", ["new@example.com", "profile=sales"]),
    ("example.com", ["example.com", "trusted_nets=office"]),
    ("example.com", ["al@example.com", "same_as=bob@example.com"]),
    ("example.com", ["example.com", "imap=off", "--reset"]),
    ("sub.example.com", ["al@sub.example.com", "imap=tls"]),
    ("xn--mnchen-3ya.example", ["x@münchen.example", "imap=tls"]),
    ("MÜNCHEN.example", ["xn--mnchen-3ya.example", "pop3=off"]),
])
def test_inside(folder, only, words):
    folder.ok("set", "--only", only, *words)
    assert folder.rules.read_text() != RULES


# Outside

OUTSIDE = [
    "other.example", "eve@other.example", "*", ".example.com",
    "sub.example.com", "al@sub.example.com", "com", ".com", "examplexcom",
    "xexample.com", "example.com.evil.test", "bob@example.com.evil.test",
    "me@", "@", "net:office", "net:new", "profile:sales", "profile:new",
    "OTHER.example.", "xn--mnchen-3ya.example", "münchen.example",
    "ｏther.example",
]


@pytest.mark.parametrize("key", OUTSIDE)
def test_outside(folder, key):
    value = "192.0.2.0/24" if key.startswith("net:") else "imap=tls"
    error = folder.refused(77, "set", "--only", "example.com", key, value)
    assert "outside of --only" in error
    folder.refused(77, "set", key, value, "--only", "example.com")
    folder.refused(77, "set", "--only", "example.com", "--", key, value)
    folder.refused(77, "set", "--only", "example.com", "--reset", key, value)
    folder.refused(77, "unset", "--only", "example.com", key)
    folder.refused(77, "set", "--only", "example.com", "-",
                   stdin=f"bob@example.com imap=tls\n{key} {value}\n")
    folder.refused(77, "unset", "--only", "example.com", "-",
                   stdin=f"bob@example.com\n{key}\n")


@pytest.mark.parametrize("status, words", [
    # By way of values.
    (77, ["al@example.com", "same_as=eve@other.example"]),
    (77, ["al@example.com", "same_as=EVE@Other.example."]),
    (65, ["bob@example.com", "note=x\nother.example all=tls"]),
    (65, ["bob@example.com", "note=x\rother.example all=tls"]),
    (65, ["bob@example.com", "message=\"\nother.example all=tls"]),
    (77, ["bob@example.com\nother.example", "imap=tls"]),
    (77, ["bob@example.com other.example", "imap=tls"]),
    (65, ["#bob@example.com", "imap=tls"]),
    (65, ["bob@example.com", "imap=tls\tpop3=tls"]),
    (65, ["bob@example.com", "imap=tls\\\nother.example"]),
    (77, [" other.example", "imap=tls"]),
    (65, ["bob@example.com", "until=9d\nother.example"]),
    (65, ["bob@example.com", "imap=off", "--until", "9d\nx.test all=off"]),
    (65, ["bob@example.com", "imap=tls", "--note", "x\n* all=cleartext"]),
    # By way of options.
    (64, ["-c", "/tmp/evil.conf", "bob@example.com", "imap=tls"]),
    (64, ["--config=/tmp/evil.conf", "bob@example.com", "imap=tls"]),
    (64, ["--force", "bob@example.com", "imap=tls"]),
    (77, ["--only", "other.example", "bob@example.com", "imap=tls"]),
    (77, ["--only", "other.example", "other.example", "imap=tls"]),
    (64, ["--only", "*", "other.example", "imap=tls"]),
    (64, ["--only", "", "other.example", "imap=tls"]),
    (64, ["--only", ".com", "other.example", "imap=tls"]),
    (64, ["--only", "net:office", "other.example", "imap=tls"]),
    (77, ["-o", "other.example", "imap=tls"]),
])
def test_tricks(folder, status, words):
    done = folder.run("set", "--only", "example.com", *words)
    assert done.returncode in (status, 64), done
    assert folder.rules.read_text() == RULES
    assert folder.in_force("other.example") == ["imap=off"]


def test_a_domain_that_leads_out(tmp_path):
    folder = Folder(tmp_path, "other.example imap=off\n")
    assert "leads out of --only" in folder.refused(
        77, "set", "--only", "example.com", "example.com",
        "same_as=other.example")
    # What the administrator has written may stay.
    folder.rules.write_text("other.example imap=off\n"
                            "example.com same_as=other.example\n")
    folder.ok("set", "--only", "example.com", "example.com", "note=x")


def test_undo_and_history(folder):
    folder.ok("set", "other.example", "imap=tls")
    folder.ok("set", "-", stdin="example.com imap=off\nother.example "
                                "pop3=off\n")
    folder.ok("set", "--only", "example.com", "bob@example.com", "imap=tls")
    for number in (1, 2):
        assert "outside of --only" in folder.refused(
            77, "undo", "--only", "example.com", number)
    shown = folder.ok("history", "--only", "example.com")
    assert "other.example" not in shown and "bob@example.com" in shown
    folder.ok("undo", "--only", "example.com", "--yes")
    assert folder.refused(1, "undo", "--only", "example.com", "--yes",
                          "--by", "nobody-else")
    folder.refused(64, "undo", "--only", "example.com", "-c", "/x", "1")
    folder.refused(64, "history", "--only", "example.com", "-c", "/x")


@pytest.mark.parametrize("command", ["back", "edit", "diff", "list"])
def test_commands_that_are_not_for_resellers(folder, command):
    folder.refused(64, command, "--only", "example.com")


# The panel's ways in. The rules of both files below are in gatepost(1).

SUDOERS = """\
panel ALL=(root) NOPASSWD: {gatepost} set -c {conf} --only example.com -, \\
	{gatepost} unset -c {conf} --only example.com -
"""


def _as_panel(argv, **more):
    """Runs as a web server's user."""
    return subprocess.run(argv, capture_output=True, text=True, check=False,
                          timeout=60, **more)


@pytest.fixture
def panel():
    """A folder that another user may look into, and a copy of gatepost that
    he may run."""
    with tempfile.TemporaryDirectory(prefix="gatepost-") as path:
        folder = Folder(pathlib.Path(path), RULES)
        folder.path.chmod(0o755)
        folder.compile()
        copy = folder.path / "gatepost"
        shutil.copy(common.program("gatepost"), copy)
        folder.gatepost = copy
        yield folder


SUDO = """\
chown 0:0 {path}/sudoers && chmod 0440 {path}/sudoers &&
mount --bind {path}/sudoers /etc/sudoers &&
exec setpriv --reuid=nobody --regid=nogroup --clear-groups sudo -n "$@"
"""


def _sudo(panel, *argv, stdin=""):
    """sudo as nobody, with our sudoers in the place of the host's for this one
    process."""
    script = SUDO.format(path=panel.path)
    return _as_panel(["unshare", "--mount", "/bin/sh", "-c", script, "sh",
                      *map(str, argv)], input=stdin)


@as_root
def test_sudo(panel):
    """With exactly the rules of the manual, for user nobody."""
    if shutil.which("sudo") is None or not mounts_are_private():
        pytest.skip("needs sudo, and mounts of its own")
    (panel.path / "sudoers").write_text(
        SUDOERS.replace("panel", "nobody", 1).format(
            gatepost=panel.gatepost, conf=panel.conf))
    allowed = [panel.gatepost, "set", "-c", panel.conf, "--only",
               "example.com", "-"]
    done = _sudo(panel, *allowed, stdin="bob@example.com imap=tls\n")
    assert done.returncode == 0, done
    assert panel.in_force("bob@example.com") == ["imap=tls"]
    assert panel.entries()[0]["by"] == "nobody"
    assert panel.rules.stat().st_uid == 0
    done = _sudo(panel, *allowed, stdin="other.example imap=tls\n")
    assert done.returncode == 77 and "outside of --only" in done.stderr
    before = panel.state()
    for words in (
            ["set", "-c", panel.conf, "--only", "other.example", "-"],
            ["set", "-c", panel.conf, "-"],
            ["set", "-c", "/tmp/x", "--only", "example.com", "-"],
            ["set", "-c", panel.conf, "--only", "example.com",
             "bob@example.com", "imap=off"],
            ["back", "-c", panel.conf], ["edit", "-c", panel.conf]):
        done = _sudo(panel, panel.gatepost, *words,
                     stdin="bob@example.com imap=off\n")
        assert done.returncode == 1 and "password" in done.stderr, done
    assert panel.state() == before


def test_ssh_forced_command(panel):
    """sshd hands the forced command to the user's shell; what the client asked
    for is in SSH_ORIGINAL_COMMAND and goes nowhere."""
    forced = (f"{panel.gatepost} set -c {panel.conf} --only example.com "
              "--by shop -")
    done = _as_panel(["/bin/sh", "-c", forced],
                     input="bob@example.com imap=tls\n",
                     env={"SSH_ORIGINAL_COMMAND": "set other.example all=tls",
                          "PATH": "/usr/bin:/bin"})
    assert done.returncode == 0, done
    assert panel.in_force("bob@example.com") == ["imap=tls"]
    done = _as_panel(["/bin/sh", "-c", forced],
                     input="other.example all=tls\n",
                     env={"SSH_ORIGINAL_COMMAND": "x",
                          "PATH": "/usr/bin:/bin"})
    assert done.returncode == 77
    assert panel.entries()[0]["by"] == "shop"


@as_root
def test_who_is_not_root_cannot(panel):
    """Without sudo a web server's user neither reads nor writes the rules."""
    panel.rules.chmod(0o640)
    uid = pwd.getpwnam("nobody").pw_uid
    done = _as_panel([str(panel.gatepost), "set", "-c", str(panel.conf),
                      "bob@example.com", "imap=tls"], user=uid, group=uid,
                     extra_groups=[])
    assert done.returncode == 77, done
    assert panel.rules.read_text() == RULES
