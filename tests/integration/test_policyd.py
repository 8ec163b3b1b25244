"""The policy daemon alone, over its own sockets: how it starts and ends, and
what it says to requests that no Postfix would send."""

import grp
import os
import pathlib
import pwd
import resource
import signal
import socket
import stat
import subprocess
import time

import pytest

from gplab import common, policyd

pytestmark = pytest.mark.policyd

RULES = """
* all=tls
off@example.com all=off
clear@example.com submission=cleartext
"""

as_root = pytest.mark.skipif(os.geteuid() != 0, reason="needs root")


@pytest.fixture
def lab():
    with common.Lab("policyd") as made:
        made.compile(RULES)
        yield made


@pytest.fixture
def daemon(lab):
    return policyd.Policyd(lab).start()


def status_of(pid, name):
    for line in pathlib.Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith(name + ":"):
            return line.split()[1:]
    raise common.LabError(f"no {name}")


# Requests and replies


def test_judges(daemon):
    with daemon.client() as client:
        assert client.login("alice@example.com") == "DUNNO"
        assert client.login("alice@example.com", tls="").startswith(
            "530 5.7.0 Must issue a STARTTLS command first")
        assert client.login("clear@example.com", tls="") == "DUNNO"
        assert client.login("off@example.com").startswith("550 5.7.1 ")
        assert client.login("a@b@c").startswith("550 5.7.1 ")
        assert client.ask().startswith("530 5.7.0 Authentication required")


def test_before_auth_nothing_is_refused(daemon):
    with daemon.client() as client:
        for state in ("CONNECT", "EHLO", "HELO", "MAIL"):
            assert client.ask(protocol_state=state) == "DUNNO"
            assert client.login("off@example.com",
                                protocol_state=state).startswith("550")
        for state in ("RCPT", "DATA", "END-OF-MESSAGE", "VRFY", "ETRN"):
            assert client.ask(protocol_state=state,
                              recipient="").startswith("530 5.7.0 ")
            assert client.login("alice@example.com", recipient="",
                                protocol_state=state) == "DUNNO"


def test_mail_from_outside_is_let_through(daemon):
    with daemon.client() as client:
        for state in ("CONNECT", "EHLO", "HELO", "MAIL", "RCPT", "DATA",
                      "END-OF-MESSAGE", "VRFY", "ETRN"):
            for context in ("", None, "inbound"):
                assert client.ask(protocol_state=state, server_port="25",
                                  policy_context=context,
                                  recipient="off@example.com",
                                  sender="off@example.com") == "DUNNO"
        assert client.login("off@example.com", server_port="25",
                            policy_context="").startswith("550")


def test_what_is_left_out_makes_it_stricter(daemon):
    with daemon.client() as client:
        assert client.login("alice@example.com",
                            tls=None).startswith("530")
        assert client.ask(protocol_state=None).startswith("530")
        assert client.login("alice@example.com", client_address=None,
                            server_address=None, policy_context=None,
                            server_port=None, sender=None,
                            recipient=None) == "DUNNO"


def test_one_reply_per_request_and_never_a_byte_more(daemon):
    with daemon.client() as client:
        assert client.is_silent()
        whole = policyd.request(sasl_username="alice@example.com",
                                encryption_protocol="TLSv1.2")
        for byte in whole[:-1]:
            client.send(bytes([byte]))
        assert client.is_silent()
        client.send(whole[-1:])
        assert client.reply() == "DUNNO"
        assert client.is_silent()
        client.send(whole * 50)
        for _ in range(50):
            assert client.reply() == "DUNNO"
        assert client.is_silent()


