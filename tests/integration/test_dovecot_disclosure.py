"""What a client may learn that has not proven its password: of a mailbox's
own rule nothing. It gets what a name that does not exist gets."""

import re
import statistics

import pytest

from gplab import clients, common, dovecot, releases

RULES = """
*                    all=cleartext
lone@open.example    all=off
lone@shut.example    all=off message="Just for this one"
shut.example         all=off
"""
USERS = {"lone@open.example": "secret", "lone@shut.example": "secret",
         "alice@open.example": "secret", "alice@shut.example": "secret"}
PROTOCOLS = ("imap", "pop3", "submission", "sieve")
MECHANISMS = ("PLAIN", "SASL-LOGIN", "CRAM-MD5", "SCRAM-SHA-256")


@pytest.fixture(scope="module")
def rules(lab):
    lab.write_conf()
    lab.compile(RULES)


@pytest.fixture(scope="module")
def server(lab, rules):
    return dovecot.Dovecot(lab, users=USERS).start()


@pytest.fixture(scope="module")
def delayed(lab, rules):
    """With Dovecot's own delay of failures."""
    return dovecot.Dovecot(lab, users=USERS, name="delayed",
                           failure_delay="2 secs", protocols="imap").start()


def without_challenges(answer):
    """What was said, the random parts of challenges left out."""
    return [re.sub(r"^(\+|334|\") ?.*", r"\1", line) for line in answer.said
            if not re.match(r"\* OK|\+OK .*ready|220|250|\"\w+\" |OK \"Dov",
                            line)]


def shape(answer):
    return (answer.line, answer.steps, without_challenges(answer))


@pytest.mark.parametrize("mechanism", MECHANISMS)
@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_own_rule_looks_like_no_mailbox(server, protocol, mechanism):
    nobody = clients.login(server, protocol, "nobody@open.example", "secret",
                           mechanism)
    assert not nobody.ok
    for password in ("secret", "wrong"):
        lone = clients.login(server, protocol, "lone@open.example", password,
                             mechanism)
        assert shape(lone) == shape(nobody)


def test_own_commands(server):
    for protocol, command in (("imap", "LOGIN"), ("pop3", "USER")):
        nobody = clients.login(server, protocol, "nobody@open.example",
                               "secret", command)
        lone = clients.login(server, protocol, "lone@open.example", "secret",
                             command)
        assert shape(lone) == shape(nobody)


def test_the_log_has_the_true_cause(server):
    server.mark()
    clients.login(server, "imap", "lone@open.example", "secret")
    line = server.wait_log(r".*gatepost: refused: .*").group(0)
    for part in ("cause=off", "rule=<lone@open.example>", "disclosed=no"):
        assert part in line


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_a_domains_rule_is_told_as_the_domains(server, protocol):
    """The mailbox's own message would tell that it has a rule."""
    lone = clients.login(server, protocol, "lone@shut.example", "secret")
    nobody = clients.login(server, protocol, "nobody@shut.example", "secret")
    assert "switched off" in lone.line
    assert lone.line == nobody.line


def test_postfix_learns_no_reason(server):
    with server.auth_client() as auth:
        lone = auth.smtp("lone@open.example", "secret")
        nobody = auth.smtp("nobody@open.example", "secret")
        assert lone.kind == nobody.kind == "FAIL"
        assert "reason" not in lone.fields
        assert "nodelay" not in lone.fields


@pytest.mark.parametrize("later", [
    {}, {"skip": "never", "result_success": "continue-ok"},
])
def test_no_later_passdb_lets_in(lab, rules, later):
    server = dovecot.Dovecot(
        lab, users=USERS, protocols="imap",
        passdbs=[releases.gatepost(),
                 releases.static({"nopassword": "y"}, **later)]).start()
    try:
        for user in ("lone@open.example", "alice@shut.example"):
            assert not clients.login(server, "imap", user, "secret").ok
        assert clients.login(server, "imap", "alice@open.example", "x").ok
    finally:
        server.stop()


