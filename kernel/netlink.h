/* SPDX-License-Identifier: GPL-2.0 */
#ifndef _PILOT_NETLINK_H
#define _PILOT_NETLINK_H

#include <linux/pilot.h>
#include <linux/types.h>

struct pilot_device;
struct pilot_peer;
union pilot_sockaddr;

int pilot_nl_init(void);
void pilot_nl_exit(void);
void pilot_nl_clear_status(struct pilot_device *pd);
int pilot_nl_frame_up(struct pilot_device *pd, u32 sender,
		      const union pilot_sockaddr *from, bool relayed,
		      const void *data, unsigned int len);

void pilot_event_device(struct pilot_device *pd, enum pilot_event_type type);
void pilot_event_peer(struct pilot_peer *peer, enum pilot_event_type type);
void pilot_event_need_key(struct pilot_peer *peer, enum pilot_reason reason);
void pilot_event_key_installed(struct pilot_peer *peer, u32 key_id,
			       bool authenticated, bool rekeyed);
void pilot_event_key_confirmed(struct pilot_peer *peer, u32 key_id);
void pilot_event_key_dropped(struct pilot_peer *peer, u32 key_id,
			     enum pilot_reason reason);
void pilot_event_endpoint(struct pilot_peer *peer,
			  const union pilot_sockaddr *remote);
void pilot_event_need_peer(struct pilot_device *pd, u32 node_id,
			   enum pilot_reason reason);
void pilot_event_registry(struct pilot_device *pd,
			  enum pilot_registry_state state);
void pilot_event_path(struct pilot_peer *peer, enum pilot_path path);
void pilot_event_count(struct pilot_peer *peer, enum pilot_event_type type,
		       u32 count);

#endif /* _PILOT_NETLINK_H */
