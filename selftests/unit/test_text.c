// SPDX-License-Identifier: GPL-2.0
/*
 * Text forms, the identity file, netlink messages there and back, and the
 * kernel's error answers in words.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <libmnl/libmnl.h>
#include <linux/genetlink.h>
#include <linux/netlink.h>
#include <sodium.h>

#include "lib/attrs.h"
#include "lib/genl.h"
#include "lib/identity.h"
#include "lib/msg.h"
#include "lib/text.h"

#include "tap.h"
#include "vectors.h"

#define BUF_SIZE	(1 << 16)

static struct pilot_error err;

/* ok(), with the error text of the call when it is not what was expected. */
static void expect(bool cond, const char *what, const char *arg)
{
	if (!ok(cond, "%s: %s", what, arg))
		diag("last error: %s", err.text);
}

static void test_node(void)
{
	static const struct {
		const char *text;
		uint32_t node;
		int network;
	} good[] = {
		{ "7", 7, PILOT_NO_NETWORK },
		{ "4294967295", UINT32_MAX, PILOT_NO_NETWORK },
		{ "0x7", 7, PILOT_NO_NETWORK },
		{ "0XFFFFffff", UINT32_MAX, PILOT_NO_NETWORK },
		{ "0:0000.0000.0007", 7, 0 },
		{ "1:0001.ABCD.ef01", 0xabcdef01, 1 },
		{ "65535:ffff.FFFF.FFFF", UINT32_MAX, 65535 },
		{ "16:0010.0001.0000", 0x10000, 16 },
	};
	static const char *const bad[] = {
		"", "0", "-1", "+7", " 7", "7 ", "4294967296", "0x", "0x100000000",
		"7x", "1e3", "0:0000.0000.0000", "1:0000.0000.0007",
		"65536:0000.0000.0007", "0:000.0000.0007", "0:0000.0000.00007",
		"0:0000:0000.0007", "0:0000.0000", ":0000.0000.0007",
		"0x1:0001.0000.0007", "0:0000.0000.000g", "99999999999999999999",
		"10:0010.0000.0007",
	};
	char text[PILOT_ADDRESS_STRLEN];
	uint32_t node;
	int network;
	size_t i;

	for (i = 0; i < sizeof(good) / sizeof(good[0]); i++)
		expect(!pilot_parse_node(good[i].text, &node, &network, &err) &&
		       node == good[i].node && network == good[i].network,
		       "node accepted", good[i].text);
	for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		err.text[0] = '\0';
		expect(pilot_parse_node(bad[i], &node, &network, &err) < 0 &&
		       strstr(err.text, "node"), "node refused", bad[i]);
	}
	ok(!strcmp(pilot_format_address(0, 7, text), "0:0000.0000.0007"),
	   "address of node 7");
	ok(!strcmp(pilot_format_address(65535, UINT32_MAX, text),
		   "65535:FFFF.FFFF.FFFF"), "longest address");
	ok(!pilot_parse_node(text, &node, &network, NULL) && node == UINT32_MAX &&
	   network == 65535, "address parsed again");
}

static void test_number(void)
{
	uint32_t v = 99;

	ok(!pilot_parse_u32("0", "x", 0, 5, &v, NULL) && v == 0, "number 0");
	ok(!pilot_parse_u32("0xff", "x", 0, 255, &v, NULL) && v == 255, "number 0xff");
	ok(pilot_parse_u32("6", "keepalive", 0, 5, &v, &err) == -ERANGE &&
	   strstr(err.text, "keepalive") && strstr(err.text, "0 to 5"),
	   "number past its range names argument and range");
	ok(pilot_parse_u32("-1", "x", 0, 5, &v, NULL) == -EINVAL, "negative number");
	ok(pilot_parse_u32("", "x", 0, 5, &v, NULL) == -EINVAL, "empty number");
	ok(pilot_parse_u32("18446744073709551617", "x", 0, 5, &v, NULL) == -ERANGE,
	   "number past 64 bits");
}

static void test_duration(void)
{
	static const struct {
		const char *text;
		uint32_t ms;
		const char *shown;
	} good[] = {
		{ "3s", 3000, "3s" }, { "3", 3000, "3s" }, { "1500ms", 1500, "1500ms" },
		{ "60s", 60000, "1m" }, { "61s", 61000, "61s" }, { "60m", 3600000, "1h" },
		{ "1h", 3600000, "1h" }, { "0", 0, "0s" }, { "0ms", 0, "0s" },
		{ "007s", 7000, "7s" },
	};
	static const char *const bad[] = {
		"", "s", "ms", "-1s", "+1s", " 1s", "1s ", "1 s", "1.5s", "0x10",
		"1S", "1min", "1d", "1ss", "3s3", "off",
	};
	static const char *const outside[] = {
		"2h", "3600001ms", "3601", "4294967295", "4294967296", "4294968s",
		"18446744073709551617ms",
	};
	char text[PILOT_DURATION_STRLEN];
	uint32_t ms;
	size_t i;

	for (i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
		ms = 99;
		expect(!pilot_parse_duration(good[i].text, "x", 0, 3600000, &ms, &err) &&
		       ms == good[i].ms &&
		       !strcmp(pilot_format_duration(ms, text), good[i].shown),
		       "time", good[i].text);
	}
	for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		expect(pilot_parse_duration(bad[i], "grace", 0, 3600000, &ms, &err) == -EINVAL &&
		       strstr(err.text, "grace"), "no time", bad[i]);
	ms = 99;
	for (i = 0; i < sizeof(outside) / sizeof(outside[0]); i++)
		expect(pilot_parse_duration(outside[i], "grace", 0, 3600000, &ms, &err) == -ERANGE &&
		       strstr(err.text, "0s to 1h") && ms == 99, "time too long", outside[i]);
	ok(pilot_parse_duration("999ms", "x", 1000, 2000, &ms, NULL) == -ERANGE,
	   "time too short");
	ok(strlen(pilot_format_duration(UINT32_MAX, text)) < sizeof(text),
	   "longest time: %s", text);
}

static void test_map(void)
{
	char text[INET6_ADDRSTRLEN];
	struct in6_addr addr;

	pilot_map_address(0, 2, &addr);
	ok(!strcmp(inet_ntop(AF_INET6, &addr, text, sizeof(text)),
		   "fd50:494c:4f54::2"), "mapped address of 0, 2");
	pilot_map_address(0x1234, 0xabcdef01, &addr);
	ok(!strcmp(inet_ntop(AF_INET6, &addr, text, sizeof(text)),
		   "fd50:494c:4f54:1234::abcd:ef01"), "mapped address of network 0x1234");
}

