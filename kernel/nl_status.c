// SPDX-License-Identifier: GPL-2.0
/*
 * Netlink: what the handler tells of itself. Kept for those who ask, and gone
 * with the handler.
 */
#include <linux/string.h>
#include <net/genetlink.h>

#include "device.h"
#include "netlink.h"
#include "nl.h"

static void copy_text(char *to, const struct nlattr *attr)
{
	nla_strscpy(to, attr, PILOT_STATUS_TEXT_LEN);
}

/* Only the handler may; it also must not have changed since. */
static bool is_handler(struct pilot_device *pd, struct genl_info *info)
{
	lockdep_assert_held(&pd->handler_lock);
	return pd->handler_portid && pd->handler_portid == info->snd_portid &&
	       net_eq(pd->handler_net, genl_info_net(info));
}

/* Changes the status of @pd as the nest @attr says. */
int pilot_nl_set_status(struct pilot_device *pd, struct nlattr *attr,
			struct genl_info *info)
{
	struct nlattr *tb[PILOT_A_STATUS_MAX + 1];
	struct nlattr *where = NULL;
	struct pilot_status *s = &pd->status;
	union pilot_sockaddr reflexive = {};
	bool changed = false;
	u8 registry = 0;
	int err;

	err = nla_parse_nested(tb, PILOT_A_STATUS_MAX, attr, NULL, info->extack);
	where = err ? NULL : tb[PILOT_A_STATUS_REFLEXIVE];
	if (where)
		err = pilot_nl_address(where, &reflexive, info->extack);
	if (err < 0)
		return err;
	spin_lock_bh(&pd->handler_lock);
	if (!is_handler(pd, info)) {
		spin_unlock_bh(&pd->handler_lock);
		NL_SET_ERR_MSG_ATTR(info->extack, attr,
				    "only the daemon that serves the device may");
		return -EPERM;
	}
	if (tb[PILOT_A_STATUS_REGISTRY]) {
		registry = nla_get_u8(tb[PILOT_A_STATUS_REGISTRY]);
		changed = registry != s->registry;
		if (changed)
			s->registry_since = jiffies;
		s->registry = registry;
	}
	if (tb[PILOT_A_STATUS_REGISTRY_ADDRESS])
		copy_text(s->registry_address, tb[PILOT_A_STATUS_REGISTRY_ADDRESS]);
	if (tb[PILOT_A_STATUS_REGISTRY_ERROR])
		copy_text(s->registry_error, tb[PILOT_A_STATUS_REGISTRY_ERROR]);
	if (where)
		s->reflexive = reflexive;
	spin_unlock_bh(&pd->handler_lock);
	if (changed)
		pilot_event_registry(pd, registry);
	return 0;
}

/* Forgets the status of a handler that is gone; the handler's lock is held. */
void pilot_nl_clear_status(struct pilot_device *pd)
{
	lockdep_assert_held(&pd->handler_lock);
	memset(&pd->status, 0, sizeof(pd->status));
}

static int put_registry(struct sk_buff *skb, const struct pilot_status *s)
{
	return nla_put_u8(skb, PILOT_A_STATUS_REGISTRY, s->registry) ?:
	       nla_put_string(skb, PILOT_A_STATUS_REGISTRY_ADDRESS,
			      s->registry_address) ?:
	       (s->registry_error[0] ?
		nla_put_string(skb, PILOT_A_STATUS_REGISTRY_ERROR,
			       s->registry_error) : 0) ?:
	       nla_put_u64_64bit(skb, PILOT_A_STATUS_REGISTRY_SINCE,
				 pilot_nl_age(s->registry_since),
				 PILOT_A_STATUS_PAD);
}

/* The nest PILOT_A_DEVICE_STATUS, if there is anything to tell. */
int pilot_nl_put_status(struct sk_buff *skb, struct pilot_device *pd)
{
	struct pilot_status s;
	struct nlattr *nest;

	spin_lock_bh(&pd->handler_lock);
	s = pd->status;
	spin_unlock_bh(&pd->handler_lock);
	if (!s.registry && !s.reflexive.addr.sa_family)
		return 0;
	nest = nla_nest_start(skb, PILOT_A_DEVICE_STATUS);
	if (!nest || (s.registry && put_registry(skb, &s)) ||
	    (s.reflexive.addr.sa_family &&
	     pilot_nl_put_endpoint(skb, PILOT_A_STATUS_REFLEXIVE, &s.reflexive)))
		return -EMSGSIZE;
	nla_nest_end(skb, nest);
	return 0;
}
