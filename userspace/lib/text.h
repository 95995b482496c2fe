/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Text forms of what users type and read. Parsers take the whole string or
 * refuse it, and say what they refused and why.
 */
#ifndef PILOT_LIB_TEXT_H
#define PILOT_LIB_TEXT_H

#include "error.h"
#include "types.h"

/* Sizes that hold any formatted value and its terminating NUL. */
#define PILOT_ADDRESS_STRLEN	24
#define PILOT_ENDPOINT_STRLEN	(INET6_ADDRSTRLEN + IF_NAMESIZE + 10)
#define PILOT_CIDR_STRLEN	(INET6_ADDRSTRLEN + 4)
#define PILOT_AGE_STRLEN	80
#define PILOT_SIZE_STRLEN	32
#define PILOT_DURATION_STRLEN	16
#define PILOT_SHORT_STRLEN	24

/* A node ID was given without a network. */
#define PILOT_NO_NETWORK	(-1)

/**
 * pilot_parse_u32() - parse a number: decimal, or hexadecimal after 0x
 * @s: text
 * @what: name of the argument, for @err
 * @min: smallest value accepted
 * @max: largest value accepted
 * @value: result
 * @err: why it failed, may be NULL
 *
 * Return: 0 or -EINVAL, -ERANGE.
 */
int pilot_parse_u32(const char *s, const char *what, uint32_t min, uint32_t max,
		    uint32_t *value, struct pilot_error *err);

/**
 * pilot_parse_duration() - parse a length of time
 * @s: decimal number with its unit: ms, s, m (minutes) or h; seconds without
 * @what: name of the argument, for @err
 * @min: smallest value accepted, ms
 * @max: largest value accepted, ms
 * @ms: result
 * @err: why it failed, may be NULL
 *
 * Return: 0 or -EINVAL, -ERANGE.
 */
int pilot_parse_duration(const char *s, const char *what, uint32_t min,
			 uint32_t max, uint32_t *ms, struct pilot_error *err);

/**
 * pilot_parse_node() - parse a node ID
 * @s: decimal, hexadecimal after 0x, or a Pilot address N:NNNN.XXXX.YYYY with
 *	the network in decimal and again in hexadecimal, and the node ID
 * @node: result, never 0
 * @network: set to the network of an address, else PILOT_NO_NETWORK; may be
 *	NULL
 * @err: why it failed, may be NULL
 *
 * Return: 0 or -EINVAL, -ERANGE.
 */
int pilot_parse_node(const char *s, uint32_t *node, int *network,
		     struct pilot_error *err);

/**
 * pilot_format_address() - Pilot address of a node
 * @network: network
 * @node: node ID
 * @buf: PILOT_ADDRESS_STRLEN bytes
 *
 * Return: @buf.
 */
const char *pilot_format_address(uint16_t network, uint32_t node, char *buf);

/**
 * pilot_map_address() - IPv6 address a node is reached by inside the tunnel
 * @network: network
 * @node: node ID
 * @addr: result: fd50:494c:4f54:NETWORK::XXXX:YYYY (protocol.rst, address map)
 */
void pilot_map_address(uint16_t network, uint32_t node, struct in6_addr *addr);

/**
 * pilot_parse_endpoint() - parse a UDP address
 * @s: A.B.C.D:PORT, [V6]:PORT, [V6%INTERFACE]:PORT or, with @resolve, HOST:PORT
 * @what: name of the argument, for @err
 * @resolve: whether host names are looked up, which may block
 * @ep: result
 * @err: why it failed, may be NULL
 *
 * Port 0, the unspecified address, multicast and broadcast are refused, and
 * so is a link-local address without interface. An IPv4-mapped IPv6 address
 * becomes IPv4.
 *
 * Return: 0; -EINVAL; -EHOSTUNREACH if the name is unknown; -EAGAIN if name
 * service failed for now.
 */
int pilot_parse_endpoint(const char *s, const char *what, bool resolve,
			 struct pilot_endpoint *ep, struct pilot_error *err);

/**
 * pilot_format_endpoint() - text of a UDP address
 * @ep: endpoint
 * @buf: PILOT_ENDPOINT_STRLEN bytes
 *
 * Return: @buf; "(none)" for AF_UNSPEC.
 */
const char *pilot_format_endpoint(const struct pilot_endpoint *ep, char *buf);

/**
 * pilot_endpoint_equal() - compare family, address, port and scope
 * @a: one
 * @b: other
 */
bool pilot_endpoint_equal(const struct pilot_endpoint *a,
			  const struct pilot_endpoint *b);

/**
 * pilot_parse_cidr() - parse a prefix
 * @s: ADDRESS/LENGTH, or ADDRESS for a single host
 * @what: name of the argument, for @err
 * @ip: result, @remove is false
 * @err: why it failed (with the prefix that was perhaps meant, if there are
 *	bits past the length), may be NULL
 *
 * Return: 0 or -EINVAL.
 */
