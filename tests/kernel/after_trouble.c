/* SPDX-License-Identifier: MIT */
/*
 * New keys in spite of everything: replies lost, ktlsd or its worker gone, stopped or begun anew,
 * several threads and processes with one socket, seals that are old, cut or another socket's. The
 * peer sees that no pair of key and sequence number is used twice, and that no byte is lost. Of a
 * relay the same is asked, but that it outlives the end of ktlsd; there it is the peer alone that
 * wishes for new keys.
 */
#include <pthread.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/wait.h>

#include "tests/harness/pattern.h"
#include "tests/harness/proxy.h"
#include "tests/kernel/after.h"
#include "tests/kernel/after_hands.h"

FIXTURE(trouble)
{
	struct after a;
	struct ktls *direct; /* where k goes through a proxy */
	pid_t proxy;
};

FIXTURE_VARIANT(trouble)
{
	enum ktls_role role;
};

FIXTURE_VARIANT_ADD(trouble, server){ KTLS_SERVER };
FIXTURE_VARIANT_ADD(trouble, client){ KTLS_CLIENT };

FIXTURE_SETUP(trouble)
{
	if (after_prepare(&self->a, variant->role, KTLS_TLS_1_3))
		after_daemon(&self->a, "workers = 2\n");
}

FIXTURE_TEARDOWN(trouble)
{
	if (self->proxy)
		proxy_stop(self->proxy);
	ktls_close(self->direct);
	after_teardown(&self->a);
}

/* Where keys cannot be changed there is no service that could get into trouble. */
static bool can(struct after *a)
{
	size_t len;
	uint8_t sealed[KTLS_SESSION_MAX];

	if (!a->ready || a->updates)
		return a->ready;
	after_connect(a, "close-notify, until close-notify");
	len = ktls_session_sealed(a->session, sealed, sizeof(sealed));
	if (a->role == KTLS_SERVER || a->relay)
		EXPECT_EQ(0, len);
	EXPECT_EQ(-EOPNOTSUPP, ktls_update_keys(a->session, a->fd[0], 0));
	EXPECT_EQ(0, ktls_shutdown(a->session, a->fd[0]));
	after_use(a, APP_KTLS_RECV, APP_KTLS_SEND);
	after_end(a);
	return false;
}

/* As can(); or a relay has the records, which can. */
static bool somebody_can(struct after *a)
{
	return (a->ready && a->relay) || can(a);
}

static void connect_for(struct after *a, const char *script)
{
	after_connect(a, script);
	after_use(a, APP_KTLS_RECV, APP_KTLS_SEND);
}

/* Twenty updates that the peer wishes for, and between them, where that can be, twenty of ours. */
#define TO_AND_FRO                                                    \
	"repeat 20 key-update request, send 1000, expect data 1000\n" \
	"close-notify, until close-notify, expect key-updates "
static const char to_and_fro[] = TO_AND_FRO "40", to_and_fro_relayed[] = TO_AND_FRO "20";

static void connect_to_and_fro(struct after *a)
{
	connect_for(a, a->relay ? to_and_fro_relayed : to_and_fro);
}

/* What to_and_fro has at its other end. */
static void go_to_and_fro(struct after *a)
{
	for (uint64_t i = 1; i <= 20; i++) {
		EXPECT_EQ(1, app_read(&a->app, 1000 * i));
		EXPECT_EQ(a->updates, ktls_update_owed(a->session));
		EXPECT_EQ(1, app_write(&a->app, 1000 * i - 500));
		EXPECT_EQ(a->updates ? 0 : -EOPNOTSUPP, ktls_update_keys(a->session, a->fd[0], 0));
		EXPECT_EQ(1, app_write(&a->app, 1000 * i));
	}
	EXPECT_EQ(0, app_read(&a->app, UINT64_MAX));
	EXPECT_EQ(0, ktls_shutdown(a->session, a->fd[0]));
	after_end(a);
	EXPECT_EQ(20000, script_peer_seen()->received);
}

/* ---- replies -----------------------------------------------------------------------------------
 */

static void open_proxy(struct test_self_trouble *self, enum proxy_loss loss, unsigned int times)
{
	struct after *a = &self->a;
	char path[120];

	snprintf(path, sizeof(path), "%s/proxy", a->daemon.dir);
	self->proxy = proxy_start(path, a->daemon.socket, loss, times);
	self->direct = a->k;
	a->k = ktls_open(path, NULL);
	ASSERT_NOT_NULL(a->k);
}

