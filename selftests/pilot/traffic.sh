#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# Static keys and no daemon: ping and TCP inside, over IPv4 and IPv6 outside,
# with loss, reordering and duplication; packet sizes about the MTU; fragments.

. "$(dirname "${BASH_SOURCE[0]}")/../lib.sh"

setup_pair

ping_mapped() {
	ping_tunnel "$n1" "$(map6 2)" && ping_tunnel "$n2" "$(map6 1)"
}

ping_allowed_ip() {
	ping_tunnel "$n1" 10.9.0.2 && ping_tunnel "$n2" 10.9.0.1
}

netem() { # arguments of netem
	tc -n "$n1" qdisc replace dev e0 root netem "$@" &&
		tc -n "$n2" qdisc replace dev e0 root netem "$@"
}

no_netem() {
	tc -n "$n1" qdisc del dev e0 root
	tc -n "$n2" qdisc del dev e0 root
}

tcp_with() { # netem arguments
	local rc=0
	netem "$@" || return
	transfer "$n1" "$n2" 10.9.0.2 1000000 || rc=1
	no_netem
	return $rc
}

# Duplicated frames must be dropped as replays and answered once.
duplicates_are_replays() {
	local before got out rc=0
	before=$(peer_value "$n2" 1 rx_replay) && got=$(peer_value "$n1" 2 rx_packets)
	netem duplicate 100% || return
	out=$(on "$n1" ping -n -i 0.05 -c 10 -W 2 10.9.0.2)
	# ping itself hardly waits for the last answer
	busywait 3000 peer_stat_grew "$n1" 2 rx_packets "$got" 10 || rc=1
	no_netem
	echo "$out"
	! grep -q DUP <<<"$out" || rc=1
	peer_stat_grew "$n2" 1 rx_replay "$before" +10 || rc=1
	return $rc
}

# Reordered frames within the window must all be delivered.
reordering_loses_nothing() {
	local before rc=0
	before=$(peer_value "$n1" 2 rx_packets) && netem delay 40ms reorder 50% || return
	on "$n1" ping -n -q -i 0.01 -c 100 -W 2 10.9.0.2
	busywait 3000 peer_stat_grew "$n1" 2 rx_packets "$before" 100 || rc=1
	no_netem
	return $rc
}

mtu() {
	ip -n "$n1" -j link show pilot0 | jq '.[0].mtu'
}

# IPv4: header 20 + ICMP 8; IPv6: 40 + 8. Don't-fragment inside.
sizes_about_mtu() {
	local m size
	m=$(mtu) || return
	for size in 0 1 15 16 17 $((m - 29)) $((m - 28)); do
		on "$n1" ping -n -q -c 1 -W $((2 * slow)) -M do -s $size 10.9.0.2 >/dev/null ||
			fail "IPv4, $size bytes" || return
	done
	for size in 0 1 $((m - 49)) $((m - 48)); do
		on "$n1" ping -n -q -c 1 -W $((2 * slow)) -M do -s $size "$(map6 2)" >/dev/null ||
			fail "IPv6, $size bytes" || return
	done
}

past_mtu_refused() {
	on "$n1" ping -n -c 1 -W 2 -M do -s $(($(mtu) - 27)) 10.9.0.2
}

inner_fragments() {
	on "$n1" ping -n -q -c 3 -i 0.1 -W 2 -s 8000 10.9.0.2 &&
		on "$n1" ping -n -q -c 3 -i 0.1 -W 2 -s 8000 "$(map6 2)"
}

big_mtu() { # mtu
	ip -n "$n1" link set pilot0 mtu "$1" && ip -n "$n2" link set pilot0 mtu "$1"
}

# A device MTU above the underlay's: what may be fragmented leaves in outer
# fragments. The answers may not be and are fragmented inside once node 2 has
# learnt it: the first is lost.
outer_fragments() {
	local before after rc=0
	big_mtu 4000 || return
	before=$(fragments_made) || return
	on "$n1" ping -n -q -c 10 -i 0.1 -W 2 -M dont -s 3900 10.9.0.2 | tee "$work/out"
	after=$(fragments_made)
	big_mtu 1400
	[ "$(sed -n 's/.* \([0-9]*\) received.*/\1/p' "$work/out")" -ge 8 ] || rc=1
	[ "$((after - before))" -ge 20 ] || fail "$((after - before)) outer fragments were made" || rc=1
	return $rc
}

fragments_made() {
	on "$n1" nstat -asz | awk '/^IpFragCreates|^Ip6FragCreates/ { n += $2 } END { print n }'
}

