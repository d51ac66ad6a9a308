/* SPDX-License-Identifier: MIT */
/*
 * client [--socket PATH | --embedded TRUST] [--profile NAME] [--name NAME] [--alpn NAME] PORT
 * REQUEST: connects to 127.0.0.1, has the handshake done, sends the request (with an empty line
 * behind it) and writes what comes back to standard output, up to the peer's close_notify. What was
 * negotiated, or the reason why not, goes to standard error. Status 0: all went well; 1: no TLS; 2:
 * the stream did not end as it should; 3: wrong usage.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <getopt.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <ktls-handshake.h>
#include <ktls-session.h>

struct options {
	const char *socket_path;
	const char *trust;
	const char *profile;
	const char *name;
	const char *alpn[2];
};

static struct ktls *open_ktls(const struct options *o)
{
	const struct ktls_embedded_config config = { .trust_file = o->trust };
	struct ktls_error error;
	struct ktls *k =
		o->trust ? ktls_open_embedded(&config, &error) : ktls_open(o->socket_path, &error);

	if (!k)
		fprintf(stderr, "client: %s\n", error.text);
	return k;
}

static int connect_to(const char *port)
{
	struct sockaddr_in address = { .sin_family = AF_INET,
				       .sin_addr.s_addr = htonl(INADDR_LOOPBACK),
				       .sin_port = htons((uint16_t)atoi(port)) };
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (fd >= 0 && connect(fd, (struct sockaddr *)&address, sizeof(address)) == 0)
		return fd;
	perror("client: connect");
	return -1;
}

static int handshake(struct ktls *k, int fd, const struct options *o, struct ktls_session **session)
{
	struct ktls_params params = { .role = KTLS_CLIENT,
				      .profile = o->profile,
				      .server_name = o->name,
				      .alpn = o->alpn[0] ? o->alpn : NULL,
				      .deadline_ms = 60000 };
	struct ktls_reply *reply;
	int err = ktls_handshake(k, fd, &params, &reply);

	if (err < 0) {
		fprintf(stderr, "client: %s\n", strerror(-err));
		return -1;
	}
	err = reply->reason == KTLS_OK ? 0 : -1;
	if (err)
		fprintf(stderr, "%s alert=%s: %s\n", ktls_reason_name((int)reply->reason),
			reply->alert_origin ? ktls_alert_name(reply->alert) : "-", reply->text);
	else
		fprintf(stderr, "%s %s %s %s alpn=%s tx=%s rx=%s certs=%zu\n",
			ktls_version_name(reply->version), ktls_suite_name(reply->suite),
			ktls_group_name(reply->group), ktls_scheme_name(reply->scheme), reply->alpn,
			ktls_state_name(reply->tx), ktls_state_name(reply->rx), reply->certs_len);
	if (!err)
		*session = ktls_session_new(k, reply);
	ktls_reply_free(reply);
	return err;
}

static int talk(struct ktls_session *session, int fd, const char *request)
{
	char buf[16384];
	ssize_t n;

	if (dprintf(fd, "%s\r\n\r\n", request) < 0)
		return 2;
	for (n = ktls_recv(session, fd, buf, sizeof(buf), 0); n > 0;
	     n = ktls_recv(session, fd, buf, sizeof(buf), 0))
		fwrite(buf, 1, (size_t)n, stdout);
	if (n == 0 && ktls_shutdown(session, fd) == 0)
		return 0;
	fprintf(stderr, "client: %s, %s\n", strerror((int)-n),
		ktls_reason_name((int)ktls_session_reason(session)));
	return 2;
}

int main(int argc, char **argv)
{
	static const struct option options[] = { { "socket", required_argument, NULL, 's' },
						 { "embedded", required_argument, NULL, 'e' },
						 { "profile", required_argument, NULL, 'p' },
						 { "name", required_argument, NULL, 'n' },
						 { "alpn", required_argument, NULL, 'a' },
						 { 0 } };
	struct options o = { .name = "localhost" };
	struct ktls_session *session = NULL;
	struct ktls *k;
	int option, fd, status;

	for (option = getopt_long(argc, argv, "", options, NULL); option != -1;
	     option = getopt_long(argc, argv, "", options, NULL)) {
		const char **where = option == 's'   ? &o.socket_path
				     : option == 'e' ? &o.trust
				     : option == 'p' ? &o.profile
				     : option == 'n' ? &o.name
				     : option == 'a' ? &o.alpn[0]
						     : NULL;

		if (!where)
			return 3;
		*where = optarg;
	}
	if (argc - optind != 2)
		return 3;
	k = open_ktls(&o);
	fd = k ? connect_to(argv[optind]) : -1;
	if (fd < 0)
		return 1;
	status = handshake(k, fd, &o, &session) == 0 ? talk(session, fd, argv[optind + 1]) : 1;
	ktls_session_free(session);
	ktls_close(k);
	close(fd);
	return status;
}
