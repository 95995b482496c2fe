// SPDX-License-Identifier: GPL-2.0
/*
 * The way out: from an inner packet to its peer, sealed, to the endpoint.
 */
#include <linux/crc32.h>
#include <linux/icmpv6.h>
#include <linux/ipv6.h>
#include <linux/rhashtable.h>
#include <net/icmp.h>
#include <net/ip_tunnels.h>

#include "aead.h"
#include "compat.h"
#include "cut.h"
#include "device.h"
#include "map.h"
#include "peer.h"
#include "ping.h"
#include "room.h"
#include "salvage.h"
#include "send.h"
#include "socket.h"
#include "trace.h"

/*
 * Moves the charge of the sender's socket to the packet that goes out instead,
 * so that the sender is held back by what it has on its way.
 */
static void take_charge(struct sk_buff *to, struct sk_buff *from)
{
	struct sock *sk = from->sk;
	int delta = to->truesize - from->truesize;

	if (!sk || !sk_fullsock(sk) ||
	    (from->destructor != sock_wfree &&
	     (!sk_is_tcp(sk) || from->destructor == sock_rfree ||
	      from->destructor == sock_efree ||
	      from->destructor == sock_edemux)))
		return;
	swap(to->sk, from->sk);
	swap(to->destructor, from->destructor);
	if (delta >= 0)
		refcount_add(delta, &sk->sk_wmem_alloc);
	else
		WARN_ON_ONCE(refcount_sub_and_test(-delta, &sk->sk_wmem_alloc));
}

/* RFC 768: in UDP a checksum of zero is none; IPv6 drops such packets. */
static void spell_zero(struct sk_buff *skb, int start, u16 offset)
{
	__sum16 *check = (__sum16 *)(skb->data + start + offset);

	if (!*check && offset == offsetof(struct udphdr, check))
		*check = CSUM_MANGLED_0;
}

/*
 * Whether the checksum that is to be filled in lies in the packet: what a
 * virtual machine says of it may not, once the Ethernet header is off.
 */
static bool has_sum_inside(const struct sk_buff *skb)
{
	int start = skb_checksum_start_offset(skb);

	return start >= 0 && start + skb->csum_offset + sizeof(__sum16) <=
			     skb_headlen(skb);
}

/*
 * Returns the packet as one contiguous, private buffer with room for headers
 * and tag; consumes it on failure. Sealing is done in place, and TCP still
 * needs the data of the clone it handed down. Where the packet is copied, its
 * checksum is filled in.
 */
static struct sk_buff *make_private(struct sk_buff *skb)
{
	struct sk_buff *n;

	if (unlikely(skb->ip_summed == CHECKSUM_PARTIAL &&
		     !has_sum_inside(skb))) {
		kfree_skb(skb);
		return NULL;
	}
	if (!skb_cloned(skb) && !skb_is_nonlinear(skb) &&
	    skb_headroom(skb) >= PILOT_HEADROOM &&
	    skb_tailroom(skb) >= PILOT_TAG_LEN)
		return skb;

	n = alloc_skb(PILOT_HEADROOM + skb->len + PILOT_TAG_LEN, GFP_ATOMIC);
	if (n) {
		skb_reserve(n, PILOT_HEADROOM);
		skb_copy_and_csum_dev(skb, skb_put(n, skb->len));
		if (skb->ip_summed == CHECKSUM_PARTIAL)
			spell_zero(n, skb_checksum_start_offset(skb),
				   skb->csum_offset);
		n->protocol = skb->protocol;
		skb_reset_network_header(n);
		take_charge(n, skb);
		consume_skb(skb);
	} else {
		kfree_skb(skb);
	}
	return n;
}

/* Where a peer's frames go, and whether by way of the beacon. */
static struct pilot_endpoint *path_of(struct pilot_peer *peer, bool *relay)
{
	*relay = READ_ONCE(peer->path_active) == PILOT_PATH_RELAY;
	return unlikely(*relay) ? rcu_dereference(peer->pd->beacon) :
				  rcu_dereference(peer->endpoint);
}

static int route_by(struct pilot_peer *peer, struct pilot_endpoint *ep,
		    struct pilot_route *route)
{
	int err;

