/* SPDX-License-Identifier: MIT */
#include "lib/run/table.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <unistd.h>

#include "lib/run/real.h"

#define PAGE_BITS 12
#define PAGE_LEN  (1 << PAGE_BITS)
#define PAGES     4096 /* 2^24 descriptors: more than a kernel gives without being told to */
#define OWN_FLOOR 512  /* libktls's own are above this where the limit lets them */

struct page {
	struct run_file *_Atomic slots[PAGE_LEN];
};

static struct page *_Atomic pages[PAGES];
static _Atomic uint64_t watched[PAGES * PAGE_LEN / 64];

/* What a number of libktls's stands for, and one that a child keeps. */
static struct run_file own, kept;

static struct run_file *_Atomic dead; /* to be used again */
static pthread_mutex_t making = PTHREAD_MUTEX_INITIALIZER;
static struct run_file *spare; /* by "making": wiped ones */

unsigned int run_generation;

/* ---- look-ups ------------------------------------------------------------------------------ */

static struct run_file *_Atomic *slot_of(int fd)
{
	struct page *page;

	if (fd < 0 || fd >= PAGES * PAGE_LEN)
		return NULL;
	page = atomic_load_explicit(&pages[fd >> PAGE_BITS], memory_order_acquire);
	return page ? &page->slots[fd & (PAGE_LEN - 1)] : NULL;
}

static bool is_program_s(const struct run_file *file)
{
	return file && file != &own && file != &kept;
}

/* Unless nobody has it any more. */
static bool hold(struct run_file *file)
{
	uint32_t held = atomic_load(&file->held);

	while (held > 0)
		if (atomic_compare_exchange_weak(&file->held, &held, held + 1))
			return true;
	return false;
}

struct run_file *run_get(int fd)
{
	struct run_file *_Atomic *slot = slot_of(fd);
	struct run_file *file;

	if (!slot)
		return NULL;
	for (;;) {
		file = atomic_load_explicit(slot, memory_order_acquire);
		if (!is_program_s(file))
			return NULL;
		if (!hold(file))
			continue;
		if (atomic_load(slot) == file)
			return file;
		run_put(file);
	}
}

struct run_file *run_get_kind(int fd, enum run_kind kind)
{
	struct run_file *file = run_get(fd);

	if (!file || file->kind == kind)
		return file;
	run_put(file);
	return NULL;
}

/* Freeing a session is free(), which a signal handler may not call: run_file_new() does it. */
void run_put(struct run_file *file)
{
	if (atomic_fetch_sub(&file->held, 1) != 1)
		return;
	file->next = atomic_load(&dead);
	while (!atomic_compare_exchange_weak(&dead, &file->next, file))
		;
}

/* ---- files --------------------------------------------------------------------------------- */

/* What an earlier generation made is left alone: its locks may be held for ever. */
static void wipe(struct run_file *file)
{
	if (file->session && file->generation == run_generation)
		ktls_session_free(file->session);
	memset(file, 0, sizeof(*file));
}

static struct run_file *recycle(void)
{
	struct run_file *list = atomic_exchange(&dead, NULL), *file;

	while (list) {
		file = list;
		list = list->next;
		wipe(file);
		file->next = spare;
		spare = file;
	}
	file = spare;
	if (file)
		spare = file->next;
	return file;
}

struct run_file *run_file_new(enum run_kind kind)
{
	struct run_file *file;
	sigset_t all, before;

	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	pthread_mutex_lock(&making);
	file = recycle();
	pthread_mutex_unlock(&making);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	if (!file)
		file = calloc(1, sizeof(*file));
	if (!file)
		return NULL;
	file->next = NULL;
	file->kind = kind;
	file->generation = run_generation;
	file->real = -1;
	file->events = -1;
	pthread_mutex_init(&file->lock, NULL);
	atomic_store(&file->held, 1);
	return file;
}

static struct run_file *_Atomic *slot_make(int fd)
{
	struct page *page, *none = NULL;

	if (fd < 0 || fd >= PAGES * PAGE_LEN)
		return NULL;
	if (slot_of(fd))
		return slot_of(fd);
	page = mmap(NULL, sizeof(*page), PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1,
		    0);
	if (page == MAP_FAILED)
		return NULL;
	if (!atomic_compare_exchange_strong(&pages[fd >> PAGE_BITS], &none, page))
		munmap(page, sizeof(*page));
	return slot_of(fd);
}

