"""gatepost set and unset: one rule is edited where it stands, and nothing
else."""

import calendar
import json
import os
import pathlib
import pwd
import shutil
import subprocess
import tempfile
import time

import pytest

from gplab import admin, common
from gplab.admin import RULES


@pytest.fixture
def folder(tmp_path):
    return admin.compiled(tmp_path)

def test_edits_one_rule_where_it_stands(folder):
    folder.ok("set", "scan@example.com", "submission=off",
              "until=2099-03-01T01:00:00+01:00")
    assert folder.rules.read_text() == RULES.replace(
        "submission=tls", "submission=off")
    assert "submission=off" in folder.in_force("scan@example.com")[0] or \
        "all=off" in folder.in_force("scan@example.com")[0]


@pytest.mark.parametrize("words, before, after", [
    (["imap=off"], "x@y.z imap=tls", "x@y.z imap=off"),
    (["imap=off"], "x@y.z clients=tls", "x@y.z clients=tls imap=off"),
    # A group takes the narrower words with it, or it would be beaten.
    (["clients=off"], "x@y.z imap=tls webmail=tls",
     "x@y.z clients=off webmail=tls"),
    (["all=off"], "x@y.z imap=tls clients=tls note=n", "x@y.z all=off note=n"),
    (["all=off", "imap=tls"], "x@y.z imap=cleartext",
     "x@y.z imap=tls all=off"),
    (["note=a b"], "x@y.z imap=tls", 'x@y.z imap=tls note="a b"'),
    (["message=#1 call us"], "x@y.z imap=tls",
     'x@y.z imap=tls message="#1 call us"'),
    (["imap=off", "mode=trial"], "x@y.z imap=tls",
     "x@y.z imap=tls\nx@y.z mode=trial imap=off"),
    (["imap=off", "until=2099-01-01T00:00:00Z"], "x@y.z imap=tls",
     "x@y.z imap=tls\nx@y.z until=2099-01-01T00:00:00Z imap=off"),
    (["imap=off", "until=2099-01-01T01:00:00+01:00"],
     "x@y.z imap=tls until=2099-01-01T00:00:00Z",
     "x@y.z imap=off until=2099-01-01T00:00:00Z"),
])
def test_set(tmp_path, words, before, after):
    folder = admin.Folder(tmp_path, before + "\n")
    folder.ok("set", "x@y.z", *words)
    assert folder.rules.read_text() == after + "\n"


@pytest.mark.parametrize("words, before, after", [
    (["imap"], "y.z imap=tls pop3=off", "y.z pop3=off"),
    (["imap"], "y.z imap=tls", ""),
    (["imap"], "y.z all=tls", "y.z all=tls imap=inherit"),
    (["imap"], "y.z all=tls imap=off", "y.z all=tls imap=inherit"),
    (["clients"], "y.z imap=off clients=tls webmail=off", "y.z webmail=off"),
    (["clients"], "y.z all=off", "y.z all=off clients=inherit"),
    (["imap"], "y.z imap=tls pop3=off lock=imap,pop3",
     "y.z pop3=off lock=pop3"),
    (["imap"], "y.z imap=tls pop3=off lock=imap", "y.z pop3=off"),
    (["imap", "note"], "y.z imap=tls note=x until=2099-01-01T00:00:00Z", ""),
    ([], "y.z imap=tls\ny.z mode=trial imap=off", ""),
    (["mode=trial"], "y.z imap=tls\ny.z mode=trial imap=off",
     "y.z imap=tls"),
    (["imap"], "y.z imap=tls\ny.z mode=trial imap=off pop3=off",
     "y.z mode=trial pop3=off"),
])
def test_unset(tmp_path, words, before, after):
    folder = admin.Folder(tmp_path, f"{before}\nz.z imap=off\n")
    folder.ok("unset", "y.z", *words)
    assert folder.rules.read_text() == (after + "\n" if after else "") \
        + "z.z imap=off\n"


