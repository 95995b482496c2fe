// SPDX-License-Identifier: GPL-2.0
/*
 * pilotd: key exchange for Pilot tunnel devices. Options, start, signals.
 */
#include <errno.h>
#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <unistd.h>

#include <event2/event.h>
#include <fcntl.h>
#include <sodium.h>

#include "config.h"
#include "lib/identity.h"
#include "log.h"
#include "nl.h"
#include "node_state.h"
#include "privileges.h"
#include "registry_file.h"

enum { EXIT_DONE, EXIT_FAILED, EXIT_USAGE };

/* Everything that is read from files. */
struct setup {
	struct config cfg;
	struct registry reg;
	struct pilot_identity id;
};

struct daemon {
	const char *path;
	struct setup *setup;
	struct pilot_identity id;	/* the manager refers to it */
	struct event_base *base;
	struct nl *nl;
};

static void usage(FILE *to)
{
	fputs("usage: pilotd --config FILE [--foreground] [--check] [-v]...\n"
	      "\n"
	      "  -c, --config FILE   configuration\n"
	      "  -f, --foreground    stay in the foreground, log to standard error\n"
	      "      --check         check the configuration and what it names, print OK\n"
	      "  -v, --verbose       log more; twice: everything\n"
	      "  -h, --help          this text\n"
	      "      --version       version\n"
	      "\n"
	      "SIGHUP reads the configuration again; SIGTERM ends pilotd, and the tunnel goes on.\n"
	      "Exit status: 0 done, 1 failed, 2 usage.\n", to);
}

static void print_error(const char *line)
{
	log_err("%s", line);
}

static void setup_free(struct setup *s)
{
	if (!s)
		return;
	config_free(&s->cfg);
	registry_free(&s->reg);
	pilot_identity_free(&s->id);
	free(s);
}

/* Read a file of lines; all its mistakes are logged. */
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

