/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Limits of a device: settings that are one number or time, and seldom need to
 * be other than their defaults. One table for the command line and for the
 * configuration of the daemon.
 */
#ifndef PILOT_LIMITS_H
#define PILOT_LIMITS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "error.h"
#include "types.h"

/**
 * struct pilot_limit - a limit
 * @attr: PILOT_A_DEVICE_*; its name is the keyword
 * @offset: of its member in &struct pilot_device_info, a uint32_t
 * @is_time: milliseconds, given and shown with a unit
 * @off: 0 is given and shown as "off"
 * @power2: a power of two
 * @min: smallest value
 * @max: largest value
 * @usual: value of a new device
 */
struct pilot_limit {
	uint8_t attr;
	uint16_t offset;
	bool is_time;
	bool off;
	bool power2;
	uint32_t min;
	uint32_t max;
	uint32_t usual;
};

extern const struct pilot_limit pilot_limits[];
extern const size_t pilot_n_limits;

/**
 * pilot_limit_name() - keyword of a limit
 * @limit: limit
 */
const char *pilot_limit_name(const struct pilot_limit *limit);

/**
 * pilot_limit_find() - limit of a keyword
 * @name: keyword
 *
 * Return: the limit, or NULL.
 */
const struct pilot_limit *pilot_limit_find(const char *name);

/**
 * pilot_limit_get() - value of a limit
 * @limit: limit
 * @info: device
 */
uint32_t pilot_limit_get(const struct pilot_limit *limit,
			 const struct pilot_device_info *info);

/**
 * pilot_limit_set() - change the value of a limit
 * @limit: limit
 * @info: device, changed, and its @has
 * @value: value
 */
void pilot_limit_set(const struct pilot_limit *limit,
		     struct pilot_device_info *info, uint32_t value);

/**
 * pilot_limit_parse() - read a value
 * @limit: limit
 * @text: value
 * @value: receives it
 * @err: why it failed, with the keyword
 *
 * Return: 0 or -EINVAL, -ERANGE.
 */
int pilot_limit_parse(const struct pilot_limit *limit, const char *text,
		      uint32_t *value, struct pilot_error *err);

/**
 * pilot_limit_format() - text of a value, as pilot_limit_parse() takes it
 * @limit: limit
 * @value: value
 * @buf: PILOT_DURATION_STRLEN bytes
 *
 * Return: @buf.
 */
const char *pilot_limit_format(const struct pilot_limit *limit, uint32_t value,
			       char *buf);

#endif /* PILOT_LIMITS_H */
