#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""What pilot prints for programs and on terminals, on a kernel that is none
(fake/kernel.c): JSON against Documentation/pilot.schema.json, metrics against the
rules of the format and of their names, the dashboard and the documentation
against the metrics, colours, pilot top in batch and on a terminal.

Prints TAP; exits 1 if a test failed, 4 if something it needs is missing.
"""
import fcntl
import json
import os
import pty
import re
import select
import signal
import struct
import subprocess
import sys
import tempfile
import termios
import time

TOP = os.path.join(os.path.dirname(os.path.abspath(__file__)), '../..')
PILOT = os.environ.get('PILOT', os.path.join(TOP, 'build/unit/pilot-fake'))

# Debian's packages are there too where another python3 comes first.
sys.path.append('/usr/lib/python3/dist-packages')
try:
    import jsonschema
    from prometheus_client.parser import text_string_to_metric_families
except ImportError as e:
    print('TAP version 13\n1..0 # SKIP %s is not installed' % e.name)
    sys.exit(4)

results = []


def test(name, *problems):
    results.append((name, [p for p in problems if p]))


def read(path):
    with open(os.path.join(TOP, path), encoding='utf-8') as f:
        return f.read()


def run(*args, **env):
    """What it prints on stdout; on stderr if it failed."""
    p = subprocess.run([PILOT, *args], stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                       stdin=subprocess.DEVNULL, encoding='utf-8', timeout=60, check=False,
                       env={**os.environ, 'TERM': 'xterm', **env})
    return p.stdout if not p.returncode else 'exit status %d: %s' % (p.returncode, p.stderr)


# ---- JSON

SCHEMA = json.loads(read('Documentation/pilot.schema.json'))


def unlike_schema(definition, value):
    """Where a value is not as the schema says, at most three places."""
    validator = jsonschema.Draft202012Validator(
        {'$ref': '#/$defs/' + definition, '$defs': SCHEMA['$defs']})
    return ['%s: %s' % (e.json_path, e.message[:200])
            for e in list(validator.iter_errors(value))[:3]]


def schema():
    try:
        jsonschema.Draft202012Validator.check_schema(SCHEMA)
        wrong = None
    except jsonschema.SchemaError as e:
        wrong = str(e)
    test('the schema is one', wrong)
    commands = {'show': 'show -j', 'key_show': 'key show pilot0 -j', 'key_new': 'key new -j',
                'top': 'top -b -n 1 -d 100ms -j'}
    values = {}
    for name, command in commands.items():
        text = run(*command.split())
        try:
            values[name] = json.loads(text)
        except ValueError:
            test('pilot %s: the schema' % command, text)
            continue
        test('pilot %s: the schema' % command, *unlike_schema(name, values[name]))
        test('pilot %s: the schema as a whole takes it' % command,
             None if jsonschema.Draft202012Validator(SCHEMA).is_valid(values[name]) else 'no')
    states = {p['state'] for d in values['show'] for p in d['peers']}
    test('the peers have all states there are',
         *(s for s in SCHEMA['$defs']['peer_state']['enum'] if s not in states))
    for command in ('show -j', 'key show pilot0 -j'):
        text = run(*command.split())
        test(command + ': laid out as other programs would', None if
             text == json.dumps(json.loads(text), indent=2) + '\n' else 'it is not')
    # The sanitizer keeps what is freed unless told not to.
    p = subprocess.Popen([PILOT, 'show', '-j'], stdout=subprocess.DEVNULL,
                         env={**os.environ, 'FAKE_PEERS': '16384',
                              'ASAN_OPTIONS': 'quarantine_size_mb=1'})
    _, status, usage = os.wait4(p.pid, 0)
    p.returncode = status
    test('show -j: 16394 peers do not take much memory', 'failed' if status else None,
         '%d MB' % (usage.ru_maxrss / 1024) if usage.ru_maxrss > 150 << 10 else None)
    # A schema that takes everything finds nothing.
    for name, value in values.items():
        for change in ('another member', 'one less'):
            broken = json.loads(json.dumps(value))
            inner = broken[0] if isinstance(broken, list) else broken
            if change == 'one less':
                inner.popitem()
            else:
                inner['surprise'] = 1
            test('%s: the schema refuses %s' % (name, change),
                 None if unlike_schema(name, broken) else 'it does not')
    peer = values['show'][0]['peers'][0]
    for member, value in (('state', 'fine'), ('endpoint', 'somewhere'), ('node_id', 0),
                          ('last_rx_ms', -1), ('stats', {}), ('need_key', 'why-not')):
        test('a peer: the schema refuses %s %s' % (member, value),
             None if unlike_schema('peer', {**peer, member: value}) else 'it does not')
    at = '2026-11-22T12:00:00.000000Z'
    base = {'time': at, 'ifname': 'pilot0', 'ifindex': 3, 'seq': 1}
    for event, good in (({'event': 'device.changed'}, True),
                        ({'event': 'peer.added', 'node_id': 2}, True),
                        ({'event': 'peer.added'}, False),
                        ({'event': 'tunnel.established', 'node_id': 2, 'key_id': 1}, False),
                        ({'event': 'tunnel.established', 'node_id': 2, 'key_id': 1,
                          'authenticated': True, 'rekeyed': False, 'relayed': False}, True),
                        ({'event': 'unknown'}, False), ({'event': 'frob'}, False),
                        ({'event': 'registry.changed', 'registry': 'down'}, True),
                        ({'event': 'device.changed', 'time': 'noon'}, False)):
        wrong = unlike_schema('monitor', {**base, **event})
        test('an event, %s: %s' % ('right' if good else 'wrong', event),
             *(wrong if good else [None if wrong else 'the schema takes it']))
    lost = {'time': at, 'event': 'monitor.lost', 'ifname': None, 'count': None}
    test('an event: losses', *unlike_schema('monitor', lost))
    names = re.findall(r'= "((?:tunnel|security|peer|device|handler|registry)\.[a-z_]+)"',
                       read('userspace/lib/text.c'))
    test('the schema knows every event',
         'none found' if len(names) < 15 else None,
         *(n for n in names if n not in SCHEMA['$defs']['monitor']['properties']['event']['enum']))
    for definition, prefix in (('reason', 'PILOT_REASON_'), ('registry_state', 'PILOT_REGISTRY_'),
                               ('slot', 'PILOT_SLOT_'), ('path', 'PILOT_PATH_')):
        named = re.findall(r'\[%s\w+\] = "([^"]+)"' % prefix, read('userspace/lib/text.c'))
        test('the schema has every value of ' + definition,
             None if sorted(named + ['unknown']) == sorted(SCHEMA['$defs'][definition]['enum'])
             else '%s, not %s' % (SCHEMA['$defs'][definition]['enum'], named))


# ---- metrics

# What promtool calls base units, and what it refuses in names.
UNITS = 'seconds|bytes|celsius|meters|ratio|volts|amperes|joules|grams'
BAD_UNITS = ('milliseconds|microseconds|nanoseconds|ms|us|ns|minutes|hours|days|bits|kilobytes|'
             'megabytes|kb|mb|percent|sec|min')
TYPES = 'counter|gauge|histogram|summary|untyped'


def lint_metrics(text):
    """What promtool check metrics would refuse, and what its parser would."""
    problems, seen, at, types, helps = [], set(), None, {}, {}
    for number, line in enumerate(text.split('\n')[:-1], 1):
        def wrong(what, *more):
            problems.append('line %d: %s: %s' % (number, what, ' '.join(more) or line))
        m = re.fullmatch(r'# (HELP|TYPE) ([a-zA-Z_:][\w:]*) (.+)', line)
        if m:
            kind, name, rest = m.groups()
            table = helps if kind == 'HELP' else types
            if name in table:
                wrong('twice')
            table[name] = rest
            if kind == 'HELP':
                if at == name:
                    wrong('comes again')
                at = name
                if not rest.endswith('.') or '  ' in rest:
                    wrong('no sentence')
            elif not re.fullmatch(TYPES, rest):
                wrong('no type')
            continue
        label = r'[a-zA-Z_]\w*="(?:[^"\\\n]|\\["\\n])*"'
        m = re.fullmatch(r'([a-zA-Z_:][\w:]*)(\{(?:%s(?:,%s)*)?\})? (\S+)' % (label, label), line)
        if not m:
            wrong('no sample')
            continue
        name, labels, value = m.groups()
        if name != at or name not in types or name not in helps:
            wrong('outside its HELP and TYPE')
        if (name, labels) in seen:
            wrong('twice')
        seen.add((name, labels))
        names = re.findall(r'(\w+)="', re.sub(r'\\.', '', labels or ''))
        if len(set(names)) != len(names):
            wrong('a label twice')
        if not re.fullmatch(r'-?\d+(\.\d+)?', value):
            wrong('no number', value)
        if types.get(name) == 'counter' and value.startswith('-'):
            wrong('a counter below 0')
    for name, kind in types.items():
        if not re.fullmatch(r'pilot_[a-z][a-z0-9]*(_[a-z0-9]+)*', name):
            problems.append(name + ': not in small letters')
        if name.endswith('_total') != (kind == 'counter'):
            problems.append('%s: a %s' % (name, kind))
        if re.search(r'_(count|sum|bucket)$', name) or re.search(r'_(%s)(_|$)' % TYPES, name):
            problems.append(name + ': named as its type')
        if re.search(r'(^|_)(%s)(_|$)' % BAD_UNITS, name):
            problems.append(name + ': no base unit')
        if re.search(r'_(%s)_(?!total$)' % UNITS, name):
            problems.append(name + ': the unit is not last')
        if name not in helps:
            problems.append(name + ': no HELP')
    if not types or not text.endswith('\n'):
        problems.append('nothing, or cut')
    return problems[:5]


def samples(text, name):
    """[(labels, value)] of a metric, read by somebody else's parser."""
    return [(s.labels, s.value) for f in text_string_to_metric_families(text)
            for s in f.samples if s.name == name]


