/* SPDX-License-Identifier: MIT */
/* "ktls-setup prepare": what it makes of a system that is made up in a folder. */
#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

#include "kernel-setup/files.h"
#include "kernel-setup/prepare.h"
#include "tests/harness/harness.h"

FIXTURE(prepare)
{
	char root[64];
	struct prepare p;
	struct system s;
	char content[PREPARE_CONTENT_MAX];
};

static void put(struct test_self_prepare *self, const char *path, const char *content)
{
	char full[PATH_MAX];

	snprintf(full, sizeof(full), "%s%s", self->root, path);
	ASSERT_EQ(0, file_write(full, content));
}

FIXTURE_SETUP(prepare)
{
	strcpy(self->root, "/tmp/ktls-setup-XXXXXX");
	ASSERT_TRUE(mkdtemp(self->root));
	self->p.root = self->root;
	self->s = (struct system){ .tls = MODULE_AVAILABLE };
	put(self, "/proc/sys/net/ipv4/tcp_wmem", "4096\t16384\t4194304\n");
	put(self, "/proc/sys/net/ipv4/tcp_sack", "1\n");
	put(self, "/proc/sys/fs/pipe-user-pages-soft", "16384\n");
}

FIXTURE_TEARDOWN(prepare)
{
	char command[128];

	snprintf(command, sizeof(command), "rm -rf %s", self->root);
	EXPECT_EQ(0, system(command));
}

static struct prepare_item *look(struct test_self_prepare *self, const char *name)
{
	prepare_look(&self->p, &self->s);
	for (size_t i = 0; i < self->p.len; i++)
		if (strcmp(self->p.items[i].name, name) == 0)
			return &self->p.items[i];
	return NULL;
}

/* Does what was found, as the command would. */
static void execute(struct test_self_prepare *self)
{
	char path[PATH_MAX];

	for (size_t i = 0; i < self->p.len; i++)
		if (self->p.items[i].kind == PREPARE_SYSCTL && self->p.items[i].set)
			ASSERT_EQ(0, prepare_set(&self->p, self->p.items[i].name,
						 self->p.items[i].wanted));
	prepare_content(&self->p, PREPARE_SYSCTL, self->content);
	prepare_path(&self->p, PREPARE_SYSCTL, path);
	ASSERT_EQ(0, file_write(path, self->content));
}

static void expect_value(struct test_self_prepare *self, const char *name, const char *value)
{
	char now[PREPARE_VALUE_MAX];

	ASSERT_EQ(0, prepare_get(&self->p, name, now));
	EXPECT_STREQ(value, now);
}

/* ---- sysctls --------------------------------------------------------------------------------- */

TEST_F(prepare, raises_what_the_kernel_starts_with)
{
	const struct prepare_item *wmem = look(self, "net.ipv4.tcp_wmem");

	ASSERT_TRUE(wmem);
	EXPECT_STREQ("4096 16384 4194304", wmem->now);
	EXPECT_STREQ("4096 16384 16777216", wmem->wanted);
	EXPECT_TRUE(wmem->set);
	EXPECT_TRUE(wmem->keep);
	EXPECT_STREQ("65536", look(self, "fs.pipe-user-pages-soft")->wanted);
	EXPECT_FALSE(look(self, "net.ipv4.tcp_sack")->set);
	EXPECT_FALSE(look(self, "net.ipv4.tcp_sack")->keep);
}

TEST_F(prepare, the_second_time_there_is_nothing_to_do)
{
	char path[PATH_MAX];

	prepare_look(&self->p, &self->s);
	execute(self);
	expect_value(self, "net.ipv4.tcp_wmem", "4096 16384 16777216");
	EXPECT_TRUE(strstr(self->content, "# Before: net.ipv4.tcp_wmem = 4096 16384 4194304\n"
					  "net.ipv4.tcp_wmem = 4096 16384 16777216\n"));
	EXPECT_FALSE(strstr(self->content, "tcp_sack"));
	EXPECT_FALSE(look(self, "net.ipv4.tcp_wmem")->set);
	prepare_content(&self->p, PREPARE_SYSCTL, self->content);
	prepare_path(&self->p, PREPARE_SYSCTL, path);
	EXPECT_TRUE(file_is(path, self->content));
}

