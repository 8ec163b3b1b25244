"""Random rules files and requests, judged twice.

The evaluator of shared/rules (through the program "ask") and the naive one
written from the design's text must give the same verdict, cause, key, line and
disclosure. On a difference the smallest file that shows it is printed.

    random-rules.py [--seed N] [--files N] [--requests N] [--seconds N]
                    [--ask PROGRAM]

With --seconds files are made until that time is over. Speaks TAP.
"""

import argparse
import datetime
import itertools
import os
import random
import subprocess
import sys
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import naive  # noqa: E402
import naive_rules  # noqa: E402

# A small world, so that lines meet each other often.
DOMAINS = ("x.t", "y.t", "a.x.t", "b.x.t", "c.a.x.t", "notx.t", "lan",
           "a.y.u", "bücher.t", "straße.t")
PARENTS = (".t", ".x.t", ".a.x.t", ".u", ".y.u")
# Whose extensions may be split, and whose may not.
LOCALS = (("u", "u+a", "u+b"), ("u", "u-a", "u-a+b"), ("u", "v"),
          ("u", "+u"), ("c", "c++"), ("mary", "mary-jane"),
          ("owner", "owner-u"), ("u", "u-request", "-request"),
          ("mailer", "mailer-daemon"), ("double", "double-bounce"),
          ("postmaster", "postmaster+a"), ("\u00fc", "\u00dc"))
WRONG_NAMES = ("", "@", "u@", "@x.t", "u@@x.t", "u@x..t", "u@.t", "u v@x.t",
               "u@x.t..", "u@x.t@y.t", "u\x7f@x.t", "u\u0080@x.t",
               "u\u00a0v@x.t", "u\u3000@x.t", "u\udcff@x.t",
               "\udcc0\udc80@x.t", "u@\udcff.t")
# Attributes that stop the compile, everywhere or where they stand.
WRONG_WORDS = (
    "imap=secure", "smtp=tls", "imap=", "all", "IMAP=tls", "imap=TLS",
    "tls_min=1.4", "allow_nets=192.0.2.1/24", "allow_nets=none",
    "trusted_nets=any", "trusted_nets=nowhere", "trusted_nets=none,192.0.2.1",
    "cleartext_nets=192.0.2.2-192.0.2.1", "cleartext_nets=2001:db8::/200",
    "allow_nets=192.0.2.1,", "allow_nets=[2001:db8::1]",
    "allow_nets=192.0.2.1-2001:db8::1", "from=2027-03-01",
    "until=2027-02-30T00:00:00Z", "until=2027-02-03T00:00:00", "mode=test",
    "lock=imap", "lock=mode", "lock=", "lock=profile", "lock", "profile=p",
    "profile=nobody", "profile=p,", "help=ftp://help.t/", 'message="\u00e4"',
    'note="open', "same_as=x.t", "same_as=u@x.t", "message=" + 201 * "m")
ADDRESSES = ("192.0.2.1", "192.0.2.2", "192.0.2.130", "198.51.100.7",
             "2001:db8::1", "2001:db8:7::5", "::ffff:192.0.2.2")
NETWORKS = ("192.0.2.0/24", "192.0.2.0/25", "192.0.2.1", "0.0.0.0/0", "::/0",
            "192.0.2.1-192.0.2.2", "198.51.100.0/24", "2001:db8::/32",
            "::ffff:192.0.2.2", "::ffff:192.0.2.0/121", "2001:db8:7::5",
            "2001:db8::1-2001:db8::2")
NET_NAMES = ("office", "printers", "none-yet")
PROFILES = ("p", "q")
# The moments asked about; most lines begin before and end after them.
START = 1800000000
MOMENTS = tuple(START + n for n in range(4))
# Between the lines of one file and those of the next.
NEXT_FILE = "# the next file"
SETTINGS = ("default_domain", "recipient_delimiter", "webmail_networks",
            "exempt_networks", "local_is_encrypted", "unknown_tls_version",
            "disclose")


