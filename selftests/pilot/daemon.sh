#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# Two pilotd through a router: handshake, restarts of daemon and node, rekeying,
# reload, refusals, forged and replayed handshakes.

. "$(dirname "${BASH_SOURCE[0]}")/../lib.sh"

command -v pilotd >/dev/null || missing "the program pilotd is missing"
setup_routed
configure_nodes || exit 1

started() {
	start_pilotd 1
	start_pilotd 2
	busywait 10000 on "$n1" pilot show pilot0 && busywait 10000 on "$n2" pilot show pilot0
}

answers() { # namespace node
	on "$1" ping -n -q -c 1 -W 1 "$(map6 "$2")"
}

established() {
	busywait 10000 answers "$n1" 2 && ping_tunnel "$n2" "$(map6 1)" && ping_tunnel "$n1" 10.9.0.2
}

authenticated() {
	[ "$(peer_value "$n1" 2 authenticated)" = true ] && [ "$(peer_value "$n2" 1 authenticated)" = true ]
}

current_key() { # namespace node
	peer_value "$1" "$2" id
}

restart_daemon() { # signal
	stop_pilotd 1 "$1"
	sleep 1
	start_pilotd 1
	sleep 1
	kill -0 "$pilotd_1"
}

killed_and_adopted() {
	local before
	before=$(current_key "$n1" 2) || return
	without_loss "$(map6 2)" restart_daemon KILL || return
	[ "$(current_key "$n1" 2)" = "$before" ] || fail "the session was not adopted"
	busywait 10000 pilotd_is_handler "$n1"
}

terminated() {
	stop_pilotd 1 TERM || fail "exit status $?" || return
	ping_tunnel "$n1" "$(map6 2)" || fail "no traffic without the daemon" || return
	start_pilotd 1
	busywait 5000 pilotd_is_handler "$n1"
}

pilotd_is_handler() {
	device_value "$1" handler
}

both_killed() {
	stop_pilotd 1 KILL
	stop_pilotd 2 KILL
	ping_tunnel "$n1" "$(map6 2)" || return
	start_pilotd 1
	start_pilotd 2
	busywait 10000 pilotd_is_handler "$n1" && busywait 10000 pilotd_is_handler "$n2" && established
}

reload() {
	local before
	before=$(current_key "$n1" 2) || return
	without_loss "$(map6 2)" kill -HUP "$pilotd_1" || return
	kill -0 "$pilotd_1" && [ "$(current_key "$n1" 2)" = "$before" ]
}

last_says() { # pattern
	tail -n 2 "$work/pilotd1.log" | grep "$1"
}

# The port belongs to somebody else.
reloaded_in_part() {
	local other rc=0
	spawn "$n1" python3 -S -E "$py/udp.py" receive 901 "$work/never" >/dev/null &
	other=$!
	busywait 10000 eval 'on "$n1" ss -H -u -l -n sport = 901 | grep .' || rc=1
	sed -i 's/^listen-port = .*/listen-port = 901/' "$work/node1.conf"
	kill -HUP "$pilotd_1"
	busywait 8000 last_says 'configuration read again, but not all of it is in use$' &&
		last_says 'reload: pilot0: device.listen-port: the port cannot be opened' || { tail "$work/pilotd1.log"; rc=1; }
	kill $other
	wait $other 2>/dev/null
	sed -i 's/^listen-port = .*/listen-port = 37736/' "$work/node1.conf"
	kill -HUP "$pilotd_1"
	busywait 8000 last_says 'configuration read again$' && ping_tunnel "$n1" "$(map6 2)" && return $rc
}

routes_are() { # table, routes expected, "-" for none
	local now
	now=$(ip -n "$n1" -o route show table "$1" dev pilot0 proto static 2>/dev/null | awk '{ print $1 }' | xargs)
	[ "${now:--}" = "$2" ] || fail "table $1: $now"
}

with_table() { # value of "table", lines of allowed-ips
	sed -i "/^table/d; s|^allowed-ips.*|allowed-ips = $2|; /^node-id/a table = $1" "$work/node1.conf"
	kill -HUP "$pilotd_1"
}

# Routes go where "table" says and nowhere else; a default route not to main.
routes_move() {
	cp "$work/node1.conf" "$work/node1.saved"
	routes_are main 10.9.0.2 || return
	with_table 4000 "10.9.0.2/32, 0.0.0.0/0" && busywait 5000 routes_are 4000 "default 10.9.0.2" &&
		routes_are main - || return
	with_table off "10.9.0.2/32, 0.0.0.0/0" && busywait 5000 routes_are 4000 - &&
		routes_are main - || return
	with_table main "10.9.0.2/32, 0.0.0.0/0" && busywait 5000 routes_are main 10.9.0.2 &&
		routes_are 4000 - || return
	mv "$work/node1.saved" "$work/node1.conf"
	kill -HUP "$pilotd_1" && routes_are main 10.9.0.2
}

