// SPDX-License-Identifier: GPL-2.0
#include "apply.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <linux/rtnetlink.h>

#include "lib/limits.h"
#include "lib/text.h"
#include "log.h"

static int by_wanted(const void *a, const void *b)
{
	const struct wanted *x = a, *y = b;

	return x->node < y->node ? -1 : x->node > y->node;
}

int wanted_make(struct wanted_list *w, const struct config *cfg,
		const struct registry *reg)
{
	size_t i;

	w->n = 0;
	w->v = calloc(cfg->n_peers + reg->n + 1, sizeof(*w->v));
	if (!w->v)
		return -ENOMEM;
	for (i = 0; i < cfg->n_peers; i++) {
		const struct config_peer *p = &cfg->peers[i];
		const struct registry_node *r = registry_find(reg, p->node);

		if (p->node == cfg->node)
			continue;
		w->v[w->n].node = p->node;
		w->v[w->n].section = p;
		if (p->endpoint.sa.sa_family)
			w->v[w->n].endpoint = p->endpoint;
		else if (r)
			w->v[w->n].endpoint = r->endpoint;
		w->n++;
	}
	for (i = 0; i < reg->n; i++) {
		const struct registry_node *r = &reg->v[i];

		if (!r->endpoint.sa.sa_family || r->node == cfg->node ||
		    config_peer(cfg, r->node))
			continue;
		w->v[w->n].node = r->node;
		w->v[w->n].endpoint = r->endpoint;
		w->n++;
	}
	qsort(w->v, w->n, sizeof(*w->v), by_wanted);
	return 0;
}

const struct wanted *wanted_find(const struct wanted_list *w, uint32_t node)
{
	const struct wanted key = { .node = node };

	return w && w->n ? bsearch(&key, w->v, w->n, sizeof(*w->v), by_wanted) : NULL;
}

/* Device */

static int set_device(const struct applier *a, const struct pilot_device_info *set)
{
	struct pilot_device_info one = *set;
	unsigned int attr;
	int ret;

	ret = pilot_device_set(a->g, set);
	if (!ret || !a->piecemeal)
		return ret;
	for (attr = 1; attr <= PILOT_A_DEVICE_MAX; attr++) {
		one.has = set->has & PILOT_HAS(attr);
		if (one.has && pilot_device_set(a->g, &one))
			log_err("reload: %s: %s", a->dev.ifname, a->g->err.text);
	}
	return 0;
}

int apply_device(const struct applier *a, const struct config *cfg,
		 struct pilot_error *err)
{
	struct pilot_device_info now, set = { .dev = a->dev };
	const struct pilot_limit *l;
	struct rtnl_link link;
	int ret;

