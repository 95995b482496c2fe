// SPDX-License-Identifier: GPL-2.0
#include "msg.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <linux/genetlink.h>

#include "attrs.h"
#include "text.h"

enum kind {
	K_NONE,		/* padding, or handled by the set's own code */
	K_U8,
	K_BOOL,		/* u8 on the wire */
	K_U16,
	K_U32,
	K_U64,
	K_FLAG,		/* nothing but its bit in @has */
	K_BYTES,	/* exactly @len */
	K_STRING,	/* into a buffer of @len */
	K_ENDPOINT,
};

/* Where an attribute lives in its structure. @in: requests may hold it. */
struct field {
	enum kind kind;
	bool in;
	uint16_t off;
	uint16_t len;
};

#define F(k, in_, type, member) \
	{ K_##k, in_, offsetof(struct type, member), sizeof(((struct type *)0)->member) }

static const struct field device_fields[PILOT_A_DEVICE_MAX + 1] = {
	[PILOT_A_DEVICE_NODE_ID] = F(U32, true, pilot_device_info, node_id),
	[PILOT_A_DEVICE_NETWORK] = F(U16, true, pilot_device_info, network),
	[PILOT_A_DEVICE_LISTEN_PORT] = F(U16, true, pilot_device_info, listen_port),
	[PILOT_A_DEVICE_FWMARK] = F(U32, true, pilot_device_info, fwmark),
	[PILOT_A_DEVICE_BEACON] = F(ENDPOINT, true, pilot_device_info, beacon),
	[PILOT_A_DEVICE_REPLAY_WINDOW] = F(U32, true, pilot_device_info, replay_window),
	[PILOT_A_DEVICE_UNAUTH] = F(BOOL, true, pilot_device_info, unauth),
	[PILOT_A_DEVICE_MAX_PEERS] = F(U32, true, pilot_device_info, max_peers),
	[PILOT_A_DEVICE_DECRYPT_FAIL_THRESHOLD] =
		F(U32, true, pilot_device_info, decrypt_fail_threshold),
	[PILOT_A_DEVICE_DECRYPT_FAIL_GRACE] =
		F(U32, true, pilot_device_info, decrypt_fail_grace),
	[PILOT_A_DEVICE_OUTSIDE_WINDOW_THRESHOLD] =
		F(U32, true, pilot_device_info, outside_window_threshold),
	[PILOT_A_DEVICE_OUTSIDE_WINDOW_GRACE] =
		F(U32, true, pilot_device_info, outside_window_grace),
	[PILOT_A_DEVICE_REPLAY_THRESHOLD] = F(U32, true, pilot_device_info, replay_threshold),
	[PILOT_A_DEVICE_REPLAY_GRACE] = F(U32, true, pilot_device_info, replay_grace),
	[PILOT_A_DEVICE_AGED_DROP] = F(U32, true, pilot_device_info, aged_drop),
	[PILOT_A_DEVICE_REKEY_AFTER] = F(U32, true, pilot_device_info, rekey_after),
	[PILOT_A_DEVICE_PEERS] = F(U32, false, pilot_device_info, peers),
	[PILOT_A_DEVICE_KEYS] = F(U32, false, pilot_device_info, keys),
	[PILOT_A_DEVICE_AEAD] = F(STRING, false, pilot_device_info, aead),
	[PILOT_A_DEVICE_HANDLER] = F(U32, false, pilot_device_info, handler),
	[PILOT_A_DEVICE_EVENT_SEQ] = F(U32, false, pilot_device_info, event_seq),
	[PILOT_A_DEVICE_CLEARED] = F(U32, false, pilot_device_info, cleared),
	[PILOT_A_DEVICE_ON_DEMAND] = F(BOOL, true, pilot_device_info, on_demand),
	[PILOT_A_DEVICE_STATUS] = { .in = true },
};

static const struct field status_fields[PILOT_A_STATUS_MAX + 1] = {
	[PILOT_A_STATUS_REGISTRY] = F(U8, true, pilot_status_info, registry),
	[PILOT_A_STATUS_REGISTRY_ADDRESS] =
		F(STRING, true, pilot_status_info, registry_address),
	[PILOT_A_STATUS_REGISTRY_ERROR] = F(STRING, true, pilot_status_info, registry_error),
	[PILOT_A_STATUS_REGISTRY_SINCE] = F(U64, false, pilot_status_info, registry_since),
	[PILOT_A_STATUS_REFLEXIVE] = F(ENDPOINT, true, pilot_status_info, reflexive),
};

static const struct field peer_fields[PILOT_A_PEER_MAX + 1] = {
	[PILOT_A_PEER_NODE_ID] = F(U32, true, pilot_peer_info, node_id),
	[PILOT_A_PEER_ENDPOINT] = F(ENDPOINT, true, pilot_peer_info, endpoint),
	[PILOT_A_PEER_PATH] = F(U8, true, pilot_peer_info, path),
	[PILOT_A_PEER_PATH_ACTIVE] = F(U8, true, pilot_peer_info, path_active),
	[PILOT_A_PEER_KEEPALIVE] = F(U16, true, pilot_peer_info, keepalive),
	[PILOT_A_PEER_ALLOWED_IP] = { .in = true },
	[PILOT_A_PEER_FLAGS] = F(U32, true, pilot_peer_info, flags),
	[PILOT_A_PEER_COOLDOWN] = F(U32, true, pilot_peer_info, cooldown),
	[PILOT_A_PEER_NEED_KEY] = F(U8, false, pilot_peer_info, need_key),
	[PILOT_A_PEER_QUEUED] = F(U32, false, pilot_peer_info, queued),
	[PILOT_A_PEER_LAST_RX] = F(U64, false, pilot_peer_info, last_rx),
	[PILOT_A_PEER_LAST_TX] = F(U64, false, pilot_peer_info, last_tx),
	[PILOT_A_PEER_DYNAMIC] = F(BOOL, true, pilot_peer_info, dynamic),
};

static const struct field key_fields[PILOT_A_KEY_MAX + 1] = {
	[PILOT_A_KEY_NODE_ID] = F(U32, true, pilot_key_info, node_id),
	[PILOT_A_KEY_ID] = F(U32, true, pilot_key_info, id),
	[PILOT_A_KEY_SECRET] = { .in = true },
	[PILOT_A_KEY_AUTHENTICATED] = { .kind = K_FLAG, .in = true },
	[PILOT_A_KEY_PEER_X25519] = F(BYTES, true, pilot_key_info, peer_x25519),
	[PILOT_A_KEY_LOCAL_X25519] = F(BYTES, true, pilot_key_info, local_x25519),
	[PILOT_A_KEY_SLOT] = F(U8, false, pilot_key_info, slot),
	[PILOT_A_KEY_PROVEN] = { .kind = K_FLAG },
	[PILOT_A_KEY_AGE] = F(U64, false, pilot_key_info, age),
	[PILOT_A_KEY_LAST_RX] = F(U64, false, pilot_key_info, last_rx),
	[PILOT_A_KEY_TX_PREFIX] = F(U32, false, pilot_key_info, tx_prefix),
	[PILOT_A_KEY_TX_COUNTER] = F(U64, false, pilot_key_info, tx_counter),
	[PILOT_A_KEY_RX_PREFIX] = F(U32, false, pilot_key_info, rx_prefix),
	[PILOT_A_KEY_RX_COUNTER] = F(U64, false, pilot_key_info, rx_counter),
	[PILOT_A_KEY_RX_EPOCHS] = F(U32, false, pilot_key_info, rx_epochs),
	[PILOT_A_KEY_DECRYPT_FAILS] = F(U32, false, pilot_key_info, decrypt_fails),
	[PILOT_A_KEY_OUTSIDE_WINDOW] = F(U32, false, pilot_key_info, outside_window),
	[PILOT_A_KEY_REPLAYS] = F(U32, false, pilot_key_info, replays),
	[PILOT_A_KEY_GATED] = F(U8, false, pilot_key_info, gated),
	[PILOT_A_KEY_PEER_ED25519] = F(BYTES, true, pilot_key_info, peer_ed25519),
};

static const struct field frame_fields[PILOT_A_FRAME_MAX + 1] = {
	[PILOT_A_FRAME_NODE_ID] = F(U32, true, pilot_frame_info, node_id),
	[PILOT_A_FRAME_ENDPOINT] = F(ENDPOINT, true, pilot_frame_info, endpoint),
	[PILOT_A_FRAME_RELAYED] = { .kind = K_FLAG, .in = true },
	[PILOT_A_FRAME_DATA] = { .in = true },
};

static const struct field event_fields[PILOT_A_EVENT_MAX + 1] = {
	[PILOT_A_EVENT_TYPE] = F(U32, false, pilot_event_info, type),
	[PILOT_A_EVENT_SEQ] = F(U32, false, pilot_event_info, seq),
	[PILOT_A_EVENT_NODE_ID] = F(U32, false, pilot_event_info, node_id),
	[PILOT_A_EVENT_KEY_ID] = F(U32, false, pilot_event_info, key_id),
	[PILOT_A_EVENT_REASON] = F(U8, false, pilot_event_info, reason),
	[PILOT_A_EVENT_ENDPOINT] = F(ENDPOINT, false, pilot_event_info, endpoint),
	[PILOT_A_EVENT_PATH] = F(U8, false, pilot_event_info, path),
	[PILOT_A_EVENT_AUTHENTICATED] = { .kind = K_FLAG },
	[PILOT_A_EVENT_REKEYED] = { .kind = K_FLAG },
	[PILOT_A_EVENT_RELAYED] = { .kind = K_FLAG },
	[PILOT_A_EVENT_COUNT] = F(U32, false, pilot_event_info, count),
	[PILOT_A_EVENT_REGISTRY] = F(U8, false, pilot_event_info, registry),
};

uint8_t pilot_msg_cmd(const struct nlmsghdr *nlh)
{
	return ((const struct genlmsghdr *)mnl_nlmsg_get_payload(nlh))->cmd;
}

/* Encoding */

static int put(struct nlmsghdr *nlh, size_t size, uint16_t type, size_t len,
	       const void *data)
{
	return mnl_attr_put_check(nlh, size, type, len, data) ? 0 : -EMSGSIZE;
}

static struct nlattr *nest(struct nlmsghdr *nlh, size_t size, uint16_t type)
{
	return mnl_attr_nest_start_check(nlh, size, type);
}

static int put_endpoint(struct nlmsghdr *nlh, size_t size, uint16_t type,
			const struct pilot_endpoint *ep)
{
	struct nlattr *n = nest(nlh, size, type);
	int ret = 0;

	if (!n)
		return -EMSGSIZE;

	switch (ep->sa.sa_family) {
	case AF_UNSPEC:
		break;
	case AF_INET:
		ret = put(nlh, size, PILOT_A_ENDPOINT_IPV4, 4, &ep->in.sin_addr);
		if (!ret)
			ret = put(nlh, size, PILOT_A_ENDPOINT_PORT, 2,
				  &ep->in.sin_port);
		break;
	case AF_INET6:
		ret = put(nlh, size, PILOT_A_ENDPOINT_IPV6, 16,
			  &ep->in6.sin6_addr);
		if (!ret)
			ret = put(nlh, size, PILOT_A_ENDPOINT_PORT, 2,
				  &ep->in6.sin6_port);
		if (!ret && ep->in6.sin6_scope_id)
			ret = put(nlh, size, PILOT_A_ENDPOINT_SCOPE, 4,
				  &ep->in6.sin6_scope_id);
		break;
	default:
		ret = -EAFNOSUPPORT;
	}
	mnl_attr_nest_end(nlh, n);
	return ret;
}

/* What @has names and the table describes. */
static int put_fields(struct nlmsghdr *nlh, size_t size,
		      const struct field *fields, unsigned int max,
		      const void *base, uint32_t has)
{
	unsigned int type;
	int ret = 0;

	for (type = 1; type <= max && !ret; type++) {
		const struct field *f = &fields[type];
		const char *p = (const char *)base + f->off;
		uint8_t byte;

		if (!(has & PILOT_HAS(type)))
			continue;
		if (!f->in)
			return -EINVAL;

		switch (f->kind) {
		case K_NONE:
			break;
		case K_U8:
		case K_U16:
		case K_U32:
		case K_U64:
		case K_BYTES:
			ret = put(nlh, size, type, f->len, p);
			break;
		case K_BOOL:
			byte = *(const bool *)p;
			ret = put(nlh, size, type, 1, &byte);
			break;
		case K_FLAG:
			ret = put(nlh, size, type, 0, NULL);
			break;
		case K_STRING:
			ret = put(nlh, size, type, strlen(p) + 1, p);
			break;
		case K_ENDPOINT:
			ret = put_endpoint(nlh, size, type, (const void *)p);
			break;
		}
	}
	return ret;
}

int pilot_msg_put_dev(struct nlmsghdr *nlh, size_t size,
		      const struct pilot_dev *dev)
{
	int ret = 0;

	if (dev->ifindex)
		ret = put(nlh, size, PILOT_A_IFINDEX, 4, &dev->ifindex);
	if (!ret && dev->ifname[0])
		ret = put(nlh, size, PILOT_A_IFNAME, strlen(dev->ifname) + 1,
			  dev->ifname);
	return ret;
}

static int put_status(struct nlmsghdr *nlh, size_t size,
		      const struct pilot_status_info *status)
{
	struct nlattr *n = nest(nlh, size, PILOT_A_DEVICE_STATUS);
	int ret;

	if (!n)
		return -EMSGSIZE;
	ret = put_fields(nlh, size, status_fields, PILOT_A_STATUS_MAX, status, status->has);
	mnl_attr_nest_end(nlh, n);
	return ret;
}

int pilot_msg_put_device(struct nlmsghdr *nlh, size_t size,
			 const struct pilot_device_info *info)
{
	struct nlattr *n = nest(nlh, size, PILOT_A_DEVICE);
	int ret;

	if (!n)
		return -EMSGSIZE;
	ret = put_fields(nlh, size, device_fields, PILOT_A_DEVICE_MAX, info,
			 info->has);
	if (!ret && info->has & PILOT_HAS(PILOT_A_DEVICE_STATUS))
		ret = put_status(nlh, size, &info->status);
	mnl_attr_nest_end(nlh, n);
	return ret;
}

static int put_allowed_ip(struct nlmsghdr *nlh, size_t size,
			  const struct pilot_allowed_ip *ip)
{
	struct nlattr *n = nest(nlh, size, PILOT_A_PEER_ALLOWED_IP);
	uint32_t flags = PILOT_ALLOWED_IP_F_REMOVE;
	int ret;

	if (!n)
		return -EMSGSIZE;
	if (ip->family == AF_INET)
		ret = put(nlh, size, PILOT_A_ALLOWED_IP_IPV4, 4, &ip->v4);
	else if (ip->family == AF_INET6)
		ret = put(nlh, size, PILOT_A_ALLOWED_IP_IPV6, 16, &ip->v6);
	else
		ret = -EAFNOSUPPORT;
	if (!ret)
		ret = put(nlh, size, PILOT_A_ALLOWED_IP_PREFIX, 1, &ip->prefix);
	if (!ret && ip->remove)
		ret = put(nlh, size, PILOT_A_ALLOWED_IP_FLAGS, 4, &flags);
	mnl_attr_nest_end(nlh, n);
	return ret;
}

int pilot_msg_put_peer(struct nlmsghdr *nlh, size_t size,
		       const struct pilot_peer_info *peer)
{
	struct nlattr *n = nest(nlh, size, PILOT_A_PEER);
	size_t i;
	int ret;

	if (!n)
		return -EMSGSIZE;
	ret = put_fields(nlh, size, peer_fields, PILOT_A_PEER_MAX, peer,
			 peer->has | PILOT_HAS(PILOT_A_PEER_NODE_ID));
	if (peer->has & PILOT_HAS(PILOT_A_PEER_ALLOWED_IP))
		for (i = 0; i < peer->n_allowed_ips && !ret; i++)
			ret = put_allowed_ip(nlh, size, &peer->allowed_ips[i]);
	/* The length of a nest has 16 bits. */
	if (!ret && (char *)mnl_nlmsg_get_payload_tail(nlh) - (char *)n > UINT16_MAX)
		ret = -EMSGSIZE;
	mnl_attr_nest_end(nlh, n);
	return ret;
}

int pilot_msg_put_key(struct nlmsghdr *nlh, size_t size,
		      const struct pilot_key_info *key)
{
	struct nlattr *n = nest(nlh, size, PILOT_A_KEY);
	int ret;

	if (!n)
		return -EMSGSIZE;
	ret = put_fields(nlh, size, key_fields, PILOT_A_KEY_MAX, key,
			 key->has | PILOT_HAS(PILOT_A_KEY_NODE_ID));
	if (!ret && key->secret)
		ret = put(nlh, size, PILOT_A_KEY_SECRET, PILOT_KEY_LEN,
			  key->secret);
	mnl_attr_nest_end(nlh, n);
	return ret;
}

int pilot_msg_put_frame(struct nlmsghdr *nlh, size_t size,
			const struct pilot_frame_info *frame)
{
	struct nlattr *n = nest(nlh, size, PILOT_A_FRAME);
	int ret;

	if (!n)
		return -EMSGSIZE;
	ret = put_fields(nlh, size, frame_fields, PILOT_A_FRAME_MAX, frame,
			 frame->has);
	if (!ret && frame->data)
		ret = put(nlh, size, PILOT_A_FRAME_DATA, frame->len, frame->data);
	mnl_attr_nest_end(nlh, n);
	return ret;
}

/* Decoding */

static int bad(struct pilot_error *err, const struct pilot_attr_set *set,
	       const struct nlattr *attr, const char *why)
{
	return pilot_error_set(err, -EBADMSG,
			       "the kernel sent a bad attribute \"%s\" (%u bytes): %s",
			       pilot_attr_name(set, mnl_attr_get_type(attr)),
			       mnl_attr_get_payload_len(attr), why);
}

static int get_endpoint(const struct nlattr *outer, struct pilot_endpoint *ep,
			struct pilot_error *err)
{
	const struct pilot_attr_set *set = &pilot_attrs_endpoint;
	const struct nlattr *attr;
	in_port_t port = 0;

	memset(ep, 0, sizeof(*ep));
	mnl_attr_for_each_nested(attr, outer) {
		const void *p = mnl_attr_get_payload(attr);
		size_t len = mnl_attr_get_payload_len(attr);

		switch (mnl_attr_get_type(attr)) {
		case PILOT_A_ENDPOINT_IPV4:
			if (len != 4 || ep->sa.sa_family)
				return bad(err, set, attr, "not one IPv4 address");
			ep->in.sin_family = AF_INET;
			memcpy(&ep->in.sin_addr, p, 4);
			break;
		case PILOT_A_ENDPOINT_IPV6:
			if (len != 16 || ep->sa.sa_family)
				return bad(err, set, attr, "not one IPv6 address");
			ep->in6.sin6_family = AF_INET6;
			memcpy(&ep->in6.sin6_addr, p, 16);
			break;
		case PILOT_A_ENDPOINT_PORT:
			if (len != 2)
				return bad(err, set, attr, "not 2 bytes");
			memcpy(&port, p, 2);
			break;
		case PILOT_A_ENDPOINT_SCOPE:
			if (len != 4 || ep->sa.sa_family != AF_INET6)
				return bad(err, set, attr, "not of an IPv6 address");
			memcpy(&ep->in6.sin6_scope_id, p, 4);
			break;
		}
	}
	if (ep->sa.sa_family == AF_INET)
		ep->in.sin_port = port;
	else if (ep->sa.sa_family == AF_INET6)
		ep->in6.sin6_port = port;
	return 0;
}

/*
 * One attribute into its structure, which begins with its @has. Attributes
 * that the table does not describe are passed over.
 */
static int get_field(const struct nlattr *attr, const struct field *fields,
		     const struct pilot_attr_set *set, void *base,
		     struct pilot_error *err)
{
	unsigned int type = mnl_attr_get_type(attr);
	const void *p = mnl_attr_get_payload(attr);
	size_t len = mnl_attr_get_payload_len(attr);
	uint32_t *has = base;
	const struct field *f;
	char *to;
	int ret;

	if (!type || type > set->max || fields[type].kind == K_NONE)
		return 0;
	f = &fields[type];
	to = (char *)base + f->off;

	switch (f->kind) {
	case K_NONE:
		break;
	case K_U8:
	case K_U16:
	case K_U32:
	case K_U64:
	case K_BYTES:
		if (len != f->len)
			return bad(err, set, attr, "wrong length");
		memcpy(to, p, len);
		break;
	case K_BOOL:
		if (len != 1)
			return bad(err, set, attr, "wrong length");
		*(bool *)to = *(const uint8_t *)p != 0;
		break;
	case K_FLAG:
		if (len)
			return bad(err, set, attr, "a flag has no value");
		break;
	case K_STRING:
		if (!len || len > f->len || ((const char *)p)[len - 1])
			return bad(err, set, attr, "not a string that fits");
		memcpy(to, p, len);
		pilot_sanitize(to);
		break;
	case K_ENDPOINT:
		ret = get_endpoint(attr, (void *)to, err);
		if (ret)
			return ret;
		break;
	}
	*has |= PILOT_HAS(type);
	return 0;
}

/**
 * struct decoder - how a nest becomes a structure
 * @fields: plain members
 * @set: names, for messages
 * @other: attributes that are no plain members, or NULL. Returns 1 if it took
 *	the attribute, 0 if not, or negative errno
 */
struct decoder {
	const struct field *fields;
	const struct pilot_attr_set *set;
	int (*other)(const struct nlattr *attr, void *out, struct pilot_error *err);
};

static int get_nest(const struct nlattr *outer, const struct decoder *d, void *out,
		    struct pilot_error *err)
{
	const struct nlattr *attr;
	int ret;

	mnl_attr_for_each_nested(attr, outer) {
		ret = d->other ? d->other(attr, out, err) : 0;
		if (!ret)
			ret = get_field(attr, d->fields, d->set, out, err);
		if (ret < 0)
			return ret;
	}
	return 0;
}

static int get_stats(const struct nlattr *outer, struct pilot_stats *stats,
		     struct pilot_error *err)
{
	const struct nlattr *attr;

	mnl_attr_for_each_nested(attr, outer) {
		unsigned int type = mnl_attr_get_type(attr);

		if (type == PILOT_A_STATS_PAD || type > PILOT_A_STATS_MAX)
			continue;
		if (mnl_attr_get_payload_len(attr) != 8)
			return bad(err, &pilot_attrs_stats, attr, "not 8 bytes");
		stats->v[type] = mnl_attr_get_u64(attr);
	}
	return 0;
}

/* Make room for one more; arrays double at each power of two. */
static void *grow(void *list, size_t n, size_t size)
{
	if (n & (n - 1))
		return list;
	return reallocarray(list, n ? n * 2 : 1, size);
}

static int get_key(const struct nlattr *outer, struct pilot_key_info **list,
		   size_t *n, struct pilot_error *err)
{
	static const struct decoder decoder = {
		.fields = key_fields, .set = &pilot_attrs_key,
	};
	struct pilot_key_info *key = grow(*list, *n, sizeof(**list));
	int ret;

	if (!key)
		return pilot_error_set(err, -ENOMEM, "out of memory");
	*list = key;
	key += *n;
	memset(key, 0, sizeof(*key));
	key->last_rx = PILOT_NEVER;
	ret = get_nest(outer, &decoder, key, err);
	if (!ret)
		(*n)++;
	return ret;
}

static int get_allowed_ip(const struct nlattr *outer,
			  struct pilot_allowed_ip **list, size_t *n,
			  struct pilot_error *err)
{
	const struct pilot_attr_set *set = &pilot_attrs_allowed_ip;
	struct pilot_allowed_ip *ip = grow(*list, *n, sizeof(**list));
	const struct nlattr *attr;

	if (!ip)
		return pilot_error_set(err, -ENOMEM, "out of memory");
	*list = ip;
	ip += *n;
	memset(ip, 0, sizeof(*ip));
	mnl_attr_for_each_nested(attr, outer) {
		const void *p = mnl_attr_get_payload(attr);
		size_t len = mnl_attr_get_payload_len(attr);

		switch (mnl_attr_get_type(attr)) {
		case PILOT_A_ALLOWED_IP_IPV4:
			if (len != 4 || ip->family)
				return bad(err, set, attr, "not one IPv4 address");
			ip->family = AF_INET;
			memcpy(&ip->v4, p, 4);
			break;
		case PILOT_A_ALLOWED_IP_IPV6:
			if (len != 16 || ip->family)
				return bad(err, set, attr, "not one IPv6 address");
			ip->family = AF_INET6;
			memcpy(&ip->v6, p, 16);
			break;
		case PILOT_A_ALLOWED_IP_PREFIX:
			if (len != 1)
				return bad(err, set, attr, "not 1 byte");
			ip->prefix = *(const uint8_t *)p;
			break;
		}
	}
	if (!ip->family || ip->prefix > (ip->family == AF_INET ? 32 : 128))
		return bad(err, &pilot_attrs_peer, outer, "not a prefix");
	(*n)++;
	return 0;
}

/* Top-level attributes common to all replies. */
static int get_dev(const struct nlattr *attr, struct pilot_dev *dev,
		   struct pilot_error *err)
{
	const char *p = mnl_attr_get_payload(attr);
	size_t len = mnl_attr_get_payload_len(attr);

	switch (mnl_attr_get_type(attr)) {
	case PILOT_A_IFINDEX:
		if (len != 4)
			return bad(err, &pilot_attrs_top, attr, "not 4 bytes");
		memcpy(&dev->ifindex, p, 4);
		break;
	case PILOT_A_IFNAME:
		if (!len || len > sizeof(dev->ifname) || p[len - 1])
			return bad(err, &pilot_attrs_top, attr, "not a name");
		/* Kept as it is: it goes back to the kernel in requests. */
		memcpy(dev->ifname, p, len);
		break;
	}
	return 0;
}

static bool has_header(const struct nlmsghdr *nlh, struct pilot_error *err)
{
	if (mnl_nlmsg_get_payload_len(nlh) >= sizeof(struct genlmsghdr))
		return true;
	pilot_error_set(err, -EBADMSG, "the kernel's message is cut short");
	return false;
}

static int missing(struct pilot_error *err, unsigned int type)
{
	return pilot_error_set(err, -EBADMSG,
			       "the kernel's message has no attribute \"%s\"",
			       pilot_attr_name(&pilot_attrs_top, type));
}

/* A message about a device that has one nest, @type, besides the device. */
static int get_message(const struct nlmsghdr *nlh, unsigned int type,
		       const struct decoder *d, struct pilot_dev *dev, void *out,
		       bool *found, struct pilot_error *err)
{
	const struct nlattr *attr;
	int ret;

	*found = false;
	if (!has_header(nlh, err))
		return -EBADMSG;
	mnl_attr_for_each(attr, nlh, sizeof(struct genlmsghdr)) {
		ret = get_dev(attr, dev, err);
		if (!ret && mnl_attr_get_type(attr) == type) {
			*found = true;
			ret = get_nest(attr, d, out, err);
		}
		if (ret)
			return ret;
	}
	return 0;
}

static int device_other(const struct nlattr *attr, void *out, struct pilot_error *err)
{
	static const struct decoder status = {
		.fields = status_fields, .set = &pilot_attrs_status,
	};
	struct pilot_device_info *info = out;
	unsigned int type = mnl_attr_get_type(attr);
	int ret;

	if (type == PILOT_A_DEVICE_STATS)
		ret = get_stats(attr, &info->stats, err);
	else if (type == PILOT_A_DEVICE_STATUS)
		ret = get_nest(attr, &status, &info->status, err);
	else
		return 0;
	info->has |= PILOT_HAS(type);
	return ret ? ret : 1;
}

int pilot_msg_device(const struct nlmsghdr *nlh, struct pilot_device_info *info,
		     struct pilot_error *err)
{
	static const struct decoder decoder = {
		.fields = device_fields, .set = &pilot_attrs_device,
		.other = device_other,
	};
	bool found;
	int ret;

	memset(info, 0, sizeof(*info));
	ret = get_message(nlh, PILOT_A_DEVICE, &decoder, &info->dev, info, &found, err);
	return ret || found ? ret : missing(err, PILOT_A_DEVICE);
}

static int peer_other(const struct nlattr *attr, void *out, struct pilot_error *err)
{
	struct pilot_peer_info *peer = out;
	unsigned int type = mnl_attr_get_type(attr);
	int ret;

	switch (type) {
	case PILOT_A_PEER_ALLOWED_IP:
		ret = get_allowed_ip(attr, &peer->allowed_ips, &peer->n_allowed_ips, err);
		break;
	case PILOT_A_PEER_KEY:
		ret = get_key(attr, &peer->keys, &peer->n_keys, err);
		break;
	case PILOT_A_PEER_STATS:
		ret = get_stats(attr, &peer->stats, err);
		break;
	default:
		return 0;
	}
	peer->has |= PILOT_HAS(type);
	return ret ? ret : 1;
}

int pilot_msg_peer(const struct nlmsghdr *nlh, struct pilot_peer_info *peer,
		   struct pilot_error *err)
{
	static const struct decoder decoder = {
		.fields = peer_fields, .set = &pilot_attrs_peer, .other = peer_other,
	};
	const struct nlattr *attr;
	bool found = false;
	int ret = 0;

	memset(peer, 0, sizeof(*peer));
	peer->last_rx = PILOT_NEVER;
	peer->last_tx = PILOT_NEVER;
	if (!has_header(nlh, err))
		return -EBADMSG;
	mnl_attr_for_each(attr, nlh, sizeof(struct genlmsghdr)) {
		if (mnl_attr_get_type(attr) != PILOT_A_PEER || found)
			continue;
		found = true;
		ret = get_nest(attr, &decoder, peer, err);
	}
	if (!found)
		ret = missing(err, PILOT_A_PEER);
	else if (!ret && !peer->node_id)
		ret = pilot_error_set(err, -EBADMSG,
				      "the kernel sent a peer without node ID");
	if (ret)
		pilot_peer_clear(peer);
	return ret;
}

void pilot_peer_clear(struct pilot_peer_info *peer)
{
	free(peer->allowed_ips);
	free(peer->keys);
	memset(peer, 0, sizeof(*peer));
}

int pilot_msg_keys(const struct nlmsghdr *nlh, struct pilot_key_info **list,
		   size_t *n, struct pilot_error *err)
{
	const struct nlattr *attr;
	int ret;

	if (!has_header(nlh, err))
		return -EBADMSG;
	mnl_attr_for_each(attr, nlh, sizeof(struct genlmsghdr)) {
		if (mnl_attr_get_type(attr) != PILOT_A_KEY)
			continue;
		ret = get_key(attr, list, n, err);
		if (ret)
			return ret;
	}
	return 0;
}

static int frame_other(const struct nlattr *attr, void *out, struct pilot_error *err)
{
	struct pilot_frame_info *frame = out;

	(void)err;
	if (mnl_attr_get_type(attr) != PILOT_A_FRAME_DATA)
		return 0;
	frame->data = mnl_attr_get_payload(attr);
	frame->len = mnl_attr_get_payload_len(attr);
	frame->has |= PILOT_HAS(PILOT_A_FRAME_DATA);
	return 1;
}

int pilot_msg_frame(const struct nlmsghdr *nlh, struct pilot_frame_info *frame,
		    struct pilot_error *err)
{
	static const struct decoder decoder = {
		.fields = frame_fields, .set = &pilot_attrs_frame,
		.other = frame_other,
	};
	bool found;
	int ret;

	memset(frame, 0, sizeof(*frame));
	ret = get_message(nlh, PILOT_A_FRAME, &decoder, &frame->dev, frame, &found, err);
	return ret || frame->len ? ret : missing(err, PILOT_A_FRAME);
}

int pilot_msg_event(const struct nlmsghdr *nlh, struct pilot_event_info *event,
		    struct pilot_error *err)
{
	static const struct decoder decoder = {
		.fields = event_fields, .set = &pilot_attrs_event,
	};
	bool found;
	int ret;

	memset(event, 0, sizeof(*event));
	ret = get_message(nlh, PILOT_A_EVENT, &decoder, &event->dev, event, &found, err);
	return ret || event->type ? ret : missing(err, PILOT_A_EVENT);
}
