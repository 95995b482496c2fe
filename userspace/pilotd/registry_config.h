/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Settings of the registry's client. The configuration's reader fills them in,
 * the client keeps a copy.
 */
#ifndef PILOTD_REGISTRY_CONFIG_H
#define PILOTD_REGISTRY_CONFIG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "constants.h"
#include "lib/types.h"

#define REGISTRY_HOST_MAX	253
#define REGISTRY_PINS_MAX	4
#define REGISTRY_PIN_LEN	32	/* SHA-256 */

/**
 * struct registry_server - where a registry listens
 * @host: numeric address or name
 * @port: TCP port
 */
struct registry_server {
	char host[REGISTRY_HOST_MAX + 1];
	uint16_t port;
};

/**
 * struct registry_pins - certificates that are trusted, and no others
 * @v: SHA-256 of each, in DER
 * @n: how many; 0: those that the system's authorities vouch for
 */
struct registry_pins {
	uint8_t v[REGISTRY_PINS_MAX][REGISTRY_PIN_LEN];
	size_t n;
};

/**
 * struct registry_times - in ms
 * @step: for resolving a name, and for connecting to an address
 * @request: until an answer must be there
 * @heartbeat: between two heartbeats
 * @backoff_min: pause after a first failure; doubles with each
 * @backoff_max: up to this
 * @primary: while the fallback is used: between two tries of the first
 */
struct registry_times {
	unsigned int step;
	unsigned int request;
	unsigned int heartbeat;
	unsigned int backoff_min;
	unsigned int backoff_max;
	unsigned int primary;
};

#define REGISTRY_TIMES_DEFAULT				\
	((struct registry_times){			\
		.step = REGISTRY_TIMEOUT_SECS * 1000,	\
		.request = REGISTRY_TIMEOUT_SECS * 1000, \
		.heartbeat = 60000,			\
		.backoff_min = 1000,			\
		.backoff_max = REGISTRY_RETRY_MAX_SECS * 1000, \
		.primary = 300000,			\
	})

/**
 * struct registry_tcp_config - settings
 * @servers: the registry, and its fallback
 * @n_servers: 1 or 2; 0: there is no registry
 * @tls: speak TLS
 * @pins: certificates that are trusted
 * @do_register: register, and go on saying that we are there
 * @deregister: when leaving
 * @visibility: 1 public, 0 private, -1 leave it as it is
 * @node: own node ID; 0: the registry gives one
 * @listen: where our frames come in. AF_UNSPEC: at the address we connect from
 * @port: UDP port, if @listen does not say
 * @times: periods
 */
struct registry_tcp_config {
	struct registry_server servers[2];
	size_t n_servers;
	bool tls;
	struct registry_pins pins;
	bool do_register;
	bool deregister;
	int visibility;
	uint32_t node;
	struct pilot_endpoint listen;
	uint16_t port;
	struct registry_times times;
};

#endif /* PILOTD_REGISTRY_CONFIG_H */
