/* SPDX-License-Identifier: MIT */
/* A resumable session: its form, what is refused, its age. */
#include <string.h>

#include "lib/handshake/session.h"
#include "tests/harness/harness.h"

static struct session example(void)
{
	struct session s = { .version = KTLS_TLS_1_3,
			     .suite = KTLS_AES_256_GCM_SHA384,
			     .issued = 1700000000123,
			     .lifetime = 7200,
			     .age_add = 0x12345678,
			     .secret_len = 48,
			     .server_name = "example.org" };

	memset(s.secret, 0x5a, sizeof(s.secret));
	s.ticket = (struct ktls_span){ .bytes = (const uint8_t *)"ticket", .len = 6 };
	return s;
}

static size_t build(const struct session *s, uint8_t *out, size_t cap)
{
	struct writer w;

	writer_init(&w, out, cap);
	session_build(s, &w);
	ASSERT_TRUE(writer_ok(&w));
	return w.len;
}

static bool parse(const uint8_t *bytes, size_t len, struct session *out)
{
	struct reader r;

	reader_init(&r, bytes, len);
	return session_parse(&r, out);
}

TEST(comes_back_as_it_was)
{
	struct session s = example(), got;
	uint8_t bytes[KTLS_ENGINE_SESSION_MAX];
	size_t len = build(&s, bytes, sizeof(bytes));

	ASSERT_TRUE(parse(bytes, len, &got));
	ASSERT_EQ(got.version, s.version);
	ASSERT_EQ(got.suite, s.suite);
	ASSERT_EQ(got.issued, s.issued);
	ASSERT_EQ(got.lifetime, s.lifetime);
	ASSERT_EQ(got.age_add, s.age_add);
	ASSERT_STREQ(got.server_name, s.server_name);
	ASSERT_EQ(got.secret_len, s.secret_len);
	ASSERT_EQ(memcmp(got.secret, s.secret, sizeof(s.secret)), 0);
	ASSERT_EQ(got.ticket.len, 6);
	ASSERT_EQ(memcmp(got.ticket.bytes, "ticket", 6), 0);
	ASSERT_FALSE(got.extended);
}

TEST(extended_master_secret_is_remembered)
{
	struct session s = example(), got;
	uint8_t bytes[KTLS_ENGINE_SESSION_MAX];

	s.version = KTLS_TLS_1_2;
	s.suite = KTLS_ECDHE_RSA_AES_128_GCM_SHA256;
	s.extended = true;
	ASSERT_TRUE(parse(bytes, build(&s, bytes, sizeof(bytes)), &got));
	ASSERT_TRUE(got.extended);
}

TEST(cut_anywhere_is_none_and_nothing_is_written)
{
	struct session s = example(), got, before;
	uint8_t bytes[KTLS_ENGINE_SESSION_MAX];
	size_t len = build(&s, bytes, sizeof(bytes));

	memset(&before, 0x77, sizeof(before));
	got = before;
	for (size_t i = 0; i < len; i++)
		ASSERT_FALSE(parse(bytes, i, &got));
	bytes[len] = 0;
	ASSERT_FALSE(parse(bytes, len + 1, &got));
	ASSERT_EQ(memcmp(&got, &before, sizeof(got)), 0);
}

TEST(what_makes_no_sense_is_refused)
{
	uint8_t bytes[KTLS_ENGINE_SESSION_MAX];
	struct session s = example(), got;
	size_t len;

	s.suite = 0x1399;
	ASSERT_FALSE(parse(bytes, build(&s, bytes, sizeof(bytes)), &got));
	s = example();
	s.version = KTLS_TLS_1_2;
	ASSERT_FALSE(parse(bytes, build(&s, bytes, sizeof(bytes)), &got));
	s = example();
	s.secret_len = 32;
	ASSERT_FALSE(parse(bytes, build(&s, bytes, sizeof(bytes)), &got));
	s = example();
	s.lifetime = SESSION_LIFETIME_MAX + 1;
	ASSERT_FALSE(parse(bytes, build(&s, bytes, sizeof(bytes)), &got));
	s = example();
	len = build(&s, bytes, sizeof(bytes));
	bytes[0]++;
	ASSERT_FALSE(parse(bytes, len, &got));
}

TEST(age)
{
	struct session s = example();

	ASSERT_FALSE(session_expired(&s, s.issued));
	ASSERT_FALSE(session_expired(&s, s.issued + 7199999));
	ASSERT_TRUE(session_expired(&s, s.issued + 7200000));
	/* Another machine's clock may be a little ahead, not more. */
	ASSERT_FALSE(session_expired(&s, s.issued - 10000));
	ASSERT_TRUE(session_expired(&s, s.issued - 10001));
}

TEST_HARNESS_MAIN
