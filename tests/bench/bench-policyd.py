#!/usr/bin/python3
"""The policy daemon against a bare epoll echo, in alternated runs: requests a
second, latency, processor time per request. Only ratios of one run hold.

postfwd, where it is installed or $POSTFWD says how to call it, stands beside
them: over TCP, with the rules of the first thousand mailboxes, for it reads its
rules one after the other.

usage: bench-policyd.py GATEMAP POLICYD ECHO LOAD RULES [SECONDS [ROUNDS]]"""

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
        os.kill(self.pid(), signal.SIGTERM)
        self.popen.wait()

    def pids(self):
        pid = self.pid()
        with open('/proc/%d/task/%d/children' % (pid, pid)) as file:
            return [pid] + [int(child) for child in file.read().split()]

    def processor_time(self):
        ticks = 0
        for pid in self.pids():
            with open('/proc/%d/stat' % pid) as file:
                fields = file.read().rsplit(')', 1)[1].split()
            ticks += int(fields[11]) + int(fields[12])
        return ticks / HERTZ

    def measure(self, load, connections, seconds, rules):
        if self.few_rules:
            if connections > 100:
                return
            rules = FEW_RULES
        before = self.processor_time()
        done = subprocess.run(
            [load, self.kind, self.where, str(connections), str(seconds),
             rules], capture_output=True, text=True)
        if done.returncode != 0:
            sys.exit('%s: %s' % (self.name, done.stderr))
        used = self.processor_time() - before
        requests, took, p50, p99 = done.stdout.split()
        self.results.setdefault((self.kind, connections), []).append(
            (int(requests) / float(took), int(p50), int(p99),
             used / int(requests) * 1e6))


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
    name = 'gatepost-policyd' + (', %d workers' % workers if workers > 1
                                 else '')
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


def start_echo(echo, folder, kind):
    where = (str(free_port()) if kind == 'tcp' else
             os.path.join(folder, 'echo'))
    return Service('bare epoll echo', [echo, kind, where], kind, where)


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
        '--daemon', '--pidfile', pid_file, '--file', rules, '--interface', '127.0.0.1', '--port', port,
        '--cache', '0', '--nodns', '--norulelog', '--user', 'nobody',
        '--group', 'nogroup'], 'tcp', port, few_rules=True, pid_file=pid_file)


def show(services, kind):
    echo = services[0]
    for connections in CONNECTIONS:
        base = medians(echo.results[kind, connections])
        for service in services:
            if (kind, connections) not in service.results:
                continue
            rate, p50, p99, used = medians(service.results[kind, connections])
            print('%-4s %5d  %-27s %8.0f/s %5.2f %7.0f us %7.0f us %5.2f '
                  '%6.2f us %5.2f' % (
                      kind, connections, service.name, rate, rate / base[0],
                      p50, p99, p99 / base[2] if base[2] else 0, used,
                      used / base[3] if base[3] else 0), flush=True)


def main():
    gatemap, policyd, echo, load = (os.path.abspath(path)
                                    for path in sys.argv[1:5])
    rules = sys.argv[5]
    seconds = int(sys.argv[6]) if len(sys.argv) > 6 else 3
    rounds = int(sys.argv[7]) if len(sys.argv) > 7 else 3
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    print('%s rules, %d s a run, median of %d rounds, %d processors, %s' % (
        rules, seconds, rounds, os.cpu_count(), time.strftime('%F')))
    print('     conns  service                       requests ratio     p50 '
          '       p99     ratio  processor ratio')
    with tempfile.TemporaryDirectory(prefix='gatepost-bench-') as folder:
        map_path = compile_rules(gatemap, folder, rules)
        for kind in ('unix', 'tcp'):
            services = []
            try:
                services.append(start_echo(echo, folder, kind))
                for workers in (1, 2):
                    services.append(start_policyd(policyd, folder, map_path,
                                                  workers, kind))
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
