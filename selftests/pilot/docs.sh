#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# The documents are right: their commands do what they say, on two machines
# with the addresses of the documents, and their configurations have no mistake.
# selftests/docs/blocks.py finds them, and tells how each is to be tried. DOCS=PATTERN:
# only the documents with such a name.

. "$(dirname "${BASH_SOURCE[0]}")/../lib.sh"

command -v pilotd >/dev/null || missing "the program pilotd is missing"
setup_routed
address=([1]=192.0.2.1 [2]=198.51.100.2)
gateway=([1]=192.0.2.254 [2]=198.51.100.254)
for i in 1 2; do
	ns=n$i
	ip -n "${!ns}" addr add ${address[i]}/24 dev e0
	ip -n "$r" addr add ${gateway[i]}/24 dev e$i
	ip -n "${!ns}" route replace default via ${gateway[i]}
done
# The superuser needs no leave.
mkdir "$work/bin"
printf '#!/bin/sh\nexec "$@"\n' >"$work/bin/sudo"
chmod -R 755 "$work" "$work/bin"
export PATH=$PATH:$work/bin

# ---- two machines: namespaces with files and processes of their own

export HOME=/root
machine=() disturbed='' tunnel=''
boot() { # node
	local ns=n$1 pid
	# shellcheck disable=SC2016
	nsenter --net="/run/netns/${!ns}" unshare --mount --uts --pid --fork --mount-proc bash -c '
		echo node$0 >/proc/sys/kernel/hostname
		mkdir -p /etc/pilot /var/lib/pilot
		for d in /etc/pilot /var/lib/pilot /run/netns /root; do
			mount -t tmpfs -o mode=755 tmpfs $d || exit
		done
		>/root/up
		exec 2>/dev/null # it would tell of each sleep that is killed
		while :; do sleep 1000 & wait; done' "$1" &
	pid=$!
	busywait 10000 pgrep -P $pid >/dev/null || return
	machine[$1]=$(pgrep -P $pid)
	busywait 10000 at "$1" test -e /root/up
}

at() { # node command...
	local pid=${machine[$1]}
	shift
	nsenter -t "$pid" --net --mount --uts --pid -- "$@"
}

put() { # node path
	# shellcheck disable=SC2016
	at "$1" sh -c 'cat >"$0"' "$2"
}

# Both machines forget everything, and find the files of $work/FILES$i in /etc/pilot.
fresh() { # files
	local rc=0 pid
	tunnel=
	forget 1 "$1" &
	pid=$!
	forget 2 "$1" || rc=1
	wait $pid || rc=1
	case $disturbed in
	firewall) on "$r" nft flush ruleset ;;
	route) ip -n "$n1" route del 198.51.100.2 ;;
	esac
	disturbed=
	echo 0 >/sys/kernel/tracing/events/enable
	return $rc
}

forget() { # node files
	local ns=n$1 dev
	# shellcheck disable=SC2016
	at "$1" sh -c 'kill -KILL -1
		for f in /run/netns/*; do [ ! -e "$f" ] || umount -q "$f"; done
		rm -rf /root/* /var/lib/pilot/* /etc/pilot/* /run/netns/*; cp "$0"/* /etc/pilot/' "$work/$2$1" || return
	while IFS=': @' read -r _ dev _; do
		ip -n "${!ns}" link del "$dev"
	done < <(ip -n "${!ns}" -o link show type pilot)
}

make_files() {
	local i
	mkdir "$work"/{none,files}{1,2} || return
	touch "$work"/none{1,2}/empty
	for i in 1 2; do
		pilot identity new "$work/files$i/identity" >"$work/public$i" || return
	done
	for i in 1 2; do
		printf '%s\n' "1 $(<"$work/public1") 192.0.2.1:37736" "2 $(<"$work/public2") 198.51.100.2:37736" \
			>"$work/files$i/registry"
		cat >"$work/files$i/pilotd.conf" <<-END
			[tunnel]
			device = pilot0
			node-id = $i
			listen-port = 37736
			identity = /etc/pilot/identity

			[registry]
			type = file
			path = /etc/pilot/registry

			[peer $((3 - i))]
			allowed-ips = 10.$((3 - i)).0.0/16
		END
	done
}

serve() { # node
	at "$1" pilotd --config /etc/pilot/pilotd.conf
}

answers() { # node other
	at "$1" ping -n -q -c 1 -W 1 "$(map6 "$2")" >/dev/null
}

# ---- scenarios: what is there before the commands

given_nothing() {
	fresh none
}

given_a_configuration() {
	fresh files
}

# One that is still there from the block before will do.
given_a_tunnel() {
	local pid
	[ -z "$tunnel" ] || ! answers 1 2 || return 0
	fresh files || return
	serve 1 &
	pid=$!
	serve 2 && wait $pid && busywait 20000 answers 1 2 && tunnel=1
}

given_a_broken_configuration() {
	given_a_configuration && at 1 sed -i 's/^listen-port.*/listen-port = 377360/' /etc/pilot/pilotd.conf
}

