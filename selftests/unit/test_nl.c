// SPDX-License-Identifier: GPL-2.0
/*
 * What the daemon does while it has no device: nothing, and without an accident.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <arpa/inet.h>
#include <sodium.h>

#include "kex.h"
#include "lib/cmd.h"
#include "log.h"
#include "nl_demand.h"
#include "nl_private.h"
#include "nl_registry.h"
#include "tap.h"

#define ME	1
#define PEER	2

static struct config cfg;
static struct registry reg;
static struct nl nl = { .cfg = &cfg, .reg = &reg };

static void start(const struct pilot_identity *id, bool unauth)
{
	const struct manager_config mcfg = {
		.node = ME, .identity = id, .allow_unauth = unauth, .max_peers = 16,
	};

	nl.m = manager_new(&mcfg, &nl_ops, &nl);
	nl.paths = paths_new(ME, &nl_paths_ops, &nl);
}

static void stop(void)
{
	manager_free(nl.m);
	paths_free(nl.paths);
}

static void frame(const uint8_t *data, size_t len)
{
	const struct pilot_endpoint from = { .in = {
		.sin_family = AF_INET, .sin_port = htons(4000),
		.sin_addr.s_addr = htonl(0xc0000202),
	} };

	manager_frame(nl.m, nl_now(), &from, false, data, len);
}

static void test_requests(void)
{
	const struct pilot_frame_info out = { .data = (const uint8_t *)"PILP", .len = 4 };
	struct pilot_peer_info peer, *peers;
	struct pilot_key_info *keys;
	struct pilot_device_info dev = { 0 };
	size_t n;

	ok(pilot_device_get(&nl.cmd, &nl.dev, &dev) == -ENOTCONN &&
	   pilot_device_set(&nl.cmd, &dev) == -ENOTCONN &&
	   pilot_peer_get(&nl.cmd, &nl.dev, PEER, &peer) == -ENOTCONN &&
	   pilot_peer_dump(&nl.cmd, &nl.dev, &peers, &n) == -ENOTCONN &&
	   pilot_peer_del(&nl.cmd, &nl.dev, PEER) == -ENOTCONN &&
	   pilot_key_get(&nl.cmd, &nl.dev, PEER, &keys, &n) == -ENOTCONN &&
	   pilot_key_dump(&nl.cmd, &nl.dev, &keys, &n) == -ENOTCONN &&
	   pilot_handler_register(&nl.cmd, &nl.dev) == -ENOTCONN &&
	   pilot_frame_send(&nl.cmd, &nl.dev, &out) == -ENOTCONN &&
	   pilot_probe(&nl.cmd, &nl.dev, &out) == -ENOTCONN &&
	   pilot_rekey(&nl.cmd, &nl.dev, PEER) == -ENOTCONN && *nl.cmd.err.text,
	   "requests on a closed socket fail");
}

/* A device can go while a registry is asked, or between two heartbeats. */
static void test_away(void)
{
	const struct pilot_endpoint beacon = { .in = {
		.sin_family = AF_INET, .sin_port = htons(9001),
		.sin_addr.s_addr = htonl(0xc0000201),
	} };
	struct registry_node known = { .node = PEER };
	struct pilot_identity id, other;
	uint8_t pila[PILOT_PILA_LEN];
	struct kex_pair pair;

	if (pilot_identity_new(&id, NULL) || pilot_identity_new(&other, NULL) ||
	    kex_pair_new(&pair))
		abort();
	memcpy(known.key, other.pub, sizeof(known.key));
	reg.v = &known;
	reg.n = 1;
	start(&id, false);
	kex_build_pila(pila, PEER, pair.pub, &other);
	frame(pila, sizeof(pila));
	ok(true, "no device: a peer's identity is known now");
	paths_set_beacon(nl.paths, nl_now(), &beacon);
	ok(true, "no device: nothing for the beacon");
	ok(nl_demand_ops.add(&nl, PEER) < 0, "no device: no peer");
	stop();
	reg.n = 0;
	kex_pair_wipe(&pair);
	pilot_identity_free(&id);
	pilot_identity_free(&other);
}

