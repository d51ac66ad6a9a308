// SPDX-License-Identifier: GPL-2.0
/*
 * Receive offload. In order, records are decrypted as they come. A gap inside
 * of a record leaves that one to the stack. A gap over a header loses the
 * framing: we search for something that looks like a header, follow the
 * lengths from there, and ask the stack whether it is one. Its answer brings
 * the record's number; what was counted since is added to it.
 */
#include <net/tcp.h>
#include <net/tls.h>

#include "nicsim.h"

#define PATIENCE	64	/* records followed without an answer */

static void rx_ask(struct nicsim_port *port, struct nicsim_flow *flow, u32 seq)
{
	flow->candidate = seq;
	if (flow->core_hint)
		return;
	nicsim_count(port, NICSIM_RX_RESYNC_REQ);
	/* The stack knows headers by the number of their last byte. */
	tls_offload_rx_resync_request(flow->sk, htonl(seq + NICSIM_HDR - 1));
}

static void rx_lost(struct nicsim_port *port, struct nicsim_flow *flow)
{
	nicsim_count(port, NICSIM_RX_LOST);
	flow->state = NICSIM_RX_SEARCHING;
	flow->patience = PATIENCE;
}

static bool rx_track(struct nicsim_flow *flow, u8 *bytes, u32 len)
{
	bool whole;

	return !nicsim_stream_run(&flow->gcm, &flow->pos, bytes, len,
				  NICSIM_TRACK, &whole);
}

/* Until the answer, numbers of records count from the candidate. */
static void rx_search(struct nicsim_port *port, struct nicsim_flow *flow,
		      u8 *bytes, u32 len, u32 seq)
{
	u32 i;

	for (i = 0; i + NICSIM_HDR <= len; i++) {
		if (bytes[i] != NICSIM_TYPE_DATA ||
		    !nicsim_header_valid(bytes + i))
			continue;
		nicsim_stream_restart(&flow->pos, seq + i, 0);
		if (rx_track(flow, bytes + i, len - i)) {
			flow->state = NICSIM_RX_TRACKING;
			rx_ask(port, flow, seq + i);
			return;
		}
	}
	flow->pos.seq = seq + len;
}

/* No answer for long: what was found may be none, and the search goes on. */
static void rx_follow(struct nicsim_port *port, struct nicsim_flow *flow,
		      u8 *bytes, u32 len)
{
	if (!rx_track(flow, bytes, len)) {
		rx_lost(port, flow);
	} else if (!flow->core_hint && flow->pos.sn > flow->patience) {
		flow->patience *= 2;
		flow->state = NICSIM_RX_SEARCHING;
	}
}

/* Whether all of it is plaintext now. */
static bool rx_run(struct nicsim_port *port, struct nicsim_flow *flow,
		   u8 *bytes, u32 len)
{
	bool whole;

	switch (flow->state) {
	case NICSIM_RX_SYNCED:
		if (!nicsim_stream_run(&flow->gcm, &flow->pos, bytes, len,
				       NICSIM_DECRYPT, &whole))
			return whole;
		rx_lost(port, flow);
		return false;
	case NICSIM_RX_TRACKING:
		rx_follow(port, flow, bytes, len);
		return false;
	case NICSIM_RX_SEARCHING:
		rx_search(port, flow, bytes, len, flow->pos.seq);
		return false;
	}
	return false;
}

/* A retransmission: only what is new in it matters, and it goes up as it is. */
static void rx_behind(struct nicsim_port *port, struct nicsim_flow *flow,
		      u8 *bytes, u32 len, u32 seq)
{
	u32 old = flow->pos.seq - seq;

	if (after(seq + len, flow->pos.seq))
		rx_run(port, flow, bytes + old, len - old);
}

static void rx_ahead(struct nicsim_port *port, struct nicsim_flow *flow,
		     u32 seq)
{
	if (flow->state == NICSIM_RX_SEARCHING)
		flow->pos.seq = seq;
	else if (nicsim_stream_skip(&flow->pos, seq - flow->pos.seq))
		nicsim_count(port, NICSIM_RX_SKIPPED);
	else
		rx_lost(port, flow);
	flow->pos.seq = seq;
}

static bool rx_bytes(struct nicsim_port *port, struct nicsim_flow *flow,
		     u8 *bytes, u32 len, u32 seq)
{
	if (seq != flow->pos.seq)
		nicsim_count(port, NICSIM_RX_OOO);
	if (before(seq, flow->pos.seq)) {
		rx_behind(port, flow, bytes, len, seq);
		return false;
	}
	if (after(seq, flow->pos.seq))
		rx_ahead(port, flow, seq);
	return rx_run(port, flow, bytes, len);
}