def field(value):
    """What a dump has for a value of JSON."""
    if isinstance(value, list):
        value = ','.join(value)
    return '-' if value in (None, '') else str(value)


def dumped():
    """Every field of show dump, but the counters, which move, and the number of peers."""
    lines = [line.split('\t') for line in run('show', 'pilot0', 'dump').splitlines()]
    d = json.loads(run('show', 'pilot0', '-j'))[0]
    want = [['device', d['ifname'], d['ifindex'], d['node_id'], d['network'], d['listen_port'], d['fwmark'],
             d['beacon'], d['replay_window'], 'on' if d['unauth'] else 'off', d['max_peers'], 10,
             d['peers_with_key'], d['aead'], d['handler'], d['event_seq'], *4 * [0],
             'on' if d['on_demand'] else 'off', d['registry']['registry_state'],
             d['registry']['registry_address'], d['reflexive']]]
    for p in d['peers']:
        key = next((k for k in p['keys'] if k['slot'] == 'current'), None)
        want.append(['peer', p['node_id'], p['endpoint'], p['path'], p['path_active'], p['state'],
                     p['keepalive'], p['allowed_ips'], *((key['id'], 'yes' if key['authenticated'] else 'no',
                                                          key['age_ms']) if key else 3 * [None]),
                     p['last_rx_ms'], p['last_tx_ms'], p['need_key'], p['queued'], p['cooldown_ms'],
                     *4 * [0], key and key['gated'], 'yes' if p['dynamic'] else 'no'])
    for got, line in zip(lines, want):
        for i in range(16, 20):
            got[i] = '0'
        # An age past what JSON tells.
        got = [field(min(int(f), 2 ** 63 - 1)) if f.isdigit() else f for f in got]
        wanted = [field(f) for f in line]
        test('dump: %s %s' % (got[0], got[1]), None if got == wanted else '%s, not %s' % (got, wanted))
    test('dump: a line for each', None if len(lines) == len(want) == 11 else str(len(lines)))


