/* SPDX-License-Identifier: MIT */
/* The scripted peer against itself: its language, and that it notices what nobody may do. */
#include <fcntl.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "lib/ktls/loopback.h"
#include "tests/harness/harness.h"
#include "tests/harness/script.h"

FIXTURE(script)
{
	struct auth server, client;
	struct cert *ca, *leaf;
	int fd[2];
};

FIXTURE_VARIANT(script)
{
	uint16_t version, suite;
};

FIXTURE_VARIANT_ADD(script, tls13){ KTLS_TLS_1_3, KTLS_AES_128_GCM_SHA256 };
FIXTURE_VARIANT_ADD(script, tls13_chacha20){ KTLS_TLS_1_3, KTLS_CHACHA20_POLY1305_SHA256 };
FIXTURE_VARIANT_ADD(script, tls12){ KTLS_TLS_1_2, KTLS_ECDHE_ECDSA_AES_128_GCM_SHA256 };

FIXTURE_SETUP(script)
{
	self->ca = cert_ca(CERT_P256, "Test CA");
	self->leaf = cert_server(CERT_P256, "DNS:localhost", self->ca);
	auth_add(&self->server, self->leaf);
	auth_trust(&self->client, self->ca);
	ASSERT_EQ(0, loopback_pair(self->fd));
}

FIXTURE_TEARDOWN(script)
{
	auth_wipe(&self->server);
	auth_wipe(&self->client);
	cert_free(self->leaf);
	cert_free(self->ca);
}

/* What each of them said when it was over. */
struct outcome {
	bool well;
	char said[1000];
};

static pid_t start(const struct script_peer *peer, int fd, int other, int stderr_to)
{
	int before = dup(STDERR_FILENO);
	pid_t pid;

	dup2(stderr_to, STDERR_FILENO);
	pid = script_peer_start(peer, fd, other);
	dup2(before, STDERR_FILENO);
	close(before);
	return pid;
}

static void finish(pid_t pid, int from, struct outcome *out)
{
	size_t len = 0;
	ssize_t n;

	do {
		n = read(from, out->said + len, sizeof(out->said) - 1 - len);
		len += n > 0 ? (size_t)n : 0;
	} while (n > 0);
	out->said[len] = '\0';
	out->well = script_peer_wait(pid);
	close(from);
}

static void run(struct test_self_script *self, const struct test_variant_script *variant,
		const char *server, const char *client, struct outcome out[static 2])
{
	struct script_peer peer = { .version = variant->version, .suite = variant->suite };
	int pipes[2][2];
	pid_t pid[2];

	for (int i = 0; i < 2; i++) {
		peer.role = i == 0 ? KTLS_SERVER : KTLS_CLIENT;
		peer.auth = i == 0 ? &self->server : &self->client;
		peer.name = i == 0 ? NULL : "localhost";
		peer.script = i == 0 ? server : client;
		ASSERT_EQ(0, pipe2(pipes[i], O_CLOEXEC));
		pid[i] = start(&peer, self->fd[i], i == 0 ? self->fd[1] : -1, pipes[i][1]);
		close(pipes[i][1]);
		close(self->fd[i]);
	}
	for (int i = 0; i < 2; i++)
		finish(pid[i], pipes[i][0], &out[i]);
}

static void goes_well(struct test_self_script *self, const struct test_variant_script *variant,
		      const char *server, const char *client)
{
	struct outcome out[2];

	run(self, variant, server, client, out);
	EXPECT_STREQ("", out[0].said);
	EXPECT_STREQ("", out[1].said);
	EXPECT_TRUE(out[0].well);
	EXPECT_TRUE(out[1].well);
}

/* The client says why it ends. */
static void is_caught(struct test_self_script *self, const struct test_variant_script *variant,
		      const char *server, const char *client, const char *why)
{
	struct outcome out[2];

	run(self, variant, server, client, out);
	EXPECT_FALSE(out[1].well);
	EXPECT_NOT_NULL(strstr(out[1].said, why));
	if (strstr(out[1].said, why) == NULL)
		TH_LOG("%s", out[1].said);
}

TEST_F(script, data_and_its_end)
{
	goes_well(self, variant,
		  "send 100000, empty 32, record 100, pad 50, send 1000, pad 0\n"
		  "expect data 5000, close-notify, fin, expect close-notify, expect fin",
		  "send 5000 # at once\nexpect data 100500, expect data 500\n"
		  "expect end, close-notify");
}

TEST_F(script, both_ways_at_once)
{
	goes_well(self, variant, "duplex 3000000 4000000, close-notify, expect end",
		  "duplex 4000000 3000000, expect close-notify, close-notify");
}

TEST_F(script, ends)
{
	struct outcome out[2];

	goes_well(self, variant, "fatal 40, rst", "expect alert 40, drain, expect reset");
	ASSERT_EQ(0, loopback_pair(self->fd));
	run(self, variant, "cut, fin", "expect data 1", out);
	EXPECT_TRUE(out[0].well);
	EXPECT_FALSE(out[1].well);
	EXPECT_NOT_NULL(strstr(out[1].said, "ends within a record"));
}

