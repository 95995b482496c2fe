#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""usage: scale.py DEVICE FIRST COUNT: adds peers FIRST... with an endpoint and
a key each, and prints the milliseconds and the kernel memory per peer it
took."""

import os
import socket
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


def drain(sock):
    """Reads all that is there; any error ends the test."""
    try:
        while True:
            data, at = sock.recv(1 << 18, socket.MSG_DONTWAIT), 0
            while at < len(data):
                length, kind = struct.unpack_from('=IH', data, at)
                if kind == genl.NLMSG_ERROR and struct.unpack_from('=i', data, at + 16)[0]:
                    sys.exit('refused: errno %d' % -struct.unpack_from('=i', data, at + 16)[0])
                at += (length + 3) & ~3
    except BlockingIOError:
        pass


def main():
    device, first, count = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
    nl = genl.Genl()
    name = nl.attr('IFNAME', device.encode() + b'\0')

    def messages(node):
        yield 'PEER_NEW', nl.nest(
            'PEER', nl.u32('PEER_NODE_ID', node),
            nl.nest('PEER_ENDPOINT',
                    nl.attr('ENDPOINT_IPV4', struct.pack('>I', 0x0a000000 + node)),
                    nl.be16('ENDPOINT_PORT', 37736)))
        yield 'KEY_SET', nl.nest(
            'KEY', nl.u32('KEY_NODE_ID', node),
            nl.attr('KEY_SECRET', os.urandom(32)))

    for command, nest in messages(first):  # what is allocated once
        nl.request(command, name, nest)

    # Built beforehand: what is measured is the kernel.
    batches, batch = [], b''
    for node in range(first + 1, first + count):
        for command, nest in messages(node):
            payload = struct.pack('=BBH', nl.values['PILOT_CMD_' + command], 1, 0) + name + nest
            batch += struct.pack('=IHHII', 16 + len(payload), nl.family,
                                 genl.NLM_F_REQUEST | genl.NLM_F_ACK, node, 0) + payload
        if (node - first) % 32 == 0 or node == first + count - 1:
            batches.append(batch)
            batch = b''
    before, begun = memory(), time.monotonic()
    for batch in batches:
        nl.sock.send(batch)  # handled when this returns
        drain(nl.sock)
    took = time.monotonic() - begun
    print('ms=%d bytes_per_peer=%d' % (took * 1000, (memory() - before) / (count - 1)))


main()
