/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Managers over a network and kernels that exist only here: virtual clock,
 * loss, delay, reordering, duplicates, restarts. Everything follows from the
 * seed. The kernels know what the module's Store does with four keys, and no
 * more than a manager can see of it.
 */
#ifndef PILOT_TEST_SIM_H
#define PILOT_TEST_SIM_H

#include <stdbool.h>
#include <stdint.h>

#include "manager.h"

#define SIM_NODES	8

enum { SIM_CURRENT, SIM_NEXT, SIM_PREVIOUS, SIM_EARLIER, SIM_SLOTS };

struct sim_key {
	bool used;
	uint32_t id;
	uint8_t secret[32];
	bool authenticated;
	bool proven;
	int64_t installed;
	int64_t last_rx;
	int fails;
	uint8_t peer[32];
	uint8_t local[32];
};

struct sim_peer {
	bool exists;
	struct sim_key slot[SIM_SLOTS];
	uint32_t addr;			/* endpoint, 0 none */
	enum pilot_reason need_key;
	int64_t need_at;
	int64_t cooldown_until;
	unsigned int probes;
	int64_t probe_at;
	int64_t last_tx;
	unsigned int sent;		/* data packets */
	unsigned int delivered;
	unsigned int installs;
	unsigned int cooldowns;
};

struct sim;

struct sim_node {
	struct sim *sim;
	uint32_t id;			/* from 1; index + 1 */
	uint32_t addr;
	bool up;
	struct pilot_identity identity;
	bool anonymous;			/* has no identity */
	bool unregistered;		/* the registry does not know it */
	bool registry_down;		/* for this node's look-ups */
	int64_t registry_delay;
	bool allow_unauth;
	int64_t rekey;
	struct manager *m;
	struct sim_peer peers[SIM_NODES];
	int64_t resync_at;
	unsigned int pila_sent;
	unsigned int pilk_sent;
	unsigned int refused;
	unsigned int gave_up;
	char last_refused[80];
};

struct sim_item;

struct sim {
	int64_t now;
	uint64_t rng;
	unsigned int n;
	struct sim_node node[SIM_NODES];
	struct sim_item *queue;
	unsigned int seq;
	/* the network */
	unsigned int loss;		/* percent */
	unsigned int pils_loss;		/* percent, of PILS besides */
	unsigned int dup;		/* percent */
	unsigned int event_loss;	/* percent, kernel to daemon */
	int64_t delay_min;
	int64_t delay_max;
	/* returns true to lose a frame; sees every one */
	bool (*drop)(struct sim *s, unsigned int from, unsigned int to,
		     const uint8_t *frame, size_t len);
	void *drop_data;
	int64_t last_frame;		/* when the latest PILA or PILK was sent */
	/* the latest PILAs, for replaying */
	uint8_t tape[64][PILOT_PILA_LEN];
	unsigned int n_tape;
};

void sim_init(struct sim *s, unsigned int n, uint64_t seed);
void sim_release(struct sim *s);
void sim_run(struct sim *s, int64_t ms);
uint32_t sim_random(struct sim *s, uint32_t limit);

/* A data packet from a to b: sent, or a key is asked for. */
void sim_data(struct sim *s, unsigned int a, unsigned int b);
/* A user asks a's daemon for a new key with b. */
void sim_user_rekey(struct sim *s, unsigned int a, unsigned int b);
/* The daemon starts again; the kernel goes on. */
void sim_restart_daemon(struct sim *s, unsigned int a);
/* The node starts again: keys are gone, and the daemon starts. */
void sim_restart_node(struct sim *s, unsigned int a);
/* Someone else sends a frame to b, from an address of his. */
void sim_inject(struct sim *s, unsigned int b, uint32_t addr,
		const uint8_t *frame, size_t len);
/* Both ends send with the same key, and both know that the other has it. */
bool sim_agreed(const struct sim *s, unsigned int a, unsigned int b);
unsigned int sim_frames(const struct sim *s);

#endif /* PILOT_TEST_SIM_H */
