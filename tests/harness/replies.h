/* SPDX-License-Identifier: MIT */
/* What replies of libktls have to be. */
#ifndef TESTS_HARNESS_REPLIES_H
#define TESTS_HARNESS_REPLIES_H

#include <ktls.h>

#include "tests/harness/harness.h"

/* The last one of a listening, which is freed. */
static inline void expect_last_reply(struct ktls_reply *reply, uint64_t id, enum ktls_reason reason)
{
	ASSERT_NOT_NULL(reply);
	EXPECT_EQ(id, reply->id);
	EXPECT_STREQ(ktls_reason_name((int)reason), ktls_reason_name((int)reply->reason));
	EXPECT_EQ(0, reply->more);
	EXPECT_EQ(-1, reply->fd);
	ktls_reply_free(reply);
}

#endif
