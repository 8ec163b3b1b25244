"""Users whom a database gives another name than they typed. A second gatepost
passdb behind the database judges that name, and refuses like a wrong
password."""

import smtplib

import pytest

from gplab import clients, common, dovecot, releases, sqlusers

RULES = """
*                  all=cleartext
shut.example       all=off
shutalias.example  all=off
lone@real.example  all=off
@                  all=cleartext
"""
MAILBOXES = [
    ("alice1", "alice@real.example", "secret"),
    ("lone1", "lone@real.example", "secret"),
    ("bob1", "bob@shut.example", "secret"),
    ("far1", "far@shut.example", "secret", "192.0.2.99"),
]
ALIASES = {"alias.example": "real.example", "shutalias.example":
           "real.example", "toshut.example": "shut.example"}
MECHANISMS = ("PLAIN", "SASL-LOGIN", "CRAM-MD5", "SCRAM-SHA-256")


@pytest.fixture(scope="module")
def database(lab):
    lab.write_conf()
    lab.compile(RULES)
    return sqlusers.SqlUsers(lab, MAILBOXES, ALIASES)


@pytest.fixture(scope="module", params=["continue", "continue-ok"])
def server(request, lab, database):
    return dovecot.Dovecot(
        lab, protocols="imap lmtp",
        userdbs=[releases.userdb(asks_passdb=True)],
        passdbs=[releases.gatepost(),
                 releases.sql(database, result_success=request.param),
                 releases.gatepost()]).start()


def login(server, user, password="secret", mechanism="PLAIN", **options):
    return clients.login(server, "imap", user, password, mechanism, **options)


@pytest.mark.parametrize("mechanism", MECHANISMS)
@pytest.mark.parametrize("name", ["alice1", "alice@real.example",
                                  "alice@alias.example"])
def test_every_name_lets_in(server, name, mechanism):
    assert login(server, name, mechanism=mechanism).ok
    server.wait_log(r"imap-login: Info: (Login|Logged in): "
                    r"user=<alice@real\.example>")
    assert not login(server, name, "wrong", mechanism).ok


@pytest.mark.parametrize("mechanism", MECHANISMS)
@pytest.mark.parametrize("name", ["bob1", "bob@toshut.example", "lone1",
                                  "lone@alias.example"])
def test_the_mailboxs_own_name_is_judged(server, name, mechanism):
    """Right and wrong password get the same answer: the refusal must not
    tell that the password was right."""
    server.mark()
    right = login(server, name, mechanism=mechanism)
    assert right.line == "a NO [AUTHENTICATIONFAILED] Authentication failed."
    server.wait_log(r"gatepost: refused: user=<(bob@shut|lone@real)\.example>"
                    r".*cause=off")
    if mechanism != "SCRAM-SHA-256":
        wrong = login(server, name, "wrong", mechanism)
        assert (right.line, right.steps) == (wrong.line, wrong.steps)


def test_scram_is_refused_before_the_password(server):
    """There the name is judged when the password is looked up, so the answer
    is that for a name that does not exist."""
    nobody = login(server, "nobody1", mechanism="SCRAM-SHA-256")
    for password in ("secret", "wrong"):
        bob = login(server, "bob1", password, "SCRAM-SHA-256")
        assert (bob.line, bob.steps) == (nobody.line, nobody.steps)


def test_the_name_as_typed_is_judged_first(server):
    answer = login(server, "alice@shutalias.example")
    assert "[CONTACTADMIN]" in answer.line


@pytest.mark.parametrize("name", ["bob1", "far1", "far@toshut.example"])
def test_nothing_of_the_row_gets_out(server, name):
    """A host to be proxied to would tell that the password was right."""
    with server.auth_client() as auth:
        right = auth.smtp(name, "secret")
        wrong = auth.smtp(name, "wrong")
    assert right.kind == wrong.kind == "FAIL"
    assert set(right.fields) - set(wrong.fields) <= {"code"}
    assert "host" not in right.fields and "reason" not in right.fields


def test_delivery_and_lookups_go_on(server):
    """Look-ups that are no login pass both gatepost passdbs."""
    for name in ("alice@alias.example", "bob@toshut.example"):
        with smtplib.LMTP(common.SERVER, server.port("lmtp")) as lmtp:
            assert lmtp.sendmail("sender@other.example", [name],
                                 "Subject: test\r\n\r\ntest\r\n") == {}
        assert server.doveadm("auth", "lookup", name).returncode == 0
        assert server.doveadm("user", name).returncode == 0


