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
#include "merge.h"
#include "netlink.h"
#include "path.h"
#include "peer.h"
#include "ping.h"
#include "receive.h"
#include "room.h"
#include "send.h"
#include "socket.h"
#include "store.h"
#include "trace.h"

/* Frames up to this length get an skb: smaller than what a fragment costs. */
#define COPY_MAX	256

/* Frames of a batch that are opened before they are committed under one lock. */
#define ROUND		16

/**
 * struct pilot_frame - one frame on its way in
 * @skb: linear, @data somewhere in it; or NULL: it lies in a page
 * @page: the page, with a reference; NULL with @skb, and when the frame went up
 * @off: offset of the frame in @page
 * @len: its length
 * @data: the frame, contiguous and private
 * @peer: sender, once it is opened
 * @key: key that opened it
 * @relayed: it came through the beacon
 * @newest: it is the newest frame of the newest epoch
 * @verdict: of the replay window, &enum pilot_verdict
 */
struct pilot_frame {
	struct sk_buff *skb;
	struct page *page;
	unsigned int off;
	unsigned int len;
	u8 *data;
	struct pilot_peer *peer;
	struct pilot_key *key;
	bool relayed;
	bool newest;
	u8 verdict;
};

/**
 * struct pilot_rx - what came from a socket at once
 * @pd: device
 * @skb: one datagram, or several of one length (gso_size, the last may be
 *	shorter); its headers tell where from
 * @taken: a frame goes on in @skb itself
 * @ds: outer traffic class
 * @peer: sender of the last frame that was opened
 * @key: its key
 * @prefix: its nonce prefix
 * @packets: of @counted, delivered but not counted yet
 * @bytes: theirs
 * @counted: a peer
 */
struct pilot_rx {
	struct pilot_device *pd;
	struct sk_buff *skb;
	bool taken;
	u8 ds;
	struct pilot_peer *peer;
	struct pilot_key *key;
	__be32 prefix;
	unsigned int packets;
	unsigned int bytes;
	struct pilot_peer *counted;
};

/* Counts why and lets go; the kernel's own drop reasons where they fit. */
static void drop(struct pilot_device *pd, struct pilot_peer *peer,
		 struct sk_buff *skb, enum pilot_stats_attr why)
{
	enum skb_drop_reason reason = SKB_DROP_REASON_NOT_SPECIFIED;

	pilot_count(pd, peer, why);
	switch (why) {
	case PILOT_A_STATS_RX_KEEPALIVE:
	case PILOT_A_STATS_RX_HANDSHAKE:
	case PILOT_A_STATS_RX_PING:
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
	/* a frame in a page has no skb that could be dropped */
	if (skb)
		kfree_skb_reason(skb, reason);
}

/*
 * Tries the keys a frame may have been sealed with. Opening destroys the text
 * when the key is the wrong one, so all tries but the last work on a copy.
 * Returns the key; NULL if none opens it, ERR_PTR without memory for the copy.
 */
static struct pilot_key *open_frame(struct pilot_rx *rx, struct pilot_frame *f)
{
	__be32 prefix = ((struct pilot_pils *)f->data)->prefix;
	unsigned int len = f->len - PILOT_PILS_HLEN;
	struct pilot_key *cand[PILOT_SLOTS];
	unsigned int i, n = 1;

