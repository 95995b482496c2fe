// SPDX-License-Identifier: GPL-2.0
/*
 * Managers back to back, over the network and the kernels of sim.c: whatever
 * is lost, doubled, late or restarted, both ends get to one key, and then fall
 * silent.
 */
#include <stdlib.h>
#include <string.h>

#include <sodium.h>

#include "constants.h"
#include "kex.h"
#include "sim.h"
#include "tap.h"

static struct sim s;

static void begin(void)
{
	sim_init(&s, 2, 42);
}

/* A working session, and the counters at zero. */
static void begin_agreed(void)
{
	begin();
	sim_data(&s, 0, 1);
	sim_run(&s, 5000);
	if (!sim_agreed(&s, 0, 1))
		ok(false, "no session to begin with");
	sim_run(&s, 5000);
	s.node[0].pila_sent = s.node[1].pila_sent = 0;
	s.node[0].peers[1].delivered = s.node[1].peers[0].delivered = 0;
}

static bool silent(void)
{
	unsigned int n = sim_frames(&s);

	sim_run(&s, 120000);
	return sim_frames(&s) == n && sim_agreed(&s, 0, 1);
}

static void plain(void)
{
	begin();
	sim_data(&s, 0, 1);
	sim_run(&s, 100);
	ok(sim_agreed(&s, 0, 1), "plain: agreed within 100 ms at 20 ms round trip");
	ok(sim_frames(&s) == 3 && silent(), "plain: three frames, then silence");
	ok(s.node[0].peers[1].installs == 1 && s.node[1].peers[0].installs == 1,
	   "plain: one key");
	sim_release(&s);
}

/* Drop plan: bit i loses the i-th key exchange frame of the run. */
static uint32_t losses;
static unsigned int counted;

static bool drop_planned(struct sim *sim, unsigned int from, unsigned int to,
			 const uint8_t *frame, size_t len)
{
	(void)sim;
	(void)from;
	(void)to;
	(void)frame;
	(void)len;
	return counted < 32 && losses & (UINT32_C(1) << counted++);
}

static void lost_frames(void)
{
	unsigned int worst = 0;
	bool good = true, quiet = true;

	begin();
	s.drop = drop_planned;
	losses = 1;
	counted = 0;
	sim_data(&s, 0, 1);
	sim_run(&s, REKEY_RETRANSMIT_MS + 100);
	ok(sim_agreed(&s, 0, 1) && silent(), "lost first frame: healed by the first retry");
	sim_release(&s);

	begin();
	s.drop = drop_planned;
	losses = 2;
	counted = 0;
	sim_data(&s, 0, 1);
	sim_run(&s, REKEY_RETRANSMIT_MS + 100);
	ok(sim_agreed(&s, 0, 1) && silent(), "lost answer: healed by the first retry");
	sim_release(&s);

	/* Every way to lose some of the first eight frames. */
	for (losses = 0; losses < 256; losses++) {
		begin();
		s.drop = drop_planned;
		counted = 0;
		sim_data(&s, 0, 1);
		if (losses & 1)
			sim_data(&s, 1, 0);
		sim_run(&s, 6 * REKEY_RETRANSMIT_MS);
		if (!sim_agreed(&s, 0, 1)) {
			/* all of one side's tries may be among the lost ones */
			sim_run(&s, 10000);
			sim_data(&s, 0, 1);
			sim_run(&s, 6 * REKEY_RETRANSMIT_MS);
		}
		if (!sim_agreed(&s, 0, 1)) {
			diag("losses %#x: not agreed", losses);
			good = false;
		} else if (!silent()) {
			diag("losses %#x: not silent", losses);
			quiet = false;
		}
		if (sim_frames(&s) > worst)
			worst = sim_frames(&s);
		sim_release(&s);
	}
	ok(good, "lost frames: agreed whichever of the first eight are lost");
	ok(quiet, "lost frames: silent afterwards");
	ok(worst <= 24, "lost frames: at most %u frames", worst);
}

