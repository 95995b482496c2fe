#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""pilotd in the background keeps the identity's secret in locked memory: a child
does not inherit the locks of its parent. A library that is loaded before all
others notes who locks.

Prints TAP; exits 1 if a test failed, 4 if the programs are not built.
"""
import os
import subprocess
import sys
import tempfile

TOP = os.path.join(os.path.dirname(os.path.abspath(__file__)), '../..')
PILOT = os.environ.get('PILOT', os.path.join(TOP, 'userspace/pilot/pilot'))
PILOTD = os.environ.get('PILOTD', os.path.join(TOP, 'userspace/pilotd/pilotd'))

NOTE = r'''
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

int mlock(const void *addr, size_t len)
{
    FILE *f = fopen(getenv("LOCKS"), "a");

    (void)addr;
    (void)len;
    fprintf(f, "%d\n", getpid());
    fclose(f);
    return 0;
}
'''


def lockers(where, *options):
    """Start pilotd, which ends because there is no device: how many processes lock."""
    log = os.path.join(where, 'locks')
    open(log, 'w', encoding='utf-8').close()
    subprocess.run([PILOTD, '--config', os.path.join(where, 'conf'), *options],
                   env={**os.environ, 'LD_PRELOAD': os.path.join(where, 'note.so'), 'LOCKS': log},
                   stderr=subprocess.DEVNULL, check=False)
    with open(log, encoding='utf-8') as f:
        return len(set(f))


def main():
    for program in (PILOT, PILOTD):
        if not os.access(program, os.X_OK):
            print('%s is not built' % program, file=sys.stderr)
            return 4
    with tempfile.TemporaryDirectory() as where:
        with open(os.path.join(where, 'note.c'), 'w', encoding='utf-8') as f:
            f.write(NOTE)
        subprocess.run([os.environ.get('CC', 'cc'), '-shared', '-fPIC', '-o',
                        os.path.join(where, 'note.so'), os.path.join(where, 'note.c')], check=True)
        subprocess.run([PILOT, 'identity', 'new', os.path.join(where, 'id')],
                       stdout=subprocess.DEVNULL, check=True)
        with open(os.path.join(where, 'conf'), 'w', encoding='utf-8') as f:
            f.write('[tunnel]\ndevice = no-such-device\nnode-id = 1\nidentity = id\ncreate = no\n')
        found = [lockers(where, '--foreground'), lockers(where)]
    print('TAP version 13\n1..2')
    print('%sok 1 in the foreground the identity is locked' % ('' if found[0] == 1 else 'not '))
    print('%sok 2 in the background too' % ('' if found[1] == 2 else 'not '))
    return found != [1, 2]


if __name__ == '__main__':
    sys.exit(main())
