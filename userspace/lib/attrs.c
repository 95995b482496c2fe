// SPDX-License-Identifier: GPL-2.0
#include "attrs.h"

#include <errno.h>
#include <stdio.h>

#include <libmnl/libmnl.h>
#include <linux/genetlink.h>
#include <linux/pilot.h>

static const char *const endpoint_names[PILOT_A_ENDPOINT_MAX + 1] = {
	[PILOT_A_ENDPOINT_IPV4] = "ipv4",
	[PILOT_A_ENDPOINT_IPV6] = "ipv6",
	[PILOT_A_ENDPOINT_PORT] = "port",
	[PILOT_A_ENDPOINT_SCOPE] = "scope",
};

const struct pilot_attr_set pilot_attrs_endpoint = {
	.names = endpoint_names,
	.max = PILOT_A_ENDPOINT_MAX,
};

static const char *const allowed_ip_names[PILOT_A_ALLOWED_IP_MAX + 1] = {
	[PILOT_A_ALLOWED_IP_IPV4] = "ipv4",
	[PILOT_A_ALLOWED_IP_IPV6] = "ipv6",
	[PILOT_A_ALLOWED_IP_PREFIX] = "prefix",
	[PILOT_A_ALLOWED_IP_FLAGS] = "flags",
};

const struct pilot_attr_set pilot_attrs_allowed_ip = {
	.names = allowed_ip_names,
	.max = PILOT_A_ALLOWED_IP_MAX,
};

static const char *const stats_names[PILOT_A_STATS_MAX + 1] = {
	[PILOT_A_STATS_PAD] = "pad",
	[PILOT_A_STATS_RX_PACKETS] = "rx-packets",
	[PILOT_A_STATS_RX_BYTES] = "rx-bytes",
	[PILOT_A_STATS_TX_PACKETS] = "tx-packets",
	[PILOT_A_STATS_TX_BYTES] = "tx-bytes",
	[PILOT_A_STATS_RX_KEEPALIVE] = "rx-keepalive",
	[PILOT_A_STATS_TX_KEEPALIVE] = "tx-keepalive",
	[PILOT_A_STATS_TX_SALVAGED] = "tx-salvaged",
	[PILOT_A_STATS_RX_DECRYPT_FAIL] = "rx-decrypt-fail",
	[PILOT_A_STATS_RX_REPLAY] = "rx-replay",
	[PILOT_A_STATS_RX_OUTSIDE_WINDOW] = "rx-outside-window",
	[PILOT_A_STATS_RX_STALE] = "rx-stale",
	[PILOT_A_STATS_RX_NO_KEY] = "rx-no-key",
	[PILOT_A_STATS_RX_SPOOFED] = "rx-spoofed",
	[PILOT_A_STATS_RX_MALFORMED] = "rx-malformed",
	[PILOT_A_STATS_RX_NOMEM] = "rx-nomem",
	[PILOT_A_STATS_TX_NO_KEY] = "tx-no-key",
	[PILOT_A_STATS_TX_QUEUE_FULL] = "tx-queue-full",
	[PILOT_A_STATS_TX_NO_ENDPOINT] = "tx-no-endpoint",
	[PILOT_A_STATS_TX_NO_ROUTE] = "tx-no-route",
	[PILOT_A_STATS_TX_TOO_BIG] = "tx-too-big",
	[PILOT_A_STATS_TX_ERROR] = "tx-error",
	[PILOT_A_STATS_TX_NO_PEER] = "tx-no-peer",
	[PILOT_A_STATS_RX_UNKNOWN_PEER] = "rx-unknown-peer",
	[PILOT_A_STATS_RX_SHORT] = "rx-short",
	[PILOT_A_STATS_RX_UNKNOWN] = "rx-unknown",
	[PILOT_A_STATS_RX_PLAINTEXT] = "rx-plaintext",
	[PILOT_A_STATS_RX_PUNCH] = "rx-punch",
	[PILOT_A_STATS_RX_BEACON_SPOOFED] = "rx-beacon-spoofed",
	[PILOT_A_STATS_RX_HANDSHAKE] = "rx-handshake",
	[PILOT_A_STATS_RX_HANDSHAKE_LIMITED] = "rx-handshake-limited",
	[PILOT_A_STATS_RX_NO_HANDLER] = "rx-no-handler",
	[PILOT_A_STATS_RX_PING] = "rx-ping",
	[PILOT_A_STATS_RX_PING_LIMITED] = "rx-ping-limited",
};