given_a_port_that_is_taken() {
	given_a_configuration && at 1 sh -c 'ip link add pilot1 type pilot &&
		pilot set pilot1 node-id 9 listen-port 37736 && ip link set pilot1 up'
}

given_a_firewall_in_the_way() {
	given_a_configuration || return
	disturbed=firewall
	on "$r" nft add table ip wall && on "$r" nft add chain ip wall forward '{ type filter hook forward priority 0; }' &&
		on "$r" nft add rule ip wall forward udp dport 37736 drop && serve 1
}

given_another_public_key_in_the_registry() {
	given_a_configuration && at 2 sed -i "s|^1 [^ ]*|1 $(<"$work/public2")|" /etc/pilot/registry && serve 1
}

given_a_tunnel_without_a_daemon() {
	given_a_tunnel && at 1 pkill -x pilotd
	tunnel=
	busywait 5000 no_handler
}

no_handler() {
	! device_value "$n1" handler >/dev/null
}

given_a_registry_that_is_down() {
	given_a_configuration && at 1 sed -i -e 's/^type.*/type = tcp/' -e 's/^path.*/address = 192.0.2.254/' \
		/etc/pilot/pilotd.conf && serve 1
}

# Through a route, which the sender's own addresses have nothing to do with.
given_a_source_that_is_not_the_senders() {
	given_a_tunnel && ip -n "$n1" addr add 10.77.0.1/32 dev lo && ip -n "$n2" addr add 10.2.0.1/32 dev lo || return
	at 1 ping -q -c 2 -i 0.2 -W 1 -I 10.77.0.1 10.2.0.1
	ip -n "$n1" addr del 10.77.0.1/32 dev lo && ip -n "$n2" addr del 10.2.0.1/32 dev lo
}

given_a_narrow_path() {
	given_a_tunnel || return
	tunnel='' disturbed=route
	ip -n "$n1" route replace 198.51.100.2 via 192.0.2.254 mtu 1400
}

given_junk_in_the_name_of_node_2() {
	given_a_tunnel || return
	echo "50494c53000000020000000000000000000000ff$(head -c 60 /dev/urandom | od -An -v -tx1 | tr -d ' \n')" >"$work/junk"
	on "$r" python3 -S -E "$py/attack.py" replay 198.51.100.2 37736 192.0.2.1 "$work/junk" 20 40
}

# ---- trying blocks

# 1 and 2 exchanged, as "and the mirror image on the other" means.
mirror() {
	sed -E 's/192\.0\.2\.1/@A/g; s/198\.51\.100\.2/192.0.2.1/g; s/@A/198.51.100.2/g
		s/(node-id |pilot0 |::)1\b/\1@2/g; s/(node-id |pilot0 |::)2\b/\11/g; s/@2/2/g'
}

