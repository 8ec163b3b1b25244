"""Postfix as others set it up: SMTP AUTH behind Gatepost's auth module too, PROXY
in front, IPv6, names beyond ASCII, the check only warning."""

import socket

import pytest

from gplab import common, dovecot, policyd, postfix

RULES = """
* all=tls
off@example.com all=off
clear@example.com submission=cleartext
implicit@example.com submission=implicit
new@example.com tls_min=1.3
net@example.com allow_nets=192.0.2.0/24,2001:db8:7::/48
webmail@example.com all=off webmail=tls
j\u00f6rg@b\u00fccher.example submission=off
"""
USERS = {name: "secret" for name in (
    "alice@example.com", "off@example.com", "clear@example.com",
    "implicit@example.com", "new@example.com", "net@example.com",
    "webmail@example.com",
    "j\u00f6rg@b\u00fccher.example", "J\u00f6rg@xn--bcher-kva.example",
    "anna@b\u00fccher.example")}

MORE_SERVICES = """
{proxied} inet n - n - - smtpd
  -o smtpd_upstream_proxy_protocol=haproxy
  -o smtpd_sasl_auth_enable=yes
  -o smtpd_policy_service_policy_context=submission
  -o {relay}
  -o {recipient}
{warning} inet n - n - - smtpd
  -o smtpd_sasl_auth_enable=yes
  -o smtpd_policy_service_policy_context=submission
  -o {relay}
  -o smtpd_recipient_restrictions=$warning_restrictions
{contextless} inet n - n - - smtpd
  -o smtpd_sasl_auth_enable=yes
  -o {relay}
  -o {recipient}
"""
WARNING = """
warning_restrictions = warn_if_reject $policy_check,
    permit_sasl_authenticated, reject_unauth_destination
"""


@pytest.fixture(scope="module")
def servers(lab):
    lab.write_conf(webmail_networks="127.0.0.8")
    lab.compile(RULES)
    server = postfix.Postfix(lab, extra=WARNING)
    for name in ("proxied", "warning", "contextless"):
        server.ports[name] = lab.port()
    server.services = MORE_SERVICES.format(
        relay=postfix.NO_RELAY, recipient=postfix.RECIPIENT, **server.ports)
    daemon = policyd.Policyd(lab, str(server.policy_path))
    daemon.path = server.policy_path
    daemon.start()
    dovecot.Dovecot(lab, users=USERS, protocols="",
                    auth_sockets=[server.auth_socket],
                    extra="auth_username_chars =\n").start()
    server.start()
    server.daemon = daemon
    return server


def test_auth_refuses_what_it_can_know(servers):
    def auth(user, **options):
        with postfix.Smtp(servers, user=user, **options) as smtp:
            return smtp.auth.code

    assert auth("alice@example.com", tls="starttls") == 235
    # Before any mail, and with whatever password.
    assert auth("off@example.com", tls="starttls") == 535
    assert auth("off@example.com", tls="starttls", password="x") == 535
    assert auth("alice@example.com") == 535
    assert auth("clear@example.com") == 235
    assert auth("net@example.com", tls="starttls") == 535


@pytest.mark.parametrize("user,options,code", [
    ("alice@example.com", {"version": "1.2"}, 250),
    ("alice@example.com", {"version": "1.1"}, 550),
    ("new@example.com", {"version": "1.2"}, 550),
    ("new@example.com", {"version": "1.3"}, 250),
    ("implicit@example.com", {}, 550),
    ("implicit@example.com", {"service": "submissions", "tls": "implicit"},
     250),
])
def test_auth_leaves_port_and_version_to_the_policy(servers, user, options,
                                                    code):
    options = {"tls": "starttls", **options}
    with postfix.Smtp(servers, user=user, **options) as smtp:
        assert smtp.auth.code == 235
        reply = smtp.send()
    assert reply.code == code
    if code == 550:
        assert reply.text.startswith("5.7.10 ")


@pytest.mark.parametrize("source,auth", [
    ("127.0.0.8", 235),
    # Of Postfix's contexts SMTP AUTH knows nothing.
    (common.CLIENT, 535),
])
def test_auth_knows_a_webmail_by_its_network_alone(servers, source, auth):
    with postfix.Smtp(servers, "webmail", tls="starttls", source=source,
                      user="webmail@example.com") as smtp:
        assert smtp.auth.code == auth
        if auth == 235:
            assert smtp.send().code == 250


class Proxied(postfix.Smtp):
    """A session behind a PROXY header."""

    def __init__(self, server, header, **options):
        self.header = header
        super().__init__(server, "proxied", **options)

    def connect(self, port, source):
        sock = socket.create_connection((common.SERVER, port),
                                        common.DEADLINE, (source, 0))
        sock.sendall(self.header)
        self.client.sock = sock
        self.client.file = None
        self.client.getreply()


@pytest.mark.parametrize("address,code", [
    ("192.0.2.9", 250), ("198.51.100.9", 535), ("2001:db8:7::9", 250),
    ("2001:db8:8::9", 535),
])
def test_proxy_addresses(servers, address, code):
    family, server = (("TCP6", "2001:db8:7::25") if ":" in address else
                      ("TCP4", "192.0.2.25"))
    header = f"PROXY {family} {address} {server} 40000 587\r\n".encode()
    with Proxied(servers, header, tls="starttls",
                 user="net@example.com") as smtp:
        assert smtp.auth.code == (235 if code == 250 else code)
        if code == 250:
            assert smtp.send().code == 250


def test_warn_if_reject_only_warns(servers):
    servers.mark()
    with postfix.Smtp(servers, "warning", tls="starttls",
                      user="implicit@example.com") as smtp:
        assert smtp.send().code == 250
    servers.wait_log(r"reject_warning: RCPT from .*550 5\.7\.10 ")


def test_without_a_context_auth_makes_it_submission(servers):
    with postfix.Smtp(servers, "contextless", tls="starttls",
                      user="implicit@example.com") as smtp:
        assert smtp.send().code == 550
    with postfix.Smtp(servers, "contextless") as smtp:
        # Neither port nor context says submission: mail from outside.
        assert smtp.send().code == 250


def test_names_beyond_ascii(servers):
    """SMTP AUTH of such names, which the policy daemon then judges."""
    with servers.daemon.client() as client:
        for name in ("j\u00f6rg@b\u00fccher.example",
                     "j\u00f6rg@xn--bcher-kva.example",
                     "j\u00f6rg@B\u00dcCHER.example"):
            assert client.login(name).startswith("550 5.7.1 "), name
        for name in ("anna@b\u00fccher.example",
                     "J\u00d6RG@b\u00fccher.example"):
            assert client.login(name) == "DUNNO", name
        assert client.login("j\udcf6rg@example.com").startswith("550 5.7.1 ")


@pytest.mark.parametrize("utf8", ["yes", "no"])
def test_names_beyond_ascii_through_postfix(servers, utf8):
    servers.extra = WARNING + f"smtputf8_enable = {utf8}\n"
    servers.reload()
    for name, code in (("anna@b\u00fccher.example", 235),
                       ("j\u00f6rg@b\u00fccher.example", 535)):
        with postfix.Smtp(servers, tls="starttls", user=name) as smtp:
            assert smtp.auth.code == code
            if code == 235:
                assert smtp.send().code == 250
