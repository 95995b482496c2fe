// SPDX-License-Identifier: GPL-2.0
#include "cmd.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* Prefixes per message; with its overhead each takes at most 40 bytes. */
#define ALLOWED_IPS_PER_MSG	1024

/* Where the replies of a request go. */
struct sink {
	struct pilot_genl *g;
	void *list;
	size_t n;
	size_t size;	/* of an element */
};

static void *append(struct sink *s)
{
	if (!(s->n & (s->n - 1))) {
		void *list = reallocarray(s->list, s->n ? s->n * 2 : 1, s->size);

		if (!list) {
			pilot_error_set(&s->g->err, -ENOMEM, "out of memory");
			return NULL;
		}
		s->list = list;
	}
	return (char *)s->list + s->n * s->size;
}

/* Begin a request about a device. */
static int begin(struct pilot_genl *g, uint8_t cmd, int flags,
		 const struct pilot_dev *dev, struct nlmsghdr **nlh)
{
	/* The daemon has none while its device is away. */
	if (!g->tx) {
		pilot_error_set(&g->err, -ENOTCONN, "there is no netlink socket");
		return -ENOTCONN;
	}
	*nlh = pilot_genl_begin(g, cmd, flags);
	if (pilot_msg_put_dev(*nlh, PILOT_GENL_TX_SIZE, dev))
		return pilot_error_set(&g->err, -EMSGSIZE, "the request is too large");
	return 0;
}

static int unfit(struct pilot_genl *g, int ret)
{
	switch (ret) {
	case -EMSGSIZE:
		return pilot_error_set(&g->err, ret, "the request is too large");
	case -EAFNOSUPPORT:
		return pilot_error_set(&g->err, ret,
				       "an address is neither IPv4 nor IPv6");
	default:
		return pilot_error_set(&g->err, ret,
				       "the request names a read-only attribute");
	}
}

static int take_device(const struct nlmsghdr *nlh, void *data)
{
	struct sink *s = data;
	struct pilot_device_info *info = append(s);
	int ret;

	if (!info)
		return -ENOMEM;
	ret = pilot_msg_device(nlh, info, &s->g->err);
	if (!ret)
		s->n++;
	return ret;
}

static void forget_devices(void *data)
{
	((struct sink *)data)->n = 0;
}

int pilot_device_get(struct pilot_genl *g, const struct pilot_dev *dev,
		     struct pilot_device_info *info)
{
	struct sink s = { .g = g, .size = sizeof(*info) };
	struct nlmsghdr *nlh;
	int ret;

	ret = begin(g, PILOT_CMD_DEVICE_GET, 0, dev, &nlh);
	if (!ret)
		ret = pilot_genl_request(g, take_device, NULL, &s);
	if (!ret && s.n != 1)
		ret = pilot_error_set(&g->err, -EBADMSG,
				      "the kernel sent %zu devices instead of one",
				      s.n);
	if (!ret)
		memcpy(info, s.list, sizeof(*info));
	free(s.list);
	return ret;
}

int pilot_device_dump(struct pilot_genl *g, struct pilot_device_info **list,
		      size_t *n)
{
	struct sink s = { .g = g, .size = sizeof(**list) };
	int ret;

	pilot_genl_begin(g, PILOT_CMD_DEVICE_GET, NLM_F_DUMP);
	ret = pilot_genl_request(g, take_device, forget_devices, &s);
	if (ret || !s.n) {
		free(s.list);
		s.list = NULL;
		s.n = 0;
	}
	*list = s.list;
	*n = s.n;
	return ret;
}

int pilot_device_set(struct pilot_genl *g, const struct pilot_device_info *info)
{
	struct nlmsghdr *nlh;
	int ret;

	ret = begin(g, PILOT_CMD_DEVICE_SET, 0, &info->dev, &nlh);
	if (ret)
		return ret;
	ret = pilot_msg_put_device(nlh, PILOT_GENL_TX_SIZE, info);
	if (ret)
		return unfit(g, ret);
	return pilot_genl_request(g, NULL, NULL, NULL);
}

