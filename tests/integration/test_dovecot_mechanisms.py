"""The mechanisms that are not everywhere: those of 2.3 alone, and tokens of
OAuth. Whatever a client proves itself by, it is judged."""

import hashlib
import re

import pytest

from gplab import clients, common, dovecot, releases, tokens

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


def token_server(lab, signer, **options):
    return dovecot.Dovecot(
        lab, users=USERS, mechanisms="plain xoauth2 oauthbearer",
        protocols="imap", name="tokens",
        passdbs=[releases.gatepost(), releases.oauth2(signer),
                 releases.users()], **options).start()


@pytest.fixture(scope="module")
def with_tokens(lab, rules, signer):
    return token_server(lab, signer)


@pytest.fixture(scope="module")
def delayed_tokens(lab, rules, signer):
    return token_server(lab, signer, failure_delay="2 secs")


@pytest.mark.parametrize("mechanism", TOKENS)
def test_tokens(with_tokens, signer, mechanism):
    user = "alice@open.example"
    assert login(with_tokens, user, signer.token(user), mechanism).ok
    assert not login(with_tokens, user, signer.forged(user), mechanism).ok
    user = "alice@secure.example"
    assert login(with_tokens, user, signer.token(user), mechanism,
                 tls="implicit").ok


@pytest.mark.parametrize("mechanism", TOKENS)
def test_a_refused_token_is_not_told_from_a_forged_one(with_tokens, signer,
                                                       mechanism):
    """Dovecot 2.4 checks a token before it asks any passdb: there nobody is
    told why, or its owner alone would be."""
    for user, text in TOLD.items():
        right = login(with_tokens, user, signer.token(user), mechanism)
        forged = login(with_tokens, user, signer.forged(user), mechanism)
        assert not right.ok and (text in right.line) == OLD
        assert right.said == forged.said
        with_tokens.wait_log(rf"gatepost: refused: user=<{user}>.* "
                             rf"disclosed={'yes' if OLD else 'no'},")


@pytest.mark.parametrize("mechanism", TOKENS)
def test_a_token_refused_by_its_mailboxs_own_rule(with_tokens, signer,
                                                  mechanism):
    nobody = login(with_tokens, "nobody@open.example",
                   signer.forged("nobody@open.example"), mechanism)
    assert nobody.line == "a NO [AUTHENTICATIONFAILED] Authentication failed."
    for make in (signer.token, signer.forged):
        lone = login(with_tokens, "lone@open.example",
                     make("lone@open.example"), mechanism)
        assert lone.said == nobody.said


@pytest.mark.parametrize("mechanism", TOKENS)
def test_nor_is_it_on_the_auth_socket(with_tokens, signer, mechanism):
    user = "alice@shut.example"
    replies = []
    for make in (signer.token, signer.forged):
        sasl = clients.Sasl(mechanism, user, make(user))
        with with_tokens.auth_client() as auth:
            reply = auth.start(mechanism, response=sasl.initial(),
                               service="imap", rip=common.CLIENT)
            replies.append([reply.line])
            if reply.kind == "CONT":
                replies[-1].append(auth.cont(b"\1").line)
    assert replies[0] == replies[1]
    assert replies[0][-1].startswith("FAIL\t1\t")


@pytest.mark.parametrize("mechanism", TOKENS)
def test_a_refused_token_takes_as_long_as_a_forged_one(delayed_tokens, signer,
                                                       mechanism):
    """With Dovecot's own delay of failures, which only what is told goes
    without."""
    user = "alice@shut.example"
    for make in (signer.token, signer.forged):
        taken = [login(delayed_tokens, user, make(user), mechanism).seconds
                 for _ in range(3)]
        assert (min(taken) > 1) == (not OLD), (make, taken)


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
        assert answer.line.startswith("a NO [UNAVAILABLE] ")
        with_tokens.wait_log(r"gatepost: deferred: user=<alice@open\.example>")
    finally:
        away.rename(lab.map)
        with_tokens.restart()
    assert login(with_tokens, user, signer.token(user), mechanism).ok
