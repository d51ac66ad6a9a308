/* SPDX-License-Identifier: MIT */
/*
 * How a connection begins: TCP's, then the handshake, within one deadline and within the program's
 * call. Signals do not end it; a program that jumps out of it by one leaves nothing locked, for
 * the struct ktls is this call's own.
 */
#include <errno.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <string.h>

#include "lib/run/run.h"

#define GRACE_MS 3000 /* for ktlsd to say that the deadline is over */

static const char *socket_path(void)
{
	return run_rules.socket[0] ? run_rules.socket : NULL;
}

/* ---- new keys, later ------------------------------------------------------------------------- */

static pthread_mutex_t service_lock = PTHREAD_MUTEX_INITIALIZER;
static struct ktls *service;

struct ktls *run_service(void)
{
	sigset_t all, before;
	struct ktls *k;

	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	pthread_mutex_lock(&service_lock);
	if (!service)
		service = ktls_open(socket_path(), NULL);
	k = service;
	pthread_mutex_unlock(&service_lock);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	return k;
}

/* The parent's is left as it is: its descriptors are closed, and its memory is no matter. */
void run_connect_forget(void)
{
	pthread_mutex_init(&service_lock, NULL);
	service = NULL;
}

/* ---- a connection --------------------------------------------------------------------------- */

/* Half of what the header asks for (ktls_maintain()): two threads may count past each other. */
#define SENDS_MAX  (UINT64_C(1) << 21)
#define SENT_MAX   (UINT64_C(8) << 30)
#define RECORD_LEN 16384

static uint64_t least(uint64_t a, uint64_t b)
{
	return a < b ? a : b;
}

/* A call makes a record and more, where it sends much. records-per-key may be few. */
static void count_from(struct run_file *file, uint64_t records_max)
{
	uint64_t most = records_max > 0 ? records_max / 16 : SENDS_MAX;

	file->sends_max = least(most, SENDS_MAX);
	file->sent_max = least(most, SENT_MAX / RECORD_LEN) * RECORD_LEN;
}

static void address_keep(const struct sockaddr *from, struct sockaddr_in6 *to)
{
	if (from)
		(void)run_address_from(from, sizeof(struct sockaddr_in6), to);
}

/* What this kernel gets wrong. Where nobody tells, it might. */
static void find_faults(struct run_file *file)
{
	struct ktls *k = run_service();
	struct ktls_info info = { 0 };

	if (file->relayed)
		return;
	if (k)
		ktls_get_info(k, &info);
	file->steady = !(info.capabilities & KTLS_CAN_INTERRUPT);
	file->staged = !(info.capabilities & KTLS_CAN_SPLICE);
}

bool run_connected(int fd, const struct ktls_reply *reply, const struct run_told *told, bool client)
{
	struct run_file *file = run_file_new(RUN_STREAM);
	bool done;

	if (!file)
		return false;
	file->client = client;
	file->relayed = reply->tx == KTLS_STATE_RELAY;
	if (file->relayed)
		run_told_keep(file, fd, told);
	find_faults(file);
	count_from(file, reply->records_max);
	address_keep(reply->peer, &file->peer);
	address_keep(reply->local, &file->local);
	file->session = ktls_session_new(file->relayed ? NULL : run_service(), reply);
	done = file->session && run_set(fd, file);
	run_put(file);
	return done;
}

/* ---- TCP ----------------------------------------------------------------------------------- */

static int left_until(int64_t until)
{
	int64_t left = until - run_now_ms();

	return left > 0 ? (int)left : 0;
}

/* Until it is ready; 0 or a negative errno. */
static int wait_for(int fd, short events, int64_t until)
{
	struct pollfd wait = { .fd = fd, .events = events };
	int ret;

	do {
		ret = REAL(poll)(&wait, 1, left_until(until));
	} while (ret < 0 && errno == EINTR);
	if (ret < 0)
		return -errno;
	return ret == 0 ? -ETIMEDOUT : 0;
}

/* No longer under way, whatever the program does with the socket. */
static void give_up(int fd)
{
	static const struct sockaddr none = { .sa_family = AF_UNSPEC };

	(void)!REAL(connect)(fd, &none, sizeof(none));
}

static int tcp_wait(int fd, int64_t until)
{
	socklen_t len = sizeof(int);
	int error = 0, ret = wait_for(fd, POLLOUT, until);

	if (ret < 0) {
		give_up(fd);
		return ret;
	}
	if (REAL(getsockopt)(fd, SOL_SOCKET, SO_ERROR, &error, &len) < 0)
		return -errno;
	return -error;
}

