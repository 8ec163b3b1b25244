"""Real mail programs' sessions with a real Postfix: what the rules refuse is
refused, what they allow is sent, and no mail is lost over it."""

import os
import pathlib
import re
import shutil
import signal
import threading
import time

import pytest

from gplab import common, dovecot, policyd, postfix

pytestmark = pytest.mark.policyd

RULES = """
* all=tls
off@example.com all=off
clear@example.com submission=cleartext
implicit@example.com submission=implicit
new@example.com tls_min=1.3
net@example.com allow_nets=192.0.2.0/24,2001:db8:7::/48
trial@example.com submission=off mode=trial
webmail@example.com all=off webmail=tls
nomail@example.com submission=tls webmail=off
help@example.com submission=off message="Ask your admin"
printers.example all=tls unauthenticated_nets=127.0.0.6
"""
USERS = {f"{name}@example.com": "secret" for name in (
    "alice", "bob", "off", "clear", "implicit", "new", "net", "trial",
    "webmail", "nomail", "help")}
USERS["Alice.Upper@Example.COM"] = "secret"


class Servers:
    """Postfix, its Dovecot and the daemon, the recorder between them."""

    def __init__(self, lab, record=True, **options):
        self.lab = lab
        lab.compile(RULES)
        self.postfix = postfix.Postfix(lab, **options)
        self.policyd = policyd.Policyd(
            lab, None if record else str(self.postfix.policy_path))
        if not record:
            self.policyd.path = self.postfix.policy_path
        self.policyd.start()
        if record:
            self.recorder = policyd.Recorder(self.postfix.policy_path,
                                             self.policyd.path)
            lab.closers.append(self.recorder.close)
        self.dovecot = dovecot.Dovecot(
            lab, users=USERS, gatepost=False, protocols="lmtp",
            auth_sockets=[self.postfix.auth_socket]).start()
        self.postfix.transport = (f"lmtp:inet:{common.SERVER}:"
                                  f"{self.dovecot.port('lmtp')}")
        self.postfix.start()

    def smtp(self, *args, **options):
        return postfix.Smtp(self.postfix, *args, **options)

    def mails(self, user):
        """What lies in a mailbox, as text."""
        folder = self.lab.dir / "dovecot" / "mail" / user / "Maildir" / "new"
        return [path.read_text() for path in folder.glob("*")]


@pytest.fixture(scope="module")
def servers(lab):
    return Servers(lab)


@pytest.fixture(autouse=True)
def forget(servers):
    servers.recorder.clear()
    servers.policyd.mark()
    servers.postfix.mark()


# Who is let in


@pytest.mark.parametrize("options,code,words", [
    ({}, 530, "5.7.0 .*Authentication required"),
    ({"tls": "starttls"}, 530, "5.7.0 .*Authentication required"),
    ({"service": "submissions", "tls": "implicit"}, 530,
     "5.7.0 .*Authentication required"),
    ({"user": "alice"}, 530, "5.7.0 .*Must issue a STARTTLS command first"),
    ({"tls": "starttls", "user": "alice"}, 250, "queued"),
    ({"service": "submissions", "tls": "implicit", "user": "alice"}, 250,
     "queued"),
    ({"tls": "starttls", "user": "off"}, 550, "5.7.1 .*switched off"),
    ({"tls": "starttls", "user": "help"}, 550, "5.7.1 .*Ask your admin$"),
    ({"user": "clear"}, 250, "queued"),
    ({"tls": "starttls", "user": "implicit"}, 550, "5.7.10 .*STARTTLS"),
    ({"service": "submissions", "tls": "implicit", "user": "implicit"}, 250,
     "queued"),
    ({"tls": "starttls", "user": "net"}, 554, "5.7.1 .*network"),
    ({"tls": "starttls", "user": "trial"}, 250, "queued"),
    ({"tls": "starttls", "user": "nomail"}, 250, "queued"),
    ({"tls": "starttls", "user": "webmail"}, 550, "5.7.1 .*switched off"),
    ({"service": "webmail", "tls": "starttls", "user": "webmail"}, 250,
     "queued"),
    ({"service": "webmail", "tls": "starttls", "user": "nomail"}, 550,
     "5.7.1 .*switched off"),
    ({"service": "webmail", "tls": "starttls"}, 530,
     "5.7.0 .*Authentication required"),
])
def test_submission(servers, options, code, words):
    options = dict(options)
    if "user" in options:
        options["user"] += "@example.com"
    with servers.smtp(**options) as smtp:
        if "user" in options:
            assert smtp.auth.code == 235
        reply = smtp.send()
    assert reply.code == code
    assert re.search(words, reply.text)
    if code == 250:
        assert "status=sent" in servers.postfix.wait_sent(reply.queue_id)


