"""The units of the policy daemon under a real systemd. What is done there is in
units_inside.py, a step after the other; each is a test here."""

import pytest

from gplab import booted, common

INSIDE = "units_inside.py"


@pytest.fixture(scope="module")
def results():
    """What came of each step."""
    return booted.results(INSIDE, common.build_dir())


@pytest.mark.parametrize("step", booted.steps(INSIDE))
def test_unit(results, step):
    booted.assert_ok(results, step)
