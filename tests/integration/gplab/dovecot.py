"""A private Dovecot: IMAP, POP3, submission, ManageSieve and LMTP on free
ports, users in a passwd-file, and the built auth module where Dovecot's auth
process looks for it.

The folders of some modules are compiled into Dovecot. The lab's copies of them,
with ours added, are bound over them in a mount namespace of the lab's Dovecot
alone; the host sees nothing of it.
"""

import base64
import contextlib
import os
import pathlib
import re
import shutil
import signal
import socket

from gplab import common, releases, sanitized

SERVICES = ("imap", "imaps", "pop3", "pop3s", "submission", "submissions",
            "sieve", "lmtp")

# Every mechanism the tests speak; passwords are kept in plain text, so that
# each of them can be served.
MECHANISMS = "plain login cram-md5 scram-sha-256"


def _new_folder(parent, name):
    """A folder for one more server. Names are short: paths of sockets may
    have no more than 107 bytes."""
    number = 1
    while True:
        path = parent / (name if number == 1 else f"{name}{number}")
        try:
            path.mkdir()
            return path
        except FileExistsError:
            number += 1


def _copy_modules(source, folder):
    folder.mkdir(exist_ok=True)
    for path in source.iterdir():
        if not (folder / path.name).exists():
            shutil.copy2(path, folder / path.name)


def _install(module, folder):
    """New bytes come under a new name: a running process keeps the old
    ones."""
    new = folder / "new"
    shutil.copy2(module, new)
    new.rename(folder / module.name)


