/* SPDX-License-Identifier: MIT */
/* ktls-setup: what this machine's kernel and devices can do for TLS, and steering them. Needs no
 * daemon. */
#include <errno.h>
#include <getopt.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "kernel-setup/offload.h"
#include "kernel-setup/prepare.h"
#include "kernel-setup/report.h"

enum { EXIT_USABLE = 0, EXIT_NOT_USABLE = 1, EXIT_USAGE = 2 };

static const char usage[] =
	"usage: ktls-setup check [--json]\n"
	"       ktls-setup offload [show [DEV]] [--json]\n"
	"       ktls-setup offload show [DEV] --watch [--interval S] [--count N] [--json]\n"
	"       ktls-setup offload on|off DEV [tx] [rx] [--json]\n"
	"       ktls-setup offload persist DEV [on|off] [tx] [rx] [--yes | --dry-run] [--json]\n"
	"       ktls-setup offload persist DEV --remove [--yes | --dry-run] [--json]\n"
	"       ktls-setup prepare [--remove] [--yes | --dry-run] [--json]\n"
	"       ktls-setup --help | --version\n"
	"\n"
	"check     Tries out, over loopback connections, what this kernel can do for TLS sockets:\n"
	"          each cipher, version and direction, and the options. Prints what works, what "
	"is\n"
	"          missing, and the command that mends it (as root). Root's check loads the tls\n"
	"          module where that is possible; that of other users cannot.\n"
	"offload   TLS offload of network devices: which have it, whether it is on, and what\n"
	"          stands in its way; on and off turn it, for sending (tx), receiving (rx), or\n"
	"          both, and look whether the kernel did it; persist writes a rule for udev that\n"
	"          does that whenever the driver makes the device. That needs root.\n"
	"prepare   Has the modules loaded, now and at boot, and raises the few sysctls that "
	"matter.\n"
	"          What the administrator has set is left alone. That needs root.\n"
	"  --json     prints the same as a JSON object.\n"
	"  --yes      does what else is shown and asked about first; --dry-run only shows it.\n"
	"  --watch    shows what the counters do, and what is wrong by them, once a second, or in\n"
	"             intervals of S seconds, N times or until it is stopped.\n"
	"  --remove   takes back what was written.\n"
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
		exit(EXIT_USAGE);
	}
	return report.advice.usable ? EXIT_USABLE : EXIT_NOT_USABLE;
}

/* ---- arguments ------------------------------------------------------------------------------- */

static const struct option long_options[] = {
	{ "json", no_argument, NULL, OPTION_JSON },
	{ "yes", no_argument, NULL, OPTION_YES },
	{ "dry-run", no_argument, NULL, OPTION_DRY_RUN },
	{ "remove", no_argument, NULL, OPTION_REMOVE },
	{ "watch", no_argument, NULL, OPTION_WATCH },
	{ "interval", required_argument, NULL, OPTION_INTERVAL },
	{ "count", required_argument, NULL, OPTION_COUNT },
	{ "help", no_argument, NULL, 'h' },
	{ "version", no_argument, NULL, 'V' },
	{ NULL, 0, NULL, 0 },
};

#define INTERVAL_MIN 0.05 /* seconds */
#define INTERVAL_MAX 86400.0

static bool take_interval(const char *s, struct options *out)
{
	char *end;
	double value = strtod(s, &end);

	if (end == s || *end || !(value >= INTERVAL_MIN && value <= INTERVAL_MAX))
		return false;
	out->interval = (long)(value * 1000);
	return true;
}

static bool take_count(const char *s, struct options *out)
{
	char *end;

	errno = 0;
	out->count = strtol(s, &end, 10);
	return end != s && !*end && errno == 0 && out->count > 0;
}

static bool take_option(int given, struct options *out)
{
	if (given == '?')
		return false;
	out->given |= (unsigned int)given;
	if (given == OPTION_INTERVAL)
		return take_interval(optarg, out);
	return given != OPTION_COUNT || take_count(optarg, out);
}

static int run(int argc, char **argv, const struct options *o)
{
	if (argc == 1 && strcmp(argv[0], "check") == 0 && options_only(o, OPTION_JSON))
		return check(option(o, OPTION_JSON));
	if (argc >= 1 && strcmp(argv[0], "offload") == 0)
		return offload_main(argc - 1, argv + 1, o);
	if (argc == 1 && strcmp(argv[0], "prepare") == 0)
		return prepare_main(o);
	return EXIT_USAGE;
}

int main(int argc, char **argv)
{
	struct options o = { 0 };
	int given, status;

	while ((given = getopt_long(argc, argv, "hV", long_options, NULL)) != -1) {
		switch (given) {
		case 'h':
			fputs(usage, stdout);
			return 0;
		case 'V':
			puts("ktls-setup " KTLS_VERSION);
			return 0;
		default:
			if (!take_option(given, &o))
				return fail_usage();
		}
	}
	status = run(argc - optind, argv + optind, &o);
	return status == EXIT_USAGE ? fail_usage() : status;
}
