"""The tour: one rules file, two doors, ordinary clients.

A private Dovecot, a private Postfix and gatepost-policyd are started in a
folder of their own, on free ports of the loopback interface. For each step
"gatepost explain" says what the rules say, a client tries it, and the table
shows both beside what the server answered. The exit status is 0 only if every
answer is what the rules say. Everything that was started is stopped, also
after a failure, ^C or SIGTERM.
"""

import dataclasses
import imaplib
import json
import pathlib
import poplib
import re
import signal
import sys
import textwrap
import time

sys.path.insert(0, str(pathlib.Path(__file__).parent))

from gplab import clients, common, dovecot, policyd, postfix  # noqa: E402

# Nothing but their addresses tells clients apart.
OUTSIDE = common.CLIENT
OFFICE = "127.0.0.99"
PRINTERS = "127.0.0.98"
PASSWORD = "secret"

RULES = f"""\
net:office         {OFFICE}
net:printers       {PRINTERS}

*                  all=tls help=https://help.example.com/mail
example.net        pop3=off tls_min=1.3
bob@example.com    pop3=off
carol@example.com  allow_nets=office
scan@example.com   submission=tls cleartext_nets=printers
former@example.com all=off note="left in March; mail is still taken in"
"""

CHANGED = RULES.replace("bob@example.com    pop3=off",
                        "bob@example.com    pop3=tls submission=off")

USERS = dict.fromkeys(
    ("alice@example.com", "bob@example.com", "carol@example.com",
     "former@example.com", "scan@example.com", "dave@example.net"), PASSWORD)

# Nobody has this mailbox.
STRANGER = "stranger@example.com"

# What a login process says by itself where nobody may send a password without
# encryption: the login plugin told it so.
BEFORE_THE_PASSWORD = {
    "imap": r"no login offered; NO \[PRIVACYREQUIRED\] ",
    "pop3": r"-ERR \[AUTH\] \w+text authentication disallowed ",
}

# tried, rules say, server answered: 80 columns with the lines between
WIDTHS = (21, 20, 29)


@dataclasses.dataclass
class Outcome:
    """What came of an attempt: let in or not, and the server's last word."""
    accepted: bool
    answer: str


# Clients

def _text(error):
    """A server's words in an exception of imaplib or poplib."""
    words = error.args[0]
    return words.decode(errors="replace") if isinstance(words, bytes) \
        else str(words)


def imap(tour, step, user):
    if step.tls == "implicit":
        client = clients.Imaps(tour.dovecot.port("imaps"), step.source)
    else:
        client = clients.Imap(tour.dovecot.port("imap"), step.source)
    try:
        if step.tls == "starttls":
            client.starttls(clients.tls_context(step.version))
        offered = "" if "LOGINDISABLED" not in client.capabilities \
            else "no login offered; "
        status, words = client.login(user, PASSWORD)
        answer = re.sub(r"^\[CAPABILITY [^]]*\] ", "", words[0].decode())
        return Outcome(status == "OK", f"{offered}{status} {answer}")
    except imaplib.IMAP4.error as error:
        return Outcome(False, f"{offered}NO {_text(error)}")
    finally:
        client.shutdown()


def pop3(tour, step, user):
    if step.tls == "implicit":
        client = clients.Pop3s(tour.dovecot.port("pop3s"), step.source)
    else:
        client = clients.Pop3(tour.dovecot.port("pop3"), step.source)
    try:
        if step.tls == "starttls":
            client.stls(clients.tls_context(step.version))
        client.user(user)
        return Outcome(True, client.pass_(PASSWORD).decode())
    except poplib.error_proto as error:
        return Outcome(False, _text(error))
    finally:
        client.close()


def _swaks(tour, service, source, *options):
    """Sends one mail with swaks. The answer is the server's last word before
    the client gave up or said goodbye."""
    done = postfix.swaks(tour.lab, tour.postfix.port(service),
                         "--local-interface", source, *options)
    said = re.findall(r"^<(?:-|~|\*\*|~\*) +(\d{3} .*)$", done.stdout, re.M)
    answers = [line for line in said if not line.startswith("221 ")]
    if not answers:
        raise common.LabError(f"swaks: {done.stdout}{done.stderr}")
    answer = re.sub(r" as \w+$", "", answers[-1])
    return Outcome(done.returncode == 0, answer)


def submission(tour, step, user):
    service = "submissions" if step.tls == "implicit" else "submission"
    option = {None: [], "starttls": ["--tls"],
              "implicit": ["--tls-on-connect"]}[step.tls]
    return _swaks(tour, service, step.source, "--from", user, *option,
                  "--auth", "PLAIN", "--auth-user", user, "--auth-password",
                  PASSWORD)


def begin_session(tour, user):
    """Logs in at the submission service and stays there."""
    tour.session = postfix.Smtp(tour.postfix, tls="starttls", user=user,
                                password=PASSWORD)
    tour.lab.closers.append(tour.session.client.close)


