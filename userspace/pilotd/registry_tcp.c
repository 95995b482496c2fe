// SPDX-License-Identifier: GPL-2.0
/*
 * There is at most one connection that is used (active), and while that is one
 * to the fallback, now and then another to see whether the first registry is
 * back (probe).
 *
 * A registry that does not answer in time, or not in order, is left: after that
 * nobody could tell which answer belongs to which request.
 */
#include "registry_tcp.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>
#include <sys/time.h>
#include <time.h>

#include <arpa/inet.h>
#include <sodium.h>

#include "constants.h"
#include "log.h"

/* A connection that lasted this many heartbeats was a good one. */
#define STABLE_BEATS	1

struct queued {
	TAILQ_ENTRY(queued) entry;
	struct registry_request req;
	int64_t deadline;
};

TAILQ_HEAD(queue, queued);

struct registry_tcp {
	struct event_base *base;
	struct evdns_base *dns;
	struct registry_tcp_config cfg;
	SSL_CTX *tls;
	const struct pilot_identity *id;
	const struct registry_tcp_ops *ops;
	void *ctx;

	struct registry_conn *active;
	struct registry_conn *probe;
	size_t server;			/* of the active connection */
	bool up;
	bool registered;
	int64_t up_since;
	unsigned int failures;		/* in a row */

	struct queue waiting;
	struct queue sent;
	size_t n_waiting;
	size_t n_sent;
	bool failing;			/* the queues are being emptied */

	struct event *ev_retry;
	struct event *ev_deadline;
	struct event *ev_heartbeat;
	struct event *ev_primary;

	enum pilot_registry_state state;
	char error[REGISTRY_ERROR_LEN];
	void (*left)(void *ctx);
	void *left_ctx;
};

static int64_t now_ms(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec * INT64_C(1000) + ts.tv_nsec / 1000000;
}

static void arm(struct event *ev, int64_t ms)
{
	const struct timeval tv = {
		.tv_sec = ms / 1000, .tv_usec = ms % 1000 * 1000,
	};

	event_add(ev, &tv);
}

/* So that not all nodes come at the same time. */
static int64_t jittered(unsigned int ms)
{
	return ms - randombytes_uniform(ms / 2 + 1);
}

static void copy_text(char *to, size_t size, const char *from)
{
	snprintf(to, size, "%.*s", (int)size - 1, from);
}

/* State */

static const char *server_name(const struct registry_server *s, char *buf, size_t size)
{
	snprintf(buf, size, strchr(s->host, ':') ? "[%s]:%u" : "%s:%u", s->host, s->port);
	return buf;
}

static void set_state(struct registry_tcp *r, enum pilot_registry_state state,
		      const char *error)
{
	char name[REGISTRY_HOST_MAX + 16];
	bool changed = state != r->state;

	if (!changed && !strcmp(error, r->error))
		return;
	r->state = state;
	copy_text(r->error, sizeof(r->error), error);
	server_name(&r->cfg.servers[r->server], name, sizeof(name));
	switch (state) {
	case PILOT_REGISTRY_DOWN:
		log_msg(changed ? LOG_WARNING : LOG_INFO,
			"registry %s: %s; sessions go on, it is tried again", name, error);
		break;
	case PILOT_REGISTRY_REFUSED:
		log_msg(changed ? LOG_WARNING : LOG_INFO,
			"registry %s: not registered: %s", name, error);
		break;
	case PILOT_REGISTRY_CONNECTED:
		log_msg(r->cfg.do_register ? LOG_INFO : LOG_NOTICE,
			"registry %s: connected", name);
		break;
	case PILOT_REGISTRY_REGISTERED:
		log_notice("registry %s: registered as node %u", name, r->cfg.node);
		break;
	default:
		log_info("registry %s: connecting", name);
		break;
	}
	r->ops->state(r->ctx, state, name, r->error);
}

/* Requests */

static void answered(struct registry_tcp *r, const struct registry_request *req,
		     const struct registry_answer *a);

