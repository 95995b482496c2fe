// SPDX-License-Identifier: GPL-2.0
#include "nl_registry.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "constants.h"
#include "lib/cmd.h"
#include "lib/text.h"
#include "log.h"
#include "manager.h"
#include "nl_private.h"
#include "nl_status.h"
#include "node_state.h"
#include "registry_tcp.h"

/* A node is asked for once in this time. */
#define RESOLVE_SPACING_MS	10000
#define RESOLVES_MAX		256

/**
 * struct nl_registry - a registry over TCP, in use
 * @nl: service
 * @tcp: client
 * @cfg: its settings
 * @dns: resolver; made when needed, and kept
 * @ev_status: write the status into the device. Not at once: requests on the
 *	handler's socket take frames along
 * @state: what the client told last
 * @server: with which registry
 * @error: and why
 * @resolved: nodes that were asked for, the latest one before @next
 * @next: place of the next
 */
struct nl_registry {
	struct nl *nl;
	struct registry_tcp *tcp;
	struct registry_tcp_config cfg;
	struct evdns_base *dns;
	struct event *ev_status;
	enum pilot_registry_state state;
	char server[PILOT_STATUS_TEXT_LEN];
	char error[PILOT_STATUS_TEXT_LEN];
	struct {
		uint32_t node;
		int64_t at;
	} resolved[RESOLVES_MAX];
	unsigned int next;
};

/* What the device tells of us */

static void on_status(evutil_socket_t fd, short what, void *data)
{
	struct nl_registry *reg = data;
	struct nl *nl = reg->nl;
	struct pilot_device_info set = {
		.has = PILOT_HAS(PILOT_A_DEVICE_STATUS),
		.status.has = PILOT_HAS(PILOT_A_STATUS_REGISTRY) |
			      PILOT_HAS(PILOT_A_STATUS_REGISTRY_ADDRESS) |
			      PILOT_HAS(PILOT_A_STATUS_REGISTRY_ERROR),
		.status.registry = reg->state,
	};

	(void)fd;
	(void)what;
	if (!nl->attached)
		return;
	set.dev = nl->dev;
	/* by the way frames are read that wait there */
	nl_catch_up(nl);
	memcpy(set.status.registry_address, reg->server, sizeof(reg->server));
	memcpy(set.status.registry_error, reg->error, sizeof(reg->error));
	if (pilot_device_set(&nl->handler, &set))
		log_info("status of the registry: %s", nl->handler.err.text);
	nl_arm_timer(nl);
	nl_status_soon(nl);
}

static void on_state(void *ctx, enum pilot_registry_state state, const char *server,
		     const char *error)
{
	struct nl_registry *reg = ctx;

	reg->state = state;
	snprintf(reg->server, sizeof(reg->server), "%.*s", (int)sizeof(reg->server) - 1,
		 server);
	snprintf(reg->error, sizeof(reg->error), "%s", error);
	/* Peers may wait for it to tell where they are. */
	if (state == PILOT_REGISTRY_CONNECTED || state == PILOT_REGISTRY_REGISTERED)
		nl_check_soon(reg->nl);
	event_active(reg->ev_status, EV_TIMEOUT, 0);
}

static void on_registered(void *ctx, uint32_t node)
{
	struct nl_registry *reg = ctx;
	struct nl *nl = reg->nl;
	struct pilot_error err;

	log_notice("the registry gave us node ID %u", node);
	if (node_state_save(nl->cfg->state, nl->id, node, &err))
		log_err("%s", err.text);
	/* What the client knows already is no reason to begin anew. */
	reg->cfg.node = node;
	nl_node_known(nl, node);
}

static void on_alive(void *ctx)
{
	struct nl_registry *reg = ctx;

	if (!reg->nl->attached)
		return;
	paths_discover(reg->nl->paths, nl_now());
	nl_arm_timer(reg->nl);
}

/* Public keys */

static void on_lookup(void *ctx, uint32_t node, const struct registry_answer *a)
{
	struct nl_registry *reg = ctx;
	struct nl *nl = reg->nl;
	enum pubkey_state state = PUBKEY_UNAVAILABLE;

	if (nl->attached)
		nl_catch_up(nl);
	if (a->verdict == REGISTRY_OK)
		state = a->has_key ? PUBKEY_KNOWN : PUBKEY_ABSENT;
	else if (a->verdict == REGISTRY_NOT_FOUND)
		state = PUBKEY_ABSENT;
	else
		log_debug("registry: lookup of node %u: %s", node, a->error);
	manager_pubkey_result(nl->m, nl_now(), node, state, a->key);
	nl_arm_timer(nl);
}

bool nl_registry_lookup(struct nl *nl, uint32_t node)
{
	if (!nl->registry || !nl->registry->tcp)
		return false;
	registry_tcp_lookup(nl->registry->tcp, node);
	return true;
}

/* It may have been removed since it was asked for, or not been taken. */
static bool is_peer(struct nl *nl, uint32_t node)
{
	struct pilot_peer_info peer;

	if (pilot_peer_get(&nl->cmd, &nl->dev, node, &peer))
		return false;
	pilot_peer_clear(&peer);
	return true;
}

/* Where peers are */

