#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""Runs in a machine of selftests/packages/walk: Prometheus, which asks the
machine's node_exporter, evaluates each expression of the installed dashboard.
Each must have results, with the labels that its legend shows.
"""
import json
import re
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.parse
import urllib.request

BOARD = '/usr/share/doc/pilot-tools/grafana/pilot.json'
HERE = '127.0.0.1:9090'
CONFIG = '''
scrape_configs:
- job_name: node
  scrape_interval: 2s
  static_configs:
  - targets: ['127.0.0.1:9100']
'''
# The registry of this machine is a file, which has no state.
ABSENT = ('pilot_device_registry_state',)


def ask(expr):
    for name, value in (('$__rate_interval', '1m'), ('$instance', '.*'), ('$device', '.*')):
        expr = expr.replace(name, value)
    url = 'http://%s/api/v1/query?%s' % (HERE, urllib.parse.urlencode({'query': expr}))
    try:
        with urllib.request.urlopen(url, timeout=10) as f:
            return json.load(f)['data']['result']
    except urllib.error.HTTPError as e:
        return json.load(e)['error']
    except OSError:
        return []


def problem(target):
    """What is wrong with the results of an expression."""
    found = ask(target['expr'])
    if isinstance(found, str):
        return found
    if not found:
        return 'no results'
    shown = set(re.findall(r'{{(\w+)}}', target.get('legendFormat', '')))
    if not all(shown <= set(r['metric']) for r in found):
        return 'the legend shows %s, results have %s' % (sorted(shown), sorted(found[0]['metric']))
    return ''


def evaluate(targets):
    """What is wrong with which, after two minutes at most."""
    with tempfile.TemporaryDirectory() as d:
        with open(d + '/config', 'w', encoding='utf-8') as f:
            f.write(CONFIG)
        with open(d + '/log', 'w', encoding='utf-8') as log, subprocess.Popen(
                ['prometheus', '--config.file=' + d + '/config', '--storage.tsdb.path=' + d + '/data',
                 '--web.listen-address=' + HERE], stdout=log, stderr=log) as prometheus:
            end = time.monotonic() + 120
            bad = targets
            while bad and time.monotonic() < end:
                time.sleep(3)
                if ask('vector(1)'):
                    bad = [t for t in bad if problem(t)]
            bad = ['%s: %s' % (t['expr'], problem(t)) for t in bad if ask('vector(1)')] or \
                ['Prometheus does not answer'] * bool(bad)
            prometheus.kill()
        if bad:
            with open(d + '/log', encoding='utf-8') as log:
                print(''.join(log.readlines()[-10:]))
    return bad


def main():
    with open(BOARD, encoding='utf-8') as f:
        targets = [t for p in json.load(f)['panels'] for t in p.get('targets', [])]
    targets = [t for t in targets if not any(a in t['expr'] for a in ABSENT)]
    with subprocess.Popen(
            # One peer that is not ready, and packets that are dropped.
            'pilot peer add pilot0 9; while sleep 1; do '
            'ping -q -c 1 -W 1 fd50:494c:4f54::5; ping -q -c 1 -W 1 fd50:494c:4f54::2; done',
            shell=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as traffic:
        # Under emulation Prometheus has been seen to hang.
        bad = evaluate(targets) and evaluate(targets)
        traffic.kill()
    print('%d expressions' % len(targets), *bad, sep='\n')
    return bool(bad) or len(targets) < 15


sys.exit(main())