static bool rx_pages(struct nicsim_port *port, struct nicsim_flow *flow,
		     struct sk_buff *skb, u32 seq)
{
	struct skb_shared_info *info = skb_shinfo(skb);
	bool whole = true;
	int i;

	spin_lock(&flow->lock);
	for (i = 0; i < info->nr_frags && !flow->dead; i++) {
		u32 len = skb_frag_size(&info->frags[i]);

		whole &= rx_bytes(port, flow, skb_frag_address(&info->frags[i]),
				  len, seq);
		seq += len;
	}
	whole &= !flow->dead;
	nicsim_add(port, NICSIM_RX_ERR, flow->pos.bad_records);
	flow->pos.bad_records = 0;
	spin_unlock(&flow->lock);
	return whole;
}

static struct sk_buff *rx_decrypted(struct nicsim_port *port,
				    struct sk_buff *skb, int len)
{
	nicsim_count(port, NICSIM_RX_DECRYPTED_PACKETS);
	nicsim_add(port, NICSIM_RX_DECRYPTED_BYTES, len);
	skb->decrypted = 1;
	skb->ip_summed = CHECKSUM_UNNECESSARY;
	return skb;
}

/* A packet of a flow: the copy, decrypted, or the original if not all of it
 * could be. A record of which the stack gets some packets in the clear is
 * encrypted again by it: so is one with a bad tag, and fails properly.
 */
static struct sk_buff *rx_flow(struct nicsim_port *port,
			       struct nicsim_flow *flow, struct sk_buff *skb,
			       const struct nicsim_packet *packet)
{
	struct sk_buff *copy = nicsim_copy(skb, packet->off);

	/* Without memory it is a gap for the engine, and no more. */
	if (!copy) {
		nicsim_count(port, NICSIM_NO_MEMORY);
		return skb;
	}
	if (!rx_pages(port, flow, copy, packet->seq)) {
		nicsim_count(port, NICSIM_RX_PASSED_PACKETS);
		kfree_skb(copy);
		return skb;
	}
	consume_skb(skb);
	return rx_decrypted(port, copy, packet->len);
}

/**
 * nicsim_rx() - decrypts a packet if it is an offloaded connection's
 * @port: that receives it
 * @skb: its data begins with the network header; consumed, unless returned
 *
 * Return: what goes up to the stack.
 */
struct sk_buff *nicsim_rx(struct nicsim_port *port, struct sk_buff *skb)
{
	struct nicsim_packet packet;
	struct nicsim_flow *flow;

	if (!atomic_read(&port->contexts[TLS_OFFLOAD_CTX_DIR_RX]) ||
	    !nicsim_packet_parse(skb, 0, &packet) ||
	    packet.off + packet.len != (int)skb->len)
		return skb;
	rcu_read_lock();
	flow = nicsim_flow_find(port, &packet.key);
	if (flow)
		skb = rx_flow(port, flow, skb, &packet);
	rcu_read_unlock();
	return skb;
}

/* Unasked, with the start of the next record: good where nothing of it came. */
static bool rx_take_hint(struct nicsim_flow *flow, u32 seq, u64 sn)
{
	if (flow->state == NICSIM_RX_SYNCED || before(seq, flow->pos.seq))
		return false;
	nicsim_stream_restart(&flow->pos, seq, sn);
	return true;
}

static bool rx_take_answer(struct nicsim_flow *flow, u32 seq, u64 sn)
{
	if (flow->state != NICSIM_RX_TRACKING ||
	    seq != flow->candidate + NICSIM_HDR - 1)
		return false;
	flow->pos.sn += sn;
	flow->pos.broken = flow->pos.off > 0;
	return true;
}

/**
 * nicsim_rx_answer() - the stack says where a record is
 * @port: of the flow
 * @flow: with its lock held
 * @seq: TCP sequence number
 * @sn: number of the record
 */
void nicsim_rx_answer(struct nicsim_port *port, struct nicsim_flow *flow,
		      u32 seq, u64 sn)
{
	bool taken = flow->core_hint ? rx_take_hint(flow, seq, sn) :
				       rx_take_answer(flow, seq, sn);

	if (taken)
		flow->state = NICSIM_RX_SYNCED;
	nicsim_count(port, taken ? NICSIM_RX_RESYNC_OK : NICSIM_RX_RESYNC_SKIP);
}
