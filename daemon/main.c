/* SPDX-License-Identifier: MIT */
/* ktlsd: options, and which role this process has. */
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>

#include "daemon/config.h"
#include "daemon/loader.h"
#include "daemon/log.h"
#include "daemon/netlink_role.h"
#include "daemon/relay.h"
#include "daemon/signer.h"
#include "daemon/supervisor.h"
#include "daemon/worker.h"

static const char usage[] =
	"usage: ktlsd [--config FILE] [--check-config] [--foreground]\n"
	"\n"
	"  -c, --config FILE   configuration, instead of " CONFIG_FILE_DEFAULT "\n"
	"  -t, --check-config  read it and the files it names, and say what is wrong\n"
	"  -f, --foreground    stay in the foreground: ktlsd always does\n"
	"      --version       print the version\n"
	"      --help          print this\n"
	"\n"
	"ktlsd(8), ktlsd.conf(5)\n";

struct options {
	const char *file;
	bool check;
};

static const struct option long_options[] = {
	{ "config", required_argument, NULL, 'c' }, { "check-config", no_argument, NULL, 't' },
	{ "foreground", no_argument, NULL, 'f' },   { "version", no_argument, NULL, 'V' },
	{ "help", no_argument, NULL, 'h' },         { 0 },
};

static struct options parse(int argc, char **argv)
{
	struct options o = { .file = CONFIG_FILE_DEFAULT };
	int c;

	for (c = getopt_long(argc, argv, "c:tf", long_options, NULL); c != -1;
	     c = getopt_long(argc, argv, "c:tf", long_options, NULL)) {
		switch (c) {
		case 'c':
			o.file = optarg;
			break;
		case 't':
			o.check = true;
			break;
		case 'f':
			break;
		case 'V':
			puts("ktlsd " KTLS_VERSION);
			exit(0);
		case 'h':
			fputs(usage, stdout);
			exit(0);
		default:
			fputs(usage, stderr);
			exit(2);
		}
	}
	if (optind == argc)
		return o;
	fprintf(stderr, "ktlsd: what is '%s'?\n%s", argv[optind], usage);
	exit(2);
}

/* How the supervisor starts its children; not for people. */
static int run_role(const char *role)
{
	if (strcmp(role, "worker") == 0)
		return worker_main();
	if (strcmp(role, "signer") == 0)
		return signer_main();
	if (strcmp(role, "relay") == 0)
		return relay_main();
	if (strcmp(role, "netlink") == 0)
		return netlink_main();
	fprintf(stderr, "ktlsd: no role '%s'\n", role);
	return 2;
}

int main(int argc, char **argv)
{
	struct bundles bundles;
	struct options options;
	struct config *config;

	if (argc == 3 && strcmp(argv[1], "--role") == 0)
		return run_role(argv[2]);
	options = parse(argc, argv);
	config = config_read(options.file, stderr);
	if (!config)
		return EX_CONFIG;
	log_init("ktlsd", config->log);
	if (bundles_load(config, stderr, &bundles) != 0) {
		config_free(config);
		return EX_CONFIG;
	}
	if (!options.check)
		return supervisor_main(config, &bundles);
	bundles_close(&bundles);
	config_free(config);
	return 0;
}
