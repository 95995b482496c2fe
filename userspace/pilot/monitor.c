// SPDX-License-Identifier: GPL-2.0
/*
 * pilot monitor: events as they happen.
 */
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "cli.h"

/* Columns: most names are no longer. */
#define DEVICE_WIDTH	8
#define EVENT_WIDTH	23

/* What is known of a device that events came from. */
struct seen {
	uint32_t ifindex;
	uint32_t seq;
	bool network_known;
	uint16_t network;
};

struct monitor {
	struct pilot_genl events;
	struct pilot_genl requests;
	const char *only;	/* name of the one device, or NULL */
	bool json;
	bool failed;
	struct seen *seen;
	size_t n_seen;
};

static volatile sig_atomic_t stop;

static void on_signal(int sig)
{
	(void)sig;
	stop = 1;
}

static struct seen *find_seen(struct monitor *m, uint32_t ifindex, bool *fresh)
{
	struct seen *list;
	size_t i;

	*fresh = false;
	for (i = 0; i < m->n_seen; i++)
		if (m->seen[i].ifindex == ifindex)
			return &m->seen[i];
	list = reallocarray(m->seen, m->n_seen + 1, sizeof(*list));
	if (!list)
		return NULL;
	m->seen = list;
	*fresh = true;
	list[m->n_seen] = (struct seen){ .ifindex = ifindex };
	return &list[m->n_seen++];
}

/* "2026-01-31T12:34:56.789012Z"; for humans "12:34:56.789", and a line per day */
static const char *now(bool json, char *buf, size_t size)
{
	static int day = -1;
	struct timespec ts;
	struct tm tm;
	size_t n;

	clock_gettime(CLOCK_REALTIME, &ts);
	if (json)
		gmtime_r(&ts.tv_sec, &tm);
	else
		localtime_r(&ts.tv_sec, &tm);
	if (!json && day != tm.tm_yday) {
		if (day >= 0 && strftime(buf, size, "%A, %d %B %Y", &tm))
			printf("%s%s%s\n", cli_color(COLOR_BOLD), buf, cli_color(COLOR_RESET));
		day = tm.tm_yday;
	}
	n = strftime(buf, size, json ? "%Y-%m-%dT%H:%M:%S" : "%H:%M:%S", &tm);
	if (json)
		snprintf(buf + n, size - n, ".%06ldZ", ts.tv_nsec / 1000);
	else
		snprintf(buf + n, size - n, ".%03ld", ts.tv_nsec / 1000000);
	return buf;
}

/* Events may be lost; what is lost is said. */
static void say_lost(struct monitor *m, const char *ifname, uint32_t count)
{
	char stamp[64];

	now(m->json, stamp, sizeof(stamp));
	if (m->json) {
		json_t *o = json_pack("{s:s, s:s, s:o, s:o}",
			"time", stamp, "event", "monitor.lost",
			"ifname", ifname ? json_string(ifname) : json_null(),
			"count", count ? cli_json_u64(count) : json_null());

		if (cli_print_json(o, JSON_COMPACT))
			m->failed = true;
	} else if (count) {
		printf("%s %-*s %s%-*s%s %u event%s of the device did not arrive\n",
		       stamp, DEVICE_WIDTH, ifname, cli_color(COLOR_RED), EVENT_WIDTH,
		       "monitor.lost", cli_color(COLOR_RESET), count, count == 1 ? "" : "s");
	} else {
		printf("%s %-*s %s%-*s%s events did not arrive; pilot show has the present state\n",
		       stamp, DEVICE_WIDTH, "-", cli_color(COLOR_RED), EVENT_WIDTH,
		       "monitor.lost", cli_color(COLOR_RESET));
	}
}

static void on_lost(void *data)
{
	struct monitor *m = data;

	/* Sequence numbers begin anew: this loss is not told twice. */
	m->n_seen = 0;
	if (!m->failed)
		say_lost(m, NULL, 0);
}

static enum cli_color event_color(const struct pilot_event_info *e)
{
	switch (e->type) {
	case PILOT_EVENT_KEY_INSTALLED:
	case PILOT_EVENT_KEY_CONFIRMED:
		return COLOR_GREEN;
	case PILOT_EVENT_REGISTRY_CHANGED:
		return e->registry == PILOT_REGISTRY_REGISTERED ? COLOR_GREEN : COLOR_YELLOW;
	case PILOT_EVENT_NEED_KEY:
	case PILOT_EVENT_NEED_PEER:
	case PILOT_EVENT_KEY_DROPPED:
	case PILOT_EVENT_ENDPOINT_CHANGED:
	case PILOT_EVENT_PATH_CHANGED:
	case PILOT_EVENT_SALVAGED:
		return COLOR_YELLOW;
	case PILOT_EVENT_GAVE_UP:
	case PILOT_EVENT_NONCE_REPLAY:
	case PILOT_EVENT_SRC_SPOOFED:
	case PILOT_EVENT_CLEARED:
	case PILOT_EVENT_HANDLER_GONE:
		return COLOR_RED;
	default:
		return COLOR_CYAN;
	}
}

