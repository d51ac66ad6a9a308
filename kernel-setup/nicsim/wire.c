// SPDX-License-Identifier: GPL-2.0
/*
 * From one end of a pair to the other: one queue each way, so that packets
 * arrive in the order in which they were sent, whichever CPU sent them, and
 * nothing is lost or overtaken that was not asked for.
 */
#include <linux/etherdevice.h>
#include <linux/moduleparam.h>
#include <net/tls.h>

#include "nicsim.h"

#define QUEUE_STOP	512	/* packets on the wire */
#define QUEUE_WAKE	256
#define HEADERS_MAX	128	/* bytes of them, in packets that have no TCP payload */

static unsigned int drop_local;
module_param(drop_local, uint, 0644);
MODULE_PARM_DESC(drop_local, "Drop every Nth packet of data before the engine sees it");

static unsigned int drop_wire;
module_param(drop_wire, uint, 0644);
MODULE_PARM_DESC(drop_wire, "Drop every Nth packet of data on the wire");

static unsigned int corrupt;
module_param(corrupt, uint, 0644);
MODULE_PARM_DESC(corrupt, "Flip a bit in every Nth packet of data on the wire");

static unsigned int reorder;
module_param(reorder, uint, 0644);
MODULE_PARM_DESC(reorder, "Have every Nth packet of data overtaken by the next");

static unsigned int fault_ports = ~0U;
module_param(fault_ports, uint, 0644);
MODULE_PARM_DESC(fault_ports, "Senders with faults, a bit each: nic0a, nic0b, nic1a, ...");

static const struct {
	const unsigned int *every;
	enum nicsim_counter counter;
} faults[NICSIM_FAULTS] = {
	[NICSIM_DROP_LOCAL] = { &drop_local, NICSIM_FAULT_DROP_LOCAL },
	[NICSIM_DROP_WIRE] = { &drop_wire, NICSIM_FAULT_DROP_WIRE },
	[NICSIM_CORRUPT] = { &corrupt, NICSIM_FAULT_CORRUPT },
	[NICSIM_REORDER] = { &reorder, NICSIM_FAULT_REORDER },
};

/* Whether this packet is the one. */
static bool fault(struct nicsim_port *port, enum nicsim_fault f)
{
	unsigned int every = READ_ONCE(*faults[f].every);

	if (!every || !(READ_ONCE(fault_ports) & 1U << (port->index & 31)))
		return false;
	if ((unsigned int)atomic_inc_return(&port->packets[f]) % every)
		return false;
	nicsim_count(port, faults[f].counter);
	return true;
}

static void traffic(struct nicsim_port *port, enum nicsim_traffic t, s64 n)
{
	atomic64_add(n, &port->traffic[t]);
}

static void drop(struct nicsim_port *port, struct sk_buff *skb)
{
	traffic(port, NICSIM_TX_DROPPED, 1);
	kfree_skb(skb);
}

/* The sender's queue stops when the wire is full; nicsim_poll() wakes it. */
static void throttle(struct nicsim_port *port, struct nicsim_port *peer)
{
	if (skb_queue_len_lockless(&peer->queue) < QUEUE_STOP)
		return;
	netif_stop_queue(port->dev);
	/* Pairs with the barrier in nicsim_poll(): one of the two sees it. */
	smp_mb();
	if (skb_queue_len_lockless(&peer->queue) < QUEUE_WAKE)
		netif_wake_queue(port->dev);
}

static int header_len(const struct sk_buff *skb,
		      const struct nicsim_packet *packet)
{
	if (packet->len > 0)
		return packet->off;
	if (skb_is_gso(skb))
		return skb_tcp_all_headers(skb);
	return min_t(int, skb->len, HEADERS_MAX);
}

/*
 * What comes out of a wire shares no memory with what went in, and its payload
 * is in pages. Of clones, which the sender's write queue and taps have, GRO
 * would change what they share. And a GSO packet with linear payload, which
 * software fallback makes, is none that can be received: GRO may chain it, and
 * skb_segment() then runs into a BUG_ON(). NULL without memory: it is lost.
 */
static struct sk_buff *own(struct nicsim_port *port, struct sk_buff *skb,
			   int header_len)
{
	struct sk_buff *copy;

	if (!skb_cloned(skb) &&
	    (!skb_is_gso(skb) || skb_headlen(skb) <= header_len))
		return skb;
	copy = nicsim_copy(skb, header_len);
	if (copy) {
		consume_skb(skb);
		return copy;
	}
	nicsim_count(port, NICSIM_NO_MEMORY);
	drop(port, skb);
	return NULL;
}

