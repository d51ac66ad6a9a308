/* SPDX-License-Identifier: MIT */
#include "lib/conn/closer.h"

#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <semaphore.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#define STACK_SIZE (256 * 1024) /* bytes; room for the sanitizers */

struct queue {
	struct closer_job *first;
	struct closer_job **last;
};

struct closer {
	pthread_mutex_t lock; /* of everything below */
	pthread_cond_t work;
	struct queue quick, slow;
	struct closer_job *closed;
	unsigned int slow_running, slow_max;
	unsigned int users; /* threads and, until closer_free(), the owner */
	bool stop;          /* the owner and its eventfd are gone */
	int wake;
};

static void queue_init(struct queue *queue)
{
	queue->first = NULL;
	queue->last = &queue->first;
}

static void queue_push(struct queue *queue, struct closer_job *job)
{
	job->next = NULL;
	*queue->last = job;
	queue->last = &job->next;
}

static struct closer_job *queue_pop(struct queue *queue)
{
	struct closer_job *job = queue->first;

	if (!job)
		return NULL;
	queue->first = job->next;
	if (!queue->first)
		queue->last = &queue->first;
	return job;
}

static void jobs_free(struct closer_job *job)
{
	struct closer_job *next;

	for (; job; job = next) {
		next = job->next;
		free(job);
	}
}

/* Called with the lock held, which is gone afterwards. */
static void closer_leave(struct closer *closer)
{
	bool last = --closer->users == 0;

	pthread_mutex_unlock(&closer->lock);
	if (!last)
		return;
	jobs_free(closer->closed);
	pthread_cond_destroy(&closer->work);
	pthread_mutex_destroy(&closer->lock);
	free(closer);
}

/* The next job, and whether it is a slow one; NULL where there is none that may be begun. */
static struct closer_job *closer_take(struct closer *closer, bool *slow)
{
	struct closer_job *job = queue_pop(&closer->quick);

	*slow = false;
	if (job || closer->slow_running == closer->slow_max)
		return job;
	job = queue_pop(&closer->slow);
	*slow = job != NULL;
	return job;
}

static void closer_done(struct closer *closer, struct closer_job *job)
{
	if (closer->stop) {
		free(job);
		return;
	}
	job->next = closer->closed;
	closer->closed = job;
	if (!job->next)
		eventfd_write(closer->wake, 1);
}

static bool lingers(int fd)
{
	struct linger linger;
	socklen_t len = sizeof(linger);

	return getsockopt(fd, SOL_SOCKET, SO_LINGER, &linger, &len) == 0 && linger.l_onoff &&
	       linger.l_linger > 0;
}

/* What a thread is started for that inherits all descriptors and then ends. */
struct heir {
	sem_t has, may_end;
};

static void *heir_thread(void *arg)
{
	struct heir *heir = arg;

	/* Where it may not, the other close() is the last one, and blocks this one thread. */
	(void)unshare(CLONE_FILES);
	sem_post(&heir->has);
	while (sem_wait(&heir->may_end) < 0)
		;
	return NULL;
}

/*
 * With a copy of the table of descriptors in another thread, close() is not the last one of this
 * socket and does not block; and the copy is closed by the end of its thread, where Linux does not
 * linger (PF_EXITING in inet_release()). What was to be sent is sent all the same.
 */
static void close_never_lingering(int fd)
{
	struct heir heir;
	pthread_t thread;

	if (!lingers(fd)) {
		close(fd);
		return;
	}
	sem_init(&heir.has, 0, 0);
	sem_init(&heir.may_end, 0, 0);
	if (pthread_create(&thread, NULL, heir_thread, &heir) != 0) {
		close(fd);
	} else {
		while (sem_wait(&heir.has) < 0)
			;
		close(fd);
		sem_post(&heir.may_end);
		pthread_join(thread, NULL);
	}
	sem_destroy(&heir.has);
	sem_destroy(&heir.may_end);
}

static void *closer_thread(void *arg)
{
	struct closer *closer = arg;
	struct closer_job *job;
	bool slow;

	pthread_mutex_lock(&closer->lock);
	for (;;) {
		job = closer_take(closer, &slow);
		if (!job && closer->stop)
			break;
		if (!job) {
			pthread_cond_wait(&closer->work, &closer->lock);
			continue;
		}
		closer->slow_running += slow;
		pthread_mutex_unlock(&closer->lock);
		close_never_lingering(job->fd);
		pthread_mutex_lock(&closer->lock);
		closer->slow_running -= slow;
		closer_done(closer, job);
	}
	closer_leave(closer);
	return NULL;
}

/* Threads of a library must not be chosen for the program's signals. */
static int closer_start(struct closer *closer, unsigned int threads)
{
	sigset_t all, before;
	pthread_attr_t attr;
	pthread_t thread;
	int err = 0;

	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	pthread_attr_init(&attr);
	pthread_attr_setdetachstate(&attr, PTHREAD_CREATE_DETACHED);
	pthread_attr_setstacksize(&attr, STACK_SIZE);
	for (unsigned int i = 0; i < threads && err == 0; i++) {
		pthread_mutex_lock(&closer->lock);
		err = pthread_create(&thread, &attr, closer_thread, closer);
		closer->users += err == 0;
		pthread_mutex_unlock(&closer->lock);
	}
	pthread_attr_destroy(&attr);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	return -err;
}

int closer_new(unsigned int threads, int wake, struct closer **out)
{
	struct closer *closer = calloc(1, sizeof(*closer));
	int err;

	if (!closer)
		return -ENOMEM;
	pthread_mutex_init(&closer->lock, NULL);
	pthread_cond_init(&closer->work, NULL);
	queue_init(&closer->quick);
	queue_init(&closer->slow);
	closer->slow_max = threads > 1 ? threads - 1 : 1;
	closer->users = 1;
	closer->wake = wake;
	err = closer_start(closer, threads);
	if (err < 0) {
		closer_free(closer);
		return err;
	}
	*out = closer;
	return 0;
}

void closer_push(struct closer *closer, struct closer_job *job)
{
	struct linger linger;
	socklen_t len = sizeof(linger);
	bool slow = getsockopt(job->fd, SOL_SOCKET, SO_LINGER, &linger, &len) < 0;

	pthread_mutex_lock(&closer->lock);
	queue_push(slow ? &closer->slow : &closer->quick, job);
	pthread_cond_signal(&closer->work);
	pthread_mutex_unlock(&closer->lock);
}

struct closer_job *closer_collect(struct closer *closer)
{
	struct closer_job *jobs;

	pthread_mutex_lock(&closer->lock);
	jobs = closer->closed;
	closer->closed = NULL;
	pthread_mutex_unlock(&closer->lock);
	return jobs;
}

void closer_free(struct closer *closer)
{
	if (!closer)
		return;
	pthread_mutex_lock(&closer->lock);
	closer->stop = true;
	pthread_cond_broadcast(&closer->work);
	closer_leave(closer);
}
