# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash
#
# Network namespaces, tunnels and daemons for the tests and the demo. To be
# sourced by a script that has set "top", "work" (a directory of its own) and
# "n1", "n2", "r" (names of namespaces).

# In the VM they are on the path already, from memory.
[ -n "${PILOT_VM:-}" ] || export PATH=$top/userspace/pilot:$top/userspace/pilotd:$PATH
py=$top/selftests/pilot
umask 077

fail() { # message
	echo "$*" >&2
	return 1
}

# ---- namespaces

# Like "ip netns exec", which takes longer because it mounts /sys anew.
on() { # namespace, command...
	local ns=$1
	shift
	nsenter --net="/run/netns/$ns" "$@"
}

# The same for "spawn ... &": $! is then the command itself.
spawn() { # namespace, command...
	local ns=$1
	shift
	exec nsenter --net="/run/netns/$ns" "$@"
}

add_ns() { # namespace...
	local ns
	for ns; do
		ip netns add "$ns" || exit 1
		ip -n "$ns" link set lo up
		on "$ns" sysctl -qw net.ipv6.conf.all.accept_dad=0 \
			net.ipv6.conf.default.accept_dad=0 \
			net.ipv6.conf.all.accept_ra=0 net.ipv6.conf.default.accept_ra=0 \
			net.ipv4.conf.all.rp_filter=0 net.ipv4.conf.default.rp_filter=0
	done
}

del_ns() { # namespace
	local pids
	[ -e "/run/netns/$1" ] || return 0
	pids=$(ip netns pids "$1" 2>/dev/null)
	# shellcheck disable=SC2086
	[ -z "$pids" ] || kill -KILL $pids 2>/dev/null
	ip netns del "$1"
}

# n1 e0 10.0.1.1 fd00:1::1 --- n2 e0 10.0.1.2 fd00:1::2
setup_pair() {
	add_ns "$n1" "$n2"
	ip -n "$n1" link add e0 type veth peer name e0 netns "$n2" || exit 1
	for i in 1 2; do
		local ns=n$i
		ip -n "${!ns}" addr add 10.0.1.$i/24 dev e0
		ip -n "${!ns}" addr add fd00:1::$i/64 dev e0 nodad
		ip -n "${!ns}" link set e0 up
	done
	under4_1=10.0.1.1 under4_2=10.0.1.2 under6_1=fd00:1::1 under6_2=fd00:1::2
}

# n1 e0 10.0.1.1 --- e1 10.0.1.254 r e2 10.0.2.254 --- n2 e0 10.0.2.2; fd00 alike
setup_routed() {
	add_ns "$n1" "$n2" "$r"
	on "$r" sysctl -qw net.ipv4.ip_forward=1 net.ipv6.conf.all.forwarding=1
	for i in 1 2; do
		local ns=n$i
		ns=${!ns}
		ip -n "$ns" link add e0 type veth peer name e$i netns "$r" || exit 1
		ip -n "$ns" addr add 10.0.$i.$i/24 dev e0
		ip -n "$ns" addr add fd00:$i::$i/64 dev e0 nodad
		ip -n "$r" addr add 10.0.$i.254/24 dev e$i
		ip -n "$r" addr add fd00:$i::fe/64 dev e$i nodad
		ip -n "$ns" link set e0 up
		ip -n "$r" link set e$i up
		ip -n "$ns" route add default via 10.0.$i.254
		ip -n "$ns" route add default via fd00:$i::fe
	done
	under4_1=10.0.1.1 under4_2=10.0.2.2 under6_1=fd00:1::1 under6_2=fd00:2::2
}

# ---- tunnels

map6() { # node id
	if [ "$1" -lt 65536 ]; then
		printf 'fd50:494c:4f54::%x' "$1"
	else
		printf 'fd50:494c:4f54::%x:%x' $(($1 >> 16)) $(($1 & 0xffff))
	fi
}

# Pings from node 1 every 50 ms while COMMAND runs and two seconds longer: none
# may be lost.
without_loss() { # address, command...
	local rc=0 pid to=$1
	shift
	rm -f "$work/ping"
	spawn "$n1" ping -n -i 0.05 -w 120 "$to" >"$work/ping" &
	pid=$!
	busywait 20000 grep -q 'bytes from' "$work/ping" || fail "no pings" || rc=1
	"$@" || rc=$?
	sleep 2
	kill -INT $pid
	wait $pid
	tail -n 3 "$work/ping"
	none_missing 10 "$work/ping" || fail "pings were lost, or too few" || rc=1
	return $rc
}

# Were LEAST pings sent, and all answered but the last one, which may have been
# under way when ping was ended? On a slow machine there may be more of those.
none_missing() { # least output-of-ping
	awk -v least="$1" -v most="$slow" '
		/bytes from/ { n = $0; sub(/.*seq=/, "", n); if (n + 0 > top) top = n + 0 }
		/packets transmitted/ { good = $1 >= least && $4 == top && $1 - top <= most }
		END { exit !good }' "$2"
}

