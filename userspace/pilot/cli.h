/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What the subcommands of pilot share.
 */
#ifndef PILOT_CLI_H
#define PILOT_CLI_H

#include <jansson.h>
#include <stdbool.h>
#include <stdio.h>

#include "lib/cmd.h"
#include "lib/genl.h"
#include "lib/text.h"

/* Exit statuses; pilot(8) states them. */
#define CLI_DONE	0
#define CLI_FAILED	1
#define CLI_USAGE	2

/**
 * struct cli_command - a subcommand
 * @name: its word
 * @usage: its forms, one a line, without "pilot"
 * @summary: a line for the list of commands
 * @help: the arguments, a line each with a newline; may be NULL
 * @run: does it; argv[0] is the word. Returns CLI_*
 */
struct cli_command {
	const char *name;
	const char *usage;
	const char *summary;
	const char *help;
	int (*run)(int argc, char **argv);
};

extern const struct cli_command cmd_show;
extern const struct cli_command cmd_set;
extern const struct cli_command cmd_peer;
extern const struct cli_command cmd_key;
extern const struct cli_command cmd_rekey;
extern const struct cli_command cmd_identity;
extern const struct cli_command cmd_monitor;
extern const struct cli_command cmd_ping;
extern const struct cli_command cmd_top;

/**
 * cli_fail() - say on stderr that something was refused or failed
 * @fmt: what and why
 *
 * Return: CLI_FAILED.
 */
int cli_fail(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

/**
 * cli_warn() - say on stderr what the user should know
 * @fmt: what
 */
void cli_warn(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

/**
 * cli_usage() - say on stderr what is wrong with the arguments, and the forms
 * @cmd: subcommand, or NULL
 * @fmt: what is wrong
 *
 * Return: CLI_USAGE.
 */
int cli_usage(const struct cli_command *cmd, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));

/**
 * cli_bad_value() - say on stderr what is wrong with the value of an argument
 * @cmd: subcommand
 * @err: what is wrong
 *
 * Where the forms are not in doubt they would only hide it.
 *
 * Return: CLI_USAGE.
 */
int cli_bad_value(const struct cli_command *cmd, const struct pilot_error *err);

/**
 * cli_no_option() - say that an option is not known, and the forms
 * @cmd: subcommand
 * @opt: what getopt() did not know, or '-' for a long one
 * @argv: arguments
 *
 * Return: CLI_USAGE.
 */
int cli_no_option(const struct cli_command *cmd, int opt, char *const *argv);

/**
 * cli_did_you_mean() - end of a message that refuses a word
 * @word: what was typed
 * @words: what there is, ended by NULL
 *
 * Return: "; did you mean ...?" in a static buffer that the next call
 * overwrites, or "".
 */
const char *cli_did_you_mean(const char *word, const char *const *words);

/**
 * cli_take_color() - take --color=WHEN out of the arguments
 * @argc: number of arguments, updated
 * @argv: arguments
 *
 * Return: CLI_DONE, or CLI_USAGE after saying why.
 */
int cli_take_color(int *argc, char **argv);

/**
 * cli_take_json() - take -j or --json out of the arguments
 * @argc: number of arguments, updated
 * @argv: arguments
 *
 * Return: whether it was there.
 */
bool cli_take_json(int *argc, char **argv);

/**
 * cli_parse_dev() - take a device name
 * @arg: name
 * @dev: result
 * @err: why it failed
 *
 * Return: 0 or -EINVAL.
 */
int cli_parse_dev(const char *arg, struct pilot_dev *dev,
		  struct pilot_error *err);

/**
 * cli_check_network() - refuse a node address of a network the device is not in
 * @g: socket
 * @dev: device
 * @network: of the address, or PILOT_NO_NETWORK
 *
 * Return: CLI_DONE, or CLI_FAILED after saying why.
 */
int cli_check_network(struct pilot_genl *g, const struct pilot_dev *dev,
		      int network);

/**
 * cli_ifname() - name of a device, fit to be printed
 * @dev: device
 *
 * Return: a static buffer that the next call overwrites.
 */
const char *cli_ifname(const struct pilot_dev *dev);

/**
 * cli_node() - "7 (0:0000.0000.0007)"
 * @network: network of the device
 * @node: node ID
 *
 * Return: a static buffer that the next call overwrites.
 */
const char *cli_node(uint16_t network, uint32_t node);

enum cli_color {
	COLOR_RESET,
	COLOR_BOLD,
	COLOR_DIM,
	COLOR_REVERSE,
	COLOR_GREEN,
	COLOR_YELLOW,
	COLOR_RED,
	COLOR_CYAN,
};

/**
 * cli_color() - escape sequence of a colour
 * @color: which
 *
 * Return: a constant; "" if --color says never, or, unless it says always, if
 * stdout is no terminal, TERM is "dumb" or NO_COLOR is set.
 */
const char *cli_color(enum cli_color color);

/**
 * cli_width() - columns of the terminal
 *
 * Return: their number, 0 if stdout is no terminal.
 */
int cli_width(void);

/* Column in which values begin, after cli_field(). */
#define CLI_VALUES	19

/**
 * cli_field() - begin a line of a device or a peer
 * @name: what the value is
 */
void cli_field(const char *name);

/**
 * cli_wrap() - print a form of a command in lines that fit
 * @to: where
 * @prefix: begin of the first line
 * @text: the form; what is in brackets stays together
 * @len: its length
 * @width: columns
 */
void cli_wrap(FILE *to, const char *prefix, const char *text, size_t len, int width);

/**
 * cli_print_json() - print a value and a newline on stdout, and release it
 * @value: value, NULL if it could not be built
 * @flags: JSON_* of jansson
 *
 * Return: CLI_DONE, or CLI_FAILED after saying why.
 */
int cli_print_json(json_t *value, size_t flags);

/**
 * cli_print_indented() - print a part of a larger value on stdout, and release it
 * @value: value, NULL if it could not be built
 * @indent: columns its lines begin further right
 * @cut: bytes that are left out at its end
 *
 * Of thousands of peers each is built when its turn comes: together they would
 * take hundreds of MB.
 *
 * Return: false if there is no memory.
 */
bool cli_print_indented(json_t *value, int indent, size_t cut);

/**
 * cli_json_u64() - JSON integer of a counter
 * @v: value; those past 2^63-1 are shown as that
 */
json_t *cli_json_u64(uint64_t v);

/**
 * cli_json_age() - JSON integer of an age, null for PILOT_NEVER
 * @ms: age
 */
json_t *cli_json_age(uint64_t ms);

/**
 * cli_json_bytes() - JSON string of bytes in base64
 * @p: bytes
 * @len: at most 64 of them
 */
json_t *cli_json_bytes(const uint8_t *p, size_t len);

/**
 * cli_json_name() - name of an attribute as a member: '_' for '-'
 * @name: name
 * @suffix: to append
 *
 * Return: a static buffer that the next call overwrites.
 */
const char *cli_json_name(const char *name, const char *suffix);

/**
 * cli_json_key() - JSON object of a key
 * @key: key
 */
json_t *cli_json_key(const struct pilot_key_info *key);

#endif /* PILOT_CLI_H */
