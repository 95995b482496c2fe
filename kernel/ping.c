// SPDX-License-Identifier: GPL-2.0
/*
 * Control packets to port 0 (protocol.rst, section 1): pings are answered here,
 * whether a daemon runs or not; path probes are pings from port 0.
 */
#include <linux/crc32.h>
#include <linux/rhashtable.h>

#include "aead.h"
#include "device.h"
#include "peer.h"
#include "ping.h"
#include "send.h"
#include "socket.h"

/*
 * What the reference puts into its path probes: control packets to port 0
 * without payload it swallows, whatever their destination.
 */
static const char probe_text[] = "pathprobe.v1";

#define PROBE_LEN	(sizeof(probe_text) - 1)

/* Checksum of a packet as it is to be, whatever its field holds. */
static u32 checksum(const struct pilot_inner *h, unsigned int len)
{
	struct pilot_inner zeroed = *h;
	u32 crc;

	zeroed.crc = 0;
	crc = crc32_le(~0, (u8 *)&zeroed, sizeof(zeroed));
	return ~crc32_le(crc, (u8 *)(h + 1), len);
}

/*
 * Sends the answer the way the ping came: who tries a path learns about that
 * one, and not about the one in use.
 */
static void answer(struct pilot_peer *peer, const struct pilot_inner *ping,
		   bool relayed)
{
	unsigned int len = be16_to_cpu(ping->len);
	struct pilot_inner *h;
	struct sk_buff *skb;

	/* a relayed one has room for more than may be sent */
	if (sizeof(*h) + len > PILOT_MAX_MTU)
		return;
	skb = pilot_control_alloc(sizeof(*h) + len);
	if (!skb)
		return;
	h = skb_put_zero(skb, sizeof(*h));
	h->ver_flags = PILOT_INNER_VERSION << 4 | PILOT_INNER_F_ACK;
	h->proto = PILOT_PROTO_CONTROL;
	h->len = ping->len;
	h->src_net = ping->dst_net;
	h->src = ping->dst;
	h->dst_net = ping->src_net;
	h->dst = ping->src;
	h->dport = ping->sport;
	h->ack = cpu_to_be32(be32_to_cpu(ping->seq) + 1);
	skb_put_data(skb, ping + 1, len);
	h->crc = cpu_to_be32(checksum(h, len));
	pilot_control_send(peer, rcu_dereference(peer->keys[PILOT_SLOT_CURRENT]),
			   pilot_control_way(peer, NULL, relayed), relayed, skb);
}

/**
 * pilot_ping_receive() - takes a control packet to port 0
 * @peer: sender, and the source the packet names
 * @h: packet, whole, with its payload behind it
 * @relayed: it came through the beacon
 *
 * Context: bottom halves off, RCU read side, pilot_aead_usable().
 *
 * Return: what it counts as; 0 if it is for the device's users.
 */
enum pilot_stats_attr pilot_ping_receive(struct pilot_peer *peer,
					 const struct pilot_inner *h,
					 bool relayed)
{
	struct pilot_device *pd = peer->pd;

	if (be32_to_cpu(h->dst) != READ_ONCE(pd->node_id))
		return 0;
	if (be32_to_cpu(h->crc) != checksum(h, be16_to_cpu(h->len)))
		return PILOT_A_STATS_RX_MALFORMED;
	/* the answer to a probe; else two ends would go on for ever */
	if (h->ver_flags & PILOT_INNER_F_ACK)
		return PILOT_A_STATS_RX_KEEPALIVE;
	if (!pilot_ratelimit_often(&pd->limit, &peer->ping_bucket))
		return PILOT_A_STATS_RX_PING_LIMITED;
	answer(peer, h, relayed);
	/* who probes wants a sign of life and no more */
	return h->sport ? PILOT_A_STATS_RX_PING : PILOT_A_STATS_RX_KEEPALIVE;
}

static struct sk_buff *make_probe(const struct pilot_peer *peer)
{
	struct sk_buff *skb = pilot_control_alloc(sizeof(struct pilot_inner) +
						  PROBE_LEN);
	struct pilot_device *pd = peer->pd;
	struct pilot_inner *h;

	if (!skb)
		return NULL;
	h = skb_put_zero(skb, sizeof(*h));
	h->ver_flags = PILOT_INNER_VERSION << 4;
	h->proto = PILOT_PROTO_CONTROL;
	h->len = cpu_to_be16(PROBE_LEN);
	h->src_net = cpu_to_be16(READ_ONCE(pd->network));
	h->src = cpu_to_be32(READ_ONCE(pd->node_id));
	h->dst_net = h->src_net;
	h->dst = cpu_to_be32(peer->node_id);
	skb_put_data(skb, probe_text, PROBE_LEN);
	h->crc = cpu_to_be32(checksum(h, PROBE_LEN));
	return skb;
}

/**
 * pilot_ping_key() - sends a probe under a key, by the path in use
 * @peer: receiver
 * @key: key to seal it under
 *
 * It proves to the peer that we have the key, and asks for the same: both packets
 * name their receivers.
 *
 * Context: bottom halves off, RCU read side, pilot_aead_usable().
 */
void pilot_ping_key(struct pilot_peer *peer, struct pilot_key *key)
{
	bool relay = READ_ONCE(peer->path_active) == PILOT_PATH_RELAY;
	struct sk_buff *skb = make_probe(peer);

	if (skb && !pilot_control_send(peer, key,
				       pilot_control_way(peer, NULL, relay),
				       relay, skb))
		pilot_count(peer->pd, peer, PILOT_A_STATS_TX_KEEPALIVE);
}

/**
 * pilot_ping_probe() - sends a path probe under the current key
 * @peer: receiver
 * @ep: straight there; NULL: to its endpoint
 * @relay: through the beacon instead
 *
 * The path in use stays what it is. Peers that are alive answer.
 *
 * Context: process. Return: 0, -ENOKEY without a key that may seal,
 * -EDESTADDRREQ, -ENETDOWN, -EBUSY, -ENOMEM, or an error of
 * pilot_socket_route().
 */
int pilot_ping_probe(struct pilot_peer *peer, struct pilot_endpoint *ep,
		     bool relay)
{
	struct sk_buff *skb = make_probe(peer);
	int err = -EBUSY;

	if (!skb)
		return -ENOMEM;
	local_bh_disable();
	rcu_read_lock();
	if (pilot_aead_usable()) {
		err = pilot_control_send(peer, rcu_dereference(peer->keys[PILOT_SLOT_CURRENT]),
					 pilot_control_way(peer, ep, relay), relay, skb);
		if (!err)
			pilot_count(peer->pd, peer,
				    PILOT_A_STATS_TX_KEEPALIVE);
	} else {
		kfree_skb(skb);
	}
	rcu_read_unlock();
	local_bh_enable();
	return err;
}
