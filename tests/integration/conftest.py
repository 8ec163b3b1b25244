"""Shared by all tests on real servers: where the lab's modules are found, and
what is shown of the servers' logs when a test fails."""

import pathlib
import signal
import sys

import pytest

sys.path.insert(0, str(pathlib.Path(__file__).parent))

from gplab import checking, common, sanitized  # noqa: E402


@pytest.hookimpl(tryfirst=True)
def pytest_configure(config):
    """With xdist a file's tests stay together: they share their servers."""
    if getattr(config.option, "dist", "no") == "load":
        config.option.dist = "loadfile"
    _let_programs_be_interrupted()
    config.addinivalue_line(
        "markers", "policyd: tests of the policy daemon, which are run once "
        "more with a daemon built with sanitizers")
    config.addinivalue_line(
        "markers", "measures: tests of time or memory, of which a Dovecot "
        "with sanitizers takes more")


def _let_programs_be_interrupted():
    """What nohup or a shell's background made us ignore, the programs that we
    start would ignore as well; what is handled, they do not inherit."""
    for number in (signal.SIGHUP, signal.SIGINT, signal.SIGQUIT):
        if signal.getsignal(number) is signal.SIG_IGN:
            signal.signal(number, lambda number, frame: None)


def pytest_runtest_setup(item):
    if item.get_closest_marker("measures") and sanitized.environment():
        pytest.skip("what it takes under sanitizers says nothing")


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item, call):
    outcome = yield
    report = outcome.get_result()
    made = item.funcargs.get("lab") if hasattr(item, "funcargs") else None
    if report.failed and made is not None:
        report.sections += [
            (f"end of {path.name}", _tail(path))
            for path in sorted(made.dir.glob("*/*.log"), key=_changed)[-2:]]


def _changed(path):
    return path.stat().st_mtime


def _tail(path, lines=20):
    return "\n".join(path.read_text(errors="replace").splitlines()[-lines:])


@pytest.fixture(scope="module")
def lab(request):
    """A folder with its servers for one file of tests."""
    name = request.module.__name__.removeprefix("test_").replace("_", "-")
    with common.Lab(name) as made:
        yield made
        found = sanitized.reports(made.dir)
    assert not found


@pytest.fixture(scope="module")
def checked_host(lab):
    """A host for "gatepost check"."""
    return checking.Host(lab)


@pytest.fixture
def host(checked_host):
    """The same, as it should be again after each test."""
    yield checked_host
    checked_host.write()
    checked_host.put_back()
