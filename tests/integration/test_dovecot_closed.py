"""A map that cannot be read lets nobody in, and tells nobody whether his
password was right."""

import grp
import os
import re

import pytest

from gplab import clients, common, dovecot, releases

RULES = """
*             all=tls
open.example  all=cleartext
"""
USERS = {"alice@open.example": "secret"}
PROTOCOLS = ("imap", "pop3", "submission", "sieve")
MECHANISMS = ("PLAIN", "SASL-LOGIN", "CRAM-MD5", "SCRAM-SHA-256")
TEMPORARY = {
    "imap": r"a NO \[UNAVAILABLE\] Temporary authentication failure\..*",
    "pop3": r"-ERR \[SYS/TEMP\] Temporary authentication failure\..*",
    "submission": r"454 4\.7\.0 Temporary authentication failure\..*",
    "sieve": r'NO \(TRYLATER\) "Temporary authentication failure\..*"',
}


def login(server, protocol, password="secret", **options):
    return clients.login(server, protocol, "alice@open.example", password,
                         **options)


def without_time(line):
    """Dovecot puts host and time behind the text."""
    return re.sub(r"\[\S+:\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\]", "[]", line)


def assert_closed(server, protocol, **options):
    right = login(server, protocol, **options)
    wrong = login(server, protocol, "wrong", **options)
    assert re.fullmatch(TEMPORARY[protocol], right.line), right
    assert (without_time(right.line), right.steps) == \
        (without_time(wrong.line), wrong.steps)


def with_rules(options):
    """The passdbs, with options an administrator might have set."""
    return [releases.gatepost(**options), releases.users()]


@pytest.fixture(scope="module")
def no_map(lab):
    lab.write_conf()
    return dovecot.Dovecot(lab, users=USERS).start()


@pytest.mark.parametrize("mechanism", MECHANISMS)
@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_no_map(no_map, protocol, mechanism):
    assert_closed(no_map, protocol, mechanism=mechanism)


def test_no_map_over_tls(no_map):
    assert_closed(no_map, "imap", tls="implicit")


def test_no_map_on_the_auth_socket(no_map):
    with no_map.auth_client() as auth:
        for password in ("secret", "wrong"):
            reply = auth.smtp("alice@open.example", password)
            assert reply.kind == "FAIL"
            assert reply.fields["code"] == "temp_fail"
            assert "reason" not in reply.fields


def test_no_map_is_logged(no_map, lab):
    no_map.mark()
    login(no_map, "imap")
    no_map.wait_log(rf"auth: Error: gatepost: .*{lab.map}")


@pytest.mark.parametrize("options", [
    {"result_internalfail": "continue"},
    {"result_internalfail": "continue-ok"},
    {"result_internalfail": "return"},
    {"result_internalfail": "return-ok"},
    {"result_failure": "continue-ok", "result_success": "return-ok"},
])
def test_no_option_opens_it(lab, options):
    server = dovecot.Dovecot(lab, users=USERS, passdbs=with_rules(options),
                             protocols="imap")
    server.start()
    try:
        for mechanism in MECHANISMS:
            assert_closed(server, "imap", mechanism=mechanism)
    finally:
        server.stop()


def test_map_that_appears_is_taken(lab):
    """Nothing has to be restarted when the first map is compiled."""
    server = dovecot.Dovecot(lab, users=USERS, name="appears",
                             protocols="imap").start()
    assert not login(server, "imap").ok
    lab.compile(RULES)
    try:
        assert login(server, "imap").ok
    finally:
        server.stop()
        lab.map.unlink()


@pytest.fixture
def good(lab):
    """A server with a good map, for each way to spoil it."""
    lab.write_conf()
    lab.compile(RULES)
    server = dovecot.Dovecot(lab, users=USERS, name="spoiled",
                             protocols="imap")
    yield server
    server.stop()
    lab.map.unlink(missing_ok=True)


def wait_log_of_start(server, pattern):
    """What the auth process logs as it starts Dovecot's log process may keep
    until that process logs once more."""
    assert not clients.login(server, "imap", "bob@shut.example", "x").ok
    return server.wait_log(pattern)


