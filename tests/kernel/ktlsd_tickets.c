/* SPDX-License-Identifier: MIT */
/*
 * ktlsd's tickets. The other end is a TLS client of the test's own, whose records are plain bytes
 * to the kernel, for it has to get at the tickets behind the handshake. ktlsd's end is the kernel's
 * where that has TLS, elsewhere a relay's.
 */
#include <sys/stat.h>

#include "lib/conn/internal.h"
#include "lib/x509/identity.h"
#include "lib/x509/key.h"
#include "lib/x509/trust.h"
#include "tests/harness/certs.h"
#include "tests/harness/crls.h"
#include "tests/harness/conns_tickets.h"
#include "tests/kernel/ktlsd.h"

static const char *const asks = "server-users = 0\nclient-users = *\nclient-auth = request\n"
				"client-trust = %s/clients.pem\n%s";

FIXTURE(tickets)
{
	struct daemon daemon;
	struct ktls *k;
	struct conns conns;
	struct conn_profile profile; /* of our client */
	struct x509_trust *trust;
	struct cert *clients, *alice;
	struct x509_identity *identity;
	struct x509_key *key;
	const char *name; /* of ktlsd's profile */
	bool resumed;     /* as ktlsd says */
	enum ktls_reason reason;
	size_t certs_len;
	struct daemon second;
};

static int sign(void *arg, const struct conn_sign *request, uint8_t *signature, size_t *len)
{
	uint8_t scratch[KTLS_ENGINE_CONTENT_MAX];
	struct ktls_span content = ktls_engine_sign_content(request->what, scratch);

	return x509_key_sign(arg, request->what->version, request->what->scheme, content.bytes,
			     content.len, signature, len);
}

static struct x509_trust *read_trust(const char *path)
{
	static char pem[65536];
	FILE *f = fopen(path, "r");
	size_t n;

	ASSERT_NOT_NULL(f);
	n = fread(pem, 1, sizeof(pem), f);
	fclose(f);
	return x509_trust_new(pem, n, NULL);
}

static void make_client(struct test_self_tickets *self)
{
	size_t len;
	char *pem;

	self->trust = read_trust(daemon_path(&self->daemon, "ca.pem"));
	self->alice = cert_client(CERT_P256, "alice", self->clients);
	pem = cert_chain_pem(self->alice, &len);
	self->identity = x509_identity_new(pem, len, NULL);
	self->key = x509_key_new(self->alice->key_pem, self->alice->key_pem_len, NULL);
	free(pem);
	self->profile = (struct conn_profile){
		.trust = self->trust, .name = "test", .sign = sign, .sign_arg = self->key
	};
	self->profile.identities = (const struct x509_identity *const *)&self->identity;
	conn_profile_seal(&self->profile);
	self->conns.config.sessions_max = 64;
	self->conns.config.sessions_bytes = 1 << 20;
	conns_open(&self->conns);
}

FIXTURE_SETUP(tickets)
{
	struct ktls_probe probe;

	ktls_probe(KTLS_PROBE_SUITES, &probe);
	over_relay = probe.reason != KTLS_OK;
	conns_init(&self->conns, false);
	daemon_prepare(&self->daemon);
	self->clients = cert_ca(CERT_P256, "Clients");
	cert_write(self->clients, self->daemon.dir, "clients");
	make_client(self);
	self->name = "default";
}

FIXTURE_TEARDOWN(tickets)
{
	ktls_close(self->k);
	conns_wipe(&self->conns);
	x509_identity_free(self->identity);
	x509_key_free(self->key);
	x509_trust_free(self->trust);
	cert_free(self->alice);
	cert_free(self->clients);
	daemon_close(&self->daemon);
}

static const char *records(void)
{
	return over_relay ? "records = relay\n" : "records = require-kernel\n";
}

