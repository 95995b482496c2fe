// SPDX-License-Identifier: GPL-2.0
#include "peer_state.h"

const struct state_words peer_states[N_STATES] = {
	[STATE_READY] = { "ready", "ready", COLOR_GREEN },
	[STATE_IN_DOUBT] = { "in doubt", "in-doubt", COLOR_YELLOW },
	[STATE_UNPROVEN] = { "unproven", "unproven", COLOR_YELLOW },
	[STATE_WAITING] = { "waiting for key", "waiting-for-key", COLOR_YELLOW },
	[STATE_GAVE_UP] = { "gave up", "gave-up", COLOR_RED },
	[STATE_NO_KEY] = { "no key", "no-key", COLOR_RED },
};

const struct pilot_key_info *current_key(const struct pilot_peer_info *p)
{
	size_t i;

	for (i = 0; i < p->n_keys; i++)
		if (p->keys[i].slot == PILOT_SLOT_CURRENT)
			return &p->keys[i];
	return NULL;
}

enum peer_state peer_state(const struct pilot_peer_info *p)
{
	const struct pilot_key_info *key = current_key(p);

	if (key && key->gated)
		return STATE_IN_DOUBT;
	if (key)
		return key->has & PILOT_HAS(PILOT_A_KEY_PROVEN) ?
		       STATE_READY : STATE_UNPROVEN;
	if (p->cooldown)
		return STATE_GAVE_UP;
	if (p->queued || p->has & PILOT_HAS(PILOT_A_PEER_NEED_KEY))
		return STATE_WAITING;
	return STATE_NO_KEY;
}
