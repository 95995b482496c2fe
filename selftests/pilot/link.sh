#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# The device: creation, removal, up and down, several of them, namespaces,
# unloading the module.

. "$(dirname "${BASH_SOURCE[0]}")/../lib.sh"

add_ns "$n1" "$n2"

kind_shown() {
	ip -n "$n1" -d -j link show pilot0 | jq -e '.[0].linkinfo.info_kind == "pilot"'
}

is_layer3() {
	ip -n "$n1" -d -j link show pilot0 |
		jq -e '.[0] | .link_type == "none" and (.flags | contains(["NOARP"]))'
}

answers_driver_query() {
	on "$n1" ethtool -i pilot0 | grep -q '^driver: pilot$'
}

up_without_node_id() {
	# Refused or silent, but never half up.
	ip -n "$n1" link set pilot0 up || return 0
	ip -n "$n1" link set pilot0 down
}

port_bound() { # namespace port family
	on "$1" ss -Huan"$3" "sport = :$2" | grep -q .
}

up_binds_port() {
	on "$n1" pilot set pilot0 node-id 1 listen-port 40001 &&
		ip -n "$n1" link set pilot0 up &&
		port_bound "$n1" 40001 4 && port_bound "$n1" 40001 6
}

down_frees_port() {
	ip -n "$n1" link set pilot0 down && ! port_bound "$n1" 40001 4 && ! port_bound "$n1" 40001 6
}

port_moves_while_up() {
	ip -n "$n1" link set pilot0 up && on "$n1" pilot set pilot0 listen-port 40002 &&
		port_bound "$n1" 40002 4 && ! port_bound "$n1" 40001 4
}

two_devices_two_ports() {
	ip -n "$n1" link add pilot1 type pilot && on "$n1" pilot set pilot1 node-id 9 listen-port 40003 &&
		ip -n "$n1" link set pilot1 up && port_bound "$n1" 40003 4
}

port_in_use_refused() {
	ip -n "$n1" link add pilot2 type pilot && on "$n1" pilot set pilot2 node-id 10 listen-port 40003 &&
		! ip -n "$n1" link set pilot2 up && ip -n "$n1" link del pilot2
}

failed_move_keeps_port() {
	on "$n1" pilot set pilot1 listen-port 40002 && return 1
	port_bound "$n1" 40003 4
}

show_lists_both() {
	on "$n1" pilot show -j | jq -e 'map(.ifname) | sort == ["pilot0", "pilot1"]'
}

moves_and_keeps_socket() {
	ip -n "$n1" link set pilot1 netns "$n2" && ip -n "$n2" link set pilot1 up &&
		port_bound "$n1" 40003 4 && ! port_bound "$n2" 40003 4
}

# With a packet that waits there, and whose sender is gone.
netns_of_device_deleted() {
	on "$n2" pilot peer add pilot1 77 endpoint 192.0.2.9:9 &&
		ip -n "$n2" route add fd50:494c:4f54::/48 dev pilot1 || return
	on "$n2" ping -n -q -c 1 -W 1 fd50:494c:4f54::4d
	[ "$(on "$n2" pilot show pilot1 -j | jq '.[0].peers[].queued')" = 1 ] || fail "nothing waits" || return
	ip netns del "$n2" && busywait 5000 eval "! port_bound $n1 40003 4"
}

# The sockets live in the namespace of birth; the device must outlive it, and
# nothing there: other namespaces go after it, for its memory to be freed.
netns_of_socket_deleted() {
	local i
	new_key "$work/key" && add_ns "$n2" && ip -n "$n2" link add pilot3 type pilot &&
		on "$n2" pilot set pilot3 node-id 3 listen-port 40004 &&
		on "$n2" pilot peer add pilot3 5 endpoint '[::1]:9' &&
		on "$n2" pilot peer add pilot3 6 endpoint '[::1]:10' &&
		on "$n2" pilot key set pilot3 5 "$work/key" && on "$n2" pilot key set pilot3 6 "$work/key" &&
		ip -n "$n2" link set lo up && ip -n "$n2" link set pilot3 up &&
		ip -n "$n2" link set pilot3 netns "$n1" && ip -n "$n1" link set pilot3 up &&
		ip -n "$n1" route add fd50:494c:4f54::/48 dev pilot3 || return
	for i in 5 6; do
		on "$n1" ping -c 3 -i 0.1 -W 1 "fd50:494c:4f54::$i"
	done
	[ "$(on "$n1" pilot show pilot3 -j | jq '[.[0].peers[].stats.tx_packets] | add')" = 6 ] ||
		fail "no pings were sent" || return
	ip netns del "$n2" && sleep $((2 * slow)) || return
	for i in 1 2 3; do
		ip netns add "$n2.$i" && ip netns del "$n2.$i" && sleep "$slow"
	done
	on "$n1" pilot show pilot3 >/dev/null &&
		{ on "$n1" ping -c 1 -W 1 fd50:494c:4f54::5 || true; } &&
		on "$n1" pilot peer del pilot3 6 && ip -n "$n1" link del pilot3
}

# Who rules a container, but not what is around it, must not open ports there.
in_container() { # process command...
	local pid=$1
	shift
	nsenter -t "$pid" -U -n --preserve-credentials "$@"
}

