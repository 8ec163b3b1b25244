"""The units of the policy daemon under a real systemd: on a machine of its own
made of this one's files, where it is process 1 (systemd-boot.sh). What is done
there is in units_inside.py, a step after the other; each is a test here."""

import pathlib
import re
import subprocess
import tempfile

import pytest

from gplab import common

HERE = pathlib.Path(__file__).resolve().parent
INSIDE = HERE / "units_inside.py"
STEPS = re.findall(r"^def step_(\w+)", INSIDE.read_text(), re.M)


@pytest.fixture(scope="module")
def results():
    """What came of each step."""
    with tempfile.TemporaryDirectory(prefix="gatepost-units-") as folder:
        done = subprocess.run(
            [HERE / "systemd-boot.sh", folder, "/usr/bin/python3", INSIDE,
             common.build_dir()],
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
            stderr=subprocess.PIPE, text=True, timeout=300)
    if done.returncode == 69:
        pytest.skip(done.stderr.strip())
    assert done.returncode == 0, done.stdout + done.stderr
    return dict(line.split(" ", 1) for line in done.stdout.splitlines())


@pytest.mark.parametrize("step", STEPS)
def test_unit(results, step):
    result = results.get(step, "it was not reached")
    assert result == "ok", result.replace("\\n", "\n")
