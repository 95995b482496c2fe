// SPDX-License-Identifier: GPL-2.0
/*
 * Generic netlink family "pilot". The interface is described in
 * include/uapi/linux/pilot.h and Documentation/netlink/specs/pilot.yaml.
 *
 * Commands that only read take the device's lock as well: everything they
 * tell of a peer is of one moment.
 */
#include <linux/rhashtable.h>
#include <linux/rtnetlink.h>
#include <net/genetlink.h>

#include "aead.h"
#include "compat.h"
#include "device.h"
#include "netlink.h"
#include "peer.h"
#include "send.h"
#include "socket.h"
#include "store.h"

/* Longest frame that may be sent for the manager. */
#define FRAME_MAX	1024

static struct genl_family pilot_family;

/* Sockets registered as handlers; without any, closing sockets is cheap. */
static atomic_t n_handlers;

/* ------------------------------------------------------------------------ */
/* Policies                                                                  */

static struct netlink_range_validation max_peers_range = {
	.min = 1, .max = 1048576,
};

static struct netlink_range_validation threshold_range = {
	.min = 1, .max = 1000000,
};

static struct netlink_range_validation grace_range = {
	.min = 0, .max = 3600000,
};

static struct netlink_range_validation rekey_after_range = {
	.min = 16, .max = 268435456,	/* PILOT_REKEY_AFTER */
};

static struct netlink_range_validation cooldown_range = {
	.min = 0, .max = 600000,
};

static const struct nla_policy pilot_endpoint_policy[] = {
	[PILOT_A_ENDPOINT_IPV4] = { .type = NLA_BE32 },
	[PILOT_A_ENDPOINT_IPV6] = NLA_POLICY_EXACT_LEN(sizeof(struct in6_addr)),
	[PILOT_A_ENDPOINT_PORT] = NLA_POLICY_MIN(NLA_BE16, 1),
	[PILOT_A_ENDPOINT_SCOPE] = { .type = NLA_U32 },
};

static const struct nla_policy pilot_device_policy[] = {
	[PILOT_A_DEVICE_NODE_ID] = NLA_POLICY_MIN(NLA_U32, 1),
	[PILOT_A_DEVICE_NETWORK] = { .type = NLA_U16 },
	[PILOT_A_DEVICE_LISTEN_PORT] = { .type = NLA_U16 },
	[PILOT_A_DEVICE_FWMARK] = { .type = NLA_U32 },
	[PILOT_A_DEVICE_BEACON] = NLA_POLICY_NESTED(pilot_endpoint_policy),
	[PILOT_A_DEVICE_REPLAY_WINDOW] =
		NLA_POLICY_RANGE(NLA_U32, 64, PILOT_REPLAY_WINDOW_MAX),
	[PILOT_A_DEVICE_UNAUTH] = NLA_POLICY_MAX(NLA_U8, 1),
	[PILOT_A_DEVICE_MAX_PEERS] =
		NLA_POLICY_FULL_RANGE(NLA_U32, &max_peers_range),
	[PILOT_A_DEVICE_DECRYPT_FAIL_THRESHOLD] =
		NLA_POLICY_FULL_RANGE(NLA_U32, &threshold_range),
	[PILOT_A_DEVICE_DECRYPT_FAIL_GRACE] =
		NLA_POLICY_FULL_RANGE(NLA_U32, &grace_range),
	[PILOT_A_DEVICE_OUTSIDE_WINDOW_THRESHOLD] =
		NLA_POLICY_FULL_RANGE(NLA_U32, &threshold_range),
	[PILOT_A_DEVICE_OUTSIDE_WINDOW_GRACE] =
		NLA_POLICY_FULL_RANGE(NLA_U32, &grace_range),
	[PILOT_A_DEVICE_REPLAY_THRESHOLD] =
		NLA_POLICY_FULL_RANGE(NLA_U32, &threshold_range),
	[PILOT_A_DEVICE_REPLAY_GRACE] =
		NLA_POLICY_FULL_RANGE(NLA_U32, &grace_range),
	[PILOT_A_DEVICE_AGED_DROP] =
		NLA_POLICY_FULL_RANGE(NLA_U32, &grace_range),
	[PILOT_A_DEVICE_REKEY_AFTER] =
		NLA_POLICY_FULL_RANGE(NLA_U32, &rekey_after_range),
};

static const struct nla_policy pilot_allowed_ip_policy[] = {
	[PILOT_A_ALLOWED_IP_IPV4] = { .type = NLA_BE32 },
	[PILOT_A_ALLOWED_IP_IPV6] =
		NLA_POLICY_EXACT_LEN(sizeof(struct in6_addr)),
	[PILOT_A_ALLOWED_IP_PREFIX] = NLA_POLICY_MAX(NLA_U8, 128),
	[PILOT_A_ALLOWED_IP_FLAGS] =
		NLA_POLICY_MASK(NLA_U32, PILOT_ALLOWED_IP_F_MASK),
};

static const struct nla_policy pilot_peer_policy[] = {
	[PILOT_A_PEER_NODE_ID] = NLA_POLICY_MIN(NLA_U32, 1),
	[PILOT_A_PEER_ENDPOINT] = NLA_POLICY_NESTED(pilot_endpoint_policy),
	[PILOT_A_PEER_PATH] = NLA_POLICY_MAX(NLA_U8, PILOT_PATH_MAX),
	[PILOT_A_PEER_PATH_ACTIVE] =
		NLA_POLICY_RANGE(NLA_U8, PILOT_PATH_DIRECT, PILOT_PATH_RELAY),
	[PILOT_A_PEER_KEEPALIVE] = { .type = NLA_U16 },
	[PILOT_A_PEER_ALLOWED_IP] = NLA_POLICY_NESTED(pilot_allowed_ip_policy),
	[PILOT_A_PEER_FLAGS] = NLA_POLICY_MASK(NLA_U32, PILOT_PEER_F_MASK),
	[PILOT_A_PEER_COOLDOWN] =
		NLA_POLICY_FULL_RANGE(NLA_U32, &cooldown_range),
};

static const struct nla_policy peer_id_policy[] = {
	[PILOT_A_PEER_NODE_ID] = NLA_POLICY_MIN(NLA_U32, 1),
};

static const struct nla_policy pilot_key_policy[] = {
	[PILOT_A_KEY_NODE_ID] = NLA_POLICY_MIN(NLA_U32, 1),
	[PILOT_A_KEY_ID] = NLA_POLICY_MIN(NLA_U32, 1),
	[PILOT_A_KEY_SECRET] = NLA_POLICY_EXACT_LEN(PILOT_KEY_LEN),
	[PILOT_A_KEY_AUTHENTICATED] = { .type = NLA_FLAG },
	[PILOT_A_KEY_PEER_X25519] = NLA_POLICY_EXACT_LEN(PILOT_X25519_LEN),
	[PILOT_A_KEY_LOCAL_X25519] = NLA_POLICY_EXACT_LEN(PILOT_X25519_LEN),
};

static const struct nla_policy key_id_policy[] = {
	[PILOT_A_KEY_NODE_ID] = NLA_POLICY_MIN(NLA_U32, 1),
	[PILOT_A_KEY_ID] = NLA_POLICY_MIN(NLA_U32, 1),
};

static const struct nla_policy pilot_frame_policy[] = {
	[PILOT_A_FRAME_NODE_ID] = NLA_POLICY_MIN(NLA_U32, 1),
	[PILOT_A_FRAME_ENDPOINT] = NLA_POLICY_NESTED(pilot_endpoint_policy),
	[PILOT_A_FRAME_RELAYED] = { .type = NLA_FLAG },
	[PILOT_A_FRAME_DATA] = { .type = NLA_BINARY, .len = FRAME_MAX },
};

/* Each command takes the attributes it has a use for, and no others. */
#define WHICH_DEVICE							\
	[PILOT_A_IFINDEX] = NLA_POLICY_MIN(NLA_S32, 1),			\
	[PILOT_A_IFNAME] = { .type = NLA_NUL_STRING, .len = IFNAMSIZ - 1 }

static const struct nla_policy device_cmd_policy[] = {
	WHICH_DEVICE,
};

static const struct nla_policy device_set_cmd_policy[] = {
	WHICH_DEVICE,
	[PILOT_A_DEVICE] = NLA_POLICY_NESTED(pilot_device_policy),
};

static const struct nla_policy peer_cmd_policy[] = {
	WHICH_DEVICE,
	[PILOT_A_PEER] = NLA_POLICY_NESTED(peer_id_policy),
};

static const struct nla_policy peer_set_cmd_policy[] = {
	WHICH_DEVICE,
	[PILOT_A_PEER] = NLA_POLICY_NESTED(pilot_peer_policy),
};

static const struct nla_policy key_cmd_policy[] = {
	WHICH_DEVICE,
	[PILOT_A_KEY] = NLA_POLICY_NESTED(key_id_policy),
};

static const struct nla_policy key_set_cmd_policy[] = {
	WHICH_DEVICE,
	[PILOT_A_KEY] = NLA_POLICY_NESTED(pilot_key_policy),
};

static const struct nla_policy frame_cmd_policy[] = {
	WHICH_DEVICE,
	[PILOT_A_FRAME] = NLA_POLICY_NESTED(pilot_frame_policy),
};

/* ------------------------------------------------------------------------ */
/* What a request is about                                                   */

static struct net_device *find_netdev(struct net *net, struct nlattr **attrs,
				      struct netlink_ext_ack *extack)
{
	struct nlattr *index = attrs[PILOT_A_IFINDEX];
	struct nlattr *name = attrs[PILOT_A_IFNAME];
	struct net_device *dev;

