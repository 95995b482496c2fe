// SPDX-License-Identifier: GPL-2.0
#include "deadlines.h"

#include <errno.h>
#include <stdlib.h>

static void put(struct deadlines *ds, size_t i, struct deadline *d)
{
	ds->v[i - 1] = d;
	d->place = i;
}

void deadlines_move(struct deadlines *ds, struct deadline *d)
{
	size_t i = d->place, child;

	while (i > 1 && ds->v[i / 2 - 1]->due > d->due) {
		put(ds, i, ds->v[i / 2 - 1]);
		i /= 2;
	}
	while ((child = 2 * i) <= ds->n) {
		if (child < ds->n && ds->v[child]->due < ds->v[child - 1]->due)
			child++;
		if (ds->v[child - 1]->due >= d->due)
			break;
		put(ds, i, ds->v[child - 1]);
		i = child;
	}
	put(ds, i, d);
}

int deadlines_add(struct deadlines *ds, struct deadline *d)
{
	if (ds->n == ds->size) {
		size_t size = ds->size ? 2 * ds->size : 64;
		struct deadline **v = reallocarray(ds->v, size, sizeof(struct deadline *));

		if (!v)
			return -ENOMEM;
		ds->v = v;
		ds->size = size;
	}
	ds->n++;
	put(ds, ds->n, d);
	deadlines_move(ds, d);
	return 0;
}

void deadlines_del(struct deadlines *ds, struct deadline *d)
{
	struct deadline *last = ds->v[ds->n - 1];

	ds->n--;
	if (last != d) {
		put(ds, d->place, last);
		deadlines_move(ds, last);
	}
	d->place = 0;
}

void deadlines_release(struct deadlines *ds)
{
	free(ds->v);
	*ds = (struct deadlines){ 0 };
}
