// SPDX-License-Identifier: GPL-2.0
#include "sim.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <sodium.h>

#include "kex.h"

enum kind { FRAME, PILS, CONFIRMED, DROPPED, NEED_KEY, LOOKUP };

struct sim_item {
	struct sim_item *next;
	int64_t at;
	unsigned int seq;
	enum kind kind;
	unsigned int node;		/* index of who gets it */
	unsigned int peer;		/* index of whom it is about */
	uint32_t from;			/* address */
	uint32_t id;			/* key */
	bool data;			/* PILS: payload, not a keepalive */
	size_t len;
	uint8_t bytes[PILOT_PILA_LEN];	/* frame, or the secret that sealed */
};

/* Randomness: all of libsodium's comes from the seed as well. */

static struct sim *rng_owner;

uint32_t sim_random(struct sim *s, uint32_t limit)
{
	s->rng ^= s->rng << 13;
	s->rng ^= s->rng >> 7;
	s->rng ^= s->rng << 17;
	return limit ? (uint32_t)((s->rng >> 16) % limit) : (uint32_t)(s->rng >> 16);
}

static const char *rng_name(void)
{
	return "sim";
}

static uint32_t rng_word(void)
{
	return sim_random(rng_owner, 0);
}

static void rng_buf(void *buf, size_t size)
{
	uint8_t *b = buf;

	while (size--)
		*b++ = (uint8_t)sim_random(rng_owner, 256);
}

static randombytes_implementation rng = {
	.implementation_name = rng_name,
	.random = rng_word,
	.buf = rng_buf,
};

static void put(struct sim *s, struct sim_item *item)
{
	struct sim_item **p = &s->queue;

	item->seq = s->seq++;
	while (*p && ((*p)->at < item->at ||
		      ((*p)->at == item->at && (*p)->seq < item->seq)))
		p = &(*p)->next;
	item->next = *p;
	*p = item;
}

static struct sim_item *make(struct sim *s, enum kind kind, unsigned int node,
			     unsigned int peer, int64_t delay)
{
	struct sim_item *item = calloc(1, sizeof(*item));

	if (!item)
		abort();
	item->at = s->now + delay;
	item->kind = kind;
	item->node = node;
	item->peer = peer;
	return item;
}

static int64_t delay(struct sim *s)
{
	return s->delay_min +
	       sim_random(s, (uint32_t)(s->delay_max - s->delay_min) + 1);
}

static int by_addr(const struct sim *s, uint32_t addr)
{
	unsigned int i;

	for (i = 0; i < s->n; i++)
		if (s->node[i].addr == addr)
			return (int)i;
	return -1;
}

/* One datagram on its way; lost, doubled and late as the network pleases. */
static void carry(struct sim *s, struct sim_item *item)
{
	if (sim_random(s, 100) < s->loss ||
	    (item->kind == PILS && sim_random(s, 100) < s->pils_loss)) {
		free(item);
		return;
	}
	if (sim_random(s, 100) < s->dup) {
		struct sim_item *copy = malloc(sizeof(*copy));

		if (!copy)
			abort();
		*copy = *item;
		copy->at = s->now + delay(s);
		put(s, copy);
	}
	put(s, item);
}

/* The kernel */

static void event(struct sim_node *n, enum kind kind, unsigned int peer,
		  uint32_t id)
{
	struct sim *s = n->sim;
	struct sim_item *item;

	if (sim_random(s, 100) < s->event_loss) {
		/* The gap in the sequence numbers is seen with the next one. */
		if (n->resync_at > s->now + 1000)
			n->resync_at = s->now + 1000;
		return;
	}
	item = make(s, kind, n->id - 1, peer, 0);
	item->id = id;
	put(s, item);
}

static void need_key(struct sim_node *n, unsigned int peer,
		     enum pilot_reason reason)
{
	struct sim_peer *p = &n->peers[peer];

	if (n->sim->now < p->cooldown_until ||
	    n->sim->now - p->need_at < PILOT_REKEY_REQUEST_MS)
		return;
	p->need_key = reason;
	p->need_at = n->sim->now;
	event(n, NEED_KEY, peer, (uint32_t)reason);
}

