// SPDX-License-Identifier: GPL-2.0
/*
 * Counters: per CPU for what every packet touches, plain atomics for the
 * ways in which one can fail.
 */
#include <linux/ethtool.h>
#include <linux/netdevice.h>
#include <linux/trace_events.h>
#include <net/netlink.h>

#include "device.h"
#include "peer.h"
#include "stats.h"
#include "trace.h"

/**
 * pilot_count() - counts a keepalive or a failure
 * @pd: device
 * @peer: peer it concerns, or NULL
 * @which: counter; with a peer one of the peer's
 */
void pilot_count(struct pilot_device *pd, struct pilot_peer *peer,
		 enum pilot_stats_attr which)
{
	trace_pilot_count(pd, peer, which);
	atomic64_inc(&pd->stats[which]);
	if (peer)
		atomic64_inc(&peer->stats[which]);
}

/**
 * pilot_count_rx() - counts packets that are delivered, for peer and device
 * @peer: sender
 * @packets: how many
 * @bytes: length of the inner packets
 *
 * Context: bottom halves off.
 */
void pilot_count_rx(struct pilot_peer *peer, unsigned int packets,
		    unsigned int bytes)
{
	struct pcpu_sw_netstats *s = this_cpu_ptr(peer->pd->dev->tstats);
	struct pilot_traffic *t = this_cpu_ptr(peer->traffic);

	u64_stats_update_begin(&t->syncp);
	u64_stats_add(&t->rx_packets, packets);
	u64_stats_add(&t->rx_bytes, bytes);
	u64_stats_update_end(&t->syncp);
	u64_stats_update_begin(&s->syncp);
	u64_stats_add(&s->rx_packets, packets);
	u64_stats_add(&s->rx_bytes, bytes);
	u64_stats_update_end(&s->syncp);
}

/**
 * pilot_count_tx() - counts packets that are sent, for peer and device
 * @peer: receiver
 * @packets: how many
 * @bytes: length of the inner packets
 *
 * Context: bottom halves off.
 */
void pilot_count_tx(struct pilot_peer *peer, unsigned int packets,
		    unsigned int bytes)
{
	struct pilot_traffic *t = this_cpu_ptr(peer->traffic);

	u64_stats_update_begin(&t->syncp);
	u64_stats_add(&t->tx_packets, packets);
	u64_stats_add(&t->tx_bytes, bytes);
	u64_stats_update_end(&t->syncp);
	dev_sw_netstats_tx_add(peer->pd->dev, packets, bytes);
}

static int put(struct sk_buff *skb, int attr, u64 value)
{
	return nla_put_u64_64bit(skb, attr, value, PILOT_A_STATS_PAD);
}

static int put_traffic(struct sk_buff *skb, u64 rx_packets, u64 rx_bytes,
		       u64 tx_packets, u64 tx_bytes)
{
	return put(skb, PILOT_A_STATS_RX_PACKETS, rx_packets) ?:
	       put(skb, PILOT_A_STATS_RX_BYTES, rx_bytes) ?:
	       put(skb, PILOT_A_STATS_TX_PACKETS, tx_packets) ?:
	       put(skb, PILOT_A_STATS_TX_BYTES, tx_bytes);
}

static int put_rest(struct sk_buff *skb, atomic64_t *stats, int end)
{
	int i, err;

	for (i = PILOT_A_STATS_TX_BYTES + 1; i < end; i++) {
		err = put(skb, i, atomic64_read(&stats[i]));
		if (err)
			return err;
	}
	return 0;
}

/**
 * pilot_stats_put_peer() - adds the counters of a peer to an open nest
 * @skb: netlink message
 * @peer: peer
 *
 * Return: 0 or -EMSGSIZE.
 */
int pilot_stats_put_peer(struct sk_buff *skb, struct pilot_peer *peer)
{
	u64 sum[4] = {};
	int cpu;

	for_each_possible_cpu(cpu) {
		struct pilot_traffic *t = per_cpu_ptr(peer->traffic, cpu);
		unsigned int start;
		u64 v[4];
		int i;

		do {
			start = u64_stats_fetch_begin(&t->syncp);
			v[0] = u64_stats_read(&t->rx_packets);
			v[1] = u64_stats_read(&t->rx_bytes);
			v[2] = u64_stats_read(&t->tx_packets);
			v[3] = u64_stats_read(&t->tx_bytes);
		} while (u64_stats_fetch_retry(&t->syncp, start));
		for (i = 0; i < 4; i++)
			sum[i] += v[i];
	}
	return put_traffic(skb, sum[0], sum[1], sum[2], sum[3]) ?:
	       put_rest(skb, peer->stats, PILOT_PEER_STATS);
}

static const struct trace_print_flags stat_names[] = { PILOT_STAT_NAMES };

/**
 * pilot_stats_strings() - names of the counters, for ethtool
 * @data: PILOT_STAT_COUNT strings of ETH_GSTRING_LEN
 */
void pilot_stats_strings(u8 *data)
{
	int i;

	for (i = 0; i < PILOT_STAT_COUNT; i++)
		ethtool_sprintf(&data, "%s", stat_names[i].name);
}

/**
 * pilot_stats_get() - values of the counters, for ethtool
 * @pd: device
 * @data: PILOT_STAT_COUNT values
 */
void pilot_stats_get(struct pilot_device *pd, u64 *data)
{
	struct rtnl_link_stats64 s = {};
	int i;

	dev_fetch_sw_netstats(&s, pd->dev->tstats);
	*data++ = s.rx_packets;
	*data++ = s.rx_bytes;
	*data++ = s.tx_packets;
	*data++ = s.tx_bytes;
	for (i = PILOT_A_STATS_TX_BYTES + 1; i <= PILOT_A_STATS_MAX; i++)
		*data++ = atomic64_read(&pd->stats[i]);
}

/**
 * pilot_stats_put_device() - adds the counters of a device to an open nest
 * @skb: netlink message
 * @pd: device
 *
 * Return: 0 or -EMSGSIZE.
 */
int pilot_stats_put_device(struct sk_buff *skb, struct pilot_device *pd)
{
	struct rtnl_link_stats64 s = {};

	dev_fetch_sw_netstats(&s, pd->dev->tstats);
	return put_traffic(skb, s.rx_packets, s.rx_bytes, s.tx_packets,
			   s.tx_bytes) ?:
	       put_rest(skb, pd->stats, PILOT_DEVICE_STATS);
}
