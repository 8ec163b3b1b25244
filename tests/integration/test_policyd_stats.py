"""What the policy daemon counts, and how it can be seen; what it is allowed to
do where systemd starts it."""

import json
import os
import pathlib
import re
import shutil
import signal
import subprocess

import pytest

from gplab import common, policyd

pytestmark = pytest.mark.policyd

RULES = """
* all=tls
off@example.com all=off
trial@example.com all=tls
trial@example.com all=off mode=trial
"""
SOURCE = pathlib.Path(__file__).parents[2]
NAME = "gatepost_policyd_"


@pytest.fixture
def lab():
    with common.Lab("policyd-stats") as made:
        made.compile(RULES)
        yield made


def run(*argv):
    return subprocess.run([*map(str, argv)], capture_output=True, text=True,
                          timeout=60)


def stats(lab):
    done = run(common.program("gatepost-policyd"), "--stats", "-c", lab.conf)
    assert (done.returncode, done.stderr) == (0, "")
    return done.stdout


def numbers(page):
    """The page as a dictionary; each line that is no comment has to be one of
    OpenMetrics."""
    assert page.endswith("\n# EOF\n")
    found = {}
    for line in page.splitlines():
        if line.startswith("#"):
            assert re.fullmatch(r"# (TYPE|HELP) \w+ .+|# EOF", line), line
            continue
        name, value = re.fullmatch(
            r'(\w+(?:\{\w+="[\w.+]+"(?:,\w+="[\w.+]+")*\})?) ([0-9.]+)',
            line).groups()
        assert name not in found
        found[name.removeprefix(NAME)] = float(value)
    return found


def verdict(kind, cause, service="submission"):
    return (f'verdicts_total{{verdict="{kind}",service="{service}",'
            f'cause="{cause}"}}')


def ask_some(clients):
    for client in clients:
        assert client.login("alice@example.com") == "DUNNO"
        assert client.login("off@example.com").startswith("550")
        assert client.login("trial@example.com").startswith("INFO")
        assert client.ask(policy_context="", server_port="25") == "DUNNO"


@pytest.mark.parametrize("count", [1, 3])
def test_counters(lab, count):
    lab.write_conf(workers=count)
    daemon = policyd.Policyd(lab).start()
    clients = [daemon.client() for _ in range(12)]
    ask_some(clients)
    with daemon.client() as client:
        client.send(b"nonsense\n\n")
        assert client.is_closed()
    found = numbers(stats(lab))
    assert found["requests_total"] == 48
    assert found[verdict("allow", "none")] == 12
    assert found[verdict("refuse", "off")] == 12
    assert found[verdict("trial", "off")] == 12
    assert found['errors_total{kind="malformed"}'] == 1
    # That of --stats is one.
    assert found["connections"] == 13
    assert found["map_loaded"] == 1
    assert 0 <= found["map_age_seconds"] < 3600
    assert found["latency_seconds_count"] == 48
    assert found['latency_seconds_bucket{le="+Inf"}'] == 48
    for client in clients:
        client.close()
    common.wait_for(lambda: numbers(stats(lab))["connections"] == 1,
                    "the end of the connections")


def test_no_names_in_it(lab):
    daemon = policyd.Policyd(lab).start()
    with daemon.client() as client:
        client.login("off@example.com", sender="eve@example.net",
                     helo_name="helo.example")
    page = stats(lab)
    assert not re.search(r"@|example|\d+\.\d+\.\d+\.\d+|:\d", page)


def test_no_map(lab):
    pathlib.Path(lab.map).unlink()
    daemon = policyd.Policyd(lab).start()
    with daemon.client() as client:
        assert client.login("alice@example.com").startswith("451")
    found = numbers(stats(lab))
    assert found["map_loaded"] == 0
    assert found[verdict("defer", "none")] == 1


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "[127.0.0.1]"])
def test_over_tcp(lab, host):
    policyd.Policyd(lab, socket_name=f"inet:{host}:{lab.port()}").start()
    assert numbers(stats(lab))["requests_total"] == 0


@pytest.mark.parametrize("count", [1, 2])
def test_a_signal_logs_them(lab, count):
    lab.write_conf(workers=count)
    daemon = policyd.Policyd(lab).start()
    clients = [daemon.client() for _ in range(5)]
    ask_some(clients)
    os.kill(daemon.process.pid, signal.SIGUSR1)
    daemon.wait_log(NAME + "requests_total 20\n")
    daemon.wait_log(NAME + "latency_seconds_count 20\n")
    assert daemon.output().count(NAME + "requests_total") == 1
    for client in clients:
        assert client.login("alice@example.com") == "DUNNO"
        client.close()


def test_without_a_daemon(lab):
    lab.write_conf(policy_socket=lab.dir / "nobody")
    done = run(common.program("gatepost-policyd"), "--stats", "-c", lab.conf)
    assert done.returncode == 69
    assert "is it running?" in done.stderr


@pytest.mark.parametrize("output", [">&-", ">/dev/full"])
def test_an_output_that_takes_nothing(lab, output):
    policyd.Policyd(lab).start()
    done = run("sh", "-c", f'exec "$@" {output}', "sh",
               common.program("gatepost-policyd"), "--stats", "-c", lab.conf)
    assert done.returncode == 74
    assert "standard output: " in done.stderr


def test_a_daemon_that_hangs(lab):
    daemon = policyd.Policyd(lab).start()
    daemon.process.signal(signal.SIGSTOP)
    try:
        done = run(common.program("gatepost-policyd"), "--stats", "-c",
                   lab.conf)
    finally:
        daemon.process.signal(signal.SIGCONT)
    assert done.returncode == 69
    assert "does not answer within 10 seconds" in done.stderr


def test_the_collectors_file(lab):
    daemon = policyd.Policyd(lab).start()
    path = lab.dir / "gatepost.prom"
    command = (common.program("gatepost"), "metrics", "-c", lab.conf)
    done = run(*command)
    assert (done.returncode, done.stderr) == (0, "")
    assert numbers(done.stdout)["requests_total"] == 0
    members = json.loads(run(*command, "--json").stdout)
    assert members["gatepost_policyd_requests_total"] == 0
    assert len(members) == sum(1 for line in done.stdout.splitlines()
                               if not line.startswith("#"))
    done = run(*command, "-o", path)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    assert numbers(path.read_text())["requests_total"] == 0
    assert path.stat().st_mode & 0o777 == 0o644
    daemon.stop()
    done = run(*command, "-o", path)
    assert done.returncode == 69
    # Nobody takes old numbers for new ones, and nothing is left.
    assert not list(lab.dir.glob("gatepost.prom*"))


def test_the_units_exposure(tmp_path):
    if shutil.which("systemd-analyze") is None:
        pytest.skip("systemd-analyze is not there")
    unit = tmp_path / "gatepost-policyd.service"
    text = (SOURCE / "packaging/gatepost-policyd.service.in").read_text()
    unit.write_text(re.sub(r"@sbindir@/gatepost-policyd.*", "/bin/true",
                           text))
    done = run("systemd-analyze", "security", "--offline=yes", "--no-pager",
               unit)
    found = re.search(r"Overall exposure level for \S+: ([0-9.]+)",
                      done.stdout)
    if found is None and "offline" in done.stderr:
        pytest.skip("this systemd-analyze knows no --offline")
    assert found, done.stdout + done.stderr
    assert float(found.group(1)) <= 1.5