/* The earliest is at the head of a queue; one that was moved keeps its own. */
static void arm_deadline(struct registry_tcp *r)
{
	const struct queued *w = TAILQ_FIRST(&r->waiting), *s = TAILQ_FIRST(&r->sent);
	int64_t due, now;

	if (!w && !s) {
		event_del(r->ev_deadline);
		return;
	}
	due = !s || (w && w->deadline < s->deadline) ? w->deadline : s->deadline;
	now = now_ms();
	arm(r->ev_deadline, due > now ? due - now : 0);
}

static void no_answer(struct registry_tcp *r, const struct registry_request *req,
		      const char *why)
{
	struct registry_answer a = { .verdict = REGISTRY_NO_ANSWER };

	copy_text(a.error, sizeof(a.error), why);
	answered(r, req, &a);
}

static struct queued *take(struct queue *q, size_t *n)
{
	struct queued *e = TAILQ_FIRST(q);

	if (e) {
		TAILQ_REMOVE(q, e, entry);
		(*n)--;
	}
	return e;
}

/* What the callbacks ask meanwhile fails at once. */
static void fail_all(struct registry_tcp *r, const char *why)
{
	struct queued *e;

	r->failing = true;
	while ((e = take(&r->sent, &r->n_sent)) || (e = take(&r->waiting, &r->n_waiting))) {
		no_answer(r, &e->req, why);
		free(e);
	}
	r->failing = false;
	arm_deadline(r);
}

static void lost(struct registry_tcp *r, const char *reason);

/* Send what may be sent. */
static void pump(struct registry_tcp *r)
{
	struct queued *e;
	size_t len;
	char *frame;
	int ret;

	while (r->up && r->n_sent < REGISTRY_SENT_MAX && (e = take(&r->waiting, &r->n_waiting))) {
		/* The time it waited for others is no time of the registry's silence. */
		e->deadline = now_ms() + r->cfg.times.request;
		TAILQ_INSERT_TAIL(&r->sent, e, entry);
		r->n_sent++;
		frame = registry_msg_build(&e->req, r->id, &len);
		ret = frame ? registry_conn_send(r->active, frame, len) : -ENOMEM;
		free(frame);
		if (ret) {
			lost(r, "out of memory");
			return;
		}
	}
	arm_deadline(r);
}

/* What is about ourselves goes first. */
static void ask(struct registry_tcp *r, const struct registry_request *req)
{
	bool first = req->type != REGISTRY_LOOKUP && req->type != REGISTRY_RESOLVE;
	struct queued *e;

	if (r->failing || (!r->up && r->state == PILOT_REGISTRY_DOWN)) {
		no_answer(r, req, "the registry is not to be reached");
		return;
	}
	e = r->n_waiting < REGISTRY_WAITING_MAX || first ? malloc(sizeof(*e)) : NULL;
	if (!e) {
		no_answer(r, req, "too many requests wait for the registry");
		return;
	}
	e->req = *req;
	e->deadline = now_ms() + r->cfg.times.request;
	if (first)
		TAILQ_INSERT_HEAD(&r->waiting, e, entry);
	else
		TAILQ_INSERT_TAIL(&r->waiting, e, entry);
	r->n_waiting++;
	pump(r);
}

static void ask_register(struct registry_tcp *r)
{
	struct registry_request req = { .type = REGISTRY_REGISTER, .listen = r->cfg.listen };

	if (!req.listen.sa.sa_family) {
		registry_conn_local(r->active, &req.listen);
		if (req.listen.sa.sa_family == AF_INET)
			req.listen.in.sin_port = htons(r->cfg.port);
		else if (req.listen.sa.sa_family == AF_INET6)
			req.listen.in6.sin6_port = htons(r->cfg.port);
	}
	ask(r, &req);
}

static void ask_own(struct registry_tcp *r, enum registry_request_type type)
{
	const struct registry_request req = {
		.type = type, .node = r->cfg.node, .visible = r->cfg.visibility == 1,
	};

	ask(r, &req);
}

/* Answers */

