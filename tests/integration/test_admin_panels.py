"""A panel's ways in: sudo and ssh, by the very lines that gatepost(1) has,
with a real sudo and a real sshd, for users who exist in here alone."""

import contextlib
import os
import pathlib
import pwd
import re
import shutil
import subprocess
import tempfile

import pytest

from gplab import admin, common

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="needs root")

RULES = """\
*                all=tls
example.com      pop3=off
bob@example.com  imap=off
other.example    imap=off
"""
USERS = {"panel": 65501, "anna": 65502}
BOB = "bob@example.com imap=tls\n"
OTHER = "other.example imap=tls\n"


def manual_lines():
    """The literal blocks of the manual's section on panels, joined where they
    are continued."""
    text = (common.TREE / "shared/tools/gatepost.1").read_text()
    part = text[text.index(".Sh PANELS"):text.index(".Sh THE JOURNAL")]
    blocks = re.findall(r"\.Bd [^\n]*\n(.*?)\.Ed\n", part, re.S)
    return [block.replace("\\e\n", "\\\n") for block in blocks]


class Panel(admin.Folder):
    """A folder that others may look into, with a copy of gatepost that they
    may run, and an /etc that shows it as a host's."""

    def __init__(self, path):
        super().__init__(path, RULES)
        path.chmod(0o755)
        self.compile()
        self.gatepost = path / "gatepost"
        shutil.copy(common.program("gatepost"), self.gatepost)
        self.etc = path / "etc"
        subprocess.run(["cp", "-a", "/etc", self.etc], check=True)
        (self.etc / "gatepost").mkdir(exist_ok=True)
        shutil.copy(self.conf, self.etc / "gatepost" / "gatepost.conf")
        with (self.etc / "passwd").open("a") as passwd:
            for name, uid in USERS.items():
                passwd.write(f"{name}:*:{uid}:65534::/:/bin/sh\n")
        panel, anna, self.key_line = manual_lines()
        self.write_sudoers(panel + anna)

    def here(self, line):
        """A line of the manual, for this copy."""
        return line.replace("/usr/sbin/gatepost", str(self.gatepost))

    def write_sudoers(self, text):
        path = self.etc / "sudoers"
        path.unlink(missing_ok=True)
        path.write_text(self.here(text))
        path.chmod(0o440)

    def inside(self, *argv):
        """The command, where this /etc is the host's."""
        return ["unshare", "--mount", "/bin/sh", "-c",
                f"mount --bind {self.etc} /etc && "
                "mount -t tmpfs -o mode=755 tmpfs /run && mkdir /run/sshd && "
                'exec "$@"', "sh", *map(str, argv)]

    def sudo(self, user, *words, stdin=""):
        argv = self.inside("setpriv", f"--reuid={USERS[user]}",
                           "--regid=65534", "--clear-groups", "sudo", "-n",
                           self.gatepost, *words)
        return subprocess.run(argv, input=stdin, capture_output=True,
                              text=True, check=False, timeout=60)


def needs(program):
    if shutil.which(program) is None or not admin.mounts_are_private():
        pytest.skip(f"needs {program}, and mounts of its own")


@pytest.fixture(scope="module")
def made():
    needs("sudo")
    with tempfile.TemporaryDirectory(prefix="gatepost-") as path:
        yield Panel(pathlib.Path(path))


@pytest.fixture
def panel(made):
    made.rules.write_text(RULES)
    made.journal.unlink(missing_ok=True)
    made.compile()
    return made


def test_sudo_of_the_panel(panel):
    done = panel.sudo("panel", "set", "--by", "shop", "-", stdin=BOB + OTHER)
    assert done.returncode == 0, done
    assert panel.in_force("bob@example.com") == ["imap=tls"]
    assert panel.in_force("other.example") == ["imap=tls"]
    entry = panel.entries()[0]
    assert (entry["by"], entry["sudo_user"]) == ("shop", "panel")
    assert panel.rules.stat().st_uid == 0
    done = panel.sudo("panel", "unset", "--by", "shop", "-",
                      stdin="bob@example.com\n")
    assert done.returncode == 0, done


def test_sudo_of_a_reseller(panel):
    allowed = ["set", "--only", "example.com", "-"]
    done = panel.sudo("anna", *allowed, stdin=BOB)
    assert done.returncode == 0, done
    assert panel.in_force("bob@example.com") == ["imap=tls"]
    assert panel.entries()[0]["by"] == "anna"
    done = panel.sudo("anna", *allowed, stdin=OTHER)
    assert done.returncode == 77 and "outside of --only" in done.stderr
    done = panel.sudo("anna", "unset", "--only", "example.com", "-",
                      stdin="other.example\n")
    assert done.returncode == 77
    done = panel.sudo("anna", "history", "--only", "example.com")
    assert done.returncode == 0
    assert "+ bob@example.com  imap=tls\n" in done.stdout