/* The socket is non-blocking. A connection that waits for the first data is no good here. */
static int tcp_connect(int fd, const struct sockaddr_in6 *address, int64_t until)
{
	const socklen_t len =
		address->sin6_family == AF_INET ? sizeof(struct sockaddr_in) : sizeof(*address);
	const int off = 0;

	(void)!REAL(setsockopt)(fd, IPPROTO_TCP, TCP_FASTOPEN_CONNECT, &off, sizeof(off));
	if (REAL(connect)(fd, (const struct sockaddr *)address, len) == 0)
		return 0;
	return errno == EINPROGRESS || errno == EALREADY ? tcp_wait(fd, until) : -errno;
}

/* ---- the handshake --------------------------------------------------------------------------- */

static int collect(struct ktls *k, int64_t until, struct ktls_reply **reply)
{
	int ret = ktls_collect(k, reply);

	while (ret == -EAGAIN) {
		ret = wait_for(ktls_fd(k), POLLIN, until);
		if (ret == 0)
			ret = ktls_collect(k, reply);
	}
	return ret;
}

static int shake_hands(struct ktls *k, int fd, const struct ktls_params *params,
		       struct ktls_reply **reply)
{
	int ret = ktls_start(k, fd, params, NULL);

	return ret < 0 ? ret : collect(k, run_now_ms() + params->deadline_ms + GRACE_MS, reply);
}

static int judge(int fd, const struct ktls_params *params, const struct ktls_reply *reply,
		 const struct run_told *told)
{
	if (reply->reason != KTLS_OK) {
		run_say("connecting to %s: %s", params->server_name, reply->text);
		return -run_errno_of(reply->reason);
	}
	if (!run_connected(fd, reply, told, true))
		return -ENOMEM;
	run_tell("connected to %s: %s, %s, records by %s", params->server_name,
		 ktls_version_name(reply->version), ktls_suite_name(reply->suite),
		 ktls_state_name(reply->tx));
	return 0;
}

static int tls_connect(int fd, const struct ktls_params *params)
{
	struct ktls_error error;
	struct ktls_reply *reply;
	struct ktls *k = ktls_open(socket_path(), &error);
	struct run_told told;
	int ret;

	if (!k) {
		run_say("connecting to %s: %s", params->server_name, error.text);
		return -run_errno_of(error.reason);
	}
	run_told_read(fd, &told);
	ret = shake_hands(k, fd, params, &reply);
	if (ret == 0) {
		ret = judge(fd, params, reply, &told);
		ktls_reply_free(reply);
	}
	ktls_close(k);
	return ret;
}

/* The name that the certificate is to have. */
static const char *expected(const struct sockaddr_in6 *address, const char *name,
			    char text[static INET6_ADDRSTRLEN])
{
	const struct run_rule *rule = run_rules_find(&run_rules, RUN_RULE_NAME, address, NULL);

	if (name)
		return name;
	if (rule)
		return rule->what;
	run_address_text(address, text);
	return text;
}

static int connect_both(int fd, const struct run_rule *rule, const struct sockaddr_in6 *address,
			const char *name)
{
	char text[INET6_ADDRSTRLEN];
	struct ktls_params params = { .role = KTLS_CLIENT,
				      .records = run_rules.records,
				      .profile = rule->what };
	int64_t until = run_now_ms() + run_rules.deadline_ms;
	int ret = tcp_connect(fd, address, until);

	if (ret < 0)
		return ret;
	params.server_name = expected(address, name, text);
	params.deadline_ms = (uint32_t)left_until(until) + 1;
	ret = tls_connect(fd, &params);
	/* A program that does not look is not to go on in the clear. */
	if (ret < 0)
		(void)!REAL(shutdown)(fd, SHUT_RDWR);
	return ret;
}

/* What stands behind the number may be another socket then; its flags are to be the same. */
int run_connect(int fd, const struct run_rule *rule, const struct sockaddr_in6 *address,
		const char *name)
{
	int flags = REAL(fcntl)(fd, F_GETFL), close_on_exec = REAL(fcntl)(fd, F_GETFD);
	struct run_watches watches;
	int ret;

	if (flags < 0)
		return run_fail(EBADF);
	run_watches_take(fd, &watches);
	REAL(fcntl)(fd, F_SETFL, flags | O_NONBLOCK);
	ret = connect_both(fd, rule, address, name);
	REAL(fcntl)(fd, F_SETFL, flags);
	REAL(fcntl)(fd, F_SETFD, close_on_exec);
	run_watches_restore(fd, &watches);
	return ret < 0 ? run_fail(-ret) : 0;
}
