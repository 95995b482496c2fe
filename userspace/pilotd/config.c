// SPDX-License-Identifier: GPL-2.0
#include "config_reader.h"

#include <arpa/inet.h>
#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <linux/rtnetlink.h>
#include <sodium.h>

#include "constants.h"
#include "lib/limits.h"
#include "lib/suggest.h"
#include "lib/text.h"

#define MTU_MIN		1280	/* IPv6 needs it */
#define MTU_MAX		65442
#define REKEY_MAX_SECS	(30 * 86400)

void config_complain(struct reader *r, const struct pilot_error *err)
{
	textfile_error(r->t, r->t->line, NULL, "%s", err->text);
}

bool config_number(struct reader *r, const char *key, const char *value,
		   uint32_t min, uint32_t max, uint32_t *n)
{
	struct pilot_error err;

	if (!pilot_parse_u32(value, key, min, max, n, &err))
		return true;
	config_complain(r, &err);
	return false;
}

void config_yes_no(struct reader *r, const char *key, const char *value, bool *b)
{
	if (!strcmp(value, "yes"))
		*b = true;
	else if (!strcmp(value, "no"))
		*b = false;
	else
		textfile_error(r->t, r->t->line, key, "\"%.64s\" is neither yes nor no",
			       value);
}

void config_text(struct reader *r, const char *key, const char *value, char **s)
{
	/* A section that is there twice is refused, but read all the same. */
	free(*s);
	*s = strdup(value);
	if (!*s)
		textfile_error(r->t, r->t->line, key, "out of memory");
}

static void set_device(struct reader *r, const char *key, char *value)
{
	const char *p;

	for (p = value; *p > ' ' && *p < 0x7f && *p != '/' && *p != ':' && *p != '%'; p++)
		;
	if (*p || strlen(value) >= IF_NAMESIZE || !strcmp(value, ".") ||
	    !strcmp(value, ".."))
		textfile_error(r->t, r->t->line, key,
			       "\"%.64s\" cannot be the name of an interface (at most %d characters, no space, '/', ':' or '%%')",
			       value, IF_NAMESIZE - 1);
	else
		strcpy(r->cfg->device, value);
}

static void set_node(struct reader *r, const char *key, char *value)
{
	struct pilot_error err;
	int network;

	(void)key;
	r->cfg->lines.node = r->t->line;
	if (!strcmp(value, "auto")) {
		r->cfg->node_auto = true;
		return;
	}
	if (pilot_parse_node(value, &r->cfg->node, &network, &err))
		textfile_error(r->t, r->t->line, "node-id", "%s", err.text);
	else
		r->node_network = network;
}

static void set_state(struct reader *r, const char *key, char *value)
{
	r->cfg->lines.state = r->t->line;
	config_text(r, key, value, &r->cfg->state);
}

static void set_network(struct reader *r, const char *key, char *value)
{
	uint32_t n;

	r->network_line = r->t->line;
	if (config_number(r, key, value, 0, UINT16_MAX, &n))
		r->cfg->network = (uint16_t)n;
}

static void set_port(struct reader *r, const char *key, char *value)
{
	uint32_t n;

	if (config_number(r, key, value, 0, UINT16_MAX, &n))
		r->cfg->listen_port = (uint16_t)n;
}

static void set_identity(struct reader *r, const char *key, char *value)
{
	r->cfg->lines.identity = r->t->line;
	config_text(r, key, value, &r->cfg->identity);
}

/* An address with the length of its network; the host bits are the point. */
static bool parse_address(const char *s, struct config_address *a)
{
	struct in6_addr addr;
	const char *slash = strchr(s, '/');
	size_t len = slash ? (size_t)(slash - s) : strlen(s);
	char buf[INET6_ADDRSTRLEN];
	uint32_t prefix, max;

	if (len >= sizeof(buf))
		return false;
	memcpy(buf, s, len);
	buf[len] = '\0';
	memset(a, 0, sizeof(*a));
	if (inet_pton(AF_INET, buf, &addr) == 1) {
		a->family = AF_INET;
		memcpy(&a->v4, &addr, sizeof(a->v4));
		max = 32;
	} else if (inet_pton(AF_INET6, buf, &addr) == 1) {
		a->family = AF_INET6;
		a->v6 = addr;
		max = 128;
	} else {
		return false;
	}
	prefix = max;
	if (slash && pilot_parse_u32(slash + 1, "length", 0, max, &prefix, NULL))
		return false;
	a->prefix = (uint8_t)prefix;
	return true;
}

