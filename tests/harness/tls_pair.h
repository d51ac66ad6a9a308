/* SPDX-License-Identifier: MIT */
/*
 * Two ends of a TCP connection behind a real handshake (RFC 9846; RFC 5246), for tests of what the
 * kernel does with the records that follow. The server's records are the kernel's. The client's are
 * too, or they are made and opened by hand, by the codec of keyed.h, so that a test sees and sends
 * each of them. No tickets: the first record is the test's.
 *
 *	FIXTURE(tx) { struct tls_pair pair; };
 *	FIXTURE_VARIANT(tx) { struct tls_pair_spec spec; };
 *	TLS_PAIR_SUITES(tx)
 *	FIXTURE_SETUP(tx) { tls_pair_open(&self->pair, &variant->spec, CLIENT_BY_HAND); }
 *	FIXTURE_TEARDOWN(tx) { tls_pair_close(&self->pair); }
 *	int main(int argc, char **argv) { return tls_pair_main(argc, argv); }
 */
#ifndef KTLS_TESTS_TLS_PAIR_H
#define KTLS_TESTS_TLS_PAIR_H

#include "lib/ktls/probe.h"
#include "tests/harness/conns.h"
#include "tests/harness/harness.h"
#include "tests/harness/keyed.h"

struct tls_pair_spec {
	uint16_t version, suite;
};

enum tls_pair_client { CLIENT_BY_KERNEL, CLIENT_BY_HAND };

/* Indices of fd[] and ends[]. */
enum { CLIENT, SERVER };

struct tls_pair {
	bool ready; /* false: there is no kernel TLS, and the test has been skipped */
	int fd[2];
	struct conns conns;
	struct conn_end ends[2];
	/* As the kernel has them, or the codec of a client by hand, which steps them. */
	struct {
		struct ktls_traffic_key tx, rx;
	} keys[2];
	bool client_by_hand;
	/* Called when the server's receive key is about to be installed: the client, if by hand,
	 * may send records already. */
	void (*before_rx)(struct tls_pair *pair, void *arg);
	void *arg;
	bool keys_used; /* it may have */
	/* The kernel is told another number for the server's first record. The client's codec is
	 * told, too. */
	bool sequence_set;
	uint8_t sequence[8];
	uint8_t record[KEYED_RECORD_MAX];  /* scratch: by hand, on the wire */
	uint8_t content[KEYED_RECORD_MAX]; /* and opened */
};

/* What the kernel can do; filled in by tls_pair_main(). */
extern struct ktls_probe tls_pair_kernel;

/* main() of a test: makes keys and asks the kernel once, not for each test. */
int tls_pair_main(int argc, char **argv);

/* *pair is zeros, or has before_rx, arg or sequence set. Skips the test where nothing can be done.
 */
void tls_pair_open(struct tls_pair *pair, const struct tls_pair_spec *spec,
		   enum tls_pair_client client);
/* The same over sockets of the test's own. */
void tls_pair_open_over(struct tls_pair *pair, const struct tls_pair_spec *spec,
			enum tls_pair_client client, const int fd[2]);
void tls_pair_close(struct tls_pair *pair);

/* ---- by hand --------------------------------------------------------------------------------- */

/* Makes the client's next record in pair->record; returns its length. */
size_t hand_seal(struct tls_pair *pair, uint8_t type, const void *bytes, size_t len);

/* Makes and sends it. */
void hand_send(struct tls_pair *pair, uint8_t type, const void *bytes, size_t len);

/* Receives the server's next record into pair->content; returns its length. */
size_t hand_recv(struct tls_pair *pair, uint8_t *type);

/* It is this one. */
void hand_expect(struct tls_pair *pair, uint8_t type, const void *bytes, size_t len);

/* Data of that many bytes arrives, in records of any lengths; returns how many records. */
size_t hand_expect_data(struct tls_pair *pair, const void *bytes, size_t len);

/* Nothing is there to be read. */
void hand_expect_nothing(struct tls_pair *pair);

/* ---- both ------------------------------------------------------------------------------------ */

/*
 * The key after a KeyUpdate, by the secrets of the handshake (RFC 9846, 7.2): of what an end sends,
 * or receives.
 */
struct ktls_traffic_key tls_pair_next(struct tls_pair *pair, int end, bool transmit);

/* Bytes that repeat nowhere near, others for each seed. */
void tls_pair_fill(uint8_t *bytes, size_t len, uint32_t seed);

/* Exactly these bytes are received as data. */
void tls_pair_expect(int fd, const void *bytes, size_t len);

/* recv() fails with this error. */
void tls_pair_expect_error(int fd, int flags, int error);

/* Whether poll() says POLLIN within ms milliseconds (0: now). */
bool tls_pair_readable(int fd, int ms);

/* Milliseconds that are long enough for something to arrive, or for a thread to have begun. */
int tls_pair_while(void);

/*
 * The suites that a test is run with: one of each version, or with KTLS_TEST_SUITES=all in the
 * environment all that a kernel is expected to have. Behind FIXTURE_VARIANT(f).
 */
#define TLS_PAIR_SUITES(f)                                                                    \
	TLS_PAIR_SUITE(f, tls13_aes_128_gcm, true, KTLS_TLS_1_3, KTLS_AES_128_GCM_SHA256)     \
	TLS_PAIR_SUITE(f, tls12_aes_256_gcm, true, KTLS_TLS_1_2,                              \
		       KTLS_ECDHE_ECDSA_AES_256_GCM_SHA384)                                   \
	TLS_PAIR_SUITE(f, tls13_aes_256_gcm, false, KTLS_TLS_1_3, KTLS_AES_256_GCM_SHA384)    \
	TLS_PAIR_SUITE(f, tls13_chacha20, false, KTLS_TLS_1_3, KTLS_CHACHA20_POLY1305_SHA256) \
	TLS_PAIR_SUITE(f, tls12_aes_128_gcm, false, KTLS_TLS_1_2,                             \
		       KTLS_ECDHE_ECDSA_AES_128_GCM_SHA256)                                   \
	TLS_PAIR_SUITE(f, tls12_chacha20, false, KTLS_TLS_1_2, KTLS_ECDHE_ECDSA_CHACHA20_POLY1305)

/* Only those of TLS 1.3. */
#define TLS_PAIR_SUITES_1_3(f)                                                             \
	TLS_PAIR_SUITE(f, tls13_aes_128_gcm, true, KTLS_TLS_1_3, KTLS_AES_128_GCM_SHA256)  \
	TLS_PAIR_SUITE(f, tls13_aes_256_gcm, false, KTLS_TLS_1_3, KTLS_AES_256_GCM_SHA384) \
	TLS_PAIR_SUITE(f, tls13_chacha20, false, KTLS_TLS_1_3, KTLS_CHACHA20_POLY1305_SHA256)

#define TLS_PAIR_SUITE(f, v, always, version_, suite_)                                        \
	static const struct test_variant_##f test_variant_##f##_##v = { .spec = { version_,   \
										  suite_ } }; \
	static struct test_variant test_variant_of_##f##_##v = {                              \
		.name = #v, .data = &test_variant_##f##_##v                                   \
	};                                                                                    \
	TEST_CONSTRUCTOR(test_register_variant_##f##_##v)                                     \
	{                                                                                     \
		if ((always) || tls_pair_all_suites())                                        \
			test_register_variant(&test_fixture_##f, &test_variant_of_##f##_##v); \
	}

bool tls_pair_all_suites(void);

#endif