static void leave_done(struct registry_tcp *r)
{
	void (*left)(void *ctx) = r->left;

	r->left = NULL;
	if (left)
		left(r->left_ctx);
}

static void on_registered(struct registry_tcp *r, const struct registry_answer *a)
{
	char text[REGISTRY_ERROR_LEN];

	r->registered = false;
	if (a->verdict == REGISTRY_NO_ANSWER)
		return;
	if (a->verdict != REGISTRY_OK) {
		set_state(r, PILOT_REGISTRY_REFUSED, a->error);
		return;
	}
	if (!r->cfg.node) {
		r->cfg.node = a->node;
		r->ops->registered(r->ctx, a->node);
	}
	/* Sessions are under the old one: nobody changes that from outside. */
	if (r->cfg.node != a->node) {
		snprintf(text, sizeof(text), "it takes this identity for node %u, not %u",
			 a->node, r->cfg.node);
		set_state(r, PILOT_REGISTRY_REFUSED, text);
		return;
	}
	r->registered = true;
	set_state(r, PILOT_REGISTRY_REGISTERED, "");
	if (r->cfg.visibility >= 0)
		ask_own(r, REGISTRY_SET_VISIBILITY);
}

static void on_heartbeat(struct registry_tcp *r, const struct registry_answer *a)
{
	if (a->verdict == REGISTRY_OK) {
		r->failures = 0;
		r->ops->alive(r->ctx);
	} else if (a->verdict != REGISTRY_NO_ANSWER) {
		/* It may have lost its memory. */
		log_info("registry: heartbeat: %s", a->error);
		r->registered = false;
		ask_register(r);
	}
}

static void answered(struct registry_tcp *r, const struct registry_request *req,
		     const struct registry_answer *a)
{
	switch (req->type) {
	case REGISTRY_LOOKUP:
		r->ops->lookup(r->ctx, req->node, a);
		break;
	case REGISTRY_RESOLVE:
		r->ops->resolved(r->ctx, req->node, a);
		break;
	case REGISTRY_REGISTER:
		on_registered(r, a);
		break;
	case REGISTRY_HEARTBEAT:
		on_heartbeat(r, a);
		break;
	case REGISTRY_SET_VISIBILITY:
		if (a->verdict != REGISTRY_OK && a->verdict != REGISTRY_NO_ANSWER)
			log_warn("registry: visibility: %s", a->error);
		break;
	case REGISTRY_DEREGISTER:
		if (a->verdict == REGISTRY_OK)
			log_info("registry: deregistered");
		else
			log_warn("registry: deregistering: %s", a->error);
		leave_done(r);
		break;
	}
}

/* Connections */

static void connect_to(struct registry_tcp *r, size_t server);

static void drop_probe(struct registry_tcp *r)
{
	registry_conn_free(r->probe);
	r->probe = NULL;
	event_del(r->ev_primary);
}

/* Nobody could be reached, or whom we had is gone: try again in a while. */
static void retry_later(struct registry_tcp *r, const char *reason)
{
	unsigned int ms = r->cfg.times.backoff_min, i;

	for (i = 0; i < r->failures && ms < r->cfg.times.backoff_max; i++)
		ms *= 2;
	if (ms > r->cfg.times.backoff_max)
		ms = r->cfg.times.backoff_max;
	r->failures++;
	set_state(r, PILOT_REGISTRY_DOWN, reason);
	fail_all(r, reason);
	arm(r->ev_retry, jittered(ms));
}

static void lost(struct registry_tcp *r, const char *reason)
{
	char why[REGISTRY_ERROR_LEN], name[REGISTRY_HOST_MAX + 16];
	bool was_up = r->up;

	/* It may be in the connection. */
	copy_text(why, sizeof(why), reason);
	drop_probe(r);
	registry_conn_free(r->active);
	r->active = NULL;
	r->up = false;
	r->registered = false;
	event_del(r->ev_heartbeat);
	if (was_up) {
		if (now_ms() - r->up_since >=
		    (int64_t)STABLE_BEATS * r->cfg.times.heartbeat)
			r->failures = 0;
	} else if (r->server + 1 < r->cfg.n_servers) {
		log_info("registry %s: %s; trying the fallback",
			 server_name(&r->cfg.servers[r->server], name, sizeof(name)), why);
		connect_to(r, r->server + 1);
		return;
	}
	/* It is the first that is missed. */
	if (!was_up)
		r->server = 0;
	retry_later(r, why);
}

