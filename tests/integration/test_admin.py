"""gatepost set, unset, history, undo, back, edit, diff and list: the commands
an administrator lives with. Needs no server."""

import json
import os
import pathlib
import pwd
import subprocess
import tempfile
import time

import pytest

from gplab import common

RULES = """\
# the house
net:office       192.0.2.0/24
profile:sales    clients=trusted webmail=tls trusted_nets=office

*                all=tls tls_min=1.2\t# everybody
example.com      pop3=off lock=pop3
# the copier
scan@example.com all=off submission=tls cleartext_nets=192.0.2.200
\t# inside
\tuntil=2099-03-01T00:00:00Z  note="copier, ticket 4711"  # why
bob@example.com  profile=sales
other.example    imap=tls
eve@other.example imap=off
"""

as_root = pytest.mark.skipif(os.geteuid() != 0, reason="needs root")


def mounts_are_private():
    """Whether a process may have mounts of its own: not in every
    container."""
    return subprocess.run(
        ["unshare", "--mount", "mount", "-t", "tmpfs", "tmpfs", "/mnt"],
        capture_output=True, check=False).returncode == 0


class Folder:
    """A rules file in a folder of its own, and gatepost."""

    def __init__(self, path, rules=RULES):
        self.path = path
        self.rules = path / "rules"
        self.map = path / "rules.lmdb"
        self.journal = path / "rules.journal"
        self.conf = path / "gatepost.conf"
        self.rules.write_text(rules)
        self.configure()

    def configure(self, more=""):
        text = (f"rules = {self.rules}\nmap = {self.map}\n"
                f"webmail_networks = 203.0.113.80\n{more}")
        if os.geteuid() != 0:
            text += f"map_owner = {pwd.getpwuid(os.geteuid()).pw_name}\n"
        self.conf.write_text(text)

    def argv(self, command, *words):
        return [str(common.program("gatepost")), command,
                "-c", str(self.conf), *map(str, words)]

    def run(self, command, *words, stdin="", env=None, **more):
        return subprocess.run(
            self.argv(command, *words), cwd=self.path, input=stdin,
            env={**os.environ, **(env or {})}, capture_output=True,
            text=True, check=False, timeout=120, **more)

    def expect(self, status, command, *words, **more):
        done = self.run(command, *words, **more)
        assert done.returncode == status, done
        return done

    def ok(self, command, *words, **more):
        return self.expect(0, command, *words, **more).stdout

    def refused(self, status, command, *words, **more):
        """Fails without touching rules or map."""
        before = self.state()
        done = self.expect(status, command, *words, **more)
        assert self.state() == before
        return done.stderr

    def state(self):
        return (self.rules.read_bytes(),
                self.map.read_bytes() if self.map.exists() else None)

    def compile(self):
        subprocess.run([str(common.program("gatemap")), "-c", self.conf,
                        self.rules], check=True)

    def in_force(self, key):
        """The attributes of a key as they stand in the map."""
        done = subprocess.run(
            [str(common.program("gatemap")), "-c", self.conf, "-q", key,
             self.rules], capture_output=True, text=True, check=False)
        return done.stdout.splitlines()

    def lines(self, key):
        return [line for line in self.rules.read_text().splitlines()
                if line.startswith(key)]

    def names(self):
        return sorted(p.name for p in self.path.iterdir())

    def entries(self):
        return [json.loads(line) for line in
                self.journal.read_text().splitlines()]


@pytest.fixture
def folder(tmp_path):
    made = Folder(tmp_path)
    made.compile()
    return made


# set and unset


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
    folder = Folder(tmp_path, before + "\n")
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
    folder = Folder(tmp_path, f"{before}\nz.z imap=off\n")
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
])
def test_what_does_not_compile_is_refused(folder, words, message):
    assert message in folder.refused(65, "set", *words)
    assert folder.names() == ["gatepost.conf", "rules", "rules.journal",
                              "rules.lmdb", "rules.summary"]


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
    there = time.mktime(time.strptime(written, "%Y-%m-%dT%H:%M:%SZ")) \
        - time.timezone
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
    folder = Folder(tmp_path)
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


