// SPDX-License-Identifier: GPL-2.0
#include "genl.h"

#include <errno.h>
#include <inttypes.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <linux/genetlink.h>
#include <linux/netlink.h>
#include <linux/pilot.h>
#include <sodium.h>

#include "attrs.h"
#include "types.h"

/* A doit reply may be as large as a nest can be; dumps are cut to 32 KB. */
#define RX_SIZE		(1 << 17)

/* The kernel answers from inside sendmsg(); this only bounds what is lost. */
#define ANSWER_MS	5000

#define DUMP_TRIES	16
#define RECV_BUDGET	64
#define EVENT_BUDGET	65536
#define EVENT_RCVBUF	(4 << 20)

/* Every controller notification: families that come and go. */
#define CTRL_GROUP	GENL_ID_CTRL

static int set_option(struct pilot_genl *g, int option)
{
	int one = 1;

	return mnl_socket_setsockopt(g->nl, option, &one, sizeof(one));
}

/*
 * One datagram into g->rx. Return: its length, 0 if it is to be passed over,
 * or negative errno.
 */
static ssize_t receive(struct pilot_genl *g, int flags)
{
	struct sockaddr_nl from = { 0 };
	struct iovec iov = { .iov_base = g->rx, .iov_len = RX_SIZE };
	struct msghdr msg = {
		.msg_name = &from,
		.msg_namelen = sizeof(from),
		.msg_iov = &iov,
		.msg_iovlen = 1,
	};
	ssize_t len;

	do {
		len = recvmsg(mnl_socket_get_fd(g->nl), &msg, flags);
	} while (len < 0 && errno == EINTR);

	if (len < 0)
		return -errno;
	/* Only the kernel is listened to. */
	if (msg.msg_namelen != sizeof(from) || from.nl_pid)
		return 0;
	if (msg.msg_flags & MSG_TRUNC)
		return -EMSGSIZE;
	return len;
}

static int wait_readable(struct pilot_genl *g, int64_t deadline_ms)
{
	struct pollfd pfd = {
		.fd = mnl_socket_get_fd(g->nl),
		.events = POLLIN,
	};
	struct timespec now;
	int64_t left;
	int n;

	for (;;) {
		clock_gettime(CLOCK_MONOTONIC, &now);
		left = deadline_ms - now.tv_sec * 1000LL - now.tv_nsec / 1000000;
		n = poll(&pfd, 1, left > 0 ? (int)left : 0);
		if (n > 0)
			return 0;
		if (!n)
			return -ETIMEDOUT;
		if (errno != EINTR)
			return -errno;
	}
}

/* Limits the policy states for an attribute, as " (1 to 5)". */
static void describe_policy(const struct nlattr *policy, char *buf, size_t size)
{
	const struct nlattr *tb[NL_POLICY_TYPE_ATTR_MAX + 1] = { 0 };
	const struct nlattr *attr;

	buf[0] = '\0';
	mnl_attr_for_each_nested(attr, policy) {
		if (mnl_attr_get_type(attr) <= NL_POLICY_TYPE_ATTR_MAX)
			tb[mnl_attr_get_type(attr)] = attr;
	}

#define U64(t) (tb[t] && !mnl_attr_validate(tb[t], MNL_TYPE_U64))
#define U32(t) (tb[t] && !mnl_attr_validate(tb[t], MNL_TYPE_U32))
	if (U64(NL_POLICY_TYPE_ATTR_MASK))
		snprintf(buf, size, " (bits of 0x%" PRIx64 ")",
			 mnl_attr_get_u64(tb[NL_POLICY_TYPE_ATTR_MASK]));
	else if (U64(NL_POLICY_TYPE_ATTR_MIN_VALUE_U) &&
		 U64(NL_POLICY_TYPE_ATTR_MAX_VALUE_U))
		snprintf(buf, size, " (%" PRIu64 " to %" PRIu64 ")",
			 mnl_attr_get_u64(tb[NL_POLICY_TYPE_ATTR_MIN_VALUE_U]),
			 mnl_attr_get_u64(tb[NL_POLICY_TYPE_ATTR_MAX_VALUE_U]));
	else if (U32(NL_POLICY_TYPE_ATTR_MIN_LENGTH) &&
		 U32(NL_POLICY_TYPE_ATTR_MAX_LENGTH))
		snprintf(buf, size, " (%u to %u bytes)",
			 mnl_attr_get_u32(tb[NL_POLICY_TYPE_ATTR_MIN_LENGTH]),
			 mnl_attr_get_u32(tb[NL_POLICY_TYPE_ATTR_MAX_LENGTH]));
	else if (U32(NL_POLICY_TYPE_ATTR_MAX_LENGTH))
		snprintf(buf, size, " (at most %u bytes)",
			 mnl_attr_get_u32(tb[NL_POLICY_TYPE_ATTR_MAX_LENGTH]));
#undef U64
#undef U32
}

