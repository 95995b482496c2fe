// SPDX-License-Identifier: GPL-2.0
/*
 * Generic netlink family "pilot": what it accepts. The interface is described
 * in include/uapi/linux/pilot.h and Documentation/netlink/specs/pilot.yaml.
 *
 * Commands that only read take the device's lock as well: what requests change
 * they tell as of one moment. What frames change goes on meanwhile: counters,
 * endpoints, and the slots of keys, which are of one moment among themselves.
 */
#include <net/genetlink.h>

#include "device.h"
#include "netlink.h"
#include "nl.h"
#include "store.h"

/* Longest frame that may be sent for the manager. */
#define FRAME_MAX	1024

/* Longest text of the status. */
#define STATUS_TEXT_MAX	127
static_assert(PILOT_STATUS_TEXT_LEN - 1 == STATUS_TEXT_MAX);

static struct netlink_range_validation max_peers_range = {
	.min = 1, .max = 1048576,
};

static struct netlink_range_validation threshold_range = {
	.min = 1, .max = 1000000,
};

static struct netlink_range_validation grace_range = {
	.min = 0, .max = 3600000,
};

static struct netlink_range_validation rekey_after_range = {
	.min = 16, .max = 268435456,	/* PILOT_REKEY_AFTER */
};

static struct netlink_range_validation cooldown_range = {
	.min = 0, .max = 600000,
};

static const struct nla_policy pilot_endpoint_policy[] = {
	[PILOT_A_ENDPOINT_IPV4] = { .type = NLA_BE32 },
	[PILOT_A_ENDPOINT_IPV6] = NLA_POLICY_EXACT_LEN(sizeof(struct in6_addr)),
	[PILOT_A_ENDPOINT_PORT] = NLA_POLICY_MIN(NLA_BE16, 1),
	[PILOT_A_ENDPOINT_SCOPE] = { .type = NLA_U32 },
};

static const struct nla_policy pilot_status_policy[] = {
	[PILOT_A_STATUS_REGISTRY] = NLA_POLICY_MAX(NLA_U8, PILOT_REGISTRY_MAX),
	[PILOT_A_STATUS_REGISTRY_ADDRESS] = {
		.type = NLA_NUL_STRING, .len = STATUS_TEXT_MAX },
	[PILOT_A_STATUS_REGISTRY_ERROR] = {
		.type = NLA_NUL_STRING, .len = STATUS_TEXT_MAX },
	[PILOT_A_STATUS_REFLEXIVE] = NLA_POLICY_NESTED(pilot_endpoint_policy),
};

static const struct nla_policy pilot_device_policy[] = {
	[PILOT_A_DEVICE_NODE_ID] = NLA_POLICY_MIN(NLA_U32, 1),
	[PILOT_A_DEVICE_NETWORK] = { .type = NLA_U16 },
	[PILOT_A_DEVICE_LISTEN_PORT] = { .type = NLA_U16 },
	[PILOT_A_DEVICE_FWMARK] = { .type = NLA_U32 },
	[PILOT_A_DEVICE_BEACON] = NLA_POLICY_NESTED(pilot_endpoint_policy),
	[PILOT_A_DEVICE_REPLAY_WINDOW] =
		NLA_POLICY_RANGE(NLA_U32, 64, PILOT_REPLAY_WINDOW_MAX),
	[PILOT_A_DEVICE_UNAUTH] = NLA_POLICY_MAX(NLA_U8, 1),
	[PILOT_A_DEVICE_MAX_PEERS] =
		NLA_POLICY_FULL_RANGE(NLA_U32, &max_peers_range),
	[PILOT_A_DEVICE_DECRYPT_FAIL_THRESHOLD] =
		NLA_POLICY_FULL_RANGE(NLA_U32, &threshold_range),
	[PILOT_A_DEVICE_DECRYPT_FAIL_GRACE] =
		NLA_POLICY_FULL_RANGE(NLA_U32, &grace_range),
	[PILOT_A_DEVICE_OUTSIDE_WINDOW_THRESHOLD] =
		NLA_POLICY_FULL_RANGE(NLA_U32, &threshold_range),
	[PILOT_A_DEVICE_OUTSIDE_WINDOW_GRACE] =
		NLA_POLICY_FULL_RANGE(NLA_U32, &grace_range),
	[PILOT_A_DEVICE_REPLAY_THRESHOLD] =
		NLA_POLICY_FULL_RANGE(NLA_U32, &threshold_range),
	[PILOT_A_DEVICE_REPLAY_GRACE] =
		NLA_POLICY_FULL_RANGE(NLA_U32, &grace_range),
	[PILOT_A_DEVICE_AGED_DROP] =
		NLA_POLICY_FULL_RANGE(NLA_U32, &grace_range),
	[PILOT_A_DEVICE_REKEY_AFTER] =
		NLA_POLICY_FULL_RANGE(NLA_U32, &rekey_after_range),
	[PILOT_A_DEVICE_ON_DEMAND] = NLA_POLICY_MAX(NLA_U8, 1),
	[PILOT_A_DEVICE_STATUS] = NLA_POLICY_NESTED(pilot_status_policy),
};

