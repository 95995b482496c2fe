// SPDX-License-Identifier: GPL-2.0
/*
 * Peers: life and death, the queue of packets that wait for a key, the timer.
 */
#include <linux/rhashtable.h>
#include <linux/slab.h>

#include "aead.h"
#include "compat.h"
#include "device.h"
#include "netlink.h"
#include "peer.h"
#include "salvage.h"
#include "send.h"
#include "socket.h"

/* Between two keepalives under a key that is not proven yet. */
#define PROBE_INTERVAL	(HZ / 2)

/* Where SIMD could not be used, the timer tries again after. */
#define RETRY_INTERVAL	(HZ / 10)

/* Moves learned from frames, told in PILOT_REKEY_REQUEST_MS. */
#define MOVES_TOLD	3

/* Only the administrator chooses the keys, so that quick is good enough. */
static u32 hash_node(const void *node_id, u32 len, u32 seed)
{
	return (*(const u32 *)node_id ^ seed) * GOLDEN_RATIO_64 >> 32;
}

static int compare_node(struct rhashtable_compare_arg *arg, const void *peer)
{
	return ((const struct pilot_peer *)peer)->node_id !=
	       *(const u32 *)arg->key;
}

const struct rhashtable_params pilot_peer_params = {
	.key_len = sizeof(u32),
	.key_offset = offsetof(struct pilot_peer, node_id),
	.head_offset = offsetof(struct pilot_peer, hash),
	.hashfn = hash_node,
	.obj_cmpfn = compare_node,
	.automatic_shrinking = true,
};

int pilot_peers_init(struct pilot_peers *peers)
{
	xa_init_flags(&peers->ids, XA_FLAGS_ALLOC1);
	return rhashtable_init(&peers->table, &pilot_peer_params);
}

/**
 * pilot_peers_destroy() - removes all peers and the tables
 * @pd: device; its lock is held
 *
 * Context: process, with nothing sending or receiving any more.
 */
void pilot_peers_destroy(struct pilot_device *pd)
{
	struct pilot_peer *peer;
	unsigned long id;

	lockdep_assert_held(&pd->lock);
	xa_for_each(&pd->peers.ids, id, peer) {
		pilot_peer_remove(peer);
		cond_resched();
	}
	xa_destroy(&pd->peers.ids);
	rhashtable_destroy(&pd->peers.table);
}

/**
 * pilot_peer_find() - finds a peer
 * @pd: device
 * @node_id: its node ID
 *
 * Context: RCU read side. Return: peer or NULL.
 */
struct pilot_peer *pilot_peer_find(struct pilot_device *pd, u32 node_id)
{
	return rhashtable_lookup(&pd->peers.table, &node_id,
				 pilot_peer_params);
}

/**
 * pilot_peer_get() - finds a peer, for configuration
 * @pd: device; its lock is held
 * @node_id: node ID
 *
 * Context: process. Return: the peer or NULL.
 */
struct pilot_peer *pilot_peer_get(struct pilot_device *pd, u32 node_id)
{
	lockdep_assert_held(&pd->lock);
	return rhashtable_lookup_fast(&pd->peers.table, &node_id,
				      pilot_peer_params);
}

static void peer_timer(struct timer_list *timer);

/**
 * pilot_peer_add() - adds a peer
 * @pd: device; its lock is held
 * @node_id: node ID
 * @extack: receives the reason of a failure
 *
 * Context: process. Return: the peer, or ERR_PTR: -EEXIST, -ENOSPC, -ENOMEM,
 * -EBUSY while the table cannot grow.
 */
struct pilot_peer *pilot_peer_add(struct pilot_device *pd, u32 node_id,
				  struct netlink_ext_ack *extack)
{
	struct pilot_peer *peer;
	int err, cpu;