static void test_endpoint(void)
{
	static const struct {
		const char *text, *again;
	} good[] = {
		{ "1.2.3.4:5", "1.2.3.4:5" },
		{ "255.255.255.254:65535", "255.255.255.254:65535" },
		{ "[2001:db8::1]:37736", "[2001:db8::1]:37736" },
		{ "[2001:DB8:0:0:0:0:0:1]:1", "[2001:db8::1]:1" },
		{ "[::ffff:1.2.3.4]:5", "1.2.3.4:5" },
		{ "[fe80::1%lo]:5", "[fe80::1%lo]:5" },
		{ "[fe80::1%4242]:5", "[fe80::1%4242]:5" },
	};
	static const char *const bad[] = {
		"", ":", "1.2.3.4", "1.2.3.4:", "1.2.3.4:0", "1.2.3.4:65536",
		"1.2.3.4:5x", "1.2.3.4: 5", "1.2.3.4:+5", "1.2.3:5", "1.2.3.256:5",
		"0.0.0.0:5", "224.0.0.1:5", "255.255.255.255:5", "[::]:5",
		"[ff02::1]:5", "[fe80::1]:5", "[2001:db8::1%lo]:5",
		"[fe80::1%nosuchif0]:5", "[fe80::1%]:5", "[fe80::1%0]:5",
		"2001:db8::1:5", "[2001:db8::1]", "[2001:db8::1]5", "[]:5",
		"[1.2.3.4]:5", "host:5", "[2001:db8::1:5", "[::ffff:0.0.0.0]:5",
	};
	char text[PILOT_ENDPOINT_STRLEN];
	struct pilot_endpoint ep, other;
	size_t i;

	for (i = 0; i < sizeof(good) / sizeof(good[0]); i++)
		expect(!pilot_parse_endpoint(good[i].text, "endpoint", false, &ep, &err) &&
		       !strcmp(pilot_format_endpoint(&ep, text), good[i].again),
		       "endpoint accepted", good[i].text);
	for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		err.text[0] = '\0';
		expect(pilot_parse_endpoint(bad[i], "beacon", false, &ep, &err) ==
		       -EINVAL && strstr(err.text, "beacon"),
		       "endpoint refused", bad[i]);
	}

	ok(!pilot_parse_endpoint("localhost:5", "endpoint", true, &ep, &err) &&
	   (ep.in.sin_port == htons(5) || ep.in6.sin6_port == htons(5)),
	   "host name");
	memset(&ep, 0, sizeof(ep));
	ok(!strcmp(pilot_format_endpoint(&ep, text), "(none)"), "no endpoint");

	pilot_parse_endpoint("1.2.3.4:5", "x", false, &ep, NULL);
	other = ep;
	memset(other.in.sin_zero, 0xff, sizeof(other.in.sin_zero));
	ok(pilot_endpoint_equal(&ep, &other), "equal but for padding");
	other.in.sin_port = htons(6);
	ok(!pilot_endpoint_equal(&ep, &other), "other port");
	pilot_parse_endpoint("[fe80::1%1]:5", "x", false, &ep, NULL);
	other = ep;
	other.in6.sin6_scope_id = 2;
	ok(!pilot_endpoint_equal(&ep, &other), "other scope");
}

static void test_cidr(void)
{
	static const struct {
		const char *text, *again;
	} good[] = {
		{ "10.0.0.0/8", "10.0.0.0/8" },
		{ "0.0.0.0/0", "0.0.0.0/0" },
		{ "10.1.2.3", "10.1.2.3/32" },
		{ "10.1.2.3/32", "10.1.2.3/32" },
		{ "128.0.0.0/1", "128.0.0.0/1" },
		{ "::/0", "::/0" },
		{ "fd00::/8", "fd00::/8" },
		{ "fd00::1", "fd00::1/128" },
		{ "2001:db8:8000::/33", "2001:db8:8000::/33" },
	};
	static const struct {
		const char *text, *hint;
	} bad[] = {
		{ "", "allowed-ips" }, { "10.0.0.0/33", "0 to 32" },
		{ "10.0.0.0/", "0 to 32" }, { "10.0.0.0/-1", "0 to 32" },
		{ "10.0.0.0/08x", "0 to 32" }, { "::/129", "0 to 128" },
		{ "10.0.0/8", "prefix" }, { "host/8", "prefix" },
		{ "10.0.0.1/8", "10.0.0.0/8" }, { "fd00::1/64", "fd00::/64" },
		{ "192.168.1.129/25", "192.168.1.128/25" },
	};
	struct pilot_allowed_ip ip, *list;
	char text[PILOT_CIDR_STRLEN];
	size_t i, n;

	for (i = 0; i < sizeof(good) / sizeof(good[0]); i++)
		expect(!pilot_parse_cidr(good[i].text, "allowed-ips", &ip, &err) &&
		       !strcmp(pilot_format_cidr(&ip, text), good[i].again),
		       "prefix accepted", good[i].text);
	for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		err.text[0] = '\0';
		expect(pilot_parse_cidr(bad[i].text, "allowed-ips", &ip, &err) ==
		       -EINVAL && strstr(err.text, "allowed-ips") &&
		       strstr(err.text, bad[i].hint), "prefix refused", bad[i].text);
	}

	ok(!pilot_parse_cidr_list("", "x", &list, &n, &err) && !n && !list,
	   "empty list");
	free(list);
	ok(!pilot_parse_cidr_list("10.0.0.0/8 , fd00::/64,1.2.3.4", "x", &list, &n,
				  &err) && n == 3 && list[1].family == AF_INET6 &&
	   list[2].prefix == 32, "list of three");
	free(list);
	ok(pilot_parse_cidr_list("10.0.0.0/8,", "x", &list, &n, &err) && !list,
	   "list with an empty end");
	ok(pilot_parse_cidr_list(",10.0.0.0/8", "x", &list, &n, &err) && !list,
	   "list with an empty beginning");
	ok(pilot_parse_cidr_list("10.0.0.0/8,10.0.0.1/8", "x", &list, &n, &err) &&
	   !list && strstr(err.text, "10.0.0.1/8"),
	   "list with a bad element names it");
}

static void test_key(void)
{
	static const char hex[] =
		"000102030405060708090a0b0c0d0e0f101112131415161718191A1B1C1D1E1F";
	static const char b64[] = "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=";
	static const char *const bad[] = {
		"", " ", "00", "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8",
		"AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh9=",
		"-AECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=",
		"000102030405060708090a0b0c0d0e0f101112131415161718191A1B1C1D1E1G",
		"000102030405060708090a0b0c0d0e0f101112131415161718191A1B1C1D1E1F00",
		"000102030405060708090a0b0c0d0e0f 101112131415161718191A1B1C1D1E1",
	};
	static const uint8_t zero[PILOT_KEY_LEN];
	uint8_t key[PILOT_KEY_LEN], want[PILOT_KEY_LEN];
	char padded[128];
	size_t i;

	for (i = 0; i < sizeof(want); i++)
		want[i] = (uint8_t)i;
	ok(!pilot_parse_key(hex, strlen(hex), "f", key, &err) &&
	   !memcmp(key, want, sizeof(key)), "key in hex");
	ok(!pilot_parse_key(b64, strlen(b64), "f", key, &err) &&
	   !memcmp(key, want, sizeof(key)), "key in base64");
	snprintf(padded, sizeof(padded), " \t\r\n%s\r\n\n", b64);
	ok(!pilot_parse_key(padded, strlen(padded), "f", key, &err) &&
	   !memcmp(key, want, sizeof(key)), "key in white space");
	for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		memset(key, 0xaa, sizeof(key));
		expect(pilot_parse_key(bad[i], strlen(bad[i]), "file", key, &err) ==
		       -EINVAL && strstr(err.text, "file") &&
		       !memcmp(key, zero, sizeof(key)), "key refused", bad[i]);
		ok(strlen(bad[i]) < 4 || !strstr(err.text, bad[i]),
		   "and not quoted");
	}
}

