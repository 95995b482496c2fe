// SPDX-License-Identifier: GPL-2.0
/*
 * The way in: from a datagram to its peer, opened, checked, up the stack.
 */
#include <linux/ip.h>
#include <linux/ipv6.h>
#include <linux/rhashtable.h>
#include <linux/udp.h>
#include <net/inet_ecn.h>

#include "aead.h"
#include "compat.h"
#include "device.h"
#include "map.h"
#include "netlink.h"
#include "peer.h"
#include "receive.h"
#include "send.h"
#include "socket.h"
#include "store.h"
#include "trace.h"

/**
 * struct pilot_rx_cb - what is known of a datagram, in skb->cb
 * @offset: of the frame from skb->data, which is at the UDP header
 * @relayed: it came through the beacon
 * @ds: outer traffic class
 */
struct pilot_rx_cb {
	u16 offset;
	bool relayed;
	u8 ds;
};

static struct pilot_rx_cb *rx_cb(struct sk_buff *skb)
{
	BUILD_BUG_ON(sizeof(struct pilot_rx_cb) > sizeof(skb->cb));
	return (struct pilot_rx_cb *)skb->cb;
}

/* Counts why and lets go; the kernel's own drop reasons where they fit. */
static void drop(struct pilot_device *pd, struct pilot_peer *peer,
		 struct sk_buff *skb, enum pilot_stats_attr why)
{
	enum skb_drop_reason reason = SKB_DROP_REASON_NOT_SPECIFIED;

	pilot_count(pd, peer, why);
	switch (why) {
	case PILOT_A_STATS_RX_KEEPALIVE:
		consume_skb(skb);
		return;
	case PILOT_A_STATS_RX_NOMEM:
		reason = SKB_DROP_REASON_NOMEM;
		break;
	case PILOT_A_STATS_RX_SHORT:
		reason = SKB_DROP_REASON_PKT_TOO_SMALL;
		break;
	case PILOT_A_STATS_RX_UNKNOWN:
		reason = SKB_DROP_REASON_UNHANDLED_PROTO;
		break;
	default:
		break;
	}
	kfree_skb_reason(skb, reason);
}

/*
 * Tries the keys a frame may have been sealed with. Opening destroys the text
 * when the key is the wrong one, so all tries but the last work on a copy.
 * Returns the key, with *pskb the opened frame; NULL if none opens it.
 */
static struct pilot_key *open_frame(struct pilot_peer *peer,
				    struct sk_buff **pskb, unsigned int off)
{
	struct pilot_pils *h = (struct pilot_pils *)((*pskb)->data + off);
	unsigned int len = (*pskb)->len - off - PILOT_PILS_HLEN;
	struct pilot_key *cand[PILOT_SLOTS];
	unsigned int i, n;

	n = pilot_key_candidates(peer, h->prefix, cand);
	for (i = 0; i + 1 < n; i++) {
		struct sk_buff *copy = skb_copy(*pskb, GFP_ATOMIC);

		if (!copy)
			return NULL;
		if (!pilot_aead_open(cand[i]->tfm, copy->data + off, len)) {
			consume_skb(*pskb);
			*pskb = copy;
			return cand[i];
		}
		kfree_skb(copy);
	}
	if (n && !pilot_aead_open(cand[i]->tfm, (*pskb)->data + off, len))
		return cand[i];
	if (n)
		pilot_key_failed(peer, cand[0], PILOT_GATE_DECRYPT_FAIL);
	return NULL;
}

/* The peer sends nothing but a sign of life: swallow it. */
static bool is_keepalive(const struct pilot_inner *h, u32 sender)
{
	return h->ver_flags == PILOT_INNER_VERSION << 4 &&
	       h->proto == PILOT_PROTO_CONTROL && !h->len && !h->dport &&
	       !h->dst && (!h->src || h->src == cpu_to_be32(sender));
}

/*
 * What is in an opened frame: trims it to the stated length, sets the
 * protocol. Returns the counter of what is wrong, or 0.
 */
