#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""Super-packets through a tunnel, compared byte for byte with a model of them.

  super.py cut NETNS1 NETNS2 COUNT [SEED]
        Injects super-packets into pilot0 of NETNS1, once as they are (the module
        cuts them) and once with segmentation offload off (the core does). What
        comes out of pilot0 of NETNS2 must be the same both times, and what the
        model makes of them. GRO must be off there.
  super.py merge NETNS1 NETNS2 ADDRESS KEYFILE COUNT [SEED]
        Seals batches of packets of several flows as node 1 and sends each as one
        datagram super-packet to ADDRESS. What comes out of pilot0 of NETNS2, cut
        by the model, must be the packets sent, flow by flow, in order.
  super.py merged NETNS1 NETNS2 ADDRESS KEYFILE tcp4|tcp6|udp4|udp6
        64 packets of one flow; prints how many came out.
  super.py send NETNS ADDRESS PORT SIZE COUNT
        One UDP super-packet of COUNT datagrams of SIZE bytes, numbered.
  super.py collect NETNS ADDRESS PORT COUNT [MS]
        "ready", then the numbers of that many of them, or those of that time."""
import ipaddress
import os
import random
import select
import socket
import struct
import subprocess
import sys
import time

from carry import UDP_SEGMENT, enter, family
import frames

PACKET_VNET_HDR, PACKET_IGNORE_OUTGOING = 15, 23
VNET = struct.Struct('=BBHHHH')   # flags, gso_type, hdr_len, gso_size, csum_start, csum_offset
NEEDS_CSUM, GSO_TCPV4, GSO_TCPV6, GSO_UDP_L4, GSO_ECN = 1, 1, 4, 5, 0x80
TCP, UDP = 6, 17
FIN, SYN, RST, PSH, ACK, URG, ECE, CWR = (1 << i for i in range(8))
MARK = 0xfeed   # destination port of the TCP packet that ends a case: UDP may overtake TCP
ADDRESS = {4: [ipaddress.ip_address('10.9.0.%d' % i).packed for i in (1, 2)],
           6: [ipaddress.ip_address('fd50:494c:4f54::%d' % i).packed for i in (1, 2)]}


# ---- the model

def checksum(data):
    if len(data) & 1:
        data += b'\0'
    return ~(int.from_bytes(data, 'big') % 65535 or 65535) & 0xffff


def layout(packet):
    """(version, offset of the transport header, protocol, length of all headers)"""
    if packet[0] >> 4 == 4:
        th, proto = (packet[0] & 15) * 4, packet[9]
        if struct.unpack_from('>H', packet, 6)[0] & 0x3fff:
            return 4, th, None, th
    else:
        th, proto = 40, packet[6]
        while proto in (0, 43, 60):
            proto, th = packet[th], th + 8 * (packet[th + 1] + 1)
    hlen = {TCP: lambda: th + (packet[th + 12] >> 4) * 4, UDP: lambda: th + 8}.get(proto, lambda: th)()
    return packet[0] >> 4, th, proto, hlen


def pseudo(packet, th, proto, length):
    addresses = packet[12:20] if packet[0] >> 4 == 4 else packet[8:40]
    return addresses + struct.pack('>II', length, proto)


def finish(packet, zero_udp=False):
    """Fills in lengths and checksums."""
    p = bytearray(packet)
    version, th, proto, _ = layout(packet)
    if version == 4:
        struct.pack_into('>H', p, 2, len(p))
        struct.pack_into('>H', p, 10, 0)
        struct.pack_into('>H', p, 10, checksum(bytes(p[:(p[0] & 15) * 4])))
    else:
        struct.pack_into('>H', p, 4, len(p) - 40)
    if proto in (TCP, UDP):
        at = th + (16 if proto == TCP else 6)
        if proto == UDP:
            struct.pack_into('>H', p, th + 4, len(p) - th)
        struct.pack_into('>H', p, at, 0)
        check = checksum(pseudo(p, th, proto, len(p) - th) + bytes(p[th:]))
        if proto == UDP:
            check = 0 if zero_udp else check or 0xffff
        struct.pack_into('>H', p, at, check)
    return bytes(p)


def cut(packet, size, ecn=True):
    """The packets a super-packet stands for. Not ecn: CWR is on all of them, which
    newer kernels merge for AccECN."""
    version, th, proto, hlen = layout(packet)
    out = []
    for n, at in enumerate(range(hlen, len(packet), size)):
        p = bytearray(packet[:hlen] + packet[at:at + size])
        if version == 4:
            struct.pack_into('>H', p, 4, (struct.unpack_from('>H', p, 4)[0] + n) & 0xffff)
        if proto == TCP:
            seq = struct.unpack_from('>I', p, th + 4)[0]
            struct.pack_into('>I', p, th + 4, (seq + n * size) & 0xffffffff)
            if at + size < len(packet):
                p[th + 13] &= ~(FIN | PSH)
            if n and ecn:
                p[th + 13] &= ~CWR
        out.append(finish(bytes(p)))
    return out


# ---- packets

def ip4(proto, payload, tos=0, ident=0, frag=0x4000, ttl=64, options=b'', way=0):
    a = ADDRESS[4]
    return struct.pack('>BBHHHBBH4s4s', 0x45 + len(options) // 4, tos, 0, ident, frag, ttl, proto,
                       0, a[way], a[1 - way]) + options + payload


def ip6(proto, payload, flow=0, hops=64, extension=b'', way=0):
    a = ADDRESS[6]
    if extension:
        extension, proto = bytes([proto]) + extension[1:], extension[0]
    return struct.pack('>IHBB16s16s', 6 << 28 | flow, 0, proto, hops, a[way],
                       a[1 - way]) + extension + payload


def tcp(payload, sport=1000, dport=2000, seq=1, ack=1, flags=ACK, window=500, urgent=0, options=b''):
    return struct.pack('>HHIIBBHHH', sport, dport, seq & 0xffffffff, ack, 0x50 + (len(options) << 2),
                       flags, window, 0, urgent) + options + payload


def udp(payload, sport=1000, dport=2000):
    return struct.pack('>HHHH', sport, dport, 0, 0) + payload


TCP_OPTIONS = (b'', bytes.fromhex('0101080a1234567890abcdef'), bytes.fromhex('01010101'),
               bytes.fromhex('0101080a00000001000000020101050a000000010000ffff'), b'\x01' * 40)
IP_OPTIONS = (b'', b'', bytes.fromhex('94040000'), b'\x01' * 40)


def draw_size(rng):
    return rng.choice((1, 7, 8, 9, 100, 259, 536, 1000, 1200, 1279, 1340, 1300 - rng.randrange(1200)))


SEGMENTS = 2, 3, 17, 18, 44, 63, 64, 65, 128, 129, 500


def draw_payload(rng, size, segments, most):
    """Some segments, of which the last is whole, of one byte, or of any length."""
    total = min(size * segments, most) - rng.choice((0, 0, size - 1, rng.randrange(size)))
    return rng.randbytes(max(total, size + 1))


def draw_super(rng, kind):
    """(packet with the checksum of its pseudo header only, segment size), of TCP or UDP."""
    size = max(draw_size(rng), 8)   # what virtio raises it to
    options = rng.choice(TCP_OPTIONS)
    ipopt = rng.choice(IP_OPTIONS)
    header = 8 if kind.startswith('udp') else 20 + len(options)
    size = min(size, 1400 - 40 - (len(ipopt) if kind.endswith('4') else 8) - header)
    segs = rng.choice(SEGMENTS)
    if kind.startswith('udp'):
        payload = draw_payload(rng, size, min(segs, 64), 60000)
        body, proto = udp(payload, rng.randrange(1, 65536)), UDP
    else:
        payload = draw_payload(rng, size, segs, 60800)
        flags = ACK
        for bit in (FIN, PSH, CWR, ECE, URG):
            flags |= bit if rng.random() < 0.3 else 0
        body = tcp(payload, rng.randrange(1, 65536), seq=rng.choice((1, 2 ** 32 - 1, 2 ** 32 - size,
                   2 ** 32 - len(payload) // 2, rng.getrandbits(32))), ack=rng.getrandbits(32),
                   flags=flags, window=rng.getrandbits(16), urgent=rng.randrange(9),
                   options=options)
        proto = TCP
    if kind.endswith('4'):
        # an identification that changes is there with DF and without
        packet = ip4(proto, body, rng.getrandbits(8) & 0xfc, rng.choice(
            (0, 1, 65535, 65535 - segs // 2, rng.getrandbits(16))), rng.choice((0, 0x4000)),
            rng.randrange(2, 256), ipopt)
    else:
        extension = rng.choice((b'', b'', b'', b'\x3c\0\x01\x04\0\0\0\0'))
        packet = ip6(proto, body, rng.getrandbits(20), rng.randrange(2, 256), extension)
    return partial(zero_second(packet, size) if proto == UDP else packet), size


def zero_second(packet, size):
    """Chooses two bytes of the second packet so that its checksum is 0, sent as ffff."""
    _, th, _, hlen = layout(packet)
    if len(packet) < hlen + size + 2 or size < 2:
        return packet
    p = bytearray(packet)
    p[hlen + size:hlen + size + 2] = b'\0\0'
    check = struct.unpack_from('>H', cut(bytes(p), size)[1], th + 6)[0]
    struct.pack_into('>H', p, hlen + size, check)
    assert struct.unpack_from('>H', cut(bytes(p), size)[1], th + 6)[0] == 0xffff
    return bytes(p)


def partial(packet):
    """Lengths, and the checksum of the pseudo header: what a stack hands down."""
    p = bytearray(finish(packet))
    _, th, proto, _ = layout(packet)
    at = th + (16 if proto == TCP else 6)
    struct.pack_into('>H', p, at, ~checksum(pseudo(p, th, proto, len(p) - th)) & 0xffff)
    return bytes(p)


def mark():
    return finish(ip4(TCP, tcp(b'', 1, MARK)))


# ---- sockets

def packet_socket():
    """Sends and receives nothing until it is bound: another interface's packets would."""
    sock = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, 0)
    sock.setsockopt(socket.SOL_SOCKET, 33, 1 << 26)
    sock.setsockopt(socket.SOL_SOCKET, 32, 1 << 24)
    return sock


