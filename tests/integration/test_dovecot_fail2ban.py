"""Who is refused is not banned for it: fail2ban's own filters match no line
that a disclosed refusal leaves in the log, and the filter that comes with
Gatepost matches those lines and no others."""

import re
import shutil

import pytest

from gplab import banning, clients, common, dovecot, policyd, postfix

RULES = """
*                 all=tls help=https://help.example.com/mail
open.example      all=cleartext
shut.example      all=off
moved.example     all=off message="match, user unknown: password mismatch"
office.example    all=cleartext allow_nets=127.0.0.6
tls13.example     all=tls tls_min=1.3
implicit.example  all=implicit
trial.example     all=cleartext
trial.example     all=off mode=trial
bob@open.example  all=off
"""
USERS = {f"alice@{domain}.example": "secret" for domain in (
    "open", "shut", "moved", "office", "tls13", "implicit", "secure",
    "trial")} | {"bob@open.example": "secret"}
PROTOCOLS = ("imap", "pop3", "submission", "sieve")
MECHANISMS = {"imap": ("LOGIN", "PLAIN", "SASL-LOGIN", "CRAM-MD5",
                       "SCRAM-SHA-256"),
              "pop3": ("USER", "PLAIN", "CRAM-MD5"),
              "submission": ("PLAIN", "SASL-LOGIN", "SCRAM-SHA-256"),
              "sieve": ("PLAIN", "CRAM-MD5")}
EXEMPT = "127.0.0.9"
# A name that looks like a line of ours about somebody else.
HOSTILE = ("x, auth: Info: gatepost: refused: user=<x>, service=imap, "
           "cause=off, disclosed=yes, rip=192.0.2.66, lip=192.0.2.25")

DOVECOT_MODES = ("normal", "aggressive")
# Modes in which Postfix's words about SMTP AUTH count, and others.
AUTH_MODES = ("auth", "extra", "ddos", "aggressive")
OTHER_MODES = ("more", "normal", "rbl", "errors")


@pytest.fixture(scope="module")
def filters(lab):
    return banning.Filters(lab)


@pytest.fixture(scope="module")
def server(lab):
    lab.write_conf(exempt_networks=EXEMPT)
    lab.compile(RULES)
    return dovecot.Dovecot(lab, users=USERS, login_plugin=True,
                           extra="auth_username_chars =\n").start()


def collect(server, logins):
    """What these logins, done in a row, leave in the log, of the auth process
    and of the login processes, which write after the client has gone."""
    server.mark()
    for protocol, user, options in logins:
        clients.login(server, protocol, user,
                      **{"password": "secret", **options})
    with server.auth_client() as auth:
        auth.plain("the-end@open.example", "wrong", service="imap")
    server.wait_log("the-end@open.example")
    common.wait_for(
        lambda: len(ended(server)) == len(logins),
        f"the ends of {len(logins)} logins, now {len(ended(server))}")
    return "".join(line for line in server.log().splitlines(True)
                   if "the-end@" not in line and not is_probe(line))


def is_probe(line):
    """Of the lab's own waiting for the server's ports."""
    return f" rip={common.SERVER}," in line


def ended(server):
    return [line for line in server.log().splitlines()
            if re.search(r"-login: .* rip=", line)
            and "Login failed: " not in line and not is_probe(line)]


@pytest.fixture(scope="module")
def told(server):
    """The log of refusals that were told, one of each kind."""
    everywhere = ("secure", "shut", "moved", "office")
    logins = [(protocol, f"alice@{domain}.example", {"mechanism": mechanism})
              for protocol in PROTOCOLS
              for domain in everywhere
              for mechanism in MECHANISMS[protocol]]
    logins += [(protocol, f"alice@{domain}.example",
                {"tls": "starttls", "version": "1.2"})
               for protocol in PROTOCOLS for domain in ("tls13", "implicit")]
    return collect(server, logins)


@pytest.fixture(scope="module")
def others(server):
    """The log of everything else: let in, failed, on trial, exempt, refused
    without a word, and refused under a name that is none."""
    logins = []
    for protocol in PROTOCOLS:
        logins += [
            (protocol, "alice@open.example", {}),
            (protocol, "alice@open.example", {"password": "wrong"}),
            (protocol, "alice@secure.example", {"tls": "starttls"}),
            (protocol, "nobody@open.example", {}),
            (protocol, "alice@trial.example", {}),
            (protocol, "alice@shut.example", {"source": EXEMPT}),
            (protocol, "bob@open.example", {}),
            (protocol, HOSTILE, {}),
        ]
    return collect(server, logins)


