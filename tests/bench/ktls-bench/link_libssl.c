/* SPDX-License-Identifier: MIT */
/* Links by OpenSSL's libssl, handshake and records, as a careful server sets it up. */
#include "tests/bench/ktls-bench/link.h"

#include <stdlib.h>

#include "lib/netlink/path.h"

#ifdef KTLS_BENCH_LIBSSL

#include <errno.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <string.h>

#include <ktls.h>

const char *link_libssl_version(void)
{
	return OpenSSL_version(OPENSSL_VERSION_STRING);
}

static int fail(struct link *link, const char *what)
{
	const unsigned long code = ERR_get_error();
	const int error = errno;
	char text[RESULT_LINE];

	if (code != 0)
		ERR_error_string_n(code, text, sizeof(text));
	else
		result_text(text, sizeof(text), "%s",
			    error == EAGAIN ? "no answer"
			    : error != 0    ? strerror(error)
					    : "the peer has closed the connection");
	ERR_clear_error();
	return link_fail(link->maker, "libssl: %s: %s", what, text);
}

/* IANA's name of our suite, as libssl has it. */
static bool use_suite(SSL_CTX *ctx, const struct plan *plan)
{
	static const struct {
		uint16_t suite;
		const char *name;
	} names[] = {
		{ KTLS_ECDHE_ECDSA_AES_128_GCM_SHA256, "ECDHE-ECDSA-AES128-GCM-SHA256" },
		{ KTLS_ECDHE_ECDSA_AES_256_GCM_SHA384, "ECDHE-ECDSA-AES256-GCM-SHA384" },
		{ KTLS_ECDHE_RSA_AES_128_GCM_SHA256, "ECDHE-RSA-AES128-GCM-SHA256" },
		{ KTLS_ECDHE_RSA_AES_256_GCM_SHA384, "ECDHE-RSA-AES256-GCM-SHA384" },
		{ KTLS_ECDHE_ECDSA_CHACHA20_POLY1305, "ECDHE-ECDSA-CHACHA20-POLY1305" },
		{ KTLS_ECDHE_RSA_CHACHA20_POLY1305, "ECDHE-RSA-CHACHA20-POLY1305" },
	};

	if (plan->version == KTLS_TLS_1_3)
		return SSL_CTX_set_ciphersuites(ctx, ktls_suite_name(plan->suite)) == 1;
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (names[i].suite == plan->suite)
			return SSL_CTX_set_cipher_list(ctx, names[i].name) == 1;
	return false;
}

static bool show_certificate(SSL_CTX *ctx, const struct credentials *c)
{
	BIO *chain = BIO_new_mem_buf(c->chain, -1), *key = BIO_new_mem_buf(c->key, -1);
	X509 *leaf = PEM_read_bio_X509(chain, NULL, NULL, NULL), *next;
	EVP_PKEY *pkey = PEM_read_bio_PrivateKey(key, NULL, NULL, NULL);
	bool good = leaf && pkey && SSL_CTX_use_certificate(ctx, leaf) == 1 &&
		    SSL_CTX_use_PrivateKey(ctx, pkey) == 1;

	X509_free(leaf);
	EVP_PKEY_free(pkey);
	for (next = PEM_read_bio_X509(chain, NULL, NULL, NULL); good && next;
	     next = PEM_read_bio_X509(chain, NULL, NULL, NULL))
		good = SSL_CTX_add0_chain_cert(ctx, next) == 1;
	ERR_clear_error(); /* of the PEM's end */
	BIO_free(chain);
	BIO_free(key);
	return good;
}

static bool trust(SSL_CTX *ctx, const struct credentials *c)
{
	BIO *bio = BIO_new_mem_buf(c->trust, -1);
	X509 *root = PEM_read_bio_X509(bio, NULL, NULL, NULL);
	bool good = root && X509_STORE_add_cert(SSL_CTX_get_cert_store(ctx), root) == 1;

	X509_free(root);
	BIO_free(bio);
	SSL_CTX_set_verify(ctx, SSL_VERIFY_PEER, NULL);
	return good;
}

