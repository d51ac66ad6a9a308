/* SPDX-License-Identifier: MIT */
/* Sessions on a kernel that is played. */
#include "tests/harness/session_cases.h"
#include "tests/harness/session_races.h"

/* ---- what goes wrong in a kernel ----------------------------------------------------------- */

/* The KeyUpdate is out, the key is not in: nothing may come between, whatever is called next. */
TEST_F(session, half_done)
{
	play_fail_installs(self->fd[0], 3);
	EXPECT_EQ(-ENOMEM, ktls_update_keys(self->s, self->fd[0], 0));
	EXPECT_TRUE(ktls_update_owed(self->s));
	EXPECT_EQ(-ENOMEM, ktls_send(self->s, self->fd[0], "x", 1, 0));
	EXPECT_EQ(-ENOMEM, ktls_maintain(self->s, self->fd[0]));
	send_text(self, "data");
	EXPECT_FALSE(ktls_update_owed(self->s));
	expect_key_update(self, false);
	expect_on_the_wire(self, "data");
	expect_silence(self);
	play_fail_installs(self->fd[0], 2);
	EXPECT_EQ(-ENOMEM, ktls_update_keys(self->s, self->fd[0], 0));
	EXPECT_EQ(-ENOMEM, ktls_shutdown(self->s, self->fd[0]));
	EXPECT_EQ(0, ktls_shutdown(self->s, self->fd[0]));
	expect_key_update(self, false);
	expect_alert(self, 1, KTLS_ALERT_CLOSE_NOTIFY);
	EXPECT_FALSE(play_key_reused(self->fd[0]));
}

TEST_F(session, no_memory_for_the_peers_key)
{
	play_fail_installs(self->fd[0], 1);
	put_key_update(self, true);
	put_data(self, "data");
	EXPECT_EQ(-ENOMEM, ktls_recv(self->s, self->fd[0], self->got, 10, 0));
	expect_data(self, "data");
	EXPECT_TRUE(ktls_update_owed(self->s));
}

TEST_F(session, the_connection_breaks_at_a_key_update)
{
	play_fail_records(self->fd[0], 1, -EPIPE);
	EXPECT_EQ(-EPIPE, ktls_update_keys(self->s, self->fd[0], 0));
	EXPECT_EQ(KTLS_OK, ktls_session_reason(self->s));
}

TEST_HARNESS_MAIN