TEST_F_TIMEOUT(trouble, lanes_are_lost_with_replies, 60)
{
	struct after *a = &self->a;

	if (!can(a))
		return;
	open_proxy(self, PROXY_LOSES_LANE, 10);
	connect_to_and_fro(a);
	go_to_and_fro(a);
	EXPECT_EQ(10, proxy_lost());
}

/* Whoever waits for it gives up, and nothing has happened. */
TEST_F_TIMEOUT(trouble, a_reply_is_lost, 60)
{
	struct after *a = &self->a;

	if (!can(a))
		return;
	open_proxy(self, PROXY_LOSES_REPLY, 1);
	connect_for(a, "expect data 100, expect data 100, expect key-update, expect data 100\n"
		       "close-notify, expect close-notify");
	EXPECT_EQ(1, app_write(&a->app, 100));
	EXPECT_EQ(-ETIMEDOUT, ktls_update_keys(a->session, a->fd[0], 0));
	EXPECT_EQ(1, proxy_lost());
	EXPECT_EQ(1, app_write(&a->app, 200));
	EXPECT_EQ(0, ktls_update_keys(a->session, a->fd[0], 0));
	EXPECT_EQ(1, app_write(&a->app, 300));
	EXPECT_EQ(0, ktls_shutdown(a->session, a->fd[0]));
	EXPECT_EQ(0, app_read(&a->app, 1));
	after_end(a);
}

/* ---- ktlsd -------------------------------------------------------------------------------------
 */

static void *keep_killing(void *arg)
{
	struct after *a = arg;

	for (int i = 0; i < 5; i++) {
		pid_t pid = daemon_child(&a->daemon, "worker 1");

		if (pid > 0)
			kill(pid, SIGKILL);
		usleep(100000);
	}
	return NULL;
}

TEST_F_TIMEOUT(trouble, workers_are_killed, 60)
{
	struct after *a = &self->a;
	pthread_t killer;

	if (!somebody_can(a))
		return;
	connect_to_and_fro(a);
	ASSERT_EQ(0, pthread_create(&killer, NULL, keep_killing, a));
	go_to_and_fro(a);
	pthread_join(killer, NULL);
}

static void signal_workers(const pid_t workers[2], int sig)
{
	for (int i = 0; i < 2; i++)
		ASSERT_EQ(0, kill(workers[i], sig));
}

TEST_F_TIMEOUT(trouble, workers_are_stopped, 60)
{
	struct after *a = &self->a;
	const pid_t workers[2] = { daemon_child(&a->daemon, "worker 1"),
				   daemon_child(&a->daemon, "worker 2") };

	if (!somebody_can(a))
		return;
	if (a->relay) {
		connect_to_and_fro(a);
		signal_workers(workers, SIGSTOP);
		go_to_and_fro(a);
		signal_workers(workers, SIGCONT);
		return;
	}
	connect_for(a, "expect data 100, expect key-update, expect data 100, expect close-notify");
	signal_workers(workers, SIGSTOP);
	EXPECT_EQ(-ETIMEDOUT, ktls_update_keys(a->session, a->fd[0], 0));
	EXPECT_EQ(1, app_write(&a->app, 100));
	signal_workers(workers, SIGCONT);
	/* A worker that does not say anything for so long may have been taken for dead. */
	EXPECT_EQ(0, ktls_update_keys(a->session, a->fd[0], 0));
	EXPECT_EQ(1, app_write(&a->app, 200));
	EXPECT_EQ(0, ktls_shutdown(a->session, a->fd[0]));
	after_end(a);
}

static void kill_ktlsd(struct after *a)
{
	int status;

	ASSERT_EQ(0, kill(a->daemon.pid, SIGKILL));
	status = daemon_wait(&a->daemon);
	EXPECT_TRUE(WIFSIGNALED(status));
}