	/* most often it is as the one before */
	if (rx->peer == f->peer && rx->prefix == prefix)
		cand[0] = rx->key;
	else
		n = pilot_key_candidates(f->peer, prefix, cand);
	for (i = 0; i + 1 < n; i++) {
		u8 *copy = kmemdup(f->data, f->len, GFP_ATOMIC);

		if (!copy)
			return ERR_PTR(-ENOMEM);
		if (!pilot_aead_open(cand[i]->tfm, copy, len)) {
			memcpy(f->data, copy, f->len);
			kfree_sensitive(copy);
			return cand[i];
		}
		kfree(copy);
	}
	if (n && !pilot_aead_open(cand[i]->tfm, f->data, len))
		return cand[i];
	if (n)
		pilot_key_failed(f->peer, cand[0], PILOT_GATE_DECRYPT_FAIL);
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
 * What is in an opened frame: sets the protocol, and *len to the stated
 * length. Returns the counter of what is wrong, or 0.
 */
static int classify(struct pilot_peer *peer, const u8 *text, unsigned int *len,
		    bool relayed, __be16 *protocol)
{
	struct pilot_device *pd = peer->pd;
	const struct pilot_inner *pi;
	const struct ipv6hdr *ip6;
	const struct iphdr *ip4;
	unsigned int room = *len;
	u32 node;

	if (!room)
		return PILOT_A_STATS_RX_KEEPALIVE;
	switch (text[0] >> 4) {
	case PILOT_INNER_VERSION:
		pi = (struct pilot_inner *)text;
		if (room < PILOT_INNER_HLEN)
			return PILOT_A_STATS_RX_MALFORMED;
		*len = PILOT_INNER_HLEN + be16_to_cpu(pi->len);
		if (room < *len)
			return PILOT_A_STATS_RX_MALFORMED;
		if (is_keepalive(pi, peer->node_id)) {
			pilot_send_answer(peer, relayed);
			return PILOT_A_STATS_RX_KEEPALIVE;
		}
		if (be32_to_cpu(pi->src) != peer->node_id)
			return PILOT_A_STATS_RX_SPOOFED;
		*protocol = htons(PILOT_ETH_P);
		if (pi->proto == PILOT_PROTO_CONTROL && !pi->dport)
			return pilot_ping_receive(peer, pi, relayed);
		return 0;
	case 4:
		ip4 = (struct iphdr *)text;
		if (room < sizeof(*ip4))
			return PILOT_A_STATS_RX_MALFORMED;
		*len = be16_to_cpu(ip4->tot_len);
		if (ip4->ihl < 5 || *len < ip4->ihl * 4 || room < *len)
			return PILOT_A_STATS_RX_MALFORMED;
		if (!pilot_allowedips_owns4(&pd->allowedips, peer, ip4->saddr))
			return PILOT_A_STATS_RX_SPOOFED;
		*protocol = htons(ETH_P_IP);
		return 0;
	case 6:
		ip6 = (struct ipv6hdr *)text;
		if (room < sizeof(*ip6))
			return PILOT_A_STATS_RX_MALFORMED;
		*len = sizeof(*ip6) + be16_to_cpu(ip6->payload_len);
		if (room < *len)
			return PILOT_A_STATS_RX_MALFORMED;
		/* a mapped address is its node's, whatever allowed-ips say */
		node = pilot_map_to_node(&ip6->saddr, READ_ONCE(pd->network));
		if (node ? node != peer->node_id :
		    pilot_allowedips_find6(&pd->allowedips, &ip6->saddr) != peer)
			return PILOT_A_STATS_RX_SPOOFED;
		*protocol = htons(ETH_P_IPV6);
		return 0;
	default:
		return PILOT_A_STATS_RX_MALFORMED;
	}
}

/* RFC 6040: congestion met on the way counts for the inner packet. */
static bool ecn_is_lost(struct sk_buff *skb, u8 ds)
{
	if (skb->protocol == htons(ETH_P_IP))
		return !pskb_may_pull(skb, sizeof(struct iphdr)) ||
		       INET_ECN_decapsulate(skb, ds, ip_hdr(skb)->tos) > 1;
	if (skb->protocol == htons(ETH_P_IPV6))
		return !pskb_may_pull(skb, sizeof(struct ipv6hdr)) ||
		       INET_ECN_decapsulate(skb, ds,
					    ipv6_get_dsfield(ipv6_hdr(skb))) > 1;
	return false;
}

/*
 * Whether GRO could add something to the packet. Only to TCP: UDP sockets want
 * their datagrams merged only now and then, and what can be merged of those
 * has been.
 */
static bool wants_gro(const struct sk_buff *skb)
{
	if (skb->dev->features & (NETIF_F_GRO_UDP_FWD | NETIF_F_GRO_FRAGLIST))
		return true;
	if (skb->protocol == htons(ETH_P_IP))
		return ip_hdr(skb)->protocol == IPPROTO_TCP;
	return skb->protocol == htons(ETH_P_IPV6) &&
	       ipv6_hdr(skb)->nexthdr == IPPROTO_TCP;
}

/* A tunnel in a tunnel goes the long way, so that the stack does not pile up. */
static DEFINE_PER_CPU(bool, handing_up);

/* Hands a packet up; skb->data is at its network header, which is linear. */
static void hand_up(struct pilot_rx *rx, struct sk_buff *skb, __be16 protocol)
{
	struct net_device *dev = rx->pd->dev;

	skb->dev = dev;
	skb->protocol = protocol;
	skb->pkt_type = PACKET_HOST;
	skb_reset_mac_header(skb);
	skb_reset_network_header(skb);
	skb_reset_transport_header(skb);
	/* the peer is authenticated, and what it computed is under the tag */
	if (skb->ip_summed != CHECKSUM_PARTIAL) {
		skb->ip_summed = CHECKSUM_UNNECESSARY;
		skb->csum_level = ~0;
	}
	if (unlikely(INET_ECN_is_ce(rx->ds)) && ecn_is_lost(skb, rx->ds)) {
		DEV_STATS_INC(dev, rx_errors);
		drop(rx->pd, NULL, skb, PILOT_A_STATS_RX_MALFORMED);
		return;
	}
	if (wants_gro(skb)) {
		gro_cells_receive(&rx->pd->gro_cells, skb);
	} else if (unlikely(__this_cpu_read(handing_up))) {
		netif_rx(skb);
	} else {
		__this_cpu_write(handing_up, true);
		netif_receive_skb(skb);
		__this_cpu_write(handing_up, false);
	}
}

/* A packet in an skb of its own. */
static void deliver_skb(struct pilot_rx *rx, struct sk_buff *skb,
			const u8 *text, unsigned int len, __be16 protocol)
{
	__skb_pull(skb, text - skb->data);
	skb_trim(skb, len);
	if (skb == rx->skb) {
		skb_scrub_packet(skb, true);
		skb_init_secmark(skb);
		skb_clear_hash(skb);
		skb->priority = 0;
		skb_set_queue_mapping(skb, 0);
		skb->encapsulation = 0;
		/* the checksum that was to be filled in is the outer one */
		skb->ip_summed = CHECKSUM_NONE;
	}
	hand_up(rx, skb, protocol);
}

static void deliver_merged(struct pilot_rx *rx, struct pilot_merge *m)
{
	if (m && m->skb) {
		__be16 protocol = m->skb->data[0] >> 4 == 4 ? htons(ETH_P_IP) :
				  m->skb->data[0] >> 4 == 6 ? htons(ETH_P_IPV6) :
							      htons(PILOT_ETH_P);

		hand_up(rx, pilot_merge_end(m), protocol);
	}
}

static void count_delivered(struct pilot_rx *rx)
{
	if (rx->packets)
		pilot_count_rx(rx->counted, rx->packets, rx->bytes);
	rx->packets = 0;
	rx->bytes = 0;
}

/* Delivers the text of an opened and committed frame. */
static void deliver(struct pilot_rx *rx, struct pilot_frame *f,
		    struct pilot_merge *m)
{
	unsigned int len = f->len - PILOT_PILS_MIN;
	u8 *text = f->data + PILOT_PILS_HLEN;
	struct pilot_device *pd = rx->pd;
	struct pilot_peer *peer = f->peer;
	__be16 protocol;
	int why;

