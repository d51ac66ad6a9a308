/* SPDX-License-Identifier: MIT */
/* The bounds-checked reader (lib/wire/reader.h). */
#include <stdlib.h>

#include "lib/wire/reader.h"
#include "tests/harness/harness.h"

static const uint8_t bytes[] = { 0x01, 0x02, 0x03, 0x04, 0xf5, 0x06, 0x07, 0x08,
				 0x09, 0x0a, 0x0b, 0x0c, 0x0d, 0x0e, 0x0f, 0xff };

/* The functions under one signature: the value read goes to u, the child to child. */
struct outputs {
	uint64_t u;
	struct reader child;
	uint8_t copy[8];
};

typedef bool read_fn(struct reader *r, struct outputs *o);

static bool read_u8(struct reader *r, struct outputs *o)
{
	uint8_t v = 0xee;
	bool ok = reader_u8(r, &v);

	o->u = ok || v != 0xee ? v : o->u;
	return ok;
}

static bool read_u16(struct reader *r, struct outputs *o)
{
	uint16_t v = 0xeeee;
	bool ok = reader_u16(r, &v);

	o->u = ok || v != 0xeeee ? v : o->u;
	return ok;
}

static bool read_u24(struct reader *r, struct outputs *o)
{
	uint32_t v = 0xeeeeeeee;
	bool ok = reader_u24(r, &v);

	o->u = ok || v != 0xeeeeeeee ? v : o->u;
	return ok;
}

static bool read_u32(struct reader *r, struct outputs *o)
{
	uint32_t v = 0xeeeeeeee;
	bool ok = reader_u32(r, &v);

	o->u = ok || v != 0xeeeeeeee ? v : o->u;
	return ok;
}

static bool read_u64(struct reader *r, struct outputs *o)
{
	return reader_u64(r, &o->u);
}

static bool read_bytes(struct reader *r, struct outputs *o)
{
	return reader_bytes(r, 5, &o->child);
}

static bool read_copy(struct reader *r, struct outputs *o)
{
	return reader_copy(r, o->copy, 5);
}

static bool read_skip(struct reader *r, struct outputs *o)
{
	(void)o;
	return reader_skip(r, 5);
}

static bool read_vec8(struct reader *r, struct outputs *o)
{
	return reader_vec8(r, &o->child);
}

static bool read_vec16(struct reader *r, struct outputs *o)
{
	return reader_vec16(r, &o->child);
}

static bool read_vec24(struct reader *r, struct outputs *o)
{
	return reader_vec24(r, &o->child);
}

static struct reader over(const void *p, size_t len)
{
	struct reader r;

	reader_init(&r, p, len);
	return r;
}

/* ---- numbers: big endian, most significant byte first (RFC 9846, section 3.3) ---------------- */

TEST(numbers_are_big_endian)
{
	struct reader r = over(bytes, sizeof(bytes));
	uint8_t u8;
	uint16_t u16;
	uint32_t u24, u32;

	ASSERT_TRUE(reader_u8(&r, &u8));
	EXPECT_EQ(0x01, u8);
	ASSERT_TRUE(reader_u16(&r, &u16));
	EXPECT_EQ(0x0203, u16);
	ASSERT_TRUE(reader_u24(&r, &u24));
	EXPECT_EQ(0x04f506, u24);
	ASSERT_TRUE(reader_u32(&r, &u32));
	EXPECT_EQ(0x0708090a, u32);
	EXPECT_EQ(6, r.left);
	EXPECT_EQ(bytes + 10, r.at);
}

TEST(u64_uses_all_bits)
{
	static const uint8_t high[] = { 0xff, 0xfe, 0xfd, 0xfc, 0xfb, 0xfa, 0xf9, 0xf8 };
	struct reader r = over(high, sizeof(high));
	uint64_t u64;

	ASSERT_TRUE(reader_u64(&r, &u64));
	EXPECT_EQ(0xfffefdfcfbfaf9f8, u64);
	EXPECT_TRUE(reader_empty(&r));
}

TEST(greatest_values)
{
	static const uint8_t ones[] = { 0xff, 0xff, 0xff, 0xff };
	struct reader r1 = over(ones, 4), r2 = r1, r3 = r1, r4 = r1;
	uint8_t u8;
	uint16_t u16;
	uint32_t u24, u32;

	ASSERT_TRUE(reader_u8(&r1, &u8) && reader_u16(&r2, &u16));
	ASSERT_TRUE(reader_u24(&r3, &u24) && reader_u32(&r4, &u32));
	EXPECT_EQ(0xff, u8);
	EXPECT_EQ(0xffff, u16);
	EXPECT_EQ(0xffffff, u24);
	EXPECT_EQ(0xffffffff, u32);
}