def vanishing():
    """pilot0 goes while the devices are listed."""
    for form in ('-j', '--prometheus', '-b', '--color=never'):
        text = run('show', form, FAKE_GONE='/dev/null')
        test('show %s: a device that vanishes is left out, the other is there' % form,
             text if 'exit status' in text or 'pilot0' in text or '31m' not in text else None)
        text = run('show', 'pilot0', form, FAKE_GONE='/dev/null')
        test('show pilot0 %s: there is no such device' % form,
             None if text.startswith('exit status 1: pilot: pilot0: ifname: no such device\n') else text)


def torn():
    """Two peers that went and came back, the last of ten, while they were listed."""
    test('show --prometheus: a peer that came back is there once',
         *lint_metrics(run('show', '--prometheus', FAKE_TORN='1')))
    nodes = [p['node_id'] for p in json.loads(run('show', '-j', FAKE_TORN='1'))[0]['peers']]
    test('show -j: it is, where it came to last',
         None if nodes == [4, 5, 6, 7, 8, 9, 2, 3] else str(nodes))
    test('top: it is', None if len(re.findall(r'^ +2  pilot0', run(
        'top', '-b', '-n', '1', '-d', '100ms', FAKE_TORN='1'), re.M)) == 1 else 'twice')


def closed():
    """Without stdout: no other descriptor takes its place, and the failure is seen."""
    for command in ('show', 'show -j', 'top -b -n 1 -d 100ms', 'top -b -n 1 -d 100ms -j', 'help'):
        p = subprocess.run([PILOT, *command.split()], stdin=subprocess.DEVNULL, stderr=subprocess.PIPE,
                           encoding='utf-8', timeout=60, check=False, preexec_fn=lambda: os.close(1))
        test('%s: stdout is closed' % command, None if p.returncode == 1 and
             p.stderr == 'pilot: cannot write to stdout: Bad file descriptor\n'
             else 'exit status %d: %s' % (p.returncode, p.stderr))


