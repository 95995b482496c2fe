#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""usage: beacon.py ADDRESS PORT [--control FIFO] [NODE=ADDRESS:PORT...]

A beacon (protocol.rst section 7), for tests. Where a node is, it learns from its
discover messages; nodes given as arguments are known from the start. What the
kernel has merged (UDP_GRO) goes on merged (UDP_SEGMENT).

Says "ready", then a line for each thing it does the first time, or anew:
  discover NODE ADDRESS:PORT     a node is there now
  punch NODE NODE                both are told
  relay NODE NODE                the first frame from one to the other

The control FIFO takes faults, a line each:
  mute [TYPE...]                 messages of these types (01, 03, 05) are lost; without: all
  unmute
  delay SECONDS                  everything goes out later
  forget                         as after a restart: it knows no node
  lie discover ADDRESS:PORT      discover replies say this
  lie punch ADDRESS:PORT         punch commands send everyone there
  lie off
  garbage ADDRESS:PORT           replies of wrong lengths and types, at once
  deliver NODE SENDER HEX        a relay-deliver to NODE, of SENDER, of these bytes
"""
import heapq
import os
import random
import select
import socket
import struct
import sys
import time

DISCOVER, DISCOVER_REPLY, PUNCH_REQUEST, PUNCH_COMMAND, RELAY, RELAY_DELIVER = range(1, 7)
SO_RCVBUFFORCE, UDP_SEGMENT, UDP_GRO = 33, 103, 104


def parse_address(text):
    host, port = text.rsplit(':', 1)
    return host.strip('[]'), int(port)


def show(address):
    host, port = address
    return '[%s]:%d' % (host, port) if ':' in host else '%s:%d' % (host, port)


def with_address(kind, address):
    """A message that carries an address: length, IP, port."""
    host, port = address
    family = socket.AF_INET6 if ':' in host else socket.AF_INET
    ip = socket.inet_pton(family, host)
    return struct.pack('>BB', kind, len(ip)) + ip + struct.pack('>H', port)


class Beacon:
    def __init__(self, address, port, nodes=()):
        family = socket.AF_INET6 if ':' in address else socket.AF_INET
        self.sock = socket.socket(family, socket.SOCK_DGRAM)
        self.sock.bind((address, port))
        self.sock.setsockopt(socket.SOL_UDP, UDP_GRO, 1)
        try:
            self.sock.setsockopt(socket.SOL_SOCKET, SO_RCVBUFFORCE, 1 << 22)
        except PermissionError:
            pass
        self.nodes = dict(nodes)
        self.relayed = set()
        self.muted = set()
        self.delay = 0.0
        self.lies = {}
        self.later = []
        self.count = 0

    def fileno(self):
        return self.sock.fileno()

    @staticmethod
    def say(*words):
        print(*words, flush=True)

    # ---- out

    def send(self, address, parts, size=0):
        """Datagrams to one place; with SIZE all but the last are that long."""
        if self.delay:
            self.count += 1
            heapq.heappush(self.later, (time.monotonic() + self.delay, self.count,
                                        address, parts, size))
        else:
            self.send_now(address, parts, size)

    def send_now(self, address, parts, size):
        try:
            if size:
                self.sock.sendmsg(parts, [(socket.SOL_UDP, UDP_SEGMENT,
                                           struct.pack('H', size))], 0, address)
            else:
                for part in parts:
                    self.sock.sendto(part, address)
        except OSError as e:
            self.say('error', show(address), e)

    def timeout(self):
        return max(0.0, self.later[0][0] - time.monotonic()) if self.later else None

    def flush(self):
        while self.later and self.later[0][0] <= time.monotonic():
            self.send_now(*heapq.heappop(self.later)[2:])

    # ---- in

    def receive(self):
        data, ctl, _, source = self.sock.recvmsg(1 << 17, 64)
        if not data or data[0] in self.muted:
            return
        source = source[:2]
        size = struct.unpack('i', ctl[0][2][:4])[0] if ctl else len(data)
        parts = [data[i:i + size] for i in range(0, len(data), size)]
        if parts[0][0] == RELAY and all(p[:9] == data[:9] for p in parts):
            self.relay(parts, size if len(parts) > 1 else 0)
            return
        for p in parts:
            if p[0] == DISCOVER and len(p) == 5:
                self.discover(struct.unpack('>I', p[1:])[0], source)
            elif p[0] == PUNCH_REQUEST and len(p) == 9:
                self.punch(*struct.unpack('>II', p[1:]))
            elif p[0] == RELAY:
                self.relay([p], 0)

    def discover(self, node, source):
        if self.nodes.get(node) != source:
            self.say('discover', node, show(source))
        self.nodes[node] = source
        self.send(source, [with_address(DISCOVER_REPLY, self.lies.get('discover', source))])

    def punch(self, requester, target):
        if requester not in self.nodes or target not in self.nodes:
            return
        self.say('punch', requester, target)
        for node, other in ((requester, target), (target, requester)):
            address = self.lies.get('punch', self.nodes[other])
            self.send(self.nodes[node], [with_address(PUNCH_COMMAND, address)])

    def relay(self, parts, size):
        if len(parts[0]) < 13:
            return
        sender, destination = struct.unpack('>II', parts[0][1:9])
        if destination not in self.nodes:
            return
        if (sender, destination) not in self.relayed:
            self.relayed.add((sender, destination))
            self.say('relay', sender, destination)
        self.send(self.nodes[destination],
                  [bytes([RELAY_DELIVER]) + p[1:5] + p[9:] for p in parts],
                  size - 4 if size else 0)

    # ---- faults

    def garbage(self, address):
        right = with_address(DISCOVER_REPLY, ('192.0.2.66', 6666))
        for kind in (DISCOVER_REPLY, PUNCH_COMMAND):
            body = bytes([kind]) + right[1:]
            for msg in (body[:1], body[:-1], body + b'x', body[:1] + b'\x00' + body[2:],
                        body[:1] + b'\x10' + body[2:], body[:1] + b'\xff' + body[2:],
                        with_address(kind, ('0.0.0.0', 1)), with_address(kind, ('224.0.0.1', 1)),
                        with_address(kind, ('255.255.255.255', 1)),
                        with_address(kind, ('::', 1)), with_address(kind, ('192.0.2.66', 0))):
                self.send_now(address, [msg], 0)
        for length in (1, 4, 5, 9, 60, 1200):
            self.send_now(address, [bytes([random.randrange(16)]) +
                                    os.urandom(length - 1)], 0)

    def command(self, line):
        words = line.split()
        if not words:
            return
        if words[0] == 'mute':
            self.muted = {int(w, 16) for w in words[1:]} or set(range(16))
        elif words[0] == 'unmute':
            self.muted = set()
        elif words[0] == 'delay':
            self.delay = float(words[1])
        elif words[0] == 'forget':
            self.nodes = {}
            self.relayed = set()
        elif words[0] == 'lie' and words[1] == 'off':
            self.lies = {}
        elif words[0] == 'lie':
            self.lies[words[1]] = parse_address(words[2])
        elif words[0] == 'garbage':
            self.garbage(parse_address(words[1]))
        elif words[0] == 'deliver':
            self.send(self.nodes[int(words[1])],
                      [struct.pack('>BI', RELAY_DELIVER, int(words[2])) +
                       bytes.fromhex(words[3])])
        else:
            raise ValueError('unknown command %r' % line)
        self.say('done', line.strip())


    def run(self, control=None):
        """For ever; CONTROL is the path of a FIFO."""
        fifo, sources = b'', [self]
        if control:
            # for writing too, so that it has no end
            control = os.open(control, os.O_RDWR | os.O_NONBLOCK)
            sources.append(control)
        while True:
            ready = select.select(sources, [], [], self.timeout())[0]
            self.flush()
            if self in ready:
                self.receive()
            if control in ready:
                fifo += os.read(control, 4096)
                *lines, fifo = fifo.split(b'\n')
                for line in lines:
                    try:
                        self.command(line.decode())
                    except (ValueError, KeyError, IndexError) as e:
                        self.say('failed', line.decode(), repr(e))


def main():
    args, control = sys.argv[1:], None
    if '--control' in args:
        i = args.index('--control')
        control = args[i + 1]
        del args[i:i + 2]
    if len(args) < 2:
        sys.exit(__doc__)
    nodes = {}
    for arg in args[2:]:
        node, address = arg.split('=')
        nodes[int(node)] = parse_address(address)
    beacon = Beacon(args[0], int(args[1]), nodes)
    beacon.say('ready')
    beacon.run(control)


if __name__ == '__main__':
    main()