@pytest.mark.parametrize("user, words", [
    ("anna", ["set", "--only", "other.example", "-"]),
    ("anna", ["set", "--by", "shop", "-"]),
    ("anna", ["set", "-"]),
    ("anna", ["set", "--only", "example.com", "-", "--only",
              "other.example"]),
    ("anna", ["set", "--only", "example.com", "--reset", "-"]),
    ("anna", ["set", "--only", "example.com", "bob@example.com",
              "imap=off"]),
    ("anna", ["set", "-c", "/tmp/x", "--only", "example.com", "-"]),
    ("anna", ["history"]), ("anna", ["undo"]), ("anna", ["back"]),
    ("panel", ["set", "-"]), ("panel", ["edit"]), ("panel", ["back"]),
    ("panel", ["set", "--by", "shop", "*", "imap=off"]),
])
def test_sudo_refuses_all_else(panel, user, words):
    before = panel.state()
    done = panel.sudo(user, *words, stdin=BOB)
    assert done.returncode == 1 and "password" in done.stderr, done
    assert panel.state() == before


def test_who_is_not_root_cannot(panel):
    """Without sudo a web server's user neither reads nor writes the rules."""
    panel.rules.chmod(0o640)
    nobody = pwd.getpwnam("nobody")
    done = subprocess.run(
        [panel.gatepost, "set", "-c", panel.conf, "bob@example.com",
         "imap=tls"], capture_output=True, text=True, check=False,
        user=nobody.pw_uid, group=nobody.pw_gid, extra_groups=[])
    panel.rules.chmod(0o644)
    assert done.returncode == 66, done
    assert panel.rules.read_text() == RULES


SSHD = """\
ListenAddress 127.0.0.1:{port}
HostKey {path}/host-key
AuthorizedKeysFile /etc/gatepost/keys-%u
PidFile none
UsePAM no
PasswordAuthentication no
"""


@pytest.fixture(scope="module")
def sshd(made, lab):
    """Its port: a server in which anna's key leads to the manual's line."""
    needs("sshd")
    for name in ("host-key", "key"):
        subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f",
                        made.path / name], check=True)
    public = (made.path / "key.pub").read_text()
    line = made.key_line.replace("sudo gatepost", f"sudo {made.gatepost}") \
        .replace("ssh-ed25519 AAAA...", public.strip())
    assert public.strip() in line and str(made.gatepost) in line
    (made.etc / "gatepost" / "keys-anna").write_text(line)
    port = lab.port()
    (made.path / "sshd_config").write_text(
        SSHD.format(port=port, path=made.path))
    with contextlib.ExitStack() as stack:
        server = stack.enter_context(subprocess.Popen(
            made.inside(shutil.which("sshd"), "-D", "-e", "-f",
                        made.path / "sshd_config"),
            stderr=subprocess.DEVNULL))
        stack.callback(server.terminate)
        lab.wait_port(port, server)
        yield port


def ssh(panel, port, *words, stdin, options=()):
    return subprocess.run(
        ["ssh", "-F", "none", "-i", panel.path / "key", "-p", str(port),
         "-o", "BatchMode=yes", "-o", "StrictHostKeyChecking=no", "-o",
         f"UserKnownHostsFile={panel.path}/known", "-o", "LogLevel=ERROR",
         *options, "anna@127.0.0.1", *words], input=stdin,
        capture_output=True, text=True, check=False, timeout=60)


def test_ssh(panel, sshd):
    done = ssh(panel, sshd, stdin=BOB)
    assert done.returncode == 0, done
    assert panel.in_force("bob@example.com") == ["imap=tls"]
    assert panel.entries()[0]["by"] == "anna"
    assert ssh(panel, sshd, stdin=OTHER).returncode == 77
    assert panel.in_force("other.example") == ["imap=off"]


@pytest.mark.parametrize("words", [
    ["set", "other.example", "all=tls"], ["sh"], ["gatepost back"],
    ["; gatepost set other.example imap=tls"]])
def test_ssh_takes_no_words(panel, sshd, words):
    """What the client asks to be run goes nowhere."""
    done = ssh(panel, sshd, *words, stdin=BOB)
    assert done.returncode == 0, done
    assert panel.rules.read_text() == RULES.replace(
        "bob@example.com  imap=off", "bob@example.com  imap=tls")


def test_ssh_is_for_nothing_else(panel, sshd):
    """No terminal, no ports, no files."""
    done = ssh(panel, sshd, stdin=BOB, options=["-tt"])
    assert "PTY allocation request failed" in done.stderr
    done = ssh(panel, sshd, stdin="", options=["-W", f"127.0.0.1:{sshd}"])
    assert done.returncode != 0 and "forwarding failed" in done.stderr
