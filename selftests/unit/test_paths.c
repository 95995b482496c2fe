// SPDX-License-Identifier: GPL-2.0
/*
 * The rules of protocol.rst, section 7, one node at a time: everything it does
 * is recorded, the clock is a number, the kernel is a table.
 */
#include <arpa/inet.h>
#include <stdlib.h>
#include <string.h>

#include "beacon.h"
#include "constants.h"
#include "lib/text.h"
#include "paths.h"
#include "tap.h"

#define ME	7
#define PEER	9
#define PEERS	4096
#define SILENCE	(PEER_SILENCE_SECS * INT64_C(1000))

enum kind { DISCOVER, PUNCH_REQUEST, PUNCH, PROBE, EXCHANGE, SET_PATH,
	    SET_ENDPOINT, RESOLVE, NEED_KEY, NOTICE, KINDS };

/* Something that was done. */
struct act {
	enum kind kind;
	int64_t at;
	uint32_t node;
	bool relayed;
	uint32_t addr;		/* last byte of the address, 0 none */
	int what;		/* path, or notice */
};

struct rig {
	struct paths *ps;
	int64_t now;
	struct {
		bool there;
		struct paths_peer k;
		int64_t rx, tx;	/* when; k's are ages */
		struct pilot_endpoint configured;
	} peer[PEERS];
	bool beacon_answers;
	struct act act[65536];
	size_t n;
};

static struct pilot_endpoint ep(unsigned int last)
{
	struct pilot_endpoint e = { 0 };

	if (!last)
		return e;
	e.in.sin_family = AF_INET;
	e.in.sin_addr.s_addr = htonl(0xc0000200u + last);
	e.in.sin_port = htons(37736);
	return e;
}

static uint32_t last_byte(const struct pilot_endpoint *e)
{
	return e && e->sa.sa_family ? ntohl(e->in.sin_addr.s_addr) & 0xff : 0;
}

static struct act *record(struct rig *r, enum kind kind, uint32_t node)
{
	struct act *a = &r->act[r->n++ % (sizeof(r->act) / sizeof(r->act[0]))];

	*a = (struct act){ .kind = kind, .at = r->now, .node = node };
	return a;
}

static void reply_from(struct rig *r, int type, unsigned int last)
{
	const uint8_t msg[] = { (uint8_t)type, 4, 192, 0, 2, (uint8_t)last, 0x93, 0x68 };

	paths_beacon(r->ps, r->now, msg, sizeof(msg));
}

static void f_beacon(void *ctx, const uint8_t *data, size_t len)
{
	struct rig *r = ctx;
	uint32_t target;

	if (data[0] == PILOT_BEACON_DISCOVER) {
		if (len != 5 || memcmp(data + 1, "\0\0\0\7", 4))
			abort();
		record(r, DISCOVER, 0);
		return;
	}
	if (data[0] != PILOT_BEACON_PUNCH_REQUEST || len != 9 ||
	    memcmp(data + 1, "\0\0\0\7", 4))
		abort();
	memcpy(&target, data + 5, 4);
	record(r, PUNCH_REQUEST, ntohl(target));
}

static void f_punch(void *ctx, const struct pilot_endpoint *to)
{
	record(ctx, PUNCH, 0)->addr = last_byte(to);
}

static void f_probe(void *ctx, uint32_t node, const struct pilot_endpoint *to, bool relayed)
{
	struct act *a = record(ctx, PROBE, node);

	a->relayed = relayed;
	a->addr = last_byte(to);
}

static void f_exchange(void *ctx, uint32_t node, const struct pilot_endpoint *to)
{
	record(ctx, EXCHANGE, node)->addr = last_byte(to);
}

static bool f_peer(void *ctx, uint32_t node, struct paths_peer *k)
{
	struct rig *r = ctx;

	if (!r->peer[node].there)
		return false;
	*k = r->peer[node].k;
	k->last_rx = r->peer[node].rx < 0 ? -1 : r->now - r->peer[node].rx;
	k->last_tx = r->peer[node].tx < 0 ? -1 : r->now - r->peer[node].tx;
	return true;
}

static bool f_set_path(void *ctx, uint32_t node, enum pilot_path path)
{
	struct rig *r = ctx;

	record(r, SET_PATH, node)->what = path;
	r->peer[node].k.active = path;
	return true;
}

static void f_set_endpoint(void *ctx, uint32_t node, const struct pilot_endpoint *e)
{
	struct rig *r = ctx;

	record(r, SET_ENDPOINT, node)->addr = last_byte(e);
	r->peer[node].k.endpoint = *e;
}

