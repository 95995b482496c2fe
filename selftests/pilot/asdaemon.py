#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""Tells the kernel what a daemon would, about a peer of pilot0.

  asdaemon.py key NODE FILE ID... keys of exchanges; each FILE holds a secret in
                                  base64, X25519 keys are made up from the ID
  asdaemon.py cooldown NODE MS    no answer: refuse packets for a while
  asdaemon.py probe NODE relay    a path probe through the beacon
  asdaemon.py insist NODE FILE    a new key again and again, until FILE exists; prints
                                  how each attempt ended, once for those alike in a row
  asdaemon.py when FILE ...       says "ready", and one of these as soon as FILE exists
"""
import base64
import os
import sys
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from genl import Genl  # noqa: E402

nl = Genl()
dev = nl.attr('IFNAME', 'pilot0')


def key(node, path, name, *more):
    with open(path, encoding='ascii') as f:
        secret = base64.b64decode(f.read())
    x25519 = bytes([int(name)]) * 32
    nl.request('KEY_SET', dev,
               nl.nest('KEY', nl.u32('KEY_NODE_ID', int(node)), nl.u32('KEY_ID', int(name)),
                       nl.attr('KEY_SECRET', secret), nl.attr('KEY_AUTHENTICATED', b''),
                       nl.attr('KEY_PEER_X25519', x25519),
                       nl.attr('KEY_LOCAL_X25519', x25519)))
    if more:
        key(node, *more)


def cooldown(node, ms):
    nl.request('PEER_SET', dev, nl.nest('PEER', nl.u32('PEER_NODE_ID', int(node)),
                                        nl.u32('PEER_COOLDOWN', int(ms))))


def probe(node, way):
    nl.request('PROBE', dev, nl.nest('FRAME', nl.u32('FRAME_NODE_ID', int(node)),
                                     nl.attr('FRAME_' + {'relay': 'RELAYED'}[way], b'')))


def insist(node, path):
    last = ''
    while not os.path.exists(path):
        got = nl.refusal('KEY_SET', dev, nl.nest('KEY', nl.u32('KEY_NODE_ID', int(node)),
                                                 nl.attr('KEY_SECRET', os.urandom(32))))
        now = '%s: %s' % got if got else 'installed'
        if now != last:
            print(now, flush=True)
        last = now


def when(path, command, *args):
    print('ready', flush=True)
    while not os.path.exists(path):
        time.sleep(0.01)
    globals()[command](*args)


globals()[sys.argv[1]](*sys.argv[2:])
