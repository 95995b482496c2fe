// SPDX-License-Identifier: GPL-2.0
/*
 * Which peer an address belongs to (design.rst section 2).
 */
#include <linux/rhashtable.h>
#include <linux/slab.h>
#include <net/ipv6.h>

#include "allowedips.h"
#include "compat.h"
#include "peer.h"

/* Only the administrator chooses the keys, so that quick is good enough. */
static u32 hash_prefix(const void *key, u32 len, u32 seed)
{
	const struct pilot_prefix *p = key;
	u64 h = get_unaligned_le64(p->addr);

	/* folded in between, so that the last bits of an address count */
	h = (h ^ seed ^ (u64)p->len << 32) * GOLDEN_RATIO_64;
	h = (h ^ h >> 32 ^ get_unaligned_le64(p->addr + 2)) * GOLDEN_RATIO_64;
	return (h ^ h >> 32) * GOLDEN_RATIO_64 >> 32;
}

static int compare_prefix(struct rhashtable_compare_arg *arg, const void *obj)
{
	const struct pilot_prefix *a = &((struct pilot_allowedip *)obj)->prefix;
	const struct pilot_prefix *b = arg->key;

	return a->len != b->len || a->family != b->family ||
	       !ipv6_addr_equal((const struct in6_addr *)a->addr,
				(const struct in6_addr *)b->addr);
}

static const struct rhashtable_params params = {
	.key_len = sizeof(struct pilot_prefix),
	.key_offset = offsetof(struct pilot_allowedip, prefix),
	.head_offset = offsetof(struct pilot_allowedip, hash),
	.hashfn = hash_prefix,
	.obj_cmpfn = compare_prefix,
	.automatic_shrinking = true,
};

int pilot_allowedips_init(struct pilot_allowedips *aip)
{
	aip->version = 1;
	return rhashtable_init(&aip->table, &params);
}

/* All prefixes must be gone: they go with their peers. */
void pilot_allowedips_destroy(struct pilot_allowedips *aip)
{
	rhashtable_destroy(&aip->table);
}

static void mask4(struct pilot_prefix *p, __be32 addr, unsigned int len)
{
	p->addr[0] = len ? addr & htonl(~0U << (32 - len)) : 0;
	p->len = len;
}

static void mask6(struct pilot_prefix *p, const struct in6_addr *addr,
		  unsigned int len)
{
	ipv6_addr_prefix((struct in6_addr *)p->addr, addr, len);
	p->len = len;
}

/**
 * pilot_prefix_is_masked() - whether no bit past the length is set
 * @prefix: prefix of a valid length
 */
bool pilot_prefix_is_masked(const struct pilot_prefix *prefix)
{
	struct pilot_prefix p = { .family = prefix->family };

	if (prefix->family == AF_INET)
		mask4(&p, prefix->addr[0], prefix->len);
	else
		mask6(&p, (const struct in6_addr *)prefix->addr, prefix->len);
	return !memcmp(p.addr, prefix->addr, sizeof(p.addr));
}

static void count(struct pilot_allowedips *aip, const struct pilot_prefix *p,
		  int by)
{
	bool v4 = p->family == AF_INET;
	u32 *lens = v4 ? aip->lens4 : aip->lens6;
	u64 *used = v4 ? &aip->used4 : &aip->used6[p->len / 64];
	u64 bit = BIT_ULL(p->len % 64);

	lens[p->len] += by;
	WRITE_ONCE(*used, lens[p->len] ? *used | bit : *used & ~bit);
}

/* After a prefix has got an owner, or lost it. */
static void changed(struct pilot_allowedips *aip)
{
	/* pairs with pilot_allowedips_owns4(): who sees this sees the table */
	smp_store_release(&aip->version, aip->version + 2);
}

static struct pilot_allowedip *find(struct pilot_allowedips *aip,
				    const struct pilot_prefix *prefix)
{
	return rhashtable_lookup_fast(&aip->table, prefix, params);
}

/**
 * pilot_allowedips_reserve() - makes room for a prefix that nobody has yet
 * @aip: table; its device's lock is held
 * @prefix: prefix, masked
 * @fresh: list that gets what was allocated; nobody's, until it is given to a
 *	peer or removed by pilot_allowedips_remove_list()
 *
 * Context: process. Return: 0, -ENOMEM, or -EBUSY while the table grows.
 */
int pilot_allowedips_reserve(struct pilot_allowedips *aip,
			     const struct pilot_prefix *prefix,
			     struct list_head *fresh)
{
	struct pilot_allowedip *a;
	int err;

	if (find(aip, prefix))
		return 0;
	a = kzalloc(sizeof(*a), GFP_KERNEL_ACCOUNT);
	if (!a)
		return -ENOMEM;
	a->prefix = *prefix;
	err = rhashtable_insert_fast(&aip->table, &a->hash, params);
	if (err) {
		kfree(a);
		return err;
	}
	count(aip, prefix, 1);
	list_add_tail(&a->list, fresh);
	return 0;
}

