"""The example files are run as they stand."""

import pytest

from gplab import common, dovecot, example, releases

RULES = """
*                    all=tls help=https://help.example.com/mail
example.net          pop3=off
former@example.com   all=off
"""
USERS = "".join(f"{name}:{{PLAIN}}secret\n" for name in (
    "alice@example.com", "bob@example.net", "former@example.com"))
MASTERS = "admin:{PLAIN}master\n"
FOLDER = common.TREE / "packaging" / "examples"


@pytest.fixture(scope="module")
def is_24():
    return isinstance(releases.release(), releases.Dovecot24)


@pytest.fixture(scope="module")
def server(lab, is_24):
    name = "dovecot-2.4.conf" if is_24 else "dovecot-2.3.conf"
    made = example.Example(lab, FOLDER / name, USERS, MASTERS)
    made.compile(RULES)
    return made.start()


@pytest.mark.parametrize("protocol", ["imaps", "pop3s"])
def test_encrypted_login(server, protocol):
    assert server.login(protocol, "alice@example.com", "secret")[0]
    assert not server.login(protocol, "alice@example.com", "wrong")[0]


def test_starttls(server):
    assert server.login("sieve", "alice@example.com", "secret",
                        tls="starttls") == (True, 'OK "Logged in."')


@pytest.mark.parametrize("protocol", ["imap", "pop3", "sieve"])
def test_cleartext(server, protocol):
    """Refused by the login plugin, in Dovecot's words."""
    let_in, line = server.login(protocol, "alice@example.com", "secret")
    assert not let_in
    assert "help.example.com" not in line


def test_rule_of_a_domain(server):
    let_in, line = server.login("pop3s", "bob@example.net", "secret")
    assert not let_in
    assert line.startswith("-ERR [AUTH] POP3 is switched off")
    assert server.login("imaps", "bob@example.net", "secret")[0]


def test_rule_of_a_mailbox(server):
    assert server.login("imaps", "former@example.com", "secret") == \
        server.login("imaps", "nobody@example.com", "secret")


def test_master_user(server):
    assert server.login("imaps", "alice@example.com*admin", "master")[0]
    assert not server.login("imaps", "alice@example.com*admin", "wrong")[0]
    assert not server.login("imaps", "former@example.com*admin", "master")[0]


def test_smtp_auth(server):
    path = server.spool / "private" / "auth"
    with dovecot.AuthClient(path) as auth:
        assert auth.smtp("alice@example.com", "secret").kind == "OK"
        assert "encryption" in auth.smtp("alice@example.com", "secret",
                                         tls=False).fields["reason"]


def test_rules_change_at_once(server):
    """The auth process is of the group that may read the map."""
    server.compile(RULES + "alice@example.com imap=off\n")
    try:
        assert not server.login("imaps", "alice@example.com", "secret")[0]
    finally:
        server.compile(RULES)
    assert server.login("imaps", "alice@example.com", "secret")[0]


def test_settings_are_shown(server, is_24):
    if not is_24:
        shown = server.run("doveconf", "-n").stdout
        assert "\n  driver = gatepost\n" in shown
        assert "\nlogin_plugins = gatepost_login\n" in shown
        return
    assert server.run("doveconf", "gatepost_config").stdout == \
        "gatepost_config = /etc/gatepost/gatepost.conf\n"
    shown = server.run("doveconf", "-n").stdout
    assert "\npassdb gatepost {\n  result_internalfail = return-fail\n}\n" \
        in shown


def test_check_finds_nothing_in_dovecot(server):
    done = server.run(common.program("gatepost"), "check", "--no-postfix",
                      "--quiet", check=False)
    assert (done.returncode, done.stdout) == (0, ""), done
