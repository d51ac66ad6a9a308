/* SPDX-License-Identifier: MIT */
/*
 * The check itself: code that leaks is reported, code that does not is not.
 * Valgrind prints the three reports that are meant; nothing silences and counts them both.
 */
#include "tests/ct/ct.h"

#include <stdint.h>

#include "lib/crypto/util.h"

static volatile uint8_t sink;

static __attribute__((noinline)) void branch_on(uint8_t secret)
{
	if (secret & 1)
		sink = 1;
}

static __attribute__((noinline)) void look_up_by(uint8_t secret)
{
	static const volatile uint8_t table[256];

	sink = table[secret];
}

static __attribute__((noinline)) void compute_with(uint8_t secret)
{
	sink = (uint8_t)(secret * 3 ^ secret >> 2);
}

/* memcmp() itself may be inlined or replaced: a loop that ends at the first difference is not. */
static __attribute__((noinline)) bool early_exit_equal(const uint8_t *a, const uint8_t *b,
						       size_t len)
{
	for (size_t i = 0; i < len; i++) {
		if (a[i] != b[i])
			return false;
	}
	return true;
}

TEST(a_branch_is_reported)
{
	uint8_t secret = 5;

	ct_secret(&secret, sizeof(secret));
	branch_on(secret);
	EXPECT_EQ(1, ct_leaks());
}

TEST(an_address_is_reported)
{
	uint8_t secret = 5;

	ct_secret(&secret, sizeof(secret));
	look_up_by(secret);
	EXPECT_EQ(1, ct_leaks());
}

TEST(an_early_exit_is_reported)
{
	uint8_t a[16] = { 0 }, b[16] = { 0 };

	ct_secret(a, sizeof(a));
	sink = early_exit_equal(a, b, sizeof(a));
	EXPECT_GE(ct_leaks(), 1);
}

TEST(arithmetic_is_not_reported)
{
	uint8_t secret = 5;

	ct_secret(&secret, sizeof(secret));
	compute_with(secret);
	EXPECT_EQ(0, ct_leaks());
}

TEST(what_was_made_public_is_not_reported)
{
	uint8_t secret = 5;

	ct_secret(&secret, sizeof(secret));
	EXPECT_TRUE(ct_is_secret(&secret, sizeof(secret)));
	ct_public(&secret, sizeof(secret));
	EXPECT_FALSE(ct_is_secret(&secret, sizeof(secret)));
	branch_on(secret);
	EXPECT_EQ(0, ct_leaks());
}

TEST(secret_equal_gives_away_its_verdict_only)
{
	uint8_t a[32] = { 1 }, b[32] = { 2 };

	ct_secret(a, sizeof(a));
	EXPECT_FALSE(secret_equal(a, b, sizeof(a)));
	EXPECT_TRUE(ct_is_secret(a, sizeof(a)));
	EXPECT_EQ(0, ct_leaks());
}

CT_MAIN
