#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# Static keys: none, the right one, a wrong one; replays; what is on the wire.
# With LONG set only: keys that nobody uses.

. "$(dirname "${BASH_SOURCE[0]}")/../lib.sh"

setup_pair
new_key "$work/key"
new_key "$work/wrong"

nodes_without_keys() {
	add_device "$n1" 1 && add_device "$n2" 2 &&
		add_peer "$n1" 2 $under4_2 && add_peer "$n2" 1 $under4_1
}

# Packets wait for the key and then arrive, none lost.
queued_then_delivered() {
	local rc=0
	spawn "$n1" ping -n -q -i 0.1 -c 10 -W 30 10.9.0.2 >"$work/ping" &
	local pid=$!
	busywait 5000 eval '[ "$(peer_value $n1 2 queued)" -ge 10 ]' || rc=1
	[ "$(peer_value "$n1" 2 tx_packets)" = 0 ] || fail "sent without a key" || rc=1
	on "$n2" pilot key set pilot0 1 "$work/key" && on "$n1" pilot key set pilot0 2 "$work/key" || rc=1
	wait $pid
	cat "$work/ping"
	grep -q ' 10 received' "$work/ping" || rc=1
	[ "$(peer_value "$n1" 2 queued)" = 0 ] || rc=1
	return $rc
}

# The queue holds 64; what comes then is refused and counted. Ping tries again.
queue_is_bounded() {
	local before queued rc=0
	on "$n1" pilot key del pilot0 2 || return
	before=$(peer_value "$n1" 2 tx_queue_full) || return
	on "$n1" ping -n -q -i 0.002 -c 100 -W 1 10.9.0.2
	queued=$(peer_value "$n1" 2 queued)
	[ "$queued" = 64 ] || fail "$queued packets wait" || rc=1
	peer_stat_grew "$n1" 2 tx_queue_full "$before" +36 || rc=1
	on "$n1" pilot key set pilot0 2 "$work/key" && return $rc
}

show_never_has_the_secret() {
	local hex
	hex=$(base64 -d "$work/key" | od -An -v -tx1 | tr -d ' \n')
	{ on "$n1" pilot show; on "$n1" pilot show -j; on "$n1" pilot show pilot0 dump; } >"$work/show"
	[ "$(grep -c '^peer' "$work/show")" = 2 ] && ! grep -q -i -F -e "$hex" -e "$(cat "$work/key")" "$work/show"
}

key_file_missing() {
	on "$n1" pilot key set pilot0 2 "$work/nowhere"
}

key_file_short() {
	head -c 31 /dev/urandom | base64 >"$work/short"
	on "$n1" pilot key set pilot0 2 "$work/short"
}

key_of_no_peer() {
	on "$n1" pilot key set pilot0 55 "$work/key"
}

# What node 1 sent with an IPv4 packet in it: sender, prefix, counter, text.
# Both directions pass e0, and keepalives.
opened() { # file
	grep -i '^50494c5300000001' "$work/frames" | python3 -S -E "$py/frames.py" open "$work/key" |
		awk 'substr($4, 1, 1) == "4"' >"$1"
	[ -s "$1" ] || fail "no frame of node 1 was seen"
}

# Sealed as the protocol says: another implementation opens it.
wire_format() {
	capture "$n2" ping_tunnel "$n1" 10.9.0.2 && opened "$work/opened" || return
	cut -c 1-80 "$work/opened"
	awk '{ if ($1 != 1 || NR > 1 && ($2 != prefix || $3 <= counter)) exit 1
		prefix = $2; counter = $3 } END { if (NR != 5) exit 1 }' "$work/opened" &&
		cp "$work/frames" "$work/captured"
}

replay_refused() {
	local before rx endpoint
	before=$(peer_value "$n2" 1 rx_replay) && rx=$(peer_value "$n2" 1 rx_packets) &&
		endpoint=$(peer_value "$n2" 1 endpoint) || return
	# From another port: a replay must not move the endpoint either.
	grep -i '^50494c5300000001' "$work/captured" >"$work/replay"
	on "$n1" python3 -S -E "$py/frames.py" send $under4_2 37736 5555 <"$work/replay" || return
	busywait 3000 peer_stat_grew "$n2" 1 rx_replay "$before" "$(wc -l <"$work/replay")" &&
		peer_stat_grew "$n2" 1 rx_packets "$rx" 0 || return
	[ "$(peer_value "$n2" 1 endpoint)" = "$endpoint" ] || fail "the endpoint moved" || return
	ping_tunnel "$n1" 10.9.0.2
}

