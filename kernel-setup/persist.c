/* SPDX-License-Identifier: MIT */
#include "kernel-setup/persist.h"

#include <errno.h>
#include <glob.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "kernel-setup/files.h"

/* Behind 80-net-setup-link.rules, which gives the device the name that $name stands for. */
#define RULES  "/etc/udev/rules.d/85-ktls-offload-"
#define SUFFIX ".rules"

/* Neither quotes nor what udev would take for patterns, substitutions or more than one word. */
static bool is_plain(const char *s)
{
	return *s && s[strspn(s, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
				 "/._+-@:")] == 0;
}

int persist_path(const struct persist *p, const char *root, char out[static PATH_MAX])
{
	const char *key = p->address[0] ? p->address : p->name;
	size_t len;

	if (!is_plain(key) || strchr(key, '/'))
		return -EINVAL;
	if (snprintf(out, PATH_MAX, "%s" RULES, root) >= PATH_MAX - NETLINK_NAME_MAX)
		return -ENAMETOOLONG;
	len = strlen(out);
	for (; *key && len < PATH_MAX - sizeof(SUFFIX); key++)
		if (*key != ':')
			out[len++] = *key;
	memcpy(out + len, SUFFIX, sizeof(SUFFIX));
	return 0;
}

/* How a rule is known again by the name that its device had. */
static void mark(const char *name, char *out, size_t cap)
{
	snprintf(out, cap, "ktls-setup offload persist %s --remove\n", name);
}

int persist_content(const struct persist *p, char out[static PERSIST_CONTENT_MAX])
{
	const bool *d = p->directions;
	char taken_back[128], match[128 + NETLINK_NAME_MAX];

	if (!is_plain(p->name) || !is_plain(p->program))
		return -EINVAL;
	mark(p->name, taken_back, sizeof(taken_back));
	/* Devices that stand on this one have its address, but not as one of their own (0). */
	if (p->address[0])
		snprintf(match, sizeof(match),
			 "ATTR{address}==\"%s\", ATTR{addr_assign_type}==\"0\"", p->address);
	else
		snprintf(match, sizeof(match), "KERNEL==\"%s\"", p->name);
	snprintf(out, PERSIST_CONTENT_MAX,
		 "# Written by ktls-setup(8), which takes it back: %s"
		 "# TLS offload of this device, each time that its driver registers it.\n"
		 "ACTION==\"add\", SUBSYSTEM==\"net\", %s, RUN+=\"%s offload %s $name%s%s\"\n",
		 taken_back, match, p->program, p->on ? "on" : "off", d[OFFLOAD_TX] ? " tx" : "",
		 d[OFFLOAD_RX] ? " rx" : "");
	return 0;
}

static bool is_marked(const char *path, const char *name)
{
	char wanted[128];
	char *content;
	bool found;

	if (file_read(path, &content) < 0)
		return false;
	mark(name, wanted, sizeof(wanted));
	found = strstr(content, wanted);
	free(content);
	return found;
}

int persist_find(const struct persist *p, const char *root, char out[static PATH_MAX])
{
	char pattern[PATH_MAX];
	glob_t found = { 0 };
	char *content;
	int ret = -ENOENT;

	if (persist_path(p, root, out) == 0 && file_read(out, &content) == 0) {
		free(content);
		return 0;
	}
	snprintf(pattern, sizeof(pattern), "%s" RULES "*" SUFFIX, root);
	if (glob(pattern, 0, NULL, &found) != 0)
		return -ENOENT;
	for (size_t i = 0; i < found.gl_pathc && ret < 0; i++)
		if (is_marked(found.gl_pathv[i], p->name)) {
			snprintf(out, PATH_MAX, "%s", found.gl_pathv[i]);
			ret = 0;
		}
	globfree(&found);
	return ret;
}
