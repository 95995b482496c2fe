/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The registry as a file: one node a line,
 *
 *	NODE-ID  BASE64-ED25519-PUBLIC-KEY  [ENDPOINT]
 */
#ifndef PILOTD_REGISTRY_FILE_H
#define PILOTD_REGISTRY_FILE_H

#include <stddef.h>
#include <stdint.h>

#include "lib/types.h"
#include "textfile.h"

/**
 * struct registry_node - a line
 * @node: node ID
 * @line: where it stands
 * @key: Ed25519 public key
 * @endpoint: where the node is reached, AF_UNSPEC if not given
 */
struct registry_node {
	uint32_t node;
	unsigned int line;
	uint8_t key[PILOT_ED25519_LEN];
	struct pilot_endpoint endpoint;
};

/**
 * struct registry - the file
 * @v: nodes in order of their IDs
 * @n: how many
 */
struct registry {
	struct registry_node *v;
	size_t n;
};

/**
 * registry_read() - read a registry
 * @r: to fill; release with registry_free()
 * @t: file, which collects the mistakes
 *
 * Return: 0, -EINVAL if there are mistakes, or -ENOMEM.
 */
int registry_read(struct registry *r, struct textfile *t);

/**
 * registry_find() - look a node up
 * @r: registry, or zeroed
 * @node: node ID
 *
 * Return: the node or NULL.
 */
const struct registry_node *registry_find(const struct registry *r, uint32_t node);

/**
 * registry_free() - release
 * @r: registry, or zeroed
 */
void registry_free(struct registry *r);

#endif /* PILOTD_REGISTRY_FILE_H */