def metrics():
    text = run('show', '--prometheus')
    test('metrics: the rules of the format and of names', *lint_metrics(text))
    try:
        families = {f.name for f in text_string_to_metric_families(text)}
        wrong = None if len(families) > 30 else 'only %d families' % len(families)
    except ValueError as e:
        wrong = str(e)
    test('metrics: another parser reads them', wrong)
    for name, change in (
            ('a counter without _total', ('receive_bytes_total', 'receive_bytes')),
            ('a gauge with _total', ('_keyed_peers', '_keyed_total')),
            ('no HELP', ('# HELP pilot_device_info Identity of the device.\n', '')),
            ('no TYPE', ('# TYPE pilot_device_info gauge\n', '')),
            ('milliseconds', ('cooldown_seconds', 'cooldown_ms')),
            ('a quote that is not escaped', ('error="a \\"', 'error="a "')),
            ('a sample twice', ('state="gave-up"', 'state="no-key"')),
            ('a capital', ('pilot_peer_keys', 'pilot_peerKeys')),
            ('a comma for a point', ('pilot_peer_cooldown_seconds{device="pilot0",node="5"} 1.500',
                                     'pilot_peer_cooldown_seconds{device="pilot0",node="5"} 1,500'))):
        broken = text.replace(*change)
        test('metrics: the rules refuse ' + name, 'nothing to break' if broken == text else None,
             None if lint_metrics(broken) else 'they do not')

    def value(name, **labels):
        got = [v for have, v in samples(text, name) if labels.items() <= have.items()]
        return got[0] if len(got) == 1 else got
    begun = time.time()
    test('metrics: an error text with quotes and backslashes comes back',
         None if samples(text, 'pilot_device_registry_info')[0][0]['error'] == 'a "quoted" back\\slash'
         else str(samples(text, 'pilot_device_registry_info')))
    test('metrics: so does a device name nobody should choose',
         None if [s for s in samples(text, 'pilot_device_info')
                  if s[0]['device'] == 'q"\\\\x0a\\x1b[31m\\xff'] else
         str(samples(text, 'pilot_device_info')))
    for want, name, labels in (
            (1, 'pilot_build_info', {}),
            (1, 'pilot_device_handler_registered', {'device': 'pilot0'}),
            (5, 'pilot_device_peers', {'device': 'pilot0', 'state': 'ready'}),
            (1, 'pilot_device_peers', {'device': 'pilot0', 'state': 'gave-up'}),
            (1, 'pilot_device_registry_state', {'state': 'down'}),
            (0, 'pilot_device_registry_state', {'state': 'registered'}),
            (10000, 'pilot_device_drops_total', {'device': 'pilot0', 'direction': 'rx',
                                                 'reason': 'replay'}),
            (17000, 'pilot_device_drops_total', {'device': 'pilot0', 'direction': 'tx',
                                                 'reason': 'no-key'}),
            (31000, 'pilot_device_drops_total', {'device': 'pilot0',
                                                 'reason': 'handshake-limited'}),
            (6, 'pilot_peer_drops_total', {'node': '8', 'direction': 'rx', 'reason': 'no-key'}),
            (2.0 ** 64, 'pilot_peer_receive_bytes_total', {'node': '7'}),
            (1.5, 'pilot_peer_cooldown_seconds', {'node': '5'}),
            (4, 'pilot_peer_queued_packets', {'node': '4'}),
            (1, 'pilot_peer_state', {'node': '2', 'state': 'in-doubt'}),
            (1, 'pilot_peer_key_wanted', {'node': '2', 'reason': 'decrypt-fail'}),
            (0, 'pilot_peer_key_authenticated', {'node': '3'}),
            ([], 'pilot_peer_key_timestamp_seconds', {'node': '4'}),
            ([], 'pilot_peer_last_receive_timestamp_seconds', {'node': '6'})):
        test('metrics: %s %s' % (name, labels),
             None if value(name, **labels) == want else '%s, not %s' % (value(name, **labels), want))
    test('metrics: 64 bits are exact',
         None if re.search(r'^pilot_peer_receive_bytes_total\{[^}]*node="7"\} 18446744073709551615$',
                           text, re.M) else 'they are not')
    age = begun - value('pilot_peer_key_timestamp_seconds', node='2')
    test('metrics: moments, not ages', None if 4.9 < age < 10 else 'the key is %g s old' % age)
    age = begun - value('pilot_device_registry_state_timestamp_seconds')
    test('metrics: when the registry went', None if 60.9 < age < 66 else '%g s ago' % age)
    dump = json.loads(run('show', '-j'))[0]
    named = {(s[0]['direction'] + '_' + s[0]['reason'].replace('-', '_'))
             for s in samples(text, 'pilot_device_drops_total')}
    others = {'rx_packets', 'rx_bytes', 'tx_packets', 'tx_bytes', 'rx_keepalive', 'tx_keepalive',
              'tx_salvaged', 'rx_punch', 'rx_handshake', 'rx_ping'}
    test('metrics: every counter is there, as a drop or by itself',
         None if named | others == set(dump['stats']) and not named & others
         else str(named ^ set(dump['stats']) ^ others))
    stats = {'receive_packets_total': 'rx_packets', 'transmit_packets_total': 'tx_packets',
             'transmit_bytes_total': 'tx_bytes', 'receive_keepalives_total': 'rx_keepalive',
             'transmit_keepalives_total': 'tx_keepalive', 'transmit_salvaged_packets_total': 'tx_salvaged'}
    want = {'pilot_device_' + name: dump['stats'][member] for name, member in {
        **stats, 'receive_punches_total': 'rx_punch', 'receive_handshakes_total': 'rx_handshake',
        'receive_pings_total': 'rx_ping'}.items()}
    for name, member in (('keyed_peers', 'peers_with_key'), ('max_peers', 'max_peers'),
                         ('rekey_after_frames', 'rekey_after'), ('keys_cleared_total', 'cleared'),
                         ('events_total', 'event_seq')):
        want['pilot_device_' + name] = dump[member]
    test('metrics: a device has the values of JSON', *(
        '%s is %s, not %s' % (name, value(name, device='pilot0'), v) for name, v in want.items()
        if value(name, device='pilot0') != v))
    peer = [p for p in dump['peers'] if p['node_id'] == 11][0]
    want = {'queued_packets': peer['queued'], 'keys': len(peer['keys'])}
    for name, ms in (('last_receive', peer['last_rx_ms']), ('last_transmit', peer['last_tx_ms']),
                     ('key', peer['keys'][0]['age_ms'])):
        want[name + '_timestamp_seconds'] = value('pilot_peer_key_timestamp_seconds', node='11') + \
            (peer['keys'][0]['age_ms'] - ms) / 1000
    test('metrics: so has a peer', *(
        '%s is %s, not %s' % (name, value('pilot_peer_' + name, node='11'), v) for name, v in want.items()
        if abs(value('pilot_peer_' + name, node='11') - v) > 0.002))
    alone = run('show', 'pilot0', '--prometheus')
    test('metrics: of one device', *lint_metrics(alone),
         None if 'x1b' not in alone and 'pilot0' in alone else 'the other is there')
    devices = run('show', '--prometheus=devices')
    kept = [line for line in text.split('\n') if 'pilot_peer_' not in line]
    test('metrics: of devices alone', *lint_metrics(devices),
         None if [re.sub(r'\d+', '0', line) for line in kept] ==
         [re.sub(r'\d+', '0', line) for line in devices.split('\n')] else 'they differ')
    return set(re.findall(r'^# TYPE (\w+)', text, re.M))


