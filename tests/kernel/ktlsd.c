/* SPDX-License-Identifier: MIT */
/*
 * Sockets handed to ktlsd and back, on a kernel that has TLS. Peers of other makes are in peers.sh;
 * what becomes of descriptors is in ktlsd_release.c.
 */
#include <fcntl.h>

#define KTLSD_RELAY_TOO
#include "tests/kernel/ktlsd.h"

TEST_F(handoff, puts_keys_into_the_kernel)
{
	struct ktls_reply *reply;

	start(self->k, self->fd[0], &as_server);
	start(self->k, self->fd[1], &as_client);
	for (int i = 0; i < 2; i++) {
		reply = collect(self->k);
		ASSERT_STREQ("OK", ktls_reason_name((int)reply->reason));
		EXPECT_EQ(KTLS_TLS_1_3, reply->version);
		EXPECT_EQ(KTLS_GROUP_X25519, reply->group);
		EXPECT_EQ(KTLS_SCHEME_ECDSA_SECP256R1_SHA256, reply->scheme);
		EXPECT_EQ(variant->state, reply->tx);
		EXPECT_EQ(variant->state, reply->rx);
		EXPECT_EQ(KTLS_ALERT_ORIGIN_NONE, reply->alert_origin);
		EXPECT_STREQ("localhost", reply->server_name);
		EXPECT_GT(reply->time_us, 0);
		ktls_reply_free(reply);
	}
	expect_keys(self->fd[0]);
	expect_keys(self->fd[1]);
	expect_carried(self->fd[0], self->fd[1]);
	expect_carried(self->fd[1], self->fd[0]);
	EXPECT_TRUE(daemon_logged(&self->daemon, "profile default server 127.0.0.1:"));
	EXPECT_TRUE(daemon_logged(&self->daemon, "OK TLS 1.3 TLS_"));
}

TEST_F(handoff, leaves_file_flags_alone)
{
	ASSERT_EQ(0, fcntl(self->fd[1], F_SETFL, O_NONBLOCK));
	handshake_both(self);
	EXPECT_EQ(O_RDWR, fcntl(self->fd[0], F_GETFL));
	EXPECT_EQ(O_RDWR | O_NONBLOCK, fcntl(self->fd[1], F_GETFL));
}

/* What the application had read already is handed over with the socket. */
TEST_F(handoff, takes_bytes_read_before)
{
	struct ktls_params params = as_server;
	char bytes[64];

	start(self->k, self->fd[1], &as_client);
	params.received_len = (size_t)recv(self->fd[0], bytes, sizeof(bytes), MSG_WAITALL);
	ASSERT_EQ(sizeof(bytes), params.received_len);
	params.received = bytes;
	start(self->k, self->fd[0], &params);
	expect_reason(self->k, KTLS_OK);
	expect_reason(self->k, KTLS_OK);
	expect_carried(self->fd[1], self->fd[0]);
}

TEST_F(handoff, refuses_a_wrong_name)
{
	struct ktls_params params = as_client;
	unsigned int seen = 0;

	params.server_name = "example.org";
	start(self->k, self->fd[0], &as_server);
	start(self->k, self->fd[1], &params);
	for (int i = 0; i < 2; i++) {
		struct ktls_reply *reply = collect(self->k);

		EXPECT_EQ(KTLS_ALERT_BAD_CERTIFICATE, reply->alert);
		if (reply->alert_origin == KTLS_ALERT_SENT)
			seen += reply->reason == KTLS_R_CERTIFICATE_NAME;
		else
			seen += reply->reason == KTLS_R_PEER_ALERT;
		ktls_reply_free(reply);
	}
	EXPECT_EQ(2, seen);
}

/* ---- ends before the end ----------------------------------------------------------------------
 */

TEST_F(handoff, keeps_its_deadline)
{
	struct ktls_params params = as_server;
	struct ktls_reply *reply;
	char alert[7];

	params.deadline_ms = 300;
	start(self->k, self->fd[0], &params);
	reply = collect(self->k);
	EXPECT_STREQ("DEADLINE", ktls_reason_name((int)reply->reason));
	EXPECT_EQ(KTLS_ALERT_SENT, reply->alert_origin);
	EXPECT_EQ(KTLS_ALERT_USER_CANCELED, reply->alert);
	EXPECT_GE(reply->time_us, 299000);
	EXPECT_LT(reply->time_us, 300000 + 1000 * a_second());
	ktls_reply_free(reply);
	ASSERT_EQ(7, recv(self->fd[1], alert, sizeof(alert), MSG_WAITALL));
	EXPECT_EQ(21, alert[0]);
	EXPECT_EQ(KTLS_ALERT_USER_CANCELED, alert[6]);
}

