"""A rules file in a folder of its own, and gatemap."""

import os
import pwd
import subprocess

import pytest

from gplab import common

RULES = """\
net:office       192.0.2.0/24
profile:sales    clients=trusted trusted_nets=office
*                all=tls tls_min=1.2
example.com      pop3=off lock
bob@example.com  profile=sales
"""
PRINTED = """\
net:office\t192.0.2.0/24
profile:sales\tclients=trusted trusted_nets=office
*\tall=tls tls_min=1.2
example.com\tpop3=off lock
bob@example.com\tprofile=sales
"""
QUIET = "webmail_networks = 203.0.113.80\n"


def many_rules(count):
    return "* all=tls\n" + "".join(
        f"user{n}@example.com imap=off\n" for n in range(count))


class Folder:
    def __init__(self, path):
        self.path = path
        self.rules = path / "rules"
        self.map = path / "rules.lmdb"
        self.summary = path / "rules.summary"
        self.conf = path / "gatepost.conf"
        self.rules.write_text(RULES)
        self.configure(QUIET)

    def configure(self, text):
        if os.geteuid() != 0:
            text += f"map_owner = {pwd.getpwuid(os.geteuid()).pw_name}\n"
        self.conf.write_text(text)

    def argv(self, *options, file="rules"):
        return [str(common.program("gatemap")), "-c", str(self.conf),
                *options, file]

    def run(self, *options, stdin="", file="rules", **more):
        return subprocess.run(self.argv(*options, file=file), cwd=self.path,
                              input=stdin, capture_output=True, text=True,
                              check=False, **more)

    def expect(self, status, *options, **more):
        done = self.run(*options, **more)
        assert done.returncode == status, done
        return done

    def silent(self, *options, **more):
        """Succeeds without a word on standard error."""
        done = self.expect(0, *options, **more)
        assert done.stderr == ""
        return done.stdout

    def printed(self):
        return self.silent("-s")

    def map_bytes(self):
        return self.map.read_bytes() if self.map.exists() else None

    def names(self):
        return sorted(p.name for p in self.path.iterdir())


def litter(folder):
    known = {"gatepost.conf", "rules", "rules.lmdb", "rules.lmdb.prev",
             "rules.summary"}
    return [name for name in folder.names() if name not in known]


@pytest.fixture
def folder(tmp_path):
    return Folder(tmp_path)


@pytest.fixture
def compiled(folder):
    assert folder.silent() == ""
    return folder
