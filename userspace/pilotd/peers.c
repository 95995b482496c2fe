// SPDX-License-Identifier: GPL-2.0
#include "peers.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <sodium.h>

void peers_schedule(struct peers *ps, struct peer *p)
{
	int64_t due = FOREVER;

	if (p->active)
		due = p->last_sent + REKEY_RETRANSMIT_MS;
	else if (p->eph.priv)
		due = p->eph_expires;
	if (p->wanted_at < due)
		due = p->wanted_at;
	if (p->rekey_at < due)
		due = p->rekey_at;
	if (p->doubt_at < due)
		due = p->doubt_at;
	p->deadline.due = due;
	deadlines_move(&ps->deadlines, &p->deadline);
}

/* Peers */

struct peer *peers_find(const struct peers *ps, uint32_t node)
{
	/* by_id is the first member */
	return (struct peer *)idmap_get(&ps->map, node);
}

struct peer *peers_next(const struct peers *ps, const struct peer *p)
{
	return (struct peer *)idmap_next(&ps->map, p ? &p->by_id : NULL);
}

struct peer *peers_first(const struct peers *ps)
{
	struct deadline *d = deadlines_first(&ps->deadlines);

	return d ? (struct peer *)((char *)d - offsetof(struct peer, deadline)) : NULL;
}

struct peer *peers_add(struct peers *ps, uint32_t node)
{
	struct peer *p = calloc(1, sizeof(*p));

	if (!p)
		return NULL;
	p->deadline.due = FOREVER;
	if (deadlines_add(&ps->deadlines, &p->deadline)) {
		free(p);
		return NULL;
	}
	p->by_id.id = node;
	p->gave_up_until = NEVER;
	p->last_answer = NEVER;
	p->last_refusal = NEVER;
	p->last_request = NEVER;
	p->wanted_at = FOREVER;
	p->rekey_at = FOREVER;
	p->doubt_at = FOREVER;
	idmap_add(&ps->map, &p->by_id);
	return p;
}

void peers_set_active(struct peers *ps, struct peer *p, bool active)
{
	if (p->active == active)
		return;
	p->active = active;
	if (active)
		ps->n_active++;
	else
		ps->n_active--;
}

void peers_end_exchange(struct peers *ps, struct peer *p)
{
	kex_pair_wipe(&p->eph);
	peers_set_active(ps, p, false);
	p->answered = false;
	p->attempts = 0;
}

void peers_del(struct peers *ps, struct peer *p)
{
	peers_end_exchange(ps, p);
	deadlines_del(&ps->deadlines, &p->deadline);
	idmap_del(&ps->map, &p->by_id);
	sodium_memzero(p, sizeof(*p));
	free(p);
}

int peers_init(struct peers *ps)
{
	return idmap_init(&ps->map);
}

void peers_release(struct peers *ps)
{
	struct peer *p;

	if (ps->map.bucket)
		while ((p = peers_next(ps, NULL)))
			peers_del(ps, p);
	idmap_release(&ps->map);
	deadlines_release(&ps->deadlines);
}

bool peer_is_idle(const struct peer *p)
{
	return !p->in_kernel && !p->n_sess && !p->eph.priv;
}

/* Sessions */

const struct session *peer_newest(const struct peer *p)
{
	return p->n_sess ? &p->sess[0] : NULL;
}

struct session *peer_session(struct peer *p, uint32_t id)
{
	unsigned int i;

	for (i = 0; i < p->n_sess; i++)
		if (p->sess[i].id == id)
			return &p->sess[i];
	return NULL;
}

const struct session *peer_proven(const struct peer *p)
{
	unsigned int i;

	for (i = 0; i < p->n_sess; i++)
		if (p->sess[i].proven)
			return &p->sess[i];
	return NULL;
}

bool peer_has_proven(const struct peer *p)
{
	return peer_proven(p);
}

bool peer_has_authenticated(const struct peer *p)
{
	unsigned int i;

	for (i = 0; i < p->n_sess; i++)
		if (p->sess[i].authenticated)
			return true;
	return false;
}

bool peer_offer_used(const struct peer *p)
{
	unsigned int i;

	for (i = 0; p->eph.priv && i < p->n_sess; i++)
		if (key_eq(p->sess[i].local, p->eph.pub))
			return true;
	return false;
}

void peer_supersede(struct peer *p, const uint8_t *x25519)
{
	unsigned int i;

	for (i = 0; i < p->n_superseded && i < SUPERSEDED_MAX; i++)
		if (key_eq(p->superseded[i], x25519))
			return;
	memcpy(p->superseded[p->n_superseded % SUPERSEDED_MAX], x25519,
	       PILOT_X25519_LEN);
	p->n_superseded++;
	if (p->n_superseded == 2 * SUPERSEDED_MAX)
		p->n_superseded = SUPERSEDED_MAX;
}

bool peer_is_superseded(const struct peer *p, const uint8_t *x25519)
{
	bool after_proven = false;
	unsigned int i;

	for (i = 0; i < p->n_sess; i++) {
		if (key_eq(p->sess[i].peer, x25519))
			return after_proven;
		after_proven |= p->sess[i].proven;
	}
	for (i = 0; i < p->n_superseded && i < SUPERSEDED_MAX; i++)
		if (key_eq(p->superseded[i], x25519))
			return after_proven;
	return false;
}

bool peer_is_older(const struct peer *p, const uint8_t *x25519)
{
	unsigned int i;

	if (!p->n_sess || key_eq(p->sess[0].peer, x25519))
		return false;
	for (i = 1; i < p->n_sess; i++)
		if (key_eq(p->sess[i].peer, x25519))
			return true;
	for (i = 0; i < p->n_superseded && i < SUPERSEDED_MAX; i++)
		if (key_eq(p->superseded[i], x25519))
			return true;
	return false;
}

void peer_forget(struct peer *p, struct session *s)
{
	size_t after = (size_t)(&p->sess[p->n_sess] - (s + 1));

	if (s->negotiated && s->proven)
		peer_supersede(p, s->peer);
	memmove(s, s + 1, after * sizeof(*s));
	p->n_sess--;
	if (!peer_offer_used(p))
		p->answered = false;
}

struct session *peer_insert(struct peer *p, const struct session *s)
{
	unsigned int i;

	if (p->n_sess == SESSIONS_MAX)
		peer_forget(p, &p->sess[SESSIONS_MAX - 1]);
	for (i = p->n_sess; i > 0 && p->sess[i - 1].installed_at <= s->installed_at; i--)
		p->sess[i] = p->sess[i - 1];
	p->sess[i] = *s;
	p->n_sess++;
	return &p->sess[i];
}
