/* SPDX-License-Identifier: MIT */
/*
 * Project Wycheproof's tests of RSAES-PKCS1-v1_5, seen from TLS 1.2: none of their messages is a
 * premaster secret, so all of them, valid or not, are rejected, and in a way that nobody can tell.
 */
#include <string.h>

#include "lib/x509/key.h"
#include "tests/harness/harness.h"
#include "tests/harness/vectors.h"

#define PREMASTER 48

/* As an attacker would ask: the version is that of the message. */
static int decrypt(struct x509_key *key, const uint8_t *msg, size_t msg_len, const uint8_t *ct,
		   size_t ct_len, uint8_t master[KTLS_ENGINE_MASTER_LEN])
{
	static const uint8_t random[32];
	const struct ktls_engine_decrypt request = {
		.encrypted = ct,
		.encrypted_len = ct_len,
		.version = msg_len >= 2 ? (uint16_t)(msg[0] << 8 | msg[1]) : KTLS_TLS_1_2,
		.prf = KTLS_ENGINE_PRF_SHA256,
		.client_random = random,
		.server_random = random,
	};

	return x509_key_decrypt_master(key, &request, master);
}

static void check_line(const struct test_table *t)
{
	uint8_t pkcs8[2048], msg[512], ct[1024];
	uint8_t first[KTLS_ENGINE_MASTER_LEN] = { 0 }, second[KTLS_ENGINE_MASTER_LEN] = { 0 };
	const size_t key_len = test_table_hex(t, "privateKeyPkcs8", pkcs8, sizeof(pkcs8));
	const size_t msg_len = test_table_hex(t, "msg", msg, sizeof(msg));
	const size_t ct_len = test_table_hex(t, "ct", ct, sizeof(ct));
	struct x509_key *key = x509_key_new(pkcs8, key_len, NULL);

	ASSERT_NOT_NULL(key);
	EXPECT_NE(PREMASTER, msg_len);
	EXPECT_EQ(0, decrypt(key, msg, msg_len, ct, ct_len, first));
	EXPECT_EQ(0, decrypt(key, msg, msg_len, ct, ct_len, second));
	if (memcmp(first, second, sizeof(first)) == 0)
		printf("# line %u\n", t->line);
	EXPECT_NE(0, memcmp(first, second, sizeof(first)));
	x509_key_free(key);
}

TEST(rsa_pkcs1_2048)
{
	struct test_table t;
	unsigned int n = 0;

	if (!test_table_open(&t, "wycheproof/rsa_pkcs1_2048.tsv"))
		SKIP(return, "no wycheproof/rsa_pkcs1_2048.tsv");
	for (; test_table_next(&t); n++)
		check_line(&t);
	test_table_close(&t);
	EXPECT_EQ(67, n);
}

TEST_HARNESS_MAIN
