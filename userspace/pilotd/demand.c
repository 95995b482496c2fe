// SPDX-License-Identifier: GPL-2.0
#include "demand.h"

#include <stdlib.h>

#include "constants.h"
#include "idmap.h"

/* Peers that were removed for being idle, of whose frames notice is taken. */
#define REMOVED_MAX	1024

/**
 * struct wish - a dynamic peer, or one to be
 * @by_id: its node ID
 * @asking: the registry is being asked where it is
 * @mark: it is in the dump
 * @proven: it has sent a frame that could be opened
 * @trusted: it has had a key that was authenticated, or set by hand
 * @kept: not to be removed
 * @called: it came by itself, or was there already when we came
 * @packets: as counted last
 * @since: ms at which @packets changed
 */
struct wish {
	struct idnode by_id;
	bool asking;
	bool mark;
	bool proven;
	bool trusted;
	bool kept;
	bool called;
	uint64_t packets;
	int64_t since;
};

struct demand {
	const struct demand_ops *ops;
	void *ctx;
	bool on;
	size_t max;
	int64_t idle;
	struct idmap map;
	size_t n_called;
	uint32_t removed[REMOVED_MAX];
	size_t next_removed;
};

static struct wish *find(const struct demand *d, uint32_t node)
{
	/* by_id is the first member */
	return (struct wish *)idmap_get(&d->map, node);
}

static struct wish *make(struct demand *d, int64_t now, uint32_t node)
{
	struct wish *w = calloc(1, sizeof(*w));

	if (!w)
		return NULL;
	w->by_id.id = node;
	w->since = now;
	idmap_add(&d->map, &w->by_id);
	return w;
}

static void drop(struct demand *d, struct wish *w)
{
	if (w->called)
		d->n_called--;
	idmap_del(&d->map, &w->by_id);
	free(w);
}

struct demand *demand_new(const struct demand_ops *ops, void *ctx)
{
	struct demand *d = calloc(1, sizeof(*d));

	if (!d)
		return NULL;
	if (idmap_init(&d->map)) {
		free(d);
		return NULL;
	}
	d->ops = ops;
	d->ctx = ctx;
	return d;
}

void demand_free(struct demand *d)
{
	struct idnode *n, *next;

	if (!d)
		return;
	for (n = idmap_next(&d->map, NULL); n; n = next) {
		next = idmap_next(&d->map, n);
		drop(d, (struct wish *)n);
	}
	idmap_release(&d->map);
	free(d);
}

void demand_set(struct demand *d, bool on, size_t max, int64_t idle)
{
	d->on = on;
	d->max = max;
	d->idle = idle;
}

static bool was_removed(const struct demand *d, uint32_t node)
{
	size_t i;

	for (i = 0; i < REMOVED_MAX; i++)
		if (d->removed[i] == node)
			return true;
	return false;
}

void demand_needed(struct demand *d, int64_t now, uint32_t node, bool calls)
{
	struct wish *w = find(d, node);

	if (!d->on || !node || (calls && !was_removed(d, node)))
		return;
	/* A peer meanwhile, or the answer is under way. */
	if (w && !(w->asking && now - w->since > DEMAND_ANSWER_MS))
		return;
	if (!w && d->map.n - d->n_called >= d->max) {
		d->ops->full(d->ctx, node);
		return;
	}
	if (!w)
		w = make(d, now, node);
	if (!w)
		return;
	w->asking = true;
	w->since = now;
	/* The answer may have come already, and changed what we have. */
	if (!d->ops->resolve(d->ctx, node)) {
		w = find(d, node);
		if (w && w->asking)
			drop(d, w);
	}
}

bool demand_resolved(struct demand *d, int64_t now, uint32_t node, bool known)
{
	struct wish *w = find(d, node);

	if (!w || !w->asking)
		return false;
	if (!known || d->ops->add(d->ctx, node)) {
		drop(d, w);
		return false;
	}
	w->asking = false;
	w->since = now;
	/* It is not in a dump that is being read. */
	w->mark = true;
	return true;
}

static void set_called(struct demand *d, struct wish *w)
{
	if (!w->called)
		d->n_called++;
	w->called = true;
}

void demand_called(struct demand *d, int64_t now, uint32_t node)
{
	struct wish *w = find(d, node);

	if (!w)
		w = make(d, now, node);
	if (!w)
		return;
	w->asking = false;
	/* It is not in a dump that is being read. */
	w->mark = true;
	set_called(d, w);
}

void demand_removed(struct demand *d, uint32_t node)
{
	struct wish *w = find(d, node);

	if (w && !w->asking)
		drop(d, w);
}

void demand_sync_begin(struct demand *d)
{
	struct idnode *n;

	for (n = idmap_next(&d->map, NULL); n; n = idmap_next(&d->map, n))
		((struct wish *)n)->mark = false;
}

void demand_sync_peer(struct demand *d, int64_t now, uint32_t node,
		      const struct demand_peer *peer)
{
	struct wish *w = find(d, node);

	if (!w) {
		w = make(d, now, node);
		if (!w)
			return;
		/* Of before we were started: those who called are the most. */
		set_called(d, w);
	}
	/* Counters begin anew with a peer that was removed and is back. */
	if (peer->packets != w->packets || (peer->proven && !w->proven))
		w->since = now;
	w->asking = false;
	w->mark = true;
	w->packets = peer->packets;
	w->proven = peer->proven;
	w->trusted |= peer->trusted;
	w->kept = peer->kept;
}

static bool is_idle(const struct demand *d, int64_t now, const struct wish *w)
{
	int64_t idle = now - w->since;

	if (w->kept)
		return false;
	/* Packets bring it back; or it is anybody's, who can make as many as he likes. */
	if (d->idle && idle >= d->idle && (d->on || !w->trusted))
		return true;
	return !w->proven && idle >= DEMAND_UNPROVEN_MS;
}

void demand_sync_end(struct demand *d, int64_t now)
{
	struct idnode *n, *next;

	for (n = idmap_next(&d->map, NULL); n; n = next) {
		struct wish *w = (struct wish *)n;

		next = idmap_next(&d->map, n);
		if (w->asking) {
			if (now - w->since > DEMAND_ANSWER_MS)
				drop(d, w);
			continue;
		}
		if (!w->mark) {
			drop(d, w);
		} else if (is_idle(d, now, w)) {
			/* Who never had a session may never have called, either. */
			if (w->proven) {
				d->removed[d->next_removed] = w->by_id.id;
				d->next_removed = (d->next_removed + 1) % REMOVED_MAX;
			}
			d->ops->remove(d->ctx, w->by_id.id);
			drop(d, w);
		}
	}
}

int64_t demand_interval(const struct demand *d)
{
	return d->map.n && d->on ? d->idle / 2 : 0;
}
