// SPDX-License-Identifier: GPL-2.0
/*
 * Netlink: peers and their allowed-ips.
 */
#include <linux/rhashtable.h>
#include <net/genetlink.h>

#include "compat.h"
#include "device.h"
#include "netlink.h"
#include "nl.h"
#include "path.h"
#include "peer.h"
#include "socket.h"

/* An allowed-ip of a peer at most: a nest, an address and a length. */
#define ALLOWED_IP_ROOM	(3 * NLA_HDRLEN + sizeof(struct in6_addr) +	\
			 NLA_ALIGN(sizeof(u8)))

/* As long as a nest is no longer, there is room for one: it tells 16 bits. */
#define NEST_MAX	(U16_MAX - ALLOWED_IP_ROOM)

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
	u8 need_key = READ_ONCE(peer->need_key);
	struct pilot_endpoint *ep;
	struct nlattr *stats;
	int err = 0;

	rcu_read_lock();
	ep = rcu_dereference(peer->endpoint);
	if (ep)
		err = pilot_nl_put_endpoint(skb, PILOT_A_PEER_ENDPOINT, &ep->remote);
	rcu_read_unlock();
	if (err ||
	    nla_put_u8(skb, PILOT_A_PEER_PATH, peer->path) ||
	    nla_put_u8(skb, PILOT_A_PEER_PATH_ACTIVE,
		       READ_ONCE(peer->path_active)) ||
	    nla_put_u16(skb, PILOT_A_PEER_KEEPALIVE, peer->keepalive) ||
	    nla_put_u8(skb, PILOT_A_PEER_DYNAMIC, peer->dynamic) ||
	    nla_put_u32(skb, PILOT_A_PEER_COOLDOWN,
			pilot_peer_in_cooldown(peer)) ||
	    (need_key &&
	     nla_put_u8(skb, PILOT_A_PEER_NEED_KEY, need_key)) ||
	    nla_put_u32(skb, PILOT_A_PEER_QUEUED,
			skb_queue_len_lockless(&peer->queue)) ||
	    (READ_ONCE(peer->rx_seen) &&
	     nla_put_u64_64bit(skb, PILOT_A_PEER_LAST_RX,
			       pilot_nl_age(READ_ONCE(peer->last_rx)),
			       PILOT_A_PEER_PAD)) ||
	    (READ_ONCE(peer->tx_seen) &&
	     nla_put_u64_64bit(skb, PILOT_A_PEER_LAST_TX,
			       pilot_nl_age(READ_ONCE(peer->last_tx)),
			       PILOT_A_PEER_PAD)) ||
	    pilot_nl_put_keys(skb, PILOT_A_PEER_KEY, peer))
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
		if (skb_tail_pointer(skb) - (u8 *)nest > NEST_MAX ||
		    put_allowed_ip(skb, &a->prefix)) {
			/* none fits into an empty buffer: cannot go on */
			if (n - 1 == from)
				return -EMSGSIZE;
			nla_nest_end(skb, nest);
			return n - 1;
		}
	}
	nla_nest_end(skb, nest);
	return 0;
}

