/* SPDX-License-Identifier: GPL-2.0 */
#ifndef _PILOT_PING_H
#define _PILOT_PING_H

#include <linux/pilot.h>
#include <linux/types.h>

#include <pilot/wire.h>

struct pilot_endpoint;
struct pilot_key;
struct pilot_peer;

enum pilot_stats_attr pilot_ping_receive(struct pilot_peer *peer,
					 const struct pilot_inner *h,
					 bool relayed);
void pilot_ping_key(struct pilot_peer *peer, struct pilot_key *key);
int pilot_ping_probe(struct pilot_peer *peer, struct pilot_endpoint *ep,
		     bool relay);

#endif /* _PILOT_PING_H */
