/* SPDX-License-Identifier: MIT */
/* TLS 1.2's PRF against libcrypto's, for both hashes, and the seeds of master secrets. */
#include <openssl/core_names.h>
#include <openssl/kdf.h>
#include <openssl/params.h>
#include <string.h>

#include "lib/crypto/prf.h"
#include "lib/crypto/util.h"
#include "tests/harness/harness.h"

static void reference(enum hash_alg alg, const uint8_t *secret, size_t secret_len,
		      const uint8_t *seed, size_t seed_len, uint8_t *out, size_t len)
{
	char *name = alg == HASH_SHA256 ? "SHA256" : "SHA384";
	EVP_KDF *kdf = EVP_KDF_fetch(NULL, "TLS1-PRF", NULL);
	EVP_KDF_CTX *ctx = EVP_KDF_CTX_new(kdf);
	OSSL_PARAM params[] = {
		OSSL_PARAM_construct_utf8_string(OSSL_KDF_PARAM_DIGEST, name, 0),
		OSSL_PARAM_construct_octet_string(OSSL_KDF_PARAM_SECRET, (void *)(uintptr_t)secret,
						  secret_len),
		OSSL_PARAM_construct_octet_string(OSSL_KDF_PARAM_SEED, (void *)(uintptr_t)seed,
						  seed_len),
		OSSL_PARAM_construct_end(),
	};

	ASSERT_EQ(1, EVP_KDF_derive(ctx, out, len, params));
	EVP_KDF_CTX_free(ctx);
	EVP_KDF_free(kdf);
}

static const enum hash_alg algs[] = { HASH_SHA256, HASH_SHA384 };

/* Each length up to a few blocks of either hash. */
TEST(every_length)
{
	uint8_t secret[48], seed[100] = "a label", want[200], got[201];

	ASSERT_EQ(0, crypto_init());
	memset(secret, 0x5a, sizeof(secret));
	memset(seed + 7, 0x33, sizeof(seed) - 7);
	for (size_t i = 0; i < 2; i++) {
		for (size_t len = 1; len <= sizeof(want); len++) {
			reference(algs[i], secret, sizeof(secret), seed, sizeof(seed), want, len);
			got[len] = 0x77;
			prf(algs[i], secret, sizeof(secret), "a label", seed + 7, sizeof(seed) - 7,
			    got, len);
			EXPECT_MEMEQ(want, got, len);
			EXPECT_EQ(0x77, got[len]);
		}
	}
}

/* RFC 5246, 8.1, and RFC 7627, 4. */
TEST(master_secrets)
{
	uint8_t premaster[48], hash[48], seed[22 + 64], want[48], got[48];
	uint8_t client[32], server[32];
	struct prf_master from = { .session_hash = hash,
				   .client_random = client,
				   .server_random = server };

	ASSERT_EQ(0, crypto_init());
	memset(premaster, 1, sizeof(premaster));
	memset(hash, 2, sizeof(hash));
	memset(client, 3, sizeof(client));
	memset(server, 4, sizeof(server));
	for (size_t i = 0; i < 2; i++) {
		from.alg = algs[i];
		from.extended = true;
		memcpy(seed, "extended master secret", 22);
		memcpy(seed + 22, hash, sizeof(hash));
		reference(algs[i], premaster, 32, seed, 22 + hash_size(algs[i]), want, 48);
		prf_master(&from, premaster, 32, got);
		EXPECT_MEMEQ(want, got, 48);
		from.extended = false;
		memcpy(seed, "master secret", 13);
		memcpy(seed + 13, client, 32);
		memcpy(seed + 13 + 32, server, 32);
		reference(algs[i], premaster, 48, seed, 13 + 64, want, 48);
		prf_master(&from, premaster, 48, got);
		EXPECT_MEMEQ(want, got, 48);
	}
}

TEST_HARNESS_MAIN
