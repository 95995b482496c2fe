#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# Many peers: what an idle one costs, and that a dump shows them all.

. "$(dirname "${BASH_SOURCE[0]}")/../lib.sh"

peers=16384
# A debug kernel takes more than seven minutes for so many.
[ $slow -eq 1 ] || peers=2048
add_ns "$n1"

# Node ID and key ID of every peer a dump shows.
dump() {
	on "$n1" pilot show pilot0 dump | awk -F '\t' '$1 == "peer" { print $2, $9 }'
}

# The same of what the kernel says, once, whatever changes meanwhile: pilot asks
# again then, and drops doubles.
raw_dump() {
	PYTHONPATH=$py on "$n1" python3 -S -c 'if True:
		import genl
		nl = genl.Genl()
		for reply in nl.request("PEER_GET", nl.attr("IFNAME", "pilot0"), dump=True):
			peer = nl.get(reply, "PEER")
			key = nl.get(peer, "PEER_KEY")
			print(nl.number(peer, "PEER_NODE_ID"), key and nl.number(key, "KEY_ID"))'
}

add_peers() {
	# One more than there are to be, which dump_consistent adds.
	ip -n "$n1" link add pilot0 type pilot && on "$n1" pilot set pilot0 node-id 1 max-peers $((peers + 1)) &&
		on "$n1" python3 "$py/scale.py" pilot0 2 $peers >"$work/scale"
}

# The figure that Documentation/design.rst reports.
memory_bound() {
	local bytes
	bytes=$(sed 's/.*bytes_per_peer=//' "$work/scale")
	[ "$bytes" -gt 500 ] && [ "$bytes" -lt 4096 ]
}

dump_complete() {
	dump | awk '$2 > 0 { n++ } END { exit n != '$peers' }'
}

# Peers come and go during the dumps; those that stay are in each one, once.
dump_consistent() {
	local i how rc=0
	: >"$work/changes"
	rm -f "$work/enough"
	while [ ! -e "$work/enough" ]; do
		on "$n1" pilot peer add pilot0 100000 && on "$n1" pilot peer del pilot0 100000 && echo >>"$work/changes"
	done &
	local pid=$!
	for ((i = 1; i <= 6 || (i <= 40 && $(wc -l <"$work/changes") < 6); i++)); do
		how=dump
		[ $((i % 2)) = 0 ] || how=raw_dump
		$how | awk '$1 < 100000' | sort >"$work/dump$i"
		[ "$(wc -l <"$work/dump$i")" = $peers ] && cmp "$work/dump1" "$work/dump$i" ||
			fail "$how $i: $(wc -l <"$work/dump$i") peers" || rc=1
	done
	touch "$work/enough"
	wait $pid
	busywait 5000 eval '! on "$n1" pilot peer del pilot0 100000'
	echo "$(wc -l <"$work/changes") changes"
	[ "$(wc -l <"$work/changes")" -ge 6 ] || fail "nothing changed meanwhile" || rc=1
	return $rc
}

# With --icount it takes 1.1 s of guest time; plain emulation runs as slow as the
# machine is busy.
fast_enough() {
	[ "$(sed 's/ms=\([0-9]*\).*/\1/' "$work/scale")" -lt $((15000 * slow)) ]
}

limit() {
	on "$n1" pilot set pilot0 max-peers $peers && on "$n1" pilot peer add pilot0 100000
}

# Wherever a message of the dump ends, no prefix is lost.
dump_boundaries() {
	ip -n "$n1" link add pilot1 type pilot && PYTHONPATH=$py on "$n1" python3 -S -c 'if True:
		import genl, random, struct
		nl = genl.Genl()
		dev = nl.attr("IFNAME", "pilot1")
		random.seed(1)
		want = {i: random.randint(1, 20) for i in range(2, 4002)}
		for i, n in want.items():
			nl.request("PEER_NEW", dev, nl.nest("PEER", nl.u32("PEER_NODE_ID", i), *(
				nl.nest("PEER_ALLOWED_IP",
					nl.attr("ALLOWED_IP_IPV6", b"\x20\x01" + struct.pack(">QIH", 0, i, k)),
					nl.u8("ALLOWED_IP_PREFIX", 128)) for k in range(n))))
		got = dict.fromkeys(want, 0)
		for reply in nl.request("PEER_GET", dev, dump=True):
			peer = nl.get(reply, "PEER")
			got[nl.number(peer, "PEER_NODE_ID")] += len(nl.all(peer, "PEER_ALLOWED_IP"))
		bad = {i: (got[i], want[i]) for i in want if got[i] != want[i]}
		if bad:
			raise SystemExit("(got, want) by peer: %s" % bad)'
	local rc=$?
	ip -n "$n1" link del pilot1
	return $rc
}
try "add $peers peers with keys" add_peers
diag "$(cat "$work/scale")"
if [ -e /sys/kernel/debug/kmemleak ]; then
	skip "an idle peer with a key costs less than 4 KiB" "a debug kernel adds to each allocation"
else
	try "an idle peer with a key costs less than 4 KiB" memory_bound
fi
try "they are installed in less than 15 s" fast_enough
try "a dump shows them all" dump_complete
try "dumps while the set changes" dump_consistent
try "no prefix is lost where messages of a dump end" dump_boundaries
try_refused "more than max-peers" "max-peers" limit
try "delete the device" ip -n "$n1" link del pilot0
finish
