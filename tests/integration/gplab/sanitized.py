"""Modules that were built with sanitizers (configure --enable-sanitizers), inside
a Dovecot that was not: its processes load the sanitizers' library first, and
have no limit of address space, of which AddressSanitizer takes terabytes. What
it finds ends the process and stands in Dovecot's log.

Leaks are not looked for: whose they are could not be told from Dovecot's own
pools, which it does not empty at its end."""

import functools
import re
import subprocess

from gplab import common

FOUND = re.compile(r"ERROR: AddressSanitizer|runtime error: |"
                   r"AddressSanitizer:DEADLYSIGNAL")


@functools.cache
def environment():
    """What a process needs that loads the modules; empty when they are
    ordinary ones."""
    try:
        module = common.module("libauthdb_gatepost")
    except common.LabError:
        # Built without the Dovecot door: there is nothing to be loaded.
        return {}
    linked = subprocess.run(["ldd", module], capture_output=True, text=True,
                            check=True).stdout
    found = re.search(r"libasan\S* => (\S+)", linked)
    if found is None:
        return {}
    return {"LD_PRELOAD": found.group(1),
            "ASAN_OPTIONS": "detect_leaks=0:abort_on_error=0",
            "UBSAN_OPTIONS": "print_stacktrace=1"}


def command(argv):
    """A command line that runs in that environment."""
    return [*(["env", *words()] if environment() else []), *argv]


def words():
    return [f"{name}={value}" for name, value in environment().items()]


def settings(release):
    """What a dovecot.conf needs for it at its end."""
    lines = "".join("  {} = {}\n".format(*word.split("=", 1))
                    for word in words())
    return lines and release.environment.format(words=" ".join(words()),
                                                lines=lines)


def reports(folder):
    """The first lines of what was found by processes of a lab."""
    return [line for path in folder.glob("**/*.log")
            for line in path.read_text(errors="replace").splitlines()
            if FOUND.search(line)]