	lockdep_assert_held(&pd->lock);
	if (pilot_peer_get(pd, node_id)) {
		NL_SET_ERR_MSG_MOD(extack, "there is a peer of this node id");
		return ERR_PTR(-EEXIST);
	}
	if (pd->peers.n >= pd->max_peers) {
		NL_SET_ERR_MSG_MOD(extack, "the device has max-peers peers");
		return ERR_PTR(-ENOSPC);
	}
	peer = kzalloc(sizeof(*peer), GFP_KERNEL_ACCOUNT);
	if (!peer)
		return ERR_PTR(-ENOMEM);
	peer->traffic = alloc_percpu_gfp(struct pilot_traffic, GFP_KERNEL_ACCOUNT);
	if (!peer->traffic) {
		err = -ENOMEM;
		goto err_free;
	}
	err = pilot_salvage_init(peer);
	if (err)
		goto err_percpu;
	for_each_possible_cpu(cpu)
		u64_stats_init(&per_cpu_ptr(peer->traffic, cpu)->syncp);
	peer->node_id = node_id;
	peer->pd = pd;
	peer->path_active = PILOT_PATH_DIRECT;
	peer->keepalive = PILOT_KEEPALIVE_SECS;
	peer->moved_since = jiffies;
	peer->last_answer = jiffies - HZ;
	INIT_LIST_HEAD(&peer->allowed_ips);
	spin_lock_init(&peer->lock);
	seqcount_spinlock_init(&peer->keys_seq, &peer->lock);
	__skb_queue_head_init(&peer->queue);
	pilot_bucket_init(&peer->buckets[0]);
	pilot_bucket_init(&peer->buckets[1]);
	pilot_bucket_init(&peer->ping_bucket);
	timer_setup(&peer->timer, peer_timer, 0);

	err = xa_alloc_cyclic(&pd->peers.ids, &peer->id, peer, xa_limit_31b,
			      &pd->peers.next_id, GFP_KERNEL_ACCOUNT);
	if (err < 0)
		goto err_salvage;
	err = rhashtable_insert_fast(&pd->peers.table, &peer->hash,
				     pilot_peer_params);
	if (err)
		goto err_id;
	pd->peers.n++;
	pd->generation++;
	pilot_event_peer(peer, PILOT_EVENT_PEER_ADDED);
	return peer;

err_id:
	xa_erase(&pd->peers.ids, peer->id);
err_salvage:
	pilot_salvage_free(peer);
err_percpu:
	free_percpu(peer->traffic);
err_free:
	kfree(peer);
	return ERR_PTR(err);
}

static void free_peer(struct rcu_head *rcu)
{
	struct pilot_peer *peer = container_of(rcu, struct pilot_peer, rcu);

	pilot_salvage_free(peer);
	free_percpu(peer->traffic);
	kfree(peer);
}

/**
 * pilot_peer_remove() - removes a peer and all it holds
 * @peer: peer; its device's lock is held
 *
 * Why nothing can use it afterwards. Packets find it through the hash table
 * or allowed-ips, under RCU; both forget it first. Whoever found it before
 * may still take its lock, sees @dead there and neither queues a packet nor
 * moves the endpoint; keys are installed only under the device's lock. The
 * timer is shut down: arming it again does nothing. No reference is kept
 * anywhere else, since packets are sealed and opened synchronously within
 * their read-side section; so one grace period ends the last use.
 *
 * Context: process.
 */
void pilot_peer_remove(struct pilot_peer *peer)
{
	struct pilot_device *pd = peer->pd;

	lockdep_assert_held(&pd->lock);
	pilot_allowedips_remove_list(&pd->allowedips, &peer->allowed_ips);
	rhashtable_remove_fast(&pd->peers.table, &peer->hash,
			       pilot_peer_params);
	xa_erase(&pd->peers.ids, peer->id);
	pd->peers.n--;
	pd->generation++;

	spin_lock_bh(&peer->lock);
	peer->dead = true;
	spin_unlock_bh(&peer->lock);
	timer_shutdown_sync(&peer->timer);
	pilot_key_drop_all(peer, PILOT_REASON_PEER_REMOVED);
	pilot_peer_purge(peer);
	pilot_endpoint_replace(peer, NULL, false);
	pilot_event_peer(peer, PILOT_EVENT_PEER_REMOVED);
	call_rcu(&peer->rcu, free_peer);
}

