// SPDX-License-Identifier: GPL-2.0
/*
 * The rules of the key exchange, one manager at a time: everything it does is
 * recorded, the clock is a number.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <sodium.h>

#include "constants.h"
#include "kex.h"
#include "manager.h"
#include "tap.h"
#include "vectors.h"

#define ME	7
#define PEER	9
#define NODES	(MAX_RETRANSMITS_PER_TICK * 16)

enum { RECENT = 2048 };

struct sent {
	uint32_t node;
	bool to_path;
	bool relayed;
	uint32_t addr;
	struct kex_frame f;
	uint8_t data[PILOT_PILA_LEN];
};

struct rig {
	struct manager *m;
	int64_t now;
	struct pilot_identity id;
	struct sent sent[RECENT];
	unsigned int n_sent;
	unsigned int installs;
	struct manager_key key;
	uint8_t secret[32], peer_x[32], local_x[32];
	int install_error;
	unsigned int drops;
	uint32_t dropped;
	unsigned int added;
	unsigned int endpoints;
	uint32_t endpoint;
	bool endpoint_if_none;
	unsigned int lookups;
	uint32_t lookup;
	int64_t decrypt_age;
	uint64_t tx_packets;
	unsigned int finds;
	bool can_relay;
	unsigned int flips;
	enum pilot_path wanted;		/* path asked for last, and how often */
	unsigned int wishes;
	unsigned int cooldowns;
	uint32_t cooldown;
	unsigned int gave_up;
	unsigned int refused;
	unsigned int failed;
	char detail[80];
	uint32_t path_addr;		/* where the path leads */
};

static void r_send(void *ctx, uint32_t node, const struct pilot_endpoint *to,
		   bool relayed, const uint8_t *data, size_t len)
{
	struct rig *r = ctx;
	struct sent *s = &r->sent[r->n_sent++ % RECENT];

	memset(s, 0, sizeof(*s));
	s->node = node;
	s->to_path = !to;
	s->relayed = relayed;
	s->addr = to ? ntohl(to->in.sin_addr.s_addr) : 0;
	memcpy(s->data, data, len);
	if (kex_parse(s->data, len, &s->f) || s->f.sender != ME ||
	    (s->f.pila && !kex_verify(&s->f)))
		ok(false, "a frame that was sent is malformed");
}

static bool r_on_path(void *ctx, uint32_t node, const struct pilot_endpoint *from,
		      bool relayed)
{
	struct rig *r = ctx;

	(void)node;
	return !relayed && ntohl(from->in.sin_addr.s_addr) == r->path_addr;
}

static int r_install(void *ctx, uint32_t node, const struct manager_key *key)
{
	struct rig *r = ctx;

	(void)node;
	r->installs++;
	r->key = *key;
	memcpy(r->secret, key->secret, 32);
	memcpy(r->peer_x, key->peer_x25519, 32);
	memcpy(r->local_x, key->local_x25519, 32);
	return r->install_error;
}

static void r_drop(void *ctx, uint32_t node, uint32_t id)
{
	struct rig *r = ctx;

	(void)node;
	r->drops++;
	r->dropped = id;
}

static int r_add(void *ctx, uint32_t node)
{
	struct rig *r = ctx;

	(void)node;
	r->added++;
	return 0;
}

static bool r_endpoint(void *ctx, uint32_t node, const struct pilot_endpoint *ep,
		       bool if_none)
{
	struct rig *r = ctx;

	(void)node;
	r->endpoints++;
	r->endpoint = ntohl(ep->in.sin_addr.s_addr);
	r->endpoint_if_none = if_none;
	return !if_none || !r->path_addr;
}

static void r_lookup(void *ctx, uint32_t node)
{
	struct rig *r = ctx;

	r->lookups++;
	r->lookup = node;
}

static int64_t r_age(void *ctx, uint32_t node, uint32_t id)
{
	struct rig *r = ctx;

	(void)node;
	(void)id;
	return r->decrypt_age;
}

static uint64_t r_tx_packets(void *ctx, uint32_t node)
{
	struct rig *r = ctx;

	(void)node;
	return r->tx_packets;
}

static void r_find(void *ctx, uint32_t node)
{
	struct rig *r = ctx;

	(void)node;
	r->finds++;
}

static bool r_path(void *ctx, uint32_t node, enum pilot_path path)
{
	struct rig *r = ctx;

	(void)node;
	r->wanted = path;
	r->wishes++;
	if (path != PILOT_PATH_RELAY || !r->can_relay)
		return false;
	r->can_relay = false;
	r->flips++;
	return true;
}

static void r_cooldown(void *ctx, uint32_t node, uint32_t ms)
{
	struct rig *r = ctx;

	(void)node;
	r->cooldowns++;
	r->cooldown = ms;
}

static void r_notice(void *ctx, enum manager_notice what, uint32_t node,
		     const char *detail)
{
	struct rig *r = ctx;

	(void)node;
	if (what == MANAGER_GAVE_UP)
		r->gave_up++;
	else if (what == MANAGER_REFUSED)
		r->refused++;
	else
		r->failed++;
	snprintf(r->detail, sizeof(r->detail), "%s", detail);
}

static const struct manager_ops ops = {
	.send_frame = r_send,
	.on_path = r_on_path,
	.install_key = r_install,
	.drop_key = r_drop,
	.add_peer = r_add,
	.set_endpoint = r_endpoint,
	.lookup_pubkey = r_lookup,
	.last_decrypt_age = r_age,
	.tx_packets = r_tx_packets,
	.find = r_find,
	.set_path = r_path,
	.set_cooldown = r_cooldown,
	.notice = r_notice,
};

/* The other end: an identity and X25519 keys by number. */
static struct pilot_identity peer_id, other_id;
static struct kex_pair peer_x[16];

#define HOME	0x0a000009u	/* where the peer lives */
#define AWAY	0x0a0000ffu	/* someone else */

static struct rig *rig_new(bool identity, bool unauth, uint32_t max, int64_t rekey)
{
	static struct pilot_identity mine;
	struct rig *r = calloc(1, sizeof(*r));
	struct manager_config cfg = {
		.node = ME, .allow_unauth = unauth, .max_peers = max, .rekey = rekey,
	};

	if (!r)
		abort();
	if (!mine.secret && pilot_identity_new(&mine, NULL))
		abort();
	cfg.identity = identity ? &mine : NULL;
	r->now = 500000;
	r->decrypt_age = -1;
	r->path_addr = HOME;
	r->m = manager_new(&cfg, &ops, r);
	if (!r->m)
		abort();
	return r;
}

static struct rig *rig(void)
{
	return rig_new(true, false, 100, 0);
}

static void rig_free(struct rig *r)
{
	manager_free(r->m);
	free(r);
}

static const struct sent *last(const struct rig *r)
{
	return &r->sent[(r->n_sent - 1) % RECENT];
}

/* Let time pass, with ticks where the manager wants them. */
static void pass(struct rig *r, int64_t ms)
{
	int64_t end = r->now + ms, due;

	for (;;) {
		due = manager_next_deadline(r->m);
		if (due < 0 || due > end)
			break;
		if (due > r->now)
			r->now = due;
		manager_tick(r->m, r->now);
	}
	r->now = end;
}

static void frame_in(struct rig *r, uint32_t addr, bool relayed, const uint8_t *data,
		     size_t len)
{
	struct pilot_endpoint ep = { .in = {
		.sin_family = AF_INET, .sin_port = htons(PILOT_DEFAULT_PORT),
		.sin_addr.s_addr = htonl(addr),
	} };
	/* exact size for ASan */
	uint8_t *copy = malloc(len ? len : 1);

	if (!copy)
		abort();
	memcpy(copy, data, len);
	manager_frame(r->m, r->now, &ep, relayed, copy, len);
	free(copy);
}

