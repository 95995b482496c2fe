// SPDX-License-Identifier: GPL-2.0
#include "pubkeys.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "constants.h"

enum list {
	LIST_NONE,
	LIST_KNOWN,
	LIST_NEGATIVE,
	LIST_PINNED,
};

/*
 * An entry is on the list of known keys, on the negative list, or, while it is
 * asked for the first time, on none. Pins have no list: they never give way.
 */
struct pubkey {
	struct idnode by_id;
	TAILQ_ENTRY(pubkey) entry;
	enum list list;
	bool asking;
	bool unavailable;	/* of a negative one: no answer, not "no" */
	int64_t asked_at;
	uint8_t key[PILOT_ED25519_LEN];
	struct held_frame *held;
	unsigned int n_held;
};

static struct pubkey *find(const struct pubkeys *pk, uint32_t node)
{
	/* by_id is the first member */
	return (struct pubkey *)idmap_get(&pk->map, node);
}

static void move(struct pubkeys *pk, struct pubkey *e, enum list list)
{
	if (e->list == LIST_KNOWN) {
		TAILQ_REMOVE(&pk->known, e, entry);
		pk->n_known--;
	} else if (e->list == LIST_NEGATIVE) {
		TAILQ_REMOVE(&pk->negative, e, entry);
		pk->n_negative--;
	}
	e->list = list;
	if (list == LIST_KNOWN) {
		TAILQ_INSERT_TAIL(&pk->known, e, entry);
		pk->n_known++;
	} else if (list == LIST_NEGATIVE) {
		TAILQ_INSERT_TAIL(&pk->negative, e, entry);
		pk->n_negative++;
	}
}

static void drop(struct pubkeys *pk, struct pubkey *e)
{
	struct held_frame *h;

	move(pk, e, LIST_NONE);
	idmap_del(&pk->map, &e->by_id);
	if (e->asking)
		pk->n_asking--;
	while ((h = e->held)) {
		e->held = h->next;
		free(h);
	}
	free(e);
}

/* Keep the lists within their limits; @keep stays. */
static void trim(struct pubkeys *pk, const struct pubkey *keep)
{
	struct pubkey *e, *next;

	for (e = TAILQ_FIRST(&pk->known); e && pk->n_known > pk->max_known;
	     e = next) {
		next = TAILQ_NEXT(e, entry);
		if (!e->asking && e != keep)
			drop(pk, e);
	}
	for (e = TAILQ_FIRST(&pk->negative);
	     e && pk->n_negative > NEGATIVE_PUBKEY_MAX; e = next) {
		next = TAILQ_NEXT(e, entry);
		if (!e->asking && e != keep)
			drop(pk, e);
	}
}

static struct pubkey *make(struct pubkeys *pk, uint32_t node)
{
	struct pubkey *e = calloc(1, sizeof(*e));

	if (!e)
		return NULL;
	e->by_id.id = node;
	e->asked_at = INT64_MIN / 2;
	idmap_add(&pk->map, &e->by_id);
	return e;
}

int pubkeys_init(struct pubkeys *pk, size_t max_known)
{
	memset(pk, 0, sizeof(*pk));
	TAILQ_INIT(&pk->known);
	TAILQ_INIT(&pk->negative);
	pk->max_known = max_known;
	return idmap_init(&pk->map);
}

void pubkeys_release(struct pubkeys *pk)
{
	struct idnode *n, *next;

	if (!pk->map.bucket)
		return;
	for (n = idmap_next(&pk->map, NULL); n; n = next) {
		next = idmap_next(&pk->map, n);
		drop(pk, (struct pubkey *)n);
	}
	idmap_release(&pk->map);
}

enum pubkey_state pubkeys_get(struct pubkeys *pk, int64_t now, uint32_t node,
			      const uint8_t **key)
{
	struct pubkey *e = find(pk, node);

	if (!e)
		return PUBKEY_UNKNOWN;
	if (e->list == LIST_KNOWN || e->list == LIST_PINNED) {
		move(pk, e, e->list);
		if (key)
			*key = e->key;
		return PUBKEY_KNOWN;
	}
	if (e->list == LIST_NEGATIVE && now - e->asked_at < NEGATIVE_PUBKEY_MS)
		return e->unavailable ? PUBKEY_UNAVAILABLE : PUBKEY_ABSENT;
	return PUBKEY_UNKNOWN;
}

