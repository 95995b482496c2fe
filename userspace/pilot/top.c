// SPDX-License-Identifier: GPL-2.0
/*
 * pilot top: what goes through the tunnels now, per peer. screen.c has the
 * terminal, lib/rates.c the arithmetic.
 */
#include <errno.h>
#include <getopt.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "lib/counters.h"
#include "lib/rates.h"
#include "peer_state.h"
#include "screen.h"
#include "table.h"
#include "view.h"

#define SEC		INT64_C(1000000000)
#define INTERVAL_MIN	(SEC / 10)
#define INTERVAL_MAX	(3600 * SEC)
/* The first rates come soon, however long the interval. */
#define FIRST_INTERVAL	SEC
/* Lines about devices; those of more devices are summed up. */
#define DEVICE_LINES	4
/* Reading takes this part of the time at most: with very many peers it is done
 * less often.
 */
#define READING_SHARE	5

/**
 * struct subject - what a line is about
 * @view: device
 * @peer: peer
 */
struct subject {
	const struct view *view;
	const struct pilot_peer_info *peer;
};

/**
 * struct top - a run
 * @g: socket
 * @dev: the device, or all if its name is empty
 * @interval: ns wanted between two readings
 * @order: by what peers are sorted
 * @reverse: the other way round
 * @batch: no terminal
 * @json: in batch, an object per reading
 * @count: reports to print, 0 no end
 * @scroll: first peer on the screen
 * @page: peers that the screen holds
 * @views: latest reading
 * @gone: @dev was not there
 * @read_at: when it was, ns
 * @took: how long it took, ns
 * @elapsed: since the one before, ns; 0 if there is none
 * @samples: its counters, sorted
 * @n_samples: how many
 * @subjects: of the lines
 * @lines: peers, sorted
 * @rates: of the devices, as in @views
 * @n: peers
 */
struct top {
	struct pilot_genl g;
	struct pilot_dev dev;
	int64_t interval;
	enum pilot_order order;
	bool reverse;
	bool batch;
	bool json;
	uint32_t count;
	size_t scroll;
	size_t page;
	struct views views;
	bool gone;
	int64_t read_at;
	int64_t took;
	uint64_t elapsed;
	struct pilot_sample *samples;
	size_t n_samples;
	struct subject *subjects;
	struct pilot_line *lines;
	struct pilot_rate *rates;
	size_t n;
};

static int64_t now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec * SEC + ts.tv_nsec;
}

static struct pilot_sample read_sample(const struct view *v, const struct pilot_peer_info *p)
{
	const struct pilot_stats *s = p ? &p->stats : &v->d.stats;

	struct pilot_sample sample = {
		.ifindex = v->d.dev.ifindex,
		.node_id = p ? p->node_id : 0,
		.rx_packets = s->v[PILOT_A_STATS_RX_PACKETS],
		.rx_bytes = s->v[PILOT_A_STATS_RX_BYTES],
		.tx_packets = s->v[PILOT_A_STATS_TX_PACKETS],
		.tx_bytes = s->v[PILOT_A_STATS_TX_BYTES],
		.drops = pilot_drops(s),
	};

	return sample;
}

static void forget(struct top *t)
{
	free(t->subjects);
	free(t->lines);
	free(t->rates);
	t->subjects = NULL;
	t->lines = NULL;
	t->rates = NULL;
	t->n = 0;
	views_free(&t->views);
}

/* Rates since @then, which is sorted, and the samples for the next time. */
static int compare(struct top *t, const struct pilot_sample *then, size_t n_then)
{
	size_t i, k, n = 0;

	for (i = 0; i < t->views.n; i++)
		n += t->views.v[i].n;
	t->samples = calloc(t->views.n + n + 1, sizeof(*t->samples));
	t->subjects = calloc(n + 1, sizeof(*t->subjects));
	t->lines = calloc(n + 1, sizeof(*t->lines));
	t->rates = calloc(t->views.n + 1, sizeof(*t->rates));
	if (!t->samples || !t->subjects || !t->lines || !t->rates)
		return -ENOMEM;

	for (i = 0; i < t->views.n; i++) {
		const struct view *v = &t->views.v[i];
		struct pilot_sample s = read_sample(v, NULL);

		pilot_rate_between(pilot_sample_find(then, n_then, s.ifindex, 0), &s, t->elapsed,
				   &t->rates[i]);
		t->samples[t->n_samples++] = s;
		for (k = 0; k < v->n; k++) {
			const struct pilot_peer_info *p = &v->peers[k];
			const struct pilot_key_info *key = current_key(p);
			struct pilot_line *line = &t->lines[t->n];

			s = read_sample(v, p);
			t->samples[t->n_samples++] = s;
			t->subjects[t->n] = (struct subject){ v, p };
			*line = (struct pilot_line){
				.ifindex = s.ifindex,
				.node_id = s.node_id,
				.state = peer_state(p),
				.key_age = key ? key->age : PILOT_NEVER,
				.last_rx = p->last_rx,
				.data = &t->subjects[t->n],
			};
			pilot_rate_between(pilot_sample_find(then, n_then, s.ifindex, s.node_id),
					   &s, t->elapsed, &line->rate);
			t->n++;
		}
	}
	pilot_samples_sort(t->samples, t->n_samples);
	pilot_lines_sort(t->lines, t->n, t->order, t->reverse);
	return 0;
}

