// SPDX-License-Identifier: GPL-2.0
/*
 * The registry client against servers on the loopback that do as a script says:
 * what it sends, in which order it takes answers, and what it makes of servers
 * that are slow, silent, out of order, lying in length, talking nonsense or gone.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <ifaddrs.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <event2/bufferevent_ssl.h>
#include <event2/listener.h>
#include <jansson.h>
#include <openssl/evp.h>
#include <openssl/x509.h>
#include <sodium.h>

#include "log.h"
#include "registry_tcp.h"
#include "tap.h"
#include "vectors.h"

/* What a server does with a request. */
enum mode {
	ANSWER,		/* as it should */
	SILENT,		/* nothing */
	GARBAGE,	/* no JSON */
	ARRAY,		/* JSON, but no object */
	HUGE,		/* announces 16 MB */
	ZERO,		/* announces nothing */
	WRONG_TYPE,	/* the answer to something else */
	SWAPPED,	/* answers the second request before the first */
	REFUSE,		/* an error, for everything */
	FORGOT,		/* an error, for heartbeats */
	HANG_UP,	/* closes */
	PIECES,		/* byte by byte */
	UNASKED,	/* one answer more */
};

#define HELD_MAX	64

struct server {
	struct evconnlistener *listener;
	uint16_t port;
	enum mode mode;
	SSL_CTX *tls;
	uint32_t node;			/* that register gives */
	unsigned int accepted;
	unsigned int asked[REGISTRY_DEREGISTER + 1];
	json_t *held[HELD_MAX];		/* SILENT: not answered yet */
	size_t n_held;
	char *last[REGISTRY_DEREGISTER + 1];	/* requests, as they came */
	struct bufferevent *bev;
};

static struct event_base *base;
static struct server first, second;
static struct pilot_identity id;

/* What the client told. */
static struct {
	enum pilot_registry_state state;
	char error[REGISTRY_ERROR_LEN];
	char server[300];
	unsigned int changes;
	unsigned int alive;
	uint32_t registered;
	unsigned int lookups, resolves;
	struct registry_answer answer;
	uint32_t node;
	uint32_t order[512];
	size_t n_order;
	bool left;
} told;

static void reply_json(struct bufferevent *bev, json_t *o)
{
	char *text = json_dumps(o, JSON_COMPACT);
	uint32_t len = htonl((uint32_t)strlen(text));

	bufferevent_write(bev, &len, 4);
	bufferevent_write(bev, text, strlen(text));
	free(text);
	json_decref(o);
}

static void b64(char *text, size_t size, const uint8_t *p, size_t len)
{
	sodium_bin2base64(text, size, p, len, sodium_base64_VARIANT_ORIGINAL);
}

/* A node's key in these tests: its node ID, repeated. */
static void key_of(uint32_t node, uint8_t *key)
{
	size_t i;

	for (i = 0; i < PILOT_ED25519_LEN; i++)
		key[i] = (uint8_t)(node + i);
}

static json_t *proper(struct server *s, json_t *req)
{
	const char *type = json_string_value(json_object_get(req, "type"));
	uint32_t node = (uint32_t)json_integer_value(json_object_get(req, "node_id"));
	char address[32], key[64];
	uint8_t raw[PILOT_ED25519_LEN];

	snprintf(address, sizeof(address), "0:0000.%04X.%04X", node >> 16, node & 0xffff);
	key_of(node, raw);
	b64(key, sizeof(key), raw, sizeof(raw));
	if (!strcmp(type, "register"))
		return json_pack("{s:s, s:I, s:s}", "type", "register_ok", "node_id",
				 (json_int_t)s->node, "address", "0:0000.0000.0007");
	if (!strcmp(type, "lookup") && node == 404)
		return json_pack("{s:s, s:s}", "type", "error", "error", "node 404 not found");
	if (!strcmp(type, "lookup") && node == 500)
		return json_pack("{s:s, s:s}", "type", "error", "error", "database\n is \x1b[1mlocked");
	if (!strcmp(type, "lookup") && node == 600)
		return json_pack("{s:s, s:s, s:s}", "type", "lookup_ok", "public_key", "nonsense",
				 "address", address);
	if (!strcmp(type, "lookup"))
		return json_pack("{s:s, s:s, s:s, s:b}", "type", "lookup_ok", "public_key", key,
				 "address", address, "public", 0);
	if (!strcmp(type, "resolve"))
		return json_pack("{s:s, s:s, s:[s,s,s]}", "type", "resolve_ok", "real_addr",
				 "192.0.2.9:4009", "lan_addrs", "10.0.0.9:4009", "garbage:x",
				 "[fd00::9]:4009");
	if (!strcmp(type, "heartbeat"))
		return json_pack("{s:s, s:i}", "type", "heartbeat_ok", "time", 1);
	snprintf(address, sizeof(address), "%.20s_ok", type);
	return json_pack("{s:s}", "type", address);
}

static void swap_answers(struct server *s, struct bufferevent *bev, json_t *req)
{
	if (s->n_held < 1) {
		s->held[s->n_held++] = json_incref(req);
		return;
	}
	reply_json(bev, proper(s, req));
	reply_json(bev, proper(s, s->held[0]));
	json_decref(s->held[--s->n_held]);
}

