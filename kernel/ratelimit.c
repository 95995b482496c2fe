// SPDX-License-Identifier: GPL-2.0
/*
 * Token buckets for handshake frames, before they cost a wake-up.
 */
#include <linux/jiffies.h>
#include <linux/minmax.h>
#include <linux/random.h>

#include "ratelimit.h"

#define PER_SOURCE	5	/* a second, and at once */
#define OFTEN		20	/* a second, and at once */
#define STRANGERS	100	/* a second, and at once */

/**
 * pilot_bucket_init() - fills a bucket of a source
 * @b: bucket
 */
void pilot_bucket_init(struct pilot_bucket *b)
{
	b->stamp = jiffies;
	b->tokens = PER_SOURCE;
}

void pilot_ratelimit_init(struct pilot_ratelimit *rl)
{
	int i;

	get_random_bytes(&rl->key, sizeof(rl->key));
	spin_lock_init(&rl->lock);
	rl->strangers.stamp = jiffies;
	rl->strangers.tokens = STRANGERS;
	for (i = 0; i < PILOT_RATELIMIT_BUCKETS; i++)
		pilot_bucket_init(&rl->sources[i]);
}

/**
 * pilot_bucket_take() - takes a token
 * @b: bucket; the caller keeps others away
 * @rate: tokens it gains a second, and holds
 *
 * Return: whether there was one.
 */
bool pilot_bucket_take(struct pilot_bucket *b, u32 rate)
{
	unsigned long now = jiffies, gained;

	gained = min(now - b->stamp, (unsigned long)HZ) * rate / HZ;
	if (gained) {
		b->tokens = min_t(u32, b->tokens + gained, rate);
		b->stamp = now;
	}
	if (!b->tokens)
		return false;
	b->tokens--;
	return true;
}

/**
 * pilot_ratelimit_known() - whether one more handshake frame of a peer may pass
 * @rl: limits
 * @b: bucket of the peer
 *
 * Context: bottom halves off.
 */
bool pilot_ratelimit_known(struct pilot_ratelimit *rl, struct pilot_bucket *b)
{
	bool ok;

	spin_lock(&rl->lock);
	ok = pilot_bucket_take(b, PER_SOURCE);
	spin_unlock(&rl->lock);
	return ok;
}

/**
 * pilot_ratelimit_often() - the same for what may come more often: pings, and
 *	messages of the beacon
 * @rl: limits
 * @b: bucket
 *
 * Context: bottom halves off.
 */
bool pilot_ratelimit_often(struct pilot_ratelimit *rl, struct pilot_bucket *b)
{
	bool ok;

	spin_lock(&rl->lock);
	ok = pilot_bucket_take(b, OFTEN);
	spin_unlock(&rl->lock);
	return ok;
}

/**
 * pilot_ratelimit_stranger() - whether one more handshake frame may pass
 * @rl: limits
 * @source: what identifies the source
 * @len: length of @source
 *
 * Context: bottom halves off.
 */
bool pilot_ratelimit_stranger(struct pilot_ratelimit *rl, const void *source,
			      size_t len)
{
	u64 hash = siphash(source, len, &rl->key);
	bool ok;

	spin_lock(&rl->lock);
	ok = pilot_bucket_take(&rl->sources[hash % PILOT_RATELIMIT_BUCKETS],
			       PER_SOURCE) &&
	     pilot_bucket_take(&rl->strangers, STRANGERS);
	spin_unlock(&rl->lock);
	return ok;
}
