/* SPDX-License-Identifier: MIT */
/*
 * A new configuration for a ktlsd that serves: SIGHUP. On any kernel: where that has no TLS, a good
 * request is one that gets KERNEL_NO_TLS. Handshakes themselves are for tests/kernel.
 */
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>

#include "tests/unit/lane.h"

#define EXTRA "[profile extra]\nclient-users = *\ntrust = %s/ca.pem\n"

FIXTURE(reload)
{
	struct daemon daemon;
	struct ktls *k;
	int fd[2];
	char extra[256]; /* a further profile */
};

FIXTURE_SETUP(reload)
{
	daemon_prepare(&self->daemon);
	snprintf(self->extra, sizeof(self->extra), EXTRA, self->daemon.dir);
	daemon_configure(&self->daemon, "workers = 2\n", NULL, self->extra);
	daemon_start(&self->daemon);
	self->k = ktls_open(self->daemon.socket, NULL);
	ASSERT_NOT_NULL(self->k);
	tcp_pair(self->fd, 0);
}

FIXTURE_TEARDOWN(reload)
{
	ktls_close(self->k);
	for (int i = 0; i < 2; i++)
		close(self->fd[i]);
	daemon_close(&self->daemon);
}

/* Waits until so many reloads have been told to be over, in these words. */
static void expect_log(const struct daemon *d, const char *text, unsigned int times)
{
	for (int i = 0; i < 1000 && daemon_log_count(d, text) < times; i++)
		usleep(10000);
	EXPECT_EQ(times, daemon_log_count(d, text));
}

static void reload(const struct daemon *d, unsigned int times)
{
	ASSERT_EQ(0, kill(d->pid, SIGHUP));
	expect_log(d, "ktlsd: reload: done:", times);
}

static enum ktls_reason ask(struct ktls *k, int fd, const char *profile, enum ktls_role role)
{
	const struct ktls_params params = { .role = role,
					    .deadline_ms = 50,
					    .profile = profile,
					    .server_name =
						    role == KTLS_CLIENT ? "localhost" : NULL };
	struct ktls_reply *reply = NULL;
	enum ktls_reason reason;

	ASSERT_EQ(0, ktls_handshake(k, fd, &params, &reply));
	reason = reply->reason;
	ktls_reply_free(reply);
	return reason;
}

static bool is_good(enum ktls_reason reason)
{
	return reason == KTLS_R_KERNEL_NO_TLS || reason == KTLS_R_DEADLINE ||
	       reason == KTLS_R_PEER_ALERT; /* of an earlier one on the same connection */
}

/* ---- what is lost: nothing --------------------------------------------------------------------
 */

#define THREADS 4

struct load {
	struct ktls *k;
	pthread_mutex_t pair; /* or one gets another's end */
	atomic_bool over;
	atomic_uint good, bad;
	atomic_int last_bad;
};

static void *make_load(void *arg)
{
	struct load *load = arg;
	int fd[2];

	while (!load->over) {
		enum ktls_reason reason;

		pthread_mutex_lock(&load->pair);
		tcp_pair(fd, 0);
		pthread_mutex_unlock(&load->pair);
		reason = ask(load->k, fd[0], NULL, KTLS_SERVER);
		if (is_good(reason)) {
			load->good++;
		} else {
			load->last_bad = reason;
			load->bad++;
		}
		close_by_reset(fd[0]);
		close(fd[1]);
	}
	return NULL;
}

TEST_F(reload, under_load_loses_nothing)
{
	struct load load = { .k = self->k, .pair = PTHREAD_MUTEX_INITIALIZER };
	pthread_t threads[THREADS];
	unsigned int before;

	for (int i = 0; i < THREADS; i++)
		ASSERT_EQ(0, pthread_create(&threads[i], NULL, make_load, &load));
	for (unsigned int times = 1; times <= 4; times++) {
		before = load.good;
		while (load.good < before + 20)
			usleep(1000);
		reload(&self->daemon, times);
	}
	load.over = true;
	for (int i = 0; i < THREADS; i++)
		pthread_join(threads[i], NULL);
	if (load.bad > 0)
		TH_LOG("%u replies: %s", load.bad, ktls_reason_name(load.last_bad));
	EXPECT_EQ(0, load.bad);
	EXPECT_GE(load.good, 80);
	expect_log(&self->daemon, "reload: the processes from before have ended", 4);
	EXPECT_EQ(0, daemon_log_count(&self->daemon, "was ended by signal"));
}