int pilot_nl_peer_get_doit(struct sk_buff *skb, struct genl_info *info)
{
	struct nlattr *tb[PILOT_A_PEER_MAX + 1];
	struct pilot_peer *peer = pilot_nl_lock_peer(info, PILOT_A_PEER, tb,
						     PILOT_A_PEER_MAX,
						     PILOT_A_PEER_NODE_ID);
	size_t size = NLMSG_DEFAULT_SIZE;
	struct pilot_allowedip *a;
	struct pilot_device *pd;
	struct sk_buff *msg;
	void *hdr;
	int err;

	if (IS_ERR(peer))
		return PTR_ERR(peer);
	pd = peer->pd;
	list_for_each_entry(a, &peer->allowed_ips, list)
		size += ALLOWED_IP_ROOM;
	err = -ENOMEM;
	msg = nlmsg_new(min_t(size_t, size, U16_MAX), GFP_KERNEL);
	if (!msg)
		goto out;
	err = -EMSGSIZE;
	hdr = pilot_nl_begin(msg, info->snd_portid, info->snd_seq, 0,
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
	pilot_nl_unlock(pd);
	return err;
}

/*
 * The cursor is the stable number of the next peer and its next allowed-ip:
 * no reference is held between messages.
 */
int pilot_nl_peer_get_dumpit(struct sk_buff *skb, struct netlink_callback *cb)
{
	struct pilot_device *pd = pilot_nl_lock(sock_net(skb->sk),
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

		hdr = pilot_nl_begin(skb, NETLINK_CB(cb->skb).portid,
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
	pilot_nl_unlock(pd);
	return skb->len ?: done;
}

static int parse_allowed_ip(struct nlattr *nest, struct pilot_prefix *p,
			    bool *remove, struct netlink_ext_ack *extack)
{
	struct nlattr *tb[PILOT_A_ALLOWED_IP_MAX + 1], *v4, *v6, *len;
	int err;

	err = nla_parse_nested(tb, PILOT_A_ALLOWED_IP_MAX, nest, NULL, extack);
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

/* Checks the allowed-ips of a request, and reserves what they need. */
static int check_allowed_ips(struct pilot_device *pd, struct nlattr *nest,
			     bool replace, struct list_head *fresh,
			     struct netlink_ext_ack *extack)
{
	struct pilot_prefix prefix;
	struct nlattr *attr;
	bool remove;
	int rem, err;

	nla_for_each_nested(attr, nest, rem) {
		if (nla_type(attr) != PILOT_A_PEER_ALLOWED_IP)
			continue;
		err = parse_allowed_ip(attr, &prefix, &remove, extack);
		if (err)
			return err;
		if (remove && replace) {
			NL_SET_ERR_MSG_ATTR(extack, attr,
					    "cannot remove while replacing all");
			return -EINVAL;
		}
		if (remove)
			continue;
		err = pilot_allowedips_reserve(&pd->allowedips, &prefix, fresh);
		if (err)
			return err;
	}
	return 0;
}

/* What was checked; cannot fail. */
static void apply_allowed_ips(struct pilot_peer *peer, struct nlattr *nest,
			      bool replace)
{
	struct pilot_device *pd = peer->pd;
	struct pilot_prefix prefix;
	struct nlattr *attr;
	LIST_HEAD(old);
	bool remove, touched = replace;
	int rem;

	if (replace)
		list_splice_init(&peer->allowed_ips, &old);
	nla_for_each_nested(attr, nest, rem) {
		if (nla_type(attr) != PILOT_A_PEER_ALLOWED_IP ||
		    parse_allowed_ip(attr, &prefix, &remove, NULL))
			continue;
		touched = true;
		if (remove)
			pilot_allowedips_doom(&pd->allowedips, peer, &prefix,
					      &old);
		else
			pilot_allowedips_give(&pd->allowedips, peer, &prefix);
	}
	/* entries that were given again have moved off the old list */
	pilot_allowedips_remove_list(&pd->allowedips, &old);
	if (touched)
		pd->generation++;	/* dumps count allowed-ips */
}

static int peer_check(struct pilot_device *pd, struct pilot_peer *peer,
		      struct nlattr *nest, struct nlattr **tb, bool replace,
		      struct list_head *fresh, struct netlink_ext_ack *extack)
{
	struct nlattr *active = tb[PILOT_A_PEER_PATH_ACTIVE];
	u8 path = tb[PILOT_A_PEER_PATH] ? nla_get_u8(tb[PILOT_A_PEER_PATH]) :
		  peer ? peer->path : PILOT_PATH_AUTO;

	if (active && path != PILOT_PATH_AUTO && nla_get_u8(active) != path) {
		NL_SET_ERR_MSG_ATTR(extack, active,
				    "the path is fixed by the configuration");
		return -EBUSY;
	}
	return check_allowed_ips(pd, nest, replace, fresh, extack);
}

static void set_path(struct pilot_peer *peer, struct nlattr **tb)
{
	u8 path = peer->path, active = READ_ONCE(peer->path_active);

	if (!tb[PILOT_A_PEER_PATH] && !tb[PILOT_A_PEER_PATH_ACTIVE])
		return;
	if (tb[PILOT_A_PEER_PATH])
		path = nla_get_u8(tb[PILOT_A_PEER_PATH]);
	if (path != PILOT_PATH_AUTO)
		active = path;
	if (tb[PILOT_A_PEER_PATH_ACTIVE])
		active = nla_get_u8(tb[PILOT_A_PEER_PATH_ACTIVE]);
	pilot_path_set(peer, path, active);
}

/* What was checked, with @ep of its endpoint; cannot fail. */
static void peer_set(struct pilot_peer *peer, struct nlattr *nest,
		     struct nlattr **tb, bool replace,
		     struct pilot_endpoint *ep)
{
	apply_allowed_ips(peer, nest, replace);
	if (tb[PILOT_A_PEER_ENDPOINT])
		pilot_endpoint_replace(peer, ep, false);
	set_path(peer, tb);
	if (tb[PILOT_A_PEER_DYNAMIC])
		peer->dynamic = nla_get_u8(tb[PILOT_A_PEER_DYNAMIC]);
	if (tb[PILOT_A_PEER_KEEPALIVE]) {
		WRITE_ONCE(peer->keepalive,
			   nla_get_u16(tb[PILOT_A_PEER_KEEPALIVE]));
		pilot_peer_arm(peer);
	}
	if (tb[PILOT_A_PEER_COOLDOWN])
		pilot_peer_cooldown(peer,
				    nla_get_u32(tb[PILOT_A_PEER_COOLDOWN]));
}

static int peer_new_or_set(struct genl_info *info, bool new)
{
	struct netlink_ext_ack *extack = info->extack;
	struct nlattr *tb[PILOT_A_PEER_MAX + 1], *nest, *node;
	struct pilot_endpoint *ep = NULL;
	struct pilot_peer *peer = NULL;
	struct pilot_device *pd;
	LIST_HEAD(fresh);
	bool replace;
	int err;

	err = pilot_nl_parse(info, PILOT_A_PEER, tb, PILOT_A_PEER_MAX);
	if (err)
		return err;
	nest = info->attrs[PILOT_A_PEER];
	node = tb[PILOT_A_PEER_NODE_ID];
	replace = tb[PILOT_A_PEER_FLAGS] &&
		  nla_get_u32(tb[PILOT_A_PEER_FLAGS]) &
		  PILOT_PEER_F_REPLACE_ALLOWED_IPS;
	pd = pilot_nl_lock(genl_info_net(info), info->attrs, extack);
	if (IS_ERR(pd))
		return PTR_ERR(pd);

	if (!new) {
		peer = pilot_nl_peer(pd, nest, node, extack);
		err = PTR_ERR_OR_ZERO(peer);
	} else if (!node) {
		NL_SET_ERR_MSG_ATTR(extack, nest, "no node id given");
		err = -EINVAL;
	} else if (nla_get_u32(node) == pd->node_id) {
		NL_SET_ERR_MSG_ATTR(extack, node, "the device's own node id");
		err = -EINVAL;
	}
	if (!err)
		err = peer_check(pd, peer, nest, tb, replace, &fresh, extack);
	if (!err && tb[PILOT_A_PEER_ENDPOINT]) {
		ep = pilot_nl_endpoint(tb[PILOT_A_PEER_ENDPOINT], extack);
		err = PTR_ERR_OR_ZERO(ep);
	}
	if (err)
		goto out;
	if (new) {
		peer = pilot_peer_add(pd, nla_get_u32(node), extack);
		err = PTR_ERR_OR_ZERO(peer);
		if (err) {
			pilot_endpoint_free(ep);
			goto out;
		}
	}
	peer_set(peer, nest, tb, replace, ep);
	if (new)
		pilot_demand_met(peer);
out:
	pilot_allowedips_remove_list(&pd->allowedips, &fresh);
	pilot_nl_unlock(pd);
	return err;
}

int pilot_nl_peer_new_doit(struct sk_buff *skb, struct genl_info *info)
{
	return peer_new_or_set(info, true);
}

int pilot_nl_peer_set_doit(struct sk_buff *skb, struct genl_info *info)
{
	return peer_new_or_set(info, false);
}

int pilot_nl_peer_del_doit(struct sk_buff *skb, struct genl_info *info)
{
	struct nlattr *tb[PILOT_A_PEER_MAX + 1];
	struct pilot_peer *peer = pilot_nl_lock_peer(info, PILOT_A_PEER, tb,
						     PILOT_A_PEER_MAX,
						     PILOT_A_PEER_NODE_ID);
	struct pilot_device *pd;

	if (IS_ERR(peer))
		return PTR_ERR(peer);
	pd = peer->pd;
	pilot_peer_remove(peer);
	pilot_nl_unlock(pd);
	return 0;
}

int pilot_nl_rekey_doit(struct sk_buff *skb, struct genl_info *info)
{
	struct nlattr *tb[PILOT_A_PEER_MAX + 1];
	struct pilot_peer *peer = pilot_nl_lock_peer(info, PILOT_A_PEER, tb,
						     PILOT_A_PEER_MAX,
						     PILOT_A_PEER_NODE_ID);
	int err = 0;

	if (IS_ERR(peer))
		return PTR_ERR(peer);
	if (READ_ONCE(peer->pd->handler_portid)) {
		pilot_peer_need_key(peer, PILOT_REASON_USER);
	} else {
		NL_SET_ERR_MSG_MOD(info->extack,
				   "no daemon serves the device: is pilotd running?");
		err = -ENOTCONN;
	}
	pilot_nl_unlock(peer->pd);
	return err;
}
