/* SPDX-License-Identifier: GPL-2.0 */
#ifndef _PILOT_SOCKET_H
#define _PILOT_SOCKET_H

#include <linux/in.h>
#include <linux/in6.h>
#include <linux/skbuff.h>
#include <net/dst_cache.h>
#include <net/flow.h>

struct pilot_device;
struct pilot_peer;

/**
 * union pilot_sockaddr - a UDP address of either family
 * @addr: for the family
 * @addr4: IPv4
 * @addr6: IPv6
 */
union pilot_sockaddr {
	struct sockaddr addr;
	struct sockaddr_in addr4;
	struct sockaddr_in6 addr6;
};

/**
 * struct pilot_endpoint - where a peer or the beacon is
 * @remote: its address
 * @src4: our address to send from, 0 any
 * @to4: our address it last wrote to
 * @src_if4: interface that came in by
 * @src6: our address it last wrote to, unspecified any
 * @cache: route
 * @rcu: for freeing
 *
 * Replaced as a whole when it moves, under RCU; only the source is forgotten
 * in place, when it is no longer ours.
 */
struct pilot_endpoint {
	union pilot_sockaddr remote;
	union {
		struct {
			__be32 src4;
			__be32 to4;
			int src_if4;
		};
		struct in6_addr src6;
	};
	struct dst_cache cache;
	struct rcu_head rcu;
};

/**
 * struct pilot_route - the way to an endpoint, for one packet
 * @sk: socket to send from
 * @dst: route; a reference that pilot_socket_xmit() consumes
 * @overhead: length of the outer IP and UDP headers
 * @fl: addresses and ports
 */
struct pilot_route {
	struct sock *sk;
	struct dst_entry *dst;
	unsigned int overhead;
	union {
		struct flowi4 fl4;
		struct flowi6 fl6;
	};
};

struct pilot_endpoint *pilot_endpoint_new(const union pilot_sockaddr *remote,
					  gfp_t gfp);
void pilot_endpoint_free(struct pilot_endpoint *ep);
void pilot_endpoint_replace(struct pilot_peer *peer, struct pilot_endpoint *ep,
			    bool learned);
void pilot_endpoint_learn(struct pilot_peer *peer, const struct sk_buff *skb);
bool pilot_endpoint_is(const struct pilot_endpoint *ep,
		       const union pilot_sockaddr *remote);
int pilot_skb_source(const struct sk_buff *skb, union pilot_sockaddr *source);

int pilot_socket_open(struct pilot_device *pd, u16 port);
void pilot_socket_close(struct pilot_device *pd);
void pilot_socket_forget_routes(struct pilot_device *pd);
int pilot_socket_route(struct pilot_device *pd, struct pilot_endpoint *ep,
		       struct pilot_route *route);
void pilot_socket_xmit(struct pilot_device *pd, struct pilot_route *route,
		       struct sk_buff *skb, u8 ds);

#endif /* _PILOT_SOCKET_H */
