// SPDX-License-Identifier: GPL-2.0
#include "registry_conn.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netdb.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/time.h>

#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <event2/bufferevent_ssl.h>
#include <event2/util.h>
#include <openssl/err.h>
#include <openssl/x509v3.h>
#include <sodium.h>

#include "registry_msg.h"

#define ADDRESSES_MAX	8
#define PIN_TEXT_LEN	16	/* shown of a certificate that is not trusted */

/* A name being looked up; may outlive its connection by a moment. */
struct resolving {
	struct registry_conn *conn;
	struct evdns_getaddrinfo_request *req;
};

struct registry_conn {
	struct event_base *base;
	struct registry_server server;
	SSL_CTX *tls;
	const struct registry_pins *pins;
	struct timeval step;
	const struct registry_conn_ops *ops;
	void *ctx;
	struct resolving *resolving;
	struct pilot_endpoint addresses[ADDRESSES_MAX];
	size_t n_addresses;
	size_t next;			/* address to try */
	struct bufferevent *bev;
	struct event *timer;		/* of the present step */
	bool up;
	char reason[160];		/* why the latest address failed */
};

SSL_CTX *registry_tls_new(const struct registry_pins *pins, struct pilot_error *err)
{
	SSL_CTX *ctx = SSL_CTX_new(TLS_client_method());
	const char *why;

	if (ctx && SSL_CTX_set_min_proto_version(ctx, TLS1_2_VERSION) &&
	    (pins->n || SSL_CTX_set_default_verify_paths(ctx))) {
		SSL_CTX_set_options(ctx, SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION);
		/* A pinned certificate is compared when the handshake is done. */
		SSL_CTX_set_verify(ctx, pins->n ? SSL_VERIFY_NONE : SSL_VERIFY_PEER, NULL);
		return ctx;
	}
	why = ERR_reason_error_string(ERR_get_error());
	pilot_error_set(err, -ENOMEM, "TLS: %s", why ? why : "out of memory");
	ERR_clear_error();
	SSL_CTX_free(ctx);
	return NULL;
}

static void step_begins(struct registry_conn *c)
{
	event_add(c->timer, &c->step);
}

/* The callback may free @c. */
static void fail(struct registry_conn *c, const char *reason)
{
	c->ops->down(c->ctx, c, reason);
}

static void close_bev(struct registry_conn *c)
{
	if (c->bev)
		bufferevent_free(c->bev);
	c->bev = NULL;
	ERR_clear_error();
}

static bool is_pinned(const struct registry_pins *pins, X509 *cert, char *found)
{
	uint8_t digest[EVP_MAX_MD_SIZE];
	unsigned int len = 0;
	size_t i;

	if (!cert || !X509_digest(cert, EVP_sha256(), digest, &len) ||
	    len != REGISTRY_PIN_LEN)
		return false;
	sodium_bin2hex(found, PIN_TEXT_LEN + 1, digest, PIN_TEXT_LEN / 2);
	for (i = 0; i < pins->n; i++)
		if (!sodium_memcmp(digest, pins->v[i], REGISTRY_PIN_LEN))
			return true;
	return false;
}

/* After the handshake: is it who it should be? */
static bool trusted(struct registry_conn *c)
{
	char found[PIN_TEXT_LEN + 1] = "none";
	X509 *cert;
	bool ok;

	if (!c->tls || !c->pins->n)
		return true;
	cert = SSL_get1_peer_certificate(bufferevent_openssl_get_ssl(c->bev));
	ok = is_pinned(c->pins, cert, found);
	X509_free(cert);
	if (!ok)
		snprintf(c->reason, sizeof(c->reason),
			 "its certificate is not the one of fingerprint (it is %s...)", found);
	return ok;
}

static void explain(struct registry_conn *c, short what)
{
	int err = EVUTIL_SOCKET_ERROR();
	unsigned long tls_err = c->tls ? bufferevent_get_openssl_error(c->bev) : 0;
	SSL *ssl = c->tls ? bufferevent_openssl_get_ssl(c->bev) : NULL;
	const char *text = tls_err ? ERR_reason_error_string(tls_err) : NULL;
	long verdict = ssl ? SSL_get_verify_result(ssl) : X509_V_OK;

	if (ssl && !c->pins->n && verdict != X509_V_OK)
		snprintf(c->reason, sizeof(c->reason), "its certificate: %s",
			 X509_verify_cert_error_string(verdict));
	else if (text)
		snprintf(c->reason, sizeof(c->reason), "TLS: %s", text);
	else if (what & BEV_EVENT_EOF)
		snprintf(c->reason, sizeof(c->reason), "it closed the connection");
	else if (ssl && !err)
		snprintf(c->reason, sizeof(c->reason), "it speaks no TLS");
	else
		snprintf(c->reason, sizeof(c->reason), "%s",
			 evutil_socket_error_to_string(err));
}

static void try_next(struct registry_conn *c);

