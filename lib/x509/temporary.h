/* SPDX-License-Identifier: MIT */
/*
 * A self-signed certificate and its key, for tools that need some server's certificate at once: an
 * ECDSA key on P-256, good for a week. Nobody trusts it.
 */
#ifndef KTLS_X509_TEMPORARY_H
#define KTLS_X509_TEMPORARY_H

#include <stdbool.h>
#include <stddef.h>

struct x509_temporary {
	char *cert; /* PEM, both */
	size_t cert_len;
	char *key;
	size_t key_len;
};

/*
 * For n names, host names or IP addresses, at least one. False for a name that is none, or without
 * memory or random numbers. To be ended with x509_temporary_free().
 */
bool x509_temporary_make(const char *const *names, size_t n, struct x509_temporary *out)
	__attribute__((warn_unused_result));

/* Wipes and frees. */
void x509_temporary_free(struct x509_temporary *made);

#endif
