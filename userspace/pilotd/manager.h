/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The key exchange state machine (protocol.rst, sections 4 and 5). Pure: what
 * comes in are frames, events, answers and the time; what goes out goes through
 * struct manager_ops. No sockets, no clock, no files.
 *
 * Times are milliseconds of a clock that never goes back and counts suspend.
 */
#ifndef PILOTD_MANAGER_H
#define PILOTD_MANAGER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/identity.h"
#include "lib/types.h"
#include "pubkeys.h"

struct manager;

/**
 * struct manager_key - a key to install
 * @id: its name, the same at both ends
 * @secret: PILOT_KEY_LEN bytes, wiped when the callback returns
 * @authenticated: the peer proved its identity
 * @peer_x25519: peer's public key
 * @local_x25519: our public key
 * @peer_ed25519: the identity the peer proved, NULL if none
 */
struct manager_key {
	uint32_t id;
	const uint8_t *secret;
	bool authenticated;
	const uint8_t *peer_x25519;
	const uint8_t *local_x25519;
	const uint8_t *peer_ed25519;
};

/**
 * enum manager_notice - what the manager tells the log
 * @MANAGER_GAVE_UP: no proven key after all retries
 * @MANAGER_REFUSED: a frame was refused; detail says why
 * @MANAGER_FAILED: a key could not be made or installed; detail says why
 */
enum manager_notice {
	MANAGER_GAVE_UP,
	MANAGER_REFUSED,
	MANAGER_FAILED,
};

/**
 * struct manager_ops - everything the manager does
 * @send_frame: send a frame: to @to if given, through the beacon to @node if
 *	@relayed, else along the peer's path
 * @on_path: whether what is sent along the path of @node goes to where a frame
 *	came from
 * @install_key: install a key beside what the peer has; 0 or negative errno,
 *	-EBUSY if two await their proof: the frame may come again
 * @drop_key: drop a key if it is still installed
 * @add_peer: a verified node is not a peer yet; 0 or negative errno
 * @set_endpoint: a node without a proven session was heard from there; with
 *	@if_none to be used only if no endpoint is known. Returns whether the
 *	endpoint is that one because of this call
 * @lookup_pubkey: ask the registry. Exactly one manager_pubkey_result() must
 *	follow, now or later
 * @last_decrypt_age: ms since this key opened a frame, negative if never
 * @tx_packets: how many packets went to a peer so far
 * @find: find out where a peer is; the exchange goes there too then
 * @set_path: take this path if the peer may; true if that changed something
 * @set_cooldown: nothing is asked for during this time, and packets that
 *	would have to wait for a key are refused
 * @notice: for the log
 *
 * Callbacks must not call back into the manager, but for @lookup_pubkey, which
 * may answer at once.
 */
struct manager_ops {
	void (*send_frame)(void *ctx, uint32_t node,
			   const struct pilot_endpoint *to, bool relayed,
			   const uint8_t *data, size_t len);
	bool (*on_path)(void *ctx, uint32_t node,
			const struct pilot_endpoint *from, bool relayed);
	int (*install_key)(void *ctx, uint32_t node,
			   const struct manager_key *key);
	void (*drop_key)(void *ctx, uint32_t node, uint32_t id);
	int (*add_peer)(void *ctx, uint32_t node);
	bool (*set_endpoint)(void *ctx, uint32_t node,
			     const struct pilot_endpoint *ep, bool if_none);
	void (*lookup_pubkey)(void *ctx, uint32_t node);
	int64_t (*last_decrypt_age)(void *ctx, uint32_t node, uint32_t id);
	uint64_t (*tx_packets)(void *ctx, uint32_t node);
	void (*find)(void *ctx, uint32_t node);
	bool (*set_path)(void *ctx, uint32_t node, enum pilot_path path);
	void (*set_cooldown)(void *ctx, uint32_t node, uint32_t ms);
	void (*notice)(void *ctx, enum manager_notice notice, uint32_t node,
		       const char *detail);
};

/**
 * struct manager_config - settings
 * @node: own node ID, 0 if it is not known yet
 * @identity: own identity; NULL: unauthenticated only. The caller's
 * @allow_unauth: accept PILK from nodes that are not registered
 * @max_peers: MaxCryptoPeers
 * @rekey: ms after which a session is renewed, 0 never
 */
struct manager_config {
	uint32_t node;
	const struct pilot_identity *identity;
	bool allow_unauth;
	uint32_t max_peers;
	int64_t rekey;
};

/**
 * struct manager_session - a key the kernel holds, as read by a dump
 * @id: its name
 * @negotiated: @peer_x25519 and @local_x25519 are known; not so for static keys
 * @authenticated: the peer proved its identity
 * @proven: it has opened a frame
 * @disowned: nobody vouches for the peer's identity any more
 * @age: ms since it was installed
 * @peer_x25519: peer's public key
 * @local_x25519: our public key
 * @has_identity: @peer_ed25519 is known
 * @peer_ed25519: the identity the peer proved
 */
struct manager_session {
	uint32_t id;
	bool negotiated;
	bool authenticated;
	bool proven;
	bool disowned;
	int64_t age;
	uint8_t peer_x25519[PILOT_X25519_LEN];
	uint8_t local_x25519[PILOT_X25519_LEN];
	bool has_identity;
	uint8_t peer_ed25519[PILOT_ED25519_LEN];
};

/**
 * manager_new() - make a manager that knows no peers
 * @cfg: settings, copied
 * @ops: callbacks, must outlive it
 * @ctx: for the callbacks
 *
 * Return: the manager, or NULL if there is no memory.
 */