int pilot_genl_explain(const struct nlmsghdr *answer,
		       const struct nlmsghdr *request, struct pilot_error *err)
{
	const struct nlattr *tb[NLMSGERR_ATTR_MAX + 1] = { 0 };
	const struct nlmsgerr *e = mnl_nlmsg_get_payload(answer);
	size_t skip, payload = mnl_nlmsg_get_payload_len(answer);
	char path[PILOT_ATTR_PATHLEN] = "", limits[96] = "";
	const struct nlattr *attr;
	const char *text = NULL;
	int code;

	if (answer->nlmsg_type == NLMSG_DONE) {
		/* A dump that failed half-way: errno, then the same TLVs. */
		if (payload < sizeof(int))
			return 0;
		code = *(const int *)e;
		skip = sizeof(int);
	} else {
		if (payload < sizeof(*e))
			return pilot_error_set(err, -EBADMSG,
					       "the kernel's answer is cut short");
		code = e->error;
		skip = sizeof(*e);
		if (!(answer->nlmsg_flags & NLM_F_CAPPED))
			skip += MNL_ALIGN(e->msg.nlmsg_len) - MNL_NLMSG_HDRLEN;
	}
	if (!code)
		return 0;
	if (code > 0 || code < -4095)
		return pilot_error_set(err, -EBADMSG,
				       "the kernel's answer holds no error code");

	if (answer->nlmsg_flags & NLM_F_ACK_TLVS && skip <= payload) {
		mnl_attr_for_each(attr, answer, skip) {
			if (mnl_attr_get_type(attr) <= NLMSGERR_ATTR_MAX)
				tb[mnl_attr_get_type(attr)] = attr;
		}
	}

	if (tb[NLMSGERR_ATTR_MSG] &&
	    !mnl_attr_validate(tb[NLMSGERR_ATTR_MSG], MNL_TYPE_NUL_STRING))
		text = mnl_attr_get_str(tb[NLMSGERR_ATTR_MSG]);
	/* NL_SET_ERR_MSG_MOD() says who speaks; there is but one. */
	if (text && !strncmp(text, "pilot: ", 7))
		text += 7;
	if (tb[NLMSGERR_ATTR_POLICY])
		describe_policy(tb[NLMSGERR_ATTR_POLICY], limits, sizeof(limits));

	if (tb[NLMSGERR_ATTR_MISS_TYPE] &&
	    !mnl_attr_validate(tb[NLMSGERR_ATTR_MISS_TYPE], MNL_TYPE_U32)) {
		size_t offset = 0;

		if (tb[NLMSGERR_ATTR_MISS_NEST] &&
		    !mnl_attr_validate(tb[NLMSGERR_ATTR_MISS_NEST], MNL_TYPE_U32))
			offset = mnl_attr_get_u32(tb[NLMSGERR_ATTR_MISS_NEST]);
		if (pilot_attr_path(request, request->nlmsg_len, offset,
				    mnl_attr_get_u32(tb[NLMSGERR_ATTR_MISS_TYPE]),
				    path))
			path[0] = '\0';
		if (!text)
			text = "missing";
	} else if (tb[NLMSGERR_ATTR_OFFS] &&
		   !mnl_attr_validate(tb[NLMSGERR_ATTR_OFFS], MNL_TYPE_U32)) {
		uint32_t offset = mnl_attr_get_u32(tb[NLMSGERR_ATTR_OFFS]);

		if (pilot_attr_path(request, request->nlmsg_len, offset, 0, path))
			snprintf(path, sizeof(path), "attribute at byte %u",
				 offset);
	}

	if (!text && code == -EPERM)
		text = "not permitted: this needs CAP_NET_ADMIN";
	if (!text)
		text = strerror(-code);
	return pilot_error_set(err, code, "%s%s%s%s", path, path[0] ? ": " : "",
			       text, limits);
}

