// SPDX-License-Identifier: GPL-2.0
#include "view.h"

#include <errno.h>
#include <stdlib.h>

static int read_peers(struct pilot_genl *g, struct view *v)
{
	/* By index: a device that was renamed meanwhile is still the same. */
	const struct pilot_dev dev = { .ifindex = v->d.dev.ifindex };
	int ret = pilot_peer_dump(g, &dev, &v->peers, &v->n);
	struct pilot_error why = g->err;

	v->torn = g->torn;
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
