/* SPDX-License-Identifier: MIT */
/*
 * What serving files over TLS costs: the example server httpd beside nginx, with OpenSSL in
 * userspace and with the kernel's TLS. All servers run at once, idle but one; rounds are
 * interleaved; what is counted is the CPU of a server's processes, ktlsd's among them, and never
 * the client's.
 */
#include <getopt.h>

#include "tests/bench/bench.h"
#include "tests/bench/http_files.h"
#include "tests/bench/http_table.h"
#include "tests/bench/ktls-bench/machine.h"
#include "tests/bench/ktls-bench/progress.h"
#include "tests/bench/ktls-bench/result_json.h"
#include "tests/bench/ktls-bench/warnings.h"

#define ROUNDS_MAX 100

static const char *only = "", *json;
#define FAILED "it did not start, or answers wrongly: its log says why"

static SSL_CTX *tls;
static struct result_run *run;
static struct progress progress;
static struct cpu_list halves[RESULT_ENDS];
static struct result_cell *cells[KINDS][SERVERS];

/* ---- CPUs ------------------------------------------------------------------------------------ */

/* Servers have the first half of the CPUs, the client the other one; a single CPU they share. */
static void make_halves(void)
{
	const uint32_t n = (uint32_t)sysconf(_SC_NPROCESSORS_ONLN);

	for (uint32_t i = 0; i < n && i < 2 * CPUS_MAX; i++)
		for (int end = 0; end < RESULT_ENDS; end++)
			if (n == 1 || (i < n / 2) == (end == RESULT_SERVER))
				halves[end].cpus[halves[end].len++] = (uint16_t)i;
}

static void use_half(enum result_end end)
{
	cpu_set_t set;

	CPU_ZERO(&set);
	for (uint32_t i = 0; i < halves[end].len; i++)
		CPU_SET(halves[end].cpus[i], &set);
	if (sched_setaffinity(0, sizeof(set), &set) < 0)
		run->parameters.shared_cpu = true;
}

/* Before anything is started. */
static void describe_run(void)
{
	const struct sockaddr_in loopback = { .sin_family = AF_INET,
					      .sin_addr = { htonl(INADDR_LOOPBACK) } };
	struct device device = { .tx_before = -1, .rx_before = -1 };

	device_find(&device, (const struct sockaddr *)&loopback);
	for (int end = 0; end < RESULT_ENDS; end++)
		machine_describe(&run->machines[end], &device, &halves[end]);
	device_forget(&device);
	run->machines[RESULT_SERVER].load = machine_load(CLOCKS_STAT);
	run->machines[RESULT_CLIENT].load = run->machines[RESULT_SERVER].load;
	run->parameters.one_machine = true;
	run->parameters.shared_cpu =
		cpu_lists_meet(&halves[RESULT_SERVER], &halves[RESULT_CLIENT], CPUS_FOLDER);
	run->parameters.rounds = (uint32_t)rounds;
	result_text(run->base, sizeof(run->base), "nginx-openssl");
}

/* ---- starting -------------------------------------------------------------------------------- */

static void choose_servers(bool kernel)
{
	bool nginx = has_program("nginx");

	for (size_t i = 0; i < SERVERS; i++) {
		struct server *s = &servers[i];

		s->port = free_port();
		if (!strstr(s->mode, only))
			s->missing = "not asked for";
		else if (s->nginx && !nginx)
			s->missing = "nginx is not installed";
		else if (s->kernel && !kernel)
			s->missing = "this kernel has no TLS, or tls is not loaded";
	}
}

/* Its socket is there earlier than its workers. Emulated, it takes its time. */
static void start_ktlsd(bool kernel)
{
	char line[300];

	write_ktlsd_conf(kernel);
	ktlsd = start("ktlsd", "%s/ktlsd --config %s/ktlsd.conf", build, folder);
	snprintf(line, sizeof(line), "grep -q ready: %s/ktlsd.log 2>/dev/null", folder);
	for (int i = 0; system(line) != 0 && i < 3000; i++) {
		if (waitpid(ktlsd, NULL, WNOHANG) != 0)
			break;
		usleep(100000);
	}
}

static void start_servers(void)
{
	for (size_t i = 0; i < SERVERS; i++)
		if (runs(&servers[i]))
			server_start(&servers[i]);
	for (size_t i = 0; i < SERVERS; i++) {
		struct server *s = &servers[i];

		if (runs(s) && !server_ready(s, tls))
			s->missing = FAILED;
		if (s->missing && s->pid > 0)
			fprintf(stderr, "%s: %s: %s/%s.log\n", s->mode, s->missing, folder,
				s->mode);
	}
}

/* ---- measuring ------------------------------------------------------------------------------- */

static void take_latency(struct result_round *r, uint64_t *latency, size_t n)
{
	double *sorted = calloc(n, sizeof(*sorted));

	if (!sorted)
		return;
	for (size_t i = 0; i < n; i++)
		sorted[i] = (double)latency[i];
	r->latency_p50_ns = (uint64_t)bench_median(sorted, n);
	r->latency_p99_ns = (uint64_t)sorted[n - 1 - n / 100];
	free(sorted);
}

