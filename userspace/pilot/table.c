// SPDX-License-Identifier: GPL-2.0
#include "table.h"

#include <errno.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#define GAP	2

void table_add(struct table *t, enum cli_color color, const char *fmt, ...)
{
	struct table_cell *cells = t->cells;
	va_list ap;

	if (t->failed)
		return;
	if (t->n == t->room) {
		cells = reallocarray(cells, t->room * 2 + 64, sizeof(*cells));
		if (!cells) {
			t->failed = true;
			return;
		}
		t->cells = cells;
		t->room = t->room * 2 + 64;
	}
	va_start(ap, fmt);
	if (vasprintf(&cells[t->n].text, fmt, ap) < 0)
		t->failed = true;
	else
		cells[t->n++].color = color;
	va_end(ap);
}

static void print_cell(const struct table *t, FILE *to, size_t column, const char *text,
		       int width, enum cli_color color)
{
	int pad = width - (int)strlen(text);

	if (column)
		fprintf(to, "%*s", GAP, "");
	if (t->columns[column].right)
		fprintf(to, "%*s", pad, "");
	if (color == COLOR_RESET)
		fputs(text, to);
	else
		fprintf(to, "%s%s%s", cli_color(color), text, cli_color(COLOR_RESET));
	if (column + 1 == t->n_columns)
		fputc('\n', to);
	else if (!t->columns[column].right)
		fprintf(to, "%*s", pad, "");
}

int table_print(struct table *t, FILE *to)
{
	size_t i, c, n = t->n_columns;
	int *widths = calloc(n, sizeof(*widths));

	if (!widths)
		t->failed = true;
	for (c = 0; widths && c < n; c++) {
		int len = (int)strlen(t->columns[c].heading);

		widths[c] = len > t->columns[c].width ? len : t->columns[c].width;
		for (i = c; i < t->n; i += n) {
			len = (int)strlen(t->cells[i].text);
			if (len > widths[c])
				widths[c] = len;
		}
	}
	for (c = 0; !t->failed && c < n; c++)
		print_cell(t, to, c, t->columns[c].heading, widths[c],
			   t->marked == (int)c ? COLOR_REVERSE : COLOR_BOLD);
	for (i = 0; !t->failed && i < t->n; i++)
		print_cell(t, to, i % n, t->cells[i].text, widths[i % n], t->cells[i].color);

	for (i = 0; i < t->n; i++)
		free(t->cells[i].text);
	free(t->cells);
	free(widths);
	t->cells = NULL;
	t->n = 0;
	t->room = 0;
	return t->failed ? -ENOMEM : 0;
}
