#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""usage: carry.py NETNS1 ADDRESS1 NETNS2 ADDRESS2 [tcp=BYTES] [udp=ROUNDS] [row=N] [mtu=N] [seed=N]
       [until=FILE]

Real sockets between two network namespaces, both ends in this process: a TCP
stream of that many bytes each way at once (with "until" one after the other, until
there is FILE), and UDP super-packets (UDP_SEGMENT)
each way in turn, taken in by a socket with UDP_GRO and one without, and a row of
single datagrams each way, many of them under way at once. ADDRESS1
binds the client unless it is "-". What arrives must be what was sent, byte for
byte and, of UDP, datagram for datagram, in order."""
import ctypes
import ipaddress
import os
import random
import selectors
import socket
import struct
import sys
import time

UDP_SEGMENT, UDP_GRO = 103, 104
CLONE_NEWNET = 0x40000000
PATIENCE = 60   # s without a byte of progress; emulated machines are slow
libc = ctypes.CDLL(None, use_errno=True)


def enter(ns):
    """Moves the process to a network namespace; its sockets stay where they are."""
    with open('/run/netns/' + ns, encoding='ascii') as f:
        if libc.setns(f.fileno(), CLONE_NEWNET):
            raise OSError(ctypes.get_errno(), 'cannot enter ' + ns)


def family(address):
    return socket.AF_INET6 if ipaddress.ip_address(address).version == 6 else socket.AF_INET


class Stream:
    """One end of a TCP connection: sends its data, compares what comes."""

    def __init__(self, sock, out, want, name, rng):
        self.sock, self.out, self.want, self.name, self.rng = sock, out, want, name, rng
        self.sent = self.got = 0
        sock.setblocking(False)

    def done(self):
        return self.sent == len(self.out) and self.got == len(self.want)

    def step(self, events):
        if events & selectors.EVENT_READ:
            block = self.sock.recv(1 << 18)
            if block != self.want[self.got:self.got + len(block)]:
                sys.exit('%s: TCP differs after %d bytes' % (self.name, self.got))
            if not block and self.got < len(self.want):
                sys.exit('%s: TCP ended after %d bytes' % (self.name, self.got))
            self.got += len(block)
        if events & selectors.EVENT_WRITE and self.sent < len(self.out):
            n = self.rng.choice((1, 100, 1400, 5000, 20000, 65536, 1 << 18))
            try:
                self.sent += self.sock.send(self.out[self.sent:self.sent + n])
            except BlockingIOError:
                pass    # select() only hints: what TCP splits to send again takes room too


def tcp(ns1, from_, ns2, to, size, rng):
    enter(ns2)
    listener = socket.socket(family(to), socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    listener.bind((to, 0))
    listener.listen(1)
    listener.settimeout(PATIENCE)
    enter(ns1)
    client = socket.socket(family(to), socket.SOCK_STREAM)
    client.settimeout(PATIENCE)
    if from_ != '-':
        client.bind((from_, 0))
    client.connect((to, listener.getsockname()[1]))
    server = listener.accept()[0]
    there, back = rng.randbytes(size), rng.randbytes(size)
    ends = [Stream(client, there, back, 'back', rng), Stream(server, back, there, 'there', rng)]
    with selectors.DefaultSelector() as sel:
        for end in ends:
            sel.register(end.sock, selectors.EVENT_READ | selectors.EVENT_WRITE, end)
        last = time.monotonic()
        while not all(end.done() for end in ends):
            before = sum(end.sent + end.got for end in ends)
            for key, events in sel.select(1):
                key.data.step(events)
            for end in ends:
                if end.sent == len(end.out):
                    sel.modify(end.sock, selectors.EVENT_READ, end)
            if sum(end.sent + end.got for end in ends) > before:
                last = time.monotonic()
            elif time.monotonic() > last + PATIENCE:
                sys.exit('TCP stands still: ' + ', '.join(
                    '%s %d of %d' % (end.name, end.got, len(end.want)) for end in ends))
    for end in ends:
        end.sock.close()
    listener.close()


def receive(sock):
    """Datagrams of one recvmsg(), taken apart by the size it tells; and the source."""
    data, ctl, _, source = sock.recvmsg(1 << 17, 64)
    size = len(data)
    for level, kind, value in ctl:
        if (level, kind) == (socket.SOL_UDP, UDP_GRO):
            size = struct.unpack('i', value[:4])[0]
    return [data[i:i + size] for i in range(0, len(data), size)] or [b''], source


def udp(ns1, from_, ns2, to, rounds, mtu, rng):
    ends = []
    for ns, address in ((ns1, from_), (ns2, to)):
        enter(ns)
        sock = socket.socket(family(to), socket.SOCK_DGRAM)
        sock.bind(('' if address == '-' else address, 0))
        for option in 33, 32:   # SO_RCVBUFFORCE, SO_SNDBUFFORCE
            sock.setsockopt(socket.SOL_SOCKET, option, 1 << 22)
        sock.settimeout(PATIENCE)
        ends.append(sock)
    most = mtu - (48 if family(to) == socket.AF_INET6 else 28)
    target = [ends[1].getsockname()[:2], None]   # the way back is learnt
    merged = 0
    for n in range(rounds):
        size = (most, 1, 100, 1200, 7, 512, most - 1, 259, 1000)[n % 9]
        total = min(size * 64, 60000) - (rng.randrange(size) if n % 3 else 0)
        data = rng.randbytes(max(total, 1))
        want = [data[i:i + size] for i in range(0, len(data), size)]
        for way in (0, 1):
            a, b = ends[way], ends[1 - way]
            b.setsockopt(socket.SOL_UDP, UDP_GRO, (n // 2) & 1)
            a.sendmsg([data], [(socket.SOL_UDP, UDP_SEGMENT, struct.pack('H', size))], 0,
                      target[way])
            got = []
            while len(got) < len(want):
                try:
                    part, source = receive(b)
                except TimeoutError:
                    sys.exit('UDP, size %d, %s: %d of %d datagrams came' %
                             (size, 'back' if way else 'there', len(got), len(want)))
                merged += len(part) > 1
                target[1 - way] = target[1 - way] or source[:2]
                got += part
            if got != want:
                bad = next(i for i, (x, y) in enumerate(zip(got, want)) if x != y)
                sys.exit('UDP, size %d, %s: datagram %d of %d differs (%d bytes, sent %d)' %
                         (size, 'back' if way else 'there', bad, len(want), len(got[bad]),
                          len(want[bad])))
    for sock in ends:
        sock.setblocking(False)
        try:
            sock.recv(1)
            sys.exit('UDP: more came than was sent')
        except BlockingIOError:
            sock.close()
    print('UDP: %d merged receptions' % merged)


def row(ns1, ns2, to, count):
    ends = []
    for ns in ns1, ns2:
        enter(ns)
        sock = socket.socket(family(to), socket.SOCK_DGRAM)
        sock.setsockopt(socket.SOL_SOCKET, 33, 1 << 22)
        sock.settimeout(PATIENCE)
        ends.append(sock)
    client, server = ends
    server.bind((to, 0))
    client.connect(server.getsockname()[:2])
    client.send(b'')
    server.connect(server.recvfrom(1)[1][:2])
    for a, b, way in (client, server, 'there'), (server, client, 'back'):
        sent = 0
        for n in range(count):
            while sent < min(count, n + 128):
                a.send(struct.pack('>I', sent) * 90)
                sent += 1
            try:
                got = b.recv(2000)
            except TimeoutError:
                sys.exit('row, %s: %d of %d came' % (way, n, count))
            if got != struct.pack('>I', n) * 90:
                sys.exit('row, %s: %d came in the place of %d' %
                         (way, struct.unpack('>I', got[:4])[0], n))


def main():
    ns1, from_, ns2, to = sys.argv[1:5]
    opts = {'tcp': 1000000, 'udp': 9, 'row': 0, 'mtu': 1400, 'seed': int(os.environ.get('SEED', '1')),
            'until': ''}
    for arg in sys.argv[5:]:
        name, value = arg.split('=')
        assert name in opts, arg
        opts[name] = type(opts[name])(value)
    print('seed', opts['seed'])
    rng = random.Random(opts['seed'])
    if opts['udp']:
        udp(ns1, from_, ns2, to, opts['udp'], opts['mtu'], rng)
    if opts['row']:
        row(ns1, ns2, to, opts['row'])
    while opts['tcp']:
        tcp(ns1, from_, ns2, to, opts['tcp'], rng)
        if not opts['until'] or os.path.exists(opts['until']):
            break


if __name__ == '__main__':
    main()
