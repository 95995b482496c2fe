// SPDX-License-Identifier: GPL-2.0
/*
 * A session that works needs none of this: the kernel follows a peer to where
 * it is heard from, and to the path by which it is heard. What is done here
 * makes such frames possible: it tells the beacon where we are, has holes
 * punched, and sends frames by ways that are not in use, so that the peer, or
 * its answer, is heard by them.
 *
 * Nothing that a beacon or a registry says changes a session that works. An
 * address from them is one more to send a probe to, and only who holds the key can
 * answer; a peer that is silent, and has none in the configuration, gets it.
 */
#include "paths.h"

#include <stdlib.h>
#include <string.h>

#include "beacon.h"
#include "constants.h"
#include "deadlines.h"
#include "idmap.h"
#include "lib/text.h"

/**
 * struct route - what is being done about the path to a peer
 * @by_id: first, so that the map leads to it
 * @deadline: when something is to be done
 * @mark: seen in the present dump
 * @heard: when it was heard last, as far as is known; NEVER
 * @tx_packets: sent to it, when that was noticed
 * @silent_at: when it counts as silent
 * @silent: it does; the rounds are to find out whether it lives
 * @resets: of its path since it was heard
 * @try_at: when the direct path is tried again
 * @tried_packets: sent to it, when that was last tried
 * @rounds: probes still to send
 * @round_at: when the next is due, or their answers are
 * @candidates: where the registry says it is
 * @n_candidates: how many
 * @punched: where the beacon says it is
 * @punched_at: when it said so
 */
struct route {
	struct idnode by_id;
	struct deadline deadline;
	bool mark;
	int64_t heard;
	uint64_t tx_packets;
	int64_t silent_at;
	bool silent;
	unsigned int resets;
	int64_t try_at;
	uint64_t tried_packets;
	unsigned int rounds;
	int64_t round_at;
	struct pilot_endpoint candidates[PATHS_CANDIDATES];
	size_t n_candidates;
	struct pilot_endpoint punched;
	int64_t punched_at;
};

/* A punch request, until the command that follows it. */
struct request {
	uint32_t node;
	int64_t at;
};

/**
 * struct paths - all of them, and the beacon
 * @node: own node ID
 * @ops: callbacks
 * @ctx: for them
 * @map: routes by node ID
 * @deadlines: theirs
 * @not_before: after a tick with more to do than it may
 * @silence: ms after which a peer is looked after, 0 never
 * @beacon: AF_UNSPEC: there is none
 * @reflexive: our address as it sees it
 * @discover_at: when it is asked next
 * @discovered_at: when it was asked last
 * @awaited: the answer to that has not come
 * @unanswered: how often in a row that was so
 * @requests: the latest punch requests, a ring
 * @n_requests: all ever made
 */
struct paths {
	uint32_t node;
	const struct paths_ops *ops;
	void *ctx;
	struct idmap map;
	struct deadlines deadlines;
	int64_t not_before;
	int64_t silence;

	struct pilot_endpoint beacon;
	struct pilot_endpoint reflexive;
	int64_t discover_at;
	int64_t discovered_at;
	bool awaited;
	unsigned int unanswered;

	struct request requests[PUNCHES_PENDING];
	size_t n_requests;
};

/* Where a peer may be; each address once. */
struct places {
	struct pilot_endpoint v[PATHS_WAYS];
	size_t n;
};

static bool is_set(const struct pilot_endpoint *ep)
{
	return ep && ep->sa.sa_family;
}

static int64_t earlier(int64_t a, int64_t b)
{
	return a < b ? a : b;
}

/* Routes */

static struct route *route_find(const struct paths *ps, uint32_t node)
{
	/* by_id is the first member */
	return (struct route *)idmap_get(&ps->map, node);
}

static struct route *route_next(const struct paths *ps, const struct route *r)
{
	return (struct route *)idmap_next(&ps->map, r ? &r->by_id : NULL);
}

static struct route *route_make(struct paths *ps, uint32_t node)
{
	struct route *r = route_find(ps, node);