static bool in_cooldown(struct pilot_peer *peer)
{
	lockdep_assert_held(&peer->lock);
	if (peer->cooldown && time_after_eq(jiffies, peer->cooldown_end))
		peer->cooldown = false;
	return peer->cooldown;
}

/**
 * pilot_peer_in_cooldown() - milliseconds for which packets are refused
 * @peer: peer
 *
 * Return: 0 if they are not.
 */
unsigned int pilot_peer_in_cooldown(struct pilot_peer *peer)
{
	unsigned long now = jiffies;
	unsigned int ms = 0;

	spin_lock_bh(&peer->lock);
	if (in_cooldown(peer) && time_before(now, peer->cooldown_end))
		ms = jiffies_to_msecs(peer->cooldown_end - now);
	spin_unlock_bh(&peer->lock);
	return ms;
}

/**
 * pilot_peer_cooldown() - refuses packets for a while, the manager gave up
 * @peer: peer
 * @ms: how long; 0 lifts it
 */
void pilot_peer_cooldown(struct pilot_peer *peer, unsigned int ms)
{
	spin_lock_bh(&peer->lock);
	peer->cooldown = ms;
	peer->cooldown_end = jiffies + msecs_to_jiffies(ms);
	if (ms) {
		WRITE_ONCE(peer->need_key, PILOT_REASON_NONE);
		pilot_event_peer(peer, PILOT_EVENT_GAVE_UP);
	}
	spin_unlock_bh(&peer->lock);
	if (ms)
		pilot_peer_purge(peer);
}

/**
 * pilot_peer_need_key() - asks the manager for a key exchange
 * @peer: peer
 * @reason: why
 *
 * The wish stays readable until a key is installed; the event is sent at
 * most once in PILOT_REKEY_REQUEST_MS, except by the user's command.
 */
void pilot_peer_need_key(struct pilot_peer *peer, enum pilot_reason reason)
{
	unsigned long now = jiffies, limit;
	struct pilot_key *key;

	spin_lock_bh(&peer->lock);
	limit = peer->need_key_sent + msecs_to_jiffies(PILOT_REKEY_REQUEST_MS);
	if (reason == PILOT_REASON_USER)
		peer->cooldown = false;
	/* what was held back may have come true meanwhile */
	if (!reason || peer->dead || in_cooldown(peer))
		goto out;
	/* one may have come since */
	key = rcu_dereference_protected(peer->keys[PILOT_SLOT_CURRENT],
					lockdep_is_held(&peer->lock));
	if ((reason == PILOT_REASON_NO_KEY ||
	     reason == PILOT_REASON_EXHAUSTED) && pilot_key_can_send(key))
		goto out;
	WRITE_ONCE(peer->need_key, reason);
	if (reason != PILOT_REASON_USER && peer->need_key_ever &&
	    time_before(now, limit)) {
		peer->need_key_held = true;
		timer_reduce(&peer->timer, limit);
		goto out;
	}
	peer->need_key_ever = true;
	peer->need_key_held = false;
	peer->need_key_sent = now;
	pilot_event_need_key(peer, reason);
out:
	spin_unlock_bh(&peer->lock);
}

/**
 * pilot_peer_note() - tells of a nuisance, at most once in 3 s per kind
 * @peer: sender
 * @type: PILOT_EVENT_NONCE_REPLAY or PILOT_EVENT_SRC_SPOOFED
 */
void pilot_peer_note(struct pilot_peer *peer, enum pilot_event_type type)
{
	int kind = type == PILOT_EVENT_SRC_SPOOFED;
	unsigned long now = jiffies;

	atomic_inc(&peer->noted[kind].count);
	if (READ_ONCE(peer->noted[kind].ever) &&
	    time_before(now, READ_ONCE(peer->noted[kind].sent) +
			msecs_to_jiffies(PILOT_REKEY_REQUEST_MS)))
		return;
	WRITE_ONCE(peer->noted[kind].ever, true);
	WRITE_ONCE(peer->noted[kind].sent, now);
	pilot_event_count(peer, type,
			  atomic_xchg(&peer->noted[kind].count, 0));
}