class Tap:
    """What comes in on pilot0 of a namespace, with the offloads it has: the same
    packets by two sockets, as one that tells offloads loses those it has no name for."""

    def __init__(self, ns):
        enter(ns)
        self.socks = [packet_socket() for _ in range(2)]
        self.socks[0].setsockopt(263, PACKET_VNET_HDR, 1)
        for sock in self.socks:
            sock.setsockopt(263, PACKET_IGNORE_OUTGOING, 1)
            sock.bind(('pilot0', 3))
            sock.settimeout(30)

    def read(self):
        """(packet, segment size, its checksum is still to come, CWR is the first
        segment's only); size None: not told"""
        data = self.socks[1].recv(1 << 17)
        try:
            told = self.socks[0].recv(1 << 17)
        except TimeoutError:
            sys.exit('one tap has a packet more than the other')
        except OSError:   # 6.1: no name for UDP super-packets
            return data, None, NEEDS_CSUM, 0
        if told[VNET.size:] != data:
            sys.exit('the taps have not the same packets')
        flags, gso, _, size, _, _ = VNET.unpack_from(told)
        return data, size if gso else 0, flags & NEEDS_CSUM, gso & GSO_ECN

    def until_mark(self):
        got = []
        try:
            while True:
                packet = self.read()
                _, th, proto, _ = layout(packet[0])
                if proto == TCP and packet[0][th + 2:th + 4] == struct.pack('>H', MARK):
                    return got
                got.append(packet)
        except TimeoutError:
            sys.exit('the mark did not come; %d packets did' % len(got))


