/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What the files of nl share.
 */
#ifndef PILOTD_NL_PRIVATE_H
#define PILOTD_NL_PRIVATE_H

#include <stdbool.h>
#include <stdint.h>
#include <time.h>

#include <event2/event.h>

#include "apply.h"
#include "demand.h"
#include "lib/genl.h"
#include "manager.h"
#include "paths.h"
#include "rtnl.h"

/**
 * struct nl - the daemon and its device
 * @base: event loop
 * @cfg: configuration in use; with node_auto its node is set once it is known
 * @id: own identity, NULL if there is none
 * @reg: registry file in use
 * @registry: registry over TCP, NULL if there was none yet
 * @m: the key exchange
 * @paths: beacon, NAT and paths
 * @demand: peers on demand
 * @wanted: peers that configuration and registry ask for
 * @cmd: commands and their answers
 * @events: events of the kernel
 * @handler: frames for the handler
 * @rtnl: links, addresses and routes
 * @watch: tells when links come, change and go
 * @ev_events: @events can be read
 * @ev_handler: @handler can be read
 * @ev_watch: @watch can be read
 * @ev_check: the next look at the device
 * @check_at: when that is, ms
 * @checked_at: when the last was, ms
 * @ev_timer: @timerfd can be read
 * @timerfd: the manager's deadline
 * @ev_status: the status is to be told
 * @attached: the device is served
 * @listen_port: of the device that is or was served; it may have chosen it
 * @reflexive: what the device was told of how the beacon sees us
 * @dev: which one
 * @event_seq: number of the last event that was seen, or is in a dump
 * @cleared: how often the kernel has dropped all keys, so far as was seen
 * @failed: give up, the device is gone for good
 * @last_error: what was told last of a device that cannot be served
 * @full_told: when it was told last that there are too many peers on demand, ms
 * @refusals_at: second of @refusals
 * @refusals: frames refused in it
 */
struct nl {
	struct event_base *base;
	struct config *cfg;
	const struct pilot_identity *id;
	const struct registry *reg;
	struct nl_registry *registry;
	struct manager *m;
	struct paths *paths;
	struct demand *demand;
	struct wanted_list wanted;

	struct pilot_genl cmd;
	struct pilot_genl events;
	struct pilot_genl handler;
	struct rtnl rtnl;
	struct rtnl watch;
	struct event *ev_events;
	struct event *ev_handler;
	struct event *ev_watch;
	struct event *ev_check;
	int64_t check_at;
	int64_t checked_at;
	struct event *ev_timer;
	int timerfd;
	struct event *ev_status;

	bool attached;
	uint16_t listen_port;
	struct pilot_endpoint reflexive;
	struct pilot_dev dev;
	uint32_t event_seq;
	uint32_t cleared;
	bool failed;
	char last_error[sizeof(((struct pilot_error *)0)->text)];
	int64_t full_told;
	time_t refusals_at;
	unsigned int refusals;
};

/* The manager's clock, ms: what its deadlines are about goes on during suspend. */
int64_t nl_now(void);

/* After anything that may have moved the manager's next deadline. */
void nl_arm_timer(struct nl *nl);

/*
 * What has happened comes first: no frame is answered with, and none repeats, a
 * key that an event says is not to be used any more.
 */
void nl_catch_up(struct nl *nl);

/*
 * Look at the device as soon as may be: strangers can cause losses, so not all
 * the time.
 */
void nl_check_soon(struct nl *nl);

/* The registry gave us a node ID. */
void nl_node_known(struct nl *nl, uint32_t node);

/* Callbacks of the manager and of the paths, for a struct nl. */
extern const struct manager_ops nl_ops;
extern const struct paths_ops nl_paths_ops;

/* What the paths want to know of a peer. */
void nl_paths_peer(const struct nl *nl, const struct pilot_peer_info *info,
		   struct paths_peer *peer);

#endif /* PILOTD_NL_PRIVATE_H */
