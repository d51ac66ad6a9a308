/* SPDX-License-Identifier: MIT */
/*
 * Certificates (RFC 5280) and what is done with their keys: the only part that uses libcrypto.
 *
 *   identity.h   our own certificates, the public half of a credential
 *   key.h        the private half, in the process that signs
 *   trust.h      the certificates that we trust
 *   verify.h     a peer's certificates and its signature
 *
 * Objects belong to one thread at a time. No function leaves anything in libcrypto's error queue.
 */
#ifndef KTLS_X509_X509_H
#define KTLS_X509_X509_H

/* What went wrong, for people. */
struct x509_error {
	unsigned int line; /* of the PEM that was read, from 1; 0 where no line is to blame */
	char text[256];    /* one line without a full stop, nothing secret in it; "" for nothing */
};

/*
 * For a process of its own, before any other function of lib/x509 and before it gives up the right
 * to open files: keeps libcrypto from reading its configuration, and has everything read that would
 * be later. A library inside somebody else's program must not call it: there the program decides.
 * 0, or -KTLS_R_INTERNAL.
 */
int x509_init(void) __attribute__((warn_unused_result));

#endif