	/* what follows is of the same source: that has been looked at */
	if (m && !f->skb &&
	    pilot_merge_add(m, peer, text, len, f->page,
			    f->off + PILOT_PILS_HLEN)) {
		f->page = NULL;
		rx->packets++;
		rx->bytes += len;
		return;
	}
	why = classify(peer, text, &len, f->relayed, &protocol);
	if (unlikely(why)) {
		if (why == PILOT_A_STATS_RX_SPOOFED)
			pilot_peer_note(peer, PILOT_EVENT_SRC_SPOOFED);
		if (why == PILOT_A_STATS_RX_SPOOFED ||
		    why == PILOT_A_STATS_RX_MALFORMED)
			DEV_STATS_INC(pd->dev, rx_errors);
		drop(pd, why < PILOT_PEER_STATS ? peer : NULL, f->skb, why);
		return;
	}
	if (unlikely(rx->counted != peer)) {
		count_delivered(rx);
		rx->counted = peer;
	}
	rx->packets++;
	rx->bytes += len;
	if (!m) {
		deliver_skb(rx, f->skb, text, len, protocol);
	} else if (f->skb) {
		deliver_merged(rx, m);
		deliver_skb(rx, f->skb, text, len, protocol);
	} else {
		deliver_merged(rx, m);
		if (likely(pilot_merge_start(m, peer, text, len, f->page,
					     f->off + PILOT_PILS_HLEN,
					     !netif_elide_gro(pd->dev)))) {
			f->page = NULL;
		} else {
			rx->packets--;
			rx->bytes -= len;
			drop(pd, peer, NULL, PILOT_A_STATS_RX_NOMEM);
		}
	}
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

/* Checks frames of one key against its replay windows, under one lock. */
static unsigned int commit_run(struct pilot_frame *f, unsigned int n)
{
	struct pilot_key *key = f->key;
	unsigned int i = 0;

	spin_lock(&key->rx_lock);
	do {
		struct pilot_pils *h = (struct pilot_pils *)f[i].data;

		f[i].verdict = pilot_key_commit(key, h->prefix,
						be64_to_cpu(h->counter),
						&f[i].newest);
	} while (++i < n && f[i].key == key);
	spin_unlock(&key->rx_lock);
	return i;
}

/* Whether an opened frame is a Pilot packet from its sender to this node. */
static bool names_us(const struct pilot_frame *f)
{
	const struct pilot_inner *h = (void *)(f->data + PILOT_PILS_HLEN);

	return f->len >= PILOT_PILS_MIN + PILOT_INNER_HLEN &&
	       h->ver_flags >> 4 == PILOT_INNER_VERSION && h->dst &&
	       h->dst == cpu_to_be32(READ_ONCE(f->peer->pd->node_id)) &&
	       h->src == cpu_to_be32(f->peer->node_id);
}

/* Commits opened frames, then delivers them, in order. */
static void finish(struct pilot_rx *rx, struct pilot_frame *f, unsigned int n,
		   struct pilot_merge *m)
{
	struct pilot_key *noted = NULL;
	__be32 prefix = 0;
	unsigned int i;

