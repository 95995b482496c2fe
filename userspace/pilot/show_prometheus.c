// SPDX-License-Identifier: GPL-2.0
/*
 * pilot show --prometheus: the text exposition format, version 0.0.4. Names are
 * in Documentation/metrics.rst. The lines of a metric must be together, so that
 * the loops are over metrics, then devices, then peers.
 */
#include <arpa/inet.h>
#include <inttypes.h>
#include <math.h>
#include <string.h>
#include <time.h>

#include "lib/attrs.h"
#include "lib/counters.h"
#include "peer_state.h"
#include "view.h"

/**
 * struct metric - a metric with one value per device, or per peer
 * @name: without "pilot_device_" or "pilot_peer_"
 * @type: "counter" or "gauge"
 * @help: what it is
 * @device: its value of a device; false if there is none
 * @peer: the same of a peer
 */
struct metric {
	const char *name;
	const char *type;
	const char *help;
	bool (*device)(const struct pilot_device_info *d, double *value);
	bool (*peer)(const struct pilot_peer_info *p, double *value);
};

/**
 * struct counter - a counter that is no drop
 * @name: as above
 * @help: as above
 * @stat: &enum pilot_stats_attr
 * @of_peers: whether peers have it too
 */
struct counter {
	const char *name;
	const char *help;
	unsigned int stat;
	bool of_peers;
};

static const struct counter counters[] = {
	{ "receive_packets_total", "Inner packets delivered", PILOT_A_STATS_RX_PACKETS, true },
	{ "receive_bytes_total", "Bytes of inner packets delivered",
	  PILOT_A_STATS_RX_BYTES, true },
	{ "transmit_packets_total", "Inner packets sent", PILOT_A_STATS_TX_PACKETS, true },
	{ "transmit_bytes_total", "Bytes of inner packets sent", PILOT_A_STATS_TX_BYTES, true },
	{ "receive_keepalives_total", "Keepalives opened", PILOT_A_STATS_RX_KEEPALIVE, true },
	{ "transmit_keepalives_total", "Keepalives sent", PILOT_A_STATS_TX_KEEPALIVE, true },
	{ "transmit_salvaged_packets_total", "Packets sent again under a new key",
	  PILOT_A_STATS_TX_SALVAGED, true },
	{ "receive_punches_total", "NAT punch frames received", PILOT_A_STATS_RX_PUNCH, false },
	{ "receive_handshakes_total", "Handshake frames and beacon messages handed to the daemon",
	  PILOT_A_STATS_RX_HANDSHAKE, false },
	{ "receive_pings_total", "Pings answered", PILOT_A_STATS_RX_PING, false },
};

#define ARRAY_SIZE(a)	(sizeof(a) / sizeof((a)[0]))

/* Now, in ms since 1970: ages become moments, which stay true while they wait. */
static double now_ms;

static bool moment(uint64_t age, double *value)
{
	*value = (now_ms - (double)age) / 1000;
	return age != PILOT_NEVER;
}

static bool device_handler(const struct pilot_device_info *d, double *value)
{
	*value = (d->has & PILOT_HAS(PILOT_A_DEVICE_HANDLER)) != 0;
	return true;
}

static bool device_keyed(const struct pilot_device_info *d, double *value)
{
	*value = d->keys;
	return true;
}

static bool device_max_peers(const struct pilot_device_info *d, double *value)
{
	*value = d->max_peers;
	return true;
}

static bool device_rekey_after(const struct pilot_device_info *d, double *value)
{
	*value = d->rekey_after;
	return true;
}

static bool device_cleared(const struct pilot_device_info *d, double *value)
{
	*value = d->cleared;
	return true;
}

static bool device_events(const struct pilot_device_info *d, double *value)
{
	*value = d->event_seq;
	return true;
}

static bool device_registry_since(const struct pilot_device_info *d, double *value)
{
	return d->status.has & PILOT_HAS(PILOT_A_STATUS_REGISTRY) &&
	       moment(d->status.registry_since, value);
}

static bool peer_keys(const struct pilot_peer_info *p, double *value)
{
	*value = (double)p->n_keys;
	return true;
}

static bool peer_key_installed(const struct pilot_peer_info *p, double *value)
{
	const struct pilot_key_info *key = current_key(p);

	return key && moment(key->age, value);
}

