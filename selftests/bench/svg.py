# SPDX-License-Identifier: GPL-2.0
"""Charts of the benchmark as SVG, drawn by hand: bars and lines are all it
takes."""

from html import escape

COLOURS = ['#4c72b0', '#dd8452', '#55a868', '#c44e52', '#8172b3', '#937860', '#da8bc3', '#8c8c8c',
           '#ccb974', '#64b5cd', '#2f4b7c', '#a05195']
OWN = '#d62728'


class Drawing:
    def __init__(self, width, height, title):
        self.items = []
        self.width, self.height = width, height
        self.text(width / 2, 22, title, 'middle', 16)

    def text(self, x, y, text, anchor='start', size=11):
        self.items.append('<text x="%.1f" y="%.1f" text-anchor="%s" font-size="%d">%s</text>'
                          % (x, y, anchor, size, escape(text)))

    def box(self, x, y, width, height, colour):
        self.items.append('<rect x="%.1f" y="%.1f" width="%.1f" height="%.1f" fill="%s"/>'
                          % (x, y, width, height, colour))

    def line(self, points, colour, width=1.0):
        self.items.append('<polyline fill="none" stroke="%s" stroke-width="%.1f" points="%s"/>'
                          % (colour, width, ' '.join('%.1f,%.1f' % p for p in points)))

    def save(self, path):
        with open(path, 'w', encoding='utf-8') as f:
            f.write('<svg xmlns="http://www.w3.org/2000/svg" width="%d" height="%d" '
                    'font-family="sans-serif">\n<rect width="100%%" height="100%%" fill="white"/>\n'
                    '%s\n</svg>\n' % (self.width, self.height, '\n'.join(self.items)))


def axis(drawing, left, right, top, bottom, highest):
    """Horizontal lines with their values; returns the scale."""
    step = next(s for s in (1000, 2000, 5000, 10000, 20000, 50000, 100000) if highest / s <= 8)
    scale = (bottom - top) / highest
    for value in range(0, int(highest) + 1, step):
        y = bottom - value * scale
        drawing.line([(left, y), (right, y)], '#dddddd')
        drawing.text(left - 5, y + 4, '{:,}'.format(value), 'end')
    return scale


def bars(title, groups, names, figure, path):
    """One group of bars per (key, label) of groups, in it one per name;
    figure(name, key) is a bar's height or None."""
    left, top, each, gap = 70, 90, 14, 24
    width = left + len(groups) * (len(names) * each + gap) + 20
    d = Drawing(max(width, 760), 460, title)
    bottom = d.height - 40
    scale = axis(d, left, width, top, bottom,
                 1.05 * max(figure(n, k) or 0 for k, _ in groups for n in names))
    colours = {n: OWN if n == 'pilot' else COLOURS[i % len(COLOURS)] for i, n in enumerate(names)}
    for i, n in enumerate(names):
        x, y = left + i % 5 * 135, 40 + i // 5 * 16
        d.box(x, y, 10, 10, colours[n])
        d.text(x + 14, y + 10, n)
    x = left + gap / 2
    for key, label in groups:
        for i, n in enumerate(names):
            height = (figure(n, key) or 0) * scale
            d.box(x + i * each, bottom - height, each - 2, height, colours[n])
        d.text(x + len(names) * each / 2, bottom + 18, label, 'middle')
        x += len(names) * each + gap
    d.save(path)


def lines(title, labels, series, path):
    """series: {name: [value or None, one per label]}."""
    left, top = 70, 90
    d = Drawing(max(760, left + 60 * len(labels)), 460, title)
    bottom, right = d.height - 60, d.width - 30
    scale = axis(d, left, right, top, bottom,
                 1.05 * max(v for values in series.values() for v in values if v))
    step = (right - left) / max(1, len(labels) - 1)
    for i, label in enumerate(labels):
        d.text(left + i * step, bottom + 18 + i % 2 * 14, label, 'middle', 9)
    for i, (name, values) in enumerate(series.items()):
        points = [(left + j * step, bottom - v * scale) for j, v in enumerate(values) if v]
        colour = COLOURS[i % len(COLOURS)]
        d.line(points, colour, 2)
        for x, y in points:
            d.box(x - 2, y - 2, 4, 4, colour)
        d.box(left + i % 5 * 135, 40 + i // 5 * 16, 10, 10, colour)
        d.text(left + i % 5 * 135 + 14, 50 + i // 5 * 16, name)
    d.save(path)
