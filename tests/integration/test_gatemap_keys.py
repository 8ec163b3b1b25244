"""gatemap on single keys of a map: -q and -s, -i and -d. Needs no server."""

import json
import os
import subprocess

import pytest

from gplab import common
from gplab.gatemap import PRINTED, RULES
from gplab.gatemap import compiled, folder  # noqa: F401


# Querying


def test_query(compiled):
    assert compiled.silent("-q", "example.com") == "pop3=off lock\n"
    assert compiled.silent("--query", "BOB@Example.COM.") == "profile=sales\n"
    assert compiled.silent("-q", "net:office") == "192.0.2.0/24\n"
    assert compiled.silent("-q", "profile:sales") == \
        "clients=trusted trusted_nets=office\n"


def test_query_not_found(compiled):
    for key in ("nobody@example.com", "example.org", ".example.com", "@",
                "net:Office", "profile:sale"):
        done = compiled.expect(1, "-q", key)
        assert (done.stdout, done.stderr) == ("", "")


def test_query_of_no_key(compiled):
    done = compiled.expect(65, "-q", "a@@b")
    assert done.stderr == "gatemap: a@@b: the name has more than one @\n"
    done = compiled.expect(65, "-q", "")
    assert done.stderr == 'gatemap: "": the key is empty\n'


def test_query_prints_each_line_of_a_key(folder):
    folder.rules.write_text("a.test imap=cleartext\n"
                            "a.test imap=tls mode=trial\n")
    folder.silent()
    assert folder.silent("-q", "a.test") == \
        "imap=cleartext\nimap=tls mode=trial\n"


def test_query_from_standard_input(compiled):
    keys = "example.com\nnobody@example.com\nBOB@example.com\n*"
    assert compiled.silent("-q", "-", stdin=keys) == \
        ("example.com\tpop3=off lock\nBOB@example.com\tprofile=sales\n"
         "*\tall=tls tls_min=1.2\n")
    assert compiled.expect(1, "-q", "-", stdin="x.y\n").stdout == ""
    done = compiled.expect(65, "-q", "-", stdin="a@@b\nexample.com\n")
    assert done.stdout == "example.com\tpop3=off lock\n"
    assert compiled.expect(1, "-q", "-").stdout == ""


@pytest.mark.parametrize("option", ["-q", "-d"])
def test_nul_on_standard_input(compiled, option):
    """What stands behind it is not silently left out."""
    before = compiled.map.read_bytes()
    done = compiled.expect(65, option, "-",
                           stdin="x.y\nexample.com\0junk\n")
    assert done.stderr == "gatemap: standard input, line 2: a NUL byte\n"
    assert done.stdout == ""
    assert compiled.map.read_bytes() == before


@pytest.mark.parametrize("option", ["-q", "-d"])
def test_standard_input_that_cannot_be_read(compiled, option):
    directory = os.open(compiled.path, os.O_RDONLY)
    done = subprocess.run(compiled.argv(option, "-"), cwd=compiled.path,
                          stdin=directory, capture_output=True, text=True,
                          check=False)
    os.close(directory)
    assert (done.returncode, done.stderr) == \
        (74, "gatemap: standard input: Is a directory\n")


def test_json(compiled):
    (found,) = compiled.silent("-q", "example.com", "--json").splitlines()
    assert json.loads(found) == {
        "key": "example.com", "file": str(compiled.rules), "line": 4,
        "attributes": {"pop3": "off", "lock": "pop3"}}
    listed = [json.loads(line) for line in
              compiled.silent("--list", "-j").splitlines()]
    assert [entry["key"] for entry in listed] == \
        [line.split("\t")[0] for line in PRINTED.splitlines()]
    assert listed[0] == {"key": "net:office", "networks": "192.0.2.0/24"}
    assert "--json belongs" in compiled.expect(64, "-j").stderr


def test_query_without_a_map(folder):
    for options in (("-q", "*"), ("-s",), ("-d", "*")):
        done = folder.expect(66, *options)
        assert "rules.lmdb" in done.stderr
        assert "compile the rules" in done.stderr


# -i and -d


def test_incremental(compiled):
    assert compiled.silent("-i", stdin="carol@example.com imap=off\n") == ""
    assert compiled.printed() == PRINTED.replace(
        "*\t", "*\t") + "carol@example.com\timap=off\n"
    assert compiled.names() == ["gatepost.conf", "rules", "rules.lmdb",
                                "rules.lmdb.prev", "rules.summary"]


def test_incremental_uses_what_the_map_knows(compiled):
    compiled.silent("-i", stdin="a.test profile=sales allow_nets=office\n")
    assert compiled.silent("-q", "a.test") == \
        "allow_nets=office profile=sales\n"
    done = compiled.expect(65, "-i", stdin="b.test profile=none-such\n")
    assert done.stderr.startswith("stdin:1:16: error: ")


def test_incremental_makes_a_map(folder):
    folder.silent("-i", stdin="* imap=off\n")
    assert folder.printed() == "*\timap=off\n"


@pytest.mark.parametrize("line", [
    "example.com imap=off", "EXAMPLE.com. imap=off",
    "profile:sales imap=off", "net:office 10.0.0.0/8", "* imap=off"])
def test_a_key_that_stands_is_an_error(compiled, line):
    before = compiled.map.read_bytes()
    done = compiled.expect(65, "-i", stdin=f"new.test imap=off\n{line}\n")
    assert "stands in the map already" in done.stderr
    assert "-r" in done.stderr and "-w" in done.stderr
    assert compiled.map.read_bytes() == before


