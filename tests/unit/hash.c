/* SPDX-License-Identifier: MIT */
/* SHA-256 and SHA-384 on each code path, against published answers and libcrypto. */
#include "tests/harness/harness.h"

#include <openssl/evp.h>
#include <stdlib.h>

#include "lib/crypto/cpu.h"
#include "lib/crypto/hash.h"
#include "lib/crypto/util.h"

#define TEXT_MAX 1000

FIXTURE(hash)
{
	size_t size, block_size;
	uint8_t text[TEXT_MAX];
	uint8_t digest[HASH_MAX + 1], expected[HASH_MAX]; /* one more byte: to stay as it is */
};

FIXTURE_VARIANT(hash)
{
	enum hash_alg alg;
	bool portable;
	size_t size, block_size;
};

FIXTURE_VARIANT_ADD(hash, sha256_ni){
	.alg = HASH_SHA256, .portable = false, .size = 32, .block_size = 64
};

FIXTURE_VARIANT_ADD(hash, sha256_portable){
	.alg = HASH_SHA256, .portable = true, .size = 32, .block_size = 64
};

FIXTURE_VARIANT_ADD(hash,
		    sha384){ .alg = HASH_SHA384, .portable = true, .size = 48, .block_size = 128 };

FIXTURE_SETUP(hash)
{
	ASSERT_EQ(0, crypto_init());
	if (!variant->portable && !crypto_cpu.sha_ni)
		SKIP(return, "this CPU has no SHA instructions");
	crypto_force_portable(variant->portable);
	random_bytes(self->text, sizeof(self->text));
	self->digest[variant->size] = 0xa5;
}

FIXTURE_TEARDOWN(hash)
{
	EXPECT_EQ(0xa5, self->digest[variant->size]);
}

/* FIPS 180-2, B and D, with each text under both hashes; and the empty text. */
static const struct {
	const char *text, *digest[2]; /* by enum hash_alg */
} fips180[] = {
	{ "",
	  { "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
	    "38b060a751ac96384cd9327eb1b1e36a21fdb71114be07434c0cc7bf63f6e1da"
	    "274edebfe76f65fbd51ad2f14898b95b" } },
	{ "abc",
	  { "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad",
	    "cb00753f45a35e8bb5a03d699ac65007272c32ab0eded1631a8b605a43ff5bed"
	    "8086072ba1e7cc2358baeca134c825a7" } },
	{ "abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq",
	  { "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1",
	    "3391fdddfc8dc7393707a65b1b4709397cf8b1d162af05abfe8f450de5f36bc6"
	    "b0455a8520bc4e6f5fe95b1fe3c8452b" } },
	{ "abcdefghbcdefghicdefghijdefghijkefghijklfghijklmghijklmnhijklmno"
	  "ijklmnopjklmnopqklmnopqrlmnopqrsmnopqrstnopqrstu",
	  { "cf5b16a778af8380036ce59e7b0492370b249b11e8f07a51afac45037afee9d1",
	    "09330c33f71147e83d192fc782cd1b4753111b173b3b05d22fa08086e3b0f712"
	    "fcc7c71a557e2db966c3e9fa91746039" } },
};

/* FIPS 180-2, B.3 and D.3: 'a' a million times. */
static const char *const million[2] = {
	"cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0",
	"9d0e1809716474cb086e834e310a4a1ced149e9c00f248527972cec5704c2a5b"
	"07b8b3dc38ecc4ebae97ddd87f3d8985",
};

static void reference(enum hash_alg alg, const void *text, size_t len, uint8_t *out)
{
	const EVP_MD *md = alg == HASH_SHA384 ? EVP_sha384() : EVP_sha256();

	ASSERT_EQ(1, EVP_Digest(text, len, out, NULL, md, NULL));
}

static bool all_zero(const void *p, size_t len)
{
	const uint8_t *bytes = p;
	uint8_t any = 0;

	for (size_t i = 0; i < len; i++)
		any |= bytes[i];
	return any == 0;
}

TEST_F(hash, sizes)
{
	EXPECT_EQ(variant->size, hash_size(variant->alg));
	EXPECT_EQ(variant->block_size, hash_block_size(variant->alg));
	EXPECT_LE(variant->size, HASH_MAX);
	EXPECT_LE(variant->block_size, HASH_BLOCK_MAX);
}

TEST_F(hash, known_answers)
{
	for (size_t i = 0; i < sizeof(fips180) / sizeof(fips180[0]); i++) {
		ASSERT_EQ(variant->size, test_hex(fips180[i].digest[variant->alg], self->expected,
						  sizeof(self->expected)));
		hash_bytes(variant->alg, fips180[i].text, strlen(fips180[i].text), self->digest);
		EXPECT_MEMEQ(self->expected, self->digest, variant->size);
	}
}

TEST_F(hash, a_million_bytes)
{
	char text[1000];
	struct hash h;

	memset(text, 'a', sizeof(text));
	test_hex(million[variant->alg], self->expected, sizeof(self->expected));
	hash_init(&h, variant->alg);
	for (unsigned int i = 0; i < 1000; i++)
		hash_update(&h, text, sizeof(text));
	hash_final(&h, self->digest);
	EXPECT_MEMEQ(self->expected, self->digest, variant->size);
}