class Maker:
    """Makes one rules file, its settings and requests for it."""

    def __init__(self, seed):
        self.random = random.Random(seed)
        pick = self.random
        self.domains = pick.sample(DOMAINS, pick.randint(1, 4))
        self.locals = pick.choice(LOCALS) + pick.choice(LOCALS[:3])
        self.addresses = self.some(ADDRESSES, 4)
        self.networks = self.some(NETWORKS + NET_NAMES[:2], 6)
        # Most lines and requests speak of one service, to meet, and of a few
        # of the other attributes.
        self.service = pick.choice(naive_rules.SERVICES)
        self.names = self.some(naive_rules.NET_LISTS + ("tls_min",), 3)
        # Where there is little else, what decides is where cleartext_nets
        # stands.
        self.softening = self.chance(0.3)
        if self.softening:
            self.names = ["cleartext_nets"]
        self.trials = pick.choice((0, 0.1, 0.3))
        self.times = pick.choice((0.1, 0.3))
        # These keys have a line with same_as and nothing else.
        self.aliases = {}
        if self.softening or self.chance(0.5):
            self.choose_aliases()
            # A lock above a name that is judged as another.
            self.domains += [key.partition("@")[2] for key in self.aliases
                             if "." in key.partition("@")[2]]

    def chance(self, probability):
        return self.random.random() < probability

    def some(self, values, most):
        return self.random.sample(values, self.random.randint(
            1, min(most, len(values))))

    def settings(self):
        pick = self.random
        return {
            "default_domain": pick.choice(("", "", "x.t")),
            "recipient_delimiter": pick.choice(("", "+", "+", "-", "+-")),
            "webmail_networks": pick.choice(("", "", "192.0.2.2",
                                             "2001:db8:7::/48 192.0.2.130")),
            "exempt_networks": pick.choice(("", "", "", "198.51.100.0/24")),
            "local_is_encrypted": pick.choice(("yes", "yes", "no")),
            "unknown_tls_version": pick.choice(naive_rules.TLS_VERSIONS),
            "disclose": pick.choice(("domain", "domain", "mailbox", "none")),
        }

    # Keys.

    def mailbox(self):
        if self.chance(0.1):
            return self.random.choice(self.locals) + "@"
        return (self.random.choice(self.locals) + "@" +
                self.random.choice(self.domains))

    def domain(self):
        return "@" if self.chance(0.1) else self.random.choice(self.domains)

    def choose_aliases(self):
        for _ in range(self.random.randint(1, 3)):
            if self.chance(0.4):
                self.aliases[self.domain()] = self.domain()
            else:
                self.aliases[self.mailbox()] = self.mailbox()

    def key(self):
        kind = self.random.choices(
            ("*", "parent", "domain", "mailbox", "profile"),
            (2, 2, 4, 6, 2))[0]
        if kind == "*":
            return "*"
        if kind == "parent":
            return self.random.choice(PARENTS)
        if kind == "domain":
            return self.domain()
        if kind == "profile":
            return "profile:" + self.random.choice(PROFILES)
        return self.mailbox()

    def other_letters(self, name):
        """The same name as someone else would write it."""
        if name.startswith("profile:"):
            return name
        if self.chance(0.1):
            name = "".join(c.upper() if c.isascii() else c for c in name)
        if "." in name.partition("@")[2] and self.chance(0.1):
            name += "."
        return name

    # Attributes.

    def net_list(self, alone):
        if self.chance(0.15):
            return alone
        return ",".join(self.some(self.networks, 3))

    def moment(self, first, last):
        when = datetime.datetime.fromtimestamp(
            START + self.random.randint(first, last), datetime.timezone.utc)
        minutes = self.random.choice((0, 0, 60, -330))
        zone = datetime.timezone(datetime.timedelta(minutes=minutes))
        text = when.astimezone(zone).isoformat()
        return text.replace("+00:00", self.random.choice(("Z", "+00:00")))

    def value(self, name):
        pick = self.random
        if name in naive_rules.SERVICES or name in naive_rules.GROUPS:
            if self.softening:
                return pick.choice(("tls", "tls", "implicit", "inherit"))
            return pick.choice(naive_rules.VALUES +
                               ("trusted", "tls", "inherit"))
        if name == "tls_min":
            return pick.choice(naive_rules.TLS_VERSIONS)
        if name == "allow_nets":
            return self.net_list("any")
        if name in naive_rules.NET_LISTS:
            return self.net_list("none")
        if name == "message":
            return f'"ask {pick.randint(1, 3)} # there"'
        if name == "help":
            return f"https://help.t/{pick.randint(1, 3)}#a"
        return '"a note"'

    def services(self):
        names = [self.service, "clients", "all"]
        if self.chance(0.3):
            names = list(naive_rules.SERVICES) + ["clients", "all"]
        return self.some(names, 2)

    def attributes(self, key):
        names = []
        if self.chance(0.7):
            names += self.services()
        if self.chance(0.5) or not names:
            names += self.some(self.names, 2)
        if self.chance(0.1):
            names += self.some(("message", "help", "note"), 2)
        written = {name: self.value(name) for name in names}
        mailbox = "@" in key and key != "@"
        profile = key.startswith("profile:")
        if self.chance(0.2) and key[0] not in "*." and not profile:
            written["profile"] = ",".join(self.some(PROFILES, 2))
        if self.chance(0.4) and not mailbox and not profile:
            written["lock"] = self.lock(written)
            if self.softening and "cleartext_nets" in written:
                written["lock"] = "cleartext_nets"
        self.add_times(written)
        return written

    def lock(self, written):
        names = [name for name in written if name not in ("profile", "note")]
        if self.chance(0.5) or not names:
            return None
        if set(names) & {"all", "clients"} and self.chance(0.3):
            names += [self.service, "clients"]
        return ",".join(self.some(sorted(set(names)), 2))

    def add_times(self, written):
        if self.chance(self.trials):
            written["mode"] = "trial"
        elif self.chance(0.05):
            written["mode"] = "enforce"
        if self.chance(self.times):
            written["from"] = self.moment(-9, 3)
        if self.chance(self.times):
            written["until"] = self.moment(1, 9)

    # The file.

    def line(self, key, written):
        words = [name if value is None else f"{name}={value}"
                 for name, value in written.items()]
        self.random.shuffle(words)
        text = self.other_letters(key)
        for word in words:
            if self.chance(0.05):
                text += "  # a comment\n# another\n\n   "
            text += self.random.choice((" ", "  ", "\t")) + word
        return text

    def rules(self):
        """The file's lines, continuation lines joined to theirs."""
        lines = []
        for name in NET_NAMES:
            nets = self.random.choice((",", " ")).join(self.some(NETWORKS, 2))
            lines.append(f"net:{name} {nets}")
        for name in PROFILES:
            lines.append(self.line(f"profile:{name}",
                                   {"help": f"https://help.t/{name}"}))
        for key, target in self.aliases.items():
            lines.append(self.line(key, {
                "same_as": self.other_letters(target)}))
        for _ in range(self.random.randint(2, 30)):
            key = self.key()
            if key not in self.aliases and (
                    key.partition("@")[2] not in self.aliases):
                lines.append(self.line(key, self.attributes(key)))
        self.random.shuffle(lines)
        if self.chance(0.2):
            self.spoil(lines)
        # "A folder is read file by file": here the second begins.
        if self.chance(0.2):
            lines.insert(self.random.randrange(len(lines)), NEXT_FILE)
        return lines

    def spoil(self, lines):
        for at in self.random.sample(range(len(lines)), 2):
            lines[at] += " " + self.random.choice(WRONG_WORDS)

    # Requests.

    def login(self):
        if self.chance(0.03):
            return self.random.choice(WRONG_NAMES)
        name = self.random.choice(self.locals)
        if self.aliases and self.chance(0.4):
            key = self.random.choice(sorted(self.aliases))
            if "@" in key:
                name = key.rstrip("@")
            else:
                name += "@" + key
        elif self.chance(0.9):
            name += "@" + self.random.choice(self.domains)
        return self.other_letters(name)

    def request(self):
        pick = self.random
        asked = {"login": self.login(), "service": self.service,
                 "at": str(pick.choice(MOMENTS)),
                 "tls": pick.choice(("none", "none", "none", "none", "1.0",
                                     "1.1", "1.2", "1.3", "unknown"))}
        if self.chance(0.2):
            asked["service"] = pick.choice(naive_rules.SERVICES)
        for name, probability in (("client", 0.9), ("peer", 0.2),
                                  ("server", 0.4)):
            if self.chance(probability):
                asked[name] = pick.choice(self.addresses)
        if asked["tls"] != "none":
            asked["implicit"] = pick.choice(("no", "yes", "elsewhere"))
        if self.chance(0.1):
            asked["version"] = "elsewhere"
        if self.chance(0.05):
            asked["context"] = "webmail"
        if asked["service"] == "submission" and self.chance(0.4):
            self.without_auth(asked)
        elif self.chance(0.05):
            asked["judged"] = "yes"
        return asked

    def without_auth(self, asked):
        asked["auth"] = "no"
        if self.chance(0.9):
            asked["sender"] = "<>" if self.chance(0.05) else self.login()


