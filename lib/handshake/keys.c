/* SPDX-License-Identifier: MIT */
#include "lib/handshake/keys.h"

#include "lib/crypto/util.h"
#include "lib/handshake/messages.h"
#include "lib/handshake/record.h"
#include "lib/handshake/schedule.h"
#include "lib/handshake/secret_log.h"
#include "lib/handshake/stash.h"

#define LEGACY_VERSION 0x0303 /* that our ClientHello names */
#define PREMASTER_RSA  48     /* bytes */

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

/* Whether a scheme of TLS 1.2 fits what else the peer said: a server's suites, or the types of
 * certificates that a client was asked for. */
static bool usable_1_2(const struct engine *e, uint16_t scheme)
{
	enum suite_auth auth = scheme_auth(scheme);

	return engine_is_server(e) ? suite_for(e, auth) : (e->certificate_types & 1U << auth) != 0;
}

/* Of the peer's schemes those that a certificate may be chosen for. */
static size_t usable_schemes(const struct engine *e, uint16_t out[static SCHEMES_MAX])
{
	size_t n = 0;

	for (size_t i = 0; i < e->schemes_len; i++) {
		uint16_t scheme = e->schemes[i];
		bool usable = e->facts.version == KTLS_TLS_1_2 ? usable_1_2(e, scheme)
							       : scheme_signs_handshake(scheme);

		if (usable)
			out[n++] = scheme;
	}
	return n;
}