static int classify(struct pilot_peer *peer, struct sk_buff *skb)
{
	struct pilot_device *pd = peer->pd;
	const struct pilot_inner *pi;
	const struct ipv6hdr *ip6;
	const struct iphdr *ip4;
	unsigned int len;
	u32 node;

	switch (skb->data[0] >> 4) {
	case PILOT_INNER_VERSION:
		pi = (struct pilot_inner *)skb->data;
		if (skb->len < PILOT_INNER_HLEN)
			return PILOT_A_STATS_RX_MALFORMED;
		len = PILOT_INNER_HLEN + be16_to_cpu(pi->len);
		if (skb->len < len)
			return PILOT_A_STATS_RX_MALFORMED;
		if (is_keepalive(pi, peer->node_id))
			return PILOT_A_STATS_RX_KEEPALIVE;
		if (be32_to_cpu(pi->src) != peer->node_id)
			return PILOT_A_STATS_RX_SPOOFED;
		skb->protocol = htons(PILOT_ETH_P);
		break;
	case 4:
		ip4 = (struct iphdr *)skb->data;
		if (skb->len < sizeof(*ip4))
			return PILOT_A_STATS_RX_MALFORMED;
		len = be16_to_cpu(ip4->tot_len);
		if (ip4->ihl < 5 || len < ip4->ihl * 4 || skb->len < len)
			return PILOT_A_STATS_RX_MALFORMED;
		if (pilot_allowedips_find4(&pd->allowedips, ip4->saddr) != peer)
			return PILOT_A_STATS_RX_SPOOFED;
		skb->protocol = htons(ETH_P_IP);
		break;
	case 6:
		ip6 = (struct ipv6hdr *)skb->data;
		if (skb->len < sizeof(*ip6))
			return PILOT_A_STATS_RX_MALFORMED;
		len = sizeof(*ip6) + be16_to_cpu(ip6->payload_len);
		if (skb->len < len)
			return PILOT_A_STATS_RX_MALFORMED;
		/* a mapped address is its node's, whatever allowed-ips say */
		node = pilot_map_to_node(&ip6->saddr, READ_ONCE(pd->network));
		if (node ? node != peer->node_id :
		    pilot_allowedips_find6(&pd->allowedips, &ip6->saddr) != peer)
			return PILOT_A_STATS_RX_SPOOFED;
		skb->protocol = htons(ETH_P_IPV6);
		break;
	default:
		return PILOT_A_STATS_RX_MALFORMED;
	}
	return pskb_trim(skb, len) ? PILOT_A_STATS_RX_NOMEM : 0;
}

/* Hands an opened frame up; skb->data is at the plaintext. */
static void deliver(struct pilot_peer *peer, struct sk_buff *skb, u8 ds)
{
	struct pilot_device *pd = peer->pd;
	unsigned int len = skb->len;
	int why;

	if (!len) {
		drop(pd, peer, skb, PILOT_A_STATS_RX_KEEPALIVE);
		return;
	}
	why = classify(peer, skb);
	if (unlikely(why)) {
		if (why == PILOT_A_STATS_RX_SPOOFED)
			pilot_peer_note(peer, PILOT_EVENT_SRC_SPOOFED);
		if (why == PILOT_A_STATS_RX_KEEPALIVE)
			pilot_send_answer(peer);
		else
			DEV_STATS_INC(pd->dev, rx_errors);
		drop(pd, peer, skb, why);
		return;
	}
	len = skb->len;
	__skb_tunnel_rx(skb, pd->dev, READ_ONCE(pd->link_net));
	skb_clear_hash(skb);
	skb_reset_mac_header(skb);
	skb_reset_network_header(skb);
	skb_reset_transport_header(skb);
	skb->encapsulation = 0;
	skb->pkt_type = PACKET_HOST;
	/* the peer is authenticated, and what it computed is under the tag */
	skb->ip_summed = CHECKSUM_UNNECESSARY;
	skb->csum_level = ~0;
	if (skb->protocol == htons(ETH_P_IP) ?
	    INET_ECN_decapsulate(skb, ds, ip_hdr(skb)->tos) > 1 :
	    skb->protocol == htons(ETH_P_IPV6) &&
	    INET_ECN_decapsulate(skb, ds, ipv6_get_dsfield(ipv6_hdr(skb))) > 1) {
		DEV_STATS_INC(pd->dev, rx_errors);
		drop(pd, peer, skb, PILOT_A_STATS_RX_MALFORMED);
		return;
	}
	pilot_count_rx(peer, len);
	dev_sw_netstats_rx_add(pd->dev, len);
	gro_cells_receive(&pd->gro_cells, skb);
}

