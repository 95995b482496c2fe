// SPDX-License-Identifier: GPL-2.0
/*
 * Netlink: the handler, frames to and from it.
 */
#include <linux/netlink.h>
#include <net/genetlink.h>

#include "compat.h"
#include "device.h"
#include "netlink.h"
#include "nl.h"
#include "peer.h"
#include "ping.h"
#include "send.h"
#include "socket.h"

int pilot_nl_handler_register_doit(struct sk_buff *skb, struct genl_info *info)
{
	struct pilot_device *pd = pilot_nl_lock(genl_info_net(info), info->attrs,
						info->extack);
	int err = 0;

	if (IS_ERR(pd))
		return PTR_ERR(pd);
	spin_lock_bh(&pd->handler_lock);
	if (!net_eq(dev_net(pd->dev), genl_info_net(info))) {
		err = -ENODEV;	/* it moved away while we waited */
	} else if (!pd->handler_portid) {
		WRITE_ONCE(pd->handler_portid, info->snd_portid);
		pd->handler_net = genl_info_net(info);
	} else if (pd->handler_portid != info->snd_portid ||
		   !net_eq(pd->handler_net, genl_info_net(info))) {
		err = -EBUSY;
	}
	spin_unlock_bh(&pd->handler_lock);
	if (err == -EBUSY)
		NL_SET_ERR_MSG_MOD(info->extack,
				   "another process serves the device");
	pilot_nl_unlock(pd);
	return err;
}

static int netlink_notify(struct notifier_block *nb, unsigned long action,
			  void *data)
{
	struct netlink_notify *n = data;

	if (action == NETLINK_URELEASE && n->protocol == NETLINK_GENERIC)
		pilot_devices_release_handler(n->net, n->portid);
	return NOTIFY_DONE;
}

static struct notifier_block netlink_notifier = {
	.notifier_call = netlink_notify,
};

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
	hdr = pilot_nl_begin(msg, 0, 0, 0, PILOT_CMD_FRAME, pd->dev);
	nest = hdr ? nla_nest_start(msg, PILOT_A_FRAME) : NULL;
	if (!nest ||
	    (sender && nla_put_u32(msg, PILOT_A_FRAME_NODE_ID, sender)) ||
	    pilot_nl_put_endpoint(msg, PILOT_A_FRAME_ENDPOINT, from) ||
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
		peer = pilot_nl_peer(pd, nest, tb[PILOT_A_FRAME_NODE_ID],
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
		ep = pilot_nl_endpoint(tb[PILOT_A_FRAME_ENDPOINT], info->extack);
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

int pilot_nl_frame_doit(struct sk_buff *skb, struct genl_info *info)
{
	struct nlattr *tb[PILOT_A_FRAME_MAX + 1], *data;
	struct pilot_device *pd;
	int err;

	err = pilot_nl_parse(info, PILOT_A_FRAME, tb, PILOT_A_FRAME_MAX);
	if (err)
		return err;
	data = tb[PILOT_A_FRAME_DATA];
	if (!data || !may_send(nla_data(data), nla_len(data))) {
		NL_SET_ERR_MSG_ATTR(info->extack,
				    data ?: info->attrs[PILOT_A_FRAME],
				    "not a PILA, PILK or PILP frame, nor a discover or punch request");
		return -EINVAL;
	}
	pd = pilot_nl_lock(genl_info_net(info), info->attrs, info->extack);
	if (IS_ERR(pd))
		return PTR_ERR(pd);
	err = frame_send(pd, info, tb, nla_data(data), nla_len(data));
	pilot_nl_unlock(pd);
	return err;
}

int pilot_nl_probe_doit(struct sk_buff *skb, struct genl_info *info)
{
	struct nlattr *tb[PILOT_A_FRAME_MAX + 1];
	struct pilot_peer *peer = pilot_nl_lock_peer(info, PILOT_A_FRAME, tb,
						     PILOT_A_FRAME_MAX,
						     PILOT_A_FRAME_NODE_ID);
	struct pilot_endpoint *ep = NULL;
	struct pilot_device *pd;
	int err = 0;

	if (IS_ERR(peer))
		return PTR_ERR(peer);
	pd = peer->pd;
	if (tb[PILOT_A_FRAME_ENDPOINT] && tb[PILOT_A_FRAME_RELAYED]) {
		NL_SET_ERR_MSG_ATTR(info->extack, tb[PILOT_A_FRAME_ENDPOINT],
				    "either relayed or straight to an endpoint");
		err = -EINVAL;
	} else if (tb[PILOT_A_FRAME_ENDPOINT]) {
		ep = pilot_nl_endpoint(tb[PILOT_A_FRAME_ENDPOINT], info->extack);
		err = PTR_ERR_OR_ZERO(ep);
	}
	if (!err) {
		err = pilot_ping_probe(peer, ep, tb[PILOT_A_FRAME_RELAYED]);
		pilot_endpoint_free(ep);
		if (err == -ENOKEY)
			NL_SET_ERR_MSG_MOD(info->extack, "the peer has no key that may seal");
		else if (err == -EDESTADDRREQ)
			NL_SET_ERR_MSG_MOD(info->extack, "no address to send it to");
		else if (err == -ENETDOWN)
			NL_SET_ERR_MSG_MOD(info->extack, "the device is down");
	}
	pilot_nl_unlock(pd);
	return err;
}

int __init pilot_nl_frame_init(void)
{
	return netlink_register_notifier(&netlink_notifier);
}

void pilot_nl_frame_exit(void)
{
	netlink_unregister_notifier(&netlink_notifier);
}