TEST_F(prepare, what_was_raised_higher_stays)
{
	put(self, "/proc/sys/net/ipv4/tcp_wmem", "8192\t65536\t67108864\n");
	EXPECT_FALSE(look(self, "net.ipv4.tcp_wmem")->set);
	EXPECT_FALSE(look(self, "net.ipv4.tcp_wmem")->keep);
	EXPECT_STREQ("8192 65536 67108864", look(self, "net.ipv4.tcp_wmem")->wanted);
	/* The lower numbers are the administrator's, too. */
	put(self, "/proc/sys/net/ipv4/tcp_wmem", "8192\t65536\t4194304\n");
	EXPECT_STREQ("8192 65536 16777216", look(self, "net.ipv4.tcp_wmem")->wanted);
}

TEST_F(prepare, no_limit_is_higher_than_any)
{
	put(self, "/proc/sys/fs/pipe-user-pages-soft", "0\n");
	EXPECT_FALSE(look(self, "fs.pipe-user-pages-soft")->set);
	put(self, "/proc/sys/net/ipv4/tcp_sack", "0\n");
	EXPECT_TRUE(look(self, "net.ipv4.tcp_sack")->set);
	EXPECT_STREQ("1", look(self, "net.ipv4.tcp_sack")->wanted);
}

TEST_F(prepare, what_a_file_sets_is_left_alone)
{
	static const char *const lines[] = {
		"net.ipv4.tcp_wmem=1 2 3\n",
		"a = b\n\n  net/ipv4/tcp_wmem = 1 2 3",
		"-net.ipv4.tcp_wmem =1 2 3\n",
		"net.ipv4.tcp_* = 1\n",
	};
	static const char *const places[] = { "/etc/sysctl.d/99-x.conf", "/etc/sysctl.conf",
					      "/run/sysctl.d/x.conf", "/usr/lib/sysctl.d/x.conf" };

	for (size_t i = 0; i < 4; i++) {
		char full[PATH_MAX];
		const struct prepare_item *item;

		put(self, places[i], lines[i]);
		item = look(self, "net.ipv4.tcp_wmem");
		snprintf(full, sizeof(full), "%s%s", self->root, places[i]);
		EXPECT_STREQ(full, item->by);
		EXPECT_FALSE(item->set);
		EXPECT_FALSE(item->keep);
		ASSERT_EQ(0, unlink(full));
	}
}

TEST_F(prepare, comments_and_other_names_set_nothing)
{
	put(self, "/etc/sysctl.d/99-x.conf",
	    "#net.ipv4.tcp_wmem = 1\n; net.ipv4.tcp_wmem = 1\nnet.ipv4.tcp_wmem2 = 1\n= 1\n\n"
	    "net.ipv4.tcp_rmem = net.ipv4.tcp_wmem\n");
	put(self, "/etc/sysctl.d/99-x.conf.bak", "net.ipv4.tcp_wmem = 1\n");
	EXPECT_STREQ("", look(self, "net.ipv4.tcp_wmem")->by);
	EXPECT_TRUE(look(self, "net.ipv4.tcp_wmem")->set);
}

TEST_F(prepare, a_file_that_comes_later_takes_over)
{
	prepare_look(&self->p, &self->s);
	execute(self);
	put(self, "/etc/sysctl.d/50-x.conf", "net.ipv4.tcp_wmem = 1 2 3\n");
	EXPECT_FALSE(look(self, "net.ipv4.tcp_wmem")->keep);
	prepare_content(&self->p, PREPARE_SYSCTL, self->content);
	EXPECT_FALSE(strstr(self->content, "tcp_wmem"));
	EXPECT_TRUE(strstr(self->content, "\nfs.pipe-user-pages-soft = 65536\n"));
}

TEST_F(prepare, our_own_file_may_be_raised_by_hand)
{
	prepare_look(&self->p, &self->s);
	execute(self);
	put(self, PREPARE_SYSCTL_FILE,
	    "# Before: net.ipv4.tcp_wmem = 4096 16384 4194304\n"
	    "net.ipv4.tcp_wmem = 4096 16384 67108864\n");
	EXPECT_STREQ("4096 16384 67108864", look(self, "net.ipv4.tcp_wmem")->wanted);
	EXPECT_TRUE(look(self, "net.ipv4.tcp_wmem")->set);
}

TEST_F(prepare, a_sysctl_that_is_not_there_is_passed_over)
{
	char path[PATH_MAX];

	snprintf(path, sizeof(path), "%s/proc/sys/net/ipv4/tcp_wmem", self->root);
	ASSERT_EQ(0, unlink(path));
	EXPECT_STREQ("", look(self, "net.ipv4.tcp_wmem")->now);
	EXPECT_FALSE(look(self, "net.ipv4.tcp_wmem")->set);
	EXPECT_EQ(-ENOENT, prepare_set(&self->p, "net.ipv4.tcp_wmem", "1"));
}

