"""Shared by all tests on real servers: where the lab's modules are found, and
what is shown of a server's log when a test fails."""

import pathlib
import sys

import pytest

sys.path.insert(0, str(pathlib.Path(__file__).parent))

from gplab import common  # noqa: E402


@pytest.fixture(scope="module")
def lab(request):
    """A folder with its servers for one file of tests."""
    name = request.module.__name__.removeprefix("test_").replace("_", "-")
    with common.Lab(name) as made:
        yield made
