/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What the files that make up the netlink family share.
 */
#ifndef _PILOT_NL_H
#define _PILOT_NL_H

#include <net/genetlink.h>
#include <linux/pilot.h>

struct pilot_device;
struct pilot_endpoint;
struct pilot_peer;
union pilot_sockaddr;

extern struct genl_family pilot_family;

/* nl_common.c */
struct pilot_device *pilot_nl_lock(struct net *net, struct nlattr **attrs,
				   struct netlink_ext_ack *extack);
void pilot_nl_unlock(struct pilot_device *pd);
int pilot_nl_parse(struct genl_info *info, int type, struct nlattr **tb,
		   int max);
struct pilot_peer *pilot_nl_peer(struct pilot_device *pd, struct nlattr *nest,
				 struct nlattr *node,
				 struct netlink_ext_ack *extack);
struct pilot_peer *pilot_nl_lock_peer(struct genl_info *info, int type,
				      struct nlattr **tb, int max, int node);
int pilot_nl_address(struct nlattr *nest, union pilot_sockaddr *sa,
		     struct netlink_ext_ack *extack);
struct pilot_endpoint *pilot_nl_endpoint(struct nlattr *nest,
					 struct netlink_ext_ack *extack);
u64 pilot_nl_age(unsigned long since);
int pilot_nl_put_endpoint(struct sk_buff *skb, int type,
			  const union pilot_sockaddr *sa);
void *pilot_nl_begin(struct sk_buff *skb, u32 portid, u32 seq, int flags,
		     u8 cmd, struct net_device *dev);

/* nl_key.c */
int pilot_nl_put_keys(struct sk_buff *skb, int type, struct pilot_peer *peer);

/* nl_status.c */
int pilot_nl_set_status(struct pilot_device *pd, struct nlattr *attr,
			struct genl_info *info);
int pilot_nl_put_status(struct sk_buff *skb, struct pilot_device *pd);

/* nl_frame.c */
int pilot_nl_frame_init(void);
void pilot_nl_frame_exit(void);

/* Commands */
int pilot_nl_device_get_doit(struct sk_buff *skb, struct genl_info *info);
int pilot_nl_device_set_doit(struct sk_buff *skb, struct genl_info *info);
int pilot_nl_peer_get_doit(struct sk_buff *skb, struct genl_info *info);
int pilot_nl_peer_new_doit(struct sk_buff *skb, struct genl_info *info);
int pilot_nl_peer_set_doit(struct sk_buff *skb, struct genl_info *info);
int pilot_nl_peer_del_doit(struct sk_buff *skb, struct genl_info *info);
int pilot_nl_rekey_doit(struct sk_buff *skb, struct genl_info *info);
int pilot_nl_key_get_doit(struct sk_buff *skb, struct genl_info *info);
int pilot_nl_key_set_doit(struct sk_buff *skb, struct genl_info *info);
int pilot_nl_key_del_doit(struct sk_buff *skb, struct genl_info *info);
int pilot_nl_handler_register_doit(struct sk_buff *skb, struct genl_info *info);
int pilot_nl_frame_doit(struct sk_buff *skb, struct genl_info *info);
int pilot_nl_probe_doit(struct sk_buff *skb, struct genl_info *info);
int pilot_nl_device_get_dumpit(struct sk_buff *skb,
			       struct netlink_callback *cb);
int pilot_nl_peer_get_dumpit(struct sk_buff *skb,
			     struct netlink_callback *cb);
int pilot_nl_key_get_dumpit(struct sk_buff *skb,
			    struct netlink_callback *cb);

#endif /* _PILOT_NL_H */
