#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""usage: fault.py requests|links|packets

Makes one allocation after the other fail, by /proc/self/fail-nth, until an
operation goes through without any failure. Runs in a namespace of its own with
an interface e0 (10.0.1.1); "packets" with pilot0 (node 1, up) that has the peers 2, with
a key, and 3, without. What failed must leave everything as it was; the same
operation must succeed afterwards."""
import os
import socket
import struct
import sys

import genl
from genl import Genl, NlError, nla

MOST = 400      # allocations of one operation
FAIL_NTH = '/proc/thread-self/fail-nth'
NOMEM = ('ENOMEM', 'ENOBUFS')


def log(text):
    print(text, flush=True)


class Failing:
    """With the n-th allocation of this thread failing."""

    def __init__(self, n):
        self.file = os.open(FAIL_NTH, os.O_RDWR)
        self.n = n
        self.hit = False

    def __enter__(self):
        os.write(self.file, b'%d' % self.n)
        return self

    def __exit__(self, *exc):
        # 0 if it was reached; reading it takes no allocation that could be it
        self.hit = os.pread(self.file, 20, 0).strip() == b'0'
        os.write(self.file, b'0')
        os.close(self.file)


def name_of(error):
    return genl.errno.errorcode.get(error, str(error))


class Tester:
    def __init__(self):
        self.nl = Genl()
        self.values = self.nl.values

    def sweep(self, what, act, undo=None, failed_ok=lambda: True, errors=NOMEM, anyway=()):
        """act() under one failure after the other. failed_ok() says whether a
        refused one left no trace; after an accepted one comes undo(). Errors in
        "anyway" need no failure."""
        hits = refused = 0
        for n in range(1, MOST):
            error = None
            with Failing(n) as f:
                try:
                    act()
                except OSError as e:
                    error = e
            if error is None:
                if undo:
                    undo()
            elif name_of(error.errno) not in errors + anyway:
                sys.exit('%s, failure %d: %s, %s' % (what, n, name_of(error.errno), error.strerror))
            elif not f.hit and name_of(error.errno) not in anyway:
                sys.exit('%s: refused without a failure: %s' % (what, error))
            elif not failed_ok():
                # An answer may be lost of what was done.
                if isinstance(error, NlError) or not undo:
                    sys.exit('%s, failure %d: refused with %s, but not undone' %
                             (what, n, name_of(error.errno)))
                undo()
            else:
                refused += 1
            if not f.hit:
                log('%-40s %3d failures, %3d refused' % (what, hits, refused))
                if not hits:
                    sys.exit('%s: no allocation failed: is failslab there?' % what)
                return
            hits += 1
        sys.exit('%s: still failing after %d' % (what, MOST))

    def request(self, command, *attrs, dump=False):
        return self.nl.request(command, self.nl.attr('IFNAME', 'pilot0'), *attrs, dump=dump)

    def accepted(self, command, *attrs):
        try:
            return self.request(command, *attrs)
        except NlError:
            return None

    def op(self, command, *attrs, dump=False):
        return lambda: self.request(command, *attrs, dump=dump)


def endpoint(nl, name, address='10.0.1.2', port=37736):
    return nl.nest(name, nl.attr('ENDPOINT_IPV4', socket.inet_aton(address)),
                   nl.be16('ENDPOINT_PORT', port))


def requests():
    t = Tester()
    nl = t.nl

    def peer(node, *attrs):
        return nl.nest('PEER', nl.u32('PEER_NODE_ID', node), *attrs)

    def key(node, *attrs):
        return nl.nest('KEY', nl.u32('KEY_NODE_ID', node), *attrs)

    def secret(n):
        return nl.attr('KEY_SECRET', bytes([n]) * 32)

    def prefix(address, length):
        return nl.nest('PEER_ALLOWED_IP', nl.attr('ALLOWED_IP_IPV4', socket.inet_aton(address)),
                       nl.u8('ALLOWED_IP_PREFIX', length))

    def has_peer(node):
        return t.accepted('PEER_GET', peer(node)) is not None

    def n_keys(node):
        return sum(len(nl.all(r, 'KEY')) for r in t.accepted('KEY_GET', key(node)) or [])

    def port():
        return nl.number(nl.get(t.request('DEVICE_GET')[0], 'DEVICE'), 'DEVICE_LISTEN_PORT')

    def prefixes(node):
        return len(nl.all(nl.get(t.request('PEER_GET', peer(node))[0], 'PEER'), 'PEER_ALLOWED_IP'))

    full = peer(2, endpoint(nl, 'PEER_ENDPOINT'), prefix('10.9.0.2', 32), prefix('10.8.0.0', 16))
    t.sweep('add a peer', t.op('PEER_NEW', full), lambda: t.request('PEER_DEL', peer(2)),
            lambda: not has_peer(2))
    t.request('PEER_NEW', full)

    def as_before():
        t.request('PEER_SET', peer(2, nl.u32('PEER_FLAGS', 1), prefix('10.9.0.2', 32), prefix('10.8.0.0', 16)))

    t.sweep('change a peer', t.op('PEER_SET', peer(2, endpoint(nl, 'PEER_ENDPOINT', '10.0.1.3'),
                                                    prefix('10.7.0.0', 16))),
            as_before, lambda: prefixes(2) == 2)
    t.sweep('replace its prefixes', t.op('PEER_SET', peer(2, nl.u32('PEER_FLAGS', 1), prefix('10.9.0.3', 32),
                                                          prefix('10.7.0.0', 16), prefix('10.6.0.0', 16))),
            as_before, lambda: prefixes(2) == 2)
    t.sweep('install a key', t.op('KEY_SET', key(2, secret(1))),
            lambda: t.request('KEY_DEL', key(2)), lambda: not n_keys(2))
    t.request('KEY_SET', key(2, secret(1)))
    t.sweep('install another', t.op('KEY_SET', key(2, secret(2))),
            lambda: (t.request('KEY_DEL', key(2)), t.request('KEY_SET', key(2, secret(1)))),
            lambda: n_keys(2) == 1)
    t.sweep('refresh a key', t.op('KEY_SET', key(2, secret(1))), failed_ok=lambda: n_keys(2) == 1)
    t.sweep('show a peer', t.op('PEER_GET', peer(2)))
    t.sweep('show all peers', t.op('PEER_GET', dump=True))
    t.sweep('show its keys', t.op('KEY_GET', key(2)))
    t.sweep('show all keys', t.op('KEY_GET', dump=True))
    t.sweep('show the device', t.op('DEVICE_GET'))
    t.sweep('set the beacon', t.op('DEVICE_SET', nl.nest('DEVICE', endpoint(nl, 'DEVICE_BEACON', port=9001))))
    t.sweep('move the port', t.op('DEVICE_SET', nl.nest('DEVICE', nl.u16('DEVICE_LISTEN_PORT', 40001))),
            lambda: t.request('DEVICE_SET', nl.nest('DEVICE', nl.u16('DEVICE_LISTEN_PORT', 40000))),
            lambda: port() == 40000, NOMEM + ('EADDRINUSE', 'ENFILE'))
    t.sweep('send a punch', t.op('FRAME', nl.nest('FRAME', endpoint(nl, 'FRAME_ENDPOINT'),
                                                  nl.attr('FRAME_DATA', b'PILP'))))
    handler = Genl()

    def release():
        nonlocal handler
        handler.sock.close()
        handler = Genl()

    t.sweep('become handler', lambda: handler.request('HANDLER_REGISTER', nl.attr('IFNAME', 'pilot0')), release)
    handler.request('HANDLER_REGISTER', nl.attr('IFNAME', 'pilot0'))
    t.sweep('ask for a rekey', t.op('REKEY', peer(2)))
    t.sweep('drop its keys', t.op('KEY_DEL', key(2)), lambda: t.request('KEY_SET', key(2, secret(1))),
            lambda: n_keys(2) == 1)
    t.sweep('remove a peer', t.op('PEER_DEL', peer(2)), lambda: t.request('PEER_NEW', full),
            lambda: has_peer(2))


class Rtnl:
    """As much of rtnetlink as links need."""

    NEWLINK, DELLINK = 16, 17
    CREATE, EXCL = 0x400, 0x200
    UP = 1

    def __init__(self):
        self.sock = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, 0)
        self.sock.bind((0, 0))
        self.seq = 0

    def send(self, kind, flags, index, change, up, attrs=b''):
        self.seq += 1
        body = struct.pack('=BxHiII', 0, 0, index, up, change) + attrs
        self.sock.send(struct.pack('=IHHII', 16 + len(body), kind, 1 | genl.NLM_F_ACK | flags, self.seq, 0) + body)
        while True:
            data = self.sock.recv(1 << 16)
            _, kind, _, seq, _ = struct.unpack_from('=IHHII', data)
            if seq == self.seq and kind == genl.NLMSG_ERROR:
                error = -struct.unpack_from('=i', data, 16)[0]
                if error:
                    raise NlError(error, os.strerror(error))
                return

    def add(self, name):
        info = nla(18 | genl.NLA_F_NESTED, nla(1, b'pilot\0'))     # IFLA_LINKINFO, IFLA_INFO_KIND
        self.send(self.NEWLINK, self.CREATE | self.EXCL, 0, 0, 0, nla(3, name.encode() + b'\0') + info)

    def delete(self, name):
        self.send(self.DELLINK, 0, socket.if_nametoindex(name), 0, 0)

    def set_up(self, name, up):
        self.send(self.NEWLINK, 0, socket.if_nametoindex(name), self.UP, self.UP if up else 0)


def exists(name):
    return any(n == name for _, n in socket.if_nameindex())


def links():
    t, rt = Tester(), Rtnl()
    nl = t.nl
    t.sweep('create a device', lambda: rt.add('pilot0'), lambda: rt.delete('pilot0'),
            lambda: not exists('pilot0'), NOMEM + ('EINVAL',))
    rt.add('pilot0')
    t.request('DEVICE_SET', nl.nest('DEVICE', nl.u32('DEVICE_NODE_ID', 1), nl.u16('DEVICE_LISTEN_PORT', 40000)))
    t.sweep('switch it on', lambda: rt.set_up('pilot0', True), lambda: rt.set_up('pilot0', False), errors=NOMEM + ('ENFILE',))
    rt.set_up('pilot0', True)
    t.sweep('switch it off', lambda: rt.set_up('pilot0', False), lambda: rt.set_up('pilot0', True))
    rt.set_up('pilot0', True)


def packets():
    """Lost is what fails, and nothing else."""
    t = Tester()
    sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 1 << 22)
    UDP_SEGMENT = 103
    # The queue of a peer without a key fills up; nobody listens at the other.
    anyway = 'EHOSTUNREACH', 'ECONNREFUSED'

    def one(address, size):
        return lambda: sock.sendto(bytes(size), (address, 4000))

    def many(address, count):
        return lambda: sock.sendmsg([bytes(1200 * count)],
                                    [(socket.SOL_UDP, UDP_SEGMENT, struct.pack('=H', 1200))], 0, (address, 4000))

    for what, address in (('', '10.9.0.2'), (', no key', '10.9.0.3')):
        t.sweep('send a packet' + what, one(address, 100), anyway=anyway)
        t.sweep('send a large packet' + what, one(address, 20000), anyway=anyway)
        t.sweep('send a super-packet' + what, many(address, 40), anyway=anyway)


{'requests': requests, 'links': links, 'packets': packets}[sys.argv[1]]()
