#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# The command line against the kernel: every subcommand, what it prints in each
# form, and what is refused with which exit status. What is wrong with arguments
# alone is in selftests/unit/test_cli.py.

# Node 1 is this script itself: entering a namespace for each command takes long
# under emulation. For the same reason there are few programs in the helpers.
[ $EUID != 0 ] || [ -n "${CLI_NETNS:-}" ] || CLI_NETNS=1 exec unshare --net -- bash "$0"

. "$(dirname "${BASH_SOURCE[0]}")/../lib.sh"

under4_1=10.0.1.1 under4_2=10.0.1.2
add_ns "$n2"
ip link set lo up
ip link add e0 type veth peer name e0 netns "$n2" || exit 1
ip addr add $under4_1/24 dev e0
ip -n "$n2" addr add $under4_2/24 dev e0
ip link set e0 up
ip -n "$n2" link set e0 up
new_key "$work/key"

# ---- helpers

# A test: pilot must refuse with exactly STATUS, print nothing on stdout and say
# on stderr, after "pilot: ", what matches REGEX.
refused() { # status, regex, arguments of pilot...
	local want=$1 regex=$2 name rc=0 said=
	shift 2
	name="refused with $want: pilot ${*//$work/DIR}"
	pilot "$@" </dev/null >"$work/out" 2>"$work/err" || rc=$?
	read -r said <"$work/err"
	if [ $rc = "$want" ] && [ ! -s "$work/out" ] && [[ $said =~ ^pilot:\ .*$regex ]]; then
		ok "${name:0:100}"
	else
		diag "exit status $rc; stderr should match '$regex':"
		head -n 20 "$work/out" "$work/err" | sed 's/^/# /'
		not_ok "${name:0:100}"
	fi
}

# Python that evaluates expressions about a JSON document: "j" is the document,
# "d" the first device in it, "peers" the peers of that by node ID.
coproc checker { exec python3 -S -E -u -c 'if True:
	import json, sys
	for line in sys.stdin:
		path, expr = line.rstrip("\n").split(" ", 1)
		try:
			j = json.load(open(path))
			d = j[0] if isinstance(j, list) and j else {}
			peers = {p["node_id"]: p for p in d.get("peers", ())}
			print("yes" if eval(expr) else "not so: " + json.dumps(j))
		except Exception as e:
			print(repr(e))'
}

