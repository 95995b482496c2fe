// SPDX-License-Identifier: GPL-2.0
/*
 * Sender and receiver of the benchmark in one process, with sockets in two
 * network namespaces. Under "vm/run --icount" the TSC counts instructions; what
 * is printed is instructions per packet: "per" of everything but the idle task,
 * "clock" with it.
 *
 *   load udp  FROM TO ADDRESS SIZE PACKETS
 *   load rekey FROM TO ADDRESS SIZE PACKETS
 *   load gso  FROM TO ADDRESS SIZE PACKETS
 *   load echo FROM TO ADDRESS SIZE PACKETS
 *   load tcp  FROM TO ADDRESS MEGABYTES
 *   load probe FROM TO ADDRESS SIZE
 *   load encap NAMESPACE PORT
 *   load seed
 *
 * udp, gso: SIZE bytes each, 32 at a time, and wait until all have arrived.
 * rekey: as udp, and before every tenth round writes a byte to descriptor 4 and
 * waits for one from descriptor 3. echo: one packet and one back. tcp: bulk.
 * probe: does a packet get through?
 * encap: keep a socket open that takes ESP out of UDP. seed: fixed randomness.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/random.h>
#include <linux/udp.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sched.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>
#include <x86intrin.h>

#define BATCH	32
#define WARM_UP	20	/* rounds */
#define PORT	5201

static char buf[BATCH][2048];
static char bulk[256 << 10];

static void die(const char *what)
{
	fprintf(stderr, "load: %s: %s\n", what, strerror(errno));
	exit(1);
}

static uint64_t now(void)
{
	unsigned int cpu;

	return __rdtscp(&cpu);
}

/* ---- what is measured */

struct window {
	uint64_t begin, end;
	uint64_t idle;
};

/* Marks for profile/hot.c: a no-op that nobody else uses. */
#define MARK(n) asm volatile(".byte 0x0f, 0x1f, 0x84, 0x00, " #n ", 0x5a, 0xa5, 0x7e" \
			     ::: "memory")

/* Nanoseconds the idle task has had. */
static uint64_t idle_time(void)
{
	static char text[1 << 16];
	size_t used = 0;
	uint64_t sum = 0;
	double up, idle;
	ssize_t n;
	char *at;
	FILE *f;
	int fd;

	fd = open("/proc/timer_list", O_RDONLY);
	if (fd < 0)
		die("/proc/timer_list");
	while (used < sizeof(text) - 1 &&
	       (n = read(fd, text + used, sizeof(text) - 1 - used)) > 0)
		used += n;
	close(fd);
	text[used] = '\0';
	if (!strstr(text, ".idle_sleeptime")) {
		/* Gone from newer kernels: this one has 10 ms steps. */
		f = fopen("/proc/uptime", "r");
		if (!f)
			die("/proc/uptime");
		if (fscanf(f, "%lf %lf", &up, &idle) != 2)
			die("/proc/uptime");
		fclose(f);
		return (uint64_t)(idle * 1e9);
	}
	for (at = text; (at = strstr(at, ".idle_sleeptime")); at++)
		sum += strtoull(strchr(at, ':') + 1, NULL, 10);
	return sum;
}

/* The timer tick comes at the same places of each window. */
static void align(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	t.tv_sec += 2;
	t.tv_nsec = 0;
	clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &t, NULL);
}

static void window_begin(struct window *w)
{
	w->idle = idle_time();
	w->begin = now();
	MARK(1);
}

static void window_end(struct window *w)
{
	MARK(2);
	w->end = now();
	w->idle = idle_time() - w->idle;
}

static void report(const struct window *w, double packets, long lost)
{
	double all = w->end - w->begin;

	printf("per=%.1f packets=%.0f lost=%ld idle=%.2f clock=%.1f\n",
	       (all - w->idle) / packets, packets, lost, 100 * w->idle / all, all / packets);
}

/* Calls @round, which returns how many of @packets packets arrived, @rounds times. */
static int run_rounds(int rounds, int packets, int (*round)(int tx, int rx, int size), int tx,
		      int rx, int size)
{
	struct window w;
	long got = 0;

	for (int i = 0; i < WARM_UP; i++)
		round(tx, rx, size);
	align();
	window_begin(&w);
	for (int i = 0; i < rounds; i++)
		got += round(tx, rx, size);
	window_end(&w);
	report(&w, got, (long)rounds * packets - got);
	return 0;
}

/* ---- sockets */

static void enter(const char *ns)
{
	char path[128];
	int fd;

	snprintf(path, sizeof(path), "/run/netns/%s", ns);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0 || setns(fd, CLONE_NEWNET))
		die(path);
	close(fd);
}

static struct sockaddr_in address(const char *text, int port)
{
	struct sockaddr_in a = { .sin_family = AF_INET, .sin_port = htons(port) };

	if (inet_pton(AF_INET, text, &a.sin_addr) != 1) {
		errno = EINVAL;
		die(text);
	}
	return a;
}