/* Columns, so that the eye finds event and node; then what there is, by name. */
static void print_event(struct monitor *m, const struct pilot_event_info *e,
			const struct seen *dev, const char *stamp)
{
	char text[PILOT_ENDPOINT_STRLEN], address[PILOT_ADDRESS_STRLEN];
	const char *name = pilot_event_name(e);
	/* Before what follows the event; lines do not end with spaces. */
	int len = (int)strlen(name), pad = len < EVENT_WIDTH ? EVENT_WIDTH - len : 0;

#define HAS(attr) (e->has & PILOT_HAS(attr))
	printf("%s%s%s %-*s %s%s%s", cli_color(COLOR_DIM), stamp, cli_color(COLOR_RESET),
	       DEVICE_WIDTH, cli_ifname(&e->dev), cli_color(event_color(e)), name,
	       cli_color(COLOR_RESET));
	if (!strcmp(name, "unknown")) {
		printf("%*s type %u", pad, "", e->type);
		pad = 0;
	}
	if (HAS(PILOT_A_EVENT_NODE_ID)) {
		printf("%*s node %s%u%s", pad, "", cli_color(COLOR_BOLD), e->node_id,
		       cli_color(COLOR_RESET));
		pad = 0;
		if (dev && dev->network_known)
			printf(" (%s)", pilot_format_address(dev->network,
							     e->node_id, address));
	}
	if (HAS(PILOT_A_EVENT_REGISTRY))
		printf("%*s registry %s", pad, "", pilot_registry_name(e->registry));
	if (HAS(PILOT_A_EVENT_KEY_ID))
		printf(" key %u", e->key_id);
	if (HAS(PILOT_A_EVENT_REASON))
		printf(" reason %s", pilot_reason_name(e->reason));
	if (HAS(PILOT_A_EVENT_ENDPOINT))
		printf(" endpoint %s", pilot_format_endpoint(&e->endpoint, text));
	if (HAS(PILOT_A_EVENT_PATH))
		printf(" path %s", pilot_path_name(e->path));
	if (HAS(PILOT_A_EVENT_COUNT))
		printf(" count %u", e->count);
	if (e->type == PILOT_EVENT_KEY_INSTALLED)
		printf(" %s", HAS(PILOT_A_EVENT_AUTHENTICATED) ?
			      "authenticated" : "unauthenticated");
	if (HAS(PILOT_A_EVENT_REKEYED))
		fputs(" rekeyed", stdout);
	if (HAS(PILOT_A_EVENT_RELAYED))
		fputs(" relayed", stdout);
	if (putchar('\n') == EOF)
		m->failed = cli_fail("cannot write to stdout: %s", strerror(errno));
}

static void print_event_json(struct monitor *m, const struct pilot_event_info *e,
			     const struct seen *dev, const char *stamp)
{
	char text[PILOT_ENDPOINT_STRLEN];
	json_t *o = json_pack("{s:s, s:s, s:s, s:o, s:o}",
		"time", stamp, "event", pilot_event_name(e),
		"ifname", cli_ifname(&e->dev),
		"ifindex", cli_json_u64(e->dev.ifindex),
		"seq", cli_json_u64(e->seq));

	if (!strcmp(pilot_event_name(e), "unknown"))
		json_object_set_new(o, "type", cli_json_u64(e->type));
	if (HAS(PILOT_A_EVENT_NODE_ID)) {
		json_object_set_new(o, "node_id", cli_json_u64(e->node_id));
		if (dev && dev->network_known)
			json_object_set_new(o, "address",
				json_string(pilot_format_address(dev->network,
								 e->node_id, text)));
	}
	if (HAS(PILOT_A_EVENT_KEY_ID))
		json_object_set_new(o, "key_id", cli_json_u64(e->key_id));
	if (HAS(PILOT_A_EVENT_REASON))
		json_object_set_new(o, "reason",
				    json_string(pilot_reason_name(e->reason)));
	if (HAS(PILOT_A_EVENT_ENDPOINT))
		json_object_set_new(o, "endpoint",
			e->endpoint.sa.sa_family ?
			json_string(pilot_format_endpoint(&e->endpoint, text)) :
			json_null());
	if (HAS(PILOT_A_EVENT_PATH))
		json_object_set_new(o, "path",
				    json_string(pilot_path_name(e->path)));
	if (HAS(PILOT_A_EVENT_COUNT))
		json_object_set_new(o, "count", cli_json_u64(e->count));
	if (HAS(PILOT_A_EVENT_REGISTRY))
		json_object_set_new(o, "registry",
				    json_string(pilot_registry_name(e->registry)));
	if (e->type == PILOT_EVENT_KEY_INSTALLED) {
		json_object_set_new(o, "authenticated",
				    json_boolean(HAS(PILOT_A_EVENT_AUTHENTICATED)));
		json_object_set_new(o, "rekeyed",
				    json_boolean(HAS(PILOT_A_EVENT_REKEYED)));
		json_object_set_new(o, "relayed",
				    json_boolean(HAS(PILOT_A_EVENT_RELAYED)));
	}
	if (cli_print_json(o, JSON_COMPACT))
		m->failed = true;
#undef HAS
}

