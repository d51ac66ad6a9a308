/* SPDX-License-Identifier: MIT */
/*
 * New keys behind a real handshake (RFC 9846, 4.7.3 and 7.2), derived from its secrets, both ways.
 * Where the kernel cannot (Linux before 6.14, TLS 1.2): what it does instead, which is to end the
 * connection at the first record under a new key.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <ktls-secrets.h>

#include "lib/ktls/kernel.h"
#include "tests/harness/tls_pair.h"

#define KEY_UPDATE "\x18\0\0\1\0"

FIXTURE(rekey)
{
	struct tls_pair pair;
	bool able; /* the kernel and the version can */
	int fd;    /* the kernel's end */
};

FIXTURE_VARIANT(rekey)
{
	struct tls_pair_spec spec;
};

TLS_PAIR_SUITES(rekey)

FIXTURE_SETUP(rekey)
{
	tls_pair_open(&self->pair, &variant->spec, CLIENT_BY_HAND);
	self->fd = self->pair.fd[SERVER];
	self->able = tls_pair_kernel.rekey == 0 && variant->spec.version == KTLS_TLS_1_3;
}

FIXTURE_TEARDOWN(rekey)
{
	tls_pair_close(&self->pair);
}

static void data(struct test_self_rekey *self, const char *text)
{
	hand_send(&self->pair, RECORD_APPLICATION_DATA, text, strlen(text));
}

/* The client sends a KeyUpdate, and is under its next key. */
static void client_updates(struct test_self_rekey *self)
{
	hand_send(&self->pair, RECORD_HANDSHAKE, KEY_UPDATE, 5);
	self->pair.keys[CLIENT].tx = tls_pair_next(&self->pair, CLIENT, true);
}

static void take_key_update(struct test_self_rekey *self)
{
	uint8_t got[16], type = 0;

	ASSERT_EQ(5, kernel_record_recv(self->fd, got, sizeof(got), 0, &type));
	EXPECT_EQ(RECORD_HANDSHAKE, type);
	EXPECT_MEMEQ(KEY_UPDATE, got, 5);
}

static int install(int fd, bool transmit, const struct ktls_traffic_key *key)
{
	int error = 0;

	(void)!kernel_install(fd, transmit, key, &error);
	return error;
}

static void server_follows(struct test_self_rekey *self)
{
	struct ktls_traffic_key key = tls_pair_next(&self->pair, SERVER, false);

	ASSERT_EQ(0, install(self->fd, false, &key));
}

static void server_updates(struct test_self_rekey *self)
{
	struct ktls_traffic_key key = tls_pair_next(&self->pair, SERVER, true);

	ASSERT_EQ(5, kernel_record_send(self->fd, RECORD_HANDSHAKE, KEY_UPDATE, 5, 0));
	ASSERT_EQ(0, install(self->fd, true, &key));
}

static void client_follows(struct test_self_rekey *self)
{
	hand_expect(&self->pair, RECORD_HANDSHAKE, KEY_UPDATE, 5);
	self->pair.keys[CLIENT].rx = tls_pair_next(&self->pair, CLIENT, false);
}

/* ---- kernels and versions that cannot ------------------------------------------------------- */

/*
 * The key in force stays, both ways, and the peer's KeyUpdate is a record like others; what follows
 * it does not decrypt.
 */
static void expect_unable(struct test_self_rekey *self)
{
	struct ktls_traffic_key key = self->pair.keys[SERVER].rx;

	key.key[0] ^= 1;
	EXPECT_EQ(EBUSY, install(self->fd, true, &key));
	EXPECT_EQ(EBUSY, install(self->fd, false, &key));
	data(self, "old");
	tls_pair_expect(self->fd, "old", 3);
	keyed_write(self->fd, "old", 3);
	hand_expect(&self->pair, RECORD_APPLICATION_DATA, "old", 3);
}

/* Ends the test where there is no rekey, having looked at what there is instead. */
static bool unable(struct test_self_rekey *self)
{
	if (!self->pair.ready)
		return true;
	if (self->able)
		return false;
	expect_unable(self);
	return true;
}

TEST_F(rekey, where_it_cannot_be_done)
{
	if (!self->pair.ready)
		return;
	if (self->able) {
		EXPECT_EQ(0, tls_pair_kernel.rekey);
		return;
	}
	expect_unable(self);
	if (variant->spec.version != KTLS_TLS_1_3)
		return;
	client_updates(self);
	take_key_update(self);
	data(self, "new");
	tls_pair_expect_error(self->fd, 0, EBADMSG);
	EXPECT_EQ(EBUSY, install(self->fd, false, &self->pair.keys[CLIENT].tx));
	tls_pair_expect_error(self->fd, 0, EBADMSG);
}

