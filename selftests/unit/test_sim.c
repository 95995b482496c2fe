// SPDX-License-Identifier: GPL-2.0
/*
 * N managers over a bad network, by seed: loss, reordering, duplicates, lost
 * events, restarts of daemons and nodes, rekeys, an attacker who replays. Then
 * the weather improves and the pairs that were in touch must come to one key
 * within a bounded time and fall silent. While it is bad nothing may crash.
 *
 *	test_sim [FIRST-SEED [COUNT]]
 */
#include <stdlib.h>
#include <string.h>

#include <sodium.h>

#include "sim.h"
#include "tap.h"

#define NODES	4
#define SEEDS	1000

/* All retries of one side, its cooldown, and the same once more. */
#define SETTLE_MS	60000

static struct sim s;
static bool talked[NODES][NODES];

static void misfortune(unsigned int a, unsigned int b)
{
	switch (sim_random(&s, 12)) {
	case 0:
		sim_restart_daemon(&s, a);
		break;
	case 1:
		sim_restart_node(&s, a);
		break;
	case 2:
		sim_user_rekey(&s, a, b);
		talked[a][b] = talked[b][a] = true;
		break;
	case 3:
		sim_user_rekey(&s, a, b);
		sim_user_rekey(&s, b, a);
		talked[a][b] = talked[b][a] = true;
		break;
	case 4:
		if (s.n_tape)
			sim_inject(&s, a, 0x0b000001,
				   s.tape[sim_random(&s, s.n_tape < 64 ? s.n_tape : 64)],
				   PILOT_PILA_LEN);
		break;
	default:
		sim_data(&s, a, b);
		talked[a][b] = talked[b][a] = true;
		break;
	}
}

/* Return: NULL if all is well, else what is not. */
static const char *run(uint64_t seed)
{
	static char what[200];
	unsigned int i, j, t, frames;
	bool settled;

	memset(talked, 0, sizeof(talked));
	sim_init(&s, NODES, seed);
	s.loss = 30;
	s.dup = 10;
	s.event_loss = sim_random(&s, 3) * 10;
	s.delay_min = 1;
	s.delay_max = 1 + sim_random(&s, 400);
	for (i = 0; i < NODES; i++) {
		s.node[i].registry_delay = sim_random(&s, 2) ? 0 : sim_random(&s, 3000);
		s.node[i].rekey = sim_random(&s, 2) ? 0 : 60000;
	}
	for (t = 0; t < 60; t++) {
		i = sim_random(&s, NODES);
		j = (i + 1 + sim_random(&s, NODES - 1)) % NODES;
		misfortune(i, j);
		sim_run(&s, sim_random(&s, 3000));
	}

	/* Loss goes on; who wants to talk goes on trying. */
	settled = false;
	for (t = 0; t < SETTLE_MS / 500 && !settled; t++) {
		settled = true;
		for (i = 0; i < NODES; i++) {
			for (j = 0; j < NODES; j++) {
				if (i == j || !talked[i][j])
					continue;
				sim_data(&s, i, j);
				if (!sim_agreed(&s, i, j))
					settled = false;
			}
		}
		sim_run(&s, 500);
	}
	if (!settled) {
		snprintf(what, sizeof(what), "not agreed after %d s at 30%% loss",
			 SETTLE_MS / 1000);
		goto bad;
	}

	/* Good weather: what is under way ends, and then there is silence. */
	s.loss = s.dup = s.event_loss = 0;
	for (i = 0; i < NODES; i++) {
		s.node[i].rekey = 0;
		manager_set_policy(s.node[i].m, false, 0);
	}
	sim_run(&s, SETTLE_MS);
	frames = sim_frames(&s);
	sim_run(&s, 2 * SETTLE_MS);
	if (sim_frames(&s) != frames) {
		snprintf(what, sizeof(what), "%u frames in quiet times",
			 sim_frames(&s) - frames);
		goto bad;
	}
	for (i = 0; i < NODES; i++) {
		for (j = 0; j < NODES; j++) {
			if (i == j || !talked[i][j])
				continue;
			if (!sim_agreed(&s, i, j)) {
				snprintf(what, sizeof(what), "%u and %u have different keys",
					 i + 1, j + 1);
				goto bad;
			}
			s.node[j].peers[i].delivered = 0;
			sim_data(&s, i, j);
			sim_run(&s, 1000);
			if (s.node[j].peers[i].delivered != 1) {
				snprintf(what, sizeof(what), "no traffic from %u to %u",
					 i + 1, j + 1);
				goto bad;
			}
		}
	}
	sim_release(&s);
	return NULL;
bad:
	sim_release(&s);
	return what;
}

int main(int argc, char **argv)
{
	unsigned long first = argc > 1 ? strtoul(argv[1], NULL, 0) : 1;
	unsigned long n = argc > 2 ? strtoul(argv[2], NULL, 0) : argc > 1 ? 1 : SEEDS;
	unsigned long seed, failed = 0;

	if (sodium_init() < 0)
		return 1;
	for (seed = first; seed < first + n; seed++) {
		const char *what = run(seed);

		if (what && ++failed <= 20)
			diag("seed %lu: %s", seed, what);
	}
	ok(!failed, "%lu seeds: every pair agrees and falls silent, %lu failed", n, failed);
	return done();
}