def refusals(log, disclosed):
    return [line for line in log.splitlines()
            if f", disclosed={disclosed}, " in line
            and "Info: gatepost: refused: " in line]


def as_syslog(log):
    """The same lines as syslog has them."""
    return re.sub(r"^(\w+ +\d+ [\d:]+|[-\d]+ [\d:]+) (\S+: )Info: ",
                  r"\1 mail dovecot: \2", log, flags=re.MULTILINE)


@pytest.mark.parametrize("mode", DOVECOT_MODES)
def test_stock_filter_matches_no_refusal(filters, told, mode):
    assert len(refusals(told, "yes")) > 50
    assert filters.banned(f"dovecot[mode={mode}]", told) == []
    assert filters.banned(f"dovecot[mode={mode}]", as_syslog(told)) == []


def test_stock_filter_still_matches_wrong_passwords(filters, others):
    if "Login aborted: " in others and not filters.mentions("Login aborted"):
        pytest.skip("this fail2ban does not know the log of Dovecot 2.4")
    banned = filters.banned("dovecot", others)
    assert {address for _, address in banned} == {common.CLIENT}
    assert any("nobody@open.example" in line for line, _ in banned)


@pytest.mark.parametrize("form", [str, as_syslog])
def test_our_filter_matches_all_refusals(filters, told, form):
    log = form(told)
    expected = [line for line in log.splitlines() if "refused: " in line]
    assert len(expected) == len(refusals(told, "yes"))
    assert filters.banned("gatepost", log) == [
        (line, common.CLIENT) for line in expected]


@pytest.mark.parametrize("form", [str, as_syslog])
def test_our_filter_matches_nothing_else(filters, others, form):
    for words in ("would be refused", "exempt", r"(Login|Logged in): ",
                  "auth failed", "disclosed=no", r"192\.0\.2\.66"):
        assert re.search(words, others)
    assert filters.banned("gatepost", form(others)) == []


def test_hidden_refusals_on_demand(filters, told, others):
    """Where names that do not exist are banned, these have to be, too."""
    hidden = [(line, common.CLIENT) for line in refusals(others, "no")]
    assert len(hidden) >= 2 * len(PROTOCOLS)
    assert filters.banned("gatepost[mode=hidden]", told + others) == hidden
    assert len(filters.banned("gatepost[mode=all]", told + others)) == \
        len(hidden) + len(refusals(told, "yes"))


def test_jail_of_the_manual(lab, filters):
    manual = (common.TREE / "dovecot-plugin" / "gatepost-dovecot.7").read_text()
    jail = re.search(r"^\[gatepost\]\n(.*?)^\.Ed", manual, re.M | re.S).group(0)
    log = lab.write("mail.log", "")
    (filters.dir / "jail.conf").write_text(
        jail.removesuffix(".Ed").replace("%(dovecot_log)s", str(log)))
    shutil.rmtree(filters.dir / "jail.d")
    done = lab.run(["fail2ban-client", "-c", filters.dir, "-d"])
    assert "'gatepost', 'maxretry', 60]" in done.stdout
    assert "disclosed=yes, rip=" in done.stdout


# Postfix


class Servers:
    """Postfix, whose SMTP AUTH the rules judge, and the policy daemon."""

    def __init__(self, lab):
        self.postfix = postfix.Postfix(lab)
        self.policyd = policyd.Policyd(lab, str(self.postfix.policy_path))
        self.policyd.start()
        self.dovecot = dovecot.Dovecot(
            lab, users=USERS, protocols="",
            auth_sockets=[self.postfix.auth_socket]).start()
        self.postfix.start()

    def log(self, attempts):
        """Postfix's log of some attempts."""
        self.postfix.mark()
        for user, password, options in attempts:
            with postfix.Smtp(self.postfix, user=user, password=password,
                              **options) as smtp:
                if smtp.auth.ok:
                    smtp.send(sender=user)
        common.wait_for(lambda: len(re.findall(
            rf"disconnect from \S+\[{common.CLIENT}\]",
            self.postfix.log())) == len(attempts), "the sessions' ends")
        return "".join(line for line in self.postfix.log().splitlines(True)
                       if f"[{common.CLIENT}]" in line)


