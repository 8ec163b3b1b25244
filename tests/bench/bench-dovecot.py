#!/usr/bin/python3
"""What Gatepost costs a login in Dovecot: two private servers that differ in
nothing else, in turn, many rounds. Only ratios of one run hold. Needs root.

Measured are authentications over the auth socket, where nothing else is done,
and whole IMAP logins, each on a new connection: with login processes that serve
one client each (Dovecot's default) and with ones that live on, in cleartext and
over TLS with a full handshake. Passwords are kept as they are, so that no hash
hides anything. Processor time is that of Dovecot's processes, also of those
that have ended. Last comes what the auth process holds after many
authentications.

usage: bench-dovecot.py GATEMAP RULES [SECONDS [ROUNDS [AUTHENTICATIONS]]]"""

import base64
import multiprocessing
import os
import pathlib
import random
import signal
import socket
import statistics
import subprocess
import sys
import time

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / 'integration'))
BUILD = pathlib.Path(sys.argv[1]).resolve().parents[2]
os.environ.setdefault('GATEPOST_BUILD', str(BUILD))

from gplab import clients, common, dovecot  # noqa: E402

HERTZ = os.sysconf('SC_CLK_TCK')
OUTSTANDING = 64
CLIENTS = 4
MAILBOXES = 1000
LASTING = """
service imap-login {
  service_count = 0
  process_limit = 2
}
"""