	ret = pilot_device_get(a->g, &a->dev, &now);
	if (ret) {
		*err = a->g->err;
		return ret;
	}
	if (cfg->node && now.node_id != cfg->node) {
		/* While nobody knew who we are, we may have been taken for a peer. */
		if (!now.node_id)
			pilot_peer_del(a->g, &a->dev, cfg->node);
		set.node_id = cfg->node;
		set.has |= PILOT_HAS(PILOT_A_DEVICE_NODE_ID);
	}
	if (now.network != cfg->network) {
		set.network = cfg->network;
		set.has |= PILOT_HAS(PILOT_A_DEVICE_NETWORK);
	}
	if (cfg->listen_port && now.listen_port != cfg->listen_port) {
		set.listen_port = cfg->listen_port;
		set.has |= PILOT_HAS(PILOT_A_DEVICE_LISTEN_PORT);
	}
	if (now.fwmark != cfg->fwmark) {
		set.fwmark = cfg->fwmark;
		set.has |= PILOT_HAS(PILOT_A_DEVICE_FWMARK);
	}
	if (!pilot_endpoint_equal(&now.beacon, &cfg->beacon)) {
		set.beacon = cfg->beacon;
		set.has |= PILOT_HAS(PILOT_A_DEVICE_BEACON);
	}
	if (now.unauth != cfg->allow_unauth) {
		set.unauth = cfg->allow_unauth;
		set.has |= PILOT_HAS(PILOT_A_DEVICE_UNAUTH);
	}
	if (now.on_demand != cfg->tcp.on_demand) {
		set.on_demand = cfg->tcp.on_demand;
		set.has |= PILOT_HAS(PILOT_A_DEVICE_ON_DEMAND);
	}
	for (l = pilot_limits; l < pilot_limits + pilot_n_limits; l++) {
		uint32_t want = pilot_limit_get(l, &cfg->limits);

		if (cfg->limits.has & PILOT_HAS(l->attr) &&
		    pilot_limit_get(l, &now) != want)
			pilot_limit_set(l, &set, want);
	}
	if (set.has) {
		ret = set_device(a, &set);
		if (ret) {
			*err = a->g->err;
			return ret;
		}
	}
	ret = rtnl_link_get(a->rtnl, a->dev.ifname, &link);
	if (!ret && (!link.up || (cfg->mtu && link.mtu != cfg->mtu)))
		ret = rtnl_link_set(a->rtnl, link.ifindex, cfg->mtu);
	if (ret)
		*err = a->rtnl->err;
	return ret;
}

/* Addresses */

static bool address_equal(const struct config_address *x,
			  const struct config_address *y, bool host_only)
{
	if (x->family != y->family || (!host_only && x->prefix != y->prefix))
		return false;
	return x->family == AF_INET ? !memcmp(&x->v4, &y->v4, sizeof(x->v4)) :
				      !memcmp(&x->v6, &y->v6, sizeof(x->v6));
}

/*
 * The address at place @i; the last is the mapped one, with its network. That
 * is not given where the user assigns it himself, with another length perhaps.
 */
static bool address_at(const struct config *cfg, size_t i, struct config_address *a)
{
	size_t k;

	if (i < cfg->n_addresses) {
		*a = cfg->addresses[i];
		return true;
	}
	if (!cfg->map_address || !cfg->node)
		return false;
	memset(a, 0, sizeof(*a));
	a->family = AF_INET6;
	a->prefix = 64;
	pilot_map_address(cfg->network, cfg->node, &a->v6);
	for (k = 0; k < cfg->n_addresses; k++)
		if (address_equal(&cfg->addresses[k], a, true))
			return false;
	return true;
}

static bool has_address(const struct config *cfg, const struct config_address *a)
{
	struct config_address other;
	size_t i;

	for (i = 0; cfg && i <= cfg->n_addresses; i++)
		if (address_at(cfg, i, &other) && address_equal(&other, a, false))
			return true;
	return false;
}

static void set_address(const struct applier *a, const struct config_address *addr,
			bool add)
{
	char buf[INET6_ADDRSTRLEN];

	if (!rtnl_address(a->rtnl, a->dev.ifindex, addr, add))
		return;
	inet_ntop(addr->family, &addr->v4, buf, sizeof(buf));
	log_warn("%s: %s %s/%u: %s", a->dev.ifname, add ? "adding" : "removing",
		 buf, addr->prefix, a->rtnl->err.text);
}

bool apply_addresses(const struct applier *a, const struct config *cfg,
		     const struct config *old)
{
	struct config_address addr;
	bool gone = false;
	size_t i;

	/* With the last IPv4 address the kernel would remove all IPv4 routes. */
	for (i = 0; i <= cfg->n_addresses; i++)
		if (address_at(cfg, i, &addr) && !has_address(old, &addr))
			set_address(a, &addr, true);
	for (i = 0; old && i <= old->n_addresses; i++) {
		if (!address_at(old, i, &addr) || has_address(cfg, &addr))
			continue;
		set_address(a, &addr, false);
		gone |= addr.family == AF_INET;
	}
	/* With the first of a network it removes the others, which are to stay. */
	for (i = 0; gone && i <= cfg->n_addresses; i++)
		if (address_at(cfg, i, &addr))
			set_address(a, &addr, true);
	return gone;
}

