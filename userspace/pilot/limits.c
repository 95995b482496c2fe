// SPDX-License-Identifier: GPL-2.0
/*
 * Limits of a device: numbers and times that seldom need to be other than
 * their defaults. One table for setting and showing them.
 */
#include <string.h>

#include "cli.h"
#include "lib/attrs.h"

#define GRACE_MAX	3600000
#define THRESHOLD_MAX	1000000

#define LIMIT(attr_, member_, is_time_, off_, min_, max_, usual_)	\
	{								\
		.attr = PILOT_A_DEVICE_##attr_,				\
		.offset = offsetof(struct pilot_device_info, member_),	\
		.is_time = is_time_, .off = off_,			\
		.min = min_, .max = max_, .usual = usual_,		\
	}

const struct cli_limit cli_limits[] = {
	LIMIT(DECRYPT_FAIL_THRESHOLD, decrypt_fail_threshold, false, false,
	      1, THRESHOLD_MAX, 5),
	LIMIT(DECRYPT_FAIL_GRACE, decrypt_fail_grace, true, false,
	      0, GRACE_MAX, 3000),
	LIMIT(OUTSIDE_WINDOW_THRESHOLD, outside_window_threshold, false, false,
	      1, THRESHOLD_MAX, 30),
	LIMIT(OUTSIDE_WINDOW_GRACE, outside_window_grace, true, false,
	      0, GRACE_MAX, 3000),
	LIMIT(REPLAY_THRESHOLD, replay_threshold, false, false,
	      1, THRESHOLD_MAX, 30),
	LIMIT(REPLAY_GRACE, replay_grace, true, false, 0, GRACE_MAX, 3000),
	LIMIT(AGED_DROP, aged_drop, true, true, 0, GRACE_MAX, 0),
	LIMIT(REKEY_AFTER, rekey_after, false, false, 16, 1 << 28, 1 << 28),
};

const size_t cli_n_limits = sizeof(cli_limits) / sizeof(cli_limits[0]);

const char *cli_limit_name(const struct cli_limit *limit)
{
	return pilot_attr_name(&pilot_attrs_device, limit->attr);
}

const struct cli_limit *cli_limit_find(const char *name)
{
	size_t i;

	for (i = 0; i < cli_n_limits; i++)
		if (!strcmp(name, cli_limit_name(&cli_limits[i])))
			return &cli_limits[i];
	return NULL;
}

uint32_t cli_limit_get(const struct cli_limit *limit,
		       const struct pilot_device_info *info)
{
	uint32_t v;

	memcpy(&v, (const char *)info + limit->offset, sizeof(v));
	return v;
}

int cli_limit_parse(const struct cli_limit *limit, const char *text,
		    struct pilot_device_info *info, struct pilot_error *err)
{
	const char *name = cli_limit_name(limit);
	uint32_t v = 0;
	int ret = 0;

	if (limit->is_time && !(limit->off && !strcmp(text, "off")))
		ret = pilot_parse_duration(text, name, limit->min, limit->max,
					   &v, err);
	else if (!limit->is_time)
		ret = pilot_parse_u32(text, name, limit->min, limit->max, &v,
				      err);
	if (!ret)
		memcpy((char *)info + limit->offset, &v, sizeof(v));
	return ret;
}

const char *cli_limit_format(const struct cli_limit *limit, uint32_t value,
			     char *buf)
{
	if (!value && limit->off)
		return strcpy(buf, "off");
	if (limit->is_time)
		return pilot_format_duration(value, buf);
	snprintf(buf, PILOT_DURATION_STRLEN, "%u", value);
	return buf;
}
