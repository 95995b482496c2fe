#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# Control packets to port 0: answers of the kernel, pilot ping; and the path that
# follows the peer. No daemon anywhere.

. "$(dirname "${BASH_SOURCE[0]}")/../lib.sh"

setup_pair

pings() { # namespace arguments...: output in $work/ping, exit status $rc
	local ns=$1
	shift
	rc=0
	on "$ns" timeout 60 pilot ping "$@" >"$work/ping" 2>&1 || rc=$?
	cat "$work/ping"
}

tunnel_pings() {
	setup_tunnel 4 || return
	pings "$n1" -c 3 -i 0.2 pilot0 2
	[ $rc = 0 ] && grep -q '^3 packets transmitted, 3 received, 0% packet loss' "$work/ping" &&
		[ "$(grep -c '^56 bytes from 2 (0:0000.0000.0002): seq=[123] time=[0-9.]* ms direct 10.0.1.2:37736$' "$work/ping")" = 3 ] &&
		grep -q -E '^rtt min/avg/max/mdev = ([0-9.]+/){3}[0-9.]+ ms$' "$work/ping"
}

counted() {
	[ "$(device_value "$n2" rx_ping)" = 3 ] && [ "$(peer_value "$n2" 1 rx_packets)" = 0 ] &&
		[ "$(peer_value "$n1" 2 tx_packets)" = 3 ] && [ "$(peer_value "$n1" 2 rx_packets)" = 3 ]
}

sizes() {
	local s
	for s in 0 1 1000 1200; do
		pings "$n2" -q -c 2 -i 0.1 -s $s pilot0 0:0000.0000.0001
		[ $rc = 0 ] && grep -q '2 received' "$work/ping" && ! grep -q 'seq=' "$work/ping" || return
	done
	pings "$n2" -c 1 -s 9000 pilot0 1
	[ $rc = 1 ] && grep -q 'see its MTU' "$work/ping" && grep -q '+1 errors, 100% packet loss' "$work/ping"
}

as_json() {
	ip -n "$n1" link property add dev pilot0 altname overlay &&
		on "$n1" pilot ping -j -c 2 -i 0.1 overlay 2 >"$work/json" || return
	jq -e '.node_id == 2 and .transmitted == 2 and .received == 2 and .loss_percent == 0 and
		(.rtt_ms.min > 0) and (.replies | length == 2) and .replies[1].seq == 2 and
		.replies[0].path == "direct" and .replies[0].endpoint == "10.0.1.2:37736"' "$work/json"
}

# With a peer that has more prefixes than one message holds.
with_many_prefixes() {
	local list
	list=$(seq 0 2999 | awk '{ printf "%s+fd00:77::%x/128", (NR > 1 ? "," : ""), $1 }')
	on "$n1" pilot peer set pilot0 2 allowed-ips "$list" || return
	pings "$n1" -c 1 pilot0 2
	grep -q 'ms direct 10.0.1.2:37736$' "$work/ping" || return
	on "$n1" pilot peer set pilot0 2 allowed-ips 10.9.0.2/32
}

interrupted() {
	spawn "$n1" pilot ping -i 0.3 pilot0 2 >"$work/ping" &
	local pid=$!
	busywait 10000 grep -q seq=3 "$work/ping" || return
	kill -INT $pid && wait $pid && none_missing 3 "$work/ping"
}

# Its reader is gone, and no signal says so; or the disk is full.
nobody_reads() {
	(trap '' PIPE; on "$n1" timeout 20 pilot ping -i 0.05 pilot0 2 2>"$work/err"; echo $? >"$work/rc") | head -n 2
	grep -x 1 "$work/rc" && grep 'cannot write to stdout: Broken pipe' "$work/err"
}

full_disk() {
	on "$n1" timeout 20 pilot ping -i 0.05 pilot0 2 >/dev/full
}

no_answer() {
	ip -n "$n2" link set pilot0 down
	pings "$n1" -q -c 2 -i 0.1 -W 0.5 pilot0 2
	ip -n "$n2" link set pilot0 up
	[ $rc = 1 ] && grep -q '^2 packets transmitted, 0 received, 100% packet loss' "$work/ping"
}

as_the_reference() {
	local before rc=0
	ip -n "$n1" link set pilot0 down
	before=$(device_value "$n2" rx_ping_limited) || return
	on "$n1" timeout $((60 * slow)) python3 -S -E "$py/pings.py" "$work/key" 10.0.1.2 "$vectors/inner_packets.json" || rc=1
	[ "$(peer_value "$n2" 1 rx_spoofed)" = 1 ] && [ "$(peer_value "$n2" 1 rx_malformed)" = 2 ] &&
		[ "$(device_value "$n2" rx_ping_limited)" -gt "$before" ] || rc=1
	# under the old key the device would be the peer's past now
	ip -n "$n1" link set pilot0 up && new_key "$work/key" &&
		on "$n2" pilot peer set pilot0 1 endpoint 10.0.1.1:37736 &&
		on "$n1" pilot key set pilot0 2 "$work/key" && on "$n2" pilot key set pilot0 1 "$work/key" &&
		busywait 5000 ping_tunnel "$n1" 10.9.0.2 && [ $rc = 0 ]
}

