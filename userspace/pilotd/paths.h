/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Which way leads to a peer: the beacon, NAT, direct or relayed (protocol.rst,
 * section 7). Pure, as the manager is: events and the time come in, what is to
 * be done goes out through struct paths_ops.
 *
 * Nothing here is needed by a session that works: the path in use is the
 * kernel's, which follows the peer by itself. Times are milliseconds of a clock
 * that never goes back and counts suspend.
 */
#ifndef PILOTD_PATHS_H
#define PILOTD_PATHS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/types.h"

struct paths;

/* Addresses of a peer that are remembered from one answer of the registry. */
#define PATHS_CANDIDATES	4

/* Ways a frame of a key exchange may be sent at once. */
#define PATHS_WAYS		(PATHS_CANDIDATES + 4)

/**
 * struct paths_peer - what the kernel knows of a peer
 * @ready: there is a key that has opened a frame
 * @path: &enum pilot_path, what was asked for
 * @active: &enum pilot_path, the one in use
 * @endpoint: where it is, AF_UNSPEC if not known
 * @last_rx: ms since a frame was opened, negative if never
 * @last_tx: ms since one was sent, negative if never
 * @dynamic: it goes when it is idle, here and perhaps there
 * @tx_packets: packets sent to it, keepalives not counted
 */
struct paths_peer {
	bool ready;
	bool dynamic;
	uint8_t path;
	uint8_t active;
	struct pilot_endpoint endpoint;
	int64_t last_rx;
	int64_t last_tx;
	uint64_t tx_packets;
};

/**
 * struct paths_way - one way to send a frame of a key exchange
 * @relayed: through the beacon
 * @to: else straight there
 */
struct paths_way {
	bool relayed;
	struct pilot_endpoint to;
};

/**
 * enum paths_notice - what is told to the log
 * @PATHS_REFLEXIVE: the beacon sees us at another address than before
 * @PATHS_BEACON_SILENT: it does not answer any more
 * @PATHS_BEACON_BACK: it answers again
 * @PATHS_SILENT: a peer does not answer; its path is reset
 */
enum paths_notice {
	PATHS_REFLEXIVE,
	PATHS_BEACON_SILENT,
	PATHS_BEACON_BACK,
	PATHS_SILENT,
};

/**
 * struct paths_ops - everything that is done
 * @send_beacon: send a message to the beacon
 * @send_punch: send one PILP frame
 * @send_probe: send a path probe under the peer's key: through the beacon if
 *	@relayed, else straight to @to, NULL: to its endpoint
 * @send_exchange: send the key exchange frame under way with a peer, if there
 *	is one, straight there
 * @peer: read what the kernel knows of a peer; false if it has no such peer
 * @set_path: take this path, for a peer of path auto; true if that changed it
 * @set_endpoint: from now on the peer is there
 * @configured: its endpoint in the configuration, NULL if there is none
 * @resolve: ask the registry where a peer is; paths_resolved() may follow. NULL:
 *	there is no registry to ask
 * @need_key: begin a key exchange; the present key stays
 * @notice: for the log; @node 0 for the beacon
 *
 * Callbacks must not call back, but for paths_ways() while in @need_key, and
 * paths_resolved() while in @resolve.
 */
struct paths_ops {
	void (*send_beacon)(void *ctx, const uint8_t *data, size_t len);
	void (*send_punch)(void *ctx, const struct pilot_endpoint *to);
	void (*send_probe)(void *ctx, uint32_t node,
			   const struct pilot_endpoint *to, bool relayed);
	void (*send_exchange)(void *ctx, uint32_t node,
			      const struct pilot_endpoint *to);
	bool (*peer)(void *ctx, uint32_t node, struct paths_peer *peer);
	bool (*set_path)(void *ctx, uint32_t node, enum pilot_path path);
	void (*set_endpoint)(void *ctx, uint32_t node,
			     const struct pilot_endpoint *ep);
	const struct pilot_endpoint *(*configured)(void *ctx, uint32_t node);
	void (*resolve)(void *ctx, uint32_t node);
	void (*need_key)(void *ctx, uint32_t node);
	void (*notice)(void *ctx, enum paths_notice notice, uint32_t node,
		       const struct pilot_endpoint *ep);
};

/**
 * paths_new() - begin with no peers and no beacon
 * @node: own node ID, 0 if it is not known yet
 * @ops: callbacks, must outlive it
 * @ctx: for the callbacks
 *
 * Return: NULL if there is no memory.
 */
