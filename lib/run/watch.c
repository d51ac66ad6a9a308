/* SPDX-License-Identifier: MIT */
/*
 * Epoll sets. What a program registers is a number and what stands behind it at that time; when we
 * exchange the latter, the set goes on with the former. So the registration is taken out before and
 * put in again behind, as it was: the kernel shows all of it in /proc/self/fdinfo.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lib/run/run.h"

/* Numbers of epoll sets that are the program's. */
static bool is_set(const char *number, int *set)
{
	char path[64], what[32];
	ssize_t len;

	if (number[0] < '0' || number[0] > '9')
		return false;
	*set = atoi(number);
	snprintf(path, sizeof(path), "/proc/self/fd/%d", *set);
	len = readlink(path, what, sizeof(what) - 1);
	if (len < 0 || run_is_own(*set))
		return false;
	what[len] = '\0';
	return strcmp(what, "anon_inode:[eventpoll]") == 0;
}

static void take(int set, int fd, uint32_t events, uint64_t data, struct run_watches *out)
{
	struct epoll_event event = { .events = events, .data = { .u64 = data } };

	if (out->len == RUN_WATCHES_MAX || REAL(epoll_ctl)(set, EPOLL_CTL_DEL, fd, &event) < 0)
		return;
	out->watches[out->len].set = set;
	out->watches[out->len].event = event;
	out->len++;
}

static void look_into(int set, int fd, struct run_watches *out)
{
	char path[64], line[256];
	uint32_t events;
	uint64_t data;
	FILE *f;
	int target;

	snprintf(path, sizeof(path), "/proc/self/fdinfo/%d", set);
	f = fopen(path, "re");
	if (!f)
		return;
	while (fgets(line, sizeof(line), f))
		if (sscanf(line, "tfd: %d events: %" SCNx32 " data: %" SCNx64, &target, &events,
			   &data) == 3 &&
		    target == fd)
			take(set, fd, events, data, out);
	fclose(f);
}

void run_watches_take(int fd, struct run_watches *out)
{
	DIR *folder;
	int set;

	out->len = 0;
	if (!run_watched(fd))
		return;
	folder = opendir("/proc/self/fd");
	if (!folder)
		return;
	for (struct dirent *d = readdir(folder); d; d = readdir(folder))
		if (is_set(d->d_name, &set))
			look_into(set, fd, out);
	closedir(folder);
}

/* A set takes another set, which ktls_fd() is, but not exclusively. */
void run_watches_restore(int fd, const struct run_watches *watches)
{
	for (size_t i = 0; i < watches->len; i++) {
		struct epoll_event event = watches->watches[i].event;

		event.events &= ~(uint32_t)EPOLLEXCLUSIVE;
		(void)!REAL(epoll_ctl)(watches->watches[i].set, EPOLL_CTL_ADD, fd, &event);
	}
}
