/* SPDX-License-Identifier: GPL-2.0 */
#ifndef _PILOT_STATS_H
#define _PILOT_STATS_H

#include <linux/atomic.h>
#include <linux/u64_stats_sync.h>
#include <linux/pilot.h>

struct pilot_device;
struct pilot_peer;
struct sk_buff;

/* Of the counters of &enum pilot_stats_attr, peers have those up to here. */
#define PILOT_PEER_STATS	(PILOT_A_STATS_TX_ERROR + 1)
#define PILOT_DEVICE_STATS	(PILOT_A_STATS_MAX + 1)

/**
 * struct pilot_traffic - what every packet of a peer counts, per CPU
 * @rx_packets: inner packets delivered
 * @rx_bytes: their bytes
 * @tx_packets: inner packets sent
 * @tx_bytes: their bytes
 * @syncp: for readers on 32-bit machines
 */
struct pilot_traffic {
	u64_stats_t rx_packets;
	u64_stats_t rx_bytes;
	u64_stats_t tx_packets;
	u64_stats_t tx_bytes;
	struct u64_stats_sync syncp;
};

void pilot_count(struct pilot_device *pd, struct pilot_peer *peer,
		 enum pilot_stats_attr which);
void pilot_count_rx(struct pilot_peer *peer, unsigned int len);
void pilot_count_tx(struct pilot_peer *peer, unsigned int len);
int pilot_stats_put_peer(struct sk_buff *skb, struct pilot_peer *peer);
int pilot_stats_put_device(struct sk_buff *skb, struct pilot_device *pd);

#endif /* _PILOT_STATS_H */
