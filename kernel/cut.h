/* SPDX-License-Identifier: GPL-2.0 */
#ifndef _PILOT_CUT_H
#define _PILOT_CUT_H

#include <linux/types.h>

struct sk_buff;

/**
 * struct pilot_cut - a super-packet that is being cut
 * @skb: the super-packet; not changed
 * @th: offset of its transport header
 * @hlen: length of its headers, which every packet gets
 * @mss: payload of every packet but the last
 * @left: payload to come
 * @frag: fragment with the next payload; -1: it is in the linear part
 * @from: the next payload
 * @room: how much there is of it in one piece
 * @n: packets cut so far
 * @th_sum: checksum of the transport header and pseudo-header without what
 *	differs: lengths, sequence number, flags
 * @ip_sum: that of the IPv4 header without identification and length
 * @tcp: TCP, else UDP
 * @ip4: IPv4, else IPv6
 */
struct pilot_cut {
	const struct sk_buff *skb;
	unsigned int th;
	unsigned int hlen;
	unsigned int mss;
	unsigned int left;
	int frag;
	unsigned int room;
	const u8 *from;
	unsigned int n;
	__wsum th_sum;
	__wsum ip_sum;
	bool tcp;
	bool ip4;
};

bool pilot_cut_start(struct pilot_cut *c, struct sk_buff *skb);
int pilot_cut_next(struct pilot_cut *c, u8 *to);

/* Length of the next packet. */
static inline unsigned int pilot_cut_len(const struct pilot_cut *c)
{
	return c->hlen + (c->left < c->mss ? c->left : c->mss);
}

#endif /* _PILOT_CUT_H */
