// SPDX-License-Identifier: GPL-2.0
/*
 * The least a tunnel device can do, as a measure for the benchmark: IPv4 packets
 * one by one in UDP over IPv4, a counter before and a tag behind them. NOT
 * SECURE: the key is fixed and nothing is checked but the tag.
 *
 *   ip link add DEV address LOCAL broadcast REMOTE type nulltun
 *
 * LOCAL and REMOTE are IPv4 addresses, as four hexadecimal bytes with colons.
 * Module parameter "seal": 0 does without AES-256-GCM, to see what it costs.
 */
#include <crypto/aead.h>
#include <linux/if_arp.h>
#include <linux/ip.h>
#include <linux/module.h>
#include <linux/netdevice.h>
#include <linux/scatterlist.h>
#include <linux/udp.h>
#include <net/dst_cache.h>
#include <net/gro_cells.h>
#include <net/ip_tunnels.h>
#include <net/route.h>
#include <net/rtnetlink.h>
#include <net/udp_tunnel.h>

#include "compat.h"

static bool seal = true;
module_param(seal, bool, 0644);
MODULE_PARM_DESC(seal, "seal packets with AES-256-GCM; for devices brought up from now on");

#define NULLTUN_PORT	6000
#define NULLTUN_TAG	16
#define NULLTUN_REQSIZE	384

struct nulltun_header {
	__be32 type;
	__be32 id;
	__be64 counter;
};

struct nulltun {
	struct net_device *dev;
	struct socket *sock;
	struct dst_cache dst;
	struct gro_cells cells;
	struct crypto_aead *aead;	/* NULL: not sealed */
	atomic64_t counter;
};

/*
 * The request is on the stack: the driver may be asynchronous by its flags, but
 * never is where the FPU can be used, as in all of the benchmark.
 */
static int nulltun_crypt(struct nulltun *nt, struct nulltun_header *h, int len, bool encrypt)
{
	u8 space[sizeof(struct aead_request) + NULLTUN_REQSIZE] __aligned(CRYPTO_MINALIGN);
	struct aead_request *req = (struct aead_request *)space;
	struct scatterlist sg;
	u8 iv[12] = {};

	memcpy(iv + 4, &h->counter, sizeof(h->counter));
	sg_init_one(&sg, h, sizeof(*h) + len + (encrypt ? NULLTUN_TAG : 0));
	aead_request_set_tfm(req, nt->aead);
	aead_request_set_callback(req, 0, NULL, NULL);
	aead_request_set_ad(req, sizeof(*h));
	aead_request_set_crypt(req, &sg, &sg, len, iv);
	return encrypt ? crypto_aead_encrypt(req) : crypto_aead_decrypt(req);
}

/* Room for the tag, in memory that is ours alone. */
static int nulltun_make_room(struct sk_buff *skb)
{
	if (skb->ip_summed == CHECKSUM_PARTIAL && skb_checksum_help(skb))
		return -EINVAL;
	if (skb_linearize(skb))
		return -ENOMEM;
	if (skb_tailroom(skb) >= NULLTUN_TAG && !skb_cloned(skb))
		return 0;
	return pskb_expand_head(skb, 0, max(0, NULLTUN_TAG - skb_tailroom(skb)), GFP_ATOMIC);
}

static struct rtable *nulltun_route(struct nulltun *nt, struct flowi4 *fl)
{
	struct rtable *rt = dst_cache_get_ip4(&nt->dst, &fl->saddr);

	memcpy(&fl->daddr, nt->dev->broadcast, 4);
	if (rt)
		return rt;
	memcpy(&fl->saddr, nt->dev->dev_addr, 4);
	fl->flowi4_proto = IPPROTO_UDP;
	fl->fl4_sport = htons(NULLTUN_PORT);
	fl->fl4_dport = htons(NULLTUN_PORT);
	rt = ip_route_output_flow(dev_net(nt->dev), fl, nt->sock->sk);
	if (!IS_ERR(rt))
		dst_cache_set_ip4(&nt->dst, &rt->dst, fl->saddr);
	return rt;
}

