"""For tests of the commands an administrator lives with: a rules file in a
folder of its own, and gatepost. Needs no server."""

import json
import os
import pwd
import subprocess

from gplab import common

RULES = """\
# the house
net:office       192.0.2.0/24
profile:sales    clients=trusted webmail=tls trusted_nets=office

*                all=tls tls_min=1.2\t# everybody
example.com      pop3=off lock=pop3
# the copier
scan@example.com all=off submission=tls cleartext_nets=192.0.2.200
\t# inside
\tuntil=2099-03-01T00:00:00Z  note="copier, ticket 4711"  # why
bob@example.com  profile=sales
other.example    imap=tls
eve@other.example imap=off
"""

def mounts_are_private():
    """Whether a process may have mounts of its own: not in every
    container."""
    return subprocess.run(
        ["unshare", "--mount", "mount", "-t", "tmpfs", "tmpfs", "/mnt"],
        capture_output=True, check=False).returncode == 0


class Folder:
    """A rules file in a folder of its own, and gatepost."""

    def __init__(self, path, rules=RULES):
        self.path = path
        self.rules = path / "rules"
        self.map = path / "rules.lmdb"
        self.journal = path / "rules.journal"
        self.conf = path / "gatepost.conf"
        self.rules.write_text(rules)
        self.configure()

    def configure(self, more=""):
        text = (f"rules = {self.rules}\nmap = {self.map}\n"
                f"webmail_networks = 203.0.113.80\n{more}")
        if os.geteuid() != 0:
            text += f"map_owner = {pwd.getpwuid(os.geteuid()).pw_name}\n"
        self.conf.write_text(text, errors="surrogateescape")

    def argv(self, command, *words):
        return [str(common.program("gatepost")), command,
                "-c", str(self.conf), *map(str, words)]

    def run(self, command, *words, stdin="", env=None, **more):
        return subprocess.run(
            self.argv(command, *words), cwd=self.path, input=stdin,
            env={**os.environ, **(env or {})}, capture_output=True,
            text=True, check=False, timeout=120, **more)

    def expect(self, status, command, *words, **more):
        done = self.run(command, *words, **more)
        assert done.returncode == status, done
        return done

    def ok(self, command, *words, **more):
        return self.expect(0, command, *words, **more).stdout

    def refused(self, status, command, *words, **more):
        """Fails without touching rules or map."""
        before = self.state()
        done = self.expect(status, command, *words, **more)
        assert self.state() == before
        return done.stderr

    def state(self):
        return (self.rules.read_bytes(),
                self.map.read_bytes() if self.map.exists() else None)

    def compile(self):
        subprocess.run([str(common.program("gatemap")), "-c", self.conf,
                        self.rules], check=True)

    def in_force(self, key):
        """The attributes of a key as they stand in the map."""
        done = subprocess.run(
            [str(common.program("gatemap")), "-c", self.conf, "-q", key,
             self.rules], capture_output=True, text=True, check=False)
        return done.stdout.splitlines()

    def lines(self, key):
        return [line for line in self.rules.read_text().splitlines()
                if line.startswith(key)]

    def names(self):
        return sorted(p.name for p in self.path.iterdir())

    def entries(self):
        """Of the journal, which the first change makes."""
        if not self.journal.exists():
            return []
        return [json.loads(line) for line in
                self.journal.read_text().splitlines()]


def compiled(path, rules=RULES):
    made = Folder(path, rules)
    made.compile()
    return made
