// SPDX-License-Identifier: GPL-2.0
#include "cli.h"

#include <errno.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <sodium.h>

#include "lib/suggest.h"

__attribute__((format(printf, 2, 0)))
static void say(const char *prefix, const char *fmt, va_list ap)
{
	char text[1024];

	/* Arguments and file names may hold anything. */
	vsnprintf(text, sizeof(text), fmt, ap);
	fprintf(stderr, "pilot: %s%s\n", prefix, pilot_sanitize(text));
}

int cli_fail(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	say("", fmt, ap);
	va_end(ap);
	return CLI_FAILED;
}

void cli_warn(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	say("warning: ", fmt, ap);
	va_end(ap);
}

int cli_usage(const struct cli_command *cmd, const char *fmt, ...)
{
	const char *line = cmd ? cmd->usage : "";
	va_list ap;

	va_start(ap, fmt);
	say("", fmt, ap);
	va_end(ap);
	if (!cmd)
		fputs("pilot help lists the commands\n", stderr);
	while (*line) {
		size_t len = strcspn(line, "\n");

		cli_wrap(stderr, "usage: pilot ", line, len, 80);
		line += len + (line[len] == '\n');
	}
	return CLI_USAGE;
}

int cli_bad_value(const struct cli_command *cmd, const struct pilot_error *err)
{
	cli_fail("%s", err->text);
	fprintf(stderr, "pilot help %s tells what it takes\n", cmd->name);
	return CLI_USAGE;
}

int cli_no_option(const struct cli_command *cmd, int opt, char *const *argv)
{
	static const char *const words[] = { "--json", "--color", "--help", NULL };

	if (opt != '-')
		return cli_usage(cmd, "there is no option \"-%c\"", opt);
	while (*argv && strncmp(*argv, "--", 2))
		argv++;
	return cli_usage(cmd, "there is no option \"%.40s\"%s", *argv ? *argv : "--",
			 *argv ? cli_did_you_mean(*argv, words) : "");
}

const char *cli_did_you_mean(const char *word, const char *const *words)
{
	const char *found = pilot_suggest(word, words);
	static char text[80];

	if (!found)
		return "";
	snprintf(text, sizeof(text), "; did you mean \"%s\"?", found);
	return text;
}

bool cli_take_json(int *argc, char **argv)
{
	bool json = false;
	int i, n = 0;

	for (i = 0; i < *argc; i++) {
		if (!strcmp(argv[i], "-j") || !strcmp(argv[i], "--json"))
			json = true;
		else
			argv[n++] = argv[i];
	}
	argv[n] = NULL;
	*argc = n;
	return json;
}

int cli_parse_dev(const char *arg, struct pilot_dev *dev,
		  struct pilot_error *err)
{
	size_t len = strlen(arg);

	memset(dev, 0, sizeof(*dev));
	if (!len || len >= sizeof(dev->ifname))
		return pilot_error_set(err, -EINVAL,
				       "device name \"%.40s\" is not 1 to %zu bytes long",
				       arg, sizeof(dev->ifname) - 1);
	memcpy(dev->ifname, arg, len);
	return 0;
}

int cli_check_network(struct pilot_genl *g, const struct pilot_dev *dev,
		      int network)
{
	struct pilot_device_info info;

	if (network == PILOT_NO_NETWORK)
		return CLI_DONE;
	if (pilot_device_get(g, dev, &info))
		return cli_fail("%s: %s", dev->ifname, g->err.text);
	if (info.network != network)
		return cli_fail("%s: the address is of network %d, the device is in network %u",
				dev->ifname, network, info.network);
	return CLI_DONE;
}

const char *cli_ifname(const struct pilot_dev *dev)
{
	static char name[IF_NAMESIZE];

	memcpy(name, dev->ifname, sizeof(name));
	name[sizeof(name) - 1] = '\0';
	return pilot_sanitize(name);
}

