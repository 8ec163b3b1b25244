"""gatepost edit: an editor on a copy, and nothing takes force unseen."""

import json
import os
import pathlib
import pty
import re
import resource
import select
import signal
import tempfile
import time

import pytest

from gplab import admin, common
from gplab.admin import RULES


@pytest.fixture
def folder(tmp_path):
    return admin.compiled(tmp_path)

def editor(folder, script):
    path = folder.path / "editor"
    path.write_text(f"#!/bin/sh\n{script}\n")
    path.chmod(0o755)
    return {"VISUAL": str(path), "EDITOR": "/bin/false"}


def test_edit(folder):
    env = editor(folder, "sed -i 's/^other.example .*/other.example "
                         "imap=off/' \"$1\"")
    out = folder.ok("edit", env=env, stdin="y\n")
    assert "- other.example: imap tls -> off" in out
    assert "0 mailboxes and 1 domain differ" in out
    assert folder.in_force("other.example") == ["imap=off"]
    folder.ok("undo", "1")
    assert folder.rules.read_text() == RULES


@pytest.mark.parametrize("script", [
    "sed -i 's/^# the copier/# the old copier/' \"$1\"",
    "sed -i '/^# the house/d; 1i # new' \"$1\"",
    "printf '# end, without a newline' >>\"$1\"",
    "sed -i '/^# /d; s/imap=off/imap=off # why/; $a x.test imap=off' \"$1\"",
    "sort -o \"$1\" \"$1\"; sed -i '/until=/d' \"$1\"",
    "printf '# caf\\351\\r\\n' >>\"$1\"",
    "printf 'x.test imap=off\\n' >\"$1\"",
    ": >\"$1\"",
])
def test_undo_brings_back_comments_and_order(folder, script):
    folder.ok("edit", "--yes", env=editor(folder, script))
    edited = folder.state()
    assert edited[0] != RULES.encode()
    folder.ok("undo", "1")
    assert folder.rules.read_text() == RULES
    folder.ok("undo", "2")
    assert folder.rules.read_bytes() == edited[0]


def test_undo_of_an_edit_with_changes_behind_it(folder):
    """Key by key then; what was done to comments stays."""
    folder.ok("edit", "--yes", env=editor(
        folder, "sed -i 's/# the house/# a house/; s/^eve.*/eve@other.example "
        "imap=tls/' \"$1\""))
    folder.ok("set", "x.test", "imap=off")
    folder.ok("undo", "1")
    assert folder.rules.read_text() == RULES.replace(
        "# the house", "# a house") + "x.test imap=off\n"


def test_undo_of_an_edit_by_a_reseller(folder):
    """What was done to comments is not his to take back, nor to read."""
    folder.ok("edit", "--yes", env=editor(
        folder, "sed -i 's/# the house/# a house/; s/^bob.*/bob@example.com "
        "imap=tls/' \"$1\""))
    assert "texts" in folder.ok("history", "-j")
    assert "texts" not in folder.ok("history", "-j", "--only", "example.com")
    folder.ok("undo", "--only", "example.com", "1")
    assert folder.rules.read_text() == RULES.replace("# the house",
                                                     "# a house")


def test_undo_of_an_edit_of_a_large_file(tmp_path):
    """Two places far apart are two differences, not all that is between."""
    rules = "# top\n" + "".join(f"u{i}@a.test imap=off\n"
                                for i in range(50_000)) + "# end\n"
    folder = admin.compiled(tmp_path, rules)
    folder.ok("edit", "--yes", env=editor(
        folder, "sed -i '1s/top/head/; 20000a # middle\n$d' \"$1\""))
    assert len(folder.journal.read_bytes()) < 3000
    folder.ok("undo", "1")
    assert folder.rules.read_text() == rules


def test_a_copy_that_is_not_whole_is_not_edited(tmp_path):
    """Where there is no room for it; half the rules are gone then."""
    folder = admin.compiled(tmp_path, "".join(
        f"u{i}@a.test imap=off\n" for i in range(20_000)))
    env = editor(folder, f"touch {folder.path}/edited")
    with tempfile.TemporaryDirectory(prefix="gp-", dir="/tmp") as temporary:
        error = folder.refused(
            74, "edit", "--yes", env={**env, "TMPDIR": temporary},
            preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE,
                                                  (65536, 65536)))
        assert not os.listdir(temporary)
    assert "File too large" in error
    assert "edited" not in folder.names()


def test_edit_asks_before_it_takes_force(folder):
    before = folder.state()
    env = editor(folder, 'echo "x.test all=off" >>"$1"')
    assert "nothing was changed" in folder.ok("edit", env=env, stdin="x\n")
    assert folder.state() == before
    out = folder.ok("edit", env=env, stdin="e\ny\n".replace("e\n", "x\n"))
    assert "nothing was changed" in out
    folder.ok("edit", "--yes", env=env)
    assert folder.in_force("x.test") == ["all=off"]


def test_edit_asks_again_on_errors(folder):
    env = editor(folder, f'n=$(cat {folder.path}/n 2>/dev/null || echo 0)\n'
                 f'echo $((n + 1)) >{folder.path}/n\n'
                 'if [ "$n" = 0 ]; then echo "x.test imap=offf" >>"$1"\n'
                 'else sed -i "s/offf/off/" "$1"; fi')
    done = folder.expect(0, "edit", env=env, stdin="e\ny\n")
    assert 'did you mean "off"' in done.stderr
    assert folder.in_force("x.test") == ["imap=off"]
    (folder.path / "n").unlink()
    folder.refused(65, "edit", env=env, stdin="x\n")
    (folder.path / "n").unlink()
    folder.refused(65, "edit", "--yes", env=env)