	if (!index && !name) {
		NL_SET_ERR_MSG_MOD(extack, "no device given: ifindex or ifname");
		return ERR_PTR(-EINVAL);
	}
	dev = index ? dev_get_by_index(net, nla_get_s32(index)) :
		      dev_get_by_name(net, nla_data(name));
	if (!dev) {
		NL_SET_ERR_MSG_ATTR(extack, index ?: name, "no such device");
		return ERR_PTR(-ENODEV);
	}
	if (index && name && nla_strcmp(name, dev->name)) {
		NL_SET_ERR_MSG_ATTR(extack, name, "not the name of that device");
		dev_put(dev);
		return ERR_PTR(-EINVAL);
	}
	if (!pilot_device_is(dev)) {
		NL_SET_ERR_MSG_ATTR(extack, index ?: name,
				    "not a device of kind pilot");
		dev_put(dev);
		return ERR_PTR(-EOPNOTSUPP);
	}
	return dev;
}

static void unlock_device(struct pilot_device *pd)
{
	mutex_unlock(&pd->lock);
	dev_put(pd->dev);
}

/* Finds the device and locks it. */
static struct pilot_device *lock_device(struct net *net, struct nlattr **attrs,
					struct netlink_ext_ack *extack)
{
	struct net_device *dev = find_netdev(net, attrs, extack);
	struct pilot_device *pd;

	if (IS_ERR(dev))
		return ERR_CAST(dev);
	pd = netdev_priv(dev);
	mutex_lock(&pd->lock);
	if (pd->dying) {
		unlock_device(pd);
		NL_SET_ERR_MSG_MOD(extack, "the device is being deleted");
		return ERR_PTR(-ENODEV);
	}
	return pd;
}

/* Parses the nest @type of a request into @tb; the nest must be there. */
static int parse_nest(struct genl_info *info, int type, struct nlattr **tb,
		      int max, const struct nla_policy *policy)
{
	if (GENL_REQ_ATTR_CHECK(info, type)) {
		NL_SET_ERR_MSG_MOD(info->extack, "required attribute missing");
		return -EINVAL;
	}
	return nla_parse_nested(tb, max, info->attrs[type], policy,
				info->extack);
}

/* The peer that a nest names by @node, of a locked device. */
static struct pilot_peer *get_peer(struct pilot_device *pd,
				   struct nlattr *nest, struct nlattr *node,
				   struct netlink_ext_ack *extack)
{
	struct pilot_peer *peer;

	if (!node) {
		NL_SET_ERR_MSG_ATTR(extack, nest, "no node id given");
		return ERR_PTR(-EINVAL);
	}
	peer = pilot_peer_find(pd, nla_get_u32(node));
	if (!peer) {
		NL_SET_ERR_MSG_ATTR(extack, node, "no such peer");
		return ERR_PTR(-ENOENT);
	}
	return peer;
}

/* Returns 1 with @sa filled in, 0 for an empty nest, or an error. */
static int parse_endpoint(struct nlattr *nest, union pilot_sockaddr *sa,
			  struct netlink_ext_ack *extack)
{
	struct nlattr *tb[PILOT_A_ENDPOINT_MAX + 1];
	struct nlattr *v4, *v6, *port, *scope;
	int err;

	err = nla_parse_nested(tb, PILOT_A_ENDPOINT_MAX, nest,
			       pilot_endpoint_policy, extack);
	if (err)
		return err;
	v4 = tb[PILOT_A_ENDPOINT_IPV4];
	v6 = tb[PILOT_A_ENDPOINT_IPV6];
	port = tb[PILOT_A_ENDPOINT_PORT];
	scope = tb[PILOT_A_ENDPOINT_SCOPE];
	if (!v4 && !v6 && !port && !scope)
		return 0;
	if (!v4 == !v6) {
		NL_SET_ERR_MSG_ATTR(extack, nest,
				    "exactly one of IPv4 and IPv6 is needed");
		return -EINVAL;
	}
	if (!port) {
		NL_SET_ERR_MSG_ATTR(extack, nest, "the port is missing");
		return -EINVAL;
	}
	if (scope && v4) {
		NL_SET_ERR_MSG_ATTR(extack, scope, "IPv4 has no scope");
		return -EINVAL;
	}

	memset(sa, 0, sizeof(*sa));
	if (v4) {
		sa->addr4.sin_family = AF_INET;
		sa->addr4.sin_addr.s_addr = nla_get_be32(v4);
		sa->addr4.sin_port = nla_get_be16(port);
		if (ipv4_is_zeronet(sa->addr4.sin_addr.s_addr) ||
		    ipv4_is_multicast(sa->addr4.sin_addr.s_addr) ||
		    ipv4_is_lbcast(sa->addr4.sin_addr.s_addr)) {
			NL_SET_ERR_MSG_ATTR(extack, v4, "not a unicast address");
			return -EINVAL;
		}
		return 1;
	}
	sa->addr6.sin6_family = AF_INET6;
	sa->addr6.sin6_addr = nla_get_in6_addr(v6);
	sa->addr6.sin6_port = nla_get_be16(port);
	if (scope)
		sa->addr6.sin6_scope_id = nla_get_u32(scope);
	if (ipv6_addr_any(&sa->addr6.sin6_addr) ||
	    ipv6_addr_is_multicast(&sa->addr6.sin6_addr) ||
	    ipv6_addr_v4mapped(&sa->addr6.sin6_addr)) {
		NL_SET_ERR_MSG_ATTR(extack, v6, "not a unicast IPv6 address");
		return -EINVAL;
	}
	if (!(ipv6_addr_type(&sa->addr6.sin6_addr) & IPV6_ADDR_LINKLOCAL) ==
	    !!sa->addr6.sin6_scope_id) {
		NL_SET_ERR_MSG_ATTR(extack, v6,
				    "a scope is needed for, and only for, link-local addresses");
		return -EINVAL;
	}
	return 1;
}

/* The endpoint a nest asks for; NULL for an empty one. */
static struct pilot_endpoint *make_endpoint(struct nlattr *nest,
					    struct netlink_ext_ack *extack)
{
	union pilot_sockaddr sa;
	struct pilot_endpoint *ep;
	int err = parse_endpoint(nest, &sa, extack);

	if (err <= 0)
		return ERR_PTR(err);
	ep = pilot_endpoint_new(&sa, GFP_KERNEL);
	return ep ?: ERR_PTR(-ENOMEM);
}

/* ------------------------------------------------------------------------ */
/* Filling in replies                                                        */

static u64 age_ms(unsigned long since)
{
	return (u64)(jiffies - since) * MSEC_PER_SEC / HZ;
}

static int put_endpoint(struct sk_buff *skb, int type,
			const union pilot_sockaddr *sa)
{
	struct nlattr *nest = nla_nest_start(skb, type);
	int err;

	if (!nest)
		return -EMSGSIZE;
	if (sa->addr.sa_family == AF_INET)
		err = nla_put_in_addr(skb, PILOT_A_ENDPOINT_IPV4,
				      sa->addr4.sin_addr.s_addr) ?:
		      nla_put_be16(skb, PILOT_A_ENDPOINT_PORT,
				   sa->addr4.sin_port);
	else
		err = nla_put_in6_addr(skb, PILOT_A_ENDPOINT_IPV6,
				       &sa->addr6.sin6_addr) ?:
		      nla_put_be16(skb, PILOT_A_ENDPOINT_PORT,
				   sa->addr6.sin6_port) ?:
		      (sa->addr6.sin6_scope_id ?
		       nla_put_u32(skb, PILOT_A_ENDPOINT_SCOPE,
				   sa->addr6.sin6_scope_id) : 0);
	if (err)
		return err;
	nla_nest_end(skb, nest);
	return 0;
}

static void *begin(struct sk_buff *skb, u32 portid, u32 seq, int flags, u8 cmd,
		   struct net_device *dev)
{
	void *hdr = genlmsg_put(skb, portid, seq, &pilot_family, flags, cmd);

	if (!hdr)
		return NULL;
	if (nla_put_s32(skb, PILOT_A_IFINDEX, dev->ifindex) ||
	    nla_put_string(skb, PILOT_A_IFNAME, dev->name)) {
		genlmsg_cancel(skb, hdr);
		return NULL;
	}
	return hdr;
}

static const int gate_attrs[PILOT_GATES][2] = {
	[PILOT_GATE_DECRYPT_FAIL] = { PILOT_A_DEVICE_DECRYPT_FAIL_THRESHOLD,
				      PILOT_A_DEVICE_DECRYPT_FAIL_GRACE },
	[PILOT_GATE_OUTSIDE_WINDOW] = { PILOT_A_DEVICE_OUTSIDE_WINDOW_THRESHOLD,
					PILOT_A_DEVICE_OUTSIDE_WINDOW_GRACE },
	[PILOT_GATE_REPLAY] = { PILOT_A_DEVICE_REPLAY_THRESHOLD,
				PILOT_A_DEVICE_REPLAY_GRACE },
};

static int put_gates(struct sk_buff *skb, struct pilot_device *pd)
{
	int i, err = 0;

	for (i = 0; i < PILOT_GATES && !err; i++)
		err = nla_put_u32(skb, gate_attrs[i][0],
				  pd->gates[i].threshold) ?:
		      nla_put_u32(skb, gate_attrs[i][1],
				  jiffies_to_msecs(pd->gates[i].grace));
	return err ?: nla_put_u32(skb, PILOT_A_DEVICE_AGED_DROP,
				  jiffies_to_msecs(pd->aged_drop)) ?:
		      nla_put_u32(skb, PILOT_A_DEVICE_REKEY_AFTER,
				  pd->rekey_after);
}

