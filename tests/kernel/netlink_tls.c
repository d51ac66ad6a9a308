/* SPDX-License-Identifier: MIT */
/*
 * What the kernel tells of a socket's records (lib/netlink/tls.c). Over the loopback device it is
 * always the kernel that has them: offload.sh has the device.
 */
#include <errno.h>
#include <grp.h>
#include <linux/tls.h>
#include <sys/socket.h>
#include <unistd.h>

#include <ktls.h>

#include "lib/ktls/kernel.h"
#include "lib/netlink/tls.h"
#include "tests/harness/harness.h"
#include "tests/harness/keyed.h"

FIXTURE(keyed)
{
	struct netlink *nl;
	int fd[2]; /* fd[0] has the ULP */
	struct netlink_socket socket;
	struct netlink_tls tls;
};

FIXTURE_VARIANT(keyed)
{
	uint16_t version, suite, cipher;
};

FIXTURE_VARIANT_ADD(keyed, tls12){ KTLS_TLS_1_2, KTLS_ECDHE_ECDSA_AES_256_GCM_SHA384,
				   TLS_CIPHER_AES_GCM_256 };
FIXTURE_VARIANT_ADD(keyed, tls13){ KTLS_TLS_1_3, KTLS_CHACHA20_POLY1305_SHA256,
				   TLS_CIPHER_CHACHA20_POLY1305 };

FIXTURE_SETUP(keyed)
{
	if (!keyed_or_skip())
		return;
	keyed_pair(self->fd);
	ASSERT_EQ(0, netlink_open(&self->nl));
	ASSERT_EQ(0, netlink_socket_of(self->fd[0], &self->socket));
}

FIXTURE_TEARDOWN(keyed)
{
	netlink_close(self->nl);
	close(self->fd[0]);
	close(self->fd[1]);
}

static void look(struct test_self_keyed *self)
{
	ASSERT_EQ(0, netlink_tls_get(self->nl, &self->socket, &self->tls));
}

static void install(struct test_self_keyed *self, const struct test_variant_keyed *variant,
		    bool transmit)
{
	struct ktls_traffic_key key = keyed_key(variant->version, variant->suite, 1);

	keyed_install(self->fd[0], transmit, &key);
}

TEST_F(keyed, one_direction_after_the_other)
{
	look(self);
	EXPECT_EQ(0, self->tls.version);
	EXPECT_EQ(NETLINK_RECORDS_PLAIN, self->tls.tx);
	EXPECT_EQ(NETLINK_RECORDS_PLAIN, self->tls.rx);
	install(self, variant, true);
	look(self);
	EXPECT_EQ(variant->version, self->tls.version);
	EXPECT_EQ(variant->cipher, self->tls.cipher);
	EXPECT_EQ(NETLINK_RECORDS_SW, self->tls.tx);
	EXPECT_EQ(NETLINK_RECORDS_PLAIN, self->tls.rx);
	install(self, variant, false);
	look(self);
	EXPECT_EQ(NETLINK_RECORDS_SW, self->tls.rx);
	EXPECT_FALSE(self->tls.zerocopy);
	EXPECT_FALSE(self->tls.no_pad);
}

/* The peer of this socket has no ULP. */
TEST_F(keyed, the_other_end)
{
	ASSERT_EQ(0, netlink_socket_of(self->fd[1], &self->socket));
	EXPECT_EQ(-ENODATA, netlink_tls_get(self->nl, &self->socket, &self->tls));
}

TEST_F(keyed, the_length_of_records)
{
	int error;

	install(self, variant, true);
	if (kernel_limit(self->fd[0], 1000, &error) < 0) {
		EXPECT_EQ(ENOPROTOOPT, error);
		look(self);
		EXPECT_EQ(0, self->tls.payload_max);
		return;
	}
	look(self);
	EXPECT_EQ(1000, self->tls.payload_max);
}

/* Linux 6.12 says nothing to a user, 7.2 says the same as to root. */
TEST_F(keyed, without_privileges)
{
	struct netlink_tls seen = { .version = 1 };
	int ret;

	install(self, variant, true);
	look(self);
	ASSERT_EQ(0, setgroups(0, NULL));
	ASSERT_EQ(0, setresgid(65534, 65534, 65534));
	ASSERT_EQ(0, setresuid(65534, 65534, 65534));
	netlink_close(self->nl);
	ASSERT_EQ(0, netlink_open(&self->nl));
	ret = netlink_tls_get(self->nl, &self->socket, &seen);
	if (ret == 0) {
		EXPECT_EQ(self->tls.version, seen.version);
		EXPECT_EQ(self->tls.tx, seen.tx);
		return;
	}
	EXPECT_EQ(-ENODATA, ret);
	EXPECT_EQ(1, seen.version);
}

TEST_HARNESS_MAIN