static void set_address(struct reader *r, const char *key, char *value)
{
	struct config *cfg = r->cfg;
	char *save, *s = strtok_r(value, ", \t", &save);

	if (!s)
		textfile_error(r->t, r->t->line, key, "the value is missing");
	for (; s; s = strtok_r(NULL, ", \t", &save)) {
		struct config_address a, *v;

		if (!parse_address(s, &a)) {
			textfile_error(r->t, r->t->line, key,
				       "\"%.64s\" is not ADDRESS/LENGTH", s);
			continue;
		}
		v = reallocarray(cfg->addresses, cfg->n_addresses + 1, sizeof(*v));
		if (!v) {
			textfile_error(r->t, r->t->line, key, "out of memory");
			return;
		}
		cfg->addresses = v;
		v[cfg->n_addresses++] = a;
	}
}

static void set_map_address(struct reader *r, const char *key, char *value)
{
	config_yes_no(r, key, value, &r->cfg->map_address);
}

static void set_mtu(struct reader *r, const char *key, char *value)
{
	config_number(r, key, value, MTU_MIN, MTU_MAX, &r->cfg->mtu);
}

static void set_unauth(struct reader *r, const char *key, char *value)
{
	r->unauth_line = r->t->line;
	config_yes_no(r, key, value, &r->cfg->allow_unauth);
}

static void set_create(struct reader *r, const char *key, char *value)
{
	config_yes_no(r, key, value, &r->cfg->create);
}

static void set_fwmark(struct reader *r, const char *key, char *value)
{
	config_number(r, key, value, 0, UINT32_MAX, &r->cfg->fwmark);
}

static void set_table(struct reader *r, const char *key, char *value)
{
	uint32_t n;

	if (!strcmp(value, "off"))
		r->cfg->table = 0;
	else if (!strcmp(value, "main"))
		r->cfg->table = RT_TABLE_MAIN;
	else if (config_number(r, key, value, 1, UINT32_MAX, &n))
		r->cfg->table = n;
}

static void set_user(struct reader *r, const char *key, char *value)
{
	r->cfg->lines.user = r->t->line;
	config_text(r, key, value, &r->cfg->user);
}

static void set_limit(struct reader *r, const char *key, char *value)
{
	const struct pilot_limit *l = pilot_limit_find(key);
	struct pilot_error err;
	uint32_t n;

	if (pilot_limit_parse(l, value, &n, &err))
		config_complain(r, &err);
	else
		pilot_limit_set(l, &r->cfg->limits, n);
}

static void set_endpoint(struct reader *r, const char *key, char *value)
{
	struct pilot_error err;

	if (pilot_parse_endpoint(value, key, false, &r->peer->endpoint, &err))
		config_complain(r, &err);
}

static void set_beacon(struct reader *r, const char *key, char *value)
{
	struct pilot_error err;

	if (pilot_parse_endpoint(value, key, false, &r->cfg->beacon, &err))
		config_complain(r, &err);
}

static void set_rekey(struct reader *r, const char *key, char *value)
{
	uint32_t n;

	if (!strcmp(value, "off"))
		r->cfg->rekey = 0;
	else if (config_number(r, key, value, REKEY_MIN_SECS, REKEY_MAX_SECS, &n))
		r->cfg->rekey = n;
}

static void set_silence(struct reader *r, const char *key, char *value)
{
	uint32_t n;

	if (!strcmp(value, "off"))
		r->cfg->silence = 0;
	else if (config_number(r, key, value, 5, 3600, &n))
		r->cfg->silence = n;
}

static bool keepalive(struct reader *r, const char *key, const char *value,
		      uint16_t *secs)
{
	uint32_t n = 0;

	if (strcmp(value, "off") && !config_number(r, key, value, 0, UINT16_MAX, &n))
		return false;
	*secs = (uint16_t)n;
	return true;
}

static void set_keepalive(struct reader *r, const char *key, char *value)
{
	keepalive(r, key, value, &r->keepalive);
}

