// SPDX-License-Identifier: GPL-2.0
#include "rtnl.h"

#include <errno.h>
#include <net/if.h>
#include <string.h>
#include <time.h>

#include <linux/if_addr.h>
#include <linux/if_link.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>

#include "lib/text.h"

/* A link with all its attributes fits into that. */
#define BUF_SIZE	32768

struct buf {
	char b[BUF_SIZE] __attribute__((aligned(NLMSG_ALIGNTO)));
};

int rtnl_open(struct rtnl *r)
{
	int one = 1;

	memset(r, 0, sizeof(*r));
	r->nl = mnl_socket_open2(NETLINK_ROUTE, SOCK_CLOEXEC);
	if (!r->nl || mnl_socket_bind(r->nl, 0, MNL_SOCKET_AUTOPID) < 0)
		return pilot_error_set(&r->err, -errno,
				       "cannot open a route netlink socket: %s",
				       strerror(errno));
	mnl_socket_setsockopt(r->nl, NETLINK_EXT_ACK, &one, sizeof(one));
	mnl_socket_setsockopt(r->nl, NETLINK_CAP_ACK, &one, sizeof(one));
	r->portid = mnl_socket_get_portid(r->nl);
	r->seq = (uint32_t)time(NULL);
	return 0;
}

void rtnl_close(struct rtnl *r)
{
	if (r->nl)
		mnl_socket_close(r->nl);
	memset(r, 0, sizeof(*r));
}

/* The kernel's own words, if there are any. */
static const char *extack(const struct nlmsghdr *nlh)
{
	const struct nlattr *attr;

	if (!(nlh->nlmsg_flags & NLM_F_ACK_TLVS) ||
	    !(nlh->nlmsg_flags & NLM_F_CAPPED))
		return NULL;
	mnl_attr_for_each(attr, nlh, sizeof(struct nlmsgerr))
		if (mnl_attr_get_type(attr) == NLMSGERR_ATTR_MSG &&
		    mnl_attr_validate(attr, MNL_TYPE_NUL_STRING) >= 0)
			return mnl_attr_get_str(attr);
	return NULL;
}

/* Send a request; its answer is left in @buf if @reply, else acknowledged. */
static int transact(struct rtnl *r, struct nlmsghdr *nlh, struct buf *buf,
		    struct nlmsghdr **reply, const char *what)
{
	struct nlmsghdr *m;
	const struct nlmsgerr *e;
	const char *words;
	ssize_t n;
	int left;

	nlh->nlmsg_flags |= NLM_F_REQUEST | (reply ? 0 : NLM_F_ACK);
	nlh->nlmsg_seq = ++r->seq;
	if (mnl_socket_sendto(r->nl, nlh, nlh->nlmsg_len) < 0)
		return pilot_error_set(&r->err, -errno, "%s: cannot send: %s", what,
				       strerror(errno));
	for (;;) {
		do {
			n = mnl_socket_recvfrom(r->nl, buf->b, sizeof(buf->b));
		} while (n < 0 && errno == EINTR);
		if (n < 0)
			return pilot_error_set(&r->err, -errno, "%s: no answer: %s",
					       what, strerror(errno));
		left = (int)n;
		for (m = (struct nlmsghdr *)buf->b; mnl_nlmsg_ok(m, left);
		     m = mnl_nlmsg_next(m, &left)) {
			if (m->nlmsg_seq != r->seq || m->nlmsg_pid != r->portid)
				continue;
			if (m->nlmsg_type != NLMSG_ERROR) {
				if (!reply)
					continue;
				*reply = m;
				return 0;
			}
			if (mnl_nlmsg_get_payload_len(m) < sizeof(*e))
				return pilot_error_set(&r->err, -EBADMSG,
						       "%s: answer cut short", what);
			e = mnl_nlmsg_get_payload(m);
			if (!e->error)
				return 0;
			words = extack(m);
			return pilot_error_set(&r->err, e->error, "%s: %s%s", what,
					       words ? words : strerror(-e->error),
					       e->error == -EPERM ?
					       " (this needs CAP_NET_ADMIN)" : "");
		}
	}
}

