// SPDX-License-Identifier: GPL-2.0
/*
 * pilot key: static keys. Secrets come from files or stdin, never from the
 * command line, and are never shown.
 */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <sodium.h>

#include "cli.h"

/* A key and the white space around it. */
#define TEXT_MAX	1024

/* Return: CLI_DONE, or CLI_FAILED after saying why. */
static int read_key(const char *path, uint8_t *key)
{
	bool from_stdin = !strcmp(path, "-");
	const char *name = from_stdin ? "stdin" : path;
	struct pilot_error err;
	int fd = STDIN_FILENO;
	int ret = CLI_DONE;
	struct stat st;
	size_t len = 0;
	char *text;
	ssize_t n;

	if (!from_stdin)
		fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
	if (fd < 0)
		return cli_fail("%s: %s", name, strerror(errno));
	text = sodium_malloc(TEXT_MAX + 1);
	if (!text) {
		ret = cli_fail("no memory for a key: %s", strerror(errno));
		goto out;
	}
	if (!fstat(fd, &st) && S_ISREG(st.st_mode) &&
	    st.st_mode & (S_IRGRP | S_IROTH))
		cli_warn("%s: mode %04o lets others read the key", name,
			 (unsigned int)st.st_mode & 07777);
	do {
		n = read(fd, text + len, TEXT_MAX + 1 - len);
		if (n > 0)
			len += n;
	} while ((n > 0 && len <= TEXT_MAX) || (n < 0 && errno == EINTR));
	if (n < 0)
		ret = cli_fail("%s: %s", name, strerror(errno));
	else if (len > TEXT_MAX)
		ret = cli_fail("%s: too long for a key", name);
	else if (pilot_parse_key(text, len, name, key, &err))
		ret = cli_fail("%s", err.text);
out:
	sodium_free(text);
	if (!from_stdin)
		close(fd);
	return ret;
}

static int key_set(int argc, char **argv, struct pilot_genl *g,
		   const struct pilot_dev *dev, uint32_t node, int network,
		   bool json)
{
	static const char *const words[] = { "authenticated", "id", NULL };
	struct pilot_key_info key = { .node_id = node }, got;
	struct pilot_error err;
	uint8_t *secret;
	int i, ret;

	for (i = 5; i < argc; i++) {
		if (!strcmp(argv[i], "authenticated")) {
			key.has |= PILOT_HAS(PILOT_A_KEY_AUTHENTICATED);
		} else if (!strcmp(argv[i], "id") && i + 1 < argc) {
			if (pilot_parse_u32(argv[++i], "id", 1, UINT32_MAX,
					    &key.id, &err))
				return cli_bad_value(&cmd_key, &err);
			key.has |= PILOT_HAS(PILOT_A_KEY_ID);
		} else if (!strcmp(argv[i], "id")) {
			return cli_usage(&cmd_key, "\"id\" needs a value");
		} else {
			return cli_usage(&cmd_key, "unexpected argument \"%.40s\"%s", argv[i],
					 cli_did_you_mean(argv[i], words));
		}
	}

	secret = sodium_malloc(PILOT_KEY_LEN);
	if (!secret)
		return cli_fail("no memory for a key: %s", strerror(errno));
	ret = read_key(argv[4], secret);
	if (ret)
		goto out;
	key.secret = secret;

	if (pilot_genl_open(g)) {
		ret = cli_fail("%s", g->err.text);
		goto out;
	}
	ret = cli_check_network(g, dev, network);
	if (ret)
		goto out;
	if (pilot_key_set(g, dev, &key, &got))
		ret = cli_fail("%s: key of peer %u: %s", dev->ifname, node,
			       g->err.text);
	else if (json)
		ret = cli_print_json(json_pack("{s:o, s:o, s:s}",
					       "node_id", cli_json_u64(node),
					       "id", cli_json_u64(got.id),
					       "slot", pilot_slot_name(got.slot)),
				     JSON_INDENT(2));
out:
	sodium_free(secret);
	return ret;
}

