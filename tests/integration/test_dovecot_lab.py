"""The lab itself, with a stock Dovecot: that its clients are let in where
nobody refuses. Without this a test that expects a refusal proves nothing."""

import pytest

from gplab import clients, common, dovecot

USERS = {"alice@example.com": "secret"}
MECHANISMS = ("PLAIN", "SASL-LOGIN", "CRAM-MD5", "SCRAM-SHA-256")


@pytest.fixture(scope="module")
def stock(lab):
    lab.write_conf()
    return dovecot.Dovecot(lab, users=USERS, gatepost=False).start()


@pytest.mark.parametrize("tls", [None, "starttls", "implicit"])
@pytest.mark.parametrize("protocol", ["imap", "pop3", "submission", "sieve"])
def test_every_protocol_lets_in(stock, protocol, tls):
    if (protocol, tls) == ("sieve", "implicit"):
        tls = "starttls"
    answer = clients.login(stock, protocol, "alice@example.com", "secret",
                           tls=tls)
    assert answer.ok, answer
    answer = clients.login(stock, protocol, "alice@example.com", "wrong",
                           tls=tls)
    assert not answer.ok, answer


@pytest.mark.parametrize("mechanism", MECHANISMS)
@pytest.mark.parametrize("protocol", ["imap", "pop3", "submission", "sieve"])
def test_every_mechanism_lets_in(stock, protocol, mechanism):
    answer = clients.login(stock, protocol, "alice@example.com", "secret",
                           mechanism)
    assert answer.ok, answer
    answer = clients.login(stock, protocol, "alice@example.com", "wrong",
                           mechanism)
    assert not answer.ok, answer


def test_own_commands_let_in(stock):
    for protocol, command in (("imap", "LOGIN"), ("pop3", "USER")):
        answer = clients.login(stock, protocol, "alice@example.com",
                               "secret", command)
        assert answer.ok, answer


def test_library_clients_let_in(stock):
    with clients.Imap(stock.port("imap")) as imap:
        assert imap.login("alice@example.com", "secret")[0] == "OK"
    with clients.Imaps(stock.port("imaps")) as imap:
        assert imap.login("alice@example.com", "secret")[0] == "OK"
    for client in (clients.Pop3(stock.port("pop3")),
                   clients.Pop3s(stock.port("pop3s"))):
        client.user("alice@example.com")
        assert client.pass_("secret").startswith(b"+OK")
        client.quit()


@pytest.mark.parametrize("version", ["1.0", "1.1", "1.2", "1.3"])
def test_tls_versions(stock, version):
    answer = clients.login(stock, "imap", "alice@example.com", "secret",
                           tls="starttls", version=version)
    assert answer.ok, answer


def test_auth_socket_as_postfix_asks(stock):
    with stock.auth_client() as auth:
        assert "SCRAM-SHA-256" in auth.mechanisms
        assert auth.smtp("alice@example.com", "secret").kind == "OK"
        assert auth.smtp("alice@example.com", "wrong").kind == "FAIL"


def test_clients_are_not_local(stock):
    """From the server's own address a bare connection counts as secured;
    from the clients' it does not."""
    stock.mark()
    clients.login(stock, "imap", "alice@example.com", "secret")
    stock.wait_log(rf"rip={common.CLIENT}, lip={common.SERVER}, mpid=\d+, "
                   r"session")
    clients.login(stock, "imap", "alice@example.com", "secret",
                  source=common.SERVER)
    stock.wait_log(rf"rip={common.SERVER}, .*secured")


def test_lab_leaves_nothing():
    with common.Lab("gone") as other:
        server = dovecot.Dovecot(other, users=USERS, gatepost=False,
                                 protocols="").start()
        pids = [server.process.pid, *server.auth_processes()]
        folder = other.dir
    assert not folder.exists()
    common.wait_for(lambda: not any(_is_alive(pid) for pid in pids),
                    "end of the lab's processes")


def _is_alive(pid):
    try:
        with open(f"/proc/{pid}/stat", encoding="ascii") as stat:
            return stat.read().rsplit(")", 1)[1].split()[0] != "Z"
    except OSError:
        return False
