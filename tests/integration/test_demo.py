"""The tour itself: it succeeds, README shows its table as it was printed, and
it leaves nothing behind, however it ends."""

import os
import pathlib
import re
import shutil
import signal
import subprocess
import sys
import tempfile

import pytest

from gplab import common

DEMO = pathlib.Path(__file__).parent / "demo.py"


def start_demo(place):
    """Its folder is made below place, so that what is left can be seen."""
    environment = {**os.environ, "TMPDIR": str(place),
                   "GATEPOST_BUILD": str(common.build_dir())}
    return subprocess.Popen([sys.executable, "-B", DEMO], text=True,
                            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                            stderr=subprocess.STDOUT, env=environment)


def left_behind(place):
    """Folders and processes of a tour."""
    found = [str(path) for path in place.iterdir()]
    for entry in pathlib.Path("/proc").glob("[0-9]*"):
        try:
            command = (entry / "cmdline").read_bytes().decode()
            folder = os.readlink(entry / "cwd")
        except OSError:
            continue
        if str(place) in command or str(place) in folder:
            found.append(f"{entry.name}: {command}")
    return found


@pytest.fixture
def place():
    """A folder that servers which have dropped root can pass through."""
    with tempfile.TemporaryDirectory(prefix="gatepost-test-demo-") as folder:
        os.chmod(folder, 0o755)
        yield pathlib.Path(folder)


def table(text):
    return [line.strip() for line in text.splitlines()
            if re.match(r" *[|+]", line)]


def test_tour_succeeds_as_in_readme(place):
    demo = start_demo(place)
    output = demo.communicate(timeout=120)[0]
    assert demo.returncode == 0, output
    assert len(table(output)) > 40
    readme = (common.TREE / "README").read_text()
    # Dovecot's own words: README has those of 2.3.
    output = output.replace("] Cleartext ", "] Plaintext ")
    assert table(readme) == table(output)
    rules = output.split("== The rules\n")[1].split("\n+--")[0]
    assert rules in readme
    assert not left_behind(place)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
@pytest.mark.parametrize("moment", ["Starting", "alice: POP3 in"])
def test_nothing_is_left_after_a_signal(place, number, moment):
    demo = start_demo(place)
    seen = ""
    while moment not in seen:
        line = demo.stdout.readline()
        assert line, f"the tour ended before {moment!r}: {seen}"
        seen += line
    demo.send_signal(number)
    output = demo.communicate(timeout=60)[0]
    assert demo.returncode == 128 + number, seen + output
    assert not left_behind(place)


def test_nothing_is_left_after_a_failure(place, monkeypatch):
    """A command is missing when half of the servers run."""
    commands = place / "commands"
    commands.mkdir()
    for folder in ("/bin", "/usr/bin", "/sbin", "/usr/sbin"):
        for path in pathlib.Path(folder).iterdir():
            link = commands / path.name
            if path.name != "postfix" and not link.is_symlink():
                link.symlink_to(path)
    monkeypatch.setenv("PATH", str(commands))
    demo = start_demo(place)
    output = demo.communicate(timeout=60)[0]
    assert demo.returncode == 1, output
    assert "postfix" in output
    shutil.rmtree(commands)
    assert not left_behind(place)


def test_a_server_that_ends_in_the_middle(place):
    """It is said at which step, with the servers' last words."""
    demo = start_demo(place)
    seen = ""
    while "alice: POP3 in" not in seen:
        line = demo.stdout.readline()
        assert line, seen
        seen += line
    (master,) = place.glob("*/dovecot/run/master.pid")
    os.kill(int(master.read_text()), signal.SIGKILL)
    output = demo.communicate(timeout=60)[0]
    assert demo.returncode == 1, seen + output
    assert re.search(r"^demo: \w+: .*: ", output, re.M), output
    assert "dovecot.log:\n" in output and "imap-login" in output
    assert not left_behind(place)