def test_replace(compiled):
    compiled.silent("-i", "-r", stdin="example.com imap=off\n"
                    "example.com imap=tls mode=trial\n"
                    "net:office 10.0.0.0/8\nprofile:sales sieve=off\n")
    assert compiled.printed() == """\
net:office\t10.0.0.0/8
profile:sales\tsieve=off
*\tall=tls tls_min=1.2
example.com\timap=off
example.com\timap=tls mode=trial
bob@example.com\tprofile=sales
"""


def test_keep(compiled):
    compiled.silent("-iw", stdin="example.com imap=off\nnew.test imap=off\n"
                    "net:office 10.0.0.0/8\nprofile:sales sieve=off\n")
    assert compiled.printed() == PRINTED + "new.test\timap=off\n"


def test_keep_of_what_stands_changes_nothing(compiled):
    before = compiled.map.stat()
    compiled.silent("-iw", stdin="example.com imap=off\n")
    assert compiled.map.stat().st_ino == before.st_ino


def test_incremental_is_checked_as_a_whole(compiled):
    compiled.silent("-i", stdin="same.test same_as=example.com\n")
    before = compiled.map.read_bytes()
    for line in ("bob@same.test imap=off", "x.y same_as=x.y"):
        compiled.expect(65, "-i", stdin=line + "\n")
    assert compiled.map.read_bytes() == before


def test_lines_of_two_updates_are_two(compiled):
    """Both are the first line of standard input."""
    compiled.silent("-ir", stdin='* all=tls message="every" lock=message\n')
    compiled.expect(0, "-i", "--quiet",
                    stdin='m@a.test imap=off message="own"\n')
    done = subprocess.run(
        [common.program("gatepost"), "explain", "-c", compiled.conf, "-m",
         compiled.map, "m@a.test", "imap", "tls=1.3"], capture_output=True,
        text=True, check=False)
    assert "550 5.7.1 IMAP is switched off" in done.stdout
    assert "beats" in done.stdout


def test_incremental_lists_all_errors(compiled):
    """Those of single lines, of what stands, and of the rules as a whole."""
    before = compiled.map.read_bytes()
    done = compiled.expect(65, "-i", stdin="new.test imap=of\n"
                           "example.com imap=off\nother.test imap=off\n"
                           "other.test imap=tls\nx.test same_as=x.test\n")
    assert [line.partition(" error: ")[0] + line.partition(" error: ")[2][:9]
            for line in done.stderr.splitlines()] == [
        "stdin:1:15:unknown v", "stdin:2:1:this key ",
        "stdin:4:1:this key ", "stdin:5:1:same_as l"]
    assert compiled.map.read_bytes() == before


def test_incremental_warns_of_its_own_lines_alone(folder):
    folder.rules.write_text("* pop3=off lock\na.test pop3=tls\n")
    assert "rules:2:1: warning" in folder.expect(0).stderr
    folder.silent("-i", stdin="b.test imap=off\n")
    done = folder.expect(0, "-i", stdin="c.test pop3=tls\n")
    assert done.stderr.count("\n") == 1
    assert done.stderr.startswith("stdin:1:1: warning: pop3 has no effect")


def test_incremental_keeps_summary_right(compiled):
    strict = compiled.summary.read_bytes()
    compiled.silent("-i", stdin="a.test imap=cleartext\n")
    assert compiled.summary.read_bytes() != strict
    compiled.silent("-d", "a.test")
    assert compiled.summary.read_bytes() == strict


def test_delete(compiled):
    compiled.silent("-d", "Bob@example.com")
    assert compiled.expect(1, "-q", "bob@example.com").stdout == ""
    assert compiled.expect(1, "--delete", "bob@example.com").stderr == ""


def test_delete_from_standard_input(compiled):
    compiled.silent("-d", "-", stdin="x.y\nexample.com\nbob@example.com\n")
    assert compiled.printed() == "".join(PRINTED.splitlines(True)[:3])
    compiled.expect(1, "-d", "-", stdin="x.y\n")
    compiled.expect(65, "-d", "-", stdin="*\na@@b\n")
    compiled.silent("-q", "*")


def test_delete_of_what_is_used(compiled):
    before = compiled.map.read_bytes()
    for key, user in (("net:office", "a profile"),
                      ("profile:sales", "bob@example.com")):
        done = compiled.expect(65, "-d", key)
        assert user in done.stderr
    assert compiled.map.read_bytes() == before
    compiled.silent("-d", "-", stdin="bob@example.com\nprofile:sales\n")
    compiled.silent("-d", "net:office")
    done = compiled.expect(65, "-i", stdin="b.test allow_nets=office\n")
    assert 'there is no net "office"' in done.stderr
    compiled.silent("-i", stdin="net:office 10.0.0.0/8\n"
                    "b.test allow_nets=office\n")
    assert compiled.silent("-q", "net:office") == "10.0.0.0/8\n"


def test_compiling_over_changes(compiled):
    compiled.silent("-i", stdin="new.test imap=off\n")
    compiled.silent("-d", "bob@example.com")
    before = compiled.map.read_bytes()
    done = compiled.expect(73)
    assert done.stderr.splitlines()[1:-1] == [
        "- new.test\timap=off", "+ bob@example.com\tprofile=sales"]
    assert "--force" in done.stderr
    assert compiled.map.read_bytes() == before
    compiled.silent("--check")
    compiled.silent("--force")
    assert compiled.printed() == PRINTED
    # That map is its source's again.
    compiled.silent()


def test_changes_that_the_source_has_as_well(compiled):
    compiled.silent("-i", stdin="new.test imap=off\n")
    compiled.rules.write_text(RULES + "new.test imap=off\n")
    compiled.silent()
    compiled.rules.write_text(RULES)
    compiled.silent()
