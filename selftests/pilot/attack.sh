#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# The security properties of protocol.rst section 5: an attacker on the path,
# who can send anything from any address, must not cost a live session one
# packet. Beside every attack runs a ping, of which none may be lost, and a TCP
# stream, which must arrive whole.

. "$(dirname "${BASH_SOURCE[0]}")/../lib.sh"
. "$lib_dir/attacks.sh"

command -v pilotd >/dev/null || missing "the program pilotd is missing"
setup_routed
configure_nodes || exit 1
# The attacker is the router; what it floods must not be lost on the way.
sysctl -qw net.core.netdev_max_backlog=20000

tunnel_up() {
	start_pilotd 1
	start_pilotd 2
	busywait 20000 answers "$n1" 2 && ping_tunnel "$n2" 10.9.0.1
}

# Runs COMMAND beside a ping and a TCP stream, and two seconds longer.
unharmed() {
	local rc=0 ping tcp begun=$SECONDS least
	spawn "$n1" ping -n -i 0.02 -w 170 "$(map6 2)" >"$work/ping" &
	ping=$!
	(while [ ! -e "$work/stop" ]; do transfer "$n1" "$n2" 10.9.0.2 300000 || exit 1; done) >"$work/tcp" 2>&1 &
	tcp=$!
	sleep 0.5
	"$@" || rc=$?
	sleep 2
	touch "$work/stop"
	wait $tcp || fail "the TCP stream broke: $(tail -n 3 "$work/tcp")" || rc=1
	rm "$work/stop"
	kill -INT $ping
	wait $ping
	tail -n 3 "$work/ping"
	least=$(((SECONDS - begun) * 10 / slow))
	none_missing $((least > 50 ? least : 50)) "$work/ping" || fail "pings were lost, or too few" || rc=1
	! grep -q duplicates "$work/ping" || fail "pings were duplicated" || rc=1
	# Two lines for each transfer of 300000 bytes.
	echo "$(($(grep -c ^300000 "$work/tcp") / 2)) transfers by TCP"
	[ "$(grep -c ^300000 "$work/tcp")" -ge 2 ] || fail "no TCP stream" || rc=1
	return $rc
}

# COMMAND harms neither traffic nor endpoints and authentication.
resisted() {
	local before after
	before=$(session "$n1" 2; session "$n2" 1)
	unharmed "$@" || return
	after=$(session "$n1" 2; session "$n2" 1)
	[ "$before" = "$after" ] || fail "the session changed from $before to $after"
}

junk() {
	local before
	before=$(peer_value "$n2" 1 rx_decrypt_fail) || return
	attack junk $under4_1 37736 $under4_2 1 "$work/pils.1" 500 5 &
	local pid=$!
	attack junk $under4_2 37736 $under4_1 2 "$work/pils.2" 500 5 && wait $pid || return
	peer_stat_grew "$n2" 1 rx_decrypt_fail "$before" "+$((500 / slow))"
}

# A session nobody uses for a while is no easier prey: junk, then packets.
junk_when_idle() {
	local i before
	for i in 1 2 3; do
		before=$(peer_value "$n1" 2 rx_packets) || return
		sleep 4
		attack junk $under4_1 37736 $under4_2 1 "$work/pils.1" 200 0.5 || return
		attack junk $under4_2 37736 $under4_1 2 "$work/pils.2" 200 0.5 || return
		# ping itself hardly waits for the last answer when there were others
		on "$n1" ping -n -q -c 5 -i 0.1 -W 3 10.9.0.2
		busywait 3000 peer_stat_grew "$n1" 2 rx_packets "$before" 5 || return
	done
}

# They are of former keys by now, most of them.
replayed_frames() {
	local before
	before=$(refused_frames "$n2" 1) || return
	attack replay $under4_1 37736 $under4_2 "$work/pils.1" 1000 2000 &&
		attack replay 192.0.2.7 4242 $under4_2 "$work/pils.1" 1000 1000 || return
	[ $(($(refused_frames "$n2" 1) - before)) -ge $((1000 / slow)) ] || fail "they did not arrive"
}

