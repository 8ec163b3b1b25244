"""gatemap on files that are large enough to be parsed in pieces, on all
processors: what comes out is what one processor makes of it, and a rule takes
no more memory than it may. Needs no server."""

import os
import subprocess

import pytest

from gplab import common
from gplab.gatemap import folder  # noqa: F401

# 1.2 MB and more: five pieces.
COUNT = 40000


def mixed_rules(wrong=()):
    """Lines of all kinds, those in wrong with an error."""
    lines = ["* all=tls", "net:office 192.0.2.0/24"]
    for n in range(COUNT):
        name = f"user{n:06}@d{n // 7 % 100}.example"
        if n in wrong:
            lines.append(f"{name} imap=nonsense")
        elif n % 10 == 0:
            lines.append(f"profile:p{n} trusted_nets=office,n{n}\n"
                         f"net:n{n} 192.0.{n % 256}.0/24 # and more:\n"
                         f"  2001:db8::{n:x}\n{name} profile=p{n}")
        elif n % 3 == 0:
            lines.append(f"{name} # continued\n# in between\n\tpop3=off "
                         f"note=\"{n} # {n}\"")
        else:
            lines.append(f"{name} imap=off")
    return "\n".join(lines)


def one_processor():
    os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})


def test_pieces_make_the_same_map(folder):
    folder.rules.write_text(mixed_rules())
    folder.silent()
    many = folder.printed()
    assert many.count("\n") > COUNT
    folder.silent(preexec_fn=one_processor)
    assert folder.printed() == many


def test_errors_are_told_with_their_lines(folder):
    """Every error, in order, in whichever piece."""
    wrong = [0, 1, 17001, 25002, 25003, COUNT - 1]
    text = mixed_rules(wrong)
    folder.rules.write_text(text)
    expected = []
    for number, line in enumerate(text.split("\n"), start=1):
        if "nonsense" in line:
            expected.append(f"{number}:{line.index('nonsense') + 1}")
    assert len(expected) == len(wrong)
    for more in ({}, {"preexec_fn": one_processor}):
        told = folder.expect(65, **more).stderr.splitlines()
        told = [line for line in told if "unknown value" in line]
        assert [line.split("rules:")[1].split(": error")[0]
                for line in told] == expected


MEASURE = """
import resource, subprocess, sys
subprocess.run(sys.argv[1:], check=True)
print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss)
"""


def peak_bytes(folder):
    """By way of a small process, whose own memory counts as well."""
    done = subprocess.run(
        ["/usr/bin/python3", "-c", MEASURE, *folder.argv()], cwd=folder.path,
        check=True, capture_output=True, text=True)
    return int(done.stdout) * 1024


def test_memory_of_a_rule(folder):
    if b"__asan_init" in common.program("gatemap").read_bytes():
        pytest.skip("the sanitizers' memory would be measured")
    rules = folder.rules
    rules.write_text("* all=tls\n")
    before = peak_bytes(folder)
    count = 500000
    with rules.open("w", encoding="ascii") as out:
        out.write("* all=tls\n")
        for n in range(count):
            out.write(f"user{n:08}@dom{n // 100:06}.example imap=off\n")
    assert peak_bytes(folder) - before < 140 * count
