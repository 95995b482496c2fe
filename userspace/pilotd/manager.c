// SPDX-License-Identifier: GPL-2.0
/*
 * How two nodes come to hold the same key:
 *
 * A PILA names neither its addressee nor the frame it answers. So that both
 * ends derive the same key whatever is lost, doubled or overtaken, a node
 * offers one X25519 key to a peer for as long as the exchange lasts: from its
 * first frame (or from the first frame it answers) until a frame of the peer
 * has been opened with a key made from it. While both ends hold on to theirs,
 * any two frames that arrive give both the same key.
 *
 * Only who starts an exchange repeats its frame and gives up in the end. Who
 * answers is silent: else a stranger could make it spend its retries, and run
 * into the cooldown, with an old frame.
 *
 * A new key never takes the place of a proven one here: the kernel installs it
 * beside, and finds out by traffic which one the peer really has. A replayed
 * PILA therefore costs nothing but an answer. That answer also goes to where
 * the peer is known to be, which makes the real peer join the exchange: so an
 * old key that was put beside the proven one is followed by a fresh one.
 */
#include "manager.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <sodium.h>

#include "constants.h"
#include "kex.h"
#include "peers.h"

struct manager {
	struct manager_config cfg;
	const struct manager_ops *ops;
	void *ctx;
	struct peers peers;
	struct pubkeys pubkeys;
	int64_t not_before;
};

/* Where a frame came from. */
struct origin {
	const struct pilot_endpoint *from;
	bool relayed;
};

static void notice(struct manager *m, enum manager_notice what, uint32_t node,
		   const char *detail)
{
	m->ops->notice(m->ctx, what, node, detail);
}

/* For one of the kernel, which has a limit of its own. */
static struct peer *peer_of_kernel(struct manager *m, uint32_t node)
{
	struct peer *p = peers_find(&m->peers, node);

	if (!p)
		p = peers_add(&m->peers, node);
	if (!p)
		notice(m, MANAGER_FAILED, node, "out of memory");
	else
		p->in_kernel = true;
	return p;
}

/* For whoever sends: strangers must not take the places of the kernel's. */
static struct peer *peer_make(struct manager *m, uint32_t node)
{
	struct peer *p = peers_find(&m->peers, node);

	if (p)
		return p;
	if (m->peers.map.n >= m->cfg.max_peers) {
		notice(m, MANAGER_REFUSED, node, "too many peers");
		return NULL;
	}
	p = peers_add(&m->peers, node);
	if (!p)
		notice(m, MANAGER_FAILED, node, "out of memory");
	return p;
}

static void plan_rekey(struct manager *m, struct peer *p,
		       const struct session *s)
{
	int64_t rekey = m->cfg.rekey;

	p->rekey_at = FOREVER;
	if (!rekey || !s->negotiated)
		return;
	/*
	 * Who started goes first. The other end follows only if that did not
	 * happen, so that they do not start at the same time as a rule.
	 */
	if (s->initiator)
		p->rekey_at = s->installed_at + rekey -
			      randombytes_uniform((uint32_t)(rekey / 10) + 1);
	else
		p->rekey_at = s->installed_at + rekey + rekey / 8 +
			      randombytes_uniform((uint32_t)(rekey / 8) + 1);
}

static void drop_unauthenticated(struct manager *m, struct peer *p)
{
	unsigned int i;

	for (i = p->n_sess; i-- > 0;) {
		uint32_t id = p->sess[i].id;

		if (p->sess[i].authenticated || !p->sess[i].negotiated)
			continue;
		peer_forget(p, &p->sess[i]);
		m->ops->drop_key(m->ctx, p->by_id.id, id);
	}
}

/* The key has opened a frame: the peer has it too. */
static void proven(struct manager *m, int64_t now, struct peer *p,
		   struct session *s)
{
	unsigned int i;

