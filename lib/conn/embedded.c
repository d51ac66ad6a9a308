/* SPDX-License-Identifier: MIT */
/*
 * The backend of a struct ktls that performs the handshakes in the calling process: see
 * lib/handoff/ops.h. What ktlsd does for itself is left out: nothing is closed in other threads,
 * for the descriptors are the application's own.
 */
#include "lib/conn/embedded.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "lib/conn/credentials.h"
#include "lib/conn/embedded_listen.h"
#include "lib/conn/embedded_relay.h"
#include "lib/conn/own_seals.h"
#include "lib/conn/relay_tickets.h"
#include "lib/conn/reply.h"
#include "lib/conn/router.h"
#include "lib/conn/sealing_keys.h"
#include "lib/crypto/util.h"
#include "lib/handoff/ops.h"
#include "lib/ktls/probe.h"
#include "lib/relay/thread.h"

#define HANDSHAKES_DEFAULT 1024
#define POOL_PER_HANDSHAKE 8192 /* bytes, on average; few need any */
#define POOL_MIN           (256 * 1024)
#define SESSIONS           1024 /* of clients, to be resumed */
#define SESSIONS_BYTES     (2 << 20)

struct embedded {
	struct ktls base; /* first */
	struct conn_loop *loop;
	struct credentials credentials;
	struct own_seals *seals;
	struct own_router *router; /* NULL: nobody looks at devices */
	struct embedded_relays relays;
	uint16_t suites[CONN_SUITES_MAX]; /* that the kernel has */
	size_t suites_len;
	bool kernel_lacks;           /* all of them */
	struct embedded_call *calls; /* in flight */
	struct embedded_listenings listenings;
	int key_log; /* file of secrets, -1: none */
};

/* A call's impl. */
struct embedded_call {
	struct embedded *embedded;
	struct ktls_call *call;
	struct conn *conn;
	int fd; /* a duplicate: a number that the application closes too early may be reused */
	struct embedded_call *next, **link;
};

static struct embedded *embedded_of(struct ktls *k)
{
	return (struct embedded *)k;
}

/* ---- calls ----------------------------------------------------------------------------------- */

static struct embedded_call *impl_new(struct embedded *e, struct ktls_call *call, int fd)
{
	struct embedded_call *impl = malloc(sizeof(*impl));

	if (!impl)
		return NULL;
	*impl = (struct embedded_call){
		.embedded = e, .call = call, .fd = fd, .next = e->calls, .link = &e->calls
	};
	if (impl->next)
		impl->next->link = &impl->next;
	e->calls = impl;
	return impl;
}

static void impl_free(struct embedded_call *impl)
{
	*impl->link = impl->next;
	if (impl->next)
		impl->next->link = impl->link;
	if (impl->fd >= 0)
		close(impl->fd);
	free(impl);
}

static void on_done(void *arg, const struct conn_result *result)
{
	struct embedded_call *impl = arg;
	struct ktls_call *call = impl->call;
	struct ktls *k = &impl->embedded->base;
	struct handoff_reply reply;
	struct conn_carried room;
	int fd = -1;

	conn_reply(result, &reply);
	if (result->carry) {
		fd = embedded_carry(&impl->embedded->relays, result, &room, &reply);
		impl->fd = -1;
	}
	impl_free(impl);
	ktls_call_done(k, call, &reply, fd);
}

static struct conn_request conn_request_of(const struct embedded *e,
					   const struct handoff_request *request)
{
	return (struct conn_request){
		.role = (enum ktls_role)request->role,
		.profile = &e->credentials.profile,
		.server_name = request->server_name[0] ? request->server_name : NULL,
		.alpn = request->alpn.bytes,
		.alpn_len = request->alpn.len,
		.timeout_ms = request->deadline_ms,
		.preread = request->received.bytes,
		.preread_len = request->received.len,
		.exports = request->exports,
		.exports_len = request->exports_len,
		.bindings = request->bindings,
		.hardware = (enum ktls_hardware)request->hardware,
		.zerocopy = request->flags & KTLS_TX_ZEROCOPY,
		.records = request->records == KTLS_RECORDS_PREFER_KERNEL ? CONN_PREFER_KERNEL
									  : CONN_KERNEL,
	};
}

