/* SPDX-License-Identifier: MIT */
/*
 * Much data through two relays, both ways at once, in every way that programs have, with sizes and
 * pauses drawn at random; in TLS 1.3 both ends change their keys all the while. KTLS_BULK_BYTES
 * (1073741824) and KTLS_BULK_SEED say how much and what.
 */
#include <stdlib.h>

#include "tests/harness/pour.h"
#include "tests/unit/relay_pair.h"

#define USUAL (16 << 20)
#define KEYS  10 /* of an end, or some more: as many are asked for, and a peer stands no storm */

FIXTURE(pour)
{
	struct relay_pair pair;
};

FIXTURE_VARIANT(pour)
{
	uint16_t version, suite;
};

FIXTURE_VARIANT_ADD(pour, tls13_aes_128){ KTLS_TLS_1_3, KTLS_AES_128_GCM_SHA256 };
FIXTURE_VARIANT_ADD(pour, tls13_chacha20){ KTLS_TLS_1_3, KTLS_CHACHA20_POLY1305_SHA256 };
FIXTURE_VARIANT_ADD(pour, tls12_aes_256){ KTLS_TLS_1_2, KTLS_ECDHE_RSA_AES_256_GCM_SHA384 };

/* TLS 1.2 has no new keys: its relay would close the connection. */
FIXTURE_SETUP(pour)
{
	uint64_t rekey[2] = { 0, 0 };

	if (variant->version == KTLS_TLS_1_3) {
		rekey[0] = pour_bytes(USUAL) / 16384 / KEYS;
		rekey[1] = rekey[0] + 7;
	}
	relay_pair_open(&self->pair, variant->version, variant->suite, rekey);
}

FIXTURE_TEARDOWN(pour)
{
	relay_pair_wipe(&self->pair);
}

static void expect_good_ends(struct relay_pair *pair, bool v13)
{
	relay_pair_finish(pair);
	for (int i = 0; i < 2; i++) {
		EXPECT_STREQ("OK", ktls_reason_name((int)pair->ends[i].reason));
		EXPECT_EQ(v13, pair->ends[i].updates_sent > 0);
		/* The last one may find an application that has closed. */
		EXPECT_LE(pair->ends[1 - i].updates_received, pair->ends[i].updates_sent);
		EXPECT_GE(pair->ends[1 - i].updates_received + 1, pair->ends[i].updates_sent);
	}
	EXPECT_LE(pair->most_bytes, 2 * (2 * RELAY_BUFFER + 8192));
}

static void pour_over(struct relay_pair *pair, enum pour_way way, bool v13)
{
	pour_between(pair->application, way, pour_bytes(USUAL));
	expect_good_ends(pair, v13);
	TH_LOG("%u and %u new keys", pair->ends[0].updates_sent, pair->ends[1].updates_sent);
}

#define WAY(name, way)                                                         \
	TEST_F_TIMEOUT(pour, name, 1800)                                       \
	{                                                                      \
		pour_over(&self->pair, way, variant->version == KTLS_TLS_1_3); \
	}

WAY(read_and_write, POUR_BYTES)
WAY(readv_and_writev, POUR_VECTORS)
WAY(recvmsg_and_sendmsg, POUR_MESSAGES)
WAY(sendfile_and_waitall, POUR_FILES)
WAY(splice_both_ways, POUR_SPLICES)
WAY(all_in_turns, POUR_MIXED)

TEST_HARNESS_MAIN
