// SPDX-License-Identifier: GPL-2.0
#include "text.h"

#include <arpa/inet.h>
#include <ctype.h>
#include <errno.h>
#include <inttypes.h>
#include <netdb.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <sodium.h>

#define ARRAY_SIZE(a)	(sizeof(a) / sizeof((a)[0]))

/* Longest form in which an argument is quoted back. */
#define QUOTE		64

char *pilot_sanitize(char *s)
{
	char *p;

	for (p = s; *p; p++)
		if (*p < 0x20 || *p > 0x7e)
			*p = '?';
	return s;
}

/* Digits only: strtoul() would take signs, spaces and other bases too. */
static int parse_digits(const char *s, size_t len, unsigned int base,
			uint64_t max, uint64_t *value)
{
	uint64_t v = 0;
	size_t i;

	if (!len)
		return -EINVAL;
	for (i = 0; i < len; i++) {
		unsigned char c = s[i];
		unsigned int digit;

		if (c >= '0' && c <= '9')
			digit = c - '0';
		else if (c >= 'a' && c <= 'f')
			digit = c - 'a' + 10;
		else if (c >= 'A' && c <= 'F')
			digit = c - 'A' + 10;
		else
			return -EINVAL;
		if (digit >= base)
			return -EINVAL;
		/* max is at most 32 bits, so this cannot wrap before the test. */
		if (v <= max)
			v = v * base + digit;
	}
	*value = v;
	return v > max ? -ERANGE : 0;
}

static int parse_number(const char *s, size_t len, uint64_t max, uint64_t *value)
{
	if (len > 2 && s[0] == '0' && (s[1] == 'x' || s[1] == 'X'))
		return parse_digits(s + 2, len - 2, 16, max, value);
	return parse_digits(s, len, 10, max, value);
}

int pilot_parse_u32(const char *s, const char *what, uint32_t min, uint32_t max,
		    uint32_t *value, struct pilot_error *err)
{
	uint64_t v = 0;
	int ret;

	ret = parse_number(s, strlen(s), UINT32_MAX, &v);
	if (ret == -EINVAL)
		return pilot_error_set(err, ret, "%s \"%.*s\" is not a number",
				       what, QUOTE, s);
	if (ret || v < min || v > max)
		return pilot_error_set(err, -ERANGE,
				       "%s \"%.*s\" is out of range: %u to %u",
				       what, QUOTE, s, min, max);
	*value = (uint32_t)v;
	return 0;
}

/* Largest first: the first that divides a duration is its unit. */
static const struct {
	const char *name;
	uint32_t ms;
} time_units[] = {
	{ "h", 3600000 },
	{ "m", 60000 },
	{ "s", 1000 },
	{ "ms", 1 },
};

const char *pilot_format_duration(uint32_t ms, char *buf)
{
	size_t i = 0;

	if (!ms)
		return strcpy(buf, "0s");
	while (ms % time_units[i].ms)
		i++;
	snprintf(buf, PILOT_DURATION_STRLEN, "%u%s", ms / time_units[i].ms,
		 time_units[i].name);
	return buf;
}

int pilot_parse_duration(const char *s, const char *what, uint32_t min,
			 uint32_t max, uint32_t *ms, struct pilot_error *err)
{
	size_t len = strspn(s, "0123456789"), i;
	char from[PILOT_DURATION_STRLEN], to[PILOT_DURATION_STRLEN];
	uint64_t v = 0, unit = 0;
	int ret;

	for (i = 0; i < ARRAY_SIZE(time_units); i++)
		if (!strcmp(s[len] ? s + len : "s", time_units[i].name))
			unit = time_units[i].ms;
	ret = parse_digits(s, len, 10, UINT32_MAX, &v);
	if (ret == -EINVAL || !unit)
		return pilot_error_set(err, -EINVAL,
				       "%s \"%.*s\" is not a time like 3s, 1500ms or 1m",
				       what, QUOTE, s);
	if (ret || v * unit < min || v * unit > max)
		return pilot_error_set(err, -ERANGE,
				       "%s \"%.*s\" is out of range: %s to %s",
				       what, QUOTE, s,
				       pilot_format_duration(min, from),
				       pilot_format_duration(max, to));
	*ms = (uint32_t)(v * unit);
	return 0;
}