def test_without_the_second_passdb_they_get_in(lab, database):
    """The counterpart: it is the second one that refuses them."""
    server = dovecot.Dovecot(
        lab, protocols="imap",
        passdbs=[releases.gatepost(), releases.sql(database)]).start()
    assert login(server, "bob1").ok
    server.stop()


def test_passdbs_behind_have_their_say(lab, database):
    """What the second one lets in still goes through those behind it."""
    deny = releases.users(lab.write("denied", "alice@real.example\n"),
                          deny="yes")
    server = dovecot.Dovecot(
        lab, protocols="imap",
        passdbs=[releases.gatepost(),
                 releases.sql(database, result_success="continue"),
                 releases.gatepost(), deny]).start()
    assert not login(server, "alice1").ok
    server.stop()


@pytest.mark.parametrize("option", [
    {"mechanisms": "external"}, {"username_filter": "*@other.example"}])
def test_passdbs_behind_that_are_not_asked(lab, database, option):
    """Behind the second one there may be passdbs for other mechanisms or
    names only; it is the last one then."""
    server = dovecot.Dovecot(
        lab, protocols="imap lmtp",
        userdbs=[releases.userdb(asks_passdb=True)],
        passdbs=[releases.gatepost(),
                 releases.sql(database, result_success="continue"),
                 releases.gatepost(),
                 releases.static({"nopassword": "y"}, **option)]).start()
    for mechanism in MECHANISMS:
        assert login(server, "alice1", mechanism=mechanism).ok
        for name, password in (("alice1", "wrong"), ("bob1", "secret"),
                               ("bob1", "wrong"), ("nobody1", "secret")):
            answer = login(server, name, password, mechanism)
            assert answer.line == ("a NO [AUTHENTICATIONFAILED] "
                                   "Authentication failed."), answer
    assert server.doveadm("user", "alice@alias.example").returncode == 0
    assert server.doveadm("user", "nobody@real.example").returncode == 67
    server.stop()


def test_two_databases(lab, database):
    """The second is asked for those whom the first does not know."""
    second = sqlusers.SqlUsers(
        lab, [("carol1", "carol@real.example", "secret"),
              ("dave1", "dave@shut.example", "secret")], {}, name="second")
    server = dovecot.Dovecot(
        lab, protocols="imap",
        passdbs=[releases.gatepost(),
                 releases.sql(database, result_success="continue"),
                 releases.sql(second, result_success="continue",
                              skip="authenticated"),
                 releases.gatepost()]).start()
    for mechanism in MECHANISMS:
        for name in ("alice1", "carol1"):
            assert login(server, name, mechanism=mechanism).ok
            assert not login(server, name, "wrong", mechanism).ok
        for name in ("bob1", "dave1", "nobody1"):
            for password in ("secret", "wrong"):
                answer = login(server, name, password, mechanism)
                assert answer.line == ("a NO [AUTHENTICATIONFAILED] "
                                       "Authentication failed."), answer
    server.stop()


def test_no_map(lab, database):
    """The second one, too, fails closed, after the password was found
    right."""
    lab.write("nomap.conf", f"map = {lab.dir}/nowhere.lmdb\n")
    for option in ("continue", "continue-ok"):
        server = dovecot.Dovecot(
            lab, protocols="imap",
            passdbs=[releases.gatepost(),
                     releases.sql(database, result_success=option),
                     releases.gatepost(lab.dir / "nomap.conf")]).start()
        for mechanism in MECHANISMS:
            answer = login(server, "alice1", mechanism=mechanism)
            assert "[UNAVAILABLE]" in answer.line, answer
        server.stop()


@pytest.mark.parametrize("mechanism", MECHANISMS)
@pytest.mark.parametrize("mailbox, lets_in", [
    ("alice@real.example", True), ("bob@shut.example", False)])
def test_mailbox_that_a_passdb_lets_one_enter(lab, database, mailbox, lets_in,
                                              mechanism):
    """The chain begins anew with it, as for a master user."""
    server = dovecot.Dovecot(
        lab, protocols="imap", name="enters",
        passdbs=[releases.gatepost(), releases.static(
            {"password": "secret", "login_user": mailbox},
            result_success="continue", skip="authenticated"),
                 releases.gatepost()]).start()
    right = login(server, "carol@real.example", mechanism=mechanism)
    wrong = login(server, "carol@real.example", "wrong", mechanism)
    assert right.ok == lets_in and not wrong.ok
    if not lets_in:
        assert (right.line, right.steps) == (wrong.line, wrong.steps)
        server.wait_log(rf"gatepost: refused: user=<{mailbox}>")
    server.stop()