static void set_peer_keepalive(struct reader *r, const char *key, char *value)
{
	if (keepalive(r, key, value, &r->peer->keepalive))
		r->own_keepalive[r->peer - r->cfg->peers] = 1;
}

static void set_allowed_ips(struct reader *r, const char *key, char *value)
{
	struct config_peer *p = r->peer;
	struct pilot_allowed_ip *list, *all;
	struct pilot_error err;
	size_t n;

	if (pilot_parse_cidr_list(value, key, &list, &n, &err)) {
		config_complain(r, &err);
		return;
	}
	if (!n)
		return;
	all = reallocarray(p->allowed_ips, p->n_allowed_ips + n, sizeof(*all));
	if (all) {
		memcpy(all + p->n_allowed_ips, list, n * sizeof(*all));
		p->allowed_ips = all;
		p->n_allowed_ips += n;
	} else {
		textfile_error(r->t, r->t->line, key, "out of memory");
	}
	free(list);
}

static void set_public_key(struct reader *r, const char *key, char *value)
{
	struct pilot_error err;

	if (pilot_parse_key(value, strlen(value), key, r->peer->key, &err))
		config_complain(r, &err);
	else
		r->peer->pinned = true;
}

static void set_path(struct reader *r, const char *key, char *value)
{
	struct pilot_error err;

	if (pilot_parse_path(value, &r->peer->path, &err))
		textfile_error(r->t, r->t->line, key, "%s", err.text);
}

/* check() knows the first two by their places. */
static const struct config_key tunnel_keys[] = {
	{ "device", set_device, false },
	{ "node-id", set_node, false },
	{ "state", set_state, false },
	{ "network", set_network, false },
	{ "listen-port", set_port, false },
	{ "identity", set_identity, false },
	{ "address", set_address, true },
	{ "map-address", set_map_address, false },
	{ "mtu", set_mtu, false },
	{ "allow-unauthenticated", set_unauth, false },
	{ "create", set_create, false },
	{ "fwmark", set_fwmark, false },
	{ "table", set_table, false },
	{ "user", set_user, false },
	{ "replay-window", set_limit, false },
	{ "max-peers", set_limit, false },
};

static const struct config_key beacon_keys[] = {
	{ "address", set_beacon, false },
};

static const struct config_key timer_keys[] = {
	{ "rekey", set_rekey, false },
	{ "rekey-after", set_limit, false },
	{ "keepalive", set_keepalive, false },
	{ "silence", set_silence, false },
};

static const struct config_key gate_keys[] = {
	{ "decrypt-fail-threshold", set_limit, false },
	{ "decrypt-fail-grace", set_limit, false },
	{ "outside-window-threshold", set_limit, false },
	{ "outside-window-grace", set_limit, false },
	{ "replay-threshold", set_limit, false },
	{ "replay-grace", set_limit, false },
	{ "aged-drop", set_limit, false },
};

static const struct config_key peer_keys[] = {
	{ "endpoint", set_endpoint, false },
	{ "allowed-ips", set_allowed_ips, true },
	{ "public-key", set_public_key, false },
	{ "path", set_path, false },
	{ "keepalive", set_peer_keepalive, false },
};

static const struct {
	const char *name;
	const struct config_key *keys;
	size_t n;
} sections[SECTIONS] = {
	[TUNNEL] = { "tunnel", tunnel_keys, ARRAY_SIZE(tunnel_keys) },
	[REGISTRY] = { "registry", config_registry_keys, CONFIG_REGISTRY_KEYS },
	[BEACON] = { "beacon", beacon_keys, ARRAY_SIZE(beacon_keys) },
	[TIMERS] = { "timers", timer_keys, ARRAY_SIZE(timer_keys) },
	[GATES] = { "gates", gate_keys, ARRAY_SIZE(gate_keys) },
	[PEER] = { "peer", peer_keys, ARRAY_SIZE(peer_keys) },
};

