"""The policy daemon of a lab, and a client that speaks its protocol byte for
byte."""

import contextlib
import os
import pathlib
import re
import signal
import socket
import threading

from gplab import common

# Whom the daemon becomes when the tests run as root: somebody who owns nothing.
USER = "nobody"


class Policyd(common.Logged):
    """gatepost-policyd in the foreground, its log in a file.

    socket   the setting policy_socket; a unix socket in the lab by default
    options  further options of the command
    """

    def __init__(self, lab, socket_name=None, options=(), name="policyd"):
        self.lab = lab
        self.path = lab.dir / f"{name}.d" / "policy"
        self.socket_name = socket_name or str(self.path)
        self.options = list(options)
        self.log_path = lab.dir / f"{name}.log"

    def argv(self):
        argv = [common.program("gatepost-policyd"), "-c", self.lab.conf]
        if os.geteuid() == 0:
            argv += ["-u", USER]
        return argv + self.options

    def start(self, wrapper=()):
        self.lab.write_conf(policy_socket=self.socket_name)
        self.mark()
        self.process = self.lab.start([*wrapper, *self.argv(), "-f"],
                                      log=self.log_path)
        try:
            self.wait_log("listening on")
        except common.LabError as error:
            raise common.LabError(f"{error}\n{self.output()}") from None
        return self

    def stop(self):
        """Ends the daemon and returns its exit status."""
        if self.process is None:
            return None
        process, self.process = self.process, None
        self.lab.stop(process)
        return process.returncode

    def restart(self):
        self.stop()
        return self.start()

    def reload(self):
        self.mark()
        self.process.signal(signal.SIGHUP)
        self.wait_log("settings read again|settings stay")

    def client(self):
        return Client(self.path)


def run(daemon, *options):
    """Runs the daemon's command to its end."""
    return daemon.lab.run([*daemon.argv(), *options], check=False)


def status_of(pid, name):
    """A field of the process's status, in words."""
    for line in pathlib.Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith(name + ":"):
            return line.split()[1:]
    raise common.LabError(f"no {name}")


def request(**attributes):
    """The bytes of a request as Postfix 3.7 sends it; attributes change or, as
    None, take out."""
    values = {
        "request": "smtpd_access_policy", "protocol_state": "RCPT",
        "protocol_name": "ESMTP", "client_address": common.CLIENT,
        "client_name": "unknown", "client_port": "41234",
        "reverse_client_name": "unknown", "server_address": common.SERVER,
        "server_port": "587", "helo_name": "client.example",
        "sender": "alice@example.com", "recipient": "bob@example.net",
        "recipient_count": "0", "queue_id": "",
        "instance": "1b5d.6741e2a0.3c2e4.0", "size": "0", "etrn_domain": "",
        "stress": "", "sasl_method": "", "sasl_username": "",
        "sasl_sender": "", "ccert_subject": "", "ccert_issuer": "",
        "ccert_fingerprint": "", "ccert_pubkey_fingerprint": "",
        "encryption_protocol": "", "encryption_cipher": "",
        "encryption_keysize": "0", "policy_context": "submission",
    }
    values.update(attributes)
    text = "".join(f"{name}={value}\n" for name, value in values.items()
                   if value is not None)
    return (text + "\n").encode(errors="surrogateescape")


class Client:
    """One connection to the daemon: a path, or an address and port."""

    def __init__(self, where):
        if isinstance(where, tuple):
            self.sock = socket.create_connection(where, common.DEADLINE)
        else:
            self.sock = socket.socket(socket.AF_UNIX)
            self.sock.settimeout(common.DEADLINE)
            self.sock.connect(str(where))

    def __enter__(self):
        return self

    def __exit__(self, *exc):
        self.close()

    def close(self):
        self.sock.close()

    def send(self, data):
        self.sock.sendall(data)

    def reply(self):
        """The next reply, without "action=" and the newlines. LabError when
        the connection is closed or the bytes are no reply."""
        data = b""
        while not data.endswith(b"\n\n"):
            byte = self.sock.recv(1)
            if not byte:
                raise common.LabError(f"closed after {data!r}")
            data += byte
        found = re.fullmatch(rb"action=([ -~]+)\n\n", data)
        if not found:
            raise common.LabError(f"no reply: {data!r}")
        return found.group(1).decode()

    def ask(self, **attributes):
        self.send(request(**attributes))
        return self.reply()

    def login(self, user, tls="TLSv1.3", **attributes):
        """A request of an authenticated client of submission."""
        return self.ask(sasl_username=user, sasl_method="PLAIN",
                        encryption_protocol=tls, **attributes)

    def is_closed(self):
        """True when the daemon has closed the connection without a word."""
        try:
            return self.sock.recv(1) == b""
        except ConnectionResetError:
            return True

    def is_silent(self, seconds=0.2):
        """True when nothing comes, and the connection stands."""
        self.sock.settimeout(seconds)
        try:
            self.sock.recv(1)
        except TimeoutError:
            return True
        finally:
            self.sock.settimeout(common.DEADLINE)
        return False


class Recorder:
    """Stands between Postfix and the daemon and writes down what passes. Each
    connection is a list of (request, reply), the request as a dictionary.

    listen   the path Postfix connects to
    daemon   the path the daemon listens on
    """

    def __init__(self, listen, daemon):
        self.daemon = daemon
        self.connections = []
        self._passed = []
        listen.parent.mkdir(exist_ok=True)
        self.listener = socket.socket(socket.AF_UNIX)
        self.listener.bind(str(listen))
        listen.chmod(0o666)
        self.listener.listen(50)
        threading.Thread(target=self._accept, daemon=True).start()

    def close(self):
        with contextlib.suppress(OSError):
            self.listener.shutdown(socket.SHUT_RDWR)
        self.listener.close()

    def clear(self):
        """Forgets what has passed; connections stay."""
        self._passed.clear()
        for connection in self.connections:
            connection.clear()

    def requests(self):
        """All requests and replies, in the order of the replies."""
        return list(self._passed)

    def _accept(self):
        with contextlib.suppress(OSError):
            while True:
                sock = self.listener.accept()[0]
                record = []
                self.connections.append(record)
                threading.Thread(target=self._serve, args=(sock, record),
                                 daemon=True).start()

    def _serve(self, sock, record):
        with sock, sock.makefile("rb") as lines, Client(self.daemon) as client:
            while True:
                whole = b""
                while not whole.endswith(b"\n\n"):
                    line = lines.readline()
                    if not line:
                        return
                    whole += line
                client.send(whole)
                reply = client.reply()
                text = whole.decode(errors="surrogateescape")
                record.append((dict(line.split("=", 1) for line in
                                    text[:-2].split("\n")), reply, whole))
                self._passed.append(record[-1])
                sock.sendall(f"action={reply}\n\n".encode())
