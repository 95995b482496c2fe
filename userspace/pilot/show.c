// SPDX-License-Identifier: GPL-2.0
/*
 * pilot show: for humans, as JSON, and as tab separated fields.
 */
#include <arpa/inet.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "cli.h"
#include "lib/attrs.h"
#include "lib/limits.h"

/* What a user needs to know about a peer's keys, in one word or two. */
enum state {
	STATE_READY,
	STATE_IN_DOUBT,
	STATE_UNPROVEN,
	STATE_WAITING,
	STATE_GAVE_UP,
	STATE_NO_KEY,
};

static const struct {
	const char *text;	/* for humans */
	const char *word;	/* for scripts */
	enum cli_color color;
} states[] = {
	[STATE_READY] = { "ready", "ready", COLOR_GREEN },
	[STATE_IN_DOUBT] = { "in doubt", "in-doubt", COLOR_YELLOW },
	[STATE_UNPROVEN] = { "unproven", "unproven", COLOR_YELLOW },
	[STATE_WAITING] = { "waiting for key", "waiting-for-key", COLOR_YELLOW },
	[STATE_GAVE_UP] = { "gave up", "gave-up", COLOR_RED },
	[STATE_NO_KEY] = { "no key", "no-key", COLOR_RED },
};

/* The key that sends. Without it an older one may be left that only opens. */
static const struct pilot_key_info *current_key(const struct pilot_peer_info *p)
{
	size_t i;

	for (i = 0; i < p->n_keys; i++)
		if (p->keys[i].slot == PILOT_SLOT_CURRENT)
			return &p->keys[i];
	return NULL;
}

static enum state peer_state(const struct pilot_peer_info *p)
{
	const struct pilot_key_info *key = current_key(p);

	if (key && key->gated)
		return STATE_IN_DOUBT;
	if (key)
		return key->has & PILOT_HAS(PILOT_A_KEY_PROVEN) ?
		       STATE_READY : STATE_UNPROVEN;
	if (p->cooldown)
		return STATE_GAVE_UP;
	if (p->queued || p->has & PILOT_HAS(PILOT_A_PEER_NEED_KEY))
		return STATE_WAITING;
	return STATE_NO_KEY;
}

/* Counters of normal operation; the others are shown if they are not 0. */
static bool is_failure(unsigned int stat)
{
	switch (stat) {
	case PILOT_A_STATS_UNSPEC:
	case PILOT_A_STATS_PAD:
	case PILOT_A_STATS_RX_PACKETS:
	case PILOT_A_STATS_RX_BYTES:
	case PILOT_A_STATS_TX_PACKETS:
	case PILOT_A_STATS_TX_BYTES:
	case PILOT_A_STATS_RX_KEEPALIVE:
	case PILOT_A_STATS_TX_KEEPALIVE:
	case PILOT_A_STATS_TX_SALVAGED:
	case PILOT_A_STATS_RX_PUNCH:
	case PILOT_A_STATS_RX_HANDSHAKE:
		return false;
	default:
		return true;
	}
}

/* Drivers with table-driven AES or GHASH in C. */
static bool is_slow(const char *aead)
{
	return strstr(aead, "-generic") || strstr(aead, "-lib");
}

/* For humans */

static void field(const char *name)
{
	printf("  %s%s%s: ", cli_color(COLOR_BOLD), name, cli_color(COLOR_RESET));
}

static void print_failures(const struct pilot_stats *stats)
{
	unsigned int i;
	bool any = false;

	for (i = 0; i <= PILOT_A_STATS_MAX; i++) {
		if (!is_failure(i) || !stats->v[i])
			continue;
		if (!any)
			field("failures");
		printf("%s%s %" PRIu64, any ? ", " : "",
		       pilot_attr_name(&pilot_attrs_stats, i), stats->v[i]);
		any = true;
	}
	if (any)
		putchar('\n');
}