	if (r)
		return r;
	r = calloc(1, sizeof(*r));
	if (!r)
		return NULL;
	r->deadline.due = FOREVER;
	if (deadlines_add(&ps->deadlines, &r->deadline)) {
		free(r);
		return NULL;
	}
	r->by_id.id = node;
	r->heard = NEVER;
	r->silent_at = FOREVER;
	r->try_at = FOREVER;
	r->punched_at = NEVER;
	idmap_add(&ps->map, &r->by_id);
	return r;
}

static void route_del(struct paths *ps, struct route *r)
{
	deadlines_del(&ps->deadlines, &r->deadline);
	idmap_del(&ps->map, &r->by_id);
	free(r);
}

static void schedule(struct paths *ps, struct route *r)
{
	int64_t due = earlier(r->try_at, r->silent_at);

	if (r->rounds || r->silent)
		due = earlier(due, r->round_at);
	r->deadline.due = due;
	deadlines_move(&ps->deadlines, &r->deadline);
}

/* Brings a route in line with what the kernel knows of the peer. */
static void update(struct paths *ps, int64_t now, struct route *r,
		   const struct paths_peer *k)
{
	bool relayed = k->path == PILOT_PATH_AUTO && k->active == PILOT_PATH_RELAY;

	if (!k->ready) {
		/* There is a key exchange then, or will be, by all ways. */
		r->heard = NEVER;
		r->silent_at = FOREVER;
		r->silent = false;
		r->resets = 0;
		r->try_at = FOREVER;
		r->rounds = 0;
		return;
	}
	if (k->last_rx >= 0 && now - k->last_rx > r->heard) {
		r->heard = now - k->last_rx;
		r->tx_packets = k->tx_packets;
		r->silent_at = ps->silence ? r->heard + ps->silence : FOREVER;
		r->resets = 0;
		if (r->silent && r->silent_at > now) {
			r->silent = false;
			r->rounds = 0;
		}
	}
	if (relayed) {
		r->try_at = earlier(r->try_at, now + (r->try_at == FOREVER ?
						      DIRECT_FIRST_MS : DIRECT_RETRY_MS));
	} else {
		r->try_at = FOREVER;
		if (!r->silent && !r->resets)
			r->rounds = 0;
	}
}

/* The beacon */

static void send_discover(struct paths *ps, int64_t now)
{
	uint8_t msg[BEACON_DISCOVER_LEN];
	int64_t wait;

	if (!ps->node) {
		ps->discover_at = FOREVER;
		return;
	}
	if (ps->awaited && ++ps->unanswered == BEACON_SILENT_AFTER)
		ps->ops->notice(ps->ctx, PATHS_BEACON_SILENT, 0, &ps->beacon);
	wait = ps->unanswered < 5 ? DISCOVER_RETRY_MS << ps->unanswered : BEACON_KEEP_MS;
	ps->awaited = true;
	ps->discovered_at = now;
	ps->discover_at = now + earlier(wait, BEACON_KEEP_MS);
	beacon_build_discover(msg, ps->node);
	ps->ops->send_beacon(ps->ctx, msg, sizeof(msg));
}

void paths_discover(struct paths *ps, int64_t now)
{
	/* One that is under way will do. */
	if (is_set(&ps->beacon) &&
	    !(ps->awaited && now - ps->discovered_at < DISCOVER_RETRY_MS))
		send_discover(ps, now);
}

static bool beacon_is_silent(const struct paths *ps)
{
	return ps->unanswered >= BEACON_SILENT_AFTER;
}

static void discover_reply(struct paths *ps, const struct pilot_endpoint *ep)
{
	/* One for each question, whoever sends more. */
	if (!ps->awaited)
		return;
	if (beacon_is_silent(ps))
		ps->ops->notice(ps->ctx, PATHS_BEACON_BACK, 0, &ps->beacon);
	ps->awaited = false;
	ps->unanswered = 0;
	ps->discover_at = ps->discovered_at + BEACON_KEEP_MS;
	if (pilot_endpoint_equal(&ps->reflexive, ep))
		return;
	ps->reflexive = *ep;
	ps->ops->notice(ps->ctx, PATHS_REFLEXIVE, 0, ep);
}

