// SPDX-License-Identifier: GPL-2.0
/*
 * Addresses and routes after a reload, with a kernel that does what Linux does:
 * the last IPv4 address of an interface takes all IPv4 routes along, and the first
 * one of a network takes the others of it along.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <arpa/inet.h>
#include <linux/rtnetlink.h>
#include <sodium.h>

#include "apply.h"
#include "log.h"
#include "tap.h"

#define MANY	16

static struct config_address addresses[MANY];
static size_t n_addresses;
static struct route {
	struct pilot_allowed_ip ip;
	uint32_t table;
} routes[MANY];
static size_t n_routes;
static unsigned int gaps;	/* routes that went for a moment */

static bool same_net(const struct config_address *a, const struct config_address *b)
{
	uint32_t mask = htonl(UINT32_MAX << (32 - a->prefix));

	return a->family == AF_INET && b->family == AF_INET && a->prefix == b->prefix &&
	       (a->v4.s_addr & mask) == (b->v4.s_addr & mask);
}

static bool same_address(const struct config_address *a, const struct config_address *b)
{
	return a->family == b->family && a->prefix == b->prefix &&
	       (a->family == AF_INET ? a->v4.s_addr == b->v4.s_addr :
				       !memcmp(&a->v6, &b->v6, sizeof(a->v6)));
}

static void delete_address(const struct config_address *a)
{
	bool first = true, v4 = false;
	size_t i, n = 0;

	for (i = 0; i < n_addresses && !same_address(&addresses[i], a); i++)
		first &= !same_net(&addresses[i], a);
	for (i = 0; i < n_addresses; i++)
		if (!same_address(&addresses[i], a) && !(first && same_net(&addresses[i], a)))
			addresses[n++] = addresses[i];
	n_addresses = n;
	for (i = 0; i < n; i++)
		v4 |= addresses[i].family == AF_INET;
	for (i = 0, n = 0; i < n_routes; i++)
		if (v4 || routes[i].ip.family != AF_INET)
			routes[n++] = routes[i];
	n_routes = n;
}

int rtnl_address(struct rtnl *r, uint32_t ifindex, const struct config_address *a, bool add)
{
	size_t i;

	(void)r;
	(void)ifindex;
	for (i = 0; i < n_addresses && !same_address(&addresses[i], a); i++)
		;
	if (!add)
		delete_address(a);
	else if (i == n_addresses)
		addresses[n_addresses++] = *a;
	return 0;
}

int rtnl_route(struct rtnl *r, uint32_t ifindex, uint32_t table,
	       const struct pilot_allowed_ip *ip, bool add)
{
	size_t i;

	(void)r;
	(void)ifindex;
	for (i = 0; i < n_routes; i++)
		if (routes[i].table == table && !memcmp(&routes[i].ip, ip, sizeof(*ip)))
			break;
	if (add && i < n_routes)
		return -EEXIST;
	if (add)
		routes[n_routes++] = (struct route){ *ip, table };
	else if (i < n_routes)
		routes[i] = routes[--n_routes];
	gaps += !add;
	return 0;
}

int rtnl_link_get(struct rtnl *r, const char *name, struct rtnl_link *link)
{
	(void)r;
	(void)name;
	(void)link;
	return -ENODEV;
}

int rtnl_link_set(struct rtnl *r, uint32_t ifindex, uint32_t mtu)
{
	(void)r;
	(void)ifindex;
	(void)mtu;
	return 0;
}

/* Of the device: its own node ID, and one of a peer. */
static uint32_t own, other;

/* Its firewall mark; and a port that somebody else has. */
static uint32_t mark;
#define BUSY	77

int pilot_device_get(struct pilot_genl *g, const struct pilot_dev *dev,
		     struct pilot_device_info *info)
{
	(void)g;
	(void)dev;
	memset(info, 0, sizeof(*info));
	info->node_id = own;
	return 0;
}