static bool hold(struct pubkey *e, const struct held_frame *frame)
{
	struct held_frame *h, **p;

	/*
	 * A frame of the same claimed identity replaces the older one, so that
	 * retransmits do not use up the places.
	 */
	for (p = &e->held; (h = *p); p = &h->next)
		if (h->len == frame->len &&
		    !memcmp(h->data, frame->data, PILOT_MAGIC_LEN) &&
		    (frame->len < PILOT_PILA_LEN ||
		     !memcmp(h->data + PILOT_PILK_LEN,
			     frame->data + PILOT_PILK_LEN, PILOT_ED25519_LEN)))
			break;
	if (!h) {
		if (e->n_held == HELD_PER_LOOKUP)
			return false;
		h = malloc(sizeof(*h));
		if (!h)
			return false;
		h->next = NULL;
		*p = h;
		e->n_held++;
	}
	memcpy(h->data, frame->data, sizeof(h->data));
	h->len = frame->len;
	h->from = frame->from;
	h->relayed = frame->relayed;
	return true;
}

bool pubkeys_hold(struct pubkeys *pk, int64_t now, uint32_t node,
		  const struct held_frame *frame)
{
	struct pubkey *e = find(pk, node);

	if (e && e->asking) {
		hold(e, frame);
		return false;
	}
	if (pk->n_asking >= LOOKUPS_MAX)
		return false;
	if (!e)
		e = make(pk, node);
	else if (e->list == LIST_PINNED || now - e->asked_at < NEGATIVE_PUBKEY_MS)
		return false;
	if (!e)
		return false;
	if (!hold(e, frame)) {
		if (e->list == LIST_NONE)
			drop(pk, e);
		return false;
	}
	e->asking = true;
	e->asked_at = now;
	pk->n_asking++;
	return true;
}

struct held_frame *pubkeys_result(struct pubkeys *pk, int64_t now,
				  uint32_t node, enum pubkey_state state,
				  const uint8_t *key)
{
	struct pubkey *e = find(pk, node);
	struct held_frame *held;

	if (!e || !e->asking)
		return NULL;
	held = e->held;
	e->held = NULL;
	e->n_held = 0;
	e->asking = false;
	e->asked_at = now;
	pk->n_asking--;

	if (e->list == LIST_PINNED)
		return held;
	if (state == PUBKEY_KNOWN) {
		memcpy(e->key, key, sizeof(e->key));
		move(pk, e, LIST_KNOWN);
	} else if (state == PUBKEY_ABSENT || e->list != LIST_KNOWN) {
		e->unavailable = state != PUBKEY_ABSENT;
		move(pk, e, LIST_NEGATIVE);
	}
	trim(pk, e);
	return held;
}

int pubkeys_pin(struct pubkeys *pk, uint32_t node, const uint8_t *key)
{
	struct pubkey *e = find(pk, node);

	if (!key) {
		if (e && e->list == LIST_PINNED) {
			move(pk, e, LIST_NONE);
			pubkeys_forget(pk, node);
		}
		return 0;
	}
	if (!e)
		e = make(pk, node);
	if (!e)
		return -ENOMEM;
	memcpy(e->key, key, sizeof(e->key));
	move(pk, e, LIST_PINNED);
	return 0;
}

bool pubkeys_is_pinned(const struct pubkeys *pk, uint32_t node)
{
	const struct pubkey *e = find(pk, node);

	return e && e->list == LIST_PINNED;
}

void pubkeys_forget(struct pubkeys *pk, uint32_t node)
{
	struct pubkey *e = find(pk, node);

	if (!e || e->list == LIST_PINNED)
		return;
	if (!e->asking) {
		drop(pk, e);
		return;
	}
	/* The answer under way may be the old one, but frames wait for it. */
	move(pk, e, LIST_NONE);
}
