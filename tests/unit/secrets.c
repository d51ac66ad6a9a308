/* SPDX-License-Identifier: MIT */
/*
 * What outlives the handshake: next keys, KeyUpdate, exporters. The known answers were computed
 * from the RFCs' formulas by a program that shares nothing with this one; libssl's word on the same
 * is in tests/interop/libssl.c.
 */
#include <string.h>

#include <ktls-secrets.h>

#include "lib/crypto/util.h"
#include "tests/harness/engines.h"
#include "tests/harness/harness.h"
#include "tests/harness/vectors.h"

static struct engine_end client, server;
static const uint8_t zeros[KTLS_EXPORT_MAX];

static void expect_hex(const char *hex, const uint8_t *got)
{
	uint8_t bytes[64];
	size_t len = test_hex(hex, bytes, sizeof(bytes));

	EXPECT_MEMEQ(bytes, got, len);
}

/* Secrets of bytes that count up: the traffic secrets from 0, the exporter's from 0x80. */
static struct ktls_secrets counting(uint16_t version, uint16_t suite)
{
	struct ktls_secrets s = {
		.role = KTLS_CLIENT, .version = version, .suite = suite, .extended_master = true
	};

	for (size_t i = 0; i < sizeof(s.tx); i++) {
		s.tx[i] = s.rx[i] = (uint8_t)i;
		s.exporter[i] = (uint8_t)(0x80 + i);
	}
	memset(s.client_random, 0xc1, sizeof(s.client_random));
	memset(s.server_random, 0x51, sizeof(s.server_random));
	return s;
}

static struct ktls_secrets sha256(void)
{
	return counting(KTLS_TLS_1_3, KTLS_AES_128_GCM_SHA256);
}

static struct ktls_secrets sha384(void)
{
	return counting(KTLS_TLS_1_3, KTLS_AES_256_GCM_SHA384);
}

/* ---- keys ------------------------------------------------------------------------------------ */

static void expect_key(const struct ktls_traffic_key *got, const char *key, const char *iv,
		       uint8_t seq)
{
	expect_hex(key, got->key);
	expect_hex(iv, got->iv);
	EXPECT_MEMEQ(zeros, got->seq, 7);
	EXPECT_EQ(seq, got->seq[7]);
}

TEST(known_keys)
{
	struct ktls_secrets s = sha256();
	struct ktls_traffic_key key;

	ASSERT_EQ(0, ktls_secrets_traffic_key(&s, KTLS_TX, &key));
	expect_key(&key, "9c9783cf77ea32d44f369da41f19f3cc", "2f41c846a431a163814bcd71", 0);
	ASSERT_EQ(0, ktls_secrets_key_update(&s, KTLS_RX, &key));
	expect_key(&key, "05cdc7251fb9f925889f80ebc1fd385f", "4ef68fed17d39b5f23bb4b30", 0);
	expect_hex("2cecd0a17506ef5fa73edc062d6e7b5397cf074ec1b4d8f99a120772932f0b45", s.rx);
	/* The other direction stays. */
	EXPECT_EQ(0x1f, s.tx[31]);
	s = sha384();
	ASSERT_EQ(0, ktls_secrets_traffic_key(&s, KTLS_RX, &key));
	expect_key(&key, "6877d022f1c61d24ebb7487c16752d9a4798e40431c75b39320e537c90e23225",
		   "42822531a0fe88648fc09e9f", 0);
	ASSERT_EQ(0, ktls_secrets_key_update(&s, KTLS_TX, &key));
	expect_key(&key, "eb354f3b48924ed78de34dd8aa6a6a0a51d857ddad1454d5cfa7b69f60712911",
		   "8478ffbe4f2e5450789775b3", 0);
}

