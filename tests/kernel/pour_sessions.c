/* SPDX-License-Identifier: MIT */
/*
 * Much data both ways at once with plain calls, while both ends change their keys and ask the other
 * to change its own (RFC 9846, 4.7.3), and tickets come in between: what read() stops at goes to
 * ktls_recover(), as programs with loops of their own do. Where keys cannot be changed the data
 * goes through all the same. KTLS_BULK_BYTES and KTLS_BULK_SEED say how much and what.
 */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include <ktls-handshake.h>
#include <ktls-session.h>
#include <ktls.h>

#include "tests/harness/certs.h"
#include "tests/harness/conns.h"
#include "tests/harness/harness.h"
#include "tests/harness/keyed.h"
#include "tests/harness/pour.h"
#include "tests/harness/tls_pair.h"

#define USUAL   (1 << 20)
#define UPDATES 8 /* of an end by itself: as many again are asked for, and no storm is stood */

struct end {
	struct ktls *k;
	struct ktls_reply *reply;
	struct ktls_session *session;
	const struct ktls_params *params;
	int fd;
	struct pour pour;
	uint64_t next; /* bytes sent before the next update */
	unsigned int updates, answers, refused;
	atomic_uint recovered;
};

FIXTURE(sessions)
{
	bool ready;
	struct cert *ca, *leaf;
	struct ktls_embedded_identity identity;
	struct end ends[2]; /* client, server */
};

FIXTURE_VARIANT(sessions)
{
	uint16_t version;
	bool nonblocking;
};

FIXTURE_VARIANT_ADD(sessions, tls13){ KTLS_TLS_1_3, false };
FIXTURE_VARIANT_ADD(sessions, tls13_nonblocking){ KTLS_TLS_1_3, true };
FIXTURE_VARIANT_ADD(sessions, tls12){ KTLS_TLS_1_2, false };

static const struct ktls_params server_params = { .role = KTLS_SERVER };
static const struct ktls_params client_params = { .role = KTLS_CLIENT,
						  .server_name = "example.com" };

static struct ktls_span span_of(const char *text, size_t len)
{
	return (struct ktls_span){ .bytes = (const uint8_t *)text, .len = len };
}

/* With little room, so that there often is none. */
static void make_nonblocking(int fd)
{
	int small = 32768;

	ASSERT_EQ(0, fcntl(fd, F_SETFL, O_RDWR | O_NONBLOCK));
	ASSERT_EQ(0, setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &small, sizeof(small)));
}

FIXTURE_SETUP(sessions)
{
	struct ktls_embedded_config config = { .identities = &self->identity,
					       .identities_len = 1,
					       .version_min = variant->version,
					       .version_max = variant->version };
	int fd[2];

	self->ready = keyed_or_skip();
	if (!self->ready)
		return;
	self->ca = cert_ca(CERT_P256, "Test CA");
	self->leaf = cert_server(CERT_P256, "DNS:example.com", self->ca);
	self->identity.certs = span_of(self->leaf->pem, self->leaf->pem_len);
	self->identity.key = span_of(self->leaf->key_pem, self->leaf->key_pem_len);
	config.trust = span_of(self->ca->pem, self->ca->pem_len);
	tcp_pair(fd, 0);
	for (int i = 0; i < 2; i++) {
		self->ends[i] = (struct end){ .k = ktls_open_embedded(&config, NULL),
					      .fd = fd[i],
					      .params = i ? &server_params : &client_params };
		ASSERT_NOT_NULL(self->ends[i].k);
		if (variant->nonblocking)
			make_nonblocking(fd[i]);
	}
}

FIXTURE_TEARDOWN(sessions)
{
	if (!self->ready)
		return;
	for (int i = 0; i < 2; i++) {
		ktls_session_free(self->ends[i].session);
		ktls_reply_free(self->ends[i].reply);
		ktls_close(self->ends[i].k);
		close(self->ends[i].fd);
	}
	cert_free(self->leaf);
	cert_free(self->ca);
}

