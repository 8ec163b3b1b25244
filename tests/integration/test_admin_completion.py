"""Completion in bash and zsh: what is offered, asked of the shells; and what
becomes of a line that is typed at a terminal."""

import contextlib
import os
import pty
import re
import shutil
import subprocess
import time

import pytest

from gplab import common

FOLDER = common.TREE / "packaging" / "completion"

COMMANDS = ["back", "check", "diff", "edit", "explain", "history", "impact",
            "kick", "list", "metrics", "refused", "set", "undo", "unset"]
VALUES = ["cleartext", "implicit", "inherit", "off", "tls", "trusted"]


def environment():
    folders = {str(common.program("gatepost").parent),
               str(common.program("gatemap").parent)}
    return {**os.environ, "PATH": ":".join(folders) + ":" +
            os.environ["PATH"]}


def in_bash(*words):
    """bash cuts words at "=" itself; so do we."""
    cut = []
    for word in words:
        name, equals, value = word.partition("=")
        cut += [name, "=", value] if equals and value else \
            [name, "="] if equals else [word]
    script = (f'source "{FOLDER}/gatepost.bash"; COMP_WORDS=("$@"); '
              "COMP_CWORD=$(($# - 1)); _$1; printf '%s\\n' "
              '"${COMPREPLY[@]}"')
    done = subprocess.run(["bash", "-c", script, "bash", *cut],
                          capture_output=True, text=True, check=True,
                          env=environment())
    assert done.stderr == ""
    return sorted(filter(None, done.stdout.split("\n")))


def in_zsh(*words):
    script = f"""\
        compadd() {{
            while [[ $1 != -- ]]; do shift; done; shift
            for w in "$@"; do [[ $w == "$PREFIX"* ]] && print -r -- "$w"; done
        }}
        _files() {{ print FILES }}
        words=("$@") CURRENT=$# PREFIX=${{@[-1]}}
        set --
        source "{FOLDER}/_gatepost"
        """
    done = subprocess.run(["zsh", "-f", "-c", script, "zsh", *words],
                          capture_output=True, text=True, check=False,
                          env=environment())
    assert done.stderr == ""
    return sorted(filter(None, done.stdout.split("\n")))


needs_zsh = pytest.mark.skipif(shutil.which("zsh") is None,
                               reason="needs zsh")
shells = pytest.mark.parametrize("complete", [
    in_bash, pytest.param(in_zsh, marks=needs_zsh)])


@shells
def test_commands(complete):
    offered = complete("gatepost", "")
    assert [w for w in offered if not w.startswith("-")] == COMMANDS
    assert complete("gatepost", "un") == ["undo", "unset"] or \
        complete("gatepost", "un") == sorted(["undo", "unset"])
    listed = subprocess.run([common.program("gatepost"), "--help"],
                            capture_output=True, text=True, check=True).stdout
    assert sorted(re.findall(r"^  ([a-z]+) ", listed, re.M)) == COMMANDS


@shells
@pytest.mark.parametrize("command", COMMANDS)
def test_every_option_of_every_command(complete, command):
    shown = subprocess.run([common.program("gatepost"), command, "--help"],
                           capture_output=True, text=True, check=True).stdout
    expected = {word for line in shown.splitlines()
                if line.startswith("  ") and line.lstrip().startswith("-")
                for word in re.findall(r"(?:^|[ ,])(--?[a-z][a-z-]*)",
                                       line.strip().split("  ")[0])}
    assert {"--help", "--config"} <= expected
    assert set(complete("gatepost", command, "-")) == expected
    assert "--only" in complete("gatepost", "set", "--on")


@shells
def test_attributes_and_values(complete):
    assert {"imap=", "lock", "note="} <= set(complete("gatepost", "set",
                                                      "a.test", ""))
    assert "imap" in complete("gatepost", "unset", "a.test", "im")
    values = complete("gatepost", "set", "a.test", "imap=")
    assert [v.removeprefix("imap=") for v in values] == VALUES
    values = complete("gatepost", "set", "a.test", "tls_min=1.3")
    assert [v.removeprefix("tls_min=") for v in values] == ["1.3"]
    assert "webmail" in complete("gatepost", "list", "--service", "")
    assert "pop3" in complete("gatepost", "explain", "a@b.c", "po")