class Dovecot(common.Logged):
    """One Dovecot of a lab.

    users      name -> password, for the passwd-file
    passdbs    in order, see releases.py; by default gatepost and the users
    userdbs    the same
    protocols  which of Dovecot's own services run; "" for an auth server
    extra      configuration put behind everything else, as 2.3 knows it;
               {dir} is the server's folder
    penalty    the anvil penalty, which makes each failed login from an
               address slower; off unless it is the subject
    failure_delay  how long Dovecot keeps the answer to a failed login back;
               0 unless time is the subject
    login_plugin  with the login plugin in its login processes
    auth_sockets  further sockets of the auth process, for Postfix: paths
    """

    def __init__(self, lab, users=None, gatepost=True, passdbs=None,
                 userdbs=(releases.userdb(),), extra="", penalty=False,
                 failure_delay="0", login_plugin=False,
                 protocols="imap pop3 submission sieve lmtp",
                 mechanisms=MECHANISMS, auth_sockets=(), ssl_min="TLSv1",
                 name="dovecot"):
        self.lab = lab
        self.release = releases.release()
        self.dir = _new_folder(lab.dir, name)
        self.dir.chmod(0o755)
        self.conf = self.dir / "dovecot.conf"
        self.log_path = self.dir / "dovecot.log"
        self.out_path = self.dir / "dovecot.out"
        self.users = dict(users or {})
        self.gatepost = gatepost
        if passdbs is None:
            passdbs = [releases.gatepost()] * gatepost + [releases.users()]
        self.passdbs = passdbs
        self.userdbs = userdbs
        self.extra = extra
        self.penalty = penalty
        self.failure_delay = failure_delay
        self.login_plugin = login_plugin
        self.protocols = protocols
        self.mechanisms = mechanisms
        self.auth_sockets = [pathlib.Path(path) for path in auth_sockets]
        self.ssl_min = ssl_min
        self.ports = {service: lab.port() for service in SERVICES}
        self.relay_port = lab.port()
        self._modules = {}

    # Configuration

    def _auth_sockets(self):
        return "\n".join(f"  unix_listener {path} {{\n    mode = 0666\n  }}"
                         for path in self.auth_sockets)

    def write_users(self, users=None):
        """Writes the passwd-file, which Dovecot notices by itself. A value
        may carry extra fields behind the password: "secret::::::nologin"."""
        if users is not None:
            self.users = dict(users)
        path = self.dir / "users"
        new = self.dir / "users.new"
        new.write_text("".join(
            f"{name}:{{PLAIN}}{password}\n"
            for name, password in self.users.items()))
        new.chmod(0o644)
        new.rename(path)
        return path

    def write_config(self):
        text = self.release.main(
            server=common.SERVER, cert=self.lab.cert, key=self.lab.key,
            mechanisms=self.mechanisms, protocols=self.protocols,
            failure_delay=self.failure_delay, ssl_min=self.ssl_min,
            relay_port=self.relay_port,
            penalty_mode="0600" if self.penalty else "0",
            auth_sockets=self._auth_sockets(), dir=self.dir, **self.ports)
        for number, block in enumerate([*self.passdbs, *self.userdbs]):
            text += self.release.block(block, self, number)
        if self.login_plugin:
            text += self.release.login.format(dir=self.dir,
                                              conf=self.lab.conf)
        extra = self.release.extra(self.extra)
        self.conf.write_text(text + extra.replace("{dir}", str(self.dir))
                             + sanitized.settings(self.release))

    def _fill_modules(self):
        """The folders of modules as Dovecot has them, with ours added, by
        the names of the folders they stand for."""
        ours = {"auth": ["libauthdb_gatepost"] * self.gatepost}
        if isinstance(self.release, releases.Dovecot24):
            ours["settings"] = ["libgatepost_settings"]
        folders = {}
        for name, modules in ours.items():
            folders[name] = self.dir / f"{name}-modules"
            _copy_modules(self.release.installed(name), folders[name])
            for module in modules:
                _install(common.module(module), folders[name])
        if self.login_plugin:
            (self.dir / "login-modules").mkdir(exist_ok=True)
            _install(common.module("libgatepost_login"),
                     self.dir / "login-modules")
        return folders

    # Life

    def start(self):
        self.lab.make_certificates()
        if not self.lab.conf.exists():
            self.lab.write_conf()
        for folder in ("mail", "run"):
            (self.dir / folder).mkdir(exist_ok=True)
        shutil.chown(self.dir / "mail", "mail", "mail")
        self.write_users()
        self.write_config()
        self._modules = self._fill_modules()
        namespace = self.release.in_namespace(self._modules)
        self.process = self.lab.start(
            [*namespace, *sanitized.command(["dovecot", "-F", "-c",
                                             self.conf])],
            log=self.out_path)
        try:
            self._wait_until_up()
        except common.LabError as error:
            raise common.LabError(f"{error}\n{self.output()}") from None
        return self

    def _wait_until_up(self):
        self.lab.wait_socket(self.auth_socket, self.process)
        inet = {"imap": ["imap", "imaps"], "pop3": ["pop3", "pop3s"],
                "submission": ["submission", "submissions"],
                "sieve": ["sieve"], "lmtp": ["lmtp"]}
        for protocol in self.protocols.split():
            for service in inet[protocol]:
                self.lab.wait_port(self.ports[service], self.process)

    def stop(self):
        if self.process is not None:
            self.lab.stop(self.process)
            self.process = None

    def restart(self):
        self.stop()
        return self.start()

    def reload(self):
        """What "doveadm reload" does; the auth process is started anew at
        the next login."""
        self.write_users()
        self.write_config()
        self.process.signal(signal.SIGHUP)

    # Looking

    def port(self, service):
        return self.ports[service]

    @property
    def auth_socket(self):
        return self.dir / "run" / "auth-client"

    def in_namespace(self, argv):
        """A command line with which Dovecot's programs find the modules."""
        return [*self.release.in_namespace(self._modules),
                *sanitized.command(argv)]

    def doveadm(self, *args, check=False):
        return self.lab.run(
            self.in_namespace(["doveadm", "-c", self.conf, *args]),
            check=check)

    def auth_test(self, user, password, **facts):
        """doveadm auth test, which is a login like any other. facts become
        -x NAME=VALUE (service, rip, lip)."""
        extra = []
        for name, value in facts.items():
            extra += ["-x", f"{name}={value}"]
        return self.doveadm("auth", "test", "-a", self.auth_socket, *extra,
                            user, password)

    def auth_client(self, path=None):
        return AuthClient(path or self.auth_socket)

    def processes(self):
        """The process ids of all its processes."""
        return [self.process.pid,
                *(pid for pid, _ in _children(self.process.pid))]

    def auth_processes(self):
        """The process ids of the auth process (not of its workers)."""
        return [pid for pid, title in _children(self.process.pid)
                if title[0].endswith("/auth") and "-w" not in title]

    def login_processes(self, name):
        """The process ids of the login processes of that name."""
        return [pid for pid, title in _children(self.process.pid)
                if title[0].endswith("/" + name)]