static void pila_from(struct rig *r, uint32_t addr, uint32_t node,
		      const struct pilot_identity *id, const uint8_t *x)
{
	uint8_t frame[PILOT_PILA_LEN];

	kex_build_pila(frame, node, x, id);
	frame_in(r, addr, false, frame, sizeof(frame));
}

static void pila(struct rig *r, unsigned int x)
{
	pila_from(r, HOME, PEER, &peer_id, peer_x[x].pub);
}

static void pilk_from(struct rig *r, uint32_t node, const uint8_t *x)
{
	uint8_t frame[PILOT_PILK_LEN];

	kex_build_pilk(frame, node, x);
	frame_in(r, HOME, false, frame, sizeof(frame));
}

static void registered(struct rig *r)
{
	manager_pin(r->m, r->now, PEER, peer_id.pub);
}

static bool installed_with(const struct rig *r, unsigned int x)
{
	uint8_t secret[32];

	return !memcmp(r->peer_x, peer_x[x].pub, 32) &&
	       !kex_derive(peer_x[x].priv, r->local_x, secret) &&
	       !memcmp(secret, r->secret, 32) &&
	       r->key.id == kex_key_id(peer_x[x].pub, r->local_x);
}

static void confirm(struct rig *r)
{
	manager_confirmed(r->m, r->now, PEER, r->key.id);
}

/* A proven session with the peer's key x; the manager started it. */
static void session(struct rig *r, unsigned int x)
{
	manager_need_key(r->m, r->now, PEER, PILOT_REASON_USER);
	pila(r, x);
	confirm(r);
}

static void test_retransmit(void)
{
	struct rig *r = rig();
	unsigned int i, pilas = 0, pilks = 0;
	bool same = true;

	manager_need_key(r->m, r->now, PEER, PILOT_REASON_NO_KEY);
	ok(r->n_sent == 1 && r->sent[0].f.pila && r->sent[0].to_path &&
	   r->sent[0].node == PEER, "start: one PILA along the path");
	pass(r, REKEY_RETRANSMIT_MS - 1);
	ok(r->n_sent == 1, "retransmit: not before 4 s");
	pass(r, 1);
	ok(r->n_sent == 3 && r->sent[1].f.pila && !r->sent[2].f.pila,
	   "retransmit: at 4 s, PILA and then a PILK");
	pass(r, 4 * REKEY_RETRANSMIT_MS);
	ok(r->gave_up == 0 && manager_pending(r->m) == 1,
	   "give-up: not before the last retry had its time");
	pass(r, REKEY_RETRANSMIT_MS);
	for (i = 0; i < r->n_sent; i++) {
		pilas += r->sent[i].f.pila;
		pilks += !r->sent[i].f.pila;
		same &= !memcmp(r->sent[i].f.x25519, r->sent[0].f.x25519, 32);
	}
	ok(pilas == 1 + MAX_REKEY_ATTEMPTS && pilks == MAX_REKEY_ATTEMPTS,
	   "retransmit: 1 + 5 PILA, 5 PILK");
	ok(same, "retransmit: one X25519 key for the whole exchange");
	ok(r->gave_up == 1 && r->cooldowns == 1 &&
	   r->cooldown == REKEY_GAVE_UP_COOLDOWN_MS && manager_pending(r->m) == 0,
	   "give-up: event and cooldown of 5 s");
	i = r->n_sent;
	manager_need_key(r->m, r->now + 1, PEER, PILOT_REASON_NO_KEY);
	pass(r, REKEY_GAVE_UP_COOLDOWN_MS - 1);
	ok(r->n_sent == i, "cooldown: nothing is sent");
	pass(r, 1);
	manager_need_key(r->m, r->now, PEER, PILOT_REASON_NO_KEY);
	ok(r->n_sent == i + 1 && memcmp(last(r)->f.x25519, r->sent[0].f.x25519, 32),
	   "cooldown: over, a new exchange with a fresh key");
	ok(last(r)->f.pila, "cooldown: the new exchange begins with a PILA alone");
	rig_free(r);
}

static void test_requests(void)
{
	struct rig *r = rig();

	registered(r);
	session(r, 0);
	pass(r, 10000);
	r->n_sent = 0;
	manager_need_key(r->m, r->now, PEER, PILOT_REASON_VOLUME);
	ok(r->n_sent == 1, "need-key: answered at once");
	pila(r, 1);
	confirm(r);
	pass(r, 500);
	r->n_sent = 0;
	manager_need_key(r->m, r->now, PEER, PILOT_REASON_VOLUME);
	pass(r, 3000);
	ok(r->n_sent == 0, "need-key: one that is older than the key is stale");
	manager_need_key(r->m, r->now, PEER, PILOT_REASON_DECRYPT_FAIL);
	ok(r->n_sent == 1, "need-key: later ones count");
	pila(r, 2);
	confirm(r);
	pass(r, 1500);
	r->n_sent = 0;
	manager_need_key(r->m, r->now, PEER, PILOT_REASON_DECRYPT_FAIL);
	ok(r->n_sent == 0, "need-key: one exchange per peer in 3 s");
	pass(r, 1499);
	ok(r->n_sent == 0, "need-key: put off, not yet due");
	pass(r, 1);
	ok(r->n_sent == 1, "need-key: not forgotten either");
	manager_need_key(r->m, r->now, PEER, PILOT_REASON_DECRYPT_FAIL);
	pass(r, 3500);
	ok(r->n_sent == 1, "need-key: nothing more while one waits for an answer");

	r->n_sent = 0;
	manager_need_key(r->m, r->now, PEER, PILOT_REASON_USER);
	ok(r->n_sent == 1, "user: at once");
	manager_need_key(r->m, r->now, PEER, PILOT_REASON_USER);
	ok(r->n_sent == 2 && memcmp(r->sent[0].f.x25519, r->sent[1].f.x25519, 32),
	   "user: a fresh key each time");
	rig_free(r);

	r = rig();
	manager_need_key(r->m, r->now, PEER, PILOT_REASON_NO_KEY);
	pass(r, 24001);
	r->n_sent = 0;
	manager_need_key(r->m, r->now, PEER, PILOT_REASON_USER);
	ok(r->gave_up == 1 && r->n_sent == 1, "user: even in the cooldown");
	rig_free(r);
}

static void test_no_identity(void)
{
	struct rig *r = rig_new(false, true, 100, 0);

	manager_need_key(r->m, r->now, PEER, PILOT_REASON_NO_KEY);
	pass(r, 4000);
	ok(r->n_sent == 2 && !r->sent[0].f.pila && !r->sent[1].f.pila,
	   "no identity: PILK only");
	registered(r);
	pila(r, 0);
	ok(r->installs == 1 && r->key.authenticated && !last(r)->f.pila,
	   "no identity: a registered peer's PILA is verified, answered with PILK");
	rig_free(r);
}

static void test_pilk_request(void)
{
	struct rig *r = rig();

	registered(r);
	session(r, 0);
	pass(r, 5000);
	r->n_sent = 0;
	manager_need_key(r->m, r->now, PEER, PILOT_REASON_VOLUME);
	pass(r, 8000);
	ok(r->n_sent == 3 && r->sent[1].f.pila && r->sent[2].f.pila,
	   "retransmit: no PILK while there is a session");
	rig_free(r);
}

