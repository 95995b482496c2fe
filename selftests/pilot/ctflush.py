#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""Empties the connection tracking table, as "conntrack -F" does: a NAT forgets
its mappings."""
import socket
import struct
import sys

NETLINK_NETFILTER, NFNL_SUBSYS_CTNETLINK, IPCTNL_MSG_CT_DELETE = 12, 1, 2
NLM_F_REQUEST, NLM_F_ACK, NLMSG_ERROR = 1, 4, 2

sock = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, NETLINK_NETFILTER)
sock.send(struct.pack('=IHHII', 20, NFNL_SUBSYS_CTNETLINK << 8 | IPCTNL_MSG_CT_DELETE,
                      NLM_F_REQUEST | NLM_F_ACK, 1, 0) + bytes(4))
reply = sock.recv(4096)
kind, error = struct.unpack_from('=H', reply, 4)[0], struct.unpack_from('=i', reply, 16)[0]
if kind != NLMSG_ERROR or error:
    sys.exit('ctflush.py: error %d' % error)
