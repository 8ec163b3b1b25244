"""gatepost explain: its words and fields, its exit codes, and what it says of
maps that cannot be used. Needs no server. (What it decides is tried by
tests/rules.)"""

import ctypes
import json
import os
import pwd
import subprocess

import pytest

from gplab import common

RULES = """\
net:office       192.0.2.0/24
*                all=tls tls_min=1.2 help=https://help.test/
example.com      pop3=off allow_nets=office
bob@example.com  imap=off message="Ask Bob"
new.example      imap=tls mode=trial
new.example      imap=cleartext
"""

as_root = pytest.mark.skipif(os.geteuid() != 0, reason="needs root")


class Folder:
    def __init__(self, path):
        self.path = path
        self.map = path / "rules.lmdb"
        self.conf = path / "gatepost.conf"
        (path / "rules").write_text(RULES)
        self.configure("")

    def configure(self, text):
        if os.geteuid() != 0:
            text += f"map_owner = {pwd.getpwuid(os.geteuid()).pw_name}\n"
        self.conf.write_text(f"map = {self.map}\n{text}")

    def run(self, name, *arguments):
        return subprocess.run([common.program(name), *arguments],
                              cwd=self.path, capture_output=True, text=True,
                              check=False, stdin=subprocess.DEVNULL)

    def compile(self):
        done = self.run("gatemap", "--quiet", "-c", self.conf, "rules")
        assert done.returncode == 0, done

    def explain(self, status, *arguments):
        done = self.run("gatepost", "explain", "-c", self.conf, *arguments)
        assert done.returncode == status, done
        return done

    def answer(self, status, *arguments):
        done = self.explain(status, "--json", *arguments)
        assert done.stderr == ""
        return json.loads(done.stdout)


@pytest.fixture
def folder(tmp_path):
    return Folder(tmp_path)


@pytest.fixture
def compiled(folder):
    folder.compile()
    return folder


# Answers

CLIENT = "client=192.0.2.7"


def test_fields_of_a_refusal(compiled):
    answer = compiled.answer(1, "alice@example.com", "pop3", CLIENT,
                             "tls=1.3")
    assert list(answer) == ["verdict", "cause", "key", "line", "disclosed",
                            "text", "attributes"]
    assert {name: answer[name] for name in list(answer)[:5]} == {
        "verdict": "refuse", "cause": "off", "key": "example.com",
        "line": 3, "disclosed": True}
    assert list(answer["text"]) == ["imap", "pop3", "sasl", "smtp"]
    sasl = answer["text"]["sasl"]
    assert sasl.endswith("; see https://help.test/") and len(sasl) <= 200
    assert answer["text"]["imap"] == "[CONTACTADMIN] " + sasl
    assert answer["text"]["pop3"] == "[AUTH] " + sasl
    assert answer["text"]["smtp"] == "550 5.7.1 " + sasl


def test_attributes(compiled):
    attributes = compiled.answer(0, "alice@example.com", "imap", CLIENT,
                                 "tls=1.3")["attributes"]
    built_in = {"key": None, "line": None}
    every = {"key": "*", "line": 2}
    here = {"key": "example.com", "line": 3}
    assert attributes == {
        "imap": {"value": "tls", **every},
        "pop3": {"value": "off", **here},
        "submission": {"value": "tls", **every},
        "sieve": {"value": "tls", **every},
        "webmail": {"value": "tls", **every},
        "tls_min": {"value": "1.2", **every},
        "allow_nets": {"value": "office", **here},
        "trusted_nets": {"value": "none", **built_in},
        "cleartext_nets": {"value": "none", **built_in},
        "unauthenticated_nets": {"value": "none", **built_in},
        "message": {"value": None, **built_in},
        "help": {"value": "https://help.test/", **every},
    }


def test_fields_of_an_allow(compiled):
    answer = compiled.answer(0, "x@y.z", "imap", "tls=1.2")
    assert {name: answer[name] for name in list(answer)[:6]} == {
        "verdict": "allow", "cause": None, "key": None, "line": None,
        "disclosed": None,
        "text": {"imap": None, "pop3": None, "sasl": None, "smtp": None}}


def test_fields_of_a_trial(compiled):
    answer = compiled.answer(0, "x@new.example", "imap")
    assert {name: answer[name] for name in list(answer)[:5]} == {
        "verdict": "trial", "cause": "cleartext", "key": "new.example",
        "line": 5, "disclosed": None}
    # What is in force, not what is on trial.
    assert answer["attributes"]["imap"] == {
        "value": "cleartext", "key": "new.example", "line": 6}


def test_name_that_is_none(compiled):
    answer = compiled.answer(1, "x@@y", "imap", "tls=1.3")
    assert (answer["cause"], answer["key"], answer["attributes"]) == \
        ("name", None, {})


