/* SPDX-License-Identifier: MIT */
/*
 * Every reason for which the engine ends a handshake, provoked: the victim says the reason, sends
 * the alert of its row, and gives back what it borrowed.
 */
#include "lib/crypto/util.h"
#include "lib/wire/reason.h"
#include "tests/harness/harness.h"
#include "tests/harness/scenarios.h"

/* All tables as one; NULL past the end. */
static const struct scenario *scenario_at(size_t i)
{
	const struct {
		const struct scenario *rows;
		size_t len;
	} tables[] = {
		{ scenarios_record, scenarios_record_len },
		{ scenarios_hello, scenarios_hello_len },
		{ scenarios_auth, scenarios_auth_len },
		{ scenarios_1_2, scenarios_1_2_len },
		{ scenarios_resume, scenarios_resume_len },
		{ scenarios_psk, scenarios_psk_len },
	};

	for (size_t t = 0; t < sizeof(tables) / sizeof(tables[0]); t++) {
		if (i < tables[t].len)
			return &tables[t].rows[i];
		i -= tables[t].len;
	}
	return NULL;
}

/* Reasons below 100 that are not the engine's to find: lib/x509 tests them.
 */
static bool elsewhere(enum ktls_reason reason)
{
	return (reason >= 60 && reason < 80) || reason == KTLS_R_MISUSE;
}

static void expect_failure(const struct scenario *s)
{
	struct engine_end *victim = s->victim == CLIENT ? &scenario_client : &scenario_server;
	struct engine_end *peer = s->victim == CLIENT ? &scenario_server : &scenario_client;
	const struct ktls_engine_facts *facts = ktls_engine_facts(&victim->engine);
	const struct reason *row = reason_find((int)s->reason);
	size_t sent = peer->in.len;

	engine_end_step(victim, &peer->in);
	if (victim->state != KTLS_ENGINE_FAILED || facts->reason != s->reason)
		TH_LOG("scenario %s:", s->name);
	EXPECT_EQ(KTLS_ENGINE_FAILED, victim->state);
	EXPECT_STREQ(row->name, reason_find((int)facts->reason)->name);
	if (row->alert != KTLS_ALERT_NONE) {
		EXPECT_EQ((int)row->alert, facts->alert);
		EXPECT_GT(peer->in.len, sent);
	} else {
		EXPECT_EQ(sent, peer->in.len);
	}
	EXPECT_EQ(0, victim->borrowed);
}

/* Each scenario in fresh engines; one test, since a scenario takes microseconds. */
TEST(each_reason_is_reached)
{
	const struct scenario *s;

	ASSERT_EQ(0, crypto_init());
	for (size_t i = 0; (s = scenario_at(i)); i++) {
		engines_init(&scenario_client, &scenario_server);
		ASSERT_EQ(0, engines_start(&scenario_client, &scenario_server));
		s->provoke();
		expect_failure(s);
		engines_wipe(&scenario_client, &scenario_server);
	}
}

static bool has_scenario(enum ktls_reason reason)
{
	const struct scenario *s;

	for (size_t i = 0; (s = scenario_at(i)); i++)
		if (s->reason == reason)
			return true;
	return false;
}

TEST(each_reason_has_a_row_an_alert_and_a_scenario)
{
	const struct reason *row;

	for (size_t i = 0; (row = reason_row(i)); i++) {
		EXPECT_NE('\0', row->text[0]);
		EXPECT_NE('\0', row->section[0]);
		EXPECT_STRNE("unknown alert", alert_name(row->alert));
		for (size_t k = 0; k < i; k++)
			EXPECT_NE(row->number, reason_row(k)->number);
		if (row->number < 100 && !elsewhere(row->number) && !has_scenario(row->number))
			TH_LOG("no scenario for %s", row->name);
		EXPECT_TRUE(row->number >= 100 || elsewhere(row->number) ||
			    has_scenario(row->number));
	}
}

TEST_HARNESS_MAIN