class Ask:
    """The evaluator in shared/rules, behind a pipe."""

    def __init__(self, program):
        self.process = subprocess.Popen(
            [program], stdin=subprocess.PIPE, stdout=subprocess.PIPE)

    def line(self):
        line = self.process.stdout.readline().decode()
        if not line.endswith("\n"):
            raise SystemExit(f"Bail out! ask ended: {self.process.wait()}")
        return line[:-1]

    def load(self, settings, texts):
        data = [text.encode() for text in texts]
        policy = "".join(f"\t{name}={settings[name]}" for name in SETTINGS)
        lengths = "\t".join(str(len(text)) for text in data)
        head = f"policy{policy}\nrules\t{lengths}\n"
        self.process.stdin.write(head.encode() + b"".join(data))
        self.process.stdin.flush()
        return self.line() == "accepted"

    def judge(self, requests):
        for asked in requests:
            facts = dict({"implicit": "no", "auth": "yes",
                          "version": "known"}, **asked)
            fields = "".join(f"\t{name}={facts[name]}" for name in facts)
            self.process.stdin.write(
                f"ask{fields}\n".encode(errors="surrogateescape"))
        self.process.stdin.flush()
        return [self.line().split("\t") for _ in requests]

    def end(self):
        self.process.stdin.close()
        return self.process.wait()


