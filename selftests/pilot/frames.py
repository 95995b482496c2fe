#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""Make, open, capture and send tunnel frames, apart from the module.

  frames.py capture INTERFACE PORT   "ready", then UDP payloads to PORT seen on INTERFACE, in hex
  frames.py hoard INTERFACE          "ready", then keeps what it sees, unread
  frames.py send ADDRESS PORT [SOURCE-PORT]   datagrams given in hex, one a line, on stdin
  frames.py open KEYFILE   PILS frames in hex on stdin: sender, prefix, counter, plaintext
  frames.py seal KEYFILE SENDER PREFIX COUNTER [PLAINTEXT]   one PILS frame in hex
"""
import base64
import ctypes
import ipaddress
import signal
import socket
import struct
import sys
import time

MAGICS = {b'PILS', b'PILA', b'PILK', b'PILP', b'PILT'}


def read_key(path):
    with open(path, encoding='ascii') as f:
        text = f.read().strip()
    key = bytes.fromhex(text) if len(text) == 64 else base64.b64decode(text)
    assert len(key) == 32
    return key


class SodiumAes256Gcm:
    """libsodium's; the cryptography package takes long to load under emulation."""

    def __init__(self):
        self.lib = ctypes.CDLL('libsodium.so.23')
        if self.lib.sodium_init() < 0 or not self.lib.crypto_aead_aes256gcm_is_available():
            raise NotImplementedError

    def encrypt(self, key, nonce, text, aad):
        out, length = ctypes.create_string_buffer(len(text) + 16), ctypes.c_ulonglong()
        self.lib.crypto_aead_aes256gcm_encrypt(
            out, ctypes.byref(length), text, ctypes.c_ulonglong(len(text)),
            aad, ctypes.c_ulonglong(len(aad)), None, nonce, key)
        return out.raw[:length.value]

    def decrypt(self, key, nonce, text, aad):
        out, length = ctypes.create_string_buffer(len(text)), ctypes.c_ulonglong()
        if self.lib.crypto_aead_aes256gcm_decrypt(
                out, ctypes.byref(length), None, text, ctypes.c_ulonglong(len(text)),
                aad, ctypes.c_ulonglong(len(aad)), nonce, key):
            raise ValueError('not authentic')
        return out.raw[:length.value]


class OpensslAes256Gcm:
    """OpenSSL's, for processors whose AES libsodium does not know."""
    GET_TAG, SET_TAG = 0x10, 0x11   # EVP_CTRL_AEAD_

    def __init__(self):
        self.lib = ctypes.CDLL('libcrypto.so.3')
        self.lib.EVP_aes_256_gcm.restype = self.lib.EVP_CIPHER_CTX_new.restype = ctypes.c_void_p

    def crypt(self, seal, key, nonce, text, aad, tag):
        """Returns the text; @tag is written or checked."""
        lib, n = self.lib, ctypes.c_int()
        out = ctypes.create_string_buffer(len(text))
        ctx = ctypes.c_void_p(lib.EVP_CIPHER_CTX_new())
        try:
            if not (lib.EVP_CipherInit_ex(ctx, ctypes.c_void_p(lib.EVP_aes_256_gcm()), None, key, nonce, seal)
                    and (seal or lib.EVP_CIPHER_CTX_ctrl(ctx, self.SET_TAG, 16, tag))
                    and lib.EVP_CipherUpdate(ctx, None, ctypes.byref(n), aad, len(aad))
                    and lib.EVP_CipherUpdate(ctx, out, ctypes.byref(n), text, len(text))
                    and lib.EVP_CipherFinal_ex(ctx, ctypes.create_string_buffer(16), ctypes.byref(n))
                    and (not seal or lib.EVP_CIPHER_CTX_ctrl(ctx, self.GET_TAG, 16, tag))):
                raise ValueError('not authentic')
        finally:
            lib.EVP_CIPHER_CTX_free(ctx)
        return out.raw

    def encrypt(self, key, nonce, text, aad):
        tag = ctypes.create_string_buffer(16)
        return self.crypt(1, key, nonce, text, aad, tag) + tag.raw

    def decrypt(self, key, nonce, text, aad):
        if len(text) < 16:
            raise ValueError('no tag')
        return self.crypt(0, key, nonce, text[:-16], aad, text[-16:])


