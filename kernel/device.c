// SPDX-License-Identifier: GPL-2.0
/*
 * The network device of kind "pilot", from creation to deletion.
 */
#include <linux/ethtool.h>
#include <linux/if_arp.h>
#include <linux/inetdevice.h>
#include <linux/module.h>
#include <linux/random.h>
#include <linux/rhashtable.h>
#include <linux/rtnetlink.h>
#include <linux/suspend.h>
#include <net/addrconf.h>
#include <net/netns/generic.h>

#include "aead.h"
#include "compat.h"
#include "device.h"
#include "netlink.h"
#include "receive.h"
#include "send.h"
#include "socket.h"
#include "trace.h"

/* All devices of all namespaces. RTNL; or RCU, to read. */
static LIST_HEAD(pilot_devices);

/**
 * pilot_device_defer() - keeps a packet for a context in which SIMD is usable
 * @pd: device
 * @d: its deferred_rx or deferred_tx
 * @skb: packet; consumed
 *
 * Context: any. Return: false if it was dropped.
 */
bool pilot_device_defer(struct pilot_device *pd, struct pilot_deferred *d,
			struct sk_buff *skb)
{
	int n;

	if (atomic_read(&d->n) >= PILOT_DEFERRED_MAX) {
		kfree_skb(skb);
		return false;
	}
	skb_dst_force(skb);
	n = atomic_inc_return(&d->n);
	trace_pilot_defer(pd, d == &pd->deferred_tx, n);
	skb_queue_tail(&d->list, skb);
	queue_work(system_dfl_wq, &pd->deferred_work);
	return true;
}

/*
 * Later packets queue up behind the deferred ones until the last of them is
 * on its way, so the order stays.
 */
static void deferred_work(struct work_struct *work)
{
	struct pilot_device *pd = container_of(work, struct pilot_device,
					       deferred_work);
	struct sk_buff *rx, *tx;

	do {
		local_bh_disable();
		rcu_read_lock();
		rx = skb_dequeue(&pd->deferred_rx.list);
		if (rx) {
			pilot_receive(pd, rx);
			atomic_dec(&pd->deferred_rx.n);
		}
		tx = skb_dequeue(&pd->deferred_tx.list);
		if (tx) {
			/* outside of xmit the stack takes it for the tunnel's */
			skb_orphan(tx);
			pilot_xmit_packet(pd, tx);
			atomic_dec(&pd->deferred_tx.n);
		}
		rcu_read_unlock();
		local_bh_enable();
		cond_resched();
	} while (rx || tx);
}

static int pilot_open(struct net_device *dev)
{
	struct in_device *dev4 = __in_dev_get_rtnl(dev);
	struct inet6_dev *dev6 = __in6_dev_get(dev);
	struct pilot_device *pd = netdev_priv(dev);
	struct pilot_peer *peer;
	unsigned long id;
	int err;

	if (dev4) {
		/* there are no neighbours to redirect to */
		IN_DEV_CONF_SET(dev4, SEND_REDIRECTS, false);
		IPV4_DEVCONF_ALL(dev_net(dev), SEND_REDIRECTS) = false;
	}
	if (dev6)
		dev6->cnf.addr_gen_mode = IN6_ADDR_GEN_MODE_NONE;

	mutex_lock(&pd->lock);
	err = pilot_socket_open(pd, pd->port);
	if (!err)
		xa_for_each(&pd->peers.ids, id, peer) {
			pilot_peer_arm(peer);
			cond_resched();
		}
	mutex_unlock(&pd->lock);
	return err;
}

static int pilot_stop(struct net_device *dev)
{
	struct pilot_device *pd = netdev_priv(dev);
	struct pilot_peer *peer;
	unsigned long id;

	mutex_lock(&pd->lock);
	pilot_socket_close(pd);
	xa_for_each(&pd->peers.ids, id, peer) {
		pilot_peer_purge(peer);
		cond_resched();
	}
	pilot_demand_purge(pd);
	mutex_unlock(&pd->lock);
	return 0;
}