static bool peer_authenticated(const struct pilot_peer_info *p, double *value)
{
	const struct pilot_key_info *key = current_key(p);

	*value = key && key->has & PILOT_HAS(PILOT_A_KEY_AUTHENTICATED);
	return key;
}

static bool peer_sealed(const struct pilot_peer_info *p, double *value)
{
	const struct pilot_key_info *key = current_key(p);

	*value = key ? (double)key->tx_counter : 0;
	return key;
}

static bool peer_heard(const struct pilot_peer_info *p, double *value)
{
	return moment(p->last_rx, value);
}

static bool peer_sent(const struct pilot_peer_info *p, double *value)
{
	return moment(p->last_tx, value);
}

static bool peer_queued(const struct pilot_peer_info *p, double *value)
{
	*value = p->queued;
	return true;
}

static bool peer_cooldown(const struct pilot_peer_info *p, double *value)
{
	*value = p->cooldown / 1000.0;
	return true;
}

static const struct metric device_metrics[] = {
	{ "handler_registered", "gauge", "Whether a daemon serves the device",
	  device_handler, NULL },
	{ "keyed_peers", "gauge", "Peers that have a key", device_keyed, NULL },
	{ "max_peers", "gauge", "Most peers the device takes", device_max_peers, NULL },
	{ "rekey_after_frames", "gauge", "Frames under a key after which a new one is asked for",
	  device_rekey_after, NULL },
	{ "keys_cleared_total", "counter",
	  "How often all keys were dropped because of suspend or a cloned machine",
	  device_cleared, NULL },
	{ "events_total", "counter", "Events of the device", device_events, NULL },
	{ "registry_state_timestamp_seconds", "gauge",
	  "When the registry came to its state, since 1970", device_registry_since, NULL },
};

static const struct metric peer_metrics[] = {
	{ "keys", "gauge", "Keys installed", NULL, peer_keys },
	{ "key_timestamp_seconds", "gauge",
	  "When the current key was installed, which ends a handshake, since 1970",
	  NULL, peer_key_installed },
	{ "key_authenticated", "gauge", "Whether the current key's owner proved its identity",
	  NULL, peer_authenticated },
	{ "key_sealed_frames", "gauge", "Frames sealed under the current key", NULL, peer_sealed },
	{ "last_receive_timestamp_seconds", "gauge",
	  "When a frame of the peer was last opened, since 1970", NULL, peer_heard },
	{ "last_transmit_timestamp_seconds", "gauge",
	  "When a frame was last sent to the peer, since 1970", NULL, peer_sent },
	{ "queued_packets", "gauge", "Packets waiting for a key", NULL, peer_queued },
	{ "cooldown_seconds", "gauge", "How long packets are refused for want of an answer",
	  NULL, peer_cooldown },
};

/* Label values; a byte that is not ASCII is shown as \xNN. */
static void label(const char *name, const char *value, bool first)
{
	const unsigned char *p = (const void *)value;

	if (!first)
		putchar(',');
	fputs(name, stdout);
	fputs("=\"", stdout);
	for (; *p; p++) {
		if (*p == '"')
			fputs("\\\"", stdout);
		else if (*p == '\\')
			fputs("\\\\", stdout);
		else if (*p < 0x20 || *p > 0x7e)
			printf("\\\\x%02x", *p);
		else
			putchar(*p);
	}
	putchar('"');
}

static void head(const char *scope, const char *name, const char *type, const char *help)
{
	printf("# HELP pilot_%s%s %s.\n# TYPE pilot_%s%s %s\n", scope, name, help, scope, name,
	       type);
}

/* Begin of a line, up to its first labels. Terminated by end_line(). */
static void begin_line(const char *scope, const char *name, const struct view *v,
		       const struct pilot_peer_info *p)
{
	char ifname[IF_NAMESIZE + 1] = "", node[16];

	/* As it is, and not with '?': two devices must not become one. */
	memcpy(ifname, v->d.dev.ifname, IF_NAMESIZE);
	printf("pilot_%s%s{", scope, name);
	label("device", ifname, true);
	if (p) {
		snprintf(node, sizeof(node), "%u", p->node_id);
		label("node", node, false);
	}
}

static void end_line(double value)
{
	/* Exact up to 2^53; times to the millisecond. */
	if (value == floor(value))
		printf("} %.0f\n", value);
	else
		printf("} %.3f\n", value);
}

static void end_counter(uint64_t value)
{
	printf("} %" PRIu64 "\n", value);
}

