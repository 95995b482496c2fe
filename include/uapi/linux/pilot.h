/* SPDX-License-Identifier: GPL-2.0 WITH Linux-syscall-note */
/*
 * Generic netlink family "pilot", version 1.
 *
 * The same interface in YNL form: Documentation/netlink/specs/pilot.yaml; a
 * test compares the two. Conventions:
 *
 * - Integers are in host byte order unless marked big-endian.
 * - Times are ages or durations in milliseconds, so that they do not depend
 *   on the wall clock.
 * - "in": accepted in requests. "out": only in replies and events; refused
 *   in requests. "in/out": both.
 * - Every command needs CAP_NET_ADMIN over the network namespace, and so
 *   does joining the multicast group. For a device that was moved, LISTEN_PORT
 *   and FWMARK need it over the namespace of the sockets: EPERM.
 */
#ifndef _UAPI_LINUX_PILOT_H
#define _UAPI_LINUX_PILOT_H

#define PILOT_GENL_NAME		"pilot"
#define PILOT_GENL_VERSION	1
#define PILOT_GENL_MCGRP_EVENTS	"events"

/* rtnl link kind: ip link add pilot0 type pilot */
#define PILOT_LINK_KIND		"pilot"

/**
 * enum pilot_cmd - commands
 * @PILOT_CMD_UNSPEC: not used
 * @PILOT_CMD_DEVICE_GET: do: one device by PILOT_A_IFINDEX or PILOT_A_IFNAME;
 *	dump: all of the namespace. Reply: PILOT_A_IFINDEX, PILOT_A_IFNAME,
 *	PILOT_A_DEVICE
 * @PILOT_CMD_DEVICE_SET: change the attributes given in PILOT_A_DEVICE
 * @PILOT_CMD_PEER_GET: do: one peer (PILOT_A_PEER with NODE_ID); dump: all
 *	peers of a device by increasing stable id, NLM_F_DUMP_INTR when the
 *	set changed meanwhile. Reply: PILOT_A_IFINDEX, PILOT_A_IFNAME,
 *	PILOT_A_PEER; a peer that fills several messages goes on in the next
 *	ones with nothing but NODE_ID and ALLOWED_IPs
 * @PILOT_CMD_PEER_NEW: add a peer; EEXIST if there is one, ENOSPC past
 *	PILOT_A_DEVICE_MAX_PEERS
 * @PILOT_CMD_PEER_SET: change the attributes given; ENOENT without the peer
 * @PILOT_CMD_PEER_DEL: remove a peer with its keys and queue
 * @PILOT_CMD_KEY_GET: do: the keys of one peer (PILOT_A_KEY with NODE_ID),
 *	one multi-attribute PILOT_A_KEY each; dump: a message per peer that
 *	has a key. Never the secret
 * @PILOT_CMD_KEY_SET: install a key. The same secret again refreshes the
 *	installed key: its counter and windows go on. EBUSY if the key is
 *	negotiated and two of the peer await their proof. Reply: PILOT_A_KEY
 *	with NODE_ID, ID and SLOT
 * @PILOT_CMD_KEY_DEL: drop all keys of a peer or, with ID, that key only
 *	(compare-and-drop: ENOENT if it is not installed any more)
 * @PILOT_CMD_HANDLER_REGISTER: the calling socket becomes the receiver of
 *	handshake frames and beacon messages of the device until it closes;
 *	EBUSY if there is one
 * @PILOT_CMD_FRAME: from the kernel, by unicast to the handler: a handshake
 *	frame or beacon message that came in. To the kernel: send one
 * @PILOT_CMD_REKEY: ask the handler for a new key exchange with a peer;
 *	ENOTCONN without a handler
 * @PILOT_CMD_EVENT: multicast to the group "events"; PILOT_A_IFINDEX,
 *	PILOT_A_IFNAME, PILOT_A_EVENT
 * @PILOT_CMD_PROBE: send a path probe to a peer under its key, by a way that
 *	need not be the path in use: PILOT_A_FRAME with NODE_ID and ENDPOINT
 *	(straight there), RELAYED (through the beacon) or neither (straight to
 *	the peer's endpoint). ENOKEY without a key that may seal
 */
enum pilot_cmd {
	PILOT_CMD_UNSPEC,
	PILOT_CMD_DEVICE_GET,
	PILOT_CMD_DEVICE_SET,
	PILOT_CMD_PEER_GET,
	PILOT_CMD_PEER_NEW,
	PILOT_CMD_PEER_SET,
	PILOT_CMD_PEER_DEL,
	PILOT_CMD_KEY_GET,
	PILOT_CMD_KEY_SET,
	PILOT_CMD_KEY_DEL,
	PILOT_CMD_HANDLER_REGISTER,
	PILOT_CMD_FRAME,
	PILOT_CMD_REKEY,
	PILOT_CMD_EVENT,
	PILOT_CMD_PROBE,

	__PILOT_CMD_AFTER_LAST,
	PILOT_CMD_MAX = __PILOT_CMD_AFTER_LAST - 1
};

