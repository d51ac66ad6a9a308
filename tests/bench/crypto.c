/* SPDX-License-Identifier: MIT */
/*
 * Hashes and AEADs: nanoseconds of CPU time per operation, ours on each code path against
 * libsodium's and libcrypto's calls on the same machine in the same run. libcrypto is called in its
 * fastest way: algorithms fetched once, contexts reused.
 */
#include <openssl/core_names.h>
#include <openssl/evp.h>
#include <openssl/kdf.h>
#include <openssl/params.h>
#include <sodium.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "lib/crypto/aead.h"
#include "lib/crypto/cpu.h"
#include "lib/crypto/hash.h"
#include "lib/crypto/util.h"
#include "tests/bench/bench.h"

#define ROUNDS    61
#define SAMPLE_NS 50000 /* what a sample takes at least */
#define INFO_LEN  40    /* an HkdfLabel with a transcript hash */

struct row {
	const char *name;
	size_t len; /* bytes of the text, or of what HKDF makes */
	int alg;
	void (*ours)(const struct row *);
	void (*sodium)(const struct row *); /* NULL where it has no such thing */
	void (*evp)(const struct row *);
};

static uint8_t key[32] = { 1 }, nonce[12] = { 2 }, ad[5] = { 3 }, text[16384];
static uint8_t out[sizeof(text) + AEAD_TAG];
static struct aead aead[3];

/* A benchmark of calls that fail measures nothing. */
static void require(bool ok)
{
	if (ok)
		return;
	fprintf(stderr, "bench: an operation failed\n");
	exit(1);
}

static void ours_hash(const struct row *r)
{
	hash_bytes((enum hash_alg)r->alg, text, r->len, out);
}

static void ours_hmac(const struct row *r)
{
	hmac_bytes((enum hash_alg)r->alg, key, 32, text, r->len, out);
}

static void ours_expand(const struct row *r)
{
	hkdf_expand((enum hash_alg)r->alg, text, text, INFO_LEN, out, r->len);
}

static void ours_seal(const struct row *r)
{
	aead_seal(&aead[r->alg], nonce, ad, sizeof(ad), text, r->len, out);
}

static void ours_seal_once(const struct row *r)
{
	aead_seal_once((enum aead_alg)r->alg, key, nonce, ad, sizeof(ad), text, r->len, out);
}

static void sodium_hash(const struct row *r)
{
	crypto_hash_sha256(out, text, r->len);
}

static void sodium_hmac(const struct row *r)
{
	crypto_auth_hmacsha256(out, text, r->len, key);
}

static crypto_aead_aes256gcm_state sodium_key;

static void sodium_gcm(const struct row *r)
{
	crypto_aead_aes256gcm_encrypt_afternm(out, NULL, text, r->len, ad, sizeof(ad), NULL, nonce,
					      (const void *)&sodium_key);
}

static void sodium_gcm_once(const struct row *r)
{
	crypto_aead_aes256gcm_encrypt(out, NULL, text, r->len, ad, sizeof(ad), NULL, nonce, key);
}

static void sodium_chacha(const struct row *r)
{
	crypto_aead_chacha20poly1305_ietf_encrypt(out, NULL, text, r->len, ad, sizeof(ad), NULL,
						  nonce, key);
}

static EVP_MD *evp_md[2];
static EVP_MD_CTX *evp_md_ctx;
static EVP_MAC_CTX *evp_mac_ctx[2];
static EVP_KDF_CTX *evp_kdf_ctx;
static EVP_CIPHER *evp_cipher[3];
static EVP_CIPHER_CTX *evp_keyed[3], *evp_cipher_ctx;

static void evp_hash(const struct row *r)
{
	require(EVP_DigestInit_ex2(evp_md_ctx, evp_md[r->alg], NULL) == 1 &&
		EVP_DigestUpdate(evp_md_ctx, text, r->len) == 1 &&
		EVP_DigestFinal_ex(evp_md_ctx, out, NULL) == 1);
}

static void evp_hmac(const struct row *r)
{
	size_t len;

	require(EVP_MAC_init(evp_mac_ctx[r->alg], key, 32, NULL) == 1 &&
		EVP_MAC_update(evp_mac_ctx[r->alg], text, r->len) == 1 &&
		EVP_MAC_final(evp_mac_ctx[r->alg], out, &len, sizeof(out)) == 1);
}

