// SPDX-License-Identifier: GPL-2.0
/*
 * The tunnel sockets, endpoints and the way out.
 */
#include <linux/inetdevice.h>
#include <linux/rhashtable.h>
#include <linux/slab.h>
#include <net/addrconf.h>
#include <net/ip.h>
#include <net/ip6_route.h>
#include <net/ip_tunnels.h>
#include <net/ipv6.h>
#include <net/route.h>

#include "aead.h"
#include "compat.h"
#include "device.h"
#include "netlink.h"
#include "offload.h"
#include "peer.h"
#include "receive.h"
#include "socket.h"

/* Ports tried when any will do, until both families have one in common. */
#define PORT_TRIES	100

/**
 * pilot_endpoint_new() - allocates an endpoint
 * @remote: address
 * @gfp: GFP_ATOMIC in bottom halves
 *
 * Return: the endpoint or NULL.
 */
struct pilot_endpoint *pilot_endpoint_new(const union pilot_sockaddr *remote,
					  gfp_t gfp)
{
	struct pilot_endpoint *ep = kzalloc(sizeof(*ep), gfp);

	if (!ep)
		return NULL;
	if (dst_cache_init(&ep->cache, gfp | __GFP_NOWARN)) {
		kfree(ep);
		return NULL;
	}
	ep->remote = *remote;
	return ep;
}

static void free_endpoint(struct rcu_head *rcu)
{
	struct pilot_endpoint *ep = container_of(rcu, struct pilot_endpoint, rcu);

	dst_cache_destroy(&ep->cache);
	kfree(ep);
}

/**
 * pilot_endpoint_free() - frees an endpoint after a grace period
 * @ep: endpoint or NULL
 */
void pilot_endpoint_free(struct pilot_endpoint *ep)
{
	if (ep)
		call_rcu(&ep->rcu, free_endpoint);
}

/**
 * pilot_endpoint_replace() - moves a peer
 * @peer: peer
 * @ep: new endpoint, taken over; NULL: nowhere
 * @learned: by a frame, not by configuration
 */
void pilot_endpoint_replace(struct pilot_peer *peer, struct pilot_endpoint *ep,
			    bool learned)
{
	struct pilot_endpoint *old;

	spin_lock_bh(&peer->lock);
	if (peer->dead && ep) {
		old = ep;
	} else {
		old = rcu_dereference_protected(peer->endpoint,
						lockdep_is_held(&peer->lock));
		rcu_assign_pointer(peer->endpoint, ep);
		if (ep && (!old || !pilot_endpoint_is(old, &ep->remote)))
			pilot_peer_moved(peer, learned);
	}
	spin_unlock_bh(&peer->lock);
	pilot_endpoint_free(old);
}

/**
 * pilot_endpoint_is() - compares addresses
 * @ep: endpoint
 * @remote: address
 */
bool pilot_endpoint_is(const struct pilot_endpoint *ep,
		       const union pilot_sockaddr *remote)
{
	const union pilot_sockaddr *a = &ep->remote;

	if (a->addr.sa_family != remote->addr.sa_family)
		return false;
	if (a->addr.sa_family == AF_INET)
		return a->addr4.sin_addr.s_addr == remote->addr4.sin_addr.s_addr &&
		       a->addr4.sin_port == remote->addr4.sin_port;
	return ipv6_addr_equal(&a->addr6.sin6_addr, &remote->addr6.sin6_addr) &&
	       a->addr6.sin6_port == remote->addr6.sin6_port &&
	       a->addr6.sin6_scope_id == remote->addr6.sin6_scope_id;
}

/**
 * pilot_skb_source() - outer source of a received datagram
 * @skb: datagram, its network and transport headers set
 * @source: receives the address
 *
 * Return: 0 or -EINVAL.
 */