const char *cli_node(uint16_t network, uint32_t node)
{
	static char text[PILOT_ADDRESS_STRLEN + 16];
	char address[PILOT_ADDRESS_STRLEN];

	snprintf(text, sizeof(text), "%u (%s)", node,
		 pilot_format_address(network, node, address));
	return text;
}

int cli_print_json(json_t *value, size_t flags)
{
	int ret;

	if (!value)
		return cli_fail("out of memory");
	ret = json_dumpf(value, stdout, flags | JSON_ENCODE_ANY);
	json_decref(value);
	if (ret || putchar('\n') == EOF)
		return cli_fail("cannot write to stdout: %s", strerror(errno));
	return CLI_DONE;
}

bool cli_print_indented(json_t *value, int indent, size_t cut)
{
	char *text = value ? json_dumps(value, JSON_INDENT(2)) : NULL;
	const char *p, *end, *next;

	json_decref(value);
	if (!text)
		return false;
	end = text + strlen(text) - cut;
	for (p = text; p < end; p = next) {
		next = memchr(p, '\n', end - p);
		next = next ? next + 1 : end;
		printf("%*s", indent, "");
		fwrite(p, 1, next - p, stdout);
	}
	free(text);
	return true;
}

json_t *cli_json_u64(uint64_t v)
{
	return json_integer(v > INT64_MAX ? INT64_MAX : (json_int_t)v);
}

json_t *cli_json_age(uint64_t ms)
{
	return ms == PILOT_NEVER ? json_null() : cli_json_u64(ms);
}

json_t *cli_json_bytes(const uint8_t *p, size_t len)
{
	char text[sodium_base64_ENCODED_LEN(64, sodium_base64_VARIANT_ORIGINAL)];

	sodium_bin2base64(text, sizeof(text), p, len,
			  sodium_base64_VARIANT_ORIGINAL);
	return json_string(text);
}

const char *cli_json_name(const char *name, const char *suffix)
{
	static char buf[64];
	char *p;

	snprintf(buf, sizeof(buf), "%s%s", name, suffix);
	for (p = buf; *p; p++)
		if (*p == '-')
			*p = '_';
	return buf;
}

json_t *cli_json_key(const struct pilot_key_info *key)
{
#define HAS(attr) ((key->has & PILOT_HAS(attr)) != 0)
	return json_pack("{s:o, s:s, s:b, s:o, s:b, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o}",
		"id", cli_json_u64(key->id),
		"slot", pilot_slot_name(key->slot),
		"authenticated", HAS(PILOT_A_KEY_AUTHENTICATED),
		"peer_ed25519", HAS(PILOT_A_KEY_PEER_ED25519) ?
			cli_json_bytes(key->peer_ed25519, sizeof(key->peer_ed25519)) :
			json_null(),
		"proven", HAS(PILOT_A_KEY_PROVEN),
		"age_ms", cli_json_u64(key->age),
		"last_rx_ms", cli_json_age(key->last_rx),
		"peer_x25519", HAS(PILOT_A_KEY_PEER_X25519) ?
			cli_json_bytes(key->peer_x25519, sizeof(key->peer_x25519)) :
			json_null(),
		"local_x25519", HAS(PILOT_A_KEY_LOCAL_X25519) ?
			cli_json_bytes(key->local_x25519, sizeof(key->local_x25519)) :
			json_null(),
		"tx_prefix", cli_json_u64(key->tx_prefix),
		"tx_counter", cli_json_u64(key->tx_counter),
		"rx_prefix", HAS(PILOT_A_KEY_RX_PREFIX) ?
			cli_json_u64(key->rx_prefix) : json_null(),
		"rx_counter", HAS(PILOT_A_KEY_RX_PREFIX) ?
			cli_json_u64(key->rx_counter) : json_null(),
		"rx_epochs", cli_json_u64(key->rx_epochs),
		"decrypt_fails", cli_json_u64(key->decrypt_fails),
		"outside_window", cli_json_u64(key->outside_window),
		"replays", cli_json_u64(key->replays),
		"gated", key->gated ?
			json_string(pilot_reason_name(key->gated)) : json_null());
#undef HAS
}
