# SPDX-License-Identifier: GPL-2.0
"""Generic netlink for tests, independent of the C programs.

The numbers come from include/uapi/linux/pilot.h itself:

    nl = Genl()
    nl.request('PEER_NEW', nl.attr('IFNAME', 'pilot0'),
               nl.nest('PEER', nl.u32('PEER_NODE_ID', 7)))
"""
import errno
import functools
import os
import re
import socket
import struct
import sys

HEADER = os.path.join(os.path.dirname(os.path.abspath(__file__)),
                      '../../include/uapi/linux/pilot.h')

NLM_F_REQUEST, NLM_F_ACK, NLM_F_DUMP = 1, 4, 0x300
NLM_F_CAPPED, NLM_F_ACK_TLVS = 0x100, 0x200
NLMSG_ERROR, NLMSG_DONE = 2, 3
NLA_F_NESTED = 0x8000
SOL_NETLINK, NETLINK_EXT_ACK, NETLINK_GET_STRICT_CHK = 270, 11, 12
GENL_ID_CTRL, CTRL_CMD_GETFAMILY = 16, 3


# Once: who drops privileges afterwards may not be able to read it again.
@functools.lru_cache(maxsize=None)
def read_enums(path=HEADER):
    """All enumerators of a header and their values."""
    with open(path, encoding='ascii') as f:
        text = re.sub(r'/\*.*?\*/', '', f.read(), flags=re.S)
    values = {}
    for body in re.findall(r'\benum\s+\w+\s*{(.*?)}', text, re.S):
        following = 0
        for entry in filter(None, (e.strip() for e in body.split(','))):
            name, _, expr = (part.strip() for part in entry.partition('='))
            if expr:
                following = eval(expr, {}, dict(values))
            values[name] = following
            following += 1
    return values


class NlError(OSError):
    """A refusal: errno, and the kernel's text in strerror."""


def nla(kind, data):
    length = 4 + len(data)
    return struct.pack('=HH', length, kind) + data + b'\0' * (-length % 4)


def parse(data):
    """[(type, payload)] of a run of attributes."""
    out, at = [], 0
    while at + 4 <= len(data):
        length, kind = struct.unpack_from('=HH', data, at)
        if length < 4:
            break
        out.append((kind & 0x3fff, data[at + 4:at + length]))
        at += (length + 3) & ~3
    return out


class Genl:
    def __init__(self, family='pilot'):
        self.values = read_enums()
        self.sock = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, 16)
        self.sock.bind((0, 0))
        self.sock.setsockopt(SOL_NETLINK, NETLINK_EXT_ACK, 1)
        self.sock.setsockopt(SOL_NETLINK, NETLINK_GET_STRICT_CHK, 1)
        self.seq = 0
        reply = self.raw(GENL_ID_CTRL, CTRL_CMD_GETFAMILY, 2,
                         nla(2, family.encode() + b'\0'))
        attrs = dict(parse(reply[0]))
        self.family = struct.unpack('=H', attrs[1])[0]
        self.groups = {}
        for _, group in parse(attrs.get(7, b'')):
            group = dict(parse(group))
            self.groups[group[1].rstrip(b'\0').decode()] = struct.unpack('=I', group[2])[0]

    # Building attributes; names without their PILOT_A_.
    def id(self, name):
        return self.values['PILOT_A_' + name]

    def attr(self, name, data):
        if isinstance(data, str):
            data = data.encode() + b'\0'
        return nla(self.id(name), data)

    def u8(self, name, value):
        return self.attr(name, struct.pack('=B', value))

    def u16(self, name, value):
        return self.attr(name, struct.pack('=H', value))

    def u32(self, name, value):
        return self.attr(name, struct.pack('=I', value))

    def be16(self, name, value):
        return self.attr(name, struct.pack('>H', value))

    def nest(self, name, *attrs):
        return nla(self.id(name) | NLA_F_NESTED, b''.join(attrs))

    # Reading them.
    def get(self, attrs, name):
        """The payload of one attribute, None if it is absent."""
        return dict(parse(attrs)).get(self.id(name))

    def all(self, attrs, name):
        return [data for kind, data in parse(attrs) if kind == self.id(name)]

    def number(self, attrs, name):
        data = self.get(attrs, name)
        return None if data is None else int.from_bytes(data, sys.byteorder)

    # Exchanges.
    def read(self):
        return self.sock.recv(1 << 17)

    def raw(self, kind, command, version, attrs, flags=NLM_F_ACK):
        self.seq += 1
        payload = struct.pack('=BBH', command, version, 0) + attrs
        self.sock.send(struct.pack('=IHHII', 16 + len(payload), kind,
                                   NLM_F_REQUEST | flags, self.seq, 0) + payload)
        replies = []
        while True:
            data, at = self.read(), 0
            while at < len(data):
                length, got, mflags, seq, _ = struct.unpack_from('=IHHII', data, at)
                body = data[at + 16:at + length]
                at += (length + 3) & ~3
                if seq != self.seq:
                    continue
                if got in (NLMSG_ERROR, NLMSG_DONE):
                    self.check(body, mflags, got)
                    return replies
                replies.append(body[4:])

    @staticmethod
    def check(body, flags, kind):
        code = -struct.unpack_from('=i', body)[0] if len(body) >= 4 else 0
        if not code:
            return
        text, tlvs = '', b''
        if flags & NLM_F_ACK_TLVS:
            if kind == NLMSG_DONE:
                tlvs = body[4:]
            else:
                quoted = 16 if flags & NLM_F_CAPPED else struct.unpack_from('=I', body, 4)[0]
                tlvs = body[4 + ((quoted + 3) & ~3):]
            for k, v in parse(tlvs):
                if k == 1:
                    text = v.rstrip(b'\0').decode()
        raise NlError(code, text or os.strerror(code))

    def request(self, command, *attrs, dump=False):
        """Attributes of each reply; raises NlError if refused."""
        return self.raw(self.family, self.values['PILOT_CMD_' + command], 1,
                        b''.join(attrs), NLM_F_DUMP if dump else NLM_F_ACK)

    def refusal(self, command, *attrs, **kw):
        """(errno name, text) of a refused request, None if it was accepted."""
        try:
            self.request(command, *attrs, **kw)
        except NlError as e:
            return errno.errorcode.get(e.errno, str(e.errno)), e.strerror
        return None
