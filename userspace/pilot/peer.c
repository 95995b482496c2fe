// SPDX-License-Identifier: GPL-2.0
/*
 * pilot peer: add, change and remove peers.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "cli.h"

/*
 * "10.0.0.0/8,fd00::/64" replaces; "+10.0.0.0/8,-fd00::/64" adds and removes.
 * Return: 0 or negative errno.
 */
static int take_allowed_ips(char *value, struct pilot_peer_info *peer,
			    struct pilot_error *err)
{
	bool incremental = value[0] == '+' || value[0] == '-';
	struct pilot_allowed_ip *list;
	size_t i, n, signs = 0;
	char *p, *plain;
	int ret;

	/* The list without its signs, then the signs by position. */
	plain = strdup(value);
	if (!plain)
		return pilot_error_set(err, -ENOMEM, "out of memory");
	for (p = plain; *p; p++) {
		if ((*p == '+' || *p == '-') && (p == plain || p[-1] == ',')) {
			*p = ' ';
			signs++;
		}
	}
	ret = pilot_parse_cidr_list(plain, "allowed-ips", &list, &n, err);
	free(plain);
	if (ret)
		return ret;
	if (signs && signs != n) {
		free(list);
		return pilot_error_set(err, -EINVAL,
				       "allowed-ips \"%.64s\": either all prefixes have a sign or none",
				       value);
	}
	for (i = 0, p = value; signs && i < n; i++) {
		list[i].remove = *p == '-';
		p += strcspn(p, ",");
		p += *p == ',';
	}

	peer->allowed_ips = list;
	peer->n_allowed_ips = n;
	peer->has |= PILOT_HAS(PILOT_A_PEER_ALLOWED_IP);
	if (!incremental) {
		peer->flags |= PILOT_PEER_F_REPLACE_ALLOWED_IPS;
		peer->has |= PILOT_HAS(PILOT_A_PEER_FLAGS);
	}
	return 0;
}

static const char *const settings[] = {
	"endpoint", "path", "allowed-ips", "keepalive", NULL
};

static int take_setting(const char *keyword, char *value,
			struct pilot_peer_info *peer, struct pilot_error *err)
{
	uint32_t v = 0, attr;
	int ret = 0;

	if (!strcmp(keyword, "endpoint"))
		attr = PILOT_A_PEER_ENDPOINT;
	else if (!strcmp(keyword, "path"))
		attr = PILOT_A_PEER_PATH;
	else if (!strcmp(keyword, "allowed-ips"))
		attr = PILOT_A_PEER_ALLOWED_IP;
	else if (!strcmp(keyword, "keepalive"))
		attr = PILOT_A_PEER_KEEPALIVE;
	else
		return pilot_error_set(err, -EINVAL, "there is no setting \"%.40s\"%s",
				       keyword, cli_did_you_mean(keyword, settings));
	if (peer->has & PILOT_HAS(attr))
		return pilot_error_set(err, -EINVAL, "%s is given twice", keyword);

	switch (attr) {
	case PILOT_A_PEER_ENDPOINT:
		if (strcmp(value, "off"))
			ret = pilot_parse_endpoint(value, keyword, true,
						   &peer->endpoint, err);
		break;
	case PILOT_A_PEER_PATH:
		ret = pilot_parse_path(value, &peer->path, err);
		break;
	case PILOT_A_PEER_ALLOWED_IP:
		ret = take_allowed_ips(value, peer, err);
		break;
	case PILOT_A_PEER_KEEPALIVE:
		if (strcmp(value, "off"))
			ret = pilot_parse_duration(value, keyword, 0,
						   UINT16_MAX * 1000, &v, err);
		if (v % 1000)
			ret = pilot_error_set(err, -EINVAL,
					      "keepalive \"%.40s\" is not in whole seconds",
					      value);
		peer->keepalive = (uint16_t)(v / 1000);
		break;
	}
	if (!ret)
		peer->has |= PILOT_HAS(attr);
	return ret;
}

static int apply(const struct pilot_dev *dev, const struct pilot_peer_info *peer,
		 int network, int (*op)(struct pilot_genl *g,
					const struct pilot_dev *dev,
					const struct pilot_peer_info *peer))
{
	struct pilot_genl g;
	int ret;

	if (pilot_genl_open(&g)) {
		ret = cli_fail("%s", g.err.text);
		goto out;
	}
	ret = cli_check_network(&g, dev, network);
	if (ret)
		goto out;
	if (op ? op(&g, dev, peer) : pilot_peer_del(&g, dev, peer->node_id))
		ret = cli_fail("%s: peer %u: %s", dev->ifname, peer->node_id,
			       g.err.text);
out:
	pilot_genl_close(&g);
	return ret;
}

static int run(int argc, char **argv)
{
	struct pilot_peer_info peer = { 0 };
	struct pilot_error err;
	struct pilot_dev dev;
	bool add, set, del;
	int network, i, ret;

	if (argc < 2)
		return cli_usage(&cmd_peer, "add, set or del?");
	add = !strcmp(argv[1], "add");
	set = !strcmp(argv[1], "set");
	del = !strcmp(argv[1], "del");
	if (!add && !set && !del)
		return cli_usage(&cmd_peer, "\"%.40s\" is not add, set or del%s", argv[1],
				 cli_did_you_mean(argv[1], (const char *const[]){ "add", "set", "del", NULL }));
	if (argc < 3)
		return cli_usage(&cmd_peer, "which device?");
	if (cli_parse_dev(argv[2], &dev, &err))
		return cli_bad_value(&cmd_peer, &err);
	if (argc < 4)
		return cli_usage(&cmd_peer, "which node?");
	if (pilot_parse_node(argv[3], &peer.node_id, &network, &err))
		return cli_bad_value(&cmd_peer, &err);
	if (del) {
		if (argc > 4)
			return cli_usage(&cmd_peer, "unexpected argument \"%.40s\"",
					 argv[4]);
		return apply(&dev, &peer, network, NULL);
	}
	if (set && argc == 4)
		return cli_usage(&cmd_peer, "what is to be set?");

	for (i = 4; i < argc; i += 2) {
		if (i + 1 == argc) {
			ret = cli_usage(&cmd_peer, "\"%.40s\" needs a value",
					argv[i]);
			goto out;
		}
		ret = take_setting(argv[i], argv[i + 1], &peer, &err);
		if (ret == -EHOSTUNREACH || ret == -EAGAIN || ret == -ENOMEM) {
			ret = cli_fail("%s", err.text);
			goto out;
		}
		if (ret) {
			ret = cli_bad_value(&cmd_peer, &err);
			goto out;
		}
	}
	ret = apply(&dev, &peer, network, add ? pilot_peer_new : pilot_peer_set);
out:
	free(peer.allowed_ips);
	return ret;
}

const struct cli_command cmd_peer = {
	.name = "peer",
	.usage = "peer add|set DEV NODE [endpoint ADDRESS:PORT|off] [path direct|relay|auto] [allowed-ips [+|-]PREFIX,...] [keepalive TIME|off]\n"
		 "peer del DEV NODE",
	.summary = "add, change or remove a peer",
	.help = "  endpoint     where to send to: 192.0.2.1:37736, [2001:db8::1]:37736, host:port\n"
		"  path         direct, relay (through the beacon), or auto: the daemon chooses\n"
		"  allowed-ips  prefixes routed to, and accepted from, the peer. A plain list\n"
		"               replaces those it has (\"\": none); with signs they are added (+)\n"
		"               and removed (-)\n"
		"  keepalive    send a keepalive after that long without sending: 25, 25s, 1m\n",
	.run = run,
};
