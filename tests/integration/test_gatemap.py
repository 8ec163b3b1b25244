"""gatemap as postmap's peer: compiling, its command line, its exit codes, and
whose its files are. Needs no server."""

import hashlib
import os
import pathlib
import pwd
import shutil
import stat
import subprocess
import tempfile

import pytest

from gplab import common
from gplab.gatemap import PRINTED, QUIET, Folder
from gplab.gatemap import compiled, folder  # noqa: F401

as_root = pytest.mark.skipif(os.geteuid() != 0, reason="needs root")


# Compiling


def test_compiles_in_silence(folder):
    assert folder.silent() == ""
    assert folder.names() == ["gatepost.conf", "rules", "rules.lmdb",
                              "rules.summary"]
    assert folder.printed() == PRINTED


def test_keeps_the_old_map(compiled):
    before = compiled.map.read_bytes()
    compiled.rules.write_text("* all=off\nx@y.z imap=tls\n")
    compiled.silent()
    assert (compiled.path / "rules.lmdb.prev").read_bytes() == before
    assert compiled.printed() == "*\tall=off\nx@y.z\timap=tls\n"


def test_takes_postmaps_type(folder):
    assert folder.silent(file="lmdb:rules") == ""
    assert folder.silent("-q", "*", file="lmdb:rules") == \
        "all=tls tls_min=1.2\n"
    assert "lmdb" in folder.expect(64, file="hash:rules").stderr


def test_folder_of_rules(folder):
    rules = folder.path / "rules.d"
    rules.mkdir()
    (rules / "20-b").write_text("a.test imap=cleartext\n")
    (rules / "10-a").write_text("a.test imap=off pop3=off\n")
    (rules / "20-b~").write_text("nonsense")
    assert folder.silent(file="rules.d/") == ""
    assert "rules.d.lmdb" in folder.names()
    assert sorted(p.name for p in rules.iterdir()) == \
        ["10-a", "20-b", "20-b~"]
    assert folder.silent("-q", "a.test", file="rules.d").splitlines() == \
        ["imap=off pop3=off", "imap=cleartext"]


def test_folder_where_one_file_is_about_another(folder):
    rules = folder.path / "rules.d"
    rules.mkdir()
    (rules / "1").write_text("* imap=off lock\na.test same_as=b.test\n")
    (rules / "2").write_text("a.test pop3=off\n")
    assert folder.expect(65, file="rules.d").stderr == (
        "rules.d/2:1:1: error: this key is the same as another "
        f"(line 2 of {rules}/1); it can have no other line\n")
    (rules / "2").write_text("b.test imap=tls\n")
    assert folder.expect(0, file="rules.d").stderr == (
        "rules.d/2:1:1: warning: imap has no effect here: "
        f"line 1 of {rules}/1 locks it\n")


def test_folder_without_rules(folder):
    (folder.path / "rules.d").mkdir()
    assert "no rules files" in folder.expect(66, file="rules.d").stderr


def test_folder_in_a_folder(folder):
    (folder.path / "rules.d" / "more").mkdir(parents=True)
    done = folder.expect(66, file="rules.d")
    assert done.stderr == "gatemap: rules.d/more: Is a directory\n"
    assert "rules.d.lmdb" not in folder.names()


def test_pipe_in_a_folder(folder):
    (folder.path / "rules.d").mkdir()
    os.mkfifo(folder.path / "rules.d" / "pipe")
    done = folder.expect(66, file="rules.d")
    assert done.stderr == "gatemap: rules.d/pipe: not a regular file; " \
        "move it out of this folder\n"
    assert "rules.d.lmdb" not in folder.names()


def test_something_in_the_maps_place(folder):
    (folder.path / "rules.lmdb").mkdir()
    done = folder.expect(73)
    assert "rules.lmdb" in done.stderr
    assert folder.names() == ["gatepost.conf", "rules", "rules.lmdb"]


def test_check_writes_nothing(folder):
    assert folder.silent("--check") == ""
    assert folder.names() == ["gatepost.conf", "rules"]
    folder.rules.write_text("* imap=maybe\n")
    done = folder.expect(65, "--check")
    assert done.stderr.startswith("rules:1:8: error: ")


def test_all_errors_at_once_and_the_map_stays(compiled):
    before = compiled.map.read_bytes()
    compiled.rules.write_text("* imap=on\nx.y pop3=secure\nx.y sieve=tls\n")
    done = compiled.expect(65)
    assert done.stdout == ""
    assert [line.split(" ")[0] for line in done.stderr.splitlines()] == \
        ["rules:1:8:", "rules:2:10:"]
    assert compiled.map.read_bytes() == before
    assert compiled.names() == ["gatepost.conf", "rules", "rules.lmdb",
                                "rules.summary"]