static void print_device_metrics(const struct views *views)
{
	size_t i, k;
	double value;

	for (i = 0; i < ARRAY_SIZE(device_metrics); i++) {
		const struct metric *m = &device_metrics[i];

		head("device_", m->name, m->type, m->help);
		for (k = 0; k < views->n; k++) {
			if (!m->device(&views->v[k].d, &value))
				continue;
			begin_line("device_", m->name, &views->v[k], NULL);
			end_line(value);
		}
	}
}

static void print_peer_metrics(const struct views *views)
{
	size_t i, k, j;
	double value;

	for (i = 0; i < ARRAY_SIZE(peer_metrics); i++) {
		const struct metric *m = &peer_metrics[i];

		head("peer_", m->name, m->type, m->help);
		for (k = 0; k < views->n; k++) {
			for (j = 0; j < views->v[k].n; j++) {
				if (!m->peer(&views->v[k].peers[j], &value))
					continue;
				begin_line("peer_", m->name, &views->v[k], &views->v[k].peers[j]);
				end_line(value);
			}
		}
	}
}

static void print_counters(const struct views *views, bool peers)
{
	size_t i, k, j;

	for (i = 0; i < ARRAY_SIZE(counters); i++) {
		const struct counter *c = &counters[i];

		head("device_", c->name, "counter", c->help);
		for (k = 0; k < views->n; k++) {
			begin_line("device_", c->name, &views->v[k], NULL);
			end_counter(views->v[k].d.stats.v[c->stat]);
		}
		if (!c->of_peers || !peers)
			continue;
		head("peer_", c->name, "counter", c->help);
		for (k = 0; k < views->n; k++) {
			for (j = 0; j < views->v[k].n; j++) {
				begin_line("peer_", c->name, &views->v[k], &views->v[k].peers[j]);
				end_counter(views->v[k].peers[j].stats.v[c->stat]);
			}
		}
	}
}

/* "rx-no-key": direction rx, reason no-key. */
static void print_drop(const char *scope, const struct view *v, const struct pilot_peer_info *p,
		       unsigned int stat, uint64_t value)
{
	const char *name = pilot_attr_name(&pilot_attrs_stats, stat);
	char direction[3] = { name[0], name[1] };

	begin_line(scope, "drops_total", v, p);
	label("direction", direction, false);
	label("reason", name + strlen("rx-"), false);
	end_counter(value);
}

static void print_drops(const struct views *views)
{
	unsigned int stat;
	size_t k;

	head("device_", "drops_total", "counter",
	     "Packets and frames thrown away or refused, by reason");
	for (k = 0; k < views->n; k++)
		for (stat = 0; stat <= PILOT_A_STATS_MAX; stat++)
			if (pilot_counter_is_drop(stat))
				print_drop("device_", &views->v[k], NULL, stat,
					   views->v[k].d.stats.v[stat]);
}

static void label_addresses(uint16_t network, uint32_t node)
{
	char address[PILOT_ADDRESS_STRLEN], ipv6[INET6_ADDRSTRLEN];
	struct in6_addr addr;

	pilot_map_address(network, node, &addr);
	label("address", node ? pilot_format_address(network, node, address) : "", false);
	label("ipv6", node ? inet_ntop(AF_INET6, &addr, ipv6, sizeof(ipv6)) : "", false);
}

/* What is no number, and the value 1. */
static void print_infos(const struct views *views)
{
	char node[16];
	size_t k;

	puts("# HELP pilot_build_info Version of the program that printed this.\n"
	     "# TYPE pilot_build_info gauge\n"
	     "pilot_build_info{version=\"" PILOT_VERSION "\"} 1");
	head("device_", "info", "gauge", "Identity of the device");
	for (k = 0; k < views->n; k++) {
		const struct pilot_device_info *d = &views->v[k].d;

		begin_line("device_", "info", &views->v[k], NULL);
		snprintf(node, sizeof(node), "%u", d->node_id);
		label("node", d->node_id ? node : "", false);
		label_addresses(d->network, d->node_id);
		label("crypto", d->aead, false);
		end_counter(1);
	}
	head("device_", "registry_info", "gauge", "Registry of the daemon, and what is wrong with it");
	for (k = 0; k < views->n; k++) {
		const struct pilot_status_info *s = &views->v[k].d.status;

		if (!(s->has & PILOT_HAS(PILOT_A_STATUS_REGISTRY)))
			continue;
		begin_line("device_", "registry_info", &views->v[k], NULL);
		label("address", s->registry_address, false);
		label("error", s->registry_error, false);
		end_counter(1);
	}
}

