// SPDX-License-Identifier: GPL-2.0
/*
 * pilot show DEV dump: tab separated. The fields are documented in
 * pilot(8); new ones are only ever appended.
 */
#include <inttypes.h>

#include "peer_state.h"
#include "view.h"

static void dump_u64(uint64_t v)
{
	printf("\t%" PRIu64, v);
}

static void dump_age(uint64_t ms)
{
	if (ms == PILOT_NEVER)
		fputs("\t-", stdout);
	else
		dump_u64(ms);
}

static void dump_str(const char *s)
{
	printf("\t%s", s && *s ? s : "-");
}

static void dump_endpoint(const struct pilot_endpoint *ep)
{
	char text[PILOT_ENDPOINT_STRLEN];

	dump_str(ep->sa.sa_family ? pilot_format_endpoint(ep, text) : NULL);
}

static void dump_traffic(const struct pilot_stats *s)
{
	dump_u64(s->v[PILOT_A_STATS_RX_PACKETS]);
	dump_u64(s->v[PILOT_A_STATS_RX_BYTES]);
	dump_u64(s->v[PILOT_A_STATS_TX_PACKETS]);
	dump_u64(s->v[PILOT_A_STATS_TX_BYTES]);
}

static void dump_device(const struct pilot_device_info *d)
{
	fputs("device", stdout);
	dump_str(cli_ifname(&d->dev));
	dump_u64(d->dev.ifindex);
	dump_u64(d->node_id);
	dump_u64(d->network);
	dump_u64(d->listen_port);
	dump_u64(d->fwmark);
	dump_endpoint(&d->beacon);
	dump_u64(d->replay_window);
	dump_str(d->unauth ? "on" : "off");
	dump_u64(d->max_peers);
	dump_u64(d->peers);
	dump_u64(d->keys);
	dump_str(d->aead);
	dump_age(d->has & PILOT_HAS(PILOT_A_DEVICE_HANDLER) ? d->handler :
							      PILOT_NEVER);
	dump_u64(d->event_seq);
	dump_traffic(&d->stats);
	dump_str(d->on_demand ? "on" : "off");
	dump_str(pilot_registry_name(d->status.registry));
	dump_str(d->status.registry_address);
	dump_endpoint(&d->status.reflexive);
	putchar('\n');
}

static void dump_peer(const struct pilot_peer_info *p)
{
	const struct pilot_key_info *key = current_key(p);
	char cidr[PILOT_CIDR_STRLEN];
	size_t i;

	fputs("peer", stdout);
	dump_u64(p->node_id);
	dump_endpoint(&p->endpoint);
	dump_str(pilot_path_name(p->path));
	dump_str(pilot_path_name(p->path_active));
	dump_str(peer_states[peer_state(p)].word);
	dump_u64(p->keepalive);
	if (!p->n_allowed_ips)
		dump_str(NULL);
	for (i = 0; i < p->n_allowed_ips; i++)
		printf("%c%s", i ? ',' : '\t',
		       pilot_format_cidr(&p->allowed_ips[i], cidr));
	if (key) {
		dump_u64(key->id);
		dump_str(key->has & PILOT_HAS(PILOT_A_KEY_AUTHENTICATED) ?
			 "yes" : "no");
		dump_u64(key->age);
	} else {
		fputs("\t-\t-\t-", stdout);
	}
	dump_age(p->last_rx);
	dump_age(p->last_tx);
	dump_str(p->has & PILOT_HAS(PILOT_A_PEER_NEED_KEY) ?
		 pilot_reason_name(p->need_key) : NULL);
	dump_u64(p->queued);
	dump_u64(p->cooldown);
	dump_traffic(&p->stats);
	dump_str(key && key->gated ? pilot_reason_name(key->gated) : NULL);
	dump_str(p->dynamic ? "yes" : "no");
	putchar('\n');
}

void show_dump(const struct view *v)
{
	size_t i;

	dump_device(&v->d);
	for (i = 0; i < v->n; i++)
		dump_peer(&v->peers[i]);
}
