/* SPDX-License-Identifier: GPL-2.0 */
/*
 * nicsim: pairs of Ethernet devices that emulate NICs with TLS offload.
 *
 * What is sent on one end of a pair is received on the other, as with veth.
 * Each end is a NIC: on transmit it turns the plaintext records that the
 * stack hands to an offloading driver into ciphertext, on receive it decrypts
 * the records of offloaded connections and marks the packets. Nothing but TLS
 * ciphertext crosses the wire between the two ends.
 *
 *	main.c     the module and its devices
 *	wire.c     from one end to the other, and what goes wrong in between
 *	tx.c       transmit: Documentation/networking/tls-offload.rst, "TX"
 *	rx.c       receive: likewise, "RX", with its resynchronisation
 *	tls.c      contexts: what net/tls asks of a driver
 *	stream.c   the engine: where in which record a byte of the stream is
 *	gcm.c      AES-GCM that stops and goes on anywhere in a record
 *	packet.c   headers of a packet, copies of its payload
 *	ethtool.c  counters
 */
#ifndef NICSIM_H
#define NICSIM_H

#include <linux/bits.h>
#include <linux/hashtable.h>
#include <linux/netdevice.h>
#include <linux/skbuff.h>
#include <linux/spinlock.h>
#include <linux/types.h>
#include <net/tls.h>

/* A record of TLS 1.2 with AES-GCM: header, explicit nonce, payload, tag. */
#define NICSIM_HDR	5
#define NICSIM_NONCE	8
#define NICSIM_PREFIX	(NICSIM_HDR + NICSIM_NONCE)
#define NICSIM_TAG	16
#define NICSIM_RECORD_MAX	(NICSIM_HDR + 16384 + 2048)
#define NICSIM_TYPE_DATA	0x17

#define NICSIM_RX_HASH_BITS	8

/* ethtool -S; names and meanings of tls-offload.rst where it has them. */
enum nicsim_counter {
	NICSIM_TX_ENCRYPTED_PACKETS,
	NICSIM_TX_ENCRYPTED_BYTES,
	NICSIM_TX_CTX,
	NICSIM_TX_DEL,
	NICSIM_TX_REFUSED,
	NICSIM_TX_OOO,
	NICSIM_TX_FALLBACK_PACKETS,
	NICSIM_TX_RESYNC_REQ,
	NICSIM_TX_RESYNC_RES,
	NICSIM_TX_DROP_NO_SYNC_DATA,
	NICSIM_RX_DECRYPTED_PACKETS,
	NICSIM_RX_DECRYPTED_BYTES,
	NICSIM_RX_CTX,
	NICSIM_RX_DEL,
	NICSIM_RX_REFUSED,
	NICSIM_RX_OOO,
	NICSIM_RX_SKIPPED,
	NICSIM_RX_LOST,
	NICSIM_RX_PASSED_PACKETS,
	NICSIM_RX_ERR,
	NICSIM_RX_RESYNC_REQ,
	NICSIM_RX_RESYNC_OK,
	NICSIM_RX_RESYNC_SKIP,
	NICSIM_FAULT_DROP_LOCAL,
	NICSIM_FAULT_DROP_WIRE,
	NICSIM_FAULT_CORRUPT,
	NICSIM_FAULT_REORDER,
	NICSIM_NO_MEMORY,
	NICSIM_COUNTERS,
};

/* ip -s link */
enum nicsim_traffic {
	NICSIM_TX_PACKETS,
	NICSIM_TX_BYTES,
	NICSIM_TX_DROPPED,
	NICSIM_RX_PACKETS,
	NICSIM_RX_BYTES,
	NICSIM_TRAFFIC,
};

enum nicsim_fault {
	NICSIM_DROP_LOCAL,	/* before the engine sees the packet */
	NICSIM_DROP_WIRE,
	NICSIM_CORRUPT,
	NICSIM_REORDER,
	NICSIM_FAULTS,
};

