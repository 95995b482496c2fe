/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The node ID a registry gave us, kept in a file: it is the same after a
 * restart, also while the registry is away. The file names the identity it was
 * given to.
 */
#ifndef PILOTD_NODE_STATE_H
#define PILOTD_NODE_STATE_H

#include <stdint.h>

#include "lib/error.h"
#include "lib/identity.h"

/**
 * node_state_load() - read the file
 * @path: file
 * @id: own identity
 * @node: set to the node ID, 0 if there is no file
 * @err: file and reason, may be NULL
 *
 * Return: 0; -EINVAL if it is damaged or of another identity; or another
 * negative errno.
 */
int node_state_load(const char *path, const struct pilot_identity *id,
		    uint32_t *node, struct pilot_error *err);

/**
 * node_state_save() - write the file
 * @path: file; replaced as a whole
 * @id: own identity
 * @node: node ID
 * @err: file and reason, may be NULL
 *
 * Mode 0600. After a crash the file is the old or the new one.
 *
 * Return: 0 or negative errno.
 */
int node_state_save(const char *path, const struct pilot_identity *id,
		    uint32_t node, struct pilot_error *err);

/**
 * node_state_check() - whether node_state_save() could do its work
 * @path: file
 * @err: directory and reason, may be NULL
 *
 * Return: 0 or negative errno.
 */
int node_state_check(const char *path, struct pilot_error *err);

#endif /* PILOTD_NODE_STATE_H */
