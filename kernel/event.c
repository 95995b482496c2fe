// SPDX-License-Identifier: GPL-2.0
/*
 * Events: multicast to the group "events". All of these may be called in any
 * context but hard interrupts.
 */
#include <net/genetlink.h>

#include "device.h"
#include "netlink.h"
#include "nl.h"
#include "peer.h"
#include "socket.h"

/**
 * struct pilot_event - an event that is being written
 * @net: namespace it goes to, held: the device may move, and the one it left go
 * @skb: message
 * @hdr: its header
 * @nest: its PILOT_A_EVENT
 */
struct pilot_event {
	struct net *net;
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

	rcu_read_lock();
	ev->net = maybe_get_net(dev_net(pd->dev));
	rcu_read_unlock();
	if (!ev->net)
		return false;
	if (!genl_has_listeners(&pilot_family, ev->net, 0))
		goto no_event;
	ev->skb = nlmsg_new(NLMSG_DEFAULT_SIZE, GFP_ATOMIC);
	if (!ev->skb)
		goto no_event;
	ev->hdr = pilot_nl_begin(ev->skb, 0, 0, 0, PILOT_CMD_EVENT, pd->dev);
	ev->nest = ev->hdr ? nla_nest_start(ev->skb, PILOT_A_EVENT) : NULL;
	if (ev->nest && !nla_put_u32(ev->skb, PILOT_A_EVENT_TYPE, type) &&
	    !nla_put_u32(ev->skb, PILOT_A_EVENT_SEQ, seq) &&
	    (!node_id ||
	     !nla_put_u32(ev->skb, PILOT_A_EVENT_NODE_ID, node_id)))
		return true;
	nlmsg_free(ev->skb);
no_event:
	put_net(ev->net);
	return false;
}

static void event_end(struct pilot_event *ev, int err)
{
	if (err) {
		nlmsg_free(ev->skb);
	} else {
		nla_nest_end(ev->skb, ev->nest);
		genlmsg_end(ev->skb, ev->hdr);
		genlmsg_multicast_netns(&pilot_family, ev->net, ev->skb, 0, 0,
					GFP_ATOMIC);
	}
	put_net(ev->net);
}

/**
 * pilot_event_device() - an event about the device as such
 * @pd: device
 * @type: which
 */
void pilot_event_device(struct pilot_device *pd, enum pilot_event_type type)
{
	struct pilot_event ev;

	if (event_begin(pd, &ev, type, 0))
		event_end(&ev, 0);
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
		event_end(&ev, 0);
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
		event_end(&ev,
			  nla_put_u8(ev.skb, PILOT_A_EVENT_REASON, reason));
}

/**
 * pilot_event_need_peer() - a node that is no peer is wanted
 * @pd: device
 * @node_id: node
 * @reason: why
 */
void pilot_event_need_peer(struct pilot_device *pd, u32 node_id,
			   enum pilot_reason reason)
{
	struct pilot_event ev;

	if (event_begin(pd, &ev, PILOT_EVENT_NEED_PEER, node_id))
		event_end(&ev,
			  nla_put_u8(ev.skb, PILOT_A_EVENT_REASON, reason));
}

/**
 * pilot_event_registry() - the handler stands otherwise with its registry
 * @pd: device
 * @state: how
 */
void pilot_event_registry(struct pilot_device *pd,
			  enum pilot_registry_state state)
{
	struct pilot_event ev;

	if (event_begin(pd, &ev, PILOT_EVENT_REGISTRY_CHANGED, 0))
		event_end(&ev,
			  nla_put_u8(ev.skb, PILOT_A_EVENT_REGISTRY, state));
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
	event_end(&ev,
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
		event_end(&ev,
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
		event_end(&ev,
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
		event_end(&ev,
			  pilot_nl_put_endpoint(ev.skb, PILOT_A_EVENT_ENDPOINT, remote));
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
		event_end(&ev,
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
		event_end(&ev,
			  nla_put_u32(ev.skb, PILOT_A_EVENT_COUNT, count));
}
