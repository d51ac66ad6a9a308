/* SPDX-License-Identifier: MIT */
/* From what the kernel can do to what may be negotiated. */
#include "lib/conn/internal.h"

static const struct {
	uint64_t capability;
	uint16_t suite;
} rows[CONN_SUITES_MAX] = {
	{ KTLS_CAN_TLS_1_3_AES_128_GCM, KTLS_AES_128_GCM_SHA256 },
	{ KTLS_CAN_TLS_1_3_AES_256_GCM, KTLS_AES_256_GCM_SHA384 },
	{ KTLS_CAN_TLS_1_3_CHACHA20_POLY1305, KTLS_CHACHA20_POLY1305_SHA256 },
	{ KTLS_CAN_TLS_1_2_AES_128_GCM, KTLS_ECDHE_ECDSA_AES_128_GCM_SHA256 },
	{ KTLS_CAN_TLS_1_2_AES_128_GCM, KTLS_ECDHE_RSA_AES_128_GCM_SHA256 },
	{ KTLS_CAN_TLS_1_2_AES_256_GCM, KTLS_ECDHE_ECDSA_AES_256_GCM_SHA384 },
	{ KTLS_CAN_TLS_1_2_AES_256_GCM, KTLS_ECDHE_RSA_AES_256_GCM_SHA384 },
	{ KTLS_CAN_TLS_1_2_CHACHA20_POLY1305, KTLS_ECDHE_ECDSA_CHACHA20_POLY1305 },
	{ KTLS_CAN_TLS_1_2_CHACHA20_POLY1305, KTLS_ECDHE_RSA_CHACHA20_POLY1305 },
	/* RSA key exchange comes last: conn_suites_of(). */
	{ KTLS_CAN_TLS_1_2_AES_128_GCM, KTLS_RSA_AES_128_GCM_SHA256 },
	{ KTLS_CAN_TLS_1_2_AES_256_GCM, KTLS_RSA_AES_256_GCM_SHA384 },
};

size_t conn_suites(uint64_t capabilities, uint16_t out[static CONN_SUITES_MAX])
{
	size_t n = 0;

	for (size_t i = 0; i < CONN_SUITES_MAX; i++)
		if (capabilities & rows[i].capability)
			out[n++] = rows[i].suite;
	return n;
}

static bool is_static_rsa(uint16_t suite)
{
	return suite == KTLS_RSA_AES_128_GCM_SHA256 || suite == KTLS_RSA_AES_256_GCM_SHA384;
}

size_t conn_suites_of(const struct conn_profile *profile, const uint16_t *suites, size_t len)
{
	while (!profile->static_rsa && len > 0 && is_static_rsa(suites[len - 1]))
		len--;
	return len;
}

static size_t add(uint16_t suite, uint16_t *out, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (out[i] == suite)
			return n;
	out[n] = suite;
	return n + 1;
}

void conn_suites_extend(const uint16_t *suites, size_t len, uint16_t out[static CONN_SUITES_MAX])
{
	size_t n = 0;

	for (int rsa = 0; rsa < 2; rsa++) {
		for (size_t i = 0; i < len; i++)
			if (is_static_rsa(suites[i]) == rsa)
				n = add(suites[i], out, n);
		for (size_t i = 0; i < CONN_SUITES_MAX; i++)
			if (is_static_rsa(rows[i].suite) == rsa)
				n = add(rows[i].suite, out, n);
	}
}
