/* SPDX-License-Identifier: MIT */
/*
 * Threads that close descriptors which came from clients: a client can make close() block, by
 * SO_LINGER on a socket with unsent data, or by a file of its own FUSE file system.
 *
 * A socket with SO_LINGER is left to a thread of its own that ends at once: the kernel waits in
 * close() only, not when it closes what an ending thread has left. What is no socket is slow: all
 * threads but one work on such, so that one is left for the others however long those take. What
 * blocks without having looked like it (SO_LINGER set behind our look) ties up one thread.
 */
#ifndef KTLS_CONN_CLOSER_H
#define KTLS_CONN_CLOSER_H

struct closer;

/* A descriptor to be closed. From malloc; the closer has it between push and collect. */
struct closer_job {
	struct closer_job *next;
	int fd;
	void (*closed)(void *arg); /* both are the caller's: the closer calls nothing */
	void *arg;
};

/*
 * Starts the threads. After a close that makes the list of closed descriptors non-empty, 1 is
 * written to the eventfd wake, which is the caller's. 0 or a negative errno.
 */
int closer_new(unsigned int threads, int wake, struct closer **out)
	__attribute__((warn_unused_result));

/* Never blocks. */
void closer_push(struct closer *closer, struct closer_job *job);

/* The jobs closed since the last call, linked by next; NULL for none. They are the caller's. */
struct closer_job *closer_collect(struct closer *closer);

/*
 * Does not wait: what is not closed yet will be, by threads that then end and free the jobs. Jobs
 * that were closed and not collected are freed. NULL is none.
 */
void closer_free(struct closer *closer);

#endif