/* Hands what is no answer to the callbacks of an event socket. */
static void dispatch(struct pilot_genl *g, const struct nlmsghdr *nlh, bool *lost);

/* What draining an event socket brought to light. */
struct drained {
	bool lost;	/* tell the owner to read the state again */
	bool overrun;	/* the kernel dropped messages */
};

/*
 * Hand on what is there, at most @budget datagrams. After an overrun the
 * kernel delivers nothing, answers included, until the queue is empty: then
 * it is emptied, and that is bounded. Return: datagrams, or negative errno.
 */
static int drain(struct pilot_genl *g, int budget, struct drained *d)
{
	int handled = 0;

	while (handled < budget || d->overrun) {
		const struct nlmsghdr *m;
		ssize_t n = receive(g, MSG_DONTWAIT);
		int left;

		if (n == -EAGAIN)
			break;
		if (n == -ENOBUFS || n == -EMSGSIZE) {
			d->overrun = true;
			continue;
		}
		if (n < 0)
			return pilot_error_set(&g->err, (int)n,
					       "cannot receive events: %s",
					       strerror((int)-n));
		left = (int)n;
		for (m = (const void *)g->rx; mnl_nlmsg_ok(m, left);
		     m = mnl_nlmsg_next(m, &left))
			dispatch(g, m, &d->lost);
		handled++;
	}
	d->lost |= d->overrun;
	return handled;
}

/* What to do with an answer, while it is awaited. */
struct exchange {
	const struct nlmsghdr *request;
	pilot_genl_msg_cb on_reply;
	void *data;
	bool interrupted;
	bool done;
	bool plain_enoent;	/* ENOENT without words: perhaps no family */
	int ret;
};

static void take_answer(struct pilot_genl *g, struct exchange *x,
			const struct nlmsghdr *nlh)
{
	int ret;

	if (nlh->nlmsg_flags & NLM_F_DUMP_INTR)
		x->interrupted = true;

	switch (nlh->nlmsg_type) {
	case NLMSG_NOOP:
		return;
	case NLMSG_DONE:
	case NLMSG_ERROR:
		ret = pilot_genl_explain(nlh, x->request, &g->err);
		x->plain_enoent = ret == -ENOENT &&
				  !(nlh->nlmsg_flags & NLM_F_ACK_TLVS);
		if (!x->ret)
			x->ret = ret;
		x->done = true;
		return;
	default:
		if (nlh->nlmsg_type != x->request->nlmsg_type)
			return;
		if (mnl_nlmsg_get_payload_len(nlh) < sizeof(struct genlmsghdr)) {
			x->ret = pilot_error_set(&g->err, -EBADMSG,
						 "the kernel's answer is cut short");
			return;
		}
		if (x->on_reply && !x->ret)
			x->ret = x->on_reply(nlh, x->data);
	}
}

/* Send one request as it is and wait for the end of its answer. */
static int transact(struct pilot_genl *g, struct nlmsghdr *nlh,
		    struct exchange *x)
{
	struct drained d = { 0 };
	struct timespec now;
	int64_t deadline;
	ssize_t n;
	int ret = 0;

	nlh->nlmsg_seq = ++g->seq;
	x->request = nlh;
	x->interrupted = false;
	x->done = false;
	x->plain_enoent = false;
	x->ret = 0;

	/* Room for the answer, among events that fill the buffer. */
	if (g->events) {
		ret = drain(g, EVENT_BUDGET, &d);
		if (ret < 0)
			return ret;
		ret = 0;
		d.overrun = false;
	}

