/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Names of the netlink attributes, as in Documentation/netlink/specs/pilot.yaml.
 */
#ifndef PILOT_LIB_ATTRS_H
#define PILOT_LIB_ATTRS_H

#include <stddef.h>
#include <stdint.h>

/* Holds "peer.endpoint.scope" and every other path. */
#define PILOT_ATTR_PATHLEN	64

/**
 * struct pilot_attr_set - one attribute set
 * @names: name of each attribute, indexed by its number
 * @nested: set inside each attribute, NULL if it is no nest; may be NULL
 * @max: highest attribute number
 */
struct pilot_attr_set {
	const char *const *names;
	const struct pilot_attr_set *const *nested;
	unsigned int max;
};

extern const struct pilot_attr_set pilot_attrs_top;
extern const struct pilot_attr_set pilot_attrs_device;
extern const struct pilot_attr_set pilot_attrs_peer;
extern const struct pilot_attr_set pilot_attrs_key;
extern const struct pilot_attr_set pilot_attrs_frame;
extern const struct pilot_attr_set pilot_attrs_event;
extern const struct pilot_attr_set pilot_attrs_endpoint;
extern const struct pilot_attr_set pilot_attrs_allowed_ip;
extern const struct pilot_attr_set pilot_attrs_stats;
extern const struct pilot_attr_set pilot_attrs_status;

/**
 * pilot_attr_name() - name of an attribute
 * @set: its set
 * @type: its number
 *
 * Return: a constant, "unknown" for numbers this program does not know.
 */
const char *pilot_attr_name(const struct pilot_attr_set *set, unsigned int type);

/**
 * pilot_attr_path() - name an attribute of a message with all its nests
 * @msg: the message, from its netlink header
 * @len: its length in bytes
 * @offset: of the attribute, from the start of the message
 * @missing: number of an attribute missing from the nest at @offset (from the
 *	message itself if @offset is 0), or 0 to name the one at @offset
 * @buf: PILOT_ATTR_PATHLEN bytes, set to a path like "peer.endpoint.port"
 *
 * Return: 0, or -ENOENT if there is no attribute at @offset.
 */
int pilot_attr_path(const void *msg, size_t len, size_t offset,
		    unsigned int missing, char *buf);

#endif /* PILOT_LIB_ATTRS_H */
