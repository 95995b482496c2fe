/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The Store: what keys a peer has and what each is used for (protocol.rst
 * sections 3 and 5, S1 to S3).
 */
#ifndef _PILOT_STORE_H
#define _PILOT_STORE_H

#include <linux/atomic.h>
#include <linux/bits.h>
#include <linux/jiffies.h>
#include <linux/pilot.h>
#include <linux/rcupdate.h>
#include <linux/spinlock.h>
#include <linux/types.h>
#include <linux/workqueue.h>

#include <pilot/wire.h>

#include "replay.h"

#define PILOT_SLOTS		(PILOT_SLOT_MAX + 1)

/*
 * Frames under one key (protocol.rst, S3): where a new key is asked for unless
 * set lower, and how many times as many are the end: 2^28 and 2^32.
 */
#define PILOT_REKEY_AFTER	BIT(28)
#define PILOT_REJECT_FACTOR	16

/* How long the key that sends may be silent beside an unproven one (S2). */
#define PILOT_SILENCE_MS	1000

/* Gates (protocol.rst section 2): defaults. */
#define PILOT_DECRYPT_FAIL_THRESHOLD	5
#define PILOT_OUTSIDE_THRESHOLD		30
#define PILOT_REPLAY_THRESHOLD		30
#define PILOT_GATE_GRACE_MS		3000

/**
 * struct pilot_gate - when frames that fail put a key in doubt
 * @threshold: consecutive ones
 * @grace: age of the key in jiffies, and how long it may go on sending after
 *	it last opened a frame
 */
struct pilot_gate {
	u32 threshold;
	unsigned long grace;
};

/* One gate for each way in which a frame of a known key can fail. */
enum pilot_gate_kind {
	PILOT_GATE_DECRYPT_FAIL,
	PILOT_GATE_OUTSIDE_WINDOW,
	PILOT_GATE_REPLAY,
	PILOT_GATES
};

struct crypto_aead;
struct netlink_ext_ack;
struct pilot_device;
struct pilot_peer;

/* What happens to keys, for the tracepoint. */
enum pilot_key_change {
	PILOT_KEY_INSTALLED,
	PILOT_KEY_SENDS,
	PILOT_KEY_PROVEN,
	PILOT_KEY_GATED,
	PILOT_KEY_REINSTATED,
	PILOT_KEY_DROPPED,
};

/**
 * struct pilot_key - a key of a peer
 * @tfm: cipher, both directions
 * @tx_counter: last nonce counter used for sending
 * @tx_prefix: our nonce prefix, wire order; redrawn when the peer has the same
 * @id: name of the key
 * @authenticated: the peer proved its identity
 * @proven: it opened a frame; set once
 * @last_rx: jiffies of the last open, valid once @proven
 * @installed: jiffies of the installation
 * @rekey_after: counter at which a new key is asked for
 * @reject_after: counter past which nothing is sealed
 * @fails: consecutive frames that failed, by gate
 * @gated: why the key is in doubt, &enum pilot_reason; 0 if it is not
 * @gate_end: jiffies until which a gated key sends
 * @secret: key bytes, for recognising the same key
 * @peer_x25519: peer's public key, zero if not negotiated
 * @local_x25519: our public key, zero if not negotiated
 * @peer_ed25519: the identity the peer proved, zero if none
 * @rwork: for freeing, after a grace period
 * @rx_lock: guards @rx; leaf
 * @rx: replay windows
 *
 * Lives under RCU while it is in a slot of its peer.
 */
struct pilot_key {
	struct crypto_aead *tfm;
	atomic64_t tx_counter;
	u32 tx_prefix;
	u32 id;
	bool authenticated;
	bool proven;
	unsigned long last_rx;
	unsigned long installed;
	u32 rekey_after;
	u64 reject_after;
	atomic_t fails[PILOT_GATES];
	u8 gated;
	unsigned long gate_end;
	u8 secret[PILOT_KEY_LEN];
	u8 peer_x25519[PILOT_X25519_LEN];
	u8 local_x25519[PILOT_X25519_LEN];
	u8 peer_ed25519[PILOT_ED25519_LEN];
	struct rcu_work rwork;
	spinlock_t rx_lock;		/* rx, leaf */
	struct pilot_epochs rx;		/* last: variable size */
};

/**
 * struct pilot_key_params - a key to be installed
 * @secret: PILOT_KEY_LEN bytes
 * @id: name, 0 for one of the kernel's choice
 * @authenticated: the peer proved its identity
 * @peer_x25519: peer's public key or NULL
 * @local_x25519: our public key or NULL
 * @peer_ed25519: the identity the peer proved or NULL
 */
struct pilot_key_params {
	const u8 *secret;
	u32 id;
	bool authenticated;
	const u8 *peer_x25519;
	const u8 *local_x25519;
	const u8 *peer_ed25519;
};

void pilot_store_defaults(struct pilot_device *pd);
int pilot_store_init(void);
void pilot_store_redraw(void);
void pilot_store_refuse(bool refuse);
void pilot_store_flush(void);
void pilot_store_exit(void);
int pilot_key_install(struct pilot_peer *peer,
		      const struct pilot_key_params *params, u32 *id,
		      enum pilot_slot *slot, struct netlink_ext_ack *extack);
int pilot_key_drop(struct pilot_peer *peer, u32 id, enum pilot_reason reason);
void pilot_key_drop_all(struct pilot_peer *peer, enum pilot_reason reason);
bool pilot_key_opened(struct pilot_peer *peer, struct pilot_key *key,
		      __be32 prefix, bool to_us);
void pilot_key_failed(struct pilot_peer *peer, struct pilot_key *key,
		      enum pilot_gate_kind kind);
void pilot_key_ungate(struct pilot_peer *peer, struct pilot_key *key);
void pilot_key_overflow(struct pilot_peer *peer, struct pilot_key *key);
unsigned int pilot_key_candidates(struct pilot_peer *peer, __be32 prefix,
				  struct pilot_key *cand[PILOT_SLOTS]);
bool pilot_key_tick(struct pilot_peer *peer);

/* Whether a packet may be sealed under @key now. */
static inline bool pilot_key_can_send(const struct pilot_key *key)
{
	return key && atomic64_read(&key->tx_counter) < key->reject_after &&
	       (likely(!READ_ONCE(key->gated)) ||
		time_before(jiffies, READ_ONCE(key->gate_end)));
}

/**
 * pilot_key_commit() - checks an authenticated frame and records it
 * @key: key that opened it
 * @prefix: nonce prefix
 * @counter: nonce counter
 * @newest: set if it is the newest frame of the newest epoch
 *
 * Context: bottom halves off, @key's rx_lock held. Return: the verdict.
 */
static inline enum pilot_verdict
pilot_key_commit(struct pilot_key *key, __be32 prefix, u64 counter,
		 bool *newest)
{
	const struct pilot_epoch *e;
	enum pilot_verdict verdict;

	lockdep_assert_held(&key->rx_lock);
	verdict = pilot_epochs_commit(&key->rx, (__force u32)prefix, counter);
	e = &key->rx.e[key->rx.newest];
	*newest = e->prefix == (__force u32)prefix && e->max == counter;
	return verdict;
}

#endif /* _PILOT_STORE_H */
