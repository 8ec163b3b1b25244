#!/usr/bin/python3
"""Compiles maps of the sizes named and has bench-decide measure them.

usage: bench-decide.py GATEMAP BENCH-DECIDE COUNT ..."""

import os
import subprocess
import sys
import tempfile

HERE = os.path.dirname(os.path.abspath(__file__))


def main():
    gatemap, decide = (os.path.abspath(path) for path in sys.argv[1:3])
    with tempfile.TemporaryDirectory(prefix='gatepost-bench-') as folder:
        conf = os.path.join(folder, 'gatepost.conf')
        open(conf, 'w').close()
        arguments = []
        for count in sys.argv[3:]:
            rules = os.path.join(folder, count)
            with open(rules, 'wb') as out:
                subprocess.run([sys.executable,
                                os.path.join(HERE, 'gen-rules.py'), count],
                               stdout=out, check=True)
            subprocess.run([gatemap, '-c', conf, rules], check=True)
            os.remove(rules)
            arguments += [rules + '.lmdb', count]
        subprocess.run([decide] + arguments, check=True)


if __name__ == '__main__':
    main()