static void test_relay(void)
{
	struct rig *r = rig();

	r->can_relay = true;
	manager_need_key(r->m, r->now, PEER, PILOT_REASON_NO_KEY);
	pass(r, 4000);
	ok(r->flips == 0, "relay: not at the first retry");
	pass(r, 4000);
	ok(r->flips == 1, "relay: at the second retry");
	pass(r, 5 * REKEY_RETRANSMIT_MS);
	ok(r->gave_up == 0, "relay: the flip resets the attempts");
	pass(r, REKEY_RETRANSMIT_MS);
	ok(r->gave_up == 1, "relay: given up there too");
	rig_free(r);

	r = rig();
	manager_need_key(r->m, r->now, PEER, PILOT_REASON_NO_KEY);
	pass(r, 18000);
	r->n_sent = 0;
	manager_path_changed(r->m, r->now, PEER);
	ok(r->n_sent == 1, "path change: sends at once");
	pass(r, 5 * REKEY_RETRANSMIT_MS);
	ok(r->gave_up == 0, "path change: resets the attempts");
	pass(r, REKEY_RETRANSMIT_MS);
	ok(r->gave_up == 1, "path change: given up in the end");
	manager_path_changed(r->m, r->now, PEER);
	rig_free(r);
}

static void test_many(void)
{
	struct rig *r = rig_new(false, false, NODES, 0);
	unsigned int i, before, ticks = 0;
	bool order = true, bounded = true;
	int64_t begin;

	for (i = 0; i < 1000; i++)
		manager_start(r->m, r->now, 100 + i);
	begin = r->now;
	while (r->n_sent < 1000 && ticks < 100) {
		before = r->n_sent;
		manager_tick(r->m, r->now);
		bounded &= r->n_sent - before <= MAX_RETRANSMITS_PER_TICK;
		r->now = manager_next_deadline(r->m);
		ticks++;
	}
	ok(bounded && r->n_sent == 1000 && ticks == (1000 + 63) / 64,
	   "1000 peers: at most 64 per tick");
	ok(r->now - begin <= 5000, "1000 peers: all asked within 5 s");
	/* Stop the clock's help: one tick late, the oldest must come first. */
	r->n_sent = 0;
	r->now += 60000;
	manager_tick(r->m, r->now);
	for (i = 0; i < r->n_sent; i++)
		order &= r->sent[i].node >= 100 && r->sent[i].node < 1100;
	pass(r, 5000);
	ok(order, "1000 peers: retries are theirs");
	rig_free(r);

	/* Started one after another, 10 ms apart; all are due: oldest first. */
	r = rig_new(false, false, NODES, 0);
	for (i = 0; i < 200; i++) {
		manager_need_key(r->m, r->now, 100 + (i * 37) % 200, PILOT_REASON_NO_KEY);
		r->now += 10;
	}
	r->now += 60000;
	r->n_sent = 0;
	manager_tick(r->m, r->now);
	order = r->n_sent == MAX_RETRANSMITS_PER_TICK;
	for (i = 0; i < r->n_sent; i++)
		order &= r->sent[i].node == 100 + (i * 37) % 200;
	ok(order, "retries: oldest first");
	rig_free(r);
}

static void test_lookup(void)
{
	struct rig *r = rig();
	unsigned int i;

	pila(r, 0);
	ok(r->lookups == 1 && r->lookup == PEER && r->installs == 0,
	   "look-up: the registry is asked first");
	pila(r, 0);
	ok(r->lookups == 1, "look-up: once");
	manager_pubkey_result(r->m, r->now, PEER, PUBKEY_KNOWN, peer_id.pub);
	ok(r->installs == 1 && installed_with(r, 0) && r->key.authenticated &&
	   r->added == 1, "look-up: the frame that waited is used");
	pass(r, 2000);
	pila(r, 1);
	ok(r->lookups == 1 && r->installs == 2, "look-up: cached");
	manager_pubkey_result(r->m, r->now, PEER, PUBKEY_KNOWN, other_id.pub);
	pass(r, 2000);
	pila(r, 2);
	ok(r->installs == 3, "look-up: an answer that nobody asked for is ignored");
	rig_free(r);

	r = rig();
	pila(r, 0);
	manager_pubkey_result(r->m, r->now, PEER, PUBKEY_ABSENT, NULL);
	ok(r->installs == 0 && r->refused == 1 && r->n_sent == 0,
	   "look-up: not registered, refused");
	pass(r, NEGATIVE_PUBKEY_MS - 1);
	pila(r, 0);
	ok(r->lookups == 1 && r->refused == 2, "look-up: remembered for 3 s");
	pass(r, 1);
	pila(r, 0);
	ok(r->lookups == 2, "look-up: and asked again after");
	manager_pubkey_result(r->m, r->now, PEER, PUBKEY_UNAVAILABLE, NULL);
	ok(r->installs == 0 && r->refused == 3, "look-up: no answer, refused");
	rig_free(r);

	/* Rotated identity */
	r = rig();
	pila(r, 0);
	manager_pubkey_result(r->m, r->now, PEER, PUBKEY_KNOWN, peer_id.pub);
	pass(r, 5000);
	pila_from(r, HOME, PEER, &other_id, peer_x[1].pub);
	ok(r->lookups == 2 && r->installs == 1, "other identity: asked once more");
	pila(r, 2);
	ok(r->installs == 2, "other identity: the known one counts meanwhile");
	manager_pubkey_result(r->m, r->now, PEER, PUBKEY_KNOWN, other_id.pub);
	ok(r->installs == 3 && installed_with(r, 1), "other identity: confirmed, accepted");
	pass(r, 1000);
	pila(r, 3);
	ok(r->installs == 3 && r->lookups == 2,
	   "other identity: not asked again within 3 s, dropped");
	pass(r, 5000);
	pila(r, 3);
	ok(r->lookups == 3, "other identity: asked again later");
	manager_pubkey_result(r->m, r->now, PEER, PUBKEY_UNAVAILABLE, NULL);
	pila_from(r, HOME, PEER, &other_id, peer_x[4].pub);
	ok(r->installs == 4, "other identity: no answer, the known one stays");
	rig_free(r);

	r = rig();
	manager_pin(r->m, r->now, PEER, peer_id.pub);
	for (i = 0; i < 3; i++) {
		pila_from(r, HOME, PEER, &other_id, peer_x[1].pub);
		pass(r, 4000);
	}
	ok(r->lookups == 0 && r->installs == 0 && r->refused >= 3,
	   "pin: another identity is refused without a look-up");
	pila(r, 0);
	ok(r->installs == 1 && r->lookups == 0, "pin: counts as registered");
	manager_pin(r->m, r->now, PEER, other_id.pub);
	ok(r->drops == 1 && r->dropped == r->key.id,
	   "pin: changed, drops the sessions of the other identity");
	manager_pin(r->m, r->now, PEER, NULL);
	pila(r, 1);
	ok(r->lookups == 1, "pin: taken away, the registry is asked");
	rig_free(r);

	/* A slow registry delays only the peer concerned. */
	r = rig();
	manager_pin(r->m, r->now, PEER, peer_id.pub);
	pila_from(r, HOME, 20, &other_id, peer_x[1].pub);
	pila(r, 0);
	ok(r->lookups == 1 && r->installs == 1, "look-up: others do not wait");
	rig_free(r);
}

static void test_verify(void)
{
	struct rig *r = rig();
	uint8_t frame[PILOT_PILA_LEN];
	uint8_t low[32] = { 0 };
	unsigned int i;
	bool refused = true;

	registered(r);
	kex_build_pila(frame, PEER, peer_x[0].pub, &peer_id);
	for (i = 8; i < PILOT_PILA_LEN; i += 5) {
		frame[i] ^= 0x10;
		frame_in(r, HOME, false, frame, sizeof(frame));
		frame[i] ^= 0x10;
		refused &= r->installs == 0 && r->n_sent == 0;
	}
	ok(refused && r->refused > 20, "PILA: any changed bit is refused");
	for (i = 0; i < PILOT_PILA_LEN; i++)
		frame_in(r, HOME, false, frame, i);
	ok(r->installs == 0, "PILA: short ones are ignored");
	pila_from(r, HOME, PEER, &peer_id, low);
	ok(r->installs == 0 && !strcmp(r->detail, "X25519 key of low order"),
	   "PILA: low-order key refused");
	manager_pin(r->m, r->now, ME, peer_id.pub);
	pila_from(r, HOME, ME, &peer_id, peer_x[0].pub);
	pila_from(r, HOME, 0, &peer_id, peer_x[0].pub);
	ok(r->installs == 0 && r->lookups == 0, "PILA: own node ID and 0 are ignored");
	frame_in(r, HOME, false, frame, sizeof(frame));
	ok(r->installs == 1 && installed_with(r, 0), "PILA: the genuine one is installed");
	rig_free(r);
}