static void nulltun_send_one(struct nulltun *nt, struct sk_buff *skb)
{
	int len = skb->len, tos = ip_hdr(skb)->tos;
	struct nulltun_header *h;
	struct flowi4 fl = {};
	struct rtable *rt;

	if (nt->aead && nulltun_make_room(skb))
		goto drop;
	if (skb_cow_head(skb, nt->dev->needed_headroom))
		goto drop;
	skb_dst_drop(skb);
	h = skb_push(skb, sizeof(*h));
	h->type = htonl(4);
	h->id = htonl(7);
	h->counter = cpu_to_be64(atomic64_inc_return(&nt->counter));
	if (nt->aead) {
		skb_put(skb, NULLTUN_TAG);
		if (nulltun_crypt(nt, h, len, true))
			goto drop;
	}
	skb_scrub_packet(skb, true);
	if (nt->aead)
		skb->ip_summed = CHECKSUM_NONE;
	rt = nulltun_route(nt, &fl);
	if (IS_ERR(rt))
		goto drop;
	skb->dev = NULL; /* no accounting on the device: that is done here */
	skb->ignore_df = 1;
	dev_sw_netstats_tx_add(nt->dev, 1, len);
	pilot_udp_tunnel_xmit(rt, nt->sock->sk, skb, fl.saddr, fl.daddr, tos,
			      ip4_dst_hoplimit(&rt->dst), 0, htons(NULLTUN_PORT),
			      htons(NULLTUN_PORT), false, true);
	return;
drop:
	kfree_skb(skb);
}

static netdev_tx_t nulltun_xmit(struct sk_buff *skb, struct net_device *dev)
{
	struct nulltun *nt = netdev_priv(dev);
	struct sk_buff *segs, *next;

	if (skb->protocol != htons(ETH_P_IP)) {
		kfree_skb(skb);
		return NETDEV_TX_OK;
	}
	if (!skb_is_gso(skb)) {
		nulltun_send_one(nt, skb);
		return NETDEV_TX_OK;
	}
	segs = skb_gso_segment(skb, 0);
	if (IS_ERR_OR_NULL(segs)) {
		kfree_skb(skb);
		return NETDEV_TX_OK;
	}
	consume_skb(skb);
	skb_list_walk_safe(segs, skb, next) {
		skb_mark_not_on_list(skb);
		nulltun_send_one(nt, skb);
	}
	return NETDEV_TX_OK;
}

/* @skb begins with the UDP header. */
static int nulltun_open_one(struct nulltun *nt, struct sk_buff *skb)
{
	int outer = sizeof(struct udphdr) + sizeof(struct nulltun_header);

	if (skb_linearize(skb) || skb_cow(skb, 0) || skb->len < outer + NULLTUN_TAG)
		return -EINVAL;
	if (nulltun_crypt(nt, (void *)(skb->data + sizeof(struct udphdr)), skb->len - outer, false))
		return -EBADMSG;
	skb->ip_summed = CHECKSUM_UNNECESSARY;
	skb->csum_level = ~0;
	return pskb_trim(skb, skb->len - NULLTUN_TAG);
}

static int nulltun_receive(struct sock *sk, struct sk_buff *skb)
{
	struct nulltun *nt = rcu_dereference_sk_user_data(sk);

	if (!nt || (nt->aead && nulltun_open_one(nt, skb)))
		goto drop;
	if (iptunnel_pull_header(skb, sizeof(struct udphdr) + sizeof(struct nulltun_header),
				 htons(ETH_P_IP), false))
		goto drop;
	if (!pskb_may_pull(skb, sizeof(struct iphdr)))
		goto drop;
	skb->dev = nt->dev;
	skb_reset_network_header(skb);
	skb->protocol = htons(ETH_P_IP);
	skb->pkt_type = PACKET_HOST;
	dev_sw_netstats_rx_add(nt->dev, skb->len);
	gro_cells_receive(&nt->cells, skb);
	return 0;
drop:
	kfree_skb(skb);
	return 0;
}

static int nulltun_aead(struct nulltun *nt)
{
	static const u8 key[32] = { 1, 2, 3, 4, 5 };
	struct crypto_aead *aead;
	int err;

	aead = crypto_alloc_aead("gcm(aes)", 0, 0);
	if (IS_ERR(aead))
		return PTR_ERR(aead);
	err = crypto_aead_reqsize(aead) > NULLTUN_REQSIZE ? -E2BIG : 0;
	err = err ?: crypto_aead_setkey(aead, key, sizeof(key));
	err = err ?: crypto_aead_setauthsize(aead, NULLTUN_TAG);
	if (err) {
		crypto_free_aead(aead);
		return err;
	}
	nt->aead = aead;
	return 0;
}