const struct pilot_attr_set pilot_attrs_stats = {
	.names = stats_names,
	.max = PILOT_A_STATS_MAX,
};

static const char *const key_names[PILOT_A_KEY_MAX + 1] = {
	[PILOT_A_KEY_PAD] = "pad",
	[PILOT_A_KEY_NODE_ID] = "node-id",
	[PILOT_A_KEY_ID] = "id",
	[PILOT_A_KEY_SECRET] = "secret",
	[PILOT_A_KEY_AUTHENTICATED] = "authenticated",
	[PILOT_A_KEY_PEER_X25519] = "peer-x25519",
	[PILOT_A_KEY_LOCAL_X25519] = "local-x25519",
	[PILOT_A_KEY_SLOT] = "slot",
	[PILOT_A_KEY_PROVEN] = "proven",
	[PILOT_A_KEY_AGE] = "age",
	[PILOT_A_KEY_LAST_RX] = "last-rx",
	[PILOT_A_KEY_TX_PREFIX] = "tx-prefix",
	[PILOT_A_KEY_TX_COUNTER] = "tx-counter",
	[PILOT_A_KEY_RX_PREFIX] = "rx-prefix",
	[PILOT_A_KEY_RX_COUNTER] = "rx-counter",
	[PILOT_A_KEY_RX_EPOCHS] = "rx-epochs",
	[PILOT_A_KEY_DECRYPT_FAILS] = "decrypt-fails",
	[PILOT_A_KEY_OUTSIDE_WINDOW] = "outside-window",
	[PILOT_A_KEY_REPLAYS] = "replays",
	[PILOT_A_KEY_GATED] = "gated",
	[PILOT_A_KEY_PEER_ED25519] = "peer-ed25519",
};

const struct pilot_attr_set pilot_attrs_key = {
	.names = key_names,
	.max = PILOT_A_KEY_MAX,
};

static const char *const status_names[PILOT_A_STATUS_MAX + 1] = {
	[PILOT_A_STATUS_PAD] = "pad",
	[PILOT_A_STATUS_REGISTRY] = "registry",
	[PILOT_A_STATUS_REGISTRY_ADDRESS] = "registry-address",
	[PILOT_A_STATUS_REGISTRY_ERROR] = "registry-error",
	[PILOT_A_STATUS_REGISTRY_SINCE] = "registry-since",
	[PILOT_A_STATUS_REFLEXIVE] = "reflexive",
};

static const struct pilot_attr_set *const
status_nested[PILOT_A_STATUS_MAX + 1] = {
	[PILOT_A_STATUS_REFLEXIVE] = &pilot_attrs_endpoint,
};

const struct pilot_attr_set pilot_attrs_status = {
	.names = status_names,
	.nested = status_nested,
	.max = PILOT_A_STATUS_MAX,
};

static const char *const device_names[PILOT_A_DEVICE_MAX + 1] = {
	[PILOT_A_DEVICE_NODE_ID] = "node-id",
	[PILOT_A_DEVICE_NETWORK] = "network",
	[PILOT_A_DEVICE_LISTEN_PORT] = "listen-port",
	[PILOT_A_DEVICE_FWMARK] = "fwmark",
	[PILOT_A_DEVICE_BEACON] = "beacon",
	[PILOT_A_DEVICE_REPLAY_WINDOW] = "replay-window",
	[PILOT_A_DEVICE_UNAUTH] = "unauth",
	[PILOT_A_DEVICE_MAX_PEERS] = "max-peers",
	[PILOT_A_DEVICE_DECRYPT_FAIL_THRESHOLD] = "decrypt-fail-threshold",
	[PILOT_A_DEVICE_DECRYPT_FAIL_GRACE] = "decrypt-fail-grace",
	[PILOT_A_DEVICE_OUTSIDE_WINDOW_THRESHOLD] = "outside-window-threshold",
	[PILOT_A_DEVICE_OUTSIDE_WINDOW_GRACE] = "outside-window-grace",
	[PILOT_A_DEVICE_REPLAY_THRESHOLD] = "replay-threshold",
	[PILOT_A_DEVICE_REPLAY_GRACE] = "replay-grace",
	[PILOT_A_DEVICE_AGED_DROP] = "aged-drop",
	[PILOT_A_DEVICE_REKEY_AFTER] = "rekey-after",
	[PILOT_A_DEVICE_PEERS] = "peers",
	[PILOT_A_DEVICE_KEYS] = "keys",
	[PILOT_A_DEVICE_AEAD] = "aead",
	[PILOT_A_DEVICE_HANDLER] = "handler",
	[PILOT_A_DEVICE_EVENT_SEQ] = "event-seq",
	[PILOT_A_DEVICE_STATS] = "stats",
	[PILOT_A_DEVICE_CLEARED] = "cleared",
	[PILOT_A_DEVICE_ON_DEMAND] = "on-demand",
	[PILOT_A_DEVICE_STATUS] = "status",
};

