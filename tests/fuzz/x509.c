/* SPDX-License-Identifier: MIT */
/*
 * A peer's chain. Input: a byte of flags (1: the peer is a client, 2: a host name is checked, 4: an
 * address is), then certificates, each behind its length in two bytes. The first is also loaded as
 * one of our own.
 *
 * What must hold: a refusal is one that the header names, says something about a certificate, and
 * leaves the output alone; what was accepted is accepted again; a signature that nobody made is
 * refused; nothing stays in libcrypto's error queue.
 */
#include <string.h>

#include <openssl/err.h>
#include <openssl/evp.h>

#include "lib/wire/reader.h"
#include "lib/x509/identity.h"
#include "lib/x509/trust.h"
#include "lib/x509/verify.h"
#include "tests/fuzz/fuzz.h"

#define NOW 1800000000 /* in 2027 */

/* Issued what the seeds hold. Its key is no more. */
static const uint8_t root[] = {
	0x30, 0x82, 0x01, 0x63, 0x30, 0x82, 0x01, 0x08, 0xa0, 0x03, 0x02, 0x01, 0x02, 0x02, 0x08,
	0x7f, 0x3d, 0x82, 0x00, 0x8b, 0x00, 0xbd, 0xd0, 0x30, 0x0a, 0x06, 0x08, 0x2a, 0x86, 0x48,
	0xce, 0x3d, 0x04, 0x03, 0x02, 0x30, 0x14, 0x31, 0x12, 0x30, 0x10, 0x06, 0x03, 0x55, 0x04,
	0x03, 0x0c, 0x09, 0x46, 0x75, 0x7a, 0x7a, 0x20, 0x52, 0x6f, 0x6f, 0x74, 0x30, 0x20, 0x17,
	0x0d, 0x32, 0x36, 0x31, 0x31, 0x32, 0x30, 0x31, 0x31, 0x31, 0x39, 0x33, 0x35, 0x5a, 0x18,
	0x0f, 0x32, 0x31, 0x31, 0x36, 0x31, 0x30, 0x33, 0x30, 0x31, 0x31, 0x31, 0x39, 0x33, 0x35,
	0x5a, 0x30, 0x14, 0x31, 0x12, 0x30, 0x10, 0x06, 0x03, 0x55, 0x04, 0x03, 0x0c, 0x09, 0x46,
	0x75, 0x7a, 0x7a, 0x20, 0x52, 0x6f, 0x6f, 0x74, 0x30, 0x59, 0x30, 0x13, 0x06, 0x07, 0x2a,
	0x86, 0x48, 0xce, 0x3d, 0x02, 0x01, 0x06, 0x08, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x03, 0x01,
	0x07, 0x03, 0x42, 0x00, 0x04, 0xf3, 0xe3, 0x37, 0xf0, 0x28, 0x2f, 0x88, 0x7a, 0x6f, 0xca,
	0xe3, 0xb2, 0xe3, 0xbe, 0xb0, 0x88, 0xa5, 0xde, 0xe0, 0x0e, 0x7d, 0x37, 0xe4, 0x56, 0xbc,
	0xc9, 0xc3, 0xb0, 0xa0, 0x44, 0x6a, 0x4e, 0x17, 0x2c, 0x37, 0x71, 0xb2, 0xbf, 0x0b, 0x45,
	0x46, 0xca, 0xfc, 0xbb, 0x80, 0x28, 0xc2, 0x84, 0x67, 0x78, 0x16, 0x1f, 0xb5, 0x03, 0x53,
	0x99, 0x1f, 0x4b, 0xf0, 0xc2, 0xdc, 0x7d, 0x1c, 0x05, 0xa3, 0x42, 0x30, 0x40, 0x30, 0x0f,
	0x06, 0x03, 0x55, 0x1d, 0x13, 0x01, 0x01, 0xff, 0x04, 0x05, 0x30, 0x03, 0x01, 0x01, 0xff,
	0x30, 0x1d, 0x06, 0x03, 0x55, 0x1d, 0x0e, 0x04, 0x16, 0x04, 0x14, 0xe1, 0x2f, 0x26, 0x84,
	0xe3, 0xbf, 0x98, 0x25, 0xd5, 0xba, 0x8f, 0x44, 0xe6, 0xfd, 0x0c, 0xb1, 0xe2, 0x81, 0xae,
	0x02, 0x30, 0x0e, 0x06, 0x03, 0x55, 0x1d, 0x0f, 0x01, 0x01, 0xff, 0x04, 0x04, 0x03, 0x02,
	0x02, 0x04, 0x30, 0x0a, 0x06, 0x08, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x04, 0x03, 0x02, 0x03,
	0x49, 0x00, 0x30, 0x46, 0x02, 0x21, 0x00, 0xca, 0x54, 0xd0, 0xcb, 0x18, 0xee, 0x4d, 0x62,
	0x68, 0x00, 0x6d, 0x4b, 0x09, 0x42, 0xe9, 0xd2, 0x5c, 0x40, 0x49, 0x5c, 0x3c, 0xc0, 0x3b,
	0xa4, 0xa4, 0xb1, 0x8d, 0x77, 0xed, 0x40, 0xf6, 0x42, 0x02, 0x21, 0x00, 0x8e, 0x79, 0x64,
	0xbf, 0x1d, 0xc1, 0xf1, 0x50, 0xd3, 0x43, 0x4b, 0xdc, 0x0f, 0x41, 0x70, 0x40, 0x61, 0x0c,
	0x76, 0x1f, 0x82, 0x19, 0x84, 0xa1, 0x01, 0x0c, 0xb7, 0xb8, 0x6e, 0xe0, 0xc4, 0xb8,
};

