/* SPDX-License-Identifier: MIT */
/*
 * Deadlines of many handshakes on one timerfd: a binary heap, the earliest on top. The timerfd is
 * set only when the earliest becomes earlier than what it is set to; when it fires too early, since
 * that handshake has ended, it is set anew. So most handshakes cost no timer system call.
 */
#ifndef KTLS_CONN_TIMER_H
#define KTLS_CONN_TIMER_H

#include <stddef.h>
#include <stdint.h>

#define TIMER_OFF SIZE_MAX

/* A deadline, part of what it is for. */
struct timer {
	uint64_t due; /* nanoseconds of CLOCK_MONOTONIC */
	size_t at;    /* its place in the heap, TIMER_OFF in none */
};

struct timers {
	int fd;         /* readable when something may be due */
	uint64_t armed; /* what the timerfd is set to; 0: nothing */
	struct timer **heap;
	size_t len;
	size_t max;
};

uint64_t timer_now(void);

/* For at most max timers. 0 or a negative errno. */
int timers_init(struct timers *timers, size_t max) __attribute__((warn_unused_result));
void timers_wipe(struct timers *timers);

/* There are at most max of them at any time. */
void timer_start(struct timers *timers, struct timer *timer, uint64_t due);
void timer_stop(struct timers *timers, struct timer *timer);

/* Takes the earliest timer that is due off the heap; NULL where none is, and the timerfd is set
 * anew. */
struct timer *timers_due(struct timers *timers, uint64_t now);

#endif
