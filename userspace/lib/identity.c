// SPDX-License-Identifier: GPL-2.0
#include "identity.h"

#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <limits.h>
#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <jansson.h>
#include <sodium.h>

/* A file that is larger is no identity. */
#define FILE_MAX	4096

#define SECRET_LEN	crypto_sign_SECRETKEYBYTES
#define B64(n)		sodium_base64_ENCODED_LEN(n, sodium_base64_VARIANT_ORIGINAL)

/*
 * jansson copies what it parses; its copies are wiped when it frees them.
 * Both functions match malloc() and free(), so that objects made before and
 * after the switch mix.
 */
static void wiping_free(void *p)
{
	if (!p)
		return;
	sodium_memzero(p, malloc_usable_size(p));
	free(p);
}

struct json_alloc {
	json_malloc_t malloc;
	json_free_t free;
};

static void json_wiping(struct json_alloc *before)
{
	json_get_alloc_funcs(&before->malloc, &before->free);
	json_set_alloc_funcs(malloc, wiping_free);
}

static void json_restore(const struct json_alloc *before)
{
	json_set_alloc_funcs(before->malloc, before->free);
}

static uint8_t *secret_alloc(size_t size, struct pilot_error *err)
{
	uint8_t *p = NULL;

	if (sodium_init() >= 0)
		p = sodium_malloc(size);
	if (!p)
		pilot_error_set(err, -ENOMEM, "no memory for a secret key: %s",
				strerror(errno));
	return p;
}

int pilot_identity_new(struct pilot_identity *id, struct pilot_error *err)
{
	memset(id, 0, sizeof(*id));
	id->secret = secret_alloc(SECRET_LEN, err);
	if (!id->secret)
		return -ENOMEM;
	if (crypto_sign_keypair(id->pub, id->secret)) {
		pilot_identity_free(id);
		return pilot_error_set(err, -EIO, "cannot make a key pair");
	}
	return 0;
}

void pilot_identity_free(struct pilot_identity *id)
{
	/* Wipes too, and takes NULL. */
	sodium_free(id->secret);
	memset(id, 0, sizeof(*id));
}

int pilot_identity_lock(const struct pilot_identity *id)
{
	return id->secret && sodium_mlock(id->secret, SECRET_LEN) ? -errno : 0;
}

void pilot_identity_sign(const struct pilot_identity *id, const void *msg,
			 size_t len, uint8_t *sig)
{
	crypto_sign_detached(sig, NULL, msg, len, id->secret);
}

/* A member of exactly @len bytes in base64. */
static int decode_member(const json_t *root, const char *name, const char *path,
			 uint8_t *out, size_t len, struct pilot_error *err)
{
	const json_t *member = json_object_get(root, name);
	const char *text, *end = NULL;
	size_t text_len, got = 0;

	if (!json_is_string(member))
		return pilot_error_set(err, -EINVAL,
				       "identity %s: there is no string \"%s\"",
				       path, name);
	text = json_string_value(member);
	text_len = json_string_length(member);
	if (sodium_base642bin(out, len, text, text_len, NULL, &got, &end,
			      sodium_base64_VARIANT_ORIGINAL) ||
	    got != len || end != text + text_len)
		return pilot_error_set(err, -EINVAL,
				       "identity %s: \"%s\" is not base64 of %zu bytes",
				       path, name, len);
	return 0;
}

/* @id->secret is there to be filled. */
static int parse(struct pilot_identity *id, const char *text, size_t len,
		 const char *path, struct pilot_error *err)
{
	uint8_t pub[crypto_sign_PUBLICKEYBYTES];
	json_error_t json_err;
	json_t *root;
	int ret;

	root = json_loadb(text, len, JSON_REJECT_DUPLICATES, &json_err);
	if (!root) {
		/* Its text may quote the file: only the place is told. */
		ret = pilot_error_set(err, -EINVAL,
				      "identity %s: not JSON (line %d, column %d); \"pilot identity new\" makes one",
				      path, json_err.line, json_err.column);
		sodium_memzero(&json_err, sizeof(json_err));
		return ret;
	}
	ret = decode_member(root, "private_key", path, id->secret, SECRET_LEN, err);
	if (!ret)
		ret = decode_member(root, "public_key", path, id->pub,
				    sizeof(id->pub), err);
	json_decref(root);
	if (ret)
		return ret;

	/* The second half and the member must be what the seed makes. */
	{
		uint8_t *again = secret_alloc(SECRET_LEN, err);

		if (!again)
			return -ENOMEM;
		crypto_sign_seed_keypair(pub, again, id->secret);
		if (sodium_memcmp(again, id->secret, SECRET_LEN))
			ret = pilot_error_set(err, -EINVAL,
					      "identity %s: the two halves of \"private_key\" do not belong together",
					      path);
		else if (sodium_memcmp(pub, id->pub, sizeof(pub)))
			ret = pilot_error_set(err, -EINVAL,
					      "identity %s: \"public_key\" is not that of \"private_key\"",
					      path);
		sodium_free(again);
	}
	return ret;
}

int pilot_identity_parse(struct pilot_identity *id, const char *text,
			 size_t len, const char *name, struct pilot_error *err)
{
	struct json_alloc before;
	int ret;

	memset(id, 0, sizeof(*id));
	id->secret = secret_alloc(SECRET_LEN, err);
	if (!id->secret)
		return -ENOMEM;
	json_wiping(&before);
	ret = parse(id, text, len, name, err);
	json_restore(&before);
	if (ret)
		pilot_identity_free(id);
	return ret;
}

