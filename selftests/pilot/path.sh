#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# The way to a peer: moving between families, relay, mark, traffic class; what a
# key may seal; what can be watched.

. "$(dirname "${BASH_SOURCE[0]}")/../lib.sh"

setup_routed

tunnel_up() {
	setup_tunnel 4 && ping_tunnel "$n1" 10.9.0.2
}

endpoint_is() { # namespace node regex
	peer_value "$1" "$2" endpoint | grep -q -E "$3"
}

# Node 1 turns to the other family; node 2 follows the first frame it opens.
roams() { # address regex
	on "$n1" pilot peer set pilot0 2 endpoint "$(endpoint "$1" 37736)" &&
		ping_tunnel "$n1" 10.9.0.2 && endpoint_is "$n2" 1 "$2" && ping_tunnel "$n2" 10.9.0.1
}

# A wire between the two, with nothing but link-local addresses.
wire() { # index at each end
	ip -n "$n1" link add l0 index "$1" type veth peer name l0 index "$2" netns "$n2" || return
	for i in 1 2; do
		local ns=n$i
		ip -n "${!ns}" link set l0 addrgenmode none &&
			ip -n "${!ns}" addr add fe80::$i/64 dev l0 nodad &&
			ip -n "${!ns}" link set l0 up || return
	done
}

link_local() {
	wire 901 902 && roams 'fe80::2%l0' '^\[fe80::1%l0\]:'
}

# The same addresses, and other numbers of the interfaces: node 2 follows.
wire_anew() {
	ip -n "$n1" link del l0 && wire 903 904 && endpoint_is "$n2" 1 '^\[fe80::1%902\]:' &&
		roams 'fe80::2%l0' '^\[fe80::1%l0\]:' && ip -n "$n1" link del l0
}

# Thirty frames, each from another port: a few moves are told of, and where it is
# at their end.
moves_are_held_back() {
	local rc=0 told
	spawn "$n2" timeout 200 pilot monitor pilot0 -j >"$work/monitor" 2>&1 &
	local pid=$!
	on "$n2" pilot set pilot0 fwmark 5 &&
		busywait 10000 eval 'on "$n2" pilot set pilot0 fwmark off && [ -s "$work/monitor" ]' || rc=1
	PYTHONPATH=$py on "$n1" python3 -S -c 'if True:
		import frames, socket, sys
		key = frames.read_key(sys.argv[1])
		for i in range(30):
			sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
			sock.bind(("", 41000 + i))
			sock.sendto(frames.seal(key, 1, b"move", i + 1), (sys.argv[2], 37736))
		' "$work/key" "$under4_2" || rc=1
	busywait 20000 endpoint_is "$n2" 1 '^10.0.1.1:41029$' &&
		busywait 20000 eval 'tail -n 1 "$work/monitor" | grep -q 10.0.1.1:41029' || rc=1
	kill $pid
	wait $pid 2>/dev/null
	told=$(grep -c endpoint_changed "$work/monitor")
	echo "$told told of 30; last: $(tail -n 1 "$work/monitor")"
	# node 1 itself has another prefix, which node 2 takes for an older one now
	on "$n2" pilot key del pilot0 1 && on "$n2" pilot key set pilot0 1 "$work/key" &&
		on "$n2" pilot peer set pilot0 1 endpoint "$under4_1:37736" && ping_tunnel "$n1" 10.9.0.2 &&
		[ $rc = 0 ] && [ "$told" -ge 3 ] && [ "$told" -le 8 ]
}

# Frames carry the mark: with a rule for it they take another way, here none.
marked() {
	ip -n "$n1" rule add fwmark 0x1234 prohibit pref 10 || return
	on "$n1" pilot set pilot0 fwmark 0x1234 || return
	! ping_tunnel "$n1" 10.9.0.2 -c 2 -W 1 || return
	on "$n1" pilot set pilot0 fwmark 0 && ping_tunnel "$n1" 10.9.0.2
	local rc=$?
	ip -n "$n1" rule del pref 10
	return $rc
}