int pilot_parse_cidr(const char *s, const char *what,
		     struct pilot_allowed_ip *ip, struct pilot_error *err);

/**
 * pilot_format_cidr() - text of a prefix
 * @ip: prefix
 * @buf: PILOT_CIDR_STRLEN bytes
 *
 * Return: @buf.
 */
const char *pilot_format_cidr(const struct pilot_allowed_ip *ip, char *buf);

/**
 * pilot_parse_cidr_list() - parse prefixes separated by commas
 * @s: list; spaces around commas are passed over, an empty text is no prefix
 * @what: name of the argument, for @err
 * @list: set to an array for free(), NULL if there is none
 * @n: set to its length
 * @err: why it failed, may be NULL
 *
 * Return: 0, -EINVAL or -ENOMEM.
 */
int pilot_parse_cidr_list(const char *s, const char *what,
			  struct pilot_allowed_ip **list, size_t *n,
			  struct pilot_error *err);

/**
 * pilot_parse_path() - parse "auto", "direct" or "relay"
 * @s: text
 * @path: result
 * @err: why it failed, may be NULL
 *
 * Return: 0 or -EINVAL.
 */
int pilot_parse_path(const char *s, uint8_t *path, struct pilot_error *err);

/**
 * pilot_parse_key() - parse 32 bytes given as 64 hex digits or as base64
 * @s: text, need not be terminated; white space around it is passed over
 * @len: its length
 * @what: name of the source, for @err, which never quotes the text
 * @key: 32 bytes, zeroed on failure
 * @err: why it failed, may be NULL
 *
 * Takes the same time for all keys of a form.
 *
 * Return: 0 or -EINVAL.
 */
int pilot_parse_key(const char *s, size_t len, const char *what, uint8_t *key,
		    struct pilot_error *err);

/**
 * pilot_format_age() - "1 minute, 3 seconds ago"; "now" below one second
 * @ms: age, or PILOT_NEVER
 * @buf: PILOT_AGE_STRLEN bytes
 *
 * Return: @buf; "never" for PILOT_NEVER.
 */
const char *pilot_format_age(uint64_t ms, char *buf);

/**
 * pilot_format_duration() - "3s", as pilot_parse_duration() takes it
 * @ms: length of time
 * @buf: PILOT_DURATION_STRLEN bytes
 *
 * Exact: in the largest unit of which it is a multiple.
 *
 * Return: @buf.
 */
const char *pilot_format_duration(uint32_t ms, char *buf);

/**
 * pilot_format_size() - "1.25 MiB"
 * @bytes: size
 * @buf: PILOT_SIZE_STRLEN bytes
 *
 * Return: @buf.
 */
const char *pilot_format_size(uint64_t bytes, char *buf);

/**
 * pilot_format_short_age() - an age for a column: "3s", "1m03s", "2h05m", "4d03h"
 * @ms: age, or PILOT_NEVER
 * @buf: PILOT_SHORT_STRLEN bytes
 *
 * Return: @buf; "now" below one second, "never" for PILOT_NEVER.
 */
const char *pilot_format_short_age(uint64_t ms, char *buf);

/**
 * pilot_format_short_number() - a number for a column: "0", "0.5", "999",
 *	"1.23k", "45.6M"
 * @v: number, not negative
 * @buf: PILOT_SHORT_STRLEN bytes
 *
 * Return: @buf.
 */
const char *pilot_format_short_number(double v, char *buf);

/**
 * pilot_path_name() - name of an &enum pilot_path
 * @path: value
 *
 * Return: a constant, "unknown" for values this program does not know.
 */
const char *pilot_path_name(uint8_t path);

/**
 * pilot_slot_name() - name of an &enum pilot_slot
 * @slot: value
 *
 * Return: a constant, "unknown" for values this program does not know.
 */
const char *pilot_slot_name(uint8_t slot);

/**
 * pilot_reason_name() - name of an &enum pilot_reason
 * @reason: value
 *
 * Return: a constant like "decrypt-fail", "unknown" for values this program
 * does not know.
 */
const char *pilot_reason_name(uint8_t reason);

/**
 * pilot_registry_name() - name of an &enum pilot_registry_state
 * @state: value
 *
 * Return: a constant, "unknown" for values this program does not know.
 */
const char *pilot_registry_name(uint8_t state);

/**
 * pilot_event_name() - name of an event on the monitor and in the log
 * @event: event; of path changes the path counts too
 *
 * The names of protocol.rst, section 4.
 *
 * Return: a constant like "tunnel.established", "unknown" for events this
 * program does not know.
 */
const char *pilot_event_name(const struct pilot_event_info *event);

/**
 * pilot_sanitize() - make a string safe for terminals and JSON
 * @s: string; everything but printable ASCII becomes '?'
 *
 * Return: @s.
 */
char *pilot_sanitize(char *s);

#endif /* PILOT_LIB_TEXT_H */
