#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""Installs a key as a daemon does after a key exchange.

  setkey.py NODE FILE ID    on pilot0; FILE holds the secret in base64, the
                            X25519 keys are made up from ID
"""
import base64
import os
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from genl import Genl  # noqa: E402

node, path, name = int(sys.argv[1]), sys.argv[2], int(sys.argv[3])
with open(path, encoding='ascii') as f:
    secret = base64.b64decode(f.read())
nl = Genl()
nl.request('KEY_SET', nl.attr('IFNAME', 'pilot0'),
           nl.nest('KEY', nl.u32('KEY_NODE_ID', node), nl.u32('KEY_ID', name),
                   nl.attr('KEY_SECRET', secret), nl.attr('KEY_AUTHENTICATED', b''),
                   nl.attr('KEY_PEER_X25519', bytes([name]) * 32),
                   nl.attr('KEY_LOCAL_X25519', bytes([name]) * 32)))
