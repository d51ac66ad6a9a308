/* SPDX-License-Identifier: MIT */
/* The configuration file: what is read, and for each mistake the line that tells file and line. */
#include <grp.h>
#include <pwd.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "daemon/config.h"
#include "tests/harness/harness.h"

#define MINIMAL "[profile a]\nclient-users = 0\n"

FIXTURE(config)
{
	char path[64];
	char *said; /* errors and warnings, one a line */
	size_t said_len;
	struct config *config;
};

FIXTURE_SETUP(config)
{
	int fd;

	strcpy(self->path, "/tmp/ktlsd-config-XXXXXX");
	fd = mkstemp(self->path);
	ASSERT_GE(fd, 0);
	close(fd);
}

FIXTURE_TEARDOWN(config)
{
	unlink(self->path);
	config_free(self->config);
	free(self->said);
}

static void read_bytes(struct test_self_config *self, const char *text, size_t len)
{
	FILE *f = fopen(self->path, "w");
	FILE *out;

	ASSERT_NOT_NULL(f);
	ASSERT_EQ(len, fwrite(text, 1, len, f));
	ASSERT_EQ(0, fclose(f));
	config_free(self->config);
	free(self->said);
	self->said = NULL;
	out = open_memstream(&self->said, &self->said_len);
	ASSERT_NOT_NULL(out);
	self->config = config_read(self->path, out);
	ASSERT_EQ(0, fclose(out));
}

static void read_text(struct test_self_config *self, const char *text)
{
	read_bytes(self, text, strlen(text));
}

/* The file is refused, and one of the lines said begins with "file:line: text". */
static void expect_error(struct test_self_config *self, const char *text, unsigned int line,
			 const char *error)
{
	char want[512];

	read_text(self, text);
	EXPECT_NULL(self->config);
	snprintf(want, sizeof(want), "%s:%u: %s", self->path, line, error);
	if (!strstr(self->said, want))
		TH_LOG("wanted: %s; said: %s", want, self->said);
	EXPECT_NOT_NULL(strstr(self->said, want));
}

TEST_F(config, reads_every_key)
{
	const struct config_profile *p;

	read_text(self, "# comment\n"
			"; comment\n"
			"[ktlsd]\n"
			"socket = /tmp/s\n"
			"socket-owner = 1\nsocket-group = 2\nsocket-mode = 0640\n"
			"user = daemon\n"
			"workers = 3\nsigners = 2\nmax-handshakes = 77\n"
			"max-deadline = 1500ms\nmax-session-age = 36h\n"
			"log = journal\n"
			"\n"
			"[profile web]   ; the shop\n"
			"  certificate = /a.pem ; a comment\n"
			"  key = /a.key\n"
			"\tcertificate=/b.pem\n\tkey=/b.key\n"
			"trust = /ca.pem\n"
			"server-users = 5, 6\nserver-users = 7\nserver-groups = 8\n"
			"client-users = *\nclient-groups = 9 10\n"
			"alpn = h2, http/1.1\n"
			"strict-sni = yes\ntls-min = 1.2\ntls-max = 1.2\n"
			"static-rsa = yes\nextended-master-secret = prefer\n"
			"signatures-per-second = 12\nrecords-per-key = 500\n"
			"hardware = prefer\nzerocopy = yes\n");
	ASSERT_STREQ("", self->said);
	ASSERT_NOT_NULL(self->config);
	EXPECT_STREQ("/tmp/s", self->config->socket.text);
	EXPECT_EQ(1, self->config->socket_owner);
	EXPECT_EQ(2, self->config->socket_group);
	EXPECT_EQ(0640, self->config->socket_mode);
	EXPECT_EQ(3, self->config->workers);
	EXPECT_EQ(2, self->config->signers);
	EXPECT_EQ(77, self->config->max_handshakes);
	EXPECT_EQ(1500, self->config->deadline_max);
	EXPECT_EQ(36 * 3600, self->config->session_age);
	EXPECT_EQ(LOG_TARGET_JOURNAL, self->config->log);
	ASSERT_EQ(1, self->config->profiles_len);
	p = self->config->profiles;
	EXPECT_STREQ("web", p->name);
	EXPECT_EQ(16, p->line);
	ASSERT_EQ(2, p->pairs_len);
	EXPECT_STREQ("/a.pem", p->pairs[0].certificate.text);
	EXPECT_STREQ("/b.key", p->pairs[1].key.text);
	EXPECT_EQ(20, p->pairs[1].key.line);
	EXPECT_STREQ("/ca.pem", p->trust[KTLS_CLIENT].file.text);
	ASSERT_EQ(3, p->access[KTLS_SERVER].users_len);
	EXPECT_EQ(7, p->access[KTLS_SERVER].users[2]);
	EXPECT_FALSE(p->access[KTLS_SERVER].anyone);
	EXPECT_TRUE(p->access[KTLS_CLIENT].anyone);
	EXPECT_EQ(2, p->access[KTLS_CLIENT].groups_len);
	ASSERT_EQ(12, p->alpn_len);
	EXPECT_MEMEQ("\2h2\10http/1.1", p->alpn, 12);
	EXPECT_TRUE(p->strict_sni);
	EXPECT_TRUE(p->static_rsa);
	EXPECT_TRUE(p->plain_master_secret);
	EXPECT_EQ(KTLS_TLS_1_2, p->version_min);
	EXPECT_EQ(KTLS_TLS_1_2, p->version_max);
	EXPECT_EQ(12, p->signatures);
	EXPECT_EQ(500, p->records);
	EXPECT_EQ(KTLS_HARDWARE_PREFER, p->hardware);
	EXPECT_TRUE(p->zerocopy);
	EXPECT_FALSE(p->offload_1_2); /* tls-min says it */
}

