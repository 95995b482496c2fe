// SPDX-License-Identifier: GPL-2.0
/*
 * The Store. A peer has up to four keys:
 *
 *   current    sends and opens
 *   next       installed while the current one is proven: opens only. It takes
 *              over when it opens a frame, or when the current one stays
 *              silent for about a second after (S2: a PILA may be a replay)
 *   earlier    pushed aside by a newer key that was not proven either: opens,
 *              and takes over when it does before the newer one. One of the
 *              two may come from a replayed PILA, and must not cost the other
 *   previous   proven, sent before the current one: opens what is still under
 *              way; takes over again when it opens a frame while the current
 *              key never opened any, or when keys crossed
 *
 * While the current key is not proven there is no next one: the newest sends.
 *
 * Transitions happen under the peer's lock; packets read the slots under RCU.
 * A key that moves is in no slot for a moment: who looks for the one that opens
 * a frame must look again.
 * A key that leaves its slots is freed after a grace period, from a worker,
 * since freeing a cipher may sleep.
 */
#include <linux/random.h>
#include <linux/slab.h>

#include "aead.h"
#include "compat.h"
#include "device.h"
#include "netlink.h"
#include "peer.h"
#include "salvage.h"
#include "send.h"
#include "store.h"
#include "trace.h"

/* A key that was proven and does not send goes when it opens nothing for so long. */
#define UNUSED_LIFE	(60 * HZ)

/*
 * Keys made shortly after one another can cross: each end sends under the
 * one that the other end left. That is so if the peer uses another key alone for
 * longer than frames are under way.
 */
#define CROSS_SPAN	(60 * HZ)
#define CROSS_TIME	(3 * HZ)

/* Keepalives under a key that is not proven yet, two a second. */
#define PROBES		10

/*
 * A key that was probed is kept as long as its proof may be under way: the peer
 * may send under it by then. That is shorter when a newer one was proven.
 */
#define PROOF_LIFE	(6 * HZ)
#define PROOF_LATE	HZ

static struct workqueue_struct *free_wq;

/* See pilot_store_refuse(). */
static bool refusing;

/*
 * Nonce prefixes: a walk through all 32-bit numbers from a random start by a
 * random odd step. No two keys installed between two of these starts get the
 * same one, so that the same secret installed again, on whatever device, never
 * meets a nonce it has used. Another start is as likely to as another boot.
 */
static atomic_t prefix_n;
static u32 prefix_start;
static u32 prefix_step;

static u32 draw_prefix(void)
{
	return READ_ONCE(prefix_start) +
	       READ_ONCE(prefix_step) * (u32)atomic_inc_return(&prefix_n);
}

/**
 * pilot_store_redraw() - begins the walk of nonce prefixes somewhere else
 *
 * At the start, and when the machine may be running twice from here on. What
 * the random numbers come from may be in the image of both; the time is not.
 */
void pilot_store_redraw(void)
{
	u64 now = (ktime_get_real_ns() ^ random_get_entropy()) *
		  GOLDEN_RATIO_64;

	WRITE_ONCE(prefix_start, get_random_u32() ^ lower_32_bits(now));
	WRITE_ONCE(prefix_step, (get_random_u32() ^ upper_32_bits(now)) | 1);
}

/**
 * pilot_store_refuse() - takes no keys in for a while
 * @refuse: whether
 *
 * While the machine falls asleep: its memory would hold them, and what is in a
 * hibernation image may run again from there, with counters that have gone on
 * since (S3). Keys that are there are dropped after it is switched on, under
 * their devices' locks; whoever installs one later, under that lock, sees it.
 */
void pilot_store_refuse(bool refuse)
{
	WRITE_ONCE(refusing, refuse);
}

/**
 * pilot_store_defaults() - settings of a new device
 * @pd: device
 */
void pilot_store_defaults(struct pilot_device *pd)
{
	static const u32 thresholds[PILOT_GATES] = {
		[PILOT_GATE_DECRYPT_FAIL] = PILOT_DECRYPT_FAIL_THRESHOLD,
		[PILOT_GATE_OUTSIDE_WINDOW] = PILOT_OUTSIDE_THRESHOLD,
		[PILOT_GATE_REPLAY] = PILOT_REPLAY_THRESHOLD,
	};
	int i;

	for (i = 0; i < PILOT_GATES; i++) {
		pd->gates[i].threshold = thresholds[i];
		pd->gates[i].grace = msecs_to_jiffies(PILOT_GATE_GRACE_MS);
	}
	pd->rekey_after = PILOT_REKEY_AFTER;
}