refused_frames() { # namespace node
	echo $(($(refused_genuine "$1" "$2") + $(peer_value "$1" "$2" rx_decrypt_fail)))
}

# Genuine frames that were refused: seen before, or behind the window by now.
refused_genuine() { # namespace node
	echo $(($(peer_value "$1" "$2" rx_replay) + $(peer_value "$1" "$2" rx_outside_window)))
}

# Frames of the present key.
replayed_fresh() {
	local before
	sleep 7 # until no new key is asked for any more
	take_frames ping_tunnel "$n1" 10.9.0.2 || return
	before=$(refused_genuine "$n2" 1) || return
	attack replay 192.0.2.7 4242 $under4_2 "$work/pils.1" 1000 2000 || return
	[ $(($(refused_genuine "$n2" 1) - before)) -ge 500 ]
}

replayed_pila() {
	local before
	outdate_pila && before=$(handshakes "$n1") || return
	attack replay $under4_2 37736 $under4_1 "$work/pila.2" 2 8 &&
		attack replay 192.0.2.7 4242 $under4_1 "$work/pila.2" 2 8 &&
		attack replay $under4_1 37736 $under4_2 "$work/pila.1" 2 8 || return
	[ $(($(handshakes "$n1") - before)) -ge 16 ] || fail "they did not arrive"
}

# Former PILA for a daemon that has forgotten them, while the peer's new key
# awaits its proof: for a quarter of a second, on this path.
replayed_pila_while_rekeying() {
	local before pid rc=0
	outdate_pila || return
	stop_pilotd 1 KILL
	start_pilotd 1
	busywait 10000 device_value "$n1" handler || return
	before=$(peer_value "$n2" 1 id) || return
	# As often as the limit for strangers allows.
	attack replay any 37736 $under4_1 "$work/one" 80 400 &
	pid=$!
	sleep 0.5
	on "$n2" pilot rekey pilot0 1
	busywait 3000 other_key "$n2" 1 "$before" || fail "the peer's new key was pushed out" || rc=1
	wait $pid || rc=1
	return $rc
}

# The delay lasts as long as the traffic: what waits in it would be lost, or
# come behind the replay window. A ping would end with some under way.
with_delay() {
	local rc=0
	on "$r" tc qdisc add dev e1 root netem delay 250ms limit 100000 || return
	"$@" || rc=$?
	on "$r" tc qdisc del dev e1 root || rc=1
	return $rc
}

forged_pilk() {
	local mark seen
	forge_pilk
	mark=$(wc -l <"$work/pilotd2.log") seen=$(device_value "$n2" rx_handshake) || return
	attack replay $under4_1 37736 $under4_2 "$work/pilk" 4 20 || return
	[ $(($(device_value "$n2" rx_handshake) - seen)) -ge 10 ] || fail "the frames did not arrive" || return
	# Beside the session it would do no harm at once, but it must not be there.
	! tail -n "+$((mark + 1))" "$work/pilotd2.log" | grep 'tunnel.established' | grep -v authenticated
}

forged_beacon() {
	local before
	before=$(device_value "$n2" rx_beacon_spoofed) || return
	capture "$n2" attack beacon 192.0.2.9 9001 $under4_2 1 "$work/pils.1" &&
		attack beacon $under4_1 37736 $under4_2 1 "$work/pils.1" || return
	[ $(($(device_value "$n2" rx_beacon_spoofed) - before)) -ge 50 ]
}

spoofed_inner() {
	local before
	before=$(peer_value "$n2" 1 rx_spoofed) || return
	spoof_sources || return
	peer_stat_grew "$n2" 1 rx_spoofed "$before" 10
}