@pytest.mark.parametrize("data", [
    b"GET / HTTP/1.0\r\n\r\n",
    b"\n",
    b"request=junk\n\n",
    policyd.request().replace(b"stress=\n", b"stress=\0\n"),
    policyd.request().replace(b"stress=\n", b"sasl_username=x\n"),
    policyd.request().replace(b"stress=\n", b"stress\n"),
    b"x" * 20000,
])
def test_what_is_no_request_is_closed_without_a_reply(daemon, data):
    with daemon.client() as client:
        client.send(data)
        assert client.is_closed()
    daemon.wait_log("A policy connection is closed: ")
    with daemon.client() as client:
        assert client.login("alice@example.com") == "DUNNO"


def test_nothing_sent_is_logged_raw(lab):
    daemon = policyd.Policyd(lab, options=["-v"]).start()
    evil = "x\r\x1b[2J\x07\"<>\\ \udcff\u00e9=y"
    with daemon.client() as client:
        reply = client.login("off@example.com", sender=evil, recipient=evil,
                             helo_name=evil)
        assert reply.startswith("550")
        reply = client.login(evil, sender=evil, recipient=evil,
                             client_address=evil)
        assert reply.startswith("550")
        assert client.ask(sender=evil).startswith("530")
    daemon.wait_log("cause=unauthenticated")
    raw = daemon.log_path.read_bytes()
    assert all(byte == 10 or 32 <= byte <= 126 for byte in raw)
    assert b"\\x1b[2J" in raw


def test_a_refusal_is_one_line_of_the_log(daemon):
    daemon.mark()
    with daemon.client() as client:
        client.login("off@example.com")
        client.login("alice@example.com")
    daemon.wait_log("cause=off")
    lines = daemon.log().splitlines()
    assert len(lines) == 1
    for part in ("refused: user=<off@example.com>", "service=submission",
                 "cause=off", "rule=<off@example.com>", "line=3",
                 f"rip={common.CLIENT}", "tls=TLSv1.3"):
        assert part in lines[0]


def test_one_mailbox_does_not_fill_the_log(daemon):
    daemon.mark()
    with daemon.client() as client:
        for _ in range(500):
            assert client.login("off@example.com").startswith("550")
        assert client.login("alice@example.com", tls="").startswith("530")
    assert daemon.stop() == 0
    lines = [line for line in daemon.log().splitlines()
             if "off@example.com" in line]
    assert len(lines) == 11
    assert "490 more lines like this were left out" in lines[-1]
    assert "user=<alice@example.com>" in daemon.log()


def test_a_changed_rule_is_in_force_at_the_next_request(lab, daemon):
    with daemon.client() as client:
        assert client.login("alice@example.com") == "DUNNO"
        lab.compile(RULES + "alice@example.com submission=off\n")
        assert client.login("alice@example.com").startswith("550")
        lab.compile(RULES)
        assert client.login("alice@example.com") == "DUNNO"


def test_a_request_that_ends_after_the_change_sees_it(lab, daemon):
    """However many stand in the same turn of the loop."""
    whole = policyd.request(sasl_username="off@example.com",
                            encryption_protocol="TLSv1.3")
    clients = [daemon.client() for _ in range(50)]
    for number in range(6):
        for client in clients:
            client.send(whole[:100])
        lab.compile("* all=tls\n" if number % 2 == 0 else RULES)
        for client in clients:
            client.send(whole[100:])
        for client in clients:
            assert client.reply().startswith(
                "DUNNO" if number % 2 == 0 else "550")
    for client in clients:
        client.close()


def test_a_trial_lets_in_and_tells_postfix(lab, daemon):
    lab.compile(RULES + "alice@example.com submission=off mode=trial\n")
    with daemon.client() as client:
        assert client.login("alice@example.com").startswith(
            "INFO would reject: 550 5.7.1 ")
    daemon.wait_log("would be refused: user=<alice@example.com>")


def test_without_a_map_only_mail_from_outside_passes(lab):
    lab.map.unlink()
    daemon = policyd.Policyd(lab).start()
    with daemon.client() as client:
        assert client.login("alice@example.com").startswith("451 4.3.0 ")
        assert client.ask().startswith("451 4.3.0 ")
        assert client.ask(protocol_state="EHLO") == "DUNNO"
        assert client.ask(policy_context="", server_port="25") == "DUNNO"
        daemon.wait_log(str(lab.map))
        lab.compile(RULES)
        assert client.login("alice@example.com") == "DUNNO"


