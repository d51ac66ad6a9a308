/* SPDX-License-Identifier: MIT */
#include "kernel-setup/prepare.h"

#include <errno.h>
#include <fcntl.h>
#include <fnmatch.h>
#include <glob.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "kernel-setup/files.h"

#define LEN(a) (sizeof(a) / sizeof((a)[0]))

#define MARK   "# Written by ktls-setup(8), which takes it back: ktls-setup prepare --remove\n"
#define BEFORE "# Before: "

/* ---- sysctls --------------------------------------------------------------------------------- */

static const struct rule {
	const char *name;
	long long at_least; /* the last number of the value */
	bool zero_is_all;
	const char *reason;
} rules[] = {
	{ "net.ipv4.tcp_wmem", 16 << 20, false,
	  "What is sent and not yet acknowledged has to fit: 4 MiB are 335 Mbit/s at 100 ms, "
	  "however fast the encryption is. Sockets take it only where the peer is far and fast." },
	{ "net.ipv4.tcp_sack", 1, false,
	  "Without it much that has arrived is sent again, and for each of these segments a "
	  "device reads its record from the start." },
	{ "fs.pipe-user-pages-soft", 65536, true,
	  "Behind 1024 pipes of one user (16384 pages) new ones hold two pages only: a server that "
	  "has a pipe for each connection then splices records of 8 KiB and less." },
};

static void sysctl_path(const struct prepare *p, const char *name, char out[static PATH_MAX])
{
	size_t len = (size_t)snprintf(out, PATH_MAX, "%s/proc/sys/", p->root);

	snprintf(out + len, PATH_MAX - len, "%s", name);
	for (char *c = out + len; *c; c++)
		if (*c == '.')
			*c = '/';
}

/* Numbers with one space between them. */
static void normalise(const char *value, char out[static PREPARE_VALUE_MAX])
{
	size_t len = 0;

	for (value += strspn(value, " \t\n"); *value && len + 2 < PREPARE_VALUE_MAX; value++)
		if (!strchr(" \t\n", *value))
			out[len++] = *value;
		else if (value[strspn(value, " \t\n")] && out[len - 1] != ' ')
			out[len++] = ' ';
	out[len] = 0;
}

int prepare_get(const struct prepare *p, const char *name, char out[static PREPARE_VALUE_MAX])
{
	char path[PATH_MAX];
	char *text;
	int ret;

	sysctl_path(p, name, path);
	ret = file_read(path, &text);
	if (ret < 0)
		return ret;
	normalise(text, out);
	free(text);
	return 0;
}