static const struct pilot_attr_set *const
device_nested[PILOT_A_DEVICE_MAX + 1] = {
	[PILOT_A_DEVICE_BEACON] = &pilot_attrs_endpoint,
	[PILOT_A_DEVICE_STATS] = &pilot_attrs_stats,
	[PILOT_A_DEVICE_STATUS] = &pilot_attrs_status,
};

const struct pilot_attr_set pilot_attrs_device = {
	.names = device_names,
	.nested = device_nested,
	.max = PILOT_A_DEVICE_MAX,
};

static const char *const peer_names[PILOT_A_PEER_MAX + 1] = {
	[PILOT_A_PEER_PAD] = "pad",
	[PILOT_A_PEER_NODE_ID] = "node-id",
	[PILOT_A_PEER_ENDPOINT] = "endpoint",
	[PILOT_A_PEER_PATH] = "path",
	[PILOT_A_PEER_PATH_ACTIVE] = "path-active",
	[PILOT_A_PEER_KEEPALIVE] = "keepalive",
	[PILOT_A_PEER_ALLOWED_IP] = "allowed-ip",
	[PILOT_A_PEER_FLAGS] = "flags",
	[PILOT_A_PEER_COOLDOWN] = "cooldown",
	[PILOT_A_PEER_NEED_KEY] = "need-key",
	[PILOT_A_PEER_QUEUED] = "queued",
	[PILOT_A_PEER_KEY] = "key",
	[PILOT_A_PEER_LAST_RX] = "last-rx",
	[PILOT_A_PEER_LAST_TX] = "last-tx",
	[PILOT_A_PEER_STATS] = "stats",
	[PILOT_A_PEER_DYNAMIC] = "dynamic",
};

static const struct pilot_attr_set *const peer_nested[PILOT_A_PEER_MAX + 1] = {
	[PILOT_A_PEER_ENDPOINT] = &pilot_attrs_endpoint,
	[PILOT_A_PEER_ALLOWED_IP] = &pilot_attrs_allowed_ip,
	[PILOT_A_PEER_KEY] = &pilot_attrs_key,
	[PILOT_A_PEER_STATS] = &pilot_attrs_stats,
};

const struct pilot_attr_set pilot_attrs_peer = {
	.names = peer_names,
	.nested = peer_nested,
	.max = PILOT_A_PEER_MAX,
};

static const char *const frame_names[PILOT_A_FRAME_MAX + 1] = {
	[PILOT_A_FRAME_NODE_ID] = "node-id",
	[PILOT_A_FRAME_ENDPOINT] = "endpoint",
	[PILOT_A_FRAME_RELAYED] = "relayed",
	[PILOT_A_FRAME_DATA] = "data",
};

static const struct pilot_attr_set *const frame_nested[PILOT_A_FRAME_MAX + 1] = {
	[PILOT_A_FRAME_ENDPOINT] = &pilot_attrs_endpoint,
};

const struct pilot_attr_set pilot_attrs_frame = {
	.names = frame_names,
	.nested = frame_nested,
	.max = PILOT_A_FRAME_MAX,
};

