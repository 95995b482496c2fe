#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""Node 1 as the reference would be: sends the control packets of
vectors/inner_packets.json to node 2, and compares what comes back.

  pings.py KEYFILE ADDRESS VECTORS   prints a TAP-like line per case; exits 1
                                     if one is wrong
"""
import json
import os
import socket
import struct
import sys
import time
import zlib

from frames import open_frame, read_key, seal

SELF, PEER = 1, 2
SYN, ACK, FIN, RST = 1, 2, 4, 8
CONTROL = 3
PATIENCE = 30   # s for an answer; emulated machines are slow
LIMIT = 20      # answers a second, and at once


def packet(flags=0, src=SELF, dst=PEER, sport=0, dport=0, seq=0, ack=0, payload=b'',
           proto=CONTROL, net=0):
    def header(crc):
        return struct.pack('>BBHHIHIHHIIHI', 0x10 | flags, proto, len(payload), net, src, net,
                           dst, sport, dport, seq, ack, 0, crc)
    return header(zlib.crc32(header(0) + payload)) + payload


class Node:
    def __init__(self, key, address):
        self.key = read_key(key)
        self.sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.sock.bind(('', 37737))
        self.sock.connect((address, 37736))
        self.prefix = os.urandom(4)
        self.counter = 0
        self.last = 0

    def sealed(self, plaintext):
        self.counter += 1
        return seal(self.key, SELF, self.prefix, self.counter, plaintext)

    def send(self, plaintext):
        self.sock.send(self.sealed(plaintext))

    def answers(self, expected=0, seconds=0.7):
        """As many as expected, and what comes until nothing came for a while;
        its own signs of life, from port 0 to port 0, left out."""
        out = []
        while True:
            self.sock.settimeout(seconds if len(out) >= expected else PATIENCE)
            try:
                frame = self.sock.recv(65535)
            except socket.timeout:
                return out
            if frame[:4] != b'PILS':
                continue
            sender, _, _, text = open_frame(self.key, frame)
            assert sender == PEER
            if not text or any(text[16:20]) or (text[0] != 0x10 and len(text) != 34):
                out.append(text)
                self.last = time.monotonic()


def main():
    node = Node(sys.argv[1], sys.argv[2])
    vectors = {v['name'].split(' (')[0].split(' ')[0] + str(i): bytes.fromhex(v['bytes'])
               for i, v in enumerate(json.load(open(sys.argv[3])))}
    old, probe, pong, ping = (vectors[n] for n in
                              ('nat-keepalive1', 'path-probe2', 'pong3', 'ping4'))
    bad = 0

    def case(name, sent, wanted):
        nonlocal bad
        node.send(sent)
        got = node.answers(len(wanted))
        fine = got == wanted
        bad += not fine
        print('%s %s' % ('good' if fine else 'WRONG', name))
        if not fine:
            print('  wanted', [w.hex() for w in wanted], 'got', [g.hex() for g in got])

    # proves the key, so that no probes come in between
    node.send(packet(src=SELF, dst=0))
    node.answers(seconds=2)
    case('the path probe of the reference', probe, [pong])
    case('its ping', ping, [packet(ACK, PEER, SELF, 0, 50000, 0, 8, b'hi')])
    case('the old keepalive, of node 0: an empty frame', old, [b''])
    big = os.urandom(3000)
    case('a big one, which goes in fragments', packet(sport=7, seq=0xffffffff, payload=big),
         [packet(ACK, PEER, SELF, 0, 7, 0, 0, big)])
    case('SYN, FIN and RST do not matter', packet(SYN | FIN | RST, sport=7),
         [packet(ACK, PEER, SELF, 0, 7, 0, 1)])
    case('in another network: swapped too', packet(sport=7, net=9),
         [packet(ACK, PEER, SELF, 0, 7, 0, 1, net=9)])
    case('bytes past the stated length are nothing', packet(sport=7) + b'tail',
         [packet(ACK, PEER, SELF, 0, 7, 0, 1)])
    case('ACK is never answered', packet(ACK, sport=7), [])
    case('nor is ACK to port 0 from port 0', packet(ACK), [])
    wrong = bytearray(ping)
    wrong[33] ^= 1
    case('a wrong checksum is not', bytes(wrong), [])
    wrong = bytearray(ping)
    wrong[-1] ^= 1
    case('nor one over another payload', bytes(wrong), [])
    case('another source is not', packet(src=3, sport=7), [])
    case('another destination is not', packet(dst=4, sport=7), [])
    case('another port is not', packet(sport=7, dport=7), [])
    case('a datagram to port 0 is not', packet(sport=7, proto=2), [])
    case('nor is a stream', packet(sport=7, proto=1), [])
    node.answers(seconds=1.2)
    frames = [node.sealed(packet(sport=7, seq=i)) for i in range(100)]
    begun = time.monotonic()
    for frame in frames:
        node.sock.send(frame)
    n = len(node.answers(LIMIT, 2))
    # They count when they are dealt with, which may be later than they are sent.
    took = node.last - begun
    fine = LIMIT <= n <= LIMIT * (1 + took) + 1
    bad += not fine
    print('%s of 100 in %.2f s %d are answered' % ('good' if fine else 'WRONG', took, n))
    case('and the next after that', ping, [packet(ACK, PEER, SELF, 0, 50000, 0, 8, b'hi')])
    sys.exit(bool(bad))


main()
