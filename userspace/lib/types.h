/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Plain structures for what the netlink interface carries. The same structure
 * serves requests and replies: @has holds a bit PILOT_HAS(attribute) for each
 * attribute that is to be sent, or that came. Members of absent attributes are
 * zero unless said otherwise.
 *
 * Integers are in host byte order; sockaddr members are as the socket calls
 * want them. Times are milliseconds.
 */
#ifndef PILOT_LIB_TYPES_H
#define PILOT_LIB_TYPES_H

#include <net/if.h>
#include <netinet/in.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>

#include <linux/pilot.h>
#include <pilot/wire.h>

#define PILOT_HAS(attr)	(1U << (attr))
_Static_assert(PILOT_A_DEVICE_MAX < 32 && PILOT_A_PEER_MAX < 32 &&
	       PILOT_A_KEY_MAX < 32 && PILOT_A_EVENT_MAX < 32 &&
	       PILOT_A_STATUS_MAX < 32,
	       "@has must hold a bit for each attribute");

/* An age that means "it never happened". */
#define PILOT_NEVER	UINT64_MAX

/**
 * struct pilot_dev - names a device
 * @ifindex: interface index, 0 if not given
 * @ifname: interface name, empty if not given
 *
 * In requests at least one is given; with both, both must agree.
 */
struct pilot_dev {
	uint32_t ifindex;
	char ifname[IF_NAMESIZE];
};

/**
 * struct pilot_endpoint - a UDP address
 * @sa: family AF_INET, AF_INET6, or AF_UNSPEC for none (which clears it in
 *	requests)
 * @in: IPv4
 * @in6: IPv6; sin6_scope_id for link-local addresses
 */
struct pilot_endpoint {
	union {
		struct sockaddr sa;
		struct sockaddr_in in;
		struct sockaddr_in6 in6;
	};
};

/**
 * struct pilot_allowed_ip - a prefix routed to, and accepted from, a peer
 * @family: AF_INET or AF_INET6
 * @prefix: length in bits; the bits of the address past it are 0
 * @remove: requests only: take it from the peer
 * @v4: address if AF_INET
 * @v6: address if AF_INET6
 */
struct pilot_allowed_ip {
	uint8_t family;
	uint8_t prefix;
	bool remove;
	union {
		struct in_addr v4;
		struct in6_addr v6;
	};
};

/**
 * struct pilot_stats - counters
 * @v: value of each, indexed by &enum pilot_stats_attr
 */
struct pilot_stats {
	uint64_t v[PILOT_A_STATS_MAX + 1];
};

#define PILOT_STATUS_TEXT_LEN	128

/**
 * struct pilot_status_info - what the handler tells of itself
 * @has: PILOT_HAS(PILOT_A_STATUS_*)
 * @registry: &enum pilot_registry_state
 * @registry_address: HOST:PORT, empty if there is none
 * @registry_error: why it is not as it should be, empty if it is
 * @registry_since: replies: ms since @registry changed
 * @reflexive: our address as the beacon sees it, AF_UNSPEC if it is not known
 */
struct pilot_status_info {
	uint32_t has;
	uint8_t registry;
	char registry_address[PILOT_STATUS_TEXT_LEN];
	char registry_error[PILOT_STATUS_TEXT_LEN];
	uint64_t registry_since;
	struct pilot_endpoint reflexive;
};

/**
 * struct pilot_device_info - a device
 * @has: PILOT_HAS(PILOT_A_DEVICE_*)
 * @dev: which one; both members filled in replies
 * @node_id: own node ID, 0 while not set
 * @network: Pilot network of the address map
 * @listen_port: UDP port; 0 in requests: any
 * @fwmark: mark of outer packets, 0 none
 * @beacon: address of the beacon
 * @replay_window: power of two
 * @unauth: whether unauthenticated negotiated keys may be installed
 * @max_peers: upper limit
 * @decrypt_fail_threshold: consecutive frames that put a key in doubt
 * @decrypt_fail_grace: ms, age from which on a key can be in doubt
 * @outside_window_threshold: the same for frames behind the window
 * @outside_window_grace: ms
 * @replay_threshold: the same for replays
 * @replay_grace: ms
 * @aged_drop: ms without a frame opened after which one failure is enough,
 *	0 off
 * @rekey_after: frames under a key after which a new one is asked for
 * @peers: replies: number of peers
 * @keys: replies: number of peers that have a key
 * @aead: replies: crypto driver
 * @handler: replies: netlink port of the handler; look at @has
 * @event_seq: replies: sequence number of the latest event
 * @cleared: replies: how often all keys were dropped, PILOT_EVENT_CLEARED
 * @on_demand: whether the handler is asked for peers that are missing
 * @status: of the handler; requests: on the handler's socket only
 * @stats: replies: counters
 */
struct pilot_device_info {
	uint32_t has;
	struct pilot_dev dev;
	uint32_t node_id;
	uint16_t network;
	uint16_t listen_port;
	uint32_t fwmark;
	struct pilot_endpoint beacon;
	uint32_t replay_window;
	bool unauth;
	uint32_t max_peers;
	uint32_t decrypt_fail_threshold;
	uint32_t decrypt_fail_grace;
	uint32_t outside_window_threshold;
	uint32_t outside_window_grace;
	uint32_t replay_threshold;
	uint32_t replay_grace;
	uint32_t aged_drop;
	uint32_t rekey_after;
	uint32_t peers;
	uint32_t keys;
	char aead[128];
	uint32_t handler;
	uint32_t event_seq;
	uint32_t cleared;
	bool on_demand;
	struct pilot_status_info status;
	struct pilot_stats stats;
};

