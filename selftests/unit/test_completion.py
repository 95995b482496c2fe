#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""Completion for bash and zsh: the same cases for both, with devices and peers
of a kernel that is none (fake/kernel.c), and every word of pilot's own help.

Prints TAP; exits 1 if a test failed, 4 if something it needs is missing.
"""
import os
import pty
import re
import select
import shlex
import shutil
import signal
import subprocess
import sys
import tempfile
import time

TOP = os.path.join(os.path.dirname(os.path.abspath(__file__)), '../..')
FAKE = os.path.realpath(os.path.join(TOP, 'build/unit/pilot-fake'))
BASH = os.path.join(TOP, 'userspace/completion/pilot.bash')
ZSH = os.path.join(TOP, 'userspace/completion/_pilot')

NODES = [str(n) for n in range(2, 12)]
DEVICES = ['pilot0', 'pilot1']
COMMANDS = 'show set peer key rekey identity monitor ping top help'.split()
PAIRS = 'endpoint path allowed-ips keepalive'.split()
COLUMNS = 'node state rx rx-packets tx tx-packets drops key heard'.split()

# (words typed before, the beginning of the word, what is offered)
CASES = [
    ('', '', COMMANDS),
    ('', 'p', ['peer', 'ping']),
    ('', '--v', ['--version']),
    ('help', '', COMMANDS),
    ('help set', '', []),
    ('show', '', DEVICES),
    ('show', 'pilot1', ['pilot1']),
    ('show pilot0', '', ['dump']),
    ('show pilot0 dump', '', []),
    ('show', '--p', ['--prometheus']),
    ('show -j', '', DEVICES),
    ('--color=always show', '', DEVICES),
    ('set', '', DEVICES),
    ('set pilot0', 'replay-w', ['replay-window']),
    ('set pilot0', 'on', ['on-demand']),
    ('set pilot0 unauth', '', ['on', 'off']),
    ('set pilot0 on-demand', 'of', ['off']),
    ('set pilot0 unauth on', 'un', []),
    ('set pilot0 fwmark', '', ['off']),
    ('set pilot0 replay-window', '8', ['8192']),
    ('set pilot0 listen-port', '', []),
    ('peer', '', ['add', 'set', 'del']),
    ('peer add', '', DEVICES),
    ('peer add pilot0', '', []),
    ('peer del pilot0', '', NODES),
    ('peer set pilot0', '1', ['10', '11']),
    ('peer set pilot1', '', []),
    ('peer del pilot0 2', '', []),
    ('peer add pilot0 77', '', PAIRS),
    ('peer set pilot0 2', '', PAIRS),
    ('peer set pilot0 2 path', '', ['direct', 'relay', 'auto']),
    ('peer set pilot0 2 path auto', '', ['endpoint', 'allowed-ips', 'keepalive']),
    ('peer set pilot0 2 endpoint', '', ['off']),
    ('key', '', ['set', 'del', 'show', 'new']),
    ('key new', '', []),
    ('key show', '', DEVICES),
    ('key show pilot0', '', NODES),
    ('key set pilot0 2', 'a-', ['a-file']),
    ('key set pilot0 2 f', '', ['id', 'authenticated']),
    ('key set pilot0 2 f id', '', []),
    ('key del pilot0 2', '', ['id']),
    ('key show', '--j', ['--json']),
    ('rekey', '', DEVICES),
    ('rekey pilot0', '', NODES),
    ('identity', '', ['new', 'show']),
    ('identity show', 'a-', ['a-file']),
    ('monitor', '', DEVICES),
    ('monitor pilot0', '', []),
    ('ping', '', DEVICES),
    ('ping -c', '', []),
    ('ping -c 3', '', DEVICES),
    ('ping -c 3 pilot0', '', NODES),
    ('ping pilot0 2', '', []),
    ('top', '', DEVICES),
    ('top -s', '', COLUMNS),
    ('top -s', 'rx', ['rx', 'rx-packets']),
    ('top -s rx -d 1s', '', DEVICES),
    ('frob', '', []),
]

# As readline splits words: "=" is one of its own.
BASH_RUN = r'''
. "$1"; shift
compopt() { :; }
for case; do
    COMP_LINE=$case COMP_POINT=${#case} COMPREPLY=()
    mapfile -t COMP_WORDS < <(sed -E 's/=/ = /g; s/ +/\n/g' <<<"${case% *} " | sed '$d')
    COMP_WORDS+=("${case##* }")
    [[ $case != *=* ]] || [[ ${case##* } != *=* ]] || {
        unset 'COMP_WORDS[-1]'
        COMP_WORDS+=(--color =)
        [ -z "${case##*=}" ] || COMP_WORDS+=("${case##*=}")
    }
    COMP_CWORD=$((${#COMP_WORDS[@]} - 1))
    _pilot
    echo "${COMPREPLY[*]}"
done
'''

# The builtins work in a completion only: functions of the same names.
ZSH_RUN = r'''
emulate -R zsh
setopt extendedglob
file=$1; shift
offer() { local w; for w; do [[ $w != $PREFIX* ]] || offered+=($w); done }
compadd() {
    while [[ $1 == -* ]]; do
        case $1 in
        --) shift; break ;;
        -a) offer ${(P)2}; return ;;
        -[VS]) shift 2 ;;
        *) shift ;;
        esac
    done
    offer "$@"
}
_describe() { offer ${${(P)2}%%:*} }
_files() { offer *(N) }
compset() { PREFIX=${PREFIX#$~2} }
for case; do
    words=(${(s: :)case}) offered=()
    [[ $case != *' ' ]] || words+=('')
    CURRENT=$#words PREFIX=$words[-1]
    . $file
    echo "$offered"
done
'''

results = []


def test(name, *problems):
    results.append((name, [p for p in problems if p]))


def complete(shell, cases):
    """What is offered in each case, as the shell would, in a directory with a file."""
    with tempfile.TemporaryDirectory() as work:
        os.symlink(FAKE, os.path.join(work, 'pilot'))
        ip = os.path.join(work, 'ip')
        with open(ip, 'w', encoding='ascii') as f:
            f.write('#!/bin/sh\n[ "$*" = "-o link show type pilot" ] || exit 1\n'
                    'echo "3: pilot0: <POINTOPOINT,NOARP,UP> mtu 1420"\n'
                    'echo "7: pilot1@if5: <POINTOPOINT,NOARP> mtu 1420"\n'
                    'echo "9: \\$(>executed): <POINTOPOINT,NOARP> mtu 1420"\n')
        os.chmod(ip, 0o755)
        os.mkdir(os.path.join(work, 'home'))
        open(os.path.join(work, 'home', 'a-file'), 'wb').close()
        lines = ['pilot %s %s' % (before, cur) if before else 'pilot ' + cur
                 for before, cur in cases]
        command = {'bash': ['bash', '--norc', '-c', BASH_RUN, 'bash', BASH],
                   'zsh': ['zsh', '-f', '-c', ZSH_RUN, 'zsh', ZSH]}[shell]
        p = subprocess.run(command + lines, cwd=os.path.join(work, 'home'), encoding='utf-8',
                           stdout=subprocess.PIPE, stderr=subprocess.PIPE, timeout=120, check=False,
                           env={**os.environ, 'PATH': work + ':' + os.environ['PATH']})
        test(shell + ': nothing on stderr', p.stderr)
        test(shell + ': the name of a device is no command',
             'it was executed' if os.path.exists(os.path.join(work, 'home', 'executed')) else None)
        return [line.split() for line in p.stdout.split('\n')[:-1]]


def cases(shell):
    all_cases = CASES + [('', '--color=', ['auto', 'always', 'never']),
                         ('show', '--color=a', ['auto', 'always'])]
    got = complete(shell, [(b, c) for b, c, _ in all_cases])
    test(shell + ': an answer to each case',
         None if len(got) == len(all_cases) else '%d of %d' % (len(got), len(all_cases)))
    for (before, cur, want), offered in zip(all_cases, got):
        test('%s: pilot %s %s_' % (shell, before, cur),
             None if sorted(offered) == sorted(want) else '%s, not %s' % (offered, want))


def typed():
    """Once with everything real: what zsh makes of a tabulator."""
    with tempfile.TemporaryDirectory() as work:
        os.symlink(FAKE, os.path.join(work, 'pilot'))
        rc = ('PS1="> "; fpath=(%s $fpath); autoload -U compinit; compinit -u -D; '
              'PATH=%s:$PATH; unsetopt zle_bracketed_paste; echo ready\n'
              % (shlex.quote(os.path.dirname(ZSH)), work))
        pid, fd = pty.fork()
        if not pid:
            os.environ.update(TERM='dumb', HOME=work)
            os.chdir(work)
            os.execvp('zsh', ['zsh', '-f', '-i'])
        out = b''

        def until(text, seconds=20):
            nonlocal out
            end = time.monotonic() + seconds
            while text not in out and time.monotonic() < end:
                if select.select([fd], [], [], 0.1)[0]:
                    try:
                        out += os.read(fd, 4096).replace(b'\a', b'')
                    except OSError:
                        return
        os.write(fd, rc.encode())
        until(b'\nready')
        for keys, want in (('pilot mon\t', b'monitor '), ('\x15pilot show --pro\t', b'--prometheus '),
                           ('\x15pilot peer del pilot0 1\t\t', b'11')):
            out = b''
            os.write(fd, keys.encode())
            until(want, 10)
            test('zsh on a terminal: %r' % keys, None if want in out else repr(out[-300:]))
        os.write(fd, b'\x15exit\n')
        os.close(fd)
        try:
            os.kill(pid, signal.SIGHUP)
        except ProcessLookupError:
            pass
        os.waitpid(pid, 0)


def words_of(command):
    """Keywords and options of a command, from its own forms."""
    text = subprocess.run([FAKE, 'help', command], stdout=subprocess.PIPE, encoding='utf-8',
                          check=True).stdout.split('\n\n')[1]
    options = set(re.findall(r'(?<![\w-])--?[a-zA-Z][\w-]*', text))
    keywords = set(re.findall(r'\[([a-z][a-z-]+)(?: |\])', text))
    return options, keywords


def drift(shell):
    """Every option and keyword of pilot help is offered, and no others."""
    where = {'set': 'set pilot0', 'peer': 'peer add pilot0 77', 'key': 'key set pilot0 2 f'}
    commands = [c for c in COMMANDS if c != 'help']
    asked = [(c, '-') for c in commands] + [(c, '--') for c in commands] + \
        [(w, '') for w in where.values()]
    got = complete(shell, asked)
    n = len(commands)
    for i, command in enumerate(commands):
        options, keywords = words_of(command)
        offered = set(got[i]) | set(got[n + i])
        test('%s: the options of pilot %s' % (shell, command), None if
             offered - {'--help', '--color='} == options else '%s, not %s' % (offered, options))
        if command in where:
            offered = set(got[2 * n + list(where).index(command)])
            test('%s: the keywords of pilot %s' % (shell, command),
                 None if offered == keywords and keywords else '%s, not %s' % (offered, keywords))
    listed = re.findall(r'^  ([a-z]+) {2,}', subprocess.run(
        [FAKE, 'help'], stdout=subprocess.PIPE, encoding='utf-8', check=True).stdout, re.M)
    test(shell + ': the commands of pilot help', None if listed == COMMANDS else str(listed))


def main():
    if not os.access(FAKE, os.X_OK):
        print('TAP version 13\n1..0 # SKIP build/unit/pilot-fake is not built')
        return 4
    for shell in ('bash', 'zsh'):
        if not shutil.which(shell):
            print('TAP version 13\n1..0 # SKIP %s is not installed' % shell)
            return 4
        file = {'bash': BASH, 'zsh': ZSH}[shell]
        p = subprocess.run([shell, '-n', file], stderr=subprocess.PIPE, encoding='utf-8', check=False)
        test('%s -n %s' % (shell, shlex.quote(os.path.basename(file))),
             p.stderr or (p.returncode and 'exit status %d' % p.returncode))
        cases(shell)
        drift(shell)
    typed()
    print('TAP version 13\n1..%d' % len(results))
    for number, (name, problems) in enumerate(results, 1):
        for problem in problems:
            print('# ' + str(problem).replace('\n', '\n# '))
        print('%sok %d %s' % ('not ' if problems else '', number, name))
    return 1 if any(p for _, p in results) else 0


if __name__ == '__main__':
    sys.exit(main())