def test_appends_what_does_not_stand(folder):
    out = folder.ok("set", "new@example.com", "imap=off", "--note", "left us")
    assert folder.rules.read_text() == \
        RULES + 'new@example.com imap=off note="left us"\n'
    assert f"+ {folder.rules}: new@example.com imap=off" in out
    assert folder.in_force("new@example.com") == \
        ['imap=off note="left us"']


def test_a_folder_of_rules(folder):
    rules = folder.path / "rules.d"
    rules.mkdir()
    (rules / "10-base").write_text("a.test imap=off\nb.test imap=off\n")
    (rules / "20-panel").write_text("a.test pop3=off\n")
    folder.rules = rules
    folder.configure()
    folder.ok("set", "a.test", "imap=tls")
    folder.ok("set", "a.test", "sieve=tls")
    folder.ok("set", "b.test", "imap=tls")
    out = folder.ok("set", "c.test", "imap=tls")
    assert str(rules / "20-panel") in out
    assert (rules / "10-base").read_text() == "a.test imap=tls\n" \
        "b.test imap=tls\n"
    assert (rules / "20-panel").read_text() == \
        "a.test pop3=off sieve=tls\nc.test imap=tls\n"
    assert folder.path.joinpath("rules.d.journal").exists()
    folder.ok("undo", "4")
    assert (rules / "20-panel").read_text() == "a.test pop3=off sieve=tls\n"


def test_reset_is_one_change(folder):
    folder.ok("set", "example.com", "submission=off", "--reset")
    assert folder.lines("scan@") == ["scan@example.com all=off submission="
                                     "inherit cleartext_nets=192.0.2.200"]
    assert "eve@other.example imap=off" in folder.rules.read_text()
    assert len(folder.entries()) == 2
    folder.ok("undo", "1")
    assert folder.rules.read_text() == RULES


def test_many_lines_are_one_change(folder):
    lines = "".join(f'u{i}@example.com imap=off note="no {i}"\n'
                    for i in range(300))
    folder.ok("set", "-", stdin=lines)
    assert folder.rules.read_text() == RULES + lines
    assert len(folder.entries()) == 2
    folder.ok("unset", "-", stdin="".join(f"u{i}@example.com\n"
                                          for i in range(300)))
    assert folder.rules.read_text() == RULES
    # All or nothing.
    assert "stdin:2:21: error: this quote is not closed" in folder.refused(
        65, "set", "-", stdin='a@b.c imap=off\nb@b.c note=xy" note="\n')
    assert 'unknown value' in folder.refused(
        65, "set", "-", stdin="a@b.c imap=off\nb@b.c imap=offf\n")
    assert "no line" in folder.refused(65, "set", "-", stdin="# nothing\n")


@pytest.mark.parametrize("words, message", [
    (["bob@example.com", "imap=offf"], "did you mean"),
    (["bob@example.com", "imapp=off"], "there is no attribute imapp"),
    (["bob@example.com", "imap"], "imap needs a value"),
    (["bob@example.com", "note=a\nx.test all=off"], "cannot be written"),
    (["bob@example.com", 'note="x'], "cannot be written"),
    (["bob@example.com", 'note=a "b"'], "cannot be written"),
    (["bob@example.com", "imap=off pop3=off"], "unknown value"),
    (["x.test all=off #", "imap=off"], "a key is missing"),
    (["#x.test", "imap=off"], "one word"),
    (["bob@example.com", "until=30d"], "nothing to set"),
    (["bob@example.com", "imap=off", "until=2020-01-01T00:00:00Z"], "past"),
    (["bob@example.com", "imap=off", "until=tomorrow"], "is no time"),
    (["bob@example.com", "imap=off", "until=2027-02-30"], "is no time"),
    (["bob@example.com", "profile=none"], "none"),
    (["bob@example.com", "same_as=eve@example.com"], "same_as"),
    (["net:office", "192.0.2.1/24"], "host bits"),
    (["bob@example.com", "lock"], "lock"),
    (["bob@example.com", "imap=off", "imap=tls"], "imap is given twice"),
    (["bob@example.com", "imap=off", "until=9d", "--until", "3d"],
     "until is given twice"),
])
def test_what_does_not_compile_is_refused(folder, words, message):
    assert message in folder.refused(65, "set", *words)
    assert folder.names() == ["gatepost.conf", "rules", "rules.lmdb",
                              "rules.summary"]