static int check(const struct handoff_request *request)
{
	int r = handoff_request_check(request);

	if (r == 0 && strcmp(request->profile, "default") != 0)
		r = -KTLS_R_PROFILE_UNKNOWN;
	return r;
}

static int begin(struct embedded_call *impl, const struct handoff_request *request)
{
	struct conn_request conn = conn_request_of(impl->embedded, request);
	int r = check(request);

	conn.fd = impl->fd;
	conn.done = on_done;
	conn.arg = impl;
	return r < 0 ? r : conn_start(impl->embedded->loop, &conn, &impl->conn);
}

static int admit(void *arg, const char *profile, enum ktls_role role,
		 const struct conn_profile **out)
{
	const struct embedded_call *impl = arg;

	(void)role;
	if (strcmp(profile, "default") != 0)
		return -KTLS_R_PROFILE_UNKNOWN;
	*out = &impl->embedded->credentials.profile;
	return 0;
}

/* ---- tickets of relayed clients -------------------------------------------------------------- */

static int admit_ticket(void *arg, const char *profile, enum ktls_role role,
			const struct conn_profile **out)
{
	const struct embedded_call of = { .embedded = arg };

	return admit((void *)(uintptr_t)&of, profile, role, out);
}

static void ticket_done(void *arg, const struct conn_result *result)
{
	(void)arg;
	(void)result;
}

static void keep_tickets(struct embedded *e)
{
	const struct conn_service_request how = { .admit = admit_ticket,
						  .done = ticket_done,
						  .arg = e };

	relay_tickets_keep(e->relays.tickets, e->loop, &how);
}

/* ---- services -------------------------------------------------------------------------------- */

static int begin_service(struct embedded_call *impl, const struct handoff_service *service)
{
	const struct conn_service_request conn = {
		.fd = impl->fd,
		.session = service->session,
		.ticket = service->ticket,
		.renew = service->renew,
		.timeout_ms = service->deadline_ms,
		.admit = admit,
		.done = on_done,
		.arg = impl,
	};

	return conn_service_start(impl->embedded->loop, &conn, &impl->conn);
}

/* A duplicate, and what is known of the call; NULL with *error a negative errno. */
static struct embedded_call *prepare(struct ktls *k, struct ktls_call *call, int fd, int *error)
{
	int copy = fcntl(fd, F_DUPFD_CLOEXEC, 0);
	struct embedded_call *impl;

	if (copy < 0) {
		*error = -errno;
		return NULL;
	}
	impl = impl_new(embedded_of(k), call, copy);
	if (!impl) {
		close(copy);
		*error = -ENOMEM;
	}
	call->impl = impl;
	return impl;
}

static void refuse(struct embedded_call *impl, int reason)
{
	struct ktls *k = &impl->embedded->base;
	struct ktls_call *call = impl->call;

	impl_free(impl);
	ktls_call_failed(k, call, (enum ktls_reason)(-reason));
}

static int listen_on(struct embedded *e, struct ktls_call *call, int fd,
		     const struct handoff_request *request)
{
	const struct conn_request conn = conn_request_of(e, request);
	int r = check(request);

	/* Else each connection would be told that, and nobody would hear of it. */
	if (r == 0 && e->kernel_lacks && conn.records == CONN_KERNEL)
		r = -KTLS_R_KERNEL_NO_TLS;
	if (r == 0)
		return embedded_listen_start(&e->listenings, call, fd, &conn, request->listen);
	ktls_call_failed(&e->base, call, (enum ktls_reason)(-r));
	return 0;
}