int pilot_skb_source(const struct sk_buff *skb, union pilot_sockaddr *source)
{
	memset(source, 0, sizeof(*source));
	if (ip_hdr(skb)->version == 4) {
		source->addr4.sin_family = AF_INET;
		source->addr4.sin_port = udp_hdr(skb)->source;
		source->addr4.sin_addr.s_addr = ip_hdr(skb)->saddr;
		return 0;
	}
	if (ip_hdr(skb)->version == 6) {
		source->addr6.sin6_family = AF_INET6;
		source->addr6.sin6_port = udp_hdr(skb)->source;
		source->addr6.sin6_addr = ipv6_hdr(skb)->saddr;
		source->addr6.sin6_scope_id =
			ipv6_iface_scope_id(&ipv6_hdr(skb)->saddr,
					    skb->skb_iif);
		return 0;
	}
	return -EINVAL;
}

/* Whether a datagram came along the path the endpoint describes. */
static bool same_path(const struct pilot_endpoint *ep, const struct sk_buff *skb)
{
	const union pilot_sockaddr *a = &ep->remote;

	if (ip_hdr(skb)->version == 4)
		return a->addr.sa_family == AF_INET &&
		       a->addr4.sin_addr.s_addr == ip_hdr(skb)->saddr &&
		       a->addr4.sin_port == udp_hdr(skb)->source &&
		       ep->to4 == ip_hdr(skb)->daddr &&
		       READ_ONCE(ep->src_if4) == skb->skb_iif;
	return a->addr.sa_family == AF_INET6 &&
	       ipv6_addr_equal(&a->addr6.sin6_addr, &ipv6_hdr(skb)->saddr) &&
	       a->addr6.sin6_port == udp_hdr(skb)->source &&
	       (!a->addr6.sin6_scope_id ||
		a->addr6.sin6_scope_id == skb->skb_iif) &&
	       ipv6_addr_equal(&ep->src6, &ipv6_hdr(skb)->daddr);
}

/**
 * pilot_endpoint_learn() - follows a peer to where its newest frame came from
 * @peer: sender, proved by the frame
 * @skb: datagram, its network and transport headers set
 *
 * Context: bottom halves off, RCU read side.
 */
void pilot_endpoint_learn(struct pilot_peer *peer, const struct sk_buff *skb)
{
	struct pilot_endpoint *ep = rcu_dereference(peer->endpoint);
	union pilot_sockaddr source;

	if (likely(ep && same_path(ep, skb)))
		return;
	if (pilot_skb_source(skb, &source))
		return;
	ep = pilot_endpoint_new(&source, GFP_ATOMIC);
	if (!ep)
		return;
	if (source.addr.sa_family == AF_INET) {
		ep->src4 = ip_hdr(skb)->daddr;
		ep->to4 = ep->src4;
		ep->src_if4 = skb->skb_iif;
	} else {
		ep->src6 = ipv6_hdr(skb)->daddr;
	}
	pilot_endpoint_replace(peer, ep, true);
}

static struct dst_entry *route4(struct pilot_device *pd, struct net *net,
				struct sock *sk, struct pilot_endpoint *ep,
				struct flowi4 *fl)
{
	struct rtable *rt;

	fl->saddr = READ_ONCE(ep->src4);
	fl->daddr = ep->remote.addr4.sin_addr.s_addr;
	fl->fl4_dport = ep->remote.addr4.sin_port;
	fl->fl4_sport = inet_sk(sk)->inet_sport;
	fl->flowi4_mark = READ_ONCE(pd->fwmark);
	fl->flowi4_proto = IPPROTO_UDP;

