/* SPDX-License-Identifier: GPL-2.0 */
#ifndef _PILOT_DEMAND_H
#define _PILOT_DEMAND_H

#include <linux/skbuff.h>
#include <linux/spinlock.h>
#include <linux/timer.h>

#include "ratelimit.h"

struct pilot_device;
struct pilot_peer;

#define PILOT_DEMAND_NODES	64	/* asked for at a time */
#define PILOT_DEMAND_PACKETS	4	/* kept for each */

/**
 * struct pilot_demand_node - a node that is no peer, but wanted
 * @node_id: node ID, 0 if this is free
 * @since: jiffies at which it was asked for
 * @packets: what waits for it
 */
struct pilot_demand_node {
	u32 node_id;
	unsigned long since;
	struct sk_buff_head packets;
};

/**
 * struct pilot_demand - peers that are missing
 * @lock: guards the rest; leaf
 * @sending: limits events because of packets to unknown nodes
 * @calling: limits events because of frames from unknown nodes: strangers can
 *	send those, so these are fewer
 * @timer: gives up on nodes
 * @nodes: who is asked for; also keeps one node from being asked for twice
 */
struct pilot_demand {
	spinlock_t lock;	/* the rest, leaf */
	struct pilot_bucket sending;
	struct pilot_bucket calling;
	struct timer_list timer;
	struct pilot_demand_node nodes[PILOT_DEMAND_NODES];
};

void pilot_demand_init(struct pilot_device *pd);
void pilot_demand_destroy(struct pilot_device *pd);
void pilot_demand_purge(struct pilot_device *pd);
int pilot_demand_packet(struct pilot_device *pd, u32 node_id, struct sk_buff *skb);
void pilot_demand_sender(struct pilot_device *pd, u32 node_id);
void pilot_demand_met(struct pilot_peer *peer);

#endif /* _PILOT_DEMAND_H */
