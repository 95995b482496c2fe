#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# Super-packets: cut as the core would, merged without loss, whole through
# whatever lies between two nodes, kept and sent again like others, and put off
# where the CPU's vector registers are in use.

. "$(dirname "${BASH_SOURCE[0]}")/../lib.sh"

for tool in ethtool:ethtool nft:nftables tcpdump:tcpdump tc:iproute2; do
	command -v ${tool%:*} >/dev/null || missing "${tool%:*} is missing (package ${tool#*:})"
done

super() { # command...
	python3 -S -E "$py/super.py" "$@"
}

# Both families inside; TCP both ways at once, then UDP, by real sockets.
carry() { # [options of carry.py]
	python3 -S -E "$py/carry.py" "$n1" - "$n2" 10.9.0.2 tcp=300000 udp=4 "$@" &&
		python3 -S -E "$py/carry.py" "$n1" - "$n2" "$(map6 2)" tcp=300000 udp=4 "$@"
}

spawn_ready() { # seconds namespace file.py arguments...: sets $spawned
	local limit=$1 ns=$2 file=$3
	shift 3
	: >"$work/ready"
	spawn "$ns" timeout "$limit" python3 -S -E "$py/$file" "$@" >"$work/ready" 2>&1 &
	spawned=$!
	busywait 20000 grep -q ready "$work/ready" || fail "$file does not start: $(cat "$work/ready")"
}

stop() { # process...
	kill "$@" 2>/dev/null
	wait "$@" 2>/dev/null
	return 0
}

# ---- cut and merge

# The receiver answers nothing of what is made up.
mute() {
	on "$n2" nft 'table inet mute { chain c { type filter hook prerouting priority -300; iifname pilot0 drop; }; }'
}

unmute() {
	on "$n2" nft delete table inet mute
}

cut_as_the_core() {
	local rc=0
	mute && on "$n2" ethtool -K pilot0 gro off || return
	super cut "$n1" "$n2" 240 || rc=1
	on "$n2" ethtool -K pilot0 gro on
	unmute
	return $rc
}

# Many flows in one batch, with all that may and may not be merged.
merged_is_what_was_sent() { # 4|6
	local rc=0 under=under$1_2
	mute || return
	super merge "$n1" "$n2" "${!under}" "$work/key" 120 || rc=1
	unmute
	return $rc
}

# 64 packets make 4 of 17 fragments; the core's GRO may go further.
merges() { # 4|6 kind most least
	local rc=0 under=under$1_2
	mute || return
	super merged "$n1" "$n2" "${!under}" "$work/key" "$2" >"$work/merged" || rc=1
	unmute
	cat "$work/merged"
	[ $rc = 0 ] && [ "$(tail -n 1 "$work/merged")" -le "$3" ] && [ "$(tail -n 1 "$work/merged")" -ge "$4" ]
}

merges_nothing_without_gro() { # 4|6
	local rc=0
	on "$n2" ethtool -K pilot0 gro off || return
	merges "$1" tcp4 64 64 && merges "$1" udp6 64 64 || rc=1
	on "$n2" ethtool -K pilot0 gro on
	return $rc
}

# ---- through what lies between

packets() { # namespace interface
	ip -n "$1" -s -j link show "$2" | jq '.[0].stats64.tx.packets'
}

# Few packets on the underlay for many inside: it is as fast as it should be.
goes_out_whole() {
	local outer inner
	outer=$(packets "$n1" e0) inner=$(packets "$n1" pilot0) || return
	carry udp=9 tcp=1000000 || return
	outer=$(($(packets "$n1" e0) - outer)) inner=$(($(packets "$n1" pilot0) - inner))
	echo "$inner packets inside, $outer outside"
	[ $inner -gt 1000 ] && [ $((outer * (slow > 1 ? 2 : 4))) -lt $inner ]
}

