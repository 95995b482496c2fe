// SPDX-License-Identifier: GPL-2.0
/*
 * Salvage: what was sent just before a peer lost its key is sent again under
 * the new one (protocol.rst section 3).
 *
 * The last few plaintexts are copied, into buffers that are kept as long as
 * there is traffic. References would be no cheaper and not safe: a packet is
 * sealed where it stands, a clone of TCP's buffer would keep TCP from sending
 * it again, and the sender's socket would stay charged. The rings are per CPU,
 * so that senders share nothing.
 */
#include <linux/minmax.h>
#include <linux/mm.h>
#include <linux/moduleparam.h>
#include <linux/percpu.h>
#include <linux/rhashtable.h>
#include <linux/slab.h>
#include <linux/sort.h>
#include <net/checksum.h>

#include "compat.h"
#include "device.h"
#include "netlink.h"
#include "peer.h"
#include "salvage.h"
#include "send.h"

/* Buffers grow in steps, so that packets of about one size share one. */
#define ROOM_STEP	256

#define MAX_AGE		msecs_to_jiffies(PILOT_SALVAGE_MS)

/* So long after it was sent, a packet is forgotten. */
#define LIFE		(MAX_AGE + HZ)

/*
 * Bytes in buffers, of all devices: at most this part of the machine's memory.
 * What a softirq allocates is charged to nobody.
 */
static atomic_long_t total_room;
#define MEMORY_PART	64

static int get_total(char *buffer, const struct kernel_param *kp)
{
	return sysfs_emit(buffer, "%ld\n", atomic_long_read(&total_room));
}

static const struct kernel_param_ops total_ops = { .get = get_total };
module_param_cb(salvage_bytes, &total_ops, NULL, 0444);
MODULE_PARM_DESC(salvage_bytes, "Bytes held for packets that may be sent again");

int pilot_salvage_init(struct pilot_peer *peer)
{
	int cpu;

	peer->salvage = alloc_percpu_gfp(struct pilot_salvage_ring,
					 GFP_KERNEL_ACCOUNT);
	if (!peer->salvage)
		return -ENOMEM;
	for_each_possible_cpu(cpu)
		spin_lock_init(&per_cpu_ptr(peer->salvage, cpu)->lock);
	return 0;
}

static void wipe(struct pilot_salvage *e)
{
	atomic_long_sub(e->room, &total_room);
	kfree_sensitive(e->data);
	memset(e, 0, sizeof(*e));
}

/* Gives an entry a larger buffer, or none without memory for it. */
static void grow(struct pilot_salvage *e, unsigned int len)
{
	u32 room = round_up(len, ROOM_STEP);

	wipe(e);
	if (atomic_long_add_return(room, &total_room) >> PAGE_SHIFT <=
	    totalram_pages() / MEMORY_PART)
		e->data = kmalloc(room, GFP_ATOMIC | __GFP_NOWARN |
					__GFP_ACCOUNT);
	if (e->data)
		e->room = room;
	else
		atomic_long_sub(room, &total_room);
}

/* Takes the entries of a ring; the caller frees them. */
static struct pilot_salvage *take_entries(struct pilot_salvage_ring *ring)
{
	struct pilot_salvage *e;

	spin_lock_bh(&ring->lock);
	e = ring->e;
	ring->e = NULL;
	spin_unlock_bh(&ring->lock);
	return e;
}

static void free_entries(struct pilot_salvage *all)
{
	unsigned int i;

	for (i = 0; all && i < PILOT_SALVAGE_ENTRIES; i++)
		wipe(&all[i]);
	kfree(all);
}

/**
 * pilot_salvage_free() - wipes and frees the rings
 * @peer: peer that nothing uses any more
 */
void pilot_salvage_free(struct pilot_peer *peer)
{
	pilot_salvage_forget(peer);
	free_percpu(peer->salvage);
}

/*
 * The entry for the next packet, all but its text filled in; NULL without
 * memory for it.
 */
