/* SPDX-License-Identifier: MIT */
/* mbedTLS 2.28, which has TLS 1.2 and nothing later. */
#include <err.h>
#include <mbedtls/ctr_drbg.h>
#include <mbedtls/entropy.h>
#include <mbedtls/error.h>
#include <mbedtls/net_sockets.h>
#include <mbedtls/ssl.h>
#include <mbedtls/ssl_ticket.h>
#include <stdio.h>
#include <stdlib.h>

#include "tests/interop/stacks/stack.h"

#define TICKET_LIFETIME_S 3600

static mbedtls_entropy_context entropy;
static mbedtls_ctr_drbg_context random_source;
static mbedtls_x509_crt ca, cert;
static mbedtls_pk_context key;
static mbedtls_ssl_ticket_context tickets;
static mbedtls_ssl_config config;
static mbedtls_ssl_context ssl;
static mbedtls_ssl_session session;
static mbedtls_net_context net;
static const struct stack_options *options;
static bool open_now;

static void must(int result, const char *what)
{
	char text[256];

	if (result == 0)
		return;
	mbedtls_strerror(result, text, sizeof(text));
	errx(1, "%s: %s", what, text);
}

static void set_credentials(void)
{
	must(mbedtls_x509_crt_parse_file(&ca, options->ca), options->ca);
	mbedtls_ssl_conf_ca_chain(&config, &ca, NULL);
	if (options->cert == NULL)
		return;
	must(mbedtls_x509_crt_parse_file(&cert, options->cert), options->cert);
	must(mbedtls_pk_parse_keyfile(&key, options->key, NULL), options->key);
	must(mbedtls_ssl_conf_own_cert(&config, &cert, &key), "own_cert");
}

static void set_tickets(void)
{
	must(mbedtls_ssl_ticket_setup(&tickets, mbedtls_ctr_drbg_random, &random_source,
				      MBEDTLS_CIPHER_AES_256_GCM, TICKET_LIFETIME_S),
	     "ticket_setup");
	mbedtls_ssl_conf_session_tickets_cb(&config, mbedtls_ssl_ticket_write,
					    mbedtls_ssl_ticket_parse, &tickets);
}

static void init_all(void)
{
	mbedtls_entropy_init(&entropy);
	mbedtls_ctr_drbg_init(&random_source);
	mbedtls_x509_crt_init(&ca);
	mbedtls_x509_crt_init(&cert);
	mbedtls_pk_init(&key);
	mbedtls_ssl_ticket_init(&tickets);
	mbedtls_ssl_config_init(&config);
	mbedtls_ssl_init(&ssl);
	mbedtls_ssl_session_init(&session);
}

void stack_setup(const struct stack_options *o)
{
	static const char *protocols[2];
	bool verify = !o->server || o->demand_cert;

	options = o;
	if (o->tls13)
		errx(2, "there is no TLS 1.3 in this version");
	init_all();
	must(mbedtls_ctr_drbg_seed(&random_source, mbedtls_entropy_func, &entropy, NULL, 0),
	     "seed");
	must(mbedtls_ssl_config_defaults(&config,
					 o->server ? MBEDTLS_SSL_IS_SERVER : MBEDTLS_SSL_IS_CLIENT,
					 MBEDTLS_SSL_TRANSPORT_STREAM, MBEDTLS_SSL_PRESET_DEFAULT),
	     "config_defaults");
	mbedtls_ssl_conf_rng(&config, mbedtls_ctr_drbg_random, &random_source);
	mbedtls_ssl_conf_authmode(&config,
				  verify ? MBEDTLS_SSL_VERIFY_REQUIRED : MBEDTLS_SSL_VERIFY_NONE);
	mbedtls_ssl_conf_min_version(&config, MBEDTLS_SSL_MAJOR_VERSION_3,
				     MBEDTLS_SSL_MINOR_VERSION_3);
	set_credentials();
	protocols[0] = o->alpn;
	if (o->alpn != NULL)
		must(mbedtls_ssl_conf_alpn_protocols(&config, protocols), "alpn");
	if (o->server)
		set_tickets();
}

static bool complain(int result)
{
	char text[256];

	mbedtls_strerror(result, text, sizeof(text));
	fprintf(stderr, "handshake: %s\n", text);
	return false;
}

bool stack_open(int fd, bool resume)
{
	int result;

	net.fd = fd;
	must(mbedtls_ssl_setup(&ssl, &config), "setup");
	if (!options->server)
		must(mbedtls_ssl_set_hostname(&ssl, options->host), "set_hostname");
	if (resume)
		must(mbedtls_ssl_set_session(&ssl, &session), "set_session");
	mbedtls_ssl_set_bio(&ssl, &net, mbedtls_net_send, mbedtls_net_recv, NULL);
	result = mbedtls_ssl_handshake(&ssl);
	open_now = result == 0;
	return open_now || complain(result);
}

ssize_t stack_read(void *buf, size_t len)
{
	int n = mbedtls_ssl_read(&ssl, buf, len);

	return n == MBEDTLS_ERR_SSL_PEER_CLOSE_NOTIFY ? 0 : n == 0 ? -1 : n;
}

ssize_t stack_write(const void *buf, size_t len)
{
	return mbedtls_ssl_write(&ssl, buf, len);
}

void stack_close(void)
{
	if (open_now && !options->server)
		must(mbedtls_ssl_get_session(&ssl, &session), "get_session");
	if (open_now)
		mbedtls_ssl_close_notify(&ssl);
	open_now = false;
	mbedtls_ssl_free(&ssl);
	mbedtls_ssl_init(&ssl);
}
