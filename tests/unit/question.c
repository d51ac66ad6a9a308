/* SPDX-License-Identifier: MIT */
/* What a worker may ask a signer: fields of either version, and nothing that is none. */
#include "daemon/bundle.h"
#include "daemon/question.h"
#include "tests/harness/harness.h"

static const uint8_t bytes[256] = { 1, 2, 3, 4, 5, 6, 7, 8 };

static struct ktls_engine_sign of_1_3(void)
{
	return (struct ktls_engine_sign){ .version = KTLS_TLS_1_3,
					  .scheme = KTLS_SCHEME_ED25519,
					  .role = KTLS_CLIENT,
					  .hash = bytes,
					  .hash_len = 48 };
}

static struct ktls_engine_sign of_1_2(void)
{
	return (struct ktls_engine_sign){ .version = KTLS_TLS_1_2,
					  .scheme = KTLS_SCHEME_RSA_PKCS1_SHA256,
					  .role = KTLS_SERVER,
					  .client_random = bytes,
					  .server_random = bytes + 3,
					  .group = KTLS_GROUP_SECP256R1,
					  .share = bytes + 1,
					  .share_len = KTLS_ENGINE_SHARE_MAX };
}

static size_t write_question(const struct ktls_engine_sign *what, uint8_t *out, size_t cap)
{
	struct writer w;

	writer_init(&w, out, cap);
	question_write(&w, what);
	ASSERT_TRUE(writer_ok(&w));
	return w.len;
}

static bool read_back(const uint8_t *from, size_t len, struct ktls_engine_sign *out)
{
	struct reader r;

	reader_init(&r, from, len);
	return question_read(&r, out);
}

TEST(both_versions_arrive_as_they_were)
{
	struct ktls_engine_sign asked[] = { of_1_3(), of_1_2() }, got;
	uint8_t content[2][KTLS_ENGINE_CONTENT_MAX], packet[QUESTION_MAX];
	size_t len, content_len;

	for (int i = 0; i < 2; i++) {
		len = write_question(&asked[i], packet, sizeof(packet));
		EXPECT_GE(len, QUESTION_MIN);
		ASSERT_TRUE(read_back(packet, len, &got));
		EXPECT_EQ(asked[i].version, got.version);
		EXPECT_EQ(asked[i].scheme, got.scheme);
		EXPECT_EQ(asked[i].role, got.role);
		content_len = ktls_engine_sign_content(&asked[i], content[0]);
		ASSERT_GT(content_len, 0);
		ASSERT_EQ(content_len, ktls_engine_sign_content(&got, content[1]));
		EXPECT_MEMEQ(content[0], content[1], content_len);
	}
	EXPECT_EQ(QUESTION_MAX, len);
}

/* RFC 8422, 5.4: both randoms, then named_curve, the group and the share with its length. */
TEST(content_of_1_2)
{
	struct ktls_engine_sign what = of_1_2();
	uint8_t content[KTLS_ENGINE_CONTENT_MAX];

	ASSERT_EQ(32 + 32 + 4 + 65, ktls_engine_sign_content(&what, content));
	EXPECT_MEMEQ(bytes, content, 32);
	EXPECT_MEMEQ(bytes + 3, content + 32, 32);
	EXPECT_MEMEQ("\x03\x00\x17\x41", content + 64, 4);
	EXPECT_MEMEQ(bytes + 1, content + 68, 65);
}

TEST(truncated_and_lengthened)
{
	struct ktls_engine_sign asked[] = { of_1_3(), of_1_2() }, got;
	uint8_t packet[QUESTION_MAX + 1] = { 0 };
	size_t len;

	for (int i = 0; i < 2; i++) {
		len = write_question(&asked[i], packet, QUESTION_MAX);
		for (size_t n = 0; n < len; n++)
			EXPECT_FALSE(read_back(packet, n, &got));
		EXPECT_FALSE(read_back(packet, len + 1, &got));
	}
}

TEST(of_no_version_or_role)
{
	struct ktls_engine_sign what = of_1_3(), got = { .version = 77 };
	uint8_t packet[QUESTION_MAX];
	size_t len = write_question(&what, packet, sizeof(packet));

	packet[4] = 2;
	EXPECT_FALSE(read_back(packet, len, &got));
	packet[4] = 0;
	for (int low = 0; low < 256; low++) {
		packet[1] = (uint8_t)low;
		if (low != 4)
			EXPECT_FALSE(read_back(packet, len, &got));
	}
	EXPECT_EQ(77, got.version);
}

/* Each is a handshake that no engine has. */
TEST(fields_without_sense_have_no_content)
{
	uint8_t content[KTLS_ENGINE_CONTENT_MAX];
	struct ktls_engine_sign what;

	for (size_t n = 0; n <= sizeof(bytes); n++) {
		what = of_1_3();
		what.hash_len = n;
		EXPECT_EQ(n == 32 || n == 48, ktls_engine_sign_content(&what, content) > 0);
		what = of_1_2();
		what.share_len = n;
		EXPECT_EQ(n == 65, ktls_engine_sign_content(&what, content) > 0);
		what.group = KTLS_GROUP_X25519;
		EXPECT_EQ(n == 32, ktls_engine_sign_content(&what, content) > 0);
	}
	what = of_1_2();
	what.group = 0x0018;
	EXPECT_EQ(0, ktls_engine_sign_content(&what, content));
	what = of_1_2();
	what.role = KTLS_CLIENT;
	EXPECT_EQ(0, ktls_engine_sign_content(&what, content));
	what = of_1_3();
	what.version = 0;
	EXPECT_EQ(0, ktls_engine_sign_content(&what, content));
}

TEST(a_profile_limits_versions_and_roles)
{
	static const uint16_t versions[] = { KTLS_TLS_1_2, KTLS_TLS_1_3 };
	struct ktls_engine_sign what = of_1_2();

	for (int min = 0; min < 2; min++) {
		for (int max = min; max < 2; max++) {
			struct question_limits limits = { BUNDLE_ROLE(KTLS_SERVER), versions[min],
							  versions[max] };

			what.role = KTLS_SERVER;
			for (int i = 0; i < 2; i++) {
				what.version = versions[i];
				EXPECT_EQ(min <= i && i <= max, question_allowed(&what, &limits));
			}
			what.role = KTLS_CLIENT;
			EXPECT_FALSE(question_allowed(&what, &limits));
		}
	}
}

TEST_HARNESS_MAIN
