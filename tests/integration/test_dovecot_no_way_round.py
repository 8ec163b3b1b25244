"""Ways round that are none: odd but lawful forms of a login, clients that
leave in the middle, and whatever else must not get in or do harm."""

import base64
import re
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


PIPELINED = {
    "imap": f"s STARTTLS\r\na AUTHENTICATE PLAIN {PLAIN}\r\n",
    "pop3": "STLS\r\nUSER alice@secure.example\r\nPASS secret\r\n",
    "submission": f"STARTTLS\r\nAUTH PLAIN {PLAIN}\r\n",
    "sieve": f'STARTTLS\r\nAUTHENTICATE "PLAIN" "{PLAIN}"\r\n',
}


@pytest.mark.parametrize("protocol", PIPELINED)
def test_pipelined_before_starttls(server, protocol):
    """What is sent before the handshake is not taken for a command after it,
    when it would count as encrypted."""
    server.mark()
    with clients.Login(server, protocol) as client:
        client.wire.sock.sendall(PIPELINED[protocol].encode())
        assert re.match(r"s OK|\+OK|220|OK", client.wire.line())
        try:
            client.wire.start_tls()
            said = client.wire.rest()
        except OSError:
            said = b""
    assert not re.search(rb"(?m)^(a OK|\+OK Logged|235)", said), said
    with clients.Login(server, protocol, tls="starttls") as client:
        assert client.login("alice@open.example", "secret").ok
    server.wait_log(r"Log(in|ged in): user=<alice@open\.example>")
    assert not re.search(r"Log(in|ged in): user=<alice@secure",
                         server.log())


VERBS = {"imap": "a AUTHENTICATE PLAIN {}", "pop3": "AUTH PLAIN {}",
         "submission": "AUTH PLAIN {}", "sieve": 'AUTHENTICATE "PLAIN" "{}"'}


@pytest.mark.parametrize("protocol", VERBS)
@pytest.mark.parametrize("initial", [
    b"", b"\0", b"\0\0", b"\0alice@secure.example\0",
    b"\0alice@secure.example\0secret\0",
    b"alice@secure.example\0alice@secure.example\0secret",
    b"alice@open.example\0alice@secure.example\0secret",
    b"alice@secure.example\0alice@open.example\0secret",
    b"\0alice@secure.example\0@open.example\0secret",
    b"\0alice@secure.example*alice@open.example\0secret"])
def test_odd_initial_responses(server, protocol, initial):
    """Empty, too short, too long, for somebody else."""
    with clients.Login(server, protocol) as client:
        line = client.command(VERBS[protocol].format(
            base64.b64encode(initial).decode() or "="))
        assert re.match(r"a (NO|BAD)|-ERR|5\d\d|NO", line), line


@pytest.mark.parametrize("size", [5000, 70000, 1000000])
@pytest.mark.parametrize("protocol", VERBS)
def test_huge_initial_responses(server, protocol, size):
    """A connection may be closed for it; the next one is served."""
    initial = b"\0" + b"a" * size + b"@open.example\0secret"
    with clients.Login(server, protocol) as client:
        try:
            line = client.command(VERBS[protocol].format(
                base64.b64encode(initial).decode()))
        except OSError:
            line = ""
    assert not re.match(r"a OK|\+OK|235|OK", line), line
    assert clients.login(server, protocol, "alice@open.example", "secret").ok


@pytest.mark.parametrize("protocol", VERBS)
def test_aborted_and_then_another_mechanism(server, protocol):
    quote = '"' if protocol == "sieve" else ""
    with clients.Login(server, protocol) as client:
        client._begin("CRAM-MD5", None)
        client._line()
        client.wire.send(f"{quote}*{quote}")
        assert re.match(r"a BAD|-ERR|501|NO", client._final())
        for mechanism in ("PLAIN", "CRAM-MD5", "SCRAM-SHA-256"):
            assert not client.login("alice@secure.example", "secret",
                                    mechanism).ok
        assert client.login("alice@open.example", "secret", "CRAM-MD5").ok


def test_authzid_of_another(server):
    class Other(clients.Sasl):
        """Asks for somebody else's mailbox."""

        def answer(self, challenge):
            said = super().answer(challenge)
            if said.startswith(b"n,,"):
                said = b"n,a=alice@open.example," + said[3:]
            return said

    with clients.Login(server, "imap") as client:
        answer = client.authenticate(
            Other("SCRAM-SHA-256", "alice@secure.example", "secret"))
        assert not answer.ok


