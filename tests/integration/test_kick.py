"""gatepost kick: sessions that the rules would refuse now are ended, and no
others."""

import contextlib
import json

import pytest

from gplab import clients, common, dovecot

RULES = """
*                  all=cleartext
"""
USERS = ["alice@example.com", "bob@example.com", "carol@sub.example.com",
         "dave@example.net"]


@pytest.fixture(scope="module")
def server(lab):
    lab.write_conf()
    lab.compile(RULES)
    return dovecot.Dovecot(lab, {name: "secret" for name in USERS},
                           protocols="imap pop3").start()


@pytest.fixture
def open_session(server):
    """Logs in, and keeps the session until the test ends."""
    server.lab.compile(RULES)
    with contextlib.ExitStack() as stack:
        def enter(user, protocol="imap", source=common.CLIENT):
            session = stack.enter_context(
                clients.Login(server, protocol, source))
            assert session.login(user, "secret").ok
            common.wait_for(lambda: f"{user}\t{protocol}\t" in who(server)
                            and source in who(server), f"{user} in who")
            return session
        yield enter
    common.wait_for(lambda: "@" not in who(server), "all sessions' end")


def who(server):
    return server.doveadm("-f", "tab", "who", "-1", check=True).stdout


def kick(server, *words, check=True, **options):
    return server.lab.run(
        server.in_namespace(
            [common.program("gatepost"), "kick", "-c", server.lab.conf,
             "--dovecot-config", server.conf, *words]),
        check=check, **options)


def is_there(server, user, protocol="imap"):
    return f"{user}\t{protocol}\t" in who(server)


def wait_gone(server, user, protocol="imap"):
    common.wait_for(lambda: not is_there(server, user, protocol),
                    f"{user}'s end")


def test_nobody_is_refused(server, open_session):
    open_session("alice@example.com")
    done = kick(server)
    assert (done.stdout, done.stderr) == ("", "")
    assert is_there(server, "alice@example.com")


def test_off_ends_a_session(server, open_session):
    open_session("alice@example.com")
    open_session("bob@example.com")
    server.lab.compile(RULES + "alice@example.com  imap=off\n")
    done = kick(server, "--dry-run")
    assert done.stdout.startswith("alice@example.com imap 127.0.0.5 pid ")
    assert done.stdout.endswith(
        ": to be ended; refused: off by alice@example.com "
        f"({server.lab.rules}:3)\n")
    assert is_there(server, "alice@example.com")
    done = kick(server)
    assert ": ended; refused: off" in done.stdout
    wait_gone(server, "alice@example.com")
    assert is_there(server, "bob@example.com")


def test_network_ends_a_session_from_elsewhere(server, open_session):
    open_session("alice@example.com", source="127.0.0.5")
    open_session("bob@example.com", source="127.0.0.6")
    server.lab.compile(RULES + "example.com  allow_nets=127.0.0.6\n")
    done = kick(server, "--json")
    sessions = json.loads(done.stdout)["sessions"]
    assert len(sessions) == 1
    del sessions[0]["pid"]
    assert sessions[0] == {
        "user": "alice@example.com", "service": "imap",
        "client": "127.0.0.5", "cause": "network", "key": "example.com",
        "line": 3, "certain": True, "ended": True, "failure": None}
    wait_gone(server, "alice@example.com")
    assert is_there(server, "bob@example.com")


def test_what_nobody_knows_any_more_ends_on_demand_only(server, open_session):
    open_session("alice@example.com")
    server.lab.compile("*  all=tls\n")
    done = kick(server)
    assert ": left open; perhaps refused: cleartext by *" in done.stdout
    assert "1 left open: whether they are encrypted" in done.stdout
    assert is_there(server, "alice@example.com")
    done = kick(server, "--unsure", "-n")
    assert ": to be ended; perhaps refused: cleartext" in done.stdout
    kick(server, "--unsure")
    wait_gone(server, "alice@example.com")


def test_another_session_goes_with_it(server, open_session):
    """doveadm ends by name and address; that is said."""
    open_session("alice@example.com")
    open_session("alice@example.com", "pop3")
    open_session("alice@example.com", source="127.0.0.6")
    server.lab.compile(RULES + "alice@example.com  pop3=off\n")
    done = kick(server)
    assert "alice@example.com imap 127.0.0.5" in done.stdout
    assert ": ended with it\n" in done.stdout
    assert "127.0.0.6" not in done.stdout
    wait_gone(server, "alice@example.com", "pop3")
    assert is_there(server, "alice@example.com")


@pytest.mark.parametrize("key, ended", [
    ("alice@example.com", {"alice@example.com"}),
    ("ALICE@Example.Com.", {"alice@example.com"}),
    ("example.com", {"alice@example.com", "bob@example.com"}),
    (".example.com", {"carol@sub.example.com"}),
    ("*", set(USERS)),
    ("alice@", set()),
    ("@", set()),
])
def test_key(server, open_session, key, ended):
    for user in USERS:
        open_session(user)
    server.lab.compile("*  all=off\n")
    kick(server, key)
    for user in ended:
        wait_gone(server, user)
    for user in set(USERS) - ended:
        assert is_there(server, user)


@pytest.mark.parametrize("trust", [
    "login_trusted_networks = 127.0.0.80",
    "protocol imap {\n  login_trusted_networks = 127.0.0.80\n}"])
def test_a_forwarded_address_makes_it_unsure(server, open_session, trust):
    """Where Dovecot trusts somebody with other addresses, the session may
    have come from the webmail."""
    open_session("alice@example.com")
    server.lab.write_conf(webmail_networks="127.0.0.80")
    server.lab.compile(RULES + "alice@example.com  imap=off\n")
    trusting = server.lab.write(
        "trusting.conf", f"{server.conf.read_text()}\n{trust}\n")
    try:
        done = kick(server, "--dovecot-config", trusting)
        assert ": left open; perhaps refused: off" in done.stdout
        assert is_there(server, "alice@example.com")
        kick(server)
        wait_gone(server, "alice@example.com")
    finally:
        server.lab.write_conf(webmail_networks=None)


def test_no_map(server, open_session):
    open_session("alice@example.com")
    server.lab.map.rename(server.dir / "away")
    try:
        done = kick(server, check=False)
        assert done.returncode == 66
        assert str(server.lab.map) in done.stderr
    finally:
        (server.dir / "away").rename(server.lab.map)
    assert is_there(server, "alice@example.com")


def test_no_dovecot(server, lab):
    done = kick(server, "--dovecot-config", lab.dir / "none", check=False)
    assert done.returncode == 69
    assert done.stderr.startswith("gatepost: doveconf fails: ")


@pytest.mark.parametrize("words", [["a@b@c"], ["one", "two"], ["--nonsense"]])
def test_wrong_command_line(server, words):
    assert kick(server, *words, check=False).returncode == 64


def test_help(server):
    assert "--dry-run" in kick(server, "--help").stdout
