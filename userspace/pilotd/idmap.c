// SPDX-License-Identifier: GPL-2.0
#include "idmap.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define FIRST_SIZE 64

static size_t slot(const struct idmap *map, uint32_t id)
{
	uint8_t hash[crypto_shorthash_BYTES];
	uint64_t v;

	crypto_shorthash(hash, (const uint8_t *)&id, sizeof(id), map->key);
	memcpy(&v, hash, sizeof(v));
	return v & (map->size - 1);
}

int idmap_init(struct idmap *map)
{
	map->n = 0;
	map->size = FIRST_SIZE;
	map->bucket = calloc(map->size, sizeof(*map->bucket));
	if (!map->bucket)
		return -ENOMEM;
	crypto_shorthash_keygen(map->key);
	return 0;
}

void idmap_release(struct idmap *map)
{
	free(map->bucket);
	map->bucket = NULL;
	map->size = 0;
	map->n = 0;
}

struct idnode *idmap_get(const struct idmap *map, uint32_t id)
{
	struct idnode *node = map->bucket[slot(map, id)];

	while (node && node->id != id)
		node = node->next;
	return node;
}

static void link_in(struct idmap *map, struct idnode *node)
{
	struct idnode **head = &map->bucket[slot(map, node->id)];

	node->next = *head;
	*head = node;
}

static void grow(struct idmap *map)
{
	struct idnode **old = map->bucket;
	size_t i, old_size = map->size;

	map->bucket = calloc(old_size * 2, sizeof(*map->bucket));
	if (!map->bucket) {
		map->bucket = old;
		return;
	}
	map->size = old_size * 2;
	for (i = 0; i < old_size; i++) {
		struct idnode *node = old[i], *next;

		for (; node; node = next) {
			next = node->next;
			link_in(map, node);
		}
	}
	free(old);
}

void idmap_add(struct idmap *map, struct idnode *node)
{
	if (map->n >= map->size)
		grow(map);
	link_in(map, node);
	map->n++;
}

void idmap_del(struct idmap *map, struct idnode *node)
{
	struct idnode **p = &map->bucket[slot(map, node->id)];

	while (*p != node)
		p = &(*p)->next;
	*p = node->next;
	node->next = NULL;
	map->n--;
}

struct idnode *idmap_next(const struct idmap *map, const struct idnode *prev)
{
	size_t i = 0;

	if (prev) {
		if (prev->next)
			return prev->next;
		i = slot(map, prev->id) + 1;
	}
	for (; i < map->size; i++)
		if (map->bucket[i])
			return map->bucket[i];
	return NULL;
}