/* Asks for a hole; not for more at a time than the commands can be told apart. */
static void request_punch(struct paths *ps, int64_t now, uint32_t node)
{
	uint8_t msg[BEACON_PUNCH_LEN];
	struct request *q;
	size_t i;

	if (!is_set(&ps->beacon))
		return;
	if (ps->n_requests >= PUNCHES_PER_SEC) {
		q = &ps->requests[(ps->n_requests - PUNCHES_PER_SEC) % PUNCHES_PENDING];
		if (now - q->at < 1000)
			return;
	}
	for (i = 0; i < PUNCHES_PENDING; i++)
		if (ps->requests[i].node == node && now - ps->requests[i].at < 1000)
			return;
	q = &ps->requests[ps->n_requests++ % PUNCHES_PENDING];
	q->node = node;
	q->at = now;
	beacon_build_punch(msg, ps->node, node);
	ps->ops->send_beacon(ps->ctx, msg, sizeof(msg));
}

static bool same_host(const struct pilot_endpoint *a, const struct pilot_endpoint *b)
{
	if (a->sa.sa_family != b->sa.sa_family)
		return false;
	if (a->sa.sa_family == AF_INET)
		return a->in.sin_addr.s_addr == b->in.sin_addr.s_addr;
	return !memcmp(&a->in6.sin6_addr, &b->in6.sin6_addr, sizeof(a->in6.sin6_addr));
}

/* A peer that asked for this, or may have, is at @ep, or may be. */
static void try_punched(struct paths *ps, int64_t now, uint32_t node,
			const struct pilot_endpoint *ep)
{
	struct route *r = route_find(ps, node);
	struct paths_peer k;

	if (!r || !ps->ops->peer(ps->ctx, node, &k) || k.path != PILOT_PATH_AUTO)
		return;
	r->punched = *ep;
	r->punched_at = now;
	if (!k.ready)
		ps->ops->send_exchange(ps->ctx, node, ep);
	else if (k.active == PILOT_PATH_RELAY || r->silent)
		ps->ops->send_probe(ps->ctx, node, ep, false);
}

static bool is_among(const uint32_t *v, size_t n, uint32_t node)
{
	while (n--)
		if (v[n] == node)
			return true;
	return false;
}

static void punch_command(struct paths *ps, int64_t now, const struct pilot_endpoint *ep)
{
	uint32_t guess[PUNCH_GUESSES];
	size_t i, n = 0, begin = 0;
	struct paths_peer k;

	for (i = 0; i < PUNCHES_PER_COMMAND; i++)
		ps->ops->send_punch(ps->ctx, ep);

	/* Oldest request first; but if a peer is known to be there, it is meant. */
	if (ps->n_requests > PUNCHES_PENDING)
		begin = ps->n_requests - PUNCHES_PENDING;
	for (i = begin; i < ps->n_requests; i++) {
		const struct request *q = &ps->requests[i % PUNCHES_PENDING];

		if (now - q->at > PUNCH_WAIT_MS || is_among(guess, n, q->node))
			continue;
		if (ps->ops->peer(ps->ctx, q->node, &k) && same_host(&k.endpoint, ep)) {
			guess[0] = q->node;
			n = 1;
			break;
		}
		if (n < PUNCH_GUESSES)
			guess[n++] = q->node;
	}
	for (i = 0; i < n; i++)
		try_punched(ps, now, guess[i], ep);
}

void paths_beacon(struct paths *ps, int64_t now, const uint8_t *data, size_t len)
{
	struct pilot_endpoint ep;

	if (!is_set(&ps->beacon))
		return;
	switch (beacon_parse(data, len, &ep)) {
	case PILOT_BEACON_DISCOVER_REPLY:
		discover_reply(ps, &ep);
		break;
	case PILOT_BEACON_PUNCH_COMMAND:
		punch_command(ps, now, &ep);
		break;
	}
}

