/* SPDX-License-Identifier: MIT */
/*
 * Data of connections whose TLS is done by devices at both ends, in every way that programs send
 * and receive, both ways at once: it comes as it was sent, and on the wire between the devices
 * there are records of it that open under the connection's keys, and nothing else.
 */
#include <netinet/in.h>
#include <pthread.h>
#include <sys/mman.h>
#include <sys/sendfile.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include <ktls-session.h>

#include "lib/ktls/kernel.h"
#include "tests/harness/nicsim.h"
#include "tests/harness/wiretap.h"

#define BYTES (192 << 10)

FIXTURE(data)
{
	struct nicsim_conn conn;
	struct wiretap tap;
};

FIXTURE_VARIANT(data)
{
	uint16_t suite; /* 0: what ktlsd agrees on with itself, which is AES-128-GCM */
	bool large;
};

/* The device gets packets of up to 64 KiB, or such as fit the wire. */
FIXTURE_VARIANT_ADD(data, aes_128_large_packets){ 0, true };
FIXTURE_VARIANT_ADD(data, aes_256_small_packets){ KTLS_ECDHE_ECDSA_AES_256_GCM_SHA384, false };

FIXTURE_SETUP(data)
{
	nicsim_calm();
	nicsim_offload(NICSIM_A, true, true);
	nicsim_offload(NICSIM_B, true, true);
	nicsim_large_packets(variant->large);
	if (variant->suite == 0)
		nicsim_connect(&self->conn);
	else
		nicsim_connect_suite(&self->conn, variant->suite);
	wiretap_open(&self->tap);
}

FIXTURE_TEARDOWN(data)
{
	wiretap_close(&self->tap);
	nicsim_disconnect(&self->conn);
}

/* What was sent by devices, of all that is counted. */
static void pour_by_devices(struct test_self_data *self, enum pour_way way)
{
	uint64_t encrypted[2], decrypted[2];

	for (int i = 0; i < 2; i++) {
		encrypted[i] = nicsim_counter((enum nicsim_end)i, "tx_tls_encrypted_bytes");
		decrypted[i] = nicsim_counter((enum nicsim_end)i, "rx_tls_decrypted_bytes");
		nicsim_expect(&self->conn, (enum nicsim_end)i, true, true);
	}
	nicsim_pour(&self->conn, way, BYTES);
	wiretap_expect_pour(&self->tap, &self->conn, BYTES);
	for (int i = 0; i < 2; i++) {
		EXPECT_GE(nicsim_counter((enum nicsim_end)i, "tx_tls_encrypted_bytes"),
			  encrypted[i] + BYTES);
		EXPECT_GT(nicsim_counter((enum nicsim_end)i, "rx_tls_decrypted_bytes"),
			  decrypted[i] + BYTES / 2);
		EXPECT_EQ(0, nicsim_stat((enum nicsim_end)i, "TlsDecryptError"));
	}
}

TEST_F(data, read_and_write)
{
	pour_by_devices(self, POUR_BYTES);
}

TEST_F(data, messages_and_more_to_come)
{
	pour_by_devices(self, POUR_MESSAGES);
}

TEST_F(data, files)
{
	pour_by_devices(self, POUR_FILES);
}

TEST_F(data, files_that_are_not_copied)
{
	nicsim_zerocopy(&self->conn);
	pour_by_devices(self, POUR_FILES);
}

TEST_F(data, splices)
{
	pour_by_devices(self, POUR_SPLICES);
}

TEST_F(data, all_in_turns)
{
	pour_by_devices(self, POUR_MIXED);
}

/* ---- the end of a file -----------------------------------------------------------------------
 */

#define FILE_BYTES 100000
#define SAID       1000000
#define WHOLE      (FILE_BYTES / 16384 * 16384) /* in full records */

FIXTURE(file)
{
	struct nicsim_conn conn;
	struct ktls_session *session;
	uint8_t sent[FILE_BYTES], got[FILE_BYTES + 1];
	int fd;
};

FIXTURE_SETUP(file)
{
	nicsim_calm();
	nicsim_offload(NICSIM_A, true, false);
	nicsim_connect(&self->conn);
	nicsim_expect(&self->conn, NICSIM_A, true, false);
	self->session = ktls_session_new(self->conn.k[NICSIM_A], self->conn.reply[NICSIM_A]);
	ASSERT_NOT_NULL(self->session);
	for (size_t i = 0; i < FILE_BYTES; i++)
		self->sent[i] = (uint8_t)(i * 7 + i / 251);
	self->fd = memfd_create("file", MFD_CLOEXEC);
	ASSERT_EQ(FILE_BYTES, write(self->fd, self->sent, FILE_BYTES));
}

FIXTURE_TEARDOWN(file)
{
	close(self->fd);
	ktls_session_free(self->session);
	nicsim_disconnect(&self->conn);
}

/* What comes of the file by itself: the last, short record may be long in coming. */
static size_t file_came(struct test_self_file *self, long ms)
{
	const struct timeval patience = { ms / 1000, ms % 1000 * 1000 };
	int fd = self->conn.fd[NICSIM_B];
	ssize_t n;

	ASSERT_EQ(WHOLE, recv(fd, self->got, WHOLE, MSG_WAITALL));
	ASSERT_EQ(0, setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience)));
	n = recv(fd, self->got + WHOLE, FILE_BYTES - WHOLE, MSG_WAITALL);
	return n > 0 ? WHOLE + (size_t)n : WHOLE;
}