static int put_device_nest(struct sk_buff *skb, struct pilot_device *pd)
{
	struct nlattr *nest = nla_nest_start(skb, PILOT_A_DEVICE), *stats;
	struct pilot_endpoint *beacon;
	u32 handler;
	int err;

	if (!nest)
		return -EMSGSIZE;
	spin_lock_bh(&pd->handler_lock);
	handler = pd->handler_portid;
	spin_unlock_bh(&pd->handler_lock);
	if ((pd->node_id &&
	     nla_put_u32(skb, PILOT_A_DEVICE_NODE_ID, pd->node_id)) ||
	    nla_put_u16(skb, PILOT_A_DEVICE_NETWORK, pd->network) ||
	    nla_put_u16(skb, PILOT_A_DEVICE_LISTEN_PORT, pd->port) ||
	    nla_put_u32(skb, PILOT_A_DEVICE_FWMARK, pd->fwmark) ||
	    nla_put_u32(skb, PILOT_A_DEVICE_REPLAY_WINDOW, pd->replay_window) ||
	    nla_put_u8(skb, PILOT_A_DEVICE_UNAUTH, pd->unauth) ||
	    nla_put_u32(skb, PILOT_A_DEVICE_MAX_PEERS, pd->max_peers) ||
	    put_gates(skb, pd) ||
	    nla_put_u32(skb, PILOT_A_DEVICE_PEERS, pd->peers.n) ||
	    nla_put_u32(skb, PILOT_A_DEVICE_KEYS, atomic_read(&pd->n_keys)) ||
	    nla_put_string(skb, PILOT_A_DEVICE_AEAD, pilot_aead_driver()) ||
	    (handler && nla_put_u32(skb, PILOT_A_DEVICE_HANDLER, handler)) ||
	    nla_put_u32(skb, PILOT_A_DEVICE_EVENT_SEQ,
			atomic_read(&pd->event_seq)))
		return -EMSGSIZE;
	beacon = rcu_dereference_protected(pd->beacon,
					   lockdep_is_held(&pd->lock));
	if (beacon && put_endpoint(skb, PILOT_A_DEVICE_BEACON, &beacon->remote))
		return -EMSGSIZE;
	stats = nla_nest_start(skb, PILOT_A_DEVICE_STATS);
	if (!stats)
		return -EMSGSIZE;
	err = pilot_stats_put_device(skb, pd);
	if (err)
		return err;
	nla_nest_end(skb, stats);
	nla_nest_end(skb, nest);
	return 0;
}

static int put_key(struct sk_buff *skb, int type, struct pilot_peer *peer,
		   struct pilot_key *key, enum pilot_slot slot)
{
	struct nlattr *nest = nla_nest_start(skb, type);
	u8 gated = READ_ONCE(key->gated);
	u32 rx_prefix = 0, epochs;
	u64 rx_counter = 0;

	if (!nest)
		return -EMSGSIZE;
	spin_lock_bh(&key->rx_lock);
	epochs = key->rx.n + key->rx.n_retired;
	if (epochs) {
		rx_prefix = key->rx.e[key->rx.newest].prefix;
		rx_counter = key->rx.e[key->rx.newest].max;
	}
	spin_unlock_bh(&key->rx_lock);

	if (nla_put_u32(skb, PILOT_A_KEY_NODE_ID, peer->node_id) ||
	    nla_put_u32(skb, PILOT_A_KEY_ID, key->id) ||
	    nla_put_u8(skb, PILOT_A_KEY_SLOT, slot) ||
	    (key->authenticated &&
	     nla_put_flag(skb, PILOT_A_KEY_AUTHENTICATED)) ||
	    (READ_ONCE(key->proven) && nla_put_flag(skb, PILOT_A_KEY_PROVEN)) ||
	    (memchr_inv(key->peer_x25519, 0, sizeof(key->peer_x25519)) &&
	     nla_put(skb, PILOT_A_KEY_PEER_X25519, sizeof(key->peer_x25519),
		     key->peer_x25519)) ||
	    (memchr_inv(key->local_x25519, 0, sizeof(key->local_x25519)) &&
	     nla_put(skb, PILOT_A_KEY_LOCAL_X25519, sizeof(key->local_x25519),
		     key->local_x25519)) ||
	    nla_put_u64_64bit(skb, PILOT_A_KEY_AGE, age_ms(key->installed),
			      PILOT_A_KEY_PAD) ||
	    (READ_ONCE(key->proven) &&
	     nla_put_u64_64bit(skb, PILOT_A_KEY_LAST_RX,
			       age_ms(READ_ONCE(key->last_rx)),
			       PILOT_A_KEY_PAD)) ||
	    nla_put_u32(skb, PILOT_A_KEY_TX_PREFIX,
			be32_to_cpu((__force __be32)READ_ONCE(key->tx_prefix))) ||
	    nla_put_u64_64bit(skb, PILOT_A_KEY_TX_COUNTER,
			      atomic64_read(&key->tx_counter),
			      PILOT_A_KEY_PAD) ||
	    (epochs &&
	     (nla_put_u32(skb, PILOT_A_KEY_RX_PREFIX,
			  be32_to_cpu((__force __be32)rx_prefix)) ||
	      nla_put_u64_64bit(skb, PILOT_A_KEY_RX_COUNTER, rx_counter,
				PILOT_A_KEY_PAD))) ||
	    nla_put_u32(skb, PILOT_A_KEY_RX_EPOCHS, epochs) ||
	    nla_put_u32(skb, PILOT_A_KEY_DECRYPT_FAILS,
			atomic_read(&key->fails[PILOT_GATE_DECRYPT_FAIL])) ||
	    nla_put_u32(skb, PILOT_A_KEY_OUTSIDE_WINDOW,
			atomic_read(&key->fails[PILOT_GATE_OUTSIDE_WINDOW])) ||
	    nla_put_u32(skb, PILOT_A_KEY_REPLAYS,
			atomic_read(&key->fails[PILOT_GATE_REPLAY])) ||
	    (gated && nla_put_u8(skb, PILOT_A_KEY_GATED, gated)))
		return -EMSGSIZE;
	nla_nest_end(skb, nest);
	return 0;
}

static int put_keys(struct sk_buff *skb, int type, struct pilot_peer *peer)
{
	int slot, err = 0;

	rcu_read_lock();
	for (slot = 0; slot < PILOT_SLOTS && !err; slot++) {
		struct pilot_key *key = rcu_dereference(peer->keys[slot]);

		if (key)
			err = put_key(skb, type, peer, key, slot);
	}
	rcu_read_unlock();
	return err;
}

static int put_allowed_ip(struct sk_buff *skb, const struct pilot_prefix *p)
{
	struct nlattr *nest = nla_nest_start(skb, PILOT_A_PEER_ALLOWED_IP);
	int err;

	if (!nest)
		return -EMSGSIZE;
	err = p->family == AF_INET ?
	      nla_put_in_addr(skb, PILOT_A_ALLOWED_IP_IPV4, p->addr[0]) :
	      nla_put_in6_addr(skb, PILOT_A_ALLOWED_IP_IPV6,
			       (const struct in6_addr *)p->addr);
	if (err || nla_put_u8(skb, PILOT_A_ALLOWED_IP_PREFIX, p->len)) {
		nla_nest_cancel(skb, nest);
		return -EMSGSIZE;
	}
	nla_nest_end(skb, nest);
	return 0;
}

/* All of a peer but its allowed-ips. */
static int put_peer_fields(struct sk_buff *skb, struct pilot_peer *peer)
{
	struct pilot_endpoint *ep;
	struct nlattr *stats;
	int err = 0;

	rcu_read_lock();
	ep = rcu_dereference(peer->endpoint);
	if (ep)
		err = put_endpoint(skb, PILOT_A_PEER_ENDPOINT, &ep->remote);
	rcu_read_unlock();
	if (err ||
	    nla_put_u8(skb, PILOT_A_PEER_PATH, peer->path) ||
	    nla_put_u8(skb, PILOT_A_PEER_PATH_ACTIVE, peer->path_active) ||
	    nla_put_u16(skb, PILOT_A_PEER_KEEPALIVE, peer->keepalive) ||
	    nla_put_u32(skb, PILOT_A_PEER_COOLDOWN,
			pilot_peer_in_cooldown(peer)) ||
	    (READ_ONCE(peer->need_key) &&
	     nla_put_u8(skb, PILOT_A_PEER_NEED_KEY, peer->need_key)) ||
	    nla_put_u32(skb, PILOT_A_PEER_QUEUED,
			skb_queue_len_lockless(&peer->queue)) ||
	    (READ_ONCE(peer->rx_seen) &&
	     nla_put_u64_64bit(skb, PILOT_A_PEER_LAST_RX,
			       age_ms(READ_ONCE(peer->last_rx)),
			       PILOT_A_PEER_PAD)) ||
	    (READ_ONCE(peer->tx_seen) &&
	     nla_put_u64_64bit(skb, PILOT_A_PEER_LAST_TX,
			       age_ms(READ_ONCE(peer->last_tx)),
			       PILOT_A_PEER_PAD)) ||
	    put_keys(skb, PILOT_A_PEER_KEY, peer))
		return -EMSGSIZE;
	stats = nla_nest_start(skb, PILOT_A_PEER_STATS);
	if (!stats || pilot_stats_put_peer(skb, peer))
		return -EMSGSIZE;
	nla_nest_end(skb, stats);
	return 0;
}

/*
 * A peer from its @from-th allowed-ip on. Returns 0 when it is complete, or
 * how many allowed-ips went in if there are more: the next message goes on
 * from there, with nothing but the node ID before them.
 */
