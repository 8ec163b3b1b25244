"""What gatepost-policyd(8) says to write into main.cf and master.cf is written
there as it stands, and does what the page says. Only paths, the user and ports
are the lab's."""

import re
import shutil

import pytest

from gplab import common, dovecot, policyd, postfix

pytestmark = pytest.mark.policyd

PAGE = common.TREE / "postfix-policyd" / "gatepost-policyd.8"
README = common.TREE / "README"
RULES = """
* all=tls
off@example.com submission=off
implicit@example.com submission=implicit
old@example.com submission=cleartext
"""
USERS = {f"{name}@example.com": "secret"
         for name in ("alice", "off", "implicit", "old")}


def block(title):
    """The literal block of a section."""
    return re.search(rf"^\.Ss {re.escape(title)}\n\.Bd -literal\n(.*?)^\.Ed$",
                     PAGE.read_text(), re.M | re.S).group(1)


class AsWritten(postfix.Postfix):
    """A Postfix whose main.cf has nothing of ours but the page's lines."""

    def __init__(self, lab, main, master, **options):
        super().__init__(lab, **options)
        self.main, self.master = main, master
        self.ports = {service: lab.port()
                      for service in ("smtp", "submission", "submissions")}

    def write_config(self):
        base = postfix.MAIN.format(
            dir=self.dir, daemons=postfix.DAEMONS, cert=self.lab.cert,
            key=self.lab.key, transport=self.transport, timeout=self.timeout,
            policy="unix:none")
        base = re.sub(r"^(smtpd_relay_restrictions|policy_check|"
                      r"submission_restrictions|smtpd_sasl_auth_enable|"
                      r"smtpd_tls_security_level) =.*\n(?:[ \t].*\n)*", "",
                      base, flags=re.M)
        (self.etc / "main.cf").write_text(base + self.main)
        services = self.master
        for service, port in self.ports.items():
            services = re.sub(rf"^{service}\s+inet", f"{port} inet", services,
                              flags=re.M)
        internal = postfix.MASTER[postfix.MASTER.index("pickup unix"):]
        (self.etc / "master.cf").write_text(services + internal)


class Servers:
    def __init__(self, lab, main=None, master=None, daemon=True):
        self.lab = lab
        lab.compile(RULES)
        self.postfix = AsWritten(lab, main or block("main.cf"),
                                 master or block("master.cf"))
        self.policyd = policyd.Policyd(lab, str(self.postfix.policy_path))
        self.policyd.path = self.postfix.policy_path
        if daemon:
            self.policyd.start()
        self.dovecot = dovecot.Dovecot(
            lab, users=USERS, gatepost=False, protocols="",
            auth_sockets=[self.postfix.auth_socket]).start()
        self.postfix.start()

    def smtp(self, *args, **options):
        return postfix.Smtp(self.postfix, *args, **options)


@pytest.fixture
def make():
    """Starts servers with other lines than the page's, and ends them."""
    with common.Lab("postfix-manual") as lab:
        yield lambda **options: Servers(lab, **options)


@pytest.fixture
def servers(make):
    return make()


def test_as_written(servers):
    for user, service, tls, code, words in (
            ("alice", "submission", "starttls", 250, "queued"),
            ("alice", "submissions", "implicit", 250, "queued"),
            ("off", "submission", "starttls", 550, "5.7.1 "),
            ("off", "submissions", "implicit", 550, "5.7.1 "),
            ("implicit", "submission", "starttls", 550, "5.7.10 "),
            ("implicit", "submissions", "implicit", 250, "queued")):
        with servers.smtp(service, tls=tls, user=f"{user}@example.com") as smtp:
            assert smtp.auth.code == 235
            reply = smtp.send()
            assert reply.code == code and words in reply.text, (user, reply)
    # A client that has not logged in is told what is missing, wherever its
    # mail goes.
    with servers.smtp(tls="starttls") as smtp:
        smtp.mail()
        for recipient in ("bob@example.net", "bob@elsewhere.example"):
            reply = smtp.rcpt(recipient)
            assert reply.code == 530 and "5.7.0 " in reply.text
            assert "Authentication required" in reply.text
    with servers.smtp() as smtp:
        assert "AUTH" not in smtp.ehlo.text
        assert "STARTTLS" in smtp.mail().text


def test_mail_from_outside(servers):
    """Port 25 asks nobody: neither rules nor a stopped daemon bear on it."""
    def outside():
        for tls in (None, "starttls"):
            with servers.smtp("smtp", tls=tls) as smtp:
                assert "AUTH" not in smtp.ehlo.text
                assert smtp.send("x@elsewhere.example",
                                 "off@example.com").code == 250
                smtp.mail("off@example.com")
                reply = smtp.rcpt("x@elsewhere.example")
                assert reply.code == 554 and "Relay access" in reply.text

    outside()
    servers.policyd.stop()
    outside()
    with servers.smtp(tls="starttls", user="alice@example.com") as smtp:
        reply = smtp.send()
        assert reply.code == 451
        assert "4.3.0 " in reply.text
        assert "Policy service unavailable" in reply.text


def test_for_old_devices(make):
    """As the paragraph below master.cf says."""
    main = block("main.cf").replace("smtpd_tls_auth_only = yes",
                                    "smtpd_tls_auth_only = no")
    master = block("master.cf").replace("smtpd_tls_security_level=encrypt",
                                        "smtpd_tls_security_level=may")
    servers = make(main=main, master=master)
    for user, code in (("old", 250), ("alice", 530), ("implicit", 530)):
        with servers.smtp(user=f"{user}@example.com") as smtp:
            assert smtp.auth.code == 235
            reply = smtp.send()
            assert reply.code == code, (user, reply)
            assert code == 250 or "STARTTLS" in reply.text


def test_started_by_postfix_itself(make):
    program = "/usr/local/sbin/gatepost-policyd -S"
    service = block("Started by Postfix itself")
    assert program in service and "user=gatepost" in service
    main = block("main.cf").replace("unix:gatepost/policy",
                                    "unix:private/policyd")
    servers = make(main=main + "policyd_time_limit = 3600\n",
                   daemon=False, master=block("master.cf"))
    # The build folder may be closed to others.
    copy = servers.lab.dir / "gatepost-policyd"
    shutil.copy2(common.program("gatepost-policyd"), copy)
    servers.lab.write_conf()
    servers.postfix.master = block("master.cf") + service.replace(
        program, f"{copy} -S -c {servers.lab.conf}").replace(
        "user=gatepost", f"user={policyd.USER}")
    servers.postfix.reload()
    for user, code in (("alice", 250), ("off", 550)):
        with servers.smtp(tls="starttls", user=f"{user}@example.com") as smtp:
            assert smtp.send().code == code


def test_the_readme_says_the_same():
    """Its lines are of this page, but for those that it leaves out."""
    def words(text):
        return re.sub(r"\s+", " ", text)

    step = re.search(r"^ 4\. Postfix: (.*?)^    gatepost-policyd\(8\)",
                     README.read_text(), re.M | re.S).group(1)
    lines = [line.strip() for line in step.splitlines() if
             line.startswith("        ")]
    main = block("main.cf")
    check = re.search(r"^gatepost_check =(.*?)^(?=\w)", main, re.M | re.S)
    page = words(main.replace("$gatepost_check", check.group(1).strip()) +
                 block("master.cf"))
    assert len(lines) > 8
    for line in lines:
        assert words(line) in page, line
