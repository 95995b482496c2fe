/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What a user needs to know about a peer's keys, in one word or two.
 */
#ifndef PILOT_PEER_STATE_H
#define PILOT_PEER_STATE_H

#include "cli.h"

/* In the order of how well it is. */
enum peer_state {
	STATE_READY,
	STATE_IN_DOUBT,
	STATE_UNPROVEN,
	STATE_WAITING,
	STATE_GAVE_UP,
	STATE_NO_KEY,

	N_STATES
};

/**
 * struct state_words - how a state is shown
 * @text: for humans
 * @word: for scripts
 * @color: colour
 */
struct state_words {
	const char *text;
	const char *word;
	enum cli_color color;
};

extern const struct state_words peer_states[N_STATES];

/**
 * current_key() - the key that sends
 * @p: peer
 *
 * Return: the key; NULL if there is none, though one may be left that only
 * opens.
 */
const struct pilot_key_info *current_key(const struct pilot_peer_info *p);

/**
 * peer_state() - state of a peer
 * @p: peer
 */
enum peer_state peer_state(const struct pilot_peer_info *p);

#endif /* PILOT_PEER_STATE_H */
