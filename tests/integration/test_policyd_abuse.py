"""What nobody means well with, sent to the policy daemon. What a connection may
be sent byte for byte is tested in tests/unit/test-server.c; here the whole
process is looked at: it answers others meanwhile, and its memory stays."""

import contextlib
import os
import pathlib
import resource
import socket
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
    with common.Lab("policyd-abuse") as made:
        made.compile(RULES)
        yield made


@pytest.fixture
def daemon(lab):
    return policyd.Policyd(lab).start()


def memory(daemon):
    """Kilobytes; None under sanitizers, whose memory says nothing."""
    if b"__asan_init" in common.program("gatepost-policyd").read_bytes():
        return None
    status = pathlib.Path(f"/proc/{daemon.process.pid}/status").read_text()
    return int(status.split("VmRSS:")[1].split()[0])


def send_all(client, piece, size):
    """Sends the piece until that many bytes are sent or the daemon has
    enough. Returns how many it took."""
    block = piece * (65536 // len(piece) + 1)
    sent = 0
    with contextlib.suppress(ConnectionError):
        while sent < size:
            sent += client.sock.send(block)
    return sent


@pytest.mark.parametrize("piece", [
    b"x", b"a=b\n", b"x" * 1000 + b"=y\n", b"sender=a", b"\0", b"\xff\xfe"],
    ids=["no newline", "attributes", "long names", "one attribute", "NUL",
         "no UTF-8"])
def test_ten_megabytes(daemon, piece):
    with daemon.client() as other:
        assert other.login("alice@example.com") == "DUNNO"
        before = memory(daemon)
        with daemon.client() as client:
            assert send_all(client, piece, 10_000_000) < 1_000_000
            assert client.is_closed()
        assert other.login("off@example.com").startswith("550")
        if before is not None:
            assert memory(daemon) - before < 1024
    daemon.wait_log("A policy connection is closed: ")


def test_a_million_attributes(daemon):
    with daemon.client() as client:
        whole = b"request=smtpd_access_policy\n" + b"".join(
            b"a%d=b\n" % number for number in range(1_000_000)) + b"\n"
        with pytest.raises(ConnectionError):
            client.send(whole)
            client.send(whole)
    # As many as there is room for are no harm.
    many = b"".join(b"a%d=b\n" % number for number in range(1500))
    with daemon.client() as client:
        client.send(many + policyd.request(sasl_username="off@example.com"))
        assert client.reply().startswith("550")
        assert client.is_silent()


@pytest.mark.parametrize("name", [
    "request", "protocol_state", "policy_context", "client_address",
    "server_address", "server_port", "sender", "recipient", "sasl_method",
    "sasl_username", "encryption_protocol"])
@pytest.mark.parametrize("first", [True, False])
def test_an_attribute_twice(daemon, name, first):
    """Whichever would be taken, somebody meant the other."""
    whole = policyd.request(sasl_username="off@example.com")
    line = f"{name}=\n".encode()
    with daemon.client() as client:
        client.send(line + whole if first else whole[:-1] + line + b"\n")
        assert client.is_closed()


@pytest.mark.parametrize("value", [b"a\0b@example.com", b"\0"])
def test_nul_bytes(daemon, value):
    whole = policyd.request(sasl_username="MARK")
    with daemon.client() as client:
        client.send(whole.replace(b"MARK", value))
        assert client.is_closed()


def test_what_is_no_utf8(daemon):
    with daemon.client() as client:
        for name in ("sasl_username", "sender", "recipient", "helo_name"):
            values = {"sasl_username": "off@example.com"}
            values[name] = "\udcff\udc80<\x1b[31m>\"'"
            assert client.ask(**values).startswith("550")
    assert all(" " <= char <= "~" or char == "\n"
               for char in daemon.output())


def test_who_never_reads_holds_up_himself(daemon):
    whole = policyd.request(sasl_username="off@example.com")
    with daemon.client() as deaf, daemon.client() as other:
        # What is remembered of records has its memory from the first on.
        assert other.login("off@example.com").startswith("550")
        before = memory(daemon)
        deaf.sock.setblocking(False)
        deaf.sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1)
        sent, end = 0, time.monotonic() + 20
        quiet = None
        while quiet is None or time.monotonic() < quiet + 0.5:
            assert time.monotonic() < end, "it takes whatever is sent"
            try:
                sent += deaf.sock.send(whole * 10)
                quiet = None
            except BlockingIOError:
                quiet = quiet or time.monotonic()
                time.sleep(0.01)
        for _ in range(100):
            assert other.login("off@example.com").startswith("550")
        if before is not None:
            assert memory(daemon) - before < 1024


def test_who_sends_slowly_holds_up_nobody(daemon):
    whole = policyd.request(sasl_username="off@example.com")
    with daemon.client() as slow, daemon.client() as other:
        for at in range(40):
            slow.send(whole[at:at + 1])
            assert other.login("alice@example.com") == "DUNNO"
        slow.send(whole[40:])
        assert slow.reply().startswith("550")


def test_who_never_ends_a_request_is_given_up(lab):
    lab.write_conf(request_timeout="2")
    daemon = policyd.Policyd(lab).start()
    whole = policyd.request(sasl_username="off@example.com")
    with daemon.client() as slow, daemon.client() as idle:
        begun = time.monotonic()
        with pytest.raises(ConnectionError):
            for at in range(len(whole) - 2):
                slow.send(whole[at:at + 1])
                time.sleep(0.1)
        assert time.monotonic() - begun > 1
        assert idle.login("off@example.com").startswith("550")


def test_five_thousand_at_once(lab):
    lab.write_conf(max_clients="6000")
    daemon = policyd.Policyd(lab).start()
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if hard < 6000:
        pytest.fail(f"needs 6000 descriptors, the limit is {hard}")
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    try:
        clients = [daemon.client() for _ in range(5000)]
        names = ("alice@example.com", "off@example.com")
        for turn in range(2):
            for number, client in enumerate(clients):
                client.send(policyd.request(
                    sasl_username=names[(number + turn) % 2],
                    encryption_protocol="TLSv1.3"))
            for number, client in enumerate(clients):
                # Nobody gets another's answer.
                assert client.sock.recv(4096).startswith(
                    (b"action=DUNNO\n\n", b"action=550 ")[
                        (number + turn) % 2])
        for client in clients:
            client.close()
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


def test_whoever_the_mail_is_for(daemon):
    with daemon.client() as client:
        for recipient in ("", "a@b", "off@example.com", "x" * 2000,
                          "postmaster", "a=b@c d", "\udcff"):
            for user, reply in (("alice@example.com", "DUNNO"),
                                ("off@example.com", "550")):
                assert client.login(user, recipient=recipient).startswith(
                    reply)


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
        # What is remembered of records has its memory from the first on.
        with daemon.client() as client:
            assert client.login("off@example.com").startswith("550")
        before = int(policyd.status_of(pid, "VmRSS")[0])
        clients = [daemon.client() for _ in range(5000)]
        for client in clients:
            client.send(b"request=smtpd_access_policy\nsender=" +
                        b"x" * 16000)
        common.wait_for(lambda: len(os.listdir(f"/proc/{pid}/fd")) > 5000,
                        "5000 connections")
        for client in clients[::500]:
            client.send(b"\nsasl_username=off@example.com\n\n")
            assert client.reply().startswith("550")
        after = int(policyd.status_of(pid, "VmRSS")[0])
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