/* S4: with a registry that is configured, but not in service (no memory, TLS). */
static void test_no_client(void)
{
	uint8_t pilk[PILOT_PILK_LEN];
	struct kex_pair pair;

	if (kex_pair_new(&pair))
		abort();
	kex_build_pilk(pilk, PEER, pair.pub);
	cfg.tcp.client.n_servers = 1;
	start(NULL, true);
	frame(pilk, sizeof(pilk));
	ok(manager_next_deadline(nl.m) < 0, "no client of the registry: a PILK is refused");
	stop();
	cfg.tcp.client.n_servers = 0;
	start(NULL, true);
	frame(pilk, sizeof(pilk));
	ok(manager_next_deadline(nl.m) >= 0, "no registry: it is answered");
	stop();
	kex_pair_wipe(&pair);
}

static unsigned int checks;

static void on_check(evutil_socket_t fd, short what, void *data)
{
	(void)fd;
	(void)what;
	(void)data;
	checks++;
}

/* Timers of the loop stand still while the machine sleeps, our clock does not. */
static void test_slept(void)
{
	const struct timeval left = { .tv_sec = 29 };
	unsigned int i;

	nl.base = event_base_new();
	nl.ev_check = evtimer_new(nl.base, on_check, NULL);
	nl.check_at = nl_now() + 29000;
	nl.checked_at = nl_now() - 1000;
	event_add(nl.ev_check, &left);
	nl.check_at -= 3600000;
	nl.checked_at -= 3600000;
	/* As often as events come: it must come all the same. */
	for (i = 0; i < 50; i++) {
		nl_check_soon(&nl);
		event_base_loop(nl.base, EVLOOP_NONBLOCK);
	}
	ok(checks == 1, "slept: the next look at the device is not put off");
	event_free(nl.ev_check);
	event_base_free(nl.base);
}

static char heard[4096];

/* What the registry has heard, once @text is in it, or after two seconds. */
static bool hears(int listener, int *fd, const char *text)
{
	size_t n = strlen(heard);
	unsigned int i;
	ssize_t got;

	for (i = 0; i < 2000 && !strstr(heard, text); i++) {
		event_base_loop(nl.base, EVLOOP_NONBLOCK);
		if (*fd < 0)
			*fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK);
		got = *fd < 0 ? 0 : recv(*fd, heard + n, sizeof(heard) - 1 - n, 0);
		for (; got > 0; got--, n++)
			if (!heard[n])
				heard[n] = ' ';
		usleep(1000);
	}
	return strstr(heard, text);
}

/* The port of the device, which may not be what the configuration asks for. */
static void test_port(void)
{
	struct sockaddr_in sin = {
		.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK),
	};
	struct registry_tcp_config *client = &cfg.tcp.client;
	int listener = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0), fd = -1;
	socklen_t len = sizeof(sin);
	struct pilot_identity id;

	if (pilot_identity_new(&id, NULL) || bind(listener, (struct sockaddr *)&sin, sizeof(sin)) ||
	    listen(listener, 1) || getsockname(listener, (struct sockaddr *)&sin, &len))
		abort();
	*client = (struct registry_tcp_config){
		.n_servers = 1, .do_register = true, .visibility = -1,
		.times = REGISTRY_TIMES_DEFAULT,
	};
	strcpy(client->servers[0].host, "127.0.0.1");
	client->servers[0].port = ntohs(sin.sin_port);
	cfg.node = ME;
	cfg.listen_port = 1111;
	nl.listen_port = 2222;
	nl.id = &id;
	nl.base = event_base_new();
	nl.ev_check = evtimer_new(nl.base, on_check, NULL);
	nl_registry_start(&nl);
	ok(hears(listener, &fd, "\"127.0.0.1:2222\""), "the registry hears the port of the device");
	nl.listen_port = 3333;
	nl_registry_set_port(&nl);
	ok(hears(listener, &fd, "\"127.0.0.1:3333\"") && !strstr(heard, "1111"),
	   "and another one, whoever has set it");
	nl_registry_start(&nl);
	ok(nl.registry && !hears(listener, &fd, "1111"), "and no other at a reload");
	nl_registry_free(&nl);
	close(fd);
	close(listener);
	event_free(nl.ev_check);
	event_base_free(nl.base);
	pilot_identity_free(&id);
}

int main(void)
{
	if (sodium_init() < 0)
		return 1;
	log_level(LOG_EMERG);
	test_requests();
	test_away();
	test_no_client();
	test_slept();
	test_port();
	return done();
}