TEST_F(script, piece_by_piece)
{
	goes_well(self, variant,
		  "trickle, send 300, trickle off, cork, send 5, send 6, uncork, delay 500",
		  "wait, expect data 311, expect nothing 1, expect fin");
}

TEST_F(script, bad_records)
{
	struct outcome out[2];

	is_caught(self, variant, "bad-mac", "expect data 1", "RECORD_MAC");
	ASSERT_EQ(0, loopback_pair(self->fd));
	is_caught(self, variant, "oversize", "expect data 1", "a record of 18705 bytes");
	ASSERT_EQ(0, loopback_pair(self->fd));
	run(self, variant, "send 10", "send 3, expect data 11", out);
	EXPECT_FALSE(out[1].well);
	EXPECT_NOT_NULL(strstr(out[1].said, "expected data, got the end"));
}

TEST_F(script, what_is_not_expected)
{
	is_caught(self, variant, "send 10, close-notify", "expect data 11",
		  "\"expect data 11\": expected data, got an alert, number 0");
	ASSERT_EQ(0, loopback_pair(self->fd));
	is_caught(self, variant, "fatal 20", "expect close-notify", "alert 20, not close_notify");
}

/* ---- what one version has
 * -----------------------------------------------------------------------------------
 */

FIXTURE(script13)
{
	struct test_self_script script;
};

static const struct test_variant_script tls13 = { KTLS_TLS_1_3, KTLS_AES_256_GCM_SHA384 };

FIXTURE_SETUP(script13)
{
	test_setup_of_script(&self->script, &tls13);
}

FIXTURE_TEARDOWN(script13)
{
	test_teardown_of_script(&self->script, &tls13);
}

TEST_F(script13, tickets)
{
	goes_well(&self->script, &tls13,
		  "tickets 10, split 3, tickets 1, join 2, tickets 2, tickets 1 40000, send 1",
		  "repeat 14 expect message 4\nexpect data 1");
}

TEST_F(script13, key_updates)
{
	goes_well(&self->script, &tls13,
		  "key-update, key-update, send 100, key-update request, send 100\n"
		  "expect key-update answer, expect data 100, until key-update request\n"
		  "expect data 200, expect key-updates 2, close-notify, expect close-notify",
		  "expect data 200, send 100, send 50, key-update request, send 200\n"
		  "expect key-update, expect close-notify, expect key-updates 4, close-notify");
}

TEST_F(script13, a_storm_of_them)
{
	goes_well(&self->script, &tls13, "storm 10000, send 1",
		  "expect data 1, expect key-updates 10000, expect fin");
}

TEST_F(script13, key_updates_from_both_ends_at_once)
{
	goes_well(&self->script, &tls13,
		  "duplex 3000000 4000000 3 request, close-notify, until close-notify",
		  "duplex 4000000 3000000 5 request, close-notify, until close-notify");
}

TEST_F(script13, one_that_is_not_answered)
{
	goes_well(&self->script, &tls13, "silent, expect key-update request, send 10, expect fin",
		  "key-update request, expect data 10, expect key-updates 0");
	ASSERT_EQ(0, loopback_pair(self->script.fd));
	is_caught(&self->script, &tls13, "key-update request, key-update request, send 1",
		  "silent, expect data 1", "asks for ours again");
}

TEST_F(script13, keys_in_the_wrong_order)
{
	is_caught(&self->script, &tls13, "send 1, old-key, send 1", "expect data 2",
		  "\"expect data 2\": number 2 under key 0, an old one, where number 2 is next");
	ASSERT_EQ(0, loopback_pair(self->script.fd));
	is_caught(&self->script, &tls13, "send 1, new-key, send 1", "expect data 2",
		  "a record under key 1, without the KeyUpdate before it");
	ASSERT_EQ(0, loopback_pair(self->script.fd));
	is_caught(&self->script, &tls13, "key-update, send 1, send 1, same-key, send 1",
		  "expect data 3", "key 1, number 0: used twice");
}

TEST_F(script13, a_type_that_nobody_knows)
{
	is_caught(&self->script, &tls13, "type 99", "expect data 1", "a record of type 99");
}

TEST_F(script13, a_key_update_is_the_last_of_its_record)
{
	is_caught(&self->script, &tls13, "join 2, key-update, tickets 1", "expect data 1",
		  "behind a KeyUpdate");
}

FIXTURE(script12)
{
	struct test_self_script script;
};

static const struct test_variant_script tls12 = { KTLS_TLS_1_2,
						  KTLS_ECDHE_ECDSA_AES_256_GCM_SHA384 };

FIXTURE_SETUP(script12)
{
	test_setup_of_script(&self->script, &tls12);
}

FIXTURE_TEARDOWN(script12)
{
	test_teardown_of_script(&self->script, &tls12);
}

TEST_F(script12, hello_requests)
{
	goes_well(&self->script, &tls12,
		  "hello-request 2, join 2, hello-request 2, expect alert 100",
		  "repeat 4 expect message 0\nalert 1 100");
}

TEST_HARNESS_MAIN
