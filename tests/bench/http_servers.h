/* SPDX-License-Identifier: MIT */
/* The servers of the HTTP benchmark: nginx and ours, what they are told, and what CPU they take. */
#ifndef KTLS_TESTS_BENCH_HTTP_SERVERS_H
#define KTLS_TESTS_BENCH_HTTP_SERVERS_H

#include <dirent.h>
#include <err.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdarg.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "tests/bench/http_client.h"

struct server {
	const char *mode, *label; /* of the result */
	bool nginx, tls;
	const char *options; /* httpd's, or lines of nginx's server block */
	bool kernel;         /* only where the kernel has TLS */
	const char *missing; /* why it does not run, or NULL */
	in_port_t port;
	pid_t pid;
};

/* clang-format off */
static struct server servers[] = {
	{ "nginx-tcp", "nginx, no TLS", true, false, "", false, NULL, 0, 0 },
	{ "httpd-tcp", "httpd, no TLS", false, false, "--plain", false, NULL, 0, 0 },
	{ "nginx-openssl", "nginx, OpenSSL", true, true, "", false, NULL, 0, 0 },
	{ "nginx-ktls", "nginx, kTLS", true, true, "ssl_conf_command Options KTLS;", true, NULL, 0, 0 },
	{ "httpd-listen", "httpd, ktls_listen()", false, true, "--profile kernel", true, NULL, 0, 0 },
	{ "httpd-start", "httpd, ktls_start()", false, true, "--profile kernel --start", true, NULL, 0, 0 },
	{ "httpd-embedded", "httpd, no ktlsd", false, true, "--cert %s/cert.pem --key %s/cert.key", true, NULL, 0, 0 },
	{ "httpd-relay", "httpd, relay", false, true, "--profile relay --relay", false, NULL, 0, 0 },
}; /* clang-format on */

#define SERVERS (sizeof(servers) / sizeof(*servers))

static char folder[] = "/tmp/ktls-http-XXXXXX";
static const char *build = "build";
static unsigned int server_workers = 1;
static pid_t ktlsd;

/* ---- files and programs ---------------------------------------------------------------------- */

static inline FILE *file_new(const char *name)
{
	char path[256];
	FILE *f;

	snprintf(path, sizeof(path), "%s/%s", folder, name);
	f = fopen(path, "we");
	if (!f)
		err(1, "%s", path);
	return f;
}

static inline void write_nginx_conf(const struct server *s)
{
	char name[64];
	FILE *f;

	snprintf(name, sizeof(name), "%s.conf", s->mode);
	f = file_new(name);
	fprintf(f,
		"daemon off; user root; worker_processes %u; pid %s/%s.pid; error_log stderr "
		"warn;\n"
		"events { worker_connections 1024; }\n"
		"http { access_log off; sendfile on; tcp_nopush on; keepalive_requests "
		"1000000000;\n"
		"client_body_temp_path %s/t; proxy_temp_path %s/t; fastcgi_temp_path %s/t;\n"
		"uwsgi_temp_path %s/t; scgi_temp_path %s/t;\n"
		"server { listen 127.0.0.1:%u reuseport backlog=1024 %s; root %s/www;\n",
		server_workers, folder, s->mode, folder, folder, folder, folder, folder, s->port,
		s->tls ? "ssl" : "", folder);
	if (s->tls)
		fprintf(f,
			"ssl_certificate %s/cert.pem; ssl_certificate_key %s/cert.key;\n"
			"ssl_protocols TLSv1.3; %s\n",
			folder, folder, s->options);
	fprintf(f, "} }\n");
	fclose(f);
}

static inline void write_ktlsd_conf(bool kernel)
{
	FILE *f = file_new("ktlsd.conf");
	const char *const names[] = { "relay", "kernel" };

	fprintf(f, "[ktlsd]\nsocket = %s/ktlsd.sock\nsocket-group = root\nuser = nobody\n", folder);
	fprintf(f, "workers = %u\n", server_workers);
	for (size_t i = 0; i < (kernel ? 2 : 1); i++)
		fprintf(f,
			"[profile %s]\ncertificate = %s/cert.pem\nkey = %s/cert.key\n"
			"server-users = *\nrecords = %s\nsignatures-per-second = 1000000\n",
			names[i], folder, folder, i ? "require-kernel" : "relay");
	fclose(f);
}

/* A command line, cut at its spaces; its output goes to NAME.log. */
__attribute__((format(printf, 2, 3))) static inline pid_t start(const char *name,
								const char *format, ...)
{
	char line[1024], path[256], *argv[32] = { 0 }, *save = NULL, *word;
	size_t n = 0;
	va_list args;
	pid_t pid;

	va_start(args, format);
	vsnprintf(line, sizeof(line), format, args);
	va_end(args);
	for (word = strtok_r(line, " ", &save); word && n < 31; word = strtok_r(NULL, " ", &save))
		argv[n++] = word;
	pid = fork();
	if (pid != 0)
		return pid;
	prctl(PR_SET_PDEATHSIG, SIGTERM);
	snprintf(path, sizeof(path), "%s/%s.log", folder, name);
	if (dup2(open(path, O_WRONLY | O_CREAT | O_APPEND, 0600), 1) < 0 || dup2(1, 2) < 0)
		_exit(126);
	execvp(argv[0], argv);
	_exit(127);
}

