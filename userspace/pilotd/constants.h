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

#define REGISTRY_DEFAULT_PORT		9000

/* Section 7: beacon and paths. */
#define BEACON_KEEP_MS			25000
#define DIRECT_RETRY_MS			15000
#define PUNCHES_PER_COMMAND		3
#define PEER_SILENCE_SECS		55

/*
 * Ours: the protocol leaves these open.
 */

/* A discover that is not answered is sent again after this, and doubled. */
#define DISCOVER_RETRY_MS		1000
/* Unanswered ones in a row after which the beacon counts as silent. */
#define BEACON_SILENT_AFTER		3
/* The first try of the direct path after a peer took to the relay. */
#define DIRECT_FIRST_MS			1000
/* Probes of a direct path that is tried, of a silent peer, and their pace. */
#define DIRECT_ROUNDS			5
#define SILENT_ROUNDS			6
#define ROUND_MS			500
/*
 * After this a key that nobody has proven is doubted; then again, twice as late,
 * to this if nothing is sent under it, or if exchanges came to nothing.
 */
#define DOUBT_MS			5000
#define DOUBT_IDLE_MS			30000
#define DOUBT_MAX_MS			900000
/* How often a dynamic peer that is silent is asked for packets sent to it. */
#define LATE_MS				5000
/* The wait doubles with each reset of a path, this often. */
#define RESETS_BACKOFF			4
/* Punch requests a second, and how long their commands are waited for. */
#define PUNCHES_PER_SEC			8
#define PUNCH_WAIT_MS			5000
#define PUNCHES_PENDING			(PUNCHES_PER_SEC * PUNCH_WAIT_MS / 1000)
/* A command does not say who is there: so many peers it may be for are tried. */
#define PUNCH_GUESSES			4
/* How long the address of a command is one to try. */
#define PUNCHED_LIFE_MS			20000
/* Peers looked after in one tick. */
#define PATHS_PER_TICK			64

/* Pause between two ticks when the first had more to send than it may. */
#define TICK_SPACING_MS			250
/* An ephemeral key made to answer lives as long as a peer goes on asking. */
#define ANSWER_KEY_LIFE_MS		((MAX_REKEY_ATTEMPTS + 1) * REKEY_RETRANSMIT_MS)
/* Answers to repeated key exchanges of one session that was never proven. */
#define UNPROVEN_ANSWERS_MAX		(MAX_REKEY_ATTEMPTS + 1)
/* A need-key event this soon after an install is older than the key. */
#define NEED_KEY_STALE_MS		1000
/*
 * A session that opened a frame within this time is alive: two keepalives have
 * gone by since. It keeps its identity, whatever a registry says.
 */
#define SESSION_LIVE_MS			60000
/* Superseded X25519 keys remembered per peer. */
#define SUPERSEDED_MAX			8
/* Look-ups under way, and frames that wait for each. */
#define LOOKUPS_MAX			1024
#define HELD_PER_LOOKUP			4

/* A registry: until an answer must be there; between two tries at most. */
#define REGISTRY_TIMEOUT_SECS		10
#define REGISTRY_RETRY_MAX_SECS		60

/* Peers that are added when packets are for them, and go when idle. */
#define MAX_DYNAMIC_DEFAULT		1024
#define IDLE_DEFAULT_SECS		600
/* Without a session they go sooner. */
#define DEMAND_UNPROVEN_MS		60000
/* The registry has answered by then, or will not. */
#define DEMAND_ANSWER_MS		15000

#endif /* PILOTD_CONSTANTS_H */
