/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What the service manager is told, by the protocol of sd_notify(3). Without
 * one nothing is told.
 */
#ifndef PILOTD_NOTIFY_H
#define PILOTD_NOTIFY_H

#include <stdbool.h>
#include <stdint.h>

/**
 * notify_open() - take NOTIFY_SOCKET and WATCHDOG_* out of the environment
 *
 * To be called in the process that is to be watched. A socket that cannot be
 * used is logged, and nothing is told.
 */
void notify_open(void);

/**
 * notify_wanted() - whether anyone listens
 */
bool notify_wanted(void);

/**
 * notify_watchdog() - how often to call notify_alive()
 *
 * Return: half of what the manager waits, in microseconds; 0: no need to.
 */
uint64_t notify_watchdog(void);

/**
 * notify_ready() - start or reload is over
 *
 * Said again with what follows if the manager was too busy to take it.
 */
void notify_ready(void);

/**
 * notify_reloading() - a reload begins; notify_ready() ends it
 */
void notify_reloading(void);

/**
 * notify_stopping() - the end begins
 */
void notify_stopping(void);

/**
 * notify_alive() - the watchdog
 */
void notify_alive(void);

/**
 * notify_status() - how we are, for people
 * @fmt: a line; the same as before is not sent again
 */
void notify_status(const char *fmt, ...)
	__attribute__((format(printf, 1, 2)));

/**
 * notify_note() - something that stands behind each status from now on
 * @text: a few words, NULL: no more
 */
void notify_note(const char *text);

/**
 * notify_close() - tell nothing any more
 */
void notify_close(void);

#endif /* PILOTD_NOTIFY_H */
