"""gatepost history, undo and back: what was done, and how to take it back."""

import json
import os
import subprocess

import pytest

from gplab import admin, common
from gplab.admin import RULES


@pytest.fixture
def folder(tmp_path):
    return admin.compiled(tmp_path)

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


def test_no_comment_steers_a_terminal(folder):
    with folder.rules.open("a") as rules:
        rules.write("a.test imap=off\t# \x1b[2J\x7f\x9b2J\u202e\n")
    folder.compile()
    for words in (["set", "a.test", "imap=tls"], ["history"],
                  ["undo", "--yes"]):
        shown = folder.ok(*words)
        assert "a.test imap=off\t# \\x1b[2J\\x7f\\xc2\\x9b2J\\xe2\\x80\\xae\n" \
            in shown
        assert not set("\x1b\x7f\x9b\u202e") & set(shown)


def test_who_is_recorded(folder):
    folder.ok("set", "a.test", "imap=off", env={"SUDO_USER": "carol"})
    folder.ok("set", "a.test", "imap=tls", "--by", "shop",
              env={"SUDO_USER": "carol"})
    first, _, second, _ = folder.entries()
    assert second["by"] == "shop" and second["sudo_user"] == "carol"
    if os.geteuid() == 0:
        assert first["by"] == "carol"


@pytest.mark.parametrize("words", [
    ["set", "a.test", "imap=off"], ["unset", "bob@example.com"], ["edit"],
    ["undo"], ["back"]])
@pytest.mark.parametrize("name", ["", "a\nb", b"caf\xe9", '"a', "\x1b[2J"])
def test_names_that_a_journal_cannot_have(folder, words, name):
    assert "this is no name" in folder.refused(64, *words, "--by",
                                               os.fsdecode(name))


@pytest.mark.parametrize("key", ["a.test", "\u00fc@a.test"])
def test_undo_where_a_comment_is_no_utf8(folder, key):
    with folder.rules.open("ab") as rules:
        rules.write(key.encode() + b" imap=off # caf\xe9\n")
    folder.compile()
    before = folder.state()
    folder.ok("set", key, "imap=tls")
    assert folder.state() != before
    folder.ok("undo", "--yes")
    assert folder.state()[0] == before[0]
    assert "undo" in folder.ok("history", key)


def test_undo_in_a_folder_whose_name_is_no_utf8(tmp_path):
    path = tmp_path / os.fsdecode(b"caf\xe9")
    path.mkdir()
    folder = admin.compiled(path)
    before = folder.state()[0]
    folder.ok("set", "a.test", "imap=off")
    assert folder.entries()[0]["keys"][0]["file"].endswith("caf\xe9/rules")
    editor = folder.path / "editor"
    editor.write_text('#!/bin/sh\necho "# a remark" >>"$1"\n')
    editor.chmod(0o755)
    folder.ok("edit", stdin="y\n",
              env={"VISUAL": str(editor), "EDITOR": str(editor)})
    folder.ok("undo", "--yes")
    folder.ok("undo", "1", "--yes")
    assert folder.state()[0] == before


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
    for number in ("x", "0", "1x", "9" * 30):
        assert folder.refused(64, "undo", number)


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


@pytest.mark.parametrize("line", [
    b"{}", b"[1]", b'{"id":0,"state":"done"}', b'{"id":-5,"keys":[]}',
    b'{"id":"2","keys":[]}', b'{"id":9223372036854775807,"keys":[]}',
    b'{"id":1e3,"keys":[]}', b"\0" * 4096, b"\xff\xfe{\x00", b"{" * 100000],
    ids=lambda line: repr(line[:16]))
def test_lines_that_no_journal_has(folder, line):
    """Whatever stands there, numbers go on and the rest is of use."""
    folder.ok("set", "bob@example.com", "imap=off")
    with folder.journal.open("ab") as journal:
        journal.write(line + b"\n")
    assert "left out" in folder.expect(0, "history").stderr
    folder.ok("set", "bob@example.com", "sieve=off")
    assert [json.loads(entry)["id"] for entry in
            folder.ok("history", "-j").splitlines()] == [2, 1]
    folder.ok("undo", "2")
    folder.ok("undo", "1")
    assert folder.rules.read_text() == RULES


@pytest.mark.parametrize("make, message", [
    (lambda path: path.symlink_to("elsewhere"), "a symbolic link"),
    (os.mkfifo, "no regular file"), (os.mkdir, "no regular file")])
def test_a_journal_that_is_no_file(folder, make, message):
    make(folder.journal)
    for words in (["history"], ["undo"], ["set", "a.test", "imap=off"]):
        done = folder.run(*words)
        assert done.returncode == 78 and done.stdout == "", done
        assert f"{folder.journal}: this is {message}" in done.stderr
    assert folder.rules.read_text() == RULES


def test_a_journal_of_years(folder):
    """It is read from its end, and no further than needed: nobody comes by
    what nobody can read at its beginning."""
    folder.ok("set", "bob@example.com", "imap=off")
    line = folder.journal.read_bytes()
    with folder.journal.open("wb") as journal:
        journal.write(b"rubbish\n")
        for i in range(1, 2000):
            journal.write(line.replace(b'"id":1', b'"id":%d' % i))
    for words in (["history", "-n", "3"], ["undo", "--yes"],
                  ["set", "bob@example.com", "sieve=off"]):
        assert "left out" not in folder.expect(0, *words).stderr
    assert len(folder.ok("history", "-j", "-n", "3").splitlines()) == 3
    assert "left out" in folder.expect(0, "history", "-n", "0").stderr


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
