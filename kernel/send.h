/* SPDX-License-Identifier: GPL-2.0 */
#ifndef _PILOT_SEND_H
#define _PILOT_SEND_H

#include <linux/netdevice.h>

struct pilot_device;
struct pilot_endpoint;
struct pilot_key;
struct pilot_peer;

netdev_tx_t pilot_xmit(struct sk_buff *skb, struct net_device *dev);
int pilot_xmit_packet(struct pilot_device *pd, struct sk_buff *skb);
struct sk_buff *pilot_control_alloc(unsigned int len);
struct pilot_endpoint *pilot_control_way(struct pilot_peer *peer,
					 struct pilot_endpoint *ep, bool relay);
int pilot_control_send(struct pilot_peer *peer, struct pilot_key *key,
		       struct pilot_endpoint *ep, bool relay,
		       struct sk_buff *skb);
void pilot_send_refuse(struct pilot_device *pd, struct sk_buff *skb);
int pilot_send_packet(struct pilot_peer *peer, struct sk_buff *skb);
void pilot_send_keepalive(struct pilot_peer *peer, struct pilot_key *key);
void pilot_send_answer(struct pilot_peer *peer, bool relay);
void pilot_send_proof(struct pilot_peer *peer, struct pilot_key *key);
void pilot_send_probes(struct pilot_peer *peer);
int pilot_send_frame(struct pilot_device *pd, struct pilot_peer *peer,
		     struct pilot_endpoint *ep, bool relay, const void *data,
		     unsigned int len);

#endif /* _PILOT_SEND_H */
