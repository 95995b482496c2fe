# SPDX-License-Identifier: GPL-2.0
"""A registry (protocol.rst, section 6) for the tests: keeps to the protocol byte
for byte, and does wrong on request.

What it is to do wrong is read anew from the control file before each answer, one
fault a line; without the file, or with an empty one, it does everything right:

    slow SECONDS          each answer so late
    silent                no answers
    error TEXT            an error, for everything
    forget                heartbeats and resolve: nobody is known
    distrust              resolve: refused, there is no trust
    garbage               bytes instead of JSON
    length N              the announced length is N too large
    huge, zero            announces 2 GB, or nothing
    type NAME             the answer to another request
    order                 of two answers the second comes first
    hangup                closes instead of answering
    lie-address NODE A:P  says that NODE is there
    lie-key NODE KEY      says that this is NODE's key

Prints a line for each request: its type, the node, and what became of it.
"""
import base64
import ctypes
import json
import os
import socket
import struct
import threading
import time

FRAME_MAX = 1 << 20

_sodium = ctypes.CDLL('libsodium.so.23')
if _sodium.sodium_init() < 0:
    raise OSError('libsodium cannot be initialised')


def verify(key, signature, text):
    """Whether SIGNATURE over TEXT is of the Ed25519 KEY, both in base64."""
    try:
        key, signature = (base64.b64decode(v, validate=True) for v in (key, signature))
    except (ValueError, TypeError):
        return False
    text = text.encode()
    return len(key) == 32 and len(signature) == 64 and not \
        _sodium.crypto_sign_verify_detached(signature, text, ctypes.c_ulonglong(len(text)), key)


def join(host, port):
    return ('[%s]:%s' if ':' in host else '%s:%s') % (host, port)


class Refused(Exception):
    pass


