// SPDX-License-Identifier: GPL-2.0
/*
 * A kernel that is none, for tests of what pilot prints: stands in for
 * lib/genl.c and lib/cmd.c. Two devices, pilot0 with peers in every state and
 * values at their ends, and one with a hostile name. Counters grow with the clock.
 *
 *   FAKE_PEERS=N     that many more peers of pilot0
 *   FAKE_GONE=FILE   pilot0 is not there while FILE is
 *   FAKE_DELAY=MS    it takes so long to tell its peers
 *   FAKE_TORN=1      they came and went meanwhile: nodes 2 and 3 are told twice
 */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "lib/cmd.h"
#include "lib/text.h"

#define IFINDEX		7
#define HOSTILE		8
#define HOSTILE_NAME	"q\"\\\n\033[31m\xff"
#define PEERS		10

/* Takes a descriptor, as a socket does. */
static int opened = -1;

int pilot_genl_open(struct pilot_genl *g)
{
	memset(g, 0, sizeof(*g));
	opened = open("/dev/null", O_RDWR);
	return 0;
}

/* Nothing ever comes: a pipe that nobody writes to. */
int pilot_genl_open_events(struct pilot_genl *g, pilot_genl_msg_cb on_msg,
			   void (*on_lost)(void *data), void *data)
{
	memset(g, 0, sizeof(*g));
	g->on_msg = on_msg;
	g->on_lost = on_lost;
	g->data = data;
	return 0;
}

void pilot_genl_close(struct pilot_genl *g)
{
	memset(g, 0, sizeof(*g));
	if (opened >= 0)
		close(opened);
	opened = -1;
}

int pilot_genl_fd(const struct pilot_genl *g)
{
	(void)g;
	return STDIN_FILENO;
}

int pilot_genl_recv(struct pilot_genl *g)
{
	return pilot_error_set(&g->err, -ENOSYS, "no events here");
}

static bool gone(void)
{
	const char *file = getenv("FAKE_GONE");

	return file && !access(file, F_OK);
}

/* A kernel that takes its time. */
static void delay(void)
{
	const char *text = getenv("FAKE_DELAY");

	if (text)
		usleep((useconds_t)strtoul(text, NULL, 10) * 1000);
}

static uint64_t ms(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * 1000 + (uint64_t)ts.tv_nsec / 1000000;
}

static void endpoint(struct pilot_endpoint *ep, const char *text)
{
	if (pilot_parse_endpoint(text, "endpoint", false, ep, NULL))
		abort();
}

static void fill_device(struct pilot_device_info *d, uint32_t ifindex)
{
	size_t i;

	memset(d, 0, sizeof(*d));
	d->dev.ifindex = ifindex;
	d->has = ~0U;
	d->max_peers = 16384;
	d->replay_window = 256;
	d->decrypt_fail_threshold = 5;
	d->outside_window_threshold = 30;
	d->replay_threshold = 30;
	d->decrypt_fail_grace = 3000;
	d->outside_window_grace = 3000;
	d->replay_grace = 3000;
	d->rekey_after = 1 << 28;
	strcpy(d->aead, "rfc4106-gcm-aesni");
	if (ifindex == HOSTILE) {
		strcpy(d->dev.ifname, HOSTILE_NAME);
		d->has &= ~PILOT_HAS(PILOT_A_DEVICE_HANDLER);
		return;
	}
	strcpy(d->dev.ifname, "pilot0");
	d->node_id = 1;
	d->network = 5;
	d->listen_port = 37736;
	d->fwmark = UINT32_MAX;
	endpoint(&d->beacon, "[fe80::1%lo]:9001");
	d->unauth = true;
	d->on_demand = true;
	d->handler = 4242;
	d->event_seq = UINT32_MAX;
	d->cleared = 1;
	d->peers = PEERS;
	d->keys = 4;
	d->status.has = ~0U;
	d->status.registry = PILOT_REGISTRY_DOWN;
	d->status.registry_since = 61000;
	strcpy(d->status.registry_address, "registry.example:9000");
	strcpy(d->status.registry_error, "a \"quoted\" back\\slash");
	endpoint(&d->status.reflexive, "198.51.100.1:4000");
	for (i = PILOT_A_STATS_PAD + 1; i <= PILOT_A_STATS_MAX; i++)
		d->stats.v[i] = i * 1000;
	d->stats.v[PILOT_A_STATS_RX_BYTES] = ms() * 125000;	/* 1 Gbit/s */
}

