/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Constants of the key exchange: protocol.rst, section 2. Those that the
 * kernel needs too are in <pilot/wire.h>. Times in milliseconds.
 */
#ifndef PILOTD_CONSTANTS_H
#define PILOTD_CONSTANTS_H

#include <pilot/wire.h>

#define REKEY_RETRANSMIT_MS		4000
#define MAX_REKEY_ATTEMPTS		5	/* retries after the first send */
#define REKEY_RELAY_FALLBACK_AFTER	2
#define REKEY_GAVE_UP_COOLDOWN_MS	5000
#define MAX_RETRANSMITS_PER_TICK	64
#define REPLY_STALE_MS			6000
#define REPLY_MIN_INTERVAL_MS		1000
#define DUPLICATE_DEBOUNCE_MS		250
#define NEGATIVE_PUBKEY_MS		3000
#define NEGATIVE_PUBKEY_MAX		4096
#define REKEY_DEFAULT_SECS		3600
#define REKEY_MIN_SECS			60

/*
 * Ours: the protocol leaves these open.
 */

/* Pause between two ticks when the first had more to send than it may. */
#define TICK_SPACING_MS			250
/* An ephemeral key made to answer lives as long as a peer goes on asking. */
#define ANSWER_KEY_LIFE_MS		((MAX_REKEY_ATTEMPTS + 1) * REKEY_RETRANSMIT_MS)
/* Answers to repeated key exchanges of one session that was never proven. */
#define UNPROVEN_ANSWERS_MAX		(MAX_REKEY_ATTEMPTS + 1)
/* A need-key event this soon after an install is older than the key. */
#define NEED_KEY_STALE_MS		1000
/* Superseded X25519 keys remembered per peer. */
#define SUPERSEDED_MAX			8
/* Look-ups under way, and frames that wait for each. */
#define LOOKUPS_MAX			1024
#define HELD_PER_LOOKUP			4

#endif /* PILOTD_CONSTANTS_H */
