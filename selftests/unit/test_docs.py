#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""The documents name what there is: each literal block says how it is tried, links
and files exist, commands of the build do, the index has every document, and the
map in architecture.rst every source file. What runs the rest is pilot/docs.sh.

Prints TAP; exits 1 if a test failed.
"""
import glob
import io
import os
import re
import subprocess
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
TOP = os.path.join(HERE, '../..')
sys.path.insert(0, os.path.join(HERE, '../docs'))
import blocks  # noqa: E402

MAP = 'Documentation/architecture.rst'
INDEX = 'Documentation/index.rst'
# Of a Debian system, in commands for a clone.
KNOWN = {'apt', 'apt-get', 'cd', 'dpkg-buildpackage', 'env', 'git', 'man', 'mkdir', 'tar', 'modprobe'}

# How names of files begin, in texts that name one below selftests or so.
OURS = re.compile(r'(selftests|scripts|kernel|userspace|include|Documentation|man|packaging|unit|pilot|vm|'
                  r'netlink|testnet)/')

results = []


def test(name, problems):
    results.append((name, list(problems)))


def read(path):
    with open(os.path.join(TOP, path), encoding='utf-8') as f:
        return f.read()


def exists(*path):
    return os.path.exists(os.path.join(TOP, *path))


def marks():
    for path in blocks.documents():
        found = list(blocks.blocks(path))
        if found:
            test(path + ': each literal block says how it is tried',
                 [p for b in found for p in b.problems()])


def make_targets():
    phony = re.search(r'^\.PHONY: ((?:.*\\\n)*.*)', read('Makefile'), re.M).group(1)
    return set(phony.replace('\\\n', ' ').split())


def build_problems(command):
    """What is not there of a command that is given in a clone."""
    words = command.split()
    while words and (words[0] in ('sudo', 'env', '--') or re.fullmatch(r'[A-Z_]+=\S*', words[0])):
        words.pop(0)
    if not words:
        return
    if words[0] == 'make':
        if '-C' in words:
            at = words.index('-C')
            if not exists(words[at + 1], 'Makefile'):
                yield 'no Makefile in %s' % words[at + 1]
            return
        for w in words[1:]:
            if w[0] != '-' and '=' not in w and w not in make_targets():
                yield 'no target "%s" in Makefile' % w
    elif '/' in words[0] or words[0] in ('bash', 'python3'):
        program = words[0] if '/' in words[0] else words[1]
        if not os.access(os.path.join(TOP, program), os.X_OK if '/' in words[0] else os.R_OK):
            yield 'no program %s' % program
        if '--' in words:
            yield from build_problems(' '.join(words[words.index('--') + 1:]))
        for w in words[1:]:
            if program == 'selftests/run-kselftests' and re.fullmatch(r'[a-z]+', w) and \
                    not exists('selftests/pilot', w + '.sh'):
                yield 'no test %s' % w
    elif words[0] not in KNOWN:
        yield 'what is "%s"?' % words[0]


def commands():
    problems = []
    for path in blocks.documents():
        for b in blocks.blocks(path):
            if b.mark == 'build':
                problems += ['%s: %s: %s' % (b.where, c, p) for c in b.commands()
                             for part in re.split(r'&&|;|\|', re.sub(r'\s+#.*', '', c)) for p in build_problems(part)]
            elif b.fields and b.fields['by']:
                by = b.fields['by']
                text = read(by) if exists(by) else ''
                if b.fields['taken']:
                    if os.path.basename(path) not in text:
                        problems.append('%s: %s does not read this document' % (b.where, by))
                    continue
                problems += ['%s: %s does not run "%s"' % (b.where, by, c) for c in b.commands()
                             if re.sub(r'^sudo |\s+#.*', '', c) not in text]
    test('commands for a clone exist', problems)


def inline():
    """Commands and files that the text names, between backquotes."""
    helped = subprocess.run([os.path.join(TOP, 'userspace/pilot/pilot'), 'help'],
                            stdout=subprocess.PIPE, encoding='utf-8', check=False).stdout
    words = set(re.findall(r'^  ([\w-]+) {2,}', helped, re.M))
    roots = ['', 'Documentation', 'selftests', 'userspace', 'kernel', 'include']
    for path in blocks.documents() + ['CHANGELOG.md']:
        if path.startswith('man/'):
            continue
        problems = []
        text = read(path)
        for code in re.findall(r'(?<!`)``?([^`\n]+)``?(?!`)', text):
            m = re.match(r'make ([a-z][a-z-]*)$', code)
            if m and m.group(1) not in make_targets():
                problems.append('%s: no target %s' % (path, code))
            m = re.match(r'pilot ([a-z]+)\b', code)
            if m and words and m.group(1) not in words:
                problems.append('%s: there is no command %s' % (path, code))
            if re.fullmatch(r'[\w.@-]+(/[\w.@-]+)+/?', code) and OURS.match(code):
                name = code.rstrip('/')
                if not any(exists(r, name) or exists(r, name + '.c') or exists(r, name + '.sh') for r in roots):
                    problems.append('%s: there is no %s' % (path, code))
            if re.fullmatch(r'[\w-]+\.rst', code) and not exists('Documentation', code):
                problems.append('%s: there is no document %s' % (path, code))
        for link in re.findall(r'\]\(([^)#:]+)(?:#[^)]*)?\)', text) if path.endswith('.md') else []:
            if not exists(os.path.dirname(path), link):
                problems.append('%s: the link %s leads nowhere' % (path, link))
        for link in re.findall(r'^\.\. (?:image|figure|include):: (\S+)', text, re.M):
            if not exists(os.path.dirname(path), link):
                problems.append('%s: the link %s leads nowhere' % (path, link))
        for link in re.findall(r'`[^`<]*<([^>`:]+)>`_', text):
            if not exists(os.path.dirname(path), link):
                problems.append('%s: the link %s leads nowhere' % (path, link))
        test(path + ': what it names exists', problems)


def index():
    text = read(INDEX) if exists(INDEX) else ''
    linked = set(re.findall(r'<([^>]+)>`_', text))
    for name in sorted(glob.glob(os.path.join(TOP, 'Documentation/*.rst')) +
                       glob.glob(os.path.join(TOP, 'Documentation/*.md')) +
                       glob.glob(os.path.join(TOP, 'man/*.[1-8]'))):
        link = os.path.relpath(name, os.path.join(TOP, 'Documentation'))
        if link != 'index.rst' and link not in linked:
            yield '%s does not lead to %s' % (INDEX, link)


def well_formed():
    """What docutils has to complain of; a table that is awry, mostly."""
    try:
        import docutils.core
        import docutils.utils
    except ImportError:
        yield 'docutils is missing (package python3-docutils)'
        return
    for path in glob.glob(os.path.join(TOP, 'Documentation/*.rst')):
        told = io.StringIO()
        docutils.core.publish_doctree(read(os.path.relpath(path, TOP)), source_path=path, settings_overrides={
            'report_level': 2, 'halt_level': 5, 'warning_stream': told, '_disable_config': True})
        yield from (t.replace(TOP + '/', '') for t in told.getvalue().splitlines() if ':' in t)


def expand(name):
    m = re.fullmatch(r'(.*)\.\[([a-z]+)\]', name)
    return ['%s.%s' % (m.group(1), c) for c in m.group(2)] if m else [name]


def file_map():
    """Each file of the sources is in the map once, with its purpose."""
    where, named = None, []
    for number, line in enumerate(read(MAP).split('\n') if exists(MAP) else [], 1):
        if re.match(r'[A-Z]', line):
            where = None  # a text, or the title of what follows the map
        m = re.fullmatch(r'``((?:kernel|userspace|include)/[\w/.-]*)``', line)
        if m:
            where = m.group(1)
        m = re.match(r'``([\w.@\[\]/-]+)``( +\S.*)?$', line)
        if m and where and not line.endswith('/``'):
            if not m.group(2):
                yield '%s:%d: no purpose' % (MAP, number)
            named += [where + n for n in expand(m.group(1))]
    real = []
    for root in ('kernel', 'userspace', 'include'):
        for d, _, files in os.walk(os.path.join(TOP, root)):
            real += [os.path.relpath(os.path.join(d, f), TOP) for f in files
                     if re.search(r'\.([chS]|mk|bash|zsh|ld)$|^(Makefile|Kbuild)$|^_', f)
                     and not f.endswith('.mod.c')]
    for n in sorted(set(real) - set(named)):
        yield '%s does not name %s' % (MAP, n)
    for n in sorted(set(named) - set(real)):
        yield '%s names %s, which is not there' % (MAP, n)
    for n in sorted({n for n in named if named.count(n) > 1}):
        yield '%s names %s twice' % (MAP, n)


def main():
    marks()
    commands()
    inline()
    test('the documents are well-formed', well_formed())
    test('the index leads to every document', index())
    test('the map has each source file once', file_map())
    print('TAP version 13\n1..%d' % len(results))
    for number, (name, problems) in enumerate(results, 1):
        for p in problems:
            print('# ' + p)
        print('%sok %d %s' % ('not ' if problems else '', number, name))
    return any(p for _, p in results)


sys.exit(main())
