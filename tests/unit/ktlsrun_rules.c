/* SPDX-License-Identifier: MIT */
/* What ktlsrun is told, as its library reads it; and which programs it can reach. */
#include "lib/run/rules.h"

#include <arpa/inet.h>
#include <elf.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "daemon/ktlsrun.h"
#include "tests/harness/harness.h"

static struct sockaddr_in6 address(const char *text, uint16_t port)
{
	struct sockaddr_in6 out = { .sin6_family = AF_INET6, .sin6_port = htons(port) };
	struct sockaddr_in *in = (struct sockaddr_in *)&out;

	if (inet_pton(AF_INET6, text, &out.sin6_addr) == 1)
		return out;
	in->sin_family = AF_INET;
	EXPECT_EQ(1, inet_pton(AF_INET, text, &in->sin_addr));
	return out;
}

static const char *found(const struct run_rules *rules, enum run_rule_kind kind, const char *text,
			 uint16_t port, const char *host)
{
	struct sockaddr_in6 at = address(text, port);
	const struct run_rule *rule = run_rules_find(rules, kind, &at, host);

	return rule ? rule->what : "none";
}

TEST(rules_apply_to_ports_and_hosts)
{
	struct run_rules r;

	run_rules_init(&r);
	EXPECT_NULL(run_rules_option(&r, "listen", "443=web"));
	EXPECT_NULL(run_rules_option(&r, "connect", "redis.example:6379=cache"));
	EXPECT_NULL(run_rules_option(&r, "connect", "192.0.2.1:6379=old"));
	EXPECT_NULL(run_rules_option(&r, "connect", "[2001:db8:0::1]:6379=six"));
	EXPECT_NULL(run_rules_option(&r, "connect", "443=any"));
	EXPECT_NULL(run_rules_option(&r, "name", "443=www.example"));
	EXPECT_STREQ("web", found(&r, RUN_RULE_LISTEN, "::", 443, NULL));
	EXPECT_STREQ("none", found(&r, RUN_RULE_LISTEN, "::", 444, NULL));
	EXPECT_STREQ("cache", found(&r, RUN_RULE_CONNECT, "198.51.100.7", 6379, "Redis.example"));
	EXPECT_STREQ("none", found(&r, RUN_RULE_CONNECT, "198.51.100.7", 6379, "other"));
	EXPECT_STREQ("old", found(&r, RUN_RULE_CONNECT, "192.0.2.1", 6379, NULL));
	EXPECT_STREQ("old", found(&r, RUN_RULE_CONNECT, "::ffff:192.0.2.1", 6379, NULL));
	EXPECT_STREQ("six", found(&r, RUN_RULE_CONNECT, "2001:db8::1", 6379, NULL));
	EXPECT_STREQ("any", found(&r, RUN_RULE_CONNECT, "198.51.100.7", 443, "redis.example"));
	EXPECT_STREQ("www.example", found(&r, RUN_RULE_NAME, "198.51.100.7", 443, NULL));
}

TEST(wrong_options_change_nothing)
{
	static const char *const wrong[][2] = {
		{ "listen", "443" },
		{ "listen", "=web" },
		{ "listen", "0=web" },
		{ "listen", "65536=web" },
		{ "listen", "+1=web" },
		{ "listen", "443=" },
		{ "listen", "host:443=web" },
		{ "listen", "443=a b" },
		{ "listen", "443=a\nname 1=x" },
		{ "connect", ":443=web" },
		{ "connect", "a b:443=web" },
		{ "connect", "99999999999=web" },
		{ "name", "443=" },
		{ "deadline", "0" },
		{ "deadline", "300001" },
		{ "deadline", "-1" },
		{ "deadline", "" },
		{ "records", "kernel" },
		{ "socket", "" },
		{ "unknown", "1" },
	};
	struct run_rules before, after;

	run_rules_init(&before);
	run_rules_init(&after);
	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++)
		EXPECT_NOT_NULL(run_rules_option(&after, wrong[i][0], wrong[i][1]));
	EXPECT_MEMEQ(&before, &after, sizeof(before));
}

TEST(there_may_be_so_many_and_no_more)
{
	struct run_rules r;
	char value[32];

	run_rules_init(&r);
	for (int i = 0; i < RUN_RULES_MAX; i++) {
		snprintf(value, sizeof(value), "%d=web", i + 1);
		EXPECT_NULL(run_rules_option(&r, "listen", value));
	}
	EXPECT_NOT_NULL(run_rules_option(&r, "listen", "99=web"));
}

TEST(the_variable_carries_all_of_it)
{
	static char value[65536];
	struct run_rules r, again;

	run_rules_init(&r);
	EXPECT_NULL(run_rules_option(&r, "listen", "443=web"));
	EXPECT_NULL(run_rules_option(&r, "connect", "[::1]:6379=cache"));
	EXPECT_NULL(run_rules_option(&r, "name", "6379=redis.example"));
	EXPECT_NULL(run_rules_option(&r, "socket", "/tmp/ktlsd.sock"));
	EXPECT_NULL(run_rules_option(&r, "deadline", "1234"));
	EXPECT_NULL(run_rules_option(&r, "records", "prefer-kernel"));
	EXPECT_NULL(run_rules_option(&r, "verbose", "1"));
	ASSERT_TRUE(run_rules_build(&r, value, sizeof(value)));
	ASSERT_TRUE(run_rules_parse(&again, value));
	EXPECT_MEMEQ(&r, &again, sizeof(r));
	EXPECT_FALSE(run_rules_build(&r, value, 40));
	EXPECT_FALSE(run_rules_parse(&again, "listen 443=web"));
	EXPECT_FALSE(run_rules_parse(&again, "listen\n"));
	EXPECT_FALSE(run_rules_parse(&again, "listen 443\n"));
	EXPECT_FALSE(run_rules_parse(&again, "\n"));
}