def texts_of(lines):
    """The files' texts."""
    texts = [""]
    for line in lines:
        if line == NEXT_FILE:
            texts.append("")
        else:
            texts[-1] += line + "\n"
    return texts


def read_naively(settings, lines):
    return naive_rules.Rules(texts_of(lines), settings["default_domain"],
                             settings["recipient_delimiter"])


def judge_naively(rules, settings, asked):
    policy = naive.Policy(**{name: settings[name] for name in SETTINGS[2:]})
    facts = dict(asked, at=int(asked["at"]))
    return naive.judge(rules, policy, naive.Request(**facts)).fields()


class Difference(Exception):
    """The two do not agree on what stops the compile."""

    def __init__(self, lines, what):
        super().__init__(what)
        self.lines = lines


class Case:
    """A file and requests, given to both."""

    def __init__(self, ask, settings):
        self.ask = ask
        self.settings = settings

    def accepted(self, lines):
        """By both, or Difference."""
        rules = read_naively(self.settings, lines)
        good = self.ask.load(self.settings, texts_of(lines))
        if good != (not rules.errors):
            raise Difference(lines, f"accepted: {good}, "
                             f"naively: {rules.errors}")
        return rules if good else None

    def without_errors(self, lines, pick):
        """Takes out what stops the compile, after both have seen it."""
        while True:
            errors = read_naively(self.settings, lines).errors
            self.accepted(lines)
            if not errors:
                return lines
            # Any of them: the last that is left was refused alone.
            lines = self.without_line(lines, *pick.choice(errors)[:2])

    @staticmethod
    def without_line(lines, file, number):
        at_file, at = 0, 1
        for index, line in enumerate(lines):
            if line == NEXT_FILE:
                at_file, at = at_file + 1, 1
                continue
            if (at_file, at) == (file, number):
                return lines[:index] + lines[index + 1:]
            at += line.count("\n") + 1
        raise AssertionError("no such line")

    def compare(self, lines, requests):
        """The first request on which they differ, and both answers."""
        rules = self.accepted(lines)
        if rules is None:
            return None
        answers = self.ask.judge(requests)
        for asked, answer in zip(requests, answers):
            expected = judge_naively(rules, self.settings, asked)
            if answer != expected:
                return asked, answer, expected
        return None

    # Making it smaller.

    def differs(self, lines, requests):
        try:
            return self.compare(lines, requests) is not None
        except Difference:
            return not requests

    def shrink(self, lines, requests):
        smaller = True
        while smaller:
            smaller = False
            for candidate in self.candidates(lines):
                if self.differs(candidate, requests):
                    lines, smaller = candidate, True
                    break
        return lines

    @staticmethod
    def candidates(lines):
        for index in range(len(lines)):
            yield lines[:index] + lines[index + 1:]
        for index, line in enumerate(lines):
            words = [word for _, found in naive_rules.logical_lines(line)
                     for word in found]
            for word in range(1, len(words)):
                if len(words) > 2:
                    less = " ".join(words[:word] + words[word + 1:])
                    yield lines[:index] + [less] + lines[index + 1:]

    def report(self, lines, requests, seed):
        lines = self.shrink(lines, requests)
        print(f"# file {seed}, settings {self.settings}")
        for line in lines:
            print("#   " + line.replace("\n", "\n#   "))
        try:
            found = self.compare(lines, requests)
        except Difference as difference:
            print(f"# {difference}")
            return
        asked, answer, expected = found
        print(f"# asked {asked}\n# shared/rules: {answer}\n"
              f"# naive:        {expected}")


