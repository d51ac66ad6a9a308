/* SPDX-License-Identifier: MIT */
/* ktlsctl: what administrators ask of ktlsd, and of TLS. */
#include <stdio.h>
#include <string.h>

#include "daemon/explain.h"
#include "daemon/status_client.h"

static const struct {
	const char *name;
	int (*run)(int argc, char **argv);
	const char *text;
} commands[] = {
	{ "status", status_main, "what a ktlsd is doing: its processes, and what they have" },
	{ "explain", explain_main, "performs a TLS handshake and shows it step by step" },
};

#define COMMANDS (sizeof(commands) / sizeof(commands[0]))

static int usage(FILE *out)
{
	fputs("usage: ktlsctl COMMAND [ARGUMENT...]\n"
	      "       ktlsctl COMMAND --help\n"
	      "       ktlsctl --help | --version\n\n",
	      out);
	for (size_t i = 0; i < COMMANDS; i++)
		fprintf(out, "  %-10s%s\n", commands[i].name, commands[i].text);
	fputs("\nktlsctl(8)\n", out);
	return out == stdout ? 0 : 2;
}

int main(int argc, char **argv)
{
	const char *name = argc > 1 ? argv[1] : "";

	for (size_t i = 0; i < COMMANDS; i++)
		if (strcmp(name, commands[i].name) == 0)
			return commands[i].run(argc - 1, argv + 1);
	if (strcmp(name, "--help") == 0 || strcmp(name, "-h") == 0)
		return usage(stdout);
	if (strcmp(name, "--version") == 0) {
		puts("ktlsctl " KTLS_VERSION);
		return 0;
	}
	return usage(stderr);
}
