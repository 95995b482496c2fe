// SPDX-License-Identifier: GPL-2.0
/*
 * Key exchange frames: taking them apart, verifying them, and what a manager
 * does with them. As signatures cannot be guessed, the sender and the X25519
 * key of a frame come a second time in a PILA that is signed.
 */
#include <arpa/inet.h>
#include <errno.h>

#include <sodium.h>

#include "fuzz.h"
#include "kex.h"
#include "manager.h"

#define ME	7

/* One manager, which has to cope with one frame. */
struct rig {
	const struct kex_frame *f;
	bool registered;		/* the sender, with the key it shows */
	unsigned int frames, installs, lookups;
};

static struct pilot_identity own, peer;
static uint8_t some_priv[32];

static void send_frame(void *ctx, uint32_t node, const struct pilot_endpoint *to,
		       bool relayed, const uint8_t *data, size_t len)
{
	struct rig *r = ctx;
	struct kex_frame f;

	(void)to;
	(void)relayed;
	require(node == r->f->sender);
	require(!kex_parse(data, len, &f) && f.sender == ME);
	require(!f.pila || kex_verify(&f));
	r->frames++;
}

static bool on_path(void *ctx, uint32_t node, const struct pilot_endpoint *from,
		    bool relayed)
{
	(void)ctx;
	(void)node;
	(void)from;
	(void)relayed;
	return false;
}

static int install_key(void *ctx, uint32_t node, const struct manager_key *key)
{
	struct rig *r = ctx;

	require(node == r->f->sender && key->id);
	require(!memcmp(key->peer_x25519, r->f->x25519, PILOT_X25519_LEN));
	/* S4: who is registered proves it; who is not does not. */
	require(key->authenticated == r->registered);
	require(key->authenticated == (r->f->pila && kex_verify(r->f)));
	r->installs++;
	return 0;
}

static void drop_key(void *ctx, uint32_t node, uint32_t id)
{
	(void)ctx;
	(void)node;
	(void)id;
	require(!"nothing was there to be dropped");
}

static int add_peer(void *ctx, uint32_t node)
{
	const struct rig *r = ctx;

	require(node == r->f->sender);
	return 0;
}

static bool set_endpoint(void *ctx, uint32_t node, const struct pilot_endpoint *ep,
			 bool if_none)
{
	(void)ctx;
	(void)node;
	(void)ep;
	return if_none;
}

static void lookup_pubkey(void *ctx, uint32_t node)
{
	struct rig *r = ctx;

	require(node == r->f->sender);
	r->lookups++;
}

static int64_t last_decrypt_age(void *ctx, uint32_t node, uint32_t id)
{
	(void)ctx;
	(void)node;
	(void)id;
	return -1;
}

static uint64_t tx_packets(void *ctx, uint32_t node)
{
	(void)ctx;
	(void)node;
	return 0;
}

static void find(void *ctx, uint32_t node)
{
	(void)ctx;
	(void)node;
}

static bool set_path(void *ctx, uint32_t node, enum pilot_path path)
{
	(void)ctx;
	(void)node;
	(void)path;
	return false;
}

static void set_cooldown(void *ctx, uint32_t node, uint32_t ms)
{
	(void)ctx;
	(void)node;
	(void)ms;
	require(!"one frame from outside gives up nothing");
}

static void notice(void *ctx, enum manager_notice what, uint32_t node,
		   const char *detail)
{
	const struct rig *r = ctx;

	require(what == MANAGER_REFUSED && node == r->f->sender);
	check_message(detail);
}

static const struct manager_ops ops = {
	.send_frame = send_frame,
	.on_path = on_path,
	.install_key = install_key,
	.drop_key = drop_key,
	.add_peer = add_peer,
	.set_endpoint = set_endpoint,
	.lookup_pubkey = lookup_pubkey,
	.last_decrypt_age = last_decrypt_age,
	.tx_packets = tx_packets,
	.find = find,
	.set_path = set_path,
	.set_cooldown = set_cooldown,
	.notice = notice,
};

static unsigned int to_manager(const struct kex_frame *f, bool registered,
			       const uint8_t *data, size_t len)
{
	const struct manager_config cfg = {
		.node = ME, .identity = &own, .allow_unauth = true, .max_peers = 4,
	};
	struct pilot_endpoint from = { .in.sin_family = AF_INET };
	struct rig r = { .f = f, .registered = registered };
	struct manager *m = manager_new(&cfg, &ops, &r);
	bool valid = f->sender && f->sender != ME;

	require(m);
	from.in.sin_port = htons(37736);
	manager_frame(m, 1000, &from, len & 2, data, len);
	require(r.lookups == valid && !r.frames && !r.installs);
	if (registered)
		manager_pubkey_result(m, 1001, f->sender, PUBKEY_KNOWN,
				      f->pila ? f->ed25519 : peer.pub);
	else
		manager_pubkey_result(m, 1001, f->sender, PUBKEY_ABSENT, NULL);
	require(r.installs <= valid && r.frames <= 3);
	/* Once more it is a repetition. */
	manager_frame(m, 1002, &from, len & 2, data, len);
	require(r.installs <= valid && r.frames <= 3);
	manager_tick(m, 1000000);
	require(!manager_pending(m));
	manager_free(m);
	return r.installs;
}

/* The same by another way. */
static bool signature_good(const struct kex_frame *f)
{
	uint8_t msg[40] = "auth";
	uint32_t id = htonl(f->sender);

	memcpy(msg + 4, &id, 4);
	memcpy(msg + 8, f->x25519, 32);
	return !crypto_sign_verify_detached(f->sig, msg, sizeof(msg), f->ed25519);
}

static bool inside(const uint8_t *p, size_t n, const uint8_t *data, size_t size)
{
	return p >= data && n <= size && p <= data + size - n;
}

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
	(void)argc;
	(void)argv;
	if (sodium_init() < 0 || pilot_identity_new(&own, NULL) ||
	    pilot_identity_new(&peer, NULL))
		return 1;
	randombytes_buf(some_priv, sizeof(some_priv));
	return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	uint8_t pila[PILOT_PILA_LEN], key[PILOT_KEY_LEN];
	struct kex_frame f, again;
	bool valid, low_order;
	int ret = kex_parse(data, size, &f);

	if (ret) {
		require(ret == -EPROTO || ret == -EBADMSG);
		/* A whole frame with a known magic is never refused. */
		require(size < PILOT_PILK_LEN || memcmp(data, "PILK", 4));
		require(size < PILOT_PILA_LEN || memcmp(data, "PILA", 4));
		return 0;
	}
	require(size >= (f.pila ? PILOT_PILA_LEN : PILOT_PILK_LEN));
	require(inside(f.x25519, PILOT_X25519_LEN, data, size));
	if (f.pila) {
		require(inside(f.ed25519, PILOT_ED25519_LEN, data, size));
		require(inside(f.sig, PILOT_SIG_LEN, data, size));
		require(kex_verify(&f) == signature_good(&f));
	}
	valid = f.sender && f.sender != ME;
	low_order = kex_derive(some_priv, f.x25519, key);
	to_manager(&f, true, data, size);
	ret = to_manager(&f, false, data, size);
	require(ret == (valid && !low_order && !f.pila));

	kex_build_pila(pila, f.sender, f.x25519, &peer);
	require(!kex_parse(pila, sizeof(pila), &again) && again.pila && kex_verify(&again));
	require(again.sender == f.sender);
	require(to_manager(&again, true, pila, sizeof(pila)) == (valid && !low_order));
	return 0;
}