class Injector:
    """Hands super-packets to pilot0 of a namespace."""

    def __init__(self, ns):
        self.ns = ns
        enter(ns)
        self.sock = packet_socket()
        self.sock.setsockopt(263, PACKET_VNET_HDR, 1)
        self.sock.bind(('pilot0', 0))

    def can_udp(self):
        packet, size = draw_super(random.Random(1), 'udp4')
        try:
            self.send(packet, size)
        except OSError:
            return False
        return True

    def send(self, packet, size):
        version, th, proto, hlen = layout(packet)
        gso, offset = {(4, TCP): (GSO_TCPV4, 16), (6, TCP): (GSO_TCPV6, 16)}.get(
            (version, proto), (GSO_UDP_L4, 6))
        if proto == TCP and packet[th + 13] & CWR:
            gso |= GSO_ECN
        self.sock.sendto(VNET.pack(NEEDS_CSUM, gso, hlen, size, th, offset) + packet,
                         ('pilot0', 0x0800 if version == 4 else 0x86dd))

    def udp_case(self, rng, version):
        """(socket, payload, size): for where virtio has no name for UDP super-packets."""
        sock = socket.socket(socket.AF_INET if version == 4 else socket.AF_INET6, socket.SOCK_DGRAM)
        if version == 4:
            sock.setsockopt(socket.SOL_IP, socket.IP_TTL, rng.randrange(2, 256))
            sock.setsockopt(socket.SOL_IP, socket.IP_TOS, rng.getrandbits(8) & 0xfc)
            sock.setsockopt(socket.SOL_IP, 10, rng.choice((0, 2)))   # IP_MTU_DISCOVER
            options = rng.choice(IP_OPTIONS)
            if options and options[0] != 1:
                sock.setsockopt(socket.SOL_IP, socket.IP_OPTIONS, options)
        else:
            sock.setsockopt(41, socket.IPV6_UNICAST_HOPS, rng.randrange(2, 256))
            sock.setsockopt(41, socket.IPV6_TCLASS, rng.getrandbits(8) & 0xfc)
        sock.setsockopt(socket.SOL_SOCKET, 32, 1 << 22)
        sock.connect((str(ipaddress.ip_address(ADDRESS[version][1])), 2000))
        size = min(draw_size(rng), 1300)
        payload = draw_payload(rng, size, min(rng.choice(SEGMENTS), 64), 60000)
        make = ip4 if version == 4 else ip6
        packet = zero_second(make(UDP, udp(payload, sock.getsockname()[1])), size)
        return sock, packet[-len(payload):], size

    def send_udp(self, case):
        sock, payload, size = case
        sock.sendmsg([payload], [(socket.SOL_UDP, UDP_SEGMENT, struct.pack('H', size))])

    def end(self):
        self.sock.sendto(bytes(VNET.size) + mark(), ('pilot0', 0x0800))

    def offload(self, on):
        value = 'on' if on else 'off'
        subprocess.run(['ethtool', '-K', 'pilot0', 'tso', value, 'tx-udp-segmentation', value],
                       check=True, stdout=subprocess.DEVNULL)


