#!/usr/bin/env python3
"""How fast "gatepost impact" reads a log, beside "grep -c" on the same file,
turn by turn. Prints megabytes a second of both, best of the turns, and the
processor time and memory of gatepost.

    bench-logs.py GATEPOST MEGABYTES"""

import os
import pathlib
import resource
import subprocess
import sys
import tempfile
import time

TURNS = 3
RULES = """* all=tls tls_min=1.2
example7.com pop3=off
.example.org all=trusted
"""


def run(argv, allowed):
    """Seconds of the clock, and what the child used."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    begun = time.monotonic()
    done = subprocess.run([str(arg) for arg in argv],
                          stdout=subprocess.PIPE, check=False)
    seconds = time.monotonic() - begun
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    if done.returncode not in allowed:
        sys.exit(f"{argv[0]}: exit {done.returncode}")
    return seconds, after.ru_utime - before.ru_utime


def main():
    gatepost, megabytes = sys.argv[1], int(sys.argv[2])
    with tempfile.TemporaryDirectory() as name:
        lab = pathlib.Path(name)
        log = lab / "mail.log"
        with open(log, "wb") as out:
            generator = pathlib.Path(__file__).with_name("gen-logs.py")
            subprocess.run([sys.executable, generator, str(megabytes)],
                           stdout=out, check=True)
        (lab / "rules").write_text(RULES)
        (lab / "gatepost.conf").write_text("")
        size = os.path.getsize(log) / 1e6
        impact, grep = [], []
        for _ in range(TURNS):
            impact.append(run([gatepost, "impact", "-c", lab, "-f",
                               lab / "rules", "--csv", log], (0, 1)))
            grep.append(run(["grep", "-c", "Login: user=", log], (0,)))
        memory = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss
        best = min(impact)
        print(f"{size:.0f} MB of logs: impact {size / best[0]:.0f} MB/s "
              f"({size / best[1]:.0f} MB per second of processor), "
              f"grep -c {size / min(grep)[0]:.0f} MB/s; at most "
              f"{memory / 1024:.0f} MiB of memory")


if __name__ == "__main__":
    main()