static struct pilot_salvage *next_entry(struct pilot_peer *peer,
					struct pilot_salvage_ring *ring,
					u32 key_id, u64 counter,
					__be16 protocol, unsigned int len)
{
	struct pilot_salvage *e;

	if (unlikely(!ring->e)) {
		ring->e = kcalloc(PILOT_SALVAGE_ENTRIES, sizeof(*ring->e),
				  GFP_ATOMIC | __GFP_NOWARN | __GFP_ACCOUNT);
		if (!ring->e)
			return NULL;
		/* who wipes it must not sleep as long as between keepalives */
		timer_reduce(&peer->timer, jiffies + LIFE);
	}
	e = &ring->e[ring->next++ % PILOT_SALVAGE_ENTRIES];
	ring->when = jiffies;
	if (unlikely(e->room < len))
		grow(e, len);
	e->len = 0;
	if (unlikely(!e->data))
		return NULL;
	e->len = len;
	e->protocol = protocol;
	e->key_id = key_id;
	e->counter = counter;
	e->when = ring->when;
	return e;
}

/**
 * pilot_salvage_record() - remembers a packet that is about to be sealed
 * @peer: receiver
 * @key_id: key it goes out under
 * @counter: nonce counter it goes out under
 * @protocol: of the packet
 * @data: the packet
 * @len: its length
 *
 * Without memory it is not remembered.
 *
 * Context: bottom halves off.
 */
void pilot_salvage_record(struct pilot_peer *peer, u32 key_id, u64 counter,
			  __be16 protocol, const void *data, unsigned int len)
{
	struct pilot_salvage_ring *ring = this_cpu_ptr(peer->salvage);
	struct pilot_salvage *e;

	spin_lock(&ring->lock);
	e = next_entry(peer, ring, key_id, counter, protocol, len);
	if (likely(e))
		memcpy(e->data, data, len);
	spin_unlock(&ring->lock);
}

/* Whether a checksum is still to be filled in, and is where it can be. */
static bool lacks_sum(const struct sk_buff *skb)
{
	unsigned int start = skb_checksum_start_offset(skb);

	return skb->ip_summed == CHECKSUM_PARTIAL && start < skb->len &&
	       start + skb->csum_offset + sizeof(__sum16) <= skb->len;
}

/* As skb_checksum_help(), reading the packet no second time to copy it. */
static void copy_and_sum(u8 *to, struct sk_buff *skb)
{
	unsigned int start = skb_checksum_start_offset(skb);
	unsigned int at = start + skb->csum_offset;
	__sum16 check;

	memcpy(to, skb->data, start);
	check = csum_fold(csum_partial_copy_nocheck(skb->data + start,
						    to + start,
						    skb->len - start));
	put_unaligned(check ?: CSUM_MANGLED_0, (__sum16 *)(to + at));
	put_unaligned(check ?: CSUM_MANGLED_0, (__sum16 *)(skb->data + at));
	skb->ip_summed = CHECKSUM_NONE;
}

/**
 * pilot_salvage_record_skb() - the same for a packet in a buffer of its own
 * @peer: receiver
 * @key_id: key it goes out under
 * @counter: nonce counter it goes out under
 * @skb: the packet; linear and private
 *
 * Its checksum is filled in if that is still to be done.
 *
 * Context: bottom halves off. Return: 0, or -EINVAL when the checksum cannot
 * be.
 */
int pilot_salvage_record_skb(struct pilot_peer *peer, u32 key_id, u64 counter,
			     struct sk_buff *skb)
{
	struct pilot_salvage_ring *ring = this_cpu_ptr(peer->salvage);
	struct pilot_salvage *e;

	spin_lock(&ring->lock);
	e = next_entry(peer, ring, key_id, counter, skb->protocol, skb->len);
	if (unlikely(!e))
		;
	else if (lacks_sum(skb))
		copy_and_sum(e->data, skb);
	else
		memcpy(e->data, skb->data, skb->len);
	spin_unlock(&ring->lock);
	return unlikely(skb->ip_summed == CHECKSUM_PARTIAL) ?
	       skb_checksum_help(skb) : 0;
}

static int by_counter(const void *a, const void *b)
{
	const struct pilot_salvage *x = a, *y = b;

	return x->counter < y->counter ? -1 : x->counter > y->counter;
}

