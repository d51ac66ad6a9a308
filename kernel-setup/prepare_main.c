/* SPDX-License-Identifier: MIT */
/* "ktls-setup prepare": what it shows, what it refuses, and doing it. */
#include <errno.h>
#include <spawn.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "kernel-setup/files.h"
#include "kernel-setup/json.h"
#include "kernel-setup/prepare.h"

enum { EXIT_DONE = 0, EXIT_NOT_DONE = 1, EXIT_WRONG_USAGE = 2 };

#define FILES 2 /* one of each kind */

struct plan {
	struct prepare p;
	bool back; /* it is taken back */
	char paths[FILES][PATH_MAX];
	char contents[FILES][PREPARE_CONTENT_MAX]; /* "": no file */
	bool changes[FILES];
};

static void make_plan(struct plan *plan, const struct system *s)
{
	if (plan->back)
		prepare_look_back(&plan->p);
	else
		prepare_look(&plan->p, s);
	for (int i = 0; i < FILES; i++) {
		char *content = plan->contents[i];

		prepare_path(&plan->p, (enum prepare_kind)i, plan->paths[i]);
		content[0] = 0;
		if (!plan->back)
			prepare_content(&plan->p, (enum prepare_kind)i, content);
		plan->changes[i] = content[0] ? !file_is(plan->paths[i], content)
					      : access(plan->paths[i], F_OK) == 0;
	}
}

static bool is_empty(const struct plan *plan)
{
	for (size_t i = 0; i < plan->p.len; i++)
		if (plan->p.items[i].set)
			return false;
	return !plan->changes[PREPARE_MODULE] && !plan->changes[PREPARE_SYSCTL];
}

/* ---- for people ------------------------------------------------------------------------------ */

static void text_item(const struct prepare_item *item)
{
	bool module = item->kind == PREPARE_MODULE;

	printf("  %-26s%s", item->name, item->now[0] ? item->now : "is not there");
	if (item->set && module)
		fputs(" -> loaded", stdout);
	else if (item->set)
		printf(" -> %s", item->wanted);
	if (item->by[0])
		printf(", left alone: %s sets it", item->by);
	else if (item->keep)
		fputs(module ? ", loaded at boot" : ", set at boot", stdout);
	printf("\n      %s\n", item->reason);
}

static void show(const struct plan *plan)
{
	for (size_t i = 0; i < plan->p.len; i++)
		text_item(&plan->p.items[i]);
	for (int i = 0; i < FILES; i++) {
		if (!plan->changes[i])
			continue;
		printf("\n%s %s\n", plan->paths[i], plan->contents[i][0] ? "gets:\n" : "is to go.");
		fputs(plan->contents[i], stdout);
	}
	fputc('\n', stdout);
}

/* ---- for programs ---------------------------------------------------------------------------- */

static void json_item(const struct prepare_item *item)
{
	fputs("    { ", stdout);
	json_member("kind", item->kind == PREPARE_MODULE ? "module" : "sysctl", stdout);
	fputs(", ", stdout);
	json_member("name", item->name, stdout);
	fputs(", ", stdout);
	json_member("now", item->now[0] ? item->now : NULL, stdout);
	fputs(", ", stdout);
	json_member("wanted", item->kind == PREPARE_MODULE ? "loaded" : item->wanted, stdout);
	printf(", \"set\": %s, \"keep\": %s,\n      ", json_truth(item->set),
	       json_truth(item->keep));
	json_member("decided_by", item->by[0] ? item->by : NULL, stdout);
	fputs(",\n      ", stdout);
	json_member("reason", item->reason, stdout);
	fputs(" }", stdout);
}

static void json(const struct plan *plan, const char *state)
{
	fputs("{ ", stdout);
	json_member("state", state, stdout);
	fputs(",\n  \"items\": [", stdout);
	for (size_t i = 0; i < plan->p.len; i++) {
		fputs(i > 0 ? ",\n" : "\n", stdout);
		json_item(&plan->p.items[i]);
	}
	fputs(" ],\n  \"files\": [", stdout);
	for (int i = 0; i < FILES; i++) {
		fputs(i > 0 ? ",\n    { " : "\n    { ", stdout);
		json_member("file", plan->paths[i], stdout);
		printf(", \"changes\": %s, ", json_truth(plan->changes[i]));
		json_member("content", plan->contents[i][0] ? plan->contents[i] : NULL, stdout);
		fputs(" }", stdout);
	}
	fputs(" ] }\n", stdout);
}

