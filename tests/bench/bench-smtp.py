#!/usr/bin/python3
"""SMTP transactions a second of a private Postfix whose submission asks nobody,
a bare echo, or the policy daemon: in turn, many rounds. Needs root.

usage: bench-smtp.py GATEMAP POLICYD ECHO RULES [MAILS [ROUNDS]]"""

import os
import pathlib
import signal
import statistics
import subprocess
import sys
import time

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / 'integration'))
BUILD = pathlib.Path(sys.argv[1]).resolve().parents[2]
os.environ.setdefault('GATEPOST_BUILD', str(BUILD))

from gplab import common, policyd, postfix  # noqa: E402

SESSIONS = 10

# Not chrooted, so that sockets can be anywhere.
SERVICE = """
{port} inet n - n - - smtpd
  -o syslog_name=postfix/{name}
  -o smtpd_policy_service_policy_context=submission
  -o {{smtpd_relay_restrictions = reject_unauth_destination}}
  -o {{smtpd_recipient_restrictions = {check} reject_unauth_destination}}
"""


def rules(count):
    text = subprocess.run(
        [sys.executable, HERE / 'gen-rules.py', count], check=True,
        stdout=subprocess.PIPE, text=True).stdout
    # smtp-source knows no AUTH: its sender is judged.
    return text.replace('* all=tls', '* all=cleartext '
                        'unauthenticated_nets=127.0.0.0/8', 1)


def run(port, mails):
    begun = time.monotonic()
    subprocess.run(
        ['smtp-source', '-s', str(SESSIONS), '-m', str(mails), '-l', '1000',
         '-f', 'user00000002@dom000000.example', '-t', 'bob@example.com',
         '127.0.0.1:%d' % port], check=True)
    return mails / (time.monotonic() - begun)


def main():
    echo_program, count = os.path.abspath(sys.argv[3]), sys.argv[4]
    mails = int(sys.argv[5]) if len(sys.argv) > 5 else 1000
    rounds = int(sys.argv[6]) if len(sys.argv) > 6 else 9
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    with common.Lab('bench-smtp') as lab:
        lab.compile(rules(count))
        daemon = policyd.Policyd(lab).start()
        echo = lab.dir / 'echo'
        lab.start([echo_program, 'unix', echo], log=lab.dir / 'echo.log')
        common.wait_for(echo.exists, 'the echo')
        echo.chmod(0o666)
        checks = {'no check': '',
                  'bare echo': 'check_policy_service unix:%s,' % echo,
                  'gatepost-policyd':
                  'check_policy_service unix:%s,' % daemon.path}
        ports = {name: lab.port() for name in checks}
        server = postfix.Postfix(lab, services=''.join(
            SERVICE.format(port=ports[name], check=check,
                           name=name.replace(' ', '-'))
            for name, check in checks.items())).start()
        results = {name: [] for name in checks}
        for name in checks:
            lab.wait_port(ports[name], server.process)
            run(ports[name], 100)
        for _ in range(rounds):
            for name in checks:
                results[name].append(run(ports[name], mails))
        server.stop()
    base = results['bare echo']
    print('%s rules, %d sessions, %d mails a run, median of %d rounds, '
          '%d processors, %s' % (count, SESSIONS, mails, rounds,
                                 os.cpu_count(), time.strftime('%F')))
    for name, rates in results.items():
        ratios = [mine / his for mine, his in zip(rates, base)]
        print('%-18s %7.0f mails/s  %.3f of the echo (rounds: %.2f to %.2f)'
              % (name, statistics.median(rates), statistics.median(ratios),
                 min(ratios), max(ratios)))


if __name__ == '__main__':
    main()
