// SPDX-License-Identifier: GPL-2.0
/* Headers of a packet, and copies whose payload may be changed. */
#include <linux/ip.h>
#include <linux/ipv6.h>
#include <linux/tcp.h>
#include <net/ip.h>
#include <net/ipv6.h>
#include <net/tcp.h>

#include "nicsim.h"

/* These two return the offset of the TCP header, and the packet's end. */

static int parse_ipv4(const struct sk_buff *skb, int off,
		      struct nicsim_packet *out, int *end)
{
	const struct iphdr *ip;
	struct iphdr copy;

	ip = skb_header_pointer(skb, off, sizeof(copy), &copy);
	if (!ip || ip->protocol != IPPROTO_TCP || ip_is_fragment(ip))
		return -EPROTO;
	ipv6_addr_set_v4mapped(ip->daddr, &out->key.local);
	ipv6_addr_set_v4mapped(ip->saddr, &out->key.remote);
	*end = off + ntohs(ip->tot_len);
	return off + ip->ihl * 4;
}

static int parse_ipv6(const struct sk_buff *skb, int off,
		      struct nicsim_packet *out, int *end)
{
	const struct ipv6hdr *ip;
	struct ipv6hdr copy;

	ip = skb_header_pointer(skb, off, sizeof(copy), &copy);
	if (!ip || ip->nexthdr != IPPROTO_TCP)
		return -EPROTO;
	out->key.local = ip->daddr;
	out->key.remote = ip->saddr;
	off += sizeof(copy);
	*end = off + ntohs(ip->payload_len);
	return off;
}

static int parse_ip(const struct sk_buff *skb, int off,
		    struct nicsim_packet *out, int *end)
{
	switch (skb->protocol) {
	case htons(ETH_P_IP):
		return parse_ipv4(skb, off, out, end);
	case htons(ETH_P_IPV6):
		return parse_ipv6(skb, off, out, end);
	default:
		return -EPROTO;
	}
}

/**
 * nicsim_packet_parse() - looks for TCP payload
 * @skb: of either direction
 * @off: where its network header is
 * @out: what it carries; written to in any case
 *
 * Return: whether there is any.
 */
bool nicsim_packet_parse(const struct sk_buff *skb, int off,
			 struct nicsim_packet *out)
{
	const struct tcphdr *tcp;
	struct tcphdr copy;
	int at, end;

	memset(out, 0, sizeof(*out));
	at = parse_ip(skb, off, out, &end);
	if (at < 0)
		return false;
	tcp = skb_header_pointer(skb, at, sizeof(copy), &copy);
	if (!tcp)
		return false;
	/* The lengths in the headers of a GSO packet mean nothing. */
	if (skb_is_gso(skb) || end > (int)skb->len)
		end = skb->len;
	out->key.local_port = tcp->dest;
	out->key.remote_port = tcp->source;
	out->seq = ntohl(tcp->seq) + tcp->syn;
	out->off = at + tcp->doff * 4;
	out->len = end - out->off;
	return out->len > 0;
}

void nicsim_flow_key_of(const struct sock *sk, struct nicsim_flow_key *out)
{
	memset(out, 0, sizeof(*out));
	out->local_port = inet_sk(sk)->inet_sport;
	out->remote_port = inet_sk(sk)->inet_dport;
#if IS_ENABLED(CONFIG_IPV6)
	if (sk->sk_family == AF_INET6 &&
	    !ipv6_addr_v4mapped(&sk->sk_v6_daddr)) {
		out->local = sk->sk_v6_rcv_saddr;
		out->remote = sk->sk_v6_daddr;
		return;
	}
#endif
	ipv6_addr_set_v4mapped(sk->sk_rcv_saddr, &out->local);
	ipv6_addr_set_v4mapped(sk->sk_daddr, &out->remote);
}

static bool copy_payload(struct sk_buff *to, struct sk_buff *from, int off)
{
	struct page *page;
	int i, n;

	for (i = 0; off < (int)from->len; i++, off += n) {
		n = min_t(int, from->len - off, PAGE_SIZE);
		if (i == MAX_SKB_FRAGS)
			return false;
		page = alloc_page(GFP_ATOMIC | __GFP_NOWARN);
		if (!page)
			return false;
		skb_add_rx_frag(to, i, page, 0, n, PAGE_SIZE);
		if (skb_copy_bits(from, off, page_address(page), n))
			return false;
	}
	return true;
}

/**
 * nicsim_copy() - a copy whose payload may be changed
 * @skb: stays as it is: its pages belong to the sender's write queue or to the
 *       page cache
 * @header_len: bytes of headers, which are linear in the copy; the payload is
 *              in pages of its own
 *
 * This is not skb_copy(), whose result is linear: see wire.c.
 *
 * Return: the copy, or NULL without memory.
 */
struct sk_buff *nicsim_copy(struct sk_buff *skb, int header_len)
{
	int room = skb_headroom(skb);
	struct sk_buff *copy = alloc_skb(room + header_len, GFP_ATOMIC);

	if (!copy)
		return NULL;
	skb_reserve(copy, room);
	skb_put(copy, header_len);
	if (skb_copy_bits(skb, 0, copy->data, header_len)) {
		kfree_skb(copy);
		return NULL;
	}
	skb_copy_header(copy, skb);
	if (!copy_payload(copy, skb, header_len)) {
		kfree_skb(copy);
		return NULL;
	}
	return copy;
}
