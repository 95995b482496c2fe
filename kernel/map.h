/* SPDX-License-Identifier: GPL-2.0 */
#ifndef _PILOT_MAP_H
#define _PILOT_MAP_H

#include <linux/in6.h>

#include <pilot/wire.h>

/**
 * pilot_map_to_node() - the node a mapped IPv6 address stands for
 * @addr: address
 * @network: Pilot network
 *
 * Source: protocol.rst section 1, design.rst section 2.
 *
 * Return: node ID, or 0 if the address is not of that network's map.
 */
static inline u32 pilot_map_to_node(const struct in6_addr *addr, u16 network)
{
	if (addr->s6_addr32[0] != cpu_to_be32(PILOT_MAP_PREFIX0) ||
	    addr->s6_addr32[1] != cpu_to_be32(PILOT_MAP_PREFIX1 << 16 | network) ||
	    addr->s6_addr32[2])
		return 0;
	return be32_to_cpu(addr->s6_addr32[3]);
}

#endif /* _PILOT_MAP_H */
