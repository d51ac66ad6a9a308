/* SPDX-License-Identifier: MIT */
/*
 * The serving end: as a program of its own, and as a process of a run that does both ends, in
 * another network namespace if that is wanted.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "lib/crypto/util.h"
#include "tests/bench/ktls-bench/commands.h"

static int enter(const char *netns)
{
	char path[256];
	int fd, r;

	snprintf(path, sizeof(path), "/run/netns/%s", netns);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	r = fd >= 0 ? setns(fd, CLONE_NEWNET) : -1;
	if (r < 0)
		fprintf(stderr, "ktls-bench: namespace %s: %s\n", netns, strerror(errno));
	if (fd >= 0)
		close(fd);
	return r;
}

static bool server_init(struct server *server, const struct options *o, const uint8_t *key)
{
	memset(server, 0, sizeof(*server));
	server->key = key;
	server->given = o->cert != NULL;
	return station_init(&server->station, o, RESULT_SERVER);
}

/* ---- beside the running end -------------------------------------------------------------------
 */

static int serve_beside(const struct options *o, const struct address *address, const uint8_t *key,
			int fd)
{
	struct server server;
	char text[RESULT_LINE];
	int status = 1;

	/* Signals are for the running end, which says when it is over. */
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	signal(SIGINT, SIG_IGN);
	signal(SIGTERM, SIG_IGN);
	if ((o->netns && enter(o->netns) < 0) || !server_init(&server, o, key))
		return 1;
	server.address = *address;
	device_find(&server.station.device, (const struct sockaddr *)&address->of);
	status = serve_one(&server, fd, text) < 0;
	station_wipe(&server.station);
	return status;
}

int alone_begin(const struct options *o, struct address *address, uint8_t key[static CONTROL_KEY],
		int *pid)
{
	int pair[2];

	if (!net_resolve(o->address ? o->address : "127.0.0.1", "0", true, address))
		return -1;
	net_set_port(address, o->data_port);
	random_bytes(key, CONTROL_KEY);
	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) < 0) {
		fprintf(stderr, "ktls-bench: socketpair: %s\n", strerror(errno));
		return -1;
	}
	*pid = fork();
	if (*pid == 0) {
		close(pair[0]);
		_exit(serve_beside(o, address, key, pair[1]));
	}
	close(pair[1]);
	if (*pid > 0)
		return pair[0];
	close(pair[0]);
	return -1;
}

void alone_end(int pid)
{
	if (pid > 0)
		waitpid(pid, NULL, 0);
}

/* ---- on a machine of its own ------------------------------------------------------------------
 */

/* Connections come to the address that the running end knows this machine by. */
static void serve_connection(struct server *server, const struct options *o, int fd)
{
	char text[RESULT_LINE] = "";

	if (!net_local(fd, &server->address))
		return;
	device_find(&server->station.device, (const struct sockaddr *)&server->address.of);
	net_set_port(&server->address, o->data_port);
	if (serve_one(server, fd, text) < 0)
		fprintf(stderr, "ktls-bench: %s\n", text);
	device_forget(&server->station.device);
}

/* A signal that comes just before poll() is noticed a second later. */
static void serve_all(struct server *server, const struct options *o, int listener)
{
	struct pollfd poller = { .fd = listener, .events = POLLIN };

	while (!run_interrupted) {
		int fd = poll(&poller, 1, 1000) > 0 ? accept4(listener, NULL, NULL, SOCK_CLOEXEC)
						    : -1;

		if (fd < 0)
			continue;
		serve_connection(server, o, fd);
		close(fd);
		if (o->once)
			break;
	}
}

int command_serve(const struct options *o)
{
	uint8_t key[CONTROL_KEY];
	struct address address;
	struct server server;
	int listener, error = control_key_load(o->key_file, true, key);

	if (error < 0) {
		fprintf(stderr, "ktls-bench: %s: %s\n", o->key_file, strerror(-error));
		return 1;
	}
	if (!server_init(&server, o, key) || !net_resolve(o->address, o->port, true, &address))
		return 1;
	listener = net_listen(&address, 8);
	if (listener < 0) {
		fprintf(stderr, "ktls-bench: port %s: %s\n", o->port, strerror(errno));
		return 1;
	}
	net_local(listener, &address);
	printf("port %u\n", net_port(&address));
	fflush(stdout);
	serve_all(&server, o, listener);
	close(listener);
	station_wipe(&server.station);
	secret_wipe(key, sizeof(key));
	return 0;
}
