// SPDX-License-Identifier: GPL-2.0
/*
 * Memory that super-packets are cut into, and opened in.
 *
 * Each CPU goes round a ring of pages. One that has come back from the network
 * meanwhile is written again; one that is still under way is let go and
 * replaced. So in a steady flow pages are neither allocated nor cleared.
 */
#include <linux/cache.h>
#include <linux/percpu.h>

#include "room.h"

/* 1 MB for each CPU that handles super-packets: what TCP has unread, and more. */
#define PAGES	32

struct pilot_pages {
	struct page *page[PAGES];
	unsigned int cur;
	unsigned int off;
};

static DEFINE_PER_CPU(struct pilot_pages, pilot_pages);

/* Makes the next page of the ring the current one. */
static noinline bool next_page(struct pilot_pages *p)
{
	unsigned int next = (p->cur + 1) % PAGES;
	struct page *page = p->page[next];

	if (!page || page_ref_count(page) > 1) {
		page = alloc_pages(GFP_ATOMIC | __GFP_NOWARN | __GFP_COMP |
				   __GFP_NOMEMALLOC, PILOT_ROOM_ORDER);
		if (!page)
			return false;
		if (p->page[next])
			put_page(p->page[next]);
		p->page[next] = page;
	}
	p->cur = next;
	p->off = 0;
	return true;
}

/* Whether the current page has so much left, or the next one has. */
static bool is_ready(struct pilot_pages *p, unsigned int len)
{
	return likely(p->page[p->cur] && p->off + len <= PILOT_ROOM_SIZE) ||
	       next_page(p);
}

/* Large pages are rare: room in one of its own then. */
static noinline bool get_alone(struct pilot_room *room, unsigned int least,
			       unsigned int most)
{
	unsigned int order = get_order(least);

	room->page = alloc_pages(GFP_ATOMIC | __GFP_NOWARN | __GFP_NOMEMALLOC |
				 (order ? __GFP_COMP : 0), order);
	room->off = 0;
	room->len = min_t(unsigned int, most, PAGE_SIZE << order);
	return room->page;
}

/**
 * pilot_room_get() - finds room
 * @room: receives the room, and a reference to its page
 * @least: bytes that are needed, at most PILOT_ROOM_SIZE
 * @most: bytes that are welcome
 *
 * The next one to ask gets the same room unless pilot_room_used() is called.
 *
 * Context: bottom halves off. Return: false without memory.
 */
bool pilot_room_get(struct pilot_room *room, unsigned int least,
		    unsigned int most)
{
	struct pilot_pages *p = this_cpu_ptr(&pilot_pages);

	if (unlikely(!is_ready(p, least)))
		return get_alone(room, least, most);
	room->page = p->page[p->cur];
	room->off = p->off;
	room->len = min_t(unsigned int, most, PILOT_ROOM_SIZE - p->off);
	get_page(room->page);
	return true;
}

/**
 * pilot_room_take() - finds and keeps room
 * @room: receives the room, and a reference to its page
 * @len: bytes, at most PILOT_ROOM_SIZE
 *
 * What fits in one page lies in one: up to 6.12 the crypto API goes page by
 * page, and takes what crosses into another in up to three steps.
 *
 * Context: bottom halves off. Return: false without memory.
 */
bool pilot_room_take(struct pilot_room *room, unsigned int len)
{
	struct pilot_pages *p = this_cpu_ptr(&pilot_pages);

	if (offset_in_page(p->off) + len > PAGE_SIZE)
		p->off = PAGE_ALIGN(p->off);
	if (unlikely(!is_ready(p, len)))
		return get_alone(room, len, len);
	room->page = p->page[p->cur];
	room->off = p->off;
	room->len = len;
	p->off += ALIGN(len, SMP_CACHE_BYTES);
	get_page(room->page);
	return true;
}

/**
 * pilot_room_used() - keeps what was written
 * @room: room, just found
 * @len: bytes used from its beginning
 *
 * Context: as for pilot_room_get(), without a break since.
 */
void pilot_room_used(const struct pilot_room *room, unsigned int len)
{
	struct pilot_pages *p = this_cpu_ptr(&pilot_pages);

	if (likely(room->page == p->page[p->cur]))
		p->off = room->off + ALIGN(len, SMP_CACHE_BYTES);
}

/**
 * pilot_room_exit() - lets go of all pages
 *
 * Context: process, with no device left.
 */
void pilot_room_exit(void)
{
	int cpu, i;

	for_each_possible_cpu(cpu) {
		struct pilot_pages *p = per_cpu_ptr(&pilot_pages, cpu);

		for (i = 0; i < PAGES; i++)
			if (p->page[i])
				put_page(p->page[i]);
	}
}