	rt = dst_cache_get_ip4(&ep->cache, &fl->saddr);
	if (rt)
		return &rt->dst;
	security_sk_classify_flow(sk, flowi4_to_flowi_common(fl));
	if (fl->saddr && !inet_confirm_addr(net, NULL, 0, fl->saddr,
					    RT_SCOPE_HOST)) {
		fl->saddr = 0;
		WRITE_ONCE(ep->src4, 0);
	}
	rt = ip_route_output_flow(net, fl, sk);
	if (fl->saddr && READ_ONCE(ep->src_if4) &&
	    (PTR_ERR(rt) == -EINVAL ||
	     (!IS_ERR(rt) && rt->dst.dev->ifindex != READ_ONCE(ep->src_if4)))) {
		/* our address is on another interface than the route now */
		if (!IS_ERR(rt))
			ip_rt_put(rt);
		fl->saddr = 0;
		WRITE_ONCE(ep->src4, 0);
		rt = ip_route_output_flow(net, fl, sk);
	}
	if (IS_ERR(rt))
		return ERR_CAST(rt);
	if (rt->dst.dev == pd->dev) {
		ip_rt_put(rt);
		return ERR_PTR(-ELOOP);
	}
	dst_cache_set_ip4(&ep->cache, &rt->dst, fl->saddr);
	return &rt->dst;
}

#if IS_ENABLED(CONFIG_IPV6)
static struct dst_entry *route6(struct pilot_device *pd, struct net *net,
				struct sock *sk, struct pilot_endpoint *ep,
				struct flowi6 *fl)
{
	struct dst_entry *dst;

	fl->saddr = ep->src6;
	fl->daddr = ep->remote.addr6.sin6_addr;
	fl->fl6_dport = ep->remote.addr6.sin6_port;
	fl->fl6_sport = inet_sk(sk)->inet_sport;
	fl->flowi6_oif = ep->remote.addr6.sin6_scope_id;
	fl->flowi6_mark = READ_ONCE(pd->fwmark);
	fl->flowi6_proto = IPPROTO_UDP;

	dst = dst_cache_get_ip6(&ep->cache, &fl->saddr);
	if (dst)
		return dst;
	security_sk_classify_flow(sk, flowi6_to_flowi_common(fl));
	if (!ipv6_addr_any(&fl->saddr) &&
	    !ipv6_chk_addr(net, &fl->saddr, NULL, 0))
		fl->saddr = in6addr_any;
	dst = ip6_dst_lookup_flow(net, sk, fl, NULL);
	if (IS_ERR(dst))
		return dst;
	if (dst->dev == pd->dev) {
		dst_release(dst);
		return ERR_PTR(-ELOOP);
	}
	dst_cache_set_ip6(&ep->cache, dst, &fl->saddr);
	return dst;
}
#endif

/**
 * pilot_socket_route() - finds the way to an endpoint
 * @pd: device
 * @ep: endpoint
 * @route: receives the way; holds a reference on its dst
 *
 * Context: bottom halves off, RCU read side. Return: 0; -ENETDOWN while the
 * device is down, -ELOOP when the route leads back into the device, or an
 * error of routing.
 */
int pilot_socket_route(struct pilot_device *pd, struct pilot_endpoint *ep,
		       struct pilot_route *route)
{
	if (ep->remote.addr.sa_family == AF_INET) {
		route->sk = rcu_dereference(pd->sock4);
		if (unlikely(!route->sk))
			return -ENETDOWN;
		memset(&route->fl4, 0, sizeof(route->fl4));
		route->overhead = sizeof(struct iphdr) + sizeof(struct udphdr);
		route->dst = route4(pd, sock_net(route->sk), route->sk, ep,
				    &route->fl4);
		return PTR_ERR_OR_ZERO(route->dst);
	}
#if IS_ENABLED(CONFIG_IPV6)
	route->sk = rcu_dereference(pd->sock6);
	if (unlikely(!route->sk))
		return -ENETDOWN;
	memset(&route->fl6, 0, sizeof(route->fl6));
	route->overhead = sizeof(struct ipv6hdr) + sizeof(struct udphdr);
	route->dst = route6(pd, sock_net(route->sk), route->sk, ep,
			    &route->fl6);
	return PTR_ERR_OR_ZERO(route->dst);
#else
	return -EAFNOSUPPORT;
#endif
}

