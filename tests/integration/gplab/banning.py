"""What fail2ban makes of log lines: its own filters as the distribution has
them, and those of packaging/ beside them."""

import pathlib
import shutil

from gplab import common

STOCK = pathlib.Path("/etc/fail2ban")
OURS = common.TREE / "packaging" / "fail2ban"


class Filters:
    """A folder of filters. fail2ban itself is never started."""

    def __init__(self, lab):
        self.lab = lab
        self.dir = lab.dir / "fail2ban"
        shutil.copytree(STOCK, self.dir, ignore_dangling_symlinks=True)
        for path in OURS.glob("*.conf"):
            shutil.copy(path, self.dir / "filter.d")

    def mentions(self, words, name="dovecot"):
        return words in (self.dir / "filter.d" / f"{name}.conf").read_text()

    def banned(self, name, text):
        """The lines that the filter matches, each with the address that would
        be banned."""
        path = self.lab.write("lines.log", text)
        done = self.lab.run(
            ["fail2ban-regex", "-c", self.dir, "--usedns=no",
             "-o", "<ip>\t<matches>\n", path, name], check=False)
        # 1 says that no line was matched.
        if done.returncode not in (0, 1) or done.stderr:
            raise common.LabError(f"fail2ban-regex {name}: {done.stderr}")
        found = [line.split("\t", 1) for line in done.stdout.splitlines()
                 if "\t" in line]
        return [(line, address) for address, line in found]