	do {
		n = mnl_socket_sendto(g->nl, nlh, nlh->nlmsg_len);
	} while (n < 0 && errno == EINTR);
	if (n < 0)
		return pilot_error_set(&g->err, -errno,
				       "cannot send to the kernel: %s",
				       strerror(errno));

	clock_gettime(CLOCK_MONOTONIC, &now);
	deadline = now.tv_sec * 1000LL + now.tv_nsec / 1000000 + ANSWER_MS;

	while (!x->done) {
		const struct nlmsghdr *m;
		int left;

		n = receive(g, MSG_DONTWAIT);
		if (n == -EAGAIN) {
			ret = d.overrun ? -ENOBUFS : wait_readable(g, deadline);
			if (!ret)
				continue;
			pilot_error_set(&g->err, ret,
					"no answer from the kernel: %s",
					strerror(-ret));
			break;
		}
		if (n == -ENOBUFS) {
			d.overrun = true;
			d.lost = true;
			continue;
		}
		if (n < 0) {
			ret = pilot_error_set(&g->err, (int)n,
					      "cannot receive from the kernel: %s",
					      strerror((int)-n));
			break;
		}

		left = (int)n;
		for (m = (const void *)g->rx; mnl_nlmsg_ok(m, left);
		     m = mnl_nlmsg_next(m, &left)) {
			if (m->nlmsg_pid == g->portid &&
			    m->nlmsg_seq == nlh->nlmsg_seq)
				take_answer(g, x, m);
			else if (g->events)
				dispatch(g, m, &d.lost);
			/* else the late answer to a request given up */
		}
	}
	if (!ret)
		ret = x->ret;

	/* Last, because the callback may use the socket. */
	if (d.lost && g->on_lost) {
		struct pilot_error kept = g->err;

		g->on_lost(g->data);
		g->err = kept;
	}
	return ret;
}

struct family {
	uint16_t id;
	uint32_t group;
	bool ours;
};

static void read_groups(const struct nlattr *groups, struct family *f)
{
	const struct nlattr *group, *attr;

	mnl_attr_for_each_nested(group, groups) {
		const char *name = NULL;
		uint32_t id = 0;

		mnl_attr_for_each_nested(attr, group) {
			switch (mnl_attr_get_type(attr)) {
			case CTRL_ATTR_MCAST_GRP_NAME:
				if (!mnl_attr_validate(attr, MNL_TYPE_NUL_STRING))
					name = mnl_attr_get_str(attr);
				break;
			case CTRL_ATTR_MCAST_GRP_ID:
				if (!mnl_attr_validate(attr, MNL_TYPE_U32))
					id = mnl_attr_get_u32(attr);
				break;
			}
		}
		if (name && !strcmp(name, PILOT_GENL_MCGRP_EVENTS))
			f->group = id;
	}
}

static int read_family(const struct nlmsghdr *nlh, void *data)
{
	struct family *f = data;
	const struct nlattr *attr;

	mnl_attr_for_each(attr, nlh, sizeof(struct genlmsghdr)) {
		switch (mnl_attr_get_type(attr)) {
		case CTRL_ATTR_FAMILY_ID:
			if (!mnl_attr_validate(attr, MNL_TYPE_U16))
				f->id = mnl_attr_get_u16(attr);
			break;
		case CTRL_ATTR_FAMILY_NAME:
			f->ours = !mnl_attr_validate(attr, MNL_TYPE_NUL_STRING) &&
				  !strcmp(mnl_attr_get_str(attr), PILOT_GENL_NAME);
			break;
		case CTRL_ATTR_MCAST_GROUPS:
			read_groups(attr, f);
			break;
		}
	}
	return 0;
}

static int join(struct pilot_genl *g, uint32_t group)
{
	if (mnl_socket_setsockopt(g->nl, NETLINK_ADD_MEMBERSHIP, &group,
				  sizeof(group)) < 0)
		return pilot_error_set(&g->err, -errno,
				       "cannot listen to events: %s%s",
				       strerror(errno),
				       errno == EPERM ? " (this needs CAP_NET_ADMIN)" : "");
	return 0;
}

