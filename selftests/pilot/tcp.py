#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""tcp.py receive ADDRESS PORT
tcp.py send ADDRESS PORT BYTES [MARKER]: random data over TCP.

Both sides print the number of bytes and their SHA-256. Data is binary and
does not repeat within a window, so that loss, reordering and duplication show.
MARKER, if given, stands in it every 64 KiB.
"""
import hashlib
import ipaddress
import os
import random
import socket
import sys

CHUNK = 1 << 16


def data(total, marker):
    rng = random.Random(os.urandom(8))
    block = rng.randbytes(CHUNK)
    sent = 0
    while sent < total:
        n = min(CHUNK, total - sent)
        # A fresh head per block keeps the blocks apart without drawing all.
        yield (marker + rng.randbytes(64) + block)[:n]
        sent += n


def main():
    role, address, port = sys.argv[1], sys.argv[2], int(sys.argv[3])
    v6 = ipaddress.ip_address(address).version == 6
    family = socket.AF_INET6 if v6 else socket.AF_INET
    digest, total = hashlib.sha256(), 0
    sock = socket.socket(family, socket.SOCK_STREAM)
    sock.settimeout(90)
    if role == 'receive':
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        sock.bind((address, port))
        sock.listen(1)
        conn, _ = sock.accept()
        conn.settimeout(90)
        while True:
            block = conn.recv(CHUNK)
            if not block:
                break
            digest.update(block)
            total += len(block)
        conn.close()
    else:
        sock.connect((address, port))
        for block in data(int(sys.argv[4]), ''.join(sys.argv[5:]).encode()):
            sock.sendall(block)
            digest.update(block)
            total += len(block)
        sock.shutdown(socket.SHUT_WR)
        # The peer closes when it has it all: do not report before.
        sock.recv(1)
        sock.close()
    print(total, digest.hexdigest())


main()
