// SPDX-License-Identifier: GPL-2.0
#include "textfile.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/text.h"

/* No configuration is larger, and a mistaken /dev/zero must end. */
#define FILE_SIZE_MAX	(64 << 20)

static int read_all(struct textfile *t, int fd)
{
	size_t size = 0;
	ssize_t n;

	for (;;) {
		if (t->len + 1 >= size) {
			char *buf;

			if (size >= FILE_SIZE_MAX)
				return -EFBIG;
			size = size ? 2 * size : 4096;
			buf = realloc(t->buf, size);
			if (!buf)
				return -ENOMEM;
			t->buf = buf;
		}
		n = read(fd, t->buf + t->len, size - t->len - 1);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		if (!n)
			break;
		t->len += (size_t)n;
	}
	t->buf[t->len] = '\0';
	return 0;
}

int textfile_load(struct textfile *t, const char *path)
{
	int fd, ret;

	memset(t, 0, sizeof(*t));
	t->name = path;
	fd = open(path, O_RDONLY | O_CLOEXEC);
	ret = fd < 0 ? -errno : read_all(t, fd);
	if (fd >= 0)
		close(fd);
	if (ret)
		textfile_error(t, 0, NULL, "cannot be read: %s", strerror(-ret));
	return ret;
}

int textfile_copy(struct textfile *t, const char *name, const char *buf,
		  size_t len)
{
	memset(t, 0, sizeof(*t));
	t->name = name;
	t->buf = malloc(len + 1);
	if (!t->buf) {
		textfile_error(t, 0, NULL, "out of memory");
		return -ENOMEM;
	}
	if (len)
		memcpy(t->buf, buf, len);
	t->buf[len] = '\0';
	t->len = len;
	return 0;
}

static int is_space(char c)
{
	return c == ' ' || c == '\t' || c == '\r' || c == '\v' || c == '\f';
}

char *textfile_next(struct textfile *t)
{
	while (t->pos < t->len) {
		char *s = t->buf + t->pos, *p;
		char *end = memchr(s, '\n', t->len - t->pos);

		if (!end)
			end = t->buf + t->len;
		t->pos = (size_t)(end - t->buf) + 1;
		t->line++;
		*end = '\0';
		if (memchr(s, '\0', (size_t)(end - s))) {
			textfile_error(t, t->line, NULL, "the line contains a NUL byte");
			continue;
		}
		for (p = s; p < end; p++)
			if ((*p == '#' || *p == ';') && (p == s || is_space(p[-1])))
				break;
		end = p;
		while (end > s && is_space(end[-1]))
			end--;
		*end = '\0';
		while (is_space(*s))
			s++;
		if (*s)
			return s;
	}
	return NULL;
}

void textfile_error(struct textfile *t, unsigned int line, const char *what,
		    const char *fmt, ...)
{
	char where[16] = "", reason[512], *text;
	va_list ap;

	if (t->n_errors++ >= TEXTFILE_ERRORS_MAX)
		return;
	va_start(ap, fmt);
	vsnprintf(reason, sizeof(reason), fmt, ap);
	va_end(ap);
	if (line)
		snprintf(where, sizeof(where), ":%u", line);
	if (asprintf(&text, "%s%s: %s%s%s", t->name, where, what ? what : "",
		     what ? ": " : "", reason) < 0)
		text = NULL;
	/* The file may hold anything: what is quoted is made harmless. */
	if (text)
		pilot_sanitize(text);
	t->errors[t->n_errors - 1] = text;
}

void textfile_report(const struct textfile *t, void (*print)(const char *line))
{
	char more[64];
	size_t i;

	for (i = 0; i < t->n_errors && i < TEXTFILE_ERRORS_MAX; i++)
		print(t->errors[i] ? t->errors[i] : "out of memory");
	if (t->n_errors > TEXTFILE_ERRORS_MAX) {
		snprintf(more, sizeof(more), "and %zu more mistakes",
			 t->n_errors - TEXTFILE_ERRORS_MAX);
		print(more);
	}
}

void textfile_release(struct textfile *t)
{
	size_t i;

	for (i = 0; i < t->n_errors && i < TEXTFILE_ERRORS_MAX; i++)
		free(t->errors[i]);
	free(t->buf);
	memset(t, 0, sizeof(*t));
}