# EXPRESSION about what pilot prints, or about what is in FILE, must be true.
json() { # expression, arguments of pilot... | @file
	local expr=${1//[$'\n\t']/ } answer file=$work/j
	shift
	if [ "${1:0:1}" = @ ]; then
		file=${1#@}
	else
		pilot "$@" >"$file" || fail "exit status $?" || return
	fi
	echo "$file $expr" >&"${checker[1]}"
	read -r answer <&"${checker[0]}"
	[ "$answer" = yes ] || fail "$expr: ${answer:0:3000}"
}

# In "pilot show pilot0 dump", the line that begins with WORD (and NODE) has
# VALUE as its field N; several pairs.
fields() { # word node n=value...
	local word=$1 node=$2 pair line
	shift 2
	pilot show pilot0 dump >"$work/dump" || return
	while IFS=$'\t' read -r -a line; do
		[ "${line[0]}" = "$word" ] || continue
		[ "$word" = device ] || [ "${line[1]}" = "$node" ] || continue
		for pair; do
			[ "${line[${pair%%=*} - 1]}" = "${pair#*=}" ] ||
				fail "field ${pair%%=*} is '${line[${pair%%=*} - 1]}', not '${pair#*=}'" || return
		done
		return
	done <"$work/dump"
	fail "no line $word $node"
}

# Each regular expression must match a whole line of FILE.
has_lines() { # file regex...
	local regex line lines
	mapfile -t lines <"$1"
	shift
	for regex; do
		for line in "${lines[@]}"; do
			[[ ! $line =~ ^\ *($regex)$ ]] || continue 2
		done
		fail "no line '$regex' in:" "${lines[@]/#/$'\n'}" || return
	done
}

# Lines of "pilot show pilot0" for humans.
human() { # regex...
	pilot show pilot0 >"$work/human" && has_lines "$work/human" "$@"
}

human_lacks() { # regex
	[[ ! $(<"$work/human") =~ $1 ]] || fail "there is '$1' in: $(<"$work/human")"
}

lacks() { # file regex
	[[ ! $(<"$1") =~ $2 ]] || fail "there is '$2' in: $(<"$1")"
}

# ---- nothing there yet

no_devices() {
	[ "$(pilot)" = "" ] && [ "$(pilot show)" = "" ] && json 'j == []' show -j && json 'j == []' -j
}

unprivileged() { # arguments of pilot
	setpriv --reuid 65534 --regid 65534 --clear-groups pilot "$@"
}

try "no devices" no_devices
refused 1 'nope0: ifname: no such device' show nope0
refused 1 'lo: ifname: not a device of kind pilot' show lo
refused 1 'nope0: ifname: no such device' set nope0 fwmark 1
refused 1 'nope0: ifname: no such device' monitor nope0
ip link add pilot0 type pilot
try_refused "refused without privileges: show" "^pilot: .*CAP_NET_ADMIN" unprivileged show
try_refused "refused without privileges: monitor" "^pilot: .*(CAP_NET_ADMIN|permitted)" unprivileged monitor
try_refused "refused without privileges: set" "^pilot: .*CAP_NET_ADMIN" unprivileged set pilot0 fwmark 1

# ---- a device

new_device() {
	json 'd["ifname"] == "pilot0" and d["node_id"] is None and d["address"] is None and
		d["ipv6"] is None and d["peers"] == [] and d["handler"] is None and d["beacon"] is None and
		(d["replay_window"], d["max_peers"], d["unauth"], d["fwmark"]) == (256, 16384, False, 0) and
		(d["decrypt_fail_threshold"], d["decrypt_fail_grace_ms"]) == (5, 3000) and
		(d["outside_window_threshold"], d["outside_window_grace_ms"]) == (30, 3000) and
		(d["replay_threshold"], d["replay_grace_ms"]) == (30, 3000) and
		(d["aged_drop_ms"], d["rekey_after"]) == (0, 1 << 28) and
		all(v == 0 for v in d["stats"].values()) and len(d["stats"]) > 20' show -j &&
		human 'node: \(none\)  set one: pilot set pilot0 node-id ID' 'listening port: \(none\)' \
			'peers: 0, 0 with a key' 'crypto: .*gcm.*' &&
		lacks "$work/human" 'limits|failures|fwmark|beacon'
}

set_everything() {
	pilot set pilot0 node-id 7:0007.0001.0002 listen-port 40100 fwmark 0x80000001 \
		beacon '[2001:db8::1]:9001' replay-window 1024 unauth on on-demand on max-peers 3 \
		decrypt-fail-threshold 7 decrypt-fail-grace 1500ms outside-window-threshold 8 \
		outside-window-grace 2s replay-threshold 9 replay-grace 0 aged-drop 1m rekey-after 0x100
}

# Times may be rounded up to a tick, which is 10 ms at most.
set_as_json() {
	json '(d["node_id"], d["network"], d["address"]) == (65538, 7, "7:0007.0001.0002") and
		d["ipv6"] == "fd50:494c:4f54:7::1:2" and d["listen_port"] == 40100 and
		d["fwmark"] == 0x80000001 and d["beacon"] == "[2001:db8::1]:9001" and
		(d["replay_window"], d["unauth"], d["on_demand"], d["max_peers"]) == (1024, True, True, 3) and
		(d["decrypt_fail_threshold"], d["outside_window_threshold"], d["replay_threshold"]) == (7, 8, 9) and
		0 <= d["decrypt_fail_grace_ms"] - 1500 < 10 and d["outside_window_grace_ms"] == 2000 and
		(d["replay_grace_ms"], d["aged_drop_ms"], d["rekey_after"]) == (0, 60000, 256)' show pilot0 -j
}

set_shown() {
	human 'node: 65538 \(7:0007.0001.0002\)' 'address: fd50:494c:4f54:7::1:2' \
		'listening port: 40100' 'fwmark: 0x80000001' 'beacon: \[2001:db8::1\]:9001' \
		'unauthenticated: allowed' \
		'limits: replay-window 1024, max-peers 3, decrypt-fail-threshold 7, decrypt-fail-grace 15[0-9]+ms, outside-window-threshold 8, outside-window-grace 2s, replay-threshold 9, replay-grace 0s, aged-drop 1m, rekey-after 256'
}

set_dumped() {
	fields device '' 2=pilot0 4=65538 5=7 6=40100 7=2147483649 '8=[2001:db8::1]:9001' 9=1024 \
		10=on 11=3 12=0 13=0 15=- 21=on 22=none 23=- 24=- && [ "$(awk -F '\t' '{ print NF }' "$work/dump")" = 24 ]
}

set_back() {
	pilot set pilot0 node-id 1 network 0 listen-port 37736 fwmark off beacon off \
		replay-window 256 unauth off on-demand off max-peers 16384 decrypt-fail-threshold 5 \
		decrypt-fail-grace 3s outside-window-threshold 30 outside-window-grace 3000ms \
		replay-threshold 30 replay-grace 3 aged-drop off rekey-after 268435456 &&
		human 'node: 1 \(0:0000.0000.0001\)' && lacks "$work/human" 'limits|fwmark|beacon|unauth'
}

# There are two peers, which the kernel alone knows: nothing is changed.
all_or_nothing() {
	! pilot set pilot0 fwmark 5 listen-port 40100 max-peers 1 || return
	json 'd["fwmark"] == 0 and d["listen_port"] == 37736 and d["max_peers"] == 16384' show -j
}

try "a new device has its defaults" new_device
try "set everything" set_everything
try "show -j has it" set_as_json
try "show has it" set_shown
try "dump has it" set_dumped
try "set it back" set_back
refused 2 'not a power of two' set pilot0 fwmark 5 max-peers 2 replay-window 100
refused 1 'cannot resolve "no-such-host\.invalid"' set pilot0 beacon no-such-host.invalid:9001

# ---- peers

add_peers() {
	pilot peer add pilot0 0x10 && pilot peer add pilot0 0:0000.0000.0011 endpoint 192.0.2.1:5 \
		path relay keepalive 1m allowed-ips 10.1.0.0/16,fd00:5::/48,10.2.0.1 &&
		pilot peer add pilot0 18 endpoint '[fe80::1%e0]:6' path direct keepalive off
}

peers_as_json() {
	json 'list(peers) == [16, 17, 18] and peers[17]["endpoint"] == "192.0.2.1:5" and
		(peers[17]["path"], peers[17]["path_active"], peers[17]["keepalive"]) == ("relay", "relay", 60) and
		sorted(peers[17]["allowed_ips"]) == ["10.1.0.0/16", "10.2.0.1/32", "fd00:5::/48"] and
		peers[17]["address"] == "0:0000.0000.0011" and peers[17]["ipv6"] == "fd50:494c:4f54::11" and
		(peers[16]["endpoint"], peers[16]["path"], peers[16]["keepalive"]) == (None, "auto", 25) and
		(peers[16]["state"], peers[16]["keys"], peers[16]["last_rx_ms"]) == ("no-key", [], None) and
		peers[18]["endpoint"] == "[fe80::1%e0]:6" and peers[18]["keepalive"] == 0' show -j
}

peers_shown() {
	human 'peer: 17 \(0:0000.0000.0011\)' 'path: relay' 'keepalive: off' \
		'keepalive: after 60 seconds' 'endpoint: \(none\)' 'endpoint: \[fe80::1%e0\]:6' \
		'state: no key' 'peers: 3, 0 with a key'
}

peers_dumped() {
	fields peer 17 3=192.0.2.1:5 4=relay 5=relay 6=no-key 7=60 9=- 10=- 11=- 12=- 13=- 14=- \
		15=0 16=0 17=0 18=0 19=0 20=0 21=- 22=no && fields peer 16 3=- 4=auto 8=- && fields device '' 12=3 &&
		[ "$(awk -F '\t' '$1 == "peer" { print NF }' "$work/dump" | sort -u)" = 22 ]
}

set_peer() {
	pilot peer set pilot0 17 endpoint off path auto keepalive 7 allowed-ips +10.3.0.0/16,-10.1.0.0/16 &&
		json 'peers[17]["endpoint"] is None and peers[17]["path"] == "auto" and
			peers[17]["keepalive"] == 7 and sorted(peers[17]["allowed_ips"]) ==
			["10.2.0.1/32", "10.3.0.0/16", "fd00:5::/48"]' show -j &&
		pilot peer set pilot0 17 allowed-ips 10.4.0.0/16,::/0 &&
		json 'sorted(peers[17]["allowed_ips"]) == ["10.4.0.0/16", "::/0"]' show -j
}

prefix_moves() {
	pilot peer set pilot0 18 allowed-ips 10.4.0.0/16 &&
		json 'peers[17]["allowed_ips"] == ["::/0"] and peers[18]["allowed_ips"] == ["10.4.0.0/16"]' show -j &&
		pilot peer set pilot0 17 allowed-ips '' && json 'peers[17]["allowed_ips"] == []' show -j
}

# More than one message holds, in requests and in dumps.
many_prefixes() {
	local list
	list=$(seq 0 4999 | awk '{ printf "%s10.%d.%d.0/24", (NR > 1 ? "," : ""), int($1 / 256) + 100, $1 % 256 }')
	pilot peer set pilot0 16 allowed-ips "$list" || return
	json 'len(peers[16]["allowed_ips"]) == 5000 and list(peers) == [16, 17, 18] and
		set(peers[16]["allowed_ips"]) == {"10.%d.%d.0/24" % (i // 256 + 100, i % 256) for i in range(5000)} and
		peers[16]["keepalive"] == 25' show -j || return
	pilot show pilot0 dump >"$work/dump" && [ "$(wc -l <"$work/dump")" = 4 ] &&
		[ "$(awk -F '\t' '$2 == 16 { print $8 }' "$work/dump" | tr , '\n' | sort)" = "$(tr , '\n' <<<"$list" | sort)" ] &&
		pilot peer set pilot0 16 allowed-ips ''
}

delete_peer() {
	pilot peer del pilot0 18 && json 'list(peers) == [16, 17]' show -j
}

try "add peers" add_peers
try "show -j has them" peers_as_json
try "show has them" peers_shown
try "dump has them" peers_dumped
try "set a peer" set_peer
try "a prefix moves from peer to peer" prefix_moves
try "5000 prefixes of a peer" many_prefixes
try "delete a peer" delete_peer
refused 2 'the network is 10\.0\.0\.0/8' peer set pilot0 16 allowed-ips 10.0.0.1/8
refused 1 'of network 5, the device is in network 0' peer add pilot0 5:0005.0000.0011
refused 1 'pilot0: peer 16: there is a peer of this node id' peer add pilot0 16
refused 1 'peer\.node-id: the device.s own node id' peer add pilot0 1
refused 1 'peer 77: peer\.node-id: no such peer' peer set pilot0 77 path auto
refused 1 'peer 77: peer\.node-id: no such peer' peer del pilot0 77
refused 1 'device\.max-peers: there are more peers already' set pilot0 max-peers 1
try "all settings or none" all_or_nothing
refused 1 'device\.node-id: a peer has this node id' set pilot0 node-id 16

# ---- keys

key_forms() {
	printf '\n  %s \n' "$(base64 -d "$work/key" | od -An -v -tx1 | tr -d ' \n')" >"$work/hex"
	json 'j == {"node_id": 16, "id": 5, "slot": "current"}' key set pilot0 16 "$work/hex" id 5 -j || return
	# The same secret in another form is the same key.
	pilot key set pilot0 16 - <"$work/key" &&
		json 'len(j) == 1 and j[0]["id"] == 5 and not j[0]["authenticated"]' key show pilot0 16 -j &&
		pilot key set pilot0 16 "$work/key" authenticated &&
		json 'len(j) == 1 and j[0]["authenticated"]' key show pilot0 16 -j
}

keys_as_json() {
	pilot key new >"$work/key2" && pilot key set pilot0 17 "$work/key2" id 9 || return
	json '[(k["node_id"], k["id"], k["slot"], k["proven"]) for k in j] ==
		[(16, 5, "current", False), (17, 9, "current", False)] and
		all(k["gated"] is None and k["rx_prefix"] is None and k["age_ms"] < 60000 and
		    k["tx_counter"] == 0 and k["peer_x25519"] is None for k in j) and
		j[0]["tx_prefix"] != j[1]["tx_prefix"]' key show pilot0 -j
}

keys_shown() {
	pilot key show pilot0 17 >"$work/human" &&
		has_lines "$work/human" 'peer: 17 \(0:0000.0000.0011\)' \
			'key: id 9, current, unauthenticated, unproven' 'latest decrypt: never' &&
		lacks "$work/human" 'doubt|received|failures' &&
		human 'peers: 2, 2 with a key' 'state: unproven, unauthenticated' 'state: unproven' &&
		fields peer 17 6=unproven 9=9 10=no 21=- && fields peer 16 9=5 10=yes && fields device '' 13=2
}

others_may_read() {
	cp "$work/key" "$work/open" && chmod 644 "$work/open" &&
		pilot key set pilot0 16 "$work/open" 2>"$work/err" &&
		has_lines "$work/err" 'pilot: warning: .*/open: mode 0644 lets others read the key'
}

drop_keys() {
	pilot key del pilot0 17 id 9 && json 'j == []' key show pilot0 17 -j &&
		pilot key del pilot0 16 && json 'j == []' key show pilot0 -j && [ "$(pilot key show pilot0)" = "" ]
}

try "key set: hexadecimal, base64, stdin" key_forms
try "key show -j" keys_as_json
try "key show" keys_shown
try "a key file that others may read is named" others_may_read
echo | base64 -d >"$work/empty"
printf '%064d' 0 >"$work/zero"
refused 1 'nowhere: No such file' key set pilot0 16 "$work/nowhere"
refused 1 'empty: 0 characters that are not a key' key set pilot0 16 "$work/empty"
refused 1 'key\.secret: the key is all zero' key set pilot0 16 "$work/zero"
refused 1 'another key of this id' key set pilot0 16 "$work/key2" id 5
refused 1 'peer 77: key\.node-id: no such peer' key set pilot0 77 "$work/key"
refused 1 'peer 77: key\.node-id: no such peer' key del pilot0 77
refused 1 'key of peer 16: key\.id: that key is not installed' key del pilot0 16 id 6
refused 1 'peer 77: key\.node-id: no such peer' key show pilot0 77
refused 1 'device\.node-id: .*delete the keys first' set pilot0 node-id 9
try "key del" drop_keys

# ---- identity

identities() {
	local pub
	pub=$(pilot identity new "$work/id") && [ "$(stat -c %a "$work/id")" = 600 ] &&
		[ "$(pilot identity show "$work/id")" = "$pub" ] &&
		json "j == {'public_key': '$pub'}" identity show "$work/id" -j
}

try "identity new and show" identities
refused 1 'id: there is a file already; it is left alone' identity new "$work/id"

# ---- monitor

# Until both monitors see events, which they may not at once.
monitors_listen() {
	pilot set pilot0 fwmark off
	[ -s "$work/monitor" ] && [ -s "$work/monitor.json" ]
}

start_monitors() {
	pilot monitor >"$work/monitor" 2>&1 &
	monitor=$!
	ip link property add dev pilot0 altname overlay
	pilot monitor overlay -j >"$work/monitor.json" 2>&1 &
	monitor_json=$!
	busywait 10000 monitors_listen
}

ping_peer() {
	ping -n -q -i 0.05 -c 2 -W 2 10.9.0.2
}

things_happen() {
	pilot peer del pilot0 16 && pilot peer del pilot0 17 && ip link set pilot0 up &&
		ip addr add 10.9.0.1/24 dev pilot0 &&
		pilot peer add pilot0 2 endpoint 192.0.2.9:9 path relay allowed-ips 10.9.0.2/32 &&
		pilot peer set pilot0 2 path direct endpoint "$under4_2:37736" || return
	# Without a key: one is wanted.
	! ping -n -q -c 1 -W 1 10.9.0.2 || return
	pilot key set pilot0 2 "$work/key" id 3 authenticated && add_device "$n2" 2 &&
		add_peer "$n2" 1 $under4_1 && on "$n2" pilot key set pilot0 1 "$work/key" && ping_peer || return
	# The peer moves.
	on "$n2" pilot set pilot0 listen-port 40200 && ping_tunnel "$n2" 10.9.0.1 -c 1 &&
		on "$n2" pilot set pilot0 listen-port 37736 && ping_tunnel "$n2" 10.9.0.1 -c 1
}

# Another device, for the monitor of all. Its name must not reach the terminal.
hostile_name() {
	local esc=$'q\033[31m'
	ip link add "$esc" type pilot && pilot set "$esc" node-id 55 &&
		pilot >"$work/human" && has_lines "$work/human" 'device: q\?\[31m' 'device: pilot0' &&
		lacks "$work/human" $'\033' &&
		json 'sorted(d["ifname"] for d in j) == ["pilot0", "q?[31m"]' -j && ip link del "$esc"
}

# The events of things_happen, in the order of their causes.
monitor_text() {
	busywait 5000 grep -q -F 'q?[31m   device.changed' "$work/monitor"
	awk '
		FNR == NR { want[++n] = $0; next }
		at < n && $0 ~ want[at + 1] { at++ }
		END { if (at < n) { print "not there, or not there in this order: " want[at + 1]; exit 1 } }
	' - "$work/monitor" <<-'END' || { cat "$work/monitor"; return 1; }
		^[0-9:.]+ pilot0 +device.changed$
		^[0-9:.]+ pilot0 +peer.removed +node 16 [(]0:0000.0000.0010[)]$
		pilot0 +peer.removed +node 17
		pilot0 +peer.added +node 2 [(]0:0000.0000.0002[)]$
		pilot0 +tunnel.relay_activated +node 2 .* path relay$
		pilot0 +tunnel.path_changed +node 2 .* path direct$
		pilot0 +tunnel.need_key +node 2 .* reason no-key$
		pilot0 +tunnel.established +node 2 .* key 3 authenticated$
		pilot0 +tunnel.key_confirmed +node 2 .* key 3$
		pilot0 +tunnel.endpoint_changed +node 2 .* endpoint 10.0.1.2:40200$
		pilot0 +tunnel.endpoint_changed +node 2 .* endpoint 10.0.1.2:37736$
		q[?].31m +device.changed$
	END
}

monitor_as_json() {
	{ echo '['; paste -s -d , "$work/monitor.json"; echo ']'; } >"$work/events"
	json '[e["seq"] for e in j] == list(range(j[0]["seq"], j[0]["seq"] + len(j))) and
		all(e["ifname"] == "pilot0" and e["time"].endswith("Z") and e["ifindex"] > 0 for e in j) and
		all(any(want.items() <= e.items() for e in j) for want in (
			{"event": "peer.added", "node_id": 2, "address": "0:0000.0000.0002"},
			{"event": "tunnel.relay_activated", "path": "relay"},
			{"event": "tunnel.need_key", "reason": "no-key"},
			{"event": "tunnel.established", "key_id": 3, "authenticated": True, "rekeyed": False, "relayed": False},
			{"event": "tunnel.key_confirmed", "key_id": 3},
			{"event": "tunnel.endpoint_changed", "endpoint": "10.0.1.2:40200"})) and
		not any(e["event"].startswith(("unknown", "monitor")) for e in j)' @"$work/events"
}

monitor_ends() {
	local rc=0
	kill -INT "$monitor" && wait "$monitor" || rc=$?
	[ $rc = 0 ] || fail "exit status $rc after SIGINT" || return
	kill -TERM "$monitor_json" && wait "$monitor_json" || rc=$?
	[ $rc = 0 ] || fail "exit status $rc after SIGTERM"
}

# Events pile up while it is stopped, until the socket overflows.
monitor_tells_losses() {
	local rc=0 pid
	pilot monitor -j >"$work/monitor.json" 2>&1 &
	pid=$!
	busywait 10000 eval 'pilot set pilot0 fwmark off; [ -s "$work/monitor.json" ]' || rc=1
	kill -STOP $pid
	PYTHONPATH=$py python3 -S -c 'if True:
		import genl, struct, time
		nl, end = genl.Genl(), time.monotonic() + 300
		body = struct.pack("=BBH", nl.values["PILOT_CMD_DEVICE_SET"], 1, 0) + nl.attr("IFNAME", "pilot0") + \
			nl.nest("DEVICE", nl.u32("DEVICE_FWMARK", 0))
		request = struct.pack("=IHHII", 16 + len(body), nl.family, genl.NLM_F_REQUEST, 0, 0) + body
		def drops():
			return sum(int(line.split()[8]) for line in open("/proc/self/net/netlink") if line.split()[1] == "16")
		while not drops() and time.monotonic() < end:
			nl.sock.send(request * 200)
		' || rc=1
	kill -CONT $pid
	busywait 60000 grep -q '"event":"monitor.lost","ifname":null,"count":null' "$work/monitor.json" ||
		fail "the loss is not told: $(tail -n 3 "$work/monitor.json")" || rc=1
	# It goes on.
	pilot peer add pilot0 66
	busywait 10000 grep -q '"event":"peer.added".*"node_id":66' "$work/monitor.json" ||
		fail "nothing after the loss" || rc=1
	kill $pid && wait $pid || rc=1
	pilot peer del pilot0 66 && return $rc
}

try "start monitors" start_monitors
try "what happens" things_happen
try "a device name with an escape sequence" hostile_name
try "monitor saw it" monitor_text
try "monitor -j saw it on that device" monitor_as_json
try "monitor ends with status 0" monitor_ends
try "monitor tells losses" monitor_tells_losses

# ---- a session

session_as_json() {
	json 'peers[2]["state"] == "ready" and peers[2]["keys"][0]["proven"] and
		peers[2]["keys"][0]["rx_prefix"] is not None and peers[2]["keys"][0]["rx_counter"] > 2 and
		peers[2]["stats"]["rx_packets"] > 2 and peers[2]["last_rx_ms"] < 100000 and
		d["stats"]["tx_packets"] > 2 and d["peers_with_key"] == 1' show -j
}

session_shown() {
	human 'state: ready' 'latest decrypt: (now|.* ago)' 'key: installed .*' \
		'transfer: .* B received, .* B sent' 'allowed ips: 10.9.0.2/32' &&
		pilot key show pilot0 2 >"$work/human" &&
		has_lines "$work/human" 'key: id 3, current, authenticated, proven' \
			'received: prefix 0x[0-9a-f]{8}, counter [0-9]+, 1 prefix seen'
}

session_dumped() {
	json 'True' show -j && fields peer 2 6=ready 9=3 10=yes 14=- || return
	awk -F '\t' '$1 == "peer" && $12 != "-" && $13 != "-" && $17 > 2 && $18 >= 84 * $17 &&
		$19 > 2 && $20 >= 84 * $19 { found = 1 } END { exit !found }' "$work/dump"
}

# As the daemon does, to be the handler.
start_handler() {
	PYTHONPATH=$py python3 -S -c 'if True:
		import genl, time
		nl = genl.Genl()
		nl.request("HANDLER_REGISTER", nl.attr("IFNAME", "pilot0"))
		print("ready", flush=True)
		time.sleep(1000)' >"$work/handler" 2>&1 &
	handler=$!
	busywait 20000 grep -q ready "$work/handler" && human 'handler: netlink port [0-9]+' &&
		json 'd["handler"] > 0' show -j && fields device '' 15="$(sed -n 's/.*"handler": \(.*\),/\1/p' "$work/j")"
}

ask_rekey() {
	pilot rekey pilot0 2 && json 'peers[2]["need_key"] == "user"' show -j &&
		human 'state: ready, new key wanted \(user\)' && fields peer 2 14=user
}

# Junk in the peer's name while the peer cannot answer.
in_doubt() {
	local i
	pilot set pilot0 decrypt-fail-threshold 3 decrypt-fail-grace 0 && ip -n "$n2" link set pilot0 down || return
	for i in 1 2 3; do
		printf '50494c5300000002%024x%064x\n' "$i" "$i"
	done | on "$n2" python3 -S -E "$py/frames.py" send $under4_1 37736 || return
	busywait 3000 fields peer 2 6=in-doubt 21=decrypt-fail &&
		json 'peers[2]["state"] == "in-doubt" and peers[2]["keys"][0]["gated"] == "decrypt-fail" and
			peers[2]["stats"]["rx_decrypt_fail"] == 3' show -j &&
		human 'state: in doubt \(decrypt-fail\), new key wanted .*' 'failures: .*rx-decrypt-fail 3.*' &&
		json 'j[0]["gated"] == "decrypt-fail" and j[0]["decrypt_fails"] == 3' key show pilot0 2 -j &&
		pilot key show pilot0 2 >"$work/human" && has_lines "$work/human" 'in doubt: decrypt-fail' \
			'failures in a row: 3 decrypt, 0 outside the window, 0 replays'
}

out_of_doubt() {
	ip -n "$n2" link set pilot0 up && ping_tunnel "$n2" 10.9.0.1 -c 1 && human 'state: ready.*' &&
		json 'peers[2]["keys"][0]["gated"] is None' show -j && fields peer 2 6=ready 21=-
}

# Nothing was proven: the key that was replaced takes over when the newer goes.
earlier_key() {
	pilot key new >"$work/key.a" && pilot key new >"$work/key.b" && pilot peer add pilot0 3 &&
		pilot key set pilot0 3 "$work/key.a" id 1 && pilot key set pilot0 3 "$work/key.b" id 2 &&
		json '[(k["slot"], k["id"]) for k in j] == [("current", 2), ("earlier", 1)]' key show pilot0 3 -j &&
		pilot key del pilot0 3 id 2 &&
		json '[(k["slot"], k["id"]) for k in peers[3]["keys"]] == [("current", 1)]' show -j
}

handler_goes() {
	kill "$handler" && { wait "$handler" 2>/dev/null || busywait 5000 human 'handler: \(none\)'; }
}

full_disk() {
	pilot show "$@" >/dev/full
}

# Two events that the monitor finds at once, if it listens by then.
two_events() { # pid
	kill -STOP "$1" 2>/dev/null
	pilot set pilot0 fwmark off
	pilot set pilot0 fwmark off
	kill -CONT "$1" 2>/dev/null
}

# Ends with the first event, and says so once.
full_disk_monitor() {
	local pid rc=0
	pilot monitor "$@" >/dev/full 2>"$work/err" &
	pid=$!
	# It ends by itself; killed as soon as it says something, it may not have said all.
	busywait 10000 eval 'two_events $pid; ! kill -0 $pid 2>/dev/null' || kill $pid
	wait $pid || rc=$?
	cat "$work/err"
	[ $rc = 1 ] && [ "$(cat "$work/err")" = "pilot: cannot write to stdout: No space left on device" ]
}

try "a session: show -j" session_as_json
try "a session: show" session_shown
try "a session: dump" session_dumped
refused 1 'pilot0: peer 2: .*is pilotd running\?' rekey pilot0 2
try "with a handler" start_handler
try "rekey" ask_rekey
refused 1 'peer 77: peer\.node-id: no such peer' rekey pilot0 77
try "a key in doubt is shown" in_doubt
try "and one that is not any more" out_of_doubt
try "without a handler" handler_goes
try "an earlier key takes over when the newer goes" earlier_key
try_refused "a full disk: show" "pilot: cannot write to stdout: No space" full_disk
try_refused "a full disk: show -j" "pilot: cannot write to stdout: No space" full_disk -j
try "a full disk: monitor" full_disk_monitor
try "a full disk: monitor -j" full_disk_monitor -j
finish
