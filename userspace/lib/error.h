/* SPDX-License-Identifier: GPL-2.0 */
#ifndef PILOT_LIB_ERROR_H
#define PILOT_LIB_ERROR_H

/**
 * struct pilot_error - what went wrong, for a human
 * @text: one line without a newline, UTF-8 without control characters
 *
 * Every function that takes one fills it when it fails, and only then. NULL is
 * accepted everywhere.
 */
struct pilot_error {
	char text[512];
};

/**
 * pilot_error_set() - fill an error and hand back its code
 * @err: where to; may be NULL
 * @code: negative errno
 * @fmt: what, where and why
 *
 * Bytes that could harm a terminal are replaced by '?'.
 *
 * Return: @code, so that callers can end with it.
 */
int pilot_error_set(struct pilot_error *err, int code, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));

#endif /* PILOT_LIB_ERROR_H */