static void set(int fd, int level, int option, int value)
{
	if (setsockopt(fd, level, option, &value, sizeof(value)))
		die("setsockopt");
}

static int udp_socket(const char *ns)
{
	struct timeval limit = { .tv_usec = 200000 };
	int fd;

	enter(ns);
	fd = socket(AF_INET, SOCK_DGRAM, 0);
	if (fd < 0)
		die("socket");
	set(fd, SOL_SOCKET, SO_RCVBUFFORCE, 64 << 20);
	set(fd, SOL_SOCKET, SO_SNDBUFFORCE, 64 << 20);
	if (setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit)))
		die("SO_RCVTIMEO");
	return fd;
}

/* A sender in namespace @from, connected to a receiver in @to. */
static void udp_pair(char **args, int *tx, int *rx)
{
	struct sockaddr_in to = address(args[2], PORT);

	*rx = udp_socket(args[1]);
	if (bind(*rx, (struct sockaddr *)&to, sizeof(to)))
		die("bind");
	*tx = udp_socket(args[0]);
	if (connect(*tx, (struct sockaddr *)&to, sizeof(to)))
		die("connect");
}

static int number(const char *text, int max)
{
	char *end;
	long n = strtol(text, &end, 10);

	if (*end || n < 1 || n > max) {
		errno = EINVAL;
		die(text);
	}
	return (int)n;
}

/* ---- udp */

static struct mmsghdr tx_msg[BATCH], rx_msg[BATCH];
static struct iovec tx_vec[BATCH], rx_vec[BATCH];

static int udp_round(int tx, int rx, int size)
{
	int sent = 0, got = 0, n;

	(void)size;
	while (sent < BATCH) {
		n = sendmmsg(tx, tx_msg + sent, BATCH - sent, 0);
		if (n < 0)
			die("sendmmsg");
		sent += n;
	}
	while (got < BATCH) {
		n = recvmmsg(rx, rx_msg, BATCH - got, MSG_WAITFORONE, NULL);
		if (n < 0)
			break;
		got += n;
	}
	return got;
}

static int run_packets(char **args, int (*round)(int tx, int rx, int size))
{
	int size = number(args[3], sizeof(buf[0])), rounds = number(args[4], 1 << 30) / BATCH;
	int tx, rx;

	udp_pair(args, &tx, &rx);
	for (int i = 0; i < BATCH; i++) {
		tx_vec[i] = (struct iovec){ buf[i], size };
		rx_vec[i] = (struct iovec){ buf[i], sizeof(buf[i]) };
		tx_msg[i].msg_hdr = (struct msghdr){ .msg_iov = &tx_vec[i], .msg_iovlen = 1 };
		rx_msg[i].msg_hdr = (struct msghdr){ .msg_iov = &rx_vec[i], .msg_iovlen = 1 };
	}
	return run_rounds(rounds, BATCH, round, tx, rx, size);
}

static int run_udp(char **args)
{
	return run_packets(args, udp_round);
}

/* ---- rekey */

#define REKEY_FROM	3
#define REKEY_TO	4
#define REKEY_ROUNDS	10

static int rekey_round(int tx, int rx, int size)
{
	static unsigned int rounds;
	char byte = 0;

	if (rounds++ % REKEY_ROUNDS == 0 &&
	    (write(REKEY_TO, &byte, 1) != 1 || read(REKEY_FROM, &byte, 1) != 1))
		die("rekey");
	return udp_round(tx, rx, size);
}

static int run_rekey(char **args)
{
	return run_packets(args, rekey_round);
}

/* ---- gso */

static int gso_round(int tx, int rx, int size)
{
	ssize_t all = (ssize_t)size * BATCH, got = 0, n;

	if (send(tx, bulk, all, 0) != all)
		die("send");
	while (got < all) {
		n = recv(rx, bulk, sizeof(bulk), 0);
		if (n < 0)
			break;
		got += n;
	}
	return (int)(got / size);
}

static int run_gso(char **args)
{
	int size = number(args[3], 65000 / BATCH), rounds = number(args[4], 1 << 30) / BATCH;
	int tx, rx;

	udp_pair(args, &tx, &rx);
	set(rx, IPPROTO_UDP, UDP_GRO, 1);
	set(tx, IPPROTO_UDP, UDP_SEGMENT, size);
	return run_rounds(rounds, BATCH, gso_round, tx, rx, size);
}

/* ---- echo */

static int echo_round(int tx, int rx, int size)
{
	struct sockaddr_in from;
	socklen_t len = sizeof(from);

	if (send(tx, buf[0], size, 0) != size)
		die("send");
	if (recvfrom(rx, buf[1], sizeof(buf[1]), 0, (struct sockaddr *)&from, &len) != size)
		return 0;
	if (sendto(rx, buf[1], size, 0, (struct sockaddr *)&from, len) != size)
		die("sendto");
	return recv(tx, buf[0], sizeof(buf[0]), 0) == size;
}