/* How the server had its records carried: by what the kernel has counted meanwhile. */
static void take_offload(const struct server *s, struct result_round *r, const uint64_t before[4])
{
	static const char *const names[] = { "TlsTxSw", "TlsRxSw", "TlsTxDevice", "TlsRxDevice" };

	(void)s;
	r->tx[RESULT_SERVER].sw = (uint32_t)(kernel_count(names[0]) - before[0]);
	r->rx[RESULT_SERVER].sw = (uint32_t)(kernel_count(names[1]) - before[1]);
	r->tx[RESULT_SERVER].hw = (uint32_t)(kernel_count(names[2]) - before[2]);
	r->rx[RESULT_SERVER].hw = (uint32_t)(kernel_count(names[3]) - before[3]);
}

static void measure(const struct kind *k, const struct server *s, struct result_round *r,
		    bool check)
{
	const uint64_t before[4] = { kernel_count("TlsTxSw"), kernel_count("TlsRxSw"),
				     kernel_count("TlsTxDevice"), kernel_count("TlsRxDevice") };
	struct load load = { .tls = s->tls ? tls : NULL,
			     .port = s->port,
			     .path = k->path,
			     .want = k->bytes,
			     .size = k->size,
			     .check = check,
			     .churn = k->churn,
			     .requests = check ? 1 : k->requests,
			     .clients = least(clients, k->requests) };
	uint64_t from, cpu;

	load.latency = calloc(load.requests, sizeof(*load.latency));
	cpu = server_ns(s);
	from = wall_now();
	load_run(&load);
	r->wall_seconds = (double)(wall_now() - from) * 1e-9;
	/* What the last requests have left to be done, closing above all. */
	usleep(20000);
	r->cpu_seconds[RESULT_SERVER] = (double)(server_ns(s) - cpu) * 1e-9;
	r->operations = load.answered;
	r->failures = load.failed;
	r->bytes = load.answered * k->size;
	take_offload(s, r, before);
	if (load.latency)
		take_latency(r, load.latency, load.requests);
	free(load.latency);
}

static void make_cells(void)
{
	for (size_t i = 0; i < SERVERS; i++) {
		struct result_mode *mode = result_mode_add(run);

		result_text(mode->name, sizeof(mode->name), "%s", servers[i].mode);
		result_text(mode->label, sizeof(mode->label), "%s", servers[i].label);
	}
	for (size_t k = 0; k < KINDS; k++)
		for (size_t i = 0; i < SERVERS; i++)
			if (!result_cell_add(run))
				abort();
	for (size_t n = 0; n < KINDS * SERVERS; n++) {
		const struct server *s = &servers[n % SERVERS];
		const struct kind *k = &kinds[n / SERVERS];
		struct result_cell *cell = cells[n / SERVERS][n % SERVERS] = &run->cells[n];

		result_text(cell->mode, sizeof(cell->mode), "%s", s->mode);
		result_text(cell->workload.pattern, sizeof(cell->workload.pattern), "%s",
			    k->churn ? "churn" : "request");
		cell->workload.object_bytes = k->size;
		cell->workload.connections = (uint32_t)least(clients, k->requests);
		cell->workload.threads = (uint32_t)server_workers;
		result_text(cell->tls, sizeof(cell->tls), "%s", s->tls ? "TLS 1.3" : "");
		result_text(cell->suite, sizeof(cell->suite), "%s",
			    s->tls ? "TLS_AES_128_GCM_SHA256" : "");
		result_text(cell->missing, sizeof(cell->missing), "%s",
			    s->missing ? s->missing : "");
	}
}

static void measure_round(size_t round, uint64_t began)
{
	for (size_t k = 0; k < KINDS; k++)
		for (size_t i = 0; i < SERVERS; i++) {
			struct result_round warm = { 0 }, *r;

			if (!runs(&servers[i]))
				continue;
			progress_round(&progress, "round %zu of %zu: %s, %s", round + 1, rounds,
				       kinds[k].title, servers[i].mode);
			measure(&kinds[k], &servers[i], &warm, true);
			r = result_round_add(cells[k][i]);
			if (!r)
				abort();
			r->began_seconds = (double)(wall_now() - began) * 1e-9;
			measure(&kinds[k], &servers[i], r, false);
			r->payload = warm.failures > 0 ? RESULT_CORRUPT : RESULT_VERIFIED;
		}
}

static void measure_all(uint64_t began)
{
	unsigned int running = 0;

	for (size_t i = 0; i < SERVERS; i++)
		running += runs(&servers[i]);
	progress_begin(&progress, false, (unsigned int)(rounds * KINDS) * running);
	for (size_t i = 0; i < rounds; i++)
		measure_round(i, began);
	progress_end(&progress);
}

/* ---- what came of it ------------------------------------------------------------------------- */

