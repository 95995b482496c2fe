// SPDX-License-Identifier: GPL-2.0
#include "notify.h"

#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include "lib/text.h"
#include "log.h"

#define LINE_MAX_LEN	512

static struct {
	int fd;
	struct sockaddr_un to;
	socklen_t to_len;
	uint64_t watchdog;
	bool ready;		/* to be said, but the manager was busy */
	char status[LINE_MAX_LEN];
	char note[LINE_MAX_LEN];
	char sent[2 * LINE_MAX_LEN + 16];
} manager = { .fd = -1 };

/* A path, or a name in the abstract name space after '@'. */
static int parse_address(const char *s)
{
	size_t len = strlen(s);

	if ((*s != '/' && *s != '@') || len < 2)
		return -EINVAL;
	if (len >= sizeof(manager.to.sun_path))
		return -ENAMETOOLONG;
	memset(&manager.to, 0, sizeof(manager.to));
	manager.to.sun_family = AF_UNIX;
	memcpy(manager.to.sun_path, s, len);
	/* The NUL is part of a path's address, but not of a name's. */
	if (*s == '@')
		manager.to.sun_path[0] = '\0';
	manager.to_len = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + len +
				     (*s == '/'));
	return 0;
}

static bool parse_number(const char *s, uint64_t *n)
{
	char *end;

	if (*s < '0' || *s > '9')
		return false;
	errno = 0;
	*n = strtoull(s, &end, 10);
	return !errno && !*end;
}

static void read_watchdog(void)
{
	const char *usec = getenv("WATCHDOG_USEC"), *pid = getenv("WATCHDOG_PID");
	uint64_t n;

	/* It may be meant for who started us. */
	if (!usec || (pid && (!parse_number(pid, &n) || n != (uint64_t)getpid())))
		return;
	if (parse_number(usec, &n) && n)
		manager.watchdog = n / 2 ? n / 2 : 1;
	else
		log_warn("WATCHDOG_USEC=%.64s is not a time", usec);
}

void notify_open(void)
{
	const char *address = getenv("NOTIFY_SOCKET");
	int ret;

	if (address) {
		ret = parse_address(address);
		if (!ret) {
			manager.fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
			if (manager.fd < 0)
				ret = -errno;
		}
		if (ret)
			log_warn("NOTIFY_SOCKET=%.120s: %s", address, strerror(-ret));
		else
			read_watchdog();
	}
	unsetenv("NOTIFY_SOCKET");
	unsetenv("WATCHDOG_USEC");
	unsetenv("WATCHDOG_PID");
}

bool notify_wanted(void)
{
	return manager.fd >= 0;
}

uint64_t notify_watchdog(void)
{
	return manager.watchdog;
}

/* The manager may be busy; it must not keep us from our work. */
static bool tell(const char *text)
{
	if (manager.fd < 0 ||
	    sendto(manager.fd, text, strlen(text), MSG_NOSIGNAL | MSG_DONTWAIT,
		   (struct sockaddr *)&manager.to, manager.to_len) >= 0)
		return true;
	log_info("telling the service manager: %s", strerror(errno));
	return false;
}

/* It would wait for that, and end us when its patience does. */
static void tell_ready(void)
{
	if (manager.ready)
		manager.ready = !tell("READY=1");
}

void notify_ready(void)
{
	manager.ready = true;
	tell_ready();
}

void notify_reloading(void)
{
	struct timespec ts;
	char text[64];

	tell_ready();
	clock_gettime(CLOCK_MONOTONIC, &ts);
	snprintf(text, sizeof(text), "RELOADING=1\nMONOTONIC_USEC=%" PRIu64,
		 (uint64_t)ts.tv_sec * 1000000 + (uint64_t)ts.tv_nsec / 1000);
	tell(text);
}

void notify_stopping(void)
{
	tell("STOPPING=1");
}

void notify_alive(void)
{
	tell_ready();
	tell("WATCHDOG=1");
}

static void tell_status(void)
{
	char text[sizeof(manager.sent)];

	tell_ready();
	snprintf(text, sizeof(text), "STATUS=%s%s%s", manager.status,
		 manager.note[0] ? "; " : "", manager.note);
	if (strcmp(text, manager.sent) && tell(text))
		memcpy(manager.sent, text, sizeof(text));
}

void notify_status(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(manager.status, sizeof(manager.status), fmt, ap);
	va_end(ap);
	/* A line end would begin another message. */
	pilot_sanitize(manager.status);
	tell_status();
}

void notify_note(const char *text)
{
	snprintf(manager.note, sizeof(manager.note), "%s", text ? text : "");
	pilot_sanitize(manager.note);
	tell_status();
}

void notify_close(void)
{
	if (manager.fd >= 0)
		close(manager.fd);
	memset(&manager, 0, sizeof(manager));
	manager.fd = -1;
}