/**
 * enum pilot_attr - top-level attributes
 * @PILOT_A_UNSPEC: not used
 * @PILOT_A_IFINDEX: u32, in/out: device
 * @PILOT_A_IFNAME: string, in/out: device; with both, both must agree
 * @PILOT_A_DEVICE: nest of &enum pilot_device_attr, in/out
 * @PILOT_A_PEER: nest of &enum pilot_peer_attr, in/out
 * @PILOT_A_KEY: nest of &enum pilot_key_attr, in/out; repeated in replies
 * @PILOT_A_FRAME: nest of &enum pilot_frame_attr, in/out
 * @PILOT_A_EVENT: nest of &enum pilot_event_attr, out
 */
enum pilot_attr {
	PILOT_A_UNSPEC,
	PILOT_A_IFINDEX,
	PILOT_A_IFNAME,
	PILOT_A_DEVICE,
	PILOT_A_PEER,
	PILOT_A_KEY,
	PILOT_A_FRAME,
	PILOT_A_EVENT,

	__PILOT_A_AFTER_LAST,
	PILOT_A_MAX = __PILOT_A_AFTER_LAST - 1
};

/**
 * enum pilot_endpoint_attr - a UDP address
 * @PILOT_A_ENDPOINT_UNSPEC: not used
 * @PILOT_A_ENDPOINT_IPV4: u32 big-endian
 * @PILOT_A_ENDPOINT_IPV6: 16 bytes
 * @PILOT_A_ENDPOINT_PORT: u16 big-endian, not 0
 * @PILOT_A_ENDPOINT_SCOPE: u32, interface index of a link-local address
 *
 * Exactly one of the addresses. An empty nest clears the endpoint.
 */
enum pilot_endpoint_attr {
	PILOT_A_ENDPOINT_UNSPEC,
	PILOT_A_ENDPOINT_IPV4,
	PILOT_A_ENDPOINT_IPV6,
	PILOT_A_ENDPOINT_PORT,
	PILOT_A_ENDPOINT_SCOPE,

	__PILOT_A_ENDPOINT_AFTER_LAST,
	PILOT_A_ENDPOINT_MAX = __PILOT_A_ENDPOINT_AFTER_LAST - 1
};

/**
 * enum pilot_device_attr - a device
 * @PILOT_A_DEVICE_UNSPEC: not used
 * @PILOT_A_DEVICE_NODE_ID: u32, in/out: own node ID, from 1; EBUSY while a
 *	key is installed (it is part of every frame's AAD), EEXIST if a peer
 *	has it
 * @PILOT_A_DEVICE_NETWORK: u16, in/out: Pilot network of the address map
 * @PILOT_A_DEVICE_LISTEN_PORT: u16, in/out: UDP port; 0 on input: any. A
 *	running device is moved there; on failure the old port stays
 * @PILOT_A_DEVICE_FWMARK: u32, in/out: mark of outer packets, 0 none
 * @PILOT_A_DEVICE_BEACON: nest of &enum pilot_endpoint_attr, in/out: the only
 *	address from which beacon messages count and through which is relayed
 * @PILOT_A_DEVICE_REPLAY_WINDOW: u32, in/out: power of two, 64 to 8192, for
 *	keys installed from now on
 * @PILOT_A_DEVICE_UNAUTH: u8, in/out: 1: negotiated keys (with PEER_X25519)
 *	may be installed without AUTHENTICATED
 * @PILOT_A_DEVICE_MAX_PEERS: u32, in/out: 1 to 1048576, default 16384
 * @PILOT_A_DEVICE_DECRYPT_FAIL_THRESHOLD: u32, in/out: 1 to 1000000
 *	consecutive frames that fail authentication gate a key; default 5.
 *	A gated key asks for a key exchange, goes on sending while it opened a
 *	frame within the grace, then queues; one genuine frame reinstates it
 * @PILOT_A_DEVICE_DECRYPT_FAIL_GRACE: u32 ms, in/out: not before a key is
 *	this old; up to 3600000, default 3000
 * @PILOT_A_DEVICE_OUTSIDE_WINDOW_THRESHOLD: u32, in/out: the same for genuine
 *	frames behind the window; default 30
 * @PILOT_A_DEVICE_OUTSIDE_WINDOW_GRACE: u32 ms, in/out: default 3000
 * @PILOT_A_DEVICE_REPLAY_THRESHOLD: u32, in/out: the same for genuine frames
 *	seen before; default 30
 * @PILOT_A_DEVICE_REPLAY_GRACE: u32 ms, in/out: default 3000
 * @PILOT_A_DEVICE_AGED_DROP: u32 ms, in/out: a key that opened nothing for
 *	this long is gated by the first frame that fails authentication; up
 *	to 3600000, 0 (the default) off
 * @PILOT_A_DEVICE_REKEY_AFTER: u32, in/out: frames sealed under a key after
 *	which a new one is asked for; 16 to 2^28, the default. Sixteen times as
 *	many are never exceeded
 * @PILOT_A_DEVICE_PEERS: u32, out: number of peers
 * @PILOT_A_DEVICE_KEYS: u32, out: number of peers that have a key
 * @PILOT_A_DEVICE_AEAD: string, out: crypto driver in use
 * @PILOT_A_DEVICE_HANDLER: u32, out: netlink port of the handler, absent if
 *	there is none
 * @PILOT_A_DEVICE_EVENT_SEQ: u32, out: sequence number of the latest event
 * @PILOT_A_DEVICE_STATS: nest of &enum pilot_stats_attr, out
 * @PILOT_A_DEVICE_CLEARED: u32, out: how often all keys were dropped because
 *	of suspend, or because the machine was cloned
 * @PILOT_A_DEVICE_ON_DEMAND: u8, in/out: 1: while there is a handler, ask it for
 *	peers that packets are for, PILOT_EVENT_NEED_PEER
 * @PILOT_A_DEVICE_STATUS: nest of &enum pilot_status_attr, in/out: what the
 *	handler tells of itself. Accepted from the handler's socket only, else
 *	EPERM, and with no other attribute; empty again when that closes
 */