	for (i = 0; i < n;)
		i += commit_run(f + i, n - i);

	for (i = 0; i < n; i++, f++) {
		struct pilot_pils *h = (struct pilot_pils *)f->data;

		trace_pilot_rx(f->peer, f->key, be32_to_cpu(h->prefix),
			       be64_to_cpu(h->counter), f->len, f->verdict);
		if (unlikely(f->verdict != PILOT_RX_ACCEPT)) {
			drop(rx->pd, f->peer, f->skb,
			     refused(f->peer, f->key, f->verdict));
			continue;
		}
		/* the first frame of a run tells all there is to know */
		if (noted != f->key || prefix != h->prefix) {
			noted = f->key;
			prefix = h->prefix;
			if (unlikely(!pilot_key_opened(f->peer, f->key, prefix,
						       READ_ONCE(f->key->proven) ||
						       names_us(f))))
				noted = NULL;
			else if (likely(f->newest) && f->key ==
			    rcu_access_pointer(f->peer->keys[PILOT_SLOT_CURRENT])) {
				if (likely(!f->relayed))
					pilot_endpoint_learn(f->peer, rx->skb);
				pilot_path_heard(f->peer, f->relayed);
			}
		}
		deliver(rx, f, m);
	}
}

/* Opens a PILS frame. Returns false if it cannot be, and was dropped. */
static bool receive_data(struct pilot_rx *rx, struct pilot_frame *f, u32 sender)
{
	struct pilot_pils *h = (struct pilot_pils *)f->data;

	f->peer = rx->peer && rx->peer->node_id == sender ?
		  rx->peer : pilot_peer_find(rx->pd, sender);
	if (unlikely(!f->peer)) {
		/* a keepalive does not make a peer of its sender */
		if (f->len > PILOT_PILS_MIN + PILOT_INNER_HLEN)
			pilot_demand_sender(rx->pd, sender);
		drop(rx->pd, NULL, f->skb, PILOT_A_STATS_RX_UNKNOWN_PEER);
		return false;
	}
	f->key = open_frame(rx, f);
	if (IS_ERR_OR_NULL(f->key)) {
		if (f->key) {
			drop(rx->pd, f->peer, f->skb, PILOT_A_STATS_RX_NOMEM);
		} else if (rcu_access_pointer(f->peer->keys[PILOT_SLOT_CURRENT])) {
			drop(rx->pd, f->peer, f->skb,
			     PILOT_A_STATS_RX_DECRYPT_FAIL);
		} else {
			pilot_peer_need_key(f->peer, PILOT_REASON_NO_KEY);
			drop(rx->pd, f->peer, f->skb, PILOT_A_STATS_RX_NO_KEY);
		}
		return false;
	}
	rx->peer = f->peer;
	rx->key = f->key;
	rx->prefix = h->prefix;
	return true;
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

/* Takes a PILA or PILK frame, or a message of the beacon, of @len bytes. */
static enum pilot_stats_attr to_handler(struct pilot_rx *rx,
					struct pilot_frame *f, u32 sender,
					unsigned int len)
{
	bool beacon = f->data[0] < PILOT_BEACON_LIMIT;
	struct pilot_device *pd = rx->pd;
	union pilot_sockaddr from;

	if (f->len < len || pilot_skb_source(rx->skb, &from))
		return PILOT_A_STATS_RX_SHORT;
	if (beacon ? !pilot_ratelimit_often(&pd->limit, &pd->beacon_bucket) :
		     !may_pass(pd, &from, f->relayed, sender))
		return PILOT_A_STATS_RX_HANDSHAKE_LIMITED;
	if (pilot_nl_frame_up(pd, sender, &from, f->relayed, f->data, len))
		return PILOT_A_STATS_RX_NO_HANDLER;
	return PILOT_A_STATS_RX_HANDSHAKE;
}

/*
 * A tunnel frame that is no PILS. Returns what it counts as; it has been
 * looked at for good.
 */
static enum pilot_stats_attr receive_other(struct pilot_rx *rx,
					   struct pilot_frame *f, u32 sender)
{
	switch (get_unaligned_be32(f->data)) {
	case PILOT_MAGIC_PILA:
		return to_handler(rx, f, sender, PILOT_PILA_LEN);
	case PILOT_MAGIC_PILK:
		return to_handler(rx, f, sender, PILOT_PILK_LEN);
	case PILOT_MAGIC_PILP:
		return PILOT_A_STATS_RX_PUNCH;
	case PILOT_MAGIC_PILT:
		return PILOT_A_STATS_RX_PLAINTEXT;
	case PILOT_MAGIC_PILS:
		return PILOT_A_STATS_RX_SHORT;
	default:
		return PILOT_A_STATS_RX_UNKNOWN;
	}
}

/* A message that only the beacon may send (S5); 0: it delivers a frame. */
static enum pilot_stats_attr receive_beacon(struct pilot_rx *rx,
					    struct pilot_frame *f,
					    u32 *outer_sender)
{
	struct pilot_endpoint *beacon = rcu_dereference(rx->pd->beacon);
	union pilot_sockaddr from;
	u8 *h = f->data;

	if (!beacon || pilot_skb_source(rx->skb, &from) ||
	    !pilot_endpoint_is(beacon, &from))
		return PILOT_A_STATS_RX_BEACON_SPOOFED;
	switch (h[0]) {
	case PILOT_BEACON_RELAY_DELIVER:
		if (f->len < PILOT_DELIVER_HLEN + PILOT_MAGIC_LEN)
			return PILOT_A_STATS_RX_SHORT;
		f->data += PILOT_DELIVER_HLEN;
		f->off += PILOT_DELIVER_HLEN;
		f->len -= PILOT_DELIVER_HLEN;
		f->relayed = true;
		*outer_sender = get_unaligned_be32(h + 1);
		return 0;
	case PILOT_BEACON_DISCOVER_REPLY:
	case PILOT_BEACON_PUNCH_COMMAND:
		/* the IP length is the second byte */
		return to_handler(rx, f, 0, 2 + (h[1] == 16 ? 16 : 4) + 2);
	default:
		return PILOT_A_STATS_RX_UNKNOWN;
	}
}

/* Returns true if it was data and opened; else it is dealt with. */
static bool receive_frame(struct pilot_rx *rx, struct pilot_frame *f)
{
	enum pilot_stats_attr what = 0;
	u32 sender = 0, outer = 0;

	if (unlikely(f->len < PILOT_MAGIC_LEN))
		what = PILOT_A_STATS_RX_SHORT;
	else if (unlikely(f->data[0] < PILOT_BEACON_LIMIT))
		what = receive_beacon(rx, f, &outer);
	if (likely(!what)) {
		if (f->len >= 2 * sizeof(u32))
			sender = get_unaligned_be32(f->data + sizeof(u32));
		/* relayed frames name their sender twice */
		if (unlikely(f->relayed && sender != outer))
			what = PILOT_A_STATS_RX_BEACON_SPOOFED;
		else if (unlikely(f->len < PILOT_PILS_MIN ||
				  get_unaligned_be32(f->data) != PILOT_MAGIC_PILS))
			what = receive_other(rx, f, sender);
		else
			return receive_data(rx, f, sender);
	}
	drop(rx->pd, NULL, f->skb, what);
	return false;
}

/**
 * struct pilot_walk - a place in a chain of buffers
 * @skb: what came, or one of its frag_list
 * @frag: fragment, -1 the linear part
 * @at: address there; NULL if it has none
 * @left: bytes from there to the end of that piece
 * @pos: offset from the data of what came
 */
struct pilot_walk {
	struct sk_buff *skb;
	int frag;
	const u8 *at;
	unsigned int left;
	unsigned int pos;
};

static void enter_piece(struct pilot_walk *w)
{
	if (w->frag < 0) {
		w->at = w->skb->data;
		w->left = skb_headlen(w->skb);
	} else {
		skb_frag_t *frag = &skb_shinfo(w->skb)->frags[w->frag];

		w->at = skb_frag_address_safe(frag);
		w->left = skb_frag_size(frag);
	}
}

static void next_piece(struct pilot_rx *rx, struct pilot_walk *w)
{
	if (++w->frag == skb_shinfo(w->skb)->nr_frags) {
		w->skb = w->skb == rx->skb ?
			 skb_shinfo(w->skb)->frag_list : w->skb->next;
		w->frag = -1;
	}
	enter_piece(w);
}

/* Passes over @len bytes, which are there. */
static void walk(struct pilot_rx *rx, struct pilot_walk *w, unsigned int len)
{
	w->pos += len;
	while (len > w->left) {
		len -= w->left;
		next_piece(rx, w);
	}
	w->left -= len;
	if (likely(w->at))
		w->at += len;
	while (!w->left && w->pos < rx->skb->len)
		next_piece(rx, w);
}

static int copy_bytes(struct pilot_rx *rx, const struct pilot_walk *w, u8 *to,
		      unsigned int len)
{
	if (unlikely(!w->at || w->left < len))
		return skb_copy_bits(rx->skb, w->pos, to, len);
	memcpy(to, w->at, len);
	return 0;
}

static void release(struct pilot_frame *f)
{
	if (f->page)
		put_page(f->page);
}

/*
 * Copies @len bytes to memory of ours, where they can be opened. They cannot
 * be where they are: fragments may be shared with a tap or a duplicate whose
 * packets were cut apart since, and nothing tells.
 */
static bool take_frame(struct pilot_rx *rx, struct pilot_walk *w,
		       unsigned int len, struct pilot_frame *f)
{
	struct pilot_room room;
	struct sk_buff *skb;

	/* one by one: that is quicker than clearing all of it */
	f->skb = NULL;
	f->page = NULL;
	f->off = 0;
	f->len = len;
	f->relayed = false;
	if (IS_ENABLED(CONFIG_HAVE_EFFICIENT_UNALIGNED_ACCESS) &&
	    len > COPY_MAX && len <= PILOT_ROOM_SIZE &&
	    pilot_room_take(&room, len)) {
		f->page = room.page;
		f->off = room.off;
		f->data = page_address(room.page) + room.off;
	} else {
		skb = alloc_skb(NET_SKB_PAD + len, GFP_ATOMIC);
		if (unlikely(!skb))
			return false;
		skb_reserve(skb, NET_SKB_PAD);
		f->skb = skb;
		f->data = skb_put(skb, len);
	}
	if (likely(!copy_bytes(rx, w, f->data, len)))
		return true;
	kfree_skb(f->skb);
	release(f);
	return false;
}

/* Several datagrams in one buffer, or one that is in pieces. */
static noinline void receive_pieces(struct pilot_rx *rx)
{
	struct skb_shared_info *shinfo = skb_shinfo(rx->skb);
	struct pilot_walk w = { .skb = rx->skb, .frag = -1 };
	unsigned int size = rx->skb->len, n = 0;
	struct pilot_frame frames[ROUND];
	struct pilot_merge merge = {};

	enter_piece(&w);
	if (shinfo->gso_size && shinfo->gso_type & SKB_GSO_UDP_L4) {
		size = shinfo->gso_size;
	} else if (shinfo->frag_list) {
		/* reassembled, maybe twice: there are chains within the chain */
		w.at = NULL;
		w.left = rx->skb->len;
	}
	walk(rx, &w, sizeof(struct udphdr));
	while (w.pos < rx->skb->len) {
		unsigned int len = min(size, rx->skb->len - w.pos);
		struct pilot_frame *f = &frames[n];

		if (unlikely(!take_frame(rx, &w, len, f)))
			pilot_count(rx->pd, NULL, PILOT_A_STATS_RX_NOMEM);
		else if (likely(receive_frame(rx, f)))
			n++;
		else
			release(f);
		walk(rx, &w, len);
		if (n == ROUND || w.pos == rx->skb->len) {
			finish(rx, frames, n, &merge);
			while (n)
				release(&frames[--n]);
		}
	}
	deliver_merged(rx, &merge);
}

/**
 * pilot_receive() - takes one or more datagrams from a tunnel socket
 * @pd: device
 * @skb: from its UDP header on; consumed. If it is GSO, its payload is
 *	datagrams of gso_size, the last of which may be shorter
 *
 * Context: bottom halves off, RCU read side, pilot_aead_usable().
 */
void pilot_receive(struct pilot_device *pd, struct sk_buff *skb)
{
	struct pilot_rx rx = { .pd = pd, .skb = skb };

	rx.ds = ip_hdr(skb)->version == 4 ? ip_hdr(skb)->tos :
					    ipv6_get_dsfield(ipv6_hdr(skb));
	if (likely(!skb_is_nonlinear(skb) && !skb_is_gso(skb) &&
		   !skb_cloned(skb))) {
		struct pilot_frame f = {
			.skb = skb,
			.data = skb->data + sizeof(struct udphdr),
			.len = skb->len - sizeof(struct udphdr),
		};

		rx.taken = true;
		if (likely(receive_frame(&rx, &f)))
			finish(&rx, &f, 1, NULL);
	} else {
		receive_pieces(&rx);
	}
	count_delivered(&rx);
	if (!rx.taken)
		consume_skb(skb);
}