/**
 * struct nicsim_gcm_key - a key, ready for use
 * @ctr: ctr(aes) of the crypto API
 * @salt: the part of the nonce that records do not carry
 * @hash_hi: multiples of the GHASH key, upper halves
 * @hash_lo: likewise, lower halves
 * @block: one block of memory that a scatterlist may point to
 */
struct nicsim_gcm_key {
	struct crypto_sync_skcipher *ctr;
	u8 salt[4];
	u64 hash_hi[16];
	u64 hash_lo[16];
	u8 block[16];
};

/**
 * struct nicsim_gcm - how far one record has come
 * @y: GHASH's accumulator
 * @done: bytes of payload in it
 */
struct nicsim_gcm {
	u8 y[16];
	u32 done;
};

/**
 * struct nicsim_stream - where in the records of a TCP stream we are
 * @seq: TCP sequence number of the next byte
 * @sn: number of the record that it is in
 * @off: bytes of that record that have passed
 * @len: its length, 0 as long as that is not known
 * @prefix: how it begins
 * @broken: bytes of it were missed: it can be followed, not decrypted
 * @bad: its tag does not match
 * @bad_records: how many of those there were
 * @gcm: its cipher
 */
struct nicsim_stream {
	u32 seq;
	u64 sn;
	u32 off;
	u32 len;
	u8 prefix[NICSIM_PREFIX];
	bool broken;
	bool bad;
	u32 bad_records;
	struct nicsim_gcm gcm;
};

enum nicsim_work {
	NICSIM_TRACK,
	NICSIM_ENCRYPT,
	NICSIM_DECRYPT,
};

/* IPv4 addresses are mapped. "Local" is the end that has the context. */
struct nicsim_flow_key {
	struct in6_addr local;
	struct in6_addr remote;
	__be16 local_port;
	__be16 remote_port;
};

enum nicsim_rx_state {
	NICSIM_RX_SYNCED,	/* records are decrypted */
	NICSIM_RX_SEARCHING,	/* for something that looks like a header */
	NICSIM_RX_TRACKING,	/* one was found, the stack has been asked */
};

/**
 * struct nicsim_flow - a context: one direction of an offloaded connection
 * @node: in the port's table of receiving flows
 * @rcu: for freeing
 * @lock: for all of the below
 * @sk: the socket; not to be touched once @dead
 * @dead: the stack has taken the context away
 * @key: addresses and ports
 * @gcm: cipher
 * @pos: where in the stream
 * @core_hint: RX: the stack says where records are, unasked
 * @state: RX
 * @candidate: RX: sequence number of the header that the stack was asked about
 * @patience: RX: records after which the search begins again
 */
struct nicsim_flow {
	struct hlist_node node;
	struct rcu_head rcu;
	spinlock_t lock;	/* see above */
	struct sock *sk;
	bool dead;
	struct nicsim_flow_key key;
	struct nicsim_gcm_key gcm;
	struct nicsim_stream pos;
	bool core_hint;
	enum nicsim_rx_state state;
	u32 candidate;
	u64 patience;
};

/**
 * struct nicsim_port - one end of a pair
 * @dev: its device
 * @peer: the other end's
 * @index: of all ports
 * @lock: for changes of @flows
 * @flows: with receive offload, by address
 * @contexts: number of those, by direction
 * @counters: ethtool -S
 * @traffic: packets and bytes
 * @packets: that each fault has had to do with
 * @held: a packet that waits to be overtaken; under the transmit lock
 * @napi: receives
 * @queue: what is on the wire towards this port
 */
struct nicsim_port {
	struct net_device *dev;
	struct net_device *peer;
	unsigned int index;
	spinlock_t lock;	/* see above */
	DECLARE_HASHTABLE(flows, NICSIM_RX_HASH_BITS);
	atomic_t contexts[2];
	atomic64_t counters[NICSIM_COUNTERS];
	atomic64_t traffic[NICSIM_TRAFFIC];
	atomic_t packets[NICSIM_FAULTS];
	struct sk_buff *held;
	struct napi_struct napi;
	struct sk_buff_head queue;
};

