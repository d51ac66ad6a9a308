/* SPDX-License-Identifier: MIT */
/*
 * Behind a real handshake: when keys can be set, what can be read back, and what the socket is good
 * for besides. install.c has the same for keys typed in by hand.
 */
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "lib/ktls/kernel.h"
#include "lib/ktls/uapi.h"
#include "tests/harness/tls_pair.h"

FIXTURE(setup)
{
	struct tls_pair pair;
};

FIXTURE_VARIANT(setup)
{
	struct tls_pair_spec spec;
};

TLS_PAIR_SUITES(setup)

/* Tests open the pair themselves: some have something to say before. */
FIXTURE_SETUP(setup)
{
}

FIXTURE_TEARDOWN(setup)
{
	tls_pair_close(&self->pair);
}

static bool open_pair_of(struct test_self_setup *self, const struct tls_pair_spec *spec,
			 enum tls_pair_client client)
{
	tls_pair_open(&self->pair, spec, client);
	return self->pair.ready;
}

/* Data goes both ways. */
static void expect_alive(struct tls_pair *pair)
{
	if (!pair->client_by_hand) {
		keyed_write(pair->fd[SERVER], "there", 5);
		tls_pair_expect(pair->fd[CLIENT], "there", 5);
		keyed_write(pair->fd[CLIENT], "back", 4);
		tls_pair_expect(pair->fd[SERVER], "back", 4);
		return;
	}
	keyed_write(pair->fd[SERVER], "there", 5);
	hand_expect(pair, RECORD_APPLICATION_DATA, "there", 5);
	hand_send(pair, RECORD_APPLICATION_DATA, "back", 4);
	tls_pair_expect(pair->fd[SERVER], "back", 4);
}

/* ---- before ---------------------------------------------------------------------------------- */

/* The reason why a handshake over a socket does not even begin. */
static enum ktls_reason refused(struct conns *conns, int fd)
{
	struct conn_end end = { .fd = fd }, *one[] = { &end };

	conns_begin(conns, KTLS_CLIENT, &end);
	EXPECT_TRUE(conns_run(conns, one, 1, 10000));
	return end.result.reason;
}

TEST_F(setup, sockets_that_are_not_connected_are_refused)
{
	struct sockaddr_in any = { .sin_family = AF_INET };
	struct conns conns;
	int fd = socket(AF_INET, SOCK_STREAM, 0);

	if (!keyed_or_skip())
		return;
	conns_init(&conns, false);
	conns.config.kernel = &conn_kernel_default;
	conns_open(&conns);
	EXPECT_EQ(-1, setsockopt(fd, IPPROTO_TCP, TCP_ULP, "tls", 3));
	EXPECT_EQ(ENOTCONN, errno);
	EXPECT_EQ(KTLS_R_SOCKET_NOT_CONNECTED, refused(&conns, fd));
	ASSERT_EQ(0, bind(fd, (struct sockaddr *)&any, sizeof(any)));
	ASSERT_EQ(0, listen(fd, 1));
	EXPECT_EQ(KTLS_R_SOCKET_NOT_CONNECTED, refused(&conns, fd));
	close(fd);
	conns_wipe(&conns);
}

/* The handshake fails behind the ULP: no key is there, and the socket carries plain bytes still. */
TEST_F(setup, a_handshake_that_failed_leaves_a_plain_socket)
{
	struct conn_end end = { 0 }, *one[] = { &end };
	struct conns conns;
	int fd[2];

	if (!keyed_or_skip())
		return;
	conns_init(&conns, false);
	conns.config.kernel = &conn_kernel_default;
	conns.profile.version_min = conns.profile.version_max = variant->spec.version;
	conns_open(&conns);
	tcp_pair(fd, 0);
	end.fd = fd[1];
	conns_begin(&conns, KTLS_SERVER, &end);
	keyed_write(fd[0], "GET / HTTP/1.0\r\n\r\n", 18);
	EXPECT_TRUE(conns_run(&conns, one, 1, 10000));
	EXPECT_NE(KTLS_OK, end.result.reason);
	EXPECT_EQ(-EBUSY, kernel_version(fd[1]));
	EXPECT_LT(0, recv(fd[0], (char[64]){ 0 }, 64, 0)); /* the alert */
	keyed_write(fd[1], "plain", 5);
	tls_pair_expect(fd[0], "plain", 5);
	close(fd[0]);
	close(fd[1]);
	conns_wipe(&conns);
}