int pilot_device_set(struct pilot_genl *g, const struct pilot_device_info *info)
{
	(void)g;
	if (info->has & PILOT_HAS(PILOT_A_DEVICE_NODE_ID) && info->node_id == other)
		return -EEXIST;
	if (info->has & PILOT_HAS(PILOT_A_DEVICE_LISTEN_PORT) && info->listen_port == BUSY)
		return -EADDRINUSE;
	if (info->has & PILOT_HAS(PILOT_A_DEVICE_NODE_ID))
		own = info->node_id;
	if (info->has & PILOT_HAS(PILOT_A_DEVICE_FWMARK))
		mark = info->fwmark;
	return 0;
}

static bool dumps_fail;

int pilot_peer_dump(struct pilot_genl *g, const struct pilot_dev *dev,
		    struct pilot_peer_info **list, size_t *n)
{
	(void)g;
	(void)dev;
	*list = NULL;
	*n = 0;
	return dumps_fail ? -ENOMEM : 0;
}

int pilot_peer_new(struct pilot_genl *g, const struct pilot_dev *dev,
		   const struct pilot_peer_info *peer)
{
	(void)g;
	(void)dev;
	(void)peer;
	return 0;
}

int pilot_peer_set(struct pilot_genl *g, const struct pilot_dev *dev,
		   const struct pilot_peer_info *peer)
{
	return pilot_peer_new(g, dev, peer);
}

int pilot_peer_del(struct pilot_genl *g, const struct pilot_dev *dev, uint32_t node_id)
{
	(void)g;
	(void)dev;
	if (node_id != other)
		return -ENOENT;
	other = 0;
	return 0;
}

void pilot_peer_list_free(struct pilot_peer_info *list, size_t n)
{
	(void)n;
	free(list);
}

static struct config cfg;
static struct wanted_list wanted;

static void forget(void)
{
	free(wanted.v);
	config_free(&cfg);
	memset(&wanted, 0, sizeof(wanted));
	n_addresses = 0;
	n_routes = 0;
}

/* What follows [tunnel], which says node-id and device. */
static void load(const char *text, bool start)
{
	static const struct registry none;
	struct pilot_genl g = { 0 };
	struct config now, old = cfg;
	struct wanted_list want, old_want = wanted;
	struct textfile t;
	struct applier a;
	char all[512];

	snprintf(all, sizeof(all), "[tunnel]\ndevice = pilot0\nnode-id = 1\nmap-address = no\n%s", text);
	textfile_copy(&t, "conf", all, strlen(all));
	if (config_read(&now, &t) || wanted_make(&want, &now, &none))
		abort();
	textfile_release(&t);
	a = (struct applier){ .g = &g, .table = now.table, .old_table = start ? now.table : old.table };
	gaps = 0;
	a.anew = apply_addresses(&a, &now, start ? NULL : &old);
	apply_peers(&a, &want, start ? NULL : &old_want);
	if (!start) {
		config_free(&old);
		free(old_want.v);
	}
	cfg = now;
	wanted = want;
}

static bool has_route(const char *ip, uint32_t table)
{
	struct in_addr v4;
	size_t i;

	inet_pton(AF_INET, ip, &v4);
	for (i = 0; i < n_routes; i++)
		if (routes[i].ip.family == AF_INET && routes[i].ip.v4.s_addr == v4.s_addr &&
		    routes[i].table == table)
			return true;
	return false;
}

static bool has_only(const char *a, const char *b)
{
	struct in_addr x, y;

	inet_pton(AF_INET, a, &x);
	inet_pton(AF_INET, b, &y);
	return n_addresses == 2 && addresses[0].v4.s_addr == x.s_addr &&
	       addresses[1].v4.s_addr == y.s_addr;
}

