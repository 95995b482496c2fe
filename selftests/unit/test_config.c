// SPDX-License-Identifier: GPL-2.0
/* Configuration and registry file: what is read, and what is said of mistakes. */
#include <arpa/inet.h>
#include <stdlib.h>
#include <string.h>

#include <linux/rtnetlink.h>
#include <sodium.h>

#include "config.h"
#include "registry_file.h"
#include "tap.h"

#define KEY1 "nDgGyEFh9QWPADR6eVIIISi7cdITSrEns9qMRDjTnmo="
#define KEY2 "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8="

#define MINIMAL "[tunnel]\ndevice = pilot0\nnode-id = 7\n"

static char all[65536];

static void collect(const char *line)
{
	strncat(all, line, sizeof(all) - strlen(all) - 2);
	strcat(all, "\n");
}

/* Exact size, no NUL behind: ASan sees what is read past the end. */
static int parse(struct config *cfg, const char *buf, size_t len, size_t *errors)
{
	char *exact = malloc(len ? len : 1);
	struct textfile t;
	int ret;

	memcpy(exact, buf, len);
	ret = textfile_copy(&t, "f", exact, len);
	free(exact);
	if (!ret) {
		ret = config_read(cfg, &t);
		if (ret)
			config_free(cfg);
	}
	all[0] = '\0';
	textfile_report(&t, collect);
	if (errors)
		*errors = t.n_errors;
	textfile_release(&t);
	return ret;
}

static bool accepts(const char *text)
{
	struct config cfg;
	int ret = parse(&cfg, text, strlen(text), NULL);

	if (!ret)
		config_free(&cfg);
	else
		diag("%s", all);
	return !ret;
}

/* Refused, with exactly this message (and perhaps others). */
static bool refuses(const char *text, const char *message)
{
	struct config cfg;
	char line[300];

	snprintf(line, sizeof(line), "%s\n", message);
	if (!parse(&cfg, text, strlen(text), NULL)) {
		diag("accepted");
		config_free(&cfg);
		return false;
	}
	if (strstr(all, line))
		return true;
	diag("said: %s", all);
	return false;
}

#define GATES	(PILOT_HAS(PILOT_A_DEVICE_DECRYPT_FAIL_THRESHOLD) |	\
		 PILOT_HAS(PILOT_A_DEVICE_DECRYPT_FAIL_GRACE) |		\
		 PILOT_HAS(PILOT_A_DEVICE_OUTSIDE_WINDOW_THRESHOLD) |	\
		 PILOT_HAS(PILOT_A_DEVICE_OUTSIDE_WINDOW_GRACE) |	\
		 PILOT_HAS(PILOT_A_DEVICE_REPLAY_THRESHOLD) |		\
		 PILOT_HAS(PILOT_A_DEVICE_REPLAY_GRACE) |		\
		 PILOT_HAS(PILOT_A_DEVICE_AGED_DROP))

