/* SPDX-License-Identifier: MIT */
/* Operations by this library's own cryptography, for whoever has no better place for them. */
#include <stdlib.h>

#include "lib/crypto/util.h"
#include "lib/handshake/engine.h"

static int default_random(void *arg, uint8_t *out, size_t len)
{
	(void)arg;
	random_bytes(out, len);
	return 0;
}

static int default_generate(void *arg, uint16_t number, uint8_t *private_key, uint8_t *share)
{
	const struct group *group = group_find(number);

	(void)arg;
	if (!group)
		return -KTLS_R_INTERNAL;
	kex_generate(group->kex, private_key, share);
	return 0;
}

static int default_agree(void *arg, uint16_t number, const uint8_t *private_key,
			 const uint8_t *peer, size_t peer_len, uint8_t *shared)
{
	const struct group *group = group_find(number);

	(void)arg;
	if (!group)
		return -KTLS_R_INTERNAL;
	return kex_agree(group->kex, private_key, peer, peer_len, shared)
		       ? 0
		       : -KTLS_R_KEY_SHARE_INVALID;
}

static uint8_t *default_borrow(void *arg, size_t len)
{
	(void)arg;
	return malloc(len);
}

static void default_give_back(void *arg, uint8_t *buf)
{
	(void)arg;
	free(buf);
}

static uint64_t default_now(void *arg)
{
	(void)arg;
	return time_now();
}

const struct ktls_engine_ops ktls_engine_default_ops = {
	.random = default_random,
	.generate = default_generate,
	.agree = default_agree,
	.borrow = default_borrow,
	.give_back = default_give_back,
	.now = default_now,
};
