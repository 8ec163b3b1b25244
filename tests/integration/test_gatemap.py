"""gatemap as postmap's peer: its options, its exit codes, and that nothing is
lost whatever happens. Needs no server."""

import array
import contextlib
import fcntl
import hashlib
import json
import os
import pathlib
import pty
import pwd
import random
import resource
import shutil
import signal
import stat
import subprocess
import tempfile
import termios
import time

import pytest

from gplab import common

RULES = """\
net:office       192.0.2.0/24
profile:sales    clients=trusted trusted_nets=office
*                all=tls tls_min=1.2
example.com      pop3=off lock
bob@example.com  profile=sales
"""
PRINTED = """\
net:office\t192.0.2.0/24
profile:sales\tclients=trusted trusted_nets=office
*\tall=tls tls_min=1.2
example.com\tpop3=off lock
bob@example.com\tprofile=sales
"""
QUIET = "webmail_networks = 203.0.113.80\n"

as_root = pytest.mark.skipif(os.geteuid() != 0, reason="needs root")


class Folder:
    """A rules file in a folder of its own, and gatemap."""

    def __init__(self, path):
        self.path = path
        self.rules = path / "rules"
        self.map = path / "rules.lmdb"
        self.summary = path / "rules.summary"
        self.conf = path / "gatepost.conf"
        self.rules.write_text(RULES)
        self.configure(QUIET)

    def configure(self, text):
        if os.geteuid() != 0:
            text += f"map_owner = {pwd.getpwuid(os.geteuid()).pw_name}\n"
        self.conf.write_text(text)

    def argv(self, *options, file="rules"):
        return [str(common.program("gatemap")), "-c", str(self.conf),
                *options, file]

    def run(self, *options, stdin="", file="rules", **more):
        return subprocess.run(self.argv(*options, file=file), cwd=self.path,
                              input=stdin, capture_output=True, text=True,
                              check=False, **more)

    def expect(self, status, *options, **more):
        done = self.run(*options, **more)
        assert done.returncode == status, done
        return done

    def silent(self, *options, **more):
        """Succeeds without a word on standard error."""
        done = self.expect(0, *options, **more)
        assert done.stderr == ""
        return done.stdout

    def printed(self):
        return self.silent("-s")

    def names(self):
        return sorted(p.name for p in self.path.iterdir())


@pytest.fixture
def folder(tmp_path):
    return Folder(tmp_path)


@pytest.fixture
def compiled(folder):
    assert folder.silent() == ""
    return folder


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


def test_folder_without_rules(folder):
    (folder.path / "rules.d").mkdir()
    assert "no rules files" in folder.expect(66, file="rules.d").stderr


def test_folder_in_a_folder(folder):
    (folder.path / "rules.d" / "more").mkdir(parents=True)
    done = folder.expect(66, file="rules.d")
    assert done.stderr == "gatemap: rules.d/more: Is a directory\n"
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


def test_warnings_and_quiet(folder):
    folder.configure("")
    done = folder.expect(0)
    assert done.stderr.startswith("rules:2:1: warning: webmail differs")
    assert folder.expect(0, "--quiet").stderr == ""


def test_verbose_says_what_is_done(folder):
    done = folder.expect(0, "-v")
    assert "rules: reading" in done.stderr
    assert "rules.lmdb: written" in done.stderr


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
    assert compiled.expect(1, "-q", "-").stdout == ""


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


def test_map_tells_its_source(compiled):
    digest = hashlib.sha256(compiled.rules.read_bytes()).digest()
    assert digest in compiled.map.read_bytes()


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


# Owners and modes


@as_root
def test_mode_of_a_new_map(folder):
    folder.silent()
    for file in (folder.map, folder.summary):
        assert stat.S_IMODE(file.stat().st_mode) == 0o640
        assert file.stat().st_uid == 0


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


# Whatever happens


def litter(folder):
    known = {"gatepost.conf", "rules", "rules.lmdb", "rules.lmdb.prev",
             "rules.summary"}
    return [name for name in folder.names() if name not in known]


