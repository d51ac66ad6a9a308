/* SPDX-License-Identifier: MIT */
/* Sessions on the kernel that we run on. */
#define SESSION_REAL
#include "tests/harness/session_cases.h"
#include "tests/harness/session_races.h"
#include "tests/harness/session_resets.h"

/* ---- what only a kernel does --------------------------------------------------------------- */

/* What MSG_MORE has left open goes out under the key that it began with. */
TEST_F(session, an_open_record_and_a_new_key)
{
	READY();
	ASSERT_EQ(4, ktls_send(self->s, self->fd[0], "open", 4, MSG_MORE));
	expect_silence(self);
	ASSERT_EQ(0, ktls_update_keys(self->s, self->fd[0], 0));
	ASSERT_EQ(4, ktls_send(self->s, self->fd[0], "more", 4, MSG_MORE));
	put_key_update(self, true);
	put_data(self, "data");
	expect_data(self, "data");
	send_text(self, "end");
	expect_on_the_wire(self, "open");
	expect_key_update(self, false);
	expect_on_the_wire(self, "more");
	expect_key_update(self, false);
	expect_on_the_wire(self, "end");
}

/* A read loop of one's own: read() until it fails, then ktls_recover(). Returns what it read. */
static size_t read_until(session_t *self, char *out, size_t want)
{
	struct pollfd pfd = { .fd = self->fd[0], .events = POLLIN };
	size_t got = 0;
	ssize_t n;
	int ret;

	fcntl(self->fd[0], F_SETFL, O_NONBLOCK);
	for (int i = 0; i < 1000 && got < want; i++) {
		n = read(self->fd[0], out + got, want - got);
		if (n > 0) {
			got += (size_t)n;
			continue;
		}
		if (n < 0 && errno == EAGAIN) {
			EXPECT_EQ(1, poll(&pfd, 1, 5000));
			continue;
		}
		ret = ktls_recover(self->s, self->fd[0], n < 0 ? errno : 0);
		EXPECT_EQ(1, ret);
		if (ret != 1)
			break;
	}
	return got;
}

TEST_F(session, a_read_loop_of_ones_own)
{
	char got[64];

	READY();
	put_data(self, "one");
	put_key_update(self, false);
	put(self, RECORD_HANDSHAKE, TICKET, 9);
	put(self, RECORD_APPLICATION_DATA, "", 0);
	put_data(self, "two");
	put(self, RECORD_HANDSHAKE, TICKET "\x18\0\0\1\1", 14);
	step_rx(self);
	put_data(self, "three");
	put_key_update(self, true);
	put_key_update(self, true);
	put_data(self, "four");
	ASSERT_EQ(15, read_until(self, got, 15));
	EXPECT_MEMEQ("onetwothreefour", got, 15);
	EXPECT_TRUE(ktls_update_owed(self->s));
	ASSERT_EQ(0, ktls_maintain(self->s, self->fd[0]));
	EXPECT_FALSE(ktls_update_owed(self->s));
	expect_key_update(self, false);
	expect_silence(self);
}

/* The KeyUpdate was taken by another process, which has not installed the key: we do. */
TEST_F(session, somebody_else_has_read_the_key_update)
{
	uint8_t bytes[16], type = 0;

	READY();
	put_key_update(self, true);
	put_data(self, "data");
	ASSERT_EQ(5, kernel_record_recv(self->fd[0], bytes, sizeof(bytes), 0, &type));
	ASSERT_EQ(-1, read(self->fd[0], bytes, 1));
	ASSERT_EQ(EKEYEXPIRED, errno);
	expect_data(self, "data");
	EXPECT_EQ(1, self->a.requests);
}

TEST_HARNESS_MAIN