static int pilot_init(struct net_device *dev)
{
	struct pilot_device *pd = netdev_priv(dev);
	int err;

	/* Not by pcpu_stat_type: 6.1 has it, but does nothing about it. */
	dev->tstats = netdev_alloc_pcpu_stats(struct pcpu_sw_netstats);
	if (!dev->tstats)
		return -ENOMEM;
	err = gro_cells_init(&pd->gro_cells, dev);
	if (err)
		goto err_tstats;
	err = pilot_peers_init(&pd->peers);
	if (err)
		goto err_cells;
	err = pilot_allowedips_init(&pd->allowedips);
	if (err)
		goto err_peers;
	return 0;

err_peers:
	rhashtable_destroy(&pd->peers.table);
err_cells:
	gro_cells_destroy(&pd->gro_cells);
err_tstats:
	free_percpu(dev->tstats);
	return err;
}

/*
 * The device is closed and nothing finds it any more: the core waited for
 * those who were sending, closing the sockets for those who were receiving.
 */
static void pilot_uninit(struct net_device *dev)
{
	struct pilot_device *pd = netdev_priv(dev);

	/* first: a peer added now could have packets deferred again */
	mutex_lock(&pd->lock);
	pd->dying = true;
	mutex_unlock(&pd->lock);
	flush_work(&pd->deferred_work);	/* leaves its lists empty */
	pilot_demand_destroy(pd);
	mutex_lock(&pd->lock);
	spin_lock_bh(&pd->handler_lock);
	WRITE_ONCE(pd->handler_portid, 0);
	pd->handler_net = NULL;
	spin_unlock_bh(&pd->handler_lock);
	pilot_peers_destroy(pd);
	pilot_allowedips_destroy(&pd->allowedips);
	pilot_endpoint_free(rcu_replace_pointer(pd->beacon, NULL,
						lockdep_is_held(&pd->lock)));
	mutex_unlock(&pd->lock);
	gro_cells_destroy(&pd->gro_cells);
	free_percpu(dev->tstats);
}

static const struct net_device_ops netdev_ops = {
	.ndo_init = pilot_init,
	.ndo_uninit = pilot_uninit,
	.ndo_open = pilot_open,
	.ndo_stop = pilot_stop,
	.ndo_start_xmit = pilot_xmit,
	.ndo_get_stats64 = dev_get_tstats64,
};

static void get_drvinfo(struct net_device *dev, struct ethtool_drvinfo *info)
{
	strscpy(info->driver, PILOT_LINK_KIND, sizeof(info->driver));
	strscpy(info->version, PILOT_VERSION, sizeof(info->version));
	strscpy(info->bus_info, pilot_aead_driver(), sizeof(info->bus_info));
}

static int get_sset_count(struct net_device *dev, int sset)
{
	return sset == ETH_SS_STATS ? PILOT_STAT_COUNT : -EOPNOTSUPP;
}

static void get_strings(struct net_device *dev, u32 sset, u8 *data)
{
	if (sset == ETH_SS_STATS)
		pilot_stats_strings(data);
}

static void get_ethtool_stats(struct net_device *dev,
			      struct ethtool_stats *stats, u64 *data)
{
	pilot_stats_get(netdev_priv(dev), data);
}

static const struct ethtool_ops ethtool_ops = {
	.get_drvinfo = get_drvinfo,
	.get_link = ethtool_op_get_link,
	.get_sset_count = get_sset_count,
	.get_strings = get_strings,
	.get_ethtool_stats = get_ethtool_stats,
};

static const struct device_type device_type = { .name = PILOT_LINK_KIND };