# What may not be fragmented comes back with the size that fits, and TCP heeds it.
path_mtu_told() {
	local rc=0
	big_mtu 4000 || return
	on "$n1" ping -n -c 2 -i 0.2 -W 1 -M do -s 3900 10.9.0.2 2>&1 | tee "$work/out"
	grep -q -i -E 'frag needed.*mtu|mtu ?= ?1[34][0-9][0-9]' "$work/out" || fail "IPv4: no size told" || rc=1
	on "$n1" ping -n -c 2 -i 0.2 -W 1 -M do -s 3900 "$(map6 2)" 2>&1 | tee "$work/out"
	grep -q -i -E 'too big.*mtu|mtu ?= ?1[34][0-9][0-9]' "$work/out" || fail "IPv6: no size told" || rc=1
	transfer "$n1" "$n2" 10.9.0.2 300000 || rc=1
	transfer "$n2" "$n1" "$(map6 1)" 300000 || rc=1
	big_mtu 1400
	return $rc
}

# Device MTU 1280 (IPv6's least) over an underlay of the same: fragments again.
small_underlay() {
	local ns rc=0
	for ns in $n1 $n2; do
		ip -n "$ns" link set e0 mtu 1280 || return
	done
	on "$n1" ping -n -q -c 5 -i 0.1 -W 2 -s 1200 "$(map6 2)" || rc=1
	transfer "$n2" "$n1" 10.9.0.1 300000 || rc=1
	for ns in $n1 $n2; do
		ip -n "$ns" link set e0 mtu 1500
	done
	return $rc
}

mtu_limits() {
	! ip -n "$n1" link set pilot0 mtu 70000 && ip -n "$n1" link set pilot0 mtu 9000 &&
		ip -n "$n1" link set pilot0 mtu 1400
}

# What the device counted inside must be what was sent.
counters() {
	local tx rx
	tx=$(peer_value "$n1" 2 tx_packets) && rx=$(peer_value "$n2" 1 rx_packets) || return
	ping_tunnel "$n1" 10.9.0.2 || return
	peer_stat_grew "$n1" 2 tx_packets "$tx" +5 && peer_stat_grew "$n2" 1 rx_packets "$rx" +5 || return
	ip -n "$n1" -s -j link show pilot0 |
		jq -e '.[0].stats64 | .tx.packets > 0 and .rx.packets > 0 and .rx.errors == 0'
}

no_decrypt_failures() {
	[ "$(peer_value "$n1" 2 rx_decrypt_fail)" = 0 ] && [ "$(peer_value "$n2" 1 rx_decrypt_fail)" = 0 ]
}

# A packet that belongs to no peer is refused, not sent in the clear.
no_peer() {
	local before
	before=$(device_value "$n1" tx_no_peer) || return
	! on "$n1" ping -n -q -c 1 -W 1 "$(map6 77)" || return
	[ "$(device_value "$n1" tx_no_peer)" -gt "$before" ]
}

# A source that is not the sender's is dropped and counted.
spoofed_source() {
	local before
	before=$(peer_value "$n2" 1 rx_spoofed) || return
	ip -n "$n1" addr add 10.9.0.99/32 dev pilot0
	ip -n "$n1" addr add fd50:494c:4f54::63/128 dev pilot0
	on "$n1" ping -n -q -c 1 -W 1 -I 10.9.0.99 10.9.0.2 && return 1
	on "$n1" ping -n -q -c 1 -W 1 -I fd50:494c:4f54::63 "$(map6 2)" && return 1
	ip -n "$n1" addr del 10.9.0.99/32 dev pilot0
	ip -n "$n1" addr del fd50:494c:4f54::63/128 dev pilot0
	peer_stat_grew "$n2" 1 rx_spoofed "$before" 2
}

for outer in 4 6; do
	try "IPv$outer outside: tunnel with static keys" setup_tunnel $outer
	try "IPv$outer outside: ping mapped addresses" ping_mapped
	try "IPv$outer outside: ping allowed-ips" ping_allowed_ip
	try "IPv$outer outside: TCP over IPv4" transfer "$n1" "$n2" 10.9.0.2 3000000
	try "IPv$outer outside: TCP over IPv6" transfer "$n2" "$n1" "$(map6 1)" 3000000
	try "IPv$outer outside: sizes up to the MTU" sizes_about_mtu
	try_refused "IPv$outer outside: past the MTU" "too long|mtu=" past_mtu_refused
	try "IPv$outer outside: inner fragments" inner_fragments
	try "IPv$outer outside: outer fragments" outer_fragments
	try "IPv$outer outside: senders are told the path's MTU" path_mtu_told
	try "IPv$outer outside: underlay of MTU 1280" small_underlay
	try "IPv$outer outside: nothing failed to decrypt" no_decrypt_failures
	if [ $outer = 4 ]; then
		try "TCP with 2 % loss" tcp_with loss 2% delay 2ms
		try "TCP with reordering" tcp_with delay 5ms reorder 30%
		try "TCP with duplication" tcp_with duplicate 20% delay 1ms
		try "duplicated frames are dropped as replays" duplicates_are_replays
		try "reordered frames are all delivered" reordering_loses_nothing
		try "counters" counters
		try "packets for no peer are refused" no_peer
		try "spoofed inner sources are dropped" spoofed_source
		try "limits of the MTU" mtu_limits
	fi
	try "IPv$outer outside: removed" teardown_tunnel
done
finish
