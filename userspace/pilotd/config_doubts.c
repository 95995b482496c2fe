// SPDX-License-Identifier: GPL-2.0
#include "config_doubts.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <linux/rtnetlink.h>

#include "lib/text.h"

struct doubter {
	const char *name;
	const struct config *cfg;
	const struct registry *reg;
	const uint8_t *own;
	void (*print)(const char *line);
};

static void doubt(const struct doubter *d, unsigned int line, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));

static void doubt(const struct doubter *d, unsigned int line, const char *fmt, ...)
{
	char text[1024], where[16] = "";
	size_t n;
	va_list ap;

	if (line)
		snprintf(where, sizeof(where), ":%u", line);
	n = (size_t)snprintf(text, sizeof(text), "%.512s%s: ", d->name, where);
	va_start(ap, fmt);
	vsnprintf(text + n, sizeof(text) - n, fmt, ap);
	va_end(ap);
	d->print(pilot_sanitize(text));
}

/* A prefix, and whose it is. */
struct place {
	struct pilot_allowed_ip ip;
	const struct config_peer *peer;
};

static const uint8_t *bytes(const struct pilot_allowed_ip *ip)
{
	return ip->family == AF_INET ? (const uint8_t *)&ip->v4 : (const uint8_t *)&ip->v6;
}

static void shorten(struct pilot_allowed_ip *ip)
{
	uint8_t *v = ip->family == AF_INET ? (uint8_t *)&ip->v4 : (uint8_t *)&ip->v6;

	ip->prefix--;
	v[ip->prefix / 8] &= (uint8_t)~(0x80 >> ip->prefix % 8);
}

static int by_place(const void *a, const void *b)
{
	const struct place *x = a, *y = b;
	int d;

	if (x->ip.family != y->ip.family)
		return x->ip.family < y->ip.family ? -1 : 1;
	d = memcmp(bytes(&x->ip), bytes(&y->ip), x->ip.family == AF_INET ? 4 : 16);
	return d ? d : (int)x->ip.prefix - y->ip.prefix;
}

/* The longest prefix that @ip lies in; /0 has no route. */
static const struct place *holder(const struct place *v, size_t n,
				  const struct pilot_allowed_ip *ip)
{
	struct place key = { .ip = *ip };
	const struct place *hit;

	for (; key.ip.prefix; shorten(&key.ip)) {
		hit = bsearch(&key, v, n, sizeof(*v), by_place);
		if (hit)
			return hit;
	}
	return NULL;
}

static void host(struct pilot_allowed_ip *ip, const struct pilot_endpoint *ep)
{
	memset(ip, 0, sizeof(*ip));
	ip->family = (uint8_t)ep->sa.sa_family;
	ip->prefix = ip->family == AF_INET ? 32 : 128;
	if (ip->family == AF_INET)
		ip->v4 = ep->in.sin_addr;
	else
		ip->v6 = ep->in6.sin6_addr;
}

static void check_endpoint(const struct doubter *d, const struct place *v, size_t n,
			   const struct config_peer *p)
{
	char ep[PILOT_ENDPOINT_STRLEN], cidr[PILOT_CIDR_STRLEN];
	const struct registry_node *node = registry_find(d->reg, p->node);
	const struct pilot_endpoint *to = &p->endpoint;
	const struct place *in;
	struct pilot_allowed_ip ip;

	if (!to->sa.sa_family && node)
		to = &node->endpoint;
	if (!to->sa.sa_family)
		return;
	host(&ip, to);
	in = holder(v, n, &ip);
	if (in)
		doubt(d, p->line,
		      "endpoint %s of peer %u lies within allowed-ips %s of peer %u: its frames would be routed into the tunnel",
		      pilot_format_endpoint(to, ep), p->node,
		      pilot_format_cidr(&in->ip, cidr), in->peer->node);
}

