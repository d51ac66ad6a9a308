/* SPDX-License-Identifier: MIT */
/* The length-patching writer (lib/wire/writer.h). */
#include <stdlib.h>

#include "lib/wire/writer.h"
#include "tests/harness/harness.h"

FIXTURE(out)
{
	uint8_t buf[64];
	struct writer w;
};

FIXTURE_SETUP(out)
{
	memset(self->buf, 0xcc, sizeof(self->buf));
	writer_init(&self->w, self->buf, sizeof(self->buf));
}

TEST_F(out, starts_empty)
{
	EXPECT_TRUE(writer_ok(&self->w));
	EXPECT_EQ(0, self->w.len);
	EXPECT_EQ(sizeof(self->buf), self->w.cap);
	EXPECT_EQ(0xcc, self->buf[0]);
}

TEST_F(out, numbers_are_big_endian)
{
	static const uint8_t want[] = { 0x01, 0x02, 0x03, 0x04, 0x05, 0x06, 0x07, 0x08, 0x09,
					0x0a, 0xf0, 0xf1, 0xf2, 0xf3, 0xf4, 0xf5, 0xf6, 0xf7 };

	writer_u8(&self->w, 0x01);
	writer_u16(&self->w, 0x0203);
	writer_u24(&self->w, 0x040506);
	writer_u32(&self->w, 0x0708090a);
	writer_u64(&self->w, 0xf0f1f2f3f4f5f6f7);
	ASSERT_TRUE(writer_ok(&self->w));
	ASSERT_EQ(sizeof(want), self->w.len);
	EXPECT_MEMEQ(want, self->buf, sizeof(want));
	EXPECT_EQ(0xcc, self->buf[sizeof(want)]);
}

TEST_F(out, bytes)
{
	writer_bytes(&self->w, "abc", 3);
	writer_bytes(&self->w, NULL, 0);
	ASSERT_TRUE(writer_ok(&self->w));
	ASSERT_EQ(3, self->w.len);
	EXPECT_MEMEQ("abc", self->buf, 3);
}

TEST_F(out, space_is_the_callers_to_fill)
{
	uint8_t *p;

	writer_u8(&self->w, 1);
	p = writer_space(&self->w, 4);
	ASSERT_EQ(self->buf + 1, p);
	memset(p, 2, 4);
	writer_u8(&self->w, 3);
	ASSERT_EQ(6, self->w.len);
	EXPECT_MEMEQ("\1\2\2\2\2\3", self->buf, 6);
}

TEST_F(out, vectors_get_their_lengths)
{
	struct writer_vec outer = writer_open(&self->w, 3), middle, inner;

	middle = writer_open(&self->w, 2);
	inner = writer_open(&self->w, 1);
	writer_bytes(&self->w, "abc", 3);
	writer_close(&self->w, inner);
	writer_vec(&self->w, 1, "de", 2);
	writer_close(&self->w, middle);
	writer_u8(&self->w, 'f');
	writer_close(&self->w, outer);
	ASSERT_TRUE(writer_ok(&self->w));
	ASSERT_EQ(13, self->w.len);
	EXPECT_MEMEQ("\0\0\x0a\0\x07\x03"
		     "abc\x02"
		     "def",
		     self->buf, 13);
}

TEST_F(out, empty_vectors)
{
	writer_vec(&self->w, 1, NULL, 0);
	writer_vec(&self->w, 2, NULL, 0);
	writer_vec(&self->w, 3, NULL, 0);
	ASSERT_TRUE(writer_ok(&self->w));
	ASSERT_EQ(6, self->w.len);
	EXPECT_MEMEQ("\0\0\0\0\0\0", self->buf, 6);
}

TEST_F(out, u24_refuses_a_fourth_byte)
{
	writer_u24(&self->w, 0xffffff);
	EXPECT_TRUE(writer_ok(&self->w));
	writer_u24(&self->w, 0x1000000);
	EXPECT_FALSE(writer_ok(&self->w));
	EXPECT_EQ(3, self->w.len);
}

/* ---- overflow ------------------------------------------------------------------------------- */

/* Each function, with room for all but the last byte of what it writes. */
static void put_u8(struct writer *w)
{
	writer_u8(w, 1);
}

static void put_u16(struct writer *w)
{
	writer_u16(w, 1);
}

static void put_u24(struct writer *w)
{
	writer_u24(w, 1);
}

static void put_u32(struct writer *w)
{
	writer_u32(w, 1);
}

static void put_u64(struct writer *w)
{
	writer_u64(w, 1);
}

static void put_bytes(struct writer *w)
{
	writer_bytes(w, "abcd", 4);
}

static void put_space(struct writer *w)
{
	uint8_t *p = writer_space(w, 4);

	if (p)
		memset(p, 1, 4);
}

static void put_vec(struct writer *w)
{
	writer_vec(w, 3, "ab", 2);
}

static void put_nested(struct writer *w)
{
	struct writer_vec outer = writer_open(w, 2), inner = writer_open(w, 1);

	writer_u16(w, 1);
	writer_close(w, inner);
	writer_close(w, outer);
}

