/* SPDX-License-Identifier: MIT */
/*
 * ktls_secrets_ticket(): what a client makes of a NewSessionTicket (RFC 9846, 4.7.1). The known
 * answer is in rfc8448_resumed.c.
 */
#include <stdlib.h>
#include <string.h>

#include "lib/crypto/util.h"
#include "lib/handshake/session.h"
#include "tests/harness/harness.h"

#define NOW 1700000000000

static const uint8_t example[] = {
	4,    0,    0,    29,   /* msg_type, length */
	0,    0,    0x1c, 0x20, /* 7200 seconds */
	1,    2,    3,    4,    /* age_add */
	2,    7,    9,          /* nonce */
	0,    6,    't',  'i',  'c',  'k', 'e',
	't',  0,    8,    0x1a, 0x1a, 0,   0, /* extensions: one that nobody knows, ... */
	0xab, 0xcd, 0,    0,                  /* ... and another */
};

static struct ktls_secrets secrets(uint16_t suite)
{
	struct ktls_secrets s = { .role = KTLS_CLIENT, .version = KTLS_TLS_1_3, .suite = suite };

	for (size_t i = 0; i < sizeof(s.resumption); i++)
		s.resumption[i] = (uint8_t)i;
	return s;
}

/* The session that a message makes; session_len 0 where it makes none. */
static int take(const uint8_t *message, size_t len, struct session *out, size_t *session_len)
{
	static uint8_t session[KTLS_ENGINE_SESSION_MAX];
	struct ktls_secrets s = secrets(KTLS_AES_128_GCM_SHA256);
	struct reader r;
	int result =
		ktls_secrets_ticket(&s, message, len, "example.org", NOW, session, session_len);

	if (result == 0 && *session_len > 0) {
		reader_init(&r, session, *session_len);
		ASSERT_TRUE(session_parse(&r, out));
	}
	return result;
}

TEST(fields)
{
	struct session s;
	size_t len;

	ASSERT_EQ(0, take(example, sizeof(example), &s, &len));
	EXPECT_EQ(KTLS_TLS_1_3, s.version);
	EXPECT_EQ(KTLS_AES_128_GCM_SHA256, s.suite);
	EXPECT_EQ(NOW, s.issued);
	EXPECT_EQ(7200, s.lifetime);
	EXPECT_EQ(0x01020304, s.age_add);
	EXPECT_EQ(32, s.secret_len);
	EXPECT_STREQ("example.org", s.server_name);
	ASSERT_EQ(6, s.ticket.len);
	EXPECT_MEMEQ("ticket", s.ticket.bytes, 6);
}

/* HKDF by hand: one block, SHA-384. */
TEST(secret)
{
	static const uint8_t info[] = { 0,   48,  16,  't', 'l', 's', '1', '3', ' ', 'r', 'e', 's',
					'u', 'm', 'p', 't', 'i', 'o', 'n', 2,   7,   9,   1 };
	struct ktls_secrets from = secrets(KTLS_AES_256_GCM_SHA384);
	uint8_t session[KTLS_ENGINE_SESSION_MAX], expected[HASH_MAX];
	struct session s;
	struct reader r;
	size_t len;

	ASSERT_EQ(0, crypto_init());
	ASSERT_EQ(0,
		  ktls_secrets_ticket(&from, example, sizeof(example), NULL, NOW, session, &len));
	reader_init(&r, session, len);
	ASSERT_TRUE(session_parse(&r, &s));
	hmac_bytes(HASH_SHA384, from.resumption, 48, info, sizeof(info), expected);
	EXPECT_EQ(48, s.secret_len);
	EXPECT_MEMEQ(expected, s.secret, 48);
	EXPECT_STREQ("", s.server_name);
}

TEST(lifetime)
{
	static const struct {
		uint8_t wire[4];
		uint32_t seconds; /* 0: not kept */
	} cases[] = {
		{ { 0, 0, 0, 0 }, 0 },
		{ { 0, 0, 0, 1 }, 1 },
		{ { 0, 0x09, 0x3a, 0x80 }, 604800 },
		{ { 0, 0x09, 0x3a, 0x81 }, 604800 },
		{ { 0xff, 0xff, 0xff, 0xff }, 604800 },
	};
	uint8_t message[sizeof(example)];
	struct session s;
	size_t len;

	memcpy(message, example, sizeof(message));
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		memcpy(message + 4, cases[i].wire, 4);
		ASSERT_EQ(0, take(message, sizeof(message), &s, &len));
		EXPECT_EQ(cases[i].seconds > 0, len > 0);
		if (len > 0)
			EXPECT_EQ(cases[i].seconds, s.lifetime);
	}
}

