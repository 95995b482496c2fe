// SPDX-License-Identifier: GPL-2.0
#include "counters.h"

bool pilot_counter_is_drop(unsigned int stat)
{
	switch (stat) {
	case PILOT_A_STATS_UNSPEC:
	case PILOT_A_STATS_PAD:
	case PILOT_A_STATS_RX_PACKETS:
	case PILOT_A_STATS_RX_BYTES:
	case PILOT_A_STATS_TX_PACKETS:
	case PILOT_A_STATS_TX_BYTES:
	case PILOT_A_STATS_RX_KEEPALIVE:
	case PILOT_A_STATS_TX_KEEPALIVE:
	case PILOT_A_STATS_TX_SALVAGED:
	case PILOT_A_STATS_RX_PUNCH:
	case PILOT_A_STATS_RX_HANDSHAKE:
	case PILOT_A_STATS_RX_PING:
		return false;
	default:
		return true;
	}
}

uint64_t pilot_drops(const struct pilot_stats *stats)
{
	uint64_t sum = 0;
	unsigned int i;

	for (i = 0; i <= PILOT_A_STATS_MAX; i++)
		if (pilot_counter_is_drop(i))
			sum += stats->v[i];
	return sum;
}