static void serve(struct server *s, struct bufferevent *bev, json_t *req)
{
	const char *type = json_string_value(json_object_get(req, "type"));
	static const uint8_t huge[4] = { 1, 0, 0, 0 }, zero[4];
	json_t *o;

	switch (s->mode) {
	case ANSWER:
	case FORGOT:
		if (s->mode == FORGOT && !strcmp(type, "heartbeat"))
			o = json_pack("{s:s, s:s}", "type", "error", "error", "unknown node");
		else
			o = proper(s, req);
		reply_json(bev, o);
		break;
	case UNASKED:
		reply_json(bev, proper(s, req));
		reply_json(bev, proper(s, req));
		break;
	case SILENT:
		if (s->n_held < HELD_MAX)
			s->held[s->n_held++] = json_incref(req);
		break;
	case GARBAGE:
		bufferevent_write(bev, "\0\0\0\4{\"}\"", 8);
		break;
	case ARRAY:
		bufferevent_write(bev, "\0\0\0\2[]", 6);
		break;
	case HUGE:
		bufferevent_write(bev, huge, 4);
		break;
	case ZERO:
		bufferevent_write(bev, zero, 4);
		break;
	case WRONG_TYPE:
		reply_json(bev, json_pack("{s:s}", "type", !strcmp(type, "lookup") ?
					  "resolve_ok" : "lookup_ok"));
		break;
	case SWAPPED:
		if (strcmp(type, "lookup"))
			reply_json(bev, proper(s, req));
		else
			swap_answers(s, bev, req);
		break;
	case REFUSE:
		reply_json(bev, json_pack("{s:s, s:s}", "type", "error", "error", "no, thank you"));
		break;
	case HANG_UP:
	case PIECES:
		break;
	}
}

struct piece {
	struct server *s;
	char *text;
	size_t len, at;
	struct event *ev;
};

static void on_piece(evutil_socket_t fd, short what, void *data)
{
	static const struct timeval soon = { .tv_usec = 200 };
	struct piece *p = data;

	(void)fd;
	(void)what;
	if (p->at == p->len || !p->s->bev) {
		event_free(p->ev);
		free(p->text);
		free(p);
		return;
	}
	bufferevent_write(p->s->bev, p->text + p->at++, 1);
	event_add(p->ev, &soon);
}

static void in_pieces(struct server *s, json_t *o)
{
	char *text = json_dumps(o, JSON_COMPACT);
	struct piece *p = calloc(1, sizeof(*p));
	uint32_t len = htonl((uint32_t)strlen(text));

	p->s = s;
	p->len = strlen(text) + 4;
	p->text = malloc(p->len);
	memcpy(p->text, &len, 4);
	memcpy(p->text + 4, text, p->len - 4);
	p->ev = evtimer_new(base, on_piece, p);
	event_active(p->ev, EV_TIMEOUT, 0);
	free(text);
	json_decref(o);
}

static void forget_held(struct server *s)
{
	while (s->n_held)
		json_decref(s->held[--s->n_held]);
}

static void hang_up(struct server *s)
{
	if (s->bev)
		bufferevent_free(s->bev);
	s->bev = NULL;
	forget_held(s);
}

static void on_server_event(struct bufferevent *bev, short what, void *data)
{
	struct server *s = data;

	if (what & (BEV_EVENT_EOF | BEV_EVENT_ERROR)) {
		if (bev == s->bev)
			hang_up(s);
		else
			bufferevent_free(bev);
	}
}

static void on_server_read(struct bufferevent *bev, void *data)
{
	struct evbuffer *in = bufferevent_get_input(bev);
	struct server *s = data;
	uint32_t len;
	int i;

	while (evbuffer_copyout(in, &len, 4) == 4 &&
	       evbuffer_get_length(in) >= 4 + ntohl(len)) {
		const char *text;
		json_t *req;

		evbuffer_drain(in, 4);
		text = (const char *)evbuffer_pullup(in, ntohl(len));
		req = json_loadb(text, ntohl(len), 0, NULL);
		for (i = 0; i <= REGISTRY_DEREGISTER; i++)
			if (!strcmp(registry_msg_name(i),
				    json_string_value(json_object_get(req, "type"))))
				break;
		s->asked[i]++;
		free(s->last[i]);
		s->last[i] = strndup(text, ntohl(len));
		evbuffer_drain(in, ntohl(len));
		if (s->mode == HANG_UP) {
			json_decref(req);
			hang_up(s);
			return;
		}
		if (s->mode == PIECES)
			in_pieces(s, proper(s, req));
		else
			serve(s, bev, req);
		json_decref(req);
	}
}

static void on_accept(struct evconnlistener *l, evutil_socket_t fd, struct sockaddr *sa,
		      int socklen, void *data)
{
	struct server *s = data;

	(void)l;
	(void)sa;
	(void)socklen;
	s->accepted++;
	hang_up(s);
	s->bev = s->tls ? bufferevent_openssl_socket_new(base, fd, SSL_new(s->tls),
							 BUFFEREVENT_SSL_ACCEPTING,
							 BEV_OPT_CLOSE_ON_FREE) :
			  bufferevent_socket_new(base, fd, BEV_OPT_CLOSE_ON_FREE);
	bufferevent_setcb(s->bev, on_server_read, NULL, on_server_event, s);
	bufferevent_enable(s->bev, EV_READ | EV_WRITE);
}

static void listen_on(struct server *s, uint16_t port)
{
	struct sockaddr_in sin = {
		.sin_family = AF_INET, .sin_port = htons(port),
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK),
	};
	socklen_t len = sizeof(sin);

	s->listener = evconnlistener_new_bind(base, on_accept, s,
					      LEV_OPT_CLOSE_ON_FREE | LEV_OPT_REUSEABLE, -1,
					      (struct sockaddr *)&sin, sizeof(sin));
	if (!s->listener) {
		printf("Bail out! cannot listen: %s\n", strerror(errno));
		exit(1);
	}
	getsockname(evconnlistener_get_fd(s->listener), (struct sockaddr *)&sin, &len);
	s->port = ntohs(sin.sin_port);
}

static void stop(struct server *s)
{
	if (s->listener)
		evconnlistener_free(s->listener);
	s->listener = NULL;
	hang_up(s);
}

/* Client */

static void op_state(void *ctx, enum pilot_registry_state state, const char *server,
		     const char *error)
{
	(void)ctx;
	if (state != told.state)
		told.changes++;
	told.state = state;
	snprintf(told.server, sizeof(told.server), "%s", server);
	snprintf(told.error, sizeof(told.error), "%s", error);
}