FIXTURE(each)
{
	uint8_t *buf;
};

FIXTURE_VARIANT(each)
{
	void (*put)(struct writer * w);
	size_t len;
};

FIXTURE_VARIANT_ADD(each, u8){ .put = put_u8, .len = 1 };
FIXTURE_VARIANT_ADD(each, u16){ .put = put_u16, .len = 2 };
FIXTURE_VARIANT_ADD(each, u24){ .put = put_u24, .len = 3 };
FIXTURE_VARIANT_ADD(each, u32){ .put = put_u32, .len = 4 };
FIXTURE_VARIANT_ADD(each, u64){ .put = put_u64, .len = 8 };
FIXTURE_VARIANT_ADD(each, bytes){ .put = put_bytes, .len = 4 };
FIXTURE_VARIANT_ADD(each, space){ .put = put_space, .len = 4 };
FIXTURE_VARIANT_ADD(each, vec){ .put = put_vec, .len = 5 };
FIXTURE_VARIANT_ADD(each, nested){ .put = put_nested, .len = 5 };

FIXTURE_SETUP(each)
{
	self->buf = malloc(variant->len + 1);
	ASSERT_NOT_NULL(self->buf);
}

FIXTURE_TEARDOWN(each)
{
	free(self->buf);
}

TEST_F(each, fits_exactly)
{
	struct writer w;

	self->buf[variant->len] = 0xcc;
	writer_init(&w, self->buf, variant->len);
	variant->put(&w);
	EXPECT_TRUE(writer_ok(&w));
	EXPECT_EQ(variant->len, w.len);
	EXPECT_EQ(0xcc, self->buf[variant->len]);
}

TEST_F(each, too_little_room_is_remembered_and_nothing_written_beyond)
{
	for (size_t cap = 0; cap < variant->len; cap++) {
		struct writer w;

		memset(self->buf, 0xcc, variant->len + 1);
		writer_init(&w, self->buf, cap);
		variant->put(&w);
		EXPECT_FALSE(writer_ok(&w));
		EXPECT_LE(w.len, cap);
		for (size_t i = cap; i <= variant->len; i++)
			EXPECT_EQ(0xcc, self->buf[i]);
	}
}

TEST_F(each, writes_nothing_once_overflown)
{
	struct writer w;

	memset(self->buf, 0xcc, variant->len + 1);
	writer_init(&w, self->buf, variant->len);
	EXPECT_NULL(writer_space(&w, variant->len + 1));
	ASSERT_FALSE(writer_ok(&w));
	variant->put(&w);
	EXPECT_FALSE(writer_ok(&w));
	EXPECT_EQ(0, w.len);
	for (size_t i = 0; i <= variant->len; i++)
		EXPECT_EQ(0xcc, self->buf[i]);
}

TEST_F(out, a_length_near_the_end_of_size_t)
{
	writer_u32(&self->w, 0);
	EXPECT_NULL(writer_space(&self->w, SIZE_MAX));
	EXPECT_FALSE(writer_ok(&self->w));
	writer_init(&self->w, self->buf, sizeof(self->buf));
	writer_u32(&self->w, 0);
	EXPECT_NULL(writer_space(&self->w, SIZE_MAX - 3));
	EXPECT_FALSE(writer_ok(&self->w));
}

TEST_F(out, no_room_at_all)
{
	writer_init(&self->w, NULL, 0);
	writer_bytes(&self->w, NULL, 0);
	EXPECT_TRUE(writer_ok(&self->w));
	writer_u8(&self->w, 1);
	EXPECT_FALSE(writer_ok(&self->w));
	EXPECT_EQ(0, self->w.len);
}

/* A vector of the greatest length that its prefix can hold, and of one more. */
static void limit(uint8_t width)
{
	size_t max = ((size_t)1 << (8 * width)) - 1;
	uint8_t *buf = calloc(1, max + 8), *content = calloc(1, max + 1);
	struct writer w;

	ASSERT_TRUE(buf && content);
	writer_init(&w, buf, max + 8);
	writer_vec(&w, width, content, max);
	EXPECT_TRUE(writer_ok(&w));
	EXPECT_EQ(width + max, w.len);
	EXPECT_MEMEQ("\xff\xff\xff", buf, width);
	writer_init(&w, buf, max + 8);
	writer_vec(&w, width, content, max + 1);
	EXPECT_FALSE(writer_ok(&w));
	free(buf);
	free(content);
}

TEST(vectors_end_at_what_their_prefix_can_say)
{
	limit(1);
	limit(2);
	limit(3);
}

TEST_F(out, an_inner_overflow_is_not_forgotten_by_outer_vectors)
{
	struct writer_vec outer, inner;

	writer_init(&self->w, self->buf, 6);
	outer = writer_open(&self->w, 2);
	inner = writer_open(&self->w, 1);
	writer_u32(&self->w, 1);
	writer_close(&self->w, inner);
	writer_close(&self->w, outer);
	writer_u8(&self->w, 1);
	EXPECT_FALSE(writer_ok(&self->w));
	EXPECT_EQ(3, self->w.len);
}

TEST_HARNESS_MAIN
