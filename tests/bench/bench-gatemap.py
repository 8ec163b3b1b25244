#!/usr/bin/python3
"""gatemap against postmap lmdb:, in turn, with the same keys and texts.

usage: bench-gatemap.py GATEMAP [--rounds N] COUNT[:shuffled] ...

For each table size prints the medians of the wall clock, of the processor
time and of the peak memory, and the median of the ratios of neighbouring
runs. Exit status 1 when a run fails."""

import os
import statistics
import subprocess
import sys
import tempfile

HERE = os.path.dirname(os.path.abspath(__file__))


def run(command):
    """Runs it; wall seconds, processor seconds, peak KiB."""
    import time
    start = time.monotonic()
    pid = os.posix_spawnp(command[0], command, os.environ)
    _, status, usage = os.wait4(pid, 0)
    wall = time.monotonic() - start
    if status != 0:
        sys.exit('%s failed: %d' % (command[0], status))
    return wall, usage.ru_utime + usage.ru_stime, usage.ru_maxrss


def remove(folder, *names):
    for name in names:
        path = os.path.join(folder, name)
        if os.path.exists(path):
            os.remove(path)


def generate(folder, count, shuffled):
    command = [sys.executable, os.path.join(HERE, 'gen-rules.py'), count]
    if shuffled:
        command.append('shuffled')
    with open(os.path.join(folder, 'rules'), 'wb') as out:
        subprocess.run(command, stdout=out, check=True)
    os.link(os.path.join(folder, 'rules'), os.path.join(folder, 'table'))


def measure(folder, gatemap, rounds):
    ours, theirs = [], []
    for _ in range(rounds):
        remove(folder, 'rules.lmdb', 'rules.lmdb.prev', 'rules.summary',
               'table.lmdb')
        ours.append(run([gatemap, '-c', os.path.join(folder, 'gatepost.conf'),
                         os.path.join(folder, 'rules')]))
        theirs.append(run(['postmap', '-c', folder,
                           'lmdb:' + os.path.join(folder, 'table')]))
    return ours, theirs


def report(name, ours, theirs):
    def middle(runs, field):
        return statistics.median(entry[field] for entry in runs)

    ratio = statistics.median(b[0] / a[0] for a, b in zip(ours, theirs))
    for who, runs in (('gatemap', ours), ('postmap lmdb:', theirs)):
        print('%-18s %-14s %7.2f s wall %7.2f s processor %7.0f MiB' % (
            name, who, middle(runs, 0), middle(runs, 1),
            middle(runs, 2) / 1024))
    print('%-18s postmap takes %.2f times as long' % (name, ratio),
          flush=True)


def main():
    gatemap, sizes, rounds = os.path.abspath(sys.argv[1]), sys.argv[2:], 3
    if sizes[:1] == ['--rounds']:
        rounds, sizes = int(sizes[1]), sizes[2:]
    for size in sizes:
        count, _, order = size.partition(':')
        with tempfile.TemporaryDirectory(prefix='gatepost-bench-') as folder:
            with open(os.path.join(folder, 'main.cf'), 'w') as conf:
                # postmap's database grows by doubling from here.
                conf.write('lmdb_map_size = 16777216\n')
            open(os.path.join(folder, 'gatepost.conf'), 'w').close()
            generate(folder, count, order == 'shuffled')
            report(size, *measure(folder, gatemap, rounds))


if __name__ == '__main__':
    main()