static int check_file(int fd, const char *path, bool anybodys, struct pilot_error *err)
{
	struct stat st;

	if (fstat(fd, &st) < 0)
		return pilot_error_set(err, -errno, "identity %s: %s", path,
				       strerror(errno));
	if (!S_ISREG(st.st_mode))
		return pilot_error_set(err, -EINVAL,
				       "identity %s: not a regular file", path);
	if (st.st_mode & (S_IRWXG | S_IRWXO))
		return pilot_error_set(err, -EPERM,
				       "identity %s: mode %04o lets others in (chmod 600)",
				       path, (unsigned int)st.st_mode & 07777);
	if (!anybodys && st.st_uid != geteuid() && st.st_uid != 0)
		return pilot_error_set(err, -EPERM,
				       "identity %s: it belongs to user %u", path,
				       (unsigned int)st.st_uid);
	if (st.st_size > FILE_MAX)
		return pilot_error_set(err, -EINVAL,
				       "identity %s: too large for an identity",
				       path);
	return 0;
}

int pilot_identity_load(struct pilot_identity *id, const char *path, bool anybodys,
			struct pilot_error *err)
{
	uint8_t *text = NULL;
	size_t len = 0;
	ssize_t n;
	int fd, ret;

	memset(id, 0, sizeof(*id));
	/* NONBLOCK: a FIFO must not hang us before it is refused. */
	fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY);
	if (fd < 0)
		return pilot_error_set(err, -errno, "identity %s: %s", path,
				       errno == ELOOP ? "a symbolic link, not a regular file" :
				       strerror(errno));
	ret = check_file(fd, path, anybodys, err);
	if (ret)
		goto out;

	text = secret_alloc(FILE_MAX + 1, err);
	if (!text) {
		ret = -ENOMEM;
		goto out;
	}
	do {
		n = read(fd, text + len, FILE_MAX + 1 - len);
		if (n > 0)
			len += n;
	} while ((n > 0 && len <= FILE_MAX) || (n < 0 && errno == EINTR));
	if (n < 0) {
		ret = pilot_error_set(err, -errno, "identity %s: %s", path,
				      strerror(errno));
		goto out;
	}

	ret = pilot_identity_parse(id, (const char *)text, len, path, err);
out:
	close(fd);
	sodium_free(text);
	return ret;
}

static int write_all(int fd, const char *p, size_t len)
{
	while (len) {
		ssize_t n = write(fd, p, len);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		p += n;
		len -= n;
	}
	return 0;
}

/* The new name must survive a crash too. */
static int sync_dir(const char *path)
{
	char *copy = strdup(path);
	int fd, ret = 0;

	if (!copy)
		return -ENOMEM;
	fd = open(dirname(copy), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	free(copy);
	if (fd < 0)
		return -errno;
	/* Not every file system knows fsync() of a directory. */
	if (fsync(fd) < 0 && errno != EINVAL)
		ret = -errno;
	close(fd);
	return ret;
}

/* rename() that never replaces a file, also where NFS cannot do it at once. */
static int move_new(const char *from, const char *to)
{
	if (!renameat2(AT_FDCWD, from, AT_FDCWD, to, RENAME_NOREPLACE))
		return 0;
	if (errno != EINVAL && errno != ENOSYS)
		return -errno;
	if (link(from, to) < 0)
		return -errno;
	unlink(from);
	return 0;
}

int pilot_identity_save(const struct pilot_identity *id, const char *path,
			struct pilot_error *err)
{
	const size_t size = B64(SECRET_LEN) + B64(sizeof(id->pub)) + 64;
	char pub[B64(sizeof(id->pub))];
	char *text = NULL, *secret = NULL;
	char tmp[PATH_MAX];
	int fd = -1, ret;

	if (snprintf(tmp, sizeof(tmp), "%s.XXXXXX", path) >= (int)sizeof(tmp))
		return pilot_error_set(err, -ENAMETOOLONG,
				       "identity %s: the name is too long", path);
	text = (char *)secret_alloc(size, err);
	secret = (char *)secret_alloc(B64(SECRET_LEN), err);
	if (!text || !secret) {
		ret = -ENOMEM;
		goto out;
	}
	sodium_bin2base64(secret, B64(SECRET_LEN), id->secret, SECRET_LEN,
			  sodium_base64_VARIANT_ORIGINAL);
	sodium_bin2base64(pub, sizeof(pub), id->pub, sizeof(id->pub),
			  sodium_base64_VARIANT_ORIGINAL);
	snprintf(text, size, "{\"private_key\": \"%s\", \"public_key\": \"%s\"}\n",
		 secret, pub);

	/* Mode 0600 from the start, whatever the umask. */
	fd = mkostemp(tmp, O_CLOEXEC);
	if (fd < 0) {
		ret = pilot_error_set(err, -errno, "identity %s: %s", path,
				      strerror(errno));
		goto out;
	}
	ret = fchmod(fd, 0600) < 0 ? -errno : write_all(fd, text, strlen(text));
	if (!ret && fsync(fd) < 0)
		ret = -errno;
	if (!ret)
		ret = move_new(tmp, path);
	if (ret)
		unlink(tmp);
	if (!ret)
		ret = sync_dir(path);
	if (ret)
		pilot_error_set(err, ret, "identity %s: %s", path,
				ret == -EEXIST ? "there is a file already; it is left alone" :
				strerror(-ret));
out:
	if (fd >= 0)
		close(fd);
	sodium_free(text);
	sodium_free(secret);
	return ret;
}
