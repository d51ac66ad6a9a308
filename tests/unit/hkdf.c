/* SPDX-License-Identifier: MIT */
/* HMAC and HKDF, against published answers, Wycheproof's tables and libcrypto. */
#include "tests/harness/harness.h"

#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include "lib/crypto/cpu.h"
#include "lib/crypto/hash.h"
#include "lib/crypto/util.h"

#define EXPAND_MAX (255 * HASH_MAX)

FIXTURE(hkdf)
{
	uint8_t key[300], text[300], salt[300];
	uint8_t out[EXPAND_MAX + 1], expected[EXPAND_MAX];
};

FIXTURE_VARIANT(hkdf)
{
	enum hash_alg alg;
	bool portable;
	const char *hmac_table, *hkdf_table;
};

FIXTURE_VARIANT_ADD(hkdf, sha256_ni){ .alg = HASH_SHA256,
				      .portable = false,
				      .hmac_table = "wycheproof/hmac_sha256.tsv",
				      .hkdf_table = "wycheproof/hkdf_sha256.tsv" };

FIXTURE_VARIANT_ADD(hkdf, sha256_portable){ .alg = HASH_SHA256,
					    .portable = true,
					    .hmac_table = "wycheproof/hmac_sha256.tsv",
					    .hkdf_table = "wycheproof/hkdf_sha256.tsv" };

FIXTURE_VARIANT_ADD(hkdf, sha384){ .alg = HASH_SHA384,
				   .portable = true,
				   .hmac_table = "wycheproof/hmac_sha384.tsv",
				   .hkdf_table = "wycheproof/hkdf_sha384.tsv" };

FIXTURE_SETUP(hkdf)
{
	ASSERT_EQ(0, crypto_init());
	if (!variant->portable && !crypto_cpu.sha_ni)
		SKIP(return, "this CPU has no SHA instructions");
	crypto_force_portable(variant->portable);
	random_bytes(self->key, sizeof(self->key));
	random_bytes(self->text, sizeof(self->text));
	random_bytes(self->salt, sizeof(self->salt));
}

FIXTURE_TEARDOWN(hkdf)
{
}

/* RFC 4231, 4.2 to 4.8. The fifth case gives the first 128 bits only. */
static const struct {
	const char *key, *data, *mac[2]; /* by enum hash_alg */
} rfc4231[] = {
	{ "0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b",
	  "4869205468657265",
	  { "b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7",
	    "afd03944d84895626b0825f4ab46907f15f9dadbe4101ec682aa034c7cebc59c"
	    "faea9ea9076ede7f4af152e8b2fa9cb6" } },
	{ "4a656665",
	  "7768617420646f2079612077616e7420666f72206e6f7468696e673f",
	  { "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843",
	    "af45d2e376484031617f78d2b58a6b1b9c7ef464f5a01b47e42ec3736322445e"
	    "8e2240ca5e69e2c78b3239ecfab21649" } },
	{ "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
	  "dddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddd"
	  "dddddddddddddddddddddddddddddddddddd",
	  { "773ea91e36800e46854db8ebd09181a72959098b3ef8c122d9635514ced565fe",
	    "88062608d3e6ad8a0aa2ace014c8a86f0aa635d947ac9febe83ef4e55966144b"
	    "2a5ab39dc13814b94e3ab6e101a34f27" } },
	{ "0102030405060708090a0b0c0d0e0f10111213141516171819",
	  "cdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcd"
	  "cdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcd",
	  { "82558a389a443c0ea4cc819899f2083a85f0faa3e578f8077a2e3ff46729665b",
	    "3e8a69b7783c25851933ab6290af6ca77a9981480850009cc5577c6e1f573b4e"
	    "6801dd23c4a7d679ccf8a386c674cffb" } },
	{ "0c0c0c0c0c0c0c0c0c0c0c0c0c0c0c0c0c0c0c0c",
	  "546573742057697468205472756e636174696f6e",
	  { "a3b6167473100ee06e0c796c2955552b", "3abf34c3503b2a23a46efc619baef897" } },
	{ "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
	  "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
	  "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
	  "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
	  "aaaaaa",
	  "54657374205573696e67204c6172676572205468616e20426c6f636b2d53697a"
	  "65204b6579202d2048617368204b6579204669727374",
	  { "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54",
	    "4ece084485813e9088d2c63a041bc5b44f9ef1012a2b588f3cd11f05033ac4c6"
	    "0c2ef6ab4030fe8296248df163f44952" } },
	{ "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
	  "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
	  "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
	  "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
	  "aaaaaa",
	  "5468697320697320612074657374207573696e672061206c6172676572207468"
	  "616e20626c6f636b2d73697a65206b657920616e642061206c61726765722074"
	  "68616e20626c6f636b2d73697a6520646174612e20546865206b6579206e6565"
	  "647320746f20626520686173686564206265666f7265206265696e6720757365"
	  "642062792074686520484d414320616c676f726974686d2e",
	  { "9b09ffa71b942fcb27635fbcd5b0e944bfdc63644f0713938a7f51535c3a35e2",
	    "6617178e941f020d351e2f254e8fd32c602420feb0b8fb9adccebb82461e99c5"
	    "a678cc31e799176d3860e6110c46523e" } },
};

