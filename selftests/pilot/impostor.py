#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""usage: impostor.py IDENTITY NODE ADDRESS:PORT SECONDS

Node NODE, if one believes the identity in the file: sends PILA frames in its
name twice a second, and proves the keys that result by a packet to whom it talks to.
Does all a real node would do to have a session."""
import base64
import ctypes
import hashlib
import hmac
import json
import os
import socket
import struct
import sys
import time
import zlib

sodium = ctypes.CDLL('libsodium.so.23')
if sodium.sodium_init() < 0 or not sodium.crypto_aead_aes256gcm_is_available():
    sys.exit('impostor.py: libsodium has no AES-256-GCM on this machine')

path, node, to, seconds = sys.argv[1:]
with open(path, encoding='ascii') as f:
    identity = base64.b64decode(json.load(f)['private_key'])
sender = struct.pack('>I', int(node))
host, port = to.rsplit(':', 1)


def out(size, function, *args):
    buf = ctypes.create_string_buffer(size)
    if getattr(sodium, function)(buf, *args):
        raise OSError(function)
    return buf.raw


def pila(public):
    text = b'auth' + sender + public
    signature = out(64, 'crypto_sign_detached', None, text, ctypes.c_ulonglong(len(text)), identity)
    return b'PILA' + sender + public + identity[32:] + signature


def derive(private, public):
    shared = out(32, 'crypto_scalarmult', private, public)
    extracted = hmac.new(bytes(32), shared, hashlib.sha256).digest()
    return hmac.new(extracted, b'pilot-tunnel-v1\x01', hashlib.sha256).digest()


def pils(key, counter, receiver):
    nonce = os.urandom(4) + struct.pack('>Q', counter)
    # an answer from port 0 to port 0, without payload
    text = b'\x12\x03' + bytes(4) + sender + bytes(2) + receiver + bytes(18)
    text = text[:30] + struct.pack('>I', zlib.crc32(text))
    sealed = out(len(text) + 16, 'crypto_aead_aes256gcm_encrypt', None, text,
                 ctypes.c_ulonglong(len(text)), sender, ctypes.c_ulonglong(4), None, nonce, key)
    return b'PILS' + sender + nonce + sealed


sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
sock.bind(('', 37736))
privates, sent, proved = [], 0, 0
end = time.monotonic() + float(seconds)
while time.monotonic() < end:
    privates.append(os.urandom(32))
    sock.sendto(pila(out(32, 'crypto_scalarmult_base', privates[-1])), (host, int(port)))
    sent += 1
    until = time.monotonic() + 0.5
    while time.monotonic() < until:
        sock.settimeout(max(0.01, until - time.monotonic()))
        try:
            frame = sock.recv(2048)
        except socket.timeout:
            break
        if frame[:4] == b'PILA' and len(frame) >= 136:
            # It may be late: which of ours it answers is not known.
            for private in privates:
                proved += 1
                sock.sendto(pils(derive(private, frame[8:40]), proved, frame[4:8]), (host, int(port)))
print('sent', sent, 'PILA, got and proved', proved)