TEST(known_keys_1_2)
{
	struct ktls_secrets s = counting(KTLS_TLS_1_2, KTLS_ECDHE_RSA_AES_128_GCM_SHA256);
	struct ktls_traffic_key key;

	ASSERT_EQ(0, ktls_secrets_traffic_key(&s, KTLS_TX, &key));
	expect_key(&key, "db962331ac78fe4eeef90e331ebccd0a", "885a4b6e", 1);
	ASSERT_EQ(0, ktls_secrets_traffic_key(&s, KTLS_RX, &key));
	expect_key(&key, "d164d25f36439194d8aebbbf7fdbb877", "31dacb12", 1);
	s.role = KTLS_SERVER;
	ASSERT_EQ(0, ktls_secrets_traffic_key(&s, KTLS_TX, &key));
	expect_key(&key, "d164d25f36439194d8aebbbf7fdbb877", "31dacb12", 1);
}

static void shake_hands(uint16_t version)
{
	engines_init(&client, &server);
	client.config.version_min = server.config.version_min = version;
	client.config.version_max = server.config.version_max = version;
	ASSERT_EQ(0, engines_start(&client, &server));
	ASSERT_TRUE(engines_run(&client, &server));
}

/* The secrets lead to the keys that the handshake ended with. */
TEST(keys_of_a_handshake)
{
	struct ktls_traffic_key tx, rx, again;
	struct ktls_secrets s;

	for (uint16_t version = KTLS_TLS_1_2; version <= KTLS_TLS_1_3; version++) {
		shake_hands(version);
		ASSERT_EQ(0, ktls_engine_secrets(&server.engine, &s));
		ASSERT_EQ(0, ktls_engine_keys(&server.engine, &tx, &rx));
		ASSERT_EQ(0, ktls_secrets_traffic_key(&s, KTLS_TX, &again));
		EXPECT_MEMEQ(&tx, &again, sizeof(tx));
		ASSERT_EQ(0, ktls_secrets_traffic_key(&s, KTLS_RX, &again));
		EXPECT_MEMEQ(&rx, &again, sizeof(rx));
		engines_wipe(&client, &server);
	}
}

/* What one side sends under, the other receives under, generation by generation. */
TEST(key_updates_of_a_pair)
{
	struct ktls_traffic_key tx, rx, before = { 0 };
	struct ktls_secrets c, s;

	shake_hands(KTLS_TLS_1_3);
	ASSERT_EQ(0, ktls_engine_secrets(&client.engine, &c));
	ASSERT_EQ(0, ktls_engine_secrets(&server.engine, &s));
	for (int i = 0; i < 100; i++) {
		ASSERT_EQ(0, ktls_secrets_key_update(&c, KTLS_TX, &tx));
		ASSERT_EQ(0, ktls_secrets_key_update(&s, KTLS_RX, &rx));
		EXPECT_MEMEQ(&tx, &rx, sizeof(tx));
		EXPECT_TRUE(memcmp(&tx, &before, sizeof(tx)) != 0);
		before = tx;
	}
	EXPECT_TRUE(memcmp(c.rx, s.rx, sizeof(c.rx)) != 0);
	EXPECT_MEMEQ(c.rx, s.tx, sizeof(c.rx));
	engines_wipe(&client, &server);
}

TEST(no_keys_where_there_is_no_handshake)
{
	struct ktls_secrets s = { 0 }, before;
	struct ktls_traffic_key key = { .suite = 7 };

	EXPECT_EQ(-KTLS_R_MISUSE, ktls_secrets_traffic_key(&s, KTLS_TX, &key));
	EXPECT_EQ(-KTLS_R_MISUSE, ktls_secrets_key_update(&s, KTLS_TX, &key));
	s = counting(KTLS_TLS_1_2, KTLS_AES_128_GCM_SHA256);
	EXPECT_EQ(-KTLS_R_MISUSE, ktls_secrets_traffic_key(&s, KTLS_TX, &key));
	s = before = counting(KTLS_TLS_1_2, KTLS_ECDHE_RSA_AES_128_GCM_SHA256);
	EXPECT_EQ(-KTLS_R_MISUSE, ktls_secrets_key_update(&s, KTLS_TX, &key));
	EXPECT_MEMEQ(&before, &s, sizeof(s));
	EXPECT_EQ(7, key.suite);
}

/* ---- the message ----------------------------------------------------------------------------- */

