/* SPDX-License-Identifier: MIT */
#include "tests/bench/ktls-bench/link.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/sendfile.h>
#include <sys/socket.h>
#include <unistd.h>

#include "lib/netlink/path.h"

#define PIPE_BYTES (1 << 20)
#define FILE_BYTES (64 * 1024) /* read at once by who makes records itself */

static const struct link_ops *const ops_of[MODES] = {
	[MODE_TCP] = &link_tcp,   [MODE_USER] = &link_user, [MODE_LIBSSL] = &link_libssl,
	[MODE_SW] = &link_kernel, [MODE_HW] = &link_kernel, [MODE_HW_ZC] = &link_kernel,
};

int link_fail(struct link_maker *maker, const char *format, ...)
{
	va_list args;

	if (maker->failed[0] != '\0')
		return -1;
	va_start(args, format);
	vsnprintf(maker->failed, sizeof(maker->failed), format, args);
	va_end(args);
	return -1;
}

int link_maker_init(struct link_maker *maker)
{
	const char *text;

	maker->buffer = malloc(LINK_READ);
	if (!maker->buffer)
		return link_fail(maker, "out of memory");
	if (mode_is_kernel(maker->plan->mode) && netlink_paths_open(&maker->paths) != 0)
		maker->paths = NULL;
	if (maker->plan->mode == MODE_TCP || maker->plan->daemon)
		return 0;
	text = loaded_init(&maker->loaded, maker->credentials);
	return text ? link_fail(maker, "%s", text) : 0;
}

int link_open(struct link *link, struct link_maker *maker, int fd)
{
	const int on = 1;

	*link = (struct link){ .fd = fd, .maker = maker, .pipe = { -1, -1 } };
	link->ops = maker->plan->daemon ? &link_daemon : ops_of[maker->plan->mode];
	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
	if (link->ops->open(link) < 0)
		return -1;
	if (mode_is_kernel(maker->plan->mode))
		link_ask(link);
	return 0;
}

int link_start(struct link *link)
{
	int flags = fcntl(link->fd, F_GETFL);

	if (flags >= 0 && fcntl(link->fd, F_SETFL, flags | O_NONBLOCK) == 0)
		return 0;
	return link_fail(link->maker, "O_NONBLOCK: %m");
}

void link_close(struct link *link)
{
	if (link->ops && link->ops->close)
		link->ops->close(link);
	for (int i = 0; i < 2; i++)
		if (link->pipe[i] >= 0)
			close(link->pipe[i]);
	if (link->fd >= 0)
		close(link->fd);
	*link = (struct link){ .fd = -1, .pipe = { -1, -1 } };
}

int link_finish(struct link *link)
{
	int r = link->ops->flush ? link->ops->flush(link) : 0;

	if (r < 0)
		return r;
	if (link->ops->finish)
		return link->ops->finish(link);
	return shutdown(link->fd, SHUT_WR) < 0 ? -errno : 0;
}

/* ---- files ------------------------------------------------------------------------------------
 */

static int make_pipe(struct link *link)
{
	if (pipe2(link->pipe, O_CLOEXEC | O_NONBLOCK) < 0)
		return -errno;
	/* Users without rights get less. */
	(void)fcntl(link->pipe[1], F_SETPIPE_SZ, PIPE_BYTES);
	return 0;
}

/* What the pipe holds goes first: it has been counted as sent when it left the pipe only. */
static ssize_t send_spliced(struct link *link, int file, off_t at, size_t len)
{
	ssize_t n = link->pipe[0] < 0 ? make_pipe(link) : 0;
	off_t from = at;

	if (n < 0)
		return n;
	if (link->ops->maintain)
		n = link->ops->maintain(link);
	if (n < 0)
		return n;
	if (link->piped == 0) {
		n = splice(file, &from, link->pipe[1], NULL, len, SPLICE_F_NONBLOCK);
		if (n <= 0)
			return n < 0 ? -errno : -EIO;
		link->piped = (size_t)n;
	}
	n = splice(link->pipe[0], NULL, link->fd, NULL, link->piped, SPLICE_F_NONBLOCK);
	if (n <= 0)
		return n < 0 ? -errno : -EIO;
	link->piped -= (size_t)n;
	return n;
}

/* Who makes records itself reads the file, as a server without sendfile() does. */
static ssize_t send_read(struct link *link, int file, off_t at, size_t len)
{
	ssize_t n = link->ops->flush(link);

	if (n < 0)
		return n;
	n = pread(file, link->maker->buffer, len < FILE_BYTES ? len : FILE_BYTES, at);
	if (n <= 0)
		return n < 0 ? -errno : -EIO;
	return link->ops->send(link, link->maker->buffer, (size_t)n, false);
}

ssize_t link_send_file(struct link *link, int file, const uint8_t *content, off_t at, size_t len,
		       enum pattern pattern)
{
	ssize_t n;

	if (pattern != PATTERN_SENDFILE && pattern != PATTERN_SPLICE)
		return link->ops->send(link, content + at, len, false);
	if (link->ops->own_records)
		return send_read(link, file, at, len);
	if (pattern == PATTERN_SPLICE)
		return send_spliced(link, file, at, len);
	if (link->ops->send_file)
		return link->ops->send_file(link, file, at, len);
	n = sendfile(link->fd, file, &at, len);
	return n < 0 ? -errno : n == 0 ? -EIO : n;
}