static void test_vectors(void)
{
	json_t *doc = vectors_load("pila_verdicts.json"), *v;
	size_t i, len, reg_len;

	json_array_foreach(doc, i, v) {
		struct rig *r = rig();
		uint8_t *frame = vectors_hex(v, "frame", &len);
		uint8_t *reg = vectors_hex(v, "registered_ed25519", &reg_len);
		bool want = !strcmp(vectors_str(v, "expect"), "accept");

		manager_pin(r->m, r->now, 0x12345678, reg);
		frame_in(r, HOME, false, frame, len);
		/* the vector's other id has no key here */
		if (r->lookups)
			manager_pubkey_result(r->m, r->now, r->lookup, PUBKEY_ABSENT, NULL);
		ok((r->installs == 1) == want && (r->n_sent == 1) == want,
		   "vector: %s", vectors_str(v, "name"));
		free(frame);
		free(reg);
		rig_free(r);
	}
	json_decref(doc);
}

static void test_same_session(void)
{
	struct rig *r = rig();
	uint8_t local[32];
	unsigned int i;

	registered(r);
	pila(r, 0);
	ok(r->installs == 1 && r->n_sent == 1 && last(r)->f.pila &&
	   !memcmp(last(r)->f.x25519, r->local_x, 32),
	   "PILA: installed and answered with the key it was made from");
	memcpy(local, r->local_x, 32);
	pass(r, DUPLICATE_DEBOUNCE_MS - 1);
	pila(r, 0);
	ok(r->installs == 1 && r->n_sent == 1, "same key: debounced");
	pass(r, 500);
	pila(r, 0);
	ok(r->n_sent == 1, "same key: one answer per second");
	pass(r, 600);
	pila(r, 0);
	ok(r->n_sent == 2 && r->installs == 1 &&
	   !memcmp(last(r)->f.x25519, local, 32),
	   "same key: answered with the same key while not proven");
	for (i = 0; i < 20; i++) {
		pass(r, 4000);
		pila(r, 0);
	}
	ok(r->n_sent == 1 + UNPROVEN_ANSWERS_MAX && r->installs == 1,
	   "same key: never proven, answers come to an end");
	confirm(r);
	r->n_sent = 0;
	r->decrypt_age = 0;
	pass(r, 4000);
	pila(r, 0);
	ok(r->n_sent == 0, "same key: proven and fresh, no answer");
	r->decrypt_age = REPLY_STALE_MS;
	pass(r, 4000);
	pila(r, 0);
	ok(r->n_sent == 0, "same key: silent for 6 s exactly, no answer");
	r->decrypt_age = REPLY_STALE_MS + 1;
	pass(r, 4000);
	pila(r, 0);
	ok(r->n_sent == 1 && r->installs == 1 && !memcmp(last(r)->f.x25519, local, 32),
	   "same key: silent for more than 6 s, answered");
	pass(r, REPLY_MIN_INTERVAL_MS);
	pila(r, 0);
	ok(r->n_sent == 1, "same key: 1 s since the last answer, none");
	pass(r, 1);
	pass(r, DUPLICATE_DEBOUNCE_MS);
	pila(r, 0);
	ok(r->n_sent == 2, "same key: then again");
	pass(r, 4000);
	r->decrypt_age = REPLY_STALE_MS - 50;
	pila(r, 0);
	pass(r, 100);
	r->decrypt_age += 100;
	pila(r, 0);
	ok(r->n_sent == 2, "same key: the copy of a frame has no say of its own");
	rig_free(r);
}

static void test_copies(void)
{
	struct rig *r = rig();
	uint8_t frame[PILOT_PILA_LEN];

	registered(r);
	kex_build_pila(frame, PEER, peer_x[0].pub, &peer_id);
	frame_in(r, HOME, false, frame, sizeof(frame));
	r->now += 30;
	frame_in(r, AWAY, true, frame, sizeof(frame));
	ok(r->installs == 1 && r->n_sent == 1,
	   "direct and relayed copy of one frame: one key, one answer");
	rig_free(r);

	r = rig();
	registered(r);
	frame_in(r, AWAY, true, frame, sizeof(frame));
	ok(r->n_sent == 1 && last(r)->relayed && r->endpoints == 0,
	   "relayed: answered by relay, no endpoint taken from it");
	rig_free(r);
}

static void test_confirm(void)
{
	struct rig *r = rig();
	uint8_t first[32];

	registered(r);
	manager_need_key(r->m, r->now, PEER, PILOT_REASON_NO_KEY);
	memcpy(first, last(r)->f.x25519, 32);
	pila(r, 0);
	ok(r->installs == 1 && !memcmp(r->local_x, first, 32) && installed_with(r, 0),
	   "answer: the key is made from what was offered");
	ok(manager_pending(r->m) == 1, "answer: not yet the end");
	r->n_sent = 0;
	pass(r, 4000);
	ok(r->n_sent == 1 && !memcmp(last(r)->f.x25519, first, 32),
	   "answer: repeated with the same key until it is proven");
	manager_confirmed(r->m, r->now, PEER, r->key.id + 1);
	ok(manager_pending(r->m) == 1, "confirm: of an unknown key means nothing");
	confirm(r);
	ok(manager_pending(r->m) == 0, "confirm: ends the exchange");
	r->n_sent = 0;
	pass(r, 60000);
	ok(r->n_sent == 0 && r->gave_up == 0, "confirm: silence");
	manager_need_key(r->m, r->now, PEER, PILOT_REASON_VOLUME);
	ok(memcmp(last(r)->f.x25519, first, 32), "next exchange: a fresh key");
	rig_free(r);

	/* Never proven */
	r = rig();
	registered(r);
	manager_need_key(r->m, r->now, PEER, PILOT_REASON_NO_KEY);
	pila(r, 0);
	pass(r, 24000);
	ok(r->gave_up == 1 && r->cooldowns == 1 && r->drops == 0,
	   "give-up: the key that was never proven stays installed");
	rig_free(r);

	/* Who answers does not repeat. */
	r = rig();
	registered(r);
	pila(r, 0);
	pass(r, 120000);
	ok(r->n_sent == 1 && r->gave_up == 0 && manager_pending(r->m) == 0,
	   "answering: no retries and no give-up");
	rig_free(r);
}

static void test_static_peer(void)
{
	struct rig *r = rig();
	uint32_t id;

	/* The reference has one X25519 key for all its sessions. */
	registered(r);
	session(r, 0);
	id = r->key.id;
	pass(r, 10000);
	manager_need_key(r->m, r->now, PEER, PILOT_REASON_VOLUME);
	pila(r, 0);
	ok(r->installs == 2 && r->key.id != id && installed_with(r, 0),
	   "static peer: a new exchange makes a new key");
	pass(r, 300);
	pila(r, 0);
	ok(r->installs == 2, "static peer: the same pair again is the same session");
	confirm(r);
	pass(r, 10000);
	manager_need_key(r->m, r->now, PEER, PILOT_REASON_VOLUME);
	pila(r, 0);
	ok(r->installs == 3, "static peer: its key is never superseded");
	rig_free(r);
}

