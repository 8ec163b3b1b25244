"""Whatever happens in the middle of a change, rules file and map are the old
ones or the new ones, and the next change finds its way: killed, two at once,
no room left."""

import os
import pathlib
import random
import subprocess
import sys
import tempfile
import textwrap
import threading
import time

import pytest

from gplab import common
from gplab.admin import Folder, mounts_are_private

as_root = pytest.mark.skipif(os.geteuid() != 0, reason="needs root")


def big_rules(count):
    return "*  all=tls\n" + "".join(
        f"u{i:05d}@big.test imap=off note=\"mailbox {i}\"\n"
        for i in range(count))


@pytest.fixture
def folder(tmp_path):
    made = Folder(tmp_path, big_rules(20_000))
    made.compile()
    return made


def left_behind(folder):
    return [name for name in folder.names()
            if name.startswith(".") or ".tmp." in name]


def test_killed_at_random_moments(folder):
    """kill -9, again and again: each change is there as a whole or not at
    all, and rules and map say the same after the next one."""
    rng = random.Random(int(os.environ.get("GATEPOST_SEED", "20261121")))
    start = time.monotonic()
    folder.ok("set", "probe.test", "imap=off", "note=-1")
    span = (time.monotonic() - start) * 1.2
    killed = 0
    left = []
    for i in range(400):
        if killed == 40:
            break
        before = folder.rules.read_text()
        with subprocess.Popen(
                folder.argv("set", "-q", "probe.test", f"note={i}"),
                stderr=subprocess.DEVNULL) as popen:
            time.sleep(rng.uniform(0, span))
            popen.kill()
        if popen.returncode == -9:
            killed += 1
        else:
            # The machine has become quicker.
            span *= 0.9
        after = folder.rules.read_text()
        line = f"probe.test imap=off note={i}"
        assert after in (before, before.replace(
            folder_line(before, "probe.test"), line))
        left += left_behind(folder)
        # The map is whole at every moment.
        assert folder.in_force("probe.test")[0].startswith("imap=off note=")
    assert killed == 40
    # Should one of them have been met between linkat(2) and rename(2).
    assert len(left) <= 1
    folder.ok("set", "-q", "last.test", "imap=off")
    assert left_behind(folder) == []
    stands = folder_line(folder.rules.read_text(), "probe.test")
    assert folder.in_force("probe.test") == [
        stands.removeprefix("probe.test ").replace("note=", 'note="') + '"']
    states = {e["id"]: e["state"] for e in folder.entries() if "state" in e}
    assert {e["id"] for e in folder.entries()} == set(states)
    assert set(states.values()) <= {"done", "void"}


def folder_line(text, key):
    return next(line for line in text.splitlines() if line.startswith(key))


def stopped(folder, where):
    """A change that was killed right behind a system call: the journal's line
    is written, then the rules file stands, then the map."""
    before = folder.rules.read_bytes()
    before_map = folder.map.read_bytes()
    folder.ok("set", "-q", "new.test", "imap=off")
    entries = folder.journal.read_text().splitlines(keepends=True)
    folder.journal.write_text(entries[0])
    if where != "map":
        (folder.path / "rules.lmdb").write_bytes(before_map)
        (folder.path / "rules.lmdb").chmod(0o640)
    if where == "journal":
        folder.rules.write_bytes(before)


@pytest.mark.parametrize("where", ["journal", "rules", "map"])
def test_what_was_interrupted_is_completed(folder, where):
    stopped(folder, where)
    assert "interrupted" in folder.ok("history")
    folder.ok("set", "-q", "other.test", "imap=off")
    assert folder.in_force("other.test") == ["imap=off"]
    expected = [] if where == "journal" else ["imap=off"]
    assert folder.in_force("new.test") == expected
    assert [e.get("state") for e in folder.entries()] == [
        None, "void" if where == "journal" else "done", None, "done"]


def test_a_folder_killed_between_two_files(tmp_path):
    folder = Folder(tmp_path, "")
    folder.rules.unlink()
    folder.rules.mkdir()
    first, second = folder.rules / "1", folder.rules / "2"
    first.write_text("a.test imap=off\n")
    second.write_text("b.test imap=off\n")
    folder.compile()
    folder.ok("set", "-", stdin="a.test imap=tls\nb.test imap=tls\n")
    folder.journal.write_text(
        folder.journal.read_text().splitlines(keepends=True)[0])
    second.write_text("b.test imap=off\n")
    done = folder.expect(0, "set", "c.test", "imap=off")
    assert "change 1 was interrupted; it is completed now" in done.stderr
    assert second.read_text() == "b.test imap=tls\nc.test imap=off\n"
    assert folder.in_force("b.test") == ["imap=tls"]
    folder.ok("undo", "1")
    assert first.read_text() == "a.test imap=off\n"


