// SPDX-License-Identifier: GPL-2.0
#include "registry_msg.h"

#include <ctype.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <jansson.h>
#include <sodium.h>

#include "lib/text.h"

#define B64_LEN(n)	sodium_base64_ENCODED_LEN(n, sodium_base64_VARIANT_ORIGINAL)

static const char *const names[] = {
	[REGISTRY_REGISTER] = "register",
	[REGISTRY_LOOKUP] = "lookup",
	[REGISTRY_RESOLVE] = "resolve",
	[REGISTRY_HEARTBEAT] = "heartbeat",
	[REGISTRY_SET_VISIBILITY] = "set_visibility",
	[REGISTRY_DEREGISTER] = "deregister",
};

const char *registry_msg_name(enum registry_request_type type)
{
	return names[type];
}

/* Requests */

static json_t *json_base64(const uint8_t *bytes, size_t len)
{
	char text[B64_LEN(PILOT_SIG_LEN)];

	sodium_bin2base64(text, sizeof(text), bytes, len,
			  sodium_base64_VARIANT_ORIGINAL);
	return json_string(text);
}

static json_t *json_endpoint(const struct pilot_endpoint *ep)
{
	char text[PILOT_ENDPOINT_STRLEN];

	return json_string(pilot_format_endpoint(ep, text));
}

static void challenge(const struct registry_request *req,
		      const struct pilot_identity *id, char *text, size_t size)
{
	char ep[PILOT_ENDPOINT_STRLEN], key[B64_LEN(PILOT_ED25519_LEN)];
	const char *name = names[req->type];

	switch (req->type) {
	case REGISTRY_REGISTER:
		sodium_bin2base64(key, sizeof(key), id->pub, sizeof(id->pub),
				  sodium_base64_VARIANT_ORIGINAL);
		snprintf(text, size, "%s:%s:%s", name,
			 pilot_format_endpoint(&req->listen, ep), key);
		break;
	case REGISTRY_RESOLVE:
		snprintf(text, size, "%s:%u:%u", name, req->requester, req->node);
		break;
	default:
		snprintf(text, size, "%s:%u", name, req->node);
		break;
	}
}

static int set_signature(json_t *o, const struct registry_request *req,
			 const struct pilot_identity *id)
{
	uint8_t sig[PILOT_SIG_LEN];
	char text[192];

	challenge(req, id, text, sizeof(text));
	pilot_identity_sign(id, text, strlen(text), sig);
	return json_object_set_new(o, "signature", json_base64(sig, sizeof(sig)));
}

static int set_register(json_t *o, const struct registry_request *req,
			const struct pilot_identity *id)
{
	json_t *lan;
	size_t i;
	int ret;

	ret = json_object_set_new(o, "listen_addr", json_endpoint(&req->listen));
	if (!ret)
		ret = json_object_set_new(o, "public_key",
					  json_base64(id->pub, sizeof(id->pub)));
	if (ret || !req->n_lan)
		return ret;
	lan = json_array();
	for (i = 0; i < req->n_lan && !ret; i++)
		ret = json_array_append_new(lan, json_endpoint(&req->lan[i]));
	if (!ret)
		return json_object_set_new(o, "lan_addrs", lan);
	json_decref(lan);
	return ret;
}

static int set_fields(json_t *o, const struct registry_request *req,
		      const struct pilot_identity *id)
{
	int ret;

	ret = json_object_set_new(o, "type", json_string(names[req->type]));
	if (!ret && req->type == REGISTRY_REGISTER)
		ret = set_register(o, req, id);
	else if (!ret)
		ret = json_object_set_new(o, "node_id", json_integer(req->node));
	if (!ret && req->type == REGISTRY_RESOLVE)
		ret = json_object_set_new(o, "requester_id",
					  json_integer(req->requester));
	if (!ret && req->type == REGISTRY_SET_VISIBILITY)
		ret = json_object_set_new(o, "public", json_boolean(req->visible));
	if (!ret && req->type != REGISTRY_LOOKUP)
		ret = set_signature(o, req, id);
	return ret;
}

char *registry_msg_build(const struct registry_request *req,
			 const struct pilot_identity *id, size_t *len)
{
	json_t *o = json_object();
	char *text = NULL, *frame = NULL;
	size_t n;

	if (!set_fields(o, req, id))
		text = json_dumps(o, JSON_COMPACT);
	json_decref(o);
	if (!text)
		return NULL;
	n = strlen(text);
	frame = malloc(REGISTRY_HEADER_LEN + n);
	if (frame) {
		frame[0] = (char)(n >> 24);
		frame[1] = (char)(n >> 16);
		frame[2] = (char)(n >> 8);
		frame[3] = (char)n;
		memcpy(frame + REGISTRY_HEADER_LEN, text, n);
		*len = REGISTRY_HEADER_LEN + n;
	}
	free(text);
	return frame;
}

/* Answers */

static void unusable(struct registry_answer *a, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));