def test_nets_and_profiles(folder):
    folder.ok("set", "net:office", "192.0.2.0/25", "198.51.100.0/24")
    assert folder.lines("net:") == ["net:office 192.0.2.0/25,198.51.100.0/24"]
    folder.ok("set", "profile:sales", "imap=off")
    assert folder.lines("profile:") == [
        "profile:sales    clients=trusted webmail=tls trusted_nets=office "
        "imap=off"]
    assert "office" in folder.refused(65, "unset", "net:office")


def test_what_a_lock_makes_ineffective_is_refused(folder):
    error = folder.refused(65, "set", "bob@example.com", "pop3=tls")
    assert f"no effect on pop3: {folder.rules}:6 (example.com) locks it" in \
        error
    folder.refused(65, "set", "bob@example.com", "clients=tls")
    folder.ok("set", "*", "sieve=off", "lock=sieve")
    assert ":5 (*) locks it" in folder.refused(
        65, "set", ".example.org", "sieve=tls")
    folder.ok("set", "bob@example.com", "all=off", "submission=tls")
    folder.ok("set", "example.com", "pop3=implicit")


def test_a_line_that_comes_before_is_told(folder):
    folder.rules.write_text("a.test imap=tls\na.test imap=off until="
                            "2099-01-01T00:00:00Z\n")
    done = folder.expect(0, "set", "a.test", "imap=cleartext")
    assert f"{folder.rules}:2 comes before imap=cleartext until 2099" in \
        done.stderr


def test_nothing_to_do(folder):
    before = folder.state()
    assert "nothing to change" in folder.ok("set", "example.com", "pop3=off")
    assert folder.run("unset", "nobody@example.com").returncode == 1
    assert folder.run("unset", "bob@example.com", "imap").returncode == 1
    assert folder.state() == before
    assert folder.entries() == []


def test_sessions_that_may_stand_are_told(folder):
    assert 'gatepost kick bob@example.com' in folder.ok(
        "set", "bob@example.com", "imap=off")
    assert "kick" not in folder.ok("set", "bob@example.com", "imap=tls")
    told = json.loads(folder.ok("set", "-j", "*", "tls_min=1.3"))
    assert told["sessions_may_stand"] is True and told["id"] == 3


@pytest.mark.parametrize("zone, until, written", [
    ("UTC", "2097-03-01", "2097-03-01T00:00:00+00:00"),
    ("CET-1CEST,M3.5.0,M10.5.0", "2097-07-01", "2097-07-01T00:00:00+02:00"),
    ("UTC", "2097-03-01T08:00:00+01:00", "2097-03-01T08:00:00+01:00"),
])
def test_until_is_written_with_its_zone(folder, zone, until, written):
    folder.ok("set", "a.test", "imap=off", "--until", until,
              env={"TZ": zone})
    assert folder.lines("a.test") == [f"a.test until={written} imap=off"]


@pytest.mark.parametrize("until, seconds", [
    ("30d", 30 * 86400), ("12h", 43200), ("2w", 1209600), ("45m", 2700)])
def test_until_from_now(folder, until, seconds):
    now = time.time()
    folder.ok("set", "a.test", "imap=off", "--until", until)
    written = folder.lines("a.test")[0].split()[1].removeprefix("until=")
    there = calendar.timegm(time.strptime(written, "%Y-%m-%dT%H:%M:%SZ"))
    assert abs(there - now - seconds) < 30


def test_the_file_stays_its_administrators(folder):
    real = folder.path / "elsewhere"
    folder.rules.rename(real)
    folder.rules.symlink_to("elsewhere")
    real.chmod(0o604)
    try:
        os.setxattr(real, "user.label", b"kept")
        labels = True
    except OSError:
        labels = False
    if os.geteuid() == 0:
        os.chown(real, 0, 12)
    folder.ok("set", "bob@example.com", "imap=off")
    assert folder.rules.is_symlink()
    status = real.stat()
    assert status.st_mode & 0o7777 == 0o604
    if os.geteuid() == 0:
        assert status.st_gid == 12
    if labels:
        assert os.getxattr(real, "user.label") == b"kept"


