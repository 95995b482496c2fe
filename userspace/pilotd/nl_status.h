/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The line that says how the daemon is, for the service manager.
 */
#ifndef PILOTD_NL_STATUS_H
#define PILOTD_NL_STATUS_H

struct nl;

/**
 * nl_status_start() - begin to tell
 * @nl: service
 *
 * Return: 0 or -ENOMEM.
 */
int nl_status_start(struct nl *nl);

/**
 * nl_status_now() - tell how things are
 * @nl: service
 */
void nl_status_now(struct nl *nl);

/**
 * nl_status_soon() - something has changed; more may follow at once
 * @nl: service
 */
void nl_status_soon(struct nl *nl);

/**
 * nl_status_free() - tell nothing any more
 * @nl: service
 */
void nl_status_free(struct nl *nl);

#endif /* PILOTD_NL_STATUS_H */
