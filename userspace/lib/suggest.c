// SPDX-License-Identifier: GPL-2.0
#include "suggest.h"

#include <stdint.h>
#include <string.h>

/* Longer than the longest keyword. */
#define WORD_MAX	40

static size_t min2(size_t a, size_t b)
{
	return a < b ? a : b;
}

size_t pilot_edit_distance(const char *a, const char *b)
{
	size_t n = strlen(a), m = strlen(b), i, j;
	/* d[i][j]: between the first i letters of one and j of the other */
	size_t d[WORD_MAX + 1][WORD_MAX + 1];

	if (n > WORD_MAX || m > WORD_MAX)
		return SIZE_MAX;
	for (i = 0; i <= n; i++)
		d[i][0] = i;
	for (j = 0; j <= m; j++)
		d[0][j] = j;
	for (i = 1; i <= n; i++) {
		for (j = 1; j <= m; j++) {
			d[i][j] = min2(min2(d[i - 1][j], d[i][j - 1]) + 1,
				       d[i - 1][j - 1] + (a[i - 1] != b[j - 1]));
			if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1])
				d[i][j] = min2(d[i][j], d[i - 2][j - 2] + 1);
		}
	}
	return d[n][m];
}

const char *pilot_suggest(const char *word, const char *const *words)
{
	size_t len = strlen(word), best = len < 5 ? 1 : 2, begin = 0;
	const char *nearest = NULL, *longer = NULL;

	/* One letter is near to every short word. */
	if (len < 2)
		return NULL;
	for (; *words; words++) {
		size_t distance = pilot_edit_distance(word, *words);

		if (!strncmp(word, *words, len)) {
			longer = *words;
			begin++;
		}
		if (distance < best || (distance == best && !nearest)) {
			best = distance;
			nearest = *words;
		}
	}
	if (nearest)
		return nearest;
	return begin == 1 ? longer : NULL;
}
