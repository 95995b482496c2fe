#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""pilotd --check: what is wrong with a configuration and the files it names is
told, all of it at once, each with its place. A table: files, and the lines
expected, no more and no less.

Prints TAP; exits 1 if a test failed, 4 if the programs are not built.
"""
import contextlib
import os
import pwd
import re
import subprocess
import sys
import tempfile
import time

TOP = os.path.join(os.path.dirname(os.path.abspath(__file__)), '../..')
PILOT = os.environ.get('PILOT', os.path.join(TOP, 'userspace/pilot/pilot'))
PILOTD = os.environ.get('PILOTD', os.path.join(TOP, 'userspace/pilotd/pilotd'))

DONE, USAGE, MISTAKE = 0, 2, 3

KEY = 'nDgGyEFh9QWPADR6eVIIISi7cdITSrEns9qMRDjTnmo='
KEY2 = 'AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8='
TUNNEL = '[tunnel]\ndevice = pilot0\nnode-id = 1\nidentity = id\n'
REGISTRY = '[registry]\ntype = file\npath = registry\n'

# Title, configuration, registry file (None: there is none), what is said. Lines
# are counted from 1; "DIR" is where the files are, OWN the own public key.
# What begins with "warning: " does not make it a mistake.
TABLE = [
    ('nothing wrong', TUNNEL + REGISTRY + '[peer 2]\n', '1 OWN\n2 ' + KEY + '\n', []),

    # The configuration itself.
    ('an empty file', '', None, ['conf: [tunnel] is missing']),
    ('what is missing', '[tunnel]\n', None,
     ['conf:1: [tunnel]: device is missing', 'conf:1: [tunnel]: node-id is missing']),
    ('an unknown section', TUNNEL + '[zebra]\nx = 1\n', None,
     ['conf:5: unknown section [zebra]']),
    ('an unknown key', TUNNEL + 'zebra = 1\n', None,
     ['conf:5: unknown key "zebra" in [tunnel]']),
    ('a section mistyped', TUNNEL + '[timer]\nrekey = 1h\n', None,
     ['conf:5: unknown section [timer]; did you mean [timers]?']),
    ('a section that is begun', TUNNEL + '[Reg]\n', None,
     ['conf:5: unknown section [Reg]; did you mean [registry]?']),
    ('a section as others write it', TUNNEL + '[Peer]\n', None,
     ['conf:5: unknown section [Peer]; did you mean [peer NODE]?']),
    ('keys mistyped, or as others write them',
     TUNNEL + 'listen_port = 1\nMtu = 1400\nuesr = x\n[peer 2]\nAllowedIPs = 10.0.0.0/8\n', None,
     ['conf:5: unknown key "listen_port" in [tunnel]; did you mean "listen-port"?',
      'conf:6: unknown key "Mtu" in [tunnel]; did you mean "mtu"?',
      'conf:7: unknown key "uesr" in [tunnel]; did you mean "user"?',
      'conf:9: unknown key "AllowedIPs" in [peer]; did you mean "allowed-ips"?']),
    ('a key of another section', TUNNEL + 'endpoint = 192.0.2.1:1\n', None,
     ['conf:5: unknown key "endpoint" in [tunnel]; it belongs to [peer]']),
    ('values of every kind',
     TUNNEL + 'listen-port = 70000\nmtu = 100\ncreate = maybe\naddress = 10.0.0.300/8\n'
     'fwmark = red\nreplay-window = 100\n[timers]\nrekey = 1\nkeepalive = often\n', None,
     [r're:conf:5: listen-port .*out of range: 0 to 65535',
      r're:conf:6: mtu .*out of range: 1280 to 65442',
      'conf:7: create: "maybe" is neither yes nor no',
      'conf:8: address: "10.0.0.300/8" is not ADDRESS/LENGTH',
      r're:conf:9: fwmark .*not a number', 'conf:10: replay-window: 100 is not a power of two',
      r're:conf:12: rekey .*out of range.*', r're:conf:13: keepalive .*not a number']),
    ('peers', TUNNEL + '[peer]\n[peer 1]\n[peer x]\n[peer 2]\nendpoint = 192.0.2.1\n[peer 2]\n'
     'public-key = abc\npath = relay\n', None,
     ['conf:5: [peer]: the node ID is missing: [peer 7]',
      'conf:6: [peer]: 1 is the node\'s own ID', r're:conf:7: \[peer\]: .*not a node ID.*',
      r're:conf:9: endpoint .*has no port.*', 'conf:10: [peer]: 2 has a section on line 8 already',
      r're:conf:11: .*public-key.*', 'conf:10: [peer]: path = relay needs a [beacon]']),
    ('a prefix of two peers',
     TUNNEL + '[peer 2]\nallowed-ips = 10.0.0.0/8\n[peer 3]\nallowed-ips = 10.0.0.0/8\n', None,
     ['conf:7: allowed-ips: 10.0.0.0/8 of peer 3 belongs to peer 2 already']),
    ('bits behind a prefix', TUNNEL + '[peer 2]\nallowed-ips = 10.0.0.1/8\n', None,
     [r're:conf:6: allowed-ips .*10\.0\.0\.0/8.*']),
    ('pins of certificates',
     TUNNEL + '[registry]\ntype = tcp\naddress = 192.0.2.1\ntls = yes\n'
     'fingerprint = 0011, ' + 64 * 'g' + '\n', None,
     ['conf:9: fingerprint: "0011" is not the SHA-256 of a certificate: 64 hex digits',
      r're:conf:9: fingerprint: "g+" is not the SHA-256 of a certificate: 64 hex digits']),
    ('a pin without TLS',
     TUNNEL + '[registry]\ntype = tcp\naddress = 192.0.2.1\nfingerprint = ' + 64 * '0' + '\n',
     None, ['conf:5: [registry]: fingerprint needs tls = yes']),

    # The files it names, whatever is wrong with the configuration.
    ('no identity file', TUNNEL.replace('= id', '= nowhere'), None,
     ['conf:4: identity DIR/nowhere: No such file or directory']),
    ('an identity that others can read', TUNNEL.replace('= id', '= open'), None,
     ['conf:4: identity DIR/open: mode 0644 lets others in (chmod 600)']),
    ('an identity that is none', TUNNEL.replace('= id', '= garbage'), None,
     [r're:conf:4: identity DIR/garbage: not JSON .*']),
    ('no registry file', TUNNEL + REGISTRY, None,
     ['conf:7: registry DIR/registry: No such file or directory']),
    ('a registry with mistakes', TUNNEL + REGISTRY,
     'x\n2 ' + KEY + '\n2 ' + KEY2 + ' 192.0.2.1:1 more\n3 short\n',
     [r're:registry:1: .*not a node ID.*', 'registry:1: public key: missing',
      'registry:3: node ID: 2 stands on line 2 already',
      'registry:3: more than three fields', r're:registry:4: .*public key.*']),
    ('a user there is not', TUNNEL + 'user = nobody-of-that-name\n', None,
     ['conf:5: user: there is no user "nobody-of-that-name"']),
    ('the directory of the state', TUNNEL.replace('= 1', '= auto') + 'state = none/state\n'
     '[registry]\ntype = tcp\naddress = 192.0.2.1\n', None,
     ['conf:5: state DIR/none/state: its directory: No such file or directory']),
    ('everything at once', TUNNEL.replace('= id', '= open') + 'mtu = 1\n' + REGISTRY, 'x\n',
     ['conf:4: identity DIR/open: mode 0644 lets others in (chmod 600)',
      r're:conf:5: mtu .*', r're:registry:1: .*not a node ID.*',
      'registry:1: public key: missing']),

    # What is hardly meant.
    ('no identity', '[tunnel]\ndevice = pilot0\nnode-id = 1\n', None,
     ['warning: conf: there is no identity: no peer can tell that it talks to this node']),
    ('the own node in the registry with another key', TUNNEL + REGISTRY, '1 ' + KEY + '\n',
     ['warning: registry:1: node 1 has another public key there than in DIR/id: peers with '
      'this registry will refuse this node']),
    ('the own key as that of another', TUNNEL + REGISTRY, '2 OWN\n',
     ['warning: registry:1: node 2 has this node\'s own public key, of DIR/id']),
    ('one key of two nodes', TUNNEL + REGISTRY + '[peer 3]\npublic-key = ' + KEY + '\n',
     '2 ' + KEY + '\n', ['warning: conf:8: nodes 2 and 3 have the same public key']),
    ('a prefix within another',
     TUNNEL + '[peer 2]\nallowed-ips = 10.0.0.0/8, 0.0.0.0/0\npublic-key = ' + KEY +
     '\n[peer 3]\nallowed-ips = 10.1.0.0/16\npublic-key = ' + KEY2 + '\n', None,
     ['warning: conf:8: allowed-ips 10.1.0.0/16 of peer 3 lies within 10.0.0.0/8 of peer 2: '
      'it goes to peer 3, as the longer one']),
    ('a prefix within another of the same peer',
     TUNNEL + '[peer 2]\nallowed-ips = 10.0.0.0/8, 10.1.0.0/16\npublic-key = ' + KEY + '\n',
     None, []),
    ('an endpoint that would be routed into the tunnel',
     TUNNEL + '[peer 2]\nendpoint = 192.0.2.7:37736\nallowed-ips = 192.0.2.0/25\npublic-key = ' +
     KEY + '\n', None,
     ['warning: conf:5: endpoint 192.0.2.7:37736 of peer 2 lies within allowed-ips '
      '192.0.2.0/25 of peer 2: its frames would be routed into the tunnel']),
    ('an endpoint beside a prefix',
     TUNNEL + '[peer 2]\nendpoint = 192.0.2.130:37736\nallowed-ips = 192.0.2.0/25\n'
     'public-key = ' + KEY + '\n', None, []),
    ('the same over IPv6, from the registry',
     TUNNEL + REGISTRY + '[peer 2]\nallowed-ips = 2001:db8::/33\n',
     '2 ' + KEY + ' [2001:db8:7fff::1]:1\n',
     ['warning: conf:8: endpoint [2001:db8:7fff::1]:1 of peer 2 lies within allowed-ips '
      '2001:db8::/33 of peer 2: its frames would be routed into the tunnel']),
    ('with a mark, which policy routing may use',
     TUNNEL + 'fwmark = 1\n[peer 2]\nendpoint = 192.0.2.7:37736\nallowed-ips = 192.0.2.0/25\n'
     'public-key = ' + KEY + '\n', None, []),
    ('an own address as that of a peer',
     TUNNEL + 'address = 10.9.0.1/24\n[peer 2]\nallowed-ips = 10.9.0.1/32\npublic-key = ' + KEY +
     '\n', None, ['warning: conf:6: allowed-ips 10.9.0.1/32 of peer 2 is an address of this node']),
    ('a peer that nobody knows', TUNNEL + '[peer 2]\n', None,
     ['warning: conf:5: peer 2 cannot get a session: it has no public-key, and there is no '
      'registry to know it']),
    ('a peer that the registry does not know', TUNNEL + REGISTRY + '[peer 2]\n', '3 ' + KEY + '\n',
     ['warning: conf:8: peer 2 cannot get a session: it has no public-key, and the registry '
      'does not know it']),
]


def matches(wanted, got):
    if wanted.startswith('re:'):
        return re.fullmatch(wanted[3:], got)
    return wanted == got


def run(*args, cwd=None):
    return subprocess.run([PILOTD, *args], stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                          encoding='utf-8', check=False, cwd=cwd)


def check(where, own, config, registry, wanted, mode=0o644):
    """Problems, a list of texts. MODE is that of the registry file."""
    def write(name, text):
        with open(os.path.join(where, name), 'w', encoding='utf-8') as f:
            f.write(text.replace('OWN', own))

    write('conf', config)
    if os.path.exists(os.path.join(where, 'registry')):
        os.unlink(os.path.join(where, 'registry'))
    if registry is not None:
        write('registry', registry)
        os.chmod(os.path.join(where, 'registry'), mode)
    got = run('--check', os.path.join(where, 'conf'))
    # Names of files without their directory at the start of a line.
    lines = [re.sub(r'^(warning: )?DIR/', r'\1', line.replace(where, 'DIR'))
             for line in got.stderr.splitlines()]
    mistakes = [w for w in wanted if not w.startswith('warning: ')]
    problems = ['not said: ' + w for w in wanted if not any(matches(w, g) for g in lines)]
    problems += ['said: ' + g for g in lines if not any(matches(w, g) for w in wanted)]
    if got.returncode != (MISTAKE if mistakes else DONE):
        problems.append('exit status %d' % got.returncode)
    if got.stdout != ('' if mistakes else 'OK\n'):
        problems.append('printed: %r' % got.stdout)
    return problems


def logged(where):
    """What a line begins with, and what is wrong with that."""
    said = []
    for stream in ('', '0:0', 'x', None):
        with tempfile.TemporaryFile('w+', encoding='utf-8', dir=where) as log:
            if stream is None:
                it = os.fstat(log.fileno())
                stream = '%d:%d' % (it.st_dev, it.st_ino)
            subprocess.run([PILOTD, '--config', os.path.join(where, 'nowhere')], stderr=log,
                           env={**os.environ, 'JOURNAL_STREAM': stream}, check=False)
            log.seek(0)
            said.append(log.read().split(where)[0])
    return [] if said == 3 * ['pilotd: '] + ['<3>'] else [str(said)]


def streams(where):
    """What stands for stdin, stdout and stderr where they were closed."""
    fifo = os.path.join(where, 'fifo')
    os.mkfifo(fifo)
    p = subprocess.Popen([PILOTD, '--config', fifo], preexec_fn=lambda: os.closerange(0, 3))
    # It waits for what is in it.
    end, writer, got = time.monotonic() + 20, os.open(fifo, os.O_RDWR), {}
    fds = '/proc/%d/fd' % p.pid
    while fifo not in got.values() and time.monotonic() < end:
        time.sleep(0.01)
        with contextlib.suppress(OSError):  # one that is closed meanwhile
            got = {fd: os.readlink(os.path.join(fds, fd)) for fd in os.listdir(fds)}
    p.kill()
    p.wait()
    os.close(writer)
    return [] if [got.get(fd) for fd in '0123'] == 3 * ['/dev/null'] + [fifo] else [str(got)]


def main():
    for program in (PILOT, PILOTD):
        if not os.access(program, os.X_OK):
            print('%s is not built' % program, file=sys.stderr)
            return 4
    failed = number = 0

    def report(title, problems):
        nonlocal failed, number
        number += 1
        for p in problems:
            print('# ' + p)
        print('%sok %d %s' % ('not ' if problems else '', number, title))
        failed += bool(problems)

    print('TAP version 13')
    with tempfile.TemporaryDirectory() as where:
        where = os.path.realpath(where)
        identity = os.path.join(where, 'id')
        own = subprocess.run([PILOT, 'identity', 'new', identity], stdout=subprocess.PIPE,
                             encoding='utf-8', check=True).stdout.split()[-1]
        with open(identity, encoding='utf-8') as f:
            text = f.read()
        for name, mode, content in (('open', 0o644, text), ('garbage', 0o600, 'hello')):
            with open(os.path.join(where, name), 'w', encoding='utf-8') as f:
                f.write(content)
            os.chmod(os.path.join(where, name), mode)
        for title, config, registry, wanted in TABLE:
            report(title, check(where, own, config, registry, wanted))

        # Who checks is root, who will serve owns the identity.
        if os.geteuid() == 0:
            nobody = pwd.getpwnam('nobody').pw_uid
            os.chmod(where, 0o755)
            os.chown(identity, nobody, -1)
            report('an identity of another user', check(where, own, TUNNEL + REGISTRY,
                                                        '2 ' + KEY + '\n', []))
            report('and a registry that he cannot read', check(
                where, own, TUNNEL + REGISTRY, '2 ' + KEY + '\n',
                ['conf:7: registry DIR/registry: Permission denied for user "nobody"'], 0o600))
            os.chown(identity, 0, -1)

        conf = os.path.join(where, 'conf')
        with open(conf, 'w', encoding='utf-8') as f:
            f.write(TUNNEL)
        report('both forms of --check', [
            '%s: exit status %d, %r' % (args, got.returncode, got.stdout)
            for args in (['--check', conf], ['--check', '--config', conf],
                         ['--config', conf, '--check'])
            for got in [run(*args)] if got.returncode != DONE or got.stdout != 'OK\n'])
        # As some managers of configurations have it, and switch the link.
        os.mkdir(os.path.join(where, 'version-1'))
        os.rename(conf, os.path.join(where, 'version-1/conf'))
        os.symlink('version-1/conf', conf)
        report('a link: what it names is beside the link, by whatever path', [
            '%s: exit status %d, %r' % (path, got.returncode, got.stdout + got.stderr)
            for path, cwd in ((conf, '/'), ('conf', where), ('./version-1/../conf', where))
            for got in [run('--check', path, cwd=cwd)]
            if got.returncode != DONE or got.stdout != 'OK\n'])
        report('no file, or two', [
            '%s: exit status %d' % (args, got.returncode)
            for args in (['--check'], ['--check', conf, conf], ['--check', '--config', conf, conf],
                         [conf])
            for got in [run(*args)] if got.returncode != USAGE])
        got = run('--check', os.path.join(where, 'nowhere'))
        report('a configuration that is not there', [] if got.returncode == MISTAKE and
               'nowhere: cannot be read: No such file or directory' in got.stderr
               else ['%d: %s' % (got.returncode, got.stderr)])
        report('a line of the log, elsewhere and to the journal', logged(where))
        report('started without stdin, stdout and stderr', streams(where))
    print('1..%d' % number)
    return 1 if failed else 0


if __name__ == '__main__':
    sys.exit(main())
