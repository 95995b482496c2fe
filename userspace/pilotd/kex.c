// SPDX-License-Identifier: GPL-2.0
#include "kex.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <sodium.h>

_Static_assert(sizeof(struct pilot_pila) == PILOT_PILA_LEN, "PILA layout");
_Static_assert(sizeof(struct pilot_pilk) == PILOT_PILK_LEN, "PILK layout");
_Static_assert(PILOT_X25519_LEN == crypto_scalarmult_BYTES, "X25519 key");
_Static_assert(PILOT_KEY_LEN == crypto_auth_hmacsha256_BYTES,
	       "the key is one block of HKDF output");

/* "auth", sender, X25519 key */
#define CHALLENGE_LEN (4 + 4 + PILOT_X25519_LEN)

/*
 * Private keys live in slabs of locked memory: sodium_malloc() spends four
 * pages on each allocation, too much for one key of each of 16384 peers.
 */
#define SLAB_KEYS 64

struct slab {
	struct slab *next;
	uint64_t used;
	uint8_t *mem;
};

static struct slab *slabs;

static uint8_t *priv_alloc(void)
{
	struct slab *s;
	unsigned int i;

	for (s = slabs; s && s->used == UINT64_MAX; s = s->next)
		;
	if (!s) {
		s = calloc(1, sizeof(*s));
		if (!s)
			return NULL;
		s->mem = sodium_allocarray(SLAB_KEYS, PILOT_X25519_LEN);
		if (!s->mem) {
			free(s);
			return NULL;
		}
		s->next = slabs;
		slabs = s;
	}
	for (i = 0; s->used & (UINT64_C(1) << i); i++)
		;
	s->used |= UINT64_C(1) << i;
	return s->mem + i * PILOT_X25519_LEN;
}

static void priv_free(uint8_t *priv)
{
	struct slab **p, *s;

	sodium_memzero(priv, PILOT_X25519_LEN);
	for (p = &slabs; (s = *p); p = &s->next) {
		if (priv < s->mem || priv >= s->mem + SLAB_KEYS * PILOT_X25519_LEN)
			continue;
		s->used &= ~(UINT64_C(1) << ((priv - s->mem) / PILOT_X25519_LEN));
		if (!s->used) {
			*p = s->next;
			sodium_free(s->mem);
			free(s);
		}
		return;
	}
}

int kex_pair_new(struct kex_pair *pair)
{
	pair->priv = priv_alloc();
	if (!pair->priv)
		return -ENOMEM;
	crypto_box_keypair(pair->pub, pair->priv);
	return 0;
}

void kex_pair_wipe(struct kex_pair *pair)
{
	if (pair->priv)
		priv_free(pair->priv);
	memset(pair, 0, sizeof(*pair));
}

int kex_derive(const uint8_t *priv, const uint8_t *peer, uint8_t *key)
{
	static const uint8_t salt[crypto_auth_hmacsha256_BYTES];
	static const uint8_t block = 1;
	uint8_t shared[crypto_scalarmult_BYTES];
	uint8_t prk[crypto_auth_hmacsha256_BYTES];
	crypto_auth_hmacsha256_state st;
	int ret = -EINVAL;

	/* Fails for an all-zero result. */
	if (crypto_scalarmult(shared, priv, peer)) {
		sodium_memzero(key, PILOT_KEY_LEN);
		goto out;
	}
	crypto_auth_hmacsha256_init(&st, salt, sizeof(salt));
	crypto_auth_hmacsha256_update(&st, shared, sizeof(shared));
	crypto_auth_hmacsha256_final(&st, prk);

	crypto_auth_hmacsha256_init(&st, prk, sizeof(prk));
	crypto_auth_hmacsha256_update(&st, (const uint8_t *)PILOT_HKDF_INFO,
				      sizeof(PILOT_HKDF_INFO) - 1);
	crypto_auth_hmacsha256_update(&st, &block, 1);
	crypto_auth_hmacsha256_final(&st, key);
	sodium_memzero(&st, sizeof(st));
	sodium_memzero(prk, sizeof(prk));
	ret = 0;
out:
	sodium_memzero(shared, sizeof(shared));
	return ret;
}

uint32_t kex_key_id(const uint8_t *a, const uint8_t *b)
{
	uint8_t hash[16], pubs[2 * PILOT_X25519_LEN];
	bool swap = memcmp(a, b, PILOT_X25519_LEN) > 0;
	uint32_t id;

	memcpy(pubs, swap ? b : a, PILOT_X25519_LEN);
	memcpy(pubs + PILOT_X25519_LEN, swap ? a : b, PILOT_X25519_LEN);
	crypto_generichash(hash, sizeof(hash), pubs, sizeof(pubs), NULL, 0);
	memcpy(&id, hash, sizeof(id));
	id = ntohl(id);
	return id ? id : 1;
}

static void challenge(uint8_t *buf, uint32_t node, const uint8_t *x25519)
{
	uint32_t be = htonl(node);

	memcpy(buf, "auth", 4);
	memcpy(buf + 4, &be, 4);
	memcpy(buf + 8, x25519, PILOT_X25519_LEN);
}

void kex_build_pila(uint8_t *frame, uint32_t node, const uint8_t *x25519,
		    const struct pilot_identity *id)
{
	struct pilot_pila *pila = (struct pilot_pila *)frame;
	uint8_t msg[CHALLENGE_LEN];

	pila->magic = htonl(PILOT_MAGIC_PILA);
	pila->sender = htonl(node);
	memcpy(pila->x25519, x25519, sizeof(pila->x25519));
	memcpy(pila->ed25519, id->pub, sizeof(pila->ed25519));
	challenge(msg, node, x25519);
	pilot_identity_sign(id, msg, sizeof(msg), pila->sig);
}

void kex_build_pilk(uint8_t *frame, uint32_t node, const uint8_t *x25519)
{
	struct pilot_pilk *pilk = (struct pilot_pilk *)frame;

	pilk->magic = htonl(PILOT_MAGIC_PILK);
	pilk->sender = htonl(node);
	memcpy(pilk->x25519, x25519, sizeof(pilk->x25519));
}

int kex_parse(const uint8_t *data, size_t len, struct kex_frame *frame)
{
	const struct pilot_pila *pila = (const struct pilot_pila *)data;
	uint32_t magic;

	if (len < PILOT_MAGIC_LEN)
		return -EBADMSG;
	memcpy(&magic, data, sizeof(magic));
	switch (ntohl(magic)) {
	case PILOT_MAGIC_PILA:
		if (len < PILOT_PILA_LEN)
			return -EBADMSG;
		frame->pila = true;
		frame->ed25519 = pila->ed25519;
		frame->sig = pila->sig;
		break;
	case PILOT_MAGIC_PILK:
		if (len < PILOT_PILK_LEN)
			return -EBADMSG;
		frame->pila = false;
		frame->ed25519 = NULL;
		frame->sig = NULL;
		break;
	default:
		return -EPROTO;
	}
	/* Both begin alike. */
	frame->sender = ntohl(pila->sender);
	frame->x25519 = pila->x25519;
	return 0;
}

bool kex_verify(const struct kex_frame *frame)
{
	uint8_t msg[CHALLENGE_LEN];

	challenge(msg, frame->sender, frame->x25519);
	return !crypto_sign_verify_detached(frame->sig, msg, sizeof(msg),
					    frame->ed25519);
}
