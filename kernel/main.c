// SPDX-License-Identifier: GPL-2.0
/*
 * Loading and unloading.
 */
#include <linux/module.h>
#include <net/genetlink.h>
#include <net/rtnetlink.h>

#include "aead.h"
#include "compat.h"
#include "device.h"
#include "netlink.h"
#include "room.h"
#include "store.h"

#define CREATE_TRACE_POINTS
#include "trace.h"

static int __init pilot_module_init(void)
{
	int err;

	BUILD_BUG_ON(sizeof(struct pilot_pils) != PILOT_PILS_HLEN);
	BUILD_BUG_ON(sizeof(struct pilot_pila) != PILOT_PILA_LEN);
	BUILD_BUG_ON(sizeof(struct pilot_pilk) != PILOT_PILK_LEN);
	BUILD_BUG_ON(sizeof(struct pilot_inner) != PILOT_INNER_HLEN);

	err = pilot_aead_init();
	if (err)
		return err;
	err = pilot_store_init();
	if (err)
		goto err_aead;
	err = pilot_nl_init();
	if (err)
		goto err_store;
	err = pilot_device_init();
	if (err)
		goto err_nl;
	pr_info("pilot " PILOT_VERSION ": AES-GCM by %s\n",
		pilot_aead_driver());
	return 0;

err_nl:
	pilot_nl_exit();
err_store:
	pilot_store_exit();
err_aead:
	pilot_aead_exit();
	return err;
}

/* The devices go first: they send events to the last. */
static void __exit pilot_module_exit(void)
{
	pilot_device_exit();
	pilot_nl_exit();
	pilot_room_exit();
	pilot_store_exit();
	pilot_aead_exit();
}

module_init(pilot_module_init);
module_exit(pilot_module_exit);
MODULE_LICENSE("GPL");
MODULE_DESCRIPTION("Pilot Protocol tunnel");
MODULE_VERSION(PILOT_VERSION);
MODULE_SOFTDEP("pre: aesni_intel");
MODULE_ALIAS_RTNL_LINK(PILOT_LINK_KIND);
MODULE_ALIAS_GENL_FAMILY(PILOT_GENL_NAME);