# history and undo


def test_history(folder):
    folder.ok("set", "bob@example.com", "imap=off", "--by", "panel")
    folder.ok("unset", "eve@other.example")
    text = folder.ok("history")
    assert text.index("unset") < text.index("set\n")
    assert "    - eve@other.example imap=off\n" in text
    assert "    + bob@example.com  profile=sales imap=off\n" in text
    assert "panel" in folder.ok("history", "BOB@Example.com.")
    assert "eve" not in folder.ok("history", "bob@example.com")
    one = [json.loads(line) for line in
           folder.ok("history", "-j", "-n", "1").splitlines()]
    assert [e["command"] for e in one] == ["unset"]
    assert one[0]["state"] == "done" and one[0]["id"] == 2
    assert one[0]["uid"] == os.getuid()


def test_who_is_recorded(folder):
    folder.ok("set", "a.test", "imap=off", env={"SUDO_USER": "carol"})
    folder.ok("set", "a.test", "imap=tls", "--by", "shop",
              env={"SUDO_USER": "carol"})
    first, _, second, _ = folder.entries()
    assert second["by"] == "shop" and second["sudo_user"] == "carol"
    if os.geteuid() == 0:
        assert first["by"] == "carol"


def test_undo_brings_back_every_byte(folder):
    folder.ok("set", "scan@example.com", "submission=off",
              "--until", "2099-03-01T00:00:00Z", "--note", "x")
    folder.ok("unset", "bob@example.com")
    folder.ok("set", "-", stdin="new@example.com imap=off\n"
                                "example.com imap=off\n")
    for number in (3, 2, 1):
        folder.ok("undo", number)
    assert folder.rules.read_text() == RULES
    assert folder.in_force("bob@example.com") == ["profile=sales"]


def test_undo_needs_its_keys_as_it_left_them(folder):
    folder.ok("set", "bob@example.com", "imap=off")
    folder.ok("set", "bob@example.com", "sieve=off")
    assert "bob@example.com was changed since" in folder.refused(
        65, "undo", "1")
    folder.ok("undo", "2")
    folder.ok("undo", "1")
    assert "was changed since" in folder.refused(65, "undo", "1")
    assert "no change 99" in folder.refused(1, "undo", "99")
    assert folder.refused(64, "undo", "x")


def test_undo_asks_for_the_callers_last(folder):
    folder.ok("set", "bob@example.com", "imap=off", "--by", "ann")
    folder.ok("set", "eve@other.example", "pop3=off", "--by", "ben")
    assert "undo this?" in folder.run("undo", "--by", "ann",
                                      stdin="no\n").stdout
    assert "imap=off" in folder.lines("bob@")[0]
    shown = folder.ok("undo", "--by", "ann", stdin="yes\n")
    assert "bob@example.com" in shown and "eve" not in shown
    assert folder.lines("bob@") == ["bob@example.com  profile=sales"]
    assert "no change of zoe's" in folder.refused(1, "undo", "--by", "zoe")


def test_a_torn_journal(folder):
    folder.ok("set", "bob@example.com", "imap=off")
    whole = folder.journal.read_bytes()
    with folder.journal.open("ab") as journal:
        journal.write(b'{"id":2,"by":"somebody","keys":[{"key":"b')
    done = folder.expect(0, "history")
    assert "left out" in done.stderr and "bob@example.com" in done.stdout
    folder.ok("set", "bob@example.com", "sieve=off")
    assert folder.journal.read_bytes().startswith(whole)
    assert [json.loads(line)["id"] for line in
            folder.ok("history", "-j").splitlines()] == [2, 1]


def test_a_journal_of_years(folder):
    folder.ok("set", "bob@example.com", "imap=off")
    line = folder.journal.read_bytes()
    with folder.journal.open("ab") as journal:
        for i in range(2, 60000):
            journal.write(line.replace(b'"id":1', b'"id":%d' % i))
    start = time.monotonic()
    folder.ok("undo", "--yes")
    assert len(folder.ok("history", "-j", "-n", "3").splitlines()) == 3
    assert time.monotonic() - start < 3


