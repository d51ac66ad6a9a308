/* SPDX-License-Identifier: MIT */
/* "ktls-setup offload persist": its arguments, what it refuses, and what it prints. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "kernel-setup/files.h"
#include "kernel-setup/json.h"
#include "kernel-setup/persist.h"
#include "kernel-setup/refusal.h"

enum { EXIT_DONE = 0, EXIT_NOT_DONE = 1, EXIT_WRONG_USAGE = 2 };

/* ---- what the rule is made of ---------------------------------------------------------------- */

/* What root runs at each boot has to be root's. */
static int find_program(const struct options *o, char out[static PATH_MAX])
{
	ssize_t len = readlink("/proc/self/exe", out, PATH_MAX - 1);
	struct stat st;

	if (len < 0)
		return refuse_file(o, "/proc/self/exe", -errno);
	out[len] = 0;
	if (stat(out, &st) != 0)
		return refuse_file(o, out, -errno);
	if (st.st_uid != 0 || (st.st_mode & (S_IWGRP | S_IWOTH)))
		return refuse(o, REFUSAL_PROGRAM,
			      "%s: the rule would run this as root, and others than root can "
			      "change it: install it first",
			      out);
	return EXIT_DONE;
}

static void find_address(struct netlink *nl, struct persist *p)
{
	uint8_t address[NETLINK_ADDRESS_MAX];
	size_t len = 0, at = 0;

	if (netlink_permanent_address(nl, p->name, address, &len) < 0)
		return;
	for (size_t i = 0; i < len && i < sizeof(address); i++)
		at += (size_t)snprintf(p->address + at, sizeof(p->address) - at, "%s%02x",
				       i > 0 ? ":" : "", address[i]);
}

static int look(struct netlink *nl, bool named, struct persist *p, const struct options *o)
{
	struct offload_report report;
	const struct offload_device *d;
	int ret = offload_look(nl, &report);

	if (ret < 0)
		return refuse(o, REFUSAL_SYSTEM, "devices: %s", strerror(-ret));
	d = offload_find(&report, p->name);
	ret = d ? offload_admit(d, named, p->directions, o) : refuse_device(o, p->name);
	offload_wipe(&report);
	return ret;
}

/* ---- doing it, and saying so ----------------------------------------------------------------- */

static void say(const struct options *o, const struct persist *p, const char *path,
		const char *state, const char *content)
{
	if (!option(o, OPTION_JSON)) {
		printf("%s: %s\n", path ? path : p->name, state);
		return;
	}
	fputs("{ ", stdout);
	json_member("device", p->name, stdout);
	fputs(", ", stdout);
	json_member("file", path, stdout);
	fputs(", ", stdout);
	json_member("state", state, stdout);
	fputs(",\n  ", stdout);
	json_member("content", content, stdout);
	fputs(" }\n", stdout);
}

static void show(const struct persist *p, const char *path, const char *content)
{
	char *now;

	if (!p->address[0])
		printf("%s has no address of its own: the rule knows it by its name.\n", p->name);
	if (file_read(path, &now) == 0) {
		printf("%s has now:\n\n%s\nand gets:\n\n%s\n", path, now, content);
		free(now);
	} else {
		printf("%s gets:\n\n%s\n", path, content);
	}
}

static void say_when(const struct persist *p)
{
	printf("The rule is for the next time that the driver registers the device; for now:\n"
	       "  ktls-setup offload %s %s%s%s\n",
	       p->on ? "on" : "off", p->name, p->directions[OFFLOAD_TX] ? " tx" : "",
	       p->directions[OFFLOAD_RX] ? " rx" : "");
	if (access("/run/udev/control", F_OK) != 0)
		puts("No udev runs here: without one nothing reads the rule.");
}

