/* SPDX-License-Identifier: MIT */
/* A process of its own: what x509_init() promises it. */
#include <errno.h>
#include <stddef.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <linux/filter.h>
#include <linux/seccomp.h>

#include "lib/x509/key.h"
#include "lib/x509/trust.h"
#include "lib/x509/verify.h"
#include "tests/harness/certs.h"
#include "tests/harness/harness.h"

TEST_HARNESS_MAIN

struct text {
	char bytes[8192];
	size_t len;
};

static char folder[] = "/tmp/x509_init.XXXXXX";

static void read_text(const char *name, struct text *out)
{
	char path[64];
	FILE *file;

	snprintf(path, sizeof(path), "%s/%s", folder, name);
	file = fopen(path, "re");
	ASSERT_NOT_NULL(file);
	out->len = fread(out->bytes, 1, sizeof(out->bytes), file);
	ASSERT_GT(out->len, 0);
	fclose(file);
	ASSERT_EQ(0, unlink(path));
}

/* By another process: libcrypto must not have run in this one. */
static void make_files(void)
{
	struct cert *ca;
	int status;
	pid_t pid;

	ASSERT_NOT_NULL(mkdtemp(folder));
	pid = fork();
	ASSERT_GE(pid, 0);
	if (pid == 0) {
		ca = cert_ca(CERT_P256, "Root");
		cert_write(ca, folder, "ca");
		cert_write(cert_server(CERT_P256, "DNS:localhost", ca), folder, "leaf");
		_exit(0);
	}
	ASSERT_EQ(pid, waitpid(pid, &status, 0));
	ASSERT_EQ(0, status);
}

/* A configuration with which libcrypto finds no algorithm. */
static void set_bad_configuration(void)
{
	static const char text[] = "openssl_conf = init\n[init]\nalg_section = evp\n"
				   "[evp]\ndefault_properties = nothing=has-this\n";
	char path[64];
	FILE *file;

	snprintf(path, sizeof(path), "%s/openssl.cnf", folder);
	file = fopen(path, "we");
	ASSERT_NOT_NULL(file);
	ASSERT_EQ(1, fwrite(text, sizeof(text) - 1, 1, file));
	ASSERT_EQ(0, fclose(file));
	ASSERT_EQ(0, setenv("OPENSSL_CONF", path, 1));
}

/* From here on, opening a file is the end. */
static bool forbid_files(void)
{
	struct sock_filter filter[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_openat, 1, 0),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_KILL_PROCESS),
	};
	struct sock_fprog program = { sizeof(filter) / sizeof(filter[0]), filter };

	return prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0 &&
	       prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) == 0;
}

static void use_everything(const struct text *ca, const struct text *leaf,
			   const struct text *leaf_key)
{
	static const uint8_t content[] = "content";
	struct x509_trust *trust = x509_trust_new(ca->bytes, ca->len, NULL);
	struct x509_identity *identity = x509_identity_new(leaf->bytes, leaf->len, NULL);
	struct x509_key *key = x509_key_new(leaf_key->bytes, leaf_key->len, NULL);
	uint16_t scheme = KTLS_SCHEME_ECDSA_SECP256R1_SHA256;
	uint8_t sig[KTLS_ENGINE_SIGNATURE_MAX];
	struct x509_peer *peer;
	size_t len;

	ASSERT_NOT_NULL(trust);
	ASSERT_NOT_NULL(identity);
	ASSERT_NOT_NULL(key);
	ASSERT_EQ(0, x509_peer_verify_chain(trust, identity->chain, 1, KTLS_SERVER, "localhost",
					    time(NULL), &peer, NULL));
	ASSERT_EQ(0, x509_key_sign(key, KTLS_TLS_1_3, scheme, content, sizeof(content), sig, &len));
	EXPECT_EQ(0, x509_peer_verify_signature(peer, KTLS_TLS_1_3, scheme, content,
						sizeof(content), sig, len));
	x509_peer_free(peer);
	x509_key_free(key);
	x509_identity_free(identity);
	x509_trust_free(trust);
}

TEST(neither_configuration_nor_files_are_needed)
{
	struct text ca, leaf, leaf_key, unused;

	make_files();
	read_text("ca.pem", &ca);
	read_text("ca.key", &unused);
	read_text("leaf.pem", &leaf);
	read_text("leaf.key", &leaf_key);
	set_bad_configuration();
	ASSERT_EQ(0, x509_init());
	read_text("openssl.cnf", &unused);
	ASSERT_EQ(0, rmdir(folder));
	if (!forbid_files())
		SKIP(return, "no seccomp: errno %d", errno);
	use_everything(&ca, &leaf, &leaf_key);
}
