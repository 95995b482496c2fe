// SPDX-License-Identifier: GPL-2.0
/*
 * State flows one way: events make things fast, but everything they say is also
 * read by dump, at start, every 30 seconds, and whenever one may have been
 * missed. So nothing depends on an event that must not be lost.
 *
 * Three sockets: commands and their answers; events; and the frames of the
 * handler, which strangers can cause and which must not push out events.
 */
#include "nl.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/timerfd.h>
#include <time.h>
#include <unistd.h>

#include <libmnl/libmnl.h>
#include <linux/netlink.h>
#include <sodium.h>

#include "constants.h"
#include "lib/cmd.h"
#include "lib/text.h"
#include "log.h"
#include "manager.h"
#include "nl_demand.h"
#include "nl_private.h"
#include "nl_registry.h"
#include "nl_status.h"

#define RESYNC_MS		30000
#define RETRY_MS		2000
#define CHECK_SPACING_MS	1000

int64_t nl_now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_BOOTTIME, &ts);
	return ts.tv_sec * INT64_C(1000) + ts.tv_nsec / 1000000;
}

void nl_arm_timer(struct nl *nl)
{
	/* Without a device there is nothing to do, nor anything to do it with. */
	int64_t due = -1, other = -1;
	struct itimerspec it = { 0 };

	if (nl->attached) {
		due = manager_next_deadline(nl->m);
		other = paths_next_deadline(nl->paths);
	}
	if (due < 0 || (other >= 0 && other < due))
		due = other;

	if (due >= 0) {
		/* 0 would disarm it */
		if (due < 1)
			due = 1;
		it.it_value.tv_sec = due / 1000;
		it.it_value.tv_nsec = due % 1000 * 1000000;
	}
	timerfd_settime(nl->timerfd, TFD_TIMER_ABSTIME, &it, NULL);
}

static void check_in(struct nl *nl, int64_t ms)
{
	const struct timeval tv = {
		.tv_sec = ms / 1000, .tv_usec = ms % 1000 * 1000,
	};

	nl->check_at = nl_now() + ms;
	event_add(nl->ev_check, &tv);
}

void nl_check_soon(struct nl *nl)
{
	int64_t now = nl_now(), at = nl->checked_at + CHECK_SPACING_MS;

	if (at < now)
		at = now;
	/* The timer stood still while the machine slept: it may be overdue. */
	if (at < nl->check_at || nl->check_at < now - CHECK_SPACING_MS)
		check_in(nl, at - now);
}

/* State, by dump */

/* The public key that the configuration states for a node, or the file. */
static const uint8_t *stated_key(const struct config *cfg, const struct registry *reg,
				 uint32_t node)
{
	const struct config_peer *p = config_peer(cfg, node);
	const struct registry_node *r = registry_find(reg, node);

	if (p && p->pinned)
		return p->key;
	return r ? r->key : NULL;
}

/* Newest first, which is how the manager wants them. */
static size_t sessions(const struct nl *nl, const struct pilot_peer_info *peer,
		       struct manager_session *s, size_t max)
{
	bool vouched = nl->cfg->tcp.client.n_servers ||
		       stated_key(nl->cfg, nl->reg, peer->node_id);
	size_t i, j, n = 0;

	for (i = 0; i < peer->n_keys && n < max; i++) {
		const struct pilot_key_info *k = &peer->keys[i];
		struct manager_session key = {
			.id = k->id,
			.negotiated = k->has & PILOT_HAS(PILOT_A_KEY_PEER_X25519) &&
				      k->has & PILOT_HAS(PILOT_A_KEY_LOCAL_X25519),
			.authenticated = k->has & PILOT_HAS(PILOT_A_KEY_AUTHENTICATED),
			.proven = k->has & PILOT_HAS(PILOT_A_KEY_PROVEN),
			.age = k->age <= INT32_MAX ? (int64_t)k->age : INT32_MAX,
		};

		memcpy(key.peer_x25519, k->peer_x25519, sizeof(key.peer_x25519));
		memcpy(key.local_x25519, k->local_x25519, sizeof(key.local_x25519));
		key.has_identity = k->has & PILOT_HAS(PILOT_A_KEY_PEER_ED25519);
		key.disowned = key.negotiated && key.authenticated && !vouched;
		memcpy(key.peer_ed25519, k->peer_ed25519, sizeof(key.peer_ed25519));
		for (j = n++; j > 0 && s[j - 1].age > key.age; j--)
			s[j] = s[j - 1];
		s[j] = key;
	}
	return n;
}

