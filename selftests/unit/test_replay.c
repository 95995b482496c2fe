// SPDX-License-Identifier: GPL-2.0
/*
 * The module's replay windows (kernel/replay.h itself, compiled here) against
 * the reference's vectors and against a naive model.
 */
#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef uint8_t u8;
typedef uint32_t u32;
typedef uint64_t u64;
#include "../../kernel/replay.h"
#include "tap.h"

#ifndef VECTORS
#define VECTORS "../vectors"
#endif

static const char *const names[] = {
	[PILOT_RX_ACCEPT] = "accept",
	[PILOT_RX_REPLAY] = "replay",
	[PILOT_RX_OUTSIDE] = "outside",
	[PILOT_RX_STALE] = "stale",
	[PILOT_RX_RETIRED] = "stale",
	[PILOT_RX_EPOCHS] = "drop-key",
};

static struct pilot_epochs *epochs_new(u32 window)
{
	struct pilot_epochs *s = calloc(1, pilot_epochs_size(window));

	if (!s)
		abort();
	pilot_epochs_init(s, window);
	return s;
}

static json_t *load(const char *file)
{
	char path[512];
	json_error_t err;
	json_t *v;

	snprintf(path, sizeof(path), "%s/%s", VECTORS, file);
	v = json_load_file(path, 0, &err);
	if (!v) {
		printf("Bail out! %s: %s\n", path, err.text);
		exit(1);
	}
	return v;
}

static u64 number(const json_t *v)
{
	return strtoull(json_string_value(v), NULL, 10);
}

static void replay_vectors(void)
{
	json_t *all = load("replay.json"), *v;
	size_t i, j;

	json_array_foreach(all, i, v) {
		json_t *counters = json_object_get(v, "counters"), *c;
		json_t *verdicts = json_object_get(v, "verdicts");
		struct pilot_epochs *s = epochs_new(PILOT_REPLAY_WINDOW);
		size_t bad = 0;

		json_array_foreach(counters, j, c) {
			const char *want = json_string_value(json_array_get(verdicts, j));

			if (strcmp(names[pilot_epochs_commit(s, 7, number(c))], want))
				bad++;
		}
		ok(!bad && s->e[s->newest].max == number(json_object_get(v, "max_after")),
		   "replay.json %s: %zu counters, %zu differ",
		   json_string_value(json_object_get(v, "name")), j, bad);
		free(s);
	}
	json_decref(all);
}

static void epoch_vectors(void)
{
	json_t *all = load("epochs.json"), *v, *step;
	size_t i, j;

	json_array_foreach(all, i, v) {
		struct pilot_epochs *s = epochs_new(PILOT_REPLAY_WINDOW);
		size_t bad = 0;

		json_array_foreach(json_object_get(v, "steps"), j, step) {
			const char *epoch = json_string_value(json_object_get(step, "epoch"));
			u32 prefix = strtoul(json_string_value(json_object_get(step, "prefix")),
					     NULL, 16);
			enum pilot_verdict got;

			got = pilot_epochs_commit(s, prefix,
						  number(json_object_get(step, "counter")));
			if (strcmp(names[got], json_string_value(json_object_get(step, "verdict"))) ||
			    (got == PILOT_RX_RETIRED) != !strcmp(epoch, "retired") ||
			    s->e[s->newest].max != number(json_object_get(step, "newest_max")))
				bad++;
		}
		ok(!bad, "epochs.json %s: %zu steps, %zu differ",
		   json_string_value(json_object_get(v, "name")), j, bad);
		free(s);
	}
	json_decref(all);
}

/* Every counter of a random walk, against a table of all counters seen. */
static void naive(u32 window)
{
	enum { SPAN = 1 << 16 };
	struct pilot_epochs *s = epochs_new(window);
	bool *seen = calloc(SPAN, sizeof(*seen));
	u64 max = 0, c, bad = 0;
	bool first = true;
	u32 i, x = 12345;

	for (i = 0; i < 200000; i++) {
		enum pilot_verdict want, got;
		u32 back;

		x = x * 1103515245u + 12345u;
		back = (x >> 8) % (window + window / 4);
		if ((x >> 28) == 0 && max + 2 * window < SPAN)
			c = max + (x >> 8) % (2 * window);
		else if ((x >> 28) < 8 && max + 1 < SPAN)
			c = max + 1;
		else
			c = max > back ? max - back : 0;
		if (first || c > max)
			want = PILOT_RX_ACCEPT;
		else if (max - c >= window)
			want = PILOT_RX_OUTSIDE;
		else
			want = seen[c] ? PILOT_RX_REPLAY : PILOT_RX_ACCEPT;
		got = pilot_epochs_commit(s, 1, c);
		if (got != want)
			bad++;
		if (want == PILOT_RX_ACCEPT) {
			seen[c] = true;
			if (first || c > max)
				max = c;
			first = false;
		}
	}
	ok(!bad && max > 10000, "window %u agrees with a table of all counters: %llu differ",
	   window, (unsigned long long)bad);
	free(seen);
	free(s);
}

static void epochs_bound(void)
{
	struct pilot_epochs *s = epochs_new(64);
	unsigned int i, accepted = 0;

	for (i = 1; i <= PILOT_EPOCHS_MAX; i++)
		accepted += pilot_epochs_commit(s, i, 1) == PILOT_RX_ACCEPT;
	ok(accepted == PILOT_EPOCHS_MAX, "%u prefixes accepted", accepted);
	ok(pilot_epochs_commit(s, 1000, 1) == PILOT_RX_EPOCHS, "one more drops the key");
	ok(pilot_epochs_commit(s, PILOT_EPOCHS_MAX, 2) == PILOT_RX_ACCEPT,
	   "the newest still accepts");
	ok(pilot_epochs_commit(s, 1, 99) == PILOT_RX_RETIRED, "the first is retired");
	ok(pilot_epochs_knows(s, PILOT_EPOCHS_MAX) && !pilot_epochs_knows(s, 1) &&
	   !pilot_epochs_knows(s, 1000), "known prefixes are those kept");
	free(s);
}

int main(void)
{
	json_t *replay = load("replay.json"), *epochs = load("epochs.json");

	plan((int)(json_array_size(replay) + json_array_size(epochs)) + 3 + 5);
	json_decref(replay);
	json_decref(epochs);
	replay_vectors();
	epoch_vectors();
	naive(64);
	naive(256);
	naive(8192);
	epochs_bound();
	return done();
}
