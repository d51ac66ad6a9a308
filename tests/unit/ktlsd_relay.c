/* SPDX-License-Identifier: MIT */
/* Connections whose records ktlsd's relays carry: what comes with them, and what they are like. */
#include <arpa/inet.h>

#include "tests/unit/ktlsd_relay.h"

FIXTURE_SETUP(relays)
{
	open_relays(self, "workers = 1\nlog = stderr\n");
}

FIXTURE_TEARDOWN(relays)
{
	close_relays(self);
}

/* ---- the reply ------------------------------------------------------------------------------- */

static void expect_address(const struct sockaddr *address, in_port_t port)
{
	const struct sockaddr_in *in = (const void *)address;

	ASSERT_NOT_NULL(address);
	ASSERT_EQ(AF_INET, address->sa_family);
	EXPECT_EQ(htonl(INADDR_LOOPBACK), in->sin_addr.s_addr);
	EXPECT_EQ(port, in->sin_port);
}

TEST_F(relays, come_with_the_reply)
{
	struct sockaddr_in name[2];
	struct ktls_info info;
	int before;

	ktls_get_info(self->k, &info);
	EXPECT_TRUE(info.capabilities & KTLS_CAN_RELAY);
	tcp_pair(self->fd, 0);
	for (size_t i = 0; i < 2; i++) {
		socklen_t len = sizeof(name[i]);

		ASSERT_EQ(0, getsockname(self->fd[i], (struct sockaddr *)&name[i], &len));
	}
	before = open_descriptors();
	hand_over(self);
	expect_relayed(self);
	EXPECT_EQ(before, open_descriptors());
	for (size_t i = 0; i < 2; i++) {
		expect_address(self->reply[i]->local, name[i].sin_port);
		expect_address(self->reply[i]->peer, name[1 - i].sin_port);
		EXPECT_NOT_NULL(strstr(self->reply[i]->text, "a relay has the records"));
	}
	expect_carried(self);
	EXPECT_TRUE(daemon_logged(&self->daemon, "tx=relay rx=relay"));
}

TEST_F(relays, keep_flags_of_descriptors)
{
	tcp_pair(self->fd, 0);
	ASSERT_EQ(0, fcntl(self->fd[0], F_SETFD, 0));
	ASSERT_EQ(0, fcntl(self->fd[1], F_SETFL, O_RDWR | O_NONBLOCK));
	hand_over(self);
	expect_relayed(self);
	EXPECT_EQ(0, fcntl(self->fd[0], F_GETFD));
	EXPECT_EQ(FD_CLOEXEC, fcntl(self->fd[1], F_GETFD));
	EXPECT_FALSE(fcntl(self->fd[0], F_GETFL) & O_NONBLOCK);
	EXPECT_TRUE(fcntl(self->fd[1], F_GETFL) & O_NONBLOCK);
}

TEST_HARNESS_MAIN