/*
 * A peer with many allowed-ips fills several messages. Those after the first
 * hold its node ID and the prefixes that go on.
 */
static bool continues(const struct pilot_peer_info *last,
		      const struct pilot_peer_info *peer)
{
	return last->node_id == peer->node_id &&
	       !(peer->has & ~(PILOT_HAS(PILOT_A_PEER_NODE_ID) |
			       PILOT_HAS(PILOT_A_PEER_ALLOWED_IP)));
}

static int join(struct pilot_peer_info *last, const struct pilot_peer_info *more,
		struct pilot_error *err)
{
	size_t n = last->n_allowed_ips + more->n_allowed_ips;
	struct pilot_allowed_ip *list;

	if (!more->n_allowed_ips)
		return 0;
	list = reallocarray(last->allowed_ips, n, sizeof(*list));
	if (!list)
		return pilot_error_set(err, -ENOMEM, "out of memory");
	memcpy(list + last->n_allowed_ips, more->allowed_ips,
	       more->n_allowed_ips * sizeof(*list));
	last->allowed_ips = list;
	last->n_allowed_ips = n;
	last->has |= more->has;
	return 0;
}

static int take_peer(const struct nlmsghdr *nlh, void *data)
{
	struct sink *s = data;
	struct pilot_peer_info *peer = append(s);
	int ret;

	if (!peer)
		return -ENOMEM;
	ret = pilot_msg_peer(nlh, peer, &s->g->err);
	if (ret)
		return ret;
	if (s->n && continues(peer - 1, peer)) {
		ret = join(peer - 1, peer, &s->g->err);
		pilot_peer_clear(peer);
		return ret;
	}
	s->n++;
	return 0;
}

static void forget_peers(void *data)
{
	struct sink *s = data;

	pilot_peer_list_free(s->list, s->n);
	s->list = NULL;
	s->n = 0;
}

static int begin_peer(struct pilot_genl *g, uint8_t cmd,
		      const struct pilot_dev *dev,
		      const struct pilot_peer_info *peer)
{
	struct nlmsghdr *nlh;
	int ret;

	ret = begin(g, cmd, 0, dev, &nlh);
	if (ret)
		return ret;
	ret = pilot_msg_put_peer(nlh, PILOT_GENL_TX_SIZE, peer);
	return ret ? unfit(g, ret) : 0;
}

/* Out of a dump. */
static int find_peer(struct pilot_genl *g, const struct pilot_dev *dev,
		     uint32_t node_id, struct pilot_peer_info *peer)
{
	struct pilot_peer_info *list;
	size_t i, n;
	int ret = pilot_peer_dump(g, dev, &list, &n);

	if (ret)
		return ret;
	ret = -ENOENT;
	for (i = 0; i < n; i++)
		if (list[i].node_id == node_id) {
			*peer = list[i];
			memset(&list[i], 0, sizeof(list[i]));
			ret = 0;
			break;
		}
	pilot_peer_list_free(list, n);
	return ret ? pilot_error_set(&g->err, ret, "no such peer") : 0;
}

int pilot_peer_get(struct pilot_genl *g, const struct pilot_dev *dev,
		   uint32_t node_id, struct pilot_peer_info *peer)
{
	struct pilot_peer_info key = { .node_id = node_id };
	struct sink s = { .g = g, .size = sizeof(*peer) };
	int ret;

	ret = begin_peer(g, PILOT_CMD_PEER_GET, dev, &key);
	if (!ret)
		ret = pilot_genl_request(g, take_peer, NULL, &s);
	if (ret == -EMSGSIZE)	/* its prefixes do not fit into one message */
		return find_peer(g, dev, node_id, peer);
	if (!ret && s.n != 1)
		ret = pilot_error_set(&g->err, -EBADMSG,
				      "the kernel sent %zu peers instead of one",
				      s.n);
	if (ret) {
		pilot_peer_list_free(s.list, s.n);
		return ret;
	}
	memcpy(peer, s.list, sizeof(*peer));
	free(s.list);
	return 0;
}

