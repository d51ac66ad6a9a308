/* SPDX-License-Identifier: MIT */
#include "lib/handoff/packet.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

/* Room for all descriptors that one packet can bring, aligned as a control message has to be. */
union control {
	struct cmsghdr align;
	char bytes[CMSG_SPACE(HANDOFF_FDS_MAX * sizeof(int))];
};

static void collect_fds(struct msghdr *msg, struct handoff_packet *out)
{
	for (struct cmsghdr *c = CMSG_FIRSTHDR(msg); c; c = CMSG_NXTHDR(msg, c)) {
		size_t len = c->cmsg_len - CMSG_LEN(0);

		if (c->cmsg_level != SOL_SOCKET || c->cmsg_type != SCM_RIGHTS)
			continue;
		memcpy(out->fds + out->fds_len, CMSG_DATA(c), len);
		out->fds_len += len / sizeof(int);
	}
}

int handoff_recv(int fd, void *buf, size_t cap, struct handoff_packet *out)
{
	union control control;
	struct iovec iov = { .iov_base = buf, .iov_len = cap };
	struct msghdr msg = { .msg_iov = &iov,
			      .msg_iovlen = 1,
			      .msg_control = &control,
			      .msg_controllen = sizeof(control) };
	ssize_t n;

	do {
		n = recvmsg(fd, &msg, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
	} while (n < 0 && errno == EINTR);
	if (n < 0)
		return -errno;
	out->len = (size_t)n;
	out->truncated = msg.msg_flags & MSG_TRUNC;
	out->fds_lost = msg.msg_flags & MSG_CTRUNC;
	out->fds_len = 0;
	collect_fds(&msg, out);
	return n > 0 || out->fds_len > 0 || out->fds_lost;
}

/* What there is no room for is not taken by a look. */
bool handoff_brings_fd(int fd)
{
	struct msghdr msg = { 0 };

	return recvmsg(fd, &msg, MSG_DONTWAIT | MSG_PEEK) >= 0 && (msg.msg_flags & MSG_CTRUNC);
}

void handoff_close_fds(struct handoff_packet *packet)
{
	while (packet->fds_len > 0)
		close(packet->fds[--packet->fds_len]);
}

int handoff_send(int fd, const void *packet, size_t len, int pass)
{
	union {
		struct cmsghdr header;
		char bytes[CMSG_SPACE(sizeof(int))];
	} control = { 0 };
	struct iovec iov = { .iov_base = (void *)(uintptr_t)packet, .iov_len = len };
	struct msghdr msg = { .msg_iov = &iov, .msg_iovlen = 1 };
	ssize_t n;

	if (pass >= 0) {
		control.header.cmsg_level = SOL_SOCKET;
		control.header.cmsg_type = SCM_RIGHTS;
		control.header.cmsg_len = CMSG_LEN(sizeof(int));
		memcpy(CMSG_DATA(&control.header), &pass, sizeof(pass));
		msg.msg_control = &control;
		msg.msg_controllen = sizeof(control);
	}
	do {
		n = sendmsg(fd, &msg, MSG_DONTWAIT | MSG_NOSIGNAL);
	} while (n < 0 && errno == EINTR);
	return n < 0 ? -errno : 0;
}
