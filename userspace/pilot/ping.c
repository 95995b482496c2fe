// SPDX-License-Identifier: GPL-2.0
/*
 * pilot ping: control packets to port 0 of a node, by a packet socket on the
 * device. What answers is the peer's kernel module, or the reference.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <getopt.h>
#include <linux/if_packet.h>
#include <math.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <sodium.h>

#include "cli.h"

/* On the device, where pilot packets go; see the kernel's map.h. */
#define ETH_P_PILOT	0x88B5

#define PAYLOAD_DEFAULT	56
#define PAYLOAD_MAX	65000
#define SEC		INT64_C(1000000000)
#define INTERVAL_MIN	0.05	/* s */
/* Waited for the last answers at least, if there was one before. */
#define LINGER		SEC
/* Pings of which a late answer is still told from a doubled one. */
#define REMEMBERED	1024

/**
 * struct ping - a run
 * @g: for what the kernel knows of the peer
 * @dev: device
 * @info: its settings
 * @node: whom to ping
 * @fd: packet socket
 * @sport: port of ours, which names this run
 * @count: pings to send, 0 no end
 * @interval: ns between two
 * @size: bytes of payload
 * @wait: ns to wait for an answer if none came at all
 * @quiet: only the summary
 * @json: as JSON
 * @replies: of JSON
 * @sent_at: when the latest pings were sent, ns; a ring
 * @answered: which of those were
 * @seq: number of the last one
 * @received: answers, each ping once
 * @doubled: further ones
 * @errors: pings that could not be sent
 * @min: shortest round trip, ns
 * @max: longest
 * @sum: of all
 * @sum2: of their squares
 */
struct ping {
	struct pilot_genl g;
	struct pilot_dev dev;
	struct pilot_device_info info;
	uint32_t node;
	int fd;
	uint16_t sport;
	uint32_t count;
	int64_t interval;
	uint32_t size;
	int64_t wait;
	bool quiet;
	bool json;
	bool failed;
	json_t *replies;
	int64_t sent_at[REMEMBERED];
	bool answered[REMEMBERED];
	uint32_t seq;
	uint32_t received;
	uint32_t doubled;
	uint32_t errors;
	int64_t min;
	int64_t max;
	double sum;
	double sum2;
};

static volatile sig_atomic_t stop;

static void on_signal(int sig)
{
	(void)sig;
	stop = 1;
}

static int64_t now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec * SEC + ts.tv_nsec;
}

/* CRC32-IEEE, as protocol.rst asks for; a few kilobytes a second. */
static uint32_t crc32_of(const uint8_t *p, size_t len)
{
	uint32_t crc = ~0U;
	int i;

	while (len--) {
		crc ^= *p++;
		for (i = 0; i < 8; i++)
			crc = crc >> 1 ^ (crc & 1 ? 0xedb88320 : 0);
	}
	return ~crc;
}

/* What an answer must return; differs from ping to ping. */
static void fill(uint8_t *payload, uint32_t size, uint32_t seq)
{
	uint32_t i;

	for (i = 0; i < size; i++)
		payload[i] = (uint8_t)(seq + i);
}

static const char *why_not_sent(int err)
{
	switch (err) {
	case ENOKEY:
		return "no such peer";
	case EHOSTUNREACH:
		return "no key: the peer does not answer, or too much waits for it";
	case EDESTADDRREQ:
		return "no address of the peer is known";
	case EMSGSIZE:
		return "too long for the device; see its MTU";
	case ENETDOWN:
		return "the device is down";
	default:
		return strerror(err);
	}
}

static void send_ping(struct ping *p)
{
	struct sockaddr_ll to = {
		.sll_family = AF_PACKET, .sll_protocol = htons(ETH_P_PILOT),
		.sll_ifindex = (int)p->dev.ifindex,
	};
	static uint8_t packet[PILOT_INNER_HLEN + PAYLOAD_MAX];
	struct pilot_inner h = {
		.ver_flags = PILOT_INNER_VERSION << 4,
		.proto = PILOT_PROTO_CONTROL,
		.len = htons((uint16_t)p->size),
		.src_net = htons(p->info.network),
		.src = htonl(p->info.node_id),
		.dst_net = htons(p->info.network),
		.dst = htonl(p->node),
		.sport = htons(p->sport),
		.seq = htonl(++p->seq),
	};

	memcpy(packet, &h, sizeof(h));
	fill(packet + sizeof(h), p->size, p->seq);
	h.crc = htonl(crc32_of(packet, sizeof(h) + p->size));
	memcpy(packet, &h, sizeof(h));
	p->sent_at[p->seq % REMEMBERED] = now();
	p->answered[p->seq % REMEMBERED] = false;
	if (sendto(p->fd, packet, sizeof(h) + p->size, 0, (struct sockaddr *)&to,
		   sizeof(to)) >= 0)
		return;
	p->errors++;
	if (!p->quiet)
		cli_warn("ping %u of node %u: %s", p->seq, p->node, why_not_sent(errno));
}

