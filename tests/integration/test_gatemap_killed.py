"""gatemap killed, by SIGKILL, at any moment: whole rules stand, and nothing
that did not stand there before but an empty lock file. Needs no server."""

import contextlib
import os
import pwd
import random
import resource
import subprocess
import time

import pytest

from gplab import common
from gplab.admin import mounts_are_private
from gplab.gatemap import PRINTED, QUIET, RULES, litter, many_rules
from gplab.gatemap import compiled, folder  # noqa: F401

as_root = pytest.mark.skipif(os.geteuid() != 0, reason="needs root")

LOCK = "rules.lmdb.lock"


def names(folder):
    """All but the lock, which does no harm."""
    return [name for name in folder.names() if name != LOCK]


def nameless(pid):
    """The sizes of files that the process has open and nobody can find."""
    sizes = []
    with contextlib.suppress(FileNotFoundError, PermissionError):
        for fd in os.listdir(f"/proc/{pid}/fd"):
            path = f"/proc/{pid}/fd/{fd}"
            if os.readlink(path).endswith(" (deleted)"):
                sizes.append(os.stat(path).st_size)
    return sizes


def kill_once(folder, *options, stdin=""):
    with subprocess.Popen(folder.argv(*options), cwd=folder.path,
                          stdin=subprocess.PIPE, text=True) as process:
        process.stdin.write(stdin)
        process.stdin.close()
        while process.poll() is None and not any(nameless(process.pid)):
            pass
        process.kill()
    return process.returncode == -9


def kill_while_it_writes(folder, *options, **more):
    """It may be done before it is killed, when this machine has other work."""
    before = {p.name: p.read_bytes() for p in folder.path.iterdir()}
    for _ in range(50):
        killed = kill_once(folder, *options, **more)
        if killed and folder.map_bytes() == before.get("rules.lmdb"):
            return
        for path in folder.path.iterdir():
            if path.name not in before:
                path.unlink()
            elif path.read_bytes() != before[path.name]:
                path.write_bytes(before[path.name])
    pytest.fail("it was too quick fifty times")


def test_killed_while_it_writes(folder):
    """First where there was no map, and no summary."""
    folder.rules.write_text(many_rules(100_000))
    before = names(folder)
    kill_while_it_writes(folder)
    assert names(folder) == before
    assert (folder.path / LOCK).read_bytes() == b""
    folder.rules.write_text(RULES)
    folder.silent()
    assert litter(folder) == []
    before = names(folder)
    folder.rules.write_text(many_rules(100_000))
    kill_while_it_writes(folder)
    assert names(folder) == before
    kill_while_it_writes(folder, "-i", "-r", stdin=many_rules(100_000))
    assert names(folder) == before
    assert folder.printed() == PRINTED


@as_root
def test_killed_with_dropped_rights(folder):
    """Who gave up root's rights may not be looked into by others, but knows
    his own files."""
    nobody = pwd.getpwnam("nobody")
    folder.configure(QUIET + "map_owner = nobody\n")
    folder.rules.write_text(many_rules(100_000))
    os.chown(folder.rules, nobody.pw_uid, nobody.pw_gid)
    os.chown(folder.path, nobody.pw_uid, nobody.pw_gid)
    before = names(folder)
    kill_while_it_writes(folder)
    assert names(folder) == before
    folder.silent()
    assert folder.map.stat().st_uid == nobody.pw_uid
    assert litter(folder) == []


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
    before = names(folder)
    rng = random.Random(7)
    left = []
    for turn in range(40):
        folder.rules.write_text(old if turn % 2 else new)
        process = subprocess.Popen(folder.argv(), cwd=folder.path)
        time.sleep(rng.random() * took)
        process.kill()
        process.wait()
        assert folder.printed() in texts
        left += set(names(folder)) - set(before)
    # Should one of them have been met between linkat(2) and rename(2).
    assert len(left) <= 1
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


@as_root
def test_without_proc(compiled):
    """Then the new file has a name; it goes all the same when there is no room
    for it."""
    if not mounts_are_private():
        pytest.skip("needs mounts of its own")

    def compile_without(limit):
        return subprocess.run(
            ["unshare", "-m", "sh", "-c", "mount -t tmpfs none /proc && "
             f"ulimit -f {limit} && exec \"$@\"", "sh", *compiled.argv()],
            cwd=compiled.path, capture_output=True, text=True, check=False)

    compiled.rules.write_text("* imap=off\n")
    done = compile_without("unlimited")
    assert (done.returncode, done.stderr) == (0, "")
    assert compiled.printed() == "*\timap=off\n"
    before = names(compiled)
    compiled.rules.write_text(many_rules(5000))
    done = compile_without(64)
    assert done.returncode == 74, done
    assert done.stderr.startswith("gatemap: cannot write map rules.lmdb: ")
    assert names(compiled) == before
    assert compiled.printed() == "*\timap=off\n"


def test_no_message_names_what_is_nameless(folder):
    """As few open files as it takes for each step to fail once."""
    folder.silent()
    before = names(folder)
    statuses = []
    for limit in range(4, 24):
        done = folder.run(preexec_fn=lambda: resource.setrlimit(
            resource.RLIMIT_NOFILE, (limit, limit)))
        statuses.append(done.returncode)
        assert "/proc/" not in done.stderr
        if done.returncode != 0:
            assert names(folder) == before
            assert done.stderr.startswith("gatemap: "), done
    assert statuses[-1] == 0
    assert any(statuses)
