/* SPDX-License-Identifier: MIT */
/*
 * What a program is, by its file: ELF with a dynamic linker, that is for ld.so(8) and LD_PRELOAD;
 * ELF without; or a script, which is its interpreter's.
 */
#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "daemon/ktlsrun.h"

#define HEAD_MAX    4096 /* bytes of a file that are looked at */
#define SCRIPTS_MAX 4    /* interpreters that are scripts themselves; the kernel's limit, too */

/* ---- finding it ------------------------------------------------------------------------------ */

static bool can_run(const char *path)
{
	struct stat st;

	return stat(path, &st) == 0 && S_ISREG(st.st_mode) && access(path, X_OK) == 0;
}

static bool keep(const char *folder, size_t len, const char *command, char *out, size_t cap)
{
	char path[4096];
	int n = snprintf(path, sizeof(path), "%.*s%s%s", (int)len, folder, len > 0 ? "/" : "",
			 command);

	if (n < 0 || (size_t)n >= sizeof(path) || (size_t)n >= cap || !can_run(path))
		return false;
	memcpy(out, path, (size_t)n + 1);
	return true;
}

bool reach_find(const char *command, char *out, size_t cap)
{
	const char *folders = getenv("PATH"), *end;

	if (strchr(command, '/'))
		return keep("", 0, command, out, cap);
	if (!folders)
		folders = "/bin:/usr/bin";
	for (;; folders = end + 1) {
		end = strchrnul(folders, ':');
		if (keep(folders, (size_t)(end - folders), command, out, cap))
			return true;
		if (!*end)
			return false;
	}
}

/* ---- ELF ------------------------------------------------------------------------------------- */

/* What this program is for, the library is for, too. */
static bool is_ours(const Elf64_Ehdr *header)
{
	static const uint8_t self[] = { ELFMAG0, ELFMAG1, ELFMAG2, ELFMAG3, ELFCLASS64 };
	Elf64_Ehdr own;
	int fd = open("/proc/self/exe", O_RDONLY | O_CLOEXEC);
	bool read_it;

	if (memcmp(header->e_ident, self, sizeof(self)) != 0)
		return false;
	if (fd < 0)
		return true;
	read_it = read(fd, &own, sizeof(own)) == (ssize_t)sizeof(own);
	close(fd);
	return !read_it || own.e_machine == header->e_machine;
}

static bool has_linker(int fd, const Elf64_Ehdr *header)
{
	Elf64_Phdr part;

	if (header->e_phentsize != sizeof(part))
		return false;
	for (unsigned int i = 0; i < header->e_phnum; i++) {
		off_t at = (off_t)(header->e_phoff + i * sizeof(part));

		if (pread(fd, &part, sizeof(part), at) != (ssize_t)sizeof(part))
			return false;
		if (part.p_type == PT_INTERP)
			return true;
	}
	return false;
}

static enum reach look_elf(int fd, const uint8_t *head, size_t len)
{
	Elf64_Ehdr header;

	if (len < sizeof(header))
		return REACH_NOT_RUN;
	memcpy(&header, head, sizeof(header));
	if (!is_ours(&header))
		return REACH_OTHER;
	return has_linker(fd, &header) ? REACH_YES : REACH_STATIC;
}

/* What makes the kernel say AT_SECURE, for this user. */
static bool gains_rights(int fd)
{
	uint8_t capabilities[64];
	struct stat st;

	if (fstat(fd, &st) < 0)
		return false;
	if ((st.st_mode & S_ISUID) && st.st_uid != getuid())
		return true;
	if ((st.st_mode & S_ISGID) && (st.st_mode & S_IXGRP) && st.st_gid != getgid())
		return true;
	return getuid() != 0 &&
	       fgetxattr(fd, "security.capability", capabilities, sizeof(capabilities)) > 0;
}

/* ---- scripts --------------------------------------------------------------------------------- */

/* The word at *at, and *at behind it. False: there is none. */
static bool word(const char **at, char *out, size_t cap)
{
	size_t len;

	*at += strspn(*at, " \t");
	len = strcspn(*at, " \t");
	if (len == 0 || len >= cap)
		return false;
	memcpy(out, *at, len);
	out[len] = '\0';
	*at += len;
	return true;
}

/* "#!/usr/bin/env python3" is python3. */
static bool interpreter(const char *line, char *out, size_t cap)
{
	const char *at = line + 2;
	char name[4096];
	size_t len;

	if (!word(&at, name, sizeof(name)))
		return false;
	len = strlen(name);
	if (len >= 4 && strcmp(name + len - 4, "/env") == 0) {
		do {
			if (!word(&at, name, sizeof(name)))
				return false;
		} while (name[0] == '-' || strchr(name, '='));
	}
	return reach_find(name, out, cap);
}

/* ---- both ------------------------------------------------------------------------------------ */

static enum reach look_at(int fd, char *path, size_t cap, unsigned int depth);

static enum reach look_path(char *path, size_t cap, unsigned int depth)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	enum reach reach;

	/* Who may run it, but not read it, sees what becomes of it. */
	if (fd < 0)
		return errno == EACCES ? REACH_YES : REACH_NOT_FOUND;
	reach = look_at(fd, path, cap, depth);
	close(fd);
	return reach;
}

static enum reach look_at(int fd, char *path, size_t cap, unsigned int depth)
{
	char head[HEAD_MAX + 1];
	ssize_t len = read(fd, head, HEAD_MAX);

	if (len < 4)
		return REACH_NOT_RUN;
	head[len] = '\0';
	if (head[0] == '#' && head[1] == '!') {
		head[strcspn(head, "\n")] = '\0';
		if (depth == SCRIPTS_MAX || !interpreter(head, path, cap))
			return REACH_NOT_RUN;
		return look_path(path, cap, depth + 1);
	}
	if (memcmp(head, ELFMAG, SELFMAG) != 0)
		return REACH_YES; /* a script without its first line: execvp() takes the shell */
	if (gains_rights(fd))
		return REACH_SET_UID;
	return look_elf(fd, (const uint8_t *)head, (size_t)len);
}

enum reach reach_look(const char *path, char *what, size_t cap)
{
	if ((size_t)snprintf(what, cap, "%s", path) >= cap)
		return REACH_NOT_FOUND;
	return look_path(what, cap, 0);
}

const char *reach_text(enum reach reach)
{
	static const char *const texts[] = {
		[REACH_YES] = "it can be reached",
		[REACH_NOT_FOUND] = "not found",
		[REACH_NOT_RUN] = "it cannot be run",
		[REACH_STATIC] = "it is statically linked, so no library can be put before its "
				 "libc; it has to use libktls itself",
		[REACH_SET_UID] = "it runs with other rights than yours (set-user-ID, set-group-ID "
				  "or capabilities), so the system preloads nothing into it",
		[REACH_OTHER] = "it is for another kind of machine than libktlsrun.so",
	};

	return texts[reach];
}