/**
 * struct pilot_key_info - a key
 * @has: PILOT_HAS(PILOT_A_KEY_*); the flags AUTHENTICATED and PROVEN are
 *	nothing but their bits here
 * @node_id: the peer
 * @id: name of the key, never 0 in replies
 * @secret: requests only: 32 bytes of the caller's, or NULL
 * @peer_x25519: peer's public key it was derived from
 * @local_x25519: our public key it was derived from
 * @slot: replies: &enum pilot_slot
 * @age: replies: ms since it was installed
 * @last_rx: replies: ms since it opened a frame, or PILOT_NEVER
 * @tx_prefix: replies: our nonce prefix
 * @tx_counter: replies: last counter sent
 * @rx_prefix: replies: peer's newest prefix; look at @has
 * @rx_counter: replies: highest counter of that prefix
 * @rx_epochs: replies: prefixes seen
 * @decrypt_fails: replies: consecutive ones
 * @outside_window: replies: consecutive ones
 * @replays: replies: consecutive ones
 * @gated: replies: &enum pilot_reason, why it is in doubt; NONE if it is not
 * @peer_ed25519: the identity the peer proved; look at @has
 */
struct pilot_key_info {
	uint32_t has;
	uint32_t node_id;
	uint32_t id;
	const uint8_t *secret;
	uint8_t peer_x25519[PILOT_X25519_LEN];
	uint8_t local_x25519[PILOT_X25519_LEN];
	uint8_t slot;
	uint64_t age;
	uint64_t last_rx;
	uint32_t tx_prefix;
	uint64_t tx_counter;
	uint32_t rx_prefix;
	uint64_t rx_counter;
	uint32_t rx_epochs;
	uint32_t decrypt_fails;
	uint32_t outside_window;
	uint32_t replays;
	uint8_t gated;
	uint8_t peer_ed25519[PILOT_ED25519_LEN];
};

/**
 * struct pilot_peer_info - a peer
 * @has: PILOT_HAS(PILOT_A_PEER_*)
 * @node_id: who; always sent in requests, whatever @has says
 * @endpoint: where; AF_UNSPEC in requests clears it
 * @path: &enum pilot_path, what was asked for
 * @path_active: &enum pilot_path, the one in use
 * @keepalive: seconds, 0 off
 * @allowed_ips: prefixes; the caller's own in requests, malloc'ed in replies
 * @n_allowed_ips: how many
 * @flags: requests: PILOT_PEER_F_*
 * @cooldown: ms
 * @need_key: replies: &enum pilot_reason; look at @has
 * @queued: replies: packets waiting for a key
 * @keys: replies: malloc'ed, current key first
 * @n_keys: how many
 * @last_rx: replies: ms since the last successful open, or PILOT_NEVER
 * @last_tx: replies: ms since the last frame sent, or PILOT_NEVER
 * @dynamic: the handler added it by itself and may remove it
 * @stats: replies: counters
 */
struct pilot_peer_info {
	uint32_t has;
	uint32_t node_id;
	struct pilot_endpoint endpoint;
	uint8_t path;
	uint8_t path_active;
	uint16_t keepalive;
	struct pilot_allowed_ip *allowed_ips;
	size_t n_allowed_ips;
	uint32_t flags;
	uint32_t cooldown;
	uint8_t need_key;
	uint32_t queued;
	struct pilot_key_info *keys;
	size_t n_keys;
	uint64_t last_rx;
	uint64_t last_tx;
	bool dynamic;
	struct pilot_stats stats;
};

/**
 * struct pilot_frame_info - a handshake frame or beacon message
 * @has: PILOT_HAS(PILOT_A_FRAME_*); the flag RELAYED is nothing but its bit
 * @dev: replies: the device it came in by
 * @node_id: received: sender the frame names, not verified. Sent: peer to
 *	send it to along its path
 * @endpoint: received: outer source. Sent: go straight there instead
 * @data: the frame; of a received one it points into the message and is gone
 *	when the callback returns
 * @len: bytes, 1 to 1024
 */
struct pilot_frame_info {
	uint32_t has;
	struct pilot_dev dev;
	uint32_t node_id;
	struct pilot_endpoint endpoint;
	const uint8_t *data;
	size_t len;
};

/**
 * struct pilot_event_info - an event
 * @has: PILOT_HAS(PILOT_A_EVENT_*); the flags AUTHENTICATED, REKEYED and
 *	RELAYED are nothing but their bits
 * @dev: the device
 * @type: &enum pilot_event_type, or one that this program does not know
 * @seq: counts the events of the device; a gap means that some were lost
 * @node_id: peer it is about
 * @key_id: key it is about
 * @reason: &enum pilot_reason
 * @endpoint: new endpoint
 * @path: &enum pilot_path
 * @count: packets
 * @registry: &enum pilot_registry_state
 */
struct pilot_event_info {
	uint32_t has;
	struct pilot_dev dev;
	uint32_t type;
	uint32_t seq;
	uint32_t node_id;
	uint32_t key_id;
	uint8_t reason;
	struct pilot_endpoint endpoint;
	uint8_t path;
	uint32_t count;
	uint8_t registry;
};

#endif /* PILOT_LIB_TYPES_H */
