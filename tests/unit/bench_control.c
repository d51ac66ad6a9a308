/* SPDX-License-Identifier: MIT */
/* What the ends of ktls-bench say to each other, and who may. */
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <ktls-tls.h>

#include "lib/crypto/util.h"
#include "tests/bench/ktls-bench/control.h"
#include "tests/harness/harness.h"

static const struct plan plan = {
	.mode = MODE_HW_ZC,
	.pattern = PATTERN_MORE,
	.direction = RESULT_BOTH_WAYS,
	.version = KTLS_TLS_1_2,
	.suite = KTLS_ECDHE_ECDSA_AES_128_GCM_SHA256,
	.connections = 7,
	.threads = 3,
	.object_bytes = UINT64_C(5) << 29,
	.write_bytes = 1000,
	.record_bytes = 4096,
	.warmup_ms = 10,
	.round_ms = 20,
	.bytes = 30,
	.switch_offload = true,
};

/* ---- messages ---------------------------------------------------------------------------------
 */

static uint8_t bytes[MESSAGE_MAX];
static struct writer out;

static struct reader begin(void)
{
	struct reader r;

	EXPECT_TRUE(writer_ok(&out));
	reader_init(&r, bytes, out.len);
	return r;
}

TEST(plans_come_as_they_went)
{
	struct plan seen;
	struct reader r;

	memset(&seen, 0, sizeof(seen));
	writer_init(&out, bytes, sizeof(bytes));
	plan_write(&out, &plan);
	r = begin();
	ASSERT_TRUE(plan_read(&r, &seen));
	EXPECT_EQ(plan.mode, seen.mode);
	EXPECT_EQ(plan.pattern, seen.pattern);
	EXPECT_EQ(plan.direction, seen.direction);
	EXPECT_EQ(plan.suite, seen.suite);
	EXPECT_EQ(plan.object_bytes, seen.object_bytes);
	EXPECT_EQ(plan.bytes, seen.bytes);
	EXPECT_EQ(plan.record_bytes, seen.record_bytes);
	EXPECT_TRUE(seen.switch_offload);
	EXPECT_FALSE(seen.verify);
	for (size_t cut = 0; cut < out.len; cut++) {
		reader_init(&r, bytes, cut);
		EXPECT_FALSE(plan_read(&r, &seen));
	}
	writer_u8(&out, 0);
	r = begin();
	EXPECT_FALSE(plan_read(&r, &seen));
}

static bool is_taken(const struct plan *p)
{
	struct plan seen;
	struct reader r;

	writer_init(&out, bytes, sizeof(bytes));
	plan_write(&out, p);
	r = begin();
	return plan_read(&r, &seen);
}

TEST(plans_without_sense_are_refused)
{
	struct plan p = plan;

	EXPECT_TRUE(is_taken(&p));
	p.connections = PLAN_CONNECTIONS + 1;
	EXPECT_FALSE(is_taken(&p));
	p = plan;
	p.threads = 8;
	EXPECT_FALSE(is_taken(&p));
	p = plan;
	p.object_bytes = PLAN_OBJECT + 1;
	EXPECT_FALSE(is_taken(&p));
	p = plan;
	p.round_ms = 0;
	p.bytes = 0;
	EXPECT_FALSE(is_taken(&p));
	p = plan;
	p.record_bytes = 63;
	EXPECT_FALSE(is_taken(&p));
	p = plan;
	p.write_bytes = 0;
	EXPECT_FALSE(is_taken(&p));
	p = plan;
	p.mode = MODE_USER;
	p.daemon = true;
	EXPECT_FALSE(is_taken(&p));
	p = plan;
	p.version = 0x0302;
	EXPECT_FALSE(is_taken(&p));
}

