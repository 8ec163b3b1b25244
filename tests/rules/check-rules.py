#!/usr/bin/python3
"""Rule files and what they must give, tried through the commands.

NAME.rules (a file or a folder) stands beside
  NAME.expect    a request a line, in the words of "gatepost explain":
                     LOGIN SERVICE [NAME=VALUE ...] -> VERDICT
                 where VERDICT is
                     allow
                     trial CAUSE RULE
                     refuse CAUSE RULE [disclosed|undisclosed]
                 and RULE is KEY:LINE, "built-in" or "-" (no rule decides).
                 An indented line below says how a reply begins:
                     imap|pop3|sasl|smtp TEXT     ("-": nothing is sent)
  NAME.errors    exactly what gatemap says of a wrong file, or
  NAME.warnings  exactly what it says of a right one,
  NAME.conf      settings, where the defaults will not do.

Each request is asked three times: of the source, of the compiled map, and of a
map compiled from what "gatemap -s" prints. Speaks TAP.
"""

import json
import os
import pathlib
import pwd
import shlex
import shutil
import subprocess
import sys
import tempfile

HERE = pathlib.Path(__file__).resolve().parent
BUILD = pathlib.Path(os.environ.get("top_builddir", HERE.parent.parent))
GATEMAP = BUILD / "shared" / "tools" / "gatemap"
GATEPOST = BUILD / "shared" / "tools" / "gatepost"
EXIT = {"allow": 0, "trial": 0, "refuse": 1, "defer": 75}


class Tap:
    def __init__(self):
        self.count = self.failed = 0

    def point(self, name, problems):
        self.count += 1
        self.failed += bool(problems)
        word = "not ok" if problems else "ok"
        print(f"{word} {self.count} - {name.replace('#', '*')}", flush=True)
        for problem in problems:
            for line in problem.splitlines():
                print(f"# {line}", flush=True)

    def done(self):
        print(f"1..{self.count}", flush=True)
        return 1 if self.failed else 0


def run(program, *arguments, cwd=None):
    done = subprocess.run([program, *arguments], cwd=cwd, check=False,
                          stdin=subprocess.DEVNULL, capture_output=True)
    return (done.returncode, done.stdout.decode("utf-8", "surrogateescape"),
            done.stderr.decode("utf-8", "surrogateescape"))


class Expectation:
    """A line of an .expect file, and the lines below it."""

    def __init__(self, number, line):
        asked, arrow, verdict = line.partition(" -> ")
        if not arrow:
            raise ValueError(f"line {number}: there is no \" -> \"")
        self.name = line.strip()
        self.asked = shlex.split(asked)
        words = verdict.split()
        self.verdict = words[0]
        self.cause = words[1] if len(words) > 1 else None
        self.rule = words[2] if len(words) > 2 else "-"
        self.disclosed = {"disclosed": True, "undisclosed": False}.get(
            words[3] if len(words) > 3 else None)
        self.texts = {}

    def add_text(self, line):
        client, _, text = line.strip().partition(" ")
        self.texts[client] = None if text == "-" else text

    def key_and_line(self):
        if self.rule in ("-", "built-in"):
            return None, None
        key, _, line = self.rule.rpartition(":")
        return key, int(line)

    def problems(self, answer, with_line):
        key, line = self.key_and_line()
        wanted = {"verdict": self.verdict, "cause": self.cause, "key": key}
        if with_line:
            wanted["line"] = line
        if self.disclosed is not None:
            wanted["disclosed"] = self.disclosed
        found = {name: answer[name] for name in wanted}
        if found != wanted:
            yield f"wanted {wanted}"
            yield f"   got {found}"
        for client, text in self.texts.items():
            got = answer["text"][client]
            if got is None or text is None:
                right = got == text
            else:
                right = got.startswith(text)
            if not right:
                yield f"{client}: wanted {text!r}, got {got!r}"


