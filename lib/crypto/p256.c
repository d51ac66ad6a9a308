/* SPDX-License-Identifier: MIT */
/* ECDH on P-256: private keys, and what is made of them. */
#include "lib/crypto/p256.h"

#include <endian.h>
#include <string.h>

#include "lib/crypto/carry.h"
#include "lib/crypto/p256_point.h"
#include "lib/crypto/util.h"

/* The order of the base point, least significant word first. */
static const uint64_t order[4] = { 0xf3b9cac2fc632551, 0xbce6faada7179e84, 0xffffffffffffffff,
				   0xffffffff00000000 };

/*
 * The private key as words, least significant first, and a mask that says whether it is in range;
 * where it is not, 1 takes its place, so that nothing but the outcome tells.
 */
static uint64_t scalar_from_bytes(const uint8_t in[P256_PRIVATE], uint64_t k[4])
{
	uint64_t t[5] = { 0 }, valid;

	for (int i = 0; i < 4; i++) {
		memcpy(&k[i], in + 8 * (3 - i), 8);
		t[i] = k[i] = be64toh(k[i]);
	}
	valid = subtract_words_5(t, order[0], order[1], order[2], order[3], 0);
	valid &= ~p256_mask_zero(k[0] | k[1] | k[2] | k[3]);
	secret_wipe(t, sizeof(t));
	for (int i = 0; i < 4; i++)
		k[i] &= valid;
	k[0] |= ~valid & 1;
	return valid;
}

static void mask_bytes(uint64_t mask, size_t len, uint8_t *bytes)
{
	for (size_t i = 0; i < len; i++)
		bytes[i] &= (uint8_t)mask;
}

/*
 * The group law and the field below it are called thousands of times: what they leave in their
 * frames, all of them below the caller's, is wiped here once, and not by each of them.
 */
static __attribute__((noinline)) void wipe_frames_below(void)
{
	uint8_t frames[4096];

	secret_wipe(frames, sizeof(frames));
}

static uint64_t share_of(const uint8_t private_key[P256_PRIVATE], uint8_t share[P256_SHARE])
{
	struct {
		uint64_t k[4];
		struct p256_point product;
		struct p256_affine affine;
	} secret;
	uint64_t valid = scalar_from_bytes(private_key, secret.k);

	p256_multiply_base(secret.k, &secret.product);
	p256_point_to_affine(&secret.product, &secret.affine);
	p256_point_to_bytes(&secret.affine, share);
	mask_bytes(valid, P256_SHARE, share);
	secret_wipe(&secret, sizeof(secret));
	wipe_frames_below();
	return valid;
}

bool p256_share_of(const uint8_t private_key[static P256_PRIVATE], uint8_t share[static P256_SHARE])
{
	return share_of(private_key, share) & 1;
}

/* 2^256 / n is just above 1: a second draw is needed once in 2^32. */
void p256_generate(uint8_t private_key[static P256_PRIVATE], uint8_t share[static P256_SHARE])
{
	do {
		random_bytes(private_key, P256_PRIVATE);
	} while (!p256_share_of(private_key, share));
}

bool p256_agree(const uint8_t private_key[static P256_PRIVATE], const uint8_t *peer_share,
		size_t peer_len, uint8_t shared[static P256_SHARED])
{
	struct {
		uint64_t k[4];
		struct p256_point product;
		struct p256_affine affine;
	} secret;
	struct p256_affine peer;
	uint64_t valid;

	if (!p256_point_from_bytes(peer_share, peer_len, &peer)) {
		memset(shared, 0, P256_SHARED);
		return false;
	}
	valid = scalar_from_bytes(private_key, secret.k);
	p256_multiply(secret.k, &peer, &secret.product);
	p256_point_to_affine(&secret.product, &secret.affine);
	p256_fe_to_bytes(&secret.affine.x, shared);
	mask_bytes(valid, P256_SHARED, shared);
	secret_wipe(&secret, sizeof(secret));
	wipe_frames_below();
	return valid & 1;
}