/* ---- which programs ----------------------------------------------------------------------------
 */

FIXTURE(program)
{
	char path[64], what[4096];
};

FIXTURE_SETUP(program)
{
	strcpy(self->path, "/tmp/ktlsrun-program-XXXXXX");
	close(mkstemp(self->path));
}

FIXTURE_TEARDOWN(program)
{
	unlink(self->path);
}

static enum reach look(const char *path, const void *bytes, size_t len, char *what)
{
	int fd = open(path, O_WRONLY | O_TRUNC);

	EXPECT_EQ((ssize_t)len, write(fd, bytes, len));
	close(fd);
	EXPECT_EQ(0, chmod(path, 0755));
	return reach_look(path, what, 4096);
}

TEST_F(program, scripts_are_their_interpreters)
{
	EXPECT_EQ(REACH_YES, look(self->path, "#!/bin/sh\n", 10, self->what));
	EXPECT_STREQ("/bin/sh", self->what);
	EXPECT_EQ(REACH_YES, look(self->path, "#!/usr/bin/env sh\n", 18, self->what));
	EXPECT_EQ(REACH_YES, look(self->path, "#! /usr/bin/env -S A=1 sh -e\n", 29, self->what));
	EXPECT_EQ(REACH_NOT_RUN, look(self->path, "#!/nowhere/sh\n", 14, self->what));
	EXPECT_EQ(REACH_YES, look(self->path, "echo hello\n", 11, self->what));
	EXPECT_EQ(REACH_NOT_RUN, look(self->path, "", 0, self->what));
}

TEST_F(program, scripts_of_scripts_have_an_end)
{
	char line[80];
	int len = snprintf(line, sizeof(line), "#!%s\n", self->path);

	EXPECT_EQ(REACH_NOT_RUN, look(self->path, line, (size_t)len, self->what));
}

TEST_F(program, elf)
{
	struct {
		Elf64_Ehdr header;
		Elf64_Phdr part;
	} elf = { 0 };
	int fd = open("/proc/self/exe", O_RDONLY);

	ASSERT_EQ((ssize_t)sizeof(elf.header), read(fd, &elf.header, sizeof(elf.header)));
	close(fd);
	EXPECT_EQ(REACH_YES, reach_look("/proc/self/exe", self->what, sizeof(self->what)));
	elf.header.e_phoff = sizeof(elf.header);
	elf.header.e_phnum = 1;
	elf.part.p_type = PT_LOAD;
	EXPECT_EQ(REACH_STATIC, look(self->path, &elf, sizeof(elf), self->what));
	elf.part.p_type = PT_INTERP;
	EXPECT_EQ(REACH_YES, look(self->path, &elf, sizeof(elf), self->what));
	EXPECT_EQ(REACH_STATIC, look(self->path, &elf, sizeof(elf.header) + 8, self->what));
	EXPECT_EQ(REACH_NOT_RUN, look(self->path, &elf, 20, self->what));
	elf.header.e_machine ^= 1;
	EXPECT_EQ(REACH_OTHER, look(self->path, &elf, sizeof(elf), self->what));
	elf.header.e_machine ^= 1;
	elf.header.e_ident[EI_CLASS] = ELFCLASS32;
	EXPECT_EQ(REACH_OTHER, look(self->path, &elf, sizeof(elf), self->what));
}

TEST_F(program, other_rights)
{
	static const uint8_t elf[64] = { ELFMAG0, ELFMAG1, ELFMAG2, ELFMAG3 };

	if (getuid() != 0)
		SKIP(return, "only root makes files of others");
	EXPECT_EQ(REACH_OTHER, look(self->path, elf, sizeof(elf), self->what));
	ASSERT_EQ(0, chown(self->path, 12345, 12345));
	ASSERT_EQ(0, chmod(self->path, 04755));
	EXPECT_EQ(REACH_SET_UID, reach_look(self->path, self->what, sizeof(self->what)));
	ASSERT_EQ(0, chmod(self->path, 02755));
	EXPECT_EQ(REACH_SET_UID, reach_look(self->path, self->what, sizeof(self->what)));
	ASSERT_EQ(0, chmod(self->path, 0755));
	EXPECT_EQ(REACH_OTHER, reach_look(self->path, self->what, sizeof(self->what)));
}

TEST(commands_are_found_as_the_shell_finds_them)
{
	char path[4096] = "as it was";

	setenv("PATH", "/nowhere:/bin:/usr/bin", 1);
	EXPECT_FALSE(reach_find("no-such-command", path, sizeof(path)));
	EXPECT_FALSE(reach_find("/bin", path, sizeof(path)));
	EXPECT_FALSE(reach_find("/etc/passwd", path, sizeof(path)));
	EXPECT_STREQ("as it was", path);
	EXPECT_TRUE(reach_find("sh", path, sizeof(path)));
	EXPECT_STREQ("/bin/sh", path);
	EXPECT_TRUE(reach_find("/usr/bin/env", path, sizeof(path)));
	EXPECT_STREQ("/usr/bin/env", path);
	EXPECT_FALSE(reach_find("sh", path, 4));
}

TEST_HARNESS_MAIN