	if (unlikely(!ep)) {
		pilot_count(peer->pd, peer, PILOT_A_STATS_TX_NO_ENDPOINT);
		return -EDESTADDRREQ;
	}
	err = pilot_socket_route(peer->pd, ep, route);
	if (unlikely(err))
		pilot_count(peer->pd, peer, PILOT_A_STATS_TX_NO_ROUTE);
	return err;
}

static int route_to(struct pilot_peer *peer, struct pilot_route *route,
		    bool *relay)
{
	return route_by(peer, path_of(peer, relay), route);
}

static void put_relay(u8 *h, u32 from, u32 to)
{
	h[0] = PILOT_BEACON_RELAY;
	put_unaligned_be32(from, h + 1);
	put_unaligned_be32(to, h + 5);
}

/*
 * Takes @n nonce counters in a row. Returns the first, 0 when the key is used
 * up.
 */
static u64 reserve(struct pilot_peer *peer, struct pilot_key *key,
		   unsigned int n)
{
	u64 last = atomic64_add_return(n, &key->tx_counter);

	if (unlikely(last >= key->rekey_after)) {
		if (last > key->reject_after) {
			/* for good: the counter stays where it is */
			atomic64_set(&key->tx_counter, key->reject_after);
			pilot_peer_need_key(peer, PILOT_REASON_EXHAUSTED);
			return 0;
		}
		pilot_peer_need_key(peer, PILOT_REASON_VOLUME);
	}
	return last - n + 1;
}

/* Seals a record: @frame has room for the header, @len bytes of text, the tag. */
static int seal(struct pilot_peer *peer, struct pilot_key *key, u64 counter,
		u8 *frame, unsigned int len)
{
	struct pilot_pils *h = (struct pilot_pils *)frame;

	h->magic = cpu_to_be32(PILOT_MAGIC_PILS);
	h->sender = cpu_to_be32(READ_ONCE(peer->pd->node_id));
	h->prefix = (__force __be32)READ_ONCE(key->tx_prefix);
	h->counter = cpu_to_be64(counter);
	trace_pilot_tx(peer, key, counter, len);
	return pilot_aead_seal(key->tfm, frame, len);
}

static void note_sent(struct pilot_peer *peer)
{
	unsigned long now = jiffies;

	if (READ_ONCE(peer->last_tx) != now)
		WRITE_ONCE(peer->last_tx, now);
	if (unlikely(!READ_ONCE(peer->tx_seen)))
		WRITE_ONCE(peer->tx_seen, true);
}

/* Seals a private packet under @key and sends it; consumes it and the route. */
static int seal_and_send(struct pilot_peer *peer, struct pilot_key *key,
			 struct pilot_route *route, bool relay,
			 struct sk_buff *skb, u8 ds, bool salvage)
{
	struct pilot_device *pd = peer->pd;
	u64 counter = reserve(peer, key, 1);
	unsigned int len = skb->len;

	if (unlikely(!counter))
		goto error;
	if (salvage && unlikely(pilot_salvage_record_skb(peer, key->id, counter,
							 skb)))
		goto error;
	skb_push(skb, PILOT_PILS_HLEN);
	skb_put(skb, PILOT_TAG_LEN);
	if (unlikely(seal(peer, key, counter, skb->data, len)))
		goto error;

	skb_scrub_packet(skb, true);
	skb_init_secmark(skb);
	/*
	 * One tunnel is one flow: a queue for each flow or class inside would have
	 * frames overtake others by more than the peer's replay window. And what is
	 * inside does not choose classes of the namespace around it.
	 */
	skb_clear_hash(skb);
	skb->priority = 0;
	skb->ip_summed = CHECKSUM_NONE;
	skb->encapsulation = 0;
	note_sent(peer);
	if (unlikely(relay))
		put_relay(skb_push(skb, PILOT_RELAY_HLEN),
			  READ_ONCE(pd->node_id), peer->node_id);
	pilot_socket_xmit(pd, route, skb, ds);
	return 0;

error:
	pilot_count(pd, peer, PILOT_A_STATS_TX_ERROR);
	dst_release(route->dst);
	kfree_skb(skb);
	return -EIO;
}

