#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# The shared vectors, through static keys.

. "$(dirname "${BASH_SOURCE[0]}")/../lib.sh"

add_ns "$n1"
ip -n "$n1" link add pilot0 type pilot &&
	on "$n1" pilot set pilot0 node-id 7777 listen-port 37736 &&
	ip -n "$n1" link set pilot0 up || exit 1
finished=1 # the program has its own plan
on "$n1" python3 -S -E "$py/vectors.py" "$vectors"