@pytest.fixture(scope="module")
def servers(lab, server):
    return Servers(lab)


@pytest.fixture(scope="module")
def refused_mail(servers):
    """Postfix's log of clients that the rules refuse, at AUTH and later."""
    at_auth = [(f"alice@{domain}.example", "secret", {"mechanism": mechanism})
               for domain in ("secure", "shut", "office")
               for mechanism in ("plain", "login", "cram-md5")]
    later = [("alice@tls13.example", "secret",
              {"tls": "starttls", "version": "1.2"}),
             ("alice@implicit.example", "secret", {"tls": "starttls"})]
    servers.policyd.mark()
    return servers.log(at_auth + later)


@pytest.mark.parametrize("mode", OTHER_MODES)
def test_stock_postfix_filter_matches_no_refusal(filters, refused_mail, mode):
    assert refused_mail.count("authentication failed") == 9
    assert refused_mail.count("Recipient address rejected") == 2
    assert filters.banned(f"postfix[mode={mode}]", refused_mail) == []


@pytest.mark.parametrize("mode", AUTH_MODES)
def test_postfix_filter_that_leaves_refusals_out(filters, refused_mail, mode):
    """Postfix's own words about SMTP AUTH are the same for every failure, but
    for the reason."""
    assert filters.banned(f"postfix[mode={mode}]", refused_mail)
    assert filters.banned(f"gatepost-postfix[mode={mode}]",
                          refused_mail) == []


@pytest.mark.parametrize("mode", ["auth", "extra", "aggressive"])
def test_postfix_filter_still_matches_wrong_passwords(filters, servers, mode):
    log = servers.log([
        ("alice@open.example", "wrong", {}),
        ("Login without encryption is not allowed; x", "wrong", {}),
        ("a: SASL PLAIN authentication failed: Webmail is switched off for "
         "this mailbox; ", "wrong", {})])
    for name in ("postfix", "gatepost-postfix"):
        assert len([line for line, _ in filters.banned(
            f"{name}[mode={mode}]", log) if " SASL " in line]) == 3


def test_postfix_filter_knows_own_words(filters, servers):
    log = servers.log([("alice@moved.example", "secret", {})])
    assert len(filters.banned("gatepost-postfix[mode=auth]", log)) == 1
    assert filters.banned(
        'gatepost-postfix[mode=auth, messages="match, user unknown|Other"]',
        log) == []


def test_our_filter_matches_the_daemons_refusals(filters, servers,
                                                 refused_mail):
    lines = [line for line in servers.policyd.log().splitlines()
             if "refused: " in line]
    assert len(lines) == 2 and refused_mail
    syslog = [f"Nov 21 20:00:00 mail gatepost-policyd[12]: "
              f"{line[line.index('refused: '):]}" for line in lines]
    for log in (lines, syslog):
        assert filters.banned("gatepost", "\n".join(log) + "\n") == [
            (line, common.CLIENT) for line in log]


# The login plugin. These come last, for the rules are others.


@pytest.fixture(scope="module")
def demanding(lab, server):
    """A Dovecot whose login processes know that no rule accepts cleartext."""
    lab.compile("* all=tls\n")
    return dovecot.Dovecot(lab, users=USERS, login_plugin=True).start()


def test_login_that_is_refused_beforehand(filters, demanding):
    """A client that sends its password although the server says not to is
    refused before the auth process is asked; it is no less innocent."""
    log = collect(demanding, [
        (protocol, "alice@open.example", {"mechanism": mechanism})
        for protocol in PROTOCOLS for mechanism in MECHANISMS[protocol]])
    assert log.count("login disabled") == 10
    assert filters.banned("dovecot", log) == []
    assert filters.banned("dovecot", as_syslog(log)) == []
    # Submission refuses AUTH before it counts an attempt, and that mode
    # matches whoever leaves without one.
    assert all("submission-login: " in line and "no auth attempts" in line
               for line, _ in filters.banned("dovecot[mode=aggressive]", log))


def test_wrong_password_after_that_is_one(demanding):
    """Once the connection is encrypted, the log says what it always says."""
    demanding.mark()
    with clients.Login(demanding, "imap") as client:
        client.command("LOGIN alice@open.example secret")
        client.wire.send("s STARTTLS")
        client.wire.line()
        client.wire.start_tls()
        client.command("LOGIN alice@open.example wrong")
    demanding.wait_log(r"\(auth failed, 2 attempts")
