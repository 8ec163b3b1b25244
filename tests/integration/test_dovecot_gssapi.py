"""Clients that prove who they are by a Kerberos ticket."""

import re

import pytest

from gplab import clients, common, dovecot, kerberos

REALM = "OPEN.EXAMPLE"
RULES = """
*                    all=tls
open.example         imap=cleartext pop3=off allow_nets=127.0.0.0/29
lone@open.example    all=off
"""
USERS = {f"{name}@open.example": "::::::nopassword"
         for name in ("alice", "lone")}
ELSEWHERE = "127.0.0.30"


@pytest.fixture(scope="module")
def realm(lab):
    return kerberos.Realm(lab, REALM)


@pytest.fixture(scope="module", params=[False, True],
                ids=["without plugin", "with plugin"])
def server(lab, realm, request):
    lab.write_conf()
    lab.compile(RULES)
    server = dovecot.Dovecot(
        lab, users=USERS, mechanisms="gssapi plain",
        login_plugin=request.param, extra=f"""
auth_krb5_keytab = {realm.keytab}
auth_gssapi_hostname = "$ALL"
""")
    return server.start()


def login(server, realm, protocol, user, tls=None, source=common.CLIENT,
          authzid=None):
    with clients.Login(server, protocol, source, tls) as client:
        return client.authenticate(
            kerberos.Gssapi(realm, user, protocol, authzid))


@pytest.mark.parametrize("tls", [None, "starttls", "implicit"])
def test_ticket(server, realm, tls):
    assert login(server, realm, "imap", "alice", tls).ok


@pytest.mark.parametrize("protocol", ["submission", "sieve"])
def test_cleartext_is_refused(server, realm, protocol):
    answer = login(server, realm, protocol, "alice")
    assert not answer.ok
    assert "Login without encryption is not allowed" in answer.line
    assert login(server, realm, protocol, "alice", "starttls").ok


@pytest.mark.parametrize("tls", [None, "starttls", "implicit"])
def test_protocol_that_is_off(server, realm, tls):
    server.mark()
    answer = login(server, realm, "pop3", "alice", tls)
    assert answer.line.startswith("-ERR [AUTH] POP3 is switched off")
    line = server.wait_log(r"gatepost: refused: .*").group(0)
    assert "user=<alice@open.example>, service=pop3, cause=off" in line
    assert "method=<GSSAPI>" in line


def test_network(server, realm):
    answer = login(server, realm, "imap", "alice", "implicit", ELSEWHERE)
    assert answer.line.startswith("a NO [CONTACTADMIN] Login from your "
                                  "network is not allowed")


@pytest.mark.parametrize("tls", [None, "implicit"])
def test_undisclosed(server, realm, tls):
    """A ticket for a mailbox that a rule of its own shuts gets what one gets
    that is good for another mailbox only."""
    lone = login(server, realm, "imap", "lone", tls)
    other = login(server, realm, "imap", "alice", tls,
                  authzid=f"nobody@{REALM}")
    assert not lone.ok and not other.ok
    assert (lone.line, lone.steps) == (other.line, other.steps)


def test_no_map(server, realm, lab):
    away = lab.dir / "away"
    lab.map.rename(away)
    server.restart()
    try:
        answer = login(server, realm, "imap", "alice", "implicit")
        assert re.match(r"a NO \[UNAVAILABLE\] ", answer.line)
    finally:
        away.rename(lab.map)
        server.restart()
