/* SPDX-License-Identifier: MIT */
/* What a worker may ask a signer: fields of either version, and nothing that is none. */
#include <stdlib.h>
#include <string.h>

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
	uint8_t content[2][KTLS_ENGINE_CONTENT_MAX], packet[QUESTION_FIELDS_MAX];
	struct ktls_span expected, read;
	size_t len;

	for (int i = 0; i < 2; i++) {
		len = write_question(&asked[i], packet, sizeof(packet));
		EXPECT_GE(len, QUESTION_MIN);
		ASSERT_TRUE(read_back(packet, len, &got));
		EXPECT_EQ(asked[i].version, got.version);
		EXPECT_EQ(asked[i].scheme, got.scheme);
		EXPECT_EQ(asked[i].role, got.role);
		expected = ktls_engine_sign_content(&asked[i], content[0]);
		read = ktls_engine_sign_content(&got, content[1]);
		ASSERT_GT(expected.len, 0);
		ASSERT_EQ(expected.len, read.len);
		EXPECT_MEMEQ(expected.bytes, read.bytes, read.len);
	}
	EXPECT_EQ(QUESTION_FIELDS_MAX, len);
}

/* RFC 8422, 5.4: both randoms, then named_curve, the group and the share with its length. */
TEST(content_of_1_2)
{
	struct ktls_engine_sign what = of_1_2();
	uint8_t content[KTLS_ENGINE_CONTENT_MAX];

	ASSERT_EQ(32 + 32 + 4 + 65, ktls_engine_sign_content(&what, content).len);
	EXPECT_MEMEQ(bytes, content, 32);
	EXPECT_MEMEQ(bytes + 3, content + 32, 32);
	EXPECT_MEMEQ("\x03\x00\x17\x41", content + 64, 4);
	EXPECT_MEMEQ(bytes + 1, content + 68, 65);
}

/* ---- a client of TLS 1.2 ----------------------------------------------------------------------
 */

static void put(struct writer *w, uint8_t type, const void *body, size_t len)
{
	writer_u8(w, type);
	writer_vec(w, 3, body, len);
}

/* Where a message of the flights below has its body. */
struct flights {
	uint8_t bytes[512];
	size_t len;
	size_t server_hello;
};

/* All that a client says and hears before its CertificateVerify; skip leaves one message out. */
static void make_flights(struct flights *f, int skip)
{
	static const uint8_t client_hello[] = { 3, 3, [2 + 32] = 0, 0, 2, 0xc0, 0x2b, 1, 0 };
	static const uint8_t server_hello[] = {
		3, 3, [2 + 32] = 0, 0xc0, 0x2b, 0, 0, 4, 0, 23, 0, 0
	};
	static const uint8_t certificate[] = { 0, 0, 4, 0, 0, 1, 9 };
	static const uint8_t request[] = { 1, 64, 0, 2, 4, 3, 0, 0 };
	static const struct {
		uint8_t type;
		const uint8_t *body;
		size_t len;
	} messages[] = {
		{ 1, client_hello, sizeof(client_hello) },
		{ 2, server_hello, sizeof(server_hello) },
		{ 11, certificate, sizeof(certificate) },
		{ 12, bytes, 40 },
		{ 13, request, sizeof(request) },
		{ 14, NULL, 0 },
		{ 11, certificate, sizeof(certificate) },
		{ 16, bytes, 33 },
	};
	struct writer w;

	writer_init(&w, f->bytes, sizeof(f->bytes));
	for (int i = 0; i < 8; i++) {
		if (messages[i].type == 2)
			f->server_hello = w.len + 4;
		if (i != skip)
			put(&w, messages[i].type, messages[i].body, messages[i].len);
	}
	ASSERT_TRUE(writer_ok(&w));
	f->len = w.len;
}

static struct ktls_engine_sign of_client_1_2(const struct flights *f)
{
	return (struct ktls_engine_sign){ .version = KTLS_TLS_1_2,
					  .scheme = KTLS_SCHEME_ED25519,
					  .role = KTLS_CLIENT,
					  .messages = f->bytes,
					  .messages_len = f->len };
}

