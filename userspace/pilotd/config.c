// SPDX-License-Identifier: GPL-2.0
#include "config.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <sodium.h>

#include "constants.h"
#include "lib/limits.h"
#include "lib/text.h"

#define ARRAY_SIZE(a)	(sizeof(a) / sizeof((a)[0]))

#define MTU_MIN		1280	/* IPv6 needs it */
#define MTU_MAX		65535
#define REKEY_MAX_SECS	(30 * 86400)
#define IDLE_MIN_SECS	10
#define IDLE_MAX_SECS	(30 * 86400)
#define STATE_DIR	"/var/lib/pilot"

enum section { NONE, TUNNEL, REGISTRY, BEACON, TIMERS, GATES, PEER, SECTIONS };

static const char *const section_names[SECTIONS] = {
	[TUNNEL] = "tunnel",
	[REGISTRY] = "registry",
	[BEACON] = "beacon",
	[TIMERS] = "timers",
	[GATES] = "gates",
	[PEER] = "peer",
};

struct reader {
	struct config *cfg;
	struct textfile *t;
	enum section section;
	bool skipping;			/* a section that was refused */
	unsigned int began[SECTIONS];	/* lines */
	struct config_peer *peer;
	uint64_t given;			/* keys of the present section */
	uint64_t tunnel_given;
	enum { TYPE_NONE, TYPE_FILE, TYPE_TCP } registry_type;
	uint64_t registry_given;
	bool register_given;
	bool on_demand_given;
	struct registry_server fallback;
	unsigned int unauth_line;
	unsigned int identity_line;
	uint16_t keepalive;		/* of peers that say nothing */
	size_t peers_size;
	uint8_t *own_keepalive;		/* peers that say something */
};

typedef void (*setter)(struct reader *r, const char *key, char *value);

static void complain(struct reader *r, const struct pilot_error *err)
{
	textfile_error(r->t, r->t->line, NULL, "%s", err->text);
}

static bool number(struct reader *r, const char *key, const char *value,
		   uint32_t min, uint32_t max, uint32_t *n)
{
	struct pilot_error err;

	if (!pilot_parse_u32(value, key, min, max, n, &err))
		return true;
	complain(r, &err);
	return false;
}

static void yes_no(struct reader *r, const char *key, const char *value, bool *b)
{
	if (!strcmp(value, "yes"))
		*b = true;
	else if (!strcmp(value, "no"))
		*b = false;
	else
		textfile_error(r->t, r->t->line, key, "\"%.64s\" is neither yes nor no",
			       value);
}

static void text(struct reader *r, const char *key, const char *value, char **s)
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
	if (!strcmp(value, "auto")) {
		r->cfg->node_auto = true;
		return;
	}
	if (pilot_parse_node(value, &r->cfg->node, &network, &err))
		textfile_error(r->t, r->t->line, "node-id", "%s", err.text);
	else if (network != PILOT_NO_NETWORK)
		r->cfg->network = (uint16_t)network;
}

static void set_state(struct reader *r, const char *key, char *value)
{
	text(r, key, value, &r->cfg->state);
}

static void set_network(struct reader *r, const char *key, char *value)
{
	uint32_t n;

	if (number(r, key, value, 0, UINT16_MAX, &n))
		r->cfg->network = (uint16_t)n;
}

static void set_port(struct reader *r, const char *key, char *value)
{
	uint32_t n;

	if (number(r, key, value, 0, UINT16_MAX, &n))
		r->cfg->listen_port = (uint16_t)n;
}