/* Peers */

static int by_prefix(const void *a, const void *b)
{
	const struct pilot_allowed_ip *x = a, *y = b;

	if (x->family != y->family)
		return x->family < y->family ? -1 : 1;
	if (x->prefix != y->prefix)
		return x->prefix < y->prefix ? -1 : 1;
	return x->family == AF_INET ? memcmp(&x->v4, &y->v4, sizeof(x->v4)) :
				      memcmp(&x->v6, &y->v6, sizeof(x->v6));
}

static void sort_prefixes(struct pilot_allowed_ip *v, size_t n)
{
	if (n)
		qsort(v, n, sizeof(*v), by_prefix);
}

static bool same_prefixes(const struct pilot_allowed_ip *x, size_t nx,
			  const struct pilot_allowed_ip *y, size_t ny)
{
	size_t i;

	for (i = 0; i < nx && i < ny; i++)
		if (by_prefix(&x[i], &y[i]))
			return false;
	return nx == ny;
}

static bool has_prefix(const struct config_peer *p, const struct pilot_allowed_ip *ip)
{
	size_t i;

	for (i = 0; p && i < p->n_allowed_ips; i++)
		if (!by_prefix(&p->allowed_ips[i], ip))
			return true;
	return false;
}

static void set_route(const struct applier *a, const struct pilot_allowed_ip *ip,
		      bool add)
{
	uint32_t table = add ? a->table : a->old_table;
	char buf[PILOT_CIDR_STRLEN];
	int ret;

	if (!table)
		return;
	/* It would catch the tunnel's own packets. */
	if (!ip->prefix && table == RT_TABLE_MAIN) {
		if (add)
			log_notice("%s: no route is added for %s, that is for the administrator",
				   a->dev.ifname, pilot_format_cidr(ip, buf));
		return;
	}
	ret = rtnl_route(a->rtnl, a->dev.ifindex, table, ip, add);
	if (ret == -EEXIST)
		log_info("%s: there is a route to %s already", a->dev.ifname,
			 pilot_format_cidr(ip, buf));
	else if (ret)
		log_warn("%s: route to %s: %s", a->dev.ifname,
			 pilot_format_cidr(ip, buf), a->rtnl->err.text);
}

/* A prefix may have gone to another peer, whose route is the same. */
static bool is_wanted(const struct wanted_list *want, const struct pilot_allowed_ip *ip)
{
	size_t i;

	for (i = 0; want && i < want->n; i++)
		if (has_prefix(want->v[i].section, ip))
			return true;
	return false;
}

static void apply_routes(const struct applier *a, const struct wanted_list *want,
			 const struct config_peer *now, const struct config_peer *old)
{
	bool move = a->table != a->old_table;
	size_t i;

	for (i = 0; old && i < old->n_allowed_ips; i++)
		if (move || (!has_prefix(now, &old->allowed_ips[i]) &&
			     !is_wanted(want, &old->allowed_ips[i])))
			set_route(a, &old->allowed_ips[i], false);
	for (i = 0; now && i < now->n_allowed_ips; i++)
		if (move || a->anew || !has_prefix(old, &now->allowed_ips[i]))
			set_route(a, &now->allowed_ips[i], true);
}