# ---- cut

def differ(what, got, want):
    """Says how two lists of packets differ, if they do."""
    if got == want:
        return False
    if len(got) != len(want):
        print('%s: %d packets, %d expected' % (what, len(got), len(want)))
    for i, (a, b) in enumerate(zip(got, want)):
        if a != b:
            at = next((k for k, (x, y) in enumerate(zip(a, b)) if x != y), min(len(a), len(b)))
            print('%s: packet %d of %d differs at byte %d (%d bytes, %d expected)\n  %s\n  %s' %
                  (what, i, len(want), at, len(a), len(b), a[:100].hex(), b[:100].hex()))
            break
    return True


def settle(packet):
    """A checksum of TCP has two spellings of zero."""
    _, th, proto, _ = layout(packet)
    if proto == TCP and packet[th + 16:th + 18] == b'\xff\xff':
        return packet[:th + 16] + bytes(2) + packet[th + 18:]
    return packet


def without_id(packet):
    return packet if packet[0] >> 4 == 6 else packet[:4] + packet[6:10] + packet[12:]


def command_cut(ns1, ns2, count, seed=None):
    seed = int(seed) if seed else int(os.environ.get('SEED', '1'))
    print('seed', seed)
    rng, tap, injector = random.Random(seed), Tap(ns2), Injector(ns1)
    direct_udp = injector.can_udp()
    injector.end()
    tap.until_mark()
    cases = []
    for i in range(int(count)):
        kind = ('tcp4', 'tcp6', 'udp4', 'udp6')[i % 4]
        if kind.startswith('tcp') or direct_udp:
            cases.append((kind,) + draw_super(rng, kind))
        else:
            cases.append((kind, injector.udp_case(rng, int(kind[3])), None))
    results = []
    for on in (True, False):
        injector.offload(on)
        results.append([])
        for kind, case, size in cases:
            if size:
                injector.send(case, size)
            else:
                injector.send_udp(case)
            injector.end()
            results[-1].append(tap.until_mark())
    injector.offload(True)
    bad = packets = 0
    for i, (kind, case, size) in enumerate(cases):
        got, core = ([settle(p[0]) for p in r[i]] for r in results)
        if size:
            want = cut(case, size)
        else:
            # the first tells the headers; identifications differ from pass to pass
            want = []
            if got:
                hlen = layout(got[0])[3]
                want = cut(got[0][:hlen] + case[1], case[2])
            core, other = [without_id(p) for p in core], [without_id(p) for p in got]
        what = 'case %d, %s' % (i, kind)
        wrong = any(p[1] or p[2] for r in results for p in r[i])
        if wrong:
            print(what, 'came out as a super-packet')
        wrong |= differ(what + ', direct against core', got if size else other, core)
        wrong |= differ(what + ', direct against model', got, want) or not got
        bad += wrong
        packets += len(got)
        if bad > 5:
            break
    print('%d super-packets, %d packets; UDP by %s' %
          (len(cases), packets, 'packet socket' if direct_udp else 'socket'))
    return bad == 0