/* Peers of the configuration that nobody has told us the address of. */
static void find_peers(struct nl *nl, const struct pilot_peer_info *list, size_t n)
{
	/* The client takes so many at a time: others are first next time. */
	size_t i, first = n ? randombytes_uniform((uint32_t)n) : 0;

	for (i = 0; i < n; i++) {
		const struct pilot_peer_info *p = &list[(first + i) % n];

		if (!p->endpoint.sa.sa_family && !p->n_keys &&
		    wanted_find(&nl->wanted, p->node_id))
			nl_registry_resolve(nl, p->node_id);
	}
}

static int resync(struct nl *nl, const struct pilot_device_info *info)
{
	struct manager_session s[PILOT_SLOT_MAX + 1];
	struct pilot_peer_info *list;
	struct demand_peer dynamic;
	struct paths_peer path;
	int64_t now;
	size_t i, n;
	int ret;

	/* Whoever has changed it: this is where our frames come in. */
	if (nl->listen_port != info->listen_port) {
		nl->listen_port = info->listen_port;
		nl_registry_set_port(nl);
	}
	/* Events up to here are older than the dump. */
	nl->event_seq = info->event_seq;
	ret = pilot_peer_dump(&nl->cmd, &nl->dev, &list, &n);
	if (ret)
		return ret;
	now = nl_now();
	if (info->cleared != nl->cleared)
		manager_cleared(nl->m, now);
	nl->cleared = info->cleared;
	manager_sync_begin(nl->m);
	paths_sync_begin(nl->paths);
	for (i = 0; i < n; i++) {
		manager_sync_peer(nl->m, now, list[i].node_id, s,
				  sessions(nl, &list[i], s, PILOT_SLOT_MAX + 1));
		nl_paths_peer(nl, &list[i], &path);
		paths_sync_peer(nl->paths, now, list[i].node_id, &path);
	}
	manager_sync_end(nl->m);
	paths_sync_end(nl->paths);
	demand_sync_begin(nl->demand);
	for (i = 0; i < n; i++) {
		if (!list[i].dynamic)
			continue;
		nl_demand_peer(&list[i], &dynamic);
		demand_sync_peer(nl->demand, now, list[i].node_id, &dynamic);
	}
	demand_sync_end(nl->demand, now);
	for (i = 0; i < n; i++) {
		uint8_t reason = list[i].need_key;

		if (!(list[i].has & PILOT_HAS(PILOT_A_PEER_NEED_KEY)) || !reason)
			continue;
		/* The wish may be one that is being fulfilled. */
		if (reason == PILOT_REASON_USER)
			reason = PILOT_REASON_NO_KEY;
		manager_need_key(nl->m, now, list[i].node_id, reason);
	}
	find_peers(nl, list, n);
	pilot_peer_list_free(list, n);
	return 0;
}

static void start_peers(struct nl *nl)
{
	bool beacon = nl->cfg->beacon.sa.sa_family;
	int64_t now = nl_now();
	size_t i;

	for (i = 0; i < nl->wanted.n; i++) {
		const struct wanted *w = &nl->wanted.v[i];

		if (w->endpoint.sa.sa_family ||
		    (beacon && w->section && w->section->path != PILOT_PATH_DIRECT))
			manager_start(nl->m, now, w->node);
	}
}

/* The device */

