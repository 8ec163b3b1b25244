"""Whose rules hold: the mailbox that is entered, by whatever name."""

import pytest

from gplab import clients, common, dovecot, releases

RULES = """
*                    all=cleartext
shut.example         all=off
locked@open.example  all=off
@                    imap=off
"""
USERS = {"alice@open.example": "secret", "alice@shut.example": "secret",
         "locked@open.example": "secret", "admin@open.example": "master",
         "alice": "secret", "bob@deep.shut.example": "secret"}
MECHANISMS = ("PLAIN", "SASL-LOGIN", "CRAM-MD5", "SCRAM-SHA-256")
MASTER = """
auth_master_user_separator = *
"""


@pytest.fixture(scope="module")
def conf(lab):
    lab.write_conf()
    lab.compile(RULES)


@pytest.fixture(scope="module")
def server(lab, conf):
    return dovecot.Dovecot(lab, users=USERS, protocols="imap").start()


def login(server, user, password="secret", mechanism="PLAIN", **options):
    return clients.login(server, "imap", user, password, mechanism, **options)


@pytest.mark.parametrize("mechanism", MECHANISMS)
def test_names_are_normalised(server, mechanism):
    if mechanism != "SCRAM-SHA-256":
        assert login(server, "ALICE@Open.Example", mechanism=mechanism).ok
    for name in ("ALICE@SHUT.EXAMPLE", "alice@Shut.example"):
        answer = login(server, name, mechanism=mechanism)
        assert "[CONTACTADMIN]" in answer.line


def test_trailing_dot(server):
    assert "[CONTACTADMIN]" in login(server, "alice@shut.example.").line


def test_name_without_domain(server):
    answer = login(server, "alice")
    assert "[CONTACTADMIN]" in answer.line


def test_invalid_name(server):
    for name in ("alice@", "@shut.example", "a@b@shut.example"):
        answer = login(server, name)
        assert answer.line == ("a NO [AUTHENTICATIONFAILED] "
                               "Authentication failed."), name
        server.wait_log(r"gatepost: refused: .*cause=name")


# A format that takes the domain away.

@pytest.fixture(scope="module")
def stripped(lab, conf):
    lab.write("nodomain.conf", f"map = {lab.dir}/nodomain.lmdb\n")
    rules = lab.dir / "nodomain"
    rules.write_text("* all=cleartext\nshut.example all=off\n"
                     "carol@ all=off\n")
    lab.run([common.program("gatemap"), "-c", lab.dir, rules])
    (lab.dir / "nodomain.lmdb").chmod(0o644)
    return dovecot.Dovecot(
        lab, users={"alice": "secret", "carol": "secret"}, name="stripped",
        extra="auth_username_format = %Ln\n", protocols="imap",
        passdbs=[releases.gatepost(lab.dir / "nodomain.conf"),
                 releases.users()]).start()


@pytest.mark.parametrize("mechanism", MECHANISMS)
def test_stripped_domain_is_still_judged(stripped, mechanism):
    if mechanism != "SCRAM-SHA-256":
        assert login(stripped, "alice@open.example",
                     mechanism=mechanism).ok
    assert login(stripped, "alice", mechanism=mechanism).ok
    for name in ("alice@shut.example", "ALICE@SHUT.EXAMPLE"):
        answer = login(stripped, name, mechanism=mechanism)
        assert "[CONTACTADMIN]" in answer.line, answer


def test_stripped_name_is_judged_too(stripped):
    """The stricter of both verdicts holds."""
    assert not login(stripped, "carol@open.example").ok
    assert not login(stripped, "carol").ok


def test_stripped_name_in_the_log(stripped):
    stripped.mark()
    login(stripped, "alice@shut.example")
    stripped.wait_log(r"gatepost: refused: user=<alice@shut\.example>")


def test_translated_name(lab, conf):
    server = dovecot.Dovecot(
        lab, users={"alice": "secret"}, name="translated", protocols="imap",
        extra="auth_username_format = %Ln\n"
              "auth_username_translation = \"#@\"\n"
              "auth_username_chars =\n",
        passdbs=[releases.gatepost(lab.dir / "nodomain.conf"),
                 releases.users()]).start()
    assert login(server, "alice#open.example").ok
    assert "[CONTACTADMIN]" in login(server, "alice#shut.example").line