commands() { # block given nodes options
	local b=$1 given=$2 nodes=$3 list i option how=() mirrored='' copies='' shows='' python='' file rc=0
	local pids=() shown=()
	[ "$nodes" != both ] || nodes="node1 node2"
	IFS=, read -ra list <<<"$4"
	for option in "${list[@]# }"; do
		case $option in
		fails|interrupted) how+=("$option") ;;
		mirrored) mirrored=1 ;;
		python) python=1 ;;
		copies\ *) copies=${option#copies } ;;
		shows\ *) shows=${option#shows } ;;
		esac
	done
	if [ -n "$given" ]; then
		given=${given//[^a-z0-9 ]/}
		"given_${given// /_}" || fail "not given: $given" || return
	fi
	for i in ${nodes//node/}; do
		file=$b/commands
		[ -z "$mirrored" ] || [ $i = 1 ] || { file=$work/mirrored; mirror <"$b/commands" >"$file"; }
		if [ -n "$python" ]; then
			at $i env PYTHONPATH="$py" python3 - <"$b/body" &
		else
			at $i "$top/selftests/docs/session" "$file" "${how[@]}" &
		fi >"$work/shown$i" 2>&1
		pids+=($!) shown+=("$work/shown$i")
	done
	for i in "${pids[@]}"; do
		wait $i || rc=1
	done
	cat "${shown[@]}" >"$work/shown"
	cat "$work/shown"
	[ -z "$shows" ] || was_shown "$shows" || fail "does not show $shows" || rc=1
	[ -z "$copies" ] || { at 1 cat "/root/$copies" | put 2 "/root/$copies"; } || rc=1
	return $rc
}

# Other than in what was typed.
was_shown() { # regex
	local line
	while IFS= read -r line; do
		[[ $line == '+ '* || ! $line =~ $1 ]] || return 0
	done <"$work/shown"
	return 1
}

# A key that is to be filled in is that of the machine's identity.
file() { # block path nodes own
	local n i text own
	text=$(<"$1/body")
	for i in 1 2; do
		[[ $text != *PUBLIC-KEY-OF-NODE-$i* ]] ||
			text=${text/PUBLIC-KEY-OF-NODE-$i/"$(at $i pilot identity show /etc/pilot/identity)"}
	done
	for n in ${3/both/node1 node2}; do
		i=${n#node}
		own=$text
		[ -z "$4" ] || own=${text/node-id = 1/node-id = $i}
		put $i "$2" <<<"$own" || return
	done
}

# What is shown without its [tunnel] is to be added to one.
configuration() { # block
	{
		grep -q -x -F '[tunnel]' "$1/body" || at 1 cat /etc/pilot/pilotd.conf
		cat "$1/body"
	} | put 1 /etc/pilot/tried.conf && at 1 pilotd --check --config /etc/pilot/tried.conf
}

registry() { # block
	put 1 /etc/pilot/registry <"$1/body" && at 1 pilotd --check --config /etc/pilot/pilotd.conf
}

python3 "$top/selftests/docs/blocks.py" "$work" && make_files && boot 1 && boot 2 || exit
document=''
for b in "$work"/[0-9]*; do
	mark='' first=''
	read -r where <"$b/where"
	read -r mark <"$b/mark"
	read -r first <"$b/commands"
	# shellcheck disable=SC2053
	[[ ${where%:*} == ${DOCS:-*} ]] || continue
	name="$where: $first"
	if [ -s "$b/problem" ]; then
		try "$name" eval 'cat "$b/problem"; false'
		continue
	fi
	case $mark in
	given\ *) ;;
	on\ *|file\ *|configuration|registry)
		# Each document begins anew.
		[ "${where%:*}" = "$document" ] || given_a_configuration || fail "no machines" ;;
	*) continue ;; # for selftests/unit/test_docs.py
	esac
	document=${where%:*}
	if [[ $mark =~ ^(given\ ([^,]+),\ )?on\ (node1|node2|both)(.*)$ ]]; then
		try "$name" commands "$b" "${BASH_REMATCH[2]}" "${BASH_REMATCH[3]}" "${BASH_REMATCH[4]}"
	elif [[ $mark =~ ^file\ ([^ ]+)\ on\ ([a-z0-9]+)(.*)$ ]]; then
		try "$where: ${BASH_REMATCH[1]}" file "$b" "${BASH_REMATCH[1]}" "${BASH_REMATCH[2]}" "${BASH_REMATCH[3]}"
	else
		try "$where: $mark" "$mark" "$b"
	fi
done
[ $tests -gt 0 ] || not_ok "the documents have something to try"
finish
