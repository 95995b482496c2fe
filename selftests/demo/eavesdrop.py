#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""What somebody on the way sees of a tunnel.

  eavesdrop.py ladder UNDERLAY.pcap ADDRESS1 COUNT
        the first COUNT frames between node 1, at ADDRESS1, and node 2
  eavesdrop.py nonces UNDERLAY.pcap
        fails if two PILS frames have the same nonce: prefix and counter
  eavesdrop.py search UNDERLAY.pcap INSIDE.pcap MARKER
        fails if there is anything but PILA and PILS frames in UNDERLAY, any other
        traffic than theirs, or MARKER anywhere in a packet. INSIDE is a capture of
        the tunnel device, where MARKER must be found: else the search proves nothing
"""
import collections
import os
import socket
import struct
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), '../pilot'))
from frames import udp_payload

LINK_HEADER = {1: 14, 101: 0, 113: 16, 276: 20}


def packets(path, times=False):
    """IP packets (and others) of a pcap file: (link type, bytes), and when."""
    with open(path, 'rb') as f:
        head = f.read(24)
        order = {b'\xd4\xc3\xb2\xa1': '<', b'\xa1\xb2\xc3\xd4': '>'}.get(head[:4])
        if not order:
            sys.exit('%s: not a pcap file' % path)
        link = struct.unpack(order + 'I', head[20:24])[0] & 0xffff
        while True:
            record = f.read(16)
            if len(record) < 16:
                return
            seconds, micros, captured, length = struct.unpack(order + 'IIII', record)
            data = f.read(captured)
            if len(data) < captured:
                return  # it is still being written
            if captured < length:
                sys.exit('%s: packets are cut short' % path)
            yield (link, data, seconds + micros / 1e6) if times else (link, data)


def search(underlay, inside, marker):
    marker = marker.encode()
    kinds, sizes, bad, leaks = collections.Counter(), collections.Counter(), [], 0
    # Ping carries the first 16 bytes only.
    needles = (marker, marker[:16])
    for link, data in packets(underlay):
        if any(n in data for n in needles):
            leaks += 1
        if link == 1:
            ethertype = struct.unpack_from('>H', data, 12)[0]
            if ethertype == 0x0806:
                kinds['ARP'] += 1
                continue
        ip = data[LINK_HEADER[link]:]
        if ip[0] >> 4 == 6 and ip[6] in (0, 58):
            kinds['IPv6 neighbour discovery'] += 1
            continue
        if ip[0] >> 4 == 4 and ip[9] == 1 and ip[20] == 3:
            # A frame came before the other daemon listened: judge the quote.
            quoted = udp_payload(ip[28:])
            if quoted and quoted[1][:4] in (b'PILA', b'PILS'):
                kinds['ICMP port unreachable, quoting ' + quoted[1][:4].decode()] += 1
                continue
        got = udp_payload(ip)
        if not got:
            bad.append('not UDP: ' + ip[:40].hex())
            continue
        magic = got[1][:4]
        if magic not in (b'PILA', b'PILS'):
            bad.append('UDP to port %d: %s' % (got[0], got[1][:40].hex()))
            continue
        kinds[magic.decode()] += 1
        sizes[magic.decode()] += len(got[1])
    seen_inside = sum(any(n in d for n in needles) for _, d in packets(inside))
    for kind, n in sorted(kinds.items()):
        print('%8d  %s%s' % (n, kind, ', %d bytes' % sizes[kind] if sizes[kind] else ''))
    for b in bad[:5]:
        print('unexpected:', b)
    print('the marker text is in %d packets on the router, in %d on the tunnel device'
          % (leaks, seen_inside))
    if bad or leaks:
        sys.exit(1)
    if not seen_inside or not kinds['PILA'] or not kinds['PILS']:
        print('nothing to see: the check itself failed')
        sys.exit(1)
    print('%d PILA, %d PILS, no plaintext' % (kinds['PILA'], kinds['PILS']))


def frames(path):
    """Tunnel frames: (seconds since the first, source address, frame)."""
    first = None
    for link, data, when in packets(path, times=True):
        ip = data[LINK_HEADER[link]:]
        if ip[0] >> 4 != 4 or ip[9] != 17:
            continue
        got = udp_payload(ip)
        if got and got[1][:3] == b'PIL':
            first = when if first is None else first
            yield when - first, socket.inet_ntoa(ip[12:16]), got[1]


def describe(frame):
    """What an eavesdropper can say of a frame."""
    node = struct.unpack_from('>I', frame, 4)[0]
    if frame[:4] == b'PILA':
        return 'I am node %d; X25519 key %s..., signed' % (node, frame[8:11].hex())
    if frame[:4] == b'PILS':
        prefix, counter = struct.unpack_from('>IQ', frame, 8)
        inside = len(frame) - 36
        what = {0: 'nothing', 34: '34 bytes, as a keepalive'}.get(inside, '%d bytes' % inside)
        return 'nonce %08x:%d, sealed: %s' % (prefix, counter, what)
    return frame[:4].decode('ascii', 'replace')


def ladder(underlay, address1, count):
    print('  time      node 1                node 2')
    for _, (when, source, frame) in zip(range(int(count)), frames(underlay)):
        name = '%s %d' % (frame[:4].decode('ascii', 'replace'), len(frame))
        arrow = ('|--- %s ' % name).ljust(20, '-') + '->|' if source == address1 else \
            '|<' + (' %s ---|' % name).rjust(21, '-')
        print('%7.3f s   %s  %s' % (when, arrow, describe(frame)))


def nonces(underlay):
    seen, prefixes = collections.Counter(), set()
    for _, _, frame in frames(underlay):
        if frame[:4] == b'PILS':
            seen[frame[4:20]] += 1
            prefixes.add(frame[4:12])
    again = sum(n - 1 for n in seen.values())
    print('%d frames under %d nonce prefixes, %d nonces used again' % (sum(seen.values()), len(prefixes), again))
    sys.exit(again > 0 or not seen)


if len(sys.argv) < 2 or sys.argv[1] not in ('ladder', 'nonces', 'search'):
    sys.exit(__doc__)
globals()[sys.argv[1]](*sys.argv[2:])
