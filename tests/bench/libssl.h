/* SPDX-License-Identifier: MIT */
/*
 * libssl's side of a handshake over the queues, set up as a careful server would be: one protocol
 * version, buffers released, contexts made once.
 */
#ifndef KTLS_TESTS_BENCH_LIBSSL_H
#define KTLS_TESTS_BENCH_LIBSSL_H

#include <string.h>

#include "tests/bench/setup.h"

static inline int queue_write(BIO *bio, const char *bytes, int len)
{
	struct queue *out = &queues[1 - *(enum side *)BIO_get_data(bio)];

	memcpy(out->bytes + out->len, bytes, (size_t)len);
	out->len += (size_t)len;
	return len;
}

static inline int queue_read(BIO *bio, char *bytes, int len)
{
	struct queue *in = &queues[*(enum side *)BIO_get_data(bio)];
	const size_t n = (size_t)len < in->len ? (size_t)len : in->len;

	BIO_clear_retry_flags(bio);
	if (n == 0) {
		BIO_set_retry_read(bio);
		return -1;
	}
	memcpy(bytes, in->bytes, n);
	in->len -= n;
	memmove(in->bytes, in->bytes + n, in->len);
	return (int)n;
}

static inline long queue_ctrl(BIO *bio, int command, long number, void *pointer)
{
	(void)bio;
	(void)number;
	(void)pointer;
	return command == BIO_CTRL_FLUSH;
}

static BIO_METHOD *queue_method;

static inline void libssl_setup(void)
{
	queue_method = BIO_meth_new(BIO_get_new_index() | BIO_TYPE_SOURCE_SINK, "queue");
	BIO_meth_set_write(queue_method, queue_write);
	BIO_meth_set_read(queue_method, queue_read);
	BIO_meth_set_ctrl(queue_method, queue_ctrl);
}

static inline void show_certificate(SSL_CTX *ctx, const struct credentials *own)
{
	require(SSL_CTX_use_certificate(ctx, own->leaves[0]->x509) == 1 &&
			SSL_CTX_use_PrivateKey(ctx, own->leaves[0]->pkey) == 1 &&
			SSL_CTX_add1_chain_cert(ctx, own->intermediate->x509) == 1,
		"no certificate for libssl");
}

static inline void verify_peer(SSL_CTX *ctx, const struct credentials *peer)
{
	SSL_CTX_set_verify(ctx, SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, NULL);
	require(X509_STORE_add_cert(SSL_CTX_get_cert_store(ctx), peer->root->x509) == 1,
		"no trust for libssl");
}

static inline SSL_CTX *libssl_context(const struct scenario *s, const struct setup *setup,
				      enum side side)
{
	SSL_CTX *ctx = SSL_CTX_new(side == SERVER ? TLS_server_method() : TLS_client_method());

	require(ctx && SSL_CTX_set_min_proto_version(ctx, s->version) == 1 &&
			SSL_CTX_set_max_proto_version(ctx, s->version) == 1 &&
			SSL_CTX_set_ciphersuites(ctx, "TLS_AES_128_GCM_SHA256") == 1 &&
			SSL_CTX_set_cipher_list(ctx, "ECDHE+AES128+AESGCM") == 1 &&
			SSL_CTX_set1_groups_list(ctx, "X25519:P-256") == 1,
		"SSL_CTX failed");
	SSL_CTX_set_mode(ctx, SSL_MODE_RELEASE_BUFFERS);
	SSL_CTX_set_session_cache_mode(ctx, SSL_SESS_CACHE_OFF);
	if (s->tickets == 0 && !s->resumed)
		SSL_CTX_set_options(ctx, SSL_OP_NO_TICKET);
	SSL_CTX_set_num_tickets(ctx, s->tickets);
	if (side == SERVER || s->mutual)
		show_certificate(ctx, &setup->of[side]);
	if (side == CLIENT || s->mutual)
		verify_peer(ctx, &setup->of[1 - side]);
	return ctx;
}

static inline SSL *libssl_init(SSL_CTX *ctx, enum side side)
{
	static enum side sides[] = { SERVER, CLIENT };
	SSL *ssl = SSL_new(ctx);
	BIO *bio = BIO_new(queue_method);

	require(ssl && bio, "SSL_new failed");
	BIO_set_data(bio, &sides[side]);
	BIO_set_init(bio, 1);
	SSL_set_bio(ssl, bio, bio);
	if (side == SERVER) {
		SSL_set_accept_state(ssl);
		return ssl;
	}
	SSL_set_connect_state(ssl);
	require(SSL_set_tlsext_host_name(ssl, HOST) == 1 && SSL_set1_host(ssl, HOST) == 1,
		"SSL_set1_host failed");
	return ssl;
}

/* In another's name than the context's, which has the same key. */
static inline void libssl_show(SSL *ssl, const struct credentials *own, size_t leaf)
{
	require(SSL_use_certificate(ssl, own->leaves[leaf]->x509) == 1, "no certificate");
}

static inline bool libssl_step(SSL *ssl, bool resumed)
{
	int ret = SSL_do_handshake(ssl);

	require(ret == 1 || SSL_get_error(ssl, ret) == SSL_ERROR_WANT_READ,
		"libssl's handshake failed");
	if (ret != 1)
		return false;
	require(SSL_session_reused(ssl) == resumed, "libssl resumed, or not");
	SSL_set_shutdown(ssl, SSL_SENT_SHUTDOWN); /* else the session counts as broken */
	SSL_free(ssl);
	return true;
}

/* What a client has of an earlier handshake. */
static SSL_SESSION *libssl_session;

static inline void libssl_handshake(const struct scenario *s, const struct setup *setup,
				    SSL_CTX *const ctx[SIDES], size_t leaf, struct cost cost[SIDES])
{
	bool ended[SIDES] = { false, false };
	SSL *ssl[SIDES];

	for (enum side side = SERVER; side < SIDES; side++) {
		account_open(&cost[side]);
		ssl[side] = libssl_init(ctx[side], side);
		if (side == CLIENT && s->resumed)
			SSL_set_session(ssl[side], libssl_session);
		account_close(&cost[side]);
		if (leaf > 0 && (side == SERVER || s->mutual))
			libssl_show(ssl[side], &setup->of[side], leaf);
	}
	for (enum side side = CLIENT; !ended[SERVER] || !ended[CLIENT]; side = 1 - side) {
		account_open(&cost[side]);
		ended[side] = libssl_step(ssl[side], s->resumed);
		account_close(&cost[side]);
	}
	queues[CLIENT].len = 0; /* tickets */
}

/* A full handshake, for a session that these contexts can resume. */
static inline void libssl_make_session(const struct scenario *s, SSL_CTX *const ctx[SIDES])
{
	SSL *ssl[SIDES];
	char byte;

	SSL_CTX_set_num_tickets(ctx[SERVER], 1);
	for (enum side side = SERVER; side < SIDES; side++)
		ssl[side] = libssl_init(ctx[side], side);
	for (int step = 0; step < 5; step++)
		SSL_do_handshake(ssl[(step + 1) % 2]);
	SSL_read(ssl[CLIENT], &byte, 1);
	libssl_session = SSL_get1_session(ssl[CLIENT]);
	require(libssl_session && SSL_SESSION_is_resumable(libssl_session),
		"no session of libssl's");
	for (enum side side = SERVER; side < SIDES; side++) {
		SSL_set_shutdown(ssl[side], SSL_SENT_SHUTDOWN);
		SSL_free(ssl[side]);
	}
	queues[SERVER].len = queues[CLIENT].len = 0;
	SSL_CTX_set_num_tickets(ctx[SERVER], s->tickets);
}

#endif