	s->proven = true;
	p->doubt_at = FOREVER;
	p->claimed = false;
	p->gave_up_until = NEVER;
	if (p->eph.priv && key_eq(p->eph.pub, s->local))
		peers_end_exchange(&m->peers, p);
	if (s == peer_proven(p)) {
		p->wanted_at = FOREVER;
		plan_rekey(m, p, s);
		if (p->rekey_at <= now)
			p->rekey_at = now + randombytes_uniform(REKEY_RETRANSMIT_MS) + 1;
	}
	/* What was there before is history; what came after may be replayed. */
	for (i = (unsigned int)(s - p->sess) + 1; i < p->n_sess; i++)
		if (p->sess[i].negotiated && !key_eq(p->sess[i].peer, s->peer))
			peer_supersede(p, p->sess[i].peer);
	if (s->authenticated)
		drop_unauthenticated(m, p);
}

/* Frames out */

static size_t build(const struct manager *m, uint8_t *frame, const uint8_t *pub)
{
	if (m->cfg.identity) {
		kex_build_pila(frame, m->cfg.node, pub, m->cfg.identity);
		return PILOT_PILA_LEN;
	}
	kex_build_pilk(frame, m->cfg.node, pub);
	return PILOT_PILK_LEN;
}

static void transmit(struct manager *m, int64_t now, struct peer *p)
{
	uint8_t frame[PILOT_PILA_LEN];
	size_t len = build(m, frame, p->eph.pub);

	p->last_sent = now;
	m->ops->send_frame(m->ctx, p->by_id.id, NULL, false, frame, len);
	/* It may be that the peer cannot look us up: this one it can answer. */
	if (m->cfg.identity && p->attempts && !p->n_sess) {
		kex_build_pilk(frame, m->cfg.node, p->eph.pub);
		m->ops->send_frame(m->ctx, p->by_id.id, NULL, false, frame,
				   PILOT_PILK_LEN);
	}
}

/*
 * Answer a frame with a public key of ours. @to_path: also to where the peer
 * is known to be, if that is somewhere else. @pilk: in kind, for a peer that
 * may not be able to verify a PILA.
 */
static void answer(struct manager *m, struct peer *p, const uint8_t *pub,
		   const struct origin *o, bool to_path, bool pilk)
{
	uint8_t frame[PILOT_PILA_LEN];
	size_t len = build(m, frame, pub);

	m->ops->send_frame(m->ctx, p->by_id.id, o->from, o->relayed, frame, len);
	if (to_path && !m->ops->on_path(m->ctx, p->by_id.id, o->from, o->relayed))
		m->ops->send_frame(m->ctx, p->by_id.id, NULL, false, frame, len);
	if (pilk && m->cfg.identity) {
		kex_build_pilk(frame, m->cfg.node, pub);
		m->ops->send_frame(m->ctx, p->by_id.id, o->from, o->relayed,
				   frame, PILOT_PILK_LEN);
	}
}

static bool offer(struct manager *m, int64_t now, struct peer *p)
{
	if (p->eph.priv)
		return true;
	if (kex_pair_new(&p->eph)) {
		notice(m, MANAGER_FAILED, p->by_id.id,
		       "no memory for an ephemeral key");
		return false;
	}
	p->answered = false;
	p->eph_expires = now + ANSWER_KEY_LIFE_MS;
	return true;
}

/* Start an exchange; one under way that nobody answered goes on. */
static void start(struct manager *m, int64_t now, struct peer *p, bool fresh)
{
	p->wanted_at = FOREVER;
	if (fresh || p->answered)
		peers_end_exchange(&m->peers, p);
	if (!offer(m, now, p)) {
		p->wanted_at = now + REKEY_RETRANSMIT_MS;
		return;
	}
	peers_set_active(&m->peers, p, true);
	p->attempts = 0;
	p->last_request = now;
	transmit(m, now, p);
}

/* Nobody has proven the newest key, nor another one. */
static bool is_doubtful(const struct peer *p)
{
	const struct session *s = peer_newest(p);

	return s && s->negotiated && !peer_has_proven(p);
}

static void begin_doubt(struct peer *p, int64_t now)
{
	if (p->doubt_at != FOREVER || !is_doubtful(p))
		return;
	p->doubt_wait = DOUBT_MS;
	p->doubt_tx = 0;
	p->doubt_at = now + p->doubt_wait;
}

static void put_off_doubt(struct peer *p, int64_t now, int64_t longest)
{
	if (p->doubt_wait < longest)
		p->doubt_wait = 2 * p->doubt_wait < longest ? 2 * p->doubt_wait : longest;
	p->doubt_at = now + p->doubt_wait;
}

