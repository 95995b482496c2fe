# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash
#
# One function up_NAME per tunnel that the benchmark knows, and down_NAME where
# something is left that the end of the namespaces does not end. rekey_NAME measures
# UDP while keys are replaced, where that can be asked for. Sourced by
# "guest", which has made namespaces A (10.0.0.1) and B (10.0.0.2), joined by the
# veth devices va and vb. Afterwards 10.9.0.2 is reached from 10.9.0.1. All have
# an MTU of 1440 inside.

mtu=1440
A="ip -n A" B="ip -n B"
mac_a=02:00:00:00:00:0a mac_b=02:00:00:00:00:0b
gcm_key=0x000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1fa0a1a2a3
macsec_a=000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f
macsec_b=202122232425262728292a2b2c2d2e2f303132333435363738393a3b3c3d3e3f

inner() { # device in A, device in B
	$A link set "$1" mtu $mtu up && $B link set "$2" mtu $mtu up &&
		$A addr add 10.9.0.1/24 dev "$1" && $B addr add 10.9.0.2/24 dev "$2"
}

end_background() {
	# shellcheck disable=SC2086
	[ -z "$background" ] || kill $background
	background=
}

# Of tunnels that carry Ethernet: no ARP during a measurement.
neighbours() { # device in A, device in B
	$A neigh replace 10.9.0.2 dev "$1" lladdr $mac_b nud permanent &&
		$B neigh replace 10.9.0.1 dev "$2" lladdr $mac_a nud permanent
}

up_veth() {
	$A link set va mtu $mtu && $B link set vb mtu $mtu &&
		$A addr add 10.9.0.1/24 dev va && $B addr add 10.9.0.2/24 dev vb && neighbours va vb
}

up_vxlan() {
	$A link add x0 address $mac_a type vxlan id 5 local 10.0.0.1 remote 10.0.0.2 dstport 4789 noudpcsum &&
		$B link add x0 address $mac_b type vxlan id 5 local 10.0.0.2 remote 10.0.0.1 dstport 4789 noudpcsum &&
		inner x0 x0 && neighbours x0 x0
}

nulltun() { # 1 to seal, 0 not to
	echo "$1" >/sys/module/nulltun/parameters/seal
	$A link add x0 address 0a:00:00:01 broadcast 0a:00:00:02 type nulltun &&
		$B link add x0 address 0a:00:00:02 broadcast 0a:00:00:01 type nulltun && inner x0 x0
}
up_nulltun() { nulltun 0; }
up_nulltun_gcm() { nulltun 1; }

pilot_node() { # namespace, node, peer
	local key=/tmp/pilot.key
	(umask 077 && printf '%32s' k | base64 >$key)
	ip -n "$1" link add pilot0 type pilot &&
		on "$1" pilot set pilot0 node-id "$2" listen-port 37736 &&
		on "$1" pilot peer add pilot0 "$3" endpoint "10.0.0.$3:37736" allowed-ips "10.9.0.$3/32" &&
		on "$1" pilot key set pilot0 "$3" $key
}
up_pilot() {
	pilot_node A 1 2 && pilot_node B 2 1 && inner pilot0 pilot0
}

# Handing over new keys, not agreeing on them: that is the daemon's.
rekey_pilot() {
	# shellcheck disable=SC2154
	coproc "$built/rekey" pilot0 A 1 B 2 &&
		"$load" rekey A B "$target" 1400 3200 3<&"${COPROC[0]}" 4>&"${COPROC[1]}"
}

# The same with 16384 peers at both ends. To each a frame is sent at first, which
# asks it to prove its key.
up_pilot_16384() {
	pilot_node A 1 2 && pilot_node B 2 1 && inner pilot0 pilot0 &&
		on A "$built/peers" pilot0 100 16383 && on B "$built/peers" pilot0 100 16383 &&
		[ "$(on A pilot show pilot0 dump | grep -c ^peer)" = 16384 ] &&
		[ "$(on B pilot show pilot0 dump | grep -c ^peer)" = 16384 ] && sleep 60
}

wireguard() { # namespace, own number, the other's
	local i
	for i in 1 2; do
		(umask 077 && printf '%32s' $i | base64 >/tmp/wg.$i)
	done
	ip -n "$1" link add x0 type wireguard &&
		on "$1" wg set x0 listen-port 51820 private-key /tmp/wg."$2" \
			peer "$(wg pubkey </tmp/wg."$3")" allowed-ips 10.9.0.0/24 endpoint "10.0.0.$3:51820"
}
up_wireguard() { wireguard A 1 2 && wireguard B 2 1 && inner x0 x0; }