def test_text_for_people(compiled):
    out = compiled.explain(1, "bob@example.com", "imap", CLIENT,
                           "tls=1.3").stdout.splitlines()
    assert out[0] == \
        "bob@example.com imap: refused: the service is off (off)"
    words = [line.split() for line in out]
    assert ["rule", "bob@example.com",
            f"({compiled.path}/rules:4)"] in words
    assert ["message", "Ask", "Bob", "bob@example.com",
            f"{compiled.path}/rules:4"] in words
    assert ["trusted_nets", "none", "(built", "in)"] in words
    assert any(line.startswith("  IMAP       [AUTHENTICATIONFAILED]")
               for line in out)
    out = compiled.explain(0, "x@new.example", "imap").stdout
    assert out.startswith("x@new.example imap: allowed, but a rule on trial "
                          "would refuse: ")
    out = compiled.explain(0, "x@y.z", "imap", "client=10.0.0.1",
                           "server=10.0.0.1").stdout
    assert out.startswith("x@y.z imap: allowed\n")
    assert "local" in out


def test_what_was_typed_does_no_harm(compiled):
    out = compiled.explain(1, "a\x1b[31m\r\n b", "imap").stdout
    assert out.startswith("a\\x1b[31m\\x0d\\x0a\\x20b imap: refused")


def test_map_of_the_settings_or_another(compiled):
    compiled.explain(1, "x@example.com", "pop3", CLIENT, "tls=1.3")
    compiled.explain(1, "-m", "rules.lmdb", "x@example.com", "pop3", CLIENT,
                     "tls=1.3")
    compiled.explain(66, "-m", "other.lmdb", "x@example.com", "pop3")


def test_rules_that_are_not_compiled(folder):
    answer = folder.answer(1, "-f", "rules", "x@example.com", "pop3",
                           CLIENT, "tls=1.3")
    assert (answer["key"], answer["line"]) == ("example.com", 3)
    assert not folder.map.exists()
    (folder.path / "rules").write_text("* imap=on\nx.y imap=\n")
    done = folder.explain(65, "-f", "rules", "x@y.z", "imap")
    assert done.stdout == ""
    assert [line.split()[0] for line in done.stderr.splitlines()] == \
        ["rules:1:8:", "rules:2:5:"]


def test_at_and_the_clock(folder):
    """"at" is taken as given; without it the doors' clock counts."""
    (folder.path / "rules").write_text(
        "a.test imap=cleartext until=2020-01-01T00:00:00Z\n")
    folder.compile()
    folder.explain(0, "u@a.test", "imap", "at=1970-01-01T00:00:00Z")
    folder.explain(0, "u@a.test", "imap", "at=2019-12-31T23:59:59Z")
    folder.explain(1, "u@a.test", "imap")


def test_settings_of_the_map_count(folder):
    """What logins without a domain are called was settled at compile time."""
    folder.configure("default_domain = example.com\n"
                     "recipient_delimiter = +\n")
    folder.compile()
    folder.configure("default_domain = other.test\n")
    assert folder.answer(1, "bob+tag", "imap", CLIENT,
                         "tls=1.3")["key"] == "bob@example.com"


# The command line


@pytest.mark.parametrize("arguments", [
    (), ("a@b.c",), ("a@b.c", "smtp"), ("a@b.c", "IMAP"),
    ("a@b.c", "imap", "tls"), ("a@b.c", "imap", "tls=1.4"),
    ("a@b.c", "imap", "tls="), ("a@b.c", "imap", "client=host"),
    ("a@b.c", "imap", "client=192.0.2.0/24"), ("a@b.c", "imap", "at=now"),
    ("a@b.c", "imap", "implicit=maybe"), ("a@b.c", "imap", "auth=no"),
    ("a@b.c", "imap", "colour=red"), ("a@b.c", "imap", "tls=1.2", "tls=1.3"),
    ("-m", "a", "-f", "b", "a@b.c", "imap"), ("--bogus", "a@b.c", "imap")])
def test_usage(compiled, arguments):
    done = compiled.explain(64, *arguments)
    assert done.stdout == ""
    assert done.stderr.startswith("gatepost: ")


def test_commands(folder):
    done = folder.run("gatepost")
    assert (done.returncode, done.stdout) == (64, "")
    done = folder.run("gatepost", "expalin")
    assert done.returncode == 64
    assert "there is no command expalin" in done.stderr
    for arguments in (("--help",), ("explain", "--help"), ("--version",)):
        done = folder.run("gatepost", *arguments)
        assert (done.returncode, done.stderr) == (0, "")
        assert "explain" in done.stdout or "(Gatepost)" in done.stdout


# Bad input


def unusable(folder, status, *words):
    """explain and gatemap -s say which file it is, and what to do."""
    done = folder.explain(status, "x@y.z", "imap")
    listed = folder.run("gatemap", "-c", folder.conf, "-s", "rules")
    assert listed.returncode == status
    for err in (done.stderr, listed.stderr):
        for word in ("rules.lmdb", *words):
            assert word in err
    assert (done.stdout, listed.stdout) == ("", "")


def test_no_map(folder):
    unusable(folder, 66, "does not exist", "compile the rules")


