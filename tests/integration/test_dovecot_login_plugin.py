"""What the login plugin tells the auth module: TLS, its version, whether from
the first byte, and whose connection it is; and that nobody else can."""

import contextlib
import os
import re
import signal

import pytest

from gplab import clients, common, dovecot, forged, releases

RULES = """
*                 all=cleartext
secure.example    all=tls
tls13.example     all=tls tls_min=1.3
tls10.example     all=tls tls_min=1.0
implicit.example  all=implicit
printers.example  all=tls cleartext_nets=203.0.113.8
web.example       all=off webmail=cleartext
"""
USERS = {f"alice@{domain}.example": "secret"
         for domain in ("secure", "tls13", "tls10", "implicit", "printers",
                        "web", "open")}
PROTOCOLS = ("imap", "pop3", "submission", "sieve")
TRUSTED = "127.0.0.12"
PROXY = "127.0.0.10"
EXTRA = f"""
login_trusted_networks = {TRUSTED} {common.SERVER} 127.0.0.8
haproxy_trusted_networks = {PROXY} {common.SERVER}
service imap-login {{
  inet_listener proxied {{
    port = %d
    haproxy = yes
  }}
}}
"""


@pytest.fixture(scope="module")
def rules(lab):
    lab.write_conf(webmail_networks="127.0.0.8")
    lab.compile(RULES)


def make_server(lab, **options):
    port = lab.port()
    server = dovecot.Dovecot(lab, users=USERS, extra=EXTRA % port, **options)
    server.ports["proxied"] = port
    return server.start()


@pytest.fixture(scope="module")
def server(lab, rules):
    return make_server(lab, login_plugin=True)


@pytest.fixture(scope="module")
def without_plugin(lab, rules):
    return make_server(lab)


def login(server, domain, protocol="imap", **options):
    return clients.login(server, protocol, f"alice@{domain}.example",
                         "secret", **options)


def secured(protocol):
    return "starttls" if protocol == "sieve" else "implicit"


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_tls_version(server, protocol):
    for tls in {"starttls", secured(protocol)}:
        assert login(server, "tls13", protocol, tls=tls, version="1.3").ok
        answer = login(server, "tls13", protocol, tls=tls, version="1.2")
        assert not answer.ok and "TLS version" in answer.line
        assert login(server, "secure", protocol, tls=tls, version="1.2").ok
        assert not login(server, "secure", protocol, tls=tls,
                         version="1.1").ok
        assert login(server, "tls10", protocol, tls=tls, version="1.0").ok


@pytest.mark.parametrize("protocol", ["imap", "pop3", "submission"])
def test_implicit(server, protocol):
    assert login(server, "implicit", protocol, tls="implicit").ok
    answer = login(server, "implicit", protocol, tls="starttls")
    assert not answer.ok and "STARTTLS is not enough" in answer.line


@pytest.mark.parametrize("mechanism", ["PLAIN", "SASL-LOGIN", "CRAM-MD5",
                                       "SCRAM-SHA-256", "LOGIN"])
def test_every_mechanism(server, mechanism):
    assert login(server, "tls13", mechanism=mechanism, tls="implicit").ok
    assert not login(server, "tls13", mechanism=mechanism).ok
    assert not login(server, "tls13", mechanism=mechanism, tls="starttls",
                     version="1.2").ok


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_cleartext_and_local(server, protocol):
    assert not login(server, "secure", protocol).ok
    assert login(server, "open", protocol).ok
    assert login(server, "secure", protocol, source=common.SERVER).ok


def test_log(server):
    server.mark()
    login(server, "tls13", tls="starttls", version="1.2")
    line = server.wait_log(r".*gatepost: refused.*").group(0)
    assert "tls=TLSv1.2" in line
    assert re.search(r"cipher=<[A-Z0-9-]+>", line)


def test_attempts_on_one_connection(server):
    """The word is new at each attempt."""
    with clients.Login(server, "imap") as client:
        for _ in range(2):
            assert not client.login("alice@secure.example", "secret").ok
        client.wire.send("s STARTTLS")
        assert client.wire.line().startswith("s OK")
        client.wire.start_tls()
        assert client.login("alice@secure.example", "secret").ok


# Proxies.

