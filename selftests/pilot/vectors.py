#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""vectors.py DIRECTORY: run the vectors that the kernel half owns.

Runs in a namespace with a device pilot0, up, node ID OWN, port PORT. Peers get
static keys over netlink; frames go in by a UDP socket over loopback.
"""
import json
import os
import socket
import struct
import sys
import time

import frames
from genl import Genl

OWN, PORT, DEVICE = 7777, 37736, 'pilot0'
ETH_P_PILOT = 0x88B5

VERDICT_STATS = {
    'accept': 'RX_KEEPALIVE',       # frames of no text
    'replay': 'RX_REPLAY',
    'outside': 'RX_OUTSIDE_WINDOW',
    'stale': 'RX_STALE',
}


class Tap:
    def __init__(self):
        self.n = self.failed = 0

    def result(self, name, problems):
        self.n += 1
        for p in problems[:10]:
            print('#', p)
        print('%s %d %s' % ('not ok' if problems else 'ok', self.n, name), flush=True)
        self.failed += bool(problems)


class Peer:
    """A peer of the device under test, played by this program."""

    def __init__(self, node, key):
        self.node, self.key = node, key
        self.id = nl.u32('PEER_NODE_ID', node)
        nl.request('PEER_NEW', dev, nl.nest('PEER', self.id))
        nl.request('KEY_SET', dev, nl.nest('KEY', nl.u32('KEY_NODE_ID', node),
                                           nl.attr('KEY_SECRET', key)))

    def state(self):
        return nl.get(nl.request('PEER_GET', dev, nl.nest('PEER', self.id))[0], 'PEER')

    def stats(self):
        stats = nl.get(self.state(), 'PEER_STATS')
        return {name: nl.number(stats, 'STATS_' + name) for name in (
            'RX_PACKETS', 'RX_KEEPALIVE', 'RX_DECRYPT_FAIL', 'RX_REPLAY',
            'RX_OUTSIDE_WINDOW', 'RX_STALE', 'RX_NO_KEY', 'RX_SPOOFED',
            'RX_MALFORMED', 'RX_NOMEM')}

    def key_state(self):
        keys = nl.all(self.state(), 'PEER_KEY')
        return keys[0] if keys else None

    def remove(self):
        nl.request('PEER_DEL', dev, nl.nest('PEER', self.id))

    def send(self, frame):
        """Send a frame; the names of the counters that went up."""
        before = self.stats()
        udp.sendto(frame, ('127.0.0.1', PORT))
        for _ in range(400):
            after = self.stats()
            if after != before:
                return [k for k in after if after[k] != before[k]]
            time.sleep(0.005)
        return []


def device_stat(name):
    device = nl.get(nl.request('DEVICE_GET', dev)[0], 'DEVICE')
    return nl.number(nl.get(device, 'DEVICE_STATS'), 'STATS_' + name)


def load(name):
    with open(os.path.join(sys.argv[1], name + '.json'), encoding='ascii') as f:
        return json.load(f)


def pils():
    for v in load('pils'):
        problems = []
        peer = Peer(v['sender_node_id'], bytes.fromhex(v['key_hkdf']))
        counted = peer.send(bytes.fromhex(v['frame']))
        key = peer.key_state()
        if 'RX_DECRYPT_FAIL' in counted or not counted:
            problems.append('not opened: %s' % counted)
        if not v['plaintext'] and counted != ['RX_KEEPALIVE']:
            problems.append('an empty text counts as %s' % counted)
        if nl.number(key, 'KEY_RX_COUNTER') != int(v['counter']):
            problems.append('counter is %s, not %s' % (nl.number(key, 'KEY_RX_COUNTER'), v['counter']))
        if nl.get(key, 'KEY_PROVEN') is None:
            problems.append('the key is not proven')
        # Our own sealing of the same must give the same bytes, or the tests
        # below prove nothing.
        ours = frames.seal(peer.key, peer.node, bytes.fromhex(v['nonce_prefix']),
                           int(v['counter']), bytes.fromhex(v['plaintext']))
        if ours.hex() != v['frame']:
            problems.append('frames.py seals it otherwise')
        peer.remove()
        tap.result('pils: %d bytes, node %d, counter %s' % (v['size'], peer.node, v['counter']), problems)


def pils_verdicts():
    for v in load('pils_verdicts'):
        problems = []
        frame = bytes.fromhex(v['frame'])
        node = int.from_bytes(frame[4:8], 'big') or 5
        peer = Peer(node, bytes.fromhex(v['key_hkdf']))
        if v['expect'] == 'ErrTooShort':
            before = device_stat('RX_SHORT')
            counted = peer.send(frame) if len(frame) >= 36 else udp.sendto(frame, ('127.0.0.1', PORT)) and []
            time.sleep(0.05)
            if device_stat('RX_SHORT') != before + 1 or counted:
                problems.append('not counted as short')
        else:
            counted = peer.send(frame)
            proven = nl.get(peer.key_state(), 'KEY_PROVEN') is not None
            if v['expect'] == 'accept':
                if not proven or 'RX_DECRYPT_FAIL' in counted:
                    problems.append('not opened: %s' % counted)
            elif v['expect'] == 'ErrAEAD':
                if proven or counted != ['RX_DECRYPT_FAIL']:
                    problems.append('counted as %s, proven: %s' % (counted, proven))
            else:
                problems.append('unknown expectation ' + v['expect'])
        peer.remove()
        tap.result('pils_verdicts: ' + v['name'], problems)


def inner_packets():
    packets = socket.socket(socket.AF_PACKET, socket.SOCK_DGRAM, socket.htons(ETH_P_PILOT))
    packets.bind((DEVICE, ETH_P_PILOT))
    packets.settimeout(3)
    for v in load('inner_packets'):
        problems = []
        inner = bytes.fromhex(v['bytes'])
        src = int.from_bytes(inner[6:10], 'big')
        peer = Peer(src or 0x22222222, os.urandom(32))
        counter = 0
        # As it is, and with bytes past its stated length.
        for tail in (b'', b'\xaa\xbb\xcc'):
            counter += 1
            counted = peer.send(frames.seal(peer.key, peer.node, b'abcd', counter, inner + tail))
            if 'keepalive' in v['name']:
                if counted != ['RX_KEEPALIVE']:
                    problems.append('counted as %s' % counted)
                continue
            if counted != ['RX_PACKETS']:
                problems.append('counted as %s' % counted)
                continue
            got = packets.recv(65535)
            if got != inner:
                problems.append('delivered %s' % got.hex())
        # Cut short, and from another node than it says.
        if peer.send(frames.seal(peer.key, peer.node, b'abcd', 3, inner[:-1])) != ['RX_MALFORMED']:
            problems.append('a truncated packet is not counted as malformed')
        if src:
            other = Peer(0x33333333, os.urandom(32))
            counted = other.send(frames.seal(other.key, other.node, b'abcd', 1, inner))
            if counted != ['RX_SPOOFED']:
                problems.append('from another sender it counts as %s' % counted)
            other.remove()
        packets.setblocking(False)
        try:
            problems.append('unexpectedly delivered: %s' % packets.recv(65535).hex())
        except BlockingIOError:
            pass
        packets.settimeout(3)
        peer.remove()
        tap.result('inner_packets: ' + v['name'], problems)


def send_inner():
    """A Pilot packet written to the device reaches the node it names."""
    problems = []
    peer = Peer(2, os.urandom(32))
    # What came for the peers before would not open with this key.
    udp.setblocking(False)
    try:
        while True:
            udp.recv(65535)
    except BlockingIOError:
        pass
    # Teach the device where we are.
    peer.send(frames.seal(peer.key, 2, b'abcd', 1))
    inner = bytearray(34)
    inner[0], inner[1] = 0x10, 2
    inner[6:10] = struct.pack('>I', OWN)
    inner[12:16] = struct.pack('>I', 2)
    packets = socket.socket(socket.AF_PACKET, socket.SOCK_DGRAM, socket.htons(ETH_P_PILOT))
    packets.sendto(bytes(inner), (DEVICE, ETH_P_PILOT, 0, 0, b''))
    udp.settimeout(3)
    texts = []
    try:
        while bytes(inner) not in texts:
            sender, _, _, text = frames.open_frame(peer.key, udp.recv(65535))
            texts.append(text)
            if sender != OWN:
                problems.append('sent as node %d' % sender)
    except TimeoutError:
        problems.append('not received; what came: %s' % [t.hex() for t in texts])
    except ValueError as e:
        problems.append('not opened: %r' % e)
    udp.settimeout(None)
    peer.remove()
    tap.result('a Pilot packet written to the device is sealed for its node', problems)


def windows(name, steps, node):
    """steps: (prefix, counter, verdict, greatest counter of the newest epoch or None)"""
    problems = []
    peer = Peer(node, os.urandom(32))
    greatest = None
    for i, (prefix, counter, verdict, newest_max) in enumerate(steps):
        counted = peer.send(frames.seal(peer.key, peer.node, prefix, counter))
        if counted != [VERDICT_STATS[verdict]]:
            problems.append('step %d: %s %d should be %s, counted as %s' %
                            (i, prefix.hex(), counter, verdict, counted))
        if newest_max is not None:
            key = peer.key_state()
            greatest = key and nl.number(key, 'KEY_RX_COUNTER')
            if greatest != newest_max:
                problems.append('step %d: greatest counter is %s, not %s' % (i, greatest, newest_max))
    peer.remove()
    tap.result(name, problems)


def replay():
    for i, v in enumerate(load('replay')):
        last = len(v['counters']) - 1
        windows('replay: ' + v['name'],
                [(b'wxyz', int(c), verdict, int(v['max_after']) if k == last else None)
                 for k, (c, verdict) in enumerate(zip(v['counters'], v['verdicts']))],
                1000 + i)


def epochs():
    for i, v in enumerate(load('epochs')):
        windows('epochs: ' + v['name'],
                [(bytes.fromhex(s['prefix']), int(s['counter']), s['verdict'], int(s['newest_max']))
                 for s in v['steps']],
                2000 + i)


tap = Tap()
nl = Genl()
dev = nl.attr('IFNAME', DEVICE)
udp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
udp.bind(('127.0.0.1', 0))
for part in (pils, pils_verdicts, inner_packets, send_inner, replay, epochs):
    part()
print('1..%d' % tap.n)
sys.exit(tap.failed != 0)
