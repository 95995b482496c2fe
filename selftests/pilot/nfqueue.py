#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""usage: nfqueue.py QUEUE whole|cut

Accepts all packets of a queue of nftables; "whole": super-packets as they are,
else the kernel cuts them first. Prints "ready"."""
import socket
import struct
import sys

MSG_PACKET, MSG_VERDICT, MSG_CONFIG = 0x300, 0x301, 0x302
queue = int(sys.argv[1])
sock = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, 12)   # NETLINK_NETFILTER
sock.setsockopt(socket.SOL_SOCKET, 33, 1 << 24)
sock.setsockopt(270, 5, 1)   # NETLINK_NO_ENOBUFS
sock.bind((0, 0))


def send(kind, flags, *attrs):
    body = struct.pack('>BBH', 0, 0, queue)
    for number, value in attrs:
        body += struct.pack('=HH', 4 + len(value), number) + value + bytes(-len(value) % 4)
    sock.send(struct.pack('=IHHII', 16 + len(body), kind, 1 | flags, 0, 0) + body)


def config(*attr):
    send(MSG_CONFIG, 4, attr)
    error = struct.unpack_from('=i', sock.recv(4096), 16)[0]
    if error:
        sys.exit('nfqueue.py: error %d for attribute %d' % (error, attr[0]))


config(1, struct.pack('>BBH', 1, 0, 0))          # bind
config(2, struct.pack('>IB', 64, 1))             # copy no more than headers
config(3, struct.pack('>I', 8192))               # length of the queue
if sys.argv[2] == 'whole':
    send(MSG_CONFIG, 4, (5, struct.pack('>I', 4)), (4, struct.pack('>I', 4)))   # GSO
    if struct.unpack_from('=i', sock.recv(4096), 16)[0]:
        sys.exit('nfqueue.py: GSO is refused')
print('ready', flush=True)
while True:
    data = sock.recv(1 << 17)
    while len(data) >= 20:
        length, kind = struct.unpack_from('=IH', data)
        at = 20
        while kind == MSG_PACKET and at < length:
            size, number = struct.unpack_from('=HH', data, at)
            if number == 1:   # the header: id first
                send(MSG_VERDICT, 0, (2, struct.pack('>I', 1) + data[at + 4:at + 8]))
                break
            at += size + 3 & ~3
        data = data[length + 3 & ~3:]