/* RFC 5869, A.1 to A.3: SHA-256 only. */
static const struct rfc5869 {
	const char *ikm, *salt, *info, *prk, *okm;
} rfc5869[] = {
	{ "0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b", "000102030405060708090a0b0c",
	  "f0f1f2f3f4f5f6f7f8f9",
	  "077709362c2e32df0ddc3f0dc47bba6390b6c73bb50f9c3122ec844ad7c2b3e5",
	  "3cb25f25faacd57a90434f64d0362f2a2d2d0a90cf1a5a4c5db02d56ecc4c5bf"
	  "34007208d5b887185865" },
	{ "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f"
	  "202122232425262728292a2b2c2d2e2f303132333435363738393a3b3c3d3e3f"
	  "404142434445464748494a4b4c4d4e4f",
	  "606162636465666768696a6b6c6d6e6f707172737475767778797a7b7c7d7e7f"
	  "808182838485868788898a8b8c8d8e8f909192939495969798999a9b9c9d9e9f"
	  "a0a1a2a3a4a5a6a7a8a9aaabacadaeaf",
	  "b0b1b2b3b4b5b6b7b8b9babbbcbdbebfc0c1c2c3c4c5c6c7c8c9cacbcccdcecf"
	  "d0d1d2d3d4d5d6d7d8d9dadbdcdddedfe0e1e2e3e4e5e6e7e8e9eaebecedeeef"
	  "f0f1f2f3f4f5f6f7f8f9fafbfcfdfeff",
	  "06a6b88c5853361a06104c9ceb35b45cef760014904671014a193f40c15fc244",
	  "b11e398dc80327a1c8e7f78c596a49344f012eda2d4efad8a050cc4c19afa97c"
	  "59045a99cac7827271cb41c65e590e09da3275600c2f09b8367793a9aca3db71"
	  "cc30c58179ec3e87c14c01d5c1f3434f1d87" },
	{ "0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b", "", "",
	  "19ef24a32c717b167f33a91d6f648bdf96596776afdb6377ac434c1c293ccb04",
	  "8da4e775a563c18f715f802a063c5a31b8a11f5c5ee1879ec3454e5f3c738d2d"
	  "9d201395faa4b61a96c8" },
};

static const EVP_MD *md_of(enum hash_alg alg)
{
	return alg == HASH_SHA384 ? EVP_sha384() : EVP_sha256();
}

static void reference_hmac(enum hash_alg alg, const uint8_t *key, size_t key_len,
			   const uint8_t *text, size_t len, uint8_t *out)
{
	ASSERT_NOT_NULL(HMAC(md_of(alg), key, (int)key_len, text, len, out, NULL));
}

/* RFC 5869, 2.3, as it is written there, on libcrypto's HMAC. */
static void reference_expand(enum hash_alg alg, const uint8_t *prk, const uint8_t *info,
			     size_t info_len, uint8_t *out, size_t len)
{
	const size_t size = hash_size(alg);
	uint8_t text[HASH_MAX + 300 + 1], t[HASH_MAX];
	size_t t_len = 0, part;

	for (unsigned int i = 1; len > 0; i++, out += part, len -= part) {
		memcpy(text, t, t_len);
		memcpy(text + t_len, info, info_len);
		text[t_len + info_len] = (uint8_t)i;
		reference_hmac(alg, prk, size, text, t_len + info_len + 1, t);
		t_len = size;
		part = len < size ? len : size;
		memcpy(out, t, part);
	}
}

static bool all_zero(const void *p, size_t len)
{
	const uint8_t *bytes = p;
	uint8_t any = 0;

	for (size_t i = 0; i < len; i++)
		any |= bytes[i];
	return any == 0;
}

