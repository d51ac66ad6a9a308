/* SPDX-License-Identifier: MIT */
/*
 * tlspeer: our engine as a TLS server or client on a TCP socket, to be tried against others'
 * programs. The handshake is read record-exactly, as for a kernel; what follows is carried in
 * userspace (tests/harness/record_link.h), so that no kernel TLS is needed.
 *
 * Prints "port N" (server), and one line a connection:
 *	ok version=.. suite=.. group=.. scheme=.. sni=.. alpn=.. retried=.. resumed=.. client=..
 *	   updates=SENT,RECEIVED sent=.. received=.. sha256=.. end=..
 *	failed reason=.. alert=.. origin=sent|received|none
 *
 * client= is the scheme by which the client proved itself, or none; updates are KeyUpdates.
 *
 * A client's exit status is 0 where everything went well, close_notify from the peer included, 1
 * otherwise; a server's is that of its last connection.
 */
#include <err.h>
#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <ktls.h>

#include "lib/crypto/util.h"
#include "lib/handshake/suite.h"
#include "lib/x509/x509.h"
#include "tests/harness/auth.h"
#include "tests/harness/peer.h"
#include "tests/harness/record_link.h"
#include "tests/harness/sessions.h"
#include "tests/harness/shake.h"
#include "tests/harness/talk.h"

#define PATIENCE_S 10

struct options {
	enum ktls_role role;
	const char *host, *port; /* server */
	const char *address;     /* client */
	const char *certs[AUTH_IDENTITIES];
	size_t certs_len;
	const char *name, *trust;
	uint8_t alpn[KTLS_ALPN_MAX];
	size_t alpn_len;
	uint16_t suites[SUITES_MAX];
	size_t suites_len;
	uint16_t groups[GROUPS_MAX];
	size_t groups_len;
	uint16_t version_min, version_max;        /* 0: the engine's own */
	enum ktls_engine_client_auth client_auth; /* server */
	bool strict;
	uint8_t tickets;       /* that a server gives out */
	const char *session;   /* client: file of the session to be resumed, and kept */
	uint16_t record_limit; /* RFC 8449; 0: none */
	unsigned update_at;    /* record of data that a KeyUpdate precedes; 0: none */
	bool grease;           /* client */
	unsigned long count;   /* connections that a server takes; 0: no end */
	struct talk talk;
};

/* One connection at a time. */
static struct engine_end end;
static struct auth auth;
static struct record_link records;
static struct sessions sessions;

/* ---- credentials ------------------------------------------------------------------------------
 */

/* "DIR/p256" stands for DIR/p256.pem and DIR/p256.key. */
static void load(const struct options *o)
{
	for (size_t i = 0; i < o->certs_len; i++)
		shake_load(&auth, o->certs[i]);
	if (o->trust != NULL)
		shake_trust(&auth, o->trust);
	auth.strict = o->strict;
	auth.name = o->name;
	sessions_init(&sessions);
	sessions.must_be_known = o->client_auth == KTLS_ENGINE_REQUIRE_CLIENT_AUTH;
	if (o->session != NULL)
		sessions_load(&sessions, o->session);
}

/* ---- the handshake ----------------------------------------------------------------------------
 */

static void configure(const struct options *o)
{
	static struct engine_end unused;

	engines_init(&end, &unused);
	auth_attach(&auth, &end);
	end.config.role = o->role;
	end.config.version_min = o->version_min;
	end.config.version_max = o->version_max;
	end.config.client_auth = o->client_auth;
	end.config.suites = o->suites_len ? o->suites : NULL;
	end.config.suites_len = o->suites_len;
	end.config.groups = o->groups_len ? o->groups : NULL;
	end.config.groups_len = o->groups_len;
	end.config.alpn = o->alpn_len ? o->alpn : NULL;
	end.config.alpn_len = o->alpn_len;
	if (o->name != NULL && shake_is_host_name(o->name))
		end.config.server_name = o->name;
	end.config.tickets = o->tickets;
	end.config.record_size_limit = o->record_limit;
	end.config.grease = o->grease;
	if (o->tickets > 0 || o->session != NULL)
		sessions_attach(&sessions, &end);
	if (ktls_engine_init(&end.engine, &end.config, &end) != 0)
		errx(2, "the engine does not take this configuration");
}

/* ---- a connection -----------------------------------------------------------------------------
 */

