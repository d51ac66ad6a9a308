/* SPDX-License-Identifier: MIT */
/*
 * What the kernel says of network devices over netlink: which there are, how they stack, which
 * features they have. Linux: Documentation/userspace-api/netlink/intro.rst.
 *
 * Everything is of the network namespace in which netlink_open() was called. One thread at a time
 * uses a struct netlink. Errors are negative errno; netlink_text() has the kernel's own words.
 */
#ifndef KTLS_NETLINK_NETLINK_H
#define KTLS_NETLINK_NETLINK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct netlink;

/* Returns 0 or a negative errno, *out is unwritten then. */
int netlink_open(struct netlink **out) __attribute__((warn_unused_result));

void netlink_close(struct netlink *nl);

/* What the kernel said of the last call that failed, in English; "" where it said nothing. */
const char *netlink_text(const struct netlink *nl);

/* ---- devices -------------------------------------------------------------------------------- */

#define NETLINK_NAME_MAX 16 /* bytes, the 0 included */
#define NETLINK_KIND_MAX 32

struct netlink_device {
	int index;
	char name[NETLINK_NAME_MAX];
	char kind[NETLINK_KIND_MAX]; /* "vlan", "bond", "veth", ...; "": a device of its own */
	int lower;  /* index of the device that it stands on, in this namespace; 0: none */
	int master; /* index of the bond, team or bridge that has it; 0: none */
	/* A bond that gives each connection to one of its devices for good, by addresses and ports:
	 * mode 802.3ad or balance-xor, transmit hash policy layer3+4. */
	bool by_connection;
	bool up;
	bool carrier;
	bool loopback;
	bool ethernet;
};

/* All of them, by index. The caller frees *out. Returns 0 or a negative errno. */
int netlink_devices(struct netlink *nl, struct netlink_device **out, size_t *len)
	__attribute__((warn_unused_result));

/*
 * A device that passes packets on to others, or makes other packets of them. The kernel asks the
 * device that a socket's route names whether it can TLS, and of all that stack, bonds that go by
 * connection alone name the one below (Linux: drivers/net/bonding, bond_sk_get_lower_dev()).
 */
bool netlink_device_stacked(const struct netlink_device *device);

bool netlink_device_is_bond(const struct netlink_device *device);

/* One of a bond's, and connections may go by it now. */
bool netlink_device_carries(const struct netlink_device *device, const struct netlink_device *bond);

/* ---- features (ethtool) ---------------------------------------------------------------------- */

enum netlink_feature {
	NETLINK_TLS_TX, /* tls-hw-tx-offload */
	NETLINK_TLS_RX,
	NETLINK_TX_CHECKSUM, /* any of those that TLS needs */
	NETLINK_RX_CHECKSUM,
	NETLINK_FEATURES,
};

struct netlink_feature_state {
	bool known; /* the kernel has such a feature */
	bool on;
	bool wanted;     /* asked for, and on as soon as nothing stands in the way */
	bool changeable; /* the driver allows it to be changed; else it is fixed */
};

struct netlink_features {
	struct netlink_feature_state states[NETLINK_FEATURES];
};

/* "tls-hw-tx-offload". */
const char *netlink_feature_name(enum netlink_feature feature);

/* Returns 0, -ENODEV, -EOPNOTSUPP for a device without features, or another negative errno. */
int netlink_features_get(struct netlink *nl, int index, struct netlink_features *out)
	__attribute__((warn_unused_result));

/*
 * Asks for a feature, or asks it away: TLS_TX or TLS_RX. Returns 0 where the kernel heard it, which
 * does not say that it did it: see netlink_features_get(). -EPERM without CAP_NET_ADMIN,
 * -EOPNOTSUPP where there is no such feature, -ENODEV.
 */
int netlink_features_set(struct netlink *nl, int index, enum netlink_feature feature, bool on)
	__attribute__((warn_unused_result));

/* ---- drivers (ethtool's ioctl) ----------------------------------------------------------------
 */

#define NETLINK_DRIVER_MAX  32
#define NETLINK_COUNTER_MAX 32

struct netlink_counter {
	char name[NETLINK_COUNTER_MAX + 1];
	uint64_t value;
};

/* The driver's name; -EOPNOTSUPP where there is none, with out "". */
int netlink_driver(struct netlink *nl, const char *device, char out[static NETLINK_DRIVER_MAX])
	__attribute__((warn_unused_result));

/* Its firmware's version, as the driver spells it; the same way, "" where it names none. */
int netlink_firmware(struct netlink *nl, const char *device, char out[static NETLINK_DRIVER_MAX])
	__attribute__((warn_unused_result));

#define NETLINK_ADDRESS_MAX 32 /* bytes */

/*
 * The address that the device came with, whatever it has now; out_len is 0 where it has none of its
 * own, as most virtual devices.
 */
int netlink_permanent_address(struct netlink *nl, const char *device,
			      uint8_t out[static NETLINK_ADDRESS_MAX], size_t *out_len)
	__attribute__((warn_unused_result));

/*
 * The driver's counters (ethtool -S) with "tls" in their names. The caller frees *out. Returns 0,
 * or a negative errno: -EOPNOTSUPP where it has no counters at all.
 */
int netlink_counters(struct netlink *nl, const char *device, struct netlink_counter **out,
		     size_t *len) __attribute__((warn_unused_result));

#endif
