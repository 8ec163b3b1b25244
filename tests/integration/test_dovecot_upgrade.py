"""Modules that do not fit the Dovecot that loads them, or are missing: nobody
is let in, and the log says why."""

import pytest

from gplab import clients, dovecot

USERS = {"alice@open.example": "secret"}


@pytest.fixture
def server(lab):
    lab.write_conf()
    lab.compile("* all=cleartext\n")
    made = dovecot.Dovecot(lab, users=USERS, login_plugin=True,
                           protocols="imap")
    yield made
    made.stop()


def change_modules(server, change):
    """Changes the server's copies of the modules before it starts."""
    fill = server._fill_modules

    def filled():
        folders = fill()
        change()
        return folders

    server._fill_modules = filled


def of_another_abi(path):
    """The same length: only the number is another one."""
    data = path.read_bytes()
    at = data.index(b".ABIv") + len(b".ABIv")
    other = b"7" if data[at:at + 1] == b"8" else b"8"
    path.write_bytes(data[:at] + other + data[at + 1:])


def missing(path):
    path.unlink()


AUTH = "auth-modules/libauthdb_gatepost.so"
LOGIN = "login-modules/libgatepost_login.so"


def try_to_log_in(server):
    """Whether it succeeds, whatever else happens."""
    try:
        return clients.login(server, "imap", "alice@open.example",
                             "secret").ok
    except OSError:
        return False


@pytest.mark.parametrize("name, spoil, told", [
    (AUTH, of_another_abi, "auth: Fatal: .*different ABI version"),
    (AUTH, missing, "auth: (Fatal|Error): .*[Uu]nknown passdb driver"),
    (LOGIN, of_another_abi, "imap-login: Fatal: .*different ABI version"),
    (LOGIN, missing, "imap-login: Fatal: .*gatepost_login"),
])
def test_nobody_gets_in(server, name, spoil, told):
    change_modules(server, lambda: spoil(server.dir / name))
    server._wait_until_up = lambda: None
    server.start()
    server.lab.wait_port(server.port("imap"), server.process)
    assert not try_to_log_in(server)
    server.wait_log(told)


def test_counterpart(server):
    server.start()
    assert try_to_log_in(server)