def expression_problems(expr, text, legend=''):
    """What an expression, and the legend of its results, name that metrics do not have."""
    known = {'instance', 'job'}
    for name, matchers in re.findall(r'\b(pilot_\w+)(\{[^}]*\})?', expr):
        have = [s[0] for s in samples(text, name)]
        labels = {label for s in have for label in s} | {'instance', 'job'}
        known |= labels
        for label, operator, value in re.findall(r'(\w+)(=~|!~|!=|=)"([^"]*)"', matchers):
            if label not in labels:
                yield '%s has no label %s: %s' % (name, label, expr)
            elif '$' not in value:
                for part in value.split('|') if '~' in operator else [re.escape(value)]:
                    if not any(re.fullmatch(part, s.get(label, '')) for s in have):
                        yield '%s has no %s="%s": %s' % (name, label, part, expr)
    grouped = re.findall(r'\b(?:by|on|group_left) ?\(([^)]*)\)', expr)
    for label in re.findall(r'\w+', ' '.join(grouped)):
        if label not in known:
            yield 'nothing has a label %s: %s' % (label, expr)
    left = set(re.findall(r'\w+', grouped[0])) if ' by (' in expr else known
    for label in re.findall(r'{{(\w+)}}', legend):
        if label not in left:
            yield 'the legend shows %s, but results have no such label: %s' % (label, expr)


def documented(names):
    """Every metric that a text names exists, and the manual names them all."""
    text = read('Documentation/metrics.rst')
    now = run('show', '--prometheus')
    found = set(re.findall(r'^``(pilot_\w+)``', text, re.M))
    test('the manual names every metric, and no others', *sorted(names ^ found))
    path = 'packaging/grafana/pilot.json'
    board = json.loads(read(path))
    exprs = [t['expr'] for p in board['panels'] for t in p.get('targets', [])]
    exprs += [v['query']['query'] if isinstance(v['query'], dict) else v['query']
              for v in board['templating']['list'] if v['type'] == 'query']
    used = {n for e in exprs for n in re.findall(r'\bpilot_\w+', e)}
    test('the dashboard names metrics that exist', None if len(used) > 8 else 'too few: %s' % used,
         *sorted(used - names))
    test('the dashboard: labels, their values and legends are those of the metrics',
         *(p for panel in board['panels'] for t in panel.get('targets', [])
           for p in expression_problems(t['expr'], now, t.get('legendFormat', ''))),
         *(p for v in board['templating']['list'] if v['type'] == 'query'
           for p in expression_problems(v['query']['query'], now)))
    for bad in ('pilot_peer_info{devise="x"}', 'pilot_device_peers{state="redy"}',
                'pilot_device_drops_total{reason=~"replay|reply"}', 'sum by (sate) (pilot_device_peers)'):
        test('that finds ' + bad, None if list(expression_problems(bad, now)) else 'it does not')
    test('that finds a legend without a label', None if list(expression_problems(
        'sum by (device) (pilot_device_peers)', now, '{{state}}')) else 'it does not')
    variables = {v['name'] for v in board['templating']['list']}
    sources = re.findall(r'"datasource": (?:"([^"]*)"|\{[^}]*"uid": "([^"]*)")', json.dumps(board))
    test('the dashboard can be imported: one data source, which is chosen there; variables exist',
         None if board.get('schemaVersion', 0) >= 36 and board['uid'] and board['title'] else 'not of Grafana 9 or newer',
         None if not board.get('id') else 'it has the number of an installation',
         None if len(sources) > len(board['panels']) and {b or a for a, b in sources} == {'${datasource}'} and
         'datasource' in variables else 'data sources: %s' % sorted(set(sources)),
         *(set(re.findall(r'\$\{?(\w+)', ' '.join(exprs))) - variables - {'__rate_interval'}))
    titles = ' '.join(p['title'].lower() for p in board['panels'])
    test('the dashboard has what an operator needs',
         *(w for w in ('throughput', 'drops by reason', 'peers by state', 'handshake',
                       'replay', 'registry') if w not in titles))
    ids = [p['id'] for p in board['panels']]
    places = set()
    overlap = []
    for p in board['panels']:
        g = p['gridPos']
        cells = {(x, y) for x in range(g['x'], g['x'] + g['w'])
                 for y in range(g['y'], g['y'] + g['h'])}
        if cells & places or g['x'] + g['w'] > 24:
            overlap.append(p['title'])
        places |= cells
    test('the dashboard: panels have numbers and places of their own',
         None if len(set(ids)) == len(ids) else 'numbers', *overlap)
    named = set(re.findall(r'\bpilot_\w+', text[text.index('Alerts'):]))
    test('the alerts of the manual name metrics that exist', None if named else 'none found',
         *sorted(named - names), *expression_problems(text[text.index('Alerts'):], now))


