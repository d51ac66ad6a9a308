/* SPDX-License-Identifier: MIT */
/*
 * Resumption over sockets, both versions: tickets of one's own, opened now or later, and all that
 * declines one. A declined ticket is no failure: a full handshake follows.
 */
#include "tests/unit/conn_resume.h"

TEST_F(resume, again_and_again)
{
	expect_full(self);
	for (int i = 0; i < 5; i++)
		expect_resumed(self);
	EXPECT_EQ(5, holder.opened);
	EXPECT_GE(holder.sealed, 1);
}

TEST_F(resume, not_without_tickets)
{
	self->as_server.tickets = 0;
	expect_full(self);
	expect_full(self);
	EXPECT_EQ(0, holder.sealed);
	EXPECT_EQ(0, session_store_count(self->conns.loop->sessions));
}

TEST_F(resume, not_with_a_name_left_out)
{
	self->as_server.name = NULL;
	expect_full(self);
	EXPECT_EQ(0, holder.sealed);
	self->as_client.name = NULL;
	expect_full(self);
}

/* ---- who may use which ------------------------------------------------------------------------
 */

TEST_F(resume, not_anothers)
{
	expect_full(self);
	self->owner = 1000;
	expect_full(self);
	expect_resumed(self);
	self->owner = 0;
	expect_resumed(self);
}

TEST_F(resume, not_another_profiles)
{
	expect_full(self);
	self->as_client.name = "another";
	expect_full(self);
	self->as_client.name = "default";
	expect_resumed(self);
}

TEST_F(resume, not_of_another_name)
{
	expect_full(self);
	self->name = "a.wild.example";
	expect_full(self);
	if (variant->version == KTLS_TLS_1_3) /* in 1.2 our engine is particular */
		self->name = "EXAMPLE.com.";
	else
		self->name = "example.com.";
	expect_resumed(self);
}

/* Two profiles of a server, one key: the client comes to the other one. */
TEST_F(resume, ticket_of_another_profile)
{
	expect_full(self);
	self->as_server.name = "another";
	expect_full(self);
	EXPECT_EQ(1, holder.opened);
	self->as_server.name = "default";
	expect_full(self); /* what it has now is of the other one */
	expect_resumed(self);
}

/* A CA removed, a list added, client-auth changed: the policy is another one. */
TEST_F(resume, ticket_of_another_policy)
{
	const uint8_t before = self->as_server.policy[7];

	expect_full(self);
	self->as_server.policy[7] ^= 1;
	expect_full(self);
	expect_resumed(self);
	self->as_server.policy[7] = before;
	expect_full(self);
}

TEST_F(resume, ticket_of_a_lost_key)
{
	expect_full(self);
	ticket_secrets_rotate(&holder.secrets);
	ticket_keys_derive(&holder.keys, &holder.secrets);
	expect_resumed(self);
	new_keys();
	expect_full(self);
	expect_resumed(self);
}

/* Whatever is in a ticket that opens: a form to come, or one that is cut off. */
TEST_F(resume, content_that_is_cut_off)
{
	expect_full(self);
	for (holder.cut = 1; holder.whole == 0 || holder.cut < holder.whole; holder.cut += 3)
		expect_full(self);
	EXPECT_GT(holder.cut, 100);
	holder.cut = 0;
	expect_resumed(self);
}

/* ---- ends in between --------------------------------------------------------------------------
 */

/* A handshake that resumes and fails: its session is not tried again. */
TEST_F(resume, session_that_failed)
{
	expect_full(self);
	fake_kernel.tx_result = -KTLS_R_KERNEL_REFUSED;
	handshake(self);
	EXPECT_NE(KTLS_OK, self->client.result.reason);
	fake_kernel.tx_result = 0;
	EXPECT_EQ(0, session_store_count(self->conns.loop->sessions));
	expect_full(self);
}

/* The client goes while its ticket is being opened. */
TEST_F(resume, handshake_that_ends_while_a_ticket_is_opened)
{
	struct conn_request request;

	expect_full(self);
	if (!variant->later)
		return;
	open_pair(&self->client, &self->server, 0);
	request = conns_request(&self->conns, KTLS_CLIENT, &self->client);
	request.profile = &self->as_client;
	conns_start(&self->conns, &request, &self->client);
	request = conns_request(&self->conns, KTLS_SERVER, &self->server);
	request.profile = &self->as_server;
	conns_start(&self->conns, &request, &self->server);
	conns_settle(&self->conns);
	ASSERT_TRUE(holder.due);
	conn_abandon(self->server.conn);
	answer();
	conn_abandon(self->client.conn);
	conns_settle(&self->conns);
	close(self->client.fd);
	close(self->server.fd);
	EXPECT_EQ(KTLS_R_CANCELLED, self->server.result.reason);
}

TEST_HARNESS_MAIN