static void on_resolved(void *ctx, uint32_t node, const struct registry_answer *a)
{
	struct nl_registry *reg = ctx;
	struct nl *nl = reg->nl;
	int64_t now = nl_now();
	bool known, added;

	if (a->verdict != REGISTRY_OK)
		log_info("registry: where is node %u: %s", node, a->error);
	if (!nl->attached)
		return;
	nl_catch_up(nl);
	/* A registry that will not tell where it is: the beacon may know. */
	known = a->verdict == REGISTRY_OK ||
		(a->verdict == REGISTRY_REFUSED && nl->cfg->beacon.sa.sa_family);
	added = demand_resolved(nl->demand, now, node, known);
	if (a->verdict == REGISTRY_OK)
		paths_resolved(nl->paths, now, node, a->endpoints, a->n_endpoints);
	if (added || (a->verdict == REGISTRY_OK && is_peer(nl, node)))
		manager_start(nl->m, now, node);
	nl_arm_timer(nl);
}

/* Is it time to ask for @node? */
static bool note_resolve(struct nl_registry *reg, uint32_t node)
{
	int64_t now = nl_now();
	unsigned int i;

	for (i = 0; i < RESOLVES_MAX; i++) {
		if (reg->resolved[i].node != node)
			continue;
		if (now - reg->resolved[i].at < RESOLVE_SPACING_MS)
			return false;
		reg->resolved[i].node = 0;
	}
	reg->resolved[reg->next].node = node;
	reg->resolved[reg->next].at = now;
	reg->next = (reg->next + 1) % RESOLVES_MAX;
	return true;
}

bool nl_registry_find(struct nl *nl, uint32_t node)
{
	if (!nl->registry || !nl->registry->tcp || !nl->cfg->node)
		return false;
	registry_tcp_resolve(nl->registry->tcp, node);
	return true;
}

bool nl_registry_resolve(struct nl *nl, uint32_t node)
{
	return nl->registry && note_resolve(nl->registry, node) &&
	       nl_registry_find(nl, node);
}

static const struct registry_tcp_ops tcp_ops = {
	.state = on_state,
	.registered = on_registered,
	.alive = on_alive,
	.lookup = on_lookup,
	.resolved = on_resolved,
};

/* Start and end */

static void make_config(const struct nl *nl, struct registry_tcp_config *to)
{
	/* With its padding: they are compared as bytes. */
	memcpy(to, &nl->cfg->tcp.client, sizeof(*to));
	to->node = nl->cfg->node;
	to->port = nl->listen_port;
}

void nl_registry_attached(struct nl *nl)
{
	if (nl->registry)
		event_active(nl->registry->ev_status, EV_TIMEOUT, 0);
}

void nl_registry_set_port(struct nl *nl)
{
	struct nl_registry *reg = nl->registry;

	if (!reg)
		return;
	reg->cfg.port = nl->listen_port;
	if (reg->tcp)
		registry_tcp_set_port(reg->tcp, nl->listen_port);
}

static int make(struct nl *nl)
{
	struct nl_registry *reg = calloc(1, sizeof(*reg));

	if (!reg)
		return -ENOMEM;
	reg->nl = nl;
	reg->ev_status = evtimer_new(nl->base, on_status, reg);
	if (!reg->ev_status) {
		free(reg);
		return -ENOMEM;
	}
	nl->registry = reg;
	return 0;
}

int nl_registry_start(struct nl *nl)
{
	struct registry_tcp_config cfg;
	struct nl_registry *reg;
	struct pilot_error err;

	if (!nl->registry && (!nl->cfg->tcp.client.n_servers || make(nl))) {
		if (!nl->cfg->tcp.client.n_servers)
			return 0;
		log_err("registry: out of memory");
		return -ENOMEM;
	}
	reg = nl->registry;
	make_config(nl, &cfg);
	if (reg->tcp && !memcmp(&cfg, &reg->cfg, sizeof(cfg)))
		return 0;
	registry_tcp_free(reg->tcp);
	reg->tcp = NULL;
	reg->cfg = cfg;
	if (!cfg.n_servers) {
		on_state(reg, PILOT_REGISTRY_NONE, "", "");
		return 0;
	}
	if (!reg->dns)
		reg->dns = evdns_base_new(nl->base, EVDNS_BASE_DISABLE_WHEN_INACTIVE);
	reg->tcp = registry_tcp_new(nl->base, reg->dns, &cfg, nl->id, &tcp_ops, reg, &err);
	if (reg->tcp)
		return 0;
	log_err("registry: %s", err.text);
	on_state(reg, PILOT_REGISTRY_DOWN, "", err.text);
	return -EINVAL;
}

bool nl_registry_leave(struct nl *nl, void (*done)(void *ctx), void *ctx)
{
	return nl->registry && nl->registry->tcp &&
	       registry_tcp_leave(nl->registry->tcp, done, ctx);
}

void nl_registry_free(struct nl *nl)
{
	struct nl_registry *reg = nl->registry;

	if (!reg)
		return;
	registry_tcp_free(reg->tcp);
	if (reg->dns)
		evdns_base_free(reg->dns, 0);
	event_free(reg->ev_status);
	free(reg);
	nl->registry = NULL;
}
