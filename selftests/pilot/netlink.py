#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""netlink.py: what the netlink interface must refuse, and say why.

Runs in a namespace with a device pilot0 (node 1, up) that has a peer 2 with a
key, and a device of another kind, lo.
"""
import errno
import os
import socket
import struct
import sys

from genl import Genl, NLA_F_NESTED, nla

SOL_NETLINK, NETLINK_ADD_MEMBERSHIP = 270, 1
NLM_F_DUMP_INTR = 0x10


class Tap:
    def __init__(self):
        self.n = self.failed = 0

    def result(self, name, problem):
        self.n += 1
        if problem:
            print('#', problem)
        print('%s %d %s' % ('not ok' if problem else 'ok', self.n, name), flush=True)
        self.failed += bool(problem)


def refused(name, errors, command, *attrs, dump=False, text=True):
    """errors: acceptable errno names. With text, the kernel must say why."""
    got = nl.refusal(command, *attrs, dump=dump)
    problem = None
    if got and got[0] == 'ENOTSUP':     # two names of one number
        got = 'EOPNOTSUPP', got[1]
    if got is None:
        problem = 'was accepted'
    elif got[0] not in errors.split('|'):
        problem = 'refused with %s (%s), not %s' % (got + (errors,))
    elif text and got[1] in (os.strerror(getattr(errno, got[0])), ''):
        problem = 'refused with %s without a reason' % got[0]
    tap.result('%s: refused, %s' % (name, errors), problem)


def accepted(name, command, *attrs):
    got = nl.refusal(command, *attrs)
    tap.result(name + ': accepted', got and 'refused with %s: %s' % got)


def device(*attrs):
    return dev + nl.nest('DEVICE', *attrs)


def peer(node, *attrs):
    return dev + nl.nest('PEER', nl.u32('PEER_NODE_ID', node), *attrs)


def key(node, *attrs):
    return dev + nl.nest('KEY', nl.u32('KEY_NODE_ID', node), *attrs)


def frame(*attrs):
    return dev + nl.nest('FRAME', *attrs)


def ip4(text):
    return nl.attr('ENDPOINT_IPV4', socket.inet_aton(text))


def ip6(text):
    return nl.attr('ENDPOINT_IPV6', socket.inet_pton(socket.AF_INET6, text))


def endpoint(*attrs):
    return nl.nest('PEER_ENDPOINT', *attrs)


def allowed(prefix, v4=None, v6=None, *more):
    attrs = []
    if v4:
        attrs.append(nl.attr('ALLOWED_IP_IPV4', socket.inet_aton(v4)))
    if v6:
        attrs.append(nl.attr('ALLOWED_IP_IPV6', socket.inet_pton(socket.AF_INET6, v6)))
    if prefix is not None:
        attrs.append(nl.u8('ALLOWED_IP_PREFIX', prefix))
    return nl.nest('PEER_ALLOWED_IP', *attrs, *more)


def which_device():
    every = [c for c in ('DEVICE_GET', 'DEVICE_SET', 'PEER_GET', 'PEER_NEW', 'PEER_SET',
                         'PEER_DEL', 'KEY_GET', 'KEY_SET', 'KEY_DEL', 'HANDLER_REGISTER',
                         'FRAME', 'REKEY', 'PROBE')]
    needed = {
        'DEVICE_SET': nl.nest('DEVICE', nl.u16('DEVICE_NETWORK', 0)),
        'KEY_GET': nl.nest('KEY', nl.u32('KEY_NODE_ID', 2)),
        'KEY_SET': nl.nest('KEY', nl.u32('KEY_NODE_ID', 2), nl.attr('KEY_SECRET', SECRET)),
        'KEY_DEL': nl.nest('KEY', nl.u32('KEY_NODE_ID', 2)),
        'FRAME': nl.nest('FRAME', nl.u32('FRAME_NODE_ID', 2), nl.attr('FRAME_DATA', b'PILK' + bytes(36))),
    }
    needed['PROBE'] = nl.nest('FRAME', nl.u32('FRAME_NODE_ID', 2))
    for command in ('PEER_GET', 'PEER_NEW', 'PEER_SET', 'PEER_DEL', 'REKEY'):
        needed[command] = nl.nest('PEER', nl.u32('PEER_NODE_ID', 2))
    for command in every:
        rest = needed.get(command, b'')
        refused('%s without a device' % command, 'EINVAL', command, rest)
        refused('%s of no such device' % command, 'ENODEV', command, nl.attr('IFNAME', 'nope0'), rest)
        refused('%s of a device of another kind' % command, 'EOPNOTSUPP',
                command, nl.attr('IFNAME', 'lo'), rest)
    index = socket.if_nametoindex('pilot0')
    refused('name and index that disagree', 'EINVAL|ENODEV', 'DEVICE_GET',
            dev, nl.u32('IFINDEX', 1))
    accepted('name and index that agree', 'DEVICE_GET', dev, nl.u32('IFINDEX', index))
    refused('index 0', 'EINVAL|ENODEV|ERANGE', 'DEVICE_GET', nl.u32('IFINDEX', 0))
    refused('a name that is too long', 'ERANGE|EINVAL', 'DEVICE_GET',
            nl.attr('IFNAME', 'x' * 16))
    refused('an index of one byte', 'ERANGE|EINVAL', 'DEVICE_GET', nl.attr('IFINDEX', b'\1'))
    refused('an unknown attribute', 'EINVAL', 'DEVICE_GET', dev, nla(200, b'abcd'))
    refused('an unknown nested attribute', 'EINVAL', 'DEVICE_SET', device(nla(200, b'abcd')))
    refused('an event from user space', 'EOPNOTSUPP', 'EVENT', dev, text=False)


def device_settings():
    refused('no settings', 'EINVAL', 'DEVICE_SET', dev)
    refused('node ID 0', 'ERANGE|EINVAL', 'DEVICE_SET', device(nl.u32('DEVICE_NODE_ID', 0)))
    refused('a node ID of two bytes', 'ERANGE|EINVAL', 'DEVICE_SET',
            device(nl.u16('DEVICE_NODE_ID', 5)))
    refused('another node ID while there is a key', 'EBUSY', 'DEVICE_SET',
            device(nl.u32('DEVICE_NODE_ID', 5)))
    refused('the node ID of a peer', 'EBUSY|EEXIST|EINVAL', 'DEVICE_SET',
            device(nl.u32('DEVICE_NODE_ID', 2)))
    for window in (0, 1, 63, 65, 100, 255, 8193, 16384, 0xffffffff):
        refused('replay window %d' % window, 'ERANGE|EINVAL', 'DEVICE_SET',
                device(nl.u32('DEVICE_REPLAY_WINDOW', window)))
    for window in (64, 8192, 256):
        accepted('replay window %d' % window, 'DEVICE_SET',
                 device(nl.u32('DEVICE_REPLAY_WINDOW', window)))
    refused('unauth 2', 'ERANGE|EINVAL', 'DEVICE_SET', device(nl.u8('DEVICE_UNAUTH', 2)))
    for peers in (0, 1048577):
        refused('max-peers %d' % peers, 'ERANGE|EINVAL', 'DEVICE_SET',
                device(nl.u32('DEVICE_MAX_PEERS', peers)))
    for name, value in (('PEERS', 1), ('KEYS', 1), ('HANDLER', 1), ('EVENT_SEQ', 1)):
        refused('setting the output %s' % name, 'EINVAL', 'DEVICE_SET',
                device(nl.u32('DEVICE_' + name, value)))
    refused('setting AEAD', 'EINVAL', 'DEVICE_SET', device(nl.attr('DEVICE_AEAD', 'x')))
    refused('setting statistics', 'EINVAL', 'DEVICE_SET', device(nl.nest('DEVICE_STATS')))
    for what, attrs in (('without an address', (nl.be16('ENDPOINT_PORT', 9),)),
                        ('without a port', (ip4('10.0.0.1'),)),
                        ('with port 0', (ip4('10.0.0.1'), nl.be16('ENDPOINT_PORT', 0))),
                        ('with two addresses', (ip4('10.0.0.1'), ip6('fd00::1'),
                                                nl.be16('ENDPOINT_PORT', 9)))):
        refused('a beacon ' + what, 'EINVAL|ERANGE', 'DEVICE_SET',
                device(nl.nest('DEVICE_BEACON', *attrs)))
    accepted('no beacon', 'DEVICE_SET', device(nl.nest('DEVICE_BEACON')))


def peers():
    refused('a peer without attributes', 'EINVAL', 'PEER_NEW', dev)
    refused('a peer without a node ID', 'EINVAL', 'PEER_NEW', dev, nl.nest('PEER'))
    refused('peer 0', 'ERANGE|EINVAL', 'PEER_NEW', peer(0))
    refused('itself as a peer', 'EINVAL', 'PEER_NEW', peer(1))
    refused('a peer that exists', 'EEXIST', 'PEER_NEW', peer(2))
    for command in ('PEER_GET', 'PEER_SET', 'PEER_DEL'):
        refused('%s of no such peer' % command, 'ENOENT', command, peer(77))
    for what, attrs in (('without an address', (nl.be16('ENDPOINT_PORT', 9),)),
                        ('without a port', (ip4('10.0.0.1'),)),
                        ('with port 0', (ip4('10.0.0.1'), nl.be16('ENDPOINT_PORT', 0))),
                        ('with two addresses', (ip4('10.0.0.1'), ip6('fd00::1'), nl.be16('ENDPOINT_PORT', 9))),
                        ('0.0.0.0', (ip4('0.0.0.0'), nl.be16('ENDPOINT_PORT', 9))),
                        ('of multicast', (ip4('224.0.0.1'), nl.be16('ENDPOINT_PORT', 9))),
                        ('of IPv6 multicast', (ip6('ff02::1'), nl.be16('ENDPOINT_PORT', 9))),
                        ('of IPv4 broadcast', (ip4('255.255.255.255'), nl.be16('ENDPOINT_PORT', 9))),
                        ('::', (ip6('::'), nl.be16('ENDPOINT_PORT', 9))),
                        ('with a short IPv6 address', (nl.attr('ENDPOINT_IPV6', bytes(15)), nl.be16('ENDPOINT_PORT', 9)))):
        refused('an endpoint ' + what, 'EINVAL|ERANGE', 'PEER_SET', peer(2, endpoint(*attrs)))
    refused('path 3', 'ERANGE|EINVAL', 'PEER_SET', peer(2, nl.u8('PEER_PATH', 3)))
    refused('unknown flags', 'EINVAL|ERANGE', 'PEER_SET', peer(2, nl.u32('PEER_FLAGS', 2)))
    refused('a cooldown past 10 minutes', 'ERANGE|EINVAL', 'PEER_SET',
            peer(2, nl.u32('PEER_COOLDOWN', 600001)))
    refused('setting QUEUED', 'EINVAL', 'PEER_SET', peer(2, nl.u32('PEER_QUEUED', 1)))
    refused('setting NEED_KEY', 'EINVAL', 'PEER_SET', peer(2, nl.u8('PEER_NEED_KEY', 1)))
    refused('setting LAST_RX', 'EINVAL', 'PEER_SET', peer(2, nl.attr('PEER_LAST_RX', bytes(8))))
    refused('setting peer statistics', 'EINVAL', 'PEER_SET', peer(2, nl.nest('PEER_STATS')))
    refused('keys with a peer', 'EINVAL', 'PEER_SET', peer(2, nl.nest('PEER_KEY')))
    for what, ip in (('without an address', allowed(8)), ('without a length', allowed(None, '10.0.0.0')),
                     ('10.0.0.0/33', allowed(33, '10.0.0.0')), ('of IPv6 /129', allowed(129, None, 'fd00::')),
                     ('10.0.0.1/8, with bits past its length', allowed(8, '10.0.0.1')),
                     ('fd00::1/64, with bits past its length', allowed(64, None, 'fd00::1')),
                     ('of both families', allowed(8, '10.0.0.0', 'fd00::')),
                     ('with unknown flags', allowed(8, '10.0.0.0', None, nl.u32('ALLOWED_IP_FLAGS', 2)))):
        refused('a prefix ' + what, 'EINVAL|ERANGE', 'PEER_SET', peer(2, ip))
    # What a request takes it may give again: the last word counts.
    minus = nl.u32('ALLOWED_IP_FLAGS', 1)
    take, give = allowed(24, '10.45.0.0', None, minus), allowed(24, '10.45.0.0')
    for what, ips in (('given, taken and given', (give, take, give)), ('taken and given', (take, give)),
                      ('given again, taken', (give, take)), ('taken, not there', (take,)),
                      ('taken, not there, and given', (take, give)),
                      ('taken twice and given twice', (take, take, give, give))):
        accepted('a prefix ' + what, 'PEER_SET', peer(2, *ips))
        state = nl.get(nl.request('PEER_GET', peer(2))[0], 'PEER')
        n = sum(socket.inet_aton('10.45.0.0') in ip for ip in nl.all(state, 'PEER_ALLOWED_IP'))
        tap.result('then the peer has it' if ips[-1] is give else 'then it is gone',
                   n != (ips[-1] is give) and 'the peer has it %d times' % n)
    nl.request('PEER_SET', peer(2, take))
    # More than the 16 bits of a nest's length tell.
    for part in range(2):
        nl.request('PEER_SET', peer(2, *(allowed(128, None, 'fd00::%x:%x' % (part, i)) for i in range(1500))))
    refused('a peer with 3000 prefixes', 'EMSGSIZE', 'PEER_GET', peer(2))
    dumped = sum(len(nl.all(nl.get(p, 'PEER'), 'PEER_ALLOWED_IP'))
                 for p in nl.request('PEER_GET', dev, dump=True))
    tap.result('a dump has all 3000', dumped != 3000 and 'it has %d' % dumped)
    accepted('none again', 'PEER_SET', peer(2, nl.u32('PEER_FLAGS', 1)))
    # A refused request must not have done half.
    refused('a good prefix and a bad one', 'EINVAL|ERANGE', 'PEER_SET',
            peer(2, allowed(24, '10.44.0.0'), allowed(33, '10.0.0.0')))
    state = nl.get(nl.request('PEER_GET', peer(2))[0], 'PEER')
    tap.result('and nothing of it was done',
               socket.inet_aton('10.44.0.0') in b''.join(nl.all(state, 'PEER_ALLOWED_IP')) and
               'the good prefix was added')
    refused('a new peer with a bad prefix', 'EINVAL|ERANGE', 'PEER_NEW', peer(78, allowed(33, '10.0.0.0')))
    refused('and it does not exist', 'ENOENT', 'PEER_GET', peer(78))
    events = event_seq()
    refused('a new peer with a bad endpoint', 'EINVAL', 'PEER_NEW', peer(78, endpoint(ip4('10.0.0.1'))))
    tap.result('and no event told of it', event_seq() != events and 'there were events')


def event_seq():
    return nl.number(nl.get(nl.request('DEVICE_GET', dev)[0], 'DEVICE'), 'DEVICE_EVENT_SEQ')


class Between(Genl):
    """Calls what is in between when the first part of an answer has been read."""
    between = None

    def raw(self, *args):
        self.flags = 0
        return super().raw(*args)

    def read(self):
        data = super().read()
        at = 0
        while at < len(data):
            length, _, flags = struct.unpack_from('=IHH', data, at)
            self.flags |= flags
            at += (length + 3) & ~3
        if self.between:
            between, self.between = self.between, None
            between()
        return data


def dumps():
    """A dump beside which something happened is marked if peers or prefixes changed."""
    for node in range(1000, 1200):
        nl.request('PEER_NEW', peer(node))
    reader = Between()
    for what, marked, args in (
            ('no change', False, None), ('another path', False, ('PEER_SET', peer(2, nl.u8('PEER_PATH', 1)))),
            ('another prefix', True, ('PEER_SET', peer(2, allowed(24, '10.46.0.0')))),
            ('a new peer', True, ('PEER_NEW', peer(1200))), ('a peer less', True, ('PEER_DEL', peer(1200)))):
        reader.between = args and (lambda: nl.request(*args))
        n = len(reader.request('PEER_GET', dev, dump=True))
        got = bool(reader.flags & NLM_F_DUMP_INTR)
        tap.result('%s during a dump: it is %s' % (what, 'marked' if marked else 'as good as any'),
                   (reader.between and 'the answer had one part') or
                   (n < 201 and 'it has %d peers' % n) or (got != marked and 'it is not so'))
    for node in range(1000, 1200):
        nl.request('PEER_DEL', peer(node))
    nl.request('PEER_SET', peer(2, nl.u32('PEER_FLAGS', 1), nl.u8('PEER_PATH', 0)))


def keys():
    secret = nl.attr('KEY_SECRET', bytes(range(32)))
    refused('a key without a secret', 'EINVAL', 'KEY_SET', key(2))
    refused('a key without a node ID', 'EINVAL', 'KEY_SET', dev, nl.nest('KEY', secret))
    refused('a key of 31 bytes', 'ERANGE|EINVAL', 'KEY_SET', key(2, nl.attr('KEY_SECRET', bytes(31))))
    refused('a key of 33 bytes', 'ERANGE|EINVAL', 'KEY_SET', key(2, nl.attr('KEY_SECRET', bytes(33))))
    refused('a key of no such peer', 'ENOENT', 'KEY_SET', key(77, secret))
    refused('key ID 0', 'ERANGE|EINVAL', 'KEY_SET', key(2, secret, nl.u32('KEY_ID', 0)))
    refused('the ID of another key', 'EEXIST', 'KEY_SET', key(2, secret, nl.u32('KEY_ID', key_id())))
    refused('an X25519 key of 31 bytes', 'ERANGE|EINVAL', 'KEY_SET',
            key(2, secret, nl.attr('KEY_PEER_X25519', bytes(31))))
    refused('an unauthenticated negotiated key', 'EPERM|EACCES|EINVAL', 'KEY_SET',
            key(2, secret, nl.attr('KEY_PEER_X25519', bytes(range(32)))))
    refused('setting PROVEN', 'EINVAL', 'KEY_SET', key(2, secret, nl.attr('KEY_PROVEN', b'')))
    refused('setting the counter', 'EINVAL', 'KEY_SET', key(2, secret, nl.attr('KEY_TX_COUNTER', bytes(8))))
    refused('setting the prefix', 'EINVAL', 'KEY_SET', key(2, secret, nl.u32('KEY_TX_PREFIX', 5)))
    refused('dropping a key that is not installed', 'ENOENT', 'KEY_DEL',
            key(2, nl.u32('KEY_ID', key_id() + 1000)))
    refused('dropping a key of no such peer', 'ENOENT', 'KEY_DEL', key(77))
    refused('reading the key of no such peer', 'ENOENT', 'KEY_GET', key(77))
    reply = b''.join(nl.request('KEY_GET', key(2))) + b''.join(nl.request('KEY_GET', dev, dump=True)) + \
        b''.join(nl.request('PEER_GET', dev, dump=True))
    tap.result('no reply holds the secret', SECRET in reply and 'it does')


def key_id():
    state = nl.get(nl.request('PEER_GET', peer(2))[0], 'PEER')
    return nl.number(nl.get(state, 'PEER_KEY'), 'KEY_ID')


def handler():
    refused('a new key exchange without a handler', 'ENOTCONN', 'REKEY', peer(2))
    other = Genl()
    other.request('HANDLER_REGISTER', dev)
    refused('a second handler', 'EBUSY', 'HANDLER_REGISTER', dev)
    refused('a new key exchange with no such peer', 'ENOENT', 'REKEY', peer(77))
    other.sock.close()
    accepted('a handler after the first has gone', 'HANDLER_REGISTER', dev)
    to2 = nl.u32('FRAME_NODE_ID', 2)
    data = lambda b: nl.attr('FRAME_DATA', b)
    pilk = b'PILK' + bytes(36)
    refused('a frame without data', 'EINVAL', 'FRAME', frame(to2))
    refused('an empty frame', 'ERANGE|EINVAL', 'FRAME', frame(to2, data(b'')))
    refused('a frame of 1025 bytes', 'ERANGE|EINVAL', 'FRAME', frame(to2, data(b'PILK' + bytes(1021))))
    for magic in (b'PILS', b'PILT', b'XXXX', b'\x02', b'\x04', b'\x05', b'\x06', b'\x00'):
        refused('sending a frame that begins with %r' % magic, 'EINVAL|EPERM', 'FRAME',
                frame(to2, data(magic + bytes(40))))
    refused('a frame to nobody', 'EDESTADDRREQ', 'FRAME', frame(data(pilk)))
    refused('a frame to no such peer', 'ENOENT', 'FRAME', frame(nl.u32('FRAME_NODE_ID', 77), data(pilk)))
    accepted('a PILK frame to a peer', 'FRAME', frame(to2, data(pilk)))
    there = nl.nest('FRAME_ENDPOINT', ip4('127.0.0.1'), nl.be16('ENDPOINT_PORT', 4000))
    relayed = nl.attr('FRAME_RELAYED', b'')
    accepted('a probe', 'PROBE', frame(to2))
    accepted('a probe to another address', 'PROBE', frame(to2, there))
    refused('a probe without a peer', 'EINVAL', 'PROBE', dev)
    refused('a probe to nobody', 'EINVAL', 'PROBE', frame())
    refused('a probe to no such peer', 'ENOENT', 'PROBE', frame(nl.u32('FRAME_NODE_ID', 77)))
    refused('a probe with data', 'EINVAL', 'PROBE', frame(to2, data(pilk)))
    refused('a probe both ways', 'EINVAL', 'PROBE', frame(to2, there, relayed))
    refused('a probe to port 0', 'ERANGE|EINVAL', 'PROBE',
            frame(to2, nl.nest('FRAME_ENDPOINT', ip4('127.0.0.1'), nl.be16('ENDPOINT_PORT', 0))))
    nl.request('PEER_NEW', peer(66, endpoint(ip4('127.0.0.1'), nl.be16('ENDPOINT_PORT', 9))))
    refused('a probe without a key', 'ENOKEY', 'PROBE', frame(nl.u32('FRAME_NODE_ID', 66)))
    nl.request('PEER_DEL', peer(66))


def unprivileged():
    """In a child, as nobody: everything is refused, also joining the group."""
    read, write = os.pipe()
    child = os.fork()
    if not child:
        os.setgroups([])
        os.setresgid(65534, 65534, 65534)
        os.setresuid(65534, 65534, 65534)
        wrong = []
        mine = Genl()
        for command in ('DEVICE_GET', 'DEVICE_SET', 'PEER_GET', 'PEER_NEW', 'PEER_SET', 'PEER_DEL',
                        'KEY_GET', 'KEY_SET', 'KEY_DEL', 'HANDLER_REGISTER', 'FRAME', 'REKEY',
                        'PROBE'):
            got = mine.refusal(command, peer(2))
            if not got or got[0] != 'EPERM':
                wrong.append('%s: %s' % (command, got or 'accepted'))
        try:
            mine.sock.setsockopt(SOL_NETLINK, NETLINK_ADD_MEMBERSHIP, mine.groups['events'])
            wrong.append('joining the group was accepted')
        except PermissionError:
            pass
        os.write(write, '; '.join(wrong).encode())
        os._exit(0)
    os.close(write)
    with os.fdopen(read) as f:
        problem = f.read()
    _, status = os.waitpid(child, 0)
    tap.result('an unprivileged caller is refused everything',
               problem or (status and 'the child died: %d' % status))


def garbage():
    """Random bytes where attributes should be: any answer, but no crash."""
    import random
    rng = random.Random(1)
    for _ in range(400):
        data = rng.randbytes(rng.randrange(0, 200))
        command = rng.choice(('DEVICE_GET', 'DEVICE_SET', 'PEER_NEW', 'PEER_SET', 'PEER_DEL',
                              'KEY_GET', 'KEY_SET', 'FRAME'))
        which = rng.choice(('DEVICE', 'PEER', 'KEY', 'FRAME', 'EVENT'))
        nl.refusal(command, dev, nla(nl.id(which) | NLA_F_NESTED, data))
    tap.result('400 requests of random bytes are survived',
               nl.refusal('DEVICE_GET', dev) and 'the device does not answer any more')


SECRET = bytes(range(100, 132))
tap = Tap()
nl = Genl()
dev = nl.attr('IFNAME', 'pilot0')
nl.request('DEVICE_SET', device(nl.u32('DEVICE_NODE_ID', 1)))
nl.request('PEER_NEW', peer(2, endpoint(ip4('127.0.0.1'), nl.be16('ENDPOINT_PORT', 9))))
nl.request('KEY_SET', key(2, nl.attr('KEY_SECRET', SECRET)))
for part in (which_device, device_settings, peers, dumps, keys, handler, unprivileged, garbage):
    part()
print('1..%d' % tap.n)
sys.exit(tap.failed != 0)