path_is() { # namespace node path
	[ "$(peer_value "$1" "$2" path_active)" = "$3" ]
}

took_long() { # over the last pings
	[ "$(sed -n 's/.* time \([0-9]*\)ms.*/\1/p' "$work/ping")" -ge 2000 ]
}

# Node 2 has path auto, and goes the way it hears node 1.
follows_to_relay() {
	local ns
	spawn "$n2" timeout 200 python3 -S -E "$top/selftests/testnet/beacon.py" 10.0.1.2 9001 \
		1=10.0.1.1:37736 2=10.0.1.2:37736 >"$work/beacon" &
	busywait 10000 grep -q ready "$work/beacon" || return
	for ns in $n1 $n2; do
		on "$ns" pilot set pilot0 beacon 10.0.1.2:9001 || return
	done
	pings "$n1" -q -c 2 -i 0.1 pilot0 2
	[ $rc = 0 ] && path_is "$n2" 1 direct || return
	on "$n1" pilot peer set pilot0 2 path relay || return
	# three frames are not enough while the last one straight was just now
	pings "$n1" -q -c 3 -i 0.05 pilot0 2
	[ $rc = 0 ] && { path_is "$n2" 1 direct || took_long; } || fail "at once" || return
	pings "$n1" -q -c 5 -i 0.7 pilot0 2
	[ $rc = 0 ] && path_is "$n2" 1 relay
}

relay_is_shown() {
	pings "$n2" -c 2 -i 0.1 pilot0 1
	[ $rc = 0 ] && [ "$(grep -c 'ms relay 10.0.1.1:37736$' "$work/ping")" = 2 ]
}

# Answers go the way the ping came: node 1 would not count them otherwise.
follows_back() {
	local n
	on "$n1" pilot peer set pilot0 2 path direct || return
	for n in 1 2; do
		pings "$n1" -q -c 1 pilot0 2
		path_is "$n2" 1 relay || fail "back after $n frames" || return
	done
	pings "$n1" -q -c 1 pilot0 2
	[ $rc = 0 ] && path_is "$n2" 1 direct
}

# A probe by a way that is not in use: it and its answer leave the path alone.
probe_relayed() {
	local before
	before=$(peer_value "$n1" 2 rx_keepalive) || return
	on "$n1" python3 -S -E "$py/asdaemon.py" probe 2 relay &&
		busywait 5000 peer_stat_grew "$n1" 2 rx_keepalive "$before" 1 &&
		path_is "$n1" 2 direct && path_is "$n2" 1 direct &&
		[ "$(peer_value "$n1" 2 endpoint)" = 10.0.1.2:37736 ]
}

fixed_path_stays() {
	on "$n2" pilot peer set pilot0 1 path direct && on "$n1" pilot peer set pilot0 2 path relay || return
	# what node 2 sends straight is lost: answers go the way the ping came
	on "$n1" nft 'table ip t { chain c { type filter hook input priority 0; udp sport 37736 udp dport 37736 drop; }; }' || return
	pings "$n1" -q -c 5 -i 0.7 pilot0 2
	on "$n1" nft delete table ip t
	[ $rc = 0 ] && path_is "$n2" 1 direct || return
	on "$n1" pilot peer set pilot0 2 path auto
}

try "pilot ping: round trips, and a summary" tunnel_pings
try "counted, and not delivered" counted
try "of any size that fits" sizes
try "as JSON, by an alternative name" as_json
try "with a peer of many prefixes" with_many_prefixes
try "until interrupted" interrupted
try "until nobody reads it" nobody_reads
try_refused "a full disk" "cannot write to stdout: No space" full_disk
try "no answer: exit status 1" no_answer
try "what the reference sends is answered as by the reference" as_the_reference
try_refused "a node that is no peer" "no such peer" on "$n1" pilot ping -c 1 pilot0 77
try_refused "the node itself" "is the device itself" on "$n1" pilot ping -c 1 pilot0 1
try_refused "an address of another network" "network 5" on "$n1" pilot ping -c 1 pilot0 5:0005.0000.0002
try_refused "no such device" "no such device" on "$n1" pilot ping -c 1 pilot9 2
try "a peer that takes to the relay is followed" follows_to_relay
try "ping tells of the relay" relay_is_shown
try "after three frames that come straight, back" follows_back
try "a probe by the relay changes nothing" probe_relayed
try "a path that is set stays, answers go the way the ping came" fixed_path_stays
finish