static int nulltun_open(struct net_device *dev)
{
	struct udp_port_cfg port = {
		.family = AF_INET,
		.local_udp_port = htons(NULLTUN_PORT),
	};
	struct udp_tunnel_sock_cfg cfg = {
		.encap_type = 1,
		.encap_rcv = nulltun_receive,
	};
	struct nulltun *nt = netdev_priv(dev);
	int err;

	err = seal ? nulltun_aead(nt) : 0;
	if (err)
		return err;
	err = udp_sock_create(dev_net(dev), &port, &nt->sock);
	if (err) {
		crypto_free_aead(nt->aead);
		nt->aead = NULL;
		return err;
	}
	cfg.sk_user_data = nt;
	setup_udp_tunnel_sock(dev_net(dev), PILOT_TUNNEL_SOCK(nt->sock), &cfg);
	return 0;
}

static int nulltun_stop(struct net_device *dev)
{
	struct nulltun *nt = netdev_priv(dev);

	udp_tunnel_sock_release(PILOT_TUNNEL_SOCK(nt->sock));
	nt->sock = NULL;
	crypto_free_aead(nt->aead);
	nt->aead = NULL;
	dst_cache_reset(&nt->dst);
	return 0;
}

static int nulltun_init(struct net_device *dev)
{
	struct nulltun *nt = netdev_priv(dev);
	int err;

	nt->dev = dev;
	dev->tstats = netdev_alloc_pcpu_stats(struct pcpu_sw_netstats);
	if (!dev->tstats)
		return -ENOMEM;
	err = dst_cache_init(&nt->dst, GFP_KERNEL);
	if (err)
		goto err_stats;
	err = gro_cells_init(&nt->cells, dev);
	if (err)
		goto err_dst;
	return 0;
err_dst:
	dst_cache_destroy(&nt->dst);
err_stats:
	free_percpu(dev->tstats);
	return err;
}

static void nulltun_uninit(struct net_device *dev)
{
	struct nulltun *nt = netdev_priv(dev);

	gro_cells_destroy(&nt->cells);
	dst_cache_destroy(&nt->dst);
	free_percpu(dev->tstats);
}

static const struct net_device_ops nulltun_ops = {
	.ndo_init = nulltun_init,
	.ndo_uninit = nulltun_uninit,
	.ndo_open = nulltun_open,
	.ndo_stop = nulltun_stop,
	.ndo_start_xmit = nulltun_xmit,
	.ndo_get_stats64 = dev_get_tstats64,
};

static const struct device_type nulltun_type = { .name = "nulltun" };

static void nulltun_setup(struct net_device *dev)
{
	netdev_features_t features = NETIF_F_HW_CSUM | NETIF_F_RXCSUM | NETIF_F_SG | NETIF_F_GSO |
				     NETIF_F_GSO_SOFTWARE | NETIF_F_HIGHDMA;

	dev->netdev_ops = &nulltun_ops;
	dev->type = ARPHRD_NONE;
	dev->addr_len = 4;
	dev->flags = IFF_POINTOPOINT | IFF_NOARP;
	dev->priv_flags |= IFF_NO_QUEUE;
	dev->needed_headroom = LL_MAX_HEADER + sizeof(struct iphdr) + sizeof(struct udphdr) +
			       sizeof(struct nulltun_header);
	dev->needed_tailroom = NULLTUN_TAG;
	dev->needs_free_netdev = true;
	dev->features |= features;
	dev->hw_features |= features;
	dev->hw_enc_features |= features;
	pilot_compat_set_lltx(dev);
	dev->mtu = 1440;
	dev->max_mtu = 65000;
	SET_NETDEV_DEVTYPE(dev, &nulltun_type);
	netif_keep_dst(dev);
}

static struct rtnl_link_ops nulltun_link_ops __read_mostly = {
	.kind = "nulltun",
	.priv_size = sizeof(struct nulltun),
	.setup = nulltun_setup,
};

static int __init nulltun_module_init(void)
{
	return rtnl_link_register(&nulltun_link_ops);
}

static void __exit nulltun_module_exit(void)
{
	rtnl_link_unregister(&nulltun_link_ops);
}

module_init(nulltun_module_init);
module_exit(nulltun_module_exit);
MODULE_LICENSE("GPL");
MODULE_DESCRIPTION("The least a tunnel device can do, to measure others by");
MODULE_ALIAS_RTNL_LINK("nulltun");