static void test_format(void)
{
	static const struct {
		uint64_t ms;
		const char *text;
	} ages[] = {
		{ 0, "now" }, { 999, "now" }, { 1000, "1 second ago" },
		{ 63000, "1 minute, 3 seconds ago" }, { 3600000, "1 hour ago" },
		{ 90061000, "1 day, 1 hour, 1 minute, 1 second ago" },
		{ 2ULL * 365 * 86400000, "2 years ago" }, { PILOT_NEVER, "never" },
	};
	static const struct {
		uint64_t bytes;
		const char *text;
	} sizes[] = {
		{ 0, "0 B" }, { 1023, "1023 B" }, { 1024, "1.00 KiB" },
		{ 1310720, "1.25 MiB" }, { 1ULL << 40, "1.00 TiB" },
		{ UINT64_MAX, "16.00 EiB" },
	};
	char age[PILOT_AGE_STRLEN], size[PILOT_SIZE_STRLEN], raw[] = "a\033[2J\n\x80z";
	uint8_t path = 9;
	size_t i;

	for (i = 0; i < sizeof(ages) / sizeof(ages[0]); i++)
		ok(!strcmp(pilot_format_age(ages[i].ms, age), ages[i].text),
		   "age: %s", age);
	pilot_format_age(PILOT_NEVER - 1, age);
	ok(strlen(age) + 1 < sizeof(age), "longest age: %s", age);
	for (i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++)
		ok(!strcmp(pilot_format_size(sizes[i].bytes, size), sizes[i].text),
		   "size: %s", size);
	ok(!strcmp(pilot_sanitize(raw), "a?[2J??z"), "control characters go");
	pilot_error_set(&err, -1, "x%sy", "\r\033");
	ok(!strcmp(err.text, "x??y"), "errors hold no control characters");

	ok(!pilot_parse_path("relay", &path, NULL) && path == PILOT_PATH_RELAY,
	   "path relay");
	ok(pilot_parse_path("Relay", &path, &err) == -EINVAL, "path Relay");
}

static void test_names(void)
{
	struct pilot_event_info e = { .type = PILOT_EVENT_PATH_CHANGED };
	unsigned int i, named = 0;

	for (i = 0; i <= PILOT_REASON_MAX; i++)
		named += strcmp(pilot_reason_name((uint8_t)i), "unknown") != 0;
	ok(named == PILOT_REASON_MAX + 1, "every reason has a name");
	ok(!strcmp(pilot_reason_name(PILOT_REASON_MAX + 1), "unknown"),
	   "a reason of the future");
	for (i = 0, named = 0; i <= PILOT_SLOT_MAX; i++)
		named += strcmp(pilot_slot_name((uint8_t)i), "unknown") != 0;
	ok(named == PILOT_SLOT_MAX + 1, "every slot has a name");

	ok(!strcmp(pilot_event_name(&e), "tunnel.path_changed"), "path changed");
	e.path = PILOT_PATH_RELAY;
	ok(!strcmp(pilot_event_name(&e), "tunnel.relay_activated"), "to the relay");
	for (i = 1, named = 0; i <= PILOT_EVENT_MAX; i++) {
		e.type = i;
		named += strcmp(pilot_event_name(&e), "unknown") != 0;
	}
	ok(named == PILOT_EVENT_MAX, "every event has a name");
	e.type = 0;
	ok(!strcmp(pilot_event_name(&e), "unknown"), "event 0");
	e.type = UINT32_MAX;
	ok(!strcmp(pilot_event_name(&e), "unknown"), "an event of the future");
}

/* --- identity --- */

static char dir[] = P_tmpdir "/pilot-test-XXXXXX";

static const char *in_dir(const char *name)
{
	static char path[64];

	snprintf(path, sizeof(path), "%s/%s", dir, name);
	return path;
}

static void write_file(const char *name, const char *text, mode_t mode)
{
	int fd = open(in_dir(name), O_WRONLY | O_CREAT | O_TRUNC, 0600);

	if (fd < 0 || write(fd, text, strlen(text)) != (ssize_t)strlen(text) ||
	    fchmod(fd, mode) < 0) {
		printf("Bail out! cannot write %s\n", in_dir(name));
		exit(1);
	}
	close(fd);
}

static void test_identity_vectors(void)
{
	json_t *doc = vectors_load("registry.json"), *sig;
	uint8_t want[PILOT_SIG_LEN], got[PILOT_SIG_LEN];
	char *text = json_dumps(json_object_get(doc, "identity_json"), 0);
	struct pilot_identity id;
	size_t i, n = 0;

	write_file("vector", text, 0600);
	expect(!pilot_identity_load(&id, in_dir("vector"), false, &err), "identity",
	       "the reference's file is read");
	free(text);
	if (!id.secret) {
		json_decref(doc);
		return;
	}
	json_array_foreach(json_object_get(doc, "signatures"), i, sig) {
		const char *challenge =
			json_string_value(json_object_get(sig, "challenge"));

		memset(want, 0, sizeof(want));
		sodium_base642bin(want, sizeof(want),
				  vectors_str(sig, "signature_b64"),
				  strlen(vectors_str(sig, "signature_b64")), NULL,
				  NULL, NULL, sodium_base64_VARIANT_ORIGINAL);
		pilot_identity_sign(&id, challenge, strlen(challenge), got);
		ok(!memcmp(want, got, sizeof(got)), "signature of %s", challenge);
		n++;
	}
	ok(n > 0, "there are signatures in the vectors");
	pilot_identity_free(&id);
	json_decref(doc);
}