class Registry:
    """FIRST_ID: node ID of the first to register. STATE: file for what is to
    survive a restart. CONTROL: the control file."""

    def __init__(self, first_id=1, state=None, control=None):
        self.next_id = first_id
        self.state = state
        self.control = control
        self.lock = threading.Lock()
        self.nodes = {}
        if state and os.path.exists(state):
            with open(state, encoding='ascii') as f:
                self.nodes = {int(k): v for k, v in json.load(f).items()}
            self.next_id = max([first_id - 1, *self.nodes]) + 1

    def faults(self):
        """{name: [arguments of each line]}"""
        found = {}
        try:
            with open(self.control, encoding='ascii') as f:
                for line in f:
                    words = line.split(None, 1)
                    if words:
                        found.setdefault(words[0], []).append(
                            words[1].strip() if len(words) > 1 else '')
        except (OSError, TypeError):
            pass
        return found

    def save(self):
        if self.state:
            with open(self.state + '.new', 'w', encoding='ascii') as f:
                json.dump(self.nodes, f)
            os.replace(self.state + '.new', self.state)

    # ---- requests

    def node(self, request, field='node_id'):
        node = request.get(field)
        if type(node) is not int or not 0 < node <= 0xffffffff:
            raise Refused('%s is not a node ID' % field)
        if node not in self.nodes:
            raise Refused('node %d not found' % node)
        return node, self.nodes[node]

    def signed(self, request, node, challenge):
        if not verify(node['public_key'], request.get('signature'), challenge):
            raise Refused('invalid signature')

    def do_register(self, request, source):
        listen, key = request.get('listen_addr'), request.get('public_key')
        if not isinstance(listen, str) or not isinstance(key, str) or ':' not in listen:
            raise Refused('listen_addr and public_key are needed')
        if not verify(key, request.get('signature'), 'register:%s:%s' % (listen, key)):
            raise Refused('invalid signature')
        known = [n for n, v in self.nodes.items() if v['public_key'] == key]
        node = known[0] if known else self.next_id
        if not known:
            self.next_id += 1
        real = join(source, listen.rsplit(':', 1)[1])
        old = self.nodes.get(node, {'public': False})
        self.nodes[node] = {'public_key': key, 'real_addr': real, 'public': old['public'],
                            'lan_addrs': request.get('lan_addrs', [])}
        self.save()
        return {'type': 'register_ok', 'node_id': node, 'address': address(node),
                'observed_addr': real}

    def do_lookup(self, request, source):
        node, found = self.node(request)
        answer = {'type': 'lookup_ok', 'node_id': node, 'public_key': found['public_key'],
                  'address': address(node), 'public': found['public'], 'networks': [0]}
        if found['public']:
            answer['real_addr'] = found['real_addr']
        return answer

    def do_resolve(self, request, source):
        requester, asking = self.node(request, 'requester_id')
        node, found = self.node(request)
        self.signed(request, asking, 'resolve:%d:%d' % (requester, node))
        return {'type': 'resolve_ok', 'node_id': node, 'real_addr': found['real_addr'],
                'lan_addrs': found['lan_addrs']}

    def do_heartbeat(self, request, source):
        node, found = self.node(request)
        self.signed(request, found, 'heartbeat:%d' % node)
        return {'type': 'heartbeat_ok', 'time': int(time.time())}

    def do_set_visibility(self, request, source):
        node, found = self.node(request)
        self.signed(request, found, 'set_visibility:%d' % node)
        found['public'] = request.get('public') is True
        self.save()
        return {'type': 'set_visibility_ok'}

    def do_deregister(self, request, source):
        node, found = self.node(request)
        self.signed(request, found, 'deregister:%d' % node)
        del self.nodes[node]
        self.save()
        return {'type': 'deregister_ok'}

    def answer(self, request, source, faults):
        """The answer to a request, with the lies asked for."""
        kind = request.get('type')
        do = getattr(self, 'do_%s' % kind, None) if isinstance(kind, str) else None
        try:
            if do is None:
                raise Refused('unknown request')
            if 'error' in faults:
                raise Refused(faults['error'][0])
            if 'forget' in faults and kind in ('heartbeat', 'resolve'):
                raise Refused('node %s not found' % request.get('node_id'))
            if 'distrust' in faults and kind == 'resolve':
                raise Refused('no trust between these nodes')
            with self.lock:
                answer = do(request, source)
        except Refused as e:
            answer = {'type': 'error', 'error': str(e)}
        for field, lies in (('real_addr', 'lie-address'), ('public_key', 'lie-key')):
            for lie in faults.get(lies, []):
                node, value = lie.split()
                if int(node) == request.get('node_id') and field in answer:
                    answer[field] = value
                    answer.pop('lan_addrs', None)
        for name in faults.get('type', []):
            answer['type'] = name
        print(kind, request.get('node_id', answer.get('node_id', '-')),
              answer.get('error', answer['type']), flush=True)
        return answer

    # ---- connections

    def serve(self, sock, source):
        """One connection; ends when the other end does, or when told."""
        held = None
        while True:
            head = receive(sock, 4)
            if head is None:
                return
            length, = struct.unpack('>I', head)
            body = receive(sock, length) if 0 < length <= FRAME_MAX else None
            if body is None:
                return
            faults = self.faults()
            request = json.loads(body)
            if not isinstance(request, dict):
                return
            answer = json.dumps(self.answer(request, source, faults),
                                separators=(',', ':')).encode()
            if 'slow' in faults:
                time.sleep(float(faults['slow'][0]))
            if 'hangup' in faults:
                return
            if 'silent' in faults:
                continue
            if 'garbage' in faults:
                answer = os.urandom(len(answer))
            length = len(answer) + int(faults.get('length', [0])[0])
            if 'huge' in faults:
                length = 0x7fffffff
            if 'zero' in faults:
                length = 0
            frame = struct.pack('>I', length) + answer
            if 'order' in faults and held is None:
                held = frame
                continue
            sock.sendall(frame + (held or b''))
            held = None

    def run(self, listener, tls=None):
        """Accept connections for ever."""
        while True:
            sock, peer = listener.accept()
            threading.Thread(target=self.one, args=(sock, peer[0], tls), daemon=True).start()

    def one(self, sock, source, tls):
        try:
            with sock:
                if tls:
                    sock = tls.wrap_socket(sock, server_side=True)
                sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                self.serve(sock, source)
        except (OSError, ValueError) as e:
            print('connection', source, e, flush=True)


def address(node):
    return '0:0000.%04X.%04X' % (node >> 16, node & 0xffff)


def receive(sock, length):
    data = b''
    while len(data) < length:
        part = sock.recv(length - len(data))
        if not part:
            return None
        data += part
    return data


def listen(host, port):
    family = socket.AF_INET6 if ':' in host else socket.AF_INET
    sock = socket.socket(family, socket.SOCK_STREAM)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    sock.bind((host, port))
    sock.listen(128)
    return sock