static void simultaneous(void)
{
	int64_t offset;
	bool good = true, quiet = true;
	unsigned int worst = 0;

	/* The other side starts up to two round trips later. */
	for (offset = 0; offset <= 40; offset++) {
		begin();
		sim_data(&s, 0, 1);
		sim_run(&s, offset);
		sim_data(&s, 1, 0);
		sim_run(&s, 100);
		good &= sim_agreed(&s, 0, 1);
		quiet &= silent();
		if (sim_frames(&s) > worst)
			worst = sim_frames(&s);
		sim_release(&s);
	}
	ok(good, "both start: agreed within a few round trips");
	ok(quiet && worst <= 6, "both start: at most %u frames, then silence", worst);

	for (offset = 0; offset <= 40; offset++) {
		begin();
		s.drop = drop_planned;
		losses = 1;
		counted = 0;
		sim_data(&s, 0, 1);
		sim_run(&s, offset);
		sim_data(&s, 1, 0);
		sim_run(&s, 100);
		good &= sim_agreed(&s, 0, 1);
		sim_release(&s);
	}
	ok(good, "both start, first frame lost: healed at once by the other's");

	good = quiet = true;
	for (offset = 0; offset <= 40; offset++) {
		begin_agreed();
		sim_user_rekey(&s, 0, 1);
		sim_run(&s, offset);
		sim_user_rekey(&s, 1, 0);
		sim_run(&s, 200);
		good &= sim_agreed(&s, 0, 1);
		quiet &= silent();
		sim_release(&s);
	}
	ok(good && quiet, "both rekey: agreed within a few round trips, then silence");

	good = true;
	for (offset = 0; offset <= 40; offset++) {
		begin_agreed();
		s.drop = drop_planned;
		losses = 1 << (offset % 4);
		counted = 0;
		sim_user_rekey(&s, 0, 1);
		sim_run(&s, offset);
		sim_user_rekey(&s, 1, 0);
		sim_run(&s, REKEY_RETRANSMIT_MS + 500);
		good &= sim_agreed(&s, 0, 1);
		sim_release(&s);
	}
	ok(good, "both rekey, a frame lost: healed by the first retry");
}

static void storms(void)
{
	unsigned int i, n;
	int64_t delays[] = { 1, 100, 260, 600, 1100, 3000, 5000 };
	bool good = true, agreed = true;
	unsigned int worst = 0;

	/* The kernels never hear each other: no key is ever proven. */
	begin();
	s.pils_loss = 100;
	sim_data(&s, 0, 1);
	sim_data(&s, 1, 0);
	sim_run(&s, 60000);
	n = sim_frames(&s);
	sim_run(&s, 600000);
	ok(n <= 30 && sim_frames(&s) == n, "never proven: %u frames, then silence", n);
	sim_release(&s);

	for (i = 0; i < sizeof(delays) / sizeof(delays[0]); i++) {
		begin();
		s.delay_min = s.delay_max = delays[i];
		sim_data(&s, 0, 1);
		sim_data(&s, 1, 0);
		sim_run(&s, 60000);
		if (!sim_agreed(&s, 0, 1)) {
			diag("one way %d ms: not agreed", (int)delays[i]);
			agreed = false;
		}
		n = sim_frames(&s);
		sim_run(&s, 120000);
		good &= sim_frames(&s) == n;
		if (n > worst)
			worst = n;
		sim_release(&s);
	}
	ok(agreed, "slow paths: agreed with up to 10 s round trip");
	ok(good && worst <= 40, "slow paths: at most %u frames, then silence", worst);
}