static void test_full(void)
{
	static const char text[] =
		"# everything\r\n"
		"[tunnel]\r\n"
		"device=pilot7 ; comment\r\n"
		"  node-id = 0x10007 # comment\r\n"
		"network = 3\n"
		"listen-port = 40000\n"
		"identity = /etc/pilot/id#1\n"
		"address = 10.0.0.7/24, fd00::7/64\n"
		"address = 10.1.0.7\n"
		"map-address = no\n"
		"mtu = 1400\n"
		"allow-unauthenticated = yes\n"
		"create = no\n"
		"fwmark = 0x42\ntable = 4294967295\n"
		"user = nobody\n"
		"replay-window = 512\n"
		"max-peers = 100\n"
		"\n"
		"[registry]\n"
		"type = file\n"
		"path = /etc/pilot/registry\n"
		"[beacon]\n"
		"address = [2001:db8::1]:9001\n"
		"[timers]\n"
		"rekey = 600\n"
		"rekey-after = 65536\n"
		"keepalive = 10\n"
		"[gates]\n"
		"decrypt-fail-threshold = 6\n"
		"decrypt-fail-grace = 4s\n"
		"outside-window-threshold = 31\n"
		"outside-window-grace = 5\n"
		"replay-threshold = 32\n"
		"replay-grace = 600ms\n"
		"aged-drop = 1m\n"
		"[peer 9]\n"
		"endpoint = 192.0.2.9:37736\n"
		"allowed-ips = 10.9.0.0/16, 2001:db8:9::/48\n"
		"allowed-ips = 10.10.0.0/16\n"
		"public-key = " KEY1 "\n"
		"path = relay\n"
		"keepalive = off\n"
		"[ peer  0:0000.0000.0008 ]\n"
		"endpoint = 192.0.2.8:1";
	const struct config_peer *p;
	struct config cfg;

	if (!ok(!parse(&cfg, text, strlen(text), NULL), "full: accepted")) {
		diag("%s", all);
		return;
	}
	ok(!strcmp(cfg.device, "pilot7") && cfg.node == 0x10007 && cfg.network == 3 &&
	   cfg.listen_port == 40000 && cfg.mtu == 1400 && cfg.allow_unauth &&
	   !cfg.create && cfg.fwmark == 0x42 && cfg.table == UINT32_MAX && !cfg.map_address,
	   "full: [tunnel]");
	ok(!strcmp(cfg.identity, "/etc/pilot/id#1"), "full: # inside of a word is no comment");
	ok(cfg.n_addresses == 3 && cfg.addresses[0].prefix == 24 &&
	   cfg.addresses[0].v4.s_addr == htonl(0x0a000007) &&
	   cfg.addresses[1].family == AF_INET6 && cfg.addresses[2].prefix == 32,
	   "full: addresses keep their host bits");
	ok(!strcmp(cfg.registry, "/etc/pilot/registry") &&
	   ntohs(cfg.beacon.in6.sin6_port) == 9001 && cfg.rekey == 600,
	   "full: [registry], [beacon], [timers]");
	ok(cfg.user && !strcmp(cfg.user, "nobody"), "full: user");
	ok(cfg.limits.replay_window == 512 && cfg.limits.max_peers == 100 &&
	   cfg.limits.rekey_after == 65536 &&
	   cfg.limits.has == (PILOT_HAS(PILOT_A_DEVICE_REPLAY_WINDOW) |
			      PILOT_HAS(PILOT_A_DEVICE_MAX_PEERS) |
			      PILOT_HAS(PILOT_A_DEVICE_REKEY_AFTER) | GATES),
	   "full: limits");
	ok(cfg.limits.decrypt_fail_threshold == 6 && cfg.limits.decrypt_fail_grace == 4000 &&
	   cfg.limits.outside_window_threshold == 31 && cfg.limits.outside_window_grace == 5000 &&
	   cfg.limits.replay_threshold == 32 && cfg.limits.replay_grace == 600 &&
	   cfg.limits.aged_drop == 60000, "full: [gates]");
	p = config_peer(&cfg, 9);
	ok(cfg.n_peers == 2 && p && p->pinned && p->path == PILOT_PATH_RELAY &&
	   p->keepalive == 0 && p->n_allowed_ips == 3 &&
	   ntohs(p->endpoint.in.sin_port) == 37736, "full: [peer 9]");
	p = config_peer(&cfg, 8);
	ok(p && !p->pinned && p->keepalive == 10 && !config_peer(&cfg, 10),
	   "full: [peer 8] takes the keepalive of [timers]");
	config_free(&cfg);
}

static void test_defaults(void)
{
	struct config cfg;

	ok(!parse(&cfg, MINIMAL, strlen(MINIMAL), NULL) && cfg.listen_port == 37736 &&
	   cfg.map_address && cfg.create && cfg.rekey == 3600 && !cfg.network &&
	   cfg.allow_unauth && !cfg.identity && !cfg.registry && cfg.table == RT_TABLE_MAIN,
	   "defaults");
	config_free(&cfg);
	ok(!parse(&cfg, MINIMAL "identity = id\n", strlen(MINIMAL "identity = id\n"), NULL) &&
	   !cfg.allow_unauth, "defaults: with an identity peers must have one too");
	config_free(&cfg);
}

static void test_table(void)
{
	static const struct {
		const char *text;
		uint32_t table;
	} cases[] = { { "off", 0 }, { "main", RT_TABLE_MAIN }, { "0x200", 512 } };
	struct config cfg;
	char text[128];
	size_t i;

	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		snprintf(text, sizeof(text), MINIMAL "table = %s\n", cases[i].text);
		ok(!parse(&cfg, text, strlen(text), NULL) && cfg.table == cases[i].table,
		   "table = %s", cases[i].text);
		config_free(&cfg);
	}
	ok(refuses(MINIMAL "table = 0\n", "f:4: table \"0\" is out of range: 1 to 4294967295"),
	   "table = 0");
}

