/* SPDX-License-Identifier: MIT */
/* ktlsd's signer and tickets: keys from the supervisor, tickets for workers, and their limits. */
#include "lib/crypto/util.h"
#include "tests/unit/signer.h"

static const uint8_t text[] = "a session, its profile and its policy";

static int give_keys(struct test_self_signer *self, const struct ticket_secrets *secrets)
{
	struct channel_message m;

	channel_begin(&m, CHANNEL_KEYS);
	for (size_t i = 0; i < secrets->len; i++)
		writer_vec(&m.body, 1, secrets->secrets[i].bytes, secrets->secrets[i].len);
	return channel_send(&self->control, &m, CHANNEL_FD_NONE);
}

static int ask(struct test_self_signer *self, int worker, enum channel_type type, uint16_t profile,
	       const void *bytes, size_t len)
{
	struct channel_message m;

	channel_begin(&m, type);
	writer_u64(&m.body, 99);
	writer_u16(&m.body, profile);
	writer_bytes(&m.body, bytes, len);
	return channel_send(&self->workers[worker], &m, CHANNEL_FD_NONE);
}

/* Asks and hears: the length of the answer. */
static size_t get(struct test_self_signer *self, int worker, enum channel_type type,
		  const void *bytes, size_t len)
{
	ASSERT_EQ(0, ask(self, worker, type, 0, bytes, len));
	ASSERT_EQ(0, hear(self, &self->workers[worker]));
	EXPECT_EQ(99, self->token);
	EXPECT_EQ(KTLS_OK, self->reason);
	return self->signature_len;
}

static void expect_opens(struct test_self_signer *self, const uint8_t *ticket, size_t len)
{
	ASSERT_EQ(sizeof(text), get(self, 1, CHANNEL_OPEN, ticket, len));
	EXPECT_MEMEQ(text, self->signature, sizeof(text));
}

TEST_F(signer, makes_no_tickets_without_keys)
{
	EXPECT_EQ(0, get(self, 0, CHANNEL_SEAL, text, sizeof(text)));
	EXPECT_EQ(0, get(self, 0, CHANNEL_OPEN, text, sizeof(text)));
}

TEST_F(signer, makes_and_opens_tickets)
{
	struct ticket_secrets secrets;
	uint8_t ticket[200];
	size_t len;

	ASSERT_EQ(0, crypto_init());
	ticket_secrets_init(&secrets);
	ASSERT_EQ(0, give_keys(self, &secrets));
	usleep(100000); /* two channels */
	len = get(self, 0, CHANNEL_SEAL, text, sizeof(text));
	ASSERT_EQ(sizeof(text) + TICKET_OVERHEAD, len);
	memcpy(ticket, self->signature, len);
	expect_opens(self, ticket, len);
	EXPECT_EQ(0, get(self, 1, CHANNEL_OPEN, ticket, len - 1));
	ticket_secrets_rotate(&secrets);
	ASSERT_EQ(0, give_keys(self, &secrets));
	usleep(100000);
	expect_opens(self, ticket, len);
	ticket_secrets_init(&secrets);
	ASSERT_EQ(0, give_keys(self, &secrets));
	usleep(100000);
	EXPECT_EQ(0, get(self, 1, CHANNEL_OPEN, ticket, len));
}

TEST_F(signer, makes_the_longest_ticket)
{
	static uint8_t content[TICKET_CONTENT_MAX], ticket[KTLS_ENGINE_TICKET_MAX];
	struct ticket_secrets secrets;

	ASSERT_EQ(0, crypto_init());
	ticket_secrets_init(&secrets);
	ASSERT_EQ(0, give_keys(self, &secrets));
	usleep(100000);
	ASSERT_EQ(sizeof(ticket), get(self, 0, CHANNEL_SEAL, content, sizeof(content)));
	memcpy(ticket, self->signature, sizeof(ticket));
	EXPECT_EQ(sizeof(content), get(self, 0, CHANNEL_OPEN, ticket, sizeof(ticket)));
	EXPECT_MEMEQ(content, self->signature, sizeof(content));
}

/* Profile "slow" may have two signatures a second, so sixteen tickets. */
TEST_F(signer, counts_tickets)
{
	struct ticket_secrets secrets;
	unsigned int made = 0;

	ASSERT_EQ(0, crypto_init());
	ticket_secrets_init(&secrets);
	ASSERT_EQ(0, give_keys(self, &secrets));
	usleep(100000);
	for (int i = 0; i < 60; i++) {
		ASSERT_EQ(0, ask(self, 0, CHANNEL_SEAL, 1, text, sizeof(text)));
		ASSERT_EQ(0, hear(self, &self->workers[0]));
		made += self->signature_len > 0;
	}
	EXPECT_GE(made, 16);
	EXPECT_LE(made, 32);
	EXPECT_GT(get(self, 0, CHANNEL_SEAL, text, sizeof(text)), 0); /* another profile */
}

static void expect_accused(struct test_self_signer *self)
{
	EXPECT_EQ(-EPIPE, hear(self, &self->workers[1]));
	ASSERT_EQ(0, hear(self, &self->control));
	EXPECT_EQ(1, self->suspect);
}

TEST_F(signer, accuses_who_names_a_profile_that_there_is_not)
{
	ASSERT_EQ(0, ask(self, 1, CHANNEL_SEAL, 2, text, sizeof(text)));
	expect_accused(self);
}

TEST_F(signer, accuses_who_sends_nothing_to_open)
{
	ASSERT_EQ(0, ask(self, 1, CHANNEL_OPEN, 0, text, 0));
	expect_accused(self);
}

TEST_F(signer, accuses_who_gives_it_keys)
{
	const struct channel supervisor = { .fd = self->workers[1].fd };
	struct channel_message m;

	channel_begin(&m, CHANNEL_KEYS);
	writer_vec(&m.body, 1, text, 32);
	ASSERT_EQ(0, channel_send(&supervisor, &m, CHANNEL_FD_NONE));
	expect_accused(self);
}

/* Nobody is left to believe: it ends. */
TEST_F(signer, ends_over_a_key_that_is_too_short)
{
	struct channel_message m;
	int status;

	channel_begin(&m, CHANNEL_KEYS);
	writer_vec(&m.body, 1, text, 32);
	writer_vec(&m.body, 1, text, 31);
	ASSERT_EQ(0, channel_send(&self->control, &m, CHANNEL_FD_NONE));
	ASSERT_EQ(self->pid, waitpid(self->pid, &status, 0));
	EXPECT_NE(0, status);
	self->pid = 0;
}

TEST_HARNESS_MAIN