/* PEM of a certificate, to be freed. */
static char *to_pem(const uint8_t *der, size_t len, size_t *pem_len)
{
	static const char begin[] = "-----BEGIN CERTIFICATE-----\n";
	static const char end[] = "\n-----END CERTIFICATE-----\n";
	char *pem = malloc(sizeof(begin) + len / 3 * 4 + 4 + sizeof(end)), *p = pem;

	FUZZ_CHECK(pem != NULL);
	p = stpcpy(p, begin);
	p += EVP_EncodeBlock((unsigned char *)p, der, (int)len);
	p = stpcpy(p, end);
	*pem_len = (size_t)(p - pem);
	return pem;
}

static struct x509_trust *make_trust(void)
{
	size_t len;
	char *pem = to_pem(root, sizeof(root), &len);
	struct x509_trust *trust = x509_trust_new(pem, len, NULL);

	FUZZ_CHECK(trust != NULL);
	free(pem);
	return trust;
}

static size_t read_certs(struct reader *r, struct ktls_span *certs, size_t max)
{
	struct reader cert;
	size_t n = 0;

	while (n < max && reader_vec16(r, &cert))
		certs[n++] = (struct ktls_span){ cert.at, cert.left };
	return n;
}

static bool is_named(int ret)
{
	return ret == -KTLS_R_CERTIFICATE_EMPTY || ret == -KTLS_R_CERTIFICATE_REQUIRED ||
	       ret == -KTLS_R_CHAIN_TOO_LONG ||
	       (ret <= -KTLS_R_CERTIFICATE_MALFORMED && ret >= -KTLS_R_CERTIFICATE_OTHER);
}

