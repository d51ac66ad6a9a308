/* SPDX-License-Identifier: MIT */
#include <string.h>

#include <ktls-tls.h>

#include "tests/bench/ktls-bench/options.h"

static const char *const suites[] = { "aes128", "aes256", "chacha20" };

bool options_suite_known(const char *text, const char **out)
{
	for (size_t i = 0; i < 3; i++)
		if (strcmp(text, suites[i]) == 0)
			*out = suites[i];
	return *out != NULL;
}

uint16_t options_suite(const struct options *o, uint16_t version, bool rsa)
{
	static const uint16_t of_1_3[] = { KTLS_AES_128_GCM_SHA256, KTLS_AES_256_GCM_SHA384,
					   KTLS_CHACHA20_POLY1305_SHA256 };
	static const uint16_t of_1_2[][2] = {
		{ KTLS_ECDHE_ECDSA_AES_128_GCM_SHA256, KTLS_ECDHE_RSA_AES_128_GCM_SHA256 },
		{ KTLS_ECDHE_ECDSA_AES_256_GCM_SHA384, KTLS_ECDHE_RSA_AES_256_GCM_SHA384 },
		{ KTLS_ECDHE_ECDSA_CHACHA20_POLY1305, KTLS_ECDHE_RSA_CHACHA20_POLY1305 },
	};
	size_t i = 0;

	while (o->suite && strcmp(o->suite, suites[i]) != 0)
		i++;
	return version == KTLS_TLS_1_3 ? of_1_3[i] : of_1_2[i][rsa];
}
