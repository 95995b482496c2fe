/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What pilotd needs of rtnetlink: the device itself, its addresses and routes.
 * Everything may be done twice: what is there already is no error.
 */
#ifndef PILOTD_RTNL_H
#define PILOTD_RTNL_H

#include <stdbool.h>
#include <stdint.h>

#include <libmnl/libmnl.h>

#include "config.h"
#include "lib/error.h"

/**
 * struct rtnl - a socket for requests
 * @nl: the socket
 * @portid: our port
 * @seq: sequence number of the latest request
 * @err: why the latest call failed
 */
struct rtnl {
	struct mnl_socket *nl;
	unsigned int portid;
	uint32_t seq;
	struct pilot_error err;
};

/**
 * struct rtnl_link - a network interface
 * @ifindex: its index
 * @up: is set up
 * @mtu: bytes
 * @kind: what "ip -d link" shows, empty if it has none
 */
struct rtnl_link {
	uint32_t ifindex;
	bool up;
	uint32_t mtu;
	char kind[32];
};

/**
 * rtnl_open() - open the socket
 * @r: to fill; rtnl_close() is safe on it even after a failure
 *
 * Return: 0 or negative errno; @r->err says why. So do all below.
 */
int rtnl_open(struct rtnl *r);

/**
 * rtnl_close() - close it
 * @r: opened, or zeroed
 */
void rtnl_close(struct rtnl *r);

/**
 * rtnl_link_get() - look an interface up by name
 * @r: socket
 * @name: its name
 * @link: to fill
 *
 * Return: 0, -ENODEV, or another negative errno.
 */
int rtnl_link_get(struct rtnl *r, const char *name, struct rtnl_link *link);

/**
 * rtnl_link_create() - make an interface of kind "pilot"
 * @r: socket
 * @name: its name
 */
int rtnl_link_create(struct rtnl *r, const char *name);

/**
 * rtnl_link_set() - set an interface up
 * @r: socket
 * @ifindex: which
 * @mtu: bytes, 0 to leave it
 */
int rtnl_link_set(struct rtnl *r, uint32_t ifindex, uint32_t mtu);

/**
 * rtnl_address() - add or remove an address
 * @r: socket
 * @ifindex: interface
 * @a: address
 * @add: or remove
 */
int rtnl_address(struct rtnl *r, uint32_t ifindex,
		 const struct config_address *a, bool add);

/**
 * rtnl_route() - add or remove a route into an interface
 * @r: socket
 * @ifindex: interface
 * @table: routing table
 * @ip: destination
 * @add: or remove
 *
 * A route to the same destination that leads elsewhere is left alone.
 *
 * Return: 0; -EEXIST if there is such a route; or another negative errno.
 */
int rtnl_route(struct rtnl *r, uint32_t ifindex, uint32_t table,
	       const struct pilot_allowed_ip *ip, bool add);

/**
 * rtnl_watch() - open a non-blocking socket that tells of interfaces
 * @r: to fill
 *
 * What it tells is to be read with rtnl_watch_read().
 */
int rtnl_watch(struct rtnl *r);

/**
 * rtnl_watch_read() - read what happened
 * @r: socket
 * @ifindex: interface to look out for, 0 none
 * @name: name to look out for
 *
 * Return: true if something may have happened to one of them.
 */
bool rtnl_watch_read(struct rtnl *r, uint32_t ifindex, const char *name);

#endif /* PILOTD_RTNL_H */
