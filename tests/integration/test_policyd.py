"""The policy daemon alone, over its own sockets: what it says to requests that
no Postfix would send, where it listens, and by which settings."""

import grp
import os
import pwd
import signal
import socket
import stat

import pytest

from gplab import common, policyd

pytestmark = pytest.mark.policyd

RULES = """
* all=tls
off@example.com all=off
clear@example.com submission=cleartext
"""

as_root = pytest.mark.skipif(os.geteuid() != 0, reason="needs root")


@pytest.fixture
def lab():
    with common.Lab("policyd") as made:
        made.compile(RULES)
        yield made


@pytest.fixture
def daemon(lab):
    return policyd.Policyd(lab).start()


# Requests and replies


def test_judges(daemon):
    with daemon.client() as client:
        assert client.login("alice@example.com") == "DUNNO"
        assert client.login("alice@example.com", tls="").startswith(
            "530 5.7.0 Must issue a STARTTLS command first")
        assert client.login("clear@example.com", tls="") == "DUNNO"
        assert client.login("off@example.com").startswith("550 5.7.1 ")
        assert client.login("a@b@c").startswith("550 5.7.1 ")
        assert client.ask().startswith("530 5.7.0 Authentication required")


def test_before_auth_nothing_is_refused(daemon):
    with daemon.client() as client:
        for state in ("CONNECT", "EHLO", "HELO", "MAIL"):
            assert client.ask(protocol_state=state) == "DUNNO"
            assert client.login("off@example.com",
                                protocol_state=state).startswith("550")
        for state in ("RCPT", "DATA", "END-OF-MESSAGE", "VRFY", "ETRN"):
            assert client.ask(protocol_state=state,
                              recipient="").startswith("530 5.7.0 ")
            assert client.login("alice@example.com", recipient="",
                                protocol_state=state) == "DUNNO"


def test_mail_from_outside_is_let_through(daemon):
    with daemon.client() as client:
        for state in ("CONNECT", "EHLO", "HELO", "MAIL", "RCPT", "DATA",
                      "END-OF-MESSAGE", "VRFY", "ETRN"):
            for context in ("", None, "inbound"):
                assert client.ask(protocol_state=state, server_port="25",
                                  policy_context=context,
                                  recipient="off@example.com",
                                  sender="off@example.com") == "DUNNO"
        assert client.login("off@example.com", server_port="25",
                            policy_context="").startswith("550")


def test_what_is_left_out_makes_it_stricter(daemon):
    with daemon.client() as client:
        assert client.login("alice@example.com",
                            tls=None).startswith("530")
        assert client.ask(protocol_state=None).startswith("530")
        assert client.login("alice@example.com", client_address=None,
                            server_address=None, policy_context=None,
                            server_port=None, sender=None,
                            recipient=None) == "DUNNO"


def test_one_reply_per_request_and_never_a_byte_more(daemon):
    with daemon.client() as client:
        assert client.is_silent()
        whole = policyd.request(sasl_username="alice@example.com",
                                encryption_protocol="TLSv1.2")
        for byte in whole[:-1]:
            client.send(bytes([byte]))
        assert client.is_silent()
        client.send(whole[-1:])
        assert client.reply() == "DUNNO"
        assert client.is_silent()
        client.send(whole * 50)
        for _ in range(50):
            assert client.reply() == "DUNNO"
        assert client.is_silent()


@pytest.mark.parametrize("data", [
    b"GET / HTTP/1.0\r\n\r\n",
    b"\n",
    b"request=junk\n\n",
    policyd.request().replace(b"stress=\n", b"stress=\0\n"),
    policyd.request().replace(b"stress=\n", b"sasl_username=x\n"),
    policyd.request().replace(b"stress=\n", b"stress\n"),
    b"x" * 20000,
])
def test_what_is_no_request_is_closed_without_a_reply(daemon, data):
    with daemon.client() as client:
        client.send(data)
        assert client.is_closed()
    daemon.wait_log("A policy connection is closed: ")
    with daemon.client() as client:
        assert client.login("alice@example.com") == "DUNNO"


def test_nothing_sent_is_logged_raw(lab):
    daemon = policyd.Policyd(lab, options=["-v"]).start()
    evil = "x\r\x1b[2J\x07\"<>\\ \udcff\u00e9=y"
    with daemon.client() as client:
        reply = client.login("off@example.com", sender=evil, recipient=evil,
                             helo_name=evil)
        assert reply.startswith("550")
        reply = client.login(evil, sender=evil, recipient=evil,
                             client_address=evil)
        assert reply.startswith("550")
        assert client.ask(sender=evil).startswith("530")
    daemon.wait_log("cause=unauthenticated")
    raw = daemon.log_path.read_bytes()
    assert all(byte == 10 or 32 <= byte <= 126 for byte in raw)
    assert b"\\x1b[2J" in raw


