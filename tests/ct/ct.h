/* SPDX-License-Identifier: MIT */
/*
 * Constant-time checks: no branch and no address may depend on a secret.
 *
 * The programs of this folder run under valgrind, which follows undefined values through memory and
 * registers and reports each branch and each address that depends on one. A test marks its
 * secrets as undefined, calls the code, and expects no report. What the code gives away on purpose
 * (a verdict, a public key) is declared public before anything looks at it: for the results of
 * secret_equal() that is done here, at link time, so that the code under test is the
 * library's own, unchanged.
 *
 *	TEST(hmac_by_key)
 *	{
 *		ct_secret(key, sizeof(key));
 *		hmac_bytes(HASH_SHA256, key, sizeof(key), text, sizeof(text), mac);
 *		EXPECT_TRUE(ct_is_secret(mac, sizeof(mac)));
 *		EXPECT_EQ(0, ct_leaks());
 *	}
 *	CT_MAIN
 *
 * Run by hand, a program starts itself again under valgrind; without valgrind it skips.
 */
#ifndef KTLS_TESTS_CT_H
#define KTLS_TESTS_CT_H

#include <stdbool.h>
#include <stddef.h>

#include "tests/harness/harness.h"

void ct_secret(const void *p, size_t len);
void ct_public(const void *p, size_t len);

/* Every byte depends on a secret: the marks came through the code, so valgrind has seen it all. */
bool ct_is_secret(const void *p, size_t len);

/* Valgrind's reports in this test so far. */
unsigned int ct_leaks(void);

int ct_main(int argc, char **argv);

#define CT_MAIN                             \
	int main(int argc, char **argv)     \
	{                                   \
		return ct_main(argc, argv); \
	}

#endif
