// SPDX-License-Identifier: GPL-2.0
/*
 * Netlink: keys. A secret goes in, and never out.
 */
#include <net/genetlink.h>

#include "compat.h"
#include "device.h"
#include "netlink.h"
#include "nl.h"
#include "peer.h"
#include "store.h"

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
	    (memchr_inv(key->peer_ed25519, 0, sizeof(key->peer_ed25519)) &&
	     nla_put(skb, PILOT_A_KEY_PEER_ED25519, sizeof(key->peer_ed25519),
		     key->peer_ed25519)) ||
	    nla_put_u64_64bit(skb, PILOT_A_KEY_AGE, pilot_nl_age(key->installed),
			      PILOT_A_KEY_PAD) ||
	    (READ_ONCE(key->proven) &&
	     nla_put_u64_64bit(skb, PILOT_A_KEY_LAST_RX,
			       pilot_nl_age(READ_ONCE(key->last_rx)),
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

int pilot_nl_put_keys(struct sk_buff *skb, int type, struct pilot_peer *peer)
{
	struct pilot_key *keys[PILOT_SLOTS];
	int slot, err = 0;

	rcu_read_lock();
	/* a frame may move them between slots meanwhile */
	spin_lock_bh(&peer->lock);
	for (slot = 0; slot < PILOT_SLOTS; slot++)
		keys[slot] = rcu_dereference(peer->keys[slot]);
	spin_unlock_bh(&peer->lock);
	for (slot = 0; slot < PILOT_SLOTS && !err; slot++)
		if (keys[slot])
			err = put_key(skb, type, peer, keys[slot], slot);
	rcu_read_unlock();
	return err;
}

int pilot_nl_key_get_doit(struct sk_buff *skb, struct genl_info *info)
{
	struct nlattr *tb[PILOT_A_KEY_MAX + 1];
	struct pilot_peer *peer = pilot_nl_lock_peer(info, PILOT_A_KEY, tb,
						     PILOT_A_KEY_MAX,
						     PILOT_A_KEY_NODE_ID);
	struct sk_buff *msg;
	int err = -ENOMEM;
	void *hdr;

	if (IS_ERR(peer))
		return PTR_ERR(peer);
	msg = nlmsg_new(NLMSG_DEFAULT_SIZE, GFP_KERNEL);
	if (!msg)
		goto out;
	err = -EMSGSIZE;
	hdr = pilot_nl_begin(msg, info->snd_portid, info->snd_seq, 0, PILOT_CMD_KEY_GET,
			     peer->pd->dev);
	if (!hdr || pilot_nl_put_keys(msg, PILOT_A_KEY, peer)) {
		nlmsg_free(msg);
		goto out;
	}
	genlmsg_end(msg, hdr);
	err = genlmsg_reply(msg, info);
out:
	pilot_nl_unlock(peer->pd);
	return err;
}

int pilot_nl_key_get_dumpit(struct sk_buff *skb, struct netlink_callback *cb)
{
	struct pilot_device *pd = pilot_nl_lock(sock_net(skb->sk),
						pilot_dump_attrs(cb), cb->extack);
	struct pilot_peer *peer;
	unsigned long id;
	int err = 0;

	if (IS_ERR(pd))
		return PTR_ERR(pd);
	cb->seq = pd->generation;
	xa_for_each_start(&pd->peers.ids, id, peer, cb->args[0]) {
		void *hdr, *empty;

		hdr = pilot_nl_begin(skb, NETLINK_CB(cb->skb).portid,
				     cb->nlh->nlmsg_seq, NLM_F_MULTI, PILOT_CMD_KEY_GET,
				     pd->dev);
		if (!hdr) {
			err = -EMSGSIZE;
			break;
		}
		empty = skb_tail_pointer(skb);
		err = pilot_nl_put_keys(skb, PILOT_A_KEY, peer);
		if (err || skb_tail_pointer(skb) == empty) {
			genlmsg_cancel(skb, hdr);
		} else {
			/* it is told in a message that is sent, or not at all */
			genl_dump_check_consistent(cb, hdr);
			genlmsg_end(skb, hdr);
		}
		if (err)
			break;
		cb->args[0] = id + 1;
	}
	pilot_nl_unlock(pd);
	return skb->len ?: err;
}

/* Whether the peer has a key whose owner proved its identity. */
static bool has_authenticated(struct pilot_peer *peer)
{
	bool has = false;
	int slot;

	spin_lock_bh(&peer->lock);
	for (slot = 0; slot < PILOT_SLOTS; slot++) {
		struct pilot_key *key =
			rcu_dereference_protected(peer->keys[slot],
						  lockdep_is_held(&peer->lock));

		has |= key && key->authenticated;
	}
	spin_unlock_bh(&peer->lock);
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

static int key_set(struct pilot_peer *peer, struct genl_info *info,
		   struct nlattr **tb)
{
	struct nlattr *nest = info->attrs[PILOT_A_KEY];
	const struct pilot_key_params params = {
		.secret = optional_data(tb[PILOT_A_KEY_SECRET]),
		.id = tb[PILOT_A_KEY_ID] ? nla_get_u32(tb[PILOT_A_KEY_ID]) : 0,
		.authenticated = tb[PILOT_A_KEY_AUTHENTICATED],
		.peer_x25519 = optional_data(tb[PILOT_A_KEY_PEER_X25519]),
		.local_x25519 = optional_data(tb[PILOT_A_KEY_LOCAL_X25519]),
		.peer_ed25519 = optional_data(tb[PILOT_A_KEY_PEER_ED25519]),
	};
	enum pilot_slot slot;
	struct sk_buff *msg;
	void *hdr;
	u32 id;
	int err;

	err = key_check(peer->pd, peer, nest, tb, info->extack);
	if (err)
		return err;
	/* the answer is allocated before anything changes */
	msg = nlmsg_new(NLMSG_DEFAULT_SIZE, GFP_KERNEL);
	if (!msg)
		return -ENOMEM;
	err = pilot_key_install(peer, &params, &id, &slot, info->extack);
	if (err)
		goto out;
	hdr = pilot_nl_begin(msg, info->snd_portid, info->snd_seq, 0, PILOT_CMD_KEY_SET,
			     peer->pd->dev);
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
	nlmsg_free(msg);
	return err;
}

int pilot_nl_key_set_doit(struct sk_buff *skb, struct genl_info *info)
{
	struct nlattr *tb[PILOT_A_KEY_MAX + 1], *secret = NULL;
	struct pilot_peer *peer = pilot_nl_lock_peer(info, PILOT_A_KEY, tb,
						     PILOT_A_KEY_MAX,
						     PILOT_A_KEY_NODE_ID);
	int err = PTR_ERR_OR_ZERO(peer);

	if (!err) {
		err = key_set(peer, info, tb);
		pilot_nl_unlock(peer->pd);
	}
	/* no copy stays behind in the request */
	if (info->attrs[PILOT_A_KEY])
		secret = nla_find_nested(info->attrs[PILOT_A_KEY],
					 PILOT_A_KEY_SECRET);
	if (secret)
		memzero_explicit(nla_data(secret), nla_len(secret));
	return err;
}

int pilot_nl_key_del_doit(struct sk_buff *skb, struct genl_info *info)
{
	struct nlattr *tb[PILOT_A_KEY_MAX + 1], *id;
	struct pilot_peer *peer = pilot_nl_lock_peer(info, PILOT_A_KEY, tb,
						     PILOT_A_KEY_MAX,
						     PILOT_A_KEY_NODE_ID);
	int err = 0;

	if (IS_ERR(peer))
		return PTR_ERR(peer);
	id = tb[PILOT_A_KEY_ID];
	if (id) {
		err = pilot_key_drop(peer, nla_get_u32(id), PILOT_REASON_USER);
		if (err)
			NL_SET_ERR_MSG_ATTR(info->extack, id,
					    "that key is not installed");
	} else {
		pilot_key_drop_all(peer, PILOT_REASON_USER);
	}
	pilot_nl_unlock(peer->pd);
	return err;
}