/* Without a beacon nothing can be relayed. */
static void all_direct(struct paths *ps)
{
	struct paths_peer k;
	struct route *r;

	for (r = route_next(ps, NULL); r; r = route_next(ps, r))
		if (ps->ops->peer(ps->ctx, r->by_id.id, &k) &&
		    k.path == PILOT_PATH_AUTO && k.active == PILOT_PATH_RELAY)
			ps->ops->set_path(ps->ctx, r->by_id.id, PILOT_PATH_DIRECT);
}

void paths_set_beacon(struct paths *ps, int64_t now, const struct pilot_endpoint *beacon)
{
	struct pilot_endpoint none = { 0 };

	if (!beacon)
		beacon = &none;
	if (pilot_endpoint_equal(&ps->beacon, beacon))
		return;
	ps->beacon = *beacon;
	ps->reflexive = none;
	ps->awaited = false;
	ps->unanswered = 0;
	ps->discover_at = FOREVER;
	if (is_set(beacon))
		send_discover(ps, now);
	else
		all_direct(ps);
}

const struct pilot_endpoint *paths_reflexive(const struct paths *ps)
{
	return &ps->reflexive;
}

/* Ways to a peer */

static void add_place(struct places *p, const struct pilot_endpoint *ep)
{
	size_t i;

	if (!is_set(ep) || p->n == PATHS_WAYS - 1)
		return;
	for (i = 0; i < p->n; i++)
		if (pilot_endpoint_equal(&p->v[i], ep))
			return;
	p->v[p->n++] = *ep;
}

static void find_places(const struct paths *ps, int64_t now, const struct route *r,
			const struct paths_peer *k, struct places *p)
{
	size_t i;

	p->n = 0;
	add_place(p, &k->endpoint);
	if (now - r->punched_at < PUNCHED_LIFE_MS)
		add_place(p, &r->punched);
	add_place(p, ps->ops->configured(ps->ctx, r->by_id.id));
	for (i = 0; i < r->n_candidates; i++)
		add_place(p, &r->candidates[i]);
}

size_t paths_ways(struct paths *ps, int64_t now, uint32_t node, struct paths_way *ways)
{
	int64_t silence = ps->silence ? ps->silence : PEER_SILENCE_SECS * INT64_C(1000);
	bool relay = is_set(&ps->beacon);
	struct places places;
	struct paths_peer k;
	struct route *r;
	size_t i, n = 0;

	r = ps->ops->peer(ps->ctx, node, &k) ? route_make(ps, node) : NULL;
	if (!r)
		return 0;
	memset(ways, 0, PATHS_WAYS * sizeof(*ways));
	if (k.ready && k.last_rx >= 0 && k.last_rx < silence) {
		/* It is reachable as it is. */
		relay = k.active == PILOT_PATH_RELAY;
		if (!relay && is_set(&k.endpoint))
			ways[n++].to = k.endpoint;
	} else {
		if (k.path == PILOT_PATH_DIRECT)
			relay = false;
		if (k.path != PILOT_PATH_RELAY) {
			find_places(ps, now, r, &k, &places);
			for (i = 0; i < places.n; i++)
				ways[n++].to = places.v[i];
		}
		if (k.path == PILOT_PATH_AUTO)
			request_punch(ps, now, node);
	}
	if (relay)
		ways[n++].relayed = true;
	return n;
}

bool paths_take(struct paths *ps, uint32_t node, enum pilot_path path)
{
	struct paths_peer k;

	if (!ps->ops->peer(ps->ctx, node, &k) || k.path != PILOT_PATH_AUTO ||
	    k.active == path ||
	    !is_set(path == PILOT_PATH_RELAY ? &ps->beacon : &k.endpoint))
		return false;
	return ps->ops->set_path(ps->ctx, node, path);
}

