/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Between the manager and the kernel: events and frames up; keys, frames and
 * settings down. Follows the device as it goes and comes.
 */
#ifndef PILOTD_NL_H
#define PILOTD_NL_H

#include <event2/event.h>

#include "config.h"
#include "lib/identity.h"
#include "registry_file.h"

struct nl;

/**
 * nl_new() - take a device into service
 * @base: event loop
 * @cfg: configuration; must stay until nl_reload() or nl_free(). If the
 *	registry gives us a node ID, it is put in there
 * @reg: registry; the same
 * @id: own identity, NULL if there is none; must stay
 *
 * Creates and sets up the device, registers as its handler, adopts what
 * sessions it has. Failures are logged. If the device goes away later and may
 * not be created, the loop is stopped and nl_failed() is true.
 *
 * Return: the service, or NULL.
 */
struct nl *nl_new(struct event_base *base, struct config *cfg,
		  const struct registry *reg, const struct pilot_identity *id);

/**
 * nl_reload() - change to another configuration and registry
 * @nl: service
 * @cfg: configuration, of the same device and node
 * @reg: registry
 *
 * Only what differs is changed. The old ones may be freed afterwards. What
 * cannot be changed is logged as an error.
 *
 * Return: 0; or -ENOMEM, and the old ones stay in use.
 */
int nl_reload(struct nl *nl, struct config *cfg, const struct registry *reg);

/**
 * nl_leave() - tell the registry that we leave, if that is configured
 * @nl: service
 * @done: called when it is told, or could not be
 * @ctx: for it
 *
 * Return: whether @done will be called.
 */
bool nl_leave(struct nl *nl, void (*done)(void *ctx), void *ctx);

/**
 * nl_failed() - whether the loop was stopped because of an error
 * @nl: service
 */
bool nl_failed(const struct nl *nl);

/**
 * nl_free() - leave the service; the device goes on
 * @nl: service or NULL
 */
void nl_free(struct nl *nl);

#endif /* PILOTD_NL_H */