static void on_read(struct bufferevent *bev, void *data)
{
	struct registry_conn *c = data;
	struct evbuffer *in = bufferevent_get_input(bev);
	uint8_t head[REGISTRY_HEADER_LEN];
	const void *body;
	size_t len;

	/* One frame at a time: the callback may free @c. */
	if (!c->up || evbuffer_copyout(in, head, sizeof(head)) < (ssize_t)sizeof(head))
		return;
	len = (size_t)head[0] << 24 | (size_t)head[1] << 16 | (size_t)head[2] << 8 | head[3];
	if (!len || len > REGISTRY_BODY_MAX) {
		snprintf(c->reason, sizeof(c->reason),
			 "it announced an answer of %zu bytes", len);
		fail(c, c->reason);
		return;
	}
	if (evbuffer_get_length(in) < sizeof(head) + len)
		return;
	body = evbuffer_pullup(in, (ssize_t)(sizeof(head) + len));
	if (!body) {
		fail(c, "out of memory");
		return;
	}
	/* Whether there are more is for the next turn of the loop. */
	bufferevent_trigger(bev, EV_READ, BEV_TRIG_DEFER_CALLBACKS | BEV_TRIG_IGNORE_WATERMARKS);
	bufferevent_incref(bev);
	c->ops->frame(c->ctx, c, (const uint8_t *)body + sizeof(head), len);
	evbuffer_drain(in, sizeof(head) + len);
	bufferevent_decref(bev);
}

static void on_event(struct bufferevent *bev, short what, void *data)
{
	struct registry_conn *c = data;

	if (what & BEV_EVENT_CONNECTED) {
		if (!trusted(c)) {
			fail(c, c->reason);
			return;
		}
		/* From here on; before, an end is a failure and has its reason. */
		if (c->tls)
			bufferevent_openssl_set_allow_dirty_shutdown(bev, 1);
		c->up = true;
		event_del(c->timer);
		c->ops->up(c->ctx, c);
		return;
	}
	explain(c, what);
	if (c->up) {
		fail(c, c->reason);
		return;
	}
	try_next(c);
}

/* Whom the certificate has to name. */
static bool expect_host(const struct registry_conn *c, SSL *ssl)
{
	struct in6_addr addr;
	bool numeric = inet_pton(AF_INET, c->server.host, &addr) == 1 ||
		       inet_pton(AF_INET6, c->server.host, &addr) == 1;

	if (!numeric && !SSL_set_tlsext_host_name(ssl, c->server.host))
		return false;
	if (c->pins->n)
		return true;
	return numeric ? X509_VERIFY_PARAM_set1_ip_asc(SSL_get0_param(ssl), c->server.host) :
			 SSL_set1_host(ssl, c->server.host);
}

static struct bufferevent *make_bev(struct registry_conn *c)
{
	struct bufferevent *bev;
	SSL *ssl;

	if (!c->tls)
		return bufferevent_socket_new(c->base, -1, BEV_OPT_CLOSE_ON_FREE);
	ssl = SSL_new(c->tls);
	if (!ssl)
		return NULL;
	if (!expect_host(c, ssl)) {
		SSL_free(ssl);
		return NULL;
	}
	bev = bufferevent_openssl_socket_new(c->base, -1, ssl, BUFFEREVENT_SSL_CONNECTING,
					     BEV_OPT_CLOSE_ON_FREE);
	if (!bev)
		SSL_free(ssl);
	return bev;
}

static void try_next(struct registry_conn *c)
{
	struct pilot_endpoint *ep;

	for (;;) {
		close_bev(c);
		if (c->next == c->n_addresses) {
			fail(c, c->reason);
			return;
		}
		ep = &c->addresses[c->next++];
		c->bev = make_bev(c);
		if (!c->bev) {
			fail(c, "out of memory");
			return;
		}
		bufferevent_setcb(c->bev, on_read, NULL, on_event, c);
		bufferevent_setwatermark(c->bev, EV_READ, 0,
					 REGISTRY_HEADER_LEN + REGISTRY_BODY_MAX);
		if (!bufferevent_socket_connect(c->bev, &ep->sa,
						ep->sa.sa_family == AF_INET ?
						sizeof(ep->in) : sizeof(ep->in6)) &&
		    !bufferevent_enable(c->bev, EV_READ | EV_WRITE))
			break;
		snprintf(c->reason, sizeof(c->reason), "%s",
			 evutil_socket_error_to_string(EVUTIL_SOCKET_ERROR()));
	}
	step_begins(c);
}

static void on_step_over(evutil_socket_t fd, short what, void *data)
{
	struct registry_conn *c = data;

	(void)fd;
	(void)what;
	if (c->resolving) {
		fail(c, "its name was not resolved in time");
		return;
	}
	if (c->bev)
		snprintf(c->reason, sizeof(c->reason), "no connection in time");
	try_next(c);
}