TEST_F(config, has_defaults)
{
	read_text(self, MINIMAL);
	ASSERT_NOT_NULL(self->config);
	EXPECT_STREQ(KTLS_SOCKET_PATH, self->config->socket.text);
	EXPECT_EQ(geteuid(), self->config->socket_owner);
	EXPECT_EQ(1, self->config->signers);
	EXPECT_GE(self->config->workers, 1);
	EXPECT_EQ(60000, self->config->deadline_max);
	EXPECT_EQ(30 * 86400, self->config->session_age);
	EXPECT_EQ(0, self->config->profiles[0].records);
	EXPECT_NULL(self->config->profiles[0].trust[KTLS_CLIENT].file.text);
	EXPECT_FALSE(self->config->profiles[0].strict_sni);
	EXPECT_FALSE(self->config->profiles[0].static_rsa);
	EXPECT_EQ(KTLS_HARDWARE_ANY, self->config->profiles[0].hardware);
	EXPECT_FALSE(self->config->profiles[0].zerocopy);
	EXPECT_FALSE(self->config->profiles[0].plain_master_secret);
	EXPECT_EQ(KTLS_TLS_1_3, self->config->profiles[0].version_min);
	EXPECT_EQ(KTLS_TLS_1_3, self->config->profiles[0].version_max);
}

#define SERVER MINIMAL "certificate = /a\nkey = /b\n"

TEST_F(config, client_auth)
{
	const struct config_profile *p;

	read_text(self, MINIMAL);
	ASSERT_NOT_NULL(self->config);
	EXPECT_EQ(KTLS_ENGINE_NO_CLIENT_AUTH, self->config->profiles[0].client_auth);
	read_text(self, SERVER "server-users = 1\nclient-auth = request\nclient-trust = /ca.pem\n");
	ASSERT_NOT_NULL(self->config);
	p = self->config->profiles;
	EXPECT_EQ(KTLS_ENGINE_REQUEST_CLIENT_AUTH, p->client_auth);
	EXPECT_STREQ("/ca.pem", p->trust[KTLS_SERVER].file.text);
	EXPECT_NULL(p->trust[KTLS_CLIENT].file.text);
	read_text(self, SERVER "server-users = 1\nclient-auth = require\nclient-trust = system\n");
	ASSERT_NOT_NULL(self->config);
	EXPECT_EQ(KTLS_ENGINE_REQUIRE_CLIENT_AUTH, self->config->profiles[0].client_auth);
	EXPECT_EQ(CONFIG_ANCHORS_SYSTEM, self->config->profiles[0].trust[KTLS_SERVER].anchors);
	expect_error(self, SERVER "server-users = 1\nclient-auth = yes\n", 6,
		     "'yes' is none of none, request, require");
	expect_error(self, SERVER "server-users = 1\nclient-auth = require\n", 6,
		     "client-auth without those who may issue");
	expect_error(self, SERVER "server-users = 1\nclient-trust = /ca.pem\n", 6,
		     "client-trust, client-crl, client-pin where no client is asked");
	expect_error(self, SERVER "client-auth = require\nclient-trust = /ca.pem\n", 5,
		     "client-auth is for servers");
}

