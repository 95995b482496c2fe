// SPDX-License-Identifier: GPL-2.0
/*
 * pilot show: for humans.
 */
#include <arpa/inet.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "lib/attrs.h"
#include "lib/counters.h"
#include "lib/limits.h"
#include "peer_state.h"
#include "table.h"
#include "view.h"

/* Drivers with table-driven AES or GHASH in C. */
static bool is_slow(const char *aead)
{
	return strstr(aead, "-generic") || strstr(aead, "-lib");
}

/*
 * One of several values, with commas between them; the first comes with @name
 * before it. On a terminal lines end where it does. @column: 0 before the first.
 */
__attribute__((format(printf, 3, 4)))
static void item(const char *name, int *column, const char *fmt, ...)
{
	int width = cli_width(), len;
	char text[128];
	va_list ap;

	va_start(ap, fmt);
	len = vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	if (!*column) {
		cli_field(name);
		*column = CLI_VALUES;
	} else if (width && *column + 3 + len > width) {
		printf(",\n%*s", CLI_VALUES, "");
		*column = CLI_VALUES;
	} else {
		fputs(", ", stdout);
		*column += 2;
	}
	fputs(text, stdout);
	*column += len;
}

static void end_items(int column)
{
	if (column)
		putchar('\n');
}

static void print_failures(const struct pilot_stats *stats)
{
	unsigned int i;
	int column = 0;

	for (i = 0; i <= PILOT_A_STATS_MAX; i++)
		if (pilot_counter_is_drop(i) && stats->v[i])
			item("failures", &column, "%s %" PRIu64,
			     pilot_attr_name(&pilot_attrs_stats, i), stats->v[i]);
	end_items(column);
}

/* Only those that were changed. */
static void print_limits(const struct pilot_device_info *d)
{
	char text[PILOT_DURATION_STRLEN];
	int column = 0;
	size_t i;

	for (i = 0; i < pilot_n_limits; i++) {
		const struct pilot_limit *l = &pilot_limits[i];
		uint32_t v = pilot_limit_get(l, d);

		if (d->has & PILOT_HAS(l->attr) && v != l->usual)
			item("limits", &column, "%s %s", pilot_limit_name(l),
			     pilot_limit_format(l, v, text));
	}
	end_items(column);
}

static enum cli_color registry_color(uint8_t state)
{
	switch (state) {
	case PILOT_REGISTRY_REGISTERED:
		return COLOR_GREEN;
	case PILOT_REGISTRY_REFUSED:
	case PILOT_REGISTRY_DOWN:
		return COLOR_RED;
	default:
		return COLOR_YELLOW;
	}
}