/**
 * pilot_store_init() - prepares for the first key
 *
 * Context: process. Return: 0 or -ENOMEM.
 */
int pilot_store_init(void)
{
	pilot_store_redraw();
	free_wq = alloc_workqueue("pilot-free", WQ_UNBOUND, 0);
	return free_wq ? 0 : -ENOMEM;
}

/**
 * pilot_store_flush() - waits until every dropped key is freed and wiped
 *
 * Context: process.
 */
void pilot_store_flush(void)
{
	rcu_barrier();
	flush_workqueue(free_wq);
}

/**
 * pilot_store_exit() - waits until every dropped key is freed
 *
 * Context: process, with no device left.
 */
void pilot_store_exit(void)
{
	rcu_barrier();
	destroy_workqueue(free_wq);
}

static void free_key(struct pilot_key *key)
{
	if (!IS_ERR_OR_NULL(key->tfm))
		crypto_free_aead(key->tfm);
	kfree_sensitive(key);
}

static void free_key_work(struct work_struct *work)
{
	free_key(container_of(to_rcu_work(work), struct pilot_key, rwork));
}

static struct pilot_key *slot_key(struct pilot_peer *peer, enum pilot_slot slot)
{
	return rcu_dereference_protected(peer->keys[slot],
					 lockdep_is_held(&peer->lock));
}

static bool has_key(struct pilot_peer *peer)
{
	int slot;

	for (slot = 0; slot < PILOT_SLOTS; slot++)
		if (slot_key(peer, slot))
			return true;
	return false;
}

/* Puts @key (or nothing) in a slot and returns what was there. */
static struct pilot_key *replace(struct pilot_peer *peer, enum pilot_slot slot,
				 struct pilot_key *key)
{
	struct pilot_key *old = slot_key(peer, slot);

	rcu_assign_pointer(peer->keys[slot], key);
	return old;
}

/* Lets go of a key that is in no slot any more. */
static void retire(struct pilot_peer *peer, struct pilot_key *key,
		   enum pilot_reason reason)
{
	if (!key)
		return;
	trace_pilot_key(peer, key->id, PILOT_KEY_DROPPED, reason);
	pilot_event_key_dropped(peer, key->id, reason);
	INIT_RCU_WORK(&key->rwork, free_key_work);
	queue_rcu_work(free_wq, &key->rwork);
}

/* A peer heard of under its old key so lately did not restart since. */
#define ALIVE	(HZ / 4)

static bool is_negotiated(const struct pilot_key *key)
{
	return memchr_inv(key->peer_x25519, 0, sizeof(key->peer_x25519));
}

/*
 * Whether what was sent under @old is lost to the peer: it has another X25519
 * key now, and nothing came under @old when it told us, or since. One of two
 * keys of the same exchange may only lack its proof yet.
 */
static bool is_lost(const struct pilot_key *old, const struct pilot_key *key)
{
	if (!is_negotiated(key) ||
	    !memcmp(key->peer_x25519, old->peer_x25519, PILOT_X25519_LEN))
		return false;
	if (old->proven)
		return time_before(READ_ONCE(old->last_rx) + ALIVE,
				   key->installed);
	return time_before(old->installed, key->installed) ||
	       time_before(old->installed + ALIVE, jiffies);
}

/* Makes @key, new or from another slot, the one that sends. */
static void promote(struct pilot_peer *peer, struct pilot_key *key)
{
	struct pilot_key *old, *out = NULL;
	enum pilot_slot slot;

	lockdep_assert_held(&peer->lock);
	write_seqcount_begin(&peer->keys_seq);
	for (slot = 0; slot < PILOT_SLOTS; slot++)
		if (slot_key(peer, slot) == key)
			replace(peer, slot, NULL);
	old = replace(peer, PILOT_SLOT_CURRENT, key);
	if (old) {
		if (old->proven)
			slot = PILOT_SLOT_PREVIOUS;
		else if (key->proven && !slot_key(peer, PILOT_SLOT_NEXT))
			slot = PILOT_SLOT_NEXT;
		else
			slot = PILOT_SLOT_EARLIER;
		out = replace(peer, slot, old);
	}
	write_seqcount_end(&peer->keys_seq);
	trace_pilot_key(peer, key->id, PILOT_KEY_SENDS, PILOT_REASON_NONE);
	if (old && is_lost(old, key))
		WRITE_ONCE(peer->lost_key, old->id);
	retire(peer, out, PILOT_REASON_REPLACED);
}

