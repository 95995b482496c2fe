#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""usage: peers.py DEVICE FIRST COUNT: adds peers FIRST..., each with an
endpoint, a key and an allowed prefix."""

import os
import struct
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), '../pilot'))
import genl  # pylint: disable=wrong-import-position


def main():
    device, first, count = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
    nl = genl.Genl()
    name = nl.attr('IFNAME', device.encode() + b'\0')
    for node in range(first, first + count):
        nl.request('PEER_NEW', name, nl.nest(
            'PEER', nl.u32('PEER_NODE_ID', node),
            nl.nest('PEER_ENDPOINT',
                    nl.attr('ENDPOINT_IPV4', struct.pack('>I', 0x0a010000 + node)),
                    nl.be16('ENDPOINT_PORT', 37736)),
            nl.nest('PEER_ALLOWED_IP',
                    nl.attr('ALLOWED_IP_IPV4', struct.pack('>I', 0x0a090000 + node)),
                    nl.u8('ALLOWED_IP_PREFIX', 32))))
        nl.request('KEY_SET', name, nl.nest(
            'KEY', nl.u32('KEY_NODE_ID', node),
            nl.attr('KEY_SECRET', struct.pack('>I', node) * 8)))


main()
