/* SPDX-License-Identifier: MIT */
/* "ktls-setup offload": its arguments, and turning it on and off. */
#include <errno.h>
#include <string.h>

#include "kernel-setup/offload.h"
#include "kernel-setup/persist.h"
#include "kernel-setup/refusal.h"
#include "kernel-setup/watch.h"

enum { EXIT_DONE = 0, EXIT_NOT_DONE = 1, EXIT_WRONG_USAGE = 2 };

/* ---- what is refused ------------------------------------------------------------------------- */

static int fail(struct netlink *nl, const char *device, int error, const struct options *o)
{
	const char *text = netlink_text(nl);

	return refuse(o, error == -EPERM ? REFUSAL_NEEDS_ROOT : REFUSAL_SYSTEM, "%s: %s%s%s%s",
		      device, strerror(-error), text[0] ? ": " : "", text,
		      error == -EPERM ? ": changing a device needs CAP_NET_ADMIN in its "
					"namespace: run it as root"
				      : "");
}

/* A bond's own feature says what its mode is, and nothing comes of asking for it. */
static int is_a_bond(const char *name, const struct options *o)
{
	return refuse(o, REFUSAL_CANNOT,
		      "%s is a bond, its devices have the offload: \"ktls-setup offload show %s\" "
		      "names them",
		      name, name);
}

int offload_admit(const struct offload_device *d, bool named, bool directions[OFFLOAD_DIRECTIONS],
		  const struct options *o)
{
	int refused = offload_choose(d, named, directions);
	char why[256];

	if (netlink_device_is_bond(&d->device))
		return is_a_bond(d->device.name, o);
	if (refused < 0)
		return EXIT_DONE;
	obstacle_text(d, refused, why, sizeof(why));
	return refuse(o, REFUSAL_CANNOT, "%s: %s cannot be changed: %s", d->device.name,
		      netlink_feature_name(offload_feature(refused)),
		      why[0] ? why : "the driver has it fixed");
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
		return fail(nl, "devices", ret, o);
	if (name && !offload_find(&report, name)) {
		ret = refuse_device(o, name);
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
	bool named; /* the directions are what the user said */
	bool directions[OFFLOAD_DIRECTIONS];
};

static void say_remains(const struct offload_device *d, int direction, bool on)
{
	char why[256];

	obstacle_text(d, direction, why, sizeof(why));
	fprintf(stderr, "ktls-setup: %s: %s is still %s: %s\n", d->device.name,
		netlink_feature_name(offload_feature(direction)), on ? "on" : "off",
		why[0] ? why : "the driver has it fixed");
}

/* Reads back what became of it: the kernel may have heard it and done nothing. */
static int verify(struct netlink *nl, const struct change *c, const struct options *o)
{
	struct offload_report report;
	const struct offload_device *d;
	int ret = offload_look(nl, &report), status = EXIT_DONE;

	if (ret < 0)
		return fail(nl, c->name, ret, o);
	d = offload_find(&report, c->name);
	for (int i = 0; d && i < OFFLOAD_DIRECTIONS; i++) {
		if (!c->directions[i] || d->features.states[offload_feature(i)].on == c->on)
			continue;
		say_remains(d, i, !c->on);
		status = EXIT_NOT_DONE;
	}
	if (!d)
		status = refuse_device(o, c->name);
	else if (option(o, OPTION_JSON))
		offload_json(&report, c->name, stdout);
	else
		offload_text(&report, c->name, stdout);
	offload_wipe(&report);
	return status;
}

/* What a device cannot have on is refused; off is what it is already. */
static int admit(struct netlink *nl, struct change *c, const struct options *o, int *index)
{
	struct offload_report report;
	const struct offload_device *d;
	int ret = offload_look(nl, &report);

	if (ret < 0)
		return fail(nl, c->name, ret, o);
	d = offload_find(&report, c->name);
	if (!d)
		ret = refuse_device(o, c->name);
	else if (netlink_device_is_bond(&d->device))
		ret = is_a_bond(c->name, o);
	else if (c->on)
		ret = offload_admit(d, c->named, c->directions, o);
	if (d)
		*index = d->device.index;
	offload_wipe(&report);
	return ret;
}

static int change(struct netlink *nl, struct change *c, const struct options *o)
{
	int index = 0;
	int ret = admit(nl, c, o, &index);

	if (ret != EXIT_DONE)
		return ret;
	for (int i = 0; i < OFFLOAD_DIRECTIONS; i++) {
		if (!c->directions[i])
			continue;
		ret = netlink_features_set(nl, index, offload_feature(i), c->on);
		if (ret < 0)
			return fail(nl, c->name, ret, o);
	}
	return verify(nl, c, o);
}

/* ---- arguments ------------------------------------------------------------------------------- */

/* on|off DEV [tx] [rx]: those that it has where none is named. */
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
	out->named = argc > 2;
	if (!out->named)
		out->directions[OFFLOAD_TX] = out->directions[OFFLOAD_RX] = true;
	return true;
}

static int run(struct netlink *nl, int argc, char **argv, const struct options *o)
{
	struct change c;

	if (argc > 0 && strcmp(argv[0], "persist") == 0)
		return persist_main(nl, argc - 1, argv + 1, o);
	if (argc == 0 || strcmp(argv[0], "show") == 0)
		return argc > 2 ? EXIT_WRONG_USAGE : show(nl, argc == 2 ? argv[1] : NULL, o);
	if (!options_only(o, OPTION_JSON))
		return EXIT_WRONG_USAGE;
	if (strcmp(argv[0], "on") != 0 && strcmp(argv[0], "off") != 0)
		return EXIT_WRONG_USAGE;
	return parse_change(argc, argv, &c) ? change(nl, &c, o) : EXIT_WRONG_USAGE;
}

int offload_main(int argc, char **argv, const struct options *o)
{
	struct netlink *nl;
	int ret = netlink_open(&nl);

	if (ret < 0)
		return refuse(o, REFUSAL_SYSTEM, "netlink: %s", strerror(-ret));
	ret = run(nl, argc, argv, o);
	netlink_close(nl);
	return ret;
}
