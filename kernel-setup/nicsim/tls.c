// SPDX-License-Identifier: GPL-2.0
/* Contexts: what net/tls asks of a driver when keys are installed. */
#include <linux/inet.h>
#include <linux/jhash.h>
#include <linux/slab.h>
#include <net/tls.h>

#include "nicsim.h"

struct nicsim_secret {
	const u8 *key;
	unsigned int len;
	const u8 *salt;
	const u8 *rec_seq;
};

static struct nicsim_flow **flow_slot(struct tls_context *ctx,
				      enum tls_offload_ctx_dir dir)
{
	return __tls_driver_ctx(ctx, dir);
}

struct nicsim_flow *nicsim_flow_of(struct tls_context *ctx,
				   enum tls_offload_ctx_dir dir)
{
	return *flow_slot(ctx, dir);
}

static u32 flow_hash(const struct nicsim_flow_key *key)
{
	return jhash(key, sizeof(*key), 0);
}

/* The caller is in a read-side critical section of RCU. */
struct nicsim_flow *nicsim_flow_find(struct nicsim_port *port,
				     const struct nicsim_flow_key *key)
{
	struct nicsim_flow *flow;

	hash_for_each_possible_rcu(port->flows, flow, node, flow_hash(key))
		if (!memcmp(&flow->key, key, sizeof(*key)))
			return flow;
	return NULL;
}

static void flow_free(struct nicsim_flow *flow)
{
	nicsim_gcm_free(&flow->gcm);
	kfree_sensitive(flow);
}

static void flow_free_rcu(struct rcu_head *rcu)
{
	flow_free(container_of(rcu, struct nicsim_flow, rcu));
}

static bool cipher_taken(unsigned int cipher)
{
	return READ_ONCE(nicsim_ciphers) & cipher;
}

static int secret_of(struct tls_crypto_info *info, struct nicsim_secret *out)
{
	struct tls12_crypto_info_aes_gcm_128 *aes128 = (void *)info;
	struct tls12_crypto_info_aes_gcm_256 *aes256 = (void *)info;

	if (info->version != TLS_1_2_VERSION)
		return -EOPNOTSUPP;
	switch (info->cipher_type) {
	case TLS_CIPHER_AES_GCM_128:
		if (!cipher_taken(NICSIM_AES_128))
			return -EOPNOTSUPP;
		*out = (struct nicsim_secret){ aes128->key, sizeof(aes128->key),
					       aes128->salt, aes128->rec_seq };
		return 0;
	case TLS_CIPHER_AES_GCM_256:
		if (!cipher_taken(NICSIM_AES_256))
			return -EOPNOTSUPP;
		*out = (struct nicsim_secret){ aes256->key, sizeof(aes256->key),
					       aes256->salt, aes256->rec_seq };
		return 0;
	default:
		return -EOPNOTSUPP;
	}
}

static struct nicsim_flow *flow_new(struct sock *sk,
				    const struct nicsim_secret *secret,
				    u32 seq)
{
	struct nicsim_flow *flow = kzalloc(sizeof(*flow), GFP_KERNEL);
	int err;

	if (!flow)
		return ERR_PTR(-ENOMEM);
	spin_lock_init(&flow->lock);
	flow->sk = sk;
	nicsim_flow_key_of(sk, &flow->key);
	nicsim_stream_restart(&flow->pos, seq,
			      get_unaligned_be64(secret->rec_seq));
	err = nicsim_gcm_setkey(&flow->gcm, secret->key, secret->len,
				secret->salt);
	if (err) {
		flow_free(flow);
		return ERR_PTR(err);
	}
	return flow;
}

static void rx_begin(struct nicsim_port *port, struct nicsim_flow *flow,
		     struct tls_context *ctx)
{
	flow->core_hint = READ_ONCE(nicsim_rx_core_hint);
	tls_offload_ctx_rx(ctx)->resync_type =
		flow->core_hint ? TLS_OFFLOAD_SYNC_TYPE_CORE_NEXT_HINT :
				  TLS_OFFLOAD_SYNC_TYPE_DRIVER_REQ;
	spin_lock_bh(&port->lock);
	hash_add_rcu(port->flows, &flow->node, flow_hash(&flow->key));
	spin_unlock_bh(&port->lock);
}

