#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# Everything at once: devices made, renamed, moved, switched and deleted, peers
# and keys set and dropped, daemons started and killed, handlers and dumps, with
# traffic; then the same with the module going, and namespaces. For
# STRESS_SECONDS (8) each; best with "vm/run --smp 4".

. "$(dirname "${BASH_SOURCE[0]}")/../lib.sh"

seconds=${STRESS_SECONDS:-8}
setup_pair
add_ns "$n3"
new_key "$work/key1"
new_key "$work/key2"
new_identity 1
cat >"$work/pilotd.conf" <<EOF
[tunnel]
device = pilot0
node-id = 1
listen-port = 37736
identity = $work/id1
create = no
EOF

# Runs COMMAND again and again; what it says, and whether it works, is all the same.
repeat() { # command...
	local end=$((SECONDS + seconds))
	while [ $SECONDS -lt $end ]; do
		"$@" || sleep 0.01
	done >/dev/null 2>&1
}

some() { # words...
	local n=$((RANDOM % $# + 1))
	echo "${!n}"
}

churn_device() {
	local ns other
	ns=$(some "$n1" "$n2") other=$(some "$n2" "$n3")
	case $((RANDOM % 7)) in
	0) ip -n "$ns" link del pilot0 ;;
	1) ip -n "$ns" link set pilot0 down && ip -n "$ns" link set pilot0 up ;;
	2) ip -n "$ns" link set pilot0 down && ip -n "$ns" link set pilot0 name pilot9 &&
		ip -n "$ns" link set pilot9 name pilot0 && ip -n "$ns" link set pilot0 up ;;
	3) ip -n "$ns" link set pilot0 netns "$other" && ip -n "$other" link set pilot0 netns "$ns" ;;
	4) ip -n "$ns" link set pilot0 mtu $((1280 + RANDOM % 9000)) ;;
	5) on "$ns" pilot set pilot0 listen-port $((37736 + RANDOM % 2)) replay-window "$(some 64 256 8192)" ;;
	6) setup_tunnel "$(some 4 6)" ;;
	esac
}

churn_peer() {
	local ns node
	ns=$(some "$n1" "$n2") node=$(some 1 2 3)
	case $((RANDOM % 7)) in
	0) on "$ns" pilot peer del pilot0 "$node" ;;
	1) on "$ns" pilot peer add pilot0 "$node" endpoint "$(some 10.0.1.1 10.0.1.2):37736" \
		allowed-ips "10.9.0.$node/32" ;;
	2) on "$ns" pilot key set pilot0 "$node" "$work/$(some key key1 key2)" ;;
	3) on "$ns" pilot key del pilot0 "$node" ;;
	4) on "$ns" pilot peer set pilot0 "$node" path "$(some auto direct relay)" \
		allowed-ips "+10.8.$node.0/24,-10.8.$((node + 1)).0/24" ;;
	5) on "$ns" pilot set pilot0 beacon "$(some 10.0.1.2:9001 off)" ;;
	6) on "$ns" pilot rekey pilot0 "$node" ;;
	esac
}

look() {
	on "$(some "$n1" "$n2")" pilot show -j
	on "$(some "$n1" "$n2")" ethtool -S pilot0
}

watch_events() {
	timeout 1 nsenter --net="/run/netns/$n1" pilot monitor
}

# Killed at a random point, also between two of its messages.
daemon() {
	timeout -s KILL 0.$((RANDOM % 9 + 1)) nsenter --net="/run/netns/$n1" \
		pilotd --foreground --config "$work/pilotd.conf"
}

traffic() {
	timeout 2 nsenter --net="/run/netns/$n1" ping -n -q -f -s "$(some 56 1300 20000)" \
		"$(some 10.9.0.2 fd50:494c:4f54::2)"
	on "$n2" ping -n -q -c 1 -W 1 10.9.0.1
}

streams() {
	timeout 5 python3 -S -E "$py/carry.py" "$n1" - "$n2" 10.9.0.2 tcp=100000 udp=2
}

reload_module() {
	modprobe -r pilot
	modprobe pilot
	setup_tunnel 4
}

churn_namespace() {
	ip netns del "$n3"
	ip netns add "$n3"
	ip -n "$n3" link add pilot0 type pilot
	on "$n3" pilot set pilot0 node-id 5 listen-port 4000
	ip -n "$n3" link set pilot0 up
}

at_once() { # functions, each repeated
	local f pids=()
	for f; do
		repeat "$f" &
		pids+=($!)
	done
	wait "${pids[@]}"
	return 0
}

# After all that a tunnel must still be a tunnel.
works() {
	local ns
	for ns in $n1 $n2 $n3; do
		ip -n "$ns" link del pilot0 2>/dev/null
		ip -n "$ns" link del pilot9 2>/dev/null
	done
	modprobe pilot
	setup_tunnel 4 && ping_tunnel "$n1" 10.9.0.2 && ping_tunnel "$n1" "$(map6 2)" &&
		python3 -S -E "$py/carry.py" "$n1" - "$n2" 10.9.0.2 tcp=200000 udp=2 &&
		teardown_tunnel
}

# Adopts what there is, and brings up what is missing, after any number of kills.
converges() {
	local i
	cat >>"$work/pilotd.conf" <<EOF
[peer 2]
endpoint = 10.0.1.2:37736
EOF
	setup_tunnel 4 || return
	on "$n1" pilot key del pilot0 2 && on "$n2" pilot key del pilot0 1 || return
	new_identity 2
	sed -e 's/^node-id.*/node-id = 2/' -e "s/id1/id2/" -e 's/peer 2/peer 1/' -e 's/10.0.1.2/10.0.1.1/' \
		"$work/pilotd.conf" >"$work/pilotd2.conf"
	{
		echo "1 $(pilot identity show "$work/id1" -j | jq -r .public_key)"
		echo "2 $(pilot identity show "$work/id2" -j | jq -r .public_key)"
	} >"$work/registry"
	for i in "" 2; do
		printf '[registry]\ntype = file\npath = %s\n' "$work/registry" >>"$work/pilotd$i.conf"
	done
	spawn "$n2" pilotd --foreground --config "$work/pilotd2.conf" >"$work/pilotd2.log" 2>&1 &
	for ((i = 0; i < 30; i++)); do
		timeout -s KILL 0.$(printf %03d $((RANDOM % 300 + 5))) nsenter --net="/run/netns/$n1" \
			pilotd --foreground --config "$work/pilotd.conf" >"$work/pilotd.log" 2>&1
	done
	spawn "$n1" pilotd --foreground --config "$work/pilotd.conf" >>"$work/pilotd.log" 2>&1 &
	busywait 20000 ping_once || { cat "$work/pilotd.log" "$work/pilotd2.log"; return 1; }
}
ping_once() {
	on "$n1" ping -n -q -c 1 -W 1 "$(map6 2)"
}

try "a tunnel" setup_tunnel 4
try "devices, peers, keys, daemons and traffic at once" \
	at_once churn_device churn_peer churn_peer look watch_events daemon traffic streams
try "it works afterwards" works
try "a tunnel again" setup_tunnel 4
try "the module and a namespace come and go too" \
	at_once reload_module churn_namespace churn_peer look daemon traffic streams
try "it works afterwards" works
try "a daemon killed at random points converges" converges
finish