# ---- merge

class Batch:
    """Seals packets as node 1 and sends them as one datagram super-packet."""

    def __init__(self, ns, address, keyfile):
        enter(ns)
        self.key, self.prefix, self.counter = frames.read_key(keyfile), os.urandom(4), 0
        self.sock = socket.socket(family(address), socket.SOCK_DGRAM)
        self.sock.setsockopt(socket.SOL_SOCKET, 32, 1 << 22)
        self.to = address, 37736

    def send(self, packets):
        most = max(map(len, packets))
        data = b''
        for i, p in enumerate(packets):
            # all but the last are of one length: the stated one counts, the rest is padding
            if i + 1 < len(packets):
                p += bytes(most - len(p))
            self.counter += 1
            data += frames.seal(self.key, 1, self.prefix, self.counter, p)
        self.sock.sendmsg([data], [(socket.SOL_UDP, UDP_SEGMENT, struct.pack('H', most + 36))],
                          0, self.to)

    def end(self):
        self.send([mark()])


GENERAL = 'hops', 'short', 'size'
IPV4_ONLY = 'tos', 'id', 'df', 'fragment', 'ip option'
IPV6_ONLY = 'flow',
TCP_ONLY = 'ack', 'window', 'option', 'options', 'seq', 'push', 'fin', 'flags', 'flag', 'cwr'
UDP_ONLY = 'zero',
CHANGES = GENERAL + IPV4_ONLY + IPV6_ONLY + TCP_ONLY + UDP_ONLY


