/* SPDX-License-Identifier: MIT */
/* ktls_open(): every way to fail, and what it says then; and the names of numbers. */
#include <ktls.h>

#include <errno.h>
#include <pthread.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "tests/harness/descriptors.h"
#include "tests/harness/fake_ktlsd.h"
#include "tests/harness/harness.h"

FIXTURE(opening)
{
	struct fake fake;
	int descriptors;
};

FIXTURE_SETUP(opening)
{
	fake_open(&self->fake, 1);
	self->descriptors = open_descriptors();
}

FIXTURE_TEARDOWN(opening)
{
	EXPECT_EQ(self->descriptors - (self->fake.listener < 0), open_descriptors());
	fake_close(&self->fake);
}

static void expect_failure(const char *path, enum ktls_reason reason, int error, const char *text)
{
	struct ktls_error e = { 0 };

	EXPECT_NULL(ktls_open(path, &e));
	EXPECT_STREQ(ktls_reason_name((int)reason), ktls_reason_name((int)e.reason));
	EXPECT_EQ(error, e.error);
	EXPECT_NOT_NULL(strstr(e.text, text));
	EXPECT_NOT_NULL(strstr(e.text, path));
}

/* What a connection gets instead of a greeting. */
struct answer {
	int listener;
	const void *bytes;
	size_t len;
	int fds[2];
	size_t fds_len;
	bool silent; /* says nothing until the client goes */
};

static void *give(void *arg)
{
	struct answer *a = arg;
	char byte;
	int lane = -1;

	while (lane < 0)
		lane = accept(a->listener, NULL, NULL);
	if (a->len > 0)
		fake_send(lane, a->bytes, a->len, a->fds, a->fds_len);
	if (a->silent || a->len > 0)
		(void)!recv(lane, &byte, 1, 0);
	close(lane);
	return NULL;
}

static void expect_refusal(struct fake *f, struct answer *a, enum ktls_reason reason, int error,
			   const char *text)
{
	pthread_t thread;

	a->listener = f->listener;
	ASSERT_EQ(0, pthread_create(&thread, NULL, give, a));
	expect_failure(f->path, reason, error, text);
	pthread_join(thread, NULL);
}

TEST_F(opening, nobody_there)
{
	fake_stop(&self->fake);
	expect_failure(self->fake.path, KTLS_R_DAEMON_UNREACHABLE, ENOENT, "No such file");
	EXPECT_NULL(ktls_open(self->fake.path, NULL));
}

TEST_F(opening, nobody_listens)
{
	close(self->fake.listener); /* and leaves the file there, as a daemon that was killed */
	self->fake.listener = -1;
	expect_failure(self->fake.path, KTLS_R_DAEMON_UNREACHABLE, ECONNREFUSED, "refused");
	unlink(self->fake.path);
}

TEST_F(opening, not_for_this_user)
{
	ASSERT_EQ(0, chmod(self->fake.path, 0600));
	ASSERT_EQ(0, chmod(self->fake.dir, 0755));
	if (geteuid() != 0)
		SKIP(return, "only root has a file that another user may not open");
	ASSERT_EQ(0, seteuid(65534));
	expect_failure(self->fake.path, KTLS_R_DAEMON_UNREACHABLE, EACCES, "denied");
	ASSERT_EQ(0, seteuid(0));
}

TEST_F(opening, path_too_long)
{
	char path[200];

	memset(path, 'x', sizeof(path));
	path[sizeof(path) - 1] = 0;
	expect_failure(path, KTLS_R_DAEMON_UNREACHABLE, ENAMETOOLONG, "too long");
}

TEST_F(opening, another_type_of_socket)
{
	struct sockaddr_un addr = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM, 0);

	fake_stop(&self->fake);
	strcpy(addr.sun_path, self->fake.path);
	ASSERT_EQ(0, bind(fd, (struct sockaddr *)&addr, sizeof(addr)));
	ASSERT_EQ(0, listen(fd, 1));
	expect_failure(self->fake.path, KTLS_R_DAEMON_UNREACHABLE, EPROTOTYPE, "wrong type");
	close(fd);
}

TEST_F(opening, closed_without_a_word)
{
	struct answer nothing = { 0 };

	expect_refusal(&self->fake, &nothing, KTLS_R_DAEMON_UNREACHABLE, ECONNRESET, "greeting");
}

TEST_F(opening, silence)
{
	struct answer silence = { .silent = true };

	expect_refusal(&self->fake, &silence, KTLS_R_DAEMON_UNREACHABLE, ETIMEDOUT, "timed out");
}

TEST_F(opening, garbage)
{
	struct answer garbage = { .bytes = "220 smtp.example ESMTP", .len = 22 };

	expect_refusal(&self->fake, &garbage, KTLS_R_PROTOCOL, 0, "not ktlsd");
}