other_key() { # namespace node id
	local now
	now=$(current_key "$1" "$2") && [ "$now" != "$3" ]
}

rekey_now() {
	local before
	before=$(current_key "$n1" 2) || return
	on "$n1" pilot rekey pilot0 2 && busywait 8000 other_key "$n1" 2 "$before"
}

# A new device and a new ephemeral key: back after a round trip and a second.
node_restarted() {
	stop_pilotd 2 KILL
	ip -n "$n2" link del pilot0 || return
	sleep 1
	start_pilotd 2
	local start
	start=$(date +%s%3N)
	busywait 10000 answers "$n1" 2 || return
	echo "back after $(($(date +%s%3N) - start)) ms"
	[ $(($(date +%s%3N) - start)) -lt $((3500 * slow)) ]
}

both_restarted() {
	stop_pilotd 1 KILL
	stop_pilotd 2 KILL
	ip -n "$n1" link del pilot0
	ip -n "$n2" link del pilot0
	started && established
}

# As far as the freezer, which comes after the notifiers, and back at once.
machine_sleeps() {
	local rc=0
	echo 1 >/sys/module/suspend/parameters/pm_test_delay &&
		echo freezer >/sys/power/pm_test && echo freeze >/sys/power/state || rc=1
	echo none >/sys/power/pm_test
	return $rc
}

# Keys do not outlive sleep, nor do secrets of an exchange: new ones are made.
cleared_by_sleep() {
	local before cleared
	before=$(current_key "$n1" 2) && cleared=$(device_value "$n1" cleared) || return
	machine_sleeps || return
	[ "$(device_value "$n1" cleared)" = $((cleared + 1)) ] || fail "the count of device.cleared" || return
	established && [ "$(current_key "$n1" 2)" != "$before" ] || fail "the same key" || return
	grep -q "tunnel.key_dropped.* reason=cleared" "$work/pilotd1.log"
}

second_daemon() {
	on "$n1" timeout $((10 * slow)) pilotd --config "$work/node1.conf" --foreground
}

events_are_shown() {
	rm -f "$work/events"
	spawn "$n1" timeout $((60 * slow)) pilot monitor pilot0 -j >"$work/events" 2>&1 &
	local pid=$!
	busywait 10000 eval 'on "$n1" pilot set pilot0 fwmark off; [ -s "$work/events" ]'
	on "$n1" pilot rekey pilot0 2
	busywait 8000 grep -q tunnel.established "$work/events"
	local rc=$?
	kill $pid
	wait $pid
	cat "$work/events"
	[ $rc = 0 ] && jq -es 'length > 0' "$work/events" >/dev/null
}

rekey_twice() {
	rekey_now && sleep 3 && rekey_now
}

# A PILA of an earlier session, sent again from elsewhere, must not cost the
# present one a packet, nor move the endpoint.
replayed_handshake() {
	local endpoint
	capture "$n1" rekey_twice || return
	grep -i '^50494c4100000002' "$work/frames" >"$work/pila" || fail "no PILA of node 2 was seen" || return
	endpoint=$(peer_value "$n1" 2 endpoint) || return
	without_loss "$(map6 2)" inject_handshakes || return
	[ "$(peer_value "$n1" 2 endpoint)" = "$endpoint" ] || fail "the endpoint moved"
}

inject_handshakes() {
	local i before
	before=$(handshakes "$n1") || return
	for i in 1 2 3 4 5; do
		on "$r" python3 -S -E "$py/frames.py" send $under4_1 37736 <"$work/pila" || return
		sleep 0.5
	done
	[ $(($(handshakes "$n1") - before)) -ge 5 ] || fail "they did not arrive"
}

# With the signature spoilt, an unknown node, or without one.
forged_handshakes() {
	local before
	before=$(current_key "$n1" 2) || return
	{
		sed 's/....$/ffff/' "$work/pila"
		sed 's/^50494c4100000002/50494c4100000063/' "$work/pila"
		echo "50494c4b00000002$(head -c 32 /dev/urandom | od -An -v -tx1 | tr -d ' \n')"
	} >"$work/forged"
	cp "$work/forged" "$work/pila"
	without_loss "$(map6 2)" inject_handshakes || return
	[ "$(current_key "$n1" 2)" = "$before" ] || fail "the key was replaced"
}

