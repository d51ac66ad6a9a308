/* SPDX-License-Identifier: MIT */
/*
 * The premaster secret in what RSA decryption leaves (RFC 5246, 7.4.7.1; RFC 8017, 7.2.2), without
 * an oracle: whether the padding was good, or the version, shows in nothing but the value.
 */
#ifndef KTLS_CRYPTO_RSA_PREMASTER_H
#define KTLS_CRYPTO_RSA_PREMASTER_H

#include <stddef.h>
#include <stdint.h>

#define RSA_PREMASTER 48 /* bytes */

/*
 * block: what decryption without looking at the padding gave, as long as the modulus, at least 59
 * bytes. out gets the 48 bytes behind a good padding of type 2 if they begin with the version that
 * the ClientHello named, else those of random. In time that depends on len only.
 */
void rsa_premaster(const uint8_t *block, size_t len, uint16_t version,
		   const uint8_t random[static RSA_PREMASTER], uint8_t out[static RSA_PREMASTER]);

#endif