static void retire(struct sim_node *n, unsigned int peer, struct sim_key *k)
{
	if (!k->used)
		return;
	event(n, DROPPED, peer, k->id);
	memset(k, 0, sizeof(*k));
}

/* Puts a key in a slot, in place of what is there. */
static void put_in(struct sim_node *n, unsigned int peer, int slot,
		   struct sim_key key)
{
	retire(n, peer, &n->peers[peer].slot[slot]);
	n->peers[peer].slot[slot] = key;
}

static void promote(struct sim_node *n, unsigned int peer, struct sim_key key)
{
	struct sim_key *slot = n->peers[peer].slot;
	struct sim_key old = slot[SIM_CURRENT];
	int i;

	for (i = 0; i < SIM_SLOTS; i++)
		if (slot[i].used && slot[i].id == key.id)
			memset(&slot[i], 0, sizeof(slot[i]));
	slot[SIM_CURRENT] = key;
	if (!old.used)
		return;
	if (old.proven)
		put_in(n, peer, SIM_PREVIOUS, old);
	else if (key.proven && !slot[SIM_NEXT].used)
		put_in(n, peer, SIM_NEXT, old);
	else
		put_in(n, peer, SIM_EARLIER, old);
}

static void seal(struct sim_node *n, unsigned int peer, const struct sim_key *k,
		 bool data)
{
	struct sim_peer *p = &n->peers[peer];
	struct sim_item *item;
	int to = by_addr(n->sim, p->addr);

	p->last_tx = n->sim->now;
	p->sent += data;
	if (to < 0)
		return;
	item = make(n->sim, PILS, (unsigned int)to, n->id - 1, delay(n->sim));
	item->from = n->addr;
	item->data = data;
	memcpy(item->bytes, k->secret, sizeof(k->secret));
	carry(n->sim, item);
}

static bool awaits_proof(const struct sim_key *k)
{
	return k->used && !k->proven;
}

static void probe(struct sim_node *n, unsigned int peer)
{
	static const int slots[] = { SIM_CURRENT, SIM_NEXT, SIM_EARLIER };
	struct sim_peer *p = &n->peers[peer];
	unsigned int i;

	p->probe_at = n->sim->now + 500;
	if (!p->probes || !(awaits_proof(&p->slot[SIM_CURRENT]) ||
			    awaits_proof(&p->slot[SIM_NEXT]) ||
			    awaits_proof(&p->slot[SIM_EARLIER])))
		return;
	p->probes--;
	for (i = 0; i < 3; i++)
		if (i ? awaits_proof(&p->slot[slots[i]]) : p->slot[SIM_CURRENT].used)
			seal(n, peer, &p->slot[slots[i]], false);
}

/* Each end sends under the key that the other end left. */
static bool crossed(const struct sim_key *cur, const struct sim_key *k)
{
	return k->id > cur->id && cur->installed < k->installed + 60000 &&
	       k->last_rx > cur->last_rx + 3000;
}

static void opened(struct sim_node *n, unsigned int peer, int slot, uint32_t from)
{
	struct sim_peer *p = &n->peers[peer];
	struct sim_key *k = &p->slot[slot], *cur = &p->slot[SIM_CURRENT];
	bool first = !k->proven;
	uint32_t id = k->id;

	k->proven = true;
	k->last_rx = n->sim->now;
	k->fails = 0;
	p->addr = from;
	p->cooldown_until = 0;
	if (slot != SIM_CURRENT &&
	    (!cur->proven || crossed(cur, k) ||
	     (slot != SIM_PREVIOUS && k->installed >= cur->installed)))
		promote(n, peer, *k);
	if (first) {
		event(n, CONFIRMED, peer, id);
		seal(n, peer, &p->slot[SIM_CURRENT], false);
	}
}

