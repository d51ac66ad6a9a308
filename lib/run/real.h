/* SPDX-License-Identifier: MIT */
/*
 * The C library's own functions, behind those of the same name that this library puts before them.
 *
 * REAL(read)(fd, buf, len) calls libc's. libktls is linked in as it is, with --wrap for each of
 * these names (Makefile), so that its calls end in __wrap_read() and the like, which are here:
 * they go to libc, too, and what they open is marked as ours (table.h).
 */
#ifndef KTLS_RUN_REAL_H
#define KTLS_RUN_REAL_H

#include <netdb.h>
#include <poll.h>
#include <stdbool.h>
#include <stdio.h>
#include <sys/epoll.h>
#include <sys/select.h>
#include <sys/socket.h>
#include <sys/uio.h>

#define RUN_EXPORT __attribute__((visibility("default")))

/* What is wrapped and what libktls calls of it: result, name, parameters, arguments. */
#define REAL_BOTH(X)                                                                              \
	X(int, accept4, (int fd, struct sockaddr *addr, socklen_t *len, int flags),               \
	  (fd, addr, len, flags))                                                                 \
	X(int, close, (int fd), (fd))                                                             \
	X(int, connect, (int fd, const struct sockaddr *addr, socklen_t len), (fd, addr, len))    \
	X(int, dup, (int fd), (fd))                                                               \
	X(int, dup2, (int fd, int to), (fd, to))                                                  \
	X(int, dup3, (int fd, int to, int flags), (fd, to, flags))                                \
	X(int, epoll_ctl, (int set, int op, int fd, struct epoll_event *event),                   \
	  (set, op, fd, event))                                                                   \
	X(int, getpeername, (int fd, struct sockaddr *addr, socklen_t *len), (fd, addr, len))     \
	X(int, getsockname, (int fd, struct sockaddr *addr, socklen_t *len), (fd, addr, len))     \
	X(int, getsockopt, (int fd, int level, int name, void *value, socklen_t *len),            \
	  (fd, level, name, value, len))                                                          \
	X(int, listen, (int fd, int backlog), (fd, backlog))                                      \
	X(int, poll, (struct pollfd * fds, nfds_t len, int timeout), (fds, len, timeout))         \
	X(ssize_t, read, (int fd, void *buf, size_t len), (fd, buf, len))                         \
	X(ssize_t, readv, (int fd, const struct iovec *iov, int len), (fd, iov, len))             \
	X(ssize_t, recv, (int fd, void *buf, size_t len, int flags), (fd, buf, len, flags))       \
	X(ssize_t, recvfrom,                                                                      \
	  (int fd, void *buf, size_t len, int flags, struct sockaddr *addr, socklen_t *addrlen),  \
	  (fd, buf, len, flags, addr, addrlen))                                                   \
	X(ssize_t, recvmsg, (int fd, struct msghdr *message, int flags), (fd, message, flags))    \
	X(ssize_t, send, (int fd, const void *buf, size_t len, int flags), (fd, buf, len, flags)) \
	X(ssize_t, sendfile, (int out, int in, off_t *at, size_t len), (out, in, at, len))        \
	X(ssize_t, sendmsg, (int fd, const struct msghdr *message, int flags),                    \
	  (fd, message, flags))                                                                   \
	X(ssize_t, sendto,                                                                        \
	  (int fd, const void *buf, size_t len, int flags, const struct sockaddr *addr,           \
	   socklen_t addrlen),                                                                    \
	  (fd, buf, len, flags, addr, addrlen))                                                   \
	X(int, setsockopt, (int fd, int level, int name, const void *value, socklen_t len),       \
	  (fd, level, name, value, len))                                                          \
	X(int, shutdown, (int fd, int how), (fd, how))                                            \
	X(ssize_t, splice, (int in, off_t *at, int out, off_t *to, size_t len, unsigned flags),   \
	  (in, at, out, to, len, flags))                                                          \
	X(ssize_t, write, (int fd, const void *buf, size_t len), (fd, buf, len))                  \
	X(ssize_t, writev, (int fd, const struct iovec *iov, int len), (fd, iov, len))

