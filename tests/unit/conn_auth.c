/* SPDX-License-Identifier: MIT */
/* Who the peers are: what a profile holds them to, and what the result says of them. */
#include <string.h>

#include "lib/conn/conn.h"
#include "lib/x509/trust.h"
#include "tests/harness/certs.h"
#include "tests/harness/harness.h"

TEST_HARNESS_MAIN

/* What changes who is believed changes the policy, and nothing else does. */
TEST(a_policy_is_of_all_that_decides)
{
	struct cert *ca = cert_ca(CERT_P256, "A"), *other = cert_ca(CERT_P256, "A");
	struct x509_trust *trust = x509_trust_new(ca->pem, ca->pem_len, NULL);
	struct x509_trust *same = x509_trust_new(ca->pem, ca->pem_len, NULL);
	struct x509_trust *others = x509_trust_new(other->pem, other->pem_len, NULL);
	const struct conn_profile rows[] = {
		{ .trust = NULL },
		{ .trust = trust },
		{ .trust = others },
		{ .client_trust = trust },
		{ .trust = trust, .client_trust = others },
		{ .trust = others, .client_trust = trust },
		{ .client_trust = trust, .client_auth = KTLS_ENGINE_REQUEST_CLIENT_AUTH },
		{ .client_trust = trust, .client_auth = KTLS_ENGINE_REQUIRE_CLIENT_AUTH },
	};
	struct conn_profile made[sizeof(rows) / sizeof(rows[0])];
	struct conn_profile again = { .trust = same, .strict_server_name = true };

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		made[i] = rows[i];
		conn_profile_seal(&made[i]);
		for (size_t j = 0; j < i; j++)
			EXPECT_NE(0, memcmp(made[i].policy, made[j].policy, CONN_POLICY_LEN));
	}
	conn_profile_seal(&again);
	EXPECT_MEMEQ(made[1].policy, again.policy, CONN_POLICY_LEN);
	x509_trust_free(trust);
	x509_trust_free(same);
	x509_trust_free(others);
	cert_free(ca);
	cert_free(other);
}
