/* SPDX-License-Identifier: MIT */
/* Sealed sessions and their keys: what opens, what does not, and for how long. */
#include <string.h>

#include "lib/conn/sealing_keys.h"
#include "lib/crypto/util.h"
#include "tests/harness/harness.h"

#define COOKIE UINT64_C(0x0102030405060708)
#define NOW    UINT64_C(1000000)
#define DAY    UINT64_C(86400)
#define AGE    SEALING_AGE_S

FIXTURE(keys)
{
	struct sealing_keys keys;
	uint8_t header[SEALED_HEADER_LEN];
	uint8_t sealed[HANDOFF_SESSION_MAX];
	size_t len;
	uint8_t content[SEALING_CONTENT_MAX];
};

static const uint8_t text[] = "secrets of a connection";

FIXTURE_SETUP(keys)
{
	static const struct sealed_header header = {
		.role = 1, .version = 0x0304, .suite = 0x1301, .records_max = 5, .session_age = AGE
	};

	ASSERT_EQ(0, crypto_init());
	memset(&self->keys, 0, sizeof(self->keys));
	memset(self->keys.boot, 7, sizeof(self->keys.boot));
	sealing_keys_rotate(&self->keys, NOW, AGE);
	sealed_header_build(&header, self->header);
	self->len = sealing_seal(&self->keys, NOW, COOKIE, self->header, text, sizeof(text),
				 self->sealed);
	ASSERT_EQ(sizeof(text) + SEALING_OVERHEAD, self->len);
}

FIXTURE_TEARDOWN(keys)
{
	secret_wipe(&self->keys, sizeof(self->keys));
}

static size_t open_at(struct test_self_keys *self, uint64_t now)
{
	return sealing_open(&self->keys, now, AGE, COOKIE, self->sealed, self->len, self->content);
}

TEST_F(keys, open_what_they_sealed)
{
	ASSERT_EQ(sizeof(text), open_at(self, NOW));
	EXPECT_MEMEQ(text, self->content, sizeof(text));
	EXPECT_MEMEQ(self->header, self->sealed, sizeof(self->header));
	EXPECT_TRUE(sealing_key_known(&self->keys, self->sealed, self->len));
}

TEST_F(keys, longest_content)
{
	static uint8_t most[SEALING_CONTENT_MAX + 1];

	memset(most, 0xa5, sizeof(most));
	self->len = sealing_seal(&self->keys, NOW, COOKIE, self->header, most, SEALING_CONTENT_MAX,
				 self->sealed);
	ASSERT_EQ(HANDOFF_SESSION_MAX, self->len);
	ASSERT_EQ(SEALING_CONTENT_MAX, open_at(self, NOW));
	EXPECT_MEMEQ(most, self->content, SEALING_CONTENT_MAX);
	EXPECT_EQ(0, sealing_seal(&self->keys, NOW, COOKIE, self->header, most, sizeof(most),
				  self->sealed));
}

TEST_F(keys, no_two_seals_are_alike)
{
	uint8_t again[HANDOFF_SESSION_MAX];

	sealing_seal(&self->keys, NOW, COOKIE, self->header, text, sizeof(text), again);
	EXPECT_NE(0, memcmp(again + SEALED_HEADER_LEN + SEALING_NAME,
			    self->sealed + SEALED_HEADER_LEN + SEALING_NAME, XCHACHA_NONCE));
}

TEST_F(keys, truncated_at_every_length)
{
	const size_t len = self->len;

	for (self->len = 0; self->len < len; self->len++)
		EXPECT_EQ(0, open_at(self, NOW));
	self->sealed[len] = 0;
	self->len = len + 1;
	EXPECT_EQ(0, open_at(self, NOW));
	self->len = HANDOFF_SESSION_MAX + 1;
	EXPECT_EQ(0, open_at(self, NOW));
}

TEST_F(keys, every_bit_flipped)
{
	for (size_t bit = 0; bit < 8 * self->len; bit++) {
		self->sealed[bit / 8] ^= (uint8_t)(1 << bit % 8);
		EXPECT_EQ(0, open_at(self, NOW));
		self->sealed[bit / 8] ^= (uint8_t)(1 << bit % 8);
	}
	EXPECT_EQ(sizeof(text), open_at(self, NOW));
}

TEST_F(keys, other_socket)
{
	EXPECT_EQ(0, sealing_open(&self->keys, NOW, AGE, COOKIE + 1, self->sealed, self->len,
				  self->content));
}

TEST_F(keys, other_boot)
{
	self->keys.boot[15] ^= 1;
	EXPECT_EQ(0, open_at(self, NOW));
}

