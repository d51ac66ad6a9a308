/* SPDX-License-Identifier: MIT */
/* The devices of nicsim.h, and main(). */
#include "tests/harness/nicsim.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/ethtool.h>
#include <linux/sockios.h>
#include <net/if.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "lib/crypto/util.h"
#include "tests/harness/daemon.h"
#include "tests/harness/internal.h"

#define WORDS 8 /* of features: 32 each */
#define PROFILE                                                            \
	"server-users = *\nclient-users = *\ntls-min = 1.2\ntickets = 0\n" \
	"records = require-kernel\n"

enum { NS_A, NS_B, NS_WIRE, NAMESPACES };

static const char *const names[NAMESPACES] = { "a", "b", "wire" };
static const char *const devices[] = { [NICSIM_A] = "nic0a", [NICSIM_B] = "nic1b" };

static struct {
	int home; /* namespaces */
	int ns[NAMESPACES];
	int control[NAMESPACES]; /* sockets to ask for their devices */
	struct daemon daemon[2];
} nicsim;

const char *nicsim_ktlsd(enum nicsim_end end)
{
	return nicsim.daemon[end].socket;
}

/* ---- namespaces ------------------------------------------------------------------------------
 */

static int open_namespace(const char *path)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);

	ASSERT_GE(fd, 0);
	return fd;
}

void nicsim_enter(enum nicsim_end end)
{
	ASSERT_EQ(0, setns(nicsim.ns[end], CLONE_NEWNET));
}

void nicsim_leave(void)
{
	ASSERT_EQ(0, setns(nicsim.home, CLONE_NEWNET));
}

/* A socket stays in the namespace that it was made in. */
static int socket_in(int ns, int domain, int type, int protocol)
{
	int fd;

	ASSERT_EQ(0, setns(nicsim.ns[ns], CLONE_NEWNET));
	fd = socket(domain, type | SOCK_CLOEXEC, protocol);
	ASSERT_EQ(0, setns(nicsim.home, CLONE_NEWNET));
	ASSERT_GE(fd, 0);
	return fd;
}

int nicsim_socket(enum nicsim_end end, int domain, int type, int protocol)
{
	return socket_in(end == NICSIM_A ? NS_A : NS_B, domain, type, protocol);
}

int nicsim_wire_socket(int domain, int type, int protocol)
{
	return socket_in(NS_WIRE, domain, type, protocol);
}

uint64_t nicsim_stat(enum nicsim_end end, const char *name)
{
	unsigned long long value = 0, found = 0;
	char line[33];
	FILE *f;

	nicsim_enter(end);
	f = fopen("/proc/thread-self/net/tls_stat", "re");
	nicsim_leave();
	ASSERT_NOT_NULL(f);
	while (found == 0 && fscanf(f, "%32s %llu", line, &value) == 2)
		found = strcmp(line, name) == 0;
	fclose(f);
	EXPECT_EQ(1, found);
	return value;
}

/* ---- ethtool ---------------------------------------------------------------------------------
 */

static int ethtool(int ns, const char *device, void *command)
{
	struct ifreq ifr = { .ifr_data = command };

	snprintf(ifr.ifr_name, sizeof(ifr.ifr_name), "%s", device);
	return ioctl(nicsim.control[ns], SIOCETHTOOL, &ifr);
}

/* The caller frees it. */
static struct ethtool_gstrings *strings_of(int ns, const char *device, uint32_t set)
{
	struct {
		struct ethtool_sset_info info;
		uint32_t len;
	} ask = { .info = { .cmd = ETHTOOL_GSSET_INFO, .sset_mask = UINT64_C(1) << set } };
	struct ethtool_gstrings *strings;

	ASSERT_EQ(0, ethtool(ns, device, &ask));
	strings = calloc(1, sizeof(*strings) + (size_t)ask.len * ETH_GSTRING_LEN);
	ASSERT_NOT_NULL(strings);
	strings->cmd = ETHTOOL_GSTRINGS;
	strings->string_set = set;
	strings->len = ask.len;
	ASSERT_EQ(0, ethtool(ns, device, strings));
	return strings;
}

