/* SPDX-License-Identifier: MIT */
/*
 * ktlsd's signers and sealed sessions: keys in a file that signers share and that outlives them,
 * their rotation, and the limits of those who ask.
 */
#include <sys/stat.h>

#include "daemon/sealing_file.h"
#include "lib/crypto/util.h"
#include "tests/unit/signer.h"

#define COOKIE 4711

static const uint8_t boot[SEALING_BOOT] = { 1, 2, 3 };
static const uint8_t content[] = "\x01"
				 "a and its secrets";
static const uint8_t slow[] = "\x04slow and its secrets";

static int open_file(const struct test_self_signer *self)
{
	char path[96];
	int fd;

	snprintf(path, sizeof(path), "%s/keys", self->dir);
	fd = sealing_file_open(path);
	ASSERT_GE(fd, 0);
	return fd;
}

static int give_file(struct test_self_signer *self, int fd, const uint8_t *id)
{
	struct channel_message m;

	channel_begin(&m, CHANNEL_SEALING);
	writer_bytes(&m.body, id, SEALING_BOOT);
	return channel_send(&self->control, &m, fd);
}

/* Channels of its own, so it may be a moment until a worker's question is behind it. */
static void give_keys(struct test_self_signer *self, const uint8_t *id)
{
	int fd = open_file(self);

	ASSERT_EQ(0, give_file(self, fd, id));
	close(fd);
	usleep(100000);
}

static int ask(struct test_self_signer *self, int worker, enum channel_type type, uint64_t cookie,
	       const void *bytes, size_t len)
{
	static const uint8_t header[SEALED_HEADER_LEN] = { 1 };
	struct channel_message m;

	channel_begin(&m, type);
	writer_u64(&m.body, 99);
	writer_u64(&m.body, cookie);
	if (type == CHANNEL_SEAL_SESSION)
		writer_bytes(&m.body, header, sizeof(header));
	writer_bytes(&m.body, bytes, len);
	return channel_send(&self->workers[worker], &m, CHANNEL_FD_NONE);
}

static enum ktls_reason get(struct test_self_signer *self, int worker, enum channel_type type,
			    uint64_t cookie, const void *bytes, size_t len)
{
	ASSERT_EQ(0, ask(self, worker, type, cookie, bytes, len));
	ASSERT_EQ(0, hear(self, &self->workers[worker]));
	EXPECT_EQ(99, self->token);
	EXPECT_EQ(self->reason == KTLS_OK, self->signature_len > 0);
	return self->reason;
}

struct sealed {
	uint8_t bytes[HANDOFF_SESSION_MAX];
	size_t len;
};

static struct sealed seal(struct test_self_signer *self)
{
	struct sealed s;

	ASSERT_EQ(KTLS_OK, get(self, 0, CHANNEL_SEAL_SESSION, COOKIE, content, sizeof(content)));
	ASSERT_EQ(sizeof(content) + SEALING_OVERHEAD, self->signature_len);
	s.len = self->signature_len;
	memcpy(s.bytes, self->signature, s.len);
	return s;
}

static enum ktls_reason open_one(struct test_self_signer *self, const struct sealed *s)
{
	enum ktls_reason reason = get(self, 1, CHANNEL_OPEN_SESSION, COOKIE, s->bytes, s->len);

	if (reason == KTLS_OK) {
		EXPECT_EQ(sizeof(content), self->signature_len);
		EXPECT_MEMEQ(content, self->signature, sizeof(content));
	}
	return reason;
}

TEST_F(signer, seals_nothing_without_keys)
{
	EXPECT_EQ(KTLS_R_SIGNER,
		  get(self, 0, CHANNEL_SEAL_SESSION, COOKIE, content, sizeof(content)));
	EXPECT_EQ(KTLS_R_SESSION_INVALID,
		  get(self, 0, CHANNEL_OPEN_SESSION, COOKIE, content, sizeof(content)));
}

TEST_F(signer, seals_and_opens)
{
	struct sealed s;

	give_keys(self, boot);
	s = seal(self);
	EXPECT_EQ(KTLS_OK, open_one(self, &s));
	EXPECT_EQ(KTLS_R_SESSION_INVALID,
		  get(self, 1, CHANNEL_OPEN_SESSION, COOKIE + 1, s.bytes, s.len));
	s.len--;
	EXPECT_EQ(KTLS_R_SESSION_INVALID, open_one(self, &s));
	s.len++;
	s.bytes[60] ^= 1;
	EXPECT_EQ(KTLS_R_SESSION_INVALID, open_one(self, &s));
}