/* Whether a packet is the answer to a ping of ours; sets which. */
static bool is_answer(const struct ping *p, const uint8_t *packet, size_t len,
		      uint32_t *seq)
{
	uint8_t want[PAYLOAD_MAX];
	struct pilot_inner h;

	if (len < sizeof(h))
		return false;
	memcpy(&h, packet, sizeof(h));
	*seq = ntohl(h.ack) - 1;
	if (h.ver_flags != (PILOT_INNER_VERSION << 4 | PILOT_INNER_F_ACK) ||
	    h.proto != PILOT_PROTO_CONTROL || h.sport || ntohs(h.dport) != p->sport ||
	    ntohl(h.src) != p->node || ntohl(h.dst) != p->info.node_id ||
	    ntohs(h.len) != p->size || len < sizeof(h) + p->size ||
	    *seq - 1 >= p->seq || p->seq - *seq >= REMEMBERED)
		return false;
	fill(want, p->size, *seq);
	return !memcmp(packet + sizeof(h), want, p->size);
}

static bool crc_is_right(uint8_t *packet, size_t len)
{
	struct pilot_inner *h = (struct pilot_inner *)packet;
	uint32_t crc = ntohl(h->crc);

	h->crc = 0;
	return crc == crc32_of(packet, len);
}

static void tell_answer(struct ping *p, uint32_t seq, int64_t rtt, bool again)
{
	char place[PILOT_ENDPOINT_STRLEN] = "";
	/* its name may change, or be an alternative one */
	const struct pilot_dev dev = { .ifindex = p->dev.ifindex };
	struct pilot_peer_info peer;
	const char *path = "unknown";

	if (p->quiet)
		return;
	if (!pilot_peer_get(&p->g, &dev, p->node, &peer)) {
		path = pilot_path_name(peer.path_active);
		if (peer.endpoint.sa.sa_family)
			pilot_format_endpoint(&peer.endpoint, place);
		pilot_peer_clear(&peer);
	}
	if (p->json)
		json_array_append_new(p->replies, json_pack("{s:o, s:f, s:s, s:o, s:b}",
			"seq", cli_json_u64(seq), "rtt_ms", (double)rtt / 1e6, "path", path,
			"endpoint", *place ? json_string(place) : json_null(),
			"duplicate", again));
	else if (printf("%u bytes from %s: seq=%u time=%.3f ms %s%s%s%s\n", p->size,
			cli_node(p->info.network, p->node), seq, (double)rtt / 1e6, path,
			*place ? " " : "", place, again ? " (DUP!)" : "") < 0 && !p->failed)
		p->failed = cli_fail("cannot write to stdout: %s", strerror(errno));
}

static void receive(struct ping *p)
{
	static uint8_t packet[PILOT_INNER_HLEN + PAYLOAD_MAX];
	int64_t rtt, at;
	uint32_t seq;
	ssize_t len;
	bool again;

	while ((len = recv(p->fd, packet, sizeof(packet), MSG_DONTWAIT)) >= 0) {
		at = now();
		if (!is_answer(p, packet, (size_t)len, &seq))
			continue;
		if (!crc_is_right(packet, sizeof(struct pilot_inner) + p->size)) {
			if (!p->quiet)
				cli_warn("ping %u of node %u: the answer has a wrong checksum",
					 seq, p->node);
			continue;
		}
		rtt = at - p->sent_at[seq % REMEMBERED];
		again = p->answered[seq % REMEMBERED];
		p->answered[seq % REMEMBERED] = true;
		if (again) {
			p->doubled++;
		} else {
			if (!p->received++ || rtt < p->min)
				p->min = rtt;
			if (rtt > p->max)
				p->max = rtt;
			p->sum += (double)rtt;
			p->sum2 += (double)rtt * (double)rtt;
		}
		tell_answer(p, seq, rtt, again);
	}
}