bool run_set(int fd, struct run_file *file)
{
	struct run_file *_Atomic *slot = slot_make(fd);
	struct run_file *before;

	if (!slot)
		return false;
	atomic_fetch_add(&file->held, 1);
	atomic_fetch_add(&file->numbers, 1);
	before = atomic_exchange(slot, file);
	if (is_program_s(before)) {
		atomic_fetch_sub(&before->numbers, 1);
		run_put(before);
	}
	return true;
}

struct run_file *run_unset(int fd)
{
	struct run_file *_Atomic *slot = slot_of(fd);
	struct run_file *file;

	if (!slot)
		return NULL;
	file = atomic_load(slot);
	do {
		if (!is_program_s(file))
			return NULL;
	} while (!atomic_compare_exchange_weak(slot, &file, NULL));
	if (atomic_fetch_sub(&file->numbers, 1) == 1)
		return file;
	run_put(file);
	return NULL;
}

static bool page_each(int first, bool (*call)(int fd, struct run_file *file, void *arg), void *arg)
{
	struct run_file *file;
	bool on = true;

	for (int fd = first; on && fd < first + PAGE_LEN; fd++) {
		file = run_get(fd);
		if (!file)
			continue;
		on = call(fd, file, arg);
		run_put(file);
	}
	return on;
}

void run_each(bool (*call)(int fd, struct run_file *file, void *arg), void *arg)
{
	for (int i = 0; i < PAGES; i++)
		if (atomic_load(&pages[i]) && !page_each(i << PAGE_BITS, call, arg))
			return;
}

/* ---- libktls's own descriptors --------------------------------------------------------------- */

static int move_up(int fd)
{
	struct rlimit limit;
	int up;

	if (fd >= OWN_FLOOR || getrlimit(RLIMIT_NOFILE, &limit) < 0 || limit.rlim_cur <= OWN_FLOOR)
		return fd;
	up = REAL(fcntl)(fd, F_DUPFD_CLOEXEC, OWN_FLOOR);
	if (up < 0)
		return fd;
	REAL(close)(fd);
	return up;
}

static int mark(int fd, struct run_file *as)
{
	struct run_file *_Atomic *slot;

	if (fd < 0)
		return fd;
	fd = move_up(fd);
	slot = slot_make(fd);
	if (slot)
		atomic_store(slot, as);
	return fd;
}

int run_own_add(int fd)
{
	return mark(fd, &own);
}

int run_kept_add(int fd)
{
	return mark(fd, &kept);
}

void run_own_remove(int fd)
{
	if (run_is_own(fd))
		atomic_store(slot_of(fd), NULL);
}

bool run_is_own(int fd)
{
	struct run_file *_Atomic *slot = slot_of(fd);
	struct run_file *file = slot ? atomic_load(slot) : NULL;

	return file && !is_program_s(file);
}

int run_own_next(int fd)
{
	for (; fd < PAGES * PAGE_LEN; fd++) {
		if (!atomic_load(&pages[fd >> PAGE_BITS]))
			fd |= PAGE_LEN - 1;
		else if (run_is_own(fd))
			return fd;
	}
	return -1;
}

static void page_close_own(int first)
{
	for (int fd = first; fd < first + PAGE_LEN; fd++) {
		if (atomic_load(slot_of(fd)) != &own)
			continue;
		run_own_remove(fd);
		REAL(close)(fd);
	}
}

void run_table_after_fork(void)
{
	pthread_mutex_init(&making, NULL);
	for (int i = 0; i < PAGES; i++)
		if (atomic_load(&pages[i]))
			page_close_own(i << PAGE_BITS);
}

/* ---- epoll sets ------------------------------------------------------------------------------ */

void run_watched_set(int fd)
{
	if (fd >= 0 && fd < PAGES * PAGE_LEN)
		atomic_fetch_or_explicit(&watched[fd / 64], UINT64_C(1) << fd % 64,
					 memory_order_relaxed);
}

bool run_watched(int fd)
{
	return fd >= 0 && fd < PAGES * PAGE_LEN && (watched[fd / 64] >> fd % 64 & 1);
}