static int adopt_family(struct pilot_genl *g, const struct family *f)
{
	g->family = f->id;
	g->group = f->group;
	return g->events ? join(g, f->group) : 0;
}

static int resolve(struct pilot_genl *g)
{
	char buf[128] __attribute__((aligned(NLMSG_ALIGNTO)));
	struct nlmsghdr *nlh = mnl_nlmsg_put_header(buf);
	struct family f = { 0 };
	struct exchange x = { .on_reply = read_family, .data = &f };
	struct genlmsghdr *genl;
	int ret;

	nlh->nlmsg_type = GENL_ID_CTRL;
	nlh->nlmsg_flags = NLM_F_REQUEST | NLM_F_ACK;
	genl = mnl_nlmsg_put_extra_header(nlh, sizeof(*genl));
	genl->cmd = CTRL_CMD_GETFAMILY;
	genl->version = 2;
	mnl_attr_put_strz(nlh, CTRL_ATTR_FAMILY_NAME, PILOT_GENL_NAME);

	/* The ID known so far goes on counting for events that come meanwhile. */
	ret = transact(g, nlh, &x);
	if (ret == -ENOENT) {
		g->family = 0;
		return pilot_error_set(&g->err, -ENOENT,
				       "the kernel module is not loaded (modprobe pilot)");
	}
	if (ret)
		return ret;
	if (!f.ours || !f.id || !f.group)
		return pilot_error_set(&g->err, -EPROTO,
				       "the kernel's family \"%s\" is not the expected one",
				       PILOT_GENL_NAME);
	return adopt_family(g, &f);
}

static void dispatch(struct pilot_genl *g, const struct nlmsghdr *nlh, bool *lost)
{
	const struct genlmsghdr *genl = mnl_nlmsg_get_payload(nlh);
	struct family f = { 0 };

	if (nlh->nlmsg_type == NLMSG_OVERRUN) {
		*lost = true;
		return;
	}
	if (nlh->nlmsg_type < NLMSG_MIN_TYPE ||
	    mnl_nlmsg_get_payload_len(nlh) < sizeof(*genl))
		return;

	if (nlh->nlmsg_type == GENL_ID_CTRL) {
		if (genl->cmd != CTRL_CMD_NEWFAMILY &&
		    genl->cmd != CTRL_CMD_DELFAMILY)
			return;
		read_family(nlh, &f);
		if (!f.ours)
			return;
		if (genl->cmd == CTRL_CMD_DELFAMILY) {
			g->family = 0;
		} else if (f.id && f.group && f.id != g->family) {
			/* What was missed by then is read back by dump. */
			adopt_family(g, &f);
			*lost = true;
		}
		return;
	}
	if (g->family && nlh->nlmsg_type == g->family && g->on_msg)
		g->on_msg(nlh, g->data);
}

static int open_socket(struct pilot_genl *g)
{
	g->tx = malloc(PILOT_GENL_TX_SIZE);
	g->rx = malloc(RX_SIZE);
	if (!g->tx || !g->rx)
		return pilot_error_set(&g->err, -ENOMEM, "out of memory");

	g->nl = mnl_socket_open2(NETLINK_GENERIC, SOCK_CLOEXEC | SOCK_NONBLOCK);
	if (!g->nl || mnl_socket_bind(g->nl, 0, MNL_SOCKET_AUTOPID) < 0)
		return pilot_error_set(&g->err, -errno,
				       "cannot open a netlink socket: %s",
				       strerror(errno));
	g->portid = mnl_socket_get_portid(g->nl);
	g->seq = randombytes_random() | 1;

	/* The error texts and strictness of every kernel we run on. */
	if (set_option(g, NETLINK_EXT_ACK) < 0 || set_option(g, NETLINK_CAP_ACK) < 0 ||
	    set_option(g, NETLINK_GET_STRICT_CHK) < 0)
		return pilot_error_set(&g->err, -errno,
				       "cannot set up the netlink socket: %s",
				       strerror(errno));
	return 0;
}

