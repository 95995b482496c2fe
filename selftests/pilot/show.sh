#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# What pilot prints for programs, and pilot top, against the kernel: the rest is
# in selftests/unit/test_show.py, whose judges are used here.

. "$(dirname "${BASH_SOURCE[0]}")/../lib.sh"

python3 -c 'import jsonschema, prometheus_client' 2>/dev/null ||
	missing "python3-jsonschema or python3-prometheus-client is missing"

# One process for all judgements: it takes long to start under emulation. A
# request is "DEFINITION FILE" for JSON, "lines DEFINITION FILE", "metrics FILE".
coproc judge { exec python3 -u -c 'if True:
	import json, sys
	sys.path.insert(0, sys.argv[1])
	import test_show
	for request in sys.stdin:
		words = request.split()
		try:
			with open(words[-1]) as f:
				text = f.read()
			if words[0] == "metrics":
				problems = test_show.lint_metrics(text)
			elif words[0] == "lines":
				values = [json.loads(line) for line in text.splitlines()]
				problems = [] if values else ["nothing"]
				for v in values:
					problems += test_show.unlike_schema(words[1], v)
			else:
				problems = test_show.unlike_schema(words[0], json.loads(text))
		except Exception as e:
			problems = [repr(e)]
		print("yes" if not problems else " ".join("; ".join(problems).split()))' "$top/selftests/unit"; }

judged() { # request...
	local answer
	echo "$*" >&"${judge[1]}"
	read -r answer <&"${judge[0]}"
	[ "$answer" = yes ] || fail "$*: ${answer:0:2000}"
}

# What pilot prints on node 1 is as the schema says.
as_schema() { # definition arguments of pilot...
	local definition=$1
	shift
	on "$n1" pilot "$@" >"$work/j" || fail "exit status $?" || return
	judged "$definition" "$work/j"
}

# ---- JSON

no_devices() {
	as_schema show show -j && [ "$(tr -d ' \n' <"$work/j")" = "[]" ]
}

new_device() {
	ip -n "$n1" link add pilot0 type pilot && as_schema show show -j && ip -n "$n1" link del pilot0
}

start_monitor() {
	spawn "$n1" pilot monitor -j >"$work/events" 2>&1 &
	monitor=$!
	busywait 10000 eval 'on "$n1" pilot set pilot0 fwmark off; [ -s "$work/events" ]'
}

# A handler that tells of a registry, in words that need quoting.
start_handler() {
	PYTHONPATH=$py spawn "$n1" python3 -S -c 'if True:
		import genl, time
		nl = genl.Genl()
		dev = nl.attr("IFNAME", "pilot0")
		nl.request("HANDLER_REGISTER", dev)
		nl.request("DEVICE_SET", dev, nl.nest("DEVICE", nl.nest("DEVICE_STATUS",
			nl.u8("STATUS_REGISTRY", nl.values["PILOT_REGISTRY_DOWN"]),
			nl.attr("STATUS_REGISTRY_ADDRESS", "registry.example:9000"),
			nl.attr("STATUS_REGISTRY_ERROR", "it said \"no\" \\ nothing"),
			nl.nest("STATUS_REFLEXIVE", nl.attr("ENDPOINT_IPV4", bytes([198, 51, 100, 1])),
				nl.be16("ENDPOINT_PORT", 4000)))))
		print("ready", flush=True)
		time.sleep(1000)' >"$work/handler" 2>&1 &
	handler=$!
	busywait 20000 grep -q ready "$work/handler" || { cat "$work/handler"; return 1; }
}

things_happen() {
	start_monitor && start_handler && setup_pair_tunnel && ping_tunnel "$n1" 10.9.0.2 &&
		on "$n1" pilot peer add pilot0 77 allowed-ips 10.77.0.0/16,fd77::/64 path relay &&
		on "$n1" pilot peer add pilot0 78 endpoint '[2001:db8::1]:5' &&
		on "$n1" pilot peer del pilot0 78 && on "$n1" pilot rekey pilot0 2 || return
	# A peer without a key: one is wanted, and the packet waits.
	on "$n1" ping -n -c 1 -W 1 10.77.0.1
	on "$n2" pilot set pilot0 listen-port 40200 && ping_tunnel "$n2" 10.9.0.1 -c 1
}

# The device is there already: a handler needs one.
setup_pair_tunnel() {
	new_key "$work/key" && add_device "$n2" 2 && add_peer "$n1" 2 "$under4_2" &&
		add_peer "$n2" 1 "$under4_1" && on "$n2" pilot key set pilot0 1 "$work/key" &&
		as_schema key_set key set pilot0 2 "$work/key" id 5 -j
}

monitor_as_schema() {
	busywait 5000 grep -q '"tunnel.endpoint_changed".*:40200"' "$work/events"
	kill $monitor
	wait $monitor
	judged lines monitor "$work/events" || return
	local event
	for event in peer.added peer.removed tunnel.established tunnel.need_key tunnel.endpoint_changed \
		registry.changed; do
		grep -q "\"event\":\"$event\"" "$work/events" || fail "no $event in $(<"$work/events")" || return
	done
}

ping_as_schema() {
	as_schema ping ping -j -c 2 -i 0.1 pilot0 2 && grep -q '"received": 2' "$work/j" || return
	on "$n1" pilot ping -j -c 1 -W 0.2 pilot0 77 >"$work/j"
	[ $? = 1 ] && judged ping "$work/j" && grep -q '"rtt_ms": null' "$work/j"
}

# ---- metrics

metrics() {
	on "$n1" pilot show --prometheus >"$work/metrics" && judged metrics "$work/metrics"
}

metric() { # name with labels, as a regular expression
	sed -n -E "s/^$1 (.*)/\\1/p" "$work/metrics"
}

metrics_are_right() {
	local was now
	metrics && was=$(metric 'pilot_peer_receive_packets_total\{device="pilot0",node="2"\}') &&
		ping_tunnel "$n1" 10.9.0.2 -c 10 && metrics &&
		now=$(metric 'pilot_peer_receive_packets_total\{device="pilot0",node="2"\}') || return
	[ $((now - was)) = 10 ] || fail "received went from $was to $now" || return
	[ "$(metric 'pilot_device_receive_packets_total\{device="pilot0"\}')" = "$now" ] &&
		[ "$(metric 'pilot_device_peers\{device="pilot0",state="ready"\}')" = 1 ] &&
		[ "$(metric 'pilot_device_handler_registered\{device="pilot0"\}')" = 1 ] &&
		[ "$(metric 'pilot_device_registry_state\{device="pilot0",state="down"\}')" = 1 ] &&
		[ "$(metric 'pilot_peer_queued_packets\{device="pilot0",node="77"\}')" = 1 ] || {
		cat "$work/metrics"
		return 1
	}
	grep -F 'error="it said \"no\" \\ nothing"' "$work/metrics" || return
	# The key was installed, and the peer heard, within this test.
	local t
	for t in pilot_peer_key_timestamp_seconds pilot_peer_last_receive_timestamp_seconds; do
		metric "$t\\{device=\"pilot0\",node=\"2\"\\}" |
			awk -v now="$(date +%s)" '{ ok = $1 <= now + 1 && $1 > now - 300 } END { exit !ok }' ||
			fail "$t" || return
	done
}

# What the timer runs, with its directory replaced.
textfile() {
	local unit=$top/packaging/prometheus/pilot-metrics.service command dir=$work/collector
	command=$(sed -n "s/^ExecStart=\\/bin\\/sh -ec '\\(.*\\)'\$/\\1/p" "$unit")
	[[ $command == *prometheus* ]] || fail "no command in the unit" || return
	mkdir -p "$dir"
	command=${command//\/usr\/local\/sbin\//}
	(cd "$dir" && on "$n1" sh -ec "$command") && judged metrics "$dir/pilot.prom" &&
		[ "$(ls "$dir")" = pilot.prom ] || fail "files: $(ls "$dir")" || return
	# It fails: what was there stays as it was.
	cp "$dir/pilot.prom" "$work/before"
	! (cd "$dir" && on "$n1" setpriv --bounding-set -net_admin sh -ec "$command") &&
		cmp "$work/before" "$dir/pilot.prom"
}

# ---- pilot top

top_rates() {
	local pid was
	was=$(peer_value "$n1" 2 rx_packets) || return
	spawn "$n1" ping -n -q -i 0.01 -s 1000 -w 100 10.9.0.2 >/dev/null &
	pid=$!
	busywait 10000 peer_stat_grew "$n1" 2 rx_packets "$was" +20 2>/dev/null || fail "no traffic"
	on "$n1" pilot top -b -n 3 -d 1s pilot0 >"$work/top"
	kill $pid
	cat "$work/top"
	# Answers to 100 packets of 1028 bytes a second at most.
	awk '$1 == 2 && $2 == "pilot0" && $3 == "ready" { n++; if ($6 > 20 && $6 <= 110 && $9 == 0) good++ }
		END { exit !(n == 3 && good >= 2) }' "$work/top" && as_schema top top -b -j -n 1 -d 200ms &&
		on "$n1" pilot top -b -n 1 -d 100ms -s node -r | awk '$2 == "pilot0" { s = s $1 " " } END { exit s != "77 2 " }'
}

device_vanishes() {
	local pid
	spawn "$n1" pilot top -b -n 6 -d $((600 * slow))ms pilot0 >"$work/top" 2>&1 &
	pid=$!
	busywait 10000 grep -q '^pilot top' "$work/top"
	ip -n "$n1" link del pilot0 && busywait 5000 grep -q 'pilot0: no such device now' "$work/top" || return
	ip -n "$n1" link add pilot0 type pilot && on "$n1" pilot set pilot0 node-id 1 && wait $pid || fail "exit status $?" || return
	[ "$(grep -c '^pilot top' "$work/top")" = 6 ] || fail "$(<"$work/top")"
}

many_peers() {
	PYTHONPATH=$py on "$n1" python3 -S -c 'if True:
		import genl
		nl = genl.Genl()
		dev = nl.attr("IFNAME", "pilot0")
		for node in range(100, 1124):
			nl.request("PEER_NEW", dev, nl.nest("PEER", nl.u32("PEER_NODE_ID", node)))' &&
		on "$n1" pilot top -b -n 1 -d 100ms pilot0 >"$work/top" &&
		[ "$(grep -c ' pilot0  no key' "$work/top")" = 1024 ] && head -n 2 "$work/top" &&
		metrics && [ "$(metric 'pilot_device_peers\{device="pilot0",state="no-key"\}')" = 1024 ]
}

# ---- completion

completes() {
	local got
	got=$(on "$n1" bash --norc -c '. "$1"
		compopt() { :; }
		COMP_WORDS=(pilot peer del "") COMP_CWORD=3 && _pilot && echo "${COMPREPLY[@]}"
		COMP_WORDS=(pilot peer del pilot0 7) COMP_CWORD=4 && _pilot && echo "${COMPREPLY[@]}"' \
		bash "$top/userspace/completion/pilot.bash")
	[ "$got" = $'pilot0\n77' ] || fail "$got"
}

setup_pair
try "show -j: no devices" no_devices
try "show -j: a new device" new_device
add_device "$n1" 1 || exit 1
try "things happen" things_happen
try "monitor -j: the schema" monitor_as_schema
try "show -j: the schema" as_schema show show -j
try "key show -j: the schema" as_schema key_show key show pilot0 -j
try "key new -j: the schema" as_schema key_new key new -j
try "identity new -j: the schema" as_schema identity identity new "$work/id" -j
try "ping -j: the schema" ping_as_schema
try "metrics: the rules" metrics
try "metrics: they are right" metrics_are_right
try "metrics: a file for the collector, old or new but whole" textfile
try "top: rates" top_rates
try "completion of devices and peers" completes
try "top: a device that vanishes and comes back" device_vanishes
try "top and metrics: 1024 peers" many_peers
finish
