// SPDX-License-Identifier: GPL-2.0
/*
 * What the paths ask for, done.
 */
#include <errno.h>
#include <string.h>

#include "lib/cmd.h"
#include "lib/text.h"
#include "log.h"
#include "nl_private.h"
#include "nl_registry.h"
#include "paths.h"

static void send_frame(struct nl *nl, const struct pilot_frame_info *frame,
		       const char *what)
{
	/* There may be no route just now; it is tried again anyway. */
	if (pilot_frame_send(&nl->cmd, &nl->dev, frame))
		log_debug("%s: %s", what, nl->cmd.err.text);
}

static void op_send_beacon(void *ctx, const uint8_t *data, size_t len)
{
	const struct pilot_frame_info frame = { .data = data, .len = len };

	send_frame(ctx, &frame, "message to the beacon");
}

static void op_send_punch(void *ctx, const struct pilot_endpoint *to)
{
	static const uint8_t pilp[PILOT_MAGIC_LEN] = { 'P', 'I', 'L', 'P' };
	const struct pilot_frame_info frame = {
		.has = PILOT_HAS(PILOT_A_FRAME_ENDPOINT), .endpoint = *to,
		.data = pilp, .len = sizeof(pilp),
	};

	send_frame(ctx, &frame, "punch");
}

static void op_send_probe(void *ctx, uint32_t node, const struct pilot_endpoint *to,
			  bool relayed)
{
	struct nl *nl = ctx;
	struct pilot_frame_info way = {
		.has = PILOT_HAS(PILOT_A_FRAME_NODE_ID), .node_id = node,
	};

	if (relayed) {
		way.has |= PILOT_HAS(PILOT_A_FRAME_RELAYED);
	} else if (to) {
		way.has |= PILOT_HAS(PILOT_A_FRAME_ENDPOINT);
		way.endpoint = *to;
	}
	if (pilot_probe(&nl->cmd, &nl->dev, &way))
		log_debug("probe to node %u: %s", node, nl->cmd.err.text);
}

static void op_send_exchange(void *ctx, uint32_t node, const struct pilot_endpoint *to)
{
	struct nl *nl = ctx;

	manager_repeat_to(nl->m, node, to);
}

void nl_paths_peer(const struct nl *nl, const struct pilot_peer_info *info,
		   struct paths_peer *peer)
{
	size_t i;

	*peer = (struct paths_peer){
		.dynamic = info->dynamic && nl->cfg->tcp.on_demand,
		.path = info->path,
		.active = info->path_active,
		.endpoint = info->endpoint,
		.last_rx = info->last_rx <= INT64_MAX ? (int64_t)info->last_rx : -1,
		.last_tx = info->last_tx <= INT64_MAX ? (int64_t)info->last_tx : -1,
		.tx_packets = info->stats.v[PILOT_A_STATS_TX_PACKETS],
	};
	for (i = 0; i < info->n_keys; i++)
		if (info->keys[i].slot == PILOT_SLOT_CURRENT &&
		    info->keys[i].has & PILOT_HAS(PILOT_A_KEY_PROVEN))
			peer->ready = true;
}

static bool op_peer(void *ctx, uint32_t node, struct paths_peer *peer)
{
	struct nl *nl = ctx;
	struct pilot_peer_info info;

	if (pilot_peer_get(&nl->cmd, &nl->dev, node, &info))
		return false;
	nl_paths_peer(nl, &info, peer);
	pilot_peer_clear(&info);
	return true;
}

static bool op_set_path(void *ctx, uint32_t node, enum pilot_path path)
{
	struct nl *nl = ctx;
	const struct pilot_peer_info set = {
		.node_id = node, .path_active = path,
		.has = PILOT_HAS(PILOT_A_PEER_PATH_ACTIVE),
	};

	if (!pilot_peer_set(&nl->cmd, &nl->dev, &set))
		return true;
	log_warn("path of node %u: %s", node, nl->cmd.err.text);
	return false;
}

static void op_set_endpoint(void *ctx, uint32_t node, const struct pilot_endpoint *ep)
{
	struct nl *nl = ctx;
	const struct pilot_peer_info set = {
		.node_id = node, .endpoint = *ep,
		.has = PILOT_HAS(PILOT_A_PEER_ENDPOINT),
	};

	if (pilot_peer_set(&nl->cmd, &nl->dev, &set))
		log_warn("endpoint of node %u: %s", node, nl->cmd.err.text);
}

static const struct pilot_endpoint *op_configured(void *ctx, uint32_t node)
{
	struct nl *nl = ctx;
	const struct wanted *w = wanted_find(&nl->wanted, node);

	return w ? &w->endpoint : NULL;
}

static void op_resolve(void *ctx, uint32_t node)
{
	nl_registry_resolve(ctx, node);
}

static void op_need_key(void *ctx, uint32_t node)
{
	struct nl *nl = ctx;

	manager_need_key(nl->m, nl_now(), node, PILOT_REASON_AGED);
}

static void op_notice(void *ctx, enum paths_notice notice, uint32_t node,
		      const struct pilot_endpoint *ep)
{
	char text[PILOT_ENDPOINT_STRLEN];

	(void)ctx;
	pilot_format_endpoint(ep, text);
	switch (notice) {
	case PATHS_REFLEXIVE:
		log_notice("the beacon sees this node at %s", text);
		break;
	case PATHS_BEACON_SILENT:
		log_warn("beacon %s does not answer", text);
		break;
	case PATHS_BEACON_BACK:
		log_notice("beacon %s answers again", text);
		break;
	case PATHS_SILENT:
		log_notice("node %u is silent, at %s: trying other ways", node,
			   ep->sa.sa_family ? text : "no known address");
		break;
	}
}

const struct paths_ops nl_paths_ops = {
	.send_beacon = op_send_beacon,
	.send_punch = op_send_punch,
	.send_probe = op_send_probe,
	.send_exchange = op_send_exchange,
	.peer = op_peer,
	.set_path = op_set_path,
	.set_endpoint = op_set_endpoint,
	.configured = op_configured,
	.resolve = op_resolve,
	.need_key = op_need_key,
	.notice = op_notice,
};
