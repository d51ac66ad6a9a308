/* SPDX-License-Identifier: MIT */
#include "kernel-setup/system.h"

#include <glob.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define LEN(a) (sizeof(a) / sizeof((a)[0]))

const char *module_state_name(enum module_state state)
{
	static const char *const names[] = {
		[MODULE_UNKNOWN] = "unknown",     [MODULE_ABSENT] = "absent",
		[MODULE_AVAILABLE] = "available", [MODULE_LOADED] = "loaded",
		[MODULE_BUILTIN] = "builtin",
	};

	return names[state];
}

/* ---- searching text files -----------------------------------------------------------------------
 */

typedef bool line_match(const char *line, const char *what);

/* Whether a line of what is left of the stream is wanted by match(). */
static bool stream_has(FILE *f, line_match *match, const char *what)
{
	char *line = NULL;
	bool found = false;
	size_t size = 0;

	while (!found && getline(&line, &size, f) >= 0)
		found = match(line, what);
	free(line);
	return found;
}

static bool file_has(const char *path, line_match *match, const char *what)
{
	FILE *f = fopen(path, "re");
	bool found;

	if (f == NULL)
		return false;
	found = stream_has(f, match, what);
	fclose(f);
	return found;
}

static bool output_has(const char *command, line_match *match, const char *what)
{
	FILE *f = popen(command, "re");
	bool found;

	if (f == NULL)
		return false;
	found = stream_has(f, match, what);
	pclose(f);
	return found;
}

static bool begins(const char *line, const char *what)
{
	return strncmp(line, what, strlen(what)) == 0;
}

/* A line of modules-load.d(5). */
static bool is_load_line(const char *line, const char *what)
{
	size_t len = strlen(what);

	line += strspn(line, " \t");
	return begins(line, what) && strchr(" \t\n", line[len]) != NULL;
}

/* ---- the module ---------------------------------------------------------------------------------
 */

#define TLS_KO "kernel/net/tls/tls.ko"
#define AES_KO "kernel/arch/x86/crypto/aesni-intel.ko"

static bool in_modules_file(const struct system *s, const char *name, const char *ko)
{
	char path[512];

	snprintf(path, sizeof(path), "/lib/modules/%s/%s", s->uts.release, name);
	/* "kernel/net/tls/tls.ko.xz: ..." in modules.dep, "kernel/net/tls/tls.ko" in
	 * modules.builtin. */
	return file_has(path, begins, ko);
}

static bool modules_are_here(const struct system *s)
{
	char path[512];

	snprintf(path, sizeof(path), "/lib/modules/%s/modules.dep", s->uts.release);
	return access(path, R_OK) == 0;
}

/* The running kernel's configuration, wherever it may be. */
static bool config_has(const struct system *s, const char *what)
{
	char path[512];

	if (access("/proc/config.gz", R_OK) == 0)
		return output_has("gzip -dc /proc/config.gz 2>/dev/null", begins, what);
	snprintf(path, sizeof(path), "/boot/config-%s", s->uts.release);
	if (access(path, R_OK) == 0)
		return file_has(path, begins, what);
	snprintf(path, sizeof(path), "/lib/modules/%s/config", s->uts.release);
	return file_has(path, begins, what);
}

static enum module_state look_for_module(const struct system *s)
{
	if (in_modules_file(s, "modules.builtin", TLS_KO) || config_has(s, "CONFIG_TLS=y\n"))
		return MODULE_BUILTIN;
	if (access("/sys/module/tls", F_OK) == 0)
		return MODULE_LOADED;
	if (in_modules_file(s, "modules.dep", TLS_KO) || config_has(s, "CONFIG_TLS=m\n"))
		return MODULE_AVAILABLE;
	return modules_are_here(s) || config_has(s, "CONFIG_NET=") ? MODULE_ABSENT : MODULE_UNKNOWN;
}

static bool is_flag_line(const char *line, const char *what)
{
	return begins(line, "flags\t") && strstr(line, what);
}

/* Where udev runs it loads the module for the CPU; the kernel has AES without it, too, so nothing
 * else would ask for it. */
static bool look_for_aes(const struct system *s)
{
	return in_modules_file(s, "modules.dep", AES_KO) &&
	       access("/sys/module/aesni_intel", F_OK) != 0 &&
	       file_has("/proc/cpuinfo", is_flag_line, " aes ");
}

static bool look_for_load_line(void)
{
	static const char *const places[] = { "/etc/modules-load.d/*.conf",
					      "/run/modules-load.d/*.conf",
					      "/usr/lib/modules-load.d/*.conf", "/etc/modules" };
	glob_t found;
	bool has = false;

	for (size_t i = 0; i < LEN(places) && !has; i++) {
		if (glob(places[i], 0, NULL, &found) != 0)
			continue;
		for (size_t j = 0; j < found.gl_pathc && !has; j++)
			has = file_has(found.gl_pathv[j], is_load_line, "tls");
		globfree(&found);
	}
	return has;
}

/* ---- where we are -------------------------------------------------------------------------------
 */

/* The first process namespace has a number of its own (linux/proc_ns.h). */
static bool in_first_pid_namespace(void)
{
	struct stat st;

	return stat("/proc/self/ns/pid", &st) == 0 && st.st_ino == 0xeffffffc;
}

static const char *look_for_container(void)
{
	static const struct {
		const char *path, *kind;
	} marks[] = {
		{ "/.dockerenv", "docker" },
		{ "/run/.containerenv", "podman" },
		{ "/run/systemd/container", "systemd-nspawn" },
		{ "/dev/lxd/sock", "lxd" },
	};

	const char *name = getenv("container");

	if (in_first_pid_namespace())
		return NULL;
	if (name != NULL)
		return name;
	for (size_t i = 0; i < LEN(marks); i++) {
		if (access(marks[i].path, F_OK) == 0)
			return marks[i].kind;
	}
	return getenv("KUBERNETES_SERVICE_HOST") != NULL ? "kubernetes" : "of a kind unknown";
}

static const char *look_for_package(const struct system *s)
{
	static const struct {
		const char *machine, *package;
	} packages[] = {
		{ "x86_64", "linux-image-amd64" },        { "aarch64", "linux-image-arm64" },
		{ "ppc64le", "linux-image-powerpc64le" }, { "s390x", "linux-image-s390x" },
		{ "riscv64", "linux-image-riscv64" },
	};

	for (size_t i = 0; i < LEN(packages); i++) {
		if (strcmp(packages[i].machine, s->uts.machine) == 0)
			return packages[i].package;
	}
	return "linux-image-...";
}

void system_look(struct system *out)
{
	*out = (struct system){ .root = geteuid() == 0, .at_boot = look_for_load_line() };
	uname(&out->uts);
	out->tls = look_for_module(out);
	out->aes_unused = look_for_aes(out);
	out->container = look_for_container();
	out->kernel_package = look_for_package(out);
}

enum kernel_option kernel_option(const char *name)
{
	struct system s;
	char on[128];

	uname(&s.uts);
	snprintf(on, sizeof(on), "%s=", name);
	if (config_has(&s, on))
		return KERNEL_OPTION_ON;
	return config_has(&s, "CONFIG_NET=") ? KERNEL_OPTION_OFF : KERNEL_OPTION_UNKNOWN;
}