/* N:NNNN.XXXX.YYYY */
static int parse_address(const char *s, const char *colon, uint32_t *node,
			 uint16_t *network, struct pilot_error *err)
{
	const char *groups = colon + 1;
	uint64_t net, group[3];
	unsigned int i;

	if (parse_digits(s, colon - s, 10, UINT16_MAX, &net))
		return pilot_error_set(err, -EINVAL,
				       "node \"%.*s\": the network before the colon must be 0 to 65535",
				       QUOTE, s);
	if (strlen(groups) != 14 || groups[4] != '.' || groups[9] != '.')
		goto form;
	for (i = 0; i < 3; i++)
		if (parse_digits(groups + 5 * i, 4, 16, UINT16_MAX, &group[i]))
			goto form;
	if (group[0] != net)
		return pilot_error_set(err, -EINVAL,
				       "node \"%.*s\": the first group says network %" PRIu64 ", the number before the colon %" PRIu64,
				       QUOTE, s, group[0], net);
	*network = (uint16_t)net;
	*node = (uint32_t)(group[1] << 16 | group[2]);
	return 0;

form:
	return pilot_error_set(err, -EINVAL,
			       "node \"%.*s\" is not a Pilot address like 0:0000.0000.0007",
			       QUOTE, s);
}

int pilot_parse_node(const char *s, uint32_t *node, int *network,
		     struct pilot_error *err)
{
	const char *colon = strchr(s, ':');
	uint16_t net = 0;
	uint32_t id = 0;
	uint64_t v = 0;
	int ret;

	if (colon) {
		ret = parse_address(s, colon, &id, &net, err);
		if (ret)
			return ret;
	} else {
		ret = parse_number(s, strlen(s), UINT32_MAX, &v);
		if (ret == -ERANGE)
			return pilot_error_set(err, ret,
					       "node \"%.*s\" is out of range: 1 to 4294967295",
					       QUOTE, s);
		if (ret)
			return pilot_error_set(err, ret,
					       "node \"%.*s\" is not a node ID: 7, 0x7 or 0:0000.0000.0007",
					       QUOTE, s);
		id = (uint32_t)v;
	}
	if (!id)
		return pilot_error_set(err, -ERANGE,
				       "node \"%.*s\": no node has ID 0", QUOTE, s);

	*node = id;
	if (network)
		*network = colon ? net : PILOT_NO_NETWORK;
	return 0;
}

const char *pilot_format_address(uint16_t network, uint32_t node, char *buf)
{
	snprintf(buf, PILOT_ADDRESS_STRLEN, "%u:%04X.%04X.%04X", network,
		 network, node >> 16, node & 0xffff);
	return buf;
}

void pilot_map_address(uint16_t network, uint32_t node, struct in6_addr *addr)
{
	const uint32_t words[4] = {
		htonl(PILOT_MAP_PREFIX0),
		htonl(PILOT_MAP_PREFIX1 << 16 | network),
		0,
		htonl(node),
	};

	memcpy(addr, words, sizeof(words));
}

static int parse_v4(const char *s, size_t len, struct in_addr *addr)
{
	char buf[INET_ADDRSTRLEN];

	if (len >= sizeof(buf))
		return -EINVAL;
	memcpy(buf, s, len);
	buf[len] = '\0';
	return inet_pton(AF_INET, buf, addr) == 1 ? 0 : -EINVAL;
}

static int parse_v6(const char *s, size_t len, struct in6_addr *addr)
{
	char buf[INET6_ADDRSTRLEN];

	if (len >= sizeof(buf))
		return -EINVAL;
	memcpy(buf, s, len);
	buf[len] = '\0';
	return inet_pton(AF_INET6, buf, addr) == 1 ? 0 : -EINVAL;
}

/* Host names are ASCII; digits and dots alone would be an odd IPv4 address. */
static bool is_host_name(const char *s, size_t len)
{
	bool letter = false;
	size_t i;

	for (i = 0; i < len; i++) {
		unsigned char c = s[i];

		if (isalpha(c))
			letter = true;
		else if (!isdigit(c) && c != '.' && c != '-' && c != '_')
			return false;
	}
	return letter && len < NI_MAXHOST;
}

static int resolve_host(const char *s, size_t len, const char *what,
			struct pilot_endpoint *ep, struct pilot_error *err)
{
	const struct addrinfo hints = {
		.ai_socktype = SOCK_DGRAM,
		.ai_flags = AI_ADDRCONFIG,
	};
	struct addrinfo *list = NULL;
	char host[NI_MAXHOST];
	int ret;