static uint32_t index_of(const struct ethtool_gstrings *strings, const char *name)
{
	uint32_t i = 0;

	while (i < strings->len &&
	       strncmp((const char *)strings->data + (size_t)i * ETH_GSTRING_LEN, name,
		       ETH_GSTRING_LEN) != 0)
		i++;
	ASSERT_LT(i, strings->len);
	return i;
}

static void feature(int ns, const char *device, const char *name, bool on)
{
	struct ethtool_gstrings *strings = strings_of(ns, device, ETH_SS_FEATURES);
	uint32_t i = index_of(strings, name);
	struct {
		struct ethtool_sfeatures head;
		struct ethtool_set_features_block words[WORDS];
	} set = { .head = { .cmd = ETHTOOL_SFEATURES, .size = (strings->len + 31) / 32 } };

	ASSERT_LE(set.head.size, WORDS);
	set.words[i / 32].valid = 1U << i % 32;
	set.words[i / 32].requested = on ? 1U << i % 32 : 0;
	ASSERT_GE(ethtool(ns, device, &set), 0);
	free(strings);
}

void nicsim_feature(enum nicsim_end end, const char *name, bool on)
{
	feature((int)end, devices[end], name, on);
}

void nicsim_offload(enum nicsim_end end, bool tx, bool rx)
{
	nicsim_feature(end, "tls-hw-tx-offload", tx);
	nicsim_feature(end, "tls-hw-rx-offload", rx);
}

void nicsim_large_packets(bool on)
{
	static const struct {
		int ns;
		const char *device;
	} all[] = {
		{ NS_A, "nic0a" }, { NS_WIRE, "nic0b" }, { NS_WIRE, "nic1a" }, { NS_B, "nic1b" }
	};

	for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++) {
		feature(all[i].ns, all[i].device, "tx-tcp-segmentation", on);
		feature(all[i].ns, all[i].device, "tx-generic-segmentation", on);
	}
}

uint64_t nicsim_counter(enum nicsim_end end, const char *name)
{
	struct ethtool_gstrings *strings = strings_of((int)end, devices[end], ETH_SS_STATS);
	struct ethtool_stats *stats =
		calloc(1, sizeof(*stats) + strings->len * sizeof(stats->data[0]));
	uint64_t value;

	ASSERT_NOT_NULL(stats);
	stats->cmd = ETHTOOL_GSTATS;
	stats->n_stats = strings->len;
	ASSERT_EQ(0, ethtool((int)end, devices[end], stats));
	value = stats->data[index_of(strings, name)];
	free(stats);
	free(strings);
	return value;
}

/* ---- what else -------------------------------------------------------------------------------
 */

void nicsim_set(const char *parameter, unsigned int value)
{
	char path[96];
	FILE *f;

	snprintf(path, sizeof(path), "/sys/module/nicsim/parameters/%s", parameter);
	f = fopen(path, "we");
	ASSERT_NOT_NULL(f);
	fprintf(f, "%u", value);
	ASSERT_EQ(0, fclose(f));
}

void nicsim_up(enum nicsim_end end, bool up)
{
	struct ifreq ifr = { 0 };

	snprintf(ifr.ifr_name, sizeof(ifr.ifr_name), "%s", devices[end]);
	ASSERT_EQ(0, ioctl(nicsim.control[end], SIOCGIFFLAGS, &ifr));
	ifr.ifr_flags = (short)(up ? ifr.ifr_flags | IFF_UP : ifr.ifr_flags & ~IFF_UP);
	ASSERT_EQ(0, ioctl(nicsim.control[end], SIOCSIFFLAGS, &ifr));
}