/* ktlsd with these lines in [ktlsd] and [profile default]. */
static void configure_at(struct daemon *d, const char *ktlsd, const char *profile, const char *more)
{
	char lines[900];

	snprintf(lines, sizeof(lines), "%s%s", records(),
		 profile ? profile : "server-users = *\nclient-users = *\n");
	daemon_configure(d, ktlsd, lines, more);
}

static void configure(struct test_self_tickets *self, const char *ktlsd, const char *profile,
		      const char *more)
{
	configure_at(&self->daemon, ktlsd, profile, more);
}

static void open_daemon(struct test_self_tickets *self)
{
	daemon_start(&self->daemon);
	self->k = ktls_open(self->daemon.socket, NULL);
	ASSERT_NOT_NULL(self->k);
}

static void restart(struct test_self_tickets *self)
{
	ktls_close(self->k);
	ASSERT_EQ(0, kill(self->daemon.pid, SIGTERM));
	ASSERT_EQ(0, daemon_wait(&self->daemon));
	unlink(self->daemon.log);
	open_daemon(self);
}

static void reload(struct test_self_tickets *self)
{
	unsigned int before = daemon_log_count(&self->daemon, "reload: done:");

	ASSERT_EQ(0, kill(self->daemon.pid, SIGHUP));
	for (int i = 0; i < 3000; i++) {
		if (daemon_log_count(&self->daemon, "reload: done:") > before)
			return;
		usleep(10000);
	}
	ASSERT_TRUE(false);
}

static void handshake_at(struct test_self_tickets *self, struct ktls *k)
{
	struct ktls_params params = as_server;
	struct conn_end client = { .fd = -1 }, *ends[] = { &client };
	struct conn_request request;
	struct ktls_reply *reply;
	int fd[2];

	params.profile = self->name;
	tcp_pair(fd, 0);
	client.fd = fd[1];
	start(k, fd[0], &params);
	request = conns_request(&self->conns, KTLS_CLIENT, &client);
	request.profile = &self->profile;
	request.server_name = "localhost";
	request.timeout_ms = params.deadline_ms;
	conns_start(&self->conns, &request, &client);
	ASSERT_TRUE(conns_run(&self->conns, ends, 1, 60000));
	reply = collect(k);
	self->reason = reply->reason;
	self->resumed = reply->resumed;
	self->certs_len = reply->certs_len;
	if (reply->reason == KTLS_OK)
		EXPECT_EQ(over_relay, reply->tx == KTLS_STATE_RELAY);
	ktls_reply_free(reply);
	EXPECT_EQ(self->resumed, client.facts.resumed);
	if (client.result.reason == KTLS_OK && self->reason == KTLS_OK)
		conns_keep_tickets(&self->conns, &client,
				   (struct conn_session){ .profile = &self->profile,
							  .server_name = "localhost",
							  .chain_until = INT64_MAX });
	close(fd[0]);
	close(fd[1]);
}

static void expect(struct test_self_tickets *self, bool resumed)
{
	handshake_at(self, self->k);
	EXPECT_STREQ("OK", ktls_reason_name((int)self->reason));
	EXPECT_EQ(resumed, self->resumed);
}

static void write_key(const char *folder, const char *name, char byte)
{
	char path[300];
	FILE *f;

	snprintf(path, sizeof(path), "%s/%s", folder, name);
	f = fopen(path, "w");
	ASSERT_NOT_NULL(f);
	for (int i = 0; i < 48; i++)
		fputc(byte, f);
	fclose(f);
	ASSERT_EQ(0, chmod(path, 0600));
}

/* ---- random keys ------------------------------------------------------------------------------
 */

TEST_F(tickets, live_through_a_reload_and_not_through_a_restart)
{
	configure(self, NULL, NULL, NULL);
	open_daemon(self);
	expect(self, false);
	expect(self, true);
	reload(self);
	expect(self, true);
	EXPECT_TRUE(daemon_logged(&self->daemon, "OK resumed TLS 1.3"));
	restart(self);
	expect(self, false);
	expect(self, true);
}

