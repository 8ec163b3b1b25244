"""What real servers log, in every form in which an administrator has it: both
log to syslog here, once, and what they said is written down as syslog daemons,
journald and journalctl do. All forms say the same."""

import datetime
import json
import os
import re
import socket
import subprocess
import threading

import pytest

from gplab import clients, common, dovecot, policyd, postfix, releases

# With SNI, for which Postfix changes its line.
SNI = "mail.example.com"
MAIN = """
maillog_file =
smtpd_client_port_logging = yes
tls_server_sni_maps = texthash:{map}
"""
RULES = "* all=tls tls_min=1.2\n"
USERS = ("alice@example.com", "bob+odd@example.com", 'q"uo,te@example.com',
         "\u00fcml\u00e4ut@example.com", "no-domain")

# What the rules say of the logins below.
CLEARTEXT, OLD = "cleartext", "tls_version"


class Syslog:
    """What comes in at a /dev/log that only the servers of a lab have."""

    def __init__(self, lab):
        self.dev = lab.dir / "dev"
        self.dev.mkdir(mode=0o755)
        self.said = []
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.sock.bind(str(self.dev / "log"))
        (self.dev / "log").chmod(0o666)
        lab.closers.append(self.sock.close)
        threading.Thread(target=self._take, daemon=True).start()

    def _take(self):
        while True:
            try:
                data = self.sock.recv(65536)
            except OSError:
                return
            found = re.fullmatch(
                rb"<(\d+)>\w{3} [ \d]\d \d\d:\d\d:\d\d ([^\[:]+)"
                rb"(?:\[(\d+)\])?: (.*)", data.rstrip(b"\0\n"), re.DOTALL)
            self.said.append((datetime.datetime.now(datetime.timezone.utc),
                              *found.groups()))

    def wrap(self, argv):
        """A command line whose process finds our socket at /dev/log; the
        other devices stay what they are."""
        binds = "".join(
            f'touch "$0/{name}" && mount --bind /dev/{name} "$0/{name}" && '
            for name in ("null", "zero", "full", "random", "urandom", "tty"))
        return ["unshare", "-m", "sh", "-c",
                "mount --make-rprivate / && " + binds + 'mkdir -p "$0/shm" && '
                'mount --rbind "$0" /dev && exec "$@"', self.dev, *argv]


class Servers:
    """Both servers, logging to syslog, and all that was said when every login
    was made once."""

    def __init__(self, lab):
        lab.make_certificates()
        lab.compile("* clients=cleartext\n")
        self.lab = lab
        self.syslog = Syslog(lab)
        start = lab.start
        lab.start = lambda argv, **options: start(self.syslog.wrap(argv),
                                                  **options)
        names = lab.write("names", f"{SNI} {lab.key} {lab.cert}\n")
        self.postfix = postfix.Postfix(lab, policy=None,
                                       extra=MAIN.format(map=names))
        self.dovecot = dovecot.Dovecot(
            lab, passdbs=[releases.gatepost(),
                          releases.static({"password": "secret"})],
            auth_sockets=[self.postfix.auth_socket],
            extra="log_path = syslog\nauth_username_chars =\n").start()
        self.postfix.start()
        lab.start = start
        for user in USERS:
            self.log_in(user)
        self.wait(rb"imap-login: Log[^:]*: user=", 2 * len(USERS))
        self.wait(rb"disconnect from [^ ]+ .* auth=1 ", 4)

    def wait(self, pattern, count):
        common.wait_for(
            lambda: len(re.findall(pattern, self.text())) >= count,
            f"{count} lines {pattern}")

    def text(self):
        return b"\n".join(said[-1] for said in self.syslog.said)

    def log_in(self, user):
        for tls in (None, "starttls"):
            with clients.Login(self.dovecot, "imap", common.CLIENT, tls,
                               tls and "1.3") as client:
                assert client.login(user, "secret").ok
        if not user.startswith(("alice", "bob")):
            return
        for tls, version in ((None, None), ("starttls", "1.1")):
            with postfix.Smtp(self.postfix, "submission", tls=tls, user=user,
                              version=version, sni=SNI) as smtp:
                assert smtp.auth.ok and smtp.send(sender=USERS[0]).ok