@pytest.mark.parametrize("version,user,code", [
    (version, user, 250 if version >= least else 550)
    for version in ("1.0", "1.1", "1.2", "1.3")
    for user, least in (("alice", "1.2"), ("new", "1.3"))
])
def test_tls_versions(servers, version, user, code):
    with servers.smtp(tls="starttls", version=version,
                      user=f"{user}@example.com") as smtp:
        reply = smtp.send()
    assert reply.code == code
    if code == 550:
        assert reply.text.startswith("5.7.10 ")
    asked = servers.recorder.requests()[-1][0]["encryption_protocol"]
    assert asked == ("TLSv1" if version == "1.0" else f"TLSv{version}")


def test_the_sender_of_an_authenticated_client_plays_no_part(servers):
    with servers.smtp(tls="starttls", user="alice@example.com") as smtp:
        assert smtp.send(sender="off@example.com").code == 250
        assert smtp.send(sender="").code == 250
    with servers.smtp(tls="starttls", user="off@example.com") as smtp:
        assert smtp.send(sender="alice@example.com").code == 550


def test_names_are_normalised(servers):
    with servers.smtp(tls="starttls", user="Off@EXAMPLE.com") as smtp:
        # Dovecot's own idea of case is its business; the rule holds anyway.
        assert smtp.auth.code == 235
        assert smtp.send().code == 550


def test_printers_without_auth(servers):
    for source, sender, code in (
            ("127.0.0.6", "scan@printers.example", 530),
            ("127.0.0.6", "", 530),
            ("127.0.0.6", "alice@example.com", 530),
            (common.CLIENT, "scan@printers.example", 530)):
        with servers.smtp(source=source) as smtp:
            reply = smtp.send(sender=sender)
        assert reply.code == code
        expected = ("STARTTLS" if (source, sender) == (
            "127.0.0.6", "scan@printers.example") else "Authentication")
        assert expected in reply.text
    with servers.smtp(source="127.0.0.6", tls="starttls") as smtp:
        # Gatepost lets it go on, and Postfix delivers to its own domain.
        assert smtp.send(sender="scan@printers.example").code == 250


def test_swaks_sends_as_the_rules_say(servers, lab):
    port = servers.postfix.port("submission")
    auth = ("--auth", "PLAIN", "--auth-user", "alice@example.com",
            "--auth-password", "secret", "--from", "alice@example.com")
    assert postfix.swaks(lab, port, "--tls", *auth).returncode == 0
    done = postfix.swaks(lab, port, *auth)
    assert done.returncode != 0 and "530 5.7.0" in done.stdout
    done = postfix.swaks(lab, port, "--tls-protocol", "tlsv1", "--tls",
                         "--tls-cipher", "ALL:@SECLEVEL=0", *auth)
    assert done.returncode != 0 and "550 5.7.10" in done.stdout


# Mail from outside


def test_mail_for_a_mailbox_that_is_off_is_delivered(servers):
    with servers.smtp("smtp") as smtp:
        reply = smtp.send("someone@elsewhere.example", "off@example.com")
    assert reply.code == 250
    assert "status=sent" in servers.postfix.wait_sent(reply.queue_id)
    common.wait_for(lambda: servers.mails("off@example.com"), "the mail")
    assert servers.recorder.requests() == []


# XCLIENT


@pytest.mark.parametrize("address,code", [
    ("192.0.2.77", 250), ("192.0.3.1", 554), ("IPV6:2001:db8:7::1", 250),
    ("IPV6:2001:db8:8::1", 554), ("[UNAVAILABLE]", 554),
])
def test_networks(servers, address, code):
    if address.startswith("IPV6") and not common.has_ipv6():
        pytest.skip("Postfix knows no IPv6 address on a machine without")
    with servers.smtp("xclient", xclient={"ADDR": address}, tls="starttls",
                      user="net@example.com") as smtp:
        assert smtp.xclient.code == 220
        reply = smtp.send()
    assert reply.code == code