def test_a_damaged_map_leaves_the_last_good_one(lab, daemon):
    with daemon.client() as client:
        assert client.login("off@example.com").startswith("550")
        new = lab.dir / "new"
        new.write_bytes(b"junk" * 4096)
        new.chmod(0o644)
        new.rename(lab.map)
        assert client.login("off@example.com").startswith("550")
        assert client.login("alice@example.com") == "DUNNO"
        daemon.wait_log(str(lab.map))


# Sockets


def test_several_listeners(lab):
    other = lab.dir / "other" / "policy"
    ports = [lab.port(), lab.port()]
    daemon = policyd.Policyd(
        lab, f"unix:{other}, inet:127.0.0.1:{ports[0]} "
        f"inet:localhost:{ports[1]}").start()
    for where in (other, *(("127.0.0.1", port) for port in ports)):
        with policyd.Client(where) as client:
            assert client.login("alice@example.com") == "DUNNO"
    assert daemon.stop() == 0
    assert not other.exists()


def test_ipv6(lab):
    with socket.socket(socket.AF_INET6) as sock:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            sock.bind(("::1", 0))
        except OSError:
            pytest.skip("this machine has no IPv6")
        port = sock.getsockname()[1]
        policyd.Policyd(lab, f"inet:[::1]:{port}").start()
        with policyd.Client(("::1", port)) as client:
            assert client.login("off@example.com").startswith("550")


@as_root
@pytest.mark.parametrize("umask", ["022", "077", "000"])
def test_root_is_given_up_and_postfix_let_in(lab, umask):
    daemon = policyd.Policyd(lab).start(
        wrapper=["sh", "-c", f'umask {umask}; exec "$@"', "sh"])
    user = pwd.getpwnam(policyd.USER)
    pid = daemon.process.pid
    assert set(status_of(pid, "Uid")) == {str(user.pw_uid)}
    assert set(status_of(pid, "Gid")) == {str(user.pw_gid)}
    assert status_of(pid, "CapEff") == ["0000000000000000"]
    group = grp.getgrnam("postfix").gr_gid
    for path, mode in ((daemon.path.parent, 0o750), (daemon.path, 0o660)):
        info = path.stat()
        assert stat.S_IMODE(info.st_mode) == mode
        assert (info.st_uid, info.st_gid) == (user.pw_uid, group)


def test_a_socket_left_behind_is_replaced(daemon):
    daemon.process.signal(signal.SIGKILL)
    daemon.stop()
    assert daemon.path.is_socket()
    daemon.start()
    with daemon.client() as client:
        assert client.login("alice@example.com") == "DUNNO"


def run(daemon, *options):
    """Runs the daemon's command to its end."""
    return daemon.lab.run([*daemon.argv(), *options], check=False)


def test_a_socket_in_use_is_left_alone(daemon):
    done = run(daemon, "-f")
    assert done.returncode == 69
    assert "another process listens" in done.stderr
    with daemon.client() as client:
        assert client.login("alice@example.com") == "DUNNO"


def test_a_file_in_the_way_is_left_alone(lab):
    path = lab.write("precious", "text")
    lab.write_conf(policy_socket=path)
    done = run(policyd.Policyd(lab), "-f")
    assert done.returncode == 69
    assert str(path) in done.stderr and "is no socket" in done.stderr
    assert path.read_text() == "text"


@pytest.mark.parametrize("name,words", [
    ("relative/path", "policy_socket"),
    ("inet:127.0.0.1", "policy_socket"),
    ("inet:no.such.host.invalid:1", "policy_socket"),
    ("/no/such/folder/policy", "/no/such/folder"),
    ("/" + "x" * 120, "policy_socket"),
])
def test_a_wrong_socket_is_told(lab, name, words):
    lab.write_conf(policy_socket=name)
    done = run(policyd.Policyd(lab), "-f")
    assert done.returncode in (69, 78)
    assert words in done.stderr