/* The longest inner packet that goes out in one piece. */
static int path_mtu(struct pilot_route *route, bool relay)
{
	return (int)dst_mtu(route->dst) - (int)route->overhead -
	       PILOT_PILS_MIN - (relay ? PILOT_RELAY_HLEN : 0);
}

/*
 * Tells the sender of a packet that does not fit the path, where it can do
 * something about it. Others go out in fragments.
 */
static bool too_big(struct pilot_peer *peer, struct sk_buff *skb, int mtu)
{
	if (skb->protocol == htons(ETH_P_IP)) {
		if (!(ip_hdr(skb)->frag_off & htons(IP_DF)) ||
		    mtu < (int)IPV4_MIN_MTU)
			return false;
		skb_dst_update_pmtu_no_confirm(skb, mtu);
		icmp_ndo_send(skb, ICMP_DEST_UNREACH, ICMP_FRAG_NEEDED,
			      htonl(mtu));
	} else if (skb->protocol == htons(ETH_P_IPV6) && mtu >= IPV6_MIN_MTU) {
		skb_dst_update_pmtu_no_confirm(skb, mtu);
		icmpv6_ndo_send(skb, ICMPV6_PKT_TOOBIG, 0, mtu);
	} else {
		return false;
	}
	pilot_count(peer->pd, peer, PILOT_A_STATS_TX_TOO_BIG);
	return true;
}

/* Seals and sends one packet that is no super-packet; consumes it. */
static int send_one(struct pilot_peer *peer, struct pilot_key *key,
		    struct sk_buff *skb)
{
	struct pilot_device *pd = peer->pd;
	unsigned int len = skb->len;
	struct pilot_route route;
	int err, mtu;
	bool relay;
	u8 ds = 0;

	err = route_to(peer, &route, &relay);
	if (unlikely(err))
		goto drop;
	mtu = path_mtu(&route, relay);
	if (unlikely((int)len > mtu) && too_big(peer, skb, mtu)) {
		dst_release(route.dst);
		err = -EMSGSIZE;
		goto drop;
	}
	if (skb->protocol == htons(ETH_P_IP) ||
	    skb->protocol == htons(ETH_P_IPV6))
		ds = ip_tunnel_ecn_encap(0, ip_hdr(skb), skb);
	skb = make_private(skb);
	if (unlikely(!skb)) {
		pilot_count(pd, peer, PILOT_A_STATS_TX_ERROR);
		dst_release(route.dst);
		err = -ENOMEM;
		goto drop;
	}
	err = seal_and_send(peer, key, &route, relay, skb, ds, true);
	if (likely(!err)) {
		pilot_count_tx(peer, 1, len);
		return 0;
	}
	skb = NULL;
drop:
	DEV_STATS_INC(pd->dev, tx_errors);
	kfree_skb(skb);
	return err;
}

/* Lays records into @room while there is room. Returns bytes used, or an error. */
static int seal_into(struct pilot_peer *peer, struct pilot_key *key,
		     struct pilot_cut *c, u64 *counter, unsigned int n,
		     bool relay, const struct pilot_room *room)
{
	u8 *begin = page_address(room->page) + room->off, *p = begin;
	unsigned int len;

	for (; n--; p += len + PILOT_TAG_LEN) {
		if (unlikely(relay)) {
			put_relay(p, READ_ONCE(peer->pd->node_id),
				  peer->node_id);
			p += PILOT_RELAY_HLEN;
		}
		len = pilot_cut_len(c);
		if (unlikely(pilot_cut_next(c, p + PILOT_PILS_HLEN)))
			return -EFAULT;
		/* the ring holds no more than the last few */
		if (c->left < PILOT_SALVAGE_ENTRIES * c->mss)
			pilot_salvage_record(peer, key->id, *counter,
					     c->skb->protocol,
					     p + PILOT_PILS_HLEN, len);
		if (unlikely(seal(peer, key, (*counter)++, p, len)))
			return -EIO;
		p += PILOT_PILS_HLEN;
	}
	return p - begin;
}

/*
 * Cuts and seals up to @max packets into one datagram super-packet, without
 * outer headers yet. Returns NULL if not even one could be.
 */