#define PIN_A "sha256/AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8="
#define PIN_B "sha256//AECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8="

TEST_F(config, trust_with_lists_and_pins)
{
	const struct config_trust *trust;

	read_text(self, MINIMAL "crl = /a.crl\ncrl = /b.crl\ncrl-check = chain\n"
				"pin = " PIN_A "\npin = " PIN_B "\n");
	ASSERT_NOT_NULL(self->config);
	trust = &self->config->profiles[0].trust[KTLS_CLIENT];
	ASSERT_EQ(2, trust->crls_len);
	EXPECT_STREQ("/b.crl", trust->crls[1].text);
	EXPECT_EQ(4, trust->crls[1].line);
	EXPECT_EQ(X509_CRL_CHAIN, trust->crl_check);
	EXPECT_EQ(CONFIG_ANCHORS_DEFAULT, trust->anchors);
	ASSERT_EQ(2, trust->pins_len);
	for (size_t i = 0; i < X509_PIN_LEN; i++)
		EXPECT_EQ(i, trust->pins[0][i]);
	EXPECT_EQ(0xfc, trust->pins[1][0]);
	read_text(self, SERVER "server-users = 1\nclient-auth = require\nclient-trust = none\n"
			       "client-pin = " PIN_A "\n");
	ASSERT_NOT_NULL(self->config);
	trust = &self->config->profiles[0].trust[KTLS_SERVER];
	EXPECT_EQ(CONFIG_ANCHORS_NONE, trust->anchors);
	EXPECT_EQ(1, trust->pins_len);
	EXPECT_EQ(0, self->config->profiles[0].trust[KTLS_CLIENT].pins_len);
}

TEST_F(config, trust_that_makes_no_sense)
{
	static const char *const pins[] = {
		"AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=",
		"sha1/AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=",
		"sha256/AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8",
		"sha256/AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh9=",
		"sha256/AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwd!h8=",
		"sha256/AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8fHw==",
		"sha256/",
	};
	char text[256];

	for (size_t i = 0; i < sizeof(pins) / sizeof(pins[0]); i++) {
		snprintf(text, sizeof(text), MINIMAL "pin = %s\n", pins[i]);
		expect_error(self, text, 3, "'");
		EXPECT_NOT_NULL(strstr(self->said, "is no pinned key: write sha256/"));
	}
	expect_error(self, MINIMAL "trust = none\n", 3, "trust = none believes nobody");
	expect_error(self, MINIMAL "trust = none\npin = " PIN_A "\ncrl = /a\n", 5,
		     "revocation lists where nobody's signature counts");
	expect_error(self, MINIMAL "crl-check = leaf\n", 3, "crl-check without a list");
	expect_error(self, MINIMAL "crl-check = some\n", 3, "'some' is none of known, leaf, chain");
	expect_error(self, MINIMAL "crl = a.crl\n", 3, "'a.crl' is not an absolute path");
	expect_error(self, SERVER "server-users = 1\nclient-crl = /a\n", 6,
		     "client-trust, client-crl, client-pin where no client is asked");
	expect_error(self,
		     SERVER "server-users = 1\nclient-auth = require\n"
			    "client-trust = none\n",
		     7, "client-trust = none believes nobody");
}