static int embedded_start(struct ktls *k, struct ktls_call *call, int fd,
			  const struct handoff_request *request)
{
	struct embedded_call *impl;
	int error = 0, r;

	if (call->listens)
		return listen_on(embedded_of(k), call, fd, request);
	keep_tickets(embedded_of(k));
	impl = prepare(k, call, fd, &error);
	r = impl ? begin(impl, request) : 0;
	if (r < 0)
		refuse(impl, r);
	return error;
}

static int embedded_service(struct ktls *k, struct ktls_call *call, int fd,
			    const struct handoff_service *service)
{
	int error = 0;
	struct embedded_call *impl = prepare(k, call, fd, &error);
	int r = impl ? begin_service(impl, service) : 0;

	if (r < 0)
		refuse(impl, r);
	return error;
}

static void embedded_cancel(struct ktls *k, struct ktls_call *call)
{
	struct embedded_call *impl = call->impl;

	(void)k;
	if (call->listens) {
		embedded_listen_cancel(call);
		return;
	}
	conn_cancel(impl->conn, KTLS_R_CANCELLED);
}

static void embedded_run(struct ktls *k)
{
	keep_tickets(embedded_of(k));
	conn_loop_run(embedded_of(k)->loop);
	embedded_listen_run(&embedded_of(k)->listenings);
}

static void embedded_collected(struct ktls *k, struct ktls_call *call)
{
	embedded_listen_collected(&embedded_of(k)->listenings, call);
}

/* ---- opening and closing --------------------------------------------------------------------- */

static void embedded_close(struct ktls *k)
{
	struct embedded *e = embedded_of(k);

	conn_loop_free(e->loop);
	embedded_listen_close(&e->listenings);
	while (e->calls)
		impl_free(e->calls);
	credentials_wipe(&e->credentials);
	own_seals_free(e->seals);
	own_router_free(e->router);
	relay_tickets_put(e->relays.tickets);
	relay_thread_free(e->relays.thread);
	if (e->key_log >= 0)
		close(e->key_log);
}

static const struct ktls_ops embedded_ops = {
	.start = embedded_start,
	.service = embedded_service,
	.collected = embedded_collected,
	.cancel = embedded_cancel,
	.run = embedded_run,
	.close = embedded_close,
};

static void ask_kernel(struct embedded *e)
{
	struct ktls_probe probe;

	ktls_probe(KTLS_PROBE_SUITES, &probe);
	e->base.info.capabilities = probe.capabilities;
	e->suites_len = conn_suites(probe.capabilities, e->suites);
	e->kernel_lacks = e->suites_len == 0;
}

/* Without any suite each handshake is told by the kernel itself what is missing. */
static int open_loop(struct embedded *e, uint32_t handshakes_max,
		     const struct conn_kernel_ops *kernel)
{
	size_t max = handshakes_max != 0 ? handshakes_max : HANDSHAKES_DEFAULT;
	struct conn_config config = {
		.handshakes_max = max,
		.pool_max = POOL_MIN + max * POOL_PER_HANDSHAKE,
		.timeout_ms = KTLS_DEADLINE_DEFAULT,
		.sessions_max = SESSIONS,
		.sessions_bytes = SESSIONS_BYTES,
		.suites = e->suites_len > 0 ? e->suites : NULL,
		.suites_len = e->suites_len,
		.expect_no_pad = e->base.info.capabilities & KTLS_CAN_EXPECT_NO_PAD,
		.kernel = kernel,
		.rekey = kernel || (e->base.info.capabilities & KTLS_CAN_REKEY),
		.session_age = SEALING_AGE_S
	};
	struct epoll_event event = { .events = EPOLLIN };
	int r;

	if (e->base.info.capabilities & KTLS_CAN_RECORD_SIZE_LIMIT)
		config.record_size_limit = CONN_RECORD_SIZE;
	e->seals = own_seals_new();
	e->relays.tickets = relay_tickets_new();
	if (!e->seals || !e->relays.tickets)
		return -ENOMEM;
	config.sealer = own_seals_sealer(e->seals);
	e->router = own_router_new();
	config.router = own_router_of(e->router);
	r = conn_loop_new(&config, &e->loop);
	if (r < 0)
		return r;
	e->listenings = (struct embedded_listenings){ &e->base, e->loop, &e->relays, max, NULL };
	r = epoll_ctl(e->base.events, EPOLL_CTL_ADD, conn_loop_fd(e->loop), &event);
	return r < 0 ? -errno : 0;
}

