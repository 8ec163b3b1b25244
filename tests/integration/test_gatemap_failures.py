"""gatemap interrupted, out of room, two at once, unheard: nothing is lost
and nothing is left behind. Needs no server."""

import array
import contextlib
import fcntl
import os
import pty
import resource
import signal
import subprocess
import termios
import time

import pytest

from gplab import common
from gplab.gatemap import PRINTED, RULES, litter, many_rules
from gplab.gatemap import compiled, folder  # noqa: F401

as_root = pytest.mark.skipif(os.geteuid() != 0, reason="needs root")


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


def test_interrupted_while_it_waits(compiled):
    """Another writer's lock stays his."""
    path = compiled.path / "rules.lmdb.lock"
    lock = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
    fcntl.flock(lock, fcntl.LOCK_EX)
    process = subprocess.Popen(compiled.argv("-v"), cwd=compiled.path,
                               stderr=subprocess.PIPE, text=True,
                               preexec_fn=default_signals)
    assert "waiting" in process.stderr.readline()
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=common.DEADLINE)
    assert (process.returncode, err) == \
        (-signal.SIGINT, "gatemap: interrupted; the map is as it was\n")
    assert path.exists()
    os.close(lock)


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
    process = subprocess.Popen(compiled.argv("-v"), cwd=compiled.path,
                               stderr=subprocess.PIPE, text=True)
    assert process.stderr.readline() == (
        "gatemap: rules.lmdb.lock is held by another writer; waiting for it\n")
    assert process.poll() is None
    new = compiled.path / "new"
    new.write_text("* all=tls\nlate.test imap=off\n")
    new.rename(compiled.rules)
    os.close(lock)
    assert process.wait(common.DEADLINE) == 0
    process.stderr.close()
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


# A file system of so many KiB, with rules and their map; then many rules. No more
# is in the folder than before, and the old rules are still the map's.
FULL = """
mount -t tmpfs -o size=${size}k none "$folder" && cd "$folder" || exit 99
echo "* all=tls" >rules && : >gatepost.conf
"$gatemap" -c gatepost.conf --quiet rules || exit 98
"$gatemap" -c gatepost.conf --quiet -i rules
echo $?
"$gatemap" -c gatepost.conf -s rules
ls -A
"""


@as_root
@pytest.mark.parametrize("size", [24, 40, 140])
def test_disk_is_full(tmp_path, size):
    done = subprocess.run(
        ["unshare", "-m", "sh", "-c", FULL], check=False,
        input=many_rules(3000).partition("\n")[2], capture_output=True,
        text=True, env={**os.environ, "size": str(size),
                        "folder": str(tmp_path),
                        "gatemap": str(common.program("gatemap"))})
    assert done.stdout.splitlines() == [
        "74", "*\tall=tls", "gatepost.conf", "rules", "rules.lmdb",
        "rules.summary"], done
    assert done.stderr.startswith("gatemap: cannot write map rules.lmdb: ")
    assert any(words in done.stderr for words in (
        "No space left on device", "is the disk full?"))


def test_no_memory(compiled):
    before = compiled.map.read_bytes()
    compiled.rules.write_text(many_rules(300000))
    limit = 40 << 20
    done = compiled.run(preexec_fn=lambda: resource.setrlimit(
        resource.RLIMIT_AS, (limit, limit)))
    assert done.returncode in (71, 75), done
    assert "memory" in done.stderr
    assert compiled.map.read_bytes() == before
    # What is left of a lock is in nobody's way.
    compiled.rules.write_text(RULES)
    compiled.silent()
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


def with_nobody_reading(folder, *options, **more):
    """What it says of that, and its exit status."""
    pipe, theirs = os.pipe()
    # Before it begins, for it may be done in no time.
    os.close(pipe)
    done = subprocess.run(folder.argv(*options), cwd=folder.path,
                          stdout=theirs, stderr=subprocess.PIPE, text=True,
                          check=False, timeout=common.DEADLINE, **more)
    os.close(theirs)
    return done.stderr, done.returncode


@pytest.mark.parametrize("options", [("-s",), ("-q", "*")], ids=" ".join)
def test_nobody_reads(folder, options):
    """As behind postmap: "| head" hears no word of it. Where a signal would not
    end it, it says that something is missing."""
    folder.rules.write_text(many_rules(20000))
    folder.silent()
    assert with_nobody_reading(folder, *options) == ("", -signal.SIGPIPE)
    assert with_nobody_reading(
        folder, *options, restore_signals=False,
        preexec_fn=lambda: signal.signal(signal.SIGPIPE, signal.SIG_IGN)) == \
        ("gatemap: standard output: Broken pipe\n", 74)


def test_nobody_reads_of_a_change(compiled):
    """Work that was begun is done."""
    pipe, theirs = os.pipe()
    os.close(pipe)
    done = subprocess.run(compiled.argv("-v", "-d", "*"), cwd=compiled.path,
                          stdout=theirs, stderr=theirs, check=False)
    os.close(theirs)
    assert done.returncode == 0
    assert not compiled.printed().startswith("*")
    assert litter(compiled) == []


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