static void evp_expand(const struct row *r)
{
	int mode = EVP_KDF_HKDF_MODE_EXPAND_ONLY;
	OSSL_PARAM params[] = {
		OSSL_PARAM_construct_int(OSSL_KDF_PARAM_MODE, &mode),
		OSSL_PARAM_construct_utf8_string(OSSL_KDF_PARAM_DIGEST, (char[]){ "SHA256" }, 0),
		OSSL_PARAM_construct_octet_string(OSSL_KDF_PARAM_KEY, key, 32),
		OSSL_PARAM_construct_octet_string(OSSL_KDF_PARAM_INFO, text, INFO_LEN),
		OSSL_PARAM_construct_end(),
	};

	EVP_KDF_CTX_reset(evp_kdf_ctx);
	require(EVP_KDF_derive(evp_kdf_ctx, out, r->len, params) == 1);
}

static void evp_seal_with(EVP_CIPHER_CTX *c, size_t len)
{
	int n;

	require(EVP_EncryptUpdate(c, NULL, &n, ad, sizeof(ad)) == 1 &&
		EVP_EncryptUpdate(c, out, &n, text, (int)len) == 1 &&
		EVP_EncryptFinal_ex(c, out + len, &n) == 1 &&
		EVP_CIPHER_CTX_ctrl(c, EVP_CTRL_AEAD_GET_TAG, AEAD_TAG, out + len) == 1);
}

static void evp_seal(const struct row *r)
{
	require(EVP_EncryptInit_ex2(evp_keyed[r->alg], NULL, NULL, nonce, NULL) == 1);
	evp_seal_with(evp_keyed[r->alg], r->len);
}

static void evp_seal_once(const struct row *r)
{
	require(EVP_EncryptInit_ex2(evp_cipher_ctx, evp_cipher[r->alg], key, nonce, NULL) == 1);
	evp_seal_with(evp_cipher_ctx, r->len);
}

static const struct row rows[] = {
	{ "SHA-256", 64, HASH_SHA256, ours_hash, sodium_hash, evp_hash },
	{ "SHA-256", 4096, HASH_SHA256, ours_hash, sodium_hash, evp_hash },
	{ "SHA-384", 64, HASH_SHA384, ours_hash, NULL, evp_hash },
	{ "SHA-384", 4096, HASH_SHA384, ours_hash, NULL, evp_hash },
	{ "HMAC-SHA-256, key of 32", 32, HASH_SHA256, ours_hmac, sodium_hmac, evp_hmac },
	{ "HMAC-SHA-384, key of 32", 32, HASH_SHA384, ours_hmac, NULL, evp_hmac },
	{ "HKDF-Expand SHA-256, info of 40", 32, HASH_SHA256, ours_expand, NULL, evp_expand },
	{ "AES-128-GCM seal", 64, AEAD_AES_128_GCM, ours_seal, NULL, evp_seal },
	{ "AES-128-GCM seal", 1024, AEAD_AES_128_GCM, ours_seal, NULL, evp_seal },
	{ "AES-128-GCM seal", 16384, AEAD_AES_128_GCM, ours_seal, NULL, evp_seal },
	{ "AES-128-GCM key, seal", 64, AEAD_AES_128_GCM, ours_seal_once, NULL, evp_seal_once },
	{ "AES-128-GCM key, seal", 1024, AEAD_AES_128_GCM, ours_seal_once, NULL, evp_seal_once },
	{ "AES-128-GCM key, seal", 16384, AEAD_AES_128_GCM, ours_seal_once, NULL, evp_seal_once },
	{ "AES-256-GCM seal", 64, AEAD_AES_256_GCM, ours_seal, sodium_gcm, evp_seal },
	{ "AES-256-GCM seal", 1024, AEAD_AES_256_GCM, ours_seal, sodium_gcm, evp_seal },
	{ "AES-256-GCM seal", 16384, AEAD_AES_256_GCM, ours_seal, sodium_gcm, evp_seal },
	{ "AES-256-GCM key, seal", 64, AEAD_AES_256_GCM, ours_seal_once, sodium_gcm_once,
	  evp_seal_once },
	{ "ChaCha20-Poly1305 seal", 64, AEAD_CHACHA20_POLY1305, ours_seal, sodium_chacha,
	  evp_seal },
	{ "ChaCha20-Poly1305 seal", 1024, AEAD_CHACHA20_POLY1305, ours_seal, sodium_chacha,
	  evp_seal },
	{ "ChaCha20-Poly1305 seal", 16384, AEAD_CHACHA20_POLY1305, ours_seal, sodium_chacha,
	  evp_seal },
};