def default_signals():
    """Whoever runs the tests in the background may have them ignored."""
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_DFL)


def started_on_a_pipe(folder, *options):
    """gatemap, waiting for more of its source."""
    folder.rules.unlink()
    os.mkfifo(folder.rules)
    process = subprocess.Popen(folder.argv(*options), cwd=folder.path,
                               stderr=subprocess.PIPE, text=True,
                               preexec_fn=default_signals)
    pipe = open(folder.rules, "w", encoding="utf-8")
    pipe.write(RULES)
    pipe.flush()
    common.wait_for(lambda: unread(pipe) == 0, "the pipe is read")
    return process, pipe


def unread(pipe):
    count = array.array("i", [0])
    fcntl.ioctl(pipe, termios.FIONREAD, count)
    return count[0]


def test_progress_of_long_work(folder):
    """On a terminal only, and gone before the end."""
    folder.rules.unlink()
    os.mkfifo(folder.rules)
    terminal, theirs = pty.openpty()
    process = subprocess.Popen(folder.argv(), cwd=folder.path, stderr=theirs)
    os.close(theirs)
    with open(folder.rules, "w", encoding="utf-8") as pipe:
        for line in RULES.splitlines(True):
            pipe.write(line)
            pipe.flush()
            time.sleep(0.3)
    assert process.wait(common.DEADLINE) == 0
    shown = b""
    with contextlib.suppress(OSError):
        while piece := os.read(terminal, 4096):
            shown += piece
    os.close(terminal)
    assert b"\rgatemap: 0 MiB read" in shown
    assert shown.endswith(b"\r\x1b[K")


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM,
                                    signal.SIGHUP])
def test_interrupted(compiled, number):
    before = compiled.map.read_bytes()
    process, pipe = started_on_a_pipe(compiled)
    process.send_signal(number)
    _, err = process.communicate(timeout=common.DEADLINE)
    pipe.close()
    assert process.returncode == -number
    assert err == "gatemap: interrupted; the map is as it was\n"
    assert compiled.map.read_bytes() == before
    assert litter(compiled) == []


def test_waits_for_another(compiled):
    process, pipe = started_on_a_pipe(compiled)
    compiled.expect(0, "-q", "*")
    other = subprocess.Popen(compiled.argv("-i"), cwd=compiled.path,
                             stdin=subprocess.PIPE, text=True)
    other.stdin.write("late.test imap=off\n")
    other.stdin.close()
    time.sleep(0.2)
    assert other.poll() is None
    pipe.close()
    assert process.wait(common.DEADLINE) == 0
    assert other.wait(common.DEADLINE) == 0
    assert compiled.printed() == PRINTED + "late.test\timap=off\n"
    process.stderr.close()
    assert litter(compiled) == []


def test_rules_replaced_while_it_waits(compiled):
    """What is compiled is what stands there when the turn has come."""
    lock = os.open(f"{compiled.map}.lock", os.O_RDWR | os.O_CREAT, 0o600)
    fcntl.flock(lock, fcntl.LOCK_EX)
    process = subprocess.Popen(compiled.argv(), cwd=compiled.path)
    time.sleep(0.3)
    assert process.poll() is None
    new = compiled.path / "new"
    new.write_text("* all=tls\nlate.test imap=off\n")
    new.rename(compiled.rules)
    os.close(lock)
    assert process.wait(common.DEADLINE) == 0
    assert "late.test" in compiled.printed()


def test_several_at_once(folder):
    texts = [f"* all=tls note={n}\n" for n in range(4)]
    running = []
    for number, text in enumerate(texts):
        folder.rules.write_text(text)
        process, = [subprocess.Popen(folder.argv("-i", "-r"),
                                     cwd=folder.path, text=True,
                                     stdin=subprocess.PIPE)]
        process.stdin.write(f"{text}d{number}.test imap=off\n")
        process.stdin.close()
        running.append(process)
    assert [p.wait(common.DEADLINE) for p in running] == [0, 0, 0, 0]
    printed = folder.printed().splitlines()
    assert printed[0].startswith("*\tall=tls note=")
    # None of them is lost.
    assert printed[1:] == [f"d{n}.test\timap=off" for n in range(4)]
    assert litter(folder) == []