static const struct pilot_endpoint *f_configured(void *ctx, uint32_t node)
{
	struct rig *r = ctx;

	return &r->peer[node].configured;
}

static void f_resolve(void *ctx, uint32_t node)
{
	record(ctx, RESOLVE, node);
}

static void f_need_key(void *ctx, uint32_t node)
{
	record(ctx, NEED_KEY, node);
}

static void f_notice(void *ctx, enum paths_notice notice, uint32_t node,
		     const struct pilot_endpoint *e)
{
	struct act *a = record(ctx, NOTICE, node);

	a->what = notice;
	a->addr = last_byte(e);
}

static const struct paths_ops ops = {
	.send_beacon = f_beacon,
	.send_punch = f_punch,
	.send_probe = f_probe,
	.send_exchange = f_exchange,
	.peer = f_peer,
	.set_path = f_set_path,
	.set_endpoint = f_set_endpoint,
	.configured = f_configured,
	.resolve = f_resolve,
	.need_key = f_need_key,
	.notice = f_notice,
};

/* How often something was done since the last clear(); node 0: to anyone. */
static unsigned int count(const struct rig *r, enum kind kind, uint32_t node)
{
	unsigned int n = 0;
	size_t i;

	for (i = 0; i < r->n; i++)
		n += r->act[i].kind == kind && (!node || r->act[i].node == node);
	return n;
}

static unsigned int probes(const struct rig *r, uint32_t node, bool relayed, uint32_t addr)
{
	unsigned int n = 0;
	size_t i;

	for (i = 0; i < r->n; i++)
		n += r->act[i].kind == PROBE && r->act[i].node == node &&
		     r->act[i].relayed == relayed && r->act[i].addr == addr;
	return n;
}

static const struct act *find(const struct rig *r, enum kind kind, size_t nth)
{
	static const struct act none = { .at = -1, .what = -1 };
	size_t i;

	for (i = 0; i < r->n; i++)
		if (r->act[i].kind == kind && !nth--)
			return &r->act[i];
	return &none;
}

static void clear(struct rig *r)
{
	r->n = 0;
}

/* Lets time pass, as the daemon does. */
static void run(struct rig *r, int64_t ms)
{
	int64_t end = r->now + ms, due;

	for (;;) {
		due = paths_next_deadline(r->ps);
		if (due < 0 || due > end)
			break;
		if (due > r->now)
			r->now = due;
		paths_tick(r->ps, r->now);
		if (r->beacon_answers && r->n && r->act[r->n - 1].kind == DISCOVER)
			reply_from(r, PILOT_BEACON_DISCOVER_REPLY, 77);
	}
	r->now = end;
}

static void set_beacon(struct rig *r, unsigned int last)
{
	const struct pilot_endpoint e = ep(last);

	paths_set_beacon(r->ps, r->now, &e);
}

static struct rig *rig_new(void)
{
	struct rig *r = calloc(1, sizeof(*r));

	if (!r)
		abort();
	r->now = 1000000;
	r->ps = paths_new(ME, &ops, r);
	if (!r->ps)
		abort();
	paths_set_silence(r->ps, SILENCE);
	return r;
}

static void rig_free(struct rig *r)
{
	paths_free(r->ps);
	free(r);
}

/* A peer with an endpoint 192.0.2.@last. */
static void peer_is(struct rig *r, uint32_t node, bool ready, enum pilot_path path,
		    enum pilot_path active, unsigned int last)
{
	r->peer[node].there = true;
	r->peer[node].k = (struct paths_peer){
		.ready = ready, .path = path, .active = active, .endpoint = ep(last),
	};
	r->peer[node].rx = ready ? r->now : -1;
	r->peer[node].tx = r->now;
	paths_changed(r->ps, r->now, node);
}

/* A peer that is heard and written to all the time. */
static void live(struct rig *r, uint32_t node, int64_t ms)
{
	int64_t end = r->now + ms;

	while (r->now < end) {
		r->peer[node].rx = r->now;
		r->peer[node].tx = r->now;
		run(r, end - r->now < 1000 ? end - r->now : 1000);
	}
}

static bool has_way(const struct paths_way *w, size_t n, bool relayed, uint32_t addr)
{
	size_t i;

	for (i = 0; i < n; i++)
		if (w[i].relayed == relayed && (relayed || last_byte(&w[i].to) == addr))
			return true;
	return false;
}