# Settings


def test_commands_manners(lab):
    daemon = policyd.Policyd(lab)
    assert run(daemon, "--help").returncode == 0
    done = run(daemon, "--version")
    assert done.returncode == 0 and "gatepost-policyd" in done.stdout
    assert run(daemon, "--nonsense").returncode == 64
    assert run(daemon, "argument").returncode == 64


def test_missing_or_wrong_settings_end_the_start(lab):
    daemon = policyd.Policyd(lab)
    lab.conf.unlink()
    done = run(daemon, "-f")
    assert done.returncode == 66
    assert str(lab.conf) in done.stderr
    lab.write_conf(max_clients="many")
    for options in (["-f"], []):
        done = run(daemon, *options)
        assert done.returncode == 78
        assert f"{lab.conf}:3: error: max_clients" in done.stderr


def test_an_unknown_setting_is_a_warning(lab):
    lab.write_conf(no_such_setting="x")
    daemon = policyd.Policyd(lab).start()
    assert "no_such_setting" in daemon.output()


@as_root
def test_an_unknown_user_ends_the_start(lab):
    lab.write_conf(policy_socket=lab.dir / "p")
    for options in (["-u", "no-such-user"], ["-g", "no-such-group"]):
        done = run(policyd.Policyd(lab), "-f", *options)
        assert done.returncode == 67
        assert options[1] in done.stderr


def test_reload_keeps_connections(lab, daemon):
    with daemon.client() as client:
        assert client.login("alice@example.com") == "DUNNO"
        assert client.ask(policy_context="mua") == "DUNNO"
        lab.write_conf(submission_contexts="mua")
        assert client.ask(policy_context="mua") == "DUNNO"
        daemon.reload()
        assert client.ask(policy_context="mua").startswith("530")

        lab.write_conf(submission_contexts="submission", max_clients="many")
        daemon.reload()
        assert f"{lab.conf}:" in daemon.log()
        assert client.ask(policy_context="mua").startswith("530")

        lab.write_conf(submission_contexts="submission", max_clients="5")
        daemon.reload()
        assert client.ask(policy_context="mua") == "DUNNO"


def test_reload_takes_another_map(lab, daemon):
    with daemon.client() as client:
        assert client.login("alice@example.com") == "DUNNO"
        lab.rules.rename(lab.dir / "rules.old")
        lab.rules, lab.map = lab.dir / "rules2", lab.dir / "rules2.lmdb"
        lab.write_conf()
        lab.compile("* all=off\n")
        assert client.login("alice@example.com") == "DUNNO"
        daemon.reload()
        assert client.login("alice@example.com").startswith("550")


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
    done = run(daemon, "-p", pid_file)
    assert (done.returncode, done.stderr) == (0, "")
    pid = int(pid_file.read_text())
    try:
        with daemon.client() as client:
            assert client.login("alice@example.com") == "DUNNO"
        assert os.getsid(pid) == pid

        again = run(daemon, "-p", pid_file)
        assert again.returncode == 73 and str(pid_file) in again.stderr
        again = run(daemon)
        assert again.returncode == 69
        assert "another process listens" in again.stderr
        assert int(pid_file.read_text()) == pid
    finally:
        os.kill(pid, signal.SIGTERM)
        common.wait_for(lambda: not daemon.path.exists(), "the socket's end")
    common.wait_for(lambda: not pid_file.exists() or
                    pid_file.read_text() == "", "the pid file's end")


# Abuse


