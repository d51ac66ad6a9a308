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

static const int tcp_told[RUN_TOLD_TCP] = { TCP_NODELAY, TCP_KEEPIDLE,     TCP_KEEPINTVL,
					    TCP_KEEPCNT, TCP_USER_TIMEOUT, TCP_MAXSEG };
static const struct {
	int level, name;
} ip_told[RUN_TOLD_IP] = { { IPPROTO_IP, IP_TOS },
			   { IPPROTO_IP, IP_TTL },
			   { IPPROTO_IPV6, IPV6_TCLASS },
			   { IPPROTO_IPV6, IPV6_UNICAST_HOPS } };
static const int timeouts_told[2] = { SO_RCVTIMEO, SO_SNDTIMEO };

void run_told_read(int fd, struct run_told *out)
{
	socklen_t len;

	memset(out, 0, sizeof(*out));
	for (size_t i = 0; i < RUN_TOLD_TCP; i++) {
		len = sizeof(out->tcp[i]);
		(void)!REAL(getsockopt)(fd, IPPROTO_TCP, tcp_told[i], &out->tcp[i], &len);
	}
	for (size_t i = 0; i < RUN_TOLD_IP; i++) {
		len = sizeof(out->ip[i]);
		(void)!REAL(getsockopt)(fd, ip_told[i].level, ip_told[i].name, &out->ip[i], &len);
	}
	len = sizeof(out->congestion);
	(void)!REAL(getsockopt)(fd, IPPROTO_TCP, TCP_CONGESTION, out->congestion, &len);
	for (size_t i = 0; i < 2; i++) {
		len = sizeof(out->timeouts[i]);
		(void)!REAL(getsockopt)(fd, SOL_SOCKET, timeouts_told[i], &out->timeouts[i], &len);
	}
}

static void keep_congestion(struct run_file *file, const uint64_t *name)
{
	for (size_t i = 0; i < RUN_CONGESTION; i++)
		atomic_store(&file->congestion[i], name[i]);
}

void run_told_keep(struct run_file *file, int fd, const struct run_told *told)
{
	for (size_t i = 0; i < RUN_TOLD_TCP; i++)
		atomic_store(&file->options[tcp_told[i]], told->tcp[i]);
	for (size_t i = 0; i < RUN_TOLD_IP; i++)
		atomic_store(&file->ip[i], told->ip[i]);
	keep_congestion(file, told->congestion);
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

static int get_congestion(const struct run_file *file, void *value, socklen_t *len)
{
	uint64_t name[RUN_CONGESTION];

	for (size_t i = 0; i < RUN_CONGESTION; i++)
		name[i] = atomic_load(&file->congestion[i]);
	return give(name, sizeof(name), value, len);
}

/* The relay's end of the pair ends as the peer does. Of TCP's numbers nothing is known. */
static int get_info(struct run_file *file, int fd, void *value, socklen_t *len)
{
	struct tcp_info info = { .tcpi_state = TCP_ESTABLISHED };
	struct pollfd peer = { .fd = fd, .events = POLLRDHUP };

	if (REAL(poll)(&peer, 1, 0) == 1 && !atomic_load(&file->shut_reading))
		info.tcpi_state = peer.revents & POLLHUP ? TCP_CLOSE : TCP_CLOSE_WAIT;
	return give(&info, sizeof(info), value, len);
}

static int get_tcp(struct run_file *file, int fd, int name, void *value, socklen_t *len)
{
	if (name == TCP_INFO)
		return get_info(file, fd, value, len);
	if (name == TCP_CONGESTION)
		return get_congestion(file, value, len);
	if (name < 0 || (size_t)name >= OPTIONS || name == TCP_ULP)
		return run_fail(ENOPROTOOPT);
	return give_int(atomic_load(&file->options[name]), value, len);
}

/* Where a value of IP is kept; NULL: it is none that is. */
static _Atomic int *ip_option(struct run_file *file, int level, int name)
{
	for (size_t i = 0; i < RUN_TOLD_IP; i++)
		if (ip_told[i].level == level && ip_told[i].name == name)
			return &file->ip[i];
	return NULL;
}

static int get_ip(struct run_file *file, int level, int name, void *value, socklen_t *len)
{
	_Atomic int *kept = ip_option(file, level, name);

	return give_int(kept ? atomic_load(kept) : 0, value, len);
}

static int get_relayed(struct run_file *file, int fd, int level, int name, void *value,
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
		return get_tcp(file, fd, name, value, len);
	case IPPROTO_IP:
	case IPPROTO_IPV6:
		return get_ip(file, level, name, value, len);
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

static int set_congestion(struct run_file *file, const void *value, socklen_t len)
{
	uint64_t name[RUN_CONGESTION] = { 0 };

	if (len == 0)
		return run_fail(EINVAL);
	memcpy(name, value, len < sizeof(name) ? len : sizeof(name) - 1);
	keep_congestion(file, name);
	return 0;
}

static int set_tcp(struct run_file *file, int name, const void *value, socklen_t len)
{
	int number;

	if (name == TCP_CONGESTION)
		return set_congestion(file, value, len);
	if (name < 0 || (size_t)name >= OPTIONS || name == TCP_ULP)
		return run_fail(ENOPROTOOPT);
	if (len < sizeof(number))
		return run_fail(EINVAL);
	memcpy(&number, value, sizeof(number));
	atomic_store(&file->options[name], number);
	return 0;
}

/* Numbers may be as short as a byte there. */
static int set_ip(struct run_file *file, int level, int name, const void *value, socklen_t len)
{
	_Atomic int *kept = ip_option(file, level, name);
	int number = 0;

	if (!kept)
		return 0;
	if (len == 0)
		return run_fail(EINVAL);
	if (len >= sizeof(number))
		memcpy(&number, value, sizeof(number));
	else
		number = *(const unsigned char *)value;
	atomic_store(kept, number);
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
		return set_ip(file, level, name, value, len);
	return REAL(setsockopt)(fd, level, name, value, len);
}