static void pils_in(struct sim_node *n, const struct sim_item *item)
{
	struct sim_peer *p = &n->peers[item->peer];
	int i;

	if (!p->exists)
		return;
	for (i = 0; i < SIM_SLOTS; i++) {
		if (!p->slot[i].used ||
		    memcmp(p->slot[i].secret, item->bytes, sizeof(p->slot[i].secret)))
			continue;
		p->delivered += item->data;
		opened(n, item->peer, i, item->from);
		return;
	}
	if (!p->slot[SIM_CURRENT].used) {
		need_key(n, item->peer, PILOT_REASON_NO_KEY);
		return;
	}
	if (++p->slot[SIM_CURRENT].fails >= 5 &&
	    n->sim->now - p->slot[SIM_CURRENT].installed > 3000)
		need_key(n, item->peer, PILOT_REASON_DECRYPT_FAIL);
}

static void kernel_tick(struct sim_node *n)
{
	unsigned int i;

	for (i = 0; i < n->sim->n; i++) {
		struct sim_peer *p = &n->peers[i];
		struct sim_key *cur = &p->slot[SIM_CURRENT];
		struct sim_key *next = &p->slot[SIM_NEXT];

		if (!p->exists)
			continue;
		if (next->used && n->sim->now - next->installed >= 1000 &&
		    cur->last_rx < next->installed)
			promote(n, i, *next);
		if (n->sim->now >= p->probe_at)
			probe(n, i);
		if (cur->used && n->sim->now - p->last_tx >= 25000)
			seal(n, i, cur, false);
	}
}

void sim_data(struct sim *s, unsigned int a, unsigned int b)
{
	struct sim_node *n = &s->node[a];
	struct sim_peer *p = &n->peers[b];

	if (p->slot[SIM_CURRENT].used)
		seal(n, b, &p->slot[SIM_CURRENT], true);
	else
		need_key(n, b, PILOT_REASON_NO_KEY);
}

/* Callbacks of the manager */

static void op_send(void *ctx, uint32_t node, const struct pilot_endpoint *to,
		    bool relayed, const uint8_t *data, size_t len)
{
	struct sim_node *n = ctx;
	struct sim *s = n->sim;
	uint32_t addr = to ? ntohl(to->in.sin_addr.s_addr) :
			     n->peers[node - 1].addr;
	struct sim_item *item;
	int dst = by_addr(s, addr);

	(void)relayed;
	if (len == PILOT_PILA_LEN) {
		n->pila_sent++;
		memcpy(s->tape[s->n_tape++ % 64], data, len);
	} else {
		n->pilk_sent++;
	}
	s->last_frame = s->now;
	if (dst < 0 || (s->drop && s->drop(s, n->id - 1, (unsigned int)dst, data, len)))
		return;
	item = make(s, FRAME, (unsigned int)dst, n->id - 1, delay(s));
	item->from = n->addr;
	item->len = len;
	memcpy(item->bytes, data, len);
	carry(s, item);
}

static bool op_on_path(void *ctx, uint32_t node,
		       const struct pilot_endpoint *from, bool relayed)
{
	struct sim_node *n = ctx;

	return !relayed && n->peers[node - 1].addr == ntohl(from->in.sin_addr.s_addr);
}

/* A key whose proof may be under way is not pushed out. */
static bool full(const struct sim_node *n, const struct sim_peer *p)
{
	const struct sim_key *cur = &p->slot[SIM_CURRENT];
	const struct sim_key *out = &p->slot[SIM_EARLIER];

	if (!cur->used || !out->used || (cur->proven && !p->slot[SIM_NEXT].used))
		return false;
	if (out->proven)
		return n->sim->now < out->last_rx + 6000;
	if (cur->proven && out->installed <= cur->installed)
		return n->sim->now < cur->installed + 1000;
	return n->sim->now < out->installed + 6000;
}

