/* SPDX-License-Identifier: MIT */
/* A new configuration for a ktlsd that has handshakes under way, on a kernel that has TLS. */
#include "tests/harness/certs.h"
#define KTLSD_RELAY_TOO
#include "tests/kernel/ktlsd.h"

static void reload(const struct daemon *d, unsigned int times)
{
	ASSERT_EQ(0, kill(d->pid, SIGHUP));
	for (int i = 0; i < 3000 && daemon_log_count(d, "reload: done:") < times; i++)
		usleep(10000);
	ASSERT_EQ(times, daemon_log_count(d, "reload: done:"));
}

/* A handshake that began before, whose peer comes after, to the new workers. */
TEST_F(handoff, reload_leaves_what_is_under_way)
{
	pid_t before = daemon_child(&self->daemon, "worker 1");

	start(self->k, self->fd[0], &as_server);
	reload(&self->daemon, 1);
	EXPECT_EQ(before, daemon_child(&self->daemon, "worker 1")); /* the older one is first */
	start(self->k, self->fd[1], &as_client);
	expect_reason(self->k, KTLS_OK);
	expect_reason(self->k, KTLS_OK);
	expect_keys(self->fd[0]);
	expect_carried(self->fd[0], self->fd[1]);
	daemon_child_after(&self->daemon, "worker 1", before);
}

/* It has its deadline, as ever; the old worker is gone afterwards. */
TEST_F(handoff, reload_waits_no_longer_than_a_deadline)
{
	struct ktls_params params = as_server;
	pid_t before = daemon_child(&self->daemon, "worker 1");

	params.deadline_ms = 1000;
	start(self->k, self->fd[0], &params);
	reload(&self->daemon, 1);
	expect_reason(self->k, KTLS_R_DEADLINE);
	daemon_child_after(&self->daemon, "worker 1", before);
}

TEST_F(handoff, reload_changes_trust)
{
	struct cert *other = cert_ca(CERT_P256, "Another CA");
	struct ktls_reply *reply;

	start(self->k, self->fd[0], &as_server);
	start(self->k, self->fd[1], &as_client);
	expect_reason(self->k, KTLS_OK);
	expect_reason(self->k, KTLS_OK);
	cert_write(other, self->daemon.dir, "ca");
	cert_free(other);
	reload(&self->daemon, 1);
	for (int i = 0; i < 2; i++)
		close(self->fd[i]);
	tcp_pair(self->fd, 0);
	start(self->k, self->fd[0], &as_server);
	start(self->k, self->fd[1], &as_client);
	for (int i = 0; i < 2; i++) {
		reply = collect(self->k);
		if (reply->alert_origin == KTLS_ALERT_SENT)
			EXPECT_STREQ("CERTIFICATE_UNKNOWN_CA",
				     ktls_reason_name((int)reply->reason));
		else
			EXPECT_EQ(KTLS_R_PEER_ALERT, reply->reason);
		ktls_reply_free(reply);
	}
}

TEST_HARNESS_MAIN