def test_refused_and_then_another_name(server):
    """After a refusal the connection goes on, each name by its own rule."""
    with clients.Login(server, "imap") as client:
        assert not client.login("alice@shut.example", "secret").ok
        assert not client.login("alice@secure.example", "secret").ok
        assert client.login("alice@open.example", "secret").ok


BEGIN = {"imap": "a AUTHENTICATE {}", "pop3": "AUTH {}",
         "submission": "EHLO client.example\r\nAUTH {}",
         "sieve": 'AUTHENTICATE "{}"'}


def steps(protocol, mechanism):
    """A login up to each of its steps, the last one with all of them."""
    sasl = clients.Sasl(mechanism, "alice@secure.example", "secret")
    initial = sasl.initial()
    line = BEGIN[protocol].format(mechanism)
    quote = '"' if protocol == "sieve" else ""
    if initial is not None:
        line += f" {quote}{base64.b64encode(initial).decode()}{quote}"
    half = line[:len(line) // 2].encode()
    yield from (b"", half, line.encode() + b"\r\n",
                line.encode() + f"\r\n{quote}*{quote}\r\n".encode(),
                line.encode() + f"\r\n{quote}bm90aGluZw=={quote}\r\n".encode())


@pytest.mark.parametrize("mechanism", ["PLAIN", "LOGIN", "CRAM-MD5",
                                       "SCRAM-SHA-256"])
@pytest.mark.parametrize("protocol", BEGIN)
def test_clients_that_leave(server, protocol, mechanism):
    """At every step, politely and not; the processes live on."""
    assert clients.login(server, protocol, "alice@open.example", "secret").ok
    before = server.auth_processes()
    for said in steps(protocol, mechanism):
        for reset in (False, True):
            sock = socket.create_connection(
                (common.SERVER, server.port(protocol)), 5,
                source_address=(common.CLIENT, 0))
            if protocol == "pop3":
                # The login process of Dovecot 2.4.5, with the plugin and
                # without, crashes when nobody is there to be greeted.
                assert sock.recv(1024).startswith(b"+OK")
            sock.sendall(said)
            if reset:
                sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER,
                                b"\1\0\0\0\0\0\0\0")
            sock.close()
    assert clients.login(server, protocol, "alice@open.example", "secret").ok
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


def test_plugin_in_some_protocols_only(lab):
    """The others are the stricter for it."""
    lab.write_conf()
    lab.compile(RULES + "tls13.example all=tls tls_min=1.3\n")
    server = dovecot.Dovecot(
        lab, users={**USERS, "alice@tls13.example": "secret"},
        login_plugin=True, protocols="imap pop3")
    server.extra = server.release.without_login_plugin("pop3")
    server.start()
    for protocol, knows in (("imap", True), ("pop3", False)):
        for domain, tls, lets_in in (
                ("secure", None, False), ("secure", "implicit", True),
                ("shut", "implicit", False), ("tls13", "implicit", knows)):
            answer = clients.login(server, protocol,
                                   f"alice@{domain}.example", "secret",
                                   tls=tls)
            assert answer.ok == lets_in, (protocol, domain, answer)
    server.stop()
    lab.compile(RULES)


def test_never_in_a_worker_even_when_told_to(lab):
    """There, what is done against failing open has no effect on the process
    that decides."""
    options = releases.release().in_worker
    if not options:
        pytest.skip("Dovecot 2.3 leaves it to the passdb")
    lab.write_conf()
    lab.compile(RULES)
    server = dovecot.Dovecot(
        lab, users=USERS, protocols="imap",
        passdbs=[releases.gatepost(result_internalfail="continue", **options),
                 releases.users()]).start()
    user = "alice@secure.example"
    for mechanism in ("PLAIN", "CRAM-MD5", "SCRAM-SHA-256"):
        answer = clients.login(server, "imap", user, "secret", mechanism)
        assert "[PRIVACYREQUIRED]" in answer.line
        assert clients.login(server, "imap", user, "secret", mechanism,
                             tls="implicit").ok
    assert not re.search(r"auth-worker.*gatepost", server.log())
    away = lab.dir / "away"
    lab.map.rename(away)
    try:
        server.restart()
        for password in ("secret", "wrong"):
            answer = clients.login(server, "imap", user, password,
                                   tls="implicit")
            assert "[UNAVAILABLE]" in answer.line
    finally:
        away.rename(lab.map)
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
