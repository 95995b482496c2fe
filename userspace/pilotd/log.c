// SPDX-License-Identifier: GPL-2.0
#include "log.h"

#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <unistd.h>

static int max_level = LOG_NOTICE;
static bool to_syslog;

void log_level(int level)
{
	max_level = level;
}

void log_to_syslog(void)
{
	openlog("pilotd", LOG_PID, LOG_DAEMON);
	to_syslog = true;
}

void log_msg(int level, const char *fmt, ...)
{
	char line[1024];
	va_list ap;

	if (level > max_level)
		return;
	va_start(ap, fmt);
	vsnprintf(line, sizeof(line), fmt, ap);
	va_end(ap);
	if (to_syslog)
		syslog(level, "%s", line);
	else if (isatty(STDERR_FILENO))
		fprintf(stderr, "pilotd: %s\n", line);
	else
		fprintf(stderr, "<%d>pilotd: %s\n", level, line);
}
