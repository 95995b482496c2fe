/* SPDX-License-Identifier: GPL-2.0 */
#ifndef _PILOT_SALVAGE_H
#define _PILOT_SALVAGE_H

#include <linux/spinlock.h>
#include <linux/types.h>

#include <pilot/wire.h>

struct pilot_peer;
struct sk_buff;

/**
 * struct pilot_salvage - a packet that was sent lately
 * @counter: nonce counter it was sent under; gives the order
 * @when: jiffies
 * @data: plaintext, NULL if there is none
 * @key_id: key it was sent under
 * @len: its length
 * @room: allocated length of @data
 * @protocol: of the packet
 */
struct pilot_salvage {
	u64 counter;
	unsigned long when;
	u8 *data;
	u32 key_id;
	u32 len;
	u32 room;
	__be16 protocol;
};

/**
 * struct pilot_salvage_ring - the latest packets one CPU sent to a peer
 * @lock: guards the rest; leaf. Contended only while packets are salvaged
 * @next: entry to be overwritten next
 * @when: jiffies of the latest
 * @e: PILOT_SALVAGE_ENTRIES entries, NULL while there is no traffic
 */
struct pilot_salvage_ring {
	spinlock_t lock;	/* the rest, leaf */
	u32 next;
	unsigned long when;
	struct pilot_salvage *e;
};

int pilot_salvage_init(struct pilot_peer *peer);
void pilot_salvage_free(struct pilot_peer *peer);
void pilot_salvage_record(struct pilot_peer *peer, u32 key_id, u64 counter,
			  __be16 protocol, const void *data, unsigned int len);
int pilot_salvage_record_skb(struct pilot_peer *peer, u32 key_id, u64 counter,
			     struct sk_buff *skb);
void pilot_salvage_resend(struct pilot_peer *peer, u32 key_id);
void pilot_salvage_forget(struct pilot_peer *peer);
bool pilot_salvage_expire(struct pilot_peer *peer, unsigned long now,
			  unsigned long *due);

#endif /* _PILOT_SALVAGE_H */
