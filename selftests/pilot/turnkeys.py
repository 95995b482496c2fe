#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""usage: turnkeys.py NETNS1 NETNS2 ADDRESS SECONDS

Gives nodes 1 and 2 one new key after the other, from one CPU, while node 1 sends to
ADDRESS from another: keys change their slots while node 2 looks for those of frames. Each
frame has to be opened; none is under way under a key that makes way for good.

A new key is node 2's first, whose probe node 1 cannot open; node 1's has both go over."""
import os
import signal
import socket
import sys
import time

import genl
from carry import enter

FIRST = 1 << 20  # name of a key
PATIENCE = 30   # s; emulated machines are slow


class Node:
    """A node as netlink has it; its only peer is the other one."""

    def __init__(self, ns, peer):
        enter(ns)
        self.nl, self.peer = genl.Genl(), peer
        self.dev = self.nl.attr('IFNAME', 'pilot0')

    def set_key(self, name, secret):
        self.nl.request('KEY_SET', self.dev, self.nl.nest(
            'KEY', self.nl.u32('KEY_NODE_ID', self.peer), self.nl.u32('KEY_ID', name),
            self.nl.attr('KEY_SECRET', secret)))

    def show(self):
        reply = self.nl.request('PEER_GET', self.dev, self.nl.nest(
            'PEER', self.nl.u32('PEER_NODE_ID', self.peer)))[0]
        return self.nl.get(reply, 'PEER')

    def stat(self, name):
        stats = self.nl.get(self.show(), 'PEER_STATS')
        return self.nl.number(stats, 'STATS_' + name) or 0

    def sends_under(self, name):
        for key in self.nl.all(self.show(), 'PEER_KEY'):
            if self.nl.number(key, 'KEY_ID') == name:
                return self.nl.number(key, 'KEY_SLOT') == self.nl.values['PILOT_SLOT_CURRENT']
        return False


def wait_for(what, done):
    end = time.monotonic() + PATIENCE
    while not done():
        if time.monotonic() > end:
            sys.exit(what)


def send(address):
    os.sched_setaffinity(0, {0})
    sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    sock.connect((address, 9))
    while True:
        try:
            sock.send(bytes(64))
        except OSError:
            pass    # nobody listens there, and says so


def main():
    ns1, ns2, address, seconds = sys.argv[1:]
    two, one = Node(ns2, 1), Node(ns1, 2)
    os.sched_setaffinity(0, {max(os.sched_getaffinity(0))})

    def arrived():
        return sum(two.stat('RX_' + what) for what in ('PACKETS', 'OUTSIDE_WINDOW', 'DECRYPT_FAIL'))

    def not_opened():
        return two.stat('RX_DECRYPT_FAIL')

    ahead, before = one.stat('TX_PACKETS') - arrived(), not_opened()
    sender = os.fork()
    if not sender:
        send(address)
    turns, end = 0, time.monotonic() + float(seconds)
    try:
        while time.monotonic() < end:
            turns += 1
            name, secret = FIRST + turns, os.urandom(32)
            two.set_key(name, secret)
            one.set_key(name, secret)
            wait_for('a node does not go over',
                     lambda: two.sends_under(name) and one.sends_under(name))
            # One may be sealed and not counted yet.
            sent = one.stat('TX_PACKETS') + 2
            wait_for('nothing arrives', lambda: arrived() + ahead >= sent)
    finally:
        os.kill(sender, signal.SIGKILL)
        os.waitpid(sender, 0)
    lost = not_opened() - before
    print('%d keys, %d packets, %d of them not opened' % (turns, one.stat('TX_PACKETS'), lost))
    sys.exit(lost > 0 or turns < 20)


main()