def run_one(ask, seed, count):
    """True when both agree."""
    maker = Maker(seed)
    case = Case(ask, maker.settings())
    lines, requests = maker.rules(), []
    try:
        lines = case.without_errors(lines, maker.random)
        requests = [maker.request() for _ in range(count)]
        found = case.compare(lines, requests)
    except Difference as difference:
        case.report(difference.lines, [], seed)
        return False
    if found:
        case.report(lines, [found[0]], seed)
    return found is None


def parse_arguments():
    builddir = os.environ.get("top_builddir", ".")
    parser = argparse.ArgumentParser()
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--files", type=int, default=400)
    parser.add_argument("--requests", type=int, default=30)
    parser.add_argument("--seconds", type=float)
    parser.add_argument("--ask", default=f"{builddir}/tests/rules/ask")
    return parser.parse_args()


def main():
    options = parse_arguments()
    ask = Ask(options.ask)
    end = time.monotonic() + (options.seconds or 0)
    differences = 0
    done = 0
    for done in itertools.count(1):
        if not run_one(ask, options.seed + done - 1, options.requests):
            differences += 1
        if options.seconds:
            if time.monotonic() >= end:
                break
        elif done == options.files:
            break
    good = differences == 0 and ask.end() == 0
    result = "ok" if good else "not ok"
    print(f"1..1\n{result} 1 - {done} files of random rules, "
          f"{options.requests} requests each, {differences} differ")
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main())