static void restarts(void)
{
	int64_t at;
	unsigned int who;
	bool good = true, kept = true, quiet = true;

	for (at = 0; at <= 60; at += 2) {
		for (who = 0; who < 2; who++) {
			begin();
			sim_data(&s, 0, 1);
			sim_run(&s, at);
			sim_restart_daemon(&s, who);
			sim_run(&s, 2 * REKEY_RETRANSMIT_MS);
			sim_data(&s, 0, 1);
			sim_run(&s, 6000);
			if (!sim_agreed(&s, 0, 1)) {
				diag("daemon %u restarted after %d ms: not agreed",
				     who, (int)at);
				good = false;
			}
			quiet &= silent();
			sim_release(&s);
		}
	}
	ok(good && quiet, "daemon restarted in the middle of an exchange");

	begin_agreed();
	sim_restart_daemon(&s, 0);
	sim_restart_daemon(&s, 1);
	sim_data(&s, 0, 1);
	sim_data(&s, 1, 0);
	sim_run(&s, 1000);
	kept = s.node[0].peers[1].delivered == 1 && s.node[1].peers[0].delivered == 1;
	ok(kept && sim_frames(&s) == 0 && silent(),
	   "daemon restarted: the session goes on, not one frame sent");
	sim_release(&s);

	begin_agreed();
	sim_restart_daemon(&s, 1);
	sim_user_rekey(&s, 0, 1);
	sim_run(&s, 200);
	ok(sim_agreed(&s, 0, 1) && silent(), "daemon restarted: rekeyed from the other end");
	sim_release(&s);

	good = true;
	for (at = 0; at <= 200; at += 10) {
		begin_agreed();
		sim_user_rekey(&s, 1, 0);
		sim_run(&s, at);
		sim_restart_node(&s, 0);
		sim_run(&s, 1200);
		good &= sim_agreed(&s, 0, 1);
		quiet = silent();
		sim_release(&s);
		if (!good || !quiet)
			break;
	}
	ok(good && quiet, "node restarted: back within a round trip and a second");

	good = true;
	for (at = 0; at <= 100; at += 5) {
		begin_agreed();
		sim_restart_node(&s, 0);
		sim_run(&s, at);
		sim_restart_node(&s, 1);
		sim_run(&s, 6000);
		good &= sim_agreed(&s, 0, 1);
		sim_release(&s);
	}
	ok(good, "both nodes restarted");
}

/* A PILA of a node to whom it has not sent it yet. */
static void old_pila(unsigned int of, uint8_t *frame)
{
	struct kex_pair x = { 0 };

	if (kex_pair_new(&x))
		abort();
	kex_build_pila(frame, of + 1, x.pub, &s.node[of].identity);
	kex_pair_wipe(&x);
}

/* One old PILA, for a node that has never heard of the other, and then packets. */
static void replay_before_contact(void)
{
	uint8_t frame[PILOT_PILA_LEN];
	struct sim_peer *p;
	unsigned int i;

	begin();
	p = &s.node[0].peers[1];
	memset(p, 0, sizeof(*p));
	p->need_at = s.now - 10000;
	sim_restart_daemon(&s, 0);
	old_pila(1, frame);
	sim_inject(&s, 0, 0x0b000001, frame, sizeof(frame));
	sim_run(&s, 2000);
	ok(p->addr == 0x0b000001 && p->slot[SIM_CURRENT].used,
	   "replay before contact: a key and an endpoint, there is nothing better");
	i = sim_frames(&s);
	sim_run(&s, 60000);
	ok(sim_frames(&s) == i, "replay before contact: nothing is sent, nothing asked");
	for (i = 0; i < 120; i++) {
		sim_data(&s, 0, 1);
		sim_run(&s, 500);
	}
	i = s.node[1].peers[0].delivered;
	ok(i >= 50 && p->addr == s.node[1].addr,
	   "replay before contact: %u of 120 packets delivered", i);
	ok(silent(), "replay before contact: silent in the end");
	sim_release(&s);
}

/* Somebody sends PILK in the name of a peer that has an authenticated session. */
static void forged_pilk(void)
{
	unsigned int i, installs;

	begin_agreed();
	installs = s.node[0].peers[1].installs + s.node[1].peers[0].installs;
	for (i = 0; i < 1200; i++) {
		uint8_t frame[PILOT_PILK_LEN];
		struct kex_pair x = { 0 };

		if (kex_pair_new(&x))
			abort();
		kex_build_pilk(frame, 1, x.pub);
		kex_pair_wipe(&x);
		if (i % 20 == 0)
			sim_inject(&s, 1, s.node[0].addr, frame, sizeof(frame));
		sim_data(&s, 0, 1);
		sim_data(&s, 1, 0);
		sim_run(&s, 50);
	}
	sim_run(&s, 100);
	ok(s.node[0].peers[1].installs + s.node[1].peers[0].installs == installs,
	   "forged PILK: no new key");
	ok(s.node[0].peers[1].delivered == 1200 && s.node[1].peers[0].delivered == 1200 &&
	   silent(), "forged PILK: no packet lost, silent in the end");
	sim_release(&s);
}

