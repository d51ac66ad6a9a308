/* SPDX-License-Identifier: MIT */
#include <pthread.h>
#include <time.h>

#include "tests/harness/harness.h"
#include "tests/harness/pour.h"

static void *one_end(void *arg)
{
	return pour_both(arg) ? arg : NULL;
}

static void expect_poured(const struct pour *p, int end)
{
	EXPECT_EQ(p->bytes, p->sent);
	EXPECT_EQ(p->bytes, p->received);
	EXPECT_EQ(0, p->send_error);
	EXPECT_EQ(0, p->recv_error);
	EXPECT_TRUE(p->same);
	if (p->sent != p->bytes || p->received != p->bytes || !p->same)
		TH_LOG("end %d", end);
}

void pour_between(const int fd[2], enum pour_way way, uint64_t bytes)
{
	uint64_t seed = pour_seed();
	time_t since = time(NULL);
	struct pour ends[2];
	pthread_t thread;

	for (int i = 0; i < 2; i++)
		ends[i] = (struct pour){ .fd = fd[i],
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
	for (int i = 0; i < 2; i++)
		expect_poured(&ends[i], i);
}