void paths_resolved(struct paths *ps, int64_t now, uint32_t node,
		    const struct pilot_endpoint *ep, size_t n)
{
	struct paths_peer k;
	struct route *r;
	size_t i;

	r = n && ps->ops->peer(ps->ctx, node, &k) ? route_make(ps, node) : NULL;
	if (!r)
		return;
	if (n > PATHS_CANDIDATES)
		n = PATHS_CANDIDATES;
	memcpy(r->candidates, ep, n * sizeof(*ep));
	r->n_candidates = n;
	/* A peer that is heard stays where it is, whatever a registry says. */
	if (!is_set(&k.endpoint) ||
	    (r->resets && !is_set(ps->ops->configured(ps->ctx, node)) &&
	     !pilot_endpoint_equal(&k.endpoint, ep)))
		ps->ops->set_endpoint(ps->ctx, node, ep);
	if (!k.ready) {
		for (i = 0; i < n; i++)
			ps->ops->send_exchange(ps->ctx, node, &ep[i]);
		return;
	}
	if (k.active == PILOT_PATH_RELAY || r->resets) {
		r->rounds = DIRECT_ROUNDS;
		r->round_at = now;
		schedule(ps, r);
	}
}

/* What is due for a peer */

static void send_round(struct paths *ps, int64_t now, struct route *r,
		       const struct paths_peer *k)
{
	uint32_t node = r->by_id.id;
	struct places places;
	size_t i;

	r->rounds--;
	r->round_at = now + ROUND_MS;
	if (k->path != PILOT_PATH_RELAY) {
		find_places(ps, now, r, k, &places);
		for (i = 0; i < places.n; i++)
			ps->ops->send_probe(ps->ctx, node, &places.v[i], false);
	}
	if ((r->silent || r->resets) && is_set(&ps->beacon) &&
	    k->path != PILOT_PATH_DIRECT)
		ps->ops->send_probe(ps->ctx, node, NULL, true);
}

/* Nothing came of the probes. The keys stay: it may be back any time. */
static void reset_path(struct paths *ps, int64_t now, struct route *r,
		       const struct paths_peer *k)
{
	const struct pilot_endpoint *ep = ps->ops->configured(ps->ctx, r->by_id.id);
	uint32_t node = r->by_id.id;

	if (!r->resets)
		ps->ops->notice(ps->ctx, PATHS_SILENT, node, &k->endpoint);
	r->silent = false;
	if (r->resets < RESETS_BACKOFF)
		r->resets++;
	r->silent_at = ps->silence ? now + (ps->silence << r->resets) : FOREVER;
	if (is_set(ep) && !pilot_endpoint_equal(ep, &k->endpoint))
		ps->ops->set_endpoint(ps->ctx, node, ep);
	if (ps->ops->resolve)
		ps->ops->resolve(ps->ctx, node);
	/* A relay that is dead itself is no better than what there is. */
	if (k->path == PILOT_PATH_AUTO && k->active != PILOT_PATH_RELAY &&
	    is_set(&ps->beacon) &&
	    !(beacon_is_silent(ps) && (is_set(&k->endpoint) || is_set(ep))))
		ps->ops->set_path(ps->ctx, node, PILOT_PATH_RELAY);
	/* It may have lost its keys. */
	ps->ops->need_key(ps->ctx, node);
	r->tx_packets = k->tx_packets;
}

/*
 * Silent is who does not answer, not who is not spoken to. A peer that goes when
 * it is idle may have let us go by now: a probe for the sake of keepalives alone
 * would make us its peer again, and two nodes would keep each other for ever.
 */
static bool is_spoken_to(const struct route *r, const struct paths_peer *k)
{
	return k->last_tx >= 0 && k->last_tx < k->last_rx &&
	       !(k->dynamic && k->tx_packets == r->tx_packets);
}

static void look_after(struct paths *ps, int64_t now, struct route *r)
{
	uint32_t node = r->by_id.id;
	struct paths_peer k;

	if (!ps->ops->peer(ps->ctx, node, &k)) {
		route_del(ps, r);
		return;
	}
	update(ps, now, r, &k);
	if (now >= r->silent_at) {
		if (is_spoken_to(r, &k)) {
			r->silent = true;
			r->rounds = SILENT_ROUNDS;
			r->round_at = now;
			r->silent_at = FOREVER;
			if (k.path == PILOT_PATH_AUTO)
				request_punch(ps, now, node);
			/* It may be the beacon that has forgotten us. */
			if (k.active == PILOT_PATH_RELAY)
				paths_discover(ps, now);
		} else {
			/* the next packet to a dynamic peer may be one too many */
			r->silent_at = now + (k.dynamic ? LATE_MS : ps->silence);
		}
	}
	if (now >= r->try_at) {
		r->try_at = now + DIRECT_RETRY_MS;
		if (!k.dynamic || k.tx_packets != r->tried_packets) {
			if (r->rounds < DIRECT_ROUNDS)
				r->rounds = DIRECT_ROUNDS;
			r->round_at = now;
			request_punch(ps, now, node);
		}
		r->tried_packets = k.tx_packets;
	}
	if (r->rounds && now >= r->round_at)
		send_round(ps, now, r, &k);
	else if (r->silent && !r->rounds && now >= r->round_at)
		reset_path(ps, now, r, &k);
	schedule(ps, r);
}