static void test_superseded(void)
{
	struct rig *r = rig();
	unsigned int i, n;

	registered(r);
	for (i = 0; i < 10; i++) {
		session(r, i);
		pass(r, 10000);
	}
	n = r->installs;
	r->n_sent = 0;
	ok(n == 10, "superseded: ten sessions one after another");
	for (i = 9 - SUPERSEDED_MAX; i < 9; i++) {
		pila(r, i);
		pass(r, 2000);
	}
	ok(r->installs == n && r->n_sent == 0 &&
	   strstr(r->detail, "superseded"),
	   "superseded: the last 8 are not installed beside a proven session");
	manager_need_key(r->m, r->now, PEER, PILOT_REASON_USER);
	pila(r, 5);
	ok(r->installs == n, "superseded: nor during an exchange");
	pila(r, 9);
	ok(r->installs == n + 1, "superseded: the present key is another matter");
	rig_free(r);

	/* Nothing left to protect: any key is better than none. */
	r = rig();
	registered(r);
	session(r, 0);
	pass(r, 5000);
	session(r, 1);
	manager_dropped(r->m, r->now, PEER, r->key.id);
	manager_sync_begin(r->m);
	manager_sync_peer(r->m, r->now, PEER, NULL, 0);
	manager_sync_end(r->m);
	pass(r, 5000);
	n = r->installs;
	pila(r, 0);
	ok(r->installs == n + 1, "superseded: accepted where no session is left");
	rig_free(r);

	/* Late frames of before, when the peer has answered freshly. */
	r = rig();
	registered(r);
	session(r, 0);
	pass(r, 5000);
	manager_need_key(r->m, r->now, PEER, PILOT_REASON_USER);
	pila(r, 1);
	n = r->installs;
	pila(r, 0);
	ok(r->installs == n, "late frame: ignored after a fresh answer");
	pila(r, 2);
	ok(r->installs == n + 1, "late frame: a fresh one is not");
	rig_free(r);
}

static void test_beside(void)
{
	struct rig *r = rig();
	uint32_t id;

	registered(r);
	pila_from(r, AWAY, PEER, &peer_id, peer_x[0].pub);
	ok(r->endpoints == 1 && r->endpoint == AWAY && r->endpoint_if_none &&
	   r->n_sent == 1 && last(r)->addr == AWAY,
	   "first key: answered to where it came from, which moves no endpoint");
	confirm(r);
	id = r->key.id;
	pass(r, 5000);
	r->n_sent = 0;
	pila_from(r, AWAY, PEER, &peer_id, peer_x[1].pub);
	ok(r->installs == 2 && r->drops == 0,
	   "beside: a new key takes nothing away from the proven one");
	ok(r->endpoints == 1, "beside: the endpoint stays");
	ok(r->n_sent == 2 && r->sent[0].addr == AWAY && r->sent[1].to_path,
	   "beside: answered there, and where the peer is known to be");
	manager_dropped(r->m, r->now, PEER, r->key.id);
	pass(r, 2000);
	r->n_sent = 0;
	r->decrypt_age = 10000;
	pila_from(r, HOME, PEER, &peer_id, peer_x[2].pub);
	ok(r->installs == 3 && r->n_sent == 1 && last(r)->addr == HOME,
	   "beside: one answer if that is the same place");
	ok(r->key.id != id, "beside: another key");
	rig_free(r);

	/* Nothing is known of where the peer is. */
	r = rig();
	r->path_addr = 0;
	registered(r);
	pila_from(r, AWAY, PEER, &peer_id, peer_x[0].pub);
	ok(r->endpoint == AWAY && r->endpoint_if_none, "no endpoint: taken from the first PILA");
	pass(r, 1000);
	pila_from(r, HOME, PEER, &peer_id, peer_x[1].pub);
	ok(r->endpoint == HOME && !r->endpoint_if_none, "no endpoint: and from later ones");
	confirm(r);
	pila_from(r, AWAY, PEER, &peer_id, peer_x[2].pub);
	ok(r->endpoints == 2, "no endpoint: until a key is proven");
	rig_free(r);
}

static void test_pilk(void)
{
	struct rig *r = rig();
	unsigned int i;

	registered(r);
	pilk_from(r, PEER, peer_x[0].pub);
	ok(r->installs == 0 && r->n_sent == 1 && last(r)->f.pila,
	   "PILK: a registered node is answered with PILA, not installed");
	for (i = 0; i < 9; i++) {
		pass(r, 100);
		pilk_from(r, PEER, peer_x[0].pub);
	}
	ok(r->n_sent == 1, "PILK: one answer per second");
	pila(r, 0);
	ok(r->installs == 1 && !memcmp(r->local_x, r->sent[0].f.x25519, 32),
	   "PILK: the PILA that follows meets the key that was offered");
	confirm(r);
	manager_pin(r->m, r->now, PEER, NULL);
	pass(r, 5000);
	pilk_from(r, PEER, peer_x[1].pub);
	if (r->lookups)
		manager_pubkey_result(r->m, r->now, PEER, PUBKEY_UNAVAILABLE, NULL);
	ok(r->installs == 1 && r->drops == 0,
	   "PILK: never beside an authenticated session, registry or not");
	rig_free(r);

	/* The answer to the peer's PILA was lost, and strangers send in its name. */
	r = rig();
	registered(r);
	pila(r, 0);
	for (i = 0; i < 8; i++) {
		pass(r, 500);
		pilk_from(r, PEER, peer_x[5].pub);
	}
	r->n_sent = 0;
	pila(r, 0);
	ok(r->n_sent == 1 && last(r)->f.pila && r->installs == 1,
	   "PILK: from strangers, they do not use up the answers to the peer");
	rig_free(r);

	r = rig_new(true, false, 100, 0);
	pilk_from(r, PEER, peer_x[0].pub);
	manager_pubkey_result(r->m, r->now, PEER, PUBKEY_ABSENT, NULL);
	ok(r->installs == 0 && r->n_sent == 0 && r->refused == 1,
	   "PILK: refused where unauthenticated peers are not allowed");
	rig_free(r);

	r = rig_new(true, true, 100, 0);
	pilk_from(r, PEER, peer_x[0].pub);
	manager_pubkey_result(r->m, r->now, PEER, PUBKEY_UNAVAILABLE, NULL);
	ok(r->installs == 0 && r->refused == 1, "PILK: refused while the registry is down");
	pass(r, 3000);
	pilk_from(r, PEER, peer_x[0].pub);
	manager_pubkey_result(r->m, r->now, PEER, PUBKEY_ABSENT, NULL);
	ok(r->installs == 1 && !r->key.authenticated && installed_with(r, 0) &&
	   r->n_sent == 2 && r->sent[0].f.pila && !r->sent[1].f.pila &&
	   r->endpoint_if_none,
	   "PILK: installed where allowed, answered in both ways");
	confirm(r);
	pass(r, 5000);
	/* It turns out to have an identity. */
	pila(r, 1);
	manager_pubkey_result(r->m, r->now, PEER, PUBKEY_KNOWN, peer_id.pub);
	ok(r->installs == 2 && r->key.authenticated && r->drops == 0,
	   "PILK: an authenticated key comes beside");
	confirm(r);
	ok(r->drops == 1, "PILK: and ends the unauthenticated one when proven");
	rig_free(r);

	/* The registry forgets a node whose session lives. */
	r = rig_new(true, true, 100, 0);
	pila(r, 0);
	manager_pubkey_result(r->m, r->now, PEER, PUBKEY_KNOWN, peer_id.pub);
	confirm(r);
	pass(r, 60000);
	manager_forget_pubkey(r->m, PEER);
	pilk_from(r, PEER, peer_x[1].pub);
	manager_pubkey_result(r->m, r->now, PEER, PUBKEY_ABSENT, NULL);
	ok(r->installs == 1 && r->drops == 0,
	   "PILK: never in the place of an authenticated session");
	rig_free(r);

	/* The same X25519 key, first unauthenticated, then signed. */
	r = rig_new(true, true, 100, 0);
	pilk_from(r, PEER, peer_x[0].pub);
	manager_pubkey_result(r->m, r->now, PEER, PUBKEY_ABSENT, NULL);
	pass(r, 4000);
	pila(r, 0);
	manager_pubkey_result(r->m, r->now, PEER, PUBKEY_KNOWN, peer_id.pub);
	ok(r->installs == 2 && r->key.authenticated,
	   "PILK: the same key gains authentication by PILA");
	rig_free(r);

	/* Known once, registry down now. */
	r = rig_new(true, true, 100, 0);
	pila(r, 0);
	manager_pubkey_result(r->m, r->now, PEER, PUBKEY_KNOWN, peer_id.pub);
	manager_dropped(r->m, r->now, PEER, r->key.id);
	pass(r, 60000);
	pilk_from(r, PEER, peer_x[1].pub);
	ok(r->installs == 1 && r->lookups == 1,
	   "PILK: an id whose key was known is not installed");
	rig_free(r);
}