enum pilot_device_attr {
	PILOT_A_DEVICE_UNSPEC,
	PILOT_A_DEVICE_NODE_ID,
	PILOT_A_DEVICE_NETWORK,
	PILOT_A_DEVICE_LISTEN_PORT,
	PILOT_A_DEVICE_FWMARK,
	PILOT_A_DEVICE_BEACON,
	PILOT_A_DEVICE_REPLAY_WINDOW,
	PILOT_A_DEVICE_UNAUTH,
	PILOT_A_DEVICE_MAX_PEERS,
	PILOT_A_DEVICE_DECRYPT_FAIL_THRESHOLD,
	PILOT_A_DEVICE_DECRYPT_FAIL_GRACE,
	PILOT_A_DEVICE_OUTSIDE_WINDOW_THRESHOLD,
	PILOT_A_DEVICE_OUTSIDE_WINDOW_GRACE,
	PILOT_A_DEVICE_REPLAY_THRESHOLD,
	PILOT_A_DEVICE_REPLAY_GRACE,
	PILOT_A_DEVICE_AGED_DROP,
	PILOT_A_DEVICE_REKEY_AFTER,
	PILOT_A_DEVICE_PEERS,
	PILOT_A_DEVICE_KEYS,
	PILOT_A_DEVICE_AEAD,
	PILOT_A_DEVICE_HANDLER,
	PILOT_A_DEVICE_EVENT_SEQ,
	PILOT_A_DEVICE_STATS,
	PILOT_A_DEVICE_CLEARED,
	PILOT_A_DEVICE_ON_DEMAND,
	PILOT_A_DEVICE_STATUS,

	__PILOT_A_DEVICE_AFTER_LAST,
	PILOT_A_DEVICE_MAX = __PILOT_A_DEVICE_AFTER_LAST - 1
};

/**
 * enum pilot_registry_state - how the handler stands with its registry
 * @PILOT_REGISTRY_NONE: there is none, or it is a file
 * @PILOT_REGISTRY_CONNECTING: for the first time
 * @PILOT_REGISTRY_CONNECTED: it can be asked; we are not registered (yet)
 * @PILOT_REGISTRY_REGISTERED: and it knows us
 * @PILOT_REGISTRY_REFUSED: it can be asked, but does not register us
 * @PILOT_REGISTRY_DOWN: it cannot be asked; tried again and again
 */
enum pilot_registry_state {
	PILOT_REGISTRY_NONE,
	PILOT_REGISTRY_CONNECTING,
	PILOT_REGISTRY_CONNECTED,
	PILOT_REGISTRY_REGISTERED,
	PILOT_REGISTRY_REFUSED,
	PILOT_REGISTRY_DOWN,

	__PILOT_REGISTRY_AFTER_LAST,
	PILOT_REGISTRY_MAX = __PILOT_REGISTRY_AFTER_LAST - 1
};

/**
 * enum pilot_status_attr - what the handler tells of itself
 * @PILOT_A_STATUS_UNSPEC: not used
 * @PILOT_A_STATUS_PAD: padding of 64-bit attributes
 * @PILOT_A_STATUS_REGISTRY: u8 &enum pilot_registry_state, in/out
 * @PILOT_A_STATUS_REGISTRY_ADDRESS: string of up to 127 bytes, in/out
 * @PILOT_A_STATUS_REGISTRY_ERROR: string of up to 127 bytes, in/out: why not;
 *	absent if there is no error, empty in requests
 * @PILOT_A_STATUS_REGISTRY_SINCE: u64 ms, out: since REGISTRY changed
 * @PILOT_A_STATUS_REFLEXIVE: nest of &enum pilot_endpoint_attr, in/out: our
 *	address as the beacon sees it; absent if it is not known
 *
 * What is not given stays.
 */