static void test_identity(void)
{
	struct pilot_identity id, again;
	uint8_t pub[PILOT_ED25519_LEN];
	struct stat st;
	mode_t before;
	size_t i;
	/* private_key of the vectors with another public half, and so on */
#define SEED "9CH/yj9PQhPza+PiN15MbQ1bM35fgydi8MA9hdFJyqec"
#define PUB  "nDgGyEFh9QWPADR6eVIIISi7cdITSrEns9qMRDjTnmo="
	static const struct {
		const char *text, *hint;
	} bad[] = {
		{ "", "JSON" },
		{ "{", "JSON" },
		{ "[]", "private_key" },
		{ "{\"public_key\": \"" PUB "\"}", "private_key" },
		{ "{\"private_key\": 7, \"public_key\": \"" PUB "\"}", "private_key" },
		{ "{\"private_key\": \"AAAA\", \"public_key\": \"" PUB "\"}", "64 bytes" },
		{ "{\"private_key\": \"" SEED "OAbIQWH1BY8ANHp5UgghKLtx0hNKsSez2oxEONOeag==\"}",
		  "public_key" },
		{ "{\"private_key\": \"" SEED "OAbIQWH1BY8ANHp5UgghKLtx0hNKsSez2oxEONOeaQ==\", \"public_key\": \"" PUB "\"}",
		  "belong together" },
		{ "{\"private_key\": \"" SEED "OAbIQWH1BY8ANHp5UgghKLtx0hNKsSez2oxEONOeag==\", \"public_key\": \"ODgGyEFh9QWPADR6eVIIISi7cdITSrEns9qMRDjTnmo=\"}",
		  "not that of" },
		{ "{\"private_key\": \"" SEED "OAbIQWH1BY8ANHp5UgghKLtx0hNKsSez2oxEONOeag==\", \"public_key\": \"" PUB "\"} x",
		  "JSON" },
	};

	before = umask(0);
	expect(!pilot_identity_new(&id, &err), "identity", "made");
	expect(!pilot_identity_save(&id, in_dir("id"), &err), "identity", "saved");
	umask(before);
	ok(!stat(in_dir("id"), &st) && (st.st_mode & 07777) == 0600 && st.st_nlink == 1,
	   "mode 0600 under umask 0");
	expect(!pilot_identity_load(&again, in_dir("id"), false, &err), "identity", "read");
	ok(!memcmp(id.pub, again.pub, sizeof(id.pub)) &&
	   !memcmp(id.secret, again.secret, 64), "the same again");
	memcpy(pub, id.pub, sizeof(pub));
	pilot_identity_free(&again);
	pilot_identity_free(&id);
	ok(!id.secret, "freed");

	pilot_identity_new(&id, NULL);
	ok(memcmp(id.pub, pub, sizeof(pub)) != 0, "a second one differs");
	ok(pilot_identity_save(&id, in_dir("id"), &err) == -EEXIST &&
	   !pilot_identity_load(&again, in_dir("id"), false, NULL) &&
	   !memcmp(again.pub, pub, sizeof(pub)), "a file is never replaced");
	pilot_identity_free(&again);
	ok(pilot_identity_save(&id, in_dir("no/such"), &err) == -ENOENT &&
	   strstr(err.text, "no/such"), "no directory: the file is named");
	pilot_identity_free(&id);

	ok(pilot_identity_load(&id, in_dir("absent"), false, &err) == -ENOENT &&
	   strstr(err.text, "absent"), "an absent file is named");
	for (i = 0; i < 3; i++) {
		static const mode_t modes[] = { 0640, 0604, 0601 };

		chmod(in_dir("id"), modes[i]);
		ok(pilot_identity_load(&id, in_dir("id"), false, &err) == -EPERM &&
		   strstr(err.text, "/id:") && strstr(err.text, "mode") && !id.secret,
		   "mode %04o refused", (unsigned int)modes[i]);
	}
	chmod(in_dir("id"), 0600);
	if (!geteuid() && !chown(in_dir("id"), 65534, (gid_t)-1)) {
		ok(pilot_identity_load(&id, in_dir("id"), false, &err) == -EPERM &&
		   strstr(err.text, "/id: it belongs to user 65534") && !id.secret,
		   "another user's is refused");
		ok(!pilot_identity_load(&id, in_dir("id"), true, &err),
		   "another user's may be looked at");
		pilot_identity_free(&id);
	}
	ok(pilot_identity_load(&id, dir, false, &err) && strstr(err.text, "regular"),
	   "a directory is refused");
	if (symlink("id", in_dir("link")))
		diag("symlink: %s", strerror(errno));
	ok(pilot_identity_load(&id, in_dir("link"), false, &err) &&
	   strstr(err.text, "symbolic"), "a symbolic link is refused");
	mkfifo(in_dir("fifo"), 0600);
	ok(pilot_identity_load(&id, in_dir("fifo"), false, &err) == -EINVAL,
	   "a FIFO is refused at once");

	for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		write_file("bad", bad[i].text, 0600);
		err.text[0] = '\0';
		ok(pilot_identity_load(&id, in_dir("bad"), false, &err) == -EINVAL &&
		   strstr(err.text, "/bad:") && strstr(err.text, bad[i].hint) &&
		   !strstr(err.text, "9CH/yj") && !id.secret,
		   "content %zu refused: %s", i, bad[i].hint);
	}
	{
		char large[5000];

		memset(large, ' ', sizeof(large) - 1);
		large[sizeof(large) - 1] = '\0';
		write_file("bad", large, 0600);
		ok(pilot_identity_load(&id, in_dir("bad"), false, &err) == -EINVAL &&
		   strstr(err.text, "large"), "a large file is refused");
	}
}

/* --- netlink messages --- */

static char *buf;

static struct nlmsghdr *begin(uint8_t cmd)
{
	struct nlmsghdr *nlh = mnl_nlmsg_put_header(buf);
	struct genlmsghdr *genl;

	nlh->nlmsg_type = 42;
	genl = mnl_nlmsg_put_extra_header(nlh, sizeof(*genl));
	genl->cmd = cmd;
	return nlh;
}