void paths_set_silence(struct paths *ps, int64_t ms)
{
	struct route *r;

	if (ps->silence == ms)
		return;
	ps->silence = ms;
	for (r = route_next(ps, NULL); r; r = route_next(ps, r)) {
		r->silent = false;
		r->silent_at = ms && r->heard != NEVER ? r->heard + ms : FOREVER;
		schedule(ps, r);
	}
}

/* State read from the kernel */

void paths_changed(struct paths *ps, int64_t now, uint32_t node)
{
	struct paths_peer k;
	struct route *r;

	r = ps->ops->peer(ps->ctx, node, &k) ? route_make(ps, node) : NULL;
	if (!r)
		return;
	update(ps, now, r, &k);
	schedule(ps, r);
}

void paths_remove(struct paths *ps, uint32_t node)
{
	struct route *r = route_find(ps, node);

	if (r)
		route_del(ps, r);
}

void paths_sync_begin(struct paths *ps)
{
	struct route *r;

	for (r = route_next(ps, NULL); r; r = route_next(ps, r))
		r->mark = false;
}

void paths_sync_peer(struct paths *ps, int64_t now, uint32_t node,
		     const struct paths_peer *peer)
{
	struct route *r = route_make(ps, node);

	if (!r)
		return;
	r->mark = true;
	update(ps, now, r, peer);
	schedule(ps, r);
}

void paths_sync_end(struct paths *ps)
{
	struct route *r, *next;

	for (r = route_next(ps, NULL); r; r = next) {
		next = route_next(ps, r);
		if (!r->mark)
			route_del(ps, r);
	}
}

/* Time */

int64_t paths_next_deadline(const struct paths *ps)
{
	const struct deadline *d = deadlines_first(&ps->deadlines);
	int64_t due = d ? d->due : FOREVER;

	if (due < ps->not_before)
		due = ps->not_before;
	due = earlier(due, ps->discover_at);
	return due == FOREVER ? -1 : due;
}

void paths_tick(struct paths *ps, int64_t now)
{
	struct deadline *d;
	unsigned int n = 0;

	if (now >= ps->discover_at)
		send_discover(ps, now);
	if (now < ps->not_before)
		return;
	ps->not_before = 0;
	while ((d = deadlines_first(&ps->deadlines)) && d->due <= now) {
		if (n++ == PATHS_PER_TICK) {
			ps->not_before = now + TICK_SPACING_MS;
			break;
		}
		look_after(ps, now, (struct route *)((char *)d -
						     offsetof(struct route, deadline)));
	}
}

struct paths *paths_new(uint32_t node, const struct paths_ops *ops, void *ctx)
{
	struct paths *ps = calloc(1, sizeof(*ps));

	if (!ps)
		return NULL;
	if (idmap_init(&ps->map)) {
		free(ps);
		return NULL;
	}
	ps->node = node;
	ps->ops = ops;
	ps->ctx = ctx;
	ps->discover_at = FOREVER;
	return ps;
}

void paths_set_node(struct paths *ps, int64_t now, uint32_t node)
{
	ps->node = node;
	paths_discover(ps, now);
}

void paths_free(struct paths *ps)
{
	struct route *r;

	if (!ps)
		return;
	while ((r = route_next(ps, NULL)))
		route_del(ps, r);
	idmap_release(&ps->map);
	deadlines_release(&ps->deadlines);
	free(ps);
}