/* An error that goes on is told once. */
static void tell(struct nl *nl, int level, const char *text)
{
	if (!strcmp(nl->last_error, text))
		return;
	snprintf(nl->last_error, sizeof(nl->last_error), "%s", text);
	log_msg(level, "%s: %s", nl->cfg->device, text);
	nl_status_soon(nl);
}

static int on_handler_msg(const struct nlmsghdr *nlh, void *data)
{
	struct nl *nl = data;
	struct pilot_frame_info frame;
	struct pilot_error err;

	if (pilot_msg_cmd(nlh) != PILOT_CMD_FRAME || !nl->attached)
		return 0;
	if (pilot_msg_frame(nlh, &frame, &err)) {
		log_warn("frame from the kernel: %s", err.text);
		return 0;
	}
	if (frame.dev.ifindex != nl->dev.ifindex)
		return 0;
	/* Without a sender it is a beacon message. */
	if (!(frame.has & PILOT_HAS(PILOT_A_FRAME_NODE_ID)))
		paths_beacon(nl->paths, nl_now(), frame.data, frame.len);
	else
		manager_frame(nl->m, nl_now(), &frame.endpoint,
			      frame.has & PILOT_HAS(PILOT_A_FRAME_RELAYED),
			      frame.data, frame.len);
	return 0;
}