/* No tickets: ours sends none either. */
static SSL_CTX *make_context(struct link *link)
{
	const struct link_maker *maker = link->maker;
	const bool client = maker->end == RESULT_CLIENT;
	SSL_CTX *ctx = SSL_CTX_new(client ? TLS_client_method() : TLS_server_method());
	const struct plan *plan = maker->plan;

	if (!ctx || SSL_CTX_set_min_proto_version(ctx, plan->version) != 1 ||
	    SSL_CTX_set_max_proto_version(ctx, plan->version) != 1 || !use_suite(ctx, plan) ||
	    SSL_CTX_set1_groups_list(ctx, "X25519:P-256") != 1 ||
	    !(client ? trust(ctx, maker->credentials)
		     : show_certificate(ctx, maker->credentials))) {
		SSL_CTX_free(ctx);
		fail(link, "context");
		return NULL;
	}
	SSL_CTX_set_options(ctx, SSL_OP_NO_TICKET | SSL_OP_IGNORE_UNEXPECTED_EOF);
	SSL_CTX_set_num_tickets(ctx, 0);
	SSL_CTX_set_session_cache_mode(ctx, SSL_SESS_CACHE_OFF);
	SSL_CTX_set_mode(ctx, SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
	SSL_CTX_set_read_ahead(ctx, 1);
	if (plan->record_bytes >= 512)
		SSL_CTX_set_max_send_fragment(ctx, plan->record_bytes);
	return ctx;
}

static int open_libssl(struct link *link)
{
	struct link_maker *maker = link->maker;
	const bool client = maker->end == RESULT_CLIENT;

	if (maker->plan->record_bytes != 0 && maker->plan->record_bytes < 512)
		return link_fail(maker, "libssl: makes no records shorter than 512 bytes");
	if (!maker->ssl_ctx)
		maker->ssl_ctx = make_context(link);
	if (!maker->ssl_ctx)
		return -1;
	link->ssl = SSL_new(maker->ssl_ctx);
	if (!link->ssl || SSL_set_fd(link->ssl, link->fd) != 1)
		return fail(link, "connection");
	if (client && (SSL_set_tlsext_host_name(link->ssl, maker->credentials->name) != 1 ||
		       SSL_set1_host(link->ssl, maker->credentials->name) != 1))
		return fail(link, "name");
	errno = 0;
	if ((client ? SSL_connect(link->ssl) : SSL_accept(link->ssl)) != 1)
		return fail(link, "handshake");
	link->version = (uint16_t)SSL_version(link->ssl);
	link->suite = SSL_CIPHER_get_protocol_id(SSL_get_current_cipher(link->ssl));
	return 0;
}

static ssize_t result_of(struct link *link, int ret)
{
	const int saved = errno, error = SSL_get_error(link->ssl, ret);

	ERR_clear_error();
	if (error == SSL_ERROR_WANT_READ || error == SSL_ERROR_WANT_WRITE)
		return -EAGAIN;
	if (error == SSL_ERROR_ZERO_RETURN)
		return 0;
	return error == SSL_ERROR_SYSCALL && saved != 0 ? -saved : -EPROTO;
}

/* Bytes that are short of a record are written all the same: libssl has no MSG_MORE. */
static ssize_t send_libssl(struct link *link, const uint8_t *bytes, size_t len, bool more)
{
	const int most = 1 << 30;
	int n = SSL_write(link->ssl, bytes, len < (size_t)most ? (int)len : most);

	(void)more;
	return n > 0 ? n : result_of(link, n);
}

static ssize_t receive_libssl(struct link *link, const uint8_t **bytes)
{
	int n = SSL_read(link->ssl, link->maker->buffer, LINK_READ);

	*bytes = link->maker->buffer;
	return n > 0 ? n : result_of(link, n);
}

static int flush_libssl(struct link *link)
{
	(void)link;
	return 0;
}

static void close_libssl(struct link *link)
{
	SSL_free(link->ssl);
}

static void forget(struct link_maker *maker)
{
	SSL_CTX_free(maker->ssl_ctx);
}

#else

const char *link_libssl_version(void)
{
	return "";
}

static int open_libssl(struct link *link)
{
	return link_fail(link->maker, "built without libssl");
}

#define send_libssl    NULL
#define receive_libssl NULL
#define flush_libssl   NULL
#define close_libssl   NULL

static void forget(struct link_maker *maker)
{
	(void)maker;
}

#endif

void link_maker_wipe(struct link_maker *maker)
{
	forget(maker);
	loaded_wipe(&maker->loaded);
	free(maker->buffer);
	maker->buffer = NULL;
	netlink_paths_close(maker->paths);
	maker->paths = NULL;
}

const struct link_ops link_libssl = {
	.open = open_libssl,
	.send = send_libssl,
	.receive = receive_libssl,
	.flush = flush_libssl,
	.close = close_libssl,
	.own_records = true,
};
