/* SPDX-License-Identifier: MIT */
#include "tests/harness/keyed.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "lib/crypto/aead.h"
#include "lib/ktls/kernel.h"
#include "lib/ktls/loopback.h"
#include "tests/harness/harness.h"

bool keyed_or_skip(void)
{
	int fd[2], error, reason;

	ASSERT_EQ(0, loopback_pair(fd));
	reason = kernel_ulp_attach(fd[0], &error);
	close(fd[0]);
	close(fd[1]);
	if (reason != 0)
		SKIP(return false, "no kernel TLS: %s", strerror(error));
	return true;
}

struct ktls_traffic_key keyed_key(uint16_t version, uint16_t suite, uint8_t fill)
{
	struct ktls_traffic_key key = { .version = version, .suite = suite };

	for (size_t i = 0; i < sizeof(key.key); i++)
		key.key[i] = (uint8_t)(fill * 31 + i * 7);
	for (size_t i = 0; i < sizeof(key.iv); i++)
		key.iv[i] = (uint8_t)(fill * 17 + i * 5);
	return key;
}

/* ---- records in user space ----------------------------------------------------------------------
 */

/* What a record's protection depends on besides its content. */
struct protection {
	enum aead_alg alg;
	size_t explicit_len; /* bytes of nonce in the record */
	uint8_t nonce[12];
	uint8_t ad[13];
	size_t ad_len;
};

static enum aead_alg alg_of(uint16_t suite)
{
	switch (suite) {
	case KTLS_CHACHA20_POLY1305_SHA256:
	case 0xcca8:
	case 0xcca9:
		return AEAD_CHACHA20_POLY1305;
	case KTLS_AES_256_GCM_SHA384:
	case 0xc02c:
	case 0xc030:
	case 0x009d:
		return AEAD_AES_256_GCM;
	default:
		return AEAD_AES_128_GCM;
	}
}

static void put_u16(uint8_t *at, size_t v)
{
	at[0] = (uint8_t)(v >> 8);
	at[1] = (uint8_t)v;
}

/* The nonce made of the IV and the sequence number (RFC 9846, 5.3; RFC 7905, 2). */
static void xor_nonce(const struct ktls_traffic_key *key, uint8_t nonce[static 12])
{
	memcpy(nonce, key->iv, 12);
	for (size_t i = 0; i < sizeof(key->seq); i++)
		nonce[4 + i] ^= key->seq[i];
}

static bool has_explicit_nonce(const struct ktls_traffic_key *key)
{
	return key->version == KTLS_TLS_1_2 && alg_of(key->suite) != AEAD_CHACHA20_POLY1305;
}

/* record begins with the header; content_len is for TLS 1.2, whose additional data has it. */
static void protection_init(struct protection *p, const struct ktls_traffic_key *key,
			    const uint8_t *record, size_t content_len)
{
	p->alg = alg_of(key->suite);
	p->explicit_len = has_explicit_nonce(key) ? 8 : 0;
	if (p->explicit_len > 0) {
		memcpy(p->nonce, key->iv, 4);
		memcpy(p->nonce + 4, record + KEYED_HEADER, 8);
	} else {
		xor_nonce(key, p->nonce);
	}
	if (key->version == KTLS_TLS_1_3) {
		p->ad_len = KEYED_HEADER;
		memcpy(p->ad, record, KEYED_HEADER);
		return;
	}
	p->ad_len = sizeof(p->ad);
	memcpy(p->ad, key->seq, 8);
	memcpy(p->ad + 8, record, 3);
	put_u16(p->ad + 11, content_len);
}

static void step(struct ktls_traffic_key *key)
{
	for (size_t i = sizeof(key->seq); i-- > 0;) {
		if (++key->seq[i] != 0)
			break;
	}
}

size_t keyed_seal(struct ktls_traffic_key *key, uint8_t type, const void *bytes, size_t len,
		  uint8_t record[static KEYED_RECORD_MAX])
{
	bool v13 = key->version == KTLS_TLS_1_3;
	size_t explicit_len = has_explicit_nonce(key) ? 8 : 0, inner_len = len + v13;
	uint8_t *inner = record + KEYED_HEADER + explicit_len;
	struct protection p;

	record[0] = v13 ? RECORD_APPLICATION_DATA : type;
	put_u16(record + 1, KTLS_TLS_1_2);
	put_u16(record + 3, explicit_len + inner_len + AEAD_TAG);
	memcpy(record + KEYED_HEADER, key->seq, explicit_len);
	if (len > 0)
		memcpy(inner, bytes, len);
	if (v13)
		inner[len] = type;
	protection_init(&p, key, record, len);
	aead_seal_once(p.alg, key->key, p.nonce, p.ad, p.ad_len, inner, inner_len, inner);
	step(key);
	return KEYED_HEADER + explicit_len + inner_len + AEAD_TAG;
}

ssize_t keyed_open(struct ktls_traffic_key *key, const uint8_t *record, size_t record_len,
		   uint8_t *type, uint8_t content[static KEYED_RECORD_MAX])
{
	size_t overhead = KEYED_HEADER + (has_explicit_nonce(key) ? 8 : 0) + AEAD_TAG, len;
	struct protection p;

	if (record_len < overhead || record_len > KEYED_RECORD_MAX)
		return -1;
	len = record_len - overhead;
	protection_init(&p, key, record, len);
	if (!aead_open_once(p.alg, key->key, p.nonce, p.ad, p.ad_len,
			    record + KEYED_HEADER + p.explicit_len, len + AEAD_TAG, content))
		return -1;
	step(key);
	*type = record[0];
	if (key->version == KTLS_TLS_1_3) {
		if (len == 0)
			return -1;
		*type = content[--len];
	}
	return (ssize_t)len;
}

/* ---- sockets ------------------------------------------------------------------------------------
 */

void keyed_pair(int fd[static 2])
{
	int error;

	ASSERT_EQ(0, loopback_pair(fd));
	ASSERT_EQ(0, kernel_ulp_attach(fd[0], &error));
}

void keyed_install(int fd, bool transmit, const struct ktls_traffic_key *key)
{
	int error = 0;

	ASSERT_EQ(0, kernel_install(fd, transmit, key, &error));
	ASSERT_EQ(0, error);
}

void keyed_write(int fd, const void *bytes, size_t len)
{
	const uint8_t *at = bytes;

	while (len > 0) {
		ssize_t n = send(fd, at, len, MSG_NOSIGNAL);

		ASSERT_GT(n, 0);
		at += n;
		len -= (size_t)n;
	}
}

void keyed_read(int fd, void *bytes, size_t len)
{
	uint8_t *at = bytes;

	while (len > 0) {
		ssize_t n = recv(fd, at, len, 0);

		ASSERT_GT(n, 0);
		at += n;
		len -= (size_t)n;
	}
}

size_t keyed_read_record(int fd, uint8_t record[static KEYED_RECORD_MAX])
{
	size_t len;

	keyed_read(fd, record, KEYED_HEADER);
	len = (size_t)record[3] << 8 | record[4];
	ASSERT_LE(len, KEYED_RECORD_MAX - KEYED_HEADER);
	keyed_read(fd, record + KEYED_HEADER, len);
	return KEYED_HEADER + len;
}
