/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Peers on demand: who becomes a peer because there are packets for it, and who
 * goes again because there are none. Pure, as the manager is: events and the
 * time come in, what is to be done goes out through struct demand_ops.
 *
 * Which peers are of this kind is noted in the kernel, so that they are known
 * again after a restart. Times are milliseconds.
 */
#ifndef PILOTD_DEMAND_H
#define PILOTD_DEMAND_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct demand;

/**
 * struct demand_ops - everything that is done
 * @resolve: ask the registry where a node is; demand_resolved() may follow, also
 *	from inside. Returns whether it was asked
 * @add: make it a dynamic peer; 0 or negative errno
 * @remove: it is idle
 * @full: for the log: a node was refused, there are too many
 */
struct demand_ops {
	bool (*resolve)(void *ctx, uint32_t node);
	int (*add)(void *ctx, uint32_t node);
	void (*remove)(void *ctx, uint32_t node);
	void (*full)(void *ctx, uint32_t node);
};

/**
 * struct demand_peer - what the kernel knows of a dynamic peer
 * @packets: that were sent to it and received from it, keepalives not counted
 * @proven: it has sent a frame that could be opened, at any time
 * @trusted: it has a key that is authenticated, or was set by hand
 * @kept: somebody has set it up: it is not to be removed
 */
struct demand_peer {
	uint64_t packets;
	bool proven;
	bool trusted;
	bool kept;
};

/**
 * demand_new() - begin with no peers, switched off
 * @ops: callbacks, must outlive it
 * @ctx: for them
 *
 * Return: NULL if there is no memory.
 */
struct demand *demand_new(const struct demand_ops *ops, void *ctx);

/**
 * demand_free() - the peers stay
 * @d: demand or NULL
 */
void demand_free(struct demand *d);

/**
 * demand_set() - change settings
 * @d: demand
 * @on: whether nodes become peers on demand
 * @max: at most so many, besides those that came by themselves
 * @idle: ms without packets after which they go, 0 never; switched off only those
 *	that proved no identity. Those that never had a session go sooner, and
 *	whatever is set: a replayed PILA makes one
 */
void demand_set(struct demand *d, bool on, size_t max, int64_t idle);

/**
 * demand_needed() - the kernel misses a peer
 * @d: demand
 * @now: ms
 * @node: node ID
 * @calls: it is its frames that came, not packets for it. Anybody can forge
 *	those, so only nodes that had a session until lately count
 */
void demand_needed(struct demand *d, int64_t now, uint32_t node, bool calls);

/**
 * demand_resolved() - the registry answered
 * @d: demand
 * @now: ms
 * @node: node ID
 * @known: it is worth trying to reach the node
 *
 * Return: whether that made it a peer.
 */
bool demand_resolved(struct demand *d, int64_t now, uint32_t node, bool known);

/**
 * demand_called() - a node has proven its identity, and is a dynamic peer now
 * @d: demand
 * @now: ms
 * @node: node ID
 */
void demand_called(struct demand *d, int64_t now, uint32_t node);

/**
 * demand_removed() - a peer is gone, whoever removed it
 * @d: demand
 * @node: peer
 */
void demand_removed(struct demand *d, uint32_t node);

/**
 * demand_sync_begin() - a dump of the kernel's state is about to be given
 * @d: demand
 */
void demand_sync_begin(struct demand *d);

/**
 * demand_sync_peer() - one dynamic peer of the dump
 * @d: demand
 * @now: ms
 * @node: peer
 * @peer: what the kernel knows
 */
void demand_sync_peer(struct demand *d, int64_t now, uint32_t node,
		      const struct demand_peer *peer);

/**
 * demand_sync_end() - the dump is complete: forget the peers not in it, remove
 *	those that are idle
 * @d: demand
 * @now: ms
 */
void demand_sync_end(struct demand *d, int64_t now);

/**
 * demand_interval() - how often the kernel's state is to be given
 * @d: demand
 *
 * Return: ms, 0 if it does not matter.
 */
int64_t demand_interval(const struct demand *d);

#endif /* PILOTD_DEMAND_H */
