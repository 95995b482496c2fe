/* SPDX-License-Identifier: GPL-2.0 */
#ifndef _PILOT_OFFLOAD_H
#define _PILOT_OFFLOAD_H

struct net;
struct pilot_device;
struct socket;

void pilot_offload_socket(struct socket *sock);
void pilot_offload_start(struct pilot_device *pd, struct net *net);
void pilot_offload_stop(struct pilot_device *pd);

#endif /* _PILOT_OFFLOAD_H */