/* Keeps the latest of @found and @e in @found, oldest first; returns the loser. */
static struct pilot_salvage keep_latest(struct pilot_salvage *found,
					unsigned int *n, struct pilot_salvage e)
{
	struct pilot_salvage loser = {};

	if (*n < PILOT_SALVAGE_ENTRIES) {
		found[(*n)++] = e;
	} else if (e.counter > found[0].counter) {
		loser = found[0];
		found[0] = e;
	} else {
		return e;
	}
	sort(found, *n, sizeof(*found), by_counter, NULL);
	return loser;
}

/* Takes out of all rings what is to be sent again; wipes the rest. */
static unsigned int drain(struct pilot_peer *peer, u32 key_id,
			  struct pilot_salvage *found)
{
	unsigned int i, n = 0;
	int cpu;

	for_each_possible_cpu(cpu) {
		struct pilot_salvage *all, e;

		all = take_entries(per_cpu_ptr(peer->salvage, cpu));
		for (i = 0; all && i < PILOT_SALVAGE_ENTRIES; i++) {
			e = all[i];
			if (e.len && e.key_id == key_id &&
			    time_before_eq(jiffies, e.when + MAX_AGE))
				e = keep_latest(found, &n, e);
			wipe(&e);
		}
		kfree(all);
	}
	return n;
}

/**
 * pilot_salvage_resend() - sends again what went out under a lost key
 * @peer: receiver; has a new key
 * @key_id: the lost key
 *
 * In the order it was sent, at most PILOT_SALVAGE_ENTRIES packets, none older
 * than PILOT_SALVAGE_MS.
 *
 * Context: bottom halves off, RCU read side, pilot_aead_usable().
 */
void pilot_salvage_resend(struct pilot_peer *peer, u32 key_id)
{
	struct pilot_salvage found[PILOT_SALVAGE_ENTRIES];
	unsigned int i, n = drain(peer, key_id, found), sent = 0;

	for (i = 0; i < n; i++) {
		struct sk_buff *skb = alloc_skb(PILOT_HEADROOM + found[i].len +
						PILOT_TAG_LEN, GFP_ATOMIC);

		if (skb) {
			skb_reserve(skb, PILOT_HEADROOM);
			skb_put_data(skb, found[i].data, found[i].len);
			skb_reset_network_header(skb);
			skb->protocol = found[i].protocol;
			if (!pilot_send_packet(peer, skb)) {
				pilot_count(peer->pd, peer,
					    PILOT_A_STATS_TX_SALVAGED);
				sent++;
			}
		}
		wipe(&found[i]);
	}
	if (sent)
		pilot_event_count(peer, PILOT_EVENT_SALVAGED, sent);
}

/**
 * pilot_salvage_forget() - wipes what is remembered
 * @peer: peer
 */
void pilot_salvage_forget(struct pilot_peer *peer)
{
	int cpu;

	for_each_possible_cpu(cpu)
		free_entries(take_entries(per_cpu_ptr(peer->salvage, cpu)));
}

/**
 * pilot_salvage_expire() - wipes what is too old to be sent again
 * @peer: peer
 * @now: jiffies
 * @due: receives when to come again, if so
 *
 * By ring: what one CPU sends, or a keepalive, keeps nothing of another one's.
 *
 * Context: softirq. Return: whether something is left.
 */
bool pilot_salvage_expire(struct pilot_peer *peer, unsigned long now,
			  unsigned long *due)
{
	bool left = false;
	int cpu;

	for_each_possible_cpu(cpu) {
		struct pilot_salvage_ring *ring;
		struct pilot_salvage *all = NULL;
		unsigned long end;

		ring = per_cpu_ptr(peer->salvage, cpu);
		spin_lock(&ring->lock);
		end = ring->when + LIFE;
		if (ring->e && time_after_eq(now, end)) {
			swap(all, ring->e);
		} else if (ring->e) {
			if (!left || time_before(end, *due))
				*due = end;
			left = true;
		}
		spin_unlock(&ring->lock);
		free_entries(all);
	}
	return left;
}