	memcpy(host, s, len);
	host[len] = '\0';
	ret = getaddrinfo(host, NULL, &hints, &list);
	if (ret)
		return pilot_error_set(err,
				       ret == EAI_AGAIN ? -EAGAIN : -EHOSTUNREACH,
				       "%s: cannot resolve \"%.*s\": %s", what,
				       QUOTE, host, gai_strerror(ret));
	if (list->ai_addrlen > sizeof(*ep) ||
	    (list->ai_family != AF_INET && list->ai_family != AF_INET6)) {
		freeaddrinfo(list);
		return pilot_error_set(err, -EHOSTUNREACH,
				       "%s: \"%.*s\" has no IP address", what,
				       QUOTE, host);
	}
	memcpy(ep, list->ai_addr, list->ai_addrlen);
	freeaddrinfo(list);
	return 0;
}

/* What can be a destination of datagrams to one node. */
static const char *refuse_endpoint(const struct pilot_endpoint *ep)
{
	if (ep->sa.sa_family == AF_INET) {
		uint32_t a = ntohl(ep->in.sin_addr.s_addr);

		if (a >> 24 == 0)
			return "an address of 0.0.0.0/8 is no destination";
		if (IN_MULTICAST(a))
			return "a multicast address is no endpoint";
		if (a == INADDR_BROADCAST)
			return "the broadcast address is no endpoint";
		return NULL;
	}
	if (IN6_IS_ADDR_UNSPECIFIED(&ep->in6.sin6_addr))
		return "the unspecified address is no destination";
	if (IN6_IS_ADDR_MULTICAST(&ep->in6.sin6_addr))
		return "a multicast address is no endpoint";
	if (IN6_IS_ADDR_LINKLOCAL(&ep->in6.sin6_addr)) {
		if (!ep->in6.sin6_scope_id)
			return "a link-local address needs its interface: [fe80::1%eth0]:PORT";
	} else if (ep->in6.sin6_scope_id) {
		return "only a link-local address takes an interface";
	}
	return NULL;
}

static int parse_scope(const char *s, size_t len, const char *what,
		       struct pilot_endpoint *ep, struct pilot_error *err)
{
	char name[IF_NAMESIZE];
	uint64_t index;

	if (len && len < sizeof(name)) {
		memcpy(name, s, len);
		name[len] = '\0';
		ep->in6.sin6_scope_id = if_nametoindex(name);
		if (ep->in6.sin6_scope_id)
			return 0;
		if (!parse_digits(name, len, 10, INT32_MAX, &index) && index) {
			ep->in6.sin6_scope_id = (uint32_t)index;
			return 0;
		}
	}
	return pilot_error_set(err, -EINVAL, "%s: there is no interface \"%.*s\"",
			       what, (int)(len < QUOTE ? len : QUOTE), s);
}

int pilot_parse_endpoint(const char *s, const char *what, bool resolve,
			 struct pilot_endpoint *ep, struct pilot_error *err)
{
	struct pilot_endpoint out = { 0 };
	const char *port, *why;
	uint64_t number;
	int ret;

	if (s[0] == '[') {
		const char *end = strchr(s, ']');
		const char *scope = NULL;
		size_t len;

		if (!end || end[1] != ':')
			return pilot_error_set(err, -EINVAL,
					       "%s \"%.*s\" is not of the form [ADDRESS]:PORT",
					       what, QUOTE, s);
		port = end + 2;
		scope = memchr(s + 1, '%', end - s - 1);
		len = (scope ? scope : end) - s - 1;
		if (parse_v6(s + 1, len, &out.in6.sin6_addr))
			return pilot_error_set(err, -EINVAL,
					       "%s \"%.*s\": \"%.*s\" is not an IPv6 address",
					       what, QUOTE, s,
					       (int)(len < QUOTE ? len : QUOTE), s + 1);
		out.in6.sin6_family = AF_INET6;
		if (scope) {
			ret = parse_scope(scope + 1, end - scope - 1, what,
					  &out, err);
			if (ret)
				return ret;
		}
	} else {
		const char *colon = strrchr(s, ':');
		size_t len;

		if (!colon)
			return pilot_error_set(err, -EINVAL,
					       "%s \"%.*s\" has no port: ADDRESS:PORT or [ADDRESS]:PORT",
					       what, QUOTE, s);
		len = colon - s;
		port = colon + 1;
		if (memchr(s, ':', len))
			return pilot_error_set(err, -EINVAL,
					       "%s \"%.*s\": an IPv6 address needs brackets: [ADDRESS]:PORT",
					       what, QUOTE, s);
		if (!parse_v4(s, len, &out.in.sin_addr)) {
			out.in.sin_family = AF_INET;
		} else if (resolve && is_host_name(s, len)) {
			ret = resolve_host(s, len, what, &out, err);
			if (ret)
				return ret;
		} else {
			return pilot_error_set(err, -EINVAL,
					       "%s \"%.*s\": \"%.*s\" is not an IPv4 address%s",
					       what, QUOTE, s,
					       (int)(len < QUOTE ? len : QUOTE), s,
					       resolve ? " or host name" : "");
		}
	}

