"""How the policy daemon lives: as a daemon, as several workers, under a service
manager, started by spawn(8), and how it ends."""

import os
import pathlib
import signal
import socket
import statistics
import subprocess
import time

import pytest

from gplab import common, policyd

pytestmark = pytest.mark.policyd

RULES = """
* all=tls
off@example.com all=off
"""


@pytest.fixture
def lab():
    with common.Lab("policyd-life") as made:
        made.compile(RULES)
        yield made


@pytest.fixture
def daemon(lab):
    return policyd.Policyd(lab).start()


# The end


def test_the_end_finishes_what_was_asked(daemon):
    with daemon.client() as idle, daemon.client() as half, \
            daemon.client() as other:
        assert idle.login("alice@example.com") == "DUNNO"
        whole = policyd.request(sasl_username="off@example.com")
        half.send(whole[:100])
        assert half.is_silent()
        other.send(whole)
        process = daemon.process
        process.signal(signal.SIGTERM)
        assert other.reply().startswith("550")
        assert idle.is_closed()
        assert not daemon.path.exists()
        assert process.poll() is None
        half.send(whole[100:])
        assert half.reply().startswith("550")
        assert half.is_closed()
        common.wait_for(lambda: process.poll() is not None, "the end")
    assert process.returncode == 0


def test_the_end_does_not_wait_for_ever(daemon):
    with daemon.client() as half:
        half.send(b"request=")
        assert half.is_silent()
        begun = time.monotonic()
        daemon.process.signal(signal.SIGTERM)
        common.wait_for(lambda: daemon.process.poll() is not None, "the end")
        assert time.monotonic() - begun < 15
    assert daemon.process.returncode == 0


# Daemon mode


def test_a_daemon_says_when_it_is_ready(lab):
    daemon = policyd.Policyd(lab)
    pid_file = lab.dir / "pid"
    lab.write_conf(policy_socket=daemon.path)
    lab.dir.chmod(0o777)
    # The output is closed when it is ready, else this would not return.
    done = policyd.run(daemon, "-p", pid_file)
    assert (done.returncode, done.stderr) == (0, "")
    pid = int(pid_file.read_text())
    try:
        with daemon.client() as client:
            assert client.login("alice@example.com") == "DUNNO"
        assert os.getsid(pid) == pid

        again = policyd.run(daemon, "-p", pid_file)
        assert again.returncode == 73 and str(pid_file) in again.stderr
        again = policyd.run(daemon)
        assert again.returncode == 69
        assert "another process listens" in again.stderr
        assert int(pid_file.read_text()) == pid
    finally:
        os.kill(pid, signal.SIGTERM)
        common.wait_for(lambda: not daemon.path.exists(), "the socket's end")
    common.wait_for(lambda: not pid_file.exists() or
                    pid_file.read_text() == "", "the pid file's end")


# Workers, service managers, spawn(8)


def workers_of(pid):
    path = pathlib.Path(f"/proc/{pid}/task/{pid}/children")
    return [int(child) for child in path.read_text().split()]


@pytest.fixture
def workers(lab):
    lab.write_conf(workers="3")
    daemon = policyd.Policyd(lab).start()
    common.wait_for(lambda: len(workers_of(daemon.process.pid)) == 3,
                    "three workers")
    return daemon


def test_workers_share_the_socket(lab, workers):
    clients = [workers.client() for _ in range(30)]
    for _ in range(3):
        for client in clients:
            assert client.login("off@example.com").startswith("550")
    lab.compile("* all=tls\n")
    for client in clients:
        assert client.login("off@example.com") == "DUNNO"
        client.close()


def test_a_worker_that_dies_is_replaced(workers):
    pid = workers.process.pid
    before = workers_of(pid)
    os.kill(before[0], signal.SIGKILL)
    common.wait_for(lambda: len(workers_of(pid)) == 3
                    and before[0] not in workers_of(pid), "another worker")
    workers.wait_log(f"worker {before[0]} ended with signal 9")
    with workers.client() as client:
        assert client.login("off@example.com").startswith("550")