/* With node-id = auto the registry gives it when the peers are there already. */
static void test_auto(void)
{
	static struct registry_node v[] = { { .node = 2 }, { .node = 7 } };
	const struct registry reg = { .v = v, .n = 2 };
	struct applier a = { 0 };
	struct pilot_genl g = { 0 };
	struct rtnl rtnl = { 0 };
	struct wanted_list want;
	struct pilot_error err;
	unsigned int i;

	v[0].endpoint.in = v[1].endpoint.in = (struct sockaddr_in){ .sin_family = AF_INET };
	load("[peer 9]\n", true);
	for (i = 0; i < 2; i++) {
		cfg.node = i ? 9 : 7;
		if (wanted_make(&want, &cfg, &reg))
			abort();
		ok(want.n == 2 && !wanted_find(&want, cfg.node), "we are no peer of ourselves");
		free(want.v);
	}
	a.g = &g;
	a.rtnl = &rtnl;
	own = 0;
	other = 9;
	apply_device(&a, &cfg, &err);
	ok(own == 9 && !other, "nor stay one when the node ID is known");
	forget();
}

/* The device takes a request whole or not at all. */
static void test_refused(void)
{
	struct pilot_genl g = { 0 };
	struct rtnl rtnl = { 0 };
	struct applier a = { .g = &g, .rtnl = &rtnl };
	struct pilot_error err;

	load("fwmark = 5\n", true);
	cfg.listen_port = BUSY;
	mark = 0;
	ok(apply_device(&a, &cfg, &err) == -EADDRINUSE && !mark,
	   "a start: what is refused is refused as a whole");
	a.piecemeal = true;
	apply_device(&a, &cfg, &err);
	ok(mark == 5, "a reload: what is refused keeps nothing else back");
	forget();
}

int main(void)
{
	if (sodium_init() < 0)
		return 1;
	log_level(LOG_EMERG);

	load("[peer 2]\n[peer 9]\nallowed-ips = 10.7.0.0/16, 10.8.0.0/16\n", true);
	ok(n_routes == 2, "start: a route for each prefix");
	load("[peer 2]\nallowed-ips = 10.7.0.0/16\n[peer 9]\nallowed-ips = 10.8.0.0/16\n", false);
	ok(has_route("10.7.0.0", RT_TABLE_MAIN) && n_routes == 2 && !gaps,
	   "a prefix goes to a peer before: its route stays");
	load("[peer 2]\n[peer 9]\nallowed-ips = 10.7.0.0/16\n", false);
	ok(has_route("10.7.0.0", RT_TABLE_MAIN) && n_routes == 1 && gaps == 1,
	   "and to one behind; that of one that is nobody's goes");
	load("[peer 3]\nallowed-ips = 10.7.0.0/16\n", false);
	ok(has_route("10.7.0.0", RT_TABLE_MAIN) && n_routes == 1 && !gaps,
	   "and to a new one in the place of a peer that goes");
	load("table = 7\n[peer 2]\nallowed-ips = 10.7.0.0/16\n[peer 3]\n", false);
	ok(has_route("10.7.0.0", 7) && n_routes == 1, "and with another table: in that one only");
	forget();

	load("address = 10.0.0.1/24\n[peer 2]\nallowed-ips = 10.7.0.0/16\n", true);
	load("address = 10.1.0.1/24\n[peer 2]\nallowed-ips = 10.7.0.0/16\n", false);
	ok(n_addresses == 1 && has_route("10.7.0.0", RT_TABLE_MAIN),
	   "another address: the routes stay");
	load("address = 10.1.0.2/24\n[peer 2]\nallowed-ips = 10.7.0.0/16\n", false);
	ok(n_addresses == 1 && has_route("10.7.0.0", RT_TABLE_MAIN),
	   "another one of the same network: address and routes are there");
	forget();

	load("address = 10.0.0.1/24, 10.0.0.2/24, 10.0.0.3/24\n", true);
	load("address = 10.0.0.2/24, 10.0.0.3/24\n", false);
	ok(has_only("10.0.0.2", "10.0.0.3"), "the first address of a network goes: the others stay");
	forget();

	load("[peer 9]\nallowed-ips = 10.7.0.0/16\n", true);
	other = 9;
	dumps_fail = true;
	load("[peer 2]\n", false);
	dumps_fail = false;
	ok(!other && !n_routes, "a peer goes with its routes, also when there is no list of peers");
	forget();
	test_auto();
	test_refused();
	return done();
}