static void deliver(struct nicsim_port *port, struct sk_buff *skb)
{
	struct nicsim_port *peer = netdev_priv(port->peer);
	unsigned int len = skb->len;

	/* Bytes on a wire have no such mark. */
	skb->decrypted = 0;
	if (__dev_forward_skb(port->peer, skb)) {
		traffic(port, NICSIM_TX_DROPPED, 1);
		return;
	}
	traffic(port, NICSIM_TX_PACKETS, 1);
	traffic(port, NICSIM_TX_BYTES, len);
	skb_queue_tail(&peer->queue, skb);
	throttle(port, peer);
	napi_schedule(&peer->napi);
}

/* The payload of the original is not ours to change. */
static struct sk_buff *corrupted(struct nicsim_port *port, struct sk_buff *skb,
				 const struct nicsim_packet *packet)
{
	struct sk_buff *copy = nicsim_copy(skb, packet->off);
	u8 *page;

	if (!copy) {
		nicsim_count(port, NICSIM_NO_MEMORY);
		return skb;
	}
	page = skb_frag_address(&skb_shinfo(copy)->frags[0]);
	page[skb_frag_size(&skb_shinfo(copy)->frags[0]) * 2 / 3] ^= 4;
	consume_skb(skb);
	return copy;
}

/* Held until the next one has passed; there is one transmit queue. */
static bool hold(struct nicsim_port *port, struct sk_buff *skb)
{
	if (port->held || !fault(port, NICSIM_REORDER))
		return false;
	skb_orphan(skb);
	port->held = skb;
	return true;
}

/* NULL where the packet has got no further. */
static struct sk_buff *send_data(struct nicsim_port *port, struct sk_buff *skb,
				 const struct nicsim_packet *packet)
{
	if (fault(port, NICSIM_DROP_WIRE)) {
		drop(port, skb);
		return NULL;
	}
	if (fault(port, NICSIM_CORRUPT))
		skb = corrupted(port, skb, packet);
	return hold(port, skb) ? NULL : skb;
}

static bool has_tls(const struct sk_buff *skb)
{
	const struct sock *sk = skb->sk;

	if (!sk || !sk_fullsock(sk))
		return false;
	/* Pairs with the release in tls_set_device_offload(). */
	return smp_load_acquire(&sk->sk_validate_xmit_skb) ==
	       tls_validate_xmit_skb;
}

static struct sk_buff *encrypt_data(struct nicsim_port *port,
				    struct sk_buff *skb,
				    const struct nicsim_packet *packet)
{
	if (fault(port, NICSIM_DROP_LOCAL)) {
		drop(port, skb);
		return NULL;
	}
	if (!has_tls(skb))
		return skb;
	skb = nicsim_tx(port, skb, packet);
	if (skb)
		skb_mark_not_on_list(skb);
	else
		traffic(port, NICSIM_TX_DROPPED, 1);
	return skb;
}

static void release_held(struct nicsim_port *port)
{
	struct sk_buff *skb = port->held;

	port->held = NULL;
	if (skb)
		deliver(port, skb);
}

netdev_tx_t nicsim_xmit(struct sk_buff *skb, struct net_device *dev)
{
	struct nicsim_port *port = netdev_priv(dev);
	struct nicsim_packet packet;
	bool data = nicsim_packet_parse(skb, skb_network_offset(skb), &packet);

	skb_tx_timestamp(skb);
	if (data)
		skb = encrypt_data(port, skb, &packet);
	if (skb)
		skb = own(port, skb, header_len(skb, &packet));
	if (skb && data)
		skb = send_data(port, skb, &packet);
	if (!skb)
		return NETDEV_TX_OK;
	deliver(port, skb);
	release_held(port);
	return NETDEV_TX_OK;
}

int nicsim_poll(struct napi_struct *napi, int budget)
{
	struct nicsim_port *port = container_of(napi, struct nicsim_port, napi);
	struct sk_buff *skb;
	int done = 0;

	while (done < budget && (skb = skb_dequeue(&port->queue))) {
		traffic(port, NICSIM_RX_PACKETS, 1);
		traffic(port, NICSIM_RX_BYTES, skb->len);
		napi_gro_receive(napi, nicsim_rx(port, skb));
		done++;
	}
	/* Pairs with the barrier in throttle(). */
	smp_mb();
	if (netif_queue_stopped(port->peer) &&
	    skb_queue_len_lockless(&port->queue) < QUEUE_WAKE)
		netif_wake_queue(port->peer);
	if (done < budget && napi_complete_done(napi, done) &&
	    !skb_queue_empty_lockless(&port->queue))
		napi_schedule(napi);
	return done;
}
