/* SPDX-License-Identifier: MIT */
/*
 * Much data over one end of a connection, both ways at once, for tests: sizes and pauses are drawn
 * from a seed, in each of the ways that programs send and receive. Behind the bytes of a direction
 * comes their SHA-256, which the other end, in this process or another, compares with its own. What
 * carries the bytes does not matter: kernel TLS, a relay, ktlsrun, or TCP.
 */
#ifndef KTLS_TESTS_POUR_H
#define KTLS_TESTS_POUR_H

#include <stdbool.h>
#include <stdint.h>

enum pour_way {
	POUR_BYTES,    /* write() and read() */
	POUR_VECTORS,  /* writev() and readv() */
	POUR_MESSAGES, /* sendmsg(), with MSG_MORE at times, and recvmsg() */
	POUR_FILES,    /* sendfile() and recv() with MSG_WAITALL */
	POUR_SPLICES,  /* splice() in and out */
	POUR_MIXED,    /* all in turns, as drawn */
	POUR_WAYS = POUR_MIXED
};

struct pour {
	int fd;
	enum pour_way way;
	uint64_t bytes; /* of each direction */
	uint64_t seed;  /* of all that is drawn */
	bool pauses;    /* now and then of some milliseconds */
	/* What is no data was in the way of reading: error is errno, or 0 for an end of file. 1: go
	 * on. NULL: it is a failure. */
	int (*recover)(void *arg, int fd, int error);
	/* Called by who sends, before each piece of data. 0, or a negative errno; -EAGAIN: it is
	 * called again when there is room. NULL: nothing. */
	int (*before_send)(void *arg, int fd, uint64_t sent);
	void *arg;

	/* What came of it. */
	uint64_t sent, received;
	int send_error, recv_error; /* errno; 0: none */
	bool same;                  /* the peer's digest is that of what was received */
};

/* From 64 MiB or so: KTLS_BULK_BYTES in the environment, else what is usual. */
uint64_t pour_bytes(uint64_t usual);

/* A seed that is said so that it can be used again: KTLS_BULK_SEED in the environment, else any. */
uint64_t pour_seed(void);

/* "bytes", "vectors", ...; NULL for none. */
const char *pour_way_name(enum pour_way way);

/* Both directions, in two threads. True where all went well. */
bool pour_both(struct pour *p);

/* For tests: over both ends of a connection at once. EXPECTs that everything came. */
void pour_between(const int fd[2], enum pour_way way, uint64_t bytes);

#endif
