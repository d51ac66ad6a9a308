// SPDX-License-Identifier: GPL-2.0
/* The module, and its devices: nic0a and nic0b, nic1a and nic1b, ... */
#include <linux/etherdevice.h>
#include <linux/ethtool.h>
#include <linux/module.h>
#include <linux/rtnetlink.h>
#include <linux/slab.h>

#include "nicsim.h"

#define PAIRS_MAX	64
#define OFFLOADS	(NETIF_F_SG | NETIF_F_HW_CSUM | NETIF_F_RXCSUM | \
			 NETIF_F_TSO | NETIF_F_TSO6 | NETIF_F_HIGHDMA)

static unsigned int pairs = 1;
module_param(pairs, uint, 0444);
MODULE_PARM_DESC(pairs, "Number of pairs of devices");

bool nicsim_tx_helper;
module_param_named(tx_helper, nicsim_tx_helper, bool, 0644);
MODULE_PARM_DESC(tx_helper, "Have tls_encrypt_skb() encrypt all there is to send");

bool nicsim_rx_core_hint;
module_param_named(rx_core_hint, nicsim_rx_core_hint, bool, 0644);
MODULE_PARM_DESC(rx_core_hint, "Have the stack say where records are, in place of asking it");

unsigned int nicsim_max_ctx = 1024;
module_param_named(max_ctx, nicsim_max_ctx, uint, 0644);
MODULE_PARM_DESC(max_ctx, "Contexts of a device and direction; 0 refuses all");

unsigned int nicsim_refuse;
module_param_named(refuse, nicsim_refuse, uint, 0644);
MODULE_PARM_DESC(refuse, "Directions without contexts: 1 transmit, 2 receive");

unsigned int nicsim_ciphers = NICSIM_AES_128 | NICSIM_AES_256;
module_param_named(ciphers, nicsim_ciphers, uint, 0644);
MODULE_PARM_DESC(ciphers, "Ciphers of a device: 1 AES-128-GCM, 2 AES-256-GCM");

static unsigned int features = NICSIM_TX | NICSIM_RX;
module_param(features, uint, 0444);
MODULE_PARM_DESC(features, "TLS features of a device: 1 transmit, 2 receive");

static struct net_device **devices;

static int nicsim_open(struct net_device *dev)
{
	struct nicsim_port *port = netdev_priv(dev);

	napi_enable(&port->napi);
	netif_start_queue(dev);
	if (port->peer->flags & IFF_UP) {
		netif_carrier_on(dev);
		netif_carrier_on(port->peer);
	}
	return 0;
}

static int nicsim_stop(struct net_device *dev)
{
	struct nicsim_port *port = netdev_priv(dev);

	netif_stop_queue(dev);
	netif_carrier_off(dev);
	netif_carrier_off(port->peer);
	napi_disable(&port->napi);
	skb_queue_purge(&port->queue);
	if (netif_running(port->peer))
		netif_wake_queue(port->peer);
	return 0;
}

static int nicsim_get_iflink(const struct net_device *dev)
{
	const struct nicsim_port *port = netdev_priv(dev);

	return port->peer->ifindex;
}

/* Counters of our own: how the core allocates its own changed in 6.10. */
static void nicsim_get_stats64(struct net_device *dev,
			       struct rtnl_link_stats64 *out)
{
	struct nicsim_port *port = netdev_priv(dev);
	const atomic64_t *traffic = port->traffic;

	out->tx_packets = atomic64_read(&traffic[NICSIM_TX_PACKETS]);
	out->tx_bytes = atomic64_read(&traffic[NICSIM_TX_BYTES]);
	out->tx_dropped = atomic64_read(&traffic[NICSIM_TX_DROPPED]);
	out->rx_packets = atomic64_read(&traffic[NICSIM_RX_PACKETS]);
	out->rx_bytes = atomic64_read(&traffic[NICSIM_RX_BYTES]);
}

