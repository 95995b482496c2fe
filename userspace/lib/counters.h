/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What the counters mean together.
 */
#ifndef PILOT_LIB_COUNTERS_H
#define PILOT_LIB_COUNTERS_H

#include "types.h"

/**
 * pilot_counter_is_drop() - whether a counter counts what was thrown away
 * @stat: &enum pilot_stats_attr
 *
 * The others count normal operation. Counters this program does not know by
 * name are drops: most are.
 */
bool pilot_counter_is_drop(unsigned int stat);

/**
 * pilot_drops() - all that was thrown away
 * @stats: counters
 *
 * Return: the sum.
 */
uint64_t pilot_drops(const struct pilot_stats *stats);

#endif /* PILOT_LIB_COUNTERS_H */