class Flow:
    """Packets that follow one another, until they do not."""

    def __init__(self, rng, number):
        self.rng, self.kind = rng, rng.choice(('tcp4', 'tcp6', 'udp4', 'udp6'))
        self.ip = {'tos': 0, 'ident': rng.getrandbits(16), 'frag': rng.choice((0, 0x4000)),
                   'ttl': 64} if self.kind.endswith('4') else {'flow': rng.getrandbits(20), 'hops': 64}
        self.tcp = {'seq': rng.choice((rng.getrandbits(32), 2 ** 32 - 2000)), 'ack': rng.getrandbits(32),
                    'window': 500, 'options': rng.choice(TCP_OPTIONS[:3])}
        self.port, self.flags = 3000 + number, ACK
        self.size = rng.choice((300, 600, 1200, 1248))

    def next(self, mutate, theme=None):
        """A packet; @mutate: that is unlike the one before in some way, if need be @theme."""
        rng, ipopt, zero, frag, size = self.rng, b'', False, 0, self.size
        v4, is_tcp = self.kind.endswith('4'), self.kind.startswith('tcp')
        flags = self.flags
        changes = GENERAL + (IPV4_ONLY if v4 else IPV6_ONLY) + (TCP_ONLY if is_tcp else UDP_ONLY)
        change = None
        if mutate:
            change = theme if theme in changes and rng.random() < 0.8 else rng.choice(changes)
        if change == 'ack':
            self.tcp['ack'] = self.tcp['ack'] + 1 & 0xffffffff
        elif change == 'window':
            self.tcp['window'] ^= 1
        elif change == 'option':
            self.tcp['options'] = (self.tcp['options'] or TCP_OPTIONS[1])[:-1] + rng.randbytes(1)
        elif change == 'options':
            self.tcp['options'] = rng.choice(TCP_OPTIONS[:3])
        elif change == 'seq':
            self.tcp['seq'] += rng.choice((1, -1, 1000))
        elif change == 'push':
            flags |= PSH
        elif change == 'fin':
            flags |= rng.choice((FIN, PSH | FIN))
        elif change == 'flags':
            self.flags ^= rng.choice((CWR, ECE, URG))
            flags = self.flags
        elif change == 'flag':
            flags |= rng.choice((CWR, ECE, URG, SYN, RST))
        elif change == 'cwr':
            self.flags |= CWR
            flags = self.flags
        elif change == 'tos':
            self.ip['tos'] ^= 1 << rng.randrange(8)
        elif change == 'hops':
            self.ip['ttl' if v4 else 'hops'] ^= 1
        elif change == 'id':
            self.ip['ident'] += rng.randrange(2, 999)
        elif change == 'df':
            self.ip['frag'] ^= 0x4000
        elif change == 'fragment':
            frag = rng.choice((0x2000, 0x2007, 7))
        elif change == 'ip option':
            ipopt = b'\x01' * 4
        elif change == 'zero':
            zero = True
        elif change == 'short':
            size = rng.randrange(size)   # ends a run; it may be empty
        elif change == 'size':
            size = self.size = rng.choice((300, 600, 1200, 1248))
        elif change == 'flow':
            self.ip['flow'] ^= 1 << rng.randrange(28)
        data = rng.randbytes(size)
        if is_tcp:
            body = tcp(data, self.port, flags=flags, **self.tcp)
            self.tcp['seq'] += size + (flags & (SYN | FIN) != 0)
        else:
            body = udp(data, self.port)
        proto = TCP if is_tcp else UDP
        if v4:
            self.ip['ident'] &= 0xffff
            packet = ip4(proto, body, options=ipopt, **dict(self.ip, frag=self.ip['frag'] | frag))
            self.ip['ident'] += 1
        else:
            packet = ip6(proto, body, **self.ip)
        return finish(packet, zero and v4)   # IPv6 receivers drop those


def flow_key(packet):
    version, th, proto, _ = layout(packet)
    # The core's GRO lets fragments, options and other flow labels overtake.
    return (version, th, proto, packet[th:th + 4] if proto else packet[4:6],
            packet[1:4] if version == 6 else b'')


def expand(got, want):
    """The packets that what came out stands for; by flow, in the order of flows in @want."""
    flows, sizes = {}, {}
    for p in want:
        sizes.setdefault(flow_key(p), []).append(len(p) - layout(p)[3])
    for packet, size, unfinished, ecn in got:
        flow = flows.setdefault(flow_key(packet), [])
        if size is None:   # not told: as the first packet sent
            left = sizes.get(flow_key(packet), [])[len(flow):]
            size = left[0] if left else len(packet)
        flow += cut(packet, size, ecn) if size else [finish(packet) if unfinished else packet]
    return flows


