/* SPDX-License-Identifier: MIT */
#include "daemon/sealing_file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/crypto/hash.h"
#include "lib/crypto/util.h"

#define PLACE  8192 /* bytes that one set has, mostly of zeros */
#define DIGEST 32
#define SET    (PLACE - DIGEST)
#define MAGIC  0x6b746c7373656131 /* "ktlssea1" */

_Static_assert(8 + 8 + 2 + SEALING_KEYS_LEN <= SET, "all keys must fit");

/* ---- the supervisor's part --------------------------------------------------------------------
 */

int sealing_file_open(const char *path)
{
	int fd =
		open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY, 0600);
	struct stat st;
	int err = 0;

	if (fd < 0)
		return -errno;
	if (fstat(fd, &st) != 0)
		err = -errno;
	else if (!S_ISREG(st.st_mode) || st.st_uid != geteuid() || st.st_nlink != 1 ||
		 (st.st_mode & (S_IRWXG | S_IRWXO)))
		err = -EPERM;
	if (err == 0)
		return fd;
	close(fd);
	return err;
}

/* "2ede12d8-7036-4eac-8407-f7664c7fc8bf" */
int sealing_boot_read(uint8_t boot[static SEALING_BOOT])
{
	FILE *f = fopen("/proc/sys/kernel/random/boot_id", "re");
	size_t n = 0;
	unsigned int byte;

	if (!f)
		return -errno;
	while (n < SEALING_BOOT && fscanf(f, "%2x%*1[-]", &byte) == 1)
		boot[n++] = (uint8_t)byte;
	fclose(f);
	return n == SEALING_BOOT ? 0 : -EPROTO;
}

/* ---- sets of keys -----------------------------------------------------------------------------
 */

struct set {
	uint64_t number;
	struct sealing_keys keys;
};

static void digest(const uint8_t *bytes, uint8_t out[static DIGEST])
{
	struct hash h;

	hash_init(&h, HASH_SHA256);
	hash_update(&h, bytes, SET);
	hash_final(&h, out);
}

static bool parse(const uint8_t place[static PLACE], struct set *out)
{
	uint8_t expected[DIGEST];
	struct reader r, keys;
	uint64_t magic;

	digest(place, expected);
	reader_init(&r, place, SET);
	return memcmp(expected, place + SET, DIGEST) == 0 && reader_u64(&r, &magic) &&
	       magic == MAGIC && reader_u64(&r, &out->number) && reader_vec16(&r, &keys) &&
	       sealing_keys_parse(&keys, &out->keys);
}

static void build(const struct set *set, uint8_t place[static PLACE])
{
	struct writer_vec keys;
	struct writer w;

	memset(place, 0, PLACE);
	writer_init(&w, place, SET);
	writer_u64(&w, MAGIC);
	writer_u64(&w, set->number);
	keys = writer_open(&w, 2);
	sealing_keys_build(&set->keys, &w);
	writer_close(&w, keys);
	digest(place, place + SET);
}

/* 1 where there is a set in that place, 0 where there is none, or a negative errno. */
static int read_place(int fd, int i, struct set *out)
{
	uint8_t place[PLACE];
	ssize_t n = pread(fd, place, sizeof(place), (off_t)i * PLACE);
	int result = n < 0 ? -errno : n == PLACE && parse(place, out);

	secret_wipe(place, sizeof(place));
	return result;
}

static int write_place(int fd, const struct set *set)
{
	uint8_t place[PLACE];
	ssize_t n;
	int err = 0;

	build(set, place);
	n = pwrite(fd, place, sizeof(place), (off_t)(set->number % 2) * PLACE);
	if (n != PLACE)
		err = n < 0 ? -errno : -ENOSPC;
	secret_wipe(place, sizeof(place));
	return err;
}

/* The set that counts; of another boot only its number does. */
static int read_newest(int fd, const uint8_t *boot, struct set *out)
{
	struct set set = { .number = 0 };
	int found = 1;

	memset(out, 0, sizeof(*out));
	for (int i = 0; i < 2 && found >= 0; i++) {
		found = read_place(fd, i, &set);
		if (found == 1 && set.number >= out->number)
			*out = set;
	}
	secret_wipe(&set, sizeof(set));
	if (memcmp(out->keys.boot, boot, SEALING_BOOT) != 0) {
		secret_wipe(&out->keys, sizeof(out->keys));
		memcpy(out->keys.boot, boot, SEALING_BOOT);
	}
	return found < 0 ? found : 0;
}

int sealing_file_load(int fd, struct sealing_keys *keys)
{
	struct set set;
	int err = read_newest(fd, keys->boot, &set);

	if (err == 0)
		*keys = set.keys;
	secret_wipe(&set, sizeof(set));
	return err;
}

static int lock(int fd, short type)
{
	struct flock lock = { .l_type = type, .l_whence = SEEK_SET };
	int err = fcntl(fd, F_SETLK, &lock) == 0 ? 0 : errno;

	return err == EACCES ? -EAGAIN : -err;
}

static int rotate_locked(int fd, struct sealing_keys *keys, uint64_t now, uint32_t age)
{
	struct set set;
	int err = read_newest(fd, keys->boot, &set);

	if (err == 0 && sealing_keys_due(&set.keys, now)) {
		sealing_keys_rotate(&set.keys, now, age);
		set.number++;
		err = write_place(fd, &set);
	}
	if (err == 0)
		*keys = set.keys;
	secret_wipe(&set, sizeof(set));
	return err;
}

int sealing_file_rotate(int fd, struct sealing_keys *keys, uint64_t now, uint32_t age)
{
	int err = lock(fd, F_WRLCK);

	if (err)
		return err;
	err = rotate_locked(fd, keys, now, age);
	(void)lock(fd, F_UNLCK);
	return err;
}