# Any number of junk frames costs the session nothing.
junk_refused() {
	local before endpoint i junk
	before=$(peer_value "$n2" 1 rx_decrypt_fail) && endpoint=$(peer_value "$n2" 1 endpoint) || return
	head -c 3200 /dev/urandom | od -An -v -w64 -tx1 | tr -d ' ' >"$work/junk"
	i=0
	while read -r junk; do
		i=$((i + 1))
		printf '50494c5300000001%08x%016x%s\n' $i $((i * 1000)) "$junk"
	done <"$work/junk" | on "$n1" python3 -S -E "$py/frames.py" send $under4_2 37736 5556 || return
	busywait 3000 peer_stat_grew "$n2" 1 rx_decrypt_fail "$before" 50 || return
	[ "$(peer_value "$n2" 1 endpoint)" = "$endpoint" ] || fail "the endpoint moved" || return
	ping_tunnel "$n1" 10.9.0.2 && ping_tunnel "$n2" 10.9.0.1
}

# A genuine frame from elsewhere does move it, and answers go there.
roaming() {
	ip -n "$n1" link set pilot0 down && on "$n1" pilot set pilot0 listen-port 40100 &&
		ip -n "$n1" link set pilot0 up && ping_tunnel "$n1" 10.9.0.2 &&
		peer_value "$n2" 1 endpoint | grep -q ':40100' &&
		ip -n "$n1" link set pilot0 down && on "$n1" pilot set pilot0 listen-port 37736 &&
		ip -n "$n1" link set pilot0 up && ping_tunnel "$n1" 10.9.0.2
}

# The same key again continues: no counter is used twice.
reinstall_continues() {
	capture "$n2" ping_tunnel "$n1" 10.9.0.2 -c 1 && opened "$work/before" || return
	on "$n1" pilot key set pilot0 2 "$work/key" || return
	capture "$n2" ping_tunnel "$n1" 10.9.0.2 -c 1 && opened "$work/after" || return
	cat "$work/before" "$work/after"
	paste -d ' ' "$work/before" "$work/after" | awk '{ exit !($2 == $6 && $7 > $3) }'
}

# Dropped and set again it starts under another prefix.
drop_changes_prefix() {
	on "$n1" pilot key del pilot0 2 && on "$n1" pilot key set pilot0 2 "$work/key" || return
	capture "$n2" ping_tunnel "$n1" 10.9.0.2 -c 1 && opened "$work/fresh" || return
	cat "$work/after" "$work/fresh"
	paste -d ' ' "$work/after" "$work/fresh" | awk '{ exit !($2 != $6) }'
}

# Compare-and-drop on old news must not hit a newer key.
ids_are_not_reused() {
	local first second
	first=$(peer_value "$n1" 2 id) || return
	on "$n1" pilot key del pilot0 2 && on "$n1" pilot key set pilot0 2 "$work/key" || return
	second=$(peer_value "$n1" 2 id) || return
	echo "$first, then $second"
	[ "$first" != "$second" ]
}

# What is wanted within three seconds of an event is told when they are over.
wish_is_kept() {
	spawn "$n1" pilot monitor pilot0 >"$work/wishes" &
	local pid=$! rc=0
	busywait 10000 eval 'on "$n1" pilot set pilot0 fwmark off; [ -s "$work/wishes" ]' || rc=1
	on "$n1" pilot key del pilot0 2
	on "$n1" ping -n -q -c 1 -W 1 10.9.0.2
	on "$n1" pilot key set pilot0 2 "$work/key" && on "$n1" pilot key del pilot0 2 || rc=1
	on "$n1" ping -n -q -c 1 -W 1 10.9.0.2
	[ "$(peer_value "$n1" 2 need_key)" = no-key ] || fail "the wish is not shown" || rc=1
	sleep 4
	kill $pid
	wait $pid 2>/dev/null
	cat "$work/wishes"
	[ "$(grep -c tunnel.need_key "$work/wishes")" = 2 ] || rc=1
	on "$n1" pilot key set pilot0 2 "$work/key" && ping_tunnel "$n1" 10.9.0.2 && return $rc
}