def many_rules(count):
    return "* all=tls\n" + "".join(
        f"user{n}@example.com imap=off\n" for n in range(count))


def test_killed_at_any_moment(folder):
    """Whole rules stand at every moment, and nothing is in the way of the next
    compiler."""
    old, new = RULES, many_rules(20000)
    folder.silent()
    texts = {folder.printed()}
    folder.rules.write_text(new)
    started = time.monotonic()
    folder.silent()
    took = time.monotonic() - started
    texts.add(folder.printed())
    rng = random.Random(7)
    for turn in range(12):
        folder.rules.write_text(old if turn % 2 else new)
        process = subprocess.Popen(folder.argv(), cwd=folder.path)
        time.sleep(rng.random() * took)
        process.kill()
        process.wait()
        assert folder.printed() in texts
    folder.rules.write_text(old)
    folder.silent()
    assert folder.printed() == PRINTED
    assert litter(folder) == []


def test_killed_between_two_renames(compiled):
    """The old map has its second name already."""
    os.link(compiled.map, compiled.path / "rules.lmdb.prev")
    before = compiled.map.read_bytes()
    compiled.rules.write_text("* imap=off\n")
    compiled.silent()
    assert (compiled.path / "rules.lmdb.prev").read_bytes() == before
    assert litter(compiled) == []


def no_more_than(size):
    return lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (size, size))


@pytest.mark.parametrize("size", [0, 4096, 40000])
def test_no_room(compiled, size):
    before = compiled.map.read_bytes()
    compiled.rules.write_text(many_rules(5000))
    done = compiled.run(preexec_fn=no_more_than(size))
    assert done.returncode == 74, done
    assert "rules.lmdb" in done.stderr
    assert any(words in done.stderr for words in (
        "File too large", "No space left on device", "is the disk full?"))
    assert compiled.map.read_bytes() == before
    assert compiled.printed() == PRINTED
    assert litter(compiled) == []


def test_no_folder(folder):
    folder.path.chmod(0o755)
    done = folder.expect(66, file="nowhere/rules")
    assert "nowhere/rules" in done.stderr


def test_standard_output_is_full(compiled):
    with open("/dev/full", "w", encoding="utf-8") as full:
        done = subprocess.run(compiled.argv("-s"), cwd=compiled.path,
                              stdout=full, stderr=subprocess.PIPE, text=True,
                              check=False)
    assert done.returncode == 74
    assert done.stderr == \
        "gatemap: standard output: No space left on device\n"


def test_nobody_reads(folder):
    folder.rules.write_text(many_rules(20000))
    folder.silent()
    process = subprocess.Popen(folder.argv("-s"), cwd=folder.path,
                               stdout=subprocess.PIPE,
                               stderr=subprocess.PIPE, text=True)
    assert process.stdout.readline() == "*\tall=tls\n"
    process.stdout.close()
    assert process.stderr.read() == \
        "gatemap: standard output: Broken pipe\n"
    assert process.wait(common.DEADLINE) == 74
    process.stderr.close()


def test_nobody_hears_the_warnings(folder):
    """A compile does its work whether or not its words arrive."""
    folder.configure("")
    process = subprocess.Popen(folder.argv(), cwd=folder.path,
                               stderr=subprocess.PIPE)
    process.stderr.close()
    assert process.wait(common.DEADLINE) == 0
    assert folder.printed() == PRINTED


def test_a_damaged_map_is_replaced(compiled):
    data = bytearray(compiled.map.read_bytes())
    data[len(data) // 2] ^= 1
    compiled.map.write_bytes(data)
    assert "damaged" in compiled.expect(78, "-s").stderr
    before = compiled.map.read_bytes()
    # There is nothing to start from,
    assert compiled.expect(78, "-i", stdin="x.y imap=off\n").stdout == ""
    assert compiled.map.read_bytes() == before
    # and nothing to lose.
    assert "the map is replaced" in compiled.expect(0).stderr
    assert compiled.printed() == PRINTED
