/* SPDX-License-Identifier: MIT */
#include "daemon/sandbox.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <linux/audit.h>
#include <linux/capability.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sched.h>
#include <stddef.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "daemon/log.h"

#if defined(__x86_64__)
#define FILTER_ARCH AUDIT_ARCH_X86_64
#elif defined(__aarch64__)
#define FILTER_ARCH AUDIT_ARCH_AARCH64
#endif

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#undef FILTER_ARCH /* sanitizers make system calls of their own */
#endif

int sandbox_hide(void)
{
	const struct rlimit none = { 0, 0 };

	if (prctl(PR_SET_DUMPABLE, 0) != 0 || setrlimit(RLIMIT_CORE, &none) != 0)
		return -errno;
	return 0;
}

/* As far as allowed: root may all. Returns what the limit is then. */
static rlim_t raise_limit(int resource, rlim_t want)
{
	struct rlimit limit;

	if (getrlimit(resource, &limit) != 0)
		return 0;
	if (limit.rlim_cur >= want)
		return want;
	limit.rlim_cur = want;
	if (limit.rlim_max < want)
		limit.rlim_max = want;
	if (setrlimit(resource, &limit) == 0)
		return want;
	if (getrlimit(resource, &limit) != 0)
		return 0;
	limit.rlim_cur = limit.rlim_max;
	return setrlimit(resource, &limit) == 0 ? limit.rlim_cur : 0;
}

void sandbox_raise_limits(size_t memory, size_t descriptors)
{
	rlim_t got = raise_limit(RLIMIT_MEMLOCK, memory);

	if (got < memory)
		log_message(LOG_WARNING,
			    "RLIMIT_MEMLOCK is %ju bytes, and all handshakes at once want %zu: "
			    "raise it, or lower max-handshakes",
			    (uintmax_t)got, memory);
	got = raise_limit(RLIMIT_NOFILE, descriptors);
	if (got < descriptors)
		log_message(LOG_WARNING,
			    "RLIMIT_NOFILE is %ju, and all connections and handshakes at once want "
			    "%zu: raise it, or lower max-handshakes",
			    (uintmax_t)got, descriptors);
}

void sandbox_lock_memory(size_t memory)
{
	rlim_t got = raise_limit(RLIMIT_MEMLOCK, memory);

#ifndef __SANITIZE_ADDRESS__ /* whose shadow is larger than any limit */
	/* With MCL_FUTURE, an allocation beyond the limit fails: better swapped out than that. */
	if (got < memory)
		log_message(LOG_WARNING,
			    "keys may be swapped out: RLIMIT_MEMLOCK is %ju bytes instead of %zu",
			    (uintmax_t)got, memory);
	else if (mlockall(MCL_CURRENT | MCL_FUTURE) != 0)
		log_message(LOG_WARNING, "keys may be swapped out: %s", strerror(errno));
#else
	(void)got;
#endif
}

int sandbox_drop(uid_t user, gid_t group)
{
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0)
		return -errno;
	if (geteuid() != 0)
		return 0;
	if (setgroups(0, NULL) != 0 || setresgid(group, group, group) != 0 ||
	    setresuid(user, user, user) != 0)
		return -errno;
	/* Changing users made the process dumpable again. */
	if (setuid(0) == 0 || prctl(PR_SET_DUMPABLE, 0) != 0)
		return -EPERM;
	return 0;
}

static int set_capabilities(uint32_t permitted)
{
	struct __user_cap_header_struct header = { .version = _LINUX_CAPABILITY_VERSION_3 };
	struct __user_cap_data_struct data[2] = { { permitted, permitted, 0 } };

	return syscall(SYS_capset, &header, data) == 0 ? 0 : -errno;
}

/* What the service manager has not left us cannot be kept: the role does without. */
int sandbox_drop_keeping(uid_t user, gid_t group, int capability)
{
	int err;

	if (geteuid() == 0 && prctl(PR_SET_KEEPCAPS, 1) != 0)
		return -errno;
	err = sandbox_drop(user, group);
	if (err || getuid() != user || prctl(PR_GET_KEEPCAPS) != 1)
		return err;
	if (prctl(PR_SET_KEEPCAPS, 0) != 0)
		return -errno;
	if (set_capabilities(1U << capability) == 0)
		return 0;
	log_message(LOG_WARNING, "capability %d is not to be had", capability);
	return set_capabilities(0);
}

#ifdef FILTER_ARCH

/* What both roles do all the time: messages, memory, time, the log. */
static const int common_calls[] = {
	SYS_read,          SYS_write,          SYS_close,       SYS_ppoll,
	SYS_epoll_pwait,   SYS_epoll_ctl,      SYS_recvmsg,     SYS_sendmsg,
	SYS_futex,         SYS_munmap,         SYS_mremap,      SYS_brk,
	SYS_madvise,       SYS_mlock,          SYS_munlock,     SYS_getrandom,
	SYS_clock_gettime, SYS_gettimeofday,   SYS_getpid,      SYS_gettid,
	SYS_rt_sigreturn,  SYS_rt_sigprocmask, SYS_sched_yield, SYS_restart_syscall,
	SYS_exit,          SYS_exit_group,
#ifdef SYS_poll
	SYS_poll,
#endif
#ifdef SYS_epoll_wait
	SYS_epoll_wait,
#endif
#ifdef SYS_epoll_pwait2
	SYS_epoll_pwait2,
#endif
#ifdef SYS_time
	SYS_time,
#endif
};

/* Sockets that it was given, those that they accept, and threads that accept and close. It can make
 * none. */
