/* SPDX-License-Identifier: MIT */
#include "daemon/child.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "daemon/clock.h"
#include "daemon/log.h"

/* A child that lives longer is started again at once, one that does not after longer and longer. */
#define STABLE_MS      5000
#define BACKOFF_MS     100
#define BACKOFF_MAX_MS 10000

static const char *role_name(enum channel_role role)
{
	if (role == ROLE_RELAY)
		return "relay";
	if (role == ROLE_NETLINK)
		return "netlink";
	return role == ROLE_WORKER ? "worker" : "signer";
}

void child_init(struct child *child, enum channel_role role, uint16_t index)
{
	*child = (struct child){ .role = role, .index = index };
	snprintf(child->name, sizeof(child->name), "%s %u", role_name(role), index + 1U);
	child->channel = (struct channel){
		.fd = -1, .here = ROLE_SUPERVISOR, .there = role, .name = child->name
	};
}

/* The environment is not for children, but for what sanitizers want to know. */
static void keep_sanitizer_options(char **env, size_t room)
{
	size_t n = 0;

	for (char **e = environ; *e && n + 1 < room; e++) {
		if (strstr(*e, "SAN_OPTIONS="))
			env[n++] = *e;
	}
	env[n] = NULL;
}

/*
 * In the new process. Whoever wants the daemon to end tells the supervisor: signals that a terminal
 * or a service manager sends to all processes are ignored here.
 */
static void become(const char *name, enum channel_role role, int channel)
{
	char *const argv[] = { (char *)name, "--role", (char *)role_name(role), NULL };
	char *env[8];
	sigset_t none;
	int null;

	signal(SIGTERM, SIG_IGN);
	signal(SIGINT, SIG_IGN);
	signal(SIGHUP, SIG_IGN);
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	null = open("/dev/null", O_RDWR | O_CLOEXEC);
	if (null < 0 || dup2(null, STDIN_FILENO) < 0 || dup2(null, STDOUT_FILENO) < 0)
		_exit(126);
	if (channel == CHANNEL_FD ? fcntl(channel, F_SETFD, 0) < 0 : dup2(channel, CHANNEL_FD) < 0)
		_exit(126);
	if (close_range(CHANNEL_FD + 1, ~0U, 0) != 0)
		_exit(126);
	keep_sanitizer_options(env, sizeof(env) / sizeof(env[0]));
	execve("/proc/self/exe", argv, env);
	log_message(LOG_ERR, "cannot execute /proc/self/exe: %s", strerror(errno));
	_exit(127);
}

static void put_off(struct child *child)
{
	uint64_t delay = BACKOFF_MAX_MS;

	if (child->failures < 7)
		delay = (uint64_t)BACKOFF_MS << child->failures;
	child->failures++;
	child->restart = clock_ms() + delay;
}

static int fork_child(struct child *child, int theirs)
{
	pid_t pid = fork();

	if (pid < 0)
		return -errno;
	if (pid == 0)
		become(child->name, child->role, theirs);
	child->pid = pid;
	child->started = clock_ms();
	child->restart = 0;
	return 0;
}

int child_start(struct child *child)
{
	int pair[2];
	int err;

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) != 0) {
		err = -errno;
		put_off(child);
		return err;
	}
	err = fork_child(child, pair[1]);
	close(pair[1]);
	if (err) {
		close(pair[0]);
		put_off(child);
		return err;
	}
	child->channel.fd = pair[0];
	return 0;
}

void child_kill(struct child *child)
{
	if (child->pid > 0)
		kill(child->pid, SIGKILL);
}

static void log_end(const struct child *child, int status)
{
	if (WIFSIGNALED(status) && WTERMSIG(status) == SIGSYS)
		log_message(LOG_ERR, "%s (pid %d) made a system call that its sandbox forbids",
			    child->name, (int)child->pid);
	else if (WIFSIGNALED(status))
		log_message(LOG_ERR, "%s (pid %d) was ended by signal %d (%s)", child->name,
			    (int)child->pid, WTERMSIG(status), strsignal(WTERMSIG(status)));
	else
		log_message(WEXITSTATUS(status) == 0 ? LOG_INFO : LOG_ERR,
			    "%s (pid %d) ended with status %d", child->name, (int)child->pid,
			    WEXITSTATUS(status));
}

void child_ended(struct child *child, int status, bool wanted)
{
	if (!wanted || status != 0)
		log_end(child, status);
	if (child->channel.fd >= 0)
		close(child->channel.fd);
	child->channel.fd = -1;
	child->pid = 0;
	child->ready = false;
	if (clock_ms() - child->started < STABLE_MS) {
		put_off(child);
		return;
	}
	child->failures = 0;
	child->restart = clock_ms();
}