without() { # feature... : of e0 at both ends, while carrying
	local ns f rc=0
	for ns in $n1 $n2; do
		for f; do
			on "$ns" ethtool -K e0 "$f" off || return
		done
		on "$ns" ethtool -K e0 gro on || return
	done
	carry || rc=1
	for ns in $n1 $n2; do
		for f; do
			on "$ns" ethtool -K e0 "$f" on
		done
		on "$ns" ethtool -K e0 gro off
	done
	return $rc
}

without_inner() { # feature: of pilot0 at both ends
	local rc=0
	on "$n1" ethtool -K pilot0 "$1" off && on "$n2" ethtool -K pilot0 "$1" off || return
	carry || rc=1
	on "$n1" ethtool -K pilot0 "$1" on
	on "$n2" ethtool -K pilot0 "$1" on
	return $rc
}

# A tap has a clone of every packet: what is opened in place would change it.
tapped() { # interface
	local ns pids=() rc=0
	for ns in $n1 $n2; do
		spawn "$ns" timeout 300 tcpdump -n -i "$1" -w "$work/tap.$ns" 2>"$work/tap.err.$ns" &
		pids+=($!)
		busywait 20000 grep -q listening "$work/tap.err.$ns" || fail "no tap" || return
	done
	carry || rc=1
	stop "${pids[@]}"
	for ns in $n1 $n2; do
		[ "$(stat -c %s "$work/tap.$ns")" -gt 100000 ] || fail "the tap saw little" || rc=1
	done
	rm -f "$work"/tap.*
	return $rc
}

# What a tap has seen is what the peer sealed, though it looks at it later. In the
# text are thousands of zeros.
tap_is_unchanged() {
	capture "$n2" super send "$n1" 10.9.0.2 9 1000 40 || return
	[ "$(wc -c <"$work/frames")" -gt 80000 ] || fail "the tap saw little" || return
	! grep -q 00000000000000000000000000000000 "$work/frames" || fail "the tap saw what was opened"
}

with_qdisc() { # interface qdisc arguments...
	local ns rc=0 dev=$1
	shift
	for ns in $n1 $n2; do
		tc -n "$ns" qdisc replace dev "$dev" root "$@" || return
	done
	carry || rc=1
	for ns in $n1 $n2; do
		tc -n "$ns" qdisc del dev "$dev" root
	done
	return $rc
}

# Both ways through clsact, which clones for a mirror what the tunnel is to open.
with_clsact() { # interface
	local ns rc=0
	for ns in $n1 $n2; do
		ip -n "$ns" link add mirror type dummy && ip -n "$ns" link set mirror up &&
			tc -n "$ns" qdisc add dev "$1" clsact &&
			tc -n "$ns" filter add dev "$1" ingress matchall action mirred egress mirror dev mirror &&
			tc -n "$ns" filter add dev "$1" egress matchall action mirred egress mirror dev mirror || return
	done
	carry || rc=1
	for ns in $n1 $n2; do
		tc -n "$ns" qdisc del dev "$1" clsact
		ip -n "$ns" link del mirror
	done
	return $rc
}

# Outer datagrams meet these rules at both ends.
with_rules() { # rules...
	local ns rc=0
	for ns in $n1 $n2; do
		on "$ns" nft "$1" || return
	done
	carry || rc=1
	for ns in $n1 $n2; do
		on "$ns" nft delete table inet t
	done
	return $rc
}

conntrack='table inet t {
	chain i { type filter hook input priority 0; ct state established,related counter accept; udp dport 37736 counter accept; }
	chain o { type filter hook output priority 0; ct state invalid counter drop; }
}'
bypass='table inet t { chain i { type filter hook input priority 0; udp dport 37736 queue flags bypass to 0; }; }'
queue='table inet t { chain i { type filter hook input priority 0; udp dport 37736 queue to 0; }; }'

queued() { # whole|cut
	local rc=0 pids=()
	for ns in $n1 $n2; do
		spawn_ready 300 "$ns" nfqueue.py 0 "$1" || return
		pids+=("$spawned")
	done
	with_rules "$queue" || rc=1
	stop "${pids[@]}"
	return $rc
}