static void test_discover(void)
{
	struct rig *r = rig_new();
	static const int64_t backoff[] = { 1000, 3000, 7000, 15000, 31000, 56000, 81000 };
	int64_t t0 = r->now;
	size_t i;

	ok(paths_next_deadline(r->ps) == -1, "no beacon: nothing is ever due");
	paths_discover(r->ps, r->now);
	ok(!count(r, DISCOVER, 0), "no beacon: nothing is sent to it");
	set_beacon(r, 100);
	ok(count(r, DISCOVER, 0) == 1, "discover at the start");
	run(r, 85000);
	for (i = 0; i < 7; i++)
		if (find(r, DISCOVER, i + 1)->at != t0 + backoff[i])
			break;
	ok(i == 7, "no answer: again after 1 s, 2, 4, 8, 16, then every 25");
	ok(count(r, NOTICE, 0) == 1 && find(r, NOTICE, 0)->what == PATHS_BEACON_SILENT &&
	   find(r, NOTICE, 0)->at == t0 + 7000, "no answer: told once");
	clear(r);
	reply_from(r, PILOT_BEACON_DISCOVER_REPLY, 77);
	ok(count(r, NOTICE, 0) == 2 && find(r, NOTICE, 0)->what == PATHS_BEACON_BACK &&
	   find(r, NOTICE, 1)->what == PATHS_REFLEXIVE && find(r, NOTICE, 1)->addr == 77,
	   "an answer: told, and our address");
	ok(last_byte(paths_reflexive(r->ps)) == 77, "our address is remembered");
	reply_from(r, PILOT_BEACON_DISCOVER_REPLY, 78);
	ok(last_byte(paths_reflexive(r->ps)) == 77 && count(r, NOTICE, 0) == 2,
	   "one answer for each question");
	r->beacon_answers = true;
	clear(r);
	run(r, 100000);
	ok(count(r, DISCOVER, 0) == 4 && !count(r, NOTICE, 0),
	   "answered: every 25 s, and nothing to tell");
	ok(find(r, DISCOVER, 1)->at - find(r, DISCOVER, 0)->at == 25000, "25 s it is");
	run(r, 5000);
	clear(r);
	paths_discover(r->ps, r->now);
	ok(count(r, DISCOVER, 0) == 1, "discover after a heartbeat");
	paths_discover(r->ps, r->now);
	ok(count(r, DISCOVER, 0) == 1, "not twice at once");
	reply_from(r, PILOT_BEACON_DISCOVER_REPLY, 79);
	ok(find(r, NOTICE, 0)->what == PATHS_REFLEXIVE && find(r, NOTICE, 0)->addr == 79,
	   "another address is told");
	set_beacon(r, 101);
	ok(!last_byte(paths_reflexive(r->ps)), "another beacon: our address is not known");
	set_beacon(r, 0);
	ok(paths_next_deadline(r->ps) == -1, "beacon taken away: nothing is due any more");
	rig_free(r);
}

static void test_ways(void)
{
	struct paths_way w[PATHS_WAYS];
	struct pilot_endpoint list[6];
	struct rig *r = rig_new();
	size_t i, n;

	n = paths_ways(r->ps, r->now, PEER, w);
	ok(!n, "no such peer: no way");
	peer_is(r, PEER, false, PILOT_PATH_AUTO, PILOT_PATH_DIRECT, 1);
	n = paths_ways(r->ps, r->now, PEER, w);
	ok(n == 1 && has_way(w, n, false, 1), "no beacon: straight");
	set_beacon(r, 100);
	clear(r);
	n = paths_ways(r->ps, r->now, PEER, w);
	ok(n == 2 && has_way(w, n, false, 1) && has_way(w, n, true, 0),
	   "not known to be reachable: straight and through the beacon");
	ok(count(r, PUNCH_REQUEST, PEER) == 1, "and a punch is requested");
	peer_is(r, PEER, false, PILOT_PATH_AUTO, PILOT_PATH_RELAY, 0);
	n = paths_ways(r->ps, r->now, PEER, w);
	ok(n == 1 && has_way(w, n, true, 0), "no address: through the beacon");
	ok(count(r, PUNCH_REQUEST, PEER) == 1, "not a punch request each time");
	clear(r);
	peer_is(r, PEER, true, PILOT_PATH_AUTO, PILOT_PATH_DIRECT, 1);
	n = paths_ways(r->ps, r->now, PEER, w);
	ok(n == 1 && has_way(w, n, false, 1) && !count(r, PUNCH_REQUEST, 0),
	   "reachable: straight only, no punch");
	peer_is(r, PEER, true, PILOT_PATH_AUTO, PILOT_PATH_RELAY, 1);
	n = paths_ways(r->ps, r->now, PEER, w);
	ok(n == 1 && has_way(w, n, true, 0), "reachable by the relay: that only");
	r->peer[PEER].rx = r->now - SILENCE;
	n = paths_ways(r->ps, r->now, PEER, w);
	ok(n == 2, "silent: all ways");
	peer_is(r, PEER, false, PILOT_PATH_DIRECT, PILOT_PATH_DIRECT, 1);
	clear(r);
	r->now += 2000;
	n = paths_ways(r->ps, r->now, PEER, w);
	ok(n == 1 && has_way(w, n, false, 1) && !count(r, PUNCH_REQUEST, 0),
	   "path direct: never through the beacon");
	peer_is(r, PEER, false, PILOT_PATH_RELAY, PILOT_PATH_RELAY, 1);
	n = paths_ways(r->ps, r->now, PEER, w);
	ok(n == 1 && has_way(w, n, true, 0) && !count(r, PUNCH_REQUEST, 0),
	   "path relay: never straight");
	peer_is(r, PEER, false, PILOT_PATH_AUTO, PILOT_PATH_DIRECT, 1);
	r->peer[PEER].configured = ep(2);
	for (i = 0; i < 6; i++)
		list[i] = ep((unsigned int)i + 2);
	paths_resolved(r->ps, r->now, PEER, list, 6);
	n = paths_ways(r->ps, r->now, PEER, w);
	ok(n == 6 && has_way(w, n, false, 1) && has_way(w, n, false, 2) &&
	   has_way(w, n, false, 5) && !has_way(w, n, false, 6) && has_way(w, n, true, 0),
	   "configured and registered addresses too, four of those, each once");
	rig_free(r);
}