int pilot_device_get(struct pilot_genl *g, const struct pilot_dev *dev,
		     struct pilot_device_info *info)
{
	bool hostile = !strcmp(dev->ifname, HOSTILE_NAME);

	if (gone() || (strcmp(dev->ifname, "pilot0") && dev->ifindex != IFINDEX && !hostile))
		return pilot_error_set(&g->err, -ENODEV, "ifname: no such device");
	fill_device(info, hostile ? HOSTILE : IFINDEX);
	return 0;
}

int pilot_device_dump(struct pilot_genl *g, struct pilot_device_info **list,
		      size_t *n)
{
	(void)g;
	*list = calloc(2, sizeof(**list));
	*n = 0;
	/* It goes while it is listed: what is asked about it then fails. */
	fill_device(&(*list)[(*n)++], IFINDEX);
	fill_device(&(*list)[(*n)++], HOSTILE);
	return 0;
}

int pilot_device_set(struct pilot_genl *g, const struct pilot_device_info *info)
{
	(void)info;
	return pilot_error_set(&g->err, -EPERM, "not here");
}

static void add_key(struct pilot_peer_info *p, uint8_t slot, uint64_t age)
{
	struct pilot_key_info *key = &p->keys[p->n_keys++];

	key->has = PILOT_HAS(PILOT_A_KEY_PROVEN) | PILOT_HAS(PILOT_A_KEY_AUTHENTICATED);
	key->node_id = p->node_id;
	key->id = UINT32_MAX;
	key->slot = slot;
	key->age = age;
	key->last_rx = age / 2;
	key->tx_prefix = UINT32_MAX;
	key->tx_counter = UINT64_MAX;
}

/* Node 2 + i. The first are in one state each; 100 * i bytes a second. */
static void fill_peer(struct pilot_peer_info *p, size_t i)
{
	char text[32];

	memset(p, 0, sizeof(*p));
	p->node_id = (uint32_t)i + 2;
	p->keepalive = 25;
	p->path_active = i % 2 ? PILOT_PATH_RELAY : PILOT_PATH_DIRECT;
	p->last_rx = PILOT_NEVER;
	p->last_tx = PILOT_NEVER;
	p->keys = calloc(2, sizeof(*p->keys));
	p->allowed_ips = calloc(2, sizeof(*p->allowed_ips));
	if (!p->keys || !p->allowed_ips)
		abort();
	snprintf(text, sizeof(text), "192.0.2.%zu:%zu", i % 250 + 1, i % 60000 + 1);
	endpoint(&p->endpoint, text);
	p->stats.v[PILOT_A_STATS_RX_PACKETS] = ms() * i / 1000;
	p->stats.v[PILOT_A_STATS_RX_BYTES] = ms() * i / 10;
	p->stats.v[PILOT_A_STATS_TX_PACKETS] = ms() * (1000 - i % 1000) / 1000;
	p->stats.v[PILOT_A_STATS_TX_BYTES] = ms() * (1000 - i % 1000) / 10;

	switch (i) {
	case 0: /* in doubt */
		add_key(p, PILOT_SLOT_CURRENT, 5000);
		p->keys[0].gated = PILOT_REASON_DECRYPT_FAIL;
		p->has |= PILOT_HAS(PILOT_A_PEER_NEED_KEY);
		p->need_key = PILOT_REASON_DECRYPT_FAIL;
		p->last_rx = 1000;
		break;
	case 1: /* unproven, no identity; IPv6 */
		add_key(p, PILOT_SLOT_CURRENT, 100 * 86400000ULL);
		p->keys[0].has = 0;
		p->keys[0].last_rx = PILOT_NEVER;
		endpoint(&p->endpoint, "[2001:db8::1]:37736");
		break;
	case 2: /* waits */
		p->queued = 4;
		p->has |= PILOT_HAS(PILOT_A_PEER_NEED_KEY);
		p->need_key = PILOT_REASON_NO_KEY;
		break;
	case 3: /* gave up */
		p->cooldown = 1500;
		break;
	case 4: /* no key, nothing known */
		memset(&p->endpoint, 0, sizeof(p->endpoint));
		memset(&p->stats, 0, sizeof(p->stats));
		p->keepalive = 0;
		break;
	case 5: /* counters at their ends, all kinds of drops */
		memset(&p->stats, 0xff, sizeof(p->stats));
		add_key(p, PILOT_SLOT_CURRENT, UINT64_MAX - 1);
		break;
	default:
		add_key(p, PILOT_SLOT_CURRENT, i * 100);
		add_key(p, PILOT_SLOT_PREVIOUS, i * 1000);
		p->last_rx = i * 50;
		p->last_tx = i * 20;
		p->dynamic = i % 2;
		p->stats.v[PILOT_A_STATS_RX_NO_KEY] = i;
		pilot_parse_cidr("10.0.0.0/8", "", &p->allowed_ips[0], NULL);
		pilot_parse_cidr("2001:db8::/32", "", &p->allowed_ips[1], NULL);
		p->n_allowed_ips = 2;
	}
}

