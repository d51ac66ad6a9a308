/* SPDX-License-Identifier: MIT */
/* Each warning of ktls-bench: given for what it is about, and for nothing else. */
#include "tests/bench/ktls-bench/warnings.h"
#include "tests/harness/harness.h"
#include "tests/unit/bench_run.h"

static const struct result_warning *find(const struct result_run *run, const char *code)
{
	for (size_t i = 0; i < run->warnings_len; i++)
		if (strcmp(run->warnings[i].code, code) == 0)
			return &run->warnings[i];
	return NULL;
}

static void change_governor(struct result_run *run)
{
	SET(run->machines[RESULT_CLIENT].governor, "powersave");
}

static void change_turbo(struct result_run *run)
{
	run->machines[RESULT_SERVER].turbo = RESULT_YES;
}

static void change_hypervisor(struct result_run *run)
{
	SET(run->machines[RESULT_SERVER].hypervisor, "KVM");
}

static void change_emulated(struct result_run *run)
{
	SET(run->machines[RESULT_SERVER].hypervisor, "QEMU");
	run->machines[RESULT_SERVER].emulated = true;
}

static void change_load(struct result_run *run)
{
	run->machines[RESULT_CLIENT].load = 1.5;
}

static void change_build(struct result_run *run)
{
	SET(run->machines[RESULT_SERVER].build, "address sanitizer");
}

static void change_cpus(struct result_run *run)
{
	run->parameters.one_machine = run->parameters.shared_cpu = true;
}

static void change_nic(struct result_run *run)
{
	SET(run->machines[RESULT_SERVER].nic, "lo");
}

static void change_rounds(struct result_run *run)
{
	run->parameters.rounds = 3;
}

static void change_seconds(struct result_run *run)
{
	run->parameters.round_seconds = .2;
}

static void change_failures(struct result_run *run)
{
	run->cells[1].rounds[3].failures = 7;
}

static void change_payload(struct result_run *run)
{
	run->cells[1].rounds[3].payload = RESULT_CORRUPT;
}

static void change_hardware(struct result_run *run)
{
	for (size_t i = 0; i < 5; i++)
		run->cells[4].rounds[i].tx[RESULT_SERVER] =
			(struct result_offload){ .sw = 16, .why_not = "cipher" };
}

static void change_contexts(struct result_run *run)
{
	run->cells[4].rounds[1].tx[RESULT_SERVER] = (struct result_offload){ .hw = 9, .sw = 7 };
}

static void change_noise(struct result_run *run)
{
	run->cells[2].rounds[2].wall_seconds = 3;
}

static void change_retransmits(struct result_run *run)
{
	for (size_t i = 0; i < 5; i++)
		run->cells[4].rounds[i].retransmits = 5000;
}

static void change_churn(struct result_run *run)
{
	struct result_cell *cell = &run->cells[8];

	SET(cell->workload.pattern, "churn");
	for (size_t i = 0; i < 5; i++) {
		cell->rounds[i].bytes = 0;
		cell->rounds[i].operations = 2000;
		cell->rounds[i].retransmits = 50;
	}
}

/* Ten rounds, of which the last five are slower. */
static void change_drift(struct result_run *run)
{
	struct result_cell *cell = &run->cells[0];

	for (size_t i = 0; i < 5; i++)
		made_round(cell, 0, i);
	for (size_t i = 5; i < 10; i++)
		cell->rounds[i].wall_seconds *= 1.08;
}

static const struct {
	const char *code, *text;
	void (*change)(struct result_run *run);
} cases[] = {
	{ "frequency-scaling", "The client's machine", change_governor },
	{ "turbo", "turbo frequencies", change_turbo },
	{ "hypervisor", "The server's machine is a guest (KVM)", change_hypervisor },
	{ "emulated-cpu", "emulated CPU", change_emulated },
	{ "other-load", "others kept 1.5 CPUs busy", change_load },
	{ "debug-build", "(address sanitizer)", change_build },
	{ "shared-cpu", "on one core", change_cpus },
	{ "loopback", "over loopback", change_nic },
	{ "few-rounds", "fewer than five", change_rounds },
	{ "short-rounds", "0.2 s", change_seconds },
	{ "failures", "7 operations failed", change_failures },
	{ "corrupt", "is not what was sent", change_payload },
	{ "not-hardware", "no connection was in hardware: cipher", change_hardware },
	{ "part-hardware", "only some connections", change_contexts },
	{ "noisy", "userspace, OpenSSL, sendfile", change_noise },
	{ "retransmits", "were sent again", change_retransmits },
	{ "retransmits", "25 segments were sent again in a thousand connections", change_churn },
	{ "drift", "plain TCP, sendfile", change_drift },
};

TEST(a_good_run_has_no_warnings)
{
	struct result_run *run = made_run();

	warnings_add(run);
	EXPECT_EQ(0, run->warnings_len);
	result_run_free(run);
}

TEST(each_is_given_for_what_it_is_about)
{
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct result_run *run = made_run();
		const struct result_warning *w;

		cases[i].change(run);
		warnings_add(run);
		w = find(run, cases[i].code);
		ASSERT_STREQ(cases[i].code, w ? w->code : "none");
		EXPECT_NOT_NULL(strstr(w->text, cases[i].text));
		EXPECT_STRNE("", w->advice);
		EXPECT_LE(run->warnings_len, 1 + (strcmp(w->code, "drift") == 0));
		result_run_free(run);
	}
}

TEST_HARNESS_MAIN
