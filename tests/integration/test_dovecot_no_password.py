"""No password is asked for where none may be sent: where no rule at all
accepts cleartext from a connection's address, the login process demands
encryption before anything is sent."""

import os
import re

import pytest

from gplab import clients, common, dovecot, forged

TIGHT = """
*               all=tls
shut.example    all=off
"""
USERS = {"alice@open.example": "secret", "scan@open.example": "secret"}
PROTOCOLS = ("imap", "pop3", "submission", "sieve")
PRINTER = "127.0.0.30"
PROXY = "127.0.0.10"
EXEMPT = "127.0.0.9"
TRUSTED = "127.0.0.12"


@pytest.fixture(scope="module")
def server(lab):
    lab.write_conf(exempt_networks=EXEMPT)
    lab.compile(TIGHT)
    port = lab.port()
    server = dovecot.Dovecot(
        lab, users=USERS, login_plugin=True, extra=f"""
haproxy_trusted_networks = {PROXY}
login_trusted_networks = {TRUSTED}
service imap-login {{
  # One process for all: it must follow the rules as long as it lives.
  service_count = 0
  process_limit = 1
  inet_listener proxied {{
    port = {port}
    haproxy = yes
  }}
}}
""")
    server.ports["proxied"] = port
    return server.start()


@pytest.fixture(autouse=True)
def tight(lab, server):
    """Each test begins with rules that accept cleartext from nowhere."""
    lab.compile(TIGHT)


def capabilities(client):
    """What the server offers, as one text."""
    command = {"imap": "CAPABILITY", "pop3": "CAPA",
               "submission": "EHLO client.example",
               "sieve": "CAPABILITY"}[client.protocol]
    before = len(client.said)
    client.command(command)
    if client.protocol == "pop3":
        while client.said[-1] != ".":
            client.said.append(client.wire.line())
    if client.protocol == "submission":
        while client.said[-1][3:4] == "-":
            client.said.append(client.wire.line())
    return "\n".join(client.said[before:])


def is_demanding(server, protocol="imap", source=common.CLIENT, **options):
    """Whether the server offers no way to log in as long as nothing is
    encrypted."""
    with clients.Login(server, protocol, source, **options) as client:
        offered = capabilities(client)
        assert "STARTTLS" in offered or "STLS" in offered, offered
        none = {"imap": "LOGINDISABLED" in offered and "AUTH=" not in offered,
                "pop3": "SASL\n" in offered and "USER" not in offered,
                "submission": "AUTH " not in offered,
                "sieve": '"SASL" ""' in offered}[client.protocol]
        some = {"imap": "LOGINDISABLED" not in offered and
                "AUTH=PLAIN" in offered,
                "pop3": "SASL PLAIN" in offered and "USER" in offered,
                "submission": "AUTH PLAIN" in offered,
                "sieve": "PLAIN" in offered}[client.protocol]
        assert none != some, offered
        return none


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_no_login_is_offered(server, protocol):
    assert is_demanding(server, protocol)


def test_not_even_in_the_greeting(server):
    with clients.Login(server, "imap") as client:
        assert "LOGINDISABLED" in client.greeting
        assert "AUTH=" not in client.greeting


@pytest.mark.parametrize("mechanism", ["PLAIN", "SASL-LOGIN", "CRAM-MD5",
                                       "SCRAM-SHA-256", "LOGIN", "USER"])
@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_no_login_is_begun(server, protocol, mechanism):
    """A client that tries nevertheless is refused before the auth process is
    asked, and before a challenge."""
    if mechanism in ("LOGIN", "USER") and \
            (protocol, mechanism) not in (("imap", "LOGIN"), ("pop3", "USER")):
        mechanism = "PLAIN"
    server.mark()
    answer = clients.login(server, protocol, "alice@open.example", "secret",
                           mechanism)
    assert not answer.ok and answer.steps == 0
    assert re.match({"imap": r"a NO \[PRIVACYREQUIRED\] ",
                     "pop3": r"-ERR ",
                     "submission": r"530 5\.7\.0 TLS required",
                     "sieve": r"NO \(ENCRYPT-NEEDED\) "}[protocol],
                    answer.line), answer
    assert "gatepost: refused" not in server.log()


def test_pop3_user_is_refused_before_the_password(server):
    with clients.Login(server, "pop3") as client:
        assert client.command("USER alice@open.example").startswith("-ERR")


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_encrypted_all_is_as_ever(server, protocol):
    for tls in {"starttls", "starttls" if protocol == "sieve"
                else "implicit"}:
        assert clients.login(server, protocol, "alice@open.example",
                             "secret", tls=tls).ok


