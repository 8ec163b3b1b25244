"""A Dovecot that runs a configuration as it is written, on its own ports and
with its own paths: in a network of its own, and with the lab's files laid over
the host's in a mount namespace of its own."""

import json
import pathlib
import shutil
import subprocess
import sys

from gplab import common, releases, sanitized

MODULES = {"auth": "libauthdb_gatepost", "login": "libgatepost_login",
           "settings": "libgatepost_settings"}

# Users and groups that the host need not have.
VMAIL, GATEPOST = 64990, 64991

# Logs in as each line of standard input says, in the network of the server.
CLIENT = """
import json, sys
sys.path.insert(0, sys.argv[1])
from gplab import clients

class Ports:
    port = staticmethod({"imap": 143, "imaps": 993, "pop3": 110, "pop3s": 995,
                         "sieve": 4190}.get)

for line in sys.stdin:
    args, options = json.loads(line)
    try:
        answer = clients.login(Ports, *args, **options)
        print(json.dumps([answer.ok, answer.line]), flush=True)
    except OSError:
        print(json.dumps([False, ""]), flush=True)
"""

# What "ip link set lo up" does: SIOCSIFFLAGS with IFF_UP.
LOOPBACK_UP = """
import fcntl, socket, struct
fcntl.ioctl(socket.socket(), 0x8914, struct.pack("16sH14x", b"lo", 1))
"""


class Example:
    """config is the file; users and masters are lines of its passwd-files."""

    def __init__(self, lab, config, users, masters):
        self.lab = lab
        self.dir = lab.dir / "host"
        self.moduledir = releases.release().moduledir
        self.process = None
        self.etc, self.var = self._layer("etc"), self._layer("var")
        self.modules = self._layer("modules")
        self._make_etc(config, users, masters)
        self._make_modules()
        # Sockets of a layer cannot be reached from below.
        self.spool = self._folder(self.dir / "spool")
        self._folder(self.spool / "private")
        self._folder(self.var / "spool" / "postfix")
        shutil.chown(self._folder(self.var / "vmail"), VMAIL, VMAIL)

    def _folder(self, path):
        path.mkdir(parents=True)
        for folder in (self.dir, path, path.parent):
            folder.chmod(0o755)
        return path

    def _layer(self, name):
        """What is laid over a folder of the host's."""
        self._folder(self.dir / f"{name}.work")
        return self._folder(self.dir / name)

    def _make_etc(self, config, users, masters):
        folder = self._folder(self.etc / "dovecot")
        self._folder(self.etc / "gatepost")
        more = sanitized.settings(releases.release())
        if more:
            # Where what they find is looked for.
            more += "log_path = /var/dovecot.log\n"
        (folder / "dovecot.conf").write_text(config.read_text() + more)
        (folder / "users").write_text(users)
        (folder / "master-users").write_text(masters)
        self._folder(folder / "private")
        self.lab.make_certificates()
        shutil.copy(self.lab.cert, folder / "private" / "dovecot.pem")
        shutil.copy(self.lab.key, folder / "private" / "dovecot.key")
        for name, lines in (
                ("passwd", f"vmail:x:{VMAIL}:{VMAIL}::/:/bin/false\n"),
                ("group", f"vmail:x:{VMAIL}:\ngatepost:x:{GATEPOST}:\n")):
            text = pathlib.Path("/etc", name).read_text()
            (self.etc / name).write_text(text + lines)

    def _make_modules(self):
        for folder, module in MODULES.items():
            path = common.build_dir() / "dovecot-plugin" / ".libs" / (
                module + ".so")
            if path.exists():
                shutil.copy(path, self._folder(self.modules / folder))

    def compile(self, rules):
        """With the map's group and mode as gatemap makes them where there is
        a user gatepost."""
        etc = self.etc / "gatepost"
        (etc / "gatepost.conf").write_text("")
        (etc / "rules").write_text(rules)
        self.run(common.program("gatemap"), "/etc/gatepost/rules")
        shutil.chown(etc / "rules.lmdb", group=GATEPOST)
        (etc / "rules.lmdb").chmod(0o640)

    def _mounting(self):
        layers = {"/etc": self.etc, "/var": self.var,
                  self.moduledir: self.modules}
        return " && ".join([
            "mount --make-rprivate /",
            *(f"mount -t overlay overlay -o 'lowerdir={place},"
              f"upperdir={layer},workdir={layer}.work' '{place}'"
              for place, layer in layers.items()),
            "mount -t tmpfs tmpfs /run",
            f"mount --bind '{self.spool}' /var/spool/postfix"])

    def argv(self, *argv, network=False):
        up = f"{sys.executable} -c '{LOOPBACK_UP}' && " if network else ""
        return ["unshare", "-m", *(["-n"] if network else []), "sh", "-c",
                f"{self._mounting()} && {up}" + 'exec "$@"', "sh",
                *sanitized.command(argv)]

    def run(self, *argv, check=True):
        """Once the server runs, where it runs: one layer is not for two."""
        if self.process is None:
            return self.lab.run(self.argv(*argv), check=check)
        return self.lab.run([*self._beside_server(),
                             *sanitized.command(argv)], check=check)

    def _beside_server(self):
        return ["nsenter", "-t", self.process.pid, "-m", "-n", "-r", "-w"]

    def start(self):
        self.process = self.lab.start(self.argv("dovecot", "-F",
                                                network=True),
                                      log=self.dir / "output")
        common.wait_for(lambda: self.login("imaps", "", "")[1], "the server",
                        process=self.process)
        return self

    def login(self, protocol, user, password, **options):
        """In the server's network; returns whether it let in, and its last
        line."""
        implicit = protocol in ("imaps", "pop3s")
        options.setdefault("tls", "implicit" if implicit else None)
        line = json.dumps([[protocol.removesuffix("s"), user, password],
                           options])
        done = subprocess.run(
            ["nsenter", "-t", str(self.process.pid), "-n", sys.executable,
             "-B", "-c", CLIENT, str(pathlib.Path(__file__).parents[1])],
            input=line, capture_output=True, text=True, timeout=60,
            check=True)
        return tuple(json.loads(done.stdout))
