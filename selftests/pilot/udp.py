#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""Numbered datagrams: which arrive, and in which order.

  udp.py send ADDRESS PORT RATE FILE   RATE a second until FILE exists (0: as
                                       fast as can be), then says how many
  udp.py count ADDRESS PORT N          N at once
  udp.py receive PORT FILE             until FILE exists, and as many came as stand
                                       in it, if any do, or none for long; then
                                       says: received R of N, late L, doubled D

The receiver tells every now and then how far it got, and the sender is never
more than WINDOW ahead, so that no buffer overflows.
"""
import os
import select
import socket
import struct
import sys
import time

SIZE = 200
WINDOW = 128      # of the 256 that a veth with NAPI holds
SO_RCVBUFFORCE = 33
PATIENCE = 30


def datagram(n):
    return struct.pack('>Q', n) + bytes(SIZE - 8)


def client(address, port):
    info = socket.getaddrinfo(address, int(port), type=socket.SOCK_DGRAM)[0]
    sock = socket.socket(info[0], socket.SOCK_DGRAM)
    sock.connect(info[4])
    return sock


def send(address, port, rate, path):
    sock, n, got, begun = client(address, port), 0, 0, time.monotonic()
    while n % 16 or not os.path.exists(path):
        sock.send(datagram(n))
        n += 1
        if n == 1:
            print('begun', flush=True)
        while n - got >= WINDOW:
            if select.select([sock], [], [], 5)[0]:
                got = struct.unpack('>Q', sock.recv(8))[0]
            else:   # a report was lost
                got = n
        ahead = n / float(rate) - (time.monotonic() - begun) if float(rate) else 0
        if ahead > 0:
            time.sleep(ahead)
    print('sent', n)


def count(address, port, n):
    sock = client(address, port)
    for i in range(int(n)):
        sock.send(datagram(i))


def receive(port, path):
    sock = socket.socket(socket.AF_INET6, socket.SOCK_DGRAM)
    sock.setsockopt(socket.SOL_SOCKET, SO_RCVBUFFORCE, 1 << 22)
    sock.bind(('::', int(port)))
    sock.settimeout(0.2)
    print('ready', flush=True)
    seen, top, late, doubled, last = set(), -1, 0, 0, time.monotonic()
    while True:
        try:
            data, sender = sock.recvfrom(2048)
        except socket.timeout:
            if os.path.exists(path):
                with open(path, encoding='ascii') as f:
                    if len(seen) >= int(f.read() or 0) or time.monotonic() - last > PATIENCE:
                        break
            continue
        last = time.monotonic()
        n = struct.unpack_from('>Q', data)[0]
        if n % (WINDOW // 8) == 0:
            sock.sendto(struct.pack('>Q', n), sender)
        late += n < top
        doubled += n in seen
        seen.add(n)
        top = max(top, n)
    print('received %d of %d, late %d, doubled %d' % (len(seen), top + 1, late, doubled))


if len(sys.argv) < 2 or sys.argv[1] not in ('send', 'count', 'receive'):
    sys.exit(__doc__)
globals()[sys.argv[1]](*sys.argv[2:])
