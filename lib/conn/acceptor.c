/* SPDX-License-Identifier: MIT */
#include "lib/conn/acceptor.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define STACK_SIZE   (256 * 1024) /* bytes; room for the sanitizers */
#define AHEAD        8            /* connections accepted and not taken, at most */
#define LOOK_MS      1000         /* what others were woken for and left, is seen after that */
#define PAUSE_MIN_MS 20           /* after a failure; twice as long each time */
#define PAUSE_MAX_MS 1000
#define KICK_MS      1 /* between two signals to a thread that is to stop */

struct acceptor {
	pthread_t thread;
	pthread_mutex_t lock; /* of everything below that changes */
	pthread_cond_t changed;
	int fd, wake;       /* the caller's */
	int epoll, quit;    /* an epoll set and, in it, an eventfd: to stop */
	unsigned int allow; /* connections that may yet be taken, those in ahead[] among them */
	unsigned int remind_ms;
	int ahead[AHEAD]; /* oldest first */
	unsigned int ahead_len;
	int error; /* a negative errno to be told, or 0 */
	unsigned int pause_ms;
	bool inside; /* in accept() */
	bool stop;
	bool ended;
};

/* ---- the signal ------------------------------------------------------------------------------ */

static pthread_once_t kick_once = PTHREAD_ONCE_INIT;
static int kick_signal; /* 0: there is none */

static void kicked(int signal)
{
	(void)signal;
}

/* The highest that the program does not use. Without SA_RESTART, so that accept() ends. */
static void kick_choose(void)
{
	const struct sigaction mine = { .sa_handler = kicked };
	struct sigaction theirs;

	for (int s = SIGRTMAX; s >= SIGRTMIN && kick_signal == 0; s--) {
		if (sigaction(s, NULL, &theirs) == 0 && theirs.sa_handler == SIG_DFL &&
		    sigaction(s, &mine, NULL) == 0)
			kick_signal = s;
	}
}

int acceptor_init(void)
{
	pthread_once(&kick_once, kick_choose);
	return kick_signal ? 0 : -EBUSY;
}

/* ---- the thread ------------------------------------------------------------------------------ */

static void tell(const struct acceptor *a)
{
	eventfd_write(a->wake, 1);
}

/* With the lock held, as are those below unless they say otherwise. */
static int wait_ms(struct acceptor *a, unsigned int ms)
{
	struct timespec until;

	clock_gettime(CLOCK_MONOTONIC, &until);
	until.tv_sec += ms / 1000;
	until.tv_nsec += (long)(ms % 1000) * 1000000;
	if (until.tv_nsec >= 1000000000) {
		until.tv_nsec -= 1000000000;
		until.tv_sec++;
	}
	return pthread_cond_timedwait(&a->changed, &a->lock, &until);
}

static bool may_accept(const struct acceptor *a)
{
	return !a->stop && a->error == 0 && a->ahead_len < AHEAD && a->ahead_len < a->allow;
}

static void wait_until_allowed(struct acceptor *a)
{
	while (!a->stop && !may_accept(a)) {
		if (a->remind_ms == 0) {
			pthread_cond_wait(&a->changed, &a->lock);
		} else if (wait_ms(a, a->remind_ms) == ETIMEDOUT) {
			a->remind_ms = 0;
			tell(a);
		}
	}
}

/*
 * Without the lock. Added anew each time, which looks anew whether there is a connection: one that
 * another of those that wait was woken for, and had no room for in the end, would wait for the next
 * one to come.
 */
static bool wait_until_readable(const struct acceptor *a)
{
	struct epoll_event event = { .events = EPOLLIN | EPOLLEXCLUSIVE, .data.fd = a->fd };
	struct epoll_event ready[2];
	bool readable = false;
	int n;

	if (epoll_ctl(a->epoll, EPOLL_CTL_ADD, a->fd, &event) < 0)
		return true; /* accept() will say what it is */
	n = epoll_wait(a->epoll, ready, 2, LOOK_MS);
	for (int i = 0; i < n; i++)
		readable = readable || ready[i].data.fd == a->fd;
	epoll_ctl(a->epoll, EPOLL_CTL_DEL, a->fd, NULL);
	return readable;
}

/* A connection was lost before we had it, or somebody else has it: nothing is wrong. */
static bool is_nothing(int error)
{
	switch (error) {
	case EAGAIN:
	case EINTR:
	case ECONNABORTED:
	case EPROTO:
	case ENETDOWN:
	case ENOPROTOOPT:
	case EHOSTDOWN:
	case ENONET:
	case EHOSTUNREACH:
	case ENETUNREACH:
		return true;
	default:
		return false;
	}
}

static void accept_failed(struct acceptor *a, int error)
{
	if (is_nothing(error))
		return;
	a->error = -error;
	tell(a);
	if (error == EINVAL)
		return;
	a->pause_ms = a->pause_ms ? a->pause_ms * 2 : PAUSE_MIN_MS;
	if (a->pause_ms > PAUSE_MAX_MS)
		a->pause_ms = PAUSE_MAX_MS;
	for (int err = 0; !a->stop && err != ETIMEDOUT;)
		err = wait_ms(a, a->pause_ms);
}