TEST(outcomes_come_as_they_went)
{
	struct outcome sent = { .received = 1, .retransmits = INT64_MAX, .tx = { .hw = 4 } }, seen;
	struct result_counter *counter = result_counter_add(&sent.counters);
	struct reader r;

	ASSERT_NOT_NULL(counter);
	counter->source = RESULT_ETHTOOL;
	counter->value = 99;
	result_text(counter->name, sizeof(counter->name), "tx_tls_ctx");
	result_text(sent.rx.why_not, sizeof(sent.rx.why_not), "VERSION");
	sent.hash_sent[31] = 8;
	writer_init(&out, bytes, sizeof(bytes));
	outcome_write(&out, &sent);
	r = begin();
	ASSERT_TRUE(outcome_read(&r, &seen));
	EXPECT_EQ(INT64_MAX, seen.retransmits);
	EXPECT_EQ(4, seen.tx.hw);
	EXPECT_STREQ("VERSION", seen.rx.why_not);
	EXPECT_EQ(8, seen.hash_sent[31]);
	ASSERT_EQ(1, seen.counters.counters_len);
	EXPECT_EQ(99, seen.counters.counters[0].value);
	EXPECT_EQ(RESULT_SERVER, seen.counters.counters[0].end);
	outcome_wipe(&seen);
	bytes[0] = 0x80; /* JSON has no such number */
	r = begin();
	EXPECT_FALSE(outcome_read(&r, &seen));
	for (size_t cut = 0; cut < out.len; cut++) {
		struct outcome nothing;

		reader_init(&r, bytes, cut);
		EXPECT_FALSE(outcome_read(&r, &nothing));
	}
	outcome_wipe(&sent);
}

TEST(greetings_come_as_they_went)
{
	static struct greeting sent, seen;
	struct reader r;

	snprintf(sent.trust, sizeof(sent.trust), "-----BEGIN\nx\n");
	snprintf(sent.name, sizeof(sent.name), "name");
	snprintf(sent.machine.kernel, sizeof(sent.machine.kernel), "Linux");
	sent.machine.load = 1.5;
	sent.machine.nic_tls_rx = RESULT_YES;
	writer_init(&out, bytes, sizeof(bytes));
	greeting_write(&out, &sent);
	r = begin();
	ASSERT_TRUE(greeting_read(&r, &seen));
	EXPECT_STREQ(sent.trust, seen.trust);
	EXPECT_EQ(RESULT_YES, seen.machine.nic_tls_rx);
	EXPECT_TRUE(seen.machine.load == 1.5);
	/* What would move a terminal's cursor is no text. */
	sent.name[0] = '\033';
	writer_init(&out, bytes, sizeof(bytes));
	greeting_write(&out, &sent);
	r = begin();
	EXPECT_FALSE(greeting_read(&r, &seen));
}

/* ---- the connection ---------------------------------------------------------------------------
 */

FIXTURE(control)
{
	struct control *serve, *run;
	uint8_t keys[2][CONTROL_KEY];
	int pair[2], result;
	pthread_t thread;
};

FIXTURE_SETUP(control)
{
	(void)variant;
	ASSERT_EQ(0, crypto_init());
	self->serve = calloc(1, sizeof(*self->serve));
	self->run = calloc(1, sizeof(*self->run));
	ASSERT_EQ(0, socketpair(AF_UNIX, SOCK_STREAM, 0, self->pair));
}

FIXTURE_TEARDOWN(control)
{
	(void)variant;
	close(self->pair[0]);
	close(self->pair[1]);
	free(self->serve);
	free(self->run);
}

static void *serve(void *arg)
{
	struct test_self_control *self = arg;

	self->result = control_begin(self->serve, self->pair[0], true, self->keys[0]);
	if (self->result < 0)
		shutdown(self->pair[0], SHUT_RDWR);
	return NULL;
}

static int begin_both(struct test_self_control *self)
{
	int r;

	EXPECT_EQ(0, pthread_create(&self->thread, NULL, serve, self));
	r = control_begin(self->run, self->pair[1], false, self->keys[1]);
	pthread_join(self->thread, NULL);
	return r;
}

TEST_F(control, carries_messages_both_ways)
{
	enum message_type type;
	struct reader body;

	ASSERT_EQ(0, begin_both(self));
	ASSERT_EQ(0, self->result);
	writer_init(&out, bytes, sizeof(bytes));
	plan_write(&out, &plan);
	for (int i = 0; i < 3; i++) {
		ASSERT_EQ(0, control_send(self->run, MESSAGE_PLAN, &out));
		ASSERT_EQ(0, control_receive(self->serve, 1000, &type, &body));
		EXPECT_EQ(MESSAGE_PLAN, type);
		EXPECT_TRUE(reader_equal(&body, bytes, out.len));
		ASSERT_EQ(0, control_send(self->serve, MESSAGE_GOING, NULL));
		ASSERT_EQ(0, control_expect(self->run, 1000, MESSAGE_GOING, &body));
	}
}

TEST_F(control, another_key_is_no_key)
{
	self->keys[1][CONTROL_KEY - 1] = 1;
	EXPECT_EQ(-1, begin_both(self));
	EXPECT_EQ(-1, self->result);
	EXPECT_NOT_NULL(strstr(self->serve->failed, "--key-file"));
	EXPECT_NOT_NULL(strstr(self->run->failed, "--key-file"));
}

