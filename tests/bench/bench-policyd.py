#!/usr/bin/python3
"""The policy daemon against a bare epoll echo, in alternated runs: requests a
second, latency, processor time per request. Only ratios of one run hold.

Beside them stands the daemon's loop with its parser alone, which shows what of
its time the decision takes. The daemon is measured first when it has just been
started, and then after each mailbox was asked for some three times, as it runs
all day.

postfwd, where it is installed or $POSTFWD says how to call it, stands beside
them: over TCP, with the rules of the first thousand mailboxes, for it reads
its rules one after the other.

usage: bench-policyd.py GATEMAP POLICYD ECHO LOOP LOAD RULES
                        [SECONDS [ROUNDS]]"""

import contextlib
import os
import resource
import shlex
import shutil
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import time

HERE = os.path.dirname(os.path.abspath(__file__))
CONNECTIONS = (1, 16, 100, 1000)
FEW_RULES = '1000'
HERTZ = os.sysconf('SC_CLK_TCK')


class Service:
    """One process (or several) that answers policy requests."""

    def __init__(self, name, argv, kind, where, few_rules=False,
                 pid_file=None):
        self.name, self.kind, self.where = name, kind, where
        self.few_rules, self.pid_file = few_rules, pid_file
        self.popen = subprocess.Popen(argv, stdin=subprocess.DEVNULL,
                                      stderr=subprocess.DEVNULL)
        self.results = {}
        end = time.monotonic() + 20
        while not self.answers():
            if time.monotonic() > end or self.popen.poll():
                sys.exit('%s does not listen' % name)
            time.sleep(0.02)

    def answers(self):
        family = socket.AF_INET if self.kind == 'tcp' else socket.AF_UNIX
        with socket.socket(family) as sock:
            try:
                sock.connect(('127.0.0.1', int(self.where))
                             if self.kind == 'tcp' else self.where)
            except OSError:
                return False
        return True

    def pid(self):
        """Its own, or of the daemon that it has become."""
        if self.pid_file is None:
            return self.popen.pid
        with open(self.pid_file) as file:
            return int(file.read())

    def stop(self):
        with contextlib.suppress(ProcessLookupError):
            os.kill(self.pid(), signal.SIGTERM)
        self.popen.wait()

    def pids(self):
        pid = self.pid()
        try:
            with open('/proc/%d/task/%d/children' % (pid, pid)) as file:
                return [pid] + [int(child) for child in file.read().split()]
        except FileNotFoundError:
            sys.exit('%s has ended' % self.name)

    def processor_time(self):
        ticks = 0
        for pid in self.pids():
            with open('/proc/%d/stat' % pid) as file:
                fields = file.read().rsplit(')', 1)[1].split()
            ticks += int(fields[11]) + int(fields[12])
        return ticks / HERTZ

    def warm(self, load, rules):
        """What is measured here comes once, so it is not alternated."""
        self.measure(load, 16, 1, rules, 'started')
        workers = len(self.pids()) - 1 or 1
        asked = 0
        while asked < 3 * int(rules) * workers:
            asked += self.measure(load, 64, 2, rules, 'warming')

    def measure(self, load, connections, seconds, rules, as_what=None):
        """Returns how many requests there were."""
        if self.few_rules:
            if connections > 100:
                return 0
            rules = FEW_RULES
        before = self.processor_time()
        done = subprocess.run(
            [load, self.kind, self.where, str(connections), str(seconds),
             rules], capture_output=True, text=True)
        if done.returncode != 0:
            sys.exit('%s: %s' % (self.name, done.stderr))
        used = self.processor_time() - before
        requests, took, p50, p99, own = done.stdout.split()
        self.results.setdefault(
            (self.kind, as_what or connections), []).append(
            (int(requests) / float(took), int(p50), int(p99),
             used / int(requests) * 1e6, float(own) / int(requests) * 1e6))
        return int(requests)


def medians(results):
    return [statistics.median(column) for column in zip(*results)]


def free_port():
    with socket.socket() as sock:
        sock.bind(('127.0.0.1', 0))
        return sock.getsockname()[1]


def compile_rules(gatemap, folder, count):
    rules = os.path.join(folder, 'rules')
    open(os.path.join(folder, 'gatepost.conf'), 'w').close()
    with open(rules, 'wb') as out:
        subprocess.run([sys.executable, os.path.join(HERE, 'gen-rules.py'),
                        count], stdout=out, check=True)
    subprocess.run([gatemap, '-c', folder, rules], check=True)
    os.remove(rules)
    os.chmod(rules + '.lmdb', 0o644)
    os.chmod(folder, 0o755)
    return rules + '.lmdb'


