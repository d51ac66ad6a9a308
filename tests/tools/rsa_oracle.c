/* SPDX-License-Identifier: MIT */
/*
 * Is there a Bleichenbacher oracle in the time that TLS 1.2's RSA key exchange takes?
 *
 *	build/tests/tools/rsa_oracle [SAMPLES]
 *
 * Encrypted premaster secrets whose padding is good, and others that are bad in every way that
 * matters, are decrypted in random turns, SAMPLES (2000) of each, and each kind's times are held
 * against those of the good ones by the Mann-Whitney test, which outliers do not move. Two rows say
 * what the figures are worth: good ones a second time, which must not differ, and good ones with a
 * little work behind them, which must. Twice: the whole operation as the signer does it, and the
 * look at the padding alone.
 *
 * Exits with 0 where no kind differs, with 1 where one does, with 2 where the machine is too noisy
 * to tell. Not a test that runs by itself: it is about time.
 */
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/evp.h>
#include <openssl/rsa.h>

#include "lib/crypto/rsa_premaster.h"
#include "lib/crypto/util.h"
#include "lib/x509/key.h"
#include "tests/bench/bench.h"
#include "tests/harness/certs.h"

#define BLOCK    256 /* bytes of the modulus */
#define VARIANTS 64  /* plaintexts of a kind */
#define BATCH    100 /* looks at a padding in one sample */
#define Z_MAX    4.5 /* beyond it, chance is out of the question: one in 10^5 for any of the rows */

enum kind {
	GOOD,
	GOOD_AGAIN,
	GOOD_AND_WORK,
	WRONG_VERSION,
	WRONG_FIRST_BYTE,
	WRONG_TYPE,
	ZERO_AMONG_FIRST,
	ZERO_IN_MIDDLE,
	NO_ZERO,
	ONE_SHORTER,
	ONE_LONGER,
	ALL_RANDOM,
	KINDS,
};

static const char *const names[KINDS] = {
	[GOOD] = "good",
	[GOOD_AGAIN] = "good again",
	[GOOD_AND_WORK] = "good, and a little work",
	[WRONG_VERSION] = "wrong version",
	[WRONG_FIRST_BYTE] = "first byte not 0",
	[WRONG_TYPE] = "type 1",
	[ZERO_AMONG_FIRST] = "0 among the first 8",
	[ZERO_IN_MIDDLE] = "0 in the middle",
	[NO_ZERO] = "no 0",
	[ONE_SHORTER] = "a byte shorter",
	[ONE_LONGER] = "a byte longer",
	[ALL_RANDOM] = "nothing but random",
};

static struct plaintext {
	uint8_t block[BLOCK], encrypted[BLOCK];
} plaintexts[KINDS][VARIANTS];

static struct x509_key *key;
static EVP_PKEY_CTX *encrypt;
static double *samples[KINDS];
static size_t samples_len;
static volatile uint8_t sink;

static void must(bool ok, const char *what)
{
	if (ok)
		return;
	fprintf(stderr, "rsa_oracle: %s\n", what);
	exit(2);
}

/* ---- plaintexts (RFC 8017, 7.2.1; RFC 5246, 7.4.7.1) ----------------------------------------- */

static void fill_good(uint8_t b[BLOCK])
{
	random_bytes(b, BLOCK);
	for (size_t i = 2; i < BLOCK; i++)
		b[i] = b[i] ? b[i] : 1;
	b[0] = 0;
	b[1] = 2;
	b[BLOCK - 49] = 0;
	b[BLOCK - 48] = b[BLOCK - 47] = 3;
}

static void fill(enum kind kind, uint8_t b[BLOCK])
{
	fill_good(b);
	switch (kind) {
	case WRONG_VERSION:
		b[BLOCK - 47] = 1;
		break;
	case WRONG_FIRST_BYTE:
		b[0] = 1;
		break;
	case WRONG_TYPE:
		b[1] = 1;
		break;
	case ZERO_AMONG_FIRST:
		b[5] = 0;
		break;
	case ZERO_IN_MIDDLE:
		b[BLOCK / 2] = 0;
		break;
	case NO_ZERO:
		b[BLOCK - 49] = 7;
		break;
	case ONE_SHORTER:
		b[BLOCK - 49] = 7;
		b[BLOCK - 48] = 0;
		break;
	case ONE_LONGER:
		b[BLOCK - 50] = 0;
		break;
	case ALL_RANDOM:
		random_bytes(b, BLOCK);
		b[0] &= 0x3f; /* below the modulus */
		break;
	default:
		break;
	}
}

static void make_plaintexts(void)
{
	for (size_t k = 0; k < KINDS; k++) {
		for (size_t i = 0; i < VARIANTS; i++) {
			struct plaintext *p = &plaintexts[k][i];
			size_t len = sizeof(p->encrypted);

			fill((enum kind)k, p->block);
			must(EVP_PKEY_encrypt(encrypt, p->encrypted, &len, p->block, BLOCK) > 0 &&
				     len == BLOCK,
			     "no encryption");
		}
	}
}

static void set_up(void)
{
	struct cert *cert = cert_ca(CERT_RSA2048, "Oracle");

	key = x509_key_new(cert->key_pem, cert->key_pem_len, NULL);
	encrypt = EVP_PKEY_CTX_new(cert->pkey, NULL);
	must(key && encrypt && EVP_PKEY_encrypt_init(encrypt) > 0 &&
		     EVP_PKEY_CTX_set_rsa_padding(encrypt, RSA_NO_PADDING) > 0,
	     "no key");
	make_plaintexts();
	cert_free(cert);
}

/* ---- samples --------------------------------------------------------------------------------- */

static void work(size_t rounds)
{
	for (size_t i = 0; i < rounds; i++)
		sink = (uint8_t)(sink + i);
}

