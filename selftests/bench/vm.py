# SPDX-License-Identifier: GPL-2.0
"""The benchmark's VM: counts instructions, has all it needs in memory."""

import os
import subprocess
import tempfile

HERE = os.path.dirname(os.path.abspath(__file__))
TOP = os.path.dirname(os.path.dirname(HERE))

# Nothing is loaded on demand: the guest has no modprobe.
MODULES = ('veth vxlan wireguard esp4 xfrm_user xfrm_interface xfrm4_tunnel macsec ovpn udp_tunnel '
           'ip6_udp_tunnel gcm ctr ccm ghash_generic seqiv echainiv aesni_intel '
           'ghash_clmulni_intel drbg hmac sha256_generic sha512_generic chacha_x86_64 '
           'poly1305_x86_64 chacha20poly1305 curve25519_x86_64').split()


def figures(text):
    """What load prints: "per=8579.0 packets=3200 ..."."""
    return {k: float(v) for k, v in (f.split('=') for f in text.split())}


def lines(tunnels, cells, kernel=None, environment=(), qemu=''):
    """What "guest" prints, each line split into its fields, as it comes."""
    with tempfile.TemporaryDirectory(prefix='pilot-bench.') as tmp:
        subprocess.run([os.path.join(HERE, 'root'), tmp], check=True)
        vm = [os.path.join(TOP, 'selftests/vm/run'), '--accel', 'tcg', '--icount', '--ram', tmp,
              '--timeout', '3600', '--modules', ','.join(MODULES), '--qemu', qemu]
        if kernel:
            vm += ['--kernel', kernel]
        vm += ['--', 'env', *environment, 'selftests/bench/guest', ','.join(tunnels),
               ','.join(cells)]
        with subprocess.Popen(vm, stdout=subprocess.PIPE, text=True) as proc:
            for line in proc.stdout:
                yield line.rstrip('\r\n').split('\t')
        if proc.returncode:
            raise SystemExit('bench: the VM failed with status %d' % proc.returncode)
