/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Deadlines, the earliest first: a binary heap of what is embedded in others.
 */
#ifndef PILOTD_DEADLINES_H
#define PILOTD_DEADLINES_H

#include <stddef.h>
#include <stdint.h>

/* Times in ms that no clock shows. */
#define NEVER	(INT64_MIN / 2)
#define FOREVER	INT64_MAX

/**
 * struct deadline - when something is due
 * @due: ms, FOREVER: never
 * @place: in the heap, from 1
 */
struct deadline {
	int64_t due;
	size_t place;
};

/**
 * struct deadlines - all of them
 * @v: the heap
 * @n: how many
 * @size: places allocated
 */
struct deadlines {
	struct deadline **v;
	size_t n;
	size_t size;
};

/**
 * deadlines_add() - add one
 * @ds: deadlines
 * @d: its @due is set
 *
 * Return: 0 or -ENOMEM.
 */
int deadlines_add(struct deadlines *ds, struct deadline *d);

/**
 * deadlines_move() - one has another @due now
 * @ds: deadlines
 * @d: deadline
 */
void deadlines_move(struct deadlines *ds, struct deadline *d);

/**
 * deadlines_del() - take one out
 * @ds: deadlines
 * @d: deadline
 */
void deadlines_del(struct deadlines *ds, struct deadline *d);

/**
 * deadlines_first() - the earliest
 * @ds: deadlines
 *
 * Return: NULL if there is none.
 */
static inline struct deadline *deadlines_first(const struct deadlines *ds)
{
	return ds->n ? ds->v[0] : NULL;
}

/**
 * deadlines_release() - free the heap, not what is in it
 * @ds: deadlines, may be all zero
 */
void deadlines_release(struct deadlines *ds);

#endif /* PILOTD_DEADLINES_H */