static int key_del(int argc, char **argv, struct pilot_genl *g,
		   const struct pilot_dev *dev, uint32_t node, int network)
{
	struct pilot_error err;
	uint32_t id = 0;
	int ret;

	if (argc > 4) {
		if (strcmp(argv[4], "id"))
			return cli_usage(&cmd_key, "unexpected argument \"%.40s\"",
					 argv[4]);
		if (argc == 5)
			return cli_usage(&cmd_key, "\"id\" needs a value");
		if (argc > 6)
			return cli_usage(&cmd_key, "unexpected argument \"%.40s\"",
					 argv[6]);
		if (pilot_parse_u32(argv[5], "id", 1, UINT32_MAX, &id, &err))
			return cli_bad_value(&cmd_key, &err);
	}
	if (pilot_genl_open(g))
		return cli_fail("%s", g->err.text);
	ret = cli_check_network(g, dev, network);
	if (ret)
		return ret;
	if (pilot_key_del(g, dev, node, id))
		return cli_fail("%s: key of peer %u: %s", dev->ifname, node,
				g->err.text);
	return CLI_DONE;
}

static void print_public(const char *name, const uint8_t *p)
{
	char text[sodium_base64_ENCODED_LEN(PILOT_X25519_LEN,
					    sodium_base64_VARIANT_ORIGINAL)];

	cli_field(name);
	puts(sodium_bin2base64(text, sizeof(text), p, PILOT_X25519_LEN,
			       sodium_base64_VARIANT_ORIGINAL));
}

static void print_key(uint16_t network, const struct pilot_key_info *k)
{
	char age[PILOT_AGE_STRLEN];

#define HAS(attr) (k->has & PILOT_HAS(attr))
	printf("%speer%s: %s%s%s\n", cli_color(COLOR_BOLD), cli_color(COLOR_RESET),
	       cli_color(COLOR_YELLOW), cli_node(network, k->node_id), cli_color(COLOR_RESET));
	cli_field("key");
	printf("id %u, %s, %s, %s\n", k->id, pilot_slot_name(k->slot),
	       HAS(PILOT_A_KEY_AUTHENTICATED) ? "authenticated" : "unauthenticated",
	       HAS(PILOT_A_KEY_PROVEN) ? "proven" : "unproven");
	if (k->gated) {
		cli_field("in doubt");
		printf("%s%s%s\n", cli_color(COLOR_YELLOW), pilot_reason_name(k->gated),
		       cli_color(COLOR_RESET));
	}
	cli_field("installed");
	puts(pilot_format_age(k->age, age));
	cli_field("latest decrypt");
	puts(pilot_format_age(k->last_rx, age));
	cli_field("sent");
	printf("prefix 0x%08x, counter %" PRIu64 "\n", k->tx_prefix, k->tx_counter);
	if (HAS(PILOT_A_KEY_RX_PREFIX)) {
		cli_field("received");
		printf("prefix 0x%08x, counter %" PRIu64 ", %u prefix%s seen\n", k->rx_prefix,
		       k->rx_counter, k->rx_epochs, k->rx_epochs == 1 ? "" : "es");
	}
	if (k->decrypt_fails || k->outside_window || k->replays) {
		cli_field("failures in a row");
		printf("%u decrypt, %u outside the window, %u replays\n", k->decrypt_fails,
		       k->outside_window, k->replays);
	}
	if (HAS(PILOT_A_KEY_PEER_ED25519))
		print_public("peer's identity", k->peer_ed25519);
	if (HAS(PILOT_A_KEY_PEER_X25519))
		print_public("peer's X25519 key", k->peer_x25519);
	if (HAS(PILOT_A_KEY_LOCAL_X25519))
		print_public("own X25519 key", k->local_x25519);
#undef HAS
}

static int key_show(struct pilot_genl *g, const struct pilot_dev *dev,
		    uint32_t node, int network, bool json)
{
	struct pilot_device_info info;
	struct pilot_key_info *list;
	size_t i, n;
	int ret;

	if (pilot_genl_open(g))
		return cli_fail("%s", g->err.text);
	ret = cli_check_network(g, dev, network);
	if (ret)
		return ret;
	if (pilot_device_get(g, dev, &info))
		return cli_fail("%s: %s", dev->ifname, g->err.text);
	if (node)
		ret = pilot_key_get(g, dev, node, &list, &n);
	else
		ret = pilot_key_dump(g, dev, &list, &n);
	if (ret && node)
		return cli_fail("%s: peer %u: %s", dev->ifname, node, g->err.text);
	if (ret)
		return cli_fail("%s: %s", dev->ifname, g->err.text);

	if (!json) {
		for (i = 0; i < n; i++) {
			if (i)
				putchar('\n');
			print_key(info.network, &list[i]);
		}
		free(list);
		return CLI_DONE;
	}

	putchar('[');
	for (i = 0; i < n && ret == CLI_DONE; i++) {
		json_t *key = cli_json_key(&list[i]);

		json_object_set_new(key, "node_id", cli_json_u64(list[i].node_id));
		puts(i ? "," : "");
		if (!cli_print_indented(key, 2, 0))
			ret = cli_fail("out of memory");
	}
	puts(n ? "\n]" : "]");
	free(list);
	return ret;
}