static void set_identity(struct reader *r, const char *key, char *value)
{
	r->identity_line = r->t->line;
	text(r, key, value, &r->cfg->identity);
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
	char *save, *s;

	for (s = strtok_r(value, ", \t", &save); s; s = strtok_r(NULL, ", \t", &save)) {
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
	yes_no(r, key, value, &r->cfg->map_address);
}

static void set_mtu(struct reader *r, const char *key, char *value)
{
	number(r, key, value, MTU_MIN, MTU_MAX, &r->cfg->mtu);
}

static void set_unauth(struct reader *r, const char *key, char *value)
{
	r->unauth_line = r->t->line;
	yes_no(r, key, value, &r->cfg->allow_unauth);
}

static void set_create(struct reader *r, const char *key, char *value)
{
	yes_no(r, key, value, &r->cfg->create);
}

static void set_fwmark(struct reader *r, const char *key, char *value)
{
	number(r, key, value, 0, UINT32_MAX, &r->cfg->fwmark);
}

static void set_user(struct reader *r, const char *key, char *value)
{
	text(r, key, value, &r->cfg->user);
}

static void set_limit(struct reader *r, const char *key, char *value)
{
	const struct pilot_limit *l = pilot_limit_find(key);
	struct pilot_error err;
	uint32_t n;

	if (pilot_limit_parse(l, value, &n, &err))
		complain(r, &err);
	else
		pilot_limit_set(l, &r->cfg->limits, n);
}

static void set_registry_type(struct reader *r, const char *key, char *value)
{
	if (!strcmp(value, "file"))
		r->registry_type = TYPE_FILE;
	else if (!strcmp(value, "tcp"))
		r->registry_type = TYPE_TCP;
	else
		textfile_error(r->t, r->t->line, key,
			       "\"%.64s\" is no type of registry; \"file\" and \"tcp\" are",
			       value);
}

static void set_registry_path(struct reader *r, const char *key, char *value)
{
	text(r, key, value, &r->cfg->registry);
}

/* HOST, HOST:PORT, [V6] or [V6]:PORT. */
static bool parse_server(const char *s, struct registry_server *server)
{
	const char *end, *p;
	struct in6_addr v6;
	uint32_t port = REGISTRY_DEFAULT_PORT;
	size_t len;

	memset(server, 0, sizeof(*server));
	if (*s == '[') {
		end = strchr(++s, ']');
		len = end ? (size_t)(end - s) : 0;
	} else {
		len = strspn(s, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-._");
		end = s + len;
	}
	if (!len || len > REGISTRY_HOST_MAX)
		return false;
	memcpy(server->host, s, len);
	p = end;
	if (*end == ']') {
		if (inet_pton(AF_INET6, server->host, &v6) != 1)
			return false;
		p++;
	}
	if (*p && (*p != ':' || pilot_parse_u32(p + 1, "port", 1, UINT16_MAX, &port, NULL)))
		return false;
	server->port = (uint16_t)port;
	return true;
}

static void read_server(struct reader *r, const char *key, const char *value,
			struct registry_server *server)
{
	if (!parse_server(value, server))
		textfile_error(r->t, r->t->line, key,
			       "\"%.64s\" is not HOST:PORT, A.B.C.D:PORT or [V6]:PORT", value);
}

static void set_registry_address(struct reader *r, const char *key, char *value)
{
	read_server(r, key, value, &r->cfg->tcp.servers[0]);
}

static void set_fallback(struct reader *r, const char *key, char *value)
{
	read_server(r, key, value, &r->fallback);
}

static void set_tls(struct reader *r, const char *key, char *value)
{
	yes_no(r, key, value, &r->cfg->tcp.tls);
}

static void set_fingerprint(struct reader *r, const char *key, char *value)
{
	struct registry_pins *pins = &r->cfg->tcp.pins;
	const char *end;
	char *save, *s;
	size_t len;

	for (s = strtok_r(value, ", \t", &save); s; s = strtok_r(NULL, ", \t", &save)) {
		if (pins->n == REGISTRY_PINS_MAX) {
			textfile_error(r->t, r->t->line, key, "more than %d",
				       REGISTRY_PINS_MAX);
			return;
		}
		if (sodium_hex2bin(pins->v[pins->n], REGISTRY_PIN_LEN, s, strlen(s), ":",
				   &len, &end) || *end || len != REGISTRY_PIN_LEN)
			textfile_error(r->t, r->t->line, key,
				       "\"%.64s\" is not the SHA-256 of a certificate: 64 hex digits",
				       s);
		else
			pins->n++;
	}
}

static void set_register(struct reader *r, const char *key, char *value)
{
	r->register_given = true;
	yes_no(r, key, value, &r->cfg->tcp.do_register);
}

static void set_visibility(struct reader *r, const char *key, char *value)
{
	if (!strcmp(value, "public"))
		r->cfg->tcp.visibility = 1;
	else if (!strcmp(value, "private"))
		r->cfg->tcp.visibility = 0;
	else
		textfile_error(r->t, r->t->line, key,
			       "\"%.64s\" is neither public nor private", value);
}

static void set_deregister(struct reader *r, const char *key, char *value)
{
	yes_no(r, key, value, &r->cfg->tcp.deregister);
}

static void set_listen_addr(struct reader *r, const char *key, char *value)
{
	struct pilot_error err;

	if (pilot_parse_endpoint(value, key, false, &r->cfg->tcp.listen, &err))
		complain(r, &err);
}

static void set_timeout(struct reader *r, const char *key, char *value)
{
	number(r, key, value, 1, 60, &r->cfg->tcp.timeout);
}

static void set_retry_max(struct reader *r, const char *key, char *value)
{
	number(r, key, value, 1, 3600, &r->cfg->tcp.retry_max);
}

static void set_on_demand(struct reader *r, const char *key, char *value)
{
	r->on_demand_given = true;
	yes_no(r, key, value, &r->cfg->tcp.on_demand);
}

static void set_max_dynamic(struct reader *r, const char *key, char *value)
{
	number(r, key, value, 1, PILOT_MAX_CRYPTO_PEERS, &r->cfg->tcp.max_dynamic);
}

static void set_idle_timeout(struct reader *r, const char *key, char *value)
{
	uint32_t n;

	if (!strcmp(value, "off"))
		r->cfg->tcp.idle_timeout = 0;
	else if (number(r, key, value, IDLE_MIN_SECS, IDLE_MAX_SECS, &n))
		r->cfg->tcp.idle_timeout = n;
}

static void set_endpoint(struct reader *r, const char *key, char *value)
{
	struct pilot_error err;

	if (pilot_parse_endpoint(value, key, false, &r->peer->endpoint, &err))
		complain(r, &err);
}

static void set_beacon(struct reader *r, const char *key, char *value)
{
	struct pilot_error err;

	if (pilot_parse_endpoint(value, key, false, &r->cfg->beacon, &err))
		complain(r, &err);
}

static void set_rekey(struct reader *r, const char *key, char *value)
{
	uint32_t n;

	if (!strcmp(value, "off"))
		r->cfg->rekey = 0;
	else if (number(r, key, value, REKEY_MIN_SECS, REKEY_MAX_SECS, &n))
		r->cfg->rekey = n;
}

static void set_silence(struct reader *r, const char *key, char *value)
{
	uint32_t n;

	if (!strcmp(value, "off"))
		r->cfg->silence = 0;
	else if (number(r, key, value, 5, 3600, &n))
		r->cfg->silence = n;
}

static bool keepalive(struct reader *r, const char *key, const char *value,
		      uint16_t *secs)
{
	uint32_t n = 0;

	if (strcmp(value, "off") && !number(r, key, value, 0, UINT16_MAX, &n))
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
		complain(r, &err);
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
		complain(r, &err);
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
static const struct {
	enum section section;
	const char *name;
	setter set;
	bool repeat;
} keys[] = {
	{ TUNNEL, "device", set_device, false },
	{ TUNNEL, "node-id", set_node, false },
	{ TUNNEL, "state", set_state, false },
	{ TUNNEL, "network", set_network, false },
	{ TUNNEL, "listen-port", set_port, false },
	{ TUNNEL, "identity", set_identity, false },
	{ TUNNEL, "address", set_address, true },
	{ TUNNEL, "map-address", set_map_address, false },
	{ TUNNEL, "mtu", set_mtu, false },
	{ TUNNEL, "allow-unauthenticated", set_unauth, false },
	{ TUNNEL, "create", set_create, false },
	{ TUNNEL, "fwmark", set_fwmark, false },
	{ TUNNEL, "user", set_user, false },
	{ TUNNEL, "replay-window", set_limit, false },
	{ TUNNEL, "max-peers", set_limit, false },
	{ REGISTRY, "type", set_registry_type, false },
	{ REGISTRY, "path", set_registry_path, false },
	{ REGISTRY, "address", set_registry_address, false },
	{ REGISTRY, "fallback", set_fallback, false },
	{ REGISTRY, "tls", set_tls, false },
	{ REGISTRY, "fingerprint", set_fingerprint, false },
	{ REGISTRY, "register", set_register, false },
	{ REGISTRY, "visibility", set_visibility, false },
	{ REGISTRY, "deregister", set_deregister, false },
	{ REGISTRY, "listen-addr", set_listen_addr, false },
	{ REGISTRY, "timeout", set_timeout, false },
	{ REGISTRY, "retry-max", set_retry_max, false },
	{ REGISTRY, "on-demand", set_on_demand, false },
	{ REGISTRY, "max-dynamic", set_max_dynamic, false },
	{ REGISTRY, "idle-timeout", set_idle_timeout, false },
	{ BEACON, "address", set_beacon, false },
	{ TIMERS, "rekey", set_rekey, false },
	{ TIMERS, "rekey-after", set_limit, false },
	{ TIMERS, "keepalive", set_keepalive, false },
	{ TIMERS, "silence", set_silence, false },
	{ GATES, "decrypt-fail-threshold", set_limit, false },
	{ GATES, "decrypt-fail-grace", set_limit, false },
	{ GATES, "outside-window-threshold", set_limit, false },
	{ GATES, "outside-window-grace", set_limit, false },
	{ GATES, "replay-threshold", set_limit, false },
	{ GATES, "replay-grace", set_limit, false },
	{ GATES, "aged-drop", set_limit, false },
	{ PEER, "endpoint", set_endpoint, false },
	{ PEER, "allowed-ips", set_allowed_ips, true },
	{ PEER, "public-key", set_public_key, false },
	{ PEER, "path", set_path, false },
	{ PEER, "keepalive", set_peer_keepalive, false },
};

_Static_assert(ARRAY_SIZE(keys) <= 64, "one bit each");

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
	for (i = TUNNEL; i < SECTIONS && strcmp(name, section_names[i]); i++)
		;
	if (i == SECTIONS) {
		textfile_error(r->t, r->t->line, NULL, "unknown section [%.64s]", name);
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
	for (i = 0; i < ARRAY_SIZE(keys); i++)
		if (keys[i].section == r->section && !strcmp(keys[i].name, s))
			break;
	if (i == ARRAY_SIZE(keys)) {
		textfile_error(r->t, r->t->line, NULL, "unknown key \"%.64s\" in [%s]",
			       s, section_names[r->section]);
		return;
	}
	if (r->given & (UINT64_C(1) << i) && !keys[i].repeat) {
		textfile_error(r->t, r->t->line, s, "given twice");
		return;
	}
	r->given |= UINT64_C(1) << i;
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

static bool given(const struct reader *r, const char *name)
{
	size_t i;

	for (i = 0; i < ARRAY_SIZE(keys); i++)
		if (keys[i].section == REGISTRY && !strcmp(keys[i].name, name))
			return r->registry_given & (UINT64_C(1) << i);
	return false;
}

/* What makes no sense without something else. */
static void check_needs(struct reader *r, const char *name, bool met, const char *need)
{
	if (given(r, name) && !met)
		textfile_error(r->t, r->began[REGISTRY], "[registry]", "%s needs %s", name,
			       need);
}

static void check_tcp(struct reader *r)
{
	struct config *cfg = r->cfg;
	struct config_registry *tcp = &cfg->tcp;

	if (!given(r, "address"))
		textfile_error(r->t, r->began[REGISTRY], "[registry]", "address is missing");
	tcp->n_servers = 1;
	if (given(r, "fallback")) {
		tcp->servers[tcp->n_servers++] = r->fallback;
		if (r->fallback.port && r->fallback.port == tcp->servers[0].port &&
		    !strcasecmp(r->fallback.host, tcp->servers[0].host))
			textfile_error(r->t, r->began[REGISTRY], "[registry]",
				       "fallback is the same as address");
	}
	if (!r->register_given)
		tcp->do_register = cfg->identity;
	if (!r->on_demand_given)
		tcp->on_demand = cfg->identity;
	check_needs(r, "fingerprint", tcp->tls, "tls = yes");
	check_needs(r, "register", !tcp->do_register || r->identity_line, "an identity");
	check_needs(r, "on-demand", !tcp->on_demand || r->identity_line, "an identity");
	check_needs(r, "visibility", tcp->do_register, "register = yes");
	check_needs(r, "deregister", tcp->do_register || !tcp->deregister, "register = yes");
	check_needs(r, "listen-addr", tcp->do_register, "register = yes");
	check_needs(r, "max-dynamic", tcp->on_demand, "on-demand = yes");
	check_needs(r, "idle-timeout", tcp->on_demand, "on-demand = yes");
}

static void check_registry(struct reader *r)
{
	static const char *const tcp_only[] = {
		"address", "fallback", "tls", "fingerprint", "register", "visibility",
		"deregister", "listen-addr", "timeout", "retry-max", "on-demand", "max-dynamic", "idle-timeout",
	};
	struct config *cfg = r->cfg;
	size_t i;

	if (r->began[REGISTRY] && r->registry_type == TYPE_FILE && !given(r, "path"))
		textfile_error(r->t, r->began[REGISTRY], "[registry]", "path is missing");
	if (r->began[REGISTRY] && !given(r, "type"))
		textfile_error(r->t, r->began[REGISTRY], "[registry]", "type is missing");
	if (r->registry_type == TYPE_TCP)
		check_tcp(r);
	else if (r->registry_type == TYPE_FILE)
		for (i = 0; i < ARRAY_SIZE(tcp_only); i++)
			check_needs(r, tcp_only[i], false, "type = tcp");
	if (cfg->node_auto && !cfg->tcp.do_register)
		textfile_error(r->t, r->began[TUNNEL], "node-id",
			       "auto needs a registry of type = tcp that we register with");
	if (cfg->state && !cfg->node_auto)
		textfile_error(r->t, r->began[TUNNEL], "state", "needs node-id = auto");
	if (!cfg->node_auto || cfg->state)
		return;
	if (asprintf(&cfg->state, STATE_DIR "/%s.node", cfg->device) < 0) {
		cfg->state = NULL;
		textfile_error(r->t, 0, NULL, "out of memory");
	}
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
	check_registry(r);
	if (r->began[BEACON] && !cfg->beacon.sa.sa_family && !t->n_errors)
		textfile_error(t, r->began[BEACON], "[beacon]", "address is missing");
	/* Without an identity there are no authenticated peers. */
	if (!r->unauth_line)
		cfg->allow_unauth = !cfg->identity;
	else if (!cfg->identity && !cfg->allow_unauth && !r->identity_line)
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
	struct reader r = { .cfg = cfg, .t = t, .keepalive = PILOT_KEEPALIVE_SECS };
	char *s;

	memset(cfg, 0, sizeof(*cfg));
	cfg->listen_port = PILOT_DEFAULT_PORT;
	cfg->map_address = true;
	cfg->create = true;
	cfg->rekey = REKEY_DEFAULT_SECS;
	cfg->silence = PEER_SILENCE_SECS;
	cfg->tcp.visibility = -1;
	cfg->tcp.timeout = REGISTRY_TIMEOUT_SECS;
	cfg->tcp.retry_max = REGISTRY_RETRY_MAX_SECS;
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
	if (!t->n_errors)
		return 0;
	config_free(cfg);
	return -EINVAL;
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