static int write_rule(const struct persist *p, const char *path, const char *content,
		      const struct options *o)
{
	bool json = option(o, OPTION_JSON), dry = option(o, OPTION_DRY_RUN);
	int ret;

	if (file_is(path, content)) {
		say(o, p, path, "unchanged", content);
		return EXIT_DONE;
	}
	if (!json)
		show(p, path, content);
	ret = dry ? 0 : file_may_write(path);
	if (ret == 0 && (dry || !agreed(o))) {
		say(o, p, path, "not written", content);
		return dry ? EXIT_DONE : EXIT_NOT_DONE;
	}
	if (ret == 0)
		ret = file_write(path, content);
	if (ret < 0)
		return refuse_file(o, path, ret);
	say(o, p, path, "written", content);
	if (!json)
		say_when(p);
	return EXIT_DONE;
}

static int keep(struct netlink *nl, bool named, struct persist *p, const struct options *o)
{
	char path[PATH_MAX], content[PERSIST_CONTENT_MAX];
	int ret = look(nl, named, p, o);

	if (ret == EXIT_DONE)
		ret = find_program(o, p->program);
	if (ret != EXIT_DONE)
		return ret;
	find_address(nl, p);
	if (persist_path(p, "", path) < 0 || persist_content(p, content) < 0)
		return refuse(o, REFUSAL_NAME,
			      "%s: its name, or the path of ktls-setup, has letters that cannot "
			      "stand in a rule of udev's",
			      p->name);
	return write_rule(p, path, content, o);
}

static int take_back(struct netlink *nl, struct persist *p, const struct options *o)
{
	bool dry = option(o, OPTION_DRY_RUN);
	char path[PATH_MAX];
	int ret;

	find_address(nl, p);
	if (persist_find(p, "", path) < 0) {
		say(o, p, NULL, "there is no rule", NULL);
		return EXIT_DONE;
	}
	if (!option(o, OPTION_JSON))
		printf("%s is to go.\n", path);
	ret = dry ? 0 : file_may_write(path);
	if (ret == 0 && (dry || !agreed(o))) {
		say(o, p, path, "not removed", NULL);
		return dry ? EXIT_DONE : EXIT_NOT_DONE;
	}
	if (ret == 0 && unlink(path) != 0)
		ret = -errno;
	if (ret < 0)
		return refuse_file(o, path, ret);
	say(o, p, path, "removed", NULL);
	return EXIT_DONE;
}

/* ---- arguments ------------------------------------------------------------------------------- */

/* DEV [on|off] [tx] [rx] */
static bool parse(int argc, char **argv, struct persist *out, bool *named)
{
	*out = (struct persist){ .on = true };
	*named = false;
	if (argc < 1)
		return false;
	/* No device has a longer one, nor is one found by a part of it. */
	if (strlen(argv[0]) < sizeof(out->name))
		strcpy(out->name, argv[0]);
	for (int i = 1; i < argc; i++) {
		if (i == 1 && (strcmp(argv[i], "on") == 0 || strcmp(argv[i], "off") == 0)) {
			out->on = argv[i][1] == 'n';
			continue;
		}
		if (strcmp(argv[i], "tx") != 0 && strcmp(argv[i], "rx") != 0)
			return false;
		out->directions[argv[i][0] == 't' ? OFFLOAD_TX : OFFLOAD_RX] = true;
		*named = true;
	}
	if (!*named)
		out->directions[OFFLOAD_TX] = out->directions[OFFLOAD_RX] = true;
	return true;
}

int persist_main(struct netlink *nl, int argc, char **argv, const struct options *o)
{
	struct persist p;
	bool named;

	if (!options_only(o, OPTION_JSON | OPTION_YES | OPTION_DRY_RUN | OPTION_REMOVE) ||
	    !parse(argc, argv, &p, &named))
		return EXIT_WRONG_USAGE;
	if (!p.name[0])
		return refuse_device(o, argv[0]);
	if (!option(o, OPTION_REMOVE))
		return keep(nl, named, &p, o);
	return argc == 1 ? take_back(nl, &p, o) : EXIT_WRONG_USAGE;
}