config_checked() {
	pilotd --config "$work/node1.conf" --check
}

config_refused() {
	sed 's/^node-id.*/node-id = zero/' "$work/node1.conf" >"$work/bad.conf"
	pilotd --config "$work/bad.conf" --check
}

config_unknown_option() {
	sed '/^node-id/a no-such-option = 1' "$work/node1.conf" >"$work/bad.conf"
	pilotd --config "$work/bad.conf" --check
}

identity_readable_refused() {
	chmod 644 "$work/id1"
	pilotd --config "$work/node1.conf" --check
	local rc=$?
	chmod 600 "$work/id1"
	return $rc
}

# Node 2 with another identity than the registry has: no session.
wrong_identity() {
	stop_pilotd 1 KILL
	stop_pilotd 2 KILL
	ip -n "$n1" link del pilot0
	ip -n "$n2" link del pilot0
	mv "$work/id2" "$work/id2.right"
	new_identity 2 && started || return
	on "$n1" ping -n -q -c 5 -W 1 "$(map6 2)" && return 1
	no_keys "$n1" 2
}

right_identity_again() {
	stop_pilotd 2 KILL
	mv "$work/id2.right" "$work/id2"
	start_pilotd 2
	busywait 30000 answers "$n1" 2
}

# Nobody answers: after the sixth try packets are refused at once.
gives_up() {
	stop_pilotd 2 KILL
	ip -n "$n2" link del pilot0
	stop_pilotd 1 KILL
	ip -n "$n1" link del pilot0
	start_pilotd 1
	busywait 10000 on "$n1" pilot show pilot0 || return
	busywait 45000 refused
}

refused() {
	on "$n1" ping -n -c 1 -W 1 "$(map6 2)" 2>&1 | grep -q -i 'unreachable'
}

back_after_giving_up() {
	start_pilotd 2
	busywait 30000 answers "$n1" 2
}

# No identities, no registry: PILK both ways, where the operator allows it.
unauthenticated() {
	local i peer address
	stop_pilotd 1 KILL
	stop_pilotd 2 KILL
	ip -n "$n1" link del pilot0
	ip -n "$n2" link del pilot0
	for i in 1 2; do
		peer=$((3 - i)) address=under4_$((3 - i))
		cat >"$work/node$i.conf" <<-END
			[tunnel]
			device = pilot0
			node-id = $i
			allow-unauthenticated = yes
			address = 10.9.0.$i/24

			[peer $peer]
			endpoint = ${!address}:37736
			allowed-ips = 10.9.0.$peer/32
		END
	done
	started && established && [ "$(peer_value "$n1" 2 authenticated)" = false ]
}

# ---- privileges

# Anew, and node 1 as another user, who may read its files but the identity.
as_user() {
	local i
	for i in 1 2; do
		stop_pilotd $i KILL
	done
	ip -n "$n1" link del pilot0
	ip -n "$n2" link del pilot0
	rm -f "$work/id1" "$work/id2"
	configure_nodes || return
	sed -i '/^\[tunnel\]/a user = nobody' "$work/node1.conf"
	chmod 711 "$work" && chmod 644 "$work/node1.conf" "$work/registry" &&
		started && established && authenticated
}

# What /proc says; the bits are CAP_NET_ADMIN and CAP_NET_BIND_SERVICE.
only_these() {
	local uid gid
	uid=$(id -u nobody) && gid=$(id -g nobody) || return
	awk '/^(Uid|Gid|Groups|Cap...|NoNewPrivs):/ { $1 = $1; print }' "/proc/$pilotd_1/status" >"$work/status"
	cat "$work/status"
	diff - "$work/status" <<-END
		Uid: $uid $uid $uid $uid
		Gid: $gid $gid $gid $gid
		Groups:
		CapInh: 0000000000000000
		CapPrm: 0000000000001400
		CapEff: 0000000000001400
		CapBnd: 0000000000000000
		CapAmb: 0000000000000000
		NoNewPrivs: 1
	END
}

# The files of a process that may not be dumped belong to root.
no_core_dumps() {
	[ "$(stat -c %u "/proc/$pilotd_1/environ")" = 0 ] || fail "it can be dumped" || return
	grep -E '^Max core file size +0 +0 ' "/proc/$pilotd_1/limits"
}

port_is() { # port
	[ "$(device_value "$n1" listen_port)" = "$1" ]
}

