/* SPDX-License-Identifier: MIT */
/*
 * The private half of a credential: a certificate's key, and the signatures of handshakes that it
 * makes: CertificateVerify (RFC 9846, 4.5.2; RFC 5246, 7.4.8) and ServerKeyExchange (RFC 8422,
 * 5.4); and the decryption of premaster secrets (RFC 5246, 7.4.7.1). It lives in the
 * process that signs, nowhere else.
 */
#ifndef KTLS_X509_KEY_H
#define KTLS_X509_KEY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <ktls-handshake.h>

#include "lib/x509/identity.h"
#include "lib/x509/x509.h"

struct x509_key;

/*
 * The one private key in bytes (len of them): PEM with PKCS#8, RSA or EC keys, other blocks are
 * skipped; or PKCS#8 in DER. Of the types that x509_identity_new() takes. Encrypted keys are
 * refused: there is nobody to ask. The caller wipes bytes. Returns NULL with err written; to be
 * freed.
 */
struct x509_key *x509_key_new(const void *bytes, size_t len, struct x509_error *err)
	__attribute__((warn_unused_result));

/* Wipes and frees. */
void x509_key_free(struct x509_key *key);

/* Whether it is the key of the identity's leaf. */
bool x509_key_fits(const struct x509_key *key, const struct x509_identity *identity);

/*
 * Signs len bytes of content (at most KTLS_ENGINE_CONTENT_MAX, in TLS 1.2
 * KTLS_ENGINE_MESSAGES_MAX) as the scheme says, in a version of
 * TLS: rsa_pkcs1 is for TLS 1.2. The caller sees to it that the content is that of the version's
 * handshake signature and nothing else. Returns 0; -KTLS_R_MISUSE for a scheme that the key cannot
 * make or the version does not have; -KTLS_R_SIGNER.
 */
int x509_key_sign(struct x509_key *key, uint16_t version, uint16_t scheme, const uint8_t *content,
		  size_t len, uint8_t sig[static KTLS_ENGINE_SIGNATURE_MAX], size_t *sig_len)
	__attribute__((warn_unused_result));

/*
 * TLS 1.2's master secret out of an encrypted premaster secret (RFC 5246, 7.4.7.1). What does not
 * decrypt, or to a wrong version, leads to a master secret that nobody can know, in the same time
 * and with the same result, 0; -KTLS_R_MISUSE for a key that is not RSA. Whether the key may be
 * used for that is the caller's to know.
 */
int x509_key_decrypt_master(struct x509_key *key, const struct ktls_engine_decrypt *request,
			    uint8_t master[static KTLS_ENGINE_MASTER_LEN])
	__attribute__((warn_unused_result));

#endif
