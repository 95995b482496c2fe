/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Aligned columns.
 */
#ifndef PILOT_TABLE_H
#define PILOT_TABLE_H

#include "cli.h"

/**
 * struct table_column - a column
 * @heading: its heading
 * @width: smallest width
 * @right: aligned to the right, as numbers are
 */
struct table_column {
	const char *heading;
	int width;
	bool right;
};

/**
 * struct table_cell - a cell
 * @text: malloc'ed
 * @color: COLOR_RESET for none
 */
struct table_cell {
	char *text;
	enum cli_color color;
};

/**
 * struct table - cells that are printed when all are known
 * @columns: the columns
 * @n_columns: how many
 * @marked: column whose heading stands out, -1 none
 * @cells: row after row
 * @n: cells added
 * @room: of @cells
 * @failed: memory was short
 */
struct table {
	const struct table_column *columns;
	size_t n_columns;
	int marked;
	struct table_cell *cells;
	size_t n;
	size_t room;
	bool failed;
};

/**
 * table_add() - add the next cell
 * @t: table
 * @color: COLOR_RESET for none
 * @fmt: its text
 */
void table_add(struct table *t, enum cli_color color, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));

/**
 * table_print() - print heading and rows, and release the cells
 * @t: table
 * @to: where
 *
 * Return: 0 or -ENOMEM.
 */
int table_print(struct table *t, FILE *to);

#endif /* PILOT_TABLE_H */
