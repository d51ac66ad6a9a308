/* SPDX-License-Identifier: MIT */
/*
 * From the decrypted block to the master secret: neither a good padding nor a bad one, nor a wrong
 * version, shows in a branch or an address.
 */
#include "tests/ct/ct.h"

#include <string.h>

#include "lib/crypto/prf.h"
#include "lib/crypto/rsa_premaster.h"

#define BLOCK 256

static void make(uint8_t block[static BLOCK])
{
	memset(block, 0x55, BLOCK);
	block[0] = 0;
	block[1] = 2;
	block[BLOCK - RSA_PREMASTER - 1] = 0;
	block[BLOCK - RSA_PREMASTER] = 3;
	block[BLOCK - RSA_PREMASTER + 1] = 3;
}

/* Each byte of the padding damaged in turn, and none. */
TEST(padding)
{
	uint8_t block[BLOCK], random[RSA_PREMASTER] = { 7 }, out[RSA_PREMASTER];

	for (size_t i = 0; i <= BLOCK - RSA_PREMASTER + 2; i++) {
		make(block);
		if (i < BLOCK - RSA_PREMASTER + 2)
			block[i] = i >= 2 && i < BLOCK - RSA_PREMASTER - 1 ? 0 : 9;
		ct_secret(block, sizeof(block));
		ct_secret(random, sizeof(random));
		rsa_premaster(block, sizeof(block), 0x0303, random, out);
		EXPECT_TRUE(ct_is_secret(out, sizeof(out)));
	}
	EXPECT_EQ(0, ct_leaks());
}

TEST(master_secret)
{
	static const uint8_t seed[HASH_MAX];
	uint8_t premaster[RSA_PREMASTER] = { 3, 3 }, master[PRF_MASTER];
	struct prf_master from = { .session_hash = seed,
				   .client_random = seed,
				   .server_random = seed };

	for (int i = 0; i < 4; i++) {
		from.alg = i & 1 ? HASH_SHA384 : HASH_SHA256;
		from.extended = i & 2;
		ct_secret(premaster, sizeof(premaster));
		prf_master(&from, premaster, sizeof(premaster), master);
		EXPECT_TRUE(ct_is_secret(master, sizeof(master)));
	}
	EXPECT_EQ(0, ct_leaks());
}

CT_MAIN