TEST_F(hkdf, hmac_known_answers)
{
	for (size_t i = 0; i < sizeof(rfc4231) / sizeof(rfc4231[0]); i++) {
		size_t key_len = test_hex(rfc4231[i].key, self->key, sizeof(self->key));
		size_t len = test_hex(rfc4231[i].data, self->text, sizeof(self->text));
		size_t mac_len = test_hex(rfc4231[i].mac[variant->alg], self->expected, HASH_MAX);

		hmac_bytes(variant->alg, self->key, key_len, self->text, len, self->out);
		EXPECT_MEMEQ(self->expected, self->out, mac_len);
	}
}

static void expect_rfc5869(const struct rfc5869 *v)
{
	uint8_t ikm[80], salt[80], info[80], expected_prk[32], expected[82], prk[32], okm[82];
	size_t ikm_len = test_hex(v->ikm, ikm, sizeof(ikm));
	size_t salt_len = test_hex(v->salt, salt, sizeof(salt));
	size_t info_len = test_hex(v->info, info, sizeof(info));
	size_t len = test_hex(v->okm, expected, sizeof(expected));

	ASSERT_EQ(32, test_hex(v->prk, expected_prk, sizeof(expected_prk)));
	hkdf_extract(HASH_SHA256, salt, salt_len, ikm, ikm_len, prk);
	EXPECT_MEMEQ(expected_prk, prk, 32);
	hkdf_expand(HASH_SHA256, prk, info, info_len, okm, len);
	EXPECT_MEMEQ(expected, okm, len);
}

TEST(known_answers)
{
	ASSERT_EQ(0, crypto_init());
	for (unsigned int portable = 0; portable < 2; portable++) {
		crypto_force_portable(portable);
		for (size_t i = 0; i < sizeof(rfc5869) / sizeof(rfc5869[0]); i++)
			expect_rfc5869(&rfc5869[i]);
	}
}

/* A published tag may be the first half of the HMAC; an invalid one is not what we get. */
TEST_F(hkdf, hmac_wycheproof)
{
	struct test_table t;

	if (!test_table_open(&t, variant->hmac_table))
		SKIP(return, "no %s", variant->hmac_table);
	while (test_table_next(&t)) {
		size_t key_len = test_table_hex(&t, "key", self->key, sizeof(self->key));
		size_t len = test_table_hex(&t, "msg", self->text, sizeof(self->text));
		size_t tag_len = test_table_hex(&t, "tag", self->expected, HASH_MAX);
		bool valid = strcmp(test_table_text(&t, "result"), "valid") == 0;

		hmac_bytes(variant->alg, self->key, key_len, self->text, len, self->out);
		if (secret_equal(self->expected, self->out, tag_len) != valid)
			TH_LOG("line %u", t.line);
		EXPECT_EQ(valid, secret_equal(self->expected, self->out, tag_len));
	}
	test_table_close(&t);
}

/* The invalid ones ask for more than 255 times the hash's size. */
TEST_F(hkdf, wycheproof)
{
	struct test_table t;
	uint8_t prk[HASH_MAX];

	if (!test_table_open(&t, variant->hkdf_table))
		SKIP(return, "no %s", variant->hkdf_table);
	while (test_table_next(&t)) {
		size_t ikm_len = test_table_hex(&t, "ikm", self->key, sizeof(self->key));
		size_t salt_len = test_table_hex(&t, "salt", self->salt, sizeof(self->salt));
		size_t info_len = test_table_hex(&t, "info", self->text, sizeof(self->text));
		size_t size = test_table_number(&t, "size");

		if (strcmp(test_table_text(&t, "result"), "valid") != 0) {
			EXPECT_GT(size, 255 * hash_size(variant->alg));
			continue;
		}
		ASSERT_EQ(size, test_table_hex(&t, "okm", self->expected, sizeof(self->expected)));
		hkdf_extract(variant->alg, self->salt, salt_len, self->key, ikm_len, prk);
		hkdf_expand(variant->alg, prk, self->text, info_len, self->out, size);
		EXPECT_MEMEQ(self->expected, self->out, size);
	}
	test_table_close(&t);
}

TEST_F(hkdf, hmac_every_length_of_key)
{
	const size_t size = hash_size(variant->alg);

	for (size_t len = 0; len <= sizeof(self->key); len++) {
		reference_hmac(variant->alg, self->key, len, self->text, 50, self->expected);
		hmac_bytes(variant->alg, self->key, len, self->text, 50, self->out);
		ASSERT_MEMEQ(self->expected, self->out, size);
	}
}