	if (parse_digits(port, strlen(port), 10, UINT16_MAX, &number) || !number)
		return pilot_error_set(err, -EINVAL,
				       "%s \"%.*s\": port \"%.*s\" is not 1 to 65535",
				       what, QUOTE, s, QUOTE, port);

	if (out.sa.sa_family == AF_INET6 &&
	    IN6_IS_ADDR_V4MAPPED(&out.in6.sin6_addr)) {
		struct pilot_endpoint v4 = { 0 };

		v4.in.sin_family = AF_INET;
		memcpy(&v4.in.sin_addr, out.in6.sin6_addr.s6_addr + 12, 4);
		out = v4;
	}
	if (out.sa.sa_family == AF_INET)
		out.in.sin_port = htons((uint16_t)number);
	else
		out.in6.sin6_port = htons((uint16_t)number);

	why = refuse_endpoint(&out);
	if (why)
		return pilot_error_set(err, -EINVAL, "%s \"%.*s\": %s", what,
				       QUOTE, s, why);
	*ep = out;
	return 0;
}

const char *pilot_format_endpoint(const struct pilot_endpoint *ep, char *buf)
{
	char addr[INET6_ADDRSTRLEN], name[IF_NAMESIZE];

	switch (ep->sa.sa_family) {
	case AF_INET:
		inet_ntop(AF_INET, &ep->in.sin_addr, addr, sizeof(addr));
		snprintf(buf, PILOT_ENDPOINT_STRLEN, "%s:%u", addr,
			 ntohs(ep->in.sin_port));
		break;
	case AF_INET6:
		inet_ntop(AF_INET6, &ep->in6.sin6_addr, addr, sizeof(addr));
		if (!ep->in6.sin6_scope_id)
			snprintf(buf, PILOT_ENDPOINT_STRLEN, "[%s]:%u", addr,
				 ntohs(ep->in6.sin6_port));
		else if (if_indextoname(ep->in6.sin6_scope_id, name))
			snprintf(buf, PILOT_ENDPOINT_STRLEN, "[%s%%%s]:%u", addr,
				 pilot_sanitize(name), ntohs(ep->in6.sin6_port));
		else
			snprintf(buf, PILOT_ENDPOINT_STRLEN, "[%s%%%u]:%u", addr,
				 ep->in6.sin6_scope_id,
				 ntohs(ep->in6.sin6_port));
		break;
	default:
		strcpy(buf, "(none)");
	}
	return buf;
}

bool pilot_endpoint_equal(const struct pilot_endpoint *a,
			  const struct pilot_endpoint *b)
{
	if (a->sa.sa_family != b->sa.sa_family)
		return false;
	switch (a->sa.sa_family) {
	case AF_INET:
		return a->in.sin_port == b->in.sin_port &&
		       a->in.sin_addr.s_addr == b->in.sin_addr.s_addr;
	case AF_INET6:
		return a->in6.sin6_port == b->in6.sin6_port &&
		       a->in6.sin6_scope_id == b->in6.sin6_scope_id &&
		       IN6_ARE_ADDR_EQUAL(&a->in6.sin6_addr, &b->in6.sin6_addr);
	default:
		return true;
	}
}

/* Clear the bits past the prefix; return whether there were any. */
static bool mask_address(uint8_t *addr, size_t bytes, unsigned int prefix)
{
	bool any = false;
	size_t i;

	for (i = 0; i < bytes; i++) {
		unsigned int keep = prefix > i * 8 ? prefix - (unsigned int)i * 8 : 0;
		uint8_t mask = keep >= 8 ? 0xff : (uint8_t)(0xff00 >> keep);

		if (addr[i] & ~mask)
			any = true;
		addr[i] &= mask;
	}
	return any;
}

