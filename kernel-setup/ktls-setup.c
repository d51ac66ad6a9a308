/* SPDX-License-Identifier: MIT */
/* ktls-setup: says what this machine's kernel can do for TLS sockets. Needs no daemon. */
#include <getopt.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "kernel-setup/report.h"

enum { EXIT_USABLE = 0, EXIT_NOT_USABLE = 1, EXIT_USAGE = 2 };

static const char usage[] =
	"usage: ktls-setup check [--json]\n"
	"       ktls-setup --help | --version\n"
	"\n"
	"check     Tries out, over loopback connections, what this kernel can do for TLS sockets:\n"
	"          each cipher, version and direction, and the options. Prints what works, what "
	"is\n"
	"          missing, and the command that mends it (as root). Root's check loads the tls\n"
	"          module where that is possible; that of other users cannot.\n"
	"  --json  prints the same as a JSON object.\n"
	"\n"
	"Exit status: 0 the kernel can carry TLS connections, 1 it cannot, 2 wrong usage.\n";

static int fail_usage(void)
{
	fputs(usage, stderr);
	return EXIT_USAGE;
}

static int check(bool json)
{
	static struct report report;

	system_look(&report.before);
	ktls_probe(KTLS_PROBE_ALL, &report.probe);
	system_look(&report.after);
	advise(&report.probe, &report.before, &report.advice);
	if (json)
		report_json(&report, stdout);
	else
		report_text(&report, stdout);
	if (fflush(stdout) != 0) {
		perror("ktls-setup: standard output");
		return EXIT_USAGE;
	}
	return report.advice.usable ? EXIT_USABLE : EXIT_NOT_USABLE;
}

int main(int argc, char **argv)
{
	static const struct option options[] = {
		{ "json", no_argument, NULL, 'j' },
		{ "help", no_argument, NULL, 'h' },
		{ "version", no_argument, NULL, 'V' },
		{ NULL, 0, NULL, 0 },
	};
	bool json = false;
	int option;

	while ((option = getopt_long(argc, argv, "hV", options, NULL)) != -1) {
		switch (option) {
		case 'j':
			json = true;
			break;
		case 'h':
			fputs(usage, stdout);
			return 0;
		case 'V':
			puts("ktls-setup " KTLS_VERSION);
			return 0;
		default:
			return fail_usage();
		}
	}
	if (optind != argc - 1 || strcmp(argv[optind], "check") != 0)
		return fail_usage();
	return check(json);
}
