// SPDX-License-Identifier: GPL-2.0
/*
 * What every netlink command needs: the device, the peer, addresses.
 */
#include <linux/rhashtable.h>
#include <linux/rtnetlink.h>
#include <net/genetlink.h>

#include "device.h"
#include "nl.h"
#include "peer.h"
#include "socket.h"

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

void pilot_nl_unlock(struct pilot_device *pd)
{
	mutex_unlock(&pd->lock);
	dev_put(pd->dev);
}

/* Finds the device and locks it. */
struct pilot_device *pilot_nl_lock(struct net *net, struct nlattr **attrs,
				   struct netlink_ext_ack *extack)
{
	struct net_device *dev = find_netdev(net, attrs, extack);
	struct pilot_device *pd;

	if (IS_ERR(dev))
		return ERR_CAST(dev);
	pd = netdev_priv(dev);
	mutex_lock(&pd->lock);
	if (pd->dying) {
		pilot_nl_unlock(pd);
		NL_SET_ERR_MSG_MOD(extack, "the device is being deleted");
		return ERR_PTR(-ENODEV);
	}
	return pd;
}

/*
 * Parses the nest @type of a request into @tb; the nest must be there. Its
 * contents were validated with the request, by the nested policies.
 */
int pilot_nl_parse(struct genl_info *info, int type, struct nlattr **tb,
		   int max)
{
	if (GENL_REQ_ATTR_CHECK(info, type)) {
		NL_SET_ERR_MSG_MOD(info->extack, "required attribute missing");
		return -EINVAL;
	}
	return nla_parse_nested(tb, max, info->attrs[type], NULL, info->extack);
}

/* The peer that a nest names by @node, of a locked device. */
struct pilot_peer *pilot_nl_peer(struct pilot_device *pd,
				 struct nlattr *nest, struct nlattr *node,
				 struct netlink_ext_ack *extack)
{
	struct pilot_peer *peer;

	if (!node) {
		NL_SET_ERR_MSG_ATTR(extack, nest, "no node id given");
		return ERR_PTR(-EINVAL);
	}
	peer = pilot_peer_get(pd, nla_get_u32(node));
	if (!peer) {
		NL_SET_ERR_MSG_ATTR(extack, node, "no such peer");
		return ERR_PTR(-ENOENT);
	}
	return peer;
}

/*
 * How most requests about a peer begin: parses the nest @type into @tb, locks
 * the device and finds the peer that attribute @node of the nest names. What
 * pilot_nl_unlock() takes is the peer's device; nothing is locked on failure.
 */
struct pilot_peer *pilot_nl_lock_peer(struct genl_info *info, int type,
				      struct nlattr **tb, int max, int node)
{
	struct pilot_device *pd;
	struct pilot_peer *peer;
	int err;

	err = pilot_nl_parse(info, type, tb, max);
	if (err)
		return ERR_PTR(err);
	pd = pilot_nl_lock(genl_info_net(info), info->attrs, info->extack);
	if (IS_ERR(pd))
		return ERR_CAST(pd);
	peer = pilot_nl_peer(pd, info->attrs[type], tb[node], info->extack);
	if (IS_ERR(peer))
		pilot_nl_unlock(pd);
	return peer;
}

/* Returns 1 with @sa filled in, 0 for an empty nest, or an error. */
int pilot_nl_address(struct nlattr *nest, union pilot_sockaddr *sa,
		     struct netlink_ext_ack *extack)
{
	struct nlattr *tb[PILOT_A_ENDPOINT_MAX + 1];
	struct nlattr *v4, *v6, *port, *scope;
	int err;

	err = nla_parse_nested(tb, PILOT_A_ENDPOINT_MAX, nest, NULL, extack);
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
struct pilot_endpoint *pilot_nl_endpoint(struct nlattr *nest,
					 struct netlink_ext_ack *extack)
{
	union pilot_sockaddr sa;
	struct pilot_endpoint *ep;
	int err = pilot_nl_address(nest, &sa, extack);

	if (err <= 0)
		return ERR_PTR(err);
	ep = pilot_endpoint_new(&sa, GFP_KERNEL_ACCOUNT);
	return ep ?: ERR_PTR(-ENOMEM);
}

u64 pilot_nl_age(unsigned long since)
{
	return (u64)(jiffies - since) * MSEC_PER_SEC / HZ;
}

int pilot_nl_put_endpoint(struct sk_buff *skb, int type,
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

void *pilot_nl_begin(struct sk_buff *skb, u32 portid, u32 seq, int flags, u8 cmd,
		     struct net_device *dev)
{
	void *hdr = genlmsg_put(skb, portid, seq, &pilot_family, flags, cmd);
	char name[IFNAMSIZ];

	if (!hdr)
		return NULL;
	/* it may be changed meanwhile: mixed at worst, but never without its end */
	strscpy(name, dev->name, sizeof(name));
	if (nla_put_s32(skb, PILOT_A_IFINDEX, dev->ifindex) ||
	    nla_put_string(skb, PILOT_A_IFNAME, name)) {
		genlmsg_cancel(skb, hdr);
		return NULL;
	}
	return hdr;
}
