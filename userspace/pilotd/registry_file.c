// SPDX-License-Identifier: GPL-2.0
#include "registry_file.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "lib/text.h"

/* Fields are separated by white space. */
static char *field(char **s)
{
	static const char space[] = " \t\r\v\f";
	char *begin = *s + strspn(*s, space);
	char *end = begin + strcspn(begin, space);

	*s = *end ? end + 1 : end;
	*end = '\0';
	return *begin ? begin : NULL;
}

static void read_line(struct textfile *t, char *s, struct registry_node *node)
{
	char *id = field(&s), *key = field(&s), *ep = field(&s);
	struct pilot_error err;

	memset(node, 0, sizeof(*node));
	node->line = t->line;
	if (pilot_parse_node(id, &node->node, NULL, &err))
		textfile_error(t, t->line, NULL, "%s", err.text);
	if (!key)
		textfile_error(t, t->line, "public key", "missing");
	else if (pilot_parse_key(key, strlen(key), "public key", node->key, &err))
		textfile_error(t, t->line, NULL, "%s", err.text);
	if (ep && pilot_parse_endpoint(ep, "endpoint", false, &node->endpoint, &err))
		textfile_error(t, t->line, NULL, "%s", err.text);
	if (field(&s))
		textfile_error(t, t->line, NULL, "more than three fields");
}

static int by_node(const void *a, const void *b)
{
	const struct registry_node *x = a, *y = b;

	if (x->node != y->node)
		return x->node < y->node ? -1 : 1;
	return x->line < y->line ? -1 : x->line > y->line;
}

int registry_read(struct registry *r, struct textfile *t)
{
	size_t size = 0, i;
	char *s;

	memset(r, 0, sizeof(*r));
	while ((s = textfile_next(t))) {
		if (r->n == size) {
			struct registry_node *v;

			size = size ? 2 * size : 64;
			v = reallocarray(r->v, size, sizeof(*v));
			if (!v) {
				textfile_error(t, 0, NULL, "out of memory");
				registry_free(r);
				return -ENOMEM;
			}
			r->v = v;
		}
		read_line(t, s, &r->v[r->n++]);
	}
	if (r->n)
		qsort(r->v, r->n, sizeof(*r->v), by_node);
	for (i = 1; i < r->n; i++)
		if (r->v[i].node && r->v[i].node == r->v[i - 1].node)
			textfile_error(t, r->v[i].line, "node ID",
				       "%u stands on line %u already",
				       r->v[i].node, r->v[i - 1].line);
	if (!t->n_errors)
		return 0;
	registry_free(r);
	return -EINVAL;
}

const struct registry_node *registry_find(const struct registry *r, uint32_t node)
{
	size_t lo = 0, hi = r->n;

	while (lo < hi) {
		size_t mid = lo + (hi - lo) / 2;

		if (r->v[mid].node == node)
			return &r->v[mid];
		if (r->v[mid].node < node)
			lo = mid + 1;
		else
			hi = mid;
	}
	return NULL;
}

void registry_free(struct registry *r)
{
	free(r->v);
	memset(r, 0, sizeof(*r));
}
