// SPDX-License-Identifier: GPL-2.0
#include "beacon.h"

#include <arpa/inet.h>
#include <errno.h>
#include <string.h>

static void put_id(uint8_t *p, uint32_t id)
{
	id = htonl(id);
	memcpy(p, &id, sizeof(id));
}

void beacon_build_discover(uint8_t *msg, uint32_t node)
{
	msg[0] = PILOT_BEACON_DISCOVER;
	put_id(msg + 1, node);
}

void beacon_build_punch(uint8_t *msg, uint32_t node, uint32_t target)
{
	msg[0] = PILOT_BEACON_PUNCH_REQUEST;
	put_id(msg + 1, node);
	put_id(msg + 5, target);
}

static int set_v4(struct pilot_endpoint *ep, const uint8_t *ip, in_port_t port)
{
	uint32_t addr;

	memcpy(&ep->in.sin_addr, ip, sizeof(ep->in.sin_addr));
	addr = ntohl(ep->in.sin_addr.s_addr);
	if (!(addr >> 24) || IN_MULTICAST(addr) || addr == INADDR_BROADCAST)
		return -EINVAL;
	ep->in.sin_family = AF_INET;
	ep->in.sin_port = port;
	return 0;
}

static int set_v6(struct pilot_endpoint *ep, const uint8_t *ip, in_port_t port)
{
	struct in6_addr addr;

	memcpy(&addr, ip, sizeof(addr));
	if (IN6_IS_ADDR_V4MAPPED(&addr))
		return set_v4(ep, ip + 12, port);
	/* A link-local one is of no use without its interface. */
	if (IN6_IS_ADDR_UNSPECIFIED(&addr) || IN6_IS_ADDR_MULTICAST(&addr) ||
	    IN6_IS_ADDR_LINKLOCAL(&addr))
		return -EINVAL;
	ep->in6.sin6_family = AF_INET6;
	ep->in6.sin6_addr = addr;
	ep->in6.sin6_port = port;
	return 0;
}

int beacon_parse(const uint8_t *data, size_t len, struct pilot_endpoint *ep)
{
	in_port_t port;
	size_t ip;
	int ret;

	memset(ep, 0, sizeof(*ep));
	if (len < 2 || (data[0] != PILOT_BEACON_DISCOVER_REPLY &&
			data[0] != PILOT_BEACON_PUNCH_COMMAND))
		return -EINVAL;
	ip = data[1];
	if ((ip != 4 && ip != 16) || len != 2 + ip + sizeof(port))
		return -EINVAL;
	memcpy(&port, data + 2 + ip, sizeof(port));
	if (!port)
		return -EINVAL;
	ret = ip == 4 ? set_v4(ep, data + 2, port) : set_v6(ep, data + 2, port);
	return ret ? ret : data[0];
}