def test_map_tells_its_source(compiled):
    digest = hashlib.sha256(compiled.rules.read_bytes()).digest()
    assert digest in compiled.map.read_bytes()


def test_warnings_and_quiet(folder):
    folder.configure("")
    done = folder.expect(0)
    assert done.stderr.startswith("rules:2:1: warning: webmail differs")
    assert folder.expect(0, "--quiet").stderr == ""


def test_verbose_says_what_is_done(folder):
    done = folder.expect(0, "-v")
    assert "rules: reading" in done.stderr
    assert "rules.lmdb: written" in done.stderr


# The command line


@pytest.mark.parametrize("options", [
    ("-q", "a", "-s"), ("-i", "-s"), ("-d", "a", "-q", "b"), ("-r",), ("-w",),
    ("-i", "-r", "-w"), ("--bogus",), ("-x",), ("-q",), ("--check", "-s"),
    ("--force", "-i"), ("--query",)])
def test_usage(compiled, options):
    before = compiled.map.stat()
    argv = compiled.argv(*options)
    if options[-1] in ("-q", "--query"):
        argv.pop()
    done = subprocess.run(argv, cwd=compiled.path, capture_output=True,
                          text=True, check=False, stdin=subprocess.DEVNULL)
    assert done.returncode == 64
    assert done.stderr.startswith("gatemap: ")
    assert done.stderr.endswith('Try "gatemap --help".\n')
    assert compiled.map.stat().st_ino == before.st_ino


def test_the_map_is_named(compiled):
    for options in ((), ("-s",), ("-q", "*")):
        done = compiled.expect(64, *options, file="lmdb:./rules.lmdb")
        assert done.stderr.splitlines()[0] == (
            "gatemap: ./rules.lmdb is the name of a map: name the rules, "
            "./rules")


def test_file_is_needed(folder):
    for file in ("-", ""):
        assert "FILE" in folder.expect(64, file=file).stderr
    done = subprocess.run([common.program("gatemap")], check=False,
                          capture_output=True, text=True)
    assert (done.returncode, done.stdout) == (64, "")


def test_help_and_version(folder):
    done = folder.expect(0, "--help")
    assert done.stdout.startswith("Usage: gatemap ") and done.stderr == ""
    for option in ("-V", "--version"):
        assert folder.silent(option).startswith("gatemap (Gatepost) ")


@pytest.mark.parametrize("options", [
    ("-q", "a\x1b[31mb@@x"), ("-d", "a\x9b2J@x"), ("-q", "\u202e@x"),
    ("--a\x1b[31m",), ("-c", "\x1b[31m")])
def test_what_was_typed_does_no_harm(compiled, options):
    done = compiled.run(*options)
    assert done.returncode in (64, 65, 66) and "\\x" in done.stderr
    assert all(c.isprintable() or c == "\n" for c in done.stderr)


def test_what_stands_in_a_file_does_no_harm(folder):
    folder.rules.write_text(
        "a.test \x1b[31mfoo\x1b]0;x\x07=bar imap=\x9bof\n"
        "\x1b@b.test imap=off profile=\x1b lock=\x1b mode=\x1b\n"
        "c.test allow_nets=\x1b from=\x1b tls_min=\x1b same_as=\x1b\n")
    done = folder.expect(65)
    assert all(c.isprintable() or c == "\n" for c in done.stderr)
    # Other letters are shown as they are.
    folder.rules.write_text("a.test größe=1\n")
    assert 'attribute "größe"' in folder.expect(65).stderr
    folder.conf.write_text("work\x1bers = \x1b\n")
    done = folder.expect(78)
    assert all(c.isprintable() or c == "\n" for c in done.stderr)


def test_missing_source(folder):
    done = folder.expect(66, file="nothing")
    assert done.stderr == "gatemap: nothing: No such file or directory\n"
    assert folder.names() == ["gatepost.conf", "rules"]


def test_settings(folder):
    assert folder.expect(66, "-c", "/nonexistent").stderr.startswith(
        "gatemap: /nonexistent: there is no such file")
    folder.conf.write_text("default_domian = example.com\nworkers = many\n")
    done = folder.expect(78)
    assert done.stderr.startswith(f"{folder.conf}:1: error: ")
    assert 'do you mean "default_domain"' in done.stderr
    assert f"{folder.conf}:2: error: " in done.stderr
    # A folder that holds one, as postmap's -c names a folder.
    folder.configure(QUIET)
    folder.silent("-c", str(folder.path))


