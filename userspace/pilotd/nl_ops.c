// SPDX-License-Identifier: GPL-2.0
/*
 * What the manager asks for, done: frames to send, keys to install, and what it
 * wants to know of the kernel or the registry.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "lib/cmd.h"
#include "lib/text.h"
#include "log.h"
#include "manager.h"
#include "nl_private.h"
#include "nl_registry.h"

/* Lines a second about frames that were refused. */
#define REFUSALS_PER_SEC	5

static void send_by(struct nl *nl, uint32_t node, const struct pilot_endpoint *to,
		    bool relayed, const uint8_t *data, size_t len)
{
	struct pilot_frame_info frame = { .data = data, .len = len };

	if (relayed) {
		frame.node_id = node;
		frame.has = PILOT_HAS(PILOT_A_FRAME_NODE_ID) |
			    PILOT_HAS(PILOT_A_FRAME_RELAYED);
	} else {
		frame.endpoint = *to;
		frame.has = PILOT_HAS(PILOT_A_FRAME_ENDPOINT);
	}
	if (pilot_frame_send(&nl->cmd, &nl->dev, &frame))
		log_info("key exchange frame to node %u: %s", node, nl->cmd.err.text);
}

static void op_send_frame(void *ctx, uint32_t node, const struct pilot_endpoint *to,
			  bool relayed, const uint8_t *data, size_t len)
{
	struct paths_way ways[PATHS_WAYS];
	struct nl *nl = ctx;
	size_t i, n;

	if (relayed || to) {
		send_by(nl, node, to, relayed, data, len);
		return;
	}
	n = paths_ways(nl->paths, nl_now(), node, ways);
	for (i = 0; i < n; i++)
		send_by(nl, node, &ways[i].to, ways[i].relayed, data, len);
	if (!n)
		log_info("key exchange frame to node %u: no address to send it to", node);
}

static bool op_on_path(void *ctx, uint32_t node, const struct pilot_endpoint *from,
		       bool relayed)
{
	struct nl *nl = ctx;
	struct pilot_peer_info peer;
	bool is_relayed, same;

	if (pilot_peer_get(&nl->cmd, &nl->dev, node, &peer))
		return false;
	is_relayed = peer.path_active == PILOT_PATH_RELAY;
	same = relayed ? is_relayed :
			 !is_relayed && pilot_endpoint_equal(&peer.endpoint, from);
	pilot_peer_clear(&peer);
	return same;
}

static int op_install_key(void *ctx, uint32_t node, const struct manager_key *key)
{
	struct nl *nl = ctx;
	struct pilot_key_info info = {
		.node_id = node,
		.id = key->id,
		.secret = key->secret,
		.has = PILOT_HAS(PILOT_A_KEY_ID) | PILOT_HAS(PILOT_A_KEY_PEER_X25519) |
		       PILOT_HAS(PILOT_A_KEY_LOCAL_X25519),
	};
	int ret;

	if (key->authenticated)
		info.has |= PILOT_HAS(PILOT_A_KEY_AUTHENTICATED);
	memcpy(info.peer_x25519, key->peer_x25519, sizeof(info.peer_x25519));
	memcpy(info.local_x25519, key->local_x25519, sizeof(info.local_x25519));
	if (key->peer_ed25519) {
		info.has |= PILOT_HAS(PILOT_A_KEY_PEER_ED25519);
		memcpy(info.peer_ed25519, key->peer_ed25519, sizeof(info.peer_ed25519));
	}
	ret = pilot_key_set(&nl->cmd, &nl->dev, &info, NULL);
	/* Strangers can cause that one. */
	if (ret && ret != -EBUSY)
		log_err("key for node %u: %s", node, nl->cmd.err.text);
	return ret;
}

static void op_drop_key(void *ctx, uint32_t node, uint32_t id)
{
	struct nl *nl = ctx;
	int ret = pilot_key_del(&nl->cmd, &nl->dev, node, id);

	if (ret && ret != -ENOENT)
		log_err("dropping a key of node %u: %s", node, nl->cmd.err.text);
}

static int op_add_peer(void *ctx, uint32_t node)
{
	struct nl *nl = ctx;
	const struct pilot_peer_info peer = {
		.node_id = node, .dynamic = true,
		.has = PILOT_HAS(PILOT_A_PEER_DYNAMIC),
	};
	int ret = pilot_peer_new(&nl->cmd, &nl->dev, &peer);

	if (ret == -EEXIST)
		return 0;
	if (ret == -ENOSPC)
		return ret;
	if (ret)
		log_err("adding peer %u: %s", node, nl->cmd.err.text);
	else
		log_info("node %u becomes a peer", node);
	if (!ret)
		demand_called(nl->demand, nl_now(), node);
	return ret;
}