TEST_F(keys, age)
{
	EXPECT_EQ(sizeof(text), open_at(self, NOW + AGE));
	EXPECT_EQ(0, open_at(self, NOW + AGE + 1));
	EXPECT_EQ(sizeof(text), open_at(self, NOW - 60));
	EXPECT_EQ(0, open_at(self, NOW - 61)); /* it comes from the future */
}

/* ---- rotation -------------------------------------------------------------------------------- */

TEST_F(keys, replaced_daily)
{
	EXPECT_FALSE(sealing_keys_due(&self->keys, NOW + DAY));
	EXPECT_TRUE(sealing_keys_due(&self->keys, NOW + DAY + 1));
	EXPECT_FALSE(sealing_keys_due(&self->keys, NOW - 60));
	EXPECT_TRUE(sealing_keys_due(&self->keys, NOW - 61));
	self->keys.len = 0;
	EXPECT_TRUE(sealing_keys_due(&self->keys, NOW));
	EXPECT_EQ(0, sealing_seal(&self->keys, NOW, COOKIE, self->header, text, sizeof(text),
				  self->sealed));
	EXPECT_EQ(0, open_at(self, NOW));
}

/* A seal of the last moment of a key is good for its whole life. */
TEST_F(keys, old_ones_open)
{
	uint64_t now = NOW + DAY;

	self->len = sealing_seal(&self->keys, now, COOKIE, self->header, text, sizeof(text),
				 self->sealed);
	for (uint64_t t = now + 1; t <= now + AGE; t += DAY + 1) {
		sealing_keys_rotate(&self->keys, t, AGE);
		ASSERT_EQ(sizeof(text), open_at(self, t));
	}
	EXPECT_EQ(sizeof(text), open_at(self, now + AGE));
}

TEST_F(keys, old_ones_go)
{
	struct sealing_key zero = { .made = 0 };

	for (uint64_t t = NOW + DAY; t < NOW + AGE + 9 * DAY; t += DAY)
		sealing_keys_rotate(&self->keys, t, AGE);
	EXPECT_LE(self->keys.len, AGE / DAY + 3);
	EXPECT_GE(self->keys.len, AGE / DAY + 1);
	EXPECT_FALSE(sealing_key_known(&self->keys, self->sealed, self->len));
	for (size_t i = self->keys.len; i < SEALING_KEYS_MAX; i++)
		EXPECT_MEMEQ(&zero, &self->keys.keys[i], sizeof(zero));
}

TEST_F(keys, never_more_than_there_is_room_for)
{
	for (int i = 0; i < 2 * SEALING_KEYS_MAX; i++) {
		sealing_keys_rotate(&self->keys, NOW, AGE);
		ASSERT_LE(self->keys.len, SEALING_KEYS_MAX);
	}
	self->len = sealing_seal(&self->keys, NOW, COOKIE, self->header, text, sizeof(text),
				 self->sealed);
	EXPECT_EQ(sizeof(text), open_at(self, NOW));
}

/* ---- as bytes -------------------------------------------------------------------------------- */

static size_t build(const struct sealing_keys *keys, uint8_t out[static SEALING_KEYS_LEN + 1])
{
	struct writer w;

	writer_init(&w, out, SEALING_KEYS_LEN + 1);
	sealing_keys_build(keys, &w);
	ASSERT_TRUE(writer_ok(&w));
	return w.len;
}

static bool parse(const uint8_t *bytes, size_t len, struct sealing_keys *out)
{
	struct reader r;

	reader_init(&r, bytes, len);
	return sealing_keys_parse(&r, out);
}

TEST_F(keys, there_and_back)
{
	static uint8_t bytes[SEALING_KEYS_LEN + 1];
	struct sealing_keys keys, untouched;
	size_t len;

	for (int i = 1; i < SEALING_KEYS_MAX; i++)
		sealing_keys_rotate(&self->keys, NOW, AGE);
	len = build(&self->keys, bytes);
	ASSERT_EQ(SEALING_KEYS_LEN, len);
	ASSERT_TRUE(parse(bytes, len, &keys));
	EXPECT_EQ(SEALING_KEYS_MAX, keys.len);
	EXPECT_MEMEQ(&self->keys, &keys, sizeof(keys));
	memset(&untouched, 3, sizeof(untouched));
	keys = untouched;
	for (size_t i = 0; i <= len + 1; i++)
		if (i != len)
			EXPECT_FALSE(parse(bytes, i, &keys));
	bytes[SEALING_BOOT + 1]++; /* one more than there may be */
	EXPECT_FALSE(parse(bytes, sizeof(bytes), &keys));
	EXPECT_MEMEQ(&untouched, &keys, sizeof(keys));
}

TEST_HARNESS_MAIN