static void send_good(const struct test_self_reload *self, int lane, uint64_t id)
{
	const struct handoff_request request = good_request(id);
	uint8_t packet[1024];
	size_t len = handoff_request_build(&request, packet, sizeof(packet));

	send_fds(lane, packet, len, &self->fd[0], 1);
}

/* What an old worker finds when it hears that it is to retire is answered, then it hangs up. */
TEST_F(reload, requests_that_raced_with_it_are_answered)
{
	pid_t worker[2] = { daemon_child(&self->daemon, "worker 1"),
			    daemon_child(&self->daemon, "worker 2") };
	static uint8_t packet[HANDOFF_MESSAGE_MAX];
	int lane = open_lane(&self->daemon);
	struct handoff_reply reply;
	uint64_t ids = 0;

	ASSERT_GT(receive(lane, packet, sizeof(packet)), 0); /* the greeting */
	send_good(self, lane, 1);
	for (int i = 0; i < 2; i++)
		ASSERT_EQ(0, kill(worker[i], SIGSTOP));
	ASSERT_EQ(0, kill(self->daemon.pid, SIGHUP));
	expect_log(&self->daemon, "ktlsd: reload: ready:", 1);
	send_good(self, lane, 2);
	for (int i = 0; i < 2; i++)
		ASSERT_EQ(0, kill(worker[i], SIGCONT));
	for (int i = 0; i < 2; i++) {
		size_t len = receive(lane, packet, sizeof(packet));

		ASSERT_EQ(0, handoff_reply_parse(packet, len, &reply));
		EXPECT_TRUE(is_good((enum ktls_reason)reply.reason));
		ids |= reply.id;
	}
	EXPECT_EQ(3, ids);
	EXPECT_EQ(0, receive(lane, packet, sizeof(packet)));
	close(lane);
}

/* Applications that do not look: their connections are gone, their next requests are not. */
TEST_F(reload, idle_applications_do_not_notice)
{
	EXPECT_TRUE(is_good(ask(self->k, self->fd[0], NULL, KTLS_SERVER)));
	for (unsigned int times = 1; times <= 3; times++)
		reload(&self->daemon, times);
	expect_log(&self->daemon, "reload: the processes from before have ended", 3);
	EXPECT_TRUE(is_good(ask(self->k, self->fd[0], NULL, KTLS_SERVER)));
}

/* ---- what changes -----------------------------------------------------------------------------
 */

TEST_F(reload, removes_a_profile)
{
	EXPECT_TRUE(is_good(ask(self->k, self->fd[0], "extra", KTLS_CLIENT)));
	daemon_configure(&self->daemon, "workers = 2\n", NULL, NULL);
	reload(&self->daemon, 1);
	EXPECT_EQ(KTLS_R_PROFILE_UNKNOWN, ask(self->k, self->fd[0], "extra", KTLS_CLIENT));
	EXPECT_TRUE(is_good(ask(self->k, self->fd[0], NULL, KTLS_SERVER)));
}

/* For connections too that were opened while others were allowed. */
TEST_F(reload, changes_who_may)
{
	EXPECT_TRUE(is_good(ask(self->k, self->fd[0], NULL, KTLS_SERVER)));
	daemon_configure(&self->daemon, "workers = 2\n", "server-users = 4000000000\n", NULL);
	reload(&self->daemon, 1);
	EXPECT_EQ(KTLS_R_PROFILE_DENIED, ask(self->k, self->fd[0], NULL, KTLS_SERVER));
	daemon_configure(&self->daemon, "workers = 2\n", NULL, NULL);
	reload(&self->daemon, 2);
	EXPECT_TRUE(is_good(ask(self->k, self->fd[0], NULL, KTLS_SERVER)));
}

TEST_F(reload, changes_the_number_of_workers)
{
	struct ktls_info info;

	daemon_configure(&self->daemon, "workers = 5\nsigners = 3\n", NULL, NULL);
	reload(&self->daemon, 1);
	EXPECT_TRUE(is_good(ask(self->k, self->fd[0], NULL, KTLS_SERVER)));
	ktls_get_info(self->k, &info);
	EXPECT_EQ(5, info.workers);
	EXPECT_NE(0, daemon_child(&self->daemon, "worker 5"));
	EXPECT_NE(0, daemon_child(&self->daemon, "signer 3"));
}