def command_merge(ns1, ns2, address, keyfile, count, seed=None):
    seed = int(seed) if seed else int(os.environ.get('SEED', '1'))
    print('seed', seed)
    rng, tap, batch = random.Random(seed), Tap(ns2), Batch(ns1, address, keyfile)
    sent = came = 0
    for i in range(int(count)):
        flows = [Flow(rng, n) for n in range(rng.choice((1, 1, 2, 4)))]
        often, theme = rng.choice((0.05, 0.2, 0.4)), CHANGES[i % len(CHANGES)]
        packets, most = [], rng.choice((2, 10, 17, 18, 35, 44))
        while len(packets) < most:
            flow = rng.choice(flows)
            for _ in range(rng.choice((1, 2, 5, 20))):
                packets.append(flow.next(rng.random() < often, theme))
        packets = packets[:min(most, 64000 // (max(map(len, packets)) + 36))]
        batch.send(packets)
        batch.end()
        got = tap.until_mark()
        # The core's GRO may hold TCP past the mark.
        while sum(map(len, expand(got, packets).values())) < len(packets):
            if not select.select([tap.socks[1]], [], [], 5)[0]:
                break
            got.append(tap.read())
        flows = expand(got, packets)
        want = {}
        for p in packets:
            want.setdefault(flow_key(p), []).append(p)
        wrong = any([differ('batch %d, flow %s' % (i, key[:3]), flows.get(key, []), want[key])
                     for key in want])
        if wrong or set(flows) - set(want):
            print('batch %d: %d packets sent, %d came' % (i, len(packets), len(got)))
            return False
        sent += len(packets)
        came += len(got)
    print('%d packets sent, %d came out' % (sent, came))
    return came < sent


def command_merged(ns1, ns2, address, keyfile, kind):
    tap, batch = Tap(ns2), Batch(ns1, address, keyfile)
    flow = Flow(random.Random(2), 0)
    while flow.kind != kind or flow.size != 600:
        flow = Flow(flow.rng, 0)
    packets = [flow.next(False) for _ in range(64)]
    batch.send(packets)
    batch.end()
    got = tap.until_mark()
    while sum(map(len, expand(got, packets).values())) < len(packets):
        if not select.select([tap.socks[1]], [], [], 30)[0]:
            break
        got.append(tap.read())
    # and no more than those
    while select.select([tap.socks[1]], [], [], 1)[0]:
        got.append(tap.read())
    if [p for f in expand(got, packets).values() for p in f] != packets:
        print('they are not those that were sent')
        return False
    print(len(got))
    return True


def command_send(ns, address, port, size, count):
    enter(ns)
    sock = socket.socket(family(address), socket.SOCK_DGRAM)
    data = b''.join(b'%06d' % i + bytes(int(size) - 6) for i in range(int(count)))
    sock.sendmsg([data], [(socket.SOL_UDP, UDP_SEGMENT, struct.pack('H', int(size)))], 0,
                 (address, int(port)))
    return True


def command_collect(ns, address, port, count, ms=20000):
    enter(ns)
    sock = socket.socket(family(address), socket.SOCK_DGRAM)
    sock.bind((address, int(port)))
    print('ready', flush=True)
    end, numbers = time.monotonic() + int(ms) / 1000, []
    while len(numbers) < int(count) and time.monotonic() < end:
        if select.select([sock], [], [], 0.1)[0]:
            numbers.append(int(sock.recv(1 << 16)[:6]))
    print(*numbers)
    return len(numbers) == int(count)


def main():
    command = globals().get('command_' + (sys.argv[1:] or ['?'])[0])
    if not command:
        sys.exit(__doc__)
    os.sched_setaffinity(0, {0})   # what this process sends stays in order
    sys.exit(0 if command(*sys.argv[2:]) else 1)


if __name__ == '__main__':
    main()
