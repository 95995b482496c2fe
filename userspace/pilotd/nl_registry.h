/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Between the registry over TCP and the rest: look-ups of the manager, where
 * peers are, what "pilot show" tells of the registry. Without such a registry
 * all of it does nothing.
 *
 * What a registry says of an address is a hint, never more: see paths_resolved().
 */
#ifndef PILOTD_NL_REGISTRY_H
#define PILOTD_NL_REGISTRY_H

#include <stdbool.h>
#include <stdint.h>

struct nl;
struct nl_registry;

/**
 * nl_registry_start() - go to the registry that the configuration names
 * @nl: service; @nl->cfg is used, and @nl->id
 *
 * Also after a change of the configuration: the connection stays if that does
 * not concern it.
 *
 * Return: 0, or negative errno, logged.
 */
int nl_registry_start(struct nl *nl);

/**
 * nl_registry_attached() - a device is served
 * @nl: service
 *
 * The status is written into it.
 */
void nl_registry_attached(struct nl *nl);

/**
 * nl_registry_set_port() - the device listens at another port, @nl->listen_port
 * @nl: service
 */
void nl_registry_set_port(struct nl *nl);

/**
 * nl_registry_lookup() - ask for a public key
 * @nl: service
 * @node: node ID
 *
 * One manager_pubkey_result() follows, now or later.
 *
 * Return: false if there is no registry to ask; then none does.
 */
bool nl_registry_lookup(struct nl *nl, uint32_t node);

/**
 * nl_registry_resolve() - ask where a node is
 * @nl: service
 * @node: node ID
 *
 * Not more than once in a few seconds for a node, however often it is called.
 *
 * Return: whether an answer will come, or has come.
 */
bool nl_registry_resolve(struct nl *nl, uint32_t node);

/**
 * nl_registry_find() - as nl_registry_resolve(), however often
 * @nl: service
 * @node: node ID
 *
 * For those who limit themselves.
 *
 * Return: whether an answer will come, or has come.
 */
bool nl_registry_find(struct nl *nl, uint32_t node);

/**
 * nl_registry_leave() - say goodbye, if that is configured
 * @nl: service
 * @done: called when it is said, or could not be
 * @ctx: for it
 *
 * Return: whether @done will be called.
 */
bool nl_registry_leave(struct nl *nl, void (*done)(void *ctx), void *ctx);

/**
 * nl_registry_free() - close
 * @nl: service
 */
void nl_registry_free(struct nl *nl);

#endif /* PILOTD_NL_REGISTRY_H */
