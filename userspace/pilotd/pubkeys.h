/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Cache of the peers' registered Ed25519 keys, with the frames that wait for a
 * look-up. Bounded in every direction: strangers choose the node IDs.
 */
#ifndef PILOTD_PUBKEYS_H
#define PILOTD_PUBKEYS_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/queue.h>

#include <pilot/wire.h>

#include "idmap.h"
#include "lib/types.h"

/**
 * enum pubkey_state - what is known about a node's key
 * @PUBKEY_UNKNOWN: nothing, ask
 * @PUBKEY_KNOWN: it is this one
 * @PUBKEY_ABSENT: the registry has no such node (remembered for 3 s)
 * @PUBKEY_UNAVAILABLE: the registry could not say (remembered for 3 s)
 */
enum pubkey_state {
	PUBKEY_UNKNOWN,
	PUBKEY_KNOWN,
	PUBKEY_ABSENT,
	PUBKEY_UNAVAILABLE,
};

/**
 * struct held_frame - a frame that waits for a look-up
 * @next: list
 * @data: frame, without its undefined tail
 * @len: its length
 * @from: outer source
 * @relayed: came through the beacon
 */
struct held_frame {
	struct held_frame *next;
	uint8_t data[PILOT_PILA_LEN];
	size_t len;
	struct pilot_endpoint from;
	bool relayed;
};

TAILQ_HEAD(pubkey_list, pubkey);

/**
 * struct pubkeys - the cache
 * @map: all entries
 * @known: entries with a key, least recently used first
 * @n_known: how many
 * @max_known: limit
 * @negative: entries of nodes without one, oldest first
 * @n_negative: how many
 * @n_asking: look-ups under way
 */
struct pubkeys {
	struct idmap map;
	struct pubkey_list known;
	size_t n_known;
	size_t max_known;
	struct pubkey_list negative;
	size_t n_negative;
	size_t n_asking;
};

/**
 * pubkeys_init() - make an empty cache
 * @pk: to fill
 * @max_known: limit of keys kept, pins not counted
 *
 * Return: 0 or -ENOMEM.
 */
int pubkeys_init(struct pubkeys *pk, size_t max_known);

/**
 * pubkeys_release() - free everything
 * @pk: cache
 */
void pubkeys_release(struct pubkeys *pk);

/**
 * pubkeys_get() - what is known about a node's key
 * @pk: cache
 * @now: ms
 * @node: node ID
 * @key: set to the key if known; valid until the next call; may be NULL
 */
enum pubkey_state pubkeys_get(struct pubkeys *pk, int64_t now, uint32_t node,
			      const uint8_t **key);

/**
 * pubkeys_hold() - let a frame wait for the answer of the registry
 * @pk: cache
 * @now: ms
 * @node: node ID it names
 * @frame: frame; copied
 *
 * A key that is cached meanwhile stays valid. Pins are never asked for again,
 * other keys at most once in 3 s.
 *
 * Return: true if the registry has to be asked. Otherwise a look-up is under
 * way, or the frame was dropped.
 */
bool pubkeys_hold(struct pubkeys *pk, int64_t now, uint32_t node,
		  const struct held_frame *frame);

/**
 * pubkeys_result() - the registry answered
 * @pk: cache
 * @now: ms
 * @node: node ID asked for
 * @state: PUBKEY_KNOWN, PUBKEY_ABSENT or PUBKEY_UNAVAILABLE; the last leaves
 *	a cached key as it is
 * @key: key if known
 *
 * Return: list of the frames that waited, each for free().
 */
struct held_frame *pubkeys_result(struct pubkeys *pk, int64_t now,
				  uint32_t node, enum pubkey_state state,
				  const uint8_t *key);

/**
 * pubkeys_pin() - set a key that counts as registered and is never looked up
 * @pk: cache
 * @node: node ID
 * @key: key, or NULL to take the pin away
 *
 * Return: 0 or -ENOMEM.
 */
int pubkeys_pin(struct pubkeys *pk, uint32_t node, const uint8_t *key);

/**
 * pubkeys_is_pinned() - whether the configuration states a node's key
 * @pk: cache
 * @node: node ID
 */
bool pubkeys_is_pinned(const struct pubkeys *pk, uint32_t node);

/**
 * pubkeys_forget() - forget what the registry said about a node
 * @pk: cache
 * @node: node ID
 *
 * Pins stay.
 */
void pubkeys_forget(struct pubkeys *pk, uint32_t node);

#endif /* PILOTD_PUBKEYS_H */
