// SPDX-License-Identifier: GPL-2.0
/*
 * Joins packets that arrived together: the opposite of cut.c.
 *
 * They lie opened in pages. One after the other that continues the TCP stream
 * or the run of UDP datagrams of the one before is taken as one more fragment
 * of the same skb, by the rules GRO has for it: cut again, the result must be
 * the same packets. What is not TCP or UDP just becomes an skb of its own.
 */
#include <linux/ip.h>
#include <linux/ipv6.h>
#include <linux/skbuff.h>
#include <linux/tcp.h>
#include <linux/udp.h>
#include <net/ip.h>
#include <net/ip6_checksum.h>
#include <net/tcp.h>
#include <net/udp.h>

#include "merge.h"

/* Headers of what is neither TCP nor UDP, as far as the stack soon looks. */
#define HEAD_LEN	64

/* Those of IPv6 and the longest of TCP. */
#define HEAD_MAX	(sizeof(struct ipv6hdr) + 60)

/* What the packets of a run may differ in, and what cannot be in one. */
#define TCP_END_FLAGS	(TCP_FLAG_PSH | TCP_FLAG_FIN)
#define TCP_LONE_FLAGS	(TCP_FLAG_SYN | TCP_FLAG_RST | TCP_FLAG_URG | \
			 TCP_FLAG_CWR)

/*
 * Finds the payload. Returns false if the packet is not plain TCP or UDP with
 * data; it is as long as its header says.
 */
static bool dissect(struct pilot_merge *m, const u8 *text, unsigned int len)
{
	unsigned int doff;
	u8 proto;

	if (text[0] >> 4 == 4) {
		const struct iphdr *ip = (struct iphdr *)text;

		if (ip->ihl != 5 || ip_is_fragment(ip))
			return false;
		m->th = sizeof(*ip);
		proto = ip->protocol;
	} else if (text[0] >> 4 == 6) {
		m->th = sizeof(struct ipv6hdr);
		proto = ((struct ipv6hdr *)text)->nexthdr;
	} else {
		return false;
	}
	if (proto == IPPROTO_UDP) {
		m->tcp = false;
		m->hlen = m->th + sizeof(struct udphdr);
		return len > m->hlen &&
		       ntohs(((struct udphdr *)(text + m->th))->len) ==
			       len - m->th;
	}
	if (proto != IPPROTO_TCP || len < m->th + sizeof(struct tcphdr))
		return false;
	doff = ((struct tcphdr *)(text + m->th))->doff * 4;
	m->tcp = true;
	m->hlen = m->th + doff;
	return doff >= sizeof(struct tcphdr) && len > m->hlen;
}

/* Whether nothing may follow this packet. */
static bool ends_run(const struct pilot_merge *m, const u8 *text)
{
	return m->tcp && tcp_flag_word(text + m->th) &
			 (TCP_END_FLAGS | TCP_LONE_FLAGS);
}

/**
 * pilot_merge_start() - begins with a packet
 * @m: merge without a packet
 * @peer: sender
 * @text: the packet
 * @len: its length
 * @page: page it lies in; its reference is taken over
 * @off: its offset in the page
 * @mergeable: others may follow
 *
 * Context: bottom halves off. Return: false without memory.
 */
bool pilot_merge_start(struct pilot_merge *m, struct pilot_peer *peer,
		       const u8 *text, unsigned int len, struct page *page,
		       unsigned int off, bool mergeable)
{
	struct sk_buff *skb = alloc_skb(NET_SKB_PAD + HEAD_MAX, GFP_ATOMIC);

	if (unlikely(!skb))
		return false;
	m->full = !dissect(m, text, len);
	if (m->full)
		m->hlen = min_t(unsigned int, len, HEAD_LEN);
	else
		m->full = !mergeable || ends_run(m, text);
	m->peer = peer;
	m->skb = skb;
	m->mss = len - m->hlen;
	m->n = 1;
	skb_reserve(skb, NET_SKB_PAD);
	skb_put_data(skb, text, m->hlen);
	if (m->mss)
		skb_add_rx_frag(skb, 0, page, off + m->hlen, m->mss, m->mss);
	else
		put_page(page);
	return true;
}

static bool follows4(const struct pilot_merge *m, const struct iphdr *ip,
		     unsigned int len)
{
	const struct iphdr *first = (struct iphdr *)m->skb->data;
	const __be32 *a = (__be32 *)ip, *b = (__be32 *)first;
	const __be32 upper = htonl(0xffff0000);

	/* version, header length, class; time to live and protocol */
	return !((a[0] ^ b[0]) & upper) && ntohs(ip->tot_len) == len &&
	       !((a[2] ^ b[2]) & upper) && ip->frag_off == first->frag_off &&
	       ip->saddr == first->saddr && ip->daddr == first->daddr &&
	       (u16)(ntohs(ip->id) - ntohs(first->id)) == m->n;
}

