/* SPDX-License-Identifier: MIT */
#include "lib/handshake/suite.h"

#include <ktls-tls.h>

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

const uint16_t suites_all[SUITES_ALL] = {
	KTLS_AES_128_GCM_SHA256,           KTLS_AES_256_GCM_SHA384,
	KTLS_CHACHA20_POLY1305_SHA256,     KTLS_ECDHE_ECDSA_AES_128_GCM_SHA256,
	KTLS_ECDHE_RSA_AES_128_GCM_SHA256, KTLS_ECDHE_ECDSA_AES_256_GCM_SHA384,
	KTLS_ECDHE_RSA_AES_256_GCM_SHA384, KTLS_ECDHE_ECDSA_CHACHA20_POLY1305,
	KTLS_ECDHE_RSA_CHACHA20_POLY1305,
};

const uint16_t groups_all[GROUPS_MAX] = { KTLS_GROUP_X25519, KTLS_GROUP_SECP256R1 };

const uint16_t schemes_all[SCHEMES_MAX] = {
	KTLS_SCHEME_ECDSA_SECP256R1_SHA256, KTLS_SCHEME_ED25519,
	KTLS_SCHEME_ECDSA_SECP384R1_SHA384, KTLS_SCHEME_RSA_PSS_RSAE_SHA256,
	KTLS_SCHEME_RSA_PSS_RSAE_SHA384,    KTLS_SCHEME_RSA_PSS_RSAE_SHA512,
	KTLS_SCHEME_RSA_PSS_PSS_SHA256,     KTLS_SCHEME_RSA_PSS_PSS_SHA384,
	KTLS_SCHEME_RSA_PSS_PSS_SHA512,     KTLS_SCHEME_RSA_PKCS1_SHA256,
	KTLS_SCHEME_RSA_PKCS1_SHA384,       KTLS_SCHEME_RSA_PKCS1_SHA512,
};

static const struct suite suites[] = {
#define SUITE(name, version, auth, aead, hash)                                          \
	{                                                                               \
		KTLS_##name, KTLS_TLS_##version, SUITE_##auth, AEAD_##aead, HASH_##hash \
	}
	SUITE(AES_128_GCM_SHA256, 1_3, ANY, AES_128_GCM, SHA256),
	SUITE(AES_256_GCM_SHA384, 1_3, ANY, AES_256_GCM, SHA384),
	SUITE(CHACHA20_POLY1305_SHA256, 1_3, ANY, CHACHA20_POLY1305, SHA256),
	SUITE(ECDHE_ECDSA_AES_128_GCM_SHA256, 1_2, ECDSA, AES_128_GCM, SHA256),
	SUITE(ECDHE_RSA_AES_128_GCM_SHA256, 1_2, RSA, AES_128_GCM, SHA256),
	SUITE(ECDHE_ECDSA_AES_256_GCM_SHA384, 1_2, ECDSA, AES_256_GCM, SHA384),
	SUITE(ECDHE_RSA_AES_256_GCM_SHA384, 1_2, RSA, AES_256_GCM, SHA384),
	SUITE(ECDHE_ECDSA_CHACHA20_POLY1305, 1_2, ECDSA, CHACHA20_POLY1305, SHA256),
	SUITE(ECDHE_RSA_CHACHA20_POLY1305, 1_2, RSA, CHACHA20_POLY1305, SHA256),
	SUITE(RSA_AES_128_GCM_SHA256, 1_2, RSA_ENCRYPTION, AES_128_GCM, SHA256),
	SUITE(RSA_AES_256_GCM_SHA384, 1_2, RSA_ENCRYPTION, AES_256_GCM, SHA384),
#undef SUITE
};

static const struct group groups[] = {
	{ KTLS_GROUP_X25519, KEX_X25519 },
	{ KTLS_GROUP_SECP256R1, KEX_SECP256R1 },
};

const struct suite *suite_find(uint16_t number)
{
	for (size_t i = 0; i < COUNT(suites); i++)
		if (suites[i].number == number)
			return &suites[i];
	return NULL;
}

const struct group *group_find(uint16_t number)
{
	for (size_t i = 0; i < COUNT(groups); i++)
		if (groups[i].number == number)
			return &groups[i];
	return NULL;
}

enum suite_auth scheme_auth(uint16_t scheme)
{
	switch (scheme) {
	case KTLS_SCHEME_ECDSA_SECP256R1_SHA256:
	case KTLS_SCHEME_ECDSA_SECP384R1_SHA384:
	case KTLS_SCHEME_ED25519:
		return SUITE_ECDSA;
	default:
		return SUITE_RSA;
	}
}

bool scheme_signs_handshake(uint16_t scheme)
{
	switch (scheme) {
	case KTLS_SCHEME_ECDSA_SECP256R1_SHA256:
	case KTLS_SCHEME_ECDSA_SECP384R1_SHA384:
	case KTLS_SCHEME_RSA_PSS_RSAE_SHA256:
	case KTLS_SCHEME_RSA_PSS_RSAE_SHA384:
	case KTLS_SCHEME_RSA_PSS_RSAE_SHA512:
	case KTLS_SCHEME_RSA_PSS_PSS_SHA256:
	case KTLS_SCHEME_RSA_PSS_PSS_SHA384:
	case KTLS_SCHEME_RSA_PSS_PSS_SHA512:
	case KTLS_SCHEME_ED25519:
		return true;
	default:
		return false;
	}
}