int pilot_parse_cidr(const char *s, const char *what,
		     struct pilot_allowed_ip *ip, struct pilot_error *err)
{
	const char *slash = strchr(s, '/');
	size_t len = slash ? (size_t)(slash - s) : strlen(s);
	struct pilot_allowed_ip out = { 0 };
	char meant[PILOT_CIDR_STRLEN];
	uint64_t prefix;
	unsigned int bits;
	bool host_bits;

	if (!parse_v4(s, len, &out.v4)) {
		out.family = AF_INET;
		bits = 32;
	} else if (!parse_v6(s, len, &out.v6)) {
		out.family = AF_INET6;
		bits = 128;
	} else {
		return pilot_error_set(err, -EINVAL,
				       "%s \"%.*s\" is not a prefix like 10.0.0.0/8 or fd00::/64",
				       what, QUOTE, s);
	}

	prefix = bits;
	if (slash && parse_digits(slash + 1, strlen(slash + 1), 10, bits, &prefix))
		return pilot_error_set(err, -EINVAL,
				       "%s \"%.*s\": the prefix length is not 0 to %u",
				       what, QUOTE, s, bits);
	out.prefix = (uint8_t)prefix;
	if (out.family == AF_INET)
		host_bits = mask_address((uint8_t *)&out.v4, 4, out.prefix);
	else
		host_bits = mask_address(out.v6.s6_addr, 16, out.prefix);
	if (host_bits)
		return pilot_error_set(err, -EINVAL,
				       "%s \"%.*s\" has bits set past the prefix length; the network is %s",
				       what, QUOTE, s,
				       pilot_format_cidr(&out, meant));
	*ip = out;
	return 0;
}

const char *pilot_format_cidr(const struct pilot_allowed_ip *ip, char *buf)
{
	char addr[INET6_ADDRSTRLEN];
	const void *p = &ip->v6;

	if (ip->family == AF_INET)
		p = &ip->v4;
	if (!inet_ntop(ip->family, p, addr, sizeof(addr)))
		strcpy(addr, "?");
	snprintf(buf, PILOT_CIDR_STRLEN, "%s/%u", addr, ip->prefix);
	return buf;
}

int pilot_parse_cidr_list(const char *s, const char *what,
			  struct pilot_allowed_ip **list, size_t *n,
			  struct pilot_error *err)
{
	struct pilot_allowed_ip *out;
	size_t count = 1, used = 0;
	const char *p;
	int ret;

	*list = NULL;
	*n = 0;
	if (!s[strspn(s, " \t")])
		return 0;

	for (p = s; *p; p++)
		count += *p == ',';
	out = calloc(count, sizeof(*out));
	if (!out)
		return pilot_error_set(err, -ENOMEM, "%s: out of memory", what);

	for (p = s;; p++) {
		size_t len;
		char item[INET6_ADDRSTRLEN + 8];

		p += strspn(p, " \t");
		len = strcspn(p, ",");
		while (len && (p[len - 1] == ' ' || p[len - 1] == '\t'))
			len--;
		if (!len) {
			ret = pilot_error_set(err, -EINVAL,
					      "%s \"%.*s\": there is an empty element",
					      what, QUOTE, s);
			goto fail;
		}
		/* Too long is refused as a prefix, with its beginning quoted. */
		snprintf(item, sizeof(item), "%.*s", (int)(len < QUOTE ? len : QUOTE), p);
		ret = pilot_parse_cidr(item, what, &out[used], err);
		if (ret)
			goto fail;
		used++;
		p += strcspn(p, ",");
		if (!*p)
			break;
	}
	*list = out;
	*n = used;
	return 0;

fail:
	free(out);
	return ret;
}

int pilot_parse_key(const char *s, size_t len, const char *what, uint8_t *key,
		    struct pilot_error *err)
{
	size_t got = 0;
	const char *end = NULL;
	int ret = -1;

	while (len && isspace((unsigned char)*s)) {
		s++;
		len--;
	}
	while (len && isspace((unsigned char)s[len - 1]))
		len--;