static int put_peer(struct sk_buff *skb, struct pilot_peer *peer, int from)
{
	struct pilot_allowedip *a;
	struct nlattr *nest;
	int n = 0;

	nest = nla_nest_start(skb, PILOT_A_PEER);
	if (!nest || nla_put_u32(skb, PILOT_A_PEER_NODE_ID, peer->node_id))
		return -EMSGSIZE;
	if (!from && put_peer_fields(skb, peer))
		return -EMSGSIZE;
	list_for_each_entry(a, &peer->allowed_ips, list) {
		if (n++ < from)
			continue;
		if (put_allowed_ip(skb, &a->prefix)) {
			/* none fits into an empty buffer: cannot go on */
			if (n - 1 == from && from)
				return -EMSGSIZE;
			nla_nest_end(skb, nest);
			return n - 1;
		}
	}
	nla_nest_end(skb, nest);
	return 0;
}

/* ------------------------------------------------------------------------ */
/* Device commands                                                           */

static int device_get_doit(struct sk_buff *skb, struct genl_info *info)
{
	struct pilot_device *pd = lock_device(genl_info_net(info), info->attrs,
					      info->extack);
	struct sk_buff *msg;
	void *hdr;
	int err = -ENOMEM;

	if (IS_ERR(pd))
		return PTR_ERR(pd);
	msg = nlmsg_new(NLMSG_DEFAULT_SIZE, GFP_KERNEL);
	if (!msg)
		goto out;
	err = -EMSGSIZE;
	hdr = begin(msg, info->snd_portid, info->snd_seq, 0,
		    PILOT_CMD_DEVICE_GET, pd->dev);
	if (!hdr || put_device_nest(msg, pd)) {
		nlmsg_free(msg);
		goto out;
	}
	genlmsg_end(msg, hdr);
	err = genlmsg_reply(msg, info);
out:
	unlock_device(pd);
	return err;
}

static int device_get_dumpit(struct sk_buff *skb, struct netlink_callback *cb)
{
	struct net *net = sock_net(skb->sk);
	struct net_device *dev;
	int i = 0, err = 0;

	rtnl_lock();
	cb->seq = net->dev_base_seq;
	for_each_netdev(net, dev) {
		struct pilot_device *pd;
		void *hdr;

		if (i++ < cb->args[0] || !pilot_device_is(dev))
			continue;
		pd = netdev_priv(dev);
		hdr = begin(skb, NETLINK_CB(cb->skb).portid,
			    cb->nlh->nlmsg_seq, NLM_F_MULTI,
			    PILOT_CMD_DEVICE_GET, dev);
		if (!hdr) {
			err = -EMSGSIZE;
			break;
		}
		genl_dump_check_consistent(cb, hdr);
		mutex_lock(&pd->lock);
		err = put_device_nest(skb, pd);
		mutex_unlock(&pd->lock);
		if (err) {
			genlmsg_cancel(skb, hdr);
			break;
		}
		genlmsg_end(skb, hdr);
		cb->args[0] = i;
	}
	rtnl_unlock();
	return skb->len ?: err;
}

static int set_node_id(struct pilot_device *pd, struct nlattr *attr,
		       struct netlink_ext_ack *extack)
{
	u32 id = nla_get_u32(attr);

	if (id == pd->node_id)
		return 0;
	if (atomic_read(&pd->n_keys)) {
		NL_SET_ERR_MSG_ATTR(extack, attr,
				    "the node id is part of every sealed frame: delete the keys first");
		return -EBUSY;
	}
	if (pilot_peer_find(pd, id)) {
		NL_SET_ERR_MSG_ATTR(extack, attr, "a peer has this node id");
		return -EEXIST;
	}
	return 0;
}

static void set_gates(struct pilot_device *pd, struct nlattr **tb)
{
	struct nlattr *threshold, *grace;
	int i;

	for (i = 0; i < PILOT_GATES; i++) {
		threshold = tb[gate_attrs[i][0]];
		grace = tb[gate_attrs[i][1]];
		if (threshold)
			WRITE_ONCE(pd->gates[i].threshold,
				   nla_get_u32(threshold));
		if (grace)
			WRITE_ONCE(pd->gates[i].grace,
				   msecs_to_jiffies(nla_get_u32(grace)));
	}
	if (tb[PILOT_A_DEVICE_AGED_DROP])
		WRITE_ONCE(pd->aged_drop,
			   msecs_to_jiffies(nla_get_u32(tb[PILOT_A_DEVICE_AGED_DROP])));
	if (tb[PILOT_A_DEVICE_REKEY_AFTER])
		WRITE_ONCE(pd->rekey_after,
			   nla_get_u32(tb[PILOT_A_DEVICE_REKEY_AFTER]));
}

static int device_set(struct pilot_device *pd, struct nlattr **tb,
		      struct netlink_ext_ack *extack)
{
	struct nlattr *attr;
	struct pilot_endpoint *beacon = NULL;
	u16 port;
	int err;

	/* first everything that can fail */
	attr = tb[PILOT_A_DEVICE_NODE_ID];
	if (attr) {
		err = set_node_id(pd, attr, extack);
		if (err)
			return err;
	}
	attr = tb[PILOT_A_DEVICE_REPLAY_WINDOW];
	if (attr && !is_power_of_2(nla_get_u32(attr))) {
		NL_SET_ERR_MSG_ATTR(extack, attr, "not a power of two");
		return -EINVAL;
	}
	attr = tb[PILOT_A_DEVICE_MAX_PEERS];
	if (attr && nla_get_u32(attr) < pd->peers.n) {
		NL_SET_ERR_MSG_ATTR(extack, attr, "there are more peers already");
		return -EBUSY;
	}
	attr = tb[PILOT_A_DEVICE_BEACON];
	if (attr) {
		beacon = make_endpoint(attr, extack);
		if (IS_ERR(beacon))
			return PTR_ERR(beacon);
	}
	attr = tb[PILOT_A_DEVICE_LISTEN_PORT];
	if (attr) {
		port = nla_get_u16(attr);
		if (!netif_running(pd->dev)) {
			pd->port = port;
		} else if (!port || port != pd->port) {
			err = pilot_socket_open(pd, port);
			if (err) {
				NL_SET_ERR_MSG_ATTR(extack, attr,
						    "the port cannot be opened");
				pilot_endpoint_free(beacon);
				return err;
			}
		}
	}

	if (tb[PILOT_A_DEVICE_BEACON])
		pilot_endpoint_free(rcu_replace_pointer(pd->beacon, beacon,
							lockdep_is_held(&pd->lock)));
	if (tb[PILOT_A_DEVICE_NODE_ID])
		WRITE_ONCE(pd->node_id, nla_get_u32(tb[PILOT_A_DEVICE_NODE_ID]));
	if (tb[PILOT_A_DEVICE_NETWORK])
		WRITE_ONCE(pd->network, nla_get_u16(tb[PILOT_A_DEVICE_NETWORK]));
	if (tb[PILOT_A_DEVICE_FWMARK]) {
		WRITE_ONCE(pd->fwmark, nla_get_u32(tb[PILOT_A_DEVICE_FWMARK]));
		pilot_socket_forget_routes(pd);
	}
	if (tb[PILOT_A_DEVICE_REPLAY_WINDOW])
		WRITE_ONCE(pd->replay_window,
			   nla_get_u32(tb[PILOT_A_DEVICE_REPLAY_WINDOW]));
	if (tb[PILOT_A_DEVICE_UNAUTH])
		pd->unauth = nla_get_u8(tb[PILOT_A_DEVICE_UNAUTH]);
	if (tb[PILOT_A_DEVICE_MAX_PEERS])
		pd->max_peers = nla_get_u32(tb[PILOT_A_DEVICE_MAX_PEERS]);
	set_gates(pd, tb);
	pilot_event_device(pd, PILOT_EVENT_DEVICE_CHANGED);
	return 0;
}

static int device_set_doit(struct sk_buff *skb, struct genl_info *info)
{
	struct nlattr *tb[PILOT_A_DEVICE_MAX + 1];
	struct pilot_device *pd;
	int err;

	err = parse_nest(info, PILOT_A_DEVICE, tb, PILOT_A_DEVICE_MAX,
			 pilot_device_policy);
	if (err)
		return err;
	rtnl_lock();	/* the device must not come up or go down meanwhile */
	pd = lock_device(genl_info_net(info), info->attrs, info->extack);
	if (IS_ERR(pd)) {
		err = PTR_ERR(pd);
	} else {
		err = device_set(pd, tb, info->extack);
		unlock_device(pd);
	}
	rtnl_unlock();
	return err;
}

/* ------------------------------------------------------------------------ */
/* Peer commands                                                             */

