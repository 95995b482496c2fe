/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The code is written against the newest kernel; what 6.1 and 6.12 lack or
 * name otherwise is mended here and nowhere else.
 */
#ifndef _PILOT_COMPAT_H
#define _PILOT_COMPAT_H

#include <linux/netdevice.h>
#include <net/genetlink.h>
#include <net/ip6_tunnel.h>
#include <net/rtnetlink.h>
#include <net/udp_tunnel.h>

/*
 * Per-CPU state is whose bottom halves are off. From 6.18 on that holds for
 * PREEMPT_RT with this option only, of which the headers do not tell.
 */
#include <linux/version.h>
#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 18, 0) && \
	defined(CONFIG_PREEMPT_RT) && !defined(CONFIG_PREEMPT_RT_NEEDS_BH_LOCK)
#error "on PREEMPT_RT pilot needs CONFIG_PREEMPT_RT_NEEDS_BH_LOCK"
#endif

/* compat.mk tells which headers and functions there are. */
#ifdef PILOT_HAVE_GSO_H
#include <net/gso.h>
#endif

#ifdef PILOT_HAVE_UNALIGNED_H
#include <linux/unaligned.h>
#else
#include <asm/unaligned.h>
#endif

/* After 6.16 the workqueue that is bound to no CPU has another name. */
#ifndef PILOT_HAVE_DFL_WQ
#define system_dfl_wq system_unbound_wq
#endif

/* 6.12: a field instead of a feature flag */
static inline void pilot_compat_set_lltx(struct net_device *dev)
{
#ifdef NETIF_F_LLTX
	dev->features |= NETIF_F_LLTX;
#else
	dev->lltx = true;
#endif
}

/* After 6.12 the tunnel helpers moved from struct socket to sock. */
#ifdef PILOT_HAVE_TUNNEL_SK
#define PILOT_TUNNEL_SOCK(sock) ((sock)->sk)
#else
#define PILOT_TUNNEL_SOCK(sock) (sock)
#endif

/* 6.17: a trailing argument for IPCB flags */
#ifdef PILOT_HAVE_IPCB_FLAGS
#define pilot_udp_tunnel_xmit(...)	udp_tunnel_xmit_skb(__VA_ARGS__, 0)
#define pilot_udp_tunnel6_xmit(...)	udp_tunnel6_xmit_skb(__VA_ARGS__, 0)
#else
#define pilot_udp_tunnel_xmit		udp_tunnel_xmit_skb
#define pilot_udp_tunnel6_xmit		udp_tunnel6_xmit_skb
#endif

/* 6.7: genl_info in dumps */
#ifdef PILOT_HAVE_INFO_DUMP
#define pilot_dump_attrs(cb)	(genl_info_dump(cb)->attrs)
#else
#define pilot_dump_attrs(cb)	(genl_dumpit_info(cb)->attrs)
#endif

/* 6.15: parameters of newlink in a structure */
#ifdef PILOT_HAVE_NEWLINK_PARAMS
#define PILOT_NEWLINK(name, dev, link_net, extack)			\
static int name##_common(struct net *link_net, struct net_device *dev,	\
			 struct netlink_ext_ack *extack);		\
static int name(struct net_device *dev,					\
		struct rtnl_newlink_params *params,			\
		struct netlink_ext_ack *extack)				\
{									\
	return name##_common(rtnl_newlink_link_net(params), dev, extack); \
}									\
static int name##_common(struct net *link_net, struct net_device *dev,	\
			 struct netlink_ext_ack *extack)
#else
#define PILOT_NEWLINK(name, dev, link_net, extack)			\
static int name##_common(struct net *link_net, struct net_device *dev,	\
			 struct netlink_ext_ack *extack);		\
static int name(struct net *src_net, struct net_device *dev,		\
		struct nlattr *tb[], struct nlattr *data[],		\
		struct netlink_ext_ack *extack)				\
{									\
	return name##_common(src_net, dev, extack);			\
}									\
static int name##_common(struct net *link_net, struct net_device *dev,	\
			 struct netlink_ext_ack *extack)
#endif

/* 6.6: crypto_memneq() has a header of its own */
#ifdef PILOT_HAVE_CRYPTO_UTILS_H
#include <crypto/utils.h>
#else
#include <crypto/algapi.h>
#endif

#endif /* _PILOT_COMPAT_H */
