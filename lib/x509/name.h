/* SPDX-License-Identifier: MIT */
/* Host names and IP literals that are compared with a certificate's names (RFC 6125, 6.4). */
#ifndef KTLS_X509_NAME_H
#define KTLS_X509_NAME_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/x509/identity.h"

#define X509_NAME_MAX 253 /* characters of a host name, without a trailing dot */

/*
 * len characters as a host name in lower case: labels of 1 to 63 letters, digits, hyphens and
 * underscores (which DNS knows, though not host names). Internationalised names are written as
 * A-labels. false where they are none; a trailing dot makes them none.
 */
bool x509_name_lower(const char *name, size_t len, char out[static X509_NAME_MAX + 1]);

/* What the leaf must be for. */
struct x509_reference {
	struct x509_address address; /* len 0: it is a host name */
	char name[X509_NAME_MAX + 1];
};

/* An IP literal, or a host name with or without a trailing dot; false where name is neither. */
bool x509_reference_parse(const char *name, struct x509_reference *out);

#endif