static int peer_get_doit(struct sk_buff *skb, struct genl_info *info)
{
	struct nlattr *tb[PILOT_A_PEER_MAX + 1], *nest;
	struct pilot_allowedip *a;
	size_t size = NLMSG_DEFAULT_SIZE;
	struct pilot_device *pd;
	struct pilot_peer *peer;
	struct sk_buff *msg;
	void *hdr;
	int err;

	err = parse_nest(info, PILOT_A_PEER, tb, PILOT_A_PEER_MAX,
			 peer_id_policy);
	if (err)
		return err;
	nest = info->attrs[PILOT_A_PEER];
	pd = lock_device(genl_info_net(info), info->attrs, info->extack);
	if (IS_ERR(pd))
		return PTR_ERR(pd);
	peer = get_peer(pd, nest, tb[PILOT_A_PEER_NODE_ID], info->extack);
	if (IS_ERR(peer)) {
		err = PTR_ERR(peer);
		goto out;
	}
	/* a nest, an address and a length each */
	list_for_each_entry(a, &peer->allowed_ips, list)
		size += 3 * NLA_HDRLEN + sizeof(struct in6_addr) + NLA_ALIGN(1);
	err = -ENOMEM;
	/* no nest can be longer than its 16-bit length tells */
	msg = nlmsg_new(min_t(size_t, size, U16_MAX - NLMSG_HDRLEN), GFP_KERNEL);
	if (!msg)
		goto out;
	err = -EMSGSIZE;
	hdr = begin(msg, info->snd_portid, info->snd_seq, 0,
		    PILOT_CMD_PEER_GET, pd->dev);
	if (!hdr || put_peer(msg, peer, 0)) {
		NL_SET_ERR_MSG_MOD(info->extack,
				   "too many allowed-ips for one message: dump the peers");
		nlmsg_free(msg);
		goto out;
	}
	genlmsg_end(msg, hdr);
	err = genlmsg_reply(msg, info);
out:
	unlock_device(pd);
	return err;
}

/*
 * The cursor is the stable number of the next peer and its next allowed-ip:
 * no reference is held between messages.
 */
static int peer_get_dumpit(struct sk_buff *skb, struct netlink_callback *cb)
{
	struct pilot_device *pd = lock_device(sock_net(skb->sk),
					      pilot_dump_attrs(cb), cb->extack);
	struct pilot_peer *peer;
	unsigned long id;
	int done = 0;

	if (IS_ERR(pd))
		return PTR_ERR(pd);
	cb->seq = pd->generation;
	xa_for_each_start(&pd->peers.ids, id, peer, cb->args[0]) {
		int from = id == cb->args[0] ? cb->args[1] : 0;
		void *hdr;

		hdr = begin(skb, NETLINK_CB(cb->skb).portid,
			    cb->nlh->nlmsg_seq, NLM_F_MULTI,
			    PILOT_CMD_PEER_GET, pd->dev);
		if (!hdr) {
			done = -EMSGSIZE;
			break;
		}
		genl_dump_check_consistent(cb, hdr);
		done = put_peer(skb, peer, from);
		if (done < 0) {
			genlmsg_cancel(skb, hdr);
			break;
		}
		genlmsg_end(skb, hdr);
		cb->args[0] = done ? id : id + 1;
		cb->args[1] = done;
		if (done)
			break;
	}
	unlock_device(pd);
	return skb->len ?: done;
}

static int parse_allowed_ip(struct nlattr *nest, struct pilot_prefix *p,
			    bool *remove, struct netlink_ext_ack *extack)
{
	struct nlattr *tb[PILOT_A_ALLOWED_IP_MAX + 1], *v4, *v6, *len;
	int err;

	err = nla_parse_nested(tb, PILOT_A_ALLOWED_IP_MAX, nest,
			       pilot_allowed_ip_policy, extack);
	if (err)
		return err;
	v4 = tb[PILOT_A_ALLOWED_IP_IPV4];
	v6 = tb[PILOT_A_ALLOWED_IP_IPV6];
	len = tb[PILOT_A_ALLOWED_IP_PREFIX];
	if (!v4 == !v6 || !len) {
		NL_SET_ERR_MSG_ATTR(extack, nest,
				    "one address and the prefix length are needed");
		return -EINVAL;
	}
	memset(p, 0, sizeof(*p));
	p->len = nla_get_u8(len);
	if (v4) {
		p->family = AF_INET;
		p->addr[0] = nla_get_be32(v4);
	} else {
		p->family = AF_INET6;
		memcpy(p->addr, nla_data(v6), sizeof(p->addr));
	}
	if (v4 && p->len > 32) {
		NL_SET_ERR_MSG_ATTR(extack, len,
				    "longer than an IPv4 address");
		return -EINVAL;
	}
	if (!pilot_prefix_is_masked(p)) {
		NL_SET_ERR_MSG_ATTR(extack, v4 ?: v6,
				    "bits are set past the prefix length");
		return -EINVAL;
	}
	*remove = tb[PILOT_A_ALLOWED_IP_FLAGS] &&
		  nla_get_u32(tb[PILOT_A_ALLOWED_IP_FLAGS]) &
		  PILOT_ALLOWED_IP_F_REMOVE;
	return 0;
}

/* Checks, and with @peer applies, the allowed-ips of a request. */
static int walk_allowed_ips(struct pilot_device *pd, struct pilot_peer *peer,
			    struct nlattr *nest, bool replace,
			    struct netlink_ext_ack *extack)
{
	struct pilot_prefix prefix;
	struct nlattr *attr;
	LIST_HEAD(old);
	bool remove;
	int rem, err = 0;

	if (peer && replace)
		list_splice_init(&peer->allowed_ips, &old);
	nla_for_each_nested(attr, nest, rem) {
		if (nla_type(attr) != PILOT_A_PEER_ALLOWED_IP)
			continue;
		err = parse_allowed_ip(attr, &prefix, &remove, extack);
		if (err)
			break;
		if (remove && replace) {
			NL_SET_ERR_MSG_ATTR(extack, attr,
					    "cannot remove while replacing all");
			err = -EINVAL;
			break;
		}
		if (!peer)
			continue;
		if (remove)	/* gone already is as good */
			pilot_allowedips_remove(&pd->allowedips, peer, &prefix);
		else
			err = pilot_allowedips_add(&pd->allowedips, peer,
						   &prefix);
		if (err)
			break;
	}
	/* entries that were given again have moved off the old list */
	if (err)
		list_splice_tail(&old, peer ? &peer->allowed_ips : &old);
	else
		pilot_allowedips_remove_list(&pd->allowedips, &old);
	return err;
}

static int peer_check(struct pilot_device *pd, struct pilot_peer *peer,
		      struct nlattr *nest, struct nlattr **tb, bool replace,
		      struct netlink_ext_ack *extack)
{
	struct nlattr *active = tb[PILOT_A_PEER_PATH_ACTIVE];
	u8 path = tb[PILOT_A_PEER_PATH] ? nla_get_u8(tb[PILOT_A_PEER_PATH]) :
		  peer ? peer->path : PILOT_PATH_AUTO;

	if (active && path != PILOT_PATH_AUTO && nla_get_u8(active) != path) {
		NL_SET_ERR_MSG_ATTR(extack, active,
				    "the path is fixed by the configuration");
		return -EBUSY;
	}
	return walk_allowed_ips(pd, NULL, nest, replace, extack);
}

static void set_path(struct pilot_peer *peer, struct nlattr **tb)
{
	u8 active = peer->path_active;

	if (tb[PILOT_A_PEER_PATH]) {
		peer->path = nla_get_u8(tb[PILOT_A_PEER_PATH]);
		if (peer->path != PILOT_PATH_AUTO)
			active = peer->path;
	}
	if (tb[PILOT_A_PEER_PATH_ACTIVE])
		active = nla_get_u8(tb[PILOT_A_PEER_PATH_ACTIVE]);
	if (active != peer->path_active) {
		WRITE_ONCE(peer->path_active, active);
		pilot_event_path(peer, active);
	}
}

static int peer_set(struct pilot_device *pd, struct pilot_peer *peer,
		    struct nlattr *nest, struct nlattr **tb, bool replace,
		    struct netlink_ext_ack *extack)
{
	struct pilot_endpoint *ep = NULL;
	int err;

	if (tb[PILOT_A_PEER_ENDPOINT]) {
		ep = make_endpoint(tb[PILOT_A_PEER_ENDPOINT], extack);
		if (IS_ERR(ep))
			return PTR_ERR(ep);
	}
	err = walk_allowed_ips(pd, peer, nest, replace, extack);
	if (err) {
		pilot_endpoint_free(ep);
		return err;
	}
	if (tb[PILOT_A_PEER_ENDPOINT])
		pilot_endpoint_replace(peer, ep);
	set_path(peer, tb);
	if (tb[PILOT_A_PEER_KEEPALIVE]) {
		WRITE_ONCE(peer->keepalive,
			   nla_get_u16(tb[PILOT_A_PEER_KEEPALIVE]));
		pilot_peer_arm(peer);
	}
	if (tb[PILOT_A_PEER_COOLDOWN])
		pilot_peer_cooldown(peer,
				    nla_get_u32(tb[PILOT_A_PEER_COOLDOWN]));
	return 0;
}

static int peer_new_or_set(struct genl_info *info, bool new)
{
	struct netlink_ext_ack *extack = info->extack;
	struct nlattr *tb[PILOT_A_PEER_MAX + 1], *nest, *node;
	struct pilot_peer *peer = NULL;
	struct pilot_device *pd;
	bool replace;
	int err;

	err = parse_nest(info, PILOT_A_PEER, tb, PILOT_A_PEER_MAX,
			 pilot_peer_policy);
	if (err)
		return err;
	nest = info->attrs[PILOT_A_PEER];
	node = tb[PILOT_A_PEER_NODE_ID];
	replace = tb[PILOT_A_PEER_FLAGS] &&
		  nla_get_u32(tb[PILOT_A_PEER_FLAGS]) &
		  PILOT_PEER_F_REPLACE_ALLOWED_IPS;
	pd = lock_device(genl_info_net(info), info->attrs, extack);
	if (IS_ERR(pd))
		return PTR_ERR(pd);

	if (!new) {
		peer = get_peer(pd, nest, node, extack);
		err = PTR_ERR_OR_ZERO(peer);
	} else if (!node) {
		NL_SET_ERR_MSG_ATTR(extack, nest, "no node id given");
		err = -EINVAL;
	} else if (nla_get_u32(node) == pd->node_id) {
		NL_SET_ERR_MSG_ATTR(extack, node, "the device's own node id");
		err = -EINVAL;
	}
	if (!err)
		err = peer_check(pd, peer, nest, tb, replace, extack);
	if (err)
		goto out;
	if (new) {
		peer = pilot_peer_add(pd, nla_get_u32(node), extack);
		err = PTR_ERR_OR_ZERO(peer);
		if (err)
			goto out;
	}
	err = peer_set(pd, peer, nest, tb, replace, extack);
	if (err && new)
		pilot_peer_remove(peer);
out:
	unlock_device(pd);
	return err;
}

