/* SPDX-License-Identifier: MIT */
#include "tests/harness/later.h"

#include <string.h>

#include "tests/harness/harness.h"

static struct {
	uint16_t group, scheme;
	uint8_t *out;
	uint8_t *private_key;
	size_t *len;
	uint8_t peer[KTLS_ENGINE_SHARE_MAX];
	size_t peer_len;
	uint8_t bytes[KTLS_ENGINE_SIGNATURE_MAX];
	size_t bytes_len;
	const struct ktls_engine_ops *ops;
} later;

static int finish_generate(struct engine_end *end)
{
	return ktls_engine_default_ops.generate(end, later.group, later.private_key, later.out);
}

static int later_generate(void *arg, uint16_t group, uint8_t *private_key, uint8_t *share)
{
	later.group = group;
	later.private_key = private_key;
	later.out = share;
	((struct engine_end *)arg)->deferred = finish_generate;
	return KTLS_ENGINE_PENDING;
}

static int finish_agree(struct engine_end *end)
{
	return ktls_engine_default_ops.agree(end, later.group, later.private_key, later.peer,
					     later.peer_len, later.out);
}

static int later_agree(void *arg, uint16_t group, const uint8_t *private_key, const uint8_t *peer,
		       size_t peer_len, uint8_t *shared)
{
	later.group = group;
	later.private_key = (uint8_t *)(uintptr_t)private_key;
	later.out = shared;
	memcpy(later.peer, peer, peer_len);
	later.peer_len = peer_len;
	((struct engine_end *)arg)->deferred = finish_agree;
	return KTLS_ENGINE_PENDING;
}

static int finish_sign(struct engine_end *end)
{
	(void)end;
	memcpy(later.out, later.bytes, later.bytes_len);
	*later.len = later.bytes_len;
	return 0;
}

static int later_sign(void *arg, const struct ktls_engine_sign *request, uint8_t *signature,
		      size_t *signature_len)
{
	uint8_t scratch[KTLS_ENGINE_CONTENT_MAX];
	struct ktls_span content = ktls_engine_sign_content(request, scratch);

	later.bytes_len = engines_fake_signature(content.bytes, content.len, later.bytes);
	later.out = signature;
	later.len = signature_len;
	((struct engine_end *)arg)->deferred = finish_sign;
	return KTLS_ENGINE_PENDING;
}

static int finish_verdict(struct engine_end *end)
{
	return end->verdict;
}

static int finish_well(struct engine_end *end)
{
	(void)end;
	return 0;
}

static int later_verify_chain(void *arg, const struct ktls_span *certs, size_t certs_len)
{
	(void)certs;
	EXPECT_EQ(1, certs_len);
	((struct engine_end *)arg)->deferred = finish_verdict;
	return KTLS_ENGINE_PENDING;
}

static int later_verify_signature(void *arg, uint16_t scheme, const uint8_t *content,
				  size_t content_len, const uint8_t *signature,
				  size_t signature_len)
{
	uint8_t expected[KTLS_ENGINE_SIGNATURE_MAX];

	(void)scheme;
	ASSERT_EQ(engines_fake_signature(content, content_len, expected), signature_len);
	EXPECT_MEMEQ(expected, signature, signature_len);
	((struct engine_end *)arg)->deferred = finish_well;
	return KTLS_ENGINE_PENDING;
}

void engine_end_put_off(struct engine_end *end)
{
	end->ops.generate = later_generate;
	end->ops.agree = later_agree;
	end->ops.sign = later_sign;
	end->ops.verify_chain = later_verify_chain;
	end->ops.verify_signature = later_verify_signature;
}