static void op_registered(void *ctx, uint32_t node)
{
	(void)ctx;
	told.registered = node;
}

static void op_alive(void *ctx)
{
	(void)ctx;
	told.alive++;
}

static void op_lookup(void *ctx, uint32_t node, const struct registry_answer *a)
{
	(void)ctx;
	told.lookups++;
	told.node = node;
	told.answer = *a;
	if (told.n_order < 512)
		told.order[told.n_order++] = node;
}

static void op_resolved(void *ctx, uint32_t node, const struct registry_answer *a)
{
	(void)ctx;
	told.resolves++;
	told.node = node;
	told.answer = *a;
}

static void op_left(void *ctx)
{
	(void)ctx;
	told.left = true;
}

static const struct registry_tcp_ops ops = {
	.state = op_state,
	.registered = op_registered,
	.alive = op_alive,
	.lookup = op_lookup,
	.resolved = op_resolved,
};

static struct registry_tcp_config cfg;

static void fresh(enum mode mode)
{
	struct server *s[2] = { &first, &second };
	int i, k;

	memset(&told, 0, sizeof(told));
	for (i = 0; i < 2; i++) {
		hang_up(s[i]);
		s[i]->mode = mode;
		s[i]->accepted = 0;
		s[i]->node = 7;
		memset(s[i]->asked, 0, sizeof(s[i]->asked));
		for (k = 0; k <= REGISTRY_DEREGISTER; k++) {
			free(s[i]->last[k]);
			s[i]->last[k] = NULL;
		}
		if (!s[i]->listener)
			listen_on(s[i], s[i]->port);
	}
	memset(&cfg, 0, sizeof(cfg));
	strcpy(cfg.servers[0].host, "127.0.0.1");
	cfg.servers[0].port = first.port;
	strcpy(cfg.servers[1].host, "127.0.0.1");
	cfg.servers[1].port = second.port;
	cfg.n_servers = 1;
	cfg.do_register = true;
	cfg.visibility = -1;
	cfg.node = 7;
	cfg.port = 37736;
	cfg.times = (struct registry_times){
		.step = 3000, .request = 3000, .heartbeat = 60000, .backoff_min = 20,
		.backoff_max = 80, .primary = 100,
	};
}

static struct registry_tcp *begin(void)
{
	struct pilot_error err = { "" };
	struct registry_tcp *r = registry_tcp_new(base, NULL, &cfg, &id, &ops, NULL, &err);

	if (!r)
		diag("%s", err.text);
	return r;
}

/* Run the loop until @cond, at most for a few seconds. */
#define UNTIL(cond)							\
	({								\
		int turns_;						\
		for (turns_ = 0; !(cond) && turns_ < 2000; turns_++)	\
			turn();						\
		!!(cond);						\
	})

static void turn(void)
{
	const struct timeval ms = { .tv_usec = 2000 };

	event_base_loopexit(base, &ms);
	event_base_dispatch(base);
}

static int64_t now_ms(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec * INT64_C(1000) + ts.tv_nsec / 1000000;
}

static void run_ms(int ms)
{
	int64_t end = now_ms() + ms;

	while (now_ms() < end)
		turn();
}

static bool is_key(uint32_t node)
{
	uint8_t key[PILOT_ED25519_LEN];

	key_of(node, key);
	return told.node == node && told.answer.verdict == REGISTRY_OK && told.answer.has_key &&
	       !memcmp(told.answer.key, key, sizeof(key));
}

/* Requests as the reference makes them. */
static void test_vectors(void)
{
	struct pilot_identity vid = { 0 };
	struct pilot_error err;
	json_t *doc = vectors_load("registry.json"), *v;
	char *text = json_dumps(json_object_get(doc, "identity_json"), 0);
	struct registry_request req;
	size_t i;

	if (pilot_identity_parse(&vid, text, strlen(text), "vector", &err))
		diag("%s", err.text);
	free(text);
	json_array_foreach(json_object_get(doc, "signatures"), i, v) {
		const char *challenge = vectors_str(v, "challenge");
		size_t len;
		json_t *o;
		char *frame;
		bool has = true;

		memset(&req, 0, sizeof(req));
		req.node = 7;
		if (!strcmp(challenge, "heartbeat:7")) {
			req.type = REGISTRY_HEARTBEAT;
		} else if (!strcmp(challenge, "resolve:7:9")) {
			req.type = REGISTRY_RESOLVE;
			req.requester = 7;
			req.node = 9;
		} else if (!strcmp(challenge, "set_visibility:7")) {
			req.type = REGISTRY_SET_VISIBILITY;
			req.visible = true;
		} else if (!strcmp(challenge, "deregister:7")) {
			req.type = REGISTRY_DEREGISTER;
		} else if (!strncmp(challenge, "register:", 9)) {
			req.type = REGISTRY_REGISTER;
			req.listen.in.sin_family = AF_INET;
			req.listen.in.sin_port = htons(4001);
			inet_pton(AF_INET, "10.0.0.1", &req.listen.in.sin_addr);
		} else {
			continue;
		}
		frame = registry_msg_build(&req, &vid, &len);
		o = json_loadb(frame + 4, len - 4, 0, NULL);
		has = !memcmp(frame, (uint8_t[]){ 0, 0, (uint8_t)((len - 4) >> 8), (uint8_t)(len - 4) }, 4);
		if (req.type == REGISTRY_REGISTER)
			has &= !strcmp(vectors_str(o, "listen_addr"), "10.0.0.1:4001") &&
			       !strcmp(vectors_str(o, "public_key"), vectors_str(doc, "public_key_b64"));
		else
			has &= json_integer_value(json_object_get(o, "node_id")) == req.node;
		if (req.type == REGISTRY_RESOLVE)
			has &= json_integer_value(json_object_get(o, "requester_id")) == 7;
		if (req.type == REGISTRY_SET_VISIBILITY)
			has &= json_is_true(json_object_get(o, "public"));
		ok(has && !strcmp(vectors_str(o, "signature"), vectors_str(v, "signature_b64")) &&
		   !strcmp(vectors_str(o, "type"), registry_msg_name(req.type)),
		   "vector: %s", challenge);
		json_decref(o);
		free(frame);
	}
	/* 64-bit care: the largest node ID is a positive number. */
	memset(&req, 0, sizeof(req));
	req.type = REGISTRY_LOOKUP;
	req.node = UINT32_MAX;
	{
		size_t len;
		char *frame = registry_msg_build(&req, NULL, &len);

		ok(frame && len == 4 + strlen("{\"type\":\"lookup\",\"node_id\":4294967295}") &&
		   !memcmp(frame + 4, "{\"type\":\"lookup\",\"node_id\":4294967295}", len - 4),
		   "look-up: not signed, node ID without sign");
		free(frame);
	}
	json_decref(doc);
	pilot_identity_free(&vid);
}

