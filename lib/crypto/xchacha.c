/* SPDX-License-Identifier: MIT */
#include "lib/crypto/xchacha.h"

#include <sodium.h>

_Static_assert(XCHACHA_KEY == crypto_aead_xchacha20poly1305_ietf_KEYBYTES, "of one size");
_Static_assert(XCHACHA_NONCE == crypto_aead_xchacha20poly1305_ietf_NPUBBYTES, "of one size");
_Static_assert(XCHACHA_TAG == crypto_aead_xchacha20poly1305_ietf_ABYTES, "of one size");

void xchacha_seal(const uint8_t key[static XCHACHA_KEY], const uint8_t nonce[static XCHACHA_NONCE],
		  const void *ad, size_t ad_len, const uint8_t *in, size_t len, uint8_t *out)
{
	crypto_aead_xchacha20poly1305_ietf_encrypt(out, NULL, in, len, ad, ad_len, NULL, nonce,
						   key);
}

bool xchacha_open(const uint8_t key[static XCHACHA_KEY], const uint8_t nonce[static XCHACHA_NONCE],
		  const void *ad, size_t ad_len, const uint8_t *in, size_t len, uint8_t *out)
{
	return crypto_aead_xchacha20poly1305_ietf_decrypt(out, NULL, NULL, in, len, ad, ad_len,
							  nonce, key) == 0;
}
