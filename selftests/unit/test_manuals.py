#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""The manuals are well formed and say of the programs all that there is and no
more: forms and options as the programs' own help has them, keys of the
configuration and names of counters, tracepoints, commands and events as the
sources have them.

Prints TAP; exits 1 if a test failed, 4 if the programs are not built.
"""
import glob
import os
import re
import subprocess
import sys

TOP = os.path.join(os.path.dirname(os.path.abspath(__file__)), '../..')
MANUALS = sorted(glob.glob(os.path.join(TOP, 'man/*.[1-8]')))
PILOT = os.path.join(TOP, 'userspace/pilot/pilot')
PILOTD = os.path.join(TOP, 'userspace/pilotd/pilotd')

results = []


def test(name, problems):
    results.append((name, [p for p in problems if p]))


def read(path):
    with open(os.path.join(TOP, path), encoding='utf-8') as f:
        return f.read()


def output(*command):
    """What a command prints, on both streams."""
    got = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                         encoding='utf-8', check=False)
    return got.stdout


def manual(name):
    return read('man/' + name)


def section(source, title, kind='Sh'):
    """Source of a section, without its title."""
    ends = 'Sh' if kind == 'Sh' else 'Sh|Ss'
    m = re.search(r'^\.%s %s\n(.*?)(?=^\.(?:%s) |\Z)' % (kind, re.escape(title), ends),
                  source, re.M | re.S)
    return m.group(1) if m else ''


def differences(what, documented, real):
    """Problems if two lists of names are not the same set, or a name is there twice."""
    for name in sorted(set(real) - set(documented)):
        yield '%s is not documented: %s' % (what, name)
    for name in sorted(set(documented) - set(real)):
        yield '%s is documented and does not exist: %s' % (what, name)
    for name in sorted({n for n in documented if documented.count(n) > 1}):
        yield '%s is documented twice: %s' % (what, name)
    if not real:
        yield '%s: none found, the test itself is wrong' % what


def tags(source, macro='Cm'):
    """Names in list items: .It Cm a , b Ar X , Cm c"""
    names = []
    for line in re.findall(r'^\.It (.*)$', source, re.M):
        for part in re.split(r' , ', line):
            words = part.split()
            if words[0] == macro:
                words = words[1:]
            elif part is not line and not line.startswith(macro + ' '):
                continue
            if words and re.fullmatch(r'[a-z][\w.:-]*', words[0]):
                names.append(words[0])
    return names


# ---- form

def lint():
    for path in MANUALS:
        name = os.path.basename(path)
        try:
            told = output('mandoc', '-T', 'lint', '-W', 'style', path).splitlines()
            # What is installed here is no matter of the page.
            told = [t for t in told if 'referenced manual not found' not in t
                    and 'outdated mandoc.db' not in t]
            warned = output('man', '--warnings', '-E', 'UTF-8', '-l', '-Tutf8', '-Z', path)
            told += [t for t in warned.splitlines() if re.search(r'^(troff|.*: warning)', t)]
            # Macros within .Ql quote again.
            text = re.sub('.\b', '', output('mandoc', '-T', 'utf8', path))
            told += ['a quote in a quote: ' + q for q in re.findall('\u2018[^\u2019]*\u2018', text)]
        except FileNotFoundError as e:
            told = ['%s is missing (packages mandoc, man-db)' % e.filename]
        test(name + ': mandoc and man have nothing to complain of', told)
        source = read(path)
        heads = re.findall(r'^\.Sh (.*)$', source, re.M)
        must = ['NAME', 'DESCRIPTION', 'EXAMPLES', 'SEE ALSO']
        if name.endswith('.8'):
            must += ['SYNOPSIS', 'FILES', 'EXIT STATUS']
        test(name + ': the sections a reader looks for',
             ['no section ' + h for h in must if h not in heads])
        ours = {re.sub(r'\.(\d)$', r' \1', os.path.basename(m)) for m in MANUALS}
        refs = set(re.findall(r'^\.Xr (\S+ \d)', source, re.M))
        test(name + ': names every page of ours but itself',
             ['no .Xr ' + r for r in sorted(ours - refs - {re.sub(r'\.(\d)$', r' \1', name)})])


# ---- pilot(8)

def normal(form):
    """A form without the differences that are only layout."""
    form = re.sub(r'\s+', ' ', form).strip()
    return re.sub(r' ?\| ?', '|', form)


def rendered_synopsis(name):
    path = os.path.join(TOP, 'man', name)
    text = subprocess.run(['mandoc', '-T', 'ascii', '-O', 'width=1000', path],
                          stdout=subprocess.PIPE, encoding='utf-8', check=False).stdout
    text = re.sub('.\b', '', text)
    return re.search(r'^SYNOPSIS\n(.*?)\n\n', text, re.M | re.S).group(1)


def command_help(word):
    """Forms, and the text below them, of a command."""
    parts = output(PILOT, 'help', word).split('\n\n')
    # A form that is long goes on in the next line.
    forms = re.sub(r'\n {9,}', ' ', parts[1])
    return re.findall(r'^  pilot (.*)$', forms, re.M), '\n\n'.join(parts[2:])


def pilot_8():
    source = manual('pilot.8')
    words = re.findall(r'^  ([\w-]+) {2,}', output(PILOT, 'help'), re.M)
    forms = ['help [COMMAND]', '--version']
    for word in words:
        if word != 'help':
            forms += command_help(word)[0]
    shown = [normal(f) for f in re.findall(r'^ *pilot (.*)$', rendered_synopsis('pilot.8'), re.M)]
    test('pilot.8: the synopsis has the forms of pilot help, and no others',
         differences('form', shown, [normal(f) for f in forms]))
    titles = re.findall(r'^\.Ss pilot (\S+)$', source, re.M)
    test('pilot.8: a subsection for each command', differences('command', titles, words))
    for word in words:
        text = section(source, 'pilot ' + word, 'Ss')
        if word == 'help':
            continue
        usage = ' '.join(command_help(word)[0])
        options = set(re.findall(r'(?<![\w-])(--?[A-Za-z][\w-]*)', usage))
        named = set()
        for line in re.findall(r'^\.It (Fl .*)$', text, re.M):
            named |= {'-' + f for f in re.findall(r'(?:^|, )Fl (-?[\w-]+)', line)}
        # Words that stand for themselves: not the command, not values ("on|off").
        keywords = set(re.findall(r'\[([a-z][a-z-]+)(?=[ \]])', usage))
        keywords |= {w for f in command_help(word)[0]
                     for w in re.findall(r'(?:^| )([a-z][a-z-]*(?:\|[a-z][a-z-]*)*)(?= |$)',
                                         re.sub(r'\[.*?\]', '', f))[1:]
                     for w in w.split('|')}
        described = set(tags(text))
        missing = {w for w in keywords - described if '.Cm %s\n' % w not in text}
        states = set()
        if word == 'show':
            # Words of its output are tags, too; states() compares those.
            states = {t for t in described if t not in keywords}
        test('pilot.8: pilot %s: its options and keywords' % word,
             ['option %s is not documented' % o for o in sorted(options - named)] +
             ['option %s does not exist' % o for o in sorted(named - options)] +
             ['%s is not documented' % w for w in sorted(missing)] +
             ['%s does not exist' % w for w in sorted(described - keywords - states)])
    names()


def values(prefix):
    """Names that userspace gives to the values of an enum of the interface."""
    return re.findall(r'\[%s\w+\] = "([^"]+)"' % prefix, read('userspace/lib/text.c'))


def names():
    source = manual('pilot.8')
    text = section(source, 'pilot show', 'Ss')
    states = re.findall(r'^\t\[STATE_\w+\] = \{ "([^"]+)"', read('userspace/pilot/peer_state.c'), re.M)
    shown = re.findall(r'^\.It Cm ([a-z ]+)$', text, re.M)
    registry = [s for s in values('PILOT_REGISTRY_') if s != 'none']
    test('pilot.8: the states of peers and registries',
         differences('state', [s for s in shown if s != 'dump'], states + registry))
    reasons = values('PILOT_REASON_')
    test('pilot.8: the reasons', differences(
        'reason', tags(section(source, 'Reasons', 'Ss')), reasons + ['unknown']))
    own = re.findall(r'"event", "([a-z.]+)"', read('userspace/pilot/monitor.c'))
    test('pilot.8: the events', differences(
        'event', tags(section(source, 'Events', 'Ss')),
        values('PILOT_EVENT_') + own + ['tunnel.relay_activated', 'unknown']))


# ---- pilotd(8), pilotd.conf(5)

def pilotd_8():
    text = output(PILOTD, '--help')
    real = []
    for line in re.findall(r'^ +(-.*?)(?:  |$)', text, re.M):
        real += re.findall(r'(?<![\w-])--?[A-Za-z][\w-]*', line)
    shown = []
    for line in re.findall(r'^\.It (Fl .*)$', manual('pilotd.8'), re.M):
        shown += ['-' + f for f in re.findall(r'Fl (-?[\w-]+)', line)]
    test('pilotd.8: the options of pilotd --help', differences('option', shown, real))
    forms = re.findall(r'^(?:usage:| {6}) pilotd (.*)', text, re.M)
    shown = re.findall(r'^ *pilotd (.*)', rendered_synopsis('pilotd.8'), re.M)
    test('pilotd.8: the synopsis is that of pilotd --help',
         differences('form', [normal(f).replace(' ...', '...') for f in shown],
                     [normal(f).replace(' ...', '...') for f in forms]))


def pilotd_conf_5():
    source = manual('pilotd.conf.5')
    code = ''.join(read(os.path.relpath(p, TOP))
                   for p in glob.glob(os.path.join(TOP, 'userspace/pilotd/config*.c')))
    tables = dict(re.findall(r'struct config_key (\w+)\[\w*\] = \{\n(.*?)\n\};', code, re.S))
    sections = re.findall(r'\[[A-Z]+\] = \{ "(\w+)", (\w+),', code)
    titles = re.findall(r'^\.Ss The (\w+) sections?$', source, re.M)
    test('pilotd.conf.5: the sections', differences('section', titles, [s for s, _ in sections]))
    for name, table in sections:
        title = 'The %s section' % name
        text = section(source, title, 'Ss') or section(source, title + 's', 'Ss')
        keys = re.findall(r'^\t\{ "([\w-]+)", set_', tables[table], re.M)
        test('pilotd.conf.5: the keys of [%s]' % name, differences('key', tags(text), keys))


# ---- pilot(4)

def pilot_4():
    source = manual('pilot.4')
    counters = re.findall(r'\{ PILOT_A_STATS_\w+, "(\w+)" \}', read('kernel/stats.h'))
    test('pilot.4: the counters', differences(
        'counter', tags(section(source, 'Statistics', 'Ss')), counters))
    points = re.findall(r'^TRACE_EVENT\((\w+),', read('kernel/trace.h'), re.M)
    test('pilot.4: the tracepoints', differences(
        'tracepoint', tags(section(source, 'Tracepoints', 'Ss')), ['pilot:' + p for p in points]))
    commands = re.findall(r'^\tPILOT_CMD_(\w+),', read('include/uapi/linux/pilot.h'), re.M)
    shown = re.findall(r'^\.Dv ([A-Z_]+)', section(source, 'Netlink', 'Ss'), re.M)
    test('pilot.4: the commands of the netlink family', differences(
        'command', [c for c in shown if not c.startswith('CAP_')],
        [c for c in commands if c not in ('UNSPEC', 'EVENT')]))


def main():
    for program in (PILOT, PILOTD):
        if not os.access(program, os.X_OK):
            print('TAP version 13\n1..0 # SKIP %s is not built' % os.path.basename(program))
            return 4
    lint()
    pilot_8()
    pilotd_8()
    pilotd_conf_5()
    pilot_4()
    print('TAP version 13\n1..%d' % len(results))
    for number, (name, problems) in enumerate(results, 1):
        for p in problems:
            print('# ' + p)
        print('%sok %d %s' % ('not ' if problems else '', number, name))
    return any(p for _, p in results)


sys.exit(main())