static void test_limits(void)
{
	struct rig *r = rig_new(false, true, 3, 0);
	struct pubkeys pk;
	struct held_frame held = { .len = PILOT_PILA_LEN }, *h;
	unsigned int i, asked = 0, n;

	for (i = 0; i < 5; i++) {
		pilk_from(r, 100 + i, peer_x[0].pub);
		manager_pubkey_result(r->m, r->now, 100 + i, PUBKEY_ABSENT, NULL);
	}
	ok(r->installs == 3 && r->refused == 2 && !strcmp(r->detail, "too many peers"),
	   "MaxCryptoPeers: no more than that");
	rig_free(r);

	if (pubkeys_init(&pk, 10))
		abort();
	for (i = 0; i < 2 * LOOKUPS_MAX; i++)
		asked += pubkeys_hold(&pk, 0, 1 + i, &held);
	ok(asked == LOOKUPS_MAX && pk.n_asking == LOOKUPS_MAX,
	   "look-ups: 1024 at a time");
	for (i = 0; i < LOOKUPS_MAX; i++) {
		h = pubkeys_result(&pk, 0, 1 + i, PUBKEY_KNOWN, peer_id.pub);
		while (h) {
			struct held_frame *next = h->next;

			free(h);
			h = next;
		}
	}
	ok(pk.n_known == 10 && pk.map.n == 10, "cache: the least recently used give way");
	for (i = 0; i < 20; i++)
		pubkeys_pin(&pk, 9000 + i, peer_id.pub);
	free(pubkeys_hold(&pk, 0, LOOKUPS_MAX + 1, &held) ?
	     pubkeys_result(&pk, 0, LOOKUPS_MAX + 1, PUBKEY_KNOWN, peer_id.pub) : NULL);
	ok(pk.n_known == 10 && pubkeys_get(&pk, 0, 9000, NULL) == PUBKEY_KNOWN,
	   "cache: pins take no places of others");
	for (i = 0; i < 20; i++)
		pubkeys_pin(&pk, 9000 + i, NULL);
	ok(pk.map.n == 10, "cache: and go when they are taken back");
	ok(pubkeys_get(&pk, 0, LOOKUPS_MAX, NULL) == PUBKEY_KNOWN &&
	   pubkeys_get(&pk, 0, 1, NULL) == PUBKEY_UNKNOWN, "cache: the latest stay");
	for (i = 0; i < 3 * NEGATIVE_PUBKEY_MAX; i++) {
		if (!pubkeys_hold(&pk, 0, 100000 + i, &held))
			break;
		h = pubkeys_result(&pk, 0, 100000 + i, PUBKEY_ABSENT, NULL);
		free(h);
	}
	ok(i == 3 * NEGATIVE_PUBKEY_MAX && pk.n_negative == NEGATIVE_PUBKEY_MAX &&
	   pk.map.n == NEGATIVE_PUBKEY_MAX + 10, "negative cache: 4096 entries");
	pubkeys_hold(&pk, 0, 5, &held);
	for (i = 0; i < 100; i++) {
		held.data[PILOT_PILK_LEN] = (uint8_t)i;
		pubkeys_hold(&pk, 0, 5, &held);
		pubkeys_hold(&pk, 0, 5, &held);
	}
	for (n = 0, h = pubkeys_result(&pk, 0, 5, PUBKEY_ABSENT, NULL); h; n++) {
		struct held_frame *next = h->next;

		free(h);
		h = next;
	}
	ok(n == HELD_PER_LOOKUP, "look-ups: at most 4 frames wait, no two of one identity");
	pubkeys_release(&pk);

	/* Strangers leave nothing behind. */
	r = rig_new(true, false, 5, 0);
	registered(r);
	pilk_from(r, PEER, peer_x[0].pub);
	pass(r, ANSWER_KEY_LIFE_MS);
	for (i = 0; i < 5; i++) {
		manager_pin(r->m, r->now, 100 + i, peer_id.pub);
		pilk_from(r, 100 + i, peer_x[0].pub);
	}
	ok(r->n_sent == 6 && r->refused == 0,
	   "answer key: forgotten with its record after 24 s");
	/* All places are taken. */
	r->n_sent = 0;
	manager_start(r->m, r->now, 50);
	manager_need_key(r->m, r->now, 51, PILOT_REASON_NO_KEY);
	pass(r, 100);
	ok(r->n_sent == 2 && r->refused == 0, "strangers do not take the places of peers");
	pilk_from(r, PEER, peer_x[0].pub);
	ok(r->n_sent == 2 && r->refused == 1, "but another stranger's");
	rig_free(r);
}

static void test_rekey(void)
{
	struct rig *r;
	unsigned int i;
	bool early = true, late = true;
	uint8_t used[32];
	int64_t begin;
	uint32_t id;

	for (i = 0; i < 50; i++) {
		r = rig_new(true, false, 100, 3600000);
		registered(r);
		manager_need_key(r->m, r->now, PEER, PILOT_REASON_NO_KEY);
		pila(r, 0);
		begin = r->now;
		confirm(r);
		r->n_sent = 0;
		pass(r, 3239000);
		early &= r->n_sent == 0;
		pass(r, 361000);
		early &= r->n_sent > 0 && r->now - begin == 3600000;
		rig_free(r);

		r = rig_new(true, false, 100, 3600000);
		registered(r);
		pila(r, 0);
		confirm(r);
		r->n_sent = 0;
		pass(r, 4049000);
		late &= r->n_sent == 0;
		pass(r, 451000);
		late &= r->n_sent > 0;
		rig_free(r);
	}
	/* An old PILA comes between the peer's and its first frame. */
	for (i = 0; i < 2; i++) {
		r = rig_new(true, false, 100, i ? 3600000 : 0);
		registered(r);
		manager_need_key(r->m, r->now, PEER, PILOT_REASON_NO_KEY);
		pila(r, 0);
		id = r->key.id;
		pila(r, 1);
		manager_confirmed(r->m, r->now, PEER, id);
		if (!i) {
			memcpy(used, r->local_x, sizeof(used));
			pass(r, 60000);
			pilk_from(r, PEER, peer_x[5].pub);
			ok(!memcmp(last(r)->f.x25519, used, sizeof(used)),
			   "PILK: no fresh key beside a session, though an old frame's is newer");
			manager_set_policy(r->m, false, 3600000);
		}
		r->n_sent = 0;
		pass(r, 3600000);
		ok(r->n_sent > 0 && r->installs == 2, i ?
		   "rekey by time: though an old frame's key is newer" :
		   "rekey by time: though an old frame's key is newer, configured later");
		rig_free(r);
	}

	ok(early, "rekey by time: the initiator, in the last tenth of the hour");
	ok(late, "rekey by time: the other end only if that did not happen");

	r = rig_new(true, false, 100, 3600000);
	registered(r);
	session(r, 0);
	pass(r, 3600000);
	pass(r, 24000);
	ok(r->gave_up == 1 && r->drops == 0, "rekey by time: failed, the old key goes on");
	r->n_sent = 0;
	pass(r, 1800000);
	ok(r->n_sent > 0, "rekey by time: tried again later");
	manager_set_policy(r->m, false, 0);
	pass(r, 60000);
	r->n_sent = 0;
	pass(r, 10000000);
	ok(r->n_sent == 0, "rekey by time: off");
	rig_free(r);
}

