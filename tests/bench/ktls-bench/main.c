/* SPDX-License-Identifier: MIT */
/*
 * ktls-bench: what TLS costs, by whom its records are made. ktls-bench(1), and
 * Documentation/benchmarking.md.
 */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>

#include "lib/crypto/util.h"
#include "tests/bench/ktls-bench/commands.h"

static void interrupt(int number)
{
	(void)number;
	run_interrupted = 1;
}

/* A second signal ends the program at once. */
static void catch_signals(void)
{
	struct sigaction action = { .sa_handler = interrupt, .sa_flags = (int)SA_RESETHAND };

	sigaction(SIGINT, &action, NULL);
	sigaction(SIGTERM, &action, NULL);
	signal(SIGPIPE, SIG_IGN);
}

int main(int argc, char **argv)
{
	struct options options;
	char text[RESULT_LINE];

	if (!options_parse(argc, argv, &options, text)) {
		if (text[0] == '\0') {
			options_help();
			return argc > 1 ? 0 : 2;
		}
		fprintf(stderr, "ktls-bench: %s\n", text);
		return 2;
	}
	if (crypto_init() != 0) {
		fprintf(stderr, "ktls-bench: the system has no random numbers\n");
		return 1;
	}
	catch_signals();
	switch (options.command) {
	case COMMAND_RUN:
		return command_run(&options, argc, argv);
	case COMMAND_SERVE:
		return command_serve(&options);
	case COMMAND_SHOW:
		return command_show(&options);
	default:
		return command_compare(&options);
	}
}