def open_session(tour, _step, user):
    """One more mail in the session that was begun."""
    reply = tour.session.send(user)
    return Outcome(reply.ok, repr(reply))


def submission_without_auth(tour, step, user):
    return _swaks(tour, "submission", step.source, "--from", user, "--tls")


def mail_from_outside(tour, step, user):
    """Port 25, and then a look into the mailbox."""
    outcome = _swaks(tour, "smtp", step.source, "--from",
                     "friend@example.net", "--to", user)
    if outcome.accepted:
        folder = tour.dovecot.dir / "mail" / user / "Maildir" / "new"
        common.wait_for(lambda: folder.is_dir() and any(folder.iterdir()),
                        f"mail for {user} in {folder}")
        outcome.answer += "; LMTP has put it into the mailbox"
    return outcome


# Steps

@dataclasses.dataclass
class Step:
    tried: str
    client: object
    user: str
    service: str
    tls: object = None
    source: str = OUTSIDE
    version: str = "1.3"
    auth: bool = True
    # Judged by the Postfix door alone.
    postfix_alone: bool = False

    @property
    def before_the_password(self):
        """What a refusal looks like that did not wait for the password."""
        if self.tls or self.source == PRINTERS:
            return None
        return BEFORE_THE_PASSWORD.get(self.service)


def steps_by_rules():
    """What is tried under the first rules."""
    for name, client in (("IMAP", imap), ("POP3", pop3)):
        service = name.lower()
        for how, tls in (("in cleartext", None), ("over STARTTLS", "starttls"),
                         ("over implicit TLS", "implicit")):
            yield Step(f"alice: {name} {how}", client, "alice@example.com",
                       service, tls)
    yield Step("bob: POP3 over TLS", pop3, "bob@example.com", "pop3",
               "implicit")
    yield Step("bob: IMAP over TLS", imap, "bob@example.com", "imap",
               "implicit")
    yield Step("dave: POP3 over TLS", pop3, "dave@example.net", "pop3",
               "implicit")
    yield Step("dave: IMAP over TLS 1.2", imap, "dave@example.net", "imap",
               "starttls", version="1.2")
    yield Step("dave: IMAP over TLS 1.3", imap, "dave@example.net", "imap",
               "starttls")
    yield Step("carol: IMAP over TLS, from outside", imap,
               "carol@example.com", "imap", "implicit")
    yield Step("carol: IMAP over TLS, from the office", imap,
               "carol@example.com", "imap", "implicit", OFFICE)
    yield Step("alice: submission without TLS", submission,
               "alice@example.com", "submission")
    yield Step("alice: submission without AUTH", submission_without_auth,
               "alice@example.com", "submission", "starttls", auth=False,
               postfix_alone=True)
    yield Step("alice: submission, both", submission, "alice@example.com",
               "submission", "starttls")
    yield Step("alice: submission, implicit TLS", submission,
               "alice@example.com", "submission", "implicit")
    yield Step("scan: submission without TLS, from a printer", submission,
               "scan@example.com", "submission", source=PRINTERS)
    yield Step("alice: IMAP in cleartext, from a printer", imap,
               "alice@example.com", "imap", source=PRINTERS)
    yield Step("former: IMAP over TLS", imap, "former@example.com", "imap",
               "implicit")
    yield Step("mail from outside for former", mail_from_outside,
               "former@example.com", None)


def steps_before_change():
    yield Step("bob: submission", submission, "bob@example.com", "submission",
               "starttls")


def steps_after_change():
    yield Step("bob: the session still open", open_session, "bob@example.com",
               "submission", "starttls", postfix_alone=True)
    yield Step("bob: submission again", submission, "bob@example.com",
               "submission", "starttls")
    yield Step("bob: POP3 over TLS again", pop3, "bob@example.com", "pop3",
               "implicit")


# The tour

