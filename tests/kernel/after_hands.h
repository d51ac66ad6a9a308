/* SPDX-License-Identifier: MIT */
/* Several readers and writers of one connection: threads of a process, or of more than one. */
#ifndef KTLS_TESTS_KERNEL_AFTER_HANDS_H
#define KTLS_TESTS_KERNEL_AFTER_HANDS_H

#include <errno.h>
#include <stdbool.h>
#include <stdint.h>
#include <unistd.h>

#include <ktls-session.h>

/* What each of several readers and writers does; their bytes mix. */
struct hand {
	struct ktls_session *session;
	int fd;
	uint64_t *total; /* of the hands */
	bool updates;    /* struct after's */
	bool plain;      /* read() and ktls_recover() */
};

static inline ssize_t take(struct hand *hand, void *buf, size_t cap)
{
	ssize_t n;

	if (!hand->plain)
		return ktls_recv(hand->session, hand->fd, buf, cap, 0);
	do {
		n = read(hand->fd, buf, cap);
		if (n > 0)
			return n;
		n = ktls_recover(hand->session, hand->fd, n < 0 ? errno : 0);
	} while (n == 1);
	return n;
}

/* ktlsd may be away for as long as that. */
static inline bool again(ssize_t n)
{
	return n == -EINTR || n == -ETIMEDOUT;
}

static inline void *read_hand(void *arg)
{
	struct hand *hand = arg;
	uint8_t buf[700];
	ssize_t n;

	do {
		n = take(hand, buf, sizeof(buf));
		if (n > 0)
			__atomic_add_fetch(hand->total, (uint64_t)n, __ATOMIC_RELAXED);
	} while (n > 0 || again(n));
	return (void *)(intptr_t)n;
}

#define HAND_WRITES 100
#define HAND_BYTES  777

static inline void *write_hand(void *arg)
{
	struct hand *hand = arg;
	uint8_t buf[HAND_BYTES] = { 0 };
	intptr_t wrong = 0;
	ssize_t n;

	for (int i = 0; i < HAND_WRITES; i++) {
		do
			n = ktls_send(hand->session, hand->fd, buf, sizeof(buf), 0);
		while (again(n));
		wrong += n != HAND_BYTES;
		if (i % 5 != 0)
			continue;
		do
			n = ktls_update_keys(hand->session, hand->fd, 0);
		while (again(n));
		wrong += n != (hand->updates ? 0 : -EOPNOTSUPP);
	}
	return (void *)wrong;
}

#endif
