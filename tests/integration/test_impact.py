"""What "gatepost impact" says before a switch is what happens after it: fifty
mailboxes log in in ten ways at a real Dovecot and a real Postfix, and those it
names, and no others, fail when the strict rules are put in force. The lines it
writes for exceptions let exactly them in again."""

import json
import re

import pytest

from gplab import clients, common, dovecot, policyd, postfix, releases

OPEN = "* clients=cleartext webmail=cleartext\n"
STRICT = """* all=tls tls_min=1.2 help=https://help.example.com/mail
b.example pop3=off
c.example allow_nets=127.0.0.5
d.example submission=implicit
e.example clients=trusted trusted_nets=127.0.0.5 tls_min=1.3
"""
DOMAINS = "abcde"
OTHER = "127.0.0.6"
FORMAT_23 = ("login_log_format_elements = user=<%u> method=%m rip=%r lip=%l "
             "mpid=%e %c %k session=<%{session}>\nimap_id_log = *\n")
FORMAT_24 = ("login_log_format_elements = user=<%{user}> method=%{mechanism} "
             "rip=%{remote_ip} lip=%{local_ip} mpid=%{mail_pid} %{secured} "
             "%{ssl_security} session=<%{session}>\n")

# Service, how, TLS, from where.
WAYS = [
    ("imap", None, None, common.CLIENT),
    ("imap", "starttls", "1.3", common.CLIENT),
    ("imap", "implicit", "1.2", OTHER),
    ("imap", "starttls", "1.0", common.CLIENT),
    ("pop3", None, None, OTHER),
    ("pop3", "implicit", "1.3", common.CLIENT),
    ("submission", None, None, common.CLIENT),
    ("submission", "starttls", "1.3", common.CLIENT),
    ("submission", "implicit", "1.2", OTHER),
    ("sieve", "starttls", "1.1", common.CLIENT),
]


def mailbox(number, name="user"):
    return f"{name}{number}@{DOMAINS[number // 10]}.example"


def way(number):
    return WAYS[number % 10]


def dovecot_is_24():
    return isinstance(releases.release(), releases.Dovecot24)


class Servers:
    """Both servers with both doors."""

    def __init__(self, lab):
        self.lab = lab
        names = [mailbox(i, name) for i in range(50)
                 for name in ("user", "other")]
        lab.compile(OPEN)
        self.postfix = postfix.Postfix(lab)
        self.dovecot = dovecot.Dovecot(
            lab, users={name: "secret" for name in names}, login_plugin=True,
            auth_sockets=[self.postfix.auth_socket],
            extra=FORMAT_24 if dovecot_is_24() else FORMAT_23).start()
        self.policyd = policyd.Policyd(lab, str(self.postfix.policy_path))
        self.policyd.path = self.postfix.policy_path
        self.policyd.start()
        self.postfix.start()

    def login(self, number, name="user"):
        """Whether that mailbox is let in, the way it is used to."""
        service, tls, version, source = way(number)
        user = mailbox(number, name)
        if service == "submission":
            return self.send(user, tls, version, source)
        with clients.Login(self.dovecot, service, source, tls,
                           version) as client:
            if service == "imap":
                client.command('ID ("name" "Fifty Mail" "version" "1.0")')
            return client.login(user, "secret").ok

    def send(self, user, tls, version, source):
        service = "submissions" if tls == "implicit" else "submission"
        with postfix.Smtp(self.postfix, service, tls=tls, user=user,
                          version=version, source=source) as smtp:
            return smtp.auth.ok and smtp.send(sender=user).ok

    def wait_sessions(self, count):
        """Postfix's log is written by another process."""
        common.wait_for(lambda: len(re.findall(
            r"disconnect from .* auth=1 ", self.postfix.log())) >= count,
            "the end of all sessions in Postfix's log")

    def failing(self, name="user"):
        return {i for i in range(50) if not self.login(i, name)}

    def logs(self):
        return [self.dovecot.log_path, self.postfix.log_path]

    def gatepost(self, command, *args, status=(0, 1), **options):
        done = self.lab.run([common.program("gatepost"), command, "-c",
                             self.lab.conf, *args], check=False, **options)
        assert done.returncode in status, (done.returncode, done.stderr)
        return done

    def impact(self, *args):
        return self.gatepost("impact", *args, *self.logs())


@pytest.fixture(scope="module")
def servers(lab):
    return Servers(lab)


def names_of(rows, state="refused"):
    return {(row["mailbox"], row["service"]) for row in rows
            if row["state"] == state}


class Switch:
    """The whole story once: what was said, and what then came."""

    def __init__(self, servers, lab):
        self.before = servers.failing()
        self.strict = lab.write("strict", STRICT)
        servers.wait_sessions(15)
        done = servers.impact("-f", self.strict, "--json")
        self.status, self.said = done.returncode, json.loads(done.stdout)
        self.lines = servers.impact("-f", self.strict, "--set").stdout
        self.notices = servers.impact("-f", self.strict, "--notice").stdout
        lab.compile(STRICT)
        self.failed = servers.failing()
        exceptions = lab.write("exceptions", self.lines)
        lab.write_conf(journal=lab.dir / "journal")
        with open(exceptions, encoding="utf-8") as stdin:
            servers.gatepost("set", "-", status=(0,), stdin=stdin)
        self.rules = lab.rules.read_text()
        self.still_failing = servers.failing()
        self.others_failing = servers.failing("other")


