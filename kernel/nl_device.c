// SPDX-License-Identifier: GPL-2.0
/*
 * Netlink: devices.
 */
#include <linux/rtnetlink.h>
#include <net/genetlink.h>

#include "aead.h"
#include "device.h"
#include "netlink.h"
#include "nl.h"
#include "socket.h"

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
	u32 handler, seq;
	int err;

	if (!nest)
		return -EMSGSIZE;
	/* first: what an event tells that is not in here has a later number */
	seq = atomic_read(&pd->event_seq);
	smp_rmb();	/* with that of atomic_inc_return() in event_begin() */
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
	    nla_put_u32(skb, PILOT_A_DEVICE_EVENT_SEQ, seq) ||
	    nla_put_u32(skb, PILOT_A_DEVICE_CLEARED, pd->cleared) ||
	    nla_put_u8(skb, PILOT_A_DEVICE_ON_DEMAND, pd->on_demand) ||
	    pilot_nl_put_status(skb, pd))
		return -EMSGSIZE;
	beacon = rcu_dereference_protected(pd->beacon,
					   lockdep_is_held(&pd->lock));
	if (beacon && pilot_nl_put_endpoint(skb, PILOT_A_DEVICE_BEACON, &beacon->remote))
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

int pilot_nl_device_get_doit(struct sk_buff *skb, struct genl_info *info)
{
	struct pilot_device *pd = pilot_nl_lock(genl_info_net(info), info->attrs,
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
	hdr = pilot_nl_begin(msg, info->snd_portid, info->snd_seq, 0,
			     PILOT_CMD_DEVICE_GET, pd->dev);
	if (!hdr || put_device_nest(msg, pd)) {
		nlmsg_free(msg);
		goto out;
	}
	genlmsg_end(msg, hdr);
	err = genlmsg_reply(msg, info);
out:
	pilot_nl_unlock(pd);
	return err;
}

int pilot_nl_device_get_dumpit(struct sk_buff *skb, struct netlink_callback *cb)
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
		hdr = pilot_nl_begin(skb, NETLINK_CB(cb->skb).portid,
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
	if (pilot_peer_get(pd, id)) {
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

/*
 * Whoever rules the device's namespace need not rule the one its sockets are
 * in: port and mark are for who does. RTNL is held.
 */
static int may_set_socket(struct sk_buff *skb, struct pilot_device *pd,
			  struct nlattr **tb, struct netlink_ext_ack *extack)
{
	struct nlattr *attr = tb[PILOT_A_DEVICE_LISTEN_PORT] ?:
			      tb[PILOT_A_DEVICE_FWMARK];

	if (!attr || !pd->link_net ||
	    netlink_ns_capable(skb, pd->link_net->user_ns, CAP_NET_ADMIN))
		return 0;
	NL_SET_ERR_MSG_ATTR(extack, attr,
			    "not permitted in the namespace of the sockets");
	return -EPERM;
}

static int device_set(struct sk_buff *skb, struct pilot_device *pd,
		      struct nlattr **tb, struct netlink_ext_ack *extack)
{
	struct nlattr *attr;
	struct pilot_endpoint *beacon = NULL;
	u16 port;
	int err;

	/* first everything that can fail */
	err = may_set_socket(skb, pd, tb, extack);
	if (err)
		return err;
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
		beacon = pilot_nl_endpoint(attr, extack);
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
	if (tb[PILOT_A_DEVICE_ON_DEMAND])
		WRITE_ONCE(pd->on_demand,
			   nla_get_u8(tb[PILOT_A_DEVICE_ON_DEMAND]));
	if (tb[PILOT_A_DEVICE_MAX_PEERS])
		pd->max_peers = nla_get_u32(tb[PILOT_A_DEVICE_MAX_PEERS]);
	set_gates(pd, tb);
	pilot_event_device(pd, PILOT_EVENT_DEVICE_CHANGED);
	return 0;
}

/* The status is no setting: it goes alone, and has an event of its own. */
static int status_set(struct genl_info *info, struct nlattr **tb)
{
	struct pilot_device *pd;
	int i, err;

	for (i = 0; i <= PILOT_A_DEVICE_MAX; i++)
		if (tb[i] && i != PILOT_A_DEVICE_STATUS) {
			NL_SET_ERR_MSG_ATTR(info->extack, tb[i],
					    "not together with the status");
			return -EINVAL;
		}
	pd = pilot_nl_lock(genl_info_net(info), info->attrs, info->extack);
	if (IS_ERR(pd))
		return PTR_ERR(pd);
	err = pilot_nl_set_status(pd, tb[PILOT_A_DEVICE_STATUS], info);
	pilot_nl_unlock(pd);
	return err;
}

int pilot_nl_device_set_doit(struct sk_buff *skb, struct genl_info *info)
{
	struct nlattr *tb[PILOT_A_DEVICE_MAX + 1];
	struct pilot_device *pd;
	int err;

	err = pilot_nl_parse(info, PILOT_A_DEVICE, tb, PILOT_A_DEVICE_MAX);
	if (err)
		return err;
	if (tb[PILOT_A_DEVICE_STATUS])
		return status_set(info, tb);
	rtnl_lock();	/* the device must not come up or go down meanwhile */
	pd = pilot_nl_lock(genl_info_net(info), info->attrs, info->extack);
	if (IS_ERR(pd)) {
		err = PTR_ERR(pd);
	} else {
		err = device_set(skb, pd, tb, info->extack);
		pilot_nl_unlock(pd);
	}
	rtnl_unlock();
	return err;
}
