/* SPDX-License-Identifier: MIT */
/* The calls of ktls.h that start and collect handshakes, for every backend; see ops.h. */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "lib/handoff/ops.h"
#include "lib/handoff/relayed.h"
#include "lib/handoff/reply.h"

#define BUCKETS_FIRST 64

/* ---- calls in flight, by id --------------------------------------------------------------------
 */

static struct ktls_call **bucket_of(struct ktls *k, uint64_t id)
{
	return &k->buckets[id & (k->buckets_len - 1)];
}

/* Ids follow one another, so they fill the buckets evenly. Without memory the chains get longer. */
static void buckets_grow(struct ktls *k)
{
	struct ktls_call **old = k->buckets, *call;
	size_t old_len = k->buckets_len;
	struct ktls_call **buckets = calloc(old_len * 2, sizeof(struct ktls_call *));

	if (!buckets)
		return;
	k->buckets = buckets;
	k->buckets_len = old_len * 2;
	for (size_t i = 0; i < old_len; i++) {
		while (old[i]) {
			call = old[i];
			old[i] = call->next;
			call->next = *bucket_of(k, call->id);
			*bucket_of(k, call->id) = call;
		}
	}
	free(old);
}

static void call_insert(struct ktls *k, struct ktls_call *call)
{
	if (k->in_flight >= k->buckets_len * 2)
		buckets_grow(k);
	call->next = *bucket_of(k, call->id);
	*bucket_of(k, call->id) = call;
	k->in_flight++;
}

static void call_remove(struct ktls *k, struct ktls_call *call)
{
	struct ktls_call **at = bucket_of(k, call->id);

	while (*at != call)
		at = &(*at)->next;
	*at = call->next;
	call->next = NULL;
	k->in_flight--;
}

struct ktls_call *ktls_call_find(struct ktls *k, uint64_t id)
{
	struct ktls_call *call = *bucket_of(k, id);

	while (call && call->id != id)
		call = call->next;
	return call;
}

/* ---- calls that are done ------------------------------------------------------------------------
 */

static void event_raise(int fd)
{
	/* It fails only where the counter is full, and then the event is raised anyhow. */
	(void)!eventfd_write(fd, 1);
}

static void event_clear(int fd)
{
	eventfd_t count;

	(void)!eventfd_read(fd, &count);
}

static void done_push(struct ktls *k, struct ktls_call *call)
{
	if (!k->done_head)
		event_raise(k->ready);
	*k->done_tail = call;
	k->done_tail = &call->next;
}

static struct ktls_call *done_pop(struct ktls *k)
{
	struct ktls_call *call = k->done_head;

	if (!call)
		return NULL;
	k->done_head = call->next;
	call->next = NULL;
	if (!k->done_head) {
		k->done_tail = &k->done_head;
		event_clear(k->ready);
	}
	return call;
}

bool ktls_call_relayed(const struct ktls_call *call, const struct handoff_reply *facts)
{
	return facts->descriptor == HANDOFF_FD_RELAYED && facts->reason == KTLS_OK &&
	       call->number >= 0;
}

/* What the number is now, if it is anything. */
static ino_t socket_of(int number)
{
	struct stat st;

	return fstat(number, &st) == 0 ? st.st_ino : 0;
}

/*
 * In this process, and before anybody sees the reply: so that from the reply on the number is the
 * connection. Who has closed it meanwhile has given up the connection, and what has got the number
 * since is not to be touched.
 */
static void put_relayed(struct ktls_call *call, int fd)
{
	int err = -EBADF;

	if (socket_of(call->number) == call->socket)
		err = relayed_put(fd, call->number);
	else
		close(fd);
	if (err == 0)
		return;
	call->reply.reason = err == -EBADF ? KTLS_R_SOCKET_NOT_SOCKET : KTLS_R_NO_MEMORY;
	call->reply.text = ktls_reason_text(call->reply.reason);
	call->reply.tx = KTLS_STATE_NONE;
	call->reply.rx = KTLS_STATE_NONE;
}

void ktls_call_done(struct ktls *k, struct ktls_call *call, const struct handoff_reply *facts,
		    int fd)
{
	bool relayed = fd >= 0 && ktls_call_relayed(call, facts);

	call_remove(k, call);
	ktls_reply_set(call, facts, relayed ? -1 : fd);
	if (relayed)
		put_relayed(call, fd);
	if (call->dropped) {
		ktls_reply_free(&call->reply);
		return;
	}
	call->done = true;
	if (!call->waited) {
		done_push(k, call);
		return;
	}
	pthread_cond_broadcast(&k->changed);
	if (k->polling)
		event_raise(k->wake);
}