/**
 * pilot_socket_xmit() - sends a datagram
 * @pd: device
 * @route: way to the endpoint; its dst is consumed
 * @skb: payload, with room for the outer headers; consumed
 * @ds: outer traffic class
 *
 * Context: bottom halves off, RCU read side.
 */
void pilot_socket_xmit(struct pilot_device *pd, struct pilot_route *route,
		       struct sk_buff *skb, u8 ds)
{
	struct dst_entry *dst = route->dst;

	/* no accounting on the device: that is done per inner packet */
	skb->dev = NULL;
	skb->mark = READ_ONCE(pd->fwmark);
	skb->ignore_df = 1;
#if IS_ENABLED(CONFIG_IPV6)
	if (dst->ops->family == AF_INET6) {
		pilot_udp_tunnel6_xmit(dst, route->sk, skb, NULL,
				       &route->fl6.saddr, &route->fl6.daddr, ds,
				     ip6_dst_hoplimit(dst), 0,
				     route->fl6.fl6_sport,
				     route->fl6.fl6_dport,
				     false);
		return;
	}
#endif
	pilot_udp_tunnel_xmit((struct rtable *)dst, route->sk, skb,
			      route->fl4.saddr, route->fl4.daddr, ds,
			    ip4_dst_hoplimit(dst), 0, route->fl4.fl4_sport,
			    route->fl4.fl4_dport, false,
			    false);
}

static int encap_rcv(struct sock *sk, struct sk_buff *skb)
{
	struct pilot_device *pd = rcu_dereference_sk_user_data(sk);

	/* the core walks the segments of what it cut apart: others must not */
	skb_mark_not_on_list(skb);
	if (unlikely(!pd))
		kfree_skb(skb);
	else if (!pilot_device_must_defer(&pd->deferred_rx,
					  pilot_aead_usable()))
		pilot_receive(pd, skb);
	else if (!pilot_device_defer(pd, &pd->deferred_rx, skb))
		pilot_count(pd, NULL, PILOT_A_STATS_RX_NOMEM);
	return 0;
}

static void setup(struct pilot_device *pd, struct net *net,
		  struct socket *sock)
{
	struct udp_tunnel_sock_cfg cfg = {
		.sk_user_data = pd,
		.encap_type = 1,
		.encap_rcv = encap_rcv,
	};

	sock->sk->sk_allocation = GFP_ATOMIC;
	sock->sk->sk_sndbuf = INT_MAX;
	sk_set_memalloc(sock->sk);
	/*
	 * IPv4 routers may fragment what we send, and need not tell us: so
	 * nobody can shrink the path by forged ICMP. IPv6 has no such choice.
	 */
	if (sock->sk->sk_family == AF_INET)
		ip_sock_set_mtu_discover(sock->sk, IP_PMTUDISC_OMIT);
	setup_udp_tunnel_sock(net, PILOT_TUNNEL_SOCK(sock), &cfg);
	pilot_offload_socket(sock);
}

static int create_pair(struct net *net, u16 port, struct socket **sock4,
		       struct socket **sock6)
{
	struct udp_port_cfg cfg4 = {
		.family = AF_INET,
		.local_ip.s_addr = htonl(INADDR_ANY),
		.local_udp_port = htons(port),
		.use_udp_checksums = true,
	};
#if IS_ENABLED(CONFIG_IPV6)
	struct udp_port_cfg cfg6 = {
		.family = AF_INET6,
		.local_ip6 = IN6ADDR_ANY_INIT,
		.use_udp6_tx_checksums = true,
		.use_udp6_rx_checksums = true,
		.ipv6_v6only = true,
	};
#endif
	int err;

	*sock6 = NULL;
	err = udp_sock_create(net, &cfg4, sock4);
	if (err)
		return err;
#if IS_ENABLED(CONFIG_IPV6)
	if (!ipv6_mod_enabled())
		return 0;
	cfg6.local_udp_port = inet_sk((*sock4)->sk)->inet_sport;
	err = udp_sock_create(net, &cfg6, sock6);
	if (err) {
		udp_tunnel_sock_release(PILOT_TUNNEL_SOCK(*sock4));
		*sock4 = NULL;
	}
#endif
	return err;
}