/*
 * In TLS 1.2 a record of the handshake that begins with KeyUpdate's number is no KeyUpdate. Linux
 * 7 does not look at the version: reading stops for good. That is the end a peer gets who sends
 * what TLS 1.2 does not have.
 */
TEST_F(rekey, what_looks_like_a_key_update_in_tls_1_2)
{
	char got[8];

	if (!self->pair.ready)
		return;
	if (variant->spec.version != KTLS_TLS_1_2) {
		EXPECT_EQ(KTLS_TLS_1_3, variant->spec.version);
		return;
	}
	hand_send(&self->pair, RECORD_HANDSHAKE, KEY_UPDATE, 5);
	take_key_update(self);
	data(self, "next");
	if (tls_pair_kernel.rekey != 0) {
		tls_pair_expect(self->fd, "next", 4);
		return;
	}
	EXPECT_EQ(-1, recv(self->fd, got, sizeof(got), 0));
	EXPECT_EQ(EKEYEXPIRED, errno);
}

/* ---- both ways ------------------------------------------------------------------------------- */

TEST_F(rekey, of_what_is_received)
{
	if (unable(self))
		return;
	for (int i = 0; i < 5; i++) {
		data(self, "before");
		client_updates(self);
		data(self, "after");
		tls_pair_expect(self->fd, "before", 6);
		take_key_update(self);
		server_follows(self);
		tls_pair_expect(self->fd, "after", 5);
	}
}

TEST_F(rekey, of_what_is_sent)
{
	if (unable(self))
		return;
	for (int i = 0; i < 5; i++) {
		keyed_write(self->fd, "before", 6);
		server_updates(self);
		keyed_write(self->fd, "after", 5);
		hand_expect(&self->pair, RECORD_APPLICATION_DATA, "before", 6);
		client_follows(self);
		hand_expect(&self->pair, RECORD_APPLICATION_DATA, "after", 5);
	}
}

/* One direction knows nothing of the other. */
TEST_F(rekey, of_both)
{
	if (unable(self))
		return;
	client_updates(self);
	keyed_write(self->fd, "old key", 7);
	hand_expect(&self->pair, RECORD_APPLICATION_DATA, "old key", 7);
	server_updates(self);
	take_key_update(self);
	server_follows(self);
	client_follows(self);
	data(self, "to");
	tls_pair_expect(self->fd, "to", 2);
	keyed_write(self->fd, "fro", 3);
	hand_expect(&self->pair, RECORD_APPLICATION_DATA, "fro", 3);
}

/* A KeyUpdate sends what MSG_MORE left open, under the old key. */
TEST_F(rekey, with_an_open_record)
{
	if (unable(self))
		return;
	ASSERT_EQ(4, send(self->fd, "open", 4, MSG_MORE));
	server_updates(self);
	hand_expect(&self->pair, RECORD_APPLICATION_DATA, "open", 4);
	client_follows(self);
	keyed_write(self->fd, "new", 3);
	hand_expect(&self->pair, RECORD_APPLICATION_DATA, "new", 3);
}

TEST_F(rekey, shows_in_what_is_read_back)
{
	struct ktls_traffic_key before, key;

	if (unable(self))
		return;
	data(self, "x");
	tls_pair_expect(self->fd, "x", 1);
	ASSERT_EQ(0, kernel_get(self->fd, false, &before));
	EXPECT_EQ(1, before.seq[7]);
	client_updates(self);
	take_key_update(self);
	/* The old one is shown until the new one is there. */
	ASSERT_EQ(0, kernel_get(self->fd, false, &key));
	EXPECT_MEMEQ(before.key, key.key, sizeof(key.key));
	server_follows(self);
	ASSERT_EQ(0, kernel_get(self->fd, false, &key));
	EXPECT_MEMEQ(self->pair.keys[CLIENT].tx.key, key.key, sizeof(key.key));
	EXPECT_EQ(0, key.seq[7]);
	data(self, "y");
	tls_pair_expect(self->fd, "y", 1);
	ASSERT_EQ(0, kernel_get(self->fd, false, &key));
	EXPECT_EQ(1, key.seq[7]);
}

/* ---- in between ------------------------------------------------------------------------------ */