/* IFLA_INFO_KIND, also for the name alone of a link message. */
static void read_link(const struct nlmsghdr *nlh, struct rtnl_link *link,
		      char *name)
{
	const struct ifinfomsg *ifi = mnl_nlmsg_get_payload(nlh);
	const struct nlattr *attr, *info;

	link->ifindex = (uint32_t)ifi->ifi_index;
	link->up = ifi->ifi_flags & IFF_UP;
	mnl_attr_for_each(attr, nlh, sizeof(*ifi)) {
		switch (mnl_attr_get_type(attr)) {
		case IFLA_IFNAME:
			if (name && mnl_attr_validate(attr, MNL_TYPE_NUL_STRING) >= 0 &&
			    mnl_attr_get_payload_len(attr) <= IF_NAMESIZE)
				strcpy(name, mnl_attr_get_str(attr));
			break;
		case IFLA_MTU:
			if (mnl_attr_validate(attr, MNL_TYPE_U32) >= 0)
				link->mtu = mnl_attr_get_u32(attr);
			break;
		case IFLA_LINKINFO:
			mnl_attr_for_each_nested(info, attr)
				if (mnl_attr_get_type(info) == IFLA_INFO_KIND &&
				    mnl_attr_validate(info, MNL_TYPE_NUL_STRING) >= 0 &&
				    mnl_attr_get_payload_len(info) <= sizeof(link->kind))
					strcpy(link->kind, mnl_attr_get_str(info));
			break;
		}
	}
}

int rtnl_link_get(struct rtnl *r, const char *name, struct rtnl_link *link)
{
	struct buf buf;
	struct nlmsghdr *nlh = mnl_nlmsg_put_header(buf.b), *reply;
	struct ifinfomsg *ifi;
	int ret;

	nlh->nlmsg_type = RTM_GETLINK;
	ifi = mnl_nlmsg_put_extra_header(nlh, sizeof(*ifi));
	ifi->ifi_family = AF_UNSPEC;
	mnl_attr_put_strz(nlh, IFLA_IFNAME, name);
	ret = transact(r, nlh, &buf, &reply, "reading the link");
	if (ret)
		return ret;
	if (reply->nlmsg_type != RTM_NEWLINK ||
	    mnl_nlmsg_get_payload_len(reply) < sizeof(*ifi))
		return pilot_error_set(&r->err, -EBADMSG, "reading the link: unexpected answer");
	memset(link, 0, sizeof(*link));
	read_link(reply, link, NULL);
	return 0;
}

int rtnl_link_create(struct rtnl *r, const char *name)
{
	struct buf buf;
	struct nlmsghdr *nlh = mnl_nlmsg_put_header(buf.b);
	struct ifinfomsg *ifi;
	struct nlattr *nest;
	int ret;

	nlh->nlmsg_type = RTM_NEWLINK;
	nlh->nlmsg_flags = NLM_F_CREATE | NLM_F_EXCL;
	ifi = mnl_nlmsg_put_extra_header(nlh, sizeof(*ifi));
	ifi->ifi_family = AF_UNSPEC;
	mnl_attr_put_strz(nlh, IFLA_IFNAME, name);
	nest = mnl_attr_nest_start(nlh, IFLA_LINKINFO);
	mnl_attr_put_strz(nlh, IFLA_INFO_KIND, PILOT_LINK_KIND);
	mnl_attr_nest_end(nlh, nest);
	ret = transact(r, nlh, &buf, NULL, "cannot be created");
	if (ret == -EOPNOTSUPP)
		return pilot_error_set(&r->err, ret,
				       "cannot be created: the kernel module \"pilot\" is not there (modprobe pilot)");
	return ret == -EEXIST ? 0 : ret;
}

int rtnl_link_set(struct rtnl *r, uint32_t ifindex, uint32_t mtu)
{
	struct buf buf;
	struct nlmsghdr *nlh = mnl_nlmsg_put_header(buf.b);
	struct ifinfomsg *ifi;

	nlh->nlmsg_type = RTM_NEWLINK;
	ifi = mnl_nlmsg_put_extra_header(nlh, sizeof(*ifi));
	ifi->ifi_family = AF_UNSPEC;
	ifi->ifi_index = (int)ifindex;
	ifi->ifi_flags = IFF_UP;
	ifi->ifi_change = IFF_UP;
	if (mtu)
		mnl_attr_put_u32(nlh, IFLA_MTU, mtu);
	return transact(r, nlh, &buf, NULL, "setting the device up");
}