/*
 * It may have been made from an old frame that somebody sent from anywhere (S2):
 * an answer is not repeated, and the kernel, which has a key, asks for none. An
 * exchange of our own is, by all ways; but for nothing, if nothing is sent.
 */
static bool doubt(struct manager *m, int64_t now, struct peer *p)
{
	uint64_t tx;

	p->doubt_at = FOREVER;
	if (!is_doubtful(p))
		return false;
	tx = m->ops->tx_packets(m->ctx, p->by_id.id);
	if (p->active || now < p->gave_up_until || tx == p->doubt_tx) {
		put_off_doubt(p, now, DOUBT_IDLE_MS);
		return false;
	}
	put_off_doubt(p, now, DOUBT_MAX_MS);
	p->doubt_tx = tx;
	start(m, now, p, false);
	m->ops->find(m->ctx, p->by_id.id);
	return true;
}

static void give_up(struct manager *m, int64_t now, struct peer *p)
{
	peers_end_exchange(&m->peers, p);
	p->gave_up_until = now + REKEY_GAVE_UP_COOLDOWN_MS;
	/* Where there is a key, it goes on being used all the same. */
	m->ops->set_cooldown(m->ctx, p->by_id.id, REKEY_GAVE_UP_COOLDOWN_MS);
	notice(m, MANAGER_GAVE_UP, p->by_id.id, p->n_sess ?
	       "the key was never confirmed" : "no answer");
}

/* Frames in */

/* A frame names a session that is installed already. */
static void repeated(struct manager *m, int64_t now, struct peer *p,
		     struct session *s, const struct origin *o)
{
	int64_t age;

	if (now - s->seen_at < DUPLICATE_DEBOUNCE_MS)
		return;
	s->seen_at = now;
	if (now - p->last_answer <= REPLY_MIN_INTERVAL_MS)
		return;
	if (s->proven) {
		age = m->ops->last_decrypt_age(m->ctx, p->by_id.id, s->id);
		if (age >= 0 && age <= REPLY_STALE_MS)
			return;
	} else if (s->answers++ >= UNPROVEN_ANSWERS_MAX) {
		return;
	}
	p->last_answer = now;
	answer(m, p, s->local, o, peer_has_proven(p), !s->authenticated);
}

/* The session a frame names, if it is installed. */
static struct session *named(struct peer *p, const uint8_t *x25519, bool auth)
{
	unsigned int i;

	for (i = 0; i < p->n_sess; i++) {
		struct session *s = &p->sess[i];

		if (!s->negotiated || !key_eq(s->peer, x25519) ||
		    s->authenticated < auth)
			continue;
		if (!p->eph.priv || key_eq(s->local, p->eph.pub))
			return s;
	}
	return NULL;
}

