"""Whom Gatepost must not touch: mail that is delivered, administrators who
look users up, and neighbours of a client that is refused."""

import re
import smtplib
import socket

import pytest

from gplab import clients, common, dovecot, releases, sqlusers

RULES = """
*             all=tls
open.example  all=cleartext
shut.example  all=off
"""
USERS = {"alice@open.example": "secret", "alice@shut.example": "secret",
         "bob@open.example": "secret"}


@pytest.fixture(scope="module")
def rules(lab):
    lab.write_conf()
    lab.compile(RULES + "carol@open.example imap=off\n")


@pytest.fixture(scope="module")
def server(lab, rules):
    return dovecot.Dovecot(lab, users=USERS,
                           userdbs=[releases.userdb(asks_passdb=True)]).start()


@pytest.fixture(scope="module")
def without_map(lab):
    lab.write("nomap.conf", f"map = {lab.dir}/nowhere.lmdb\n")
    return dovecot.Dovecot(
        lab, users=USERS, userdbs=[releases.userdb(asks_passdb=True)],
        passdbs=[releases.gatepost(lab.dir / "nomap.conf"),
                 releases.users()]).start()


@pytest.fixture(params=["server", "without_map"])
def either(request):
    return request.getfixturevalue(request.param)


def deliver(server, user):
    with smtplib.LMTP(common.SERVER, server.port("lmtp")) as lmtp:
        return lmtp.sendmail("sender@other.example", [user],
                             "Subject: test\r\n\r\ntest\r\n")


@pytest.mark.parametrize("user", ["alice@open.example", "alice@shut.example"])
def test_mail_is_delivered(either, user):
    assert deliver(either, user) == {}


def test_unknown_recipient_is_still_unknown(either):
    with pytest.raises(smtplib.SMTPRecipientsRefused) as refused:
        deliver(either, "nobody@open.example")
    code, text = refused.value.recipients["nobody@open.example"]
    assert code == 550 and b"doesn't exist" in text


def test_doveadm_user(either):
    for user in ("alice@open.example", "alice@shut.example"):
        assert either.doveadm("user", user).returncode == 0
    assert either.doveadm("user", "nobody@open.example").returncode == 67


def test_doveadm_auth_lookup(either):
    found = either.doveadm("auth", "lookup", "alice@shut.example")
    assert found.returncode == 0
    assert "alice@shut.example" in found.stdout


def test_doveadm_enters_a_mailbox(either):
    assert either.doveadm("mailbox", "list", "-u",
                          "alice@shut.example").returncode == 0


def test_bystanders_leave_no_trace(server):
    server.mark()
    deliver(server, "alice@shut.example")
    server.doveadm("user", "alice@shut.example")
    assert "gatepost" not in server.log()


def test_lmtp_proxy_looks_up(lab, rules):
    """An LMTP proxy asks the passdb where a recipient lives."""
    backend = dovecot.Dovecot(lab, users=USERS, gatepost=False,
                              name="backend").start()
    passdb = releases.static({
        "proxy": "y", "host": common.SERVER, "port": backend.port("lmtp"),
        "nopassword": "y"})
    front = dovecot.Dovecot(
        lab, users=USERS, name="front", extra="lmtp_proxy = yes\n",
        passdbs=[releases.gatepost(), passdb]).start()
    assert deliver(front, "alice@shut.example") == {}
    backend.wait_log(r"lmtp\(alice@shut\.example\).*saved mail to INBOX")


# Postfix asks, too: whether a mailbox exists, and whether it is full.

LOOKUPS = """
service auth {
  unix_listener auth-userdb {
    mode = 0666
  }
}
service quota-status {
  executable = quota-status -p postfix
  client_limit = 1
  inet_listener quota {
    port = %d
  }
}
"""


@pytest.fixture(scope="module")
def lookups(lab, rules):
    port = lab.port()
    server = dovecot.Dovecot(
        lab, users=USERS, userdbs=[releases.userdb(asks_passdb=True)],
        protocols="imap", name="lookups")
    server.extra = LOOKUPS % port + server.release.quota
    server.ports["quota"] = port
    return server.start()


def ask_userdb(server, user):
    with socket.socket(socket.AF_UNIX) as sock:
        sock.settimeout(common.DEADLINE)
        sock.connect(str(server.dir / "run" / "auth-userdb"))
        sock.sendall(b"VERSION\t1\t1\nUSER\t1\t%s\tservice=smtp\n"
                     % user.encode())
        for line in sock.makefile("rb"):
            if line.split(b"\t")[0] in (b"USER", b"NOTFOUND", b"FAIL"):
                return line.decode().rstrip("\n").split("\t")
    raise AssertionError("no answer")


