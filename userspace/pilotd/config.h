/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The configuration file. What each key means to a user is in
 * man/pilotd.conf.5.
 */
#ifndef PILOTD_CONFIG_H
#define PILOTD_CONFIG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/types.h"
#include "registry_config.h"
#include "textfile.h"

/**
 * struct config_address - an address of the device
 * @family: AF_INET or AF_INET6
 * @prefix: length of its network
 * @v4: address if AF_INET
 * @v6: address if AF_INET6
 */
struct config_address {
	uint8_t family;
	uint8_t prefix;
	union {
		struct in_addr v4;
		struct in6_addr v6;
	};
};

/**
 * struct config_peer - a section [peer]
 * @node: node ID
 * @line: where it stands
 * @endpoint: AF_UNSPEC if not given
 * @allowed_ips: prefixes
 * @n_allowed_ips: how many
 * @pinned: @key is given
 * @key: Ed25519 public key
 * @path: &enum pilot_path
 * @keepalive: seconds, 0 off
 */
struct config_peer {
	uint32_t node;
	unsigned int line;
	struct pilot_endpoint endpoint;
	struct pilot_allowed_ip *allowed_ips;
	size_t n_allowed_ips;
	bool pinned;
	uint8_t key[PILOT_ED25519_LEN];
	uint8_t path;
	uint16_t keepalive;
};

/**
 * struct config_registry - a registry over TCP, and what its nodes are to us
 * @client: settings of its client, but for the own node ID and port
 * @on_demand: nodes become peers when packets are for them
 * @max_dynamic: at most this many of them
 * @idle_timeout: seconds without packets after which they go, 0 never
 */
struct config_registry {
	struct registry_tcp_config client;
	bool on_demand;
	uint32_t max_dynamic;
	uint32_t idle_timeout;
};

/**
 * struct config_lines - where keys that name other things stand, 0 if they do not
 * @node: node-id
 * @identity: identity
 * @registry: path of [registry]
 * @state: state
 * @user: user
 */
struct config_lines {
	unsigned int node;
	unsigned int identity;
	unsigned int registry;
	unsigned int state;
	unsigned int user;
};

/**
 * struct config - the file
 * @device: name of the device
 * @node: own node ID; with @node_auto 0 until it is known
 * @node_auto: the registry gives it
 * @state: file in which it is kept, if @node_auto
 * @network: Pilot network
 * @listen_port: UDP port, 0 any
 * @identity: identity file, NULL if there is none
 * @addresses: to assign besides the mapped one
 * @n_addresses: how many
 * @map_address: assign the mapped address
 * @mtu: 0 to leave it
 * @allow_unauth: accept unauthenticated peers
 * @create: make the device if it is not there
 * @fwmark: mark of outer packets
 * @table: routing table of the routes to allowed-ips, 0: there are none
 * @user: whom to become after the start, NULL to stay
 * @limits: limits that are given, by @limits.has
 * @registry: registry file, NULL if there is none
 * @tcp: registry over TCP
 * @beacon: AF_UNSPEC if not given
 * @rekey: seconds, 0 never
 * @silence: seconds after which a peer is looked after, 0 never
 * @peers: sections [peer], in order of their node IDs
 * @n_peers: how many
 * @lines: for what is found out later
 */
struct config {
	char device[IF_NAMESIZE];
	uint32_t node;
	bool node_auto;
	char *state;
	uint16_t network;
	uint16_t listen_port;
	char *identity;
	struct config_address *addresses;
	size_t n_addresses;
	bool map_address;
	uint32_t mtu;
	bool allow_unauth;
	bool create;
	uint32_t fwmark;
	uint32_t table;
	char *user;
	struct pilot_device_info limits;
	char *registry;
	struct config_registry tcp;
	struct pilot_endpoint beacon;
	uint32_t rekey;
	uint32_t silence;
	struct config_peer *peers;
	size_t n_peers;
	struct config_lines lines;
};

/**
 * config_read() - read a configuration
 * @cfg: to fill; release with config_free(), also after a failure: it then has
 *	what could be read
 * @t: file, which collects the mistakes
 *
 * Reads no other file.
 *
 * Return: 0, or -EINVAL if there are mistakes.
 */
int config_read(struct config *cfg, struct textfile *t);

/**
 * config_peer() - find a peer's section
 * @cfg: configuration
 * @node: node ID
 *
 * Return: the section or NULL.
 */
const struct config_peer *config_peer(const struct config *cfg, uint32_t node);

/**
 * config_free() - release
 * @cfg: configuration, or zeroed
 */
void config_free(struct config *cfg);

#endif /* PILOTD_CONFIG_H */