static void log_event(const struct pilot_event_info *e)
{
	char ep[PILOT_ENDPOINT_STRLEN], more[160] = "";
	int level = LOG_INFO;
	size_t n = 0;

#define MORE(attr, ...)							\
	do {								\
		if (e->has & PILOT_HAS(PILOT_A_EVENT_##attr))		\
			n += (size_t)snprintf(more + n, sizeof(more) - n, __VA_ARGS__); \
	} while (0)
	MORE(KEY_ID, " key=%08x", e->key_id);
	MORE(REASON, " reason=%s", pilot_reason_name(e->reason));
	MORE(ENDPOINT, " endpoint=%s", pilot_format_endpoint(&e->endpoint, ep));
	MORE(PATH, " path=%s", pilot_path_name(e->path));
	MORE(AUTHENTICATED, " authenticated");
	MORE(REKEYED, " rekeyed");
	MORE(RELAYED, " relayed");
	MORE(COUNT, " count=%u", e->count);
	MORE(REGISTRY, " registry=%s", pilot_registry_name(e->registry));
#undef MORE
	switch (e->type) {
	case PILOT_EVENT_GAVE_UP:
	case PILOT_EVENT_REGISTRY_CHANGED:
		/* Ours: logged with what we know of it. */
		return;
	case PILOT_EVENT_NEED_KEY:
	case PILOT_EVENT_NEED_PEER:
	case PILOT_EVENT_KEY_CONFIRMED:
	case PILOT_EVENT_DEVICE_CHANGED:
		level = LOG_DEBUG;
		break;
	case PILOT_EVENT_KEY_DROPPED:
		level = e->reason == PILOT_REASON_REPLACED ? LOG_DEBUG : LOG_NOTICE;
		break;
	case PILOT_EVENT_CLEARED:
	case PILOT_EVENT_KEY_INSTALLED:
	case PILOT_EVENT_PATH_CHANGED:
	case PILOT_EVENT_NONCE_REPLAY:
	case PILOT_EVENT_SRC_SPOOFED:
		level = LOG_NOTICE;
		break;
	}
	if (e->has & PILOT_HAS(PILOT_A_EVENT_NODE_ID))
		log_msg(level, "%s node=%u%s", pilot_event_name(e), e->node_id, more);
	else
		log_msg(level, "%s%s", pilot_event_name(e), more);
}

static int on_event_msg(const struct nlmsghdr *nlh, void *data)
{
	struct nl *nl = data;
	struct pilot_event_info e;
	struct pilot_error err;
	int64_t now = nl_now();

	if (pilot_msg_cmd(nlh) != PILOT_CMD_EVENT || !nl->attached)
		return 0;
	if (pilot_msg_event(nlh, &e, &err)) {
		log_warn("event from the kernel: %s", err.text);
		return 0;
	}
	if (e.dev.ifindex != nl->dev.ifindex)
		return 0;
	/* What the last dump has shown already. */
	if ((int32_t)(e.seq - nl->event_seq) <= 0)
		return 0;
	if (e.seq != nl->event_seq + 1)
		nl_check_soon(nl);
	nl->event_seq = e.seq;
	log_event(&e);
	nl_status_soon(nl);

	switch (e.type) {
	case PILOT_EVENT_NEED_KEY:
		manager_need_key(nl->m, now, e.node_id, e.reason);
		break;
	case PILOT_EVENT_NEED_PEER:
		demand_needed(nl->demand, now, e.node_id,
			      e.reason == PILOT_REASON_UNKNOWN_PEER);
		break;
	case PILOT_EVENT_KEY_CONFIRMED:
		manager_confirmed(nl->m, now, e.node_id, e.key_id);
		paths_changed(nl->paths, now, e.node_id);
		break;
	case PILOT_EVENT_KEY_DROPPED:
		manager_dropped(nl->m, now, e.node_id, e.key_id);
		break;
	case PILOT_EVENT_CLEARED:
		nl->cleared++;
		manager_cleared(nl->m, now);
		break;
	case PILOT_EVENT_PATH_CHANGED:
		manager_path_changed(nl->m, now, e.node_id);
		paths_changed(nl->paths, now, e.node_id);
		break;
	case PILOT_EVENT_PEER_REMOVED:
		manager_remove(nl->m, e.node_id);
		paths_remove(nl->paths, e.node_id);
		demand_removed(nl->demand, e.node_id);
		break;
	case PILOT_EVENT_HANDLER_GONE:
	case PILOT_EVENT_DEVICE_CHANGED:
		nl_check_soon(nl);
		break;
	}
	return 0;
}

static void on_lost(void *data)
{
	struct nl *nl = data;

	log_info("%s: events were lost, reading the state again", nl->cfg->device);
	nl_check_soon(nl);
}

/* Events have their own socket. */
static void frames_only(struct nl *nl)
{
	mnl_socket_setsockopt(nl->handler.nl, NETLINK_DROP_MEMBERSHIP,
			      &nl->handler.group, sizeof(nl->handler.group));
}

/*
 * Frames that were lost come again. But the module may have been loaded again,
 * and then we are not its handler any more.
 */
static void on_handler_lost(void *data)
{
	struct nl *nl = data;

	/* The library joined again. */
	frames_only(nl);
	nl_check_soon(nl);
}

void nl_catch_up(struct nl *nl)
{
	if (pilot_genl_recv(&nl->events) < 0)
		log_err("%s", nl->events.err.text);
}

static void on_events_ready(evutil_socket_t fd, short what, void *data)
{
	struct nl *nl = data;

	(void)fd;
	(void)what;
	nl_catch_up(nl);
	nl_arm_timer(nl);
}

/*
 * Where the beacon sees us, for those who ask the device. Told by the socket of
 * the handler, so not while that is being read.
 */
static void tell_reflexive(struct nl *nl)
{
	const struct pilot_endpoint *ep = paths_reflexive(nl->paths);
	const struct pilot_device_info set = {
		.has = PILOT_HAS(PILOT_A_DEVICE_STATUS), .dev = nl->dev,
		.status.has = PILOT_HAS(PILOT_A_STATUS_REFLEXIVE),
		.status.reflexive = *ep,
	};

	if (!nl->attached || pilot_endpoint_equal(ep, &nl->reflexive))
		return;
	if (pilot_device_set(&nl->handler, &set))
		log_info("status of the beacon: %s", nl->handler.err.text);
	else
		nl->reflexive = *ep;
}

static void on_handler_ready(evutil_socket_t fd, short what, void *data)
{
	struct nl *nl = data;

	(void)fd;
	(void)what;
	nl_catch_up(nl);
	if (pilot_genl_recv(&nl->handler) < 0)
		log_err("%s", nl->handler.err.text);
	tell_reflexive(nl);
	nl_arm_timer(nl);
}

static void close_genl(struct nl *nl)
{
	if (nl->ev_events)
		event_free(nl->ev_events);
	if (nl->ev_handler)
		event_free(nl->ev_handler);
	nl->ev_events = NULL;
	nl->ev_handler = NULL;
	pilot_genl_close(&nl->handler);
	pilot_genl_close(&nl->events);
	pilot_genl_close(&nl->cmd);
}

static int watch_fd(struct nl *nl, struct event **ev, int fd, event_callback_fn fn)
{
	*ev = event_new(nl->base, fd, EV_READ | EV_PERSIST, fn, nl);
	return *ev && !event_add(*ev, NULL) ? 0 : -ENOMEM;
}

static int open_genl(struct nl *nl, struct pilot_error *err)
{
	int ret;

	ret = pilot_genl_open(&nl->cmd);
	if (ret) {
		*err = nl->cmd.err;
		goto fail;
	}
	ret = pilot_genl_open_events(&nl->events, on_event_msg, on_lost, nl);
	if (ret) {
		*err = nl->events.err;
		goto fail;
	}
	ret = pilot_genl_open_events(&nl->handler, on_handler_msg, on_handler_lost, nl);
	if (ret) {
		*err = nl->handler.err;
		goto fail;
	}
	frames_only(nl);
	ret = watch_fd(nl, &nl->ev_events, pilot_genl_fd(&nl->events), on_events_ready);
	if (!ret)
		ret = watch_fd(nl, &nl->ev_handler, pilot_genl_fd(&nl->handler),
			       on_handler_ready);
	if (!ret)
		return 0;
	pilot_error_set(err, ret, "out of memory");
fail:
	close_genl(nl);
	return ret;
}

static int become_handler(struct nl *nl, struct pilot_error *err)
{
	struct pilot_device_info info;
	int ret = pilot_handler_register(&nl->handler, &nl->dev);

	if (!ret)
		return 0;
	*err = nl->handler.err;
	if (ret != -EBUSY)
		return ret;
	if (pilot_device_get(&nl->cmd, &nl->dev, &info) ||
	    !(info.has & PILOT_HAS(PILOT_A_DEVICE_HANDLER)))
		return ret;
	return pilot_error_set(err, ret,
			       "another daemon serves this device (netlink port %u)",
			       info.handler);
}

static int attach(struct nl *nl, const struct rtnl_link *link,
		  struct pilot_error *err)
{
	struct pilot_device_info info;
	struct applier a;
	int ret;

	if (strcmp(link->kind, PILOT_LINK_KIND))
		return pilot_error_set(err, -EINVAL,
				       "is an interface of kind \"%s\", not \"%s\"",
				       link->kind[0] ? link->kind : "none",
				       PILOT_LINK_KIND);
	/* A new socket for a new device: the old one may still be registered. */
	close_genl(nl);
	ret = open_genl(nl, err);
	if (ret)
		return ret;
	nl->dev.ifindex = link->ifindex;
	strcpy(nl->dev.ifname, nl->cfg->device);

	/* First, so that nothing of another daemon's device is touched. */
	ret = become_handler(nl, err);
	if (ret)
		return ret;
	a = (struct applier){ .g = &nl->cmd, .rtnl = &nl->rtnl, .dev = nl->dev,
			      .table = nl->cfg->table, .old_table = nl->cfg->table };
	ret = apply_device(&a, nl->cfg, err);
	if (ret)
		return ret;
	apply_addresses(&a, nl->cfg, NULL);
	apply_peers(&a, &nl->wanted, NULL);

	ret = pilot_device_get(&nl->cmd, &nl->dev, &info);
	if (!ret)
		ret = resync(nl, &info);
	if (ret) {
		*err = nl->cmd.err;
		return ret;
	}
	nl->attached = true;
	nl->last_error[0] = '\0';
	if (nl->cfg->node)
		log_notice("%s: serving node %u on UDP port %u, %u peer%s, %u with a key",
			   nl->cfg->device, info.node_id, info.listen_port, info.peers,
			   info.peers == 1 ? "" : "s", info.keys);
	else
		log_notice("%s: waiting for the registry to give a node ID",
			   nl->cfg->device);
	paths_set_beacon(nl->paths, nl_now(), &nl->cfg->beacon);
	paths_discover(nl->paths, nl_now());
	memset(&nl->reflexive, 0, sizeof(nl->reflexive));
	tell_reflexive(nl);
	start_peers(nl);
	nl_registry_attached(nl);
	nl_status_soon(nl);
	return 0;
}

static void detach(struct nl *nl)
{
	nl->attached = false;
	close_genl(nl);
	/* Its sessions are gone with it. */
	manager_sync_begin(nl->m);
	manager_sync_end(nl->m);
	paths_sync_begin(nl->paths);
	paths_sync_end(nl->paths);
}

/* Look at the device, and make the best of it. Return: 0 if it is served. */
static int check_device(struct nl *nl, bool create)
{
	struct pilot_device_info info;
	struct pilot_error err;
	struct rtnl_link link;
	int ret;

	ret = rtnl_link_get(&nl->rtnl, nl->cfg->device, &link);
	if (ret == -ENODEV && create) {
		ret = rtnl_link_create(&nl->rtnl, nl->cfg->device);
		if (!ret)
			ret = rtnl_link_get(&nl->rtnl, nl->cfg->device, &link);
	}
	if (ret) {
		err = nl->rtnl.err;
		if (ret == -ENODEV)
			pilot_error_set(&err, ret, nl->attached ?
					"the device is gone" : "there is no such device");
		goto gone;
	}
	if (nl->attached && link.ifindex == nl->dev.ifindex) {
		ret = pilot_device_get(&nl->cmd, &nl->dev, &info);
		if (!ret && (!nl->cfg->node || info.node_id == nl->cfg->node) &&
		    info.has & PILOT_HAS(PILOT_A_DEVICE_HANDLER) &&
		    info.handler == nl->handler.portid)
			ret = resync(nl, &info);
		else if (!ret)
			ret = -ESTALE;
		if (!ret)
			return 0;
		if (ret != -ESTALE)
			log_warn("%s: %s", nl->cfg->device, nl->cmd.err.text);
	}
	detach(nl);
	ret = attach(nl, &link, &err);
	if (!ret)
		return 0;
gone:
	detach(nl);
	tell(nl, LOG_ERR, err.text);
	return ret;
}

static void on_check(evutil_socket_t fd, short what, void *data)
{
	struct nl *nl = data;
	int64_t interval;
	int ret;

	(void)fd;
	(void)what;
	nl->checked_at = nl_now();
	/*
	 * A device that somebody deleted is not made again: he had his reasons.
	 * It is served again when it is back.
	 */
	ret = check_device(nl, false);
	if (ret == -ENODEV && !nl->cfg->create) {
		nl->failed = true;
		event_base_loopbreak(nl->base);
		return;
	}
	/* The watch tells when a link comes; other errors have to be retried. */
	interval = demand_interval(nl->demand);
	if (!interval || interval > RESYNC_MS)
		interval = RESYNC_MS;
	check_in(nl, ret && ret != -ENODEV ? RETRY_MS : interval);
	nl_arm_timer(nl);
	nl_status_soon(nl);
}

static void on_watch(evutil_socket_t fd, short what, void *data)
{
	struct nl *nl = data;

	(void)fd;
	(void)what;
	if (rtnl_watch_read(&nl->watch, nl->attached ? nl->dev.ifindex : 0,
			    nl->cfg->device))
		nl_check_soon(nl);
}

static void on_timer(evutil_socket_t fd, short what, void *data)
{
	struct nl *nl = data;
	uint64_t expired;

	(void)what;
	if (read(fd, &expired, sizeof(expired)) < 0 && errno != EAGAIN)
		log_err("timer: %s", strerror(errno));
	if (nl->attached) {
		nl_catch_up(nl);
		manager_tick(nl->m, nl_now());
		paths_tick(nl->paths, nl_now());
	}
	nl_arm_timer(nl);
}

static void set_demand(struct nl *nl)
{
	const struct config_registry *tcp = &nl->cfg->tcp;

	demand_set(nl->demand, tcp->on_demand, tcp->max_dynamic,
		   tcp->idle_timeout * INT64_C(1000));
}

/* Neither a live session nor a server has a say against these. */
static int set_pins(struct nl *nl, const struct config *old, const struct registry *old_reg)
{
	int64_t now = nl_now();
	int ret = 0;
	size_t i;

	for (i = 0; old && i < old->n_peers; i++)
		if (old->peers[i].pinned && !stated_key(nl->cfg, nl->reg, old->peers[i].node))
			ret |= manager_pin(nl->m, now, old->peers[i].node, NULL);
	for (i = 0; old_reg && i < old_reg->n; i++) {
		uint32_t node = old_reg->v[i].node;

		if (stated_key(nl->cfg, nl->reg, node))
			continue;
		ret |= manager_pin(nl->m, now, node, NULL);
		manager_forget_pubkey(nl->m, node);
	}
	for (i = 0; i < nl->cfg->n_peers; i++)
		if (nl->cfg->peers[i].pinned)
			ret |= manager_pin(nl->m, now, nl->cfg->peers[i].node,
					   nl->cfg->peers[i].key);
	for (i = 0; i < nl->reg->n; i++)
		ret |= manager_pin(nl->m, now, nl->reg->v[i].node,
				   stated_key(nl->cfg, nl->reg, nl->reg->v[i].node));
	return ret ? -ENOMEM : 0;
}

int nl_reload(struct nl *nl, struct config *cfg, const struct registry *reg)
{
	const struct registry *old_reg = nl->reg;
	const struct config *old = nl->cfg;
	struct wanted_list wanted, old_wanted = nl->wanted;
	struct pilot_error err;
	struct applier a;

	if (wanted_make(&wanted, cfg, reg)) {
		log_err("reload: out of memory");
		return -ENOMEM;
	}
	nl->cfg = cfg;
	nl->reg = reg;
	nl->wanted = wanted;
	manager_set_policy(nl->m, cfg->allow_unauth, cfg->rekey * INT64_C(1000));
	set_demand(nl);
	paths_set_silence(nl->paths, cfg->silence * INT64_C(1000));
	if (set_pins(nl, old, old_reg))
		log_err("reload: public keys: out of memory");
	if (nl->attached) {
		a = (struct applier){ .g = &nl->cmd, .rtnl = &nl->rtnl, .dev = nl->dev,
				      .table = cfg->table, .old_table = old->table,
				      .piecemeal = true };
		if (apply_device(&a, cfg, &err))
			log_err("reload: %s: %s", cfg->device, err.text);
		a.anew = apply_addresses(&a, cfg, old);
		apply_peers(&a, &wanted, &old_wanted);
		paths_set_beacon(nl->paths, nl_now(), &cfg->beacon);
		tell_reflexive(nl);
	}
	free(old_wanted.v);
	/* Whoever asks for a reload wants the device to be there, or to hear why not. */
	nl->last_error[0] = '\0';
	check_device(nl, cfg->create);
	nl_registry_start(nl);
	if (nl->attached)
		start_peers(nl);
	nl_arm_timer(nl);
	nl_status_soon(nl);
	return 0;
}

void nl_node_known(struct nl *nl, uint32_t node)
{
	struct wanted_list wanted;
	struct pilot_error err;
	struct applier a;

	nl->cfg->node = node;
	manager_set_node(nl->m, node);
	paths_set_node(nl->paths, nl_now(), node);
	if (wanted_make(&wanted, nl->cfg, nl->reg)) {
		log_err("out of memory");
		return;
	}
	free(nl->wanted.v);
	nl->wanted = wanted;
	if (!nl->attached)
		return;
	a = (struct applier){ .g = &nl->cmd, .rtnl = &nl->rtnl, .dev = nl->dev };
	if (apply_device(&a, nl->cfg, &err)) {
		log_err("%s: %s", nl->cfg->device, err.text);
		return;
	}
	apply_addresses(&a, nl->cfg, NULL);
	start_peers(nl);
	nl_check_soon(nl);
	nl_arm_timer(nl);
	nl_status_soon(nl);
}

bool nl_leave(struct nl *nl, void (*done)(void *ctx), void *ctx)
{
	return nl_registry_leave(nl, done, ctx);
}

bool nl_failed(const struct nl *nl)
{
	return nl->failed;
}

struct nl *nl_new(struct event_base *base, struct config *cfg,
		  const struct registry *reg, const struct pilot_identity *id)
{
	const struct manager_config mcfg = {
		.node = cfg->node,
		.identity = id,
		.allow_unauth = cfg->allow_unauth,
		.max_peers = cfg->limits.has & PILOT_HAS(PILOT_A_DEVICE_MAX_PEERS) ?
			     cfg->limits.max_peers : PILOT_MAX_CRYPTO_PEERS,
		.rekey = cfg->rekey * INT64_C(1000),
	};
	struct nl *nl = calloc(1, sizeof(*nl));

	if (!nl)
		goto nomem;
	nl->timerfd = -1;
	nl->base = base;
	nl->cfg = cfg;
	nl->id = id;
	nl->reg = reg;
	nl->timerfd = timerfd_create(CLOCK_BOOTTIME, TFD_CLOEXEC | TFD_NONBLOCK);
	if (nl->timerfd < 0) {
		log_err("timer: %s", strerror(errno));
		goto fail;
	}
	nl->m = manager_new(&mcfg, &nl_ops, nl);
	nl->paths = paths_new(cfg->node, &nl_paths_ops, nl);
	nl->ev_check = evtimer_new(base, on_check, nl);
	nl->demand = demand_new(&nl_demand_ops, nl);
	if (!nl->m || !nl->paths || !nl->demand || !nl->ev_check || nl_status_start(nl) ||
	    set_pins(nl, NULL, NULL) || wanted_make(&nl->wanted, cfg, reg))
		goto nomem;
	if (rtnl_open(&nl->rtnl)) {
		log_err("%s", nl->rtnl.err.text);
		goto fail;
	}
	if (rtnl_watch(&nl->watch)) {
		log_err("%s", nl->watch.err.text);
		goto fail;
	}
	if (watch_fd(nl, &nl->ev_watch, mnl_socket_get_fd(nl->watch.nl), on_watch) ||
	    watch_fd(nl, &nl->ev_timer, nl->timerfd, on_timer))
		goto nomem;
	paths_set_silence(nl->paths, cfg->silence * INT64_C(1000));
	set_demand(nl);
	if (check_device(nl, cfg->create))
		goto fail;
	if (nl_registry_start(nl))
		goto fail;
	check_in(nl, RESYNC_MS);
	nl_arm_timer(nl);
	nl_status_now(nl);
	return nl;
nomem:
	log_err("out of memory");
fail:
	nl_free(nl);
	return NULL;
}

void nl_free(struct nl *nl)
{
	if (!nl)
		return;
	nl_registry_free(nl);
	nl_status_free(nl);
	close_genl(nl);
	if (nl->ev_check)
		event_free(nl->ev_check);
	if (nl->ev_watch)
		event_free(nl->ev_watch);
	if (nl->ev_timer)
		event_free(nl->ev_timer);
	if (nl->timerfd >= 0)
		close(nl->timerfd);
	rtnl_close(&nl->rtnl);
	rtnl_close(&nl->watch);
	manager_free(nl->m);
	paths_free(nl->paths);
	demand_free(nl->demand);
	free(nl->wanted.v);
	free(nl);
}
