/* SPDX-License-Identifier: MIT */
#include <poll.h>
#include <stdlib.h>

#include "lib/conn/pool.h"
#include "lib/conn/timer.h"
#include "tests/harness/harness.h"

#define MAX 500

FIXTURE(timers)
{
	struct timers timers;
	struct timer timer[MAX];
};

FIXTURE_SETUP(timers)
{
	ASSERT_EQ(0, timers_init(&self->timers, MAX));
	for (size_t i = 0; i < MAX; i++)
		self->timer[i].at = TIMER_OFF;
}

FIXTURE_TEARDOWN(timers)
{
	timers_wipe(&self->timers);
}

static bool fires_within(const struct timers *timers, int ms)
{
	struct pollfd pfd = { .fd = timers->fd, .events = POLLIN };

	return poll(&pfd, 1, ms) == 1;
}

TEST_F(timers, come_in_the_order_of_their_deadlines)
{
	uint64_t last = 0;
	struct timer *timer;
	unsigned int n = 0;

	srand(1);
	for (size_t i = 0; i < MAX; i++)
		timer_start(&self->timers, &self->timer[i], (uint64_t)rand() % 1000 + 1);
	for (size_t i = 0; i < MAX; i += 3)
		timer_stop(&self->timers, &self->timer[i]);
	for (;;) {
		timer = timers_due(&self->timers, 2000);
		if (!timer)
			break;
		ASSERT_GE(timer->due, last);
		ASSERT_NE(0, (timer - self->timer) % 3);
		ASSERT_EQ(TIMER_OFF, timer->at);
		last = timer->due;
		n++;
	}
	EXPECT_EQ(MAX - (MAX + 2) / 3, n);
	EXPECT_EQ(0, self->timers.len);
}

TEST_F(timers, are_not_due_before_their_time)
{
	timer_start(&self->timers, &self->timer[0], 100);
	EXPECT_TRUE(timers_due(&self->timers, 99) == NULL);
	EXPECT_TRUE(timers_due(&self->timers, 100) == &self->timer[0]);
	EXPECT_TRUE(timers_due(&self->timers, 100) == NULL);
}

TEST_F(timers, make_the_descriptor_readable)
{
	uint64_t now = timer_now();

	timer_start(&self->timers, &self->timer[0], now + UINT64_C(3600000000000));
	EXPECT_FALSE(fires_within(&self->timers, 20));
	timer_start(&self->timers, &self->timer[1], now + 30000000);
	EXPECT_TRUE(fires_within(&self->timers, 5000));
	EXPECT_TRUE(timers_due(&self->timers, timer_now()) == &self->timer[1]);
	EXPECT_TRUE(timers_due(&self->timers, timer_now()) == NULL);
	EXPECT_FALSE(fires_within(&self->timers, 20));
}

TEST_F(timers, that_were_stopped_fire_at_most_once)
{
	timer_start(&self->timers, &self->timer[0], timer_now() + 10000000);
	timer_stop(&self->timers, &self->timer[0]);
	timer_stop(&self->timers, &self->timer[0]);
	EXPECT_TRUE(fires_within(&self->timers, 5000));
	EXPECT_TRUE(timers_due(&self->timers, timer_now()) == NULL);
	EXPECT_FALSE(fires_within(&self->timers, 50));
}

TEST(pool_has_a_limit)
{
	struct pool pool;
	uint8_t *a, *b;

	pool_init(&pool, 100);
	a = pool_get(&pool, 60);
	ASSERT_TRUE(a != NULL);
	EXPECT_TRUE(pool_get(&pool, 41) == NULL);
	EXPECT_EQ(60, pool.used);
	b = pool_get(&pool, 40);
	ASSERT_TRUE(b != NULL);
	memset(a, 1, 60);
	memset(b, 2, 40);
	EXPECT_EQ(0, (uintptr_t)b % 16);
	pool_put(&pool, a);
	pool_put(&pool, b);
	pool_put(&pool, NULL);
	EXPECT_EQ(0, pool.used);
	EXPECT_TRUE(pool_get(&pool, SIZE_MAX) == NULL);
}

TEST_HARNESS_MAIN