/* Two at once are one after the other. */
TEST_F(reload, twice_in_a_row)
{
	ASSERT_EQ(0, kill(self->daemon.pid, SIGHUP));
	usleep(20000);
	ASSERT_EQ(0, kill(self->daemon.pid, SIGHUP));
	expect_log(&self->daemon, "ktlsd: reload: done:", 2);
	EXPECT_TRUE(is_good(ask(self->k, self->fd[0], NULL, KTLS_SERVER)));
}

/* ---- what does not ----------------------------------------------------------------------------
 */

static void expect_refused(struct test_self_reload *self, const char *why)
{
	pid_t worker = daemon_child(&self->daemon, "worker 1");

	ASSERT_EQ(0, kill(self->daemon.pid, SIGHUP));
	EXPECT_TRUE(daemon_logged(&self->daemon, "reload: nothing has changed"));
	EXPECT_EQ(1, daemon_log_count(&self->daemon, why));
	EXPECT_EQ(0, daemon_log_count(&self->daemon, "reload: ready"));
	EXPECT_EQ(worker, daemon_child(&self->daemon, "worker 1"));
	EXPECT_TRUE(is_good(ask(self->k, self->fd[0], "extra", KTLS_CLIENT)));
}

/* The words of --check-config, with who says them in front. */
static void checks(const struct daemon *d, char *said, int size)
{
	char command[600];
	FILE *f;

	snprintf(command, sizeof(command), "%s --config %s --check-config 2>&1", d->program,
		 d->config);
	f = popen(command, "r");
	ASSERT_NOT_NULL(f);
	strcpy(said, "ktlsd: ");
	do {
		ASSERT_NOT_NULL(fgets(said + 7, size - 7, f));
	} while (strstr(said, "warning: "));
	EXPECT_NE(0, pclose(f));
	said[strcspn(said, "\n")] = '\0';
}

TEST_F(reload, bad_configuration_changes_nothing)
{
	char want[400];

	daemon_configure(&self->daemon, "worker = 1\n", NULL, NULL);
	checks(&self->daemon, want, sizeof(want));
	EXPECT_NOT_NULL(strstr(want, "no key 'worker'"));
	expect_refused(self, want);
}

TEST_F(reload, file_that_is_not_there_changes_nothing)
{
	char want[400];

	ASSERT_EQ(0, unlink(daemon_path(&self->daemon, "server.key")));
	checks(&self->daemon, want, sizeof(want));
	EXPECT_NOT_NULL(strstr(want, "server.key"));
	expect_refused(self, want);
}

TEST_F(reload, without_a_configuration_changes_nothing)
{
	ASSERT_EQ(0, unlink(self->daemon.config));
	expect_refused(self, "ktlsd.conf: cannot be opened");
}

TEST_F(reload, socket_stays)
{
	char text[300];

	snprintf(text, sizeof(text), "workers = 2\nsocket-owner = %u\n", geteuid() + 1);
	daemon_configure(&self->daemon, text, NULL, NULL);
	reload(&self->daemon, 1);
	EXPECT_EQ(1, daemon_log_count(&self->daemon,
				      "reload: socket as before until ktlsd is restarted"));
	EXPECT_TRUE(is_good(ask(self->k, self->fd[0], NULL, KTLS_SERVER)));
}

/* SIGTERM while a reload is under way, and while old workers are still there. */
TEST_F(reload, ends_orderly_in_the_midst_of_it)
{
	pid_t worker = daemon_child(&self->daemon, "worker 1");

	ASSERT_EQ(0, kill(worker, SIGSTOP));
	ASSERT_EQ(0, kill(self->daemon.pid, SIGHUP));
	expect_log(&self->daemon, "ktlsd: reload: ready:", 1);
	ASSERT_EQ(0, kill(self->daemon.pid, SIGHUP));
	ASSERT_EQ(0, kill(self->daemon.pid, SIGTERM));
	ASSERT_EQ(0, kill(worker, SIGCONT));
	EXPECT_EQ(0, daemon_wait(&self->daemon));
}

TEST_HARNESS_MAIN
