// SPDX-License-Identifier: GPL-2.0
#include "limits.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include <pilot/wire.h>

#include "attrs.h"
#include "text.h"

#define GRACE_MAX	3600000
#define THRESHOLD_MAX	1000000

#define COUNT		.is_time = false
#define POWER_OF_2	.power2 = true
#define TIME		.is_time = true
#define TIME_OR_OFF	.is_time = true, .off = true

#define LIMIT(attr_, member_, kind_, min_, max_, usual_)		\
	{								\
		.attr = PILOT_A_DEVICE_##attr_,				\
		.offset = offsetof(struct pilot_device_info, member_),	\
		kind_,							\
		.min = (min_), .max = (max_), .usual = (usual_),		\
	}

const struct pilot_limit pilot_limits[] = {
	LIMIT(REPLAY_WINDOW, replay_window, POWER_OF_2, 64, PILOT_REPLAY_WINDOW_MAX,
	      PILOT_REPLAY_WINDOW),
	LIMIT(MAX_PEERS, max_peers, COUNT, 1, 1 << 20, PILOT_MAX_CRYPTO_PEERS),
	LIMIT(DECRYPT_FAIL_THRESHOLD, decrypt_fail_threshold, COUNT, 1, THRESHOLD_MAX, 5),
	LIMIT(DECRYPT_FAIL_GRACE, decrypt_fail_grace, TIME, 0, GRACE_MAX, 3000),
	LIMIT(OUTSIDE_WINDOW_THRESHOLD, outside_window_threshold, COUNT, 1, THRESHOLD_MAX, 30),
	LIMIT(OUTSIDE_WINDOW_GRACE, outside_window_grace, TIME, 0, GRACE_MAX, 3000),
	LIMIT(REPLAY_THRESHOLD, replay_threshold, COUNT, 1, THRESHOLD_MAX, 30),
	LIMIT(REPLAY_GRACE, replay_grace, TIME, 0, GRACE_MAX, 3000),
	LIMIT(AGED_DROP, aged_drop, TIME_OR_OFF, 0, GRACE_MAX, 0),
	LIMIT(REKEY_AFTER, rekey_after, COUNT, 16, 1 << 28, 1 << 28),
};

const size_t pilot_n_limits = sizeof(pilot_limits) / sizeof(pilot_limits[0]);

const char *pilot_limit_name(const struct pilot_limit *limit)
{
	return pilot_attr_name(&pilot_attrs_device, limit->attr);
}

const struct pilot_limit *pilot_limit_find(const char *name)
{
	size_t i;

	for (i = 0; i < pilot_n_limits; i++)
		if (!strcmp(name, pilot_limit_name(&pilot_limits[i])))
			return &pilot_limits[i];
	return NULL;
}

uint32_t pilot_limit_get(const struct pilot_limit *limit,
			 const struct pilot_device_info *info)
{
	uint32_t v;

	memcpy(&v, (const char *)info + limit->offset, sizeof(v));
	return v;
}

void pilot_limit_set(const struct pilot_limit *limit,
		     struct pilot_device_info *info, uint32_t value)
{
	memcpy((char *)info + limit->offset, &value, sizeof(value));
	info->has |= PILOT_HAS(limit->attr);
}

int pilot_limit_parse(const struct pilot_limit *limit, const char *text,
		      uint32_t *value, struct pilot_error *err)
{
	const char *name = pilot_limit_name(limit);
	int ret;

	*value = 0;
	if (limit->off && !strcmp(text, "off"))
		return 0;
	ret = limit->is_time ?
	      pilot_parse_duration(text, name, limit->min, limit->max, value, err) :
	      pilot_parse_u32(text, name, limit->min, limit->max, value, err);
	if (!ret && limit->power2 && *value & (*value - 1))
		ret = pilot_error_set(err, -EINVAL, "%s: %u is not a power of two",
				      name, *value);
	return ret;
}

const char *pilot_limit_format(const struct pilot_limit *limit, uint32_t value,
			       char *buf)
{
	if (!value && limit->off)
		return strcpy(buf, "off");
	if (limit->is_time)
		return pilot_format_duration(value, buf);
	snprintf(buf, PILOT_DURATION_STRLEN, "%u", value);
	return buf;
}
