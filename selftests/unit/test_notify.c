// SPDX-License-Identifier: GPL-2.0
/* What a service manager hears: over a path and an abstract name. */
#include <errno.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "log.h"
#include "notify.h"
#include "tap.h"

static char heard[65536];

/* All that was sent so far, "|" behind each message. */
static const char *hear(int fd)
{
	size_t n = 0;
	ssize_t got;

	while ((got = recv(fd, heard + n, sizeof(heard) - n - 2, MSG_DONTWAIT)) > 0) {
		n += (size_t)got;
		heard[n++] = '|';
	}
	heard[n] = '\0';
	return heard;
}

static bool hears(int fd, const char *what)
{
	if (!strcmp(hear(fd), what))
		return true;
	diag("heard: %s", heard);
	return false;
}

/* Of exactly these bytes, as a manager has it: with or without a NUL behind. */
static int listen_at(const char *address)
{
	struct sockaddr_un sa = { .sun_family = AF_UNIX };
	size_t len = strlen(address);
	int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	memcpy(sa.sun_path, address, len);
	if (*address == '@')
		sa.sun_path[0] = '\0';
	if (fd < 0 || bind(fd, (struct sockaddr *)&sa,
			   (socklen_t)(offsetof(struct sockaddr_un, sun_path) + len +
				       (*address != '@')))) {
		diag("%s: %s", address, strerror(errno));
		exit(1);
	}
	return fd;
}

static void test_messages(const char *kind, const char *address)
{
	int fd = listen_at(address), i;

	setenv("NOTIFY_SOCKET", address, 1);
	notify_open();
	ok(notify_wanted() && !getenv("NOTIFY_SOCKET"), "%s: taken", kind);
	notify_ready();
	ok(hears(fd, "READY=1|"), "%s: ready", kind);
	notify_status("%d of %d peers", 2, 3);
	notify_status("%d of %d peers", 2, 3);
	ok(hears(fd, "STATUS=2 of 3 peers|"), "%s: a status, once", kind);
	notify_status("x\nREADY=1\n\033[31m");
	ok(hears(fd, "STATUS=x?READY=1??[31m|"), "%s: a status is one line", kind);
	notify_note("not reloaded");
	notify_status("well");
	notify_note(NULL);
	ok(hears(fd, "STATUS=x?READY=1??[31m; not reloaded|STATUS=well; not reloaded|STATUS=well|"),
	   "%s: a note stays until it is taken back", kind);
	notify_reloading();
	ok(!strncmp(hear(fd), "RELOADING=1\nMONOTONIC_USEC=", 27) &&
	   strtoull(heard + 27, NULL, 10) > 0, "%s: reloading", kind);
	notify_alive();
	notify_stopping();
	ok(hears(fd, "WATCHDOG=1|STOPPING=1|"), "%s: alive, stopping", kind);
	/* A manager that is busy: its queue is full. */
	for (i = 0; i < 2000; i++)
		notify_alive();
	notify_ready();
	notify_status("busy");
	hear(fd);
	notify_status("busy");
	ok(hears(fd, "READY=1|STATUS=busy|"), "%s: what matters is said again", kind);
	notify_alive();
	notify_status("busy");
	ok(hears(fd, "WATCHDOG=1|"), "%s: once", kind);
	/* A manager that has gone is no reason to. */
	close(fd);
	notify_status("nobody hears that");
	notify_close();
	ok(!notify_wanted(), "%s: closed", kind);
}

static void refuses(const char *address)
{
	setenv("NOTIFY_SOCKET", address, 1);
	log_level(LOG_ERR);
	notify_open();
	ok(!notify_wanted(), "refused: NOTIFY_SOCKET=%.20s", address);
	notify_ready();
	notify_close();
}

static void watchdog(const char *usec, const char *pid, uint64_t wanted)
{
	setenv("NOTIFY_SOCKET", "@pilot-test-nobody", 1);
	setenv("WATCHDOG_USEC", usec, 1);
	if (pid)
		setenv("WATCHDOG_PID", pid, 1);
	notify_open();
	ok(notify_watchdog() == wanted && !getenv("WATCHDOG_USEC") && !getenv("WATCHDOG_PID"),
	   "watchdog of \"%s\" for process %s", usec, pid ? pid : "(any)");
	notify_close();
}

int main(void)
{
	char path[] = "/tmp/pilot-notify.XXXXXX", address[64], name[64], pid[16], far[200];

	if (!mkdtemp(path))
		return 1;
	snprintf(address, sizeof(address), "%s/socket", path);
	snprintf(name, sizeof(name), "@pilot-test-%d", (int)getpid());
	notify_ready();
	ok(!notify_wanted(), "no manager, nothing to do");
	test_messages("path", address);
	unlink(address);
	rmdir(path);
	test_messages("abstract", name);

	memset(far, 'a', sizeof(far) - 1);
	far[0] = '/';
	far[sizeof(far) - 1] = '\0';
	refuses("");
	refuses("relative");
	refuses("@");
	refuses(far);

	snprintf(pid, sizeof(pid), "%d", (int)getpid());
	watchdog("30000000", pid, 15000000);
	watchdog("30000000", NULL, 15000000);
	watchdog("1", pid, 1);
	watchdog("30000000", "1", 0);
	watchdog("30000000", "x", 0);
	watchdog("0", pid, 0);
	watchdog("-5", pid, 0);
	watchdog("5s", pid, 0);
	watchdog("99999999999999999999999", pid, 0);
	return done();
}