/*
 * Whether another key would push out one whose proof may be under way, or that
 * was used lately.
 */
static bool is_full(struct pilot_peer *peer)
{
	const struct pilot_key *cur = slot_key(peer, PILOT_SLOT_CURRENT);
	const struct pilot_key *out = slot_key(peer, PILOT_SLOT_EARLIER);

	if (!cur || !out || (cur->proven && !slot_key(peer, PILOT_SLOT_NEXT)))
		return false;
	if (out->proven)
		return time_before(jiffies, READ_ONCE(out->last_rx) + PROOF_LIFE);
	if (cur->proven && !time_after(out->installed, cur->installed))
		return time_before(jiffies, cur->installed + PROOF_LATE);
	return time_before(jiffies, out->installed + PROOF_LIFE);
}

/* Puts a new key beside the proven one. */
static void put_beside(struct pilot_peer *peer, struct pilot_key *key)
{
	struct pilot_key *old, *out = NULL;

	write_seqcount_begin(&peer->keys_seq);
	old = replace(peer, PILOT_SLOT_NEXT, key);
	if (old)
		out = replace(peer, PILOT_SLOT_EARLIER, old);
	write_seqcount_end(&peer->keys_seq);
	retire(peer, out, PILOT_REASON_REPLACED);
}

static struct pilot_key *new_key(struct pilot_device *pd,
				 const struct pilot_key_params *params,
				 struct netlink_ext_ack *extack)
{
	u32 window = READ_ONCE(pd->replay_window);
	struct pilot_key *key;

	key = kzalloc(offsetof(struct pilot_key, rx) +
		      pilot_epochs_size(window), GFP_KERNEL_ACCOUNT);
	if (!key)
		return ERR_PTR(-ENOMEM);
	key->tfm = pilot_aead_alloc(params->secret, extack);
	if (IS_ERR(key->tfm)) {
		int err = PTR_ERR(key->tfm);

		free_key(key);
		return ERR_PTR(err);
	}
	key->tx_prefix = draw_prefix();
	key->id = params->id;
	key->authenticated = params->authenticated;
	key->installed = jiffies;
	key->rekey_after = READ_ONCE(pd->rekey_after);
	key->reject_after = (u64)key->rekey_after * PILOT_REJECT_FACTOR;
	memcpy(key->secret, params->secret, sizeof(key->secret));
	if (params->peer_x25519)
		memcpy(key->peer_x25519, params->peer_x25519,
		       sizeof(key->peer_x25519));
	if (params->local_x25519)
		memcpy(key->local_x25519, params->local_x25519,
		       sizeof(key->local_x25519));
	if (params->peer_ed25519)
		memcpy(key->peer_ed25519, params->peer_ed25519,
		       sizeof(key->peer_ed25519));
	spin_lock_init(&key->rx_lock);
	pilot_epochs_init(&key->rx, window);
	return key;
}

/*
 * Finds the key with the same secret, or else checks that the ID is free and
 * chooses one if none was given. Only holders of the device's lock install
 * keys, so that the answer stays true.
 */
static int find_same(struct pilot_peer *peer,
		     const struct pilot_key_params *params, u32 *id,
		     enum pilot_slot *slot, struct netlink_ext_ack *extack)
{
	int i, err = -ENOENT;

	*id = params->id ?: ++peer->next_key_id ?: ++peer->next_key_id;
	spin_lock_bh(&peer->lock);
	for (i = 0; i < PILOT_SLOTS; i++) {
		struct pilot_key *key = slot_key(peer, i);

		if (!key)
			continue;
		if (!crypto_memneq(key->secret, params->secret,
				   sizeof(key->secret))) {
			if (params->authenticated)
				key->authenticated = true;
			if (params->peer_ed25519)
				memcpy(key->peer_ed25519, params->peer_ed25519,
				       sizeof(key->peer_ed25519));
			if (!key->proven)
				peer->probes = PROBES;
			*id = key->id;
			*slot = i;
			err = 0;
			goto out;
		}
		if (key->id == *id)
			err = -EEXIST;
	}
	if (err == -EEXIST && params->id)
		NL_SET_ERR_MSG_MOD(extack,
				   "the peer has another key of this id");
out:
	spin_unlock_bh(&peer->lock);
	return err;
}