static int count_fitting(const struct x509_peer *peer, uint16_t version)
{
	static const uint16_t schemes[] = { KTLS_SCHEME_ECDSA_SECP256R1_SHA256,
					    KTLS_SCHEME_ECDSA_SECP384R1_SHA384,
					    KTLS_SCHEME_RSA_PSS_RSAE_SHA256, KTLS_SCHEME_ED25519,
					    KTLS_SCHEME_RSA_PKCS1_SHA256 };
	static const uint8_t nothing[64];
	int ret, fitting = 0;

	for (size_t i = 0; i < sizeof(schemes) / sizeof(schemes[0]); i++) {
		ret = x509_peer_verify_signature(peer, version, schemes[i], nothing,
						 sizeof(nothing), nothing, sizeof(nothing));
		FUZZ_CHECK(ret == -KTLS_R_SIGNATURE_BAD || ret == -KTLS_R_SCHEME_INVALID);
		fitting += ret == -KTLS_R_SIGNATURE_BAD;
	}
	return fitting;
}

/* TLS 1.2 adds rsa_pkcs1 to RSA's, and the other curve's scheme to ECDSA's. */
static void check_peer(struct x509_peer *peer)
{
	int fitting = count_fitting(peer, KTLS_TLS_1_2);

	FUZZ_CHECK(count_fitting(peer, KTLS_TLS_1_3) == 1);
	FUZZ_CHECK(fitting == 1 || fitting == 2);
	FUZZ_CHECK(count_fitting(peer, 0x0302) == 0);
	x509_peer_free(peer);
}

static void check_chain(const struct ktls_span *certs, size_t n, uint8_t flags)
{
	enum ktls_role role = flags & 1 ? KTLS_CLIENT : KTLS_SERVER;
	const char *name = flags & 2 ? "www.example.com" : flags & 4 ? "192.0.2.1" : NULL;
	struct x509_trust *trust = make_trust();
	struct x509_peer *peer = NULL;
	struct x509_error err;
	int ret = x509_peer_verify_chain(trust, certs, n, role, name, NOW, &peer, &err);

	FUZZ_CHECK(memchr(err.text, '\0', sizeof(err.text)) != NULL);
	if (ret == 0) {
		FUZZ_CHECK(peer != NULL && err.text[0] == '\0');
		check_peer(peer);
		FUZZ_CHECK(x509_peer_verify_chain(trust, certs, n, role, name, NOW, &peer, NULL) ==
			   0);
		x509_peer_free(peer);
	} else {
		FUZZ_CHECK(is_named(ret) && !peer);
		FUZZ_CHECK(ret > -KTLS_R_CERTIFICATE_MALFORMED || err.text[0] != '\0');
	}
	x509_trust_free(trust);
}

static void check_identity(const struct ktls_span *cert)
{
	struct x509_error err = { .text = "" };
	struct x509_identity *identity;
	size_t len;
	char *pem = to_pem(cert->bytes, cert->len, &len);

	identity = x509_identity_new(pem, len, &err);
	free(pem);
	if (!identity) {
		FUZZ_CHECK(err.text[0] != '\0');
		return;
	}
	FUZZ_CHECK(identity->chain_len == 1 && identity->schemes_len > 0);
	FUZZ_CHECK(identity->chain[0].len == cert->len);
	FUZZ_CHECK(memcmp(identity->chain[0].bytes, cert->bytes, cert->len) == 0);
	for (size_t i = 0; i < identity->names_len; i++) {
		FUZZ_CHECK(i == 0 || strcmp(identity->names[i - 1], identity->names[i]) <= 0);
		FUZZ_CHECK(x509_identity_matches(identity, identity->names[i]) ==
			   (identity->names[i][0] == '*' ? X509_MATCH_NONE : X509_MATCH_EXACT));
	}
	x509_identity_free(identity);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct ktls_span certs[KTLS_ENGINE_CERTS_MAX + 1];
	struct reader r;
	uint8_t flags;
	size_t n;

	reader_init(&r, data, size);
	if (!reader_u8(&r, &flags))
		return 0;
	n = read_certs(&r, certs, KTLS_ENGINE_CERTS_MAX + 1);
	check_chain(certs, n, flags);
	if (n > 0)
		check_identity(&certs[0]);
	FUZZ_CHECK(ERR_peek_error() == 0);
	return 0;
}
