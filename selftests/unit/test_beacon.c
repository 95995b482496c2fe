// SPDX-License-Identifier: GPL-2.0
/*
 * Messages of the beacon, byte for byte (protocol.rst, section 7).
 */
#include <arpa/inet.h>
#include <errno.h>
#include <string.h>

#include "beacon.h"
#include "lib/text.h"
#include "tap.h"

static int parse(const char *hex, struct pilot_endpoint *ep)
{
	uint8_t msg[64];
	size_t n = 0;
	unsigned int byte;

	for (; sscanf(hex, "%2x", &byte) == 1; hex += 2)
		msg[n++] = (uint8_t)byte;
	return beacon_parse(msg, n, ep);
}

static bool gives(const char *hex, int type, const char *want)
{
	char text[PILOT_ENDPOINT_STRLEN];
	struct pilot_endpoint ep;

	return parse(hex, &ep) == type && !strcmp(pilot_format_endpoint(&ep, text), want);
}

static bool refused(const char *hex)
{
	struct pilot_endpoint ep;

	return parse(hex, &ep) == -EINVAL;
}

int main(void)
{
	static const char *const bad[][2] = {
		{ "", "nothing" },
		{ "02", "no length" },
		{ "0204c0000201", "no port" },
		{ "0204c00002019368ff", "a byte too many" },
		{ "0204c000020193", "a byte too few" },
		{ "0205c0000201009368", "a length of 5" },
		{ "02009368", "a length of 0" },
		{ "020cc0000201c0000201c00002019368", "a length of 12" },
		{ "0210c00002019368", "a length of 16 over 4 bytes" },
		{ "0204" "20010db8000000000000000000000001" "9368", "a length of 4 over 16 bytes" },
		{ "0204c00002010000", "port 0" },
		{ "0204000000019368", "0.0.0.1" },
		{ "0204e00000019368", "multicast" },
		{ "0204ffffffff9368", "broadcast" },
		{ "0210000000000000000000000000000000009368", "::" },
		{ "0210ff0200000000000000000000000000019368", "multicast of IPv6" },
		{ "0210fe8000000000000000000000000000019368", "link-local" },
		{ "021000000000000000000000ffff000000009368", "0.0.0.0 as IPv6" },
		{ "0104c00002019368", "type 01, which nodes send" },
		{ "0304c00002019368", "type 03, which nodes send" },
		{ "0504c00002019368", "type 05" },
		{ "0604c00002019368", "type 06" },
		{ "0004c00002019368", "type 00" },
	};
	uint8_t msg[16];
	char name[80];
	size_t i;

	memset(msg, 0xee, sizeof(msg));
	beacon_build_discover(msg, 0x12345678);
	ok(!memcmp(msg, "\x01\x12\x34\x56\x78\xee", 6), "discover: 01, node ID");
	memset(msg, 0xee, sizeof(msg));
	beacon_build_punch(msg, 0x12345678, 0x9abcdef0);
	ok(!memcmp(msg, "\x03\x12\x34\x56\x78\x9a\xbc\xde\xf0\xee", 10),
	   "punch request: 03, requester, target");
	ok(gives("0204c00002019368", PILOT_BEACON_DISCOVER_REPLY, "192.0.2.1:37736"),
	   "discover reply, IPv4");
	ok(gives("021020010db80000000000000000000000019368", PILOT_BEACON_DISCOVER_REPLY,
		 "[2001:db8::1]:37736"), "discover reply, IPv6");
	ok(gives("021000000000000000000000ffffc00002019368", PILOT_BEACON_DISCOVER_REPLY,
		 "192.0.2.1:37736"), "IPv4 in the form of IPv6");
	ok(gives("0404c6336401ffff", PILOT_BEACON_PUNCH_COMMAND, "198.51.100.1:65535"),
	   "punch command, IPv4");
	ok(gives("041020010db80000000000000000000000020001", PILOT_BEACON_PUNCH_COMMAND,
		 "[2001:db8::2]:1"), "punch command, IPv6");
	for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		snprintf(name, sizeof(name), "refused: %s", bad[i][1]);
		ok(refused(bad[i][0]), "%s", name);
	}
	return done();
}
