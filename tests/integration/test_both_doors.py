"""One rules file, two doors: whoever is let in at the one is let in at the other,
for a thousand names and facts."""

import concurrent.futures
import random

import pytest

from gplab import common, dovecot, policyd, releases

DOMAINS = ("example.com", "sub.example.com", "example.net", "notexample.com",
           "locked.example", "same.example", "x.locked.example")
LOCALS = ("alice", "bob", "Carol", "off", "tls", "clear", "nets", "c++",
          "mary-jane", "old", "later", "trial", "x", "noreply+tag", "bob+tag")
RULES = """
net:office 127.0.1.0/24,192.0.2.0/24
profile:sales submission=trusted trusted_nets=office
profile:closed submission=off

* all=tls cleartext_nets=127.0.2.0/24
example.com submission=cleartext
.example.com tls_min=1.3
example.net allow_nets=office
locked.example submission=off lock
same.example same_as=example.com
off@example.com all=off
off@example.net all=off
tls@example.com submission=tls
clear@example.net submission=cleartext allow_nets=any
nets@example.com allow_nets=127.0.3.1,192.0.2.0/24
bob@example.com profile=sales
bob@notexample.com profile=closed
c++@example.com submission=off
mary-jane@notexample.com submission=cleartext
old@example.com submission=off until=2020-01-01T00:00:00Z
later@example.com submission=off from=2099-01-01T00:00:00Z
trial@example.com submission=off mode=trial
noreply@example.com submission=off
x@locked.example submission=cleartext
"""
CLIENTS = ("127.0.0.5", "127.0.1.7", "127.0.2.9", "127.0.3.1", "192.0.2.1",
           "198.51.100.1", "127.0.0.1", "2001:db8::1")


def facts():
    """A thousand logins, always the same."""
    chance = random.Random(20261121)
    for _ in range(1000):
        name = f"{chance.choice(LOCALS)}@{chance.choice(DOMAINS)}"
        if chance.random() < 0.1:
            name = chance.choice((name.upper(), name + ".",
                                  name.replace("@", "@@"), name + " "))
        yield name, chance.choice(CLIENTS), chance.random() < 0.6


@pytest.fixture(scope="module")
def doors(lab):
    # Refusals that are told are told at once.
    lab.write_conf(recipient_delimiter="+", disclose="mailbox")
    lab.compile(RULES)
    # Dovecot judges the name before its own idea of what a name is.
    server = dovecot.Dovecot(
        lab, passdbs=[releases.gatepost(), releases.static(
            {"nopassword": "y"})], protocols="",
        extra="auth_username_chars =\nauth_username_format = %u\n")
    return server.start(), policyd.Policyd(lab).start()


def at_policyd(client, name, address, encrypted):
    """Let in or not; "defer" is neither."""
    reply = client.login(name, tls="TLSv1.2" if encrypted else "",
                         client_address=address)
    assert reply == "DUNNO" or reply[0] == "5" or reply.startswith("INFO ")
    return reply[0] != "5"


def at_dovecot(client, service, name, address, encrypted):
    # Dovecot's own services say whose TLS it is, Postfix does not.
    fields = {"secured": "tls"} if encrypted and service != "smtp" else {}
    flags = ["secured"] if encrypted and service == "smtp" else []
    reply = client.plain(name, "secret", "nologin", *flags, service=service,
                         lip=common.SERVER, rip=address, **fields)
    assert reply.kind in ("OK", "FAIL")
    return reply.kind == "OK"


def ask_dovecot(server, service):
    """What Dovecot says to all of them, asked by many at once: it keeps the
    answers to names that are none back for a while."""
    logins = list(facts())
    count = 20

    def ask(number):
        with server.auth_client() as auth:
            return [at_dovecot(auth, service, *login)
                    for login in logins[number::count]]

    with concurrent.futures.ThreadPoolExecutor(count) as pool:
        parts = list(pool.map(ask, range(count)))
    return [(login, parts[number % count][number // count])
            for number, login in enumerate(logins)]


def test_a_thousand_logins(doors):
    server, daemon = doors
    seen = set()
    with daemon.client() as client:
        for login, at_auth in ask_dovecot(server, "submission"):
            allowed = at_policyd(client, *login)
            seen.add(allowed)
            assert at_auth == allowed, login
    assert seen == {True, False}


def test_smtp_auth_leaves_the_version_to_the_policy(doors):
    """Whatever SMTP AUTH refuses the policy daemon would refuse as well, and
    what it lets in is refused there for TLS only."""
    server, daemon = doors
    with daemon.client() as client:
        for login, at_auth in ask_dovecot(server, "smtp"):
            allowed = at_policyd(client, *login)
            if allowed or not at_auth:
                assert allowed == at_auth, login
            else:
                reply = client.login(login[0], tls="TLSv1.2",
                                     client_address=login[1])
                assert reply.startswith("550 5.7.10 "), login
