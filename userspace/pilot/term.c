// SPDX-License-Identifier: GPL-2.0
/*
 * What the terminal takes: colours and width.
 */
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "cli.h"

static enum { COLOR_AUTO, COLOR_ALWAYS, COLOR_NEVER } wanted;

int cli_take_color(int *argc, char **argv)
{
	static const char *const words[] = { "auto", "always", "never", NULL };
	int i, n = 0, ret = CLI_DONE;

	for (i = 0; i < *argc; i++) {
		const char *when = argv[i] + strlen("--color");
		size_t w = 0;

		if (strncmp(argv[i], "--color", strlen("--color")) || (*when && *when != '=')) {
			argv[n++] = argv[i];
			continue;
		}
		when = *when ? when + 1 : "always";
		while (words[w] && strcmp(when, words[w]))
			w++;
		if (words[w])
			wanted = w;
		else
			ret = cli_usage(NULL, "--color \"%.40s\" is not auto, always or never%s",
					when, cli_did_you_mean(when, words));
	}
	argv[n] = NULL;
	*argc = n;
	return ret;
}

const char *cli_color(enum cli_color color)
{
	static const char *const codes[] = {
		[COLOR_RESET] = "\033[0m",
		[COLOR_BOLD] = "\033[1m",
		[COLOR_DIM] = "\033[2m",
		[COLOR_REVERSE] = "\033[7m",
		[COLOR_GREEN] = "\033[32m",
		[COLOR_YELLOW] = "\033[33m",
		[COLOR_RED] = "\033[31m",
		[COLOR_CYAN] = "\033[36m",
	};
	static int enabled = -1;

	if (enabled < 0) {
		const char *no = getenv("NO_COLOR");
		const char *term = getenv("TERM");

		enabled = isatty(STDOUT_FILENO) && !(no && *no) &&
			  term && strcmp(term, "dumb");
		if (wanted != COLOR_AUTO)
			enabled = wanted == COLOR_ALWAYS;
	}
	return enabled ? codes[color] : "";
}

int cli_width(void)
{
	struct winsize size;

	if (!isatty(STDOUT_FILENO))
		return 0;
	if (ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) || !size.ws_col)
		return 80;
	return size.ws_col;
}

void cli_field(const char *name)
{
	printf("%s%*s%s: ", cli_color(COLOR_BOLD), CLI_VALUES - 2, name, cli_color(COLOR_RESET));
}

void cli_wrap(FILE *to, const char *prefix, const char *text, size_t len, int width)
{
	int begin = (int)strlen(prefix), column = begin;
	const char *end = text + len;

	fputs(prefix, to);
	while (text < end) {
		const char *p = text;
		int depth = 0;

		/* What is in brackets stays together. */
		while (p < end && (depth || *p != ' ')) {
			depth += (*p == '[') - (*p == ']');
			p++;
		}
		if (column > begin && column + 1 + (p - text) > width) {
			fprintf(to, "\n%*s", begin + 4, "");
			column = begin + 4;
		} else if (column > begin) {
			fputc(' ', to);
			column++;
		}
		fwrite(text, 1, p - text, to);
		column += (int)(p - text);
		text = p + (p < end);
	}
	fputc('\n', to);
}
