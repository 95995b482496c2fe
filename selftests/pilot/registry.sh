#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# Two nodes that know nothing but a registry over TCP: node IDs, keys, addresses
# and peers come from there. A registry that is away, slow, confused or lying
# costs a tunnel nothing.

. "$(dirname "${BASH_SOURCE[0]}")/../lib.sh"

command -v pilotd >/dev/null || missing "the program pilotd is missing"
[ -e /usr/lib/x86_64-linux-gnu/libsodium.so.23 ] || ldconfig -p | grep -q libsodium.so.23 ||
	missing "libsodium.so.23 is missing"
setup_routed
registry=10.0.1.254:9000
first_id=70001

start_registry() {
	spawn "$r" python3 -S -E "$top/selftests/pilot-testnet" --registry $registry --first-id $first_id \
		--state "$work/registry.state" --control "$work/faults" >>"$work/registry.log" 2>&1 &
	registry_pid=$!
	busywait 20000 grep -q ready "$work/registry.log"
}

stop_registry() {
	kill "$registry_pid"
	wait "$registry_pid" 2>/dev/null
	: >"$work/registry.log"
}

# What the registry is to do wrong from now on; without arguments nothing.
faults() { # line...
	printf '%s\n' "$@" >"$work/faults.new" && mv "$work/faults.new" "$work/faults"
}

registry_state() { # namespace
	device_value "$1" registry_state
}

registry_is() { # namespace state
	[ "$(registry_state "$1")" = "$2" ]
}

answers() { # namespace node
	on "$1" ping -n -q -c 1 -W 2 "$(map6 "$2")"
}

# Pings once in 50 ms while COMMAND runs and a second longer: none may be lost.
lines() { # file regex
	grep -c -E -- "$2" "$1"
}

# ---- from nothing

waits_for_registry() {
	start_pilotd 1
	busywait 10000 registry_is "$n1" down || return
	[ "$(device_value "$n1" node_id)" = "" ] || fail "there is a node ID already" || return
	on "$n1" pilot show pilot0 | grep -E 'registry: 10.0.1.254:9000, down .*: Connection refused'
}

gets_node_id() {
	start_registry || return
	busywait 15000 registry_is "$n1" registered && [ "$(device_value "$n1" node_id)" = $first_id ] || return
	jq -e ".node_id == $first_id" "$work/state1" && [ "$(stat -c %a "$work/state1")" = 600 ] &&
		on "$n1" ip -6 addr show dev pilot0 | grep -q "$(map6 $first_id)/64"
}

second_node() {
	start_pilotd 2
	busywait 15000 registry_is "$n2" registered && [ "$(device_value "$n2" node_id)" = $((first_id + 1)) ]
}

# The registry's client already knows the node ID that it was given.
reload_goes_on() {
	local before
	before=$(lines "$work/registry.log" '^register ') || return
	kill -HUP "$pilotd_2"
	busywait 5000 grep -q 'configuration' "$work/pilotd2.log"
	sleep 1
	[ "$(lines "$work/registry.log" '^register ')" = "$before" ]
}

# On a slow machine the registry's answer may come later than the 3 s for which a
# packet waits.
from_nothing() { # command...
	local i
	for ((i = 0; i < (slow > 1 ? 3 : 1); i++)); do
		"$@" && return
		on "$n1" pilot peer del pilot0 $node2
		on "$n2" pilot peer del pilot0 $node1
	done
	return 1
}

# The first packet waits for the peer as it would for a neighbour's address.
first_packet() {
	from_nothing on "$n1" ping -n -q -c 1 -W 5 "$(map6 $node2)" && answers "$n2" $node1 || return
	[ "$(peer_value "$n1" $node2 endpoint)" = 10.0.2.2:37736 ] &&
		[ "$(peer_value "$n1" $node2 dynamic)" = true ] &&
		[ "$(peer_value "$n1" $node2 authenticated)" = true ] &&
		[ "$(peer_value "$n2" $node1 authenticated)" = true ]
}

tcp_at_first() {
	on "$n1" pilot peer del pilot0 $node2 && on "$n2" pilot peer del pilot0 $node1 &&
		from_nothing transfer "$n1" "$n2" "$(map6 $node2)" 100000
}

# The module gives up after 3 s; ping, whose start may take long, waits 5.
nobody_there() {
	on "$n1" ping -n -c 1 -W 5 "$(map6 4711)" >"$work/out"
	cat "$work/out"
	grep -q -i 'unreachable' "$work/out"
}

# ---- the registry goes

same_registry_state() { # node lines-before
	[ "$(lines "$work/pilotd$1.log" 'registry 10.0.1.254')" = "$2" ]
}