/**
 * pilot_peer_moved() - tells where a peer is now
 * @peer: peer that has an endpoint; its lock is held
 * @learned: by a frame. Who splits paths or rewrites sources moves it by each
 *	one: that is told a few times in 3 s, and then where it is at their end
 */
void pilot_peer_moved(struct pilot_peer *peer, bool learned)
{
	unsigned long limit = peer->moved_since +
			      msecs_to_jiffies(PILOT_REKEY_REQUEST_MS);
	const struct pilot_endpoint *ep =
		rcu_dereference_protected(peer->endpoint,
					  lockdep_is_held(&peer->lock));

	if (learned && time_after_eq(jiffies, limit)) {
		peer->moved_since = jiffies;
		peer->moved = 0;
	}
	peer->moved_held = learned && peer->moved == MOVES_TOLD;
	if (peer->moved_held) {
		timer_reduce(&peer->timer, limit);
		return;
	}
	peer->moved += learned;
	pilot_event_endpoint(peer, &ep->remote);
}

/**
 * pilot_peer_enqueue() - keeps a packet until there is a key
 * @peer: receiver
 * @skb: packet; taken over on success only
 *
 * Return: 0; -EAGAIN if there is a key now; -EHOSTUNREACH in the cooldown,
 * or when too many peers have a queue; -ENOBUFS when the peer's is full.
 */
int pilot_peer_enqueue(struct pilot_peer *peer, struct sk_buff *skb)
{
	struct pilot_device *pd = peer->pd;
	struct pilot_key *key;
	int err = 0;

	/* its socket would keep a namespace that may be the device's */
	if (skb_orphan_frags_rx(skb, GFP_ATOMIC))
		return -ENOBUFS;
	skb_orphan(skb);
	spin_lock_bh(&peer->lock);
	key = rcu_dereference_protected(peer->keys[PILOT_SLOT_CURRENT],
					lockdep_is_held(&peer->lock));
	if (pilot_key_can_send(key))
		err = -EAGAIN;
	else if (peer->dead || in_cooldown(peer))
		err = -EHOSTUNREACH;
	else if (skb_queue_len(&peer->queue) >= PILOT_PENDING_PER_PEER)
		err = -ENOBUFS;
	else if (skb_queue_empty(&peer->queue) &&
		 !atomic_add_unless(&pd->n_queues, 1, PILOT_PENDING_PEERS))
		err = -EHOSTUNREACH;
	if (!err) {
		/* it may wait for long: let go of what others may wait for */
		skb_dst_drop(skb);
		nf_reset_ct(skb);
		__skb_queue_tail(&peer->queue, skb);
	}
	spin_unlock_bh(&peer->lock);
	return err;
}

/* Moves the queue to @list. */
static void take_queue(struct pilot_peer *peer, struct sk_buff_head *list)
{
	__skb_queue_head_init(list);
	spin_lock_bh(&peer->lock);
	if (!skb_queue_empty(&peer->queue)) {
		skb_queue_splice_tail_init(&peer->queue, list);
		atomic_dec(&peer->pd->n_queues);
	}
	spin_unlock_bh(&peer->lock);
}

/**
 * pilot_peer_purge() - throws the waiting packets away
 * @peer: peer
 */
void pilot_peer_purge(struct pilot_peer *peer)
{
	struct sk_buff_head list;

	take_queue(peer, &list);
	__skb_queue_purge(&list);
}

/**
 * pilot_peer_flush() - sends what is to be salvaged and what waits, in order
 * @peer: peer
 *
 * Context: any but hard interrupt; pilot_aead_usable(). Without a key packets
 * queue up again.
 */