/* @identity: that was verified, NULL for a PILK. */
static void install(struct manager *m, int64_t now, struct peer *p,
		    const uint8_t *x25519, const uint8_t *identity,
		    const struct origin *o)
{
	bool auth = identity;
	uint32_t node = p->by_id.id;
	uint8_t secret[PILOT_KEY_LEN];
	struct manager_key key;
	struct session s = { 0 }, *old;
	int ret;

	if (!offer(m, now, p))
		return;
	if (kex_derive(p->eph.priv, x25519, secret)) {
		notice(m, MANAGER_REFUSED, node, "X25519 key of low order");
		return;
	}
	if (!p->in_kernel) {
		ret = m->ops->add_peer(m->ctx, node);
		if (ret) {
			sodium_memzero(secret, sizeof(secret));
			if (ret == -ENOSPC)
				notice(m, MANAGER_REFUSED, node, "the device has max-peers peers");
			else
				notice(m, MANAGER_FAILED, node, "cannot add the peer");
			return;
		}
		p->in_kernel = true;
	}
	/*
	 * A frame may be a replay from anywhere: it must not move the endpoint.
	 * Where there is none it is better than nothing, until the next one.
	 * The real peer moves it by its first frame under the key.
	 */
	if (!o->relayed && !peer_has_proven(p) &&
	    m->ops->set_endpoint(m->ctx, node, o->from, !p->claimed))
		p->claimed = true;
	/* And it was heard by this path, if not by any other yet. */
	if (!peer_has_proven(p))
		m->ops->set_path(m->ctx, node, o->relayed ? PILOT_PATH_RELAY :
							    PILOT_PATH_DIRECT);

	s.id = kex_key_id(p->eph.pub, x25519);
	s.negotiated = true;
	s.authenticated = auth;
	s.initiator = p->active;
	s.installed_at = now;
	s.seen_at = now;
	memcpy(s.peer, x25519, sizeof(s.peer));
	memcpy(s.local, p->eph.pub, sizeof(s.local));
	s.has_identity = auth;
	if (auth)
		memcpy(s.identity, identity, sizeof(s.identity));

	key.id = s.id;
	key.secret = secret;
	key.authenticated = auth;
	key.peer_x25519 = s.peer;
	key.local_x25519 = s.local;
	key.peer_ed25519 = identity;
	ret = m->ops->install_key(m->ctx, node, &key);
	sodium_memzero(secret, sizeof(secret));
	if (ret) {
		if (ret == -EBUSY)
			notice(m, MANAGER_REFUSED, node, "two keys await their proof");
		else
			notice(m, MANAGER_FAILED, node, "cannot install the key");
		return;
	}
	old = peer_session(p, s.id);
	if (old) {
		s.proven = old->proven;
		peer_forget(p, old);
	}
	peer_insert(p, &s);
	begin_doubt(p, now);
	p->answered = true;
	p->wanted_at = FOREVER;
	p->last_answer = now;
	answer(m, p, s.local, o, peer_has_proven(p), !auth);
}

/* A key that the peer offers; @identity was verified, NULL: a PILK. */
static void offered(struct manager *m, int64_t now, struct peer *p,
		    const uint8_t *x25519, const uint8_t *identity,
		    const struct origin *o)
{
	struct session *s;

	/* S2: an old frame, sent again by someone. */
	if (peer_is_superseded(p, x25519)) {
		notice(m, MANAGER_REFUSED, p->by_id.id,
		       "superseded key, replayed frame");
		return;
	}
	s = named(p, x25519, identity);
	if (s) {
		repeated(m, now, p, s, o);
		return;
	}
	/*
	 * The peer answered this exchange with a fresh key, so a frame with
	 * one from before is late. Until we have to ask again: then both may
	 * be true.
	 */
	if (p->answered && peer_is_older(p, x25519))
		return;
	install(m, now, p, x25519, identity, o);
}

static void ask_registry(struct manager *m, int64_t now,
			 const struct kex_frame *f, const uint8_t *data,
			 const struct origin *o)
{
	struct held_frame held = { 0 };

	held.len = f->pila ? PILOT_PILA_LEN : PILOT_PILK_LEN;
	memcpy(held.data, data, held.len);
	held.from = *o->from;
	held.relayed = o->relayed;
	if (pubkeys_hold(&m->pubkeys, now, f->sender, &held))
		m->ops->lookup_pubkey(m->ctx, f->sender);
}

/*
 * The identity of a peer's live session. It proved that under a key which the
 * registry vouched for then; a registry that says otherwise now is not asked.
 */
static const uint8_t *live_identity(struct manager *m, const struct peer *p)
{
	unsigned int i;
	int64_t age;

	for (i = 0; p && i < p->n_sess; i++) {
		if (!p->sess[i].has_identity || !p->sess[i].proven)
			continue;
		age = m->ops->last_decrypt_age(m->ctx, p->by_id.id, p->sess[i].id);
		if (age >= 0 && age <= SESSION_LIVE_MS)
			return p->sess[i].identity;
	}
	return NULL;
}