def test_not_even_one_that_has_accepted_before(lab, rules):
    """continue-ok in front makes of every failure behind it a success; of
    this one it must not."""
    front = releases.static({"nopassword": "y"}, result_success="continue-ok")
    server = dovecot.Dovecot(
        lab, users=USERS, name="front", protocols="imap",
        passdbs=[front, releases.gatepost()]).start()
    for user in ("lone@open.example", "alice@shut.example"):
        assert not clients.login(server, "imap", user, "secret").ok
    assert clients.login(server, "imap", "alice@open.example", "x").ok
    lab.map.rename(lab.dir / "away")
    server.restart()
    try:
        answer = clients.login(server, "imap", "alice@open.example", "x")
        assert "[UNAVAILABLE]" in answer.line
    finally:
        (lab.dir / "away").rename(lab.map)


@pytest.mark.parametrize("mechanism", ["PLAIN", "CRAM-MD5", "SCRAM-SHA-256"])
def test_times_are_alike(delayed, mechanism):
    """A refusal that is not told takes as long as an unknown name."""
    kinds = {"own": ("lone@open.example", "secret"),
             "own, wrong": ("lone@open.example", "wrong"),
             "nobody": ("nobody@open.example", "secret")}
    # What is not by chance is there every time.
    for _ in range(3):
        taken = _take_turns(delayed, mechanism, kinds, 3)
        assert min(taken["own"]) > 1
        medians = [statistics.median(times) for times in taken.values()]
        # Failures are answered every half second.
        if max(medians) - min(medians) < 0.75:
            return
    pytest.fail(f"{taken}")


def _take_turns(server, mechanism, kinds, rounds):
    """All in turn, so that a busy machine is as busy for each."""
    taken = {kind: [] for kind in kinds}
    for _ in range(rounds):
        for kind, login in kinds.items():
            taken[kind].append(clients.login(server, "imap", *login,
                                             mechanism).seconds)
    return taken


@pytest.mark.measures
@pytest.mark.parametrize("mechanism", [*MECHANISMS, "LOGIN"])
def test_the_password_takes_no_time_when_told(server, mechanism):
    """A refusal that is told comes as fast for a wrong password."""
    _assert_alike(server, mechanism, {
        "told": ("alice@shut.example", "secret"),
        "told, wrong": ("alice@shut.example", "wrong")})


@pytest.mark.measures
@pytest.mark.parametrize("mechanism", [*MECHANISMS, "LOGIN"])
def test_the_password_takes_no_time_when_not_told(server, mechanism):
    """One that is not told comes as fast for a wrong password, and as for an
    unknown name."""
    # Dovecot answers failures at its next half second, so that what a login
    # takes depends on what the one before it took: that is a failure too.
    clients.login(server, "imap", "nobody@open.example", "secret", mechanism)
    _assert_alike(server, mechanism, {
        "own": ("lone@open.example", "secret"),
        "own, wrong": ("lone@open.example", "wrong"),
        "nobody": ("nobody@open.example", "secret")})


def _assert_alike(server, mechanism, kinds):
    for _ in range(4):
        taken = _take_turns(server, mechanism, kinds, 7)
        if _are_alike(list(taken.values())):
            return
    pytest.fail(f"{taken}")


def _are_alike(taken):
    medians = [statistics.median(times) for times in taken]
    quartiles = [statistics.quantiles(times) for times in taken]
    noise = max(third - first for first, _, third in quartiles) + 0.005
    return max(medians) - min(medians) < noise


def test_disclose_mailbox_and_none(lab, rules):
    lab.write("tell-all.conf", f"map = {lab.map}\ndisclose = mailbox\n")
    lab.write("tell-none.conf", f"map = {lab.map}\ndisclose = none\n")
    for name, told in (("tell-all", True), ("tell-none", False)):
        block = releases.gatepost(lab.dir / f"{name}.conf")
        server = dovecot.Dovecot(lab, users=USERS, name=name,
                                 protocols="imap",
                                 passdbs=[block, releases.users()])
        server.start()
        for user in ("lone@open.example", "alice@shut.example"):
            answer = clients.login(server, "imap", user, "secret",
                                   source=common.CLIENT)
            assert ("[CONTACTADMIN]" in answer.line) == told, answer
        server.stop()