/* Return: 0; negative errno if it makes no sense to go on, with the reason. */
static int take(struct top *t)
{
	struct pilot_sample *then = t->samples;
	size_t n_then = t->n_samples;
	int64_t begun = now();
	int ret;

	forget(t);
	t->samples = NULL;
	t->n_samples = 0;
	ret = views_read(&t->g, t->dev.ifname[0] ? &t->dev : NULL, &t->views);
	t->elapsed = t->read_at ? (uint64_t)(begun - t->read_at) : 0;
	t->took = now() - begun;
	t->read_at = begun;
	/* A device that was there may come back. */
	t->gone = ret == -ENODEV;
	if (t->gone) {
		views_free(&t->views);
		ret = 0;
	}
	if (!ret && compare(t, then, n_then))
		ret = pilot_error_set(&t->g.err, -ENOMEM, "out of memory");
	free(then);
	return ret;
}

/* When the next reading is due. */
static int64_t due(const struct top *t)
{
	int64_t wait = t->interval;

	if (!t->batch && !t->elapsed && wait > FIRST_INTERVAL)
		wait = FIRST_INTERVAL;
	if (wait < t->took * READING_SHARE)
		wait = t->took * READING_SHARE;
	return t->read_at + wait;
}

static const char *rate(const struct pilot_rate *r, double v)
{
	static char buf[PILOT_SHORT_STRLEN];

	return r->known ? pilot_format_short_number(v, buf) : "-";
}

/* "1.25 Gbit/s": the letter goes with the unit. */
static void print_amount(FILE *to, const struct pilot_rate *r, double v, const char *unit)
{
	const char *text = rate(r, v);
	int digits = (int)strspn(text, "0123456789.-");

	fprintf(to, "%.*s %s%s", digits, text, text + digits, unit);
}

static void print_rate(FILE *to, const struct pilot_rate *r)
{
	fputs("rx ", to);
	print_amount(to, r, r->rx_bits, "bit/s ");
	print_amount(to, r, r->rx_packets, "p/s, tx ");
	print_amount(to, r, r->tx_bits, "bit/s ");
	print_amount(to, r, r->tx_packets, "p/s, drops ");
	fprintf(to, "%s/s", rate(r, r->drops));
}

/* Lines before the table. Return: how many. */
static int print_head(const struct top *t, FILE *to)
{
	size_t i, states[N_STATES] = { 0 };
	bool any = false;
	char clock[16];
	time_t wall = time(NULL);
	struct tm tm;
	int lines = 1;

	localtime_r(&wall, &tm);
	strftime(clock, sizeof(clock), "%H:%M:%S", &tm);
	for (i = 0; i < t->n; i++)
		states[t->lines[i].state]++;
	fprintf(to, "pilot top %s, every %.4gs, %zu peer%s", clock,
		(double)(due(t) - t->read_at) / SEC, t->n, t->n == 1 ? "" : "s");
	for (i = 0; i < N_STATES; i++) {
		if (!states[i])
			continue;
		fprintf(to, "%s%zu %s%s%s", any ? ", " : ": ", states[i],
			cli_color(peer_states[i].color), peer_states[i].text,
			cli_color(COLOR_RESET));
		any = true;
	}
	fputc('\n', to);
	for (i = 0; i < t->views.n && i < DEVICE_LINES; i++) {
		const struct view *v = &t->views.v[i];

		fprintf(to, "%s%s%s: ", cli_color(COLOR_BOLD), cli_ifname(&v->d.dev),
			cli_color(COLOR_RESET));
		if (v->d.node_id)
			fprintf(to, "node %u, ", v->d.node_id);
		print_rate(to, &t->rates[i]);
		if (v->d.status.has & PILOT_HAS(PILOT_A_STATUS_REGISTRY))
			fprintf(to, ", registry %s", pilot_registry_name(v->d.status.registry));
		if (v->torn)
			fputs(", peers come and go", to);
		fputc('\n', to);
		lines++;
	}
	if (i < t->views.n) {
		fprintf(to, "and %zu more devices\n", t->views.n - i);
		lines++;
	}
	if (t->gone) {
		fprintf(to, "%s%s: no such device now%s\n", cli_color(COLOR_RED),
			cli_ifname(&t->dev), cli_color(COLOR_RESET));
		lines++;
	}
	fputc('\n', to);
	return lines + 1;
}