aead = None


def cipher():
    global aead
    if not aead:
        try:
            aead = SodiumAes256Gcm()
        except NotImplementedError:
            aead = OpensslAes256Gcm()
    return aead


def seal(key, sender, prefix, counter, plaintext=b''):
    aad = struct.pack('>I', sender)
    nonce = prefix + struct.pack('>Q', counter)
    return b'PILS' + aad + nonce + cipher().encrypt(key, nonce, plaintext, aad)


def open_frame(key, frame):
    """(sender, prefix, counter, plaintext); raises ValueError if it is not authentic."""
    if frame[:4] != b'PILS' or len(frame) < 36:
        raise ValueError('not a PILS frame: %s' % frame[:20].hex())
    aad, nonce = frame[4:8], frame[8:20]
    plaintext = cipher().decrypt(key, nonce, frame[20:], aad)
    return (struct.unpack('>I', aad)[0], nonce[:4],
            struct.unpack('>Q', nonce[4:])[0], plaintext)


def udp_payload(packet):
    """(destination port, payload) of an unfragmented IP packet, else None."""
    version = packet[0] >> 4
    if version == 4:
        if packet[9] != 17 or struct.unpack_from('>H', packet, 6)[0] & 0x3fff:
            return None
        at = (packet[0] & 15) * 4
    elif version == 6:
        if packet[6] != 17:
            return None
        at = 40
    else:
        return None
    port, length = struct.unpack_from('>HH', packet, at + 2)
    return port, packet[at + 8:at + length]


def capture(interface, port):
    sock = socket.socket(socket.AF_PACKET, socket.SOCK_DGRAM, socket.htons(3))
    sock.bind((interface, 3))
    sock.settimeout(0.2)
    ended = []
    signal.signal(signal.SIGTERM, lambda *_: ended.append(time.monotonic()))
    print('ready', flush=True)
    # What is caught when we are told to end is to be written first.
    while not ended or time.monotonic() < ended[0] + 10:
        try:
            got = udp_payload(sock.recv(65535))
        except socket.timeout:
            if ended:
                return
            continue
        if got and got[0] == port:
            print(got[1].hex(), flush=True)


def hoard(interface):
    sock = socket.socket(socket.AF_PACKET, socket.SOCK_DGRAM, socket.htons(3))
    sock.setsockopt(socket.SOL_SOCKET, 33, 1 << 28)     # SO_RCVBUFFORCE
    sock.bind((interface, 3))
    print('ready', flush=True)
    signal.pause()


def send(address, port, source_port=0):
    version = ipaddress.ip_address(address).version
    family = socket.AF_INET6 if version == 6 else socket.AF_INET
    sock = socket.socket(family, socket.SOCK_DGRAM)
    sock.bind(('', source_port))
    for line in sys.stdin:
        sock.sendto(bytes.fromhex(line.strip()), (address, port))


def main():
    command, args = sys.argv[1], sys.argv[2:]
    if command == 'capture':
        capture(args[0], int(args[1]))
    elif command == 'hoard':
        hoard(args[0])
    elif command == 'send':
        send(args[0], int(args[1]), int(args[2]) if len(args) > 2 else 0)
    elif command == 'open':
        key = read_key(args[0])
        for line in sys.stdin:
            sender, prefix, counter, text = open_frame(key, bytes.fromhex(line.strip()))
            print(sender, prefix.hex(), counter, text.hex() or '-')
    elif command == 'seal':
        plaintext = bytes.fromhex(args[4]) if len(args) > 4 else b''
        print(seal(read_key(args[0]), int(args[1]), bytes.fromhex(args[2]),
                   int(args[3]), plaintext).hex())
    else:
        sys.exit(__doc__)


if __name__ == '__main__':
    main()
