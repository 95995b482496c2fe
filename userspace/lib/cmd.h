/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Commands of the netlink family: structures in, structures out. None of them
 * prints or exits. They return 0 or a negative errno (-ENOTCONN if the socket is
 * not open) and leave the reason in the socket's @err.
 */
#ifndef PILOT_LIB_CMD_H
#define PILOT_LIB_CMD_H

#include "genl.h"
#include "msg.h"
#include "types.h"

/**
 * pilot_device_get() - read one device
 * @g: socket
 * @dev: which
 * @info: to fill
 *
 * Return: 0, -ENODEV, or another negative errno.
 */
int pilot_device_get(struct pilot_genl *g, const struct pilot_dev *dev,
		     struct pilot_device_info *info);

/**
 * pilot_device_dump() - read all devices of the network namespace
 * @g: socket
 * @list: set to an array for free(), NULL if there is none
 * @n: set to its length
 */
int pilot_device_dump(struct pilot_genl *g, struct pilot_device_info **list,
		      size_t *n);

/**
 * pilot_device_set() - change the settings of @info->dev given by @info->has
 * @g: socket
 * @info: device and settings; bits of output-only attributes are -EINVAL
 */
int pilot_device_set(struct pilot_genl *g, const struct pilot_device_info *info);

/**
 * pilot_peer_get() - read one peer
 * @g: socket
 * @dev: device
 * @node_id: peer
 * @peer: to fill; pilot_peer_clear() releases what it holds
 *
 * Return: 0, -ENOENT, or another negative errno.
 */
int pilot_peer_get(struct pilot_genl *g, const struct pilot_dev *dev,
		   uint32_t node_id, struct pilot_peer_info *peer);

/**
 * pilot_peer_dump() - read all peers of a device
 * @g: socket
 * @dev: device
 * @list: set to an array for pilot_peer_list_free(), NULL if there is none
 * @n: set to its length
 *
 * The list is of one moment: a dump during which peers came or went is read
 * again. Where that does not help, because they come and go all the time,
 * @g->torn is set.
 */
int pilot_peer_dump(struct pilot_genl *g, const struct pilot_dev *dev,
		    struct pilot_peer_info **list, size_t *n);

/**
 * pilot_peer_new() - add a peer
 * @g: socket
 * @dev: device
 * @peer: its settings, those given by @peer->has
 *
 * Prefixes that do not fit into one message follow in PEER_SET messages.
 *
 * Return: 0, -EEXIST, -ENOSPC, or another negative errno.
 */
int pilot_peer_new(struct pilot_genl *g, const struct pilot_dev *dev,
		   const struct pilot_peer_info *peer);

/**
 * pilot_peer_set() - change the settings of a peer given by @peer->has
 * @g: socket
 * @dev: device
 * @peer: peer and settings
 *
 * Return: 0, -ENOENT, or another negative errno.
 */
int pilot_peer_set(struct pilot_genl *g, const struct pilot_dev *dev,
		   const struct pilot_peer_info *peer);

/**
 * pilot_peer_del() - remove a peer with its keys and queue
 * @g: socket
 * @dev: device
 * @node_id: peer
 *
 * Return: 0, -ENOENT, or another negative errno.
 */
int pilot_peer_del(struct pilot_genl *g, const struct pilot_dev *dev,
		   uint32_t node_id);

/**
 * pilot_peer_list_free() - release a list of peers
 * @list: from pilot_peer_dump(), may be NULL
 * @n: its length
 */
void pilot_peer_list_free(struct pilot_peer_info *list, size_t n);

/**
 * pilot_key_get() - read the keys of one peer, never their secrets
 * @g: socket
 * @dev: device
 * @node_id: peer
 * @list: set to an array for free(), current key first, NULL if there is none
 * @n: set to its length
 *
 * Return: 0 (also for a peer without keys), -ENOENT without the peer, or
 * another negative errno.
 */
int pilot_key_get(struct pilot_genl *g, const struct pilot_dev *dev,
		  uint32_t node_id, struct pilot_key_info **list, size_t *n);

/**
 * pilot_key_dump() - read the keys of all peers of a device
 * @g: socket
 * @dev: device
 * @list: set to an array for free(), grouped by peer, NULL if there is none
 * @n: set to its length
 */
int pilot_key_dump(struct pilot_genl *g, const struct pilot_dev *dev,
		   struct pilot_key_info **list, size_t *n);

/**
 * pilot_key_set() - install a key
 * @g: socket
 * @dev: device
 * @key: node ID, secret, and what @key->has gives of ID, AUTHENTICATED,
 *	PEER_X25519, LOCAL_X25519. Node ID and secret are always sent
 * @result: filled with the ID and slot it got, may be NULL
 *
 * The buffers are wiped before it returns; @key->secret is the caller's.
 */
int pilot_key_set(struct pilot_genl *g, const struct pilot_dev *dev,
		  const struct pilot_key_info *key,
		  struct pilot_key_info *result);

/**
 * pilot_key_del() - drop keys of a peer
 * @g: socket
 * @dev: device
 * @node_id: peer
 * @id: that key only (compare-and-drop), or 0 for all
 *
 * Return: 0; -ENOENT if there is no such peer or key; or another negative
 * errno.
 */
int pilot_key_del(struct pilot_genl *g, const struct pilot_dev *dev,
		  uint32_t node_id, uint32_t id);

/**
 * pilot_handler_register() - receive handshake frames of a device
 * @g: socket on which they are to arrive, of pilot_genl_open_events()
 * @dev: device
 *
 * Ends when the socket is closed.
 *
 * Return: 0, -EBUSY if there is a handler, or another negative errno.
 */
int pilot_handler_register(struct pilot_genl *g, const struct pilot_dev *dev);

/**
 * pilot_frame_send() - send a handshake frame or beacon message
 * @g: socket
 * @dev: device
 * @frame: @data and @len, and what @frame->has gives of NODE_ID, ENDPOINT and
 *	RELAYED
 */
int pilot_frame_send(struct pilot_genl *g, const struct pilot_dev *dev,
		     const struct pilot_frame_info *frame);

/**
 * pilot_rekey() - ask the handler for a new key exchange
 * @g: socket
 * @dev: device
 * @node_id: peer
 *
 * Return: 0, -ENOTCONN without a handler, or another negative errno.
 */
int pilot_rekey(struct pilot_genl *g, const struct pilot_dev *dev,
		uint32_t node_id);

/**
 * pilot_probe() - send a path probe to a peer
 * @g: socket
 * @dev: device
 * @way: NODE_ID, and what @way->has gives of ENDPOINT and RELAYED; no data
 *
 * Return: 0, -ENOKEY without a key that may seal, or another negative errno.
 */
int pilot_probe(struct pilot_genl *g, const struct pilot_dev *dev,
		const struct pilot_frame_info *way);

#endif /* PILOT_LIB_CMD_H */