endpoint() { # address port
	case $1 in
	*:*) echo "[$1]:$2" ;;
	*) echo "$1:$2" ;;
	esac
}

new_key() { # file
	head -c 32 /dev/urandom | base64 >"$1"
}

# A device "pilot0" with node ID $2, its mapped address and 10.9.0.$2.
add_device() { # namespace node-id
	ip -n "$1" link add pilot0 type pilot &&
		on "$1" pilot set pilot0 node-id "$2" listen-port 37736 &&
		ip -n "$1" addr add "$(map6 "$2")/48" dev pilot0 &&
		ip -n "$1" addr add "10.9.0.$2/24" dev pilot0 &&
		ip -n "$1" link set pilot0 up
}

add_peer() { # namespace node-id address
	on "$1" pilot peer add pilot0 "$2" endpoint "$(endpoint "$3" 37736)" \
		allowed-ips "10.9.0.$2/32"
}

# Nodes 1 and 2 with a static key, over IPv4 or IPv6.
setup_tunnel() { # 4|6
	local a=under${1}_1 b=under${1}_2
	new_key "$work/key"
	add_device "$n1" 1 && add_device "$n2" 2 &&
		add_peer "$n1" 2 "${!b}" && add_peer "$n2" 1 "${!a}" &&
		on "$n1" pilot key set pilot0 2 "$work/key" &&
		on "$n2" pilot key set pilot0 1 "$work/key"
}

teardown_tunnel() {
	ip -n "$n1" link del pilot0
	ip -n "$n2" link del pilot0
}

ping_tunnel() { # namespace address [ping options]
	local ns=$1 addr=$2
	shift 2
	on "$ns" ping -n -q -i 0.05 -c 5 -W 2 "$@" "$addr"
}

# SIZE bytes over TCP from $1 to ADDRESS in $2; the sums must agree.
transfer() { # from-namespace to-namespace address bytes [marker]
	spawn "$2" python3 -S -E "$py/tcp.py" receive "$3" 5001 >"$work/sum.in" &
	local pid=$! rc=0
	busywait 30000 listening "$2" 5001 || fail "no listener" || rc=1
	on "$1" timeout 100 python3 -S -E "$py/tcp.py" send "$3" 5001 "$4" ${5:+"$5"} >"$work/sum.out" || rc=1
	[ $rc = 0 ] || kill "$pid"
	wait "$pid" || rc=1
	cat "$work/sum.out" "$work/sum.in"
	[ $rc = 0 ] && [ -s "$work/sum.out" ] && cmp "$work/sum.out" "$work/sum.in"
}

# Numbered datagrams from $1 to ADDRESS in $2, RATE a second (0: as many as can
# be), while COMMAND runs. All must arrive, once each.
all_arrive() { # from-namespace to-namespace address rate command...
	local from=$1 to=$2 address=$3 rate=$4 rc=0 rx tx
	shift 4
	rm -f "$work/tx" "$work/tx.end" "$work/rx" "$work/rx.end"
	spawn "$to" python3 -S -E "$py/udp.py" receive 5002 "$work/rx.end" >"$work/rx" &
	rx=$!
	busywait 20000 grep -q ready "$work/rx" || fail "no receiver" || return
	spawn "$from" taskset -c 0 python3 -S -E "$py/udp.py" send "$address" 5002 "$rate" "$work/tx.end" >"$work/tx" &
	tx=$!
	busywait 20000 grep -q begun "$work/tx" || fail "no sender" || rc=1
	sleep 1
	"$@" || rc=$?
	sleep 0.5
	touch "$work/tx.end"
	wait $tx || fail "the sender failed" || rc=1
	# On a slow machine they are under way for long.
	awk '/^sent/ { print $2 }' "$work/tx" >"$work/rx.count"
	mv "$work/rx.count" "$work/rx.end"
	wait $rx || rc=1
	awk '/^sent/ { sent = $2 } /^received/ { good = sent >= 100 && $2 == sent && /doubled 0$/ }
		END { exit !good }' "$work/tx" "$work/rx" || fail "not all arrived once" || rc=1
	[ $rc = 0 ] || where_lost
	cat "$work/tx" "$work/rx"
	return $rc
}

where_lost() {
	local ns
	for ns in $(ip netns list | cut -d ' ' -f 1); do
		echo "in $ns:"
		on "$ns" pilot show pilot0 2>/dev/null | grep failures
		ip -n "$ns" -s link | awk '/^[0-9]/ { dev = $2 } /[RT]X:/ { way = $1; getline; print dev, way, $2, "dropped", $4 }'
		on "$ns" nstat -as | grep -E 'Err|Drop|Discard|NoPort|NoRoute|Fail'
	done
	cat /proc/net/softnet_stat
}

# The same, and in order. All leave from one CPU: packets of two may overtake
# each other on any network.
in_order() {
	all_arrive "$@" && grep -q 'late 0,' "$work/rx" || fail "not all in order"
}