static bool follows6(const struct pilot_merge *m, const struct ipv6hdr *ip,
		     unsigned int len)
{
	const struct ipv6hdr *first = (struct ipv6hdr *)m->skb->data;

	/* version, class and label; then next header and hop limit */
	return *(__be32 *)ip == *(__be32 *)first &&
	       ntohs(ip->payload_len) == len - sizeof(*ip) &&
	       ip->nexthdr == first->nexthdr &&
	       ip->hop_limit == first->hop_limit &&
	       ipv6_addr_equal(&ip->saddr, &first->saddr) &&
	       ipv6_addr_equal(&ip->daddr, &first->daddr);
}

/* For a few words a call is more than the comparison. */
static bool same_words(const __be32 *a, const __be32 *b, unsigned int n)
{
	for (; n >= 2; n -= 2, a += 2, b += 2)
		if (get_unaligned((u64 *)a) != get_unaligned((u64 *)b))
			return false;
	return !n || *a == *b;
}

static bool follows_tcp(const struct pilot_merge *m, const struct tcphdr *th)
{
	const struct tcphdr *first = (struct tcphdr *)(m->skb->data + m->th);

	/* ports, then flags and window, then options */
	return *(__be32 *)th == *(__be32 *)first &&
	       ntohl(th->seq) - ntohl(first->seq) == m->n * m->mss &&
	       th->ack_seq == first->ack_seq &&
	       !((tcp_flag_word(th) ^ tcp_flag_word(first)) &
		 ~TCP_END_FLAGS) &&
	       same_words((__be32 *)(th + 1), (__be32 *)(first + 1),
			  (m->hlen - m->th - sizeof(*th)) / sizeof(__be32));
}

static bool follows_udp(const struct pilot_merge *m, const struct udphdr *uh,
			unsigned int len)
{
	const struct udphdr *first = (struct udphdr *)(m->skb->data + m->th);

	return *(__be32 *)uh == *(__be32 *)first &&
	       ntohs(uh->len) == len - m->th && uh->check && first->check;
}

/**
 * pilot_merge_add() - adds a packet to those it follows
 * @m: merge
 * @peer: sender
 * @text: the packet
 * @len: its length; it follows only if that is what its header says
 * @page: page it lies in; if it follows, its reference is taken over
 * @off: its offset in the page
 *
 * What follows has the source of the first. Return: false if it does not.
 */
bool pilot_merge_add(struct pilot_merge *m, struct pilot_peer *peer,
		     const u8 *text, unsigned int len, struct page *page,
		     unsigned int off)
{
	unsigned int data = len - m->hlen;
	struct sk_buff *skb = m->skb;

	/* data - 1: nor may it be none, or negative */
	if (!skb || m->full || m->peer != peer || data - 1 >= m->mss ||
	    skb->len + data > IP_MAX_MTU ||
	    !(skb->data[0] >> 4 == 4 ?
				follows4(m, (struct iphdr *)text, len) :
				  follows6(m, (struct ipv6hdr *)text, len)) ||
	    !(m->tcp ? follows_tcp(m, (struct tcphdr *)(text + m->th)) :
		       follows_udp(m, (struct udphdr *)(text + m->th), len)))
		return false;

	skb_add_rx_frag(skb, m->n++, page, off + m->hlen, data, data);
	if (m->tcp)
		tcp_flag_word(skb->data + m->th) |=
			tcp_flag_word(text + m->th) & TCP_END_FLAGS;
	m->full = data < m->mss || m->n == MAX_SKB_FRAGS || ends_run(m, text);
	return true;
}

/**
 * pilot_merge_end() - finishes the headers
 * @m: merge with a packet; has none afterwards
 *
 * Return: the packet or super-packet, from its network header on.
 */
struct sk_buff *pilot_merge_end(struct pilot_merge *m)
{
	struct skb_shared_info *shinfo = skb_shinfo(m->skb);
	struct sk_buff *skb = m->skb;
	unsigned int tlen = skb->len - m->th;
	bool ip4 = skb->data[0] >> 4 == 4;
	__sum16 check;

	m->skb = NULL;
	if (m->n == 1)
		return skb;
	if (ip4) {
		struct iphdr *ip = (struct iphdr *)skb->data;

		ip->tot_len = htons(skb->len);
		ip_send_check(ip);
		check = ~csum_tcpudp_magic(ip->saddr, ip->daddr, tlen,
					   ip->protocol, 0);
	} else {
		struct ipv6hdr *ip = (struct ipv6hdr *)skb->data;

		ip->payload_len = htons(tlen);
		check = ~csum_ipv6_magic(&ip->saddr, &ip->daddr, tlen,
					 ip->nexthdr, 0);
	}
	skb->ip_summed = CHECKSUM_PARTIAL;
	skb->csum_start = skb_headroom(skb) + m->th;
	shinfo->gso_size = m->mss;
	shinfo->gso_segs = m->n;
	if (m->tcp) {
		((struct tcphdr *)(skb->data + m->th))->check = check;
		skb->csum_offset = offsetof(struct tcphdr, check);
		shinfo->gso_type = ip4 ? SKB_GSO_TCPV4 : SKB_GSO_TCPV6;
	} else {
		struct udphdr *uh = (struct udphdr *)(skb->data + m->th);

		uh->len = htons(tlen);
		uh->check = check;
		skb->csum_offset = offsetof(struct udphdr, check);
		shinfo->gso_type = SKB_GSO_UDP_L4;
	}
	return skb;
}