static int context_add(struct nicsim_port *port, struct sock *sk,
		       enum tls_offload_ctx_dir dir,
		       struct tls_crypto_info *info, u32 seq)
{
	struct tls_context *ctx = tls_get_ctx(sk);
	struct nicsim_secret secret;
	struct nicsim_flow *flow;
	int err = secret_of(info, &secret);

	if (err)
		return err;
	flow = flow_new(sk, &secret, seq);
	if (IS_ERR(flow))
		return PTR_ERR(flow);
	*flow_slot(ctx, dir) = flow;
	if (dir == TLS_OFFLOAD_CTX_DIR_RX)
		rx_begin(port, flow, ctx);
	return 0;
}

static unsigned int context_limit(bool tx)
{
	if (READ_ONCE(nicsim_refuse) & (tx ? NICSIM_TX : NICSIM_RX))
		return 0;
	return READ_ONCE(nicsim_max_ctx);
}

static int nicsim_tls_add(struct net_device *dev, struct sock *sk,
			  enum tls_offload_ctx_dir dir,
			  struct tls_crypto_info *info, u32 seq)
{
	bool tx = dir == TLS_OFFLOAD_CTX_DIR_TX;
	struct nicsim_port *port = netdev_priv(dev);
	int err = -ENOSPC;

	if (atomic_inc_return(&port->contexts[dir]) <= context_limit(tx))
		err = context_add(port, sk, dir, info, seq);
	if (err) {
		atomic_dec(&port->contexts[dir]);
		nicsim_count(port, tx ? NICSIM_TX_REFUSED : NICSIM_RX_REFUSED);
		return err;
	}
	nicsim_count(port, tx ? NICSIM_TX_CTX : NICSIM_RX_CTX);
	return 0;
}

static void nicsim_tls_del(struct net_device *dev, struct tls_context *ctx,
			   enum tls_offload_ctx_dir dir)
{
	struct nicsim_flow *flow = nicsim_flow_of(ctx, dir);
	bool tx = dir == TLS_OFFLOAD_CTX_DIR_TX;
	struct nicsim_port *port = netdev_priv(dev);

	if (!tx) {
		spin_lock_bh(&port->lock);
		hash_del_rcu(&flow->node);
		spin_unlock_bh(&port->lock);
	}
	/* The socket may go once we return. */
	spin_lock_bh(&flow->lock);
	flow->dead = true;
	spin_unlock_bh(&flow->lock);
	atomic_dec(&port->contexts[dir]);
	nicsim_count(port, tx ? NICSIM_TX_DEL : NICSIM_RX_DEL);
	call_rcu(&flow->rcu, flow_free_rcu);
}

static int nicsim_tls_resync(struct net_device *dev, struct sock *sk, u32 seq,
			     u8 *rcd_sn, enum tls_offload_ctx_dir dir)
{
	struct nicsim_flow *flow = nicsim_flow_of(tls_get_ctx(sk), dir);
	struct nicsim_port *port = netdev_priv(dev);
	u64 sn = get_unaligned_be64(rcd_sn);

	spin_lock_bh(&flow->lock);
	if (dir == TLS_OFFLOAD_CTX_DIR_TX) {
		nicsim_stream_restart(&flow->pos, seq, sn);
		nicsim_count(port, NICSIM_TX_RESYNC_RES);
	} else {
		nicsim_rx_answer(port, flow, seq, sn);
	}
	spin_unlock_bh(&flow->lock);
	return 0;
}

const struct tlsdev_ops nicsim_tlsdev_ops = {
	.tls_dev_add = nicsim_tls_add,
	.tls_dev_del = nicsim_tls_del,
	.tls_dev_resync = nicsim_tls_resync,
};