static struct sk_buff *seal_batch(struct pilot_peer *peer,
				  struct pilot_key *key, struct pilot_cut *c,
				  u64 *counter, unsigned int max, bool relay)
{
	unsigned int record = (relay ? PILOT_RELAY_HLEN : 0) +
			      pilot_cut_len(c) + PILOT_PILS_MIN;
	unsigned int n = 0, fit, frag;
	struct pilot_room room;
	struct sk_buff *skb;
	int used;

	skb = alloc_skb(PILOT_HEADROOM, GFP_ATOMIC);
	if (!skb)
		return NULL;
	skb_reserve(skb, PILOT_HEADROOM);
	max = min_t(unsigned int, max, DIV_ROUND_UP(c->left, c->mss));
	for (frag = 0; frag < MAX_SKB_FRAGS && n < max; frag++) {
		if (!pilot_room_get(&room, record, record * (max - n)))
			break;
		fit = room.len / record;
		used = seal_into(peer, key, c, counter, fit, relay, &room);
		if (unlikely(used < 0)) {
			put_page(room.page);
			kfree_skb(skb);
			return NULL;
		}
		pilot_room_used(&room, used);
		skb_add_rx_frag(skb, frag, room.page, room.off, used, used);
		n += fit;
	}
	if (unlikely(!n)) {
		kfree_skb(skb);
		return NULL;
	}
	if (n > 1) {
		skb_shinfo(skb)->gso_size = record;
		skb_shinfo(skb)->gso_segs = n;
		skb_shinfo(skb)->gso_type = SKB_GSO_UDP_L4;
		/* of the UDP header to come */
		skb->ip_summed = CHECKSUM_PARTIAL;
		skb->csum_start = skb_headroom(skb) - sizeof(struct udphdr);
		skb->csum_offset = offsetof(struct udphdr, check);
	}
	return skb;
}

/*
 * Seals and sends a super-packet that can be cut directly, and consumes it.
 * Returns false if it has to be cut by the core after all; *err is the result.
 */
static bool send_super(struct pilot_peer *peer, struct pilot_key *key,
		       struct sk_buff *skb, struct pilot_cut *c, int *err)
{
	unsigned int n = DIV_ROUND_UP(c->left, c->mss);
	unsigned int bytes = n * c->hlen + c->left;
	unsigned int max, len = pilot_cut_len(c);
	struct pilot_device *pd = peer->pd;
	struct pilot_route route;
	struct sk_buff *outer;
	u64 counter;
	bool relay;
	int mtu;
	u8 ds;

	*err = route_to(peer, &route, &relay);
	if (unlikely(*err))
		goto drop;
	mtu = path_mtu(&route, relay);
	len += PILOT_PILS_MIN + (relay ? PILOT_RELAY_HLEN : 0);
	if (unlikely((int)pilot_cut_len(c) > mtu ||
		     len > PILOT_ROOM_SIZE)) {
		if ((int)pilot_cut_len(c) <= mtu || !too_big(peer, skb, mtu)) {
			dst_release(route.dst);
			return false;
		}
		*err = -EMSGSIZE;
		goto release;
	}
	max = min_t(unsigned int, UDP_MAX_SEGMENTS,
		    (GSO_LEGACY_MAX_SIZE - 1 - route.overhead) / len);
	counter = reserve(peer, key, n);
	if (unlikely(!counter)) {
		*err = -EIO;
		goto error;
	}
	ds = ip_tunnel_ecn_encap(0, ip_hdr(skb), skb);
	do {
		outer = seal_batch(peer, key, c, &counter, max, relay);
		if (unlikely(!outer)) {
			*err = -ENOMEM;
			goto error;
		}
		if (c->left)
			dst_hold(route.dst);	/* for the next one */
		else
			take_charge(outer, skb);
		pilot_socket_xmit(pd, &route, outer, ds);
	} while (c->left);
	note_sent(peer);
	pilot_count_tx(peer, n, bytes);
	consume_skb(skb);
	return true;

error:
	pilot_count(pd, peer, PILOT_A_STATS_TX_ERROR);
release:
	dst_release(route.dst);
drop:
	DEV_STATS_INC(pd->dev, tx_errors);
	kfree_skb(skb);
	return true;
}

