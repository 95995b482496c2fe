#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""usage: beacon.py ADDRESS PORT NODE=ADDRESS:PORT...

The relaying half of a beacon (protocol.rst section 7), for nodes it is told of:
05 sender destination frame becomes 06 sender frame at the destination. What the
kernel has merged (UDP_GRO) goes on merged (UDP_SEGMENT)."""
import socket
import struct
import sys

nodes = {}
for arg in sys.argv[3:]:
    node, address = arg.split('=')
    host, port = address.rsplit(':', 1)
    nodes[int(node)] = (host, int(port))
sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
sock.bind((sys.argv[1], int(sys.argv[2])))
UDP_SEGMENT, UDP_GRO = 103, 104
sock.setsockopt(socket.SOL_UDP, UDP_GRO, 1)
sock.setsockopt(socket.SOL_SOCKET, 33, 1 << 22)   # SO_RCVBUFFORCE
print('ready', flush=True)
while True:
    data, ctl, _, source = sock.recvmsg(1 << 17, 64)
    if data[:1] != b'\x05' or len(data) < 13:
        continue
    size = struct.unpack('i', ctl[0][2][:4])[0] if ctl else len(data)
    sender, destination = struct.unpack('>II', data[1:9])
    if nodes.get(sender) == source and destination in nodes:
        # datagrams from one source to one port: all of one node, but not to one
        parts = [data[i:i + size] for i in range(0, len(data), size)]
        if any(p[5:9] != data[5:9] for p in parts):
            sys.exit('beacon.py: merged frames to several nodes are not for this beacon')
        sock.sendmsg([b'\x06' + p[1:5] + p[9:] for p in parts],
                     [(socket.SOL_UDP, UDP_SEGMENT, struct.pack('H', size - 4))] if ctl else [], 0,
                     nodes[destination])
