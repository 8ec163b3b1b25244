#!/usr/bin/python3
"""Writes COUNT rules to standard output: one hundred mailboxes to a domain,
sorted as gatemap sorts them, or shuffled (always alike)."""

import random
import sys

VALUES = ('imap=off', 'pop3=off', 'all=tls', 'clients=cleartext',
          'submission=off pop3=off', 'tls_min=1.3')


def main():
    count = int(sys.argv[1])
    order = range(count)
    if sys.argv[2:] == ['shuffled']:
        order = list(order)
        random.Random(1).shuffle(order)
    write = sys.stdout.write
    write('* all=tls help=https://help.example.com/mail\n')
    for number in order:
        write('user%08d@dom%06d.example %s\n' %
              (number, number // 100, VALUES[number % len(VALUES)]))


if __name__ == '__main__':
    main()
