/* SPDX-License-Identifier: MIT */
/*
 * Our part of X25519: from the Ed25519 point to the share. The multiplications before are
 * libsodium's, and its verdict on the result is a branch on what is public.
 */
#include "tests/ct/ct.h"

#include "lib/crypto/x25519.h"

/* Numbers that take each way through the last reduction, if there were more than one. */
TEST(u_from_edwards_y)
{
	uint8_t y[X25519_BYTES], u[X25519_BYTES];

	for (int i = 0; i < 256; i++) {
		memset(y, i & 1 ? 0xff : 0, sizeof(y));
		y[0] = (uint8_t)i;
		ct_secret(y, sizeof(y));
		x25519_u_from_edwards_y(y, u);
		EXPECT_TRUE(ct_is_secret(u, sizeof(u)));
	}
	EXPECT_EQ(0, ct_leaks());
}

CT_MAIN