def test_no_more_clients_than_descriptors(lab):
    daemon = policyd.Policyd(lab, options=["-u", "root"])
    daemon.start(wrapper=["prlimit", "--nofile=80:80", "--"])
    pid = daemon.process.pid
    if resource.prlimit(pid, resource.RLIMIT_NOFILE)[0] > 80:
        pytest.skip("root can raise the limit here")
    assert "the system allows 80" in daemon.output()
    clients = [daemon.client() for _ in range(100)]
    for client in clients:
        client.send(policyd.request(sasl_username="off@example.com"))
    for client in clients[:10]:
        assert client.reply().startswith("550")
    lab.compile("* all=tls\n")
    assert clients[0].login("off@example.com") == "DUNNO"
    for client in clients:
        client.close()


def test_out_of_descriptors_and_back(lab):
    # Another user's limits could not be changed here.
    daemon = policyd.Policyd(lab, options=["-u", "root"]).start()
    pid = daemon.process.pid
    used = len(os.listdir(f"/proc/{pid}/fd"))
    old = resource.prlimit(pid, resource.RLIMIT_NOFILE)
    resource.prlimit(pid, resource.RLIMIT_NOFILE, (used + 3, old[1]))
    clients = [daemon.client() for _ in range(10)]
    for client in clients:
        client.send(policyd.request(sasl_username="off@example.com"))
    for client in clients[:3]:
        assert client.reply().startswith("550")
    daemon.wait_log("accept: ")
    for client in clients[:3]:
        client.close()
    for client in clients[3:6]:
        assert client.reply().startswith("550")
    resource.prlimit(pid, resource.RLIMIT_NOFILE, old)
    for client in clients[6:]:
        assert client.reply().startswith("550")
        client.close()


def test_memory_is_bounded(lab):
    if b"__asan_init" in common.program("gatepost-policyd").read_bytes():
        pytest.skip("the sanitizers' memory would be measured")
    lab.write_conf(max_clients="6000")
    daemon = policyd.Policyd(lab).start()
    pid = daemon.process.pid
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if hard < 6000:
        pytest.fail(f"needs 6000 descriptors, the limit is {hard}")
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    try:
        before = int(status_of(pid, "VmRSS")[0])
        clients = [daemon.client() for _ in range(5000)]
        for client in clients:
            client.send(b"request=smtpd_access_policy\nsender=" +
                        b"x" * 16000)
        common.wait_for(lambda: len(os.listdir(f"/proc/{pid}/fd")) > 5000,
                        "5000 connections")
        for client in clients[::500]:
            client.send(b"\nsasl_username=off@example.com\n\n")
            assert client.reply().startswith("550")
        after = int(status_of(pid, "VmRSS")[0])
        assert (after - before) * 1024 < 5000 * (16384 + 1024)
        for client in clients:
            client.close()
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


def test_disconnects_leave_nothing_behind(daemon):
    pid = daemon.process.pid
    whole = policyd.request()
    # It stays all the time, so what is counted is this one's alone.
    with daemon.client() as stays:
        # This opens the map.
        assert stays.login("alice@example.com") == "DUNNO"
        before = len(os.listdir(f"/proc/{pid}/fd"))
        for at in range(0, len(whole), 7):
            with daemon.client() as client:
                client.send(whole[:at])
        with daemon.client() as client:
            # It asks and never reads, until nothing more is taken.
            client.sock.settimeout(0.2)
            with pytest.raises(TimeoutError):
                client.send(whole * 10000)
        assert stays.login("alice@example.com") == "DUNNO"
        common.wait_for(
            lambda: len(os.listdir(f"/proc/{pid}/fd")) == before, "the end "
            "of all other connections")


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
    done = run(daemon, "-p", pid_file)
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
    manager.start(daemon, watchdog="300000")
    assert manager.next() == "READY=1"
    for _ in range(5):
        begun = time.monotonic()
        assert manager.next() == "WATCHDOG=1"
    assert time.monotonic() - begun < 0.3
    hung = ([daemon.process.pid] if count == "1" else
            workers_of(daemon.process.pid)[:1])
    for pid in hung:
        os.kill(pid, signal.SIGSTOP)
    manager.told.settimeout(0.6)
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
