/* SPDX-License-Identifier: MIT */
/*
 * The role that holds the private keys. It is sent fields, never a digest to be signed as it is,
 * and builds the content of a CertificateVerify (RFC 9846, 4.5.2) itself: what it signs is good for
 * one TLS handshake and for nothing else. It has no network, and nobody to talk to but its
 * supervisor and the workers.
 */
#ifndef KTLSD_SIGNER_H
#define KTLSD_SIGNER_H

/* The role: does not return before its end. An exit status. */
int signer_main(void);

#endif