# ---- for humans

ESC = '\033['


def on_terminal(*args, columns=100, rows=40, keys=(), wait=30, kill=None, **env):
    """Output on a terminal; exit status; whether its modes are as before."""
    master, slave = pty.openpty()
    fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack('HHHH', rows, columns, 0, 0))
    before = termios.tcgetattr(slave)
    p = subprocess.Popen([PILOT, *args], stdin=slave, stdout=slave, stderr=slave,
                         start_new_session=True, env={**os.environ, 'TERM': 'xterm', **env})
    out, end, keys = b'', time.monotonic() + wait, list(keys)
    ready, seen = time.monotonic(), 0
    while time.monotonic() < end:
        if select.select([master], [], [], 0.05)[0]:
            try:
                out += os.read(master, 65536)
            except OSError:
                break
            ready = time.monotonic()
        elif p.poll() is not None:
            break
        # the key before has shown its effect
        elif time.monotonic() - ready > 0.15 and (keys or kill) and b'q quit' in out and \
                b'\033[H' in out[seen:]:
            seen = len(out)
            key = keys.pop(0) if keys else None
            if callable(key):
                key(master, slave, p)
            elif key:
                os.write(master, key.encode())
            elif kill:
                p.send_signal(kill)
                kill = None
            ready = time.monotonic()
    if p.poll() is None:
        try:
            p.wait(20)
        except subprocess.TimeoutExpired:
            p.kill()
            p.wait()
    same = termios.tcgetattr(slave) == before
    os.close(slave)
    os.close(master)
    return out.decode('utf-8', 'replace'), p.returncode, same


def colours():
    def colourful(text):
        return ESC in text
    plain, color = run('show'), run('show', '--color=always')
    test('no colours in a pipe', 'there are' if colourful(plain) else None)
    test('--color=always', None if colourful(color) else 'there are none',
         None if re.sub(r'\d+', '0', re.sub('\033' r'\[\d*m', '', color)) == re.sub(r'\d+', '0', plain)
         else 'the text differs')
    test('--color is always', None if run('--color', 'show', '-b').count(ESC) > 10 else 'no')
    test('NO_COLOR is for auto only',
         None if colourful(run('show', '--color=always', NO_COLOR='1')) else 'no')
    shown = on_terminal('show')[0]
    test('colours on a terminal', None if colourful(shown) else shown[:200])
    test('none with --color=never', 'there are' if colourful(on_terminal('show', '--color=never')[0]) else None)
    test('none with NO_COLOR', 'there are' if colourful(on_terminal('show', NO_COLOR='1')[0]) else None)
    test('none with TERM=dumb', 'there are' if colourful(on_terminal('show', TERM='dumb')[0]) else None)
    for text in (plain, color, run('show', '-b'), run('top', '-b', '-n', '1', '-d', '100ms')):
        test('a device name does not reach the terminal as it is',
             'it does' if '[31m' in text.replace('?[31m', '').replace('\033[31m', '')
             or '\xff' in text or '\033[31m\ufffd' in text else None)


def layout():
    for command in ('key show pilot0', 'show'):
        text = run(*command.split())
        own = [label for label in re.findall(r'^( *[a-z0-9 ]+): ', text, re.M)
               if label.startswith(' ')]
        test('%s: the values begin in the same column' % command,
             None if own and len({len(label) for label in own}) == 1 else str(own))
    long = max(len(line) for line in text.split('\n'))
    test('show: lines of lists are not cut in a pipe', None if long > 300 else 'longest %d' % long)
    for columns in (70, 100):
        shown = on_terminal('show', '--color=never', columns=columns)[0].replace('\r', '')
        lists = re.findall(r'^ *failures: .*(?:\n {19}\S.*)*', shown, re.M)
        test('show: lists fit into %d columns' % columns,
             None if lists and all(len(line) <= columns for text in lists for line in text.split('\n'))
             else str(lists)[:300],
             None if len(lists) > 1 and re.sub(r'\s+', ' ', lists[-1]).count(',') ==
             re.sub(r'\s+', ' ', re.findall(r'^ *failures: .*', text, re.M)[-1]).count(',')
             else 'not all of it')
    lines = run('show', '-b').rstrip('\n').split('\n')
    heads = [m.start() for m in re.finditer(r'\S+', lines[0])]
    test('show -b: a line per peer, and one of a device without',
         None if len(lines) == 12 else '%d lines' % len(lines))
    at = lines[0].index('STATE')
    test('show -b: aligned',
         *(line for line in lines[1:] if len(heads) != 10 or line[at - 1] != ' ' or line[at] == ' '))
    test('show -b: no spaces at the end', *(line for line in lines if line != line.rstrip()))
    usage = run('help', 'set')
    test('help: forms fit into 80 columns, and brackets stay together',
         *(line for line in usage.split('\n') if len(line) > 80),
         *(line for text in (usage, run('help', 'peer'))
           for line in text.split('\n\n')[1].split('\n') if line.count('[') != line.count(']')))