TEST_F(config, versions)
{
	read_text(self, MINIMAL "tls-min = 1.2\n");
	ASSERT_NOT_NULL(self->config);
	EXPECT_EQ(KTLS_TLS_1_2, self->config->profiles[0].version_min);
	EXPECT_EQ(KTLS_TLS_1_3, self->config->profiles[0].version_max);
	expect_error(self, MINIMAL "tls-max = 1.2\n", 3, "tls-max is below tls-min");
	expect_error(self, MINIMAL "tls-min = 1.1\n", 3, "'1.1' is neither 1.2 nor 1.3");
	expect_error(self, MINIMAL "tls-max = TLSv1.3\n", 3, "'TLSv1.3' is neither 1.2 nor 1.3");
	expect_error(self, MINIMAL "tls-min = 1.2\ntls-min = 1.3\n", 4, "'tls-min' a second time");
}

/* Without the group that the socket is for, it is opened to its owner only, and that is said. */
TEST_F(config, without_group_is_private)
{
	if (geteuid() == 0 && getgrnam(CONFIG_GROUP_DEFAULT))
		SKIP(return, "this system has the group");
	read_text(self, MINIMAL);
	ASSERT_NOT_NULL(self->config);
	EXPECT_EQ(0600, self->config->socket_mode);
	EXPECT_NOT_NULL(strstr(self->said, "warning: no group"));
}

TEST_F(config, never_runs_workers_as_root)
{
	if (geteuid() != 0)
		SKIP(return, "not root: workers run as whoever starts ktlsd");
	read_text(self, MINIMAL);
	ASSERT_NOT_NULL(self->config);
	EXPECT_NE(0, self->config->user);
	EXPECT_NE(0, self->config->group);
	expect_error(self, "[ktlsd]\nuser = root\n" MINIMAL, 2, "workers and signers cannot run");
}