static int on_msg(const struct nlmsghdr *nlh, void *data)
{
	struct monitor *m = data;
	struct pilot_device_info info = { 0 };
	struct pilot_event_info e;
	struct pilot_error err;
	struct seen *dev;
	char stamp[64];
	bool fresh;

	/* What came with a line that could not be written: said once is enough. */
	if (m->failed || pilot_msg_cmd(nlh) != PILOT_CMD_EVENT)
		return 0;
	if (pilot_msg_event(nlh, &e, &err)) {
		cli_warn("an event was passed over: %s", err.text);
		return 0;
	}
	if (m->only && strcmp(m->only, e.dev.ifname))
		return 0;

	dev = find_seen(m, e.dev.ifindex, &fresh);
	/* A number that goes back is another device with the old index. */
	if (dev && !fresh && e.seq - dev->seq - 1 < UINT32_MAX / 2 &&
	    e.seq - dev->seq - 1)
		say_lost(m, cli_ifname(&e.dev), e.seq - dev->seq - 1);
	if (m->failed)
		return 0;
	if (dev) {
		dev->seq = e.seq;
		/* The network is not in the event; ask, and again if it changed. */
		if (!dev->network_known || e.type == PILOT_EVENT_DEVICE_CHANGED) {
			const struct pilot_dev ref = { .ifindex = e.dev.ifindex };

			dev->network_known = !pilot_device_get(&m->requests, &ref,
							       &info);
			dev->network = info.network;
		}
	}

	now(m->json, stamp, sizeof(stamp));
	if (m->json)
		print_event_json(m, &e, dev, stamp);
	else
		print_event(m, &e, dev, stamp);
	return 0;
}

static int loop(struct monitor *m)
{
	struct sigaction action = { .sa_handler = on_signal };
	struct pollfd pfd[2] = {
		{ .fd = pilot_genl_fd(&m->events), .events = POLLIN },
		/* A closed pipe ends us even while nothing happens. */
		{ .fd = STDOUT_FILENO },
	};

	/* Without SA_RESTART, so that poll() returns. */
	sigaction(SIGINT, &action, NULL);
	sigaction(SIGTERM, &action, NULL);

	while (!stop && !m->failed) {
		if (poll(pfd, 2, -1) < 0) {
			if (errno == EINTR)
				continue;
			return cli_fail("poll: %s", strerror(errno));
		}
		if (pfd[1].revents & (POLLERR | POLLHUP | POLLNVAL))
			return CLI_DONE;
		if (pfd[0].revents && pilot_genl_recv(&m->events) < 0)
			return cli_fail("%s", m->events.err.text);
	}
	return m->failed ? CLI_FAILED : CLI_DONE;
}

static int run(int argc, char **argv)
{
	struct monitor m = { .json = cli_take_json(&argc, argv) };
	struct pilot_device_info info;
	struct pilot_error err;
	struct pilot_dev dev;
	int ret;

	if (argc > 1 && argv[1][0] == '-')
		return cli_usage(&cmd_monitor, "there is no option \"%.40s\"%s", argv[1],
				 cli_did_you_mean(argv[1], (const char *const[]){ "--json", NULL }));
	if (argc > 2)
		return cli_usage(&cmd_monitor, "unexpected argument \"%.40s\"",
				 argv[2]);
	if (argc == 2 && cli_parse_dev(argv[1], &dev, &err))
		return cli_bad_value(&cmd_monitor, &err);

	setvbuf(stdout, NULL, _IOLBF, 0);
	if (pilot_genl_open(&m.requests)) {
		ret = cli_fail("%s", m.requests.err.text);
	} else if (argc == 2 && pilot_device_get(&m.requests, &dev, &info)) {
		ret = cli_fail("%s: %s", dev.ifname, m.requests.err.text);
	} else if (pilot_genl_open_events(&m.events, on_msg, on_lost, &m)) {
		ret = cli_fail("%s", m.events.err.text);
	} else {
		if (argc == 2)
			m.only = info.dev.ifname; /* events do not have alternative names */
		ret = loop(&m);
	}
	pilot_genl_close(&m.events);
	pilot_genl_close(&m.requests);
	free(m.seen);
	return ret;
}

const struct cli_command cmd_monitor = {
	.name = "monitor",
	.usage = "monitor [DEV] [-j|--json]",
	.summary = "print events as they happen",
	.help = "  -j, --json  a JSON object a line\n",
	.run = run,
};
