#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""Literal blocks of the documents, and the marks that say how to try them.

A mark is a comment before the block: "<!-- test: MARK -->" in Markdown,
".. test: MARK" in reStructuredText, '.\\" test: MARK' in a manual. MARK is

  [given SCENARIO,] on node1|node2|both [, OPTION...]
                       commands for root on two machines, see pilot/docs.sh
  file PATH on node1|node2|both [, own node ID]
                       what they find in a file there
  configuration        of pilotd; --check must find it right
  registry             a registry file
  build                commands in a clone, where make targets and programs exist
  by FILE              commands that FILE runs
  by FILE, on node1|node2|both [, OPTION...]
                       FILE takes them, and the files before them, from here
  text                 neither commands nor a file
  not run: WHY         commands that nothing tries

In a block with lines that begin with "# " or "$ ", these are the commands;
else all lines are.

usage: blocks.py DIRECTORY [DOCUMENT...]
       one directory per block: where, mark, body, commands
"""
import glob
import os
import re
import sys

TOP = os.path.join(os.path.dirname(os.path.abspath(__file__)), '../..')

MARK = re.compile(r'''
    (given\ (?P<given>[a-z0-9' ]+),\ )?on\ (?P<on>node1|node2|both)(?P<options>(,\ [^,]+)*)
  | file\ (?P<path>/\S+)\ on\ (?P<at>node1|node2|both)(?P<own>,\ own\ node\ ID)?
  | configuration | registry | build | text
  | by\ (?P<by>[^\s,]+)(,\ on\ (?P<taken>node1|node2|both)(?P<more>(,\ [^,]+)*))?
  | not\ run:\ .+ ''', re.X)
OPTION = re.compile(r'fails|interrupted|mirrored|python|copies \S+|shows .+')

# Where nothing may be left untried.
STRICT = ('README.md', 'man/', 'Documentation/troubleshooting.rst')


def documents():
    """Paths of the documents, from the top."""
    found = ['README.md', 'CONTRIBUTING.md']
    for pattern in ('man/*.[1-8]', 'Documentation/*.rst'):
        found += sorted(os.path.relpath(p, TOP) for p in glob.glob(os.path.join(TOP, pattern)))
    return [p for p in found if os.path.exists(os.path.join(TOP, p))]


class Block:
    def __init__(self, path, line, mark, lines):
        self.where = '%s:%d' % (path, line)
        self.path, self.mark, self.lines = path, mark, lines
        self.fields = MARK.fullmatch(mark) if mark else None

    def commands(self):
        """Commands of the block, each one line."""
        lines = self.lines
        if any(re.match(r'[#$] ', l) for l in lines):
            # The lines that go on a command end it with a backslash before.
            kept, more = [], False
            for l in lines:
                if more or re.match(r'[#$] ', l):
                    kept.append(l if more else l[2:])
                    more = l.endswith('\\')
            lines = kept
        text = '\n'.join(lines)
        return [l.strip() for l in re.sub(r'\\\n\s*', '', text).split('\n') if l.strip()]

    def problems(self):
        if not self.mark:
            yield '%s: a literal block, and no comment "test: ..." before it' % self.where
        elif not self.fields:
            yield '%s: what is "test: %s"?' % (self.where, self.mark)
        else:
            for option in filter(None, (self.fields['options'] or self.fields['more'] or '').split(', ')):
                if not OPTION.fullmatch(option):
                    yield '%s: there is no option "%s"' % (self.where, option)
            if self.mark.startswith('not run') and self.path.startswith(STRICT):
                yield '%s: all in %s has to be run' % (self.where, self.path)


def markdown(lines):
    mark = at = body = None
    for number, line in enumerate(lines, 1):
        if body is not None:
            if line.startswith('```'):
                yield at, mark, body
                mark = body = None
            else:
                body.append(line)
        elif line.startswith('```'):
            at, body = number + 1, []
        elif line.startswith('<!-- test: '):
            mark = line[len('<!-- test: '):].replace('-->', '').strip()


def manual(lines):
    mark = at = body = None
    for number, line in enumerate(lines, 1):
        if body is not None:
            if line == '.Ed':
                yield at, mark, body
                mark = body = None
            else:
                body.append(line.replace('\\e', '\\').replace('\\-', '-').replace('\\&', ''))
        elif line.startswith('.Bd -literal'):
            at, body = number + 1, []
        elif line.startswith('.\\" test: '):
            mark = line[len('.\\" test: '):]


def rst(lines):
    mark, at, body, expected = None, None, None, False
    for number, line in enumerate(lines, 1):
        if body is not None:
            if not line or line[0] in ' \t':
                body.append(line)
                continue
            yield at, mark, body
            mark = body = None
        if line.startswith('.. test: '):
            mark = line[len('.. test: '):]
        elif line.startswith('.. '):
            pass
        elif line.endswith('::'):
            at, body = number + 2, []
    if body is not None:
        yield at, mark, body


def blocks(path):
    with open(os.path.join(TOP, path), encoding='utf-8') as f:
        lines = f.read().split('\n')
    find = {'.md': markdown, '.rst': rst}.get(os.path.splitext(path)[1], manual)
    for at, mark, body in find(lines):
        while body and not body[-1].strip():
            body.pop()
        while body and not body[0].strip():
            body.pop(0)
        indent = min((len(l) - len(l.lstrip()) for l in body if l.strip()), default=0)
        yield Block(path, at, mark, [l[indent:] for l in body])


def main():
    number = 0
    for path in sys.argv[2:] or documents():
        for block in blocks(path):
            number += 1
            d = os.path.join(sys.argv[1], '%03d' % number)
            os.mkdir(d)
            problem = '\n'.join(block.problems())
            for name, text in (('where', block.where), ('mark', block.mark or ''),
                               ('body', '\n'.join(block.lines)), ('problem', problem),
                               ('commands', '\n'.join(block.commands()))):
                with open(os.path.join(d, name), 'w', encoding='utf-8') as f:
                    f.write(text + '\n' if text else '')


if __name__ == '__main__':
    main()