TEST_F(hash, every_length)
{
	for (size_t len = 0; len <= TEXT_MAX; len++) {
		reference(variant->alg, self->text, len, self->expected);
		hash_bytes(variant->alg, self->text, len, self->digest);
		ASSERT_MEMEQ(self->expected, self->digest, variant->size);
	}
}

TEST_F(hash, no_bytes_from_nowhere)
{
	struct hash h;

	reference(variant->alg, "", 0, self->expected);
	hash_bytes(variant->alg, NULL, 0, self->digest);
	EXPECT_MEMEQ(self->expected, self->digest, variant->size);
	reference(variant->alg, "x", 1, self->expected);
	hash_init(&h, variant->alg);
	hash_update(&h, NULL, 0);
	hash_update(&h, "x", 1);
	hash_update(&h, NULL, 0);
	hash_final(&h, self->digest);
	EXPECT_MEMEQ(self->expected, self->digest, variant->size);
}

/* Every place of a first cut, and the rest in pieces of one length each time. */
TEST_F(hash, split_at_every_byte)
{
	const size_t len = 3 * variant->block_size + 17;
	struct hash h;

	reference(variant->alg, self->text, len, self->expected);
	for (size_t cut = 0; cut <= len; cut++) {
		hash_init(&h, variant->alg);
		hash_update(&h, self->text, cut);
		hash_update(&h, self->text + cut, len - cut);
		hash_final(&h, self->digest);
		ASSERT_MEMEQ(self->expected, self->digest, variant->size);
	}
	for (size_t piece = 1; piece <= len; piece++) {
		hash_init(&h, variant->alg);
		for (size_t at = 0; at < len; at += piece)
			hash_update(&h, self->text + at, len - at < piece ? len - at : piece);
		hash_final(&h, self->digest);
		ASSERT_MEMEQ(self->expected, self->digest, variant->size);
	}
}

TEST_F(hash, unaligned)
{
	const size_t len = 2 * variant->block_size;

	for (size_t from = 0; from < 64; from++) {
		reference(variant->alg, self->text + from, len, self->expected);
		hash_bytes(variant->alg, self->text + from, len, self->digest);
		ASSERT_MEMEQ(self->expected, self->digest, variant->size);
	}
}

TEST_F(hash, peek_at_every_byte)
{
	struct hash h, before;

	hash_init(&h, variant->alg);
	for (size_t len = 0; len <= 400; len++) {
		reference(variant->alg, self->text, len, self->expected);
		before = h;
		hash_peek(&h, self->digest);
		ASSERT_MEMEQ(self->expected, self->digest, variant->size);
		ASSERT_MEMEQ(&before, &h, sizeof(h));
		hash_update(&h, self->text + len, 1);
	}
}

/* A copy and its original go separate ways. */
TEST_F(hash, copies_are_snapshots)
{
	struct hash h, copy;

	for (size_t len = 0; len <= 2 * variant->block_size; len++) {
		hash_init(&h, variant->alg);
		hash_update(&h, self->text, len);
		copy = h;
		hash_update(&h, self->text + len, 100);
		hash_update(&copy, self->text, 7);
		hash_final(&copy, self->digest);
		hash_final(&h, self->digest);
		reference(variant->alg, self->text, len + 100, self->expected);
		ASSERT_MEMEQ(self->expected, self->digest, variant->size);
	}
}

TEST_F(hash, final_wipes)
{
	struct hash h;

	memset(&h, 0, sizeof(h));
	hash_init(&h, variant->alg);
	hash_update(&h, self->text, 100);
	EXPECT_FALSE(all_zero(&h, sizeof(h)));
	hash_final(&h, self->digest);
	EXPECT_TRUE(all_zero(&h, sizeof(h)));
}

TEST_F(hash, long_random_texts)
{
	const size_t cap = 100000;
	uint8_t *text = malloc(cap);

	ASSERT_NOT_NULL(text);
	random_bytes(text, cap);
	for (size_t len = cap; len > cap / 4; len -= 1 + (size_t)text[len - 1] * 5) {
		reference(variant->alg, text, len, self->expected);
		hash_bytes(variant->alg, text, len, self->digest);
		EXPECT_MEMEQ(self->expected, self->digest, variant->size);
	}
	free(text);
}

/* Half of a text on one path, the other half on the other: the state is the same. */
TEST_F(hash, paths_are_interchangeable)
{
	struct hash h;

	for (size_t cut = 0; cut <= 300; cut++) {
		crypto_force_portable(variant->portable);
		hash_init(&h, variant->alg);
		hash_update(&h, self->text, cut);
		crypto_force_portable(!variant->portable);
		hash_update(&h, self->text + cut, 300);
		hash_final(&h, self->digest);
		reference(variant->alg, self->text, cut + 300, self->expected);
		ASSERT_MEMEQ(self->expected, self->digest, variant->size);
	}
}

TEST_HARNESS_MAIN