/* Peers from @first on, at most @n of them. */
static int print_table(const struct top *t, FILE *to, size_t first, size_t n)
{
	static const struct table_column columns[] = {
		{ "NODE", 10, true },
		{ "DEVICE", 6, false },
		{ "STATE", 8, false },
		{ "PATH", 6, false },
		{ "RX bit/s", 8, true },
		{ "RX p/s", 6, true },
		{ "TX bit/s", 8, true },
		{ "TX p/s", 6, true },
		{ "DROPS/s", 7, true },
		{ "KEY", 6, true },
		{ "HEARD", 6, true },
	};
	/* Where the words of the orders stand. */
	static const int marked[PILOT_N_ORDERS] = {
		[PILOT_ORDER_NODE] = 0,
		[PILOT_ORDER_STATE] = 2,
		[PILOT_ORDER_RX] = 4,
		[PILOT_ORDER_RX_PACKETS] = 5,
		[PILOT_ORDER_TX] = 6,
		[PILOT_ORDER_TX_PACKETS] = 7,
		[PILOT_ORDER_DROPS] = 8,
		[PILOT_ORDER_KEY] = 9,
		[PILOT_ORDER_HEARD] = 10,
	};
	struct table table = {
		.columns = columns,
		.n_columns = sizeof(columns) / sizeof(columns[0]),
		.marked = marked[t->order],
	};
	char text[PILOT_SHORT_STRLEN];
	size_t i;

	for (i = first; i < t->n && i - first < n; i++) {
		const struct pilot_line *line = &t->lines[i];
		const struct subject *s = line->data;
		const struct pilot_rate *r = &line->rate;

		table_add(&table, COLOR_RESET, "%u", line->node_id);
		table_add(&table, COLOR_RESET, "%s", cli_ifname(&s->view->d.dev));
		table_add(&table, peer_states[line->state].color, "%s",
			  peer_states[line->state].text);
		table_add(&table, COLOR_RESET, "%s", pilot_path_name(s->peer->path_active));
		table_add(&table, COLOR_RESET, "%s", rate(r, r->rx_bits));
		table_add(&table, COLOR_RESET, "%s", rate(r, r->rx_packets));
		table_add(&table, COLOR_RESET, "%s", rate(r, r->tx_bits));
		table_add(&table, COLOR_RESET, "%s", rate(r, r->tx_packets));
		table_add(&table, r->drops > 0 ? COLOR_RED : COLOR_RESET, "%s",
			  rate(r, r->drops));
		table_add(&table, COLOR_RESET, "%s", line->key_age == PILOT_NEVER ? "-" :
			  pilot_format_short_age(line->key_age, text));
		table_add(&table, COLOR_RESET, "%s", pilot_format_short_age(line->last_rx, text));
	}
	return table_print(&table, to);
}

static json_t *json_rate(const struct pilot_rate *r)
{
	if (!r->known)
		return json_null();
	return json_pack("{s:f, s:f, s:f, s:f, s:f}",
		"rx_packets_per_second", r->rx_packets, "rx_bits_per_second", r->rx_bits,
		"tx_packets_per_second", r->tx_packets, "tx_bits_per_second", r->tx_bits,
		"drops_per_second", r->drops);
}

