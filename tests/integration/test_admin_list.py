"""gatepost list, diff and explain: what the rules come to, for a person to
read; and what all subcommands have in common."""

import json
import os
import signal
import subprocess
import time

import pytest

from gplab import admin
from gplab.admin import RULES


@pytest.fixture
def folder(tmp_path):
    return admin.compiled(tmp_path)

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


def test_diff_at_a_time(folder):
    """As with impact --at: a date, a span from now, or a time."""
    new = folder.path / "new"
    new.write_text(RULES + "x.test imap=off from=2097-01-01T00:00:00Z\n")
    for words in ([], ["--at", "30d"], ["--at", "2096-12-31"],
                  ["--at", "2096-12-31T23:59:59Z"]):
        folder.ok("diff", *words, folder.rules, new)
    for at in ("2097-01-02", "4000w", "2097-01-01T00:00:00Z"):
        shown = folder.expect(1, "diff", "--at", at, folder.rules, new).stdout
        assert "- x.test: imap tls -> off" in shown
    folder.refused(64, "diff", "--at", "tomorrow", folder.rules, new)


SOFTENED = """\
net:p       192.0.2.1
*           all=tls cleartext_nets=p
a.test      submission=tls
u@b.test    imap=trusted
c.test      trusted_nets=p
d.test      all=off cleartext_nets=p
"""


def test_networks_count_where_they_soften(tmp_path):
    """A list behind the value it would soften is of no effect, nor is one for
    services that are off or trusted nobody."""
    folder = admin.compiled(tmp_path, SOFTENED)
    rows = {row["key"]: row for row in map(json.loads, folder.ok(
        "list", "-j").splitlines())}
    nets = {key: row["values"]["cleartext_nets"]
            for key, row in rows.items()}
    assert nets == {
        "*": "192.0.2.1", "a.test":
        "192.0.2.1 for imap,pop3,sieve,webmail", "u@b.test":
        "192.0.2.1 for pop3,submission,sieve,webmail",
        "c.test": "192.0.2.1", "d.test": "none"}
    assert rows["a.test"]["restricted"] == ["cleartext_nets"]
    new = tmp_path / "new"
    new.write_text(SOFTENED.replace("c.test      trusted_nets=p",
                                    "c.test      note=x")
                   .replace("d.test      all=off cleartext_nets=p",
                            "d.test      all=off"))
    assert "no mailbox" in folder.ok("diff", folder.rules, new)
    new.write_text(SOFTENED.replace("submission=tls", "cleartext_nets=none")
                   + "e.test imap=tls mode=trial\n")
    assert folder.expect(1, "diff", folder.rules, new).stdout.splitlines() \
        == ["- a.test: cleartext_nets 192.0.2.1 for "
            "imap,pop3,sieve,webmail -> none",
            "- e.test: cleartext_nets (trial) 192.0.2.1 -> 192.0.2.1 for "
            "pop3,submission,sieve,webmail",
            "0 mailboxes and 2 domains differ "
            "(- loses, + gains, ~ another value)"]


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


def test_list_says_who_is_judged_as_another(tmp_path):
    folder = admin.compiled(tmp_path, "a.test imap=off\nb.test same_as=a.test "
                            "note=x\n")
    out = folder.ok("list").splitlines()
    assert out[2].startswith("b.test   ")
    assert out[2].endswith(" restricted(imap) as a.test")
    row = json.loads(folder.ok("list", "-j", "b.test"))
    assert row["same_as"] == "a.test" and row["values"]["imap"] == "off"
    assert folder.ok("list", "--csv").splitlines()[-1].endswith(",x,a.test")


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
    assert "gatemap -q net:office" in folder.expect(
        65, "list", "net:office").stderr
    assert folder.ok("list", "--csv", "eve@other.example").splitlines()[1] \
        .startswith("eve@other.example,off,tls,tls,tls,tls,1.2,imap,")


def test_list_has_no_formulas(folder):
    """A reseller's words in his provider's spreadsheet."""
    folder.ok("set", "-", stdin='=1+2@example.com imap=off note="=cmd|,x"\n'
              '-x@example.com imap=off note=-\n@ imap=off\n')
    out = folder.ok("list", "--csv", "--service", "imap").splitlines()
    assert any(line.startswith("'=1+2@example.com,off,") and
               line.endswith("\"'=cmd|,x\",") for line in out)
    assert any(line.startswith("'-x@example.com,off,") and
               line.endswith(",-,") for line in out)
    assert any(line.startswith("@,off,") for line in out)


def test_list_shows_its_first_row_at_once(tmp_path):
    folder = admin.Folder(tmp_path, "big.test all=tls\n" + "".join(
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
    pop3 = rows.index(["pop3", "off", "example.com", f"{folder.rules}:6",
                       "locked"])
    assert [row[2] for row in rows[pop3 + 1:pop3 + 4]] == [
        "profile:sales", "*", "profile:sales"]
    out = folder.run("explain", "scan@example.com", "imap").stdout
    assert f"{folder.rules}:8  until 2099-03-01T00:00:00Z\n" in out


def with_nobody_reading(folder, *words, **options):
    """Its exit status, and what it said of it."""
    reading, writing = os.pipe()
    os.close(reading)
    with subprocess.Popen(folder.argv(*words), stdout=writing, text=True,
                          stderr=subprocess.PIPE, **options) as popen:
        os.close(writing)
        return popen.stderr.read(), popen.wait()


@pytest.mark.parametrize("words", [
    ("list",), ("list", "--csv"), ("list", "--json"), ("history",),
    ("explain", "bob@example.com", "imap"), ("diff", "rules", "none"),
    ("set", "--help"), ("check", "--no-dovecot", "--no-postfix")],
    ids=" ".join)
def test_a_reader_that_leaves(folder, words):
    """As "| head" does: what only prints ends like any other filter, and says
    that something is missing where a signal would not."""
    (folder.path / "none").write_text("")
    folder.ok("set", "bob@example.com", "imap=off")
    assert with_nobody_reading(folder, *words, cwd=folder.path) == (
        "", -signal.SIGPIPE)
    # As services of systemd are started.
    said, status = with_nobody_reading(
        folder, *words, cwd=folder.path, restore_signals=False,
        preexec_fn=lambda: signal.signal(signal.SIGPIPE, signal.SIG_IGN))
    assert "gatepost: standard output: " in said and status == 74


def test_a_change_that_nobody_reads_of_is_made(folder):
    said, status = with_nobody_reading(folder, "set", "bob@example.com",
                                       "imap=off")
    assert said.endswith("gatepost: standard output: Broken pipe\n")
    assert status == 74
    assert folder.in_force("bob@example.com") == ["imap=off profile=sales"]
    assert [entry.get("state") for entry in folder.entries()] == [None, "done"]


@pytest.mark.parametrize("command", ["set", "unset", "history", "undo",
                                     "back", "edit", "diff", "list"])
def test_help_and_usage(folder, command):
    shown = folder.ok(command, "--help")
    assert shown.startswith(f"Usage: gatepost {command}")
    assert max(map(len, shown.splitlines())) <= 80
    assert "--nonsense" in folder.refused(64, command, "--nonsense")
