// SPDX-License-Identifier: GPL-2.0
/* Answers of a registry over TCP; the first byte says to which request. */
#include "fuzz.h"
#include "registry_msg.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct registry_request req = { .node = 7, .requester = 9 };
	struct registry_answer a;
	struct pilot_error err;
	size_t i;

	if (!size)
		return 0;
	req.type = data[0] % (REGISTRY_DEREGISTER + 1);
	if (registry_msg_parse(&req, data + 1, size - 1, &a, &err)) {
		check_message(err.text);
		return 0;
	}
	require(a.verdict != REGISTRY_NO_ANSWER);
	require((a.verdict == REGISTRY_OK) == !a.error[0]);
	if (a.error[0])
		check_message(a.error);
	require(a.n_endpoints <= REGISTRY_ENDPOINTS_MAX);
	require(!a.has_real || a.n_endpoints);
	for (i = 0; i < a.n_endpoints; i++)
		require(a.endpoints[i].sa.sa_family == AF_INET ||
			a.endpoints[i].sa.sa_family == AF_INET6);
	if (a.verdict == REGISTRY_OK && req.type == REGISTRY_REGISTER)
		require(a.node);
	if (a.verdict == REGISTRY_OK && req.type == REGISTRY_RESOLVE)
		require(a.n_endpoints);
	return 0;
}
