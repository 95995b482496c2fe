// SPDX-License-Identifier: GPL-2.0
/*
 * pilotd: key exchange for Pilot tunnel devices. Options, start, signals.
 */
#include <errno.h>
#include <getopt.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <unistd.h>

#include <event2/event.h>
#include <fcntl.h>
#include <sodium.h>

#include "lib/identity.h"
#include "lib/streams.h"
#include "log.h"
#include "nl.h"
#include "node_state.h"
#include "notify.h"
#include "privileges.h"
#include "setup.h"

enum { EXIT_DONE, EXIT_FAILED, EXIT_USAGE, EXIT_MISTAKE };

struct daemon {
	const char *path;
	struct setup *setup;
	struct pilot_identity id;	/* the manager refers to it */
	struct event_base *base;
	struct nl *nl;
};

static const char forms[] =
	"usage: pilotd --config FILE [--foreground] [-v]...\n"
	"       pilotd --check FILE\n";

static void help(void)
{
	fputs(forms, stdout);
	fputs("\n"
	      "  -c, --config FILE   configuration\n"
	      "  -f, --foreground    stay in the foreground, log to standard error\n"
	      "      --check         tell every mistake in the configuration and the files\n"
	      "                      it names, or OK, and exit\n"
	      "  -v, --verbose       log more; twice: everything\n"
	      "  -h, --help          this text\n"
	      "      --version       version\n"
	      "\n"
	      "SIGHUP reads the configuration again; SIGTERM ends pilotd, and the tunnel goes on.\n"
	      "Exit status: 0 done, 1 failed, 2 usage, 3 mistakes in a file.\n", stdout);
}

