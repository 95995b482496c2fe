/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The log: standard error, with "pilotd:" in front, or the priority if it is the
 * journal, which has the name; or syslog for a daemon in the background. Never
 * given key material.
 */
#ifndef PILOTD_LOG_H
#define PILOTD_LOG_H

#include <syslog.h>

/**
 * log_level() - how much to say
 * @level: least important priority that is logged, LOG_NOTICE by default
 */
void log_level(int level);

/**
 * log_to_syslog() - from now on, there is no terminal any more
 */
void log_to_syslog(void);

/**
 * log_plain() - for a person or a program that asked: the lines and nothing else
 */
void log_plain(void);

/**
 * log_first_error() - the first line of LOG_ERR or worse that was logged
 *
 * What comes first is the cause of the rest, as a rule.
 *
 * Return: the line, empty if there was none since log_forget_error().
 */
const char *log_first_error(void);

/**
 * log_forget_error() - what comes next is another matter
 */
void log_forget_error(void);

/**
 * log_msg() - log a line
 * @level: LOG_ERR to LOG_DEBUG
 * @fmt: text without a line end
 */
void log_msg(int level, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));

#define log_err(...)	log_msg(LOG_ERR, __VA_ARGS__)
#define log_warn(...)	log_msg(LOG_WARNING, __VA_ARGS__)
#define log_notice(...)	log_msg(LOG_NOTICE, __VA_ARGS__)
#define log_info(...)	log_msg(LOG_INFO, __VA_ARGS__)
#define log_debug(...)	log_msg(LOG_DEBUG, __VA_ARGS__)

#endif /* PILOTD_LOG_H */
