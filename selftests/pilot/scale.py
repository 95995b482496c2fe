#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""usage: scale.py DEVICE FIRST COUNT: adds peers FIRST... with an endpoint and
a key each, and prints the milliseconds and the kernel memory per peer it
took."""

import os
import struct
import sys
import time

import genl


def memory():
    """Bytes of slab, per-CPU and vmalloc memory, and of whole pages given to
    the kernel."""
    info = {}
    for line in open('/proc/meminfo'):
        name, value = line.split(':')
        info[name] = int(value.split()[0]) * 1024
    return info['Slab'] + info['Percpu'] + info['VmallocUsed']


def main():
    device, first, count = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
    nl = genl.Genl()
    name = nl.attr('IFNAME', device.encode() + b'\0')

    def add(node):
        nl.request('PEER_NEW', name, nl.nest(
            'PEER', nl.u32('PEER_NODE_ID', node),
            nl.nest('PEER_ENDPOINT',
                    nl.attr('ENDPOINT_IPV4', struct.pack('>I', 0x0a000000 + node)),
                    nl.be16('ENDPOINT_PORT', 37736))))
        nl.request('KEY_SET', name, nl.nest(
            'KEY', nl.u32('KEY_NODE_ID', node),
            nl.attr('KEY_SECRET', os.urandom(32))))

    add(first)  # what is allocated once
    before, begun = memory(), time.monotonic()
    for node in range(first + 1, first + count):
        add(node)
    took = time.monotonic() - begun
    print('ms=%d bytes_per_peer=%d' % (took * 1000, (memory() - before) / (count - 1)))


main()
