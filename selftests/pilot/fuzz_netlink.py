#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""usage: fuzz_netlink.py SECONDS SEED DEVICE...

Requests made from the YAML description of the family: every command with every
attribute, values at their limits and beyond, and messages that are damaged. It
runs where the DEVICEs are. What a message holds depends on SEED only, unless
several run at once. Prints per command how many were accepted and refused.
Fails if a request is not answered; alone, also if a command is never accepted."""
import collections
import os
import random
import re
import socket
import struct
import sys
import time

import yaml

import genl
from genl import NLA_F_NESTED, NLM_F_ACK, NLM_F_DUMP, Genl, NlError, nla

SPEC = os.path.join(os.path.dirname(os.path.abspath(__file__)),
                    '../../Documentation/netlink/specs/pilot.yaml')
SIZES = {'u8': 1, 'u16': 2, 'u32': 4, 'u64': 8, 's32': 4, 's64': 8}
EITHER = 'ipv4', 'ipv6'
NODES = [1, 2, 3, 4, 5, 6, 7, 8]    # few, so that requests meet
ADDRESSES = {4: ['0a000102', '0a000101', '7f000001', 'e0000001', 'ffffffff', '00000000'],
             16: ['fd000001000000000000000000000002', 'fe800000000000000000000000000001',
                  'ff020000000000000000000000000001', '00000000000000000000000000000000',
                  '00000000000000000000ffff0a000102']}
OUT = re.compile(r'(Milliseconds, )?out[:.]', re.I)
PATIENCE = 60   # seconds; other fuzzers may hold the locks


def index_of(device):
    try:
        return socket.if_nametoindex(device)
    except OSError:     # somebody has just moved it
        return 1


class Fuzzer:
    def __init__(self, seed, devices):
        self.rng = random.Random(seed)
        self.devices = devices
        self.nl = Genl()
        self.nl.sock.settimeout(PATIENCE)
        self.handlers = []
        self.sane = True
        with open(SPEC, encoding='ascii') as f:
            spec = yaml.load(f, Loader=getattr(yaml, 'CSafeLoader', yaml.SafeLoader))
        self.definitions = {d['name']: d for d in spec['definitions']}
        self.sets = {}
        for s in spec['attribute-sets']:
            self.sets[s['name']] = s
        self.commands = [o for o in spec['operations']['list'] if 'do' in o or 'dump' in o]
        # Most requests are about a peer that has to be there, some want its key.
        often = {'peer-new': 4, 'key-set': 3}
        self.choices = [o for o in self.commands for _ in range(1 + often.get(o['name'], 0))]
        self.count = collections.defaultdict(collections.Counter)

    # Values

    def some(self, *weighted):
        return self.rng.choice(weighted)

    def likely(self, percent):
        return self.rng.randrange(100) < percent

    def oddly(self, percent):
        """Never in a message that is to be accepted."""
        return not self.sane and self.likely(percent)

    def number(self, attr, size):
        checks = attr.get('checks', {})
        top = (1 << 8 * size) - 1
        low, high = checks.get('min', 0), checks.get('max', top)
        if 'enum' in attr:
            entries = len(self.definitions[attr['enum']]['entries'])
            high = min(high, entries if self.definitions[attr['enum']]['type'] == 'enum'
                       else (1 << entries) - 1)
        if not isinstance(low, int) or not isinstance(high, int):
            low, high = 0, top
        if self.sane and attr['name'] == 'prefix':
            return 32
        if self.sane and 'enum' in attr:
            flags = self.definitions[attr['enum']]['type'] == 'flags'
            return self.rng.randint(low, high if flags else max(low, high - 1))
        if self.sane:
            return self.some(low, min(high, low + 100), self.rng.randint(low, high))
        value = self.some(low, high, low, high, low - 1, high + 1, 0, 1, top, top >> 1,
                          self.rng.randint(low, high), self.rng.randint(low, high),
                          self.rng.randint(low, high), 1 << self.rng.randrange(8 * size))
        return value & top

    def binary(self, attr):
        checks = attr.get('checks', {})
        if attr['name'] == 'data' and not self.oddly(30):
            return self.frame()
        length = checks.get('exact-len')
        if length is None:
            low, high = checks.get('min-len', 0), min(checks.get('max-len', 64), 2000)
            length = self.some(low, high, self.rng.randint(low, high))
        if self.oddly(3):
            length = max(0, length + self.some(-1, 1, 4))
        if length in ADDRESSES and self.sane:
            return bytes.fromhex(ADDRESSES[length][0])
        if length in ADDRESSES and self.likely(80):
            return bytes.fromhex(self.rng.choice(ADDRESSES[length]))
        return self.rng.randbytes(length)

    def frame(self):
        node = struct.pack('>I', 1)
        return self.some(b'PILA' + node + self.rng.randbytes(128), b'PILK' + node + self.rng.randbytes(32),
                         b'PILP', b'\1' + node, b'\3' + node + node)

    def string(self):
        if self.sane:
            return self.rng.choice(self.devices).encode() + b'\0'
        return self.some(*[d.encode() + b'\0' for d in self.devices] * 8,
                         b'lo\0', b'\0', b'', b'pilot0', b'x' * 15 + b'\0', b'x' * 16 + b'\0',
                         b'../..\0', b'no-such\0', self.rng.randbytes(9) + b'\0')

    def value(self, attr):
        kind, name = attr['type'], attr['name']
        if kind in SIZES:
            size = SIZES[kind]
            if name == 'node-id' and not self.oddly(10):
                number = self.rng.choice(NODES)
            elif name == 'ifindex' and not self.oddly(20):
                number = 1 if self.oddly(5) else index_of(self.rng.choice(self.devices))
            else:
                number = self.number(attr, size)
            if name == 'ipv4' and not self.oddly(20):
                number = int(ADDRESSES[4][0], 16)
            order = 'big' if attr.get('byte-order') == 'big-endian' else sys.byteorder
            data = number.to_bytes(size, order)
            return data if not self.oddly(3) else (data + b'\0\0\0\0')[:self.rng.randrange(size + 4)]
        if kind == 'string':
            return self.string()
        if kind == 'flag':
            return b'' if not self.oddly(3) else b'\1'
        return self.binary(attr)

    # Messages

    def attribute(self, attr, number, depth):
        if 'nested-attributes' in attr:
            inner = self.attributes(self.sets[attr['nested-attributes']], None, depth + 1)
            return nla(number | (NLA_F_NESTED if not self.oddly(2) else 0), inner)
        return nla(number, self.value(attr))

    def attributes(self, attrs, names, depth=0):
        """Of a set; those named, or a choice of all."""
        out = []
        percent = self.some(25, 50, 80)
        for number, attr in self.numbered(attrs):
            if names is None:
                # What only replies have is refused at once: seldom.
                told = attr['type'] == 'pad' or OUT.match(attr.get('doc', ''))
                wanted = self.oddly(1) if told else self.likely(percent)
                if attr['name'] in ('node-id', 'secret', 'data', 'prefix', 'port'):
                    wanted = not self.oddly(5)
            elif attr['name'] not in names:
                wanted = self.oddly(1)
            elif attr['name'] == 'ifindex':
                wanted = self.oddly(50)
            else:
                wanted = not self.oddly(10)
            if wanted and self.sane and attr['name'] in EITHER:
                # of an address, one family
                wanted = attr['name'] == 'ipv4'
            if wanted:
                repeat = self.some(1, 1, 1, 2, 5) if attr.get('multi-attr') else 1
                out += [self.attribute(attr, number, depth)
                        for _ in range(repeat + self.oddly(1))]
        if self.oddly(2):
            out.append(nla(self.some(0, 200, 0x3fff), self.rng.randbytes(self.rng.randrange(9))))
        if self.oddly(5):
            self.rng.shuffle(out)
        return b''.join(out)

    def numbered(self, attrs):
        """(number, attribute): those of a subset have the numbers of the whole."""
        whole = self.sets[attrs.get('subset-of', attrs['name'])]
        number, by_name = 0, {}
        for a in whole['attributes']:
            number = a.get('value', number + 1)
            by_name[a['name']] = number, a
        for a in attrs['attributes']:
            number, full = by_name[a['name']]
            yield number, {**full, **a}

    def damage(self, payload):
        data = bytearray(payload)
        for _ in range(self.rng.randint(1, 3)):
            if not data:
                break
            at = self.rng.randrange(len(data))
            how = self.rng.randrange(5)
            if how == 0:
                data[at] ^= 1 << self.rng.randrange(8)
            elif how == 1:
                data[at] = self.some(0, 0xff, 0x7f, 0x80)
            elif how == 2:
                del data[at:]
            elif how == 3:
                data[at:at] = self.rng.randbytes(self.rng.randrange(1, 9))
            else:   # some length field, most likely
                at &= ~3
                data[at:at + 2] = struct.pack('=H', self.some(0, 3, 4, 5, 0xffff, len(data)))
        return bytes(data)

    def one(self):
        self.sane = self.likely(50)
        op = self.rng.choice(self.choices)
        name = op['name'].upper().replace('-', '_')
        dump = 'dump' in op and (self.likely(40) or 'do' not in op)
        names = op['dump' if dump else 'do'].get('request', {}).get('attributes', [])
        payload = self.attributes(self.sets[op['attribute-set']], names)
        flags = NLM_F_DUMP if dump else NLM_F_ACK
        if self.oddly(8):
            payload = self.damage(payload)
        if self.oddly(2):
            flags |= self.rng.choice([0x100, 0x200, 0x400, 0x800, NLM_F_DUMP])
        command = self.nl.values['PILOT_CMD_' + name]
        if self.oddly(1):
            command = self.rng.randrange(256)
        if dump and self.likely(5):
            self.abandoned(command, payload)
        elif name == 'HANDLER_REGISTER' and self.likely(30):
            self.handler(command, payload)
        else:
            self.send(self.nl, name, command, payload, flags)

    def send(self, nl, name, command, payload, flags):
        try:
            nl.raw(nl.family, command, 1, payload, flags)
            self.count[name]['ok'] += 1
        except NlError as e:
            self.count[name][e.errno] += 1
        except socket.timeout:
            sys.exit('%s was not answered in %d s: %s' % (name, PATIENCE, payload.hex()))

    # A dump that nobody reads to its end.
    def abandoned(self, command, payload):
        with socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, 16) as sock:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            body = struct.pack('=BBH', command, 1, 0) + payload
            sock.send(struct.pack('=IHHII', 16 + len(body), self.nl.family,
                                  1 | NLM_F_DUMP, 1, 0) + body)
            if self.likely(50):
                sock.recv(8192)

    def names(self):
        return [op['name'].upper().replace('-', '_') for op in self.commands]

    # A probe also takes a key: luck.
    def never(self):
        return [n for n in self.names() if not self.count[n]['ok'] and n != 'PROBE']

    # Some handlers stay for a while, others go at once.
    def handler(self, command, payload):
        nl = Genl()
        nl.sock.settimeout(PATIENCE)
        self.send(nl, 'HANDLER_REGISTER', command, payload, NLM_F_ACK)
        self.handlers.append(nl.sock)
        while len(self.handlers) > self.rng.randrange(3):
            self.handlers.pop(0).close()


def main():
    seconds, seed = float(sys.argv[1]), int(sys.argv[2])
    fuzzer = Fuzzer(seed, sys.argv[3:])
    begin = time.monotonic()
    alone = os.environ.get('FUZZ_ALONE')
    total = 0

    # What takes a device that is up and a peer with an endpoint is rarely accepted.
    def wanted():
        return time.monotonic() - begin < seconds * (4 if alone and fuzzer.never() else 1)

    while wanted():
        for _ in range(20):
            fuzzer.one()
        total += 20
    print('seed %d: %d requests' % (seed, total))
    for name in fuzzer.names():
        got = fuzzer.count[name]
        print('%-17s %6d accepted  ' % (name, got['ok']) + ' '.join(
            '%s:%d' % (genl.errno.errorcode.get(e, e), n) for e, n in got.most_common() if e != 'ok'))
    if alone and fuzzer.never():
        sys.exit('never accepted: ' + ' '.join(fuzzer.never()))


main()
