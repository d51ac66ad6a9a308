/* SPDX-License-Identifier: MIT */
/*
 * Much data both ways at once over two sockets that were handed to ktlsd, whose relays have the
 * records. KTLS_BULK_BYTES (1073741824) and KTLS_BULK_SEED say how much and what. Relays whose keys
 * change meanwhile: relay_pour.c.
 */
#include "tests/harness/pour.h"
#include "tests/unit/ktlsd_relay.h"

#define USUAL (16 << 20)

FIXTURE_SETUP(relays)
{
	open_relays(self, "workers = 1\nlog = stderr\n");
}

FIXTURE_TEARDOWN(relays)
{
	close_relays(self);
}

static void pour_over(struct test_self_relays *self, enum pour_way way)
{
	tcp_pair(self->fd, 0);
	hand_over(self);
	expect_relayed(self);
	pour_between(self->fd, way, pour_bytes(USUAL));
}

#define WAY(name, way)                     \
	TEST_F_TIMEOUT(relays, name, 1800) \
	{                                  \
		pour_over(self, way);      \
	}

WAY(read_and_write, POUR_BYTES)
WAY(readv_and_writev, POUR_VECTORS)
WAY(recvmsg_and_sendmsg, POUR_MESSAGES)
WAY(sendfile_and_waitall, POUR_FILES)
WAY(splice_both_ways, POUR_SPLICES)
WAY(all_in_turns, POUR_MIXED)

TEST_HARNESS_MAIN