def test_userdb_lookups(lookups):
    for user in ("alice@open.example", "alice@shut.example"):
        assert ask_userdb(lookups, user)[:3] == ["USER", "1", user]
    assert ask_userdb(lookups, "nobody@open.example")[0] == "NOTFOUND"


def test_quota_status(lookups):
    for user, reply in (("alice@open.example", "DUNNO"),
                        ("alice@shut.example", "DUNNO"),
                        ("nobody@open.example", "REJECT Unknown user")):
        with socket.create_connection(
                (common.SERVER, lookups.port("quota")), 5) as sock:
            sock.sendall(b"request=smtpd_access_policy\nsize=1000\n"
                         b"recipient=%s\n\n" % user.encode())
            assert sock.recv(1000).decode() == f"action={reply}\n\n"
    assert "gatepost" not in lookups.log()


# doveadm auth test is a login.

def test_doveadm_auth_test_says_why(server):
    refused = server.auth_test("alice@shut.example", "secret",
                               service="imap", rip=common.CLIENT)
    assert refused.returncode == 77
    assert "switched off" in refused.stdout + refused.stderr
    allowed = server.auth_test("alice@open.example", "secret",
                               service="imap", rip=common.CLIENT)
    assert allowed.returncode == 0


# Neighbours.

@pytest.fixture(scope="module")
def slow(lab, rules):
    """As Dovecot is out of the box: a failed login is answered late, and
    makes the next from that address slower still."""
    server = dovecot.Dovecot(lab, name="slow", penalty=True,
                             users={**USERS, "carol@open.example": "secret"},
                             failure_delay="2 secs", protocols="imap")
    return server.start()


def login(server, user, password="secret", **options):
    return clients.login(server, "imap", user, password, **options)


def test_disclosed_refusals_cost_nobody_time(slow):
    source = "127.0.0.20"
    for mechanism in ("PLAIN", "CRAM-MD5", "SCRAM-SHA-256"):
        answers = [login(slow, "alice@shut.example", source=source,
                         mechanism=mechanism) for _ in range(4)]
        for answer in answers:
            assert answer.line.startswith("a NO [CONTACTADMIN]")
        # No delay is ever shorter; a busy machine is not always busy.
        assert min(answer.seconds for answer in answers) < 1, answers
    # After so many failures it would be 15 s.
    assert login(slow, "bob@open.example", source=source).seconds < 8


def test_wrong_passwords_still_cost_time(slow):
    """The counterpart: the measurement does see a penalty."""
    source = "127.0.0.21"
    assert login(slow, "bob@open.example", "wrong",
                 source=source).seconds > 1
    assert login(slow, "bob@open.example", source=source).seconds > 1


def test_undisclosed_refusals_take_the_penalty(slow):
    """As a name that does not exist would."""
    for source, user in (("127.0.0.22", "carol@open.example"),
                         ("127.0.0.23", "nobody@open.example")):
        answer = login(slow, user, source=source)
        assert answer.line == ("a NO [AUTHENTICATIONFAILED] "
                               "Authentication failed.")
        assert answer.seconds > 1, (user, answer)
        assert login(slow, "bob@open.example", source=source).seconds > 1


# Workers.

def test_never_in_a_worker(lab, rules):
    """With a passdb that runs in workers beside it."""
    database = sqlusers.SqlUsers(
        lab, [("open", "alice@open.example", "secret"),
              ("shut", "alice@shut.example", "secret")], {})
    server = dovecot.Dovecot(
        lab, protocols="imap",
        passdbs=[releases.gatepost(), releases.sql(database)]).start()
    for mechanism in ("PLAIN", "CRAM-MD5", "SCRAM-SHA-256"):
        assert login(server, "alice@open.example",
                     mechanism=mechanism).ok
        assert "[CONTACTADMIN]" in login(server, "alice@shut.example",
                                         mechanism=mechanism).line
    assert not login(server, "alice@open.example", "wrong").ok
    lines = re.findall(r".*gatepost: refused.*", server.log())
    assert len(lines) == 3
    assert all(" auth: Info: gatepost: " in line for line in lines), lines
    assert not re.search(r"auth-worker.*gatepost", server.log())
