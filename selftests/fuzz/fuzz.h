/* SPDX-License-Identifier: GPL-2.0 */
/* What the fuzz targets have in common. */
#ifndef PILOT_FUZZ_H
#define PILOT_FUZZ_H

#include <ctype.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "textfile.h"

int LLVMFuzzerInitialize(int *argc, char ***argv);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* What must be true whatever the input is. */
#define require(cond)							\
	do {								\
		if (!(cond)) {						\
			fprintf(stderr, "%s:%d: not so: %s\n",		\
				__FILE__, __LINE__, #cond);		\
			abort();					\
		}							\
	} while (0)

/* A message is a line that a terminal cannot be hurt by. */
__attribute__((unused))
static void check_message(const char *text)
{
	const char *p;

	require(*text);
	for (p = text; *p; p++)
		require(!iscntrl((unsigned char)*p));
}

/* A refused file has at least one message, an accepted one has none. */
__attribute__((unused))
static void check_messages(const struct textfile *t, int ret)
{
	size_t i;

	require((t->n_errors > 0) == (ret < 0));
	for (i = 0; i < t->n_errors && i < TEXTFILE_ERRORS_MAX; i++) {
		require(t->errors[i]);
		check_message(t->errors[i]);
		require(!strncmp(t->errors[i], t->name, strlen(t->name)));
	}
}

#endif /* PILOT_FUZZ_H */