int prepare_set(const struct prepare *p, const char *name, const char *value)
{
	char path[PATH_MAX];
	size_t len = strlen(value);
	ssize_t n;
	int fd;

	sysctl_path(p, name, path);
	fd = open(path, O_WRONLY | O_TRUNC | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	n = write(fd, value, len);
	close(fd);
	if (n < 0)
		return -errno;
	return (size_t)n == len ? 0 : -EIO;
}

static long long last_number(const char *value)
{
	const char *space = strrchr(value, ' ');

	return strtoll(space ? space + 1 : value, NULL, 10);
}

/* The value with its last number raised; false where it is high enough. */
static bool raise_value(const struct rule *r, const char *now, long long at_least,
			char out[static PREPARE_VALUE_MAX])
{
	const char *space = strrchr(now, ' ');
	long long last = last_number(now);

	if (last >= at_least || (last == 0 && r->zero_is_all))
		return false;
	snprintf(out, PREPARE_VALUE_MAX, "%.*s%lld", space ? (int)(space + 1 - now) : 0, now,
		 at_least);
	return true;
}

/* ---- files of sysctl.d(5) -------------------------------------------------------------------- */

/* Whether a line sets it, in any of the ways: "a.b=1", "-a/b = 1", "a.* = 1". */
static bool line_sets(const char *line, const char *name)
{
	char pattern[256];
	size_t len;

	line += strspn(line, " \t");
	line += *line == '-';
	len = strcspn(line, " \t=\n");
	if (len == 0 || len >= sizeof(pattern) || *line == '#' || *line == ';')
		return false;
	memcpy(pattern, line, len);
	pattern[len] = 0;
	for (char *c = pattern; *c; c++)
		if (*c == '/')
			*c = '.';
	return fnmatch(pattern, name, 0) == 0;
}

/* The rest of the first line that begins with this; false where none does. */
static bool find_line(const char *text, const char *start, char out[static PREPARE_VALUE_MAX])
{
	size_t len = strlen(start);

	for (const char *line = text; line; line = strchr(line, '\n')) {
		line += *line == '\n';
		if (strncmp(line, start, len) != 0)
			continue;
		snprintf(out, PREPARE_VALUE_MAX, "%.*s", (int)strcspn(line + len, "\n"),
			 line + len);
		return true;
	}
	return false;
}

static bool file_sets(const char *path, const char *name)
{
	bool found = false;
	char *text;

	if (file_read(path, &text) < 0)
		return false;
	for (const char *line = text; line && !found; line = strchr(line, '\n')) {
		line += *line == '\n';
		found = line_sets(line, name);
	}
	free(text);
	return found;
}

/* The file that sets it, ours apart; "" where none does. */
static void find_file(const struct prepare *p, const char *name, char out[static PATH_MAX])
{
	static const char *const places[] = {
		"/etc/sysctl.d/*.conf",     "/etc/sysctl.conf",
		"/run/sysctl.d/*.conf",     "/usr/local/lib/sysctl.d/*.conf",
		"/usr/lib/sysctl.d/*.conf", "/lib/sysctl.d/*.conf"
	};
	char pattern[PATH_MAX], ours[PATH_MAX];
	glob_t found;

	prepare_path(p, PREPARE_SYSCTL, ours);
	out[0] = 0;
	for (size_t i = 0; i < LEN(places) && !out[0]; i++) {
		snprintf(pattern, sizeof(pattern), "%s%s", p->root, places[i]);
		if (glob(pattern, 0, NULL, &found) != 0)
			continue;
		for (size_t j = 0; j < found.gl_pathc && !out[0]; j++)
			if (strcmp(found.gl_pathv[j], ours) != 0 &&
			    file_sets(found.gl_pathv[j], name))
				snprintf(out, PATH_MAX, "%s", found.gl_pathv[j]);
		globfree(&found);
	}
}

/* ---- looking --------------------------------------------------------------------------------- */

static struct prepare_item *add(struct prepare *p, enum prepare_kind kind, const char *name,
				const char *reason)
{
	struct prepare_item *item = &p->items[p->len++];

	*item = (struct prepare_item){ .kind = kind, .name = name, .reason = reason };
	return item;
}

static char *read_ours(const struct prepare *p, enum prepare_kind kind)
{
	char path[PATH_MAX];
	char *text;

	prepare_path(p, kind, path);
	return file_read(path, &text) == 0 ? text : NULL;
}

/* What our file says of it: its value, and what was before. */
static bool is_in_ours(const char *ours, struct prepare_item *item)
{
	char start[PREPARE_VALUE_MAX];

	snprintf(start, sizeof(start), BEFORE "%s = ", item->name);
	if (!ours || !find_line(ours, start, item->before))
		return false;
	snprintf(start, sizeof(start), "%s = ", item->name);
	return find_line(ours, start, item->wanted);
}

static void look_at(struct prepare *p, const struct rule *r, const char *ours)
{
	struct prepare_item *item = add(p, PREPARE_SYSCTL, r->name, r->reason);
	bool have = is_in_ours(ours, item);
	char raised[PREPARE_VALUE_MAX];
	long long at_least = have && last_number(item->wanted) > r->at_least
				     ? last_number(item->wanted)
				     : r->at_least;

	if (prepare_get(p, r->name, item->now) < 0)
		return;
	find_file(p, r->name, item->by);
	if (item->by[0])
		return;
	item->set = raise_value(r, item->now, at_least, raised);
	if (item->set)
		strcpy(item->wanted, raised);
	item->keep = item->set || have;
	if (!have)
		strcpy(item->before, item->now);
	if (!item->keep)
		strcpy(item->wanted, item->now);
}

void prepare_look_sysctls(struct prepare *p)
{
	char *ours = read_ours(p, PREPARE_SYSCTL);

	for (size_t i = 0; i < LEN(rules); i++)
		look_at(p, &rules[i], ours);
	free(ours);
}

/* Programs with root's rights get it loaded when they need it; all others do not. */
static void look_at_tls(struct prepare *p, const struct system *s, const char *ours)
{
	struct prepare_item *item = add(p, PREPARE_MODULE, "tls",
					"TLS sockets. Only root's programs have it loaded when "
					"they want one; all others are refused.");

	snprintf(item->now, sizeof(item->now), "%s", module_state_name(s->tls));
	if (s->tls == MODULE_BUILTIN || s->tls == MODULE_ABSENT)
		return;
	item->set = s->tls != MODULE_LOADED;
	item->keep = !s->at_boot || (ours && strstr(ours, "\ntls\n"));
}

static void look_at_aes(struct prepare *p, const struct system *s, const char *ours)
{
	bool have = ours && strstr(ours, "\naesni_intel\n");
	struct prepare_item *item;

	if (!s->aes_unused && !have)
		return;
	item = add(p, PREPARE_MODULE, "aesni_intel",
		   "This CPU has AES instructions; without the module the kernel encrypts with "
		   "tables, many times slower, and nothing else loads it here.");
	snprintf(item->now, sizeof(item->now), "%s",
		 module_state_name(s->aes_unused ? MODULE_AVAILABLE : MODULE_LOADED));
	item->set = s->aes_unused;
	item->keep = true;
}

void prepare_look_modules(struct prepare *p, const struct system *s)
{
	char *ours = read_ours(p, PREPARE_MODULE);

	look_at_tls(p, s, ours);
	look_at_aes(p, s, ours);
	free(ours);
}

enum refusal prepare_refusal(const struct system *s, char *text, size_t cap)
{
	text[0] = 0;
	if (s->container) {
		snprintf(text, cap,
			 "this is a container (%s): the kernel is its host's, and that is where to "
			 "prepare it",
			 s->container);
		return REFUSAL_CONTAINER;
	}
	if (s->tls == MODULE_ABSENT) {
		snprintf(text, cap,
			 "this kernel was built without CONFIG_TLS: \"ktls-setup check\" says "
			 "which to boot");
		return REFUSAL_NO_TLS;
	}
	return REFUSAL_NONE;
}

void prepare_look(struct prepare *p, const struct system *s)
{
	p->len = 0;
	prepare_look_modules(p, s);
	prepare_look_sysctls(p);
}

void prepare_look_back(struct prepare *p)
{
	char *ours = read_ours(p, PREPARE_SYSCTL);
	char value[PREPARE_VALUE_MAX];

	p->len = 0;
	for (size_t i = 0; i < LEN(rules); i++) {
		struct prepare_item *item = add(p, PREPARE_SYSCTL, rules[i].name, rules[i].reason);

		if (!is_in_ours(ours, item) || prepare_get(p, item->name, item->now) < 0) {
			p->len--;
			continue;
		}
		strcpy(value, item->wanted);
		strcpy(item->wanted, item->before);
		item->set = strcmp(item->now, value) == 0;
	}
	free(ours);
}

/* ---- our files ------------------------------------------------------------------------------- */

void prepare_path(const struct prepare *p, enum prepare_kind kind, char out[static PATH_MAX])
{
	snprintf(out, PATH_MAX, "%s%s", p->root,
		 kind == PREPARE_SYSCTL ? PREPARE_SYSCTL_FILE : PREPARE_MODULES_FILE);
}

bool prepare_is_ours(const char *path)
{
	char *text;
	bool ours;
	int ret = file_read(path, &text);

	if (ret < 0)
		return ret == -ENOENT;
	ours = strncmp(text, MARK, strlen(MARK)) == 0;
	free(text);
	return ours;
}

void prepare_content(const struct prepare *p, enum prepare_kind kind,
		     char out[static PREPARE_CONTENT_MAX])
{
	bool sysctl = kind == PREPARE_SYSCTL;
	size_t len = 0;

	out[0] = 0;
	for (size_t i = 0; i < p->len; i++) {
		const struct prepare_item *item = &p->items[i];

		if (item->kind != kind || !item->keep)
			continue;
		if (len == 0)
			len += (size_t)snprintf(
				out, PREPARE_CONTENT_MAX, "%s%s", MARK,
				sysctl ? "# Any other file of sysctl.d(5) wins over this one.\n"
				       : "");
		len += (size_t)snprintf(out + len, PREPARE_CONTENT_MAX - len, "\n# %s\n",
					item->reason);
		if (sysctl)
			len += (size_t)snprintf(out + len, PREPARE_CONTENT_MAX - len,
						BEFORE "%s = %s\n%s = %s\n", item->name,
						item->before, item->name, item->wanted);
		else
			len += (size_t)snprintf(out + len, PREPARE_CONTENT_MAX - len, "%s\n",
						item->name);
	}
}
