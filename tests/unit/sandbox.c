/* SPDX-License-Identifier: MIT */
/* What workers and signers can no longer do. Each attempt is made in a process of its own. */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "daemon/sandbox.h"
#include "tests/harness/harness.h"

FIXTURE(sandbox)
{
	int unused;
};

FIXTURE_VARIANT(sandbox)
{
	enum channel_role role;
};

FIXTURE_VARIANT_ADD(sandbox, worker){ .role = ROLE_WORKER };
FIXTURE_VARIANT_ADD(sandbox, signer){ .role = ROLE_SIGNER };
FIXTURE_VARIANT_ADD(sandbox, netlink){ .role = ROLE_NETLINK };

static void *in_thread(void *arg)
{
	return arg;
}

static int make_thread(void)
{
	pthread_t thread;

	return pthread_create(&thread, NULL, in_thread, NULL) != 0 || pthread_join(thread, NULL);
}

/* How a child ended that was in the sandbox when it tried: its status of waitpid(). */
static int attempt(enum channel_role role, int (*what)(void))
{
	pid_t pid = fork();
	int status;

	ASSERT_GE(pid, 0);
	if (pid == 0) {
		int first = make_thread(); /* for which libc has things to set up, once */
		int err = prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) ? -errno : sandbox_enter(role);

		_exit(first || err ? 100 : what());
	}
	ASSERT_EQ(pid, waitpid(pid, &status, 0));
	return status;
}

static int nothing(void)
{
	return 0;
}

FIXTURE_SETUP(sandbox)
{
	int status = attempt(variant->role, nothing);

	(void)self;
	if (WIFEXITED(status) && WEXITSTATUS(status) == 100)
		SKIP(return, "no limits on system calls in this build or on this kernel");
	ASSERT_EQ(0, status);
}

FIXTURE_TEARDOWN(sandbox)
{
	(void)self;
}

static void expect_killed(enum channel_role role, int (*what)(void))
{
	int status = attempt(role, what);

	EXPECT_TRUE(WIFSIGNALED(status));
	EXPECT_EQ(SIGSYS, WTERMSIG(status));
}

static int make_socket(void)
{
	return socket(AF_INET, SOCK_STREAM, 0) < 0;
}

static int make_unix_socket(void)
{
	int pair[2];

	return socketpair(AF_UNIX, SOCK_STREAM, 0, pair) < 0;
}

static int make_process(void)
{
	return fork() < 0;
}

static int make_program(void)
{
	execl("/bin/true", "true", (char *)NULL);
	return 1;
}

static int make_code(void)
{
	return mmap(NULL, 4096, PROT_READ | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) ==
	       MAP_FAILED;
}

static int make_memory_code(void)
{
	void *p = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	return p == MAP_FAILED || mprotect(p, 4096, PROT_READ | PROT_EXEC) != 0;
}

static int kill_parent(void)
{
	return kill(getppid(), 0) != 0;
}

static int trace_parent(void)
{
	return ptrace(PTRACE_ATTACH, getppid(), NULL, NULL) != 0;
}

static int change_user(void)
{
	return setuid(0) != 0;
}

TEST_F(sandbox, kills_whoever_wants_out)
{
	(void)self;
	expect_killed(variant->role, make_socket);
	expect_killed(variant->role, make_unix_socket);
	expect_killed(variant->role, make_process);
	expect_killed(variant->role, make_program);
	expect_killed(variant->role, make_code);
	expect_killed(variant->role, make_memory_code);
	expect_killed(variant->role, kill_parent);
	expect_killed(variant->role, trace_parent);
	expect_killed(variant->role, change_user);
}

static int open_file(void)
{
	return !(open("/etc/passwd", O_RDONLY) < 0 && errno == EACCES);
}

/* Libraries may ask, and are told no. */
TEST_F(sandbox, has_no_files)
{
	(void)self;
	EXPECT_EQ(0, attempt(variant->role, open_file));
}

/* Of workers: lib/conn closes descriptors in threads. */
TEST_F(sandbox, has_threads_where_they_are_needed)
{
	(void)self;
	if (variant->role == ROLE_WORKER)
		EXPECT_EQ(0, attempt(variant->role, make_thread));
	else
		expect_killed(variant->role, make_thread);
}

static int keys; /* what stands for the file of sealing keys */

static int read_keys(void)
{
	char byte;

	return pread(keys, &byte, 1, 0) != 1;
}

static int write_keys(void)
{
	struct flock lock = { .l_type = F_WRLCK };

	return fcntl(keys, F_SETLK, &lock) != 0 || pwrite(keys, "k", 1, 0) != 1;
}

static int wait_for_keys(void)
{
	struct flock lock = { .l_type = F_WRLCK };

	return fcntl(keys, F_SETLKW, &lock) != 0;
}

static int copy_descriptor(void)
{
	return fcntl(keys, F_DUPFD_CLOEXEC, 0) < 0;
}

/* Of signers: the file of sealing keys, for which nobody waits. */
TEST_F(sandbox, has_the_file_of_keys_where_it_is_needed)
{
	(void)self;
	keys = memfd_create("keys", MFD_CLOEXEC);
	ASSERT_EQ(1, write(keys, "k", 1));
	if (variant->role == ROLE_SIGNER) {
		EXPECT_EQ(0, attempt(variant->role, read_keys));
		EXPECT_EQ(0, attempt(variant->role, write_keys));
		expect_killed(variant->role, wait_for_keys);
		expect_killed(variant->role, copy_descriptor);
	} else {
		expect_killed(variant->role, read_keys);
	}
	if (variant->role == ROLE_WORKER)
		EXPECT_EQ(0, attempt(variant->role, copy_descriptor));
	close(keys);
}

TEST(sandbox_hides_memory)
{
	struct rlimit limit;

	ASSERT_EQ(0, sandbox_hide());
	EXPECT_EQ(0, prctl(PR_GET_DUMPABLE));
	ASSERT_EQ(0, getrlimit(RLIMIT_CORE, &limit));
	EXPECT_EQ(0, limit.rlim_max);
}

/* For good: neither root nor its groups nor its capabilities come back. */
TEST(sandbox_drops_root)
{
	if (geteuid() != 0)
		SKIP(return, "not root: there is nothing to drop");
	ASSERT_EQ(0, sandbox_drop(65534, 65534));
	EXPECT_EQ(65534, geteuid());
	EXPECT_EQ(65534, getegid());
	EXPECT_EQ(0, getgroups(0, NULL));
	EXPECT_NE(0, setuid(0));
	EXPECT_NE(0, setgid(0));
	EXPECT_EQ(1, prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0));
	EXPECT_EQ(0, prctl(PR_GET_DUMPABLE));
	EXPECT_EQ(-1, open("/etc/shadow", O_RDONLY));
}

TEST_HARNESS_MAIN