void pilot_peer_flush(struct pilot_peer *peer)
{
	u32 lost_key = xchg(&peer->lost_key, 0);
	struct sk_buff_head list;
	struct sk_buff *skb;

	if (!lost_key && skb_queue_empty_lockless(&peer->queue))
		return;
	take_queue(peer, &list);
	local_bh_disable();
	rcu_read_lock();
	if (lost_key)
		pilot_salvage_resend(peer, lost_key);
	while ((skb = __skb_dequeue(&list)))
		pilot_send_packet(peer, skb);
	rcu_read_unlock();
	local_bh_enable();
}

/**
 * pilot_peer_arm() - starts the timer, after a key was installed or a setting
 *	it depends on changed
 * @peer: peer
 */
void pilot_peer_arm(struct pilot_peer *peer)
{
	timer_reduce(&peer->timer, jiffies + PROBE_INTERVAL);
}

/*
 * Sends the event that was held back, if it is time and still true. Returns
 * whether it has to be held back longer, with *@due when.
 */
static bool need_key_held(struct pilot_peer *peer, unsigned long now,
			  unsigned long *due)
{
	bool held;

	spin_lock(&peer->lock);
	held = peer->need_key_held && peer->need_key;
	*due = peer->need_key_sent + msecs_to_jiffies(PILOT_REKEY_REQUEST_MS);
	spin_unlock(&peer->lock);
	if (held && time_after_eq(now, *due)) {
		pilot_peer_need_key(peer, READ_ONCE(peer->need_key));
		return false;
	}
	return held;
}

/* The same for the event of a move. */
static bool moved_held(struct pilot_peer *peer, unsigned long now,
		       unsigned long *due)
{
	bool held;

	spin_lock(&peer->lock);
	*due = peer->moved_since + msecs_to_jiffies(PILOT_REKEY_REQUEST_MS);
	if (peer->moved_held && time_after_eq(now, *due)) {
		peer->moved_held = false;
		if (rcu_access_pointer(peer->endpoint))
			pilot_peer_moved(peer, false);
	}
	held = peer->moved_held;
	spin_unlock(&peer->lock);
	return held;
}

/*
 * The one timer of a peer. It is not touched per packet: it looks at when the
 * last frame was sent and comes again when the keepalive would be due.
 */
static void peer_timer(struct timer_list *timer)
{
	struct pilot_peer *peer = container_of(timer, struct pilot_peer, timer);
	unsigned long now = jiffies, next, due;
	unsigned int keepalive;
	struct pilot_key *key;
	bool again;

	if (!pilot_aead_usable()) {
		timer_reduce(timer, now + RETRY_INTERVAL);
		return;
	}
	rcu_read_lock();
	next = now + 30 * HZ;
	again = need_key_held(peer, now, &due);
	if (again && time_before(due, next))
		next = due;
	if (moved_held(peer, now, &due)) {
		again = true;
		if (time_before(due, next))
			next = due;
	}
	if (pilot_key_tick(peer)) {
		pilot_send_probes(peer);
		next = now + PROBE_INTERVAL;
	}
	/* plaintexts are not kept longer than they may be sent again */
	if (pilot_salvage_expire(peer, now, &due)) {
		again = true;
		if (time_before(due, next))
			next = due;
	}
	keepalive = READ_ONCE(peer->keepalive);
	key = rcu_dereference(peer->keys[PILOT_SLOT_CURRENT]);
	if (key && keepalive) {
		due = READ_ONCE(peer->last_tx) + keepalive * HZ;
		if (!READ_ONCE(peer->tx_seen) || time_after_eq(now, due)) {
			pilot_send_keepalive(peer, key);
			due = now + keepalive * HZ;
		}
		if (time_before(due, next))
			next = due;
	}
	/* shut down, or brought forward meanwhile, it stays so */
	if (again || key ||
	    rcu_access_pointer(peer->keys[PILOT_SLOT_PREVIOUS]))
		timer_reduce(timer, next);
	rcu_read_unlock();
}
