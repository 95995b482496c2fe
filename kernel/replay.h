/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Replay windows and receive epochs (protocol.rst section 3).
 *
 * Arithmetic only: no locks, no allocation, no kernel headers. The unit
 * tests compile this very file on the host, with u32 and u64 defined.
 */
#ifndef _PILOT_REPLAY_H
#define _PILOT_REPLAY_H

#include <pilot/wire.h>

#define PILOT_EPOCHS_KEPT	(PILOT_EPOCHS_RETAINED + 1)

/**
 * enum pilot_verdict - what the windows say of an authenticated frame
 * @PILOT_RX_ACCEPT: new; recorded
 * @PILOT_RX_REPLAY: newest epoch, seen before
 * @PILOT_RX_OUTSIDE: newest epoch, behind the window
 * @PILOT_RX_STALE: older epoch, seen before or behind its window
 * @PILOT_RX_RETIRED: epoch that is not kept any more
 * @PILOT_RX_EPOCHS: one prefix too many; the key is to be dropped
 */
enum pilot_verdict {
	PILOT_RX_ACCEPT,
	PILOT_RX_REPLAY,
	PILOT_RX_OUTSIDE,
	PILOT_RX_STALE,
	PILOT_RX_RETIRED,
	PILOT_RX_EPOCHS,
};

/**
 * struct pilot_epoch - the window of one nonce prefix
 * @max: highest counter accepted
 * @used: order of the last accept, for choosing what to retire
 * @prefix: nonce prefix, wire order
 */
struct pilot_epoch {
	u64 max;
	u64 used;
	u32 prefix;
};

/**
 * struct pilot_epochs - all windows of one key
 * @clock: number of accepts so far
 * @window: counters per window, a power of two from 64
 * @n: epochs kept
 * @newest: index of the newest in @e
 * @n_retired: entries of @retired
 * @e: the epochs kept
 * @retired: prefixes that are refused for good
 * @bits: PILOT_EPOCHS_KEPT bitmaps of @window bits; counter c is bit
 *	c modulo @window
 */
struct pilot_epochs {
	u64 clock;
	u32 window;
	u8 n;
	u8 newest;
	u8 n_retired;
	struct pilot_epoch e[PILOT_EPOCHS_KEPT];
	u32 retired[PILOT_EPOCHS_MAX - PILOT_EPOCHS_KEPT];
	u64 bits[];
};

/* Bytes of a struct pilot_epochs for @window counters. */
static inline unsigned long pilot_epochs_size(u32 window)
{
	return sizeof(struct pilot_epochs) +
	       PILOT_EPOCHS_KEPT * (window / 64) * sizeof(u64);
}

static inline u64 *pilot_epoch_bits(struct pilot_epochs *s, unsigned int i)
{
	return s->bits + i * (s->window / 64);
}

/* Forgets the counters from @from on, @n of them, less than a window. */
static inline void pilot_window_clear(u64 *bits, u32 window, u64 from, u64 n)
{
	while (n) {
		u32 pos = from & (window - 1);
		u32 bit = pos & 63;
		u64 span = 64 - bit < n ? 64 - bit : n;
		u64 mask = span == 64 ? ~0ULL : ((1ULL << span) - 1) << bit;

		bits[pos / 64] &= ~mask;
		from += span;
		n -= span;
	}
}

/* Checks @counter against epoch @i, records it when new. */
static inline enum pilot_verdict
pilot_window_commit(struct pilot_epochs *s, unsigned int i, u64 counter)
{
	struct pilot_epoch *e = &s->e[i];
	u64 *bits = pilot_epoch_bits(s, i);
	u32 pos = counter & (s->window - 1);
	u64 bit = 1ULL << (pos & 63);

	if (counter > e->max) {
		u64 passed = counter - e->max - 1;
		u32 w;

		if (passed < s->window)
			pilot_window_clear(bits, s->window, e->max + 1, passed);
		else
			for (w = 0; w < s->window / 64; w++)
				bits[w] = 0;
		e->max = counter;
	} else if (e->max - counter >= s->window) {
		return PILOT_RX_OUTSIDE;
	} else if (bits[pos / 64] & bit) {
		return PILOT_RX_REPLAY;
	}
	bits[pos / 64] |= bit;
	e->used = ++s->clock;
	return PILOT_RX_ACCEPT;
}

/* Finds room for a new epoch; the least recently used one gives way. */
static inline unsigned int pilot_epochs_room(struct pilot_epochs *s)
{
	unsigned int i, lru = 0;

	if (s->n < PILOT_EPOCHS_KEPT)
		return s->n++;
	for (i = 1; i < s->n; i++)
		if (s->e[i].used < s->e[lru].used)
			lru = i;
	s->retired[s->n_retired++] = s->e[lru].prefix;
	return lru;
}

/**
 * pilot_epochs_init() - empties the windows of a key
 * @s: memory of pilot_epochs_size(@window) bytes, zeroed
 * @window: counters per window, a power of two from 64
 */
static inline void pilot_epochs_init(struct pilot_epochs *s, u32 window)
{
	s->window = window;
}

/**
 * pilot_epochs_knows() - whether a prefix was seen under this key
 * @s: windows
 * @prefix: nonce prefix, wire order
 *
 * A hint for choosing the key to try; may be called without the lock that
 * guards @s, and is then allowed to be wrong.
 */
static inline int pilot_epochs_knows(const struct pilot_epochs *s, u32 prefix)
{
	unsigned int i, n = s->n;

	for (i = 0; i < n && i < PILOT_EPOCHS_KEPT; i++)
		if (s->e[i].prefix == prefix)
			return 1;
	return 0;
}

/* Commits a frame of another epoch than the newest; not in the way of others. */
static __attribute__((__noinline__, __unused__)) enum pilot_verdict
pilot_epochs_commit_other(struct pilot_epochs *s, u32 prefix, u64 counter)
{
	enum pilot_verdict verdict;
	unsigned int i;
	u32 w;

	for (i = 0; i < s->n; i++) {
		if (s->e[i].prefix != prefix)
			continue;
		verdict = pilot_window_commit(s, i, counter);
		return verdict == PILOT_RX_ACCEPT ? verdict : PILOT_RX_STALE;
	}
	for (i = 0; i < s->n_retired; i++)
		if (s->retired[i] == prefix)
			return PILOT_RX_RETIRED;
	if (s->n + s->n_retired == PILOT_EPOCHS_MAX)
		return PILOT_RX_EPOCHS;

	i = pilot_epochs_room(s);
	for (w = 0; w < s->window / 64; w++)
		pilot_epoch_bits(s, i)[w] = 0;
	s->e[i].prefix = prefix;
	s->e[i].max = counter;	/* a fresh window accepts any first counter */
	s->newest = i;
	return pilot_window_commit(s, i, counter);
}

/**
 * pilot_epochs_commit() - checks an authenticated frame and records it
 * @s: windows; the caller holds the lock that guards them
 * @prefix: nonce prefix, wire order
 * @counter: nonce counter
 *
 * Return: the verdict; only PILOT_RX_ACCEPT changes anything.
 */
static inline enum pilot_verdict
pilot_epochs_commit(struct pilot_epochs *s, u32 prefix, u64 counter)
{
	if (s->n && s->e[s->newest].prefix == prefix)
		return pilot_window_commit(s, s->newest, counter);
	return pilot_epochs_commit_other(s, prefix, counter);
}

#endif /* _PILOT_REPLAY_H */