/* What is made of an answer, without a connection. */
static bool parses(enum registry_request_type type, uint32_t node, const char *text,
		   struct registry_answer *a)
{
	const struct registry_request req = { .type = type, .node = node, .requester = 7 };
	char *exact = malloc(strlen(text));
	struct pilot_error err;
	int ret;

	memcpy(exact, text, strlen(text));
	ret = registry_msg_parse(&req, exact, strlen(text), a, &err);
	free(exact);
	return !ret;
}

static void test_answers(void)
{
	struct registry_answer a;

	ok(!parses(REGISTRY_LOOKUP, 9, "{\"type\":\"lookup_ok\",\"node_id\":8,\"public_key\":\"x\"}", &a) &&
	   !parses(REGISTRY_LOOKUP, 9, "{\"type\":\"lookup_ok\",\"address\":\"0:0000.0000.0008\"}", &a),
	   "answer about another node");
	ok(parses(REGISTRY_LOOKUP, 9, "{\"type\":\"lookup_ok\",\"address\":\"unknown\",\"public_key\":\"\"}", &a) &&
	   a.verdict == REGISTRY_OK && !a.has_key, "answer: no key");
	ok(!parses(REGISTRY_LOOKUP, 9, "{\"type\":\"lookup_ok\",\"type\":\"lookup_ok\"}", &a),
	   "answer: a field twice");
	ok(!parses(REGISTRY_LOOKUP, 9, "{}", &a) && !parses(REGISTRY_LOOKUP, 9, "{\"type\":7}", &a) &&
	   !parses(REGISTRY_LOOKUP, 9, "{\"type\":\"lookup_ok2\"}", &a) &&
	   !parses(REGISTRY_LOOKUP, 9, "{\"type\":\"look\"}", &a), "answer: type");
	ok(parses(REGISTRY_REGISTER, 0, "{\"type\":\"register_ok\",\"node_id\":4294967295}", &a) &&
	   a.verdict == REGISTRY_OK && a.node == UINT32_MAX, "answer: largest node ID");
	ok(parses(REGISTRY_REGISTER, 0, "{\"type\":\"register_ok\",\"node_id\":4294967296}", &a) &&
	   a.verdict == REGISTRY_UNUSABLE &&
	   parses(REGISTRY_REGISTER, 0, "{\"type\":\"register_ok\",\"node_id\":-1}", &a) &&
	   a.verdict == REGISTRY_UNUSABLE &&
	   parses(REGISTRY_REGISTER, 0, "{\"type\":\"register_ok\",\"node_id\":0}", &a) &&
	   a.verdict == REGISTRY_UNUSABLE &&
	   parses(REGISTRY_REGISTER, 0, "{\"type\":\"register_ok\",\"node_id\":\"7\"}", &a) &&
	   a.verdict == REGISTRY_UNUSABLE, "answer: no node ID");
	ok(parses(REGISTRY_RESOLVE, 9, "{\"type\":\"resolve_ok\",\"real_addr\":\"0.0.0.0:1\",\"lan_addrs\":7}", &a) &&
	   a.verdict == REGISTRY_UNUSABLE, "answer: no usable address");
	ok(parses(REGISTRY_RESOLVE, 9, "{\"type\":\"resolve_ok\",\"real_addr\":\"1.2.3.4:5\",\"lan_addrs\":[\"\\u0000\"]}", &a) &&
	   a.n_endpoints == 1, "resolve: what a node says of itself does not spoil the answer");
	ok(parses(REGISTRY_RESOLVE, 9, "{\"type\":\"resolve_ok\",\"real_addr\":\"1.2.3.4:0\",\"lan_addrs\":[\"1.2.3.4:5\"]}", &a) &&
	   a.verdict == REGISTRY_OK && !a.has_real && a.n_endpoints == 1, "answer: only a LAN address");
	ok(parses(REGISTRY_RESOLVE, 9, "{\"type\":\"error\"}", &a) && a.verdict == REGISTRY_REFUSED && a.error[0],
	   "answer: error without a text");
	ok(parses(REGISTRY_RESOLVE, 9, "{\"type\":\"error\",\"error\":\"Node 9 Not Found\"}", &a) &&
	   a.verdict == REGISTRY_NOT_FOUND, "answer: not found");
}

