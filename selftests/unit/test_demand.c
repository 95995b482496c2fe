// SPDX-License-Identifier: GPL-2.0
/* Who becomes a peer on demand, and who goes when idle. */
#include <stdlib.h>
#include <string.h>

#include <sodium.h>

#include "constants.h"
#include "demand.h"
#include "tap.h"

#define IDLE	600000

static struct {
	struct demand *d;
	int64_t now;
	unsigned int resolves, adds, removes, fulls;
	uint32_t node;
	bool refuse;		/* the registry is not there */
	bool at_once;		/* it answers from inside */
	bool known;
	int add_error;
	bool trusted;
} r;

static bool op_resolve(void *ctx, uint32_t node)
{
	(void)ctx;
	r.resolves++;
	r.node = node;
	if (r.at_once)
		demand_resolved(r.d, r.now, node, r.known);
	return !r.refuse;
}

static int op_add(void *ctx, uint32_t node)
{
	(void)ctx;
	r.adds++;
	r.node = node;
	return r.add_error;
}

static void op_remove(void *ctx, uint32_t node)
{
	(void)ctx;
	r.removes++;
	r.node = node;
}

static void op_full(void *ctx, uint32_t node)
{
	(void)ctx;
	(void)node;
	r.fulls++;
}

static const struct demand_ops ops = {
	.resolve = op_resolve,
	.add = op_add,
	.remove = op_remove,
	.full = op_full,
};

static void begin(void)
{
	demand_free(r.d);
	memset(&r, 0, sizeof(r));
	r.now = 1000;
	r.d = demand_new(&ops, NULL);
	demand_set(r.d, true, 3, IDLE);
}

/* One look at a peer with so many packets. */
static void look(int64_t ms, uint32_t node, uint64_t packets, bool proven, bool kept)
{
	const struct demand_peer p = {
		.packets = packets, .proven = proven, .trusted = r.trusted, .kept = kept,
	};

	r.now += ms;
	demand_sync_begin(r.d);
	demand_sync_peer(r.d, r.now, node, &p);
	demand_sync_end(r.d, r.now);
}

static void test_need(void)
{
	begin();
	demand_needed(r.d, r.now, 9, false);
	demand_needed(r.d, r.now, 9, false);
	ok(r.resolves == 1 && r.node == 9 && !r.adds, "needed: asked for, once");
	ok(demand_resolved(r.d, r.now, 9, true) && r.adds == 1, "found: a peer");
	demand_needed(r.d, r.now, 9, false);
	ok(r.resolves == 1 && !demand_resolved(r.d, r.now, 9, true) && r.adds == 1,
	   "a peer already: nothing to do");
	ok(!demand_resolved(r.d, r.now, 10, true) && r.adds == 1, "an answer nobody waits for");

	demand_needed(r.d, r.now, 11, false);
	ok(!demand_resolved(r.d, r.now, 11, false) && r.adds == 1, "not found: no peer");
	demand_needed(r.d, r.now, 11, false);
	ok(r.resolves == 3, "not found: asked again when needed again");
	r.now += DEMAND_ANSWER_MS + 1;
	demand_needed(r.d, r.now, 11, false);
	ok(r.resolves == 4, "no answer: asked again when needed again");
	r.refuse = true;
	demand_needed(r.d, r.now, 12, false);
	r.refuse = false;
	demand_needed(r.d, r.now, 12, false);
	ok(r.resolves == 6, "no registry: asked again");
	r.add_error = -1;
	ok(!demand_resolved(r.d, r.now, 12, true), "the kernel refuses the peer");

	begin();
	r.at_once = true;
	r.known = true;
	demand_needed(r.d, r.now, 9, false);
	ok(r.adds == 1, "an answer from inside: found");
	r.known = false;
	r.refuse = true;
	demand_needed(r.d, r.now, 10, false);
	ok(r.adds == 1, "an answer from inside: not found");
	demand_set(r.d, false, 3, IDLE);
	demand_needed(r.d, r.now, 11, false);
	demand_needed(r.d, r.now, 0, false);
	ok(r.resolves == 2, "switched off: nobody is asked");
}

