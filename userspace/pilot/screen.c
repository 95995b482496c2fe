// SPDX-License-Identifier: GPL-2.0
#include "screen.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <termios.h>
#include <time.h>
#include <unistd.h>

#include "cli.h"

/* Another page in place of the shell's lines, and no cursor; and back. */
#define ENTER	"\033[?1049h\033[?25l\033[H\033[2J"
#define LEAVE	"\033[?25h\033[?1049l"

static struct termios before;
static sigset_t unblocked;
static volatile sig_atomic_t ended, suspended, resized;

static void on_signal(int sig)
{
	if (sig == SIGWINCH)
		resized = 1;
	else if (sig == SIGTSTP)
		suspended = 1;
	else
		ended = 1;
}

static void put(const char *text, size_t len)
{
	while (len) {
		ssize_t n = write(STDOUT_FILENO, text, len);

		if (n > 0) {
			text += n;
			len -= n;
		} else if (n < 0 && errno != EINTR) {
			/* Nobody looks any more. */
			ended = 1;
			return;
		}
	}
}

static void enter(void)
{
	struct termios raw = before;

	raw.c_lflag &= ~(ICANON | ECHO);
	raw.c_cc[VMIN] = 0;
	raw.c_cc[VTIME] = 0;
	tcsetattr(STDIN_FILENO, TCSAFLUSH, &raw);
	put(ENTER, strlen(ENTER));
}

static void leave(void)
{
	put(LEAVE, strlen(LEAVE));
	tcsetattr(STDIN_FILENO, TCSAFLUSH, &before);
}

int screen_open(void)
{
	static const int signals[] = {
		SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGTSTP, SIGWINCH
	};
	struct sigaction action = { .sa_handler = on_signal };
	const char *term = getenv("TERM");
	sigset_t block;
	size_t i;

	if (!isatty(STDIN_FILENO) || !isatty(STDOUT_FILENO))
		return cli_fail("this is no terminal; -b prints reports one after another");
	if (!term || !*term || !strcmp(term, "dumb"))
		return cli_fail("TERM says the terminal cannot be drawn on; -b prints reports one after another");
	if (tcgetattr(STDIN_FILENO, &before))
		return cli_fail("terminal: %s", strerror(errno));

	/* They come while screen_wait() waits only: none is missed between. */
	sigemptyset(&block);
	for (i = 0; i < sizeof(signals) / sizeof(signals[0]); i++) {
		sigaddset(&block, signals[i]);
		sigaction(signals[i], &action, NULL);
	}
	sigprocmask(SIG_BLOCK, &block, &unblocked);
	enter();
	return CLI_DONE;
}

void screen_close(void)
{
	leave();
	sigprocmask(SIG_SETMASK, &unblocked, NULL);
}

void screen_size(int *rows, int *columns)
{
	struct winsize size = { 0 };

	ioctl(STDOUT_FILENO, TIOCGWINSZ, &size);
	*rows = size.ws_row ? size.ws_row : 24;
	*columns = size.ws_col ? size.ws_col : 80;
}

void screen_draw(const char *page, size_t len)
{
	int rows, columns, row = 1, column = 0;
	const char *end = page + len;
	char *out, *p;

	/* In one piece and without clearing first: it must not flicker. */
	out = malloc(len * 6 + 16);
	if (!out)
		return;
	screen_size(&rows, &columns);
	p = stpcpy(out, "\033[H");
	while (page < end) {
		if (*page == '\n') {
			/* Another line would push the first ones out. */
			if (row++ == rows)
				break;
			p = stpcpy(p, "\033[K\r\n");
			column = 0;
			page++;
		} else if (*page == '\033') {
			/* a colour, which takes no room */
			do
				*p++ = *page++;
			while (page < end && page[-1] != 'm');
		} else {
			/* A line that is too long would push the others down. */
			if (column++ < columns)
				*p++ = *page;
			page++;
		}
	}
	p = stpcpy(p, "\033[K\033[J");
	put(out, p - out);
	free(out);
}

/* Until the shell continues us. */
static void suspend(void)
{
	leave();
	raise(SIGSTOP);
	/* It may have changed the terminal meanwhile. */
	tcgetattr(STDIN_FILENO, &before);
	enter();
}

static int read_key(void)
{
	static const struct {
		const char *text;
		enum screen_key key;
	} keys[] = {
		{ "[A", SCREEN_UP }, { "OA", SCREEN_UP },
		{ "[B", SCREEN_DOWN }, { "OB", SCREEN_DOWN },
		{ "[C", SCREEN_RIGHT }, { "OC", SCREEN_RIGHT },
		{ "[D", SCREEN_LEFT }, { "OD", SCREEN_LEFT },
		{ "[5~", SCREEN_PAGE_UP }, { "[6~", SCREEN_PAGE_DOWN },
		{ "[H", SCREEN_HOME }, { "OH", SCREEN_HOME }, { "[1~", SCREEN_HOME },
		{ "[F", SCREEN_END }, { "OF", SCREEN_END }, { "[4~", SCREEN_END },
	};
	char text[8] = "", c;
	size_t i, len = 0;
	ssize_t n;

	n = read(STDIN_FILENO, &c, 1);
	if (n <= 0)
		return n < 0 && errno == EINTR ? SCREEN_TIMEOUT : SCREEN_QUIT;
	if (c != '\033')
		return (unsigned char)c;
	/* Over ssh its parts may come one after another. */
	while (len < sizeof(text) - 1) {
		struct pollfd pfd = { .fd = STDIN_FILENO, .events = POLLIN };

		if (poll(&pfd, 1, 50) <= 0 || read(STDIN_FILENO, &text[len], 1) != 1)
			break;
		c = text[len++];
		if (len > 1 && c >= '@' && c <= '~')
			break;
	}
	for (i = 0; i < sizeof(keys) / sizeof(keys[0]); i++)
		if (!strcmp(text, keys[i].text))
			return keys[i].key;
	return '\033';
}

int screen_wait(int64_t ns)
{
	struct pollfd pfd = { .fd = STDIN_FILENO, .events = POLLIN };
	struct timespec ts = { .tv_sec = ns / 1000000000, .tv_nsec = ns % 1000000000 };
	int ret;

	if (ended)
		return SCREEN_QUIT;
	ret = ppoll(&pfd, 1, &ts, &unblocked);
	if (ended)
		return SCREEN_QUIT;
	if (suspended) {
		suspended = 0;
		suspend();
		return SCREEN_REDRAW;
	}
	if (resized) {
		resized = 0;
		return SCREEN_REDRAW;
	}
	if (ret > 0)
		return pfd.revents & POLLIN ? read_key() : SCREEN_QUIT;
	return SCREEN_TIMEOUT;
}