# ---- pilot top

def top_batch():
    text = run('top', '-b', '-n', '1', '-d', '1s', 'pilot0')
    rows = [line.split() for line in text.split('\n')[4:-1]]
    test('top -b: a line per peer', None if len(rows) == 10 else text)
    rates = {r[0]: r for r in rows}

    def near(text_rate, want):
        v = float(text_rate.rstrip('kMG')) * {'k': 1e3, 'M': 1e6, 'G': 1e9}.get(text_rate[-1], 1)
        return abs(v - want) <= want * 0.1 + 10
    # Node n receives 100 * (n - 2) bytes a second, and sends 100 * (1002 - n).
    bad = [r for n, r in rates.items() if n in ('8', '9', '10', '11') and
           not (near(r[4], 800 * (int(n) - 2)) and near(r[6], 800 * (1002 - int(n))))]
    test('top -b: rates are right', *(str(r) for r in bad), None if rates else 'none')
    test('top -b: the device', None if re.search(r'^pilot0: node 1, rx (1\.0\d G|9\d\d M)bit/s 0 p/s, tx '
                                                 r'0 bit/s 0 p/s, drops 0/s, registry down$',
                                                 text, re.M) else text)
    test('top -b: sorted by bits received', None if
         [r[0] for r in rows][:4] == ['11', '10', '9', '8'] else str([r[0] for r in rows]))
    text = run('top', '-b', '-n', '1', '-d', '100ms', '-s', 'node', '-r', 'pilot0')
    test('top -b -s node -r', None if re.findall(r'^ +(\d+)  pilot0', text, re.M) ==
         [str(n) for n in range(11, 1, -1)] else text)
    text = run('top', '-b', '-n', '3', '-d', '100ms', '-s', 'heard')
    test('top -b -n 3: three reports', None if text.count('pilot top ') == 3 else text)
    test('top: no such device', None if 'no such device' in run('top', '-b', 'nope0') else 'no')
    reports = [json.loads(line) for line in
               run('top', '-b', '-j', '-n', '2', '-d', '1s').splitlines()]
    test('top -b -j: the schema', 'too few' if len(reports) != 2 else None,
         *(p for r in reports for p in unlike_schema('top', r)))
    rate = reports[-1]['devices'][0]['rates']['rx_bits_per_second']
    test('top -b -j: the device receives 1 Gbit/s', None if abs(rate - 1e9) < 1e8 else str(rate))
    begun = time.monotonic()
    many = run('top', '-b', '-n', '2', '-d', '100ms', FAKE_PEERS='16384')
    test('top: 16394 peers', None if many.count('\n') > 2 * 16394 else many[:200],
         'it took %.1f s' % (time.monotonic() - begun) if time.monotonic() - begun > 40 else None)
    slow = run('top', '-b', '-n', '2', '-d', '100ms', FAKE_DELAY='80')
    told = [float(t) for t in re.findall(r'every ([\d.]+)s', slow)]
    test('top: a slow reading is made less often', None if told and min(told) >= 0.4 else str(told))
    with tempfile.NamedTemporaryFile() as gone:
        name = gone.name + '.gone'
        p = subprocess.Popen([PILOT, 'top', '-b', '-n', '24', '-d', '250ms', 'pilot0'],
                             stdout=subprocess.PIPE, encoding='utf-8',
                             env={**os.environ, 'FAKE_GONE': name})
        out = ''
        for sign, action in (('pilot top ', lambda: open(name, 'w').close()),
                             ('no such device now', lambda: os.unlink(name))):
            for line in p.stdout:
                out += line
                if sign in line:
                    break
            action()
        out += p.communicate(timeout=30)[0]
    blocks = out.split('pilot top ')[1:]
    lost = [i for i, b in enumerate(blocks) if 'no such device now' in b]
    test('top: a device that vanishes is said, and it goes on',
         None if len(blocks) == 24 and p.returncode == 0 and lost else out[-500:])
    test('top: and comes back', None if lost and lost[-1] < 23 and 'pilot0  ' in blocks[-1] else out[-500:])
    if lost and lost[-1] < 23:
        # Nothing to compare with; a rate from before would be wrong.
        first = blocks[lost[-1] + 1]
        test('top: the first report after has no rates', None if ' rx - bit/s - p/s,' in first else first)
    with tempfile.TemporaryDirectory() as work:
        gone = os.path.join(work, 'gone')
        p = subprocess.Popen([PILOT, 'top', '-b', '-n', '40', '-d', '250ms', b'q"\\\n\033[31m\xff'],
                             stdout=subprocess.PIPE, env={**os.environ, 'FAKE_GONE': gone})
        p.stdout.readline()
        open(gone, 'w', encoding='ascii').close()
        out = b''
        for line in p.stdout:
            out += line
            if b'no such device now' in line:
                break
        p.kill()
        out += p.communicate(timeout=30)[0]
    test('top: the name of one that vanished does not reach the terminal as it is', repr(out)
         if b'q"\\??[31m?: no such device now' not in out or b'\033' in out else None)


def screen(text):
    """The last page that was drawn."""
    return re.sub('\033' r'\[[?\d]*[A-Za-z]', '', text.split('\033[H')[-1]).replace('\r', '')


