/* SPDX-License-Identifier: MIT */
#include "tests/bench/ktls-bench/content.h"

#include <errno.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

/* A bijection that scatters: neighbouring places have nothing in common. */
static uint64_t scatter(uint64_t place)
{
	uint64_t x = (place + 1) * UINT64_C(0x9e3779b97f4a7c15);

	x = (x ^ (x >> 32)) * UINT64_C(0xd6e8feb86659fd93);
	x = (x ^ (x >> 32)) * UINT64_C(0xd6e8feb86659fd93);
	return x ^ (x >> 32);
}

static void fill(uint8_t *bytes, uint64_t len)
{
	for (uint64_t at = 0; at < len; at += 8) {
		uint64_t word = scatter(at);

		memcpy(bytes + at, &word, len - at < 8 ? len - at : 8);
	}
}

int content_make(struct content *content, uint64_t len)
{
	void *bytes = MAP_FAILED;
	int error, file = memfd_create("ktls-bench", MFD_CLOEXEC);

	if (file >= 0 && ftruncate(file, (off_t)len) == 0)
		bytes = mmap(NULL, len, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
	if (bytes == MAP_FAILED) {
		error = errno;
		if (file >= 0)
			close(file);
		return -error;
	}
	fill(bytes, len);
	*content = (struct content){ .file = file, .bytes = bytes, .len = len };
	return 0;
}

void content_free(struct content *content)
{
	if (content->bytes) {
		munmap(content->bytes, content->len);
		close(content->file);
	}
	*content = (struct content){ .file = -1 };
}