/* An authenticated frame that is not new. Returns what it counts as. */
static int refused(struct pilot_peer *peer, struct pilot_key *key,
		   enum pilot_verdict verdict)
{
	switch (verdict) {
	case PILOT_RX_REPLAY:
		pilot_key_failed(peer, key, PILOT_GATE_REPLAY);
		pilot_peer_note(peer, PILOT_EVENT_NONCE_REPLAY);
		return PILOT_A_STATS_RX_REPLAY;
	case PILOT_RX_OUTSIDE:
		pilot_key_failed(peer, key, PILOT_GATE_OUTSIDE_WINDOW);
		return PILOT_A_STATS_RX_OUTSIDE_WINDOW;
	case PILOT_RX_EPOCHS:
		pilot_key_overflow(peer, key);
		return PILOT_A_STATS_RX_STALE;
	default:
		return PILOT_A_STATS_RX_STALE;
	}
}

/**
 * pilot_receive_data() - opens a PILS frame and delivers what is in it
 * @pd: device
 * @skb: datagram from its UDP header on, its skb->cb filled in; consumed
 *
 * Context: bottom halves off, RCU read side, pilot_aead_usable().
 */
void pilot_receive_data(struct pilot_device *pd, struct sk_buff *skb)
{
	struct pilot_rx_cb cb = *rx_cb(skb);
	enum pilot_verdict verdict;
	struct pilot_peer *peer;
	struct pilot_pils *h;
	struct pilot_key *key;
	bool newest;

	/*
	 * Opened in place: the whole frame must be contiguous, and nobody
	 * else's. Linearising also gets rid of fragments shared with others.
	 */
	if (skb_linearize(skb) ||
	    (skb_cloned(skb) && pskb_expand_head(skb, 0, 0, GFP_ATOMIC))) {
		drop(pd, NULL, skb, PILOT_A_STATS_RX_NOMEM);
		return;
	}
	h = (struct pilot_pils *)(skb->data + cb.offset);
	peer = pilot_peer_find(pd, be32_to_cpu(h->sender));
	if (unlikely(!peer)) {
		drop(pd, NULL, skb, PILOT_A_STATS_RX_UNKNOWN_PEER);
		return;
	}
	key = open_frame(peer, &skb, cb.offset);
	if (unlikely(!key)) {
		if (rcu_access_pointer(peer->keys[PILOT_SLOT_CURRENT])) {
			drop(pd, peer, skb, PILOT_A_STATS_RX_DECRYPT_FAIL);
		} else {
			pilot_peer_need_key(peer, PILOT_REASON_NO_KEY);
			drop(pd, peer, skb, PILOT_A_STATS_RX_NO_KEY);
		}
		return;
	}
	h = (struct pilot_pils *)(skb->data + cb.offset);
	verdict = pilot_key_commit(key, h->prefix, be64_to_cpu(h->counter),
				   &newest);
	trace_pilot_rx(peer, key, be32_to_cpu(h->prefix),
		       be64_to_cpu(h->counter), skb->len - cb.offset, verdict);
	if (unlikely(verdict != PILOT_RX_ACCEPT)) {
		drop(pd, peer, skb, refused(peer, key, verdict));
		return;
	}
	pilot_key_opened(peer, key, h->prefix);
	if (likely(!cb.relayed && newest) &&
	    key == rcu_access_pointer(peer->keys[PILOT_SLOT_CURRENT]))
		pilot_endpoint_learn(peer, skb);

	__skb_pull(skb, cb.offset + PILOT_PILS_HLEN);
	skb_trim(skb, skb->len - PILOT_TAG_LEN);
	deliver(peer, skb, cb.ds);
}

