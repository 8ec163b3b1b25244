"""What every private server needs: a folder, ports, certificates, rules, and
processes that end when the lab ends.

A lab never touches the host: what it starts it stops by its own process id,
what it writes lies in its own folder. A process also ends when the lab itself
is killed (PR_SET_PDEATHSIG), so nothing is left behind by ^C or by a crash of
the test run.
"""

import contextlib
import ctypes
import os
import pathlib
import re
import shutil
import signal
import socket
import stat
import subprocess
import tempfile
import time

SERVER = "127.0.0.1"
# A client that shares the server's address counts as local with Dovecot and
# with Gatepost; clients of tests therefore come from elsewhere.
CLIENT = "127.0.0.5"

TREE = pathlib.Path(__file__).resolve().parents[3]
DEADLINE = 20.0
PR_SET_PDEATHSIG = 1


class LabError(Exception):
    """The lab itself has failed, not what is being tested."""


def build_dir():
    """The build directory: $GATEPOST_BUILD, or where a Makefile was made."""
    named = os.environ.get("GATEPOST_BUILD")
    candidates = [pathlib.Path(named)] if named else [
        pathlib.Path.cwd(), TREE, TREE / "build"]
    for candidate in candidates:
        if (candidate / "config.status").exists():
            return candidate.resolve()
    raise LabError("no build directory found in "
                   + ", ".join(str(c) for c in candidates)
                   + "; build first, or set GATEPOST_BUILD")


def _find_built(name, folders):
    build = build_dir()
    for folder in folders:
        path = build / folder / name
        if path.is_file():
            return path
    raise LabError(f"{name} is not built below {build}; run make first")


def program(name):
    """The path of a built program: gatemap, gatepost, gatepost-policyd."""
    return _find_built(name, [".", "shared/tools", "postfix-policyd"])


def module(name):
    """The path of a built Dovecot module, without its ending."""
    return _find_built(name + ".so",
                       ["dovecot-plugin/.libs", ".libs", "dovecot-plugin"])


def wait_for(condition, what, deadline=DEADLINE, process=None):
    """Waits until condition() is true and returns what it returned."""
    end = time.monotonic() + deadline
    while True:
        result = condition()
        if result:
            return result
        if process is not None and process.poll() is not None:
            raise LabError(f"{what}: the process ended with "
                           f"{process.returncode}")
        if time.monotonic() > end:
            raise LabError(f"{what}: not within {deadline:.0f} s")
        time.sleep(0.02)


def port_answers(port, host=SERVER):
    try:
        socket.create_connection((host, port), timeout=1).close()
    except OSError:
        return False
    return True


def has_ipv6():
    try:
        with socket.socket(socket.AF_INET6) as sock:
            sock.bind(("::1", 0))
    except OSError:
        return False
    return True


def socket_answers(path):
    with socket.socket(socket.AF_UNIX) as sock:
        try:
            sock.connect(str(path))
        except OSError:
            return False
    return True


def _die_with_parent():
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGTERM)
    # A mask inherited from a test runner must not make servers deaf.
    signal.pthread_sigmask(signal.SIG_SETMASK, [])


class Process:
    """A process of ours, in a process group of its own, so that ^C reaches
    the lab first and the group can be ended as a whole."""

    def __init__(self, argv, log, **options):
        self.argv = [str(arg) for arg in argv]
        with open(log, "ab") as out:
            self.popen = subprocess.Popen(
                self.argv, stdin=subprocess.DEVNULL, stdout=out, stderr=out,
                start_new_session=True, preexec_fn=_die_with_parent,
                **options)
        self.pid = self.popen.pid

    def poll(self):
        return self.popen.poll()

    @property
    def returncode(self):
        return self.popen.returncode

    def signal(self, number):
        if self.popen.poll() is None:
            self.popen.send_signal(number)

    def stop(self, grace=5.0):
        """Ends the process, and then whatever is left of its group."""
        if self.popen.poll() is None:
            self.popen.terminate()
            try:
                self.popen.wait(grace)
            except subprocess.TimeoutExpired:
                pass
        # The group's number cannot have been given away while we have not
        # waited for its leader, or while members of it live on.
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(self.pid, signal.SIGKILL)
        self.popen.wait()
        return self.popen.returncode


class Logged:
    """What a server's class needs to be looked at: log_path, out_path where
    its standard output is another file, and process."""

    out_path = None
    process = None
    _mark = 0

    def output(self):
        """Everything."""
        texts = []
        for path in (self.out_path, self.log_path):
            if path is not None and path.exists():
                texts.append(path.read_text(errors="replace"))
        return "".join(texts)

    def log(self):
        """What was logged since the last mark()."""
        if not self.log_path.exists():
            return ""
        return self.log_path.read_bytes()[self._mark:].decode(
            errors="replace")

    def mark(self):
        self._mark = (self.log_path.stat().st_size
                      if self.log_path.exists() else 0)

    def wait_log(self, pattern):
        """Waits for a line that the pattern is found in and returns the
        match."""
        return wait_for(lambda: re.search(pattern, self.log()),
                        f"log line {pattern!r} in\n{self.log()}",
                        process=self.process)