esp_states() { # mode, more of "ip xfrm state add"
	local mode=$1 n
	shift
	for n in A B; do
		ip -n $n xfrm state add src 10.0.0.1 dst 10.0.0.2 proto esp spi 0x101 reqid 1 mode "$mode" \
			replay-window 64 aead 'rfc4106(gcm(aes))' $gcm_key 128 "$@" &&
			ip -n $n xfrm state add src 10.0.0.2 dst 10.0.0.1 proto esp spi 0x102 reqid 1 mode "$mode" \
				replay-window 64 aead 'rfc4106(gcm(aes))' $gcm_key 128 "$@" || return
	done
}

esp_policies() { # mode, address of A, address of B
	local n out=out in=in
	for n in A B; do
		ip -n $n xfrm policy add src "$2" dst "$3" dir $out priority 2 \
			tmpl src 10.0.0.1 dst 10.0.0.2 proto esp reqid 1 mode "$1" &&
			ip -n $n xfrm policy add src "$3" dst "$2" dir $in priority 2 \
				tmpl src 10.0.0.2 dst 10.0.0.1 proto esp reqid 1 mode "$1" || return
		out=in in=out
	done
}

background=
esp_encap=(encap espinudp 4500 4500 0.0.0.0)
esp_sockets() {
	"$load" encap A 4500 &
	"$load" encap B 4500 &
	background=$(jobs -p)
	sleep 1
}

# Transport mode protects all between two addresses, and lets its own packets by.
up_esp_udp_transport() {
	esp_states transport "${esp_encap[@]}" && esp_policies transport 10.0.0.1 10.0.0.2 &&
		$A xfrm policy add src 10.0.0.2 dst 10.0.0.1 proto 17 dport 4500 dir in priority 1 &&
		$B xfrm policy add src 10.0.0.1 dst 10.0.0.2 proto 17 dport 4500 dir in priority 1 &&
		esp_sockets && target=10.0.0.2
}
down_esp_udp_transport() { end_background; }

esp_tunnel() {
	$A addr add 10.9.0.1/32 dev lo && $B addr add 10.9.0.2/32 dev lo &&
		$A route add 10.9.0.2 dev va via 10.0.0.2 src 10.9.0.1 mtu $mtu &&
		$B route add 10.9.0.1 dev vb via 10.0.0.1 src 10.9.0.2 mtu $mtu &&
		esp_policies tunnel 10.9.0.1 10.9.0.2
}
up_esp_tunnel() { esp_states tunnel && esp_tunnel; }
up_esp_udp_tunnel() { esp_states tunnel "${esp_encap[@]}" && esp_tunnel && esp_sockets; }
down_esp_udp_tunnel() { end_background; }

up_esp_udp_xfrmi() {
	local n out='src 10.0.0.1 dst 10.0.0.2' in='src 10.0.0.2 dst 10.0.0.1' t
	esp_states tunnel "${esp_encap[@]}" if_id 9 && esp_sockets || return
	for n in A B; do
		# shellcheck disable=SC2086
		ip -n $n link add x0 type xfrm if_id 9 &&
			ip -n $n xfrm policy add dir out tmpl $out proto esp reqid 1 mode tunnel if_id 9 &&
			ip -n $n xfrm policy add dir in tmpl $in proto esp reqid 1 mode tunnel if_id 9 || return
		t=$out out=$in in=$t
	done
	inner x0 x0
}
down_esp_udp_xfrmi() { end_background; }

macsec() { # ip, own key id and key, the other's key id, key and MAC address
	$1 macsec add x0 tx sa 0 pn 1 on key "$2" "$3" &&
		$1 macsec add x0 rx port 1 address "$6" &&
		$1 macsec add x0 rx port 1 address "$6" sa 0 pn 1 on key "$4" "$5"
}
up_macsec() {
	$A link add link va x0 type macsec cipher gcm-aes-256 encrypt on &&
		$B link add link vb x0 type macsec cipher gcm-aes-256 encrypt on &&
		macsec "$A" 01 $macsec_a 02 $macsec_b $mac_b &&
		macsec "$B" 02 $macsec_b 01 $macsec_a $mac_a && inner x0 x0 && neighbours x0 x0
}

up_ovpn() {
	$A link add x0 type ovpn && $B link add x0 type ovpn && inner x0 x0 || return
	on A "$built/ovpn" x0 1194 10.0.0.2 1 &
	on B "$built/ovpn" x0 1194 10.0.0.1 2 &
	background=$(jobs -p)
	sleep 1
}
down_ovpn() { end_background; }