/* Only those that were changed. */
static void print_limits(const struct pilot_device_info *d)
{
	char text[PILOT_DURATION_STRLEN];
	bool any = false;
	size_t i;

	for (i = 0; i < pilot_n_limits; i++) {
		const struct pilot_limit *l = &pilot_limits[i];
		uint32_t v = pilot_limit_get(l, d);

		if (!(d->has & PILOT_HAS(l->attr)) || v == l->usual)
			continue;
		if (!any)
			field("limits");
		printf("%s%s %s", any ? ", " : "", pilot_limit_name(l),
		       pilot_limit_format(l, v, text));
		any = true;
	}
	if (any)
		putchar('\n');
}

static void print_registry(const struct pilot_device_info *d)
{
	const struct pilot_status_info *s = &d->status;
	char age[PILOT_AGE_STRLEN];
	enum cli_color color = COLOR_YELLOW;

	if (!(s->has & PILOT_HAS(PILOT_A_STATUS_REGISTRY)))
		return;
	if (s->registry == PILOT_REGISTRY_REGISTERED)
		color = COLOR_GREEN;
	else if (s->registry == PILOT_REGISTRY_REFUSED || s->registry == PILOT_REGISTRY_DOWN)
		color = COLOR_RED;
	field("registry");
	printf("%s, %s%s%s %s", s->registry_address, cli_color(color),
	       pilot_registry_name(s->registry), cli_color(COLOR_RESET),
	       pilot_format_age(s->registry_since, age));
	if (s->registry_error[0])
		printf(": %s", s->registry_error);
	putchar('\n');
}

static void print_device(const struct pilot_device_info *d)
{
	char text[PILOT_ENDPOINT_STRLEN], ipv6[INET6_ADDRSTRLEN];
	struct in6_addr addr;

	printf("%sdevice%s: %s%s%s\n", cli_color(COLOR_BOLD),
	       cli_color(COLOR_RESET), cli_color(COLOR_GREEN),
	       cli_ifname(&d->dev), cli_color(COLOR_RESET));

	field("node");
	if (d->node_id) {
		pilot_map_address(d->network, d->node_id, &addr);
		printf("%s\n", cli_node(d->network, d->node_id));
		field("address");
		puts(inet_ntop(AF_INET6, &addr, ipv6, sizeof(ipv6)));
	} else {
		printf("(none)  set one: pilot set %s node-id ID\n",
		       cli_ifname(&d->dev));
	}
	field("listening port");
	if (d->listen_port)
		printf("%u\n", d->listen_port);
	else
		puts("(none)");
	if (d->fwmark) {
		field("fwmark");
		printf("0x%x\n", d->fwmark);
	}
	if (d->beacon.sa.sa_family) {
		field("beacon");
		puts(pilot_format_endpoint(&d->beacon, text));
	}
	if (d->unauth) {
		field("unauthenticated peers");
		printf("%sallowed%s\n", cli_color(COLOR_YELLOW),
		       cli_color(COLOR_RESET));
	}
	print_limits(d);
	if (d->has & PILOT_HAS(PILOT_A_DEVICE_AEAD)) {
		field("crypto");
		printf("%s\n", d->aead);
		if (is_slow(d->aead))
			printf("    %swarning: this driver is generic C and slow; is aesni_intel (or your CPU's AES module) loaded?%s\n",
			       cli_color(COLOR_YELLOW), cli_color(COLOR_RESET));
	}
	field("handler");
	if (d->has & PILOT_HAS(PILOT_A_DEVICE_HANDLER))
		printf("netlink port %u\n", d->handler);
	else
		puts("(none)");
	print_registry(d);
	if (d->status.reflexive.sa.sa_family) {
		field("seen at");
		printf("%s, by the beacon\n",
		       pilot_format_endpoint(&d->status.reflexive, text));
	}
	field("peers");
	printf("%u, %u with a key%s\n", d->peers, d->keys,
	       d->on_demand ? ", more on demand" : "");
	print_failures(&d->stats);
}