/**
 * struct nicsim_packet - what a packet carries
 * @key: local is where it goes to
 * @seq: TCP sequence number of the first byte of payload
 * @off: where that is in the skb
 * @len: bytes of it, at least one
 */
struct nicsim_packet {
	struct nicsim_flow_key key;
	u32 seq;
	int off;
	int len;
};

static inline void nicsim_add(struct nicsim_port *port, enum nicsim_counter c,
			      s64 n)
{
	atomic64_add(n, &port->counters[c]);
}

static inline void nicsim_count(struct nicsim_port *port, enum nicsim_counter c)
{
	nicsim_add(port, c, 1);
}

/* Bits of module parameters. */
#define NICSIM_TX	BIT(0)
#define NICSIM_RX	BIT(1)
#define NICSIM_AES_128	BIT(0)
#define NICSIM_AES_256	BIT(1)

/* main.c: module parameters */
extern bool nicsim_tx_helper;
extern bool nicsim_rx_core_hint;
extern unsigned int nicsim_max_ctx;
extern unsigned int nicsim_refuse;
extern unsigned int nicsim_ciphers;

/* gcm.c */
void nicsim_gcm_init(void);
int nicsim_gcm_setkey(struct nicsim_gcm_key *key, const u8 *bytes,
		      unsigned int len, const u8 *salt);
void nicsim_gcm_free(struct nicsim_gcm_key *key);
void nicsim_gcm_begin(const struct nicsim_gcm_key *key, struct nicsim_gcm *gcm,
		      u64 sn, const u8 *header, u32 len);
int nicsim_gcm_crypt(struct nicsim_gcm_key *key, struct nicsim_gcm *gcm,
		     const u8 *nonce, u8 *data, u32 len, bool encrypt);
int nicsim_gcm_tag(struct nicsim_gcm_key *key, const struct nicsim_gcm *gcm,
		   const u8 *nonce, u8 *tag);

/* stream.c */
bool nicsim_header_valid(const u8 *header);
int nicsim_stream_run(struct nicsim_gcm_key *key, struct nicsim_stream *pos,
		      u8 *bytes, u32 len, enum nicsim_work work, bool *whole);
bool nicsim_stream_skip(struct nicsim_stream *pos, u32 gap);
void nicsim_stream_restart(struct nicsim_stream *pos, u32 seq, u64 sn);

/* packet.c */
bool nicsim_packet_parse(const struct sk_buff *skb, int off,
			 struct nicsim_packet *out);
void nicsim_flow_key_of(const struct sock *sk, struct nicsim_flow_key *out);
struct sk_buff *nicsim_copy(struct sk_buff *skb, int header_len);

/* tls.c */
extern const struct tlsdev_ops nicsim_tlsdev_ops;
struct nicsim_flow *nicsim_flow_of(struct tls_context *ctx,
				   enum tls_offload_ctx_dir dir);
struct nicsim_flow *nicsim_flow_find(struct nicsim_port *port,
				     const struct nicsim_flow_key *key);

/* tx.c, rx.c */
struct sk_buff *nicsim_tx(struct nicsim_port *port, struct sk_buff *skb,
			  const struct nicsim_packet *packet);
struct sk_buff *nicsim_rx(struct nicsim_port *port, struct sk_buff *skb);
void nicsim_rx_answer(struct nicsim_port *port, struct nicsim_flow *flow,
		      u32 seq, u64 sn);

/* wire.c */
netdev_tx_t nicsim_xmit(struct sk_buff *skb, struct net_device *dev);
int nicsim_poll(struct napi_struct *napi, int budget);

/* ethtool.c */
extern const struct ethtool_ops nicsim_ethtool_ops;

#endif