static int op_install(void *ctx, uint32_t node, const struct manager_key *key)
{
	struct sim_node *n = ctx;
	struct sim_peer *p = &n->peers[node - 1];
	struct sim_key k = { .used = true };
	int i;

	if (!p->exists)
		return -1;
	for (i = 0; i < SIM_SLOTS; i++) {
		if (!p->slot[i].used ||
		    memcmp(p->slot[i].secret, key->secret, sizeof(k.secret)))
			continue;
		p->slot[i].authenticated |= key->authenticated;
		p->probes = 10;
		probe(n, node - 1);
		return 0;
	}
	if (full(n, p))
		return -EBUSY;
	k.id = key->id;
	memcpy(k.secret, key->secret, sizeof(k.secret));
	p->installs++;
	k.authenticated = key->authenticated;
	k.installed = n->sim->now;
	k.last_rx = -1;
	memcpy(k.peer, key->peer_x25519, sizeof(k.peer));
	memcpy(k.local, key->local_x25519, sizeof(k.local));
	if (p->slot[SIM_CURRENT].used && p->slot[SIM_CURRENT].proven) {
		if (p->slot[SIM_NEXT].used)
			put_in(n, node - 1, SIM_EARLIER, p->slot[SIM_NEXT]);
		p->slot[SIM_NEXT] = k;
	} else {
		promote(n, node - 1, k);
	}
	p->need_key = PILOT_REASON_NONE;
	p->cooldown_until = 0;
	p->probes = 10;
	probe(n, node - 1);
	return 0;
}

static void op_drop(void *ctx, uint32_t node, uint32_t id)
{
	struct sim_node *n = ctx;
	struct sim_peer *p = &n->peers[node - 1];
	int i;

	for (i = 0; i < SIM_SLOTS; i++)
		if (p->slot[i].used && p->slot[i].id == id)
			retire(n, node - 1, &p->slot[i]);
	if (p->slot[SIM_CURRENT].used)
		return;
	i = p->slot[SIM_NEXT].used ? SIM_NEXT : SIM_EARLIER;
	p->slot[SIM_CURRENT] = p->slot[i];
	memset(&p->slot[i], 0, sizeof(p->slot[i]));
}

static int op_add_peer(void *ctx, uint32_t node)
{
	struct sim_node *n = ctx;

	n->peers[node - 1].exists = true;
	return 0;
}

static bool op_endpoint(void *ctx, uint32_t node,
			const struct pilot_endpoint *ep, bool if_none)
{
	struct sim_node *n = ctx;
	struct sim_peer *p = &n->peers[node - 1];

	if (if_none && p->addr)
		return false;
	p->addr = ntohl(ep->in.sin_addr.s_addr);
	return true;
}

static void op_lookup(void *ctx, uint32_t node)
{
	struct sim_node *n = ctx;

	put(n->sim, make(n->sim, LOOKUP, n->id - 1, node - 1, n->registry_delay));
}

static int64_t op_decrypt_age(void *ctx, uint32_t node, uint32_t id)
{
	struct sim_node *n = ctx;
	struct sim_peer *p = &n->peers[node - 1];
	int i;

	for (i = 0; i < SIM_SLOTS; i++)
		if (p->slot[i].used && p->slot[i].id == id && p->slot[i].last_rx >= 0)
			return n->sim->now - p->slot[i].last_rx;
	return -1;
}

static uint64_t op_tx_packets(void *ctx, uint32_t node)
{
	struct sim_node *n = ctx;

	return n->peers[node - 1].sent;
}

/* The registry knows where it lives. */
static void op_find(void *ctx, uint32_t node)
{
	struct sim_node *n = ctx;

	n->peers[node - 1].addr = n->sim->node[node - 1].addr;
}

static bool op_set_path(void *ctx, uint32_t node, enum pilot_path path)
{
	(void)ctx;
	(void)node;
	(void)path;
	return false;
}

static void op_cooldown(void *ctx, uint32_t node, uint32_t ms)
{
	struct sim_node *n = ctx;

	n->peers[node - 1].cooldown_until = n->sim->now + ms;
	n->peers[node - 1].cooldowns++;
	n->peers[node - 1].need_key = PILOT_REASON_NONE;
}

static void op_notice(void *ctx, enum manager_notice what, uint32_t node,
		      const char *detail)
{
	struct sim_node *n = ctx;

	(void)node;
	if (what == MANAGER_GAVE_UP) {
		n->gave_up++;
		return;
	}
	n->refused++;
	snprintf(n->last_refused, sizeof(n->last_refused), "%s", detail);
}

