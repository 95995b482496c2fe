#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# Two nodes behind a NAT router each, registry and beacon on the internet between
# them. With LONG=SECONDS only: that long without both. Longer timers are in
# unit/test_paths.

. "$(dirname "${BASH_SOURCE[0]}")/../lib.sh"

# n1 192.168.1.1 --- .254 nat1 198.18.1.1 --- .254 r 198.18.0.1 --- nat2 --- n2
nat1=pt$$-a nat2=pt$$-b
namespaces="$namespaces $nat1 $nat2"

setup_internet() {
	local i nat ns
	add_ns "$n1" "$n2" "$nat1" "$nat2" "$r"
	ip -n "$r" addr add 198.18.0.1/32 dev lo && on "$r" sysctl -qw net.ipv4.ip_forward=1 || return
	for i in 1 2; do
		nat=nat$i ns=n$i
		nat=${!nat} ns=${!ns}
		ip -n "$ns" link add e0 type veth peer name lan netns "$nat" &&
			ip -n "$nat" link add wan type veth peer name e$i netns "$r" &&
			ip -n "$ns" addr add 192.168.$i.$i/24 dev e0 &&
			ip -n "$nat" addr add 192.168.$i.254/24 dev lan &&
			ip -n "$nat" addr add 198.18.$i.1/24 dev wan &&
			ip -n "$r" addr add 198.18.$i.254/24 dev e$i &&
			ip -n "$ns" link set e0 up && ip -n "$nat" link set lan up &&
			ip -n "$nat" link set wan up && ip -n "$r" link set e$i up &&
			ip -n "$ns" route add default via 192.168.$i.254 &&
			ip -n "$nat" route add default via 198.18.$i.254 &&
			on "$nat" sysctl -qw net.ipv4.ip_forward=1 || return
		# What nobody inside asked for is dropped, before it leaves a trace.
		on "$nat" nft 'table ip f {
			chain i { type filter hook input priority 0; iifname wan ct state new drop; }
			chain f { type filter hook forward priority 0; iifname wan ct state new drop; }
		}' || return
		nat $i masquerade || return
	done
}

# A NAT of this kind, which has just been switched on. "masquerade" keeps the
# port where it can: one mapping for all destinations, closed to all but those
# written to. With fully-random each destination sees another port.
nat() { # node masquerade...
	local i=$1 ns=nat$1
	shift
	on "${!ns}" nft 'add table ip n; delete table ip n; table ip n {
		chain p { type nat hook postrouting priority 100;
			oifname wan meta l4proto udp '"$*"'; oifname wan masquerade; }
	}' && on "${!ns}" python3 -S -E "$py/ctflush.py"
}

configure_nat_nodes() {
	local i
	for i in 1 2; do
		new_identity $i || return
	done
	for i in 1 2; do
		configure_node $i $((3 - i))
		sed -i 's/^type = file/type = tcp/; s/^path = .*/address = 198.18.0.1:9000\nretry-max = 2/' "$work/node$i.conf"
		cat >>"$work/node$i.conf" <<-END

			[beacon]
			address = 198.18.0.1:9001

			[timers]
			keepalive = 1
			silence = 5
			rekey = ${rekey:-3600}
		END
	done
}

start_registry() {
	spawn "$r" python3 -S -E "$top/selftests/pilot-testnet" --registry 198.18.0.1:9000 \
		--state "$work/registry.state" >"$work/registry" 2>&1 &
	registry=$!
	busywait 20000 grep -q ready "$work/registry"
}

start_beacon() {
	rm -f "$work/control"
	mkfifo "$work/control" || return
	spawn "$r" python3 -S -E "$top/selftests/pilot-testnet" --beacon 198.18.0.1:9001 \
		--beacon-control "$work/control" >"$work/beacon" 2>&1 &
	beacon=$!
	busywait 20000 grep -q ready "$work/beacon"
}

stop() { # process
	kill "$1"
	wait "$1" 2>/dev/null
	return 0
}

tell_beacon() { # command...
	local n
	n=$(grep -c '^done' "$work/beacon")
	echo "$*" >"$work/control"
	busywait 5000 beacon_did $((n + 1))
}

beacon_did() { # n
	[ "$(grep -c '^done' "$work/beacon")" -ge "$1" ]
}

registry_is() { # namespace state
	[ "$(device_value "$1" registry_state)" = "$2" ]
}

paths_are() { # direct|relay
	[ "$(peer_value "$n1" 2 path_active)" = "$1" ] && [ "$(peer_value "$n2" 1 path_active)" = "$1" ]
}

works() {
	on "$n1" pilot ping -q -c 1 -W 1 pilot0 2 && on "$n2" pilot ping -q -c 1 -W 1 pilot0 1
}

direct_and_works() {
	paths_are direct && works
}

relayed_and_works() {
	paths_are relay && works
}

session() { # the keys that send, at both ends
	peer_value "$n1" 2 id && peer_value "$n2" 1 id
}

logs() {
	tail -n 15 "$work/pilotd1.log" "$work/pilotd2.log" "$work/beacon" "$work/registry"
	on "$n1" pilot show
	on "$n2" pilot show
}

