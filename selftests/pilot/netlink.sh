#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# Refusals of the netlink interface.

. "$(dirname "${BASH_SOURCE[0]}")/../lib.sh"

add_ns "$n1"
add_device "$n1" 1 || exit 1
finished=1 # the program has its own plan
on "$n1" python3 -S -E "$py/netlink.py"
