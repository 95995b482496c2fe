/* SPDX-License-Identifier: GPL-2.0 */
/*
 * A terminal that is drawn on as a whole, by ANSI sequences alone. It is given
 * back as it was however the program ends, but for SIGKILL.
 */
#ifndef PILOT_SCREEN_H
#define PILOT_SCREEN_H

#include <stddef.h>
#include <stdint.h>

/* What screen_wait() returns besides characters that were typed. */
enum screen_key {
	SCREEN_TIMEOUT = 256,
	SCREEN_QUIT,		/* a signal, or the terminal is gone */
	SCREEN_REDRAW,		/* another size, or back from the shell */
	SCREEN_UP,
	SCREEN_DOWN,
	SCREEN_LEFT,
	SCREEN_RIGHT,
	SCREEN_PAGE_UP,
	SCREEN_PAGE_DOWN,
	SCREEN_HOME,
	SCREEN_END,
};

/**
 * screen_open() - take the terminal
 *
 * Return: CLI_DONE, or CLI_FAILED after saying why.
 */
int screen_open(void);

/**
 * screen_close() - give it back
 */
void screen_close(void);

/**
 * screen_size() - its size now
 * @rows: lines, at least 1
 * @columns: at least 1
 */
void screen_size(int *rows, int *columns);

/**
 * screen_draw() - show a page
 * @page: lines, each ended by a newline but for the last; they are cut where the
 *	screen ends
 * @len: its length
 */
void screen_draw(const char *page, size_t len);

/**
 * screen_wait() - wait for a key
 * @ns: how long at most
 *
 * Return: a character or &enum screen_key.
 */
int screen_wait(int64_t ns);

#endif /* PILOT_SCREEN_H */