def test_workers_reload(lab, workers):
    clients = [workers.client() for _ in range(10)]
    for client in clients:
        assert client.ask(policy_context="mua") == "DUNNO"
    lab.write_conf(submission_contexts="mua")
    workers.reload()
    common.wait_for(lambda: workers.log().count("settings read again") == 3,
                    "three workers to read")
    for client in clients:
        assert client.ask(policy_context="mua").startswith("530")
    lab.write_conf(submission_contexts="mua", disclose="what")
    workers.reload()
    workers.wait_log("the settings stay as they were")
    for client in clients:
        assert client.ask(policy_context="mua").startswith("530")
        client.close()


def test_workers_end_together(workers):
    pids = workers_of(workers.process.pid)
    with workers.client() as half:
        whole = policyd.request(sasl_username="off@example.com")
        half.send(whole[:50])
        assert half.is_silent()
        workers.process.signal(signal.SIGTERM)
        common.wait_for(lambda: not workers.path.exists(), "the socket's end")
        half.send(whole[50:])
        assert half.reply().startswith("550")
        common.wait_for(lambda: workers.process.poll() is not None, "the end")
    assert workers.process.returncode == 0
    assert not any(pathlib.Path(f"/proc/{pid}").exists() for pid in pids)


def test_workers_end_with_a_killed_supervisor(workers):
    pids = workers_of(workers.process.pid)
    # The process itself, not its group.
    os.kill(workers.process.pid, signal.SIGKILL)
    common.wait_for(lambda: not any(
        pathlib.Path(f"/proc/{pid}/exe").exists() for pid in pids),
        "the workers' end")


def test_workers_as_a_daemon(lab):
    daemon = policyd.Policyd(lab)
    pid_file = lab.dir / "pid"
    lab.write_conf(policy_socket=daemon.path, workers="2")
    done = policyd.run(daemon, "-p", pid_file)
    assert (done.returncode, done.stderr) == (0, "")
    pid = int(pid_file.read_text())
    with daemon.client() as client:
        assert client.login("off@example.com").startswith("550")
    os.kill(pid, signal.SIGTERM)
    common.wait_for(lambda: not pathlib.Path(f"/proc/{pid}/exe").exists(),
                    "the end")
    assert not daemon.path.exists()


class Manager:
    """What systemd does: opens the socket, and listens to what is told."""

    def __init__(self, lab):
        self.path = lab.dir / "activated"
        self.listener = socket.socket(socket.AF_UNIX)
        self.listener.bind(str(self.path))
        self.path.chmod(0o666)
        self.listener.listen(10)
        self.told = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.notify = lab.dir / "notify"
        self.told.bind(str(self.notify))
        self.notify.chmod(0o666)
        self.told.settimeout(common.DEADLINE)

    def start(self, daemon, watchdog="30000000"):
        daemon.mark()
        script = ('exec 3<&"$1"; shift; LISTEN_PID=$$ LISTEN_FDS=1 '
                  'NOTIFY_SOCKET=$1 WATCHDOG_USEC=$2 WATCHDOG_PID=$$; '
                  'export LISTEN_PID LISTEN_FDS NOTIFY_SOCKET WATCHDOG_USEC '
                  'WATCHDOG_PID; shift 2; exec "$@"')
        fd = self.listener.fileno()
        daemon.process = daemon.lab.start(
            ["bash", "-c", script, "bash", fd, self.notify, watchdog,
             *daemon.argv(), "-f"], log=daemon.log_path, pass_fds=[fd])

    def next(self):
        return self.told.recv(1000).decode()


