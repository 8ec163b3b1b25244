"""Steps on a machine of its own where systemd is process 1 (systemd-boot.sh):
what is needed outside, to boot it and to make each step a test, and inside."""

import pathlib
import re
import subprocess
import tempfile
import time
import traceback

import pytest

HERE = pathlib.Path(__file__).resolve().parents[1]


def steps(script):
    """The names of a script's steps, in order."""
    return re.findall(r"^def step_(\w+)", (HERE / script).read_text(), re.M)


def results(script, *args):
    """Outside: boots the machine for a script of steps; what came of each."""
    with tempfile.TemporaryDirectory(prefix="gatepost-booted-") as folder:
        done = subprocess.run(
            [HERE / "systemd-boot.sh", folder, "/usr/bin/python3", "-B",
             HERE / script, *args],
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
            stderr=subprocess.PIPE, text=True, timeout=300, check=False)
    if done.returncode == 69:
        pytest.skip(done.stderr.strip())
    assert done.returncode == 0, done.stdout + done.stderr
    return dict(line.split(" ", 1) for line in done.stdout.splitlines())


def assert_ok(found, step):
    result = found.get(step, "it was not reached")
    assert result == "ok", result.replace("\\n", "\n")


# Inside


def run(*command):
    done = subprocess.run(command, stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, text=True, check=False)
    assert done.returncode == 0, f"{command}: {done.stdout}"
    return done.stdout


def show(unit, name):
    return run("systemctl", "show", "--value", "-p", name, unit).strip()


def wait_for(condition, what):
    end = time.monotonic() + 30
    while not condition():
        assert time.monotonic() < end, f"not within 30 s: {what}"
        time.sleep(0.05)


def take_steps(names):
    """Writes a line for each step: its name and "ok", or what went wrong."""
    for name, step in list(names.items()):
        if not name.startswith("step_"):
            continue
        try:
            step()
            print(name[5:], "ok", flush=True)
        except Exception:
            print(name[5:], traceback.format_exc().replace("\n", "\\n"),
                  flush=True)