/* The configuration's word is the last one. */
TEST_F(handoff, keeps_the_deadline_of_the_configuration)
{
	struct ktls_reply *reply;

	ktls_close(self->k);
	ASSERT_EQ(0, kill(self->daemon.pid, SIGTERM));
	ASSERT_EQ(0, daemon_wait(&self->daemon));
	unlink(self->daemon.log);
	configure_handoff(&self->daemon, "max-deadline = 200ms\n");
	daemon_start(&self->daemon);
	self->k = ktls_open(self->daemon.socket, NULL);
	ASSERT_NOT_NULL(self->k);
	start(self->k, self->fd[0], &as_server);
	reply = collect(self->k);
	EXPECT_STREQ("DEADLINE", ktls_reason_name((int)reply->reason));
	EXPECT_LT(reply->time_us, 200000 + 1000 * a_second());
	ktls_reply_free(reply);
}

TEST_F(handoff, can_be_cancelled)
{
	uint64_t id = start(self->k, self->fd[0], &as_server);
	char alert[7];

	usleep(100000); /* the worker has it by now, mostly */
	EXPECT_EQ(0, ktls_cancel(self->k, id));
	expect_reason(self->k, KTLS_R_CANCELLED);
	EXPECT_EQ(-ENOENT, ktls_cancel(self->k, id));
	ASSERT_EQ(7, recv(self->fd[1], alert, sizeof(alert), MSG_WAITALL));
	EXPECT_EQ(KTLS_ALERT_USER_CANCELED, alert[6]);
}

TEST_F(handoff, survives_garbage)
{
	static const char garbage[] = "GET / HTTP/1.0\r\n\r\n";
	struct ktls_reply *reply;

	ASSERT_EQ(sizeof(garbage), write(self->fd[1], garbage, sizeof(garbage)));
	start(self->k, self->fd[0], &as_server);
	reply = collect(self->k);
	EXPECT_STREQ("NOT_TLS", ktls_reason_name((int)reply->reason));
	EXPECT_EQ(KTLS_ALERT_SENT, reply->alert_origin);
	EXPECT_EQ(KTLS_ALERT_UNEXPECTED_MESSAGE, reply->alert);
	ktls_reply_free(reply);
	/* The socket is with the application, as it was. */
	EXPECT_EQ(1, send(self->fd[0], "x", 1, 0));
}

/* ---- deaths -----------------------------------------------------------------------------------
 */

TEST_F(handoff, is_lost_with_its_worker)
{
	pid_t worker = daemon_child(&self->daemon, "worker 1");
	int64_t since;

	start(self->k, self->fd[0], &as_server);
	start(self->k, self->fd[1], &as_client);
	expect_reason(self->k, KTLS_OK);
	expect_reason(self->k, KTLS_OK);
	close(self->fd[0]);
	close(self->fd[1]);
	tcp_pair(self->fd, 0);
	start(self->k, self->fd[0], &as_server);
	usleep(100000);
	since = now_ms();
	ASSERT_EQ(0, kill(worker, SIGKILL));
	expect_reason(self->k, KTLS_R_WORKER_LOST);
	EXPECT_LT(now_ms() - since, a_second());
	daemon_child_after(&self->daemon, "worker 1", worker);
	close(self->fd[0]);
	self->fd[0] = -1;
	EXPECT_LT(wait_for_end(self->fd[1]), a_second());
	close(self->fd[1]);
	tcp_pair(self->fd, 0);
	handshake_both(self);
}

/* A signature that a signer took to its grave is made by the next one. */
TEST_F(handoff, outlives_its_signer)
{
	pid_t signer = daemon_child(&self->daemon, "signer 1");

	ASSERT_EQ(0, kill(signer, SIGSTOP));
	start(self->k, self->fd[0], &as_server);
	start(self->k, self->fd[1], &as_client);
	usleep(200000); /* the question is in the stopped signer's channel */
	ASSERT_EQ(0, kill(signer, SIGKILL));
	expect_reason(self->k, KTLS_OK);
	expect_reason(self->k, KTLS_OK);
	expect_carried(self->fd[0], self->fd[1]);
	daemon_child_after(&self->daemon, "signer 1", signer);
}

/* SIGTERM: what is in flight is finished, and then there is nobody any more. */
TEST_F(handoff, is_finished_when_ktlsd_stops)
{
	start(self->k, self->fd[0], &as_server);
	usleep(100000);
	ASSERT_EQ(0, kill(self->daemon.pid, SIGTERM));
	ASSERT_TRUE(daemon_logged(&self->daemon, "stopping"));
	close(self->fd[1]);
	self->fd[1] = -1;
	expect_reason(self->k, KTLS_R_PEER_EOF);
	EXPECT_EQ(0, daemon_wait(&self->daemon));
}

TEST_HARNESS_MAIN