# Node 1 knows another port than the one the tunnel has.
redirected() {
	local rc=0
	on "$n2" nft 'table ip t { chain p { type nat hook prerouting priority dstnat; udp dport 4000 redirect to :37736; }; }' &&
		on "$n1" pilot peer set pilot0 2 endpoint 10.0.1.2:4000 || return
	carry || rc=1
	peer_value "$n1" 2 endpoint | grep ':4000$' || fail "it did not go by way of port 4000" || rc=1
	on "$n2" nft delete table ip t
	on "$n1" pilot peer set pilot0 2 endpoint 10.0.1.2:37736
	return $rc
}

# ---- a host behind node 2

# n2 e3 10.77.0.1 fd00:77::1 --- n3 e0 10.77.0.3 fd00:77::3
setup_behind() {
	add_ns "$n3"
	ip -n "$n2" link add e3 type veth peer name e0 netns "$n3" &&
		ip -n "$n2" addr add 10.77.0.1/24 dev e3 && ip -n "$n2" addr add fd00:77::1/64 dev e3 nodad &&
		ip -n "$n3" addr add 10.77.0.3/24 dev e0 && ip -n "$n3" addr add fd00:77::3/64 dev e0 nodad &&
		ip -n "$n2" link set e3 up && ip -n "$n3" link set e0 up &&
		ip -n "$n3" route add default via 10.77.0.1 && ip -n "$n3" route add default via fd00:77::1 &&
		on "$n2" sysctl -qw net.ipv4.ip_forward=1 net.ipv6.conf.all.forwarding=1 &&
		on "$n1" pilot peer set pilot0 2 allowed-ips +10.77.0.0/24,+fd00:77::/64 &&
		ip -n "$n1" route add 10.77.0.0/24 dev pilot0 && ip -n "$n1" route add fd00:77::/64 dev pilot0
}

carry_behind() {
	python3 -S -E "$py/carry.py" "$n1" - "$n3" 10.77.0.3 tcp=300000 udp=4 &&
		python3 -S -E "$py/carry.py" "$n1" - "$n3" fd00:77::3 tcp=300000 udp=4
}

behind_without_tso() {
	local rc=0
	on "$n2" ethtool -K e3 tso off tx-udp-segmentation off && on "$n3" ethtool -K e0 tso off tx-udp-segmentation off || return
	carry_behind || rc=1
	on "$n2" ethtool -K e3 tso on tx-udp-segmentation on
	on "$n3" ethtool -K e0 tso on tx-udp-segmentation on
	return $rc
}

# A super-packet that came out of the tunnel and has to be checksummed in software.
behind_without_checksums() {
	local rc=0
	on "$n2" ethtool -K e3 tx off || return
	carry_behind || rc=1
	on "$n2" ethtool -K e3 tx on
	return $rc
}

behind_masquerade() {
	local rc=0
	on "$n2" nft 'table inet t {
		chain f { type filter hook forward priority 0; ct state invalid counter drop; }
		chain p { type nat hook postrouting priority srcnat; oifname e3 masquerade; }
	}' || return
	carry_behind || rc=1
	on "$n2" nft delete table inet t
	return $rc
}

# A queue that is fair to flows, on a slow wire: what overtakes within the tunnel
# leaves the others behind the replay window.
one_flow() {
	local i pids=() rc=0 rx late
	rx=$(peer_value "$n2" 1 rx_packets) && late=$(peer_value "$n2" 1 rx_outside_window) || return
	spawn_ready 60 "$n2" udp.py receive 5002 "$work/never" || return
	tc -n "$n1" qdisc add dev e0 root handle 1: tbf rate 1mbit burst 8k limit 10000000 &&
		tc -n "$n1" qdisc add dev e0 parent 1: fq_codel limit 10000 target 5s interval 10s || return
	for i in 1 2 3 4; do
		spawn "$n1" python3 -S -E "$py/udp.py" count 10.9.0.2 5002 300 &
		pids+=($!)
	done
	on "$n1" ping -n -q -i 0.1 -c 30 -W 20 10.9.0.2
	for i in "${pids[@]}"; do
		wait "$i" || rc=1
	done
	busywait 10000 peer_stat_grew "$n2" 1 rx_packets "$rx" +1230 2>/dev/null
	peer_stat_grew "$n2" 1 rx_packets "$rx" +1230 && peer_stat_grew "$n2" 1 rx_outside_window "$late" 0 || rc=1
	tc -n "$n1" qdisc del dev e0 root
	stop "$spawned"
	return $rc
}

