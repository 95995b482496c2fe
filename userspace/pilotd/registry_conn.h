/* SPDX-License-Identifier: GPL-2.0 */
/*
 * One connection to a registry: name, TCP, TLS, frames. It is made once and
 * never again; who wants another makes another.
 */
#ifndef PILOTD_REGISTRY_CONN_H
#define PILOTD_REGISTRY_CONN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <event2/dns.h>
#include <event2/event.h>
#include <openssl/ssl.h>

#include "lib/error.h"
#include "lib/types.h"
#include "registry_config.h"

struct registry_conn;

/**
 * struct registry_conn_ops - what becomes of a connection
 * @up: it is there, and the other end is who it should be
 * @frame: body of a frame that came
 * @down: it failed, why; the last that is heard of it. It must be freed
 *
 * registry_conn_free() may be called from each.
 */
struct registry_conn_ops {
	void (*up)(void *ctx, struct registry_conn *c);
	void (*frame)(void *ctx, struct registry_conn *c, const void *body, size_t len);
	void (*down)(void *ctx, struct registry_conn *c, const char *reason);
};

/**
 * registry_tls_new() - what connections with TLS share
 * @pins: certificates that are trusted; if none are given, the system's
 *	authorities are
 * @err: why it failed
 *
 * Return: context for SSL_CTX_free(), or NULL.
 */
SSL_CTX *registry_tls_new(const struct registry_pins *pins, struct pilot_error *err);

/**
 * registry_conn_new() - begin to connect
 * @base: event loop
 * @dns: resolver; must outlive the loop. NULL: names fail
 * @server: where to; copied
 * @tls: of registry_tls_new(), or NULL for none; must stay
 * @pins: as given there; must stay
 * @step_ms: limit for resolving the name, and for connecting to each of its
 *	addresses
 * @ops: callbacks; never called before this returns
 * @ctx: for them
 *
 * Return: the connection, or NULL if there is no memory.
 */
struct registry_conn *registry_conn_new(struct event_base *base,
					struct evdns_base *dns,
					const struct registry_server *server,
					SSL_CTX *tls, const struct registry_pins *pins,
					unsigned int step_ms,
					const struct registry_conn_ops *ops, void *ctx);

/**
 * registry_conn_send() - send a frame
 * @c: connection that is up
 * @frame: with its length in front; copied
 * @len: length of both
 *
 * Return: 0 or -ENOMEM.
 */
int registry_conn_send(struct registry_conn *c, const void *frame, size_t len);

/**
 * registry_conn_local() - our end of the connection
 * @c: connection that is up
 * @ep: set to our address and TCP port; AF_UNSPEC if it cannot be told
 */
void registry_conn_local(const struct registry_conn *c, struct pilot_endpoint *ep);

/**
 * registry_conn_free() - close
 * @c: connection or NULL
 */
void registry_conn_free(struct registry_conn *c);

#endif /* PILOTD_REGISTRY_CONN_H */