struct ktls_call *ktls_call_make(const struct ktls_call *call, const struct handoff_reply *facts,
				 int fd, uint64_t from)
{
	struct ktls_call *one = calloc(1, sizeof(*one));

	if (!one)
		return NULL;
	ktls_reply_init(one, call->id, call->reply.arg);
	ktls_reply_set(one, facts, fd);
	one->from = from;
	one->done = true;
	return one;
}

void ktls_call_push(struct ktls *k, struct ktls_call *call)
{
	call->next = NULL;
	done_push(k, call);
}

void ktls_call_failed(struct ktls *k, struct ktls_call *call, enum ktls_reason reason)
{
	struct handoff_reply facts = { .reason = (uint16_t)reason };

	ktls_call_done(k, call, &facts, -1);
}

/* ---- setting up and taking down ------------------------------------------------------------ */

static int watch(int epoll, int fd)
{
	struct epoll_event event = { .events = EPOLLIN };

	return epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &event);
}

static bool base_open(struct ktls *k)
{
	k->events = epoll_create1(EPOLL_CLOEXEC);
	k->pollable = epoll_create1(EPOLL_CLOEXEC);
	k->ready = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	k->wake = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (k->events < 0 || k->pollable < 0 || k->ready < 0 || k->wake < 0)
		return false;
	return watch(k->pollable, k->events) == 0 && watch(k->pollable, k->ready) == 0;
}

static void close_if_open(int fd)
{
	if (fd >= 0)
		close(fd);
}

static void base_close(struct ktls *k)
{
	close_if_open(k->events);
	close_if_open(k->pollable);
	close_if_open(k->ready);
	close_if_open(k->wake);
}

/* Waiting is by the monotonic clock. */
static void changed_init(struct ktls *k)
{
	pthread_condattr_t attr;

	pthread_condattr_init(&attr);
	pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
	pthread_cond_init(&k->changed, &attr);
	pthread_condattr_destroy(&attr);
}

int ktls_base_init(struct ktls *k, const struct ktls_ops *ops)
{
	int error;

	k->ops = ops;
	k->done_tail = &k->done_head;
	k->buckets_len = BUCKETS_FIRST;
	k->buckets = calloc(k->buckets_len, sizeof(struct ktls_call *));
	if (!k->buckets)
		return -ENOMEM;
	if (!base_open(k)) {
		error = errno;
		base_close(k);
		free(k->buckets);
		return -error;
	}
	pthread_mutex_init(&k->lock, NULL);
	changed_init(k);
	return 0;
}

void ktls_base_wipe(struct ktls *k)
{
	struct ktls_call *call;

	for (size_t i = 0; i < k->buckets_len; i++) {
		while (k->buckets[i]) {
			call = k->buckets[i];
			call_remove(k, call);
			ktls_reply_free(&call->reply);
		}
	}
	for (call = done_pop(k); call; call = done_pop(k))
		ktls_reply_free(&call->reply);
	free(k->buckets);
	base_close(k);
	pthread_cond_destroy(&k->changed);
	pthread_mutex_destroy(&k->lock);
}

void ktls_close(struct ktls *k)
{
	if (!k)
		return;
	k->ops->close(k);
	ktls_base_wipe(k);
	free(k);
}

void ktls_get_info(struct ktls *k, struct ktls_info *info)
{
	pthread_mutex_lock(&k->lock);
	*info = k->info;
	pthread_mutex_unlock(&k->lock);
}

/* ---- handshakes ---------------------------------------------------------------------------- */

void ktls_call_begin(struct ktls *k, struct ktls_call *call, void *arg)
{
	ktls_reply_init(call, ++k->last_id, arg);
	call_insert(k, call);
}

void ktls_call_undo(struct ktls *k, struct ktls_call *call)
{
	call_remove(k, call);
	free(call);
}

static int call_start(struct ktls *k, struct ktls_call *call, int fd,
		      struct handoff_request *request, void *arg)
{
	int ret;

	ktls_call_begin(k, call, arg);
	request->id = call->id;
	ret = k->ops->start(k, call, fd, request);
	if (ret < 0)
		ktls_call_undo(k, call);
	return ret;
}

/*
 * With the lock released; it is held when this returns 0, whose call may be done already. listen is
 * 0 but for listening sockets.
 */