static int read_registry(struct registry *reg, const char *path)
{
	struct textfile t;
	int ret = textfile_load(&t, path);

	if (!ret)
		ret = registry_read(reg, &t);
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

/*
 * With @old, which has given up its privileges, the identity is not read again:
 * it should not be readable any more.
 */
static struct setup *setup_read(const char *path, const struct setup *old)
{
	struct setup *s = calloc(1, sizeof(*s));
	struct pilot_error err;
	bool good;

	if (!s) {
		log_err("out of memory");
		return NULL;
	}
	if (read_config(&s->cfg, path) || make_absolute(&s->cfg.identity, path) ||
	    make_absolute(&s->cfg.registry, path) ||
	    make_absolute(&s->cfg.state, path)) {
		setup_free(s);
		return NULL;
	}
	good = true;
	if (s->cfg.identity && !(old && old->cfg.user) &&
	    pilot_identity_load(&s->id, s->cfg.identity, &err)) {
		log_err("%s", err.text);
		good = false;
	}
	if (s->cfg.node_auto && old)
		s->cfg.node = old->cfg.node;
	else if (s->cfg.node_auto && s->id.secret &&
		 node_state_load(s->cfg.state, &s->id, &s->cfg.node, &err)) {
		log_err("%s", err.text);
		good = false;
	}
	if (s->cfg.registry && read_registry(&s->reg, s->cfg.registry))
		good = false;
	if (s->cfg.user && !old && privileges_check(s->cfg.user, path))
		good = false;
	if (!good) {
		setup_free(s);
		return NULL;
	}
	return s;
}

/* Not wrong, but hardly meant. */
static void setup_warn(const struct setup *s, const struct pilot_identity *id)
{
	const struct registry_node *own = registry_find(&s->reg, s->cfg.node);

	if (own && id->secret && memcmp(own->key, id->pub, sizeof(own->key)))
		log_warn("%s:%u: node %u has another public key there than in %s: peers with this registry will refuse this node",
			 s->cfg.registry, own->line, s->cfg.node, s->cfg.identity);
	if (!id->secret)
		log_warn("there is no identity: all sessions will be unauthenticated");
}

static bool same_text(const char *a, const char *b)
{
	return a && b ? !strcmp(a, b) : a == b;
}

static bool same_identity(const struct daemon *d, const struct setup *s)
{
	if (d->setup->cfg.user)
		return same_text(s->cfg.identity, d->setup->cfg.identity);
	return !s->id.secret == !d->id.secret &&
	       !memcmp(s->id.pub, d->id.pub, sizeof(s->id.pub));
}

static void reload(struct daemon *d)
{
	struct setup *s = setup_read(d->path, d->setup);
	const struct setup *old = d->setup;

	if (!s) {
		log_err("reload: the old configuration stays in use");
		return;
	}
	if (strcmp(s->cfg.device, old->cfg.device) || s->cfg.node != old->cfg.node ||
	    s->cfg.node_auto != old->cfg.node_auto ||
	    !same_text(s->cfg.user, old->cfg.user) || !same_identity(d, s)) {
		log_err("reload: device, node-id, identity and user cannot be changed while pilotd runs; the old configuration stays in use");
		setup_free(s);
		return;
	}
	if (nl_reload(d->nl, &s->cfg, &s->reg)) {
		setup_free(s);
		return;
	}
	setup_warn(s, &d->id);
	setup_free(d->setup);
	d->setup = s;
	log_notice("configuration read again");
}

static void on_left(void *ctx)
{
	struct daemon *d = ctx;

	event_base_loopexit(d->base, NULL);
}

static void on_signal(evutil_socket_t sig, short what, void *data)
{
	static const struct timeval goodbye = { .tv_sec = 2 };
	struct daemon *d = data;

	(void)what;
	if (sig == SIGHUP)
		reload(d);
	else
		event_base_loopexit(d->base, nl_leave(d->nl, on_left, d) ? &goodbye : NULL);
}

/* Nothing of a secret may reach a disk. */
static void protect_memory(void)
{
	const struct rlimit none = { 0, 0 };

	if (setrlimit(RLIMIT_CORE, &none) || prctl(PR_SET_DUMPABLE, 0))
		log_warn("core dumps could not be disabled: %s", strerror(errno));
	/* Nothing is ever executed. */
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0))
		log_warn("no_new_privs: %s", strerror(errno));
}

/*
 * Go to the background. The parent stays until the child says that it is in
 * service, so that a failure to start is seen by who started it.
 *
 * Return: descriptor for saying so.
 */
static int to_background(void)
{
	int fds[2];
	char ready;
	pid_t pid;

	if (pipe2(fds, O_CLOEXEC)) {
		log_err("pipe: %s", strerror(errno));
		exit(EXIT_FAILED);
	}
	pid = fork();
	if (pid < 0) {
		log_err("fork: %s", strerror(errno));
		exit(EXIT_FAILED);
	}
	if (!pid) {
		close(fds[0]);
		setsid();
		return fds[1];
	}
	close(fds[1]);
	_exit(read(fds[0], &ready, 1) == 1 ? EXIT_DONE : EXIT_FAILED);
}

static void in_service(int ready)
{
	int null;

	log_to_syslog();
	null = open("/dev/null", O_RDWR | O_CLOEXEC);
	if (null < 0 || dup2(null, STDIN_FILENO) < 0 ||
	    dup2(null, STDOUT_FILENO) < 0 || dup2(null, STDERR_FILENO) < 0 ||
	    chdir("/"))
		log_warn("leaving the terminal: %s", strerror(errno));
	if (null > STDERR_FILENO)
		close(null);
	if (write(ready, "", 1) != 1)
		log_warn("telling the parent: %s", strerror(errno));
	close(ready);
}