@pytest.fixture(scope="module")
def servers(lab):
    return Servers(lab)


def lines(said, stamp, form="{stamp} mail {tag}: {text}\n"):
    out = b""
    for time, priority, program, pid, text in said:
        out += form.format(
            stamp=stamp(time), priority=priority.decode(),
            program=program.decode(), pid=pid.decode() if pid else "-",
            tag=program.decode() + (f"[{pid.decode()}]" if pid else ""),
            text="\0").encode().replace(b"\0", text)
    return out


def old(time):
    return time.strftime("%b %e %H:%M:%S")


def rfc3339(time):
    zone = datetime.timezone(datetime.timedelta(hours=5, minutes=30))
    return time.astimezone(zone).isoformat(timespec="microseconds")


RFC5424 = "<{priority}>1 {stamp} mail {program} {pid} - - {text}\n"
FORMS = {
    "syslog": lambda said: lines(said, old),
    "syslog, milliseconds": lambda said: lines(
        said, lambda time: f"{old(time)}.{time.microsecond // 1000:03}"),
    "RFC 3339": lambda said: lines(said, rfc3339),
    "RFC 5424": lambda said: lines(said, rfc3339, RFC5424),
    "RFC 5424, byte order mark": lambda said: lines(
        said, rfc3339, RFC5424.replace("{text}", "\ufeff{text}")),
}
JOURNALCTL = ("json", "json-seq", "json-sse", "short", "short-full",
              "short-iso", "short-iso-precise", "short-precise", "short-unix",
              "with-unit")
UNITS = {b"postfix": "postfix@-.service", b"dovecot": "dovecot.service"}


def judged(servers, log):
    """What is said, but for the times of logs that have only seconds."""
    servers.lab.write_rules(RULES)
    environment = {**os.environ, "TZ": "UTC"}
    stdin = None
    if isinstance(log, bytes):
        stdin, log = log, "-"
    done = subprocess.run(
        [common.program("gatepost"), "impact", "-c", servers.lab.conf, "-f",
         servers.lab.rules, "--json", log], input=stdin, capture_output=True,
        timeout=60, check=False, env=environment)
    assert done.returncode == 1, done.stderr
    said = json.loads(done.stdout)
    assert said["unreadable"] == 0
    # They were made within a minute, and their times are those of today.
    first, last = (datetime.datetime.fromisoformat(
        said[name].replace("Z", "+00:00")) for name in ("first", "last"))
    now = datetime.datetime.now(datetime.timezone.utc)
    assert datetime.timedelta() <= last - first < datetime.timedelta(minutes=5)
    assert abs(now - last) < datetime.timedelta(minutes=30)
    return said


def check(said):
    rows = {(row["mailbox"], row["service"], row["state"], row["cause"],
             *row["tls"], row["count"]) for row in said["rows"]}
    expected = {(user, "imap", "refused", CLEARTEXT, "none", 1)
                for user in USERS}
    expected |= {(user, "imap", "unknown", OLD, "unknown", 1)
                 for user in USERS}
    for user in USERS[:2]:
        expected.add((user, "submission", "refused", CLEARTEXT, "none", 1))
        expected.add((user, "submission", "refused", OLD, "1.1", 1))
    assert rows == expected
    assert said["logins"] == 2 * len(USERS) + 4


def test_postfix_says_more_with_sni_and_ports(servers):
    """So that the tests below are about it."""
    assert re.search(rb"established from unknown\[127\.0\.0\.5\]:\d+ to "
                     rb"mail\.example\.com: TLSv1\.1 with", servers.text())


@pytest.mark.parametrize("form", FORMS)
def test_syslog(servers, form):
    check(judged(servers, FORMS[form](servers.syslog.said)))


