/* SPDX-License-Identifier: MIT */
#include <signal.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include "lib/crypto/arena.h"
#include "lib/crypto/util.h"
#include "tests/harness/harness.h"

#define SIZE 100
#define MAX  200 /* slots: several chunks */

FIXTURE(arena)
{
	struct arena *arena;
	uint8_t *slots[MAX];
};

FIXTURE_SETUP(arena)
{
	ASSERT_EQ(0, crypto_init());
	self->arena = arena_new(SIZE, MAX);
	ASSERT_TRUE(self->arena != NULL);
}

FIXTURE_TEARDOWN(arena)
{
	arena_free(self->arena);
}

static bool all_zero(const uint8_t *bytes, size_t len)
{
	for (size_t i = 0; i < len; i++)
		if (bytes[i] != 0)
			return false;
	return true;
}

TEST_F(arena, gives_aligned_zeros_up_to_its_limit)
{
	for (size_t i = 0; i < MAX; i++) {
		self->slots[i] = arena_get(self->arena);
		ASSERT_TRUE(self->slots[i] != NULL);
		EXPECT_EQ(0, (uintptr_t)self->slots[i] % 64);
		EXPECT_TRUE(all_zero(self->slots[i], SIZE));
		memset(self->slots[i], (int)(i + 1), SIZE);
	}
	EXPECT_TRUE(arena_get(self->arena) == NULL);
	for (size_t i = 0; i < MAX; i++)
		for (size_t j = 0; j < SIZE; j++)
			ASSERT_EQ((uint8_t)(i + 1), self->slots[i][j]);
}

TEST_F(arena, wipes_what_comes_back)
{
	uint8_t *slot = arena_get(self->arena);

	ASSERT_TRUE(slot != NULL);
	memset(slot, 0xaa, SIZE);
	arena_put(self->arena, slot);
	EXPECT_TRUE(all_zero(slot + sizeof(void *), SIZE - sizeof(void *)));
	EXPECT_TRUE(arena_get(self->arena) == slot);
	EXPECT_TRUE(all_zero(slot, SIZE));
	arena_put(self->arena, NULL);
}

TEST_F(arena, gives_again_what_came_back)
{
	for (size_t round = 0; round < 3; round++) {
		for (size_t i = 0; i < MAX; i++) {
			self->slots[i] = arena_get(self->arena);
			ASSERT_TRUE(self->slots[i] != NULL);
		}
		for (size_t i = 0; i < MAX; i++)
			arena_put(self->arena, self->slots[i]);
	}
}

/* Whether the mapping that holds p has the flag in its VmFlags: "dd" not dumped, "lo" locked. */
static bool mapping_has(const void *p, const char *flag)
{
	FILE *f = fopen("/proc/self/smaps", "r");
	unsigned long start, end;
	bool inside = false, found = false;
	char line[512];

	while (f && fgets(line, sizeof(line), f)) {
		if (sscanf(line, "%lx-%lx ", &start, &end) == 2)
			inside = start <= (uintptr_t)p && (uintptr_t)p < end;
		if (inside && strncmp(line, "VmFlags:", 8) == 0)
			found = strstr(line, flag) != NULL;
	}
	if (f)
		fclose(f);
	return found;
}

TEST_F(arena, is_neither_dumped_nor_swapped)
{
	void *slot = arena_get(self->arena);

	ASSERT_TRUE(slot != NULL);
	EXPECT_TRUE(mapping_has(slot, " dd"));
#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__) /* mlock() does nothing there \
								     */
	EXPECT_TRUE(mapping_has(slot, " lo"));
#endif
	EXPECT_FALSE(mapping_has(&slot, " dd"));
}

TEST_F(arena, ends_at_an_inaccessible_page)
{
	struct arena *one = arena_new(SIZE, 1);
	volatile uint8_t *slot = arena_get(one);
	int status;
	pid_t child;

	ASSERT_TRUE(slot != NULL);
	child = fork();
	ASSERT_GE(child, 0);
	if (child == 0) {
		signal(SIGSEGV, SIG_DFL);
		slot[128] = 1; /* SIZE rounded up to the alignment */
		_exit(0);
	}
	ASSERT_EQ(child, waitpid(child, &status, 0));
	EXPECT_TRUE(WIFSIGNALED(status));
	arena_free(one);
}

TEST(arena_free_takes_null)
{
	arena_free(NULL);
	EXPECT_TRUE(true);
}

TEST_HARNESS_MAIN