/* One that nobody has: servers share theirs with whoever asks (SO_REUSEPORT), with another run,
 * too. */
static inline in_port_t free_port(void)
{
	struct sockaddr_in6 address = { .sin6_family = AF_INET6 };
	socklen_t len = sizeof(address);
	int fd = socket(AF_INET6, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (fd < 0 || bind(fd, (struct sockaddr *)&address, len) < 0 ||
	    getsockname(fd, (struct sockaddr *)&address, &len) < 0)
		err(1, "a port");
	close(fd);
	return ntohs(address.sin6_port);
}

static inline bool runs(const struct server *s)
{
	return !s->missing;
}

static inline bool has_program(const char *name)
{
	char path[300];

	snprintf(path, sizeof(path), "command -v %s >/dev/null 2>&1", name);
	return system(path) == 0;
}

static inline void server_start(struct server *s)
{
	char options[512];

	if (s->nginx) {
		write_nginx_conf(s);
		s->pid = start(s->mode, "nginx -p %s -e %s/%s.log -c %s/%s.conf", folder, folder,
			       s->mode, folder, s->mode);
		return;
	}
	/* Options with the folder in them, or without: its name has no % of its own. */
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
	snprintf(options, sizeof(options), s->options, folder, folder);
#pragma GCC diagnostic pop
	s->pid =
		start(s->mode, "%s/examples/httpd --workers %u --socket %s/ktlsd.sock %s %u %s/www",
		      build, server_workers, folder, options, s->port, folder);
}

/* Whether it answers within a minute. */
static inline bool server_ready(const struct server *s, SSL_CTX *tls)
{
	struct load load = { .port = s->port,
			     .path = "1k",
			     .size = 1024,
			     .requests = 1,
			     .clients = 1,
			     .tls = s->tls ? tls : NULL };

	for (int i = 0; i < 600; i++) {
		load.begun = load.failed = 0;
		load_run(&load);
		if (load.answered > 0)
			return true;
		if (waitpid(s->pid, NULL, WNOHANG) != 0)
			return false;
		usleep(100000);
	}
	return false;
}

static inline void stop_all(void)
{
	for (size_t i = 0; i < SERVERS; i++)
		if (servers[i].pid > 0)
			kill(servers[i].pid, SIGTERM);
	if (ktlsd > 0)
		kill(ktlsd, SIGTERM);
	while (wait(NULL) > 0)
		;
}

/* ---- CPU ---------------------------------------------------------------------------------------
 */

/* The first number in a file of /proc, or 0. */
static inline uint64_t first_number(const char *path)
{
	unsigned long long n = 0;
	FILE *f = fopen(path, "re");

	if (!f)
		return 0;
	if (fscanf(f, "%llu", &n) != 1)
		n = 0;
	fclose(f);
	return n;
}

/* Nanoseconds that a process' threads have run: exact, unlike the ticks of /proc/PID/stat. */
static inline uint64_t process_ns(pid_t pid)
{
	char path[300];
	struct dirent *entry;
	uint64_t sum = 0;
	DIR *tasks;

	snprintf(path, sizeof(path), "/proc/%d/task", pid);
	tasks = opendir(path);
	while (tasks && (entry = readdir(tasks))) {
		if (entry->d_name[0] == '.')
			continue;
		snprintf(path, sizeof(path), "/proc/%d/task/%s/schedstat", pid, entry->d_name);
		sum += first_number(path);
	}
	if (tasks)
		closedir(tasks);
	return sum;
}

/* With all its children, and theirs. */
static inline uint64_t tree_ns(pid_t pid)
{
	char path[64];
	uint64_t sum = process_ns(pid);
	int child;
	FILE *f;

	snprintf(path, sizeof(path), "/proc/%d/task/%d/children", pid, pid);
	f = fopen(path, "re");
	while (f && fscanf(f, "%d", &child) == 1)
		sum += tree_ns(child);
	if (f)
		fclose(f);
	return sum;
}

/* Of a server, and of the ktlsd that works for it. */
static inline uint64_t server_ns(const struct server *s)
{
	return tree_ns(s->pid) + (s->nginx || !s->tls ? 0 : tree_ns(ktlsd));
}

/* TLS directions that the kernel has had so far: TlsTxSw, TlsRxDevice, ... */
static inline uint64_t kernel_count(const char *name)
{
	FILE *f = fopen("/proc/net/tls_stat", "re");
	unsigned long long value, found = 0;
	char word[64];

	while (f && fscanf(f, "%63s %llu", word, &value) == 2)
		if (strcmp(word, name) == 0)
			found = value;
	if (f)
		fclose(f);
	return found;
}

#endif