static void test_device_roundtrip(void)
{
	struct pilot_device_info in = {
		.has = PILOT_HAS(PILOT_A_DEVICE_NODE_ID) |
		       PILOT_HAS(PILOT_A_DEVICE_NETWORK) |
		       PILOT_HAS(PILOT_A_DEVICE_LISTEN_PORT) |
		       PILOT_HAS(PILOT_A_DEVICE_FWMARK) |
		       PILOT_HAS(PILOT_A_DEVICE_BEACON) |
		       PILOT_HAS(PILOT_A_DEVICE_REPLAY_WINDOW) |
		       PILOT_HAS(PILOT_A_DEVICE_UNAUTH) |
		       PILOT_HAS(PILOT_A_DEVICE_MAX_PEERS) |
		       PILOT_HAS(PILOT_A_DEVICE_DECRYPT_FAIL_THRESHOLD) |
		       PILOT_HAS(PILOT_A_DEVICE_DECRYPT_FAIL_GRACE) |
		       PILOT_HAS(PILOT_A_DEVICE_OUTSIDE_WINDOW_THRESHOLD) |
		       PILOT_HAS(PILOT_A_DEVICE_OUTSIDE_WINDOW_GRACE) |
		       PILOT_HAS(PILOT_A_DEVICE_REPLAY_THRESHOLD) |
		       PILOT_HAS(PILOT_A_DEVICE_REPLAY_GRACE) |
		       PILOT_HAS(PILOT_A_DEVICE_AGED_DROP) |
		       PILOT_HAS(PILOT_A_DEVICE_REKEY_AFTER),
		.dev = { .ifindex = 3, .ifname = "pilot0" },
		.node_id = 0xfedcba98, .network = 0xabcd, .listen_port = 37736,
		.fwmark = 0x80000001, .replay_window = 8192, .unauth = true,
		.max_peers = 1 << 20, .decrypt_fail_threshold = 1,
		.decrypt_fail_grace = 2, .outside_window_threshold = 3,
		.outside_window_grace = 4, .replay_threshold = 5,
		.replay_grace = 6, .aged_drop = 7, .rekey_after = 8,
	}, out;
	struct nlattr *nest, *stats;
	struct nlmsghdr *nlh;

	pilot_parse_endpoint("[fe80::1%7]:9001", "x", false, &in.beacon, NULL);
	nlh = begin(PILOT_CMD_DEVICE_SET);
	ok(!pilot_msg_put_dev(nlh, BUF_SIZE, &in.dev) &&
	   !pilot_msg_put_device(nlh, BUF_SIZE, &in), "device encoded");
	expect(!pilot_msg_device(nlh, &out, &err), "device", "decoded");
	ok(!memcmp(&in, &out, sizeof(in)), "device: the same again");
	ok(pilot_msg_cmd(nlh) == PILOT_CMD_DEVICE_SET, "command");

	/* An output attribute in a request is a mistake of the caller. */
	in.has = PILOT_HAS(PILOT_A_DEVICE_AEAD);
	nlh = begin(PILOT_CMD_DEVICE_SET);
	ok(pilot_msg_put_device(nlh, BUF_SIZE, &in) == -EINVAL,
	   "output attribute refused");
	in.has = PILOT_HAS(PILOT_A_DEVICE_BEACON);
	memset(&in.beacon, 0, sizeof(in.beacon));
	nlh = begin(PILOT_CMD_DEVICE_SET);
	ok(!pilot_msg_put_device(nlh, BUF_SIZE, &in) &&
	   !pilot_msg_device(nlh, &out, NULL) &&
	   out.has & PILOT_HAS(PILOT_A_DEVICE_BEACON) &&
	   !out.beacon.sa.sa_family, "an empty endpoint clears");

	/* What the kernel only sends. */
	nlh = begin(PILOT_CMD_DEVICE_GET);
	mnl_attr_put_u32(nlh, PILOT_A_IFINDEX, 5);
	mnl_attr_put_strz(nlh, PILOT_A_IFNAME, "x");
	nest = mnl_attr_nest_start(nlh, PILOT_A_DEVICE);
	mnl_attr_put_strz(nlh, PILOT_A_DEVICE_AEAD, "generic\033-gcm");
	mnl_attr_put_u32(nlh, PILOT_A_DEVICE_HANDLER, 77);
	mnl_attr_put_u32(nlh, 999, 1);
	stats = mnl_attr_nest_start(nlh, PILOT_A_DEVICE_STATS);
	mnl_attr_put(nlh, PILOT_A_STATS_PAD, 0, NULL);
	mnl_attr_put_u64(nlh, PILOT_A_STATS_RX_BYTES, UINT64_MAX);
	mnl_attr_put_u64(nlh, PILOT_A_STATS_MAX + 1, 1);
	mnl_attr_nest_end(nlh, stats);
	mnl_attr_nest_end(nlh, nest);
	expect(!pilot_msg_device(nlh, &out, &err) && out.handler == 77 &&
	       out.stats.v[PILOT_A_STATS_RX_BYTES] == UINT64_MAX &&
	       !strcmp(out.aead, "generic?-gcm"), "device",
	       "output attributes, future ones passed over");
}

static void test_peer_roundtrip(void)
{
	struct pilot_allowed_ip ips[3];
	struct pilot_peer_info in = {
		.has = PILOT_HAS(PILOT_A_PEER_NODE_ID) |
		       PILOT_HAS(PILOT_A_PEER_ENDPOINT) |
		       PILOT_HAS(PILOT_A_PEER_PATH) |
		       PILOT_HAS(PILOT_A_PEER_PATH_ACTIVE) |
		       PILOT_HAS(PILOT_A_PEER_KEEPALIVE) |
		       PILOT_HAS(PILOT_A_PEER_ALLOWED_IP) |
		       PILOT_HAS(PILOT_A_PEER_FLAGS) |
		       PILOT_HAS(PILOT_A_PEER_COOLDOWN),
		.node_id = 9, .path = PILOT_PATH_RELAY,
		.path_active = PILOT_PATH_DIRECT, .keepalive = 65535,
		.allowed_ips = ips, .n_allowed_ips = 3,
		.flags = PILOT_PEER_F_REPLACE_ALLOWED_IPS, .cooldown = 600000,
	}, out;
	struct pilot_allowed_ip *many;
	struct nlattr *nest, *key, *stats;
	struct nlmsghdr *nlh;
	int ret;

	memset(ips, 0, sizeof(ips));
	pilot_parse_cidr("10.0.0.0/8", "x", &ips[0], NULL);
	pilot_parse_cidr("fd00::/64", "x", &ips[1], NULL);
	pilot_parse_cidr("0.0.0.0/0", "x", &ips[2], NULL);
	pilot_parse_endpoint("192.0.2.1:1", "x", false, &in.endpoint, NULL);
	nlh = begin(PILOT_CMD_PEER_SET);
	ok(!pilot_msg_put_peer(nlh, BUF_SIZE, &in), "peer encoded");
	expect(!pilot_msg_peer(nlh, &out, &err), "peer", "decoded");
	ok(out.has == in.has && out.node_id == 9 && out.path == in.path &&
	   out.path_active == in.path_active && out.keepalive == in.keepalive &&
	   out.flags == in.flags && out.cooldown == in.cooldown &&
	   pilot_endpoint_equal(&out.endpoint, &in.endpoint) &&
	   out.n_allowed_ips == 3 && out.last_rx == PILOT_NEVER &&
	   out.last_tx == PILOT_NEVER, "peer: the same again");
	ok(out.allowed_ips && !memcmp(out.allowed_ips, ips, sizeof(ips)),
	   "peer: prefixes the same again");
	pilot_peer_clear(&out);
	ok(!out.allowed_ips && !out.node_id, "cleared");

	nlh = begin(PILOT_CMD_PEER_SET);
	ok(pilot_msg_put_peer(nlh, 64, &in) == -EMSGSIZE, "too small a buffer");
	many = calloc(4096, sizeof(*many));
	for (size_t i = 0; many && i < 4096; i++)
		many[i] = ips[1];
	in.allowed_ips = many;
	in.n_allowed_ips = 4096;
	nlh = begin(PILOT_CMD_PEER_SET);
	ok(pilot_msg_put_peer(nlh, BUF_SIZE, &in) == -EMSGSIZE,
	   "more prefixes than a nest holds");
	free(many);

	nlh = begin(PILOT_CMD_PEER_GET);
	nest = mnl_attr_nest_start(nlh, PILOT_A_PEER);
	mnl_attr_put_u32(nlh, PILOT_A_PEER_NODE_ID, 9);
	mnl_attr_put_u8(nlh, PILOT_A_PEER_NEED_KEY, PILOT_REASON_VOLUME);
	for (uint32_t i = 1; i <= 3; i++) {
		key = mnl_attr_nest_start(nlh, PILOT_A_PEER_KEY);
		mnl_attr_put_u32(nlh, PILOT_A_KEY_ID, i);
		mnl_attr_put_u8(nlh, PILOT_A_KEY_SLOT, (uint8_t)(i - 1));
		if (i == 1)
			mnl_attr_put(nlh, PILOT_A_KEY_PROVEN, 0, NULL);
		mnl_attr_put_u64(nlh, PILOT_A_KEY_AGE, 1000 * i);
		mnl_attr_nest_end(nlh, key);
	}
	stats = mnl_attr_nest_start(nlh, PILOT_A_PEER_STATS);
	mnl_attr_put_u64(nlh, PILOT_A_STATS_TX_PACKETS, 5);
	mnl_attr_nest_end(nlh, stats);
	mnl_attr_put_u64(nlh, PILOT_A_PEER_LAST_RX, 0);
	mnl_attr_nest_end(nlh, nest);
	ret = pilot_msg_peer(nlh, &out, &err);
	expect(!ret && out.n_keys == 3 && out.keys[2].id == 3 &&
	       out.keys[2].age == 3000 && out.keys[1].last_rx == PILOT_NEVER &&
	       out.keys[0].has & PILOT_HAS(PILOT_A_KEY_PROVEN) &&
	       !(out.keys[1].has & PILOT_HAS(PILOT_A_KEY_PROVEN)) &&
	       out.need_key == PILOT_REASON_VOLUME && out.last_rx == 0 &&
	       out.stats.v[PILOT_A_STATS_TX_PACKETS] == 5, "peer", "keys and statistics");
	if (!ret)
		pilot_peer_clear(&out);
}

