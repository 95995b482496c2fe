#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# Allocations that fail: each one of an operation in turn, and those of a busy
# tunnel at random. Needs a kernel with failslab and fail_page_alloc, such as
# "debug".

. "$(dirname "${BASH_SOURCE[0]}")/../lib.sh"

faults=/sys/kernel/debug
[ -e $faults/failslab/probability ] && [ -e $faults/fail_page_alloc/probability ] &&
	[ -e /proc/self/fail-nth ] || {
	# The one that looks for mistakes is made to.
	[ ! -e $faults/kmemleak ] || missing "the debug kernel cannot make allocations fail"
	skip_all "this kernel cannot make allocations fail"
}

setup_pair

set_faults() { # name value, in failslab and fail_page_alloc
	local f
	for f in failslab fail_page_alloc; do
		[ ! -e "$faults/$f/$1" ] || echo "$2" >"$faults/$f/$1" || return
	done
}

sweep() { # what
	on "$n1" python3 "$py/fault.py" "$1"
}

# All allocations may fail, not only those that cannot wait.
set_faults verbose 0
set_faults ignore-gfp-wait N
echo 0 >$faults/fail_page_alloc/min-order
echo N >$faults/fail_page_alloc/ignore-gfp-highmem

# The core complains of its own failures, with traces: those do not count.
links() {
	local rc=0
	dmesg -n 1
	sweep links || rc=1
	dmesg -n 5
	dmesg >"$work/log"
	dmesg -C
	echo "${KSFT_MARK:-}" >/dev/kmsg
	sed '/sysctl could not get directory/,/<\/TASK>/d' "$work/log" >"$work/rest"
	! grep -E -A 25 -f "$lib_dir/vm/kernel-reports" "$work/rest" || rc=1
	return $rc
}
try "making, switching on and off" links
try "requests" sweep requests
try "the device can be removed" ip -n "$n1" link del pilot0

setup_tunnel 4
try "a peer without a key" add_peer "$n1" 3 10.0.1.3
try "packets" sweep packets
try "the tunnel works" ping_tunnel "$n1" 10.9.0.2

# Receiving allocates in softirqs, where fail-nth does not reach: at random, only
# what cannot wait, so that programs go on.
connected() {
	on "$n2" ss -Htn state established dst 10.9.0.0/24 | grep -q .
}

at_random() { # seconds
	local flood stream rc=0
	spawn "$n1" ping -n -q -f -w $(($1 + 10)) 10.9.0.2 >"$work/ping" &
	flood=$!
	python3 -S -E "$py/carry.py" "$n1" - "$n2" 10.9.0.2 tcp=2000000 udp=0 &
	stream=$!
	busywait 20000 connected || rc=1
	set_faults ignore-gfp-wait Y
	set_faults times -1
	set_faults interval 1
	set_faults probability 3
	sleep "$1"
	set_faults probability 0
	wait $stream || rc=1
	wait $flood
	cat "$work/ping"
	grep -q ' [1-9][0-9]* received' "$work/ping" || rc=1
	return $rc
}
try "a busy tunnel, failures at random" at_random 15
try "it works without them" ping_tunnel "$n1" 10.9.0.2
try "and carries what it should" python3 -S -E "$py/carry.py" "$n1" - "$n2" 10.9.0.2 tcp=200000 udp=4
finish
