#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""usage: beacon.py ADDRESS PORT NODE=ADDRESS:PORT...

The relaying half of a beacon (protocol.rst section 7), for nodes it is told of:
05 sender destination frame becomes 06 sender frame at the destination."""
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
print('ready', flush=True)
while True:
    data, source = sock.recvfrom(65535)
    if data[:1] != b'\x05' or len(data) < 13:
        continue
    sender, destination = struct.unpack('>II', data[1:9])
    if nodes.get(sender) == source and destination in nodes:
        sock.sendto(b'\x06' + data[1:5] + data[9:], nodes[destination])
