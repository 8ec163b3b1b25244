"""What the commands that read logs say of some."""

import json
import os
import subprocess

from gplab import common


class Reports:
    """impact and refused, of rules of its own."""

    def __init__(self, lab, rules):
        self.lab = lab
        lab.write_conf()
        lab.write_rules(rules)

    def run(self, command, *args, stdin=b"", env=None):
        judged = ["-f", self.lab.rules] if command == "impact" else []
        return subprocess.run(
            [str(arg) for arg in (common.program("gatepost"), command, "-c",
                                  self.lab.conf, *judged, *args)],
            input=stdin, capture_output=True, timeout=60, check=False,
            cwd=self.lab.dir, env={**os.environ, "TZ": "UTC", **(env or {})})

    def impact(self, *args, **options):
        done = self.run("impact", "--json", *args, **options)
        assert done.returncode in (0, 1), done.stderr
        return json.loads(done.stdout)

    def named(self, *args, **options):
        return {(row["mailbox"], row["service"], row["cause"])
                for row in self.impact(*args, **options)["rows"]}


def write(lab, name, data, mtime=None):
    path = lab.dir / name
    path.write_bytes(data if isinstance(data, bytes) else data.encode())
    if mtime is not None:
        os.utime(path, (mtime, mtime))
    return path