def test_a_journal_elsewhere(folder):
    folder.configure(f"journal = {folder.path}/log/journal\n")
    assert "log/journal" in folder.refused(73, "set", "a.test", "imap=off")
    (folder.path / "log").mkdir()
    folder.ok("set", "a.test", "imap=off")
    assert (folder.path / "log" / "journal").exists()


# back


def test_back_with_a_broken_rules_file(folder):
    folder.ok("set", "example.com", "imap=off")
    folder.rules.write_text("nonsense")
    out = folder.ok("back")
    assert "is in force" in out and "gatepost undo" in out
    assert folder.in_force("example.com") == ["pop3=off lock"]
    folder.ok("back")
    assert folder.in_force("example.com") == ["imap=off pop3=off lock=pop3"]
    folder.rules.unlink()
    folder.ok("back")
    assert folder.in_force("example.com") == ["pop3=off lock"]


def test_back_without_settings(folder):
    folder.ok("set", "example.com", "imap=off")
    folder.conf.unlink()
    done = subprocess.run([str(common.program("gatepost")), "back", "-m",
                           folder.map], capture_output=True, text=True,
                          check=False)
    if os.geteuid() == 0:
        assert done.returncode == 0, done
        folder.configure()
        assert folder.in_force("example.com") == ["pop3=off lock"]


def test_back_is_not_undone_by_the_next_change(folder):
    folder.ok("set", "example.com", "imap=off")
    folder.ok("back", "--by", "night")
    error = folder.refused(75, "set", "bob@example.com", "imap=off")
    assert "night put the map before in force" in error
    folder.refused(75, "unset", "bob@example.com")
    # Taking back the change itself is what repairs.
    folder.ok("undo", "1")
    folder.ok("set", "bob@example.com", "imap=off")
    assert folder.in_force("example.com") == ["pop3=off lock"]


def test_back_keeps_the_summary_wide_enough(folder):
    summary = folder.path / "rules.summary"
    folder.rules.write_text("a.test imap=cleartext\n")
    folder.compile()
    anywhere = summary.read_bytes()
    folder.rules.write_text("a.test imap=tls\n")
    folder.compile()
    assert summary.read_bytes() != anywhere
    folder.ok("back")
    assert summary.read_bytes() == anywhere


def test_back_without_a_map_before(folder):
    assert "no map before this one" in folder.refused(66, "back")
    (folder.path / "rules.lmdb.prev").write_bytes(b"x" * 9000)
    folder.refused(78, "back")


# edit


def editor(folder, script):
    path = folder.path / "editor"
    path.write_text(f"#!/bin/sh\n{script}\n")
    path.chmod(0o755)
    return {"VISUAL": str(path), "EDITOR": "/bin/false"}


def test_edit(folder):
    env = editor(folder, "sed -i 's/^other.example .*/other.example "
                         "imap=off/' \"$1\"")
    out = folder.ok("edit", env=env, stdin="y\n")
    assert "- other.example: imap tls -> off" in out
    assert "0 mailboxes and 1 domain differ" in out
    assert folder.in_force("other.example") == ["imap=off"]
    folder.ok("undo", "1")
    assert folder.rules.read_text() == RULES


def test_edit_asks_before_it_takes_force(folder):
    before = folder.state()
    env = editor(folder, 'echo "x.test all=off" >>"$1"')
    assert "nothing was changed" in folder.ok("edit", env=env, stdin="x\n")
    assert folder.state() == before
    out = folder.ok("edit", env=env, stdin="e\ny\n".replace("e\n", "x\n"))
    assert "nothing was changed" in out
    folder.ok("edit", "--yes", env=env)
    assert folder.in_force("x.test") == ["all=off"]