sockets_of_container() {
	local pid rc=0
	unshare -U -r -n sleep 100 &
	pid=$!
	busywait 5000 in_container $pid ip link show lo &&
		ip -n "$n1" link add pilot4 type pilot && ip -n "$n1" link set pilot4 netns $pid &&
		in_container $pid pilot set pilot4 node-id 4 max-peers 7 || rc=1
	for setting in 'listen-port 40005' 'fwmark 3'; do
		# shellcheck disable=SC2086
		! in_container $pid pilot set pilot4 $setting 2>"$work/refused" || fail "$setting" || rc=1
		cat "$work/refused"
		grep -q 'not permitted in the namespace of the sockets' "$work/refused" || rc=1
	done
	in_container $pid ip link set pilot4 up && in_container $pid ip link add pilot5 type pilot &&
		in_container $pid pilot set pilot5 listen-port 40005 fwmark 3 || rc=1
	kill $pid
	wait $pid 2>/dev/null
	return $rc
}

many() {
	local i
	for i in $(seq 20 60); do
		ip -n "$n1" link add "many$i" type pilot || return 1
	done
	for i in $(seq 20 60); do
		ip -n "$n1" link del "many$i" || return 1
	done
}


unload() {
	rmmod pilot && ! grep -q '^pilot ' /proc/modules
}

# With rtnl links a module may be unloaded while devices exist: they go too.
unload_takes_devices() {
	modprobe pilot && ip -n "$n1" link add pilot0 type pilot && ip -n "$n1" link set pilot0 up
	rmmod pilot || fail "rmmod refused" || return
	! ip -n "$n1" link show pilot0 2>/dev/null && ! grep -q '^pilot ' /proc/modules
}

autoload() {
	ip -n "$n1" link add pilot0 type pilot && grep -q '^pilot ' /proc/modules &&
		ip -n "$n1" link del pilot0
}

# Four pings flood both ways and TCP runs while the module goes.
unload_under_traffic() {
	local i pids=()
	setup_pair && setup_tunnel 4 && ping_tunnel "$n1" "$(map6 2)" || return
	spawn "$n2" iperf3 -s -1 >/dev/null 2>&1 &
	pids+=($!)
	busywait 30000 listening "$n2" 5201 || return
	spawn "$n1" iperf3 -c 10.9.0.2 -t 30 >/dev/null 2>&1 &
	pids+=($!)
	for i in 1 2; do
		spawn "$n1" ping -q -f -w 30 "$(map6 2)" >/dev/null 2>&1 &
		pids+=($!)
		spawn "$n2" ping -q -f -w 30 10.9.0.1 >/dev/null 2>&1 &
		pids+=($!)
	done
	sleep 2
	rmmod pilot
	local rc=$?
	kill -KILL "${pids[@]}"
	wait "${pids[@]}" 2>/dev/null
	[ $rc = 0 ] && ! grep -q '^pilot ' /proc/modules
}

delete_under_traffic() {
	local i pids=()
	del_ns "$n1"; del_ns "$n2"
	setup_pair && setup_tunnel 6 || return
	for i in 1 2 3; do
		spawn "$n1" ping -q -f -w 30 "$(map6 2)" >/dev/null 2>&1 &
		pids+=($!)
		spawn "$n2" ping -q -f -w 30 10.9.0.1 >/dev/null 2>&1 &
		pids+=($!)
	done
	sleep 1
	ip -n "$n1" link set pilot0 down; ip -n "$n1" link set pilot0 up
	sleep 0.5
	on "$n2" pilot peer del pilot0 1
	ip -n "$n1" link del pilot0
	local rc=$?
	# Processes keep a namespace: without them it goes, and the other end of veth.
	del_ns "$n2"
	busywait 10000 eval '! ip -n "$n1" link show e0' || fail "the namespace is still there" || rc=1
	kill -KILL "${pids[@]}" 2>/dev/null
	wait "${pids[@]}" 2>/dev/null
	[ $rc = 0 ]
}

try "create" ip -n "$n1" link add pilot0 type pilot
try "ip -d link shows the kind" kind_shown
try "the device is layer 3 without ARP" is_layer3
try "ethtool -i names the driver" answers_driver_query
try "up and down without a node ID" up_without_node_id
try "up binds the port, IPv4 and IPv6" up_binds_port
try "down frees the port" down_frees_port
try "the port of a running device can be changed" port_moves_while_up
try "a second device with another port" two_devices_two_ports
try "a port in use is refused" port_in_use_refused
try "a failed change of port keeps the old one" failed_move_keeps_port
try "show lists both devices" show_lists_both
try_refused "the same name again is refused" "exists" ip -n "$n1" link add pilot0 type pilot
try_refused "a device of another kind is refused by name" "." on "$n1" pilot show lo
try_refused "a missing device is refused by name" "nope0" on "$n1" pilot show nope0
try "moved to another namespace the socket stays" moves_and_keeps_socket
try "deleting the device's namespace frees the socket" netns_of_device_deleted
try "a device outlives its sockets' namespace" netns_of_socket_deleted
try "a container does not rule the sockets outside" sockets_of_container
try "forty devices come and go" many
try "delete" ip -n "$n1" link del pilot0
try "the module unloads" unload
try "ip link add loads the module" autoload
try "unloading takes the devices along" unload_takes_devices
del_ns "$n1"
del_ns "$n2"
modprobe pilot
try "unload under traffic" unload_under_traffic
modprobe pilot
try "delete and down under traffic" delete_under_traffic
finish
