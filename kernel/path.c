// SPDX-License-Identifier: GPL-2.0
/*
 * Which path a peer's frames take: straight to its endpoint, or through the
 * beacon (protocol.rst, section 7). With path auto it follows the peer: that is
 * proof that the path works at least from there, and it needs no daemon.
 */
#include "netlink.h"
#include "path.h"

/* Frames by the other path after which it is followed. */
#define FOLLOW_AFTER	3

/*
 * To the relay only if for this long nothing came straight: both ends return
 * to the direct path by themselves, and not at the same moment.
 */
#define RELAY_ONLY	(2 * HZ)

static void take_path(struct pilot_peer *peer, enum pilot_path active)
{
	lockdep_assert_held(&peer->lock);
	WRITE_ONCE(peer->path_heard, 0);
	if (active == peer->path_active)
		return;
	WRITE_ONCE(peer->path_active, active);
	pilot_event_path(peer, active);
}

/**
 * pilot_path_set() - sets the path by command
 * @peer: peer
 * @path: what is asked for
 * @active: with auto, the one to take for now; else the same
 *
 * Context: process; the device's lock is held.
 */
void pilot_path_set(struct pilot_peer *peer, enum pilot_path path,
		    enum pilot_path active)
{
	spin_lock_bh(&peer->lock);
	WRITE_ONCE(peer->path, path);
	take_path(peer, active);
	spin_unlock_bh(&peer->lock);
}

/**
 * __pilot_path_heard() - pilot_path_heard(), where it may change something
 * @peer: sender
 * @relayed: the frame came through the beacon
 */
void __pilot_path_heard(struct pilot_peer *peer, bool relayed)
{
	bool on_relay = READ_ONCE(peer->path_active) == PILOT_PATH_RELAY;
	u8 heard;

	if (READ_ONCE(peer->path) != PILOT_PATH_AUTO)
		return;
	if (relayed == on_relay) {
		/* while relayed, what came straight goes on counting */
		if (!on_relay)
			WRITE_ONCE(peer->path_heard, 0);
		return;
	}
	spin_lock(&peer->lock);
	on_relay = peer->path_active == PILOT_PATH_RELAY;
	if (peer->dead || peer->path != PILOT_PATH_AUTO || relayed == on_relay)
		goto out;
	heard = READ_ONCE(peer->path_heard);
	if (!heard)
		peer->path_heard_since = jiffies;
	if (heard < FOLLOW_AFTER)
		WRITE_ONCE(peer->path_heard, ++heard);
	if (heard == FOLLOW_AFTER &&
	    (!relayed ||
	     time_after_eq(jiffies, peer->path_heard_since + RELAY_ONLY)))
		take_path(peer, relayed ? PILOT_PATH_RELAY : PILOT_PATH_DIRECT);
out:
	spin_unlock(&peer->lock);
}