static void on_up(void *ctx, struct registry_conn *c)
{
	struct registry_tcp *r = ctx;
	struct queued *e;

	if (c == r->probe) {
		/* The first is back: what the fallback has not answered goes there. */
		while ((e = TAILQ_LAST(&r->sent, queue))) {
			TAILQ_REMOVE(&r->sent, e, entry);
			TAILQ_INSERT_HEAD(&r->waiting, e, entry);
			r->n_sent--;
			r->n_waiting++;
		}
		registry_conn_free(r->active);
		r->active = c;
		r->probe = NULL;
		r->server = 0;
		r->registered = false;
	}
	r->up = true;
	r->up_since = now_ms();
	event_del(r->ev_primary);
	if (r->server)
		arm(r->ev_primary, jittered(r->cfg.times.primary));
	arm(r->ev_heartbeat, r->cfg.times.heartbeat);
	set_state(r, PILOT_REGISTRY_CONNECTED, "");
	if (r->cfg.do_register)
		ask_register(r);
	pump(r);
}

static void on_frame(void *ctx, struct registry_conn *c, const void *body, size_t len)
{
	struct registry_tcp *r = ctx;
	struct registry_answer a;
	struct pilot_error err;
	struct queued *e;

	/* The probe has asked nothing. */
	e = c == r->active ? take(&r->sent, &r->n_sent) : NULL;
	if (!e) {
		pilot_error_set(&err, -EBADMSG, "it answered what was not asked");
	} else if (!registry_msg_parse(&e->req, body, len, &a, &err)) {
		answered(r, &e->req, &a);
		free(e);
		pump(r);
		return;
	} else {
		no_answer(r, &e->req, err.text);
		free(e);
	}
	if (c == r->probe)
		drop_probe(r);
	else
		lost(r, err.text);
}

static void on_down(void *ctx, struct registry_conn *c, const char *reason)
{
	struct registry_tcp *r = ctx;

	if (c == r->active) {
		lost(r, reason);
		return;
	}
	drop_probe(r);
	arm(r->ev_primary, jittered(r->cfg.times.primary));
}

static const struct registry_conn_ops conn_ops = {
	.up = on_up,
	.frame = on_frame,
	.down = on_down,
};

static struct registry_conn *make_conn(struct registry_tcp *r, size_t server)
{
	return registry_conn_new(r->base, r->dns, &r->cfg.servers[server], r->tls,
				 &r->cfg.pins, r->cfg.times.step, &conn_ops, r);
}

static void connect_to(struct registry_tcp *r, size_t server)
{
	r->server = server;
	r->active = make_conn(r, server);
	if (!r->active)
		retry_later(r, "out of memory");
}

static void on_retry(evutil_socket_t fd, short what, void *data)
{
	struct registry_tcp *r = data;

	(void)fd;
	(void)what;
	connect_to(r, 0);
}

static void on_primary(evutil_socket_t fd, short what, void *data)
{
	struct registry_tcp *r = data;

	(void)fd;
	(void)what;
	r->probe = make_conn(r, 0);
	if (!r->probe)
		arm(r->ev_primary, jittered(r->cfg.times.primary));
}

static void on_deadline(evutil_socket_t fd, short what, void *data)
{
	struct registry_tcp *r = data;
	struct queued *s = TAILQ_FIRST(&r->sent), *w;
	char why[REGISTRY_ERROR_LEN];
	int64_t now = now_ms();

	(void)fd;
	(void)what;
	if (s && s->deadline <= now) {
		snprintf(why, sizeof(why), "no answer to %s in %g s",
			 registry_msg_name(s->req.type), r->cfg.times.request / 1000.);
		lost(r, why);
		return;
	}
	while ((w = TAILQ_FIRST(&r->waiting)) && w->deadline <= now) {
		take(&r->waiting, &r->n_waiting);
		no_answer(r, &w->req, "the registry is too slow");
		free(w);
	}
	arm_deadline(r);
}