static void test_take(void)
{
	struct rig *r = rig_new();

	peer_is(r, PEER, false, PILOT_PATH_AUTO, PILOT_PATH_DIRECT, 1);
	ok(!paths_take(r->ps, PEER, PILOT_PATH_RELAY), "no beacon: no relay");
	set_beacon(r, 100);
	ok(paths_take(r->ps, PEER, PILOT_PATH_RELAY) &&
	   r->peer[PEER].k.active == PILOT_PATH_RELAY, "relay fallback");
	ok(!paths_take(r->ps, PEER, PILOT_PATH_RELAY), "it is relayed already");
	ok(paths_take(r->ps, PEER, PILOT_PATH_DIRECT), "direct again");
	peer_is(r, PEER, false, PILOT_PATH_AUTO, PILOT_PATH_RELAY, 0);
	ok(!paths_take(r->ps, PEER, PILOT_PATH_DIRECT), "no address: not direct");
	peer_is(r, PEER, false, PILOT_PATH_DIRECT, PILOT_PATH_DIRECT, 1);
	ok(!paths_take(r->ps, PEER, PILOT_PATH_RELAY), "path direct: stays");
	ok(!paths_take(r->ps, PEER + 1, PILOT_PATH_RELAY), "no such peer");
	peer_is(r, PEER, true, PILOT_PATH_AUTO, PILOT_PATH_RELAY, 1);
	peer_is(r, PEER + 1, true, PILOT_PATH_RELAY, PILOT_PATH_RELAY, 1);
	clear(r);
	set_beacon(r, 0);
	ok(count(r, SET_PATH, PEER) == 1 && r->peer[PEER].k.active == PILOT_PATH_DIRECT &&
	   !count(r, SET_PATH, PEER + 1),
	   "beacon taken away: direct, but for those that are to be relayed");
	rig_free(r);
}