static void test_refusals(void)
{
	struct config cfg;
	size_t errors;
	char *buf;

	ok(accepts("[tunnel]\ndevice = p\nnetwork = 5\nnode-id = 5:0005.0000.0007\n"),
	   "network, and the same in node-id");
	ok(refuses("[tunnel]\ndevice = p\nnetwork = 5\nnode-id = 0:0000.0000.0007\n",
		   "f:3: network: node-id is an address of network 0"), "network, another in node-id");
	ok(refuses("[tunnel]\ndevice = p\nnode-id = 5:0005.0000.0007\nnetwork = 3\n",
		   "f:4: network: node-id is an address of network 5"), "the other way about");
	ok(refuses(MINIMAL "address = ,\n", "f:4: address: the value is missing"), "no address");
	ok(refuses(MINIMAL "[registry]\ntype = tcp\naddress = 192.0.2.1\ntls = yes\nfingerprint = ,\n",
		   "f:8: fingerprint: the value is missing"), "no fingerprint");
	ok(refuses("", "f: [tunnel] is missing"), "empty file");
	ok(refuses("[tunnel]\ndevice = p\n", "f:1: [tunnel]: node-id is missing"), "no node-id");
	ok(refuses("[tunnel]\nnode-id = 1\n", "f:1: [tunnel]: device is missing"), "no device");
	ok(refuses("node-id = 7\n" MINIMAL, "f:1: node-id: outside of any section"),
	   "key before the first section");
	ok(refuses(MINIMAL "nod-id = 8\n", "f:4: unknown key \"nod-id\" in [tunnel]; did you mean \"node-id\"?"), "unknown key");
	ok(refuses(MINIMAL "endpoint = 1.2.3.4:5\n", "f:4: unknown key \"endpoint\" in [tunnel]; it belongs to [peer]"),
	   "key of another section");
	ok(refuses(MINIMAL "[tunel]\n", "f:4: unknown section [tunel]; did you mean [tunnel]?"), "unknown section");
	ok(refuses(MINIMAL "[tunnel]\n", "f:4: [tunnel] began on line 1 already"), "section twice");
	ok(refuses(MINIMAL "[peer\n", "f:4: \"[peer\": ] is missing"), "section not closed");
	ok(refuses(MINIMAL "[peer]\n", "f:4: [peer]: the node ID is missing: [peer 7]"), "peer without ID");
	ok(refuses(MINIMAL "[peer 7]\n", "f:4: [peer]: 7 is the node's own ID"), "own node as peer");
	ok(refuses(MINIMAL "[peer 8]\n[peer 0x8]\n", "f:5: [peer]: 8 has a section on line 4 already"),
	   "peer twice");
	ok(refuses(MINIMAL "node-id = 8\n", "f:4: node-id: given twice"), "key twice");
	ok(refuses(MINIMAL "mtu =\n", "f:4: mtu: the value is missing"), "no value");
	ok(refuses(MINIMAL "mtu\n", "f:4: \"mtu\" is neither a section nor KEY = VALUE"), "no assignment");
	ok(refuses(MINIMAL "mtu = 1279\n", "f:4: mtu \"1279\" is out of range: 1280 to 65442"), "range");
	ok(refuses(MINIMAL "mtu = 12x\n", "f:4: mtu \"12x\" is not a number"), "number");
	ok(refuses(MINIMAL "replay-window = 100\n", "f:4: replay-window: 100 is not a power of two"),
	   "replay window");
	ok(refuses(MINIMAL "[gates]\nreplay-grace = 2h\n",
		   "f:5: replay-grace \"2h\" is out of range: 0s to 1h"), "gate out of range");
	ok(refuses(MINIMAL "[gates]\nreplay-threshold = off\n",
		   "f:5: replay-threshold \"off\" is not a number"), "gate that cannot be off");
	ok(refuses(MINIMAL "identity = a\n[tunnel]\nidentity = b\nuser = c\n[tunnel]\nuser = d\n",
		   "f:5: [tunnel] began on line 1 already"), "section twice, with texts");
	ok(refuses(MINIMAL "create = maybe\n", "f:4: create: \"maybe\" is neither yes nor no"), "yes or no");
	ok(refuses(MINIMAL "address = 10.0.0.1/33\n", "f:4: address: \"10.0.0.1/33\" is not ADDRESS/LENGTH"),
	   "address");
	ok(refuses("[tunnel]\nnode-id = 1\ndevice = averyverylongname\n",
		   "f:3: device: \"averyverylongname\" cannot be the name of an interface (at most 15 characters, no space, '/', ':' or '%')"),
	   "device name");
	ok(refuses(MINIMAL "[registry]\ntype = file\n", "f:4: [registry]: path is missing"), "registry path");
	ok(refuses(MINIMAL "[registry]\npath = x\n", "f:4: [registry]: type is missing"), "registry type");
	ok(refuses(MINIMAL "allow-unauthenticated = no\n",
		   "f:4: allow-unauthenticated: without an identity no peer could be reached"),
	   "neither identity nor unauthenticated");
	ok(refuses(MINIMAL "[peer 8]\npath = relay\n", "f:4: [peer]: path = relay needs a [beacon]"),
	   "relay without beacon");
	ok(refuses(MINIMAL "[peer 8]\nallowed-ips = 10.0.0.0/8\n[peer 9]\nallowed-ips = 10.0.0.0/8\n",
		   "f:6: allowed-ips: 10.0.0.0/8 of peer 9 belongs to peer 8 already"), "prefix of two peers");
	ok(refuses("[tunnel]\ndevice = p\nnode-id = \x1b[31m0\n",
		   "f:3: node-id: node \"?[31m0\" is not a node ID: 7, 0x7 or 0:0000.0000.0007"),
	   "control characters are not repeated");

	parse(&cfg, "[tunnel]\nnode-id = x\ndevice = a/b\nmtu = 1\nfoo = 1\n[bar]\nx = 1\n",
	      strlen("[tunnel]\nnode-id = x\ndevice = a/b\nmtu = 1\nfoo = 1\n[bar]\nx = 1\n"), &errors);
	ok(errors == 5, "all mistakes are told at once");
	ok(parse(&cfg, "[tunnel]\nnode\0-id = 1\n", 22, &errors) &&
	   strstr(all, "f:2: the line contains a NUL byte\n"), "NUL byte");

	/* A line of a megabyte, and a million mistakes. */
	buf = malloc(1 << 20);
	memset(buf, 'x', 1 << 20);
	ok(parse(&cfg, buf, 1 << 20, &errors), "a very long line");
	for (errors = 0; errors < 1 << 20; errors++)
		buf[errors] = errors & 1 ? '\n' : 'x';
	ok(parse(&cfg, buf, 1 << 20, &errors) && errors > 500000 &&
	   strstr(all, "more mistakes"), "very many mistakes");
	free(buf);

	ok(refuses("\xef\xbb\xbf" MINIMAL,
		   "f:1: \"???[tunnel]\" is neither a section nor KEY = VALUE"),
	   "byte order mark");
	ok(accepts(MINIMAL "\n\r\n;\n#\n   \n"), "nothing but comments and blanks");
	ok(accepts("[tunnel]\ndevice = pilot0\nnode-id = 7"), "last line without an end");
	ok(accepts(MINIMAL "[timers]\nrekey = off\n[peer 8]\n"), "rekey off");
}