def start_policyd(policyd, folder, map_path, workers, kind):
    name = 'policyd' + (', %d workers' % workers if workers > 1 else '')
    where = (str(free_port()) if kind == 'tcp' else
             os.path.join(folder, 'd%d' % workers, 'policy'))
    conf = os.path.join(folder, 'conf-%s-%d' % (kind, workers))
    with open(conf, 'w') as out:
        out.write('map = %s\nworkers = %d\npolicy_socket = %s\n' % (
            map_path, workers, 'inet:127.0.0.1:' + where if kind == 'tcp'
            else where))
    argv = [policyd, '-f', '-c', conf]
    if os.geteuid() == 0:
        argv += ['-u', 'nobody']
    return Service(name, argv, kind, where)


def start_simple(program, name, folder, kind):
    where = (str(free_port()) if kind == 'tcp' else
             os.path.join(folder, os.path.basename(program)))
    return Service(name, [program, kind, where], kind, where)


def start_postfwd(folder):
    """None where it is not installed."""
    command = shlex.split(os.environ.get('POSTFWD', 'postfwd1'))
    if shutil.which(command[0]) is None:
        return None
    port = str(free_port())
    rules = os.path.join(folder, 'postfwd.cf')
    run = os.path.join(folder, 'postfwd')
    os.mkdir(run)
    os.chmod(run, 0o777)
    pid_file = os.path.join(run, 'pid')
    # As gen-rules.py has it: every sixth mailbox may not send.
    with open(rules, 'w') as out:
        for number in range(4, int(FEW_RULES), 6):
            out.write('id=R%d; sasl_username==user%08d@dom%06d.example; '
                      'action=550 5.7.1 switched off\n' % (
                          number, number, number // 100))
        for name in ('TLSv1.3', 'TLSv1.2'):
            out.write('id=%s; encryption_protocol==%s; action=DUNNO\n' % (
                name.replace('.', ''), name))
    return Service('postfwd, %s rules' % FEW_RULES, command + [
        '--daemon', '--pidfile', pid_file, '--file', rules,
        '--interface', '127.0.0.1', '--port', port, '--cache', '0',
        '--nodns', '--norulelog', '--user', 'nobody', '--group', 'nogroup'],
        'tcp', port, few_rules=True, pid_file=pid_file)


def show_line(kind, connections, name, result, base):
    rate, p50, p99, used, _ = result
    print('%-4s %4s %-22s %7.0f %5.2f %6.0f %6.0f %5.2f %6.2f %5.2f' % (
        kind, connections, name, rate, rate / base[0], p50, p99,
        p99 / base[2] if base[2] else 0, used,
        used / base[3] if base[3] else 0), flush=True)


def show_bound(result):
    """Load and daemon share the processors, however many workers there are."""
    used, load = result[3], result[4]
    both = os.cpu_count() / (used + load)
    print('          the load itself takes %.2f us: on %d processors, all '
          'workers reach\n          at most %.2f times one' % (
              load, os.cpu_count(), both * max(used, load)))


def show(services, kind):
    echo, _, daemon = services[:3]
    for connections in CONNECTIONS:
        base = medians(echo.results[kind, connections])
        for service in services:
            if connections == 16 and service is daemon:
                show_line(kind, connections, daemon.name + ', just started',
                          medians(daemon.results[kind, 'started']), base)
            if (kind, connections) in service.results:
                show_line(kind, connections, service.name,
                          medians(service.results[kind, connections]), base)
        show_bound(medians(daemon.results[kind, connections]))


def main():
    gatemap, policyd, echo, loop, load = (os.path.abspath(path)
                                          for path in sys.argv[1:6])
    rules = sys.argv[6]
    seconds = int(sys.argv[7]) if len(sys.argv) > 7 else 3
    rounds = int(sys.argv[8]) if len(sys.argv) > 8 else 3
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    print('%s rules, %d s a run, median of %d rounds, %d processors, load '
          '%.0f, %s' % (rules, seconds, rounds, os.cpu_count(),
                        os.getloadavg()[0], time.strftime('%F')))
    print('Latencies and processor time in microseconds. postfwd has the '
          'rules of %s\nmailboxes only: it goes through them one by one, '
          'so that each request takes a\nthousand times as long with a '
          'thousand times as many.' % FEW_RULES)
    print('conn           service                req/s ratio    p50    p99 '
          'ratio    cpu ratio')
    with tempfile.TemporaryDirectory(prefix='gatepost-bench-') as folder:
        map_path = compile_rules(gatemap, folder, rules)
        for kind in ('unix', 'tcp'):
            services = []
            try:
                services.append(start_simple(echo, 'bare epoll echo', folder,
                                             kind))
                services.append(start_simple(loop, 'loop and parser alone',
                                             folder, kind))
                for workers in (1, 2):
                    services.append(start_policyd(policyd, folder, map_path,
                                                  workers, kind))
                    services[-1].warm(load, rules)
                postfwd = start_postfwd(folder) if kind == 'tcp' else None
                if postfwd is not None:
                    services.append(postfwd)
                for _ in range(rounds):
                    for connections in CONNECTIONS:
                        for service in services:
                            service.measure(load, connections, seconds,
                                            rules)
                show(services, kind)
            finally:
                for service in services:
                    service.stop()


if __name__ == '__main__':
    main()
