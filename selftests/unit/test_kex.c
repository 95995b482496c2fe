// SPDX-License-Identifier: GPL-2.0
/* Key derivation and key exchange frames against the reference's vectors. */
#include <errno.h>

#include "kex.h"
#include "tap.h"
#include "vectors.h"

static uint8_t *fixed(json_t *v, const char *key, size_t want)
{
	size_t len;
	uint8_t *b = vectors_hex(v, key, &len);

	if (len != want) {
		printf("Bail out! \"%s\" has %zu bytes, not %zu\n", key, len, want);
		exit(1);
	}
	return b;
}

static void test_kdf(void)
{
	json_t *doc = vectors_load("kdf.json"), *v;
	size_t i;

	json_array_foreach(doc, i, v) {
		uint8_t *a_priv = fixed(v, "a_priv", 32), *a_pub = fixed(v, "a_pub", 32);
		uint8_t *b_pub = fixed(v, "b_pub", 32), *want = fixed(v, "key_hkdf", 32);
		uint8_t *b_priv, key[32];

		ok(!kex_derive(a_priv, b_pub, key) && !memcmp(key, want, 32),
		   "kdf: %s", vectors_str(v, "name"));
		if (json_object_get(v, "b_priv")) {
			b_priv = fixed(v, "b_priv", 32);
			ok(!kex_derive(b_priv, a_pub, key) && !memcmp(key, want, 32),
			   "kdf: %s, other end", vectors_str(v, "name"));
			free(b_priv);
		}
		free(a_priv);
		free(a_pub);
		free(b_pub);
		free(want);
	}
	json_decref(doc);
}

static void test_kdf_reject(void)
{
	static const uint8_t zero[32];
	json_t *doc = vectors_load("kdf_reject.json"), *v;
	size_t i;

	json_array_foreach(doc, i, v) {
		uint8_t *priv = fixed(v, "a_priv", 32);
		uint8_t *pub = fixed(v, "peer_pub", 32);
		uint8_t key[32];

		memset(key, 0xaa, sizeof(key));
		ok(kex_derive(priv, pub, key) == -EINVAL && !memcmp(key, zero, 32),
		   "kdf: low-order key refused: %s", vectors_str(v, "name"));
		free(priv);
		free(pub);
	}
	json_decref(doc);
}

static void test_frames(void)
{
	json_t *doc = vectors_load("key_frames.json"), *v;
	size_t i;

	json_array_foreach(doc, i, v) {
		uint32_t node = (uint32_t)json_integer_value(json_object_get(v, "node_id"));
		uint8_t *seed = fixed(v, "ed25519_seed", 32);
		uint8_t *x = fixed(v, "x25519_pub", 32);
		uint8_t *priv = fixed(v, "x25519_priv", 32);
		uint8_t *pila = fixed(v, "pila", PILOT_PILA_LEN);
		uint8_t *pilk = fixed(v, "pilk", PILOT_PILK_LEN);
		uint8_t secret[64], got[PILOT_PILA_LEN + 7], pub[32];
		struct pilot_identity id = { .secret = secret };
		struct kex_frame f;

		crypto_sign_seed_keypair(id.pub, secret, seed);
		crypto_scalarmult_base(pub, priv);
		ok(!memcmp(pub, x, 32), "frames: node %u: X25519 public key", node);
		kex_build_pila(got, node, x, &id);
		ok(!memcmp(got, pila, PILOT_PILA_LEN), "frames: node %u: PILA built", node);
		kex_build_pilk(got, node, x);
		ok(!memcmp(got, pilk, PILOT_PILK_LEN), "frames: node %u: PILK built", node);
		ok(!kex_parse(pila, PILOT_PILA_LEN, &f) && f.pila && f.sender == node &&
		   !memcmp(f.x25519, x, 32) && !memcmp(f.ed25519, id.pub, 32) &&
		   kex_verify(&f), "frames: node %u: PILA read", node);
		ok(!kex_parse(pilk, PILOT_PILK_LEN, &f) && !f.pila && f.sender == node &&
		   !memcmp(f.x25519, x, 32), "frames: node %u: PILK read", node);
		memcpy(got, pila, PILOT_PILA_LEN);
		memset(got + PILOT_PILA_LEN, 0x5a, 7);
		ok(!kex_parse(got, sizeof(got), &f) && kex_verify(&f),
		   "frames: node %u: tail ignored", node);
		free(seed);
		free(x);
		free(priv);
		free(pila);
		free(pilk);
	}
	json_decref(doc);
}