/**
 * pilot_allowedips_give() - gives a prefix to a peer, perhaps from another one
 * @aip: table; its device's lock is held
 * @peer: new owner
 * @prefix: prefix, masked, which is reserved or somebody's
 *
 * Context: process.
 */
void pilot_allowedips_give(struct pilot_allowedips *aip,
			   struct pilot_peer *peer,
			   const struct pilot_prefix *prefix)
{
	struct pilot_allowedip *a = find(aip, prefix);

	rcu_assign_pointer(a->peer, peer);
	list_move_tail(&a->list, &peer->allowed_ips);
	changed(aip);
}

static void unlink_ip(struct pilot_allowedips *aip, struct pilot_allowedip *a)
{
	rhashtable_remove_fast(&aip->table, &a->hash, params);
	count(aip, &a->prefix, -1);
	changed(aip);
	list_del(&a->list);
	kfree_rcu(a, rcu);
}

/**
 * pilot_allowedips_doom() - marks a prefix of a peer for removal
 * @aip: table; its device's lock is held
 * @peer: owner; nothing happens if the prefix is not its
 * @prefix: prefix, masked
 * @doomed: list for pilot_allowedips_remove_list(). Until then the prefix is
 *	the peer's, and it can be given again, without memory for it
 */
void pilot_allowedips_doom(struct pilot_allowedips *aip,
			   struct pilot_peer *peer,
			   const struct pilot_prefix *prefix,
			   struct list_head *doomed)
{
	struct pilot_allowedip *a = find(aip, prefix);

	if (a && rcu_access_pointer(a->peer) == peer)
		list_move_tail(&a->list, doomed);
}

/**
 * pilot_allowedips_remove_list() - takes prefixes from their peer
 * @aip: table; its device's lock is held
 * @list: a peer's allowed_ips, or part of them
 */
void pilot_allowedips_remove_list(struct pilot_allowedips *aip,
				  struct list_head *list)
{
	struct pilot_allowedip *a, *next;

	list_for_each_entry_safe(a, next, list, list)
		unlink_ip(aip, a);
}

/**
 * pilot_allowedips_find4() - longest-prefix match
 * @aip: table
 * @addr: IPv4 address
 *
 * Context: RCU read side. Return: the peer or NULL.
 */
struct pilot_peer *pilot_allowedips_find4(struct pilot_allowedips *aip,
					  __be32 addr)
{
	struct pilot_prefix p = { .family = AF_INET };
	struct pilot_allowedip *a;
	struct pilot_peer *peer;
	unsigned int len;
	u64 used;

	for (used = READ_ONCE(aip->used4); used; used ^= BIT_ULL(len)) {
		len = fls64(used) - 1;
		mask4(&p, addr, len);
		a = rhashtable_lookup(&aip->table, &p, params);
		peer = a ? rcu_dereference(a->peer) : NULL;
		if (peer)
			return peer;
	}
	return NULL;
}

/**
 * pilot_allowedips_owns4() - whether an address is a peer's
 * @aip: table
 * @peer: peer
 * @addr: IPv4 address
 *
 * The last one that was is remembered, with the version of the table it was
 * found in: most packets of a peer have one source.
 *
 * Context: RCU read side.
 */
bool pilot_allowedips_owns4(struct pilot_allowedips *aip,
			    struct pilot_peer *peer, __be32 addr)
{
	/* read first: what is looked up is at least as new */
	u64 known = (u64)smp_load_acquire(&aip->version) << 32 |
		    (__force u32)addr;

	if (likely(atomic64_read(&peer->source4) == known))
		return true;
	if (pilot_allowedips_find4(aip, addr) != peer)
		return false;
	atomic64_set(&peer->source4, known);
	return true;
}

/**
 * pilot_allowedips_find6() - longest-prefix match
 * @aip: table
 * @addr: IPv6 address
 *
 * Context: RCU read side. Return: the peer or NULL.
 */
struct pilot_peer *pilot_allowedips_find6(struct pilot_allowedips *aip,
					  const struct in6_addr *addr)
{
	struct pilot_prefix p = { .family = AF_INET6 };
	struct pilot_allowedip *a;
	struct pilot_peer *peer;
	unsigned int len;
	u64 used;
	int i;

	for (i = ARRAY_SIZE(aip->used6) - 1; i >= 0; i--) {
		for (used = READ_ONCE(aip->used6[i]); used;
		     used ^= BIT_ULL(len)) {
			len = fls64(used) - 1;
			mask6(&p, addr, i * 64 + len);
			a = rhashtable_lookup(&aip->table, &p, params);
			peer = a ? rcu_dereference(a->peer) : NULL;
			if (peer)
				return peer;
		}
	}
	return NULL;
}
