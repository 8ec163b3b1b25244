"""Ways round that are none: odd but lawful forms of a login, clients that
leave in the middle, and whatever else must not get in or do harm."""

import base64
import socket

import pytest

from gplab import clients, common, dovecot, releases

RULES = """
*               all=tls
open.example    all=cleartext
shut.example    all=off
"""
USERS = {f"alice@{domain}.example": "secret"
         for domain in ("secure", "open", "shut")}
PLAIN = base64.b64encode(b"\0alice@secure.example\0secret").decode()


@pytest.fixture(scope="module", params=[True, False],
                ids=["plugin", "no-plugin"])
def server(request, lab):
    lab.write_conf()
    lab.compile(RULES)
    return dovecot.Dovecot(lab, users=USERS,
                           login_plugin=request.param).start()


def refused(client):
    line = client._final()
    assert line.startswith("a NO [PRIVACYREQUIRED] "), line


@pytest.mark.parametrize("plus", ["", "+"])
def test_literals(server, plus):
    user = "alice@secure.example"
    with clients.Login(server, "imap") as client:
        client.wire.send(f"a LOGIN {{{len(user)}{plus}}}")
        if not plus:
            assert client.wire.line().startswith("+ ")
        client.wire.send(f"{user} {{6{plus}}}")
        if not plus:
            assert client.wire.line().startswith("+ ")
        client.wire.send("secret")
        refused(client)


def test_initial_response_and_none(server):
    with clients.Login(server, "imap") as client:
        client.wire.send(f"a AUTHENTICATE PLAIN {PLAIN}")
        refused(client)
    with clients.Login(server, "imap") as client:
        client.wire.send("a AUTHENTICATE PLAIN")
        assert client.wire.line().startswith("+")
        client.wire.send(PLAIN)
        refused(client)


def test_pipelined(server):
    """Everything at once, before the greeting was read."""
    with clients.Wire(server.port("imap"), first=(
            f"a AUTHENTICATE PLAIN {PLAIN}\r\nb SELECT INBOX\r\n"
            ).encode()) as wire:
        lines = []
        while True:
            lines.append(wire.line())
            if lines[-1].startswith("b ") or lines[-1] == "":
                break
        assert any(line.startswith("a NO [PRIVACYREQUIRED]")
                   for line in lines), lines
        assert not any(line.startswith("b OK") for line in lines)


def test_refused_and_then_another_name(server):
    """After a refusal the connection goes on, each name by its own rule."""
    with clients.Login(server, "imap") as client:
        assert not client.login("alice@shut.example", "secret").ok
        assert not client.login("alice@secure.example", "secret").ok
        assert client.login("alice@open.example", "secret").ok


def steps(mechanism):
    """A login up to each of its steps, the last one with all of them."""
    sasl = clients.Sasl(mechanism, "alice@secure.example", "secret")
    initial = sasl.initial()
    line = f"a AUTHENTICATE {mechanism}"
    if initial is not None:
        line += " " + base64.b64encode(initial).decode()
    half = line[:len(line) // 2].encode()
    yield from (b"", half, line.encode() + b"\r\n",
                line.encode() + b"\r\n*\r\n",
                line.encode() + b"\r\nbm90aGluZw==\r\n")


@pytest.mark.parametrize("mechanism", ["PLAIN", "LOGIN", "CRAM-MD5",
                                       "SCRAM-SHA-256"])
def test_clients_that_leave(server, mechanism):
    """At every step, politely and not; the processes live on."""
    assert clients.login(server, "imap", "alice@open.example", "secret").ok
    before = server.auth_processes()
    for said in steps(mechanism):
        for reset in (False, True):
            sock = socket.create_connection(
                (common.SERVER, server.port("imap")), 5,
                source_address=(common.CLIENT, 0))
            sock.sendall(said)
            if reset:
                sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER,
                                b"\1\0\0\0\0\0\0\0")
            sock.close()
    assert clients.login(server, "imap", "alice@open.example", "secret").ok
    assert server.auth_processes() == before
    assert "Panic" not in server.log() and "Fatal" not in server.log()


def test_plugin_named_twice(lab):
    lab.write_conf()
    lab.compile(RULES)
    server = dovecot.Dovecot(lab, users=USERS, login_plugin=True)
    server.release.login = server.release.login.replace(
        "= gatepost_login\n", "= gatepost_login gatepost_login\n")
    server.start()
    for tls in (None, "implicit"):
        answer = clients.login(server, "imap", "alice@secure.example",
                               "secret", tls=tls)
        assert answer.ok == (tls is not None)
    server.stop()


def test_dovecot_proxy(lab):
    """The door stands on the proxy; what lies behind is asked only by those
    who may pass."""
    lab.write_conf()
    lab.compile(RULES)
    backend = dovecot.Dovecot(lab, users=USERS, gatepost=False).start()
    fields = {"proxy": "y", "host": common.SERVER,
              "port": backend.port("imap"), "nopassword": "y"}
    proxy = dovecot.Dovecot(
        lab, protocols="imap", login_plugin=True,
        passdbs=[releases.gatepost(),
                 releases.static(fields)]).start()
    backend.mark()
    for domain in ("secure", "shut"):
        assert not clients.login(proxy, "imap", f"alice@{domain}.example",
                                 "secret").ok
    assert "alice@" not in backend.log()
    assert clients.login(proxy, "imap", "alice@open.example", "secret").ok
    assert clients.login(proxy, "imap", "alice@secure.example", "secret",
                         tls="implicit").ok
    assert not clients.login(proxy, "imap", "alice@open.example", "wrong").ok