struct manager *manager_new(const struct manager_config *cfg,
			    const struct manager_ops *ops, void *ctx);

/**
 * manager_free() - wipe and free; installed keys stay installed
 * @m: manager or NULL
 */
void manager_free(struct manager *m);

/**
 * manager_set_node() - the own node ID is known
 * @m: manager that had none; did nothing so far
 * @node: node ID
 */
void manager_set_node(struct manager *m, uint32_t node);

/**
 * manager_set_policy() - change settings while running
 * @m: manager
 * @allow_unauth: as in struct manager_config
 * @rekey: as in struct manager_config
 */
void manager_set_policy(struct manager *m, bool allow_unauth, int64_t rekey);

/**
 * manager_frame() - a key exchange frame came in
 * @m: manager
 * @now: ms
 * @from: outer source
 * @relayed: came through the beacon
 * @data: frame from its magic
 * @len: its length
 */
void manager_frame(struct manager *m, int64_t now,
		   const struct pilot_endpoint *from, bool relayed,
		   const uint8_t *data, size_t len);

/**
 * manager_pubkey_result() - the registry answered a look-up
 * @m: manager
 * @now: ms
 * @node: node asked for
 * @state: PUBKEY_KNOWN, PUBKEY_ABSENT, or PUBKEY_UNAVAILABLE
 * @key: Ed25519 public key if known
 */
void manager_pubkey_result(struct manager *m, int64_t now, uint32_t node,
			   enum pubkey_state state, const uint8_t *key);

/**
 * manager_pin() - set the public key of a node by configuration
 * @m: manager
 * @now: ms
 * @node: node ID
 * @key: key, or NULL: no longer
 *
 * A pin that contradicts the key the node has proven so far drops its
 * authenticated sessions, also those that were there before us.
 *
 * Return: 0 or -ENOMEM.
 */
int manager_pin(struct manager *m, int64_t now, uint32_t node,
		const uint8_t *key);

/**
 * manager_forget_pubkey() - who is to be believed says otherwise of a node now
 * @m: manager
 * @node: node ID
 *
 * The identity of a live session does not stand in the way of another then.
 */
void manager_forget_pubkey(struct manager *m, uint32_t node);

/**
 * manager_start() - begin an exchange with a peer unless it has a key
 * @m: manager
 * @now: ms
 * @node: peer
 */
void manager_start(struct manager *m, int64_t now, uint32_t node);

/**
 * manager_need_key() - the kernel wants an exchange with a peer
 * @m: manager
 * @now: ms
 * @node: peer
 * @reason: why; PILOT_REASON_USER: at once, whatever the state
 */
void manager_need_key(struct manager *m, int64_t now, uint32_t node,
		      enum pilot_reason reason);

/**
 * manager_confirmed() - a key opened its first frame
 * @m: manager
 * @now: ms
 * @node: peer
 * @id: the key
 */
void manager_confirmed(struct manager *m, int64_t now, uint32_t node,
		       uint32_t id);

/**
 * manager_dropped() - a key is not installed any more
 * @m: manager
 * @now: ms
 * @node: peer
 * @id: the key
 */
void manager_dropped(struct manager *m, int64_t now, uint32_t node,
		     uint32_t id);

/**
 * manager_cleared() - what was secret may be known, or used, elsewhere
 * @m: manager
 * @now: ms
 *
 * The machine sleeps, or was cloned: wipes every ephemeral key; an exchange
 * under way begins anew with another. The kernel drops its keys by itself.
 */
void manager_cleared(struct manager *m, int64_t now);

/**
 * manager_path_changed() - a peer's path in use is another one now
 * @m: manager
 * @now: ms
 * @node: peer
 *
 * An exchange under way begins its retries again on the new path.
 */
void manager_path_changed(struct manager *m, int64_t now, uint32_t node);

/**
 * manager_repeat_to() - the frame of an exchange under way goes there as well
 * @m: manager
 * @node: peer
 * @to: where it may be
 */
void manager_repeat_to(struct manager *m, uint32_t node,
		       const struct pilot_endpoint *to);

/**
 * manager_remove() - wipe everything about a peer; its kernel half is gone
 * @m: manager
 * @node: peer
 */
void manager_remove(struct manager *m, uint32_t node);

/**
 * manager_sync_begin() - a dump of the kernel's state is about to be given
 * @m: manager
 */
void manager_sync_begin(struct manager *m);

/**
 * manager_sync_peer() - one peer of the dump
 * @m: manager
 * @now: ms
 * @node: peer
 * @keys: its keys, newest first
 * @n: how many
 *
 * What the manager did not know of is adopted as it is, what is not there any
 * more is forgotten. A key of another identity than was pinned is dropped.
 */
void manager_sync_peer(struct manager *m, int64_t now, uint32_t node,
		       const struct manager_session *keys, size_t n);

/**
 * manager_sync_end() - the dump is complete: forget the peers not in it
 * @m: manager
 */
void manager_sync_end(struct manager *m);

/**
 * manager_next_deadline() - when manager_tick() is due
 * @m: manager
 *
 * Return: ms, or -1 for never.
 */
int64_t manager_next_deadline(const struct manager *m);

/**
 * manager_tick() - do what is due
 * @m: manager
 * @now: ms
 *
 * Sends to at most 64 peers, those that wait longest first; the rest is due
 * again soon after.
 */
void manager_tick(struct manager *m, int64_t now);

/**
 * manager_pending() - number of exchanges that await their end
 * @m: manager
 */
size_t manager_pending(const struct manager *m);

#endif /* PILOTD_MANAGER_H */
