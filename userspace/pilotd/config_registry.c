// SPDX-License-Identifier: GPL-2.0
/*
 * The section [registry].
 */
#include "config_reader.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include <sodium.h>

#include "constants.h"
#include "lib/text.h"

#define IDLE_MIN_SECS	10
#define IDLE_MAX_SECS	(30 * 86400)
#define STATE_DIR	"/var/lib/pilot"

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
	r->cfg->lines.registry = r->t->line;
	config_text(r, key, value, &r->cfg->registry);
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
	read_server(r, key, value, &r->cfg->tcp.client.servers[0]);
}

static void set_fallback(struct reader *r, const char *key, char *value)
{
	read_server(r, key, value, &r->fallback);
}

static void set_tls(struct reader *r, const char *key, char *value)
{
	config_yes_no(r, key, value, &r->cfg->tcp.client.tls);
}

static void set_fingerprint(struct reader *r, const char *key, char *value)
{
	struct registry_pins *pins = &r->cfg->tcp.client.pins;
	char *save, *s = strtok_r(value, ", \t", &save);
	const char *end;
	size_t len;

	if (!s)
		textfile_error(r->t, r->t->line, key, "the value is missing");
	for (; s; s = strtok_r(NULL, ", \t", &save)) {
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
	config_yes_no(r, key, value, &r->cfg->tcp.client.do_register);
}

static void set_visibility(struct reader *r, const char *key, char *value)
{
	if (!strcmp(value, "public"))
		r->cfg->tcp.client.visibility = 1;
	else if (!strcmp(value, "private"))
		r->cfg->tcp.client.visibility = 0;
	else
		textfile_error(r->t, r->t->line, key,
			       "\"%.64s\" is neither public nor private", value);
}

static void set_deregister(struct reader *r, const char *key, char *value)
{
	config_yes_no(r, key, value, &r->cfg->tcp.client.deregister);
}

static void set_listen_addr(struct reader *r, const char *key, char *value)
{
	struct pilot_error err;

	if (pilot_parse_endpoint(value, key, false, &r->cfg->tcp.client.listen, &err))
		config_complain(r, &err);
}

static void set_timeout(struct reader *r, const char *key, char *value)
{
	struct registry_times *times = &r->cfg->tcp.client.times;
	uint32_t n;

	if (config_number(r, key, value, 1, 60, &n))
		times->step = times->request = n * 1000;
}

static void set_retry_max(struct reader *r, const char *key, char *value)
{
	uint32_t n;

	if (config_number(r, key, value, 1, 3600, &n))
		r->cfg->tcp.client.times.backoff_max = n * 1000;
}

static void set_on_demand(struct reader *r, const char *key, char *value)
{
	r->on_demand_given = true;
	config_yes_no(r, key, value, &r->cfg->tcp.on_demand);
}

static void set_max_dynamic(struct reader *r, const char *key, char *value)
{
	config_number(r, key, value, 1, PILOT_MAX_CRYPTO_PEERS, &r->cfg->tcp.max_dynamic);
}

static void set_idle_timeout(struct reader *r, const char *key, char *value)
{
	uint32_t n;

	if (!strcmp(value, "off"))
		r->cfg->tcp.idle_timeout = 0;
	else if (config_number(r, key, value, IDLE_MIN_SECS, IDLE_MAX_SECS, &n))
		r->cfg->tcp.idle_timeout = n;
}

const struct config_key config_registry_keys[CONFIG_REGISTRY_KEYS] = {
	{ "type", set_registry_type, false },
	{ "path", set_registry_path, false },
	{ "address", set_registry_address, false },
	{ "fallback", set_fallback, false },
	{ "tls", set_tls, false },
	{ "fingerprint", set_fingerprint, false },
	{ "register", set_register, false },
	{ "visibility", set_visibility, false },
	{ "deregister", set_deregister, false },
	{ "listen-addr", set_listen_addr, false },
	{ "timeout", set_timeout, false },
	{ "retry-max", set_retry_max, false },
	{ "on-demand", set_on_demand, false },
	{ "max-dynamic", set_max_dynamic, false },
	{ "idle-timeout", set_idle_timeout, false },
};

static bool given(const struct reader *r, const char *name)
{
	size_t i;

	for (i = 0; i < CONFIG_REGISTRY_KEYS; i++)
		if (!strcmp(config_registry_keys[i].name, name))
			return r->registry_given & (1U << i);
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
	struct registry_tcp_config *client = &tcp->client;

	if (!given(r, "address"))
		textfile_error(r->t, r->began[REGISTRY], "[registry]", "address is missing");
	client->n_servers = 1;
	if (given(r, "fallback")) {
		client->servers[client->n_servers++] = r->fallback;
		if (r->fallback.port && r->fallback.port == client->servers[0].port &&
		    !strcasecmp(r->fallback.host, client->servers[0].host))
			textfile_error(r->t, r->began[REGISTRY], "[registry]",
				       "fallback is the same as address");
	}
	if (!r->register_given)
		client->do_register = cfg->identity;
	if (!r->on_demand_given)
		tcp->on_demand = cfg->identity;
	check_needs(r, "fingerprint", client->tls, "tls = yes");
	check_needs(r, "register", !client->do_register || r->cfg->lines.identity, "an identity");
	check_needs(r, "on-demand", !tcp->on_demand || r->cfg->lines.identity, "an identity");
	check_needs(r, "visibility", client->do_register, "register = yes");
	check_needs(r, "deregister", client->do_register || !client->deregister, "register = yes");
	check_needs(r, "listen-addr", client->do_register, "register = yes");
	check_needs(r, "max-dynamic", tcp->on_demand, "on-demand = yes");
	check_needs(r, "idle-timeout", tcp->on_demand, "on-demand = yes");
}

void config_check_registry(struct reader *r)
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
	if (cfg->node_auto && !cfg->tcp.client.do_register)
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