/* Relays go with it, which neither end takes for the end of a stream; and there are new ones. */
static void relay_is_lost(struct after *a)
{
	connect_for(a, "send 1000, expect data 1000, expect reset");
	EXPECT_EQ(1, app_read(&a->app, 1000));
	EXPECT_EQ(1, app_write(&a->app, 1000));
	usleep(50000);
	kill_ktlsd(a);
	EXPECT_EQ(-EPROTO, app_read(&a->app, UINT64_MAX));
	after_reason(a, KTLS_R_RELAY_LOST);
	EXPECT_EQ(-EPIPE, ktls_send(a->session, a->fd[0], "x", 1, 0));
	after_end(a);
	daemon_start(&a->daemon);
	connect_to_and_fro(a);
	go_to_and_fro(a);
}

/* Its sealing keys outlive it. */
TEST_F_TIMEOUT(trouble, ktlsd_is_started_anew, 60)
{
	struct after *a = &self->a;

	if (!somebody_can(a))
		return;
	if (a->relay) {
		relay_is_lost(a);
		return;
	}
	connect_to_and_fro(a);
	kill_ktlsd(a);
	EXPECT_EQ(-ETIMEDOUT, ktls_update_keys(a->session, a->fd[0], 0));
	daemon_start(&a->daemon);
	go_to_and_fro(a);
}

/* ---- several at once ---------------------------------------------------------------------------
 */

/* Four threads on one session, and ktlsd begun anew meanwhile. */
TEST_F_TIMEOUT(trouble, several_threads, 60)
{
	struct after *a = &self->a;
	void *(*const work[4])(void *) = { write_hand, write_hand, read_hand, read_hand };
	uint64_t total = 0;
	struct hand hand;
	pthread_t thread[4];
	void *result;

	if (!somebody_can(a))
		return;
	a->any_data = true;
	connect_for(a, "duplex 300000 155400 1 request, close-notify, until close-notify");
	hand = (struct hand){ a->session, a->fd[0], &total, a->updates, a->role == KTLS_CLIENT };
	for (int i = 0; i < 4; i++)
		ASSERT_EQ(0, pthread_create(&thread[i], NULL, work[i], &hand));
	if (!a->relay) {
		kill_ktlsd(a);
		daemon_start(&a->daemon);
	}
	/*
	 * One reader takes the close_notify, the other waits for the end, which is ours to cause;
	 * who of them is the first to say so is open.
	 */
	for (int i = 0; i < 4; i++) {
		if (i == 2)
			EXPECT_EQ(0, ktls_shutdown(a->session, a->fd[0]));
		pthread_join(thread[i], &result);
		EXPECT_TRUE(result == NULL || (i >= 2 && (intptr_t)result == -EPROTO));
	}
	EXPECT_EQ(300000, total);
	after_end(a);
	EXPECT_EQ(2 * HAND_WRITES * HAND_BYTES, script_peer_seen()->received);
	EXPECT_GE(script_peer_seen()->updates_received, a->updates ? 40 : 0);
}

/* Another process with the socket, and a session and a ktlsd connection of its own. */
static pid_t other_process(struct after *a, const uint8_t *sealed, size_t len, uint64_t *total)
{
	struct hand hand = { a->session, a->fd[0], total, a->updates, a->role == KTLS_CLIENT };
	pthread_t reader;
	struct ktls *k;
	void *wrong, *end;
	pid_t pid;

	fflush(NULL);
	pid = fork();
	if (pid != 0)
		return pid;
	k = ktls_open(a->daemon.socket, NULL);
	hand.session = k ? ktls_session_open(k, len > 0 ? sealed : NULL, len) : NULL;
	if (!hand.session || pthread_create(&reader, NULL, read_hand, &hand) != 0)
		_exit(2);
	wrong = write_hand(&hand);
	pthread_join(reader, &end);
	_exit(wrong != NULL ? 3 : end != NULL ? 4 : 0);
}