static int print_json(const struct top *t)
{
	json_t *devices = json_array(), *peers = json_array();
	size_t i;

	for (i = 0; i < t->views.n; i++)
		json_array_append_new(devices, json_pack("{s:s, s:o, s:o}",
			"ifname", cli_ifname(&t->views.v[i].d.dev),
			"node_id", t->views.v[i].d.node_id ?
				cli_json_u64(t->views.v[i].d.node_id) : json_null(),
			"rates", json_rate(&t->rates[i])));
	for (i = 0; i < t->n; i++) {
		const struct subject *s = t->lines[i].data;

		json_array_append_new(peers, json_pack("{s:s, s:o, s:s, s:s, s:o, s:o, s:o}",
			"ifname", cli_ifname(&s->view->d.dev),
			"node_id", cli_json_u64(t->lines[i].node_id),
			"state", peer_states[t->lines[i].state].word,
			"path_active", pilot_path_name(s->peer->path_active),
			"key_age_ms", cli_json_age(t->lines[i].key_age),
			"last_rx_ms", cli_json_age(t->lines[i].last_rx),
			"rates", json_rate(&t->lines[i].rate)));
	}
	return cli_print_json(json_pack("{s:f, s:o, s:o}",
		"interval_ms", (double)t->elapsed / 1e6, "devices", devices, "peers", peers),
		JSON_COMPACT);
}

static int batch(struct top *t)
{
	uint32_t n = 0;

	/* The reading that the first report compares with was taken already. */
	while (!t->count || n < t->count) {
		int64_t left = due(t) - now();
		struct timespec ts = { .tv_sec = left / SEC, .tv_nsec = left % SEC };

		if (left > 0)
			nanosleep(&ts, NULL);
		if (take(t))
			return cli_fail("%s", t->g.err.text);
		if (t->json) {
			if (print_json(t))
				return CLI_FAILED;
		} else {
			if (n)
				putchar('\n');
			print_head(t, stdout);
			if (print_table(t, stdout, 0, t->n))
				return cli_fail("out of memory");
		}
		if (fflush(stdout))
			return cli_fail("cannot write to stdout: %s", strerror(errno));
		n++;
	}
	return CLI_DONE;
}

/* Return: -ENOMEM or 0. */
static int draw(struct top *t)
{
	int rows, columns, used, ret;
	char *page = NULL;
	size_t len = 0, room;
	FILE *to;

	screen_size(&rows, &columns);
	to = open_memstream(&page, &len);
	if (!to)
		return -ENOMEM;
	used = print_head(t, to) + 2; /* the heading, and the line at the end */
	room = rows > used ? (size_t)(rows - used) : 1;
	t->page = room;
	if (t->scroll + room > t->n)
		t->scroll = t->n > room ? t->n - room : 0;
	ret = print_table(t, to, t->scroll, room);
	for (used += (int)(t->n - t->scroll < room ? t->n - t->scroll : room); used < rows; used++)
		fputc('\n', to);
	fprintf(to, "%sq quit  <> sort by  r reverse  +- interval  arrows scroll  space now%s",
		cli_color(COLOR_DIM), cli_color(COLOR_RESET));
	if (fclose(to))
		ret = -ENOMEM;
	if (!ret)
		screen_draw(page, len);
	free(page);
	return ret;
}

static void move(struct top *t, int64_t by)
{
	int64_t to = (int64_t)t->scroll + by;

	/* draw() sees to the other end */
	t->scroll = to > 0 ? (size_t)to : 0;
}

static void reorder(struct top *t, int by)
{
	t->order = (enum pilot_order)((t->order + PILOT_N_ORDERS + by) % PILOT_N_ORDERS);
	pilot_lines_sort(t->lines, t->n, t->order, t->reverse);
	t->scroll = 0;
}

/* Return: whether to go on. */
static bool on_key(struct top *t, int key, bool *read_now)
{
	switch (key) {
	case SCREEN_QUIT:
	case 'q':
	case 'Q':
		return false;
	case SCREEN_TIMEOUT:
	case ' ':
		*read_now = true;
		break;
	case '<':
	case SCREEN_LEFT:
		reorder(t, -1);
		break;
	case '>':
	case SCREEN_RIGHT:
		reorder(t, 1);
		break;
	case 'r':
	case 'R':
		t->reverse = !t->reverse;
		reorder(t, 0);
		break;
	case '+':
		if (t->interval <= INTERVAL_MAX / 2)
			t->interval *= 2;
		break;
	case '-':
		if (t->interval / 2 >= INTERVAL_MIN)
			t->interval /= 2;
		break;
	case SCREEN_UP:
	case 'k':
		move(t, -1);
		break;
	case SCREEN_DOWN:
	case 'j':
		move(t, 1);
		break;
	case SCREEN_PAGE_UP:
		move(t, -(int64_t)t->page);
		break;
	case SCREEN_PAGE_DOWN:
		move(t, (int64_t)t->page);
		break;
	case SCREEN_HOME:
		t->scroll = 0;
		break;
	case SCREEN_END:
		t->scroll = t->n;
		break;
	}
	return true;
}

