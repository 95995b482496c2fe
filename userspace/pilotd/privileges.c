// SPDX-License-Identifier: GPL-2.0
#include "privileges.h"

#include <errno.h>
#include <grp.h>
#include <pwd.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include <cap-ng.h>

#include "log.h"

static const struct passwd *find(const char *user, const char *where)
{
	const struct passwd *pw;

	errno = 0;
	pw = getpwnam(user);
	if (!pw && errno && errno != ENOENT)
		log_err("%s: user: \"%s\": %s", where, user, strerror(errno));
	else if (!pw)
		log_err("%s: user: there is no user \"%s\"", where, user);
	return pw;
}

int privileges_check(const char *user, const char *where)
{
	const struct passwd *pw = find(user, where);

	if (!pw)
		return -ENOENT;
	if (!pw->pw_uid) {
		log_err("%s: user: \"%s\" is root, which gives nothing up", where, user);
		return -EINVAL;
	}
	if (geteuid() && geteuid() != pw->pw_uid) {
		log_err("%s: user: only root can become \"%s\"", where, user);
		return -EPERM;
	}
	return 0;
}

int privileges_drop(const char *user)
{
	const struct rlimit all = { RLIM_INFINITY, RLIM_INFINITY };
	const struct passwd *pw = find(user, "pilotd");
	int ret;

	if (!pw)
		return -ENOENT;
	if (geteuid())
		return 0;
	/* Root may lock what it likes; the keys stay in locked memory. */
	if (setrlimit(RLIMIT_MEMLOCK, &all))
		log_warn("locked memory stays limited: %s", strerror(errno));
	capng_clear(CAPNG_SELECT_ALL);
	capng_updatev(CAPNG_ADD, CAPNG_EFFECTIVE | CAPNG_PERMITTED,
		      CAP_NET_ADMIN, CAP_NET_BIND_SERVICE, -1);
	ret = capng_change_id((int)pw->pw_uid, (int)pw->pw_gid,
			      CAPNG_DROP_SUPP_GRP | CAPNG_CLEAR_BOUNDING);
	if (ret) {
		log_err("becoming user \"%s\": step %d failed: %s", user, -ret,
			strerror(errno));
		return -EPERM;
	}
	return 0;
}

int privileges_assume(uid_t uid)
{
	const struct passwd *pw;

	pw = getpwuid(uid);
	if (!pw) {
		log_err("there is no user %u", (unsigned int)uid);
		return -ENOENT;
	}
	if (initgroups(pw->pw_name, pw->pw_gid) || setgid(pw->pw_gid) || setuid(uid)) {
		log_err("becoming user \"%s\": %s", pw->pw_name, strerror(errno));
		return -EPERM;
	}
	return 0;
}
