/* SPDX-License-Identifier: MIT */
#include "lib/handshake/keys.h"

#include "lib/crypto/util.h"
#include "lib/handshake/messages.h"
#include "lib/handshake/record.h"
#include "lib/handshake/schedule.h"
#include "lib/handshake/secret_log.h"

int keys_generate(struct engine *e)
{
	if (e->schedule.psk_only)
		return 0;
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
	if (e->schedule.psk_only)
		return 0;
	return engine_result(e->config.ops->agree(e->arg, e->group->number, e->schedule.private_key,
						  e->peer_share, e->peer_share_len,
						  e->schedule.shared));
}

/* Whether a server of TLS 1.2 has a suite in common with the client for keys of this kind. */
static bool suite_for(const struct engine *e, enum suite_auth auth)
{
	for (size_t i = 0; i < e->config.suites_len; i++)
		if ((e->offered_suites & 1U << i) && suite_find(e->config.suites[i])->auth == auth)
			return true;
	return false;
}

/* Of the peer's schemes those that a certificate may be chosen for. */
static size_t usable_schemes(const struct engine *e, uint16_t out[static SCHEMES_MAX])
{
	size_t n = 0;

	for (size_t i = 0; i < e->schemes_len; i++) {
		uint16_t scheme = e->schemes[i];
		bool usable = e->facts.version == KTLS_TLS_1_2 ? suite_for(e, scheme_auth(scheme))
							       : scheme_signs_handshake(scheme);

		if (usable)
			out[n++] = scheme;
	}
	return n;
}

static int choose(struct engine *e, const char *server_name)
{
	uint16_t schemes[SCHEMES_MAX];
	struct ktls_engine_hello hello = {
		.server_name = server_name,
		.schemes = schemes,
		.schemes_len = usable_schemes(e, schemes),
	};

	if (hello.schemes_len == 0)
		return -KTLS_R_SCHEMES_NONE_SHARED;
	return engine_result(e->config.ops->choose(e->arg, &hello, &e->choice));
}

int keys_choose(struct engine *e)
{
	return choose(e, e->facts.server_name);
}

int keys_choose_client(struct engine *e)
{
	if (!e->config.ops->choose)
		return 0;
	return keys_chosen_client(e, choose(e, ""));
}

int keys_chosen_client(struct engine *e, int result)
{
	if (result != -KTLS_R_SCHEMES_NONE_SHARED)
		return result;
	e->choice.chain_len = 0;
	return 0;
}

int keys_handshake(struct engine *e)
{
	uint8_t hash[HASH_MAX];
	int result = record_flush(e);

	if (result < 0)
		return result;
	transcript_hash(&e->transcript, hash);
	result = schedule_handshake(&e->schedule, e->config.role, hash);
	if (result == 0)
		secret_log_handshake(e);
	return result;
}

static int application(struct engine *e)
{
	uint8_t hash[HASH_MAX];
	int result;

	transcript_hash(&e->transcript, hash);
	result = schedule_application(&e->schedule, hash);
	if (result == 0)
		secret_log_application(e);
	return result;
}

static int resumption(struct engine *e)
{
	uint8_t hash[HASH_MAX];

	transcript_hash(&e->transcript, hash);
	return schedule_resumption(&e->schedule, hash);
}

/* Adds the Finished of a direction as it must be, and gives the hash behind it. */
static void expect_finished(const struct engine *e, const struct traffic *t,
			    struct transcript *transcript, uint8_t hash[static HASH_MAX])
{
	size_t size = hash_size(e->schedule.suite->hash);
	uint8_t message[4 + HASH_MAX] = { MESSAGE_FINISHED, 0, 0, (uint8_t)size };

	transcript_hash(transcript, hash);
	schedule_finished(&e->schedule, t, hash, message + 4);
	transcript_add(transcript, message, 4 + size);
	transcript_hash(transcript, hash);
	secret_wipe(message, sizeof(message));
}

int keys_predict(struct engine *e)
{
	struct transcript t = e->transcript;
	uint8_t hash[HASH_MAX];
	int result;

	if (engine_asks_client(e) || !tickets_wanted(e))
		return ALTERNATIVE;
	expect_finished(e, &e->schedule.tx, &t, hash);
	result = schedule_application(&e->schedule, hash);
	if (result < 0)
		return result;
	expect_finished(e, &e->schedule.rx, &t, hash);
	return schedule_resumption(&e->schedule, hash);
}

/* Whether keys_predict() has done everything already. */
static bool is_predicted(const struct engine *e)
{
	return e->schedule.stage == SCHEDULE_RESUMPTION;
}

int keys_application_server(struct engine *e)
{
	int result = is_predicted(e) ? 0 : application(e);

	if (result == 0)
		result = keys_switch_tx(e);
	if (result < 0)
		return result;
	return engine_asks_client(e) ? ALTERNATIVE : 0;
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

/* The client's last keys, behind its Finished. */
int keys_finish_client(struct engine *e)
{
	int result = resumption(e);

	return result < 0 ? result : keys_switch_tx(e);
}

int keys_finish_server(struct engine *e)
{
	int result = is_predicted(e) ? 0 : resumption(e);

	if (result == 0)
		result = keys_switch_rx(e);
	if (result < 0)
		return result;
	return engine_asks_client(e) && tickets_wanted(e) ? ALTERNATIVE : 0;
}

/* ---- TLS 1.2 --------------------------------------------------------------------------------- */

/* The first suite of ours that the client has, for the kind of key that was chosen. */
int keys_1_2_suite(struct engine *e)
{
	enum suite_auth auth = scheme_auth(e->choice.scheme);

	for (size_t i = 0; i < e->config.suites_len; i++) {
		const struct suite *suite = suite_find(e->config.suites[i]);

		if (!(e->offered_suites & 1U << i) || suite->auth != auth)
			continue;
		e->schedule.suite = suite;
		e->facts.suite = suite->number;
		transcript_select(&e->transcript, suite->hash);
		return 0;
	}
	return -KTLS_R_INTERNAL;
}

/* The share that was made for TLS 1.3 will do, if the server has chosen its group. */
int keys_1_2_generate_client(struct engine *e)
{
	if (e->facts.group == e->group->number)
		return 0;
	e->group = group_find(e->facts.group);
	return keys_generate(e);
}

int keys_1_2_derive(struct engine *e)
{
	uint8_t hash[HASH_MAX];

	transcript_hash(&e->transcript, hash);
	return schedule_1_2_derive(&e->schedule, e->config.role, hash, e->random, e->server_random);
}

/* The first of both: from here on records need the master secret. */
static int switch_1_2(struct engine *e, struct traffic *t)
{
	if (!e->schedule.tx.on && !e->schedule.rx.on)
		secret_log_master(e);
	return schedule_1_2_switch(&e->schedule, t);
}

int keys_1_2_switch_tx(struct engine *e)
{
	int result = record_send_ccs(e);

	return result < 0 ? result : switch_1_2(e, &e->schedule.tx);
}

int keys_1_2_switch_rx(struct engine *e)
{
	return switch_1_2(e, &e->schedule.rx);
}