# Nor do sockets inside choose classes outside: packets, and a super-packet.
one_class() {
	on "$n1" nft 'table inet prio { chain o { type filter hook output priority 0
		udp dport 37736 meta priority 1:1 counter
		udp dport 5002 meta priority 1:1 counter
	}; }' || return
	on "$n1" python3 -S -E - <<-END || return
		import socket
		sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
		sock.setsockopt(socket.SOL_SOCKET, socket.SO_PRIORITY, 0x10001)
		for i in range(5):
		    sock.sendto(bytes(100), ('10.9.0.2', 5002))
		sock.setsockopt(17, 103, 200)   # UDP_SEGMENT
		sock.sendto(bytes(2000), ('10.9.0.2', 5002))
	END
	on "$n1" nft list table inet prio | tee "$work/prio"
	on "$n1" nft delete table inet prio
	grep -q '37736 .*packets 0 ' "$work/prio" && grep -q '5002 .*packets [6-9]' "$work/prio"
}

# Merged on arrival, and cut apart again for the tunnel's socket, for a packet
# socket has them too. What comes out first must not take the rest along.
cut_behind() {
	local pid rc=0
	spawn_ready 300 "$n2" frames.py hoard e0 || return
	pid=$spawned
	on "$n2" ethtool -K e0 gro on && on "$n1" ethtool -K e0 tso off tx-udp-segmentation off &&
		tc -n "$n1" qdisc add dev e0 root netem delay 4ms limit 20000 || rc=1
	[ $rc = 0 ] && all_arrive "$n1" "$n3" 10.77.0.3 4000 sleep 3 || rc=1
	[ $rc = 0 ] && all_arrive "$n1" "$n3" fd00:77::3 4000 sleep 3 || rc=1
	tc -n "$n1" qdisc del dev e0 root
	on "$n1" ethtool -K e0 tso on tx-udp-segmentation on
	on "$n2" ethtool -K e0 gro off
	stop $pid
	cat "$work/ready"
	return $rc
}

# ---- a bridge in between, with an address of its own

rewire_to_bridge() {
	local i ns
	ip -n "$n1" link del e0 && add_ns "$r" && ip -n "$r" link add br0 type bridge &&
		on "$r" sysctl -qw net.ipv4.ip_forward=1 || return
	for i in 1 2; do
		ns=n$i
		ns=${!ns}
		ip -n "$ns" link add e0 type veth peer name e$i netns "$r" &&
			ip -n "$ns" addr add 10.0.1.$i/24 dev e0 &&
			ip -n "$ns" addr add fd00:1::$i/64 dev e0 nodad &&
			ip -n "$r" link set e$i master br0 up && ip -n "$ns" link set e0 up || return
	done
	ip -n "$r" addr add 10.0.1.254/24 dev br0 && ip -n "$r" link set br0 up &&
		busywait 10000 ping_tunnel "$n1" 10.9.0.2
}