# DSCP stays inside; ECN is copied out, and congestion on the way copied in.
traffic_class() {
	spawn "$n1" timeout 100 tcpdump -n -l -v -i e0 udp port 37736 >"$work/outer" 2>"$work/tcpdump" &
	local pid=$!
	busywait 20000 grep -q 'listening on' "$work/tcpdump"
	on "$n1" ping -n -q -c 2 -Q 0xb9 10.9.0.2 || return
	busywait 5000 grep -q 'tos 0x1,ECT(1)\|tos 0x1' "$work/outer"
	local rc=$?
	kill $pid
	wait $pid 2>/dev/null
	cat "$work/outer"
	! grep -q 'tos 0xb' "$work/outer" && return $rc
}

congestion_comes_in() {
	on "$r" nft 'table ip t { chain c { type filter hook forward priority 0; ip daddr '$under4_2' udp dport 37736 ip ecn set ce; }; }' || return
	spawn "$n2" timeout 100 tcpdump -n -l -v -i pilot0 icmp >"$work/inner" 2>"$work/tcpdump" &
	local pid=$!
	busywait 20000 grep -q 'listening on' "$work/tcpdump"
	on "$n1" ping -n -q -c 2 -Q 0x2 10.9.0.2
	busywait 5000 grep -q 'tos 0x3' "$work/inner"
	local rc=$?
	kill $pid
	wait $pid 2>/dev/null
	on "$r" nft delete table ip t
	cat "$work/inner"
	return $rc
}

# All frames by way of the beacon; the endpoints must not move.
relayed() {
	spawn "$r" python3 -S -E "$top/selftests/testnet/beacon.py" 10.0.1.254 9001 1=$under4_1:37736 2=$under4_2:37736 >"$work/beacon" &
	beacon=$!
	busywait 10000 grep -q ready "$work/beacon" || return
	on "$n1" pilot set pilot0 beacon 10.0.1.254:9001 && on "$n2" pilot set pilot0 beacon 10.0.1.254:9001 &&
		on "$n1" pilot peer set pilot0 2 path relay && on "$n2" pilot peer set pilot0 1 path relay || return
	on "$r" nft 'table ip t { chain c { type filter hook forward priority 0; udp dport 37736 drop; }; }' || return
	ping_tunnel "$n1" 10.9.0.2 && ping_tunnel "$n1" 10.9.0.2 -s 1372 && endpoint_is "$n2" 1 "^$under4_1:" &&
		endpoint_is "$n1" 2 "^$under4_2:"
	local rc=$?
	on "$r" nft delete table ip t
	return $rc
}

# From any other address the same messages are nothing.
relay_of_another() {
	on "$n2" pilot set pilot0 beacon 10.0.1.254:9002 || return
	local before
	before=$(device_value "$n2" rx_beacon_spoofed) || return
	! ping_tunnel "$n1" 10.9.0.2 -c 2 -W 1 || return
	[ "$(device_value "$n2" rx_beacon_spoofed)" -ge $((before + 2)) ]
}

direct_again() {
	kill $beacon
	on "$n1" pilot peer set pilot0 2 path direct && on "$n2" pilot peer set pilot0 1 path direct &&
		ping_tunnel "$n1" 10.9.0.2
}

# A new key is asked for at rekey-after frames; sixteen times as many are the
# end, and what comes then waits for the next key.
volume() {
	local counter rc=0
	on "$n1" pilot set pilot0 rekey-after 16 || return
	new_key "$work/key2"
	on "$n1" pilot key set pilot0 2 "$work/key2" && on "$n2" pilot key set pilot0 1 "$work/key2" || return
	busywait 5000 ping_tunnel "$n1" 10.9.0.2 -c 20 || return
	[ "$(peer_value "$n1" 2 need_key)" = volume ] || fail "no new key was asked for" || return
	on "$n1" ping -n -q -i 0.01 -c 260 -W 1 10.9.0.2
	counter=$(peer_value "$n1" 2 tx_counter) || return
	[ "$counter" = 256 ] || fail "the counter is at $counter" || return
	new_key "$work/key3"
	on "$n2" pilot key set pilot0 1 "$work/key3" && on "$n1" pilot key set pilot0 2 "$work/key3" || return
	busywait 5000 ping_tunnel "$n1" 10.9.0.2 || rc=1
	on "$n1" pilot set pilot0 rekey-after 268435456
	return $rc
}

