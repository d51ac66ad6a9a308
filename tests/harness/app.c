/* SPDX-License-Identifier: MIT */
#include "tests/harness/app.h"

#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/sendfile.h>
#include <sys/uio.h>
#include <unistd.h>

#include "tests/harness/pattern.h"
#include "tests/harness/peer_records.h"

#define CHUNK_DEFAULT 16384
#define CHUNK_MAX     65536
#define FILE_LEN      ((uint64_t)1 << 20) /* a stretch of the pattern that is sent from a file */

const char *const app_read_names[APP_READS] = {
	[APP_KTLS_RECV] = "ktls_recv()",
	[APP_KTLS_RECVMSG] = "ktls_recvmsg()",
	[APP_READ] = "read()",
	[APP_READV] = "readv()",
	[APP_RECVMSG] = "recvmsg()",
	[APP_SPLICE] = "splice()",
	[APP_KTLS_RECV_POLL] = "ktls_recv(), poll()",
	[APP_READ_POLL] = "read(), poll()",
	[APP_READ_EPOLL_ET] = "read(), epoll, edges",
	[APP_READ_EPOLL_LT] = "read(), epoll, levels",
};

const char *const app_write_names[APP_WRITES] = {
	[APP_KTLS_SEND] = "ktls_send()",         [APP_KTLS_SENDMSG] = "ktls_sendmsg()",
	[APP_KTLS_SENDFILE] = "ktls_sendfile()", [APP_WRITE] = "write()",
	[APP_SENDFILE] = "sendfile()",
};

static void set_blocking(int fd, bool blocking)
{
	int flags = fcntl(fd, F_GETFL);

	if (flags < 0 ||
	    fcntl(fd, F_SETFL, blocking ? flags & ~O_NONBLOCK : flags | O_NONBLOCK) < 0)
		err(1, "fcntl");
}

static void add_to_epoll(struct app *app)
{
	struct epoll_event event = { .events = EPOLLIN };

	if (app->reads == APP_READ_EPOLL_ET)
		event.events |= EPOLLET;
	app->epoll = epoll_create1(EPOLL_CLOEXEC);
	if (app->epoll < 0 || epoll_ctl(app->epoll, EPOLL_CTL_ADD, app->fd, &event) < 0)
		err(1, "epoll");
}

void app_init(struct app *app, struct ktls_session *session, int fd, enum app_reads reads,
	      enum app_writes writes)
{
	*app = (struct app){ .session = session, .fd = fd, .reads = reads, .writes = writes };
	app->epoll = app->pipe[0] = app->pipe[1] = app->file = -1;
	set_blocking(fd, reads < APP_KTLS_RECV_POLL);
	if (reads >= APP_READ_EPOLL_ET)
		add_to_epoll(app);
	if (reads == APP_SPLICE && pipe2(app->pipe, O_CLOEXEC) < 0)
		err(1, "pipe2");
}

static void close_if_open(int fd)
{
	if (fd >= 0)
		close(fd);
}

void app_wipe(struct app *app)
{
	close_if_open(app->epoll);
	close_if_open(app->pipe[0]);
	close_if_open(app->pipe[1]);
	close_if_open(app->file);
}

bool app_wait(const struct app *app, short events)
{
	struct pollfd pfd = { .fd = app->fd, .events = events };
	struct epoll_event event;

	if (app->epoll >= 0 && events == POLLIN)
		return epoll_wait(app->epoll, &event, 1, peer_patience_ms()) > 0;
	return poll(&pfd, 1, peer_patience_ms()) > 0;
}

/* ---- reading -----------------------------------------------------------------------------------
 */

static ssize_t by_splice(struct app *app, void *buf, size_t len)
{
	ssize_t n = splice(app->fd, NULL, app->pipe[1], NULL, len, 0);

	return n > 0 ? read(app->pipe[0], buf, (size_t)n) : n;
}

static ssize_t by_vector(struct app *app, void *buf, size_t len)
{
	struct iovec iov[2] = { { buf, len / 3 }, { (char *)buf + len / 3, len - len / 3 } };
	struct msghdr message = { .msg_iov = iov, .msg_iovlen = 2 };

	if (app->reads == APP_KTLS_RECVMSG)
		return ktls_recvmsg(app->session, app->fd, &message, 0);
	if (app->reads == APP_RECVMSG)
		return recvmsg(app->fd, &message, 0);
	return readv(app->fd, iov, 2);
}

/* Bytes; or as ktls_recover() has it: 0, 1 for "again" is -EINTR here. */
static ssize_t read_plain(struct app *app, void *buf, size_t len)
{
	ssize_t n;
	int r;

	if (app->reads == APP_SPLICE)
		n = by_splice(app, buf, len);
	else if (app->reads == APP_READV || app->reads == APP_RECVMSG)
		n = by_vector(app, buf, len);
	else
		n = read(app->fd, buf, len);
	if (n > 0)
		return n;
	r = ktls_recover(app->session, app->fd, n == 0 ? 0 : errno);
	return r == 1 ? -EINTR : r;
}

