/* SPDX-License-Identifier: MIT */
#include "tests/ct/ct.h"

#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

#include "lib/crypto/util.h"

/* gcc as well as clang: */
#if defined(__has_feature)
#if __has_feature(address_sanitizer)
#define CT_SANITIZED 1
#endif
#endif
#if defined(__SANITIZE_ADDRESS__)
#define CT_SANITIZED 1
#endif

static int skip_all(const char *why)
{
	printf("TAP version 13\n1..0 # SKIP %s\n", why);
	return 0;
}

#if !__has_include(<valgrind/memcheck.h>)

int ct_main(int argc, char **argv)
{
	(void)argc;
	(void)argv;
	return skip_all("valgrind's headers are not installed");
}

void ct_secret(const void *p, size_t len)
{
	(void)p;
	(void)len;
	abort();
}

void ct_public(const void *p, size_t len)
{
	(void)p;
	(void)len;
	abort();
}

bool ct_is_secret(const void *p, size_t len)
{
	(void)p;
	(void)len;
	abort();
}

unsigned int ct_leaks(void)
{
	abort();
}

#else

#include <valgrind/memcheck.h>

static int run_under_valgrind(char **argv)
{
	char *args[] = {
		"valgrind", "--quiet", "--tool=memcheck", "--leak-check=no", "--error-limit=no",
		argv[0],    NULL
	};

	execvp(args[0], args);
	if (errno == ENOENT)
		return skip_all("valgrind is not installed");
	printf("Bail out! valgrind: %s\n", strerror(errno));
	return 1;
}

int ct_main(int argc, char **argv)
{
#if defined(CT_SANITIZED)
	return skip_all("a program with AddressSanitizer does not run under valgrind");
#endif
	if (!RUNNING_ON_VALGRIND)
		return run_under_valgrind(argv);
	if (crypto_init() < 0) {
		printf("Bail out! crypto_init failed\n");
		return 1;
	}
	return test_harness_main(argc, argv);
}

void ct_secret(const void *p, size_t len)
{
	(void)VALGRIND_MAKE_MEM_UNDEFINED(p, len);
}

void ct_public(const void *p, size_t len)
{
	(void)VALGRIND_MAKE_MEM_DEFINED(p, len);
}

bool ct_is_secret(const void *p, size_t len)
{
	const unsigned char *bytes = p;
	unsigned char undefined;

	for (size_t i = 0; i < len; i++) {
		if (VALGRIND_GET_VBITS(bytes + i, &undefined, 1) != 1 || undefined == 0)
			return false;
	}
	return true;
}

unsigned int ct_leaks(void)
{
	return (unsigned int)VALGRIND_COUNT_ERRORS;
}

#endif

/* The linker puts this in the place of secret_equal() (--wrap). */
bool __real_secret_equal(const void *a, const void *b, size_t len);
bool __wrap_secret_equal(const void *a, const void *b, size_t len);

bool __wrap_secret_equal(const void *a, const void *b, size_t len)
{
	bool equal = __real_secret_equal(a, b, len);

	ct_public(&equal, sizeof(equal));
	return equal;
}
