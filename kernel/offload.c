// SPDX-License-Identifier: GPL-2.0
/*
 * Datagrams by the batch.
 *
 * UDP_GRO on the tunnel sockets makes the core merge the datagrams of a peer
 * that arrive one after the other, and on virtual links they arrive as the one
 * super-packet they were sent as. But the core cuts super-packets apart again
 * before it gives them to an encapsulation socket, unless they carry the mark
 * of a tunnel. A netfilter hook puts that mark on those that have been routed
 * to a tunnel socket, where nothing else looks at them any more. It stays an
 * ordinary UDP super-packet: whoever gets it instead cuts it as ever.
 */
#include <linux/ip.h>
#include <linux/ipv6.h>
#include <linux/netfilter_ipv4.h>
#include <linux/netfilter_ipv6.h>
#include <linux/udp.h>

#include "compat.h"
#include "device.h"
#include "offload.h"

/**
 * pilot_offload_socket() - asks the core to merge a socket's datagrams
 * @sock: tunnel socket
 *
 * Without it they come one by one. Context: process.
 */
void pilot_offload_socket(struct socket *sock)
{
	int one = 1;

	sock->ops->setsockopt(sock, SOL_UDP, UDP_GRO, KERNEL_SOCKPTR(&one),
			      sizeof(one));
}

#if IS_ENABLED(CONFIG_NETFILTER)
static unsigned int mark_super(void *priv, struct sk_buff *skb,
			       const struct nf_hook_state *state)
{
	const struct pilot_device *pd = priv;
	const struct udphdr *uh;
	struct udphdr copy;
	unsigned int off;

	/* a clone's mark is not ours to change */
	if (likely(!skb_is_gso(skb)) || skb_cloned(skb) ||
	    !(skb_shinfo(skb)->gso_type & SKB_GSO_UDP_L4))
		return NF_ACCEPT;
	if (state->pf == NFPROTO_IPV4)
		off = ip_hdrlen(skb);
	else if (ipv6_hdr(skb)->nexthdr == IPPROTO_UDP)
		off = sizeof(struct ipv6hdr);
	else
		return NF_ACCEPT;
	uh = skb_header_pointer(skb, skb_network_offset(skb) + off,
				sizeof(copy), &copy);
	if (uh && ntohs(uh->dest) == READ_ONCE(pd->port))
		skb_shinfo(skb)->gso_type |= SKB_GSO_UDP_TUNNEL;
	return NF_ACCEPT;
}

/**
 * pilot_offload_start() - begins to take super-packets whole
 * @pd: device that is about to open its sockets; its lock is held
 * @net: namespace of the sockets
 *
 * Without memory super-packets go on being cut apart. Context: process.
 */
void pilot_offload_start(struct pilot_device *pd, struct net *net)
{
	static const struct nf_hook_ops hooks[] = {
		{ .pf = NFPROTO_IPV4, .hooknum = NF_INET_LOCAL_IN },
		{ .pf = NFPROTO_IPV6, .hooknum = NF_INET_LOCAL_IN },
	};
	unsigned int i;

	BUILD_BUG_ON(ARRAY_SIZE(hooks) != ARRAY_SIZE(pd->hooks));
	if (pd->hooks_net)
		return;
	for (i = 0; i < ARRAY_SIZE(hooks); i++) {
		pd->hooks[i] = hooks[i];
		pd->hooks[i].hook = mark_super;
		pd->hooks[i].priv = pd;
		pd->hooks[i].priority = INT_MAX;
	}
	if (!nf_register_net_hooks(net, pd->hooks, ARRAY_SIZE(pd->hooks)))
		pd->hooks_net = net;
}

/**
 * pilot_offload_stop() - ends it
 * @pd: device that closed its sockets; its lock is held
 *
 * Context: process.
 */
void pilot_offload_stop(struct pilot_device *pd)
{
	if (pd->hooks_net)
		nf_unregister_net_hooks(pd->hooks_net, pd->hooks,
					ARRAY_SIZE(pd->hooks));
	pd->hooks_net = NULL;
}
#else
void pilot_offload_start(struct pilot_device *pd, struct net *net)
{
}

void pilot_offload_stop(struct pilot_device *pd)
{
}
#endif