static void say_unreachable(struct sk_buff *skb)
{
	if (skb->protocol == htons(ETH_P_IP))
		icmp_ndo_send(skb, ICMP_DEST_UNREACH, ICMP_HOST_UNREACH, 0);
	else if (skb->protocol == htons(ETH_P_IPV6))
		icmpv6_ndo_send(skb, ICMPV6_DEST_UNREACH, ICMPV6_ADDR_UNREACH,
				0);
}

/* No key, and the queue does not take the packet. */
static int refuse(struct pilot_peer *peer, struct sk_buff *skb, int err)
{
	struct pilot_device *pd = peer->pd;

	pilot_count(pd, peer, err == -ENOBUFS ? PILOT_A_STATS_TX_QUEUE_FULL :
						PILOT_A_STATS_TX_NO_KEY);
	DEV_STATS_INC(pd->dev, tx_dropped);
	/* a full queue passes: that is no reason to end a connection */
	if (err != -ENOBUFS)
		say_unreachable(skb);
	kfree_skb(skb);
	return -EHOSTUNREACH;
}

static int send_or_queue(struct pilot_peer *peer, struct sk_buff *skb)
{
	struct pilot_key *key;
	int err;

	do {
		key = rcu_dereference(peer->keys[PILOT_SLOT_CURRENT]);
		if (likely(pilot_key_can_send(key)))
			return send_one(peer, key, skb);
		if (key && READ_ONCE(key->gated) &&
		    !READ_ONCE(peer->pd->handler_portid)) {
			/* the daemon that was to bring a new key is gone */
			pilot_key_ungate(peer, key);
			if (pilot_key_can_send(key))
				return send_one(peer, key, skb);
		}
		err = pilot_peer_enqueue(peer, skb);
	} while (unlikely(err == -EAGAIN));
	if (err)
		return refuse(peer, skb, err);
	pilot_peer_need_key(peer, !key ? PILOT_REASON_NO_KEY :
			    READ_ONCE(key->gated) ?: PILOT_REASON_EXHAUSTED);
	return 0;
}

/**
 * pilot_send_packet() - sends a packet to a peer, or queues it without a key
 * @peer: receiver
 * @skb: inner packet, no super-packet; consumed
 *
 * Context: bottom halves off, RCU read side, pilot_aead_usable(). Return: 0 if it
 * was sent or queued, else why not.
 */
int pilot_send_packet(struct pilot_peer *peer, struct sk_buff *skb)
{
	return send_or_queue(peer, skb);
}

/*
 * Signs of life that the reference swallows: an empty frame, or a control packet
 * to port 0 without payload. Its keepalive names no receiver.
 */
enum sign {
	SIGN_EMPTY,
	SIGN_KEEPALIVE,
	SIGN_PROOF,	/* that names its receiver: an answer nobody asked for */
};

static void put_sign(struct sk_buff *skb, const struct pilot_peer *peer,
		     enum sign sign)
{
	const struct pilot_device *pd = peer->pd;
	struct pilot_inner *h;

	if (sign == SIGN_EMPTY)
		return;
	h = skb_put_zero(skb, sizeof(*h));
	h->ver_flags = PILOT_INNER_VERSION << 4;
	h->proto = PILOT_PROTO_CONTROL;
	h->src = cpu_to_be32(READ_ONCE(pd->node_id));
	if (sign == SIGN_PROOF) {
		h->ver_flags |= PILOT_INNER_F_ACK;
		h->src_net = cpu_to_be16(READ_ONCE(pd->network));
		h->dst_net = h->src_net;
		h->dst = cpu_to_be32(peer->node_id);
	}
	h->crc = cpu_to_be32(~crc32_le(~0, (u8 *)h, sizeof(*h)));
}

/**
 * pilot_control_alloc() - a buffer for a control packet of the module itself
 * @len: of the packet
 *
 * Return: the buffer, empty, or NULL.
 */
struct sk_buff *pilot_control_alloc(unsigned int len)
{
	struct sk_buff *skb = alloc_skb(PILOT_HEADROOM + len + PILOT_TAG_LEN,
					GFP_ATOMIC);

	if (skb)
		skb_reserve(skb, PILOT_HEADROOM);
	return skb;
}

/**
 * pilot_control_way() - where a control packet goes, whatever the path in use
 * @peer: receiver
 * @ep: straight there; NULL: to its endpoint
 * @relay: through the beacon instead
 *
 * Context: RCU read side. Return: NULL if there is none.
 */