static pthread_once_t crypto_once = PTHREAD_ONCE_INIT;
static int crypto_result;

static void crypto_start(void)
{
	crypto_result = crypto_init();
}

/* A line at a time, so that several programs may write to one file. */
static void log_secret(void *arg, const char *line, size_t len)
{
	const struct embedded *e = arg;

	(void)!write(e->key_log, line, len);
}

/* For nobody but its owner; only where the program says so and somebody has named a file. */
static bool open_key_log(struct embedded *e, struct ktls_error *error)
{
	const char *name = secure_getenv("SSLKEYLOGFILE");

	if (!name)
		return true;
	e->key_log = open(name, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
	if (e->key_log >= 0) {
		conn_loop_log_secrets(e->loop, log_secret, e);
		return true;
	}
	*error = (struct ktls_error){ .reason = KTLS_R_MISUSE, .error = errno };
	snprintf(error->text, sizeof(error->text), "SSLKEYLOGFILE: cannot be opened: errno %d",
		 errno);
	embedded_close(&e->base);
	return false;
}

static bool embedded_set_up(struct embedded *e, const struct ktls_embedded_config *config,
			    const struct conn_kernel_ops *kernel, struct ktls_error *error)
{
	int r;

	if (!credentials_load(config, &e->credentials, error))
		return false;
	if (!kernel)
		ask_kernel(e);
	r = open_loop(e, config->handshakes_max, kernel);
	if (r == 0)
		return !config->key_log || open_key_log(e, error);
	*error = (struct ktls_error){ .reason = r == -EINVAL ? KTLS_R_MISUSE : KTLS_R_NO_MEMORY,
				      .error = -r };
	snprintf(error->text, sizeof(error->text), "cannot wait for sockets: errno %d", -r);
	embedded_close(&e->base);
	return false;
}

static struct embedded *embedded_new(struct ktls_error *error)
{
	struct embedded *e = calloc(1, sizeof(*e));
	int r = e ? ktls_base_init(&e->base, &embedded_ops) : -ENOMEM;

	if (r == 0) {
		e->key_log = -1;
		return e;
	}
	*error = (struct ktls_error){ .reason = KTLS_R_NO_MEMORY, .error = -r };
	snprintf(error->text, sizeof(error->text), "out of memory or descriptors");
	free(e);
	return NULL;
}

struct ktls *embedded_open(const struct ktls_embedded_config *config,
			   const struct conn_kernel_ops *kernel, struct ktls_error *error)
{
	struct ktls_error ignored;
	struct embedded *e;

	if (!error)
		error = &ignored;
	pthread_once(&crypto_once, crypto_start);
	if (crypto_result < 0) {
		*error = (struct ktls_error){ .reason = KTLS_R_INTERNAL,
					      .error = -crypto_result,
					      .text = "no source of random numbers" };
		return NULL;
	}
	e = embedded_new(error);
	if (!e)
		return NULL;
	if (!embedded_set_up(e, config, kernel, error)) {
		ktls_base_wipe(&e->base);
		free(e);
		return NULL;
	}
	e->base.info.workers = 1;
	e->base.info.capabilities |= KTLS_CAN_RELAY;
	snprintf(e->base.info.version, sizeof(e->base.info.version), "%s", KTLS_VERSION);
	return &e->base;
}

struct ktls *ktls_open_embedded(const struct ktls_embedded_config *config, struct ktls_error *error)
{
	return embedded_open(config, NULL, error);
}