int pilot_peer_dump(struct pilot_genl *g, const struct pilot_dev *dev,
		    struct pilot_peer_info **list, size_t *n)
{
	struct sink s = { .g = g, .size = sizeof(**list) };
	struct nlmsghdr *nlh;
	int ret;

	*list = NULL;
	*n = 0;
	ret = begin(g, PILOT_CMD_PEER_GET, NLM_F_DUMP, dev, &nlh);
	if (!ret)
		ret = pilot_genl_request(g, take_peer, forget_peers, &s);
	if (ret || !s.n) {
		forget_peers(&s);
		return ret;
	}
	*list = s.list;
	*n = s.n;
	return 0;
}

/* One PEER_NEW or PEER_SET, then PEER_SET for the prefixes left over. */
static int send_peer(struct pilot_genl *g, uint8_t cmd,
		     const struct pilot_dev *dev,
		     const struct pilot_peer_info *peer)
{
	struct pilot_peer_info part = *peer;
	size_t done = 0;
	int ret;

	do {
		size_t left = peer->has & PILOT_HAS(PILOT_A_PEER_ALLOWED_IP) ?
			      peer->n_allowed_ips - done : 0;

		part.n_allowed_ips = left < ALLOWED_IPS_PER_MSG ?
				     left : ALLOWED_IPS_PER_MSG;
		part.allowed_ips = part.n_allowed_ips ?
				   peer->allowed_ips + done : NULL;
		ret = begin_peer(g, cmd, dev, &part);
		if (!ret)
			ret = pilot_genl_request(g, NULL, NULL, NULL);
		if (ret)
			return ret;

		done += part.n_allowed_ips;
		cmd = PILOT_CMD_PEER_SET;
		part.has = PILOT_HAS(PILOT_A_PEER_ALLOWED_IP);
		if (done == peer->n_allowed_ips)
			break;
	} while (peer->has & PILOT_HAS(PILOT_A_PEER_ALLOWED_IP));
	return 0;
}

int pilot_peer_new(struct pilot_genl *g, const struct pilot_dev *dev,
		   const struct pilot_peer_info *peer)
{
	return send_peer(g, PILOT_CMD_PEER_NEW, dev, peer);
}

int pilot_peer_set(struct pilot_genl *g, const struct pilot_dev *dev,
		   const struct pilot_peer_info *peer)
{
	return send_peer(g, PILOT_CMD_PEER_SET, dev, peer);
}

int pilot_peer_del(struct pilot_genl *g, const struct pilot_dev *dev,
		   uint32_t node_id)
{
	struct pilot_peer_info key = { .node_id = node_id };
	int ret;

	ret = begin_peer(g, PILOT_CMD_PEER_DEL, dev, &key);
	return ret ? ret : pilot_genl_request(g, NULL, NULL, NULL);
}

void pilot_peer_list_free(struct pilot_peer_info *list, size_t n)
{
	size_t i;

	for (i = 0; i < n; i++)
		pilot_peer_clear(&list[i]);
	free(list);
}

struct key_sink {
	struct pilot_genl *g;
	struct pilot_key_info *list;
	size_t n;
};

static int take_keys(const struct nlmsghdr *nlh, void *data)
{
	struct key_sink *s = data;

	return pilot_msg_keys(nlh, &s->list, &s->n, &s->g->err);
}

static void forget_keys(void *data)
{
	struct key_sink *s = data;

	free(s->list);
	s->list = NULL;
	s->n = 0;
}

static int begin_key(struct pilot_genl *g, uint8_t cmd,
		     const struct pilot_dev *dev,
		     const struct pilot_key_info *key)
{
	struct nlmsghdr *nlh;
	int ret;

	ret = begin(g, cmd, 0, dev, &nlh);
	if (ret)
		return ret;
	ret = pilot_msg_put_key(nlh, PILOT_GENL_TX_SIZE, key);
	return ret ? unfit(g, ret) : 0;
}

static int read_keys(struct pilot_genl *g, struct pilot_key_info **list,
		     size_t *n)
{
	struct key_sink s = { .g = g };
	int ret;

	ret = pilot_genl_request(g, take_keys, forget_keys, &s);
	if (ret)
		forget_keys(&s);
	*list = s.list;
	*n = s.n;
	return ret;
}

