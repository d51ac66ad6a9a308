/* SPDX-License-Identifier: MIT */
#include "lib/ktls/probe_faults.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/tcp.h>
#include <netinet/in.h>
#include <poll.h>
#include <signal.h>
#include <stdint.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <unistd.h>

#include <ktls-tls.h>

#include "lib/ktls/kernel.h"
#include "lib/ktls/loopback.h"

#define CONTENT     16384 /* of one record; with what is around it, more than a block of memory */
#define OVERHEAD    22    /* of TLS 1.3 with AES-GCM */
#define PIPE        4096
#define WAIT_MS     1000
#define TICK_US     1000
#define TICK_MAX_US 500000

/* fd[0] sends what fd[1] receives. Returns 0, or an errno with nothing open. */
static int keyed_pair(int fd[static 2], int narrow)
{
	const struct ktls_traffic_key key = { .version = KTLS_TLS_1_3,
					      .suite = KTLS_AES_128_GCM_SHA256,
					      .key = { 1 } };
	int error = -loopback_narrow_pair(fd, narrow);

	if (error != 0)
		return error;
	if (kernel_ulp_attach(fd[0], &error) == 0 && kernel_ulp_attach(fd[1], &error) == 0 &&
	    kernel_install(fd[0], true, &key, &error) == 0 &&
	    kernel_install(fd[1], false, &key, &error) == 0)
		return 0;
	close(fd[0]);
	close(fd[1]);
	return error != 0 ? error : EPROTO;
}

/* ---- splice() out of a socket --------------------------------------------------------------- */

/* All of the record has arrived, so nothing that follows has to wait. */
static int wait_for_record(int fd)
{
	struct tcp_info info = { 0 };
	socklen_t len = sizeof(info);

	for (int ms = 0; ms < WAIT_MS; ms++) {
		if (getsockopt(fd, IPPROTO_TCP, TCP_INFO, &info, &len) < 0)
			return errno;
		if (info.tcpi_bytes_received >= CONTENT + OVERHEAD)
			return 0;
		poll(NULL, 0, 1);
	}
	return ETIMEDOUT;
}

/* Through the pipe, in pieces. */
static int take_by_pieces(int fd, const int pipe[static 2], uint8_t *bytes)
{
	size_t got = 0;
	ssize_t n;

	while ((n = splice(fd, NULL, pipe[1], NULL, CONTENT, SPLICE_F_NONBLOCK)) > 0) {
		if (read(pipe[0], bytes, (size_t)n) != n)
			return EIO;
		got += (size_t)n;
	}
	if (n < 0 && errno != EAGAIN)
		return errno;
	return got == CONTENT ? 0 : EOVERFLOW;
}

int probe_splice(void)
{
	uint8_t bytes[CONTENT] = { 0 };
	int fd[2], pipe[2], error = keyed_pair(fd, 0);

	if (error != 0)
		return error;
	if (pipe2(pipe, O_CLOEXEC) < 0) {
		error = errno;
	} else {
		if (fcntl(pipe[1], F_SETPIPE_SZ, PIPE) < 0 ||
		    send(fd[0], bytes, CONTENT, MSG_NOSIGNAL | MSG_DONTWAIT) < 0)
			error = errno;
		if (error == 0)
			error = wait_for_record(fd[1]);
		if (error == 0)
			error = take_by_pieces(fd[1], pipe, bytes);
		close(pipe[0]);
		close(pipe[1]);
	}
	close(fd[0]);
	close(fd[1]);
	return error;
}

/* ---- a signal that interrupts a send -------------------------------------------------------- */

/* The next one comes later each time: a machine that is busy has to get on between two. */
static void tick(int number)
{
	static suseconds_t us = TICK_US;
	struct itimerval next = { { 0, 0 }, { 0, us } };

	(void)number;
	if (us < TICK_MAX_US)
		us *= 2;
	setitimer(ITIMER_REAL, &next, NULL);
}

/*
 * Sends a record for which there is no room until a timer ends that. The record's beginning is on
 * its way then. What the socket says of itself afterwards is what the kernel made of it.
 */
static int interrupted_send(int fd)
{
	const struct sigaction action = { .sa_handler = tick };
	const struct itimerval first = { { 0, 0 }, { 0, TICK_US } };
	uint8_t bytes[CONTENT] = { 0 };
	socklen_t len = sizeof(int);
	int error = 0;
	sigset_t mask;

	sigfillset(&mask);
	sigdelset(&mask, SIGALRM);
	if (sigaction(SIGALRM, &action, NULL) < 0 || sigprocmask(SIG_SETMASK, &mask, NULL) < 0 ||
	    setitimer(ITIMER_REAL, &first, NULL) < 0)
		return errno;
	(void)!send(fd, bytes, sizeof(bytes), MSG_NOSIGNAL);
	if (getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &len) < 0)
		return errno;
	return error == 0 ? 0 : ECONNABORTED;
}

/* Handlers and timers are the process's: it is one without a signal to tell of its end. */
static int in_a_process(int (*call)(int fd), int fd)
{
	pid_t child = (pid_t)syscall(SYS_clone, 0, 0, 0, 0, 0), waited;
	int status;

	if (child < 0)
		return errno;
	if (child == 0)
		_exit(call(fd));
	do
		waited = waitpid(child, &status, (int)__WCLONE);
	while (waited < 0 && errno == EINTR);
	if (waited < 0)
		return errno;
	return WIFEXITED(status) ? WEXITSTATUS(status) : ECHILD;
}

int probe_interrupt(void)
{
	int fd[2], error = keyed_pair(fd, 1);

	if (error != 0)
		return error;
	error = in_a_process(interrupted_send, fd[0]);
	close(fd[0]);
	close(fd[1]);
	return error;
}