class Lab:
    """A folder with its servers. Use it in a with statement, or call close()
    in any case."""

    def __init__(self, name="lab"):
        self.dir = pathlib.Path(tempfile.mkdtemp(prefix=f"gatepost-{name}-"))
        # Servers that have dropped root must get through to their files.
        self.dir.chmod(0o755)
        self.processes = []
        self.closers = []
        self._reserved = []
        self.conf = self.dir / "gatepost.conf"
        self.rules = self.dir / "rules"
        self.map = self.dir / "rules.lmdb"
        self.cert = self.dir / "cert.pem"
        self.key = self.dir / "key.pem"
        self.settings = {}

    def __enter__(self):
        return self

    def __exit__(self, *exc):
        self.close()

    def close(self):
        """Stops everything, the last started first. Further ^C must not cut
        this short. $GATEPOST_KEEP_LAB keeps the folder for a look."""
        with _deaf_to_interrupts():
            for closer in reversed(self.closers):
                closer()
            for process in reversed(self.processes):
                process.stop()
            for sock in self._reserved:
                sock.close()
            if not os.environ.get("GATEPOST_KEEP_LAB"):
                shutil.rmtree(self.dir, ignore_errors=True)
        self.closers, self.processes, self._reserved = [], [], []

    # Processes

    def start(self, argv, log=None, **options):
        process = Process(argv, log or self.dir / "output.log", **options)
        self.processes.append(process)
        return process

    def stop(self, process):
        process.stop()
        self.processes.remove(process)

    def run(self, argv, check=True, timeout=60, **options):
        """Runs a command to its end and returns it, output as text."""
        done = subprocess.run([str(arg) for arg in argv], text=True,
                              stdin=options.pop("stdin", subprocess.DEVNULL),
                              capture_output=True, timeout=timeout, **options)
        if check and done.returncode != 0:
            raise LabError(f"{' '.join(done.args)}: exit {done.returncode}\n"
                           f"{done.stdout}{done.stderr}")
        return done

    # Ports

    def port(self, host=SERVER):
        """A port for a server of this lab. It stays bound here without
        listening, so that nobody is given it until the lab closes; a server
        that sets SO_REUSEADDR, as all of ours do, can listen on it."""
        sock = socket.socket(socket.AF_INET6 if ":" in host
                             else socket.AF_INET)
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        sock.bind((host, 0))
        self._reserved.append(sock)
        return sock.getsockname()[1]

    def wait_port(self, port, process=None, host=SERVER):
        wait_for(lambda: port_answers(port, host), f"port {port}",
                 process=process)

    def wait_socket(self, path, process=None):
        wait_for(lambda: socket_answers(path), f"socket {path}",
                 process=process)

    # Files

    def write(self, name, text, mode=0o644):
        """Writes a file of the lab, by rename so that no server reads half of
        it, and returns its path."""
        path = self.dir / name
        path.parent.mkdir(parents=True, exist_ok=True)
        new = path.with_name(path.name + ".new")
        new.write_text(text)
        new.chmod(mode)
        new.rename(path)
        return path

    def make_certificates(self):
        """A certificate for the lab's servers, signed by itself."""
        if self.cert.exists():
            return
        self.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt",
                  "ec_paramgen_curve:prime256v1", "-nodes", "-days", "30",
                  "-subj", "/CN=localhost", "-addext",
                  f"subjectAltName=DNS:localhost,IP:{SERVER}",
                  "-keyout", self.key, "-out", self.cert])

    def make_client_certificate(self, name):
        """A certificate for a client, whose CN is its login name, signed by
        an authority of the lab's (ca.pem). Returns certificate and key."""
        authority, signer = self.dir / "ca.pem", self.dir / "ca-key.pem"
        key_options = ["-newkey", "ec", "-pkeyopt",
                       "ec_paramgen_curve:prime256v1", "-nodes"]
        if not authority.exists():
            self.run(["openssl", "req", "-x509", *key_options, "-days", "30",
                      "-subj", "/CN=Lab", "-keyout", signer,
                      "-out", authority])
        stem = name.replace("@", "-")
        cert, key = self.dir / f"{stem}.pem", self.dir / f"{stem}-key.pem"
        request = self.dir / f"{stem}.csr"
        self.run(["openssl", "req", *key_options, "-subj", f"/CN={name}",
                  "-keyout", key, "-out", request])
        self.run(["openssl", "x509", "-req", "-in", request, "-days", "30",
                  "-CA", authority, "-CAkey", signer, "-out", cert])
        return cert, key

    # Gatepost

    def write_conf(self, **settings):
        """Writes gatepost.conf: the lab's paths, what was set before, and
        what is given; None takes a setting out again."""
        self.settings.update(settings)
        lines = {"rules": self.rules, "map": self.map}
        lines.update(self.settings)
        text = "".join(f"{name} = {value}\n" for name, value in lines.items()
                       if value is not None)
        return self.write("gatepost.conf", text)

    def write_rules(self, text):
        self.rules.write_text(text)

    def compile(self, rules=None):
        """Compiles the rules with the built gatemap, as an administrator
        would. The servers of a lab run as several users, so the map is
        readable for all; gatemap keeps that mode from then on."""
        if rules is not None:
            self.write_rules(rules)
        if not self.conf.exists():
            self.write_conf()
        self.run([program("gatemap"), "-c", self.dir, self.rules])
        if stat.S_IMODE(self.map.stat().st_mode) != 0o644:
            self.map.chmod(0o644)

    def explain(self, *args, check=False):
        return self.run([program("gatepost"), "explain", *args], check=check)


@contextlib.contextmanager
def _deaf_to_interrupts():
    try:
        old = signal.signal(signal.SIGINT, signal.SIG_IGN)
    except ValueError:
        # Not in the main thread, which alone is interrupted.
        yield
        return
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, old)
