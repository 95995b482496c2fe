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

/* They begin at RX_PACKETS. */
#define PILOT_STAT_COUNT	(PILOT_A_STATS_MAX - PILOT_A_STATS_PAD)

/* Counters as ethtool -S and the tracepoints call them. */
#define PILOT_STAT_NAMES						\
	{ PILOT_A_STATS_RX_PACKETS, "rx_packets" },		\
	{ PILOT_A_STATS_RX_BYTES, "rx_bytes" },			\
	{ PILOT_A_STATS_TX_PACKETS, "tx_packets" },		\
	{ PILOT_A_STATS_TX_BYTES, "tx_bytes" },			\
	{ PILOT_A_STATS_RX_KEEPALIVE, "rx_keepalive" },		\
	{ PILOT_A_STATS_TX_KEEPALIVE, "tx_keepalive" },		\
	{ PILOT_A_STATS_TX_SALVAGED, "tx_salvaged" },		\
	{ PILOT_A_STATS_RX_DECRYPT_FAIL, "rx_decrypt_fail" },	\
	{ PILOT_A_STATS_RX_REPLAY, "rx_replay" },		\
	{ PILOT_A_STATS_RX_OUTSIDE_WINDOW, "rx_outside_window" },	\
	{ PILOT_A_STATS_RX_STALE, "rx_stale" },			\
	{ PILOT_A_STATS_RX_NO_KEY, "rx_no_key" },		\
	{ PILOT_A_STATS_RX_SPOOFED, "rx_spoofed" },		\
	{ PILOT_A_STATS_RX_MALFORMED, "rx_malformed" },		\
	{ PILOT_A_STATS_RX_NOMEM, "rx_nomem" },			\
	{ PILOT_A_STATS_TX_NO_KEY, "tx_no_key" },		\
	{ PILOT_A_STATS_TX_QUEUE_FULL, "tx_queue_full" },	\
	{ PILOT_A_STATS_TX_NO_ENDPOINT, "tx_no_endpoint" },	\
	{ PILOT_A_STATS_TX_NO_ROUTE, "tx_no_route" },		\
	{ PILOT_A_STATS_TX_TOO_BIG, "tx_too_big" },		\
	{ PILOT_A_STATS_TX_ERROR, "tx_error" },			\
	{ PILOT_A_STATS_TX_NO_PEER, "tx_no_peer" },		\
	{ PILOT_A_STATS_RX_UNKNOWN_PEER, "rx_unknown_peer" },	\
	{ PILOT_A_STATS_RX_SHORT, "rx_short" },			\
	{ PILOT_A_STATS_RX_UNKNOWN, "rx_unknown" },		\
	{ PILOT_A_STATS_RX_PLAINTEXT, "rx_plaintext" },		\
	{ PILOT_A_STATS_RX_PUNCH, "rx_punch" },			\
	{ PILOT_A_STATS_RX_BEACON_SPOOFED, "rx_beacon_spoofed" },	\
	{ PILOT_A_STATS_RX_HANDSHAKE, "rx_handshake" },		\
	{ PILOT_A_STATS_RX_HANDSHAKE_LIMITED, "rx_handshake_limited" },	\
	{ PILOT_A_STATS_RX_NO_HANDLER, "rx_no_handler" },	\
	{ PILOT_A_STATS_RX_PING, "rx_ping" },			\
	{ PILOT_A_STATS_RX_PING_LIMITED, "rx_ping_limited" }

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
void pilot_count_rx(struct pilot_peer *peer, unsigned int packets,
		    unsigned int bytes);
void pilot_count_tx(struct pilot_peer *peer, unsigned int packets,
		    unsigned int bytes);
int pilot_stats_put_peer(struct sk_buff *skb, struct pilot_peer *peer);
void pilot_stats_strings(u8 *data);
void pilot_stats_get(struct pilot_device *pd, u64 *data);
int pilot_stats_put_device(struct sk_buff *skb, struct pilot_device *pd);

#endif /* _PILOT_STATS_H */