/* An attacker has every PILA that was ever sent and sends them again. */
static void replays(void)
{
	unsigned int i, j, n, round;
	bool good = true, flows = true;

	begin_agreed();
	/* One that node 2 never saw: node 1 sent it to someone else. */
	for (round = 0; round < 10; round++) {
		uint8_t frame[PILOT_PILA_LEN];

		old_pila(0, frame);
		sim_inject(&s, 1, 0x0b000001, frame, sizeof(frame));
		for (j = 0; j < 300; j++) {
			/* one direction only: node 2 hears nothing back */
			sim_data(&s, 1, 0);
			sim_run(&s, 10);
		}
		good &= sim_agreed(&s, 0, 1);
	}
	sim_run(&s, 100);
	n = s.node[0].peers[1].delivered;
	ok(n == 3000, "replayed PILA: %u of 3000 packets delivered", n);
	ok(good && silent(), "replayed PILA: agreed all the time, silent in the end");
	ok(s.node[1].peers[0].addr == s.node[0].addr, "replayed PILA: no endpoint moved");
	sim_release(&s);

	begin_agreed();
	for (i = 0; i < 5; i++) {
		sim_user_rekey(&s, i & 1, !(i & 1));
		sim_run(&s, 4000);
	}
	s.node[0].peers[1].delivered = s.node[1].peers[0].delivered = 0;
	for (round = 0; round < 400; round++) {
		unsigned int victim = round & 1;

		sim_inject(&s, victim, 0x0b000001,
			   s.tape[sim_random(&s, s.n_tape < 64 ? s.n_tape : 64)],
			   PILOT_PILA_LEN);
		sim_data(&s, 0, 1);
		sim_data(&s, 1, 0);
		sim_run(&s, 50);
		if (round == 200)
			sim_user_rekey(&s, 0, 1);
	}
	sim_run(&s, 100);
	flows = s.node[0].peers[1].delivered == 400 && s.node[1].peers[0].delivered == 400;
	if (!flows)
		diag("delivered %u and %u of 400", s.node[0].peers[1].delivered,
		     s.node[1].peers[0].delivered);
	ok(flows, "replayed tape: not one packet lost, rekey under way or not");
	ok(silent(), "replayed tape: silent in the end");
	sim_release(&s);

	/* While the node really restarts. */
	begin_agreed();
	sim_restart_node(&s, 0);
	for (round = 0; round < 20; round++) {
		sim_inject(&s, 1, 0x0b000001, s.tape[round % s.n_tape], PILOT_PILA_LEN);
		sim_run(&s, 100);
	}
	ok(sim_agreed(&s, 0, 1), "replayed tape: a real restart gets through");
	sim_release(&s);
}

/*
 * Node 2 has forgotten which keys of node 1 are old. A former PILA of node 1
 * that comes while the proof of its new key is under way must not cost that.
 */
static void replay_before_proof(unsigned int former)
{
	uint8_t old[3][PILOT_PILA_LEN];
	unsigned int i, n = 0;
	uint32_t before;

	begin_agreed();
	for (i = 0; i < 8; i++) {
		sim_user_rekey(&s, 0, 1);
		sim_run(&s, 5000);
	}
	/* one PILA of each of the first three exchanges */
	for (i = 0; i < s.n_tape && n < 3; i++)
		if (s.tape[i][7] == 1 &&
		    (!n || memcmp(s.tape[i] + 8, old[n - 1] + 8, PILOT_X25519_LEN)))
			memcpy(old[n++], s.tape[i], PILOT_PILA_LEN);
	s.delay_min = s.delay_max = 100;
	sim_restart_daemon(&s, 1);
	before = s.node[0].peers[1].slot[SIM_CURRENT].id;
	sim_user_rekey(&s, 0, 1);
	sim_run(&s, 110);
	ok(s.node[1].peers[0].slot[SIM_NEXT].used, "replay before the proof: a key awaits it");
	s.node[0].peers[1].delivered = s.node[1].peers[0].delivered = 0;
	for (i = 0; i < 40; i++) {
		sim_inject(&s, 1, 0x0b000001, old[i % former], PILOT_PILA_LEN);
		sim_data(&s, 0, 1);
		sim_data(&s, 1, 0);
		sim_run(&s, 20);
		if (i == 20 && former == 1)
			ok(sim_agreed(&s, 0, 1) &&
			   s.node[0].peers[1].slot[SIM_CURRENT].id != before,
			   "replay before the proof: the new key is there after two round trips");
	}
	sim_run(&s, 200);
	ok(s.node[0].peers[1].delivered == 40 && s.node[1].peers[0].delivered == 40,
	   "replay before the proof: %u former keys, %u and %u of 40 packets delivered",
	   former, s.node[0].peers[1].delivered, s.node[1].peers[0].delivered);
	sim_run(&s, 5 * REKEY_RETRANSMIT_MS);
	ok(sim_agreed(&s, 0, 1) && s.node[0].peers[1].slot[SIM_CURRENT].id != before,
	   "replay before the proof: afterwards there is a new key");
	ok(silent(), "replay before the proof: silent in the end");
	sim_release(&s);
}