static int peer_new_doit(struct sk_buff *skb, struct genl_info *info)
{
	return peer_new_or_set(info, true);
}

static int peer_set_doit(struct sk_buff *skb, struct genl_info *info)
{
	return peer_new_or_set(info, false);
}

static int peer_del_doit(struct sk_buff *skb, struct genl_info *info)
{
	struct nlattr *tb[PILOT_A_PEER_MAX + 1];
	struct pilot_device *pd;
	struct pilot_peer *peer;
	int err;

	err = parse_nest(info, PILOT_A_PEER, tb, PILOT_A_PEER_MAX,
			 peer_id_policy);
	if (err)
		return err;
	pd = lock_device(genl_info_net(info), info->attrs, info->extack);
	if (IS_ERR(pd))
		return PTR_ERR(pd);
	peer = get_peer(pd, info->attrs[PILOT_A_PEER],
			tb[PILOT_A_PEER_NODE_ID], info->extack);
	err = PTR_ERR_OR_ZERO(peer);
	if (!err)
		pilot_peer_remove(peer);
	unlock_device(pd);
	return err;
}

static int rekey_doit(struct sk_buff *skb, struct genl_info *info)
{
	struct nlattr *tb[PILOT_A_PEER_MAX + 1];
	struct pilot_device *pd;
	struct pilot_peer *peer;
	int err;

	err = parse_nest(info, PILOT_A_PEER, tb, PILOT_A_PEER_MAX,
			 peer_id_policy);
	if (err)
		return err;
	pd = lock_device(genl_info_net(info), info->attrs, info->extack);
	if (IS_ERR(pd))
		return PTR_ERR(pd);
	peer = get_peer(pd, info->attrs[PILOT_A_PEER],
			tb[PILOT_A_PEER_NODE_ID], info->extack);
	err = PTR_ERR_OR_ZERO(peer);
	if (!err && !READ_ONCE(pd->handler_portid)) {
		NL_SET_ERR_MSG_MOD(info->extack,
				   "no daemon serves the device: is pilotd running?");
		err = -ENOTCONN;
	}
	if (!err)
		pilot_peer_need_key(peer, PILOT_REASON_USER);
	unlock_device(pd);
	return err;
}

/* ------------------------------------------------------------------------ */
/* Key commands                                                              */

static int key_get_doit(struct sk_buff *skb, struct genl_info *info)
{
	struct nlattr *tb[PILOT_A_KEY_MAX + 1];
	struct pilot_device *pd;
	struct pilot_peer *peer;
	struct sk_buff *msg;
	void *hdr;
	int err;

	err = parse_nest(info, PILOT_A_KEY, tb, PILOT_A_KEY_MAX, key_id_policy);
	if (err)
		return err;
	pd = lock_device(genl_info_net(info), info->attrs, info->extack);
	if (IS_ERR(pd))
		return PTR_ERR(pd);
	peer = get_peer(pd, info->attrs[PILOT_A_KEY], tb[PILOT_A_KEY_NODE_ID],
			info->extack);
	err = PTR_ERR_OR_ZERO(peer);
	if (err)
		goto out;
	err = -ENOMEM;
	msg = nlmsg_new(NLMSG_DEFAULT_SIZE, GFP_KERNEL);
	if (!msg)
		goto out;
	err = -EMSGSIZE;
	hdr = begin(msg, info->snd_portid, info->snd_seq, 0, PILOT_CMD_KEY_GET,
		    pd->dev);
	if (!hdr || put_keys(msg, PILOT_A_KEY, peer)) {
		nlmsg_free(msg);
		goto out;
	}
	genlmsg_end(msg, hdr);
	err = genlmsg_reply(msg, info);
out:
	unlock_device(pd);
	return err;
}

static int key_get_dumpit(struct sk_buff *skb, struct netlink_callback *cb)
{
	struct pilot_device *pd = lock_device(sock_net(skb->sk),
					      pilot_dump_attrs(cb), cb->extack);
	struct pilot_peer *peer;
	unsigned long id;
	int err = 0;

	if (IS_ERR(pd))
		return PTR_ERR(pd);
	cb->seq = pd->generation;
	xa_for_each_start(&pd->peers.ids, id, peer, cb->args[0]) {
		void *hdr, *empty;

		hdr = begin(skb, NETLINK_CB(cb->skb).portid,
			    cb->nlh->nlmsg_seq, NLM_F_MULTI, PILOT_CMD_KEY_GET,
			    pd->dev);
		if (!hdr) {
			err = -EMSGSIZE;
			break;
		}
		genl_dump_check_consistent(cb, hdr);
		empty = skb_tail_pointer(skb);
		err = put_keys(skb, PILOT_A_KEY, peer);
		if (err || skb_tail_pointer(skb) == empty)
			genlmsg_cancel(skb, hdr);
		else
			genlmsg_end(skb, hdr);
		if (err)
			break;
		cb->args[0] = id + 1;
	}
	unlock_device(pd);
	return skb->len ?: err;
}

/* Whether the peer has a key whose owner proved its identity. */
static bool has_authenticated(struct pilot_peer *peer)
{
	bool has = false;
	int slot;

	rcu_read_lock();
	for (slot = 0; slot < PILOT_SLOTS; slot++) {
		struct pilot_key *key = rcu_dereference(peer->keys[slot]);

		has |= key && key->authenticated;
	}
	rcu_read_unlock();
	return has;
}

static int key_check(struct pilot_device *pd, struct pilot_peer *peer,
		     struct nlattr *nest, struct nlattr **tb,
		     struct netlink_ext_ack *extack)
{
	struct nlattr *secret = tb[PILOT_A_KEY_SECRET];
	bool negotiated = tb[PILOT_A_KEY_PEER_X25519];

	if (!secret) {
		NL_SET_ERR_MSG_ATTR(extack, nest, "no key given");
		return -EINVAL;
	}
	if (!memchr_inv(nla_data(secret), 0, PILOT_KEY_LEN)) {
		NL_SET_ERR_MSG_ATTR(extack, secret, "the key is all zero");
		return -EINVAL;
	}
	if (!pd->node_id) {
		NL_SET_ERR_MSG_MOD(extack,
				   "the device has no node id yet, which is part of every frame");
		return -EINVAL;
	}
	if (!negotiated || tb[PILOT_A_KEY_AUTHENTICATED])
		return 0;
	if (!pd->unauth) {
		NL_SET_ERR_MSG_MOD(extack,
				   "unauthenticated peers are off on this device");
		return -EPERM;
	}
	if (has_authenticated(peer)) {
		NL_SET_ERR_MSG_MOD(extack,
				   "the peer's session is authenticated");
		return -EPERM;
	}
	return 0;
}

static const u8 *optional_data(const struct nlattr *attr)
{
	return attr ? nla_data(attr) : NULL;
}

static int key_set(struct genl_info *info, struct nlattr **tb)
{
	struct nlattr *nest = info->attrs[PILOT_A_KEY];
	struct pilot_key_params params;
	struct pilot_device *pd;
	struct pilot_peer *peer;
	enum pilot_slot slot;
	struct sk_buff *msg;
	void *hdr;
	u32 id;
	int err;

	/* the answer is allocated before anything changes */
	msg = nlmsg_new(NLMSG_DEFAULT_SIZE, GFP_KERNEL);
	if (!msg)
		return -ENOMEM;
	pd = lock_device(genl_info_net(info), info->attrs, info->extack);
	if (IS_ERR(pd)) {
		nlmsg_free(msg);
		return PTR_ERR(pd);
	}
	peer = get_peer(pd, nest, tb[PILOT_A_KEY_NODE_ID], info->extack);
	err = PTR_ERR_OR_ZERO(peer);
	if (!err)
		err = key_check(pd, peer, nest, tb, info->extack);
	if (err)
		goto out;
	params = (struct pilot_key_params) {
		.secret = nla_data(tb[PILOT_A_KEY_SECRET]),
		.id = tb[PILOT_A_KEY_ID] ? nla_get_u32(tb[PILOT_A_KEY_ID]) : 0,
		.authenticated = tb[PILOT_A_KEY_AUTHENTICATED],
		.peer_x25519 = optional_data(tb[PILOT_A_KEY_PEER_X25519]),
		.local_x25519 = optional_data(tb[PILOT_A_KEY_LOCAL_X25519]),
	};
	err = pilot_key_install(peer, &params, &id, &slot, info->extack);
	if (err)
		goto out;
	hdr = begin(msg, info->snd_portid, info->snd_seq, 0, PILOT_CMD_KEY_SET,
		    pd->dev);
	nest = hdr ? nla_nest_start(msg, PILOT_A_KEY) : NULL;
	if (!nest || nla_put_u32(msg, PILOT_A_KEY_NODE_ID, peer->node_id) ||
	    nla_put_u32(msg, PILOT_A_KEY_ID, id) ||
	    nla_put_u8(msg, PILOT_A_KEY_SLOT, slot)) {
		err = -EMSGSIZE;
		goto out;
	}
	nla_nest_end(msg, nest);
	genlmsg_end(msg, hdr);
	err = genlmsg_reply(msg, info);
	msg = NULL;
out:
	unlock_device(pd);
	nlmsg_free(msg);
	return err;
}

