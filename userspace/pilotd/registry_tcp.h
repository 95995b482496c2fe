/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Client of a registry over TCP, protocol.rst section 6: keeps a connection to
 * it or to its fallback, keeps us registered, and asks what it is told to ask.
 *
 * Requests are pipelined and answered in order. What goes wrong is told once,
 * not at each try.
 */
#ifndef PILOTD_REGISTRY_TCP_H
#define PILOTD_REGISTRY_TCP_H

#include <linux/pilot.h>

#include "registry_config.h"
#include "registry_conn.h"
#include "registry_msg.h"

/* Requests sent that await their answers, and those that wait to be sent. */
#define REGISTRY_SENT_MAX	32
#define REGISTRY_WAITING_MAX	256

struct registry_tcp;

/**
 * struct registry_tcp_ops - what the client tells
 * @state: the state changed, or the reason of a failure did. @server: as text,
 *	HOST:PORT; @error: empty if there is none
 * @registered: the registry gave a node ID; only if none was configured. Called
 *	before the state changes
 * @alive: a heartbeat was answered
 * @lookup: answer to registry_tcp_lookup()
 * @resolved: answer to registry_tcp_resolve()
 *
 * They must not free the client. @lookup and @resolved may be called from
 * inside the request.
 */
struct registry_tcp_ops {
	void (*state)(void *ctx, enum pilot_registry_state state,
		      const char *server, const char *error);
	void (*registered)(void *ctx, uint32_t node);
	void (*alive)(void *ctx);
	void (*lookup)(void *ctx, uint32_t node, const struct registry_answer *a);
	void (*resolved)(void *ctx, uint32_t node, const struct registry_answer *a);
};

/**
 * registry_tcp_new() - begin to connect
 * @base: event loop
 * @dns: resolver, see registry_conn_new()
 * @cfg: settings, copied
 * @id: own identity; must stay. NULL: look-ups only
 * @ops: callbacks; must stay
 * @ctx: for them
 * @err: why it failed
 *
 * Return: the client, or NULL.
 */
struct registry_tcp *registry_tcp_new(struct event_base *base,
				      struct evdns_base *dns,
				      const struct registry_tcp_config *cfg,
				      const struct pilot_identity *id,
				      const struct registry_tcp_ops *ops, void *ctx,
				      struct pilot_error *err);

/**
 * registry_tcp_lookup() - ask for the public key of a node
 * @r: client
 * @node: node ID
 *
 * Exactly one ops->lookup() follows, at once if the registry is not there or
 * too much waits for it, else within @times.request, or when the client is freed.
 */
void registry_tcp_lookup(struct registry_tcp *r, uint32_t node);

/**
 * registry_tcp_resolve() - ask where a node is
 * @r: client
 * @node: node ID
 *
 * As registry_tcp_lookup(), with ops->resolved(). Needs an identity and an own
 * node ID.
 */
void registry_tcp_resolve(struct registry_tcp *r, uint32_t node);

/**
 * registry_tcp_set_port() - the tunnel's UDP port is another one
 * @r: client
 * @port: port
 */
void registry_tcp_set_port(struct registry_tcp *r, uint16_t port);

/**
 * registry_tcp_leave() - deregister, if that is configured
 * @r: client
 * @done: called when that is done or has failed; not if there was nothing to do
 * @ctx: for it
 *
 * Return: whether @done will be called.
 */
bool registry_tcp_leave(struct registry_tcp *r, void (*done)(void *ctx), void *ctx);

/**
 * registry_tcp_free() - close
 * @r: client or NULL
 *
 * What is not answered yet is told so first.
 */
void registry_tcp_free(struct registry_tcp *r);

#endif /* PILOTD_REGISTRY_TCP_H */