/* Every way to cut or to change a byte of a file: no crash, and it says why. */
static void test_mutations(void)
{
	static const char text[] =
		MINIMAL "address = 10.0.0.7/24\n[registry]\ntype = file\npath = x\n"
		"[peer 9]\nendpoint = [2001:db8::1]:5\nallowed-ips = 10.9.0.0/16\n"
		"public-key = " KEY1 "\n";
	static const char bytes[] = { 0, '\n', '[', ']', '=', '#', ' ', '\xff', '9' };
	size_t len = strlen(text), i, j, errors;
	char copy[sizeof(text)];
	struct config cfg;
	bool good = true;

	for (i = 0; i <= len; i++) {
		if (!parse(&cfg, text, i, &errors))
			config_free(&cfg);
		else
			good &= errors > 0 && all[0];
		for (j = 0; i < len && j < sizeof(bytes); j++) {
			memcpy(copy, text, sizeof(text));
			copy[i] = bytes[j];
			if (!parse(&cfg, copy, len, &errors))
				config_free(&cfg);
			else
				good &= errors > 0 && all[0];
		}
	}
	ok(good, "cut and changed files");
}

static int parse_registry(struct registry *r, const char *text, size_t len)
{
	struct textfile t;
	int ret = textfile_copy(&t, "r", text, len);

	if (!ret)
		ret = registry_read(r, &t);
	all[0] = '\0';
	textfile_report(&t, collect);
	textfile_release(&t);
	return ret;
}