static void pila_in(struct manager *m, int64_t now, const struct kex_frame *f,
		    const uint8_t *data, const struct origin *o)
{
	const uint8_t *key = NULL, *live = NULL;
	enum pubkey_state state = pubkeys_get(&m->pubkeys, now, f->sender, &key);
	struct peer *p;

	live = live_identity(m, peers_find(&m->peers, f->sender));
	if (live && !pubkeys_is_pinned(&m->pubkeys, f->sender)) {
		if (memcmp(live, f->ed25519, PILOT_ED25519_LEN)) {
			notice(m, MANAGER_REFUSED, f->sender,
			       "PILA: not the identity of the live session");
			return;
		}
		key = live;
		state = PUBKEY_KNOWN;
	}
	switch (state) {
	case PUBKEY_UNKNOWN:
		ask_registry(m, now, f, data, o);
		return;
	case PUBKEY_ABSENT:
		notice(m, MANAGER_REFUSED, f->sender, "PILA: not registered");
		return;
	case PUBKEY_UNAVAILABLE:
		notice(m, MANAGER_REFUSED, f->sender,
		       "PILA: the registry does not answer");
		return;
	case PUBKEY_KNOWN:
		break;
	}
	if (!key || memcmp(key, f->ed25519, PILOT_ED25519_LEN)) {
		notice(m, MANAGER_REFUSED, f->sender,
		       "PILA: not the registered identity");
		ask_registry(m, now, f, data, o);
		return;
	}
	if (!kex_verify(f)) {
		notice(m, MANAGER_REFUSED, f->sender, "PILA: bad signature");
		return;
	}
	p = peer_make(m, f->sender);
	if (!p)
		return;
	offered(m, now, p, f->x25519, f->ed25519, o);
	if (peer_is_idle(p))
		peers_del(&m->peers, p);
	else
		peers_schedule(&m->peers, p);
}

/* S4: never for a node that can do better; but tell it how to. */
static void pilk_refused(struct manager *m, int64_t now,
			 const struct kex_frame *f, const struct origin *o)
{
	const struct session *s;
	struct peer *p;

	if (!m->cfg.identity)
		return;
	p = peer_make(m, f->sender);
	if (!p)
		return;
	/* Anybody can send these: they are not to use up the answers to a PILA. */
	if (now - p->last_answer > REPLY_MIN_INTERVAL_MS &&
	    now - p->last_refusal > REPLY_MIN_INTERVAL_MS) {
		p->last_refusal = now;
		s = peer_proven(p) ?: peer_newest(p);
		/* Not a fresh key while a session is proven: the peer would make a new one. */
		if (s && s->negotiated && !p->eph.priv &&
		    (s->proven || key_eq(s->peer, f->x25519)))
			answer(m, p, s->local, o, false, false);
		else if (offer(m, now, p))
			answer(m, p, p->eph.pub, o, false, false);
	}
	if (peer_is_idle(p))
		peers_del(&m->peers, p);
	else
		peers_schedule(&m->peers, p);
}

static void pilk_in(struct manager *m, int64_t now, const struct kex_frame *f,
		    const uint8_t *data, const struct origin *o)
{
	struct peer *p = peers_find(&m->peers, f->sender);

	if (p && peer_has_authenticated(p)) {
		pilk_refused(m, now, f, o);
		return;
	}
	switch (pubkeys_get(&m->pubkeys, now, f->sender, NULL)) {
	case PUBKEY_UNKNOWN:
		ask_registry(m, now, f, data, o);
		return;
	case PUBKEY_KNOWN:
		pilk_refused(m, now, f, o);
		return;
	case PUBKEY_UNAVAILABLE:
		notice(m, MANAGER_REFUSED, f->sender,
		       "PILK: the registry does not answer");
		return;
	case PUBKEY_ABSENT:
		break;
	}
	if (!m->cfg.allow_unauth) {
		notice(m, MANAGER_REFUSED, f->sender,
		       "PILK: unauthenticated peers are not allowed");
		return;
	}
	/* The limit comes before the scalar multiplication. */
	p = peer_make(m, f->sender);
	if (!p)
		return;
	offered(m, now, p, f->x25519, NULL, o);
	if (peer_is_idle(p))
		peers_del(&m->peers, p);
	else
		peers_schedule(&m->peers, p);
}

void manager_frame(struct manager *m, int64_t now,
		   const struct pilot_endpoint *from, bool relayed,
		   const uint8_t *data, size_t len)
{
	const struct origin o = { .from = from, .relayed = relayed };
	struct kex_frame f;

	if (!m->cfg.node || kex_parse(data, len, &f) || !f.sender ||
	    f.sender == m->cfg.node)
		return;
	if (f.pila)
		pila_in(m, now, &f, data, &o);
	else
		pilk_in(m, now, &f, data, &o);
}

