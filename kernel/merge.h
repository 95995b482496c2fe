/* SPDX-License-Identifier: GPL-2.0 */
#ifndef _PILOT_MERGE_H
#define _PILOT_MERGE_H

#include <linux/types.h>

struct page;
struct pilot_peer;
struct sk_buff;

/**
 * struct pilot_merge - a super-packet that is being built
 * @skb: it, its headers those of the first packet; NULL: there is none
 * @peer: sender of all its packets
 * @th: offset of the transport header
 * @hlen: length of the headers
 * @mss: payload of every packet but the last
 * @n: packets in it
 * @tcp: TCP, else UDP
 * @full: nothing can follow
 */
struct pilot_merge {
	struct sk_buff *skb;
	struct pilot_peer *peer;
	unsigned int th;
	unsigned int hlen;
	unsigned int mss;
	unsigned int n;
	bool tcp;
	bool full;
};

bool pilot_merge_add(struct pilot_merge *m, struct pilot_peer *peer,
		     const u8 *text, unsigned int len, struct page *page,
		     unsigned int off);
bool pilot_merge_start(struct pilot_merge *m, struct pilot_peer *peer,
		       const u8 *text, unsigned int len, struct page *page,
		       unsigned int off, bool mergeable);
struct sk_buff *pilot_merge_end(struct pilot_merge *m);

#endif /* _PILOT_MERGE_H */
