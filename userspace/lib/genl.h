/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Generic netlink transport of the family "pilot": sockets, requests, dumps
 * and events. What the messages say is in msg.h,
 * the commands in cmd.h.
 */
#ifndef PILOT_LIB_GENL_H
#define PILOT_LIB_GENL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <libmnl/libmnl.h>

#include "error.h"

/**
 * typedef pilot_genl_msg_cb - takes one message of the family
 * @nlh: the message; valid until the callback returns
 * @data: the caller's
 *
 * It must not make requests on the socket that calls it.
 *
 * Return: for replies 0 to go on, or a negative errno to fail the request
 * with; for event sockets the value is ignored.
 */
typedef int (*pilot_genl_msg_cb)(const struct nlmsghdr *nlh, void *data);

/**
 * typedef pilot_genl_restart_cb - a dump begins again: forget what came
 * @data: the caller's
 */
typedef void (*pilot_genl_restart_cb)(void *data);

/**
 * struct pilot_genl - a netlink socket bound to the family
 * @nl: the socket
 * @portid: our netlink port
 * @seq: sequence number of the latest request
 * @family: ID of the family, 0 while it is not there
 * @group: ID of the group "events"
 * @events: whether this is an event socket
 * @torn: the latest dump changed during each of several readings; the last of
 *	them was taken. It has every entry that was there all the while; one
 *	that went and came back may be in it twice
 * @on_msg: event sockets: called for every event and frame
 * @on_lost: event sockets: messages were lost, or the module was loaded
 *	again: read the state by dump
 * @data: for @on_msg and @on_lost
 * @tx: request being built
 * @rx: receive buffer
 * @err: why the latest call failed
 *
 * Not for use by several threads at once.
 */
struct pilot_genl {
	struct mnl_socket *nl;
	unsigned int portid;
	uint32_t seq;
	uint16_t family;
	uint32_t group;
	bool events;
	bool torn;
	pilot_genl_msg_cb on_msg;
	void (*on_lost)(void *data);
	void *data;
	char *tx;
	char *rx;
	struct pilot_error err;
};

/**
 * pilot_genl_open() - open a socket for requests
 * @g: to fill; pilot_genl_close() is safe on it even after a failure
 *
 * Asking for the family makes the kernel load the module if it can.
 *
 * Return: 0; -ENOENT if the module is not there; or another negative errno.
 * @g->err says why.
 */
int pilot_genl_open(struct pilot_genl *g);

/**
 * pilot_genl_open_events() - open a non-blocking socket for events
 * @g: to fill
 * @on_msg: called for every event, and every frame after
 *	pilot_handler_register() on this socket
 * @on_lost: called when messages were lost (the receive buffer was full) and
 *	when the module was loaded again; a handler registers again then. It
 *	may make requests on this socket
 * @data: for both
 *
 * The socket joins the group "events". Requests on it work too: what comes
 * before the answer is handed to the callbacks from inside the request.
 *
 * Return: 0 or negative errno, as pilot_genl_open().
 */
int pilot_genl_open_events(struct pilot_genl *g, pilot_genl_msg_cb on_msg,
			   void (*on_lost)(void *data), void *data);

/**
 * pilot_genl_close() - close the socket, wipe and free the buffers
 * @g: opened, or zeroed
 */
void pilot_genl_close(struct pilot_genl *g);

/**
 * pilot_genl_fd() - descriptor to poll for reading
 * @g: socket
 */
int pilot_genl_fd(const struct pilot_genl *g);

/**
 * pilot_genl_recv() - handle what has arrived on an event socket
 * @g: event socket
 *
 * Every message of every datagram is handed to @on_msg one by one. Reads at
 * most 64 datagrams, so that a busy socket cannot hold up an event loop.
 *
 * Return: number of datagrams handled, 0 if there was nothing (losses are
 * reported by @on_lost and are no error), or negative errno.
 */
int pilot_genl_recv(struct pilot_genl *g);

/**
 * pilot_genl_begin() - begin a request in the socket's buffer
 * @g: socket
 * @cmd: &enum pilot_cmd
 * @flags: NLM_F_DUMP for a dump; otherwise 0
 *
 * Return: the message, to which attributes are appended; there are
 * PILOT_GENL_TX_SIZE bytes for it.
 */
struct nlmsghdr *pilot_genl_begin(struct pilot_genl *g, uint8_t cmd, int flags);

/**
 * pilot_genl_request() - send the request begun last and take its answer
 * @g: socket
 * @on_reply: called for each message of the answer, or NULL
 * @on_restart: dumps: called before a dump that was interrupted by a change
 *	is done again, or NULL
 * @data: for both
 *
 * Waits for the acknowledgement or the end of the dump. The buffers are wiped
 * afterwards if the request carried a key.
 *
 * Return: 0 or negative errno; @g->err then holds the kernel's words, the
 * attribute they are about, and the limits it states.
 */
int pilot_genl_request(struct pilot_genl *g, pilot_genl_msg_cb on_reply,
		       pilot_genl_restart_cb on_restart, void *data);

/**
 * pilot_genl_explain() - turn the kernel's verdict into words
 * @answer: message of type NLMSG_ERROR, or NLMSG_DONE of a dump
 * @request: what it answers
 * @err: set to "attribute: kernel's words (limits)", or what is there of it
 *
 * Return: 0 if it is no error; the kernel's negative errno; -EBADMSG.
 */
int pilot_genl_explain(const struct nlmsghdr *answer,
		       const struct nlmsghdr *request, struct pilot_error *err);

#define PILOT_GENL_TX_SIZE	(1 << 17)

#endif /* PILOT_LIB_GENL_H */
