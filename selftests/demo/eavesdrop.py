#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""eavesdrop.py UNDERLAY.pcap INSIDE.pcap MARKER

What is in the UDP datagrams of UNDERLAY? Fails if there is anything but PILA
and PILS frames, any other traffic than theirs, or MARKER anywhere in a packet.
INSIDE is a capture of the tunnel device, where MARKER must be found: else the
search proves nothing.
"""
import collections
import os
import struct
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), '../pilot'))
from frames import udp_payload

LINK_HEADER = {1: 14, 101: 0, 113: 16, 276: 20}


def packets(path):
    """IP packets (and others) of a pcap file: (link type, bytes)."""
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
            captured, length = struct.unpack(order + 'II', record[8:])
            data = f.read(captured)
            if captured < length:
                sys.exit('%s: packets are cut short' % path)
            yield link, data


def main():
    underlay, inside, marker = sys.argv[1], sys.argv[2], sys.argv[3].encode()
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


main()