def test_not_a_file(folder):
    folder.map.mkdir()
    unusable(folder, 78, "not a regular file")


@pytest.mark.parametrize("damage", ["empty", "cut", "cut_page", "longer",
                                    "flipped", "text"])
def test_damaged_map(compiled, damage):
    data = bytearray(compiled.map.read_bytes())
    if damage == "flipped":
        data[len(data) // 3] ^= 4
    compiled.map.write_bytes({
        "empty": b"", "cut": data[:-1], "cut_page": data[:-4096],
        "longer": data + b"\0", "flipped": data,
        "text": RULES.encode()}[damage])
    unusable(compiled, 78, "gatemap")


class Digest(ctypes.Structure):
    _fields_ = [("low", ctypes.c_uint64), ("high", ctypes.c_uint64)]


def with_damaged_record(data, text):
    """The map with this text of a record changed, and with a digest of the whole
    file that fits again."""
    assert data.count(text) == 1
    data = data.replace(text, text.swapcase())[:-16]
    digest = ctypes.CDLL("libxxhash.so.0").XXH3_128bits
    digest.restype = Digest
    digest.argtypes = [ctypes.c_char_p, ctypes.c_size_t]
    found = digest(data, len(data))
    return (data + found.high.to_bytes(8, "big")
            + found.low.to_bytes(8, "big"))


def test_decision_that_fails(compiled):
    """A record that is damaged in a map that is whole: what needs it is
    deferred, as at the doors, and nothing else."""
    compiled.map.write_bytes(
        with_damaged_record(compiled.map.read_bytes(), b"Ask Bob"))
    answer = compiled.answer(75, "bob@example.com", "pop3", CLIENT, "tls=1.3")
    assert answer["verdict"] == "defer"
    assert (answer["cause"], answer["key"], answer["disclosed"],
            answer["attributes"]) == (None, None, None, {})
    assert answer["text"]["imap"].startswith("[UNAVAILABLE] ")
    assert answer["text"]["pop3"].startswith("[SYS/TEMP] ")
    assert answer["text"]["smtp"].startswith("451 4.3.0 ")
    out = compiled.explain(75, "bob@example.com", "pop3").stdout
    assert out.startswith("bob@example.com pop3: deferred: map ")
    assert "rules.lmdb has a damaged record; compile the rules" in out
    compiled.explain(1, "alice@example.com", "pop3", CLIENT, "tls=1.3")
    compiled.explain(0, "alice@example.org", "pop3", "tls=1.3")


@as_root
def test_map_of_another_owner(compiled):
    nobody = pwd.getpwnam("nobody")
    os.chown(compiled.map, nobody.pw_uid, nobody.pw_gid)
    unusable(compiled, 78, "map_owner")
    compiled.configure("map_owner = nobody\n")
    compiled.explain(0, "x@y.z", "imap", "tls=1.3")


@pytest.mark.parametrize("mode", [0o660, 0o642])
def test_map_that_others_may_write(compiled, mode):
    compiled.map.chmod(mode)
    unusable(compiled, 78, "chmod")


def test_unreadable_map(compiled):
    compiled.map.unlink()
    compiled.map.symlink_to(compiled.map)
    unusable(compiled, 74, "symbolic links")


# Root, too, may not read what nobody may.
OBEDIENT = ["setpriv", "--bounding-set=-dac_override,-dac_read_search"] \
    if os.geteuid() == 0 else []


@pytest.mark.parametrize("name, command", [
    ("rules.lmdb", "gatepost explain x@y.z imap"),
    ("rules.lmdb", "gatepost list"),
    ("rules.lmdb", "gatemap -s rules"),
    ("gatepost.conf", "gatepost explain x@y.z imap"),
    ("gatepost.conf", "gatemap rules"),
    ("rules", "gatemap rules"),
    ("rules", "gatepost explain -f rules x@y.z imap"),
])
def test_what_may_not_be_read(compiled, name, command):
    (compiled.path / name).chmod(0)
    program, *words = command.split()
    at = 1 if program == "gatepost" else 0
    words[at:at] = ["-c", str(compiled.conf)]
    done = subprocess.run([*OBEDIENT, common.program(program), *words],
                          cwd=compiled.path, capture_output=True, text=True,
                          check=False)
    assert (done.returncode, done.stdout) == (66, "")
    assert f"{name}: " in done.stderr
    assert "Permission denied" in done.stderr
    if name != "rules":
        assert "run this as root" in done.stderr


def test_missing_settings(compiled):
    compiled.conf.unlink()
    done = compiled.explain(66, "x@y.z", "imap")
    assert str(compiled.conf) in done.stderr and "-c" in done.stderr


def test_unknown_setting(compiled):
    compiled.configure("disclosure = none\n")
    done = compiled.explain(78, "x@y.z", "imap")
    assert done.stderr == (f"{compiled.conf}:2: error: there is no setting "
                           '"disclosure"; do you mean "disclose"?\n')
