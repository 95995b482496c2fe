/* SPDX-License-Identifier: GPL-2.0 */
#ifndef _PILOT_ALLOWEDIPS_H
#define _PILOT_ALLOWEDIPS_H

#include <linux/in6.h>
#include <linux/list.h>
#include <linux/netlink.h>
#include <linux/rhashtable-types.h>

struct pilot_peer;

/**
 * struct pilot_prefix - what is looked up: a prefix of either family
 * @addr: address with the bits past @len zero; IPv4 in the first word
 * @family: AF_INET or AF_INET6
 * @len: prefix length
 */
struct pilot_prefix {
	__be32 addr[4];
	u16 family;
	u16 len;
};

/**
 * struct pilot_allowedip - a prefix that belongs to a peer
 * @prefix: the prefix, key of the hash table
 * @hash: entry of the hash table
 * @peer: its peer; RCU, replaced when the prefix moves; NULL while reserved
 * @list: entry of the peer's allowed_ips, or of a list of reserved ones;
 *	guarded by the device's lock
 * @rcu: for freeing
 */
struct pilot_allowedip {
	struct pilot_prefix prefix;
	struct rhash_head hash;
	struct pilot_peer __rcu *peer;
	struct list_head list;
	struct rcu_head rcu;
};

/**
 * struct pilot_allowedips - longest-prefix match over all peers of a device
 * @table: prefixes
 * @lens4: how many IPv4 prefixes of each length there are
 * @lens6: how many IPv6 prefixes of each length there are
 * @used4: lengths in use, a bit for each, read without the lock
 * @used6: the same for IPv6, 64 lengths a word
 * @version: of the whole, odd; what was found in another is not to be relied on
 *
 * One hash table, asked once per prefix length in use, longest first. A
 * table of routes uses a handful of lengths; a trie would be quicker only
 * with many, and several times this code.
 */
struct pilot_allowedips {
	struct rhashtable table;
	u32 lens4[33];
	u32 lens6[129];
	u64 used4;
	u64 used6[3];
	u32 version;
};

int pilot_allowedips_init(struct pilot_allowedips *aip);
void pilot_allowedips_destroy(struct pilot_allowedips *aip);
int pilot_allowedips_reserve(struct pilot_allowedips *aip,
			     const struct pilot_prefix *prefix,
			     struct list_head *fresh);
void pilot_allowedips_give(struct pilot_allowedips *aip,
			   struct pilot_peer *peer,
			   const struct pilot_prefix *prefix);
void pilot_allowedips_doom(struct pilot_allowedips *aip,
			   struct pilot_peer *peer,
			   const struct pilot_prefix *prefix,
			   struct list_head *doomed);
void pilot_allowedips_remove_list(struct pilot_allowedips *aip,
				  struct list_head *list);
struct pilot_peer *pilot_allowedips_find4(struct pilot_allowedips *aip,
					  __be32 addr);
bool pilot_allowedips_owns4(struct pilot_allowedips *aip,
			    struct pilot_peer *peer, __be32 addr);
struct pilot_peer *pilot_allowedips_find6(struct pilot_allowedips *aip,
					  const struct in6_addr *addr);
bool pilot_prefix_is_masked(const struct pilot_prefix *prefix);

#endif /* _PILOT_ALLOWEDIPS_H */