static bool is_signed(const struct flights *f)
{
	uint8_t scratch[KTLS_ENGINE_CONTENT_MAX];
	struct ktls_engine_sign what = of_client_1_2(f);
	struct ktls_span content = ktls_engine_sign_content(&what, scratch);

	if (content.len == 0)
		return false;
	/* They are signed themselves: no digest, no copy. */
	EXPECT_EQ(f->len, content.len);
	EXPECT_TRUE(content.bytes == f->bytes);
	return true;
}

TEST(a_clients_messages_arrive_as_they_were)
{
	struct ktls_engine_sign what, got;
	struct flights f;
	uint8_t packet[600];
	size_t len;

	make_flights(&f, -1);
	what = of_client_1_2(&f);
	len = write_question(&what, packet, sizeof(packet));
	EXPECT_EQ(len, question_size(&what));
	ASSERT_TRUE(read_back(packet, len, &got));
	EXPECT_EQ(f.len, got.messages_len);
	EXPECT_MEMEQ(f.bytes, got.messages, f.len);
	for (size_t n = 0; n < len; n++)
		EXPECT_FALSE(read_back(packet, n, &got));
}

/* Only the messages of one full handshake are signed, in their order and to their end. */
TEST(a_clients_messages_are_those_of_a_handshake)
{
	struct flights f;

	make_flights(&f, -1);
	ASSERT_TRUE(is_signed(&f));
	for (size_t len = f.len; f.len-- > 0 && len > 0;)
		EXPECT_FALSE(is_signed(&f));
	for (int skip = 0; skip < 8; skip++) {
		make_flights(&f, skip);
		/* RSA key exchange has no ServerKeyExchange. */
		EXPECT_EQ(skip == 3, is_signed(&f));
	}
	make_flights(&f, -1);
	memcpy(f.bytes + f.len, "\x0e\0\0\0", 4);
	f.len += 4;
	EXPECT_FALSE(is_signed(&f));
}

/* A hello of TLS 1.3, which looks like one of 1.2 but for its extension, and other versions. */
TEST(a_clients_messages_are_of_tls_1_2)
{
	struct flights f;

	make_flights(&f, -1);
	f.bytes[f.server_hello + 1] = 4;
	EXPECT_FALSE(is_signed(&f));
	make_flights(&f, -1);
	f.bytes[f.server_hello + 2 + 32 + 1 + 3 + 2 + 1] = 43;
	EXPECT_FALSE(is_signed(&f));
	make_flights(&f, -1);
	f.bytes[5] = 2;
	EXPECT_FALSE(is_signed(&f));
}

TEST(a_clients_messages_have_a_limit)
{
	struct flights f;
	struct ktls_engine_sign what;
	uint8_t scratch[KTLS_ENGINE_CONTENT_MAX];
	uint8_t *big = calloc(1, KTLS_ENGINE_MESSAGES_MAX + 1);
	size_t pad;

	make_flights(&f, -1);
	/* The last message, a ClientKeyExchange of 33 bytes, grows to the limit and past it. */
	for (size_t len = KTLS_ENGINE_MESSAGES_MAX; len <= KTLS_ENGINE_MESSAGES_MAX + 1; len++) {
		memcpy(big, f.bytes, f.len);
		pad = len - f.len + 33;
		big[f.len - 36] = (uint8_t)(pad >> 16);
		big[f.len - 35] = (uint8_t)(pad >> 8);
		big[f.len - 34] = (uint8_t)pad;
		what = of_client_1_2(&f);
		what.messages = big;
		what.messages_len = len;
		EXPECT_EQ(len == KTLS_ENGINE_MESSAGES_MAX,
			  ktls_engine_sign_content(&what, scratch).len > 0);
	}
	free(big);
}

TEST(truncated_and_lengthened)
{
	struct ktls_engine_sign asked[] = { of_1_3(), of_1_2() }, got;
	uint8_t packet[QUESTION_FIELDS_MAX + 1] = { 0 };
	size_t len;

	for (int i = 0; i < 2; i++) {
		len = write_question(&asked[i], packet, QUESTION_FIELDS_MAX);
		for (size_t n = 0; n < len; n++)
			EXPECT_FALSE(read_back(packet, n, &got));
		EXPECT_FALSE(read_back(packet, len + 1, &got));
	}
}