static void test_short(void)
{
	uint8_t frame[PILOT_PILA_LEN] = { 'P', 'I', 'L', 'A' };
	struct kex_frame f;
	size_t len;
	bool good = true;

	for (len = 0; len < PILOT_PILA_LEN; len++) {
		uint8_t *exact = malloc(len ? len : 1);

		if (!exact)
			exit(1);
		memcpy(exact, frame, len);
		good &= kex_parse(exact, len, &f) == -EBADMSG;
		if (len >= 4) {
			exact[3] = 'K';
			good &= kex_parse(exact, len, &f) ==
				(len < PILOT_PILK_LEN ? -EBADMSG : 0);
			exact[3] = 'S';
			good &= kex_parse(exact, len, &f) == -EPROTO;
		}
		free(exact);
	}
	ok(good, "frames: every short length refused");
}

/*
 * Verdict of the rules that need no state: registered key, signature,
 * derivation. The manager applies them in this order.
 */
static bool accept_pila(const uint8_t *frame, size_t len, const uint8_t *registered,
			const uint8_t *priv)
{
	struct kex_frame f;
	uint8_t key[32];

	return !kex_parse(frame, len, &f) && f.pila &&
	       !memcmp(f.ed25519, registered, 32) && kex_verify(&f) &&
	       !kex_derive(priv, f.x25519, key);
}

static void test_verdicts(void)
{
	json_t *doc = vectors_load("pila_verdicts.json"), *v;
	struct kex_pair pair = { 0 };
	size_t i;

	if (kex_pair_new(&pair))
		exit(1);
	json_array_foreach(doc, i, v) {
		uint8_t *reg = fixed(v, "registered_ed25519", 32);
		const char *name = vectors_str(v, "name");
		const char *expect = vectors_str(v, "expect");
		size_t len;
		uint8_t *frame = vectors_hex(v, "frame", &len);
		bool want = !strcmp(expect, "accept");

		/* Told by the registered key of the other id: test_manager.c */
		ok(accept_pila(frame, len, reg, pair.priv) == want,
		   "verdict: %s: %s", name, expect);
		free(reg);
		free(frame);
	}
	kex_pair_wipe(&pair);
	json_decref(doc);
}

static void test_pairs(void)
{
	static const uint8_t zero[32];
	struct kex_pair pair[200] = { 0 };
	bool good = true;
	uint8_t *freed, key[32], other[32];
	size_t i;

	for (i = 0; i < 200; i++)
		good &= !kex_pair_new(&pair[i]);
	for (i = 0; i < 199; i++)
		good &= memcmp(pair[i].pub, pair[199].pub, 32) &&
			memcmp(pair[i].priv, pair[199].priv, 32);
	ok(good, "pairs: 200 different ones at a time");
	ok(!kex_derive(pair[0].priv, pair[150].pub, key) &&
	   !kex_derive(pair[150].priv, pair[0].pub, other) && !memcmp(key, other, 32),
	   "pairs: both ends derive the same key");
	ok(kex_key_id(pair[0].pub, pair[1].pub) == kex_key_id(pair[1].pub, pair[0].pub) &&
	   kex_key_id(pair[0].pub, pair[1].pub) != kex_key_id(pair[0].pub, pair[2].pub),
	   "pairs: key id is symmetric");
	/* Its slab is still in use by others, so that it may be read. */
	freed = pair[5].priv;
	kex_pair_wipe(&pair[5]);
	ok(!memcmp(freed, zero, 32) && !pair[5].priv, "pairs: wiped private half is gone");
	for (i = 0; i < 200; i++)
		kex_pair_wipe(&pair[i]);
}

int main(void)
{
	if (sodium_init() < 0)
		return 1;
	test_kdf();
	test_kdf_reject();
	test_frames();
	test_short();
	test_verdicts();
	test_pairs();
	return done();
}
