/* SPDX-License-Identifier: MIT */
/*
 * Records of no length, of data and of control, in every place among others: neither the end of the
 * stream nor a reason to wait or to lose what follows. Data must come out whole and in order, and
 * so must control records; empty data may be told as 0 bytes of data, or go by unnoticed.
 */
#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "lib/ktls/kernel.h"
#include "tests/harness/tls_pair.h"

FIXTURE(zero)
{
	struct tls_pair pair;
};

FIXTURE_VARIANT(zero)
{
	struct tls_pair_spec spec;
};

TLS_PAIR_SUITES(zero)

FIXTURE_SETUP(zero)
{
	tls_pair_open(&self->pair, &variant->spec, CLIENT_BY_HAND);
}

FIXTURE_TEARDOWN(zero)
{
	tls_pair_close(&self->pair);
}

/* d: data of 4 bytes; c: control of 3; 0: empty data; o: empty control. */
static void put(struct tls_pair *pair, char what)
{
	switch (what) {
	case 'd':
		hand_send(pair, RECORD_APPLICATION_DATA, "data", 4);
		break;
	case 'c':
		hand_send(pair, RECORD_HANDSHAKE, "con", 3);
		break;
	case '0':
		hand_send(pair, RECORD_APPLICATION_DATA, "", 0);
		break;
	default:
		hand_send(pair, RECORD_HANDSHAKE, "", 0);
	}
}

/* Letters in the order in which they are read: what follows the last 'c' is an alert. */
static void read_back(int fd, char *seen)
{
	uint8_t bytes[64], type;
	ssize_t n;

	for (;;) {
		n = kernel_record_recv(fd, bytes, sizeof(bytes), 0, &type);
		ASSERT_GE(n, 0);
		if (type == RECORD_ALERT)
			break;
		if (type == RECORD_HANDSHAKE) {
			ASSERT_TRUE(n == 0 || n == 3);
			*seen++ = n == 0 ? 'o' : 'c';
			continue;
		}
		ASSERT_EQ(0, n % 4);
		for (ssize_t i = 0; i < n; i += 4) {
			ASSERT_MEMEQ("data", bytes + i, 4);
			*seen++ = 'd';
		}
	}
	*seen = '\0';
}

static void without_empty_data(const char *in, char *out)
{
	for (; *in; in++) {
		if (*in != '0')
			*out++ = *in;
	}
	*out = '\0';
}

static void try_order(struct tls_pair *pair, const char *order)
{
	char want[32], seen[32] = "";

	for (const char *c = order; *c; c++)
		put(pair, *c);
	hand_send(pair, RECORD_ALERT, "\1\0", 2);
	read_back(pair->fd[SERVER], seen);
	without_empty_data(order, want);
	EXPECT_STREQ(want, seen);
}

TEST_F(zero, in_every_place)
{
	static const char *const orders[] = { "0",    "0d",    "d0",   "d0d", "00d",   "0000000d",
					      "0c",   "c0",    "0c0",  "d0c", "c0d",   "0d0c0d0",
					      "o",    "od",    "do",   "dod", "ood",   "oc",
					      "co",   "coc",   "0o0",  "o0o", "d0o0d", "do0d",
					      "dc0o", "ddd0o", "cdocd" };

	if (!self->pair.ready)
		return;
	for (size_t i = 0; i < sizeof(orders) / sizeof(orders[0]); i++)
		try_order(&self->pair, orders[i]);
}

/* All at once in the queue, and one byte of room. */
TEST_F(zero, before_data_that_is_read_in_small_pieces)
{
	char byte;

	if (!self->pair.ready)
		return;
	for (int i = 0; i < 20; i++)
		put(&self->pair, '0');
	put(&self->pair, 'd');
	put(&self->pair, '0');
	put(&self->pair, 'd');
	for (int i = 0; i < 8; i++) {
		ASSERT_EQ(1, recv(self->pair.fd[SERVER], &byte, 1, 0));
		EXPECT_EQ("datadata"[i], byte);
	}
	tls_pair_expect_error(self->pair.fd[SERVER], MSG_DONTWAIT, EAGAIN);
}

/* An empty record says nothing: a look does not take it for the end, nor does poll() for ever. */
TEST_F(zero, alone)
{
	uint8_t byte;
	ssize_t n;

	if (!self->pair.ready)
		return;
	put(&self->pair, '0');
	usleep((useconds_t)tls_pair_while() * 1000);
	n = recv(self->pair.fd[SERVER], &byte, 1, MSG_DONTWAIT);
	EXPECT_EQ(-1, n);
	EXPECT_EQ(EAGAIN, errno);
	EXPECT_FALSE(tls_pair_readable(self->pair.fd[SERVER], 0));
	put(&self->pair, 'd');
	tls_pair_expect(self->pair.fd[SERVER], "data", 4);
}

TEST_F(zero, before_the_end)
{
	char bytes[16];

	if (!self->pair.ready)
		return;
	put(&self->pair, 'd');
	put(&self->pair, '0');
	ASSERT_EQ(0, shutdown(self->pair.fd[CLIENT], SHUT_WR));
	tls_pair_expect(self->pair.fd[SERVER], "data", 4);
	EXPECT_EQ(0, recv(self->pair.fd[SERVER], bytes, sizeof(bytes), 0));
}

int main(int argc, char **argv)
{
	return tls_pair_main(argc, argv);
}
