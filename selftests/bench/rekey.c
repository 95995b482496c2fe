// SPDX-License-Identifier: GPL-2.0
/*
 * rekey DEVICE FROM NODE TO NODE: for each byte it reads, gives the two devices
 * in the namespaces FROM and TO, which are the peers of these numbers, a new key
 * for each other, and writes a byte.
 */
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lib/cmd.h"

/* A socket stays in the namespace that it was opened in. */
static int open_in(struct pilot_genl *g, const char *ns)
{
	char path[128];
	int fd;

	snprintf(path, sizeof(path), "/run/netns/%s", ns);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0 || setns(fd, CLONE_NEWNET)) {
		fprintf(stderr, "rekey: %s: %m\n", path);
		exit(1);
	}
	close(fd);
	return pilot_genl_open(g);
}

static int install(struct pilot_genl *g, const struct pilot_dev *dev, uint32_t peer,
		   const uint8_t *secret)
{
	struct pilot_key_info key = { .node_id = peer, .secret = secret };
	int err = pilot_key_set(g, dev, &key, NULL);

	if (err)
		fprintf(stderr, "rekey: %s\n", g->err.text);
	return err;
}

int main(int argc, char **argv)
{
	struct pilot_genl from = { }, to = { };
	uint8_t secret[PILOT_KEY_LEN] = { 1 };
	struct pilot_dev dev = { };
	uint32_t n = 0, node[2];
	char byte;

	if (argc != 6 || strlen(argv[1]) >= sizeof(dev.ifname)) {
		fprintf(stderr, "usage: rekey DEVICE FROM NODE TO NODE\n");
		return 2;
	}
	strcpy(dev.ifname, argv[1]);
	node[0] = strtoul(argv[3], NULL, 10);
	node[1] = strtoul(argv[5], NULL, 10);
	if (open_in(&from, argv[2]) || open_in(&to, argv[4])) {
		fprintf(stderr, "rekey: %s%s\n", from.err.text, to.err.text);
		return 1;
	}
	while (read(STDIN_FILENO, &byte, 1) == 1) {
		n++;
		memcpy(secret + 1, &n, sizeof(n));
		if (install(&to, &dev, node[0], secret) || install(&from, &dev, node[1], secret) ||
		    write(STDOUT_FILENO, &byte, 1) != 1)
			return 1;
	}
	return 0;
}
