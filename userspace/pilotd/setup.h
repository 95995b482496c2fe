/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Everything that pilotd reads before it serves: the configuration and the
 * files it names.
 */
#ifndef PILOTD_SETUP_H
#define PILOTD_SETUP_H

#include "config.h"
#include "lib/identity.h"
#include "registry_file.h"

/**
 * struct setup - what was read
 * @path: configuration; kept by reference
 * @cfg: configuration
 * @reg: registry file, empty if there is none
 * @id: identity, without a secret if there is none
 */
struct setup {
	const char *path;
	struct config cfg;
	struct registry reg;
	struct pilot_identity id;
};

/**
 * setup_read() - read it all
 * @path: configuration
 * @old: what is in use, at a reload; NULL at the start. If it has a user, the
 *	identity is not read again: it should not be readable any more
 * @as_owner: if we are root, but the identity's owner is not, become him for the
 *	rest: who checks the files is not who will use them
 *
 * Every mistake in every file is logged, as FILE:LINE: REASON.
 *
 * Return: the setup, or NULL.
 */
struct setup *setup_read(const char *path, const struct setup *old, bool as_owner);

/**
 * setup_warn() - log what is not wrong, but hardly meant
 * @s: setup
 * @id: own identity, as @s may not have it
 */
void setup_warn(const struct setup *s, const struct pilot_identity *id);

/**
 * setup_free() - release
 * @s: setup or NULL
 */
void setup_free(struct setup *s);

#endif /* PILOTD_SETUP_H */