@shells
def test_gatemap(complete):
    assert "--check" in complete("gatemap", "--ch")


# At a terminal

START = {
    "bash": (["bash", "--norc", "--noprofile", "-i"],
             f"PS1='# '; set -o emacs; source '{FOLDER}/gatepost.bash'"),
    "zsh": (["zsh", "-f", "-i"],
            f"PS1='# '; bindkey -e; fpath=('{FOLDER}' $fpath); "
            "autoload -U compinit; compinit -u -D"),
}


class Typist:
    """Types lines into a shell. Each is printed by the shell, not run."""

    def __init__(self, name):
        argv, setup = START[name]
        self.name = name
        self.shown = ""
        self.count = 0
        self.pid, self.terminal = pty.fork()
        if self.pid == 0:
            try:
                os.execvpe(argv[0], argv, {**environment(), "TERM": "dumb"})
            finally:
                os._exit(99)
        self.run(setup)

    def close(self):
        with contextlib.suppress(OSError):
            os.write(self.terminal, b"\x15exit\n")
            while os.read(self.terminal, 4096):
                pass
        os.close(self.terminal)
        os.waitpid(self.pid, 0)

    def wait_for(self, pattern):
        end = time.monotonic() + common.DEADLINE
        while (found := re.search(pattern, self.shown)) is None:
            assert time.monotonic() < end, self.shown
            self.shown += os.read(self.terminal, 4096).decode()
        return found

    def run(self, line):
        """Runs a line, and waits for its end."""
        self.count += 1
        self.shown = ""
        os.write(self.terminal, f"{line}; echo end-$(({self.count}+0))-\n"
                 .encode())
        self.wait_for(f"end-{self.count}-")

    def completed(self, line):
        """What the line is after the tabulator."""
        self.shown = ""
        self.count += 1
        os.write(self.terminal, line.encode() + b"\t")
        # The beginning of the line, and a word that prints the rest.
        os.write(self.terminal, b"\x01echo \"<\" \x05\">\"\n")
        return self.wait_for(r"\r\n< (.*)>\r\n").group(1)


@pytest.fixture(scope="module", params=["bash", pytest.param(
    "zsh", marks=needs_zsh)])
def typist(request):
    with contextlib.closing(Typist(request.param)) as made:
        yield made


@pytest.mark.parametrize("typed, completed", [
    ("gatepost li", "gatepost list "),
    ("gatepost set --on", "gatepost set --only "),
    ("gatepost check --no-p", "gatepost check --no-postfix "),
    ("gatepost edit --js", "gatepost edit --json "),
    ("gatepost list --service web", "gatepost list --service webmail "),
    ("gatepost set --until 3", "gatepost set --until 30d "),
    ("gatepost set a.test im", "gatepost set a.test imap="),
    ("gatepost set a.test imap=tr", "gatepost set a.test imap=trusted "),
    ("gatepost set a.test tls_min=1.3", "gatepost set a.test tls_min=1.3 "),
    ("gatepost unset a.test tls", "gatepost unset a.test tls_min "),
    ("gatepost explain a@b.c po", "gatepost explain a@b.c pop3 "),
    ("gatepost explain a@b.c imap implicit=y",
     "gatepost explain a@b.c imap implicit=yes "),
    (f"gatepost edit {FOLDER}/gatepost.ba",
     f"gatepost edit {FOLDER}/gatepost.bash "),
    ("gatemap --che", "gatemap --check "),
    ("gatepost nonsense --x", "gatepost nonsense --x"),
])
def test_a_line_that_is_typed(typist, typed, completed):
    # zsh takes the blank away again when the cursor moves.
    assert typist.completed(typed) == (
        completed.rstrip() if typist.name == "zsh" else completed)