enum pilot_status_attr {
	PILOT_A_STATUS_UNSPEC,
	PILOT_A_STATUS_PAD,
	PILOT_A_STATUS_REGISTRY,
	PILOT_A_STATUS_REGISTRY_ADDRESS,
	PILOT_A_STATUS_REGISTRY_ERROR,
	PILOT_A_STATUS_REGISTRY_SINCE,
	PILOT_A_STATUS_REFLEXIVE,

	__PILOT_A_STATUS_AFTER_LAST,
	PILOT_A_STATUS_MAX = __PILOT_A_STATUS_AFTER_LAST - 1
};

/**
 * enum pilot_path - path to a peer
 * @PILOT_PATH_AUTO: direct at first; then what the manager chooses, or by what
 *	the peer is heard: three frames by the other path are followed
 * @PILOT_PATH_DIRECT: straight to the endpoint
 * @PILOT_PATH_RELAY: through the beacon
 */
enum pilot_path {
	PILOT_PATH_AUTO,
	PILOT_PATH_DIRECT,
	PILOT_PATH_RELAY,

	__PILOT_PATH_AFTER_LAST,
	PILOT_PATH_MAX = __PILOT_PATH_AFTER_LAST - 1
};

/* PILOT_A_PEER_FLAGS: allowed-ips given replace the present ones */
#define PILOT_PEER_F_REPLACE_ALLOWED_IPS	(1U << 0)
#define PILOT_PEER_F_MASK			PILOT_PEER_F_REPLACE_ALLOWED_IPS

/**
 * enum pilot_peer_attr - a peer
 * @PILOT_A_PEER_UNSPEC: not used
 * @PILOT_A_PEER_PAD: padding of 64-bit attributes
 * @PILOT_A_PEER_NODE_ID: u32, in/out: from 1, not the device's own
 * @PILOT_A_PEER_ENDPOINT: nest of &enum pilot_endpoint_attr, in/out
 * @PILOT_A_PEER_PATH: u8 &enum pilot_path, in/out: what was asked for
 * @PILOT_A_PEER_PATH_ACTIVE: u8 &enum pilot_path, in/out: the path in use;
 *	settable (by the manager) while PATH is auto
 * @PILOT_A_PEER_KEEPALIVE: u16 seconds, in/out: send a keepalive after this
 *	long without sending; 0 off, default 25
 * @PILOT_A_PEER_ALLOWED_IP: nest of &enum pilot_allowed_ip_attr, in/out,
 *	repeated. A prefix another peer has moves to this one
 * @PILOT_A_PEER_FLAGS: u32 PILOT_PEER_F_*, in
 * @PILOT_A_PEER_COOLDOWN: u32 ms, in/out: give-up: packets are refused for
 *	this long unless a key is installed or proven before; 0 lifts it. At
 *	most 600000
 * @PILOT_A_PEER_NEED_KEY: u8 &enum pilot_reason, out: why a key exchange is
 *	wanted; absent if none is
 * @PILOT_A_PEER_QUEUED: u32, out: packets waiting for a key
 * @PILOT_A_PEER_KEY: nest of &enum pilot_key_attr, out, repeated: current
 *	key first
 * @PILOT_A_PEER_LAST_RX: u64 ms, out: since the last successful open;
 *	absent if never
 * @PILOT_A_PEER_LAST_TX: u64 ms, out: since the last frame; absent if never
 * @PILOT_A_PEER_STATS: nest of &enum pilot_stats_attr, out
 * @PILOT_A_PEER_DYNAMIC: u8, in/out: 1: the handler added it by itself and may
 *	remove it when it is idle
 */
enum pilot_peer_attr {
	PILOT_A_PEER_UNSPEC,
	PILOT_A_PEER_PAD,
	PILOT_A_PEER_NODE_ID,
	PILOT_A_PEER_ENDPOINT,
	PILOT_A_PEER_PATH,
	PILOT_A_PEER_PATH_ACTIVE,
	PILOT_A_PEER_KEEPALIVE,
	PILOT_A_PEER_ALLOWED_IP,
	PILOT_A_PEER_FLAGS,
	PILOT_A_PEER_COOLDOWN,
	PILOT_A_PEER_NEED_KEY,
	PILOT_A_PEER_QUEUED,
	PILOT_A_PEER_KEY,
	PILOT_A_PEER_LAST_RX,
	PILOT_A_PEER_LAST_TX,
	PILOT_A_PEER_STATS,
	PILOT_A_PEER_DYNAMIC,

	__PILOT_A_PEER_AFTER_LAST,
	PILOT_A_PEER_MAX = __PILOT_A_PEER_AFTER_LAST - 1
};

/* PILOT_A_ALLOWED_IP_FLAGS: remove this prefix from the peer */
#define PILOT_ALLOWED_IP_F_REMOVE	(1U << 0)
#define PILOT_ALLOWED_IP_F_MASK		PILOT_ALLOWED_IP_F_REMOVE

