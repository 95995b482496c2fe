#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""usage: fuzz_frames.py SECONDS SEED NETNS ADDRESS PORT BEACON

Plays node 2 and the beacon against the device pilot0 (node 1) in NETNS, whose
underlay address is ADDRESS:PORT. Sends frames whose plaintext was mutated before
they were sealed, frames that were mutated afterwards, handshake frames and
messages of the beacon, alone and in super-packets, directly and relayed. Between
them genuine echo requests have to be answered, directly and relayed. BEACON is
an address of this namespace, port 9001. What is sent depends on SEED only."""
import random
import select
import socket
import struct
import subprocess
import sys
import time

from carry import UDP_SEGMENT, enter, family
import frames
import super as model

PORT, BEACON_PORT = 37736, 9001
LARGEST = 1452  # of one datagram, over IPv6; larger ones go alone, in fragments
PATIENCE = 30


def echo(n, payload=b'12345678'):
    icmp = struct.pack('>BBHHH', 8, 0, 0, 77, n & 0xffff) + payload
    icmp = icmp[:2] + struct.pack('>H', model.checksum(icmp)) + icmp[4:]
    return model.finish(struct.pack('>BBHHHBBH', 0x45, 0, 0, n & 0xffff, 0, 64, 1, 0) +
                        model.ADDRESS[4][1] + model.ADDRESS[4][0] + icmp)


class Fuzzer:
    def __init__(self, seed, netns, address, port, beacon):
        self.rng = random.Random(seed)
        self.netns, self.to = netns, (address, port)
        self.direct = self.socket('', PORT)
        self.beacon = self.socket(beacon, BEACON_PORT)
        self.stranger = self.socket('', 0)
        self.socks = self.direct, self.beacon, self.stranger
        self.echoes = self.frames = 0
        self.new_key()

    def socket(self, address, port):
        sock = socket.socket(family(self.to[0]), socket.SOCK_DGRAM)
        sock.bind((address, port))
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 1 << 22)
        return sock

    def new_key(self):
        """Mutated nonces may have used up the old one."""
        self.key, self.prefix, self.counter = self.rng.randbytes(32), self.rng.randbytes(4), 0
        subprocess.run(['nsenter', '--net=/run/netns/' + self.netns, 'pilot', 'key', 'set', 'pilot0',
                        '2', '/dev/stdin'], input=self.key.hex(), text=True, check=True)

    def likely(self, percent):
        return self.rng.randrange(100) < percent

    def seal(self, plaintext):
        self.counter += 1
        prefix, counter = self.prefix, self.counter
        if self.likely(1):
            counter = self.rng.choice([0, 1, counter - 1, max(0, counter - 300), counter + 5000])
        elif self.likely(1):
            prefix = self.rng.randbytes(4)
        return frames.seal(self.key, 2 if self.likely(99) else self.rng.choice([0, 1, 3, 2 ** 32 - 1]),
                           prefix, counter, plaintext)

    # What is inside

    def mutate(self, data, most=3):
        data = bytearray(data)
        for _ in range(self.rng.randint(1, most)):
            if not data:
                return b''
            at = self.rng.choice([self.rng.randrange(len(data)), self.rng.randrange(min(len(data), 64))])
            how = self.rng.randrange(6)
            if how < 2:
                data[at] ^= 1 << self.rng.randrange(8)
            elif how == 2:
                data[at] = self.rng.choice([0, 0xff, 0x7f, 0x45, 0x60, 0x10])
            elif how == 3:
                del data[at:]
            elif how == 4:
                data[at:at + 2] = struct.pack('>H', self.rng.choice([0, 1, 20, 0xffff, len(data), len(data) - 1]))
            else:
                data[at:at] = self.rng.randbytes(self.rng.randrange(1, 40))
        return bytes(data)

    def ip(self, version, proto, body):
        src, dst = model.ADDRESS[version][1], model.ADDRESS[version][0]
        if version == 4:
            options = self.rng.randbytes(4 * self.rng.randrange(10)) if self.likely(5) else b''
            return struct.pack('>BBHHHBBH', 0x45 + len(options) // 4, self.rng.choice([0, 2, 3]), 0,
                               self.rng.randrange(65536), self.rng.choice([0x4000, 0x4000, 0, 0x2000]),
                               64, proto, 0) + src + dst + options + body
        if self.likely(10):
            body = struct.pack('>BB', proto, 0) + bytes(6) + body
            proto = self.rng.choice([0, 60, 43])
        return struct.pack('>IHBB', 0x60000000, 0, proto, 64) + src + dst + body

    def packet(self, size):
        version, kind = self.rng.choice([4, 6]), self.rng.randrange(5)
        data = self.rng.randbytes(size)
        if kind == 0:
            return self.ip(version, model.UDP, struct.pack('>HHHH', 4000, 4001, 0, 0) + data)
        if kind == 1:
            return self.ip(version, self.rng.randrange(256), data)
        if kind == 2:   # a Pilot packet, CRC and all left to chance
            return struct.pack('>BBHHIHIHHIIHI', 0x10 | self.rng.randrange(16), self.rng.choice([1, 2, 3, 4]),
                               len(data), 0, 2, 0, 1, 1000, 0, 0, 0, 0, 0) + data
        if kind == 3:
            return data
        return self.tcp(version, self.rng.randrange(1 << 32), data)

    def tcp(self, version, seq, data):
        options = self.rng.choice([b'', b'\1\1\x08\x0a' + bytes(8)])
        return self.ip(version, model.TCP, struct.pack(
            '>HHIIBBHHH', 5000, 5001, seq, 1, (20 + len(options)) // 4 << 4,
            model.ACK | (model.PSH if self.likely(10) else 0), 1000, 0, 0) + options + data)

    def whole(self, packet):
        try:
            return model.finish(packet)
        except (IndexError, struct.error, ValueError, TypeError, OverflowError):
            return packet

    def run(self):
        """Segments of one flow, so that they could be merged."""
        version, seq, size = self.rng.choice([4, 6]), self.rng.randrange(1 << 32), self.rng.choice([100, 536, 1300])
        out = []
        for _ in range(self.rng.randint(2, 40)):
            out.append(self.tcp(version, seq & 0xffffffff, self.rng.randbytes(size)))
            seq += size if self.likely(95) else self.rng.randrange(1 << 20)
        return out

    def plaintexts(self):
        packets = self.run() if self.likely(50) else \
            [self.packet(self.rng.choice([0, 1, 8, 33, 100, 1300])) for _ in range(self.rng.randint(1, 8))]
        out = []
        for p in packets:
            p = self.whole(p) if self.likely(90) else p
            p = self.mutate(p) if self.likely(30) else p
            # Another's checksum is wrong now: right ones get further.
            out.append(self.whole(p) if self.likely(50) else p)
        return out

    # What is outside

    def outer(self):
        """A list of frames."""
        kind = self.rng.randrange(10)
        if kind < 7:
            out = [self.seal(p) for p in self.plaintexts()]
            return [self.mutate(f) if self.likely(8) else f for f in out]
        if kind == 7:
            f = self.rng.choice([b'PILA', b'PILK', b'PILP', b'PILT', b'PILS', b'PIL']) + \
                struct.pack('>I', self.rng.choice([1, 2, 3])) + self.rng.randbytes(self.rng.choice([0, 31, 32, 128, 200]))
            return [f, self.mutate(f)]
        f = self.rng.choice([b'\2\4' + self.rng.randbytes(6), b'\2\20' + self.rng.randbytes(18),
                             b'\4\4' + self.rng.randbytes(6), b'\1\0\0\0\2', b'\6\0\0\0\2', b'\6',
                             b'\5' + struct.pack('>II', 2, 1) + self.seal(b''),
                             b'\x0f', self.rng.randbytes(1), b''])
        return [f, self.mutate(f)]

    def deliver(self, frame):
        return b'\6\0\0\0\2' + frame

    def send(self, batch):
        sock = self.direct
        how = self.rng.randrange(10)
        if how < 3:
            batch, sock = [self.deliver(f) for f in batch], self.beacon
        elif how == 3:
            sock = self.beacon
        elif how == 4:
            sock = self.stranger
        self.frames += len(batch)
        if self.likely(60):
            self.send_super(sock, batch)
        else:
            for f in batch:
                sock.sendto(f, self.to)

    def send_super(self, sock, batch):
        """Runs of one size, the last may be shorter, as one datagram super-packet each."""
        run = []
        for f in batch + [None]:
            if run and (f is None or len(f) > len(run[0]) or len(run[-1]) < len(run[0]) or
                        (len(run) + 1) * len(run[0]) > 60000 or len(run) == 64 or
                        len(run[0]) > LARGEST):
                sock.sendmsg([b''.join(run)], [(socket.SOL_UDP, UDP_SEGMENT, struct.pack('=H', len(run[0])))]
                             if len(run) > 1 and run[0] else [], 0, self.to)
                run = []
            if f is not None:
                run.append(f)

    # The genuine one

    def answered(self, relayed):
        """An echo request comes back."""
        self.echoes += 1
        want = echo(self.echoes)[20:]
        want = b'\0\0' + want[4:]     # type 0, checksum left out
        end = time.monotonic() + PATIENCE
        while time.monotonic() < end:
            self.counter += 1
            f = frames.seal(self.key, 2, self.prefix, self.counter, echo(self.echoes))
            if relayed:
                self.beacon.sendto(self.deliver(f), self.to)
            else:
                self.direct.sendto(f, self.to)
            # The answer goes to where the last genuine frame came from directly.
            again = time.monotonic() + 2
            while time.monotonic() < again:
                for sock in select.select(self.socks, [], [], 0.2)[0]:
                    try:
                        text = frames.open_frame(self.key, sock.recv(65535))[3]
                    except ValueError:
                        continue
                    if text[:1] == b'\x45' and text[20:22] + text[24:] == want:
                        return
        sys.exit('echo request %d%s was not answered in %d s, after %d frames' %
                 (self.echoes, ' (relayed)' if relayed else '', PATIENCE, self.frames))

    def drain(self):
        while True:
            ready = select.select(self.socks, [], [], 0)[0]
            if not ready:
                return
            for sock in ready:
                sock.recv(65535)


def main():
    seconds, seed, netns, address, port, beacon = sys.argv[1:7]
    fuzzer = Fuzzer(int(seed), netns, address, int(port), beacon)
    end = time.monotonic() + float(seconds)
    n = 0
    while time.monotonic() < end or n % 40:
        fuzzer.send(fuzzer.outer())
        n += 1
        if n % 10 == 0:
            fuzzer.drain()
        if n % 40 == 0:
            fuzzer.new_key()
            fuzzer.answered(n % 80 == 0)
    print('seed %s: %d frames, %d echo requests answered' % (seed, fuzzer.frames, fuzzer.echoes))


if __name__ == '__main__':
    main()