TEST(key_update_message)
{
	uint8_t message[KTLS_KEY_UPDATE_LEN];
	bool request = false;

	ktls_secrets_build_key_update(true, message);
	EXPECT_MEMEQ("\x18\0\0\1\1", message, sizeof(message));
	ASSERT_EQ(0, ktls_secrets_parse_key_update(message, sizeof(message), &request));
	EXPECT_TRUE(request);
	ktls_secrets_build_key_update(false, message);
	EXPECT_MEMEQ("\x18\0\0\1\0", message, sizeof(message));
	ASSERT_EQ(0, ktls_secrets_parse_key_update(message, sizeof(message), &request));
	EXPECT_FALSE(request);
}

static void expect_no_key_update(int reason, const char *bytes, size_t len)
{
	bool request = true;

	EXPECT_EQ(reason, ktls_secrets_parse_key_update((const uint8_t *)bytes, len, &request));
	EXPECT_TRUE(request);
}

TEST(bad_key_updates)
{
	for (size_t len = 0; len < KTLS_KEY_UPDATE_LEN; len++)
		expect_no_key_update(-KTLS_R_MESSAGE_MALFORMED, "\x18\0\0\1\0", len);
	for (int value = 2; value < 256; value++)
		expect_no_key_update(-KTLS_R_KEY_UPDATE_INVALID,
				     (const char[]){ 0x18, 0, 0, 1, (char)value }, 5);
	expect_no_key_update(-KTLS_R_MESSAGE_MALFORMED, "\x18\0\0\2\0\0", 6);
	expect_no_key_update(-KTLS_R_MESSAGE_MALFORMED, "\x18\0\0\0", 4);
	expect_no_key_update(-KTLS_R_MESSAGE_UNEXPECTED, "\x04\0\0\1\0", 5);
	expect_no_key_update(-KTLS_R_MESSAGE_SPANS_KEY_CHANGE, "\x18\0\0\1\0\x18\0\0\1\0", 10);
}

/* One that asks for nothing, with so many records before it. */
static int count(struct ktls_key_update_limit *limit, uint64_t before, uint64_t now)
{
	return ktls_secrets_count_key_update(limit, false, before + 1, now);
}

TEST(storms)
{
	struct ktls_key_update_limit limit = { 0 };
	uint64_t now = 5000;

	for (int i = 0; i < KTLS_KEY_UPDATE_BURST; i++)
		EXPECT_EQ(0, count(&limit, 0, now));
	EXPECT_EQ(-KTLS_R_KEY_UPDATE_STORM, count(&limit, 0, now + 999));
	EXPECT_EQ(0, count(&limit, 0, now + 1000));
	EXPECT_EQ(-KTLS_R_KEY_UPDATE_STORM, count(&limit, 0, now + 1999));
	/* A clock that goes back grants nothing. */
	EXPECT_EQ(-KTLS_R_KEY_UPDATE_STORM, count(&limit, 0, 0));
	now += 3600 * 1000;
	for (int i = 0; i < KTLS_KEY_UPDATE_BURST; i++)
		EXPECT_EQ(0, count(&limit, 0, now));
	EXPECT_EQ(-KTLS_R_KEY_UPDATE_STORM, count(&limit, 0, now));
	/* One each second, for ever. */
	for (int i = 0; i < 1000; i++) {
		now += 1000;
		EXPECT_EQ(0, count(&limit, 0, now));
	}
}

TEST(records_between_key_updates)
{
	struct ktls_key_update_limit limit = { 0 };
	int n = 0;

	for (int i = 0; i < 10000; i++)
		EXPECT_EQ(0, count(&limit, KTLS_KEY_UPDATE_RECORDS, 1));
	/* Parts of such a lot are not lost; nothing is saved up. */
	for (int i = 0; i < 10000; i++)
		EXPECT_EQ(0, count(&limit, i % 2 ? 2 * KTLS_KEY_UPDATE_RECORDS - 1 : 1, 1));
	EXPECT_EQ(0, count(&limit, UINT64_MAX - 1, 1));
	while (n < 1000 && count(&limit, 0, 1) == 0)
		n++;
	EXPECT_EQ(KTLS_KEY_UPDATE_BURST - 1, n);
	/* As many as may be, and no records that anybody knows of. */
	EXPECT_EQ(-KTLS_R_KEY_UPDATE_STORM, ktls_secrets_count_key_update(&limit, false, 0, 1));
	EXPECT_EQ(0, count(&limit, KTLS_KEY_UPDATE_RECORDS, 1));
}

