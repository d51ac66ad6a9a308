/* SPDX-License-Identifier: MIT */
/*
 * The shim of BoringSSL's test runner for our engine: connects to the runner, performs a handshake
 * as the flags say and sends back the data that it gets. Ends with 0 where all went well, with
 * STATUS_UNIMPLEMENTED where it cannot do what it is asked for, else with 1 and the reason on
 * stderr.
 */
#include <arpa/inet.h>
#include <err.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "lib/crypto/util.h"
#include "lib/ktls/kernel.h"
#include "lib/wire/reason.h"
#include "lib/x509/x509.h"
#include "tests/bogo/credentials.h"
#include "tests/bogo/exchange.h"
#include "tests/bogo/flags.h"
#include "tests/bogo/handshake.h"
#include "tests/bogo/records.h"
#include "tests/bogo/rekey.h"
#include "tests/bogo/report.h"
#include "tests/bogo/sessions.h"

void report_reason(enum ktls_reason reason, unsigned int alert)
{
	const struct reason *row = reason_find((int)reason);

	fprintf(stderr, ":%s: %s; alert: %s\n", row->name, row->text, alert_name(alert));
}

static int open_socket(const struct flags *flags)
{
	struct sockaddr_in6 six = { .sin6_family = AF_INET6,
				    .sin6_port = htons((uint16_t)flags->port),
				    .sin6_addr = IN6ADDR_LOOPBACK_INIT };
	struct sockaddr_in four = { .sin_family = AF_INET,
				    .sin_port = htons((uint16_t)flags->port),
				    .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	const struct sockaddr *address = flags->ipv6 ? (void *)&six : (void *)&four;
	int fd = socket(address->sa_family, SOCK_STREAM | SOCK_CLOEXEC, 0), on = 1;

	if (fd < 0 || setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on)) < 0 ||
	    connect(fd, address, flags->ipv6 ? sizeof(six) : sizeof(four)) < 0)
		err(1, "cannot connect to the runner");
	return fd;
}

static int connect_to_runner(const struct flags *flags)
{
	int fd = open_socket(flags);
	uint8_t id[8];

	for (size_t i = 0; i < sizeof(id); i++)
		id[i] = (uint8_t)(flags->id >> 8 * i);
	if (send(fd, id, sizeof(id), MSG_NOSIGNAL) != sizeof(id))
		err(1, "cannot greet the runner");
	records_attach(fd);
	return fd;
}

/* So that no reset overtakes what we sent last. */
static void drain_and_close(int fd)
{
	char rest[4096];

	shutdown(fd, SHUT_WR);
	while (recv(fd, rest, sizeof(rest), 0) > 0)
		;
	close(fd);
}

/* What is behind the handshake, for the tickets in it. */
static struct {
	struct ktls_secrets secrets;
	const char *server_name;
	int fd;
	int result; /* 0, or the reason to refuse it */
} behind;

static void hear(const uint8_t *bytes, size_t len)
{
	uint8_t alert[2] = { 2 };

	if (behind.result < 0)
		return;
	behind.result = sessions_hear(&behind.secrets, behind.server_name, bytes, len);
	if (behind.result == 0)
		return;
	alert[1] = (uint8_t)reason_find(-behind.result)->alert;
	report_reason((enum ktls_reason) - behind.result, alert[1]);
	if (kernel_record_send(behind.fd, RECORD_ALERT, alert, sizeof(alert), 0) < 0)
		warnx("the connection is gone");
}

static void listen_for_tickets(const struct flags *flags, const struct handshake *h)
{
	bool wanted = !flags->server && ktls_engine_facts(&h->engine)->version == KTLS_TLS_1_3;

	if (ktls_engine_secrets(&h->engine, &behind.secrets) != 0)
		errx(1, "there are no secrets");
	behind.server_name = h->config.server_name;
	behind.fd = h->fd;
	behind.result = 0;
	records_listen(wanted ? hear : NULL);
}

/* A client of TLS 1.3 gets a session unless the runner says otherwise, or it leaves too early. */
static bool sessions_are_as_expected(const struct flags *flags, const struct handshake *h)
{
	bool is_1_3 = ktls_engine_facts(&h->engine)->version == KTLS_TLS_1_3;
	bool wanted = flags->expect_ticket_renewal ||
		      (is_1_3 && !flags->server && !flags->expect_no_session);

	if (behind.result < 0)
		return false;
	if (flags->shuts_down || sessions_got_one() == wanted)
		return true;
	if (sessions_got_one() && !flags->expect_no_session)
		return true;
	warnx("not as expected: session");
	return false;
}

static bool exchange_data(const struct flags *flags, const struct handshake *h)
{
	struct ktls_session *session = ktls_session_open(NULL, NULL, 0);
	struct ktls_traffic_key tx, rx;
	bool well;

	if (!session || ktls_engine_keys(&h->engine, &tx, &rx) != 0)
		errx(1, "there are no keys");
	records_carry(h->fd, &tx, &rx);
	listen_for_tickets(flags, h);
	secret_wipe(&tx, sizeof(tx));
	secret_wipe(&rx, sizeof(rx));
	rekey_start(h->fd, &behind.secrets);
	well = exchange(flags, h->fd, &behind.secrets, session);
	if (!well && ktls_session_reason(session) != KTLS_OK)
		report_reason(ktls_session_reason(session), ktls_session_alert(session));
	else if (!well)
		warnx("the connection is gone");
	records_wipe();
	ktls_session_free(session);
	return well;
}

/* One connection from its begin to its end. */
static bool serve(const struct flags *flags)
{
	static struct handshake handshake;
	struct credentials credentials;
	bool well;

	credentials_load(&credentials, flags);
	handshake_init(&handshake, flags, &credentials, connect_to_runner(flags));
	well = handshake_run(&handshake) && handshake_is_as_expected(&handshake) &&
	       exchange_data(flags, &handshake) && sessions_are_as_expected(flags, &handshake);
	drain_and_close(handshake.fd);
	handshake_wipe(&handshake);
	credentials_free(&credentials);
	return well;
}

/* The runner asks this of its own stack's shim. */
static bool asks_for_handshaker(int argc, char **argv)
{
	for (int i = 1; i < argc; i++)
		if (strcmp(argv[i], "-is-handshaker-supported") == 0)
			return true;
	return false;
}

/* What comes behind this line are findings of a sanitizer. */
static void end_of_report(void)
{
	fputs("--- DONE ---\n", stderr);
}

int main(int argc, char **argv)
{
	static struct flags flags[2];
	bool well = true;

	if (asks_for_handshaker(argc, argv)) {
		puts("No");
		return 0;
	}
	atexit(end_of_report);
	flags_parse(argc, argv, flags);
	if (crypto_init() != 0 || x509_init() != 0)
		errx(1, "cannot set up cryptography");
	for (int i = 0; well && i <= flags[FLAGS_INITIAL].resume_count; i++) {
		well = serve(&flags[i > 0 ? FLAGS_RESUME : FLAGS_INITIAL]);
		sessions_wait(flags[FLAGS_INITIAL].resumption_delay);
	}
	return well ? 0 : 1;
}
