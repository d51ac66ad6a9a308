/* SPDX-License-Identifier: MIT */
/*
 * The names that a certificate presents, as text that programs compare and people read: the subject
 * and what is in the subjectAltName (RFC 5280, 4.1.2.6 and 4.2.1.6). What cannot be written without
 * doubt (a DNS name with a 0 in it, an address of 5 bytes, other kinds of names) is left out.
 */
#ifndef KTLS_X509_NAMES_H
#define KTLS_X509_NAMES_H

#include <stdbool.h>
#include <stddef.h>

#include <openssl/x509.h>

#include <ktls-tls.h>

#include "lib/x509/verify.h"

/* The subject first, if it is not empty, then subjectAltNames in their order. */
struct x509_names {
	struct ktls_name *list; /* list and texts are one block of memory */
	size_t len;
	size_t left_out; /* names that cannot be written, or for which there was no room */
};

/* The names of x, to be wiped. False without memory, or where the subjectAltName is malformed. */
bool x509_names_read(const X509 *x, struct x509_names *out) __attribute__((warn_unused_result));

void x509_names_wipe(struct x509_names *names);

#endif