static void expect_more(struct test_self_file *self, size_t came)
{
	size_t rest = FILE_BYTES - came;
	char more[5] = { 0 };

	ASSERT_EQ(4, send(self->conn.fd[NICSIM_A], "more", 4, 0));
	EXPECT_EQ(rest, recv(self->conn.fd[NICSIM_B], self->got + came, rest, MSG_WAITALL));
	EXPECT_MEMEQ(self->sent, self->got, FILE_BYTES);
	EXPECT_EQ(4, recv(self->conn.fd[NICSIM_B], more, 4, MSG_WAITALL));
	EXPECT_STREQ("more", more);
}

/* Linux before 7.2 (6.12.101) keeps what does not fill a record until the next send. */
TEST_F(file, that_is_shorter_than_sendfile_was_told)
{
	off_t at = 0;
	size_t came;

	ASSERT_EQ(FILE_BYTES, sendfile(self->conn.fd[NICSIM_A], self->fd, &at, SAID));
	came = file_came(self, 500);
	TH_LOG("%zu bytes came at once", came);
	EXPECT_TRUE(came == FILE_BYTES || came == WHOLE);
	expect_more(self, came);
}

TEST_F(file, that_is_shorter_than_libktls_was_told)
{
	off_t at = 0;

	ASSERT_EQ(FILE_BYTES,
		  ktls_sendfile(self->session, self->conn.fd[NICSIM_A], self->fd, &at, SAID));
	EXPECT_EQ(FILE_BYTES, at);
	ASSERT_EQ(FILE_BYTES, file_came(self, 30000));
	EXPECT_EQ(0, ktls_sendfile(self->session, self->conn.fd[NICSIM_A], self->fd, &at, SAID));
	expect_more(self, FILE_BYTES);
}

#define LONG  8000000
#define SHORT 1000000

static void *send_long(void *arg)
{
	const struct test_self_file *self = arg;
	off_t at = 0;

	EXPECT_EQ(SHORT,
		  ktls_sendfile(self->session, self->conn.fd[NICSIM_A], self->fd, &at, LONG));
	EXPECT_EQ(0, ktls_shutdown(self->session, self->conn.fd[NICSIM_A]));
	return NULL;
}

/* The last record of it is one of data all the same, and close_notify one of its own. */
TEST_F(file, that_becomes_shorter)
{
	static uint8_t got[SHORT];
	const int *fd = self->conn.fd;
	uint8_t end[16384], type;
	pthread_t thread;

	ASSERT_EQ(0, setsockopt(fd[NICSIM_A], SOL_SOCKET, SO_SNDBUF, &(int){ 65536 }, sizeof(int)));
	ASSERT_EQ(0, setsockopt(fd[NICSIM_B], SOL_SOCKET, SO_RCVBUF, &(int){ 65536 }, sizeof(int)));
	ASSERT_EQ(0, ftruncate(self->fd, LONG));
	ASSERT_EQ(0, pthread_create(&thread, NULL, send_long, self));
	ASSERT_EQ(1, recv(fd[NICSIM_B], got, 1, 0));
	usleep(300000);
	ASSERT_EQ(0, ftruncate(self->fd, SHORT));
	ASSERT_EQ(SHORT - 1, recv(fd[NICSIM_B], got + 1, SHORT - 1, MSG_WAITALL));
	ASSERT_EQ(2, kernel_record_recv(fd[NICSIM_B], end, sizeof(end), 0, &type));
	EXPECT_EQ(RECORD_ALERT, type);
	EXPECT_MEMEQ("\1\0", end, 2);
	EXPECT_MEMEQ(self->sent, got, FILE_BYTES);
	pthread_join(thread, NULL);
}

/* ---- what else -------------------------------------------------------------------------------
 */

TEST(ipv6)
{
	struct nicsim_conn conn;
	struct wiretap tap;
	int fd[2];

	nicsim_calm();
	nicsim_offload(NICSIM_A, true, true);
	nicsim_offload(NICSIM_B, true, true);
	nicsim_tcp(fd, AF_INET6);
	nicsim_connect_over(&conn, fd);
	nicsim_expect(&conn, NICSIM_A, true, true);
	nicsim_expect(&conn, NICSIM_B, true, true);
	wiretap_open(&tap);
	nicsim_pour(&conn, POUR_MIXED, BYTES / 4);
	wiretap_expect_pour(&tap, &conn, BYTES / 4);
	wiretap_close(&tap);
	nicsim_disconnect(&conn);
}

/* What the tap says is worth something: it sees what is in the clear. */
TEST(tap_sees_what_is_in_the_clear)
{
	static const char text[] = "nobody has encrypted this";
	struct wiretap tap;
	char got[sizeof(text)];
	int fd[2];

	nicsim_calm();
	nicsim_tcp(fd, AF_INET);
	wiretap_open(&tap);
	ASSERT_EQ(sizeof(text), write(fd[NICSIM_A], text, sizeof(text)));
	ASSERT_EQ(sizeof(text), recv(fd[NICSIM_B], got, sizeof(got), MSG_WAITALL));
	wiretap_take(&tap);
	ASSERT_EQ(sizeof(text), tap.streams[NICSIM_A].to - tap.streams[NICSIM_A].from);
	EXPECT_MEMEQ(text, tap.streams[NICSIM_A].bytes + tap.streams[NICSIM_A].from, sizeof(text));
	EXPECT_EQ(0, tap.streams[NICSIM_B].packets);
	wiretap_close(&tap);
	close(fd[0]);
	close(fd[1]);
}

int main(int argc, char **argv)
{
	return nicsim_main(argc, argv);
}