int pilot_key_get(struct pilot_genl *g, const struct pilot_dev *dev,
		  uint32_t node_id, struct pilot_key_info **list, size_t *n)
{
	struct pilot_key_info key = { .node_id = node_id };
	int ret;

	*list = NULL;
	*n = 0;
	ret = begin_key(g, PILOT_CMD_KEY_GET, dev, &key);
	return ret ? ret : read_keys(g, list, n);
}

int pilot_key_dump(struct pilot_genl *g, const struct pilot_dev *dev,
		   struct pilot_key_info **list, size_t *n)
{
	struct nlmsghdr *nlh;
	int ret;

	*list = NULL;
	*n = 0;
	ret = begin(g, PILOT_CMD_KEY_GET, NLM_F_DUMP, dev, &nlh);
	return ret ? ret : read_keys(g, list, n);
}

int pilot_key_set(struct pilot_genl *g, const struct pilot_dev *dev,
		  const struct pilot_key_info *key,
		  struct pilot_key_info *result)
{
	struct key_sink s = { .g = g };
	int ret;

	if (!key->secret)
		return pilot_error_set(&g->err, -EINVAL, "a key needs its secret");
	ret = begin_key(g, PILOT_CMD_KEY_SET, dev, key);
	if (!ret)
		ret = pilot_genl_request(g, take_keys, NULL, &s);
	if (!ret && result) {
		if (s.n == 1)
			*result = s.list[0];
		else
			ret = pilot_error_set(&g->err, -EBADMSG,
					      "the kernel sent %zu keys instead of one",
					      s.n);
	}
	free(s.list);
	return ret;
}

int pilot_key_del(struct pilot_genl *g, const struct pilot_dev *dev,
		  uint32_t node_id, uint32_t id)
{
	struct pilot_key_info key = {
		.has = id ? PILOT_HAS(PILOT_A_KEY_ID) : 0,
		.node_id = node_id,
		.id = id,
	};
	int ret;

	ret = begin_key(g, PILOT_CMD_KEY_DEL, dev, &key);
	return ret ? ret : pilot_genl_request(g, NULL, NULL, NULL);
}

int pilot_handler_register(struct pilot_genl *g, const struct pilot_dev *dev)
{
	struct nlmsghdr *nlh;
	int ret;

	ret = begin(g, PILOT_CMD_HANDLER_REGISTER, 0, dev, &nlh);
	return ret ? ret : pilot_genl_request(g, NULL, NULL, NULL);
}

int pilot_frame_send(struct pilot_genl *g, const struct pilot_dev *dev,
		     const struct pilot_frame_info *frame)
{
	struct nlmsghdr *nlh;
	int ret;

	ret = begin(g, PILOT_CMD_FRAME, 0, dev, &nlh);
	if (ret)
		return ret;
	ret = pilot_msg_put_frame(nlh, PILOT_GENL_TX_SIZE, frame);
	if (ret)
		return unfit(g, ret);
	return pilot_genl_request(g, NULL, NULL, NULL);
}

int pilot_probe(struct pilot_genl *g, const struct pilot_dev *dev,
		const struct pilot_frame_info *way)
{
	struct nlmsghdr *nlh;
	int ret;

	ret = begin(g, PILOT_CMD_PROBE, 0, dev, &nlh);
	if (ret)
		return ret;
	ret = pilot_msg_put_frame(nlh, PILOT_GENL_TX_SIZE, way);
	if (ret)
		return unfit(g, ret);
	return pilot_genl_request(g, NULL, NULL, NULL);
}

int pilot_rekey(struct pilot_genl *g, const struct pilot_dev *dev,
		uint32_t node_id)
{
	struct pilot_peer_info key = { .node_id = node_id };
	int ret;

	ret = begin_peer(g, PILOT_CMD_REKEY, dev, &key);
	return ret ? ret : pilot_genl_request(g, NULL, NULL, NULL);
}