static void unusable(struct registry_answer *a, const char *fmt, ...)
{
	va_list ap;

	a->verdict = REGISTRY_UNUSABLE;
	va_start(ap, fmt);
	vsnprintf(a->error, sizeof(a->error), fmt, ap);
	va_end(ap);
}

/* Node IDs have 32 bits and no sign. */
static uint32_t get_node(const json_t *v)
{
	json_int_t n = json_is_integer(v) ? json_integer_value(v) : 0;

	return n > 0 && n <= UINT32_MAX ? (uint32_t)n : 0;
}

/*
 * The node an answer is about, if it says: a registry that mixes up the order
 * must not give one node the key of another. 0 if it does not say.
 */
static uint32_t subject(const json_t *o)
{
	const json_t *address = json_object_get(o, "address");
	uint32_t node = get_node(json_object_get(o, "node_id"));

	if (!node && json_is_string(address) &&
	    strchr(json_string_value(address), '.') &&
	    pilot_parse_node(json_string_value(address), &node, NULL, NULL))
		node = 0;
	return node;
}

static bool add_endpoint(struct registry_answer *a, const json_t *v)
{
	struct pilot_endpoint ep;

	if (!json_is_string(v) || a->n_endpoints == REGISTRY_ENDPOINTS_MAX ||
	    pilot_parse_endpoint(json_string_value(v), "address", false, &ep, NULL))
		return false;
	a->endpoints[a->n_endpoints++] = ep;
	return true;
}

static void get_endpoints(struct registry_answer *a, const json_t *o)
{
	const json_t *v;
	size_t i;

	a->has_real = add_endpoint(a, json_object_get(o, "real_addr"));
	json_array_foreach(json_object_get(o, "lan_addrs"), i, v)
		add_endpoint(a, v);
}

static void get_key(struct registry_answer *a, const json_t *o)
{
	const json_t *v = json_object_get(o, "public_key");
	const char *s = json_string_value(v);

	if (!v || json_is_null(v) || (s && !*s))
		return;
	if (!s || pilot_parse_key(s, json_string_length(v), "public_key", a->key, NULL))
		unusable(a, "public_key is no Ed25519 key");
	else
		a->has_key = true;
}

/* There is nothing but the text to tell one error from another. */
static bool says_not_found(const char *s)
{
	return strcasestr(s, "not found") || strcasestr(s, "unknown node") ||
	       strcasestr(s, "no such node");
}

static void get_error(struct registry_answer *a, const json_t *o)
{
	const char *s = json_string_value(json_object_get(o, "error"));

	snprintf(a->error, sizeof(a->error), "%s",
		 s && *s ? s : "refused, without a reason");
	pilot_sanitize(a->error);
	a->verdict = says_not_found(a->error) ? REGISTRY_NOT_FOUND : REGISTRY_REFUSED;
}

static void get_granted(const struct registry_request *req,
			struct registry_answer *a, const json_t *o)
{
	switch (req->type) {
	case REGISTRY_REGISTER:
		a->node = get_node(json_object_get(o, "node_id"));
		if (!a->node)
			unusable(a, "node_id is no node ID");
		break;
	case REGISTRY_LOOKUP:
		get_key(a, o);
		get_endpoints(a, o);
		break;
	case REGISTRY_RESOLVE:
		get_endpoints(a, o);
		if (!a->n_endpoints)
			unusable(a, "no usable address");
		break;
	default:
		break;
	}
}

int registry_msg_parse(const struct registry_request *req, const void *body,
		       size_t len, struct registry_answer *a,
		       struct pilot_error *err)
{
	const char *name = names[req->type], *type;
	json_error_t jerr;
	uint32_t about;
	json_t *o;
	int ret = 0;

	memset(a, 0, sizeof(*a));
	o = json_loadb(body, len, JSON_REJECT_DUPLICATES | JSON_ALLOW_NUL, &jerr);
	if (!json_is_object(o)) {
		ret = pilot_error_set(err, -EBADMSG, "the answer to %s is no JSON object",
				      name);
		goto out;
	}
	type = json_string_value(json_object_get(o, "type"));
	if (type && !strcmp(type, "error")) {
		get_error(a, o);
		goto out;
	}
	if (!type || strncmp(type, name, strlen(name)) ||
	    strcmp(type + strlen(name), "_ok")) {
		char text[32];

		snprintf(text, sizeof(text), "%s", type ? type : "nothing");
		ret = pilot_error_set(err, -EBADMSG, "\"%s\" came in answer to %s",
				      pilot_sanitize(text), name);
		goto out;
	}
	about = subject(o);
	if ((req->type == REGISTRY_LOOKUP || req->type == REGISTRY_RESOLVE) &&
	    about && about != req->node && about != req->requester) {
		ret = pilot_error_set(err, -EBADMSG,
				      "the answer to %s of node %u is about node %u",
				      name, req->node, about);
		goto out;
	}
	get_granted(req, a, o);
out:
	json_decref(o);
	return ret;
}