# Both directions share the key: when the peer shows our prefix, we draw another.
prefix_redrawn() {
	local before
	before=$(peer_value "$n2" 1 tx_prefix) || return
	python3 -S -E "$py/frames.py" seal "$work/key3" 1 "$(printf %08x "$before")" 1 >"$work/same" || return
	on "$r" python3 -S -E "$py/attack.py" replay $under4_1 37736 $under4_2 "$work/same" 10 1 || return
	sleep 0.5
	[ "$(peer_value "$n2" 1 tx_prefix)" != "$before" ] || fail "still $before" || return
	ping_tunnel "$n2" 10.9.0.1 && ping_tunnel "$n1" 10.9.0.2
}

# What the daemon that gave up wants: nobody waits in vain, nobody is not told.
sender_is_told() {
	on "$n1" python3 -S -E "$py/asdaemon.py" cooldown 2 600000 && on "$n1" pilot key del pilot0 2 || return
	on "$n1" python3 -S -E "$py/udp.py" count "$1" 9 1 2>"$work/errno"
	tail -n 1 "$work/errno"
	grep -q 'OSError: \[Errno 113\]' "$work/errno" || fail "not EHOSTUNREACH"
}

# A node behind node 1: n1 e9 10.0.9.1 --- e0 10.0.9.9, by the router's namespace
forwarded_is_told() {
	ip -n "$n1" link add e9 type veth peer name e9 netns "$r" &&
		ip -n "$n1" addr add 10.0.9.1/24 dev e9 && ip -n "$n1" addr add fd00:9::1/64 dev e9 nodad &&
		ip -n "$r" addr add 10.0.9.9/24 dev e9 && ip -n "$r" addr add fd00:9::9/64 dev e9 nodad &&
		ip -n "$n1" link set e9 up && ip -n "$r" link set e9 up &&
		ip -n "$r" route add 10.9.0.2 via 10.0.9.1 && ip -n "$r" route add fd50:494c:4f54::2 via fd00:9::1 &&
		on "$n1" sysctl -qw net.ipv4.ip_forward=1 net.ipv6.conf.all.forwarding=1 || return
	on "$r" ping -n -c 1 -W 5 10.9.0.2
	on "$r" ping -n -c 1 -W 5 10.9.0.2 | grep 'From 10.0.9.1 .*Host Unreachable' || fail "no ICMP" || return
	on "$r" ping -n -c 1 -W 5 fd50:494c:4f54::2 |
		grep -E 'From fd00:9::1 .*(unreachable|Unreachable)' || fail "no ICMPv6"
}

cooldown_lifted() {
	on "$n1" python3 -S -E "$py/asdaemon.py" cooldown 2 0 && on "$n1" pilot key set pilot0 2 "$work/key3" &&
		ping_tunnel "$n1" 10.9.0.2
}

counters_in_ethtool() {
	on "$n1" ethtool -S pilot0 | grep -q 'tx_too_big:' &&
		[ "$(on "$n1" ethtool -S pilot0 | awk '/tx_packets:/ { print $2 }')" = "$(device_value "$n1" tx_packets)" ]
}

traced() {
	local t=/sys/kernel/tracing
	[ -d $t/events ] || mount -t tracefs tracefs $t || return
	echo 1 >$t/events/pilot/enable && echo >$t/trace || return
	ping_tunnel "$n1" 10.9.0.2 && on "$n2" pilot key set pilot0 1 "$work/key" || return
	echo 0 >$t/events/pilot/enable
	grep -m 1 'pilot_tx: .*len=84' $t/trace && grep -m 1 'pilot_rx: .*verdict=accept' $t/trace &&
		grep -m 1 'pilot_key: .*change=installed' $t/trace
}

# Straight, without the router: over a tunnel whose own packets are fragments of
# fragments. Inner packets are in pieces within pieces.
fragments_within_fragments() {
	local i rc=0
	for i in 1 2; do
		local ns=n$i other=under4_$((3 - i)) own=under4_$i
		ns=${!ns}
		ip -n "$ns" link add vx1 type vxlan id 9 local "${!own}" remote "${!other}" dstport 4789 &&
			ip -n "$ns" link set vx1 mtu 4000 up && ip -n "$ns" addr add 10.0.9.$i/24 dev vx1 &&
			on "$ns" pilot peer set pilot0 $((3 - i)) endpoint 10.0.9.$((3 - i)):37736 &&
			ip -n "$ns" link set pilot0 mtu 9000 || rc=1
	done
	[ $rc = 0 ] && on "$n1" ping -n -q -c 3 -i 0.2 -s 6000 10.9.0.2 || rc=1
	for i in 1 2; do
		local ns=n$i other=under4_$((3 - i))
		on "${!ns}" pilot peer set pilot0 $((3 - i)) endpoint "${!other}:37736"
		ip -n "${!ns}" link set pilot0 mtu 1400
		ip -n "${!ns}" link del vx1
	done
	return $rc
}

