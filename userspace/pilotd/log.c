// SPDX-License-Identifier: GPL-2.0
#include "log.h"

#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static int max_level = LOG_NOTICE;
static bool to_syslog;
static bool plain;
static char first_error[512];

void log_level(int level)
{
	max_level = level;
}

void log_to_syslog(void)
{
	openlog("pilotd", LOG_PID, LOG_DAEMON);
	to_syslog = true;
}

void log_plain(void)
{
	plain = true;
}

const char *log_first_error(void)
{
	return first_error;
}

void log_forget_error(void)
{
	first_error[0] = '\0';
}

/* systemd.exec(5): $JOURNAL_STREAM is what systemd has given to us. */
static bool to_journal(void)
{
	const char *stream = getenv("JOURNAL_STREAM");
	struct stat st;
	char own[64];

	if (!stream || fstat(STDERR_FILENO, &st))
		return false;
	snprintf(own, sizeof(own), "%ju:%ju", (uintmax_t)st.st_dev, (uintmax_t)st.st_ino);
	return !strcmp(stream, own);
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
	if (level <= LOG_ERR && !first_error[0])
		snprintf(first_error, sizeof(first_error), "%.*s",
			 (int)sizeof(first_error) - 1, line);
	if (to_syslog)
		syslog(level, "%s", line);
	else if (plain)
		fprintf(stderr, "%s%s\n", level == LOG_WARNING ? "warning: " : "", line);
	else if (to_journal())
		fprintf(stderr, "<%d>%s\n", level, line);
	else
		fprintf(stderr, "pilotd: %s\n", line);
}