static void test_retry(void)
{
	struct rig *r = rig_new();
	int64_t t0;

	set_beacon(r, 100);
	r->beacon_answers = true;
	peer_is(r, PEER, true, PILOT_PATH_AUTO, PILOT_PATH_DIRECT, 1);
	clear(r);
	live(r, PEER, 60000);
	ok(!count(r, PROBE, 0) && !count(r, PUNCH_REQUEST, 0), "direct and heard: left alone");
	peer_is(r, PEER, true, PILOT_PATH_AUTO, PILOT_PATH_RELAY, 1);
	t0 = r->now;
	clear(r);
	live(r, PEER, 46500);
	ok(count(r, PUNCH_REQUEST, PEER) == 4 && find(r, PUNCH_REQUEST, 0)->at == t0 + 1000 &&
	   find(r, PUNCH_REQUEST, 1)->at == t0 + 16000 &&
	   find(r, PUNCH_REQUEST, 2)->at == t0 + 31000,
	   "relayed: the direct path is tried after 1 s, then every 15");
	ok(probes(r, PEER, false, 1) >= 3 * DIRECT_ROUNDS && !probes(r, PEER, true, 0),
	   "with probes under the key, not through the beacon");
	ok(!count(r, NEED_KEY, 0) && !count(r, EXCHANGE, 0) && !count(r, SET_PATH, 0) &&
	   !count(r, SET_ENDPOINT, 0), "keys, path and endpoint are left alone");
	ok(count(r, DISCOVER, 0) >= 1, "discover every 25 s while relayed");

	r->peer[PEER].k.active = PILOT_PATH_DIRECT;
	paths_changed(r->ps, r->now, PEER);
	clear(r);
	live(r, PEER, 60000);
	ok(!count(r, PROBE, 0) && !count(r, PUNCH_REQUEST, 0), "direct again: no more of that");

	peer_is(r, PEER, true, PILOT_PATH_RELAY, PILOT_PATH_RELAY, 1);
	live(r, PEER, 60000);
	ok(!count(r, PROBE, 0) && !count(r, PUNCH_REQUEST, 0),
	   "relayed by configuration: the direct path is not tried");
	peer_is(r, PEER, false, PILOT_PATH_AUTO, PILOT_PATH_RELAY, 1);
	run(r, 60000);
	ok(!count(r, PROBE, 0) && !count(r, PUNCH_REQUEST, 0),
	   "no session: left to the key exchange");
	rig_free(r);
}

static void test_punch(void)
{
	struct paths_way w[PATHS_WAYS];
	struct rig *r = rig_new();
	uint32_t i;

	reply_from(r, PILOT_BEACON_PUNCH_COMMAND, 50);
	ok(!count(r, PUNCH, 0), "no beacon: no command counts");
	set_beacon(r, 100);
	clear(r);
	reply_from(r, PILOT_BEACON_PUNCH_COMMAND, 50);
	ok(r->n == 3 && count(r, PUNCH, 0) == 3 && find(r, PUNCH, 2)->addr == 50,
	   "a command nobody asked for: three PILP there, nothing else");
	peer_is(r, PEER, false, PILOT_PATH_AUTO, PILOT_PATH_DIRECT, 1);
	paths_ways(r->ps, r->now, PEER, w);
	clear(r);
	reply_from(r, PILOT_BEACON_PUNCH_COMMAND, 50);
	ok(count(r, PUNCH, 0) == 3 && count(r, EXCHANGE, PEER) == 1 &&
	   find(r, EXCHANGE, 0)->addr == 50 && !count(r, PROBE, 0),
	   "no session: the exchange goes there");
	ok(!count(r, SET_ENDPOINT, 0) && !count(r, SET_PATH, 0), "it moves nothing");
	ok(has_way(w, paths_ways(r->ps, r->now, PEER, w), false, 50),
	   "the next one goes there as well");

	peer_is(r, PEER, true, PILOT_PATH_AUTO, PILOT_PATH_RELAY, 1);
	live(r, PEER, 1100);
	clear(r);
	reply_from(r, PILOT_BEACON_PUNCH_COMMAND, 51);
	ok(count(r, PUNCH, 0) == 3 && probes(r, PEER, false, 51) == 1 && !count(r, EXCHANGE, 0),
	   "a relayed session: a probe goes there");
	live(r, PEER, 1400);
	ok(probes(r, PEER, false, 51) >= 3, "and so do those that follow");
	ok(!count(r, SET_ENDPOINT, 0) && !count(r, SET_PATH, 0), "it moves nothing");

	peer_is(r, PEER, true, PILOT_PATH_AUTO, PILOT_PATH_DIRECT, 1);
	clear(r);
	reply_from(r, PILOT_BEACON_PUNCH_COMMAND, 52);
	ok(r->n == 3, "a direct session: three PILP and nothing else");

	r->now += PUNCH_WAIT_MS + 1;
	peer_is(r, PEER, false, PILOT_PATH_AUTO, PILOT_PATH_DIRECT, 1);
	clear(r);
	reply_from(r, PILOT_BEACON_PUNCH_COMMAND, 53);
	ok(r->n == 3, "too late after the request: three PILP");

	for (i = 20; i < 60; i++) {
		peer_is(r, i, false, PILOT_PATH_AUTO, PILOT_PATH_DIRECT, i);
		paths_ways(r->ps, r->now, i, w);
	}
	ok(count(r, PUNCH_REQUEST, 0) == PUNCHES_PER_SEC, "punch requests are limited");
	clear(r);
	reply_from(r, PILOT_BEACON_PUNCH_COMMAND, 200);
	ok(count(r, EXCHANGE, 0) == PUNCH_GUESSES, "a stranger's address: a few of the peers");
	clear(r);
	reply_from(r, PILOT_BEACON_PUNCH_COMMAND, 23);
	ok(count(r, EXCHANGE, 0) == 1 && count(r, EXCHANGE, 23) == 1,
	   "the address of a peer: that one");
	r->now += 1000;
	clear(r);
	paths_ways(r->ps, r->now, 50, w);
	ok(count(r, PUNCH_REQUEST, 50) == 1, "the next second there are more");
	rig_free(r);
}

