/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Devices with their peers, as read from the kernel, and the forms in which
 * pilot show prints them.
 */
#ifndef PILOT_VIEW_H
#define PILOT_VIEW_H

#include "cli.h"

/**
 * struct view - a device
 * @d: its settings and counters
 * @peers: its peers, in the order in which they were added
 * @n: how many
 * @torn: peers came or went while they were read; one that did both is there once
 */
struct view {
	struct pilot_device_info d;
	struct pilot_peer_info *peers;
	size_t n;
	bool torn;
};

/**
 * struct views - devices of the network namespace, or one of them
 * @v: array
 * @n: its length
 */
struct views {
	struct view *v;
	size_t n;
};

/**
 * views_read() - read from the kernel
 * @g: socket; its error begins with the device's name if it is about one
 * @dev: which device, or NULL for all; of all, one that vanishes meanwhile is
 *	left out
 * @views: to fill; views_free() is safe even after a failure
 *
 * Return: 0, -ENODEV if there is no @dev, or another negative errno.
 */
int views_read(struct pilot_genl *g, const struct pilot_dev *dev,
	       struct views *views);

/**
 * views_free() - release what was read
 * @views: read, or zeroed
 */
void views_free(struct views *views);

/* Print one device. */
int show_human(const struct view *v);
void show_dump(const struct view *v);
/* Print all of them. */
int show_brief(const struct views *views);
int show_json(const struct views *views);
int show_prometheus(const struct views *views, bool peers);

#endif /* PILOT_VIEW_H */