/**
 * pilot_key_install() - installs a key, or refreshes it if it is there
 * @peer: peer; its device's lock is held
 * @params: the key
 * @id: receives the name of the key
 * @slot: receives the slot it is in
 * @extack: receives the reason of a failure
 *
 * The same secret again changes nothing of the key but @authenticated, which
 * can be gained: counter and windows go on (S3).
 *
 * Context: process. Return: 0, -EEXIST when the name is taken, -EBUSY when two
 * negotiated keys await their proof, -EAGAIN while the machine goes to sleep,
 * -ENOMEM, or an error of the crypto API.
 */
int pilot_key_install(struct pilot_peer *peer,
		      const struct pilot_key_params *params, u32 *id,
		      enum pilot_slot *slot, struct netlink_ext_ack *extack)
{
	struct pilot_key *key, *cur;
	bool rekeyed;
	int err;

	do {	/* a name of our choice that is in use is passed over */
		err = find_same(peer, params, id, slot, extack);
	} while (err == -EEXIST && !params->id);
	if (!err) {
		pilot_send_probes(peer);
		pilot_peer_arm(peer);
	}
	if (err != -ENOENT)
		return err;
	if (READ_ONCE(refusing)) {
		NL_SET_ERR_MSG_MOD(extack, "the machine goes to sleep");
		return -EAGAIN;
	}

	key = new_key(peer->pd, params, extack);
	if (IS_ERR(key))
		return PTR_ERR(key);
	key->id = *id;

	spin_lock_bh(&peer->lock);
	if (params->peer_x25519 && is_full(peer)) {
		spin_unlock_bh(&peer->lock);
		NL_SET_ERR_MSG_MOD(extack,
				   "two keys of the peer await their proof");
		free_key(key);
		return -EBUSY;
	}
	rekeyed = has_key(peer);
	if (!rekeyed)
		atomic_inc(&peer->pd->n_keys);
	cur = slot_key(peer, PILOT_SLOT_CURRENT);
	if (cur && cur->proven) {
		*slot = PILOT_SLOT_NEXT;
		put_beside(peer, key);
	} else {
		*slot = PILOT_SLOT_CURRENT;
		promote(peer, key);
	}
	trace_pilot_key(peer, key->id, PILOT_KEY_INSTALLED, PILOT_REASON_NONE);
	WRITE_ONCE(peer->need_key, PILOT_REASON_NONE);
	peer->cooldown = false;
	peer->probes = PROBES;
	pilot_event_key_installed(peer, key->id, key->authenticated, rekeyed);
	spin_unlock_bh(&peer->lock);

	pilot_peer_flush(peer);
	pilot_send_probes(peer);
	pilot_peer_arm(peer);
	return 0;
}

/* Takes a key out of its slot; one that is not proven yet moves up. */
static bool take_out(struct pilot_peer *peer, struct pilot_key *key)
{
	struct pilot_key *up = NULL;
	int slot;

	lockdep_assert_held(&peer->lock);
	for (slot = 0; slot < PILOT_SLOTS; slot++)
		if (slot_key(peer, slot) == key)
			break;
	if (slot == PILOT_SLOTS)
		return false;
	write_seqcount_begin(&peer->keys_seq);
	if (slot == PILOT_SLOT_CURRENT)
		up = replace(peer, PILOT_SLOT_NEXT, NULL) ?:
		     replace(peer, PILOT_SLOT_EARLIER, NULL);
	replace(peer, slot, up);
	write_seqcount_end(&peer->keys_seq);
	if (!has_key(peer))
		atomic_dec(&peer->pd->n_keys);
	return true;
}

/* Sends what waited, if another key moved up; else forgets what was sent. */
static void after_drop(struct pilot_peer *peer)
{
	if (rcu_access_pointer(peer->keys[PILOT_SLOT_CURRENT]))
		pilot_peer_flush(peer);
	else
		pilot_salvage_forget(peer);
}

/**
 * pilot_key_drop() - compare-and-drop
 * @peer: peer
 * @id: name of the key
 * @reason: for the event
 *
 * Return: 0, or -ENOENT if that key is not installed.
 */
