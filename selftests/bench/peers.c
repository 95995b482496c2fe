// SPDX-License-Identifier: GPL-2.0
/*
 * peers DEVICE FIRST COUNT: adds peers FIRST..., each with an endpoint, a key
 * and a prefix of its own out of 10.9.0.0/16.
 */
#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/cmd.h"

static int add(struct pilot_genl *g, const struct pilot_dev *dev, uint32_t node)
{
	uint8_t secret[PILOT_KEY_LEN] = { node >> 24, node >> 16, node >> 8, node };
	struct pilot_allowed_ip prefix = {
		.family = AF_INET,
		.prefix = 32,
		.v4.s_addr = htonl(0x0a090000 + node),
	};
	struct pilot_peer_info peer = {
		.has = PILOT_HAS(PILOT_A_PEER_ENDPOINT) | PILOT_HAS(PILOT_A_PEER_ALLOWED_IP),
		.node_id = node,
		.allowed_ips = &prefix,
		.n_allowed_ips = 1,
		.endpoint.in = {
			.sin_family = AF_INET,
			.sin_port = htons(37736),
			.sin_addr.s_addr = htonl(0x0a010000 + node),
		},
	};
	struct pilot_key_info key = { .node_id = node, .secret = secret };

	return pilot_peer_new(g, dev, &peer) ?: pilot_key_set(g, dev, &key, NULL);
}

int main(int argc, char **argv)
{
	struct pilot_dev dev = { };
	struct pilot_genl g = { };
	uint32_t first, count;
	int err;

	if (argc != 4 || strlen(argv[1]) >= sizeof(dev.ifname)) {
		fprintf(stderr, "usage: peers DEVICE FIRST COUNT\n");
		return 2;
	}
	strcpy(dev.ifname, argv[1]);
	first = strtoul(argv[2], NULL, 10);
	count = strtoul(argv[3], NULL, 10);
	err = pilot_genl_open(&g);
	for (uint32_t i = 0; !err && i < count; i++)
		err = add(&g, &dev, first + i);
	if (err)
		fprintf(stderr, "peers: %s\n", g.err.text);
	pilot_genl_close(&g);
	return !!err;
}