static void print_ok(const struct ktls_engine_facts *facts)
{
	char alpn[256];

	memcpy(alpn, facts->alpn, facts->alpn_len);
	alpn[facts->alpn_len] = '\0';
	peer_print_ok(&(struct peer_facts){ .version = facts->version,
					    .suite = facts->suite,
					    .group = facts->group,
					    .scheme = facts->scheme,
					    .server_name = facts->server_name,
					    .alpn = alpn });
	printf(" retried=%s resumed=%s client=%s", facts->retried ? "yes" : "no",
	       facts->resumed ? "yes" : "no",
	       facts->client_scheme ? ktls_scheme_name(facts->client_scheme) : "none");
}

static bool talk_over(struct options *o, int fd)
{
	struct talk *talk = &o->talk;
	bool well;

	record_link_init(&records, fd, talk, &end.engine);
	records.content_limit = o->record_limit;
	records.update_at = o->update_at;
	if (o->session != NULL) {
		sessions_expect(&sessions, &end);
		records.ticket = sessions_ticket;
		records.ticket_arg = &sessions;
	}
	talk->fd = fd;
	talk->ops = &record_link_ops;
	talk->arg = &records;
	well = talk_run(talk);
	if (o->session != NULL)
		sessions_store(&sessions, o->session);
	return well;
}

/* True where all went well. */
static bool serve(struct options *o, int fd)
{
	const struct timeval patience = { .tv_sec = PATIENCE_S };
	const struct ktls_engine_facts *facts;
	enum ktls_reason reason;
	bool well = false;

	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
	setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof(patience));
	configure(o);
	reason = shake_hands(fd, &end);
	facts = ktls_engine_facts(&end.engine);
	if (reason != KTLS_OK) {
		peer_print_failed((int)reason, KTLS_ALERT_NONE, false);
	} else if (end.state != KTLS_ENGINE_DONE) {
		peer_print_failed((int)facts->reason, facts->alert,
				  facts->reason == KTLS_R_PEER_ALERT);
	} else {
		well = talk_over(o, fd);
		print_ok(facts);
		printf(" updates=%u,%u", records.updated_tx, records.updated_rx);
		talk_print(&o->talk);
		printf("\n");
		fflush(stdout);
	}
	record_link_wipe(&records);
	ktls_engine_wipe(&end.engine);
	x509_peer_free(auth.peer);
	auth.peer = NULL;
	peer_close(fd);
	return well;
}

/* ---- suites -----------------------------------------------------------------------------------
 */

/* Those of RSA key exchange, too. */
static size_t find_suites(const char *list, uint16_t *out)
{
	uint16_t known[SUITES_MAX] = { KTLS_RSA_AES_128_GCM_SHA256, KTLS_RSA_AES_256_GCM_SHA384 };

	memcpy(known + SUITES_MAX - SUITES_ALL, suites_all, sizeof(suites_all));
	return peer_numbers(list, ktls_suite_name, known, SUITES_MAX, out);
}

/* ---- options ----------------------------------------------------------------------------------
 */

static void usage(void)
{
	fprintf(stderr,
		"usage: tlspeer server [--host ADDRESS] [--port N] --cert BASE... [OPTION...]\n"
		"       tlspeer client HOST:PORT --name NAME --trust FILE [OPTION...]\n"
		"  --cert BASE      BASE.pem and BASE.key; a client's, too\n"
		"  --tls LIST       1.2, 1.3 or both, with a comma; only 1.3 where nothing is "
		"said\n"
		"  --suite LIST     names with commas; so --group and --alpn\n"
		"  --ask, --demand  server: a certificate of clients, that --trust FILE vouches "
		"for\n"
		"  --strict-sni     server: no certificate but for the name asked for\n"
		"  --count N        server: ends after N connections\n"
		"  --record-limit N longest plaintext of a record to us, 64 to 16385\n"
		"  --key-update N   a KeyUpdate before record N of data, that asks for the peer's\n"
		"  --grease         client: offers values that nobody knows\n"
		"  --tickets N      server: gives N tickets to each client, and takes them again\n"
		"  --session FILE   client: resumes the session that is there, keeps what it "
		"gets\n" TALK_USAGE);
	exit(2);
}

static const struct option long_options[] = { { "host", required_argument, NULL, 'h' },
					      { "port", required_argument, NULL, 'p' },
					      { "cert", required_argument, NULL, 'c' },
					      { "name", required_argument, NULL, 'n' },
					      { "trust", required_argument, NULL, 't' },
					      { "alpn", required_argument, NULL, 'a' },
					      { "suite", required_argument, NULL, 's' },
					      { "group", required_argument, NULL, 'g' },
					      { "strict-sni", no_argument, NULL, 'x' },
					      { "tls", required_argument, NULL, 'v' },
					      { "ask", no_argument, NULL, 'q' },
					      { "demand", no_argument, NULL, 'd' },
					      { "count", required_argument, NULL, 'k' },
					      { "tickets", required_argument, NULL, 'i' },
					      { "record-limit", required_argument, NULL, 'l' },
					      { "key-update", required_argument, NULL, 'u' },
					      { "grease", no_argument, NULL, 'e' },
					      { "session", required_argument, NULL, 'o' },
					      TALK_OPTIONS,
					      { NULL, 0, NULL, 0 } };