static void pilot_setup(struct net_device *dev)
{
	/* without a checksum feature the core would strip TSO */
	const netdev_features_t features = NETIF_F_SG | NETIF_F_HW_CSUM |
		NETIF_F_RXCSUM | NETIF_F_HIGHDMA | NETIF_F_GSO_SOFTWARE;

	/* no header_ops: neighbours would be asked for headers, packet by packet */
	dev->netdev_ops = &netdev_ops;
	dev->ethtool_ops = &ethtool_ops;
	dev->type = ARPHRD_NONE;
	dev->flags = IFF_POINTOPOINT | IFF_NOARP;
	dev->priv_flags |= IFF_NO_QUEUE;
	dev->needs_free_netdev = true;
	dev->features |= features;
	dev->hw_features |= features;
	dev->hw_enc_features |= features;
	pilot_compat_set_lltx(dev);
	netif_keep_dst(dev);	/* ICMP errors need the route */
	netif_set_tso_max_size(dev, PILOT_TSO_MAX_SIZE);
	dev->needed_headroom = PILOT_HEADROOM;
	dev->needed_tailroom = PILOT_TAG_LEN;
	dev->mtu = PILOT_DEFAULT_MTU;
	dev->min_mtu = ETH_MIN_MTU;
	dev->max_mtu = PILOT_MAX_MTU;
	SET_NETDEV_DEVTYPE(dev, &device_type);
}

PILOT_NEWLINK(pilot_newlink, dev, link_net, extack)
{
	struct pilot_device *pd = netdev_priv(dev);
	int err;

	pd->dev = dev;
	pd->link_net = link_net;
	pd->replay_window = PILOT_REPLAY_WINDOW;
	pd->max_peers = PILOT_MAX_CRYPTO_PEERS;
	pilot_store_defaults(pd);
	mutex_init(&pd->lock);
	spin_lock_init(&pd->handler_lock);
	skb_queue_head_init(&pd->deferred_rx.list);
	skb_queue_head_init(&pd->deferred_tx.list);
	INIT_WORK(&pd->deferred_work, deferred_work);
	pilot_ratelimit_init(&pd->limit);
	pilot_bucket_init(&pd->beacon_bucket);
	pilot_demand_init(pd);

	/* a handler may come, and go, as soon as there is a device to be found */
	list_add_tail_rcu(&pd->list, &pilot_devices);
	err = register_netdevice(dev);
	if (err) {
		list_del_rcu(&pd->list);
		synchronize_rcu();	/* the caller frees it at once */
	}
	return err;
}

static void pilot_dellink(struct net_device *dev, struct list_head *head)
{
	struct pilot_device *pd = netdev_priv(dev);

	/* before it is freed the core waits for readers */
	list_del_rcu(&pd->list);
	unregister_netdevice_queue(dev, head);
}

static struct net *get_link_net(const struct net_device *dev)
{
	const struct pilot_device *pd = netdev_priv(dev);

	/* where its sockets are, which "ip -d link" shows */
	return READ_ONCE(pd->link_net) ?: dev_net(dev);
}

static struct rtnl_link_ops link_ops __read_mostly = {
	.kind = PILOT_LINK_KIND,
	.priv_size = sizeof(struct pilot_device),
	.setup = pilot_setup,
	.newlink = pilot_newlink,
	.dellink = pilot_dellink,
	.get_link_net = get_link_net,
};

/**
 * pilot_device_is() - whether a network device is one of ours
 * @dev: device
 */
bool pilot_device_is(const struct net_device *dev)
{
	return dev->netdev_ops == &netdev_ops;
}

/* Ends the registration if it is (@same) or is not one of @net. */
static void release_handler(struct pilot_device *pd, struct net *net, bool same)
{
	bool gone;

	spin_lock_bh(&pd->handler_lock);
	gone = pd->handler_portid && net_eq(pd->handler_net, net) == same;
	if (gone) {
		WRITE_ONCE(pd->handler_portid, 0);
		pd->handler_net = NULL;
		pilot_nl_clear_status(pd);
	}
	spin_unlock_bh(&pd->handler_lock);
	if (gone)
		pilot_event_device(pd, PILOT_EVENT_HANDLER_GONE);
}

/**
 * pilot_devices_release_handler() - a netlink socket closed
 * @net: its namespace
 * @portid: its port
 *
 * Without RTNL: any socket of generic netlink may be the one, and who holds RTNL
 * may take long.
 *
 * Context: process.
 */
void pilot_devices_release_handler(struct net *net, u32 portid)
{
	struct pilot_device *pd;

	rcu_read_lock();
	list_for_each_entry_rcu(pd, &pilot_devices, list)
		if (READ_ONCE(pd->handler_portid) == portid)
			release_handler(pd, net, true);
	rcu_read_unlock();
}