def test_a_name_from_xclient_was_judged_before(servers):
    def send(user, address="192.0.2.77"):
        with servers.smtp("xclient", xclient={
                "ADDR": address, "LOGIN": user}) as smtp:
            return smtp.send()

    # In cleartext, from the proxy to Postfix.
    assert send("alice@example.com").code == 250
    assert send("new@example.com").code == 250
    assert send("implicit@example.com").code == 250
    assert send("off@example.com").code == 550
    assert send("net@example.com").code == 250
    assert send("net@example.com", "192.0.3.1").code == 554
    asked = servers.recorder.requests()[-1][0]
    assert asked["sasl_method"] == "XCLIENT"
    assert asked["client_address"] == "192.0.3.1"


# The facts of the reference, as this Postfix has them


def test_requests_as_postfix_sends_them(servers):
    with servers.smtp(tls="starttls", user="alice@example.com") as smtp:
        assert smtp.mail().code == 250
        for name in ("bob", "off", "clear"):
            assert smtp.rcpt(f"{name}@example.com").code == 250
    asked = servers.recorder.requests()
    # One per recipient, not per message.
    assert [request["recipient"] for request, _, _ in asked] == [
        "bob@example.com", "off@example.com", "clear@example.com"]
    request, reply, whole = asked[0]
    assert reply == "DUNNO"
    assert 400 < len(whole) < 1000
    expected = {
        "request": "smtpd_access_policy", "protocol_state": "RCPT",
        "client_address": common.CLIENT, "server_address": common.SERVER,
        "server_port": str(servers.postfix.port("submission")),
        "sender": "alice@example.com", "sasl_username": "alice@example.com",
        "sasl_method": "plain", "encryption_protocol": "TLSv1.3",
        "policy_context": "submission"}
    for name, value in expected.items():
        assert request[name].lower() == value.lower(), name


def test_one_connection_for_many_sessions(servers):
    before = len(servers.recorder.connections)
    for _ in range(10):
        with servers.smtp(tls="starttls", user="alice@example.com") as smtp:
            assert smtp.mail().code == 250
            assert smtp.rcpt().code == 250
    assert len(servers.recorder.requests()) == 10
    # smtpd processes, not sessions, have connections.
    assert len(servers.recorder.connections) - before <= 2


@pytest.mark.parametrize("sender", [
    "a=b@example.com", '"a b=c"@example.com', "UPPER@Example.COM",
    "a\x01\x1b[2Jb@example.com", "\u00e9@example.com",
])
def test_odd_senders(servers, sender):
    with servers.smtp(tls="starttls", user="off@example.com") as smtp:
        smtp.client.command_encoding = "utf-8"
        extra = "" if sender.isascii() else " SMTPUTF8"
        reply = smtp.command(f"MAIL FROM:<{sender}>{extra}")
        if reply.code != 250:
            # What Postfix itself does not take is never asked about.
            assert not servers.recorder.requests()
            return
        assert smtp.rcpt().code == 550
    sent = servers.recorder.requests()[-1][0]["sender"]
    assert sent.replace('"', "") in (
        sender.replace('"', ""),
        sender.encode().decode("ascii", "surrogateescape"))
    servers.policyd.wait_log("cause=off")
    log = servers.policyd.log_path.read_bytes()
    assert all(byte == 10 or 32 <= byte <= 126 for byte in log)


def test_smtpd_is_chrooted(servers):
    roots = set()
    for status in pathlib.Path("/proc").glob("[0-9]*/cmdline"):
        try:
            if status.read_text().startswith("smtpd\0"):
                roots.add(os.readlink(status.parent / "root"))
        except OSError:
            continue
    assert str(servers.postfix.spool) in roots


def test_a_trial_is_in_both_logs(servers):
    with servers.smtp(tls="starttls", user="trial@example.com") as smtp:
        assert smtp.send().code == 250
    servers.postfix.wait_log(
        r"info: RCPT from .*would reject: 550 5\.7\.1 ")
    servers.policyd.wait_log("would be refused: user=<trial@example.com>")


def test_a_refusal_ends_no_session_and_no_password(servers):
    with servers.smtp(tls="starttls", user="off@example.com") as smtp:
        assert smtp.send().code == 550
        assert smtp.command("NOOP").code == 250
        assert smtp.rcpt("clear@example.com").code == 550
    log = servers.postfix.wait_log(r"disconnect from").string
    # fail2ban's stock filter bans at these.
    assert "Client host rejected" not in log