static int choose(struct engine *e, const char *server_name)
{
	bool checks_curve =
		engine_is_server(e) && e->facts.version == KTLS_TLS_1_2 && !e->any_curve;
	uint16_t schemes[SCHEMES_MAX];
	struct ktls_engine_hello hello = {
		.server_name = server_name,
		.schemes = schemes,
		.schemes_len = usable_schemes(e, schemes),
		.version = e->facts.version,
		.curves = checks_curve ? e->curves : NULL,
		.curves_len = checks_curve ? e->curves_len : 0,
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

static int application(struct engine *e, const struct transcript *transcript)
{
	uint8_t hash[HASH_MAX];
	int result;

	transcript_hash(transcript, hash);
	result = schedule_application(&e->schedule, hash);
	if (result == 0)
		secret_log_application(e);
	return result;
}

static int resumption(struct engine *e, const struct transcript *transcript)
{
	uint8_t hash[HASH_MAX];

	transcript_hash(transcript, hash);
	return schedule_resumption(&e->schedule, hash);
}

/* Adds the Finished of a direction as it must be. */
static void expect_finished(const struct engine *e, const struct traffic *t,
			    struct transcript *transcript)
{
	size_t size = hash_size(e->schedule.suite->hash);
	uint8_t hash[HASH_MAX], message[4 + HASH_MAX] = { MESSAGE_FINISHED, 0, 0, (uint8_t)size };

	transcript_hash(transcript, hash);
	schedule_finished(&e->schedule, t, hash, message + 4);
	transcript_add(transcript, message, 4 + size);
	secret_wipe(message, sizeof(message));
}

int keys_predict(struct engine *e)
{
	struct transcript t = e->transcript;
	int result;

	if (engine_asks_client(e) || !tickets_wanted(e))
		return ALTERNATIVE;
	expect_finished(e, &e->schedule.tx, &t);
	result = application(e, &t);
	if (result < 0)
		return result;
	expect_finished(e, &e->schedule.rx, &t);
	return resumption(e, &t);
}

/* Whether keys_predict() has done everything already. */
static bool is_predicted(const struct engine *e)
{
	return e->schedule.stage == SCHEDULE_RESUMPTION;
}

int keys_application_server(struct engine *e)
{
	int result = is_predicted(e) ? 0 : application(e, &e->transcript);

	if (result == 0)
		result = keys_switch_tx(e);
	if (result < 0)
		return result;
	return engine_asks_client(e) ? ALTERNATIVE : 0;
}

int keys_application_client(struct engine *e)
{
	int result = application(e, &e->transcript);

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
	int result = resumption(e, &e->transcript);

	return result < 0 ? result : keys_switch_tx(e);
}

int keys_finish_server(struct engine *e)
{
	int result = is_predicted(e) ? 0 : resumption(e, &e->transcript);

	if (result == 0)
		result = keys_switch_rx(e);
	if (result < 0)
		return result;
	return engine_asks_client(e) && tickets_wanted(e) ? ALTERNATIVE : 0;
}

/* ---- TLS 1.2 --------------------------------------------------------------------------------- */

int keys_1_2_choose(struct engine *e)
{
	return keys_chosen_server(e, choose(e, e->facts.server_name));
}

int keys_chosen_server(struct engine *e, int result)
{
	bool first = e->state == SERVER12_CHOOSE || e->state == SERVER12_CHOOSE_RSA;

	if (result != -KTLS_R_SCHEMES_NONE_SHARED || !first || !suite_for(e, SUITE_RSA_ENCRYPTION))
		return result;
	e->static_rsa = true;
	return 0;
}

int keys_1_2_choose_rsa(struct engine *e)
{
	struct ktls_engine_hello hello = {
		.server_name = e->facts.server_name,
		.version = KTLS_TLS_1_2,
		.encryption = true,
	};

	if (!e->static_rsa)
		return 0;
	return engine_result(e->config.ops->choose(e->arg, &hello, &e->choice));
}

/* The first suite of ours that the client has, for the kind of key that was chosen. */
int keys_1_2_suite(struct engine *e)
{
	enum suite_auth auth = e->static_rsa ? SUITE_RSA_ENCRYPTION : scheme_auth(e->choice.scheme);

	for (size_t i = 0; i < e->config.suites_len; i++) {
		const struct suite *suite = suite_find(e->config.suites[i]);

		if (!(e->offered_suites & 1U << i) || suite->auth != auth)
			continue;
		e->schedule.suite = suite;
		e->facts.suite = suite->number;
		transcript_select(&e->transcript, suite->hash);
		if (e->static_rsa)
			e->facts.group = 0;
		return 0;
	}
	return -KTLS_R_INTERNAL;
}

int keys_1_2_exchange(struct engine *e)
{
	return engine_is_static_rsa(e) ? ALTERNATIVE : 0;
}

int keys_1_2_request(struct engine *e)
{
	return engine_asks_client(e) ? ALTERNATIVE : 0;
}

/* The premaster secret of RSA key exchange, and what is sent of it (RFC 5246, 7.4.7.1). */
static int encrypt_premaster(struct engine *e)
{
	const struct ktls_engine_ops *ops = e->config.ops;
	uint8_t *premaster = e->schedule.shared;
	int result = ops->random(e->arg, premaster, PREMASTER_RSA);

	if (result < 0)
		return result;
	/* "The latest version supported by the client": that of the ClientHello. */
	premaster[0] = LEGACY_VERSION >> 8;
	premaster[1] = LEGACY_VERSION & 0xff;
	return engine_result(
		ops->encrypt(e->arg, premaster, PREMASTER_RSA, e->stash.small, &e->signature_len));
}

/* The share that was made for TLS 1.3 will do, if the server has chosen its group. */
int keys_1_2_generate_client(struct engine *e)
{
	/* The server waits for our flight; and what we get made now may lie in the stash. */
	if (stash_left(e) > 0)
		return -KTLS_R_MESSAGE_SPANS_KEY_CHANGE;
	if (engine_is_static_rsa(e))
		return encrypt_premaster(e);
	if (e->facts.group == e->group->number)
		return 0;
	e->group = group_find(e->facts.group);
	return keys_generate(e);
}

/* The server's side of RSA key exchange: somebody with the key makes the master secret of it. */
static int decrypt_master(struct engine *e)
{
	uint8_t hash[HASH_MAX];
	struct ktls_engine_decrypt request = {
		.credential = e->choice.credential,
		.encrypted = e->encrypted,
		.encrypted_len = e->encrypted_len,
		.version = e->hello_version,
		.prf = e->schedule.suite->hash == HASH_SHA384 ? KTLS_ENGINE_PRF_SHA384
							      : KTLS_ENGINE_PRF_SHA256,
		.extended = e->extended_master,
		.session_hash = hash,
		.client_random = e->random,
		.server_random = e->server_random,
	};
	int result;

	transcript_hash(&e->transcript, hash);
	result = engine_result(e->config.ops->decrypt_master(e->arg, &request, e->schedule.secret));
	e->config.ops->give_back(e->arg, e->encrypted);
	e->encrypted = NULL;
	return result;
}

int keys_1_2_agree(struct engine *e)
{
	if (!engine_is_static_rsa(e))
		return keys_agree(e);
	return engine_is_server(e) ? decrypt_master(e) : 0;
}

static int master_secret(struct engine *e)
{
	uint8_t hash[HASH_MAX];
	struct prf_master from = {
		.alg = e->schedule.suite->hash,
		.extended = e->extended_master,
		.session_hash = hash,
		.client_random = e->random,
		.server_random = e->server_random,
	};

	transcript_hash(&e->transcript, hash);
	return schedule_1_2_master(&e->schedule,
				   engine_is_static_rsa(e) ? PREMASTER_RSA : KTLS_ENGINE_SHARED_MAX,
				   &from);
}

int keys_1_2_derive(struct engine *e)
{
	bool has_master = engine_is_static_rsa(e) && engine_is_server(e);
	bool verify = engine_is_server(e) ? e->certificate_received : e->choice.chain_len > 0;
	int result = has_master ? 0 : master_secret(e);

	if (result == 0)
		result = schedule_1_2_keys(&e->schedule, e->config.role, e->random,
					   e->server_random);
	return result == 0 && verify ? ALTERNATIVE : result;
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