static void test_silence(void)
{
	struct pilot_endpoint e;
	struct rig *r = rig_new();
	int64_t t0;

	set_beacon(r, 100);
	r->beacon_answers = true;
	run(r, 10);
	peer_is(r, PEER, true, PILOT_PATH_AUTO, PILOT_PATH_DIRECT, 1);
	r->peer[PEER].configured = ep(2);
	t0 = r->now;
	clear(r);
	r->peer[PEER].tx = r->now + 1;
	run(r, SILENCE - 1);
	ok(!count(r, PROBE, 0), "not yet 55 s: nothing");
	run(r, 1);
	ok(probes(r, PEER, false, 1) == 1 && probes(r, PEER, false, 2) == 1 &&
	   probes(r, PEER, true, 0) == 1 && find(r, PROBE, 0)->at == t0 + SILENCE,
	   "silent for 55 s: probed straight, where it was configured, and by the relay");
	run(r, ROUND_MS * SILENT_ROUNDS - 1);
	ok(probes(r, PEER, false, 1) == SILENT_ROUNDS && !count(r, SET_PATH, 0) &&
	   !count(r, NEED_KEY, 0), "a few times, before anything else");
	clear(r);
	run(r, 2);
	ok(count(r, SET_PATH, PEER) == 1 && find(r, SET_PATH, 0)->what == PILOT_PATH_RELAY,
	   "then: relayed");
	ok(count(r, SET_ENDPOINT, PEER) == 1 && find(r, SET_ENDPOINT, 0)->addr == 2,
	   "then: the configured endpoint");
	ok(count(r, RESOLVE, PEER) == 1 && count(r, NEED_KEY, PEER) == 1,
	   "then: the registry is asked, and a key exchange begins");
	ok(count(r, NOTICE, PEER) == 1 && find(r, NOTICE, 0)->what == PATHS_SILENT, "it is told");
	paths_changed(r->ps, r->now, PEER);
	clear(r);
	run(r, 600000);
	ok(count(r, NEED_KEY, PEER) >= 2 && count(r, NEED_KEY, PEER) <= 4,
	   "it goes on, more and more rarely");
	ok(!count(r, NOTICE, PEER), "and is not told again");
	clear(r);
	live(r, PEER, 2000);
	r->peer[PEER].tx = r->now + 1;
	run(r, SILENCE + 5000);
	ok(count(r, NOTICE, PEER) == 1, "heard, and silent again: told again");

	/* A registry must not move a peer that has a configured address. */
	clear(r);
	e = ep(9);
	paths_resolved(r->ps, r->now, PEER, &e, 1);
	ok(!count(r, SET_ENDPOINT, 0), "the registry does not win over the configuration");
	r->peer[PEER].configured = ep(0);
	paths_resolved(r->ps, r->now, PEER, &e, 1);
	ok(count(r, SET_ENDPOINT, PEER) == 1, "without one, a silent peer is where it says");
	run(r, 100);
	ok(probes(r, PEER, false, 9) == 1, "and is probed there at once");

	peer_is(r, PEER, true, PILOT_PATH_AUTO, PILOT_PATH_DIRECT, 1);
	live(r, PEER, 1000);
	clear(r);
	paths_resolved(r->ps, r->now, PEER, &e, 1);
	run(r, 2000);
	ok(!r->n || (r->n == count(r, DISCOVER, 0)), "a registry that lies moves no peer that is heard");
	e = ep(8);
	peer_is(r, PEER, false, PILOT_PATH_AUTO, PILOT_PATH_DIRECT, 0);
	paths_resolved(r->ps, r->now, PEER, &e, 1);
	ok(count(r, SET_ENDPOINT, PEER) == 1 && count(r, EXCHANGE, PEER) == 1,
	   "a peer without address and session: there, and the exchange too");
	rig_free(r);

	/* No beacon, so that the path stays; the endpoint is configured, and stays. */
	r = rig_new();
	peer_is(r, PEER, true, PILOT_PATH_AUTO, PILOT_PATH_DIRECT, 1);
	r->peer[PEER].configured = ep(1);
	r->peer[PEER].tx = r->now + 1;
	run(r, SILENCE + ROUND_MS * SILENT_ROUNDS + 1000);
	ok(count(r, RESOLVE, PEER) == 1, "silent, no beacon: the registry is asked");
	clear(r);
	e = ep(9);
	paths_resolved(r->ps, r->now, PEER, &e, 1);
	run(r, 2000);
	ok(probes(r, PEER, false, 9) > 1 && !count(r, SET_ENDPOINT, 0),
	   "and the peer is probed where it says");
	rig_free(r);
}

