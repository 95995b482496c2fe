/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Rates out of two readings of counters, and the order in which peers are
 * listed by them. Pure: no clock, no socket.
 */
#ifndef PILOT_LIB_RATES_H
#define PILOT_LIB_RATES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/**
 * struct pilot_sample - counters of a peer, or of a device, at one moment
 * @ifindex: device
 * @node_id: peer, 0 for the device itself
 * @rx_packets: received
 * @rx_bytes: received
 * @tx_packets: sent
 * @tx_bytes: sent
 * @drops: thrown away
 */
struct pilot_sample {
	uint32_t ifindex;
	uint32_t node_id;
	uint64_t rx_packets;
	uint64_t rx_bytes;
	uint64_t tx_packets;
	uint64_t tx_bytes;
	uint64_t drops;
};

/**
 * struct pilot_rate - per second
 * @known: whether there are two readings to compare; else all is 0
 * @rx_packets: received
 * @rx_bits: received
 * @tx_packets: sent
 * @tx_bits: sent
 * @drops: thrown away
 */
struct pilot_rate {
	bool known;
	double rx_packets;
	double rx_bits;
	double tx_packets;
	double tx_bits;
	double drops;
};

/**
 * pilot_rate_between() - rates from one reading to the next
 * @then: earlier reading, or NULL if there is none
 * @now: later one
 * @ns: time between them
 * @rate: result; not known without @then, without time, or if a counter went
 *	back: then it is another peer of that number
 */
void pilot_rate_between(const struct pilot_sample *then,
			const struct pilot_sample *now, uint64_t ns,
			struct pilot_rate *rate);

/**
 * pilot_samples_sort() - put samples in the order pilot_sample_find() needs
 * @samples: array
 * @n: its length
 */
void pilot_samples_sort(struct pilot_sample *samples, size_t n);

/**
 * pilot_sample_find() - a sample by device and peer
 * @samples: sorted array
 * @n: its length
 * @ifindex: device
 * @node_id: peer
 *
 * Return: the sample, or NULL.
 */
const struct pilot_sample *pilot_sample_find(const struct pilot_sample *samples,
					     size_t n, uint32_t ifindex,
					     uint32_t node_id);

/* What a list is sorted by. */
enum pilot_order {
	PILOT_ORDER_NODE,	/* smallest first */
	PILOT_ORDER_STATE,	/* in the order of the caller's numbers */
	PILOT_ORDER_RX,		/* these: most first */
	PILOT_ORDER_RX_PACKETS,
	PILOT_ORDER_TX,
	PILOT_ORDER_TX_PACKETS,
	PILOT_ORDER_DROPS,
	PILOT_ORDER_KEY,	/* these: latest first */
	PILOT_ORDER_HEARD,

	PILOT_N_ORDERS
};

/**
 * struct pilot_line - a peer in a list
 * @ifindex: device
 * @node_id: peer
 * @state: number of its state
 * @key_age: ms since its key was installed, or PILOT_NEVER
 * @last_rx: ms since it was heard, or PILOT_NEVER
 * @rate: rates
 * @data: the caller's
 */
struct pilot_line {
	uint32_t ifindex;
	uint32_t node_id;
	unsigned int state;
	uint64_t key_age;
	uint64_t last_rx;
	struct pilot_rate rate;
	const void *data;
};

/**
 * pilot_lines_sort() - sort a list
 * @lines: list
 * @n: its length
 * @order: by what
 * @reverse: the other way round
 *
 * What is equal is by device and node, smallest first, either way.
 */
void pilot_lines_sort(struct pilot_line *lines, size_t n, enum pilot_order order,
		      bool reverse);

/**
 * pilot_order_names - word of each order, ended by NULL
 */
extern const char *const pilot_order_names[PILOT_N_ORDERS + 1];

#endif /* PILOT_LIB_RATES_H */
