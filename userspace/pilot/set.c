// SPDX-License-Identifier: GPL-2.0
/*
 * pilot set: settings of a device.
 */
#include <errno.h>
#include <string.h>

#include "cli.h"
#include "lib/limits.h"

static int take_switch(const char *keyword, const char *value, bool *on,
		       struct pilot_error *err)
{
	*on = !strcmp(value, "on");
	if (*on || !strcmp(value, "off"))
		return 0;
	return pilot_error_set(err, -EINVAL, "%s \"%.40s\" is not on or off", keyword,
			       value);
}

/* Keywords that are no limits. */
#define OTHERS	7

static const char *near(const char *keyword)
{
	const char *words[OTHERS + PILOT_A_DEVICE_MAX + 1] = {
		"node-id", "network", "listen-port", "fwmark", "beacon", "unauth", "on-demand"
	};
	size_t i;

	for (i = 0; i < pilot_n_limits; i++)
		words[OTHERS + i] = pilot_limit_name(&pilot_limits[i]);
	return cli_did_you_mean(keyword, words);
}

/* One KEYWORD VALUE pair into @info. Return: 0 or negative errno. */
static int take_setting(const char *keyword, const char *value,
			struct pilot_device_info *info, int *address_network,
			struct pilot_error *err)
{
	const struct pilot_limit *limit = pilot_limit_find(keyword);
	uint32_t v, attr;
	int ret;

	if (limit) {
		attr = limit->attr;
		ret = pilot_limit_parse(limit, value, &v, err);
	} else if (!strcmp(keyword, "node-id")) {
		attr = PILOT_A_DEVICE_NODE_ID;
		ret = pilot_parse_node(value, &info->node_id, address_network, err);
	} else if (!strcmp(keyword, "network")) {
		attr = PILOT_A_DEVICE_NETWORK;
		ret = pilot_parse_u32(value, keyword, 0, UINT16_MAX, &v, err);
		if (!ret)
			info->network = (uint16_t)v;
	} else if (!strcmp(keyword, "listen-port")) {
		attr = PILOT_A_DEVICE_LISTEN_PORT;
		ret = pilot_parse_u32(value, keyword, 0, UINT16_MAX, &v, err);
		if (!ret)
			info->listen_port = (uint16_t)v;
	} else if (!strcmp(keyword, "fwmark")) {
		attr = PILOT_A_DEVICE_FWMARK;
		info->fwmark = 0;
		ret = !strcmp(value, "off") ? 0 :
		      pilot_parse_u32(value, keyword, 0, UINT32_MAX,
				      &info->fwmark, err);
	} else if (!strcmp(keyword, "beacon")) {
		attr = PILOT_A_DEVICE_BEACON;
		memset(&info->beacon, 0, sizeof(info->beacon));
		ret = !strcmp(value, "off") ? 0 :
		      pilot_parse_endpoint(value, keyword, true, &info->beacon, err);
	} else if (!strcmp(keyword, "unauth")) {
		attr = PILOT_A_DEVICE_UNAUTH;
		ret = take_switch(keyword, value, &info->unauth, err);
	} else if (!strcmp(keyword, "on-demand")) {
		attr = PILOT_A_DEVICE_ON_DEMAND;
		ret = take_switch(keyword, value, &info->on_demand, err);
	} else {
		return pilot_error_set(err, -EINVAL, "there is no setting \"%.40s\"%s",
				       keyword, near(keyword));
	}
	if (ret)
		return ret;
	if (info->has & PILOT_HAS(attr))
		return pilot_error_set(err, -EINVAL, "%s is given twice", keyword);
	if (limit)
		pilot_limit_set(limit, info, v);
	info->has |= PILOT_HAS(attr);
	return 0;
}

static int run(int argc, char **argv)
{
	struct pilot_device_info info = { 0 };
	int network = PILOT_NO_NETWORK;
	struct pilot_error err;
	struct pilot_genl g;
	int i, ret;

	if (argc < 2)
		return cli_usage(&cmd_set, "which device?");
	if (cli_parse_dev(argv[1], &info.dev, &err))
		return cli_bad_value(&cmd_set, &err);
	if (argc < 3)
		return cli_usage(&cmd_set, "what is to be set?");

	for (i = 2; i < argc; i += 2) {
		if (i + 1 == argc)
			return cli_usage(&cmd_set, "\"%.40s\" needs a value",
					 argv[i]);
		ret = take_setting(argv[i], argv[i + 1], &info, &network, &err);
		/* A name that does not resolve is no mistake in the usage. */
		if (ret == -EHOSTUNREACH || ret == -EAGAIN)
			return cli_fail("%s", err.text);
		if (ret)
			return cli_bad_value(&cmd_set, &err);
	}

	/* An address says its network too. */
	if (network != PILOT_NO_NETWORK) {
		if (info.has & PILOT_HAS(PILOT_A_DEVICE_NETWORK) &&
		    info.network != network)
			return cli_usage(&cmd_set,
					 "network %u is not that of the address, %d",
					 info.network, network);
		info.network = (uint16_t)network;
		info.has |= PILOT_HAS(PILOT_A_DEVICE_NETWORK);
	}

	ret = CLI_DONE;
	if (pilot_genl_open(&g))
		ret = cli_fail("%s", g.err.text);
	else if (pilot_device_set(&g, &info))
		ret = cli_fail("%s: %s", info.dev.ifname, g.err.text);
	pilot_genl_close(&g);
	return ret;
}

const struct cli_command cmd_set = {
	.name = "set",
	.usage = "set DEV [node-id N] [network N] [listen-port PORT] [fwmark MARK|off] [beacon ADDRESS:PORT|off] [replay-window N] [unauth on|off] [on-demand on|off] [max-peers N] [decrypt-fail-threshold N] [decrypt-fail-grace TIME] [outside-window-threshold N] [outside-window-grace TIME] [replay-threshold N] [replay-grace TIME] [aged-drop TIME|off] [rekey-after FRAMES]",
	.summary = "change the settings of a device",
	.help = "  node-id        own node ID; given as an address it sets the network too\n"
		"  network        Pilot network, 0 to 65535\n"
		"  listen-port    UDP port; 0: any\n"
		"  fwmark         mark of outer packets\n"
		"  beacon         the beacon to relay through\n"
		"  replay-window  power of two, 64 to 8192, for keys installed from now on\n"
		"  unauth         whether peers without a proven identity may have keys\n"
		"  on-demand      whether the daemon is asked for peers that packets are for\n"
		"  max-peers      1 to 1048576\n"
		"When a key is in doubt; pilot(8) says what that means:\n"
		"  decrypt-fail-threshold    consecutive frames that fail authentication (5)\n"
		"  outside-window-threshold  consecutive frames behind the window (30)\n"
		"  replay-threshold          consecutive replays (30)\n"
		"  decrypt-fail-grace, outside-window-grace, replay-grace\n"
		"                            not before the key is this old (3s)\n"
		"  aged-drop                 one failure is enough after this long without a\n"
		"                            frame opened (off)\n"
		"  rekey-after               frames under a key after which a new one is asked\n"
		"                            for: 16 to 268435456, the default\n"
		"  TIME is 3s, 1500ms, 1m or 1h; without a unit seconds\n",
	.run = run,
};