static void drop_all_keys(void)
{
	struct pilot_device *pd;
	struct pilot_peer *peer;
	unsigned long id;

	pilot_store_redraw();
	rtnl_lock();
	list_for_each_entry(pd, &pilot_devices, list) {
		mutex_lock(&pd->lock);
		/* first, so that what is then asked for is made anew */
		pd->cleared++;
		pilot_event_device(pd, PILOT_EVENT_CLEARED);
		xa_for_each(&pd->peers.ids, id, peer) {
			pilot_key_drop_all(peer, PILOT_REASON_CLEARED);
			cond_resched();
		}
		mutex_unlock(&pd->lock);
	}
	rtnl_unlock();
	pilot_store_flush();
}

/* A machine that sleeps, or is restored twice, must not reuse a nonce (S3). */
static int pm_notify(struct notifier_block *nb, unsigned long action, void *data)
{
	switch (action) {
	case PM_HIBERNATION_PREPARE:
	case PM_SUSPEND_PREPARE:
		pilot_store_refuse(true);
		drop_all_keys();
		break;
	case PM_POST_HIBERNATION:	/* one image may be resumed twice */
		drop_all_keys();
		fallthrough;
	case PM_POST_SUSPEND:
		pilot_store_refuse(false);
		break;
	}
	return 0;
}

static struct notifier_block pm_notifier = { .notifier_call = pm_notify };

static int vmfork_notify(struct notifier_block *nb, unsigned long action,
			 void *data)
{
	drop_all_keys();
	return 0;
}

static struct notifier_block vmfork_notifier = { .notifier_call = vmfork_notify };

/*
 * The namespace of a device's sockets goes; the device may live on in
 * another one, unable to send. The namespace is not counted, or sockets and
 * namespace would keep each other alive.
 */
static void __net_exit netns_pre_exit(struct net *net)
{
	struct pilot_device *pd;

	rtnl_lock();
	list_for_each_entry(pd, &pilot_devices, list) {
		if (pd->link_net != net)
			continue;
		netif_carrier_off(pd->dev);
		mutex_lock(&pd->lock);
		WRITE_ONCE(pd->link_net, NULL);
		pilot_socket_close(pd);
		mutex_unlock(&pd->lock);
	}
	rtnl_unlock();
}

static struct pernet_operations pernet_ops = { .pre_exit = netns_pre_exit };

/* A handler speaks to the device from its namespace, so it cannot follow. */
static int netdev_notify(struct notifier_block *nb, unsigned long event,
			 void *ptr)
{
	struct net_device *dev = netdev_notifier_info_to_dev(ptr);

	if (event == NETDEV_REGISTER && pilot_device_is(dev))
		release_handler(netdev_priv(dev), dev_net(dev), false);
	return NOTIFY_DONE;
}

static struct notifier_block netdev_notifier = {
	.notifier_call = netdev_notify,
};

int __init pilot_device_init(void)
{
	int err;

	err = register_pernet_device(&pernet_ops);
	if (err)
		return err;
	err = register_netdevice_notifier(&netdev_notifier);
	if (err)
		goto err_pernet;
	err = register_pm_notifier(&pm_notifier);
	if (err)
		goto err_netdev;
	err = register_random_vmfork_notifier(&vmfork_notifier);
	if (err)
		goto err_pm;
	err = rtnl_link_register(&link_ops);
	if (err)
		goto err_vmfork;
	return 0;

err_vmfork:
	unregister_random_vmfork_notifier(&vmfork_notifier);
err_pm:
	unregister_pm_notifier(&pm_notifier);
err_netdev:
	unregister_netdevice_notifier(&netdev_notifier);
err_pernet:
	unregister_pernet_device(&pernet_ops);
	return err;
}

void pilot_device_exit(void)
{
	rtnl_link_unregister(&link_ops);
	unregister_random_vmfork_notifier(&vmfork_notifier);
	unregister_pm_notifier(&pm_notifier);
	unregister_netdevice_notifier(&netdev_notifier);
	unregister_pernet_device(&pernet_ops);
}