static const struct manager_ops ops = {
	.send_frame = op_send,
	.on_path = op_on_path,
	.install_key = op_install,
	.drop_key = op_drop,
	.add_peer = op_add_peer,
	.set_endpoint = op_endpoint,
	.lookup_pubkey = op_lookup,
	.last_decrypt_age = op_decrypt_age,
	.tx_packets = op_tx_packets,
	.find = op_find,
	.set_path = op_set_path,
	.set_cooldown = op_cooldown,
	.notice = op_notice,
};

/* The glue of the daemon */

static void resync(struct sim_node *n)
{
	struct sim *s = n->sim;
	unsigned int i, j;
	int k, nk;

	n->resync_at = s->now + 30000;
	manager_sync_begin(n->m);
	for (i = 0; i < s->n; i++) {
		struct sim_peer *p = &n->peers[i];
		struct manager_session keys[SIM_SLOTS];

		if (!p->exists)
			continue;
		nk = 0;
		for (k = 0; k < SIM_SLOTS; k++) {
			struct manager_session key = {
				.id = p->slot[k].id,
				.negotiated = true,
				.authenticated = p->slot[k].authenticated,
				.proven = p->slot[k].proven,
				.age = s->now - p->slot[k].installed,
			};

			if (!p->slot[k].used)
				continue;
			memcpy(key.peer_x25519, p->slot[k].peer, 32);
			memcpy(key.local_x25519, p->slot[k].local, 32);
			for (j = (unsigned int)nk; j > 0 && keys[j - 1].age > key.age; j--)
				keys[j] = keys[j - 1];
			keys[j] = key;
			nk++;
		}
		manager_sync_peer(n->m, s->now, i + 1, keys, (size_t)nk);
		if (p->need_key)
			manager_need_key(n->m, s->now, i + 1,
					 p->need_key == PILOT_REASON_USER ?
					 PILOT_REASON_NO_KEY : p->need_key);
	}
	manager_sync_end(n->m);
}

static void boot_daemon(struct sim_node *n)
{
	const struct manager_config cfg = {
		.node = n->id,
		.identity = n->anonymous ? NULL : &n->identity,
		.allow_unauth = n->allow_unauth,
		.max_peers = PILOT_MAX_CRYPTO_PEERS,
		.rekey = n->rekey,
	};

	manager_free(n->m);
	n->m = manager_new(&cfg, &ops, n);
	if (!n->m)
		abort();
	n->up = true;
	resync(n);
}

void sim_restart_daemon(struct sim *s, unsigned int a)
{
	boot_daemon(&s->node[a]);
}

void sim_restart_node(struct sim *s, unsigned int a)
{
	struct sim_node *n = &s->node[a];
	unsigned int i;

	for (i = 0; i < s->n; i++) {
		memset(n->peers[i].slot, 0, sizeof(n->peers[i].slot));
		n->peers[i].need_key = PILOT_REASON_NONE;
		n->peers[i].need_at = s->now - 10000;
		n->peers[i].cooldown_until = 0;
		n->peers[i].probes = 0;
	}
	boot_daemon(n);
	for (i = 0; i < s->n; i++)
		if (n->peers[i].exists)
			manager_start(n->m, s->now, i + 1);
}

void sim_user_rekey(struct sim *s, unsigned int a, unsigned int b)
{
	manager_need_key(s->node[a].m, s->now, b + 1, PILOT_REASON_USER);
}

void sim_inject(struct sim *s, unsigned int b, uint32_t addr,
		const uint8_t *frame, size_t len)
{
	struct sim_item *item = make(s, FRAME, b, 0, 0);

	item->from = addr;
	item->len = len;
	memcpy(item->bytes, frame, len);
	put(s, item);
}