TEST_F(signer, another_one_opens_what_it_sealed)
{
	struct test_self_signer other = { .bundles = self->bundles, .suspect = -1 };
	struct sealed s;

	strcpy(other.dir, self->dir);
	launch(&other);
	give_keys(self, boot);
	give_keys(&other, boot);
	s = seal(self);
	EXPECT_EQ(KTLS_OK, open_one(&other, &s));
	s = seal(&other);
	EXPECT_EQ(KTLS_OK, open_one(self, &s));
	finish(&other);
}

TEST_F(signer, its_successor_opens_what_it_sealed)
{
	struct sealed s;

	give_keys(self, boot);
	s = seal(self);
	for (int i = 0; i < 2; i++) {
		finish(self);
		launch(self);
		give_keys(self, boot);
		EXPECT_EQ(KTLS_OK, open_one(self, &s));
	}
}

TEST_F(signer, nothing_outlives_a_boot)
{
	static const uint8_t next[SEALING_BOOT] = { 1, 2, 4 };
	struct sealed s;

	give_keys(self, boot);
	s = seal(self);
	finish(self);
	launch(self);
	give_keys(self, next);
	EXPECT_EQ(KTLS_R_SESSION_INVALID, open_one(self, &s));
	s = seal(self);
	EXPECT_EQ(KTLS_OK, open_one(self, &s));
}

/* ---- rotation -------------------------------------------------------------------------------- */

/* What the file holds, and how many keys there are. */
static size_t look(const struct test_self_signer *self, struct sealing_keys *keys)
{
	int fd = open_file(self);

	memcpy(keys->boot, boot, sizeof(boot));
	ASSERT_EQ(0, sealing_file_load(fd, keys));
	close(fd);
	return keys->len;
}

/* As if the file had last been written so many seconds ago. */
static void age_file(struct test_self_signer *self, uint64_t seconds)
{
	int fd = open_file(self);
	struct sealing_keys keys;

	ASSERT_EQ(0, crypto_init());
	memcpy(keys.boot, boot, sizeof(boot));
	ASSERT_EQ(0, sealing_file_rotate(fd, &keys, sealing_time() - seconds, SEALING_AGE_S));
	ASSERT_EQ(1, keys.len);
	close(fd);
}

TEST_F(signer, replaces_keys_daily)
{
	struct test_self_signer other = { .bundles = self->bundles, .suspect = -1 };
	struct sealing_keys keys;
	struct sealed s;

	age_file(self, SEALING_ROTATE_S + 1);
	give_keys(self, boot);
	ASSERT_EQ(2, look(self, &keys));
	strcpy(other.dir, self->dir);
	launch(&other);
	give_keys(&other, boot);
	EXPECT_EQ(2, look(self, &keys));
	s = seal(&other);
	EXPECT_MEMEQ(keys.keys[0].name, s.bytes + SEALED_HEADER_LEN, SEALING_NAME);
	EXPECT_EQ(KTLS_OK, open_one(self, &s));
	finish(&other);
}

/* A key that another signer has made in the meantime is read when it is met. */
TEST_F(signer, finds_keys_of_others)
{
	struct sealing_keys keys;
	struct sealed s;
	int fd;

	give_keys(self, boot);
	ASSERT_EQ(1, look(self, &keys));
	fd = open_file(self);
	ASSERT_EQ(0, crypto_init());
	ASSERT_EQ(0, sealing_file_rotate(fd, &keys, sealing_time() + SEALING_ROTATE_S + 1,
					 SEALING_AGE_S));
	close(fd);
	ASSERT_EQ(2, keys.len);
	s.len = sealing_seal(&keys, sealing_time(), COOKIE, (uint8_t[SEALED_HEADER_LEN]){ 0 },
			     content, sizeof(content), s.bytes);
	EXPECT_EQ(KTLS_OK, open_one(self, &s));
}

TEST_F(signer, opens_nothing_that_is_too_old)
{
	struct sealing_keys keys;
	struct sealed s;

	give_keys(self, boot);
	look(self, &keys);
	ASSERT_EQ(0, crypto_init());
	s.len = sealing_seal(&keys, sealing_time() - SEALING_AGE_S + 60, COOKIE,
			     (uint8_t[SEALED_HEADER_LEN]){ 0 }, content, sizeof(content), s.bytes);
	EXPECT_EQ(KTLS_OK, open_one(self, &s));
	s.len = sealing_seal(&keys, sealing_time() - SEALING_AGE_S - 1, COOKIE,
			     (uint8_t[SEALED_HEADER_LEN]){ 0 }, content, sizeof(content), s.bytes);
	EXPECT_EQ(KTLS_R_SESSION_INVALID, open_one(self, &s));
}