static int run_echo(char **args)
{
	int size = number(args[3], sizeof(buf[0])), rounds = number(args[4], 1 << 30);
	int tx, rx;

	udp_pair(args, &tx, &rx);
	return run_rounds(rounds, 1, echo_round, tx, rx, size);
}

/* ---- probe */

/* WireGuard's first packet waits for a handshake. */
static int run_probe(char **args)
{
	int size = number(args[3], sizeof(buf[0]));
	ssize_t n;
	int tx, rx;

	udp_pair(args, &tx, &rx);
	memset(buf[0], 'Q', size);
	for (int i = 0; i < 20; i++) {
		if (send(tx, buf[0], size, 0) != size)
			continue;
		n = recv(rx, buf[1], sizeof(buf[1]), 0);
		if (n == size && !memcmp(buf[0], buf[1], size))
			return 0;
	}
	fprintf(stderr, "load: nothing arrives at %s\n", args[2]);
	return 1;
}

/* ---- tcp */

static int tcp_receiver(int listener, uint64_t warm, uint64_t measured)
{
	uint64_t total = 0, base = 0;
	struct tcp_info info = { };
	socklen_t len = sizeof(info);
	struct window w;
	ssize_t n;
	int fd;

	fd = accept(listener, NULL, NULL);
	if (fd < 0)
		die("accept");
	while (!base || total < base + measured) {
		n = read(fd, bulk, sizeof(bulk));
		if (n <= 0)
			die("read");
		total += n;
		if (!base && total >= warm) {
			base = total;
			window_begin(&w);
		}
	}
	window_end(&w);
	if (getsockopt(fd, IPPROTO_TCP, TCP_INFO, &info, &len))
		die("TCP_INFO");
	report(&w, (double)(total - base) / info.tcpi_rcv_mss, 0);
	return 0;
}

static int run_tcp(char **args)
{
	struct sockaddr_in to = address(args[2], PORT + 1);
	uint64_t bytes = number(args[3], 100000) * 1000000ull;
	int fd, status;
	pid_t child;

	enter(args[1]);
	fd = socket(AF_INET, SOCK_STREAM, 0);
	set(fd, SOL_SOCKET, SO_REUSEADDR, 1);
	if (bind(fd, (struct sockaddr *)&to, sizeof(to)) || listen(fd, 1))
		die("listen");
	child = fork();
	if (child < 0)
		die("fork");
	if (!child)
		return tcp_receiver(fd, 3000000, bytes);
	enter(args[0]);
	signal(SIGPIPE, SIG_IGN);
	fd = socket(AF_INET, SOCK_STREAM, 0);
	if (connect(fd, (struct sockaddr *)&to, sizeof(to))) {
		kill(child, SIGKILL);
		die("connect");
	}
	while (write(fd, bulk, 65536) > 0)
		;
	return waitpid(child, &status, 0) != child || status;
}

/* ---- others */

static int run_encap(char **args)
{
	struct sockaddr_in a = { .sin_family = AF_INET };
	int fd = udp_socket(args[0]);

	a.sin_port = htons(number(args[1], 65535));
	if (bind(fd, (struct sockaddr *)&a, sizeof(a)))
		die("bind");
	set(fd, IPPROTO_UDP, UDP_ENCAP, UDP_ENCAP_ESPINUDP);
	return pause();
}

/* The guest has no source of entropy but this; alike on every boot. */
static int run_seed(char **args)
{
	union {
		struct rand_pool_info info;
		char bytes[sizeof(struct rand_pool_info) + 256];
	} pool;
	int fd = open("/dev/urandom", O_RDWR);

	(void)args;
	memset(pool.bytes, 0x42, sizeof(pool.bytes));
	pool.info.entropy_count = 2048;
	pool.info.buf_size = 256;
	if (fd < 0 || ioctl(fd, RNDADDENTROPY, &pool))
		die("/dev/urandom");
	return 0;
}

static const struct mode {
	const char *name;
	int args;
	int (*run)(char **args);
} modes[] = {
	{ "udp", 5, run_udp },
	{ "rekey", 5, run_rekey },
	{ "gso", 5, run_gso },
	{ "echo", 5, run_echo },
	{ "tcp", 4, run_tcp },
	{ "probe", 4, run_probe },
	{ "encap", 2, run_encap },
	{ "seed", 0, run_seed },
};

int main(int argc, char **argv)
{
	struct sched_param param = { };

	/*
	 * No preemption by a wake-up: with it, one CPU falls into one of two
	 * regimes (a switch per packet, or none) that trifles flip between.
	 */
	if (sched_setscheduler(0, SCHED_BATCH, &param))
		die("SCHED_BATCH");
	for (size_t i = 0; i < sizeof(modes) / sizeof(modes[0]); i++) {
		if (argc > 1 && !strcmp(argv[1], modes[i].name) && argc - 2 == modes[i].args)
			return modes[i].run(argv + 2);
	}
	fprintf(stderr, "load: wrong arguments: see the beginning of load.c\n");
	return 2;
}