static size_t n_peers(void)
{
	const char *more = getenv("FAKE_PEERS");

	return PEERS + (more ? strtoul(more, NULL, 10) : 0);
}

int pilot_peer_dump(struct pilot_genl *g, const struct pilot_dev *dev,
		    struct pilot_peer_info **list, size_t *n)
{
	size_t i;

	*list = NULL;
	*n = 0;
	delay();
	if (dev->ifindex != HOSTILE && gone())
		return pilot_error_set(&g->err, -ENODEV, "ifindex: no such device");
	if (dev->ifindex == HOSTILE)
		return 0;
	*n = n_peers();
	*list = calloc(*n, sizeof(**list));
	g->torn = getenv("FAKE_TORN");
	for (i = 0; i < *n; i++)
		fill_peer(&(*list)[i], g->torn && i >= *n - 2 ? i - (*n - 2) : i);
	return 0;
}

int pilot_peer_get(struct pilot_genl *g, const struct pilot_dev *dev,
		   uint32_t node_id, struct pilot_peer_info *peer)
{
	(void)dev;
	(void)node_id;
	(void)peer;
	return pilot_error_set(&g->err, -ENOENT, "not here");
}

void pilot_peer_list_free(struct pilot_peer_info *list, size_t n)
{
	while (n--)
		pilot_peer_clear(&list[n]);
	free(list);
}

int pilot_peer_new(struct pilot_genl *g, const struct pilot_dev *dev,
		   const struct pilot_peer_info *peer)
{
	(void)dev;
	(void)peer;
	return pilot_error_set(&g->err, -EPERM, "not here");
}

int pilot_peer_set(struct pilot_genl *g, const struct pilot_dev *dev,
		   const struct pilot_peer_info *peer)
{
	return pilot_peer_new(g, dev, peer);
}

int pilot_peer_del(struct pilot_genl *g, const struct pilot_dev *dev, uint32_t node_id)
{
	(void)node_id;
	return pilot_peer_new(g, dev, NULL);
}

int pilot_key_dump(struct pilot_genl *g, const struct pilot_dev *dev,
		   struct pilot_key_info **list, size_t *n)
{
	struct pilot_peer_info *peers;
	size_t i, k, count;
	int ret = pilot_peer_dump(g, dev, &peers, &count);

	*n = 0;
	*list = ret ? NULL : calloc(2 * count, sizeof(**list));
	for (i = 0; i < count; i++)
		for (k = 0; k < peers[i].n_keys; k++)
			(*list)[(*n)++] = peers[i].keys[k];
	pilot_peer_list_free(peers, count);
	return ret;
}

int pilot_key_get(struct pilot_genl *g, const struct pilot_dev *dev,
		  uint32_t node_id, struct pilot_key_info **list, size_t *n)
{
	(void)node_id;
	return pilot_key_dump(g, dev, list, n);
}

int pilot_key_set(struct pilot_genl *g, const struct pilot_dev *dev,
		  const struct pilot_key_info *key, struct pilot_key_info *result)
{
	(void)g;
	(void)dev;
	result->id = key->id ? key->id : 77;
	result->slot = PILOT_SLOT_NEXT;
	return 0;
}

int pilot_key_del(struct pilot_genl *g, const struct pilot_dev *dev,
		  uint32_t node_id, uint32_t id)
{
	(void)id;
	return pilot_peer_del(g, dev, node_id);
}

int pilot_rekey(struct pilot_genl *g, const struct pilot_dev *dev, uint32_t node_id)
{
	return pilot_peer_del(g, dev, node_id);
}