static const char *const event_names[PILOT_A_EVENT_MAX + 1] = {
	[PILOT_A_EVENT_TYPE] = "type",
	[PILOT_A_EVENT_SEQ] = "seq",
	[PILOT_A_EVENT_NODE_ID] = "node-id",
	[PILOT_A_EVENT_KEY_ID] = "key-id",
	[PILOT_A_EVENT_REASON] = "reason",
	[PILOT_A_EVENT_ENDPOINT] = "endpoint",
	[PILOT_A_EVENT_PATH] = "path",
	[PILOT_A_EVENT_AUTHENTICATED] = "authenticated",
	[PILOT_A_EVENT_REKEYED] = "rekeyed",
	[PILOT_A_EVENT_RELAYED] = "relayed",
	[PILOT_A_EVENT_COUNT] = "count",
	[PILOT_A_EVENT_REGISTRY] = "registry",
};

static const struct pilot_attr_set *const event_nested[PILOT_A_EVENT_MAX + 1] = {
	[PILOT_A_EVENT_ENDPOINT] = &pilot_attrs_endpoint,
};

const struct pilot_attr_set pilot_attrs_event = {
	.names = event_names,
	.nested = event_nested,
	.max = PILOT_A_EVENT_MAX,
};

static const char *const top_names[PILOT_A_MAX + 1] = {
	[PILOT_A_IFINDEX] = "ifindex",
	[PILOT_A_IFNAME] = "ifname",
	[PILOT_A_DEVICE] = "device",
	[PILOT_A_PEER] = "peer",
	[PILOT_A_KEY] = "key",
	[PILOT_A_FRAME] = "frame",
	[PILOT_A_EVENT] = "event",
};

static const struct pilot_attr_set *const top_nested[PILOT_A_MAX + 1] = {
	[PILOT_A_DEVICE] = &pilot_attrs_device,
	[PILOT_A_PEER] = &pilot_attrs_peer,
	[PILOT_A_KEY] = &pilot_attrs_key,
	[PILOT_A_FRAME] = &pilot_attrs_frame,
	[PILOT_A_EVENT] = &pilot_attrs_event,
};

const struct pilot_attr_set pilot_attrs_top = {
	.names = top_names,
	.nested = top_nested,
	.max = PILOT_A_MAX,
};

const char *pilot_attr_name(const struct pilot_attr_set *set, unsigned int type)
{
	if (!set || type > set->max || !set->names[type])
		return "unknown";
	return set->names[type];
}

static const struct pilot_attr_set *nested_set(const struct pilot_attr_set *set,
					       unsigned int type)
{
	if (!set || !set->nested || type > set->max)
		return NULL;
	return set->nested[type];
}

int pilot_attr_path(const void *msg, size_t len, size_t offset,
		    unsigned int missing, char *buf)
{
	const struct pilot_attr_set *set = &pilot_attrs_top;
	const char *base = msg;
	size_t pos = MNL_NLMSG_HDRLEN + MNL_ALIGN(sizeof(struct genlmsghdr));
	size_t end = len, fill = 0;

	buf[0] = '\0';
	if (missing && !offset) {
		snprintf(buf, PILOT_ATTR_PATHLEN, "%s",
			 pilot_attr_name(set, missing));
		return 0;
	}

	/* Down through the nest that holds the offset, level by level. */
	while (pos < end) {
		const struct nlattr *attr = (const void *)(base + pos);
		unsigned int type;

		if (!mnl_attr_ok(attr, (int)(end - pos)))
			break;
		type = mnl_attr_get_type(attr);
		if (offset >= pos + MNL_ALIGN(attr->nla_len)) {
			pos += MNL_ALIGN(attr->nla_len);
			continue;
		}
		if (offset < pos)
			break;

		fill += snprintf(buf + fill, PILOT_ATTR_PATHLEN - fill, "%s%s",
				 fill ? "." : "", pilot_attr_name(set, type));
		if (fill >= PILOT_ATTR_PATHLEN)
			break;
		set = nested_set(set, type);
		if (offset == pos) {
			if (missing)
				snprintf(buf + fill, PILOT_ATTR_PATHLEN - fill,
					 ".%s", pilot_attr_name(set, missing));
			return 0;
		}
		if (!set)
			break;
		end = pos + attr->nla_len;
		pos += MNL_ATTR_HDRLEN;
	}
	return -ENOENT;
}