void manager_pubkey_result(struct manager *m, int64_t now, uint32_t node,
			   enum pubkey_state state, const uint8_t *key)
{
	struct held_frame *h, *next;

	h = pubkeys_result(&m->pubkeys, now, node, state, key);
	for (; h; h = next) {
		next = h->next;
		manager_frame(m, now, &h->from, h->relayed, h->data, h->len);
		free(h);
	}
}

int manager_pin(struct manager *m, int64_t now, uint32_t node,
		const uint8_t *key)
{
	struct peer *p = peers_find(&m->peers, node);
	const uint8_t *known = NULL;
	bool other;
	unsigned int i;

	if (key && p) {
		pubkeys_get(&m->pubkeys, now, node, &known);
		other = known && memcmp(known, key, PILOT_ED25519_LEN);
		if (other)
			peers_end_exchange(&m->peers, p);
		for (i = p->n_sess; i-- > 0;) {
			const struct session *s = &p->sess[i];
			uint32_t id = s->id;

			/* Nobody has proven anything under one that is not authenticated. */
			if (!s->negotiated ||
			    (s->authenticated &&
			     !(s->has_identity ? memcmp(s->identity, key, PILOT_ED25519_LEN) :
						 other)))
				continue;
			peers_end_exchange(&m->peers, p);
			peer_forget(p, &p->sess[i]);
			m->ops->drop_key(m->ctx, node, id);
		}
		peers_schedule(&m->peers, p);
	}
	return pubkeys_pin(&m->pubkeys, node, key);
}

void manager_forget_pubkey(struct manager *m, uint32_t node)
{
	struct peer *p = peers_find(&m->peers, node);
	unsigned int i;

	for (i = 0; p && i < p->n_sess; i++)
		p->sess[i].has_identity = false;
	pubkeys_forget(&m->pubkeys, node);
}

/* Events in */

void manager_start(struct manager *m, int64_t now, uint32_t node)
{
	struct peer *p = m->cfg.node ? peer_of_kernel(m, node) : NULL;

	if (!p)
		return;
	if (p->n_sess || p->active || now < p->gave_up_until)
		return;
	/* Left to the tick, which spreads them if there are many. */
	p->wanted_at = now;
	peers_schedule(&m->peers, p);
}

void manager_need_key(struct manager *m, int64_t now, uint32_t node,
		      enum pilot_reason reason)
{
	struct peer *p = m->cfg.node ? peer_of_kernel(m, node) : NULL;
	const struct session *s;

	if (!p)
		return;
	if (reason == PILOT_REASON_USER) {
		p->gave_up_until = NEVER;
		start(m, now, p, true);
		peers_schedule(&m->peers, p);
		return;
	}
	if (now < p->gave_up_until)
		return;
	if (p->active && !p->answered)
		return;
	/* Asked for before the newest key was there? */
	s = peer_newest(p);
	if (s && now - s->installed_at < NEED_KEY_STALE_MS)
		return;
	if (now - p->last_request < PILOT_REKEY_REQUEST_MS)
		p->wanted_at = p->last_request + PILOT_REKEY_REQUEST_MS;
	else
		start(m, now, p, false);
	peers_schedule(&m->peers, p);
}

void manager_confirmed(struct manager *m, int64_t now, uint32_t node,
		       uint32_t id)
{
	struct peer *p = peers_find(&m->peers, node);
	struct session *s = p ? peer_session(p, id) : NULL;

	if (!s)
		return;
	proven(m, now, p, s);
	peers_schedule(&m->peers, p);
}

void manager_dropped(struct manager *m, int64_t now, uint32_t node, uint32_t id)
{
	struct peer *p = peers_find(&m->peers, node);
	struct session *s = p ? peer_session(p, id) : NULL;

	(void)now;
	if (!s)
		return;
	peer_forget(p, s);
	if (!p->n_sess)
		p->rekey_at = FOREVER;
	peers_schedule(&m->peers, p);
}

