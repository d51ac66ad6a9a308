/* SPDX-License-Identifier: MIT */
/* What "ktls-setup offload" says of devices that are made up here, and which it would change. */
#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

#include "kernel-setup/offload.h"
#include "kernel-setup/refusal.h"
#include "tests/harness/harness.h"

FIXTURE(offload)
{
	struct offload_device below, d;
	char text[512];
};

/* A NIC that is up and can do both, and does neither. */
FIXTURE_SETUP(offload)
{
	strcpy(self->d.device.name, "nic0");
	strcpy(self->d.driver, "mlx5_core");
	strcpy(self->below.device.name, "nic1");
	self->d.device.index = 2;
	self->d.device.up = self->d.device.carrier = self->d.device.ethernet = true;
	self->d.has_features = true;
	for (int i = 0; i < NETLINK_FEATURES; i++)
		self->d.features.states[i] =
			(struct netlink_feature_state){ .known = true, .changeable = true };
	self->d.features.states[NETLINK_TX_CHECKSUM].on = true;
	self->d.features.states[NETLINK_RX_CHECKSUM].on = true;
}

FIXTURE_TEARDOWN(offload)
{
	(void)self;
}

static void judge(struct test_self_offload *self, enum netlink_tls_device kernel)
{
	for (int i = 0; i < OFFLOAD_DIRECTIONS; i++)
		self->d.obstacles[i] = offload_judge(&self->d, i, kernel);
}

static const char *text_of(struct test_self_offload *self, int direction)
{
	obstacle_text(&self->d, direction, self->text, sizeof(self->text));
	return self->text;
}

/* ---- what stands in the way ------------------------------------------------------------------ */

enum state { ON, OFF, WANTED, FIXED, FIXED_ON, NOT_KNOWN };

static const struct row {
	const char *name;
	enum obstacle tx, rx;
	const char *text; /* of tx */
	const char *state;
	enum state feature; /* of both */
	enum netlink_tls_device kernel;
	const char *kind;
	int lower;
	bool loopback, down, no_features, no_checksums;
} rows[] = {
	{ "on", OBSTACLE_NONE, OBSTACLE_NONE, "", "on", ON, .kernel = NETLINK_TLS_DEVICE_YES },
	{ "off", OBSTACLE_OFF, OBSTACLE_OFF, "can be turned on: ktls-setup offload on nic0 tx",
	  "off", OFF, .kernel = NETLINK_TLS_DEVICE_YES },
	{ "a kernel of which nothing is known", OBSTACLE_OFF, OBSTACLE_OFF,
	  "can be turned on: ktls-setup offload on nic0 tx", "off", OFF,
	  .kernel = NETLINK_TLS_DEVICE_UNKNOWN },
	{ "fixed on", OBSTACLE_NONE, OBSTACLE_NONE, "", "on, fixed", FIXED_ON,
	  .kernel = NETLINK_TLS_DEVICE_UNKNOWN },
	{ "fixed off", OBSTACLE_DRIVER, OBSTACLE_DRIVER,
	  "the driver mlx5_core has no TLS offload here", "fixed", FIXED,
	  .kernel = NETLINK_TLS_DEVICE_UNKNOWN },
	{ "loopback", OBSTACLE_LOOPBACK, OBSTACLE_LOOPBACK, "no device is involved", "fixed", FIXED,
	  .loopback = true, .kernel = NETLINK_TLS_DEVICE_NO },
	{ "a kernel without", OBSTACLE_KERNEL, OBSTACLE_KERNEL,
	  "this kernel was built without CONFIG_TLS_DEVICE", "off", OFF,
	  .kernel = NETLINK_TLS_DEVICE_NO },
	{ "a kernel without is not the vlan's fault", OBSTACLE_KERNEL, OBSTACLE_KERNEL,
	  "this kernel was built without CONFIG_TLS_DEVICE", "off", OFF,
	  .kernel = NETLINK_TLS_DEVICE_NO, .kind = "vlan", .lower = 3 },
	{ "vlan", OBSTACLE_STACKED, OBSTACLE_STACKED,
	  "connections through a vlan device are never offloaded, only those directly through "
	  "nic1",
	  "on", ON, .kind = "vlan", .lower = 3 },
	{ "team", OBSTACLE_STACKED, OBSTACLE_STACKED,
	  "connections through a team device are never offloaded", "off", OFF, .kind = "team" },
	{ "vxlan", OBSTACLE_STACKED, OBSTACLE_STACKED,
	  "connections through a vxlan device are never offloaded", "off", OFF, .kind = "vxlan" },
	{ "a kind that nobody knows, on another", OBSTACLE_STACKED, OBSTACLE_STACKED,
	  "connections through a stacked device are never offloaded, only those directly through "
	  "nic1",
	  "off", OFF, .lower = 3 },
	{ "checksums are off", OBSTACLE_CHECKSUM, OBSTACLE_CHECKSUM,
	  "needs checksum offload first: ethtool -K nic0 tx on", "off", OFF, .no_checksums = true },
	{ "checksums are off, and it was asked for", OBSTACLE_CHECKSUM, OBSTACLE_CHECKSUM,
	  "needs checksum offload first: ethtool -K nic0 tx on", "off", WANTED,
	  .no_checksums = true },
	{ "ignored", OBSTACLE_IGNORED, OBSTACLE_IGNORED,
	  "was asked for, but the kernel has not turned it on: see dmesg", "off", WANTED,
	  .kernel = NETLINK_TLS_DEVICE_UNKNOWN },
	{ "down", OBSTACLE_DOWN, OBSTACLE_DOWN, "the device is down: ip link set nic0 up", "on", ON,
	  .down = true },
	{ "down and off", OBSTACLE_OFF, OBSTACLE_OFF,
	  "can be turned on: ktls-setup offload on nic0 tx", "off", OFF, .down = true },
	{ "tells nothing", OBSTACLE_UNKNOWN, OBSTACLE_UNKNOWN,
	  "the device does not tell its features", "unknown", ON, .no_features = true },
	{ "a kernel without such a feature", OBSTACLE_UNKNOWN, OBSTACLE_UNKNOWN,
	  "the device does not tell its features", "unknown", NOT_KNOWN,
	  .kernel = NETLINK_TLS_DEVICE_UNKNOWN },
};