def read_expectations(path):
    found = []
    for number, line in enumerate(path.read_text("utf-8").splitlines(), 1):
        if not line.strip() or line.startswith("#"):
            continue
        if line[0].isspace():
            found[-1].add_text(line)
        else:
            found.append(Expectation(number, line))
    return found


class Case:
    """One rules file in a folder of its own."""

    def __init__(self, tap, rules, folder):
        self.tap = tap
        self.name = rules.stem
        self.folder = pathlib.Path(folder)
        self.rules = self.folder / rules.name
        if rules.is_dir():
            shutil.copytree(rules, self.rules)
        else:
            shutil.copyfile(rules, self.rules)
        self.conf = self.folder / "gatepost.conf"
        self.write_conf(rules.with_suffix(".conf"))

    def write_conf(self, settings):
        text = settings.read_text("utf-8") if settings.exists() else ""
        if os.geteuid() != 0:
            # Maps are root's or this user's, who is whoever runs the tests.
            text += f"\nmap_owner = {pwd.getpwuid(os.geteuid()).pw_name}\n"
        self.conf.write_text(text, "utf-8")

    def gatemap(self, *arguments):
        return run(GATEMAP, "-c", self.conf, *arguments, cwd=self.folder)

    def check_messages(self, wanted, status):
        code, out, err = self.gatemap("--check", self.rules.name)
        problems = []
        if (code, out, err) != (status, "", wanted):
            problems = [f"wanted {status}:\n{wanted}",
                        f"got {code}:\n{out}{err}"]
        self.tap.point(f"{self.name}: messages", problems)

    def compile(self, rules):
        """Compiles and prints. Returns what -s prints, and what was wrong."""
        code, out, err = self.gatemap("--quiet", rules)
        if (code, out, err) != (0, "", ""):
            return "", [f"gatemap {rules}: exit {code}\n{out}{err}"]
        code, out, err = self.gatemap("-s", rules)
        if code != 0 or err:
            return "", [f"gatemap -s {rules}: exit {code}\n{err}"]
        return out, []

    def round_trip(self):
        printed, problems = self.compile(self.rules.name)
        if not problems:
            again = self.folder / "again"
            again.write_text(printed, "utf-8", "surrogateescape")
            reprinted, problems = self.compile("again")
            if not problems and printed != reprinted:
                problems = [f"printed:\n{printed}",
                            f"and again:\n{reprinted}"]
        self.tap.point(f"{self.name}: compiled, printed, compiled again",
                       problems)

    def ask(self, expected, *source):
        code, out, err = run(GATEPOST, "explain", "-c", self.conf, "--json",
                             *source, "--", *expected.asked, cwd=self.folder)
        try:
            answer = json.loads(out)
        except ValueError:
            return [f"{source}: exit {code}\n{out}{err}"]
        problems = list(expected.problems(answer, source[1] != "again.lmdb"))
        if code != EXIT[expected.verdict]:
            problems.append(f"exit {code}")
        if err:
            problems.append(err)
        return [f"{source}: {problem}" for problem in problems]

    def request(self, expected):
        problems = []
        for source in (("-f", self.rules.name),
                       ("-m", f"{self.rules.name}.lmdb"),
                       ("-m", "again.lmdb")):
            problems += self.ask(expected, *source)
        self.tap.point(f"{self.name}: {expected.name}", problems)


def try_file(tap, rules):
    errors = rules.with_suffix(".errors")
    warnings = rules.with_suffix(".warnings")
    expect = rules.with_suffix(".expect")
    with tempfile.TemporaryDirectory(prefix="gatepost-rules-") as folder:
        case = Case(tap, rules, folder)
        if errors.exists():
            case.check_messages(errors.read_text("utf-8"), 65)
            return
        if warnings.exists():
            case.check_messages(warnings.read_text("utf-8"), 0)
        case.round_trip()
        for expected in read_expectations(expect):
            case.request(expected)


def main(arguments):
    files = [pathlib.Path(name) for name in arguments] or \
        sorted(HERE.glob("*.rules"))
    tap = Tap()
    for rules in files:
        try_file(tap, rules)
    return tap.done()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