static void test_adopt(void)
{
	struct rig *r = rig();
	struct manager_session s[2] = {
		{ .id = 11, .negotiated = true, .authenticated = true, .proven = true,
		  .age = 1000 },
		{ .id = 12, .negotiated = true, .authenticated = true, .proven = true,
		  .age = 60000 },
	};

	registered(r);
	memcpy(s[0].peer_x25519, peer_x[1].pub, 32);
	memcpy(s[0].local_x25519, peer_x[10].pub, 32);
	memcpy(s[1].peer_x25519, peer_x[0].pub, 32);
	memcpy(s[1].local_x25519, peer_x[11].pub, 32);
	manager_sync_begin(r->m);
	manager_sync_peer(r->m, r->now, PEER, s, 2);
	manager_sync_peer(r->m, r->now, PEER + 1, NULL, 0);
	manager_sync_end(r->m);
	manager_start(r->m, r->now, PEER);
	manager_start(r->m, r->now, PEER + 1);
	pass(r, 100);
	ok(r->n_sent == 1 && last(r)->node == PEER + 1 && r->installs == 0,
	   "adopt: a peer with a key is left alone, one without is asked");
	r->n_sent = 0;
	pila(r, 0);
	ok(r->installs == 0 && r->n_sent == 0, "adopt: a key before the proven one is superseded");
	pila(r, 1);
	ok(r->installs == 0 && r->n_sent == 1 &&
	   !memcmp(last(r)->f.x25519, peer_x[10].pub, 32),
	   "adopt: the session goes on under its public key");
	pila(r, 2);
	ok(r->installs == 1, "adopt: a new key is a new key");

	manager_remove(r->m, PEER + 1);
	pass(r, 3000);
	manager_sync_begin(r->m);
	manager_sync_end(r->m);
	ok(manager_next_deadline(r->m) < 0, "sync: peers that are not there are forgotten");
	r->n_sent = 0;
	pass(r, 100000);
	ok(r->n_sent == 0, "sync: with everything that was pending");
	rig_free(r);
}

/* Sessions that nobody vouches for, of somebody who came by PILK or was struck off. */
static void test_disowned(void)
{
	struct rig *r = rig_new(true, true, 100, 0);
	struct manager_session s[3] = {
		{ .id = 11, .negotiated = true, .proven = true },
		{ .id = 12, .negotiated = true, .proven = true, .authenticated = true },
		{ .id = 13, .proven = true },
	};

	pilk_from(r, PEER, peer_x[0].pub);
	manager_pubkey_result(r->m, r->now, PEER, PUBKEY_ABSENT, NULL);
	confirm(r);
	manager_pin(r->m, r->now, PEER, peer_id.pub);
	ok(r->installs == 1 && r->drops == 1 && r->dropped == r->key.id,
	   "pin: ends a session that is not authenticated");
	rig_free(r);

	r = rig_new(true, true, 100, 0);
	manager_pin(r->m, r->now, PEER, peer_id.pub);
	manager_sync_peer(r->m, r->now, PEER, s, 3);
	ok(r->drops == 1 && r->dropped == 11,
	   "pin: also one that was there before, but no static key");
	rig_free(r);

	r = rig_new(true, true, 100, 0);
	manager_sync_peer(r->m, r->now, PEER, s, 3);
	ok(r->drops == 0, "unauthenticated: adopted where that is allowed");
	manager_set_policy(r->m, false, 0);
	ok(r->drops == 1 && r->dropped == 11, "unauthenticated: ends when no longer allowed");
	manager_sync_peer(r->m, r->now, PEER + 1, s, 3);
	ok(r->drops == 2 && r->dropped == 11, "unauthenticated: nor is it adopted then");
	s[1].disowned = true;
	manager_sync_peer(r->m, r->now, PEER, s + 1, 2);
	ok(r->drops == 3 && r->dropped == 12, "a node that is struck off loses its session");
	rig_free(r);
}

/* A resumed snapshot, or one of two clones, must make its own secrets. */
static void test_cleared(void)
{
	struct rig *r = rig();
	uint8_t old[32];
	unsigned int n;

	registered(r);
	manager_need_key(r->m, r->now, PEER, PILOT_REASON_NO_KEY);
	memcpy(old, last(r)->f.x25519, sizeof(old));
	manager_cleared(r->m, r->now);
	pila(r, 1);
	ok(r->installs == 1 && memcmp(r->local_x, old, sizeof(old)) && installed_with(r, 1),
	   "cleared: an answer to what was sent before meets another key");
	rig_free(r);

	r = rig();
	registered(r);
	manager_need_key(r->m, r->now, PEER, PILOT_REASON_NO_KEY);
	memcpy(old, last(r)->f.x25519, sizeof(old));
	manager_cleared(r->m, r->now);
	n = r->n_sent;
	pass(r, 0);
	ok(r->n_sent == n + 1 && memcmp(last(r)->f.x25519, old, sizeof(old)) &&
	   manager_pending(r->m) == 1, "cleared: an exchange under way begins anew at once");
	rig_free(r);

	/* One that answered, and the session made with it. */
	r = rig();
	registered(r);
	pila(r, 1);
	memcpy(old, r->local_x, sizeof(old));
	n = r->n_sent;
	manager_cleared(r->m, r->now);
	manager_dropped(r->m, r->now, PEER, r->key.id);
	pass(r, 20000);
	ok(r->n_sent == n && !manager_pending(r->m),
	   "cleared: who only answered starts nothing");
	pila(r, 1);
	ok(r->installs == 2 && memcmp(r->local_x, old, sizeof(old)),
	   "cleared: nor answers again with the same key");
	rig_free(r);

	r = rig();
	registered(r);
	session(r, 1);
	n = r->n_sent;
	manager_cleared(r->m, r->now);
	pass(r, 20000);
	ok(r->n_sent == n, "cleared: without an exchange nothing happens");
	rig_free(r);
}

static void test_remove(void)
{
	struct rig *r = rig();

	pila(r, 0);
	manager_pubkey_result(r->m, r->now, PEER, PUBKEY_KNOWN, peer_id.pub);
	manager_need_key(r->m, r->now, PEER, PILOT_REASON_USER);
	manager_remove(r->m, PEER);
	r->n_sent = 0;
	pass(r, 100000);
	ok(r->n_sent == 0 && manager_pending(r->m) == 0, "remove: nothing is pending");
	pila(r, 0);
	ok(r->lookups == 2 && r->installs == 1, "remove: the public key is forgotten");
	manager_pubkey_result(r->m, r->now, PEER, PUBKEY_KNOWN, peer_id.pub);
	ok(r->installs == 2 && r->added == 2, "remove: it can come back");
	rig_free(r);
}