def truncate(path):
    os.truncate(path, path.stat().st_size // 2)


def zero(path):
    path.write_bytes(bytes(path.stat().st_size))


def empty(path):
    os.truncate(path, 0)


def writable(path):
    path.chmod(0o666)


def foreign(path):
    os.chown(path, 8, 8)


@pytest.mark.parametrize("spoil", [truncate, zero, empty, writable, foreign])
def test_spoiled_map(good, lab, spoil):
    spoil(lab.map)
    good.start()
    for mechanism in MECHANISMS:
        assert_closed(good, "imap", mechanism=mechanism)
    good.wait_log(rf"auth: Error: gatepost: .*{lab.map}")


def test_map_lost_while_running(good, lab):
    """The last good rules hold as long as the process lives."""
    good.start()
    assert login(good, "imap").ok
    lab.map.unlink()
    for _ in range(3):
        assert login(good, "imap").ok
        assert not login(good, "imap", "wrong").ok
    lab.compile(RULES)


def test_bad_map_while_running(good, lab):
    good.start()
    assert login(good, "imap").ok
    bad = lab.dir / "bad.lmdb"
    bad.write_bytes(b"no map at all" * 1000)
    bad.chmod(0o644)
    bad.rename(lab.map)
    assert login(good, "imap").ok
    good.wait_log(rf"gatepost: .*{lab.map}")
    lab.compile(RULES.replace("all=cleartext", "all=off"))
    assert "[CONTACTADMIN]" in login(good, "imap").line


def test_map_that_only_root_can_read(good, lab):
    """Opened before the auth process drops root it serves, and the log says
    what will be missing and how to mend it."""
    lab.map.chmod(0o600)
    good.start()
    assert login(good, "imap").ok
    wait_log_of_start(good, r"auth: Error: gatepost: .*extra_groups")
    lab.map.chmod(0o644)


def test_message_with_line_breaks_never_gets_out(good, lab):
    """Such a message cannot be compiled; written into the map by force it
    makes that record damaged."""
    lab.compile(RULES + 'shut.example all=off '
                'message="one..a OK [CAPABILITY] two"\n')
    data = lab.map.read_bytes()
    assert data.count(b"one..a OK") == 1
    lab.map.write_bytes(data.replace(b"one..a OK", b"one\r\na OK"))
    good.start()
    with clients.Login(good, "imap") as client:
        answer = client.login("alice@shut.example", "secret")
        assert not answer.ok
        assert "CAPABILITY] two" not in answer.line
        assert client.wire.rest() == b""


@pytest.mark.parametrize("text, told", [
    (None, "No such file"),
    ("disclose = maybe\n", "disclose"),
    ("webmail_networks = 300.1.2.3\n", "300.1.2.3"),
])
def test_settings_that_cannot_be_read(good, lab, text, told):
    if text is None:
        lab.conf.unlink()
    else:
        lab.conf.write_text(text)
    conf_written = lab.write_conf
    lab.write_conf = lambda **_: lab.conf
    try:
        good.start()
        for mechanism in MECHANISMS:
            assert_closed(good, "imap", mechanism=mechanism)
        good.wait_log(rf"auth: Error: gatepost: .*{lab.conf}.*{told}")
    finally:
        lab.write_conf = conf_written
        lab.write_conf()


def test_unknown_setting_is_only_a_warning(good, lab):
    lab.conf.write_text(lab.conf.read_text() + "colour = blue\n")
    good.start()
    assert login(good, "imap").ok
    wait_log_of_start(good, rf"auth: Warning: gatepost: {lab.conf}.*colour")
    lab.write_conf()


def test_builtin_rule_where_it_is_asked_for(good, lab):
    lab.map.unlink()
    lab.write_conf(on_missing_map="builtin")
    good.start()
    assert "[PRIVACYREQUIRED]" in login(good, "imap").line
    assert login(good, "imap", tls="implicit").ok
    assert not login(good, "imap", "wrong", tls="implicit").ok
    lab.write_conf(on_missing_map=None)


def test_map_that_a_group_can_read(good, lab):
    """With extra_groups, as the log advises, the auth process takes over new
    maps that are not everybody's to read."""
    good.extra = "service auth {\n  extra_groups = mail\n}\n"
    os.chown(lab.map, 0, grp.getgrnam("mail").gr_gid)
    lab.map.chmod(0o640)
    good.start()
    assert login(good, "imap").ok
    assert "extra_groups" not in good.log()
    lab.write_rules(RULES.replace("all=cleartext", "all=off"))
    lab.run([common.program("gatemap"), "-c", lab.dir, lab.rules])
    assert lab.map.stat().st_mode & 0o777 == 0o640
    assert "[CONTACTADMIN]" in login(good, "imap").line
