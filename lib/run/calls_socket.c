/* SPDX-License-Identifier: MIT */
/* Calls about sockets as such. */
#include <errno.h>
#include <netinet/tcp.h>
#include <string.h>

#include "lib/run/calls.h"

static int option_of(int fd, int name)
{
	socklen_t len = sizeof(int);
	int value;

	return REAL(getsockopt)(fd, SOL_SOCKET, name, &value, &len) < 0 ? -1 : value;
}

bool run_is_tcp(int fd)
{
	int protocol = option_of(fd, SO_PROTOCOL), error = errno;
	bool is = protocol == IPPROTO_TCP || protocol == IPPROTO_MPTCP;

	errno = error;
	return is;
}

/* ---- how connections begin ------------------------------------------------------------------- */

static int listen_more(struct run_file *file, int backlog)
{
	int ret = file->kind == RUN_LISTENER ? REAL(listen)(file->real, backlog) : run_fail(EINVAL);

	run_put(file);
	return ret;
}

RUN_EXPORT int listen(int fd, int backlog)
{
	struct run_file *file = run_get(fd);
	const struct run_rule *rule = NULL;
	struct sockaddr_storage own;
	struct sockaddr_in6 address;
	socklen_t len = sizeof(own);

	if (file)
		return listen_more(file, backlog);
	if (run_active && run_is_tcp(fd) &&
	    REAL(getsockname)(fd, (struct sockaddr *)&own, &len) == 0 &&
	    run_address_from((struct sockaddr *)&own, len, &address))
		rule = run_rules_find(&run_rules, RUN_RULE_LISTEN, &address, NULL);
	return rule ? run_listen(fd, rule, backlog) : REAL(listen)(fd, backlog);
}

static int run_accept4(int fd, struct sockaddr *addr, socklen_t *len, int flags)
{
	struct run_file *file = run_get_kind(fd, RUN_LISTENER);
	int ret;

	if (!file)
		return REAL(accept4)(fd, addr, len, flags);
	if (flags & ~(SOCK_NONBLOCK | SOCK_CLOEXEC))
		ret = run_fail(EINVAL);
	else
		ret = run_accept(file, addr, len, flags);
	run_put(file);
	return ret;
}

RUN_EXPORT int accept(int fd, __SOCKADDR_ARG addr, socklen_t *len)
{
	return run_accept4(fd, addr.__sockaddr__, len, 0);
}

RUN_EXPORT int accept4(int fd, __SOCKADDR_ARG addr, socklen_t *len, int flags)
{
	return run_accept4(fd, addr.__sockaddr__, len, flags);
}

static int connect_unknown(int fd, const struct sockaddr *addr, socklen_t len)
{
	const struct run_rule *rule = NULL;
	struct sockaddr_in6 address;
	char name[RUN_HOST_MAX];
	bool named = false;

	if (run_active && run_address_from(addr, len, &address) && run_is_tcp(fd)) {
		named = run_name_find(&address, name);
		if (!named) {
			run_names_of_rules(run_address_port(&address));
			named = run_name_find(&address, name);
		}
		rule = run_rules_find(&run_rules, RUN_RULE_CONNECT, &address, named ? name : NULL);
	}
	if (!rule)
		return REAL(connect)(fd, addr, len);
	return run_connect(fd, rule, &address, named ? name : NULL);
}

RUN_EXPORT int connect(int fd, __CONST_SOCKADDR_ARG addr, socklen_t len)
{
	struct run_file *file = run_get(fd);

	if (!file)
		return connect_unknown(fd, addr.__sockaddr__, len);
	run_put(file);
	return run_fail(EISCONN);
}

RUN_EXPORT int shutdown(int fd, int how)
{
	struct run_file *file = run_get_kind(fd, RUN_STREAM);
	int ret;

	if (!file)
		return REAL(shutdown)(fd, how);
	ret = how >= SHUT_RD && how <= SHUT_RDWR ? run_shutdown(file, fd, how) : run_fail(EINVAL);
	run_put(file);
	return ret;
}

/* ---- addresses ------------------------------------------------------------------------------- */

static int name_of(struct run_file *file, const struct sockaddr_in6 *address, struct sockaddr *addr,
		   socklen_t *len, int (*real)(int, struct sockaddr *, socklen_t *), int fd)
{
	if (file->kind == RUN_LISTENER)
		return real(file->real, addr, len);
	if (!file->relayed || address->sin6_family == 0)
		return real(fd, addr, len);
	run_address_give(address, addr, len);
	return 0;
}

RUN_EXPORT int getsockname(int fd, __SOCKADDR_ARG addr, socklen_t *len)
{
	struct run_file *file = run_get(fd);
	int ret;

	if (!file)
		return REAL(getsockname)(fd, addr.__sockaddr__, len);
	ret = name_of(file, &file->local, addr.__sockaddr__, len, REAL(getsockname), fd);
	run_put(file);
	return ret;
}

RUN_EXPORT int getpeername(int fd, __SOCKADDR_ARG addr, socklen_t *len)
{
	struct run_file *file = run_get(fd);
	int ret;

	if (!file)
		return REAL(getpeername)(fd, addr.__sockaddr__, len);
	ret = name_of(file, &file->peer, addr.__sockaddr__, len, REAL(getpeername), fd);
	run_put(file);
	return ret;
}

/* ---- options -------------------------------------------------------------------------------- */

RUN_EXPORT int getsockopt(int fd, int level, int name, void *value, socklen_t *len)
{
	struct run_file *file = run_get(fd);
	int ret;

	if (!file)
		return REAL(getsockopt)(fd, level, name, value, len);
	ret = run_option_get(file, fd, level, name, value, len);
	run_put(file);
	return ret;
}

RUN_EXPORT int setsockopt(int fd, int level, int name, const void *value, socklen_t len)
{
	struct run_file *file = run_get(fd);
	int ret;

	if (!file)
		return REAL(setsockopt)(fd, level, name, value, len);
	ret = run_option_set(file, fd, level, name, value, len);
	run_put(file);
	return ret;
}