struct pilot_endpoint *pilot_control_way(struct pilot_peer *peer,
					 struct pilot_endpoint *ep, bool relay)
{
	if (relay)
		return rcu_dereference(peer->pd->beacon);
	return ep ?: rcu_dereference(peer->endpoint);
}

/**
 * pilot_control_send() - seals and sends a control packet
 * @peer: receiver
 * @key: key to seal it under; one in doubt will do: this is how it comes out
 *	of it
 * @ep: where to, NULL is refused
 * @relay: @ep is the beacon, which is to pass it on
 * @skb: of pilot_control_alloc(); consumed
 *
 * Context: bottom halves off, RCU read side, pilot_aead_usable(). Return: 0,
 * -ENOKEY, -ENETDOWN, -EDESTADDRREQ, -EIO, or an error of routing.
 */
int pilot_control_send(struct pilot_peer *peer, struct pilot_key *key,
		       struct pilot_endpoint *ep, bool relay,
		       struct sk_buff *skb)
{
	struct pilot_route route;
	int err = 0;

	if (!key || atomic64_read(&key->tx_counter) >= key->reject_after)
		err = -ENOKEY;
	else if (!rcu_access_pointer(peer->pd->sock4))
		err = -ENETDOWN;
	else
		err = route_by(peer, ep, &route);
	if (err) {
		kfree_skb(skb);
		return err;
	}
	return seal_and_send(peer, key, &route, relay, skb, 0, false);
}

static void send_sign(struct pilot_peer *peer, struct pilot_key *key,
		      struct pilot_endpoint *ep, bool relay, enum sign sign)
{
	struct sk_buff *skb = pilot_control_alloc(PILOT_INNER_HLEN);

	if (!skb)
		return;
	put_sign(skb, peer, sign);
	if (!pilot_control_send(peer, key, ep, relay, skb))
		pilot_count(peer->pd, peer, PILOT_A_STATS_TX_KEEPALIVE);
}

/**
 * pilot_send_keepalive() - sends a keepalive
 * @peer: receiver
 * @key: key to seal it under
 *
 * A peer that runs this module answers with an empty frame.
 *
 * Context: bottom halves off, RCU read side, pilot_aead_usable().
 */
void pilot_send_keepalive(struct pilot_peer *peer, struct pilot_key *key)
{
	struct pilot_endpoint *ep;
	bool relay;

	ep = path_of(peer, &relay);
	send_sign(peer, key, ep, relay, SIGN_KEEPALIVE);
}

/**
 * pilot_send_proof() - proves to a peer that we have a key, and for it
 * @peer: receiver
 * @key: key to seal it under
 *
 * Context: bottom halves off, RCU read side, pilot_aead_usable().
 */
void pilot_send_proof(struct pilot_peer *peer, struct pilot_key *key)
{
	struct pilot_endpoint *ep;
	bool relay;

	ep = path_of(peer, &relay);
	send_sign(peer, key, ep, relay, SIGN_PROOF);
}

/**
 * pilot_send_answer() - answers a keepalive with an empty frame
 * @peer: receiver
 * @relay: by way of the beacon, as it came
 *
 * Empty frames are never answered, so two ends cannot keep each other busy.
 *
 * Context: bottom halves off, RCU read side, pilot_aead_usable().
 */
void pilot_send_answer(struct pilot_peer *peer, bool relay)
{
	struct pilot_key *key = rcu_dereference(peer->keys[PILOT_SLOT_CURRENT]);

	if (time_after(jiffies, READ_ONCE(peer->last_answer) + HZ / 4)) {
		WRITE_ONCE(peer->last_answer, jiffies);
		send_sign(peer, key, pilot_control_way(peer, NULL, relay),
			  relay, SIGN_EMPTY);
	}
}

/**
 * pilot_send_probes() - sends a probe under every key that could send soon
 * @peer: receiver
 *
 * Under the next key it lets the peer prove that it has it; under the current
 * one it draws an answer that keeps a replayed PILA from taking over an idle
 * session (S2). Where there is no other key a keepalive will do: a probe calls
 * back a peer that has let us go.
 *
 * Context: any but hard interrupt.
 */