@pytest.fixture(scope="module")
def journal(servers):
    if not os.path.exists("/lib/systemd/systemd-journal-remote"):
        pytest.skip("systemd-journal-remote is not installed")
    export = b""
    for number, (time, priority, program, pid, text) in enumerate(
            servers.syslog.said):
        since_1970 = int(time.timestamp() * 1000000)
        fields = {
            "__REALTIME_TIMESTAMP": since_1970,
            "__MONOTONIC_TIMESTAMP": 1000000 + number,
            "_BOOT_ID": "0123456789abcdef0123456789abcdef",
            "SYSLOG_FACILITY": int(priority) >> 3,
            "PRIORITY": int(priority) & 7, "_HOSTNAME": "mail",
            "SYSLOG_IDENTIFIER": program.decode(),
            "_PID": pid.decode() if pid else 1,
            "_SYSTEMD_UNIT": UNITS[program.split(b"/")[0]],
        }
        if pid:
            fields["SYSLOG_PID"] = pid.decode()
        export += "".join(f"{name}={value}\n" for name, value
                          in fields.items()).encode()
        export += b"MESSAGE\n" + len(text).to_bytes(8, "little") + text \
            + b"\n\n"
    path = servers.lab.dir / "servers.journal"
    exported = servers.lab.dir / "export"
    exported.write_bytes(export)
    servers.lab.run(["/lib/systemd/systemd-journal-remote", "-o", path,
                     exported])
    return path


def test_journal(servers, journal):
    check(judged(servers, journal))


@pytest.mark.parametrize("form", JOURNALCTL)
def test_journalctl(servers, journal, form):
    printed = subprocess.run(
        ["journalctl", "--file", journal, "-o", form, "--no-pager", "-a"],
        capture_output=True, check=True, env={**os.environ, "TZ": "UTC"})
    check(judged(servers, printed.stdout))


@pytest.mark.parametrize("form, instead", [
    ("export", "-o json"), ("verbose", "-o json"), ("json-pretty", "-o json"),
    ("cat", "-o short-iso"), ("short-monotonic", "-o short-iso")])
def test_journalctl_otherwise(servers, journal, form, instead):
    """What is not read does not look like a log in which all is well."""
    printed = subprocess.run(
        ["journalctl", "--file", journal, "-o", form, "--no-pager", "-a"],
        capture_output=True, check=True)
    done = subprocess.run(
        [common.program("gatepost"), "impact", "-c", servers.lab.conf, "-f",
         servers.lab.rules, "-"], input=printed.stdout, capture_output=True,
        timeout=60, check=False)
    assert (done.returncode, done.stdout) == (65, b"")
    said = done.stderr.decode()
    assert f"-o {form}" in said and f"with {instead}" in said.replace(
        "journalctl ", "")


def test_what_the_daemon_left_out(lab):
    """It logs ten like lines a minute, and then how many there were more; its
    lines as journald has them from its standard error."""
    lab.compile(RULES + "example.net submission=off\n")
    daemon = policyd.Policyd(lab).start()
    with daemon.client() as client:
        for _ in range(37):
            client.login("alice@example.net")
        for _ in range(3):
            client.login("bob@example.net", tls="")
    assert daemon.stop() == 0
    said = "".join(f"2026-11-21T08:00:00+01:00 mail gatepost-policyd[7]: {line}"
                   for line in daemon.output().splitlines(keepends=True))
    assert "27 more lines like this were left out" in said
    log = lab.write("policyd.said", said)
    done = lab.run([common.program("gatepost"), "refused", "-c", lab.conf,
                    "--json", log], check=False)
    rows = {(row["mailbox"], row["cause"], row["count"], row["line"])
            for row in json.loads(done.stdout)["rows"]}
    assert rows == {("alice@example.net", "off", 37, 2),
                    ("bob@example.net", "off", 3, 2)}
    assert json.loads(done.stdout)["unreadable"] == 0
    # Where the lines that they are like are not there.
    log = lab.write("policyd.end", said.splitlines(keepends=True)[-1])
    done = lab.run([common.program("gatepost"), "refused", "-c", lab.conf,
                    "--json", log], check=False)
    assert json.loads(done.stdout)["rows"] == []