static void on_beat(evutil_socket_t fd, short what, void *data)
{
	struct registry_tcp *r = data;

	(void)fd;
	(void)what;
	arm(r->ev_heartbeat, r->cfg.times.heartbeat);
	if (r->registered)
		ask_own(r, REGISTRY_HEARTBEAT);
	else if (r->cfg.do_register)
		ask_register(r);
}

/* For the user */

void registry_tcp_lookup(struct registry_tcp *r, uint32_t node)
{
	const struct registry_request req = { .type = REGISTRY_LOOKUP, .node = node };

	ask(r, &req);
}

void registry_tcp_resolve(struct registry_tcp *r, uint32_t node)
{
	const struct registry_request req = {
		.type = REGISTRY_RESOLVE, .node = node, .requester = r->cfg.node,
	};

	if (r->id && r->cfg.node)
		ask(r, &req);
	else
		no_answer(r, &req, "there is nothing to sign the question with");
}

void registry_tcp_set_port(struct registry_tcp *r, uint16_t port)
{
	if (r->cfg.port == port)
		return;
	r->cfg.port = port;
	if (r->up && r->cfg.do_register)
		ask_register(r);
}

bool registry_tcp_leave(struct registry_tcp *r, void (*done)(void *ctx), void *ctx)
{
	if (!r->cfg.deregister || !r->registered || r->left)
		return false;
	r->left = done;
	r->left_ctx = ctx;
	ask_own(r, REGISTRY_DEREGISTER);
	return true;
}

struct registry_tcp *registry_tcp_new(struct event_base *base,
				      struct evdns_base *dns,
				      const struct registry_tcp_config *cfg,
				      const struct pilot_identity *id,
				      const struct registry_tcp_ops *ops, void *ctx,
				      struct pilot_error *err)
{
	struct registry_tcp *r = calloc(1, sizeof(*r));

	if (!r)
		goto nomem;
	r->base = base;
	r->dns = dns;
	r->cfg = *cfg;
	r->id = id;
	r->ops = ops;
	r->ctx = ctx;
	r->state = PILOT_REGISTRY_NONE;
	TAILQ_INIT(&r->waiting);
	TAILQ_INIT(&r->sent);
	r->ev_retry = evtimer_new(base, on_retry, r);
	r->ev_deadline = evtimer_new(base, on_deadline, r);
	r->ev_heartbeat = evtimer_new(base, on_beat, r);
	r->ev_primary = evtimer_new(base, on_primary, r);
	if (!r->ev_retry || !r->ev_deadline || !r->ev_heartbeat || !r->ev_primary)
		goto nomem;
	if (cfg->tls) {
		r->tls = registry_tls_new(&r->cfg.pins, err);
		if (!r->tls)
			goto fail;
	}
	set_state(r, PILOT_REGISTRY_CONNECTING, "");
	connect_to(r, 0);
	return r;
nomem:
	pilot_error_set(err, -ENOMEM, "out of memory");
fail:
	registry_tcp_free(r);
	return NULL;
}

static void free_event(struct event *ev)
{
	if (ev)
		event_free(ev);
}

void registry_tcp_free(struct registry_tcp *r)
{
	struct queued *e;

	if (!r)
		return;
	r->failing = true;
	while ((e = take(&r->sent, &r->n_sent)) || (e = take(&r->waiting, &r->n_waiting))) {
		no_answer(r, &e->req, "this registry is asked no more");
		free(e);
	}
	registry_conn_free(r->active);
	registry_conn_free(r->probe);
	free_event(r->ev_retry);
	free_event(r->ev_deadline);
	free_event(r->ev_heartbeat);
	free_event(r->ev_primary);
	SSL_CTX_free(r->tls);
	free(r);
}