static void test_key_roundtrip(void)
{
	uint8_t secret[PILOT_KEY_LEN];
	struct pilot_key_info in = {
		.has = PILOT_HAS(PILOT_A_KEY_NODE_ID) | PILOT_HAS(PILOT_A_KEY_ID) |
		       PILOT_HAS(PILOT_A_KEY_AUTHENTICATED) |
		       PILOT_HAS(PILOT_A_KEY_PEER_X25519) |
		       PILOT_HAS(PILOT_A_KEY_LOCAL_X25519),
		.node_id = 5, .id = 0xffffffff, .secret = secret,
	};
	struct pilot_key_info *list = NULL;
	struct nlmsghdr *nlh;
	struct nlattr *nest;
	size_t n = 0, i, at = 0;

	memset(secret, 0x5a, sizeof(secret));
	memset(in.peer_x25519, 1, sizeof(in.peer_x25519));
	memset(in.local_x25519, 2, sizeof(in.local_x25519));
	nlh = begin(PILOT_CMD_KEY_SET);
	ok(!pilot_msg_put_key(nlh, BUF_SIZE, &in), "key encoded");
	for (i = 0; i + sizeof(secret) <= nlh->nlmsg_len; i++)
		if (!memcmp(buf + i, secret, sizeof(secret)))
			at = i;
	ok(at != 0, "with its secret");
	ok(!pilot_msg_keys(nlh, &list, &n, &err) && n == 1 && list[0].has == in.has &&
	   list[0].node_id == 5 && list[0].id == in.id && !list[0].secret &&
	   !memcmp(list[0].peer_x25519, in.peer_x25519, 32) &&
	   !memcmp(list[0].local_x25519, in.local_x25519, 32),
	   "key: the same again, but no secret");
	ok(!pilot_msg_keys(nlh, &list, &n, &err) && n == 2, "keys are appended");
	free(list);

	in.has = PILOT_HAS(PILOT_A_KEY_AGE);
	nlh = begin(PILOT_CMD_KEY_SET);
	ok(pilot_msg_put_key(nlh, BUF_SIZE, &in) == -EINVAL,
	   "key: output attribute refused");

	/* Why it is in doubt, or nothing. */
	nlh = begin(PILOT_CMD_KEY_GET);
	nest = mnl_attr_nest_start(nlh, PILOT_A_KEY);
	mnl_attr_put_u8(nlh, PILOT_A_KEY_GATED, PILOT_REASON_AGED);
	mnl_attr_nest_end(nlh, nest);
	nest = mnl_attr_nest_start(nlh, PILOT_A_KEY);
	mnl_attr_nest_end(nlh, nest);
	list = NULL;
	n = 0;
	ok(!pilot_msg_keys(nlh, &list, &n, &err) && n == 2 &&
	   list[0].gated == PILOT_REASON_AGED && list[1].gated == PILOT_REASON_NONE,
	   "key in doubt, and one that is not");
	free(list);
}

static void test_frame_and_event(void)
{
	static const uint8_t data[] = "PILKxyz";
	struct pilot_frame_info in = {
		.has = PILOT_HAS(PILOT_A_FRAME_NODE_ID) |
		       PILOT_HAS(PILOT_A_FRAME_ENDPOINT) |
		       PILOT_HAS(PILOT_A_FRAME_RELAYED),
		.dev = { .ifindex = 4 }, .node_id = 8,
		.data = data, .len = sizeof(data),
	}, out;
	struct pilot_event_info ev;
	struct nlmsghdr *nlh;
	struct nlattr *nest, *ep;

	pilot_parse_endpoint("[2001:db8::1]:2", "x", false, &in.endpoint, NULL);
	nlh = begin(PILOT_CMD_FRAME);
	ok(!pilot_msg_put_dev(nlh, BUF_SIZE, &in.dev) &&
	   !pilot_msg_put_frame(nlh, BUF_SIZE, &in), "frame encoded");
	expect(!pilot_msg_frame(nlh, &out, &err) &&
	       out.has == (in.has | PILOT_HAS(PILOT_A_FRAME_DATA)) &&
	       out.node_id == 8 && out.dev.ifindex == 4 &&
	       pilot_endpoint_equal(&out.endpoint, &in.endpoint) &&
	       out.len == sizeof(data) && !memcmp(out.data, data, sizeof(data)),
	       "frame", "the same again");

	nlh = begin(PILOT_CMD_EVENT);
	mnl_attr_put_u32(nlh, PILOT_A_IFINDEX, 4);
	mnl_attr_put_strz(nlh, PILOT_A_IFNAME, "pilot0");
	nest = mnl_attr_nest_start(nlh, PILOT_A_EVENT);
	mnl_attr_put_u32(nlh, PILOT_A_EVENT_TYPE, PILOT_EVENT_KEY_INSTALLED);
	mnl_attr_put_u32(nlh, PILOT_A_EVENT_SEQ, 17);
	mnl_attr_put_u32(nlh, PILOT_A_EVENT_NODE_ID, 8);
	mnl_attr_put_u32(nlh, PILOT_A_EVENT_KEY_ID, 3);
	mnl_attr_put(nlh, PILOT_A_EVENT_REKEYED, 0, NULL);
	ep = mnl_attr_nest_start(nlh, PILOT_A_EVENT_ENDPOINT);
	mnl_attr_put_u16(nlh, PILOT_A_ENDPOINT_PORT, htons(5));
	mnl_attr_put_u32(nlh, PILOT_A_ENDPOINT_IPV4, htonl(0x01020304));
	mnl_attr_nest_end(nlh, ep);
	mnl_attr_nest_end(nlh, nest);
	expect(!pilot_msg_event(nlh, &ev, &err) && ev.type == PILOT_EVENT_KEY_INSTALLED &&
	       ev.seq == 17 && ev.node_id == 8 && ev.key_id == 3 &&
	       ev.has & PILOT_HAS(PILOT_A_EVENT_REKEYED) &&
	       !(ev.has & PILOT_HAS(PILOT_A_EVENT_AUTHENTICATED)) &&
	       ev.endpoint.in.sin_port == htons(5) &&
	       !strcmp(ev.dev.ifname, "pilot0"), "event", "decoded, port before address");
}

