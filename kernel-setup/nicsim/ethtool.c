// SPDX-License-Identifier: GPL-2.0
/* ethtool, ethtool -i, -S. Names are those of real drivers where they count the same. */
#include <linux/ethtool.h>

#include "nicsim.h"

static const char names[NICSIM_COUNTERS][ETH_GSTRING_LEN] = {
	[NICSIM_TX_ENCRYPTED_PACKETS] = "tx_tls_encrypted_packets",
	[NICSIM_TX_ENCRYPTED_BYTES] = "tx_tls_encrypted_bytes",
	[NICSIM_TX_CTX] = "tx_tls_ctx",
	[NICSIM_TX_DEL] = "tx_tls_del",
	[NICSIM_TX_REFUSED] = "tx_tls_ctx_refused",
	[NICSIM_TX_OOO] = "tx_tls_ooo",
	[NICSIM_TX_FALLBACK_PACKETS] = "tx_tls_fallback_packets",
	[NICSIM_TX_RESYNC_REQ] = "tx_tls_resync_req",
	[NICSIM_TX_RESYNC_RES] = "tx_tls_resync_res",
	[NICSIM_TX_DROP_NO_SYNC_DATA] = "tx_tls_drop_no_sync_data",
	[NICSIM_RX_DECRYPTED_PACKETS] = "rx_tls_decrypted_packets",
	[NICSIM_RX_DECRYPTED_BYTES] = "rx_tls_decrypted_bytes",
	[NICSIM_RX_CTX] = "rx_tls_ctx",
	[NICSIM_RX_DEL] = "rx_tls_del",
	[NICSIM_RX_REFUSED] = "rx_tls_ctx_refused",
	[NICSIM_RX_OOO] = "rx_tls_ooo",
	[NICSIM_RX_SKIPPED] = "rx_tls_skip_in_record",
	[NICSIM_RX_LOST] = "rx_tls_sync_lost",
	[NICSIM_RX_PASSED_PACKETS] = "rx_tls_passed_encrypted",
	[NICSIM_RX_ERR] = "rx_tls_err",
	[NICSIM_RX_RESYNC_REQ] = "rx_tls_resync_req_start",
	[NICSIM_RX_RESYNC_OK] = "rx_tls_resync_res_ok",
	[NICSIM_RX_RESYNC_SKIP] = "rx_tls_resync_res_skip",
	[NICSIM_FAULT_DROP_LOCAL] = "fault_drop_local",
	[NICSIM_FAULT_DROP_WIRE] = "fault_drop_wire",
	[NICSIM_FAULT_CORRUPT] = "fault_corrupt",
	[NICSIM_FAULT_REORDER] = "fault_reorder",
	[NICSIM_NO_MEMORY] = "alloc_failures",
};

static void nicsim_get_drvinfo(struct net_device *dev,
			       struct ethtool_drvinfo *info)
{
	strscpy(info->driver, "nicsim", sizeof(info->driver));
	strscpy(info->fw_version, "emulated", sizeof(info->fw_version));
}

/* There is no limit; but LACP (802.3ad) asks what each of a bond's devices has. */
static int nicsim_get_link_ksettings(struct net_device *dev,
				     struct ethtool_link_ksettings *settings)
{
	settings->base.speed = SPEED_10000;
	settings->base.duplex = DUPLEX_FULL;
	settings->base.port = PORT_TP;
	settings->base.autoneg = AUTONEG_DISABLE;
	return 0;
}

static int nicsim_get_sset_count(struct net_device *dev, int sset)
{
	return sset == ETH_SS_STATS ? NICSIM_COUNTERS : -EOPNOTSUPP;
}

static void nicsim_get_strings(struct net_device *dev, u32 sset, u8 *out)
{
	if (sset == ETH_SS_STATS)
		memcpy(out, names, sizeof(names));
}

static void nicsim_get_stats(struct net_device *dev,
			     struct ethtool_stats *stats, u64 *out)
{
	struct nicsim_port *port = netdev_priv(dev);
	int i;

	for (i = 0; i < NICSIM_COUNTERS; i++)
		out[i] = atomic64_read(&port->counters[i]);
}

const struct ethtool_ops nicsim_ethtool_ops = {
	.get_drvinfo = nicsim_get_drvinfo,
	.get_link = ethtool_op_get_link,
	.get_link_ksettings = nicsim_get_link_ksettings,
	.get_sset_count = nicsim_get_sset_count,
	.get_strings = nicsim_get_strings,
	.get_ethtool_stats = nicsim_get_stats,
};