wrong_key_refused() {
	local before rx
	before=$(peer_value "$n2" 1 rx_decrypt_fail) && rx=$(peer_value "$n2" 1 rx_packets) || return
	on "$n1" pilot key del pilot0 2 && on "$n1" pilot key set pilot0 2 "$work/wrong" || return
	! ping_tunnel "$n1" 10.9.0.2 -W 1 || return
	peer_stat_grew "$n2" 1 rx_decrypt_fail "$before" +5 && peer_stat_grew "$n2" 1 rx_packets "$rx" 0
}

right_key_again() {
	on "$n1" pilot key del pilot0 2 && on "$n1" pilot key set pilot0 2 "$work/key" &&
		ping_tunnel "$n1" 10.9.0.2
}

# With an ID: only if that very key is installed.
compare_and_drop() {
	local id
	id=$(peer_value "$n1" 2 id) || return
	! on "$n1" pilot key del pilot0 2 id $((id + 1)) || return
	ping_tunnel "$n1" 10.9.0.2 && on "$n1" pilot key del pilot0 2 id "$id" &&
		no_keys "$n1" 2 &&
		on "$n1" pilot key set pilot0 2 "$work/key"
}

node_id_busy() {
	on "$n1" pilot set pilot0 node-id 3
}

# Plaintext frames, short ones and strangers are dropped and counted.
stray_datagrams() {
	local c
	declare -A before
	for c in rx_plaintext rx_short rx_unknown rx_punch rx_unknown_peer; do
		before[$c]=$(device_value "$n2" $c) || return
	done
	on "$n1" python3 -S -E "$py/frames.py" send $under4_2 37736 <<-END
		50494c5445000014
		50494c53000000010000
		50494c
		deadbeef00
		50494c50
		50494c53000000990000000000000000000000010000000000000000000000000000000000
	END
	busywait 3000 eval "[ \$(device_value $n2 rx_unknown_peer) -gt ${before[rx_unknown_peer]} ]"
	for c in rx_plaintext:1 rx_short:2 rx_unknown:1 rx_punch:1 rx_unknown_peer:1; do
		[ $(($(device_value "$n2" ${c%:*}) - before[${c%:*}])) = ${c#*:} ] ||
			fail "${c%:*} grew by $(($(device_value "$n2" ${c%:*}) - before[${c%:*}])), not ${c#*:}" || return
	done
}

# A key of the peer's that is not proven yet, and then a stranger's: the peer's
# takes over all the same, with its first frame.
second_key_beside() {
	local id
	new_key "$work/peers" && new_key "$work/strangers" || return
	ping_tunnel "$n1" 10.9.0.2 && on "$n1" pilot key set pilot0 2 "$work/peers" &&
		on "$n1" pilot key set pilot0 2 "$work/strangers" || return
	on "$n1" pilot show pilot0 -j | grep '"slot"'
	ping_tunnel "$n1" 10.9.0.2 || return
	id=$(peer_value "$n1" 2 id) || return
	on "$n2" pilot key set pilot0 1 "$work/peers" || return
	busywait 3000 eval "[ \$(peer_value $n1 2 id) != $id ]" || fail "the peer's key was lost" || return
	ping_tunnel "$n1" 10.9.0.2 && ping_tunnel "$n2" 10.9.0.1
}

negotiated() { # namespace node file id...
	local ns=$1
	shift
	on "$ns" python3 -S -E "$py/asdaemon.py" key "$@"
}

same_key() {
	[ "$(peer_value "$n1" 2 id)" = "$(peer_value "$n2" 1 id)" ]
}

# KCSAN holds up one access in 30, and so finds a frame whose key was between two slots
# every few seconds; elsewhere that would be luck.
keys_in_turn() {
	# Another key that awaits its proof would be probed as well, and not opened.
	on "$n1" pilot key del pilot0 2 && on "$n2" pilot key del pilot0 1 &&
		on "$n1" pilot key set pilot0 2 "$work/key" && on "$n2" pilot key set pilot0 1 "$work/key" &&
		ping_tunnel "$n1" 10.9.0.2 || return
	python3 -S -E "$py/turnkeys.py" "$n1" "$n2" 10.9.0.2 $((7 * slow))
}

# Whoever passes on a fresh PILA of node 2, and ours to node 2 in their own name, has
# both derive one key (S2). What node 2 then seals for them, sent on to us, must
# neither make the key ours nor move the endpoint; what it seals for us does.
key_for_another_node() {
	local id place rx pid
	new_key "$work/theirs" && ping_tunnel "$n1" 10.9.0.2 && id=$(peer_value "$n1" 2 id) &&
		place=$(peer_value "$n1" 2 endpoint) && rx=$(peer_value "$n1" 2 rx_packets) || return
	spawn "$n2" python3 -S -E "$py/frames.py" capture e0 9 >"$work/caught" &
	pid=$!
	busywait 20000 grep -q ready "$work/caught" || fail "no capture" || return
	on "$n2" pilot peer add pilot0 3 endpoint "$(endpoint $under4_1 9)" allowed-ips 10.9.0.3/32 &&
		negotiated "$n2" 3 "$work/theirs" 31 || return
	on "$n2" ping -n -q -c 2 -i 0.2 -W 1 10.9.0.3
	kill $pid
	wait $pid 2>/dev/null
	negotiated "$n1" 2 "$work/theirs" 31 && sed -i /ready/d "$work/caught" &&
		on "$n2" python3 -S -E "$py/frames.py" send $under4_1 37736 5557 <"$work/caught" &&
		busywait 3000 peer_stat_grew "$n1" 2 rx_packets "$rx" +2 || fail "they were not opened" || return
	[ "$(peer_value "$n1" 2 id)" = "$id" ] || fail "the key took over" || return
	[ "$(peer_value "$n1" 2 endpoint)" = "$place" ] || fail "the endpoint moved" || return
	ping_tunnel "$n1" 10.9.0.2 && ping_tunnel "$n2" 10.9.0.1 && on "$n2" pilot peer del pilot0 3 &&
		negotiated "$n2" 1 "$work/theirs" 31 && ping_tunnel "$n2" 10.9.0.1 || return
	busywait 5000 eval "[ \$(peer_value $n1 2 id) = 31 ]" || fail "what is sealed for us does not count" || return
	ping_tunnel "$n1" 10.9.0.2
}

salvaged() { # both ends together
	echo $(($(peer_value "$n1" 2 tx_salvaged) + $(peer_value "$n2" 1 tx_salvaged)))
}

# Two keys at once, the other way round at the other end: each end would stay
# with the one that the other end left. What is under way when a frame under the
# other key comes counts as lost, and comes twice.
crossing_keys() {
	local i before twice
	new_key "$work/a" && new_key "$work/b" && before=$(peer_value "$n1" 2 rx_packets) && twice=$(salvaged) || return
	ip -n "$n1" link set e0 down
	for i in 1 2; do
		local ns=n$i
		on "${!ns}" pilot key del pilot0 $((3 - i)) || return
	done
	negotiated "$n1" 2 "$work/a" 1 && negotiated "$n1" 2 "$work/b" 2 &&
		negotiated "$n2" 1 "$work/b" 2 && negotiated "$n2" 1 "$work/a" 1 || return
	ip -n "$n1" link set e0 up
	on "$n1" ping -n -q -i 0.1 -c 60 10.9.0.2 >"$work/ping"
	cat "$work/ping"
	grep -q ' 60 received' "$work/ping" || fail "pings were lost" || return
	twice=$(($(salvaged) - twice))
	busywait 3000 peer_stat_grew "$n1" 2 rx_packets "$before" $((60 + twice)) ||
		fail "more than the $twice salvaged came twice" || return
	echo "node 1: $(peer_value "$n1" 2 id), node 2: $(peer_value "$n2" 1 id)"
	same_key
}

# Two that await their proof, and no room for a third until they had time.
third_key_refused() {
	local i
	for i in 11 12 13; do
		new_key "$work/k$i" || return
	done
	ping_tunnel "$n1" 10.9.0.2 || return
	! negotiated "$n1" 2 "$work/k11" 11 "$work/k12" 12 "$work/k13" 13 2>"$work/busy" ||
		fail "there was room" || return
	tail -n 1 "$work/busy" | grep 'two keys of the peer await their proof' || return
	ping_tunnel "$n1" 10.9.0.2 && sleep 6 && negotiated "$n1" 2 "$work/k13" 13 && ping_tunnel "$n1" 10.9.0.2
}

# What is in the image may run twice. As far as the freezer, which comes after the
# notifiers, and back at once: processes run for a moment, as they do in earnest.
no_keys_while_hibernating() {
	local pid rc=0
	spawn "$n1" python3 -S -E "$py/asdaemon.py" insist 2 "$work/enough" >"$work/insisted" &
	pid=$!
	busywait 10000 grep -q installed "$work/insisted" || return
	echo freezer >/sys/power/pm_test && echo disk >/sys/power/state || rc=1
	echo none >/sys/power/pm_test
	busywait 10000 eval '[ "$(tail -n 1 "$work/insisted")" = installed ]' || rc=1
	: >"$work/enough"
	wait $pid
	cat "$work/insisted"
	[ $rc = 0 ] && grep -q 'EAGAIN: .*the machine goes to sleep' "$work/insisted"
}

has_slots() { # slot...
	[ "$(on "$n1" pilot key show pilot0 2 -j | jq -r '[.[].slot] | join(" ")')" = "$*" ]
}

# The last key but one, of which the last was deleted; with it, what held the node ID.
unused_key_goes() {
	new_key "$work/next" && ping_tunnel "$n1" 10.9.0.2 &&
		on "$n1" pilot key set pilot0 2 "$work/next" && on "$n2" pilot key set pilot0 1 "$work/next" &&
		ping_tunnel "$n1" 10.9.0.2 && has_slots current previous &&
		on "$n1" pilot key del pilot0 2 id "$(peer_value "$n1" 2 id)" && has_slots previous || return
	! on "$n1" pilot set pilot0 node-id 7 && sleep 40 && has_slots previous || fail "too early" || return
	busywait 60000 has_slots && on "$n1" pilot set pilot0 node-id 7
}

salvage_bytes() {
	cat /sys/module/pilot/parameters/salvage_bytes
}

# Keepalives keep nothing, nor does what another CPU sends.
plaintexts_are_wiped() {
	local large rc=0 pid
	on "$n1" pilot peer set pilot0 2 keepalive 1 && on "$n2" pilot peer set pilot0 1 keepalive 1 || return
	on "$n1" taskset -c 1 ping -n -q -i 0.05 -c 8 -s 1000 10.9.0.2 || return
	large=$(salvage_bytes)
	[ "$large" -ge 8192 ] || fail "$large bytes after pings of 1000" || return
	spawn "$n1" taskset -c 0 ping -n -q -i 0.2 10.9.0.2 >"$work/ping" &
	pid=$!
	busywait 12000 eval '[ "$(salvage_bytes)" -lt 8192 ]' || fail "$(salvage_bytes) bytes beside small pings" || rc=1
	[ "$(salvage_bytes)" -gt 0 ] || fail "nothing is kept" || rc=1
	kill $pid
	wait $pid
	busywait 12000 eval '[ "$(salvage_bytes)" = 0 ]' || fail "$(salvage_bytes) bytes beside keepalives" || rc=1
	on "$n1" pilot peer set pilot0 2 keepalive 25 && on "$n2" pilot peer set pilot0 1 keepalive 25 && return $rc
}

# Frames in node 1's name that fail authentication.
junk() { # how many
	local i
	for ((i = 0; i < $1; i++)); do
		printf '50494c530000000100000007%016x%064x\n' $i $i
	done | on "$n1" python3 -S -E "$py/frames.py" send $under4_2 37736 5556
}

# That stays when a probe has taken the key out of doubt, or with nobody to bring
# another it never was.
in_doubt() {
	[ "$(peer_value "$n2" 1 need_key)" = decrypt-fail ]
}

fails() { # how many in a row
	[ "$(peer_value "$n2" 1 decrypt_fails)" = "$1" ]
}

# One less than the threshold does nothing, nor if a genuine frame is among them.
gate_counts() {
	new_key "$work/next" && on "$n1" pilot key del pilot0 2 && on "$n2" pilot key del pilot0 1 &&
		on "$n2" pilot key set pilot0 1 "$work/next" && on "$n1" pilot key set pilot0 2 "$work/next" || return
	# A keepalive would be a genuine frame.
	on "$n1" pilot peer set pilot0 2 keepalive off && on "$n2" pilot peer set pilot0 1 keepalive off &&
		on "$n2" pilot set pilot0 decrypt-fail-threshold 20 decrypt-fail-grace 0 && ping_tunnel "$n1" 10.9.0.2 &&
		junk 19 && busywait 3000 fails 19 || return
	! in_doubt || fail "19 frames were enough" || return
	ping_tunnel "$n1" 10.9.0.2 && fails 0 && junk 19 && busywait 3000 fails 19 || return
	! in_doubt || fail "19 in a row were enough" || return
	junk 1 && busywait 3000 in_doubt
}

# However many, a key younger than the grace is not in doubt; an older one is.
gate_waits() {
	local grace=$((4000 * slow)) age=0 before
	on "$n2" pilot set pilot0 decrypt-fail-threshold 5 decrypt-fail-grace ${grace}ms &&
		on "$n2" pilot key del pilot0 1 && on "$n2" pilot key set pilot0 1 "$work/next" &&
		before=$(peer_value "$n2" 1 rx_decrypt_fail) || return
	while ! in_doubt; do
		# asked before the frames are sent
		[ "$age" -lt $grace ] || fail "not in doubt at $age ms" || return
		age=$(peer_value "$n2" 1 age_ms) && junk 20 && before=$((before + 20)) || return
		busywait 3000 peer_stat_grew "$n2" 1 rx_decrypt_fail "$before" 0 >/dev/null || return
	done 2>/dev/null
	age=$(peer_value "$n2" 1 age_ms) && echo "in doubt at $age ms" && [ "$age" -ge $grace ] &&
		[ "$before" -gt 20 ] && on "$n2" pilot set pilot0 decrypt-fail-grace 3s
}

peer_removed() {
	on "$n1" pilot peer del pilot0 2 && ! on "$n1" ping -n -q -c 1 -W 1 10.9.0.2
}

try "two nodes without keys" nodes_without_keys
if [ -n "${LONG:-}" ]; then
	on "$n2" pilot key set pilot0 1 "$work/key" && on "$n1" pilot key set pilot0 2 "$work/key"
	try "a key that nobody uses goes, and holds nothing any more" unused_key_goes
	finish
fi
try "without a key packets wait, then are delivered" queued_then_delivered
try "the queue is bounded" queue_is_bounded
try "ping with keys" ping_tunnel "$n1" 10.9.0.2
try "show never has the secret" show_never_has_the_secret
try_refused "a missing key file is named" "nowhere.*No such file" key_file_missing
try_refused "a short key is refused" "short.*32 bytes" key_file_short
try_refused "a key of an unknown peer is refused" "no such peer" key_of_no_peer
try "frames are what the protocol says" wire_format
try "replayed frames are refused" replay_refused
try "junk frames cost nothing" junk_refused
try "the endpoint follows genuine frames" roaming
try "the same key again continues its counter" reinstall_continues
try "after a drop the key has another prefix" drop_changes_prefix
try "names of keys are not used again" ids_are_not_reused
try "a key exchange that is wanted is not forgotten" wish_is_kept
try "a wrong key is refused and counted" wrong_key_refused
try "and the right one works again" right_key_again
try "drop by ID only drops that key" compare_and_drop
try_refused "the node ID is fixed while there is a key" "key" node_id_busy
try "stray datagrams are dropped and counted" stray_datagrams
try "a second new key does not push out the first" second_key_beside
try "keys change slots while frames are opened: each is" keys_in_turn
try "a key that the peer has for another node does not take over" key_for_another_node
try "keys that cross: both ends get to one" crossing_keys
try "of keys that await their proof a third is refused" third_key_refused
if [ -e /sys/power/pm_test ] && grep -q disk /sys/power/state; then
	try "no keys are taken in while the machine hibernates" no_keys_while_hibernating
else
	skip "no keys are taken in while the machine hibernates" "the kernel has no CONFIG_HIBERNATION"
fi
try "a key is in doubt after as many failures in a row as was set" gate_counts
try "and not before it is as old as was set" gate_waits
try "what was sent is forgotten in time" plaintexts_are_wiped
try "a removed peer is not sent to" peer_removed
finish
