// SPDX-License-Identifier: GPL-2.0
/* The configuration file. */
#include "config.h"
#include "fuzz.h"

static void check_config(const struct config *cfg)
{
	size_t i;

	require(cfg->device[0] && memchr(cfg->device, '\0', sizeof(cfg->device)));
	require(cfg->node);
	require(!cfg->mtu || (cfg->mtu >= 1280 && cfg->mtu <= 65535));
	require(!cfg->rekey || cfg->rekey >= 60);
	require(cfg->identity || cfg->allow_unauth);
	for (i = 0; i < cfg->n_addresses; i++) {
		const struct config_address *a = &cfg->addresses[i];

		require(a->family == AF_INET ? a->prefix <= 32 :
			a->family == AF_INET6 && a->prefix <= 128);
	}
	for (i = 0; i < cfg->n_peers; i++) {
		const struct config_peer *p = &cfg->peers[i];

		require(p->node && p->node != cfg->node);
		require(!i || p->node > cfg->peers[i - 1].node);
		require(config_peer(cfg, p->node) == p);
		require(p->path <= PILOT_PATH_MAX);
		require(p->n_allowed_ips == 0 || p->allowed_ips);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct textfile t;
	struct config cfg;
	int ret;

	require(!textfile_copy(&t, "config", (const char *)data, size));
	ret = config_read(&cfg, &t);
	check_messages(&t, ret);
	if (!ret)
		check_config(&cfg);
	config_free(&cfg);
	textfile_release(&t);
	return 0;
}
