/* SPDX-License-Identifier: MIT */
/* The public face of the engine: checks the caller's side, then leaves the work to the machine. */
#include "lib/handshake/engine.h"

#include <string.h>

#include "lib/crypto/util.h"
#include "lib/handshake/keys.h"
#include "lib/handshake/machine.h"
#include "lib/handshake/messages.h"
#include "lib/handshake/resume_1_2.h"
#include "lib/handshake/stash.h"

#define HOST_NAME_MAX_LEN 255
#define ALPN_MAX          4096
#define RECORD_SIZE_MIN   64 /* RFC 8449, 4 */
#define RECORD_SIZE_MAX   16385

bool engine_list_has(const uint16_t *list, size_t len, uint16_t number)
{
	for (size_t i = 0; i < len; i++)
		if (list[i] == number)
			return true;
	return false;
}

/* ---- configuration --------------------------------------------------------------------------- */

static bool ops_complete(const struct ktls_engine_config *c)
{
	const struct ktls_engine_ops *o = c->ops;

	if (!o || !o->random || !o->generate || !o->agree || !o->borrow || !o->give_back)
		return false;
	if (c->role == KTLS_SERVER && !(o->choose && o->sign))
		return false;
	if (c->role == KTLS_SERVER && c->client_auth == KTLS_ENGINE_NO_CLIENT_AUTH)
		return true;
	return o->verify_chain && o->verify_signature && (!o->choose || o->sign);
}

static bool suites_known(const uint16_t *list, size_t len)
{
	for (size_t i = 0; i < len; i++)
		if (!suite_find(list[i]))
			return false;
	return len > 0 && len <= SUITES_MAX;
}

static bool groups_known(const uint16_t *list, size_t len)
{
	for (size_t i = 0; i < len; i++)
		if (!group_find(list[i]))
			return false;
	return len > 0 && len <= GROUPS_MAX;
}

static bool alpn_valid(const struct ktls_engine_config *c)
{
	struct reader list, name;

	reader_init(&list, c->alpn, c->alpn_len);
	while (!reader_empty(&list))
		if (!reader_vec8(&list, &name) || reader_empty(&name))
			return false;
	return c->alpn_len <= ALPN_MAX;
}

static bool server_name_valid(const struct ktls_engine_config *c)
{
	size_t len = c->server_name ? strlen(c->server_name) : 1;

	return len > 0 && len <= HOST_NAME_MAX_LEN;
}

static bool versions_valid(const struct ktls_engine_config *c)
{
	return KTLS_TLS_1_2 <= c->version_min && c->version_min <= c->version_max &&
	       c->version_max <= KTLS_TLS_1_3;
}

static bool limits_valid(const struct ktls_engine_config *c)
{
	bool size_valid = c->record_size_limit == 0 || (c->record_size_limit >= RECORD_SIZE_MIN &&
							c->record_size_limit <= RECORD_SIZE_MAX);

	return size_valid && c->tickets <= KTLS_ENGINE_TICKETS_MAX &&
	       c->client_auth <= KTLS_ENGINE_REQUIRE_CLIENT_AUTH;
}

static bool take_config(struct engine *e, const struct ktls_engine_config *config)
{
	struct ktls_engine_config *c = &e->config;

	*c = *config;
	c->version_min = c->version_min ? c->version_min : KTLS_TLS_1_3;
	c->version_max = c->version_max ? c->version_max : KTLS_TLS_1_3;
	if (!c->suites) {
		c->suites = suites_all;
		c->suites_len = SUITES_ALL;
	}
	if (!c->groups) {
		c->groups = groups_all;
		c->groups_len = GROUPS_MAX;
	}
	return (c->role == KTLS_SERVER || c->role == KTLS_CLIENT) && versions_valid(c) &&
	       limits_valid(c) && ops_complete(c) && suites_known(c->suites, c->suites_len) &&
	       groups_known(c->groups, c->groups_len) && alpn_valid(c) && server_name_valid(c);
}

int ktls_engine_setup(void)
{
	return crypto_init() < 0 ? -KTLS_R_INTERNAL : 0;
}

