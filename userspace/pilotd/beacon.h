/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Messages of the beacon: protocol.rst, section 7. Relaying (05 and 06) is the
 * kernel's.
 */
#ifndef PILOTD_BEACON_H
#define PILOTD_BEACON_H

#include <stddef.h>
#include <stdint.h>

#include "lib/types.h"

#define BEACON_DISCOVER_LEN	5
#define BEACON_PUNCH_LEN	9

/**
 * beacon_build_discover() - build a discover message, type 01
 * @msg: BEACON_DISCOVER_LEN bytes
 * @node: own node ID
 */
void beacon_build_discover(uint8_t *msg, uint32_t node);

/**
 * beacon_build_punch() - build a punch request, type 03
 * @msg: BEACON_PUNCH_LEN bytes
 * @node: own node ID
 * @target: whom to reach
 */
void beacon_build_punch(uint8_t *msg, uint32_t node, uint32_t target);

/**
 * beacon_parse() - read a message of the beacon
 * @data: from its type byte
 * @len: its length, which must be that of the message
 * @ep: the address in it. An IPv4 address in the form of IPv6 is turned back
 *
 * An address to which nothing can be sent is no message.
 *
 * Return: PILOT_BEACON_DISCOVER_REPLY, PILOT_BEACON_PUNCH_COMMAND or -EINVAL.
 */
int beacon_parse(const uint8_t *data, size_t len, struct pilot_endpoint *ep);

#endif /* PILOTD_BEACON_H */
