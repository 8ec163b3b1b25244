"""gatepost ... --only DOMAIN: a reseller at the panel, and whatever he may try
to touch what is not his."""

import pytest

from gplab.admin import Folder

RULES = """\
net:office       192.0.2.0/24
profile:sales    imap=off
*                all=tls
.example.com     sieve=off
example.com      pop3=off
bob@example.com  imap=off
sub.example.com  imap=off
al@sub.example.com imap=off
other.example    imap=off
eve@other.example imap=off
examplexcom      imap=off
münchen.example  imap=off
me@              imap=off
@                imap=tls
"""


@pytest.fixture
def folder(tmp_path):
    made = Folder(tmp_path, RULES)
    made.compile()
    return made


# Inside

@pytest.mark.parametrize("only, words", [
    ("example.com", ["example.com", "imap=off"]),
    ("example.com", ["bob@example.com", "imap=tls"]),
    ("EXAMPLE.com.", ["BOB@Example.COM.", "imap=tls"]),
    ("example.com", ["new@example.com", "profile=sales"]),
    ("example.com", ["example.com", "trusted_nets=office"]),
    ("example.com", ["al@example.com", "same_as=bob@example.com"]),
    ("example.com", ["example.com", "imap=off", "--reset"]),
    ("sub.example.com", ["al@sub.example.com", "imap=tls"]),
    ("xn--mnchen-3ya.example", ["x@münchen.example", "imap=tls"]),
    ("MÜNCHEN.example", ["xn--mnchen-3ya.example", "pop3=off"]),
])
def test_inside(folder, only, words):
    folder.ok("set", "--only", only, *words)
    assert folder.rules.read_text() != RULES


# Outside

OUTSIDE = [
    "other.example", "eve@other.example", "*", ".example.com",
    "sub.example.com", "al@sub.example.com", "com", ".com", "examplexcom",
    "xexample.com", "example.com.evil.test", "bob@example.com.evil.test",
    "me@", "@", "net:office", "net:new", "profile:sales", "profile:new",
    "OTHER.example.", "xn--mnchen-3ya.example", "münchen.example",
    "ｏther.example",
]


@pytest.mark.parametrize("key", OUTSIDE)
def test_outside(folder, key):
    value = "192.0.2.0/24" if key.startswith("net:") else "imap=tls"
    error = folder.refused(77, "set", "--only", "example.com", key, value)
    assert "outside of --only" in error
    folder.refused(77, "set", key, value, "--only", "example.com")
    folder.refused(77, "set", "--only", "example.com", "--", key, value)
    folder.refused(77, "set", "--only", "example.com", "--reset", key, value)
    folder.refused(77, "unset", "--only", "example.com", key)
    folder.refused(77, "set", "--only", "example.com", "-",
                   stdin=f"bob@example.com imap=tls\n{key} {value}\n")
    folder.refused(77, "unset", "--only", "example.com", "-",
                   stdin=f"bob@example.com\n{key}\n")


@pytest.mark.parametrize("status, words", [
    # By way of values.
    (77, ["al@example.com", "same_as=eve@other.example"]),
    (77, ["al@example.com", "same_as=EVE@Other.example."]),
    (65, ["bob@example.com", "note=x\nother.example all=tls"]),
    (65, ["bob@example.com", "note=x\rother.example all=tls"]),
    (65, ["bob@example.com", "message=\"\nother.example all=tls"]),
    (77, ["bob@example.com\nother.example", "imap=tls"]),
    (77, ["bob@example.com other.example", "imap=tls"]),
    (65, ["#bob@example.com", "imap=tls"]),
    (65, ["bob@example.com", "imap=tls\tpop3=tls"]),
    (65, ["bob@example.com", "imap=tls\\\nother.example"]),
    (77, [" other.example", "imap=tls"]),
    (65, ["bob@example.com", "until=9d\nother.example"]),
    (65, ["bob@example.com", "imap=off", "--until", "9d\nx.test all=off"]),
    (65, ["bob@example.com", "imap=tls", "--note", "x\n* all=cleartext"]),
    # By way of options.
    (64, ["-c", "/tmp/evil.conf", "bob@example.com", "imap=tls"]),
    (64, ["--config=/tmp/evil.conf", "bob@example.com", "imap=tls"]),
    (64, ["--force", "bob@example.com", "imap=tls"]),
    (77, ["--only", "other.example", "bob@example.com", "imap=tls"]),
    (77, ["--only", "other.example", "other.example", "imap=tls"]),
    (64, ["--only", "*", "other.example", "imap=tls"]),
    (64, ["--only", "", "other.example", "imap=tls"]),
    (64, ["--only", ".com", "other.example", "imap=tls"]),
    (64, ["--only", "net:office", "other.example", "imap=tls"]),
    (77, ["-o", "other.example", "imap=tls"]),
])
def test_tricks(folder, status, words):
    done = folder.run("set", "--only", "example.com", *words)
    assert done.returncode in (status, 64), done
    assert folder.rules.read_text() == RULES
    assert folder.in_force("other.example") == ["imap=off"]


def test_a_domain_that_leads_out(tmp_path):
    folder = Folder(tmp_path, "other.example imap=off\n")
    assert "leads out of --only" in folder.refused(
        77, "set", "--only", "example.com", "example.com",
        "same_as=other.example")
    # What the administrator has written may stay.
    folder.rules.write_text("other.example imap=off\n"
                            "example.com same_as=other.example\n")
    folder.ok("set", "--only", "example.com", "example.com", "note=x")


def test_undo_and_history(folder):
    folder.ok("set", "other.example", "imap=tls")
    folder.ok("set", "-", stdin="example.com imap=off\nother.example "
                                "pop3=off\n")
    folder.ok("set", "--only", "example.com", "bob@example.com", "imap=tls")
    for number in (1, 2):
        assert "outside of --only" in folder.refused(
            77, "undo", "--only", "example.com", number)
    shown = folder.ok("history", "--only", "example.com")
    assert "other.example" not in shown and "bob@example.com" in shown
    folder.ok("undo", "--only", "example.com", "--yes")
    assert folder.refused(1, "undo", "--only", "example.com", "--yes",
                          "--by", "nobody-else")
    folder.refused(64, "undo", "--only", "example.com", "-c", "/x", "1")
    folder.refused(64, "history", "--only", "example.com", "-c", "/x")


@pytest.mark.parametrize("command", ["back", "edit", "diff", "list"])
def test_commands_that_are_not_for_resellers(folder, command):
    folder.refused(64, command, "--only", "example.com")