class Tour:
    def __init__(self, lab):
        self.lab = lab
        self.failures = 0
        self.postfix = self.dovecot = self.session = None

    def start(self):
        lab = self.lab
        say("Compiling the rules")
        lab.write_conf()
        lab.compile(RULES)
        say("Starting Postfix, Dovecot and gatepost-policyd in", lab.dir)
        self.postfix = postfix.Postfix(lab)
        daemon = policyd.Policyd(lab, str(self.postfix.policy_path))
        self.dovecot = dovecot.Dovecot(
            lab, USERS, login_plugin=True,
            auth_sockets=[self.postfix.auth_socket])
        self.postfix.transport = (
            f"lmtp:inet:{common.SERVER}:{self.dovecot.port('lmtp')}")
        daemon.start()
        self.dovecot.start()
        self.postfix.start()

    def explain(self, step):
        """What the rules say, from gatepost explain."""
        arguments = [f"client={step.source}", f"server={common.SERVER}"]
        if step.tls:
            arguments.append(f"tls={step.version}")
        if step.tls == "implicit":
            arguments.append("implicit=yes")
        if not step.auth:
            arguments += ["auth=no", f"sender={step.user}"]
        done = self.lab.explain("-c", self.lab.conf, "--json", step.user,
                                step.service, *arguments)
        if done.returncode not in (0, 1):
            raise common.LabError(f"gatepost explain: {done.stderr}")
        return json.loads(done.stdout)

    def walk(self, steps):
        for step in steps:
            if step.service is None:
                verdict = {"verdict": "allow"}
                rules = "no login: not judged"
            else:
                verdict = self.explain(step)
                rules = rules_say(verdict, step)
            try:
                outcome = step.client(self, step, step.user)
                complaint = self.compare(verdict, outcome, step)
            except (OSError, EOFError) as error:
                raise common.LabError(f"{step.tried}: {error}") from error
            print_row(step.tried, rules, outcome.answer, complaint)
            self.failures += complaint is not None

    def compare(self, verdict, outcome, step):
        """What does not agree, or None."""
        if outcome.accepted != (verdict["verdict"] == "allow"):
            return "the server did not do what the rules say"
        if outcome.accepted:
            return None
        if step.before_the_password:
            return None if re.match(step.before_the_password, outcome.answer) \
                else "the server should not have waited for the password"
        if not step.postfix_alone and not verdict["disclosed"]:
            told = step.client(self, step, STRANGER).answer
        else:
            told = told_text(verdict, step)
        if told not in outcome.answer:
            return f"the answer should be: {told}"
        return None

    def change_rules(self):
        print_line("gatemap: bob@example.com pop3=tls submission=off; "
                   "nothing is reloaded")
        self.lab.compile(CHANGED)


def rules_say(verdict, step):
    if verdict["verdict"] == "allow":
        return "allow"
    where = f"line {verdict['line']}, {verdict['key']}" \
        if verdict["key"] else "built in"
    kept_back = "" if verdict["disclosed"] or step.postfix_alone \
        else "; the client is not told"
    return f"{verdict['verdict']}: {verdict['cause']} ({where}){kept_back}"


def told_text(verdict, step):
    """The text that this client must have been told."""
    text = verdict["text"]
    if step.postfix_alone:
        return text["smtp"].split(" ", 2)[2]
    return text["sasl" if step.service == "submission" else step.service]


# Output

def say(*words):
    print("==", *words, flush=True)


def print_line(text):
    print("| " + text.ljust(sum(WIDTHS) + 6) + " |")
    print_rule()


def print_rule():
    print("+" + "+".join("-" * (width + 2) for width in WIDTHS) + "+",
          flush=True)


def print_row(tried, rules, answer, complaint=None):
    if complaint:
        answer += f" <<< WRONG: {complaint}"
    columns = [textwrap.wrap(text, width) for text, width in
               zip((tried, rules, answer), WIDTHS)]
    for line in range(max(map(len, columns))):
        cells = (column[line] if line < len(column) else ""
                 for column in columns)
        print("| " + " | ".join(
            cell.ljust(width) for cell, width in zip(cells, WIDTHS)) + " |")
    print_rule()


def show_logs(lab, lines=10):
    """What the servers said last; their folder is about to go."""
    for path in sorted(lab.dir.rglob("*.log")):
        end = path.read_text(errors="replace").splitlines()[-lines:]
        print(f"{path}:", *end, sep="\n    ", file=sys.stderr)


def run():
    with common.Lab("demo") as lab:
        tour = Tour(lab)
        try:
            return visit(tour)
        except (common.LabError, OSError):
            show_logs(lab)
            raise


def visit(tour):
    tour.start()
    say("The rules")
    print(textwrap.indent(RULES, "    "))
    print_rule()
    print_row("what was tried", "what the rules say",
              "what the server answered")
    tour.walk(steps_by_rules())
    tour.walk(steps_before_change())
    begin_session(tour, "bob@example.com")
    tour.change_rules()
    tour.walk(steps_after_change())
    say("Stopping")
    if tour.failures:
        say(tour.failures, "answers were not what the rules say")
        return 1
    say("Each answer was what the rules say")
    return 0


def stop_at_once(number, _frame):
    signal.signal(number, signal.SIG_IGN)
    sys.exit(128 + number)


def main():
    for number in (signal.SIGTERM, signal.SIGHUP, signal.SIGINT):
        signal.signal(number, stop_at_once)
    begun = time.monotonic()
    try:
        status = run()
    except (common.LabError, OSError) as error:
        print(f"demo: {error}", file=sys.stderr)
        return 1
    say(f"{time.monotonic() - begun:.0f} seconds")
    return status


if __name__ == "__main__":
    sys.exit(main())
