// SPDX-License-Identifier: GPL-2.0
/* The registry file. */
#include "fuzz.h"
#include "registry_file.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct registry r;
	struct textfile t;
	size_t i;
	int ret;

	require(!textfile_copy(&t, "registry", (const char *)data, size));
	ret = registry_read(&r, &t);
	check_messages(&t, ret);
	require(!ret || (!r.v && !r.n));
	for (i = 0; i < r.n; i++) {
		require(r.v[i].node && r.v[i].line && r.v[i].line <= t.line);
		require(!i || r.v[i].node > r.v[i - 1].node);
		require(registry_find(&r, r.v[i].node) == &r.v[i]);
	}
	require(!registry_find(&r, 0));
	registry_free(&r);
	textfile_release(&t);
	return 0;
}