TEST_F(hkdf, hmac_every_length_of_text)
{
	const size_t size = hash_size(variant->alg);

	for (size_t len = 0; len <= sizeof(self->text); len++) {
		reference_hmac(variant->alg, self->key, size, self->text, len, self->expected);
		hmac_bytes(variant->alg, self->key, size, self->text, len, self->out);
		ASSERT_MEMEQ(self->expected, self->out, size);
	}
}

TEST_F(hkdf, hmac_split_at_every_byte)
{
	const size_t size = hash_size(variant->alg);
	struct hmac m;

	reference_hmac(variant->alg, self->key, size, self->text, sizeof(self->text),
		       self->expected);
	for (size_t cut = 0; cut <= sizeof(self->text); cut++) {
		hmac_init(&m, variant->alg, self->key, size);
		hmac_update(&m, self->text, cut);
		hmac_update(&m, self->text + cut, sizeof(self->text) - cut);
		hmac_final(&m, self->out);
		ASSERT_MEMEQ(self->expected, self->out, size);
		ASSERT_TRUE(all_zero(&m, sizeof(m)));
	}
}

/* A salt that is not given is one of zeros (RFC 5869, 2.2). */
TEST_F(hkdf, no_salt_is_a_salt_of_zeros)
{
	const size_t size = hash_size(variant->alg);

	memset(self->salt, 0, sizeof(self->salt));
	hkdf_extract(variant->alg, self->salt, size, self->key, size, self->expected);
	hkdf_extract(variant->alg, NULL, size, self->key, size, self->out);
	EXPECT_MEMEQ(self->expected, self->out, size);
	hkdf_extract(variant->alg, NULL, 0, self->key, size, self->out);
	EXPECT_MEMEQ(self->expected, self->out, size);
}

/* As the key schedule does it: the result takes the place of an input. */
TEST_F(hkdf, extract_in_place)
{
	const size_t size = hash_size(variant->alg);

	hkdf_extract(variant->alg, self->salt, size, self->key, size, self->expected);
	memcpy(self->out, self->key, size);
	hkdf_extract(variant->alg, self->salt, size, self->out, size, self->out);
	EXPECT_MEMEQ(self->expected, self->out, size);
	memcpy(self->out, self->salt, size);
	hkdf_extract(variant->alg, self->out, size, self->key, size, self->out);
	EXPECT_MEMEQ(self->expected, self->out, size);
}

TEST_F(hkdf, expand_in_place)
{
	const size_t size = hash_size(variant->alg);

	hkdf_expand(variant->alg, self->key, self->text, 50, self->expected, size);
	memcpy(self->out, self->key, size);
	hkdf_expand(variant->alg, self->out, self->text, 50, self->out, size);
	EXPECT_MEMEQ(self->expected, self->out, size);
}

/* Every length up to four blocks of output, and those around each further end of a block. */
TEST_F(hkdf, expand_every_length)
{
	const size_t size = hash_size(variant->alg), cap = 255 * size;

	reference_expand(variant->alg, self->key, self->text, 50, self->expected, cap);
	for (size_t len = 0; len <= cap; len++) {
		if (len > 4 * size && (len + 1) % size > 2)
			continue;
		self->out[len] = 0xa5;
		hkdf_expand(variant->alg, self->key, self->text, 50, self->out, len);
		ASSERT_EQ(0xa5, self->out[len]);
		ASSERT_MEMEQ(self->expected, self->out, len);
	}
}

TEST_F(hkdf, expand_every_length_of_info)
{
	const size_t len = 2 * hash_size(variant->alg) + 5;

	for (size_t info_len = 0; info_len <= sizeof(self->text); info_len++) {
		reference_expand(variant->alg, self->key, self->text, info_len, self->expected,
				 len);
		hkdf_expand(variant->alg, self->key, info_len ? self->text : NULL, info_len,
			    self->out, len);
		ASSERT_MEMEQ(self->expected, self->out, len);
	}
}

/* The counter is one byte: a program that asks for more is wrong, and ends. */
TEST_F(hkdf, expand_too_much_aborts)
{
	int status;
	pid_t pid = fork();

	ASSERT_GE(pid, 0);
	if (pid == 0) {
		hkdf_expand(variant->alg, self->key, self->text, 50, self->out,
			    255 * hash_size(variant->alg) + 1);
		_exit(0);
	}
	ASSERT_EQ(pid, waitpid(pid, &status, 0));
	ASSERT_TRUE(WIFSIGNALED(status));
	EXPECT_EQ(SIGABRT, WTERMSIG(status));
}

TEST_HARNESS_MAIN