def test_vrfy_needs_auth_too(servers):
    with servers.smtp(tls="starttls") as smtp:
        assert smtp.command("VRFY bob@example.com").code == 530
    assert servers.recorder.requests()[-1][0]["protocol_state"] == "VRFY"
    with servers.smtp(tls="starttls", user="alice@example.com") as smtp:
        assert smtp.command("VRFY bob@example.com").code == 252


# While it runs


def test_a_changed_rule_is_in_force_at_the_next_request(servers, lab):
    with servers.smtp(tls="starttls", user="alice@example.com") as smtp:
        assert smtp.send().code == 250
        lab.compile(RULES + "alice@example.com submission=off\n")
        try:
            assert smtp.send().code == 550
            with servers.smtp(tls="starttls",
                              user="alice@example.com") as other:
                assert other.send().code == 550
        finally:
            lab.compile(RULES)
        smtp.command("RSET")
        assert smtp.send().code == 250


# Without the recorder, which would hide restarts


@pytest.fixture(scope="module")
def direct():
    with common.Lab("direct") as lab:
        yield Servers(lab, record=False, check="both", extra="""
smtpd_data_restrictions = $policy_check
smtpd_end_of_data_restrictions = $policy_check
smtpd_etrn_restrictions = $policy_check
""", outside=True, timeout="2s")


def test_the_daemons_socket_is_where_a_chrooted_smtpd_finds_it(direct):
    with direct.smtp(tls="starttls", user="alice@example.com") as smtp:
        assert smtp.send().code == 250


def test_the_check_at_every_state(direct):
    with direct.smtp(tls="starttls", user="alice@example.com") as smtp:
        assert smtp.mail().code == 250
        # With two recipients, none is named at DATA.
        assert smtp.rcpt("bob@example.com").code == 250
        assert smtp.rcpt("clear@example.com").code == 250
        assert smtp.data().code == 250
    with direct.smtp("smtp") as smtp:
        assert smtp.send("a@elsewhere.example", "off@example.com").code == 250


def test_check_in_relay_restrictions_tells_what_is_missing(direct):
    with direct.smtp(tls="starttls") as smtp:
        assert smtp.mail().code == 250
        reply = smtp.rcpt("someone@elsewhere.example")
    assert reply.code == 530 and "Authentication required" in reply.text


def test_check_in_recipient_restrictions_leaves_it_to_postfix(servers):
    with servers.smtp(tls="starttls") as smtp:
        assert smtp.mail().code == 250
        reply = smtp.rcpt("someone@elsewhere.example")
    assert reply.code == 554 and "Relay access denied" in reply.text


def test_a_restart_costs_a_second_and_no_mail(direct):
    with direct.smtp(tls="starttls", user="alice@example.com") as smtp, \
            direct.smtp(tls="starttls", user="off@example.com") as other:
        assert smtp.send().code == 250
        assert other.send().code == 550
        direct.policyd.restart()
        begun = time.monotonic()
        assert smtp.send().code == 250
        assert time.monotonic() - begun < 5
        other.command("RSET")
        assert other.send().code == 550


def test_killed_and_started_anew(direct):
    with direct.smtp(tls="starttls", user="alice@example.com") as smtp:
        assert smtp.send().code == 250
        direct.policyd.process.signal(signal.SIGKILL)
        direct.policyd.stop()
        direct.policyd.start()
        assert smtp.send().code == 250


def test_reloaded_in_the_middle_of_mail(direct):
    with direct.smtp(tls="starttls", user="alice@example.com") as smtp:
        assert smtp.mail().code == 250
        assert smtp.rcpt().code == 250
        direct.policyd.reload()
        reply = smtp.data()
        assert reply.code == 250
    assert "status=sent" in direct.postfix.wait_sent(reply.queue_id)


def test_stopped_defers_and_loses_no_mail(direct):
    with direct.smtp(tls="starttls", user="alice@example.com") as smtp:
        assert smtp.mail().code == 250
        assert smtp.rcpt().code == 250
        direct.policyd.stop()
        try:
            # Nothing that was asked about is taken without an answer.
            reply = smtp.data()
            assert reply.code == 451
            assert "Policy service unavailable" in reply.text
            smtp.command("RSET")
            assert smtp.mail().code == 250
            assert smtp.rcpt().code == 451
        finally:
            direct.policyd.start()
        smtp.command("RSET")
        # The mail program still has it, and now it goes out.
        reply = smtp.send()
        assert reply.code == 250
    assert "status=sent" in direct.postfix.wait_sent(reply.queue_id)
    common.wait_for(lambda: direct.postfix.queue() == [], "an empty queue")