def test_two_at_once(folder):
    """Several writers, and gatemap in between: nobody's change is lost."""
    failures = []

    def write(name, count):
        for i in range(count):
            done = folder.run("set", "-q", f"{name}{i}.test", "imap=off")
            if done.returncode != 0:
                failures.append(done)

    def compile_all(count):
        for _ in range(count):
            try:
                folder.compile()
            except subprocess.CalledProcessError as error:
                failures.append(error)

    threads = [threading.Thread(target=write, args=(name, 8))
               for name in "abc"]
    threads.append(threading.Thread(target=compile_all, args=(8,)))
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []
    for name in "abc":
        for i in range(8):
            assert folder.in_force(f"{name}{i}.test") == ["imap=off"]
    ids = [e["id"] for e in folder.entries() if "state" not in e]
    assert ids == list(range(1, 25))
    assert left_behind(folder) == []


FULL = textwrap.dedent("""\
    import pathlib, subprocess, sys
    sys.path[:0] = [{tests!r}]
    from gplab.admin import Folder
    from test_admin_safe import big_rules
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=6m", "tmpfs",
                    {path!r}], check=True)
    path = pathlib.Path({path!r})
    folder = Folder(path, big_rules(4000))
    folder.compile()
    folder.ok("set", "-q", "a.test", "imap=off")
    ballast = path / "ballast"
    seen = set()
    for free in [0, 1, 4, 8, 40, 200, 400, 600, 900, 1200, 1600, 2400, 5000]:
        ballast.unlink(missing_ok=True)
        with ballast.open("wb", buffering=0) as out:
            try:
                while True:
                    out.write(b"x" * 4096)
            except OSError:
                pass
        with ballast.open("r+b") as out:
            out.truncate(max(0, ballast.stat().st_size - free * 1024))
        before = folder.state()
        done = folder.run("set", "-q", "a.test", f"note={{free}}")
        seen.add(done.returncode)
        after = folder.state()
        if done.returncode == 0:
            assert f"note={{free}}".encode() in after[0], done
            assert folder.in_force("a.test") == \\
                [f'imap=off note="{{free}}"']
        else:
            assert after == before, (free, done)
            assert "No space left" in done.stderr or \\
                "full" in done.stderr, done
            ballast.unlink()
            leftovers = [n for n in folder.names()
                         if n.startswith(".") or ".tmp." in n]
            assert leftovers == [], leftovers
    assert 0 in seen and len(seen) > 1, seen
    for line in folder.journal.read_text().splitlines():
        assert line.startswith("{{") and line.endswith("}}"), line
    print("fine")
    """)


@as_root
def test_no_room_left():
    """A small file system of its own, with ever more room."""
    if not mounts_are_private():
        pytest.skip("needs mounts of its own")
    with tempfile.TemporaryDirectory() as path:
        script = FULL.format(tests=str(pathlib.Path(__file__).parent),
                             path=path)
        done = subprocess.run(
            ["unshare", "--mount", sys.executable, "-c", script],
            capture_output=True, text=True, check=False, timeout=120,
            env={**os.environ, "GATEPOST_BUILD": str(common.build_dir())})
    assert done.stdout == "fine\n", done.stderr


def test_the_first_change_fails(folder):
    """Not even an empty journal is left of it."""
    before = folder.names()
    folder.refused(65, "set", "a.test", "imap=nonsense")
    assert folder.names() == before


def test_a_limit_on_files(folder):
    """RLIMIT_FSIZE kills with a signal where it is not looked after."""
    import resource
    before = folder.state()
    names = folder.names()
    done = folder.run("set", "-q", "a.test", "imap=off",
                      preexec_fn=lambda: resource.setrlimit(
                          resource.RLIMIT_FSIZE, (300_000, 300_000)))
    assert done.returncode not in (0, -25), done
    assert folder.state() == before
    assert folder.names() == names
    folder.ok("set", "-q", "a.test", "imap=off")


def test_interrupted_by_a_signal(folder):
    """The rules are as they were, unless the change was through; whoever is
    interrupted says so."""
    start = time.monotonic()
    folder.ok("set", "-q", "probe.test", "imap=off")
    step = (time.monotonic() - start) / 30
    told = 0
    for i in range(40):
        before = folder.state()
        with subprocess.Popen(folder.argv("set", "-q", f"a{i}.test",
                                          "imap=off"),
                              stderr=subprocess.PIPE, text=True) as popen:
            time.sleep(step * i)
            popen.terminate()
            error = popen.stderr.read()
        if popen.returncode == 0:
            assert folder.in_force(f"a{i}.test") == ["imap=off"]
            continue
        assert popen.returncode == -15
        assert left_behind(folder) == []
        told += "interrupted; the map is as it was" in error
        if "is in force" not in error:
            assert folder.state() == before, error
    assert told > 0
    folder.ok("set", "-q", "b.test", "imap=off")