static void test_normal(void)
{
	struct registry_tcp *r;
	uint32_t i;

	fresh(ANSWER);
	cfg.visibility = 0;
	cfg.times.heartbeat = 40;
	r = begin();
	ok(UNTIL(told.state == PILOT_REGISTRY_REGISTERED), "registered");
	ok(told.changes == 3 && !told.error[0] && !told.registered, "connecting, connected, registered");
	ok(first.last[REGISTRY_REGISTER] && strstr(first.last[REGISTRY_REGISTER], "\"127.0.0.1:37736\""),
	   "listen_addr: our end of the connection, the tunnel's port");
	ok(UNTIL(first.asked[REGISTRY_SET_VISIBILITY] == 1) &&
	   strstr(first.last[REGISTRY_SET_VISIBILITY], "\"public\":false"), "visibility");
	ok(UNTIL(told.alive >= 3) && first.asked[REGISTRY_REGISTER] == 1, "heartbeats");

	registry_tcp_lookup(r, 9);
	ok(!told.lookups && UNTIL(told.lookups == 1) && is_key(9), "look-up");
	registry_tcp_lookup(r, 404);
	ok(UNTIL(told.lookups == 2) && told.answer.verdict == REGISTRY_NOT_FOUND, "not found");
	registry_tcp_lookup(r, 500);
	ok(UNTIL(told.lookups == 3) && told.answer.verdict == REGISTRY_REFUSED &&
	   !strchr(told.answer.error, 0x1b) && !strchr(told.answer.error, '\n'), "another error, printable");
	registry_tcp_lookup(r, 600);
	ok(UNTIL(told.lookups == 4) && told.answer.verdict == REGISTRY_UNUSABLE, "a key that is none");
	registry_tcp_resolve(r, 9);
	ok(UNTIL(told.resolves == 1) && told.answer.n_endpoints == 3 && told.answer.has_real &&
	   told.answer.endpoints[0].in.sin_port == htons(4009) &&
	   told.answer.endpoints[2].sa.sa_family == AF_INET6, "resolve: real_addr, then what is usable");
	ok(told.state == PILOT_REGISTRY_REGISTERED && told.changes == 3 && first.accepted == 1,
	   "all over one connection");

	told.n_order = 0;
	for (i = 1; i <= 200; i++)
		registry_tcp_lookup(r, 1000 + i);
	UNTIL(told.n_order == 200);
	for (i = 0; i < told.n_order && told.order[i] == 1001 + i; i++)
		;
	ok(i == 200 && is_key(1200), "200 look-ups, each its own answer");
	registry_tcp_set_port(r, 4000);
	ok(UNTIL(first.asked[REGISTRY_REGISTER] == 2) &&
	   strstr(first.last[REGISTRY_REGISTER], "\"127.0.0.1:4000\""), "another port is told");
	ok(!registry_tcp_leave(r, op_left, NULL), "no goodbye unless configured");
	registry_tcp_free(r);

	fresh(PIECES);
	cfg.times.request = 5000;
	r = begin();
	UNTIL(told.state == PILOT_REGISTRY_REGISTERED);
	registry_tcp_lookup(r, 9);
	ok(UNTIL(told.lookups == 1) && is_key(9), "answers in pieces");
	registry_tcp_free(r);
	run_ms(20);
}

static void test_node(void)
{
	struct registry_tcp *r;

	fresh(ANSWER);
	cfg.node = 0;
	cfg.deregister = true;
	r = begin();
	registry_tcp_resolve(r, 9);
	ok(told.resolves == 1 && told.answer.verdict == REGISTRY_NO_ANSWER, "no resolve without a node ID");
	ok(UNTIL(told.state == PILOT_REGISTRY_REGISTERED) && told.registered == 7, "the registry gives the node ID");
	registry_tcp_resolve(r, 9);
	ok(UNTIL(told.resolves == 2) && strstr(first.last[REGISTRY_RESOLVE], "\"requester_id\":7"),
	   "which is used from then on");
	hang_up(&first);
	ok(UNTIL(told.state == PILOT_REGISTRY_DOWN), "connection lost");
	first.node = 8;
	ok(UNTIL(told.state == PILOT_REGISTRY_REFUSED) &&
	   !strcmp(told.error, "it takes this identity for node 8, not 7") && told.registered == 7,
	   "another node ID is not taken");
	first.node = 7;
	hang_up(&first);
	ok(UNTIL(told.state == PILOT_REGISTRY_REGISTERED), "registered again");
	ok(registry_tcp_leave(r, op_left, NULL) && UNTIL(told.left) && first.asked[REGISTRY_DEREGISTER] == 1 &&
	   strstr(first.last[REGISTRY_DEREGISTER], "\"node_id\":7"), "goodbye");
	registry_tcp_free(r);

	fresh(ANSWER);
	cfg.deregister = true;
	r = begin();
	UNTIL(told.state == PILOT_REGISTRY_REGISTERED);
	first.mode = SILENT;
	ok(registry_tcp_leave(r, op_left, NULL) && UNTIL(told.left), "goodbye to a deaf one comes to an end");
	registry_tcp_free(r);
}