void pilot_send_probes(struct pilot_peer *peer)
{
	static const enum pilot_slot slots[] = {
		PILOT_SLOT_CURRENT, PILOT_SLOT_NEXT, PILOT_SLOT_EARLIER,
	};
	struct pilot_key *key;
	int i;

	local_bh_disable();
	rcu_read_lock();
	for (i = 0; i < ARRAY_SIZE(slots) && pilot_aead_usable(); i++) {
		key = rcu_dereference(peer->keys[slots[i]]);
		if (!key || (i && READ_ONCE(key->proven)))
			continue;
		if (READ_ONCE(key->proven) &&
		    !rcu_access_pointer(peer->keys[PILOT_SLOT_NEXT]))
			pilot_send_keepalive(peer, key);
		else
			pilot_ping_key(peer, key);
	}
	rcu_read_unlock();
	local_bh_enable();
}

/**
 * pilot_send_frame() - sends a handshake frame or beacon message
 * @pd: device
 * @peer: along the path to this peer, or NULL
 * @ep: without a peer, or to override its path: straight there
 * @relay: through the beacon whatever the peer's path; needs @peer
 * @data: frame
 * @len: its length
 *
 * Context: process. Return: 0, -EDESTADDRREQ without an address, -ENOMEM, or
 * an error of pilot_socket_route().
 */
int pilot_send_frame(struct pilot_device *pd, struct pilot_peer *peer,
		     struct pilot_endpoint *ep, bool relay, const void *data,
		     unsigned int len)
{
	struct pilot_route route;
	struct sk_buff *skb;
	int err = -EDESTADDRREQ;

	skb = alloc_skb(PILOT_HEADROOM + len, GFP_KERNEL);
	if (!skb)
		return -ENOMEM;
	skb_reserve(skb, PILOT_HEADROOM);
	skb_put_data(skb, data, len);

	local_bh_disable();
	rcu_read_lock();
	if (relay)
		ep = rcu_dereference(pd->beacon);
	else if (!ep)
		ep = path_of(peer, &relay);
	if (ep)
		err = pilot_socket_route(pd, ep, &route);
	if (!err) {
		if (relay)
			put_relay(skb_push(skb, PILOT_RELAY_HLEN),
				  READ_ONCE(pd->node_id), peer->node_id);
		pilot_socket_xmit(pd, &route, skb, 0);
	} else {
		kfree_skb(skb);
	}
	rcu_read_unlock();
	local_bh_enable();
	return err;
}

/* What a raw packet socket sends without saying: look at the first nibble. */
static __be16 protocol_of(const struct sk_buff *skb)
{
	if (skb->protocol && skb->protocol != htons(ETH_P_ALL))
		return skb->protocol;
	if (skb_headlen(skb) && skb->data[0] >> 4 == PILOT_INNER_VERSION)
		return htons(PILOT_ETH_P);
	return ip_tunnel_parse_protocol(skb);
}

/*
 * The peer a packet is for. When there is none, sets the error, and the node ID
 * if the packet is for one.
 */
static struct pilot_peer *route_packet(struct pilot_device *pd,
				       struct sk_buff *skb, u32 *node_id,
				       int *err)
{
	struct pilot_peer *peer = NULL;
	u32 node = 0;

	*err = -EINVAL;
	*node_id = 0;
	switch (skb->protocol) {
	case htons(ETH_P_IP):
		if (!pskb_network_may_pull(skb, sizeof(struct iphdr)) ||
		    ip_hdr(skb)->version != 4)
			return NULL;
		peer = pilot_allowedips_find4(&pd->allowedips,
					      ip_hdr(skb)->daddr);
		break;
	case htons(ETH_P_IPV6):
		if (!pskb_network_may_pull(skb, sizeof(struct ipv6hdr)) ||
		    ipv6_hdr(skb)->version != 6)
			return NULL;
		node = pilot_map_to_node(&ipv6_hdr(skb)->daddr,
					 READ_ONCE(pd->network));
		if (node)
			peer = pilot_peer_find(pd, node);
		else
			peer = pilot_allowedips_find6(&pd->allowedips,
						      &ipv6_hdr(skb)->daddr);
		break;
	case htons(PILOT_ETH_P):
		if (!pskb_may_pull(skb, PILOT_INNER_HLEN) ||
		    skb->data[0] >> 4 != PILOT_INNER_VERSION)
			return NULL;
		node = be32_to_cpu(((struct pilot_inner *)skb->data)->dst);
		peer = pilot_peer_find(pd, node);
		break;
	default:
		return NULL;
	}
	*err = -ENOKEY;
	*node_id = node;
	return peer;
}

