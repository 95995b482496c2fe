// SPDX-License-Identifier: GPL-2.0
#include "rates.h"

#include <stdlib.h>
#include <string.h>

const char *const pilot_order_names[PILOT_N_ORDERS + 1] = {
	[PILOT_ORDER_NODE] = "node",
	[PILOT_ORDER_STATE] = "state",
	[PILOT_ORDER_RX] = "rx",
	[PILOT_ORDER_RX_PACKETS] = "rx-packets",
	[PILOT_ORDER_TX] = "tx",
	[PILOT_ORDER_TX_PACKETS] = "tx-packets",
	[PILOT_ORDER_DROPS] = "drops",
	[PILOT_ORDER_KEY] = "key",
	[PILOT_ORDER_HEARD] = "heard",
};

void pilot_rate_between(const struct pilot_sample *then,
			const struct pilot_sample *now, uint64_t ns,
			struct pilot_rate *rate)
{
	double per = 1e9 / (double)ns;

	memset(rate, 0, sizeof(*rate));
	if (!then || !ns || now->rx_packets < then->rx_packets ||
	    now->rx_bytes < then->rx_bytes || now->tx_packets < then->tx_packets ||
	    now->tx_bytes < then->tx_bytes || now->drops < then->drops)
		return;
	rate->known = true;
	rate->rx_packets = (double)(now->rx_packets - then->rx_packets) * per;
	rate->rx_bits = (double)(now->rx_bytes - then->rx_bytes) * 8 * per;
	rate->tx_packets = (double)(now->tx_packets - then->tx_packets) * per;
	rate->tx_bits = (double)(now->tx_bytes - then->tx_bytes) * 8 * per;
	rate->drops = (double)(now->drops - then->drops) * per;
}

static int compare_u64(uint64_t a, uint64_t b)
{
	return a < b ? -1 : a > b;
}

static int by_name(const void *a, const void *b)
{
	const struct pilot_sample *x = a, *y = b;

	return compare_u64((uint64_t)x->ifindex << 32 | x->node_id,
			   (uint64_t)y->ifindex << 32 | y->node_id);
}

void pilot_samples_sort(struct pilot_sample *samples, size_t n)
{
	if (n)
		qsort(samples, n, sizeof(*samples), by_name);
}

const struct pilot_sample *pilot_sample_find(const struct pilot_sample *samples,
					     size_t n, uint32_t ifindex,
					     uint32_t node_id)
{
	const struct pilot_sample key = { .ifindex = ifindex, .node_id = node_id };

	return n ? bsearch(&key, samples, n, sizeof(key), by_name) : NULL;
}

/* Most first; what is not known is less than nothing. */
static int compare_rate(const struct pilot_line *x, const struct pilot_line *y,
			double a, double b)
{
	if (x->rate.known != y->rate.known)
		return x->rate.known ? -1 : 1;
	return a > b ? -1 : a < b;
}

static int compare_by(const struct pilot_line *x, const struct pilot_line *y,
		      enum pilot_order order)
{
	const struct pilot_rate *a = &x->rate, *b = &y->rate;

	switch (order) {
	case PILOT_ORDER_STATE:
		return compare_u64(x->state, y->state);
	case PILOT_ORDER_RX:
		return compare_rate(x, y, a->rx_bits, b->rx_bits);
	case PILOT_ORDER_RX_PACKETS:
		return compare_rate(x, y, a->rx_packets, b->rx_packets);
	case PILOT_ORDER_TX:
		return compare_rate(x, y, a->tx_bits, b->tx_bits);
	case PILOT_ORDER_TX_PACKETS:
		return compare_rate(x, y, a->tx_packets, b->tx_packets);
	case PILOT_ORDER_DROPS:
		return compare_rate(x, y, a->drops, b->drops);
	case PILOT_ORDER_KEY:
		return compare_u64(x->key_age, y->key_age);
	case PILOT_ORDER_HEARD:
		return compare_u64(x->last_rx, y->last_rx);
	default:
		return compare_u64(x->node_id, y->node_id);
	}
}

struct how {
	enum pilot_order order;
	bool reverse;
};

static int compare_lines(const void *a, const void *b, void *data)
{
	const struct pilot_line *x = a, *y = b;
	const struct how *how = data;
	int ret = compare_by(x, y, how->order);

	if (ret)
		return how->reverse ? -ret : ret;
	return compare_u64((uint64_t)x->ifindex << 32 | x->node_id,
			   (uint64_t)y->ifindex << 32 | y->node_id);
}

void pilot_lines_sort(struct pilot_line *lines, size_t n, enum pilot_order order,
		      bool reverse)
{
	struct how how = { order, reverse };

	if (n)
		qsort_r(lines, n, sizeof(*lines), compare_lines, &how);
}