/* Attributes of a wrong length are refused, and named. */
static void test_bad_messages(void)
{
	struct pilot_device_info device;
	struct pilot_peer_info peer;
	struct pilot_event_info event;
	struct pilot_frame_info frame;
	struct nlmsghdr *nlh;
	struct nlattr *nest, *inner;

	nlh = begin(PILOT_CMD_DEVICE_GET);
	nest = mnl_attr_nest_start(nlh, PILOT_A_DEVICE);
	mnl_attr_put_u16(nlh, PILOT_A_DEVICE_NODE_ID, 1);
	mnl_attr_nest_end(nlh, nest);
	ok(pilot_msg_device(nlh, &device, &err) == -EBADMSG &&
	   strstr(err.text, "node-id"), "node-id of 2 bytes");

	nlh = begin(PILOT_CMD_DEVICE_GET);
	nest = mnl_attr_nest_start(nlh, PILOT_A_DEVICE);
	mnl_attr_put(nlh, PILOT_A_DEVICE_AEAD, 3, "abc");
	mnl_attr_nest_end(nlh, nest);
	ok(pilot_msg_device(nlh, &device, &err) == -EBADMSG &&
	   strstr(err.text, "aead"), "string without its end");

	nlh = begin(PILOT_CMD_DEVICE_GET);
	mnl_attr_put_strz(nlh, PILOT_A_IFNAME, "a-name-that-is-too-long");
	ok(pilot_msg_device(nlh, &device, &err) == -EBADMSG &&
	   strstr(err.text, "ifname"), "long interface name");

	nlh = begin(PILOT_CMD_DEVICE_GET);
	ok(pilot_msg_device(nlh, &device, &err) == -EBADMSG &&
	   strstr(err.text, "device"), "device without its nest");
	nlh->nlmsg_len = MNL_NLMSG_HDRLEN;
	ok(pilot_msg_device(nlh, &device, &err) == -EBADMSG, "message cut short");

	nlh = begin(PILOT_CMD_PEER_GET);
	nest = mnl_attr_nest_start(nlh, PILOT_A_PEER);
	mnl_attr_put_u32(nlh, PILOT_A_PEER_NODE_ID, 1);
	inner = mnl_attr_nest_start(nlh, PILOT_A_PEER_ALLOWED_IP);
	mnl_attr_put_u32(nlh, PILOT_A_ALLOWED_IP_IPV4, 0);
	mnl_attr_put_u8(nlh, PILOT_A_ALLOWED_IP_PREFIX, 33);
	mnl_attr_nest_end(nlh, inner);
	mnl_attr_nest_end(nlh, nest);
	ok(pilot_msg_peer(nlh, &peer, &err) == -EBADMSG && !peer.allowed_ips,
	   "IPv4 prefix of 33 bits");

	nlh = begin(PILOT_CMD_PEER_GET);
	nest = mnl_attr_nest_start(nlh, PILOT_A_PEER);
	mnl_attr_put_u8(nlh, PILOT_A_PEER_PATH, 1);
	mnl_attr_nest_end(nlh, nest);
	ok(pilot_msg_peer(nlh, &peer, &err) == -EBADMSG, "peer without node ID");

	nlh = begin(PILOT_CMD_PEER_GET);
	nest = mnl_attr_nest_start(nlh, PILOT_A_PEER);
	mnl_attr_put_u32(nlh, PILOT_A_PEER_NODE_ID, 1);
	inner = mnl_attr_nest_start(nlh, PILOT_A_PEER_ENDPOINT);
	mnl_attr_put_u32(nlh, PILOT_A_ENDPOINT_IPV4, 1);
	mnl_attr_put_u32(nlh, PILOT_A_ENDPOINT_IPV4, 2);
	mnl_attr_nest_end(nlh, inner);
	mnl_attr_nest_end(nlh, nest);
	ok(pilot_msg_peer(nlh, &peer, &err) == -EBADMSG, "endpoint of two addresses");

	nlh = begin(PILOT_CMD_EVENT);
	nest = mnl_attr_nest_start(nlh, PILOT_A_EVENT);
	mnl_attr_put_u32(nlh, PILOT_A_EVENT_TYPE, 1);
	mnl_attr_put_u8(nlh, PILOT_A_EVENT_REKEYED, 1);
	mnl_attr_nest_end(nlh, nest);
	ok(pilot_msg_event(nlh, &event, &err) == -EBADMSG &&
	   strstr(err.text, "rekeyed"), "flag with a value");

	nlh = begin(PILOT_CMD_FRAME);
	nest = mnl_attr_nest_start(nlh, PILOT_A_FRAME);
	mnl_attr_put_u32(nlh, PILOT_A_FRAME_NODE_ID, 1);
	mnl_attr_nest_end(nlh, nest);
	ok(pilot_msg_frame(nlh, &frame, &err) == -EBADMSG, "frame without data");
}

/* Every prefix of a message, and every byte changed: no crash, no overrun. */
static void test_mangled(void)
{
	struct pilot_peer_info peer = {
		.has = PILOT_HAS(PILOT_A_PEER_ENDPOINT) |
		       PILOT_HAS(PILOT_A_PEER_ALLOWED_IP) |
		       PILOT_HAS(PILOT_A_PEER_KEEPALIVE),
		.node_id = 9,
	}, out;
	struct pilot_allowed_ip ips[2];
	unsigned int len, i, accepted = 0;
	struct nlmsghdr *nlh;
	char *copy;

	memset(ips, 0, sizeof(ips));
	pilot_parse_cidr("10.0.0.0/8", "x", &ips[0], NULL);
	pilot_parse_cidr("fd00::/64", "x", &ips[1], NULL);
	peer.allowed_ips = ips;
	peer.n_allowed_ips = 2;
	pilot_parse_endpoint("[fe80::1%3]:7", "x", false, &peer.endpoint, NULL);
	nlh = begin(PILOT_CMD_PEER_GET);
	pilot_msg_put_peer(nlh, BUF_SIZE, &peer);
	len = nlh->nlmsg_len;

	/* Netlink lengths are taken as rounded up to 4. */
	for (i = MNL_NLMSG_HDRLEN; i < len; i += NLMSG_ALIGNTO) {
		copy = malloc(i);	/* exact: ASan sees a byte too many */
		memcpy(copy, buf, i);
		((struct nlmsghdr *)copy)->nlmsg_len = i;
		if (!pilot_msg_peer((void *)copy, &out, NULL)) {
			pilot_peer_clear(&out);
			accepted++;
		}
		free(copy);
	}
	ok(!accepted, "no part of a message is taken for the whole");

	for (i = MNL_NLMSG_HDRLEN + 4; i < len; i++) {
		for (unsigned int bit = 0; bit < 8; bit++) {
			copy = malloc(len);
			memcpy(copy, buf, len);
			copy[i] ^= (char)(1 << bit);
			if (!pilot_msg_peer((void *)copy, &out, NULL))
				pilot_peer_clear(&out);
			free(copy);
		}
	}
	ok(true, "messages with a bit flipped do no harm");
}

