// SPDX-License-Identifier: GPL-2.0
/*
 * Prints the frequency of this machine's time stamp counter in kHz. An
 * emulated guest sees that very counter, but measures it wrongly when the
 * machine is busy while it boots; its clock would run too fast.
 */
#include <stdint.h>
#include <stdio.h>
#include <time.h>
#include <x86intrin.h>

static uint64_t now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC_RAW, &ts);
	return ts.tv_sec * 1000000000ULL + ts.tv_nsec;
}

/* The reading that took least was not interrupted between its two halves. */
static void sample(uint64_t *ns, uint64_t *ticks)
{
	uint64_t best = UINT64_MAX;

	for (int i = 0; i < 100; i++) {
		uint64_t t = __rdtsc(), n = now(), cost = __rdtsc() - t;

		if (cost < best) {
			best = cost;
			*ns = n;
			*ticks = t + cost / 2;
		}
	}
}

int main(void)
{
	const struct timespec pause = { .tv_nsec = 50000000 };
	uint64_t ns[2], ticks[2];

	sample(&ns[0], &ticks[0]);
	nanosleep(&pause, NULL);
	sample(&ns[1], &ticks[1]);
	printf("%llu\n", (unsigned long long)((ticks[1] - ticks[0]) * 1e6 /
					      (double)(ns[1] - ns[0])));
	return 0;
}
