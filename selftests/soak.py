# SPDX-License-Identifier: GPL-2.0
"""usage: soak.py FILE.svg <OUTPUT: draws the samples that selftests/soak printed."""

import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), 'bench'))
from svg import COLOURS, Drawing  # noqa: E402

SERIES = (2, 'kernel: unreclaimable slab, per-CPU, vmalloc'), (3, 'pilotd of node 1'), (4, 'pilotd of node 2')
LEFT, RIGHT, TOP, BOTTOM = 70, 880, 50, 300


def main():
    rows = [[int(f) for f in line.split('\t')[1:]] for line in sys.stdin if line.startswith('sample\t')]
    if len(rows) < 2:
        sys.exit('soak.py: no samples')
    d = Drawing(900, 400, 'Memory over %d hours of guest time, each as a share of its first value'
                % round(rows[-1][0] / 60))
    low, high = 0.5, 1.5
    for percent in range(50, 151, 10):
        y = BOTTOM - (percent / 100 - low) / (high - low) * (BOTTOM - TOP)
        d.line([(LEFT, y), (RIGHT, y)], '#dddddd')
        d.text(LEFT - 6, y + 4, '%d %%' % percent, 'end')
    for n, (column, name) in enumerate(SERIES):
        first = rows[0][column - 1]
        d.line([(LEFT + (RIGHT - LEFT) * r[0] / rows[-1][0],
                 BOTTOM - (min(high, max(low, r[column - 1] / first)) - low) / (high - low) * (BOTTOM - TOP))
                for r in rows], COLOURS[n], 2)
        d.text(LEFT + 16, BOTTOM + 35 + 20 * n, '%s, %d KiB at first' % (name, first))
        d.box(LEFT, BOTTOM + 26 + 20 * n, 10, 10, COLOURS[n])
    d.save(sys.argv[1])


main()