def test_edit_asks_again_on_errors(folder):
    env = editor(folder, f'n=$(cat {folder.path}/n 2>/dev/null || echo 0)\n'
                 f'echo $((n + 1)) >{folder.path}/n\n'
                 'if [ "$n" = 0 ]; then echo "x.test imap=offf" >>"$1"\n'
                 'else sed -i "s/offf/off/" "$1"; fi')
    done = folder.expect(0, "edit", env=env, stdin="e\ny\n")
    assert 'did you mean "off"' in done.stderr
    assert folder.in_force("x.test") == ["imap=off"]
    (folder.path / "n").unlink()
    folder.refused(65, "edit", env=env, stdin="x\n")
    (folder.path / "n").unlink()
    folder.refused(65, "edit", "--yes", env=env)


def test_edit_repairs_broken_rules(folder):
    with folder.rules.open("a") as rules:
        rules.write("broken\n")
    folder.ok("edit", "--yes", env=editor(folder,
                                          "sed -i /broken/d \"$1\""))
    assert folder.rules.read_text() == RULES


def test_edit_does_not_overwrite_others(folder):
    env = editor(folder, f'echo "x.test all=off" >>"$1"\n'
                 f'{" ".join(folder.argv("set", "y.test", "all=off"))}')
    done = folder.expect(75, "edit", "--yes", env=env)
    assert "changed by somebody else" in done.stderr
    copy = pathlib.Path(done.stderr.strip().rsplit(" ", 1)[1])
    assert copy.read_text() == RULES + "x.test all=off\n"
    copy.unlink()
    copy.parent.rmdir()
    assert folder.rules.read_text() == RULES + "y.test all=off\n"


def test_an_editor_that_fails(folder):
    assert "has failed" in folder.refused(69, "edit", env={
        "VISUAL": "", "EDITOR": "/bin/false"})


# diff and list


def test_diff_is_of_the_effect(folder):
    new = folder.path / "new"
    new.write_text("# the same, said otherwise\nprofile:p imap=off\n"
                   "net:office 192.0.2.0/25,192.0.2.128/25\n"
                   "profile:sales clients=trusted trusted_nets=192.0.2.0/24\n"
                   "example.com pop3=off lock\nscan@example.com submission="
                   "tls imap=off pop3=off sieve=off webmail=off "
                   "cleartext_nets=192.0.2.200 until=2099-03-01T00:00:00Z\n"
                   "bob@example.com profile=sales\nother.example all=tls\n"
                   "eve@other.example profile=p\n")
    assert "no mailbox" in folder.ok("diff", folder.rules, new)
    with new.open("a") as rules:
        rules.write("* tls_min=1.3 sieve=cleartext\nbob@example.com "
                    "tls_min=1.2 mode=trial imap=off\n")
    out = folder.expect(1, "diff", folder.map, new).stdout
    assert out.splitlines() == [
        "+ *: sieve tls -> cleartext",
        "- *: tls_min 1.2 -> 1.3",
        "- other.example: tls_min 1.2 -> 1.3",
        "- bob@example.com: imap (trial) trusted -> off",
    ] or "- bob@example.com: imap (trial) trusted -> off" in out
    assert "+ *: sieve tls -> cleartext" in out
    rows = [json.loads(line) for line in
            folder.expect(1, "diff", "-j", new, folder.map)
            .stdout.splitlines()]
    assert {"key": "*", "change": "gain", "attribute": "tls_min",
            "before": "1.3", "after": "1.2", "trial": False} in rows


def test_list(folder):
    rows = {json.loads(line)["key"]: json.loads(line) for line in
            folder.ok("list", "-j").splitlines()}
    assert sorted(rows) == ["*", "bob@example.com", "eve@other.example",
                            "example.com", "other.example",
                            "scan@example.com"]
    bob = rows["bob@example.com"]
    assert bob["values"]["imap"] == "trusted"
    assert bob["values"]["trusted_nets"] == "192.0.2.0/24"
    assert bob["restricted"] == ["imap", "pop3", "submission", "sieve"]
    assert bob["locked"] == ["pop3"] and bob["locked_by"] == "example.com"
    scan = rows["scan@example.com"]
    assert scan["until"] == "2099-03-01T00:00:00Z"
    assert scan["exceptions"] == ["cleartext_nets"]
    assert scan["note"] == "copier, ticket 4711"
    assert scan["where"] == f"{folder.rules}:8"
    assert rows["other.example"]["restricted"] == []


