/* SPDX-License-Identifier: GPL-2.0 */
/*
 * "did you mean": the known word nearest to one that was mistyped.
 */
#ifndef PILOT_LIB_SUGGEST_H
#define PILOT_LIB_SUGGEST_H

#include <stddef.h>

/**
 * pilot_edit_distance() - how many slips lie between two words
 * @a: one
 * @b: other
 *
 * A slip is a letter too many, one missing, another one, or two neighbours
 * swapped. No letter is touched twice.
 *
 * Return: their number; SIZE_MAX for words longer than any keyword.
 */
size_t pilot_edit_distance(const char *a, const char *b);

/**
 * pilot_suggest() - the word that was perhaps meant
 * @word: what was typed
 * @words: the known ones, ended by NULL
 *
 * Return: one of @words: the nearest, if it is a slip away, or two in a word of
 * five letters and more; else the only one that begins with @word; else NULL.
 */
const char *pilot_suggest(const char *word, const char *const *words);

#endif /* PILOT_LIB_SUGGEST_H */
