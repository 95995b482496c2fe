/* SPDX-License-Identifier: GPL-2.0 */
/*
 * A node's long-term Ed25519 key and its file (protocol.rst, section 6).
 */
#ifndef PILOT_LIB_IDENTITY_H
#define PILOT_LIB_IDENTITY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <pilot/wire.h>

#include "error.h"

/**
 * struct pilot_identity - a key pair
 * @pub: Ed25519 public key
 * @secret: seed and public key, 64 bytes of locked memory that is left out of
 *	core dumps; NULL if there is none
 */
struct pilot_identity {
	uint8_t pub[PILOT_ED25519_LEN];
	uint8_t *secret;
};

/**
 * pilot_identity_new() - make a fresh identity
 * @id: to fill; release with pilot_identity_free()
 * @err: why it failed, may be NULL
 *
 * Return: 0 or -ENOMEM, -EIO.
 */
int pilot_identity_new(struct pilot_identity *id, struct pilot_error *err);

/**
 * pilot_identity_parse() - take an identity from the text of its file
 * @id: to fill; release with pilot_identity_free()
 * @text: JSON; best in locked memory
 * @len: its length
 * @name: for messages
 * @err: name and reason, may be NULL
 *
 * Nothing of @text gets into a message.
 *
 * Return: 0; -EINVAL if it is not an identity; or -ENOMEM.
 */
int pilot_identity_parse(struct pilot_identity *id, const char *text,
			 size_t len, const char *name, struct pilot_error *err);

/**
 * pilot_identity_load() - read an identity file
 * @id: to fill; release with pilot_identity_free()
 * @path: file
 * @anybodys: to look at it, not to use it: its owner does not matter
 * @err: file and reason, may be NULL
 *
 * The file must be a regular one (no symbolic link at its end), closed to
 * group and others, owned by the caller or by root, and its two halves must
 * belong together.
 *
 * Return: 0; -EPERM if others could read it; -EINVAL if its content is not an
 * identity; or another negative errno.
 */
int pilot_identity_load(struct pilot_identity *id, const char *path, bool anybodys,
			struct pilot_error *err);

/**
 * pilot_identity_save() - write an identity file
 * @id: identity
 * @path: file; one that exists is left alone
 * @err: file and reason, may be NULL
 *
 * Mode 0600 whatever the umask. After a crash the file is there completely or
 * not at all.
 *
 * Return: 0, -EEXIST, or another negative errno.
 */
int pilot_identity_save(const struct pilot_identity *id, const char *path,
			struct pilot_error *err);

/**
 * pilot_identity_lock() - lock the secret in memory again, after a fork()
 * @id: identity, with a secret or without
 *
 * A child does not inherit locks of memory.
 *
 * Return: 0 or negative errno.
 */
int pilot_identity_lock(const struct pilot_identity *id);

/**
 * pilot_identity_sign() - Ed25519 signature
 * @id: identity
 * @msg: message
 * @len: its length
 * @sig: PILOT_SIG_LEN bytes
 */
void pilot_identity_sign(const struct pilot_identity *id, const void *msg,
			 size_t len, uint8_t *sig);

/**
 * pilot_identity_free() - wipe and release
 * @id: identity, or zeroed
 */
void pilot_identity_free(struct pilot_identity *id);

#endif /* PILOT_LIB_IDENTITY_H */