int pilot_key_drop(struct pilot_peer *peer, u32 id, enum pilot_reason reason)
{
	int slot, err = -ENOENT;

	spin_lock_bh(&peer->lock);
	for (slot = 0; slot < PILOT_SLOTS; slot++) {
		struct pilot_key *key = slot_key(peer, slot);

		if (key && key->id == id) {
			take_out(peer, key);
			retire(peer, key, reason);
			err = 0;
			break;
		}
	}
	spin_unlock_bh(&peer->lock);
	if (!err)
		after_drop(peer);
	return err;
}

/**
 * pilot_key_drop_all() - drops every key of a peer
 * @peer: peer
 * @reason: for the events
 */
void pilot_key_drop_all(struct pilot_peer *peer, enum pilot_reason reason)
{
	int slot;

	spin_lock_bh(&peer->lock);
	if (has_key(peer))
		atomic_dec(&peer->pd->n_keys);
	for (slot = 0; slot < PILOT_SLOTS; slot++)
		retire(peer, replace(peer, slot, NULL), reason);
	spin_unlock_bh(&peer->lock);
	pilot_salvage_forget(peer);
}

static unsigned int list_keys(struct pilot_peer *peer, __be32 prefix,
			      struct pilot_key *cand[PILOT_SLOTS])
{
	unsigned int slot, n = 0;

	for (slot = 0; slot < PILOT_SLOTS; slot++) {
		struct pilot_key *key = rcu_dereference(peer->keys[slot]);

		if (!key)
			continue;
		/* a hint: what counts is looked up under the lock */
		if (data_race(pilot_epochs_knows(&key->rx,
						 (__force u32)prefix))) {
			cand[0] = key;
			return 1;
		}
		cand[n++] = key;
	}
	return n;
}

/**
 * pilot_key_candidates() - which keys a frame may have been sealed with
 * @peer: sender
 * @prefix: nonce prefix of the frame
 * @cand: receives the keys, most likely first
 *
 * A key that has seen the prefix is the only candidate: that another key of
 * the peer draws the same 32 bits is as good as impossible.
 *
 * Context: bottom halves off, RCU read side. Return: how many.
 */
unsigned int pilot_key_candidates(struct pilot_peer *peer, __be32 prefix,
				  struct pilot_key *cand[PILOT_SLOTS])
{
	unsigned int seq, n;

	do {
		seq = read_seqcount_begin(&peer->keys_seq);
		n = list_keys(peer, prefix, cand);
	} while (read_seqcount_retry(&peer->keys_seq, seq));
	return n;
}

/*
 * Whether each end sends under the key that the other end left. Both see the
 * same two keys, and exactly one of them has to give way: the end that sends
 * under the key of the lower name, which is the same at both ends.
 */
static bool is_crossed(const struct pilot_key *cur, const struct pilot_key *key)
{
	return key->id > cur->id && is_negotiated(key) && is_negotiated(cur) &&
	       time_before(cur->installed, key->installed + CROSS_SPAN) &&
	       time_after(READ_ONCE(key->last_rx),
			  READ_ONCE(cur->last_rx) + CROSS_TIME);
}

/*
 * Whether a key that opened a frame is to send from now on. Not so a late proof
 * of one that is older than the present key, which is proven.
 */
static bool takes_over(struct pilot_peer *peer, const struct pilot_key *key)
{
	const struct pilot_key *cur = slot_key(peer, PILOT_SLOT_CURRENT);
	bool waited = slot_key(peer, PILOT_SLOT_NEXT) == key ||
		      slot_key(peer, PILOT_SLOT_EARLIER) == key;

	if (!waited && slot_key(peer, PILOT_SLOT_PREVIOUS) != key)
		return false;
	return !cur || !cur->proven || is_crossed(cur, key) ||
	       (waited && !time_before(key->installed, cur->installed));
}