/* ---- doing it -------------------------------------------------------------------------------- */

static int load(const char *module)
{
	static char program[] = "/sbin/modprobe";
	char name[64];
	char *argv[] = { program, name, NULL };
	char *environment[] = { NULL };
	int status;
	pid_t pid;

	snprintf(name, sizeof(name), "%s", module);
	if (posix_spawn(&pid, program, NULL, NULL, argv, environment) != 0)
		return -ENOENT;
	while (waitpid(pid, &status, 0) < 0)
		if (errno != EINTR)
			return -errno;
	return WIFEXITED(status) && WEXITSTATUS(status) == 0 ? 0 : -EIO;
}

static bool set_item(const struct prepare *p, const struct prepare_item *item)
{
	char now[PREPARE_VALUE_MAX];
	int ret;

	if (item->kind == PREPARE_MODULE) {
		ret = load(item->name);
		if (ret < 0)
			fprintf(stderr, "ktls-setup: %s is not loaded: modprobe -v %s says why\n",
				item->name, item->name);
		return ret == 0;
	}
	ret = prepare_set(p, item->name, item->wanted);
	if (ret == 0)
		ret = prepare_get(p, item->name, now);
	if (ret < 0)
		file_complain(item->name, ret);
	else if (strcmp(now, item->wanted) == 0)
		return true;
	else
		fprintf(stderr, "ktls-setup: %s: the kernel made %s of it\n", item->name, now);
	return false;
}

static bool change_file(const struct plan *plan, int i)
{
	int ret;

	if (plan->contents[i][0])
		ret = file_write(plan->paths[i], plan->contents[i]);
	else
		ret = unlink(plan->paths[i]) == 0 ? 0 : -errno;
	if (ret < 0)
		file_complain(plan->paths[i], ret);
	return ret == 0;
}

static bool execute(const struct plan *plan)
{
	bool ok = true;

	for (int i = 0; i < FILES; i++)
		if (plan->changes[i])
			ok = change_file(plan, i) && ok;
	for (size_t i = 0; ok && i < plan->p.len; i++)
		if (plan->p.items[i].set)
			ok = set_item(&plan->p, &plan->p.items[i]);
	return ok;
}

/* ---- what is refused ------------------------------------------------------------------------- */

static bool may_be_done(const struct plan *plan)
{
	for (int i = 0; i < FILES; i++) {
		int ret;

		if (!prepare_is_ours(plan->paths[i])) {
			fprintf(stderr,
				"ktls-setup: %s was not written by ktls-setup: it is left alone\n",
				plan->paths[i]);
			return false;
		}
		ret = file_may_write(plan->paths[i]);
		if (ret < 0) {
			file_complain(plan->paths[i], ret);
			return false;
		}
	}
	return true;
}

/* ---- the command ----------------------------------------------------------------------------- */

static int end(const struct plan *plan, const struct options *o, const char *state, int status)
{
	if (option(o, OPTION_JSON))
		json(plan, state);
	else
		printf("%s\n", state);
	return status;
}

static int carry_out(const struct plan *plan, const struct options *o)
{
	if (!option(o, OPTION_JSON))
		show(plan);
	if (is_empty(plan))
		return end(plan, o, "nothing is to be done", EXIT_DONE);
	if (option(o, OPTION_DRY_RUN))
		return end(plan, o, "nothing was done", EXIT_DONE);
	if (!may_be_done(plan) || !agreed(o))
		return end(plan, o, "nothing was done", EXIT_NOT_DONE);
	fflush(stdout);
	if (!execute(plan))
		return end(plan, o, "not all of it was done", EXIT_NOT_DONE);
	return end(plan, o, "done", EXIT_DONE);
}

int prepare_main(const struct options *o)
{
	static struct plan plan;
	enum refusal why;
	struct system s;
	char text[256];

	if (!options_only(o, OPTION_JSON | OPTION_YES | OPTION_DRY_RUN | OPTION_REMOVE))
		return EXIT_WRONG_USAGE;
	system_look(&s);
	plan = (struct plan){ .p.root = "", .back = option(o, OPTION_REMOVE) };
	why = plan.back ? REFUSAL_NONE : prepare_refusal(&s, text, sizeof(text));
	if (why != REFUSAL_NONE)
		return refuse(o, why, "%s", text);
	make_plan(&plan, &s);
	return carry_out(&plan, o);
}