static void test_faults(void)
{
	static const struct {
		enum mode mode;
		const char *name, *error;
	} faults[] = {
		{ SILENT, "silent", "no answer to lookup in 3 s" },
		{ GARBAGE, "garbage", "the answer to lookup is no JSON object" },
		{ ARRAY, "an array", "the answer to lookup is no JSON object" },
		{ HUGE, "16 MB announced", "it announced an answer of 16777216 bytes" },
		{ ZERO, "0 bytes announced", "it announced an answer of 0 bytes" },
		{ WRONG_TYPE, "wrong type", "\"resolve_ok\" came in answer to lookup" },
		{ SWAPPED, "wrong order", "the answer to lookup of node 9 is about node 10" },
		{ HANG_UP, "hangs up", "it closed the connection" },
		{ UNASKED, "talks unasked", "the answer to lookup of node 10 is about node 9" },
	};
	struct registry_tcp *r;
	char error[REGISTRY_ERROR_LEN];
	unsigned int changes;
	size_t i;

	for (i = 0; i < sizeof(faults) / sizeof(*faults); i++) {
		fresh(ANSWER);
		r = begin();
		UNTIL(told.state == PILOT_REGISTRY_REGISTERED);
		first.mode = faults[i].mode;
		registry_tcp_lookup(r, 9);
		registry_tcp_lookup(r, 10);
		UNTIL(told.state == PILOT_REGISTRY_DOWN);
		snprintf(error, sizeof(error), "%s", told.error);
		changes = told.changes;
		/* Meanwhile everything is answered at once, with "no". */
		registry_tcp_lookup(r, 11);
		ok(told.lookups == 3 && told.answer.verdict == REGISTRY_NO_ANSWER &&
		   !strcmp(error, faults[i].error), "%s: left, because: %s", faults[i].name, error);
		first.mode = ANSWER;
		UNTIL(told.state == PILOT_REGISTRY_REGISTERED);
		registry_tcp_lookup(r, 12);
		ok(UNTIL(told.lookups == 4) && is_key(12) && changes == 4 && told.changes == 6,
		   "%s: and back", faults[i].name);
		registry_tcp_free(r);
	}

	fresh(ANSWER);
	r = begin();
	UNTIL(told.state == PILOT_REGISTRY_REGISTERED);
	first.mode = UNASKED;
	registry_tcp_lookup(r, 9);
	ok(UNTIL(told.state == PILOT_REGISTRY_DOWN) && told.lookups == 1 && is_key(9) &&
	   !strcmp(told.error, "it answered what was not asked"), "an answer nobody asked for: left");
	registry_tcp_free(r);

	fresh(REFUSE);
	cfg.times.heartbeat = 50;
	r = begin();
	ok(UNTIL(told.state == PILOT_REGISTRY_REFUSED) && !strcmp(told.error, "no, thank you"),
	   "not registered");
	registry_tcp_lookup(r, 9);
	ok(UNTIL(told.lookups == 1) && told.answer.verdict == REGISTRY_REFUSED, "not registered: can be asked");
	ok(UNTIL(first.asked[REGISTRY_REGISTER] >= 3) && told.changes == 3, "not registered: asked again, quietly");
	first.mode = FORGOT;
	ok(UNTIL(told.state == PILOT_REGISTRY_REGISTERED) && UNTIL(first.asked[REGISTRY_REGISTER] >= 6) &&
	   first.accepted == 1, "forgotten: registered anew");
	registry_tcp_free(r);
}

/* It answers everything, in time, but not as fast as it is asked. */
static void test_slow(void)
{
	struct registry_tcp *r;
	int64_t end;
	uint32_t i;

	fresh(ANSWER);
	cfg.times.request = 4000;
	r = begin();
	UNTIL(told.state == PILOT_REGISTRY_REGISTERED);
	first.mode = SILENT;
	for (i = 0; i < REGISTRY_SENT_MAX + REGISTRY_WAITING_MAX; i++)
		registry_tcp_lookup(r, 4000 + i);
	end = now_ms() + 20000;
	while (told.lookups < REGISTRY_SENT_MAX + REGISTRY_WAITING_MAX && now_ms() < end) {
		run_ms(20);
		if (!first.n_held || !first.bev)
			continue;
		reply_json(first.bev, proper(&first, first.held[0]));
		json_decref(first.held[0]);
		first.n_held--;
		memmove(first.held, first.held + 1, first.n_held * sizeof(first.held[0]));
	}
	ok(told.state == PILOT_REGISTRY_REGISTERED && first.accepted == 1,
	   "slow: the connection stays%s%s", told.error[0] ? ": " : "", told.error);
	ok(told.lookups == REGISTRY_SENT_MAX + REGISTRY_WAITING_MAX,
	   "slow: what waits for too long has an answer too");
	registry_tcp_free(r);
}

static void test_gone(void)
{
	struct registry_tcp *r;
	unsigned int before;
	uint32_t i;

	fresh(ANSWER);
	stop(&first);
	r = begin();
	registry_tcp_lookup(r, 9);
	ok(!told.lookups, "look-ups wait for the first connection");
	ok(UNTIL(told.state == PILOT_REGISTRY_DOWN) && told.lookups == 1 &&
	   told.answer.verdict == REGISTRY_NO_ANSWER && !strcmp(told.error, "Connection refused"),
	   "nobody there: %s", told.error);
	before = told.changes;
	run_ms(300);
	ok(told.changes == before, "nobody there: told once");
	listen_on(&first, first.port);
	ok(UNTIL(told.state == PILOT_REGISTRY_REGISTERED), "there again");
	before = first.accepted;
	stop(&first);
	UNTIL(told.state == PILOT_REGISTRY_DOWN);
	listen_on(&first, first.port);
	ok(UNTIL(told.state == PILOT_REGISTRY_REGISTERED), "restarted");
	registry_tcp_free(r);

	/* Bounded: 32 on the way, 256 behind, the rest is refused at once. */
	fresh(ANSWER);
	r = begin();
	UNTIL(told.state == PILOT_REGISTRY_REGISTERED);
	first.mode = SILENT;
	for (i = 0; i < 1000; i++)
		registry_tcp_lookup(r, 2000 + i);
	ok(told.lookups == 1000 - REGISTRY_SENT_MAX - REGISTRY_WAITING_MAX &&
	   told.answer.verdict == REGISTRY_NO_ANSWER, "a thousand look-ups: %u refused at once", told.lookups);
	UNTIL(first.n_held >= REGISTRY_SENT_MAX);
	run_ms(20);
	ok(first.n_held == REGISTRY_SENT_MAX, "a thousand look-ups: %zu on the way", first.n_held);
	ok(UNTIL(told.lookups == 1000), "a thousand look-ups: a thousand answers");
	registry_tcp_free(r);

	/* Who asked must not wait for ever when another registry is configured. */
	fresh(ANSWER);
	cfg.deregister = true;
	r = begin();
	UNTIL(told.state == PILOT_REGISTRY_REGISTERED);
	first.mode = SILENT;
	for (i = 0; i < 2 * REGISTRY_SENT_MAX; i++)
		registry_tcp_lookup(r, 3000 + i);
	registry_tcp_resolve(r, 9);
	registry_tcp_leave(r, op_left, NULL);
	ok(!told.lookups && !told.resolves && !told.left, "freed: not before");
	registry_tcp_free(r);
	ok(told.lookups == 2 * REGISTRY_SENT_MAX && told.resolves == 1 && told.left &&
	   told.answer.verdict == REGISTRY_NO_ANSWER, "freed: what was asked has an answer");

	/* A registry that takes calls and hangs up at once does not get many. */
	fresh(HANG_UP);
	cfg.times.backoff_min = 50;
	cfg.times.backoff_max = 400;
	r = begin();
	UNTIL(first.accepted >= 2);
	run_ms(1000);
	ok(first.accepted >= 2 && first.accepted <= 9, "hangs up at once: %u calls in a second", first.accepted);
	registry_tcp_free(r);

	/* A port where nobody accepts: the backlog takes the call, nobody answers. */
	fresh(ANSWER);
	evconnlistener_disable(first.listener);
	r = begin();
	ok(UNTIL(told.state == PILOT_REGISTRY_DOWN) && !strcmp(told.error, "no answer to register in 3 s"),
	   "taken, but not answered: %s", told.error);
	registry_tcp_free(r);
	evconnlistener_enable(first.listener);
	run_ms(20);
	hang_up(&first);
}