/* --- the kernel's answers --- */

static char answer_buf[1024];

static struct nlmsghdr *answer(int code)
{
	struct nlmsghdr *nlh = mnl_nlmsg_put_header(answer_buf);
	struct nlmsgerr *e;

	nlh->nlmsg_type = NLMSG_ERROR;
	nlh->nlmsg_flags = NLM_F_CAPPED | NLM_F_ACK_TLVS;
	e = mnl_nlmsg_put_extra_header(nlh, sizeof(*e));
	e->error = code;
	return nlh;
}

static void test_explain(void)
{
	struct pilot_peer_info peer = {
		.has = PILOT_HAS(PILOT_A_PEER_ENDPOINT) |
		       PILOT_HAS(PILOT_A_PEER_KEEPALIVE),
		.node_id = 9, .keepalive = 7,
	};
	struct pilot_dev dev = { .ifname = "pilot0" };
	struct nlmsghdr *req, *ans;
	struct nlattr *policy, *top, *a, *b;
	uint32_t peer_off = 0, port_off = 0;

	pilot_parse_endpoint("1.2.3.4:5", "x", false, &peer.endpoint, NULL);
	req = begin(PILOT_CMD_PEER_SET);
	pilot_msg_put_dev(req, BUF_SIZE, &dev);
	pilot_msg_put_peer(req, BUF_SIZE, &peer);
	mnl_attr_for_each(top, req, sizeof(struct genlmsghdr)) {
		if (mnl_attr_get_type(top) != PILOT_A_PEER)
			continue;
		peer_off = (uint32_t)((char *)top - buf);
		mnl_attr_for_each_nested(a, top) {
			if (mnl_attr_get_type(a) != PILOT_A_PEER_ENDPOINT)
				continue;
			mnl_attr_for_each_nested(b, a)
				if (mnl_attr_get_type(b) == PILOT_A_ENDPOINT_PORT)
					port_off = (uint32_t)((char *)b - buf);
		}
	}

	ok(!pilot_genl_explain(answer(0), req, &err), "acknowledgement");

	ans = answer(-ERANGE);
	mnl_attr_put_strz(ans, NLMSGERR_ATTR_MSG, "integer out of range");
	mnl_attr_put_u32(ans, NLMSGERR_ATTR_OFFS, port_off);
	policy = mnl_attr_nest_start(ans, NLMSGERR_ATTR_POLICY);
	mnl_attr_put_u64(ans, NL_POLICY_TYPE_ATTR_MIN_VALUE_U, 1);
	mnl_attr_put_u64(ans, NL_POLICY_TYPE_ATTR_MAX_VALUE_U, 65535);
	mnl_attr_nest_end(ans, policy);
	ok(pilot_genl_explain(ans, req, &err) == -ERANGE &&
	   !strcmp(err.text, "peer.endpoint.port: integer out of range (1 to 65535)"),
	   "%s", err.text);

	ans = answer(-EINVAL);
	mnl_attr_put_u32(ans, NLMSGERR_ATTR_MISS_NEST, peer_off);
	mnl_attr_put_u32(ans, NLMSGERR_ATTR_MISS_TYPE, PILOT_A_PEER_NODE_ID);
	ok(pilot_genl_explain(ans, req, &err) == -EINVAL &&
	   !strcmp(err.text, "peer.node-id: missing"), "%s", err.text);

	ans = answer(-EINVAL);
	mnl_attr_put_u32(ans, NLMSGERR_ATTR_MISS_TYPE, PILOT_A_IFINDEX);
	ok(pilot_genl_explain(ans, req, &err) == -EINVAL &&
	   !strcmp(err.text, "ifindex: missing"), "%s", err.text);

	ans = answer(-ENOTCONN);
	mnl_attr_put_strz(ans, NLMSGERR_ATTR_MSG, "pilot: nobody\nis there\033");
	ok(pilot_genl_explain(ans, req, &err) == -ENOTCONN &&
	   !strcmp(err.text, "nobody?is there?"), "%s", err.text);

	ans = answer(-EINVAL);
	mnl_attr_put_strz(ans, NLMSGERR_ATTR_MSG, "bad");
	mnl_attr_put_u32(ans, NLMSGERR_ATTR_OFFS, 60000);
	ok(pilot_genl_explain(ans, req, &err) == -EINVAL &&
	   !strcmp(err.text, "attribute at byte 60000: bad"), "%s", err.text);

	ok(pilot_genl_explain(answer(-EPERM), req, &err) == -EPERM &&
	   strstr(err.text, "CAP_NET_ADMIN"), "%s", err.text);
	ok(pilot_genl_explain(answer(-ENOSPC), req, &err) == -ENOSPC &&
	   !strcmp(err.text, strerror(ENOSPC)), "%s", err.text);
	ok(pilot_genl_explain(answer(5), req, &err) == -EBADMSG, "%s", err.text);

	ans = answer(-EINVAL);
	ans->nlmsg_len = MNL_NLMSG_HDRLEN + 2;
	ok(pilot_genl_explain(ans, req, &err) == -EBADMSG, "%s", err.text);

	/* The words are not read where there are none. */
	ans = answer(-EINVAL);
	mnl_attr_put_strz(ans, NLMSGERR_ATTR_MSG, "not mine");
	ans->nlmsg_flags &= ~NLM_F_ACK_TLVS;
	ok(pilot_genl_explain(ans, req, &err) == -EINVAL &&
	   !strcmp(err.text, strerror(EINVAL)), "%s", err.text);

	/* The end of a dump that failed half-way. */
	ans = mnl_nlmsg_put_header(answer_buf);
	ans->nlmsg_type = NLMSG_DONE;
	ans->nlmsg_flags = NLM_F_ACK_TLVS;
	*(int *)mnl_nlmsg_put_extra_header(ans, sizeof(int)) = -ENODEV;
	mnl_attr_put_strz(ans, NLMSGERR_ATTR_MSG, "gone");
	ok(pilot_genl_explain(ans, req, &err) == -ENODEV && !strcmp(err.text, "gone"),
	   "%s", err.text);
}

int main(void)
{
	if (sodium_init() < 0 || !mkdtemp(dir)) {
		printf("Bail out! cannot start\n");
		return 1;
	}
	buf = malloc(BUF_SIZE);
	if (!buf)
		return 1;

	test_node();
	test_number();
	test_duration();
	test_map();
	test_endpoint();
	test_cidr();
	test_key();
	test_format();
	test_names();
	test_identity_vectors();
	test_identity();
	test_device_roundtrip();
	test_peer_roundtrip();
	test_key_roundtrip();
	test_frame_and_event();
	test_bad_messages();
	test_mangled();
	test_explain();

	free(buf);
	for (size_t i = 0; i < 5; i++)
		unlink(in_dir((const char *[]){ "vector", "id", "link", "fifo", "bad" }[i]));
	rmdir(dir);
	return done();
}