def test_a_refusal_is_one_line_of_the_log(daemon):
    daemon.mark()
    with daemon.client() as client:
        client.login("off@example.com")
        client.login("alice@example.com")
    daemon.wait_log("cause=off")
    lines = daemon.log().splitlines()
    assert len(lines) == 1
    for part in ("refused: user=<off@example.com>", "service=submission",
                 "cause=off", "rule=<off@example.com>", "line=3",
                 f"rip={common.CLIENT}", "tls=TLSv1.3"):
        assert part in lines[0]


def test_one_mailbox_does_not_fill_the_log(daemon):
    daemon.mark()
    with daemon.client() as client:
        for _ in range(500):
            assert client.login("off@example.com").startswith("550")
        assert client.login("alice@example.com", tls="").startswith("530")
    assert daemon.stop() == 0
    lines = [line for line in daemon.log().splitlines()
             if "off@example.com" in line]
    assert len(lines) == 11
    assert "490 more lines like this were left out" in lines[-1]
    assert "user=<alice@example.com>" in daemon.log()


def test_a_changed_rule_is_in_force_at_the_next_request(lab, daemon):
    with daemon.client() as client:
        assert client.login("alice@example.com") == "DUNNO"
        lab.compile(RULES + "alice@example.com submission=off\n")
        assert client.login("alice@example.com").startswith("550")
        lab.compile(RULES)
        assert client.login("alice@example.com") == "DUNNO"


def test_a_request_that_ends_after_the_change_sees_it(lab, daemon):
    """However many stand in the same turn of the loop."""
    whole = policyd.request(sasl_username="off@example.com",
                            encryption_protocol="TLSv1.3")
    clients = [daemon.client() for _ in range(50)]
    for number in range(6):
        for client in clients:
            client.send(whole[:100])
        lab.compile("* all=tls\n" if number % 2 == 0 else RULES)
        for client in clients:
            client.send(whole[100:])
        for client in clients:
            assert client.reply().startswith(
                "DUNNO" if number % 2 == 0 else "550")
    for client in clients:
        client.close()


def test_a_trial_lets_in_and_tells_postfix(lab, daemon):
    lab.compile(RULES + "alice@example.com submission=off mode=trial\n")
    with daemon.client() as client:
        assert client.login("alice@example.com").startswith(
            "INFO would reject: 550 5.7.1 ")
    daemon.wait_log("would be refused: user=<alice@example.com>")


def test_without_a_map_only_mail_from_outside_passes(lab):
    lab.map.unlink()
    daemon = policyd.Policyd(lab).start()
    with daemon.client() as client:
        assert client.login("alice@example.com").startswith("451 4.3.0 ")
        assert client.ask().startswith("451 4.3.0 ")
        assert client.ask(protocol_state="EHLO") == "DUNNO"
        assert client.ask(policy_context="", server_port="25") == "DUNNO"
        daemon.wait_log(str(lab.map))
        lab.compile(RULES)
        assert client.login("alice@example.com") == "DUNNO"


def test_a_damaged_map_leaves_the_last_good_one(lab, daemon):
    with daemon.client() as client:
        assert client.login("off@example.com").startswith("550")
        new = lab.dir / "new"
        new.write_bytes(b"junk" * 4096)
        new.chmod(0o644)
        new.rename(lab.map)
        assert client.login("off@example.com").startswith("550")
        assert client.login("alice@example.com") == "DUNNO"
        daemon.wait_log(str(lab.map))


# Sockets


def test_several_listeners(lab):
    other = lab.dir / "other" / "policy"
    ports = [lab.port(), lab.port()]
    daemon = policyd.Policyd(
        lab, f"unix:{other}, inet:127.0.0.1:{ports[0]} "
        f"inet:localhost:{ports[1]}").start()
    for where in (other, *(("127.0.0.1", port) for port in ports)):
        with policyd.Client(where) as client:
            assert client.login("alice@example.com") == "DUNNO"
    assert daemon.stop() == 0
    assert not other.exists()


def test_ipv6(lab):
    if not common.has_ipv6():
        pytest.skip("this machine has no ::1")
    port = lab.port("::1")
    policyd.Policyd(lab, f"inet:[::1]:{port}").start()
    with policyd.Client(("::1", port)) as client:
        assert client.login("off@example.com").startswith("550")