static bool op_set_endpoint(void *ctx, uint32_t node,
			    const struct pilot_endpoint *ep, bool if_none)
{
	struct nl *nl = ctx;
	struct pilot_peer_info peer, set = {
		.node_id = node, .endpoint = *ep,
		.has = PILOT_HAS(PILOT_A_PEER_ENDPOINT),
	};
	bool known;

	if (pilot_peer_get(&nl->cmd, &nl->dev, node, &peer))
		return false;
	known = peer.endpoint.sa.sa_family;
	pilot_peer_clear(&peer);
	if (if_none && known)
		return false;
	if (!pilot_peer_set(&nl->cmd, &nl->dev, &set))
		return true;
	/* Whoever sends from a port that is none causes this. */
	log_info("endpoint of node %u: %s", node, nl->cmd.err.text);
	return false;
}

static void op_lookup_pubkey(void *ctx, uint32_t node)
{
	struct nl *nl = ctx;
	const struct registry_node *r = registry_find(nl->reg, node);
	enum pubkey_state state = PUBKEY_KNOWN;

	if (!r && nl_registry_lookup(nl, node))
		return;
	/* A registry that could not be taken into service might know it. */
	if (!r)
		state = nl->cfg->tcp.client.n_servers ? PUBKEY_UNAVAILABLE : PUBKEY_ABSENT;
	manager_pubkey_result(nl->m, nl_now(), node, state, r ? r->key : NULL);
}

static int64_t op_last_decrypt_age(void *ctx, uint32_t node, uint32_t id)
{
	struct nl *nl = ctx;
	struct pilot_key_info *keys;
	int64_t age = -1;
	size_t i, n;

	if (pilot_key_get(&nl->cmd, &nl->dev, node, &keys, &n))
		return -1;
	for (i = 0; i < n; i++)
		if (keys[i].id == id && keys[i].last_rx <= INT64_MAX)
			age = (int64_t)keys[i].last_rx;
	free(keys);
	return age;
}

static bool op_set_path(void *ctx, uint32_t node, enum pilot_path path)
{
	struct nl *nl = ctx;

	return paths_take(nl->paths, node, path);
}

static void op_set_cooldown(void *ctx, uint32_t node, uint32_t ms)
{
	struct nl *nl = ctx;
	struct pilot_peer_info set = {
		.node_id = node, .cooldown = ms, .has = PILOT_HAS(PILOT_A_PEER_COOLDOWN),
	};

	if (pilot_peer_set(&nl->cmd, &nl->dev, &set))
		log_warn("cooldown of node %u: %s", node, nl->cmd.err.text);
}

static void op_notice(void *ctx, enum manager_notice notice, uint32_t node,
		      const char *detail)
{
	struct nl *nl = ctx;
	time_t now;

	switch (notice) {
	case MANAGER_GAVE_UP:
		log_notice("tunnel.rekey_gave_up node=%u reason=\"%s\"", node, detail);
		nl_registry_resolve(nl, node);
		break;
	case MANAGER_FAILED:
		log_err("node %u: %s", node, detail);
		break;
	case MANAGER_REFUSED:
		/* Strangers can cause these. */
		now = time(NULL);
		if (now != nl->refusals_at) {
			if (nl->refusals > REFUSALS_PER_SEC)
				log_notice("refused %u more key exchange frames",
					   nl->refusals - REFUSALS_PER_SEC);
			nl->refusals_at = now;
			nl->refusals = 0;
		}
		if (nl->refusals++ < REFUSALS_PER_SEC)
			log_notice("refused a key exchange frame of node %u: %s",
				   node, detail);
		break;
	}
}

static uint64_t op_tx_packets(void *ctx, uint32_t node)
{
	struct nl *nl = ctx;
	struct pilot_peer_info peer;
	uint64_t n;

	if (pilot_peer_get(&nl->cmd, &nl->dev, node, &peer))
		return 0;
	n = peer.stats.v[PILOT_A_STATS_TX_PACKETS];
	pilot_peer_clear(&peer);
	return n;
}

static void op_find(void *ctx, uint32_t node)
{
	nl_registry_resolve(ctx, node);
}

const struct manager_ops nl_ops = {
	.send_frame = op_send_frame,
	.on_path = op_on_path,
	.install_key = op_install_key,
	.drop_key = op_drop_key,
	.add_peer = op_add_peer,
	.set_endpoint = op_set_endpoint,
	.lookup_pubkey = op_lookup_pubkey,
	.last_decrypt_age = op_last_decrypt_age,
	.tx_packets = op_tx_packets,
	.find = op_find,
	.set_path = op_set_path,
	.set_cooldown = op_set_cooldown,
	.notice = op_notice,
};