static void test_fallback(void)
{
	struct registry_tcp *r;
	char name[32];

	fresh(ANSWER);
	cfg.n_servers = 2;
	cfg.times.request = 3000;
	stop(&first);
	r = begin();
	snprintf(name, sizeof(name), "127.0.0.1:%u", second.port);
	ok(UNTIL(told.state == PILOT_REGISTRY_REGISTERED) && !strcmp(told.server, name) && told.changes == 3,
	   "fallback: used at once");
	run_ms(250);
	ok(told.state == PILOT_REGISTRY_REGISTERED && second.accepted == 1, "fallback: stays while the first is away");
	second.mode = SILENT;
	registry_tcp_lookup(r, 9);
	listen_on(&first, first.port);
	snprintf(name, sizeof(name), "127.0.0.1:%u", first.port);
	ok(UNTIL(told.state == PILOT_REGISTRY_REGISTERED && !strcmp(told.server, name)), "fallback: back to the first");
	ok(UNTIL(told.lookups == 1) && is_key(9), "fallback: what was asked is answered there");
	ok(UNTIL(!second.bev), "fallback: left");
	stop(&first);
	stop(&second);
	ok(UNTIL(told.state == PILOT_REGISTRY_DOWN), "fallback: both gone");
	listen_on(&second, second.port);
	second.mode = ANSWER;
	snprintf(name, sizeof(name), "127.0.0.1:%u", second.port);
	ok(UNTIL(told.state == PILOT_REGISTRY_REGISTERED && !strcmp(told.server, name)), "fallback: again");
	registry_tcp_free(r);
}

/* A certificate that signs itself. */
static SSL_CTX *make_tls(uint8_t *pin, int version)
{
	SSL_CTX *ctx = SSL_CTX_new(TLS_server_method());
	EVP_PKEY *key = EVP_EC_gen("P-256");
	X509 *cert = X509_new();
	X509_NAME *name;
	unsigned int len;

	X509_set_version(cert, 2);
	ASN1_INTEGER_set(X509_get_serialNumber(cert), 1);
	X509_gmtime_adj(X509_getm_notBefore(cert), -60);
	X509_gmtime_adj(X509_getm_notAfter(cert), 3600);
	X509_set_pubkey(cert, key);
	name = X509_get_subject_name(cert);
	X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_ASC, (const uint8_t *)"127.0.0.1", -1, -1, 0);
	X509_set_issuer_name(cert, name);
	X509_sign(cert, key, EVP_sha256());
	X509_digest(cert, EVP_sha256(), pin, &len);
	SSL_CTX_use_certificate(ctx, cert);
	SSL_CTX_use_PrivateKey(ctx, key);
	if (version) {
		SSL_CTX_set_security_level(ctx, 0);
		SSL_CTX_set_min_proto_version(ctx, version);
		SSL_CTX_set_max_proto_version(ctx, version);
	}
	X509_free(cert);
	EVP_PKEY_free(key);
	return ctx;
}