/**
 * enum pilot_allowed_ip_attr - a prefix routed to, and accepted from, a peer
 * @PILOT_A_ALLOWED_IP_UNSPEC: not used
 * @PILOT_A_ALLOWED_IP_IPV4: u32 big-endian
 * @PILOT_A_ALLOWED_IP_IPV6: 16 bytes
 * @PILOT_A_ALLOWED_IP_PREFIX: u8 length; bits past it must be 0
 * @PILOT_A_ALLOWED_IP_FLAGS: u32 PILOT_ALLOWED_IP_F_*, in
 */
enum pilot_allowed_ip_attr {
	PILOT_A_ALLOWED_IP_UNSPEC,
	PILOT_A_ALLOWED_IP_IPV4,
	PILOT_A_ALLOWED_IP_IPV6,
	PILOT_A_ALLOWED_IP_PREFIX,
	PILOT_A_ALLOWED_IP_FLAGS,

	__PILOT_A_ALLOWED_IP_AFTER_LAST,
	PILOT_A_ALLOWED_IP_MAX = __PILOT_A_ALLOWED_IP_AFTER_LAST - 1
};

/**
 * enum pilot_slot - what a key is used for
 * @PILOT_SLOT_CURRENT: sends and opens
 * @PILOT_SLOT_NEXT: opens; sends once proven
 * @PILOT_SLOT_PREVIOUS: opens what is still under way
 * @PILOT_SLOT_EARLIER: as NEXT, but a newer key that is not proven either came
 */
enum pilot_slot {
	PILOT_SLOT_CURRENT,
	PILOT_SLOT_NEXT,
	PILOT_SLOT_PREVIOUS,
	PILOT_SLOT_EARLIER,

	__PILOT_SLOT_AFTER_LAST,
	PILOT_SLOT_MAX = __PILOT_SLOT_AFTER_LAST - 1
};

/**
 * enum pilot_key_attr - a key
 * @PILOT_A_KEY_UNSPEC: not used
 * @PILOT_A_KEY_PAD: padding of 64-bit attributes
 * @PILOT_A_KEY_NODE_ID: u32, in/out: the peer
 * @PILOT_A_KEY_ID: u32, in/out: name of the key for compare-and-drop, not 0;
 *	without one on input the kernel chooses. EEXIST if the peer has it for
 *	another key
 * @PILOT_A_KEY_SECRET: 32 bytes, in: AES-256-GCM key, write-only
 * @PILOT_A_KEY_AUTHENTICATED: flag, in/out: the peer proved its identity
 * @PILOT_A_KEY_PEER_X25519: 32 bytes, in/out: peer's public key it was
 *	derived from
 * @PILOT_A_KEY_LOCAL_X25519: 32 bytes, in/out: our public key it was
 *	derived from
 * @PILOT_A_KEY_SLOT: u8 &enum pilot_slot, out
 * @PILOT_A_KEY_PROVEN: flag, out: opened at least one frame
 * @PILOT_A_KEY_AGE: u64 ms, out: since it was installed
 * @PILOT_A_KEY_LAST_RX: u64 ms, out: since it last opened a frame; absent if
 *	never
 * @PILOT_A_KEY_TX_PREFIX: u32, out: our nonce prefix
 * @PILOT_A_KEY_TX_COUNTER: u64, out: last counter sent, 0 none
 * @PILOT_A_KEY_RX_PREFIX: u32, out: peer's newest prefix; absent before
 *	the first frame
 * @PILOT_A_KEY_RX_COUNTER: u64, out: highest counter of that prefix
 * @PILOT_A_KEY_RX_EPOCHS: u32, out: prefixes seen
 * @PILOT_A_KEY_DECRYPT_FAILS: u32, out: consecutive ones
 * @PILOT_A_KEY_OUTSIDE_WINDOW: u32, out: consecutive ones
 * @PILOT_A_KEY_REPLAYS: u32, out: consecutive ones
 * @PILOT_A_KEY_GATED: u8 &enum pilot_reason, out: why the key is in doubt;
 *	absent if it is not
 * @PILOT_A_KEY_PEER_ED25519: 32 bytes, in/out: the identity the peer proved
 */
enum pilot_key_attr {
	PILOT_A_KEY_UNSPEC,
	PILOT_A_KEY_PAD,
	PILOT_A_KEY_NODE_ID,
	PILOT_A_KEY_ID,
	PILOT_A_KEY_SECRET,
	PILOT_A_KEY_AUTHENTICATED,
	PILOT_A_KEY_PEER_X25519,
	PILOT_A_KEY_LOCAL_X25519,
	PILOT_A_KEY_SLOT,
	PILOT_A_KEY_PROVEN,
	PILOT_A_KEY_AGE,
	PILOT_A_KEY_LAST_RX,
	PILOT_A_KEY_TX_PREFIX,
	PILOT_A_KEY_TX_COUNTER,
	PILOT_A_KEY_RX_PREFIX,
	PILOT_A_KEY_RX_COUNTER,
	PILOT_A_KEY_RX_EPOCHS,
	PILOT_A_KEY_DECRYPT_FAILS,
	PILOT_A_KEY_OUTSIDE_WINDOW,
	PILOT_A_KEY_REPLAYS,
	PILOT_A_KEY_GATED,
	PILOT_A_KEY_PEER_ED25519,