punched() {
	setup_internet && configure_nat_nodes && start_registry && start_beacon || return
	# the first to come gets node ID 1
	start_pilotd 1
	busywait 20000 registry_is "$n1" registered || { logs; return 1; }
	start_pilotd 2
	busywait 30000 direct_and_works || { logs; return 1; }
	[ "$(peer_value "$n1" 2 endpoint)" = 198.18.2.1:37736 ] &&
		[ "$(peer_value "$n2" 1 endpoint)" = 198.18.1.1:37736 ] || fail "not by the NATs" || return
	grep -q '^punch' "$work/beacon"
}

reflexive_is_told() {
	[ "$(device_value "$n1" reflexive)" = 198.18.1.1:37736 ] &&
		[ "$(device_value "$n2" reflexive)" = 198.18.2.1:37736 ] || return
	grep 'the beacon sees this node at 198.18.1.1:37736' "$work/pilotd1.log" &&
		grep 'the beacon sees this node at 198.18.2.1:37736' "$work/pilotd2.log"
}

# Everything a beacon can do to a direct tunnel, while datagrams are counted.
evil_beacon() {
	local i
	tell_beacon lie discover 203.0.113.9:9 && tell_beacon lie punch 203.0.113.9:9 || return
	for i in 1 2 3; do
		tell_beacon garbage 198.18.1.1:37736 && tell_beacon garbage 198.18.2.1:37736 &&
			tell_beacon deliver 2 1 "50494c5300000001$(printf '%056d' $i)" &&
			tell_beacon deliver 2 9 "50494c4b00000001$(printf '%064d' $i)" || return
	done
	tell_beacon delay 0.3 && sleep 1 && tell_beacon delay 0 && tell_beacon lie off && tell_beacon mute &&
		tell_beacon forget && tell_beacon unmute
}

survives_beacon() {
	local before rc=0
	before=$(session) || return
	all_arrive "$n1" "$n2" 10.9.0.2 200 evil_beacon || rc=1
	stop $beacon
	stop $registry
	all_arrive "$n2" "$n1" 10.9.0.1 200 sleep 3 || rc=1
	registry_is "$n1" down || fail "the registry is not missed" || rc=1
	start_beacon && start_registry && [ $rc = 0 ] && paths_are direct && busywait 5000 works || return
	[ "$(session)" = "$before" ] || fail "another session" || return
	[ "$(peer_value "$n1" 2 endpoint)" = 198.18.2.1:37736 ]
}

found_again() {
	busywait 20000 registry_is "$n1" registered && busywait 20000 registry_is "$n2" registered && busywait 40000 grep -q '^discover 1' "$work/beacon" && busywait 40000 grep -q '^discover 2' "$work/beacon"
}

# Neither end reaches the other any more where it was.
mapped_anew() {
	local before
	before=$(session) || return
	nat 1 masquerade to :41000-41999 || return
	busywait 40000 moved || { logs; return 1; }
	busywait 5000 eval '[ "$(session | sort -u | wc -l)" = 1 ]' || fail "two sessions"
}

moved() {
	[[ $(peer_value "$n2" 1 endpoint) == 198.18.1.1:41* ]] && direct_and_works
}

# A node that knows nothing of its NAT; the one at the other end has to learn the
# way by the relay.
symmetric() {
	nat 1 masquerade fully-random || return
	busywait 60000 relayed_and_works || { logs; return 1; }
}

still_relayed() {
	all_arrive "$n1" "$n2" 10.9.0.2 100 sleep 16 || return
	paths_are relay && busywait 5000 works || { logs; return 1; }
}

# It knows nobody until a peer is missed, or 25 s have passed.
relay_restarts() {
	stop $beacon
	start_beacon && busywait 45000 relayed_and_works || { logs; return 1; }
}

straight_again() {
	nat 1 masquerade || return
	busywait 60000 direct_and_works || { logs; return 1; }
}

# New keys came beside old ones; that a key was lost would be in the log.
no_key_lost() {
	! grep tunnel.key_dropped "$work/pilotd1.log" "$work/pilotd2.log"
}

# Minutes without registry and beacon, with new keys on the way. They cost nothing
# where the clock runs ahead: selftests/check does this under --icount.
long_outage() { # seconds
	local before
	before=$(session) || return
	stop $beacon
	stop $registry
	on "$n1" ping -n -q -i 0.2 -w "$1" 10.9.0.2 >"$work/ping"
	cat "$work/ping"
	# the last one may still be under way
	awk '/packets transmitted/ { good = $1 >= 10 && $1 - $4 <= 1 } END { exit !good }' "$work/ping" &&
		registry_is "$n1" down && paths_are direct && busywait 5000 works || return
	[ "$(session)" != "$before" ] || fail "no new keys in $1 s"
}

if [ -n "${LONG:-}" ]; then
	rekey=120
	try "two NATs: a direct tunnel by a punch" punched
	try "$LONG s without registry and beacon: nothing is lost, keys are renewed" long_outage "$LONG"
	start_beacon
	start_registry
	try "both are back and know the nodes" found_again
	try "no key was lost in all this" no_key_lost
	finish
fi

try "two NATs: a direct tunnel by a punch" punched
try "the address outside is told" reflexive_is_told
try "a beacon that lies, sends garbage, or dies costs no packet" survives_beacon
try "beacon and registry restarted: they know the nodes again" found_again
try "a NAT that maps anew: found again" mapped_anew
try "symmetric NAT: relayed" symmetric
try "and stays so, losing nothing" still_relayed
try "the relay restarts: the session stays" relay_restarts
try "the NAT allows it again: direct" straight_again
try "no key was lost in all this" no_key_lost
finish
