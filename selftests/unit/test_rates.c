// SPDX-License-Identifier: GPL-2.0
/* Rates, their order, the words suggested, and numbers made short. */
#include <math.h>
#include <string.h>

#include "lib/counters.h"
#include "lib/rates.h"
#include "lib/suggest.h"
#include "lib/text.h"
#include "tap.h"

#define SEC	UINT64_C(1000000000)

static bool is(double a, double b)
{
	return fabs(a - b) < 1e-6 * (1 + fabs(b));
}

static void rates(void)
{
	struct pilot_sample then = { 1, 2, 100, 1000, 200, 2000, 3 }, now = then;
	struct pilot_rate r;

	now.rx_packets += 10;
	now.rx_bytes += 1250;
	now.tx_packets += 20;
	now.tx_bytes += 2500;
	now.drops += 4;
	pilot_rate_between(&then, &now, 2 * SEC, &r);
	ok(r.known && is(r.rx_packets, 5) && is(r.rx_bits, 5000) && is(r.tx_packets, 10) &&
	   is(r.tx_bits, 10000) && is(r.drops, 2), "differences by time, bytes as bits");
	pilot_rate_between(&then, &now, SEC / 10, &r);
	ok(r.known && is(r.rx_packets, 100) && is(r.rx_bits, 100000), "a tenth of a second");
	pilot_rate_between(&then, &then, SEC, &r);
	ok(r.known && r.rx_bits == 0 && r.drops == 0, "nothing happened: 0, and known");
	pilot_rate_between(NULL, &now, SEC, &r);
	ok(!r.known && r.rx_bits == 0, "no earlier reading: not known");
	pilot_rate_between(&then, &now, 0, &r);
	ok(!r.known && r.rx_bits == 0, "no time: not known");
	pilot_rate_between(&now, &then, SEC, &r);
	ok(!r.known && r.rx_packets == 0, "counters went back: not known");
	now = then;
	now.drops--;
	now.rx_bytes += 5;
	pilot_rate_between(&then, &now, SEC, &r);
	ok(!r.known && r.rx_bits == 0, "one of them went back: not known");
	memset(&then, 0, sizeof(then));
	memset(&now, 0xff, sizeof(now));
	pilot_rate_between(&then, &now, SEC, &r);
	ok(r.known && is(r.rx_bits, 18446744073709551615.0 * 8), "all 64 bits");
}

static void samples(void)
{
	struct pilot_sample s[] = {
		{ .ifindex = 2, .node_id = 1 }, { .ifindex = 1, .node_id = UINT32_MAX },
		{ .ifindex = 2, .node_id = 0 }, { .ifindex = 1, .node_id = 7, .drops = 5 },
		{ .ifindex = UINT32_MAX, .node_id = 3 },
	};
	const size_t n = sizeof(s) / sizeof(s[0]);
	const struct pilot_sample *found;
	size_t i;
	bool all = true;

	pilot_samples_sort(s, n);
	for (i = 0; i < n; i++)
		all = all && pilot_sample_find(s, n, s[i].ifindex, s[i].node_id) == &s[i];
	ok(all, "every sample is found");
	found = pilot_sample_find(s, n, 1, 7);
	ok(found && found->drops == 5, "the right one");
	ok(!pilot_sample_find(s, n, 7, 1) && !pilot_sample_find(s, n, 1, 0) &&
	   !pilot_sample_find(NULL, 0, 1, 7), "others are not");
	pilot_samples_sort(NULL, 0);
}

/* Nodes in the order they are in. */
static bool in_order(struct pilot_line *l, size_t n, enum pilot_order order, bool reverse,
		     const char *want)
{
	char got[64] = "";
	size_t i;

	pilot_lines_sort(l, n, order, reverse);
	for (i = 0; i < n; i++)
		snprintf(got + strlen(got), sizeof(got) - strlen(got), "%u ", l[i].node_id);
	if (strcmp(got, want))
		diag("%s%s: %s", reverse ? "reverse " : "", pilot_order_names[order], got);
	return !strcmp(got, want);
}

static void orders(void)
{
	/* Node 4's rates are not known; it was never heard and has no key. */
	struct pilot_line l[] = {
		{ 1, 3, 0, 100, 50, { true, 1, 9, 5, 5, 0 }, NULL },
		{ 1, 1, 2, 300, 10, { true, 2, 9, 4, 6, 1 }, NULL },
		{ 1, 4, 5, PILOT_NEVER, PILOT_NEVER, { .known = false }, NULL },
		{ 1, 2, 0, 200, 50, { true, 3, 1, 3, 7, 0 }, NULL },
	};
	const size_t n = sizeof(l) / sizeof(l[0]);
	struct pilot_line two[] = { { .ifindex = 2, .node_id = 5 }, { .ifindex = 1, .node_id = 5 } };
	size_t i;

	ok(in_order(l, n, PILOT_ORDER_NODE, false, "1 2 3 4 ") &&
	   in_order(l, n, PILOT_ORDER_NODE, true, "4 3 2 1 "), "by node, both ways");
	ok(in_order(l, n, PILOT_ORDER_RX, false, "1 3 2 4 "),
	   "by bits received: most first, equal ones by node, the unknown last");
	ok(in_order(l, n, PILOT_ORDER_RX, true, "4 2 1 3 "), "and the other way round");
	ok(in_order(l, n, PILOT_ORDER_RX_PACKETS, false, "2 1 3 4 "), "by packets received");
	ok(in_order(l, n, PILOT_ORDER_TX, false, "2 1 3 4 "), "by bits sent");
	ok(in_order(l, n, PILOT_ORDER_TX_PACKETS, false, "3 1 2 4 "), "by packets sent");
	ok(in_order(l, n, PILOT_ORDER_DROPS, false, "1 2 3 4 "), "by drops");
	ok(in_order(l, n, PILOT_ORDER_STATE, false, "2 3 1 4 "), "by state");
	ok(in_order(l, n, PILOT_ORDER_KEY, false, "3 2 1 4 "), "by the key's age, none last");
	ok(in_order(l, n, PILOT_ORDER_HEARD, false, "1 2 3 4 "), "by when it was heard, never last");
	pilot_lines_sort(two, 2, PILOT_ORDER_RX, true);
	ok(two[0].ifindex == 1, "the same node of two devices");
	for (i = 0; i < PILOT_N_ORDERS && pilot_order_names[i]; i++)
		;
	ok(i == PILOT_N_ORDERS && !pilot_order_names[i], "every order has a word");
}