@pytest.fixture(scope="module")
def switch(servers, lab):
    return Switch(servers, lab)


def test_those_named_are_those_that_fail(switch):
    said = switch.said
    assert switch.before == set()
    assert said["total"]["mailboxes"] == 50
    assert said["unreadable"] == 0
    if not dovecot_is_24():
        assert all(row["clients"] == ["Fifty Mail"] for row in said["rows"]
                   if row["service"] == "imap")
    assert names_of(said["rows"]) == {(mailbox(i), way(i)[0])
                                      for i in switch.failed}
    assert names_of(said["rows"], "unknown") == set()
    assert 15 < len(switch.failed) < 40
    assert switch.status == 1


def test_one_notice_for_each(switch):
    notices = switch.notices.splitlines()
    assert sorted(line.split("\t")[0] for line in notices) == sorted(
        mailbox(i) for i in switch.failed)
    assert all(line.endswith("\thttps://help.example.com/mail")
               for line in notices)


def test_exceptions_let_exactly_them_in(switch):
    keys = [line.split()[0] for line in switch.lines.splitlines()]
    assert sorted(keys) == sorted(mailbox(i) for i in switch.failed)
    assert switch.rules.startswith(STRICT)
    assert switch.still_failing == set()
    assert switch.others_failing == switch.failed


def test_refused_tells_why(servers, switch, lab):
    """From the doors' own lines."""
    other = mailbox(14, "other")
    done = servers.gatepost("refused", "--json", other, *servers.logs())
    row, = json.loads(done.stdout)["rows"]
    assert done.returncode == 1
    assert (row["service"], row["state"], row["cause"], row["rule"]) == (
        "pop3", "refused", "off", "b.example")
    assert row["addresses"] == [OTHER]
    assert row["password_verified"] is False


def test_exposed_passwords(servers, switch, lab):
    done = servers.gatepost("refused", "--exposed", "--json", *servers.logs())
    rows = json.loads(done.stdout)["rows"]
    exposed = {row["mailbox"] for row in rows}
    cleartext = [i for i in range(50) if way(i)[1] is None]
    assert {mailbox(i) for i in cleartext} <= exposed
    assert {row["mailbox"] for row in rows if row["state"] == "accepted"} == {
        mailbox(i) for i in cleartext}
    assert all(row["tls"] == ["none"] for row in rows)
    assert all(row["password_verified"] for row in rows
               if row["state"] == "accepted")


def test_what_the_log_does_not_tell(servers, switch, lab):
    """Dovecot's default format has no TLS version: nothing is guessed."""
    text = servers.dovecot.log_path.read_text()
    default = re.sub(r"TLSv1[.0-9]* with cipher [^,]*, ", "", text)
    log = lab.write("default.log", default)
    lab.write("versions", "* all=tls tls_min=1.2\n")
    done = servers.gatepost("impact", "-f", lab.dir / "versions", "--json",
                            log)
    rows = json.loads(done.stdout)["rows"]
    unknown = [row for row in rows if row["state"] == "unknown"]
    assert len(unknown) > 10
    assert {row["cause"] for row in unknown} == {"tls_version"}
    assert {row["unknown"] for row in unknown} == {"the TLS version"}
    assert {row["cause"] for row in rows if row["state"] == "refused"} == {
        "cleartext"}
    done = servers.gatepost("impact", "-f", lab.dir / "versions", log)
    assert "%{ssl_security}" in done.stdout and " %k " in done.stdout
    lab.write("any-version", "* all=tls tls_min=1.0\n")
    done = servers.gatepost("impact", "-f", lab.dir / "any-version", "--json",
                            log)
    assert names_of(json.loads(done.stdout)["rows"], "unknown") == set()


def test_trials_count_as_in_force(servers, switch, lab):
    lab.compile(OPEN + "a.example all=tls tls_min=1.2 mode=trial\n")
    done = servers.impact("--json")
    named = names_of(json.loads(done.stdout)["rows"])
    assert named == {(mailbox(i), way(i)[0]) for i in range(10)
                     if way(i)[1] is None or way(i)[2] in ("1.0", "1.1")}


def test_one_domain_and_anonymised(servers, switch, lab):
    strict = switch.strict
    done = servers.impact("-f", strict, "--json", "--domain", "B.example")
    said = json.loads(done.stdout)
    assert [domain["domain"] for domain in said["domains"]] == ["b.example"]
    everybody = json.loads(servers.impact("-f", strict, "--json").stdout)
    done = servers.impact("-f", strict, "--json", "--anonymise")
    assert not re.search(r"user\d+@[a-e]\.example|127\.0\.0\.[56]\b",
                         done.stdout)
    assert "127.0.0.0/24" in done.stdout
    assert json.loads(done.stdout)["total"] == everybody["total"]
    done = servers.gatepost("impact", "-f", strict, "--anonymise", "--set",
                            status=(64,))
    assert "--anonymise" in done.stderr
