/* SPDX-License-Identifier: MIT */
/*
 * Much data both ways at once over two sockets that were handed to ktlsd, whose relays have the
 * records. KTLS_BULK_BYTES (1073741824) and KTLS_BULK_SEED say how much and what. Relays whose keys
 * change meanwhile: relay_pour.c.
 */
#include <pthread.h>
#include <time.h>

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

static void *one_end(void *arg)
{
	return pour_both(arg) ? arg : NULL;
}

static void pour_over(struct test_self_relays *self, enum pour_way way)
{
	uint64_t bytes = pour_bytes(USUAL), seed = pour_seed();
	time_t since = time(NULL);
	struct pour ends[2];
	pthread_t thread;

	tcp_pair(self->fd, 0);
	hand_over(self);
	expect_relayed(self);
	for (int i = 0; i < 2; i++)
		ends[i] = (struct pour){ .fd = self->fd[i],
					 .way = way,
					 .bytes = bytes,
					 .seed = seed + 2 * (unsigned int)i,
					 .pauses = true };
	TH_LOG("KTLS_BULK_SEED=%llu", (unsigned long long)seed);
	ASSERT_EQ(0, pthread_create(&thread, NULL, one_end, &ends[0]));
	(void)one_end(&ends[1]);
	pthread_join(thread, NULL);
	TH_LOG("%llu bytes each way in %ld s", (unsigned long long)bytes,
	       (long)(time(NULL) - since));
	for (int i = 0; i < 2; i++) {
		EXPECT_EQ(bytes, ends[i].sent);
		EXPECT_EQ(bytes, ends[i].received);
		EXPECT_EQ(0, ends[i].send_error);
		EXPECT_EQ(0, ends[i].recv_error);
		EXPECT_TRUE(ends[i].same);
	}
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