static const struct net_device_ops nicsim_netdev_ops = {
	.ndo_open = nicsim_open,
	.ndo_stop = nicsim_stop,
	.ndo_start_xmit = nicsim_xmit,
	.ndo_get_stats64 = nicsim_get_stats64,
	.ndo_set_mac_address = eth_mac_addr,
	.ndo_validate_addr = eth_validate_addr,
	.ndo_get_iflink = nicsim_get_iflink,
};

static void port_init(struct net_device *dev)
{
	struct nicsim_port *port = netdev_priv(dev);

	port->dev = dev;
	spin_lock_init(&port->lock);
	hash_init(port->flows);
	skb_queue_head_init(&port->queue);
	netif_napi_add(dev, &port->napi, nicsim_poll);
}

static netdev_features_t offloads_tls(void)
{
	return (features & NICSIM_TX ? NETIF_F_HW_TLS_TX : 0) |
	       (features & NICSIM_RX ? NETIF_F_HW_TLS_RX : 0);
}

/* TLS offload is off until asked for, as with real drivers. */
static void nicsim_setup(struct net_device *dev)
{
	ether_setup(dev);
	dev->netdev_ops = &nicsim_netdev_ops;
	dev->ethtool_ops = &nicsim_ethtool_ops;
	dev->tlsdev_ops = &nicsim_tlsdev_ops;
	dev->priv_flags |= IFF_LIVE_ADDR_CHANGE;
	dev->hw_features = OFFLOADS | offloads_tls();
	dev->features = OFFLOADS;
	dev->vlan_features = OFFLOADS;
	dev->max_mtu = ETH_MAX_MTU;
	port_init(dev);
	eth_hw_addr_random(dev);
	netif_carrier_off(dev);
}

static void device_free(struct net_device *dev)
{
	struct nicsim_port *port = netdev_priv(dev);

	kfree_skb(port->held);
	skb_queue_purge(&port->queue);
	free_netdev(dev);
}

static void devices_free(void)
{
	unsigned int i;

	rtnl_lock();
	for (i = 0; i < 2 * pairs; i++)
		if (devices[i] && devices[i]->reg_state == NETREG_REGISTERED)
			unregister_netdevice(devices[i]);
	rtnl_unlock();
	for (i = 0; i < 2 * pairs; i++)
		if (devices[i])
			device_free(devices[i]);
	kfree(devices);
}

static int devices_new(void)
{
	struct nicsim_port *port;
	char name[IFNAMSIZ];
	unsigned int i;

	for (i = 0; i < 2 * pairs; i++) {
		snprintf(name, sizeof(name), "nic%u%c", i / 2, 'a' + i % 2);
		devices[i] = alloc_netdev(sizeof(*port), name, NET_NAME_ENUM,
					  nicsim_setup);
		if (!devices[i])
			return -ENOMEM;
	}
	for (i = 0; i < 2 * pairs; i++) {
		port = netdev_priv(devices[i]);
		port->index = i;
		port->peer = devices[i ^ 1];
	}
	return 0;
}

static int devices_register(void)
{
	unsigned int i;
	int err;

	for (i = 0; i < 2 * pairs; i++) {
		err = register_netdev(devices[i]);
		if (err)
			return err;
	}
	return 0;
}

static int __init nicsim_init(void)
{
	int err;

	if (!pairs || pairs > PAIRS_MAX)
		return -EINVAL;
	nicsim_gcm_init();
	devices = kcalloc(2 * pairs, sizeof(*devices), GFP_KERNEL);
	if (!devices)
		return -ENOMEM;
	err = devices_new();
	if (!err)
		err = devices_register();
	if (err)
		devices_free();
	return err;
}

/* Contexts are freed by call_rcu(): none may be left behind the code. */
static void __exit nicsim_exit(void)
{
	devices_free();
	rcu_barrier();
}

module_init(nicsim_init);
module_exit(nicsim_exit);
MODULE_LICENSE("GPL");
MODULE_DESCRIPTION("Pairs of Ethernet devices with emulated TLS offload");