@pytest.mark.parametrize("count", ["1", "2"])
def test_started_by_a_service_manager(lab, count):
    manager = Manager(lab)
    lab.write_conf(policy_socket="/no/such/folder/policy", workers=count)
    daemon = policyd.Policyd(lab)
    manager.start(daemon)
    assert manager.next() == "READY=1"
    with policyd.Client(manager.path) as client:
        assert client.login("off@example.com").startswith("550")
        daemon.process.signal(signal.SIGHUP)
        assert manager.next().startswith("RELOADING=1\nMONOTONIC_USEC=")
        assert manager.next() == "READY=1"
        assert client.login("off@example.com").startswith("550")
    daemon.process.signal(signal.SIGTERM)
    assert manager.next() == "STOPPING=1"
    common.wait_for(lambda: daemon.process.poll() is not None, "the end")
    assert daemon.process.returncode == 0
    # It is the manager's, and serves the next daemon.
    assert manager.path.exists()
    manager.start(daemon)
    assert manager.next() == "READY=1"
    with policyd.Client(manager.path) as client:
        assert client.login("off@example.com").startswith("550")


@pytest.mark.parametrize("count", ["1", "2"])
def test_the_watchdog_is_fed_while_all_work(lab, count):
    manager = Manager(lab)
    lab.write_conf(workers=count)
    daemon = policyd.Policyd(lab)
    manager.start(daemon, watchdog="2000000")
    assert manager.next() == "READY=1"
    fed = []
    for _ in range(5):
        begun = time.monotonic()
        assert manager.next() == "WATCHDOG=1"
        fed.append(time.monotonic() - begun)
    # Every half of the watchdog's time, as sd_watchdog_enabled(3) has it. A
    # busy machine is late now and then, and not each time.
    assert statistics.median(fed) < 1.2, fed
    hung = ([daemon.process.pid] if count == "1" else
            workers_of(daemon.process.pid)[:1])
    for pid in hung:
        os.kill(pid, signal.SIGSTOP)
    manager.told.settimeout(3)
    with pytest.raises(TimeoutError):
        for _ in range(5):
            manager.next()
    for pid in hung:
        os.kill(pid, signal.SIGCONT)
    assert manager.next() == "WATCHDOG=1"


def test_an_inherited_descriptor_that_does_not_listen(lab):
    manager = Manager(lab)
    manager.listener = manager.told
    daemon = policyd.Policyd(lab)
    manager.start(daemon)
    common.wait_for(lambda: daemon.process.poll() is not None, "the end")
    assert daemon.process.returncode == 69
    assert "descriptor 3 is no listening" in daemon.output()


def test_standard_input_and_output(lab):
    whole = policyd.request(sasl_username="off@example.com")
    argv = [common.program("gatepost-policyd"), "-S", "-f", "-c", lab.conf]
    for stdin in (lab.dir / "requests", None):
        if stdin is not None:
            stdin.write_bytes(whole * 3)
            with open(stdin, "rb") as file:
                done = subprocess.run(argv, stdin=file, capture_output=True,
                                      timeout=common.DEADLINE)
        else:
            done = subprocess.run(argv, input=whole * 3, capture_output=True,
                                  timeout=common.DEADLINE)
        assert done.returncode == 0
        assert done.stdout.count(b"action=550 5.7.1 ") == 3
        assert done.stdout.count(b"\n\n") == 3
        assert done.stderr.count(b"cause=off") == 3


@pytest.mark.parametrize("closed", ["<&-", ">&-"])
def test_standard_input_and_output_closed(lab, closed):
    done = subprocess.run(
        ["sh", "-c", f'exec "$@" {closed}', "sh",
         common.program("gatepost-policyd"), "-S", "-f", "-c", lab.conf],
        stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE, text=True, timeout=common.DEADLINE)
    assert done.returncode == 64
    assert "standard input or output is closed" in done.stderr


def test_the_log_goes_nowhere_else(lab):
    """Where standard error is closed, the next descriptor that is opened would
    take its place: a socket, a connection, or the loop's own."""
    daemon = policyd.Policyd(lab)
    lab.write_conf(policy_socket=daemon.path)
    daemon.process = lab.start(
        ["sh", "-c", 'exec "$@" <&- >&- 2>&-', "sh", *daemon.argv(), "-f"],
        log=daemon.log_path)
    lab.wait_socket(daemon.path, daemon.process)
    with daemon.client() as client:
        assert client.login("off@example.com").startswith("550")
        for number in (0, 1, 2):
            assert os.readlink(
                f"/proc/{daemon.process.pid}/fd/{number}") == "/dev/null"