	if (len == 2 * PILOT_KEY_LEN)
		ret = sodium_hex2bin(key, PILOT_KEY_LEN, s, len, NULL, &got, &end);
	else if (len == sodium_base64_ENCODED_LEN(PILOT_KEY_LEN,
						  sodium_base64_VARIANT_ORIGINAL) - 1)
		ret = sodium_base642bin(key, PILOT_KEY_LEN, s, len, NULL, &got,
					&end, sodium_base64_VARIANT_ORIGINAL);
	if (ret || got != PILOT_KEY_LEN || end != s + len) {
		sodium_memzero(key, PILOT_KEY_LEN);
		return pilot_error_set(err, -EINVAL,
				       "%s: %zu characters that are not a key: 64 hex digits, or base64 of 32 bytes",
				       what, len);
	}
	return 0;
}

const char *pilot_format_age(uint64_t ms, char *buf)
{
	static const struct {
		const char *name;
		uint64_t secs;
	} units[] = {
		{ "year", 365 * 24 * 3600 },
		{ "day", 24 * 3600 },
		{ "hour", 3600 },
		{ "minute", 60 },
		{ "second", 1 },
	};
	uint64_t left = ms / 1000;
	size_t i, fill = 0;

	if (ms == PILOT_NEVER) {
		strcpy(buf, "never");
		return buf;
	}
	if (!left) {
		strcpy(buf, "now");
		return buf;
	}
	for (i = 0; i < ARRAY_SIZE(units); i++) {
		uint64_t n = left / units[i].secs;

		left %= units[i].secs;
		if (n)
			fill += snprintf(buf + fill, PILOT_AGE_STRLEN - fill,
					 "%s%" PRIu64 " %s%s", fill ? ", " : "",
					 n, units[i].name, n == 1 ? "" : "s");
	}
	snprintf(buf + fill, PILOT_AGE_STRLEN - fill, " ago");
	return buf;
}

const char *pilot_format_size(uint64_t bytes, char *buf)
{
	static const char *const units[] = { "KiB", "MiB", "GiB", "TiB", "PiB", "EiB" };
	double v = (double)bytes / 1024;
	size_t i = 0;

	if (bytes < 1024) {
		snprintf(buf, PILOT_SIZE_STRLEN, "%" PRIu64 " B", bytes);
		return buf;
	}
	while (v >= 1024 && i + 1 < ARRAY_SIZE(units)) {
		v /= 1024;
		i++;
	}
	snprintf(buf, PILOT_SIZE_STRLEN, "%.2f %s", v, units[i]);
	return buf;
}

const char *pilot_format_short_age(uint64_t ms, char *buf)
{
	uint64_t s = ms / 1000;

	if (ms == PILOT_NEVER)
		strcpy(buf, "never");
	else if (!s)
		strcpy(buf, "now");
	else if (s < 60)
		snprintf(buf, PILOT_SHORT_STRLEN, "%" PRIu64 "s", s);
	else if (s < 3600)
		snprintf(buf, PILOT_SHORT_STRLEN, "%" PRIu64 "m%02" PRIu64 "s", s / 60, s % 60);
	else if (s < 24 * 3600)
		snprintf(buf, PILOT_SHORT_STRLEN, "%" PRIu64 "h%02" PRIu64 "m", s / 3600,
			 s / 60 % 60);
	else
		snprintf(buf, PILOT_SHORT_STRLEN, "%" PRIu64 "d%02" PRIu64 "h", s / 86400,
			 s / 3600 % 24);
	return buf;
}

const char *pilot_format_short_number(double v, char *buf)
{
	static const char units[] = "kMGTPE";
	size_t i;

	/* What rounds to 1000 goes on to the next unit. */
	if (v < 999.5) {
		snprintf(buf, PILOT_SHORT_STRLEN, "%.*f", v > 0 && v < 9.95, v);
		return buf;
	}
	v /= 1000;
	for (i = 0; v >= 999.5 && units[i + 1]; i++)
		v /= 1000;
	snprintf(buf, PILOT_SHORT_STRLEN, "%.*f%c", v < 9.995 ? 2 : v < 99.95 ? 1 : 0, v,
		 units[i]);
	return buf;
}

static const char *name_of(const char *const *names, size_t n, unsigned int value)
{
	return value < n && names[value] ? names[value] : "unknown";
}

static const char *const path_names[] = {
	[PILOT_PATH_AUTO] = "auto",
	[PILOT_PATH_DIRECT] = "direct",
	[PILOT_PATH_RELAY] = "relay",
};