/* A ticket of any length has a parse, but not each is kept. */
TEST(length_of_the_ticket)
{
	static const size_t lens[] = { 1, KTLS_ENGINE_TICKET_MAX, KTLS_ENGINE_TICKET_MAX + 1,
				       65535 };
	size_t cap = 4 + 65535 + 32, len;
	uint8_t *buf = malloc(cap), *ticket = calloc(1, 65535);
	struct writer_vec body;
	struct session s;
	struct writer w;

	for (size_t i = 0; i < sizeof(lens) / sizeof(lens[0]); i++) {
		writer_init(&w, buf, cap);
		writer_u8(&w, 4);
		body = writer_open(&w, 3);
		writer_u32(&w, 7200);
		writer_u32(&w, 0);
		writer_vec(&w, 1, NULL, 0);
		writer_vec(&w, 2, ticket, lens[i]);
		writer_vec(&w, 2, NULL, 0);
		writer_close(&w, body);
		ASSERT_TRUE(writer_ok(&w));
		ASSERT_EQ(0, take(buf, w.len, &s, &len));
		EXPECT_EQ(lens[i] <= KTLS_ENGINE_TICKET_MAX, len > 0);
		if (len > 0)
			EXPECT_EQ(lens[i], s.ticket.len);
	}
	free(buf);
	free(ticket);
}

static void expect_malformed(const uint8_t *message, size_t len)
{
	uint8_t *copy = malloc(len ? len : 1);
	size_t session_len = 77;
	struct session s;

	memcpy(copy, message, len);
	EXPECT_EQ(-KTLS_R_MESSAGE_MALFORMED, take(copy, len, &s, &session_len));
	EXPECT_EQ(77, session_len);
	free(copy);
}

TEST(cut_short_anywhere)
{
	uint8_t message[sizeof(example) + 1] = { 0 };

	for (size_t len = 0; len < sizeof(example); len++) {
		expect_malformed(example, len);
		/* The same with a header that says so. */
		memcpy(message, example, len);
		message[3] = (uint8_t)(len > 4 ? len - 4 : 0);
		if (len >= 4)
			expect_malformed(message, len);
	}
	memcpy(message, example, sizeof(example));
	expect_malformed(message, sizeof(message));
	message[3]++;
	expect_malformed(message, sizeof(message));
}

TEST(another_message)
{
	uint8_t message[sizeof(example)];

	memcpy(message, example, sizeof(message));
	message[0] = 24;
	expect_malformed(message, sizeof(message));
}

/* RFC 9846, 4.7.1: ticket<1..2^16-1>. */
TEST(empty_ticket)
{
	static const uint8_t message[] = { 4, 0, 0, 13, 0, 0, 0, 9, 0, 0, 0, 0, 0, 0, 0, 0, 0 };

	expect_malformed(message, sizeof(message));
}

TEST(misuse)
{
	uint8_t session[KTLS_ENGINE_SESSION_MAX] = { 0x5a };
	struct ktls_secrets good = secrets(KTLS_AES_128_GCM_SHA256), s;
	char name[257];
	size_t len = 77;

	memset(name, 'a', sizeof(name) - 1);
	name[256] = '\0';
	s = good;
	s.role = KTLS_SERVER;
	EXPECT_EQ(-KTLS_R_MISUSE,
		  ktls_secrets_ticket(&s, example, sizeof(example), NULL, NOW, session, &len));
	s = good;
	s.version = KTLS_TLS_1_2;
	EXPECT_EQ(-KTLS_R_MISUSE,
		  ktls_secrets_ticket(&s, example, sizeof(example), NULL, NOW, session, &len));
	s = good;
	s.suite = KTLS_ECDHE_RSA_AES_128_GCM_SHA256;
	EXPECT_EQ(-KTLS_R_MISUSE,
		  ktls_secrets_ticket(&s, example, sizeof(example), NULL, NOW, session, &len));
	s.suite = 0;
	EXPECT_EQ(-KTLS_R_MISUSE,
		  ktls_secrets_ticket(&s, example, sizeof(example), NULL, NOW, session, &len));
	EXPECT_EQ(-KTLS_R_MISUSE,
		  ktls_secrets_ticket(&good, example, sizeof(example), name, NOW, session, &len));
	EXPECT_EQ(0x5a, session[0]);
	EXPECT_EQ(77, len);
	name[255] = '\0';
	EXPECT_EQ(0,
		  ktls_secrets_ticket(&good, example, sizeof(example), name, NOW, session, &len));
}

TEST_HARNESS_MAIN
