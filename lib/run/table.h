/* SPDX-License-Identifier: MIT */
/*
 * Which of the process's descriptors are ours: what stands behind a number is a struct run_file, as
 * in a kernel. dup() makes two numbers of one.
 *
 * For every other descriptor a look-up costs one atomic load, or two where a wrapped one is near
 * it. A file is held as long as somebody works with it, so close() in one thread takes nothing from
 * another. Memory of files is used again and never freed: a look-up that comes late finds a file,
 * though not the one, and sees that. So nothing here takes a lock, except to make a file, and all
 * but that may be called by a signal handler.
 */
#ifndef KTLS_RUN_TABLE_H
#define KTLS_RUN_TABLE_H

#include <netinet/in.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include <ktls-session.h>

#define RUN_TOLD_IP    4
#define RUN_CONGESTION 2 /* times 8 bytes: a name, TCP_CA_NAME_MAX */

struct run_rule;
struct run_shared;

enum run_kind {
	RUN_STREAM = 1,   /* a connection */
	RUN_LISTENER = 2, /* a listening socket */
};

enum run_ended {
	RUN_GOES_ON = 0,
	RUN_AT_END,  /* close_notify */
	RUN_IS_LOST, /* anything else */
};

struct run_file {
	_Atomic uint32_t held;    /* by numbers and by whoever works with it; 0: of nobody */
	_Atomic uint32_t numbers; /* that stand for it in this process */
	enum run_kind kind;
	struct run_file *next; /* in the list of those to be used again */
	/* ---- other processes that have it (fork.c) ---- */
	struct run_shared *shared; /* NULL: none; counters of one fork() */
	size_t shared_at;          /* which of them */
	unsigned int visited;      /* by fork() number so */
	bool left;                 /* for an exec() that may fail */
	/* ---- a connection ---- */
	struct ktls_session *session; /* of the process's generation (run_generation) */
	unsigned int generation;
	bool client;              /* servers send tickets to it */
	atomic_bool heard;        /* data has come, and so what comes before data has been taken */
	bool relayed;             /* a Unix socket now: the addresses are those of TCP's */
	bool steady;              /* a signal in a blocking send would end it: lib/ktls/steady.h */
	bool staged;              /* splice() out of it would lose what a pipe has no room for */
	_Atomic int ended;        /* for reading: enum run_ended */
	atomic_bool shut_reading; /* by the program */
	atomic_bool shut_writing; /* close_notify has been sent */
	_Atomic uint32_t sends;   /* since the last look at the keys */
	_Atomic uint64_t sent;    /* bytes, likewise */
	uint64_t sends_max, sent_max;    /* when the next look is due */
	_Atomic int64_t not_before;      /* monotonic ms: ktlsd was not there; ask for keys later */
	struct sockaddr_in6 peer, local; /* or sockaddr_in; family 0: not known */
	_Atomic int options[64];         /* of TCP, by number, for a Unix socket */
	_Atomic int ip[RUN_TOLD_IP];     /* of IP, as options.c has them */
	_Atomic uint64_t congestion[RUN_CONGESTION];
	/* ---- a listening socket ---- */
	pthread_mutex_t lock; /* of what follows */
	int real;             /* the TCP socket */
	unsigned int backlog;
	const struct run_rule *rule;
	unsigned int owner; /* the generation that the following are of */
	int events;         /* what the numbers stand for; -1: nobody has waited for one yet */
	int alarm;          /* in it, as is ktls_fd(): ktlsd is to be asked again */
	struct ktls *ktls;  /* NULL: ktlsd has no more connections */
};

/* How often this process is a fork()'s child; what libktls made before belongs to the parent. */
extern unsigned int run_generation;

/* False in a child of vfork() or clone(), whose table this is not. */
bool run_is_mine(void);

/* ---- look-ups ------------------------------------------------------------------------------ */

/* The file behind a number, held; or NULL. */
struct run_file *run_get(int fd);

/* Only of that kind. */
struct run_file *run_get_kind(int fd, enum run_kind kind);
void run_put(struct run_file *file);

/* ---- changes ------------------------------------------------------------------------------- */

/* Of nobody's number yet, held by the caller. NULL: no memory. */
struct run_file *run_file_new(enum run_kind kind);

/* fd stands for it from now on. False: no memory. */
bool run_set(int fd, struct run_file *file);

/*
 * fd stands for nothing any more. The file, held, if that was its last number here: what is to be
 * done with it before the descriptor is closed is the caller's. NULL otherwise.
 */
struct run_file *run_unset(int fd);

/* Calls it for each number, and where one returns false stops. */
void run_each(bool (*call)(int fd, struct run_file *file, void *arg), void *arg);

/* ---- libktls's own descriptors --------------------------------------------------------------- */

/*
 * Marks one that libktls has opened, and moves it out of the way of the program's. A negative one
 * and errno are left as they are. Programs that close all they do not know are told EBADF.
 */
int run_own_add(int fd);
void run_own_remove(int fd);
bool run_is_own(int fd);

/* The first from that number on, -1: none. */
int run_own_next(int fd);

/* The same for what a fork()'s child keeps: the TCP sockets of listening ones. */
int run_kept_add(int fd);

/* In a fork()'s child: closes all that is not kept, for it is the parent's; the locks are free. */
void run_table_after_fork(void);

/* ---- what the other end of a program's epoll sets knows ------------------------------------- */

/* That a number was once put into one, wrapped or not. */
void run_watched_set(int fd);
bool run_watched(int fd);

#endif
