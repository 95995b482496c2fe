// SPDX-License-Identifier: GPL-2.0
#include "node_state.h"

#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <jansson.h>
#include <sodium.h>

#define FILE_MAX	4096

static void own_key(const struct pilot_identity *id, char *text, size_t size)
{
	sodium_bin2base64(text, size, id->pub, sizeof(id->pub),
			  sodium_base64_VARIANT_ORIGINAL);
}

static int parse(const char *path, const char *text, size_t len,
		 const struct pilot_identity *id, uint32_t *node,
		 struct pilot_error *err)
{
	char key[sodium_base64_ENCODED_LEN(PILOT_ED25519_LEN, sodium_base64_VARIANT_ORIGINAL)];
	json_t *o = json_loadb(text, len, JSON_REJECT_DUPLICATES, NULL);
	json_int_t n = json_integer_value(json_object_get(o, "node_id"));
	const char *pub = json_string_value(json_object_get(o, "public_key"));
	int ret = 0;

	own_key(id, key, sizeof(key));
	if (n < 1 || n > UINT32_MAX || !pub)
		ret = pilot_error_set(err, -EINVAL,
				      "state %s: not what pilotd writes; remove it, and the registry gives the node ID again",
				      path);
	else if (strcmp(pub, key))
		ret = pilot_error_set(err, -EINVAL,
				      "state %s: node ID %u was given to another identity; remove the file if that is gone for good",
				      path, (uint32_t)n);
	else
		*node = (uint32_t)n;
	json_decref(o);
	return ret;
}

int node_state_load(const char *path, const struct pilot_identity *id,
		    uint32_t *node, struct pilot_error *err)
{
	char text[FILE_MAX];
	struct stat st;
	ssize_t n;
	int fd, ret;

	*node = 0;
	fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY);
	if (fd < 0 && errno == ENOENT)
		return 0;
	if (fd < 0)
		return pilot_error_set(err, -errno, "state %s: %s", path, strerror(errno));
	if (fstat(fd, &st) < 0)
		ret = pilot_error_set(err, -errno, "state %s: %s", path, strerror(errno));
	else if (!S_ISREG(st.st_mode) || st.st_mode & (S_IWGRP | S_IWOTH))
		ret = pilot_error_set(err, -EPERM,
				      "state %s: not a regular file that only its owner can write", path);
	else if ((n = read(fd, text, sizeof(text))) < 0)
		ret = pilot_error_set(err, -errno, "state %s: %s", path, strerror(errno));
	else
		ret = parse(path, text, (size_t)n, id, node, err);
	close(fd);
	return ret;
}

static int directory(const char *path, char *buf, size_t size)
{
	char copy[PATH_MAX];

	if (snprintf(copy, sizeof(copy), "%s", path) >= (int)sizeof(copy))
		return -ENAMETOOLONG;
	snprintf(buf, size, "%s", dirname(copy));
	return 0;
}

static int sync_directory(const char *path)
{
	char dir[PATH_MAX];
	int fd, ret;

	ret = directory(path, dir, sizeof(dir));
	if (ret)
		return ret;
	fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	/* Not every file system knows fsync() of a directory. */
	ret = fsync(fd) < 0 && errno != EINVAL ? -errno : 0;
	close(fd);
	return ret;
}

int node_state_save(const char *path, const struct pilot_identity *id,
		    uint32_t node, struct pilot_error *err)
{
	char key[sodium_base64_ENCODED_LEN(PILOT_ED25519_LEN, sodium_base64_VARIANT_ORIGINAL)];
	char tmp[PATH_MAX];
	int fd, ret = 0;

	if (snprintf(tmp, sizeof(tmp), "%s.XXXXXX", path) >= (int)sizeof(tmp))
		return pilot_error_set(err, -ENAMETOOLONG, "state %s: the name is too long",
				       path);
	/* Mode 0600 whatever the umask. */
	fd = mkostemp(tmp, O_CLOEXEC);
	if (fd < 0)
		return pilot_error_set(err, -errno, "state %s: %s", path, strerror(errno));
	own_key(id, key, sizeof(key));
	if (dprintf(fd, "{\"node_id\": %u, \"public_key\": \"%s\"}\n", node, key) < 0 ||
	    fsync(fd) < 0 || rename(tmp, path) < 0)
		ret = -errno;
	if (ret)
		unlink(tmp);
	else
		ret = sync_directory(path);
	close(fd);
	if (ret)
		pilot_error_set(err, ret, "state %s: %s", path, strerror(-ret));
	return ret;
}

int node_state_check(const char *path, struct pilot_error *err)
{
	char dir[PATH_MAX];
	int ret = directory(path, dir, sizeof(dir));

	if (!ret && access(dir, W_OK | X_OK))
		ret = -errno;
	if (ret)
		pilot_error_set(err, ret, "state %s: its directory: %s", path, strerror(-ret));
	return ret;
}
