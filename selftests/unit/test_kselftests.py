#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""selftests/run-kselftests: what it says of files that pass, fail, die, say
nothing or cannot be started. In a mount namespace, where the kernel's log is a
file.

Prints TAP; exits 1 if a test failed.
"""
import os
import shutil
import subprocess
import sys
import tempfile

SELFTESTS = os.path.join(os.path.dirname(os.path.abspath(__file__)), '..')
END, LOG = 'x: ran to its end', 'x: kernel log is clean'

# Title, the file (None: there is none), results expected.
TABLE = [
    ('it passes', 'echo TAP version 13; echo ok 1 a; echo ok 2 - b; echo 1..2',
     ['ok x: a', 'ok x: b', 'ok ' + END, 'ok ' + LOG]),
    ('the plan comes first', 'echo 1..1; echo ok 1 a', ['ok x: a', 'ok ' + END, 'ok ' + LOG]),
    ('the last line has no end', 'echo ok 1 a; printf 1..1',
     ['ok x: a', 'ok ' + END, 'ok ' + LOG]),
    ('one test fails', 'echo ok 1 a; echo not ok 2 b; echo 1..2; exit 1',
     ['ok x: a', 'not ok x: b', 'ok ' + END, 'ok ' + LOG]),
    ('one test is skipped', 'echo "ok 1 a # SKIP no cat"; echo 1..1',
     ['ok x: a # SKIP no cat', 'ok ' + END, 'ok ' + LOG]),
    ('it is skipped', 'echo "1..0 # SKIP no cat"; exit 4', ['ok x # SKIP no cat', 'ok ' + LOG]),
    ('it says nothing', 'exit 0', ['not ok ' + END, 'ok ' + LOG]),
    ('it plans nothing', 'echo 1..0', ['not ok ' + END, 'ok ' + LOG]),
    ('it is skipped, without a reason', 'echo 1..0; exit 4', ['not ok ' + END, 'ok ' + LOG]),
    ('it is skipped after a test', 'echo ok 1 a; echo "1..0 # SKIP no cat"; exit 4',
     ['ok x: a', 'not ok ' + END, 'ok ' + LOG]),
    ('it is not there', None, ['not ok ' + END, 'ok ' + LOG]),
    ('it does not parse', 'if', ['not ok ' + END, 'ok ' + LOG]),
    ('it dies before its plan', 'echo ok 1 a; kill -KILL $$',
     ['ok x: a', 'not ok ' + END, 'ok ' + LOG]),
    ('it dies after its plan', 'echo ok 1 a; echo 1..1; exit 3',
     ['ok x: a', 'not ok ' + END, 'ok ' + LOG]),
    ('a test fails, but not its exit status', 'echo not ok 1 a; echo 1..1',
     ['not ok x: a', 'not ok ' + END, 'ok ' + LOG]),
    ('a test is missing', 'echo ok 1 a; echo 1..2', ['ok x: a', 'not ok ' + END, 'ok ' + LOG]),
    ('it hangs', 'echo ok 1 a; sleep 60; echo 1..1', ['ok x: a', 'not ok ' + END, 'ok ' + LOG]),
    ('the kernel complains', 'echo ok 1 a; echo 1..1; echo BUG: bad >>/dev/kmsg',
     ['ok x: a', 'ok ' + END, 'not ok ' + LOG]),
    ('a daemon crashes', 'echo ok 1 a; echo 1..1; echo "pilotd[7]: segfault at 0 ip 0" >>/dev/kmsg',
     ['ok x: a', 'ok ' + END, 'not ok ' + LOG]),
    ('the kernel said something else', 'echo ok 1 a; echo 1..1; echo hello >>/dev/kmsg',
     ['ok x: a', 'ok ' + END, 'ok ' + LOG]),
    ('the kernel\'s log was lost', 'echo ok 1 a; echo 1..1; echo hello >/dev/kmsg',
     ['ok x: a', 'ok ' + END, 'not ok ' + LOG]),
]

# Arguments: the directory, the limit of run-kselftests.
INSIDE = '''
mount --bind "$1/kmsg" /dev/kmsg || exit
[ ! -d /sys/kernel/debug ] || mount -t tmpfs none /sys/kernel/debug || exit
PATH=$1/bin:$PATH exec "$1/run-kselftests" -t "$2" x
'''


def run(where, limit):
    """Exit status and output."""
    as_root = [] if os.geteuid() == 0 else ['--map-root-user']
    got = subprocess.run(['unshare', '--mount', *as_root, 'bash', '-c', INSIDE, 'bash', where,
                          str(limit)], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                         stderr=subprocess.STDOUT, encoding='utf-8', check=False)
    return got.returncode, got.stdout


def check(where, script, wanted):
    """Problems, a list of texts."""
    path = os.path.join(where, 'pilot', 'x.sh')
    if script is None:
        os.unlink(path)
    else:
        with open(path, 'w', encoding='utf-8') as f:
            f.write(script + '\n')
    status, output = run(where, 5 if script and 'sleep' in script else 30)
    results = [line for line in output.splitlines() if line.startswith(('ok ', 'not ok '))]
    # "ok 3 text": the numbers count up.
    got = []
    for n, line in enumerate(results, 1):
        good, _, rest = line.partition('ok ')
        number, _, text = rest.partition(' ')
        got.append(good + 'ok ' + text)
        if number != str(n):
            got.append('number %s instead of %d' % (number, n))
    problems = []
    if got != wanted:
        problems.append('results: %s' % got)
    if output.splitlines()[-1:] != ['1..%d' % len(wanted)]:
        problems.append('the plan at the end is missing')
    if status != int(any(w.startswith('not ok') for w in wanted)):
        problems.append('exit status %d' % status)
    return problems + output.splitlines() if problems else []


def main():
    failed = 0
    print('TAP version 13')
    with tempfile.TemporaryDirectory() as where:
        for d in ('bin', 'pilot', 'vm'):
            os.mkdir(os.path.join(where, d))
        shutil.copy(os.path.join(SELFTESTS, 'run-kselftests'), where)
        shutil.copy(os.path.join(SELFTESTS, 'vm/kernel-reports'), os.path.join(where, 'vm'))
        open(os.path.join(where, 'kmsg'), 'w', encoding='utf-8').close()
        dmesg = os.path.join(where, 'bin/dmesg')
        with open(dmesg, 'w', encoding='utf-8') as f:
            f.write('#!/bin/sh\nexec cat /dev/kmsg\n')
        os.chmod(dmesg, 0o755)
        for n, (title, script, wanted) in enumerate(TABLE, 1):
            problems = check(where, script, wanted)
            for p in problems:
                print('# ' + p)
            print('%sok %d %s' % ('not ' if problems else '', n, title))
            failed += bool(problems)
    print('1..%d' % len(TABLE))
    return 1 if failed else 0


if __name__ == '__main__':
    sys.exit(main())
