/* SPDX-License-Identifier: MIT */
#include "daemon/listener.h"

#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "daemon/log.h"

#define BACKLOG            1024
#define LISTENER_INHERITED 3 /* SD_LISTEN_FDS_START */

static struct sockaddr_un address_of(const char *path)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };

	strncpy(address.sun_path, path, sizeof(address.sun_path) - 1);
	return address;
}

static int new_socket(int type)
{
	return socket(AF_UNIX, type | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
}

/* Whether somebody listens there; a socket that nobody listens on is left from before. */
static int remove_dead(const char *path, int type)
{
	struct sockaddr_un address = address_of(path);
	struct stat st;
	int status;
	int fd;

	if (lstat(path, &st) != 0)
		return errno == ENOENT ? 0 : -errno;
	if (!S_ISSOCK(st.st_mode))
		return -EEXIST;
	fd = new_socket(type);
	if (fd < 0)
		return -errno;
	status = connect(fd, (struct sockaddr *)&address, sizeof(address)) == 0 ? 0 : errno;
	close(fd);
	if (status != ECONNREFUSED && status != EPROTOTYPE && status != ENOENT)
		return -EADDRINUSE;
	return unlink(path) == 0 || errno == ENOENT ? 0 : -errno;
}

/* /run/ktlsd is there under systemd (RuntimeDirectory), and made here elsewhere. */
static int make_folder(const char *path)
{
	char copy[PATH_MAX];

	strncpy(copy, path, sizeof(copy) - 1);
	copy[sizeof(copy) - 1] = '\0';
	if (mkdir(dirname(copy), 0755) != 0 && errno != EEXIST)
		return -errno;
	return 0;
}

/* Nobody can connect before listen(): until then the socket has no permissions, then the right
 * ones. */
static int open_at(int fd, const char *path, const struct config *config)
{
	struct sockaddr_un address = address_of(path);
	mode_t before = umask(0777);
	int status = bind(fd, (struct sockaddr *)&address, sizeof(address));
	int err = errno;

	umask(before);
	if (status != 0)
		return -err;
	if (chown(path, config->socket_owner, config->socket_group) != 0 ||
	    chmod(path, config->socket_mode) != 0 || listen(fd, BACKLOG) != 0) {
		err = errno;
		unlink(path);
		return -err;
	}
	return 0;
}

static const char *explain(int err)
{
	switch (err) {
	case -EADDRINUSE:
		return "another ktlsd listens there: stop it, or set socket to another path";
	case -EEXIST:
		return "there is something that is no socket: set socket to another path";
	default:
		return strerror(-err);
	}
}

static int open_socket(const char *path, int type, const struct config *config)
{
	int fd = new_socket(type);
	int err = fd < 0 ? -errno : make_folder(path);

	if (err == 0 && strlen(path) >= sizeof((struct sockaddr_un){ 0 }.sun_path))
		err = -ENAMETOOLONG;
	if (err == 0)
		err = remove_dead(path, type);
	if (err == 0)
		err = open_at(fd, path, config);
	if (err == 0)
		return fd;
	if (fd >= 0)
		close(fd);
	log_message(LOG_ERR, "cannot listen on %s: %s", path, explain(err));
	return err;
}

/* ---- one that the service manager has made -----------------------------------------------------
 */

static bool is_number(const char *name, long number)
{
	const char *text = getenv(name);
	char *end;

	return text && *text && strtol(text, &end, 10) == number && *end == '\0';
}

static bool is_ours(int fd)
{
	int domain = 0, type = 0, listens = 0;
	socklen_t len = sizeof(int);

	return getsockopt(fd, SOL_SOCKET, SO_DOMAIN, &domain, &len) == 0 && domain == AF_UNIX &&
	       getsockopt(fd, SOL_SOCKET, SO_TYPE, &type, &len) == 0 && type == SOCK_SEQPACKET &&
	       getsockopt(fd, SOL_SOCKET, SO_ACCEPTCONN, &listens, &len) == 0 && listens;
}

/* Of sd_listen_fds(3): a descriptor, -ENOENT where there is none for us, or another errno. */
static int inherited(void)
{
	bool ours = is_number("LISTEN_PID", getpid());
	bool one = is_number("LISTEN_FDS", 1);

	unsetenv("LISTEN_PID");
	unsetenv("LISTEN_FDS");
	unsetenv("LISTEN_FDNAMES");
	if (!ours)
		return -ENOENT;
	if (!one || !is_ours(LISTENER_INHERITED)) {
		log_message(LOG_ERR, "the service manager's socket is not one that listens with "
				     "ListenSequentialPacket=, or not the only one");
		return -EPROTOTYPE;
	}
	/* The manager takes its own back as it left it: it does not accept. */
	if (fcntl(LISTENER_INHERITED, F_SETFD, FD_CLOEXEC) < 0 ||
	    fcntl(LISTENER_INHERITED, F_SETFL, O_NONBLOCK) < 0)
		return -errno;
	return LISTENER_INHERITED;
}

int listener_open(const struct config *config, bool *given)
{
	int fd = inherited();

	*given = fd >= 0;
	if (fd != -ENOENT)
		return fd;
	return open_socket(config->socket.text, SOCK_SEQPACKET, config);
}

int listener_open_status(const struct config *config, const char *path)
{
	return open_socket(path, SOCK_STREAM, config);
}

void listener_close(int fd, const char *path)
{
	if (path)
		unlink(path);
	close(fd);
}

static int groups_of(int fd, gid_t primary, struct peer *peer)
{
	socklen_t len = 0;
	gid_t *groups;

	if (getsockopt(fd, SOL_SOCKET, SO_PEERGROUPS, NULL, &len) == 0)
		len = 0; /* none beside the primary one */
	else if (errno != ERANGE)
		return -errno;
	groups = malloc(len + sizeof(gid_t));
	if (!groups)
		return -ENOMEM;
	if (len > 0 && getsockopt(fd, SOL_SOCKET, SO_PEERGROUPS, groups, &len) != 0) {
		free(groups);
		return -errno;
	}
	peer->groups_len = len / sizeof(gid_t);
	groups[peer->groups_len++] = primary;
	peer->groups = groups;
	return 0;
}

int peer_get(int fd, struct peer *out)
{
	struct ucred credentials;
	socklen_t len = sizeof(credentials);
	struct peer peer = { 0 };
	int err;

	if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &credentials, &len) != 0)
		return -errno;
	peer.uid = credentials.uid;
	peer.pid = credentials.pid;
	err = groups_of(fd, credentials.gid, &peer);
	if (err == 0)
		*out = peer;
	return err;
}

void peer_wipe(struct peer *peer)
{
	free(peer->groups);
	*peer = (struct peer){ 0 };
}