# The endpoint node 1 knows is the bridge's, which passes the datagrams on.
passed_on() {
	local rc=0
	on "$r" nft 'table ip t {
		chain p { type nat hook prerouting priority dstnat; ip daddr 10.0.1.254 udp dport 4000 dnat to 10.0.1.2:37736; }
		chain q { type nat hook postrouting priority srcnat; ip daddr 10.0.1.2 masquerade; }
	}' && on "$n1" pilot peer set pilot0 2 endpoint 10.0.1.254:4000 || return
	carry || rc=1
	peer_value "$n1" 2 endpoint | grep '10.0.1.254:4000$' || fail "it did not go by way of the bridge" || rc=1
	on "$r" nft delete table ip t
	on "$n1" pilot peer set pilot0 2 endpoint 10.0.1.2:37736
	on "$n2" pilot peer set pilot0 1 endpoint 10.0.1.1:37736
	return $rc
}

relayed() {
	local rc=0
	spawn_ready 300 "$r" ../testnet/beacon.py 10.0.1.254 9001 1=10.0.1.1:37736 2=10.0.1.2:37736 || return
	on "$n1" pilot set pilot0 beacon 10.0.1.254:9001 && on "$n2" pilot set pilot0 beacon 10.0.1.254:9001 &&
		on "$n1" pilot peer set pilot0 2 path relay && on "$n2" pilot peer set pilot0 1 path relay || rc=1
	[ $rc = 0 ] && carry || rc=1
	kill -0 "$spawned" || fail "$(cat "$work/ready")" || rc=1
	stop "$spawned"
	on "$n1" pilot peer set pilot0 2 path direct
	on "$n2" pilot peer set pilot0 1 path direct
	return $rc
}

# ---- keys

# Without a key a super-packet waits in pieces.
waits_for_key() {
	local rc=0 rx
	on "$n1" pilot key del pilot0 2 || return
	spawn_ready 300 "$n2" super.py collect "$n2" 10.9.0.2 5003 40 $((20000 * slow)) || return
	rx=$spawned
	super send "$n1" 10.9.0.2 5003 1000 40 || rc=1
	new_key "$work/key"
	on "$n2" pilot key set pilot0 1 "$work/key" && on "$n1" pilot key set pilot0 2 "$work/key" || rc=1
	wait "$rx" || rc=1
	cat "$work/ready"
	[ $rc = 0 ] && grep -q -x "$(seq -s ' ' 0 39)" "$work/ready"
}

# New keys while data flows, at the receiver first.
keys_change() {
	local pid rc=0 before
	before=$(peer_value "$n1" 2 tx_packets) || return
	rm -f "$work/enough"
	carry udp=0 until="$work/enough" >"$work/carry.out" 2>&1 &
	pid=$!
	busywait 20000 peer_stat_grew "$n1" 2 tx_packets "$before" +50 || rc=1
	for _ in 1 2 3 4 5 6; do
		new_key "$work/key"
		on "$n2" pilot key set pilot0 1 "$work/key" && on "$n1" pilot key set pilot0 2 "$work/key" || rc=1
		sleep 0.3
	done
	kill -0 $pid || fail "it did not last" || rc=1
	touch "$work/enough"
	wait $pid || rc=1
	cat "$work/carry.out"
	return $rc
}

negotiated() { # namespace node file id
	on "$1" python3 -S -E "$py/asdaemon.py" key "$2" "$3" "$4"
}

# The last of a super-packet that nobody received are sent again, if the new key
# comes within five seconds. Who brings it is there already; a slow machine may need
# another try all the same.
salvaged() {
	lost_and_found 0 4 || lost_and_found 0 4 || lost_and_found 0 4
}

too_old_to_salvage() {
	lost_and_found 6 0
}