def top_terminal():
    enter, leave = '\033[?1049h', '\033[?1049l'

    def given_back(what, got, status=0):
        out, code, same = got
        test('top on a terminal, %s: it is given back' % what,
             None if code == status else 'exit status %s' % code,
             None if same else 'the modes are others',
             None if out.count(enter) == out.count(leave) == out.count('\033[?25h') > 0
             and out.rstrip().endswith(leave) else repr(out[-200:]))
    got = on_terminal('top', keys=['q'])
    given_back('q', got)
    page = screen(got[0].split(leave)[0])
    test('top: the page fits', None if len(page.split('\n')) <= 40 and
         all(len(line) <= 100 for line in page.split('\n')) else page)
    test('top: it has peers and keys', None if 'q quit' in page and '192' not in page
         and re.search(r'^ +11  pilot0 ', page, re.M) else page)
    # switching to this screen homes the cursor once
    first = screen('\033[H' + got[0].split('\033[H')[2])
    test('top: no rates at first', None if re.search(r'^ +11 .* -  ', first, re.M) else first)
    for sig in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGQUIT):
        given_back(sig.name, on_terminal('top', kill=sig))
    out = on_terminal('top', '-d', '1h', keys=['<' * 2, 'q'])[0]
    order = re.findall(r'^ +(\d+)  pilot0', screen(out.split(leave)[0]), re.M)
    test('top: < < sorts by node', None if order == [str(n) for n in range(2, 12)] else str(order))
    out = on_terminal('top', '-s', 'node', keys=['r', 'q'])[0]
    order = re.findall(r'^ +(\d+)  pilot0', screen(out.split(leave)[0]), re.M)
    test('top: r reverses', None if order == [str(n) for n in range(11, 1, -1)] else str(order))
    out = on_terminal('top', '-d', '1h', keys=[' ', 'q'])[0]
    test('top: an hour is told in seconds', None if ', every 3600s, ' in out else out)
    for key, want in (('+', 'every 40s'), ('-', 'every 10s')):
        out = on_terminal('top', '-d', '20s', keys=[' ', key, 'q'])[0]
        test('top: %s changes the interval' % key,
             None if want in screen(out.split(leave)[0]) else screen(out.split(leave)[0]))
    out = on_terminal('top', '-s', 'node', rows=12, keys=['\033[6~', 'q'], FAKE_PEERS='100')[0]
    pages = [re.findall(r'^ +(\d+)  pilot0', screen('\033[H' + p), re.M)
             for p in out.split('\033[H')[1:]]
    pages = [p for p in pages if p]
    test('top: page down', None if pages and pages[0][0] == '2' and
         int(pages[-1][0]) == 2 + len(pages[0]) else str(pages))
    out = on_terminal('top', '-s', 'node', rows=12, keys=['\033[F', 'q'], FAKE_PEERS='100')[0]
    order = re.findall(r'^ +(\d+)  pilot0', screen(out.split(leave)[0]), re.M)
    test('top: end', None if order and order[-1] == '111' else str(order))

    for rows in (8, 4, 1):
        def smaller(master, slave, p):
            fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack('HHHH', rows, 40, 0, 0))
            p.send_signal(signal.SIGWINCH)
        got = on_terminal('top', '-d', '1h', keys=[' ', smaller, 'q'])
        page = screen(got[0].split(leave)[0])
        lines = page.split('\n')
        test('top: another size, %d lines' % rows, None if len(lines) <= rows and
             all(len(line) <= 40 for line in lines) else page)

    def suspend(master, slave, p):
        p.send_signal(signal.SIGTSTP)
        for _ in range(1000):
            with open('/proc/%d/stat' % p.pid, encoding='ascii') as f:
                if f.read().split()[2] == 'T':
                    break
            time.sleep(0.02)
        else:
            raise RuntimeError('not stopped')
        modes.append(termios.tcgetattr(slave)[3] & (termios.ICANON | termios.ECHO))
        p.send_signal(signal.SIGCONT)
    modes = []
    got = on_terminal('top', keys=[suspend, 'q'])
    given_back('suspended', got)
    test('top: the shell has a usable terminal meanwhile, and top goes on',
         None if modes == [termios.ICANON | termios.ECHO] else str(modes),
         None if got[0].count(enter) == 2 else '%d times' % got[0].count(enter))
    test('top: no terminal', None if 'no terminal' in run('top') else run('top'))
    out, code, same = on_terminal('top', TERM='dumb')
    test('top: a dumb terminal', None if code == 1 and same and 'TERM' in out else out)


def main():
    if not os.access(PILOT, os.X_OK):
        print('TAP version 13\n1..0 # SKIP build/unit/pilot-fake is not built')
        return 4
    schema()
    dumped()
    vanishing()
    closed()
    torn()
    documented(metrics())
    colours()
    layout()
    top_batch()
    top_terminal()
    print('TAP version 13\n1..%d' % len(results))
    for number, (name, problems) in enumerate(results, 1):
        for p in problems:
            print('# ' + str(p).replace('\n', '\n# '))
        print('%sok %d %s' % ('not ' if problems else '', number, name.replace('#', '')))
    return 1 if any(p for _, p in results) else 0


if __name__ == '__main__':
    sys.exit(main())