void nicsim_calm(void)
{
	static const char *const faults[] = { "drop_local", "drop_wire",    "corrupt", "reorder",
					      "tx_helper",  "rx_core_hint", "refuse" };

	for (size_t i = 0; i < sizeof(faults) / sizeof(faults[0]); i++)
		nicsim_set(faults[i], 0);
	nicsim_set("max_ctx", 1024);
	nicsim_set("ciphers", 3);
	/* What the ends send, and not what is forwarded: one fault a packet. */
	nicsim_set("fault_ports", 1U << 0 | 1U << 3);
	for (int end = NICSIM_A; end <= NICSIM_B; end++) {
		nicsim_up((enum nicsim_end)end, true);
		nicsim_feature((enum nicsim_end)end, "rx-checksum", true);
		nicsim_offload((enum nicsim_end)end, false, false);
	}
	nicsim_large_packets(true);
}

/* ---- main() ----------------------------------------------------------------------------------
 */

static int shell(const char *command)
{
	char line[128];

	snprintf(line, sizeof(line), "bash -uc '. tests/harness/nicsim.sh; %s'", command);
	return system(line);
}

void nicsim_unload(void)
{
	ASSERT_EQ(0, system("rmmod nicsim"));
}

void nicsim_load(void)
{
	ASSERT_EQ(0, shell("nicsim_wire"));
	nicsim_calm();
}

/* Both have the one folder, which is the first's: a CA for both. */
static void start_daemon(enum nicsim_end end)
{
	struct daemon *d = &nicsim.daemon[end];
	char both[512];

	if (end == NICSIM_A) {
		daemon_prepare(d);
	} else {
		*d = nicsim.daemon[NICSIM_A];
		snprintf(d->socket, sizeof(d->socket), "%s/socket-b", d->dir);
		snprintf(d->config, sizeof(d->config), "%s/ktlsd-b.conf", d->dir);
		snprintf(d->log, sizeof(d->log), "%s/log-b", d->dir);
	}
	snprintf(both, sizeof(both),
		 "[profile both]\ncertificate = %s/server.pem\nkey = %s/server.key\n"
		 "trust = %s/ca.pem\n" PROFILE,
		 d->dir, d->dir, d->dir);
	daemon_configure(d, "workers = 1\nlog = stderr\n", PROFILE "tls-max = 1.2\n", both);
	nicsim_enter(end);
	daemon_start(d);
	nicsim_leave();
}

static void begin(void)
{
	char path[32];

	ASSERT_EQ(0, shell("nicsim_wire"));
	nicsim.home = open_namespace("/proc/self/ns/net");
	for (int i = 0; i < NAMESPACES; i++) {
		snprintf(path, sizeof(path), "/run/netns/%s", names[i]);
		nicsim.ns[i] = open_namespace(path);
		nicsim.control[i] = socket_in(i, AF_INET, SOCK_DGRAM, 0);
	}
	nicsim_calm();
	start_daemon(NICSIM_A);
	start_daemon(NICSIM_B);
}

static void end(void)
{
	nicsim.daemon[NICSIM_B].dir[0] = '\0';
	daemon_close(&nicsim.daemon[NICSIM_B]);
	daemon_close(&nicsim.daemon[NICSIM_A]);
	for (int i = 0; i < NAMESPACES; i++) {
		close(nicsim.control[i]);
		close(nicsim.ns[i]);
	}
	EXPECT_EQ(0, shell("nicsim_remove"));
}

static bool lists_only(int argc, char **argv)
{
	return argc > 1 && (strcmp(argv[1], "-l") == 0 || strcmp(argv[1], "-h") == 0);
}

int nicsim_main(int argc, char **argv)
{
	static struct test_result outside; /* checks are made outside of tests, too */
	int status;

	if (lists_only(argc, argv))
		return test_harness_main(argc, argv);
	if (!getenv("KTLS_NICSIM")) {
		printf("TAP version 13\n1..0 # SKIP no nicsim: KTLS_NICSIM names the module\n");
		return 0;
	}
	test_result = &outside;
	ASSERT_EQ(0, crypto_init());
	cert_share_keys(CERT_P256, 2);
	begin();
	status = test_harness_main(argc, argv);
	test_result = &outside;
	end();
	return status != 0 ? status : atomic_load(&outside.failures) > 0;
}