def test_closed_descriptors(folder):
    done = subprocess.run(["sh", "-c", 'exec "$@" <&- >&- 2>&-', "sh",
                           *folder.argv()], cwd=folder.path, check=False)
    assert done.returncode == 0
    assert folder.printed() == PRINTED


def test_closed_standard_output_is_no_success(compiled):
    done = subprocess.run(["sh", "-c", 'exec "$@" >&-', "sh",
                           *compiled.argv("-s")], cwd=compiled.path,
                          stderr=subprocess.PIPE, text=True, check=False)
    assert done.returncode == 74
    assert done.stderr == "gatemap: standard output: Bad file descriptor\n"


# Owners and modes


@as_root
def test_mode_of_a_new_map(folder):
    folder.silent()
    for file in (folder.map, folder.summary):
        assert stat.S_IMODE(file.stat().st_mode) == 0o640
        assert file.stat().st_uid == 0


@as_root
def test_group_of_a_new_map(folder):
    """Where there is a group gatepost, as behind a mount of /etc/group."""
    (folder.path / "group").write_text("root:x:0:\ngatepost:x:4711:\n")
    done = subprocess.run(
        ["unshare", "-m", "sh", "-c",
         'mount --bind group /etc/group && exec "$@"', "sh",
         *folder.argv()], cwd=folder.path, capture_output=True, text=True,
        check=False)
    assert (done.returncode, done.stderr) == (0, "")
    for file in (folder.map, folder.summary):
        status = file.stat()
        assert (status.st_uid, status.st_gid) == (0, 4711)
        assert stat.S_IMODE(status.st_mode) == 0o640


@as_root
def test_owner_and_mode_are_kept_or_not(compiled):
    nobody = pwd.getpwnam("nobody")
    os.chown(compiled.map, 0, nobody.pw_gid)
    compiled.map.chmod(0o644)
    compiled.silent()
    status = compiled.map.stat()
    assert (status.st_gid, stat.S_IMODE(status.st_mode)) == \
        (nobody.pw_gid, 0o644)
    compiled.silent("-p")
    assert stat.S_IMODE(compiled.map.stat().st_mode) == 0o640


@as_root
def test_source_of_somebody_else(folder):
    nobody = pwd.getpwnam("nobody")
    os.chown(folder.rules, nobody.pw_uid, nobody.pw_gid)
    done = folder.expect(77)
    assert "map_owner = nobody" in done.stderr
    assert folder.names() == ["gatepost.conf", "rules"]
    # With -o root's rights are kept.
    folder.silent("-o")
    assert folder.map.stat().st_uid == 0


@pytest.fixture
def public_folder():
    """One that everybody can enter, unlike pytest's."""
    with tempfile.TemporaryDirectory(prefix="gatemap-", dir="/tmp") as path:
        os.chmod(path, 0o755)
        yield Folder(pathlib.Path(path))


@as_root
def test_gives_up_roots_rights(public_folder):
    folder = public_folder
    nobody = pwd.getpwnam("nobody")
    folder.configure(QUIET + "map_owner = nobody\n")
    os.chown(folder.rules, nobody.pw_uid, nobody.pw_gid)
    # Not in root's folder,
    assert "Permission denied" in folder.expect(77).stderr
    # but in his own.
    os.chown(folder.path, nobody.pw_uid, nobody.pw_gid)
    folder.silent()
    assert folder.map.stat().st_uid == nobody.pw_uid
    assert folder.printed() == PRINTED


@as_root
def test_anybodys_own_map(public_folder):
    """Who is not root compiles and reads maps of his own."""
    folder = public_folder
    nobody = pwd.getpwnam("nobody")
    os.chown(folder.path, nobody.pw_uid, nobody.pw_gid)
    # The build may stand where nobody can enter.
    shutil.copy(common.program("gatemap"), folder.path / "gatemap")
    for options in ((), ("-i",), ("-d", "example.com"), ("-s",)):
        argv = folder.argv(*options)
        argv[0] = str(folder.path / "gatemap")
        done = subprocess.run(argv, cwd=folder.path, text=True,
                              user=nobody.pw_uid, group=nobody.pw_gid,
                              extra_groups=[], capture_output=True,
                              check=False, input="x.y imap=off\n")
        assert (done.returncode, done.stderr) == (0, "")
    assert "x.y\timap=off\n" in done.stdout
    assert folder.map.stat().st_uid == nobody.pw_uid


@as_root
def test_warns_of_somebody_elses_folder(folder):
    nobody = pwd.getpwnam("nobody")
    os.chown(folder.path, nobody.pw_uid, nobody.pw_gid)
    assert "who owns that" in folder.expect(0).stderr