static void print_states(const struct views *views)
{
	size_t k, j;
	int i;

	head("device_", "peers", "gauge", "Peers by state");
	for (k = 0; k < views->n; k++) {
		unsigned int n[N_STATES] = { 0 };

		for (j = 0; j < views->v[k].n; j++)
			n[peer_state(&views->v[k].peers[j])]++;
		for (i = 0; i < N_STATES; i++) {
			begin_line("device_", "peers", &views->v[k], NULL);
			label("state", peer_states[i].word, false);
			end_counter(n[i]);
		}
	}
	head("device_", "registry_state", "gauge",
	     "Whether the daemon's registry over TCP is in this state");
	for (k = 0; k < views->n; k++) {
		const struct pilot_status_info *s = &views->v[k].d.status;

		if (!(s->has & PILOT_HAS(PILOT_A_STATUS_REGISTRY)))
			continue;
		for (i = PILOT_REGISTRY_NONE + 1; i <= PILOT_REGISTRY_MAX; i++) {
			begin_line("device_", "registry_state", &views->v[k], NULL);
			label("state", pilot_registry_name((uint8_t)i), false);
			end_counter(s->registry == i);
		}
	}
}

static void print_peer_infos(const struct views *views)
{
	char text[PILOT_ENDPOINT_STRLEN];
	size_t k, j;

	head("peer_", "info", "gauge", "Addresses of the peer and the path in use");
	for (k = 0; k < views->n; k++) {
		for (j = 0; j < views->v[k].n; j++) {
			const struct pilot_peer_info *p = &views->v[k].peers[j];

			begin_line("peer_", "info", &views->v[k], p);
			label_addresses(views->v[k].d.network, p->node_id);
			label("endpoint", p->endpoint.sa.sa_family ?
			      pilot_format_endpoint(&p->endpoint, text) : "", false);
			label("path", pilot_path_name(p->path_active), false);
			label("dynamic", p->dynamic ? "yes" : "no", false);
			end_counter(1);
		}
	}
}

static void print_peer_states(const struct views *views)
{
	size_t k, j;

	head("peer_", "state", "gauge", "The state the peer is in, as a label");
	for (k = 0; k < views->n; k++) {
		for (j = 0; j < views->v[k].n; j++) {
			begin_line("peer_", "state", &views->v[k], &views->v[k].peers[j]);
			label("state", peer_states[peer_state(&views->v[k].peers[j])].word, false);
			end_counter(1);
		}
	}
	head("peer_", "key_wanted", "gauge", "A key exchange is wanted, with the reason as a label");
	for (k = 0; k < views->n; k++) {
		for (j = 0; j < views->v[k].n; j++) {
			const struct pilot_peer_info *p = &views->v[k].peers[j];

			if (!(p->has & PILOT_HAS(PILOT_A_PEER_NEED_KEY)))
				continue;
			begin_line("peer_", "key_wanted", &views->v[k], p);
			label("reason", pilot_reason_name(p->need_key), false);
			end_counter(1);
		}
	}
}

static void print_peer_drops(const struct views *views)
{
	unsigned int stat;
	size_t k, j;

	head("peer_", "drops_total", "counter",
	     "Packets and frames thrown away or refused, by reason; reasons that occurred");
	for (k = 0; k < views->n; k++) {
		for (j = 0; j < views->v[k].n; j++) {
			const struct pilot_peer_info *p = &views->v[k].peers[j];

			for (stat = 0; stat <= PILOT_A_STATS_MAX; stat++)
				if (pilot_counter_is_drop(stat) && p->stats.v[stat])
					print_drop("peer_", &views->v[k], p, stat,
						   p->stats.v[stat]);
		}
	}
}

int show_prometheus(const struct views *views, bool peers)
{
	struct timespec ts;

	clock_gettime(CLOCK_REALTIME, &ts);
	now_ms = (double)ts.tv_sec * 1000 + (double)ts.tv_nsec / 1e6;
	print_infos(views);
	print_states(views);
	print_device_metrics(views);
	print_counters(views, peers);
	print_drops(views);
	if (peers) {
		print_peer_infos(views);
		print_peer_states(views);
		print_peer_metrics(views);
		print_peer_drops(views);
	}
	return CLI_DONE;
}
