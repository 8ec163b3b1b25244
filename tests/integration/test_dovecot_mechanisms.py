"""The mechanisms that are not everywhere: those of 2.3 alone, and tokens of
OAuth. Whatever a client proves itself by, it is judged."""

import hashlib
import re

import pytest

from gplab import clients, dovecot, releases, tokens

RULES = """
*                    all=tls
open.example         all=cleartext
shut.example         all=off
lone@open.example    all=off
"""
NAMES = [f"alice@{domain}.example" for domain in ("secure", "open", "shut")]
USERS = {name: "secret" for name in [*NAMES, "lone@open.example"]}
OLD = not isinstance(releases.release(), releases.Dovecot24)
PASSWORDS = ["SCRAM-SHA-1"] + ["DIGEST-MD5", "APOP"] * OLD
TOKENS = ["XOAUTH2", "OAUTHBEARER"]
TOLD = {"alice@secure.example": "without encryption",
        "alice@shut.example": "switched off"}


@pytest.fixture(scope="module")
def rules(lab):
    lab.write_conf()
    lab.compile(RULES)


@pytest.fixture(scope="module")
def server(lab, rules):
    mechanisms = "plain scram-sha-1" + " digest-md5 apop" * OLD
    return dovecot.Dovecot(lab, users=USERS, mechanisms=mechanisms,
                           protocols="imap pop3").start()


def apop(server, user, password):
    with clients.Login(server, "pop3") as client:
        stamp = re.search("<.*>", client.greeting).group(0)
        proof = hashlib.md5((stamp + password).encode()).hexdigest()
        line = client.command(f"APOP {user} {proof}")
        return clients.Answer(line.startswith("+OK"), line, 0, [], 0)


def login(server, user, password, mechanism, **options):
    if mechanism == "APOP":
        return apop(server, user, password)
    return clients.login(server, "imap", user, password, mechanism,
                         **options)


@pytest.mark.parametrize("mechanism", PASSWORDS)
def test_passwords(server, mechanism):
    assert login(server, "alice@open.example", "secret", mechanism).ok
    assert not login(server, "alice@open.example", "wrong", mechanism).ok
    for user, text in TOLD.items():
        right = login(server, user, "secret", mechanism)
        wrong = login(server, user, "wrong", mechanism)
        assert text in right.line
        assert (right.line, right.steps) == (wrong.line, wrong.steps)
    nobody = login(server, "nobody@open.example", "secret", mechanism)
    for password in ("secret", "wrong"):
        lone = login(server, "lone@open.example", password, mechanism)
        assert not lone.ok
        assert (lone.line, lone.steps) == (nobody.line, nobody.steps)


@pytest.fixture(scope="module")
def signer(lab):
    return tokens.Tokens(lab)


@pytest.fixture(scope="module")
def with_tokens(lab, rules, signer):
    return dovecot.Dovecot(
        lab, users=USERS, mechanisms="plain xoauth2 oauthbearer",
        protocols="imap", name="tokens",
        passdbs=[releases.gatepost(), releases.oauth2(signer),
                 releases.users()]).start()


@pytest.mark.parametrize("mechanism", TOKENS)
def test_tokens(with_tokens, signer, mechanism):
    """Dovecot 2.4 checks a token before it asks any passdb, so that there only
    its owner is told."""
    user = "alice@open.example"
    assert login(with_tokens, user, signer.token(user), mechanism).ok
    assert not login(with_tokens, user, signer.forged(user), mechanism).ok
    for user, text in TOLD.items():
        right = login(with_tokens, user, signer.token(user), mechanism)
        forged = login(with_tokens, user, signer.forged(user), mechanism)
        assert text in right.line and not forged.ok
        assert not OLD or right.line == forged.line
    for make in (signer.token, signer.forged):
        lone = login(with_tokens, "lone@open.example",
                     make("lone@open.example"), mechanism)
        assert lone.line == ("a NO [AUTHENTICATIONFAILED] "
                             "Authentication failed.")
    user = "alice@secure.example"
    assert login(with_tokens, user, signer.token(user), mechanism,
                 tls="implicit").ok


@pytest.mark.parametrize("mechanism", TOKENS)
def test_somebody_elses_token(with_tokens, signer, mechanism):
    """Neither the name in the token nor the one beside it gets round the
    rules."""
    for user, owner in (("alice@open.example", "alice@shut.example"),
                        ("alice@shut.example", "alice@open.example")):
        assert not login(with_tokens, user, signer.token(owner),
                         mechanism).ok


@pytest.mark.parametrize("mechanism", TOKENS)
def test_tokens_without_map(lab, with_tokens, signer, mechanism):
    """Even where the token was found good before."""
    user = "alice@open.example"
    away = lab.dir / "away"
    lab.map.rename(away)
    try:
        with_tokens.restart()
        answer = login(with_tokens, user, signer.token(user), mechanism)
        assert not answer.ok
        with_tokens.wait_log(r"gatepost: deferred: user=<alice@open\.example>")
    finally:
        away.rename(lab.map)
        with_tokens.restart()
    assert login(with_tokens, user, signer.token(user), mechanism).ok
