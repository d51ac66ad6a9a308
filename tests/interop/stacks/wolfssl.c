/* SPDX-License-Identifier: MIT */
/* wolfSSL. Its headers want its options first. */
/* clang-format off */
#include <wolfssl/options.h>
#include <wolfssl/ssl.h>
/* clang-format on */
#include <err.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/interop/stacks/stack.h"

static WOLFSSL_CTX *ctx;
static WOLFSSL *ssl;
static WOLFSSL_SESSION *session;
static const struct stack_options *options;
static bool open_now;

static void must(int result, const char *what)
{
	if (result != WOLFSSL_SUCCESS)
		errx(1, "%s: %d", what, result);
}

static WOLFSSL_METHOD *method(void)
{
	if (options->server)
		return options->tls13 ? wolfTLSv1_3_server_method() : wolfTLSv1_2_server_method();
	return options->tls13 ? wolfTLSv1_3_client_method() : wolfTLSv1_2_client_method();
}

void stack_setup(const struct stack_options *o)
{
	int verify = WOLFSSL_VERIFY_PEER | WOLFSSL_VERIFY_FAIL_IF_NO_PEER_CERT;

	options = o;
	wolfSSL_Init();
	ctx = wolfSSL_CTX_new(method());
	if (ctx == NULL)
		errx(1, "CTX_new");
	must(wolfSSL_CTX_load_verify_locations(ctx, o->ca, NULL), o->ca);
	if (o->cert != NULL) {
		must(wolfSSL_CTX_use_certificate_chain_file(ctx, o->cert), o->cert);
		must(wolfSSL_CTX_use_PrivateKey_file(ctx, o->key, WOLFSSL_FILETYPE_PEM), o->key);
	}
	wolfSSL_CTX_set_verify(ctx, !o->server || o->demand_cert ? verify : WOLFSSL_VERIFY_NONE,
			       NULL);
	if (!o->server)
		must(wolfSSL_CTX_UseSessionTicket(ctx), "UseSessionTicket");
}

static void name_things(void)
{
	char alpn[256];

	if (!options->server) {
		must(wolfSSL_UseSNI(ssl, WOLFSSL_SNI_HOST_NAME, options->host,
				    (unsigned short)strlen(options->host)),
		     "UseSNI");
		must(wolfSSL_check_domain_name(ssl, options->host), "check_domain_name");
	}
	if (options->alpn != NULL) {
		snprintf(alpn, sizeof(alpn), "%s", options->alpn);
		must(wolfSSL_UseALPN(ssl, alpn, (unsigned)strlen(alpn),
				     WOLFSSL_ALPN_FAILED_ON_MISMATCH),
		     "UseALPN");
	}
}

bool stack_open(int fd, bool resume)
{
	char text[WOLFSSL_MAX_ERROR_SZ];
	int result;

	ssl = wolfSSL_new(ctx);
	if (ssl == NULL)
		errx(1, "new");
	name_things();
	if (resume)
		must(wolfSSL_set_session(ssl, session), "set_session");
	must(wolfSSL_set_fd(ssl, fd), "set_fd");
	result = options->server ? wolfSSL_accept(ssl) : wolfSSL_connect(ssl);
	open_now = result == WOLFSSL_SUCCESS;
	if (!open_now)
		fprintf(stderr, "handshake: %s\n",
			wolfSSL_ERR_error_string((unsigned long)wolfSSL_get_error(ssl, result),
						 text));
	return open_now;
}

ssize_t stack_read(void *buf, size_t len)
{
	int n = wolfSSL_read(ssl, buf, (int)len);

	if (n > 0)
		return n;
	return wolfSSL_get_error(ssl, n) == WOLFSSL_ERROR_ZERO_RETURN ? 0 : -1;
}

ssize_t stack_write(const void *buf, size_t len)
{
	return wolfSSL_write(ssl, buf, (int)len);
}

void stack_close(void)
{
	if (open_now && !options->server) {
		wolfSSL_SESSION_free(session);
		session = wolfSSL_get1_session(ssl);
	}
	if (open_now)
		wolfSSL_shutdown(ssl);
	open_now = false;
	wolfSSL_free(ssl);
	ssl = NULL;
}