/* ---- taking it back -------------------------------------------------------------------------- */

TEST_F(prepare, what_was_before_comes_back)
{
	prepare_look(&self->p, &self->s);
	execute(self);
	/* One was changed again since: that is somebody else's value. */
	ASSERT_EQ(0, prepare_set(&self->p, "fs.pipe-user-pages-soft", "100000"));
	prepare_look_back(&self->p);
	ASSERT_EQ(2, self->p.len);
	EXPECT_STREQ("net.ipv4.tcp_wmem", self->p.items[0].name);
	EXPECT_STREQ("4096 16384 4194304", self->p.items[0].wanted);
	EXPECT_TRUE(self->p.items[0].set);
	EXPECT_FALSE(self->p.items[1].set);
}

TEST_F(prepare, nothing_was_prepared)
{
	prepare_look_back(&self->p);
	EXPECT_EQ(0, self->p.len);
}

TEST_F(prepare, files_of_others_are_not_ours)
{
	char path[PATH_MAX];

	prepare_path(&self->p, PREPARE_SYSCTL, path);
	EXPECT_TRUE(prepare_is_ours(path));
	prepare_look(&self->p, &self->s);
	execute(self);
	EXPECT_TRUE(prepare_is_ours(path));
	put(self, PREPARE_SYSCTL_FILE, "net.ipv4.tcp_wmem = 4096 16384 67108864\n");
	EXPECT_FALSE(prepare_is_ours(path));
}

/* ---- where nothing can be prepared ------------------------------------------------------------
 */

TEST_F(prepare, other_peoples_kernels_and_those_without_tls_are_refused)
{
	char text[256];

	EXPECT_EQ(REFUSAL_NONE, prepare_refusal(&self->s, text, sizeof(text)));
	EXPECT_STREQ("", text);
	self->s.tls = MODULE_UNKNOWN;
	EXPECT_EQ(REFUSAL_NONE, prepare_refusal(&self->s, text, sizeof(text)));
	self->s.tls = MODULE_ABSENT;
	EXPECT_EQ(REFUSAL_NO_TLS, prepare_refusal(&self->s, text, sizeof(text)));
	EXPECT_TRUE(strstr(text, "built without CONFIG_TLS: "));
	/* Whatever the files of a container say, they are not those of its kernel. */
	self->s.container = "podman";
	EXPECT_EQ(REFUSAL_CONTAINER, prepare_refusal(&self->s, text, sizeof(text)));
	EXPECT_TRUE(strstr(text, "this is a container (podman): "));
}

/* ---- modules --------------------------------------------------------------------------------- */

TEST_F(prepare, the_module_is_loaded_and_kept)
{
	EXPECT_TRUE(look(self, "tls")->set);
	EXPECT_TRUE(look(self, "tls")->keep);
	EXPECT_FALSE(look(self, "aesni_intel"));
	prepare_content(&self->p, PREPARE_MODULE, self->content);
	EXPECT_TRUE(strstr(self->content, "\ntls\n"));
	put(self, PREPARE_MODULES_FILE, self->content);

	self->s.tls = MODULE_LOADED;
	self->s.at_boot = true;
	EXPECT_FALSE(look(self, "tls")->set);
	EXPECT_TRUE(look(self, "tls")->keep);
}

TEST_F(prepare, a_module_that_is_loaded_at_boot_needs_no_file)
{
	self->s.tls = MODULE_LOADED;
	self->s.at_boot = true;
	EXPECT_FALSE(look(self, "tls")->keep);
	prepare_content(&self->p, PREPARE_MODULE, self->content);
	EXPECT_STREQ("", self->content);
	self->s.at_boot = false;
	self->s.tls = MODULE_BUILTIN;
	EXPECT_FALSE(look(self, "tls")->keep);
	EXPECT_FALSE(look(self, "tls")->set);
}

TEST_F(prepare, aes_that_nobody_loads_is_loaded)
{
	self->s.aes_unused = true;
	EXPECT_TRUE(look(self, "aesni_intel")->set);
	prepare_content(&self->p, PREPARE_MODULE, self->content);
	put(self, PREPARE_MODULES_FILE, self->content);
	self->s.aes_unused = false;
	EXPECT_FALSE(look(self, "aesni_intel")->set);
	EXPECT_TRUE(look(self, "aesni_intel")->keep);
}

TEST_HARNESS_MAIN