static void make(struct test_self_offload *self, const struct row *row)
{
	struct offload_device *d = &self->d;

	d->device.loopback = row->loopback;
	d->device.up = !row->down;
	d->device.lower = row->lower;
	d->lower = row->lower ? &self->below : NULL;
	strcpy(d->device.kind, row->kind ? row->kind : "");
	d->has_features = !row->no_features;
	for (int i = NETLINK_TLS_TX; i <= NETLINK_TLS_RX; i++)
		d->features.states[i] = (struct netlink_feature_state){
			.known = row->feature != NOT_KNOWN,
			.on = row->feature == ON || row->feature == FIXED_ON,
			.wanted = row->feature != OFF && row->feature != FIXED,
			.changeable = row->feature != FIXED && row->feature != FIXED_ON,
		};
	d->features.states[NETLINK_TX_CHECKSUM].on = !row->no_checksums;
	d->features.states[NETLINK_RX_CHECKSUM].on = !row->no_checksums;
	judge(self, row->kernel);
}

TEST_F(offload, each_obstacle_has_its_name_and_its_text)
{
	unsigned int seen = 0;

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		make(self, &rows[i]);
		if (self->d.obstacles[OFFLOAD_TX] != rows[i].tx ||
		    self->d.obstacles[OFFLOAD_RX] != rows[i].rx)
			printf("# %s\n", rows[i].name);
		EXPECT_EQ(rows[i].tx, self->d.obstacles[OFFLOAD_TX]);
		EXPECT_EQ(rows[i].rx, self->d.obstacles[OFFLOAD_RX]);
		EXPECT_STREQ(rows[i].text, text_of(self, OFFLOAD_TX));
		EXPECT_STREQ(rows[i].state, offload_state(&self->d, OFFLOAD_RX));
		seen |= 1U << rows[i].tx;
	}
	EXPECT_EQ((2U << OBSTACLE_UNKNOWN) - 1, seen);
	for (int i = OBSTACLE_NONE; i <= OBSTACLE_UNKNOWN; i++)
		for (int j = OBSTACLE_NONE; j < i; j++)
			EXPECT_NE(0, strcmp(obstacle_name(i), obstacle_name(j)));
}

/* Receiving needs the checksums of what comes, sending those of what goes. */
TEST_F(offload, directions_are_judged_by_themselves)
{
	self->d.features.states[NETLINK_RX_CHECKSUM].on = false;
	judge(self, NETLINK_TLS_DEVICE_YES);
	EXPECT_EQ(OBSTACLE_OFF, self->d.obstacles[OFFLOAD_TX]);
	EXPECT_EQ(OBSTACLE_CHECKSUM, self->d.obstacles[OFFLOAD_RX]);
	EXPECT_STREQ("needs checksum offload first: ethtool -K nic0 rx on",
		     text_of(self, OFFLOAD_RX));
}

TEST_F(offload, a_device_that_only_receives)
{
	self->d.features.states[NETLINK_TLS_RX].on = true;
	judge(self, NETLINK_TLS_DEVICE_YES);
	EXPECT_EQ(OBSTACLE_NONE, self->d.obstacles[OFFLOAD_RX]);
	EXPECT_STREQ("without sending it breaks connections, and the kernel, once nic0 goes down: "
		     "ktls-setup offload off nic0 rx",
		     text_of(self, OFFLOAD_RX));
	self->d.features.states[NETLINK_TLS_TX].on = true;
	judge(self, NETLINK_TLS_DEVICE_YES);
	EXPECT_STREQ("", text_of(self, OFFLOAD_RX));
}