static ssize_t read_some(struct app *app, void *buf, size_t len)
{
	switch (app->reads) {
	case APP_KTLS_RECV:
	case APP_KTLS_RECV_POLL:
		return ktls_recv(app->session, app->fd, buf, len, 0);
	case APP_KTLS_RECVMSG:
		return by_vector(app, buf, len);
	default:
		return read_plain(app, buf, len);
	}
}

/* Reads up to EAGAIN before it waits: poll() does not tell of all that is there (Linux 7.2). */
int app_read(struct app *app, uint64_t total)
{
	size_t chunk = app->chunk ? app->chunk : CHUNK_DEFAULT;
	uint8_t buf[CHUNK_MAX];
	ssize_t n;

	while (app->read < total) {
		n = read_some(app, buf, total - app->read < chunk ? total - app->read : chunk);
		if (n == -EAGAIN && !app_wait(app, POLLIN))
			return -ETIMEDOUT;
		if (n == -EAGAIN || n == -EINTR)
			continue;
		if (n <= 0)
			return (int)n;
		app->wrong += (size_t)n - pattern_same(buf, (size_t)n, app->read);
		app->read += (uint64_t)n;
	}
	return 1;
}

/* ---- writing -----------------------------------------------------------------------------------
 */

/*
 * The pattern from offset at on stands in the file at offset at % FILE_LEN. Each stretch has a file
 * of its own: what sendfile() was given may be on its way for long, as pages of the old one.
 */
static void make_file(struct app *app, uint64_t at)
{
	uint8_t bytes[CHUNK_MAX];

	close_if_open(app->file);
	app->file = memfd_create("pattern", MFD_CLOEXEC);
	if (app->file < 0)
		err(1, "memfd_create");
	for (uint64_t done = 0; done < FILE_LEN; done += sizeof(bytes)) {
		pattern_fill(bytes, sizeof(bytes), at + done);
		if (pwrite(app->file, bytes, sizeof(bytes), (off_t)done) != sizeof(bytes))
			err(1, "pwrite");
	}
}

static ssize_t send_file(struct app *app, size_t len)
{
	off_t at = (off_t)(app->written % FILE_LEN);
	ssize_t n;

	if (app->file < 0 || at == 0)
		make_file(app, app->written - (uint64_t)at);
	if (len > FILE_LEN - (uint64_t)at)
		len = (size_t)(FILE_LEN - (uint64_t)at);
	if (app->writes == APP_KTLS_SENDFILE)
		return ktls_sendfile(app->session, app->fd, app->file, &at, len);
	n = sendfile(app->fd, app->file, &at, len);
	return n < 0 ? -errno : n;
}

static ssize_t send_bytes(struct app *app, size_t len)
{
	uint8_t bytes[CHUNK_MAX];
	struct iovec iov[2] = { { bytes, len / 2 }, { bytes + len / 2, len - len / 2 } };
	const struct msghdr message = { .msg_iov = iov, .msg_iovlen = 2 };
	ssize_t n;

	pattern_fill(bytes, len, app->written);
	if (app->writes == APP_KTLS_SEND)
		return ktls_send(app->session, app->fd, bytes, len, 0);
	if (app->writes == APP_KTLS_SENDMSG)
		return ktls_sendmsg(app->session, app->fd, &message, 0);
	n = send(app->fd, bytes, len, MSG_NOSIGNAL);
	return n < 0 ? -errno : n;
}

/* Before data: what a program of plain calls owes to the peer, and updates of its own accord. */
static int prepare(struct app *app)
{
	int r = 0;

	if (app->every > 0 && app->written >= app->every * (app->updates + 1)) {
		r = ktls_update_keys(app->session, app->fd, KTLS_UPDATE_REQUEST);
		if (r == 0)
			app->updates++;
	}
	if (r == 0 && app->writes >= APP_WRITE && ktls_update_owed(app->session))
		r = ktls_maintain(app->session, app->fd);
	return r;
}

int app_write(struct app *app, uint64_t total)
{
	size_t chunk = app->chunk ? app->chunk : CHUNK_DEFAULT, len;
	bool file = app->writes == APP_KTLS_SENDFILE || app->writes == APP_SENDFILE;
	ssize_t n;

	while (app->written < total) {
		len = total - app->written < chunk ? (size_t)(total - app->written) : chunk;
		n = prepare(app);
		if (n == 0)
			n = file ? send_file(app, len) : send_bytes(app, len);
		if (n == -EAGAIN && !app_wait(app, POLLOUT))
			return -ETIMEDOUT;
		if (n == -EAGAIN || n == -EINTR)
			continue;
		if (n <= 0)
			return n == 0 ? -EIO : (int)n;
		app->written += (uint64_t)n;
	}
	return 1;
}