def keys(folder, *words):
    return [json.loads(line)["key"] for line in
            folder.ok("list", "-j", *words).splitlines()]


def test_list_filters(folder):
    folder.ok("set", "loose.test", "imap=cleartext")
    folder.ok("set", "t.test", "imap=off", "mode=trial")
    folder.ok("set", "s.test", "imap=cleartext", "--until", "5d")
    assert keys(folder, "--exceptions") == ["scan@example.com", "loose.test",
                                            "s.test"]
    assert keys(folder, "--trials") == ["t.test"]
    assert keys(folder, "--expiring", "6") == ["s.test"]
    assert keys(folder, "--expiring", "4") == []
    assert keys(folder, "--restricted", "--service", "imap") == [
        "bob@example.com", "scan@example.com", "eve@other.example"]
    assert keys(folder, "--profile", "sales") == ["bob@example.com"]
    assert keys(folder, "other.example") == ["other.example",
                                             "eve@other.example"]
    assert keys(folder, "nobody@example.com", "no.test") == [
        "nobody@example.com", "no.test"]
    assert "no profile x" in folder.expect(1, "list", "--profile",
                                           "x").stderr
    folder.expect(65, "list", "a@b@c")
    assert folder.ok("list", "--csv", "eve@other.example").splitlines()[1] \
        .startswith("eve@other.example,off,tls,tls,tls,tls,1.2,imap,")


def test_list_shows_its_first_row_at_once(tmp_path):
    folder = Folder(tmp_path, "big.test all=tls\n" + "".join(
        f"u{i:06d}@big.test imap=off\n" for i in range(100_000)))
    folder.compile()
    start = time.monotonic()
    with subprocess.Popen(folder.argv("list", "-j", "big.test"),
                          stdout=subprocess.PIPE) as popen:
        popen.stdout.readline()
        first = time.monotonic() - start
        rest = sum(1 for _ in popen.stdout)
        whole = time.monotonic() - start
    assert rest == 100_000
    assert first < whole / 3, (first, whole)


# All of them


@pytest.mark.parametrize("command", ["set", "unset", "history", "undo",
                                     "back", "edit", "diff", "list"])
def test_help_and_usage(folder, command):
    shown = folder.ok(command, "--help")
    assert shown.startswith(f"Usage: gatepost {command}")
    assert max(map(len, shown.splitlines())) <= 80
    assert "--nonsense" in folder.refused(64, command, "--nonsense")


@as_root
def test_root_acts_as_the_owner():
    """Rules that are not root's are changed with their owner's rights."""
    with tempfile.TemporaryDirectory() as path:
        _act_as_owner(Folder(pathlib.Path(path)))


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


def _as_nobodys(folder, settings):
    folder.configure(settings)
    os.chown(folder.rules, pwd.getpwnam("nobody").pw_uid, -1)
    return folder.refused(77, "set", "bob@example.com", "imap=off")


def test_explain_names_the_lines_that_were_beaten(folder):
    folder.ok("set", "bob@example.com", "imap=off")
    out = folder.run("explain", "bob@example.com", "imap").stdout.splitlines()
    rows = [line.split() for line in out if str(folder.rules) in line]
    imap = rows.index(["imap", "off", "bob@example.com",
                       f"{folder.rules}:11"])
    assert rows[imap + 1:imap + 3] == [
        ["beats", "trusted", "profile:sales", f"{folder.rules}:3"],
        ["beats", "tls", "*", f"{folder.rules}:5"]]
    # A line whose lock wins is not beaten by itself.
    pop3 = rows.index(["pop3", "off", "example.com", f"{folder.rules}:6"])
    assert [row[2] for row in rows[pop3 + 1:pop3 + 4]] == [
        "profile:sales", "*", "profile:sales"]
