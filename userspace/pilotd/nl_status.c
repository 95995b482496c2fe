// SPDX-License-Identifier: GPL-2.0
#include "nl_status.h"

#include <errno.h>
#include <stdio.h>

#include "lib/cmd.h"
#include "lib/text.h"
#include "nl_private.h"
#include "notify.h"

/* Handshakes come in crowds. */
static const struct timeval soon = { .tv_usec = 300000 };

static void registry_words(const struct pilot_status_info *s, char *buf, size_t size)
{
	if (!(s->has & PILOT_HAS(PILOT_A_STATUS_REGISTRY)) ||
	    s->registry == PILOT_REGISTRY_NONE)
		*buf = '\0';
	else
		snprintf(buf, size, "; registry %s %s%s%s", s->registry_address,
			 pilot_registry_name(s->registry), *s->registry_error ? ": " : "",
			 s->registry_error);
}

void nl_status_now(struct nl *nl)
{
	char registry[2 * PILOT_STATUS_TEXT_LEN + 64], peers[48] = "no peers";
	struct pilot_device_info info;

	if (!notify_wanted())
		return;
	if (!nl->attached) {
		notify_status("%s: %s", nl->cfg->device, nl->last_error);
		return;
	}
	if (pilot_device_get(&nl->cmd, &nl->dev, &info))
		return;
	registry_words(&info.status, registry, sizeof(registry));
	if (!nl->cfg->node) {
		notify_status("%s: waiting for the registry to give a node ID%s",
			      nl->cfg->device, registry);
		return;
	}
	if (info.peers)
		snprintf(peers, sizeof(peers), "%u of %u peer%s ha%s a key", info.keys,
			 info.peers, info.peers == 1 ? "" : "s", info.keys == 1 ? "s" : "ve");
	notify_status("node %u on UDP port %u: %s%s", info.node_id, info.listen_port,
		      peers, registry);
}

static void on_status(evutil_socket_t fd, short what, void *data)
{
	(void)fd;
	(void)what;
	nl_status_now(data);
}

void nl_status_soon(struct nl *nl)
{
	if (nl->ev_status && !event_pending(nl->ev_status, EV_TIMEOUT, NULL))
		event_add(nl->ev_status, &soon);
}

int nl_status_start(struct nl *nl)
{
	nl->ev_status = evtimer_new(nl->base, on_status, nl);
	return nl->ev_status ? 0 : -ENOMEM;
}

void nl_status_free(struct nl *nl)
{
	if (nl->ev_status)
		event_free(nl->ev_status);
	nl->ev_status = NULL;
}
