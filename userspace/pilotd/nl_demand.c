// SPDX-License-Identifier: GPL-2.0
#include "nl_demand.h"

#include <errno.h>
#include <time.h>

#include "lib/cmd.h"
#include "log.h"
#include "nl_private.h"
#include "nl_registry.h"

static bool op_resolve(void *ctx, uint32_t node)
{
	/* The kernel asks for a node once in 3 s. */
	return nl_registry_find(ctx, node);
}

static int op_add(void *ctx, uint32_t node)
{
	struct nl *nl = ctx;
	const struct pilot_peer_info peer = {
		.node_id = node, .dynamic = true, .has = PILOT_HAS(PILOT_A_PEER_DYNAMIC),
	};
	int ret = pilot_peer_new(&nl->cmd, &nl->dev, &peer);

	if (!ret)
		log_info("node %u becomes a peer, there are packets for it", node);
	else if (ret != -EEXIST)
		log_warn("adding peer %u: %s", node, nl->cmd.err.text);
	return ret;
}

static void op_remove(void *ctx, uint32_t node)
{
	struct nl *nl = ctx;
	int ret = pilot_peer_del(&nl->cmd, &nl->dev, node);

	if (!ret)
		log_info("node %u is idle, and no peer any more", node);
	else if (ret != -ENOENT)
		log_warn("removing peer %u: %s", node, nl->cmd.err.text);
}

static void op_full(void *ctx, uint32_t node)
{
	struct nl *nl = ctx;
	int64_t now = nl_now();

	/* Whoever sends packets can cause this: once a minute. */
	if (nl->full_told && now - nl->full_told < 60000)
		return;
	nl->full_told = now;
	log_warn("node %u does not become a peer: there are max-dynamic = %u of that kind",
		 node, nl->cfg->tcp.max_dynamic);
}

void nl_demand_peer(const struct pilot_peer_info *info, struct demand_peer *peer)
{
	size_t i;

	*peer = (struct demand_peer){
		.packets = info->stats.v[PILOT_A_STATS_RX_PACKETS] +
			   info->stats.v[PILOT_A_STATS_TX_PACKETS],
		.proven = info->has & PILOT_HAS(PILOT_A_PEER_LAST_RX),
		.kept = info->n_allowed_ips || info->path != PILOT_PATH_AUTO,
	};
	for (i = 0; i < info->n_keys; i++)
		if (info->keys[i].has & PILOT_HAS(PILOT_A_KEY_AUTHENTICATED) ||
		    !(info->keys[i].has & PILOT_HAS(PILOT_A_KEY_PEER_X25519)))
			peer->trusted = true;
}

const struct demand_ops nl_demand_ops = {
	.resolve = op_resolve,
	.add = op_add,
	.remove = op_remove,
	.full = op_full,
};
