"""Mail clients that say exactly what they are told to say, from a loopback
address of their own, and show exactly what the server answered.

The standard library's clients cannot choose their address or mechanism; they
are used beside these where an ordinary client is the point."""

import base64
import dataclasses
import hashlib
import hmac
import imaplib
import os
import poplib
import re
import socket
import ssl
import time
import warnings

from gplab import common


def tls_context(version=None, certificate=None):
    """TLS as a client that trusts anybody; version ("1.2") pins it,
    certificate is the client's own, with its key."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    context.set_ciphers("ALL:@SECLEVEL=0")
    if certificate is not None:
        context.load_cert_chain(*certificate)
    number = {None: None, "1.0": ssl.TLSVersion.TLSv1,
              "1.1": ssl.TLSVersion.TLSv1_1, "1.2": ssl.TLSVersion.TLSv1_2,
              "1.3": ssl.TLSVersion.TLSv1_3}[version]
    if number is not None:
        with warnings.catch_warnings():
            # Old versions are asked for on purpose.
            warnings.simplefilter("ignore", DeprecationWarning)
            context.minimum_version = context.maximum_version = number
    return context


class Wire:
    """A connection that is read line by line."""

    def __init__(self, port, source=common.CLIENT, implicit=False,
                 version=None, host=common.SERVER, first=b"",
                 certificate=None, sni=None):
        self.sock = socket.create_connection(
            (host, port), common.DEADLINE, source_address=(source, 0))
        self._tls = (version, certificate)
        self._sni = sni
        if first:
            self.sock.sendall(first)
        if implicit:
            self._wrap()
        self.file = self.sock.makefile("rb")

    def __enter__(self):
        return self

    def __exit__(self, *exc):
        self.close()

    def close(self):
        self.file.close()
        self.sock.close()

    def _wrap(self):
        self.sock = tls_context(*self._tls).wrap_socket(
            self.sock, server_hostname=self._sni)

    def start_tls(self):
        self._wrap()
        self.file = self.sock.makefile("rb")

    def send(self, line):
        self.sock.sendall(line.encode(errors="surrogateescape") + b"\r\n")

    def line(self):
        """The next line, bytes as they came without CR LF; "" at the end."""
        line = self.file.readline()
        return line.removesuffix(b"\r\n").decode(errors="surrogateescape")

    def rest(self):
        """Everything that still comes within a moment: to see that nothing
        does."""
        self.sock.settimeout(0.3)
        try:
            return self.file.read1(65536)
        except (TimeoutError, OSError):
            return b""


class Sasl:
    """The client's side of a mechanism."""

    def __init__(self, mechanism, user, password, authzid=""):
        self.mechanism = mechanism.upper()
        self.user = user.encode(errors="surrogateescape")
        self.password = password.encode(errors="surrogateescape")
        self.authzid = authzid.encode(errors="surrogateescape")
        self._scram_nonce = base64.b64encode(os.urandom(15)).decode()
        self._scram_step = 0
        self._scram_hash = "sha256"

    def answer(self, challenge):
        method = getattr(self, "_" + self.mechanism.lower().replace("-", "_"))
        return method(challenge)

    def _plain(self, _challenge):
        return self.authzid + b"\0" + self.user + b"\0" + self.password

    def _login(self, challenge):
        return self.user if challenge.lower().startswith(b"user") \
            else self.password

    def _cram_md5(self, challenge):
        digest = hmac.new(self.password, challenge, hashlib.md5).hexdigest()
        return self.user + b" " + digest.encode()

    def _external(self, _challenge):
        return self.authzid

    def _digest_md5(self, challenge):
        if challenge.startswith(b"rspauth="):
            return b""
        fields = dict(re.findall(r'(\w+)="?([^",]*)"?', challenge.decode()))
        nonce, realm = fields["nonce"], fields.get("realm", "")
        uri = "imap/localhost"

        def digest(data):
            return hashlib.md5(data).digest()

        secret = digest(b":".join((self.user, realm.encode(), self.password)))
        first = digest(secret + f":{nonce}:{self._scram_nonce}".encode())
        second = digest(f"AUTHENTICATE:{uri}".encode())
        response = digest(
            f"{first.hex()}:{nonce}:00000001:{self._scram_nonce}:auth:"
            f"{second.hex()}".encode()).hex()
        return (f'username="{self.user.decode()}",realm="{realm}",'
                f'nonce="{nonce}",cnonce="{self._scram_nonce}",nc=00000001,'
                f'qop=auth,digest-uri="{uri}",response={response}').encode()

    def _xoauth2(self, challenge):
        """The password is the token; a challenge is an error's text."""
        return b"" if challenge else (b"user=%s\1auth=Bearer %s\1\1" %
                                      (self.user, self.password))

    def _oauthbearer(self, challenge):
        return b"\1" if challenge else (
            b"n,a=%s,\1host=localhost\1port=143\1auth=Bearer %s\1\1" %
            (self.user, self.password))

    def _scram_sha_1(self, challenge):
        self._scram_hash = "sha1"
        return self._scram_sha_256(challenge)

    def _scram_sha_256(self, challenge):
        self._scram_step += 1
        if self._scram_step == 1:
            self._first = f"n={self.user.decode()},r={self._scram_nonce}"
            return ("n,," + self._first).encode()
        if self._scram_step == 2:
            return self._scram_final(challenge.decode())
        return b""

    def _scram_final(self, server_first):
        fields = dict(part.split("=", 1) for part in server_first.split(","))
        salted = hashlib.pbkdf2_hmac(self._scram_hash, self.password,
                                     base64.b64decode(fields["s"]),
                                     int(fields["i"]))
        client_key = hmac.digest(salted, b"Client Key", self._scram_hash)
        final = f"c=biws,r={fields['r']}"
        message = f"{self._first},{server_first},{final}".encode()
        stored = hashlib.new(self._scram_hash, client_key).digest()
        signature = hmac.digest(stored, message, self._scram_hash)
        proof = bytes(a ^ b for a, b in zip(client_key, signature))
        return f"{final},p={base64.b64encode(proof).decode()}".encode()

    def initial(self):
        """What is sent with the command, or None where the server begins."""
        if self.mechanism in ("LOGIN", "CRAM-MD5", "DIGEST-MD5"):
            return None
        return self.answer(b"")


