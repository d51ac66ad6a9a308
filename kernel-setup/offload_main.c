/* SPDX-License-Identifier: MIT */
/* "ktls-setup offload": its arguments, and turning it on and off. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "kernel-setup/json.h"
#include "kernel-setup/offload.h"
#include "kernel-setup/persist.h"
#include "kernel-setup/watch.h"

enum { EXIT_DONE = 0, EXIT_NOT_DONE = 1, EXIT_WRONG_USAGE = 2 };

/* ---- messages -------------------------------------------------------------------------------- */

static int fail(struct netlink *nl, const char *device, int error)
{
	const char *text = netlink_text(nl);

	fprintf(stderr, "ktls-setup: %s: %s%s%s\n", device, strerror(-error), text[0] ? ": " : "",
		text);
	if (error == -EPERM)
		fputs("ktls-setup: changing a device needs CAP_NET_ADMIN in its namespace: run it "
		      "as root\n",
		      stderr);
	return EXIT_NOT_DONE;
}

static int no_device(const char *name)
{
	fprintf(stderr, "ktls-setup: no device %s: \"ktls-setup offload show\" lists them\n", name);
	return EXIT_NOT_DONE;
}

/* ---- show ------------------------------------------------------------------------------------ */

static int show(struct netlink *nl, const char *name, const struct options *o)
{
	struct offload_report report;
	int ret;

	if (option(o, OPTION_WATCH))
		return options_only(o, OPTION_JSON | OPTION_WATCH | OPTION_INTERVAL | OPTION_COUNT)
			       ? watch_main(nl, name, o)
			       : EXIT_WRONG_USAGE;
	if (!options_only(o, OPTION_JSON))
		return EXIT_WRONG_USAGE;
	ret = offload_look(nl, &report);
	if (ret < 0)
		return fail(nl, "devices", ret);
	if (name && !offload_find(&report, name)) {
		ret = no_device(name);
	} else {
		if (option(o, OPTION_JSON))
			offload_json(&report, name, stdout);
		else
			offload_text(&report, name, stdout);
		ret = EXIT_DONE;
	}
	offload_wipe(&report);
	return ret;
}

/* ---- on, off --------------------------------------------------------------------------------- */

struct change {
	const char *name;
	bool on;
	bool directions[OFFLOAD_DIRECTIONS];
};

/* Reads back what became of it: the kernel may have heard it and done nothing. */
static int verify(struct netlink *nl, const struct change *c, bool json)
{
	struct offload_report report;
	const struct offload_device *d;
	int ret = offload_look(nl, &report), status = EXIT_DONE;
	char why[256];

	if (ret < 0)
		return fail(nl, c->name, ret);
	d = offload_find(&report, c->name);
	for (int i = 0; d && i < OFFLOAD_DIRECTIONS; i++) {
		if (!c->directions[i] || d->features.states[offload_feature(i)].on == c->on)
			continue;
		obstacle_text(d, i, why, sizeof(why));
		fprintf(stderr, "ktls-setup: %s: %s is still %s: %s\n", c->name,
			netlink_feature_name(offload_feature(i)), c->on ? "off" : "on",
			why[0] ? why : "the driver has it fixed");
		status = EXIT_NOT_DONE;
	}
	if (json)
		offload_json(&report, c->name, stdout);
	else if (d)
		offload_text(&report, c->name, stdout);
	offload_wipe(&report);
	return d ? status : no_device(c->name);
}

static int device_index(struct netlink *nl, const char *name, int *index)
{
	struct netlink_device *devices;
	size_t len;
	int ret = netlink_devices(nl, &devices, &len);

	if (ret < 0)
		return ret;
	*index = 0;
	for (size_t i = 0; i < len; i++)
		if (strcmp(devices[i].name, name) == 0)
			*index = devices[i].index;
	free(devices);
	return 0;
}

static int change(struct netlink *nl, const struct change *c, bool json)
{
	int index = 0;
	int ret = device_index(nl, c->name, &index);

	if (ret < 0)
		return fail(nl, c->name, ret);
	if (index == 0)
		return no_device(c->name);
	for (int i = 0; i < OFFLOAD_DIRECTIONS; i++) {
		if (!c->directions[i])
			continue;
		ret = netlink_features_set(nl, index, offload_feature(i), c->on);
		if (ret < 0)
			return fail(nl, c->name, ret);
	}
	return verify(nl, c, json);
}

/* ---- arguments ------------------------------------------------------------------------------- */

/* on|off DEV [tx] [rx]: both where none is named. */
static bool parse_change(int argc, char **argv, struct change *out)
{
	*out = (struct change){ .on = strcmp(argv[0], "on") == 0 };
	if (argc < 2 || argc > 4)
		return false;
	out->name = argv[1];
	for (int i = 2; i < argc; i++) {
		if (strcmp(argv[i], "tx") != 0 && strcmp(argv[i], "rx") != 0)
			return false;
		out->directions[argv[i][0] == 't' ? OFFLOAD_TX : OFFLOAD_RX] = true;
	}
	if (argc == 2)
		out->directions[OFFLOAD_TX] = out->directions[OFFLOAD_RX] = true;
	return true;
}

static int run(struct netlink *nl, int argc, char **argv, const struct options *o)
{
	bool json = option(o, OPTION_JSON);
	struct change c;

	if (argc > 0 && strcmp(argv[0], "persist") == 0)
		return persist_main(nl, argc - 1, argv + 1, o);
	if (argc == 0 || strcmp(argv[0], "show") == 0)
		return argc > 2 ? EXIT_WRONG_USAGE : show(nl, argc == 2 ? argv[1] : NULL, o);
	if (!options_only(o, OPTION_JSON))
		return EXIT_WRONG_USAGE;
	if (strcmp(argv[0], "on") != 0 && strcmp(argv[0], "off") != 0)
		return EXIT_WRONG_USAGE;
	return parse_change(argc, argv, &c) ? change(nl, &c, json) : EXIT_WRONG_USAGE;
}

int offload_main(int argc, char **argv, const struct options *o)
{
	struct netlink *nl;
	int ret = netlink_open(&nl);

	if (ret < 0) {
		fprintf(stderr, "ktls-setup: netlink: %s\n", strerror(-ret));
		return EXIT_NOT_DONE;
	}
	ret = run(nl, argc, argv, o);
	netlink_close(nl);
	return ret;
}
