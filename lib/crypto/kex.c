/* SPDX-License-Identifier: MIT */
/* The key exchange groups behind one interface. */
#include "lib/crypto/kex.h"

#include "lib/crypto/p256.h"
#include "lib/crypto/x25519.h"

size_t kex_share_size(enum kex_group group)
{
	return group == KEX_X25519 ? X25519_BYTES : P256_SHARE;
}

size_t kex_shared_size(enum kex_group group)
{
	return group == KEX_X25519 ? X25519_BYTES : P256_SHARED;
}

void kex_generate(enum kex_group group, uint8_t *private_key, uint8_t *share)
{
	if (group == KEX_X25519)
		x25519_generate(private_key, share);
	else
		p256_generate(private_key, share);
}

bool kex_share_of(enum kex_group group, const uint8_t *private_key, uint8_t *share)
{
	if (group == KEX_SECP256R1)
		return p256_share_of(private_key, share);
	x25519_share_of(private_key, share);
	return true;
}

bool kex_agree(enum kex_group group, const uint8_t *private_key, const uint8_t *peer_share,
	       size_t peer_len, uint8_t *shared)
{
	if (group == KEX_X25519)
		return x25519_agree(private_key, peer_share, peer_len, shared);
	return p256_agree(private_key, peer_share, peer_len, shared);
}