int ktls_engine_init(struct ktls_engine *engine, const struct ktls_engine_config *config, void *arg)
{
	struct engine *e = engine_of(engine);

	memset(e, 0, sizeof(*e));
	if (!take_config(e, config)) {
		secret_wipe(engine, sizeof(*engine));
		return -KTLS_R_MISUSE;
	}
	e->arg = arg;
	e->facts.alert = KTLS_ALERT_NONE;
	e->stash.buf = e->stash.small;
	e->stash.cap = sizeof(e->stash.small);
	transcript_init(&e->transcript);
	if (e->config.role == KTLS_SERVER) {
		e->state = SERVER_RECV_HELLO;
		return 0;
	}
	e->state = CLIENT_GENERATE;
	e->group = group_find(e->config.groups[0]);
	if (e->config.server_name)
		memcpy(e->facts.server_name, e->config.server_name,
		       strlen(e->config.server_name) + 1);
	return 0;
}

void ktls_engine_wipe(struct ktls_engine *engine)
{
	struct engine *e = engine_of(engine);

	if (e->config.ops) {
		tickets_release(e);
		stash_release(e);
		resume_1_2_release(e);
	}
	secret_wipe(e, sizeof(*e));
}

/* ---- running --------------------------------------------------------------------------------- */

static void start_call(struct engine *e, struct ktls_engine_io *io)
{
	io->consumed = 0;
	io->out_len = 0;
	io->need = 0;
	e->io = io;
	e->flight.open = false;
	reader_init(&e->content, NULL, 0);
}

static bool is_over(const struct engine *e)
{
	return e->state == STATE_DONE || e->state == STATE_FAILED;
}

enum ktls_engine_state ktls_engine_run(struct ktls_engine *engine, struct ktls_engine_io *io)
{
	struct engine *e = engine_of(engine);
	enum ktls_engine_state state;

	start_call(e, io);
	if (!is_over(e) && io->out_cap < KTLS_ENGINE_OUT_MIN)
		machine_fail(e, KTLS_R_MISUSE);
	else if (!is_over(e) && e->resumed < 0)
		machine_fail(e, -e->resumed);
	state = machine_run(e);
	e->io = NULL;
	return state;
}

void ktls_engine_resume(struct ktls_engine *engine, int result)
{
	struct engine *e = engine_of(engine);

	if (!e->waiting)
		return;
	e->waiting = false;
	result =
		engine_is_server(e) ? keys_chosen_server(e, result) : keys_chosen_client(e, result);
	e->resumed = result <= 0 ? result : -KTLS_R_INTERNAL;
}

void ktls_engine_abort(struct ktls_engine *engine, enum ktls_reason reason,
		       struct ktls_engine_io *io)
{
	struct engine *e = engine_of(engine);

	start_call(e, io);
	if (!is_over(e))
		machine_fail(e, (int)reason);
	e->io = NULL;
}

const struct ktls_engine_facts *ktls_engine_facts(const struct ktls_engine *engine)
{
	return &engine_of_const(engine)->facts;
}

static void export_key(const struct engine *e, const struct traffic *t,
		       struct ktls_traffic_key *out)
{
	struct writer w;

	memset(out, 0, sizeof(*out));
	out->version = e->facts.version;
	out->suite = e->facts.suite;
	memcpy(out->key, t->key, sizeof(out->key));
	memcpy(out->iv, t->iv, sizeof(out->iv));
	writer_init(&w, out->seq, sizeof(out->seq));
	writer_u64(&w, t->seq);
}

int ktls_engine_keys(const struct ktls_engine *engine, struct ktls_traffic_key *tx,
		     struct ktls_traffic_key *rx)
{
	const struct engine *e = engine_of_const(engine);

	if (e->state != STATE_DONE)
		return -KTLS_R_MISUSE;
	export_key(e, &e->schedule.tx, tx);
	export_key(e, &e->schedule.rx, rx);
	return 0;
}

int ktls_engine_secrets(const struct ktls_engine *engine, struct ktls_secrets *out)
{
	const struct engine *e = engine_of_const(engine);
	const struct schedule *s = &e->schedule;

	if (e->state != STATE_DONE)
		return -KTLS_R_MISUSE;
	*out = (struct ktls_secrets){ .role = e->config.role,
				      .version = e->facts.version,
				      .suite = e->facts.suite };
	if (engine_is_1_2(e)) {
		memcpy(out->exporter, s->secret, KTLS_ENGINE_MASTER_LEN);
		out->extended_master = e->extended_master;
		memcpy(out->client_random, e->random, sizeof(out->client_random));
		memcpy(out->server_random, e->server_random, sizeof(out->server_random));
		return 0;
	}
	memcpy(out->tx, s->tx.secret, sizeof(out->tx));
	memcpy(out->rx, s->rx.secret, sizeof(out->rx));
	memcpy(out->exporter, s->exporter, sizeof(out->exporter));
	memcpy(out->resumption, s->resumption, sizeof(out->resumption));
	return 0;
}