int pilot_parse_path(const char *s, uint8_t *path, struct pilot_error *err)
{
	size_t i;

	for (i = 0; i < ARRAY_SIZE(path_names); i++) {
		if (!strcmp(s, path_names[i])) {
			*path = (uint8_t)i;
			return 0;
		}
	}
	return pilot_error_set(err, -EINVAL,
			       "path \"%.*s\" is not auto, direct or relay",
			       QUOTE, s);
}

const char *pilot_path_name(uint8_t path)
{
	return name_of(path_names, ARRAY_SIZE(path_names), path);
}

const char *pilot_slot_name(uint8_t slot)
{
	static const char *const names[] = {
		[PILOT_SLOT_CURRENT] = "current",
		[PILOT_SLOT_NEXT] = "next",
		[PILOT_SLOT_PREVIOUS] = "previous",
		[PILOT_SLOT_EARLIER] = "earlier",
	};

	return name_of(names, ARRAY_SIZE(names), slot);
}

const char *pilot_reason_name(uint8_t reason)
{
	static const char *const names[] = {
		[PILOT_REASON_NONE] = "none",
		[PILOT_REASON_NO_KEY] = "no-key",
		[PILOT_REASON_USER] = "user",
		[PILOT_REASON_DECRYPT_FAIL] = "decrypt-fail",
		[PILOT_REASON_OUTSIDE_WINDOW] = "outside-window",
		[PILOT_REASON_REPLAY] = "replay",
		[PILOT_REASON_VOLUME] = "volume",
		[PILOT_REASON_AGED] = "aged",
		[PILOT_REASON_EPOCHS] = "epochs",
		[PILOT_REASON_REPLACED] = "replaced",
		[PILOT_REASON_EXHAUSTED] = "exhausted",
		[PILOT_REASON_CLEARED] = "cleared",
		[PILOT_REASON_PEER_REMOVED] = "peer-removed",
		[PILOT_REASON_UNKNOWN_PEER] = "unknown-peer",
	};

	return name_of(names, ARRAY_SIZE(names), reason);
}

const char *pilot_registry_name(uint8_t state)
{
	static const char *const names[] = {
		[PILOT_REGISTRY_NONE] = "none",
		[PILOT_REGISTRY_CONNECTING] = "connecting",
		[PILOT_REGISTRY_CONNECTED] = "connected",
		[PILOT_REGISTRY_REGISTERED] = "registered",
		[PILOT_REGISTRY_REFUSED] = "refused",
		[PILOT_REGISTRY_DOWN] = "down",
	};

	return name_of(names, ARRAY_SIZE(names), state);
}

const char *pilot_event_name(const struct pilot_event_info *event)
{
	static const char *const names[] = {
		[PILOT_EVENT_NEED_KEY] = "tunnel.need_key",
		[PILOT_EVENT_KEY_INSTALLED] = "tunnel.established",
		[PILOT_EVENT_KEY_CONFIRMED] = "tunnel.key_confirmed",
		[PILOT_EVENT_KEY_DROPPED] = "tunnel.key_dropped",
		[PILOT_EVENT_ENDPOINT_CHANGED] = "tunnel.endpoint_changed",
		[PILOT_EVENT_PATH_CHANGED] = "tunnel.path_changed",
		[PILOT_EVENT_PEER_ADDED] = "peer.added",
		[PILOT_EVENT_PEER_REMOVED] = "peer.removed",
		[PILOT_EVENT_HANDLER_GONE] = "handler.gone",
		[PILOT_EVENT_GAVE_UP] = "tunnel.rekey_gave_up",
		[PILOT_EVENT_SALVAGED] = "tunnel.desync_salvage",
		[PILOT_EVENT_NONCE_REPLAY] = "security.nonce_replay",
		[PILOT_EVENT_SRC_SPOOFED] = "security.src_spoofed",
		[PILOT_EVENT_DEVICE_CHANGED] = "device.changed",
		[PILOT_EVENT_CLEARED] = "device.cleared",
		[PILOT_EVENT_NEED_PEER] = "peer.needed",
		[PILOT_EVENT_REGISTRY_CHANGED] = "registry.changed",
	};

	if (event->type == PILOT_EVENT_PATH_CHANGED &&
	    event->path == PILOT_PATH_RELAY)
		return "tunnel.relay_activated";
	return name_of(names, ARRAY_SIZE(names), event->type);
}