struct paths *paths_new(uint32_t node, const struct paths_ops *ops, void *ctx);

/**
 * paths_set_node() - the own node ID is known
 * @ps: paths that had none; nothing was said to the beacon so far
 * @now: ms
 * @node: node ID
 */
void paths_set_node(struct paths *ps, int64_t now, uint32_t node);

/**
 * paths_free() - the paths in use stay in use
 * @ps: paths or NULL
 */
void paths_free(struct paths *ps);

/**
 * paths_set_beacon() - the beacon is there now, or there is none
 * @ps: paths
 * @now: ms
 * @beacon: its address, NULL or AF_UNSPEC: none
 *
 * Without one, relayed peers go back to the direct path.
 */
void paths_set_beacon(struct paths *ps, int64_t now,
		      const struct pilot_endpoint *beacon);

/**
 * paths_set_silence() - when a silent peer is looked after
 * @ps: paths
 * @ms: silence of a peer to which we send, 0: never
 */
void paths_set_silence(struct paths *ps, int64_t ms);

/**
 * paths_discover() - tell the beacon where we are, and ask where that is
 * @ps: paths
 * @now: ms
 *
 * Done at the start and every 25 seconds anyway; to be called after each
 * heartbeat of the registry.
 */
void paths_discover(struct paths *ps, int64_t now);

/**
 * paths_resolved() - the registry told where a peer is
 * @ps: paths
 * @now: ms
 * @node: peer
 * @ep: addresses, the most public one first
 * @n: how many; the first PATHS_CANDIDATES count
 *
 * They are tried; a peer that has no endpoint gets the first one.
 */
void paths_resolved(struct paths *ps, int64_t now, uint32_t node,
		    const struct pilot_endpoint *ep, size_t n);

/**
 * paths_beacon() - a message of the beacon came in
 * @ps: paths
 * @now: ms
 * @data: from its type byte; the kernel has compared the sender
 * @len: its length
 */
void paths_beacon(struct paths *ps, int64_t now, const uint8_t *data, size_t len);

/**
 * paths_ways() - a frame of a key exchange is to be sent to a peer: which ways
 * @ps: paths
 * @now: ms
 * @node: peer
 * @ways: PATHS_WAYS to fill
 *
 * The path in use for a peer that is known to be reachable. For others all
 * there are, and the beacon is asked to have a hole punched.
 *
 * Return: how many.
 */
size_t paths_ways(struct paths *ps, int64_t now, uint32_t node,
		  struct paths_way *ways);

/**
 * paths_take() - the key exchange wants a path
 * @ps: paths
 * @node: peer
 * @path: direct or relay
 *
 * Return: whether the path in use changed.
 */
bool paths_take(struct paths *ps, uint32_t node, enum pilot_path path);

/**
 * paths_changed() - a peer has a key now, or takes another path, or was added
 * @ps: paths
 * @now: ms
 * @node: peer
 */
void paths_changed(struct paths *ps, int64_t now, uint32_t node);

/**
 * paths_remove() - a peer is gone
 * @ps: paths
 * @node: peer
 */
void paths_remove(struct paths *ps, uint32_t node);

/**
 * paths_sync_begin() - a dump of the kernel's state is about to be given
 * @ps: paths
 */
void paths_sync_begin(struct paths *ps);

/**
 * paths_sync_peer() - one peer of the dump
 * @ps: paths
 * @now: ms
 * @node: peer
 * @peer: what the kernel knows
 */
void paths_sync_peer(struct paths *ps, int64_t now, uint32_t node,
		     const struct paths_peer *peer);

/**
 * paths_sync_end() - the dump is complete: forget the peers not in it
 * @ps: paths
 */
void paths_sync_end(struct paths *ps);

/**
 * paths_reflexive() - our address as the beacon sees it
 * @ps: paths
 *
 * Return: the address, AF_UNSPEC if it is not known.
 */
const struct pilot_endpoint *paths_reflexive(const struct paths *ps);

/**
 * paths_next_deadline() - when paths_tick() is due
 * @ps: paths
 *
 * Return: ms, or -1 for never.
 */
int64_t paths_next_deadline(const struct paths *ps);

/**
 * paths_tick() - do what is due
 * @ps: paths
 * @now: ms
 */
void paths_tick(struct paths *ps, int64_t now);

#endif /* PILOTD_PATHS_H */
