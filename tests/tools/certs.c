/* SPDX-License-Identifier: MIT */
/*
 * certs DIR: writes certificates for shell-driven tests, NAME.pem (chain without the root) and
 * NAME.key each.
 *
 *   ca                   the root that all but unknown-ca's certificates go back to
 *   intermediate         issues all servers' certificates
 *   p256 p384 rsa2048 rsa3072 rsa4096 ed25519
 *                        servers: localhost, NAME.example.com, 127.0.0.1, ::1
 *   direct               issued by the root itself, for the same names as p256
 *   many                 a.example.com, b.example.com, example.org
 *   wildcard             *.wild.example.com
 *   client               client's, issued by the root
 *   expired future wrong-name no-key-usage client-usage weak-sha1 weak-rsa1024 no-san self-signed
 *                        bad ones, for the names of p256 where nothing else is said
 *   unknown-ca           a server's, by unknown-root, which is not to be trusted
 *
 * RSA keys take half a minute where the CPU is emulated. So where KTLS_CERTS names a folder that
 * this program has filled before, a copy of that is made.
 */
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "tests/harness/certs.h"
#include "tests/harness/crls.h"

#define NAMES "DNS:localhost,DNS:p256.example.com,IP:127.0.0.1,IP:::1"

struct entry {
	const char *file;
	struct cert_spec spec;
};

#define SERVER .cn = "server", .eku = "serverAuth", .key_usage = "critical,digitalSignature"
#define SERVER_OF(type)                                                            \
	.cn = type, .eku = "serverAuth", .key_usage = "critical,digitalSignature", \
	.san = "DNS:localhost,DNS:" type ".example.com,IP:127.0.0.1,IP:::1"

/* NSS wants this of them, whatever they are used for. */
#define RSA_SERVER_OF(type)                                                                        \
	.cn = type, .eku = "serverAuth", .key_usage = "critical,digitalSignature,keyEncipherment", \
	.san = "DNS:localhost,DNS:" type ".example.com,IP:127.0.0.1,IP:::1"

/* Issued by the intermediate. */
static const struct entry servers[] = {
	{ "p256", { .key = CERT_P256, SERVER_OF("p256") } },
	{ "p384", { .key = CERT_P384, SERVER_OF("p384") } },
	{ "rsa2048", { .key = CERT_RSA2048, RSA_SERVER_OF("rsa2048") } },
	{ "rsa3072", { .key = CERT_RSA3072, RSA_SERVER_OF("rsa3072") } },
	{ "rsa4096", { .key = CERT_RSA4096, RSA_SERVER_OF("rsa4096") } },
	{ "rsapss", { .key = CERT_RSA_PSS, SERVER_OF("rsapss") } },
	{ "ed25519", { .key = CERT_ED25519, SERVER_OF("ed25519") } },
	{ "many", { SERVER, .san = "DNS:a.example.com,DNS:b.example.com,DNS:example.org" } },
	{ "wildcard", { SERVER, .san = "DNS:*.wild.example.com" } },
	{ "expired",
	  { SERVER, .san = NAMES, .not_before = -10 * CERT_DAY, .not_after = -CERT_DAY } },
	{ "future", { SERVER, .san = NAMES, .not_before = CERT_DAY } },
	{ "wrong-name", { SERVER, .san = "DNS:somebody-else.example.net,IP:192.0.2.1" } },
	{ "no-key-usage",
	  { .cn = "server", .eku = "serverAuth", .san = NAMES, .key_usage = "keyAgreement" } },
	{ "client-usage",
	  { .cn = "server", .eku = "clientAuth", .san = NAMES, .key_usage = "digitalSignature" } },
	{ "weak-sha1", { SERVER, .san = NAMES, .digest = "SHA1" } },
	{ "weak-rsa1024", { .key = CERT_RSA1024, SERVER, .san = NAMES } },
	{ "no-san", { .cn = "localhost", .eku = "serverAuth", .key_usage = "digitalSignature" } },
};

static void make(const char *dir, const char *file, const struct cert_spec *spec,
		 const struct cert *issuer)
{
	struct cert *cert = cert_new(spec, issuer);

	cert_write(cert, dir, file);
	cert_free(cert);
}

static void make_unknown(const char *dir)
{
	struct cert *root = cert_ca(CERT_P256, "Unknown Root");
	struct cert *leaf = cert_server(CERT_P256, NAMES, root);

	cert_write(root, dir, "unknown-root");
	cert_write(leaf, dir, "unknown-ca");
	cert_free(leaf);
	cert_free(root);
}

/* A client's certificate, and the list of the root in which it is. */
static void make_revoked(const char *dir, const struct cert_spec *spec, const struct cert *ca)
{
	struct cert *cert = cert_new(spec, ca);
	const struct crl_spec list = { .issuer = ca, .revoked = { cert } };

	cert_write(cert, dir, "client-revoked");
	crl_write(&list, dir, "ca");
	cert_free(cert);
}

int main(int argc, char **argv)
{
	static const struct cert_spec direct = { SERVER, .san = NAMES };
	static const struct cert_spec client = { .cn = "client",
						 .eku = "clientAuth",
						 .key_usage = "critical,digitalSignature" };
	struct cert *ca, *intermediate;
	const char *dir;
	size_t i;

	if (argc != 2) {
		fprintf(stderr, "usage: certs DIR\n");
		return 2;
	}
	dir = argv[1];
	if (getenv("KTLS_CERTS") != NULL) {
		execlp("cp", "cp", "-rpT", getenv("KTLS_CERTS"), dir, NULL);
		perror("cp");
		return 1;
	}
	ca = cert_ca(CERT_P256, "Test Root");
	intermediate = cert_intermediate(CERT_P256, "Test Intermediate", ca);
	cert_write(ca, dir, "ca");
	cert_write(intermediate, dir, "intermediate");
	for (i = 0; i < sizeof(servers) / sizeof(servers[0]); i++)
		make(dir, servers[i].file, &servers[i].spec, intermediate);
	make(dir, "direct", &direct, ca);
	make(dir, "client", &client, ca);
	make_revoked(dir, &client, ca);
	make(dir, "self-signed", &direct, NULL);
	make_unknown(dir);
	cert_free(intermediate);
	cert_free(ca);
	return 0;
}