/* What differs between a peer as it is and as it should be, into @set. */
static void peer_changes(struct pilot_peer_info *set, const struct wanted *w,
			 const struct wanted *old, struct pilot_peer_info *is)
{
	static const struct config_peer plain = { .keepalive = PILOT_KEEPALIVE_SECS };
	const struct config_peer *s = w->section;
	bool moved = old && !pilot_endpoint_equal(&w->endpoint, &old->endpoint);

	set->node_id = w->node;
	/* Where a live peer was heard last is better than what is written. */
	if (w->endpoint.sa.sa_family && (!is || !is->n_keys || moved) &&
	    !(is && pilot_endpoint_equal(&is->endpoint, &w->endpoint))) {
		set->endpoint = w->endpoint;
		set->has |= PILOT_HAS(PILOT_A_PEER_ENDPOINT);
	}
	if (is && is->dynamic) {
		set->dynamic = false;
		set->has |= PILOT_HAS(PILOT_A_PEER_DYNAMIC);
	}
	if (!s) {
		/* Only the registry names it: the rest is not ours to set. */
		if (!old || !old->section)
			return;
		s = &plain;
	}
	if (!is || is->path != s->path) {
		set->path = s->path;
		set->has |= PILOT_HAS(PILOT_A_PEER_PATH);
	}
	if (!is || is->keepalive != s->keepalive) {
		set->keepalive = s->keepalive;
		set->has |= PILOT_HAS(PILOT_A_PEER_KEEPALIVE);
	}
	if (is)
		sort_prefixes(is->allowed_ips, is->n_allowed_ips);
	if (!is ? s->n_allowed_ips :
	    !same_prefixes(is->allowed_ips, is->n_allowed_ips, s->allowed_ips,
			   s->n_allowed_ips)) {
		set->allowed_ips = s->allowed_ips;
		set->n_allowed_ips = s->n_allowed_ips;
		set->flags = PILOT_PEER_F_REPLACE_ALLOWED_IPS;
		set->has |= PILOT_HAS(PILOT_A_PEER_ALLOWED_IP) |
			    PILOT_HAS(PILOT_A_PEER_FLAGS);
	}
}

static int by_info(const void *a, const void *b)
{
	const struct pilot_peer_info *x = a, *y = b;

	return x->node_id < y->node_id ? -1 : x->node_id > y->node_id;
}

void apply_peers(const struct applier *a, const struct wanted_list *want,
		 const struct wanted_list *old)
{
	struct pilot_peer_info *list = NULL;
	size_t i, n = 0;
	int ret;

	/* First those that go: their prefixes may be wanted elsewhere. */
	for (i = 0; old && i < old->n; i++) {
		const struct wanted *o = &old->v[i];

		if (wanted_find(want, o->node))
			continue;
		apply_routes(a, want, NULL, o->section);
		ret = pilot_peer_del(a->g, &a->dev, o->node);
		if (ret && ret != -ENOENT)
			log_err("%s: removing peer %u: %s", a->dev.ifname, o->node,
				a->g->err.text);
	}

	ret = pilot_peer_dump(a->g, &a->dev, &list, &n);
	if (ret) {
		log_err("%s: reading the peers: %s", a->dev.ifname, a->g->err.text);
		return;
	}
	if (n)
		qsort(list, n, sizeof(*list), by_info);
	for (i = 0; i < want->n; i++) {
		const struct wanted *w = &want->v[i];
		const struct wanted *o = wanted_find(old, w->node);
		struct pilot_peer_info key = { .node_id = w->node };
		struct pilot_peer_info *is = n ?
			bsearch(&key, list, n, sizeof(*list), by_info) : NULL;
		struct pilot_peer_info set = { 0 };

		if (w->section)
			sort_prefixes(w->section->allowed_ips, w->section->n_allowed_ips);
		peer_changes(&set, w, o, is);
		if (!is) {
			/* There is nothing to replace. */
			set.has &= ~PILOT_HAS(PILOT_A_PEER_FLAGS);
			ret = pilot_peer_new(a->g, &a->dev, &set);
		} else {
			ret = set.has ? pilot_peer_set(a->g, &a->dev, &set) : 0;
		}
		if (ret)
			log_err("%s: %s peer %u: %s", a->dev.ifname,
				is ? "changing" : "adding", w->node, a->g->err.text);
		apply_routes(a, want, w->section, o ? o->section : NULL);
	}
	pilot_peer_list_free(list, n);
}