# No more than 100 a second get to the daemon, and as many at once. A slow machine
# may not manage to send more.
flooded() {
	local passed limited rc=0 begun=$SECONDS sent
	passed=$(device_value "$n2" rx_handshake) && limited=$(device_value "$n2" rx_handshake_limited) || return
	attack flood $under4_2 1 500 10 >"$work/flood" &
	local pid=$!
	sleep 2
	rekey || fail "no new key during the flood" || rc=1
	wait $pid || rc=1
	passed=$(($(device_value "$n2" rx_handshake) - passed))
	limited=$(($(device_value "$n2" rx_handshake_limited) - limited))
	sent=$(awk '{ print $2 }' "$work/flood")
	echo "$sent sent, $passed passed on, $limited refused"
	[ $((passed + limited)) -ge $((sent * 9 / 10)) ] || fail "they did not arrive" || rc=1
	[ $passed -le $((100 * (SECONDS - begun + 2))) ] || fail "too many were passed on" || rc=1
	[ "$slow" -gt 1 ] || [ $limited -ge 1000 ] || fail "that was no flood" || rc=1
	return $rc
}

daemon_killed_every_second() {
	local end=$((SECONDS + 60)) i=0 kills=0 next
	while [ $SECONDS -lt $end ]; do
		next=$((SECONDS + 1))
		i=$((i % 2 + 1))
		stop_pilotd $i KILL
		start_pilotd $i
		kills=$((kills + 1))
		while [ $SECONDS -lt $next ]; do sleep 0.1; done
	done
	# A busy machine needs longer for each.
	echo "$kills times"
	[ $kills -ge $((20 / slow)) ] || fail "that was not every second"
}

rekey_thrice() {
	rekey && sleep 3.5 && rekey && sleep 3.5 && rekey
}

address_and_route_changes() {
	local i
	for i in 1 2 3; do
		ip -n "$n1" addr add 10.0.1.5$i/24 dev e0 || return
		ip -n "$n1" route replace default via 10.0.1.254 src 10.0.1.5$i || return
		sleep 1
		ip -n "$n1" route replace default via 10.0.1.254 || return
		ip -n "$n1" addr del 10.0.1.5$i/24 dev e0 || return
		sleep 1
	done
}

# Node 2 starts anew. What was sent while it was down arrives all the same: it
# is sent again under the new key, if that comes within five seconds.
peer_restarted() {
	local sent rc=0 rx
	rm -f "$work/rx" "$work/rx.end"
	ping_tunnel "$n1" "$(map6 2)" || return
	stop_pilotd 2 KILL
	ip -n "$n2" link del pilot0 || return
	spawn "$n2" python3 -S -E "$py/udp.py" receive 5003 "$work/rx.end" >"$work/rx" &
	rx=$!
	busywait 20000 grep -q ready "$work/rx" || return
	# Later than this the peer only rekeys, for all that is known.
	sleep 0.5
	on "$n1" python3 -S -E "$py/udp.py" count "$(map6 2)" 5003 3 || rc=1
	sent=${EPOCHREALTIME/[.,]/}
	start_pilotd 2
	busywait 10000 answers "$n1" 2 || rc=1
	took=$(((${EPOCHREALTIME/[.,]/} - sent) / 1000))
	echo "back $took ms after the last packet"
	sleep 1
	touch "$work/rx.end"
	wait $rx
	cat "$work/rx"
	[ $rc = 0 ] && grep -q 'received 3 of 3, late 0, doubled 0' "$work/rx"
}

# A slow machine may need more than the five seconds once or twice.
restarted_in_time() {
	local i took
	for i in 1 2 3; do
		took=0
		peer_restarted && return
		[ "$slow" -gt 1 ] && [ "$took" -ge 4000 ] || return
	done
	fail "never back in time"
}

# ---- the end of devices, with all of this going on

