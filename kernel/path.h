/* SPDX-License-Identifier: GPL-2.0 */
#ifndef _PILOT_PATH_H
#define _PILOT_PATH_H

#include <linux/compiler.h>
#include <linux/pilot.h>

#include "peer.h"

void pilot_path_set(struct pilot_peer *peer, enum pilot_path path,
		    enum pilot_path active);
void __pilot_path_heard(struct pilot_peer *peer, bool relayed);

/**
 * pilot_path_heard() - a peer was heard by a path
 * @peer: sender of a frame that was the newest under the current key
 * @relayed: it came through the beacon
 *
 * Context: bottom halves off.
 */
static inline void pilot_path_heard(struct pilot_peer *peer, bool relayed)
{
	if (unlikely(relayed || READ_ONCE(peer->path_heard) ||
		     READ_ONCE(peer->path_active) == PILOT_PATH_RELAY))
		__pilot_path_heard(peer, relayed);
}

#endif /* _PILOT_PATH_H */