static const struct nla_policy pilot_allowed_ip_policy[] = {
	[PILOT_A_ALLOWED_IP_IPV4] = { .type = NLA_BE32 },
	[PILOT_A_ALLOWED_IP_IPV6] =
		NLA_POLICY_EXACT_LEN(sizeof(struct in6_addr)),
	[PILOT_A_ALLOWED_IP_PREFIX] = NLA_POLICY_MAX(NLA_U8, 128),
	[PILOT_A_ALLOWED_IP_FLAGS] =
		NLA_POLICY_MASK(NLA_U32, PILOT_ALLOWED_IP_F_MASK),
};

static const struct nla_policy pilot_peer_policy[] = {
	[PILOT_A_PEER_NODE_ID] = NLA_POLICY_MIN(NLA_U32, 1),
	[PILOT_A_PEER_ENDPOINT] = NLA_POLICY_NESTED(pilot_endpoint_policy),
	[PILOT_A_PEER_PATH] = NLA_POLICY_MAX(NLA_U8, PILOT_PATH_MAX),
	[PILOT_A_PEER_PATH_ACTIVE] =
		NLA_POLICY_RANGE(NLA_U8, PILOT_PATH_DIRECT, PILOT_PATH_RELAY),
	[PILOT_A_PEER_KEEPALIVE] = { .type = NLA_U16 },
	[PILOT_A_PEER_ALLOWED_IP] = NLA_POLICY_NESTED(pilot_allowed_ip_policy),
	[PILOT_A_PEER_FLAGS] = NLA_POLICY_MASK(NLA_U32, PILOT_PEER_F_MASK),
	[PILOT_A_PEER_COOLDOWN] =
		NLA_POLICY_FULL_RANGE(NLA_U32, &cooldown_range),
	[PILOT_A_PEER_DYNAMIC] = NLA_POLICY_MAX(NLA_U8, 1),
};

static const struct nla_policy pilot_peer_id_policy[] = {
	[PILOT_A_PEER_NODE_ID] = NLA_POLICY_MIN(NLA_U32, 1),
};

static const struct nla_policy pilot_key_policy[] = {
	[PILOT_A_KEY_NODE_ID] = NLA_POLICY_MIN(NLA_U32, 1),
	[PILOT_A_KEY_ID] = NLA_POLICY_MIN(NLA_U32, 1),
	[PILOT_A_KEY_SECRET] = NLA_POLICY_EXACT_LEN(PILOT_KEY_LEN),
	[PILOT_A_KEY_AUTHENTICATED] = { .type = NLA_FLAG },
	[PILOT_A_KEY_PEER_X25519] = NLA_POLICY_EXACT_LEN(PILOT_X25519_LEN),
	[PILOT_A_KEY_LOCAL_X25519] = NLA_POLICY_EXACT_LEN(PILOT_X25519_LEN),
	[PILOT_A_KEY_PEER_ED25519] = NLA_POLICY_EXACT_LEN(PILOT_ED25519_LEN),
};

static const struct nla_policy pilot_key_id_policy[] = {
	[PILOT_A_KEY_NODE_ID] = NLA_POLICY_MIN(NLA_U32, 1),
	[PILOT_A_KEY_ID] = NLA_POLICY_MIN(NLA_U32, 1),
};

static const struct nla_policy pilot_frame_policy[] = {
	[PILOT_A_FRAME_NODE_ID] = NLA_POLICY_MIN(NLA_U32, 1),
	[PILOT_A_FRAME_ENDPOINT] = NLA_POLICY_NESTED(pilot_endpoint_policy),
	[PILOT_A_FRAME_RELAYED] = { .type = NLA_FLAG },
	[PILOT_A_FRAME_DATA] = { .type = NLA_BINARY, .len = FRAME_MAX },
};

static const struct nla_policy pilot_way_policy[] = {
	[PILOT_A_FRAME_NODE_ID] = NLA_POLICY_MIN(NLA_U32, 1),
	[PILOT_A_FRAME_ENDPOINT] = NLA_POLICY_NESTED(pilot_endpoint_policy),
	[PILOT_A_FRAME_RELAYED] = { .type = NLA_FLAG },
};

/* Each command takes the attributes it has a use for, and no others. */
#define WHICH_DEVICE							\
	[PILOT_A_IFINDEX] = NLA_POLICY_MIN(NLA_S32, 1),			\
	[PILOT_A_IFNAME] = { .type = NLA_NUL_STRING, .len = IFNAMSIZ - 1 }