/* ---- bytes ---------------------------------------------------------------------------------- */

TEST(bytes_copy_and_skip)
{
	struct reader r = over(bytes, sizeof(bytes)), child;
	uint8_t copy[3];

	ASSERT_TRUE(reader_bytes(&r, 4, &child));
	EXPECT_EQ(bytes, child.at);
	EXPECT_EQ(4, child.left);
	ASSERT_TRUE(reader_skip(&r, 2));
	ASSERT_TRUE(reader_copy(&r, copy, sizeof(copy)));
	EXPECT_MEMEQ(bytes + 6, copy, sizeof(copy));
	EXPECT_EQ(7, r.left);
}

TEST(no_bytes_from_nothing)
{
	struct reader r = over(NULL, 0), child = over(bytes, 1);
	uint8_t copy = 0x77;

	EXPECT_TRUE(reader_empty(&r));
	EXPECT_TRUE(reader_bytes(&r, 0, &child));
	EXPECT_TRUE(reader_empty(&child));
	EXPECT_TRUE(reader_copy(&r, &copy, 0));
	EXPECT_TRUE(reader_skip(&r, 0));
	EXPECT_EQ(0x77, copy);
	EXPECT_FALSE(reader_u8(&r, &copy));
}

TEST(a_length_near_the_end_of_size_t)
{
	struct reader r = over(bytes, sizeof(bytes)), child = r;
	uint8_t copy = 0x77;

	ASSERT_TRUE(reader_skip(&r, 1));
	EXPECT_FALSE(reader_skip(&r, SIZE_MAX));
	EXPECT_FALSE(reader_bytes(&r, SIZE_MAX - 1, &child));
	EXPECT_FALSE(reader_copy(&r, &copy, SIZE_MAX));
	EXPECT_EQ(bytes + 1, r.at);
	EXPECT_EQ(sizeof(bytes) - 1, r.left);
	EXPECT_EQ(bytes, child.at);
	EXPECT_EQ(0x77, copy);
}

TEST(equal)
{
	struct reader r = over(bytes, 3), none = over(NULL, 0);

	EXPECT_TRUE(reader_equal(&r, "\x01\x02\x03", 3));
	EXPECT_FALSE(reader_equal(&r, "\x01\x02\x04", 3));
	EXPECT_FALSE(reader_equal(&r, "\x01\x02\x03\x04", 4));
	EXPECT_FALSE(reader_equal(&r, "\x01\x02", 2));
	EXPECT_TRUE(reader_equal(&none, NULL, 0));
	EXPECT_EQ(3, r.left);
}

/* ---- vectors -------------------------------------------------------------------------------- */

TEST(vectors_of_each_width)
{
	static const uint8_t in[] = { 2, 'a', 'b', 0, 1, 'c', 0, 0, 3, 'd', 'e', 'f', 'g' };
	struct reader r = over(in, sizeof(in)), v8, v16, v24;

	ASSERT_TRUE(reader_vec8(&r, &v8));
	ASSERT_TRUE(reader_vec16(&r, &v16));
	ASSERT_TRUE(reader_vec24(&r, &v24));
	EXPECT_TRUE(reader_equal(&v8, "ab", 2));
	EXPECT_TRUE(reader_equal(&v16, "c", 1));
	EXPECT_TRUE(reader_equal(&v24, "def", 3));
	EXPECT_TRUE(reader_equal(&r, "g", 1));
}

TEST(a_child_ends_at_its_vector)
{
	static const uint8_t in[] = { 3, 1, 2, 3, 4, 5, 6 };
	struct reader r = over(in, sizeof(in)), child, grandchild;
	uint32_t u32 = 7;

	ASSERT_TRUE(reader_vec8(&r, &child));
	EXPECT_FALSE(reader_u32(&child, &u32));
	EXPECT_EQ(7, u32);
	ASSERT_TRUE(reader_vec8(&child, &grandchild));
	EXPECT_TRUE(reader_equal(&grandchild, "\x02", 1));
	EXPECT_FALSE(reader_vec8(&child, &grandchild));
	EXPECT_TRUE(reader_equal(&grandchild, "\x02", 1));
	EXPECT_TRUE(reader_equal(&child, "\x03", 1));
	EXPECT_TRUE(reader_equal(&r, "\x04\x05\x06", 3));
}

TEST(empty_vectors)
{
	static const uint8_t in[6] = { 0 };
	struct reader r = over(in, sizeof(in)), child = over(bytes, 1);

	ASSERT_TRUE(reader_vec24(&r, &child));
	EXPECT_TRUE(reader_empty(&child));
	ASSERT_TRUE(reader_vec16(&r, &child));
	EXPECT_TRUE(reader_empty(&child));
	ASSERT_TRUE(reader_vec8(&r, &child));
	EXPECT_TRUE(reader_empty(&child));
	EXPECT_TRUE(reader_empty(&r));
}

