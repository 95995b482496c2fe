/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What is said to a registry over TCP, and what it answers: protocol.rst,
 * section 6. Nothing here knows of connections.
 *
 * A frame is a length of four bytes, most significant first, and a JSON object.
 */
#ifndef PILOTD_REGISTRY_MSG_H
#define PILOTD_REGISTRY_MSG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/error.h"
#include "lib/identity.h"
#include "lib/types.h"

#define REGISTRY_HEADER_LEN	4
#define REGISTRY_BODY_MAX	65536	/* of an answer; the longest that makes sense has 1 KB */
#define REGISTRY_ENDPOINTS_MAX	8
#define REGISTRY_ERROR_LEN	100

/**
 * enum registry_request_type - what can be asked
 * @REGISTRY_REGISTER: "here I am", with proof of possession of the key
 * @REGISTRY_LOOKUP: whose public key is it
 * @REGISTRY_RESOLVE: where is it
 * @REGISTRY_HEARTBEAT: "still here"
 * @REGISTRY_SET_VISIBILITY: whether lookup may tell our address
 * @REGISTRY_DEREGISTER: "I leave"
 */
enum registry_request_type {
	REGISTRY_REGISTER,
	REGISTRY_LOOKUP,
	REGISTRY_RESOLVE,
	REGISTRY_HEARTBEAT,
	REGISTRY_SET_VISIBILITY,
	REGISTRY_DEREGISTER,
};

/**
 * struct registry_request - a request
 * @type: which
 * @node: LOOKUP, RESOLVE: who is asked about. Else own node ID; not used by
 *	REGISTER
 * @requester: RESOLVE: own node ID
 * @visible: SET_VISIBILITY
 * @listen: REGISTER: where frames are to be sent
 * @lan: REGISTER: more of the kind, for nodes of the same network
 * @n_lan: how many
 */
struct registry_request {
	enum registry_request_type type;
	uint32_t node;
	uint32_t requester;
	bool visible;
	struct pilot_endpoint listen;
	const struct pilot_endpoint *lan;
	size_t n_lan;
};

/**
 * enum registry_verdict - what kind of an answer it is
 * @REGISTRY_OK: granted
 * @REGISTRY_NOT_FOUND: the registry says that there is no such node
 * @REGISTRY_REFUSED: another error of the registry's
 * @REGISTRY_UNUSABLE: granted, but what it says makes no sense
 * @REGISTRY_NO_ANSWER: there was none; the registry is not to be reached, too
 *	slow, or there is too much to ask
 */
enum registry_verdict {
	REGISTRY_OK,
	REGISTRY_NOT_FOUND,
	REGISTRY_REFUSED,
	REGISTRY_UNUSABLE,
	REGISTRY_NO_ANSWER,
};

/**
 * struct registry_answer - an answer
 * @verdict: which kind
 * @error: unless OK: reason, printable
 * @node: REGISTER: node ID given
 * @has_key: LOOKUP: the node has a public key
 * @key: that key, Ed25519
 * @endpoints: LOOKUP, RESOLVE: where the node may be, the public one first
 * @n_endpoints: how many
 * @has_real: the first of them is the public one
 */
struct registry_answer {
	enum registry_verdict verdict;
	char error[REGISTRY_ERROR_LEN];
	uint32_t node;
	bool has_key;
	uint8_t key[PILOT_ED25519_LEN];
	struct pilot_endpoint endpoints[REGISTRY_ENDPOINTS_MAX];
	size_t n_endpoints;
	bool has_real;
};

/**
 * registry_msg_name() - name of a request, as on the wire
 * @type: request
 */
const char *registry_msg_name(enum registry_request_type type);

/**
 * registry_msg_build() - frame of a request
 * @req: request
 * @id: own identity; may be NULL for LOOKUP, which is not signed
 * @len: set to its length
 *
 * Return: the frame, for free(); NULL if there is no memory.
 */
char *registry_msg_build(const struct registry_request *req,
			 const struct pilot_identity *id, size_t *len);

/**
 * registry_msg_parse() - understand an answer
 * @req: what was asked: answers come in the order of the requests
 * @body: JSON, without the length
 * @len: its length
 * @a: to fill
 * @err: why the stream cannot be trusted any more
 *
 * A node may have put nonsense into what the registry says of it: that spoils
 * this answer, not the connection.
 *
 * Return: 0; or -EBADMSG if this is no answer to the request.
 */
int registry_msg_parse(const struct registry_request *req, const void *body,
		       size_t len, struct registry_answer *a,
		       struct pilot_error *err);

#endif /* PILOTD_REGISTRY_MSG_H */