def test_edit_repairs_broken_rules(folder):
    with folder.rules.open("a") as rules:
        rules.write("broken\n")
    folder.ok("edit", "--yes", env=editor(folder,
                                          "sed -i /broken/d \"$1\""))
    assert folder.rules.read_text() == RULES


def test_edit_does_not_overwrite_others(folder):
    env = editor(folder, f'echo "x.test all=off" >>"$1"\n'
                 f'{" ".join(folder.argv("set", "y.test", "all=off"))}')
    done = folder.expect(75, "edit", "--yes", env=env)
    assert "changed by somebody else" in done.stderr
    copy = pathlib.Path(done.stderr.strip().rsplit(" ", 1)[1])
    assert copy.read_text() == RULES + "x.test all=off\n"
    copy.unlink()
    copy.parent.rmdir()
    assert folder.rules.read_text() == RULES + "y.test all=off\n"


def test_json(folder):
    env = editor(folder, 'echo "x.test all=off" >>"$1"')
    done = json.loads(folder.ok("edit", "--yes", "--json", env=env))
    assert done["id"] == 1 and done["sessions_may_stand"] is True
    assert [key["key"] for key in done["keys"]] == ["x.test"]
    done = json.loads(folder.ok("edit", "-j", "--yes",
                                env=editor(folder, "true")))
    assert done == {"id": None, "keys": [], "sessions_may_stand": False}
    assert "--yes" in folder.refused(64, "edit", "--json", env=env)


# At a terminal


class Terminal:
    """gatepost edit at a terminal of its own."""

    def __init__(self, folder, env):
        self.shown = ""
        self.pid, self.terminal = pty.fork()
        if self.pid == 0:
            argv = folder.argv("edit")
            try:
                os.execve(argv[0], argv, {**os.environ, **env})
            finally:
                os._exit(99)

    def wait_for(self, text):
        end = time.monotonic() + common.DEADLINE
        while text not in self.shown and time.monotonic() < end:
            self.shown += os.read(self.terminal, 4096).decode()
        assert text in self.shown

    def type(self, keys):
        os.write(self.terminal, keys)

    def status(self):
        """The exit status, or a signal's negative number; and the rest."""
        try:
            while select.select([self.terminal], [], [], common.DEADLINE)[0]:
                self.shown += os.read(self.terminal, 4096).decode()
            os.kill(self.pid, signal.SIGKILL)
        except OSError:
            pass
        status = os.waitstatus_to_exitcode(os.waitpid(self.pid, 0)[1])
        os.close(self.terminal)
        return status


APPENDED = 'echo "x.test all=off" >>"$1"'
QUESTION = "Put it in force"


def kept(folder, shown):
    """The text that was kept, which is removed."""
    path = pathlib.Path(re.search(r"text is in (\S+)", shown).group(1))
    text = path.read_text()
    path.unlink()
    path.parent.rmdir()
    return text


def test_terminal(folder):
    at = Terminal(folder, editor(folder, APPENDED))
    at.wait_for(QUESTION)
    at.type(b"what?\ny\n")
    assert at.status() == 0
    assert folder.in_force("x.test") == ["all=off"]


@pytest.mark.parametrize("key, status", [(b"\x03", -2), (b"\x04", 75)])
def test_who_leaves_the_question_keeps_the_text(folder, key, status):
    before = folder.state()
    at = Terminal(folder, editor(folder, APPENDED))
    at.wait_for(QUESTION)
    at.type(key)
    assert at.status() == status
    assert kept(folder, at.shown) == RULES + "x.test all=off\n"
    assert folder.state() == before


def test_terminal_that_is_lost(folder):
    before = folder.state()
    temporary = folder.path / ("x" * 200)
    temporary.mkdir()
    at = Terminal(folder, {**editor(folder, APPENDED),
                           "TMPDIR": str(temporary)})
    at.wait_for(QUESTION)
    os.close(at.terminal)
    assert os.waitstatus_to_exitcode(os.waitpid(at.pid, 0)[1]) == -1
    assert folder.state() == before
    copy, = temporary.glob("gatepost-*/rules")
    assert copy.read_text() == RULES + "x.test all=off\n"


@pytest.mark.parametrize("name, message", [
    ("none", "No such file"), ("x" * 5000, "File name too long")])
def test_a_folder_for_copies_that_is_none(folder, name, message):
    env = {**editor(folder, APPENDED), "TMPDIR": str(folder.path / name)}
    done = folder.run("edit", "--yes", env=env)
    assert done.returncode in (66, 74) and message in done.stderr
    assert folder.rules.read_text() == RULES


def test_the_editors_interrupt_is_the_editors(folder):
    at = Terminal(folder, editor(
        folder, "trap 'echo interrupted; " + APPENDED.replace("'", "")
        + "; exit 0' INT; echo ready; sleep 20 & wait"))
    at.wait_for("ready")
    at.type(b"\x03")
    at.wait_for(QUESTION)
    at.type(b"y\n")
    assert at.status() == 0
    assert folder.in_force("x.test") == ["all=off"]


def test_two_editors_at_once(folder):
    """Who is done first is in force; the other one's text is kept."""
    first = Terminal(folder, editor(folder, APPENDED))
    first.wait_for(QUESTION)
    second = Terminal(folder, {"VISUAL": "sed -i s/imap=off/imap=tls/"})
    second.wait_for(QUESTION)
    second.type(b"y\n")
    assert second.status() == 0
    first.type(b"y\n")
    assert first.status() == 75
    assert kept(folder, first.shown) == RULES + "x.test all=off\n"
    assert folder.rules.read_text() == RULES.replace("imap=off", "imap=tls")


def test_an_editor_that_fails(folder):
    assert "has failed" in folder.refused(69, "edit", env={
        "VISUAL": "", "EDITOR": "/bin/false"})