static void set_up(void)
{
	static const char *const ciphers[] = { "AES-128-GCM", "AES-256-GCM", "ChaCha20-Poly1305" };
	OSSL_PARAM digest[2] = { OSSL_PARAM_construct_end(), OSSL_PARAM_construct_end() };
	EVP_MAC *mac = EVP_MAC_fetch(NULL, "HMAC", NULL);
	EVP_KDF *kdf = EVP_KDF_fetch(NULL, "HKDF", NULL);

	require(crypto_init() == 0);
	evp_md[HASH_SHA256] = EVP_MD_fetch(NULL, "SHA256", NULL);
	evp_md[HASH_SHA384] = EVP_MD_fetch(NULL, "SHA384", NULL);
	evp_md_ctx = EVP_MD_CTX_new();
	evp_kdf_ctx = EVP_KDF_CTX_new(kdf);
	for (int alg = HASH_SHA256; alg <= HASH_SHA384; alg++) {
		char name[] = "SHA256";

		if (alg == HASH_SHA384)
			strcpy(name, "SHA384");
		digest[0] = OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_DIGEST, name, 0);
		evp_mac_ctx[alg] = EVP_MAC_CTX_new(mac);
		require(EVP_MAC_CTX_set_params(evp_mac_ctx[alg], digest) == 1);
	}
	evp_cipher_ctx = EVP_CIPHER_CTX_new();
	for (int alg = AEAD_AES_128_GCM; alg <= AEAD_CHACHA20_POLY1305; alg++) {
		aead_init(&aead[alg], (enum aead_alg)alg, key);
		evp_cipher[alg] = EVP_CIPHER_fetch(NULL, ciphers[alg], NULL);
		evp_keyed[alg] = EVP_CIPHER_CTX_new();
		require(EVP_EncryptInit_ex2(evp_keyed[alg], evp_cipher[alg], key, nonce, NULL) ==
			1);
	}
	if (crypto_aead_aes256gcm_is_available())
		crypto_aead_aes256gcm_beforenm(&sodium_key, key);
}

/*
 * libcrypto's ChaCha20-Poly1305 leaves values in the upper halves of the vector registers, which
 * slows the SSE instructions of whatever comes next, libsodium's ChaCha20 to a third.
 */
static void clean_registers(void)
{
#if defined(__x86_64__)
	if (__builtin_cpu_supports("avx"))
		__asm__ volatile("vzeroupper");
#endif
}

static double sample(void (*f)(const struct row *), const struct row *r, unsigned int ops)
{
	double start;

	clean_registers();
	start = bench_now();
	for (unsigned int i = 0; i < ops; i++)
		f(r);
	return (bench_now() - start) * 1e3 / ops;
}

/* So many that a sample is long for the clock. */
static unsigned int ops_of(void (*f)(const struct row *), const struct row *r)
{
	unsigned int ops = 1;

	while (sample(f, r, ops) * ops < SAMPLE_NS)
		ops *= 2;
	return ops;
}

enum { OURS, PORTABLE, SODIUM, EVP, CONTENDERS };

static void show(const struct row *r, double ns[CONTENDERS][ROUNDS], double ratio[ROUNDS])
{
	printf("%-32s %6zu", r->name, r->len);
	for (int c = 0; c < CONTENDERS; c++) {
		if (ns[c][0] > 0)
			printf(" %10.0f", bench_median(ns[c], ROUNDS));
		else
			printf(" %10s", "-");
	}
	printf(" %8.2f\n", bench_median(ratio, ROUNDS));
}

/* The ratio is ours to the faster of the others. */
static void compare(const struct row *r)
{
	void (*const f[CONTENDERS])(const struct row *) = { r->ours, r->ours, r->sodium, r->evp };
	double ns[CONTENDERS][ROUNDS] = { 0 }, ratio[ROUNDS], best;
	unsigned int ops[CONTENDERS];

	for (int c = 0; c < CONTENDERS; c++) {
		crypto_force_portable(c == PORTABLE);
		ops[c] = f[c] ? ops_of(f[c], r) : 0;
	}
	for (int i = 0; i < ROUNDS; i++) {
		for (int c = 0; c < CONTENDERS; c++) {
			crypto_force_portable(c == PORTABLE);
			if (f[c])
				ns[c][i] = sample(f[c], r, ops[c]);
		}
		best = ns[EVP][i];
		if (f[SODIUM] && ns[SODIUM][i] < best)
			best = ns[SODIUM][i];
		ratio[i] = ns[OURS][i] / best;
	}
	show(r, ns, ratio);
}

int main(void)
{
	set_up();
	printf("%-32s %6s %10s %10s %10s %10s %8s\n", "ns of CPU time", "bytes", "ours", "portable",
	       "libsodium", "libcrypto", "ratio");
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		if (rows[i].sodium == sodium_gcm && !crypto_aead_aes256gcm_is_available())
			continue;
		compare(&rows[i]);
	}
	return 0;
}