@pytest.mark.parametrize("source", [PROXY, common.SERVER])
def test_proxy_without_tls(server, source):
    """Nor is what a proxy on the server's own address forwards local."""
    for header in (forged.proxy_v1("203.0.113.7"),
                   forged.proxy_v2("203.0.113.7")):
        with clients.Login(server, "proxied", source, first=header) as client:
            answer = client.login("alice@secure.example", "secret")
            assert "[PRIVACYREQUIRED]" in answer.line, answer


@pytest.mark.parametrize("which", ["server", "without_plugin"])
def test_what_a_proxys_client_forwards(request, which):
    """It is believed as that of any other client at that address."""
    server = request.getfixturevalue(which)
    for source in (TRUSTED, "127.0.0.8", "203.0.113.8"):
        header = forged.proxy_v1(source)
        with clients.Login(server, "proxied", PROXY, first=header) as client:
            forged.imap_id_word(client)
            forged.imap_id(client, {"x-originating-ip": common.SERVER,
                                    "x-connected-ip": common.SERVER})
            answer = client.login("alice@secure.example", "secret")
            assert "[PRIVACYREQUIRED]" in answer.line, answer


@pytest.mark.parametrize("login_plugin", [True, False])
def test_proxy_that_does_not_know_its_client(lab, rules, login_plugin):
    """On the server itself it looks like a local client, and then that is to
    be said to count for nothing."""
    conf = lab.write("forwarder.conf",
                     f"map = {lab.map}\nlocal_is_encrypted = no\n")
    server = make_server(
        lab, login_plugin=login_plugin, protocols="imap",
        passdbs=[releases.gatepost(conf), releases.users()])
    for source in (PROXY, common.SERVER):
        with clients.Login(server, "proxied", source,
                           first=b"PROXY UNKNOWN\r\n") as client:
            answer = client.login("alice@secure.example", "secret")
            assert "[PRIVACYREQUIRED]" in answer.line, answer
    server.stop()


def test_a_header_nobody_asked_for(server):
    """On an ordinary port it is no command, and gets nobody in."""
    for header in (forged.proxy_v1(common.SERVER),
                   forged.proxy_v2(common.SERVER, tls=True)):
        try:
            with clients.Login(server, "imap", first=header) as client:
                answer = client.login("alice@secure.example", "secret")
                assert not answer.ok, answer
        except OSError:
            # The connection was closed for it.
            pass


def test_proxy_without_tls_and_without_plugin(without_plugin):
    for source in (PROXY, common.SERVER):
        header = forged.proxy_v1("203.0.113.7")
        with clients.Login(without_plugin, "proxied", source,
                           first=header) as client:
            answer = client.login("alice@secure.example", "secret")
            assert "[PRIVACYREQUIRED]" in answer.line, answer


def test_proxy_with_tls(server):
    """It tells no version, which is then that of unknown_tls_version."""
    header = forged.proxy_v2("203.0.113.7", tls=True)
    for domain, lets_in in (("secure", True), ("implicit", True),
                            ("tls13", False)):
        with clients.Login(server, "proxied", PROXY, first=header) as client:
            answer = client.login(f"alice@{domain}.example", "secret")
            assert answer.ok == lets_in, answer


def test_tls_through_a_proxy(server):
    """The proxy passes TLS on that it did not end: the version is known."""
    for version, lets_in in (("1.2", False), ("1.3", True)):
        with clients.Login(server, "proxied", PROXY, version=version,
                           first=forged.proxy_v1("203.0.113.7")) as client:
            client.wire.send("s STARTTLS")
            client.wire.line()
            client.wire.start_tls()
            answer = client.login("alice@tls13.example", "secret")
            assert answer.ok == lets_in, answer


def test_the_connection_is_the_proxys_client(server):
    for source, lets_in in (("203.0.113.8", True), ("203.0.113.7", False)):
        with clients.Login(server, "proxied", PROXY,
                           first=forged.proxy_v1(source)) as client:
            answer = client.login("alice@printers.example", "secret")
            assert answer.ok == lets_in, answer


# Forgeries.

NAMES = [str, str.upper, str.title, lambda name: "\001" + name,
         lambda name: name.replace("gatepost_", "gate\001post_")]


