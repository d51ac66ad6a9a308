/* SPDX-License-Identifier: MIT */
/*
 * ktls_listen() through ktlsd on a kernel that has TLS: many connections, many that never speak,
 * workers that die or leave under load. Nothing is left open afterwards, in no process.
 */
#include <ktls.h>

/* Without tickets, so that plain recv() sees data only. */
#define LISTEN_PROFILE "server-users = *\nclient-users = *\ntickets = 0\n"
#define LISTEN_RECORDS KTLS_RECORDS_REQUIRE_KERNEL

#include <dirent.h>
#include <stdio.h>
#include <sys/resource.h>

#include "lib/ktls/kernel.h"
#include "lib/ktls/probe.h"
#include "tests/unit/ktlsd_listen.h"

FIXTURE_SETUP(listen)
{
	struct rlimit limit = { .rlim_cur = 4096, .rlim_max = 4096 };
	struct ktls_probe probe;

	ktls_probe(KTLS_PROBE_SUITES, &probe);
	if (probe.reason != KTLS_OK)
		SKIP(return, "no kernel TLS");
	ASSERT_EQ(0, setrlimit(RLIMIT_NOFILE, &limit));
	open_listen(self, "workers = 2\nlog = stderr\n");
}

FIXTURE_TEARDOWN(listen)
{
	close_listen(self);
}

static int descriptors_of(pid_t pid)
{
	char path[64];
	int n = 0;
	DIR *dir;

	snprintf(path, sizeof(path), "/proc/%d/fd", (int)pid);
	dir = opendir(path);
	ASSERT_NOT_NULL(dir);
	while (readdir(dir))
		n++;
	closedir(dir);
	return n;
}

static int settled(const struct daemon *d, const char *name, int most)
{
	pid_t pid = daemon_child(d, name);
	int n = descriptors_of(pid);

	for (int i = 0; i < 500 && n > most; i++) {
		usleep(10000);
		n = descriptors_of(pid);
	}
	return n;
}

TEST_F_TIMEOUT(listen, the_kernel_has_the_records, 60)
{
	int fd = listener_connect(self->listener);
	struct ktls_reply *reply, *theirs;
	struct ktls_traffic_key key;

	begin_listening(self, 1);
	ASSERT_EQ(0, ktls_start(self->others, fd, &as_client, NULL));
	reply = next_of(self->app, 60000);
	theirs = next_of(self->others, 60000);
	ASSERT_NOT_NULL(reply);
	ASSERT_NOT_NULL(theirs);
	EXPECT_STREQ("OK", ktls_reason_name((int)reply->reason));
	EXPECT_EQ(KTLS_STATE_SW, reply->tx);
	EXPECT_EQ(0, kernel_get(reply->fd, true, &key));
	EXPECT_EQ(0, kernel_get(reply->fd, false, &key));
	ASSERT_NOT_NULL(reply->peer);
	EXPECT_EQ(4, send(fd, "ping", 4, MSG_NOSIGNAL));
	echo(reply);
	ktls_reply_free(reply);
	ktls_reply_free(theirs);
	close(fd);
}

TEST_F_TIMEOUT(listen, a_thousand_silent_ones, 120)
{
	static int bad[1000];
	struct crowd c;
	int64_t since;

	begin_listening(self, 16);
	expect_served(self, 1, 2);
	for (int i = 0; i < 1000; i++)
		bad[i] = listener_connect(self->listener);
	since = clock_now();
	crowd_start(&c, self, 2, 5, 0);
	serve(self, 10, 60000);
	crowd_end(&c, 10);
	TH_LOG("ten among a thousand: %d ms", (int)(clock_now() - since));
	EXPECT_LT(clock_now() - since, 30000);
	close_fds(bad, 1000);
}

TEST_F_TIMEOUT(listen, collected_late, 120)
{
	struct crowd c;

	begin_listening(self, 4);
	crowd_start(&c, self, 16, 2, 0);
	usleep(3000000);
	serve(self, 32, 60000);
	crowd_end(&c, 32);
	EXPECT_EQ(32, self->echoed);
}

static void *reload_thrice(void *arg)
{
	const struct daemon *d = arg;

	for (unsigned int i = 1; i <= 3; i++) {
		kill(d->pid, SIGHUP);
		for (int j = 0; j < 6000 && daemon_log_count(d, "reload: done:") < i; j++)
			usleep(10000);
	}
	return NULL;
}

TEST_F_TIMEOUT(listen, reloads_under_load, 300)
{
	pthread_t thread;
	struct crowd c;

	begin_listening(self, 16);
	crowd_start(&c, self, 8, 10, 20);
	ASSERT_EQ(0, pthread_create(&thread, NULL, reload_thrice, &self->daemon));
	serve(self, 80, 60000);
	crowd_end(&c, 80);
	pthread_join(thread, NULL);
	EXPECT_EQ(80, self->echoed);
	EXPECT_EQ(3, daemon_log_count(&self->daemon, "reload: done:"));
}

TEST_F_TIMEOUT(listen, workers_killed, 120)
{
	pid_t before;

	begin_listening(self, 16);
	for (int i = 0; i < 4; i++) {
		const char *name = i % 2 ? "worker 1" : "worker 2";

		expect_served(self, 2, 2);
		before = daemon_child(&self->daemon, name);
		ASSERT_EQ(0, kill(before, SIGKILL));
		daemon_child_after(&self->daemon, name, before);
		EXPECT_NULL(next_of(self->app, 500));
		EXPECT_NULL(next_of(self->others, 100));
	}
	expect_served(self, 2, 2);
}

TEST_F_TIMEOUT(listen, a_thousand_connections, 500)
{
	int before[2], bad[50];

	begin_listening(self, 16);
	expect_served(self, 4, 5);
	before[0] = settled(&self->daemon, "worker 1", 0);
	before[1] = settled(&self->daemon, "worker 2", 0);
	connect_badly(self->listener, bad, 50);
	expect_served(self, 10, 100);
	close_fds(bad, 50);
	EXPECT_EQ(before[0], settled(&self->daemon, "worker 1", before[0]));
	EXPECT_EQ(before[1], settled(&self->daemon, "worker 2", before[1]));
}

TEST_HARNESS_MAIN
