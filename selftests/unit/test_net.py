#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""selftests/net.sh and lib.sh: what the tests in the VM are judged by tells good
from bad. Their functions, with others in the place of those that need a VM.

Prints TAP; exits 1 if a test failed.
"""
import os
import signal
import subprocess
import sys
import tempfile

SELFTESTS = os.path.realpath(os.path.join(os.path.dirname(os.path.abspath(__file__)), '..'))

# What "pilot show pilot0 -j" prints: $shown is one of these.
SHOWN = '''
on() { shift; [ "$*" = "pilot show pilot0 -j" ] && [ -n "$shown" ] && "$shown"; }
peer() { printf '%s\\n' '[' '  {' '    "node_id": 1,' '    "peers": [' '      {' '        "node_id": 2,' "$@"; }
has_key() { peer '        "state": "ready",' '        "keys": [' '          {' '            "id": 7,' \\
    '            "slot": "current",'; }
has_none() { peer '        "state": "no-key",' '        "keys": [],'; }
no_peer() { printf '%s\\n' '[' '  {' '    "node_id": 1,' '    "peers": []'; }
'''
PILOTD = "bash -c 'trap \"exit %d\" TERM; echo; while :; do sleep 0.1; done' >$work/up & pilotd_1=$!\n" \
    "while [ ! -s $work/up ]; do sleep 0.05; done\n"
# Answers to 1 to N, or as "seq" has it, and at the end a summary.
PING = '''spawn() {
    trap 'echo "%s"; exit' INT
    : >$work/trapped
    seq -f '64 bytes from x: icmp_seq=%%g ttl=64' %s
    while :; do command sleep 0.1; done
}
sleep() { until [ -e $work/trapped ]; do command sleep 0.05; done; command sleep 0.1; }
'''
REFUSED = 'try_refused x sorry said 2>&1 | grep -q "^ok"'

# Title, commands, whether they are to succeed.
TABLE = [
    ('a daemon that ends well', PILOTD % 0 + 'stop_pilotd 1 TERM', True),
    ('a daemon that does not', PILOTD % 7 + 'stop_pilotd 1 TERM; [ $? = 7 ]', True),
    ('it is forgotten all the same', PILOTD % 7 + 'stop_pilotd 1 TERM; [ -z "$pilotd_1" ]', True),
    ('no keys', SHOWN + 'shown=has_none; no_keys x 2', True),
    ('a key', SHOWN + 'shown=has_key; no_keys x 2', False),
    ('no keys of no peer', SHOWN + 'shown=no_peer; no_keys x 2', False),
    ('no keys on no device', SHOWN + 'shown=; no_keys x 2', False),
    ('another key', SHOWN + 'shown=has_key; other_key x 2 6', True),
    ('the same key', SHOWN + 'shown=has_key; other_key x 2 7', False),
    ('no other key', SHOWN + 'shown=has_none; other_key x 2 6', False),
    ('no ping is lost', PING % ('50 packets transmitted, 50 received, 0%', '50') + 'without_loss x true', True),
    ('the last is under way', PING % ('50 packets transmitted, 49 received, 2%', '49') + 'without_loss x true', True),
    ('two are', PING % ('50 packets transmitted, 48 received, 4%', '48') + 'without_loss x true', False),
    ('one is lost', PING % ('50 packets transmitted, 49 received, 2%', '2 50') + 'without_loss x true', False),
    ('one was sent, and lost', PING % ('1 packets transmitted, 0 received, 100%', '0') + 'slow=0; without_loss x true', False),
    ('no ping at all', PING % ('', '0') + 'slow=0; without_loss x true', False),
    ('the command fails', PING % ('50 packets transmitted, 50 received, 0%', '50') + 'without_loss x false', False),
    ('refused', 'said() { echo sorry; return 1; }\n' + REFUSED, True),
    ('refused, in other words', 'said() { echo no; return 1; }\n' + REFUSED, False),
    ('not refused', 'said() { echo sorry; }\n' + REFUSED, False),
    ('it went on', 'said() { echo sorry; timeout 0.2 sleep 5; }\n' + REFUSED, False),
    ('it died', 'said() { echo sorry; bash -c "ulimit -c 0; kill -SEGV \\$\\$"; }\n' + REFUSED, False),
]

# lib.sh wants root and the module: no more than its functions.
BEGIN = '''top=$1/.. work=$2 n1=1 n2=2 r=3 tests=0 failures=0
. "$1/net.sh"
. "$1/attacks.sh"
slow=1
. /dev/fd/3 3< <(sed -n '/^[a-z_]*() *{/,/^}/p' "$1/lib.sh")
'''


def main():
    failed = 0
    print('TAP version 13\n1..%d' % len(TABLE))
    for number, (title, commands, good) in enumerate(TABLE, 1):
        with tempfile.TemporaryDirectory() as work:
            p = subprocess.run(['bash', '-c', BEGIN + commands, 'bash', SELFTESTS, work], timeout=60,
                               stdout=subprocess.PIPE, stderr=subprocess.STDOUT, encoding='utf-8', check=False,
                               # of who runs tests in the background it is ignored, and bash keeps to that
                               preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL))
        wrong = (p.returncode == 0) != good or 'command not found' in p.stdout
        if wrong:
            print('# exit status %d\n# %s' % (p.returncode, p.stdout.replace('\n', '\n# ')))
            failed += 1
        print('%sok %d %s' % ('not ' if wrong else '', number, title))
    return failed != 0


if __name__ == '__main__':
    sys.exit(main())
