// SPDX-License-Identifier: GPL-2.0
/*
 * Token buckets for handshake frames, before they cost a wake-up.
 */
#include <linux/jiffies.h>
#include <linux/minmax.h>
#include <linux/random.h>

#include "ratelimit.h"

#define PER_SOURCE	5	/* a second, and at once */
#define STRANGERS	100	/* a second, and at once */

void pilot_ratelimit_init(struct pilot_ratelimit *rl)
{
	int i;

	get_random_bytes(&rl->key, sizeof(rl->key));
	spin_lock_init(&rl->lock);
	rl->strangers.stamp = jiffies;
	rl->strangers.tokens = STRANGERS;
	for (i = 0; i < PILOT_RATELIMIT_BUCKETS; i++) {
		rl->sources[i].stamp = jiffies;
		rl->sources[i].tokens = PER_SOURCE;
	}
}

static bool take(struct pilot_bucket *b, u32 rate)
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
 * pilot_ratelimit_allow() - whether one more handshake frame may pass
 * @rl: limits
 * @source: what identifies the source
 * @len: length of @source
 * @known: it is where the peer it names is known to be; such frames do not
 *	share the strangers' budget
 *
 * Context: bottom halves off.
 */
bool pilot_ratelimit_allow(struct pilot_ratelimit *rl, const void *source,
			   size_t len, bool known)
{
	u64 hash = siphash(source, len, &rl->key);
	bool ok;

	spin_lock(&rl->lock);
	ok = take(&rl->sources[hash % PILOT_RATELIMIT_BUCKETS], PER_SOURCE) &&
	     (known || take(&rl->strangers, STRANGERS));
	spin_unlock(&rl->lock);
	return ok;
}