TEST_F_TIMEOUT(trouble, two_processes, 60)
{
	struct after *a = &self->a;
	uint64_t *total =
		mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	uint8_t sealed[KTLS_SESSION_MAX];
	pthread_t reader;
	struct hand hand;
	int status;
	void *end;
	pid_t pid;

	if (!somebody_can(a))
		return;
	a->any_data = true;
	/* The other reader may have had the close_notify: for each there is an end of file, too. */
	connect_for(a, "duplex 300000 155400 1 request, close-notify, fin, until close-notify");
	hand = (struct hand){ a->session, a->fd[0], total, a->updates, a->role == KTLS_CLIENT };
	pid = other_process(a, sealed, ktls_session_sealed(a->session, sealed, sizeof(sealed)),
			    total);
	ASSERT_EQ(0, pthread_create(&reader, NULL, read_hand, &hand));
	EXPECT_NULL(write_hand(&hand));
	pthread_join(reader, &end);
	ASSERT_EQ(pid, waitpid(pid, &status, 0));
	/* One of them has read close_notify, the other what looks like a cut. */
	EXPECT_TRUE(end == NULL || (intptr_t)end == -EPROTO);
	EXPECT_TRUE(status == 0 || (WIFEXITED(status) && WEXITSTATUS(status) == 4));
	EXPECT_TRUE(end == NULL || status == 0);
	EXPECT_EQ(300000, *total);
	EXPECT_EQ(0, ktls_shutdown(a->session, a->fd[0]));
	after_end(a);
	EXPECT_EQ(2 * HAND_WRITES * HAND_BYTES, script_peer_seen()->received);
	EXPECT_GE(script_peer_seen()->updates_received, a->updates ? 40 : 0);
}

/* ---- seals -------------------------------------------------------------------------------------
 */

/* A session from these bytes changes no key; the one that the test has still can. */
static void refuses_seal(struct after *a, const uint8_t *sealed, size_t len)
{
	struct ktls_session *session = ktls_session_open(a->k, sealed, len);
	int r = session ? ktls_update_keys(session, a->fd[0], 0) : -1;

	EXPECT_LT(r, 0);
	EXPECT_NE(-ETIMEDOUT, r);
	ktls_session_free(session);
	EXPECT_EQ(1, app_write(&a->app, a->app.written + 100));
	EXPECT_EQ(0, ktls_update_keys(a->session, a->fd[0], 0));
	EXPECT_EQ(1, app_write(&a->app, a->app.written + 100));
}

TEST_F(trouble, a_seal_that_is_cut_or_changed)
{
	struct after *a = &self->a;
	uint8_t sealed[KTLS_SESSION_MAX];
	size_t len;

	if (!can(a))
		return;
	connect_for(a, "until close-notify");
	len = ktls_session_sealed(a->session, sealed, sizeof(sealed));
	ASSERT_GT(len, 40);
	refuses_seal(a, sealed, len - 1);
	refuses_seal(a, sealed, 24);
	EXPECT_NULL(ktls_session_open(a->k, sealed, 23));
	sealed[len - 1] ^= 1;
	refuses_seal(a, sealed, len);
	EXPECT_EQ(0, ktls_shutdown(a->session, a->fd[0]));
	after_end(a);
}

TEST_F(trouble, a_seal_of_another_socket)
{
	struct after *a = &self->a, other = { 0 };
	uint8_t sealed[KTLS_SESSION_MAX];
	size_t len;

	if (!can(a))
		return;
	connect_for(a, "until close-notify, close-notify");
	other = *a;
	len = ktls_session_sealed(a->session, sealed, sizeof(sealed));
	connect_for(a, "until close-notify, close-notify");
	refuses_seal(a, sealed, len);
	EXPECT_EQ(0, ktls_shutdown(a->session, a->fd[0]));
	after_end(a);
	EXPECT_EQ(0, ktls_shutdown(other.session, other.fd[0]));
	after_end(&other);
}

/* Sixty-four generations are made up for, more are not. */
TEST_F_TIMEOUT(trouble, a_seal_of_long_ago, 60)
{
	struct after *a = &self->a;
	struct ktls_session *session;
	uint8_t sealed[KTLS_SESSION_MAX];
	size_t len;

	if (!can(a))
		return;
	connect_for(a, "until close-notify");
	len = ktls_session_sealed(a->session, sealed, sizeof(sealed));
	for (int i = 0; i < 60; i++)
		EXPECT_EQ(0, ktls_update_keys(a->session, a->fd[0], 0));
	session = ktls_session_open(a->k, sealed, len);
	ASSERT_NOT_NULL(session);
	EXPECT_EQ(0, ktls_update_keys(session, a->fd[0], 0));
	EXPECT_EQ(1, app_write(&a->app, 100));
	ktls_session_free(session);
	for (int i = 0; i < 10; i++)
		EXPECT_EQ(0, ktls_update_keys(a->session, a->fd[0], 0));
	refuses_seal(a, sealed, len);
	EXPECT_EQ(0, ktls_shutdown(a->session, a->fd[0]));
	after_end(a);
}

TEST_HARNESS_MAIN
