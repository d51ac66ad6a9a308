/* SPDX-License-Identifier: MIT */
#include "tests/harness/tls_pair.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include <ktls-secrets.h>

#include "lib/conn/internal.h"
#include "lib/ktls/kernel.h"

struct ktls_probe tls_pair_kernel;

bool tls_pair_all_suites(void)
{
	const char *suites = getenv("KTLS_TEST_SUITES");

	return suites && strcmp(suites, "all") == 0;
}

int tls_pair_main(int argc, char **argv)
{
	cert_share_keys(CERT_P256, 2);
	ktls_probe(KTLS_PROBE_SUITES, &tls_pair_kernel);
	return test_harness_main(argc, argv);
}

/* Emulated machines are slow. */
static int factor(void)
{
	const char *text = getenv("KTLS_TIMEOUT_FACTOR");
	int n = text ? atoi(text) : 1;

	return n < 1 ? 1 : n > 5 ? 5 : n;
}

int tls_pair_while(void)
{
	return 60 * factor();
}

/* ---- the handshake --------------------------------------------------------------------------- */

static struct tls_pair *opening; /* whose handshake is under way */

static bool by_hand(int fd)
{
	return opening->client_by_hand && fd == opening->fd[CLIENT];
}

static int pair_attach(int fd, int *error)
{
	*error = 0;
	return by_hand(fd) ? 0 : kernel_ulp_attach(fd, error);
}

/* The key that the test shall see, and the kernel get. */
static struct ktls_traffic_key key_of(struct tls_pair *pair, int end, bool transmit,
				      const struct ktls_traffic_key *key)
{
	struct ktls_traffic_key out = *key;

	if (pair->sequence_set && (end == SERVER) == transmit)
		memcpy(out.seq, pair->sequence, sizeof(out.seq));
	return out;
}

/* The client may have sent with its keys before it is done, in TLS 1.2: they are the server's. */
static void call_before_rx(struct tls_pair *pair)
{
	pair->keys[CLIENT].tx = pair->keys[SERVER].rx;
	pair->keys[CLIENT].rx = pair->keys[SERVER].tx;
	pair->keys_used = true;
	pair->before_rx(pair, pair->arg);
}

static int pair_install(int fd, bool transmit, const struct ktls_traffic_key *key, int *error)
{
	int i = fd == opening->fd[SERVER] ? SERVER : CLIENT;
	struct conn_end *end = &opening->ends[i];
	struct ktls_traffic_key used = key_of(opening, i, transmit, key);

	if (i == SERVER || !opening->keys_used)
		*(transmit ? &opening->keys[i].tx : &opening->keys[i].rx) = used;
	*(transmit ? &end->tx : &end->rx) = *key;
	EXPECT_EQ(0, ktls_engine_secrets(&end->conn->secrets->engine, &end->secrets));
	if (i == SERVER && !transmit && opening->before_rx)
		call_before_rx(opening);
	*error = 0;
	return by_hand(fd) ? 0 : kernel_install(fd, transmit, &used, error);
}

static const struct conn_kernel_ops pair_ops = {
	.attach = pair_attach,
	.install = pair_install,
	.limit = kernel_limit,
};

/* A test that waits in vain shall say where. */
static void never_for_ever(int fd)
{
	struct timeval time = { .tv_sec = 5 * factor() };

	ASSERT_EQ(0, setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &time, sizeof(time)));
	ASSERT_EQ(0, setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &time, sizeof(time)));
}

static void shake(struct tls_pair *pair)
{
	struct conn_end *both[] = { &pair->ends[CLIENT], &pair->ends[SERVER] };

	opening = pair;
	for (int i = 0; i < 2; i++) {
		both[i]->fd = pair->fd[i];
		conns_begin(&pair->conns, i == CLIENT ? KTLS_CLIENT : KTLS_SERVER, both[i]);
	}
	ASSERT_TRUE(conns_run(&pair->conns, both, 2, 60000));
	for (int i = 0; i < 2; i++)
		ASSERT_STREQ("OK", ktls_reason_name((int)both[i]->result.reason));
}

