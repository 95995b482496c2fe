// SPDX-License-Identifier: GPL-2.0
#include "setup.h"

#include <errno.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "config_doubts.h"
#include "log.h"
#include "node_state.h"
#include "privileges.h"

static void print_error(const char *line)
{
	log_err("%s", line);
}

static void print_warning(const char *line)
{
	log_warn("%s", line);
}

void setup_free(struct setup *s)
{
	if (!s)
		return;
	config_free(&s->cfg);
	registry_free(&s->reg);
	pilot_identity_free(&s->id);
	free(s);
}

static int read_config(struct config *cfg, const char *path)
{
	struct textfile t;
	int ret = textfile_load(&t, path);

	if (!ret)
		ret = config_read(cfg, &t);
	textfile_report(&t, print_error);
	textfile_release(&t);
	return ret;
}

/* A path in a configuration is relative to where that is. */
static int make_absolute(char **path, const char *cfg)
{
	const char *slash = strrchr(cfg, '/');
	char *abs;

	if (!*path || **path == '/' || !slash)
		return 0;
	if (asprintf(&abs, "%.*s/%s", (int)(slash - cfg), cfg, *path) < 0) {
		log_err("out of memory");
		return -ENOMEM;
	}
	free(*path);
	*path = abs;
	return 0;
}

/* Who may not read a file wants to know who he is. */
static void complain(const struct setup *s, unsigned int line, int ret,
		     const struct pilot_error *err)
{
	const struct passwd *pw = ret == -EACCES ? getpwuid(geteuid()) : NULL;

	log_err("%s:%u: %s%s%s%s", s->path, line, err->text, pw ? " for user \"" : "",
		pw ? pw->pw_name : "", pw ? "\"" : "");
}

static bool read_identity(struct setup *s)
{
	struct pilot_error err;
	int ret;

	ret = pilot_identity_load(&s->id, s->cfg.identity, false, &err);
	if (ret)
		complain(s, s->cfg.lines.identity, ret, &err);
	return !ret;
}

static bool read_state(struct setup *s)
{
	struct pilot_error err;
	int ret = 0;

	if (s->cfg.lines.state)
		ret = node_state_check(s->cfg.state, &err);
	if (!ret && s->id.secret)
		ret = node_state_load(s->cfg.state, &s->id, &s->cfg.node, &err);
	if (ret)
		complain(s, s->cfg.lines.state ? s->cfg.lines.state : s->cfg.lines.node,
			 ret, &err);
	return !ret;
}

static bool read_registry(struct setup *s)
{
	struct textfile t;
	struct pilot_error err;
	int ret = textfile_load(&t, s->cfg.registry);

	if (ret) {
		pilot_error_set(&err, ret, "registry %s: %s", s->cfg.registry, strerror(-ret));
		complain(s, s->cfg.lines.registry, ret, &err);
	} else {
		ret = registry_read(&s->reg, &t);
		textfile_report(&t, print_error);
	}
	textfile_release(&t);
	return !ret;
}

static bool check_user(struct setup *s)
{
	char where[512];

	snprintf(where, sizeof(where), "%s:%u", s->path, s->cfg.lines.user);
	return !privileges_check(s->cfg.user, where);
}

/* With "user" the identity is read before. */
static bool become_owner(const struct setup *s)
{
	struct stat st;

	if (geteuid() || !s->cfg.identity || s->cfg.user || stat(s->cfg.identity, &st) ||
	    !st.st_uid)
		return true;
	return !privileges_assume(st.st_uid);
}

struct setup *setup_read(const char *path, const struct setup *old, bool as_owner)
{
	struct setup *s = calloc(1, sizeof(*s));
	bool good;

	if (!s) {
		log_err("out of memory");
		return NULL;
	}
	s->path = path;
	good = !read_config(&s->cfg, path);
	/* What it names is read all the same: one run shows all mistakes. */
	if (make_absolute(&s->cfg.identity, path) ||
	    make_absolute(&s->cfg.registry, path) || make_absolute(&s->cfg.state, path)) {
		setup_free(s);
		return NULL;
	}
	if (as_owner && !become_owner(s))
		good = false;
	if (s->cfg.identity && !(old && old->cfg.user) && !read_identity(s))
		good = false;
	if (s->cfg.node_auto && old)
		s->cfg.node = old->cfg.node;
	else if (s->cfg.node_auto && s->cfg.state && !read_state(s))
		good = false;
	if (s->cfg.registry && !read_registry(s))
		good = false;
	if (s->cfg.user && !old && !check_user(s))
		good = false;
	if (!good) {
		setup_free(s);
		return NULL;
	}
	return s;
}

void setup_warn(const struct setup *s, const struct pilot_identity *id)
{
	config_doubts(s->path, &s->cfg, &s->reg, id->secret ? id->pub : NULL, print_warning);
}