static void begin_peer(struct reader *r, const char *node)
{
	struct config *cfg = r->cfg;
	struct pilot_error err;
	int network;

	if (cfg->n_peers == r->peers_size) {
		size_t size = r->peers_size ? 2 * r->peers_size : 16;
		struct config_peer *v = reallocarray(cfg->peers, size, sizeof(*v));
		uint8_t *own;

		if (v)
			cfg->peers = v;
		own = realloc(r->own_keepalive, size);
		if (own)
			r->own_keepalive = own;
		if (!v || !own) {
			textfile_error(r->t, r->t->line, "[peer]", "out of memory");
			r->section = NONE;
			return;
		}
		r->peers_size = size;
	}
	r->own_keepalive[cfg->n_peers] = 0;
	r->peer = &cfg->peers[cfg->n_peers++];
	memset(r->peer, 0, sizeof(*r->peer));
	r->peer->line = r->t->line;
	if (pilot_parse_node(node, &r->peer->node, &network, &err))
		textfile_error(r->t, r->t->line, "[peer]", "%s", err.text);
}

static void end_section(struct reader *r)
{
	if (r->section == TUNNEL)
		r->tunnel_given = r->given;
	else if (r->section == REGISTRY)
		r->registry_given = r->given;
}

#define WORDS_MAX	32

/* Capitals and "_" are how others write it. */
static const char *meant(const char *name, const char *const *words)
{
	char lower[WORDS_MAX];
	size_t i;

	for (i = 0; name[i] && i < sizeof(lower) - 1; i++)
		lower[i] = name[i] == '_' ? '-' : (char)tolower((unsigned char)name[i]);
	lower[i] = '\0';
	return pilot_suggest(lower, words);
}

static void unknown_section(struct reader *r, const char *name)
{
	const char *words[SECTIONS], *like;
	unsigned int i;

	for (i = TUNNEL; i < SECTIONS; i++)
		words[i - TUNNEL] = sections[i].name;
	words[i - TUNNEL] = NULL;
	like = meant(name, words);
	textfile_error(r->t, r->t->line, NULL, "unknown section [%.64s]%s%s%s%s", name,
		       like ? "; did you mean [" : "", like ? like : "",
		       like == sections[PEER].name ? " NODE" : "", like ? "]?" : "");
}

static void unknown_key(struct reader *r, const char *name)
{
	const char *words[WORDS_MAX + 1], *like;
	char hint[64] = "";
	unsigned int i;
	size_t k;

	for (k = 0; k < sections[r->section].n; k++)
		words[k] = sections[r->section].keys[k].name;
	words[k] = NULL;
	like = meant(name, words);
	if (like)
		snprintf(hint, sizeof(hint), "; did you mean \"%s\"?", like);

	for (i = TUNNEL; i < SECTIONS; i++)
		for (k = 0; k < sections[i].n; k++)
			if (!strcmp(sections[i].keys[k].name, name))
				snprintf(hint, sizeof(hint), "; it belongs to [%s]",
					 sections[i].name);
	textfile_error(r->t, r->t->line, NULL, "unknown key \"%.64s\" in [%s]%s", name,
		       sections[r->section].name, hint);
}

static void begin_section(struct reader *r, char *s)
{
	size_t len = strlen(s);
	char *name = s + 1, *arg;
	unsigned int i;

	end_section(r);
	r->section = NONE;
	r->skipping = true;
	r->given = 0;
	r->peer = NULL;
	if (s[len - 1] != ']') {
		textfile_error(r->t, r->t->line, NULL, "\"%.64s\": ] is missing", s);
		return;
	}
	s[len - 1] = '\0';
	name += strspn(name, " \t");
	arg = name + strcspn(name, " \t");
	if (*arg)
		*arg++ = '\0';
	arg += strspn(arg, " \t");
	for (len = strlen(arg); len && strchr(" \t", arg[len - 1]); len--)
		arg[len - 1] = '\0';
	for (i = TUNNEL; i < SECTIONS && strcmp(name, sections[i].name); i++)
		;
	if (i == SECTIONS) {
		unknown_section(r, name);
		return;
	}
	r->section = i;
	if (i == PEER) {
		if (*arg) {
			begin_peer(r, arg);
			return;
		}
		textfile_error(r->t, r->t->line, "[peer]", "the node ID is missing: [peer 7]");
		r->section = NONE;
	} else if (*arg) {
		textfile_error(r->t, r->t->line, NULL, "[%s] takes no argument", name);
	} else if (r->began[i]) {
		textfile_error(r->t, r->t->line, NULL, "[%s] began on line %u already",
			       name, r->began[i]);
	}
	r->began[i] = r->t->line;
}