outage() {
	stop_registry
	busywait 10000 registry_is "$n1" down && busywait 10000 registry_is "$n2" down || return
	local told
	told=$(lines "$work/pilotd1.log" 'registry 10.0.1.254')
	sleep 4
	same_registry_state 1 "$told" || fail "it was told more than once"
}

# The daemon restarts meanwhile: the node ID is the one it had.
restart_without() {
	stop_pilotd 1 KILL
	start_pilotd 1
	busywait 10000 registry_is "$n1" down && [ "$(device_value "$n1" node_id)" = $node1 ]
}

rekey_without() {
	local before
	before=$(peer_value "$n1" $node2 id) && on "$n1" pilot rekey pilot0 $node2 || return
	busywait 8000 eval '[ "$(peer_value $n1 $node2 id)" != "'"$before"'" ]'
}

back() {
	start_registry
	busywait 10000 registry_is "$n1" registered && busywait 10000 registry_is "$n2" registered &&
		[ "$(device_value "$n1" node_id)" = $node1 ] && [ "$(device_value "$n2" node_id)" = $node2 ]
}

status_goes() {
	stop_pilotd 1 TERM || return
	! registry_state "$n1" || fail "the status outlives the daemon" || return
	start_pilotd 1
	busywait 10000 registry_is "$n1" registered
}

# ---- the registry does wrong

# What makes pilotd ask: packets for a node that is no peer.
provoke() { # node
	on "$n1" ping -n -q -c 1 -W 1 "$(map6 "$1")" >/dev/null &
}

# The registry is left, and when it behaves again it is used again.
wrong() { # fault reason
	local told
	told=$(lines "$work/pilotd1.log" "registry 10.0.1.254.*$2")
	faults "$1"
	provoke $((1000 + RANDOM))
	busywait 8000 eval '[ $(lines $work/pilotd1.log "registry 10.0.1.254.*'"$2"'") -gt '"$told"' ]' ||
		fail "that was not noticed" || return
	faults
	busywait 10000 registry_is "$n1" registered
}

refuses_all() {
	faults 'error go away'
	provoke 5001
	busywait 5000 grep -q '^resolve 5001 go away' "$work/registry.log" || return
	faults
	registry_is "$n1" registered && on "$n1" ping -n -q -c 1 -W 2 "$(map6 $node2)"
}

# It gives the key of somebody else for node 2, who sends PILA in its name, and
# answers: he has the key that results. Node 1 has a live session.
impostor() { # seconds
	on "$r" python3 -S -E "$py/impostor.py" "$work/id3" $node2 10.0.1.1:37736 "$1" >"$work/impostor" 2>&1
}

lying_key() {
	local before
	before=$(peer_value "$n1" $node2 id) || return
	faults "lie-key $node2 $(public_key 3)" "lie-address $node2 10.0.1.254:37736"
	impostor 4
	cat "$work/impostor"
	grep -q '^sent' "$work/impostor" || fail "nothing was tried" || return
	[ "$(peer_value "$n1" $node2 id)" = "$before" ] && [ "$(peer_value "$n1" $node2 endpoint)" = 10.0.2.2:37736 ]
}

# The daemon has forgotten what the registry said before.
lying_to_a_new_daemon() {
	stop_pilotd 1 KILL
	start_pilotd 1
	busywait 10000 registry_is "$n1" registered && lying_key
}

# Without a session there is nobody but the registry to believe: the impostor
# would get one. That he does shows that what he sends is good.
lying_about_a_stranger() {
	faults "lie-key $node2 $(public_key 3)" "lie-address $node2 10.0.1.254:37736"
	stop_pilotd 1 KILL
	ip -n "$n1" link del pilot0
	start_pilotd 1
	busywait 10000 registry_is "$n1" registered || return
	impostor $((4 * slow))
	cat "$work/impostor"
	[ "$(peer_value "$n1" $node2 proven)" = true ] || fail "the impostor's frames are no good" || return
	faults
	stop_pilotd 1 KILL
	ip -n "$n1" link del pilot0
	start_pilotd 1
	busywait 10000 registry_is "$n1" registered && busywait 10000 answers "$n1" $node2
}

# ---- peers by hand and by configuration beside it

configured_peer() {
	printf '\n[peer %s]\nallowed-ips = 10.9.0.2/32\n' $node2 >>"$work/node1.conf"
	kill -HUP "$pilotd_1"
	busywait 8000 eval '[ "$(peer_value $n1 $node2 dynamic)" = false ]' && answers "$n1" $node2
}

