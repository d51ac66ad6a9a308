/* SPDX-License-Identifier: MIT */
/* ktls-setup: says what this machine's kernel and devices can do for TLS. Needs no daemon. */
#include <getopt.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "kernel-setup/offload.h"
#include "kernel-setup/report.h"

enum { EXIT_USABLE = 0, EXIT_NOT_USABLE = 1, EXIT_USAGE = 2 };

static const char usage[] =
	"usage: ktls-setup check [--json]\n"
	"       ktls-setup offload [show [DEV]] [--json]\n"
	"       ktls-setup offload on|off DEV [tx] [rx] [--json]\n"
	"       ktls-setup --help | --version\n"
	"\n"
	"check     Tries out, over loopback connections, what this kernel can do for TLS sockets:\n"
	"          each cipher, version and direction, and the options. Prints what works, what "
	"is\n"
	"          missing, and the command that mends it (as root). Root's check loads the tls\n"
	"          module where that is possible; that of other users cannot.\n"
	"offload   TLS offload of network devices: which have it, whether it is on, and what\n"
	"          stands in its way; on and off turn it, for sending (tx), receiving (rx), or\n"
	"          both, and look whether the kernel did it. That needs root.\n"
	"  --json  prints the same as a JSON object.\n"
	"\n"
	"Exit status: 0 the kernel can carry TLS connections, what was asked for was done; 1 it\n"
	"cannot, it was not; 2 wrong usage.\n";

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

static int offload(int argc, char **argv, bool json)
{
	int status = offload_main(argc, argv, json);

	return status == EXIT_USAGE ? fail_usage() : status;
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
	argc -= optind;
	argv += optind;
	if (argc == 1 && strcmp(argv[0], "check") == 0)
		return check(json);
	if (argc >= 1 && strcmp(argv[0], "offload") == 0)
		return offload(argc - 1, argv + 1, json);
	return fail_usage();
}
