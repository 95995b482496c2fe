/* SPDX-License-Identifier: GPL-2.0 */
#ifndef _PILOT_RECEIVE_H
#define _PILOT_RECEIVE_H

struct pilot_device;
struct sk_buff;

void pilot_receive(struct pilot_device *pd, struct sk_buff *skb);

#endif /* _PILOT_RECEIVE_H */