static const struct {
	const char *text;
	unsigned int line;
	const char *error;
} mistakes[] = {
	{ "[ktlsd\n" MINIMAL, 1, "a section is written" },
	{ "[ktlsd] workers = 2\n" MINIMAL, 1, "a section is written" },
	{ MINIMAL "[ktls]\nx = y\n", 3, "no section [ktls]" },
	{ MINIMAL "[ktls]\n", 3, "no section [ktls]" },
	{ "workers = 2\n" MINIMAL, 1, "'workers' before any section" },
	{ "[ktlsd]\n[ktlsd]\n" MINIMAL, 2, "section [ktlsd] a second time: it begins in line 1" },
	{ MINIMAL "\n" MINIMAL, 4, "profile 'a' a second time: it begins in line 1" },
	{ "[profile a b]\n", 1, "a profile's name has" },
	{ "[profile ]\n", 1, "a profile's name has" },
	{ "[ktlsd]\nworker = 2\n" MINIMAL, 2, "no key 'worker' in a section [ktlsd]" },
	{ MINIMAL "workers = 2\n", 3, "no key 'workers' in a section [profile NAME]" },
	{ "[ktlsd]\nworkers = 2\nworkers = 2\n" MINIMAL, 3, "'workers' a second time" },
	{ "[ktlsd]\nworkers =\n" MINIMAL, 2, "'workers' has no value" },
	{ "[ktlsd]\nworkers\n" MINIMAL, 2, "expected 'key = value'" },
	{ MINIMAL "rubbish", 3, "expected 'key = value'" },
	{ "[ktlsd]\nworkers = 0\n" MINIMAL, 2, "'0' is not a number from 1 to 64" },
	{ "[ktlsd]\nworkers = 65\n" MINIMAL, 2, "'65' is not a number" },
	{ "[ktlsd]\nworkers = -1\n" MINIMAL, 2, "'-1' is not a number" },
	{ "[ktlsd]\nworkers = 2x\n" MINIMAL, 2, "'2x' is not a number" },
	{ "[ktlsd]\nsigners = 99999999999999999999\n" MINIMAL, 2, "'9999" },
	{ "[ktlsd]\nmax-deadline = 10\n" MINIMAL, 2, "'10' is not a time" },
	{ "[ktlsd]\nmax-deadline = 10h\n" MINIMAL, 2, "'10h' is not a time" },
	{ "[ktlsd]\nmax-deadline = 1ms\n" MINIMAL, 2, "'1ms' is not a time" },
	{ "[ktlsd]\nmax-deadline = 61m\n" MINIMAL, 2, "'61m' is not a time" },
	{ "[ktlsd]\nmax-session-age = 60\n" MINIMAL, 2, "'60' is not a time from 60s to 90d" },
	{ "[ktlsd]\nmax-session-age = 59s\n" MINIMAL, 2, "'59s' is not a time" },
	{ "[ktlsd]\nmax-session-age = 91d\n" MINIMAL, 2, "'91d' is not a time" },
	{ "[ktlsd]\nmax-session-age = 4294967296s\n" MINIMAL, 2, "'4294967296s' is" },
	{ "[ktlsd]\nmax-session-age = 99999999999999999999d\n" MINIMAL, 2, "'9999" },
	{ "[ktlsd]\nmax-session-age = 500ms\n" MINIMAL, 2, "'500ms' is not a time" },
	{ MINIMAL "records-per-key = 1\n", 3, "'1' is not a number from 2 to 23726566" },
	{ MINIMAL "records-per-key = 23726567\n", 3, "'23726567' is not a number" },
	{ "[ktlsd]\nsocket = run/s\n" MINIMAL, 2, "'run/s' is not an absolute path" },
	{ "[ktlsd]\nsocket-mode = 0888\n" MINIMAL, 2, "'0888' is not a file mode" },
	{ "[ktlsd]\nsocket-mode = 2660\n" MINIMAL, 2, "'2660' is not a file mode" },
	{ "[ktlsd]\nsocket-owner = no.such\n" MINIMAL, 2, "no user 'no.such'" },
	{ "[ktlsd]\nsocket-group = no.such\n" MINIMAL, 2, "no group 'no.such'" },
	{ "[ktlsd]\nsocket-group = 4294967295\n" MINIMAL, 2, "no group '4294967295'" },
	{ "[ktlsd]\nuser = no.such\n" MINIMAL, 2, "no user 'no.such'" },
	{ "[ktlsd]\nlog = syslog\n" MINIMAL, 2, "'syslog' is none of auto, stderr, journal" },
	{ MINIMAL "strict-sni = 1\n", 3, "'1' is neither yes nor no" },
	{ MINIMAL "hardware = prefer\ntls-min = 1.3\n", 4,
	  "hardware = prefer with tls-min = 1.3: devices take TLS 1.2 only" },
	{ MINIMAL "hardware = yes\n", 3, "'yes' is none of any, prefer, require, avoid" },
	{ MINIMAL "static-rsa = 1\n", 3, "'1' is neither yes nor no" },
	{ MINIMAL "extended-master-secret = no\n", 3, "'no'" },
	{ MINIMAL "server-users = no.such\n", 3, "no user 'no.such'" },
	{ MINIMAL "server-groups = *\n", 3, "no group '*'" },
	{ MINIMAL "client-users = ,\n", 3, "empty list" },
	{ MINIMAL "key = /k\n", 3, "key without a certificate" },
	{ MINIMAL "certificate = /c\nkey = /k\nkey = /k\n", 5, "key without a certificate" },
	{ MINIMAL "certificate = c\nkey = /k\n", 3, "'c' is not an absolute path" },
	{ MINIMAL "certificate = /c\n", 3, "certificate without a key" },
	{ MINIMAL "certificate = /c\ncertificate = /d\nkey = /k\n", 3,
	  "certificate without a key" },
	{ MINIMAL "trust = ca.pem\n", 3, "'ca.pem' is not an absolute path" },
	{ "\n[profile b]\n", 2, "profile 'b' names nobody" },
	{ "[profile b]\nserver-users = 0\n", 1, "profile 'b' is for servers and has no certif" },
};

TEST_F(config, tells_the_line_of_a_mistake)
{
	for (size_t i = 0; i < sizeof(mistakes) / sizeof(mistakes[0]); i++)
		expect_error(self, mistakes[i].text, mistakes[i].line, mistakes[i].error);
}