def _children(parent):
    """The descendants of a process with the words of their titles, in which
    processes tell what they do. A child may have a lower number than its
    parent."""
    processes = {}
    for entry in pathlib.Path("/proc").iterdir():
        if not entry.name.isdigit():
            continue
        with contextlib.suppress(OSError):
            ppid = int((entry / "stat").read_text().rsplit(")", 1)[1]
                       .split()[1])
            title = (entry / "cmdline").read_text().replace("\0", " ")
            processes.setdefault(ppid, []).append(
                (int(entry.name), title.split() or [""]))
    found, parents = [], [parent]
    while parents:
        children = processes.get(parents.pop(), [])
        found += children
        parents += [pid for pid, _ in children]
    return found


class AuthReply:
    """A line of the auth process: kind (OK, FAIL, CONT) and its fields."""

    def __init__(self, line):
        parts = line.split("\t")
        self.line = line
        self.kind = parts[0]
        self.data = parts[2] if self.kind == "CONT" and len(parts) > 2 else ""
        self.fields = {}
        for part in parts[2:]:
            name, equals, value = part.partition("=")
            self.fields[name] = _tab_unescape(value) if equals else True

    def __repr__(self):
        return f"AuthReply({self.line!r})"


def _tab_unescape(value):
    return re.sub("\001(.)",
                  lambda m: {"0": "\0", "1": "\001", "t": "\t", "r": "\r",
                             "n": "\n"}[m.group(1)], value)


def _tab_escape(value):
    for char, code in (("\001", "\0011"), ("\t", "\001t"), ("\r", "\001r"),
                       ("\n", "\001n"), ("\0", "\0010")):
        value = value.replace(char, code)
    return value


class AuthClient:
    """Speaks to the auth socket as Postfix's smtpd does."""

    def __init__(self, path):
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(common.DEADLINE)
        self.sock.connect(str(path))
        self.file = self.sock.makefile("rb")
        self.sock.sendall(f"VERSION\t1\t1\nCPID\t{os.getpid()}\n".encode())
        self.mechanisms = []
        self.number = 0
        while True:
            parts = self._line().split("\t")
            if parts[0] == "MECH":
                self.mechanisms.append(parts[1])
            if parts[0] == "DONE":
                break

    def __enter__(self):
        return self

    def __exit__(self, *exc):
        self.close()

    def close(self):
        self.file.close()
        self.sock.close()

    def _line(self):
        line = self.file.readline()
        if not line.endswith(b"\n"):
            raise common.LabError("the auth process closed the connection")
        return line[:-1].decode(errors="surrogateescape")

    def start(self, mechanism, *flags, response=None, **fields):
        """Begins an authentication and returns its first reply. flags are
        bare words (secured), fields NAME=VALUE."""
        self.number += 1
        parts = ["AUTH", str(self.number), mechanism]
        parts += [f"{name}={_tab_escape(value)}"
                  for name, value in fields.items()]
        parts += list(flags)
        if response is not None:
            parts.append("resp=" + base64.b64encode(response).decode())
        self.sock.sendall(("\t".join(parts) + "\n").encode(
            errors="surrogateescape"))
        return AuthReply(self._line())

    def cont(self, response):
        self.sock.sendall(f"CONT\t{self.number}\t".encode()
                          + base64.b64encode(response) + b"\n")
        return AuthReply(self._line())

    def smtp(self, user, password, rip=common.CLIENT, lip=common.SERVER,
             tls=True):
        """AUTH PLAIN as smtpd asks it: service smtp, nologin, a bare
        "secured" for TLS of any version."""
        return self.plain(user, password, "nologin",
                          *(["secured"] if tls else []),
                          service="smtp", lip=lip, rip=rip)

    def plain(self, user, password, *flags, authzid="", **fields):
        response = f"{authzid}\0{user}\0{password}".encode(
            errors="surrogateescape")
        return self.start("PLAIN", *flags, response=response, **fields)
