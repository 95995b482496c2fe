/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Brings the device, its addresses, peers and routes into the state that the
 * configuration asks for, changing only what differs. Peers that live keep
 * their sessions, and endpoints they have moved to.
 */
#ifndef PILOTD_APPLY_H
#define PILOTD_APPLY_H

#include "config.h"
#include "lib/cmd.h"
#include "registry_file.h"
#include "rtnl.h"

/**
 * struct wanted - a peer that is to be there
 * @node: node ID
 * @endpoint: where, AF_UNSPEC if not known
 * @section: its section of the configuration, NULL if only the registry
 *	names it
 */
struct wanted {
	uint32_t node;
	struct pilot_endpoint endpoint;
	const struct config_peer *section;
};

/**
 * struct wanted_list - all of them
 * @v: in order of their node IDs
 * @n: how many
 */
struct wanted_list {
	struct wanted *v;
	size_t n;
};

/**
 * wanted_make() - the peers of a configuration and its registry
 * @w: to fill; release @w->v with free(). Refers to @cfg
 * @cfg: configuration
 * @reg: registry; its nodes with an endpoint are peers too
 *
 * We are no peer of ourselves, whoever names us.
 *
 * Return: 0 or -ENOMEM.
 */
int wanted_make(struct wanted_list *w, const struct config *cfg,
		const struct registry *reg);

/**
 * wanted_find() - a peer of the list
 * @w: list, or NULL
 * @node: its node ID
 *
 * Return: NULL if it is not in it.
 */
const struct wanted *wanted_find(const struct wanted_list *w, uint32_t node);

/**
 * struct applier - what is needed to change things
 * @g: for the device
 * @rtnl: for the interface
 * @dev: the device
 * @table: where routes go, 0: nowhere
 * @old_table: where they went
 * @anew: they may be gone: all are added again
 * @piecemeal: a reload: settings that are refused are logged, and the others made
 */
struct applier {
	struct pilot_genl *g;
	struct rtnl *rtnl;
	struct pilot_dev dev;
	uint32_t table;
	uint32_t old_table;
	bool anew;
	bool piecemeal;
};

/**
 * apply_device() - settings of the device, and set it up
 * @a: applier
 * @cfg: configuration
 * @err: why it failed
 *
 * Return: 0 or negative errno.
 */
int apply_device(const struct applier *a, const struct config *cfg,
		 struct pilot_error *err);

/**
 * apply_addresses() - addresses of the device
 * @a: applier
 * @cfg: configuration
 * @old: configuration so far, whose addresses go unless they stay; or NULL
 *
 * Failures are logged.
 *
 * Return: whether routes may have gone with an address, see @a->anew.
 */
bool apply_addresses(const struct applier *a, const struct config *cfg,
		     const struct config *old);

/**
 * apply_peers() - peers and their routes
 * @a: applier
 * @want: peers to be there
 * @old: peers so far: those that are not wanted any more are removed, and
 *	changed endpoints are set; or NULL
 *
 * Failures are logged; the other peers get what they need.
 */
void apply_peers(const struct applier *a, const struct wanted_list *want,
		 const struct wanted_list *old);

#endif /* PILOTD_APPLY_H */
