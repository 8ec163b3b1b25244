"""Gatepost's own setting in dovecot.conf, from 2.4 on."""

import pytest

from gplab import clients, dovecot, releases

USERS = {"alice@open.example": "secret", "alice@shut.example": "secret"}

pytestmark = pytest.mark.skipif(
    not isinstance(releases.release(), releases.Dovecot24),
    reason="Dovecot 2.3 knows no settings of modules")


@pytest.fixture(scope="module")
def server(lab):
    lab.write_conf()
    lab.compile("* all=cleartext\nshut.example all=off\n")
    return dovecot.Dovecot(lab, users=USERS, protocols="imap").start()


def doveconf(server, *args):
    done = server.lab.run(server.in_namespace(
        ["doveconf", "-c", server.conf, *args]))
    return done.stdout


def test_shown_by_doveconf(lab, server):
    assert f"  gatepost_config = {lab.conf}\n" in doveconf(server, "-n")


def test_default_path(server):
    assert doveconf(server, "-h", "gatepost_config") == \
        "/etc/gatepost/gatepost.conf\n"


def test_set_once_for_all(lab, server):
    """Outside the block it holds for every gatepost passdb."""
    text = server.conf.read_text()
    line = f"  gatepost_config = {lab.conf}\n"
    assert line in text
    server.write_config = lambda: None
    server.conf.write_text(text.replace(line, "") + line.strip() + "\n")
    server.restart()
    answer = clients.login(server, "imap", "alice@shut.example", "secret")
    assert "[CONTACTADMIN]" in answer.line
    assert clients.login(server, "imap", "alice@open.example", "secret").ok
