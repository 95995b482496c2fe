#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# Ten nodes that know nothing but a registry: each reaches each by its mapped
# address, without a line of configuration about another. Idle peers go, and come
# back when needed.

. "$(dirname "${BASH_SOURCE[0]}")/../lib.sh"

command -v pilotd >/dev/null || missing "the program pilotd is missing"
ldconfig -p | grep -q libsodium.so.23 || missing "libsodium.so.23 is missing"
nodes=10
registry=10.0.1.254:9000

# All on one network with the registry.
add_ns "$r"
ip -n "$r" link add br0 type bridge
ip -n "$r" addr add 10.0.1.254/24 dev br0
ip -n "$r" link set br0 up
for i in $(seq $nodes); do
	add_ns "$r-$i"
	ip -n "$r-$i" link add e0 type veth peer name "e$i" netns "$r" || exit 1
	ip -n "$r" link set "e$i" master br0 up
	ip -n "$r-$i" addr add "10.0.1.$i/24" dev e0
	ip -n "$r-$i" link set e0 up
done

start_node() { # i
	spawn "$r-$1" pilotd --config "$work/node$1.conf" --foreground >>"$work/pilotd$1.log" 2>&1 &
	eval "pilotd_$1=$!"
}

registered() { # i
	[ "$(device_value "$r-$1" registry_state)" = registered ]
}

all_start() {
	local i
	spawn "$r" python3 -S -E "$top/selftests/pilot-testnet" --registry $registry >"$work/registry.log" 2>&1 &
	busywait 20000 grep -q ready "$work/registry.log" || return
	for i in $(seq $nodes); do
		configure_auto "$i" $registry "timeout = 5" "idle-timeout = 3600" && start_node "$i" || return
	done
	for i in $(seq $nodes); do
		busywait 30000 registered "$i" || return
		node[i]=$(device_value "$r-$i" node_id)
	done
	[ "$(printf '%s\n' "${node[@]}" | sort -u | wc -l)" = $nodes ]
}

# From node I to all others. Where this machine is slow, 45 sessions at once may
# take longer than the three seconds that a packet waits.
reaches_all() { # i
	local k rc=0
	for k in $(seq $nodes); do
		[ "$k" = "$1" ] || busywait 30000 on "$r-$1" ping -n -q -c 1 -W 5 "$(map6 "${node[k]}")" >/dev/null ||
			fail "from node ${node[$1]} to node ${node[k]}" || rc=1
	done
	return $rc
}

full_mesh() { # i...
	local i pids=() rc=0
	for i in "$@"; do
		reaches_all "$i" &
		pids+=($!)
	done
	for i in "${pids[@]}"; do
		wait "$i" || rc=1
	done
	return $rc
}

dynamic_peers() { # i
	on "$r-$1" pilot show pilot0 dump | awk -F '\t' '$1 == "peer" && $6 == "ready" && $10 == "yes" &&
		$22 == "yes" { n++ } END { print n + 0 }'
}

all_dynamic() {
	local i
	for i in $(seq $nodes); do
		[ "$(dynamic_peers "$i")" = $((nodes - 1)) ] ||
			fail "node $i has $(dynamic_peers "$i") authenticated, dynamic peers" || return
	done
}

# A daemon that restarts knows which peers it may remove.
restarted() {
	kill -KILL "$pilotd_1"
	wait "$pilotd_1" 2>/dev/null
	start_node 1
	busywait 20000 registered 1 && [ "$(dynamic_peers 1)" = $((nodes - 1)) ]
}

has_peers() { # i number
	[ "$(device_value "$r-$1" peers_with_key)" = "$2" ]
}

# Node I has let go of all others. One of them that was not answered for a while may
# have called again since.
has_let_go() { # i
	[ "$(sed -n 's/.*key_dropped node=\([0-9]*\) .*reason=peer-removed.*/\1/p' "$work/pilotd$1.log" | sort -u | wc -l)" = \
		$((nodes - 1)) ]
}

# Nodes 1 and 2 let go of idle peers from now on.
idle_ones_go() {
	local i
	for i in 1 2; do
		sed -i 's/^idle-timeout = .*/idle-timeout = 10/' "$work/node$i.conf"
	done
	kill -HUP "$pilotd_1" "$pilotd_2"
	busywait 60000 has_let_go 1 && busywait 20000 has_let_go 2 && has_peers 10 $((nodes - 1)) && return
	tail -n 20 "$work/pilotd1.log" "$work/pilotd2.log"
	on "$r-10" pilot show -b pilot0
	return 1
}

# Node 10 still has the session; node 1, who has forgotten it, notices.
comes_back() {
	on "$r-10" ping -n -c $((8 * slow)) -i 0.5 -W 5 "$(map6 "${node[1]}")" | tee "$work/out"
	awk '/packets transmitted/ { good = $4 > 0 } END { exit !good }' "$work/out"
}

# But a keepalive does not bring it back, nor does a stranger's frame.
strangers_do_not() {
	local before i
	before=$(device_value "$r-1" rx_unknown_peer) || return
	for i in 1 2 3; do
		printf '50494c53%08x%024x%0160x\n' $((4000 + i)) 1 1
	done >"$work/frames"
	on "$r" python3 -S -E "$py/frames.py" send 10.0.1.1 37736 <"$work/frames" || return
	sleep 2
	[ "$(device_value "$r-1" rx_unknown_peer)" -ge $((before + 3)) ] || fail "the frames did not arrive" || return
	! grep -q 'resolve 400[123]' "$work/registry.log"
}

try "ten nodes register and get node IDs" all_start
try "each reaches each, none with a line of configuration about another" full_mesh $(seq $nodes)
try "all of them are authenticated and dynamic peers" all_dynamic
try "a restarted daemon still knows them as such" restarted
try "idle peers go, where they are to go soon; elsewhere they stay" idle_ones_go
try "who was forgotten, and still sends, comes back" comes_back
try "strangers who send do not become peers" strangers_do_not
try "and again they reach all others" full_mesh 1 2
finish
