// SPDX-License-Identifier: GPL-2.0
/*
 * pilot identity: the long-term key of a node.
 */
#include "lib/identity.h"

#include <string.h>

#include <sodium.h>

#include "cli.h"

static int print(const struct pilot_identity *id, bool json)
{
	char text[sodium_base64_ENCODED_LEN(PILOT_ED25519_LEN,
					    sodium_base64_VARIANT_ORIGINAL)];

	if (json)
		return cli_print_json(json_pack("{s:o}", "public_key",
						cli_json_bytes(id->pub, sizeof(id->pub))),
				      JSON_INDENT(2));
	puts(sodium_bin2base64(text, sizeof(text), id->pub, sizeof(id->pub),
			       sodium_base64_VARIANT_ORIGINAL));
	return CLI_DONE;
}

static int run(int argc, char **argv)
{
	bool json = cli_take_json(&argc, argv);
	struct pilot_identity id;
	struct pilot_error err;
	bool fresh;
	int ret;

	if (argc < 2)
		return cli_usage(&cmd_identity, "new or show?");
	fresh = !strcmp(argv[1], "new");
	if (!fresh && strcmp(argv[1], "show"))
		return cli_usage(&cmd_identity, "\"%.40s\" is not new or show%s", argv[1],
				 cli_did_you_mean(argv[1], (const char *const[]){ "new", "show", NULL }));
	if (argc < 3)
		return cli_usage(&cmd_identity, "which file?");
	if (argc > 3)
		return cli_usage(&cmd_identity, "unexpected argument \"%.40s\"",
				 argv[3]);

	if (fresh) {
		if (pilot_identity_new(&id, &err))
			return cli_fail("%s", err.text);
		if (pilot_identity_save(&id, argv[2], &err)) {
			pilot_identity_free(&id);
			return cli_fail("%s", err.text);
		}
	} else if (pilot_identity_load(&id, argv[2], true, &err)) {
		return cli_fail("%s", err.text);
	}
	ret = print(&id, json);
	pilot_identity_free(&id);
	return ret;
}

const struct cli_command cmd_identity = {
	.name = "identity",
	.usage = "identity new FILE [-j|--json]\n"
		 "identity show FILE [-j|--json]",
	.summary = "make an identity, or show the public key of one",
	.help = "  Both print the public key. A file that exists is never replaced.\n",
	.run = run,
};