static int loop(struct ping *p)
{
	struct pollfd pfd = { .fd = p->fd, .events = POLLIN };
	int64_t next = now(), end = 0, left;

	for (;;) {
		int64_t t = now();

		if (stop)
			return 0;
		if (t >= next && (!p->count || p->seq < p->count)) {
			send_ping(p);
			next += p->interval;
			if (next < t)
				next = t;
			end = now() + p->wait;
		}
		if (p->count && p->seq == p->count) {
			if (p->received + p->errors >= p->count)
				return 0;
			left = end - t;
			/* what takes twice the longest, or this long, will not come */
			if (p->received) {
				int64_t enough = 2 * p->max > LINGER ? 2 * p->max : LINGER;
				int64_t late = p->sent_at[p->seq % REMEMBERED] + enough;

				if (late - t < left)
					left = late - t;
			}
			if (left <= 0)
				return 0;
		} else {
			left = next - t;
		}
		if (poll(&pfd, 1, left > 0 ? (int)(left / 1000000) + 1 : 0) < 0 && errno != EINTR)
			return cli_fail("poll: %s", strerror(errno));
		if (pfd.revents & POLLIN) {
			receive(p);
			if (p->failed)
				return CLI_FAILED;
		} else if (pfd.revents) {
			int err = 0;
			socklen_t len = sizeof(err);

			getsockopt(p->fd, SOL_SOCKET, SO_ERROR, &err, &len);
			return cli_fail("%s: %s", p->dev.ifname,
					err ? why_not_sent(err) : "the device is gone");
		}
	}
}

static int report(struct ping *p, int64_t took)
{
	double n = p->received, avg = n ? p->sum / n : 0;
	double var = n ? p->sum2 / n - avg * avg : 0;
	double mdev = var > 0 ? sqrt(var) : 0;
	double loss = p->seq ? 100.0 * (p->seq - p->received) / p->seq : 0;

	if (p->json)
		return cli_print_json(json_pack("{s:o, s:s, s:o, s:o, s:o, s:o, s:f, s:f, s:o, s:o}",
			"node_id", cli_json_u64(p->node),
			"ifname", cli_ifname(&p->dev),
			"transmitted", cli_json_u64(p->seq),
			"received", cli_json_u64(p->received),
			"duplicates", cli_json_u64(p->doubled),
			"errors", cli_json_u64(p->errors),
			"loss_percent", loss,
			"time_ms", (double)took / 1e6,
			"rtt_ms", n ? json_pack("{s:f, s:f, s:f, s:f}",
				"min", (double)p->min / 1e6, "avg", avg / 1e6,
				"max", (double)p->max / 1e6, "mdev", mdev / 1e6) : json_null(),
			"replies", json_incref(p->replies)), JSON_INDENT(4));
	printf("\n--- %s ping statistics ---\n", cli_node(p->info.network, p->node));
	printf("%u packets transmitted, %u received", p->seq, p->received);
	if (p->doubled)
		printf(", +%u duplicates", p->doubled);
	if (p->errors)
		printf(", +%u errors", p->errors);
	printf(", %.6g%% packet loss, time %.0fms\n", loss, (double)took / 1e6);
	if (n)
		printf("rtt min/avg/max/mdev = %.3f/%.3f/%.3f/%.3f ms\n", (double)p->min / 1e6,
		       avg / 1e6, (double)p->max / 1e6, mdev / 1e6);
	return CLI_DONE;
}