# Where a configured peer is, the registry tells.
configured_peer_found() {
	stop_pilotd 1 TERM
	ip -n "$n1" link del pilot0
	start_pilotd 1
	busywait 20000 answers "$n1" $node2 && [ "$(peer_value "$n1" $node2 endpoint)" = 10.0.2.2:37736 ] &&
		[ "$(peer_value "$n1" $node2 dynamic)" = false ]
}

says_goodbye() {
	local before
	sed -i 's/^type = tcp/&\nderegister = yes/' "$work/node1.conf"
	before=$(lines "$work/registry.log" "^register $node1 ")
	kill -HUP "$pilotd_1"
	busywait 10000 eval '[ "$(lines "$work/registry.log" "^register $node1 ")" -gt "$before" ]' &&
		busywait 8000 registry_is "$n1" registered && stop_pilotd 1 TERM &&
		busywait 5000 grep -q "^deregister $node1 deregister_ok" "$work/registry.log"
}

# A new client, on a device whose port the kernel chose, tells that port.
chosen_port() {
	local before
	stop_pilotd 2 KILL
	ip -n "$n2" link del pilot0
	sed -i 's/^device = .*/&\nlisten-port = 0/' "$work/node2.conf"
	start_pilotd 2
	busywait 15000 registry_is "$n2" registered || return
	sed -i 's/^timeout = .*/timeout = 4/' "$work/node2.conf"
	before=$(lines "$work/registry.log" "^register $node2 ")
	kill -HUP "$pilotd_2"
	busywait 10000 eval '[ "$(lines "$work/registry.log" "^register $node2 ")" -gt "$before" ]' || return
	stop_pilotd 1 KILL
	ip -n "$n1" link del pilot0
	start_pilotd 1
	busywait 15000 registry_is "$n1" registered && busywait 20000 answers "$n1" $node2 &&
		[ "$(peer_value "$n1" $node2 endpoint)" = "10.0.2.2:$(device_value "$n2" listen_port)" ]
}

foreign_state() {
	new_identity 1b && sed "s,^identity = .*,identity = $work/id1b," "$work/node1.conf" >"$work/bad.conf" &&
		pilotd --config "$work/bad.conf" --check
}

configure_auto 1 $registry "timeout = $((2 * slow))" &&
	configure_auto 2 $registry "timeout = $((2 * slow))" && new_identity 3 && faults || exit 1
node1=$first_id node2=$((first_id + 1))

try "without its registry the daemon starts, says so, and waits for a node ID" waits_for_registry
try "the registry comes, gives a node ID, and it is kept" gets_node_id
try "a second node" second_node
try "a reload does not disturb the registration" reload_goes_on
try "a peer on demand: not even the first packet is lost" first_packet
try "a TCP connection makes the peer" tcp_at_first
try "a node that does not exist: the sender is told" nobody_there
try "outage: nothing is lost, and it is told once" without_loss "$(map6 $node2)" outage
try "outage: a restarted daemon has its node ID" without_loss "$(map6 $node2)" restart_without
try "outage: a session is renewed" without_loss "$(map6 $node2)" rekey_without
try "the registry is back: registered again, same node IDs" without_loss "$(map6 $node2)" back
try "the status in the device goes with the daemon" without_loss "$(map6 $node2)" status_goes
try "garbage: nothing is lost" without_loss "$(map6 $node2)" wrong garbage "is no JSON object"
try "an announced length of 2 GB: nothing is lost" without_loss "$(map6 $node2)" wrong huge "announced an answer of 2147483647"
try "a length that is too large: nothing is lost" without_loss "$(map6 $node2)" wrong "length 7" "no answer to"
try "the answer to something else: nothing is lost" without_loss "$(map6 $node2)" wrong "type lookup_ok" "came in answer to re(solve|gister)"
try "hanging up: nothing is lost" without_loss "$(map6 $node2)" wrong hangup "closed the connection"
try "errors for everything: nothing is lost" without_loss "$(map6 $node2)" refuses_all
try "another key and address for a live peer: both stay, nothing is lost" without_loss "$(map6 $node2)" lying_key
try "the same after the daemon has restarted" without_loss "$(map6 $node2)" lying_to_a_new_daemon
try "and that would have worked on a stranger" lying_about_a_stranger
try "a configured peer is not dynamic any more" configured_peer
try "a configured peer without endpoint is found" configured_peer_found
try "a port that the kernel chose is the one told" chosen_port
try "goodbye, where configured" says_goodbye
try_refused "the node ID of another identity is refused" "state1: node ID $node1 was given to another identity" foreign_state
finish
