// SPDX-License-Identifier: GPL-2.0
/*
 * pilot show -j. Documentation/pilot.schema.json describes it.
 */
#include <arpa/inet.h>
#include <string.h>

#include "lib/attrs.h"
#include "lib/limits.h"
#include "peer_state.h"
#include "view.h"

static json_t *json_endpoint(const struct pilot_endpoint *ep)
{
	char text[PILOT_ENDPOINT_STRLEN];

	if (!ep->sa.sa_family)
		return json_null();
	return json_string(pilot_format_endpoint(ep, text));
}

/* Names as in the YAML specification, with '_' for '-'. */
static json_t *json_stats(const struct pilot_stats *stats)
{
	json_t *o = json_object();
	unsigned int i;

	for (i = PILOT_A_STATS_PAD + 1; i <= PILOT_A_STATS_MAX; i++)
		json_object_set_new(o, cli_json_name(pilot_attr_name(&pilot_attrs_stats, i), ""),
				    cli_json_u64(stats->v[i]));
	return o;
}

/* Times in ms like all others. */
static void json_limits(const struct pilot_device_info *d, json_t *o)
{
	size_t i;

	for (i = 0; i < pilot_n_limits; i++) {
		const struct pilot_limit *l = &pilot_limits[i];

		json_object_set_new(o, cli_json_name(pilot_limit_name(l),
						     l->is_time ? "_ms" : ""),
				    cli_json_u64(pilot_limit_get(l, d)));
	}
}

static json_t *json_address(uint16_t network, uint32_t node)
{
	char text[PILOT_ADDRESS_STRLEN];

	return node ? json_string(pilot_format_address(network, node, text)) :
		      json_null();
}

static json_t *json_ipv6(uint16_t network, uint32_t node)
{
	char text[INET6_ADDRSTRLEN];
	struct in6_addr addr;

	if (!node)
		return json_null();
	pilot_map_address(network, node, &addr);
	return json_string(inet_ntop(AF_INET6, &addr, text, sizeof(text)));
}

static json_t *json_peer(const struct pilot_device_info *d,
			 const struct pilot_peer_info *p)
{
	json_t *ips = json_array(), *keys = json_array();
	char cidr[PILOT_CIDR_STRLEN];
	size_t i;

	for (i = 0; i < p->n_allowed_ips; i++)
		json_array_append_new(ips,
				      json_string(pilot_format_cidr(&p->allowed_ips[i], cidr)));
	for (i = 0; i < p->n_keys; i++)
		json_array_append_new(keys, cli_json_key(&p->keys[i]));

	return json_pack("{s:o, s:o, s:o, s:o, s:s, s:s, s:s, s:b, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o}",
		"node_id", cli_json_u64(p->node_id),
		"address", json_address(d->network, p->node_id),
		"ipv6", json_ipv6(d->network, p->node_id),
		"endpoint", json_endpoint(&p->endpoint),
		"path", pilot_path_name(p->path),
		"path_active", pilot_path_name(p->path_active),
		"state", peer_states[peer_state(p)].word,
		"dynamic", p->dynamic,
		"keepalive", cli_json_u64(p->keepalive),
		"allowed_ips", ips,
		"need_key", p->has & PILOT_HAS(PILOT_A_PEER_NEED_KEY) ?
			json_string(pilot_reason_name(p->need_key)) : json_null(),
		"cooldown_ms", cli_json_u64(p->cooldown),
		"queued", cli_json_u64(p->queued),
		"last_rx_ms", cli_json_age(p->last_rx),
		"last_tx_ms", cli_json_age(p->last_tx),
		"keys", keys,
		"stats", json_stats(&p->stats));
}

static json_t *json_registry(const struct pilot_status_info *s)
{
	if (!(s->has & PILOT_HAS(PILOT_A_STATUS_REGISTRY)))
		return json_null();
	return json_pack("{s:s, s:s, s:o, s:o}",
		"registry_state", pilot_registry_name(s->registry),
		"registry_address", s->registry_address,
		"registry_since_ms", cli_json_age(s->registry_since),
		"registry_error", s->registry_error[0] ?
			json_string(s->registry_error) : json_null());
}

/* Without its peers. */
static json_t *json_device(const struct pilot_device_info *d)
{
	json_t *o;

	o = json_pack("{s:s, s:o, s:o, s:o, s:o, s:i, s:i, s:o, s:o, s:b, s:o, s:o, s:o, s:o}",
		"ifname", cli_ifname(&d->dev),
		"ifindex", cli_json_u64(d->dev.ifindex),
		"node_id", d->node_id ? cli_json_u64(d->node_id) : json_null(),
		"address", json_address(d->network, d->node_id),
		"ipv6", json_ipv6(d->network, d->node_id),
		"network", d->network,
		"listen_port", d->listen_port,
		"fwmark", cli_json_u64(d->fwmark),
		"beacon", json_endpoint(&d->beacon),
		"unauth", d->unauth,
		"peers_with_key", cli_json_u64(d->keys),
		"aead", d->has & PILOT_HAS(PILOT_A_DEVICE_AEAD) ?
			json_string(d->aead) : json_null(),
		"handler", d->has & PILOT_HAS(PILOT_A_DEVICE_HANDLER) ?
			cli_json_u64(d->handler) : json_null(),
		"event_seq", cli_json_u64(d->event_seq));
	json_limits(d, o);
	json_object_set_new(o, "cleared", cli_json_u64(d->cleared));
	json_object_set_new(o, "on_demand", json_boolean(d->on_demand));
	json_object_set_new(o, "registry", json_registry(&d->status));
	json_object_set_new(o, "reflexive", json_endpoint(&d->status.reflexive));
	json_object_set_new(o, "stats", json_stats(&d->stats));
	return o;
}

/* What jansson would print of the whole. */
static bool put_device(const struct view *v)
{
	size_t i;

	if (!cli_print_indented(json_device(&v->d), 2, strlen("\n}")))
		return false;
	fputs(",\n    \"peers\": [", stdout);
	for (i = 0; i < v->n; i++) {
		puts(i ? "," : "");
		if (!cli_print_indented(json_peer(&v->d, &v->peers[i]), 6, 0))
			return false;
	}
	fputs(v->n ? "\n    ]\n  }" : "]\n  }", stdout);
	return true;
}

int show_json(const struct views *views)
{
	size_t i;

	putchar('[');
	for (i = 0; i < views->n; i++) {
		puts(i ? "," : "");
		if (!put_device(&views->v[i]))
			return cli_fail("out of memory");
	}
	puts(i ? "\n]" : "]");
	return CLI_DONE;
}