@as_root
@pytest.mark.parametrize("umask", ["022", "077", "000"])
def test_root_is_given_up_and_postfix_let_in(lab, umask):
    daemon = policyd.Policyd(lab).start(
        wrapper=["sh", "-c", f'umask {umask}; exec "$@"', "sh"])
    user = pwd.getpwnam(policyd.USER)
    pid = daemon.process.pid
    assert set(policyd.status_of(pid, "Uid")) == {str(user.pw_uid)}
    assert set(policyd.status_of(pid, "Gid")) == {str(user.pw_gid)}
    assert policyd.status_of(pid, "CapEff") == ["0000000000000000"]
    group = grp.getgrnam("postfix").gr_gid
    for path, mode in ((daemon.path.parent, 0o750), (daemon.path, 0o660)):
        info = path.stat()
        assert stat.S_IMODE(info.st_mode) == mode
        assert (info.st_uid, info.st_gid) == (user.pw_uid, group)


def test_a_socket_left_behind_is_replaced(daemon):
    daemon.process.signal(signal.SIGKILL)
    daemon.stop()
    assert daemon.path.is_socket()
    daemon.start()
    with daemon.client() as client:
        assert client.login("alice@example.com") == "DUNNO"


def test_a_socket_in_use_is_left_alone(daemon):
    done = policyd.run(daemon, "-f")
    assert done.returncode == 69
    assert "another process listens" in done.stderr
    with daemon.client() as client:
        assert client.login("alice@example.com") == "DUNNO"


def test_a_file_in_the_way_is_left_alone(lab):
    path = lab.write("precious", "text")
    lab.write_conf(policy_socket=path)
    done = policyd.run(policyd.Policyd(lab), "-f")
    assert done.returncode == 69
    assert str(path) in done.stderr and "is no socket" in done.stderr
    assert path.read_text() == "text"


@pytest.mark.parametrize("name,words", [
    ("relative/path", "policy_socket"),
    ("inet:127.0.0.1", "policy_socket"),
    ("inet:no.such.host.invalid:1", "policy_socket"),
    ("/no/such/folder/policy", "/no/such/folder"),
    ("/" + "x" * 120, "policy_socket"),
])
def test_a_wrong_socket_is_told(lab, name, words):
    lab.write_conf(policy_socket=name)
    done = policyd.run(policyd.Policyd(lab), "-f")
    assert done.returncode in (69, 78)
    assert words in done.stderr


# Settings


def test_commands_manners(lab):
    daemon = policyd.Policyd(lab)
    assert policyd.run(daemon, "--help").returncode == 0
    done = policyd.run(daemon, "--version")
    assert done.returncode == 0 and "gatepost-policyd" in done.stdout
    assert policyd.run(daemon, "--nonsense").returncode == 64
    assert policyd.run(daemon, "argument").returncode == 64


def test_missing_or_wrong_settings_end_the_start(lab):
    daemon = policyd.Policyd(lab)
    lab.conf.unlink()
    done = policyd.run(daemon, "-f")
    assert done.returncode == 66
    assert str(lab.conf) in done.stderr
    lab.write_conf(max_clients="many")
    for options in (["-f"], []):
        done = policyd.run(daemon, *options)
        assert done.returncode == 78
        assert f"{lab.conf}:3: error: max_clients" in done.stderr


def test_an_unknown_setting_is_a_warning(lab):
    lab.write_conf(no_such_setting="x")
    daemon = policyd.Policyd(lab).start()
    assert "no_such_setting" in daemon.output()


@as_root
def test_an_unknown_user_ends_the_start(lab):
    lab.write_conf(policy_socket=lab.dir / "p")
    for options in (["-u", "no-such-user"], ["-g", "no-such-group"]):
        done = policyd.run(policyd.Policyd(lab), "-f", *options)
        assert done.returncode == 67
        assert options[1] in done.stderr


def test_reload_keeps_connections(lab, daemon):
    with daemon.client() as client:
        assert client.login("alice@example.com") == "DUNNO"
        assert client.ask(policy_context="mua") == "DUNNO"
        lab.write_conf(submission_contexts="mua")
        assert client.ask(policy_context="mua") == "DUNNO"
        daemon.reload()
        assert client.ask(policy_context="mua").startswith("530")

        lab.write_conf(submission_contexts="submission", max_clients="many")
        daemon.reload()
        assert f"{lab.conf}:" in daemon.log()
        assert client.ask(policy_context="mua").startswith("530")

        lab.write_conf(submission_contexts="submission", max_clients="5")
        daemon.reload()
        assert client.ask(policy_context="mua") == "DUNNO"


def test_reload_takes_another_map(lab, daemon):
    with daemon.client() as client:
        assert client.login("alice@example.com") == "DUNNO"
        lab.rules.rename(lab.dir / "rules.old")
        lab.rules, lab.map = lab.dir / "rules2", lab.dir / "rules2.lmdb"
        lab.write_conf()
        lab.compile("* all=off\n")
        assert client.login("alice@example.com") == "DUNNO"
        daemon.reload()
        assert client.login("alice@example.com").startswith("550")