def test_default_realm(lab, conf):
    """Dovecot adds the domain; the name as typed, without one, is not
    judged."""
    server = dovecot.Dovecot(
        lab, users=USERS, name="realm", protocols="imap",
        extra="auth_default_realm = open.example\n").start()
    assert login(server, "alice").ok
    assert not login(server, "locked").ok


# Master users.

def masters(lab, **options):
    path = lab.write("masters", "admin@open.example:{PLAIN}master\n"
                                "admin@shut.example:{PLAIN}master\n")
    return releases.users(path, master="yes", **options)


def master_server(lab, passdbs):
    return dovecot.Dovecot(lab, users=USERS, protocols="imap",
                           passdbs=passdbs, extra=MASTER).start()


@pytest.fixture(scope="module")
def master_continues(lab, conf):
    """The master passdb hands on to the ordinary ones."""
    return master_server(lab, [masters(lab, result_success="continue"),
                               releases.gatepost(), releases.users()])


@pytest.fixture(scope="module")
def master_asks(lab, conf):
    """Gatepost stands in front of the master passdb."""
    return master_server(lab, [releases.gatepost(master="yes"), masters(lab),
                               releases.gatepost(), releases.users()])


@pytest.mark.parametrize("way, told", [
    ("master_continues", "[AUTHENTICATIONFAILED] Authentication failed."),
    ("master_asks", "[CONTACTADMIN] IMAP is switched off")])
def test_master_is_judged_by_the_mailbox(request, way, told):
    server = request.getfixturevalue(way)
    enter = "alice@open.example*admin@open.example"
    assert login(server, enter, "master").ok
    assert not login(server, enter, "wrong").ok
    # The master's own domain is shut; the mailbox entered is not.
    assert login(server, "alice@open.example*admin@shut.example",
                 "master").ok
    refused = "alice@shut.example*admin@open.example"
    assert login(server, refused, "master").line.startswith(f"a NO {told}")
    server.wait_log(r"gatepost: refused: user=<alice@shut\.example>.*"
                    r"master=<admin@open\.example>")
    assert not login(server, "locked@open.example*admin@open.example",
                     "master").ok
    # Ordinary logins are as ever.
    assert login(server, "alice@open.example").ok
    assert not login(server, "alice@open.example", "wrong").ok


@pytest.mark.parametrize("mechanism", MECHANISMS)
@pytest.mark.parametrize("way", ["master_continues", "master_asks"])
def test_a_masters_right_password_is_not_told_from_a_wrong_one(
        request, way, mechanism):
    server = request.getfixturevalue(way)
    refused = "alice@shut.example*admin@open.example"
    right, wrong = (login(server, refused, password, mechanism=mechanism)
                    for password in ("master", "wrong"))
    assert not right.ok
    assert (right.line, right.steps) == (wrong.line, wrong.steps)


@pytest.mark.parametrize("way", ["master_continues", "master_asks"])
def test_nor_is_it_on_the_auth_socket(request, way):
    """Which says as whom somebody has not logged in."""
    server = request.getfixturevalue(way)
    replies = []
    for password in ("master", "wrong"):
        with server.auth_client() as auth:
            replies.append(auth.plain("alice@shut.example*admin@open.example",
                                      password, service="imap",
                                      rip=common.CLIENT))
    assert [reply.kind for reply in replies] == ["FAIL"] * 2
    for reply in replies:
        # What a passdb calls its failure, no client is told.
        reply.fields.pop("code", None)
    assert replies[0].fields == replies[1].fields


@pytest.mark.parametrize("way", ["master_continues", "master_asks"])
def test_master_with_authzid(request, way):
    server = request.getfixturevalue(way)
    assert login(server, "admin@open.example", "master",
                 authzid="alice@open.example").ok
    assert not login(server, "admin@open.example", "master",
                     authzid="alice@shut.example").ok


def test_master_cannot_enter_what_is_not_there(master_continues):
    """Gatepost must not answer for the passdbs behind it."""
    assert not login(master_continues,
                     "nobody@open.example*admin@open.example", "master").ok


def test_masters_password_is_checked(master_asks):
    """Gatepost in front of the master passdb lets nobody in by itself."""
    assert not login(master_asks, "alice@open.example*admin@open.example",
                     "").ok
    assert not login(master_asks, "alice@open.example*nobody@open.example",
                     "secret").ok