static void close_socket(struct sock *sk)
{
	if (!sk)
		return;
	sk_clear_memalloc(sk);
	udp_tunnel_sock_release(PILOT_TUNNEL_SOCK(sk->sk_socket));
}

static void close_pair(struct sock *sk4, struct sock *sk6)
{
	/* packets under way may still hold them, and the device through them */
	close_socket(sk4);
	close_socket(sk6);
	synchronize_net();
}

/* Puts new sockets in place and closes the old ones. */
static void replace_pair(struct pilot_device *pd, struct sock *sk4,
			 struct sock *sk6)
{
	struct sock *old4, *old6;

	old4 = rcu_replace_pointer(pd->sock4, sk4, lockdep_is_held(&pd->lock));
	old6 = rcu_replace_pointer(pd->sock6, sk6, lockdep_is_held(&pd->lock));
	if (old4 || old6) {
		synchronize_net();
		close_pair(old4, old6);
	}
}

static void reset_routes(struct pilot_device *pd,
			 void (*reset)(struct dst_cache *cache))
{
	struct pilot_endpoint *ep;
	struct pilot_peer *peer;
	unsigned long id;

	xa_for_each(&pd->peers.ids, id, peer) {
		rcu_read_lock();
		ep = rcu_dereference(peer->endpoint);
		if (ep)
			reset(&ep->cache);
		rcu_read_unlock();
		cond_resched();
	}
	rcu_read_lock();
	ep = rcu_dereference(pd->beacon);
	if (ep)
		reset(&ep->cache);
	rcu_read_unlock();
}

/**
 * pilot_socket_open() - opens the tunnel sockets, or moves them to a port
 * @pd: device; its lock is held
 * @port: UDP port, 0 any
 *
 * On failure the old ones stay as they are.
 *
 * Context: process. Return: 0, -EADDRINUSE, -ENONET when the namespace they
 * belong to is gone, or another error of socket creation.
 */
int pilot_socket_open(struct pilot_device *pd, u16 port)
{
	struct socket *sock4 = NULL, *sock6 = NULL;
	struct net *net;
	int err, try = 0;

	lockdep_assert_held(&pd->lock);
	rcu_read_lock();
	net = READ_ONCE(pd->link_net);
	net = net ? maybe_get_net(net) : NULL;
	rcu_read_unlock();
	if (!net)
		return -ENONET;
	do {
		err = create_pair(net, port, &sock4, &sock6);
	} while (err == -EADDRINUSE && !port && ++try < PORT_TRIES);
	if (!err) {
		pilot_offload_start(pd, net);
		WRITE_ONCE(pd->port, ntohs(inet_sk(sock4->sk)->inet_sport));
		setup(pd, net, sock4);
		if (sock6)
			setup(pd, net, sock6);
		replace_pair(pd, sock4->sk, sock6 ? sock6->sk : NULL);
		pilot_socket_forget_routes(pd);
	}
	put_net(net);
	return err;
}

/**
 * pilot_socket_close() - closes the tunnel sockets
 * @pd: device; its lock is held
 *
 * Context: process. Nothing is received when it returns.
 */
void pilot_socket_close(struct pilot_device *pd)
{
	lockdep_assert_held(&pd->lock);
	replace_pair(pd, NULL, NULL);
	/* without sockets nobody looks for a route any more */
	reset_routes(pd, dst_cache_reset_now);
	pilot_offload_stop(pd);
}

/**
 * pilot_socket_forget_routes() - no cached route is used any more
 * @pd: device; its lock is held
 *
 * Each goes when the next packet looks for it.
 */
void pilot_socket_forget_routes(struct pilot_device *pd)
{
	reset_routes(pd, dst_cache_reset);
}