@pytest.mark.parametrize("tls", ["starttls", "implicit"])
def test_name_of_the_server(server, tls):
    """Dovecot 2.4 reads the client's settings anew when it hears it (SNI)."""
    assert clients.login(server, "imap", "alice@open.example", "secret",
                         tls=tls, sni="mail.open.example").ok


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_one_exception_for_a_network(lab, server, protocol):
    """From there it is possible again, at the next connection, without
    reload; from elsewhere it is not."""
    lab.compile(TIGHT + f"scan@open.example all=tls cleartext_nets={PRINTER}"
                "\n")
    assert not is_demanding(server, protocol, PRINTER)
    assert is_demanding(server, protocol)
    assert clients.login(server, protocol, "scan@open.example", "secret",
                         source=PRINTER).ok
    lab.compile(TIGHT)
    assert is_demanding(server, protocol, PRINTER)


def test_one_exception_for_a_mailbox(lab, server):
    lab.compile(TIGHT + "scan@open.example submission=cleartext\n")
    assert not is_demanding(server)
    answer = clients.login(server, "imap", "alice@open.example", "secret")
    assert "[PRIVACYREQUIRED]" in answer.line
    assert clients.login(server, "submission", "scan@open.example",
                         "secret").ok


def test_local_connections(server):
    assert not is_demanding(server, source=common.SERVER)
    assert clients.login(server, "imap", "alice@open.example", "secret",
                         source=common.SERVER).ok


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_trusted_networks(server, protocol):
    """Dovecot may believe what comes from there (a webmail on another host);
    the password would still cross the network."""
    assert is_demanding(server, protocol, TRUSTED)
    assert clients.login(server, protocol, "alice@open.example", "secret",
                         source=TRUSTED, tls="starttls").ok


def test_forwarded_address_changes_nothing(server):
    """Some releases read the client's settings anew when a trusted client
    says whose connection it forwards."""
    for address in ("203.0.113.7", EXEMPT, common.SERVER):
        with clients.Login(server, "imap", TRUSTED) as client:
            assert forged.imap_id(client, {
                "x-originating-ip": address,
                "x-connected-ip": common.SERVER}).startswith("a OK")
            offered = capabilities(client)
            assert "LOGINDISABLED" in offered and "AUTH=" not in offered
            for mechanism in ("PLAIN", "CRAM-MD5", "LOGIN"):
                answer = client.login("alice@open.example", "secret",
                                      mechanism)
                assert "[PRIVACYREQUIRED]" in answer.line


def test_exempt_networks(server):
    assert not is_demanding(server, source=EXEMPT)
    assert clients.login(server, "imap", "alice@open.example", "secret",
                         source=EXEMPT).ok


def test_clients_of_proxies(lab, server):
    """Judged is the address in the header."""
    lab.compile(TIGHT + "scan@open.example all=tls "
                "cleartext_nets=203.0.113.8\n")
    for source, demanding in (("203.0.113.8", False), ("203.0.113.7", True)):
        assert is_demanding(server, "proxied", PROXY,
                            first=forged.proxy_v1(source)) == demanding
    with clients.Login(server, "proxied", PROXY,
                       first=forged.proxy_v2("203.0.113.7",
                                             tls=True)) as client:
        assert client.login("alice@open.example", "secret").ok


def torn(path):
    os.truncate(path, path.stat().st_size - 1)


def zeroed(path):
    path.write_bytes(bytes(path.stat().st_size))


def emptied(path):
    os.truncate(path, 0)


@pytest.mark.parametrize("spoil", [torn, zeroed, emptied])
def test_no_statement_no_demand(lab, server, spoil):
    """The auth module decides then."""
    summary = lab.map.with_suffix(".summary")
    spoil(summary)
    assert not is_demanding(server)
    answer = clients.login(server, "imap", "alice@open.example", "secret")
    assert "[PRIVACYREQUIRED]" in answer.line
    lab.compile(TIGHT)
    assert is_demanding(server)


def test_summary_that_was_removed(lab, server):
    """A summary under another name says nothing; after a restart the new one
    is followed."""
    lab.map.with_suffix(".summary").unlink()
    assert not is_demanding(server)
    lab.compile(TIGHT + "# again\n")
    server.restart()
    assert is_demanding(server)


def test_without_tls_nothing_is_demanded(lab, server):
    """Where Dovecot offers no TLS at all, the auth module gives the reason."""
    plain = dovecot.Dovecot(
        lab, users=USERS, login_plugin=True, protocols="sieve",
        extra="ssl = no\n").start()
    answer = clients.login(plain, "sieve", "alice@open.example", "secret")
    assert "without encryption" in answer.line
    plain.stop()


def test_process_is_confined(server):
    """Chrooted, as dovenull, and without a folder or the map among its
    descriptors."""
    with clients.Login(server, "imap"):
        pid, = server.login_processes("imap-login")
        root = os.readlink(f"/proc/{pid}/root")
        assert root.endswith(str(server.dir / "run" / "login"))
        with open(f"/proc/{pid}/status", encoding="ascii") as status:
            assert not re.search(r"^Uid:\t0\b", status.read(), re.MULTILINE)
        paths = [os.readlink(entry.path)
                 for entry in os.scandir(f"/proc/{pid}/fd")]
        assert any(path.endswith(".summary") for path in paths)
        assert not any(path.endswith((".lmdb", "gatepost.conf", ".key"))
                       for path in paths)
        assert not any(os.path.isdir(path) for path in paths), paths