static int key_new(bool json)
{
	char text[sodium_base64_ENCODED_LEN(PILOT_KEY_LEN,
					    sodium_base64_VARIANT_ORIGINAL)];
	char line[sizeof(text) + 16];
	uint8_t key[PILOT_KEY_LEN];
	int ret = CLI_DONE, len;
	struct stat st;

	if (!fstat(STDOUT_FILENO, &st) && S_ISREG(st.st_mode) &&
	    st.st_mode & (S_IRWXG | S_IRWXO))
		cli_warn("the key goes to a file of mode %04o that others may open; umask 077 avoids that",
			 (unsigned int)st.st_mode & 07777);
	randombytes_buf(key, sizeof(key));
	sodium_bin2base64(text, sizeof(text), key, sizeof(key),
			  sodium_base64_VARIANT_ORIGINAL);
	len = snprintf(line, sizeof(line), "%s%s%s\n", json ? "{\"key\": \"" : "",
		       text, json ? "\"}" : "");
	/* Not through stdio, whose buffer would keep it. */
	if (write(STDOUT_FILENO, line, len) != len)
		ret = cli_fail("cannot write the key: %s", strerror(errno));
	sodium_memzero(key, sizeof(key));
	sodium_memzero(text, sizeof(text));
	sodium_memzero(line, sizeof(line));
	return ret;
}

static int run(int argc, char **argv)
{
	static const char *const verbs[] = { "set", "del", "show", "new", NULL };
	bool json = cli_take_json(&argc, argv);
	bool set, del, show;
	int network = PILOT_NO_NETWORK;
	struct pilot_genl g = { 0 };
	struct pilot_error err;
	struct pilot_dev dev;
	uint32_t node = 0;
	int ret;

	if (argc < 2)
		return cli_usage(&cmd_key, "set, del, show or new?");
	set = !strcmp(argv[1], "set");
	del = !strcmp(argv[1], "del");
	show = !strcmp(argv[1], "show");
	if (!strcmp(argv[1], "new")) {
		if (argc > 2)
			return cli_usage(&cmd_key, "unexpected argument \"%.40s\"",
					 argv[2]);
		return key_new(json);
	}
	if (!set && !del && !show)
		return cli_usage(&cmd_key,
				 "\"%.40s\" is not set, del, show or new%s", argv[1],
				 cli_did_you_mean(argv[1], verbs));
	if (del && json)
		return cli_usage(&cmd_key, "key del prints nothing: no --json");
	if (argc < 3)
		return cli_usage(&cmd_key, "which device?");
	if (cli_parse_dev(argv[2], &dev, &err))
		return cli_bad_value(&cmd_key, &err);
	if (argc < 4 && !show)
		return cli_usage(&cmd_key, "which node?");
	if (argc > 3 && pilot_parse_node(argv[3], &node, &network, &err))
		return cli_bad_value(&cmd_key, &err);
	if (set && argc < 5)
		return cli_usage(&cmd_key, "which file holds the key? (- is stdin)");
	if (show && argc > 4)
		return cli_usage(&cmd_key, "unexpected argument \"%.40s\"", argv[4]);

	if (set)
		ret = key_set(argc, argv, &g, &dev, node, network, json);
	else if (del)
		ret = key_del(argc, argv, &g, &dev, node, network);
	else
		ret = key_show(&g, &dev, node, network, json);
	pilot_genl_close(&g);
	return ret;
}

const struct cli_command cmd_key = {
	.name = "key",
	.usage = "key set DEV NODE FILE [id N] [authenticated] [-j|--json]\n"
		 "key del DEV NODE [id N]\n"
		 "key show DEV [NODE] [-j|--json]\n"
		 "key new [-j|--json]",
	.summary = "static keys: install, drop, list, make",
	.help = "  FILE           64 hex digits or base64 of 32 bytes; - is stdin\n"
		"  id             name of the key; key del then drops that key only\n"
		"  authenticated  the peer is known to be who it says\n",
	.run = run,
};