static void assign(struct reader *r, char *s)
{
	const struct config_key *keys;
	char *value = strchr(s, '=');
	char *end = value;
	size_t i;

	if (!value) {
		textfile_error(r->t, r->t->line, NULL,
			       "\"%.64s\" is neither a section nor KEY = VALUE", s);
		return;
	}
	*value++ = '\0';
	while (end > s && strchr(" \t", end[-1]))
		*--end = '\0';
	value += strspn(value, " \t");
	if (r->section == NONE) {
		if (!r->skipping)
			textfile_error(r->t, r->t->line, s, "outside of any section");
		return;
	}
	keys = sections[r->section].keys;
	for (i = 0; i < sections[r->section].n && strcmp(keys[i].name, s); i++)
		;
	if (i == sections[r->section].n) {
		unknown_key(r, s);
		return;
	}
	if (r->given & (1U << i) && !keys[i].repeat) {
		textfile_error(r->t, r->t->line, s, "given twice");
		return;
	}
	r->given |= 1U << i;
	if (!*value)
		textfile_error(r->t, r->t->line, s, "the value is missing");
	else
		keys[i].set(r, keys[i].name, value);
}

static int by_node(const void *a, const void *b)
{
	const struct config_peer *x = a, *y = b;

	if (x->node != y->node)
		return x->node < y->node ? -1 : 1;
	return x->line < y->line ? -1 : x->line > y->line;
}

/* A prefix can lead to one peer only. */
struct owned_prefix {
	struct pilot_allowed_ip ip;
	const struct config_peer *peer;
};

static int by_prefix(const void *a, const void *b)
{
	const struct owned_prefix *x = a, *y = b;
	int d;

	if (x->ip.family != y->ip.family)
		return x->ip.family < y->ip.family ? -1 : 1;
	if (x->ip.prefix != y->ip.prefix)
		return x->ip.prefix < y->ip.prefix ? -1 : 1;
	d = x->ip.family == AF_INET ?
	    memcmp(&x->ip.v4, &y->ip.v4, sizeof(x->ip.v4)) :
	    memcmp(&x->ip.v6, &y->ip.v6, sizeof(x->ip.v6));
	if (d)
		return d;
	return x->peer->line < y->peer->line ? -1 : x->peer->line > y->peer->line;
}

static void check_prefixes(struct reader *r)
{
	struct config *cfg = r->cfg;
	struct owned_prefix *v;
	size_t i, j, n = 0;

	for (i = 0; i < cfg->n_peers; i++)
		n += cfg->peers[i].n_allowed_ips;
	if (!n)
		return;
	v = calloc(n, sizeof(*v));
	if (!v) {
		textfile_error(r->t, 0, NULL, "out of memory");
		return;
	}
	for (i = 0, n = 0; i < cfg->n_peers; i++) {
		for (j = 0; j < cfg->peers[i].n_allowed_ips; j++) {
			v[n].ip = cfg->peers[i].allowed_ips[j];
			v[n++].peer = &cfg->peers[i];
		}
	}
	qsort(v, n, sizeof(*v), by_prefix);
	for (i = 1; i < n; i++) {
		char buf[PILOT_CIDR_STRLEN];

		if (v[i].ip.family != v[i - 1].ip.family ||
		    v[i].ip.prefix != v[i - 1].ip.prefix ||
		    (v[i].ip.family == AF_INET ?
		     memcmp(&v[i].ip.v4, &v[i - 1].ip.v4, sizeof(v[i].ip.v4)) :
		     memcmp(&v[i].ip.v6, &v[i - 1].ip.v6, sizeof(v[i].ip.v6))))
			continue;
		textfile_error(r->t, v[i].peer->line, "allowed-ips",
			       "%s of peer %u belongs to peer %u already",
			       pilot_format_cidr(&v[i].ip, buf), v[i].peer->node,
			       v[i - 1].peer->node);
	}
	free(v);
}

/* A Pilot address as the node ID has a network too. */
static void check_network(struct reader *r)
{
	if (r->node_network == PILOT_NO_NETWORK)
		return;
	if (r->network_line && r->cfg->network != r->node_network)
		textfile_error(r->t, r->network_line, "network",
			       "node-id is an address of network %d", r->node_network);
	r->cfg->network = (uint16_t)r->node_network;
}