static int open_socket(struct ping *p)
{
	struct sockaddr_ll at = {
		.sll_family = AF_PACKET, .sll_protocol = htons(ETH_P_PILOT),
		.sll_ifindex = (int)p->dev.ifindex,
	};

	/* Nothing is received before it is bound. */
	p->fd = socket(AF_PACKET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (p->fd < 0)
		return cli_fail("packet socket: %s", strerror(errno));
	if (bind(p->fd, (struct sockaddr *)&at, sizeof(at)))
		return cli_fail("%s: %s", p->dev.ifname, strerror(errno));
	return CLI_DONE;
}

static int ping(struct ping *p, int network)
{
	struct sigaction action = { .sa_handler = on_signal };
	int64_t begun;
	int ret;

	if (pilot_genl_open(&p->g))
		return cli_fail("%s", p->g.err.text);
	ret = cli_check_network(&p->g, &p->dev, network);
	if (ret)
		return ret;
	if (pilot_device_get(&p->g, &p->dev, &p->info))
		return cli_fail("%s: %s", p->dev.ifname, p->g.err.text);
	p->dev.ifindex = p->info.dev.ifindex;
	if (!p->info.node_id)
		return cli_fail("%s: the device has no node ID yet", p->dev.ifname);
	if (p->info.node_id == p->node)
		return cli_fail("%s: node %u is the device itself", p->dev.ifname, p->node);
	ret = open_socket(p);
	if (ret)
		return ret;
	p->replies = json_array();
	p->sport = (uint16_t)(32768 + randombytes_uniform(32768));
	/* Without SA_RESTART, so that poll() returns. */
	sigaction(SIGINT, &action, NULL);
	sigaction(SIGTERM, &action, NULL);
	setvbuf(stdout, NULL, _IOLBF, 0);
	if (!p->json)
		printf("PING %s by %s: %u bytes of data.\n",
		       cli_node(p->info.network, p->node), cli_ifname(&p->dev), p->size);
	begun = now();
	ret = loop(p);
	if (!ret)
		ret = report(p, now() - begun);
	return ret ? ret : p->received ? CLI_DONE : CLI_FAILED;
}

/* "0.2": seconds, in ns. */
static int parse_seconds(const char *s, const char *what, double min, int64_t *ns,
			 struct pilot_error *err)
{
	char *end;
	double d = strtod(s, &end);

	if (end == s || *end || !(d >= min && d <= 3600))
		return pilot_error_set(err, -EINVAL, "%s \"%.40s\" is not %g to 3600 seconds",
				       what, s, min);
	*ns = (int64_t)(d * SEC);
	return 0;
}

static int run(int argc, char **argv)
{
	struct ping *p = calloc(1, sizeof(*p));
	struct pilot_error err;
	int network, opt, ret = CLI_DONE;

	if (!p)
		return cli_fail("out of memory");
	p->fd = -1;
	p->interval = SEC;
	p->wait = 10 * SEC;
	p->size = PAYLOAD_DEFAULT;
	p->json = cli_take_json(&argc, argv);
	opterr = 0;
	while (!ret && (opt = getopt(argc, argv, ":c:i:s:W:q")) != -1) {
		switch (opt) {
		case 'c':
			if (pilot_parse_u32(optarg, "-c", 1, UINT32_MAX - 1, &p->count, &err))
				ret = cli_bad_value(&cmd_ping, &err);
			break;
		case 's':
			if (pilot_parse_u32(optarg, "-s", 0, PAYLOAD_MAX, &p->size, &err))
				ret = cli_bad_value(&cmd_ping, &err);
			break;
		case 'i':
			if (parse_seconds(optarg, "-i", INTERVAL_MIN, &p->interval, &err))
				ret = cli_bad_value(&cmd_ping, &err);
			break;
		case 'W':
			if (parse_seconds(optarg, "-W", 0.01, &p->wait, &err))
				ret = cli_bad_value(&cmd_ping, &err);
			break;
		case 'q':
			p->quiet = true;
			break;
		case ':':
			ret = cli_usage(&cmd_ping, "-%c needs a value", optopt);
			break;
		default:
			ret = cli_no_option(&cmd_ping, optopt, argv);
			break;
		}
	}
	if (ret)
		goto out;
	if (optind >= argc)
		ret = cli_usage(&cmd_ping, "which device?");
	else if (optind + 1 >= argc)
		ret = cli_usage(&cmd_ping, "which node?");
	else if (cli_parse_dev(argv[optind], &p->dev, &err) ||
		 pilot_parse_node(argv[optind + 1], &p->node, &network, &err))
		ret = cli_bad_value(&cmd_ping, &err);
	else if (optind + 2 < argc)
		ret = cli_usage(&cmd_ping, "unexpected argument \"%.40s\"", argv[optind + 2]);
	else
		ret = ping(p, network);
out:
	pilot_genl_close(&p->g);
	if (p->fd >= 0)
		close(p->fd);
	json_decref(p->replies);
	free(p);
	return ret;
}

const struct cli_command cmd_ping = {
	.name = "ping",
	.usage = "ping [-c COUNT] [-i SECONDS] [-s BYTES] [-W SECONDS] [-q] [-j|--json] DEV NODE",
	.summary = "ask a node for a sign of life, by the tunnel",
	.help = "  -c          how many, else until interrupted\n"
		"  -i          seconds between two, from 0.05; default 1\n"
		"  -s          bytes of payload, default 56\n"
		"  -W          seconds to wait if there is no answer at all, default 10\n"
		"  -q          only the summary\n"
		"  -j, --json  a JSON object at the end\n"
		"\n"
		"Exit status: 0 the node answered, 1 it did not or an error, 2 wrong usage.\n",
	.run = run,
};