TEST_F(control, a_message_is_good_once_and_in_one_direction)
{
	enum message_type type;
	struct reader body;
	uint8_t record[36];

	ASSERT_EQ(0, begin_both(self));
	ASSERT_EQ(0, control_send(self->run, MESSAGE_GO, NULL));
	ASSERT_EQ(sizeof(record), recv(self->pair[0], record, sizeof(record), 0));
	/* Back to where it came from. */
	ASSERT_EQ(sizeof(record), send(self->pair[0], record, sizeof(record), 0));
	EXPECT_EQ(-1, control_receive(self->run, 1000, &type, &body));
	ASSERT_EQ(sizeof(record), send(self->pair[1], record, sizeof(record), 0));
	EXPECT_EQ(0, control_receive(self->serve, 1000, &type, &body));
	ASSERT_EQ(sizeof(record), send(self->pair[1], record, sizeof(record), 0));
	EXPECT_EQ(-1, control_receive(self->serve, 1000, &type, &body));
}

TEST_F(control, a_bent_message_is_refused)
{
	enum message_type type;
	struct reader body;
	uint8_t record[36];

	ASSERT_EQ(0, begin_both(self));
	ASSERT_EQ(0, control_send(self->run, MESSAGE_GO, NULL));
	ASSERT_EQ(sizeof(record), recv(self->pair[0], record, sizeof(record), 0));
	record[0] = MESSAGE_END;
	ASSERT_EQ(sizeof(record), send(self->pair[1], record, sizeof(record), 0));
	EXPECT_EQ(-1, control_receive(self->serve, 1000, &type, &body));
	EXPECT_NOT_NULL(strstr(self->serve->failed, "not its own"));
}

TEST_F(control, a_length_beyond_all_is_refused_before_it_is_read)
{
	const uint8_t header[4] = { MESSAGE_PLAN, 1, 0, 1 };
	enum message_type type;
	struct reader body;

	ASSERT_EQ(0, begin_both(self));
	ASSERT_EQ(sizeof(header), send(self->pair[1], header, sizeof(header), 0));
	EXPECT_EQ(-1, control_receive(self->serve, 1000, &type, &body));
	EXPECT_NOT_NULL(strstr(self->serve->failed, "malformed"));
}

TEST_F(control, silence_ends_by_itself)
{
	enum message_type type;
	struct reader body;

	ASSERT_EQ(0, begin_both(self));
	ASSERT_EQ(1, send(self->pair[1], "\3", 1, 0));
	EXPECT_EQ(-1, control_receive(self->serve, 20, &type, &body));
	EXPECT_NOT_NULL(strstr(self->serve->failed, "no answer"));
}

TEST_F(control, why_it_failed_is_handed_on)
{
	struct reader body;

	ASSERT_EQ(0, begin_both(self));
	writer_init(&out, bytes, sizeof(bytes));
	failed_write(&out, "no device");
	ASSERT_EQ(0, control_send(self->serve, MESSAGE_FAILED, &out));
	EXPECT_EQ(-1, control_expect(self->run, 1000, MESSAGE_READY, &body));
	EXPECT_STREQ("no device", self->run->failed);
}

TEST_F(control, keys_are_made_once_and_read_again)
{
	char dir[] = "/tmp/ktls-bench-XXXXXX", path[64];

	ASSERT_NOT_NULL(mkdtemp(dir));
	snprintf(path, sizeof(path), "%s/key", dir);
	EXPECT_EQ(-2, control_key_load(path, false, self->keys[0]));
	ASSERT_EQ(0, control_key_load(path, true, self->keys[0]));
	ASSERT_EQ(0, control_key_load(path, true, self->keys[1]));
	EXPECT_EQ(0, memcmp(self->keys[0], self->keys[1], CONTROL_KEY));
	EXPECT_EQ(0, truncate(path, 20));
	EXPECT_EQ(-22, control_key_load(path, true, self->keys[1]));
	unlink(path);
	rmdir(dir);
}

TEST_F(control, who_has_been_told_to_stop_waits_no_more)
{
	const volatile int stop = 1;
	enum message_type type;
	struct reader body;

	ASSERT_EQ(0, begin_both(self));
	self->serve->stop = &stop;
	EXPECT_EQ(-1, control_receive(self->serve, 60000, &type, &body));
	EXPECT_STREQ("interrupted", self->serve->failed);
}

TEST_HARNESS_MAIN
