/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Files of lines for people: configuration and registry. Comments, line ends of
 * either kind, and mistakes, all of which are collected rather than the first.
 */
#ifndef PILOTD_TEXTFILE_H
#define PILOTD_TEXTFILE_H

#include <stddef.h>

/* More mistakes than these are only counted. */
#define TEXTFILE_ERRORS_MAX	100

/**
 * struct textfile - a file being read
 * @name: for messages
 * @buf: content, ours, a NUL behind it
 * @len: its length
 * @pos: where the next line begins
 * @line: number of the latest line, from 1
 * @errors: messages, each an allocation
 * @n_errors: mistakes so far, of which TEXTFILE_ERRORS_MAX have a message
 */
struct textfile {
	const char *name;
	char *buf;
	size_t len;
	size_t pos;
	unsigned int line;
	char *errors[TEXTFILE_ERRORS_MAX];
	size_t n_errors;
};

/**
 * textfile_load() - read a file
 * @t: to fill; release with textfile_release(), also after a failure
 * @path: file; kept by reference
 *
 * Return: 0 or negative errno, with a message in @t.
 */
int textfile_load(struct textfile *t, const char *path);

/**
 * textfile_copy() - take the content from memory
 * @t: to fill; release with textfile_release(), also after a failure
 * @name: for messages; kept by reference
 * @buf: content
 * @len: its length
 *
 * Return: 0 or -ENOMEM, with a message in @t.
 */
int textfile_copy(struct textfile *t, const char *name, const char *buf,
		  size_t len);

/**
 * textfile_next() - next line that says something
 * @t: file
 *
 * Comments begin with # or ; at the start of a line or after white space. A
 * line with a NUL in it is a mistake and is passed over.
 *
 * Return: the line, without white space around it, to be changed at will; NULL
 * at the end.
 */
char *textfile_next(struct textfile *t);

/**
 * textfile_error() - note a mistake: FILE:LINE: WHAT: REASON
 * @t: file
 * @line: line, 0 if it is about none
 * @what: key or section, NULL if it is about none
 * @fmt: reason
 */
void textfile_error(struct textfile *t, unsigned int line, const char *what,
		    const char *fmt, ...)
	__attribute__((format(printf, 4, 5)));

/**
 * textfile_report() - hand every mistake to a function
 * @t: file
 * @print: takes a line of text
 */
void textfile_report(const struct textfile *t, void (*print)(const char *line));

/**
 * textfile_release() - free it
 * @t: file, or zeroed
 */
void textfile_release(struct textfile *t);

#endif /* PILOTD_TEXTFILE_H */
