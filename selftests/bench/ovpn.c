// SPDX-License-Identifier: GPL-2.0
/*
 * ovpn DEVICE PORT ADDRESS NUMBER: gives DEVICE, of kind ovpn, the one peer it has,
 * at ADDRESS and PORT, with AES-256-GCM and fixed keys; NUMBER is 1 at one end and 2
 * at the other. Stays, since the socket is its own.
 *
 * Debian's headers are older than that driver: the numbers are from its netlink
 * specification, Documentation/netlink/specs/ovpn.yaml in the kernel's source.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <libmnl/libmnl.h>
#include <linux/genetlink.h>
#include <net/if.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum { CMD_PEER_NEW = 1, CMD_KEY_NEW = 6 };
enum { A_IFINDEX = 1, A_PEER, A_KEYCONF };
enum { PEER_ID = 1, PEER_REMOTE_IPV4 = 2, PEER_REMOTE_PORT = 5, PEER_SOCKET = 6, PEER_TX_ID = 24 };
enum { KEY_PEER_ID = 1, KEY_SLOT, KEY_ID, KEY_CIPHER, KEY_ENCRYPT, KEY_DECRYPT };
enum { DIR_KEY = 1, DIR_NONCE_TAIL };
enum { CIPHER_AES_GCM = 1 };

static struct mnl_socket *nl;
static uint16_t family = GENL_ID_CTRL;
static char buf[8192];

static void die(const char *what)
{
	fprintf(stderr, "ovpn: %s: %s\n", what, strerror(errno));
	exit(1);
}

static struct nlmsghdr *request(uint8_t cmd)
{
	struct nlmsghdr *nlh = mnl_nlmsg_put_header(buf);
	struct genlmsghdr *genl;

	nlh->nlmsg_type = family;
	nlh->nlmsg_flags = NLM_F_REQUEST | NLM_F_ACK;
	genl = mnl_nlmsg_put_extra_header(nlh, sizeof(*genl));
	genl->cmd = cmd;
	genl->version = 1;
	return nlh;
}

static int take_family(const struct nlattr *attr, void *data)
{
	(void)data;
	if (mnl_attr_get_type(attr) == CTRL_ATTR_FAMILY_ID)
		family = mnl_attr_get_u16(attr);
	return MNL_CB_OK;
}

static int on_reply(const struct nlmsghdr *nlh, void *data)
{
	return mnl_attr_parse(nlh, sizeof(struct genlmsghdr), take_family, data);
}

static void call(const struct nlmsghdr *nlh, const char *what)
{
	int n = mnl_socket_sendto(nl, nlh, nlh->nlmsg_len);

	while (n > 0) {
		n = mnl_socket_recvfrom(nl, buf, sizeof(buf));
		if (n > 0)
			n = mnl_cb_run(buf, n, 0, mnl_socket_get_portid(nl), on_reply, NULL);
	}
	if (n < 0)
		die(what);
}

static void find_family(void)
{
	struct nlmsghdr *nlh = request(CTRL_CMD_GETFAMILY);

	mnl_attr_put_strz(nlh, CTRL_ATTR_FAMILY_NAME, "ovpn");
	call(nlh, "no such driver");
}

static int bound_socket(uint16_t port)
{
	struct sockaddr_in a = { .sin_family = AF_INET, .sin_port = port };
	int fd = socket(AF_INET, SOCK_DGRAM, 0);

	if (fd < 0 || bind(fd, (struct sockaddr *)&a, sizeof(a)))
		die("socket");
	return fd;
}

static void new_peer(unsigned int ifindex, const char *address, uint16_t port)
{
	struct nlmsghdr *nlh = request(CMD_PEER_NEW);
	struct nlattr *peer;
	struct in_addr to;

	if (inet_pton(AF_INET, address, &to) != 1) {
		errno = EINVAL;
		die(address);
	}
	mnl_attr_put_u32(nlh, A_IFINDEX, ifindex);
	peer = mnl_attr_nest_start(nlh, A_PEER);
	mnl_attr_put_u32(nlh, PEER_ID, 1);
	mnl_attr_put_u32(nlh, PEER_TX_ID, 1);
	mnl_attr_put_u32(nlh, PEER_REMOTE_IPV4, to.s_addr);
	mnl_attr_put_u16(nlh, PEER_REMOTE_PORT, port);
	mnl_attr_put_u32(nlh, PEER_SOCKET, bound_socket(port));
	mnl_attr_nest_end(nlh, peer);
	call(nlh, "new peer");
}

static void put_direction(struct nlmsghdr *nlh, uint16_t type, char fill)
{
	struct nlattr *dir = mnl_attr_nest_start(nlh, type);
	char key[32];

	memset(key, fill, sizeof(key));
	mnl_attr_put(nlh, DIR_KEY, sizeof(key), key);
	mnl_attr_put(nlh, DIR_NONCE_TAIL, 8, key);
	mnl_attr_nest_end(nlh, dir);
}

static void new_key(unsigned int ifindex, int number)
{
	struct nlmsghdr *nlh = request(CMD_KEY_NEW);
	struct nlattr *key;

	mnl_attr_put_u32(nlh, A_IFINDEX, ifindex);
	key = mnl_attr_nest_start(nlh, A_KEYCONF);
	mnl_attr_put_u32(nlh, KEY_PEER_ID, 1);
	mnl_attr_put_u32(nlh, KEY_SLOT, 0);
	mnl_attr_put_u32(nlh, KEY_ID, 0);
	mnl_attr_put_u32(nlh, KEY_CIPHER, CIPHER_AES_GCM);
	put_direction(nlh, KEY_ENCRYPT, (char)number);
	put_direction(nlh, KEY_DECRYPT, (char)(3 - number));
	mnl_attr_nest_end(nlh, key);
	call(nlh, "new key");
}

int main(int argc, char **argv)
{
	unsigned int ifindex;

	if (argc != 5) {
		fprintf(stderr, "usage: ovpn DEVICE PORT ADDRESS NUMBER\n");
		return 2;
	}
	ifindex = if_nametoindex(argv[1]);
	nl = mnl_socket_open(NETLINK_GENERIC);
	if (!ifindex || !nl || mnl_socket_bind(nl, 0, MNL_SOCKET_AUTOPID))
		die(argv[1]);
	find_family();
	new_peer(ifindex, argv[3], htons((uint16_t)atoi(argv[2])));
	new_key(ifindex, atoi(argv[4]));
	return pause();
}