/* From the KeyUpdate to the new key nothing is decrypted, whoever asks, and nothing is lost. */
TEST_F(rekey, nothing_is_read_before_the_new_key)
{
	uint8_t got[16], type;
	int pipes[2];

	if (unable(self))
		return;
	ASSERT_EQ(0, pipe(pipes));
	client_updates(self);
	data(self, "after");
	take_key_update(self);
	for (int i = 0; i < 2; i++) {
		tls_pair_expect_error(self->fd, 0, EKEYEXPIRED);
		tls_pair_expect_error(self->fd, MSG_DONTWAIT, EKEYEXPIRED);
		tls_pair_expect_error(self->fd, MSG_PEEK, EKEYEXPIRED);
		EXPECT_EQ(-EKEYEXPIRED, kernel_record_recv(self->fd, got, sizeof(got), 0, &type));
		EXPECT_EQ(-1, splice(self->fd, NULL, pipes[1], NULL, 100, 0));
		EXPECT_EQ(EKEYEXPIRED, errno);
	}
	server_follows(self);
	tls_pair_expect(self->fd, "after", 5);
	close(pipes[0]);
	close(pipes[1]);
}

/* A look at a KeyUpdate is as good as taking it: the pause begins. */
TEST_F(rekey, a_look_at_it)
{
	uint8_t got[16], type = 0;

	if (unable(self))
		return;
	client_updates(self);
	data(self, "after");
	for (int i = 0; i < 2; i++) {
		EXPECT_EQ(5, kernel_record_recv(self->fd, got, sizeof(got), MSG_PEEK, &type));
		EXPECT_EQ(RECORD_HANDSHAKE, type);
	}
	take_key_update(self);
	tls_pair_expect_error(self->fd, 0, EKEYEXPIRED);
	server_follows(self);
	EXPECT_EQ(5, recv(self->fd, got, sizeof(got), MSG_PEEK));
	tls_pair_expect(self->fd, "after", 5);
}

/* Data decrypted before, in the same breath, is given out. */
TEST_F(rekey, data_from_before_is_given_out)
{
	char got[64];

	if (unable(self))
		return;
	data(self, "0123456789");
	client_updates(self);
	data(self, "after");
	usleep((useconds_t)tls_pair_while() * 1000);
	EXPECT_EQ(3, recv(self->fd, got, 3, 0));
	EXPECT_EQ(7, recv(self->fd, got + 3, sizeof(got) - 3, 0));
	EXPECT_MEMEQ("0123456789", got, 10);
	tls_pair_expect_error(self->fd, 0, EIO);
	take_key_update(self);
	server_follows(self);
	tls_pair_expect(self->fd, "after", 5);
}

TEST_F(rekey, splice_stops_and_goes_on)
{
	char got[16];
	int pipes[2];

	if (unable(self))
		return;
	ASSERT_EQ(0, pipe(pipes));
	data(self, "before");
	client_updates(self);
	data(self, "after");
	EXPECT_EQ(6, splice(self->fd, NULL, pipes[1], NULL, 100, 0));
	EXPECT_EQ(-1, splice(self->fd, NULL, pipes[1], NULL, 100, 0));
	EXPECT_EQ(EINVAL, errno);
	take_key_update(self);
	server_follows(self);
	EXPECT_EQ(5, recv(self->fd, got, sizeof(got), MSG_PEEK));
	EXPECT_EQ(5, splice(self->fd, NULL, pipes[1], NULL, 100, 0));
	EXPECT_EQ(11, read(pipes[0], got, sizeof(got)));
	EXPECT_MEMEQ("beforeafter", got, 11);
	close(pipes[0]);
	close(pipes[1]);
}

/* ---- wrong keys ------------------------------------------------------------------------------ */

TEST_F(rekey, with_keys_of_another_kind)
{
	struct ktls_traffic_key key = { 0 };

	if (unable(self))
		return;
	client_updates(self);
	take_key_update(self);
	data(self, "after");
	key = keyed_key(KTLS_TLS_1_3, KTLS_CHACHA20_POLY1305_SHA256, 1);
	if (variant->spec.suite == key.suite)
		key = keyed_key(KTLS_TLS_1_3, KTLS_AES_128_GCM_SHA256, 1);
	EXPECT_EQ(EINVAL, install(self->fd, false, &key));
	EXPECT_EQ(EINVAL, install(self->fd, true, &key));
	/* Nothing has changed: the right one can be installed still, and sending goes on. */
	tls_pair_expect_error(self->fd, 0, EKEYEXPIRED);
	keyed_write(self->fd, "old key", 7);
	hand_expect(&self->pair, RECORD_APPLICATION_DATA, "old key", 7);
	server_follows(self);
	tls_pair_expect(self->fd, "after", 5);
}

/* Two steps instead of one. */
TEST_F(rekey, with_a_key_that_is_not_the_peers)
{
	struct ktls_traffic_key key;

	if (unable(self))
		return;
	client_updates(self);
	take_key_update(self);
	data(self, "after");
	(void)tls_pair_next(&self->pair, SERVER, false);
	key = tls_pair_next(&self->pair, SERVER, false);
	ASSERT_EQ(0, install(self->fd, false, &key));
	tls_pair_expect_error(self->fd, 0, EBADMSG);
}