def mailboxes(count):
    """Some that gen-rules.py gives a line which lets them in by any way."""
    numbers = random.Random(1).choices(range(int(count) // 6), k=MAILBOXES)
    return ['user%08d@dom%06d.example' % (6 * n + 3, (6 * n + 3) // 100)
            for n in numbers]


class Server:
    """One of the two Dovecots, with one kind of login processes."""

    def __init__(self, lab, users, gatepost, extra=''):
        self.users = users
        self.dovecot = dovecot.Dovecot(
            lab, users=dict.fromkeys(users, 'secret'), gatepost=gatepost,
            login_plugin=gatepost, protocols='imap', extra=extra).start()
        self.results = {}
        # From now on the auth process is there, and has seen all of them.
        AuthSocket(self).run(len(users))

    def ticks_of_dead(self):
        stat = pathlib.Path('/proc/%d/stat' % self.dovecot.process.pid)
        fields = stat.read_text().rsplit(')', 1)[1].split()
        return int(fields[13]) + int(fields[14])

    def processor_time(self):
        """Seconds of all its processes, the dead ones included."""
        return self.ticks_of_dead() / HERTZ + sum(
            processor_time(pid) for pid in self.dovecot.processes())

    def auth(self):
        return self.dovecot.auth_processes()[0]

    def note(self, what, value):
        self.results.setdefault(what, []).append(value)


def processor_time(pid):
    try:
        with open('/proc/%d/schedstat' % pid) as file:
            return int(file.read().split()[0]) / 1e9
    except OSError:
        return 0.0


def memory(pid):
    """Kilobytes of its own, and of files that it has mapped."""
    text = pathlib.Path('/proc/%d/status' % pid).read_text()
    fields = dict(line.split(':', 1) for line in text.splitlines())
    return [int(fields[name].split()[0]) for name in ('RssAnon', 'RssFile')]


# The auth socket


class AuthSocket:
    """Keeps a number of requests outstanding, as a busy login process does."""

    def __init__(self, server):
        self.client = server.dovecot.auth_client()
        self.tails = [
            '\tPLAIN\tservice=imap\tsecured=tls\tnologin\tlip=%s\trip=%s'
            '\tsession=%s\tresp=%s\n'
            % (common.SERVER, common.CLIENT, 'x' * 16,
               base64.b64encode(b'\0%s\0secret' % user.encode()).decode())
            for user in server.users]
        self.number = 0
        self.pending = b''

    def _send(self, count):
        lines = []
        for _ in range(count):
            self.number += 1
            lines.append('AUTH\t%d%s' % (
                self.number, self.tails[self.number % len(self.tails)]))
        self.client.sock.sendall(''.join(lines).encode())

    def _receive(self):
        data = self.pending + self.client.sock.recv(65536)
        lines = data.split(b'\n')
        self.pending = lines.pop()
        if not lines or any(not line.startswith(b'OK\t') for line in lines):
            sys.exit('not let in: %r' % lines[:1])
        return len(lines)

    def run(self, count):
        sent = done = 0
        while done < count:
            wanted = min(OUTSTANDING - (sent - done), count - sent)
            self._send(wanted)
            sent += wanted
            done += self._receive()


def measure_auth(server, seconds):
    auth = AuthSocket(server)
    auth.run(1000)
    pid, done = server.auth(), 0
    used, begun = processor_time(pid), time.monotonic()
    while time.monotonic() < begun + seconds:
        auth.run(2000)
        done += 2000
    server.note('auth socket: rate', done / (time.monotonic() - begun))
    server.note('auth socket: auth', (processor_time(pid) - used) / done)
    auth.client.close()


# IMAP


def imap_logins(port, users, context, end, count):
    """One client's logins, one after the other."""
    while time.monotonic() < end:
        sock = socket.create_connection((common.SERVER, port),
                                        source_address=(common.CLIENT, 0))
        if context is not None:
            sock = context.wrap_socket(sock)
        with sock, sock.makefile('rb') as lines:
            lines.readline()
            sock.sendall(b'a LOGIN %s secret\r\n'
                         % random.choice(users).encode())
            if b'a OK' not in lines.readline():
                os._exit(1)
            sock.sendall(b'b LOGOUT\r\n')
            lines.read()
        count.value += 1


def measure_imap(server, kind, tls, seconds):
    port = server.dovecot.port('imaps' if tls else 'imap')
    context = clients.tls_context() if tls else None
    auth, used_auth = server.auth(), processor_time(server.auth())
    used, begun = server.processor_time(), time.monotonic()
    counts = [multiprocessing.Value('i') for _ in range(CLIENTS)]
    processes = [multiprocessing.Process(
        target=imap_logins, args=(port, server.users, context,
                                  begun + seconds, count))
        for count in counts]
    for process in processes:
        process.start()
    for process in processes:
        process.join()
        if process.exitcode != 0:
            sys.exit('an IMAP login has failed')
    done, took = sum(c.value for c in counts), time.monotonic() - begun
    # The last mail processes have an end to come to.
    time.sleep(0.2)
    what = '%s, %s: ' % (kind, 'TLS' if tls else 'cleartext')
    server.note(what + 'rate', done / took)
    server.note(what + 'auth', (processor_time(auth) - used_auth) / done)
    server.note(what + 'all', (server.processor_time() - used) / done)


# The report


def report(bare, full):
    for what, values in full.results.items():
        ratios = [mine / his
                  for mine, his in zip(values, bare.results[what])]
        unit, factor = ('/s', 1) if what.endswith('rate') else ('us', 1e6)
        print('%-34s %9.1f -> %9.1f %-3s x %.3f  (rounds: %.3f to %.3f)' % (
            what, factor * statistics.median(bare.results[what]),
            factor * statistics.median(values), unit,
            statistics.median(ratios), min(ratios), max(ratios)), flush=True)


def report_share(bare, full):
    """What Gatepost adds to a whole login's processor time, each round's
    difference as a part of the same round's login."""
    for what in full.results:
        if what.endswith(': all'):
            shares = [100 * (mine - his) / his for mine, his in
                      zip(full.results[what], bare.results[what])]
            print('%-34s %+.1f %% of its processor time' % (
                what.removesuffix(': all'), statistics.median(shares)))


def report_memory(bare, full, count):
    steps = [10 ** power for power in range(4, 9) if 10 ** power < count]
    for name, server in (('without', bare), ('with', full)):
        auth, done = AuthSocket(server), 0
        for step in [*steps, count]:
            auth.run(step - done)
            done = step
            print('auth %-7s after %8d authentications: %6d KiB of its own, '
                  '%6d KiB of files' % (name, done, *memory(server.auth())),
                  flush=True)
        auth.client.close()


def report_login_memory(bare, full):
    for name, server in (('without', bare), ('with', full)):
        pid = server.dovecot.login_processes('imap-login')[0]
        print('imap-login %-7s: %6d KiB of its own, %6d KiB of files'
              % (name, *memory(pid)))


def main():
    count = sys.argv[2]
    seconds = float(sys.argv[3]) if len(sys.argv) > 3 else 3
    rounds = int(sys.argv[4]) if len(sys.argv) > 4 else 9
    logins = int(sys.argv[5]) if len(sys.argv) > 5 else 1000000
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    users = mailboxes(count)
    with common.Lab('bench-dovecot') as lab:
        lab.compile(subprocess.run(
            [sys.executable, HERE / 'gen-rules.py', count], check=True,
            stdout=subprocess.PIPE, text=True).stdout)
        print('%s rules, %g s a run, median of %d rounds, %d processors, '
              'Dovecot %s, %s; without -> with Gatepost' % (
                  count, seconds, rounds, os.cpu_count(),
                  lab.run(['dovecot', '--version']).stdout.split()[0],
                  time.strftime('%F')), flush=True)
        pairs = {kind: [Server(lab, users, gatepost, extra)
                        for gatepost in (False, True)]
                 for kind, extra in (('one client each', ''),
                                     ('lasting', LASTING))}
        for _ in range(rounds):
            for server in pairs['lasting']:
                measure_auth(server, seconds)
            for kind, pair in pairs.items():
                for tls in (False, True):
                    for server in pair:
                        measure_imap(server, kind, tls, seconds)
        for pair in pairs.values():
            report(*pair)
        for pair in pairs.values():
            report_share(*pair)
        report_login_memory(*pairs['lasting'])
        report_memory(*pairs['lasting'], logins)


if __name__ == '__main__':
    main()
