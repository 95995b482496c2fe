// SPDX-License-Identifier: GPL-2.0
/*
 * For a test: holds the FPU on every CPU, again and again, so that softirqs
 * that interrupt it cannot use vector registers.
 */
#include <linux/cpu.h>
#include <linux/delay.h>
#include <linux/err.h>
#include <linux/kthread.h>
#include <linux/module.h>
#include <linux/preempt.h>
#include <linux/sched.h>
#include <asm/fpu/api.h>

static unsigned int hold_us = 2000;
module_param(hold_us, uint, 0444);
MODULE_PARM_DESC(hold_us, "how long at a time, microseconds");

static struct task_struct *holders[NR_CPUS];

static int hold(void *unused)
{
	while (!kthread_should_stop()) {
		kernel_fpu_begin();
		udelay(hold_us);
		kernel_fpu_end();
		usleep_range(hold_us / 4, hold_us / 2);
	}
	return 0;
}

static void stop(void)
{
	unsigned int cpu;

	for (cpu = 0; cpu < nr_cpu_ids; cpu++)
		if (holders[cpu])
			kthread_stop(holders[cpu]);
}

static int __init fpuhold_init(void)
{
	unsigned int cpu;
	bool off;

	kernel_fpu_begin();
	off = in_softirq();
	kernel_fpu_end();
	if (off) {
		pr_info("softirqs do not interrupt users of the FPU\n");
		return -EOPNOTSUPP;
	}
	for_each_online_cpu(cpu) {
		struct task_struct *t = kthread_create_on_cpu(hold, NULL, cpu,
							      "fpuhold/%u");

		if (IS_ERR(t)) {
			stop();
			return PTR_ERR(t);
		}
		holders[cpu] = t;
		wake_up_process(t);
	}
	return 0;
}
module_init(fpuhold_init);

static void __exit fpuhold_exit(void)
{
	stop();
}
module_exit(fpuhold_exit);

MODULE_DESCRIPTION("Holds the FPU, for a test of pilot");
MODULE_LICENSE("GPL");
