/* SPDX-License-Identifier: MIT */
/*
 * A file server for much traffic: HTTP/1.1, one process for each CPU, records by the kernel or by a
 * device, files straight from the page cache.
 *
 *	httpd [OPTION...] PORT FOLDER
 *
 *	--workers N        processes (as many as there are CPUs)
 *	--timeout SECONDS  for a request to arrive, for a client to take something, for a handshake:
 *	                   30, where nothing is said
 *	--connections N    at once in a worker, at most (half of its descriptors)
 *	--socket PATH      ktlsd's
 *	--profile NAME     of ktlsd's configuration
 *	--start            the workers accept, and hand over each connection; else ktlsd accepts
 *	--relay            where the kernel has no TLS, a process of ktlsd may carry the records
 *	--hardware WHAT    require, prefer, avoid, any: whether a network device shall have the
 *	                   records
 *	--zerocopy         it reads files without a copy: for files that nobody changes, only
 *	                   replaces
 *	--cert, --key FILE without ktlsd: handshakes in the workers
 *	--plain            without TLS
 *	--verbose          says on standard error what comes, and what goes wrong
 *
 * SIGTERM: no new connections, requests that have begun are answered, then it ends. A second one
 * ends it at once. request.c reads requests, answer.c says what to send, connection.c sends it,
 * accept.c gets connections, worker.c is the loop.
 */
#include "Documentation/examples/httpd/httpd.h"

#include <err.h>
#include <fcntl.h>
#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#define WORKERS_MAX 256

__attribute__((noreturn)) static void usage(void)
{
	errx(2, "usage: httpd [OPTION...] PORT FOLDER, see the first lines of main.c");
}

static long number(const char *text, long max)
{
	char *end;
	long n = strtol(text, &end, 10);

	if (end == text || *end != '\0' || n < 1 || n > max)
		usage();
	return n;
}

static enum ktls_hardware hardware(const char *name)
{
	static const char *const names[] = {
		[KTLS_HARDWARE_ANY] = "any",
		[KTLS_HARDWARE_PREFER] = "prefer",
		[KTLS_HARDWARE_REQUIRE] = "require",
		[KTLS_HARDWARE_AVOID] = "avoid",
	};

	for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++)
		if (strcmp(name, names[i]) == 0)
			return (enum ktls_hardware)i;
	usage();
}

static void take_option(struct httpd_options *options, int option)
{
	/* clang-format off */
	switch (option) {
	case 'w': options->workers = number(optarg, WORKERS_MAX); break;
	case 't': options->timeout_ms = number(optarg, 300) * 1000; break;
	case 'n': options->connections_max = number(optarg, 1 << 20); break;
	case 's': options->socket = optarg; break;
	case 'p': options->params.profile = optarg; break;
	case 'a': options->mode = HTTPD_START; break;
	case 'P': options->mode = HTTPD_PLAIN; break;
	case 'r': options->params.records = KTLS_RECORDS_PREFER_KERNEL; break;
	case 'h': options->params.hardware = hardware(optarg); break;
	case 'z': options->params.flags |= KTLS_TX_ZEROCOPY; break;
	case 'c': options->own.certs_file = optarg; break;
	case 'k': options->own.key_file = optarg; break;
	case 'v': options->verbose = true; break;
	default: usage();
	} /* clang-format on */
}

static void take_options(struct httpd_options *options, int argc, char **argv)
{
	static const struct option names[] = {
		{ "workers", 1, NULL, 'w' },     { "timeout", 1, NULL, 't' },
		{ "connections", 1, NULL, 'n' }, { "socket", 1, NULL, 's' },
		{ "profile", 1, NULL, 'p' },     { "start", 0, NULL, 'a' },
		{ "relay", 0, NULL, 'r' },       { "hardware", 1, NULL, 'h' },
		{ "zerocopy", 0, NULL, 'z' },    { "cert", 1, NULL, 'c' },
		{ "key", 1, NULL, 'k' },         { "plain", 0, NULL, 'P' },
		{ "verbose", 0, NULL, 'v' },     { 0 },
	};
	int c;

	while ((c = getopt_long(argc, argv, "", names, NULL)) != -1)
		take_option(options, c);
	if (argc - optind != 2 || !options->own.certs_file != !options->own.key_file)
		usage();
	options->params.deadline_ms = (uint32_t)options->timeout_ms;
	options->port = argv[optind];
	options->folder = open(argv[optind + 1], O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (options->folder < 0)
		err(1, "%s", argv[optind + 1]);
}

/* As many descriptors as may be had: a connection takes two, its own and its file's. */
static long connections_max(void)
{
	struct rlimit limit;

	if (getrlimit(RLIMIT_NOFILE, &limit) < 0)
		err(1, "getrlimit");
	limit.rlim_cur = limit.rlim_max;
	(void)!setrlimit(RLIMIT_NOFILE, &limit);
	return limit.rlim_cur > 1 << 20 ? 1 << 19 : (long)limit.rlim_cur / 2 - 32;
}

static pid_t start_worker(const struct httpd_options *options)
{
	pid_t parent = getpid(), pid = fork();

	if (pid < 0)
		err(1, "fork");
	if (pid > 0)
		return pid;
	/* It does not outlive the parent, which may have ended before it could say so. */
	prctl(PR_SET_PDEATHSIG, SIGTERM);
	if (getppid() != parent)
		exit(1);
	exit(worker_run(options));
}

static void signal_all(const pid_t *workers, long n, int sig)
{
	for (long i = 0; i < n; i++)
		if (workers[i] > 0)
			kill(workers[i], sig);
}

/* One that was killed is replaced; one that ended by itself knows why, and the others end, too. */
static bool reap(const struct httpd_options *options, pid_t *workers, bool *stopping, int *ret)
{
	bool any = false;
	int status;

	for (long i = 0; i < options->workers; i++) {
		if (workers[i] > 0 && waitpid(workers[i], &status, WNOHANG) == workers[i]) {
			workers[i] = 0;
			if (WIFSIGNALED(status) && !*stopping) {
				warnx("a worker was killed by signal %d", WTERMSIG(status));
				sleep(1);
				workers[i] = start_worker(options);
			} else if (!*stopping) {
				*stopping = true;
				*ret = 1;
				signal_all(workers, options->workers, SIGTERM);
			}
		}
		any |= workers[i] > 0;
	}
	return any;
}

static int supervise(const struct httpd_options *options)
{
	pid_t workers[WORKERS_MAX] = { 0 };
	bool stopping = false;
	int sig, ret = 0;
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGINT);
	sigaddset(&set, SIGCHLD);
	sigprocmask(SIG_BLOCK, &set, NULL);
	for (long i = 0; i < options->workers; i++)
		workers[i] = start_worker(options);
	do {
		sigwait(&set, &sig);
		if (sig != SIGCHLD) {
			stopping = true;
			signal_all(workers, options->workers, SIGTERM);
		}
	} while (reap(options, workers, &stopping, &ret));
	return ret;
}

int main(int argc, char **argv)
{
	struct httpd_options options = {
		.params = { .role = KTLS_SERVER },
		.workers = sysconf(_SC_NPROCESSORS_ONLN),
		.timeout_ms = 30000,
		.connections_max = connections_max(),
	};

	signal(SIGPIPE, SIG_IGN); /* of plain sendfile(); libktls's calls raise none */
	take_options(&options, argc, argv);
	return supervise(&options);
}