/* A record of a byte does not pay for a KeyUpdate. */
TEST(storms_with_a_little_between)
{
	struct ktls_key_update_limit limit = { 0 };
	int n = 0;

	while (n < 1000 && ktls_secrets_count_key_update(&limit, true, 2, 1) == 0)
		n++;
	EXPECT_GE(n, KTLS_KEY_UPDATE_BURST);
	EXPECT_LT(n, 2 * KTLS_KEY_UPDATE_BURST);
}

TEST(answers_are_no_storm)
{
	struct ktls_key_update_limit limit = { 0 };

	for (int i = 0; i < 1000; i++) {
		limit.asked++;
		EXPECT_EQ(0, count(&limit, 0, 1));
	}
	EXPECT_EQ(0, limit.asked);
	/* One that asks for ours is none. */
	limit.asked = 1;
	for (int i = 0; i < KTLS_KEY_UPDATE_BURST; i++)
		EXPECT_EQ(0, ktls_secrets_count_key_update(&limit, true, 1, 1));
	EXPECT_EQ(-KTLS_R_KEY_UPDATE_STORM, ktls_secrets_count_key_update(&limit, true, 1, 1));
	EXPECT_EQ(0, count(&limit, 0, 1));
	EXPECT_EQ(-KTLS_R_KEY_UPDATE_STORM, count(&limit, 0, 1));
}

/* ---- exporters ------------------------------------------------------------------------------- */

static void expect_export(const struct ktls_secrets *s, const char *context, size_t context_len,
			  const char *hex)
{
	uint8_t out[40];

	ASSERT_EQ(0, ktls_secrets_export(s, "EXPERIMENTAL test", (const uint8_t *)context,
					 context_len, out, sizeof(out)));
	expect_hex(hex, out);
}

TEST(known_exports)
{
	static const char empty[] =
		"09046ee0f76bfc98d3cd9f04d08c1e8aa8084b62b606df23e3fe8421bb26afda3d3285f194b22971";
	struct ktls_secrets s = sha256();

	expect_export(
		&s, "context", 7,
		"c5506edf965b989d1044216b77002325d7e0f7803ff6c4fd7afe34656c14346e8110bbb23714bae6");
	expect_export(&s, "", 0, empty);
	expect_export(&s, NULL, 0, empty);
	s = sha384();
	expect_export(
		&s, "context", 7,
		"6935704fedd740c4c5a0c44406bc92912f703c63ea36866cce12118c31c3eed08cd9837dee2e915c");
	expect_export(
		&s, "", 0,
		"e6d4e6b6f5431d713a3b033c8622dd5d3929d117d192700a36fcc683ec4f371a57612624afbba8ab");
}

TEST(known_exports_1_2)
{
	struct ktls_secrets s = counting(KTLS_TLS_1_2, KTLS_ECDHE_RSA_AES_128_GCM_SHA256);

	expect_export(
		&s, "context", 7,
		"fcc6acf01c7039d21ed4640fabc8e16c94624d38bf33d2ae7bbeaf81a53c9bf523f720ab4a07363f");
	expect_export(
		&s, "", 0,
		"bbb7c3607ff65ae806c692de2e8606e0090b17bcd1bb8160350d60eaae3458d47f417a945dd6d4c9");
	expect_export(
		&s, NULL, 0,
		"ecc610ab8e725104d00bc3260a0addead0e4228e5b09e7ba37192771897ab7170a6051b572e64e58");
	s = counting(KTLS_TLS_1_2, KTLS_ECDHE_RSA_AES_256_GCM_SHA384);
	expect_export(
		&s, "context", 7,
		"ee3d718dd7db1cec970f60babf640003a9cf2e8fc2fa60a80bfafeab1196057aa9e2c2f3ae06409a");
	expect_export(
		&s, NULL, 0,
		"b7be22aa4bee354cfee83c01f00096499df1e88dacdb3944fda19a40125126f5ff7513210aa34f45");
}

