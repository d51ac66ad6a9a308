/* SPDX-License-Identifier: MIT */
/* How it begins and ends in a process, and what it says. */
#include "lib/run/run.h"

#include <errno.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

struct run_rules run_rules;
bool run_active;

static struct stat error_output; /* what the standard error was at the beginning */

__attribute__((constructor)) static void begin(void)
{
	const char *value = getenv(RUN_VARIABLE);

	run_real_load();
	if (!value)
		return;
	(void)!fstat(2, &error_output);
	if (!run_rules_parse(&run_rules, value)) {
		run_say("the environment's " RUN_VARIABLE " is not what ktlsrun makes: no TLS");
		return;
	}
	run_fork_init();
	run_active = true;
}

__attribute__((destructor)) static void end(void)
{
	if (run_active)
		run_release_all();
}

int64_t run_now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

/* ---- words --------------------------------------------------------------------------------- */

/* Daemons use the number for other things: a connection is not to get our words. */
static bool may_speak(void)
{
	struct stat now;

	if (fstat(2, &now) < 0)
		return false;
	return !S_ISSOCK(now.st_mode) ||
	       (now.st_ino == error_output.st_ino && now.st_dev == error_output.st_dev);
}

static void say(const char *format, va_list args)
{
	char line[640] = "ktlsrun: ";
	size_t at = strlen(line);
	int error = errno, len = vsnprintf(line + at, sizeof(line) - at - 1, format, args);

	if (len >= 0 && may_speak()) {
		at += (size_t)len < sizeof(line) - at - 1 ? (size_t)len : sizeof(line) - at - 2;
		line[at] = '\n';
		(void)!REAL(write)(2, line, at + 1);
	}
	errno = error;
}

void run_say(const char *format, ...)
{
	va_list args;

	va_start(args, format);
	say(format, args);
	va_end(args);
}

void run_tell(const char *format, ...)
{
	va_list args;

	if (!run_rules.verbose)
		return;
	va_start(args, format);
	say(format, args);
	va_end(args);
}

/* ---- errors -------------------------------------------------------------------------------- */

int run_fail(int error)
{
	errno = error;
	return -1;
}

int run_errno_of(enum ktls_reason reason)
{
	switch (reason) {
	case KTLS_R_DAEMON_UNREACHABLE:
	case KTLS_R_WORKER_LOST:
		return ECONNREFUSED;
	case KTLS_R_DEADLINE:
		return ETIMEDOUT;
	case KTLS_R_PROFILE_UNKNOWN:
	case KTLS_R_PROFILE_DENIED:
	case KTLS_R_PROFILE_ROLE:
		return EACCES;
	case KTLS_R_NO_MEMORY:
		return ENOMEM;
	case KTLS_R_PEER_EOF:
	case KTLS_R_PEER_RESET:
		return ECONNRESET;
	case KTLS_R_KERNEL_NO_TLS:
	case KTLS_R_KERNEL_NO_SUITE:
	case KTLS_R_RELAY_UNAVAILABLE:
		return EPROTONOSUPPORT;
	default:
		return ECONNABORTED;
	}
}

/* ---- addresses ------------------------------------------------------------------------------- */

static socklen_t length_of(const struct sockaddr_in6 *address)
{
	return address->sin6_family == AF_INET ? sizeof(struct sockaddr_in)
					       : sizeof(struct sockaddr_in6);
}

bool run_address_from(const struct sockaddr *addr, socklen_t len, struct sockaddr_in6 *out)
{
	sa_family_t family;

	if (!addr || len < sizeof(family))
		return false;
	memcpy(&family, addr, sizeof(family));
	memset(out, 0, sizeof(*out));
	out->sin6_family = family;
	if ((family != AF_INET && family != AF_INET6) || len < length_of(out))
		return false;
	memcpy(out, addr, length_of(out));
	return true;
}

void run_address_give(const struct sockaddr_in6 *address, struct sockaddr *addr, socklen_t *len)
{
	socklen_t whole = length_of(address);

	if (!addr || !len)
		return;
	memcpy(addr, address, *len < whole ? *len : whole);
	*len = whole;
}