/* It may have let us go: whatever is longer than a keepalive would call it back. */
static void test_silence_dynamic(void)
{
	struct rig *r = rig_new();

	set_beacon(r, 100);
	r->beacon_answers = true;
	peer_is(r, PEER, true, PILOT_PATH_AUTO, PILOT_PATH_DIRECT, 1);
	r->peer[PEER].k.dynamic = true;
	r->peer[PEER].k.tx_packets = 5;
	live(r, PEER, SILENCE);
	clear(r);
	r->peer[PEER].tx = r->now + 1;
	run(r, 600000);
	ok(!count(r, PROBE, 0) && !count(r, NEED_KEY, 0), "a dynamic peer need not answer keepalives");
	r->peer[PEER].k.tx_packets = 6;
	run(r, LATE_MS + 1);
	ok(probes(r, PEER, false, 1) >= 1, "but the next packet, soon");
	run(r, SILENT_ROUNDS * ROUND_MS);
	ok(count(r, NEED_KEY, PEER) == 1, "then a key exchange begins");
	clear(r);
	run(r, 600000);
	ok(count(r, PROBE, 0) <= 2 * DIRECT_ROUNDS && !count(r, NEED_KEY, 0),
	   "for that packet only once; relayed by now, the direct path is tried");
	r->peer[PEER].k.tx_packets = 7;
	run(r, 4 * SILENCE);
	ok(count(r, NEED_KEY, PEER) == 1, "and once more for another");

	peer_is(r, PEER, true, PILOT_PATH_AUTO, PILOT_PATH_RELAY, 1);
	r->peer[PEER].k.dynamic = true;
	r->peer[PEER].k.tx_packets = 8;
	live(r, PEER, 2 * DIRECT_RETRY_MS);
	clear(r);
	live(r, PEER, 10 * DIRECT_RETRY_MS);
	ok(!count(r, PROBE, 0), "relayed and idle: the direct path is not tried");
	r->peer[PEER].k.tx_packets = 9;
	live(r, PEER, DIRECT_RETRY_MS + 5000);
	ok(probes(r, PEER, false, 1) == DIRECT_ROUNDS, "relayed, with a packet: it is, once");
	rig_free(r);
}

static void test_silence_exceptions(void)
{
	struct rig *r = rig_new();

	set_beacon(r, 100);
	r->beacon_answers = true;
	peer_is(r, PEER, true, PILOT_PATH_AUTO, PILOT_PATH_DIRECT, 1);
	r->peer[PEER].tx = r->now - 1;
	clear(r);
	run(r, 600000);
	ok(!count(r, PROBE, 0), "who is not spoken to need not answer");

	peer_is(r, PEER, true, PILOT_PATH_AUTO, PILOT_PATH_DIRECT, 1);
	r->peer[PEER].tx = r->now + 1;
	run(r, SILENCE + ROUND_MS);
	r->peer[PEER].rx = r->now;
	clear(r);
	run(r, 10000);
	ok(!count(r, SET_PATH, 0) && !count(r, NEED_KEY, 0) && !count(r, PROBE, 0),
	   "an answer to a probe: all is well");

	peer_is(r, PEER, true, PILOT_PATH_DIRECT, PILOT_PATH_DIRECT, 1);
	r->peer[PEER].tx = r->now + 1;
	clear(r);
	run(r, SILENCE + 10000);
	ok(probes(r, PEER, false, 1) == SILENT_ROUNDS && !probes(r, PEER, true, 0) &&
	   !count(r, SET_PATH, 0) && !count(r, PUNCH_REQUEST, 0) && count(r, NEED_KEY, PEER) == 1,
	   "path direct: stays direct");
	peer_is(r, PEER, true, PILOT_PATH_RELAY, PILOT_PATH_RELAY, 1);
	r->peer[PEER].tx = r->now + 1;
	clear(r);
	run(r, SILENCE + 10000);
	ok(probes(r, PEER, true, 0) == SILENT_ROUNDS && !probes(r, PEER, false, 1),
	   "path relay: stays relayed");

	peer_is(r, PEER, true, PILOT_PATH_AUTO, PILOT_PATH_RELAY, 1);
	r->peer[PEER].tx = r->now + 1;
	run(r, 10000);
	paths_discover(r->ps, r->now);
	reply_from(r, PILOT_BEACON_DISCOVER_REPLY, 77);
	run(r, SILENCE - 11000);
	clear(r);
	run(r, 1000);
	ok(count(r, DISCOVER, 0) == 1, "relayed: the beacon is told again where we are");

	r->beacon_answers = false;
	run(r, 60000);
	peer_is(r, PEER, true, PILOT_PATH_AUTO, PILOT_PATH_DIRECT, 1);
	r->peer[PEER].tx = r->now + 1;
	clear(r);
	run(r, SILENCE + 10000);
	ok(!count(r, SET_PATH, 0) && count(r, NEED_KEY, PEER) == 1,
	   "the beacon is silent too: no peer is given to it");

	paths_set_silence(r->ps, 0);
	peer_is(r, PEER, true, PILOT_PATH_AUTO, PILOT_PATH_DIRECT, 1);
	r->peer[PEER].tx = r->now + 1;
	clear(r);
	run(r, 600000);
	ok(!count(r, PROBE, 0), "switched off");
	rig_free(r);
}