	__PILOT_A_KEY_AFTER_LAST,
	PILOT_A_KEY_MAX = __PILOT_A_KEY_AFTER_LAST - 1
};

/**
 * enum pilot_frame_attr - a handshake frame or beacon message
 * @PILOT_A_FRAME_UNSPEC: not used
 * @PILOT_A_FRAME_NODE_ID: u32, in/out: from the kernel: sender the frame
 *	names (not verified; absent for beacon messages). To the kernel: send
 *	it to this peer along its path. With neither NODE_ID nor ENDPOINT it
 *	goes to the beacon
 * @PILOT_A_FRAME_ENDPOINT: nest of &enum pilot_endpoint_attr, in/out: from
 *	the kernel: outer source (the beacon's when RELAYED). To the kernel:
 *	send it straight there instead
 * @PILOT_A_FRAME_RELAYED: flag, in/out: came, or is to go, through the beacon
 * @PILOT_A_FRAME_DATA: 1 to 1024 bytes, in/out: frame from its magic, beacon
 *	message from its type byte. Only PILA, PILK, PILP and beacon messages
 *	01 and 03 may be sent. On receipt cut after the part that is defined
 */
enum pilot_frame_attr {
	PILOT_A_FRAME_UNSPEC,
	PILOT_A_FRAME_NODE_ID,
	PILOT_A_FRAME_ENDPOINT,
	PILOT_A_FRAME_RELAYED,
	PILOT_A_FRAME_DATA,

	__PILOT_A_FRAME_AFTER_LAST,
	PILOT_A_FRAME_MAX = __PILOT_A_FRAME_AFTER_LAST - 1
};

/**
 * enum pilot_event_type - events; everything they say can be read by a dump
 * @PILOT_EVENT_UNSPEC: not used
 * @PILOT_EVENT_NEED_KEY: a key exchange with NODE_ID is wanted, REASON. At
 *	most one per peer in 3 s, but for those by command
 * @PILOT_EVENT_KEY_INSTALLED: NODE_ID, KEY_ID, AUTHENTICATED, REKEYED, RELAYED
 * @PILOT_EVENT_KEY_CONFIRMED: first frame opened with KEY_ID
 * @PILOT_EVENT_KEY_DROPPED: NODE_ID, KEY_ID, REASON
 * @PILOT_EVENT_ENDPOINT_CHANGED: NODE_ID, ENDPOINT
 * @PILOT_EVENT_PATH_CHANGED: NODE_ID, PATH
 * @PILOT_EVENT_PEER_ADDED: NODE_ID
 * @PILOT_EVENT_PEER_REMOVED: NODE_ID
 * @PILOT_EVENT_HANDLER_GONE: the handler's socket closed, or the device left
 *	its namespace
 * @PILOT_EVENT_GAVE_UP: NODE_ID: no answer, packets are refused for a while
 * @PILOT_EVENT_SALVAGED: NODE_ID, COUNT packets sent again under a new key
 * @PILOT_EVENT_NONCE_REPLAY: NODE_ID, COUNT replayed frames since the last
 *	such event; at most one per peer in 3 s
 * @PILOT_EVENT_SRC_SPOOFED: NODE_ID, COUNT packets with a source that is not
 *	the sender's since the last such event; at most one per peer in 3 s
 * @PILOT_EVENT_DEVICE_CHANGED: settings of the device were changed
 * @PILOT_EVENT_CLEARED: all keys are dropped, for REASON_CLEARED: a secret made
 *	before this must not be used any more
 * @PILOT_EVENT_NEED_PEER: NODE_ID is no peer, but REASON_NO_KEY: there are packets
 *	for it, REASON_UNKNOWN_PEER: it sends packets. At most one per node in
 *	3 s. Comes again with the next packet; there is no other sign of it
 * @PILOT_EVENT_REGISTRY_CHANGED: REGISTRY: the state the handler tells changed
 */
enum pilot_event_type {
	PILOT_EVENT_UNSPEC,
	PILOT_EVENT_NEED_KEY,
	PILOT_EVENT_KEY_INSTALLED,
	PILOT_EVENT_KEY_CONFIRMED,
	PILOT_EVENT_KEY_DROPPED,
	PILOT_EVENT_ENDPOINT_CHANGED,
	PILOT_EVENT_PATH_CHANGED,
	PILOT_EVENT_PEER_ADDED,
	PILOT_EVENT_PEER_REMOVED,
	PILOT_EVENT_HANDLER_GONE,
	PILOT_EVENT_GAVE_UP,
	PILOT_EVENT_SALVAGED,
	PILOT_EVENT_NONCE_REPLAY,
	PILOT_EVENT_SRC_SPOOFED,
	PILOT_EVENT_DEVICE_CHANGED,
	PILOT_EVENT_CLEARED,
	PILOT_EVENT_NEED_PEER,
	PILOT_EVENT_REGISTRY_CHANGED,