static void check_prefixes(const struct doubter *d)
{
	char one[PILOT_CIDR_STRLEN], other[PILOT_CIDR_STRLEN];
	const struct config *cfg = d->cfg;
	struct place *v;
	size_t i, j, n = 0;

	for (i = 0; i < cfg->n_peers; i++)
		n += cfg->peers[i].n_allowed_ips;
	v = n ? calloc(n, sizeof(*v)) : NULL;
	if (!v)
		return;
	for (i = 0, n = 0; i < cfg->n_peers; i++)
		for (j = 0; j < cfg->peers[i].n_allowed_ips; j++, n++)
			v[n] = (struct place){ cfg->peers[i].allowed_ips[j], &cfg->peers[i] };
	qsort(v, n, sizeof(*v), by_place);
	for (i = 0; i < n; i++) {
		struct pilot_allowed_ip ip = v[i].ip;
		const struct place *in = NULL;

		if (ip.prefix) {
			shorten(&ip);
			in = holder(v, n, &ip);
		}
		if (in && in->peer != v[i].peer)
			doubt(d, v[i].peer->line,
			      "allowed-ips %s of peer %u lies within %s of peer %u: it goes to peer %u, as the longer one",
			      pilot_format_cidr(&v[i].ip, one), v[i].peer->node,
			      pilot_format_cidr(&in->ip, other), in->peer->node,
			      v[i].peer->node);
	}
	/* Elsewhere rules decide what goes there. */
	for (i = 0; i < cfg->n_peers && !cfg->fwmark && cfg->table == RT_TABLE_MAIN; i++)
		check_endpoint(d, v, n, &cfg->peers[i]);
	for (i = 0; i < cfg->n_addresses; i++) {
		const struct config_address *a = &cfg->addresses[i];
		struct place key = { 0 }, *hit;

		key.ip.family = a->family;
		key.ip.prefix = a->family == AF_INET ? 32 : 128;
		memcpy(&key.ip.v6, &a->v6, sizeof(key.ip.v6));
		hit = bsearch(&key, v, n, sizeof(*v), by_place);
		if (hit)
			doubt(d, hit->peer->line,
			      "allowed-ips %s of peer %u is an address of this node",
			      pilot_format_cidr(&hit->ip, one), hit->peer->node);
	}
	free(v);
}

/* A key, and the node it belongs to by which line of which file. */
struct claim {
	const uint8_t *key;
	uint32_t node;
	unsigned int line;
	bool in_registry;
};

static int by_key(const void *a, const void *b)
{
	const struct claim *x = a, *y = b;
	int d = memcmp(x->key, y->key, PILOT_ED25519_LEN);

	if (d || x->node != y->node)
		return d ? d : x->node < y->node ? -1 : 1;
	return x->in_registry - y->in_registry;
}

static void check_keys(const struct doubter *d)
{
	const struct config *cfg = d->cfg;
	struct doubter where = *d;
	struct claim *v;
	size_t i, n = 0;

	v = calloc(cfg->n_peers + d->reg->n + 1, sizeof(*v));
	if (!v)
		return;
	for (i = 0; i < cfg->n_peers; i++)
		if (cfg->peers[i].pinned)
			v[n++] = (struct claim){ cfg->peers[i].key, cfg->peers[i].node,
						 cfg->peers[i].line, false };
	for (i = 0; i < d->reg->n; i++)
		v[n++] = (struct claim){ d->reg->v[i].key, d->reg->v[i].node,
					 d->reg->v[i].line, true };
	if (n)
		qsort(v, n, sizeof(*v), by_key);
	for (i = 0; i < n; i++) {
		where.name = v[i].in_registry ? cfg->registry : d->name;
		if (i && v[i].node != v[i - 1].node &&
		    !memcmp(v[i].key, v[i - 1].key, PILOT_ED25519_LEN))
			doubt(&where, v[i].line, "nodes %u and %u have the same public key",
			      v[i - 1].node, v[i].node);
		else if (d->own && v[i].node != cfg->node && cfg->node &&
			 !memcmp(v[i].key, d->own, PILOT_ED25519_LEN))
			doubt(&where, v[i].line,
			      "node %u has this node's own public key, of %s", v[i].node,
			      cfg->identity);
	}
	free(v);
}

/* No one vouches for it, and strangers are not allowed in. */
static void check_known(const struct doubter *d)
{
	const struct config *cfg = d->cfg;
	size_t i;

	if (cfg->tcp.client.n_servers || cfg->allow_unauth)
		return;
	for (i = 0; i < cfg->n_peers; i++) {
		const struct config_peer *p = &cfg->peers[i];

		if (!p->pinned && !registry_find(d->reg, p->node))
			doubt(d, p->line,
			      "peer %u cannot get a session: it has no public-key, and %s it",
			      p->node, cfg->registry ? "the registry does not know" :
			      "there is no registry to know");
	}
}

void config_doubts(const char *name, const struct config *cfg,
		   const struct registry *reg, const uint8_t *own,
		   void (*print)(const char *line))
{
	const struct doubter d = { name, cfg, reg, own, print };
	const struct registry_node *self = registry_find(reg, cfg->node);

	if (self && own && memcmp(self->key, own, sizeof(self->key))) {
		const struct doubter r = { cfg->registry, cfg, reg, own, print };

		doubt(&r, self->line,
		      "node %u has another public key there than in %s: peers with this registry will refuse this node",
		      cfg->node, cfg->identity);
	}
	if (!own)
		doubt(&d, 0, "there is no identity: no peer can tell that it talks to this node");
	check_prefixes(&d);
	check_keys(&d);
	check_known(&d);
}