# A new port below 1024 needs a capability; the identity cannot be read.
reload_as_user() {
	sed -i 's/^listen-port = .*/listen-port = 900/' "$work/node1.conf"
	kill -HUP "$pilotd_1" && busywait 8000 port_is 900 &&
		ping_tunnel "$n1" "$(map6 2)" || { tail -n 5 "$work/pilotd1.log"; return 1; }
	sed -i 's/^listen-port = .*/listen-port = 37736/' "$work/node1.conf"
	kill -HUP "$pilotd_1" && busywait 8000 port_is 37736 &&
		ping_tunnel "$n1" "$(map6 2)" && only_these
}

unknown_user() {
	sed 's/^user = .*/user = nobody-of-that-name/' "$work/node1.conf" >"$work/bad.conf"
	pilotd --config "$work/bad.conf" --check
}

user_root() {
	sed 's/^user = .*/user = root/' "$work/node1.conf" >"$work/bad.conf"
	pilotd --config "$work/bad.conf" --check
}

refused_at_reload() { # node lines-before
	[ "$(grep -c 'cannot be changed while pilotd runs' "$work/pilotd$1.log")" -gt "$2" ]
}

other_identity_at_reload() {
	local before rc=0
	before=$(grep -c 'cannot be changed while pilotd runs' "$work/pilotd2.log")
	mv "$work/id2" "$work/id2.right" && new_identity 2 || return
	kill -HUP "$pilotd_2" && busywait 8000 refused_at_reload 2 "$before" || rc=1
	mv "$work/id2.right" "$work/id2"
	ping_tunnel "$n2" "$(map6 1)" || rc=1
	return $rc
}

module_loaded_as_user() {
	stop_pilotd 1 KILL
	stop_pilotd 2 KILL
	rmmod pilot && started && established && only_these
}

# With no more than becoming a user and the work after that take.
with_few_capabilities() {
	stop_pilotd 1 KILL
	ulimit -l unlimited
	spawn "$n1" setpriv --bounding-set -all,+net_admin,+net_bind_service,+setuid,+setgid,+setpcap \
		pilotd --config "$work/node1.conf" --foreground >>"$work/pilotd1.log" 2>&1 &
	pilotd_1=$!
	busywait 8000 pilotd_is_handler "$n1" && only_these && rekey_now
}

# ---- keys in doubt: they ask for another, and go on meanwhile

take_frames() {
	ping_tunnel "$n1" "$(map6 2)" -c 40 -i 0.02
}

# Frames of node 2 under the present key, in $work/gate.
frames_of_node_2() {
	ping_tunnel "$n1" "$(map6 2)" || return
	capture "$n1" take_frames || return
	grep -i '^50494c5300000002' "$work/frames" | head -n 40 >"$work/gate"
	[ "$(wc -l <"$work/gate")" = 40 ] || fail "$(wc -l <"$work/gate") frames of node 2"
}

# Once the key is older than the grace; there is no traffic that speaks for it, nor a
# keepalive, which is due when nothing was sent for 25 s.
asks_for_key() { # counter frames
	local before count
	ping_tunnel "$n1" "$(map6 2)" || return
	sleep 4
	before=$(current_key "$n1" 2) && count=$(peer_value "$n1" 2 "$1") || return
	on "$r" python3 -S -E "$py/frames.py" send $under4_1 37736 <"$work/gate" || return
	# ping waits for the last answer no longer than this interval
	ping_tunnel "$n1" "$(map6 2)" -i 0.$slow >"$work/ping"
	cat "$work/ping"
	grep -q ' 5 received' "$work/ping" || fail "pings were lost" || return
	peer_stat_grew "$n1" 2 "$1" "$count" +"$2" && busywait 8000 other_key "$n1" 2 "$before" &&
		ping_tunnel "$n1" "$(map6 2)"
}

junk_asks() {
	local i
	for i in 1 2 3 4 5 6; do
		printf '50494c5300000002%024x%064x\n' "$i" "$i"
	done >"$work/gate"
	asks_for_key rx_decrypt_fail 6
}

replays_ask() {
	frames_of_node_2 && asks_for_key rx_replay 40
}

outside_asks() {
	on "$n1" pilot set pilot0 replay-window 64 && sleep 3 && rekey_now && frames_of_node_2 &&
		ping_tunnel "$n1" "$(map6 2)" -c 120 -i 0.01 && asks_for_key rx_outside_window 40
}

# One frame of junk is enough for a key under which nothing came for a second.
aged_asks() {
	on "$n1" pilot set pilot0 aged-drop 1s || return
	printf '50494c5300000002%024x%064x\n' 1 1 >"$work/gate"
	asks_for_key rx_decrypt_fail 1 && grep -q 'tunnel.need_key.* reason aged' "$work/monitor" || return
	on "$n1" pilot set pilot0 aged-drop off
}