static bool suggests(const char *word, const char *want)
{
	static const char *const words[] = {
		"show", "set", "peer", "monitor", "ping", "replay-window", "replay-grace", NULL
	};
	const char *got = pilot_suggest(word, words);

	if (got == want || (got && want && !strcmp(got, want)))
		return true;
	diag("%s: %s", word, got ? got : "nothing");
	return false;
}

static void suggestions(void)
{
	char longer[200];

	ok(pilot_edit_distance("", "") == 0 && pilot_edit_distance("abc", "abc") == 0 &&
	   pilot_edit_distance("", "abc") == 3 && pilot_edit_distance("kitten", "sitting") == 3,
	   "edit distance");
	ok(pilot_edit_distance("shwo", "show") == 1 && pilot_edit_distance("ab", "ba") == 1 &&
	   pilot_edit_distance("abcdef", "badcfe") == 3, "swapped letters are one slip");
	ok(suggests("shwo", "show") && suggests("sho", "show") && suggests("shoow", "show") &&
	   suggests("shop", "show") && suggests("monitro", "monitor"), "one slip");
	ok(suggests("mnoitro", "monitor") && suggests("reply-windo", "replay-window"),
	   "two in a longer word");
	ok(suggests("shpp", NULL) && suggests("frobnicate", NULL) && suggests("", NULL) &&
	   suggests("x", NULL), "too far away");
	ok(suggests("mon", "monitor") && suggests("replay-w", "replay-window"), "a beginning");
	ok(suggests("replay", NULL), "the beginning of two");
	memset(longer, 'a', sizeof(longer));
	longer[sizeof(longer) - 1] = '\0';
	ok(suggests(longer, NULL), "a very long word");
}

static bool short_number(double v, const char *want)
{
	char buf[PILOT_SHORT_STRLEN];

	if (!strcmp(pilot_format_short_number(v, buf), want))
		return true;
	diag("%g: %s", v, buf);
	return false;
}

static bool short_age(uint64_t ms, const char *want)
{
	char buf[PILOT_SHORT_STRLEN];

	if (!strcmp(pilot_format_short_age(ms, buf), want))
		return true;
	diag("%llu: %s", (unsigned long long)ms, buf);
	return false;
}

static void shortened(void)
{
	ok(short_number(0, "0") && short_number(0.5, "0.5") && short_number(9.94, "9.9") &&
	   short_number(9.96, "10") && short_number(999.4, "999"), "numbers below 1000");
	ok(short_number(999.6, "1.00k") && short_number(1000, "1.00k") &&
	   short_number(9994, "9.99k") && short_number(9996, "10.0k") &&
	   short_number(99960, "100k") && short_number(999499, "999k") &&
	   short_number(999500, "1.00M"), "rounding never makes four digits");
	ok(short_number(1.5e9, "1.50G") && short_number(1.5e12, "1.50T") &&
	   short_number(18446744073709551615.0 * 8, "148E"), "large ones");
	ok(short_age(0, "now") && short_age(999, "now") && short_age(1000, "1s") &&
	   short_age(59999, "59s") && short_age(60000, "1m00s") && short_age(3599999, "59m59s") &&
	   short_age(3600000, "1h00m") && short_age(86399999, "23h59m") &&
	   short_age(86400000, "1d00h") && short_age(PILOT_NEVER, "never") &&
	   short_age(PILOT_NEVER - 1, "213503982334d14h"), "ages");
}

static void drops(void)
{
	struct pilot_stats s = { { 0 } };

	s.v[PILOT_A_STATS_RX_PACKETS] = 1;
	s.v[PILOT_A_STATS_RX_PING] = 2;
	s.v[PILOT_A_STATS_TX_SALVAGED] = 4;
	ok(pilot_drops(&s) == 0, "what went well is no drop");
	s.v[PILOT_A_STATS_RX_REPLAY] = 8;
	s.v[PILOT_A_STATS_RX_PING_LIMITED] = 16;
	s.v[PILOT_A_STATS_TX_NO_KEY] = 32;
	ok(pilot_drops(&s) == 56, "the rest is");
}

int main(void)
{
	rates();
	samples();
	orders();
	suggestions();
	shortened();
	drops();
	return done();
}
