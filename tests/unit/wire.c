/* SPDX-License-Identifier: MIT */
/* The bounds-checked reader and the length-patching writer (lib/wire). */
#include "tests/harness/harness.h"

#include "lib/wire/reader.h"

TEST(reader_known_answers)
{
	static const uint8_t bytes[] = { 1, 2, 3 };
	struct reader r;
	uint16_t v = 0;

	reader_init(&r, bytes, sizeof(bytes));
	ASSERT_TRUE(reader_u16(&r, &v));
	EXPECT_EQ(0x0102, v);
	EXPECT_EQ(1, r.left);
	EXPECT_NE(NULL, r.at);
}

TEST_HARNESS_MAIN