/* ---- poll() ---------------------------------------------------------------------------------- */

/* While the new key is missing there is nothing to read, though a record waits. */
TEST_F(rekey, poll_waits_for_the_key)
{
	if (unable(self))
		return;
	client_updates(self);
	EXPECT_TRUE(tls_pair_readable(self->fd, 5000));
	take_key_update(self);
	data(self, "after");
	EXPECT_FALSE(tls_pair_readable(self->fd, tls_pair_while()));
	server_follows(self);
	EXPECT_TRUE(tls_pair_readable(self->fd, 5000));
	tls_pair_expect(self->fd, "after", 5);
	EXPECT_FALSE(tls_pair_readable(self->fd, 0));
}

static void *wait_for_data(void *arg)
{
	return tls_pair_readable(*(int *)arg, 20000) ? arg : NULL;
}

TEST_F(rekey, the_new_key_wakes_who_sleeps_in_poll)
{
	void *result = NULL;
	pthread_t thread;

	if (unable(self))
		return;
	client_updates(self);
	take_key_update(self);
	data(self, "after");
	ASSERT_EQ(0, pthread_create(&thread, NULL, wait_for_data, &self->fd));
	usleep((useconds_t)tls_pair_while() * 1000);
	server_follows(self);
	pthread_join(thread, &result);
	EXPECT_EQ(&self->fd, result);
	tls_pair_expect(self->fd, "after", 5);
}

/*
 * A read of data that decrypted the KeyUpdate behind it: poll() does not say that this can be read.
 * So who reads goes on until EAGAIN, EIO or EKEYEXPIRED before waiting.
 */
TEST_F(rekey, poll_says_nothing_of_a_key_update_that_was_decrypted)
{
	char got[64];

	if (unable(self))
		return;
	data(self, "before");
	client_updates(self);
	usleep((useconds_t)tls_pair_while() * 1000);
	EXPECT_EQ(6, recv(self->fd, got, sizeof(got), 0));
	EXPECT_FALSE(tls_pair_readable(self->fd, 0));
	tls_pair_expect_error(self->fd, MSG_DONTWAIT, EIO);
	take_key_update(self);
}

/* ---- what the kernel does not see ----------------------------------------------------------- */

/*
 * A KeyUpdate behind another message in one record is allowed (RFC 9846, 5.1), but the kernel looks
 * at the first byte only: it does not stop, and fails at the next record.
 */
TEST_F(rekey, behind_another_message_in_one_record)
{
	static const char both[] = "\4\0\0\5ticke" KEY_UPDATE;
	uint8_t got[64], type = 0;

	if (unable(self))
		return;
	hand_send(&self->pair, RECORD_HANDSHAKE, both, 14);
	self->pair.keys[CLIENT].tx = tls_pair_next(&self->pair, CLIENT, true);
	EXPECT_EQ(14, kernel_record_recv(self->fd, got, sizeof(got), 0, &type));
	tls_pair_expect_error(self->fd, MSG_DONTWAIT, EAGAIN);
	/* In time, the new key is as good as ever. */
	server_follows(self);
	data(self, "after");
	tls_pair_expect(self->fd, "after", 5);
	/* Too late, the connection is over. */
	hand_send(&self->pair, RECORD_HANDSHAKE, both, 14);
	self->pair.keys[CLIENT].tx = tls_pair_next(&self->pair, CLIENT, true);
	data(self, "after");
	EXPECT_EQ(14, kernel_record_recv(self->fd, got, sizeof(got), 0, &type));
	tls_pair_expect_error(self->fd, 0, EBADMSG);
}

/* Of a KeyUpdate in two records the kernel sees the first, and does not give out the second. */
TEST_F(rekey, in_two_records)
{
	uint8_t got[16], type = 0;

	if (unable(self))
		return;
	hand_send(&self->pair, RECORD_HANDSHAKE, KEY_UPDATE, 2);
	hand_send(&self->pair, RECORD_HANDSHAKE, KEY_UPDATE + 2, 3);
	EXPECT_EQ(2, kernel_record_recv(self->fd, got, sizeof(got), 0, &type));
	EXPECT_EQ(RECORD_HANDSHAKE, type);
	EXPECT_EQ(-EKEYEXPIRED, kernel_record_recv(self->fd, got, sizeof(got), 0, &type));
}

int main(int argc, char **argv)
{
	return tls_pair_main(argc, argv);
}
