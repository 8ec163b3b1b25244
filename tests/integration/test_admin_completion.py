"""Completion in bash and zsh: what is offered, asked of the shells."""

import os
import re
import shutil
import subprocess

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
