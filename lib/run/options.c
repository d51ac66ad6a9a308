/* SPDX-License-Identifier: MIT */
/*
 * Options of sockets that are not what they were: a listening socket is asked itself; of a
 * connection that a relay has, the program holds a Unix socket, and what it sets of TCP is
 * remembered.
 */
#include <errno.h>
#include <netinet/tcp.h>
#include <string.h>

#include "lib/run/calls.h"

#define OPTIONS (sizeof(((struct run_file *)0)->options) / sizeof(int))

static const int tcp_told[RUN_TOLD_TCP] = { TCP_NODELAY, TCP_KEEPIDLE, TCP_KEEPINTVL, TCP_KEEPCNT,
					    TCP_USER_TIMEOUT };
static const int timeouts_told[2] = { SO_RCVTIMEO, SO_SNDTIMEO };

void run_told_read(int fd, struct run_told *out)
{
	socklen_t len;

	memset(out, 0, sizeof(*out));
	for (size_t i = 0; i < RUN_TOLD_TCP; i++) {
		len = sizeof(out->tcp[i]);
		(void)!REAL(getsockopt)(fd, IPPROTO_TCP, tcp_told[i], &out->tcp[i], &len);
	}
	for (size_t i = 0; i < 2; i++) {
		len = sizeof(out->timeouts[i]);
		(void)!REAL(getsockopt)(fd, SOL_SOCKET, timeouts_told[i], &out->timeouts[i], &len);
	}
}

void run_told_keep(struct run_file *file, int fd, const struct run_told *told)
{
	for (size_t i = 0; i < RUN_TOLD_TCP; i++)
		atomic_store(&file->options[tcp_told[i]], told->tcp[i]);
	for (size_t i = 0; i < 2; i++)
		(void)!REAL(setsockopt)(fd, SOL_SOCKET, timeouts_told[i], &told->timeouts[i],
					sizeof(told->timeouts[i]));
}

/* As the kernel gives values: cut off at *len. */
static int give(const void *from, size_t size, void *value, socklen_t *len)
{
	if (*len > size)
		*len = (socklen_t)size;
	memcpy(value, from, *len);
	return 0;
}

static int give_int(int from, void *value, socklen_t *len)
{
	return give(&from, sizeof(from), value, len);
}

static int get_tcp(const struct run_file *file, int name, void *value, socklen_t *len)
{
	struct tcp_info info = { .tcpi_state = TCP_ESTABLISHED };

	if (name == TCP_INFO)
		return give(&info, sizeof(info), value, len);
	if (name < 0 || (size_t)name >= OPTIONS || name == TCP_CONGESTION || name == TCP_ULP)
		return run_fail(ENOPROTOOPT);
	return give_int(atomic_load(&file->options[name]), value, len);
}

static int get_relayed(const struct run_file *file, int fd, int level, int name, void *value,
		       socklen_t *len)
{
	switch (level) {
	case SOL_SOCKET:
		if (name == SO_DOMAIN)
			return give_int(file->local.sin6_family ? file->local.sin6_family : AF_INET,
					value, len);
		if (name == SO_PROTOCOL)
			return give_int(IPPROTO_TCP, value, len);
		return REAL(getsockopt)(fd, level, name, value, len);
	case IPPROTO_TCP:
		return get_tcp(file, name, value, len);
	case IPPROTO_IP:
	case IPPROTO_IPV6:
		return give_int(0, value, len);
	default:
		return REAL(getsockopt)(fd, level, name, value, len);
	}
}

int run_option_get(struct run_file *file, int fd, int level, int name, void *value, socklen_t *len)
{
	if (file->kind == RUN_LISTENER)
		return REAL(getsockopt)(file->real, level, name, value, len);
	if (!file->relayed)
		return REAL(getsockopt)(fd, level, name, value, len);
	return get_relayed(file, fd, level, name, value, len);
}

static int set_tcp(struct run_file *file, int name, const void *value, socklen_t len)
{
	int number;

	if (name < 0 || (size_t)name >= OPTIONS || name == TCP_ULP)
		return run_fail(ENOPROTOOPT);
	if (len < sizeof(number))
		return run_fail(EINVAL);
	memcpy(&number, value, sizeof(number));
	atomic_store(&file->options[name], number);
	return 0;
}

int run_option_set(struct run_file *file, int fd, int level, int name, const void *value,
		   socklen_t len)
{
	if (file->kind == RUN_LISTENER)
		return REAL(setsockopt)(file->real, level, name, value, len);
	if (!file->relayed)
		return REAL(setsockopt)(fd, level, name, value, len);
	if (level == IPPROTO_TCP)
		return set_tcp(file, name, value, len);
	if (level == IPPROTO_IP || level == IPPROTO_IPV6)
		return 0;
	return REAL(setsockopt)(fd, level, name, value, len);
}
