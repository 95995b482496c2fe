// SPDX-License-Identifier: GPL-2.0
/*
 * pilot rekey: ask the daemon, through the kernel, for a new key exchange.
 */
#include "cli.h"

static int run(int argc, char **argv)
{
	struct pilot_error err;
	struct pilot_genl g;
	struct pilot_dev dev;
	uint32_t node;
	int network, ret;

	if (argc < 2)
		return cli_usage(&cmd_rekey, "which device?");
	if (cli_parse_dev(argv[1], &dev, &err))
		return cli_bad_value(&cmd_rekey, &err);
	if (argc < 3)
		return cli_usage(&cmd_rekey, "which node?");
	if (pilot_parse_node(argv[2], &node, &network, &err))
		return cli_bad_value(&cmd_rekey, &err);
	if (argc > 3)
		return cli_usage(&cmd_rekey, "unexpected argument \"%.40s\"", argv[3]);

	if (pilot_genl_open(&g)) {
		ret = cli_fail("%s", g.err.text);
		goto out;
	}
	ret = cli_check_network(&g, &dev, network);
	if (!ret && pilot_rekey(&g, &dev, node))
		ret = cli_fail("%s: peer %u: %s", dev.ifname, node, g.err.text);
out:
	pilot_genl_close(&g);
	return ret;
}

const struct cli_command cmd_rekey = {
	.name = "rekey",
	.usage = "rekey DEV NODE",
	.summary = "ask the daemon for a new key exchange with a peer",
	.run = run,
};