static void print_peer(const struct pilot_device_info *d,
		       const struct pilot_peer_info *p)
{
	char text[PILOT_ENDPOINT_STRLEN], age[PILOT_AGE_STRLEN];
	char rx[PILOT_SIZE_STRLEN], tx[PILOT_SIZE_STRLEN], cidr[PILOT_CIDR_STRLEN];
	const struct pilot_key_info *key = current_key(p);
	enum state state = peer_state(p);
	size_t i;

	printf("\n%speer%s: %s%s%s\n", cli_color(COLOR_BOLD),
	       cli_color(COLOR_RESET), cli_color(COLOR_YELLOW),
	       cli_node(d->network, p->node_id), cli_color(COLOR_RESET));

	field("endpoint");
	puts(pilot_format_endpoint(&p->endpoint, text));
	field("path");
	if (p->path == PILOT_PATH_AUTO && p->path_active != PILOT_PATH_AUTO)
		printf("%s (auto)\n", pilot_path_name(p->path_active));
	else
		puts(pilot_path_name(p->path));

	field("state");
	printf("%s%s%s", cli_color(states[state].color), states[state].text,
	       cli_color(COLOR_RESET));
	if (state == STATE_IN_DOUBT)
		printf(" (%s)", pilot_reason_name(key->gated));
	if (key && !(key->has & PILOT_HAS(PILOT_A_KEY_AUTHENTICATED)))
		printf(", %sunauthenticated%s", cli_color(COLOR_YELLOW),
		       cli_color(COLOR_RESET));
	if (key && p->has & PILOT_HAS(PILOT_A_PEER_NEED_KEY))
		printf(", new key wanted (%s)", pilot_reason_name(p->need_key));
	if (p->dynamic)
		fputs(", dynamic", stdout);
	if (p->cooldown)
		printf(", packets are refused for %" PRIu32 " s",
		       p->cooldown / 1000 + (p->cooldown % 1000 != 0));
	putchar('\n');

	if (key) {
		field("key");
		printf("installed %s\n", pilot_format_age(key->age, age));
	}
	if (p->last_rx != PILOT_NEVER) {
		field("latest decrypt");
		puts(pilot_format_age(p->last_rx, age));
	}
	if (p->stats.v[PILOT_A_STATS_RX_BYTES] ||
	    p->stats.v[PILOT_A_STATS_TX_BYTES]) {
		field("transfer");
		printf("%s received, %s sent\n",
		       pilot_format_size(p->stats.v[PILOT_A_STATS_RX_BYTES], rx),
		       pilot_format_size(p->stats.v[PILOT_A_STATS_TX_BYTES], tx));
	}
	if (p->queued) {
		field("queued");
		printf("%u packet%s\n", p->queued, p->queued == 1 ? "" : "s");
	}
	field("keepalive");
	if (p->keepalive)
		printf("after %u second%s\n", p->keepalive,
		       p->keepalive == 1 ? "" : "s");
	else
		puts("off");
	if (p->n_allowed_ips) {
		field("allowed ips");
		for (i = 0; i < p->n_allowed_ips; i++)
			printf("%s%s", i ? ", " : "",
			       pilot_format_cidr(&p->allowed_ips[i], cidr));
		putchar('\n');
	}
	print_failures(&p->stats);
}

/* Latest decrypt first; those never heard of last, by node ID. */
static int by_last_rx(const void *a, const void *b)
{
	const struct pilot_peer_info *x = a, *y = b;

	if (x->last_rx != y->last_rx)
		return x->last_rx < y->last_rx ? -1 : 1;
	return x->node_id < y->node_id ? -1 : x->node_id > y->node_id;
}

/* JSON */

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
		"state", states[peer_state(p)].word,
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

static json_t *json_device(const struct pilot_device_info *d,
			   const struct pilot_peer_info *peers, size_t n)
{
	json_t *list = json_array(), *o;
	size_t i;

	for (i = 0; i < n; i++)
		json_array_append_new(list, json_peer(d, &peers[i]));

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
	json_object_set_new(o, "peers", list);
	return o;
}