static int serve(struct daemon *d, bool foreground)
{
	static const int sigs[] = { SIGHUP, SIGINT, SIGTERM };
	struct event *ev[3] = { 0 };
	int ready = foreground ? -1 : to_background();
	int status = EXIT_FAILED;
	size_t i;

	signal(SIGPIPE, SIG_IGN);
	d->base = event_base_new();
	if (!d->base) {
		log_err("out of memory");
		return status;
	}
	for (i = 0; i < 3; i++) {
		ev[i] = evsignal_new(d->base, sigs[i], on_signal, d);
		if (!ev[i] || event_add(ev[i], NULL)) {
			log_err("out of memory");
			goto out;
		}
	}
	d->nl = nl_new(d->base, &d->setup->cfg, &d->setup->reg,
		       d->id.secret ? &d->id : NULL);
	if (!d->nl)
		goto out;
	if (!foreground)
		in_service(ready);
	event_base_dispatch(d->base);
	status = nl_failed(d->nl) ? EXIT_FAILED : EXIT_DONE;
	if (!status)
		log_notice("%s: leaving, the tunnel goes on", d->setup->cfg.device);
	nl_free(d->nl);
out:
	for (i = 0; i < 3; i++)
		if (ev[i])
			event_free(ev[i]);
	event_base_free(d->base);
	return status;
}

int main(int argc, char **argv)
{
	static const struct option options[] = {
		{ "config", required_argument, NULL, 'c' },
		{ "foreground", no_argument, NULL, 'f' },
		{ "check", no_argument, NULL, 'C' },
		{ "verbose", no_argument, NULL, 'v' },
		{ "help", no_argument, NULL, 'h' },
		{ "version", no_argument, NULL, 'V' },
		{ 0 },
	};
	struct daemon d = { 0 };
	struct pilot_error err;
	bool foreground = false, check = false;
	int opt, status, level = LOG_NOTICE;
	char *path;

	while ((opt = getopt_long(argc, argv, "c:fvh", options, NULL)) != -1) {
		switch (opt) {
		case 'c':
			d.path = optarg;
			break;
		case 'f':
			foreground = true;
			break;
		case 'C':
			check = true;
			break;
		case 'v':
			level = level < LOG_DEBUG ? level + 1 : level;
			break;
		case 'h':
			usage(stdout);
			return EXIT_DONE;
		case 'V':
			puts("pilotd " PILOT_VERSION);
			return EXIT_DONE;
		default:
			usage(stderr);
			return EXIT_USAGE;
		}
	}
	if (optind < argc) {
		fprintf(stderr, "pilotd: unexpected argument \"%s\"\n", argv[optind]);
		usage(stderr);
		return EXIT_USAGE;
	}
	if (!d.path) {
		fputs("pilotd: --config is missing\n", stderr);
		usage(stderr);
		return EXIT_USAGE;
	}
	log_level(level);
	if (sodium_init() < 0) {
		log_err("libsodium cannot be initialised");
		return EXIT_FAILED;
	}
	protect_memory();
	/* In the background the directory is another one. */
	path = realpath(d.path, NULL);
	if (path)
		d.path = path;
	d.setup = setup_read(d.path, NULL);
	if (!d.setup) {
		free(path);
		return EXIT_FAILED;
	}
	setup_warn(d.setup, &d.setup->id);
	if (check) {
		puts("OK");
		setup_free(d.setup);
		free(path);
		return EXIT_DONE;
	}
	d.id = d.setup->id;
	memset(&d.setup->id, 0, sizeof(d.setup->id));
	if (d.setup->cfg.user && privileges_drop(d.setup->cfg.user)) {
		status = EXIT_FAILED;
	} else if (d.setup->cfg.node_auto && node_state_check(d.setup->cfg.state, &err)) {
		log_err("%s", err.text);
		status = EXIT_FAILED;
	} else {
		/* A change of user switches core dumps on again. */
		protect_memory();
		status = serve(&d, foreground);
	}
	setup_free(d.setup);
	pilot_identity_free(&d.id);
	free(path);
	return status;
}
