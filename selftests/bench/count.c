// SPDX-License-Identifier: GPL-2.0
/*
 * QEMU plugin for "profile": counts how often each guest instruction runs
 * between the marks of load.c, and appends "ADDRESS COUNT" lines to the file
 * out=FILE; "end" closes a window.
 *
 * Debian ships no header for plugins: what is used of their interface, version
 * 1, is declared here.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define PUBLIC __attribute__((visibility("default")))

struct qemu_plugin_tb;
struct qemu_plugin_insn;
struct qemu_plugin_info;
enum { NO_REGISTERS };
enum { INLINE_ADD_U64 };

size_t qemu_plugin_tb_n_insns(const struct qemu_plugin_tb *tb);
struct qemu_plugin_insn *qemu_plugin_tb_get_insn(const struct qemu_plugin_tb *tb, size_t i);
const void *qemu_plugin_insn_data(const struct qemu_plugin_insn *insn);
size_t qemu_plugin_insn_size(const struct qemu_plugin_insn *insn);
uint64_t qemu_plugin_insn_vaddr(const struct qemu_plugin_insn *insn);
void qemu_plugin_register_vcpu_tb_trans_cb(uint64_t id, void (*cb)(uint64_t id,
								   struct qemu_plugin_tb *tb));
void qemu_plugin_register_vcpu_insn_exec_inline(struct qemu_plugin_insn *insn, int op,
						void *ptr, uint64_t imm);
void qemu_plugin_register_vcpu_insn_exec_cb(struct qemu_plugin_insn *insn,
					    void (*cb)(unsigned int cpu, void *data), int flags,
					    void *data);
int qemu_plugin_install(uint64_t id, const struct qemu_plugin_info *info, int argc, char **argv);

PUBLIC int qemu_plugin_version = 1;

struct counter {
	struct counter *next;
	uint64_t address;
	uint64_t count;
};

#define BUCKETS (1 << 18)
static struct counter *counters[BUCKETS];
static FILE *out;

static struct counter *counter_of(uint64_t address)
{
	struct counter **bucket = &counters[address * 0x9e3779b97f4a7c15ull >> 46];
	struct counter *c;

	for (c = *bucket; c; c = c->next) {
		if (c->address == address)
			return c;
	}
	c = calloc(1, sizeof(*c));
	if (!c)
		abort();
	c->address = address;
	c->next = *bucket;
	*bucket = c;
	return c;
}

static void window_begin(unsigned int cpu, void *data)
{
	(void)cpu;
	(void)data;
	for (size_t i = 0; i < BUCKETS; i++) {
		for (struct counter *c = counters[i]; c; c = c->next)
			c->count = 0;
	}
}

static void window_end(unsigned int cpu, void *data)
{
	(void)cpu;
	(void)data;
	for (size_t i = 0; i < BUCKETS; i++) {
		for (struct counter *c = counters[i]; c; c = c->next) {
			if (c->count)
				fprintf(out, "%lx %lu\n", c->address, c->count);
		}
	}
	fprintf(out, "end\n");
	fflush(out);
}

static void translated(uint64_t id, struct qemu_plugin_tb *tb)
{
	static const unsigned char mark[] = { 0x0f, 0x1f, 0x84, 0x00, 0, 0x5a, 0xa5, 0x7e };
	struct qemu_plugin_insn *insn;
	const unsigned char *code;

	(void)id;
	for (size_t i = 0; i < qemu_plugin_tb_n_insns(tb); i++) {
		insn = qemu_plugin_tb_get_insn(tb, i);
		qemu_plugin_register_vcpu_insn_exec_inline(insn, INLINE_ADD_U64,
			&counter_of(qemu_plugin_insn_vaddr(insn))->count, 1);
		code = qemu_plugin_insn_data(insn);
		if (qemu_plugin_insn_size(insn) != sizeof(mark) || memcmp(code, mark, 4) ||
		    memcmp(code + 5, mark + 5, 3))
			continue;
		qemu_plugin_register_vcpu_insn_exec_cb(insn, code[4] == 1 ? window_begin :
						       window_end, NO_REGISTERS, NULL);
	}
}

PUBLIC int qemu_plugin_install(uint64_t id, const struct qemu_plugin_info *info, int argc,
			       char **argv)
{
	(void)info;
	if (argc != 1 || strncmp(argv[0], "out=", 4))
		return -1;
	out = fopen(argv[0] + 4, "w");
	if (!out)
		return -1;
	qemu_plugin_register_vcpu_tb_trans_cb(id, translated);
	return 0;
}