TEST(a_child_may_replace_its_parent)
{
	static const uint8_t in[] = { 2, 8, 9, 10 };
	struct reader r = over(in, sizeof(in)), parent = r;

	ASSERT_TRUE(reader_vec8(&parent, &r));
	EXPECT_TRUE(reader_equal(&r, "\x08\x09", 2));
	EXPECT_TRUE(reader_equal(&parent, "\x0a", 1));
}

/* The longest vector that each prefix can announce, and one byte less than that. */
static void longest(uint8_t width, bool (*read_vec)(struct reader *, struct reader *))
{
	size_t len = ((size_t)1 << (8 * width)) - 1;
	uint8_t *in = calloc(1, width + len);
	struct reader r, child = over(bytes, 1);

	ASSERT_NOT_NULL(in);
	memset(in, 0xff, width);
	r = over(in, width + len - 1);
	EXPECT_FALSE(read_vec(&r, &child));
	EXPECT_EQ(width + len - 1, r.left);
	EXPECT_EQ(1, child.left);
	r = over(in, width + len);
	EXPECT_TRUE(read_vec(&r, &child));
	EXPECT_EQ(len, child.left);
	EXPECT_TRUE(reader_empty(&r));
	free(in);
}

TEST(longest_vectors)
{
	longest(1, reader_vec8);
	longest(2, reader_vec16);
	longest(3, reader_vec24);
}

/* ---- each function, its input truncated at every byte ---------------------------------------- */

FIXTURE(each)
{
	uint8_t *exact; /* on the heap, so that a sanitizer sees a read past the end */
};

FIXTURE_VARIANT(each)
{
	read_fn *read;
	uint8_t in[8];
	size_t need;
};

FIXTURE_VARIANT_ADD(each, u8){ .read = read_u8, .in = { 1 }, .need = 1 };
FIXTURE_VARIANT_ADD(each, u16){ .read = read_u16, .in = { 1, 2 }, .need = 2 };
FIXTURE_VARIANT_ADD(each, u24){ .read = read_u24, .in = { 1, 2, 3 }, .need = 3 };
FIXTURE_VARIANT_ADD(each, u32){ .read = read_u32, .in = { 1, 2, 3, 4 }, .need = 4 };
FIXTURE_VARIANT_ADD(each, u64){ .read = read_u64, .in = { 1, 2, 3 }, .need = 8 };
FIXTURE_VARIANT_ADD(each, bytes){ .read = read_bytes, .in = { 1, 2, 3 }, .need = 5 };
FIXTURE_VARIANT_ADD(each, copy){ .read = read_copy, .in = { 1, 2, 3 }, .need = 5 };
FIXTURE_VARIANT_ADD(each, skip){ .read = read_skip, .in = { 1, 2, 3 }, .need = 5 };
FIXTURE_VARIANT_ADD(each, vec8){ .read = read_vec8, .in = { 4, 1, 2, 3, 4 }, .need = 5 };
FIXTURE_VARIANT_ADD(each, vec16){ .read = read_vec16, .in = { 0, 3, 1, 2, 3 }, .need = 5 };
FIXTURE_VARIANT_ADD(each, vec24){ .read = read_vec24, .in = { 0, 0, 4, 1 }, .need = 7 };

FIXTURE_SETUP(each)
{
	self->exact = malloc(8);
	ASSERT_NOT_NULL(self->exact);
}

FIXTURE_TEARDOWN(each)
{
	free(self->exact);
}

TEST_F(each, truncated_at_every_byte_changes_nothing)
{
	for (size_t len = 0; len < variant->need; len++) {
		uint8_t *at = self->exact + 8 - len;
		struct reader r = over(at, len);
		struct outputs o, before;

		memset(&o, 0x5a, sizeof(o));
		before = o;
		memcpy(at, variant->in, len);
		EXPECT_FALSE(variant->read(&r, &o));
		EXPECT_EQ(at, r.at);
		EXPECT_EQ(len, r.left);
		EXPECT_MEMEQ(&before, &o, sizeof(o));
	}
}

TEST_F(each, takes_what_it_needs_and_no_more)
{
	for (size_t len = variant->need; len <= 8; len++) {
		uint8_t *at = self->exact + 8 - len;
		struct reader r = over(at, len);
		struct outputs o;

		memcpy(at, variant->in, len);
		EXPECT_TRUE(variant->read(&r, &o));
		EXPECT_EQ(at + variant->need, r.at);
		EXPECT_EQ(len - variant->need, r.left);
	}
}

TEST_HARNESS_MAIN