static int interact(struct top *t)
{
	int ret = 0;

	if (screen_open())
		return CLI_FAILED;
	for (;;) {
		bool read_now = false;
		int64_t left;

		ret = draw(t);
		if (ret) {
			pilot_error_set(&t->g.err, ret, "out of memory");
			break;
		}
		left = due(t) - now();
		if (!on_key(t, screen_wait(left > 0 ? left : 0), &read_now))
			break;
		if (read_now) {
			ret = take(t);
			if (ret)
				break;
		}
	}
	screen_close();
	/* Not before the terminal is as it was. */
	return ret ? cli_fail("%s", t->g.err.text) : CLI_DONE;
}

static int top(struct top *t)
{
	if (pilot_genl_open(&t->g) || take(t))
		return cli_fail("%s", t->g.err.text);
	if (t->gone)
		return cli_fail("%s: no such device", t->dev.ifname);
	return t->batch ? batch(t) : interact(t);
}

static int take_option(struct top *t, int opt, const char *arg, char *const *argv)
{
	struct pilot_error err;
	uint32_t ms;
	int i;

	switch (opt) {
	case 'b':
		t->batch = true;
		return CLI_DONE;
	case 'r':
		t->reverse = true;
		return CLI_DONE;
	case 'n':
		if (pilot_parse_u32(arg, "-n", 1, UINT32_MAX, &t->count, &err))
			return cli_bad_value(&cmd_top, &err);
		return CLI_DONE;
	case 'd':
		if (pilot_parse_duration(arg, "-d", INTERVAL_MIN / (SEC / 1000),
					 INTERVAL_MAX / (SEC / 1000), &ms, &err))
			return cli_bad_value(&cmd_top, &err);
		t->interval = ms * (SEC / 1000);
		return CLI_DONE;
	case 's':
		for (i = 0; i < PILOT_N_ORDERS; i++) {
			if (!strcmp(arg, pilot_order_names[i])) {
				t->order = i;
				return CLI_DONE;
			}
		}
		return cli_usage(&cmd_top, "-s: there is no column \"%.40s\"%s", arg,
				 cli_did_you_mean(arg, pilot_order_names));
	case ':':
		return cli_usage(&cmd_top, "-%c needs a value", optopt);
	default:
		return cli_no_option(&cmd_top, optopt, argv);
	}
}

static int run(int argc, char **argv)
{
	struct top t = { .interval = 2 * SEC, .order = PILOT_ORDER_RX };
	struct pilot_error err;
	int opt, ret = CLI_DONE;

	t.json = cli_take_json(&argc, argv);
	opterr = 0;
	while (!ret && (opt = getopt(argc, argv, ":bd:n:rs:")) != -1)
		ret = take_option(&t, opt, optarg, argv);
	if (ret)
		return ret;
	if (argc - optind > 1)
		return cli_usage(&cmd_top, "unexpected argument \"%.40s\"", argv[optind + 1]);
	if (argc > optind && cli_parse_dev(argv[optind], &t.dev, &err))
		return cli_bad_value(&cmd_top, &err);
	if ((t.json || t.count) && !t.batch)
		return cli_usage(&cmd_top, "%s goes with -b", t.json ? "-j" : "-n");

	ret = top(&t);
	forget(&t);
	free(t.samples);
	pilot_genl_close(&t.g);
	return ret;
}

const struct cli_command cmd_top = {
	.name = "top",
	.usage = "top [-d TIME] [-s COLUMN] [-r] [DEV]\n"
		 "top -b [-n COUNT] [-d TIME] [-s COLUMN] [-r] [-j|--json] [DEV]",
	.summary = "what goes through the tunnels now, per peer",
	.help = "  -d          time between two readings, from 100ms; default 2s\n"
		"  -s          sort by node, state, rx (bits, the default), rx-packets, tx,\n"
		"              tx-packets, drops, key (its age) or heard\n"
		"  -r          the other way round\n"
		"  -b          print reports one after another, for scripts\n"
		"  -n          how many, else until interrupted\n"
		"  -j, --json  a JSON object a report\n"
		"\n"
		"Keys: q quit, < > or left and right: sort by the column before or after,\n"
		"r reverse, + - twice or half the interval, up, down, page up and down, home\n"
		"and end: scroll, space: read now. With very many peers reading takes long; it\n"
		"is then done less often.\n",
	.run = run,
};