int rtnl_address(struct rtnl *r, uint32_t ifindex,
		 const struct config_address *a, bool add)
{
	struct buf buf;
	struct nlmsghdr *nlh = mnl_nlmsg_put_header(buf.b);
	struct ifaddrmsg *ifa;
	int ret;

	nlh->nlmsg_type = add ? RTM_NEWADDR : RTM_DELADDR;
	nlh->nlmsg_flags = add ? NLM_F_CREATE | NLM_F_EXCL : 0;
	ifa = mnl_nlmsg_put_extra_header(nlh, sizeof(*ifa));
	ifa->ifa_family = a->family;
	ifa->ifa_prefixlen = a->prefix;
	ifa->ifa_scope = RT_SCOPE_UNIVERSE;
	ifa->ifa_index = ifindex;
	if (a->family == AF_INET)
		mnl_attr_put(nlh, IFA_LOCAL, sizeof(a->v4), &a->v4);
	else
		mnl_attr_put(nlh, IFA_LOCAL, sizeof(a->v6), &a->v6);
	ret = transact(r, nlh, &buf, NULL, "address");
	return ret == (add ? -EEXIST : -EADDRNOTAVAIL) ? 0 : ret;
}

int rtnl_route(struct rtnl *r, uint32_t ifindex, uint32_t table,
	       const struct pilot_allowed_ip *ip, bool add)
{
	struct buf buf;
	struct nlmsghdr *nlh = mnl_nlmsg_put_header(buf.b);
	struct rtmsg *rt;
	int ret;

	nlh->nlmsg_type = add ? RTM_NEWROUTE : RTM_DELROUTE;
	nlh->nlmsg_flags = add ? NLM_F_CREATE | NLM_F_EXCL : 0;
	rt = mnl_nlmsg_put_extra_header(nlh, sizeof(*rt));
	rt->rtm_family = ip->family;
	rt->rtm_dst_len = ip->prefix;
	/* As the attribute, which has room for the larger numbers. */
	rt->rtm_table = RT_TABLE_UNSPEC;
	rt->rtm_protocol = RTPROT_STATIC;
	rt->rtm_scope = ip->family == AF_INET ? RT_SCOPE_LINK : RT_SCOPE_UNIVERSE;
	rt->rtm_type = RTN_UNICAST;
	if (ip->family == AF_INET)
		mnl_attr_put(nlh, RTA_DST, sizeof(ip->v4), &ip->v4);
	else
		mnl_attr_put(nlh, RTA_DST, sizeof(ip->v6), &ip->v6);
	mnl_attr_put_u32(nlh, RTA_OIF, ifindex);
	mnl_attr_put_u32(nlh, RTA_TABLE, table);
	ret = transact(r, nlh, &buf, NULL, "route");
	return !add && ret == -ESRCH ? 0 : ret;
}

int rtnl_watch(struct rtnl *r)
{
	unsigned int group = RTNLGRP_LINK;

	memset(r, 0, sizeof(*r));
	r->nl = mnl_socket_open2(NETLINK_ROUTE, SOCK_CLOEXEC | SOCK_NONBLOCK);
	if (!r->nl || mnl_socket_bind(r->nl, 0, MNL_SOCKET_AUTOPID) < 0 ||
	    mnl_socket_setsockopt(r->nl, NETLINK_ADD_MEMBERSHIP, &group,
				  sizeof(group)) < 0)
		return pilot_error_set(&r->err, -errno,
				       "cannot watch the interfaces: %s",
				       strerror(errno));
	return 0;
}

bool rtnl_watch_read(struct rtnl *r, uint32_t ifindex, const char *name)
{
	struct buf buf;
	bool hit = false;
	ssize_t n;
	int left, i;

	for (i = 0; i < 64; i++) {
		const struct nlmsghdr *m;

		n = mnl_socket_recvfrom(r->nl, buf.b, sizeof(buf.b));
		if (n < 0 && errno == EINTR)
			continue;
		/* Lost something: then it may have been about ours. */
		if (n < 0)
			return hit || (errno != EAGAIN);
		left = (int)n;
		for (m = (struct nlmsghdr *)buf.b; mnl_nlmsg_ok(m, left);
		     m = mnl_nlmsg_next(m, &left)) {
			struct rtnl_link link = { 0 };
			char is[IF_NAMESIZE] = "";

			if ((m->nlmsg_type != RTM_NEWLINK &&
			     m->nlmsg_type != RTM_DELLINK) ||
			    mnl_nlmsg_get_payload_len(m) < sizeof(struct ifinfomsg))
				continue;
			read_link(m, &link, is);
			/* News about a link that stays is of no interest. */
			if (link.ifindex == ifindex ?
			    m->nlmsg_type == RTM_DELLINK || strcmp(is, name) :
			    !strcmp(is, name))
				hit = true;
		}
	}
	return hit;
}