/* First frame under a key, or one under a key that does not send or is gated. */
static void proved(struct pilot_peer *peer, struct pilot_key *key)
{
	bool first;

	spin_lock(&peer->lock);
	first = !key->proven;
	if (key->gated)
		trace_pilot_key(peer, key->id, PILOT_KEY_REINSTATED,
				key->gated);
	WRITE_ONCE(key->proven, true);
	WRITE_ONCE(key->gated, PILOT_REASON_NONE);
	if (takes_over(peer, key))
		promote(peer, key);
	peer->cooldown = false;
	if (first && !peer->dead)
		pilot_event_key_confirmed(peer, key->id);
	if (first)
		trace_pilot_key(peer, key->id, PILOT_KEY_PROVEN,
				PILOT_REASON_NONE);
	spin_unlock(&peer->lock);

	/* the peer waits for a proof as well */
	if (first)
		pilot_send_proof(peer, key);
	pilot_peer_flush(peer);
}

/**
 * pilot_key_opened() - bookkeeping after a frame was accepted
 * @peer: sender
 * @key: key that opened it
 * @prefix: its nonce prefix
 * @to_us: it names this node as its receiver; of no account once the key is
 *	proven
 *
 * A negotiated key is proven by frames that name their receiver: whoever passes
 * a fresh PILA of the peer on to us, and ours to the peer in their own name, has
 * both of us derive the same key, but the peer takes it for theirs (S2).
 *
 * Context: bottom halves off, RCU read side. Return: whether the key is proven.
 */
bool pilot_key_opened(struct pilot_peer *peer, struct pilot_key *key,
		      __be32 prefix, bool to_us)
{
	struct pilot_key *cur = rcu_dereference(peer->keys[PILOT_SLOT_CURRENT]);
	unsigned long now = jiffies;
	int i;

	for (i = 0; i < PILOT_GATES; i++)
		if (unlikely(atomic_read(&key->fails[i])))
			atomic_set(&key->fails[i], 0);

	/*
	 * Both directions share the key. The counter goes on under the new
	 * prefix, so that senders need no lock to pair the two.
	 */
	if (unlikely((__force u32)prefix == READ_ONCE(key->tx_prefix)))
		WRITE_ONCE(key->tx_prefix, draw_prefix());

	if (unlikely(!READ_ONCE(key->proven) && !to_us && is_negotiated(key)))
		return false;
	if (READ_ONCE(key->last_rx) != now)
		WRITE_ONCE(key->last_rx, now);
	if (READ_ONCE(peer->last_rx) != now)
		WRITE_ONCE(peer->last_rx, now);
	if (unlikely(!READ_ONCE(peer->rx_seen)))
		WRITE_ONCE(peer->rx_seen, true);

	if (likely(cur == key && READ_ONCE(key->proven) &&
		   !READ_ONCE(key->gated)))
		return true;
	proved(peer, key);
	return true;
}

/*
 * Puts a key in doubt. It asks for another one, but is not dropped: anyone can
 * send junk in the peer's name, and that must not cost the session (S1). It
 * goes on sending for the grace since it last opened a frame; what comes then
 * waits for a genuine frame or a new key. A keepalive asks the peer for the one.
 */
static void gate(struct pilot_peer *peer, struct pilot_key *key,
		 enum pilot_reason reason, unsigned long grace)
{
	struct pilot_device *pd = peer->pd;
	bool current_key, probe = false;

	spin_lock(&peer->lock);
	current_key = slot_key(peer, PILOT_SLOT_CURRENT) == key;
	/* with nobody to bring a new key there is nothing to wait for */
	if (current_key && !key->gated && READ_ONCE(pd->handler_portid)) {
		WRITE_ONCE(key->gate_end, grace + (key->proven ?
				READ_ONCE(key->last_rx) : key->installed));
		WRITE_ONCE(key->gated, reason);
		trace_pilot_key(peer, key->id, PILOT_KEY_GATED, reason);
		peer->probes = PROBES;
		probe = true;
	}
	spin_unlock(&peer->lock);
	if (current_key)
		pilot_peer_need_key(peer, reason);
	if (probe) {
		pilot_send_keepalive(peer, key);
		pilot_peer_arm(peer);
	}
}

/**
 * pilot_key_ungate() - lets a key in doubt go on, nobody brings another
 * @peer: peer
 * @key: its current key
 *
 * Context: bottom halves off, RCU read side.
 */
void pilot_key_ungate(struct pilot_peer *peer, struct pilot_key *key)
{
	spin_lock(&peer->lock);
	WRITE_ONCE(key->gated, PILOT_REASON_NONE);
	spin_unlock(&peer->lock);
	pilot_peer_flush(peer);
}