@pytest.mark.parametrize("source", [common.CLIENT, TRUSTED])
@pytest.mark.parametrize("change", NAMES[:3])
@pytest.mark.parametrize("which", ["server", "without_plugin"])
def test_imap_id(request, which, change, source):
    server = request.getfixturevalue(which)
    with clients.Login(server, "imap", source) as client:
        assert forged.imap_id_word(client, change).startswith("a OK")
        for mechanism in ("PLAIN", "CRAM-MD5", "LOGIN"):
            answer = client.login("alice@secure.example", "secret", mechanism)
            assert "[PRIVACYREQUIRED]" in answer.line, answer


@pytest.mark.parametrize("source", [common.CLIENT, TRUSTED])
@pytest.mark.parametrize("change", NAMES)
@pytest.mark.parametrize("which", ["server", "without_plugin"])
@pytest.mark.parametrize("protocol", ["pop3", "submission", "sieve"])
def test_xclient(request, which, protocol, change, source):
    server = request.getfixturevalue(which)
    with clients.Login(server, protocol, source) as client:
        forged.xclient_word(client, change)
        if protocol == "submission":
            client.command("EHLO client.example")
        answer = client.login("alice@secure.example", "secret")
        assert not answer.ok and "without encryption" in answer.line, answer


def test_forgery_is_logged_where_it_arrives(without_plugin):
    """Without the plugin nobody takes it out, but nobody believes it."""
    without_plugin.mark()
    with clients.Login(without_plugin, "imap", TRUSTED) as client:
        forged.imap_id_word(client)
        client.login("alice@secure.example", "secret")
    without_plugin.wait_log(r"gatepost: forwarded facts .* not believed.*"
                            r"alice@secure\.example")


def test_forgery_does_not_displace_the_truth(server):
    """A trusted client that came by TLS is still known to have."""
    with clients.Login(server, "imap", TRUSTED, tls="implicit") as client:
        forged.imap_id_word(client)
        assert client.login("alice@tls13.example", "secret").ok
    with clients.Login(server, "imap", TRUSTED, tls="implicit",
                       version="1.2") as client:
        forged.imap_id_word(client)
        assert not client.login("alice@tls13.example", "secret").ok


@pytest.mark.parametrize("which", ["server", "without_plugin"])
def test_forwarded_addresses_are_not_the_connection(request, which):
    """Neither makes them a cleartext connection the server's own, nor that
    of a webmail, nor of a printer."""
    server = request.getfixturevalue(which)
    for address, domain in ((common.SERVER, "secure"), ("127.0.0.8", "web"),
                            ("203.0.113.8", "printers")):
        with clients.Login(server, "imap", TRUSTED) as client:
            forged.imap_id(client, {"x-originating-ip": address,
                                    "x-connected-ip": common.SERVER})
            answer = client.login(f"alice@{domain}.example", "secret")
            assert not answer.ok, (address, answer)


@pytest.mark.parametrize("which, lets_in", [("server", True),
                                            ("without_plugin", False)])
def test_webmail_on_the_server_itself(request, which, lets_in):
    """It may speak cleartext, also for a client whose address it forwards;
    but only the plugin can tell it from a proxy."""
    server = request.getfixturevalue(which)
    with clients.Login(server, "imap", common.SERVER) as client:
        forged.imap_id(client, {"x-originating-ip": "198.51.100.7"})
        answer = client.login("alice@secure.example", "secret")
        assert answer.ok == lets_in, answer


def test_the_auth_socket(server):
    """Whoever may open it cannot give a word either."""
    fields = "\t".join(f"{name}={value}"
                       for name, value in forged.WORD.items())
    with server.auth_client() as auth:
        for secured in ((), ("secured",)):
            reply = auth.plain("alice@secure.example", "secret", *secured,
                               service="imap", rip="192.0.2.1",
                               lip="192.0.2.2", session="s",
                               forward_fields=fields)
            assert reply.kind == "FAIL"
            assert "without encryption" in reply.fields["reason"]


def test_another_key_is_no_key(lab, rules):
    """When the key was removed and made anew, the auth process, which still
    has the old one, is the stricter for it."""
    server = make_server(lab, login_plugin=True)
    assert login(server, "tls13", tls="implicit").ok
    (server.dir / "run" / "gatepost.key").unlink()
    assert not login(server, "tls13", tls="implicit").ok
    assert not login(server, "secure").ok
    server.wait_log(r"gatepost: forwarded facts .* not believed")
    server.restart()
    assert login(server, "tls13", tls="implicit").ok


