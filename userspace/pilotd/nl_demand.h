/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What peers on demand ask for, done.
 */
#ifndef PILOTD_NL_DEMAND_H
#define PILOTD_NL_DEMAND_H

#include "demand.h"
#include "lib/types.h"

/* Callbacks of the demand, for a struct nl. */
extern const struct demand_ops nl_demand_ops;

/**
 * nl_demand_peer() - what the demand wants to know of a peer
 * @info: peer
 * @peer: to fill
 */
void nl_demand_peer(const struct pilot_peer_info *info, struct demand_peer *peer);

#endif /* PILOTD_NL_DEMAND_H */