void manager_cleared(struct manager *m, int64_t now)
{
	struct peer *p, *next;

	for (p = peers_next(&m->peers, NULL); p; p = next) {
		next = peers_next(&m->peers, p);
		if (p->active)
			p->wanted_at = now;
		peers_end_exchange(&m->peers, p);
		if (peer_is_idle(p))
			peers_del(&m->peers, p);
		else
			peers_schedule(&m->peers, p);
	}
}

void manager_path_changed(struct manager *m, int64_t now, uint32_t node)
{
	struct peer *p = peers_find(&m->peers, node);

	if (!p || !p->active || peer_offer_used(p))
		return;
	/* The change may have been ours, and the frame is on its way. */
	if (now - p->last_sent < DUPLICATE_DEBOUNCE_MS)
		return;
	p->attempts = 0;
	transmit(m, now, p);
	peers_schedule(&m->peers, p);
}

void manager_repeat_to(struct manager *m, uint32_t node,
		       const struct pilot_endpoint *to)
{
	struct peer *p = peers_find(&m->peers, node);
	uint8_t frame[PILOT_PILA_LEN];

	if (p && p->active)
		m->ops->send_frame(m->ctx, node, to, false, frame,
				   build(m, frame, p->eph.pub));
}

void manager_remove(struct manager *m, uint32_t node)
{
	struct peer *p = peers_find(&m->peers, node);

	if (p)
		peers_del(&m->peers, p);
	pubkeys_forget(&m->pubkeys, node);
}

/* State read from the kernel */

void manager_sync_begin(struct manager *m)
{
	struct peer *p;

	for (p = peers_next(&m->peers, NULL); p; p = peers_next(&m->peers, p))
		p->mark = false;
}

/* Does a key that is there already belong to somebody else than was pinned? */
static bool is_impostor(struct manager *m, int64_t now, uint32_t node,
			const struct manager_session *key)
{
	const uint8_t *pin;

	if (!m->cfg.allow_unauth && key->negotiated && !key->authenticated)
		return true;
	if (!pubkeys_is_pinned(&m->pubkeys, node) ||
	    pubkeys_get(&m->pubkeys, now, node, &pin) != PUBKEY_KNOWN)
		return false;
	return key->has_identity ? memcmp(pin, key->peer_ed25519, PILOT_ED25519_LEN) :
				   key->negotiated && !key->authenticated;
}

void manager_sync_peer(struct manager *m, int64_t now, uint32_t node,
		       const struct manager_session *keys, size_t n)
{
	struct peer *p = peer_of_kernel(m, node);
	unsigned int i;
	size_t k;

	if (!p)
		return;
	p->mark = true;
	for (i = p->n_sess; i-- > 0;) {
		for (k = 0; k < n && keys[k].id != p->sess[i].id; k++)
			;
		if (k == n)
			peer_forget(p, &p->sess[i]);
	}
	/* Oldest first: what is proven makes older ones history. */
	for (k = n; k-- > 0;) {
		struct session *s = peer_session(p, keys[k].id);

		if (keys[k].disowned || (!s && is_impostor(m, now, node, &keys[k]))) {
			if (s)
				peer_forget(p, s);
			m->ops->drop_key(m->ctx, node, keys[k].id);
			continue;
		}
		if (!s) {
			struct session adopt = {
				.id = keys[k].id,
				.negotiated = keys[k].negotiated,
				.authenticated = keys[k].authenticated,
				.installed_at = now - keys[k].age,
				.seen_at = NEVER,
				.has_identity = keys[k].has_identity,
			};

			memcpy(adopt.peer, keys[k].peer_x25519, sizeof(adopt.peer));
			memcpy(adopt.local, keys[k].local_x25519, sizeof(adopt.local));
			memcpy(adopt.identity, keys[k].peer_ed25519, sizeof(adopt.identity));
			s = peer_insert(p, &adopt);
		}
		if (keys[k].proven && !s->proven)
			proven(m, now, p, s);
	}
	begin_doubt(p, now);
	peers_schedule(&m->peers, p);
}

