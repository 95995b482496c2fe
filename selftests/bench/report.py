# SPDX-License-Identifier: GPL-2.0
"""Tables and charts of what bench/run measured."""

import svg

UNIT = {'udp64': 'UDP 64 B', 'udp1400': 'UDP 1400 B', 'rekey': '1400 B, new keys', 'gso': 'UDP GSO 1400 B', 'tcp': 'TCP, MSS',
        'gso-wire': 'GSO, wire', 'tcp-wire': 'TCP, wire', 'echo64': 'echo 64 B'}


def grid(rows):
    """Lines of a table in Markdown, columns aligned."""
    widths = [max(len(r[i]) for r in rows) for i in range(len(rows[0]))]
    lines = ['| ' + ' | '.join(c.ljust(w) if i == 0 else c.rjust(w)
                               for i, (c, w) in enumerate(zip(r, widths))) + ' |' for r in rows]
    lines.insert(1, '| ' + ' | '.join('-' * w if i == 0 else '-' * (w - 1) + ':'
                                      for i, w in enumerate(widths)) + ' |')
    return '\n'.join(lines)


def simple(rows):
    """The same as a simple table in reStructuredText."""
    widths = [max(len(r[i]) for r in rows) for i in range(len(rows[0]))]
    rule = ' '.join('=' * w for w in widths)
    lines = [' '.join(c.ljust(w) if i == 0 else c.rjust(w)
                      for i, (c, w) in enumerate(zip(r, widths))) for r in rows]
    return '\n'.join([rule, lines[0], rule] + lines[1:] + [rule])


def cells_of(result):
    return [c for c in UNIT if any(c in cells for cells in result['tunnels'].values())]


def figure(result, tunnel, cell):
    return result['tunnels'].get(tunnel, {}).get(cell, {}).get('per')


def cost_rows(result):
    cells = cells_of(result)
    rows = [['instructions per packet'] + [UNIT[c] for c in cells]]
    for tunnel in result['tunnels']:
        values = [figure(result, tunnel, c) for c in cells]
        rows.append([tunnel] + ['-' if v is None else '%.0f' % v for v in values])
    return rows


def ratio_rows(result):
    cells = cells_of(result)
    rows = [['so many times as pilot'] + [UNIT[c] for c in cells]]
    for tunnel in result['tunnels']:
        row = [tunnel]
        for cell in cells:
            a, b = figure(result, tunnel, cell), figure(result, 'pilot', cell)
            row.append('%.3f' % (a / b) if a and b else '-')
        rows.append(row)
    return rows


def text(result):
    out = ['kernel %s, pilot %s' % (result['kernel'], result['revision']), '', grid(cost_rows(result))]
    if 'pilot' in result['tunnels']:
        out += ['', grid(ratio_rows(result))]
    out += ['', 'AEAD drivers in use:']
    out += ['  %s: %s' % pair for pair in result['aead'].items()]
    lost = ['%s %s: %d of %d' % (t, c, v['lost'], v['lost'] + v['packets'])
            for t, cells in result['tunnels'].items() for c, v in cells.items() if v['lost']]
    out += ['LOST packets: ' + ', '.join(lost)] if lost else []
    out += ['not measured: %s %s: %s' % (t, c, why)
            for t, cells in result['failed'].items() for c, why in cells.items()]
    return '\n'.join(out)


def chart(result, path):
    svg.bars('instructions per packet, kernel %s' % result['kernel'],
             [(c, UNIT[c]) for c in cells_of(result)], list(result['tunnels']),
             lambda tunnel, cell: figure(result, tunnel, cell), path)