/*
 * Tab separated. The fields are documented in man/pilot.8; new ones
 * are only ever appended.
 */

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
	dump_str(states[peer_state(p)].word);
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

enum form { FORM_HUMAN, FORM_JSON, FORM_DUMP };

static int show_device(struct pilot_genl *g, const struct pilot_device_info *d,
		       enum form form, json_t *out, bool first)
{
	struct pilot_peer_info *peers;
	size_t i, n;
	int ret;

	/* By index: a device that was renamed meanwhile is still the same. */
	ret = pilot_peer_dump(g, &(struct pilot_dev){ .ifindex = d->dev.ifindex },
			      &peers, &n);
	if (ret)
		return cli_fail("%s: %s", cli_ifname(&d->dev), g->err.text);
	if (g->torn)
		cli_warn("%s: peers came or went while they were listed",
			 cli_ifname(&d->dev));

	switch (form) {
	case FORM_JSON:
		if (json_array_append_new(out, json_device(d, peers, n)))
			ret = cli_fail("out of memory");
		break;
	case FORM_DUMP:
		dump_device(d);
		for (i = 0; i < n; i++)
			dump_peer(&peers[i]);
		break;
	case FORM_HUMAN:
		if (!first)
			putchar('\n');
		qsort(peers, n, sizeof(*peers), by_last_rx);
		print_device(d);
		for (i = 0; i < n; i++)
			print_peer(d, &peers[i]);
		break;
	}
	pilot_peer_list_free(peers, n);
	return ret;
}

static int show(struct pilot_genl *g, const struct pilot_dev *dev, enum form form)
{
	struct pilot_device_info *list = NULL, one;
	json_t *out = form == FORM_JSON ? json_array() : NULL;
	size_t i, n = 0;
	int ret = CLI_DONE;

	if (dev) {
		if (pilot_device_get(g, dev, &one))
			ret = cli_fail("%s: %s", dev->ifname, g->err.text);
		else
			ret = show_device(g, &one, form, out, true);
	} else if (pilot_device_dump(g, &list, &n)) {
		ret = cli_fail("cannot list the devices: %s", g->err.text);
	}
	for (i = 0; i < n && ret == CLI_DONE; i++)
		ret = show_device(g, &list[i], form, out, !i);
	free(list);

	if (form == FORM_JSON && ret == CLI_DONE)
		return cli_print_json(out, JSON_INDENT(2));
	json_decref(out);
	return ret;
}

static int run(int argc, char **argv)
{
	enum form form = cli_take_json(&argc, argv) ? FORM_JSON : FORM_HUMAN;
	struct pilot_error err;
	struct pilot_genl g;
	struct pilot_dev dev;
	int ret;

	if (argc > 3 || (argc == 3 && strcmp(argv[2], "dump")))
		return cli_usage(&cmd_show, "unexpected argument \"%.40s\"",
				 argv[argc > 3 && !strcmp(argv[2], "dump") ? 3 : 2]);
	if (argc == 3) {
		if (form == FORM_JSON)
			return cli_usage(&cmd_show, "either dump or --json");
		form = FORM_DUMP;
	}
	if (argc > 1 && cli_parse_dev(argv[1], &dev, &err))
		return cli_usage(&cmd_show, "%s", err.text);

	if (pilot_genl_open(&g))
		ret = cli_fail("%s", g.err.text);
	else
		ret = show(&g, argc > 1 ? &dev : NULL, form);
	pilot_genl_close(&g);
	return ret;
}

const struct cli_command cmd_show = {
	.name = "show",
	.usage = "show [DEV] [-j|--json]\n"
		 "show DEV dump",
	.summary = "show devices and their peers (without a command, too)",
	.help = "  -j, --json  as JSON\n"
		"  dump        tab separated, for scripts\n",
	.run = run,
};