/* ---- records that are there before the key --------------------------------------------------- */

static void send_early(struct tls_pair *pair, void *arg)
{
	uint8_t *bytes = arg;

	hand_send(pair, RECORD_APPLICATION_DATA, bytes, 10000);
	hand_send(pair, RECORD_HANDSHAKE, "control", 7);
	hand_send(pair, RECORD_APPLICATION_DATA, bytes + 10000, 6000);
	/* A part of one more. */
	keyed_write(pair->fd[CLIENT], pair->record, hand_seal(pair, 23, "late", 4) - 3);
	/* All of it has arrived before the key is there. */
	EXPECT_TRUE(tls_pair_readable(pair->fd[SERVER], 5000));
	usleep((useconds_t)tls_pair_while() * 200);
}

TEST_F(setup, records_wait_for_the_key)
{
	uint8_t bytes[16000], got[64], type = 0;
	size_t len;

	tls_pair_fill(bytes, sizeof(bytes), 1);
	self->pair.before_rx = send_early;
	self->pair.arg = bytes;
	if (!open_pair_of(self, &variant->spec, CLIENT_BY_HAND))
		return;
	tls_pair_expect(self->pair.fd[SERVER], bytes, 10000);
	EXPECT_EQ(7, kernel_record_recv(self->pair.fd[SERVER], got, sizeof(got), 0, &type));
	EXPECT_EQ(RECORD_HANDSHAKE, type);
	tls_pair_expect(self->pair.fd[SERVER], bytes + 10000, 6000);
	tls_pair_expect_error(self->pair.fd[SERVER], MSG_DONTWAIT, EAGAIN);
	len = (size_t)self->pair.record[3] << 8 | self->pair.record[4];
	keyed_write(self->pair.fd[CLIENT], self->pair.record + KEYED_HEADER + len - 3, 3);
	tls_pair_expect(self->pair.fd[SERVER], "late", 4);
}

/* ---- a second time --------------------------------------------------------------------------- */

TEST_F(setup, keys_of_another_kind_are_refused_and_the_first_stay)
{
	struct ktls_traffic_key other;
	int error = 0;

	if (!open_pair_of(self, &variant->spec, CLIENT_BY_KERNEL))
		return;
	for (int transmit = 0; transmit < 2; transmit++) {
		other = keyed_key(KTLS_TLS_1_3, KTLS_CHACHA20_POLY1305_SHA256, 1);
		if (variant->spec.suite == KTLS_CHACHA20_POLY1305_SHA256)
			other = keyed_key(KTLS_TLS_1_3, KTLS_AES_128_GCM_SHA256, 1);
		EXPECT_GT(0, kernel_install(self->pair.fd[SERVER], transmit, &other, &error));
		EXPECT_TRUE(error == EBUSY || error == EINVAL);
		other = keyed_key(KTLS_TLS_1_3, KTLS_AES_128_GCM_SHA256, 1);
		if (variant->spec.version == KTLS_TLS_1_3)
			other = keyed_key(KTLS_TLS_1_2, KTLS_ECDHE_ECDSA_AES_128_GCM_SHA256, 1);
		EXPECT_GT(0, kernel_install(self->pair.fd[SERVER], transmit, &other, &error));
		EXPECT_TRUE(error == EBUSY || error == EINVAL);
		expect_alive(&self->pair);
	}
}

/* What the kernel is told by setsockopt(), as it comes. */
static int set_raw(int fd, int option, uint16_t version, uint16_t cipher, socklen_t len)
{
	union {
		struct tls_crypto_info info;
		uint8_t bytes[128];
	} u = { 0 };

	u.info.version = version;
	u.info.cipher_type = cipher;
	return setsockopt(fd, SOL_TLS, option, &u, len) < 0 ? errno : 0;
}

/* Where the keys can be changed all is looked at; where not, a second time is enough to refuse. */
TEST_F(setup, nonsense_is_refused_whatever_its_length)
{
	int fd;

	if (!open_pair_of(self, &variant->spec, CLIENT_BY_KERNEL))
		return;
	fd = self->pair.fd[SERVER];
	for (int option = TLS_TX; option <= TLS_RX; option++) {
		for (socklen_t len = 0; len <= 100; len += 5)
			EXPECT_NE(0, set_raw(fd, option, TLS_1_3_VERSION, 9999, len));
		EXPECT_NE(0, set_raw(fd, option, 0x0302, TLS_CIPHER_AES_GCM_128, 40));
		EXPECT_NE(0, set_raw(fd, option, 0, 0, 128));
	}
	EXPECT_EQ(-1, setsockopt(fd, SOL_TLS, TLS_TX, NULL, 40));
	EXPECT_EQ(-1, setsockopt(fd, SOL_TLS, 99, "x", 1));
	EXPECT_EQ(ENOPROTOOPT, errno);
	expect_alive(&self->pair);
}