static void on_resolved(int result, struct evutil_addrinfo *res, void *data)
{
	struct resolving *r = data;
	struct registry_conn *c = r->conn;
	const struct evutil_addrinfo *ai;

	if (!c) {
		if (res)
			evutil_freeaddrinfo(res);
		free(r);
		return;
	}
	c->resolving = NULL;
	for (ai = res; ai && c->n_addresses < ADDRESSES_MAX; ai = ai->ai_next) {
		struct pilot_endpoint *ep = &c->addresses[c->n_addresses];

		if ((ai->ai_family != AF_INET && ai->ai_family != AF_INET6) ||
		    ai->ai_addrlen > sizeof(*ep))
			continue;
		memcpy(ep, ai->ai_addr, ai->ai_addrlen);
		c->n_addresses++;
	}
	if (res)
		evutil_freeaddrinfo(res);
	snprintf(c->reason, sizeof(c->reason), "its name cannot be resolved: %s",
		 result ? evutil_gai_strerror(result) : "no address");
	/* evdns may be calling from inside registry_conn_new(). */
	event_active(c->timer, EV_TIMEOUT, 0);
	free(r);
}

/* What the system says of name servers now, not when we started. */
static void refresh(struct evdns_base *dns)
{
	evdns_base_clear_nameservers_and_suspend(dns);
	evdns_base_search_clear(dns);
	evdns_base_resolv_conf_parse(dns, DNS_OPTION_SEARCH | DNS_OPTION_NAMESERVERS |
				     DNS_OPTION_MISC, "/etc/resolv.conf");
	evdns_base_resume(dns);
}

static void resolve(struct registry_conn *c, struct evdns_base *dns)
{
	/*
	 * Both families, always: for AI_ADDRCONFIG libevent looks once which ones
	 * the machine has, and at boot one of them may come a moment later.
	 */
	const struct evutil_addrinfo hints = {
		.ai_family = AF_UNSPEC,
		.ai_socktype = SOCK_STREAM,
		.ai_protocol = IPPROTO_TCP,
	};
	struct evdns_getaddrinfo_request *req;
	struct resolving *r;
	char port[8];

	r = dns ? calloc(1, sizeof(*r)) : NULL;
	if (!r) {
		snprintf(c->reason, sizeof(c->reason), "its name cannot be resolved");
		event_active(c->timer, EV_TIMEOUT, 0);
		return;
	}
	r->conn = c;
	c->resolving = r;
	step_begins(c);
	snprintf(port, sizeof(port), "%u", c->server.port);
	refresh(dns);
	req = evdns_getaddrinfo(dns, c->server.host, port, &hints, on_resolved, r);
	/* NULL: the answer was known, or it failed, and the callback has run. */
	if (req && c->resolving)
		c->resolving->req = req;
}

static bool numeric(struct registry_conn *c)
{
	struct pilot_endpoint *ep = &c->addresses[0];

	if (inet_pton(AF_INET, c->server.host, &ep->in.sin_addr) == 1) {
		ep->in.sin_family = AF_INET;
		ep->in.sin_port = htons(c->server.port);
	} else if (inet_pton(AF_INET6, c->server.host, &ep->in6.sin6_addr) == 1) {
		ep->in6.sin6_family = AF_INET6;
		ep->in6.sin6_port = htons(c->server.port);
	} else {
		return false;
	}
	c->n_addresses = 1;
	return true;
}

struct registry_conn *registry_conn_new(struct event_base *base,
					struct evdns_base *dns,
					const struct registry_server *server,
					SSL_CTX *tls, const struct registry_pins *pins,
					unsigned int step_ms,
					const struct registry_conn_ops *ops, void *ctx)
{
	struct registry_conn *c = calloc(1, sizeof(*c));

	if (!c)
		return NULL;
	c->base = base;
	c->server = *server;
	c->tls = tls;
	c->pins = pins;
	c->step.tv_sec = step_ms / 1000;
	c->step.tv_usec = step_ms % 1000 * 1000;
	c->ops = ops;
	c->ctx = ctx;
	c->timer = evtimer_new(base, on_step_over, c);
	if (!c->timer) {
		free(c);
		return NULL;
	}
	if (numeric(c))
		event_active(c->timer, EV_TIMEOUT, 0);
	else
		resolve(c, dns);
	return c;
}

int registry_conn_send(struct registry_conn *c, const void *frame, size_t len)
{
	return bufferevent_write(c->bev, frame, len) ? -ENOMEM : 0;
}

void registry_conn_local(const struct registry_conn *c, struct pilot_endpoint *ep)
{
	socklen_t len = sizeof(*ep);
	evutil_socket_t fd = bufferevent_getfd(c->bev);

	memset(ep, 0, sizeof(*ep));
	if (fd < 0 || getsockname(fd, &ep->sa, &len))
		memset(ep, 0, sizeof(*ep));
}

void registry_conn_free(struct registry_conn *c)
{
	if (!c)
		return;
	if (c->resolving) {
		c->resolving->conn = NULL;
		if (c->resolving->req)
			evdns_getaddrinfo_cancel(c->resolving->req);
	}
	close_bev(c);
	event_free(c->timer);
	free(c);
}
