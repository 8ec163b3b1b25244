"""What both doors do by themselves while they run: lines begin and end at their
second, with no compile and no reload; a trial stands in the logs with its line;
and settings that differ from the map's count for nothing."""

import time

import pytest

from gplab import common, dovecot, policyd, releases

# What time(2) may lag behind.
LAG = 0.05


@pytest.fixture(scope="module")
def doors(lab):
    lab.write_conf(disclose="mailbox")
    lab.compile("* all=tls\n")
    server = dovecot.Dovecot(
        lab, passdbs=[releases.gatepost(), releases.static(
            {"nopassword": "y"})], protocols="", penalty=False)
    return server.start(), policyd.Policyd(lab).start()


def ask_auth(auth, name):
    """Let in or not."""
    return auth.plain(name, "secret", "nologin", service="submission",
                      lip=common.SERVER, rip=common.CLIENT,
                      secured="tls").kind == "OK"


def ask_policy(client, name):
    return client.login(name, tls="TLSv1.2")[0] != "5"


def at_second(boundary):
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(boundary))


def compile_before(lab, rules):
    """Compiles rules(when), where that second comes soon, but surely after
    some answers. Returns it."""
    for ahead in (4, 8, 16, 32):
        boundary = int(time.time()) + ahead
        lab.compile(rules(at_second(boundary)))
        if time.time() < boundary - 2:
            return boundary
    raise common.LabError("no rules compiled within 30 s")


def switches(ask, names, boundary):
    """Asks for each name in turn, again and again, until a little after that
    second. Returns the answers that surely fell before it, and after it, by
    name."""
    before = {name: set() for name in names}
    after = {name: set() for name in names}
    while time.time() < boundary + 0.5 or not all(after.values()):
        for name in names:
            asked = time.time()
            answer = ask(name)
            if time.time() < boundary:
                before[name].add(answer)
            elif asked >= boundary + LAG:
                after[name].add(answer)
        time.sleep(0.005)
    return before, after


def test_lines_begin_and_end_at_their_second(doors, lab):
    server, daemon = doors
    boundary = compile_before(lab, lambda when: (
        "* all=tls\n"
        f"begins@a.test submission=off from={when}\n"
        f"ends@a.test submission=off until={when}\n"
        f"profile:late submission=off from={when}\n"
        "profile@a.test profile=late\n"
        f"locked.test submission=off lock from={when}\n"
        "own@locked.test submission=tls\n"))
    compiled = lab.map.stat()
    names = ("begins@a.test", "ends@a.test", "profile@a.test",
             "own@locked.test")
    with server.auth_client() as auth, daemon.client() as client:
        before, after = switches(
            lambda name: (ask_auth(auth, name), ask_policy(client, name)),
            names, boundary)
    allowed, refused = {(True, True)}, {(False, False)}
    assert before == {"begins@a.test": allowed, "ends@a.test": refused,
                      "profile@a.test": allowed, "own@locked.test": allowed}
    assert after == {"begins@a.test": refused, "ends@a.test": allowed,
                     "profile@a.test": refused, "own@locked.test": refused}
    assert lab.map.stat() == compiled


def test_a_trial_begins_and_ends_at_its_second(doors, lab):
    """It lets in all the time, and tells from the second on."""
    server, daemon = doors
    boundary = compile_before(lab, lambda when: (
        "* all=tls\n"
        f"begins@a.test submission=off mode=trial from={when}\n"
        f"ends@a.test submission=off mode=trial until={when}\n"))
    names = ("begins@a.test", "ends@a.test")
    with daemon.client() as client:
        before, after = switches(
            lambda name: client.login(name).split()[0], names, boundary)
    assert before == {"begins@a.test": {"DUNNO"}, "ends@a.test": {"INFO"}}
    assert after == {"begins@a.test": {"INFO"}, "ends@a.test": {"DUNNO"}}
    server.mark()
    with server.auth_client() as auth:
        assert all(ask_auth(auth, name) for name in names)
    server.wait_log("would be refused: user=<begins@a.test>")
    assert "ends@a.test" not in server.log()


TRIAL = """\
profile:sales submission=trusted trusted_nets=none mode=trial
* all=tls
* tls_min=1.3 mode=trial
bob@a.test profile=sales
locked.test submission=off lock mode=trial
carol@locked.test submission=tls tls_min=1.2
refused.test submission=off
refused.test submission=tls mode=trial
"""


@pytest.mark.parametrize("name, cause, rule, line", [
    ("alice@a.test", "tls_version", "*", 3),
    ("bob@a.test", "network", "profile:sales", 1),
    ("carol@locked.test", "off", "locked.test", 5)])
def test_a_trial_is_in_the_logs_with_its_line(doors, lab, name, cause, rule,
                                              line):
    server, daemon = doors
    lab.compile(TRIAL)
    words = (f"would be refused: user=<{name}>, service=submission, "
             f"cause={cause}, rule=<{rule}>, "
             f"file=<{lab.rules}>, line={line}, ")
    server.mark()
    daemon.mark()
    with server.auth_client() as auth, daemon.client() as client:
        reply = auth.plain(name, "secret", "nologin", service="submission",
                           lip=common.SERVER, rip=common.CLIENT,
                           secured="tls")
        assert reply.kind == "OK"
        assert client.login(name, tls="TLSv1.2").startswith("INFO would ")
    for door in (server, daemon):
        common.wait_for(lambda: words in door.log(), words)


def test_a_trial_weakens_nothing(doors, lab):
    server, daemon = doors
    lab.compile(TRIAL)
    with server.auth_client() as auth, daemon.client() as client:
        assert not ask_auth(auth, "x@refused.test")
        assert not ask_policy(client, "x@refused.test")


def test_settings_other_than_the_maps(doors, lab):
    """Names are read as when the map was compiled, whatever gatepost.conf says
    since: rules and names are of one state."""
    server, daemon = doors
    lab.write_conf(default_domain="a.test", recipient_delimiter="+")
    lab.compile("* all=tls\na.test submission=off\n"
                "carol@b.test submission=off\n")
    lab.write_conf(default_domain="b.test", recipient_delimiter="-")
    server.restart()
    daemon.restart()
    expected = {"alice": False, "carol@b.test": False, "carol": False,
                "carol+tag@b.test": False, "carol-tag@b.test": True}
    try:
        with server.auth_client() as auth, daemon.client() as client:
            for name, allowed in expected.items():
                assert ask_auth(auth, name) == allowed, name
                assert ask_policy(client, name) == allowed, name
    finally:
        lab.write_conf(default_domain=None, recipient_delimiter=None)