static void decrypt(enum kind kind, const struct plaintext *p)
{
	static const uint8_t random[32];
	const struct ktls_engine_decrypt request = {
		.encrypted = p->encrypted,
		.encrypted_len = BLOCK,
		.version = KTLS_TLS_1_2,
		.prf = KTLS_ENGINE_PRF_SHA256,
		.client_random = random,
		.server_random = random,
	};
	uint8_t master[KTLS_ENGINE_MASTER_LEN];

	must(x509_key_decrypt_master(key, &request, master) == 0, "no decryption");
	sink = master[0];
	if (kind == GOOD_AND_WORK)
		work(2000);
}

static void look(enum kind kind, const struct plaintext *p)
{
	static const uint8_t random[RSA_PREMASTER];
	uint8_t out[RSA_PREMASTER];

	for (size_t i = 0; i < BATCH; i++) {
		rsa_premaster(p->block, BLOCK, KTLS_TLS_1_2, random, out);
		sink = out[0];
	}
	if (kind == GOOD_AND_WORK)
		work(BATCH * 20);
}

static void shuffle(enum kind order[KINDS])
{
	uint8_t random[KINDS];

	random_bytes(random, sizeof(random));
	for (size_t i = KINDS - 1; i > 0; i--) {
		const size_t j = random[i] % (i + 1);
		const enum kind kind = order[i];

		order[i] = order[j];
		order[j] = kind;
	}
}

static void take_samples(void (*operation)(enum kind, const struct plaintext *))
{
	enum kind order[KINDS];

	for (size_t k = 0; k < KINDS; k++)
		order[k] = (enum kind)k;
	for (size_t i = 0; i < samples_len; i++) {
		shuffle(order);
		for (size_t k = 0; k < KINDS; k++) {
			const struct plaintext *p = &plaintexts[order[k]][i % VARIANTS];
			const double start = bench_now();

			operation(order[k], p);
			samples[order[k]][i] = (bench_now() - start) * 1e3;
		}
	}
}

/* ---- the test -------------------------------------------------------------------------------- */

struct ranked {
	double value;
	bool second;
};

static int by_value(const void *a, const void *b)
{
	const double x = ((const struct ranked *)a)->value, y = ((const struct ranked *)b)->value;

	return (x > y) - (x < y);
}

/* By Newton, which spares the mathematics library. */
static double root(double x)
{
	double y = x;

	for (int i = 0; i < 100; i++)
		y = (y + x / y) / 2;
	return y;
}

/* Mann and Whitney's U of two samples of n each, as standard deviations from what chance has. */
static double deviation(const double *first, const double *second, size_t n)
{
	struct ranked *all = malloc(2 * n * sizeof(*all));
	double ranks = 0, mean = (double)n * (double)n / 2;
	size_t i, j, k;

	must(all, "out of memory");
	for (i = 0; i < n; i++) {
		all[i] = (struct ranked){ first[i], false };
		all[n + i] = (struct ranked){ second[i], true };
	}
	qsort(all, 2 * n, sizeof(*all), by_value);
	for (i = 0; i < 2 * n; i = j) {
		for (j = i; j < 2 * n && all[j].value <= all[i].value; j++)
			;
		for (k = i; k < j; k++) /* equals share their ranks' mean */
			ranks += all[k].second ? (double)(i + j + 1) / 2 : 0;
	}
	free(all);
	ranks -= (double)n * (double)(n + 1) / 2;
	return (ranks - mean) / root(mean * (double)(2 * n + 1) / 6);
}

static bool is_off(double z)
{
	return z > Z_MAX || z < -Z_MAX;
}

/* 0: no kind differs; 1: one does; 2: it cannot be said. */
static int judge(const char *what)
{
	double z[KINDS], good = 0, median;
	int verdict = 0;

	printf("%-26s %12s %12s %8s\n", what, "median ns", "more", "z");
	for (size_t k = 0; k < KINDS; k++)
		z[k] = deviation(samples[GOOD], samples[k], samples_len);
	for (size_t k = 0; k < KINDS; k++) {
		median = bench_median(samples[k], samples_len);
		good = k == GOOD ? median : good;
		printf("%-26s %12.1f %12.1f %8.2f\n", names[k], median, median - good, z[k]);
		if (k > GOOD_AND_WORK && is_off(z[k]))
			verdict = 1;
	}
	if (is_off(z[GOOD_AGAIN]) || z[GOOD_AND_WORK] < Z_MAX)
		verdict = 2;
	printf("%s\n\n", verdict == 0   ? "No bad padding can be told from a good one."
			 : verdict == 1 ? "A bad padding can be told from a good one."
					: "This machine is too noisy now, or SAMPLES too few.");
	return verdict;
}

int main(int argc, char **argv)
{
	int whole, padding;

	samples_len = argc > 1 ? strtoul(argv[1], NULL, 10) : 2000;
	must(samples_len > 0 && crypto_init() == 0 && x509_init() == 0, "SAMPLES is no number");
	for (size_t k = 0; k < KINDS; k++) {
		samples[k] = calloc(samples_len, sizeof(double));
		must(samples[k], "out of memory");
	}
	set_up();
	printf("%zu samples of each kind; more than %.1f standard deviations is no chance\n\n",
	       samples_len, Z_MAX);
	take_samples(decrypt);
	whole = judge("decryption, RSA-2048");
	take_samples(look);
	padding = judge("the padding, 100 times");
	for (size_t k = 0; k < KINDS; k++)
		free(samples[k]);
	EVP_PKEY_CTX_free(encrypt);
	x509_key_free(key);
	return whole == 1 || padding == 1 ? 1 : whole > padding ? whole : padding;
}
