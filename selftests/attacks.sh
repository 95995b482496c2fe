# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash
#
# An attacker on the router between two nodes: for pilot/attack.sh and the demo,
# which have sourced net.sh.

attack() { # arguments of attack.py
	on "$r" python3 -S -E "$py/attack.py" "$@"
}

answers() { # namespace node
	on "$1" ping -n -q -c 1 -W 1 "$(map6 "$2")"
}

session() { # namespace node: what an attack must not change
	peer_value "$1" "$2" endpoint && peer_value "$1" "$2" path_active &&
		peer_value "$1" "$2" authenticated
}

# Frames of both nodes as the attacker saw them: $work/pils.1, .2, $work/pila.1, .2
# One by one, as they would be on a wire.
take_frames() {
	on "$n1" ethtool -K e0 tx-udp-segmentation off && on "$n2" ethtool -K e0 tx-udp-segmentation off || return
	spawn "$r" python3 "$py/frames.py" capture e1 37736 >"$work/frames" &
	local pid=$! i
	busywait 60000 grep -q ready "$work/frames" || return
	"$@" || return
	sleep 0.5
	kill $pid
	wait $pid 2>/dev/null
	for i in 1 2; do
		grep -i "^50494c530000000$i" "$work/frames" >"$work/pils.$i"
		grep -i "^50494c410000000$i" "$work/frames" >>"$work/pila.$i"
	done
	on "$n1" ethtool -K e0 tx-udp-segmentation on && on "$n2" ethtool -K e0 tx-udp-segmentation on || return
	[ -s "$work/pils.1" ] && [ -s "$work/pils.2" ]
}

# Another than ID; to have none is not enough.
other_key() { # namespace node id
	local now
	now=$(peer_value "$1" "$2" id) && [ "$now" != "$3" ]
}

rekey() {
	local before
	before=$(peer_value "$n1" 2 id) || return
	on "$n1" pilot rekey pilot0 2 && busywait 10000 other_key "$n1" 2 "$before"
}

some_traffic() {
	ping_tunnel "$n1" 10.9.0.2 -c 20 && rekey && sleep 3.5 && rekey && ping_tunnel "$n1" 10.9.0.2
}

# After this the PILA that were recorded belong to no session that is there.
outdate_pila() {
	rekey && sleep 3.5 && rekey
}

# Ten unauthenticated handshakes in the name of node 1: $work/pilk
forge_pilk() {
	local i
	for i in $(seq 10); do
		echo "50494c4b00000001$(head -c 32 /dev/urandom | od -An -v -tx1 | tr -d ' \n')"
	done >"$work/pilk"
}

# Node 1 sends ten pings from addresses that are not its own.
spoof_sources() {
	ip -n "$n1" addr add 10.9.0.77/32 dev lo &&
		ip -n "$n1" addr add fd50:494c:4f54::63/128 dev lo nodad || return
	on "$n1" ping -n -q -c 5 -i 0.1 -W 1 -I 10.9.0.77 10.9.0.2
	on "$n1" ping -n -q -c 5 -i 0.1 -W 1 -I fd50:494c:4f54::63 "$(map6 2)"
	ip -n "$n1" addr del 10.9.0.77/32 dev lo &&
		ip -n "$n1" addr del fd50:494c:4f54::63/128 dev lo
}