/**
 * pilot_send_refuse() - a packet belongs to no peer, and will not
 * @pd: device
 * @skb: packet; consumed
 *
 * Context: any but hard interrupt.
 */
void pilot_send_refuse(struct pilot_device *pd, struct sk_buff *skb)
{
	pilot_count(pd, NULL, PILOT_A_STATS_TX_NO_PEER);
	DEV_STATS_INC(pd->dev, tx_errors);
	say_unreachable(skb);
	kfree_skb(skb);
}

/* Asks for the peer, if one may come of that; else refuses the packet. */
static int no_peer(struct pilot_device *pd, struct sk_buff *skb, u32 node_id,
		   int err)
{
	int ret = node_id ? pilot_demand_packet(pd, node_id, skb) : err;

	if (ret == -ENOBUFS) {
		pilot_count(pd, NULL, PILOT_A_STATS_TX_NO_PEER);
		DEV_STATS_INC(pd->dev, tx_dropped);
		kfree_skb(skb);
	} else if (ret) {
		pilot_send_refuse(pd, skb);
		ret = err;
	}
	return ret;
}

/**
 * pilot_xmit_packet() - sends what the stack gave to the device
 * @pd: device
 * @skb: inner packet or super-packet; consumed
 *
 * Context: bottom halves off, RCU read side, pilot_aead_usable().
 *
 * Return: 0 if it was sent or queued; else why not, for the sender.
 */
int pilot_xmit_packet(struct pilot_device *pd, struct sk_buff *skb)
{
	struct sk_buff *segs, *seg, *next;
	struct pilot_peer *peer;
	struct pilot_key *key;
	struct pilot_cut cut;
	u32 node_id;
	int err = 0;

	if (unlikely(skb->data != skb_network_header(skb)))
		skb_reset_network_header(skb);
	skb->protocol = protocol_of(skb);
	peer = route_packet(pd, skb, &node_id, &err);
	if (unlikely(!peer))
		return no_peer(pd, skb, node_id, err);
	if (!skb_is_gso(skb))
		return send_or_queue(peer, skb);

	key = rcu_dereference(peer->keys[PILOT_SLOT_CURRENT]);
	if (likely(pilot_key_can_send(key)) && pilot_cut_start(&cut, skb) &&
	    send_super(peer, key, skb, &cut, &err))
		return err;

	segs = skb_gso_segment(skb, 0);
	if (IS_ERR_OR_NULL(segs)) {
		pilot_count(pd, peer, PILOT_A_STATS_TX_ERROR);
		DEV_STATS_INC(pd->dev, tx_errors);
		kfree_skb(skb);
		return segs ? PTR_ERR(segs) : -EINVAL;
	}
	consume_skb(skb);
	skb_list_walk_safe(segs, seg, next) {
		skb_mark_not_on_list(seg);
		err = send_or_queue(peer, seg);
	}
	return err;
}

/**
 * pilot_xmit() - ndo_start_xmit
 * @skb: inner packet
 * @dev: device
 *
 * Return: NETDEV_TX_OK, or a negative error, which local senders see.
 */
netdev_tx_t pilot_xmit(struct sk_buff *skb, struct net_device *dev)
{
	struct pilot_device *pd = netdev_priv(dev);
	int ret;

	if (pilot_device_must_defer(&pd->deferred_tx, pilot_aead_usable())) {
		if (!pilot_device_defer(pd, &pd->deferred_tx, skb)) {
			pilot_count(pd, NULL, PILOT_A_STATS_TX_ERROR);
			DEV_STATS_INC(dev, tx_dropped);
		}
		return NETDEV_TX_OK;
	}
	/* a packet socket comes with the bottom halves' read side alone */
	rcu_read_lock();
	ret = pilot_xmit_packet(pd, skb);
	rcu_read_unlock();
	return ret;
}