static int key_set_doit(struct sk_buff *skb, struct genl_info *info)
{
	struct nlattr *tb[PILOT_A_KEY_MAX + 1];
	int err;

	err = parse_nest(info, PILOT_A_KEY, tb, PILOT_A_KEY_MAX,
			 pilot_key_policy);
	if (err)
		return err;
	err = key_set(info, tb);
	/* no copy stays behind in the request */
	if (tb[PILOT_A_KEY_SECRET])
		memzero_explicit(nla_data(tb[PILOT_A_KEY_SECRET]),
				 nla_len(tb[PILOT_A_KEY_SECRET]));
	return err;
}

static int key_del_doit(struct sk_buff *skb, struct genl_info *info)
{
	struct nlattr *tb[PILOT_A_KEY_MAX + 1], *id;
	struct pilot_device *pd;
	struct pilot_peer *peer;
	int err;

	err = parse_nest(info, PILOT_A_KEY, tb, PILOT_A_KEY_MAX, key_id_policy);
	if (err)
		return err;
	id = tb[PILOT_A_KEY_ID];
	pd = lock_device(genl_info_net(info), info->attrs, info->extack);
	if (IS_ERR(pd))
		return PTR_ERR(pd);
	peer = get_peer(pd, info->attrs[PILOT_A_KEY], tb[PILOT_A_KEY_NODE_ID],
			info->extack);
	err = PTR_ERR_OR_ZERO(peer);
	if (!err && id) {
		err = pilot_key_drop(peer, nla_get_u32(id), PILOT_REASON_USER);
		if (err)
			NL_SET_ERR_MSG_ATTR(info->extack, id,
					    "that key is not installed");
	} else if (!err) {
		pilot_key_drop_all(peer, PILOT_REASON_USER);
	}
	unlock_device(pd);
	return err;
}

/* ------------------------------------------------------------------------ */
/* Handler and frames                                                        */

static int handler_register_doit(struct sk_buff *skb, struct genl_info *info)
{
	struct pilot_device *pd = lock_device(genl_info_net(info), info->attrs,
					      info->extack);
	int err = 0;

	if (IS_ERR(pd))
		return PTR_ERR(pd);
	spin_lock_bh(&pd->handler_lock);
	if (!pd->handler_portid) {
		pd->handler_portid = info->snd_portid;
		pd->handler_net = genl_info_net(info);
		atomic_inc(&n_handlers);
	} else if (pd->handler_portid != info->snd_portid ||
		   !net_eq(pd->handler_net, genl_info_net(info))) {
		err = -EBUSY;
	}
	spin_unlock_bh(&pd->handler_lock);
	if (err)
		NL_SET_ERR_MSG_MOD(info->extack,
				   "another process serves the device");
	unlock_device(pd);
	return err;
}

/* Sockets without a registration are told apart before anything is locked. */
static int netlink_notify(struct notifier_block *nb, unsigned long action,
			  void *data)
{
	struct netlink_notify *n = data;

	if (action == NETLINK_URELEASE && n->protocol == NETLINK_GENERIC &&
	    atomic_read(&n_handlers))
		pilot_devices_release_handler(n->net, n->portid);
	return NOTIFY_DONE;
}

static struct notifier_block netlink_notifier = {
	.notifier_call = netlink_notify,
};

/**
 * pilot_nl_handler_gone() - a device lost its handler
 */
void pilot_nl_handler_gone(void)
{
	atomic_dec(&n_handlers);
}

/**
 * pilot_nl_frame_up() - hands a frame to the handler
 * @pd: device
 * @sender: node ID the frame names, 0 for beacon messages
 * @from: outer source
 * @relayed: it came through the beacon
 * @data: frame
 * @len: its length
 *
 * Context: bottom halves off. Return: 0, -ENOTCONN without a handler,
 * -ENOMEM, or -EAGAIN when its socket is full.
 */
int pilot_nl_frame_up(struct pilot_device *pd, u32 sender,
		      const union pilot_sockaddr *from, bool relayed,
		      const void *data, unsigned int len)
{
	struct nlattr *nest;
	struct sk_buff *msg;
	int err = -ENOTCONN;
	void *hdr;

	if (!READ_ONCE(pd->handler_portid))
		return err;
	msg = nlmsg_new(NLMSG_DEFAULT_SIZE, GFP_ATOMIC);
	if (!msg)
		return -ENOMEM;
	hdr = begin(msg, 0, 0, 0, PILOT_CMD_FRAME, pd->dev);
	nest = hdr ? nla_nest_start(msg, PILOT_A_FRAME) : NULL;
	if (!nest ||
	    (sender && nla_put_u32(msg, PILOT_A_FRAME_NODE_ID, sender)) ||
	    put_endpoint(msg, PILOT_A_FRAME_ENDPOINT, from) ||
	    (relayed && nla_put_flag(msg, PILOT_A_FRAME_RELAYED)) ||
	    nla_put(msg, PILOT_A_FRAME_DATA, len, data)) {
		nlmsg_free(msg);
		return -EMSGSIZE;
	}
	nla_nest_end(msg, nest);
	genlmsg_end(msg, hdr);

	/* under the lock the socket exists, and with it its namespace */
	spin_lock_bh(&pd->handler_lock);
	if (pd->handler_portid)
		err = genlmsg_unicast(pd->handler_net, msg, pd->handler_portid);
	else
		nlmsg_free(msg);
	spin_unlock_bh(&pd->handler_lock);
	return err;
}

/* Nothing but what the key exchange and the beacon need: no forged PILS. */
static bool may_send(const u8 *data, unsigned int len)
{
	if (!len)
		return false;
	if (data[0] < PILOT_BEACON_LIMIT)
		return (data[0] == PILOT_BEACON_DISCOVER && len == 5) ||
		       (data[0] == PILOT_BEACON_PUNCH_REQUEST && len == 9);
	if (len < PILOT_MAGIC_LEN)
		return false;
	switch (get_unaligned_be32(data)) {
	case PILOT_MAGIC_PILA:
		return len == PILOT_PILA_LEN;
	case PILOT_MAGIC_PILK:
		return len == PILOT_PILK_LEN;
	case PILOT_MAGIC_PILP:
		return len == PILOT_MAGIC_LEN;
	default:
		return false;
	}
}

static int frame_send(struct pilot_device *pd, struct genl_info *info,
		      struct nlattr **tb, const void *data, unsigned int len)
{
	struct nlattr *nest = info->attrs[PILOT_A_FRAME];
	bool relay = tb[PILOT_A_FRAME_RELAYED];
	struct pilot_endpoint *ep = NULL;
	struct pilot_peer *peer = NULL;
	int err;

	if (tb[PILOT_A_FRAME_NODE_ID]) {
		peer = get_peer(pd, nest, tb[PILOT_A_FRAME_NODE_ID],
				info->extack);
		if (IS_ERR(peer))
			return PTR_ERR(peer);
	}
	if (relay && !peer) {
		NL_SET_ERR_MSG_ATTR(info->extack, tb[PILOT_A_FRAME_RELAYED],
				    "relaying needs a node id");
		return -EINVAL;
	}
	if (relay && tb[PILOT_A_FRAME_ENDPOINT]) {
		NL_SET_ERR_MSG_ATTR(info->extack, tb[PILOT_A_FRAME_ENDPOINT],
				    "either relayed or straight to an endpoint");
		return -EINVAL;
	}
	if (tb[PILOT_A_FRAME_ENDPOINT]) {
		ep = make_endpoint(tb[PILOT_A_FRAME_ENDPOINT], info->extack);
		if (IS_ERR(ep))
			return PTR_ERR(ep);
	}
	if (ep || peer) {
		err = pilot_send_frame(pd, peer, ep, relay, data, len);
		pilot_endpoint_free(ep);
	} else {
		ep = rcu_dereference_protected(pd->beacon,
					       lockdep_is_held(&pd->lock));
		err = ep ? pilot_send_frame(pd, NULL, ep, false, data, len) :
			   -EDESTADDRREQ;
	}
	if (err == -EDESTADDRREQ)
		NL_SET_ERR_MSG_MOD(info->extack, "no address to send it to");
	else if (err == -ENETDOWN)
		NL_SET_ERR_MSG_MOD(info->extack, "the device is down");
	return err;
}

static int frame_doit(struct sk_buff *skb, struct genl_info *info)
{
	struct nlattr *tb[PILOT_A_FRAME_MAX + 1], *data;
	struct pilot_device *pd;
	int err;

	err = parse_nest(info, PILOT_A_FRAME, tb, PILOT_A_FRAME_MAX,
			 pilot_frame_policy);
	if (err)
		return err;
	data = tb[PILOT_A_FRAME_DATA];
	if (!data || !may_send(nla_data(data), nla_len(data))) {
		NL_SET_ERR_MSG_ATTR(info->extack,
				    data ?: info->attrs[PILOT_A_FRAME],
				    "not a PILA, PILK or PILP frame, nor a discover or punch request");
		return -EINVAL;
	}
	pd = lock_device(genl_info_net(info), info->attrs, info->extack);
	if (IS_ERR(pd))
		return PTR_ERR(pd);
	err = frame_send(pd, info, tb, nla_data(data), nla_len(data));
	unlock_device(pd);
	return err;
}

/* ------------------------------------------------------------------------ */
/* Events                                                                    */

/**
 * struct pilot_event - an event that is being written
 * @skb: message, NULL if nobody listens or memory ran out
 * @hdr: its header
 * @nest: its PILOT_A_EVENT
 */
