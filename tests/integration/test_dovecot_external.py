"""Clients that prove who they are by a certificate."""

import pytest

from gplab import clients, dovecot

RULES = """
*                    all=tls
shut.example         all=off
lone@open.example    all=off
"""
NAMES = ("alice@open.example", "alice@shut.example", "lone@open.example",
         "nobody@open.example")
USERS = {name: "::::::nopassword" for name in NAMES[:3]}
EXTERNAL = """
auth_ssl_username_from_cert = yes
ssl_verify_client_cert = yes
ssl_require_crl = no
ssl_ca = <{dir}/../ca.pem
"""


@pytest.fixture(scope="module")
def certificates(lab):
    return {name: lab.make_client_certificate(name) for name in NAMES}


@pytest.fixture(scope="module")
def server(lab, certificates):
    lab.write_conf()
    lab.compile(RULES)
    server = dovecot.Dovecot(lab, users=USERS, mechanisms="external plain",
                             extra=EXTERNAL, protocols="imap")
    server.write_users = lambda users=None: _write_users(server)
    return server.start()


def _write_users(server):
    """Without passwords: the certificate is proof enough."""
    path = server.dir / "users"
    path.write_text("".join(f"{name}:{fields}\n"
                            for name, fields in server.users.items()))
    path.chmod(0o644)


def login(server, certificates, name, tls="implicit", **options):
    return clients.login(server, "imap", "", "", "EXTERNAL", tls=tls,
                         certificate=certificates[name], **options)


@pytest.mark.parametrize("tls", ["starttls", "implicit"])
def test_certificate(server, certificates, tls):
    assert login(server, certificates, "alice@open.example", tls).ok
    answer = login(server, certificates, "alice@shut.example", tls)
    assert answer.line.startswith("a NO [CONTACTADMIN] ")


def test_undisclosed(server, certificates):
    lone = login(server, certificates, "lone@open.example")
    nobody = login(server, certificates, "nobody@open.example")
    assert not lone.ok
    assert (lone.line, lone.steps) == (nobody.line, nobody.steps)


def test_another_name_than_the_certificates(server, certificates):
    """The certificate's name counts, not the one the client asks for."""
    answer = login(server, certificates, "alice@shut.example",
                   authzid="alice@open.example")
    assert not answer.ok


def test_no_map(server, certificates, lab):
    away = lab.dir / "away"
    lab.map.rename(away)
    server.restart()
    try:
        answer = login(server, certificates, "alice@open.example")
        assert "[UNAVAILABLE]" in answer.line
    finally:
        away.rename(lab.map)
        server.restart()