/* Whichever signer makes it, another one opens it; so does one that was started again. */
TEST_F(tickets, are_all_signers)
{
	pid_t before;

	configure(self, "signers = 3\n", NULL, NULL);
	open_daemon(self);
	expect(self, false);
	for (int i = 0; i < 6; i++)
		expect(self, true);
	before = daemon_child(&self->daemon, "signer 1");
	ASSERT_EQ(0, kill(before, SIGKILL));
	daemon_child_after(&self->daemon, "signer 1", before);
	for (int i = 0; i < 6; i++)
		expect(self, true);
}

TEST_F(tickets, none_where_the_profile_makes_none)
{
	configure(self, NULL, "server-users = 0\ntickets = 0\n", NULL);
	open_daemon(self);
	expect(self, false);
	expect(self, false);
}

TEST_F(tickets, two_profiles_with_one_key)
{
	char other[400];

	snprintf(other, sizeof(other),
		 "[profile other]\ncertificate = %s/server.pem\nkey = %s/server.key\n"
		 "server-users = 0\n%s",
		 self->daemon.dir, self->daemon.dir, records());
	configure(self, NULL, NULL, other);
	open_daemon(self);
	expect(self, false);
	self->name = "other";
	expect(self, false);
	expect(self, true);
	self->name = "default";
	expect(self, false);
}

/* ---- whom they let in -------------------------------------------------------------------------
 */

static void ask_for_clients(struct test_self_tickets *self, const char *more)
{
	char profile[800];

	snprintf(profile, sizeof(profile), asks, self->daemon.dir, more);
	configure(self, NULL, profile, NULL);
	self->profile.identities_len = 1;
}

TEST_F(tickets, ca_removed_by_a_reload)
{
	struct cert *other = cert_ca(CERT_P256, "Others");

	ask_for_clients(self, "");
	open_daemon(self);
	expect(self, false);
	EXPECT_EQ(2, self->certs_len);
	expect(self, true);
	EXPECT_EQ(2, self->certs_len); /* as if it had shown them */
	cert_write(other, self->daemon.dir, "clients");
	reload(self);
	handshake_at(self, self->k);
	EXPECT_FALSE(self->resumed);
	EXPECT_STREQ("CERTIFICATE_UNKNOWN_CA", ktls_reason_name((int)self->reason));
	cert_free(other);
}

TEST_F(tickets, list_added_by_a_reload)
{
	const struct crl_spec spec = { .issuer = self->clients, .revoked = { self->alice } };
	char more[300];

	ask_for_clients(self, "");
	open_daemon(self);
	expect(self, false);
	expect(self, true);
	crl_write(&spec, self->daemon.dir, "clients");
	snprintf(more, sizeof(more), "client-crl = %s/clients.crl\n", self->daemon.dir);
	ask_for_clients(self, more);
	reload(self);
	handshake_at(self, self->k);
	EXPECT_FALSE(self->resumed);
	EXPECT_STREQ("CERTIFICATE_REVOKED", ktls_reason_name((int)self->reason));
}

/* ---- keys of a folder -------------------------------------------------------------------------
 */

static void use_folder(struct test_self_tickets *self, char *folder, size_t size)
{
	char ktlsd[300];

	snprintf(folder, size, "%s", "/tmp/ktlsd-keys-XXXXXX");
	ASSERT_NOT_NULL(mkdtemp(folder));
	write_key(folder, "current", 'a');
	snprintf(ktlsd, sizeof(ktlsd), "ticket-keys = %s\n", folder);
	configure(self, ktlsd, NULL, NULL);
}

static void remove_folder(const char *folder)
{
	char command[200];

	snprintf(command, sizeof(command), "rm -r %s", folder);
	EXPECT_EQ(0, system(command));
}

TEST_F(tickets, of_a_folder_live_through_a_restart)
{
	char folder[64];

	use_folder(self, folder, sizeof(folder));
	open_daemon(self);
	expect(self, false);
	restart(self);
	expect(self, true);
	remove_folder(folder);
}