/* A key's length is its cipher's, to the byte: on a socket that has none yet. */
TEST_F(setup, a_key_is_as_long_as_its_cipher_wants)
{
	static const struct {
		uint16_t cipher;
		socklen_t len;
	} ciphers[] = { { TLS_CIPHER_AES_GCM_128, 40 },
			{ TLS_CIPHER_AES_GCM_256, 56 },
			{ TLS_CIPHER_CHACHA20_POLY1305, 56 } };
	uint16_t version = variant->spec.version;
	int fd[2];

	if (!keyed_or_skip())
		return;
	for (size_t i = 0; i < 3; i++) {
		keyed_pair(fd);
		for (socklen_t len = 0; len <= 128; len++) {
			if (len != ciphers[i].len)
				ASSERT_EQ(EINVAL,
					  set_raw(fd[0], TLS_TX, version, ciphers[i].cipher, len));
		}
		EXPECT_EQ(0, set_raw(fd[0], TLS_TX, version, ciphers[i].cipher, ciphers[i].len));
		close(fd[0]);
		close(fd[1]);
	}
}

/* ---- what is read back ----------------------------------------------------------------------- */

TEST_F(setup, both_ends_show_the_same_keys)
{
	struct ktls_traffic_key a, b;

	if (!open_pair_of(self, &variant->spec, CLIENT_BY_KERNEL))
		return;
	expect_alive(&self->pair);
	for (int i = 0; i < 2; i++) {
		ASSERT_EQ(0, kernel_get(self->pair.fd[i], true, &a));
		ASSERT_EQ(0, kernel_get(self->pair.fd[1 - i], false, &b));
		EXPECT_MEMEQ(a.key, b.key, sizeof(a.key));
		EXPECT_MEMEQ(a.iv, b.iv, 4);
		EXPECT_MEMEQ(a.seq, b.seq, sizeof(a.seq));
		EXPECT_MEMEQ(a.key, self->pair.keys[i].tx.key, 16);
		EXPECT_EQ(variant->spec.version == KTLS_TLS_1_2 ? 2 : 1, a.seq[7]);
	}
}

TEST_F(setup, a_key_is_read_back_by_its_length)
{
	struct tls_crypto_info info;
	socklen_t len = sizeof(info);
	uint8_t bytes[128];
	int fd;

	if (!open_pair_of(self, &variant->spec, CLIENT_BY_KERNEL))
		return;
	fd = self->pair.fd[CLIENT];
	ASSERT_EQ(0, getsockopt(fd, SOL_TLS, TLS_TX, &info, &len));
	EXPECT_EQ(sizeof(info), len);
	EXPECT_EQ(variant->spec.version, info.version);
	for (socklen_t n = 5; n <= sizeof(bytes); n++) {
		len = n;
		if (getsockopt(fd, SOL_TLS, TLS_RX, bytes, &len) == 0)
			EXPECT_TRUE(n == 40 || n == 56);
		else
			EXPECT_EQ(EINVAL, errno);
	}
	len = sizeof(bytes);
	EXPECT_EQ(-1, getsockopt(fd, SOL_TLS, 99, bytes, &len));
	EXPECT_EQ(ENOPROTOOPT, errno);
	expect_alive(&self->pair);
}

/* ---- the last record ------------------------------------------------------------------------- */

TEST_F(setup, sequence_numbers_do_not_begin_anew)
{
	self->pair.sequence_set = true;
	memset(self->pair.sequence, 0xff, 8);
	self->pair.sequence[7] = 0xfe;
	if (!open_pair_of(self, &variant->spec, CLIENT_BY_HAND))
		return;
	keyed_write(self->pair.fd[SERVER], "last but one", 12);
	hand_expect(&self->pair, RECORD_APPLICATION_DATA, "last but one", 12);
	EXPECT_EQ(-1, send(self->pair.fd[SERVER], "last", 4, MSG_NOSIGNAL));
	EXPECT_EQ(EBADMSG, errno);
	EXPECT_EQ(-1, send(self->pair.fd[SERVER], "first", 5, MSG_NOSIGNAL));
}