TEST_F(config, tells_all_mistakes_at_once)
{
	read_text(self, "[ktlsd]\nworkers = x\nsigners = y\nrubbish\n" MINIMAL "zzz = 1\n");
	EXPECT_NULL(self->config);
	EXPECT_NOT_NULL(strstr(self->said, ":2: 'x'"));
	EXPECT_NOT_NULL(strstr(self->said, ":3: 'y'"));
	EXPECT_NOT_NULL(strstr(self->said, ":4: expected"));
	EXPECT_NOT_NULL(strstr(self->said, ":7: no key 'zzz'"));
}

TEST_F(config, refuses_an_empty_file)
{
	read_text(self, "");
	EXPECT_NULL(self->config);
	EXPECT_NOT_NULL(strstr(self->said, "no profile: add a section"));
}

/* libinih cuts a long line in two and takes the rest for another. */
TEST_F(config, refuses_a_line_too_long)
{
	char line[512];

	memset(line, ' ', sizeof(line));
	memcpy(line, "[ktlsd]\nworkers = 2", 19);
	snprintf(line + 300, sizeof(line) - 300, "signers = 2\n" MINIMAL);
	expect_error(self, line, 2, "line longer than");
}

TEST_F(config, refuses_zero_bytes)
{
	read_bytes(self, "[ktlsd]\nwork\0ers = 2\n" MINIMAL, 21 + strlen(MINIMAL));
	EXPECT_NULL(self->config);
	EXPECT_NOT_NULL(strstr(self->said, ":2: a byte of value 0"));
}

TEST_F(config, refuses_what_is_not_there)
{
	FILE *out = open_memstream(&self->said, &self->said_len);

	ASSERT_NOT_NULL(out);
	EXPECT_NULL(config_read("/nowhere/ktlsd.conf", out));
	EXPECT_NULL(config_read("/tmp", out));
	ASSERT_EQ(0, fclose(out));
	EXPECT_NOT_NULL(strstr(self->said, "/nowhere/ktlsd.conf: cannot be opened: No such file"));
	EXPECT_NOT_NULL(strstr(self->said, "/tmp: cannot be read: Is a directory"));
}

/* An indented key is a key of its own, not the rest of the one above. */
TEST_F(config, takes_indented_keys)
{
	read_text(self, "[profile a]\n  client-users = 1\n  server-groups = 2\n"
			"  certificate = /c\n  key = /k\n");
	ASSERT_NOT_NULL(self->config);
	EXPECT_EQ(1, self->config->profiles[0].access[KTLS_CLIENT].users_len);
	EXPECT_EQ(1, self->config->profiles[0].access[KTLS_SERVER].groups_len);
}

TEST_F(config, allows_users_and_groups_per_role)
{
	const gid_t wheel[] = { 100, 20 };
	const gid_t other[] = { 21 };
	const struct config_profile *p;

	read_text(self, "[profile a]\nclient-users = 1\nserver-groups = 20\n"
			"certificate = /c\nkey = /k\n"
			"[profile b]\nclient-users = *\n");
	ASSERT_NOT_NULL(self->config);
	p = self->config->profiles;
	EXPECT_TRUE(config_allows(p, KTLS_CLIENT, 1, NULL, 0));
	EXPECT_FALSE(config_allows(p, KTLS_CLIENT, 2, wheel, 2));
	EXPECT_FALSE(config_allows(p, KTLS_SERVER, 1, other, 1));
	EXPECT_TRUE(config_allows(p, KTLS_SERVER, 2, wheel, 2));
	/* Root is let in where it is named, like everybody else. */
	EXPECT_FALSE(config_allows(p, KTLS_CLIENT, 0, NULL, 0));
	EXPECT_TRUE(config_allows(p + 1, KTLS_CLIENT, 0, NULL, 0));
	EXPECT_FALSE(config_allows(p + 1, KTLS_SERVER, 0, NULL, 0));
}

TEST_HARNESS_MAIN