/* ---- who asks -------------------------------------------------------------------------------- */

/* Profile "slow" may have two signatures a second, so sixteen seals. */
TEST_F(signer, counts_seals)
{
	unsigned int made = 0;
	struct sealed s;

	give_keys(self, boot);
	for (int i = 0; i < 60; i++) {
		ASSERT_EQ(0, ask(self, 0, CHANNEL_SEAL_SESSION, COOKIE, slow, sizeof(slow)));
		ASSERT_EQ(0, hear(self, &self->workers[0]));
		made += self->reason == KTLS_OK;
		if (self->reason != KTLS_OK)
			EXPECT_EQ(KTLS_R_SIGNER, self->reason);
	}
	EXPECT_GE(made, 16);
	EXPECT_LE(made, 32);
	s = seal(self); /* another profile */
	EXPECT_EQ(KTLS_OK, open_one(self, &s));
}

TEST_F(signer, counts_what_it_opens)
{
	unsigned int opened = 0;
	struct sealed s;

	give_keys(self, boot);
	ASSERT_EQ(KTLS_OK, get(self, 0, CHANNEL_SEAL_SESSION, COOKIE, slow, sizeof(slow)));
	s.len = self->signature_len;
	memcpy(s.bytes, self->signature, s.len);
	for (int i = 0; i < 60; i++)
		opened += get(self, 1, CHANNEL_OPEN_SESSION, COOKIE, s.bytes, s.len) == KTLS_OK;
	EXPECT_GE(opened, 15);
	EXPECT_LE(opened, 32);
}

TEST_F(signer, profile_that_is_not_there_any_more)
{
	static const uint8_t gone[] = "\x04gone";
	struct sealing_keys keys;
	struct sealed s;

	give_keys(self, boot);
	look(self, &keys);
	ASSERT_EQ(0, crypto_init());
	s.len = sealing_seal(&keys, sealing_time(), COOKIE, (uint8_t[SEALED_HEADER_LEN]){ 0 }, gone,
			     sizeof(gone), s.bytes);
	EXPECT_EQ(KTLS_R_PROFILE_UNKNOWN, open_one(self, &s));
}

static void expect_accused(struct test_self_signer *self)
{
	EXPECT_EQ(-EPIPE, hear(self, &self->workers[1]));
	ASSERT_EQ(0, hear(self, &self->control));
	EXPECT_EQ(1, self->suspect);
}

TEST_F(signer, accuses_who_seals_for_no_profile)
{
	give_keys(self, boot);
	ASSERT_EQ(0, ask(self, 1, CHANNEL_SEAL_SESSION, COOKIE, "\x05gone?", 6));
	expect_accused(self);
}

TEST_F(signer, accuses_who_opens_nothing)
{
	ASSERT_EQ(0, ask(self, 1, CHANNEL_OPEN_SESSION, COOKIE, "", 0));
	expect_accused(self);
}

TEST_F(signer, accuses_who_opens_too_much)
{
	static const uint8_t much[HANDOFF_SESSION_MAX + 1];

	ASSERT_EQ(0, ask(self, 1, CHANNEL_OPEN_SESSION, COOKIE, much, sizeof(much)));
	expect_accused(self);
}

TEST_F(signer, accuses_who_gives_it_a_file)
{
	const struct channel supervisor = { .fd = self->workers[1].fd };
	struct channel_message m;
	int fd = open_file(self);

	channel_begin(&m, CHANNEL_SEALING);
	writer_bytes(&m.body, boot, sizeof(boot));
	ASSERT_EQ(0, channel_send(&supervisor, &m, fd));
	close(fd);
	expect_accused(self);
}

/* What cannot be read or written is complained of, and everything else goes on. */
TEST_F(signer, file_that_is_none)
{
	int pair[2];

	ASSERT_EQ(0, pipe2(pair, O_CLOEXEC));
	ASSERT_EQ(0, give_file(self, pair[0], boot));
	close(pair[0]);
	close(pair[1]);
	usleep(100000);
	EXPECT_EQ(KTLS_R_SIGNER,
		  get(self, 0, CHANNEL_SEAL_SESSION, COOKIE, content, sizeof(content)));
}

TEST_HARNESS_MAIN