static void add_cert(struct options *o, const char *base)
{
	if (o->certs_len == AUTH_IDENTITIES)
		errx(2, "too many certificates");
	o->certs[o->certs_len++] = base;
}

static void set_versions(struct options *o, const char *list)
{
	bool old = strstr(list, "1.2") != NULL, new = strstr(list, "1.3") != NULL;

	if (!old && !new)
		errx(2, "%s: no version of TLS", list);
	o->version_min = old ? KTLS_TLS_1_2 : KTLS_TLS_1_3;
	o->version_max = new ? KTLS_TLS_1_3 : KTLS_TLS_1_2;
}

static void take_list(struct options *o, int c, const char *list)
{
	switch (c) {
	case 'a':
		o->alpn_len = peer_alpn(list, o->alpn, sizeof(o->alpn));
		break;
	case 's':
		o->suites_len = find_suites(list, o->suites);
		break;
	case 'g':
		o->groups_len =
			peer_numbers(list, ktls_group_name, groups_all, GROUPS_MAX, o->groups);
		break;
	default:
		set_versions(o, list);
	}
}

static void take_number(struct options *o, int c, unsigned long number)
{
	switch (c) {
	case 'k':
		o->count = number;
		break;
	case 'i':
		o->tickets = (uint8_t)number;
		break;
	case 'l':
		o->record_limit = (uint16_t)number;
		break;
	default:
		o->update_at = (unsigned)number;
	}
}

static void take_option(struct options *o, int c)
{
	switch (c) {
	case 'h':
		o->host = optarg;
		break;
	case 'p':
		o->port = optarg;
		break;
	case 'c':
		add_cert(o, optarg);
		break;
	case 'n':
		o->name = optarg;
		break;
	case 't':
		o->trust = optarg;
		break;
	case 'a':
	case 's':
	case 'g':
	case 'v':
		take_list(o, c, optarg);
		break;
	case 'q':
		o->client_auth = KTLS_ENGINE_REQUEST_CLIENT_AUTH;
		break;
	case 'd':
		o->client_auth = KTLS_ENGINE_REQUIRE_CLIENT_AUTH;
		break;
	case 'x':
		o->strict = true;
		break;
	case 'k':
	case 'i':
	case 'l':
	case 'u':
		take_number(o, c, strtoul(optarg, NULL, 10));
		break;
	case 'e':
		o->grease = true;
		break;
	case 'o':
		o->session = optarg;
		break;
	default:
		if (c < TALK_OPTION)
			usage();
		talk_option(&o->talk, c, optarg);
	}
}

static void parse(int argc, char **argv, struct options *o)
{
	int c;

	if (argc < 2)
		usage();
	if (strcmp(argv[1], "client") == 0)
		o->role = KTLS_CLIENT;
	else if (strcmp(argv[1], "server") != 0)
		usage();
	while ((c = getopt_long(argc - 1, argv + 1, "", long_options, NULL)) != -1)
		take_option(o, c);
	o->address = argv[1 + optind];
	if (o->role == KTLS_CLIENT ? o->address == NULL || o->trust == NULL : o->certs_len == 0)
		usage();
	if (o->client_auth != KTLS_ENGINE_NO_CLIENT_AUTH && o->trust == NULL)
		errx(2, "which clients are to be trusted?");
	if (o->talk.plan == TALK_NONE || (o->talk.plan == TALK_SEND) != (o->role == KTLS_CLIENT))
		errx(2, "what is there to be said?");
}

int main(int argc, char **argv)
{
	static struct options options = { .host = "127.0.0.1", .port = "0" };
	bool well = false;
	int listener;

	parse(argc, argv, &options);
	if (crypto_init() != 0 || x509_init() != 0)
		errx(1, "cannot set up cryptography");
	load(&options);
	if (options.role == KTLS_CLIENT) {
		well = serve(&options, peer_connect(options.address));
	} else {
		listener = peer_listen(options.host, options.port);
		for (unsigned long i = 0; options.count == 0 || i < options.count; i++)
			well = serve(&options, peer_accept(listener));
		close(listener);
	}
	auth_wipe(&auth);
	return well ? 0 : 1;
}