	__PILOT_EVENT_AFTER_LAST,
	PILOT_EVENT_MAX = __PILOT_EVENT_AFTER_LAST - 1
};

/**
 * enum pilot_reason - why a key is wanted or was dropped
 * @PILOT_REASON_NONE: no reason
 * @PILOT_REASON_NO_KEY: a packet is to be sent, or a frame came, and there is
 *	no key
 * @PILOT_REASON_USER: by command
 * @PILOT_REASON_DECRYPT_FAIL: frames fail authentication
 * @PILOT_REASON_OUTSIDE_WINDOW: frames are behind the replay window
 * @PILOT_REASON_REPLAY: frames are replays
 * @PILOT_REASON_VOLUME: the key has sealed enough
 * @PILOT_REASON_AGED: nothing opened for too long
 * @PILOT_REASON_EPOCHS: too many nonce prefixes under one key
 * @PILOT_REASON_REPLACED: a newer key took its place
 * @PILOT_REASON_EXHAUSTED: the key must not seal any more
 * @PILOT_REASON_CLEARED: suspend, or the machine was cloned
 * @PILOT_REASON_PEER_REMOVED: its peer was removed
 * @PILOT_REASON_UNKNOWN_PEER: a frame came, and its sender is no peer
 */
enum pilot_reason {
	PILOT_REASON_NONE,
	PILOT_REASON_NO_KEY,
	PILOT_REASON_USER,
	PILOT_REASON_DECRYPT_FAIL,
	PILOT_REASON_OUTSIDE_WINDOW,
	PILOT_REASON_REPLAY,
	PILOT_REASON_VOLUME,
	PILOT_REASON_AGED,
	PILOT_REASON_EPOCHS,
	PILOT_REASON_REPLACED,
	PILOT_REASON_EXHAUSTED,
	PILOT_REASON_CLEARED,
	PILOT_REASON_PEER_REMOVED,
	PILOT_REASON_UNKNOWN_PEER,

	__PILOT_REASON_AFTER_LAST,
	PILOT_REASON_MAX = __PILOT_REASON_AFTER_LAST - 1
};

/**
 * enum pilot_event_attr - an event
 * @PILOT_A_EVENT_UNSPEC: not used
 * @PILOT_A_EVENT_TYPE: u32 &enum pilot_event_type
 * @PILOT_A_EVENT_SEQ: u32: counts the events of the device; a gap means that
 *	events were lost: read the state again by dump
 * @PILOT_A_EVENT_NODE_ID: u32
 * @PILOT_A_EVENT_KEY_ID: u32
 * @PILOT_A_EVENT_REASON: u8 &enum pilot_reason
 * @PILOT_A_EVENT_ENDPOINT: nest of &enum pilot_endpoint_attr
 * @PILOT_A_EVENT_PATH: u8 &enum pilot_path
 * @PILOT_A_EVENT_AUTHENTICATED: flag
 * @PILOT_A_EVENT_REKEYED: flag: the peer had a key before
 * @PILOT_A_EVENT_RELAYED: flag: the peer's path is the relay
 * @PILOT_A_EVENT_COUNT: u32
 * @PILOT_A_EVENT_REGISTRY: u8 &enum pilot_registry_state
 */
enum pilot_event_attr {
	PILOT_A_EVENT_UNSPEC,
	PILOT_A_EVENT_TYPE,
	PILOT_A_EVENT_SEQ,
	PILOT_A_EVENT_NODE_ID,
	PILOT_A_EVENT_KEY_ID,
	PILOT_A_EVENT_REASON,
	PILOT_A_EVENT_ENDPOINT,
	PILOT_A_EVENT_PATH,
	PILOT_A_EVENT_AUTHENTICATED,
	PILOT_A_EVENT_REKEYED,
	PILOT_A_EVENT_RELAYED,
	PILOT_A_EVENT_COUNT,
	PILOT_A_EVENT_REGISTRY,

	__PILOT_A_EVENT_AFTER_LAST,
	PILOT_A_EVENT_MAX = __PILOT_A_EVENT_AFTER_LAST - 1
};

