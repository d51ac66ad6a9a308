/* SPDX-License-Identifier: MIT */
/*
 * Every suite of both versions, from handshake to kernel TLS at both ends, and 64 MiB each way at
 * once, or KTLS_SUITE_BYTES: every byte is compared, so a nonce or a sequence number that goes
 * wrong anywhere shows.
 */
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "lib/ktls/kernel.h"
#include "tests/harness/conns.h"
#include "tests/harness/harness.h"
#include "tests/harness/keyed.h"

#define USUAL (64 << 20)
#define CHUNK 65536

FIXTURE(bulk)
{
	bool ready;
	struct conns conns;
	struct conn_end client, server;
	uint8_t *pattern; /* two chunks: what is sent begins anywhere in the first */
};

FIXTURE_VARIANT(bulk)
{
	uint16_t version;
	uint16_t suite;
	enum cert_key key;
};

#define VARIANT(name, version, number, key) \
	FIXTURE_VARIANT_ADD(bulk, name)     \
	{                                   \
		version, number, key        \
	}
VARIANT(tls13_aes_128_gcm, KTLS_TLS_1_3, KTLS_AES_128_GCM_SHA256, CERT_P256);
VARIANT(tls13_aes_256_gcm, KTLS_TLS_1_3, KTLS_AES_256_GCM_SHA384, CERT_P256);
VARIANT(tls13_chacha20, KTLS_TLS_1_3, KTLS_CHACHA20_POLY1305_SHA256, CERT_P256);
VARIANT(ecdsa_aes_128_gcm, KTLS_TLS_1_2, KTLS_ECDHE_ECDSA_AES_128_GCM_SHA256, CERT_P256);
VARIANT(ecdsa_aes_256_gcm, KTLS_TLS_1_2, KTLS_ECDHE_ECDSA_AES_256_GCM_SHA384, CERT_P256);
VARIANT(ecdsa_chacha20, KTLS_TLS_1_2, KTLS_ECDHE_ECDSA_CHACHA20_POLY1305, CERT_P256);
VARIANT(rsa_aes_128_gcm, KTLS_TLS_1_2, KTLS_ECDHE_RSA_AES_128_GCM_SHA256, CERT_RSA2048);
VARIANT(rsa_aes_256_gcm, KTLS_TLS_1_2, KTLS_ECDHE_RSA_AES_256_GCM_SHA384, CERT_RSA2048);
VARIANT(plain_rsa_aes_128_gcm, KTLS_TLS_1_2, KTLS_RSA_AES_128_GCM_SHA256, CERT_RSA2048);
VARIANT(plain_rsa_aes_256_gcm, KTLS_TLS_1_2, KTLS_RSA_AES_256_GCM_SHA384, CERT_RSA2048);
VARIANT(rsa_chacha20, KTLS_TLS_1_2, KTLS_ECDHE_RSA_CHACHA20_POLY1305, CERT_RSA2048);

/* A prime period: no two records of a stream begin alike, and none is like its neighbour. */
static size_t place(size_t at)
{
	return at % 65521;
}

FIXTURE_SETUP(bulk)
{
	self->ready = keyed_or_skip();
	if (!self->ready)
		return;
	conns_init(&self->conns, false);
	if (variant->key != CERT_P256)
		conns_use_key(&self->conns, variant->key);
	self->conns.profile.version_min = variant->version;
	self->conns.profile.version_max = variant->version;
	self->conns.profile.static_rsa = true;
	self->conns.config.kernel = &conn_kernel_default;
	self->conns.config.suites = &variant->suite;
	self->conns.config.suites_len = 1;
	conns_open(&self->conns);
	self->pattern = malloc(2 * CHUNK);
	ASSERT_NOT_NULL(self->pattern);
	for (size_t i = 0; i < 2 * CHUNK; i++)
		self->pattern[i] = (uint8_t)(place(i) * 2654435761U >> 13);
}

FIXTURE_TEARDOWN(bulk)
{
	if (!self->ready)
		return;
	close(self->client.fd);
	close(self->server.fd);
	free(self->pattern);
	conns_wipe(&self->conns);
}

static size_t bytes_of_each(void)
{
	const char *text = getenv("KTLS_SUITE_BYTES");

	return text ? strtoull(text, NULL, 0) : USUAL;
}

struct stream {
	int fd;
	const uint8_t *pattern;
	size_t total, done; /* bytes */
	size_t wrong;
};

static void *send_all(void *arg)
{
	struct stream *s = arg;

	while (s->done < s->total) {
		size_t len = s->total - s->done < CHUNK ? s->total - s->done : CHUNK;
		ssize_t n = send(s->fd, s->pattern + place(s->done), len, MSG_NOSIGNAL);

		if (n <= 0)
			return NULL;
		s->done += (size_t)n;
	}
	return NULL;
}

static void *recv_all(void *arg)
{
	struct stream *s = arg;
	uint8_t *buf = malloc(CHUNK);

	while (s->done < s->total) {
		ssize_t n = recv(s->fd, buf, CHUNK, 0);

		if (n <= 0)
			break;
		s->wrong += memcmp(buf, s->pattern + place(s->done), (size_t)n) != 0;
		s->done += (size_t)n;
	}
	free(buf);
	return NULL;
}

TEST_F_TIMEOUT(bulk, both_ways_at_once, 60)
{
	struct conn_end *both[2] = { &self->client, &self->server };
	struct stream streams[4];
	pthread_t threads[4];

	if (!self->ready)
		return;
	open_pair(&self->client, &self->server, 0);
	conns_begin(&self->conns, KTLS_CLIENT, &self->client);
	conns_begin(&self->conns, KTLS_SERVER, &self->server);
	ASSERT_TRUE(conns_run(&self->conns, both, 2, 60000));
	ASSERT_EQ(KTLS_OK, self->client.result.reason);
	ASSERT_EQ(KTLS_OK, self->server.result.reason);
	EXPECT_EQ(variant->suite, self->server.facts.suite);
	EXPECT_EQ(variant->version, self->client.facts.version);
	for (int i = 0; i < 4; i++) {
		streams[i] = (struct stream){ .fd = both[i / 2]->fd,
					      .pattern = self->pattern,
					      .total = bytes_of_each() };
		ASSERT_EQ(0, pthread_create(&threads[i], NULL, i % 2 ? recv_all : send_all,
					    &streams[i]));
	}
	for (int i = 0; i < 4; i++) {
		pthread_join(threads[i], NULL);
		EXPECT_EQ(streams[i].total, streams[i].done);
		EXPECT_EQ(0, streams[i].wrong);
	}
}

/* RSA keys take long where the CPU is emulated. */
int main(int argc, char **argv)
{
	cert_share_keys(CERT_RSA2048, 1);
	return test_harness_main(argc, argv);
}
