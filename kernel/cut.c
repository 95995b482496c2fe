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

/*
 * Adds up what is the same in the headers of all packets, so that each only
 * adds what it has of its own.
 */
static void sum_headers(struct pilot_cut *c)
{
	const void *h = c->skb->data;
	const struct tcphdr *th = h + c->th;
	const struct udphdr *uh = h + c->th;
	__wsum sum = csum_partial(h + c->th, c->hlen - c->th, 0);

	if (c->tcp) {
		sum = csum_sub(sum, csum_unfold(th->check));
		sum = csum_sub(sum, (__force __wsum)th->seq);
		sum = csum_sub(sum, (__force __wsum)tcp_flag_word(th));
	} else {
		sum = csum_sub(sum, csum_unfold(uh->check));
		sum = csum_sub(sum, (__force __wsum)uh->len);
	}
	if (c->ip4) {
		const struct iphdr *ip = h;

		c->th_sum = csum_tcpudp_nofold(ip->saddr, ip->daddr, 0,
					       ip->protocol, sum);
		sum = csum_partial(h, c->th, 0);
		sum = csum_sub(sum, csum_unfold(ip->check));
		sum = csum_sub(sum, (__force __wsum)ip->id);
		c->ip_sum = csum_sub(sum, (__force __wsum)ip->tot_len);
	} else {
		const struct ipv6hdr *ip6 = h;

		c->th_sum = csum_unfold(~csum_ipv6_magic(&ip6->saddr,
							 &ip6->daddr, 0,
							 ip6->nexthdr, sum));
	}
}

/**
 * pilot_cut_start() - begins to cut a super-packet
 * @c: receives the state
 * @skb: super-packet, skb->data at its network header
 *
 * Return: false if it is not one of those that can be cut this way.
 */
bool pilot_cut_start(struct pilot_cut *c, struct sk_buff *skb)
{
	unsigned int gso_type = skb_shinfo(skb)->gso_type;
	unsigned int type = gso_type & ~KNOWN_FLAGS;
	u8 proto;

	/* packets lie where the one before ends; fragments are read in place */
	if (!IS_ENABLED(CONFIG_HAVE_EFFICIENT_UNALIGNED_ACCESS) ||
	    IS_ENABLED(CONFIG_HIGHMEM))
		return false;
	if (skb->ip_summed != CHECKSUM_PARTIAL || skb->encapsulation ||
	    !skb_shinfo(skb)->gso_size ||
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
		    (gso_type & SKB_GSO_TCP_FIXEDID &&
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
	c->mss = skb_shinfo(skb)->gso_size;
	c->left = skb->len - c->hlen;
	c->frag = -1;
	c->from = skb->data + c->hlen;
	c->room = skb_headlen(skb) - c->hlen;
	c->n = 0;
	sum_headers(c);
	return true;
}

static bool next_piece(struct pilot_cut *c)
{
	const struct skb_shared_info *shinfo = skb_shinfo(c->skb);

	if (++c->frag >= shinfo->nr_frags)
		return false;
	c->from = skb_frag_address_safe(&shinfo->frags[c->frag]);
	c->room = skb_frag_size(&shinfo->frags[c->frag]);
	return c->from;
}

/*
 * Copies the next @len bytes of payload, not 0, and adds them up on the way.
 * Returns false when they cannot be read.
 */
static bool copy_and_sum(struct pilot_cut *c, u8 *to, unsigned int len,
			 __wsum *sum)
{
	unsigned int done = 0;

	if (unlikely(skb_has_frag_list(c->skb))) {
		*sum = skb_copy_and_csum_bits(c->skb, c->skb->len - c->left,
					      to, len);
		return true;
	}
	*sum = 0;
	do {
		unsigned int n;
		__wsum part;

		while (!c->room)
			if (unlikely(!next_piece(c)))
				return false;
		n = min(c->room, len - done);
		part = csum_partial_copy_nocheck(c->from, to + done, n);
		*sum = done ? csum_block_add(*sum, part, done) : part;
		c->from += n;
		c->room -= n;
		done += n;
	} while (done < len);
	return true;
}

static void finish_tcp(const struct pilot_cut *c, struct tcphdr *th,
		       __wsum sum, bool last)
{
	th->seq = htonl(ntohl(th->seq) + c->n * c->mss);
	if (!last) {
		th->fin = 0;
		th->psh = 0;
	}
	if (c->n)
		th->cwr = 0;
	sum = csum_add(sum, (__force __wsum)th->seq);
	th->check = csum_fold(csum_add(sum,
				       (__force __wsum)tcp_flag_word(th)));
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
	bool last = data == c->left;
	__be16 belen;
	__wsum sum;

	memcpy(to, c->skb->data, c->hlen);
	if (!copy_and_sum(c, to + c->hlen, data, &sum))
		return -EFAULT;
	tlen = c->hlen - c->th + data;
	belen = htons(tlen);
	/* with the length, of the pseudo-header */
	sum = csum_add(csum_add(sum, c->th_sum), (__force __wsum)belen);
	if (c->tcp) {
		finish_tcp(c, (struct tcphdr *)(to + c->th), sum, last);
	} else {
		struct udphdr *uh = (struct udphdr *)(to + c->th);

		uh->len = belen;
		uh->check = csum_fold(csum_add(sum, (__force __wsum)belen)) ?:
			    CSUM_MANGLED_0;
	}
	if (c->ip4) {
		struct iphdr *ip = (struct iphdr *)to;

		if (!(skb_shinfo(c->skb)->gso_type & SKB_GSO_TCP_FIXEDID))
			ip->id = htons(ntohs(ip->id) + c->n);
		ip->tot_len = htons(c->hlen + data);
		sum = csum_add(c->ip_sum, (__force __wsum)ip->id);
		ip->check = csum_fold(csum_add(sum,
					       (__force __wsum)ip->tot_len));
	} else {
		((struct ipv6hdr *)to)->payload_len = belen;
	}

	c->left -= data;
	c->n++;
	return 0;
}