void manager_sync_end(struct manager *m)
{
	struct peer *p, *next;

	for (p = peers_next(&m->peers, NULL); p; p = next) {
		next = peers_next(&m->peers, p);
		if (p->in_kernel && !p->mark)
			peers_del(&m->peers, p);
	}
}

/* Time */

int64_t manager_next_deadline(const struct manager *m)
{
	const struct peer *p = peers_first(&m->peers);

	if (!p || p->deadline.due == FOREVER)
		return -1;
	return p->deadline.due > m->not_before ? p->deadline.due : m->not_before;
}

/* Returns whether something was sent. */
static bool retransmit(struct manager *m, int64_t now, struct peer *p)
{
	if (p->attempts >= MAX_REKEY_ATTEMPTS) {
		give_up(m, now, p);
		return false;
	}
	p->attempts++;
	if (p->attempts >= REKEY_RELAY_FALLBACK_AFTER && !peer_offer_used(p) &&
	    m->ops->set_path(m->ctx, p->by_id.id, PILOT_PATH_RELAY))
		p->attempts = 0;
	p->answered = false;
	transmit(m, now, p);
	return true;
}

static bool peer_tick(struct manager *m, int64_t now, struct peer *p)
{
	bool sent = false;

	if (p->active && now - p->last_sent >= REKEY_RETRANSMIT_MS)
		sent = retransmit(m, now, p);
	else if (!p->active && p->eph.priv && now >= p->eph_expires)
		peers_end_exchange(&m->peers, p);
	if (now >= p->rekey_at) {
		/* If it comes to nothing, once more after a while. */
		p->rekey_at = now + m->cfg.rekey / 4 +
			      randombytes_uniform((uint32_t)(m->cfg.rekey / 4) + 1);
		p->wanted_at = now;
	}
	if (now >= p->doubt_at && doubt(m, now, p))
		sent = true;
	if (now >= p->wanted_at) {
		p->wanted_at = FOREVER;
		if (!sent && !p->active && now >= p->gave_up_until) {
			start(m, now, p, false);
			sent = true;
		} else if (p->active && p->answered) {
			start(m, now, p, true);
			sent = true;
		}
	}
	return sent;
}

void manager_tick(struct manager *m, int64_t now)
{
	unsigned int sent = 0;
	struct peer *p;

	if (now < m->not_before)
		return;
	m->not_before = 0;
	while ((p = peers_first(&m->peers)) && p->deadline.due <= now) {
		if (sent == MAX_RETRANSMITS_PER_TICK) {
			m->not_before = now + TICK_SPACING_MS;
			break;
		}
		sent += peer_tick(m, now, p);
		if (peer_is_idle(p))
			peers_del(&m->peers, p);
		else
			peers_schedule(&m->peers, p);
	}
}

size_t manager_pending(const struct manager *m)
{
	return m->peers.n_active;
}

void manager_set_node(struct manager *m, uint32_t node)
{
	m->cfg.node = node;
}

void manager_set_policy(struct manager *m, bool allow_unauth, int64_t rekey)
{
	struct peer *p;

	m->cfg.allow_unauth = allow_unauth;
	if (!allow_unauth)
		for (p = peers_next(&m->peers, NULL); p; p = peers_next(&m->peers, p))
			drop_unauthenticated(m, p);
	if (m->cfg.rekey == rekey)
		return;
	m->cfg.rekey = rekey;
	for (p = peers_next(&m->peers, NULL); p; p = peers_next(&m->peers, p)) {
		const struct session *s = peer_proven(p);

		p->rekey_at = FOREVER;
		if (s)
			plan_rekey(m, p, s);
		peers_schedule(&m->peers, p);
	}
}

struct manager *manager_new(const struct manager_config *cfg,
			    const struct manager_ops *ops, void *ctx)
{
	struct manager *m = calloc(1, sizeof(*m));

	if (!m)
		return NULL;
	m->cfg = *cfg;
	m->ops = ops;
	m->ctx = ctx;
	if (peers_init(&m->peers) || pubkeys_init(&m->pubkeys, cfg->max_peers)) {
		manager_free(m);
		return NULL;
	}
	return m;
}

void manager_free(struct manager *m)
{
	if (!m)
		return;
	peers_release(&m->peers);
	pubkeys_release(&m->pubkeys);
	free(m);
}
