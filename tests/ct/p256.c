/* SPDX-License-Identifier: MIT */
/* ECDH on P-256 by private key: good ones with digits of each kind, and such as are out of range.
 */
#include "tests/ct/ct.h"

#include "lib/crypto/p256.h"
#include "lib/crypto/p256_point.h"

FIXTURE(p256)
{
	uint8_t private_key[P256_PRIVATE], peer[P256_SHARE], out[P256_SHARE];
	bool ok;
};

FIXTURE_VARIANT(p256)
{
	const char *private_key;
	bool valid;
};

FIXTURE_VARIANT_ADD(p256, ordinary){
	.private_key = "c88f01f510d9ac3f70a292daa2316de544e9aab8afe84049c62a9c57862d1433",
	.valid = true,
};
FIXTURE_VARIANT_ADD(p256, one){
	.private_key = "0000000000000000000000000000000000000000000000000000000000000001",
	.valid = true,
};
FIXTURE_VARIANT_ADD(p256, order_less_one){
	.private_key = "ffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632550",
	.valid = true,
};
FIXTURE_VARIANT_ADD(p256, zero){
	.private_key = "0000000000000000000000000000000000000000000000000000000000000000",
	.valid = false,
};
FIXTURE_VARIANT_ADD(p256, order){
	.private_key = "ffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551",
	.valid = false,
};

FIXTURE_SETUP(p256)
{
	uint8_t own[P256_PRIVATE];

	p256_generate(own, self->peer);
	ASSERT_EQ(32, test_hex(variant->private_key, self->private_key, P256_PRIVATE));
	ct_secret(self->private_key, sizeof(self->private_key));
}

/* The verdict, which is public, comes out of the computation like all else. */
FIXTURE_TEARDOWN(p256)
{
	EXPECT_EQ(0, ct_leaks());
	ct_public(&self->ok, sizeof(self->ok));
	EXPECT_EQ(variant->valid, self->ok);
}

TEST_F(p256, share_of)
{
	self->ok = p256_share_of(self->private_key, self->out);
	EXPECT_TRUE(ct_is_secret(self->out, P256_SHARE));
}

TEST_F(p256, agree)
{
	self->ok = p256_agree(self->private_key, self->peer, P256_SHARE, self->out);
	EXPECT_TRUE(ct_is_secret(self->out, P256_SHARED));
}

/* The group law by coordinates, where infinity and doubling are not told from other sums. */
TEST(sums)
{
	struct p256_point a, b, sum;

	for (int infinity = 0; infinity < 4; infinity++) {
		a = (struct p256_point){ p256_base_table[0][0].x, p256_base_table[0][0].y,
					 p256_fe_one };
		b = a;
		if (infinity & 1)
			memset(&a.z, 0, sizeof(a.z));
		if (infinity & 2)
			memset(&b.z, 0, sizeof(b.z));
		ct_secret(&a, sizeof(a));
		ct_secret(&b, sizeof(b));
		p256_point_add(&a, &b, &sum);
		EXPECT_TRUE(ct_is_secret(&sum, sizeof(sum)));
		p256_point_double(&a, &sum);
		EXPECT_TRUE(ct_is_secret(&sum, sizeof(sum)));
	}
	EXPECT_EQ(0, ct_leaks());
}

CT_MAIN