static unsigned int pila_of_other(struct rig *r, unsigned int x)
{
	unsigned int before = r->installs;

	pila_from(r, AWAY, PEER, &other_id, peer_x[x].pub);
	if (r->lookups)
		manager_pubkey_result(r->m, r->now, PEER, PUBKEY_KNOWN, other_id.pub);
	return r->installs - before;
}

/* A registry that lies cannot give a live session's peer another identity. */
static void test_live_identity(void)
{
	struct manager_session s = {
		.id = 11, .negotiated = true, .authenticated = true, .proven = true,
		.age = 1000, .has_identity = true,
	};
	struct rig *r = rig();

	pila(r, 0);
	manager_pubkey_result(r->m, r->now, PEER, PUBKEY_KNOWN, peer_id.pub);
	confirm(r);
	pass(r, 5000);
	r->lookups = 0;
	r->decrypt_age = SESSION_LIVE_MS;
	ok(!pila_of_other(r, 1) && !r->lookups, "live: another identity is refused, nobody is asked");
	r->decrypt_age = SESSION_LIVE_MS + 1;
	ok(pila_of_other(r, 2) == 1 && r->lookups == 1, "silent for a minute: the registry is believed");
	rig_free(r);

	/* The same for a session that was there before us. */
	r = rig();
	memcpy(s.peer_x25519, peer_x[0].pub, 32);
	memcpy(s.local_x25519, peer_x[10].pub, 32);
	memcpy(s.peer_ed25519, peer_id.pub, 32);
	manager_sync_begin(r->m);
	manager_sync_peer(r->m, r->now, PEER, &s, 1);
	manager_sync_end(r->m);
	r->decrypt_age = 10;
	ok(!pila_of_other(r, 1) && !r->lookups, "adopted: another identity is refused");
	pila(r, 2);
	ok(r->installs == 1 && !r->lookups && r->key.peer_ed25519,
	   "adopted: its own identity needs no registry");
	manager_pin(r->m, r->now, PEER, other_id.pub);
	ok(r->drops == 2, "adopted: a pin drops the sessions of the other identity");
	ok(pila_of_other(r, 3) == 1, "adopted: a pin wins");
	rig_free(r);

	r = rig();
	manager_pin(r->m, r->now, PEER, peer_id.pub);
	manager_sync_begin(r->m);
	manager_sync_peer(r->m, r->now, PEER, &s, 1);
	manager_sync_end(r->m);
	manager_pin(r->m, r->now, PEER, peer_id.pub);
	ok(!r->drops, "adopted: a pin that agrees drops nothing");
	rig_free(r);

	r = rig();
	manager_pin(r->m, r->now, PEER, other_id.pub);
	manager_sync_begin(r->m);
	manager_sync_peer(r->m, r->now, PEER, &s, 1);
	manager_sync_end(r->m);
	ok(r->drops == 1 && r->dropped == s.id, "adopted: not if it is another identity than the pinned one");
	rig_free(r);

	r = rig();
	manager_sync_begin(r->m);
	manager_sync_peer(r->m, r->now, PEER, &s, 1);
	manager_sync_end(r->m);
	r->decrypt_age = 10;
	manager_forget_pubkey(r->m, PEER);
	ok(pila_of_other(r, 1) == 1 && r->lookups == 1, "adopted: the registry's file may say otherwise");
	rig_free(r);

	/* The registry takes its time, and the peer comes back meanwhile. */
	r = rig();
	pila_from(r, AWAY, PEER, &other_id, peer_x[1].pub);
	manager_sync_peer(r->m, r->now, PEER, &s, 1);
	r->decrypt_age = 10;
	manager_pubkey_result(r->m, r->now, PEER, PUBKEY_KNOWN, other_id.pub);
	ok(!r->installs && r->refused == 1, "live: what the registry said before is no better");
	rig_free(r);
}

static void test_failures(void)
{
	struct rig *r = rig();

	registered(r);
	r->install_error = -12;
	pila(r, 0);
	ok(r->installs == 1 && r->n_sent == 0 && r->failed == 1,
	   "install: a failure is told, and not answered");
	r->install_error = -EBUSY;
	pila(r, 0);
	ok(r->installs == 2 && r->n_sent == 0 && r->failed == 1 && r->refused == 1,
	   "install: no room beside two unproven keys is a refusal");
	r->install_error = 0;
	pila(r, 0);
	ok(r->installs == 3 && r->n_sent == 1, "install: the next frame tries again");
	rig_free(r);
}

static void relayed_pila(struct rig *r, unsigned int x)
{
	uint8_t frame[PILOT_PILA_LEN];

	kex_build_pila(frame, PEER, peer_x[x].pub, &peer_id);
	frame_in(r, HOME, true, frame, sizeof(frame));
}

/* The path by which the first frame came, as long as no key is proven. */
static void test_first_path(void)
{
	struct rig *r = rig();

	registered(r);
	relayed_pila(r, 0);
	ok(r->wishes == 1 && r->wanted == PILOT_PATH_RELAY && r->endpoints == 0,
	   "first path: relayed, no endpoint taken from it");
	relayed_pila(r, 0);
	ok(r->wishes == 1, "first path: not again by a repetition");
	pila(r, 1);
	ok(r->wishes == 2 && r->wanted == PILOT_PATH_DIRECT,
	   "first path: straight, while nothing is proven");
	confirm(r);
	relayed_pila(r, 2);
	ok(r->wishes == 2, "first path: a proven session stays where it is");
	rig_free(r);
}

static void test_repeat_to(void)
{
	const struct pilot_endpoint ep = { .in = {
		.sin_family = AF_INET, .sin_port = htons(1), .sin_addr.s_addr = htonl(AWAY),
	} };
	struct rig *r = rig();
	uint8_t x[32];

	manager_repeat_to(r->m, PEER, &ep);
	ok(r->n_sent == 0, "repeat: no exchange, nothing");
	registered(r);
	manager_need_key(r->m, r->now, PEER, PILOT_REASON_NO_KEY);
	memcpy(x, last(r)->f.x25519, 32);
	manager_repeat_to(r->m, PEER, &ep);
	ok(r->n_sent == 2 && last(r)->f.pila && !last(r)->to_path && last(r)->addr == AWAY &&
	   !memcmp(last(r)->f.x25519, x, 32), "repeat: the same frame, there");
	pass(r, REKEY_RETRANSMIT_MS - 1);
	ok(r->n_sent == 2, "repeat: the retransmit comes when it would have");
	pass(r, 1);
	ok(r->n_sent == 4, "repeat: and it comes");
	pila(r, 0);
	confirm(r);
	r->n_sent = 0;
	manager_repeat_to(r->m, PEER, &ep);
	ok(r->n_sent == 0, "repeat: the exchange is over, nothing");
	rig_free(r);
}

int main(void)
{
	unsigned int i;

	if (sodium_init() < 0 || pilot_identity_new(&peer_id, NULL) ||
	    pilot_identity_new(&other_id, NULL))
		return 1;
	for (i = 0; i < 16; i++)
		if (kex_pair_new(&peer_x[i]))
			return 1;
	test_retransmit();
	test_requests();
	test_no_identity();
	test_pilk_request();
	test_relay();
	test_first_path();
	test_repeat_to();
	test_many();
	test_lookup();
	test_verify();
	test_vectors();
	test_same_session();
	test_copies();
	test_confirm();
	test_static_peer();
	test_superseded();
	test_beside();
	test_pilk();
	test_limits();
	test_rekey();
	test_adopt();
	test_disowned();
	test_cleared();
	test_remove();
	test_live_identity();
	test_failures();
	for (i = 0; i < 16; i++)
		kex_pair_wipe(&peer_x[i]);
	pilot_identity_free(&peer_id);
	pilot_identity_free(&other_id);
	return done();
}