/* Ten minutes without the beacon: what is direct does not notice. */
static void test_outage(void)
{
	struct rig *r = rig_new();
	uint32_t i;

	set_beacon(r, 100);
	r->beacon_answers = true;
	run(r, 1000);
	for (i = 1; i < 20; i++)
		peer_is(r, i, true, PILOT_PATH_AUTO, PILOT_PATH_DIRECT, i);
	r->beacon_answers = false;
	clear(r);
	while (r->now < 1000000 + 601000) {
		for (i = 1; i < 20; i++)
			r->peer[i].rx = r->peer[i].tx = r->now;
		run(r, 1000);
	}
	ok(!count(r, PROBE, 0) && !count(r, SET_PATH, 0) && !count(r, SET_ENDPOINT, 0) &&
	   !count(r, NEED_KEY, 0), "ten minutes without the beacon: direct peers are left alone");
	ok(count(r, NOTICE, 0) == 1 && count(r, DISCOVER, 0) < 35,
	   "one line in the log, and no storm");
	r->beacon_answers = true;
	clear(r);
	run(r, BEACON_KEEP_MS);
	ok(count(r, NOTICE, 0) == 1 && find(r, NOTICE, 0)->what == PATHS_BEACON_BACK,
	   "back: seen within 25 s");
	rig_free(r);
}

static void test_sync(void)
{
	struct paths_peer k = { .path = PILOT_PATH_AUTO };
	struct rig *r = rig_new();
	unsigned int first;
	uint32_t i;

	set_beacon(r, 100);
	r->beacon_answers = true;
	peer_is(r, PEER, true, PILOT_PATH_AUTO, PILOT_PATH_RELAY, 1);
	paths_sync_begin(r->ps);
	paths_sync_end(r->ps);
	clear(r);
	run(r, 20000);
	ok(!count(r, PROBE, 0), "not in the dump: forgotten");
	r->peer[PEER].rx = r->now;
	paths_sync_begin(r->ps);
	f_peer(r, PEER, &k);
	paths_sync_peer(r->ps, r->now, PEER, &k);
	paths_sync_end(r->ps);
	run(r, 2000);
	ok(count(r, PROBE, PEER), "in the dump: looked after, without an event");
	paths_remove(r->ps, PEER);
	clear(r);
	run(r, 20000);
	ok(!count(r, PROBE, 0), "removed: forgotten");

	for (i = 1; i < PEERS; i++) {
		peer_is(r, i, true, PILOT_PATH_AUTO, PILOT_PATH_RELAY, i % 200 + 1);
		r->peer[i].rx = r->now + 1000000;
	}
	clear(r);
	run(r, DIRECT_FIRST_MS);
	first = count(r, PROBE, 0);
	ok(first && first <= PATHS_PER_TICK, "many peers: so many at a time");
	clear(r);
	run(r, PEERS / PATHS_PER_TICK * TICK_SPACING_MS * DIRECT_ROUNDS + 20000);
	for (i = 1; i < PEERS && probes(r, i, false, i % 200 + 1); i++)
		i += 97;
	ok(i >= PEERS, "but all of them");
	rig_free(r);
}

int main(void)
{
	test_discover();
	test_ways();
	test_take();
	test_retry();
	test_punch();
	test_silence();
	test_silence_dynamic();
	test_silence_exceptions();
	test_outage();
	test_sync();
	return done();
}
