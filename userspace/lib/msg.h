/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Structures to netlink attributes and back. Nothing here touches a socket; the
 * commands are in cmd.h.
 */
#ifndef PILOT_LIB_MSG_H
#define PILOT_LIB_MSG_H

#include <libmnl/libmnl.h>

#include "error.h"
#include "types.h"

/**
 * pilot_msg_cmd() - command of a message
 * @nlh: message, at least a generic netlink header long
 *
 * Return: &enum pilot_cmd.
 */
uint8_t pilot_msg_cmd(const struct nlmsghdr *nlh);

/*
 * Encoders. They append to a message that has its generic netlink header and
 * send nothing. -EMSGSIZE if @size bytes, counted from @nlh, do not hold it.
 * -EINVAL if @has names an attribute that the kernel only sends.
 */

/**
 * pilot_msg_put_dev() - append what names a device
 * @nlh: message
 * @size: room, in bytes from @nlh
 * @dev: device
 */
int pilot_msg_put_dev(struct nlmsghdr *nlh, size_t size,
		      const struct pilot_dev *dev);

/**
 * pilot_msg_put_device() - append PILOT_A_DEVICE
 * @nlh: message
 * @size: room, in bytes from @nlh
 * @info: settings, those of @info->has
 */
int pilot_msg_put_device(struct nlmsghdr *nlh, size_t size,
			 const struct pilot_device_info *info);

/**
 * pilot_msg_put_peer() - append PILOT_A_PEER
 * @nlh: message
 * @size: room, in bytes from @nlh
 * @peer: settings, those of @peer->has; the node ID always
 */
int pilot_msg_put_peer(struct nlmsghdr *nlh, size_t size,
		       const struct pilot_peer_info *peer);

/**
 * pilot_msg_put_key() - append PILOT_A_KEY
 * @nlh: message
 * @size: room, in bytes from @nlh
 * @key: what @key->has gives; the node ID always, the secret if there is one
 */
int pilot_msg_put_key(struct nlmsghdr *nlh, size_t size,
		      const struct pilot_key_info *key);

/**
 * pilot_msg_put_frame() - append PILOT_A_FRAME
 * @nlh: message
 * @size: room, in bytes from @nlh
 * @frame: what @frame->has gives, the bytes if there are any
 */
int pilot_msg_put_frame(struct nlmsghdr *nlh, size_t size,
			const struct pilot_frame_info *frame);

/*
 * Decoders. They trust nothing: a message that is cut, or an attribute of the
 * wrong length, is -EBADMSG with the attribute named in @err. Attributes they
 * do not know are passed over.
 */

/**
 * pilot_msg_device() - decode a reply to DEVICE_GET
 * @nlh: message
 * @info: to fill
 * @err: why it failed, may be NULL
 */
int pilot_msg_device(const struct nlmsghdr *nlh, struct pilot_device_info *info,
		     struct pilot_error *err);

/**
 * pilot_msg_peer() - decode a reply to PEER_GET
 * @nlh: message
 * @peer: to fill; pilot_peer_clear() releases what it holds
 * @err: why it failed, may be NULL
 */
int pilot_msg_peer(const struct nlmsghdr *nlh, struct pilot_peer_info *peer,
		   struct pilot_error *err);

/**
 * pilot_msg_keys() - decode a reply to KEY_GET or KEY_SET
 * @nlh: message
 * @list: array that is grown by the keys of the message
 * @n: its length, updated
 * @err: why it failed, may be NULL
 */
int pilot_msg_keys(const struct nlmsghdr *nlh, struct pilot_key_info **list,
		   size_t *n, struct pilot_error *err);

/**
 * pilot_msg_frame() - decode a FRAME
 * @nlh: message; @frame->data points into it
 * @frame: to fill
 * @err: why it failed, may be NULL
 */
int pilot_msg_frame(const struct nlmsghdr *nlh, struct pilot_frame_info *frame,
		    struct pilot_error *err);

/**
 * pilot_msg_event() - decode an EVENT
 * @nlh: message
 * @event: to fill
 * @err: why it failed, may be NULL
 */
int pilot_msg_event(const struct nlmsghdr *nlh, struct pilot_event_info *event,
		    struct pilot_error *err);

/**
 * pilot_peer_clear() - release what a read peer holds, and zero it
 * @peer: filled by pilot_msg_peer() or pilot_peer_get(), or zeroed
 */
void pilot_peer_clear(struct pilot_peer_info *peer);

#endif /* PILOT_LIB_MSG_H */
