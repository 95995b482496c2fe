/* SPDX-License-Identifier: GPL-2.0 */
#ifndef _PILOT_DEVICE_H
#define _PILOT_DEVICE_H

#include <linux/mutex.h>
#include <linux/netfilter.h>
#include <linux/netdevice.h>
#include <linux/skbuff.h>
#include <linux/workqueue.h>
#include <net/gro_cells.h>
#include <linux/pilot.h>

#include <pilot/version.h>
#include <pilot/wire.h>

#include "allowedips.h"
#include "demand.h"
#include "peer.h"
#include "ratelimit.h"
#include "socket.h"
#include "stats.h"

#define PILOT_ETH_P	0x88B5	/* ethertype of Pilot packets on the device */

/* Room in front of an inner packet: outer headers, relay, PILS. */
#define PILOT_HEADROOM	(LL_MAX_HEADER + sizeof(struct ipv6hdr) +	\
			 sizeof(struct udphdr) + PILOT_RELAY_HLEN +	\
			 PILOT_PILS_HLEN)

/* 1500 less IPv6, UDP, relay and PILS is 1407 */
#define PILOT_DEFAULT_MTU	1400
#define PILOT_MAX_MTU		(65535 - 40 - 8 - PILOT_RELAY_HLEN - PILOT_PILS_MIN)

/* With what sealing adds, such a super-packet of 1400 B packets goes out as one. */
#define PILOT_TSO_MAX_SIZE	61440

/* Packets that may wait for a context in which SIMD can be used. */
#define PILOT_DEFERRED_MAX	1024

/**
 * struct pilot_deferred - packets waiting for process context
 * @list: the packets
 * @n: how many there are, the one being worked on included
 */
struct pilot_deferred {
	struct sk_buff_head list;
	atomic_t n;
};

#define PILOT_STATUS_TEXT_LEN	128

/**
 * struct pilot_status - what the handler tells of itself
 * @registry: &enum pilot_registry_state
 * @registry_since: jiffies at which that changed
 * @registry_address: which registry
 * @registry_error: why @registry is not what it should be, empty if it is
 * @reflexive: our address as the beacon sees it, AF_UNSPEC if not known
 */
struct pilot_status {
	u8 registry;
	unsigned long registry_since;
	char registry_address[PILOT_STATUS_TEXT_LEN];
	char registry_error[PILOT_STATUS_TEXT_LEN];
	union pilot_sockaddr reflexive;
};

/**
 * struct pilot_device - private part of a network device of kind "pilot"
 * @dev: the network device
 * @node_id: own node ID, 0 while not set
 * @network: Pilot network of the address map
 * @fwmark: mark of outer packets
 * @sock4: IPv4 tunnel socket while up. RCU; written under @lock
 * @sock6: IPv6 tunnel socket while up. RCU; written under @lock
 * @beacon: the beacon or NULL. RCU; written under @lock
 * @link_net: namespace of the sockets; NULL once it is gone. Not counted:
 *	netns_pre_exit() clears it under RTNL
 * @peers: peers
 * @allowedips: prefixes of the peers
 * @gro_cells: takes received packets up the stack
 * @deferred_rx: received datagrams waiting for process context
 * @deferred_tx: packets waiting for process context
 * @deferred_work: handles both
 * @hooks: take super-packets whole, one for each family; see offload.c
 * @hooks_net: namespace they are registered in, or NULL; @lock
 * @limit: rate limit of handshake frames
 * @beacon_bucket: the beacon's messages are limited as well: its address can
 *	be forged
 * @demand: peers that are missing
 * @stats: counters by &enum pilot_stats_attr
 * @n_keys: peers that have a key
 * @n_queues: peers that have packets waiting
 * @event_seq: sequence number of the last event
 * @cleared: how often all keys were dropped, see drop_all_keys(); @lock
 * @list: entry of pilot_devices; RTNL, read under RCU
 * @lock: serialises configuration. Taken after RTNL, before peers' locks
 * @dying: being unregistered; @lock
 * @unauth: negotiated keys need not be authenticated
 * @on_demand: the handler is asked for peers that are missing
 * @port: UDP port; 0 any
 * @replay_window: for keys to come
 * @max_peers: limit
 * @gates: when keys are put in doubt
 * @aged_drop: jiffies; a key silent for longer is gated by the first failure
 * @rekey_after: frames under a key after which a new one is asked for
 * @generation: changes with the set of peers, for dumps; @lock
 * @handler_lock: guards the handler
 * @handler_portid: netlink port of the handler, 0 none
 * @handler_net: its namespace; alive as long as its socket is, which is as
 *	long as @handler_portid is set
 * @status: what it tells of itself
 */
struct pilot_device {
	struct net_device *dev;
	u32 node_id;
	u16 network;
	u32 fwmark;
	struct sock __rcu *sock4;
	struct sock __rcu *sock6;
	struct pilot_endpoint __rcu *beacon;
	struct net *link_net;
	struct pilot_peers peers;
	struct pilot_allowedips allowedips;
	struct gro_cells gro_cells;

	struct pilot_deferred deferred_rx;
	struct pilot_deferred deferred_tx;
	struct work_struct deferred_work;

	struct nf_hook_ops hooks[2];
	struct net *hooks_net;

	struct pilot_ratelimit limit;
	struct pilot_bucket beacon_bucket;
	struct pilot_demand demand;
	atomic64_t stats[PILOT_DEVICE_STATS];
	atomic_t n_keys;
	atomic_t n_queues;
	atomic_t event_seq;

	struct list_head list;
	struct mutex lock;		/* configuration */
	bool dying;
	bool unauth;
	bool on_demand;
	u16 port;
	u32 replay_window;
	u32 max_peers;
	struct pilot_gate gates[PILOT_GATES];
	unsigned long aged_drop;
	u32 rekey_after;
	u32 generation;
	u32 cleared;

	spinlock_t handler_lock;	/* the rest */
	u32 handler_portid;
	struct net *handler_net;
	struct pilot_status status;
};

int pilot_device_init(void);
void pilot_device_exit(void);
bool pilot_device_is(const struct net_device *dev);
void pilot_devices_release_handler(struct net *net, u32 portid);
bool pilot_device_defer(struct pilot_device *pd, struct pilot_deferred *d,
			struct sk_buff *skb);

/* Whether packets must go through process context, as earlier ones do. */
static inline bool pilot_device_must_defer(struct pilot_deferred *d,
					   bool usable)
{
	return unlikely(!usable || atomic_read(&d->n));
}

#endif /* _PILOT_DEVICE_H */