TEST_F(opening, greeting_with_descriptors)
{
	uint8_t packet[512];
	struct answer a = { .bytes = packet, .fds = { 0, 1 }, .fds_len = 2 };

	a.len = handoff_greeting_build(&self->fake.greeting, packet, sizeof(packet));
	expect_refusal(&self->fake, &a, KTLS_R_PROTOCOL, 0, "not ktlsd");
}

TEST_F(opening, greeting_longer_than_any_message)
{
	static uint8_t packet[HANDOFF_MESSAGE_MAX + 1];
	struct answer a = { .bytes = packet, .len = sizeof(packet) };

	(void)!handoff_greeting_build(&self->fake.greeting, packet, sizeof(packet));
	expect_refusal(&self->fake, &a, KTLS_R_PROTOCOL, 0, "not ktlsd");
}

TEST_F(opening, refused_with_a_reason)
{
	struct handoff_reply reply = { .reason = KTLS_R_TOO_MANY, .text = "1024 connections" };
	uint8_t packet[512];
	struct answer a = { .bytes = packet };

	a.len = handoff_reply_build(&reply, packet, sizeof(packet));
	expect_refusal(&self->fake, &a, KTLS_R_TOO_MANY, 0, "1024 connections");
}

/* ktlsd is slow to accept: its queue is full for a while. */
TEST_F(opening, queue_of_connections_is_full)
{
	int waiting[200];
	size_t n = 0;
	struct sockaddr_un addr = { .sun_family = AF_UNIX };
	struct answer nothing = { 0 };

	strcpy(addr.sun_path, self->fake.path);
	for (;; n++) {
		ASSERT_LT(n, 200);
		waiting[n] = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_NONBLOCK, 0);
		if (connect(waiting[n], (struct sockaddr *)&addr, sizeof(addr)) < 0)
			break;
	}
	EXPECT_EQ(EAGAIN, errno);
	close(waiting[n]);
	/* One that is accepted and closed makes room, which the client finds out by itself. */
	expect_refusal(&self->fake, &nothing, KTLS_R_DAEMON_UNREACHABLE, ETIMEDOUT, "timed out");
	while (n-- > 0)
		close(waiting[n]);
}

TEST(nothing_to_free)
{
	int before = open_descriptors();

	ktls_close(NULL);
	ktls_reply_free(NULL);
	EXPECT_EQ(before, open_descriptors());
}

TEST(names)
{
	EXPECT_STREQ("OK", ktls_reason_name(KTLS_OK));
	EXPECT_STREQ("success", ktls_reason_text(KTLS_OK));
	EXPECT_STREQ("WORKER_LOST", ktls_reason_name(KTLS_R_WORKER_LOST));
	EXPECT_STREQ("INTERNAL", ktls_reason_name(KTLS_R_INTERNAL));
	EXPECT_STREQ("UNKNOWN", ktls_reason_name(60000));
	EXPECT_STREQ("UNKNOWN", ktls_reason_name(-1));
	EXPECT_NOT_NULL(strstr(ktls_reason_text(60000), "unknown"));
	EXPECT_STREQ("unknown_ca", ktls_alert_name(KTLS_ALERT_UNKNOWN_CA));
	EXPECT_STREQ("TLS 1.3", ktls_version_name(KTLS_TLS_1_3));
	EXPECT_STREQ("TLS_AES_256_GCM_SHA384", ktls_suite_name(KTLS_AES_256_GCM_SHA384));
	EXPECT_STREQ("x25519", ktls_group_name(KTLS_GROUP_X25519));
	EXPECT_STREQ("ed25519", ktls_scheme_name(KTLS_SCHEME_ED25519));
	EXPECT_STREQ("sw", ktls_state_name(KTLS_STATE_SW));
	EXPECT_NOT_NULL(strstr(ktls_version_name(0), "unknown"));
	EXPECT_NOT_NULL(strstr(ktls_suite_name(0), "unknown"));
	EXPECT_NOT_NULL(strstr(ktls_group_name(0), "unknown"));
	EXPECT_NOT_NULL(strstr(ktls_scheme_name(0), "unknown"));
	EXPECT_NOT_NULL(strstr(ktls_state_name((enum ktls_state)99), "unknown"));
	EXPECT_STREQ("UNKNOWN", ktls_no_hw_name((enum ktls_no_hw)(KTLS_NO_HW_BOND + 1)));
	EXPECT_NOT_NULL(strstr(ktls_no_hw_text((enum ktls_no_hw) - 1), "unknown"));
	for (int why = KTLS_NO_HW_NONE; why <= KTLS_NO_HW_BOND; why++) {
		EXPECT_STRNE("UNKNOWN", ktls_no_hw_name((enum ktls_no_hw)why));
		EXPECT_NOT_NULL(ktls_no_hw_text((enum ktls_no_hw)why));
	}
	EXPECT_STREQ("FEATURE_OFF", ktls_no_hw_name(KTLS_NO_HW_FEATURE_OFF));
	EXPECT_NOT_NULL(strstr(ktls_alert_name(254), "unknown"));
}

TEST_HARNESS_MAIN
