/* SPDX-License-Identifier: MIT */
#include "lib/handshake/keys.h"

#include "lib/handshake/record.h"
#include "lib/handshake/schedule.h"

int keys_generate(struct engine *e)
{
	return engine_result(e->config.ops->generate(e->arg, e->group->number,
						     e->schedule.private_key, e->share));
}

int keys_generate_again(struct engine *e)
{
	/* A retry for the cookie's sake keeps the key share. */
	if (!e->retry_group)
		return 0;
	e->group = e->retry_group;
	return keys_generate(e);
}

int keys_agree(struct engine *e)
{
	return engine_result(e->config.ops->agree(e->arg, e->group->number, e->schedule.private_key,
						  e->peer_share, e->peer_share_len,
						  e->schedule.shared));
}

int keys_choose(struct engine *e)
{
	struct ktls_engine_hello hello = {
		.server_name = e->facts.server_name,
		.schemes = e->schemes,
		.schemes_len = e->schemes_len,
	};

	return engine_result(e->config.ops->choose(e->arg, &hello, &e->choice));
}

int keys_choose_client(struct engine *e)
{
	struct ktls_engine_hello hello = {
		.server_name = "",
		.schemes = e->schemes,
		.schemes_len = e->schemes_len,
	};

	int result;

	if (!e->config.ops->choose)
		return 0;
	result = engine_result(e->config.ops->choose(e->arg, &hello, &e->choice));
	if (result == -KTLS_R_SCHEMES_NONE_SHARED) {
		e->choice.chain_len = 0;
		return 0;
	}
	return result;
}

int keys_handshake(struct engine *e)
{
	uint8_t hash[HASH_MAX];
	int result = record_flush(e);

	if (result < 0)
		return result;
	transcript_hash(&e->transcript, hash);
	return schedule_handshake(&e->schedule, e->config.role, hash);
}

static int application(struct engine *e)
{
	uint8_t hash[HASH_MAX];

	transcript_hash(&e->transcript, hash);
	return schedule_application(&e->schedule, hash);
}

int keys_application_server(struct engine *e)
{
	int result = application(e);

	if (result == 0)
		result = keys_switch_tx(e);
	if (result < 0)
		return result;
	return e->config.client_auth == KTLS_ENGINE_NO_CLIENT_AUTH ? 0 : ALTERNATIVE;
}

int keys_application_client(struct engine *e)
{
	int result = application(e);

	if (result == 0)
		result = keys_switch_rx(e);
	if (result < 0)
		return result;
	return e->certificate_requested ? ALTERNATIVE : 0;
}

int keys_switch_tx(struct engine *e)
{
	int result = record_flush(e);

	return result < 0 ? result : schedule_switch_tx(&e->schedule, e->config.role);
}

int keys_switch_rx(struct engine *e)
{
	return schedule_switch_rx(&e->schedule, e->config.role);
}
