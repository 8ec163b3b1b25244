"""What can happen within one session with a real Postfix: a rule that changes
between two commands, STARTTLS after AUTH, and clients over IPv6."""

import pytest

from gplab import clients, common, dovecot, policyd, postfix

pytestmark = pytest.mark.policyd

RULES = """
* all=tls
off@example.com all=off
clear@example.com submission=cleartext
six@example.com allow_nets=::1
four@example.com allow_nets=127.0.0.0/8
"""
USERS = {f"{name}@example.com": "secret"
         for name in ("alice", "off", "clear", "six", "four")}
# The check at all states.
MAIN = """
smtpd_data_restrictions = $policy_check
smtpd_end_of_data_restrictions = $policy_check
smtpd_etrn_restrictions = $policy_check
"""
SIX = """
[::1]:{port} inet n - n - - smtpd
  -o smtpd_sasl_auth_enable=yes
  -o smtpd_policy_service_policy_context=submission
  -o {relay}
  -o {recipient}
"""


@pytest.fixture(scope="module")
def server(lab):
    lab.compile(RULES)
    made = postfix.Postfix(lab, check="both", extra=MAIN)
    if common.has_ipv6():
        port = lab.port("::1")
        made.services = SIX.format(port=port, relay=postfix.RELAY,
                                   recipient=postfix.RECIPIENT)
    daemon = policyd.Policyd(lab, str(made.policy_path))
    daemon.path = made.policy_path
    daemon.start()
    dovecot.Dovecot(lab, users=USERS, gatepost=False, protocols="",
                    auth_sockets=[made.auth_socket]).start()
    made.start()
    if common.has_ipv6():
        made.ports["six"] = port
    return made


@pytest.fixture
def switch_off(server):
    """What takes alice the right to send, until the test ends."""
    lab = server.lab
    yield lambda: lab.compile(RULES + "alice@example.com submission=off\n")
    lab.compile(RULES)


def session(server, user, **options):
    return postfix.Smtp(server, tls="starttls", user=f"{user}@example.com",
                        **options)


def test_switched_off_between_two_recipients(server, switch_off):
    with session(server, "alice") as smtp:
        assert smtp.mail().code == 250
        assert smtp.rcpt("bob@example.com").code == 250
        switch_off()
        assert smtp.rcpt("carol@example.com").code == 550
        # Nor does bob get the mail.
        assert smtp.data().code == 550


def test_switched_off_before_the_last_dot(server, switch_off):
    with session(server, "alice") as smtp:
        assert smtp.mail().code == 250
        assert smtp.rcpt().code == 250
        assert smtp.command("DATA").code == 354
        switch_off()
        reply = smtp.lines("Subject: test\n\n.\n")
    assert reply.code == 550 and "switched off" in reply.text


def test_switched_off_before_bdat(server, switch_off):
    chunk = "BDAT 15 LAST\nSubject: test\n"
    with session(server, "alice") as smtp:
        assert smtp.mail().code == 250
        assert smtp.rcpt().code == 250
        assert smtp.lines(chunk).code == 250
        assert smtp.mail().code == 250
        assert smtp.rcpt().code == 250
        switch_off()
        reply = smtp.lines(chunk)
    assert reply.code == 550 and "switched off" in reply.text


def test_starttls_forgets_who_has_authenticated(server):
    with postfix.Smtp(server, user="clear@example.com") as smtp:
        assert smtp.send().code == 250
        smtp.start_tls(clients.tls_context(None))
        assert smtp.mail().code == 250
        assert smtp.rcpt().code == 530
        assert smtp.command("RSET").code == 250
        assert smtp.login("off@example.com").code == 235
        assert smtp.send().code == 550


def test_who_has_authenticated_stays_who_he_is(server):
    with session(server, "off") as smtp:
        assert smtp.login("alice@example.com").code == 503
        assert smtp.send().code == 550


def test_etrn_is_judged(server):
    with session(server, "off") as smtp:
        assert smtp.command("ETRN example.com").code == 550
    with postfix.Smtp(server, tls="starttls") as smtp:
        assert smtp.command("ETRN example.com").code == 530


class OverIpv6(postfix.Smtp):
    """A session whose client is ::1."""

    def connect(self, port, _source):
        self.client.source_address = ("::1", 0)
        self.client.connect("::1", port)


@pytest.mark.parametrize("user,code,code_over_ipv6", [
    ("alice", 250, 250), ("six", 554, 250), ("four", 250, 554),
])
def test_clients_over_ipv6(server, user, code, code_over_ipv6):
    if not common.has_ipv6():
        pytest.skip("Postfix cannot listen on ::1 on a machine without")
    with session(server, user) as smtp:
        assert smtp.send().code == code
    with OverIpv6(server, "six", tls="starttls",
                  user=f"{user}@example.com") as smtp:
        assert smtp.send().code == code_over_ipv6
