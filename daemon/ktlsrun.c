/* SPDX-License-Identifier: MIT */
/* ktlsrun: starts a program that knows nothing of TLS, with the library that gives it some. */
#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <ktls.h>

#include "daemon/ktlsrun.h"
#include "lib/run/rules.h"

/* As env(1), timeout(1) and others have it. */
#define STATUS_FAILED    125 /* ktlsrun itself */
#define STATUS_NOT_RUN   126 /* the program is there, but cannot be run with TLS */
#define STATUS_NOT_FOUND 127

#define LIBRARY          "libktlsrun.so"

#ifndef KTLS_RUN_FOLDER
#define KTLS_RUN_FOLDER "/usr/local/lib/ktlsd"
#endif

static int usage(FILE *out)
{
	fputs("usage: ktlsrun [OPTION...] -- COMMAND [ARGUMENT...]\n\n"
	      "Gives an unchanged program TLS: what it listens on or connects to is handed to\n"
	      "ktlsd, and it sees connections whose handshakes are over.\n\n"
	      "  --listen PORT=PROFILE           a port that it listens on\n"
	      "  --connect [HOST:]PORT=PROFILE   a port that it connects to\n"
	      "  --name PORT=NAME                the server's name there, where it looks up none\n"
	      "  --records prefer-kernel         a relay may have the records; require-kernel is\n"
	      "                                  the default\n"
	      "  --deadline MS                   for TCP's and TLS's handshake; 10000\n"
	      "  --socket PATH                   ktlsd's; " KTLS_SOCKET_PATH "\n"
	      "  --verbose                       a line on each connection\n"
	      "  --help, --version\n\n"
	      "ktlsrun(1)\n",
	      out);
	return out == stdout ? 0 : STATUS_FAILED;
}

/* ---- options --------------------------------------------------------------------------------- */

static const struct option options[] = {
	{ "listen", required_argument, NULL, 'l' },   { "connect", required_argument, NULL, 'c' },
	{ "name", required_argument, NULL, 'n' },     { "records", required_argument, NULL, 'r' },
	{ "deadline", required_argument, NULL, 'd' }, { "socket", required_argument, NULL, 's' },
	{ "verbose", no_argument, NULL, 'v' },        { "help", no_argument, NULL, 'h' },
	{ "version", no_argument, NULL, 'V' },        { NULL, 0, NULL, 0 }
};

static const char *option_name(int option)
{
	const struct option *o = options;

	while (o->name && o->val != option)
		o++;
	return o->name;
}

/* Returns -1 to go on, else the status to end with. The command begins at optind. */
static int parse(int argc, char **argv, struct run_rules *rules)
{
	const char *wrong;
	int option;

	while ((option = getopt_long(argc, argv, "+h", options, NULL)) != -1) {
		if (option == 'h')
			return usage(stdout);
		if (option == 'V') {
			puts("ktlsrun " KTLS_VERSION);
			return 0;
		}
		if (option == '?')
			return usage(stderr);
		wrong = run_rules_option(rules, option_name(option), optarg ? optarg : "1");
		if (!wrong)
			continue;
		fprintf(stderr, "ktlsrun: --%s %s: %s\n", option_name(option), optarg ? optarg : "",
			wrong);
		return STATUS_FAILED;
	}
	return optind < argc ? -1 : usage(stderr);
}

static bool is_told_something(const struct run_rules *rules)
{
	for (size_t i = 0; i < rules->len; i++)
		if (rules->rules[i].kind != RUN_RULE_NAME)
			return true;
	fputs("ktlsrun: neither --listen nor --connect: there is nothing to do\n", stderr);
	return false;
}

/* ---- what has to be there -------------------------------------------------------------------- */

/* The dynamic linker takes a blank and a colon for the end of a path. */
static bool is_library(const char *path)
{
	return access(path, R_OK) == 0 && path[strcspn(path, " :")] == '\0';
}

/* Beside this program where that has not been installed, else where "make install" puts it. */
static bool find_library(char *out, size_t cap)
{
	static const char *const places[] = { "/" LIBRARY, "/../lib/ktlsd/" LIBRARY };
	char own[3072];
	ssize_t len = readlink("/proc/self/exe", own, sizeof(own) - 1);
	char *slash;

	own[len > 0 ? len : 0] = '\0';
	slash = strrchr(own, '/');
	for (size_t i = 0; slash && i < sizeof(places) / sizeof(places[0]); i++) {
		snprintf(out, cap, "%.*s%s", (int)(slash - own), own, places[i]);
		if (is_library(out))
			return true;
	}
	snprintf(out, cap, "%s/%s", KTLS_RUN_FOLDER, LIBRARY);
	if (is_library(out))
		return true;
	fprintf(stderr, "ktlsrun: %s cannot be preloaded\n", out);
	return false;
}

/* Better now than at the first connection. */
static bool reaches_ktlsd(const struct run_rules *rules)
{
	struct ktls_error error;
	struct ktls *k = ktls_open(rules->socket[0] ? rules->socket : NULL, &error);

	if (!k) {
		fprintf(stderr, "ktlsrun: ktlsd: %s\n", error.text);
		return false;
	}
	ktls_close(k);
	return true;
}

/* Status to end with, or -1. */
static int reaches_program(const char *command)
{
	char path[4096], what[4096];
	enum reach reach = REACH_NOT_FOUND;

	snprintf(what, sizeof(what), "%s", command);
	if (reach_find(command, path, sizeof(path)))
		reach = reach_look(path, what, sizeof(what));
	if (reach == REACH_YES)
		return -1;
	fprintf(stderr, "ktlsrun: %s: %s\n", what, reach_text(reach));
	return reach == REACH_NOT_FOUND ? STATUS_NOT_FOUND : STATUS_NOT_RUN;
}

/* ---- the environment ------------------------------------------------------------------------- */

/* What else is preloaded comes behind. */
static bool preload(const char *library)
{
	const char *others = getenv("LD_PRELOAD");
	char *all;
	bool done;

	if (asprintf(&all, "%s%s%s", library, others && *others ? ":" : "", others ? others : "") <
	    0)
		return false;
	done = setenv("LD_PRELOAD", all, 1) == 0;
	free(all);
	return done;
}

static bool tell(const struct run_rules *rules, const char *library)
{
	const size_t cap = sizeof(*rules) + 4096;
	char *value = calloc(1, cap);
	bool done = value && run_rules_build(rules, value, cap) &&
		    setenv(RUN_VARIABLE, value, 1) == 0 && preload(library);

	if (!done)
		fputs("ktlsrun: no memory\n", stderr);
	free(value);
	return done;
}

int main(int argc, char **argv)
{
	char library[4096];
	struct run_rules rules;
	int status;

	run_rules_init(&rules);
	status = parse(argc, argv, &rules);
	if (status >= 0)
		return status;
	if (!is_told_something(&rules) || !find_library(library, sizeof(library)))
		return STATUS_FAILED;
	status = reaches_program(argv[optind]);
	if (status >= 0)
		return status;
	if (!reaches_ktlsd(&rules) || !tell(&rules, library))
		return STATUS_FAILED;
	execvp(argv[optind], argv + optind);
	fprintf(stderr, "ktlsrun: %s: %s\n", argv[optind], strerror(errno));
	return errno == ENOENT ? STATUS_NOT_FOUND : STATUS_NOT_RUN;
}