# Without the setting it is not: the same frame changes nothing.
not_aged() {
	local before
	sleep 4
	before=$(current_key "$n1" 2) || return
	printf '50494c5300000002%024x%064x\n' 1 1 |
		on "$r" python3 -S -E "$py/frames.py" send $under4_1 37736 || return
	sleep 2
	[ "$(current_key "$n1" 2)" = "$before" ]
}

aged_while_watched() {
	spawn "$n1" pilot monitor pilot0 >"$work/monitor" &
	local pid=$! rc=0
	sleep 1
	aged_asks || rc=$?
	kill $pid
	wait $pid 2>/dev/null
	cat "$work/monitor"
	return $rc
}

# What the configuration says of gates and volume is what the device has.
limits_are_set() {
	local v
	cat >>"$work/node1.conf" <<-END

		[timers]
		rekey-after = 100000

		[gates]
		decrypt-fail-threshold = 6
		decrypt-fail-grace = 1500ms
		outside-window-threshold = 31
		outside-window-grace = 4s
		replay-threshold = 32
		replay-grace = 5s
		aged-drop = 1m
	END
	kill -HUP "$pilotd_1" && busywait 8000 eval '[ "$(device_value $n1 aged_drop_ms)" = 60000 ]'
	for v in rekey_after=100000 decrypt_fail_threshold=6 decrypt_fail_grace_ms=1500 \
		outside_window_threshold=31 outside_window_grace_ms=4000 \
		replay_threshold=32 replay_grace_ms=5000 aged_drop_ms=60000; do
		[ "$(device_value "$n1" ${v%=*})" = ${v#*=} ] ||
			fail "$v: the device has $(device_value "$n1" ${v%=*})" || return
	done
}

try "configuration is accepted by --check" config_checked
try_refused "a bad value is refused with file and line" "bad.conf:[0-9]+.*node-id" config_refused
try_refused "an unknown option is refused with file and line" "bad.conf:[0-9]+.*no-such-option" config_unknown_option
try_refused "an identity that others can read is refused" "id1" identity_readable_refused
try "two daemons start" started
try "handshake, then traffic" established
try "the keys are authenticated" authenticated
try_refused "a second daemon for the device is refused" "another daemon serves this device" second_daemon
try "kill -9 of a daemon: nothing lost, the session is adopted" killed_and_adopted
try "SIGTERM: exit status 0, the tunnel goes on" terminated
try "both daemons killed: the tunnel goes on" both_killed
try "SIGHUP: nothing lost, same session" reload
try "SIGHUP: what cannot be changed is told" reloaded_in_part
try "SIGHUP: routes move to another table, and back" routes_move
try "rekeying loses nothing" without_loss "$(map6 2)" rekey_now
try "events are shown as JSON" events_are_shown
if [ -e /sys/power/pm_test ]; then
	try "suspend clears keys, and new ones are made" cleared_by_sleep
else
	skip "suspend clears keys, and new ones are made" "the kernel has no CONFIG_PM_SLEEP_DEBUG"
fi
try "replayed handshakes change nothing" replayed_handshake
try "forged handshakes change nothing" forged_handshakes
try "a restarted node is back within a round trip and about a second" node_restarted
try "both nodes restarted" both_restarted
try "a wrong identity gets no session" wrong_identity
try "and the right one does" right_identity_again
try "gives up on a silent peer and refuses packets" gives_up
try "and comes back" back_after_giving_up
try "nodes without identities, allowed by both" unauthenticated
try "with a user: two daemons, traffic" as_user
try "with a user: two capabilities are left" only_these
try "with a user: no core dumps" no_core_dumps
try "with a user: SIGHUP is obeyed" reload_as_user
try "with a user: the module is loaded" module_loaded_as_user
try "with a user: few capabilities to begin with" with_few_capabilities
try_refused "an unknown user is refused" "bad.conf:2: user: there is no user" unknown_user
try_refused "root is no user to become" "bad.conf:2: user: .root. is root" user_root
try "another identity is refused at SIGHUP" other_identity_at_reload
try "junk frames ask for a new key, and nothing is lost" junk_asks
try "replayed frames ask for a new key, and nothing is lost" replays_ask
try "frames behind the window ask for a new key, and nothing is lost" outside_asks
try "one junk frame does not ask for a new key" not_aged
try "aged-drop: one junk frame does, and nothing is lost" aged_while_watched
try "gates and rekey-after of the configuration reach the device" limits_are_set
finish