void tls_pair_open_over(struct tls_pair *pair, const struct tls_pair_spec *spec,
			enum tls_pair_client client, const int fd[2])
{
	pair->ready = keyed_or_skip();
	if (!pair->ready)
		return;
	memcpy(pair->fd, fd, sizeof(pair->fd));
	pair->client_by_hand = client == CLIENT_BY_HAND;
	conns_init(&pair->conns, false);
	pair->conns.profile.version_min = spec->version;
	pair->conns.profile.version_max = spec->version;
	pair->conns.config.kernel = &pair_ops;
	pair->conns.config.suites = &spec->suite;
	pair->conns.config.suites_len = 1;
	pair->conns.config.timeout_ms = 60000;
	conns_open(&pair->conns);
	shake(pair);
	EXPECT_EQ(spec->suite, pair->ends[SERVER].facts.suite);
	EXPECT_EQ(spec->version, pair->ends[SERVER].facts.version);
	for (int i = 0; i < 2; i++)
		never_for_ever(fd[i]);
}

void tls_pair_open(struct tls_pair *pair, const struct tls_pair_spec *spec,
		   enum tls_pair_client client)
{
	int fd[2];

	tcp_pair(fd, 0);
	tls_pair_open_over(pair, spec, client, fd);
}

void tls_pair_close(struct tls_pair *pair)
{
	if (!pair->ready)
		return;
	for (int i = 0; i < 2; i++) {
		if (pair->fd[i] >= 0)
			close(pair->fd[i]);
	}
	conns_wipe(&pair->conns);
}

/* ---- by hand --------------------------------------------------------------------------------- */

size_t hand_seal(struct tls_pair *pair, uint8_t type, const void *bytes, size_t len)
{
	return keyed_seal(&pair->keys[CLIENT].tx, type, bytes, len, pair->record);
}

void hand_send(struct tls_pair *pair, uint8_t type, const void *bytes, size_t len)
{
	keyed_write(pair->fd[CLIENT], pair->record, hand_seal(pair, type, bytes, len));
}

size_t hand_recv(struct tls_pair *pair, uint8_t *type)
{
	size_t len = keyed_read_record(pair->fd[CLIENT], pair->record);
	ssize_t n = keyed_open(&pair->keys[CLIENT].rx, pair->record, len, type, pair->content);

	ASSERT_GE(n, 0);
	return (size_t)n;
}

void hand_expect(struct tls_pair *pair, uint8_t type, const void *bytes, size_t len)
{
	uint8_t got = 0;

	ASSERT_EQ(len, hand_recv(pair, &got));
	EXPECT_EQ(type, got);
	EXPECT_MEMEQ(bytes, pair->content, len);
}

size_t hand_expect_data(struct tls_pair *pair, const void *bytes, size_t len)
{
	size_t records = 0;
	uint8_t type;

	for (size_t at = 0, n; at < len; at += n, records++) {
		n = hand_recv(pair, &type);
		ASSERT_EQ(RECORD_APPLICATION_DATA, type);
		ASSERT_LE(n, len - at);
		ASSERT_MEMEQ((const uint8_t *)bytes + at, pair->content, n);
	}
	return records;
}

void hand_expect_nothing(struct tls_pair *pair)
{
	uint8_t byte;

	EXPECT_FALSE(tls_pair_readable(pair->fd[CLIENT], tls_pair_while() / 4));
	EXPECT_EQ(-1, recv(pair->fd[CLIENT], &byte, 1, MSG_DONTWAIT));
}

/* ---- both ------------------------------------------------------------------------------------ */

struct ktls_traffic_key tls_pair_next(struct tls_pair *pair, int end, bool transmit)
{
	struct ktls_traffic_key key = { 0 };

	EXPECT_EQ(0, ktls_secrets_key_update(&pair->ends[end].secrets, transmit ? KTLS_TX : KTLS_RX,
					     &key));
	return key;
}

void tls_pair_fill(uint8_t *bytes, size_t len, uint32_t seed)
{
	uint32_t x = seed * 2654435761U + 1;

	for (size_t i = 0; i < len; i++) {
		x = x * 1664525 + 1013904223;
		bytes[i] = (uint8_t)(x >> 24);
	}
}

void tls_pair_expect(int fd, const void *bytes, size_t len)
{
	uint8_t *got = malloc(len);

	ASSERT_NOT_NULL(got);
	keyed_read(fd, got, len);
	EXPECT_MEMEQ(bytes, got, len);
	free(got);
}

void tls_pair_expect_error(int fd, int flags, int error)
{
	uint8_t bytes[256];

	errno = 0;
	EXPECT_EQ(-1, recv(fd, bytes, sizeof(bytes), flags));
	EXPECT_EQ(error, errno);
}

bool tls_pair_readable(int fd, int ms)
{
	struct pollfd pfd = { .fd = fd, .events = POLLIN };

	return poll(&pfd, 1, ms) == 1 && (pfd.revents & POLLIN);
}
