/* SPDX-License-Identifier: GPL-2.0 */
#ifndef _PILOT_PEER_H
#define _PILOT_PEER_H

#include <linux/rhashtable-types.h>
#include <linux/seqlock.h>
#include <linux/skbuff.h>
#include <linux/timer.h>
#include <linux/xarray.h>

#include "ratelimit.h"
#include "stats.h"
#include "store.h"

struct net_device;
struct netlink_ext_ack;
struct pilot_device;
struct pilot_endpoint;
struct pilot_salvage_ring;

/**
 * struct pilot_peer - a peer
 * @node_id: its node ID; key of the hash table
 * @path: what was asked for, &enum pilot_path; written under @lock
 * @path_active: direct or relay; written under @lock
 * @keepalive: seconds without sending before a keepalive, 0 off
 * @keys: keys by slot. RCU; written under @lock
 * @keys_seq: tells who looks through all of @keys that one moved meanwhile
 * @endpoint: where it is. RCU; written under @lock
 * @pd: its device
 * @traffic: counters of packets, per CPU
 * @salvage: what was sent lately, per CPU
 * @source4: IPv4 source of the last packet that was its, and the version of the
 *	allowed IPs that said so
 * @last_rx: jiffies of the last successful open, valid with @rx_seen
 * @last_tx: jiffies of the last frame, valid with @tx_seen
 * @rx_seen: something was opened
 * @tx_seen: something was sent
 * @path_heard: frames heard by the other path than @path_active; see path.c
 * @path_heard_since: jiffies of the first of those; @lock
 * @last_answer: jiffies of the last answer to a keepalive
 * @hash: entry of the device's table
 * @id: stable number, for dumps
 * @dynamic: the handler added it by itself; device's lock
 * @allowed_ips: its &struct pilot_allowedip; guarded by the device's lock
 * @lock: guards what is marked; taken with bottom halves off; nothing is
 *	sent and no other lock but the event's is taken under it
 * @dead: removed; @lock. Nothing is added any more
 * @need_key: why a key exchange is wanted, &enum pilot_reason; @lock
 * @cooldown: packets are refused until @cooldown_end; @lock
 * @cooldown_end: jiffies
 * @need_key_sent: jiffies of the last NEED_KEY event, valid if @need_key_ever
 * @need_key_ever: a NEED_KEY event was sent; @lock
 * @need_key_held: one was held back by the rate limit; @lock
 * @moved_since: jiffies; since then it moved @moved times, by its frames, and
 *	all were told; @lock
 * @moved_held: it moved more often, which was not told yet; @lock
 * @next_key_id: where a name for a key is looked for; @lock
 * @probes: rounds of probes still to send; @lock
 * @lost_key: key under which packets were sent that are to be salvaged, 0
 *	none
 * @queue: packets waiting for a key; @lock
 * @timer: keepalive, probes and the switch to a silent peer's next key
 * @buckets: for its handshake frames, straight and relayed
 * @ping_bucket: for its pings
 * @stats: counters by &enum pilot_stats_attr
 * @noted: events of a kind held back by the rate limit
 * @rcu: for freeing
 *
 * Found through the device's tables under RCU, or under the device's lock.
 * There are no references: removal unlinks it, stops the timer and frees it
 * after a grace period (see pilot_peer_remove()).
 */
struct pilot_peer {
	u32 node_id;
	u8 path;
	u8 path_active;
	u16 keepalive;
	struct pilot_key __rcu *keys[PILOT_SLOTS];
	seqcount_spinlock_t keys_seq;
	struct pilot_endpoint __rcu *endpoint;
	struct pilot_device *pd;
	struct pilot_traffic __percpu *traffic;
	struct pilot_salvage_ring __percpu *salvage;
	atomic64_t source4;
	unsigned long last_rx;
	unsigned long last_tx;
	bool rx_seen;
	bool tx_seen;
	u8 path_heard;
	unsigned long path_heard_since;
	unsigned long last_answer;

	struct rhash_head hash;
	u32 id;
	bool dynamic;
	struct list_head allowed_ips;

	spinlock_t lock;		/* what says so above */
	bool dead;
	u8 need_key;
	bool cooldown;
	bool need_key_ever;
	bool need_key_held;
	u8 moved;
	bool moved_held;
	u8 probes;
	u32 lost_key;
	u32 next_key_id;
	unsigned long cooldown_end;
	unsigned long need_key_sent;
	unsigned long moved_since;
	struct sk_buff_head queue;
	struct timer_list timer;
	struct pilot_bucket buckets[2];
	struct pilot_bucket ping_bucket;
	atomic64_t stats[PILOT_PEER_STATS];
	struct {
		atomic_t count;
		unsigned long sent;
		bool ever;
	} noted[2];
	struct rcu_head rcu;
};

/**
 * struct pilot_peers - the peers of a device
 * @table: by node ID, for packets
 * @ids: by stable number, for dumps
 * @next_id: where the next number is looked for
 * @n: how many there are
 *
 * Written under the device's lock.
 */
struct pilot_peers {
	struct rhashtable table;
	struct xarray ids;
	u32 next_id;
	u32 n;
};

extern const struct rhashtable_params pilot_peer_params;

int pilot_peers_init(struct pilot_peers *peers);
void pilot_peers_destroy(struct pilot_device *pd);
struct pilot_peer *pilot_peer_find(struct pilot_device *pd, u32 node_id);
struct pilot_peer *pilot_peer_get(struct pilot_device *pd, u32 node_id);
struct pilot_peer *pilot_peer_add(struct pilot_device *pd, u32 node_id,
				  struct netlink_ext_ack *extack);
void pilot_peer_remove(struct pilot_peer *peer);
void pilot_peer_need_key(struct pilot_peer *peer, enum pilot_reason reason);
unsigned int pilot_peer_in_cooldown(struct pilot_peer *peer);
void pilot_peer_cooldown(struct pilot_peer *peer, unsigned int ms);
void pilot_peer_purge(struct pilot_peer *peer);
int pilot_peer_enqueue(struct pilot_peer *peer, struct sk_buff *skb);
void pilot_peer_flush(struct pilot_peer *peer);
void pilot_peer_arm(struct pilot_peer *peer);
void pilot_peer_moved(struct pilot_peer *peer, bool learned);
void pilot_peer_note(struct pilot_peer *peer, enum pilot_event_type type);

#endif /* _PILOT_PEER_H */
