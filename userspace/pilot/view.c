// SPDX-License-Identifier: GPL-2.0
#include "view.h"

#include <errno.h>
#include <stdlib.h>

static int by_node(const void *a, const void *b)
{
	const struct pilot_peer_info *x = *(const struct pilot_peer_info *const *)a;
	const struct pilot_peer_info *y = *(const struct pilot_peer_info *const *)b;

	if (x->node_id != y->node_id)
		return x->node_id < y->node_id ? -1 : 1;
	return x < y ? -1 : x > y;
}

/* Of a peer that went and came back meanwhile, what was read last. */
static int drop_doubles(struct view *v)
{
	struct pilot_peer_info **list = calloc(v->n, sizeof(*list));
	size_t i, n = 0;

	if (!list)
		return -ENOMEM;
	for (i = 0; i < v->n; i++)
		list[i] = &v->peers[i];
	qsort(list, v->n, sizeof(*list), by_node);
	for (i = 1; i < v->n; i++)
		if (list[i - 1]->node_id == list[i]->node_id)
			pilot_peer_clear(list[i - 1]);
	free(list);
	for (i = 0; i < v->n; i++)
		if (v->peers[i].node_id)
			v->peers[n++] = v->peers[i];
	v->n = n;
	return 0;
}

static int read_peers(struct pilot_genl *g, struct view *v)
{
	/* By index: a device that was renamed meanwhile is still the same. */
	const struct pilot_dev dev = { .ifindex = v->d.dev.ifindex };
	int ret = pilot_peer_dump(g, &dev, &v->peers, &v->n);
	struct pilot_error why = g->err;

	v->torn = g->torn;
	if (!ret && v->torn && v->n && drop_doubles(v)) {
		pilot_peer_list_free(v->peers, v->n);
		v->peers = NULL;
		v->n = 0;
		ret = pilot_error_set(&why, -ENOMEM, "out of memory");
	}
	if (ret)
		return pilot_error_set(&g->err, ret, "%s: %s", cli_ifname(&v->d.dev),
				       why.text);
	return 0;
}

int views_read(struct pilot_genl *g, const struct pilot_dev *dev,
	       struct views *views)
{
	struct pilot_device_info *list = NULL, one;
	struct pilot_error why;
	size_t i, n = 1;
	int ret;

	views->n = 0;
	views->v = NULL;
	if (dev)
		ret = pilot_device_get(g, dev, &one);
	else
		ret = pilot_device_dump(g, &list, &n);
	if (ret) {
		why = g->err;
		return pilot_error_set(&g->err, ret, "%s: %s",
				       dev ? dev->ifname : "cannot list the devices", why.text);
	}

	views->v = calloc(n ? n : 1, sizeof(*views->v));
	if (!views->v) {
		free(list);
		return pilot_error_set(&g->err, -ENOMEM, "out of memory");
	}
	for (i = 0; i < n && !ret; i++) {
		struct view *v = &views->v[views->n];

		v->d = dev ? one : list[i];
		ret = read_peers(g, v);
		if (!ret)
			views->n++;
		else if (ret == -ENODEV && !dev)
			ret = 0;
	}
	free(list);
	return ret;
}

void views_free(struct views *views)
{
	size_t i;

	for (i = 0; i < views->n; i++)
		pilot_peer_list_free(views->v[i].peers, views->v[i].n);
	free(views->v);
	views->v = NULL;
	views->n = 0;
}
