#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# Random netlink requests and random frames, by a seed that says all of what is
# sent. FUZZ_SECONDS each (10), from FUZZ_SEED (1); with other seeds:
#	selftests/vm/run --timeout 0 -- env FUZZ_SECONDS=3600 FUZZ_SEED=7 \
#		selftests/run-kselftests -t 20000 fuzz.sh

. "$(dirname "${BASH_SOURCE[0]}")/../lib.sh"

python3 -c 'import yaml' 2>/dev/null || missing "python3-yaml is missing (package python3-yaml)"
seconds=${FUZZ_SECONDS:-10} seed=${FUZZ_SEED:-1}

setup_pair

fuzz_netlink() { # namespace seed device...
	local ns=$1
	shift
	on "$ns" python3 "$py/fuzz_netlink.py" "$seconds" "$@"
}

# Devices for requests, in both namespaces, with a socket there or not.
add_victims() {
	local ns
	for ns in $n1 $n2; do
		ip -n "$ns" link add fuzz0 type pilot && ip -n "$ns" link add fuzz1 type pilot &&
			ip -n "$ns" link set fuzz0 up || return
	done
}

alone() {
	FUZZ_ALONE=1 fuzz_netlink "$n1" "$seed" fuzz0 fuzz1
}

# Four at once, two in each namespace, while the tunnel beside them is in use.
# Devices come and go under them.
together() {
	local i pids=() rc=0 ns
	spawn "$n1" ping -n -i 0.05 10.9.0.2 >"$work/ping" 2>&1 &
	local ping=$!
	for i in 1 2 3 4; do
		if [ $((i % 2)) = 0 ]; then ns=$n1; else ns=$n2; fi
		fuzz_netlink "$ns" $((seed + i)) fuzz0 fuzz1 >"$work/fuzz.$i" 2>&1 &
		pids+=($!)
	done
	while kill -0 "${pids[0]}" 2>/dev/null; do
		ip -n "$n1" link set fuzz1 up
		sleep 0.2
		ip -n "$n1" link set fuzz1 down
		ip -n "$n2" link set fuzz1 netns "$n1" name fuzz2 && ip -n "$n1" link set fuzz2 netns "$n2" name fuzz1
	done 2>/dev/null
	for i in "${!pids[@]}"; do
		wait "${pids[i]}" || rc=1
		cat "$work/fuzz.$((i + 1))"
	done
	kill -INT $ping
	wait $ping
	tail -n 3 "$work/ping"
	none_missing 10 "$work/ping" || rc=1
	return $rc
}

remove_victims() {
	local ns
	for ns in $n1 $n2; do
		ip -n "$ns" link del fuzz0 && ip -n "$ns" link del fuzz1 || return
	done
}

fuzz_frames() { # 4|6
	local here=under${1}_1 there=under${1}_2
	on "$n1" pilot set pilot0 beacon "$(endpoint "${!there}" 9001)" &&
		on "$n1" pilot peer set pilot0 2 endpoint "$(endpoint "${!there}" 37736)" path direct &&
		on "$n2" python3 "$py/fuzz_frames.py" "$seconds" "$seed" "$n1" "${!here}" 37736 "${!there}"
}

try "a tunnel that is to stay" setup_tunnel 4
try "devices for requests" add_victims
try "netlink requests" alone
try "netlink requests, four at a time, with traffic" together
try "the devices can be removed" remove_victims
try "the tunnel beside them works" ping_tunnel "$n1" 10.9.0.2
teardown_tunnel
add_device "$n1" 1 && add_peer "$n1" 2 $under4_2
try "frames over IPv4" fuzz_frames 4
try "frames over IPv6" fuzz_frames 6
ip -n "$n1" link del pilot0
try "a tunnel works afterwards" setup_tunnel 6
try "it answers" ping_tunnel "$n1" 10.9.0.2
finish