/*
 * Whether a handshake frame may cost a wake-up (S7). A peer is known by the
 * address it has, or by being one if the beacon relays the frame.
 */
static bool may_pass(struct pilot_device *pd, const union pilot_sockaddr *from,
		     bool relayed, u32 sender)
{
	struct pilot_peer *peer = pilot_peer_find(pd, sender);
	struct pilot_endpoint *ep = peer ? rcu_dereference(peer->endpoint) :
					   NULL;

	if (peer && (relayed || (ep && pilot_endpoint_is(ep, from))))
		return pilot_ratelimit_known(&pd->limit,
					     &peer->buckets[relayed]);
	if (relayed)
		return pilot_ratelimit_stranger(&pd->limit, &sender,
						sizeof(sender));
	if (from->addr.sa_family == AF_INET)
		return pilot_ratelimit_stranger(&pd->limit,
						&from->addr4.sin_addr,
						sizeof(from->addr4.sin_addr));
	/* whoever has one IPv6 address has all of its /64 */
	return pilot_ratelimit_stranger(&pd->limit, &from->addr6.sin6_addr, 8);
}

/* A PILA or PILK frame, or a message of the beacon. */
static void to_handler(struct pilot_device *pd, struct sk_buff *skb,
		       const union pilot_sockaddr *from, u32 sender,
		       unsigned int len)
{
	struct pilot_rx_cb *cb = rx_cb(skb);
	bool beacon = skb->data[cb->offset] < PILOT_BEACON_LIMIT;

	if (skb->len < cb->offset + len) {
		drop(pd, NULL, skb, PILOT_A_STATS_RX_SHORT);
	} else if (!pskb_may_pull(skb, cb->offset + len)) {
		drop(pd, NULL, skb, PILOT_A_STATS_RX_NOMEM);
	} else if (beacon ? !pilot_ratelimit_known(&pd->limit,
						   &pd->beacon_bucket) :
			    !may_pass(pd, from, cb->relayed, sender)) {
		drop(pd, NULL, skb, PILOT_A_STATS_RX_HANDSHAKE_LIMITED);
	} else if (pilot_nl_frame_up(pd, sender, from, cb->relayed,
				     skb->data + cb->offset, len)) {
		drop(pd, NULL, skb, PILOT_A_STATS_RX_NO_HANDLER);
	} else {
		pilot_count(pd, NULL, PILOT_A_STATS_RX_HANDSHAKE);
		consume_skb(skb);
	}
}

