/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What the manager knows of its peers: an exchange each, the sessions that the
 * kernel holds, the keys that are history, and when something is due.
 */
#ifndef PILOTD_PEERS_H
#define PILOTD_PEERS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "constants.h"
#include "deadlines.h"
#include "idmap.h"
#include "kex.h"

/* The kernel holds four keys per peer at most. */
#define SESSIONS_MAX	5

/**
 * struct session - a key that the kernel holds
 * @id: its name
 * @negotiated: @peer and @local are known
 * @authenticated: the peer proved its identity
 * @proven: it has opened a frame
 * @initiator: we started the exchange
 * @answers: to repetitions, while not proven
 * @installed_at: ms
 * @seen_at: ms, last frame that named it, for the debounce
 * @peer: peer's X25519 key
 * @local: our X25519 key
 * @has_identity: @identity is known
 * @identity: Ed25519 key that the peer proved
 */
struct session {
	uint32_t id;
	bool negotiated;
	bool authenticated;
	bool proven;
	bool initiator;
	unsigned int answers;
	int64_t installed_at;
	int64_t seen_at;
	uint8_t peer[PILOT_X25519_LEN];
	uint8_t local[PILOT_X25519_LEN];
	bool has_identity;
	uint8_t identity[PILOT_ED25519_LEN];
};

/**
 * struct peer - a peer; all times in ms
 * @by_id: first, so that the map leads to it
 * @deadline: when something is to be done
 * @in_kernel: it is a peer of the device
 * @mark: seen in the present dump
 * @claimed: its endpoint is from a PILA or PILK
 * @eph: what we offer, if anything
 * @active: we started: repeat it
 * @answered: a key was made from it
 * @attempts: repetitions so far
 * @last_sent: latest frame of an exchange that we started
 * @eph_expires: end of one that only answers
 * @gave_up_until: end of the cooldown
 * @last_answer: latest answer to a frame that was accepted
 * @last_refusal: latest answer to a PILK that was not
 * @last_request: latest start
 * @wanted_at: a start put off
 * @rekey_at: when the session is renewed
 * @doubt_at: when a key that is not proven yet is asked about
 * @doubt_wait: how long that was put off
 * @doubt_tx: packets that had been sent then
 * @sess: sessions, newest first
 * @n_sess: how many
 * @superseded: X25519 keys of the peer that are history, a ring
 * @n_superseded: all ever added
 */
struct peer {
	struct idnode by_id;
	struct deadline deadline;
	bool in_kernel;
	bool mark;
	bool claimed;

	struct kex_pair eph;
	bool active;
	bool answered;
	unsigned int attempts;
	int64_t last_sent;
	int64_t eph_expires;

	int64_t gave_up_until;
	int64_t last_answer;
	int64_t last_refusal;
	int64_t last_request;
	int64_t wanted_at;
	int64_t rekey_at;
	int64_t doubt_at;
	int64_t doubt_wait;
	uint64_t doubt_tx;

	struct session sess[SESSIONS_MAX];
	unsigned int n_sess;
	uint8_t superseded[SUPERSEDED_MAX][PILOT_X25519_LEN];
	unsigned int n_superseded;
};

/**
 * struct peers - all of them
 * @map: by node ID
 * @deadlines: theirs
 * @n_active: exchanges that we started and that are under way
 */
struct peers {
	struct idmap map;
	struct deadlines deadlines;
	size_t n_active;
};

/**
 * peers_init() - begin with none
 * @ps: peers
 *
 * Return: 0 or -ENOMEM.
 */
int peers_init(struct peers *ps);

/**
 * peers_release() - wipe and free them all
 * @ps: peers, may be all zero
 */
void peers_release(struct peers *ps);

/**
 * peers_find() - look a peer up
 * @ps: peers
 * @node: node ID
 *
 * Return: the peer or NULL.
 */
struct peer *peers_find(const struct peers *ps, uint32_t node);

/**
 * peers_add() - add one of which nothing is known
 * @ps: peers
 * @node: node ID that is not there yet
 *
 * Return: the peer, or NULL if there is no memory.
 */
struct peer *peers_add(struct peers *ps, uint32_t node);

/**
 * peers_del() - wipe and free a peer
 * @ps: peers
 * @p: peer
 */
void peers_del(struct peers *ps, struct peer *p);

/**
 * peers_next() - walk through all
 * @ps: peers
 * @p: the one before, or NULL to begin. It may be deleted once its successor
 *	is known
 *
 * Return: the peer or NULL.
 */
struct peer *peers_next(const struct peers *ps, const struct peer *p);

/**
 * peers_first() - the one whose deadline comes first
 * @ps: peers
 *
 * Return: the peer or NULL.
 */
struct peer *peers_first(const struct peers *ps);

/**
 * peers_schedule() - find a peer's deadline, after anything it depends on
 *	changed
 * @ps: peers
 * @p: peer
 */
void peers_schedule(struct peers *ps, struct peer *p);

/**
 * peers_set_active() - whether we repeat what we offer
 * @ps: peers
 * @p: peer
 * @active: so it is
 */
void peers_set_active(struct peers *ps, struct peer *p, bool active);

/**
 * peers_end_exchange() - wipe what we offer and stop repeating it
 * @ps: peers
 * @p: peer
 */
void peers_end_exchange(struct peers *ps, struct peer *p);

/* Whether there is no reason to keep the record: a stranger may have caused it. */
bool peer_is_idle(const struct peer *p);

/* The session installed last, or NULL. */
const struct session *peer_newest(const struct peer *p);

/*
 * The newest session that is proven, or NULL. What is newer may come of an old
 * frame that somebody sent again, and stay for good.
 */
const struct session *peer_proven(const struct peer *p);

/* The session of a key, or NULL. */
struct session *peer_session(struct peer *p, uint32_t id);

bool peer_has_proven(const struct peer *p);
bool peer_has_authenticated(const struct peer *p);

/* Whether a key was made from what we offer now. */
bool peer_offer_used(const struct peer *p);

/* Adds a session in order of installation; with too many the oldest goes. */
struct session *peer_insert(struct peer *p, const struct session *s);

/* Takes a session out of the list. */
void peer_forget(struct peer *p, struct session *s);

/* Takes down that an X25519 key is history. */
void peer_supersede(struct peer *p, const uint8_t *x25519);

/*
 * Whether a peer's key belongs to a session that a proven one has followed.
 * Not so if the peer goes on using it: the reference has one for all sessions.
 */
bool peer_is_superseded(const struct peer *p, const uint8_t *x25519);

/* Whether a session older than the newest one was made from a peer's key. */
bool peer_is_older(const struct peer *p, const uint8_t *x25519);

static inline bool key_eq(const uint8_t *a, const uint8_t *b)
{
	return !memcmp(a, b, PILOT_X25519_LEN);
}

#endif /* PILOTD_PEERS_H */
