/* SPDX-License-Identifier: MIT */
/* The file of sealing keys: who may have made it, sets that were not written to their end, locks.
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "daemon/sealing_file.h"
#include "lib/crypto/util.h"
#include "tests/harness/harness.h"

#define PLACE 8192
#define DAY   UINT64_C(86401)
#define NOW   UINT64_C(5000000)

FIXTURE(file)
{
	char dir[64];
	char path[80];
	int fd;
	struct sealing_keys keys;
};

FIXTURE_SETUP(file)
{
	ASSERT_EQ(0, crypto_init());
	strcpy(self->dir, "/tmp/ktlsd-seals-XXXXXX");
	ASSERT_NOT_NULL(mkdtemp(self->dir));
	snprintf(self->path, sizeof(self->path), "%s/keys", self->dir);
	self->fd = sealing_file_open(self->path);
	ASSERT_GE(self->fd, 0);
	memset(self->keys.boot, 1, sizeof(self->keys.boot));
}

FIXTURE_TEARDOWN(file)
{
	char command[128];

	close(self->fd);
	snprintf(command, sizeof(command), "rm -r %s", self->dir);
	EXPECT_EQ(0, system(command));
}

TEST_F(file, is_for_its_owner_alone)
{
	struct stat st;

	ASSERT_EQ(0, fstat(self->fd, &st));
	EXPECT_EQ(0600, st.st_mode & 07777);
	EXPECT_EQ(0, st.st_size);
	EXPECT_EQ(FD_CLOEXEC, fcntl(self->fd, F_GETFD));
}

static int open_again(const struct test_self_file *self)
{
	int fd = sealing_file_open(self->path);

	if (fd >= 0)
		close(fd);
	return fd < 0 ? fd : 0;
}

TEST_F(file, that_others_may_read)
{
	EXPECT_EQ(0, open_again(self));
	ASSERT_EQ(0, chmod(self->path, 0640));
	EXPECT_EQ(-EPERM, open_again(self));
	ASSERT_EQ(0, chmod(self->path, 0600));
	EXPECT_EQ(0, open_again(self));
}

TEST_F(file, that_others_have_made)
{
	if (geteuid() != 0)
		SKIP(return, "not root: cannot give files away");
	ASSERT_EQ(0, chown(self->path, 1, 1));
	EXPECT_EQ(-EPERM, open_again(self));
}

TEST_F(file, that_is_somewhere_else)
{
	char other[96];

	snprintf(other, sizeof(other), "%s/other", self->dir);
	ASSERT_EQ(0, link(self->path, other));
	EXPECT_EQ(-EPERM, open_again(self));
	ASSERT_EQ(0, unlink(self->path));
	ASSERT_EQ(0, symlink(other, self->path));
	EXPECT_EQ(-ELOOP, open_again(self));
	ASSERT_EQ(0, unlink(self->path));
	ASSERT_EQ(0, mkfifo(self->path, 0600));
	EXPECT_EQ(-EPERM, open_again(self));
	ASSERT_EQ(0, unlink(self->path));
	ASSERT_EQ(0, mkdir(self->path, 0700));
	EXPECT_EQ(-EISDIR, open_again(self));
}

TEST(boot_has_an_id)
{
	uint8_t a[SEALING_BOOT] = { 0 }, b[SEALING_BOOT] = { 0 }, zero[SEALING_BOOT] = { 0 };

	ASSERT_EQ(0, sealing_boot_read(a));
	ASSERT_EQ(0, sealing_boot_read(b));
	EXPECT_MEMEQ(a, b, sizeof(a));
	EXPECT_NE(0, memcmp(a, zero, sizeof(a)));
}

/* ---- keys in it ------------------------------------------------------------------------------ */

static size_t load(struct test_self_file *self, struct sealing_keys *keys)
{
	memset(keys, 0, sizeof(*keys));
	memset(keys->boot, 1, sizeof(keys->boot));
	EXPECT_EQ(0, sealing_file_load(self->fd, keys));
	return keys->len;
}

static int rotate(struct test_self_file *self, uint64_t now)
{
	return sealing_file_rotate(self->fd, &self->keys, now, SEALING_AGE_S);
}

TEST_F(file, empty)
{
	struct sealing_keys keys;

	EXPECT_EQ(0, load(self, &keys));
}

TEST_F(file, keys_stay)
{
	struct sealing_keys keys;

	for (unsigned int i = 1; i < 40; i++) {
		ASSERT_EQ(0, rotate(self, NOW + i * DAY));
		ASSERT_EQ(self->keys.len, load(self, &keys));
		EXPECT_EQ(i < 33 ? i : 32, keys.len);
		EXPECT_MEMEQ(&self->keys, &keys, sizeof(keys));
		ASSERT_EQ(0, rotate(self, NOW + i * DAY + 1)); /* not due */
		EXPECT_EQ(keys.len, self->keys.len);
		EXPECT_MEMEQ(keys.keys[0].key, self->keys.keys[0].key, XCHACHA_KEY);
	}
}

static void spoil(struct test_self_file *self, off_t at)
{
	uint8_t byte;

	ASSERT_EQ(1, pread(self->fd, &byte, 1, at));
	byte ^= 1;
	ASSERT_EQ(1, pwrite(self->fd, &byte, 1, at));
}