static const int worker_calls[] = {
	SYS_recvfrom,      SYS_sendto,          SYS_getsockopt,        SYS_setsockopt,
	SYS_getpeername,   SYS_getsockname,     SYS_shutdown,          SYS_fstat,
	SYS_fcntl,         SYS_timerfd_settime, SYS_timerfd_gettime,   SYS_set_robust_list,
	SYS_rseq,          SYS_getrusage,       SYS_sched_getaffinity, SYS_accept4,
	SYS_epoll_create1, SYS_eventfd2,
};

/* The file of sealing keys. */
static const int signer_calls[] = {
	SYS_pread64,
	SYS_pwrite64,
};

/* Sockets that it was given, and pairs of its own, which get names. No others. */
static const int relay_calls[] = {
	SYS_recvfrom,   SYS_sendto,          SYS_getsockopt,      SYS_setsockopt, SYS_shutdown,
	SYS_socketpair, SYS_timerfd_settime, SYS_timerfd_gettime, SYS_bind,       SYS_fcntl,
};

/* Its netlink sockets are open; of those that workers have it is told addresses only. */
static const int netlink_calls[] = {
	SYS_recvfrom,
	SYS_sendto,
	SYS_getsockopt,
	SYS_getsockname,
};

/* libcrypto and libc may ask; they get an error, not a signal. */
static const int refused_calls[] = {
	SYS_openat,     SYS_prctl, SYS_uname, SYS_sysinfo,
#ifdef SYS_open
	SYS_open,
#endif
#ifdef SYS_access
	SYS_access,
#endif
#ifdef SYS_readlink
	SYS_readlink,
#endif
	SYS_newfstatat,
};

#define FILTER_MAX 256

struct filter {
	struct sock_filter code[FILTER_MAX];
	unsigned short len;
};

static void add(struct filter *f, struct sock_filter instruction)
{
	if (f->len < FILTER_MAX)
		f->code[f->len] = instruction;
	f->len++;
}

static void load(struct filter *f, size_t offset)
{
	add(f, (struct sock_filter)BPF_STMT(BPF_LD | BPF_W | BPF_ABS, (unsigned int)offset));
}

static void give(struct filter *f, unsigned int action)
{
	add(f, (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, action));
}

/* The next `skip` instructions are for this value only. */
static void unless_equal_skip(struct filter *f, unsigned int value, unsigned char skip)
{
	add(f, (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, value, 0, skip));
}

static void for_call(struct filter *f, int call, unsigned int action)
{
	unless_equal_skip(f, (unsigned int)call, 1);
	give(f, action);
}

static void for_calls(struct filter *f, const int *calls, size_t n, unsigned int action)
{
	for (size_t i = 0; i < n; i++)
		for_call(f, calls[i], action);
}

/* Allows a call whose argument, masked, has this value; else it ends the process. */
static void for_argument(struct filter *f, int call, unsigned int argument, unsigned int mask,
			 unsigned int value)
{
	unless_equal_skip(f, (unsigned int)call, 5);
	load(f, offsetof(struct seccomp_data, args) + 8 * argument); /* low half */
	add(f, (struct sock_filter)BPF_STMT(BPF_ALU | BPF_AND | BPF_K, mask));
	unless_equal_skip(f, value, 1);
	give(f, SECCOMP_RET_ALLOW);
	give(f, SECCOMP_RET_KILL_PROCESS);
}

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

static void build(struct filter *f, enum channel_role role)
{
	load(f, offsetof(struct seccomp_data, arch));
	add(f, (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, FILTER_ARCH, 1, 0));
	give(f, SECCOMP_RET_KILL_PROCESS);
	load(f, offsetof(struct seccomp_data, nr));
	for_calls(f, common_calls, COUNT(common_calls), SECCOMP_RET_ALLOW);
	if (role == ROLE_WORKER) {
		for_calls(f, worker_calls, COUNT(worker_calls), SECCOMP_RET_ALLOW);
		/* Threads only; flags in a struct cannot be looked at: libc falls back to clone. */
		for_call(f, SYS_clone3, SECCOMP_RET_ERRNO | ENOSYS);
		for_argument(f, SYS_clone, 0, CLONE_THREAD | CLONE_FILES,
			     CLONE_THREAD | CLONE_FILES);
		for_argument(f, SYS_unshare, 0, ~0U, CLONE_FILES);
		/* To its own threads: the others of ktlsd have the same user. */
		for_argument(f, SYS_tgkill, 0, ~0U, (unsigned int)getpid());
	}
	if (role == ROLE_SIGNER) {
		for_calls(f, signer_calls, COUNT(signer_calls), SECCOMP_RET_ALLOW);
		for_argument(f, SYS_fcntl, 1, ~0U, F_SETLK);
	}
	if (role == ROLE_RELAY)
		for_calls(f, relay_calls, COUNT(relay_calls), SECCOMP_RET_ALLOW);
	if (role == ROLE_NETLINK)
		for_calls(f, netlink_calls, COUNT(netlink_calls), SECCOMP_RET_ALLOW);
	for_argument(f, SYS_mmap, 2, PROT_EXEC, 0);
	for_argument(f, SYS_mprotect, 2, PROT_EXEC, 0);
	for_calls(f, refused_calls, COUNT(refused_calls), SECCOMP_RET_ERRNO | EACCES);
	give(f, SECCOMP_RET_KILL_PROCESS);
}

int sandbox_enter(enum channel_role role)
{
	struct filter filter = { .len = 0 };
	struct sock_fprog program = { .filter = filter.code };

	build(&filter, role);
	if (filter.len > FILTER_MAX)
		return -E2BIG;
	program.len = filter.len;
	if (syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, SECCOMP_FILTER_FLAG_TSYNC, &program) != 0)
		return -errno;
	return 0;
}

#else

int sandbox_enter(enum channel_role role)
{
	(void)role;
	return -ENOSYS;
}

#endif