TEST_F(tickets, of_a_folder_are_replaced)
{
	char folder[64];

	use_folder(self, folder, sizeof(folder));
	open_daemon(self);
	expect(self, false);
	write_key(folder, "previous", 'a');
	write_key(folder, "current", 'b');
	reload(self);
	expect(self, true); /* and the new ones are made with the new key */
	write_key(folder, "previous", 'c');
	reload(self);
	expect(self, true);
	write_key(folder, "current", 'd');
	reload(self);
	expect(self, false);
	unlink(strcat(strcpy((char[100]){ 0 }, folder), "/current"));
	ASSERT_EQ(0, kill(self->daemon.pid, SIGHUP));
	EXPECT_TRUE(daemon_logged(&self->daemon, "reload: nothing has changed"));
	expect(self, true);
	remove_folder(folder);
}

TEST_F(tickets, of_a_folder_are_shared)
{
	struct ktls *k, *first;
	char folder[64];

	use_folder(self, folder, sizeof(folder));
	open_daemon(self);
	expect(self, false);
	self->second = self->daemon;
	snprintf(self->second.socket, sizeof(self->second.socket), "%s/second", self->daemon.dir);
	snprintf(self->second.log, sizeof(self->second.log), "%s/second.log", self->daemon.dir);
	snprintf(self->second.config, sizeof(self->second.config), "%s/second.conf",
		 self->daemon.dir);
	configure_at(&self->second,
		     strcat(strcat(strcpy((char[200]){ 0 }, "ticket-keys = "), folder), "\n"), NULL,
		     NULL);
	daemon_start(&self->second);
	k = ktls_open(self->second.socket, NULL);
	ASSERT_NOT_NULL(k);
	first = self->k;
	self->k = k;
	expect(self, true);
	self->k = first;
	expect(self, true);
	ktls_close(k);
	ASSERT_EQ(0, kill(self->second.pid, SIGTERM));
	EXPECT_EQ(0, daemon_wait(&self->second));
	remove_folder(folder);
}

/* ---- ktlsd as the client, TLS 1.2 -------------------------------------------------------------
 */

static bool client_resumes(const struct daemon *d)
{
	struct ktls *k = ktls_open(d->socket, NULL);
	bool resumed = false;
	int fd[2];

	ASSERT_NOT_NULL(k);
	tcp_pair(fd, 0);
	start(k, fd[0], &as_server);
	start(k, fd[1], &as_client);
	for (int i = 0; i < 2; i++) {
		struct ktls_reply *reply = collect(k);

		EXPECT_STREQ("OK", ktls_reason_name((int)reply->reason));
		EXPECT_EQ(KTLS_TLS_1_2, reply->version);
		if (i > 0)
			EXPECT_EQ(resumed, reply->resumed);
		resumed = reply->resumed;
		ktls_reply_free(reply);
	}
	expect_carried(fd[0], fd[1]);
	expect_carried(fd[1], fd[0]);
	close(fd[0]);
	close(fd[1]);
	ktls_close(k);
	return resumed;
}

TEST_F(tickets, sessions_are_their_users)
{
	pid_t pid;
	int status;

	configure(self, "workers = 1\n",
		  "server-users = *\nclient-users = *\ntls-min = 1.2\n"
		  "tls-max = 1.2\n",
		  NULL);
	open_daemon(self);
	EXPECT_FALSE(client_resumes(&self->daemon));
	EXPECT_TRUE(client_resumes(&self->daemon));
	if (geteuid() != 0)
		SKIP(return, "not root: cannot be two users");
	pid = fork();
	if (pid == 0) {
		bool ok = setuid(4711) == 0 && !client_resumes(&self->daemon) &&
			  client_resumes(&self->daemon);

		_exit(!ok);
	}
	ASSERT_EQ(pid, waitpid(pid, &status, 0));
	EXPECT_EQ(0, status);
	EXPECT_TRUE(client_resumes(&self->daemon));
}

TEST_HARNESS_MAIN