/* Returns how many requests went wrong. */
static uint64_t show(void)
{
	uint64_t wrong = 0;

	table_head(run);
	for (size_t k = 0; k < KINDS; k++)
		for (size_t i = 0; i < SERVERS; i++)
			wrong += table_row(run, kinds[k].title, cells[k][i]);
	for (size_t i = 0; i < SERVERS; i++) {
		const char *why = servers[i].missing;

		if (why)
			printf("\n%s: not measured: %s.", servers[i].label, why);
		wrong += why && strcmp(why, FAILED) == 0;
	}
	puts("");
	table_foot(run);
	return wrong;
}

/* For "ktls-bench compare", and for programs. */
static void write_json(int argc, char **argv)
{
	char *command = run->parameters.command;
	time_t now = time(NULL);
	struct tm tm;
	FILE *f = fopen(json, "we");
	size_t len = 0;

	if (!f)
		err(1, "%s", json);
	for (int i = 0; i < argc && len < sizeof(run->parameters.command); i++)
		len += (size_t)snprintf(command + len, sizeof(run->parameters.command) - len,
					"%s%s", i > 0 ? " " : "", argv[i]);
	strftime(run->date, sizeof(run->date), "%Y-%m-%dT%H:%M:%SZ", gmtime_r(&now, &tm));
	if (result_json_write(run, f) < 0 || fclose(f) != 0)
		errx(1, "%s was not written", json);
}

/* ---- all of it ------------------------------------------------------------------------------- */

static void usage(FILE *out)
{
	fputs("usage: http [OPTION...], as root\n"
	      "  --rounds N    rounds, each of all servers and objects (5)\n"
	      "  --mib N       what a round sends of each object, at least one of it (64)\n"
	      "  --big N       MiB of the largest object (1024)\n"
	      "  --requests N  of the smallest object in a round, at most; a tenth of new\n"
	      "                connections (20000)\n"
	      "  --clients N   connections at a time (4)\n"
	      "  --workers N   of each server (1)\n"
	      "  --only TEXT   servers whose mode, nginx-ktls for one, has this in it\n"
	      "  --json FILE   all that was measured, for ktls-bench show and compare\n"
	      "KTLS_BUILD: the folder of ktlsd and httpd (build)\n",
	      out);
	exit(out == stdout ? 0 : 2);
}

static size_t number(const char *text)
{
	char *end;
	unsigned long n = strtoul(text, &end, 10);

	if (end == text || *end != '\0' || n < 1 || n > 1000000)
		usage(stderr);
	return n;
}

static void take_options(int argc, char **argv)
{
	static const struct option names[] = {
		{ "rounds", 1, NULL, 'r' },  { "mib", 1, NULL, 'm' },
		{ "big", 1, NULL, 'b' },     { "requests", 1, NULL, 'n' },
		{ "clients", 1, NULL, 'c' }, { "workers", 1, NULL, 'w' },
		{ "only", 1, NULL, 'o' },    { "json", 1, NULL, 'j' },
		{ "help", 0, NULL, 'h' },    { 0 },
	};
	int c;

	/* clang-format off */
	while ((c = getopt_long(argc, argv, "", names, NULL)) != -1)
		switch (c) {
		case 'r': rounds = least(number(optarg), ROUNDS_MAX); break;
		case 'm': mib = number(optarg); break;
		case 'b': big_mib = number(optarg); break;
		case 'n': requests_max = number(optarg); break;
		case 'c': clients = least(number(optarg), CLIENTS_MAX); break;
		case 'w': server_workers = (unsigned int)least(number(optarg), 64); break;
		case 'o': only = optarg; break;
		case 'j': json = optarg; break;
		case 'h': usage(stdout); break;
		default: usage(stderr);
		} /* clang-format on */
}

/* The same suite and group with every server. */
static SSL_CTX *client_tls(void)
{
	SSL_CTX *ctx = SSL_CTX_new(TLS_client_method());

	if (!ctx || SSL_CTX_set_min_proto_version(ctx, TLS1_3_VERSION) != 1 ||
	    SSL_CTX_set_ciphersuites(ctx, "TLS_AES_128_GCM_SHA256") != 1 ||
	    SSL_CTX_set1_groups_list(ctx, "X25519") != 1)
		errx(1, "libssl");
	return ctx;
}

int main(int argc, char **argv)
{
	bool kernel = access("/proc/net/tls_stat", R_OK) == 0;
	uint64_t began = wall_now(), wrong;

	take_options(argc, argv);
	if (getenv("KTLS_BUILD"))
		build = getenv("KTLS_BUILD");
	run = result_run_new();
	if (!run)
		err(1, "memory");
	signal(SIGPIPE, SIG_IGN);
	tls = client_tls();
	make_halves();
	describe_run();
	make_folder();
	make_kinds();
	use_half(RESULT_SERVER);
	choose_servers(kernel);
	start_ktlsd(kernel);
	start_servers();
	use_half(RESULT_CLIENT);
	make_cells();
	measure_all(began);
	stop_all();
	warnings_add(run);
	wrong = show();
	fflush(stdout);
	if (json)
		write_json(argc, argv);
	if (wrong == 0)
		remove_folder();
	result_run_free(run);
	return wrong > 0;
}
