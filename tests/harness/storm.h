/* SPDX-License-Identifier: MIT */
/* Signals in the middle of calls: SIGALRM, a millisecond after each begins, and on and on. */
#ifndef KTLS_TESTS_STORM_H
#define KTLS_TESTS_STORM_H

#include <signal.h>
#include <sys/time.h>

#include "tests/harness/harness.h"

static volatile sig_atomic_t storm_ticks;
static volatile sig_atomic_t storm_pause_us;

/* Later each time within one call, so that a busy machine gets on. */
static inline void storm_tick(int number)
{
	const struct itimerval next = { { 0, 0 }, { 0, storm_pause_us } };

	(void)number;
	storm_ticks++;
	if (storm_pause_us < 100000)
		storm_pause_us *= 2;
	setitimer(ITIMER_REAL, &next, NULL);
}

/* Another call begins. */
static inline void storm_again(void)
{
	storm_pause_us = 1000;
}

/* flags: sigaction()'s */
static inline void storm_begin(int flags)
{
	const struct sigaction action = { .sa_handler = storm_tick, .sa_flags = flags };
	const struct itimerval first = { { 0, 0 }, { 0, 1000 } };

	ASSERT_EQ(0, sigaction(SIGALRM, &action, NULL));
	storm_again();
	ASSERT_EQ(0, setitimer(ITIMER_REAL, &first, NULL));
}

static inline void storm_end(void)
{
	const struct itimerval never = { { 0, 0 }, { 0, 0 } };

	signal(SIGALRM, SIG_IGN);
	setitimer(ITIMER_REAL, &never, NULL);
}

#endif
