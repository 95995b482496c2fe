/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Key agreement: ephemeral X25519 keys, key derivation, and the frames PILA
 * and PILK (protocol.rst, section 1). Everything is composed of libsodium's
 * primitives.
 */
#ifndef PILOTD_KEX_H
#define PILOTD_KEX_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <pilot/wire.h>

#include "lib/identity.h"

/**
 * struct kex_pair - an ephemeral key pair
 * @pub: public half
 * @priv: private half in locked memory, NULL if there is none
 */
struct kex_pair {
	uint8_t pub[PILOT_X25519_LEN];
	uint8_t *priv;
};

/**
 * kex_pair_new() - make a fresh key pair
 * @pair: to fill; holds none
 *
 * Return: 0 or -ENOMEM.
 */
int kex_pair_new(struct kex_pair *pair);

/**
 * kex_pair_wipe() - erase the private half and zero the structure
 * @pair: key pair, may hold none
 */
void kex_pair_wipe(struct kex_pair *pair);

/**
 * kex_derive() - AES-256 key of a pair of X25519 keys
 * @priv: our private key
 * @peer: peer's public key
 * @key: PILOT_KEY_LEN bytes, zeroed on failure
 *
 * HKDF-SHA256 (RFC 5869) of the shared secret, without salt.
 *
 * Return: 0, or -EINVAL if @peer is of low order.
 */
int kex_derive(const uint8_t *priv, const uint8_t *peer, uint8_t *key);

/**
 * kex_key_id() - name of the key of two public keys, the same at both ends
 * @a: one
 * @b: other
 *
 * Return: never 0.
 */
uint32_t kex_key_id(const uint8_t *a, const uint8_t *b);

/**
 * kex_build_pila() - authenticated key exchange frame
 * @frame: PILOT_PILA_LEN bytes
 * @node: own node ID
 * @x25519: own ephemeral public key
 * @id: own identity
 */
void kex_build_pila(uint8_t *frame, uint32_t node, const uint8_t *x25519,
		    const struct pilot_identity *id);

/**
 * kex_build_pilk() - unauthenticated key exchange frame
 * @frame: PILOT_PILK_LEN bytes
 * @node: own node ID
 * @x25519: own ephemeral public key
 */
void kex_build_pilk(uint8_t *frame, uint32_t node, const uint8_t *x25519);

/**
 * struct kex_frame - a key exchange frame taken apart; pointers into it
 * @pila: PILA, else PILK
 * @sender: node ID it names
 * @x25519: public key it offers
 * @ed25519: PILA: identity it claims
 * @sig: PILA: signature
 */
struct kex_frame {
	bool pila;
	uint32_t sender;
	const uint8_t *x25519;
	const uint8_t *ed25519;
	const uint8_t *sig;
};

/**
 * kex_parse() - take a key exchange frame apart; verifies nothing
 * @data: frame from its magic; a tail past the defined length is ignored
 * @len: its length
 * @frame: to fill
 *
 * Return: 0, -EPROTO if it is none, -EBADMSG if it is too short.
 */
int kex_parse(const uint8_t *data, size_t len, struct kex_frame *frame);

/**
 * kex_verify() - check the signature of a PILA by the key it carries
 * @frame: PILA
 *
 * Whether the sender owns that key is for the caller to know.
 */
bool kex_verify(const struct kex_frame *frame);

#endif /* PILOTD_KEX_H */
