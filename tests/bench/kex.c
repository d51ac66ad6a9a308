/* SPDX-License-Identifier: MIT */
/*
 * Key exchange: microseconds of CPU time per operation, ours against libsodium's and libcrypto's
 * calls on the same machine in the same run.
 */
#define OPENSSL_SUPPRESS_DEPRECATED /* EC_KEY: what is fastest is what is to be compared with */

#include <openssl/ec.h>
#include <openssl/ecdh.h>
#include <openssl/evp.h>
#include <openssl/obj_mac.h>
#include <sodium.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "lib/crypto/kex.h"
#include "lib/crypto/util.h"
#include "tests/bench/bench.h"

#define ROUNDS 61
#define OPS    20 /* a sample */

static uint8_t private_key[32], peer_x25519[32], peer_p256[65], out[65];

/* A benchmark of calls that fail measures nothing. */
static void require(bool ok)
{
	if (ok)
		return;
	fprintf(stderr, "bench: an operation failed\n");
	exit(1);
}

static void ours_x25519_generate(void)
{
	kex_generate(KEX_X25519, private_key, out);
}

static void ours_x25519_agree(void)
{
	require(kex_agree(KEX_X25519, private_key, peer_x25519, 32, out));
}

static void ours_p256_generate(void)
{
	kex_generate(KEX_SECP256R1, private_key, out);
}

static void ours_p256_agree(void)
{
	require(kex_agree(KEX_SECP256R1, private_key, peer_p256, 65, out));
}

static void sodium_generate(void)
{
	randombytes_buf(private_key, 32);
	require(crypto_scalarmult_base(out, private_key) == 0);
}

static void sodium_agree(void)
{
	require(crypto_scalarmult(out, private_key, peer_x25519) == 0);
}

static EVP_PKEY *evp_x25519, *evp_p256;

static void evp_x25519_generate(void)
{
	EVP_PKEY *key = EVP_PKEY_Q_keygen(NULL, NULL, "X25519");
	size_t len = 32;

	require(EVP_PKEY_get_raw_public_key(key, out, &len) == 1);
	EVP_PKEY_free(key);
}

static void evp_derive(EVP_PKEY *key, EVP_PKEY *peer)
{
	EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new(key, NULL);
	size_t len = 32;

	require(EVP_PKEY_derive_init(ctx) == 1 && EVP_PKEY_derive_set_peer(ctx, peer) == 1 &&
		EVP_PKEY_derive(ctx, out, &len) == 1);
	EVP_PKEY_CTX_free(ctx);
	EVP_PKEY_free(peer);
}

static void evp_x25519_agree(void)
{
	evp_derive(evp_x25519, EVP_PKEY_new_raw_public_key(EVP_PKEY_X25519, NULL, peer_x25519, 32));
}

static void evp_p256_generate(void)
{
	EVP_PKEY *key = EVP_PKEY_Q_keygen(NULL, NULL, "EC", "P-256");
	unsigned char *share;

	require(EVP_PKEY_get1_encoded_public_key(key, &share) == 65);
	OPENSSL_free(share);
	EVP_PKEY_free(key);
}

static void evp_p256_agree(void)
{
	EVP_PKEY *peer = EVP_PKEY_new();

	require(EVP_PKEY_copy_parameters(peer, evp_p256) == 1 &&
		EVP_PKEY_set1_encoded_public_key(peer, peer_p256, 65) == 1);
	evp_derive(evp_p256, peer);
}

static EC_KEY *ec_key, *ec_key_new;

/* Into a key that has its group already: to make a group takes longer than to make a key. */
static void ec_key_generate(void)
{
	require(EC_KEY_generate_key(ec_key_new) == 1 &&
		EC_POINT_point2oct(EC_KEY_get0_group(ec_key_new),
				   EC_KEY_get0_public_key(ec_key_new),
				   POINT_CONVERSION_UNCOMPRESSED, out, 65, NULL) == 65);
}

static void ec_key_agree(void)
{
	const EC_GROUP *group = EC_KEY_get0_group(ec_key);
	EC_POINT *peer = EC_POINT_new(group);

	require(EC_POINT_oct2point(group, peer, peer_p256, 65, NULL) == 1 &&
		ECDH_compute_key(out, 32, peer, ec_key, NULL) == 32);
	EC_POINT_free(peer);
}

static const struct {
	const char *name, *other;
	void (*ours)(void);
	void (*theirs)(void);
} rows[] = {
	{ "x25519 generate", "libsodium", ours_x25519_generate, sodium_generate },
	{ "x25519 generate", "libcrypto EVP", ours_x25519_generate, evp_x25519_generate },
	{ "x25519 agree", "libsodium", ours_x25519_agree, sodium_agree },
	{ "x25519 agree", "libcrypto EVP", ours_x25519_agree, evp_x25519_agree },
	{ "p256 generate", "libcrypto EC_KEY", ours_p256_generate, ec_key_generate },
	{ "p256 generate", "libcrypto EVP", ours_p256_generate, evp_p256_generate },
	{ "p256 agree", "libcrypto EC_KEY", ours_p256_agree, ec_key_agree },
	{ "p256 agree", "libcrypto EVP", ours_p256_agree, evp_p256_agree },
};

static void set_up(void)
{
	uint8_t unused[32];

	require(crypto_init() == 0);
	kex_generate(KEX_X25519, unused, peer_x25519);
	kex_generate(KEX_SECP256R1, unused, peer_p256);
	kex_generate(KEX_SECP256R1, private_key, out);
	evp_x25519 = EVP_PKEY_Q_keygen(NULL, NULL, "X25519");
	evp_p256 = EVP_PKEY_Q_keygen(NULL, NULL, "EC", "P-256");
	ec_key = EC_KEY_new_by_curve_name(NID_X9_62_prime256v1);
	ec_key_new = EC_KEY_new_by_curve_name(NID_X9_62_prime256v1);
	require(evp_x25519 && evp_p256 && ec_key && ec_key_new && EC_KEY_generate_key(ec_key) == 1);
}

static double sample(void (*f)(void))
{
	const double start = bench_now();

	for (int i = 0; i < OPS; i++)
		f();
	return (bench_now() - start) / OPS;
}

int main(void)
{
	double ours[ROUNDS], theirs[ROUNDS], ratio[ROUNDS];

	set_up();
	printf("%-18s %10s   %-18s %10s %8s\n", "key exchange", "ours us", "against", "us",
	       "ratio");
	for (size_t row = 0; row < sizeof(rows) / sizeof(rows[0]); row++) {
		sample(rows[row].ours);
		sample(rows[row].theirs);
		for (int i = 0; i < ROUNDS; i++) {
			ours[i] = sample(rows[row].ours);
			theirs[i] = sample(rows[row].theirs);
			ratio[i] = ours[i] / theirs[i];
		}
		printf("%-18s %10.1f   %-18s %10.1f %8.2f\n", rows[row].name,
		       bench_median(ours, ROUNDS), rows[row].other, bench_median(theirs, ROUNDS),
		       bench_median(ratio, ROUNDS));
	}
	return 0;
}