# Frames that pass e0 of NAMESPACE while COMMAND runs, in hex in $work/frames.
capture() { # namespace command...
	local ns=$1 rc=0 pid
	shift
	spawn "$ns" python3 -S -E "$py/frames.py" capture e0 37736 >"$work/frames" &
	pid=$!
	busywait 20000 grep -q ready "$work/frames" || fail "no capture" || return
	"$@" || rc=$?
	sleep 0.3
	kill $pid
	wait $pid 2>/dev/null
	sed -i /ready/d "$work/frames"
	return $rc
}

listening() { # namespace port
	on "$1" ss -Htln "sport = :$2" | grep -q .
}

# ---- state

# One value out of "pilot show -j", which prints a member a line: jq takes long
# to start under emulation. The first member NAME of the device itself, or of
# peer NODE; strings without quotes; fails if there is none, or it is null.
show_value() { # namespace node name; node 0: the device
	on "$1" pilot show pilot0 -j | awk -v node="$2" -v want="\"$3\":" '
		/^    "peers": / { in_peers = 1 }
		in_peers && /^        "node_id": / { peer = $2 + 0 }
		(node == 0 ? !in_peers : in_peers && peer == node) && $1 == want {
			v = $0
			sub(/^[^:]*: /, "", v)
			sub(/,$/, "", v)
			gsub(/^"|"$/, "", v)
			exit
		}
		END {
			if (v == "" || v == "null")
				exit 1
			print v
		}'
}

device_value() { # namespace name
	show_value "$1" 0 "$2"
}

# Members of a peer, of its first key and of its counters have different names.
peer_value() { # namespace node name
	show_value "$@"
}

no_keys() { # namespace node
	peer_value "$1" "$2" state >/dev/null && ! peer_value "$1" "$2" slot >/dev/null
}

# Handshake frames that arrived, passed on or not.
handshakes() { # namespace
	echo $(($(device_value "$1" rx_handshake) + $(device_value "$1" rx_handshake_limited)))
}

# Did COUNTER of a peer grow by exactly (or, with +, at least) N since BEFORE?
peer_stat_grew() { # namespace node counter before [+]n
	local now
	now=$(peer_value "$1" "$2" "$3") || return 1
	case $5 in
	+*) [ "$((now - $4))" -ge "${5#+}" ] ;;
	*) [ "$((now - $4))" -eq "$5" ] ;;
	esac || fail "$3 of peer $2 went from $4 to $now, expected a growth of $5"
}

# What takes a second takes several on a kernel that looks for mistakes.
slow=1
[ ! -e /sys/kernel/debug/kmemleak ] && [ ! -e /sys/kernel/debug/kcsan ] || slow=6

# Until COMMAND succeeds, at most MS milliseconds.
busywait() { # ms command...
	local end=$((${EPOCHREALTIME/[.,]/} + $1 * 1000 * slow)) # us
	shift
	until "$@"; do
		[ "${EPOCHREALTIME/[.,]/}" -lt $end ] || return 1
		sleep 0.05
	done
}

# ---- daemons

new_identity() { # node
	pilot identity new "$work/id$1" >/dev/null
}

public_key() { # node
	jq -r .public_key "$work/id$1"
}

# Configuration of a node to which the registry gives its ID.
configure_auto() { # i, address of the registry, more lines on it...
	local i=$1
	new_identity "$i" && cat >"$work/node$i.conf" <<-END
		[tunnel]
		device = pilot0
		node-id = auto
		state = $work/state$i
		identity = $work/id$i

		[registry]
		type = tcp
		address = $2
		retry-max = 1
	END
	shift 2
	printf '%s\n' "$@" >>"$work/node$i.conf"
}

# Identity, configuration and registry of nodes 1 and 2 under $work.
configure_nodes() {
	local i
	for i in 1 2; do
		new_identity $i || return
	done
	cat >"$work/registry" <<-END
		1 $(public_key 1) $(endpoint "$under4_1" 37736)
		2 $(public_key 2) $(endpoint "$under4_2" 37736)
	END
	for i in 1 2; do
		configure_node $i $((3 - i))
	done
}

configure_node() { # node peer
	cat >"$work/node$1.conf" <<-END
		[tunnel]
		device = pilot0
		node-id = $1
		listen-port = 37736
		identity = $work/id$1
		address = $(map6 "$1")/48, 10.9.0.$1/24

		[registry]
		type = file
		path = $work/registry

		[peer $2]
		allowed-ips = 10.9.0.$2/32
	END
}

# Sets pilotd_1 or pilotd_2 to the process id.
start_pilotd() { # node
	local ns=n$1
	spawn "${!ns}" pilotd --config "$work/node$1.conf" --foreground >>"$work/pilotd$1.log" 2>&1 &
	eval "pilotd_$1=$!"
}

# Its exit status, which is 137 after KILL.
stop_pilotd() { # node signal
	local pid=pilotd_$1 rc=0
	{ kill -"$2" "${!pid}" && wait "${!pid}" 2>/dev/null; } || rc=$?
	eval "pilotd_$1="
	return $rc
}