static void expect_no_export(int reason, const struct ktls_secrets *s, const char *label,
			     const uint8_t *context, size_t context_len, size_t len)
{
	static uint8_t out[KTLS_EXPORT_MAX + 1];

	EXPECT_EQ(reason, ktls_secrets_export(s, label, context, context_len, out, len));
	EXPECT_MEMEQ(zeros, out, sizeof(zeros));
}

TEST(bad_exports)
{
	const struct ktls_secrets none = { 0 };
	struct ktls_secrets s = sha256();
	char label[KTLS_EXPORT_LABEL_MAX + 2];

	memset(label, 'x', sizeof(label) - 1);
	label[sizeof(label) - 1] = '\0';
	expect_no_export(-KTLS_R_MISUSE, &none, "EXPERIMENTAL", NULL, 0, 8);
	expect_no_export(-KTLS_R_MISUSE, &s, label, NULL, 0, 8);
	expect_no_export(-KTLS_R_MISUSE, &s, "EXPERIMENTAL", NULL, 1, 8);
	expect_no_export(-KTLS_R_MISUSE, &s, "EXPERIMENTAL", zeros, KTLS_EXPORT_CONTEXT_MAX + 1, 8);
	expect_no_export(-KTLS_R_MISUSE, &s, "EXPERIMENTAL", NULL, 0, 0);
	expect_no_export(-KTLS_R_MISUSE, &s, "EXPERIMENTAL", NULL, 0, KTLS_EXPORT_MAX + 1);
	expect_no_export(-KTLS_R_MISUSE, &s, "key expansion", NULL, 0, 8);
	expect_no_export(-KTLS_R_MISUSE, &s, "extended master secret", NULL, 0, 8);
	s = counting(KTLS_TLS_1_2, KTLS_ECDHE_RSA_AES_128_GCM_SHA256);
	s.extended_master = false;
	expect_no_export(-KTLS_R_MASTER_SECRET, &s, "EXPERIMENTAL", NULL, 0, 8);
}

/* The longest of everything. */
TEST(long_exports)
{
	static uint8_t out[2][KTLS_EXPORT_MAX], context[KTLS_EXPORT_CONTEXT_MAX];
	const struct ktls_secrets all[] = {
		sha256(), sha384(), counting(KTLS_TLS_1_2, KTLS_ECDHE_RSA_AES_128_GCM_SHA256)
	};
	char label[KTLS_EXPORT_LABEL_MAX + 1];

	memset(label, 'x', sizeof(label) - 1);
	label[sizeof(label) - 1] = '\0';
	for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++) {
		ASSERT_EQ(0, ktls_secrets_export(&all[i], label, context, sizeof(context), out[0],
						 sizeof(out[0])));
		/* In TLS 1.3 the length goes in. */
		ASSERT_EQ(0, ktls_secrets_export(&all[i], label, context, sizeof(context), out[1],
						 sizeof(out[1]) - 1));
		EXPECT_EQ(all[i].version == KTLS_TLS_1_2, memcmp(out[0], out[1], 32) == 0);
	}
}

TEST(both_ends_export_the_same)
{
	uint8_t ours[32], theirs[32];
	struct ktls_secrets c, s;

	for (uint16_t version = KTLS_TLS_1_2; version <= KTLS_TLS_1_3; version++) {
		shake_hands(version);
		ASSERT_EQ(0, ktls_engine_secrets(&client.engine, &c));
		ASSERT_EQ(0, ktls_engine_secrets(&server.engine, &s));
		ASSERT_EQ(0, ktls_secrets_channel_binding(&c, ours));
		ASSERT_EQ(0, ktls_secrets_channel_binding(&s, theirs));
		EXPECT_MEMEQ(ours, theirs, sizeof(ours));
		ASSERT_EQ(0, ktls_secrets_export(&c, "EXPORTER-Channel-Binding",
						 (const uint8_t *)"", 0, theirs, sizeof(theirs)));
		EXPECT_MEMEQ(ours, theirs, sizeof(ours));
		engines_wipe(&client, &server);
	}
}

TEST_HARNESS_MAIN