lost_and_found() { # seconds until the new key, packets sent again
	local rc=0 rx before a b
	on "$n1" pilot key del pilot0 2 && on "$n2" pilot key del pilot0 1 && new_key "$work/one" &&
		new_key "$work/two" && negotiated "$n1" 2 "$work/one" 1 && negotiated "$n2" 1 "$work/one" 1 &&
		ping_tunnel "$n1" 10.9.0.2 || return
	on "$n2" pilot key del pilot0 1 || return
	sleep 0.5
	before=$(peer_value "$n1" 2 tx_salvaged) || return
	rm -f "$work/go"
	spawn_ready 300 "$n2" asdaemon.py when "$work/go" key 1 "$work/two" 2 || return
	a=$spawned
	spawn_ready 300 "$n1" asdaemon.py when "$work/go" key 2 "$work/two" 2 || return
	b=$spawned
	spawn_ready 300 "$n2" super.py collect "$n2" 10.9.0.2 5003 5 $((6000 * slow)) || return
	rx=$spawned
	super send "$n1" 10.9.0.2 5003 1000 40 || rc=1
	sleep "$1"
	touch "$work/go"
	wait "$a" || rc=1
	wait "$b" || rc=1
	wait "$rx"
	cat "$work/ready"
	[ "$2" = 0 ] || grep -q -x '36 37 38 39' "$work/ready" || rc=1
	peer_stat_grew "$n1" 2 tx_salvaged "$before" "$2" || rc=1
	return $rc
}

# ---- where vector registers are in use

# Timers of netem send and receive in softirqs, which interrupt those who hold
# the FPU. Nothing may be lost, and UDP must stay in order.
# A packet that was put off is sent and received on another CPU than those around
# it, and veth has a queue for each CPU: only RPS keeps the order between them.
steer() { # mask of CPUs
	local ns
	for ns in $n1 $n2 $r; do
		ip netns exec "$ns" sh -c "for f in /sys/class/net/*/queues/rx-0/rps_cpus; do echo $1 >\$f || exit; done" || return
	done
}

put_off() {
	local t=/sys/kernel/tracing ns rc=0 tx rx
	steer 1 || return
	[ -d $t/events ] || mount -t tracefs tracefs $t || return
	echo 16384 >$t/buffer_size_kb && echo >$t/trace && echo 1 >$t/events/pilot/pilot_defer/enable || return
	for ns in $n1 $n2; do
		tc -n "$ns" qdisc add dev pilot0 root netem delay 1ms || return
	done
	with_qdisc e0 netem delay 1ms || rc=1
	tc -n "$n1" qdisc add dev e0 root netem delay 1ms && tc -n "$n2" qdisc add dev e0 root netem delay 1ms || return
	python3 -S -E "$py/carry.py" "$n1" - "$n2" 10.9.0.2 tcp=0 udp=0 row=4000 || rc=1
	for ns in $n1 $n2; do
		tc -n "$ns" qdisc del dev e0 root
		tc -n "$ns" qdisc del dev pilot0 root
	done
	echo 0 >$t/events/pilot/pilot_defer/enable
	steer 0 || return
	tx=$(grep -c 'pilot_defer: .*way=tx' $t/trace) rx=$(grep -c 'pilot_defer: .*way=rx' $t/trace)
	echo "$tx packets put off on their way out, $rx datagrams on their way in"
	[ $rc = 0 ] && [ "$tx" -ge 5 ] && [ "$rx" -ge 5 ]
}

try_put_off() {
	local name="put off while vector registers are in use, nothing lost, in order"
	local ko=$top/build/$(uname -r)/fpuhold/fpuhold.ko
	if [ ! -e "$ko" ]; then
		skip "$name" "no fpuhold.ko for this kernel: make test-modules"
	elif insmod "$ko" 2>"$work/insmod"; then
		try "$name" put_off
		rmmod fpuhold
	elif grep -q 'not supported' "$work/insmod"; then
		skip "$name" "softirqs do not interrupt users of the FPU here"
	else
		try "$name" fail "$(cat "$work/insmod")"
	fi
}