/**
 * pilot_key_failed() - counts a frame that was refused
 * @peer: sender the frame names
 * @key: key it was tried with
 * @kind: how it failed; all but DECRYPT_FAIL were authenticated
 *
 * Context: bottom halves off, RCU read side.
 */
void pilot_key_failed(struct pilot_peer *peer, struct pilot_key *key,
		      enum pilot_gate_kind kind)
{
	static const enum pilot_reason reasons[PILOT_GATES] = {
		[PILOT_GATE_DECRYPT_FAIL] = PILOT_REASON_DECRYPT_FAIL,
		[PILOT_GATE_OUTSIDE_WINDOW] = PILOT_REASON_OUTSIDE_WINDOW,
		[PILOT_GATE_REPLAY] = PILOT_REASON_REPLAY,
	};
	struct pilot_gate *g = &peer->pd->gates[kind];
	unsigned long grace = READ_ONCE(g->grace);
	unsigned long aged = READ_ONCE(peer->pd->aged_drop);
	unsigned long since;

	if (atomic_inc_return(&key->fails[kind]) >= READ_ONCE(g->threshold) &&
	    time_after_eq(jiffies, key->installed + grace)) {
		gate(peer, key, reasons[kind], grace);
		return;
	}
	since = READ_ONCE(key->proven) ? READ_ONCE(key->last_rx) :
					 key->installed;
	if (aged && kind == PILOT_GATE_DECRYPT_FAIL &&
	    time_after_eq(jiffies, since + aged))
		gate(peer, key, PILOT_REASON_AGED, grace);
}

/**
 * pilot_key_overflow() - drops a key that saw too many nonce prefixes
 * @peer: sender
 * @key: key
 *
 * Only its holder can do that. Context: bottom halves off, RCU read side.
 */
void pilot_key_overflow(struct pilot_peer *peer, struct pilot_key *key)
{
	spin_lock(&peer->lock);
	if (take_out(peer, key))
		retire(peer, key, PILOT_REASON_EPOCHS);
	spin_unlock(&peer->lock);
	after_drop(peer);
	pilot_peer_need_key(peer, PILOT_REASON_EPOCHS);
}

/* Drops what is proven, but is not used any more; not under the present key. */
static void drop_unused(struct pilot_peer *peer, unsigned long now)
{
	struct pilot_key *key, *cur = slot_key(peer, PILOT_SLOT_CURRENT);
	enum pilot_slot slot;

	if (cur && (!cur->proven ||
		    !time_after(now, cur->installed + UNUSED_LIFE)))
		return;
	for (slot = PILOT_SLOT_CURRENT + 1; slot < PILOT_SLOTS; slot++) {
		key = slot_key(peer, slot);
		if (key && key->proven &&
		    time_after(now, READ_ONCE(key->last_rx) + UNUSED_LIFE)) {
			take_out(peer, key);
			retire(peer, key, PILOT_REASON_REPLACED);
		}
	}
}

static bool awaits_proof(struct pilot_peer *peer, enum pilot_slot slot)
{
	const struct pilot_key *key = slot_key(peer, slot);

	return key && (!key->proven || key->gated);
}

/**
 * pilot_key_tick() - transitions that time brings
 * @peer: peer
 *
 * Context: timer. Return: whether to send a probe: there is a key that is not
 * proven or in doubt, and a probe left.
 */
bool pilot_key_tick(struct pilot_peer *peer)
{
	struct pilot_key *cur, *next;
	unsigned long now = jiffies;
	bool probe, switched = false;

	spin_lock(&peer->lock);
	cur = slot_key(peer, PILOT_SLOT_CURRENT);
	next = slot_key(peer, PILOT_SLOT_NEXT);
	if (next && time_after_eq(now, next->installed +
				  msecs_to_jiffies(PILOT_SILENCE_MS)) &&
	    time_before(READ_ONCE(cur->last_rx), next->installed)) {
		promote(peer, next);
		switched = true;
	}
	drop_unused(peer, now);
	probe = peer->probes && (awaits_proof(peer, PILOT_SLOT_CURRENT) ||
				 awaits_proof(peer, PILOT_SLOT_NEXT) ||
				 awaits_proof(peer, PILOT_SLOT_EARLIER));
	if (probe)
		peer->probes--;
	spin_unlock(&peer->lock);

	if (switched)
		pilot_peer_flush(peer);
	return probe;
}
