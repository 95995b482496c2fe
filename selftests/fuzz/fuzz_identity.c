// SPDX-License-Identifier: GPL-2.0
/* The identity file. */
#include <errno.h>

#include <sodium.h>

#include "fuzz.h"
#include "lib/identity.h"

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
	(void)argc;
	(void)argv;
	return sodium_init() < 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const struct pilot_identity none;
	struct pilot_identity id;
	struct pilot_error err = { "" };
	uint8_t sig[PILOT_SIG_LEN];
	int ret;

	ret = pilot_identity_parse(&id, (const char *)data, size, "file", &err);
	if (ret) {
		require(ret == -EINVAL);
		require(!memcmp(&id, &none, sizeof(id)));
		check_message(err.text);
		require(strstr(err.text, "identity file: "));
		return 0;
	}
	/* Whatever is accepted can sign as who it says it is. */
	pilot_identity_sign(&id, "x", 1, sig);
	require(!crypto_sign_verify_detached(sig, (const uint8_t *)"x", 1, id.pub));
	pilot_identity_free(&id);
	require(!memcmp(&id, &none, sizeof(id)));
	return 0;
}