/* Wrapped, and never called by libktls. */
#define REAL_OTHERS(X)                                                                             \
	X(int, close_range, (unsigned int first, unsigned int last, int flags),                    \
	  (first, last, flags))                                                                    \
	X(int, execve, (const char *path, char *const argv[], char *const envp[]),                 \
	  (path, argv, envp))                                                                      \
	X(int, execvpe, (const char *file, char *const argv[], char *const envp[]),                \
	  (file, argv, envp))                                                                      \
	X(int, fexecve, (int fd, char *const argv[], char *const envp[]), (fd, argv, envp))        \
	X(FILE *, fdopen, (int fd, const char *mode), (fd, mode))                                  \
	X(int, getaddrinfo,                                                                        \
	  (const char *node, const char *service, const struct addrinfo *hints,                    \
	   struct addrinfo **list),                                                                \
	  (node, service, hints, list))                                                            \
	X(struct hostent *, gethostbyname, (const char *name), (name))                             \
	X(int, gethostbyname_r,                                                                    \
	  (const char *name, struct hostent *host, char *buf, size_t len, struct hostent **result, \
	   int *error),                                                                            \
	  (name, host, buf, len, result, error))                                                   \
	X(int, ppoll,                                                                              \
	  (struct pollfd * fds, nfds_t len, const struct timespec *timeout, const sigset_t *mask), \
	  (fds, len, timeout, mask))                                                               \
	X(ssize_t, preadv2, (int fd, const struct iovec *iov, int len, off_t at, int flags),       \
	  (fd, iov, len, at, flags))                                                               \
	X(int, pselect,                                                                            \
	  (int len, fd_set *in, fd_set *out, fd_set *other, const struct timespec *timeout,        \
	   const sigset_t *mask),                                                                  \
	  (len, in, out, other, timeout, mask))                                                    \
	X(ssize_t, pwritev2, (int fd, const struct iovec *iov, int len, off_t at, int flags),      \
	  (fd, iov, len, at, flags))                                                               \
	X(int, recvmmsg,                                                                           \
	  (int fd, struct mmsghdr *messages, unsigned int len, int flags,                          \
	   struct timespec *timeout),                                                              \
	  (fd, messages, len, flags, timeout))                                                     \
	X(int, sendmmsg, (int fd, struct mmsghdr *messages, unsigned int len, int flags),          \
	  (fd, messages, len, flags))                                                              \
	X(int, select, (int len, fd_set *in, fd_set *out, fd_set *other, struct timeval *timeout), \
	  (len, in, out, other, timeout))

/* Opened by libktls: marked as ours. */
#define REAL_OPENERS(X)                                                                \
	X(int, epoll_create1, (int flags), (flags))                                    \
	X(int, eventfd, (unsigned int count, int flags), (count, flags))               \
	X(int, socket, (int domain, int type, int protocol), (domain, type, protocol)) \
	X(int, timerfd_create, (int clock, int flags), (clock, flags))

#define REAL_POINTER(ret, name, params, args) ret(*name) params;

struct real {
	REAL_BOTH(REAL_POINTER)
	REAL_OTHERS(REAL_POINTER)
	REAL_OPENERS(REAL_POINTER)
	int (*fcntl)(int fd, int cmd, ...);
	int (*ioctl)(int fd, unsigned long request, ...);
	void (*exit)(int status) __attribute__((noreturn));
};

extern struct real run_real;
extern bool run_real_loaded;

/* Finds all of them. Other libraries' constructors may call us before ours has been run. */
void run_real_load(void);

static inline const struct real *run_real_get(void)
{
	if (__builtin_expect(!run_real_loaded, 0))
		run_real_load();
	return &run_real;
}

#define REAL(name) (run_real_get()->name)

#endif