/**
 * enum pilot_stats_attr - counters, all u64
 * @PILOT_A_STATS_UNSPEC: not used
 * @PILOT_A_STATS_PAD: padding
 * @PILOT_A_STATS_RX_PACKETS: inner packets delivered
 * @PILOT_A_STATS_RX_BYTES: their bytes
 * @PILOT_A_STATS_TX_PACKETS: inner packets sent
 * @PILOT_A_STATS_TX_BYTES: their bytes
 * @PILOT_A_STATS_RX_KEEPALIVE: keepalives opened
 * @PILOT_A_STATS_TX_KEEPALIVE: keepalives sent
 * @PILOT_A_STATS_TX_SALVAGED: packets sent again under a new key
 * @PILOT_A_STATS_RX_DECRYPT_FAIL: frames that failed authentication
 * @PILOT_A_STATS_RX_REPLAY: genuine frames seen before
 * @PILOT_A_STATS_RX_OUTSIDE_WINDOW: genuine frames behind the window
 * @PILOT_A_STATS_RX_STALE: genuine frames of an older nonce prefix that were
 *	seen before, behind its window, or of a retired prefix
 * @PILOT_A_STATS_RX_NO_KEY: frames of a peer that has no key
 * @PILOT_A_STATS_RX_SPOOFED: packets whose source is not the sender's
 * @PILOT_A_STATS_RX_MALFORMED: genuine frames that hold no valid packet
 * @PILOT_A_STATS_RX_NOMEM: frames lost for lack of memory, or because too many
 *	wait for SIMD
 * @PILOT_A_STATS_TX_NO_KEY: packets refused: cooldown, or too many peers wait
 * @PILOT_A_STATS_TX_QUEUE_FULL: packets refused: the peer's queue is full
 * @PILOT_A_STATS_TX_NO_ENDPOINT: packets for a peer with no known address
 * @PILOT_A_STATS_TX_NO_ROUTE: frames with no route to the endpoint
 * @PILOT_A_STATS_TX_TOO_BIG: packets too big for the path, of whose size the
 *	sender was told
 * @PILOT_A_STATS_TX_ERROR: packets that could not be built or sealed, or of
 *	which too many wait for SIMD; a super-packet counts as one
 * @PILOT_A_STATS_TX_NO_PEER: packets that belong to no peer (device)
 * @PILOT_A_STATS_RX_UNKNOWN_PEER: PILS frames of unknown senders (device)
 * @PILOT_A_STATS_RX_SHORT: datagrams shorter than their kind (device)
 * @PILOT_A_STATS_RX_UNKNOWN: unknown magics and beacon types (device)
 * @PILOT_A_STATS_RX_PLAINTEXT: PILT frames (device)
 * @PILOT_A_STATS_RX_PUNCH: PILP frames (device)
 * @PILOT_A_STATS_RX_BEACON_SPOOFED: beacon messages from elsewhere, and
 *	relayed frames whose outer and own sender differ (device)
 * @PILOT_A_STATS_RX_HANDSHAKE: PILA, PILK and beacon messages handed to the
 *	handler (device)
 * @PILOT_A_STATS_RX_HANDSHAKE_LIMITED: those over the rate limit (device)
 * @PILOT_A_STATS_RX_NO_HANDLER: those with no handler, or one whose socket
 *	was full (device)
 * @PILOT_A_STATS_RX_PING: pings that were answered, probes left out (device)
 * @PILOT_A_STATS_RX_PING_LIMITED: those over the rate limit (device)
 */
enum pilot_stats_attr {
	PILOT_A_STATS_UNSPEC,
	PILOT_A_STATS_PAD,
	PILOT_A_STATS_RX_PACKETS,
	PILOT_A_STATS_RX_BYTES,
	PILOT_A_STATS_TX_PACKETS,
	PILOT_A_STATS_TX_BYTES,
	PILOT_A_STATS_RX_KEEPALIVE,
	PILOT_A_STATS_TX_KEEPALIVE,
	PILOT_A_STATS_TX_SALVAGED,
	PILOT_A_STATS_RX_DECRYPT_FAIL,
	PILOT_A_STATS_RX_REPLAY,
	PILOT_A_STATS_RX_OUTSIDE_WINDOW,
	PILOT_A_STATS_RX_STALE,
	PILOT_A_STATS_RX_NO_KEY,
	PILOT_A_STATS_RX_SPOOFED,
	PILOT_A_STATS_RX_MALFORMED,
	PILOT_A_STATS_RX_NOMEM,
	PILOT_A_STATS_TX_NO_KEY,
	PILOT_A_STATS_TX_QUEUE_FULL,
	PILOT_A_STATS_TX_NO_ENDPOINT,
	PILOT_A_STATS_TX_NO_ROUTE,
	PILOT_A_STATS_TX_TOO_BIG,
	PILOT_A_STATS_TX_ERROR,
	PILOT_A_STATS_TX_NO_PEER,
	PILOT_A_STATS_RX_UNKNOWN_PEER,
	PILOT_A_STATS_RX_SHORT,
	PILOT_A_STATS_RX_UNKNOWN,
	PILOT_A_STATS_RX_PLAINTEXT,
	PILOT_A_STATS_RX_PUNCH,
	PILOT_A_STATS_RX_BEACON_SPOOFED,
	PILOT_A_STATS_RX_HANDSHAKE,
	PILOT_A_STATS_RX_HANDSHAKE_LIMITED,
	PILOT_A_STATS_RX_NO_HANDLER,
	PILOT_A_STATS_RX_PING,
	PILOT_A_STATS_RX_PING_LIMITED,

	__PILOT_A_STATS_AFTER_LAST,
	PILOT_A_STATS_MAX = __PILOT_A_STATS_AFTER_LAST - 1
};

#endif /* _UAPI_LINUX_PILOT_H */