def test_ends_of_lines_and_encodings_stay(tmp_path):
    folder = admin.Folder(tmp_path)
    data = b"\xef\xbb\xbf# caf\xe9\r\na.test imap=off # \xe9\r\n" \
        b"b.test imap=off"
    folder.rules.write_bytes(data)
    folder.ok("set", "a.test", "imap=tls")
    folder.ok("set", "c.test", "imap=tls")
    assert folder.rules.read_bytes() == data.replace(
        b"a.test imap=off", b"a.test imap=tls") + b"\r\nc.test imap=tls\r\n"
    folder.ok("undo", "1")
    folder.ok("undo", "2")
    assert folder.rules.read_bytes() == data + b"\r\n"


def test_changes_by_hand_are_told(folder):
    with folder.rules.open("a") as rules:
        rules.write("by-hand.test imap=off\n")
    done = folder.expect(0, "set", "bob@example.com", "imap=off")
    assert "changed since the map was compiled" in done.stderr
    assert folder.in_force("by-hand.test") == ["imap=off"]


def test_changes_of_the_map_alone_are_not_lost(folder):
    subprocess.run([str(common.program("gatemap")), "-c", folder.conf, "-i",
                    folder.rules], input="x.test imap=off\n", text=True,
                   check=True)
    assert "- x.test" in folder.refused(73, "set", "bob@example.com",
                                        "imap=off")
    folder.ok("set", "--force", "bob@example.com", "imap=off")


def test_broken_rules_are_said_and_left(folder):
    with folder.rules.open("a") as rules:
        rules.write("broken\n")
    error = folder.refused(65, "set", "bob@example.com", "imap=off")
    assert f"{folder.rules}:14:1: error:" in error


@pytest.mark.skipif(os.geteuid() != 0, reason="needs root")
def test_root_acts_as_the_owner():
    """Rules that are not root's are changed with their owner's rights."""
    with tempfile.TemporaryDirectory() as path:
        _act_as_owner(admin.Folder(pathlib.Path(path)))


def _act_as_owner(folder):
    folder.compile()
    folder.path.chmod(0o755)
    assert "would not be trusted" in _as_nobodys(folder, "")
    owner = "map_owner = nobody\n"
    assert "Permission denied" in _as_nobodys(folder, owner)
    uid = pwd.getpwnam("nobody").pw_uid
    for name in folder.names():
        os.chown(folder.path / name, uid, -1)
    os.chown(folder.path, uid, -1)
    folder.ok("set", "bob@example.com", "imap=off")
    assert folder.rules.stat().st_uid == uid
    assert folder.journal.stat().st_uid == uid


@pytest.mark.skipif(os.geteuid() != 0, reason="needs root")
def test_a_group_that_cannot_be_kept():
    """Nor is the file given away to another one."""
    nobody = pwd.getpwnam("nobody")
    with tempfile.TemporaryDirectory() as path:
        folder = admin.Folder(pathlib.Path(path))
        folder.path.chmod(0o755)
        folder.configure("map_owner = nobody\n")
        for name in (".", *folder.names()):
            os.chown(folder.path / name, nobody.pw_uid, 0)
        copy = shutil.copy(common.program("gatepost"), path)
        done = subprocess.run(
            [copy, "set", "-c", folder.conf, "bob@example.com", "imap=off"],
            capture_output=True, text=True, check=False, user="nobody",
            group=nobody.pw_gid, extra_groups=[])
        assert done.returncode == 77, done
        assert "its owner, group and labels cannot be given" in done.stderr
        assert folder.rules.read_text() == RULES
        assert folder.rules.stat().st_gid == 0


def _as_nobodys(folder, settings):
    folder.configure(settings)
    os.chown(folder.rules, pwd.getpwnam("nobody").pw_uid, -1)
    return folder.refused(77, "set", "bob@example.com", "imap=off")
