// SPDX-License-Identifier: GPL-2.0
/* The file in which the node ID is kept that a registry gave. */
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <sodium.h>

#include "node_state.h"
#include "tap.h"

static char dir[] = "/tmp/node-state-XXXXXX";
static char path[64];

static void put(const char *text, mode_t mode)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0600);

	if (fd < 0 || write(fd, text, strlen(text)) < 0 || fchmod(fd, mode) || close(fd))
		diag("cannot write %s", path);
}

static bool refuses(const struct pilot_identity *id, const char *text, mode_t mode)
{
	struct pilot_error err = { "" };
	uint32_t node;

	put(text, mode);
	return node_state_load(path, id, &node, &err) < 0 && !node && strstr(err.text, path);
}

int main(void)
{
	struct pilot_identity id, other;
	struct pilot_error err;
	struct stat st;
	uint32_t node = 1;
	char missing[80];

	if (sodium_init() < 0 || !mkdtemp(dir) || pilot_identity_new(&id, NULL) ||
	    pilot_identity_new(&other, NULL))
		return 1;
	snprintf(path, sizeof(path), "%s/state", dir);
	ok(!node_state_load(path, &id, &node, &err) && !node, "no file: no node ID");
	umask(0);
	ok(!node_state_save(path, &id, UINT32_MAX, &err) && !stat(path, &st) &&
	   (st.st_mode & 07777) == 0600, "written, mode 0600");
	ok(!node_state_load(path, &id, &node, &err) && node == UINT32_MAX, "read again");
	ok(!node_state_save(path, &id, 7, &err) && !node_state_load(path, &id, &node, &err) &&
	   node == 7, "replaced");
	ok(node_state_load(path, &other, &node, &err) < 0 && !node &&
	   strstr(err.text, "node ID 7 was given to another identity"), "of another identity");
	ok(refuses(&id, "", 0600) && refuses(&id, "{}", 0600) && refuses(&id, "{\"node_id\":7}", 0600),
	   "damaged");
	ok(refuses(&id, "{\"node_id\":4294967296,\"public_key\":\"\"}", 0600) &&
	   refuses(&id, "{\"node_id\":0,\"public_key\":\"\"}", 0600), "no node ID");
	ok(!node_state_save(path, &id, 7, &err) && !chmod(path, 0620) &&
	   node_state_load(path, &id, &node, &err) < 0, "others could write it");
	ok(!node_state_check(path, &err), "directory can be written");
	snprintf(missing, sizeof(missing), "%s/no/state", dir);
	ok(node_state_check(missing, &err) < 0 && node_state_save(missing, &id, 7, &err) < 0,
	   "directory is missing");
	unlink(path);
	rmdir(dir);
	pilot_identity_free(&id);
	pilot_identity_free(&other);
	return done();
}
