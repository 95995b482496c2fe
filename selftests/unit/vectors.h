/* SPDX-License-Identifier: GPL-2.0 */
/* Access to the JSON vectors in selftests/vectors/. */
#ifndef PILOT_TEST_VECTORS_H
#define PILOT_TEST_VECTORS_H

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <jansson.h>
#include <sodium.h>

/* Relative to this directory, where "make check" runs the tests. */
#define VECTORS_DIR "../vectors/"

__attribute__((unused))
static json_t *vectors_load(const char *name)
{
	char path[256];
	json_error_t err;
	json_t *doc;

	snprintf(path, sizeof(path), VECTORS_DIR "%s", name);
	doc = json_load_file(path, 0, &err);
	if (!doc) {
		printf("Bail out! %s:%d: %s\n", path, err.line, err.text);
		exit(1);
	}
	return doc;
}

__attribute__((unused))
static const char *vectors_str(json_t *obj, const char *key)
{
	const char *s = json_string_value(json_object_get(obj, key));

	if (!s) {
		printf("Bail out! vector without \"%s\"\n", key);
		exit(1);
	}
	return s;
}

/* Hex member of a vector; its length in *len, in an allocation of its size. */
__attribute__((unused))
static uint8_t *vectors_hex(json_t *obj, const char *key, size_t *len)
{
	const char *s = vectors_str(obj, key);
	uint8_t *buf = malloc(strlen(s) / 2 + 1);

	if (!buf || sodium_hex2bin(buf, strlen(s) / 2, s, strlen(s), NULL, len, NULL) ||
	    *len != strlen(s) / 2) {
		printf("Bail out! vector: bad hex in \"%s\"\n", key);
		exit(1);
	}
	/* Exact size, so that ASan sees a read past the end. */
	if (*len) {
		uint8_t *exact = malloc(*len);

		if (!exact)
			exit(1);
		memcpy(exact, buf, *len);
		free(buf);
		return exact;
	}
	return buf;
}

#endif /* PILOT_TEST_VECTORS_H */
