/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Hash table keyed by node ID. Strangers choose node IDs, so the hash is keyed
 * by a random secret.
 */
#ifndef PILOTD_IDMAP_H
#define PILOTD_IDMAP_H

#include <stddef.h>
#include <stdint.h>

#include <sodium.h>

/**
 * struct idnode - embedded in what the table holds
 * @id: node ID
 * @next: next in the bucket
 */
struct idnode {
	uint32_t id;
	struct idnode *next;
};

/**
 * struct idmap - the table
 * @bucket: heads of the chains
 * @size: number of buckets, a power of two
 * @n: number of members
 * @key: of the hash
 */
struct idmap {
	struct idnode **bucket;
	size_t size;
	size_t n;
	uint8_t key[crypto_shorthash_KEYBYTES];
};

/**
 * idmap_init() - make an empty table
 * @map: to fill
 *
 * Return: 0 or -ENOMEM.
 */
int idmap_init(struct idmap *map);

/**
 * idmap_release() - free the table, not its members
 * @map: table
 */
void idmap_release(struct idmap *map);

/**
 * idmap_get() - find a member
 * @map: table
 * @id: node ID
 *
 * Return: the member or NULL.
 */
struct idnode *idmap_get(const struct idmap *map, uint32_t id);

/**
 * idmap_add() - add a member
 * @map: table, which holds no such ID
 * @node: member; its @id is set
 *
 * Grows the table if memory allows, else the chains get longer.
 */
void idmap_add(struct idmap *map, struct idnode *node);

/**
 * idmap_del() - take a member out
 * @map: table
 * @node: member
 */
void idmap_del(struct idmap *map, struct idnode *node);

/**
 * idmap_next() - walk through the table
 * @map: table
 * @prev: NULL to begin. It may have been removed by now only if the walk
 *	fetched its successor before
 *
 * Return: the next member or NULL.
 */
struct idnode *idmap_next(const struct idmap *map, const struct idnode *prev);

#endif /* PILOTD_IDMAP_H */
