/* SPDX-License-Identifier: MIT */
#include "lib/relay/thread.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <unistd.h>

/* The loop belongs to whoever has the lock: to the thread when something happens. */
struct relay_thread {
	pthread_mutex_t lock;
	pthread_cond_t settled;
	struct relay_loop *loop;
	int wake; /* eventfd: the two below have changed */
	bool leaving;
	bool waited; /* somebody waits for settled */
	bool quiet;  /* nothing is under way that had been written by those who have closed */
};

static void thread_free(struct relay_thread *t)
{
	relay_loop_free(t->loop);
	if (t->wake >= 0)
		close(t->wake);
	pthread_cond_destroy(&t->settled);
	pthread_mutex_destroy(&t->lock);
	free(t);
}

/* With the lock. What applications have closed is seen once there is nothing more to be run. */
static void look(struct relay_thread *t)
{
	struct pollfd pfd = { .fd = relay_loop_fd(t->loop), .events = POLLIN };

	if (!t->leaving || poll(&pfd, 1, 0) > 0)
		return;
	t->quiet = relay_loop_orphans(t->loop) == 0;
	if (t->quiet && t->waited)
		pthread_cond_signal(&t->settled);
}

/* With the lock. */
static bool is_over(const struct relay_thread *t)
{
	return t->leaving && !t->waited && relay_loop_count(t->loop) == 0;
}

static void *run(void *arg)
{
	struct relay_thread *t = arg;
	bool over = false;

	while (!over) {
		struct pollfd pfds[] = { { .fd = relay_loop_fd(t->loop), .events = POLLIN },
					 { .fd = t->wake, .events = POLLIN } };
		eventfd_t count;

		(void)poll(pfds, 2, -1);
		pthread_mutex_lock(&t->lock);
		if (pfds[1].revents)
			(void)!eventfd_read(t->wake, &count);
		relay_loop_run(t->loop);
		look(t);
		over = is_over(t);
		pthread_mutex_unlock(&t->lock);
	}
	thread_free(t);
	return NULL;
}

/* Signals are the application's, and so is nobody's join. */
static int spawn(struct relay_thread *t)
{
	pthread_attr_t attr;
	pthread_t thread;
	sigset_t all, before;
	int err = pthread_attr_init(&attr);

	if (err)
		return -err;
	pthread_attr_setdetachstate(&attr, PTHREAD_CREATE_DETACHED);
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	err = pthread_create(&thread, &attr, run, t);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	pthread_attr_destroy(&attr);
	return -err;
}

int relay_thread_new(const struct relay_config *config, struct relay_thread **out)
{
	struct relay_thread *t = calloc(1, sizeof(*t));
	int err;

	if (!t)
		return -ENOMEM;
	pthread_mutex_init(&t->lock, NULL);
	pthread_cond_init(&t->settled, NULL);
	t->wake = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	err = t->wake < 0 ? -errno : relay_loop_new(config, &t->loop);
	if (err == 0)
		err = spawn(t);
	if (err < 0) {
		thread_free(t);
		return err;
	}
	*out = t;
	return 0;
}

int relay_thread_start(struct relay_thread *t, const struct relay_request *request)
{
	int err;

	pthread_mutex_lock(&t->lock);
	err = relay_start(t->loop, request);
	pthread_mutex_unlock(&t->lock);
	return err;
}

void relay_thread_free(struct relay_thread *t)
{
	if (!t)
		return;
	pthread_mutex_lock(&t->lock);
	t->leaving = true;
	t->waited = true;
	(void)!eventfd_write(t->wake, 1);
	while (!t->quiet)
		pthread_cond_wait(&t->settled, &t->lock);
	t->waited = false;
	(void)!eventfd_write(t->wake, 1);
	pthread_mutex_unlock(&t->lock);
}