struct pilot_event {
	struct sk_buff *skb;
	void *hdr;
	struct nlattr *nest;
};

/*
 * Every event takes a number, listened to or not: one that could not be sent
 * leaves a gap that listeners see.
 */
static bool event_begin(struct pilot_device *pd, struct pilot_event *ev,
			enum pilot_event_type type, u32 node_id)
{
	u32 seq = atomic_inc_return(&pd->event_seq);

	if (!genl_has_listeners(&pilot_family, dev_net(pd->dev), 0))
		return false;
	ev->skb = nlmsg_new(NLMSG_DEFAULT_SIZE, GFP_ATOMIC);
	if (!ev->skb)
		return false;
	ev->hdr = begin(ev->skb, 0, 0, 0, PILOT_CMD_EVENT, pd->dev);
	ev->nest = ev->hdr ? nla_nest_start(ev->skb, PILOT_A_EVENT) : NULL;
	if (ev->nest && !nla_put_u32(ev->skb, PILOT_A_EVENT_TYPE, type) &&
	    !nla_put_u32(ev->skb, PILOT_A_EVENT_SEQ, seq) &&
	    (!node_id ||
	     !nla_put_u32(ev->skb, PILOT_A_EVENT_NODE_ID, node_id)))
		return true;
	nlmsg_free(ev->skb);
	return false;
}

static void event_end(struct pilot_device *pd, struct pilot_event *ev, int err)
{
	if (err) {
		nlmsg_free(ev->skb);
		return;
	}
	nla_nest_end(ev->skb, ev->nest);
	genlmsg_end(ev->skb, ev->hdr);
	genlmsg_multicast_netns(&pilot_family, dev_net(pd->dev), ev->skb, 0, 0,
				GFP_ATOMIC);
}

/* All of these may be called in any context but hard interrupts. */

/**
 * pilot_event_device() - an event about the device as such
 * @pd: device
 * @type: which
 */
void pilot_event_device(struct pilot_device *pd, enum pilot_event_type type)
{
	struct pilot_event ev;

	if (event_begin(pd, &ev, type, 0))
		event_end(pd, &ev, 0);
}

/**
 * pilot_event_peer() - an event that says nothing but which peer
 * @peer: peer
 * @type: which
 */
void pilot_event_peer(struct pilot_peer *peer, enum pilot_event_type type)
{
	struct pilot_event ev;

	if (event_begin(peer->pd, &ev, type, peer->node_id))
		event_end(peer->pd, &ev, 0);
}

/**
 * pilot_event_need_key() - a key exchange is wanted
 * @peer: peer
 * @reason: why
 */
void pilot_event_need_key(struct pilot_peer *peer, enum pilot_reason reason)
{
	struct pilot_event ev;

	if (event_begin(peer->pd, &ev, PILOT_EVENT_NEED_KEY, peer->node_id))
		event_end(peer->pd, &ev,
			  nla_put_u8(ev.skb, PILOT_A_EVENT_REASON, reason));
}

/**
 * pilot_event_key_installed() - a key was installed
 * @peer: peer
 * @key_id: its name
 * @authenticated: the peer proved its identity
 * @rekeyed: the peer had a key before
 */
void pilot_event_key_installed(struct pilot_peer *peer, u32 key_id,
			       bool authenticated, bool rekeyed)
{
	struct pilot_event ev;

	if (!event_begin(peer->pd, &ev, PILOT_EVENT_KEY_INSTALLED,
			 peer->node_id))
		return;
	event_end(peer->pd, &ev,
		  nla_put_u32(ev.skb, PILOT_A_EVENT_KEY_ID, key_id) ||
		  (authenticated &&
		   nla_put_flag(ev.skb, PILOT_A_EVENT_AUTHENTICATED)) ||
		  (rekeyed && nla_put_flag(ev.skb, PILOT_A_EVENT_REKEYED)) ||
		  (peer->path_active == PILOT_PATH_RELAY &&
		   nla_put_flag(ev.skb, PILOT_A_EVENT_RELAYED)));
}

/**
 * pilot_event_key_confirmed() - the first frame was opened under a key
 * @peer: peer
 * @key_id: its name
 */
void pilot_event_key_confirmed(struct pilot_peer *peer, u32 key_id)
{
	struct pilot_event ev;

	if (event_begin(peer->pd, &ev, PILOT_EVENT_KEY_CONFIRMED,
			peer->node_id))
		event_end(peer->pd, &ev,
			  nla_put_u32(ev.skb, PILOT_A_EVENT_KEY_ID, key_id));
}

/**
 * pilot_event_key_dropped() - a key is gone
 * @peer: peer
 * @key_id: its name
 * @reason: why
 */
void pilot_event_key_dropped(struct pilot_peer *peer, u32 key_id,
			     enum pilot_reason reason)
{
	struct pilot_event ev;

	if (event_begin(peer->pd, &ev, PILOT_EVENT_KEY_DROPPED, peer->node_id))
		event_end(peer->pd, &ev,
			  nla_put_u32(ev.skb, PILOT_A_EVENT_KEY_ID, key_id) ||
			  nla_put_u8(ev.skb, PILOT_A_EVENT_REASON, reason));
}

/**
 * pilot_event_endpoint() - a peer moved
 * @peer: peer
 * @remote: where to
 */
void pilot_event_endpoint(struct pilot_peer *peer,
			  const union pilot_sockaddr *remote)
{
	struct pilot_event ev;

	if (event_begin(peer->pd, &ev, PILOT_EVENT_ENDPOINT_CHANGED,
			peer->node_id))
		event_end(peer->pd, &ev,
			  put_endpoint(ev.skb, PILOT_A_EVENT_ENDPOINT, remote));
}

/**
 * pilot_event_path() - the path to a peer changed
 * @peer: peer
 * @path: to what
 */
void pilot_event_path(struct pilot_peer *peer, enum pilot_path path)
{
	struct pilot_event ev;

	if (event_begin(peer->pd, &ev, PILOT_EVENT_PATH_CHANGED, peer->node_id))
		event_end(peer->pd, &ev,
			  nla_put_u8(ev.skb, PILOT_A_EVENT_PATH, path));
}

/**
 * pilot_event_count() - something happened a number of times
 * @peer: peer
 * @type: what
 * @count: how often
 */
void pilot_event_count(struct pilot_peer *peer, enum pilot_event_type type,
		       u32 count)
{
	struct pilot_event ev;

	if (event_begin(peer->pd, &ev, type, peer->node_id))
		event_end(peer->pd, &ev,
			  nla_put_u32(ev.skb, PILOT_A_EVENT_COUNT, count));
}

/* ------------------------------------------------------------------------ */
/* The family                                                                */

#define PILOT_OP(id, do_fn, dump_fn, pol) {				\
	.cmd = id,							\
	.doit = do_fn,							\
	.dumpit = dump_fn,						\
	.policy = pol,							\
	.maxattr = ARRAY_SIZE(pol) - 1,					\
	.flags = GENL_UNS_ADMIN_PERM,					\
}

static const struct genl_ops pilot_ops[] = {
	PILOT_OP(PILOT_CMD_DEVICE_GET, device_get_doit, device_get_dumpit,
		 device_cmd_policy),
	PILOT_OP(PILOT_CMD_DEVICE_SET, device_set_doit, NULL,
		 device_set_cmd_policy),
	PILOT_OP(PILOT_CMD_PEER_GET, peer_get_doit, peer_get_dumpit,
		 peer_cmd_policy),
	PILOT_OP(PILOT_CMD_PEER_NEW, peer_new_doit, NULL, peer_set_cmd_policy),
	PILOT_OP(PILOT_CMD_PEER_SET, peer_set_doit, NULL, peer_set_cmd_policy),
	PILOT_OP(PILOT_CMD_PEER_DEL, peer_del_doit, NULL, peer_cmd_policy),
	PILOT_OP(PILOT_CMD_KEY_GET, key_get_doit, key_get_dumpit,
		 key_cmd_policy),
	PILOT_OP(PILOT_CMD_KEY_SET, key_set_doit, NULL, key_set_cmd_policy),
	PILOT_OP(PILOT_CMD_KEY_DEL, key_del_doit, NULL, key_cmd_policy),
	PILOT_OP(PILOT_CMD_HANDLER_REGISTER, handler_register_doit, NULL,
		 device_cmd_policy),
	PILOT_OP(PILOT_CMD_FRAME, frame_doit, NULL, frame_cmd_policy),
	PILOT_OP(PILOT_CMD_REKEY, rekey_doit, NULL, peer_cmd_policy),
};

static const struct genl_multicast_group pilot_groups[] = {
	{ .name = PILOT_GENL_MCGRP_EVENTS, .flags = GENL_MCAST_CAP_NET_ADMIN },
};

static struct genl_family pilot_family __ro_after_init = {
	.name = PILOT_GENL_NAME,
	.version = PILOT_GENL_VERSION,
	.maxattr = PILOT_A_MAX,
	.netnsok = true,
	.parallel_ops = true,
	.module = THIS_MODULE,
	.ops = pilot_ops,
	.n_ops = ARRAY_SIZE(pilot_ops),
	.mcgrps = pilot_groups,
	.n_mcgrps = ARRAY_SIZE(pilot_groups),
};

int __init pilot_nl_init(void)
{
	int err = genl_register_family(&pilot_family);

	if (err)
		return err;
	err = netlink_register_notifier(&netlink_notifier);
	if (err)
		genl_unregister_family(&pilot_family);
	return err;
}

void pilot_nl_exit(void)
{
	netlink_unregister_notifier(&netlink_notifier);
	genl_unregister_family(&pilot_family);
}