static const struct nla_policy device_cmd_policy[] = {
	WHICH_DEVICE,
};

static const struct nla_policy device_set_cmd_policy[] = {
	WHICH_DEVICE,
	[PILOT_A_DEVICE] = NLA_POLICY_NESTED(pilot_device_policy),
};

static const struct nla_policy peer_cmd_policy[] = {
	WHICH_DEVICE,
	[PILOT_A_PEER] = NLA_POLICY_NESTED(pilot_peer_id_policy),
};

static const struct nla_policy peer_set_cmd_policy[] = {
	WHICH_DEVICE,
	[PILOT_A_PEER] = NLA_POLICY_NESTED(pilot_peer_policy),
};

static const struct nla_policy key_cmd_policy[] = {
	WHICH_DEVICE,
	[PILOT_A_KEY] = NLA_POLICY_NESTED(pilot_key_id_policy),
};

static const struct nla_policy key_set_cmd_policy[] = {
	WHICH_DEVICE,
	[PILOT_A_KEY] = NLA_POLICY_NESTED(pilot_key_policy),
};

static const struct nla_policy frame_cmd_policy[] = {
	WHICH_DEVICE,
	[PILOT_A_FRAME] = NLA_POLICY_NESTED(pilot_frame_policy),
};

static const struct nla_policy probe_cmd_policy[] = {
	WHICH_DEVICE,
	[PILOT_A_FRAME] = NLA_POLICY_NESTED(pilot_way_policy),
};

#define PILOT_OP(id, do_fn, dump_fn, pol) {				\
	.cmd = id,							\
	.doit = do_fn,							\
	.dumpit = dump_fn,						\
	.policy = pol,							\
	.maxattr = ARRAY_SIZE(pol) - 1,					\
	.flags = GENL_UNS_ADMIN_PERM,					\
}

static const struct genl_ops pilot_ops[] = {
	PILOT_OP(PILOT_CMD_DEVICE_GET, pilot_nl_device_get_doit, pilot_nl_device_get_dumpit,
		 device_cmd_policy),
	PILOT_OP(PILOT_CMD_DEVICE_SET, pilot_nl_device_set_doit, NULL,
		 device_set_cmd_policy),
	PILOT_OP(PILOT_CMD_PEER_GET, pilot_nl_peer_get_doit, pilot_nl_peer_get_dumpit,
		 peer_cmd_policy),
	PILOT_OP(PILOT_CMD_PEER_NEW, pilot_nl_peer_new_doit, NULL, peer_set_cmd_policy),
	PILOT_OP(PILOT_CMD_PEER_SET, pilot_nl_peer_set_doit, NULL, peer_set_cmd_policy),
	PILOT_OP(PILOT_CMD_PEER_DEL, pilot_nl_peer_del_doit, NULL, peer_cmd_policy),
	PILOT_OP(PILOT_CMD_KEY_GET, pilot_nl_key_get_doit, pilot_nl_key_get_dumpit,
		 key_cmd_policy),
	PILOT_OP(PILOT_CMD_KEY_SET, pilot_nl_key_set_doit, NULL, key_set_cmd_policy),
	PILOT_OP(PILOT_CMD_KEY_DEL, pilot_nl_key_del_doit, NULL, key_cmd_policy),
	PILOT_OP(PILOT_CMD_HANDLER_REGISTER, pilot_nl_handler_register_doit, NULL,
		 device_cmd_policy),
	PILOT_OP(PILOT_CMD_FRAME, pilot_nl_frame_doit, NULL, frame_cmd_policy),
	PILOT_OP(PILOT_CMD_REKEY, pilot_nl_rekey_doit, NULL, peer_cmd_policy),
	PILOT_OP(PILOT_CMD_PROBE, pilot_nl_probe_doit, NULL, probe_cmd_policy),
};

static const struct genl_multicast_group pilot_groups[] = {
	{ .name = PILOT_GENL_MCGRP_EVENTS, .flags = GENL_MCAST_CAP_NET_ADMIN },
};

struct genl_family pilot_family __ro_after_init = {
	.name = PILOT_GENL_NAME,
	.version = PILOT_GENL_VERSION,
	.maxattr = PILOT_A_MAX,
	.netnsok = true,
	.parallel_ops = true,
	.module = THIS_MODULE,
	.ops = pilot_ops,
	.n_ops = ARRAY_SIZE(pilot_ops),
	.mcgrps = pilot_groups,
	.n_mcgrps = ARRAY_SIZE(pilot_groups),
};

int __init pilot_nl_init(void)
{
	int err = genl_register_family(&pilot_family);

	if (err)
		return err;
	err = pilot_nl_frame_init();
	if (err)
		genl_unregister_family(&pilot_family);
	return err;
}

void pilot_nl_exit(void)
{
	pilot_nl_frame_exit();
	genl_unregister_family(&pilot_family);
}