int pilot_genl_open(struct pilot_genl *g)
{
	int ret;

	memset(g, 0, sizeof(*g));
	ret = open_socket(g);
	return ret ? ret : resolve(g);
}

int pilot_genl_open_events(struct pilot_genl *g, pilot_genl_msg_cb on_msg,
			   void (*on_lost)(void *data), void *data)
{
	int ret, size = EVENT_RCVBUF;

	memset(g, 0, sizeof(*g));
	ret = open_socket(g);
	if (ret)
		return ret;

	/* Losses are survived, so a smaller buffer is no reason to fail. */
	if (setsockopt(mnl_socket_get_fd(g->nl), SOL_SOCKET, SO_RCVBUFFORCE,
		       &size, sizeof(size)) < 0)
		setsockopt(mnl_socket_get_fd(g->nl), SOL_SOCKET, SO_RCVBUF,
			   &size, sizeof(size));

	g->events = true;
	ret = join(g, CTRL_GROUP);
	if (!ret)
		ret = resolve(g);
	/* From here on, so that opening calls nobody. */
	g->on_msg = on_msg;
	g->on_lost = on_lost;
	g->data = data;
	return ret;
}

void pilot_genl_close(struct pilot_genl *g)
{
	if (g->nl)
		mnl_socket_close(g->nl);
	free(g->tx);
	free(g->rx);
	memset(g, 0, sizeof(*g));
}

int pilot_genl_fd(const struct pilot_genl *g)
{
	return mnl_socket_get_fd(g->nl);
}

int pilot_genl_recv(struct pilot_genl *g)
{
	struct drained d = { 0 };
	int ret = drain(g, RECV_BUDGET, &d);

	/* News of a reload may be among what was dropped. */
	if (d.overrun)
		resolve(g);
	/* After the messages, so that what is read by dump is newer. */
	if (d.lost && g->on_lost)
		g->on_lost(g->data);
	return ret;
}

struct nlmsghdr *pilot_genl_begin(struct pilot_genl *g, uint8_t cmd, int flags)
{
	struct nlmsghdr *nlh = mnl_nlmsg_put_header(g->tx);
	struct genlmsghdr *genl;

	nlh->nlmsg_flags = NLM_F_REQUEST | (flags & NLM_F_DUMP ? flags :
					    flags | NLM_F_ACK);
	genl = mnl_nlmsg_put_extra_header(nlh, sizeof(*genl));
	genl->cmd = cmd;
	genl->version = PILOT_GENL_VERSION;
	return nlh;
}

int pilot_genl_request(struct pilot_genl *g, pilot_genl_msg_cb on_reply,
		       pilot_genl_restart_cb on_restart, void *data)
{
	struct nlmsghdr *nlh = (void *)g->tx;
	const struct genlmsghdr *genl = mnl_nlmsg_get_payload(nlh);
	struct exchange x = { .on_reply = on_reply, .data = data };
	bool secret = genl->cmd == PILOT_CMD_KEY_SET;
	bool resolved = false;
	int tries = 0;
	int ret;

	g->torn = false;
	for (;;) {
		if (!g->family) {
			ret = resolve(g);
			if (ret)
				break;
			resolved = true;
		}
		nlh->nlmsg_type = g->family;
		ret = transact(g, nlh, &x);

		/* An ID of before the module was loaded again? Ask once. */
		if (x.plain_enoent && !resolved) {
			struct pilot_error kept = g->err;

			ret = resolve(g);
			if (ret)
				break;
			resolved = true;
			if (g->family != nlh->nlmsg_type)
				continue;
			g->err = kept;
			ret = -ENOENT;
		}
		if (ret || !x.interrupted)
			break;
		/* Something changes all the time: better this than nothing. */
		if (++tries == DUMP_TRIES) {
			g->torn = true;
			break;
		}
		if (on_restart)
			on_restart(data);
	}

	if (secret) {
		sodium_memzero(g->tx, nlh->nlmsg_len);
		sodium_memzero(g->rx, RX_SIZE);
	}
	return ret;
}
