/* SPDX-License-Identifier: MIT */
/*
 * An application behind its handshake: reads and writes the bytes of pattern.h in every way that
 * ktls-session.h allows, by libktls's own calls, or by plain ones with ktls_recover() and
 * ktls_maintain() as it is told there.
 */
#ifndef KTLS_TESTS_APP_H
#define KTLS_TESTS_APP_H

#include <stdbool.h>
#include <stdint.h>

#include <ktls-session.h>

/* How it reads. The last four do not block. */
enum app_reads {
	APP_KTLS_RECV,
	APP_KTLS_RECVMSG,
	APP_READ,
	APP_READV,
	APP_RECVMSG,
	APP_SPLICE,
	APP_KTLS_RECV_POLL,
	APP_READ_POLL,
	APP_READ_EPOLL_ET,
	APP_READ_EPOLL_LT,
	APP_READS,
};

/* How it writes; the socket may block or not. */
enum app_writes {
	APP_KTLS_SEND,
	APP_KTLS_SENDMSG,
	APP_KTLS_SENDFILE,
	APP_WRITE,
	APP_SENDFILE,
	APP_WRITES,
};

extern const char *const app_read_names[APP_READS];
extern const char *const app_write_names[APP_WRITES];

struct app {
	struct ktls_session *session;
	int fd;
	enum app_reads reads;
	enum app_writes writes;
	size_t chunk;     /* bytes to read or write at a time; 0: 16384 */
	uint64_t every;   /* bytes, after which keys are updated; 0: not by itself */
	uint64_t read;    /* bytes */
	uint64_t written; /* bytes */
	uint64_t updates; /* that it made by itself */
	uint64_t wrong;   /* bytes that are not the pattern's */
	int epoll, pipe[2], file;
};

/* Sets a socket to blocking or not, as its way of reading demands. fd and session are the caller's.
 */
void app_init(struct app *app, struct ktls_session *session, int fd, enum app_reads reads,
	      enum app_writes writes);
void app_wipe(struct app *app);

/*
 * Reads until so many bytes have come in all, and returns 1; or returns what ended the stream: 0
 * after close_notify, a negative errno; -ETIMEDOUT where nothing comes.
 */
int app_read(struct app *app, uint64_t total);

/* Writes until so many bytes have gone out in all. 1, or a negative errno. */
int app_write(struct app *app, uint64_t total);

/* Waits for events of the socket; false after peer_patience_ms(). */
bool app_wait(const struct app *app, short events);

#endif