@dataclasses.dataclass
class Answer:
    """How a login ended."""
    ok: bool
    # The server's last line, as it came.
    line: str
    # How many challenges came before it.
    steps: int
    # Everything the server said, and how long the answer took.
    said: list
    seconds: float

    @property
    def text(self):
        """The line without tag and status."""
        return re.sub(r"^(a \w+|[-+]\w+|\d{3}|NO|OK) ?", "", self.line)


class Login:
    """One login over one of Dovecot's protocols.

    tls        None (cleartext), "starttls" or "implicit"
    mechanism  "LOGIN" with IMAP and "USER" with POP3 are the protocols' own
               commands; "SASL-LOGIN" is the mechanism of that name
    """

    def __init__(self, dovecot, protocol, source=common.CLIENT, tls=None,
                 version=None, first=b"", certificate=None, sni=None):
        port = dovecot.port(protocol + ("s" if tls == "implicit" else ""))
        self.protocol = "imap" if protocol == "proxied" else protocol
        self.wire = Wire(port, source, tls == "implicit", version,
                         first=first, certificate=certificate, sni=sni)
        self.said = []
        self.greeting = self._greeting()
        if tls == "starttls":
            self._start_tls()

    def __enter__(self):
        return self

    def __exit__(self, *exc):
        self.wire.close()

    def _line(self):
        line = self.wire.line()
        self.said.append(line)
        return line

    def _greeting(self):
        if self.protocol == "sieve":
            return self._sieve_reply()
        line = self._line()
        if self.protocol == "submission":
            self.wire.send("EHLO client.example")
            self._smtp_reply()
        return line

    def _start_tls(self):
        self.wire.send({"imap": "s STARTTLS", "pop3": "STLS",
                        "submission": "STARTTLS",
                        "sieve": "STARTTLS"}[self.protocol])
        self._line()
        self.wire.start_tls()
        if self.protocol == "sieve":
            self._sieve_reply()
        if self.protocol == "submission":
            self.wire.send("EHLO client.example")
            self._smtp_reply()

    def _smtp_reply(self):
        while True:
            line = self._line()
            if line[3:4] != "-":
                return line

    def _sieve_reply(self):
        while True:
            line = self._line()
            if re.match(r"(OK|NO|BYE)\b", line) or line == "":
                return line

    def command(self, text):
        """Sends a command and returns its final line."""
        if self.protocol == "imap":
            self.wire.send("a " + text)
        else:
            self.wire.send(text)
        return self._final()

    def _is_final(self, line):
        if line == "":
            return True
        return bool({
            "imap": re.compile(r"a |\* BYE"),
            "pop3": re.compile(r"[-+](OK|ERR)"),
            "submission": re.compile(r"\d{3} (?<!334 )"),
            "sieve": re.compile(r"(OK|NO|BYE)\b"),
        }[self.protocol].match(line))

    def _challenge(self, line):
        """The challenge in a line, or None."""
        match = {"imap": r"\+ ?(.*)$", "pop3": r"\+ (.*)$",
                 "submission": r"334 ?(.*)$",
                 "sieve": r'"(.*)"$'}[self.protocol]
        found = re.match(match, line)
        return base64.b64decode(found.group(1)) if found else None

    def _final(self):
        while True:
            line = self._line()
            if self._is_final(line):
                return line

    def login(self, user, password, mechanism="PLAIN", authzid=""):
        """Logs in and returns the Answer."""
        if (self.protocol, mechanism) in (("imap", "LOGIN"),
                                          ("pop3", "USER")):
            return self._timed(self._log_in_plainly, user, password)
        return self.authenticate(Sasl(mechanism.removeprefix("SASL-"), user,
                                      password, authzid))

    def authenticate(self, sasl):
        """The same with somebody who is the client's side of a mechanism."""
        return self._timed(self._authenticate, sasl)

    def _timed(self, log_in, *args):
        begun = time.monotonic()
        line, steps = log_in(*args)
        ok = bool(re.match(r"a OK|\+OK|235|OK", line))
        return Answer(ok, line, steps, self.said, time.monotonic() - begun)

    def _log_in_plainly(self, user, password):
        if self.protocol == "imap":
            return self.command(f'LOGIN "{user}" "{password}"'), 0
        line = self.command(f"USER {user}")
        if line.startswith("+OK"):
            line = self.command(f"PASS {password}")
        return line, 0

    def _authenticate(self, sasl):
        initial = sasl.initial()
        self._begin(sasl.mechanism, initial)
        steps = 0
        while True:
            line = self._line()
            if self._is_final(line):
                return line, steps
            challenge = self._challenge(line)
            if challenge is None:
                continue
            steps += 1
            self._respond(sasl.answer(challenge))

    def _begin(self, mechanism, initial):
        encoded = None if initial is None else (
            base64.b64encode(initial).decode() or "=")
        if self.protocol == "sieve":
            self.wire.send(f'AUTHENTICATE "{mechanism}"'
                           + (f' "{encoded}"' if encoded else ""))
            return
        verb = "a AUTHENTICATE" if self.protocol == "imap" else "AUTH"
        self.wire.send(f"{verb} {mechanism}"
                       + (f" {encoded}" if encoded else ""))

    def _respond(self, response):
        encoded = base64.b64encode(response).decode()
        self.wire.send(f'"{encoded}"' if self.protocol == "sieve"
                       else encoded)


def login(dovecot, protocol, user, password, mechanism="PLAIN", tls=None,
          source=common.CLIENT, version=None, authzid="", certificate=None,
          sni=None):
    with Login(dovecot, protocol, source, tls, version,
               certificate=certificate, sni=sni) as client:
        return client.login(user, password, mechanism, authzid)


class _FromAddress:
    """For the standard library's clients: from an address of our choice."""

    implicit = False

    def __init__(self, port, source=common.CLIENT):
        self._source = source
        super().__init__(common.SERVER, port, timeout=common.DEADLINE)

    def _create_socket(self, timeout):
        sock = socket.create_connection((self.host, self.port), timeout,
                                        source_address=(self._source, 0))
        return tls_context().wrap_socket(sock) if self.implicit else sock


class Imap(_FromAddress, imaplib.IMAP4):
    pass


class Imaps(Imap):
    """TLS from the first byte."""

    implicit = True


class Pop3(_FromAddress, poplib.POP3):
    pass


class Pop3s(Pop3):
    """TLS from the first byte."""

    implicit = True
