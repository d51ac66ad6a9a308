/* SPDX-License-Identifier: MIT */
/*
 * libktlsrun.so: put before libc by LD_PRELOAD, it gives a program TLS on the ports that ktlsrun
 * was told. Documentation/ktlsrun.md says what becomes of each call.
 *
 * rules.c	what ktlsrun was told
 * table.c	which descriptors are ours
 * fork.c	processes that share connections
 * real.c	libc's own functions
 * connect.c, listen.c	how connections begin
 * stream.c, close.c	what becomes of their data, and how they end
 * watch.c	epoll sets that had a descriptor before we exchanged it
 * names.c	which name the program looked up for an address
 * calls_*.c	the functions that programs call
 */
#ifndef KTLS_RUN_RUN_H
#define KTLS_RUN_RUN_H

#include <sys/epoll.h>
#include <sys/time.h>

#include "lib/run/real.h"
#include "lib/run/rules.h"
#include "lib/run/table.h"

extern struct run_rules run_rules;

/* Whether there is anything to do: ktlsrun has started this program. */
extern bool run_active;

/* One line on the standard error, if that is not a connection by now. */
void run_say(const char *format, ...) __attribute__((format(printf, 1, 2)));
void run_tell(const char *format, ...) __attribute__((format(printf, 1, 2))); /* with --verbose */

int64_t run_now_ms(void);

/* -1, and errno. */
int run_fail(int error);

/* What a program understands of a reason. */
int run_errno_of(enum ktls_reason reason);

/* ---- the C library's, of which struct sockaddr is the short one ------------------------------ */

/* False unless it is an IPv4 or IPv6 address. */
bool run_address_from(const struct sockaddr *addr, socklen_t len, struct sockaddr_in6 *out);

/* As accept() and the like give them: cut off at *len, which becomes the whole length. */
void run_address_give(const struct sockaddr_in6 *address, struct sockaddr *addr, socklen_t *len);

/* ---- names.c ------------------------------------------------------------------------------- */

/* The name that the program looked up last and got this address for. False: none. */
bool run_name_find(const struct sockaddr_in6 *address, char out[static RUN_HOST_MAX]);

/* Looks up the hosts that --connect names for a port, as if the program had done so. */
void run_names_of_rules(uint16_t port);

/* In a fork()'s child: whoever had the lock is not here. */
void run_names_after_fork(void);

/* ---- options.c ----------------------------------------------------------------------------- */

#define RUN_TOLD_TCP 6

/* What a TCP socket was told, which a relay's Unix socket in its place does not know. */
struct run_told {
	int tcp[RUN_TOLD_TCP], ip[RUN_TOLD_IP]; /* in the order of options.c */
	uint64_t congestion[RUN_CONGESTION];    /* TCP_CONGESTION: characters */
	struct timeval timeouts[2];
};

void run_told_read(int fd, struct run_told *out);

/* For a relayed connection. */
void run_told_keep(struct run_file *file, int fd, const struct run_told *told);

/* ---- connect.c ----------------------------------------------------------------------------- */

/* Where sessions get new keys from; NULL: ktlsd is not there. */
struct ktls *run_service(void);

/*
 * fd becomes a connection, of a handshake that has succeeded, on a TCP socket that had been told
 * this. False: no memory.
 */
bool run_connected(int fd, const struct ktls_reply *reply, const struct run_told *told,
		   bool client);

int run_connect(int fd, const struct run_rule *rule, const struct sockaddr_in6 *address,
		const char *name);

/* In a fork()'s child: the parent's struct ktls is none of ours. */
void run_connect_forget(void);

/* ---- listen.c ------------------------------------------------------------------------------ */

/* How many listening sockets ktlsd has not been told of: what they wait for is not looked at. */
extern _Atomic unsigned int run_listeners_idle;

int run_listen(int fd, const struct run_rule *rule, int backlog);

/* Tells ktlsd of it, unless that is done. 0 or a negative errno. */
int run_listener_start(struct run_file *file);

/* The same by number, for one that the program begins to wait for. */
void run_listener_wait(int fd);

int run_accept(struct run_file *file, struct sockaddr *addr, socklen_t *len, int flags);

/* Its last number here is going to be closed. last: no other process has it. */
void run_listener_end(struct run_file *file, bool last);

/* ---- stream.c ------------------------------------------------------------------------------ */

/* Whether the stream has ended, and *n is what a read of it returns. */
bool run_read_over(struct run_file *file, ssize_t *n);

/*
 * A read has returned n, with errno: whether it is to be tried again. Else *n is what the program
 * gets.
 */
bool run_read_again(struct run_file *file, int fd, ssize_t *n);

/* Before data are sent: 0, or -1 and errno. flags: MSG_NOSIGNAL counts. */
int run_write_begin(struct run_file *file, int fd, int flags);

/* They were: n as send() returned it. */
ssize_t run_write_end(struct run_file *file, int fd, ssize_t n);

/* How many bytes of data can be read at once, at least, as FIONREAD tells. */
int run_bytes_there(struct run_file *file, int fd);

/* This process's session; NULL: no memory. */
struct ktls_session *run_session(struct run_file *file);

/* ---- close.c ------------------------------------------------------------------------------- */

/* close_notify, for shutdown(): waits for room as long as a blocking socket would. */
int run_shutdown(struct run_file *file, int fd, int how);

/*
 * The number fd of this process is to be closed, or taken for something else: afterwards it stands
 * for nothing. The descriptor itself is the caller's to close.
 */
void run_release(int fd);

/* The process ends: all that is ours ends with it. */
void run_release_all(void);

/* Nobody will have the connection any more: close_notify. Never blocks: a thread waits. */
void run_stream_end(struct run_file *file, int fd);

/* For these threads, which end with the program. And: in a fork()'s child, which has none. */
void run_lingers_wait(void);
void run_lingers_forget(void);

/* ---- fork.c -------------------------------------------------------------------------------- */

void run_fork_init(void);

/* This process has the file no more: whether no other one has it, either. */
bool run_share_leave(struct run_file *file);

/* exec(): what is close-on-exec ends. And: it failed. */
void run_exec_begin(void);
void run_exec_failed(void);

/* ---- watch.c ------------------------------------------------------------------------------- */

#define RUN_WATCHES_MAX 16

/* Where a number was registered. */
struct run_watches {
	size_t len;
	struct {
		int set;
		struct epoll_event event;
	} watches[RUN_WATCHES_MAX];
};

/* Finds the epoll sets that fd is in and takes it out. */
void run_watches_take(int fd, struct run_watches *out);

/* Puts it back in, whatever it is now. */
void run_watches_restore(int fd, const struct run_watches *watches);

#endif
