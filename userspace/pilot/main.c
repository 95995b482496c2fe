// SPDX-License-Identifier: GPL-2.0
/*
 * pilot: command line of the Pilot Protocol tunnel in the kernel. It speaks to
 * the kernel only, never to the daemon.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include <sodium.h>

#include "cli.h"
#include "lib/streams.h"

static const struct cli_command *const commands[] = {
	&cmd_show,
	&cmd_set,
	&cmd_peer,
	&cmd_key,
	&cmd_rekey,
	&cmd_identity,
	&cmd_monitor,
	&cmd_ping,
	&cmd_top,
};

#define N_COMMANDS (sizeof(commands) / sizeof(commands[0]))

static void print_help(FILE *to)
{
	size_t i;

	fputs("usage: pilot [COMMAND] [ARGUMENTS]\n\n"
	      "Without a command, all devices are shown.\n\n", to);
	for (i = 0; i < N_COMMANDS; i++)
		fprintf(to, "  %-10s %s\n", commands[i]->name,
			commands[i]->summary);
	fputs("  help       this text, or with a command its forms\n\n"
	      "  pilot COMMAND -h   forms and arguments of a command\n"
	      "  pilot --version    version\n"
	      "  --color=WHEN       auto (on a terminal, without NO_COLOR), always or never\n\n"
	      "A device is made by: ip link add pilot0 type pilot\n"
	      "A node is given as 7, 0x7 or 0:0000.0000.0007.\n"
	      "Exit status: 0 done, 1 refused or failed, 2 wrong usage.\n", to);
}

static void print_command_help(const struct cli_command *cmd)
{
	const char *line = cmd->usage;

	printf("pilot %s: %s\n\n", cmd->name, cmd->summary);
	while (*line) {
		size_t len = strcspn(line, "\n");

		cli_wrap(stdout, "  pilot ", line, len, 80);
		line += len + (line[len] == '\n');
	}
	if (cmd->help)
		printf("\n%s", cmd->help);
}

static const struct cli_command *find_command(const char *name)
{
	size_t i;

	for (i = 0; i < N_COMMANDS; i++)
		if (!strcmp(name, commands[i]->name))
			return commands[i];
	return NULL;
}

static int unknown_command(const char *name)
{
	const char *words[N_COMMANDS + 2] = { "help" };
	size_t i;

	if (if_nametoindex(name))
		return cli_usage(NULL, "there is no command \"%.40s\"; did you mean \"show %.40s\"?",
				 name, name);
	for (i = 0; i < N_COMMANDS; i++)
		words[i + 1] = commands[i]->name;
	return cli_usage(NULL, "there is no command \"%.40s\"%s", name,
			 cli_did_you_mean(name, words));
}

static bool is_help(const char *arg)
{
	return !strcmp(arg, "-h") || !strcmp(arg, "--help");
}

static int run(int argc, char **argv)
{
	const struct cli_command *cmd;
	int i, ret;

	ret = cli_take_color(&argc, argv);
	if (ret)
		return ret;
	if (!argc)
		return cmd_show.run(1, (char *[]){ "show", NULL });

	if (!strcmp(argv[0], "--version") || !strcmp(argv[0], "-V")) {
		puts("pilot " PILOT_VERSION);
		return CLI_DONE;
	}
	if (is_help(argv[0]) || (!strcmp(argv[0], "help") && argc == 1)) {
		print_help(stdout);
		return CLI_DONE;
	}
	if (!strcmp(argv[0], "help")) {
		cmd = find_command(argv[1]);
		if (!cmd)
			return unknown_command(argv[1]);
		print_command_help(cmd);
		return CLI_DONE;
	}
	/* pilot -j is pilot show -j; main() left room before the arguments. */
	if (argv[0][0] == '-') {
		argv[-1] = (char[]){ "show" };
		return cmd_show.run(argc + 1, argv - 1);
	}

	cmd = find_command(argv[0]);
	if (!cmd)
		return unknown_command(argv[0]);
	for (i = 1; i < argc; i++) {
		if (is_help(argv[i])) {
			print_command_help(cmd);
			return CLI_DONE;
		}
	}
	return cmd->run(argc, argv);
}

int main(int argc, char **argv)
{
	int ret;

	pilot_hold_streams();
	if (sodium_init() < 0)
		return cli_fail("libsodium does not start");
	ret = run(argc ? argc - 1 : 0, argv + 1);
	/* A full disk behind stdout is a failure too. */
	if ((fflush(stdout) || ferror(stdout)) && ret == CLI_DONE)
		ret = cli_fail("cannot write to stdout: %s", strerror(errno));
	return ret;
}
