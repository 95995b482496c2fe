// SPDX-License-Identifier: GPL-2.0
/*
 * Cuts plain TCP and UDP super-packets straight into the memory they are
 * sealed in: no skb per packet, and the data is copied once. What it does not
 * know goes through skb_gso_segment(), whose result it must equal byte for
 * byte (RFC 791, 768, 9293; the selftest "segments" compares the two).
 */
#include <linux/ip.h>
#include <linux/ipv6.h>
#include <linux/skbuff.h>
#include <linux/tcp.h>
#include <linux/udp.h>
#include <net/ip.h>
#include <net/ip6_checksum.h>

#include "cut.h"

#define KNOWN_TYPES	(SKB_GSO_TCPV4 | SKB_GSO_TCPV6 | SKB_GSO_UDP_L4)
#define KNOWN_FLAGS	(SKB_GSO_DODGY | SKB_GSO_TCP_ECN | SKB_GSO_TCP_FIXEDID)

/**
 * pilot_cut_start() - begins to cut a super-packet
 * @c: receives the state
 * @skb: super-packet, skb->data at its network header
 *
 * Return: false if it is not one of those that can be cut this way.
 */
bool pilot_cut_start(struct pilot_cut *c, struct sk_buff *skb)
{
	const struct skb_shared_info *shinfo = skb_shinfo(skb);
	unsigned int type = shinfo->gso_type & ~KNOWN_FLAGS;
	u8 proto;

	/* packets lie where the one before ends */
	if (!IS_ENABLED(CONFIG_HAVE_EFFICIENT_UNALIGNED_ACCESS))
		return false;
	if (skb->ip_summed != CHECKSUM_PARTIAL || skb->encapsulation ||
	    !shinfo->gso_size ||
	    (type != SKB_GSO_TCPV4 && type != SKB_GSO_TCPV6 &&
	     type != SKB_GSO_UDP_L4))
		return false;

	if (skb->protocol == htons(ETH_P_IP)) {
		const struct iphdr *ip;

		if (!pskb_may_pull(skb, sizeof(*ip)))
			return false;
		ip = ip_hdr(skb);
		if (ip->version != 4 || ip->ihl < 5 || ip_is_fragment(ip) ||
		    type == SKB_GSO_TCPV6 ||
		    (shinfo->gso_type & SKB_GSO_TCP_FIXEDID &&
		     !(ip->frag_off & htons(IP_DF))))
			return false;
		c->th = ip->ihl * 4;
		proto = ip->protocol;
		c->ip4 = true;
	} else if (skb->protocol == htons(ETH_P_IPV6)) {
		if (!pskb_may_pull(skb, sizeof(struct ipv6hdr)) ||
		    type == SKB_GSO_TCPV4)
			return false;
		c->th = sizeof(struct ipv6hdr);
		proto = ipv6_hdr(skb)->nexthdr;
		c->ip4 = false;
	} else {
		return false;
	}
	if (proto != (type == SKB_GSO_UDP_L4 ? IPPROTO_UDP : IPPROTO_TCP) ||
	    skb_checksum_start_offset(skb) != c->th)
		return false;

	c->tcp = proto == IPPROTO_TCP;
	c->hlen = c->th + sizeof(struct udphdr);
	if (c->tcp) {
		unsigned int doff;

		if (!pskb_may_pull(skb, c->th + sizeof(struct tcphdr)))
			return false;
		doff = ((struct tcphdr *)(skb->data + c->th))->doff * 4;
		if (doff < sizeof(struct tcphdr))
			return false;
		c->hlen = c->th + doff;
	}
	if (!pskb_may_pull(skb, c->hlen) || skb->len <= c->hlen)
		return false;
	c->skb = skb;
	c->mss = shinfo->gso_size;
	c->left = skb->len - c->hlen;
	c->pos = c->hlen;
	c->n = 0;
	return true;
}

static void finish_tcp(const struct pilot_cut *c, struct tcphdr *th, bool last)
{
	th->seq = htonl(ntohl(th->seq) + c->n * c->mss);
	if (!last) {
		th->fin = 0;
		th->psh = 0;
	}
	if (c->n)
		th->cwr = 0;
	th->check = 0;
}

/**
 * pilot_cut_next() - writes the next packet
 * @c: state; something is left
 * @to: pilot_cut_len() bytes
 *
 * Return: 0, or -EFAULT when the data cannot be read.
 */
int pilot_cut_next(struct pilot_cut *c, u8 *to)
{
	unsigned int data = min(c->left, c->mss), tlen;
	struct tcphdr *th = (struct tcphdr *)(to + c->th);
	struct udphdr *uh = (struct udphdr *)(to + c->th);
	bool last = data == c->left;
	__wsum sum;
	__sum16 check;

	memcpy(to, c->skb->data, c->hlen);
	if (skb_copy_bits(c->skb, c->pos, to + c->hlen, data))
		return -EFAULT;
	tlen = c->hlen - c->th + data;
	if (c->tcp) {
		finish_tcp(c, th, last);
	} else {
		uh->len = htons(tlen);
		uh->check = 0;
	}
	sum = csum_partial(th, tlen, 0);
	if (c->ip4) {
		struct iphdr *ip = (struct iphdr *)to;

		if (!(skb_shinfo(c->skb)->gso_type & SKB_GSO_TCP_FIXEDID))
			ip->id = htons(ntohs(ip->id) + c->n);
		ip->tot_len = htons(c->hlen + data);
		ip_send_check(ip);
		check = csum_tcpudp_magic(ip->saddr, ip->daddr, tlen,
					  ip->protocol, sum);
	} else {
		struct ipv6hdr *ip6 = (struct ipv6hdr *)to;

		ip6->payload_len = htons(tlen);
		check = csum_ipv6_magic(&ip6->saddr, &ip6->daddr, tlen,
					ip6->nexthdr, sum);
	}
	if (c->tcp)
		th->check = check;
	else
		uh->check = check ?: CSUM_MANGLED_0;

	c->pos += data;
	c->left -= data;
	c->n++;
	return 0;
}