static void deliver(struct sim *s, const struct sim_item *item)
{
	struct sim_node *n = &s->node[item->node];
	struct pilot_endpoint ep = { .in = {
		.sin_family = AF_INET,
		.sin_addr.s_addr = htonl(item->from),
		.sin_port = htons(PILOT_DEFAULT_PORT),
	} };
	const struct sim_node *other = &s->node[item->peer];

	if (item->kind == PILS) {
		pils_in(n, item);
		return;
	}
	if (!n->up)
		return;
	switch (item->kind) {
	case FRAME:
		manager_frame(n->m, s->now, &ep, false, item->bytes, item->len);
		break;
	case CONFIRMED:
		manager_confirmed(n->m, s->now, item->peer + 1, item->id);
		break;
	case DROPPED:
		manager_dropped(n->m, s->now, item->peer + 1, item->id);
		break;
	case NEED_KEY:
		manager_need_key(n->m, s->now, item->peer + 1,
				 (enum pilot_reason)item->id);
		break;
	case LOOKUP:
		if (n->registry_down)
			manager_pubkey_result(n->m, s->now, item->peer + 1,
					      PUBKEY_UNAVAILABLE, NULL);
		else if (item->peer >= s->n || other->unregistered || other->anonymous)
			manager_pubkey_result(n->m, s->now, item->peer + 1,
					      PUBKEY_ABSENT, NULL);
		else
			manager_pubkey_result(n->m, s->now, item->peer + 1,
					      PUBKEY_KNOWN, other->identity.pub);
		break;
	case PILS:
		break;
	}
}

void sim_run(struct sim *s, int64_t ms)
{
	int64_t end = s->now + ms;

	rng_owner = s;
	for (;;) {
		struct sim_item *item = s->queue;
		int64_t next = (s->now / 50 + 1) * 50;	/* kernel timers */
		unsigned int i;

		for (i = 0; i < s->n; i++) {
			int64_t due = s->node[i].up ?
				      manager_next_deadline(s->node[i].m) : -1;

			if (due >= 0 && due < next)
				next = due > s->now ? due : s->now;
		}
		if (item && item->at <= next) {
			if (item->at > end)
				break;
			s->now = item->at;
			s->queue = item->next;
			deliver(s, item);
			free(item);
			continue;
		}
		if (next > end)
			break;
		s->now = next;
		for (i = 0; i < s->n; i++) {
			if (!s->node[i].up)
				continue;
			manager_tick(s->node[i].m, s->now);
			if (s->now % 50)
				continue;
			kernel_tick(&s->node[i]);
			if (s->now >= s->node[i].resync_at)
				resync(&s->node[i]);
		}
	}
	s->now = end;
}

void sim_init(struct sim *s, unsigned int n, uint64_t seed)
{
	unsigned int i, j;

	memset(s, 0, sizeof(*s));
	s->rng = seed * 0x9e3779b97f4a7c15u + 0x1234567;
	s->now = 1000000;
	s->n = n;
	s->delay_min = 10;
	s->delay_max = 10;
	rng_owner = s;
	for (i = 0; i < 16; i++)
		sim_random(s, 0);
	randombytes_set_implementation(&rng);
	for (i = 0; i < n; i++) {
		struct sim_node *node = &s->node[i];

		node->sim = s;
		node->id = i + 1;
		node->addr = 0x0a000001 + i;
		if (pilot_identity_new(&node->identity, NULL))
			abort();
		for (j = 0; j < n; j++) {
			node->peers[j].exists = j != i;
			node->peers[j].addr = 0x0a000001 + j;
			node->peers[j].need_at = s->now - 10000;
		}
	}
	for (i = 0; i < n; i++)
		boot_daemon(&s->node[i]);
}

void sim_release(struct sim *s)
{
	struct sim_item *item;
	unsigned int i;

	while ((item = s->queue)) {
		s->queue = item->next;
		free(item);
	}
	for (i = 0; i < s->n; i++) {
		manager_free(s->node[i].m);
		pilot_identity_free(&s->node[i].identity);
	}
}

bool sim_agreed(const struct sim *s, unsigned int a, unsigned int b)
{
	const struct sim_key *ka = &s->node[a].peers[b].slot[SIM_CURRENT];
	const struct sim_key *kb = &s->node[b].peers[a].slot[SIM_CURRENT];

	return ka->used && kb->used && ka->proven && kb->proven &&
	       ka->id == kb->id && !memcmp(ka->secret, kb->secret, 32);
}

unsigned int sim_frames(const struct sim *s)
{
	unsigned int i, n = 0;

	for (i = 0; i < s->n; i++)
		n += s->node[i].pila_sent + s->node[i].pilk_sent;
	return n;
}
