/* SPDX-License-Identifier: GPL-2.0 */
#ifndef _PILOT_RATELIMIT_H
#define _PILOT_RATELIMIT_H

#include <linux/siphash.h>
#include <linux/spinlock.h>
#include <linux/types.h>

#define PILOT_RATELIMIT_BUCKETS	1024

/**
 * struct pilot_bucket - a token bucket
 * @stamp: jiffies at which @tokens was right
 * @tokens: what is left
 */
struct pilot_bucket {
	unsigned long stamp;
	u32 tokens;
};

/**
 * struct pilot_ratelimit - limits handshake frames (protocol.rst, S7)
 * @key: keeps strangers from choosing whose bucket they share
 * @lock: guards the rest; leaf
 * @strangers: budget of all strangers together
 * @sources: of strangers, by hash of the source address or relayed sender.
 *	Memory is bounded: two sources may share one
 *
 * Known peers have buckets of their own, so that no flood by others fills
 * them.
 */
struct pilot_ratelimit {
	siphash_key_t key;
	spinlock_t lock;	/* the rest, leaf */
	struct pilot_bucket strangers;
	struct pilot_bucket sources[PILOT_RATELIMIT_BUCKETS];
};

void pilot_ratelimit_init(struct pilot_ratelimit *rl);
void pilot_bucket_init(struct pilot_bucket *b);
bool pilot_bucket_take(struct pilot_bucket *b, u32 rate);
bool pilot_ratelimit_known(struct pilot_ratelimit *rl, struct pilot_bucket *b);
bool pilot_ratelimit_often(struct pilot_ratelimit *rl, struct pilot_bucket *b);
bool pilot_ratelimit_stranger(struct pilot_ratelimit *rl, const void *source,
			      size_t len);

#endif /* _PILOT_RATELIMIT_H */