static void give_up(void)
{
	unsigned int n;

	begin();
	s.loss = 100;
	sim_data(&s, 0, 1);
	sim_run(&s, 25000);
	ok(s.node[0].gave_up == 1 && s.node[0].peers[1].cooldowns == 1,
	   "peer gone: given up after 24 s");
	n = sim_frames(&s);
	sim_data(&s, 0, 1);
	sim_run(&s, 3900);
	ok(sim_frames(&s) == n, "peer gone: quiet in the cooldown");
	s.loss = 0;
	sim_run(&s, 1500);
	sim_data(&s, 0, 1);
	sim_run(&s, 100);
	ok(sim_agreed(&s, 0, 1) && silent(), "peer gone: back with the next packet");
	sim_release(&s);
}

static void unauthenticated(void)
{
	begin();
	s.node[0].anonymous = true;
	s.node[0].allow_unauth = s.node[1].allow_unauth = true;
	sim_restart_daemon(&s, 0);
	sim_restart_daemon(&s, 1);
	sim_data(&s, 0, 1);
	sim_run(&s, 100);
	ok(sim_agreed(&s, 0, 1) && silent(), "one end without identity: agreed");
	sim_release(&s);

	begin();
	s.node[0].unregistered = s.node[1].unregistered = true;
	s.node[0].allow_unauth = s.node[1].allow_unauth = true;
	sim_restart_daemon(&s, 0);
	sim_restart_daemon(&s, 1);
	sim_data(&s, 0, 1);
	sim_run(&s, REKEY_RETRANSMIT_MS + 200);
	ok(sim_agreed(&s, 0, 1) && silent(), "nobody registered: agreed by PILK");
	sim_release(&s);

	begin();
	s.node[0].anonymous = true;
	s.node[0].allow_unauth = true;
	sim_restart_daemon(&s, 0);
	sim_data(&s, 0, 1);
	sim_run(&s, 30000);
	ok(!sim_agreed(&s, 0, 1) && !s.node[1].peers[0].installs,
	   "unauthenticated peer: refused where not allowed");
	sim_release(&s);
}

static void slow_registry(void)
{
	begin();
	s.node[1].registry_delay = 2000;
	sim_data(&s, 0, 1);
	sim_run(&s, 2200);
	ok(sim_agreed(&s, 0, 1), "slow registry: as soon as it answers");
	ok(silent(), "slow registry: silent afterwards");
	sim_release(&s);
}

static void lost_events(void)
{
	bool good = true, quiet = true;
	unsigned int i;

	for (i = 0; i < 20; i++) {
		sim_init(&s, 2, 100 + i);
		s.event_loss = 60;
		sim_data(&s, 0, 1);
		sim_run(&s, 3000);
		sim_data(&s, 1, 0);
		sim_run(&s, 40000);
		good &= sim_agreed(&s, 0, 1);
		sim_user_rekey(&s, 0, 1);
		sim_run(&s, 40000);
		s.event_loss = 0;
		sim_run(&s, 60000);
		good &= sim_agreed(&s, 0, 1);
		quiet &= silent();
		sim_release(&s);
	}
	ok(good && quiet, "lost events: made up for by dumps");
}

int main(void)
{
	if (sodium_init() < 0)
		return 1;
	plain();
	lost_frames();
	simultaneous();
	storms();
	restarts();
	replays();
	replay_before_proof(1);
	replay_before_proof(3);
	replay_before_contact();
	forged_pilk();
	give_up();
	unauthenticated();
	slow_registry();
	lost_events();
	return done();
}
