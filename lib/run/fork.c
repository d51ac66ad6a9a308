/* SPDX-License-Identifier: MIT */
/*
 * Processes. After fork() parent and child have the same connections, and what one of them closes
 * goes on in the other: the stream has ended when the last one closes, and only then the peer is to
 * hear close_notify. The kernel does not tell who is the last. So each file that lives through a
 * fork() has a counter in memory that the processes share.
 *
 * A process that dies without a word is counted for ever, and nobody sends close_notify: the peer
 * sees a connection cut off, which is what happened.
 */
#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include "lib/run/run.h"

/* The counters of the files that one fork() found without. */
struct run_shared {
	_Atomic uint32_t *counters; /* processes that have the file; in shared memory */
	size_t len;                 /* bytes of them */
	_Atomic uint32_t files;     /* of this process that count here */
};

static pid_t self;
static unsigned int forks;
static struct run_shared *current; /* of the fork() under way */

bool run_is_mine(void)
{
	return getpid() == self;
}

/* ---- counters ------------------------------------------------------------------------------ */

static void *map(size_t len, int how)
{
	void *p = mmap(NULL, len, PROT_READ | PROT_WRITE, how | MAP_ANONYMOUS, -1, 0);

	return p == MAP_FAILED ? NULL : p;
}

/* By mmap(), for a signal handler that closes may be the one to free it. */
static struct run_shared *shared_new(size_t files)
{
	struct run_shared *shared = map(sizeof(*shared), MAP_PRIVATE);

	if (!shared)
		return NULL;
	shared->len = files * sizeof(uint32_t);
	shared->counters = map(shared->len, MAP_SHARED);
	if (shared->counters)
		return shared;
	munmap(shared, sizeof(*shared));
	return NULL;
}

static void shared_put(struct run_shared *shared)
{
	if (atomic_fetch_sub(&shared->files, 1) != 1)
		return;
	munmap(shared->counters, shared->len);
	munmap(shared, sizeof(*shared));
}

bool run_share_leave(struct run_file *file)
{
	struct run_shared *shared = file->shared;
	bool last;

	if (!shared)
		return true;
	last = atomic_fetch_sub(&shared->counters[file->shared_at], 1) == 1;
	file->shared = NULL;
	shared_put(shared);
	return last;
}

/* ---- fork() -------------------------------------------------------------------------------- */

static bool count_unshared(int fd, struct run_file *file, void *arg)
{
	(void)fd;
	if (!file->shared)
		++*(size_t *)arg;
	return true;
}

static bool share(int fd, struct run_file *file, void *arg)
{
	size_t *next = arg;

	(void)fd;
	if (file->visited == forks)
		return true;
	file->visited = forks;
	if (!file->shared && current) {
		file->shared = current;
		file->shared_at = (*next)++;
		atomic_store(&current->counters[file->shared_at], 1);
		atomic_fetch_add(&current->files, 1);
	}
	if (file->shared)
		atomic_fetch_add(&file->shared->counters[file->shared_at], 1);
	return true;
}

static void prepare(void)
{
	size_t unshared = 0, next = 0;

	forks++;
	run_each(count_unshared, &unshared);
	current = unshared > 0 ? shared_new(unshared) : NULL;
	if (current)
		atomic_store(&current->files, 1);
	run_each(share, &next);
}

static void release(void)
{
	if (current)
		shared_put(current);
	current = NULL;
}

static bool renew(int fd, struct run_file *file, void *arg)
{
	(void)fd;
	(void)arg;
	pthread_mutex_init(&file->lock, NULL);
	if (file->kind == RUN_LISTENER && file->visited == forks) {
		file->visited = 0;
		atomic_fetch_add(&run_listeners_idle, 1);
	}
	return true;
}

static void child(void)
{
	release();
	self = getpid();
	run_generation++;
	run_table_after_fork();
	run_connect_forget();
	run_lingers_forget();
	run_names_after_fork();
	atomic_store(&run_listeners_idle, 0);
	run_each(renew, NULL);
}

void run_fork_init(void)
{
	self = getpid();
	pthread_atfork(prepare, release, child);
}

/* ---- exec() -------------------------------------------------------------------------------- */

static bool stays(int fd, struct run_file *file, void *arg)
{
	(void)arg;
	if (!(REAL(fcntl)(fd, F_GETFD) & FD_CLOEXEC))
		file->visited = forks;
	return true;
}

/* Its counter is left where it is: exec() that fails takes it back. */
static bool leave(int fd, struct run_file *file, void *arg)
{
	(void)arg;
	if (file->visited == forks || file->left)
		return true;
	file->left = true;
	if (!file->shared)
		run_stream_end(file, fd);
	else if (atomic_fetch_sub(&file->shared->counters[file->shared_at], 1) == 1)
		run_stream_end(file, fd);
	return true;
}

void run_exec_begin(void)
{
	forks++;
	run_each(stays, NULL);
	run_each(leave, NULL);
	run_lingers_wait();
}

static bool come_back(int fd, struct run_file *file, void *arg)
{
	(void)fd;
	(void)arg;
	if (file->left && file->shared)
		atomic_fetch_add(&file->shared->counters[file->shared_at], 1);
	file->left = false;
	return true;
}

void run_exec_failed(void)
{
	run_each(come_back, NULL);
}