for outer in 4 6; do
	[ $outer = 6 ] || setup_pair
	try "IPv$outer outside: tunnel with static keys" setup_tunnel $outer
	try "IPv$outer outside: super-packets go out whole" goes_out_whole
	[ $outer = 6 ] || try "cut by the module as by the core" cut_as_the_core
	try "IPv$outer outside: what is merged is what was sent" merged_is_what_was_sent $outer
	for kind in tcp4 tcp6 udp4 udp6; do
		try "IPv$outer outside: a run of $kind is merged" merges $outer $kind 5 1
	done
	try "IPv$outer outside: nothing is merged without GRO" merges_nothing_without_gro $outer
	teardown_tunnel
	setup_tunnel $outer
	try "IPv$outer outside: a wire, segments one by one" without tso tx-udp-segmentation
	try "IPv$outer outside: no scatter-gather, no checksums outside" without tx sg
	try "IPv$outer outside: the receiver does not merge" without_inner gro
	try "IPv$outer outside: the sender does not take super-packets" without_inner tso
	try "IPv$outer outside: taps on the underlay" tapped e0
	[ $outer = 6 ] || try "a tap does not see what is opened" tap_is_unchanged
	try "IPv$outer outside: conntrack" with_rules "$conntrack"
	try "IPv$outer outside: nfqueue, super-packets whole" queued whole
	if [ $outer = 4 ]; then
		try "taps on the device" tapped pilot0
		try "netem on the underlay" with_qdisc e0 netem delay 2ms
		try "netem on the device" with_qdisc pilot0 netem delay 2ms
		try "tbf on the device" with_qdisc pilot0 tbf rate 400mbit burst 32k latency 1s
		try "mirrors on the underlay" with_clsact e0
		try "mirrors on the device" with_clsact pilot0
		try "nfqueue, bypassed" with_rules "$bypass"
		try "nfqueue, super-packets cut" queued cut
		try "flow queues on a slow underlay: nothing overtakes" one_flow
		try "priorities of packets inside: all frames are of one class" one_class
		try "redirected to another port" redirected
		try "a super-packet waits for the key" waits_for_key
		try "keys change under way" keys_change
		try "the end of a super-packet is salvaged" salvaged
		try "but not six seconds later" too_old_to_salvage
	fi
	teardown_tunnel
done

setup_tunnel 4
try "a host behind the receiver" setup_behind
try "forwarded" carry_behind
try "forwarded without TSO" behind_without_tso
try "forwarded without checksum offload" behind_without_checksums
try "forwarded and masqueraded" behind_masquerade
try "forwarded, cut apart by the core before it is opened" cut_behind
try "a bridge" rewire_to_bridge
try "over the bridge" carry
try "passed on to another address" passed_on
try "relayed" relayed
try_put_off
teardown_tunnel

# Both devices have their sockets in one namespace, and meet on its loopback.
over_loopback() { # 4|6
	local lo=127.0.0.1
	[ "$1" = 4 ] || lo=::1
	new_key "$work/key"
	add_device "$n1" 1 && ip -n "$n1" link add pilot1 type pilot && ip -n "$n1" link set pilot1 netns "$n2" name pilot0 &&
		on "$n2" pilot set pilot0 node-id 2 listen-port 37737 && ip -n "$n2" addr add "$(map6 2)/48" dev pilot0 &&
		ip -n "$n2" addr add 10.9.0.2/24 dev pilot0 && ip -n "$n2" link set pilot0 up &&
		on "$n1" pilot peer add pilot0 2 endpoint "$(endpoint $lo 37737)" allowed-ips 10.9.0.2/32 &&
		on "$n2" pilot peer add pilot0 1 endpoint "$(endpoint $lo 37736)" allowed-ips 10.9.0.1/32 &&
		on "$n1" pilot key set pilot0 2 "$work/key" && on "$n2" pilot key set pilot0 1 "$work/key" &&
		carry
}

# A record larger than the room for one: the core cuts those.
large_mtu() {
	local ns
	for ns in $n1 $n2; do
		ip -n "$ns" link set pilot0 mtu "$1" || return
	done
	carry mtu="$1" udp=1
}

for outer in 4 6; do
	try "IPv$outer outside: over loopback" over_loopback $outer
	try "IPv$outer outside: over loopback, MTU 9000" large_mtu 9000
	try "IPv$outer outside: over loopback, MTU 40000" large_mtu 40000
	teardown_tunnel
done
finish