/* ---- other uses of the socket ---------------------------------------------------------------- */

TEST_F(setup, it_neither_connects_again_nor_listens)
{
	struct sockaddr none = { .sa_family = AF_UNSPEC };

	if (!open_pair_of(self, &variant->spec, CLIENT_BY_KERNEL))
		return;
	EXPECT_EQ(-1, connect(self->pair.fd[SERVER], &none, sizeof(none)));
	EXPECT_EQ(EOPNOTSUPP, errno);
	EXPECT_EQ(-1, listen(self->pair.fd[SERVER], 1));
	EXPECT_EQ(EINVAL, errno);
	EXPECT_EQ(-1, setsockopt(self->pair.fd[SERVER], IPPROTO_TCP, TCP_ULP, "tls", 3));
	EXPECT_EQ(EEXIST, errno);
	expect_alive(&self->pair);
}

/* Two sockets over IPv6: to ::1, or to 127.0.0.1 by its mapped address. */
static void tcp6_pair(int fd[2], bool mapped)
{
	struct sockaddr_in6 address = { .sin6_family = AF_INET6,
					.sin6_addr = IN6ADDR_LOOPBACK_INIT };
	socklen_t len = sizeof(address);
	int zero = 0, listener = socket(AF_INET6, SOCK_STREAM, 0);

	if (mapped)
		memcpy(&address.sin6_addr, "\0\0\0\0\0\0\0\0\0\0\xff\xff\x7f\0\0\1", 16);
	setsockopt(listener, IPPROTO_IPV6, IPV6_V6ONLY, &zero, sizeof(zero));
	ASSERT_EQ(0, bind(listener, (struct sockaddr *)&address, len));
	ASSERT_EQ(0, listen(listener, 1));
	ASSERT_EQ(0, getsockname(listener, (struct sockaddr *)&address, &len));
	fd[0] = socket(AF_INET6, SOCK_STREAM, 0);
	ASSERT_EQ(0, connect(fd[0], (struct sockaddr *)&address, len));
	fd[1] = accept(listener, NULL, NULL);
	ASSERT_GE(fd[1], 0);
	close(listener);
}

TEST_F(setup, ipv6)
{
	int fd[2];

	if (!keyed_or_skip())
		return;
	tcp6_pair(fd, false);
	tls_pair_open_over(&self->pair, &variant->spec, CLIENT_BY_KERNEL, fd);
	expect_alive(&self->pair);
}

TEST_F(setup, ipv4_in_ipv6)
{
	int fd[2];

	if (!keyed_or_skip())
		return;
	tcp6_pair(fd, true);
	tls_pair_open_over(&self->pair, &variant->spec, CLIENT_BY_KERNEL, fd);
	expect_alive(&self->pair);
}

/* ---- a thief --------------------------------------------------------------------------------- */

static void *steal(void *arg)
{
	struct tls_pair *pair = arg;
	char bytes[64];
	ssize_t n = recv(pair->fd[SERVER], bytes, sizeof(bytes), MSG_WAITALL);

	EXPECT_EQ(sizeof(bytes), n);
	return NULL;
}

static pthread_t thief;

static void begin_to_steal(struct tls_pair *pair, void *arg)
{
	(void)arg;
	ASSERT_EQ(0, pthread_create(&thief, NULL, steal, pair));
	usleep((useconds_t)tls_pair_while() * 1000);
}

/*
 * A reader that was in recv() when the key came takes ciphertext away: the rule that nobody reads
 * while a socket is handed over. The stream is lost, but never taken for a good one. A kernel
 * without the patch for CVE-2025-38616 warns of it: no test for these.
 */
TEST_F(setup, a_reader_from_before_gets_ciphertext)
{
	uint8_t bytes[500] = { 0 };

	if (tls_pair_kernel.poll == EBUSY) {
		EXPECT_EQ(EBUSY, tls_pair_kernel.rekey);
		return;
	}
	self->pair.before_rx = begin_to_steal;
	if (!open_pair_of(self, &variant->spec, CLIENT_BY_HAND))
		return;
	hand_send(&self->pair, RECORD_APPLICATION_DATA, bytes, sizeof(bytes));
	pthread_join(thief, NULL);
	errno = 0;
	EXPECT_EQ(-1, recv(self->pair.fd[SERVER], bytes, sizeof(bytes), MSG_DONTWAIT));
	EXPECT_NE(0, errno);
}

int main(int argc, char **argv)
{
	return tls_pair_main(argc, argv);
}
