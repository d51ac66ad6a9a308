/* SPDX-License-Identifier: MIT */
/* Calls that end a program in this process, and streams of stdio. */
#include <errno.h>
#include <stdarg.h>
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

static void exec_begin(void)
{
	if (concerned())
		run_exec_begin();
}

/* What comes back has failed. */
static int exec_failed(void)
{
	if (concerned())
		run_exec_failed();
	return -1;
}

#define EXEC(call) (exec_begin(), (void)!(call), exec_failed())

RUN_EXPORT int execve(const char *path, char *const argv[], char *const envp[])
{
	return EXEC(REAL(execve)(path, argv, envp));
}

RUN_EXPORT int execv(const char *path, char *const argv[])
{
	return EXEC(REAL(execve)(path, argv, environ));
}

RUN_EXPORT int execvpe(const char *file, char *const argv[], char *const envp[])
{
	return EXEC(REAL(execvpe)(file, argv, envp));
}

RUN_EXPORT int execvp(const char *file, char *const argv[])
{
	return EXEC(REAL(execvpe)(file, argv, environ));
}

RUN_EXPORT int fexecve(int fd, char *const argv[], char *const envp[])
{
	return EXEC(REAL(fexecve)(fd, argv, envp));
}

/* Arguments from arg on and the NULL behind them, into argv unless that is NULL. How many. */
static size_t arguments(char **argv, const char *arg, va_list *list)
{
	size_t len = 0;

	for (; arg; arg = va_arg(*list, const char *)) {
		if (argv)
			argv[len] = (char *)(uintptr_t)arg;
		len++;
	}
	if (argv)
		argv[len] = NULL;
	return len + 1;
}

static size_t arguments_count(const char *arg, va_list *list)
{
	va_list copy;
	size_t len;

	va_copy(copy, *list);
	len = arguments(NULL, arg, &copy);
	va_end(copy);
	return len;
}

/* argv is in the frame of the call, for behind vfork() there is no other memory of our own. */
#define EXECL(arg, call)                                                             \
	do {                                                                         \
		int ret;                                                             \
		va_list list;                                                        \
		va_start(list, arg);                                                 \
		char **argv = alloca(arguments_count((arg), &list) * sizeof(*argv)); \
		arguments(argv, (arg), &list);                                       \
		ret = EXEC(call);                                                    \
		va_end(list);                                                        \
		return ret;                                                          \
	} while (0)

RUN_EXPORT int execl(const char *path, const char *arg, ...)
{
	EXECL(arg, REAL(execve)(path, argv, environ));
}

RUN_EXPORT int execlp(const char *file, const char *arg, ...)
{
	EXECL(arg, REAL(execvpe)(file, argv, environ));
}

RUN_EXPORT int execle(const char *path, const char *arg, ... /* NULL, char *const envp[] */)
{
	EXECL(arg, REAL(execve)(path, argv, va_arg(list, char *const *)));
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