/* ---- an end ---------------------------------------------------------------------------------- */

static int recover(void *arg, int fd, int error)
{
	struct end *end = arg;

	end->recovered++;
	return ktls_recover(end->session, fd, error);
}

/* An update of its own now and then, every other with a request; and those that the peer wants. */
static int before_send(void *arg, int fd, uint64_t sent)
{
	struct end *end = arg;
	int r = 0;

	if (ktls_update_owed(end->session)) {
		end->answers++;
		r = ktls_maintain(end->session, fd);
	}
	if (r < 0 || sent < end->next)
		return r;
	end->next += end->pour.bytes / (UPDATES + 1);
	r = ktls_update_keys(end->session, fd, end->updates % 2 ? KTLS_UPDATE_REQUEST : 0);
	if (r == -EOPNOTSUPP) {
		end->refused++;
		return 0;
	}
	end->updates++;
	return r;
}

static void *run(void *arg)
{
	struct end *end = arg;

	ASSERT_EQ(0, ktls_handshake(end->k, end->fd, end->params, &end->reply));
	ASSERT_STREQ("OK", ktls_reason_name((int)end->reply->reason));
	end->session = ktls_session_new(end->k, end->reply);
	ASSERT_NOT_NULL(end->session);
	end->next = end->pour.bytes / (UPDATES + 1);
	(void)pour_both(&end->pour);
	return NULL;
}

static void report(const struct end *end, bool able)
{
	TH_LOG("%u updates, %u answers, %u times recovered, %u refused; %s", end->updates,
	       end->answers, end->recovered, end->refused,
	       ktls_reason_name((int)ktls_session_reason(end->session)));
	EXPECT_EQ(end->pour.bytes, end->pour.sent);
	EXPECT_EQ(end->pour.bytes, end->pour.received);
	EXPECT_EQ(0, end->pour.send_error);
	EXPECT_EQ(0, end->pour.recv_error);
	EXPECT_TRUE(end->pour.same);
	EXPECT_EQ(able, end->updates > 0);
	EXPECT_EQ(!able, end->refused > 0);
}

static void pour_over(struct end ends[2], enum pour_way way, bool able)
{
	uint64_t bytes = pour_bytes(USUAL), seed = pour_seed();
	time_t since = time(NULL);
	pthread_t thread;

	for (int i = 0; i < 2; i++)
		ends[i].pour = (struct pour){ .fd = ends[i].fd,
					      .way = way,
					      .bytes = bytes,
					      .seed = seed + 2 * (unsigned int)i,
					      .pauses = true,
					      .recover = recover,
					      .before_send = before_send,
					      .arg = &ends[i] };
	TH_LOG("KTLS_BULK_SEED=%llu", (unsigned long long)seed);
	ASSERT_EQ(0, pthread_create(&thread, NULL, run, &ends[0]));
	run(&ends[1]);
	pthread_join(thread, NULL);
	TH_LOG("%llu bytes each way in %ld s", (unsigned long long)bytes,
	       (long)(time(NULL) - since));
	report(&ends[0], able);
	report(&ends[1], able);
	/* Who was done with sending when it was asked owes no answer any more. */
	EXPECT_EQ(able, ends[0].answers + ends[1].answers > 0);
}

#define WAY(name, way)                                                                             \
	TEST_F_TIMEOUT(sessions, name, 3600)                                                       \
	{                                                                                          \
		if (self->ready)                                                                   \
			pour_over(self->ends, way,                                                 \
				  tls_pair_kernel.rekey == 0 && variant->version == KTLS_TLS_1_3); \
	}

WAY(read_and_write, POUR_BYTES)
WAY(sendfile_and_waitall, POUR_FILES)
WAY(splice_both_ways, POUR_SPLICES)
WAY(all_in_turns, POUR_MIXED)

int main(int argc, char **argv)
{
	return tls_pair_main(argc, argv);
}