/* The lock is released meanwhile. False where there is nothing more to be accepted now. */
static bool accept_one(struct acceptor *a)
{
	struct pollfd p = { .fd = a->fd, .events = POLLIN };
	int fd = -1, error = EAGAIN;

	a->inside = true;
	pthread_mutex_unlock(&a->lock);
	if (poll(&p, 1, 0) == 1) {
		fd = accept4(a->fd, NULL, NULL, SOCK_CLOEXEC);
		error = errno;
	}
	pthread_mutex_lock(&a->lock);
	a->inside = false;
	if (fd < 0) {
		accept_failed(a, error);
		return false;
	}
	a->pause_ms = 0;
	a->ahead[a->ahead_len++] = fd;
	if (a->ahead_len == 1)
		tell(a);
	return true;
}

static void *acceptor_thread(void *arg)
{
	struct acceptor *a = arg;
	bool readable;

	pthread_mutex_lock(&a->lock);
	while (!a->stop) {
		wait_until_allowed(a);
		pthread_mutex_unlock(&a->lock);
		readable = wait_until_readable(a);
		pthread_mutex_lock(&a->lock);
		while (readable && may_accept(a) && accept_one(a))
			;
	}
	a->ended = true;
	pthread_cond_broadcast(&a->changed);
	pthread_mutex_unlock(&a->lock);
	return NULL;
}

/* ---- beginning and end ----------------------------------------------------------------------- */

/* Threads of a library must not be chosen for the program's signals. */
static int thread_start(struct acceptor *a)
{
	sigset_t all, before;
	pthread_attr_t attr;
	int err;

	sigfillset(&all);
	sigdelset(&all, kick_signal);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	pthread_attr_init(&attr);
	pthread_attr_setstacksize(&attr, STACK_SIZE);
	err = pthread_create(&a->thread, &attr, acceptor_thread, a);
	pthread_attr_destroy(&attr);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	return -err;
}

static int open_set(struct acceptor *a)
{
	struct epoll_event event = { .events = EPOLLIN };

	a->epoll = epoll_create1(EPOLL_CLOEXEC);
	a->quit = a->epoll < 0 ? -1 : eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	event.data.fd = a->quit;
	if (a->quit < 0 || epoll_ctl(a->epoll, EPOLL_CTL_ADD, a->quit, &event) < 0)
		return -errno;
	return 0;
}

static void release(struct acceptor *a)
{
	if (a->epoll >= 0)
		close(a->epoll);
	if (a->quit >= 0)
		close(a->quit);
	pthread_cond_destroy(&a->changed);
	pthread_mutex_destroy(&a->lock);
	free(a);
}

int acceptor_new(int fd, int wake, struct acceptor **out)
{
	struct acceptor *a;
	pthread_condattr_t clock;
	int err = acceptor_init();

	if (err < 0)
		return err;
	a = calloc(1, sizeof(*a));
	if (!a)
		return -ENOMEM;
	a->fd = fd;
	a->wake = wake;
	pthread_mutex_init(&a->lock, NULL);
	pthread_condattr_init(&clock);
	pthread_condattr_setclock(&clock, CLOCK_MONOTONIC);
	pthread_cond_init(&a->changed, &clock);
	pthread_condattr_destroy(&clock);
	err = open_set(a);
	if (err == 0)
		err = thread_start(a);
	if (err < 0) {
		release(a);
		return err;
	}
	*out = a;
	return 0;
}

void acceptor_allow(struct acceptor *a, unsigned int n, unsigned int remind_ms)
{
	pthread_mutex_lock(&a->lock);
	a->allow = n;
	a->remind_ms = n == 0 ? remind_ms : 0;
	pthread_cond_broadcast(&a->changed);
	pthread_mutex_unlock(&a->lock);
}

int acceptor_take(struct acceptor *a)
{
	int fd = -EAGAIN;

	pthread_mutex_lock(&a->lock);
	if (a->ahead_len > 0) {
		fd = a->ahead[0];
		a->ahead_len--;
		a->allow -= a->allow > 0;
		for (unsigned int i = 0; i < a->ahead_len; i++)
			a->ahead[i] = a->ahead[i + 1];
	} else if (a->error) {
		fd = a->error;
		if (a->error != -EINVAL)
			a->error = 0;
	}
	pthread_cond_broadcast(&a->changed);
	pthread_mutex_unlock(&a->lock);
	return fd;
}

void acceptor_stop(struct acceptor *a)
{
	pthread_mutex_lock(&a->lock);
	if (a->stop) {
		pthread_mutex_unlock(&a->lock);
		return;
	}
	a->stop = true;
	pthread_cond_broadcast(&a->changed);
	eventfd_write(a->quit, 1);
	/* A signal that comes before accept() begins is lost, hence more than one. */
	while (!a->ended) {
		if (a->inside)
			pthread_kill(a->thread, kick_signal);
		wait_ms(a, KICK_MS);
	}
	pthread_mutex_unlock(&a->lock);
	pthread_join(a->thread, NULL);
}

void acceptor_free(struct acceptor *a)
{
	if (!a)
		return;
	acceptor_stop(a);
	for (unsigned int i = 0; i < a->ahead_len; i++)
		close(a->ahead[i]);
	release(a);
}