static int start(struct ktls *k, int fd, const struct ktls_params *params, bool waited,
		 uint16_t listen, struct ktls_call **out)
{
	uint8_t alpn[KTLS_ALPN_MAX];
	struct handoff_request request;
	struct ktls_call *call;
	int ret = ktls_params_to_request(params, alpn, &request);

	if (ret < 0)
		return ret;
	if (fcntl(fd, F_GETFD) < 0)
		return -EBADF;
	call = calloc(1, sizeof(*call));
	if (!call)
		return -ENOMEM;
	call->waited = waited;
	call->listens = listen > 0;
	request.listen = listen;
	call->number = -1;
	if (request.records == KTLS_RECORDS_PREFER_KERNEL && !call->listens) {
		call->number = fd;
		call->socket = socket_of(fd);
	}
	pthread_mutex_lock(&k->lock);
	ret = call_start(k, call, fd, &request, params->arg);
	if (ret < 0) {
		pthread_mutex_unlock(&k->lock);
		return ret;
	}
	*out = call;
	return 0;
}

static int start_only(struct ktls *k, int fd, const struct ktls_params *params, uint16_t listen,
		      uint64_t *id)
{
	struct ktls_call *call;
	int ret = start(k, fd, params, false, listen, &call);

	if (ret < 0)
		return ret;
	if (id)
		*id = call->id;
	pthread_mutex_unlock(&k->lock);
	return 0;
}

int ktls_start(struct ktls *k, int fd, const struct ktls_params *params, uint64_t *id)
{
	return start_only(k, fd, params, 0, id);
}

int ktls_listen(struct ktls *k, int fd, const struct ktls_params *params, unsigned int backlog,
		uint64_t *id)
{
	if (!params || params->role != KTLS_SERVER || params->received_len > 0 || backlog == 0 ||
	    backlog > KTLS_BACKLOG_MAX)
		return -EINVAL;
	return start_only(k, fd, params, (uint16_t)backlog, id);
}

/* For so many milliseconds at most, -1: for ever. The lock is released meanwhile. */
static void poll_events(struct ktls *k, int timeout)
{
	struct pollfd fds[] = { { .fd = k->events, .events = POLLIN },
				{ .fd = k->wake, .events = POLLIN } };

	k->polling = true;
	pthread_mutex_unlock(&k->lock);
	(void)poll(fds, 2, timeout);
	pthread_mutex_lock(&k->lock);
	k->polling = false;
	event_clear(k->wake);
}

static void wait_for_change(struct ktls *k, int64_t until)
{
	const struct timespec t = { .tv_sec = until / 1000, .tv_nsec = until % 1000 * 1000000 };

	if (until)
		pthread_cond_timedwait(&k->changed, &k->lock, &t);
	else
		pthread_cond_wait(&k->changed, &k->lock);
}

/*
 * Of the threads that wait, one polls for all. When it stops, for its own call is done, it wakes
 * the others, of which another takes its place.
 */
bool ktls_call_wait(struct ktls *k, const struct ktls_call *call, int64_t until)
{
	int64_t now = 0;

	while (!call->done) {
		if (until)
			now = now_ms();
		if (until && now >= until)
			break;
		if (k->polling) {
			wait_for_change(k, until);
			continue;
		}
		poll_events(k, until ? (int)(until - now) : -1);
		k->ops->run(k);
	}
	pthread_cond_broadcast(&k->changed);
	return call->done;
}

int ktls_handshake(struct ktls *k, int fd, const struct ktls_params *params,
		   struct ktls_reply **reply)
{
	struct ktls_call *call;
	int ret = start(k, fd, params, true, 0, &call);

	if (ret < 0)
		return ret;
	(void)ktls_call_wait(k, call, 0);
	pthread_mutex_unlock(&k->lock);
	*reply = &call->reply;
	return 0;
}

int ktls_fd(const struct ktls *k)
{
	return k->pollable;
}

int ktls_collect(struct ktls *k, struct ktls_reply **reply)
{
	struct ktls_call *call;

	pthread_mutex_lock(&k->lock);
	if (!k->done_head)
		k->ops->run(k);
	call = done_pop(k);
	if (call && call->reply.more)
		k->ops->collected(k, call);
	pthread_mutex_unlock(&k->lock);
	if (!call)
		return -EAGAIN;
	*reply = &call->reply;
	return 0;
}

int ktls_cancel(struct ktls *k, uint64_t id)
{
	struct ktls_call *call;

	pthread_mutex_lock(&k->lock);
	call = ktls_call_find(k, id);
	if (call)
		k->ops->cancel(k, call);
	pthread_mutex_unlock(&k->lock);
	return call ? 0 : -ENOENT;
}
