// SPDX-License-Identifier: GPL-2.0
/*
 * Peers on demand: packets for, and frames of, nodes that are no peers. The
 * handler is asked to add the node, a few packets wait for that as they would
 * for a neighbour's address, and if it does not come the sender is told so.
 */
#include <linux/jiffies.h>
#include <linux/netfilter.h>

#include "compat.h"
#include "demand.h"
#include "device.h"
#include "netlink.h"
#include "send.h"

#define GIVE_UP		(msecs_to_jiffies(PILOT_REKEY_REQUEST_MS))
#define SENDING_RATE	20	/* a second, and at once */
#define CALLING_RATE	5

static struct pilot_demand_node *find(struct pilot_demand *d, u32 node_id)
{
	int i;

	lockdep_assert_held(&d->lock);
	for (i = 0; i < PILOT_DEMAND_NODES; i++)
		if (d->nodes[i].node_id == node_id)
			return &d->nodes[i];
	return NULL;
}

static bool wanted(struct pilot_device *pd, u32 node_id)
{
	return READ_ONCE(pd->on_demand) && READ_ONCE(pd->handler_portid) &&
	       node_id && node_id != READ_ONCE(pd->node_id);
}

/* Remembers @node_id, which is not there yet. NULL if there is too much. */
static struct pilot_demand_node *make(struct pilot_demand *d, u32 node_id,
				      struct pilot_bucket *b, u32 rate)
{
	struct pilot_demand_node *n = find(d, 0);

	if (!n || !pilot_bucket_take(b, rate))
		return NULL;
	n->node_id = node_id;
	n->since = jiffies;
	timer_reduce(&d->timer, jiffies + GIVE_UP);
	return n;
}

/**
 * pilot_demand_packet() - a packet is for a node that is no peer
 * @pd: device
 * @node_id: receiver
 * @skb: packet; taken over on success only
 *
 * Context: bottom halves off. Return: 0; -ENOBUFS if enough packets wait for
 * the node; -EHOSTUNREACH if nobody is to be asked, or too many have been.
 */
int pilot_demand_packet(struct pilot_device *pd, u32 node_id, struct sk_buff *skb)
{
	struct pilot_demand *d = &pd->demand;
	struct pilot_demand_node *n;
	bool ask = false;
	int err = 0;

	if (!wanted(pd, node_id))
		return -EHOSTUNREACH;
	spin_lock(&d->lock);
	n = find(d, node_id);
	if (!n) {
		n = make(d, node_id, &d->sending, SENDING_RATE);
		ask = n;
	}
	if (!n) {
		err = -EHOSTUNREACH;
	} else if (skb_queue_len(&n->packets) >= PILOT_DEMAND_PACKETS) {
		err = -ENOBUFS;
	} else {
		/* let go of what others may wait for */
		skb_dst_drop(skb);
		nf_reset_ct(skb);
		__skb_queue_tail(&n->packets, skb);
	}
	spin_unlock(&d->lock);
	if (ask)
		pilot_event_need_peer(pd, node_id, PILOT_REASON_NO_KEY);
	return err;
}

/**
 * pilot_demand_sender() - a frame with a packet came from a node that is no peer
 * @pd: device
 * @node_id: sender the frame names; nothing proves it
 *
 * Context: bottom halves off.
 */
void pilot_demand_sender(struct pilot_device *pd, u32 node_id)
{
	struct pilot_demand *d = &pd->demand;
	bool ask;

	if (!wanted(pd, node_id))
		return;
	spin_lock(&d->lock);
	ask = !find(d, node_id) &&
	      make(d, node_id, &d->calling, CALLING_RATE);
	spin_unlock(&d->lock);
	if (ask)
		pilot_event_need_peer(pd, node_id, PILOT_REASON_UNKNOWN_PEER);
}

/* Forgets a node; what waited for it goes to @list. */
static void forget(struct pilot_demand_node *n, struct sk_buff_head *list)
{
	n->node_id = 0;
	skb_queue_splice_tail_init(&n->packets, list);
}

/**
 * pilot_demand_met() - sends what waited for a node: it is a peer now
 * @peer: peer
 *
 * Context: process.
 */
void pilot_demand_met(struct pilot_peer *peer)
{
	struct pilot_device *pd = peer->pd;
	struct pilot_demand *d = &pd->demand;
	struct pilot_demand_node *n;
	struct sk_buff_head list;
	struct sk_buff *skb;

	__skb_queue_head_init(&list);
	spin_lock_bh(&d->lock);
	n = find(d, peer->node_id);
	if (n)
		forget(n, &list);
	spin_unlock_bh(&d->lock);

	local_bh_disable();
	rcu_read_lock();
	while ((skb = __skb_dequeue(&list)))
		pilot_xmit(skb, pd->dev);
	rcu_read_unlock();
	local_bh_enable();
}

static void give_up(struct timer_list *timer)
{
	struct pilot_demand *d = container_of(timer, struct pilot_demand, timer);
	struct pilot_device *pd = container_of(d, struct pilot_device, demand);
	unsigned long now = jiffies, due;
	struct sk_buff_head list;
	struct sk_buff *skb;
	int i;

	__skb_queue_head_init(&list);
	spin_lock(&d->lock);
	for (i = 0; i < PILOT_DEMAND_NODES; i++) {
		if (!d->nodes[i].node_id)
			continue;
		due = d->nodes[i].since + GIVE_UP;
		if (time_after_eq(now, due))
			forget(&d->nodes[i], &list);
		else
			timer_reduce(timer, due);
	}
	spin_unlock(&d->lock);
	while ((skb = __skb_dequeue(&list)))
		pilot_send_refuse(pd, skb);
}

/**
 * pilot_demand_purge() - throws away what waits
 * @pd: device
 *
 * Context: process.
 */
void pilot_demand_purge(struct pilot_device *pd)
{
	struct pilot_demand *d = &pd->demand;
	struct sk_buff_head list;
	int i;

	__skb_queue_head_init(&list);
	spin_lock_bh(&d->lock);
	for (i = 0; i < PILOT_DEMAND_NODES; i++)
		forget(&d->nodes[i], &list);
	spin_unlock_bh(&d->lock);
	__skb_queue_purge(&list);
}

void pilot_demand_init(struct pilot_device *pd)
{
	struct pilot_demand *d = &pd->demand;
	int i;

	spin_lock_init(&d->lock);
	pilot_bucket_init(&d->sending);
	pilot_bucket_init(&d->calling);
	timer_setup(&d->timer, give_up, 0);
	for (i = 0; i < PILOT_DEMAND_NODES; i++)
		__skb_queue_head_init(&d->nodes[i].packets);
}

/**
 * pilot_demand_destroy() - as pilot_demand_purge(), for good
 * @pd: device; nothing is sent through it any more
 *
 * Context: process.
 */
void pilot_demand_destroy(struct pilot_device *pd)
{
	timer_shutdown_sync(&pd->demand.timer);
	pilot_demand_purge(pd);
}
