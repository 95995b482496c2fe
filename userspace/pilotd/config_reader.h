/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What the files that read the configuration share.
 */
#ifndef PILOTD_CONFIG_READER_H
#define PILOTD_CONFIG_READER_H

#include "config.h"
#include "lib/error.h"
#include "lib/text.h"

#define ARRAY_SIZE(a)	(sizeof(a) / sizeof((a)[0]))

enum section { NONE, TUNNEL, REGISTRY, BEACON, TIMERS, GATES, PEER, SECTIONS };

struct reader {
	struct config *cfg;
	struct textfile *t;
	enum section section;
	bool skipping;			/* a section that was refused */
	unsigned int began[SECTIONS];	/* lines */
	struct config_peer *peer;
	uint32_t given;			/* keys of the present section, by place */
	uint32_t tunnel_given;
	enum { TYPE_NONE, TYPE_FILE, TYPE_TCP } registry_type;
	uint32_t registry_given;
	bool register_given;
	bool on_demand_given;
	struct registry_server fallback;
	unsigned int unauth_line;
	unsigned int network_line;
	int node_network;		/* PILOT_NO_NETWORK: none stands in node-id */
	uint16_t keepalive;		/* of peers that say nothing */
	size_t peers_size;
	uint8_t *own_keepalive;		/* peers that say something */
};

/**
 * struct config_key - a key of a section, of which there are 32 at most
 * @name: as it is written
 * @set: takes the value, which it may change
 * @repeat: may be there more than once
 */
struct config_key {
	const char *name;
	void (*set)(struct reader *r, const char *key, char *value);
	bool repeat;
};

#define CONFIG_REGISTRY_KEYS	15
extern const struct config_key config_registry_keys[CONFIG_REGISTRY_KEYS];

/* The section as a whole, once all is read. */
void config_check_registry(struct reader *r);

/* A mistake in the present line. */
void config_complain(struct reader *r, const struct pilot_error *err);

/* Values; a mistake is complained of. config_number() is false then. */
bool config_number(struct reader *r, const char *key, const char *value,
		   uint32_t min, uint32_t max, uint32_t *n);
void config_yes_no(struct reader *r, const char *key, const char *value, bool *b);
void config_text(struct reader *r, const char *key, const char *value, char **s);

#endif /* PILOTD_CONFIG_READER_H */
