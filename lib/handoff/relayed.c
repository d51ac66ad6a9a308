/* SPDX-License-Identifier: MIT */
#include "lib/handoff/relayed.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <poll.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/time.h>
#include <unistd.h>

#define END_NAME "ktls-end-"

/* ---- names ------------------------------------------------------------------------------------
 */

socklen_t relayed_name(struct sockaddr_un *name, enum ktls_reason reason, uint8_t alert,
		       uint64_t unique)
{
	int n;

	*name = (struct sockaddr_un){ .sun_family = AF_UNIX };
	n = snprintf(name->sun_path + 1, sizeof(name->sun_path) - 1, END_NAME "%u-%u-%016" PRIx64,
		     (unsigned int)reason, alert, unique);
	return (socklen_t)(offsetof(struct sockaddr_un, sun_path) + 1 + (size_t)n);
}

bool relayed_parse(const struct sockaddr_un *name, socklen_t len, enum ktls_reason *reason,
		   uint8_t *alert)
{
	char text[sizeof(name->sun_path)] = "";
	size_t path = offsetof(struct sockaddr_un, sun_path);
	unsigned int number, description;
	int end = 0;

	if (len <= path + 1 || len > sizeof(*name) || name->sun_family != AF_UNIX ||
	    name->sun_path[0] != '\0')
		return false;
	memcpy(text, name->sun_path + 1, len - path - 1);
	if (sscanf(text, END_NAME "%5u-%3u-%n", &number, &description, &end) != 2 || end == 0 ||
	    number == KTLS_OK || number > UINT16_MAX || description > UINT8_MAX)
		return false;
	*reason = (enum ktls_reason)number;
	*alert = (uint8_t)description;
	return true;
}

/* ---- descriptors ------------------------------------------------------------------------------
 */

bool relayed_is(int fd)
{
	int domain = 0;
	socklen_t len = sizeof(domain);

	return getsockopt(fd, SOL_SOCKET, SO_DOMAIN, &domain, &len) == 0 && domain == AF_UNIX;
}

enum ktls_reason relayed_end(int fd, uint8_t *alert)
{
	struct pollfd pfd = { .fd = fd, .events = POLLRDHUP };
	struct sockaddr_un name;
	socklen_t len = sizeof(name);
	enum ktls_reason reason;
	/* Looked at first: the name is there before the end is. */
	bool over = poll(&pfd, 1, 0) == 1 && (pfd.revents & (POLLRDHUP | POLLHUP | POLLERR));

	if (getpeername(fd, (struct sockaddr *)&name, &len) == 0 &&
	    relayed_parse(&name, len, &reason, alert))
		return reason;
	*alert = KTLS_ALERT_NONE;
	return over ? KTLS_R_RELAY_LOST : KTLS_OK;
}

static void copy_timeout(int from, int to, int option)
{
	struct timeval timeout;
	socklen_t len = sizeof(timeout);

	if (getsockopt(from, SOL_SOCKET, option, &timeout, &len) == 0)
		(void)setsockopt(to, SOL_SOCKET, option, &timeout, len);
}

int relayed_put(int fd, int number)
{
	int descriptor = fcntl(number, F_GETFD);
	int status = fcntl(number, F_GETFL);
	int err = 0;

	if (descriptor < 0 || status < 0)
		err = -errno;
	if (err == 0 && (status & O_NONBLOCK) &&
	    fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) | O_NONBLOCK) < 0)
		err = -errno;
	if (err == 0) {
		copy_timeout(number, fd, SO_RCVTIMEO);
		copy_timeout(number, fd, SO_SNDTIMEO);
		if (dup3(fd, number, descriptor & FD_CLOEXEC ? O_CLOEXEC : 0) < 0)
			err = -errno;
	}
	close(fd);
	return err;
}