static void test_registry(void)
{
	static const char text[] =
		"# nodes\n"
		"9 " KEY1 " 192.0.2.9:37736\r\n"
		"\n"
		"0:0000.0000.0007\t" KEY2 " # no endpoint\n";
	static const char wrong[] =
		"1\n"
		"2 short\n"
		"x " KEY1 "\n"
		"4 " KEY1 " 192.0.2.9\n"
		"5 " KEY1 " 192.0.2.9:1 more\n"
		"6 " KEY1 "\n"
		"0x6 " KEY2 "\n";
	const struct registry_node *n;
	struct registry r;
	bool good = true;
	size_t i;

	ok(!parse_registry(&r, text, strlen(text)) && r.n == 2, "registry: read");
	n = registry_find(&r, 7);
	ok(n && n->key[31] == 31 && !n->endpoint.sa.sa_family && n->line == 4,
	   "registry: a node without endpoint");
	n = registry_find(&r, 9);
	ok(n && ntohs(n->endpoint.in.sin_port) == 37736 && !registry_find(&r, 8),
	   "registry: a node with endpoint, and none");
	registry_free(&r);

	ok(parse_registry(&r, wrong, strlen(wrong)) &&
	   strstr(all, "r:1: public key: missing\n") &&
	   strstr(all, "r:2: public key: 5 characters") &&
	   strstr(all, "r:3: node \"x\" is not") &&
	   strstr(all, "r:4: endpoint") &&
	   strstr(all, "r:5: more than three fields\n") &&
	   strstr(all, "r:7: node ID: 6 stands on line 6 already\n"),
	   "registry: every mistake has its line");
	if (!strstr(all, "r:4"))
		diag("%s", all);
	ok(!parse_registry(&r, "", 0) && !r.n && !registry_find(&r, 1), "registry: empty");
	registry_free(&r);
	for (i = 0; i < strlen(text); i++) {
		if (!parse_registry(&r, text, i))
			registry_free(&r);
		else
			good &= all[0] != '\0';
	}
	ok(good, "registry: cut files");
}

#define AUTO	"[tunnel]\ndevice = pilot0\nnode-id = auto\n"
#define WITH_ID	MINIMAL "identity = id\n"
#define PIN	"00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff"

