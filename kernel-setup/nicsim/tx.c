// SPDX-License-Identifier: GPL-2.0
/*
 * Transmit offload. Packets that come in order are encrypted here. What lies
 * behind is a retransmission, which the stack can encrypt again; what lies
 * ahead tells of a packet that was dropped on its way to us: then the stack is
 * asked where its next record begins, and encrypts until we know.
 */
#include <net/tls.h>

#include "nicsim.h"

static struct sk_buff *fall_back(struct nicsim_port *port, struct sk_buff *skb)
{
	skb = tls_encrypt_skb(skb);
	nicsim_count(port, skb ? NICSIM_TX_FALLBACK_PACKETS :
				 NICSIM_TX_DROP_NO_SYNC_DATA);
	return skb;
}

static int encrypt_pages(struct nicsim_flow *flow, struct sk_buff *skb)
{
	struct skb_shared_info *info = skb_shinfo(skb);
	bool whole;
	int i, err;

	for (i = 0; i < info->nr_frags; i++) {
		err = nicsim_stream_run(&flow->gcm, &flow->pos,
					skb_frag_address(&info->frags[i]),
					skb_frag_size(&info->frags[i]),
					NICSIM_ENCRYPT, &whole);
		if (err || !whole)
			return err ?: -EBADMSG;
	}
	return 0;
}

/* NULL: not done, and the flow is where it was. The flow's lock is held. */
static struct sk_buff *encrypt(struct nicsim_port *port,
			       struct nicsim_flow *flow, struct sk_buff *skb,
			       int header_len)
{
	struct nicsim_stream before = flow->pos;
	struct sk_buff *copy = nicsim_copy(skb, header_len);

	if (!copy) {
		nicsim_count(port, NICSIM_NO_MEMORY);
		return NULL;
	}
	if (WARN_ON_ONCE(encrypt_pages(flow, copy))) {
		flow->pos = before;
		kfree_skb(copy);
		return NULL;
	}
	return copy;
}

/*
 * Whether there is a resync under way is the stack's to say: a flag of our own
 * would be out of step between our tls_dev_resync() and its clearing the bit.
 */
static bool in_order(struct nicsim_port *port, struct nicsim_flow *flow,
		     u32 seq)
{
	bool pending = tls_offload_tx_resync_pending(flow->sk);

	if (!pending && seq == flow->pos.seq)
		return true;
	nicsim_count(port, NICSIM_TX_OOO);
	if (!pending && after(seq, flow->pos.seq)) {
		nicsim_count(port, NICSIM_TX_RESYNC_REQ);
		tls_offload_tx_resync_request(flow->sk, seq, flow->pos.seq);
	}
	return false;
}

/**
 * nicsim_tx() - makes ciphertext of a packet of an offloaded connection
 * @port: that sends it
 * @skb: with payload and a socket with TLS; consumed, unless returned
 * @packet: what it carries
 *
 * Return: what goes to the wire, or NULL where it was dropped.
 */
struct sk_buff *nicsim_tx(struct nicsim_port *port, struct sk_buff *skb,
			  const struct nicsim_packet *packet)
{
	struct tls_context *ctx = tls_get_ctx(skb->sk);
	struct sk_buff *copy = NULL;
	struct nicsim_flow *flow;

	/* Another device's: the stack has encrypted it. */
	if (rcu_dereference_bh(ctx->netdev) != port->dev)
		return skb;
	if (READ_ONCE(nicsim_tx_helper))
		return fall_back(port, skb);
	flow = nicsim_flow_of(ctx, TLS_OFFLOAD_CTX_DIR_TX);
	spin_lock(&flow->lock);
	if (in_order(port, flow, packet->seq))
		copy = encrypt(port, flow, skb, packet->off);
	spin_unlock(&flow->lock);
	if (!copy)
		return fall_back(port, skb);
	nicsim_count(port, NICSIM_TX_ENCRYPTED_PACKETS);
	nicsim_add(port, NICSIM_TX_ENCRYPTED_BYTES, packet->len);
	consume_skb(skb);
	return copy;
}