# Runs COMMAND beside pings both ways, TCP, junk, a flood and replays.
besieged() {
	local pids=() rc=0
	spawn "$n1" ping -q -f -w 60 "$(map6 2)" >/dev/null 2>&1 &
	pids+=($!)
	spawn "$n2" ping -q -f -w 60 10.9.0.1 >/dev/null 2>&1 &
	pids+=($!)
	spawn "$n2" iperf3 -s >/dev/null 2>&1 &
	pids+=($!)
	busywait 20000 listening "$n2" 5201 || return
	spawn "$n1" iperf3 -c 10.9.0.2 -t 60 >/dev/null 2>&1 &
	pids+=($!)
	spawn "$r" python3 -S -E "$py/attack.py" junk $under4_1 37736 $under4_2 1 "$work/pils.1" 300 60 >/dev/null 2>&1 &
	pids+=($!)
	spawn "$r" python3 -S -E "$py/attack.py" flood $under4_2 1 300 60 >/dev/null 2>&1 &
	pids+=($!)
	spawn "$r" python3 -S -E "$py/attack.py" replay $under4_2 37736 $under4_1 "$work/pila.2" 2 120 >/dev/null 2>&1 &
	pids+=($!)
	sleep 3
	"$@" || rc=$?
	kill -KILL "${pids[@]}"
	wait "${pids[@]}" 2>/dev/null
	return $rc
}

device_deleted() {
	local i
	for i in 1 2 3; do
		ip -n "$n2" link del pilot0 || return
		sleep 0.5
		kill -HUP "$pilotd_2" # make it again
		busywait 10000 answers "$n1" 2 || return
	done
}

module_unloaded() {
	rmmod pilot && ! grep -q '^pilot ' /proc/modules
}

# With the module back the daemons find their devices again when told.
back_again() {
	kill -HUP "$pilotd_1" "$pilotd_2" && busywait 20000 answers "$n1" 2
}

# Processes keep it: those in it go first, the attackers and node 1 go on.
namespace_deleted() {
	del_ns "$n2"
	busywait 10000 eval '! ip -n "$r" link show e2' || fail "the namespace is still there" || return
	sleep 1
	device_value "$n1" listen_port
}

no_complaints() {
	[ -s "$work/pilotd1.log" ] && [ -s "$work/pilotd2.log" ] &&
		! grep -i -E 'assert|sanitizer' "$work"/pilotd?.log
}

try "two nodes with a tunnel" tunnel_up
try "the attacker records traffic and handshakes" take_frames some_traffic
try "S1: junk in both names at every counter" resisted junk
try "S1: junk while the tunnel is idle" junk_when_idle
try "S1: genuine frames replayed by the thousand" resisted replayed_frames
try "S1: fresh frames replayed from elsewhere" resisted replayed_fresh
try "S2: PILA of former keys, from right and wrong addresses" resisted replayed_pila
head -n 1 "$work/pila.2" >"$work/one"
try "S2: a former PILA while the peer rekeys" with_delay all_arrive "$n2" "$n1" 10.9.0.1 50 replayed_pila_while_rekeying
try "S4: PILK in the name of an authenticated peer" resisted forged_pilk
try "S5: forged messages of the beacon" resisted forged_beacon
try "S6: spoofed inner sources" resisted spoofed_inner
try "S7: a flood of handshakes from 1000 addresses while rekeying" resisted flooded
try "S8: daemons killed every second for a minute" unharmed daemon_killed_every_second
try "addresses and routes change under load" unharmed address_and_route_changes
try "rekeying under load" unharmed rekey
try "rekeying thrice under full load: all arrive, once and in order" in_order "$n1" "$n2" 10.9.0.2 0 rekey_thrice
try "a restarted peer is back, with what was sent meanwhile" restarted_in_time
if command -v iperf3 >/dev/null; then
	try "the device is deleted and made again under attack" besieged device_deleted
	try "the module is unloaded under attack" besieged module_unloaded
	try "loaded again, there is a tunnel" back_again
	try "the namespace is deleted under attack" besieged namespace_deleted
else
	skip "the ends of devices under attack" "iperf3 is missing"
fi
try "the daemons do not complain" no_complaints
finish
