/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Giving up what is not needed: pilotd becomes another user with the
 * capabilities CAP_NET_ADMIN and CAP_NET_BIND_SERVICE and no others.
 */
#ifndef PILOTD_PRIVILEGES_H
#define PILOTD_PRIVILEGES_H

#include <sys/types.h>

/**
 * privileges_check() - whether a user is one to become
 * @user: name
 * @where: configuration file, for the log
 *
 * Changes nothing.
 *
 * Return: 0 or negative errno, logged.
 */
int privileges_check(const char *user, const char *where);

/**
 * privileges_drop() - become that user, for good
 * @user: name
 *
 * Not being root, pilotd has to be that user already, and keeps the
 * capabilities it was started with.
 *
 * Return: 0 or negative errno, logged; privileges are undefined then.
 */
int privileges_drop(const char *user);

/**
 * privileges_assume() - see files as another user does, for good
 * @uid: user; must have a name
 *
 * Return: 0 or negative errno, which is logged.
 */
int privileges_assume(uid_t uid);

#endif /* PILOTD_PRIVILEGES_H */