# A virtual machine says where its checksum is to go: before the packet.
sum_before_packet() {
	local before
	modprobe -q tun
	before=$(peer_value "$n1" 2 tx_error) || return
	on "$n1" sysctl -qw net.ipv4.ip_forward=1 net.ipv6.conf.all.forwarding=1 || return
	on "$n1" python3 -S -c 'if True:
		import fcntl, os, struct, subprocess
		fd = os.open("/dev/net/tun", os.O_RDWR)
		TUNSETIFF, TAP, NO_PI, VNET = 0x400454ca, 0x2, 0x1000, 0x4000
		fcntl.ioctl(fd, TUNSETIFF, struct.pack("16sH22x", b"vm0", TAP | NO_PI | VNET))
		for command in "addr add 192.0.2.1/24 dev vm0", "addr add fd99::1/64 dev vm0 nodad", "link set vm0 up":
			subprocess.check_call(["ip"] + command.split())
		told = subprocess.check_output(["ip", "-br", "link", "show", "vm0"], encoding="ascii")
		mac = bytes.fromhex(told.split()[2].replace(":", ""))
		udp = struct.pack("!HHHH", 1, 9, 508, 0) + bytes(500)
		ip6 = struct.pack("!IHBB", 6 << 28, 508, 17, 64) + \
			bytes.fromhex("fd99" + "0" * 27 + "2" + "fd50494c4f540000") + struct.pack("!II", 0, 2)
		ip4 = struct.pack("!BBHHHBBH8B", 0x45, 0, 528, 0, 0, 64, 17, 0, 192, 0, 2, 2, 10, 9, 0, 2)
		total = sum(struct.unpack("!10H", ip4))
		ip4 = ip4[:10] + struct.pack("!H", ~((total & 0xffff) + (total >> 16)) & 0xffff) + ip4[12:]
		for kind, packet in (0x86dd, ip6 + udp), (0x800, ip4 + udp):
			for start, offset in (0, 0), (12, 4), (14, 700):
				# NEEDS_CSUM, hdr_len 64
				try:
					os.write(fd, struct.pack("=BBHHHH", 1, 0, 64, 0, start, offset) + mac +
						bytes(6) + struct.pack("!H", kind) + packet)
				except OSError as e:
					print(start, offset, e)
		' >"$work/refused" || return
	cat "$work/refused"
	# The newest kernels take none of them from a virtual machine.
	if [ "$(grep -c 'Errno 22' "$work/refused")" = 6 ]; then
		ping_tunnel "$n1" 10.9.0.2
		return
	fi
	busywait 5000 peer_stat_grew "$n1" 2 tx_error "$before" +4 || fail "only $(peer_value "$n1" 2 tx_error)" || return
	ping_tunnel "$n1" 10.9.0.2
}

try "a tunnel through a router" tunnel_up
try "a checksum before the packet" sum_before_packet
try "the peer moves to IPv6" roams fd00:2::2 '^\[fd00:1::1\]:'
try "and to link-local addresses" link_local
try "a wire made anew is followed" wire_anew
try "and back to IPv4" roams 10.0.2.2 '^10.0.1.1:'
try "moves are told of now and then" moves_are_held_back
try "outer packets are marked" marked
try "DSCP stays inside, ECN goes out" traffic_class
try "congestion on the way is seen inside" congestion_comes_in
try "fragments within fragments" fragments_within_fragments
try "through the relay" relayed
try "relay-deliver from elsewhere is nothing" relay_of_another
try "straight again" direct_again
try "volume: a new key is asked for, then there is an end" volume
try "a nonce prefix that both use is redrawn" prefix_redrawn
try "given up: senders get EHOSTUNREACH" sender_is_told 10.9.0.2
try "given up: over IPv6 as well" sender_is_told "$(map6 2)"
try "given up: what is forwarded is answered by ICMP" forwarded_is_told
try "taken back: the tunnel works" cooldown_lifted
try "ethtool -S" counters_in_ethtool
try "tracepoints" traced
finish