static void test_registry_tcp(void)
{
	struct config cfg;
	const char *text;

	text = AUTO "identity = id\n[registry]\ntype = tcp\naddress = registry.example\n"
	       "fallback = [2001:db8::1]:9443\ntls = yes\nfingerprint = " PIN ",\t" PIN "\n"
	       "path = local\nvisibility = public\nderegister = yes\n"
	       "listen-addr = 192.0.2.7:4000\ntimeout = 3\nretry-max = 4\nmax-dynamic = 5\nidle-timeout = 30\n";
	if (ok(!parse(&cfg, text, strlen(text), NULL), "registry over TCP, everything")) {
		const struct registry_tcp_config *t = &cfg.tcp.client;

		ok(cfg.node_auto && !cfg.node && !strcmp(cfg.state, "/var/lib/pilot/pilot0.node") &&
		   !strcmp(cfg.registry, "local"), "registry: node ID, state, file beside it");
		ok(t->n_servers == 2 && !strcmp(t->servers[0].host, "registry.example") &&
		   t->servers[0].port == 9000 && !strcmp(t->servers[1].host, "2001:db8::1") &&
		   t->servers[1].port == 9443, "registry: servers");
		ok(t->tls && t->pins.n == 2 && t->pins.v[1][0] == 0 && t->pins.v[1][31] == 0xff,
		   "registry: TLS");
		ok(t->do_register && t->deregister && t->visibility == 1 &&
		   t->listen.in.sin_port == htons(4000) && cfg.tcp.on_demand &&
		   cfg.tcp.max_dynamic == 5 && t->times.step == 3000 && t->times.request == 3000 &&
		   t->times.backoff_max == 4000 && cfg.tcp.idle_timeout == 30, "registry: the rest");
		config_free(&cfg);
	} else {
		diag("%s", all);
	}
	text = MINIMAL "[registry]\ntype = tcp\naddress = 192.0.2.1\n";
	if (ok(!parse(&cfg, text, strlen(text), NULL), "registry over TCP without an identity")) {
		ok(!cfg.tcp.client.do_register && !cfg.tcp.on_demand && cfg.tcp.client.visibility == -1 &&
		   !cfg.tcp.client.tls && !cfg.state, "registry: look-ups only");
		config_free(&cfg);
	}
	text = WITH_ID "[registry]\ntype = tcp\naddress = 192.0.2.1\nidle-timeout = off\n";
	if (ok(!parse(&cfg, text, strlen(text), NULL), "registry over TCP with an identity")) {
		ok(cfg.tcp.client.do_register && !cfg.tcp.client.deregister && cfg.tcp.on_demand &&
		   !cfg.tcp.idle_timeout && cfg.tcp.max_dynamic == 1024, "registry: defaults");
		config_free(&cfg);
	}
	ok(refuses(MINIMAL "[registry]\npath = a\n", "f:4: [registry]: type is missing"),
	   "registry: type");
	ok(refuses(MINIMAL "[registry]\ntype = udp\n",
		   "f:5: type: \"udp\" is no type of registry; \"file\" and \"tcp\" are"),
	   "registry: unknown type");
	ok(refuses(MINIMAL "[registry]\ntype = tcp\n", "f:4: [registry]: address is missing"),
	   "registry: address");
	ok(refuses(MINIMAL "[registry]\ntype = file\npath = a\ntls = yes\n",
		   "f:4: [registry]: tls needs type = tcp"), "registry: TLS of a file");
	ok(refuses(MINIMAL "[registry]\ntype = tcp\naddress = a:b\n",
		   "f:6: address: \"a:b\" is not HOST:PORT, A.B.C.D:PORT or [V6]:PORT"),
	   "registry: port");
	ok(refuses(MINIMAL "[registry]\ntype = tcp\naddress = [::1\n",
		   "f:6: address: \"[::1\" is not HOST:PORT, A.B.C.D:PORT or [V6]:PORT"),
	   "registry: bracket");
	ok(refuses(MINIMAL "[registry]\ntype = tcp\naddress = a/b\n",
		   "f:6: address: \"a/b\" is not HOST:PORT, A.B.C.D:PORT or [V6]:PORT"),
	   "registry: name");
	ok(refuses(MINIMAL "[registry]\ntype = tcp\naddress = a\nfallback = A:9000\n",
		   "f:4: [registry]: fallback is the same as address"), "registry: fallback");
	ok(refuses(MINIMAL "[registry]\ntype = tcp\naddress = a\nfingerprint = " PIN "\n",
		   "f:4: [registry]: fingerprint needs tls = yes"), "registry: pin without TLS");
	ok(refuses(MINIMAL "[registry]\ntype = tcp\naddress = a\ntls = yes\nfingerprint = abc\n",
		   "f:8: fingerprint: \"abc\" is not the SHA-256 of a certificate: 64 hex digits"),
	   "registry: bad pin");
	ok(refuses(MINIMAL "[registry]\ntype = tcp\naddress = a\nregister = yes\n",
		   "f:4: [registry]: register needs an identity"), "registry: register unsigned");
	ok(refuses(WITH_ID "[registry]\ntype = tcp\naddress = a\nregister = no\nvisibility = public\n",
		   "f:5: [registry]: visibility needs register = yes"), "registry: visibility");
	ok(refuses(WITH_ID "[registry]\ntype = tcp\naddress = a\nvisibility = yes\n",
		   "f:8: visibility: \"yes\" is neither public nor private"), "registry: visible");
	ok(refuses(WITH_ID "[registry]\ntype = tcp\naddress = a\non-demand = no\nidle-timeout = 60\n",
		   "f:5: [registry]: idle-timeout needs on-demand = yes"), "registry: idle");
	ok(refuses(WITH_ID "[registry]\ntype = tcp\naddress = a\nidle-timeout = 9\n",
		   "f:8: idle-timeout \"9\" is out of range: 10 to 2592000"), "registry: idle range");
	ok(refuses(AUTO, "f:1: node-id: auto needs a registry of type = tcp that we register with"),
	   "node-id auto without a registry");
	ok(refuses(WITH_ID "state = a\n", "f:1: state: needs node-id = auto"),
	   "state without node-id auto");
}

int main(void)
{
	if (sodium_init() < 0)
		return 1;
	test_full();
	test_defaults();
	test_table();
	test_refusals();
	test_registry_tcp();
	test_mutations();
	test_registry();
	return done();
}
