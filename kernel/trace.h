/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Tracepoints: one at every verdict on a packet and every change of a key. With
 * names where tracefs prints them; see pilot(4).
 */
#undef TRACE_SYSTEM
#define TRACE_SYSTEM pilot

#if !defined(_PILOT_TRACE_H) || defined(TRACE_HEADER_MULTI_READ)
#define _PILOT_TRACE_H

#include <linux/tracepoint.h>

#include "device.h"
#include "stats.h"

#define show_reason(r) __print_symbolic(r,			\
	{ PILOT_REASON_NONE,		"none" },		\
	{ PILOT_REASON_NO_KEY,		"no-key" },		\
	{ PILOT_REASON_USER,		"user" },		\
	{ PILOT_REASON_DECRYPT_FAIL,	"decrypt-fail" },	\
	{ PILOT_REASON_OUTSIDE_WINDOW,	"outside-window" },	\
	{ PILOT_REASON_REPLAY,		"replay" },		\
	{ PILOT_REASON_VOLUME,		"volume" },		\
	{ PILOT_REASON_AGED,		"aged" },		\
	{ PILOT_REASON_EPOCHS,		"epochs" },		\
	{ PILOT_REASON_REPLACED,	"replaced" },		\
	{ PILOT_REASON_EXHAUSTED,	"exhausted" },		\
	{ PILOT_REASON_CLEARED,		"cleared" },		\
	{ PILOT_REASON_PEER_REMOVED,	"peer-removed" },	\
	{ PILOT_REASON_UNKNOWN_PEER,	"unknown-peer" })

#define show_verdict(v) __print_symbolic(v,			\
	{ PILOT_RX_ACCEPT,	"accept" },			\
	{ PILOT_RX_REPLAY,	"replay" },			\
	{ PILOT_RX_OUTSIDE,	"outside" },			\
	{ PILOT_RX_STALE,	"stale" },			\
	{ PILOT_RX_RETIRED,	"retired" },			\
	{ PILOT_RX_EPOCHS,	"epochs" })

#define show_change(c) __print_symbolic(c,			\
	{ PILOT_KEY_INSTALLED,	"installed" },			\
	{ PILOT_KEY_SENDS,	"sends" },			\
	{ PILOT_KEY_PROVEN,	"proven" },			\
	{ PILOT_KEY_GATED,	"gated" },			\
	{ PILOT_KEY_REINSTATED,	"reinstated" },			\
	{ PILOT_KEY_DROPPED,	"dropped" })

/* An authenticated frame came in. */
TRACE_EVENT(pilot_rx,
	TP_PROTO(const struct pilot_peer *peer, const struct pilot_key *key,
		 u32 prefix, u64 counter, unsigned int len,
		 enum pilot_verdict verdict),
	TP_ARGS(peer, key, prefix, counter, len, verdict),
	TP_STRUCT__entry(
		__field(int, ifindex)
		__field(u32, node)
		__field(u32, key)
		__field(u32, prefix)
		__field(u64, counter)
		__field(unsigned int, len)
		__field(u8, verdict)
	),
	TP_fast_assign(
		__entry->ifindex = peer->pd->dev->ifindex;
		__entry->node = peer->node_id;
		__entry->key = key->id;
		__entry->prefix = prefix;
		__entry->counter = counter;
		__entry->len = len;
		__entry->verdict = verdict;
	),
	TP_printk("ifindex=%d node=%u key=%u prefix=%08x counter=%llu len=%u verdict=%s",
		  __entry->ifindex, __entry->node, __entry->key,
		  __entry->prefix, __entry->counter, __entry->len,
		  show_verdict(__entry->verdict))
);

/* A frame was sealed and goes out. */
TRACE_EVENT(pilot_tx,
	TP_PROTO(const struct pilot_peer *peer, const struct pilot_key *key,
		 u64 counter, unsigned int len),
	TP_ARGS(peer, key, counter, len),
	TP_STRUCT__entry(
		__field(int, ifindex)
		__field(u32, node)
		__field(u32, key)
		__field(u64, counter)
		__field(unsigned int, len)
	),
	TP_fast_assign(
		__entry->ifindex = peer->pd->dev->ifindex;
		__entry->node = peer->node_id;
		__entry->key = key->id;
		__entry->counter = counter;
		__entry->len = len;
	),
	TP_printk("ifindex=%d node=%u key=%u counter=%llu len=%u",
		  __entry->ifindex, __entry->node, __entry->key,
		  __entry->counter, __entry->len)
);

/* Something was counted: a failure or a keepalive. */
TRACE_EVENT(pilot_count,
	TP_PROTO(const struct pilot_device *pd, const struct pilot_peer *peer,
		 int which),
	TP_ARGS(pd, peer, which),
	TP_STRUCT__entry(
		__field(int, ifindex)
		__field(u32, node)
		__field(u8, which)
	),
	TP_fast_assign(
		__entry->ifindex = pd->dev->ifindex;
		__entry->node = peer ? peer->node_id : 0;
		__entry->which = which;
	),
	TP_printk("ifindex=%d node=%u what=%s", __entry->ifindex,
		  __entry->node,
		  __print_symbolic(__entry->which, PILOT_STAT_NAMES))
);

/* A packet was put off to process context: SIMD is not usable here. */
TRACE_EVENT(pilot_defer,
	TP_PROTO(const struct pilot_device *pd, bool tx, int waiting),
	TP_ARGS(pd, tx, waiting),
	TP_STRUCT__entry(
		__field(int, ifindex)
		__field(bool, tx)
		__field(int, waiting)
	),
	TP_fast_assign(
		__entry->ifindex = pd->dev->ifindex;
		__entry->tx = tx;
		__entry->waiting = waiting;
	),
	TP_printk("ifindex=%d way=%s waiting=%d", __entry->ifindex,
		  __entry->tx ? "tx" : "rx", __entry->waiting)
);

/* A key changed. */
TRACE_EVENT(pilot_key,
	TP_PROTO(const struct pilot_peer *peer, u32 key,
		 enum pilot_key_change change, enum pilot_reason reason),
	TP_ARGS(peer, key, change, reason),
	TP_STRUCT__entry(
		__field(int, ifindex)
		__field(u32, node)
		__field(u32, key)
		__field(u8, change)
		__field(u8, reason)
	),
	TP_fast_assign(
		__entry->ifindex = peer->pd->dev->ifindex;
		__entry->node = peer->node_id;
		__entry->key = key;
		__entry->change = change;
		__entry->reason = reason;
	),
	TP_printk("ifindex=%d node=%u key=%u change=%s reason=%s",
		  __entry->ifindex, __entry->node, __entry->key,
		  show_change(__entry->change), show_reason(__entry->reason))
);

#endif /* _PILOT_TRACE_H */

#undef TRACE_INCLUDE_PATH
#define TRACE_INCLUDE_PATH .
#undef TRACE_INCLUDE_FILE
#define TRACE_INCLUDE_FILE trace
#include <trace/define_trace.h>