static void print_registry(const struct pilot_device_info *d)
{
	const struct pilot_status_info *s = &d->status;
	char age[PILOT_AGE_STRLEN];

	if (!(s->has & PILOT_HAS(PILOT_A_STATUS_REGISTRY)))
		return;
	cli_field("registry");
	printf("%s, %s%s%s %s", s->registry_address, cli_color(registry_color(s->registry)),
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

	cli_field("node");
	if (d->node_id) {
		pilot_map_address(d->network, d->node_id, &addr);
		printf("%s\n", cli_node(d->network, d->node_id));
		cli_field("address");
		puts(inet_ntop(AF_INET6, &addr, ipv6, sizeof(ipv6)));
	} else {
		printf("(none)  set one: pilot set %s node-id ID\n",
		       cli_ifname(&d->dev));
	}
	cli_field("listening port");
	if (d->listen_port)
		printf("%u\n", d->listen_port);
	else
		puts("(none)");
	if (d->fwmark) {
		cli_field("fwmark");
		printf("0x%x\n", d->fwmark);
	}
	if (d->beacon.sa.sa_family) {
		cli_field("beacon");
		puts(pilot_format_endpoint(&d->beacon, text));
	}
	if (d->unauth) {
		cli_field("unauthenticated");
		printf("%sallowed%s\n", cli_color(COLOR_YELLOW),
		       cli_color(COLOR_RESET));
	}
	print_limits(d);
	if (d->has & PILOT_HAS(PILOT_A_DEVICE_AEAD)) {
		cli_field("crypto");
		printf("%s\n", d->aead);
		if (is_slow(d->aead))
			printf("%*s%swarning: this driver is generic C and slow; is aesni_intel (or your CPU's AES module) loaded?%s\n",
			       CLI_VALUES, "", cli_color(COLOR_YELLOW), cli_color(COLOR_RESET));
	}
	cli_field("handler");
	if (d->has & PILOT_HAS(PILOT_A_DEVICE_HANDLER))
		printf("netlink port %u\n", d->handler);
	else
		puts("(none)");
	print_registry(d);
	if (d->status.reflexive.sa.sa_family) {
		cli_field("seen at");
		printf("%s, by the beacon\n",
		       pilot_format_endpoint(&d->status.reflexive, text));
	}
	cli_field("peers");
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
	enum peer_state state = peer_state(p);
	int column = 0;
	size_t i;

	printf("\n%speer%s: %s%s%s\n", cli_color(COLOR_BOLD),
	       cli_color(COLOR_RESET), cli_color(COLOR_YELLOW),
	       cli_node(d->network, p->node_id), cli_color(COLOR_RESET));

	cli_field("endpoint");
	puts(pilot_format_endpoint(&p->endpoint, text));
	cli_field("path");
	if (p->path == PILOT_PATH_AUTO && p->path_active != PILOT_PATH_AUTO)
		printf("%s (auto)\n", pilot_path_name(p->path_active));
	else
		puts(pilot_path_name(p->path));

	cli_field("state");
	printf("%s%s%s", cli_color(peer_states[state].color), peer_states[state].text,
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
		cli_field("key");
		printf("installed %s\n", pilot_format_age(key->age, age));
	}
	if (p->last_rx != PILOT_NEVER) {
		cli_field("latest decrypt");
		puts(pilot_format_age(p->last_rx, age));
	}
	if (p->stats.v[PILOT_A_STATS_RX_BYTES] ||
	    p->stats.v[PILOT_A_STATS_TX_BYTES]) {
		cli_field("transfer");
		printf("%s received, %s sent\n",
		       pilot_format_size(p->stats.v[PILOT_A_STATS_RX_BYTES], rx),
		       pilot_format_size(p->stats.v[PILOT_A_STATS_TX_BYTES], tx));
	}
	if (p->queued) {
		cli_field("queued");
		printf("%u packet%s\n", p->queued, p->queued == 1 ? "" : "s");
	}
	cli_field("keepalive");
	if (p->keepalive)
		printf("after %u second%s\n", p->keepalive,
		       p->keepalive == 1 ? "" : "s");
	else
		puts("off");
	for (i = 0; i < p->n_allowed_ips; i++)
		item("allowed ips", &column, "%s", pilot_format_cidr(&p->allowed_ips[i], cidr));
	end_items(column);
	print_failures(&p->stats);
}

/* Latest decrypt first; those never heard of last, by node ID. */
static int by_last_rx(const void *a, const void *b)
{
	const struct pilot_peer_info *x = *(const struct pilot_peer_info *const *)a;
	const struct pilot_peer_info *y = *(const struct pilot_peer_info *const *)b;

	if (x->last_rx != y->last_rx)
		return x->last_rx < y->last_rx ? -1 : 1;
	return x->node_id < y->node_id ? -1 : x->node_id > y->node_id;
}

/* Return: an array for free(), NULL if there is no peer or no memory. */
static const struct pilot_peer_info **sorted(const struct view *v)
{
	const struct pilot_peer_info **list = NULL;
	size_t i;

	if (v->n)
		list = calloc(v->n, sizeof(*list));
	for (i = 0; list && i < v->n; i++)
		list[i] = &v->peers[i];
	if (list)
		qsort(list, v->n, sizeof(*list), by_last_rx);
	return list;
}

int show_human(const struct view *v)
{
	const struct pilot_peer_info **list = sorted(v);
	size_t i;

	if (v->n && !list)
		return cli_fail("out of memory");
	print_device(&v->d);
	for (i = 0; i < v->n; i++)
		print_peer(&v->d, list[i]);
	free(list);
	return CLI_DONE;
}

/* A line per peer */

static void add_brief(struct table *t, const struct pilot_device_info *d,
		      const struct pilot_peer_info *p)
{
	const struct pilot_key_info *key = current_key(p);
	enum peer_state state = peer_state(p);
	bool unauth = key && !(key->has & PILOT_HAS(PILOT_A_KEY_AUTHENTICATED));
	char address[PILOT_ADDRESS_STRLEN], endpoint[PILOT_ENDPOINT_STRLEN];
	char text[PILOT_SIZE_STRLEN > PILOT_SHORT_STRLEN ? PILOT_SIZE_STRLEN : PILOT_SHORT_STRLEN];

	table_add(t, COLOR_RESET, "%s", cli_ifname(&d->dev));
	table_add(t, COLOR_RESET, "%u", p->node_id);
	table_add(t, COLOR_RESET, "%s", pilot_format_address(d->network, p->node_id, address));
	table_add(t, unauth && state == STATE_READY ? COLOR_YELLOW : peer_states[state].color,
		  "%s%s", peer_states[state].text, unauth ? ", unauthenticated" : "");
	table_add(t, COLOR_RESET, "%s", pilot_path_name(p->path_active));
	table_add(t, COLOR_RESET, "%s", pilot_format_endpoint(&p->endpoint, endpoint));
	table_add(t, COLOR_RESET, "%s", key ? pilot_format_short_age(key->age, text) : "-");
	table_add(t, COLOR_RESET, "%s", pilot_format_short_age(p->last_rx, text));
	table_add(t, COLOR_RESET, "%s", pilot_format_size(p->stats.v[PILOT_A_STATS_RX_BYTES], text));
	table_add(t, COLOR_RESET, "%s", pilot_format_size(p->stats.v[PILOT_A_STATS_TX_BYTES], text));
}

int show_brief(const struct views *views)
{
	static const struct table_column columns[] = {
		{ "DEVICE", 0, false },
		{ "NODE", 0, true },
		{ "ADDRESS", 0, false },
		{ "STATE", 0, false },
		{ "PATH", 0, false },
		{ "ENDPOINT", 0, false },
		{ "KEY", 0, true },
		{ "HEARD", 0, true },
		{ "RECEIVED", 0, true },
		{ "SENT", 0, true },
	};
	struct table t = {
		.columns = columns,
		.n_columns = sizeof(columns) / sizeof(columns[0]),
		.marked = -1,
	};
	size_t i, k;

	for (i = 0; i < views->n; i++) {
		const struct view *v = &views->v[i];
		const struct pilot_peer_info **list = sorted(v);

		if (v->n && !list)
			t.failed = true;
		for (k = 0; list && k < v->n; k++)
			add_brief(&t, &v->d, list[k]);
		free(list);
		/* A device without peers has its line too. */
		for (k = 0; !v->n && k < t.n_columns; k++)
			table_add(&t, COLOR_RESET, "%s", k ? "-" : cli_ifname(&v->d.dev));
	}
	return table_print(&t, stdout) ? cli_fail("out of memory") : CLI_DONE;
}