static void test_limits(void)
{
	uint32_t i;

	begin();
	for (i = 1; i <= 5; i++)
		demand_needed(r.d, r.now, i, false);
	ok(r.resolves == 3 && r.fulls == 2, "three at most");
	demand_resolved(r.d, r.now, 2, false);
	demand_needed(r.d, r.now, 4, false);
	ok(r.resolves == 4, "three at most: one was not found, there is room");

	begin();
	demand_needed(r.d, r.now, 9, true);
	ok(!r.resolves, "a stranger who sends does not become a peer");

	begin();
	demand_sync_begin(r.d);
	for (i = 101; i <= 110; i++)
		demand_called(r.d, r.now, i);
	demand_sync_end(r.d, r.now);
	for (i = 1; i <= 5; i++)
		demand_needed(r.d, r.now, i, false);
	ok(r.resolves == 3 && r.fulls == 2, "ten who call take no place of the three");
	for (i = 101; i <= 105; i++)
		demand_removed(r.d, i);
	demand_needed(r.d, r.now, 4, false);
	demand_needed(r.d, r.now, 106, false);
	ok(r.resolves == 3 && r.fulls == 3, "nor make any when they go");

	begin();
	demand_sync_begin(r.d);
	for (i = 101; i <= 110; i++) {
		const struct demand_peer p = { .proven = true };

		demand_sync_peer(r.d, r.now, i, &p);
	}
	demand_sync_end(r.d, r.now);
	for (i = 1; i <= 5; i++)
		demand_needed(r.d, r.now, i, false);
	ok(r.resolves == 3 && r.fulls == 2, "nor do those that are there after a restart");
}

static void test_idle(void)
{
	begin();
	demand_needed(r.d, r.now, 9, false);
	demand_resolved(r.d, r.now, 9, true);
	look(30000, 9, 5, true, false);
	look(IDLE - 1, 9, 5, true, false);
	ok(!r.removes, "idle, but not for long enough");
	look(1, 9, 6, true, false);
	look(IDLE - 1, 9, 6, true, false);
	ok(!r.removes, "a packet, and the time begins anew");
	look(1, 9, 6, true, false);
	ok(r.removes == 1 && r.node == 9, "idle: removed");
	demand_needed(r.d, r.now, 9, true);
	ok(r.resolves == 2, "and if it still sends, it comes back");

	begin();
	look(0, 9, 5, true, false);
	look(IDLE, 9, 5, true, true);
	ok(!r.removes, "set up by somebody: kept");
	look(0, 9, 5, true, false);
	ok(r.removes == 1, "not any more: removed");

	begin();
	look(0, 9, 0, false, false);
	look(DEMAND_UNPROVEN_MS - 1, 9, 0, false, false);
	ok(!r.removes, "no session: not yet");
	look(1, 9, 0, false, false);
	ok(r.removes == 1, "no session: removed after a minute");
	demand_needed(r.d, r.now, 9, true);
	ok(!r.resolves, "and if it still sends, it may be anybody: it does not come back");

	begin();
	demand_set(r.d, true, 3, 0);
	look(0, 9, 5, true, false);
	look(INT64_C(100) * IDLE, 9, 5, true, false);
	ok(!r.removes && !demand_interval(r.d), "no idle-timeout: never");
	look(0, 10, 5, false, false);
	look(DEMAND_UNPROVEN_MS, 10, 5, false, false);
	ok(r.removes == 1 && r.node == 10, "no idle-timeout: but without a session");

	begin();
	demand_set(r.d, false, 3, IDLE);
	demand_called(r.d, r.now, 9);
	r.trusted = true;
	look(0, 9, 5, true, false);
	r.trusted = false;
	look(INT64_C(100) * IDLE, 9, 5, true, false);
	ok(!r.removes && !demand_interval(r.d), "not on demand: who called once stays");
	demand_called(r.d, r.now, 11);
	look(0, 11, 5, true, false);
	look(IDLE - 1, 11, 5, true, false);
	ok(!r.removes, "not on demand: but who proved no identity");
	look(1, 11, 5, true, false);
	ok(r.removes == 1 && r.node == 11, "not on demand: goes when it is idle");
	r.removes = 0;
	demand_called(r.d, r.now, 10);
	look(0, 10, 0, false, false);
	look(DEMAND_UNPROVEN_MS - 1, 10, 0, false, false);
	ok(!r.removes, "not on demand: who has no session yet stays for a minute");
	look(1, 10, 0, false, false);
	ok(r.removes == 1 && r.node == 10, "not on demand: and goes then");

	begin();
	look(0, 9, 5, true, false);
	demand_set(r.d, true, 3, 10000);
	ok(demand_interval(r.d) == 5000, "looked at often enough");

	begin();
	look(0, 9, 5, true, false);
	demand_sync_begin(r.d);
	demand_sync_end(r.d, r.now);
	demand_needed(r.d, r.now, 9, false);
	ok(r.resolves == 1 && !r.removes, "removed by somebody: forgotten");
	demand_resolved(r.d, r.now, 9, true);
	demand_removed(r.d, 9);
	demand_needed(r.d, r.now, 9, false);
	ok(r.resolves == 2, "removed by somebody: needed again, asked for again");
}

int main(void)
{
	if (sodium_init() < 0)
		return 1;
	test_need();
	test_limits();
	test_idle();
	demand_free(r.d);
	return done();
}
