/* SPDX-License-Identifier: MIT */
/* ktls_listen() while workers die, leave for a new configuration, or all of ktlsd is started anew.
 */
#include "tests/unit/ktlsd_listen.h"

FIXTURE_VARIANT(listen)
{
	const char *ktlsd;
};

FIXTURE_VARIANT_ADD(listen, one_worker){ .ktlsd = "workers = 1\n" };
FIXTURE_VARIANT_ADD(listen, two_workers){ .ktlsd = "workers = 2\n" };

FIXTURE_SETUP(listen)
{
	open_listen(self, variant->ktlsd);
	begin_listening(self, 8);
	expect_served(self, 2, 2);
}

FIXTURE_TEARDOWN(listen)
{
	close_listen(self);
}

/* Collects nothing, but lets the library see what has happened. */
static void look(struct test_self_listen *self, int ms)
{
	EXPECT_NULL(next_of(self->app, ms));
}

TEST_F_TIMEOUT(listen, killed_worker, 60)
{
	pid_t before = daemon_child(&self->daemon, "worker 1");

	ASSERT_EQ(0, kill(before, SIGKILL));
	daemon_child_after(&self->daemon, "worker 1", before);
	look(self, 200);
	expect_served(self, 2, 5);
}

static void reload(const struct daemon *d, unsigned int times)
{
	ASSERT_EQ(0, kill(d->pid, SIGHUP));
	for (int i = 0; i < 3000 && daemon_log_count(d, "reload: done:") < times; i++)
		usleep(10000);
	ASSERT_EQ(times, daemon_log_count(d, "reload: done:"));
}

struct reloads {
	const struct daemon *daemon;
	int n;
};

static void *reload_often(void *arg)
{
	struct reloads *r = arg;

	for (int i = 1; i <= r->n; i++) {
		reload(r->daemon, (unsigned int)i);
		usleep(100000);
	}
	return NULL;
}

/* Each client is served, whichever worker has it. */
TEST_F_TIMEOUT(listen, reloads_under_load, 120)
{
	struct reloads r = { &self->daemon, 3 };
	unsigned int before = self->echoed;
	pthread_t thread;
	struct crowd c;

	crowd_start(&c, self, 4, 20, 10);
	ASSERT_EQ(0, pthread_create(&thread, NULL, reload_often, &r));
	serve(self, 80, 60000);
	crowd_end(&c, 80);
	pthread_join(thread, NULL);
	EXPECT_EQ(before + 80, self->echoed);
	expect_served(self, 1, 2);
}

/* One that has connected and says nothing until the worker leaves is served by it all the same. */
TEST_F_TIMEOUT(listen, a_worker_that_leaves_finishes, 60)
{
	int slow = listener_connect(self->listener);
	struct ktls_reply *reply;

	usleep(300000); /* it is accepted by now */
	EXPECT_EQ(0, listener_waiting(self->listener));
	reload(&self->daemon, 1);
	look(self, 200);
	expect_served(self, 1, 2);
	ASSERT_EQ(0, ktls_start(self->others, slow, &as_client, NULL));
	reply = next_of(self->app, 20000);
	ASSERT_NOT_NULL(reply);
	EXPECT_EQ(1, reply->more);
	ktls_reply_free(reply);
	reply = next_of(self->others, 20000);
	ASSERT_NOT_NULL(reply);
	EXPECT_STREQ("OK", ktls_reason_name((int)reply->reason));
	ktls_reply_free(reply);
	close(slow);
	expect_served(self, 1, 2);
	ASSERT_EQ(0, ktls_cancel(self->app, self->id));
	expect_last(self->app, self->id, KTLS_R_CANCELLED);
}

/* Who connects meanwhile waits in the kernel's queue. */
TEST_F_TIMEOUT(listen, ktlsd_started_anew, 60)
{
	int early;

	ASSERT_EQ(0, kill(self->daemon.pid, SIGTERM));
	daemon_wait(&self->daemon);
	look(self, 300);
	early = listener_connect(self->listener);
	EXPECT_EQ(1, listener_waiting(self->listener));
	unlink(self->daemon.log);
	daemon_start(&self->daemon);
	ktls_close(self->others);
	self->others = ktls_open(self->daemon.socket, NULL);
	ASSERT_NOT_NULL(self->others);
	expect_served(self, 2, 3);
	EXPECT_EQ(0, listener_waiting(self->listener));
	close(early);
}

TEST_F_TIMEOUT(listen, cancelled_without_ktlsd, 60)
{
	ASSERT_EQ(0, kill(self->daemon.pid, SIGKILL));
	daemon_wait(&self->daemon);
	look(self, 100);
	ASSERT_EQ(0, ktls_cancel(self->app, self->id));
	expect_last(self->app, self->id, KTLS_R_CANCELLED);
	unlink(self->daemon.log);
	daemon_start(&self->daemon);
}

TEST_HARNESS_MAIN