def test_hung_defers(direct):
    process = direct.policyd.process
    with direct.smtp(tls="starttls", user="alice@example.com") as smtp:
        assert smtp.mail().code == 250
        process.signal(signal.SIGSTOP)
        try:
            reply = smtp.rcpt()
        finally:
            process.signal(signal.SIGCONT)
        assert reply.code == 451
        assert smtp.rcpt().code == 250
        assert smtp.data().code == 250


def send_until(servers, done, user, replies):
    """One mail after the other, in sessions of five."""
    while not done.is_set():
        with servers.smtp(tls="starttls", user=f"{user}@example.com") as smtp:
            for _ in range(5):
                replies.append(smtp.send())
                smtp.command("RSET")


def test_whatever_happens_to_the_daemon_in_the_middle_of_mail(direct):
    """No mail is lost, none let through that the rules refuse, and none is
    refused for good that they allow."""
    replies = {"alice": [], "clear": [], "off": [], "implicit": []}
    done = threading.Event()
    senders = [threading.Thread(target=send_until, args=(
        direct, done, user, replies[user])) for user in replies]
    for sender in senders:
        sender.start()
    try:
        for _ in range(2):
            time.sleep(1)
            direct.policyd.restart()
            direct.policyd.process.signal(signal.SIGHUP)
            time.sleep(1)
            direct.policyd.process.signal(signal.SIGKILL)
            direct.policyd.stop()
            time.sleep(1)
            direct.policyd.start()
            time.sleep(1)
            direct.policyd.process.signal(signal.SIGSTOP)
            # Postfix tries twice, for two seconds each, with one between.
            time.sleep(7)
            direct.policyd.process.signal(signal.SIGCONT)
    finally:
        done.set()
        for sender in senders:
            sender.join(120)
    codes = {user: {reply.code for reply in mine}
             for user, mine in replies.items()}
    for user, final in (("alice", 250), ("clear", 250), ("off", 550),
                        ("implicit", 550)):
        assert final in codes[user] and codes[user] <= {final, 451}, codes
    assert any(451 in found for found in codes.values()), "nothing happened"
    for reply in replies["alice"] + replies["clear"]:
        if reply.code == 250:
            assert "status=sent" in direct.postfix.wait_sent(reply.queue_id)
    common.wait_for(lambda: direct.postfix.queue() == [], "an empty queue")


def test_without_a_map_mail_from_outside_passes(direct):
    lab = direct.lab
    kept = lab.map.with_name("kept")
    lab.map.rename(kept)
    try:
        direct.policyd.restart()
        with direct.smtp(tls="starttls", user="alice@example.com") as smtp:
            reply = smtp.send()
        assert reply.code == 451 and "4.3.0" in reply.text
        with direct.smtp("smtp") as smtp:
            reply = smtp.send("a@elsewhere.example", "off@example.com")
        assert reply.code == 250
        assert "status=sent" in direct.postfix.wait_sent(reply.queue_id)
    finally:
        kept.rename(lab.map)
    with direct.smtp(tls="starttls", user="alice@example.com") as smtp:
        assert smtp.send().code == 250


def test_spawned_by_postfix():
    with common.Lab("spawn") as lab:
        lab.compile(RULES)
        program = lab.dir / "gatepost-policyd"
        # The build folder may be closed to others.
        shutil.copy2(common.program("gatepost-policyd"), program)
        server = postfix.Postfix(lab, "unix:private/policyd", services=f"""
policyd unix - n n - 0 spawn
  user={policyd.USER} argv={program} -S -c {lab.conf}
""")
        dovecot.Dovecot(lab, users=USERS, gatepost=False, protocols="",
                        auth_sockets=[server.auth_socket]).start()
        server.start()
        for user, code in (("alice", 250), ("off", 550), ("help", 550)):
            with postfix.Smtp(server, tls="starttls",
                              user=f"{user}@example.com") as smtp:
                assert smtp.send().code == code
