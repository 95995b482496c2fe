/* SPDX-License-Identifier: GPL-2.0 */
#ifndef _PILOT_ROOM_H
#define _PILOT_ROOM_H

#include <linux/mm.h>

/* Order of the pages: the largest that the page allocator thinks cheap. */
#define PILOT_ROOM_ORDER	PAGE_ALLOC_COSTLY_ORDER
#define PILOT_ROOM_SIZE		(PAGE_SIZE << PILOT_ROOM_ORDER)

/**
 * struct pilot_room - contiguous memory in a page
 * @page: page; the holder of the room has a reference
 * @off: where the room begins
 * @len: its length
 */
struct pilot_room {
	struct page *page;
	unsigned int off;
	unsigned int len;
};

bool pilot_room_get(struct pilot_room *room, unsigned int least,
		    unsigned int most);
bool pilot_room_take(struct pilot_room *room, unsigned int len);
void pilot_room_used(const struct pilot_room *room, unsigned int len);
void pilot_room_exit(void);

#endif /* _PILOT_ROOM_H */