__attribute__((format(printf, 1, 2)))
static int wrong_usage(const char *fmt, ...)
{
	va_list ap;

	fputs("pilotd: ", stderr);
	va_start(ap, fmt);
	vfprintf(stderr, fmt, ap);
	va_end(ap);
	fprintf(stderr, "\n%s", forms);
	return EXIT_USAGE;
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

/* Return: whether there is a new configuration now. */
static bool reload(struct daemon *d)
{
	struct setup *s = setup_read(d->path, d->setup, false);
	const struct setup *old = d->setup;

	if (!s) {
		log_err("reload: the old configuration stays in use");
		return false;
	}
	if (strcmp(s->cfg.device, old->cfg.device) || s->cfg.node != old->cfg.node ||
	    s->cfg.node_auto != old->cfg.node_auto ||
	    !same_text(s->cfg.user, old->cfg.user) || !same_identity(d, s)) {
		log_err("reload: device, node-id, identity and user cannot be changed while pilotd runs; the old configuration stays in use");
		setup_free(s);
		return false;
	}
	if (nl_reload(d->nl, &s->cfg, &s->reg)) {
		setup_free(s);
		return false;
	}
	setup_warn(s, &d->id);
	setup_free(d->setup);
	d->setup = s;
	log_notice("configuration read again%s",
		   *log_first_error() ? ", but not all of it is in use" : "");
	return true;
}

static void on_reload(struct daemon *d)
{
	char note[512];
	bool read;

	notify_reloading();
	log_forget_error();
	read = reload(d);
	snprintf(note, sizeof(note), "%s: %.480s", read ? "reloaded in part" : "not reloaded",
		 log_first_error());
	notify_note(*log_first_error() ? note : NULL);
	notify_ready();
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
	if (sig == SIGHUP) {
		on_reload(d);
		return;
	}
	notify_stopping();
	notify_status("leaving, the tunnel goes on");
	event_base_loopexit(d->base, nl_leave(d->nl, on_left, d) ? &goodbye : NULL);
}

static void on_watchdog(evutil_socket_t fd, short what, void *data)
{
	(void)fd;
	(void)what;
	(void)data;
	notify_alive();
}

/* The whole path of a file here; NULL if that cannot be told. */
static char *below_directory(const char *name)
{
	char *dir = getcwd(NULL, 0), *path = NULL;

	if (dir && asprintf(&path, "%s/%s", dir, name) < 0)
		path = NULL;
	free(dir);
	return path;
}

/* Nothing of a secret may reach a disk. */
static void protect_memory(void)
{
	const struct rlimit none = { 0, 0 };

	if (setrlimit(RLIMIT_CORE, &none))
		log_warn("core dumps could not be limited: %s", strerror(errno));
	if (prctl(PR_SET_DUMPABLE, 0))
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
static int to_background(const struct daemon *d)
{
	int fds[2], ret;
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
		ret = pilot_identity_lock(&d->id);
		if (ret)
			log_warn("locking the identity in memory: %s", strerror(-ret));
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
	const struct timeval watchdog = {
		.tv_sec = (time_t)(notify_watchdog() / 1000000),
		.tv_usec = (suseconds_t)(notify_watchdog() % 1000000),
	};
	struct event *ev[4] = { 0 };
	int ready = foreground ? -1 : to_background(d);
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
	if (notify_watchdog()) {
		ev[3] = event_new(d->base, -1, EV_PERSIST, on_watchdog, NULL);
		if (!ev[3] || event_add(ev[3], &watchdog)) {
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
	notify_ready();
	event_base_dispatch(d->base);
	status = nl_failed(d->nl) ? EXIT_FAILED : EXIT_DONE;
	if (!status)
		log_notice("%s: leaving, the tunnel goes on", d->setup->cfg.device);
	nl_free(d->nl);
out:
	for (i = 0; i < 4; i++)
		if (ev[i])
			event_free(ev[i]);
	event_base_free(d->base);
	return status;
}

/* Return: exit status. */
static int run(struct daemon *d, bool foreground, bool check)
{
	struct pilot_error err;

	d->setup = setup_read(d->path, NULL, check);
	if (!d->setup)
		return EXIT_MISTAKE;
	setup_warn(d->setup, &d->setup->id);
	if (check) {
		puts("OK");
		return EXIT_DONE;
	}
	d->id = d->setup->id;
	memset(&d->setup->id, 0, sizeof(d->setup->id));
	if (d->setup->cfg.user && privileges_drop(d->setup->cfg.user))
		return EXIT_FAILED;
	if (d->setup->cfg.node_auto && node_state_check(d->setup->cfg.state, &err)) {
		log_err("%s", err.text);
		return EXIT_FAILED;
	}
	/* A change of user switches core dumps on again. */
	protect_memory();
	return serve(d, foreground);
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
	bool foreground = false, check = false;
	int opt, status, level = LOG_NOTICE;
	char *path;

	pilot_hold_streams();
	opterr = 0;
	while ((opt = getopt_long(argc, argv, ":c:fvh", options, NULL)) != -1) {
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
			help();
			return EXIT_DONE;
		case 'V':
			puts("pilotd " PILOT_VERSION);
			return EXIT_DONE;
		case ':':
			return wrong_usage("which configuration file?");
		default:
			if (!strncmp(argv[optind - 1], "--", 2))
				return wrong_usage("there is no option \"%.40s\"", argv[optind - 1]);
			return wrong_usage("there is no option \"-%c\"", optopt);
		}
	}
	if (check && !d.path && optind < argc)
		d.path = argv[optind++];
	if (optind < argc)
		return wrong_usage("unexpected argument \"%.40s\"", argv[optind]);
	if (!d.path)
		return wrong_usage("which configuration file?");
	log_level(level);
	if (check)
		log_plain();
	else if (foreground)
		notify_open();
	if (sodium_init() < 0) {
		log_err("libsodium cannot be initialised");
		return EXIT_FAILED;
	}
	protect_memory();
	/* In the background the directory is another one. A link may be led elsewhere. */
	path = *d.path == '/' ? NULL : below_directory(d.path);
	if (path)
		d.path = path;
	status = run(&d, foreground, check);
	if (status)
		notify_status("%s", log_first_error());
	notify_close();
	setup_free(d.setup);
	pilot_identity_free(&d.id);
	free(path);
	return status;
}