/* ---- which can be changed -------------------------------------------------------------------- */

static void only_sends(struct test_self_offload *self)
{
	self->d.features.states[NETLINK_TLS_RX].changeable = false;
	judge(self, NETLINK_TLS_DEVICE_YES);
}

TEST_F(offload, what_the_device_has_is_meant_where_nothing_is_named)
{
	bool directions[] = { true, true };

	judge(self, NETLINK_TLS_DEVICE_YES);
	EXPECT_EQ(-1, offload_choose(&self->d, false, directions));
	EXPECT_TRUE(directions[OFFLOAD_TX] && directions[OFFLOAD_RX]);
	only_sends(self);
	EXPECT_EQ(-1, offload_choose(&self->d, false, directions));
	EXPECT_TRUE(directions[OFFLOAD_TX]);
	EXPECT_FALSE(directions[OFFLOAD_RX]);
}

TEST_F(offload, what_is_named_and_not_there_is_refused)
{
	bool both[] = { true, true }, rx[] = { false, true };

	only_sends(self);
	EXPECT_EQ(OFFLOAD_RX, offload_choose(&self->d, true, both));
	EXPECT_TRUE(both[OFFLOAD_TX] && both[OFFLOAD_RX]);
	EXPECT_EQ(OFFLOAD_RX, offload_choose(&self->d, true, rx));
}

TEST_F(offload, a_device_that_has_nothing_is_refused)
{
	bool both[] = { true, true };

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		enum obstacle o = rows[i].tx;
		bool may = rows[i].feature == ON || rows[i].feature == OFF ||
			   rows[i].feature == WANTED;

		make(self, &rows[i]);
		may = may && o != OBSTACLE_LOOPBACK && o != OBSTACLE_KERNEL &&
		      o != OBSTACLE_STACKED && o != OBSTACLE_UNKNOWN;
		EXPECT_EQ(may ? -1 : OFFLOAD_TX, offload_choose(&self->d, false, both));
		EXPECT_TRUE(both[OFFLOAD_TX] && both[OFFLOAD_RX]);
	}
}

/* ---- refusals -------------------------------------------------------------------------------- */

/* What a call of refuse() writes to standard output. */
static char *printed(const struct options *o, const char *name)
{
	static char out[1024];
	FILE *f = tmpfile();
	int was = dup(STDOUT_FILENO);
	ssize_t n;

	ASSERT_TRUE(f && was >= 0);
	fflush(stdout);
	ASSERT_EQ(STDOUT_FILENO, dup2(fileno(f), STDOUT_FILENO));
	EXPECT_EQ(1, refuse_device(o, name));
	fflush(stdout);
	ASSERT_EQ(STDOUT_FILENO, dup2(was, STDOUT_FILENO));
	close(was);
	n = pread(fileno(f), out, sizeof(out) - 1, 0);
	ASSERT_GE(n, 0);
	out[n] = 0;
	fclose(f);
	return out;
}

TEST(refusals_are_json_where_that_is_asked_for)
{
	struct options o = { 0 };

	EXPECT_STREQ("", printed(&o, "a\"b"));
	o.given = OPTION_JSON;
	EXPECT_STREQ("{ \"error\": \"NO_DEVICE\", \"text\": \"no such device: a\\\"b: "
		     "\\\"ktls-setup offload show\\\" lists them\" }\n",
		     printed(&o, "a\"b"));
}

TEST(errors_of_files_say_what_mends_them)
{
	char text[512];

	EXPECT_EQ(REFUSAL_NEEDS_ROOT, refusal_of_file("/x", -EACCES, text, sizeof(text)));
	EXPECT_STREQ("/x: Permission denied: this needs root", text);
	EXPECT_EQ(REFUSAL_READ_ONLY, refusal_of_file("/x", -EROFS, text, sizeof(text)));
	EXPECT_TRUE(strstr(text, "--dry-run"));
	EXPECT_EQ(REFUSAL_SYSTEM, refusal_of_file("/x", -ENOSPC, text, sizeof(text)));
	EXPECT_STREQ("/x: No space left on device", text);
}

TEST(refusals_have_names_of_their_own)
{
	for (int i = 0; i < REFUSALS; i++) {
		ASSERT_TRUE(refusal_name(i));
		for (int j = 0; j < i; j++)
			EXPECT_NE(0, strcmp(refusal_name(i), refusal_name(j)));
	}
}

TEST_HARNESS_MAIN
