/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What is no mistake in a configuration, but hardly meant.
 */
#ifndef PILOTD_CONFIG_DOUBTS_H
#define PILOTD_CONFIG_DOUBTS_H

#include "config.h"
#include "registry_file.h"

/**
 * config_doubts() - tell what is hardly meant
 * @name: file of the configuration, for messages
 * @cfg: configuration without mistakes
 * @reg: registry file, or empty
 * @own: own Ed25519 public key, NULL if there is none
 * @print: takes a line of text
 */
void config_doubts(const char *name, const struct config *cfg,
		   const struct registry *reg, const uint8_t *own,
		   void (*print)(const char *line));

#endif /* PILOTD_CONFIG_DOUBTS_H */