/* A tunnel frame; relayed ones name their sender twice. */
static void receive_frame(struct pilot_device *pd, struct sk_buff *skb,
			  const union pilot_sockaddr *from, u32 outer_sender)
{
	struct pilot_rx_cb *cb = rx_cb(skb);
	unsigned int len = skb->len - cb->offset;
	u32 magic, sender = 0;
	u8 *h;

	if (len < PILOT_MAGIC_LEN) {
		drop(pd, NULL, skb, PILOT_A_STATS_RX_SHORT);
		return;
	}
	if (!pskb_may_pull(skb, cb->offset +
			   min_t(unsigned int, len, PILOT_PILS_HLEN))) {
		drop(pd, NULL, skb, PILOT_A_STATS_RX_NOMEM);
		return;
	}
	h = skb->data + cb->offset;
	magic = get_unaligned_be32(h);
	if (len >= 2 * sizeof(u32))
		sender = get_unaligned_be32(h + sizeof(u32));
	if (cb->relayed && sender != outer_sender) {
		drop(pd, NULL, skb, PILOT_A_STATS_RX_BEACON_SPOOFED);
		return;
	}

	switch (magic) {
	case PILOT_MAGIC_PILS:
		if (unlikely(len < PILOT_PILS_MIN))
			drop(pd, NULL, skb, PILOT_A_STATS_RX_SHORT);
		else if (!pilot_device_must_defer(&pd->deferred_rx,
						  pilot_aead_usable()))
			pilot_receive_data(pd, skb);
		else if (!pilot_device_defer(pd, &pd->deferred_rx, skb))
			pilot_count(pd, NULL, PILOT_A_STATS_RX_NOMEM);
		break;
	case PILOT_MAGIC_PILA:
		to_handler(pd, skb, from, sender, PILOT_PILA_LEN);
		break;
	case PILOT_MAGIC_PILK:
		to_handler(pd, skb, from, sender, PILOT_PILK_LEN);
		break;
	case PILOT_MAGIC_PILP:
		drop(pd, NULL, skb, PILOT_A_STATS_RX_PUNCH);
		break;
	case PILOT_MAGIC_PILT:
		drop(pd, NULL, skb, PILOT_A_STATS_RX_PLAINTEXT);
		break;
	default:
		drop(pd, NULL, skb, PILOT_A_STATS_RX_UNKNOWN);
	}
}

/* A message that only the beacon may send (S5). */
static void receive_beacon(struct pilot_device *pd, struct sk_buff *skb,
			   const union pilot_sockaddr *from)
{
	struct pilot_endpoint *beacon = rcu_dereference(pd->beacon);
	struct pilot_rx_cb *cb = rx_cb(skb);
	u8 *h = skb->data + cb->offset;

	if (!beacon || !pilot_endpoint_is(beacon, from)) {
		drop(pd, NULL, skb, PILOT_A_STATS_RX_BEACON_SPOOFED);
		return;
	}
	switch (h[0]) {
	case PILOT_BEACON_RELAY_DELIVER:
		if (!pskb_may_pull(skb, cb->offset + PILOT_DELIVER_HLEN)) {
			drop(pd, NULL, skb, PILOT_A_STATS_RX_SHORT);
			return;
		}
		h = skb->data + cb->offset;
		cb->offset += PILOT_DELIVER_HLEN;
		cb->relayed = true;
		receive_frame(pd, skb, from, get_unaligned_be32(h + 1));
		break;
	case PILOT_BEACON_DISCOVER_REPLY:
	case PILOT_BEACON_PUNCH_COMMAND:
		/* the first four bytes are there, the IP length is the second */
		to_handler(pd, skb, from, 0, 2 + (h[1] == 16 ? 16 : 4) + 2);
		break;
	default:
		drop(pd, NULL, skb, PILOT_A_STATS_RX_UNKNOWN);
	}
}

/**
 * pilot_receive() - a datagram came in on a tunnel socket
 * @pd: device
 * @skb: datagram from its UDP header on; consumed
 *
 * Context: softirq, RCU read side.
 */
void pilot_receive(struct pilot_device *pd, struct sk_buff *skb)
{
	struct pilot_rx_cb *cb = rx_cb(skb);
	union pilot_sockaddr from;

	if (unlikely(pilot_skb_source(skb, &from) ||
		     !pskb_may_pull(skb, sizeof(struct udphdr) +
					 PILOT_MAGIC_LEN))) {
		drop(pd, NULL, skb, PILOT_A_STATS_RX_SHORT);
		return;
	}
	cb->offset = sizeof(struct udphdr);
	cb->relayed = false;
	cb->ds = ip_hdr(skb)->version == 4 ? ip_hdr(skb)->tos :
					     ipv6_get_dsfield(ipv6_hdr(skb));
	if (unlikely(skb->data[cb->offset] < PILOT_BEACON_LIMIT))
		receive_beacon(pd, skb, &from);
	else
		receive_frame(pd, skb, &from, 0);
}