static void test_tls(void)
{
	uint8_t pin[EVP_MAX_MD_SIZE], other[EVP_MAX_MD_SIZE];
	SSL_CTX *tls = make_tls(pin, 0), *foreign = make_tls(other, 0);
	SSL_CTX *old = make_tls(other, TLS1_1_VERSION), *tls12;
	struct registry_tcp *r;

	fresh(ANSWER);
	first.tls = tls;
	cfg.tls = true;
	memcpy(cfg.pins.v[0], other, REGISTRY_PIN_LEN);
	memcpy(cfg.pins.v[1], pin, REGISTRY_PIN_LEN);
	cfg.pins.n = 2;
	r = begin();
	registry_tcp_lookup(r, 9);
	ok(UNTIL(told.lookups == 1) && is_key(9) && told.state == PILOT_REGISTRY_REGISTERED,
	   "TLS with the right pin");
	hang_up(&first);
	ok(UNTIL(told.state == PILOT_REGISTRY_DOWN) && UNTIL(told.state == PILOT_REGISTRY_REGISTERED),
	   "TLS: and again");
	registry_tcp_free(r);

	fresh(ANSWER);
	first.tls = foreign;
	cfg.tls = true;
	memcpy(cfg.pins.v[0], pin, REGISTRY_PIN_LEN);
	cfg.pins.n = 1;
	r = begin();
	ok(UNTIL(told.state == PILOT_REGISTRY_DOWN) &&
	   !strncmp(told.error, "its certificate is not the one of fingerprint", 45) &&
	   !first.asked[REGISTRY_REGISTER], "TLS with another certificate: nothing is said: %s", told.error);
	registry_tcp_free(r);

	fresh(ANSWER);
	first.tls = tls;
	cfg.tls = true;
	r = begin();
	ok(UNTIL(told.state == PILOT_REGISTRY_DOWN) && !strncmp(told.error, "its certificate: self-signed", 28) &&
	   !first.asked[REGISTRY_REGISTER], "TLS without pin: nobody vouches: %s", told.error);
	registry_tcp_free(r);

	tls12 = make_tls(pin, TLS1_2_VERSION);
	fresh(ANSWER);
	first.tls = tls12;
	cfg.tls = true;
	memcpy(cfg.pins.v[0], pin, REGISTRY_PIN_LEN);
	cfg.pins.n = 1;
	r = begin();
	ok(UNTIL(told.state == PILOT_REGISTRY_REGISTERED), "TLS 1.2");
	registry_tcp_free(r);

	fresh(ANSWER);
	first.tls = old;
	cfg.tls = true;
	memcpy(cfg.pins.v[0], other, REGISTRY_PIN_LEN);
	cfg.pins.n = 1;
	r = begin();
	ok(UNTIL(told.state == PILOT_REGISTRY_DOWN) && !first.asked[REGISTRY_REGISTER], "TLS 1.1 is refused: %s",
	   told.error);
	registry_tcp_free(r);

	fresh(ANSWER);
	first.tls = NULL;
	cfg.tls = true;
	memcpy(cfg.pins.v[0], pin, REGISTRY_PIN_LEN);
	cfg.pins.n = 1;
	r = begin();
	ok(UNTIL(told.state == PILOT_REGISTRY_DOWN), "a registry without TLS: %s", told.error);
	registry_tcp_free(r);

	fresh(ANSWER);
	stop(&first);
	cfg.tls = true;
	memcpy(cfg.pins.v[0], pin, REGISTRY_PIN_LEN);
	cfg.pins.n = 1;
	r = begin();
	ok(UNTIL(told.state == PILOT_REGISTRY_DOWN) && !strcmp(told.error, "Connection refused"),
	   "TLS, nobody there: %s", told.error);
	registry_tcp_free(r);

	SSL_CTX_free(tls);
	SSL_CTX_free(tls12);
	SSL_CTX_free(foreign);
	SSL_CTX_free(old);
}

/* For libevent the machine has IPv6 alone, as early at boot. */
int getifaddrs(struct ifaddrs **list)
{
	static struct sockaddr_in6 sin6 = { .sin6_family = AF_INET6 };
	static struct ifaddrs ifa = { .ifa_addr = (struct sockaddr *)&sin6 };

	inet_pton(AF_INET6, "2001:db8::1", &sin6.sin6_addr);
	*list = &ifa;
	return 0;
}

void freeifaddrs(struct ifaddrs *list)
{
	(void)list;
}

static void load_hosts(struct evdns_base *dns, const char *line)
{
	char path[] = "/tmp/hosts.XXXXXX";
	int fd = mkstemp(path);

	dprintf(fd, "%s\n", line);
	close(fd);
	evdns_base_load_hosts(dns, path);
	unlink(path);
}

static void test_names(void)
{
	struct evdns_base *dns = evdns_base_new(base, EVDNS_BASE_DISABLE_WHEN_INACTIVE);
	struct pilot_error err;
	struct registry_tcp *r;

	fresh(ANSWER);
	cfg.times.step = 400;
	strcpy(cfg.servers[0].host, "registry.test");
	load_hosts(dns, "2001:db8::2 registry.test\n127.0.0.1 registry.test");
	r = registry_tcp_new(base, dns, &cfg, &id, &ops, NULL, &err);
	ok(UNTIL(told.state == PILOT_REGISTRY_REGISTERED), "a name with an address of the other family: %s",
	   told.error);
	registry_tcp_free(r);

	fresh(ANSWER);
	strcpy(cfg.servers[0].host, "localhost");
	evdns_base_load_hosts(dns, "/etc/hosts");
	r = registry_tcp_new(base, dns, &cfg, &id, &ops, NULL, &err);
	/* ::1 comes first where there is one, and nobody listens there. */
	ok(UNTIL(told.state == PILOT_REGISTRY_REGISTERED), "by name: %s", told.error);
	registry_tcp_free(r);

	fresh(ANSWER);
	strcpy(cfg.servers[0].host, "localhost");
	r = begin();
	ok(UNTIL(told.state == PILOT_REGISTRY_DOWN), "a name without a resolver: %s", told.error);
	registry_tcp_free(r);

	/* Freed while the name is being looked up. */
	fresh(ANSWER);
	strcpy(cfg.servers[0].host, "no-such-name.invalid");
	r = registry_tcp_new(base, dns, &cfg, &id, &ops, NULL, &err);
	turn();
	registry_tcp_free(r);
	run_ms(50);
	ok(told.state == PILOT_REGISTRY_CONNECTING || told.state == PILOT_REGISTRY_DOWN, "left while looking up");
	evdns_base_free(dns, 0);
}

int main(void)
{
	int k;

	if (sodium_init() < 0 || pilot_identity_new(&id, NULL))
		return 1;
	signal(SIGPIPE, SIG_IGN);
	log_level(getenv("VERBOSE") ? LOG_DEBUG : LOG_CRIT);
	base = event_base_new();
	listen_on(&first, 0);
	listen_on(&second, 0);

	test_vectors();
	test_answers();
	test_normal();
	test_node();
	test_faults();
	test_slow();
	test_gone();
	test_fallback();
	test_tls();
	test_names();

	stop(&first);
	stop(&second);
	for (k = 0; k <= REGISTRY_DEREGISTER; k++) {
		free(first.last[k]);
		free(second.last[k]);
	}
	run_ms(10);
	event_base_free(base);
	pilot_identity_free(&id);
	return done();
}
