/* SPDX-License-Identifier: MIT */
#include "kernel-setup/refusal.h"

#include <errno.h>
#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "kernel-setup/json.h"

enum { EXIT_NOT_DONE = 1 };

#define TEXT_MAX (PATH_MAX + 512)

const char *refusal_name(enum refusal why)
{
	static const char *const names[REFUSALS] = {
		[REFUSAL_NONE] = "NONE",           [REFUSAL_NO_DEVICE] = "NO_DEVICE",
		[REFUSAL_CANNOT] = "CANNOT",       [REFUSAL_NEEDS_ROOT] = "NEEDS_ROOT",
		[REFUSAL_READ_ONLY] = "READ_ONLY", [REFUSAL_PROGRAM] = "PROGRAM",
		[REFUSAL_NAME] = "NAME",           [REFUSAL_CONTAINER] = "CONTAINER",
		[REFUSAL_NO_TLS] = "NO_TLS",       [REFUSAL_SYSTEM] = "SYSTEM",
	};

	return names[why];
}

int refuse(const struct options *o, enum refusal why, const char *format, ...)
{
	char text[TEXT_MAX];
	va_list args;

	va_start(args, format);
	vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	fprintf(stderr, "ktls-setup: %s\n", text);
	if (option(o, OPTION_JSON)) {
		fputs("{ ", stdout);
		json_member("error", refusal_name(why), stdout);
		fputs(", ", stdout);
		json_member("text", text, stdout);
		fputs(" }\n", stdout);
	}
	return EXIT_NOT_DONE;
}

int refuse_device(const struct options *o, const char *name)
{
	return refuse(o, REFUSAL_NO_DEVICE,
		      "no such device: %s: \"ktls-setup offload show\" lists them", name);
}

enum refusal refusal_of_file(const char *path, int error, char *text, size_t cap)
{
	enum refusal why = REFUSAL_SYSTEM;
	const char *mend = "";

	if (error == -EACCES || error == -EPERM) {
		why = REFUSAL_NEEDS_ROOT;
		mend = ": this needs root";
	}
	if (error == -EROFS) {
		why = REFUSAL_READ_ONLY;
		mend = ": this system's configuration is not kept there: it is made elsewhere, and "
		       "that is where the file belongs (--dry-run prints it)";
	}
	snprintf(text, cap, "%s: %s%s", path, strerror(-error), mend);
	return why;
}

int refuse_file(const struct options *o, const char *path, int error)
{
	char text[TEXT_MAX];
	enum refusal why = refusal_of_file(path, error, text, sizeof(text));

	return refuse(o, why, "%s", text);
}
