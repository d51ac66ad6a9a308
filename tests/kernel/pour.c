/* SPDX-License-Identifier: MIT */
/*
 * Much data through kernel TLS, both ways at once, in every way that programs have, with sizes and
 * pauses drawn at random. KTLS_BULK_BYTES (1073741824) and KTLS_BULK_SEED say how much and what.
 */
#include <pthread.h>
#include <stdlib.h>
#include <time.h>

#include "tests/harness/pour.h"
#include "tests/harness/tls_pair.h"

#define USUAL (1 << 20)

FIXTURE(pour)
{
	struct tls_pair pair;
};

FIXTURE_VARIANT(pour)
{
	struct tls_pair_spec spec;
};

TLS_PAIR_SUITES(pour)

FIXTURE_SETUP(pour)
{
	tls_pair_open(&self->pair, &variant->spec, CLIENT_BY_KERNEL);
}

FIXTURE_TEARDOWN(pour)
{
	tls_pair_close(&self->pair);
}

static void *one_end(void *arg)
{
	return pour_both(arg) ? arg : NULL;
}

static void report(const struct pour *p, int end)
{
	EXPECT_EQ(p->bytes, p->sent);
	EXPECT_EQ(p->bytes, p->received);
	EXPECT_EQ(0, p->send_error);
	EXPECT_EQ(0, p->recv_error);
	EXPECT_TRUE(p->same);
	if (p->sent != p->bytes || p->received != p->bytes || !p->same)
		TH_LOG("end %d", end);
}

static void pour_over(struct tls_pair *pair, enum pour_way way)
{
	uint64_t bytes = pour_bytes(USUAL), seed = pour_seed();
	time_t since = time(NULL);
	struct pour ends[2];
	pthread_t thread;

	for (int i = 0; i < 2; i++)
		ends[i] = (struct pour){ .fd = pair->fd[i],
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
		report(&ends[i], i);
}

#define WAY(name, way)                               \
	TEST_F_TIMEOUT(pour, name, 3600)             \
	{                                            \
		if (self->pair.ready)                \
			pour_over(&self->pair, way); \
	}

WAY(read_and_write, POUR_BYTES)
WAY(readv_and_writev, POUR_VECTORS)
WAY(recvmsg_and_sendmsg, POUR_MESSAGES)
WAY(sendfile_and_waitall, POUR_FILES)
WAY(splice_both_ways, POUR_SPLICES)
WAY(all_in_turns, POUR_MIXED)

int main(int argc, char **argv)
{
	return tls_pair_main(argc, argv);
}
