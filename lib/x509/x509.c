/* SPDX-License-Identifier: MIT */
#include "lib/x509/x509.h"

#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <time.h>

#include <openssl/crypto.h>
#include <openssl/err.h>
#include <openssl/x509.h>

#include "lib/x509/internal.h"

int x509_init(void)
{
	if (!OPENSSL_init_crypto(OPENSSL_INIT_NO_LOAD_CONFIG, NULL))
		return -KTLS_R_INTERNAL;
	/* Else gmtime_r(), with which libcrypto compares dates, reads /etc/localtime the first
	 * time. */
	tzset();
	return x509_digest(X509_SHA256) ? 0 : -KTLS_R_INTERNAL;
}

void x509_error_set(struct x509_error *err, unsigned int line, const char *format, ...)
{
	va_list args;

	if (!err)
		return;
	err->line = line;
	va_start(args, format);
	vsnprintf(err->text, sizeof(err->text), format, args);
	va_end(args);
}

X509 *x509_parse(const uint8_t *der, size_t len)
{
	const unsigned char *end = der;
	X509 *x;

	if (len > LONG_MAX)
		return NULL;
	x = d2i_X509(NULL, &end, (long)len);
	if (x && (size_t)(end - der) != len) {
		X509_free(x);
		return NULL;
	}
	return x;
}
