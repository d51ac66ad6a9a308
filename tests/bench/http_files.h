/* SPDX-License-Identifier: MIT */
/* What the HTTP benchmark serves, and how much of it a round asks for. */
#ifndef KTLS_TESTS_BENCH_HTTP_FILES_H
#define KTLS_TESTS_BENCH_HTTP_FILES_H

#include <sys/mman.h>

#include "tests/bench/http_servers.h"

struct kind {
	const char *path, *title;
	size_t size;
	bool churn;
	const uint8_t *bytes;
	size_t requests; /* in a round */
};

static struct kind kinds[] = {
	{ "1k", "1 KiB", 1 << 10, false, NULL, 0 },
	{ "64k", "64 KiB", 64 << 10, false, NULL, 0 },
	{ "1m", "1 MiB", 1 << 20, false, NULL, 0 },
	{ "big", NULL, 0, false, NULL, 0 },
	{ "1k", "connections", 1 << 10, true, NULL, 0 },
};

#define KINDS (sizeof(kinds) / sizeof(*kinds))

/* Not so many for one machine: what is measured is the server's CPU, not how much it bears. */
static size_t rounds = 5, clients = 4, mib = 64, big_mib = 1024, requests_max = 20000;
/* ---- what is served ----------------------------------------------------------------------------
 */

static inline void make_file(struct kind *k)
{
	char path[64];
	uint8_t *bytes;
	int fd;

	snprintf(path, sizeof(path), "%s/www/%s", folder, k->path);
	fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0644);
	if (fd < 0 || ftruncate(fd, (off_t)k->size) < 0)
		err(1, "%s", path);
	bytes = mmap(NULL, k->size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (bytes == MAP_FAILED)
		err(1, "%s", path);
	for (size_t i = 0; i < k->size; i++)
		bytes[i] = (uint8_t)(i ^ i >> 8 ^ i >> 16);
	k->bytes = bytes;
	close(fd);
}

static inline size_t least(size_t a, size_t b)
{
	return a < b ? a : b;
}

static inline void make_kinds(void)
{
	static char title[32];

	snprintf(title, sizeof(title), "%zu MiB", big_mib);
	for (size_t i = 0; i < KINDS; i++) {
		struct kind *k = &kinds[i];
		size_t n;

		if (!k->title) {
			k->title = title;
			k->size = big_mib << 20;
		}
		make_file(k);
		n = least((mib << 20) / k->size, requests_max);
		k->requests = k->churn ? requests_max / 10 : n;
		if (k->requests < 1)
			k->requests = 1;
	}
}

static inline void make_folder(void)
{
	char line[512];

	if (!mkdtemp(folder) || chmod(folder, 0755) < 0)
		err(1, "%s", folder);
	snprintf(line, sizeof(line),
		 "mkdir %s/www %s/t && %s/tests/tools/certs %s/c >/dev/null && cp %s/c/p256.pem "
		 "%s/cert.pem && cp %s/c/p256.key %s/cert.key",
		 folder, folder, build, folder, folder, folder, folder, folder);
	if (system(line) != 0)
		errx(1, "%s is not filled: is %s/tests/tools/certs built?", folder, build);
}

static inline void remove_folder(void)
{
	char line[64];

	snprintf(line, sizeof(line), "rm -rf %s", folder);
	if (system(line) != 0)
		warnx("%s is left", folder);
}

#endif