TEST(of_no_version_or_role)
{
	struct ktls_engine_sign what = of_1_3(), got = { .version = 77 };
	uint8_t packet[QUESTION_FIELDS_MAX];
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
		EXPECT_EQ(n == 32 || n == 48, ktls_engine_sign_content(&what, content).len > 0);
		what = of_1_2();
		what.share_len = n;
		EXPECT_EQ(n == 65, ktls_engine_sign_content(&what, content).len > 0);
		what.group = KTLS_GROUP_X25519;
		EXPECT_EQ(n == 32, ktls_engine_sign_content(&what, content).len > 0);
	}
	what = of_1_2();
	what.group = 0x0018;
	EXPECT_EQ(0, ktls_engine_sign_content(&what, content).len);
	what = of_1_2();
	what.role = KTLS_CLIENT;
	EXPECT_EQ(0, ktls_engine_sign_content(&what, content).len);
	what = of_1_3();
	what.version = 0;
	EXPECT_EQ(0, ktls_engine_sign_content(&what, content).len);
}

/* ---- decryption -------------------------------------------------------------------------------
 */

TEST(what_is_to_be_decrypted_arrives_as_it_was)
{
	struct ktls_engine_decrypt what = { .encrypted = bytes,
					    .encrypted_len = 256,
					    .version = 0x0303,
					    .prf = KTLS_ENGINE_PRF_SHA384,
					    .extended = true,
					    .session_hash = bytes + 5,
					    .client_random = bytes + 1,
					    .server_random = bytes + 2 };
	struct ktls_engine_decrypt got;
	uint8_t packet[DECRYPT_MAX];
	struct reader r;
	struct writer w;

	writer_init(&w, packet, sizeof(packet));
	decrypt_write(&w, &what);
	ASSERT_TRUE(writer_ok(&w));
	for (size_t n = 0; n < w.len; n++) {
		reader_init(&r, packet, n);
		EXPECT_FALSE(decrypt_read(&r, &got));
	}
	reader_init(&r, packet, w.len);
	ASSERT_TRUE(decrypt_read(&r, &got));
	EXPECT_EQ(what.version, got.version);
	EXPECT_EQ((int)what.prf, (int)got.prf);
	EXPECT_TRUE(got.extended);
	EXPECT_MEMEQ(what.session_hash, got.session_hash, 48);
	EXPECT_MEMEQ(what.client_random, got.client_random, 32);
	EXPECT_MEMEQ(what.server_random, got.server_random, 32);
	ASSERT_EQ(256, got.encrypted_len);
	EXPECT_MEMEQ(bytes, got.encrypted, 256);
	packet[2] = 2; /* no PRF */
	reader_init(&r, packet, w.len);
	EXPECT_FALSE(decrypt_read(&r, &got));
}

TEST(decryption_has_to_be_allowed)
{
	struct question_limits limits = { .roles = BUNDLE_ROLE(KTLS_SERVER),
					  .version_min = KTLS_TLS_1_2,
					  .version_max = KTLS_TLS_1_3 };

	EXPECT_FALSE(decrypt_allowed(&limits));
	limits.static_rsa = true;
	EXPECT_TRUE(decrypt_allowed(&limits));
	limits.roles = BUNDLE_ROLE(KTLS_CLIENT);
	EXPECT_FALSE(decrypt_allowed(&limits));
	limits.roles = BUNDLE_ROLE(KTLS_SERVER);
	limits.version_min = KTLS_TLS_1_3;
	EXPECT_FALSE(decrypt_allowed(&limits));
}

TEST(a_profile_limits_versions_and_roles)
{
	static const uint16_t versions[] = { KTLS_TLS_1_2, KTLS_TLS_1_3 };
	struct ktls_engine_sign what = of_1_2();

	for (int min = 0; min < 2; min++) {
		for (int max = min; max < 2; max++) {
			struct question_limits limits = { .roles = BUNDLE_ROLE(KTLS_SERVER),
							  .version_min = versions[min],
							  .version_max = versions[max] };

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
