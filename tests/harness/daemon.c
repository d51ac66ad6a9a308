/* SPDX-License-Identifier: MIT */
#include "tests/harness/daemon.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "tests/harness/certs.h"
#include "tests/harness/harness.h"

#define WAIT_MS 5000

static void sleep_ms(long ms)
{
	const struct timespec t = { .tv_sec = ms / 1000, .tv_nsec = ms % 1000 * 1000000 };

	nanosleep(&t, NULL);
}

/* Slower machines get more time, as the harness gives it to tests. */
static int patience(void)
{
	const char *factor = getenv("KTLS_TIMEOUT_FACTOR");
	int n = factor ? atoi(factor) : 1;

	return WAIT_MS * (n > 0 ? n : 1);
}

const char *daemon_path(const struct daemon *d, const char *name)
{
	static char path[160];

	snprintf(path, sizeof(path), "%s/%s", d->dir, name);
	return path;
}

/* BUILD/tests/unit/NAME is beside BUILD/ktlsd. */
static void find_program(struct daemon *d)
{
	char self[200];
	ssize_t n = readlink("/proc/self/exe", self, sizeof(self) - 1);

	ASSERT_GT(n, 0);
	self[n] = '\0';
	for (int i = 0; i < 3; i++)
		dirname(self);
	snprintf(d->program, sizeof(d->program), "%s/ktlsd", self);
	ASSERT_EQ(0, access(d->program, X_OK));
}

void daemon_prepare(struct daemon *d)
{
	struct cert *ca, *server;

	*d = (struct daemon){ .dir = "/tmp/ktlsd-test-XXXXXX" };
	ASSERT_NOT_NULL(mkdtemp(d->dir));
	ASSERT_EQ(0, chmod(d->dir, 0755));
	snprintf(d->socket, sizeof(d->socket), "%s/socket", d->dir);
	snprintf(d->config, sizeof(d->config), "%s/ktlsd.conf", d->dir);
	snprintf(d->log, sizeof(d->log), "%s/log", d->dir);
	find_program(d);
	ca = cert_ca(CERT_P256, "Test CA");
	server = cert_server(CERT_P256, "DNS:localhost,IP:127.0.0.1,IP:::1", ca);
	cert_write(ca, d->dir, "ca");
	cert_write(server, d->dir, "server");
	cert_free(server);
	cert_free(ca);
}

void daemon_configure(struct daemon *d, const char *ktlsd, const char *profile, const char *more)
{
	FILE *f = fopen(d->config, "w");

	ASSERT_NOT_NULL(f);
	fprintf(f, "[ktlsd]\nsocket = %s\nsocket-mode = 0666\n%s", d->socket, ktlsd ? ktlsd : "");
	fprintf(f, "[profile default]\ncertificate = %s/server.pem\nkey = %s/server.key\n", d->dir,
		d->dir);
	fprintf(f, "trust = %s/ca.pem\n", d->dir);
	if (profile)
		fputs(profile, f);
	else
		fprintf(f, "server-users = %u\nclient-users = *\n", geteuid());
	fprintf(f, "%s", more ? more : "");
	ASSERT_EQ(0, fclose(f));
}

void daemon_spawn(struct daemon *d)
{
	int log = open(d->log, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);

	ASSERT_GE(log, 0);
	d->pid = fork();
	ASSERT_GE(d->pid, 0);
	if (d->pid == 0) {
		dup2(log, STDERR_FILENO);
		execl(d->program, d->program, "--config", d->config, (char *)NULL);
		_exit(127);
	}
	close(log);
}

static void show_log(const struct daemon *d)
{
	char line[1024];
	FILE *f = fopen(d->log, "r");

	while (f && fgets(line, sizeof(line), f))
		TH_LOG("%s", line);
	if (f)
		fclose(f);
}

static bool logged_often(const struct daemon *d, const char *text, unsigned int times)
{
	for (int ms = 0; ms < patience(); ms += 10) {
		if (daemon_log_count(d, text) >= times)
			return true;
		if (d->pid > 0 && kill(d->pid, 0) != 0)
			return false;
		sleep_ms(10);
	}
	return false;
}

#define READY "ktlsd: ready:"

/* The log may be that of one before it, too. */
void daemon_start(struct daemon *d)
{
	unsigned int before = daemon_log_count(d, READY);
	bool ready;

	daemon_spawn(d);
	ready = logged_often(d, READY, before + 1);
	if (!ready)
		show_log(d);
	ASSERT_TRUE(ready);
}

void daemon_open(struct daemon *d, const char *ktlsd, const char *profile, const char *more)
{
	daemon_prepare(d);
	daemon_configure(d, ktlsd, profile, more);
	daemon_start(d);
}

int daemon_wait(struct daemon *d)
{
	int status = -1;

	while (waitpid(d->pid, &status, 0) < 0 && errno == EINTR)
		;
	d->pid = 0;
	return status;
}

static void remove_folder(const char *path)
{
	char name[400];
	struct dirent *entry;
	DIR *dir = opendir(path);

	ASSERT_NOT_NULL(dir);
	for (entry = readdir(dir); entry; entry = readdir(dir)) {
		snprintf(name, sizeof(name), "%s/%s", path, entry->d_name);
		unlink(name);
	}
	closedir(dir);
	rmdir(path);
}

void daemon_close(struct daemon *d)
{
	int status;

	if (d->pid > 0) {
		kill(d->pid, SIGTERM);
		status = daemon_wait(d);
		if (status != 0)
			show_log(d);
		EXPECT_EQ(0, status);
	}
	if (d->dir[0])
		remove_folder(d->dir);
}

static bool is_called(pid_t pid, const char *name)
{
	char path[64], line[256] = "";
	FILE *f;

	snprintf(path, sizeof(path), "/proc/%d/cmdline", (int)pid);
	f = fopen(path, "re");
	if (!f)
		return false;
	if (!fgets(line, sizeof(line), f))
		line[0] = '\0';
	fclose(f);
	return strcmp(line, name) == 0; /* argv[0] ends with 0 */
}

pid_t daemon_child(const struct daemon *d, const char *name)
{
	char path[64];
	int pid = 0, found = 0;
	FILE *f;

	snprintf(path, sizeof(path), "/proc/%d/task/%d/children", (int)d->pid, (int)d->pid);
	f = fopen(path, "re");
	while (f && !found && fscanf(f, "%d", &pid) == 1) {
		if (is_called(pid, name))
			found = pid;
	}
	if (f)
		fclose(f);
	return found;
}

pid_t daemon_child_after(const struct daemon *d, const char *name, pid_t before)
{
	pid_t pid = daemon_child(d, name);

	for (int ms = 0; (pid == 0 || pid == before) && ms < patience(); ms += 5) {
		sleep_ms(5);
		pid = daemon_child(d, name);
	}
	ASSERT_NE(0, pid);
	ASSERT_NE(before, pid);
	return pid;
}

unsigned int daemon_log_count(const struct daemon *d, const char *text)
{
	unsigned int n = 0;
	char line[1100];
	FILE *f = fopen(d->log, "re");

	while (f && fgets(line, sizeof(line), f))
		n += strstr(line, text) != NULL;
	if (f)
		fclose(f);
	return n;
}

bool daemon_logged(const struct daemon *d, const char *text)
{
	return logged_often(d, text, 1);
}
