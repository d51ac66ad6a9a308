/* SPDX-License-Identifier: MIT */
/* The ways of reading that tests/kernel/after_*.c try, in both roles and versions. */
#ifndef KTLS_TESTS_KERNEL_AFTER_READING_H
#define KTLS_TESTS_KERNEL_AFTER_READING_H

#include "tests/kernel/after.h"

#define LEN(array) (sizeof(array) / sizeof((array)[0]))

FIXTURE(reading)
{
	struct after a;
};

FIXTURE_VARIANT(reading)
{
	enum ktls_role role;
	uint16_t version;
	enum app_reads reads;
};

/* A client of TLS 1.3 meets the most. */
#define READS(name, how)                       \
	FIXTURE_VARIANT_ADD(reading, name)     \
	{                                      \
		KTLS_CLIENT, KTLS_TLS_1_3, how \
	}
READS(ktls_recv, APP_KTLS_RECV);
READS(ktls_recvmsg, APP_KTLS_RECVMSG);
READS(read, APP_READ);
READS(readv, APP_READV);
READS(recvmsg, APP_RECVMSG);
READS(splice, APP_SPLICE);
READS(ktls_recv_poll, APP_KTLS_RECV_POLL);
READS(read_poll, APP_READ_POLL);
READS(read_epoll_et, APP_READ_EPOLL_ET);
READS(read_epoll_lt, APP_READ_EPOLL_LT);
FIXTURE_VARIANT_ADD(reading, server_ktls_recv){ KTLS_SERVER, KTLS_TLS_1_3, APP_KTLS_RECV };
FIXTURE_VARIANT_ADD(reading, server_read_poll){ KTLS_SERVER, KTLS_TLS_1_3, APP_READ_POLL };
FIXTURE_VARIANT_ADD(reading, client12_ktls_recv){ KTLS_CLIENT, KTLS_TLS_1_2, APP_KTLS_RECV };
FIXTURE_VARIANT_ADD(reading, client12_read_poll){ KTLS_CLIENT, KTLS_TLS_1_2, APP_READ_POLL };
FIXTURE_VARIANT_ADD(reading, server12_read){ KTLS_SERVER, KTLS_TLS_1_2, APP_READ };

FIXTURE_SETUP(reading)
{
	if (after_prepare(&self->a, variant->role, variant->version))
		after_embed(&self->a);
}

FIXTURE_TEARDOWN(reading)
{
	after_teardown(&self->a);
}

static inline bool connect_for(struct test_self_reading *self,
			       const struct test_variant_reading *variant, const char *script)
{
	if (!self->a.ready)
		return false;
	after_connect(&self->a, script);
	after_use(&self->a, variant->reads, APP_KTLS_SEND);
	return true;
}

/* Data, and what ends it: a row each. */
struct ending {
	const char *script;
	int result; /* of reading */
	enum ktls_reason reason;
	uint64_t lost; /* bytes sent that the application must not get */
};

/* On a connection that has begun. */
static inline void ends_now(struct test_self_reading *self,
			    const struct test_variant_reading *variant, const struct ending *e)
{
	int result = app_read(&self->a.app, UINT64_MAX);

	if (result != e->result)
		TH_LOG("%s", e->script);
	EXPECT_EQ(e->result, result);
	after_reason(&self->a, e->reason);
	/* And so it stays, for whoever asks libktls. */
	if (variant->reads == APP_KTLS_RECV || variant->reads == APP_KTLS_RECVMSG)
		EXPECT_EQ(e->result, app_read(&self->a.app, UINT64_MAX));
	EXPECT_EQ(e->result, ktls_recover(self->a.session, self->a.fd[0], EIO));
	after_end(&self->a);
	EXPECT_EQ(script_peer_seen()->sent - e->lost, self->a.app.read);
}

static inline void ends(struct test_self_reading *self, const struct test_variant_reading *variant,
			const struct ending *e)
{
	if (connect_for(self, variant, e->script))
		ends_now(self, variant, e);
}

static inline void all_end(struct test_self_reading *self,
			   const struct test_variant_reading *variant, const struct ending *rows,
			   size_t n)
{
	for (size_t i = 0; i < n; i++)
		ends(self, variant, &rows[i]);
}

#endif
