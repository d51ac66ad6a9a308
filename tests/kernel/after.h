/* SPDX-License-Identifier: MIT */
/*
 * What the tests of connections behind their handshakes share: an application, whose handshake is
 * made in this process or by a ktlsd and whose records the kernel carries, and at the other end a
 * scripted peer (tests/harness/script.h) in a process of its own, that sees what is on the wire.
 *
 * What a kernel cannot do is tested, too: rekey says what this one can. With KTLS_AFTER_RELAY in
 * the environment a relay of a ktlsd's carries the records, on any kernel.
 */
#ifndef KTLS_TESTS_KERNEL_AFTER_H
#define KTLS_TESTS_KERNEL_AFTER_H

#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

#include <ktls-handshake.h>
#include <ktls-session.h>

#include "lib/ktls/loopback.h"
#include "lib/ktls/probe.h"
#include "tests/harness/app.h"
#include "tests/harness/auth.h"
#include "tests/harness/daemon.h"
#include "tests/harness/harness.h"
#include "tests/harness/script.h"
#include "tests/harness/shake.h"

struct after {
	bool ready;
	bool relay;
	bool rekey;   /* keys of this version can be changed in this kernel, or by the relay */
	bool updates; /* and by the application, at its own wish */
	struct daemon daemon;
	struct ktls *k;
	enum ktls_role role; /* ours */
	uint16_t version;
	bool any_data;        /* that the peer gets: not the pattern */
	uint64_t records_max; /* that the configuration sets; 0: none */
	struct auth server, client;
	struct cert *ca, *leaf;
	int fd[2]; /* ours, the peer's: closed here */
	struct ktls_session *session;
	struct app app;
	pid_t peer;
};

/* Without kernel TLS: false, and the test is skipped. */
static inline bool after_prepare(struct after *a, enum ktls_role role, uint16_t version)
{
	struct ktls_probe probe;

	a->role = role;
	a->version = version;
	a->fd[0] = a->fd[1] = -1;
	a->relay = getenv("KTLS_AFTER_RELAY") != NULL;
	a->rekey = version == KTLS_TLS_1_3;
	a->ready = a->relay;
	if (a->relay)
		return true;
	ktls_probe(KTLS_PROBE_SUITES, &probe);
	if (probe.reason != KTLS_OK)
		SKIP(return false, "no kernel TLS");
	a->rekey = a->rekey && (probe.capabilities & KTLS_CAN_REKEY);
	a->updates = a->rekey;
	a->ready = true;
	return true;
}

static inline struct ktls_span after_pem(const char *text, size_t len)
{
	return (struct ktls_span){ .bytes = (const uint8_t *)text, .len = len };
}

/* By a ktlsd, with more lines in its section. */
static inline void after_daemon(struct after *a, const char *ktlsd)
{
	const char *version = a->version == KTLS_TLS_1_2 ? "1.2" : "1.3";
	char profile[256], more[64] = "", base[100];

	if (a->records_max)
		snprintf(more, sizeof(more), "records-per-key = %llu\n",
			 (unsigned long long)a->records_max);
	snprintf(profile, sizeof(profile),
		 "tls-min = %s\ntls-max = %s\nserver-users = %u\nclient-users = *\n%s%s", version,
		 version, geteuid(), a->relay ? "records = relay\n" : "", more);
	daemon_open(&a->daemon, ktlsd, profile, NULL);
	snprintf(base, sizeof(base), "%s/server", a->daemon.dir);
	shake_load(&a->server, base);
	shake_trust(&a->client, daemon_path(&a->daemon, "ca.pem"));
	a->k = ktls_open(a->daemon.socket, NULL);
	ASSERT_NOT_NULL(a->k);
}

/* The handshakes are made in this process, but for a relay. */
static inline void after_embed(struct after *a)
{
	struct ktls_embedded_identity identity;
	struct ktls_embedded_config config = { .identities = &identity,
					       .identities_len = 1,
					       .version_min = a->version,
					       .version_max = a->version,
					       .records_per_key = a->records_max };
	struct ktls_error error = { .text = "" };

	if (a->relay) {
		after_daemon(a, "workers = 1\n");
		return;
	}
	a->ca = cert_ca(CERT_P256, "Test CA");
	a->leaf = cert_server(CERT_P256, "DNS:localhost", a->ca);
	auth_add(&a->server, a->leaf);
	auth_trust(&a->client, a->ca);
	identity = (struct ktls_embedded_identity){
		.certs = after_pem(a->leaf->pem, a->leaf->pem_len),
		.key = after_pem(a->leaf->key_pem, a->leaf->key_pem_len),
	};
	config.trust = after_pem(a->ca->pem, a->ca->pem_len);
	a->k = ktls_open_embedded(&config, &error);
	ASSERT_STREQ("", error.text);
	ASSERT_NOT_NULL(a->k);
}

/* A connection, on which the peer begins its script; and a session at our end. */
static inline void after_connect(struct after *a, const char *script)
{
	const struct ktls_params params = {
		.role = a->role,
		.server_name = a->role == KTLS_CLIENT ? "localhost" : NULL,
		.records = a->relay ? KTLS_RECORDS_PREFER_KERNEL : KTLS_RECORDS_REQUIRE_KERNEL,
		.deadline_ms = 60000,
	};
	const struct script_peer peer = {
		.role = a->role == KTLS_CLIENT ? KTLS_SERVER : KTLS_CLIENT,
		.version = a->version,
		.name = a->role == KTLS_CLIENT ? NULL : "localhost",
		.any_data = a->any_data,
		.auth = a->role == KTLS_CLIENT ? &a->server : &a->client,
		.script = script,
	};
	struct ktls_reply *reply;

	ASSERT_EQ(0, loopback_pair(a->fd));
	a->peer = script_peer_start(&peer, a->fd[1], a->fd[0]);
	close(a->fd[1]);
	ASSERT_EQ(0, ktls_handshake(a->k, a->fd[0], &params, &reply));
	ASSERT_STREQ("OK", ktls_reason_name((int)reply->reason));
	ASSERT_EQ(a->version, reply->version);
	ASSERT_EQ(a->relay ? KTLS_STATE_RELAY : KTLS_STATE_SW, reply->tx);
	a->session = ktls_session_new(a->k, reply);
	ASSERT_NOT_NULL(a->session);
	ktls_reply_free(reply);
}

static inline void after_use(struct after *a, enum app_reads reads, enum app_writes writes)
{
	app_init(&a->app, a->session, a->fd[0], reads, writes);
}

/* The session and our end are closed; the peer comes to the end of its script. */
static inline void after_end(struct after *a)
{
	EXPECT_EQ(0, a->app.wrong);
	app_wipe(&a->app);
	ktls_session_free(a->session);
	close(a->fd[0]);
	EXPECT_TRUE(script_peer_wait(a->peer));
	a->session = NULL;
	a->fd[0] = -1;
}

static inline void after_teardown(struct after *a)
{
	if (!a->ready)
		return;
	ktls_session_free(a->session);
	if (a->fd[0] >= 0)
		close(a->fd[0]);
	ktls_close(a->k);
	auth_wipe(&a->server);
	auth_wipe(&a->client);
	cert_free(a->leaf);
	cert_free(a->ca);
	if (a->daemon.pid)
		daemon_close(&a->daemon);
}

static inline void after_reason(const struct after *a, enum ktls_reason reason)
{
	EXPECT_STREQ(ktls_reason_name((int)reason),
		     ktls_reason_name((int)ktls_session_reason(a->session)));
}

#endif