def foreign(path):
    path.write_bytes(b"k" * 32)
    path.chmod(0o644)


def empty(path):
    path.touch(0o600)


def folder(path):
    path.mkdir()


def link(path):
    path.symlink_to("/dev/zero")


@pytest.mark.parametrize("spoil", [foreign, empty, folder, link])
def test_a_key_that_is_none_of_ours(lab, rules, spoil):
    """Nothing is forwarded then, and nothing believed: logins go on without
    the plugin's word."""
    server = dovecot.Dovecot(lab, users=USERS, login_plugin=True,
                             protocols="imap")
    (server.dir / "run").mkdir()
    spoil(server.dir / "run" / "gatepost.key")
    server.start()
    assert login(server, "secure", tls="implicit").ok
    assert login(server, "open").ok
    assert not login(server, "secure").ok
    assert not login(server, "tls13", tls="implicit").ok
    for process in ("auth", "imap-login"):
        server.wait_log(rf"{process}: Warning: gatepost: .*gatepost\.key: "
                        "this is not our key; remove it and restart Dovecot")
    server.stop()


def test_login_processes_that_live_on(lab, rules):
    """They outlive the auth process, and its key when that was made anew;
    then their word is not believed any more."""
    server = dovecot.Dovecot(
        lab, users=USERS, login_plugin=True, protocols="imap",
        extra="service imap-login {\n  service_count = 0\n"
              "  process_min_avail = 2\n  process_limit = 2\n}\n").start()

    def end_auth():
        """The next login starts another."""
        old = server.auth_processes()
        for pid in old:
            os.kill(pid, signal.SIGTERM)
        common.wait_for(lambda: not set(old) & set(server.auth_processes()),
                        "end of the auth process")

    assert login(server, "tls13", tls="implicit").ok
    old = set(server.login_processes("imap-login"))
    # Neighbours in a process are not taken for each other.
    with contextlib.ExitStack() as stack:
        for ways in [("implicit", None) * 2] * 2:
            logins = [(tls, stack.enter_context(
                clients.Login(server, "imap", tls=tls))) for tls in ways]
            for tls, client in reversed(logins):
                answer = client.login("alice@secure.example", "secret")
                assert answer.ok == (tls is not None), answer
    end_auth()
    assert login(server, "tls13", tls="implicit").ok
    (server.dir / "run" / "gatepost.key").unlink()
    end_auth()
    for _ in range(3):
        assert not login(server, "secure").ok
        assert not login(server, "tls13", tls="implicit").ok
        assert login(server, "secure", tls="implicit").ok
    assert set(server.login_processes("imap-login")) == old
    server.stop()


def test_webmail_on_another_host(lab, rules):
    """Over TLS, whoever its client is; in cleartext only where a rule says
    so."""
    lab.compile(RULES + "tlsweb.example all=off webmail=tls\n"
                "onlyhome.example all=off webmail=trusted "
                "trusted_nets=198.51.100.0/24\n")
    server = make_server(lab, login_plugin=True)
    server.write_users({f"alice@{domain}.example": "secret"
                        for domain in ("tlsweb", "onlyhome")})
    for address, tls, lets_in in (
            ("198.51.100.7", "implicit", {"tlsweb", "onlyhome"}),
            ("198.51.100.7", "starttls", {"tlsweb", "onlyhome"}),
            ("203.0.113.9", "implicit", {"tlsweb"}),
            ("198.51.100.7", None, set())):
        for domain in ("tlsweb", "onlyhome"):
            with clients.Login(server, "imap", "127.0.0.8",
                               tls=tls) as client:
                forged.imap_id(client, {"x-originating-ip": address})
                answer = client.login(f"alice@{domain}.example", "secret")
                assert answer.ok == (domain in lets_in), (domain, answer)
    server.stop()
    lab.compile(RULES)


def test_webmail(server):
    """A connection of the webmail's own, whoever its client is."""
    assert login(server, "web", source="127.0.0.8").ok
    assert not login(server, "web").ok
