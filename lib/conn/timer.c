/* SPDX-License-Identifier: MIT */
#include "lib/conn/timer.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/timerfd.h>
#include <time.h>
#include <unistd.h>

#define SECOND UINT64_C(1000000000)

uint64_t timer_now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * SECOND + (uint64_t)t.tv_nsec;
}

int timers_init(struct timers *timers, size_t max)
{
	*timers = (struct timers){ .fd = -1, .max = max };
	timers->heap = calloc(max, sizeof(*timers->heap));
	if (!timers->heap)
		return -ENOMEM;
	timers->fd = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK);
	return timers->fd < 0 ? -errno : 0;
}

void timers_wipe(struct timers *timers)
{
	if (timers->fd >= 0)
		close(timers->fd);
	free(timers->heap);
	*timers = (struct timers){ .fd = -1 };
}

/* Setting it also takes back an expiry that has not been read. */
static void timers_arm(struct timers *timers, uint64_t due)
{
	struct itimerspec spec = { 0 };

	spec.it_value.tv_sec = (time_t)(due / SECOND);
	spec.it_value.tv_nsec = (long)(due % SECOND);
	timerfd_settime(timers->fd, TFD_TIMER_ABSTIME, &spec, NULL);
	timers->armed = due;
}

static void heap_set(struct timers *timers, size_t at, struct timer *timer)
{
	timers->heap[at] = timer;
	timer->at = at;
}

/* Puts the timer at the free place `at`, or as much higher as it belongs. */
static void heap_up(struct timers *timers, size_t at, struct timer *timer)
{
	size_t parent;

	while (at > 0) {
		parent = (at - 1) / 2;
		if (timers->heap[parent]->due <= timer->due)
			break;
		heap_set(timers, at, timers->heap[parent]);
		at = parent;
	}
	heap_set(timers, at, timer);
}

/* Moves the free place `at` down to where the timer may stand in it. */
static void heap_down(struct timers *timers, size_t at, struct timer *timer)
{
	size_t child;

	for (;;) {
		child = 2 * at + 1;
		if (child >= timers->len)
			break;
		if (child + 1 < timers->len &&
		    timers->heap[child + 1]->due < timers->heap[child]->due)
			child++;
		if (timer->due <= timers->heap[child]->due)
			break;
		heap_set(timers, at, timers->heap[child]);
		at = child;
	}
	heap_up(timers, at, timer);
}

void timer_start(struct timers *timers, struct timer *timer, uint64_t due)
{
	timer->due = due;
	heap_up(timers, timers->len++, timer);
	if (timers->armed == 0 || due < timers->armed)
		timers_arm(timers, due);
}

void timer_stop(struct timers *timers, struct timer *timer)
{
	size_t at = timer->at;

	if (at == TIMER_OFF)
		return;
	timer->at = TIMER_OFF;
	timers->len--;
	if (at != timers->len)
		heap_down(timers, at, timers->heap[timers->len]);
}

struct timer *timers_due(struct timers *timers, uint64_t now)
{
	struct timer *timer = timers->len > 0 ? timers->heap[0] : NULL;

	if (timer && timer->due <= now) {
		timer_stop(timers, timer);
		return timer;
	}
	timers_arm(timers, timer ? timer->due : 0);
	return NULL;
}