static void check(struct reader *r)
{
	struct config *cfg = r->cfg;
	struct textfile *t = r->t;
	size_t i;

	if (!r->began[TUNNEL]) {
		textfile_error(t, 0, NULL, "[tunnel] is missing");
	} else {
		/* A wrong value has been complained of. */
		if (!(r->tunnel_given & (1 << 0)))
			textfile_error(t, r->began[TUNNEL], "[tunnel]", "device is missing");
		if (!(r->tunnel_given & (1 << 1)))
			textfile_error(t, r->began[TUNNEL], "[tunnel]", "node-id is missing");
	}
	check_network(r);
	config_check_registry(r);
	if (r->began[BEACON] && !cfg->beacon.sa.sa_family && !t->n_errors)
		textfile_error(t, r->began[BEACON], "[beacon]", "address is missing");
	/* Without an identity there are no authenticated peers. */
	if (!r->unauth_line)
		cfg->allow_unauth = !cfg->identity;
	else if (!cfg->identity && !cfg->allow_unauth && !r->cfg->lines.identity)
		textfile_error(t, r->unauth_line, "allow-unauthenticated",
			       "without an identity no peer could be reached");

	for (i = 0; i < cfg->n_peers; i++) {
		struct config_peer *p = &cfg->peers[i];

		if (!r->own_keepalive[i])
			p->keepalive = r->keepalive;
		if (p->node && p->node == cfg->node)
			textfile_error(t, p->line, "[peer]",
				       "%u is the node's own ID", p->node);
		if (p->path == PILOT_PATH_RELAY && !cfg->beacon.sa.sa_family)
			textfile_error(t, p->line, "[peer]",
				       "path = relay needs a [beacon]");
	}
	if (cfg->n_peers)
		qsort(cfg->peers, cfg->n_peers, sizeof(*cfg->peers), by_node);
	for (i = 1; i < cfg->n_peers; i++)
		if (cfg->peers[i].node &&
		    cfg->peers[i].node == cfg->peers[i - 1].node)
			textfile_error(t, cfg->peers[i].line, "[peer]",
				       "%u has a section on line %u already",
				       cfg->peers[i].node, cfg->peers[i - 1].line);
	check_prefixes(r);
}

int config_read(struct config *cfg, struct textfile *t)
{
	struct reader r = {
		.cfg = cfg, .t = t, .keepalive = PILOT_KEEPALIVE_SECS,
		.node_network = PILOT_NO_NETWORK,
	};
	char *s;

	memset(cfg, 0, sizeof(*cfg));
	cfg->listen_port = PILOT_DEFAULT_PORT;
	cfg->map_address = true;
	cfg->create = true;
	cfg->table = RT_TABLE_MAIN;
	cfg->rekey = REKEY_DEFAULT_SECS;
	cfg->silence = PEER_SILENCE_SECS;
	cfg->tcp.client.visibility = -1;
	cfg->tcp.client.times = REGISTRY_TIMES_DEFAULT;
	cfg->tcp.max_dynamic = MAX_DYNAMIC_DEFAULT;
	cfg->tcp.idle_timeout = IDLE_DEFAULT_SECS;

	while ((s = textfile_next(t))) {
		if (*s == '[')
			begin_section(&r, s);
		else
			assign(&r, s);
	}
	end_section(&r);
	check(&r);
	free(r.own_keepalive);
	return t->n_errors ? -EINVAL : 0;
}

const struct config_peer *config_peer(const struct config *cfg, uint32_t node)
{
	size_t lo = 0, hi = cfg->n_peers;

	while (lo < hi) {
		size_t mid = lo + (hi - lo) / 2;

		if (cfg->peers[mid].node == node)
			return &cfg->peers[mid];
		if (cfg->peers[mid].node < node)
			lo = mid + 1;
		else
			hi = mid;
	}
	return NULL;
}

void config_free(struct config *cfg)
{
	size_t i;

	for (i = 0; i < cfg->n_peers; i++)
		free(cfg->peers[i].allowed_ips);
	free(cfg->peers);
	free(cfg->addresses);
	free(cfg->identity);
	free(cfg->registry);
	free(cfg->state);
	free(cfg->user);
	memset(cfg, 0, sizeof(*cfg));
}
