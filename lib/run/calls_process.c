/* SPDX-License-Identifier: MIT */
/* Calls that end a program in this process, and streams of stdio. */
#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

#include "lib/run/calls.h"

static bool concerned(void)
{
	return run_active && run_is_mine();
}

/* ---- exit ---------------------------------------------------------------------------------- */

static __attribute__((noreturn)) void run_exit(int status)
{
	if (concerned())
		run_release_all();
	REAL(exit)(status);
}

RUN_EXPORT void _exit(int status)
{
	run_exit(status);
}

RUN_EXPORT void _Exit(int status)
{
	run_exit(status);
}

/* ---- exec ---------------------------------------------------------------------------------- */

/* call: what comes back from it has failed. */
#define EXEC(call)                     \
	do {                           \
		if (!concerned())      \
			return (call); \
		run_exec_begin();      \
		(void)!(call);         \
		run_exec_failed();     \
		return -1;             \
	} while (0)

RUN_EXPORT int execve(const char *path, char *const argv[], char *const envp[])
{
	EXEC(REAL(execve)(path, argv, envp));
}

RUN_EXPORT int execv(const char *path, char *const argv[])
{
	EXEC(REAL(execve)(path, argv, environ));
}

RUN_EXPORT int execvpe(const char *file, char *const argv[], char *const envp[])
{
	EXEC(REAL(execvpe)(file, argv, envp));
}

RUN_EXPORT int execvp(const char *file, char *const argv[])
{
	EXEC(REAL(execvpe)(file, argv, environ));
}

/* ---- stdio ---------------------------------------------------------------------------------- */

/*
 * Streams of libc's call its read() from within, where nobody comes between. So these get
 * functions of ours, and look like any other by the number in them.
 */
static ssize_t stream_read(void *cookie, char *buf, size_t len)
{
	return run_recv((int)(intptr_t)cookie, buf, len, 0);
}

static ssize_t stream_write(void *cookie, const char *buf, size_t len)
{
	ssize_t n = run_send((int)(intptr_t)cookie, buf, len, 0);

	return n < 0 ? 0 : n;
}

static int stream_seek(void *cookie, off64_t *at, int whence)
{
	(void)cookie;
	(void)at;
	(void)whence;
	return run_fail(ESPIPE);
}

static int stream_close(void *cookie)
{
	return run_close((int)(intptr_t)cookie);
}

RUN_EXPORT FILE *fdopen(int fd, const char *mode)
{
	static const cookie_io_functions_t functions = { .read = stream_read,
							 .write = stream_write,
							 .seek = stream_seek,
							 .close = stream_close };
	struct run_file *file = run_get_kind(fd, RUN_STREAM);
	FILE *stream;

	if (!file)
		return REAL(fdopen)(fd, mode);
	run_put(file);
	stream = fopencookie((void *)(intptr_t)fd, mode, functions);
	if (stream)
		stream->_fileno = fd;
	return stream;
}
