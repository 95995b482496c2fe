// SPDX-License-Identifier: GPL-2.0
/* Registry signatures and the identity file against the reference's vectors. */
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/identity.h"
#include "tap.h"
#include "vectors.h"

int main(void)
{
	char path[] = "identity-XXXXXX", text[64];
	struct pilot_identity id = { 0 };
	struct pilot_error err = { "" };
	json_t *doc, *v, *file;
	size_t i, len;
	uint8_t *seed;
	int fd;

	if (sodium_init() < 0)
		return 1;
	doc = vectors_load("registry.json");
	file = json_object_get(doc, "identity_json");
	fd = mkstemp(path);
	if (fd < 0 || json_dumpfd(file, fd, 0) || fchmod(fd, 0600) || close(fd)) {
		printf("Bail out! cannot write %s\n", path);
		return 1;
	}
	if (!ok(!pilot_identity_load(&id, path, false, &err), "identity file is read")) {
		diag("%s", err.text);
		unlink(path);
		return done();
	}
	chmod(path, 0640);
	struct pilot_identity open_id = { 0 };
	ok(pilot_identity_load(&open_id, path, false, &err) < 0,
	   "identity file that the group can read is refused: %s", err.text);
	unlink(path);

	seed = vectors_hex(doc, "ed25519_seed", &len);
	ok(len == 32 && !memcmp(id.secret, seed, 32), "identity: seed");
	sodium_bin2base64(text, sizeof(text), id.pub, sizeof(id.pub),
			  sodium_base64_VARIANT_ORIGINAL);
	ok(!strcmp(text, vectors_str(doc, "public_key_b64")), "identity: public key");

	json_array_foreach(json_object_get(doc, "signatures"), i, v) {
		const char *msg = vectors_str(v, "challenge");
		char b64[128];
		uint8_t sig[PILOT_SIG_LEN];

		pilot_identity_sign(&id, msg, strlen(msg), sig);
		sodium_bin2base64(b64, sizeof(b64), sig, sizeof(sig),
				  sodium_base64_VARIANT_ORIGINAL);
		ok(!strcmp(b64, vectors_str(v, "signature_b64")), "signature: %s", msg);
	}
	pilot_identity_free(&id);
	free(seed);
	json_decref(doc);
	return done();
}
