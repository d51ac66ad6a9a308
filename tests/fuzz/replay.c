/* SPDX-License-Identifier: MIT */
/*
 * Runs a fuzz target over its corpus, tests/fuzz/corpus/NAME for the program called NAME: each
 * input whole, and each of its beginnings. TAP; an input that crashes ends the program, and is
 * named last.
 */
#include <dirent.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tests/fuzz/fuzz.h"

#define PREFIXES_MAX 2048 /* bytes of an input up to which every length is tried */

/* In memory of exactly the right size, so that a sanitizer sees a read past the end. */
static void run(const uint8_t *bytes, size_t len)
{
	uint8_t *exact = malloc(len);

	FUZZ_CHECK(exact || len == 0);
	if (len > 0)
		memcpy(exact, bytes, len);
	LLVMFuzzerTestOneInput(exact, len);
	free(exact);
}

static void replay(const char *folder, const char *name)
{
	static uint8_t bytes[1 << 20];
	char path[512];
	ssize_t len;
	int fd;

	snprintf(path, sizeof(path), "%s/%s", folder, name);
	printf("# %s\n", path);
	fflush(stdout);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	FUZZ_CHECK(fd >= 0);
	len = read(fd, bytes, sizeof(bytes));
	FUZZ_CHECK(len >= 0 && (size_t)len < sizeof(bytes));
	close(fd);
	for (size_t cut = 0; cut < (size_t)len && cut < PREFIXES_MAX; cut++)
		run(bytes, cut);
	run(bytes, (size_t)len);
}

static int is_input(const struct dirent *entry)
{
	return entry->d_name[0] != '.';
}

int main(int argc, char **argv)
{
	const char *slash = strrchr(argv[0], '/');
	struct dirent **entries;
	char folder[256];
	int n;

	snprintf(folder, sizeof(folder), "tests/fuzz/corpus/%s", slash ? slash + 1 : argv[0]);
	n = scandir(argc > 1 ? argv[1] : folder, &entries, is_input, alphasort);
	if (n <= 0) {
		printf("TAP version 13\n1..1\nnot ok 1 there is no corpus in %s\n", folder);
		return 1;
	}
	printf("TAP version 13\n1..%d\n", n);
	for (int i = 0; i < n; i++) {
		replay(argc > 1 ? argv[1] : folder, entries[i]->d_name);
		printf("ok %d %s\n", i + 1, entries[i]->d_name);
		free(entries[i]);
	}
	free(entries);
	return 0;
}