/* The set before is still there when the next one was not written to its end. */
TEST_F(file, set_that_is_damaged)
{
	static const off_t places[] = { 0, 9, 40, 4000, PLACE - 1 };
	struct sealing_keys keys;

	for (size_t i = 0; i < sizeof(places) / sizeof(places[0]); i++) {
		ASSERT_EQ(0, ftruncate(self->fd, 0));
		ASSERT_EQ(0, rotate(self, NOW)); /* number 1: the second place */
		ASSERT_EQ(0, rotate(self, NOW + DAY));
		ASSERT_EQ(2, load(self, &keys));
		spoil(self, places[i]);
		ASSERT_EQ(1, load(self, &keys));
		EXPECT_MEMEQ(&self->keys.keys[1], &keys.keys[0], sizeof(keys.keys[0]));
		spoil(self, PLACE + places[i]);
		EXPECT_EQ(0, load(self, &keys));
	}
}

TEST_F(file, cut_off_anywhere)
{
	struct sealing_keys keys;

	ASSERT_EQ(0, rotate(self, NOW));
	ASSERT_EQ(0, rotate(self, NOW + DAY));
	for (off_t len = 2 * PLACE - 1; len >= 0; len -= len > PLACE + 8 ? 511 : 61) {
		ASSERT_EQ(0, ftruncate(self->fd, len));
		EXPECT_EQ(len >= PLACE ? 2 : 0, load(self, &keys));
	}
}

TEST_F(file, of_another_boot)
{
	struct sealing_keys keys;

	ASSERT_EQ(0, rotate(self, NOW));
	memset(keys.boot, 2, sizeof(keys.boot));
	ASSERT_EQ(0, sealing_file_load(self->fd, &keys));
	EXPECT_EQ(0, keys.len);
	EXPECT_EQ(2, keys.boot[0]);
	ASSERT_EQ(0, sealing_file_rotate(self->fd, &keys, NOW, SEALING_AGE_S));
	EXPECT_EQ(1, keys.len);
	EXPECT_EQ(0, load(self, &self->keys)); /* the other's are not looked at again */
}

TEST_F(file, that_cannot_be_read)
{
	struct sealing_keys before = self->keys;
	int fd = open(self->path, O_WRONLY | O_CLOEXEC);

	EXPECT_EQ(-EBADF, sealing_file_load(fd, &self->keys));
	close(fd);
	EXPECT_EQ(-EBADF, sealing_file_load(-1, &self->keys));
	EXPECT_EQ(-EBADF, sealing_file_rotate(-1, &self->keys, NOW, SEALING_AGE_S));
	EXPECT_MEMEQ(&before, &self->keys, sizeof(before));
}

/* ---- several at once ------------------------------------------------------------------------- */

/* Another process that has the lock; until the pipe is closed. */
static pid_t lock_elsewhere(const struct test_self_file *self, int *hold)
{
	struct flock lock = { .l_type = F_WRLCK, .l_whence = SEEK_SET };
	int ready[2], go[2];
	char byte;
	pid_t pid;

	ASSERT_EQ(0, pipe(ready));
	ASSERT_EQ(0, pipe(go));
	pid = fork();
	ASSERT_GE(pid, 0);
	if (pid == 0) {
		close(go[1]);
		if (fcntl(self->fd, F_SETLK, &lock) != 0 || write(ready[1], "", 1) != 1)
			_exit(1);
		_exit(read(go[0], &byte, 1) != 0);
	}
	close(go[0]);
	close(ready[1]);
	ASSERT_EQ(1, read(ready[0], &byte, 1));
	close(ready[0]);
	*hold = go[1];
	return pid;
}

TEST_F(file, that_another_signer_writes)
{
	struct sealing_keys keys;
	int hold, status;
	pid_t pid = lock_elsewhere(self, &hold);

	EXPECT_EQ(-EAGAIN, rotate(self, NOW));
	EXPECT_EQ(0, self->keys.len);
	EXPECT_EQ(0, load(self, &keys)); /* readers need no lock */
	close(hold);
	ASSERT_EQ(pid, waitpid(pid, &status, 0));
	EXPECT_EQ(0, rotate(self, NOW));
	EXPECT_EQ(1, self->keys.len);
}

static void rotate_by_many(struct test_self_file *self, uint64_t now)
{
	enum { N = 6 };
	pid_t pids[N];
	int status;

	for (int i = 0; i < N; i++) {
		pids[i] = fork();
		ASSERT_GE(pids[i], 0);
		if (pids[i] != 0)
			continue;
		while (rotate(self, now - (i & 1)) == -EAGAIN)
			;
		_exit(self->keys.len < 1);
	}
	for (int i = 0; i < N; i++) {
		ASSERT_EQ(pids[i], waitpid(pids[i], &status, 0));
		EXPECT_EQ(0, status);
	}
}

/* However many there are, and even if one's time is a little behind, a day has one key. */
TEST_F(file, many_signers_at_once)
{
	for (unsigned int day = 0; day < 20; day++) {
		rotate_by_many(self, NOW + day * (DAY + 1));
		EXPECT_EQ(day + 1, load(self, &self->keys));
	}
}

TEST_HARNESS_MAIN
